import { css } from 'lit'

export const lanesStyles = css`
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
    justify-content: space-between;
    gap: var(--pk-space) calc(var(--pk-space) * 4);
    padding: calc(var(--pk-space) * 1.5) calc(var(--pk-space) * 3);
    border-bottom: 1px solid var(--pk-line);
  }
  /* As high with any sentence, so that nothing below it jumps. */
  .now {
    flex: 1 1 20em;
    min-height: 3em;
    display: flex;
    align-items: center;
    font-size: var(--pk-size-small);
    font-weight: 600;
  }
  .now.blocked {
    color: var(--pk-lost);
  }
  .both {
    display: flex;
    align-items: center;
    gap: calc(var(--pk-space) * 2);
    font-size: var(--pk-size-small);
    white-space: nowrap;
    cursor: pointer;
  }
  .legend {
    flex: 1 1 100%;
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
  .key.curve {
    border-bottom: 6px solid color-mix(in oklab, var(--pk-accent) 38%, var(--pk-surface));
    border-top: 0;
    box-shadow: inset 0 -1.5px 0 var(--pk-accent);
  }
  .key.missing {
    border-top: 1.5px dashed var(--pk-lost);
    height: 0;
  }
  .grid {
    --row: calc(30px * var(--pk-scale));
    --text: calc(280px * var(--pk-scale));
    --edge: calc(var(--pk-space) * 3);
  }
  .columns,
  .row {
    display: grid;
    grid-template-columns: minmax(0, 1fr) 4.6em 4.8em;
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
    height: calc(26px * var(--pk-scale));
    border-bottom: 1px solid var(--pk-line);
    background: var(--pk-background);
    color: var(--pk-muted);
  }
  .columns > * {
    overflow: hidden;
    text-overflow: ellipsis;
    font-size: var(--pk-size-tiny);
  }
  .row {
    background: var(--pk-surface);
  }
  .row.whole {
    background: var(--pk-sunken);
  }
  .row.whole .name {
    font-weight: 600;
  }
  .row:hover {
    background: var(--pk-hover);
  }
  .row[aria-selected='true'] {
    background: var(--pk-accent-soft);
  }
  .name {
    display: flex;
    align-items: center;
    gap: calc(var(--pk-space) * 1.5);
    min-width: 0;
  }
  .stream .name {
    padding-left: calc(var(--pk-space) * 3);
  }
  .what {
    overflow: hidden;
    text-overflow: ellipsis;
  }
  .what small {
    color: var(--pk-muted);
    font-weight: 400;
    font-size: var(--pk-size-tiny);
  }
  .flow {
    flex: none;
    width: 4px;
    height: 1.1em;
    border-radius: 2px;
  }
  .waited,
  .word {
    display: none;
  }
  .came,
  .held,
  .waited {
    text-align: right;
    color: var(--pk-muted);
  }
  .row .held.some {
    color: var(--pk-lost);
    font-weight: 600;
  }

  .bar {
    height: calc(var(--row) - 4px);
    margin-top: 2px;
  }
  .bar svg {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
    overflow: visible;
    pointer-events: none;
  }
  .bar .span.blocked,
  .bar .span.repairing {
    top: 0;
    bottom: 0;
  }
  .delivered {
    fill: color-mix(in oklab, var(--flow) 42%, var(--pk-surface));
    stroke: none;
  }
  .arrived {
    fill: none;
    stroke: var(--flow);
    stroke-width: 1.5;
    vector-effect: non-scaling-stroke;
  }
  .links {
    position: absolute;
    top: 0;
    left: 0;
    overflow: visible;
    pointer-events: none;
  }
  .hole {
    fill: none;
    stroke: var(--pk-lost);
    stroke-width: 2;
    stroke-dasharray: 4 3;
  }
  .cross {
    fill: none;
    stroke: var(--pk-lost);
    stroke-width: 2.5;
  }
  .links .came {
    fill: var(--pk-surface);
    stroke: var(--pk-lost);
    stroke-width: 1.5;
  }
  .link,
  .link-tip {
    fill: none;
    stroke: var(--phase-blocked);
    stroke-width: 1.75;
  }
  .link-end {
    fill: var(--phase-blocked);
  }

  .details {
    position: relative;
    display: grid;
    gap: calc(var(--pk-space) * 2);
    max-height: calc(150px * var(--pk-scale));
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
  .reasons {
    display: grid;
    gap: calc(var(--pk-space) * 1.5);
    margin: 0;
    padding: 0;
    list-style: none;
  }
  .reason {
    display: flex;
    align-items: baseline;
    gap: calc(var(--pk-space) * 2);
  }
  .reason.chosen {
    margin-inline: calc(var(--pk-space) * -1);
    padding-inline: var(--pk-space);
    border-radius: var(--pk-radius);
    background: var(--pk-accent-soft);
  }

  @container (min-width: 56em) {
    .grid {
      --text: calc(440px * var(--pk-scale));
    }
    .columns,
    .row {
      grid-template-columns: minmax(0, 1fr) 4.8em 4.8em 5.2em;
    }
    .waited {
      display: block;
    }
    .word {
      display: inline;
    }
  }
  @container (max-width: 40em) {
    .grid {
      --row: calc(42px * var(--pk-scale));
    }
    .now {
      flex-basis: 100%;
    }
    .legend {
      order: 1;
      flex: 1 1 0;
    }
    .legend[open] {
      order: 3;
      flex-basis: 100%;
    }
    .both {
      order: 2;
    }
    .columns > :not(.track) {
      visibility: hidden;
    }
    .row {
      grid-template-columns: minmax(0, 1fr) auto auto;
      align-items: start;
      padding-top: calc(1px * var(--pk-scale));
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
    .stream .name {
      padding-left: 2px;
    }
    .bar {
      margin-top: calc(19px * var(--pk-scale));
      height: calc(22px * var(--pk-scale));
    }
    .links {
      transform: translateY(calc(9px * var(--pk-scale)));
    }
  }
`
