import { css } from 'lit'

/** For the controls of one link or one host, in the panel and in the popover. */
export const targetStyles = css`
  :host {
    display: grid;
    gap: calc(var(--pk-space) * 3);
  }
  .wide {
    width: 100%;
  }
  .pair {
    display: grid;
    grid-auto-columns: 1fr;
    grid-auto-flow: column;
    gap: calc(var(--pk-space) * 2);
  }
  .state {
    font-size: var(--pk-size-small);
    color: var(--pk-muted);
  }
  .head {
    display: flex;
    align-items: center;
    gap: calc(var(--pk-space) * 2);
    font-size: var(--pk-size-small);
  }
  .head label {
    font-weight: 500;
  }
  .head output {
    font-weight: 600;
    text-align: right;
  }
  .reset:not(.link) {
    margin-left: auto;
    width: 24px;
    min-height: 24px;
    padding: 0;
  }
  .reset:disabled {
    visibility: hidden;
  }
  details summary {
    width: fit-content;
    color: var(--pk-muted);
    font-size: var(--pk-size-small);
    cursor: pointer;
    border-radius: var(--pk-radius);
  }
  .more {
    display: grid;
    gap: calc(var(--pk-space) * 2);
    padding-top: calc(var(--pk-space) * 2);
  }
`
