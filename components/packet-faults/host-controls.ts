import { html, nothing, type TemplateResult } from 'lit'
import { property, state } from 'lit/decorators.js'
import type { Run } from '../../src/run/run.ts'
import type { MachineChange } from '../../src/scenario/machine-layers.ts'
import type { MachineSettings } from '../../src/scenario/machine-settings.ts'
import { controls } from '../controls.styles.ts'
import { icon } from '../icons.ts'
import { intervene } from '../intervene.ts'
import { formatMachineSetting, MACHINE_GROUPS, type MachineControl } from '../machine-settings.ts'
import { networkKey, networkOf, type MachineStanding } from '../network-state.ts'
import { RunElement, type RunEvent } from '../run-element.ts'
import { tokens } from '../theme.ts'
import { sliderWords, valueSlider, type ValueSlider } from '../value-slider.ts'
import { targetStyles } from './target.styles.ts'

/** What can be done to one host: kill and restart it, pause and resume it, and change the machine under it. */
export class HostControls extends RunElement {
  static override styles = [tokens, controls, targetStyles]

  protected override readonly follows: readonly RunEvent[] = ['change', 'time', 'restart']

  /** Index of the host in the scenario. */
  @property({ type: Number }) host = 0

  /** A value that is being chosen; not in force yet. */
  @state() private preview: { readonly key: keyof MachineSettings; readonly value: number } | undefined
  #shown = ''

  protected override runFired(event: RunEvent): void {
    if (event === 'time' && this.run !== undefined && this.#shown === networkKey(this.run)) return
    this.requestUpdate()
  }

  protected override render(): TemplateResult | typeof nothing {
    const { run } = this
    const host = run?.scenario.hosts.at(this.host)
    if (run === undefined || host === undefined) return nothing
    this.#shown = networkKey(run)
    const network = networkOf(run)
    const power = network.power[this.host]
    const { faults } = run.scenario
    return html`
      <p class="state" role="status">
        ${power === 'on' ? 'Running.' : power === 'off' ? 'Down: everything it knew is gone.' : 'Paused: it will go on where it stopped.'}
      </p>
      <div class="pair">
        ${
          faults.includes('kill')
            ? power === 'off'
              ? html`<button @click=${() => void intervene(this, run, { restart: host.name })}>
                  ${icon('restart')} Restart
                </button>`
              : html`<button @click=${() => void intervene(this, run, { kill: host.name })}>${icon('power')} Kill</button>`
            : nothing
        }
        ${
          faults.includes('pause')
            ? html`<button
                ?disabled=${power === 'off'}
                @click=${() => void intervene(this, run, power === 'paused' ? { resume: host.name } : { pause: host.name })}
              >
                ${icon(power === 'paused' ? 'play' : 'pause')} ${power === 'paused' ? 'Resume' : 'Pause'}
              </button>`
            : nothing
        }
      </div>
      ${faults.includes('machine') && host.kind !== 'switch' ? this.#renderMachine(run, network.machines[this.host]) : nothing}
    `
  }

  #renderMachine(run: Run, standing: MachineStanding): TemplateResult {
    return html`<div class="groups">
      ${MACHINE_GROUPS.map(({ label, controls: members }) => {
        const { settings, baseline } = standing
        const said = members.filter(({ key }) => settings[key] !== 0)
        const broken = members.some(({ key }) => settings[key] !== baseline[key])
        const words = said.map(({ key }) => formatMachineSetting(key, settings[key])).join(', ')
        return html`<details name="group">
          <summary>
            <span class="name">${label}</span>
            <span class="now ${broken ? 'broken' : ''}">${words || 'perfect'}</span>
            ${icon('down')}
          </summary>
          <div class="more">${members.map((control) => this.#renderSetting(run, control, standing))}</div>
        </details>`
      })}
    </div>`
  }

  #renderSetting(run: Run, control: MachineControl, { settings, baseline }: MachineStanding): TemplateResult {
    const { key, label } = control
    const now = this.preview?.key === key ? this.preview.value : settings[key]
    const slider: ValueSlider = {
      ...control,
      id: key,
      value: now,
      words: (each) => formatMachineSetting(key, each),
      preview: (each) => {
        this.preview = { key, value: each }
      },
      commit: (each) => {
        this.#set(run, { [key]: each === baseline[key] ? null : each })
      },
    }
    return html`<div class="setting">
      <div class="head">
        <label for=${key}>${label}</label>
        <button
          class="quiet reset"
          title="Put back"
          aria-label="Put ${label.toLowerCase()} back"
          ?disabled=${settings[key] === baseline[key]}
          @click=${() => {
            this.#set(run, { [key]: null })
          }}
        >
          ${icon('undo')}
        </button>
        <output for=${key}>${sliderWords(slider, now)}</output>
      </div>
      ${valueSlider(slider)}
    </div>`
  }

  #set(run: Run, settings: MachineChange): void {
    const { name } = run.scenario.hosts[this.host]
    void intervene(this, run, { host: { name, settings } }).finally(() => {
      this.preview = undefined
      this.requestUpdate()
    })
  }
}
