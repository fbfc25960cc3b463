import { css } from 'lit'

export const faultsStyles = css`
  :host {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: calc(var(--pk-space) * 5);
  }
  section,
  fieldset {
    display: grid;
    gap: calc(var(--pk-space) * 2);
    min-width: 0;
    margin: 0;
    padding: 0;
    border: 0;
  }
  legend {
    margin-bottom: calc(var(--pk-space) * 2);
    padding: 0;
    font-size: var(--pk-size-small);
    font-weight: 600;
  }
  .hint {
    color: var(--pk-muted);
    font-size: var(--pk-size-tiny);
  }
  .target {
    padding: calc(var(--pk-space) * 3);
    border: 1px solid var(--pk-line);
    border-radius: var(--pk-radius);
  }
  ul,
  ol {
    display: grid;
    gap: 1px;
    margin: 0;
    padding: 0;
    list-style: none;
  }
  li {
    display: flex;
    align-items: center;
    gap: calc(var(--pk-space) * 2);
    min-height: calc(var(--pk-space) * 8);
    font-size: var(--pk-size-small);
    line-height: 1.3;
  }
  .active li {
    padding: var(--pk-space) var(--pk-space) var(--pk-space) calc(var(--pk-space) * 3);
    border-left: 3px solid var(--pk-lost);
    border-radius: 0 var(--pk-radius) var(--pk-radius) 0;
    background: var(--pk-lost-soft);
  }
  li .words {
    flex: 1;
    min-width: 0;
    overflow-wrap: anywhere;
  }
  li .at {
    flex: none;
    color: var(--pk-muted);
    font-size: var(--pk-size-tiny);
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: calc(var(--pk-space) * 2);
  }
  .row h3 {
    margin-right: auto;
  }
  .row button {
    min-height: calc(var(--pk-space) * 7);
    padding: 0 calc(var(--pk-space) * 2);
  }
  .log {
    max-height: 220px;
    overflow: auto;
  }
  .future {
    opacity: 0.6;
  }
`
