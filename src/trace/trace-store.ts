import type { Id } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import { EventTable } from './event-table.ts'
import { FrameTable, type TableContext } from './frame-table.ts'
import { keyLogLine, SECRET_EVENT, type TimedLine } from './key-log.ts'
import type { EventRecord, FrameRecord, TraceView } from './record.ts'

/** What an event costs, roughly, in bytes of memory. */
const EVENT_BYTES = 250

/** How many lines of a key log are kept when their events go; of older handshakes the packets are gone by then, too. */
const KEPT_SECRETS = 50_000

/** The part of a trace that this thread keeps, in columns. */
export class TraceStore implements TraceView, TableContext {
  readonly hosts: readonly string[]
  readonly ends: readonly (readonly [number, number])[]
  readonly table: FrameTable
  horizon: Nanos = 0
  thinnedBytes = 0
  /** Set by who has the bytes of the frames. */
  measure: (number: number) => void = nothing
  connections: readonly string[] = ['']
  readonly eventTable = new EventTable()
  /** How many events have been let go. */
  thinnedEvents = 0

  // Indices over events, made when first asked for and then kept up; how many of `events` they cover.
  private indexed = 0
  private readonly byId = new Map<Id, EventRecord>()
  private readonly byName = new Map<string, EventRecord[]>()

  /**
   * @param hosts names of hosts
   * @param links by index: the hosts at both ends
   */
  constructor(hosts: readonly string[], links: readonly (readonly [number, number])[]) {
    this.hosts = hosts
    this.ends = links.flatMap(([a, b]) => [[a, b] as const, [b, a] as const])
    this.table = new FrameTable(this)
  }

  get events(): readonly EventRecord[] {
    return this.eventTable.records
  }

  /** How many of them there are, without making records of them. */
  get eventCount(): number {
    return this.eventTable.count
  }

  get frameCount(): number {
    return this.table.count
  }

  get firstKept(): number {
    return this.table.firstKept
  }

  frame(number: number): FrameRecord | undefined {
    return this.table.view(number)
  }

  frameById(id: Id): FrameRecord | undefined {
    return this.table.view(this.table.numberOf(id))
  }

  eventById(id: Id): EventRecord | undefined {
    this.index()
    return this.byId.get(id)
  }

  *frames(where?: (frame: FrameRecord) => boolean): IterableIterator<FrameRecord> {
    for (let number = this.firstKept; number <= this.frameCount; number++) {
      const frame = this.frame(number)
      if (frame !== undefined && (where === undefined || where(frame))) yield frame
    }
  }

  first(name: string, where?: (event: EventRecord) => boolean): EventRecord | undefined {
    this.index()
    const events = this.byName.get(name)
    return where === undefined ? events?.[0] : events?.find(where)
  }

  all(name: string, where?: (event: EventRecord) => boolean): EventRecord[] {
    this.index()
    const events = this.byName.get(name) ?? []
    return where === undefined ? [...events] : events.filter(where)
  }

  /** Lets the oldest events go, an eighth at a time, and then the oldest frames, until both fit. Budgets in bytes. */
  thin(eventBudget: number, frameBudget: number): void {
    this.thinEvents(eventBudget)
    while (this.table.bytes > frameBudget) {
      const gone = this.table.dropOldestBlock()
      if (gone === 0) return
    }
  }

  /** Lets the oldest events go, an eighth at a time, until they fit. */
  thinEvents(budget: number): void {
    while (this.eventCount * EVENT_BYTES > budget) {
      const gone = Math.ceil(this.eventCount / 8)
      this.keepSecrets(gone)
      this.eventTable.drop(gone)
      this.thinnedEvents += gone
      this.thinnedBytes += gone * EVENT_BYTES
      this.indexed = 0
      this.byId.clear()
      this.byName.clear()
    }
  }

  /** Secrets of TLS that hosts have logged, a line each, in their order; also those whose events were let go. */
  get keyLog(): readonly string[] {
    const { keptSecrets } = this
    const lines = this.all(SECRET_EVENT).flatMap(({ data }) => keyLogLine(data) ?? [])
    return keptSecrets.length === 0 ? lines : [...keptSecrets, ...lines]
  }

  /** The same, with when they were logged; 0 where the event was let go. */
  get timedKeyLog(): readonly TimedLine[] {
    const lines = this.all(SECRET_EVENT).flatMap(({ time, data }) => {
      const line = keyLogLine(data)
      return line === undefined ? [] : { time, line }
    })
    return [...this.keptSecrets.map((line) => ({ time: 0, line })), ...lines]
  }

  /** Without them nothing that is still there of a connection could be read. */
  private keepSecrets(gone: number): void {
    const { keptSecrets } = this
    for (const data of this.eventTable.oldest(gone, SECRET_EVENT)) {
      const line = keyLogLine(data)
      if (line !== undefined) keptSecrets.push(line)
    }
    if (keptSecrets.length > KEPT_SECRETS) keptSecrets.splice(0, keptSecrets.length - KEPT_SECRETS)
  }
  private readonly keptSecrets: string[] = []

  private index(): void {
    if (this.indexed === this.eventCount) return
    const { events } = this
    for (; this.indexed < events.length; this.indexed++) {
      const event = events[this.indexed]
      this.byId.set(event.id, event)
      const same = this.byName.get(event.name)
      if (same === undefined) this.byName.set(event.name, [event])
      else same.push(event)
    }
  }
}

/** On a page, all is measured. */
function nothing(): void {
  return
}
