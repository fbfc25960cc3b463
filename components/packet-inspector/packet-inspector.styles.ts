import { css } from 'lit'

export const inspectorStyles = css`
  :host {
    display: block;
    height: calc(340px * var(--pk-scale));
    min-height: 200px;
    overflow: hidden;
    container-type: inline-size;
  }
  .packet {
    display: flex;
    flex-direction: column;
    height: 100%;
    padding: calc(var(--pk-space) * 3) 0 0 calc(var(--pk-space) * 3);
  }
  .about {
    flex: none;
    max-height: 40%;
    padding: 0 calc(var(--pk-space) * 3) calc(var(--pk-space) * 3) 0;
    overflow: auto;
  }
  .empty {
    display: grid;
    place-content: center;
    justify-items: center;
    gap: calc(var(--pk-space) * 2);
    height: 100%;
    padding: calc(var(--pk-space) * 4);
    color: var(--pk-muted);
    font-size: var(--pk-size-small);
    text-align: center;
  }
  .empty .icon {
    font-size: 1.6em;
  }
  .head {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: var(--pk-space) calc(var(--pk-space) * 3);
    font-size: var(--pk-size);
  }
  .head h2 {
    display: flex;
    align-items: center;
    gap: calc(var(--pk-space) * 1.5);
    font-size: inherit;
  }
  .fate {
    margin-left: auto;
    font-size: var(--pk-size-small);
    color: var(--pk-muted);
  }
  .fate.lost {
    color: var(--pk-lost);
    font-weight: 600;
  }
  .times {
    display: flex;
    flex-wrap: wrap;
    gap: 0 calc(var(--pk-space) * 4);
    margin: calc(var(--pk-space) * 2) 0 0;
    font-size: var(--pk-size-small);
    color: var(--pk-muted);
  }
  .times b {
    color: var(--pk-text);
    font-weight: 500;
  }
  .causes {
    display: flex;
    flex-wrap: wrap;
    align-items: baseline;
    gap: 0 calc(var(--pk-space) * 1.5);
    margin: calc(var(--pk-space) * 0.5) 0 0;
    padding: 0;
    list-style: none;
    font-size: var(--pk-size-small);
    color: var(--pk-muted);
  }
  .columns {
    flex: 1;
    display: grid;
    grid-template-columns: minmax(0, 1fr) auto;
    grid-template-rows: minmax(0, 1fr);
    gap: calc(var(--pk-space) * 3);
    min-height: 0;
  }
  .layers {
    min-height: 0;
    overflow: auto;
    overscroll-behavior: contain;
    padding-right: calc(var(--pk-space) * 2);
  }
  h3.view {
    display: flex;
    align-items: center;
    gap: 0.5em;
    margin: 0;
    padding: calc(var(--pk-space) * 2) calc(var(--pk-space) * 1.5);
    border-top: 1px solid var(--pk-line);
    background: var(--pk-sunken);
    font-size: var(--pk-size-small);
    font-weight: 600;
  }
  .dump {
    display: grid;
    grid-template-rows: auto minmax(0, 1fr);
    min-width: 0;
    min-height: 0;
  }
  .dump > :only-child {
    grid-row: 1 / -1;
  }
  .dump fieldset {
    min-width: 0;
    margin: 0 calc(var(--pk-space) * 2) calc(var(--pk-space) * 2) 0;
    padding: 0;
    border: 0;
  }
  .dump .segmented label {
    min-height: calc(var(--pk-space) * 6);
    font-size: var(--pk-size-tiny);
  }
  details {
    border-top: 1px solid var(--pk-line);
  }
  summary {
    display: flex;
    align-items: baseline;
    gap: calc(var(--pk-space) * 2);
    padding: calc(var(--pk-space) * 1.5) 0;
    font-size: var(--pk-size-small);
    cursor: pointer;
    list-style: none;
  }
  summary::-webkit-details-marker {
    display: none;
  }
  summary .icon {
    align-self: center;
    color: var(--pk-muted);
    rotate: -90deg;
    transition: rotate 120ms;
  }
  details[open] > summary .icon {
    rotate: 0deg;
  }
  summary b {
    flex: none;
    font-weight: 600;
  }
  summary .line {
    min-width: 0;
    overflow: hidden;
    color: var(--pk-muted);
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .problem {
    display: flex;
    gap: 0.4em;
    padding: 0 0 var(--pk-space) calc(var(--pk-space) * 6);
    color: var(--pk-lost);
    font-size: var(--pk-size-small);
  }
  ul.fields {
    margin: 0 0 calc(var(--pk-space) * 2);
    padding: 0 0 0 calc(var(--pk-space) * 5.5);
    list-style: none;
  }
  ul.fields ul.fields {
    margin: 0;
    padding-left: calc(var(--pk-space) * 4);
  }
  button.field {
    display: grid;
    grid-template-columns: minmax(8.5em, 42%) minmax(0, 1fr);
    gap: calc(var(--pk-space) * 2);
    width: 100%;
    min-height: 0;
    padding: 2px calc(var(--pk-space) * 1.5);
    border: 0;
    border-radius: 4px;
    background: none;
    text-align: left;
    align-items: baseline;
    justify-content: start;
    cursor: default;
  }
  button.field .value {
    font-family: var(--pk-mono);
    font-size: var(--pk-size-tiny);
    overflow-wrap: anywhere;
  }
  button.field .label {
    color: var(--pk-muted);
  }
  button.field:hover:not(:disabled) {
    background: var(--pk-hover);
  }
  button.field.lit,
  button.field.lit:hover:not(:disabled) {
    background: var(--pk-accent-soft);
  }
  button.field.lit .label {
    color: var(--pk-text);
  }
  @media (pointer: coarse) {
    button.field {
      min-height: 32px;
    }
  }
  @container (max-width: 559px) {
    .columns {
      grid-template-columns: minmax(0, 1fr);
      grid-template-rows: minmax(0, 1fr) calc(112px * var(--pk-scale));
      gap: 0;
    }
    .columns:has(fieldset) {
      grid-template-rows: minmax(0, 1fr) calc(136px * var(--pk-scale));
    }
    .packet {
      padding-right: 0;
    }
    .dump {
      margin-left: calc(var(--pk-space) * -3);
    }
    .dump fieldset {
      margin: 0 calc(var(--pk-space) * 3);
    }
  }
`
