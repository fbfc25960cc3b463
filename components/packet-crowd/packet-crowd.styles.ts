import { css } from 'lit'

export const crowdStyles = css`
  .crowd {
    display: grid;
    gap: calc(var(--pk-space) * 4) calc(var(--pk-space) * 8);
    padding: calc(var(--pk-space) * 3) calc(var(--pk-space) * 4) calc(var(--pk-space) * 4);
  }
  @container (min-width: 640px) {
    .crowd {
      grid-template-columns: minmax(0, 2fr) minmax(0, 3fr);
    }
  }
  h4 {
    margin-bottom: var(--pk-space);
  }
  h5 {
    margin: calc(var(--pk-space) * 3) 0 calc(var(--pk-space) * 1);
    font-size: var(--pk-size-small);
    font-weight: 600;
  }
  th,
  td {
    padding-block: calc(var(--pk-space) * 0.75);
  }
  td.share {
    width: 40%;
  }
  td button {
    min-height: calc(var(--pk-space) * 6);
  }
  .dot {
    margin-right: calc(var(--pk-space) * 1.5);
  }
  .bar {
    display: block;
    height: 0.6em;
    border-radius: 2px;
    background: currentColor;
    transform-origin: left;
  }
  .find {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: calc(var(--pk-space) * 2);
    margin-top: calc(var(--pk-space) * 3);
    font-size: var(--pk-size-small);
  }
  .find input {
    width: 7em;
  }
  .actions {
    display: flex;
    flex-wrap: wrap;
    gap: calc(var(--pk-space) * 2);
  }
  .state {
    margin: 0 0 calc(var(--pk-space) * 2);
    font-size: var(--pk-size-small);
  }
  @media (forced-colors: active) {
    .bar {
      forced-color-adjust: none;
    }
  }
`
