import { css } from 'lit'

export const playgroundStyles = css`
  :host {
    display: block;
    container-type: inline-size;
    color: var(--pk-text);
    text-align: start;
  }
  :host([theme='light']) {
    --packetarium-color-scheme: light;
  }
  :host([theme='dark']) {
    --packetarium-color-scheme: dark;
  }
  :host([projector]) {
    --packetarium-scale: 1.35;
  }
  .playground {
    position: relative;
    overflow: clip;
    border: 1px solid var(--pk-line);
    border-radius: var(--pk-radius-large);
    background: var(--pk-background);
  }
  .header {
    display: flex;
    align-items: center;
    gap: calc(var(--pk-space) * 2);
    min-height: calc(var(--pk-space) * 12);
    padding: calc(var(--pk-space) * 1.5) calc(var(--pk-space) * 2) calc(var(--pk-space) * 1.5) calc(var(--pk-space) * 4);
    border-bottom: 1px solid var(--pk-line);
  }
  .header h2 {
    flex: 1;
    min-width: 0;
    font-size: calc(var(--pk-size) * 1.07);
    font-weight: 600;
    line-height: 1.25;
    text-wrap: balance;
  }
  .tools {
    display: flex;
    flex: none;
  }
  @container (max-width: 560px) {
    .tools .only-icon {
      width: calc(var(--pk-space) * 9);
    }
    .tools .of-keyboard {
      display: none;
    }
    .header {
      padding-right: var(--pk-space);
    }
  }
  .notices:has(.notice) {
    padding: calc(var(--pk-space) * 2) calc(var(--pk-space) * 3) 0;
  }
  .notices .notice {
    align-items: flex-start;
  }
  .notices .notice p {
    flex: 1;
    align-self: center;
    overflow-wrap: anywhere;
  }
  .notices .notice button {
    flex: none;
    margin: -4px -6px;
  }
  .main {
    display: flex;
    flex-direction: column;
    min-width: 0;
  }
  .both {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: var(--pk-space) calc(var(--pk-space) * 4);
    min-height: calc(var(--pk-space) * 9);
    padding: var(--pk-space) calc(var(--pk-space) * 4);
    border-bottom: 1px solid var(--pk-line);
    color: var(--pk-muted);
    font-size: var(--pk-size-small);
  }
  .both label {
    flex: none;
    display: flex;
    align-items: center;
    gap: calc(var(--pk-space) * 2);
    color: var(--pk-text);
    font-weight: 500;
    cursor: pointer;
  }
  .stages {
    flex: 1;
    display: grid;
    grid-template-columns: minmax(0, 1fr);
  }
  .view {
    display: flex;
    flex-direction: column;
    min-width: 0;
  }
  .view h3 {
    padding: calc(var(--pk-space) * 1.5) calc(var(--pk-space) * 4);
    border-bottom: 1px solid var(--pk-line);
    background: var(--pk-sunken);
    font-size: var(--pk-size);
    font-weight: 600;
  }
  /* Two networks below each other, and something of the controls, fit on a phone. */
  .playground:not(.wide) .stages.two packet-stage {
    max-height: calc(330px * var(--pk-scale));
  }
  .twice {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
  }
  .charts {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(100%, calc(var(--pk-size) * 30)), 1fr));
    gap: calc(var(--pk-space) * 5) calc(var(--pk-space) * 6);
    padding: calc(var(--pk-space) * 3) calc(var(--pk-space) * 4) calc(var(--pk-space) * 4);
    border-bottom: 1px solid var(--pk-line);
  }
  .wide .two {
    grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
  }
  .wide .two > .view + .view {
    border-left: 1px solid var(--pk-line);
  }
  .view-choice {
    display: flex;
    grid-column: 1 / -1;
    align-items: center;
    gap: calc(var(--pk-space) * 3);
    margin: 0;
    padding: calc(var(--pk-space) * 2) calc(var(--pk-space) * 4);
    border: 0;
    border-bottom: 1px solid var(--pk-line);
    font-size: var(--pk-size-small);
  }
  .view-choice .segmented {
    flex: none;
  }
  /* The legend has its place from the start, so that the network does not move when the first packet brings it up. */
  packet-stage {
    flex: 1;
    --legend: calc(var(--pk-space) * 8);
  }
  .wide .stages:not(.two) packet-stage {
    --legend: calc(var(--pk-space) * 33);
  }
  packet-stage::part(frame) {
    margin-bottom: var(--legend);
    border-radius: 0;
  }
  packet-stage::part(legend) {
    position: absolute;
    inset: auto 0 0;
    background: var(--pk-background);
  }
  /* Shapes, a choice and two lines of colours: more would cover the network, and is scrolled to. */
  .wide .stages:not(.two) packet-stage::part(legend) {
    box-sizing: border-box;
    max-height: var(--legend);
    overflow: hidden auto;
  }
  packet-transport {
    flex: none;
    padding: calc(var(--pk-space) * 2) calc(var(--pk-space) * 4) calc(var(--pk-space) * 3);
  }
  .thinned {
    display: flex;
    gap: 0.5em;
    padding: 0 calc(var(--pk-space) * 4) calc(var(--pk-space) * 3);
    color: var(--pk-muted);
    font-size: var(--pk-size-tiny);
  }
  .side {
    border-top: 1px solid var(--pk-line);
  }
  .panels {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
  }
  .lesson {
    padding: calc(var(--pk-space) * 3);
  }
  .panel {
    padding: calc(var(--pk-space) * 3) calc(var(--pk-space) * 4) calc(var(--pk-space) * 5);
  }
  .switcher {
    display: flex;
    gap: 2px;
    padding: 0 calc(var(--pk-space) * 2);
    border-block: 1px solid var(--pk-line);
    background: var(--pk-surface);
  }
  .switcher button {
    flex: 1;
    min-height: calc(var(--pk-space) * 11);
    border: 0;
    border-bottom: 2px solid transparent;
    border-radius: 0;
    background: none;
    color: var(--pk-muted);
    font-weight: 500;
  }
  .switcher button:hover {
    color: var(--pk-text);
    background: none;
  }
  .switcher .icon {
    color: var(--pk-line-strong);
    transition: rotate 120ms;
  }
  .switcher button[aria-expanded='true'] .icon {
    rotate: 180deg;
  }
  .switcher button[aria-expanded='true'] {
    border-bottom-color: var(--pk-accent);
    color: var(--pk-text);
  }
  /* Five of them stand side by side on a phone. */
  @container (max-width: 560px) {
    .switcher {
      padding: 0;
    }
    .switcher button {
      flex: 1 1 auto;
      gap: 2px;
      padding-inline: 2px;
    }
  }
  packet-lanes,
  packet-waterfall,
  packet-events,
  packet-inspector {
    height: calc(420px * var(--pk-scale));
  }
  packet-lanes {
    height: calc(540px * var(--pk-scale));
  }
  .wide packet-events,
  .wide packet-inspector {
    height: calc(350px * var(--pk-scale));
  }
  .wide .instruments .twice {
    grid-column: 1 / -1;
  }
  .wide .instruments packet-lanes,
  .wide .instruments packet-waterfall {
    height: calc(424px * var(--pk-scale));
    border-bottom: 1px solid var(--pk-line);
  }
  .instruments {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
  }
  .placeholder {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    place-items: center;
    min-height: 990px;
    padding: calc(var(--pk-space) * 6);
    color: var(--pk-muted);
  }
  .poster {
    width: min(100%, 800px);
  }
  .poster line {
    stroke: var(--pk-line);
    stroke-width: 3.4;
  }
  .poster rect {
    fill: var(--pk-surface);
    stroke: var(--pk-line);
    stroke-width: 0.2;
  }
  .poster text {
    fill: var(--pk-text);
    font: 600 1.9px var(--pk-font);
  }
  .problem {
    display: grid;
    gap: calc(var(--pk-space) * 4);
    padding: calc(var(--pk-space) * 6);
  }
  .problem ul {
    display: grid;
    gap: calc(var(--pk-space) * 2);
    margin: 0;
    padding: 0;
    list-style: none;
  }
  .problem li small {
    display: block;
    color: var(--pk-muted);
    font-size: var(--pk-size-small);
  }

  dialog {
    width: min(430px, calc(100vw - 32px));
    max-height: calc(100vh - 32px);
    padding: calc(var(--pk-space) * 6);
    border: 1px solid var(--pk-line);
    border-radius: var(--pk-radius-large);
    background: var(--pk-surface);
    color: var(--pk-text);
    box-shadow: var(--pk-shadow);
  }
  dialog::backdrop {
    background: rgb(10 12 16 / 0.45);
  }
  dialog .header {
    justify-content: space-between;
    min-height: 0;
    margin: -8px -8px 0 0;
    padding: 0 0 calc(var(--pk-space) * 2);
    border: 0;
  }
  dialog dl {
    display: grid;
    grid-template-columns: auto 1fr;
    gap: calc(var(--pk-space) * 2) calc(var(--pk-space) * 4);
    margin: 0;
    font-size: var(--pk-size-small);
  }
  dialog dt {
    text-align: right;
  }
  dialog dd {
    margin: 0;
  }
  dialog p {
    margin-top: calc(var(--pk-space) * 4);
    color: var(--pk-muted);
    font-size: var(--pk-size-small);
  }
  dialog input {
    margin-top: calc(var(--pk-space) * 2);
  }

  .wide .body {
    display: grid;
    grid-template-columns: minmax(0, 1fr) calc(300px * var(--pk-scale));
  }
  .wide .main {
    min-height: calc(550px * var(--pk-scale));
  }
  .wide .side {
    position: relative;
    border-top: 0;
    border-left: 1px solid var(--pk-line);
    background: var(--pk-surface);
  }
  /* The panel scrolls within the height that the stage gives it. */
  .wide .panels {
    position: absolute;
    inset: 0;
    align-content: start;
    overflow: auto;
    overscroll-behavior: contain;
  }
  .wide .panel + .panel {
    border-top: 1px solid var(--pk-line);
  }
  .wide .panel {
    padding-block: calc(var(--pk-space) * 4);
  }
  .wide .switcher.of-instruments {
    border-bottom: 1px solid var(--pk-line);
    justify-content: flex-start;
  }
  .wide .switcher button {
    flex: none;
    padding-inline: calc(var(--pk-space) * 4);
  }
  .wide .instruments.two packet-inspector {
    border-left: 1px solid var(--pk-line);
  }

  :host([projector]) {
    position: fixed;
    inset: 0;
    z-index: 2147483000;
    overflow: auto;
    background: var(--pk-background);
  }
  :host([projector]) .playground {
    min-height: 100%;
    border: 0;
    border-radius: 0;
  }
  :host([projector]) .wide .main {
    min-height: calc(100vh - var(--pk-space) * 12 - 60px);
  }
`
