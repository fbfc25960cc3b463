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
    min-width: 0;
    color: var(--pk-text);
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
  .groups {
    border-bottom: 1px solid var(--pk-line);
  }
  details {
    border-top: 1px solid var(--pk-line);
  }
  summary {
    display: flex;
    align-items: center;
    gap: calc(var(--pk-space) * 2);
    min-height: calc(var(--pk-space) * 9);
    padding: calc(var(--pk-space) * 1.5) 0;
    font-size: var(--pk-size-small);
    line-height: 1.25;
    cursor: pointer;
    list-style: none;
  }
  summary::-webkit-details-marker {
    display: none;
  }
  summary:hover .name {
    color: var(--pk-accent);
  }
  summary .name {
    flex: none;
    font-weight: 500;
  }
  summary .now {
    flex: 1;
    min-width: 0;
    overflow: hidden;
    color: var(--pk-muted);
    text-align: right;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  summary .now.broken {
    color: var(--pk-lost);
    font-weight: 600;
  }
  summary .icon {
    color: var(--pk-muted);
    rotate: -90deg;
    transition: rotate 120ms;
  }
  details[open] > summary .icon {
    rotate: 0deg;
  }
  @media (pointer: coarse) {
    summary {
      min-height: 44px;
    }
  }
  .more {
    display: grid;
    gap: calc(var(--pk-space) * 3);
    padding: calc(var(--pk-space) * 1) 0 calc(var(--pk-space) * 4);
  }
  .setting select,
  .setting input[type='text'] {
    margin-top: calc(var(--pk-space) * 1);
  }
`
