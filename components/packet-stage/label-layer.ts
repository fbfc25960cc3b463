import type { LabelPlan, PlacedLabel } from './label-plan.ts'

const KINDS = { frame: 0, loss: 1, queue: 2, stream: 3, losses: 4 } as const

interface Shown {
  readonly element: HTMLElement
  text: string
  x: number
  y: number
  alpha: number
  seen: boolean
}

/**
 * The texts of the picture, as elements: there are few of them, and the browser's own text is sharper than a texture. Each stays
 * with what it names from picture to picture.
 */
export class LabelLayer {
  readonly #shown = new Map<number, Shown>()
  readonly #free: HTMLElement[] = []
  readonly #root: HTMLElement

  constructor(root: HTMLElement) {
    this.#root = root
  }

  show(plan: LabelPlan): void {
    for (const shown of this.#shown.values()) shown.seen = false
    for (let i = 0; i < plan.count; i++) this.#put(plan.placed[i])
    for (const [key, shown] of this.#shown) {
      if (shown.seen) continue
      shown.element.remove()
      this.#free.push(shown.element)
      this.#shown.delete(key)
    }
  }

  #put(label: PlacedLabel): void {
    // How many there are changes all the time; where they are does not.
    const isCount = label.kind === 'queue' || label.kind === 'stream' || label.kind === 'losses'
    const subject = isCount ? Math.round(label.x) * 10_000 + Math.round(label.y) : label.subject
    const key = subject * 5 + KINDS[label.kind]
    let shown = this.#shown.get(key)
    if (shown === undefined) {
      const element = this.#free.pop() ?? document.createElement('span')
      element.className = `label of-${label.kind}`
      shown = { element, text: '', x: NaN, y: NaN, alpha: NaN, seen: true }
      this.#shown.set(key, shown)
      this.#root.append(element)
    }
    shown.seen = true
    if (shown.text !== label.text) {
      shown.text = label.text
      shown.element.textContent = label.text
    }
    if (shown.x !== label.x || shown.y !== label.y) {
      shown.x = label.x
      shown.y = label.y
      shown.element.style.transform = `translate(${label.x.toFixed(2)}px, ${label.y.toFixed(2)}px)`
    }
    if (shown.alpha !== label.alpha) {
      shown.alpha = label.alpha
      shown.element.style.opacity = label.alpha === 1 ? '' : label.alpha.toFixed(2)
    }
  }
}
