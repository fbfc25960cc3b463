import { html, nothing, type PropertyValues, type TemplateResult } from 'lit'
import { query, state } from 'lit/decorators.js'
import { guard } from 'lit/directives/guard.js'
import { live } from 'lit/directives/live.js'
import type { Run } from '../../src/run/run.ts'
import { Lanes } from '../../src/trace/lanes.ts'
import { controls } from '../controls.styles.ts'
import { icon } from '../icons.ts'
import { along, growingEnd } from '../packet-waterfall/time-axis.ts'
import { flowColour } from '../packet-waterfall/waterfall-row.ts'
import { timelineStyles } from '../packet-waterfall/waterfall-timeline.styles.ts'
import { RowWindow } from '../row-window.ts'
import { rowsStyles } from '../rows.styles.ts'
import { tokens } from '../theme.ts'
import { TimelineElement } from '../timeline-element.ts'
import { laneCells, laneDetails, lanesLegend, packetOfHold } from './lane-cells.ts'
import { entriesOf, hasServers, holdAt, isWhole, lastMoment, type LaneEntry } from './lane-entries.ts'
import { laneLinks, Losses } from './lane-links.ts'
import { laneTrack } from './lane-track.ts'
import { laneName, summaryWords } from './lane-words.ts'
import { lanesStyles } from './packet-lanes.styles.ts'

/** Shortest time that is shown: what is to be seen in so many seconds of watching, so that the scale seldom changes; in nanoseconds at least. */
const WATCHED = 10
const LEAST = 10_000_000

/** Behind the last thing that happened there is a little room. */
const END = 1.04

/**
 * What came of each stream when, and what was held back: a lane for each stream of HTTP/2 and of QUIC, and for each connection. Who waits
 * for whose bytes is drawn as it happens, down to the packet that was lost. On the playhead: at any time it shows what was known then.
 *
 * @fires packet-lanes-inspect - A packet was to be looked into (Enter, double click or its button); detail is its number.
 * @csspart grid - The lanes.
 * @csspart legend - What the colours and patterns mean.
 * @csspart details - What is known of the chosen lane.
 * @cssprop --packetarium-phase-blocked - Colour of what is held back for bytes of others.
 * @cssprop --packetarium-phase-repairing - Colour of what is held back for bytes of its own.
 */
export class PacketLanes extends TimelineElement {
  static override styles = [tokens, controls, timelineStyles, rowsStyles, lanesStyles]

  /** Whether lanes of those who were connected to are shown, too. */
  @state() private both = false
  @query('.told') private told!: HTMLElement | null

  readonly #lanes = new Lanes()
  readonly #losses = new Losses()
  protected override readonly window = new RowWindow(this, {
    grid: () => this.grid,
    tracks: () => this.tracks,
    grows: () => false,
    changed: (what) => {
      if (what === 'size' && this.#opens) this.#revealChosen()
      this.requestUpdate()
    },
  })
  /** Whether details have come up, which take room from the list. */
  #opens = false

  protected override forget(): void {
    this.#lanes.clear()
    this.#losses.clear()
    this.stale = true
    this.active = undefined
    this.chosen = undefined
  }

  protected override render(): TemplateResult | typeof nothing {
    const { run } = this
    if (run === undefined) return nothing
    if (this.stale && this.window.height > 0) {
      this.stale = false
      this.#lanes.update(run.trace)
    }
    const { entries, hidden } = entriesOf(this.#lanes, run.playhead, this.both)
    const to = this.#end(run)
    this.domain = { from: 0, to: this.agreedEnd(to) }
    return html`
      ${this.#renderHead(run, entries)} ${this.#renderGrid(run, entries, hidden)} ${this.#renderDetails(run, entries)}
      <div class="told visually-hidden" role="status"></div>
    `
  }

  /** The time at the right edge: while the run goes on, round and with room to grow. */
  #end(run: Run): number {
    const last = lastMoment(this.#lanes, this.both)
    if (run.state === 'ended') return Math.round(Math.max(last, LEAST) * END)
    const least = Math.max(LEAST, run.scenario.speed * WATCHED * 1e9)
    return growingEnd(Math.max(last * 1.05, run.playhead * 1.05, least))
  }

  #renderHead(run: Run, entries: readonly LaneEntry[]): TemplateResult {
    const blocks = entries.some(({ group, lane }) => {
      const cause = holdAt(group, lane, run.playhead)?.cause
      return cause !== undefined && cause !== 'own'
    })
    const wide = this.isWide
    return html`<div class="head">
      <p class="now ${blocks ? 'blocked' : ''}">${summaryWords(entries, run.playhead)}</p>
      ${
        hasServers(this.#lanes, run.playhead)
          ? html`<label class="both"
              ><input
                type="checkbox"
                class="switch"
                role="switch"
                .checked=${live(this.both)}
                @change=${(event: Event) => {
                  this.both = (event.target as HTMLInputElement).checked
                }}
              />Servers, too</label
            >`
          : nothing
      }
      ${guard([wide], () => lanesLegend(wide))}
    </div>`
  }

  #renderGrid(run: Run, entries: readonly LaneEntry[], hidden: number): TemplateResult {
    const domain = this.domain
    const { trackWidth, rowHeight } = this.window
    const ticks = this.ticks()
    const { first, last } = this.window.inView(entries.length)
    const shown = entries.slice(first, last)
    const isShown = shown.some(({ id }) => id === this.active)
    const at = (tick: number): string => `left:${(along(domain, tick) * 100).toFixed(3)}%`
    const { active, chosen } = this
    const { trace, playhead } = run
    const links = { trace, entries, first, last, domain, playhead, width: trackWidth, rowHeight, active, chosen }
    return html`<div
      class="grid rows"
      part="grid"
      role="grid"
      tabindex="0"
      aria-label="Bytes of streams by time"
      aria-rowcount=${entries.length + 1}
      aria-activedescendant=${isShown && active !== undefined ? active : nothing}
      @scroll=${() => {
        this.window.scrolled()
      }}
      @keydown=${this.onKey}
      @click=${this.#onClick}
      @dblclick=${this.#onDoubleClick}
    >
      <div class="columns" role="row" aria-rowindex="1">
        <span class="name" role="columnheader">Stream</span>
        <span class="came" role="columnheader">Came</span>
        <span class="held" role="columnheader">Held back</span>
        <span class="waited" role="columnheader">Waited</span>
        <span class="track" role="columnheader"
          ><span class="visually-hidden">State</span
          ><span class="axis" aria-hidden="true"
            >${ticks.map((tick) => html`<span class="tick" .style=${at(tick)}>${this.tickLabel(tick)}</span>`)}</span
          ></span
        >
      </div>
      <div class="probe" aria-hidden="true"></div>
      <div class="spacer" role="rowgroup" .style=${`height:calc(var(--row) * ${String(entries.length)})`}>
        ${shown.map((entry, index) => this.#renderRow(run, entry, first + index))}
        <div class="tracks" aria-hidden="true">
          ${ticks.map((tick) => html`<i class="gridline" .style=${at(tick)}></i>`)}
          <div class="bars">
            ${shown.map((entry, index) => this.#renderTrack(run, entry, first + index))}
            ${trackWidth > 0 ? laneLinks(links, this.#losses) : nothing}
          </div>
          <div class="playhead"></div>
        </div>
      </div>
      ${entries.length === 0 ? html`<p class="empty">${run.state === 'ended' ? 'No byte came over TCP or QUIC.' : 'Nothing has come yet. Press play.'}</p>` : nothing}
      ${hidden > 0 ? html`<p class="empty">… and ${hidden} more</p>` : nothing}
    </div>`
  }

  #renderRow(run: Run, entry: LaneEntry, position: number): TemplateResult {
    const isActive = entry.id === this.active
    return html`<div
      id=${entry.id}
      class="row ${isWhole(entry) ? 'whole' : 'stream'}"
      role="row"
      aria-rowindex=${position + 2}
      aria-selected=${isActive}
      data-entry=${position}
      .style=${`top:calc(var(--row) * ${String(position)})`}
    >
      ${laneCells(run, entry, this.#colour(run, entry))}
    </div>`
  }

  #renderTrack(run: Run, entry: LaneEntry, position: number): unknown {
    const { group, lane, id } = entry
    const { to } = this.domain
    const chosen = id === this.active ? this.chosen : undefined
    const colour = this.#colour(run, entry)
    return guard([group, group.version, lane, position, to, chosen, colour], () =>
      laneTrack(entry, position, this.domain, chosen, colour),
    )
  }

  #colour(run: Run, { group, lane }: LaneEntry): string {
    return flowColour(run, run.trace.connections.indexOf(group.connection), lane.stream)
  }

  #renderDetails(run: Run, entries: readonly LaneEntry[]): TemplateResult | typeof nothing {
    const entry = entries.find(({ id }) => id === this.active)
    if (entry === undefined) return nothing
    return html`<section
      class="details"
      part="details"
      aria-label="About ${laneName(entry, run.playhead)}"
      @keydown=${this.onDetailsKey}
    >
      <button class="quiet only-icon close" aria-label="Close" title="Escape" @click=${this.close}>${icon('close')}</button>
      ${laneDetails(run, entry, this.chosen, this.#inspect)}
    </section>`
  }

  protected override updated(changed: PropertyValues): void {
    this.window.observe()
    this.movePlayhead()
    if (changed.has('active') && changed.get('active') === undefined && this.active !== undefined) this.#opens = true
    const { run, told } = this
    if (run === undefined || told === null || run.state === 'playing') return
    // Who cannot see it is told when it stands, not sixty times a second.
    const words = summaryWords(this.lines(), run.playhead)
    if (told.textContent !== words) told.textContent = words
  }

  /** The lane that was chosen stays in view when its details have taken their room. */
  #revealChosen(): void {
    this.#opens = false
    this.revealActive()
  }

  protected override movePlayhead(): void {
    const { run, tracks } = this
    if (run === undefined || tracks === null) return
    const [bars, line] = [tracks.querySelector<HTMLElement>('.bars'), tracks.querySelector<HTMLElement>('.playhead')]
    if (bars === null || line === null) return
    const share = along(this.domain, run.playhead)
    const { trackWidth } = this.window
    const x = Math.min(1, Math.max(0, share)) * trackWidth
    line.style.transform = `translateX(${x.toFixed(1)}px)`
    line.style.visibility = share > 1 ? 'hidden' : ''
    bars.style.clipPath = `inset(-8px ${(share > 1 ? -16 : trackWidth - x - 1).toFixed(1)}px -8px -8px)`
  }

  #holdAt(event: Event): { entry: LaneEntry; hold: number } | undefined {
    const { target } = event
    if (!(target instanceof HTMLElement) || target.dataset['hold'] === undefined || this.run === undefined) return undefined
    const entry = this.lines().at(Number(target.parentElement?.dataset['lane']))
    return entry === undefined ? undefined : { entry, hold: Number(target.dataset['hold']) }
  }

  readonly #onClick = (event: Event): void => {
    const at = this.#holdAt(event)
    if (at !== undefined) {
      this.#choose(at.entry, at.hold)
      return
    }
    this.activateRow(event)
  }

  readonly #onDoubleClick = (event: Event): void => {
    const at = this.#holdAt(event)
    if (at !== undefined) this.#openHold(at.entry, at.hold)
  }

  readonly #inspect = (number: number): void => {
    this.select({ kind: 'frame', number })
    this.dispatchEvent(new CustomEvent<number>('packet-lanes-inspect', { detail: number, bubbles: true, composed: true }))
  }

  /** Looks at a wait, and selects the packet that was lost. */
  #choose(entry: LaneEntry, hold: number): void {
    const { run } = this
    this.active = entry.id
    this.chosen = hold
    const packet = run === undefined ? undefined : packetOfHold(run, entry, hold)
    if (packet !== undefined) this.select({ kind: 'frame', number: packet })
  }

  #openHold(entry: LaneEntry, hold: number): void {
    const packet = this.run === undefined ? undefined : packetOfHold(this.run, entry, hold)
    if (packet !== undefined) this.#inspect(packet)
  }

  protected override lines(): readonly LaneEntry[] {
    return this.run === undefined ? [] : entriesOf(this.#lanes, this.run.playhead, this.both).entries
  }

  protected override partsOf(line: number): number {
    const { group, lane } = this.lines()[line]
    const now = this.run?.playhead ?? 0
    return group.holds(lane).filter(({ from }) => from <= now).length
  }

  protected override choosePart(line: number, part: number): void {
    this.#choose(this.lines()[line], part)
  }

  protected override openPart(line: number, part: number): void {
    this.#openHold(this.lines()[line], part)
  }
}
