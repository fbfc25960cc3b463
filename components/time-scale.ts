import { createContext } from '@lit/context'
import type { Nanos } from '../src/trace/record.ts'

/** How far timelines reach that are to be compared: as far as the longest of them. Fires `change` when it became another time. */
export class TimeScale extends EventTarget {
  readonly #wanted = new Map<object, Nanos>()

  /**
   * One of the timelines has to reach up to a time.
   * @returns how far all of them do
   */
  want(who: object, to: Nanos): Nanos {
    const before = this.#to
    this.#wanted.set(who, to)
    const after = this.#to
    // Others learn of it when this one has been drawn.
    if (after !== before) queueMicrotask(() => this.dispatchEvent(new Event('change')))
    return after
  }

  /** It is gone. */
  leave(who: object): void {
    this.#wanted.delete(who)
  }

  get #to(): Nanos {
    let to = 0
    for (const each of this.#wanted.values()) to = Math.max(to, each)
    return to
  }
}

/** The scale of timelines of one kind that stand beside each other; undefined where one stands alone. */
export const scaleContext = createContext<TimeScale | undefined>(Symbol.for('packetarium.scale'))
