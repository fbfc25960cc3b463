import type { Nanos } from '../../kernel/time.ts'
import type { Backend } from '../balancing/backend.ts'

interface Tie {
  readonly backend: Backend
  readonly until: Nanos
}

/** Which server each client had last, for a while: the persistence of the Linux Virtual Server. */
export class Stickiness {
  /** By address; who was tied last stands last. */
  private readonly ties = new Map<number, Tie>()

  /** @param lifetime how long a client keeps his server after his last new connection; 0: there is no such thing */
  constructor(public lifetime: Nanos) {}

  /** The server that a client has to have, if it can take him. */
  backendOf(client: number, now: Nanos): Backend | undefined {
    const tie = this.ties.get(client)
    return tie !== undefined && this.lifetime > 0 && tie.until > now ? tie.backend : undefined
  }

  tie(client: number, backend: Backend, now: Nanos): void {
    if (this.lifetime === 0) return
    this.ties.delete(client)
    this.ties.set(client, { backend, until: now + this.lifetime })
    for (const [other, { until }] of this.ties) {
      if (until > now) break
      this.ties.delete(other)
    }
  }
}
