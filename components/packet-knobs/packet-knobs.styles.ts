import { css } from 'lit'

export const knobsStyles = css`
  :host {
    display: block;
  }
  .knobs {
    display: grid;
    gap: calc(var(--pk-space) * 4);
  }
  .knob {
    display: grid;
    gap: var(--pk-space);
    min-width: 0;
    margin: 0;
    padding: 0;
    border: 0;
  }
  .head {
    display: flex;
    flex-wrap: wrap;
    align-items: baseline;
    gap: 0 calc(var(--pk-space) * 2);
  }
  .head label,
  .head .name {
    font-weight: 500;
    font-size: var(--pk-size-small);
  }
  .head output {
    margin-left: auto;
    font-size: var(--pk-size-small);
    font-weight: 600;
  }
  .help {
    color: var(--pk-muted);
    font-size: var(--pk-size-tiny);
  }
  .segmented.stacked {
    grid-auto-flow: row;
  }
  .segmented.stacked label {
    justify-content: flex-start;
    text-align: left;
  }
`
