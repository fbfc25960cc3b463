import { html, nothing, type PropertyValues, type TemplateResult } from 'lit'
import { property, state } from 'lit/decorators.js'
import { live } from 'lit/directives/live.js'
import type { LinkSettings } from '../../src/trace/record.ts'
import { controls } from '../controls.styles.ts'
import { icon } from '../icons.ts'
import { intervene } from '../intervene.ts'
import { LINK_CONTROLS, type LinkControl } from '../link-settings.ts'
import { networkKey, networkOf } from '../network-state.ts'
import { RunElement, type RunEvent } from '../run-element.ts'
import { tokens } from '../theme.ts'
import { sliderWords, valueSlider, type ValueSlider } from '../value-slider.ts'
import { directionWords } from '../wording.ts'
import { targetStyles } from './target.styles.ts'

/**
 * What can be done to one link: cut and heal it, change its settings in one direction or both. Setting one thing leaves the
 * others alone, and each can be put back by itself.
 */
export class LinkControls extends RunElement {
  static override styles = [tokens, controls, targetStyles]

  protected override readonly follows: readonly RunEvent[] = ['change', 'time', 'restart']

  /** Index of the link in the scenario. */
  @property({ type: Number }) link = 0

  @state() private direction: 0 | 1 | undefined
  /** A value that is being chosen; not in force yet. */
  @state() private preview: { readonly key: keyof LinkSettings; readonly value: number } | undefined
  #shown = ''

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed)
    if (changed.has('link')) {
      this.direction = undefined
      this.preview = undefined
    }
  }

  protected override runFired(event: RunEvent): void {
    if (event === 'time' && this.run !== undefined && this.#shown === networkKey(this.run)) return
    this.requestUpdate()
  }

  protected override render(): TemplateResult | typeof nothing {
    const { run } = this
    const link = run?.scenario.links.at(this.link)
    if (run === undefined || link === undefined) return nothing
    this.#shown = networkKey(run)
    const state = networkOf(run).links[this.link]
    const directions = this.direction === undefined ? ([0, 1] as const) : [this.direction]
    const up = directions.every((direction) => state.settings[direction].up)
    const { faults } = run.scenario
    return html`
      ${
        faults.includes('cut')
          ? html`<button class="wide" @click=${() => void intervene(this, run, up ? { cut: link.name } : { heal: link.name })}>
              ${icon(up ? 'cut' : 'heal')} ${up ? 'Cut the cable' : 'Heal the cable'}
            </button>`
          : nothing
      }
      ${
        faults.includes('link')
          ? html`
              <label class="direction"
                ><span class="visually-hidden">Direction</span>
                <select
                  .value=${live(this.direction === undefined ? '' : String(this.direction))}
                  @change=${(event: Event) => {
                    const { value } = event.target as HTMLSelectElement
                    this.direction = value === '' ? undefined : value === '0' ? 0 : 1
                  }}
                >
                  <option value="">Both directions</option>
                  <option value="0">Only ${directionWords(run.scenario, link, 0)}</option>
                  <option value="1">Only ${directionWords(run.scenario, link, 1)}</option>
                </select>
              </label>
              ${LINK_CONTROLS.filter(({ rare }) => !rare).map((control) => this.#renderControl(control, state))}
              <details>
                <summary>More impairments</summary>
                <div class="more">
                  ${LINK_CONTROLS.filter(({ rare }) => rare).map((control) => this.#renderControl(control, state))}
                </div>
              </details>
            `
          : nothing
      }
    `
  }

  #renderControl(
    control: LinkControl,
    state: { readonly settings: [LinkSettings, LinkSettings]; readonly baseline: [LinkSettings, LinkSettings] },
  ): TemplateResult {
    const { key } = control
    const directions = this.direction === undefined ? ([0, 1] as const) : [this.direction]
    const values = directions.map((direction) => state.settings[direction][key] as number)
    const changed = directions.some((direction) => state.settings[direction][key] !== state.baseline[direction][key])
    const differ = values.some((value) => value !== values[0])
    const previewed = this.preview?.key === key ? this.preview.value : undefined
    const now = previewed ?? values[0]
    const slider: ValueSlider = {
      ...control,
      id: key,
      value: now,
      zero: control.zero,
      preview: (value) => {
        this.preview = { key, value }
      },
      commit: (value) => {
        this.#set({ [key]: value })
      },
    }
    return html`<div class="setting">
      <div class="head">
        <label for=${key}>${control.label}</label>
        <button
          class="quiet reset"
          title="Put back"
          aria-label="Put ${control.label.toLowerCase()} back"
          ?disabled=${!changed}
          @click=${() => {
            this.#reset(key, state.baseline)
          }}
        >
          ${icon('undo')}
        </button>
        <output for=${key}>${differ && previewed === undefined ? 'differs by direction' : sliderWords(slider, now)}</output>
      </div>
      ${valueSlider(slider)}
    </div>`
  }

  #set(settings: Partial<LinkSettings>, direction = this.direction): void {
    const { run } = this
    if (run === undefined) return
    const { name } = run.scenario.links[this.link]
    void intervene(this, run, { link: { name, settings, ...(direction === undefined ? {} : { direction }) } }).finally(() => {
      this.preview = undefined
      this.requestUpdate()
    })
  }

  #reset(key: keyof LinkSettings, baseline: [LinkSettings, LinkSettings]): void {
    const [forth, back] = baseline
    if (this.direction !== undefined || forth[key] === back[key]) this.#set({ [key]: baseline[this.direction ?? 0][key] })
    else {
      this.#set({ [key]: forth[key] }, 0)
      this.#set({ [key]: back[key] }, 1)
    }
  }
}
