import type { Environment } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'

/** From one sample to the next. */
const PERIOD: Nanos = 100_000_000

/** What of a host's load is looked at. */
export interface Load {
  /** For how long the processor has been busy since it was started. */
  readonly busyTime: Nanos
  /** In bytes. */
  readonly memory: number
  readonly connections: number
  readonly acceptQueue: number
  readonly synQueue: number
  readonly descriptors: number
}

/**
 * Records how loaded a host is, at each tenth of a second in which there is something to say: while the processor works or a figure changes. A
 * host that rests has no timer, and its last sample holds until the next one.
 */
export class LoadWatch {
  private isOn = false
  private isArmed = false
  /** Of the last sample. */
  private busyTime: Nanos = 0
  private figures = ''

  /** @param look what the figures are now */
  constructor(
    private readonly environment: Pick<Environment, 'now' | 'cause' | 'schedule' | 'record'>,
    private readonly look: () => Load,
  ) {}

  /** Whether anything is recorded. */
  set isEnabled(isEnabled: boolean) {
    if (isEnabled === this.isOn) return
    this.isOn = isEnabled
    this.busyTime = this.look().busyTime
    this.touch()
  }

  /** Something has happened that may change a figure. */
  touch(): void {
    if (this.isOn && !this.isArmed) this.arm()
  }

  private arm(): void {
    const { environment } = this
    this.isArmed = true
    const { cause } = environment
    // Nothing of the network leads to a sample.
    environment.cause = 0
    environment.schedule((Math.floor(environment.now / PERIOD) + 1) * PERIOD, () => {
      this.sample()
    })
    environment.cause = cause
  }

  private sample(): void {
    this.isArmed = false
    if (!this.isOn) return
    const { busyTime, memory, connections, acceptQueue, synQueue, descriptors } = this.look()
    const processor = Math.min(1, Math.round(((busyTime - this.busyTime) / PERIOD) * 10_000) / 10_000)
    this.busyTime = busyTime
    const figures = [memory, connections, acceptQueue, synQueue, descriptors].join()
    if (processor === 0 && figures === this.figures) return
    // A processor that has come to rest is said to have.
    this.figures = processor === 0 ? figures : ''
    this.environment.record('host:load-sampled', '', { processor, memory, connections, acceptQueue, synQueue, descriptors })
    this.arm()
  }
}
