import { FRAME_INSPECTOR } from '../host/frame-inspector.ts'
import { Engine } from '../kernel/engine.ts'
import { Log, LOG_WIDTH, LogEntry, type TraceLog } from '../kernel/trace-log.ts'
import type { HostLog } from '../trace/log-merge.ts'
import { BatchWriter, readBatch } from './frame-batch.ts'
import type { HostReport, HostSetup, HostTask } from './host-messages.ts'
import { machineFactory } from './machines.ts'

/** Runs one host in a worker: takes tasks from the director, and frames from its neighbours. */
export class HostServer {
  private readonly engine: Engine
  private readonly batches: BatchWriter[]
  private readonly received: number[]
  private task: HostTask | undefined

  constructor(private readonly setup: HostSetup) {
    const { scenario, seed, links, control } = setup
    const host = scenario.hosts[setup.host]
    this.batches = host.interfaces.map(() => new BatchWriter())
    this.received = host.interfaces.map(() => 0)
    this.engine = new Engine({
      host: setup.host,
      name: host.name,
      seed,
      factory: machineFactory(host),
      inspector: FRAME_INSPECTOR,
      brief: host.trace === 'brief',
      replicas: host.replicas ?? 1,
      ports: host.interfaces.map(({ link, end }, port) => ({
        link,
        direction: end,
        settings: scenario.links[link].settings[end],
        carrier: this.batches[port],
      })),
    })
    links.forEach((link, port) => {
      const carrier = {
        carry: (...frame: Parameters<BatchWriter['carry']>) => {
          this.engine.accept(port, ...frame)
        },
      }
      link.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
        this.received[port] = this.received[port] + readBatch(data, carrier)
        this.work()
      }
    })
    control.onmessage = ({ data }: MessageEvent<HostTask>) => {
      this.task = data
      this.work()
    }
    try {
      this.engine.start()
    } catch (error) {
      this.report(error)
      return
    }
    this.report()
  }

  /** Does the task, once all frames that were sent to this host are here. */
  private work(): void {
    const { task } = this
    if (task === undefined || task.sent.some((count, port) => this.received[port] < count)) return
    this.task = undefined
    try {
      this.engine.run(task.until)
      for (const order of task.orders) this.engine.obey(order)
    } catch (error) {
      this.report(error)
      return
    }
    this.report()
  }

  private report(error?: unknown): void {
    const { engine, batches, setup } = this
    const carried = batches.map(({ count, earliest }) => ({ count, earliest }))
    batches.forEach((batch, port) => {
      if (batch.count === 0) return
      const buffer = batch.take()
      setup.links[port]?.postMessage(buffer, [buffer])
    })
    const numbers = engine.log.numbers.slice(0, engine.log.length)
    const bytes = joinFrames(engine.log)
    const report: HostReport = {
      next: engine.nextTime,
      carried,
      numbers,
      bytes,
      events: engine.log.takeEvents(),
      ...(error !== undefined && { failure: describe(error) }),
    }
    setup.control.postMessage(report, [numbers.buffer, bytes.buffer])
    engine.log.clear()
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function nextStart(end: number): number {
  return ((end + 1) & ~3) + 2
}

function joinFrames(log: TraceLog): Uint8Array<ArrayBuffer> {
  const frames = log.frames.slice(0, log.frameCount)
  let end = 0
  for (const frame of frames) end = nextStart(end) + frame.length
  const joined = new Uint8Array(end)
  end = 0
  for (const frame of frames) {
    const start = nextStart(end)
    joined.set(frame, start)
    end = start + frame.length
  }
  return joined
}

/** A report's part of the trace, as the recorder reads it. */
export function logOfReport({ numbers, bytes, events }: HostReport): HostLog {
  const frames: Uint8Array[] = []
  let end = 0
  for (let at = 0; at < numbers.length; at += LOG_WIDTH) {
    if (numbers[at] !== LogEntry.Frame && numbers[at] !== LogEntry.Marked) continue
    const start = nextStart(end)
    end = start + numbers[at + Log.Length]
    frames.push(bytes.subarray(start, end))
  }
  return {
    numbers,
    length: numbers.length,
    frames,
    names: events.map(({ name }) => name),
    connections: events.map(({ connection }) => connection),
    data: events.map(({ data }) => data),
  }
}
