import { css } from 'lit'

export const lessonStyles = css`
  :host {
    display: block;
  }
  .lesson {
    display: grid;
    gap: calc(var(--pk-space) * 2.5);
    padding: calc(var(--pk-space) * 3.5) calc(var(--pk-space) * 4);
    border-radius: var(--pk-radius-large);
    background: var(--pk-accent-soft);
  }
  .head {
    display: flex;
    align-items: center;
    gap: calc(var(--pk-space) * 2);
    min-height: 1.8em;
    font-size: var(--pk-size-tiny);
    color: var(--pk-muted);
  }
  .head h3 {
    font-size: inherit;
    font-weight: 600;
    margin-right: auto;
  }
  .met {
    display: inline-flex;
    align-items: center;
    gap: 0.3em;
    color: var(--pk-good);
    font-weight: 600;
  }
  /* All steps lie on one place, so that it is as high as the highest of them and nothing moves from one to the next. */
  .steps {
    display: grid;
  }
  .step {
    grid-area: 1 / 1;
    visibility: hidden;
  }
  .step.current {
    visibility: visible;
  }
  .predict {
    display: grid;
    gap: calc(var(--pk-space) * 0.5);
    margin: calc(var(--pk-space) * 2) 0 0;
    padding: 0;
    border: 0;
  }
  .predict label {
    display: flex;
    align-items: center;
    gap: calc(var(--pk-space) * 2);
    min-height: 28px;
    cursor: pointer;
  }
  .predict input {
    margin: 0;
    accent-color: var(--pk-accent);
  }
  .recall {
    margin-top: calc(var(--pk-space) * 2);
    font-size: var(--pk-size-tiny);
    color: var(--pk-muted);
  }
  .step code {
    font-family: var(--pk-mono);
    font-size: 0.92em;
  }
  .step a {
    color: var(--pk-accent);
  }
  .foot {
    display: flex;
    align-items: center;
    gap: calc(var(--pk-space) * 2);
  }
  .foot button {
    padding-inline: calc(var(--pk-space) * 2.5);
  }
  .foot button:first-child {
    margin-left: calc(var(--pk-space) * -2.5);
  }
  .dots {
    display: flex;
    flex: 1;
    flex-wrap: wrap;
    gap: 5px;
    justify-content: center;
  }
  .dots i {
    width: 7px;
    height: 7px;
    border: 1.5px solid var(--pk-line-strong);
    border-radius: 50%;
  }
  .dots i.done {
    border-color: var(--pk-good);
    background: var(--pk-good);
  }
  .dots i.current {
    outline: 2px solid var(--pk-accent);
    outline-offset: 1px;
  }
`
