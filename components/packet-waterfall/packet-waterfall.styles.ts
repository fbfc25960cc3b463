import { css } from 'lit'

export const waterfallStyles = css`
  :host {
    position: relative;
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    grid-template-rows: auto minmax(0, 1fr) auto;
    height: calc(380px * var(--pk-scale));
    min-height: 220px;
    container-type: inline-size;
  }
  .head {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: var(--pk-space) calc(var(--pk-space) * 4);
    padding: calc(var(--pk-space) * 1.5) calc(var(--pk-space) * 3);
    border-bottom: 1px solid var(--pk-line);
  }
  .align {
    display: flex;
    align-items: center;
    gap: calc(var(--pk-space) * 2);
    font-size: var(--pk-size-small);
    white-space: nowrap;
    cursor: pointer;
  }
  .head select {
    width: auto;
    max-width: min(100%, 340px);
  }
  .legend {
    font-size: var(--pk-size-tiny);
    color: var(--pk-muted);
  }
  .legend[open] summary {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
  }
  .legend summary {
    cursor: pointer;
  }
  .legend ul {
    display: flex;
    flex-wrap: wrap;
    gap: var(--pk-space) calc(var(--pk-space) * 4);
    margin: 0;
    padding: 0;
    list-style: none;
  }
  .legend li {
    display: flex;
    align-items: center;
    gap: calc(var(--pk-space) * 1.5);
  }
  .grid {
    --row: calc(28px * var(--pk-scale));
    --text: calc(320px * var(--pk-scale));
    --edge: calc(var(--pk-space) * 3);
  }
  .columns,
  .row {
    display: grid;
    grid-template-columns: minmax(0, 1fr) 3.8em 4.6em 4.6em;
    align-items: center;
    column-gap: calc(var(--pk-space) * 2);
    height: var(--row);
    padding-left: var(--edge);
    padding-right: calc(100% - var(--text));
    font-size: var(--pk-size-small);
    white-space: nowrap;
  }
  .columns {
    position: sticky;
    top: 0;
    z-index: 3;
    border-bottom: 1px solid var(--pk-line);
    background: var(--pk-background);
    color: var(--pk-muted);
  }
  .columns > * {
    font-size: var(--pk-size-tiny);
  }
  .row {
    background: var(--pk-surface);
  }
  .row.page {
    background: var(--pk-sunken);
    font-weight: 600;
  }
  .row:hover {
    background: var(--pk-hover);
  }
  .row[aria-selected='true'] {
    background: var(--pk-accent-soft);
  }
  .columns > * {
    overflow: hidden;
    text-overflow: ellipsis;
  }
  .name {
    display: flex;
    align-items: center;
    gap: calc(var(--pk-space) * 1.5);
    min-width: 0;
  }
  .file {
    overflow: hidden;
    text-overflow: ellipsis;
  }
  .flow {
    flex: none;
    width: 4px;
    height: 1.1em;
    border-radius: 2px;
  }
  .row .method,
  .row .status,
  .row .protocol,
  .row .size,
  .row .time {
    color: var(--pk-muted);
  }
  .row.page .status,
  .row.page .size,
  .row.page .time,
  .row.page .file {
    color: var(--pk-text);
  }
  .row .status.failed {
    color: var(--pk-lost);
    font-weight: 600;
  }
  .size,
  .time {
    text-align: right;
  }
  .method,
  .protocol {
    display: none;
  }

  .details {
    position: relative;
    display: grid;
    gap: calc(var(--pk-space) * 2);
    max-height: calc(170px * var(--pk-scale));
    overflow: auto;
    padding: calc(var(--pk-space) * 2.5) calc(var(--pk-space) * 3) calc(var(--pk-space) * 3);
    border-top: 1px solid var(--pk-line);
    background: var(--pk-background);
    font-size: var(--pk-size-small);
  }
  .details .close {
    position: absolute;
    top: var(--pk-space);
    right: var(--pk-space);
  }
  .facts {
    padding-right: calc(var(--pk-space) * 9);
    color: var(--pk-muted);
    overflow-wrap: anywhere;
  }
  .phases,
  .reasons {
    margin: 0;
    padding: 0;
    list-style: none;
  }
  .phases {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: calc(var(--pk-space) * 1.5);
  }
  .phases button {
    min-height: calc(var(--pk-space) * 6.5);
    padding: 0 calc(var(--pk-space) * 1.5);
  }
  .phases button.chosen {
    border-color: var(--pk-accent);
    background: var(--pk-accent-soft);
  }
  .phases b {
    font-weight: 600;
  }
  .reasons {
    display: grid;
    gap: calc(var(--pk-space) * 1.5);
  }
  .reason {
    display: flex;
    align-items: baseline;
    gap: calc(var(--pk-space) * 2);
  }
  .reason .packet {
    white-space: nowrap;
  }
  .flag {
    display: inline-block;
    width: 10px;
    height: 10px;
    margin-right: 6px;
    border-radius: 2px;
    background: var(--pk-text);
  }
  .flag.first-rendered,
  .flag.rendered {
    background: var(--pk-good);
  }
  .flag.parsed {
    background: var(--pk-accent);
  }
  .flag.failed {
    background: var(--pk-lost);
  }

  .tip {
    position: absolute;
    left: clamp(8px, var(--x) - 40px, 100% - min(340px, 100% - 16px) - 8px);
    z-index: 4;
    display: grid;
    gap: var(--pk-space);
    width: max-content;
    max-width: min(340px, calc(100% - 16px));
    padding: calc(var(--pk-space) * 1.5) calc(var(--pk-space) * 2.5);
    border: 1px solid var(--pk-line);
    border-radius: var(--pk-radius);
    background: var(--pk-surface);
    box-shadow: var(--pk-shadow);
    font-size: var(--pk-size-small);
    pointer-events: none;
  }

  @container (min-width: 68em) {
    .grid {
      --text: calc(500px * var(--pk-scale));
    }
    .columns,
    .row {
      grid-template-columns: minmax(0, 1fr) 4em 5.2em 6em 4.6em 5em;
    }
    .method,
    .protocol {
      display: block;
    }
    /* A page has neither, and a long name. */
    .row.page .name {
      grid-column: 1 / 3;
    }
    .row.page .status {
      grid-column: 3 / 5;
    }
    .row.page .method,
    .row.page .protocol {
      display: none;
    }
  }
  @container (max-width: 40em) {
    .grid {
      --row: calc(46px * var(--pk-scale));
    }
    .columns {
      height: calc(24px * var(--pk-scale));
    }
    .columns > :not(.track) {
      visibility: hidden;
    }
    .row {
      grid-template-columns: minmax(0, 1fr) auto auto auto;
      align-items: start;
      padding-top: calc(5px * var(--pk-scale));
      padding-right: var(--edge);
    }
    .track,
    .tracks {
      left: var(--edge);
    }
    /* The timeline passes below the words. */
    .row > :not(.track) {
      position: relative;
      z-index: 2;
      padding-inline: 2px;
      background: inherit;
    }
    .bar {
      margin-top: calc(26px * var(--pk-scale));
      height: calc(14px * var(--pk-scale));
    }
    .milestone span {
      top: calc(26px * var(--pk-scale));
    }
    .details {
      max-height: calc(210px * var(--pk-scale));
    }
  }
`
