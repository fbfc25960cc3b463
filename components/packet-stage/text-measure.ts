import type { Theme } from '../theme.ts'

export type TextRole = 'label' | 'address' | 'caption' | 'note'

/** Font of each kind of text on the stage, at scale 1: the same in the styles. */
const FONTS: Readonly<Record<TextRole, readonly [weight: number, size: number, family: 'font' | 'mono']>> = {
  label: [600, 14, 'font'],
  address: [400, 11.5, 'mono'],
  caption: [400, 12, 'font'],
  note: [500, 11, 'mono'],
}

/** Tells how wide texts are, in the fonts of a theme. */
export class TextMeasure {
  readonly #context = document.createElement('canvas').getContext('2d')
  readonly #widths = new Map<string, number>()
  #theme: Theme
  #unit: number

  constructor(theme: Theme, unit: number) {
    this.#theme = theme
    this.#unit = unit
  }

  setTheme(theme: Theme, unit: number): void {
    this.#theme = theme
    this.#unit = unit
    this.#widths.clear()
  }

  readonly width = (text: string, role: TextRole): number => {
    const key = `${role} ${text}`
    let width = this.#widths.get(key)
    if (width === undefined) {
      const [weight, size, family] = FONTS[role]
      const px = size * this.#unit
      if (this.#context === null) width = text.length * px * 0.6
      else {
        this.#context.font = `${String(weight)} ${String(px)}px ${this.#theme[family]}`
        width = this.#context.measureText(text).width
      }
      if (this.#widths.size > 2000) this.#widths.clear()
      this.#widths.set(key, width)
    }
    return width
  }
}
