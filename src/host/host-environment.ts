import { NO_ID, type Environment, type EventData, type Id, type Timer } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import type { Random } from '../kernel/random.ts'
import type { TaskScheduler } from './tasks.ts'

const NO_TIMER: Timer = {
  cancel() {
    // Nothing was armed.
  },
}

/**
 * The environment as the stack and the applications of one machine see it: the kernel's own, with two additions.
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
  private powered = true

  constructor(
    private readonly kernel: Environment,
    private readonly scheduler: TaskScheduler,
  ) {
    this.host = kernel.host
    this.name = kernel.name
    this.boot = kernel.boot
    this.ports = kernel.ports
  }

  powerOff(): void {
    this.powered = false
  }

  get now(): Nanos {
    return this.kernel.now
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
    return this.powered ? this.kernel.transmit(port, frame, mark) : NO_ID
  }

  queuedBytes(port: number): number {
    return this.kernel.queuedBytes(port)
  }

  schedule(at: Nanos, action: () => void): Timer {
    if (!this.powered) return NO_TIMER
    return this.kernel.schedule(at, () => {
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
