import { consume } from '@lit/context'
import { html, nothing, svg, type PropertyValues, type TemplateResult } from 'lit'
import { property, state } from 'lit/decorators.js'
import type { Run } from '../../src/run/run.ts'
import type { ChartPlan, ChartSeries } from '../../src/trace/measures/measure-spec.ts'
import type { Series } from '../../src/trace/measures/series.ts'
import type { Nanos } from '../../src/trace/record.ts'
import { formatDuration } from '../format.ts'
import { STATE_TOKENS } from '../member-states.ts'
import { growingEnd } from '../packet-waterfall/time-axis.ts'
import { RunElement, type RunEvent } from '../run-element.ts'
import { scaleContext, TimeScale } from '../time-scale.ts'
import { readTheme, tokens, watchTheme } from '../theme.ts'
import { ChartData } from './chart-data.ts'
import { markWords, seriesWords, valueWords } from './chart-words.ts'
import { chartStyles } from './packet-chart.styles.ts'
import type { Plot, PlotAxis } from './plot.ts'

/** While it plays, the drawing and the numbers are renewed this often, in ms; the playhead moves with every frame. */
const PLAYING_INTERVAL = 120
/** Dashes of the lines, so that they can be told apart without their colours, too. */
const DASHES: readonly (readonly number[])[] = [[], [7, 3], [2, 3], [10, 3, 2, 3], [14, 4], [5, 5], [2, 6], [10, 2, 2, 2, 2, 2]]
/** Room above the largest value, as its part. */
const HEADROOM = 1.08

/** The upper ends that charts beside each other agree on, by what tells them apart. */
const tops = new WeakMap<TimeScale, Map<string, TimeScale>>()

/**
 * Measures over simulated time: rates of packets, what hosts tell of themselves, percentiles, members of a crowd by state. On the
 * playhead: its line is where the reader is, the table says what was measured there, and a click, a drag or the arrow keys go elsewhere.
 * Each value stands for a piece of time; where nothing was measured there is a gap.
 *
 * @fires packet-chart-seek - The reader went to a time by this chart; `detail` is the time in nanoseconds.
 * @csspart title - What the chart shows.
 * @csspart plot - The drawing with its axes.
 * @csspart table - The series with their values at the playhead, and their peaks.
 */
export class PacketChart extends RunElement {
  static override styles = [tokens, chartStyles]

  /** Which of the scenario's charts is shown, from 0. */
  @property({ type: Number }) chart = 0

  /** A chart of one's own instead: what is measured, of which run is `run`. */
  @property({ attribute: false }) plan: ChartPlan | undefined

  @consume({ context: scaleContext, subscribe: true })
  @property({ attribute: false })
  scale: TimeScale | undefined

  @state() private failure = ''

  protected override readonly follows: readonly RunEvent[] = ['change', 'time', 'trace', 'restart']

  #own: ChartData | undefined
  #plot: Plot | undefined
  #drawn: ChartPlan | undefined
  #to: Nanos = 1e9
  #series: readonly Series[] = []
  #scheduled = 0
  #drawnAt = 0
  #isLoading = false
  /** The theme that it was drawn in, as text. */
  #theme = ''
  #agreed = new Set<TimeScale>()
  #unwatchTheme: (() => void) | undefined
  readonly #sizes = new ResizeObserver(() => {
    // Not within the observer: drawing anew may change what it observes.
    requestAnimationFrame(() => {
      this.#redraw()
    })
  })

  override connectedCallback(): void {
    super.connectedCallback()
    this.#unwatchTheme = watchTheme(this, this.#themeChanged)
    if (this.hasUpdated) this.#observe()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#unwatchTheme?.()
    this.#sizes.disconnect()
    cancelAnimationFrame(this.#scheduled)
    this.#scheduled = 0
    this.#lookAgain()
    for (const scale of this.#agreed) {
      scale.removeEventListener('change', this.#redraw)
      scale.leave(this)
    }
    this.#agreed.clear()
  }

  protected override runReplaced(): void {
    this.#own = undefined
    this.#lookAgain()
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed)
    if (changed.has('chart') || changed.has('plan')) this.#dropPlot()
  }

  protected override runFired(event: RunEvent): void {
    if (event === 'restart' || event === 'change') this.requestUpdate()
    if (event === 'restart') this.#drawnAt = 0
    if (this.#scheduled !== 0) return
    this.#scheduled = requestAnimationFrame(() => {
      this.#scheduled = 0
      this.#follow()
    })
  }

  protected override selectionChanged(): void {
    // Nothing here can be selected.
  }

  get #shown(): { readonly data: ChartData; readonly index: number; readonly plan: ChartPlan } | undefined {
    const { run, plan } = this
    if (run === undefined) return undefined
    if (plan !== undefined) {
      if (this.#own?.plans[0] !== plan || this.#own.run !== run) this.#own = new ChartData(run, [plan])
      return { data: this.#own, index: 0, plan }
    }
    const data = ChartData.of(run)
    const chosen = data.plans.at(this.chart)
    return chosen === undefined ? undefined : { data, index: this.chart, plan: chosen }
  }

  /** Keeps the numbers up, and the drawing where it can be seen. */
  #follow(): void {
    const { run } = this
    const shown = this.#shown
    if (run === undefined || shown === undefined) return
    shown.data.update()
    if (this.clientWidth === 0) return
    this.#movePlayhead()
    const now = performance.now()
    if (run.state === 'playing' && now - this.#drawnAt < PLAYING_INTERVAL) return
    this.#drawnAt = now
    this.#redraw()
    this.requestUpdate()
  }

  readonly #themeChanged = (): void => {
    if (JSON.stringify(readTheme(this)) !== this.#theme) this.#lookAgain()
  }

  #lookAgain(): void {
    this.#dropPlot()
    this.requestUpdate()
  }

  #dropPlot(): void {
    this.#plot?.destroy()
    this.#plot = undefined
    this.#drawn = undefined
  }

  readonly #redraw = (): void => {
    const { run } = this
    const shown = this.#shown
    const canvas = this.renderRoot.querySelector<HTMLElement>('.canvas')
    if (run === undefined || shown === undefined || canvas === null || canvas.clientWidth === 0) return
    shown.data.update()
    this.#series = shown.data.series(shown.index)
    const plot = this.#plotFor(canvas, shown.plan)
    if (plot === undefined) return
    const size = { width: canvas.clientWidth, height: canvas.clientHeight }
    plot.resize(size)
    const { horizon } = run
    this.#to = this.#agree(
      '',
      run.state === 'ended' ? Math.max(horizon, 1e6) : Math.min(growingEnd(horizon), run.scenario.duration),
    )
    const axes = axesOf(shown.plan)
    plot.draw({
      series: this.#series,
      horizon,
      to: this.#to,
      tops: axes.map((axis, index) => this.#agree(`${String(shown.index)} ${String(index)}`, this.#top(shown.plan, axis))),
      marks: markWords(shown.data.marks, run.scenario),
    })
    this.#movePlayhead()
  }

  #plotFor(canvas: HTMLElement, plan: ChartPlan): Plot | undefined {
    if (this.#plot !== undefined && this.#drawn === plan) return this.#plot
    if (this.#isLoading) return undefined
    this.#isLoading = true
    void this.#load(canvas, plan)
    return undefined
  }

  async #load(canvas: HTMLElement, plan: ChartPlan): Promise<void> {
    try {
      const { Plot } = await import('./plot.ts')
      if (!this.isConnected || this.run === undefined) return
      this.#plot?.destroy()
      this.#drawn = plan
      const theme = readTheme(this)
      const { font, fontSize } = theme
      this.#theme = JSON.stringify(theme)
      const axes = axesOf(plan)
      const look = {
        series: plan.series.map((series, index) => ({
          colour: this.#colour(colourOf(series, index)),
          dash: plan.stacked ? [] : DASHES[index % DASHES.length],
          axis: sideOf(axes, series),
        })),
        axes,
        stacked: plan.stacked,
        hasRightMargin: this.plan === undefined && (this.run.scenario.charts ?? []).some((each) => axesOf(each).length > 1),
        text: this.#colour('--pk-muted'),
        line: this.#colour('--pk-line'),
        mark: this.#colour('--pk-lost'),
        font,
        fontSize: fontSize * 0.8,
      }
      this.#plot = new Plot(canvas, look, { width: canvas.clientWidth, height: canvas.clientHeight })
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error)
    } finally {
      this.#isLoading = false
    }
    this.#redraw()
  }

  /** A custom property as `rgb(…)`. */
  #colour(token: string): string {
    const probe = document.createElement('span')
    probe.hidden = true
    probe.style.color = `var(${token})`
    this.renderRoot.append(probe)
    const { color } = getComputedStyle(probe)
    probe.remove()
    return color
  }

  #top({ series, stacked }: ChartPlan, axis: PlotAxis): number {
    let most = 0
    let piled = 0
    series.forEach((each, index) => {
      if (!isOn(axis, each)) return
      const peak = this.#series[index].peak()?.value ?? 0
      most = Math.max(most, peak)
      piled += peak
    })
    if (stacked) most = Math.min(piled, this.#largestPile())
    // Shares are seen against the whole.
    if (axis.unit === 'fraction' && most <= 1) return 1
    return roundTop(most * HEADROOM)
  }

  #largestPile(): number {
    let most = 0
    for (let index = 0; index < this.#series[0].values.length; index++) {
      let pile = 0
      for (const { values } of this.#series) pile += Number.isNaN(values[index]) ? 0 : values[index]
      most = Math.max(most, pile)
    }
    return most
  }

  /** What charts of two runs that stand beside each other have in common, so that they can be compared. */
  #agree(what: string, value: number): number {
    const { scale } = this
    if (scale === undefined) return value
    let agreed = scale
    if (what !== '') {
      const all = tops.get(scale) ?? new Map<string, TimeScale>()
      tops.set(scale, all)
      agreed = all.get(what) ?? new TimeScale()
      all.set(what, agreed)
    }
    if (!this.#agreed.has(agreed)) {
      this.#agreed.add(agreed)
      agreed.addEventListener('change', this.#redraw)
    }
    return agreed.want(this, value)
  }

  #observe(): void {
    const plot = this.renderRoot.querySelector('.plot')
    if (plot !== null) this.#sizes.observe(plot)
  }

  #movePlayhead(): void {
    const line = this.renderRoot.querySelector<HTMLElement>('.playhead')
    const area = this.#plot?.area
    if (line === null) return
    line.hidden = area === undefined
    if (area === undefined || this.run === undefined) return
    const x = area.left + Math.min(1, this.run.playhead / this.#to) * area.width
    line.style.transform = `translateX(${x.toFixed(1)}px)`
    line.style.top = `${String(area.top)}px`
    line.style.height = `${String(area.height)}px`
  }

  protected override updated(): void {
    this.#observe()
    if (this.#plot === undefined || this.#drawn !== this.#shown?.plan) this.#redraw()
    else this.#movePlayhead()
  }

  protected override render(): TemplateResult | typeof nothing {
    const { run } = this
    const shown = this.#shown
    if (run === undefined || shown === undefined) return nothing
    const { plan } = shown
    return html`<section aria-label=${plan.title}>
      <h4 part="title">${plan.title}</h4>
      <div
        class="plot"
        part="plot"
        role="slider"
        tabindex="0"
        aria-label="Time in ${plan.title}"
        aria-valuemin="0"
        aria-valuemax=${Math.round(this.#to / 1e6)}
        aria-valuenow=${Math.min(Math.round(run.playhead / 1e6), Math.round(this.#to / 1e6))}
        aria-valuetext=${this.#words(run, plan)}
        @pointerdown=${this.#onPointerDown}
        @pointermove=${this.#onPointerMove}
        @keydown=${this.#onKey}
      >
        <div class="canvas" aria-hidden="true"></div>
        <div class="playhead" hidden></div>
        ${this.failure === '' ? nothing : html`<p class="waiting">The chart cannot be drawn: ${this.failure}</p>`}
      </div>
      ${this.#renderTable(run, plan)}
    </section>`
  }

  #renderTable(run: Run, plan: ChartPlan): TemplateResult {
    const words = plan.series.map((series) => seriesWords(plan, series))
    // What is true of all is said once.
    const shared = words.length > 1 && words.every((each) => each === words[0]) ? words[0] : ''
    return html`<table part="table">
      <caption class="visually-hidden">
        ${plan.title}: values at the playhead, ${formatDuration(run.playhead)}, and peaks
      </caption>
      <thead>
        <tr>
          <th scope="col"><span class="visually-hidden">Series</span> ${shared}</th>
          <th scope="col">at playhead</th>
          <th scope="col">peak</th>
        </tr>
      </thead>
      <tbody>
        ${plan.series.map((series, index) => {
          const measured = this.#series.at(index)
          // The most of what only grows is where it is at the end.
          const peak = isTotal(series) ? undefined : measured?.peak()
          return html`<tr>
            <th scope="row">
              ${swatch(series, index, plan.stacked)}${series.label}
              ${shared !== '' || words[index] === '' ? nothing : html`<small>${words[index]}</small>`}
            </th>
            <td>${valueWords(series, measured?.at(run.playhead) ?? Number.NaN)}</td>
            <td class="peak">
              ${peak === undefined ? '–' : html`${valueWords(series, peak.value)} <small>at ${peak.time === 0 ? '0' : formatDuration(peak.time)}</small>`}
            </td>
          </tr>`
        })}
      </tbody>
    </table>`
  }

  #words(run: Run, { series }: ChartPlan): string {
    const values = series.map((each, index) => {
      const value = this.#series.at(index)?.at(run.playhead) ?? Number.NaN
      return `${each.label} ${Number.isNaN(value) ? 'not known' : valueWords(each, value)}`
    })
    return `${formatDuration(run.playhead)}: ${values.join(', ')}`
  }

  readonly #onPointerDown = (event: PointerEvent): void => {
    if (event.button !== 0) return
    ;(event.currentTarget as HTMLElement).setPointerCapture(event.pointerId)
    this.run?.pause()
    this.#seekTo(event)
  }

  readonly #onPointerMove = (event: PointerEvent): void => {
    if ((event.currentTarget as HTMLElement).hasPointerCapture(event.pointerId)) this.#seekTo(event)
  }

  #seekTo(event: PointerEvent): void {
    const area = this.#plot?.area
    if (area === undefined || area.width <= 0) return
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect()
    const share = Math.min(1, Math.max(0, (event.clientX - box.left - area.left) / area.width))
    this.#seek(share * this.#to)
  }

  #seek(time: Nanos): void {
    const { run } = this
    if (run === undefined) return
    const target = Math.round(Math.min(Math.max(0, time), run.scenario.duration))
    void run.seek(target)
    this.dispatchEvent(new CustomEvent<Nanos>('packet-chart-seek', { detail: target, bubbles: true, composed: true }))
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    const { run } = this
    const bucket = this.#shown?.plan.bucket
    if (run === undefined || bucket === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    const steps: Readonly<Record<string, Nanos>> = {
      ArrowRight: run.playhead + bucket,
      ArrowUp: run.playhead + bucket,
      ArrowLeft: run.playhead - bucket,
      ArrowDown: run.playhead - bucket,
      PageUp: run.playhead + 10 * bucket,
      PageDown: run.playhead - 10 * bucket,
      Home: 0,
      End: run.horizon,
    }
    if (!(event.key in steps)) return
    event.preventDefault()
    event.stopPropagation()
    run.pause()
    this.#seek(steps[event.key])
  }
}

/** What is measured by an axis: series of one unit. */
function isOn(axis: PlotAxis, { unit, perSecond }: ChartSeries): boolean {
  return axis.unit === unit && axis.perSecond === perSecond
}

function sideOf(axes: readonly PlotAxis[], series: ChartSeries): 0 | 1 {
  return axes.findIndex((axis) => isOn(axis, series)) === 1 ? 1 : 0
}

function isTotal({ spec }: ChartSeries): boolean {
  return 'as' in spec && spec.as === 'total'
}

function axesOf({ series }: ChartPlan): PlotAxis[] {
  const axes: PlotAxis[] = []
  for (const each of series) if (!axes.some((axis) => isOn(axis, each))) axes.push({ unit: each.unit, perSecond: each.perSecond })
  return axes
}

function colourOf({ spec }: ChartSeries, index: number): string {
  return spec.measure === 'members' ? STATE_TOKENS[spec.state] : `--pk-flow-${String(1 + (index % 7))}`
}

function swatch(series: ChartSeries, index: number, stacked: boolean): TemplateResult {
  const style = `color:var(${colourOf(series, index)})`
  return html`<svg viewBox="0 0 24 12" aria-hidden="true" .style=${style}>
    ${
      stacked
        ? svg`<rect x="1" y="0" width="22" height="12" fill="currentColor" fill-opacity="0.45" stroke="currentColor" />`
        : svg`<path d="M0 7H24" fill="none" stroke="currentColor" stroke-width="3" stroke-dasharray=${DASHES[index % DASHES.length].join(' ')} />`
    }
  </svg>`
}

/** The end of an axis that has room for a value: 1, 1.5, 2, 3, 4, 5, 6 or 8 times a power of ten. */
function roundTop(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 1.5, 2, 3, 4, 5, 6, 8].find((factor) => power * factor >= value) ?? 10)
}
