import { html, nothing, type PropertyValues, type TemplateResult } from 'lit'
import { query, state } from 'lit/decorators.js'
import type { Nanos } from '../../src/trace/record.ts'
import { controls } from '../controls.styles.ts'
import { formatClock, formatDuration, formatSpeed, roundExtent } from '../format.ts'
import { icon } from '../icons.ts'
import { nearestStop } from '../link-settings.ts'
import { RunElement, type RunEvent } from '../run-element.ts'
import { tokens, watchTheme } from '../theme.ts'
import { TraceMarks } from '../trace-marks.ts'
import { actionWords } from '../wording.ts'
import { transportStyles } from './packet-transport.styles.ts'
import { drawMarks, timeToX, xToTime, type MarkColours } from './scrub-marks.ts'

/** How much watching the bar has room for at first, at the scenario's speed, in seconds. */
const ROOM = 20

/** When a run plays slower than was asked for. */
const SLOW = 'This machine cannot play it faster. Nothing is left out.'

/** How long nothing has to be on the way before skipping ahead is offered, in seconds of watching. */
const QUIET = 1.2

/** Speeds of the slider: 1, 1.5, 2, 3, … per decade from 1/1000 to 10. */
const SPEEDS = [-3, -2, -1, 0]
  .flatMap((power) => [1, 1.5, 2, 3, 5, 7].map((digit) => Number(`${String(digit)}e${String(power)}`)))
  .concat(10)

/**
 * Play, pause, step, speed and a scrub bar with marks for what was lost, sent again or done by hand.
 *
 * @part buttons - The group of buttons.
 * @part scrub - The scrub bar.
 * @part clock - The time display.
 * @part speed - The speed slider and its words.
 */
export class PacketTransport extends RunElement {
  static override styles = [tokens, controls, transportStyles]

  protected override readonly follows: readonly RunEvent[] = ['change', 'time', 'trace', 'restart']

  @query('canvas') private canvas!: HTMLCanvasElement | null
  /** Where the pointer is over the bar, in px; undefined when it is not. */
  @state() private hover: number | undefined

  readonly #marks = new TraceMarks()
  #extent: Nanos = 1
  #width = 0
  #height = 0
  #traceChanged = true
  /** As the theme has them; undefined: to be read anew. */
  #colours: MarkColours | undefined
  #unwatchTheme: (() => void) | undefined
  readonly #resize = new ResizeObserver(([{ contentRect }]) => {
    this.#width = contentRect.width
    this.#height = contentRect.height
    this.#draw()
  })

  override connectedCallback(): void {
    super.connectedCallback()
    this.#colours = undefined
    this.#unwatchTheme = watchTheme(this, () => {
      this.#colours = undefined
      this.#draw()
    })
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#unwatchTheme?.()
    this.#resize.disconnect()
  }

  protected override runReplaced(): void {
    this.#marks.clear()
    this.#extent = 1
    this.#traceChanged = true
  }

  protected override runFired(event: RunEvent): void {
    if (event === 'restart') this.#clearMarks()
    if (event !== 'time') this.#traceChanged = true
    this.requestUpdate()
  }

  /** Play, or pause; from the start when the end was reached. */
  toggle(): void {
    const { run } = this
    if (run === undefined) return
    if (run.state === 'playing') run.pause()
    else if (run.state === 'ended') {
      void run.seek(0).then(() => {
        run.play()
      })
    } else run.play()
  }

  /** One stop faster (1) or slower (-1). */
  changeSpeed(direction: 1 | -1): void {
    const { run } = this
    if (run === undefined) return
    const stop = Math.min(SPEEDS.length - 1, Math.max(0, nearestStop(SPEEDS, run.speed) + direction))
    run.speed = SPEEDS[stop]
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed)
    const { run } = this
    if (run === undefined) return
    // The bar grows in round steps while the run goes on, and shrinks to what there was when it has ended.
    const over = run.state === 'ended' && run.playhead >= run.horizon
    const room = Math.max(run.horizon, run.scenario.speed * ROOM * 1e9)
    const wanted = over ? Math.max(run.horizon, 1) : Math.min(run.scenario.duration, roundExtent(room))
    if (over || run.horizon > this.#extent || this.#extent === 1) {
      if (wanted !== this.#extent) this.#traceChanged = true
      this.#extent = wanted
    }
  }

  protected override render(): TemplateResult {
    const { run } = this
    const playing = run?.state === 'playing'
    const ended = run?.state === 'ended'
    const idle = run === undefined || run.state === 'loading' || run.state === 'failed'
    return html`
      <div class="bar" role="group" aria-label="Playback">
        <div class="buttons" part="buttons">
          <button
            class="quiet only-icon"
            ?disabled=${idle}
            title="Step back (←)"
            aria-label="Step back"
            @click=${() => void run?.step(-1)}
          >
            ${icon('back')}
          </button>
          <button
            class="primary only-icon play"
            ?disabled=${idle}
            title=${playing ? 'Pause (space)' : 'Play (space)'}
            aria-label=${playing ? 'Pause' : ended ? 'Play again' : 'Play'}
            @click=${() => {
              this.toggle()
            }}
          >
            ${icon(playing ? 'pause' : ended ? 'restart' : 'play')}
          </button>
          <button
            class="quiet only-icon"
            ?disabled=${idle}
            title="Step to the next event (→)"
            aria-label="Step to the next event"
            @click=${() => void run?.step(1)}
          >
            ${icon('forward')}
          </button>
        </div>
        ${this.#renderScrub(idle)} ${this.#renderClock()} ${this.#renderSpeed(idle)}
        ${
          this.#isQuiet()
            ? html`<button class="skip" part="skip" @click=${() => void this.#skip()}>
                Nothing is on the way. Skip ahead ${icon('end')}
              </button>`
            : nothing
        }
      </div>
    `
  }

  /** Whether the reader has been watching empty lines for a while: slowed down, a timer of a second is a long wait. */
  #isQuiet(): boolean {
    const { run } = this
    if (run?.state !== 'playing' || run.playhead < run.horizon * 0.999) return false
    return this.#marks.underWay === 0 && run.playhead - this.#marks.lastMoment > run.speed * QUIET * 1e9
  }

  async #skip(): Promise<void> {
    await this.run?.step(1)
    this.run?.play()
  }

  #renderScrub(idle: boolean): TemplateResult {
    const { run } = this
    const extent = this.#extent
    const playhead = run?.playhead ?? 0
    const share = (time: Nanos): string => `${String((Math.min(time, extent) / extent) * 100)}%`
    return html`
      <div
        class="scrub"
        part="scrub"
        .style=${`--playhead:${share(playhead)};--horizon:${share(run?.horizon ?? 0)}`}
        @pointermove=${(event: PointerEvent) => {
          this.hover = event.clientX - (event.currentTarget as HTMLElement).getBoundingClientRect().left
        }}
        @pointerleave=${() => {
          this.hover = undefined
        }}
      >
        <input
          type="range"
          aria-label="Time"
          aria-valuetext=${formatClock(playhead, extent)}
          aria-describedby="summary"
          min="0"
          max=${extent}
          step="1"
          .value=${String(Math.min(playhead, extent))}
          ?disabled=${idle}
          @keydown=${this.#onScrubKey}
          @input=${(event: Event) => void run?.seek(Number((event.target as HTMLInputElement).value))}
        />
        <canvas aria-hidden="true"></canvas>
        ${this.#renderTip()}
        <span id="summary" class="visually-hidden">${this.#summary()}</span>
      </div>
    `
  }

  /** A nanosecond, the native step, is of no use: arrows go from event to event, the rest in larger strides. */
  readonly #onScrubKey = (event: KeyboardEvent): void => {
    const { run } = this
    if (run === undefined || event.altKey || event.ctrlKey || event.metaKey) return
    const stride = event.shiftKey ? run.speed * 1e9 : this.#extent / 10
    const forward = ['ArrowRight', 'ArrowUp', 'PageUp'].includes(event.key)
    if (forward || ['ArrowLeft', 'ArrowDown', 'PageDown'].includes(event.key)) {
      if (event.key.startsWith('Arrow') && !event.shiftKey) void run.step(forward ? 1 : -1)
      else void run.seek(Math.max(0, Math.round(run.playhead + (forward ? stride : -stride))))
    } else if (event.key === 'Home' || event.key === 'End') void run.seek(event.key === 'Home' ? 0 : run.horizon)
    else return
    event.preventDefault()
  }

  #summary(): string {
    const plural = (count: number, noun: string): string =>
      `${String(count)} ${noun}${count === 1 ? '' : noun.endsWith('s') ? 'es' : 's'}`
    const { losses, retransmissions } = this.#marks
    return [
      plural(losses.length, 'loss'),
      plural(retransmissions.length, 'retransmission'),
      plural(this.run?.log.length ?? 0, 'intervention'),
    ].join(', ')
  }

  #renderTip(): TemplateResult | '' {
    const { run, hover } = this
    if (hover === undefined || run === undefined) return ''
    const width = this.#width
    const near = (time: Nanos): boolean => Math.abs(timeToX(time, this.#extent, width) - hover) < 5
    const intervention = run.log.find(({ at }) => near(at))
    const loss = this.#marks.losses.find(({ time }) => near(time))
    const again = this.#marks.retransmissions.find(({ time }) => near(time))
    const [time, words] =
      intervention !== undefined
        ? [intervention.at, actionWords(intervention, run.scenario)]
        : loss !== undefined
          ? [loss.time, `packet #${String(loss.frame)} lost`]
          : again !== undefined
            ? [again.time, `packet #${String(again.frame)} is sent again`]
            : [xToTime(hover, this.#extent, width), undefined]
    const clock = formatClock(time, this.#extent)
    // Kept within the bar by moving its own middle along with the pointer.
    const shift = (Math.min(Math.max(hover, 0), width) / Math.max(width, 1)) * 100
    return html`<span class="tip" .style=${`transform:translateX(${String(hover)}px) translateX(-${String(shift)}%)`}
      >${clock}${words === undefined ? '' : `, ${words}`}</span
    >`
  }

  #renderClock(): TemplateResult {
    const { run } = this
    return html`<div class="clock" part="clock">
      <span class="now">${formatClock(run?.playhead ?? 0, this.#extent)}</span>
      <span class="end">of ${formatDuration(this.#extent)}</span>
    </div>`
  }

  #renderSpeed(idle: boolean): TemplateResult {
    const speed = this.run?.speed ?? 1
    const index = nearestStop(SPEEDS, speed)
    const { pace } = this.run ?? {}
    const words = formatSpeed(pace ?? speed)
    return html`<div class="speed" part="speed">
      <label class="words ${pace === undefined ? '' : 'behind'}" for="speed" title=${pace === undefined ? nothing : SLOW}
        ><span>${pace === undefined ? 'Speed' : 'Slower here'}</span> <b>${words}</b></label
      >
      <span class="visually-hidden" role="status">${pace === undefined ? '' : SLOW}</span>
      <input
        id="speed"
        type="range"
        min="0"
        max=${SPEEDS.length - 1}
        step="1"
        .style=${`--fill:${String((index / (SPEEDS.length - 1)) * 100)}%`}
        .value=${String(index)}
        aria-valuetext=${formatSpeed(speed)}
        ?disabled=${idle}
        @input=${(event: Event) => {
          if (this.run !== undefined) this.run.speed = SPEEDS[Number((event.target as HTMLInputElement).value)]
        }}
      />
    </div>`
  }

  protected override updated(): void {
    if (this.canvas !== null) this.#resize.observe(this.canvas)
    if (!this.#traceChanged || this.run === undefined) return
    this.#traceChanged = false
    this.#marks.update(this.run.trace)
    this.#draw()
  }

  #clearMarks(): void {
    this.#marks.clear()
    // Chromium was seen to keep the old picture through `clearRect`; with a new size it is gone for certain.
    if (this.canvas !== null) this.canvas.width = 0
  }

  #draw(): void {
    const { canvas, run } = this
    if (canvas === null || run === undefined) return
    this.#colours ??= this.#readColours(canvas)
    // While a run plays, its trace changes with each frame: to ask for the size here would be to lay the page out.
    drawMarks(canvas, [this.#width, this.#height], this.#marks, run.log, this.#extent, this.#colours)
  }

  #readColours(canvas: HTMLCanvasElement): MarkColours {
    const style = getComputedStyle(canvas)
    const colour = (name: string): string => {
      canvas.style.color = `var(--pk-${name})`
      return style.color
    }
    return { loss: colour('lost'), retransmission: colour('text'), intervention: colour('accent') }
  }
}
