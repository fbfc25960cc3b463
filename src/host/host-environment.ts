import { NO_ID, type Environment, type EventData, type Id, type Sleeper, type Timer } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import type { Random } from '../kernel/random.ts'
import type { Disk } from '../kernel/disk.ts'
import { DEFAULT_MACHINE, type MachineSettings } from '../scenario/machine-settings.ts'
import { Descriptors } from './descriptors.ts'
import { isDetail } from './detail-events.ts'
import type { LoadWatch } from './load-watch.ts'
import { Memory } from './memory.ts'
import { Processor } from './processor.ts'
import type { TaskScheduler } from './tasks.ts'

const NO_TIMER: Timer = {
  cancel() {
    // Nothing was armed.
  },
}

const MILLION = 1e6

/**
 * The environment as the stack and the applications of one machine see it: the kernel's own, with a processor that may be slow, a clock
 * that may be wrong, and two more additions.
 *
 * Timers hold the task scheduler, so that a coroutine that a timer wakes runs after the timer's work and never in its middle.
 *
 * When the power goes, `finally` blocks of applications still run and may close sockets, but nothing of that reaches the world: a
 * machine without power neither sends nor writes a log.
 */
export class HostEnvironment implements Environment {
  readonly boot: number
  readonly ports: number
  private core: Processor | undefined = undefined
  readonly memory = new Memory()
  readonly descriptors = new Descriptors()
  private settings = DEFAULT_MACHINE
  private powered = true
  private loadWatch: LoadWatch | undefined = undefined
  /** How many of its own seconds the clock counts in a true one. */
  private pace = 1
  /** Since when it does so, by the true clock and by its own. */
  private paceSince: Nanos = 0
  private paceFrom: Nanos = 0
  /** Whether the own clock has never been anything but true. */
  private isTrue = true

  constructor(
    private readonly kernel: Environment,
    private readonly scheduler: TaskScheduler,
  ) {
    this.boot = kernel.boot
    this.ports = kernel.ports
  }

  get host(): number {
    return this.kernel.host
  }

  get name(): string {
    return this.kernel.name
  }

  /** Made when it is first asked for: most machines are fast enough, and there may be ten thousand. */
  get processor(): Processor {
    if (this.core === undefined) {
      this.core = new Processor(this)
      this.core.watch = this.loadWatch
    }
    return this.core
  }

  /** Whether anything takes the processor time now, or waits for it. */
  get isBusy(): boolean {
    return this.core?.isInUse === true
  }

  get machine(): MachineSettings {
    return this.settings
  }

  /** Changes the machine under the host, at once. */
  set machine(settings: MachineSettings) {
    this.paceFrom = this.now
    this.paceSince = this.kernel.now
    this.pace = 1 + settings.clockDrift / MILLION
    this.isTrue = this.pace === 1 && this.paceFrom === this.paceSince
    this.settings = settings
    const { perPacket, perHandshake, perRequest, perConnection, perMessage } = settings
    const costs = perPacket + perHandshake + perRequest + perConnection + perMessage
    if (costs > 0 || this.core !== undefined) this.processor.setUp(costs === 0)
    this.memory.limit = settings.memory
    this.memory.perConnection = settings.connectionMemory
    this.descriptors.limit = settings.descriptors
    this.descriptors.consider()
    this.isLimited = costs + settings.memory + settings.connectionMemory + settings.descriptors > 0
  }

  /** Whether the machine has any cost or limit. */
  isLimited = false

  /** Who records how loaded it is; undefined: nobody. */
  get load(): LoadWatch | undefined {
    return this.loadWatch
  }

  set load(watch: LoadWatch | undefined) {
    this.loadWatch = watch
    if (this.core !== undefined) this.core.watch = watch
  }

  /** There was no room for so many bytes. The machine may not survive that. */
  exhaust(wanted: number, connection: string): void {
    const { used, limit } = this.memory
    this.record('host:memory-exhausted', connection, { wanted, used, limit })
    const { restartAfter } = this.settings
    if (restartAfter > 0) this.crash('out of memory', restartAfter)
  }

  powerOff(): void {
    this.powered = false
  }

  /** By the host's own clock, which goes on without a jump but perhaps not at the pace of true time. */
  get now(): Nanos {
    return this.isTrue ? this.kernel.now : this.ownTime(this.kernel.now)
  }

  /** What the host takes for the time of day, which may be wrong by more. */
  get wallClock(): Nanos {
    return this.now + this.settings.clockAhead - this.settings.clockBehind
  }

  private ownTime(time: Nanos): Nanos {
    return this.paceFrom + Math.floor((time - this.paceSince) * this.pace)
  }

  /** The true time at which the own clock shows a time, or has just passed it. */
  private trueTime(own: Nanos): Nanos {
    let time = this.paceSince + Math.ceil((own - this.paceFrom) / this.pace)
    while (this.ownTime(time) < own) time++
    return time
  }

  get cause(): Id {
    return this.kernel.cause
  }

  set cause(cause: Id) {
    this.kernel.cause = cause
  }

  allocate(length: number): Uint8Array {
    return this.kernel.allocate(length)
  }

  transmit(port: number, frame: Uint8Array, mark = 0): Id {
    if (!this.powered) return NO_ID
    if (!this.isBusy) return this.kernel.transmit(port, frame, mark)
    this.transmitLater(port, frame, mark)
    return NO_ID
  }

  private transmitLater(port: number, frame: Uint8Array, mark: number): void {
    this.processor.submitOutgoing(this.settings.perPacket, () => {
      this.kernel.transmit(port, frame, mark)
    })
  }

  queuedBytes(port: number): number {
    return this.kernel.queuedBytes(port)
  }

  /** @param action a sleeper holds the task scheduler by itself, by `holdTasks` */
  schedule(at: Nanos, action: (() => void) | Sleeper): Timer {
    if (!this.powered) return NO_TIMER
    const time = this.isTrue ? at : this.trueTime(at)
    if (typeof action !== 'function') return this.kernel.schedule(time, action)
    return this.kernel.schedule(time, () => {
      this.scheduler.hold()
      try {
        action()
      } finally {
        this.scheduler.release()
      }
    })
  }

  /** From now on no task runs until as many `releaseTasks`. */
  holdTasks(): void {
    this.scheduler.hold()
  }

  releaseTasks(): void {
    this.scheduler.release()
  }

  random(purpose: string): Random {
    return this.kernel.random(purpose)
  }

  record(name: string, connection: string, data: EventData): Id {
    if (!this.powered) return NO_ID
    if (this.kernel.isBrief && isDetail(name)) return this.kernel.omit()
    return this.kernel.record(name, connection, data)
  }

  get isBrief(): boolean {
    return this.kernel.isBrief
  }

  /** Asked before a detail is recorded. @returns whether it is left out, and has taken its id: what goes with its name need not be made */
  omits(name: string): boolean {
    if (!this.kernel.isBrief || !isDetail(name)) return false
    this.omit()
    return true
  }

  omit(): Id {
    return this.powered ? this.kernel.omit() : NO_ID
  }

  /** Also what the machine would do until its power is off reaches nobody any more. */
  crash(why: string, restartAfter: Nanos): void {
    if (!this.powered) return
    this.kernel.crash(why, restartAfter)
    this.powered = false
  }

  get disk(): Disk {
    return this.kernel.disk
  }
}
