import { UnknownSetting } from '../host/unknown-setting.ts'
import type { Environment, Machine } from '../kernel/machine.ts'
import { NO_ID } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'

/**
 * Takes a frame that has arrived for the outside.
 * @param port index of the host's interface
 * @param frame shared, not to be written to
 * @param arrived when its last bit arrived, in simulated time
 */
export type Deliver = (port: number, frame: Uint8Array, arrived: Nanos) => void

/**
 * What stands in a host's place when the outside takes it over: a card without a host behind it. The links stay whole, with their
 * queues and faults; killing or pausing the host cuts the outside off.
 */
export class Outside {
  private plugged: Environment | undefined

  constructor(private readonly deliver: Deliver) {}

  /** The machine, for the engine: at power-on, and again at each restart. */
  readonly machine = (environment: Environment): Machine => ({
    start: () => {
      this.plugged = environment
    },
    receive: (port, frame) => {
      this.deliver(port, frame, environment.now)
    },
    stop: () => {
      this.plugged = undefined
    },
    carrier: () => {
      // The outside is not told: the interface there stays up, and what it sends meets the cut cable.
    },
    configure: (path) => {
      throw new UnknownSetting(path, 'the outside has no settings')
    },
  })

  /**
   * Sends a frame of the outside's at the engine's current time.
   * @returns whether the host is powered
   */
  send(port: number, bytes: Uint8Array): boolean {
    const environment = this.plugged
    if (environment === undefined) return false
    // The bytes lie in a buffer of the reader's; the trace keeps what is sent.
    const frame = environment.allocate(bytes.length)
    frame.set(bytes)
    environment.cause = NO_ID
    environment.transmit(port, frame)
    return true
  }
}
