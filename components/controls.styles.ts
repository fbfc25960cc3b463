import { css } from 'lit'

/** Native controls, styled: buttons, ranges, selects, segmented radios, switches, badges. Used together with `tokens`. */
export const controls = css`
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  :host([hidden]),
  [hidden] {
    display: none !important;
  }
  .icon {
    display: inline-grid;
    flex: none;
    width: 1.15em;
    height: 1.15em;
    vertical-align: -0.2em;
  }
  .icon svg {
    width: 100%;
    height: 100%;
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

  button,
  .button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: calc(var(--pk-space) * 1.5);
    min-height: calc(var(--pk-space) * 8);
    margin: 0;
    padding: var(--pk-space) calc(var(--pk-space) * 3);
    border: 1px solid var(--pk-line);
    border-radius: var(--pk-radius);
    background: var(--pk-surface);
    color: var(--pk-text);
    font: inherit;
    font-size: var(--pk-size-small);
    line-height: 1.2;
    text-decoration: none;
    cursor: pointer;
    transition:
      background-color 120ms,
      border-color 120ms;
    -webkit-tap-highlight-color: transparent;
  }
  button:hover:not(:disabled) {
    background: var(--pk-hover);
    border-color: var(--pk-line-strong);
  }
  button:disabled {
    color: var(--pk-muted);
    opacity: 0.6;
    cursor: default;
  }
  button.primary {
    border-color: transparent;
    background: var(--pk-accent);
    color: var(--pk-on-accent);
  }
  button.primary:hover:not(:disabled) {
    background: color-mix(in oklab, var(--pk-accent) 88%, var(--pk-text));
    border-color: transparent;
  }
  button.quiet {
    border-color: transparent;
    background: transparent;
    color: var(--pk-muted);
  }
  button.quiet:hover:not(:disabled) {
    background: var(--pk-hover);
    color: var(--pk-text);
  }
  button.only-icon {
    width: calc(var(--pk-space) * 9);
    min-height: calc(var(--pk-space) * 9);
    padding: 0;
    font-size: var(--pk-size);
  }
  button.link {
    min-height: 0;
    padding: 0;
    border: 0;
    background: none;
    color: var(--pk-accent);
    font-size: inherit;
    text-decoration: underline;
    text-underline-offset: 0.18em;
    text-decoration-thickness: 0.06em;
  }
  button.link:hover:not(:disabled) {
    background: none;
    text-decoration-thickness: 0.12em;
  }
  @media (pointer: coarse) {
    button:not(.link) {
      min-height: 40px;
    }
    button.only-icon {
      width: 40px;
    }
  }

  :focus-visible {
    outline: 2px solid var(--pk-accent);
    outline-offset: 2px;
  }

  select,
  input[type='search'],
  input[type='text'],
  input[type='number'] {
    width: 100%;
    min-height: calc(var(--pk-space) * 8);
    padding: var(--pk-space) calc(var(--pk-space) * 2);
    border: 1px solid var(--pk-line-strong);
    border-radius: var(--pk-radius);
    background: var(--pk-surface);
    color: var(--pk-text);
    font: inherit;
    font-size: var(--pk-size-small);
  }
  select {
    text-overflow: ellipsis;
  }
  input::placeholder {
    color: var(--pk-muted);
    opacity: 1;
  }
  @media (pointer: coarse) {
    select,
    input[type='search'] {
      min-height: 40px;
      /* Under 16 px, iOS zooms the page when such a control gets the focus. */
      font-size: max(16px, var(--pk-size-small));
    }
  }

  input[type='range'] {
    --track: 4px;
    --thumb: 16px;
    width: 100%;
    height: calc(var(--thumb) + 8px);
    margin: 0;
    background: transparent;
    appearance: none;
    cursor: pointer;
    border-radius: var(--pk-radius);
  }
  input[type='range']::-webkit-slider-runnable-track {
    height: var(--track);
    border-radius: 2px;
    background: linear-gradient(var(--pk-accent), var(--pk-accent)) 0 / var(--fill, 0%) 100% no-repeat var(--pk-line);
  }
  input[type='range']::-moz-range-track {
    height: var(--track);
    border-radius: 2px;
    background: linear-gradient(var(--pk-accent), var(--pk-accent)) 0 / var(--fill, 0%) 100% no-repeat var(--pk-line);
  }
  input[type='range']::-webkit-slider-thumb {
    width: var(--thumb);
    height: var(--thumb);
    margin-top: calc((var(--track) - var(--thumb)) / 2);
    border: 2px solid var(--pk-accent);
    border-radius: 50%;
    background: var(--pk-surface);
    appearance: none;
  }
  input[type='range']::-moz-range-thumb {
    width: calc(var(--thumb) - 4px);
    height: calc(var(--thumb) - 4px);
    border: 2px solid var(--pk-accent);
    border-radius: 50%;
    background: var(--pk-surface);
  }
  input[type='range']:disabled {
    opacity: 0.5;
    cursor: default;
  }

  .segmented {
    display: grid;
    grid-auto-flow: column;
    grid-auto-columns: 1fr;
    gap: 2px;
    min-width: 0;
    margin: 0;
    padding: 2px;
    border: 1px solid var(--pk-line);
    border-radius: calc(var(--pk-radius) + 2px);
    background: var(--pk-sunken);
  }
  .segmented label {
    display: flex;
    align-items: center;
    justify-content: center;
    gap: calc(var(--pk-space) * 1.25);
    min-height: calc(var(--pk-space) * 7.5);
    padding: 0 calc(var(--pk-space) * 2);
    border-radius: var(--pk-radius);
    color: var(--pk-muted);
    font-size: var(--pk-size-small);
    cursor: pointer;
    text-align: center;
  }
  .segmented label:hover {
    color: var(--pk-text);
  }
  .segmented label:has(:checked) {
    background: var(--pk-surface);
    color: var(--pk-text);
    font-weight: 600;
    box-shadow: 0 0 0 1px var(--pk-line-strong);
  }
  .segmented label:has(:focus-visible) {
    outline: 2px solid var(--pk-accent);
    outline-offset: 2px;
  }
  .segmented input {
    position: absolute;
    opacity: 0;
    width: 1px;
    height: 1px;
  }
  @media (pointer: coarse) {
    .segmented label {
      min-height: 40px;
    }
  }

  .switch-row {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: calc(var(--pk-space) * 3);
    min-height: calc(var(--pk-space) * 8);
    font-size: var(--pk-size-small);
    font-weight: 500;
    cursor: pointer;
  }
  input.switch {
    flex: none;
    position: relative;
    width: calc(34px * var(--pk-scale));
    height: calc(20px * var(--pk-scale));
    margin: 0;
    border: 1px solid var(--pk-line-strong);
    border-radius: 1em;
    background: var(--pk-sunken);
    appearance: none;
    cursor: pointer;
    transition: background-color 120ms;
  }
  input.switch::after {
    content: '';
    position: absolute;
    top: calc(2px * var(--pk-scale));
    left: calc(2px * var(--pk-scale));
    width: calc(14px * var(--pk-scale));
    height: calc(14px * var(--pk-scale));
    border-radius: 50%;
    background: var(--pk-line-strong);
    transition: translate 120ms;
  }
  input.switch:checked {
    border-color: var(--pk-accent);
    background: var(--pk-accent);
  }
  input.switch:checked::after {
    background: var(--pk-on-accent);
    translate: calc(14px * var(--pk-scale));
  }

  .badge {
    display: inline-flex;
    align-items: center;
    gap: 0.35em;
    padding: 0.1em 0.5em;
    border-radius: 1em;
    background: var(--pk-sunken);
    color: var(--pk-muted);
    font-size: var(--pk-size-tiny);
    font-weight: 500;
    white-space: nowrap;
  }

  h2,
  h3 {
    margin: 0;
    font: inherit;
    font-size: var(--pk-size-small);
    font-weight: 600;
  }
  p {
    margin: 0;
  }
  .muted {
    color: var(--pk-muted);
  }
  .notice {
    display: flex;
    gap: calc(var(--pk-space) * 2);
    padding: calc(var(--pk-space) * 2) calc(var(--pk-space) * 3);
    border-radius: var(--pk-radius);
    background: var(--pk-warning-soft);
    font-size: var(--pk-size-small);
  }
  .notice .icon {
    margin-top: 0.15em;
    color: var(--pk-warning);
  }
  .notice.error {
    background: var(--pk-lost-soft);
  }
  .notice.error .icon {
    color: var(--pk-lost);
  }
  kbd {
    padding: 0.1em 0.45em;
    border: 1px solid var(--pk-line-strong);
    border-bottom-width: 2px;
    border-radius: 4px;
    background: var(--pk-surface);
    font-family: var(--pk-font);
    font-size: var(--pk-size-tiny);
    white-space: nowrap;
  }

  @media (prefers-reduced-motion: reduce) {
    *,
    *::before,
    *::after {
      transition: none !important;
      animation: none !important;
      scroll-behavior: auto !important;
    }
  }
  @media (forced-colors: active) {
    .segmented label:has(:checked) {
      outline: 2px solid Highlight;
    }
  }
`
