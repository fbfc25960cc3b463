import { css } from 'lit'

export const chartStyles = css`
  :host {
    display: block;
    min-width: 0;
  }
  :host([hidden]) {
    display: none;
  }
  h4 {
    margin: 0 0 calc(var(--pk-space) * 1);
    font-size: var(--pk-size);
    font-weight: 600;
  }
  .plot {
    position: relative;
    height: calc(var(--pk-size) * 13);
    border-radius: var(--pk-radius);
    cursor: crosshair;
    touch-action: pan-y;
    outline: none;
  }
  .plot:focus-visible {
    box-shadow: var(--pk-ring);
  }
  .canvas {
    position: absolute;
    inset: 0;
    overflow: hidden;
  }
  .playhead {
    position: absolute;
    top: 0;
    left: -1px;
    width: 2px;
    /* Of no series: the first one has the accent's colour. */
    background: var(--pk-text);
    pointer-events: none;
    will-change: transform;
  }
  .waiting {
    display: grid;
    place-items: center;
    height: 100%;
    margin: 0;
    color: var(--pk-muted);
  }
  table {
    width: 100%;
    margin-top: calc(var(--pk-space) * 1);
    border-collapse: collapse;
    font-size: var(--pk-size-small);
  }
  th,
  td {
    padding: calc(var(--pk-space) * 0.5) calc(var(--pk-space) * 1.5);
    text-align: right;
    vertical-align: baseline;
    white-space: nowrap;
  }
  th:first-child {
    padding-left: 0;
    text-align: left;
    font-weight: 400;
    white-space: normal;
  }
  /* A second line begins below the first one's words, not below the swatch. */
  tbody th:first-child {
    --swatch: calc(var(--pk-size) * 1.5 + var(--pk-space));
    padding-left: var(--swatch);
    text-indent: calc(-1 * var(--swatch));
  }
  thead th {
    padding-block: 0;
    color: var(--pk-muted);
    font-weight: 400;
    font-size: var(--pk-size-tiny);
  }
  td:last-child,
  th:last-child {
    padding-right: 0;
  }
  td {
    min-width: calc(var(--pk-size) * 4.5);
  }
  td.peak {
    color: var(--pk-muted);
  }
  small {
    color: var(--pk-muted);
    font-size: var(--pk-size-tiny);
  }
  svg {
    width: calc(var(--pk-size) * 1.5);
    height: calc(var(--pk-size) * 0.75);
    margin-right: calc(var(--pk-space) * 1);
    vertical-align: baseline;
    overflow: visible;
  }
  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }

  /* What uPlot makes. */
  .uplot {
    width: min-content;
  }
  .u-wrap {
    position: relative;
    user-select: none;
  }
  .u-over,
  .u-under,
  .u-axis {
    position: absolute;
  }
  .u-under {
    overflow: hidden;
  }
  .uplot canvas {
    display: block;
    position: relative;
    width: 100%;
    height: 100%;
  }

  @media (forced-colors: active) {
    .playhead {
      background: Highlight;
    }
  }
`
