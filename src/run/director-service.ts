import type { Nanos } from '../kernel/time.ts'
import type { Action, Intervention } from '../scenario/intervention.ts'
import type { KnobValue } from '../scenario/knob.ts'
import { PACKED_WIDTH } from '../trace/frame-table.ts'
import { exportPcapng } from '../trace/pcapng-export.ts'
import { exportQlogTogether } from '../trace/qlog.ts'
import type { Inspection } from '../trace/inspection.ts'
import type { EventRecord } from '../trace/record.ts'
import { StreamDissection } from '../trace/stream-dissection.ts'
import type { Director, Step } from './director.ts'
import type { Hosts } from './hosts.ts'
import type { CaptureChoice, HostState, LinkState } from './run.ts'

/** What is new in the trace since the last update. */
export interface TraceNews {
  /** Packed rows of new frames and of frames that changed. */
  readonly rows: Float64Array
  readonly events: readonly EventRecord[]
  /** Names of new conversations. */
  readonly connections: readonly string[]
  readonly thinnedBytes: number
}

/** How the network stands; sent when it changed. */
export interface NetworkNews {
  readonly links: readonly LinkState[]
  readonly hosts: readonly HostState[]
  readonly knobs: Readonly<Record<string, KnobValue>>
  readonly log: readonly Intervention[]
}

/** What the page is told. */
export interface Update {
  readonly horizon: Nanos
  /** Whether nothing can happen any more. */
  readonly over: boolean
  readonly trace: TraceNews
  readonly network?: NetworkNews
}

/** The director as the page calls it, in a worker or in its own thread. Calls are carried out one after another. */
export interface DirectorApi {
  /** Lets time go on to `limit`, or as far as gets done in a moment of real time. */
  advance(limit: Nanos): Promise<Update>
  /** Lets time go on until something has happened that can be seen, but not beyond `limit`. */
  advanceToNext(limit: Nanos): Promise<Update>
  /** Rejects with an Error for people when it is not possible. */
  intervene(action: Action): Promise<Update>
  inspect(frame: number): Promise<Inspection | undefined>
  capture(choice: CaptureChoice): Promise<Uint8Array>
  qlog(): Promise<string | undefined>
  dispose(): void
}

/** Real milliseconds that one call of `advance` may take. */
const SLICE = 30

export class DirectorService implements DirectorApi {
  private queue: Promise<unknown> = Promise.resolve()
  private framesTold = 0
  private eventsTold = 0
  private connectionsTold = 1
  private networkChanged = true
  private selfChangesTold = 0
  private readonly dissection: StreamDissection

  constructor(
    private readonly director: Director,
    private readonly hosts: Hosts,
  ) {
    this.dissection = new StreamDissection(director.recorder)
  }

  advance(limit: Nanos): Promise<Update> {
    return this.inTurn(async () => {
      const start = performance.now()
      await this.go(limit, () => performance.now() - start < SLICE)
      return this.update()
    })
  }

  advanceToNext(limit: Nanos): Promise<Update> {
    return this.inTurn(async () => {
      const { director } = this
      const start = performance.now()
      const end = Math.min(limit, director.scenario.duration)
      const [frames, events] = [director.store.frameCount, director.store.eventCount]
      while (
        director.store.frameCount === frames &&
        director.store.eventCount === events &&
        director.horizon < end &&
        performance.now() - start < SLICE
      ) {
        await this.go(Math.min(end, director.nextTime + 1), () => true)
      }
      return this.update()
    })
  }

  intervene(action: Action): Promise<Update> {
    return this.inTurn(async () => {
      this.hosts.settle()
      await this.hosts.perform(this.director.intervene(action))
      this.hosts.settle()
      this.networkChanged = true
      return this.update()
    })
  }

  inspect(frame: number): Promise<Inspection | undefined> {
    return this.inTurn(() => {
      const found = this.dissection.inspect(frame)
      // The bytes lie in a buffer with many others, all of which a message would take along.
      return Promise.resolve(found && { ...found, bytes: found.bytes.slice() })
    })
  }

  capture(choice: CaptureChoice): Promise<Uint8Array> {
    return this.inTurn(() => Promise.resolve(exportPcapng(this.director.scenario, this.director.recorder, choice)))
  }

  qlog(): Promise<string | undefined> {
    return this.inTurn(() => Promise.resolve(exportQlogTogether(this.director.scenario, this.director.recorder)))
  }

  dispose(): void {
    this.hosts.dispose()
  }

  private async go(limit: Nanos, goOn: () => boolean): Promise<void> {
    const { director, hosts } = this
    const settle = (): void => {
      hosts.settle()
    }
    let step: Step | undefined
    while ((step = director.next(limit, settle)) !== undefined) {
      if (step.kind === 'orders') this.networkChanged = true
      await hosts.perform(step)
      if (!goOn()) break
    }
    hosts.settle()
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.queue.then(work)
    // The next call waits for this one, whether it went well or not; who called is told by `done`.
    this.queue = done.catch(() => undefined)
    return done
  }

  private update(): Update {
    const { director } = this
    const { recorder, store } = director
    const { table } = store
    const changed = [...recorder.takeChanged()].filter((number) => number <= this.framesTold && table.has(number))
    const first = Math.max(this.framesTold + 1, table.firstKept)
    const rows = new Float64Array((changed.length + Math.max(0, table.count - first + 1)) * PACKED_WIDTH)
    let offset = 0
    for (const number of changed) {
      table.pack(number, rows, offset)
      offset += PACKED_WIDTH
    }
    for (let number = first; number <= table.count; number++) {
      table.pack(number, rows, offset)
      offset += PACKED_WIDTH
    }
    this.framesTold = table.count
    const events = store.events.slice(Math.max(0, this.eventsTold - store.thinnedEvents))
    this.eventsTold = store.thinnedEvents + store.eventCount
    const connections = store.connections.slice(this.connectionsTold)
    this.connectionsTold = store.connections.length
    if (director.state.selfChanges !== this.selfChangesTold) this.networkChanged = true
    this.selfChangesTold = director.state.selfChanges
    const network = this.networkChanged ? { ...director.state.snapshot(), log: director.log } : undefined
    this.networkChanged = false
    return {
      horizon: director.horizon,
      over: director.over,
      trace: { rows, events, connections, thinnedBytes: store.thinnedBytes },
      ...(network && { network }),
    }
  }
}
