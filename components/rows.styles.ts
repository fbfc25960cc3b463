import { css } from 'lit'

/**
 * A long list of rows of one height, of which only those in view are there: `.rows` scrolls, `.spacer` is as high as all of them,
 * `.probe` is as high as one (`--row`).
 */
export const rowsStyles = css`
  .rows {
    position: relative;
    overflow-x: hidden;
    overflow-y: auto;
    overscroll-behavior: contain;
    overflow-anchor: none;
    background: var(--pk-surface);
  }
  .rows:focus-visible {
    outline-offset: -2px;
  }
  .probe {
    position: absolute;
    visibility: hidden;
    height: var(--row);
  }
  .spacer {
    position: relative;
  }
  .row {
    position: absolute;
    left: 0;
    right: 0;
    display: grid;
    align-items: center;
    height: var(--row);
    border-bottom: 1px solid color-mix(in oklab, var(--pk-line) 55%, transparent);
    font-size: var(--pk-size-small);
    white-space: nowrap;
    cursor: default;
  }
  .row > * {
    overflow: hidden;
    text-overflow: ellipsis;
  }
  .row:hover {
    background: var(--pk-hover);
  }
  .row[aria-selected='true'] {
    background: var(--pk-accent-soft);
    box-shadow: inset 3px 0 0 var(--pk-accent);
  }
  .empty {
    padding: calc(var(--pk-space) * 6) calc(var(--pk-space) * 4);
    color: var(--pk-muted);
    font-size: var(--pk-size-small);
    text-align: center;
  }
`
