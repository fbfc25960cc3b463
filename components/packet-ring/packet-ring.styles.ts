import { css } from 'lit'

export const ringStyles = css`
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
  th button {
    min-height: calc(var(--pk-space) * 6);
    padding: 0 calc(var(--pk-space) * 2);
    /* Dots stand below the heading, and the button's edge beside it. */
    margin-left: calc(var(--pk-space) * -2);
  }
  th small {
    color: var(--pk-muted);
    font-size: var(--pk-size-tiny);
  }
  th button[aria-pressed='true'] {
    border-color: var(--pk-accent);
    background: var(--pk-accent-soft);
  }
  .hint,
  ol {
    margin-top: calc(var(--pk-space) * 2);
  }
  ol {
    max-height: calc(var(--pk-size) * 12);
  }
  li {
    grid-template-columns: calc(var(--pk-size) * 5) minmax(0, 1fr);
  }
  @media (forced-colors: active) {
    .piece,
    .key,
    .pick {
      forced-color-adjust: none;
    }
  }
`
