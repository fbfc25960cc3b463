import { html, nothing, type PropertyValues, type TemplateResult } from 'lit'
import { property, state } from 'lit/decorators.js'
import { live } from 'lit/directives/live.js'
import type { Run } from '../../src/run/run.ts'
import type { LinkChange } from '../../src/scenario/link-layers.ts'
import type { LinkSettings } from '../../src/trace/record.ts'
import { controls } from '../controls.styles.ts'
import { icon } from '../icons.ts'
import { intervene, notify } from '../intervene.ts'
import {
  LINK_CONTROLS,
  listWords,
  rangeWords,
  type ChoiceControl,
  type LinkControl,
  type LinkGroup,
  type ListControl,
  type RangeControl,
  type SwitchControl,
} from '../link-settings.ts'
import { networkKey, networkOf, type LinkStanding } from '../network-state.ts'
import { RunElement, type RunEvent } from '../run-element.ts'
import { tokens } from '../theme.ts'
import { sliderWords, valueSlider, type ValueSlider } from '../value-slider.ts'
import { directionWords } from '../wording.ts'
import { groupWords, LINK_GROUPS } from './link-groups.ts'
import { targetStyles } from './target.styles.ts'

/** One control, and how its setting stands in the directions that are looked at. */
interface Shown<Control extends LinkControl> {
  readonly control: Control
  readonly value: LinkSettings[keyof LinkSettings]
  /** Whether the directions differ. */
  readonly differ: boolean
  /** Whether it is another than the scenario and its knobs say. */
  readonly changed: boolean
}

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

  get #directions(): readonly (0 | 1)[] {
    return this.direction === undefined ? [0, 1] : [this.direction]
  }

  protected override render(): TemplateResult | typeof nothing {
    const { run } = this
    const link = run?.scenario.links.at(this.link)
    if (run === undefined || link === undefined) return nothing
    this.#shown = networkKey(run)
    const standing = networkOf(run).links[this.link]
    const { faults } = run.scenario
    const groups = LINK_GROUPS.filter(({ group }) => faults.includes('link') || (group === 'cut' && faults.includes('cut')))
    return html`
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
      <div class="groups">${groups.map(({ group, label }) => this.#renderGroup(run, group, label, standing))}</div>
    `
  }

  #renderGroup(run: Run, group: LinkGroup, label: string, standing: LinkStanding): TemplateResult {
    const { faults } = run.scenario
    const shown = LINK_CONTROLS.filter((control) => control.group === group).map((control) => this.#standingOf(control, standing))
    const visible = shown.filter(({ control, changed }) => changed || this.#isOfUse(control, standing))
    const broken = shown.some(({ changed }) => changed) || (group === 'cut' && this.#isCut(standing))
    return html`<details name="group" data-group=${group}>
      <summary>
        <span class="name">${label}</span>
        <span class="now ${broken ? 'broken' : ''}">${groupWords(group, standing, this.#directions)}</span>
        ${icon('down')}
      </summary>
      <div class="more">
        ${group === 'cut' && faults.includes('cut') ? this.#renderCut(run, standing) : nothing}
        ${faults.includes('link') ? visible.map((each) => this.#renderControl(each)) : nothing}
      </div>
    </details>`
  }

  #isCut({ settings, flapped }: LinkStanding): boolean {
    return this.#directions.some((direction) => !settings[direction].up && !flapped[direction])
  }

  #renderCut(run: Run, standing: LinkStanding): TemplateResult {
    const { name } = run.scenario.links[this.link]
    const { direction } = this
    const cut = this.#isCut(standing)
    const what = direction === undefined ? 'the cable' : 'this direction'
    const change: LinkChange = { up: cut ? (standing.baseline[direction ?? 0].up ? null : true) : false }
    const action =
      direction !== undefined ? { link: { name, direction, settings: change } } : cut ? { heal: name } : { cut: name }
    return html`<button class="wide" @click=${() => void intervene(this, run, action)}>
      ${icon(cut ? 'heal' : 'cut')} ${cut ? 'Heal' : 'Cut'} ${what}
    </button>`
  }

  #isOfUse({ shown }: LinkControl, { settings }: LinkStanding): boolean {
    return shown === undefined || this.#directions.some((direction) => shown(settings[direction]))
  }

  #standingOf<Control extends LinkControl>(control: Control, { settings, baseline }: LinkStanding): Shown<Control> {
    const { key } = control
    const same = (one: LinkSettings, other: LinkSettings): boolean => JSON.stringify(one[key]) === JSON.stringify(other[key])
    const [first] = this.#directions
    return {
      control,
      value: settings[first][key],
      differ: this.#directions.some((direction) => !same(settings[direction], settings[first])),
      changed: this.#directions.some((direction) => !same(settings[direction], baseline[direction])),
    }
  }

  #renderControl(shown: Shown<LinkControl>): TemplateResult {
    const { control } = shown
    switch (control.kind) {
      case 'range':
        return this.#renderRange({ ...shown, control })
      case 'choice':
        return this.#renderChoice({ ...shown, control })
      case 'switch':
        return this.#renderSwitch({ ...shown, control })
      case 'list':
        return this.#renderList({ ...shown, control })
    }
  }

  #renderHead({ control, changed }: Shown<LinkControl>, output: TemplateResult | typeof nothing): TemplateResult {
    const { key, label } = control
    return html`<div class="head">
      <label for=${key}>${label}</label>
      <button
        class="quiet reset"
        title="Put back"
        aria-label="Put ${label.toLowerCase()} back"
        ?disabled=${!changed}
        @click=${() => {
          this.#set({ [key]: null })
        }}
      >
        ${icon('undo')}
      </button>
      ${output}
    </div>`
  }

  #renderRange(shown: Shown<RangeControl>): TemplateResult {
    const { control, value, differ } = shown
    const { key } = control
    const previewed = this.preview?.key === key ? this.preview.value : undefined
    const now = previewed ?? (value as number)
    const slider: ValueSlider = {
      ...control,
      id: key,
      value: now,
      zero: control.zero,
      words: (each) => rangeWords(control, each),
      preview: (each) => {
        this.preview = { key, value: each }
      },
      commit: (each) => {
        this.#choose(key, each)
      },
    }
    const words = differ && previewed === undefined ? 'differs by direction' : sliderWords(slider, now)
    return html`<div class="setting">
      ${this.#renderHead(shown, html`<output for=${key}>${words}</output>`)} ${valueSlider(slider)}
    </div>`
  }

  #renderChoice(shown: Shown<ChoiceControl>): TemplateResult {
    const { control, value, differ } = shown
    const { key, choices } = control
    return html`<div class="setting">
      ${this.#renderHead(shown, nothing)}
      <select
        id=${key}
        .value=${live(differ ? '' : (value as string))}
        @change=${(event: Event) => {
          this.#choose(key, (event.target as HTMLSelectElement).value as LinkSettings[keyof LinkSettings])
        }}
      >
        ${differ ? html`<option value="" disabled selected>differs by direction</option>` : nothing}
        ${choices.map(
          (choice) => html`<option value=${choice.value} ?selected=${!differ && choice.value === value}>${choice.label}</option>`,
        )}
      </select>
    </div>`
  }

  #renderSwitch(shown: Shown<SwitchControl>): TemplateResult {
    const { control, value, differ } = shown
    const { key } = control
    return html`<div class="setting">
      ${this.#renderHead(
        shown,
        html`<input
          id=${key}
          class="switch"
          type="checkbox"
          .checked=${live(value === true && !differ)}
          .indeterminate=${differ}
          @change=${(event: Event) => {
            this.#choose(key, (event.target as HTMLInputElement).checked)
          }}
        />`,
      )}
    </div>`
  }

  #renderList(shown: Shown<ListControl>): TemplateResult {
    const { control, value, differ } = shown
    const { key, label, placeholder, parse } = control
    return html`<div class="setting">
      ${this.#renderHead(shown, nothing)}
      <input
        id=${key}
        type="text"
        autocomplete="off"
        spellcheck="false"
        placeholder=${differ ? 'differs by direction' : placeholder}
        .value=${live(differ ? '' : listWords(value as LinkSettings['lossList'] | LinkSettings['flaps']))}
        @change=${(event: Event) => {
          const input = event.target as HTMLInputElement
          const list = parse(input.value)
          if (list !== undefined) {
            this.#choose(key, list)
            return
          }
          notify(this, { kind: 'error', text: `${label}: write it ${placeholder}.` })
          this.requestUpdate()
        }}
      />
    </div>`
  }

  /** Sets one thing; to what it would be anyway: that clears it. */
  #choose(key: keyof LinkSettings, value: LinkSettings[keyof LinkSettings]): void {
    const { run } = this
    if (run === undefined) return
    const { baseline } = networkOf(run).links[this.link]
    const usual = this.#directions.every((direction) => JSON.stringify(baseline[direction][key]) === JSON.stringify(value))
    this.#set({ [key]: usual ? null : value })
  }

  #set(settings: LinkChange): void {
    const { run, direction } = this
    if (run === undefined) return
    const { name } = run.scenario.links[this.link]
    void intervene(this, run, { link: { name, settings, ...(direction === undefined ? {} : { direction }) } }).finally(() => {
      this.preview = undefined
      this.requestUpdate()
    })
  }
}
