import type { Theme } from '../theme.ts'
import type { CanvasSize, StageRenderer } from './renderer.ts'

/** Pixi is loaded this long before the stage comes into view, and let go this far out of it. */
const NEAR = '400px'
const FAR = '2000px'
/** After a lost context: at first, then twice as long each time. */
const RETRY = 200
const RETRIES = 6

/** What a canvas is made of. */
export interface CanvasOwner {
  theme(): Theme
  unit(): number
  size(): CanvasSize
  /** Where the canvas goes. */
  mount(): HTMLElement | undefined
  /** The canvas is there, or gone, or the stage came into view: draw. */
  changed(): void
}

/**
 * The life of the canvas: Pixi comes when the stage nears the viewport, and goes when it is far from it, for a page has only so
 * many WebGL contexts. One that was taken away is replaced.
 */
export class CanvasLife {
  renderer: StageRenderer | undefined
  /** Why there is no canvas although there should be one. */
  failure: string | undefined
  /** Whether the stage is in view, or nearly. */
  near = false
  /** Counts what makes a canvas that is still being made unwanted. Pixi must not be destroyed before it is ready. */
  #generation = 0
  #loading = false
  #losses = 0
  #retry = 0
  #observers: IntersectionObserver[] = []
  readonly #owner: CanvasOwner

  constructor(owner: CanvasOwner) {
    this.#owner = owner
  }

  /** Begins to watch an element. */
  connect(element: Element): void {
    const near = new IntersectionObserver(
      (entries) => {
        this.near = entries[entries.length - 1].isIntersecting
        if (!this.near) return
        this.use()
        this.#owner.changed()
      },
      { rootMargin: NEAR },
    )
    const far = new IntersectionObserver(
      (entries) => {
        if (!entries[entries.length - 1].isIntersecting) this.#drop()
      },
      { rootMargin: FAR },
    )
    this.#observers = [near, far]
    for (const observer of this.#observers) observer.observe(element)
  }

  disconnect(): void {
    for (const observer of this.#observers) observer.disconnect()
    this.#observers = []
    this.near = false
    this.#losses = 0
    this.#drop()
  }

  /** Makes a canvas unless there is one. */
  use(): void {
    if (this.renderer !== undefined || this.#loading || this.#retry !== 0 || this.#losses > RETRIES) return
    const generation = ++this.#generation
    this.#loading = true
    this.#make(generation).then(
      (renderer) => {
        if (generation !== this.#generation) {
          renderer.destroy()
          return
        }
        this.#loading = false
        this.failure = undefined
        this.#adopt(renderer)
      },
      (error: unknown) => {
        if (generation !== this.#generation) return
        this.#loading = false
        this.#losses = Infinity
        this.failure = error instanceof Error ? error.message : String(error)
        this.#owner.changed()
      },
    )
  }

  async #make(generation: number): Promise<StageRenderer> {
    const { createStageRenderer } = await import('./renderer.ts')
    if (generation !== this.#generation) throw new Error('not wanted any more')
    return createStageRenderer(this.#owner.theme(), this.#owner.unit(), this.#owner.size())
  }

  #adopt(renderer: StageRenderer): void {
    this.renderer = renderer
    const { width, height, resolution } = this.#owner.size()
    renderer.resize(width, height, resolution)
    renderer.canvas.addEventListener('webglcontextlost', this.#lost)
    this.#owner.mount()?.replaceChildren(renderer.canvas)
    this.#owner.changed()
  }

  readonly #lost = (event: Event): void => {
    event.preventDefault()
    this.#drop()
    const wait = RETRY * 2 ** Math.min(this.#losses++, RETRIES)
    this.#retry = setTimeout(() => {
      this.#retry = 0
      if (this.near) this.use()
    }, wait)
  }

  #drop(): void {
    this.#generation++
    this.#loading = false
    clearTimeout(this.#retry)
    this.#retry = 0
    const { renderer } = this
    this.renderer = undefined
    if (renderer === undefined) return
    renderer.canvas.removeEventListener('webglcontextlost', this.#lost)
    renderer.destroy()
  }
}
