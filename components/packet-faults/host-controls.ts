import { html, nothing, type TemplateResult } from 'lit'
import { property } from 'lit/decorators.js'
import { controls } from '../controls.styles.ts'
import { icon } from '../icons.ts'
import { intervene } from '../intervene.ts'
import { networkKey, networkOf } from '../network-state.ts'
import { RunElement, type RunEvent } from '../run-element.ts'
import { tokens } from '../theme.ts'
import { targetStyles } from './target.styles.ts'

/** What can be done to one host: kill and restart it, pause and resume it. */
export class HostControls extends RunElement {
  static override styles = [tokens, controls, targetStyles]

  protected override readonly follows: readonly RunEvent[] = ['change', 'time', 'restart']

  /** Index of the host in the scenario. */
  @property({ type: Number }) host = 0

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
    const power = networkOf(run).power[this.host]
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
    `
  }
}
