import type { Environment, Timer } from '../../kernel/machine.ts'
import { NEVER, type Nanos } from '../../kernel/time.ts'
import { Tracked, type ConnectionTable } from './connection-table.ts'

/** How long a connection may be without a packet before it is forgotten. */
export interface TrackingTimeouts {
  readonly syn: Nanos
  readonly established: Nanos
  readonly fin: Nanos
  readonly closed: Nanos
}

const STATES = [Tracked.SYN, Tracked.ESTABLISHED, Tracked.FIN, Tracked.CLOSED] as const

/** Forgets connections that have been silent for too long, with one timer for all of them. */
export class ExpiryWatch {
  private waits: readonly Nanos[]
  private timer: Timer | undefined
  private armedFor = NEVER

  /** @param expired forgets an entry, which has to be gone from the table afterwards */
  constructor(
    private readonly environment: Environment,
    private readonly table: ConnectionTable,
    timeouts: TrackingTimeouts,
    private readonly expired: (entry: number) => void,
  ) {
    this.waits = waitsOf(timeouts)
  }

  setTimeouts(timeouts: TrackingTimeouts): void {
    this.waits = waitsOf(timeouts)
    this.expire()
  }

  /** A connection has had a packet, or has come, and is in a state now. */
  touched(state: number): void {
    const at = this.environment.now + this.waits[state]
    if (at < this.armedFor) this.arm(at)
  }

  stop(): void {
    this.timer?.cancel()
  }

  private arm(at: Nanos): void {
    this.timer?.cancel()
    this.armedFor = at
    this.timer = this.environment.schedule(at, () => {
      this.expire()
    })
  }

  private expire(): void {
    const { table, environment } = this
    let next = NEVER
    this.armedFor = NEVER
    for (const state of STATES) {
      for (let entry = table.oldestOf(state); entry >= 0; entry = table.oldestOf(state)) {
        const at = table.lastSeen(entry) + this.waits[state]
        if (at > environment.now) {
          next = Math.min(next, at)
          break
        }
        this.expired(entry)
      }
    }
    if (next < NEVER) this.arm(next)
  }
}

function waitsOf({ syn, established, fin, closed }: TrackingTimeouts): readonly Nanos[] {
  return [syn, established, fin, closed]
}
