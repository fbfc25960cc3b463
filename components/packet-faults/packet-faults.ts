import { html, nothing, type TemplateResult } from 'lit'
import { property, query, state } from 'lit/decorators.js'
import { live } from 'lit/directives/live.js'
import { repeat } from 'lit/directives/repeat.js'
import type { Run } from '../../src/run/run.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import { controls } from '../controls.styles.ts'
import { download } from '../download.ts'
import { formatClock } from '../format.ts'
import { icon, type IconName } from '../icons.ts'
import { errorWords, intervene, notify } from '../intervene.ts'
import { activeFaults, clearingAction, networkKey, networkOf, type ActiveFault } from '../network-state.ts'
import { RunElement, type RunEvent } from '../run-element.ts'
import { tokens } from '../theme.ts'
import { actionWords, faultWords, linkWords } from '../wording.ts'
import { faultsStyles } from './packet-faults.styles.ts'

/** What activating a packet does. */
export type PacketMode = 'drop' | 'corrupt' | 'inspect'

const MODES: readonly { readonly mode: PacketMode; readonly label: string; readonly icon: IconName; readonly hint: string }[] = [
  { mode: 'drop', label: 'Drop', icon: 'drop', hint: 'A packet that you click vanishes where it is.' },
  { mode: 'corrupt', label: 'Corrupt', icon: 'corrupt', hint: 'A packet that you click goes on with flipped bits.' },
  { mode: 'inspect', label: 'Inspect', icon: 'search', hint: 'A packet that you click opens, byte by byte.' },
]

/**
 * Breaking things: what a click on a packet does, controls for each link and host, what is broken now with a way to clear it,
 * and the log of everything that was done.
 *
 * @fires packet-faults-mode - The reader chose what a click on a packet does; read `mode`.
 */
export class PacketFaults extends RunElement {
  static override styles = [tokens, controls, faultsStyles]

  protected override readonly follows: readonly RunEvent[] = ['change', 'time', 'restart']

  /** What activating a packet does. */
  @property() mode: PacketMode = 'drop'

  /** What activating a packet does in this scenario, which may not offer every mode. */
  get chosenMode(): PacketMode {
    return this.#offered.find(({ mode }) => mode === this.mode)?.mode ?? this.#offered[0].mode
  }

  get #offered(): typeof MODES {
    const faults = this.run?.scenario.faults ?? []
    return MODES.filter(({ mode }) => mode === 'inspect' || faults.includes(mode))
  }

  /** What the panel for a link or a host is open for: `'link:0'`, `'host:1'`, or ''. */
  @state() private chosen = ''
  @query('input[type=file]') private fileInput!: HTMLInputElement | null
  #shown = ''

  protected override runFired(event: RunEvent): void {
    // Only the past of the log is in force; that changes as the playhead passes an entry, not each time it moves.
    if (event === 'time' && this.run !== undefined && this.#shown === networkKey(this.run)) return
    this.requestUpdate()
  }

  protected override runReplaced(): void {
    this.chosen = ''
  }

  protected override render(): TemplateResult | typeof nothing {
    const { run } = this
    if (run === undefined) return nothing
    this.#shown = networkKey(run)
    return html`${this.#renderModes()} ${this.#renderActive(run)} ${this.#renderTargets(run)} ${this.#renderLog(run)}`
  }

  #renderModes(): TemplateResult {
    const mode = this.chosenMode
    return html`<fieldset>
      <legend>Click a packet to</legend>
      <div class="segmented">
        ${this.#offered.map(
          (each) =>
            html`<label
              ><input
                type="radio"
                name="mode"
                .checked=${live(each.mode === mode)}
                @change=${() => {
                  this.mode = each.mode
                  this.dispatchEvent(new Event('packet-faults-mode', { bubbles: true, composed: true }))
                }}
              />${icon(each.icon)}${each.label}</label
            >`,
        )}
      </div>
      <p class="hint">${this.#offered.find((each) => each.mode === mode)?.hint}</p>
    </fieldset>`
  }

  #renderActive(run: Run): TemplateResult | typeof nothing {
    const faults = activeFaults(networkOf(run))
    if (faults.length === 0) return nothing
    return html`<section class="active" aria-label="What is broken now">
      <div class="row">
        <h3>Broken now</h3>
        ${
          faults.length > 1
            ? html`<button class="quiet" @click=${() => void this.#clear(run, faults)}>Clear all</button>`
            : nothing
        }
      </div>
      <ul>
        ${faults.map(
          (fault) =>
            html`<li>
              <span class="words">${faultWords(fault, run.scenario)}</span>
              <button
                class="quiet"
                aria-label="Clear: ${faultWords(fault, run.scenario)}"
                @click=${() => void this.#clear(run, [fault])}
              >
                Clear
              </button>
            </li>`,
        )}
      </ul>
    </section>`
  }

  #renderTargets(run: Run): TemplateResult | typeof nothing {
    const { faults, hosts, links } = run.scenario
    const offerLinks = faults.includes('link') || faults.includes('cut')
    const offerHosts = faults.includes('kill') || faults.includes('pause') || faults.includes('machine')
    if (!offerLinks && !offerHosts) return nothing
    const [kind, index] = this.chosen.split(':')
    return html`<section>
      <label for="target"><h3>Break a link or a host</h3></label>
      <select
        id="target"
        .value=${this.chosen}
        @change=${(event: Event) => {
          this.chosen = (event.target as HTMLSelectElement).value
        }}
      >
        <option value="">Choose, or click it on the stage</option>
        ${
          offerLinks
            ? html`<optgroup label="Links">
                ${links.map((link, at) => html`<option value="link:${at}" ?selected=${this.chosen === `link:${String(at)}`}>${linkWords(run.scenario, link)}</option>`)}
              </optgroup>`
            : nothing
        }
        ${
          offerHosts
            ? html`<optgroup label="Hosts">
                ${hosts.map((host, at) => html`<option value="host:${at}" ?selected=${this.chosen === `host:${String(at)}`}>${host.label}</option>`)}
              </optgroup>`
            : nothing
        }
      </select>
      ${
        kind === 'link'
          ? html`<packet-link-controls class="target" .run=${run} .link=${Number(index)}></packet-link-controls>`
          : kind === 'host'
            ? html`<packet-host-controls class="target" .run=${run} .host=${Number(index)}></packet-host-controls>`
            : nothing
      }
    </section>`
  }

  #renderLog(run: Run): TemplateResult {
    const { log, playhead, horizon } = run
    return html`<section aria-label="What you did">
      <div class="row">
        <h3>What you did</h3>
        <button class="quiet" ?disabled=${log.length === 0} title="Save as a file" @click=${() => void this.#save(run)}>
          ${icon('save')} Save
        </button>
        <button
          class="quiet"
          title="Load from a file"
          @click=${() => {
            this.fileInput?.click()
          }}
        >
          ${icon('open')} Load
        </button>
        <input
          type="file"
          accept=".json,application/json"
          hidden
          aria-label="File of interventions"
          @change=${() => void this.#load(run)}
        />
      </div>
      ${
        log.length === 0
          ? html`<p class="hint">Nothing yet.</p>`
          : html`<ol class="log">
              ${repeat(
                log,
                (entry, index) => `${String(index)} ${String(entry.at)}`,
                (entry) =>
                  html`<li class=${entry.at > playhead ? 'future' : ''}>
                    <span class="words">${actionWords(entry, run.scenario)}</span>
                    <button class="link at" title="Go there" @click=${() => void run.seek(entry.at)}>
                      ${formatClock(entry.at, horizon)}
                    </button>
                    <button
                      class="quiet"
                      title="Undo: play again without this"
                      aria-label="Undo: ${actionWords(entry, run.scenario)}"
                      @click=${() => void this.#undo(run, entry)}
                    >
                      ${icon('undo')}
                    </button>
                  </li>`,
              )}
            </ol>`
      }
    </section>`
  }

  async #clear(run: Run, faults: readonly ActiveFault[]): Promise<void> {
    for (const fault of faults) await intervene(this, run, clearingAction(run.scenario, fault))
  }

  /** Starts anew without one entry, up to where the reader was. */
  async #undo(run: Run, entry: Intervention): Promise<void> {
    const { playhead } = run
    try {
      await run.restart({ log: run.log.filter((each) => each !== entry) })
      await run.seek(playhead)
    } catch (error) {
      notify(this, { kind: 'error', text: errorWords(error) })
    }
  }

  async #save(run: Run): Promise<void> {
    const { formatInterventions } = await import('../../src/scenario/intervention-json.ts')
    download(`${run.scenario.id}-interventions.json`, 'application/json', formatInterventions(run.log, run.scenario))
  }

  async #load(run: Run): Promise<void> {
    const input = this.fileInput
    const file = input?.files?.[0]
    if (input === null || file === undefined) return
    try {
      const { parseInterventions } = await import('../../src/scenario/intervention-json.ts')
      const log = parseInterventions(JSON.parse(await file.text()), run.scenario)
      await run.restart({ log })
      notify(this, { kind: 'info', text: `Loaded ${String(log.length)} interventions from ${file.name}. Press play.` })
    } catch (error) {
      notify(this, { kind: 'error', text: `${file.name}: ${errorWords(error)}` })
    }
    input.value = ''
  }
}
