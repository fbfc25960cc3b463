import { css } from 'lit'

export const transportStyles = css`
  :host {
    display: block;
    container-type: inline-size;
  }
  .bar {
    position: relative;
    display: grid;
    grid-template-columns: auto minmax(0, 1fr) auto minmax(150px, 190px);
    grid-template-areas: 'buttons scrub clock speed';
    align-items: center;
    gap: calc(var(--pk-space) * 2) calc(var(--pk-space) * 4);
  }
  .buttons {
    grid-area: buttons;
    display: flex;
    gap: var(--pk-space);
  }
  .buttons .play {
    width: calc(var(--pk-space) * 11);
    border-radius: 999px;
    font-size: calc(var(--pk-size) * 1.1);
  }
  .scrub {
    grid-area: scrub;
    position: relative;
    height: calc(var(--pk-space) * 10);
  }
  .scrub canvas {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
    pointer-events: none;
  }
  .scrub input[type='range'] {
    position: absolute;
    inset: 0;
    height: 100%;
    --fill: var(--horizon);
  }
  /* What has been simulated is one shade darker than what has not; the filled part up to the thumb is the past. */
  .scrub input[type='range']::-webkit-slider-runnable-track {
    background:
      linear-gradient(var(--pk-accent), var(--pk-accent)) 0 / var(--playhead, 0%) 100% no-repeat,
      linear-gradient(var(--pk-line-strong), var(--pk-line-strong)) 0 / var(--horizon, 0%) 100% no-repeat var(--pk-line);
  }
  .scrub input[type='range']::-moz-range-track {
    background:
      linear-gradient(var(--pk-accent), var(--pk-accent)) 0 / var(--playhead, 0%) 100% no-repeat,
      linear-gradient(var(--pk-line-strong), var(--pk-line-strong)) 0 / var(--horizon, 0%) 100% no-repeat var(--pk-line);
  }
  .tip {
    position: absolute;
    bottom: calc(100% - 2px);
    left: 0;
    z-index: 1;
    padding: 2px 8px;
    border: 1px solid var(--pk-line);
    border-radius: var(--pk-radius);
    background: var(--pk-surface);
    box-shadow: var(--pk-shadow);
    font-size: var(--pk-size-tiny);
    white-space: nowrap;
    pointer-events: none;
  }
  /* Over what is above the bar, so that nothing moves when it comes and goes. */
  .skip {
    position: absolute;
    z-index: 2;
    bottom: calc(100% + var(--pk-space) * 2);
    left: 50%;
    translate: -50%;
    border-radius: 999px;
    box-shadow: var(--pk-shadow);
    white-space: nowrap;
  }
  .clock {
    grid-area: clock;
    display: flex;
    flex-direction: column;
    align-items: flex-end;
    line-height: 1.25;
    white-space: nowrap;
  }
  .clock .now {
    font-size: calc(var(--pk-size) * 1.1);
    font-weight: 600;
  }
  .clock .end {
    color: var(--pk-muted);
    font-size: var(--pk-size-tiny);
  }
  .speed {
    grid-area: speed;
    display: grid;
    line-height: 1.25;
    font-size: var(--pk-size-tiny);
  }
  .speed .words {
    display: flex;
    justify-content: space-between;
    gap: var(--pk-space);
    white-space: nowrap;
  }
  .speed .words span {
    color: var(--pk-muted);
  }
  .speed .behind span,
  .speed .behind b {
    color: var(--pk-lost);
  }
  @container (max-width: 700px) {
    .bar {
      grid-template-columns: auto minmax(0, 1fr) minmax(120px, 170px);
      grid-template-areas: 'scrub scrub scrub' 'buttons clock speed';
      row-gap: 0;
    }
    .clock {
      align-items: flex-start;
    }
  }
  @container (max-width: 480px) {
    .bar {
      grid-template-columns: auto minmax(0, 1fr);
      grid-template-areas: 'scrub scrub' 'buttons clock' 'speed speed';
      row-gap: calc(var(--pk-space) * 2);
    }
    .clock {
      align-items: flex-end;
    }
    .speed {
      grid-template-columns: 130px 1fr;
      align-items: center;
      gap: calc(var(--pk-space) * 3);
    }
    .speed .words {
      flex-direction: column;
    }
  }
`
