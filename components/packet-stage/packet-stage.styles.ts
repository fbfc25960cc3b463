import { css } from 'lit'

export const stageStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    min-width: 0;
    position: relative;
  }
  .frame {
    position: relative;
    flex: 1 1 auto;
    min-height: 180px;
    overflow: hidden;
    border-radius: var(--pk-radius-large);
    background: var(--pk-background);
    outline: none;
    touch-action: manipulation;
    user-select: none;
    -webkit-user-select: none;
    -webkit-tap-highlight-color: transparent;
    isolation: isolate;
  }
  .frame:focus-visible {
    outline: 2px solid var(--pk-accent);
    outline-offset: 2px;
  }
  .frame.pointing {
    cursor: pointer;
  }
  .layer,
  .canvas,
  .crowds {
    position: absolute;
    inset: 0;
    pointer-events: none;
  }
  .crowds canvas {
    position: absolute;
    top: 0;
    left: 0;
  }
  .labels {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
    pointer-events: none;
    overflow: hidden;
  }
  .canvas canvas {
    display: block;
  }
  text {
    font-family: var(--pk-font);
  }

  .surface {
    fill: var(--pk-sunken);
    transition: fill 120ms;
  }
  .surface.hovered {
    fill: var(--pk-hover);
  }
  .edge {
    fill: none;
    stroke: var(--pk-line);
    stroke-width: 2;
  }
  .edge.cut {
    stroke: var(--pk-lost);
  }
  .edge.selected,
  .edge.focused {
    stroke: var(--pk-accent);
    stroke-width: 5;
  }
  .core {
    stroke: var(--pk-line-strong);
    stroke-opacity: 0.42;
  }
  .core.lossy {
    stroke: var(--pk-lost);
    stroke-opacity: 0.75;
  }
  .caption {
    font-size: calc(var(--pk-size) * 12 / 14);
    fill: var(--pk-muted);
    font-variant-numeric: tabular-nums;
  }
  .caption .bad {
    fill: var(--pk-lost);
    font-weight: 600;
  }

  .host .card {
    fill: var(--pk-surface);
    stroke: var(--pk-line);
    stroke-width: 1;
    filter: drop-shadow(0 1px 2px light-dark(rgb(40 35 20 / 0.1), rgb(0 0 0 / 0.45)));
  }
  .host .ring {
    fill: none;
    stroke: var(--pk-accent);
    stroke-width: 2;
    opacity: 0;
  }
  .host.hovered .card {
    stroke: var(--pk-line-strong);
  }
  .host.selected .card {
    stroke: var(--pk-accent);
    stroke-width: 2;
  }
  .host.focused .ring {
    opacity: 1;
  }
  .host .icon {
    color: var(--pk-muted);
  }
  .host .icon svg {
    overflow: visible;
    stroke-width: 1.6;
  }
  .host .name {
    font-size: var(--pk-size);
    font-weight: 600;
    fill: var(--pk-text);
  }
  .host .address {
    font-family: var(--pk-mono);
    font-size: calc(var(--pk-size) * 11.5 / 14);
    fill: var(--pk-muted);
  }
  .host.off .card {
    stroke-dasharray: 5 4;
    stroke: var(--pk-line-strong);
    fill: var(--pk-background);
  }
  .host.off .icon,
  .host.off .address {
    opacity: 0.5;
  }
  .host.off .name {
    fill: var(--pk-muted);
  }
  .host.paused .card {
    stroke: var(--pk-warning);
  }
  .pill rect {
    fill: var(--pk-surface);
    stroke: var(--pk-line-strong);
  }
  .pill text {
    font-size: calc(var(--pk-size) * 11 / 14);
    font-weight: 600;
    fill: var(--pk-muted);
  }
  .pill.paused rect {
    fill: var(--pk-warning-soft);
    stroke: var(--pk-warning);
  }
  .pill.paused text {
    fill: var(--pk-warning);
  }

  .label {
    position: absolute;
    left: 0;
    top: 0;
    font: 500 calc(var(--pk-size) * 11 / 14) / 1.2727 var(--pk-mono);
    white-space: pre;
    color: var(--pk-text);
    /* What flies and what was lost may be below it. */
    text-shadow:
      0 0 2px var(--pk-background),
      0 0 3px var(--pk-background),
      0 0 4px var(--pk-background);
    will-change: transform;
  }
  .label.of-loss {
    color: var(--pk-lost);
    font-weight: 600;
  }
  .label.of-queue {
    color: var(--pk-muted);
  }

  .tooltip {
    position: absolute;
    left: 0;
    top: 0;
    z-index: 2;
    max-width: min(300px, calc(100% - 16px));
    padding: calc(var(--pk-space) * 2) calc(var(--pk-space) * 3);
    border: 1px solid var(--pk-line);
    border-radius: var(--pk-radius);
    background: var(--pk-surface);
    box-shadow: var(--pk-shadow);
    font-size: var(--pk-size-tiny);
    line-height: 1.45;
    color: var(--pk-muted);
    pointer-events: none;
    font-variant-numeric: tabular-nums;
  }
  .tooltip[hidden] {
    display: none;
  }
  .tooltip strong {
    display: block;
    font-weight: 600;
    color: var(--pk-text);
  }
  .tooltip span {
    display: block;
    overflow-wrap: anywhere;
  }
  .notice {
    position: absolute;
    inset-inline: 0;
    bottom: 8px;
    margin: 0;
    text-align: center;
    font-size: var(--pk-size-tiny);
    color: var(--pk-muted);
  }

  .legend {
    flex: none;
    padding: calc(var(--pk-space) * 2) calc(var(--pk-space) * 3) 0;
    font-size: var(--pk-size-tiny);
    color: var(--pk-muted);
  }
  .legend summary {
    width: fit-content;
    padding: 2px 4px;
    margin: -2px -4px;
    border-radius: var(--pk-radius);
    cursor: pointer;
  }
  .legend summary:hover {
    color: var(--pk-text);
  }
  .legend summary:focus-visible {
    outline: 2px solid var(--pk-accent);
  }
  .legend ul {
    display: flex;
    flex-wrap: wrap;
    gap: calc(var(--pk-space) * 0.5) calc(var(--pk-space) * 4);
    margin: var(--pk-space) 0 0;
    padding: 0;
    list-style: none;
  }
  .legend p {
    margin: calc(var(--pk-space) * 1) 0 0;
  }
  .legend fieldset {
    display: flex;
    flex-wrap: wrap;
    gap: 0 calc(var(--pk-space) * 3);
    margin: var(--pk-space) 0 0;
    padding: 0;
    border: 0;
  }
  .legend fieldset legend {
    float: left;
    padding: 0;
  }
  .legend label {
    display: inline-flex;
    align-items: center;
    gap: var(--pk-space);
    min-height: 24px;
    cursor: pointer;
  }
  .legend input {
    margin: 0;
    accent-color: var(--pk-accent);
  }
  .legend li {
    display: inline-flex;
    align-items: center;
    gap: var(--pk-space);
    white-space: nowrap;
  }
  .legend .connection {
    font-family: var(--pk-mono);
    font-size: 0.95em;
  }
  .key {
    width: 26px;
    height: 20px;
    fill: var(--pk-flow-0);
  }
  .key .outline,
  .key .cross {
    fill: none;
    stroke: var(--pk-flow-0);
    stroke-width: 1.6;
  }
  .key .crack {
    fill: none;
    stroke: var(--pk-background);
    stroke-width: 2;
  }
  .key .cross {
    stroke: var(--pk-lost);
    stroke-width: 3;
    stroke-linecap: round;
  }
  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }

  @media (prefers-reduced-motion: reduce) {
    .surface {
      transition: none;
    }
  }
  @media (forced-colors: active) {
    .host .card,
    .edge {
      stroke: CanvasText;
    }
    .canvas,
    .label {
      forced-color-adjust: none;
    }
  }
`
