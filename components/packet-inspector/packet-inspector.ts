import { Task } from '@lit/task'
import { html, nothing, type TemplateResult } from 'lit'
import { state } from 'lit/decorators.js'
import { classMap } from 'lit/directives/class-map.js'
import type { Run } from '../../src/run/run.ts'
import { NEVER, type FrameRecord } from '../../src/trace/record.ts'
import type { Field, Layer } from '../../src/wire/field.ts'
import { controls } from '../controls.styles.ts'
import { formatClock } from '../format.ts'
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

/**
 * The selected packet: what became of it and why it was sent, its layers as envelopes and with their fields, and its bytes. Pointing
 * at a field shows its bytes; pointing at a byte shows its field.
 *
 * @part head - What packet it is.
 * @part layers - The layers.
 * @part envelopes - The layers drawn as envelopes, to scale.
 * @part hex - The bytes.
 */
export class PacketInspector extends RunElement {
  static override styles = [tokens, controls, frameGlyphStyles, inspectorStyles, envelopeStyles]

  protected override readonly follows: readonly RunEvent[] = ['change', 'time', 'restart']

  /** The field that is pointed at. */
  @state() private field: Field | undefined
  /** Whether there is room for sixteen bytes in a line beside the layers. */
  @state() private wide = false
  /** Layers that the reader opened or closed, by protocol. */
  readonly #opened = new Map<string, boolean>()
  #shown = ''
  #restarts = 0

  readonly #dissection = new Task(this, {
    args: () => {
      const frame = this.#frame()
      // A frame's bytes change when a hand corrupts it, and another frame has the number after a fork.
      return [this.run, frame?.number, frame?.id, frame?.corrupted, this.#restarts] as const
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
      if (fateWords(frame, this.run.trace.hosts, this.run.playhead) === this.#shown) return
    } else if (event === 'time') return
    this.requestUpdate()
  }

  protected override selectionChanged(): void {
    this.field = undefined
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
          found === undefined
            ? html`<p class="muted">Its bytes were let go to save memory.</p>`
            : this.#renderLayers(found.bytes, found.layers),
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
        <h2>${frameGlyph(frame, lost)} #${frame.number} ${kindWords(frame)}</h2>
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

  #renderLayers(bytes: Uint8Array, layers: readonly Layer[]): TemplateResult {
    return html`<div class="columns">
      <div class="layers" part="layers">
        ${envelopeDrawing(layers, bytes.length, this.field, (header) => {
          this.field = header
        })}
        ${layers.map(
          (layer, index) =>
            html`<details
              .open=${this.#opened.get(layer.protocol) ?? (index >= 2 || index === layers.length - 1)}
              @toggle=${(event: Event) => {
                this.#opened.set(layer.protocol, (event.target as HTMLDetailsElement).open)
              }}
            >
              <summary>
                ${icon('down')}<b>${layer.title}</b><span class="line" title=${layer.summary}>${layer.summary}</span>
              </summary>
              ${layer.problem === undefined ? nothing : html`<p class="problem">${icon('warning')} ${layer.problem}</p>`}
              ${this.#renderFields(layer.fields)}
            </details>`,
        )}
      </div>
      <packet-hex
        part="hex"
        .bytes=${bytes}
        .columns=${this.wide ? 16 : 8}
        .start=${this.field?.start ?? 0}
        .end=${this.field?.end ?? 0}
        @packet-hex-point=${(event: CustomEvent<number | undefined>) => {
          this.field = event.detail === undefined ? undefined : fieldAt(layers, event.detail)
        }}
      ></packet-hex>
      <span class="visually-hidden" role="status"
        >${this.field === undefined ? '' : `${this.field.label}: ${this.field.value}`}</span
      >
    </div>`
  }

  #renderFields(fields: readonly Field[]): TemplateResult | typeof nothing {
    if (fields.length === 0) return nothing
    const point = (field: Field | undefined): void => {
      this.field = field
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
            ${this.#renderFields(field.fields ?? [])}
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
