import type { CrowdHistory } from '../../src/trace/measures/crowd-history.ts'
import { MEMBER_STATES } from '../../src/trace/measures/measure-spec.ts'
import { STATE_TOKENS } from '../member-states.ts'
import type { Card, Layout } from './layout.ts'

/** Dots of a field are so far apart, in px at scale 1; those of a few members, so that these fill the field as far as they can. */
const PITCH = { least: 5, most: 12 }
/** Of that is the dot itself. */
const DOT = 0.8
const PADDING = 10
const STATES = MEMBER_STATES.length

interface Field {
  readonly canvas: HTMLCanvasElement
  /** How many members it was made for. */
  readonly size: number
  /** In px. */
  readonly pitch: number
  readonly columns: number
  readonly dots: number
  /** What was drawn, so that it is not drawn again. */
  mark: string
}

/**
 * The members of crowds on their cards, as fields of dots in the colours of their states. Where there are no more members than dots,
 * each has its own, in the order of their numbers; else dots are dealt out to the states by their shares, and to each that has members one
 * at least.
 */
export class CrowdLayer {
  readonly #root: HTMLElement
  readonly #fields = new Map<number, Field>()
  #layout: Layout | undefined
  #colours: readonly string[] = []

  constructor(root: HTMLElement) {
    this.#root = root
  }

  /** Colours have changed, perhaps. */
  forget(): void {
    this.#layout = undefined
  }

  show(crowds: readonly CrowdHistory[], layout: Layout): void {
    if (crowds.length === 0 && this.#fields.size === 0) return
    if (layout !== this.#layout) {
      this.#layout = layout
      this.#root.replaceChildren()
      this.#fields.clear()
      this.#colours = this.#readColours()
    }
    for (const crowd of crowds) {
      const { host, shown } = crowd
      let field = this.#fields.get(host)
      if (field?.size !== shown.size) {
        field?.canvas.remove()
        field = this.#place(layout.cards[host], shown.size, layout.unit)
        this.#fields.set(host, field)
      }
      this.#draw(field, crowd)
    }
  }

  #place(card: Card, size: number, unit: number): Field {
    const canvas = document.createElement('canvas')
    const across = (by: number): number => Math.max(1, Math.floor((card.width - 2 * PADDING * unit) / (by * unit)))
    const down = (by: number): number => Math.max(1, Math.floor((card.crowd - PADDING * unit) / (by * unit)))
    let step = PITCH.most
    while (step > PITCH.least && across(step) * down(step) < size) step--
    const [pitch, columns, rows] = [step * unit, across(step), down(step)]
    const [width, height] = [columns * pitch, rows * pitch]
    const ratio = Math.min(3, devicePixelRatio)
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(height * ratio)
    canvas.style.width = `${String(width)}px`
    canvas.style.height = `${String(height)}px`
    const left = card.x - width / 2
    const top = card.y + card.height / 2 - PADDING * unit - height
    canvas.style.transform = `translate(${left.toFixed(1)}px, ${top.toFixed(1)}px)`
    canvas.getContext('2d')?.scale(ratio, ratio)
    this.#root.append(canvas)
    return { canvas, size, pitch, columns, dots: columns * rows, mark: '' }
  }

  #draw(field: Field, { shown }: CrowdHistory): void {
    const { counts, states, size } = shown
    const isEach = size <= field.dots
    // Of each its own dot: counts alone do not tell which has changed.
    const mark = isEach ? states.subarray(0, size).join('') : counts.join(' ')
    if (mark === field.mark) return
    field.mark = mark
    const context = field.canvas.getContext('2d')
    if (context === null) return
    const { pitch } = field
    const dot = DOT * pitch
    context.clearRect(0, 0, field.canvas.width, field.canvas.height)
    if (isEach) {
      for (let state = 0; state < STATES; state++) {
        context.fillStyle = this.#colours[state]
        for (let member = 0; member < size; member++) {
          if (states[member] !== state) continue
          context.fillRect((member % field.columns) * pitch, Math.floor(member / field.columns) * pitch, dot, dot)
        }
      }
      return
    }
    let at = 0
    shareOut(counts, field.dots).forEach((share, state) => {
      context.fillStyle = this.#colours[state]
      for (const end = at + share; at < end; at++) {
        context.fillRect((at % field.columns) * pitch, Math.floor(at / field.columns) * pitch, dot, dot)
      }
    })
  }

  #readColours(): string[] {
    const probe = document.createElement('span')
    this.#root.append(probe)
    const colours = MEMBER_STATES.map((state) => {
      probe.style.color = `var(${STATE_TOKENS[state]})`
      return getComputedStyle(probe).color
    })
    probe.remove()
    return colours
  }
}

/** Deals out dots by shares, largest remainders first, one at least to each that is not nothing. Their sum is `dots`. */
function shareOut(counts: Int32Array, dots: number): number[] {
  let total = 0
  for (const count of counts) total += count
  const exact = [...counts].map((count) => (total === 0 ? 0 : (count / total) * dots))
  const shares = exact.map((share, index) => Math.max(counts[index] > 0 ? 1 : 0, Math.floor(share)))
  let left = dots - shares.reduce((sum, share) => sum + share, 0)
  const byRemainder = exact.map((_, index) => index).sort((a, b) => exact[b] - shares[b] - (exact[a] - shares[a]))
  for (const index of byRemainder) {
    if (left <= 0) break
    if (counts[index] === 0) continue
    shares[index]++
    left--
  }
  // The least gave one to too many: the largest has it to spare.
  while (left < 0) {
    const largest = shares.indexOf(Math.max(...shares))
    shares[largest]--
    left++
  }
  return shares
}
