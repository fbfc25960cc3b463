import type { AppContext, Blocking } from '../../host/socket.ts'
import { WaitQueue } from '../../host/tasks.ts'
import type { Nanos } from '../../kernel/time.ts'
import type { Backend } from './backend.ts'
import type { BackendPool } from './pool.ts'
import type { Wanted } from './strategy.ts'
import { within } from './time-limit.ts'

/** Why nobody was found. */
export type Refusal = 'no server' | 'queue full' | 'queue timeout'

interface Waiting {
  readonly wanted: Wanted
  readonly ready: WaitQueue
  /** Who has room for it, and counts it already. */
  backend: Backend | undefined
}

/** Those who wait for room, while every server that could have them is full: first come, first served. */
export class PickQueue {
  private readonly waiting: Waiting[] = []

  /** @param limit how many may wait; @param timeout for how long, 0: as long as it takes */
  constructor(
    private readonly context: AppContext,
    private readonly pool: BackendPool,
    public limit: number,
    public timeout: Nanos,
  ) {
    pool.onChange = () => {
      this.serve()
    }
  }

  /** Blocks until somebody has room. @returns who it is: it counts one more already (`BackendPool.began`) */
  *acquire(wanted: Wanted): Blocking<Backend | Refusal> {
    const { pool } = this
    const backend = pool.pick(wanted)
    if (backend !== undefined) {
      pool.began(backend)
      return backend
    }
    // Where nobody is full, room is not what is missing.
    if (!pool.available.some(({ active, limit }) => active >= limit)) return 'no server'
    if (this.waiting.length >= this.limit) return 'queue full'
    return yield* this.wait(wanted)
  }

  private *wait(wanted: Wanted): Blocking<Backend | Refusal> {
    const entry: Waiting = { wanted, ready: new WaitQueue(), backend: undefined }
    this.waiting.push(entry)
    let isTaken = false
    try {
      yield* within(this.context, this.timeout, untilReady(entry))
      isTaken = true
      return entry.backend ?? 'queue timeout'
    } finally {
      if (entry.backend === undefined) this.waiting.splice(this.waiting.indexOf(entry), 1)
      else if (!isTaken) {
        this.pool.abandoned(entry.backend)
        this.pool.ended(entry.backend)
      }
    }
  }

  /** Gives room to those who wait for it. */
  private serve(): void {
    const { waiting, pool } = this
    for (let i = 0; i < waiting.length && pool.hasRoom;) {
      const entry = waiting[i]
      const backend = pool.pick(entry.wanted)
      if (backend === undefined) {
        i++
        continue
      }
      waiting.splice(i, 1)
      pool.began(backend)
      entry.backend = backend
      entry.ready.wake()
    }
  }
}

function* untilReady(entry: Waiting): Blocking<void> {
  while (entry.backend === undefined) yield entry.ready
}
