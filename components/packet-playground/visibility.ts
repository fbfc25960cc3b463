import type { ReactiveController, ReactiveControllerHost } from 'lit'

/** How far from the viewport an element is near. */
const NEAR = '400px'

/** Tells whether an element is near the viewport, and whether a person can see it: on screen, in a tab that is shown. */
export class Visibility implements ReactiveController {
  near = false
  visible = false

  readonly #element: Element
  readonly #changed: () => void
  #onScreen = false
  #observers: IntersectionObserver[] = []

  constructor(host: ReactiveControllerHost & Element, changed: () => void) {
    this.#element = host
    this.#changed = changed
    host.addController(this)
  }

  hostConnected(): void {
    const near = new IntersectionObserver(
      (entries) => {
        this.near = entries[entries.length - 1].isIntersecting
        this.#changed()
      },
      { rootMargin: NEAR },
    )
    const onScreen = new IntersectionObserver((entries) => {
      this.#onScreen = entries[entries.length - 1].isIntersecting
      this.#update()
    })
    near.observe(this.#element)
    onScreen.observe(this.#element)
    this.#observers = [near, onScreen]
    document.addEventListener('visibilitychange', this.#update)
  }

  hostDisconnected(): void {
    for (const observer of this.#observers) observer.disconnect()
    this.#observers = []
    document.removeEventListener('visibilitychange', this.#update)
    this.near = false
    this.#onScreen = false
    this.visible = false
  }

  readonly #update = (): void => {
    const visible = this.#onScreen && !document.hidden
    if (visible === this.visible) return
    this.visible = visible
    this.#changed()
  }
}
