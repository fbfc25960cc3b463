import { NO_ID, type Environment, type EventData, type Id, type Timer } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import type { Random } from '../kernel/random.ts'
import { DEFAULT_MACHINE, type MachineSettings } from '../scenario/machine-settings.ts'
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
  readonly host: number
  readonly name: string
  readonly boot: number
  readonly ports: number
  readonly processor: Processor
  readonly memory = new Memory()
  private settings = DEFAULT_MACHINE
  private powered = true
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
    this.host = kernel.host
    this.name = kernel.name
    this.boot = kernel.boot
    this.ports = kernel.ports
    this.processor = new Processor(this)
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
    this.processor.setUp(settings.perPacket === 0 && settings.perHandshake === 0 && settings.perRequest === 0)
    this.memory.limit = settings.memory
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
    if (!this.processor.isInUse) return this.kernel.transmit(port, frame, mark)
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

  schedule(at: Nanos, action: () => void): Timer {
    if (!this.powered) return NO_TIMER
    return this.kernel.schedule(this.isTrue ? at : this.trueTime(at), () => {
      this.scheduler.hold()
      try {
        action()
      } finally {
        this.scheduler.release()
      }
    })
  }

  random(purpose: string): Random {
    return this.kernel.random(purpose)
  }

  record(name: string, connection: string, data: EventData): Id {
    return this.powered ? this.kernel.record(name, connection, data) : NO_ID
  }
}
