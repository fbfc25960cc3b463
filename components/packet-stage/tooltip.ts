import type { Place } from './hit.ts'
import type { Occupied } from './label-requests.ts'
import type { Told } from './stage-words.ts'

/** Between the tooltip and what it is about. */
const GAP = 18
const EDGE = 8

/** A small panel beside what the pointer or the keyboard is on. Not read aloud: what is focused is announced. */
export class Tooltip {
  readonly #element: HTMLElement
  #text = ''

  constructor(element: HTMLElement) {
    this.#element = element
  }

  hide(): void {
    if (!this.#element.hidden) this.#element.hidden = true
  }

  /**
   * @param about the middle of what it is about, in px of the frame
   * @param clearance how far from there the tooltip stays
   * @param avoid what it does not cover if it can help it
   */
  show(
    told: Told,
    about: Place,
    clearance: number,
    frame: { readonly width: number; readonly height: number },
    avoid: readonly Occupied[],
  ): void {
    const element = this.#element
    const text = [told.title, ...told.lines].join('\n')
    if (text !== this.#text) {
      this.#text = text
      const title = document.createElement('strong')
      title.textContent = told.title
      const lines = told.lines.map((line) => {
        const span = document.createElement('span')
        span.textContent = line
        return span
      })
      element.replaceChildren(title, ...lines)
    }
    element.hidden = false
    const { offsetWidth: width, offsetHeight: height } = element
    const gap = Math.max(GAP, clearance)
    const fit = (value: number, size: number, room: number): number =>
      Math.min(Math.max(EDGE, value), Math.max(EDGE, room - size - EDGE))
    const { x, y } = about
    const around = [
      { left: x - width / 2, top: y + gap },
      { left: x - width / 2, top: y - gap - height },
      { left: x + gap, top: y - height / 2 },
      { left: x - gap - width, top: y - height / 2 },
    ]
    const wanted = about.upright ? [...around.slice(2), ...around.slice(0, 2)] : around
    const places = wanted.map(({ left, top }) => ({ left: fit(left, width, frame.width), top: fit(top, height, frame.height) }))
    const covers = (left: number, top: number, box: Occupied): boolean =>
      left < box.right && left + width > box.left && top < box.bottom && top + height > box.top
    const here = { left: x - gap / 2, right: x + gap / 2, top: y - gap / 2, bottom: y + gap / 2 }
    const free = places.filter(({ left, top }) => !covers(left, top, here))
    const best = free.find(({ left, top }) => !avoid.some((box) => covers(left, top, box))) ?? free[0] ?? places[0]
    element.style.transform = `translate(${best.left.toFixed(0)}px, ${best.top.toFixed(0)}px)`
  }
}
