import { html, nothing, type TemplateResult } from 'lit'
import { state } from 'lit/decorators.js'
import { live } from 'lit/directives/live.js'
import type { ResolvedKnob } from '../../src/scenario/resolved.ts'
import { controls } from '../controls.styles.ts'
import { icon } from '../icons.ts'
import { intervene } from '../intervene.ts'
import { networkKey, networkOf } from '../network-state.ts'
import { RunElement, type RunEvent } from '../run-element.ts'
import { tokens } from '../theme.ts'
import { sliderWords, valueSlider, type ValueSlider } from '../value-slider.ts'
import { knobsStyles } from './packet-knobs.styles.ts'

type KnobValue = ResolvedKnob['value']

/** More choices than this are a list to open. */
const MOST_SIDE_BY_SIDE = 6

/**
 * The scenario's knobs, as they are at the playhead. Turning one is an intervention at the playhead.
 *
 * @part knob - One knob.
 */
export class PacketKnobs extends RunElement {
  static override styles = [tokens, controls, knobsStyles]

  protected override readonly follows: readonly RunEvent[] = ['change', 'time', 'restart']

  /** A value that is being chosen, by knob; not in force yet. */
  @state() private preview: { readonly knob: string; readonly value: number } | undefined
  #shown = ''

  protected override runFired(event: RunEvent): void {
    // The playhead moves sixty times a second, the knobs hardly ever.
    if (event === 'time' && this.run !== undefined && networkKey(this.run) === this.#shown) return
    this.requestUpdate()
  }

  protected override render(): TemplateResult | typeof nothing {
    const { run } = this
    if (run === undefined || run.scenario.knobs.length === 0) return nothing
    const values = networkOf(run).knobs
    this.#shown = networkKey(run)
    return html`<div class="knobs">
      ${run.scenario.knobs.map((knob, index) => this.#renderKnob(knob, `knob-${String(index)}`, values[knob.name]))}
    </div>`
  }

  #renderKnob(knob: ResolvedKnob, id: string, value: KnobValue): TemplateResult {
    const { control } = knob
    const help = html`
      ${knob.help === '' ? nothing : html`<span class="help" id="${id}-help">${knob.help}</span>`}
      ${knob.applies === 'restart' ? html`<span class="help">${icon('restart')} starts the run anew</span>` : nothing}
    `
    const describedBy = knob.help === '' ? undefined : `${id}-help`
    switch (control.kind) {
      case 'range': {
        const now = this.preview?.knob === knob.name ? this.preview.value : Number(value)
        const slider: ValueSlider = {
          ...control,
          id,
          describedBy,
          value: now,
          zero:
            control.unit === 'rate' && control.min === 0
              ? 'no limit'
              : control.scale === 'log' && control.min === 0
                ? 'none'
                : undefined,
          min: control.scale === 'log' ? Math.max(control.min, control.step, control.max / 1e6) : control.min,
          preview: (chosen) => {
            this.preview = { knob: knob.name, value: chosen }
          },
          commit: (chosen) => {
            this.#set(knob, chosen)
          },
        }
        return html`<div class="knob" part="knob">
          <div class="head"><label for=${id}>${knob.label}</label><output for=${id}>${sliderWords(slider, now)}</output></div>
          ${valueSlider(slider)} ${help}
        </div>`
      }
      case 'choice': {
        if (control.choices.length > MOST_SIDE_BY_SIDE) {
          return html`<div class="knob" part="knob">
            <div class="head"><label for=${id}>${knob.label}</label></div>
            <select
              id=${id}
              aria-describedby=${describedBy ?? nothing}
              .value=${live(String(value))}
              @change=${(event: Event) => {
                const chosen = control.choices[(event.target as HTMLSelectElement).selectedIndex]
                this.#set(knob, chosen.value)
              }}
            >
              ${control.choices.map((choice) => html`<option value=${choice.value} ?selected=${choice.value === value}>${choice.label}</option>`)}
            </select>
            ${help}
          </div>`
        }
        const long = control.choices.reduce((length, choice) => length + choice.label.length, 0) > 22
        return html`<fieldset class="knob" part="knob">
          <legend class="visually-hidden">${knob.label}</legend>
          <div class="head"><span class="name" aria-hidden="true">${knob.label}</span></div>
          <div class="segmented ${long ? 'stacked' : ''}">
            ${control.choices.map(
              (choice) =>
                html`<label
                  ><input
                    type="radio"
                    name=${id}
                    .checked=${live(choice.value === value)}
                    @change=${() => {
                      this.#set(knob, choice.value)
                    }}
                  />${choice.label}</label
                >`,
            )}
          </div>
          ${help}
        </fieldset>`
      }
      case 'toggle':
        return html`<div class="knob" part="knob">
          <label class="switch-row"
            ><span>${knob.label}</span
            ><input
              type="checkbox"
              class="switch"
              role="switch"
              .checked=${live(value === true)}
              @change=${(event: Event) => {
                this.#set(knob, (event.target as HTMLInputElement).checked)
              }}
          /></label>
          ${help}
        </div>`
    }
  }

  #set(knob: ResolvedKnob, value: KnobValue): void {
    void intervene(this, this.run, { set: { knob: knob.name, value } }).finally(() => {
      this.preview = undefined
      this.requestUpdate()
    })
  }
}
