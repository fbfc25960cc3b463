import { LitElement, css, html, type PropertyValues, type TemplateResult } from 'lit'
import { property } from 'lit/decorators.js'
import { controls } from '../controls.styles.ts'
import { tokens } from '../theme.ts'

/** Longest frame that is shown whole; what follows is left out, and said so. */
const LONGEST = 4096

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

function printable(byte: number): string {
  return byte > 32 && byte < 127 ? String.fromCharCode(byte) : byte === 32 ? '\u00a0' : '·'
}

/**
 * Bytes as hexadecimal and ASCII, with a range highlighted.
 *
 * @fires packet-hex-point - The pointer or the keyboard is at another byte, or left; `detail` is its offset or undefined.
 */
export class PacketHex extends LitElement {
  static override styles = [
    tokens,
    controls,
    css`
      :host {
        display: grid;
        min-height: 0;
        font-family: var(--pk-mono);
        font-size: var(--pk-size-tiny);
        line-height: 1.55;
      }
      .dump {
        overflow: auto;
        overscroll-behavior: contain;
        background: var(--pk-sunken);
        padding: calc(var(--pk-space) * 2);
      }
      .dump:focus-visible {
        outline-offset: -2px;
      }
      .line {
        display: flex;
        white-space: nowrap;
        width: max-content;
      }
      .offset {
        color: var(--pk-muted);
        padding-right: 1ch;
      }
      i,
      b {
        font: inherit;
      }
      .byte {
        padding: 0 0.5ch;
      }
      .byte:nth-of-type(9) {
        margin-left: 0.7ch;
      }
      .text {
        padding-left: 1ch;
      }
      .lit {
        background: var(--pk-accent-soft);
        color: var(--pk-text);
        box-shadow:
          inset 0 1px 0 var(--pk-accent),
          inset 0 -1px 0 var(--pk-accent);
      }
      .caret {
        outline: 2px solid var(--pk-accent);
        outline-offset: -1px;
      }
      .rest {
        color: var(--pk-muted);
      }
    `,
  ]

  @property({ attribute: false }) bytes: Uint8Array = new Uint8Array()
  /** Bytes in a line: 8 or 16. */
  @property({ type: Number }) columns = 16
  /** First byte to highlight. */
  @property({ type: Number }) start = 0
  /** One past the last byte to highlight. */
  @property({ type: Number }) end = 0

  /** The byte that the keyboard is at, or -1. */
  #caret = -1
  /** The spans of each byte: its hexadecimal and its character. */
  #cells: (readonly [HTMLElement, HTMLElement])[] = []
  #lit: readonly [number, number] = [0, 0]

  protected override shouldUpdate(changed: PropertyValues): boolean {
    // Thousands of cells: the highlight is moved by hand, only other bytes are drawn anew.
    if (this.hasUpdated && !changed.has('bytes') && !changed.has('columns')) {
      this.#highlight()
      return false
    }
    return true
  }

  protected override render(): TemplateResult {
    const shown = this.bytes.subarray(0, LONGEST)
    const lines: TemplateResult[] = []
    const { columns } = this
    for (let offset = 0; offset < shown.length; offset += columns) {
      const line = [...shown.subarray(offset, offset + columns)]
      const gap = columns - line.length
      lines.push(
        html`<div class="line">
          <span class="offset">${hex(offset, 4)}</span>${line.map((byte) => html`<i class="byte">${hex(byte, 2)}</i>`)}<span
            class="gap"
            .style=${`width:calc(${String(gap)} * 3ch + ${gap >= 8 ? '0.7ch' : '0px'})`}
          ></span
          ><span class="text">${line.map((byte) => html`<b>${printable(byte)}</b>`)}</span>
        </div>`,
      )
    }
    return html`<div
      class="dump"
      tabindex="0"
      role="group"
      aria-label="Bytes; the arrow keys go from one to the next"
      @pointerover=${this.#onPointer}
      @click=${this.#onPointer}
      @pointerleave=${() => {
        this.#point(undefined)
      }}
      @keydown=${this.#onKey}
    >
      ${lines}
      ${
        this.bytes.length > LONGEST
          ? html`<div class="rest">… and ${this.bytes.length - LONGEST} more bytes; the capture has them all.</div>`
          : ''
      }
    </div>`
  }

  protected override updated(): void {
    const find = (selector: string): HTMLElement[] => [...this.renderRoot.querySelectorAll<HTMLElement>(selector)]
    const characters = find('b')
    this.#cells = find('i').map((byte, index) => [byte, characters[index]])
    this.#lit = [0, 0]
    this.#caret = -1
    this.#highlight()
  }

  #highlight(): void {
    const [before, after] = this.#lit
    for (let index = before; index < after; index++) this.#cells.at(index)?.forEach((cell) => cell.classList.remove('lit'))
    const end = Math.min(this.end, this.#cells.length)
    for (let index = this.start; index < end; index++) this.#cells[index].forEach((cell) => cell.classList.add('lit'))
    this.#lit = [this.start, end]
    if (this.start < end) this.#reveal(this.#cells[this.start][0])
  }

  /** Scrolls the dump, and nothing around it, until a byte is in view. */
  #reveal(cell: HTMLElement): void {
    const dump = this.renderRoot.querySelector('.dump')
    if (dump === null || dump.matches(':hover')) return
    const [inner, outer] = [cell.getBoundingClientRect(), dump.getBoundingClientRect()]
    if (inner.top < outer.top || inner.bottom > outer.bottom) dump.scrollTop += inner.top - outer.top - outer.height / 3
  }

  #point(offset: number | undefined): void {
    this.dispatchEvent(new CustomEvent<number | undefined>('packet-hex-point', { detail: offset }))
  }

  readonly #onPointer = (event: Event): void => {
    const [cell] = event.composedPath()
    const offset = this.#cells.findIndex(([byte, character]) => byte === cell || character === cell)
    if (offset !== -1) this.#point(offset)
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    const steps: Readonly<Record<string, number>> = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: this.columns,
      ArrowUp: -this.columns,
    }
    if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    const next = this.#caret === -1 ? this.start : this.#caret + steps[event.key]
    if (next < 0 || next >= this.#cells.length) return
    if (this.#caret !== -1) this.#cells[this.#caret][0].classList.remove('caret')
    this.#caret = next
    this.#cells[next][0].classList.add('caret')
    this.#reveal(this.#cells[next][0])
    this.#point(next)
  }
}
