import { CodelQueue } from './codel-queue.ts'
import { DropTail } from './drop-tail.ts'
import type { Happening } from './happening.ts'
import { FqCodel } from './fq-codel.ts'
import type { FrameInspector } from './frame-inspector.ts'
import { Impairments, isImpaired } from './impairments.ts'
import { FATES, type Discipline, type Fate, type LinkSettings } from './link.ts'
import type { Id } from './machine.ts'
import type { QueueDiscipline, QueueOwner } from './queue-discipline.ts'
import { randomStream, type Random } from './random.ts'
import { Red } from './red.ts'
import { NEVER, serializationTime, type Nanos } from './time.ts'
import { TokenBucket } from './token-bucket.ts'
import { Log, LogEntry, type TraceLog } from './trace-log.ts'

/** Numbers of fates, as the trace's binary form has them. */
export const FATE_NUMBER = Object.fromEntries(FATES.map((fate, index) => [fate, index])) as Record<Fate, number>

const QUEUED = FATE_NUMBER.queued
const IN_FLIGHT = FATE_NUMBER['in-flight']

/** Takes frames to the other end of a link: to the neighbour's engine, or into a batch for its worker. */
export interface Carrier {
  /**
   * @param arrives when the last bit is there
   * @param id of the frame, also its place in the total order
   * @param corruption as in `Log.Corruption`
   * @param detected whether a corrupted frame will fail its frame check sequence
   */
  carry(frame: Uint8Array, arrives: Nanos, id: Id, corruption: number, detected: boolean): void
}

/** What an egress needs from its host's engine. */
export interface EgressOwner {
  readonly now: Nanos
  readonly log: TraceLog
  readonly inspector: FrameInspector
  nextId(): Id
  push(time: Nanos, id: Id, happening: Happening): void
}

const DISCIPLINES: Readonly<Record<Discipline, new (owner: QueueOwner) => QueueDiscipline>> = {
  'drop-tail': DropTail,
  red: Red,
  codel: CodelQueue,
  'fq-codel': FqCodel,
}

/**
 * The sending side of one direction of a link: its queue, its line, and the way. What waits is the business of a queue discipline, what
 * befalls frames on the way that of the impairments; both cost nothing where they are not asked for.
 */
export class Egress implements Happening, QueueOwner {
  readonly cancelled = false
  readonly settings: LinkSettings
  readonly inspector: FrameInspector
  private queue: QueueDiscipline
  /** Whether a frame that finds the line free and nobody waiting may leave without asking the queue. */
  private passes = true
  private impaired = false
  /** Made when something first befalls a frame: most links never need them. */
  private impairments: Impairments | undefined
  private readonly bucket = new TokenBucket()
  /** Bits per second of a frame on the line. */
  private lineRate = 0
  /** A frame that has left the queue, and waits for the token bucket. */
  private next: Uint8Array | undefined
  private nextFrameId: Id = 0
  /** When there will be tokens for it. */
  private tokensAt: Nanos = 0
  /** When the line is free again. */
  private lineFree: Nanos = 0
  /** When `fire` will be called next, or `NEVER`. */
  private wakeUpAt: Nanos = NEVER
  /** Frames that have left: the number of the last one. */
  private framesSent = 0
  private readonly corruptOnSending = new Map<Id, number>()
  private readonly streams = new Map<string, Random>()

  constructor(
    private readonly owner: EgressOwner,
    private readonly where: number,
    settings: LinkSettings,
    private readonly carrier: Carrier,
    private readonly seed: number,
    private readonly label: string,
  ) {
    this.settings = { ...settings }
    this.inspector = owner.inspector
    this.queue = new DISCIPLINES[settings.discipline](this)
    this.settle()
  }

  get queuedBytes(): number {
    return this.queue.bytes + (this.next?.length ?? 0)
  }

  /** Changes some settings; frames that have left are not touched. */
  change(settings: Partial<LinkSettings>): void {
    const before = { ...this.settings }
    Object.assign(this.settings, settings)
    const now = this.settings
    this.impairments?.changed(before)
    if (before.discipline !== now.discipline) this.replaceQueue()
    if (before.bucket === 0) this.bucket.fill()
    if (before.rate !== now.rate) this.bucket.changeRate(before.rate, now.rate, this.owner.now)
    this.settle()
    if (before.up && !now.up) this.flush('link-down')
    else if (this.next !== undefined) {
      // The time to wait was for tokens at another rate, or another depth.
      this.tokensAt = 0
      this.wakeUp()
    }
  }

  /** Hands over a frame; what becomes of it is written to the log. */
  enqueue(frame: Uint8Array, mark: number, cause: Id): Id {
    const { owner, queue } = this
    const { now } = owner
    const id = owner.nextId()
    const at = this.logFrame(id, frame, mark, cause)
    if (!this.settings.up) {
      this.end(at, 'link-down', now)
      return id
    }
    const free = this.lineFree <= now && queue.count === 0 && this.next === undefined
    if (free && this.passes) {
      this.send(frame, id, at)
      return id
    }
    const refusal = queue.enqueue(frame, id, now, free)
    if (refusal !== undefined) this.end(at, refusal, now)
    else if (free) this.fire()
    else this.wakeUp()
    return id
  }

  /** The line may be free: sends what waits. */
  fire(): void {
    const { owner } = this
    // A wake-up from before a cut may come too early; the one that is waited for comes all the same.
    if (this.wakeUpAt <= owner.now) this.wakeUpAt = NEVER
    while (this.lineFree <= owner.now && this.takeNext()) {
      const frame = this.next as Uint8Array
      this.next = undefined
      const at = owner.log.entry(LogEntry.Sent, owner.now, this.nextFrameId)
      owner.log.numbers[at + Log.Where] = this.where
      this.send(frame, this.nextFrameId, at)
    }
    if (this.queue.count > 0 || this.next !== undefined) this.wakeUp()
  }

  /** Takes a waiting frame out of the queue, for good. Returns whether it was there. */
  drop(id: Id): boolean {
    const isNext = this.next !== undefined && this.nextFrameId === id
    if (!isNext && !this.queue.remove(id)) return false
    this.corruptOnSending.delete(id)
    if (isNext) {
      this.next = undefined
      this.tokensAt = 0
      if (this.queue.count > 0) this.wakeUp()
    }
    return true
  }

  /** Changes bits of a waiting frame before it leaves; it then travels as corrupted. Returns whether it was there. */
  corrupt(id: Id, corruption: number): boolean {
    if (!(this.next !== undefined && this.nextFrameId === id) && !this.queue.has(id)) return false
    this.corruptOnSending.set(id, corruption)
    return true
  }

  /** The cable was cut, or the host lost power: what waits is gone. A cable that is plugged in again is empty. */
  flush(fate: 'link-down' | 'host-down'): void {
    const ids: Id[] = this.next === undefined ? [] : [this.nextFrameId]
    this.queue.forEach((_, id) => ids.push(id))
    for (const id of ids.sort((a, b) => a - b)) this.dropped(id, fate)
    this.next = undefined
    this.tokensAt = 0
    this.queue.clear()
    this.corruptOnSending.clear()
    if (fate === 'link-down') {
      this.lineFree = this.owner.now
      this.impairments?.cut()
    }
  }

  // What the queue discipline asks for.

  dropped(id: Id, fate: Fate): void {
    const { now, log } = this.owner
    log.fate(now, id, FATE_NUMBER[fate], now)
    if (this.corruptOnSending.size > 0) this.corruptOnSending.delete(id)
  }

  marked(id: Id, frame: Uint8Array): void {
    const { now, log } = this.owner
    log.marked(now, id, frame)
  }

  random(purpose: string): Random {
    let stream = this.streams.get(purpose)
    if (stream === undefined) this.streams.set(purpose, (stream = randomStream(this.seed, `${this.label}/${purpose}`)))
    return stream
  }

  /** Works out what the settings come to. */
  private settle(): void {
    const { settings } = this
    const shaped = settings.bucket > 0 && settings.rate > 0
    this.lineRate = shaped ? settings.peakRate : settings.rate
    this.passes = settings.discipline === 'drop-tail' && !shaped
    this.impaired = isImpaired(settings)
  }

  /** Another discipline takes over what waits, as old as it is. */
  private replaceQueue(): void {
    const { queue } = this
    const waiting: { frame: Uint8Array; id: Id; time: Nanos }[] = []
    queue.forEach((frame, id, time) => waiting.push({ frame, id, time }))
    this.queue = new DISCIPLINES[this.settings.discipline](this)
    for (const { frame, id, time } of waiting.sort((a, b) => a.id - b.id)) this.queue.adopt(frame, id, time)
  }

  /** Puts what shall leave now into `next`. Returns whether it may. */
  private takeNext(): boolean {
    const { queue, owner, settings } = this
    if (this.next === undefined) {
      if (!queue.dequeue(owner.now)) return false
      this.next = queue.frame
      this.nextFrameId = queue.id
    }
    const { rate, bucket } = settings
    if (bucket === 0 || rate === 0) return true
    this.tokensAt = this.bucket.readyAt(this.next.length + settings.overhead, rate, bucket, owner.now)
    return this.tokensAt <= owner.now
  }

  private wakeUp(): void {
    const { now } = this.owner
    let at = this.lineFree > now ? this.lineFree : now
    if (this.next !== undefined && this.tokensAt > at) at = this.tokensAt
    if (this.wakeUpAt <= at) return
    this.wakeUpAt = at
    this.owner.push(at, this.owner.nextId(), this)
  }

  private logFrame(id: Id, frame: Uint8Array, mark: number, cause: Id): number {
    const { log, now } = this.owner
    const at = log.entry(LogEntry.Frame, now, id)
    const { numbers } = log
    numbers[at + Log.Where] = this.where
    numbers[at + Log.Length] = frame.length
    numbers[at + Log.Mark] = mark
    numbers[at + Log.Cause] = cause
    numbers[at + Log.Sent] = NEVER
    numbers[at + Log.Arrives] = NEVER
    numbers[at + Log.Fate] = QUEUED
    numbers[at + Log.FateAt] = NEVER
    numbers[at + Log.Corruption] = 0
    numbers[at + Log.Duplicate] = 0
    log.addFrame(frame)
    return at
  }

  /** The frame whose log entry this is never leaves. */
  private end(at: number, fate: Fate, now: Nanos): void {
    const { numbers } = this.owner.log
    numbers[at + Log.Fate] = FATE_NUMBER[fate]
    numbers[at + Log.FateAt] = now
  }

  /** Puts a frame on the line now. `at` is the log entry that tells so. */
  private send(frame: Uint8Array, id: Id, at: number): void {
    const { settings, owner, lineRate } = this
    const { numbers } = owner.log
    const sent = owner.now
    const out = lineRate === 0 ? sent : sent + serializationTime(frame.length + settings.overhead, lineRate)
    this.lineFree = out
    this.framesSent++
    if (!this.passes) this.payTokens(frame)
    if (this.impaired || this.corruptOnSending.size > 0) {
      this.sendAcross(frame, id, at, out)
      return
    }
    const arrives = out + settings.delay
    numbers[at + Log.Sent] = sent
    numbers[at + Log.Arrives] = arrives
    numbers[at + Log.Fate] = IN_FLIGHT
    numbers[at + Log.FateAt] = NEVER
    numbers[at + Log.Corruption] = 0
    this.carrier.carry(frame, arrives, id, 0, true)
  }

  private payTokens(frame: Uint8Array): void {
    const { rate, bucket, overhead } = this.settings
    if (bucket > 0 && rate > 0) this.bucket.take(frame.length + overhead, rate, this.owner.now)
  }

  /** The way of a frame to which something may happen. */
  private sendAcross(frame: Uint8Array, id: Id, at: number, out: Nanos): void {
    const { owner, settings } = this
    const { log } = owner
    const sent = owner.now
    const impairments = (this.impairments ??= new Impairments(settings, this.inspector, (purpose) => this.random(purpose)))
    impairments.befall(frame, this.framesSent, out)
    const { arrives, loss, copied } = impairments
    let { corruption } = impairments
    if (this.corruptOnSending.size > 0) {
      corruption = this.corruptOnSending.get(id) ?? corruption
      this.corruptOnSending.delete(id)
    }
    const detected = !settings.corruptUndetected
    let fate = IN_FLIGHT
    let fateAt = NEVER
    if (loss !== undefined) {
      corruption = 0
      fate = FATE_NUMBER[loss]
      fateAt = sent + Math.floor((arrives - sent) / 2)
    } else if (corruption > 0 && detected) {
      fate = FATE_NUMBER['bad-fcs']
      fateAt = arrives
    }
    const { numbers } = log
    numbers[at + Log.Sent] = sent
    numbers[at + Log.Arrives] = arrives
    numbers[at + Log.Fate] = fate
    numbers[at + Log.FateAt] = fateAt
    numbers[at + Log.Corruption] = corruption
    if (loss === undefined) this.carrier.carry(frame, arrives, id, corruption, detected)
    if (copied) this.sendCopy(frame, id, arrives)
  }

  private sendCopy(frame: Uint8Array, original: Id, arrives: Nanos): void {
    const { owner } = this
    const copy = owner.nextId()
    const at = this.logFrame(copy, frame, 0, original)
    const { numbers } = owner.log
    numbers[at + Log.Sent] = owner.now
    numbers[at + Log.Arrives] = arrives
    numbers[at + Log.Fate] = IN_FLIGHT
    numbers[at + Log.Duplicate] = 1
    this.carrier.carry(frame, arrives, copy, 0, true)
  }
}
