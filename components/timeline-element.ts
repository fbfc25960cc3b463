import { consume } from '@lit/context'
import type { PropertyValues } from 'lit'
import { property, query, state } from 'lit/decorators.js'
import { formatDuration } from './format.ts'
import { flowsOf, type FrameFlows } from './frame-flows.ts'
import { along, ticksOf, type Domain } from './packet-waterfall/time-axis.ts'
import type { RowWindow } from './row-window.ts'
import { RunElement, type RunEvent } from './run-element.ts'
import { scaleContext, type TimeScale } from './time-scale.ts'

/** Milliseconds between two updates while a run plays; bars and playhead move in each frame nonetheless. */
const PLAYING_INTERVAL = 120

/** From this width on, in px, the legend stands open. */
const WIDE = 560

/** From one tick to the next, and room for the label of one, at least, in px. */
const TICK = 76
const TICK_LABEL = 52

/** A list whose lines are timelines: what of them is in view, which line and which part of it is chosen, and how it follows the playhead. */
export abstract class TimelineElement extends RunElement {
  protected override readonly follows: readonly RunEvent[] = ['change', 'time', 'trace', 'restart']

  /** Shared with such an element of another run that is to be compared. Inside a playground it comes by itself. */
  @consume({ context: scaleContext, subscribe: true })
  @property({ attribute: false })
  scale: TimeScale | undefined

  /** The line that the keyboard is at. */
  @state() protected active: string | undefined
  /** Which part of its time is looked at. */
  @state() protected chosen: number | undefined
  @query('.grid') protected grid!: HTMLElement | null
  @query('.tracks') protected tracks!: HTMLElement | null

  protected abstract readonly window: RowWindow
  protected flows: FrameFlows | undefined
  /** Whether the trace has grown since it was read. */
  protected stale = true
  protected domain: Domain = { from: 0, to: 1 }
  #scale: TimeScale | undefined
  #shownAt = 0

  /** Forgets what was read and chosen: it is about another run. */
  protected abstract forget(): void

  /** Draws what has happened so far: nothing is laid out anew. */
  protected abstract movePlayhead(): void

  /** The lines that there are now, in their order. */
  protected abstract lines(): readonly { readonly id: string }[]

  /** How many parts of a line can be chosen; undefined: it has none. */
  protected abstract partsOf(line: number): number | undefined

  /** Looks at a part of a line. */
  protected abstract choosePart(line: number, part: number): void

  /** Opens the packet of a part. */
  protected abstract openPart(line: number, part: number): void

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#watchFlows(undefined)
    this.window.disconnect()
    this.#watchScale(undefined)
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed)
    if (this.isConnected) this.#watchScale(this.scale)
  }

  #watchScale(scale: TimeScale | undefined): void {
    if (scale === this.#scale) return
    this.#scale?.removeEventListener('change', this.#redraw)
    this.#scale?.leave(this)
    this.#scale = scale
    this.#scale?.addEventListener('change', this.#redraw)
  }

  protected override runReplaced(): void {
    this.#watchFlows(this.run && flowsOf(this.run))
    this.forget()
  }

  #watchFlows(flows: FrameFlows | undefined): void {
    this.flows?.removeEventListener('change', this.#redraw)
    this.flows = flows
    this.flows?.addEventListener('change', this.#redraw)
  }

  readonly #redraw = (): void => {
    this.requestUpdate()
  }

  protected override runFired(event: RunEvent): void {
    if (event === 'restart') this.forget()
    if (event === 'trace') this.stale = true
    if (this.window.height === 0 && this.hasUpdated) return
    if (this.run?.state === 'playing' && (event === 'time' || event === 'trace')) {
      if (event === 'time') this.movePlayhead()
      const now = performance.now()
      if (now - this.#shownAt < PLAYING_INTERVAL) return
      this.#shownAt = now
    }
    this.requestUpdate()
  }

  /** The time at the right edge when this element alone would end at `to`. */
  protected agreedEnd(to: number): number {
    return this.#scale?.want(this, to) ?? to
  }

  protected get isWide(): boolean {
    return this.window.width >= WIDE * this.window.scale
  }

  protected ticks(): readonly number[] {
    return ticksOf(this.domain, this.window.trackWidth / (TICK * this.window.scale))
  }

  /** What fits before the edge. */
  protected tickLabel(tick: number): string {
    if ((1 - along(this.domain, tick)) * this.window.trackWidth < TICK_LABEL * this.window.scale) return ''
    return tick === 0 ? '0' : formatDuration(tick)
  }

  /** Scrolls so that the line that the keyboard is at is in view. */
  protected revealActive(): void {
    if (this.run !== undefined) this.window.reveal(this.lines().findIndex(({ id }) => id === this.active))
  }

  /** Goes to the line that was clicked. */
  protected activateRow(event: Event): void {
    const row = (event.target as Element).closest<HTMLElement>('.row')
    if (row === null) return
    this.active = row.id
    this.chosen = undefined
  }

  protected readonly close = (): void => {
    this.active = undefined
    this.chosen = undefined
    this.grid?.focus()
  }

  protected readonly onDetailsKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return
    event.preventDefault()
    event.stopPropagation()
    this.close()
  }

  protected readonly onKey = (event: KeyboardEvent): void => {
    if (this.run === undefined || event.altKey || event.ctrlKey || event.metaKey || event.target !== this.grid) return
    const lines = this.lines()
    const now = lines.findIndex(({ id }) => id === this.active)
    const target = this.window.target(event.key, now, lines.length)
    const count = now === -1 ? undefined : this.partsOf(now)
    if (target !== undefined) {
      event.preventDefault()
      if (lines.length === 0) return
      this.active = lines[target].id
      this.chosen = undefined
      this.window.reveal(target)
    } else if ((event.key === 'ArrowLeft' || event.key === 'ArrowRight') && !event.shiftKey && count !== undefined) {
      event.preventDefault()
      event.stopPropagation()
      const step = event.key === 'ArrowRight' ? 1 : -1
      const from = this.chosen ?? (step > 0 ? -1 : count)
      if (count > 0) this.choosePart(now, Math.min(count - 1, Math.max(0, from + step)))
    } else if (event.key === 'Enter' && count !== undefined && this.chosen !== undefined) {
      event.preventDefault()
      this.openPart(now, this.chosen)
    } else if (event.key === 'Escape' && this.active !== undefined) {
      event.preventDefault()
      event.stopPropagation()
      this.close()
    }
  }
}
