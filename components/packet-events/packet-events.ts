import { html, nothing, type PropertyValues, type TemplateResult } from 'lit'
import { query, state } from 'lit/decorators.js'
import { live } from 'lit/directives/live.js'
import type { Run } from '../../src/run/run.ts'
import type { EventRecord, FrameRecord } from '../../src/trace/record.ts'
import { controls } from '../controls.styles.ts'
import { formatMillis, formatQuantity } from '../format.ts'
import { strike, withinReach } from '../frame-actions.ts'
import { flowsOf, type FrameFlows } from '../frame-flows.ts'
import { frameGlyph, frameGlyphStyles } from '../frame-glyph.ts'
import { icon } from '../icons.ts'
import { RunElement, type RunEvent } from '../run-element.ts'
import { tokens } from '../theme.ts'
import { isLost } from '../trace-marks.ts'
import { eventWords, fateWords, kindWords, lossWords } from '../wording.ts'
import { EVERYTHING, EventRows, upperBound, type EventFilter, type Row } from './event-rows.ts'
import { rowsStyles } from '../rows.styles.ts'
import { eventsStyles } from './packet-events.styles.ts'
import { FrameSummaries } from './frame-summaries.ts'

/** Rows drawn above and below the ones in view. */
const OVERSCAN = 6

const SHOWS: readonly (readonly [EventFilter['show'], string])[] = [
  ['all', 'Everything'],
  ['frames', 'Packets'],
  ['lost', 'Lost packets'],
  ['again', 'Sent again'],
  ['events', 'Events'],
]

/** So many connections can be chosen from; of more, the latest: a crowd makes tens of thousands, which nobody would look through. */
const CHOICES = 100
/** So many rows can be scrolled through: browsers cannot place what is further down than some 30 million px. */
const REACH = 500_000

/** Milliseconds between two updates while a run plays. */
const PLAYING_INTERVAL = 120

/** Whose event it is: a host, or a member of a crowd by its number. */
function whoWords({ scenario }: Run, { host, member }: EventRecord): string {
  if (host < 0) return 'You'
  const { label } = scenario.hosts[host]
  return member > 0 ? `${label} ${String(member - 1)}` : label
}

/**
 * Everything that happened up to the playhead, in order: packets and events. The canvas's equal for those who do not see it or
 * do not point at it.
 *
 * @fires packet-events-inspect - A packet was opened (Enter or double click); detail is its number.
 * @part list - The list.
 * @part row - One row.
 */
export class PacketEvents extends RunElement {
  static override styles = [tokens, controls, frameGlyphStyles, rowsStyles, eventsStyles]

  protected override readonly follows: readonly RunEvent[] = ['change', 'time', 'trace', 'restart']
  /** When the list was last brought up to date, on the page's clock. */
  #shownAt = 0

  /** Whether the list keeps to the playhead. */
  @state() private follow = true
  @state() private filter: EventFilter = EVERYTHING
  /** The row that the keyboard is at: the number of a frame, or `-1 - index` of an event. */
  @state() private active: Row | undefined
  @state() private height = 0
  @query('.list') private list!: HTMLElement | null

  readonly #rows = new EventRows()
  readonly #summaries = new FrameSummaries(() => {
    // While a run plays, the list is brought up to date soon anyway.
    if (this.run?.state !== 'playing') this.requestUpdate()
  })
  /** Indices of rows that pass the filter; undefined when there is none, so that all do. */
  #passing: number[] | undefined
  #rowHeight = 30
  #flows: FrameFlows | undefined
  #stale = true
  #refilter = 0
  readonly #resize = new ResizeObserver(() => {
    this.#measure()
  })
  /** The rows have grown more or fewer. Here the layout is done; anywhere else, to scroll would be to do it twice. */
  readonly #grown = new ResizeObserver(() => {
    this.#goToEnd()
  })

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#flows?.removeEventListener('change', this.#recolour)
    this.#resize.disconnect()
    this.#grown.disconnect()
    clearTimeout(this.#refilter)
  }

  protected override runReplaced(): void {
    this.#flows?.removeEventListener('change', this.#recolour)
    this.#flows = this.run && flowsOf(this.run)
    this.#flows?.addEventListener('change', this.#recolour)
    this.#forget()
  }

  readonly #recolour = (): void => {
    this.requestUpdate()
  }

  protected override runFired(event: RunEvent): void {
    if (event === 'restart') this.#forget()
    if (event === 'trace') this.#stale = true
    if (this.run?.state === 'playing' && (event === 'time' || event === 'trace')) {
      // A list is glanced at: to bring it up to date in each frame would cost more than the stage.
      const now = performance.now()
      if (now - this.#shownAt < PLAYING_INTERVAL) return
      this.#shownAt = now
    }
    this.requestUpdate()
  }

  protected override selectionChanged(): void {
    const target = this.selection?.target
    if (target?.kind === 'frame' && target.number !== this.active) {
      this.active = target.number
      void this.updateComplete.then(() => {
        this.#reveal()
      })
    } else if (target?.kind !== 'frame' && this.active !== undefined && this.active > 0) this.active = undefined
  }

  #forget(): void {
    this.#rows.clear()
    this.#choices = []
    this.#summaries.clear(this.run)
    this.#passing = this.filter === EVERYTHING ? undefined : []
    this.#stale = true
    if (this.active !== undefined && this.active < 0) this.active = undefined
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed)
    const { run } = this
    if (run === undefined || !this.#stale) return
    this.#stale = false
    const before = this.#rows.length
    const appended = this.#rows.update(run.trace)
    if (this.#passing === undefined) return
    if (!appended) this.#passing = this.#rows.filter(run.trace, this.filter)
    else if (this.filter.show === 'lost') {
      // Fates change after the fact, so this filter has to look again; not at every frame of the animation, though.
      this.#refilter ||= setTimeout(() => {
        this.#refilter = 0
        this.#applyFilter(this.filter)
      }, 250)
    } else for (const index of this.#rows.filter(run.trace, this.filter, before)) this.#passing.push(index)
  }

  /** How many rows there are to see, and which one is at a position. */
  #count(run: Run): number {
    const upTo = this.#rows.countUntil(run.playhead)
    const passing = this.#passing
    return passing === undefined ? upTo : upperBound(passing.length, (index) => passing[index], upTo - 1)
  }

  #at(position: number): number {
    return this.#passing === undefined ? position : this.#passing[position]
  }

  #positionOf(row: Row, count: number): number {
    for (let position = count - 1; position >= 0; position--) if (this.#rows.row(this.#at(position)) === row) return position
    return -1
  }

  protected override render(): TemplateResult | typeof nothing {
    const { run } = this
    if (run === undefined) return nothing
    const count = this.#count(run)
    const base = this.#baseFor(count)
    const end = Math.min(count, base + REACH)
    const inView = Math.ceil(this.height / this.#rowHeight)
    // Rows out of view are for scrolling on to; while the list flies by, each of them would be drawn anew.
    const overscan = this.follow && run.state === 'playing' ? 1 : OVERSCAN
    const last = Math.min(end, (this.follow ? end : base + Math.floor(this.#top / this.#rowHeight) + inView) + overscan)
    const first = Math.max(base, last - inView - 2 * overscan - 1)
    const rows: (TemplateResult | typeof nothing)[] = []
    const shown: number[] = []
    let activeShown = false
    for (let position = first; position < last; position++) {
      const row = this.#rows.row(this.#at(position))
      if (row > 0) shown.push(row)
      activeShown ||= row === this.active
      rows.push(this.#renderRow(run, row, position, count))
    }
    this.#summaries.want(shown)
    return html`
      ${this.#renderFilters(run)}
      <div
        class="list rows"
        part="list"
        role="listbox"
        tabindex="0"
        aria-label="Packets and events"
        aria-activedescendant=${activeShown ? `row-${String(this.active)}` : nothing}
        @scroll=${this.#onScroll}
        @keydown=${this.#onKey}
      >
        <div class="probe" aria-hidden="true"></div>
        <div class="spacer" role="presentation" .style=${`height:calc(var(--row) * ${String(end - base)})`}>${rows}</div>
        ${
          count === 0
            ? html`<div class="empty" role="presentation">
                ${this.#rows.length === 0 ? 'Nothing has happened yet. Press play.' : 'Nothing here up to now.'}
              </div>`
            : nothing
        }
      </div>
      ${this.#renderActions(run)}
    `
  }

  #renderFilters(run: Run): TemplateResult {
    const { filter } = this
    const change = (part: Partial<EventFilter>): void => {
      const next = { ...this.filter, ...part }
      const open = next.show === 'all' && next.host === undefined && next.connection === undefined && next.text === ''
      this.#applyFilter(open ? EVERYTHING : next)
    }
    const choice = (event: Event): number | undefined => {
      const { value } = event.target as HTMLSelectElement
      return value === '' ? undefined : Number(value)
    }
    return html`<div class="filters">
      <input
        class="search"
        type="search"
        placeholder="Filter"
        aria-label="Filter by words"
        .value=${live(filter.text)}
        @input=${(event: Event) => {
          change({ text: (event.target as HTMLInputElement).value.trim() })
        }}
      />
      <select
        class="show"
        aria-label="Show"
        @change=${(event: Event) => {
          change({ show: (event.target as HTMLSelectElement).value as EventFilter['show'] })
        }}
      >
        ${SHOWS.map(([value, label]) => html`<option value=${value} ?selected=${filter.show === value}>${label}</option>`)}
      </select>
      <select
        aria-label="Host"
        @change=${(event: Event) => {
          change({ host: choice(event) })
        }}
      >
        <option value="" ?selected=${filter.host === undefined}>All hosts</option>
        ${run.scenario.hosts.map((host, index) => html`<option value=${index} ?selected=${filter.host === index}>${host.label}</option>`)}
      </select>
      <select
        class="connection"
        aria-label="Connection"
        @change=${(event: Event) => {
          change({ connection: choice(event) })
        }}
      >
        <option value="" ?selected=${filter.connection === undefined}>All connections</option>
        ${
          run.trace.connections.length - 1 > CHOICES
            ? html`<option disabled>
                The latest ${CHOICES} of ${formatQuantity('count', run.trace.connections.length - 1)}
              </option>`
            : nothing
        }
        ${this.#connectionChoices(run.trace.connections).map((index) => html`<option value=${index} ?selected=${filter.connection === index}>${run.trace.connections[index]}</option>`)}
      </select>
      <label class="follow"
        ><input
          type="checkbox"
          class="switch"
          role="switch"
          .checked=${live(this.follow)}
          @change=${(event: Event) => {
            this.follow = (event.target as HTMLInputElement).checked
          }}
        />Follow</label
      >
    </div>`
  }

  /** Indices of the connections that can be chosen: the latest, and the one that was. While somebody chooses they stay what they are. */
  #connectionChoices({ length }: readonly string[]): readonly number[] {
    const { connection } = this.filter
    const isOpen = this.shadowRoot?.activeElement?.classList.contains('connection') === true
    if (isOpen && this.#choices.length > 0 && length > CHOICES) return this.#choices
    const first = Math.max(1, length - CHOICES)
    const latest = Array.from({ length: Math.max(0, length - first) }, (_, index) => first + index)
    this.#choices = connection === undefined || connection >= first ? latest : [connection, ...latest]
    return this.#choices
  }
  #choices: readonly number[] = []

  /** The first row that can be scrolled to. Whoever follows sees the latest; going back in time brings back the ones before. */
  #baseFor(count: number): number {
    const latest = Math.max(0, count - REACH)
    this.#base = this.follow ? latest : Math.min(this.#base, latest)
    return this.#base
  }
  #base = 0

  #renderRow(run: Run, row: Row, position: number, count: number): TemplateResult | typeof nothing {
    const frame = row > 0 ? run.trace.frame(row) : undefined
    if (row > 0 && frame === undefined) return nothing
    const { playhead, trace } = run
    const event = row < 0 ? trace.events[-1 - row] : undefined
    const time = formatMillis(this.#rows.time(this.#at(position)))
    const body =
      event !== undefined
        ? this.#renderEvent(run, event, time)
        : frame !== undefined
          ? this.#renderFrame(run, frame, time)
          : nothing
    const lost = frame !== undefined && isLost(frame.fate) && frame.fateAt <= playhead
    return html`<div
      class="row ${event === undefined ? 'frame' : 'event'} ${event?.host === -1 ? 'done-by-hand' : ''} ${lost ? 'lost' : ''}"
      part="row"
      role="option"
      id="row-${row}"
      aria-posinset=${position + 1}
      aria-setsize=${count}
      aria-selected=${row === this.active}
      .style=${`top:calc(var(--row) * ${String(position - this.#base)})`}
      @click=${() => {
        this.#activate(row)
      }}
      @dblclick=${() => {
        this.#open(row)
      }}
    >
      ${body}
    </div>`
  }

  #renderFrame(run: Run, frame: FrameRecord, time: string): TemplateResult {
    const { hosts } = run.scenario
    const lost = frame.fateAt <= run.playhead ? lossWords(frame, run.trace.hosts) : undefined
    const summary = this.#summaries.get(frame.number)
    const info = lost !== undefined ? `Lost: ${lost}` : (summary ?? `${String(frame.length)} bytes`)
    return html`<span class="time">${time}<span class="visually-hidden"> milliseconds,</span></span>
      <span class="glyph-cell">${frameGlyph(frame, lost !== undefined, flowsOf(run).flowOf(frame))}</span>
      <span class="number">#${frame.number}</span>
      <span class="kind">${kindWords(frame)}<span class="visually-hidden">,</span></span>
      <span class="way"
        >${hosts[frame.from].label} <span aria-hidden="true">→</span
        ><span class="visually-hidden">to</span> ${hosts[frame.to].label}<span class="visually-hidden">,</span></span
      >
      <span class="info" title=${info}
        >${info}${lost === undefined ? html`<span class="visually-hidden">, ${fateWords(frame, run.trace.hosts, run.playhead)}</span>` : nothing}</span
      >`
  }

  #renderEvent(run: Run, event: EventRecord, time: string): TemplateResult {
    const words = eventWords(event)
    return html`<span class="time">${time}<span class="visually-hidden"> milliseconds,</span></span>
      <span class="glyph-cell"><span class="dot"></span></span>
      <span class="who">${whoWords(run, event)}<span class="visually-hidden">:</span></span>
      <span class="what" title=${words}>${words}</span>`
  }

  #renderActions(run: Run): TemplateResult {
    const { active } = this
    const frame = active !== undefined && active > 0 ? run.trace.frame(active) : undefined
    if (frame === undefined) {
      return html`<div class="actions"><span class="what muted">Choose a packet to drop, corrupt or open it.</span></div>`
    }
    const now = withinReach(frame, run.playhead)
    const offers = run.scenario.faults
    return html`<div class="actions" role="group" aria-label="Packet ${frame.number}">
      <span class="what"><b>#${frame.number}</b> ${fateWords(frame, run.trace.hosts, run.playhead)}</span>
      ${
        offers.includes('drop')
          ? html`<button
              title=${now ? 'Delete' : 'Goes back to when it was sent, and drops it there'}
              @click=${() => void strike(this, run, frame.number, 'drop')}
            >
              ${icon(now ? 'drop' : 'undo')} ${now ? 'Drop' : 'Go back, drop'}
            </button>`
          : nothing
      }
      ${
        offers.includes('corrupt') && now
          ? html`<button @click=${() => void strike(this, run, frame.number, 'corrupt')}>${icon('corrupt')} Corrupt</button>`
          : nothing
      }
      <button
        @click=${() => {
          this.#open(frame.number)
        }}
      >
        ${icon('search')} Inspect
      </button>
    </div>`
  }

  #activate(row: Row | undefined): void {
    this.active = row
    this.select(row !== undefined && row > 0 ? { kind: 'frame', number: row } : undefined)
  }

  #open(row: Row): void {
    this.#activate(row)
    if (row > 0)
      this.dispatchEvent(new CustomEvent<number>('packet-events-inspect', { detail: row, bubbles: true, composed: true }))
  }

  #applyFilter(filter: EventFilter): void {
    this.filter = filter
    if (this.run !== undefined) this.#rows.update(this.run.trace)
    this.#passing = filter === EVERYTHING || this.run === undefined ? undefined : this.#rows.filter(this.run.trace, filter)
    this.requestUpdate()
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    const { run } = this
    if (run === undefined || event.altKey || event.ctrlKey || event.metaKey) return
    const count = this.#count(run)
    const page = Math.max(1, Math.floor(this.height / this.#rowHeight) - 1)
    const now = this.active === undefined ? -1 : this.#positionOf(this.active, count)
    const from = now === -1 ? count : now
    const targets: Readonly<Record<string, number>> = {
      ArrowDown: now === -1 ? count - 1 : from + 1,
      ArrowUp: from - 1,
      PageDown: from + page,
      PageUp: from - page,
      Home: 0,
      End: count - 1,
    }
    if (event.key in targets) {
      event.preventDefault()
      if (count === 0) return
      const position = Math.min(count - 1, Math.max(0, targets[event.key]))
      this.#activate(this.#rows.row(this.#at(position)))
      this.follow = position === count - 1
      this.#reveal()
    } else if (event.key === 'Enter' && this.active !== undefined) {
      event.preventDefault()
      this.#open(this.active)
    } else if ((event.key === 'Delete' || event.key === 'Backspace') && this.active !== undefined && this.active > 0) {
      event.preventDefault()
      if (run.scenario.faults.includes('drop')) void strike(this, run, this.active, 'drop')
    }
  }

  /** Scrolls so that the active row is in view. */
  #reveal(): void {
    const { run, list } = this
    if (run === undefined || list === null || this.active === undefined) return
    const count = this.#count(run)
    const position = this.#positionOf(this.active, count)
    if (position === -1) return
    if (position < this.#base) {
      // Too far back to be scrolled to from the latest.
      this.follow = false
      this.#base = Math.max(0, position - REACH / 2)
    }
    const y = (position - this.#base) * this.#rowHeight
    const top = Math.min(y, Math.max(list.scrollTop, y + this.#rowHeight - this.height))
    if (top === list.scrollTop) return
    if (position < count - 1) this.follow = false
    list.scrollTop = top
    this.#top = top
  }

  readonly #onScroll = (): void => {
    const { list } = this
    if (list === null || Math.abs(list.scrollTop - this.#placed) <= 2) return
    this.#noticeScroll(list)
    this.#placed = list.scrollTop
    this.#top = list.scrollTop
    this.requestUpdate()
  }

  /** Only a person scrolls away from where following has put the list; reaching the end takes it up again. */
  #noticeScroll(list: HTMLElement): void {
    if (Math.abs(list.scrollTop - this.#placed) <= 2) return
    this.follow = list.scrollTop >= list.scrollHeight - list.clientHeight - this.#rowHeight / 2
  }

  /** How far the list is scrolled, in px. */
  #top = 0
  /** Where this element has last put the scroll bar. */
  #placed = 0

  #measure(): void {
    const { list } = this
    if (list === null) return
    this.#rowHeight = list.querySelector<HTMLElement>('.probe')?.offsetHeight ?? this.#rowHeight
    this.height = list.clientHeight
    this.requestUpdate()
  }

  protected override updated(): void {
    const { list } = this
    if (list === null) return
    this.#resize.observe(list)
    this.#grown.observe(list.querySelector('.spacer') ?? list)
    if (this.run?.state !== 'playing') this.#goToEnd()
  }

  /** Keeps to the playhead, unless someone has scrolled away from it. */
  #goToEnd(): void {
    const { list } = this
    if (list === null || !this.follow) return
    if (list.scrollTop < this.#placed) {
      // Someone has just scrolled back, and the event is still to come.
      this.#noticeScroll(list)
      if (!this.follow) return
    }
    const bottom = Math.max(0, list.scrollHeight - list.clientHeight)
    if (Math.abs(list.scrollTop - bottom) > 1) {
      list.scrollTop = bottom
      this.#placed = list.scrollTop
      this.#top = list.scrollTop
    }
  }
}
