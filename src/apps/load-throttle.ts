import { rankOf } from './fetch-priority.ts'
import type { Fetch } from './web-fetch.ts'

/** How many may be under way for others of less urgency to be held back. */
const TIGHT_LIMIT = 2

/**
 * Chrome's "tight mode": until the parser has reached the body, what is of less than high priority is started only while fewer than two
 * other requests of the page are under way, so that it does not take bandwidth from what the first paint waits for.
 */
export class LoadThrottle {
  private readonly held: Fetch[] = []
  private readonly running = new Set<Fetch>()

  /** @param start sends a fetch on its way */
  constructor(
    private readonly start: (fetch: Fetch) => void,
    private isTight: boolean,
  ) {}

  /** Starts a fetch now or later. */
  submit(fetch: Fetch): void {
    const mayWait = rankOf(fetch.priority) > rankOf('high')
    if (this.isTight && mayWait && this.running.size >= TIGHT_LIMIT) this.held.push(fetch)
    else this.begin(fetch)
  }

  /** It is over, or nobody wants it any more. @returns whether it had been started */
  remove(fetch: Fetch): boolean {
    const at = this.held.indexOf(fetch)
    if (at >= 0) this.held.splice(at, 1)
    this.running.delete(fetch)
    this.release()
    return at < 0
  }

  /** Another one takes its place: a redirect. */
  replace(from: Fetch, to: Fetch): void {
    this.running.delete(from)
    this.running.add(to)
  }

  /** The body has begun. */
  relax(): void {
    this.isTight = false
    this.release()
  }

  private release(): void {
    const { held, running } = this
    while (held.length > 0 && (!this.isTight || running.size < TIGHT_LIMIT)) {
      let next = 0
      for (let i = 1; i < held.length; i++) if (rankOf(held[i].priority) < rankOf(held[next].priority)) next = i
      const [fetch] = held.splice(next, 1)
      this.begin(fetch)
    }
  }

  private begin(fetch: Fetch): void {
    this.running.add(fetch)
    this.start(fetch)
  }
}
