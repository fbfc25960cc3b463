import { css } from 'lit'

export const ringStyles = css`
  :host {
    display: block;
    container-type: inline-size;
    min-width: 0;
  }
  .ring {
    display: grid;
    justify-items: center;
    align-items: start;
    gap: calc(var(--pk-space) * 2) calc(var(--pk-space) * 4);
    padding: calc(var(--pk-space) * 3) calc(var(--pk-space) * 4) calc(var(--pk-space) * 4);
  }
  @container (min-width: 560px) {
    .ring {
      grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
    }
    h4 {
      grid-column: 1 / -1;
    }
  }
  h4 {
    justify-self: start;
    margin: 0;
    font-size: var(--pk-size);
    font-weight: 600;
  }
  h4 small {
    color: var(--pk-muted);
    font-size: var(--pk-size-small);
    font-weight: 400;
  }
  svg {
    width: 100%;
    max-width: calc(var(--pk-size) * 24);
  }
  .told {
    width: 100%;
  }
  .track {
    fill: none;
    stroke: var(--pk-line);
    stroke-width: 14;
  }
  .piece {
    fill: none;
    stroke: currentColor;
    stroke-width: 14;
  }
  .key {
    fill: none;
    stroke: currentColor;
    stroke-width: 4;
    stroke-linecap: round;
  }
  .stale {
    opacity: 0.35;
  }
  .halo {
    stroke: var(--pk-text);
    stroke-width: 8.5;
  }
  .big {
    stroke-width: 6;
  }
  .pick line {
    stroke: currentColor;
    stroke-width: 0.8;
    opacity: 0.6;
  }
  .pick circle {
    fill: currentColor;
  }
  .server circle {
    fill: var(--pk-surface);
    stroke: currentColor;
    stroke-width: 3;
  }
  .server.out circle {
    stroke-dasharray: 3 3;
  }
  .server text {
    fill: var(--pk-text);
    font-family: var(--pk-font);
    text-anchor: middle;
    dominant-baseline: central;
  }
  .server.out text {
    fill: var(--pk-muted);
  }
  .faint {
    opacity: 0.15;
  }
  table {
    width: 100%;
    border-collapse: collapse;
    font-size: var(--pk-size-small);
  }
  th,
  td {
    padding: calc(var(--pk-space) * 0.5) calc(var(--pk-space) * 1.5) calc(var(--pk-space) * 0.5) 0;
    font-weight: 400;
    text-align: right;
    white-space: nowrap;
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
  th button {
    min-height: calc(var(--pk-space) * 6);
    padding: 0 calc(var(--pk-space) * 2);
  }
  th button[aria-pressed='true'] {
    border-color: var(--pk-accent);
    background: var(--pk-accent-soft);
  }
  .dot {
    display: inline-block;
    width: 0.8em;
    height: 0.8em;
    border-radius: 2px;
    background: currentColor;
  }
  .hint {
    margin: calc(var(--pk-space) * 2) 0 0;
    color: var(--pk-muted);
    font-size: var(--pk-size-small);
  }
  ol {
    max-height: calc(var(--pk-size) * 12);
    margin: calc(var(--pk-space) * 2) 0 0;
    padding: 0;
    overflow: auto;
    list-style: none;
    font-size: var(--pk-size-small);
  }
  li {
    display: grid;
    grid-template-columns: calc(var(--pk-size) * 5) minmax(0, 1fr);
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
    .piece,
    .key,
    .pick {
      forced-color-adjust: none;
    }
  }
`
