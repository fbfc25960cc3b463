import { consume } from '@lit/context'
import { LitElement, type PropertyValues } from 'lit'
import { property } from 'lit/decorators.js'
import type { Run } from '../src/run/run.ts'
import { runContext, selectionContext } from './run-context.ts'
import { Selection, type Target } from './selection.ts'

/** What a run fires. */
export type RunEvent = 'change' | 'time' | 'trace' | 'restart'

/** An element that shows a run: given as a property, or taken from the playground around it. */
export abstract class RunElement extends LitElement {
  /** The run to show. Inside a playground it comes by itself. */
  @consume({ context: runContext, subscribe: true })
  @property({ attribute: false })
  run: Run | undefined

  /** What is selected, shared with other elements. Inside a playground it comes by itself. */
  @consume({ context: selectionContext, subscribe: true })
  @property({ attribute: false })
  selection: Selection | undefined

  /** Which of the run's events this element wants; `change` and `restart` unless told otherwise. */
  protected readonly follows: readonly RunEvent[] = ['change', 'restart']

  #run: Run | undefined
  #selection: Selection | undefined

  /** A followed event was fired. */
  protected runFired(_event: RunEvent): void {
    this.requestUpdate()
  }

  /** Something else was selected. */
  protected selectionChanged(): void {
    this.requestUpdate()
  }

  /** Another run came, or the first one, or it went. */
  protected runReplaced(): void {
    // For elements that keep something about their run.
  }

  protected select(target: Target | undefined): void {
    this.selection ??= new Selection()
    this.#watch()
    this.selection.select(target)
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#watch()
    this.requestUpdate()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#unwatch()
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!this.isConnected || !(changed.has('run') || changed.has('selection'))) return
    this.#watch()
  }

  readonly #onRun = (event: Event): void => {
    this.runFired(event.type as RunEvent)
  }

  readonly #onSelection = (): void => {
    this.selectionChanged()
  }

  #watch(): void {
    if (this.#run !== this.run) {
      for (const name of this.follows) this.#run?.removeEventListener(name, this.#onRun)
      this.#run = this.run
      for (const name of this.follows) this.#run?.addEventListener(name, this.#onRun)
      this.runReplaced()
    }
    if (this.#selection !== this.selection) {
      this.#selection?.removeEventListener('change', this.#onSelection)
      this.#selection = this.selection
      this.#selection?.addEventListener('change', this.#onSelection)
    }
  }

  #unwatch(): void {
    for (const name of this.follows) this.#run?.removeEventListener(name, this.#onRun)
    this.#run = undefined
    this.#selection?.removeEventListener('change', this.#onSelection)
    this.#selection = undefined
  }
}
