import { css } from 'lit'

export const eventsStyles = css`
  :host {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    grid-template-rows: auto minmax(0, 1fr) auto;
    height: calc(340px * var(--pk-scale));
    min-height: 200px;
    container-type: inline-size;
  }
  .filters {
    display: grid;
    grid-template-columns: minmax(120px, 1.4fr) repeat(3, minmax(90px, 1fr)) auto;
    gap: calc(var(--pk-space) * 2);
    padding: calc(var(--pk-space) * 2);
    border-bottom: 1px solid var(--pk-line);
  }
  .follow {
    display: flex;
    align-items: center;
    gap: calc(var(--pk-space) * 2);
    font-size: var(--pk-size-small);
    white-space: nowrap;
    cursor: pointer;
  }
  .list {
    --row: calc(30px * var(--pk-scale));
  }
  .row {
    grid-template-columns: 5.6em 2em 4.2em 6.4em minmax(6em, 9em) minmax(0, 1fr);
    gap: calc(var(--pk-space) * 2);
    padding: 0 calc(var(--pk-space) * 3);
  }
  .row > .glyph-cell {
    overflow: visible;
    display: grid;
    place-items: center;
  }
  .time {
    text-align: right;
    color: var(--pk-muted);
  }
  .number {
    color: var(--pk-muted);
    text-align: right;
  }
  .kind {
    font-weight: 600;
  }
  .info {
    color: var(--pk-muted);
  }
  .event .what {
    grid-column: 5 / -1;
  }
  .event .who {
    grid-column: 3 / 5;
    color: var(--pk-muted);
  }
  .event .what {
    color: var(--pk-text);
  }
  .dot {
    width: 6px;
    height: 6px;
    border: 1.5px solid var(--pk-line-strong);
    border-radius: 50%;
  }
  .event.done-by-hand .dot {
    border-color: var(--pk-accent);
    background: var(--pk-accent);
    border-radius: 1px;
    rotate: 45deg;
  }
  .lost .info {
    color: var(--pk-lost);
  }
  .actions {
    display: flex;
    align-items: center;
    gap: calc(var(--pk-space) * 2);
    min-height: calc(var(--pk-space) * 11);
    padding: var(--pk-space) calc(var(--pk-space) * 2) var(--pk-space) calc(var(--pk-space) * 3);
    border-top: 1px solid var(--pk-line);
    font-size: var(--pk-size-small);
  }
  .actions .what {
    flex: 1;
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  @container (max-width: 619px) {
    .filters {
      grid-template-columns: repeat(3, minmax(0, 1fr));
    }
    .filters .search {
      grid-column: 1 / 3;
      grid-row: 1;
    }
    .filters .follow {
      grid-column: 3;
      grid-row: 1;
      justify-self: end;
    }
  }
  @container (max-width: 539px) {
    .row {
      grid-template-columns: 2.2em minmax(0, auto) minmax(0, 1fr) auto;
      grid-template-rows: 1fr 1fr;
      column-gap: calc(var(--pk-space) * 2);
      row-gap: 0;
      align-content: center;
      padding-block: 5px;
    }
    .glyph-cell {
      grid-row: 1 / 3;
      grid-column: 1;
    }
    .kind {
      grid-area: 1 / 2;
    }
    .way {
      grid-area: 1 / 3;
    }
    .time {
      grid-area: 1 / 4;
    }
    .info {
      grid-area: 2 / 2 / 3 / 4;
    }
    .number {
      grid-area: 2 / 4;
    }
    .event .who {
      grid-area: 1 / 2 / 2 / 4;
    }
    .event .what {
      grid-area: 2 / 2 / 3 / 5;
    }
    .list {
      --row: calc(50px * var(--pk-scale));
    }
    .actions:has(button) .what {
      display: none;
    }
    .actions button {
      flex: 1;
    }
  }
`
