import { Engine } from '../../src/kernel/engine.ts'
import { OPAQUE_FRAMES, type FrameInspector } from '../../src/kernel/frame-inspector.ts'
import { DEFAULT_LINK, type LinkSettings } from '../../src/kernel/link.ts'
import type { Environment, Id, Machine } from '../../src/kernel/machine.ts'
import type { Order } from '../../src/kernel/order.ts'
import { NEVER, type Nanos } from '../../src/kernel/time.ts'
import { Recorder } from '../../src/trace/recorder.ts'
import { TraceStore } from '../../src/trace/trace-store.ts'
import type { FrameRecord } from '../../src/trace/record.ts'

type OrderDraft = Order extends infer O ? (O extends Order ? Omit<O, 'cause'> : never) : never

export interface Received {
  readonly time: Nanos
  readonly host: number
  readonly port: number
  readonly bytes: Uint8Array
  readonly cause: Id
}

/** What a host of the lab does beyond writing down what it hears. */
export interface Script {
  start?(environment: Environment): void
  receive?(environment: Environment, port: number, frame: Uint8Array): void
  stop?(environment: Environment): void
  carrier?(environment: Environment, port: number, up: boolean): void
  configure?(environment: Environment, path: string, value: unknown): void
}

/** A frame of some length whose bytes say which it is. */
export function frameOf(environment: Environment, length: number, tag = 0): Uint8Array {
  const frame = environment.allocate(length)
  for (let i = 0; i < length; i++) frame[i] = tag + i
  return frame
}

/** Hosts in a row, each linked to the next; opaque frames on a kernel, and no protocols. */
export class Lab {
  readonly engines: Engine[]
  readonly received: Received[] = []
  readonly store: TraceStore
  readonly recorder: Recorder
  readonly environments: Environment[] = []
  now: Nanos = 0
  private readonly links: LinkSettings[][]
  private lookahead: Nanos

  constructor(
    links: readonly Partial<LinkSettings>[],
    scripts: readonly (Script | undefined)[] = [],
    seed = 1,
    inspector: FrameInspector = OPAQUE_FRAMES,
  ) {
    const names = Array.from({ length: links.length + 1 }, (_, index) => `host${index}`)
    this.store = new TraceStore(
      names,
      links.map((_, index) => [index, index + 1] as const),
    )
    this.recorder = new Recorder(this.store)
    this.links = links.map((settings) => [
      { ...DEFAULT_LINK, ...settings },
      { ...DEFAULT_LINK, ...settings },
    ])
    this.lookahead = Math.min(...this.links.flat().map(({ delay }) => delay))
    this.engines = names.map((name, host) => {
      const left = host > 0 ? [this.port(host - 1, 1)] : []
      const right = host < links.length ? [this.port(host, 0)] : []
      const factory = (environment: Environment): Machine => {
        this.environments[host] = environment
        return this.machine(host, environment, scripts[host] ?? {})
      }
      return new Engine({ host, name, seed, factory, ports: [...left, ...right], inspector })
    })
    for (const engine of this.engines) engine.start()
    this.settle()
  }

  private port(link: number, direction: 0 | 1) {
    return {
      link,
      direction,
      settings: this.links[link][direction],
      carrier: {
        carry: (frame: Uint8Array, arrives: Nanos, id: Id, corruption: number, detected: boolean) => {
          const [peer, port] = direction === 0 ? [link + 1, 0] : [link, link > 0 ? 1 : 0]
          this.engines[peer].accept(port, frame, arrives, id, corruption, detected)
        },
      },
    }
  }

  private machine(host: number, environment: Environment, script: Script): Machine {
    return {
      start: () => script.start?.(environment),
      receive: (port, frame) => {
        this.received.push({ time: environment.now, host, port, bytes: frame.slice(), cause: environment.cause })
        script.receive?.(environment, port, frame)
      },
      stop: () => script.stop?.(environment),
      carrier: (port, up) => script.carrier?.(environment, port, up),
      configure: (path, value) => script.configure?.(environment, path, value),
    }
  }

  /** Everything before `until`, in rounds as short as a conductor would grant. */
  run(until: Nanos = 1e12): this {
    if (until < this.now) throw new RangeError(`it is ${this.now} already, not ${until}`)
    for (;;) {
      const next = Math.min(...this.engines.map(({ nextTime }) => nextTime))
      if (next >= until) break
      const grant = Math.min(next + this.lookahead, until)
      for (const engine of this.engines) engine.run(grant)
    }
    for (const engine of this.engines) if (engine.now < until) engine.run(until)
    this.now = until
    this.settle()
    return this
  }

  /** Runs up to a time, and gives orders there. */
  at(time: Nanos, host: number, ...orders: OrderDraft[]): this {
    this.run(time)
    for (const order of orders) {
      if (order.kind === 'link') this.lookahead = Math.min(this.lookahead, order.settings.delay ?? NEVER)
      this.engines[host].obey({ cause: 0, ...order })
    }
    this.settle()
    return this
  }

  /** Lets a host do something at a time. */
  do(time: Nanos, host: number, action: (environment: Environment) => void): this {
    this.run(time)
    this.engines[host].schedule(time, () => {
      action(this.environments[host])
    })
    return this
  }

  /** Sends `count` frames of `length` bytes, all at the same moment. */
  send(time: Nanos, host: number, count: number, length = 100, port = 0): this {
    return this.do(time, host, (environment) => {
      for (let i = 0; i < count; i++) environment.transmit(port, frameOf(environment, length, i))
    })
  }

  frames(): FrameRecord[] {
    return [...this.store.frames()]
  }

  fates(): string[] {
    return this.frames().map(({ fate }) => fate)
  }

  /** Numbers of frames in the order of their arrival. */
  arrivals(host: number): number[] {
    return this.received.filter((one) => one.host === host).map(({ cause }) => this.store.frameById(cause)?.number ?? NEVER)
  }

  times(host: number): Nanos[] {
    return this.received.filter((one) => one.host === host).map(({ time }) => time)
  }

  events(name: string) {
    return this.store.all(name)
  }

  private settle(): void {
    this.recorder.take(this.engines.map(({ log }) => log))
    for (const { log } of this.engines) log.clear()
    this.store.horizon = this.now
  }
}
