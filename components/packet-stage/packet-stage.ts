import { html, type PropertyValues, type TemplateResult } from 'lit'
import { property } from 'lit/decorators.js'
import { flowsOf, type FrameFlows } from '../frame-flows.ts'
import { HostCrashes } from '../host-crashes.ts'
import { networkAt, networkKey, type NetworkState } from '../network-state.ts'
import { RunElement, type RunEvent } from '../run-element.ts'
import type { Run } from '../../src/run/run.ts'
import { sameTarget, type FrameGroupTarget, type Target } from '../selection.ts'
import { readTheme, tokens, watchTheme, type Theme } from '../theme.ts'
import { Crowds } from '../crowds.ts'
import { CanvasLife } from './canvas-life.ts'
import { CrowdLayer } from './crowd-layer.ts'
import { hitTest, REACH, targetPlace } from './hit.ts'
import { LabelLayer } from './label-layer.ts'
import type { Occupied } from './label-requests.ts'
import { layOut, preferredHeight, type Layout } from './layout.ts'
import { legend } from './legend.ts'
import { cardBox, placeCaptions, type LinkCaption } from './link-captions.ts'
import { stageStyles } from './packet-stage.styles.ts'
import { posterLayers, type Emphasis } from './poster.ts'
import { StagePainter } from './stage-painter.ts'
import { announce, describeCrowds, describeNetwork, describeTraffic, tell, tellGroup, type Told } from './stage-words.ts'
import { TextMeasure } from './text-measure.ts'
import { Tooltip } from './tooltip.ts'
import { STEPS, walk, walkOrder } from './walk.ts'

/** What `packet-stage-activate` tells. */
export interface StageActivation {
  readonly target: Target
  /** Numbers of the frames of a group, the oldest first, at most a thousand; of all else, none. */
  readonly frames: readonly number[]
  /** Where on the page, in px of the viewport. */
  readonly x: number
  readonly y: number
}

/** How long the trace of a loss is to be seen, in seconds of the reader. */
const LINGER = 1.3
/** With reduced motion, the picture moves on this often while playing, in seconds of the reader. */
const STEP_SECONDS = 0.45
/** How often what flies is told anew to screen readers, in ms. */
const TELL_EVERY = 2000
const NARROW = 560
/** Most frames of a group that can be struck at once. */
const MOST_AT_ONCE = 1000

/**
 * The network, drawn: hosts, links, queues, and every frame where it is at the run's playhead.
 *
 * @fires packet-stage-activate - A packet, link or host was clicked, or Enter was pressed on it; `detail` is a `StageActivation`.
 * @csspart frame - The drawing.
 * @csspart legend - What the shapes mean.
 */
export class PacketStage extends RunElement {
  static override styles = [tokens, stageStyles]

  /** `'auto'`: frames are named where there are few of them; `'none'`: never. */
  @property() labels: 'auto' | 'none' = 'auto'

  /** Leaves out the legend. */
  @property({ type: Boolean, attribute: 'no-legend' }) noLegend = false

  protected override readonly follows: readonly RunEvent[] = ['change', 'time', 'trace', 'restart']

  readonly #painter = new StagePainter(() => {
    this.#schedule()
  })
  readonly #life = new CanvasLife({
    theme: () => this.#readTheme(),
    unit: () => this.#unit,
    size: () => ({
      width: this.#layout?.width ?? 1,
      height: this.#layout?.height ?? 1,
      resolution: Math.min(3, devicePixelRatio),
    }),
    mount: () => this.renderRoot.querySelector<HTMLElement>('.canvas') ?? undefined,
    changed: () => {
      if (this.#life.failure !== undefined) this.requestUpdate()
      this.#schedule()
    },
  })
  readonly #sizes = new ResizeObserver(() => {
    // Not within the observer: drawing anew may change the height that it observes.
    requestAnimationFrame(() => {
      this.#resized()
    })
  })
  readonly #stillness = matchMedia('(prefers-reduced-motion: reduce)')
  #unwatchTheme: (() => void) | undefined
  #theme: Theme | undefined
  #measure: TextMeasure | undefined
  #layout: Layout | undefined
  #captions: readonly (LinkCaption | undefined)[] = []
  #fixed: readonly Occupied[] = []
  #flows: FrameFlows | undefined
  #network: NetworkState | undefined
  /** Of the log: how long it was, and how much of it had happened, when `#network` was made. */
  #networkMark = ''
  #legendMark = ''
  #scheduled = 0
  #labelLayer: LabelLayer | undefined
  #crowdLayer: CrowdLayer | undefined
  #tooltip: Tooltip | undefined
  #pointer: { x: number; y: number; reach: number } | undefined
  #hovered: Target | undefined
  #pressed: Target | undefined
  #focused: Target | undefined
  #hasFocus = false
  #toldAt = 0

  get #unit(): number {
    return this.#readTheme().fontSize / 14
  }

  #readTheme(): Theme {
    return (this.#theme ??= readTheme(this))
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#unwatchTheme = watchTheme(this, this.#themeChanged)
    this.#stillness.addEventListener('change', this.#redraw)
    this.#life.connect(this)
    if (this.hasUpdated) this.#observeFrame()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#flows?.removeEventListener('change', this.#recolour)
    this.#unwatchTheme?.()
    this.#stillness.removeEventListener('change', this.#redraw)
    this.#sizes.disconnect()
    this.#life.disconnect()
    cancelAnimationFrame(this.#scheduled)
    this.#scheduled = 0
    this.#theme = undefined
  }

  protected override runReplaced(): void {
    this.#flows?.removeEventListener('change', this.#recolour)
    this.#flows = this.run && flowsOf(this.run)
    this.#flows?.addEventListener('change', this.#recolour)
    this.#painter.reset(this.run)
    this.#network = undefined
    this.#networkMark = ''
    this.#layout = undefined
    this.#hovered = this.#focused = undefined
    this.requestUpdate()
  }

  protected override runFired(event: RunEvent): void {
    if (event === 'restart') this.#painter.reset(this.run)
    else if (event === 'trace') this.#painter.invalidate()
    else if (event === 'change') this.#painter.noteLog()
    this.#schedule()
  }

  protected override selectionChanged(): void {
    this.requestUpdate()
  }

  readonly #redraw = (): void => {
    this.#schedule()
  }

  readonly #themeChanged = (): void => {
    const theme = readTheme(this)
    if (JSON.stringify(theme) === JSON.stringify(this.#theme)) return
    this.#theme = theme
    this.#measure?.setTheme(theme, this.#unit)
    this.#life.renderer?.setTheme(theme, this.#unit)
    this.#layout = undefined
    this.requestUpdate()
  }

  #observeFrame(): void {
    const frame = this.renderRoot.querySelector('.frame')
    if (frame !== null) this.#sizes.observe(frame)
  }

  #resized(): void {
    const frame = this.renderRoot.querySelector('.frame')
    if (frame === null || this.#layout === undefined) return
    const { width, height } = this.#layout
    if (frame.clientWidth === width && frame.clientHeight === height) return
    this.#layout = undefined
    this.requestUpdate()
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed)
    if (this.run === undefined || !this.isConnected) return
    this.#followNetwork()
    if (this.#layout === undefined) this.#place()
  }

  /** The network as people, schedules and crashes have left it at the playhead. Returns whether that has changed. */
  #followNetwork(): boolean {
    const { run } = this
    if (run === undefined) return false
    const crashed = HostCrashes.of(run).at(run.playhead)
    const mark = `${networkKey(run)} ${crashed.join(' ')}`
    if (this.#network !== undefined && mark === this.#networkMark) return false
    this.#networkMark = mark
    this.#network = networkAt(run.scenario, run.log, run.playhead)
    for (const host of crashed) this.#network.power[host] = 'off'
    this.#painter.setNetwork(this.#network)
    if (this.#layout !== undefined) this.#placeCaptions(this.#layout, this.#network)
    return true
  }

  #place(): void {
    const { run } = this
    if (run === undefined || this.#network === undefined) return
    const unit = this.#unit
    const measure = (this.#measure ??= new TextMeasure(this.#readTheme(), unit))
    const frame = this.renderRoot.querySelector('.frame')
    const width = frame?.clientWidth || this.clientWidth || 640
    const height = frame?.clientHeight || preferredHeight(run.scenario, width, unit)
    this.#layout = layOut(run.scenario, { width, height }, unit, measure.width)
    this.#placeCaptions(this.#layout, this.#network)
  }

  #placeCaptions(layout: Layout, network: NetworkState): void {
    const width = (text: string): number => this.#measure?.width(text, 'caption') ?? 0
    this.#captions = placeCaptions(
      layout,
      network.links.map(({ settings }) => settings),
      width,
      16 * layout.unit,
    )
    this.#fixed = [
      ...layout.cards.map(cardBox),
      ...this.#captions.flatMap((caption) => (caption === undefined ? [] : [caption.box])),
    ]
  }

  protected override render(): TemplateResult {
    const { run } = this
    const layout = this.#layout
    const network = this.#network
    const ready = run !== undefined && layout !== undefined && network !== undefined
    const width = layout?.width ?? 640
    const layers = ready
      ? posterLayers(run.scenario, layout, network, this.#captions, (target) => this.#emphasis(target), this.#measureText)
      : undefined
    return html`
      <div
        class="frame"
        part="frame"
        tabindex="0"
        role="application"
        aria-roledescription="network"
        aria-label=${run === undefined ? 'Network' : describeNetwork(run)}
        aria-describedby="traffic"
        @pointermove=${this.#onPointerMove}
        @pointerleave=${this.#onPointerLeave}
        @pointerdown=${this.#onPointerDown}
        @click=${this.#onClick}
        @keydown=${this.#onKey}
        @focus=${this.#onFocus}
        @blur=${this.#onBlur}
      >
        ${layers?.under}
        <div class="canvas" aria-hidden="true"></div>
        ${layers?.over}
        <div class="crowds" aria-hidden="true"></div>
        <div class="labels" aria-hidden="true"></div>
        <div class="tooltip" aria-hidden="true" hidden></div>
        ${this.#life.failure === undefined ? '' : html`<p class="notice">This browser cannot draw the packets (${this.#life.failure}).</p>`}
      </div>
      <div id="traffic" class="visually-hidden"></div>
      <div id="focus" class="visually-hidden" aria-live="polite"></div>
      ${
        this.noLegend || run === undefined
          ? ''
          : legend({ ...this.#painter.index.seen, connections: run.trace.connections }, width >= NARROW, flowsOf(run), run.trace)
      }
    `
  }

  readonly #measureText = (text: string, role: 'label' | 'address'): number => this.#measure?.width(text, role) ?? 0
  readonly #measureNote = (text: string): number => this.#measure?.width(text, 'note') ?? 0

  #emphasis(target: Target): Emphasis {
    return {
      hovered: sameTarget(target, this.#hovered),
      selected: sameTarget(target, this.selection?.target),
      focused: this.#hasFocus && sameTarget(target, this.#focused),
    }
  }

  protected override firstUpdated(): void {
    const labels = this.renderRoot.querySelector<HTMLElement>('.labels')
    if (labels !== null) this.#labelLayer = new LabelLayer(labels)
    const crowds = this.renderRoot.querySelector<HTMLElement>('.crowds')
    if (crowds !== null) this.#crowdLayer = new CrowdLayer(crowds)
    const tooltip = this.renderRoot.querySelector<HTMLElement>('.tooltip')
    if (tooltip !== null) this.#tooltip = new Tooltip(tooltip)
    this.#observeFrame()
  }

  protected override updated(): void {
    const { run } = this
    const frame = this.renderRoot.querySelector<HTMLElement>('.frame')
    if (frame !== null && run !== undefined) {
      const width = this.#layout?.width ?? frame.clientWidth
      // Through the object model: a style attribute is refused under a strict content security policy.
      frame.style.flexBasis = `${String(preferredHeight(run.scenario, width, this.#unit))}px`
    }
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled !== 0 || !this.#life.near) return
    this.#scheduled = requestAnimationFrame(() => {
      this.#scheduled = 0
      this.#paint()
    })
  }

  /** The time that is shown: with reduced motion, a playing run moves in steps. */
  #shownTime(): number {
    const { run } = this
    if (run === undefined) return 0
    if (!this.#stillness.matches || run.state !== 'playing') return run.playhead
    const step = STEP_SECONDS * 1e9 * run.speed
    return Math.floor(run.playhead / step) * step
  }

  #paint(): void {
    const { run } = this
    const layout = this.#layout
    if (run === undefined || layout === undefined) return
    if (this.#followNetwork()) this.requestUpdate()
    const { renderer } = this.#life
    if (renderer !== undefined) {
      const resolution = Math.min(3, devicePixelRatio)
      renderer.resize(layout.width, layout.height, resolution)
    }
    this.#painter.paint(
      {
        layout,
        time: this.#shownTime(),
        linger: LINGER * 1e9 * run.speed,
        still: this.#stillness.matches,
        hovered: frameNumber(this.#hovered),
        selected: frameNumber(this.selection?.target),
        focused: this.#hasFocus ? frameNumber(this.#focused) : 0,
        group: this.#shownGroup(),
        named: this.labels !== 'none',
        fixed: this.#fixed,
        width: this.#measureNote,
      },
      renderer,
      this.#labelLayer,
    )
    this.#crowdLayer?.show(Crowds.of(run).at(this.#shownTime()), layout)
    this.#followPointer(layout)
    this.#showTooltip()
    this.#tellTraffic(run)
    this.#followLegend()
  }

  #followLegend(): void {
    const { seen } = this.#painter.index
    const connections = this.run?.trace.connections.length ?? 0
    const mark = `${[...seen.kinds].join(' ')} ${String(seen.again)} ${String(seen.torn)} ${String(seen.lost)} ${String(Math.min(connections, 9))} ${this.#flowMark()}`
    if (mark === this.#legendMark) return
    this.#legendMark = mark
    this.requestUpdate()
  }

  /** What the legend says of streams. */
  #flowMark(): string {
    const flows = this.#flows
    return flows === undefined ? '' : `${flows.mode} ${String(flows.hasStreams)} ${String(Math.min(flows.flows.length, 9))}`
  }

  readonly #recolour = (): void => {
    this.#painter.recolour()
    this.#schedule()
    this.requestUpdate()
  }

  #tellTraffic(run: NonNullable<typeof this.run>): void {
    const now = performance.now()
    if (now - this.#toldAt < TELL_EVERY && run.state === 'playing') return
    this.#toldAt = now
    const element = this.renderRoot.querySelector('#traffic')
    const { scene } = this.#painter
    const words = `${describeTraffic(run, scene.inFlight, scene.queues.waiting)}${describeCrowds(run)}`
    if (element !== null && element.textContent !== words) element.textContent = words
  }

  #hover(target: Target | undefined): void {
    if (sameTarget(target, this.#hovered)) return
    const still = !isOnTheWay(target) || (this.#hovered !== undefined && !isOnTheWay(this.#hovered))
    this.#hovered = target
    this.renderRoot.querySelector('.frame')?.classList.toggle('pointing', target !== undefined)
    if (still) this.requestUpdate()
    this.#schedule()
  }

  /** A frame flies out from under a pointer that rests. */
  #followPointer(layout: Layout): void {
    if (this.#pointer === undefined || (this.#hovered?.kind !== 'frame' && this.#hovered?.kind !== 'group')) return
    const { x, y, reach } = this.#pointer
    const place = targetPlace(this.#hovered, this.#painter.scene.list, layout)
    if (place !== undefined && Math.hypot(place.x - x, place.y - y) < reach * 3) return
    this.#hover(hitTest(this.#painter.scene.list, layout, x, y, reach))
  }

  #showTooltip(): void {
    const target = this.#hovered ?? (this.#hasFocus ? this.#focused : undefined)
    const { run } = this
    const layout = this.#layout
    if (target === undefined || run === undefined || layout === undefined || this.#network === undefined) {
      this.#tooltip?.hide()
      return
    }
    const told = this.#tell(target, run, this.#network)
    const place = targetPlace(target, this.#painter.scene.list, layout)
    if (told === undefined || place === undefined) this.#tooltip?.hide()
    else {
      const clearance = target.kind === 'host' ? layout.cards[target.index].height / 2 + 10 : 26 * layout.unit
      this.#tooltip?.show(told, place, clearance, layout, this.#fixed)
    }
  }

  #tell(target: Target, run: Run, network: NetworkState): Told | undefined {
    if (target.kind !== 'group') return tell(target, run, network, this.#painter.summary(frameNumber(target)))
    const group = this.#painter.group(target)
    return group && tellGroup(group, run)
  }

  #shownGroup(): FrameGroupTarget | undefined {
    const target = this.#hovered ?? (this.#hasFocus ? this.#focused : undefined)
    return target?.kind === 'group' ? target : undefined
  }

  #hit(event: PointerEvent | MouseEvent, touch: boolean): Target | undefined {
    const layout = this.#layout
    if (layout === undefined) return undefined
    const { x, y } = this.#placeOf(event)
    const reach = touch ? REACH.touch : REACH.mouse
    this.#pointer = touch ? undefined : { x, y, reach }
    return hitTest(this.#painter.scene.list, layout, x, y, reach)
  }

  /** In px of the frame. */
  #placeOf(event: MouseEvent): { x: number; y: number } {
    const box = this.renderRoot.querySelector('.frame')?.getBoundingClientRect()
    return { x: event.clientX - (box?.left ?? 0), y: event.clientY - (box?.top ?? 0) }
  }

  readonly #onPointerMove = (event: PointerEvent): void => {
    if (event.pointerType === 'touch') return
    this.#hover(this.#hit(event, false))
  }

  readonly #onPointerLeave = (): void => {
    this.#pointer = undefined
    this.#hover(undefined)
  }

  // What flies is caught when the button goes down, not when it comes up again.
  readonly #onPointerDown = (event: PointerEvent): void => {
    this.#pressed = this.#hit(event, event.pointerType === 'touch')
  }

  readonly #onClick = (event: MouseEvent): void => {
    const target = this.#pressed
    this.#pressed = undefined
    if (target !== undefined) this.#activate(target, event.clientX, event.clientY)
  }

  #activate(target: Target, x: number, y: number): void {
    const frames = target.kind === 'group' ? this.#painter.framesOf(target, MOST_AT_ONCE) : []
    const detail: StageActivation = { target, frames, x, y }
    this.dispatchEvent(new CustomEvent('packet-stage-activate', { detail, bubbles: true, composed: true }))
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.altKey || event.ctrlKey || event.metaKey) return
    const layout = this.#layout
    if (layout === undefined) return
    if (event.key === 'Enter') {
      const place = this.#focused === undefined ? undefined : targetPlace(this.#focused, this.#painter.scene.list, layout)
      if (this.#focused === undefined || place === undefined) return
      const box = this.renderRoot.querySelector('.frame')?.getBoundingClientRect()
      event.preventDefault()
      this.#activate(this.#focused, place.x + (box?.left ?? 0), place.y + (box?.top ?? 0))
      return
    }
    if (event.key === 'Escape') {
      if (this.#focused === undefined) return
      this.#focus(undefined)
      event.stopPropagation()
      return
    }
    const step = STEPS[event.key] as (typeof STEPS)[string] | undefined
    if (step === undefined) return
    event.preventDefault()
    this.#hasFocus = true
    this.#focus(walk(walkOrder(layout, this.#painter.scene.list), this.#focused, step))
  }

  #focus(target: Target | undefined): void {
    this.#focused = target
    this.requestUpdate()
    const live = this.renderRoot.querySelector('#focus')
    if (live === null || this.run === undefined || this.#network === undefined) return
    if (target?.kind === 'group') {
      const told = this.#tell(target, this.run, this.#network)
      live.textContent = told === undefined ? 'They are gone.' : `${told.title}, ${told.lines.join(', ')}`
    } else live.textContent = target === undefined ? '' : announce(target, this.run, this.#network)
  }

  readonly #onFocus = (): void => {
    this.#hasFocus = this.renderRoot.querySelector('.frame')?.matches(':focus-visible') ?? false
    this.#life.use()
    this.requestUpdate()
  }

  readonly #onBlur = (): void => {
    this.#hasFocus = false
    this.requestUpdate()
  }
}

function isOnTheWay(target: Target | undefined): boolean {
  return target?.kind === 'frame' || target?.kind === 'group'
}

function frameNumber(target: Target | undefined): number {
  return target?.kind === 'frame' ? target.number : 0
}
