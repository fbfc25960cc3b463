import type { Environment, Id } from '../kernel/machine.ts'
import type { LoadWatch } from './load-watch.ts'
import type { Nanos } from '../kernel/time.ts'

/** How many packets wait for the processor before the next one is thrown away: Linux's net.core.netdev_max_backlog. */
const RECEIVE_BACKLOG = 1000

interface Work {
  /** What it takes. */
  readonly cost: Nanos
  readonly cause: Id
  readonly run: () => void
  readonly isIncoming: boolean
}

/** First in, first out. */
class WorkQueue {
  private readonly items: Work[] = []
  private head = 0

  get isEmpty(): boolean {
    return this.head === this.items.length
  }

  push(work: Work): void {
    this.items.push(work)
  }

  shift(): Work | undefined {
    if (this.isEmpty) return undefined
    const work = this.items[this.head++]
    if (this.isEmpty || this.head >= 1024) {
      this.items.splice(0, this.head)
      this.head = 0
    }
    return work
  }
}

/**
 * A processor with one core, which does one thing after the other: packets in and requests in the order in which they came, and before
 * the next of them all packets out. While every cost is 0 it is not asked, and costs nothing.
 *
 * Deviates from real machines in that only what is counted here takes time; timers and everything else take none.
 */
export class Processor {
  /** Whether anything takes time, or is still waiting. */
  isInUse = false
  private costsNothing = true
  private readonly outgoing = new WorkQueue()
  private readonly waiting = new WorkQueue()
  /** How many of those that wait are packets that came in. */
  private incoming = 0
  /** What the core is at. */
  private current: Work | undefined
  /** When the core is done with all that it has begun. */
  private freeAt: Nanos = 0
  /** All that it has ever begun, and what those cost that wait. */
  private begun: Nanos = 0
  private waitingCost: Nanos = 0
  /** Whether applications have their turn before the next work begins. */
  private isHandingOver = false
  /** Told when there is work. */
  watch: LoadWatch | undefined
  private readonly fire = (): void => {
    this.finish()
  }
  private readonly goOn = (): void => {
    this.begin()
    this.considerUse()
  }

  constructor(private readonly environment: Pick<Environment, 'now' | 'cause' | 'schedule' | 'record'>) {}

  /** @param costsNothing whether everything that comes now is free */
  setUp(costsNothing: boolean): void {
    this.costsNothing = costsNothing
    this.considerUse()
  }

  private considerUse(): void {
    this.isInUse = !this.costsNothing || this.isBusy
  }

  private get isBusy(): boolean {
    return this.current !== undefined || this.freeAt > this.environment.now
  }

  /** For how long it has been busy so far. */
  get busyTime(): Nanos {
    return this.begun - Math.max(0, this.freeAt - this.environment.now)
  }

  /** How long what is submitted now would wait before its turn comes. */
  get queueDelay(): Nanos {
    return Math.max(0, this.freeAt - this.environment.now) + this.waitingCost
  }

  /** Takes up the core for so long, for the work that is being done now: what comes out of it comes later. */
  charge(cost: Nanos): void {
    this.occupy(cost)
  }

  private occupy(cost: Nanos): void {
    this.freeAt = Math.max(this.freeAt, this.environment.now) + cost
    this.begun += cost
    if (cost > 0) this.isInUse = true
    this.watch?.touch()
  }

  /** Does something when its turn has come and its cost is paid; at once, when nothing stands against that. */
  submit(cost: Nanos, run: () => void): void {
    this.add(this.waiting, cost, run, false)
  }

  /**
   * The same for work of an application: what that sends as soon as it is done goes out before the next work begins. It cannot within `run`,
   * for applications run when the stack is done.
   */
  submitTask(cost: Nanos, run: () => void): void {
    this.submit(cost, () => {
      run()
      this.isHandingOver = true
    })
  }

  /** The same for a packet that goes out: it goes before everything that has not begun. */
  submitOutgoing(cost: Nanos, run: () => void): void {
    this.add(this.outgoing, cost, run, false)
  }

  /** The same for a packet that has arrived, of which only so many may wait. */
  submitIncoming(cost: Nanos, run: () => void): void {
    if (this.incoming >= RECEIVE_BACKLOG) {
      this.environment.record('host:packet-discarded', '', { why: 'the processor is too slow', waiting: this.incoming })
      return
    }
    this.add(this.waiting, cost, run, true)
  }

  private add(queue: WorkQueue, cost: Nanos, run: () => void, isIncoming: boolean): void {
    if (cost === 0 && !this.isBusy) {
      run()
      this.considerUse()
      return
    }
    queue.push({ cost, cause: this.environment.cause, run, isIncoming })
    this.waitingCost += cost
    if (isIncoming) this.incoming++
    if (this.current === undefined) this.begin()
  }

  private begin(): void {
    this.current = this.outgoing.shift() ?? this.waiting.shift()
    if (this.current === undefined) return
    this.waitingCost -= this.current.cost
    this.occupy(this.current.cost)
    this.environment.schedule(this.freeAt, this.fire)
  }

  /** The core is done with what it was at, unless something else has taken it up meanwhile. */
  private finish(): void {
    const { environment, current } = this
    if (current === undefined) return
    if (environment.now < this.freeAt) {
      environment.schedule(this.freeAt, this.fire)
      return
    }
    if (current.isIncoming) this.incoming--
    environment.cause = current.cause
    current.run()
    if (this.isHandingOver) {
      this.isHandingOver = false
      environment.schedule(environment.now, this.goOn)
      return
    }
    this.goOn()
  }
}
