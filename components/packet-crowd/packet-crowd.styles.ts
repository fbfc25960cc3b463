import { css } from 'lit'

export const crowdStyles = css`
  :host {
    display: block;
    container-type: inline-size;
    min-width: 0;
  }
  .crowd {
    display: grid;
    gap: calc(var(--pk-space) * 4) calc(var(--pk-space) * 8);
    padding: calc(var(--pk-space) * 3) calc(var(--pk-space) * 4) calc(var(--pk-space) * 4);
  }
  @container (min-width: 640px) {
    .crowd {
      grid-template-columns: minmax(0, 2fr) minmax(0, 3fr);
    }
  }
  h4 {
    margin: 0 0 calc(var(--pk-space) * 1);
    font-size: var(--pk-size);
    font-weight: 600;
  }
  h5 {
    margin: calc(var(--pk-space) * 3) 0 calc(var(--pk-space) * 1);
    font-size: var(--pk-size-small);
    font-weight: 600;
  }
  table {
    width: 100%;
    border-collapse: collapse;
    font-size: var(--pk-size-small);
  }
  th,
  td {
    padding: calc(var(--pk-space) * 0.75) calc(var(--pk-space) * 1.5) calc(var(--pk-space) * 0.75) 0;
    text-align: right;
    white-space: nowrap;
  }
  th:first-child {
    font-weight: 400;
    text-align: left;
  }
  thead th {
    color: var(--pk-muted);
    font-size: var(--pk-size-tiny);
    font-weight: 400;
  }
  td.share {
    width: 40%;
  }
  td:last-child {
    padding-right: 0;
  }
  td button {
    min-height: calc(var(--pk-space) * 6);
  }
  .dot {
    display: inline-block;
    width: 0.8em;
    height: 0.8em;
    margin-right: calc(var(--pk-space) * 1.5);
    border-radius: 2px;
    background: currentColor;
  }
  .bar {
    display: block;
    height: 0.6em;
    border-radius: 2px;
    background: currentColor;
    transform-origin: left;
  }
  .find {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: calc(var(--pk-space) * 2);
    margin-top: calc(var(--pk-space) * 3);
    font-size: var(--pk-size-small);
  }
  .find input {
    width: 7em;
    min-height: calc(var(--pk-space) * 8);
    padding: var(--pk-space) calc(var(--pk-space) * 2);
    border: 1px solid var(--pk-line-strong);
    border-radius: var(--pk-radius);
    background: var(--pk-surface);
    color: var(--pk-text);
    font: inherit;
  }
  .actions {
    display: flex;
    flex-wrap: wrap;
    gap: calc(var(--pk-space) * 2);
  }
  .state {
    margin: 0 0 calc(var(--pk-space) * 2);
    font-size: var(--pk-size-small);
  }
  .hint {
    margin: 0;
    color: var(--pk-muted);
    font-size: var(--pk-size-small);
  }
  ol {
    max-height: calc(var(--pk-size) * 14);
    margin: 0;
    padding: 0;
    overflow: auto;
    list-style: none;
    font-size: var(--pk-size-small);
  }
  li {
    display: grid;
    grid-template-columns: calc(var(--pk-size) * 6) minmax(0, 1fr);
    align-items: baseline;
    gap: calc(var(--pk-space) * 2);
  }
  li button {
    justify-content: flex-end;
    min-height: calc(var(--pk-space) * 6);
    padding: 0;
    border: 0;
    background: none;
    color: var(--pk-accent);
    font-size: inherit;
    font-variant-numeric: tabular-nums;
  }
  @media (forced-colors: active) {
    .dot,
    .bar {
      forced-color-adjust: none;
    }
  }
`
