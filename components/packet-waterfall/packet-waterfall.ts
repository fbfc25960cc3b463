import { html, nothing, type TemplateResult } from 'lit'
import { state } from 'lit/decorators.js'
import { guard } from 'lit/directives/guard.js'
import { live } from 'lit/directives/live.js'
import type { Run } from '../../src/run/run.ts'
import { Waterfall, type FetchRow, type Span } from '../../src/trace/waterfall.ts'
import { controls } from '../controls.styles.ts'
import { formatDuration } from '../format.ts'
import { icon } from '../icons.ts'
import { RowWindow } from '../row-window.ts'
import { rowsStyles } from '../rows.styles.ts'
import { reasonWords } from '../stall-reasons.ts'
import { tokens } from '../theme.ts'
import { TimelineElement } from '../timeline-element.ts'
import { waterfallStyles } from './packet-waterfall.styles.ts'
import { along, domainOf } from './time-axis.ts'
import { fetchDetails, packetOf, pageDetails } from './waterfall-details.ts'
import { entriesOf, type Entry } from './waterfall-entries.ts'
import { lane, lanesOf, type Lane, type LaneView } from './waterfall-lanes.ts'
import { fetchCells, legend, pageCells } from './waterfall-row.ts'
import { timelineStyles } from './waterfall-timeline.styles.ts'
import { SPAN_WORDS, stallReasons } from './waterfall-words.ts'

/** What the pointer is on. */
interface Pointed {
  readonly row: FetchRow
  readonly span: number
  readonly x: number
  readonly y: number
}

/**
 * How pages load, like a browser's network panel: what was asked for, in which phases its time went, and what held it back — down to
 * the packet that was lost. On the playhead: at any time it shows what was known then.
 *
 * @fires packet-waterfall-inspect - A packet was to be looked into (Enter, double click or its button); detail is its number.
 * @csspart grid - The list with its timeline.
 * @csspart legend - What the colours and patterns mean.
 * @csspart details - What is known of the chosen line.
 * @cssprop --packetarium-phase-dns - Colour of a phase; there is one each for dns, connect, tls, sending, waiting and receiving.
 * @cssprop --packetarium-phase-blocked - Colour of what was blocked by loss elsewhere.
 * @cssprop --packetarium-phase-repairing - Colour of what waited for lost bytes of its own.
 */
export class PacketWaterfall extends TimelineElement {
  static override styles = [tokens, controls, timelineStyles, rowsStyles, waterfallStyles]

  /** The only page that is shown, by its place in the trace; undefined: all. */
  @state() private only: number | undefined
  /** Whether the timelines of pages begin together, each with its page. */
  @state() private aligned = false
  @state() private pointed: Pointed | undefined

  readonly #waterfall = new Waterfall()
  #lanes: readonly Lane[] = []
  protected override readonly window = new RowWindow(this, {
    grid: () => this.grid,
    tracks: () => this.tracks,
    grows: () => this.run?.state === 'playing',
    changed: (what) => {
      if (what === 'scroll') this.pointed = undefined
      // The details have taken room, perhaps, from the very line that they are about.
      else if (this.active !== undefined) this.revealActive()
      this.requestUpdate()
    },
  })

  protected override forget(): void {
    this.#waterfall.clear()
    this.stale = true
    this.window.sticks = true
    this.only = undefined
    this.aligned = false
    this.active = undefined
    this.chosen = undefined
    this.pointed = undefined
  }

  protected override render(): TemplateResult | typeof nothing {
    const { run } = this
    if (run === undefined) return nothing
    const waterfall = this.#waterfall
    if (this.stale && this.window.height > 0) {
      this.stale = false
      waterfall.update(run.trace)
    }
    const page = this.only === undefined ? undefined : waterfall.pages.at(this.only)
    const entries = this.#entries(run)
    const { from, to } = domainOf(waterfall, page === undefined ? undefined : [page], run.horizon, this.aligned)
    this.domain = { from, to: this.agreedEnd(to) }
    return html`
      <div class="head">${this.#renderChoice(run)} ${guard([this.isWide], () => legend(this.isWide))}</div>
      ${this.#renderGrid(run, entries)} ${this.#renderDetails(run, entries)} ${this.#renderTip(run)}
    `
  }

  #entries(run: Run): Entry[] {
    const page = this.only === undefined ? undefined : this.#waterfall.pages.at(this.only)
    return entriesOf(this.#waterfall, page, run.playhead)
  }

  #renderChoice(run: Run): TemplateResult | typeof nothing {
    const pages = this.#waterfall.pages.filter(({ started }) => started <= run.playhead)
    if (pages.length < 2) return nothing
    return html`<select
        aria-label="Page"
        @change=${(event: Event) => {
          const { value } = event.target as HTMLSelectElement
          this.only = value === '' ? undefined : Number(value)
        }}
      >
        <option value="" ?selected=${this.only === undefined}>All pages</option>
        ${pages.map(
          ({ index, host, url, started }) =>
            html`<option value=${index} ?selected=${this.only === index}>
              ${run.scenario.hosts[host].label}: ${url} at ${formatDuration(started)}
            </option>`,
        )}
      </select>
      <label class="align"
        ><input
          type="checkbox"
          class="switch"
          role="switch"
          .checked=${live(this.aligned)}
          @change=${(event: Event) => {
            this.aligned = (event.target as HTMLInputElement).checked
          }}
        />Each from its start</label
      >`
  }

  #renderGrid(run: Run, entries: readonly Entry[]): TemplateResult {
    const domain = this.domain
    const ticks = this.ticks()
    const { first, last } = this.window.inView(entries.length)
    const shown = entries.slice(first, last)
    const place = { width: this.window.trackWidth, scale: this.window.scale }
    const { active, chosen } = this
    const view: LaneView = { run, waterfall: this.#waterfall, entries, first, last, place, active, chosen }
    this.#lanes = lanesOf(view, domain, this.aligned)
    const isShown = shown.some(({ id }) => id === this.active)
    const at = (tick: number): string => `left:${(along(domain, tick) * 100).toFixed(3)}%`
    return html`<div
      class="grid rows"
      part="grid"
      role="grid"
      tabindex="0"
      aria-label="Resources by time"
      aria-rowcount=${entries.length + 1}
      aria-activedescendant=${isShown && this.active !== undefined ? this.active : nothing}
      @scroll=${() => {
        this.window.scrolled()
      }}
      @keydown=${this.onKey}
      @pointermove=${this.#onPoint}
      @pointerleave=${this.#onLeave}
      @click=${this.#onClick}
      @dblclick=${this.#onDoubleClick}
    >
      <div class="columns" role="row" aria-rowindex="1">
        <span class="name" role="columnheader">Name</span>
        <span class="method" role="columnheader">Method</span>
        <span class="status" role="columnheader">Status</span>
        <span class="protocol" role="columnheader">Protocol</span>
        <span class="size" role="columnheader">Size</span>
        <span class="time" role="columnheader">Time</span>
        <span class="track" role="columnheader"
          ><span class="visually-hidden">Timeline</span
          ><span class="axis" aria-hidden="true"
            >${ticks.map((tick) => html`<span class="tick" .style=${at(tick)}>${this.tickLabel(tick)}</span>`)}</span
          ></span
        >
      </div>
      <div class="probe" aria-hidden="true"></div>
      <div class="spacer" role="rowgroup" .style=${`height:calc(var(--row) * ${String(entries.length)})`}>
        ${shown.map((entry, index) => this.#renderRow(run, entry, first + index))}
        <div class="tracks" aria-hidden="true">
          ${ticks.map((tick) => html`<i class="gridline" .style=${at(tick)}></i>`)} ${this.#lanes.map((each) => lane(view, each))}
        </div>
      </div>
      ${entries.length === 0 ? html`<p class="empty">${run.state === 'ended' ? 'No page was asked for.' : 'No page has been asked for yet. Press play.'}</p>` : nothing}
    </div>`
  }

  #renderRow(run: Run, entry: Entry, position: number): TemplateResult {
    const { id, page, row } = entry
    const isActive = id === this.active
    // What is over says the same at any later time.
    const isOver = row !== undefined && row.ended <= run.playhead
    const when = isOver ? row.version : -1 - run.playhead
    return html`<div
      id=${id}
      class="row ${row === undefined ? 'page' : ''}"
      role="row"
      aria-rowindex=${position + 2}
      aria-selected=${isActive}
      data-entry=${position}
      .style=${`top:calc(var(--row) * ${String(position)})`}
    >
      ${guard([id, when, this.flows?.mode], () =>
        row === undefined ? pageCells(run, page) : fetchCells(run, row, this.#waterfall.spans(row, run.playhead)),
      )}
    </div>`
  }

  #renderDetails(run: Run, entries: readonly Entry[]): TemplateResult | typeof nothing {
    const entry = entries.find(({ id }) => id === this.active)
    if (entry === undefined) return nothing
    const { row, page } = entry
    const name = row === undefined ? page.url : row.url
    return html`<section class="details" part="details" aria-label="About ${name}" @keydown=${this.onDetailsKey}>
      <button class="quiet only-icon close" aria-label="Close" title="Escape" @click=${this.close}>${icon('close')}</button>
      ${
        row === undefined
          ? pageDetails(page, run)
          : fetchDetails(row, {
              run,
              waterfall: this.#waterfall,
              spans: this.#waterfall.spans(row, run.playhead),
              chosen: this.chosen,
              choose: (index) => {
                this.#choose(row, this.chosen === index ? undefined : index)
              },
              open: this.#inspect,
            })
      }
    </section>`
  }

  #renderTip(run: Run): TemplateResult | typeof nothing {
    const { pointed } = this
    if (pointed === undefined) return nothing
    const { row, x, y } = pointed
    const span = this.#waterfall.spans(row, run.playhead).at(pointed.span)
    if (span === undefined) return nothing
    const reasons = span.stall === undefined ? [] : stallReasons(this.#waterfall, run.trace, row, span.stall, run.playhead)
    const above = y > this.clientHeight * 0.6
    const style = `--x:${x.toFixed(0)}px;${above ? `bottom:calc(100% - ${(y - 14).toFixed(0)}px)` : `top:${(y + 18).toFixed(0)}px`}`
    return html`<div class="tip" aria-hidden="true" .style=${style}>
      <strong>${SPAN_WORDS[span.kind]} ${formatDuration(span.to - span.from)}</strong>
      ${reasons.slice(0, 3).map((reason) => html`<span>${reasonWords(reason)}</span>`)}
      ${reasons.length > 3 ? html`<span>… and ${reasons.length - 3} more ranges</span>` : nothing}
    </div>`
  }

  protected override updated(): void {
    this.window.observe()
    this.movePlayhead()
  }

  protected override movePlayhead(): void {
    const { run, tracks } = this
    if (run === undefined || tracks === null) return
    const drawn = tracks.querySelectorAll<HTMLElement>('.lane')
    this.#lanes.forEach(({ domain }, index) => {
      const [bars, line] = [drawn.item(index).firstElementChild, drawn.item(index).lastElementChild]
      if (!(bars instanceof HTMLElement) || !(line instanceof HTMLElement)) return
      const share = along(domain, run.playhead)
      const x = Math.min(1, Math.max(0, share)) * this.window.trackWidth
      line.style.transform = `translateX(${x.toFixed(1)}px)`
      line.style.visibility = share > 1 ? 'hidden' : ''
      // A pixel more than the line, so that a phase which has just begun is there.
      bars.style.clipPath = `inset(0 ${(share > 1 ? -16 : this.window.trackWidth - x - 1).toFixed(1)}px 0 -8px)`
    })
  }

  #spanAt(event: Event): { row: FetchRow; span: number } | undefined {
    const { target } = event
    if (!(target instanceof HTMLElement) || target.dataset['span'] === undefined) return undefined
    const row = this.#waterfall.rows.at(Number(target.parentElement?.dataset['row']))
    return row === undefined ? undefined : { row, span: Number(target.dataset['span']) }
  }

  readonly #onPoint = (event: PointerEvent): void => {
    if (event.pointerType === 'touch') return
    const at = this.#spanAt(event)
    if (at === undefined) {
      this.pointed = undefined
      return
    }
    if (this.pointed?.row === at.row && this.pointed.span === at.span) return
    const box = this.getBoundingClientRect()
    this.pointed = { ...at, x: event.clientX - box.left, y: event.clientY - box.top }
  }

  readonly #onLeave = (): void => {
    this.pointed = undefined
  }

  readonly #onClick = (event: Event): void => {
    const at = this.#spanAt(event)
    if (at !== undefined) {
      this.#choose(at.row, at.span)
      return
    }
    this.activateRow(event)
  }

  readonly #onDoubleClick = (event: Event): void => {
    const at = this.#spanAt(event)
    if (at !== undefined) this.#openSpan(at.row, at.span)
  }

  readonly #inspect = (number: number): void => {
    this.select({ kind: 'frame', number })
    this.dispatchEvent(new CustomEvent<number>('packet-waterfall-inspect', { detail: number, bubbles: true, composed: true }))
  }

  /** Looks at a part of a resource's time, and selects its packet: what was lost, or what ended the phase. */
  #choose(row: FetchRow, index: number | undefined): void {
    this.active = `row-${String(row.index)}`
    this.chosen = index
    const packet = index === undefined ? undefined : this.#packet(row, index)
    if (packet !== undefined) this.select({ kind: 'frame', number: packet })
  }

  #packet(row: FetchRow, index: number): number | undefined {
    const { run } = this
    if (run === undefined) return undefined
    const span: Span | undefined = this.#waterfall.spans(row, run.playhead).at(index)
    if (span === undefined) return undefined
    if (span.stall === undefined) return packetOf(run, span)?.number
    for (const { lost, brought } of stallReasons(this.#waterfall, run.trace, row, span.stall, run.playhead)) {
      const packet = lost.at(0)?.frame ?? brought
      if (packet !== undefined) return packet.number
    }
    return undefined
  }

  #openSpan(row: FetchRow, index: number): void {
    const packet = this.#packet(row, index)
    if (packet !== undefined) this.#inspect(packet)
  }

  protected override lines(): readonly Entry[] {
    return this.run === undefined ? [] : this.#entries(this.run)
  }

  protected override partsOf(line: number): number | undefined {
    const { row } = this.lines()[line]
    return row && this.#waterfall.spans(row, this.run?.playhead ?? 0).length
  }

  protected override choosePart(line: number, part: number): void {
    const { row } = this.lines()[line]
    if (row !== undefined) this.#choose(row, part)
  }

  protected override openPart(line: number, part: number): void {
    const { row } = this.lines()[line]
    if (row !== undefined) this.#openSpan(row, part)
  }
}
