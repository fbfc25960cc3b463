/** Rows drawn above and below the ones in view. */
const OVERSCAN = 4

/** Font size that sizes in px are made for. */
const USUAL_SIZE = 14

/** What a list with timelines is made of. */
export interface RowWindowParts {
  /** What scrolls, with a `.probe` that is as high as a row. */
  readonly grid: () => HTMLElement | null
  /** As wide as the timelines, as high as all rows. */
  readonly tracks: () => HTMLElement | null
  /** Whether the list is to keep to its end when it grows. */
  readonly grows: () => boolean
  readonly changed: (what: 'size' | 'scroll') => void
}

/** Measures a long list of rows with timelines, of which only those in view are drawn, and scrolls it. All in px. */
export class RowWindow {
  rowHeight = 28
  /** Of the list; 0: it is not to be seen. */
  height = 0
  /** Of the element, and of the timelines. */
  width = 0
  trackWidth = 0
  /** How much larger than usual letters are. */
  scale = 1
  /** Whether the list keeps to its end while it grows. */
  sticks = true
  #top = 0
  readonly #element: HTMLElement
  readonly #parts: RowWindowParts
  readonly #resize = new ResizeObserver(() => {
    this.#measure()
  })
  /** There are more rows. The layout is done here; to scroll anywhere else would be to do it twice. */
  readonly #grown = new ResizeObserver(() => {
    const grid = this.#parts.grid()
    if (grid !== null && this.sticks && this.#parts.grows()) grid.scrollTop = grid.scrollHeight
  })

  constructor(element: HTMLElement, parts: RowWindowParts) {
    this.#element = element
    this.#parts = parts
  }

  /** After each rendering: watches what is there. */
  observe(): void {
    const [grid, tracks] = [this.#parts.grid(), this.#parts.tracks()]
    if (grid === null || tracks === null) return
    this.#resize.observe(this.#element)
    this.#resize.observe(grid)
    this.#resize.observe(tracks)
    this.#grown.observe(tracks.parentElement ?? tracks)
  }

  disconnect(): void {
    this.#resize.disconnect()
    this.#grown.disconnect()
  }

  /** The positions that are drawn, of so many. */
  inView(count: number): { readonly first: number; readonly last: number } {
    const first = Math.max(0, Math.floor(this.#top / this.rowHeight) - OVERSCAN)
    return { first, last: Math.min(count, first + Math.ceil(this.height / this.rowHeight) + 2 * OVERSCAN + 1) }
  }

  /** It was scrolled. */
  scrolled(): void {
    const grid = this.#parts.grid()
    if (grid === null) return
    this.#top = grid.scrollTop
    this.sticks = grid.scrollTop >= grid.scrollHeight - grid.clientHeight - this.rowHeight
    this.#parts.changed('scroll')
  }

  /** Where a key leads to from a position (-1: none), if it is one for moving; undefined when it is not. */
  target(key: string, now: number, count: number): number | undefined {
    const leap = Math.max(1, Math.floor(this.height / this.rowHeight) - 2)
    const targets: Readonly<Record<string, number>> = {
      ArrowDown: now + 1,
      ArrowUp: now === -1 ? count - 1 : now - 1,
      PageDown: now + leap,
      PageUp: now - leap,
      Home: 0,
      End: count - 1,
    }
    return key in targets ? Math.min(count - 1, Math.max(0, targets[key])) : undefined
  }

  /** Scrolls so that a position is in view. */
  reveal(position: number): void {
    const grid = this.#parts.grid()
    if (grid === null || position < 0) return
    const y = position * this.rowHeight
    // The head of the list covers its first row's height.
    const room = this.height - this.rowHeight
    const top = Math.min(y, Math.max(grid.scrollTop, y + this.rowHeight - room))
    if (top !== grid.scrollTop) grid.scrollTop = top
  }

  #measure(): void {
    const [grid, tracks] = [this.#parts.grid(), this.#parts.tracks()]
    if (grid === null || tracks === null) return
    this.rowHeight = grid.querySelector<HTMLElement>('.probe')?.offsetHeight ?? this.rowHeight
    this.height = grid.clientHeight
    this.width = this.#element.clientWidth
    this.trackWidth = tracks.clientWidth
    this.scale = Number.parseFloat(getComputedStyle(grid).fontSize) / USUAL_SIZE
    this.#parts.changed('size')
  }
}
