import { html, nothing, type TemplateResult } from 'lit'
import { property, state } from 'lit/decorators.js'
import type { Run } from '../../src/run/run.ts'
import type { Action } from '../../src/scenario/intervention.ts'
import type { CrowdHistory } from '../../src/trace/measures/crowd-history.ts'
import { MEMBER_STATES } from '../../src/trace/measures/measure-spec.ts'
import { formatIp } from '../../src/wire/address.ts'
import { controls } from '../controls.styles.ts'
import { figures } from '../figures.styles.ts'
import { Crowds } from '../crowds.ts'
import { formatDuration, formatMillis, formatQuantity } from '../format.ts'
import { icon } from '../icons.ts'
import { intervene } from '../intervene.ts'
import { STATE_TOKENS, STATE_WORDS } from '../member-states.ts'
import { RunElement, type RunEvent } from '../run-element.ts'
import { tokens } from '../theme.ts'
import { eventWords } from '../wording.ts'
import { MemberEvents } from './member-events.ts'
import { crowdStyles } from './packet-crowd.styles.ts'

/** While it plays, what is shown is renewed this often, in ms. */
const PLAYING_INTERVAL = 200
const SHOWN_EVENTS = 40
const SHOWN_CHANGES = 12

/**
 * The members of a crowd: how many are in which state at the playhead, and any one of them: found by its number or at random in a state,
 * watched, killed, paused. What it does is listed up to the playhead, and followed as that moves.
 *
 * @fires packet-crowd-choose - A member was picked out, or let go; `detail` is its number from 0, or undefined.
 * @csspart states - How many members are in which state.
 * @csspart member - The member that was picked out.
 */
export class PacketCrowd extends RunElement {
  static override styles = [tokens, controls, figures, crowdStyles]

  /** Index of the crowd in the scenario's hosts; its first crowd when below 0. */
  @property({ type: Number }) host = -1

  /** The member that is looked at, from 0; undefined: none. */
  @property({ type: Number }) member: number | undefined

  @state() private found = ''

  protected override readonly follows: readonly RunEvent[] = ['change', 'time', 'trace', 'restart']

  #events: MemberEvents | undefined
  #renewedAt = 0

  protected override runReplaced(): void {
    this.#events = undefined
    this.member = undefined
  }

  protected override runFired(event: RunEvent): void {
    if (event === 'restart') this.#events = undefined
    const now = performance.now()
    const isPlaying = this.run?.state === 'playing' && (event === 'time' || event === 'trace')
    if (isPlaying && (now - this.#renewedAt < PLAYING_INTERVAL || this.clientWidth === 0)) return
    this.#renewedAt = now
    this.requestUpdate()
  }

  protected override selectionChanged(): void {
    // A member is no target of the stage.
  }

  get #crowd(): CrowdHistory | undefined {
    const { run, host } = this
    const crowds = run === undefined ? [] : Crowds.of(run).at(run.playhead)
    return host < 0 ? crowds.at(0) : crowds.find((crowd) => crowd.host === host)
  }

  protected override render(): TemplateResult | typeof nothing {
    const { run } = this
    const crowd = this.#crowd
    if (run === undefined || crowd === undefined) return nothing
    const { member } = this
    return html`<div class="crowd">
      ${this.#renderStates(run, crowd)}
      ${
        member === undefined || member >= crowd.size
          ? html`<p class="hint">Pick one out to see what it does, and to break it by itself.</p>`
          : this.#renderMember(run, crowd, member)
      }
    </div>`
  }

  #renderStates(run: Run, { host, size, shown }: CrowdHistory): TemplateResult {
    const { label } = run.scenario.hosts[host]
    return html`<section part="states" aria-label="States of ${label}">
      <h4>${label} × ${formatQuantity('count', size)}</h4>
      <table>
        <caption class="visually-hidden">
          Members of ${label} by state at the playhead
        </caption>
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Members</th>
            <th scope="col"><span class="visually-hidden">Share</span></th>
            <th scope="col"><span class="visually-hidden">Pick one</span></th>
          </tr>
        </thead>
        <tbody>
          ${MEMBER_STATES.map((name, index) => {
            const count = shown.counts[index]
            const colour = `color:var(${STATE_TOKENS[name]})`
            const bar = `transform:scaleX(${(count / Math.max(1, size)).toFixed(4)})`
            return html`<tr>
              <th scope="row"><span class="dot" aria-hidden="true" .style=${colour}></span>${STATE_WORDS[name]}</th>
              <td>${formatQuantity('count', count)}</td>
              <td class="share" aria-hidden="true" .style=${colour}><span class="bar" .style=${bar}></span></td>
              <td>
                <button
                  class="quiet"
                  ?disabled=${count === 0}
                  aria-label="Pick one that is ${STATE_WORDS[name]}"
                  @click=${() => {
                    this.#pickOne(index)
                  }}
                >
                  Pick one
                </button>
              </td>
            </tr>`
          })}
        </tbody>
      </table>
      <form
        class="find"
        @submit=${(event: Event) => {
          event.preventDefault()
          this.#find(size)
        }}
      >
        <label for="number">Number</label>
        <input
          id="number"
          type="number"
          min="0"
          max=${size - 1}
          step="1"
          .value=${this.found}
          @input=${(event: Event) => {
            this.found = (event.target as HTMLInputElement).value
          }}
        />
        <button type="submit">Find</button>
      </form>
    </section>`
  }

  #renderMember(run: Run, crowd: CrowdHistory, member: number): TemplateResult {
    const { host, shown } = crowd
    const { name: crowdName, interfaces } = run.scenario.hosts[host]
    const name = `${crowdName}[${String(member)}]`
    const changes = crowd.changesOf(member, run.playhead, SHOWN_CHANGES)
    const now = MEMBER_STATES[shown.states[member]]
    const since = changes.at(0)
    const address = interfaces.at(0)?.address ?? 0
    if (this.#events?.host !== host || this.#events.member !== member) this.#events = new MemberEvents(host, member)
    const events = this.#events.latest(run.trace, run.playhead, SHOWN_EVENTS)
    const { isWatched, isPaused } = standing(run, name)
    const act = (action: Action) => (): void => void intervene(this, run, action)
    const { faults } = run.scenario
    return html`<section part="member" aria-label=${name}>
      <h4>${name} ${address === 0 ? nothing : html`<small>${formatIp(address + member)}</small>`}</h4>
      <p class="state" role="status">
        <span class="dot" aria-hidden="true" .style=${`color:var(${STATE_TOKENS[now]})`}></span>${STATE_WORDS[now]}${
          since === undefined ? '' : ` for ${formatDuration(run.playhead - since.time)}`
        }${isPaused ? ', paused' : ''}
      </p>
      <div class="actions" role="group" aria-label="What to do with ${name}">
        <button aria-pressed=${isWatched} @click=${act(isWatched ? { unwatch: name } : { watch: name })}>
          ${icon('search')} ${isWatched ? 'Watched' : 'Watch closely'}
        </button>
        ${
          faults.includes('kill')
            ? now === 'down'
              ? html`<button @click=${act({ restart: name })}>${icon('restart')} Restart</button>`
              : html`<button @click=${act({ kill: name })}>${icon('power')} Kill</button>`
            : nothing
        }
        ${
          faults.includes('pause')
            ? html`<button ?disabled=${now === 'down'} @click=${act(isPaused ? { resume: name } : { pause: name })}>
                ${icon(isPaused ? 'play' : 'pause')} ${isPaused ? 'Resume' : 'Pause'}
              </button>`
            : nothing
        }
        <button
          class="quiet"
          @click=${() => {
            this.#choose(undefined)
          }}
        >
          ${icon('close')} Let go
        </button>
      </div>
      <h5>States</h5>
      ${
        changes.length === 0
          ? html`<p class="hint">It has said nothing yet.</p>`
          : html`<ol>
              ${changes.map((change) => this.#line(run, change.time, STATE_WORDS[MEMBER_STATES[change.state]]))}
            </ol>`
      }
      <h5>What it did</h5>
      ${
        events.length === 0
          ? html`<p class="hint">${isWatched ? 'Nothing yet.' : 'Nothing yet. Of who is watched, details are recorded, too.'}</p>`
          : html`<ol>
              ${events.map((event) => this.#line(run, event.time, eventWords(event)))}
            </ol>`
      }
    </section>`
  }

  #line(run: Run, time: number, words: string): TemplateResult {
    return html`<li>
      <button
        aria-label="Go to ${formatMillis(time)} ms"
        @click=${() => {
          run.pause()
          void run.seek(time)
        }}
      >
        ${formatMillis(time)}
      </button>
      <span>${words}</span>
    </li>`
  }

  /** One of those in a state, by chance: nothing that is simulated depends on it. */
  #pickOne(of: number): void {
    const crowd = this.#crowd
    if (crowd === undefined) return
    const { states, counts } = crowd.shown
    let skip = Math.floor(Math.random() * counts[of])
    for (let member = 0; member < crowd.size; member++) {
      if (states[member] !== of || skip-- > 0) continue
      this.#choose(member)
      return
    }
  }

  #find(size: number): void {
    const member = Number(this.found)
    if (this.found !== '' && Number.isInteger(member) && member >= 0 && member < size) this.#choose(member)
  }

  #choose(member: number | undefined): void {
    this.member = member
    this.found = member === undefined ? '' : String(member)
    this.dispatchEvent(
      new CustomEvent<number | undefined>('packet-crowd-choose', { detail: member, bubbles: true, composed: true }),
    )
  }
}

/** What people have last said to a member, up to the playhead. */
function standing({ log, playhead }: Run, name: string): { readonly isWatched: boolean; readonly isPaused: boolean } {
  let isWatched = false
  let isPaused = false
  for (const entry of log) {
    if (entry.at > playhead) continue
    if ('watch' in entry && entry.watch === name) isWatched = true
    else if ('unwatch' in entry && entry.unwatch === name) isWatched = false
    else if ('pause' in entry && entry.pause === name) isPaused = true
    else if (('resume' in entry && entry.resume === name) || ('kill' in entry && entry.kill === name)) isPaused = false
    else if ('restart' in entry && entry.restart === name) isPaused = false
  }
  return { isWatched, isPaused }
}
