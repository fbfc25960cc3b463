import { css } from 'lit'

/** A panel that tells figures in a table, and lists moments that can be gone to. */
export const figures = css`
  :host {
    display: block;
    container-type: inline-size;
    min-width: 0;
  }
  h4 {
    margin: 0;
    font-size: var(--pk-size);
    font-weight: 600;
  }
  table {
    width: 100%;
    border-collapse: collapse;
    font-size: var(--pk-size-small);
  }
  th,
  td {
    padding: calc(var(--pk-space) * 0.5) calc(var(--pk-space) * 1.5) calc(var(--pk-space) * 0.5) 0;
    text-align: right;
    white-space: nowrap;
  }
  th {
    font-weight: 400;
  }
  th:first-child {
    text-align: left;
  }
  td:last-child,
  th:last-child {
    padding-right: 0;
  }
  thead th {
    color: var(--pk-muted);
    font-size: var(--pk-size-tiny);
  }
  .dot {
    display: inline-block;
    width: 0.8em;
    height: 0.8em;
    border-radius: 2px;
    background: currentColor;
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
    .dot {
      forced-color-adjust: none;
    }
  }
`
