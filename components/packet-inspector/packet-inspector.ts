import { Task } from '@lit/task'
import { html, nothing, type TemplateResult } from 'lit'
import { state } from 'lit/decorators.js'
import { classMap } from 'lit/directives/class-map.js'
import { live } from 'lit/directives/live.js'
import type { Run } from '../../src/run/run.ts'
import { NEVER, type FrameRecord } from '../../src/trace/record.ts'
import type { Inspection } from '../../src/trace/inspection.ts'
import type { Field, Layer } from '../../src/wire/field.ts'
import { controls } from '../controls.styles.ts'
import { formatClock, formatQuantity } from '../format.ts'
import { flowsOf } from '../frame-flows.ts'
import { frameGlyph, frameGlyphStyles } from '../frame-glyph.ts'
import { icon } from '../icons.ts'
import { errorWords } from '../intervene.ts'
import { RunElement, type RunEvent } from '../run-element.ts'
import { tokens } from '../theme.ts'
import { isLost } from '../trace-marks.ts'
import { eventWords, fateWords, kindWords } from '../wording.ts'
import { causesOf } from './causes.ts'
import { envelopeDrawing, envelopeStyles } from './envelopes.ts'
import { inspectorStyles } from './packet-inspector.styles.ts'

/** What the bytes of a packet are shown as: its own, or something that was made of them. Which of these, by index; -1: its own. */
type ViewIndex = number

/** The packet's own bytes. */
const FRAME: ViewIndex = -1

/** Of a group of more layers than this, only the first are open. */
const OPEN = 3

/**
 * The selected packet: what became of it and why it was sent, its layers as envelopes and with their fields, and its bytes, its own and
 * the decrypted ones. Pointing at a field shows its bytes; pointing at a byte shows its field.
 *
 * @part head - What packet it is.
 * @part layers - The layers.
 * @part envelopes - The layers drawn as envelopes, to scale.
 * @part views - Which bytes are shown, when there are several.
 * @part hex - The bytes.
 */
export class PacketInspector extends RunElement {
  static override styles = [tokens, controls, frameGlyphStyles, inspectorStyles, envelopeStyles]

  protected override readonly follows: readonly RunEvent[] = ['change', 'time', 'restart']

  /** The field that is pointed at. */
  @state() private field: Field | undefined
  /** Which bytes are shown. */
  @state() private view: ViewIndex = FRAME
  /** Whether there is room for sixteen bytes in a line beside the layers. */
  @state() private wide = false
  /** Layers that the reader opened or closed, by protocol, those of decrypted bytes by themselves. */
  readonly #opened = new Map<string, boolean>()
  #shown = ''
  /** Whether more can be said when the run has gone on. */
  #isOpen = false
  #restarts = 0

  readonly #dissection = new Task(this, {
    args: () => {
      const frame = this.#frame()
      // A frame's bytes change when a hand corrupts it, and another frame has the number after a fork.
      return [this.run, frame?.number, frame?.id, frame?.corrupted, this.#restarts, this.#isOpen ? this.run?.horizon : 0] as const
    },
    task: ([run, number]) => (run === undefined || number === undefined ? Promise.resolve(undefined) : run.inspect(number)),
  })

  readonly #sizes = new ResizeObserver(([entry]) => {
    const { width } = entry.contentRect
    this.wide = width >= 860 || (width >= 500 && width < 560)
  })

  override connectedCallback(): void {
    super.connectedCallback()
    this.#sizes.observe(this)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#sizes.disconnect()
  }

  protected override runFired(event: RunEvent): void {
    if (event === 'restart') this.#restarts++
    const frame = this.#frame()
    if (event === 'time' && this.run !== undefined && frame !== undefined) {
      if (!this.#isOpen && fateWords(frame, this.run.trace.hosts, this.run.playhead) === this.#shown) return
    } else if (event === 'time') return
    this.requestUpdate()
  }

  protected override selectionChanged(): void {
    this.field = undefined
    this.view = FRAME
    this.#isOpen = false
    this.requestUpdate()
  }

  #frame(): FrameRecord | undefined {
    const target = this.selection?.target
    return target?.kind === 'frame' ? this.run?.trace.frame(target.number) : undefined
  }

  protected override render(): TemplateResult {
    const { run } = this
    const frame = this.#frame()
    if (run === undefined || frame === undefined) {
      const target = this.selection?.target
      return html`<div class="empty">
        ${icon('search')}
        ${
          target?.kind === 'frame'
            ? `Packet #${String(target.number)} is not in this run, or was let go to save memory.`
            : 'Choose a packet in the list, or click one on the stage with “Inspect”.'
        }
      </div>`
    }
    return html`<section class="packet" aria-label="Packet ${frame.number}">
      <div class="about">${this.#renderHead(run, frame)}</div>
      ${this.#dissection.render({
        pending: () => html`<p class="muted">Reading its bytes …</p>`,
        error: (error) => html`<p class="notice error" role="alert">${icon('warning')} ${errorWords(error)}</p>`,
        complete: (found) =>
          found === undefined ? html`<p class="muted">Its bytes were let go to save memory.</p>` : this.#renderContent(found),
      })}
    </section>`
  }

  #renderHead(run: Run, frame: FrameRecord): TemplateResult {
    const { hosts } = run.scenario
    const { horizon, trace, playhead } = run
    const fate = fateWords(frame, trace.hosts, playhead)
    this.#shown = fate
    const lost = isLost(frame.fate) && frame.fateAt <= playhead
    const causes = causesOf(trace, frame)
    const at = (time: number): string => formatClock(time, Math.max(horizon, 1))
    return html`<div class="head" part="head">
        <h2>${frameGlyph(frame, lost, flowsOf(run).flowOf(frame))} #${frame.number} ${kindWords(frame)}</h2>
        <span>${hosts[frame.from].label} → ${hosts[frame.to].label}</span>
        <span class="fate ${lost ? 'lost' : ''}">${fate}</span>
      </div>
      <p class="times">
        <span>${frame.length} bytes</span>
        <span>sent <b>${at(frame.sent === NEVER ? frame.enqueued : frame.sent)}</b></span>
        ${
          frame.fateAt <= playhead
            ? html`<span>${lost ? 'lost' : 'arrived'} <b>${at(frame.fateAt)}</b></span>`
            : frame.arrives === NEVER
              ? nothing
              : html`<span>due <b>${at(frame.arrives)}</b></span>`
        }
        ${frame.duplicate ? html`<span>second copy</span>` : nothing}
      </p>
      ${
        causes.length === 0
          ? nothing
          : html`<ol class="causes" aria-label="Why it was sent">
              ${causes.map(
                (cause, index) =>
                  html`<li>
                    ${index === 0 ? 'because of' : html`<span aria-label="because of">←</span>`}
                    ${
                      'frame' in cause
                        ? html`<button
                            class="link"
                            @click=${() => {
                              this.select({ kind: 'frame', number: cause.frame.number })
                            }}
                          >
                            #${cause.frame.number} ${kindWords(cause.frame)}
                          </button>`
                        : html`<button class="link" title="Go there" @click=${() => void run.seek(cause.event.time)}>
                            ${cause.event.host < 0 ? 'you' : hosts[cause.event.host].label}: ${eventWords(cause.event)}
                          </button>`
                    }
                  </li>`,
              )}
            </ol>`
      }`
  }

  #renderContent({ bytes, layers, views, isOpen }: Inspection): TemplateResult {
    this.#isOpen = isOpen
    const shown = views.at(this.view)
    const isFrame = this.view === FRAME || shown === undefined
    const dump = isFrame ? { bytes, layers } : shown
    return html`<div class="columns">
      <div class="layers" part="layers">
        ${envelopeDrawing(drawable(layers), bytes.length, this.field, (header) => {
          this.#point(FRAME, header)
        })}
        ${layers.map((layer, index) => this.#renderLayer(FRAME, layer, views.length === 0 && (index >= 2 || index === layers.length - 1)))}
        ${views.map(
          (view, index) => html`
            <h3 class="view">${icon('unlocked')} ${viewWords(view.title, view.bytes)}</h3>
            ${view.layers.map((layer, at) => this.#renderLayer(index, layer, at < OPEN))}
          `,
        )}
      </div>
      <div class="dump">
        ${
          views.length === 0
            ? nothing
            : html`<fieldset part="views">
                <legend class="visually-hidden">Bytes that are shown</legend>
                <div class="segmented">
                  ${[{ title: 'Frame', bytes }, ...views].map(
                    (view, index) =>
                      html`<label
                        ><input
                          type="radio"
                          name="view"
                          .checked=${live(isFrame ? index === 0 : index - 1 === this.view)}
                          @change=${() => {
                            this.field = undefined
                            this.view = index - 1
                          }}
                        />${viewWords(view.title.replace(/ of this packet$/, ''), view.bytes)}</label
                      >`,
                  )}
                </div>
              </fieldset>`
        }
        <packet-hex
          part="hex"
          .bytes=${dump.bytes}
          .columns=${this.wide ? 16 : 8}
          .start=${this.field?.start ?? 0}
          .end=${this.field?.end ?? 0}
          @packet-hex-point=${(event: CustomEvent<number | undefined>) => {
            this.field = event.detail === undefined ? undefined : fieldAt(dump.layers, event.detail)
          }}
        ></packet-hex>
      </div>
      <span class="visually-hidden" role="status"
        >${this.field === undefined ? '' : `${this.field.label}: ${this.field.value}`}</span
      >
    </div>`
  }

  /** Lights up a field, in the bytes that it lies in. */
  #point(view: ViewIndex, field: Field | undefined): void {
    if (field !== undefined) this.view = view
    this.field = field
  }

  #renderLayer(view: ViewIndex, layer: Layer, open: boolean): TemplateResult {
    const key = view === FRAME ? layer.protocol : `decrypted ${layer.protocol}`
    return html`<details
      .open=${this.#opened.get(key) ?? open}
      @toggle=${(event: Event) => {
        const { open: isOpen } = event.target as HTMLDetailsElement
        if (isOpen !== (this.#opened.get(key) ?? open)) this.#opened.set(key, isOpen)
      }}
    >
      <summary>${icon('down')}<b>${layer.title}</b><span class="line" title=${layer.summary}>${layer.summary}</span></summary>
      ${layer.problem === undefined ? nothing : html`<p class="problem">${icon('warning')} ${layer.problem}</p>`}
      ${this.#renderFields(view, layer.fields)}
    </details>`
  }

  #renderFields(view: ViewIndex, fields: readonly Field[]): TemplateResult | typeof nothing {
    if (fields.length === 0) return nothing
    const point = (field: Field | undefined): void => {
      this.#point(view, field)
    }
    return html`<ul class="fields">
      ${fields.map(
        (field) =>
          html`<li>
            <button
              class=${classMap({ field: true, lit: field === this.field })}
              title=${field.name}
              @pointerenter=${() => {
                point(field)
              }}
              @pointerleave=${() => {
                point(undefined)
              }}
              @focus=${() => {
                point(field)
              }}
              @click=${() => {
                point(field)
              }}
            >
              <span class="label">${field.label}</span><span class="value">${field.value}</span>
            </button>
            ${this.#renderFields(view, field.fields ?? [])}
          </li>`,
      )}
    </ul>`
  }

  protected override updated(): void {
    // Pointing at a byte brings its field into view, without moving the page.
    const scroll = this.renderRoot.querySelector('.layers')
    const lit = this.renderRoot.querySelector('.field.lit')
    if (scroll === null || lit === null || lit.matches(':hover, :focus')) return
    const [inner, outer] = [lit.getBoundingClientRect(), scroll.getBoundingClientRect()]
    if (inner.height === 0) return
    if (inner.top < outer.top) scroll.scrollTop -= outer.top - inner.top
    else if (inner.bottom > outer.bottom) scroll.scrollTop += inner.bottom - outer.bottom
  }
}

/** Layers as boxes in boxes: records that follow each other in one segment are one box. */
function drawable(layers: readonly Layer[]): readonly Layer[] {
  const drawn: Layer[] = []
  for (const layer of layers) {
    const last = drawn.at(-1)
    if (last?.protocol === layer.protocol && last.end <= layer.start) drawn[drawn.length - 1] = { ...last, end: layer.end }
    else drawn.push(layer)
  }
  return drawn
}

/** `'Decrypted TLS, 1,234 bytes'` */
function viewWords(title: string, bytes: Uint8Array): string {
  return `${title}, ${formatQuantity('count', bytes.length)} bytes`
}

/** The innermost field that covers a byte. */
function fieldAt(layers: readonly Layer[], offset: number): Field | undefined {
  let found: Field | undefined
  const search = (fields: readonly Field[]): void => {
    for (const field of fields) {
      if (offset < field.start || offset >= field.end) continue
      if (found === undefined || field.end - field.start <= found.end - found.start) found = field
      search(field.fields ?? [])
    }
  }
  for (const layer of layers) search(layer.fields)
  return found
}
