import { FATES, type Fate, type LinkSettings } from './link.ts'
import type { Id } from './machine.ts'
import { randomStream, type Random } from './random.ts'
import { NEVER, serializationTime, type Nanos } from './time.ts'
import { Log, LogEntry, type TraceLog } from './trace-log.ts'
import type { Happening } from './event-queue.ts'

/** Numbers of fates, as the trace's binary form has them. */
export const FATE_NUMBER = Object.fromEntries(FATES.map((fate, index) => [fate, index])) as Record<Fate, number>

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
  nextId(): Id
  push(time: Nanos, id: Id, happening: Happening): void
}

/** Byte offset and XOR mask of a corruption, as one number. The mask is never 0, so one byte always differs. */
export function corruptionOf(offset: number, mask: number): number {
  return 1 + offset * 256 + mask
}

/** A copy of a frame as a corruption leaves it. */
export function corrupted(frame: Uint8Array, corruption: number): Uint8Array {
  const copy = frame.slice()
  const offset = Math.floor((corruption - 1) / 256)
  copy[offset] = copy[offset] ^ ((corruption - 1) % 256)
  return copy
}

/**
 * The sending side of one direction of a link: its queue, its line, and all that befalls frames on the way. Every impairment draws
 * from a stream of its own, so that switching one on does not reshuffle another.
 */
export class Egress implements Happening {
  readonly cancelled = false
  readonly settings: LinkSettings
  private readonly waiting: Uint8Array[] = []
  private readonly waitingIds: Id[] = []
  /** First in use of the two arrays above. */
  private head = 0
  private bytesWaiting = 0
  /** When the line is free again. */
  private lineFree: Nanos = 0
  /** When `fire` will be called next, or `NEVER`. */
  private wakeUpAt: Nanos = NEVER
  /** Frames that have left, for `lossList`. */
  private framesSent = 0
  /** When the last frame arrives that was sent with these settings and not held back by `reorder`: jitter lets none overtake it. */
  private lastArrival: Nanos = 0
  private readonly lossDraw: Random
  private readonly corruptDraw: Random
  private readonly duplicateDraw: Random
  private readonly reorderDraw: Random
  private readonly jitterDraw: Random

  constructor(
    private readonly owner: EgressOwner,
    private readonly where: number,
    settings: LinkSettings,
    private readonly carrier: Carrier,
    seed: number,
    label: string,
  ) {
    this.settings = { ...settings }
    this.lossDraw = randomStream(seed, `${label}/loss`)
    this.corruptDraw = randomStream(seed, `${label}/corrupt`)
    this.duplicateDraw = randomStream(seed, `${label}/duplicate`)
    this.reorderDraw = randomStream(seed, `${label}/reorder`)
    this.jitterDraw = randomStream(seed, `${label}/jitter`)
  }

  get queuedBytes(): number {
    return this.bytesWaiting
  }

  /**
   * Changes some settings; frames that have left are not touched. A frame that leaves under a shorter delay overtakes those before it:
   * the delay that was set before is gone at once.
   */
  change(settings: Partial<LinkSettings>): void {
    const before = this.settings
    const { delay, jitter, up } = before
    Object.assign(before, settings)
    if (before.delay !== delay || before.jitter !== jitter) this.lastArrival = 0
    if (up && !before.up) this.flush('link-down')
  }

  /** Hands over a frame; what becomes of it is written to the log. */
  enqueue(frame: Uint8Array, mark: number, cause: Id): Id {
    const { owner } = this
    const { now, log } = owner
    const id = owner.nextId()
    const at = this.logFrame(id, frame, mark, cause)
    const { numbers } = log
    if (!this.settings.up) {
      numbers[at + Log.Fate] = FATE_NUMBER['link-down']
      numbers[at + Log.FateAt] = now
      return id
    }
    if (this.lineFree <= now && this.head === this.waiting.length) {
      this.send(frame, id, at)
      return id
    }
    if (
      this.waiting.length - this.head >= this.settings.queueFrames ||
      this.bytesWaiting + frame.length > this.settings.queueBytes
    ) {
      numbers[at + Log.Fate] = FATE_NUMBER['queue-full']
      numbers[at + Log.FateAt] = now
      return id
    }
    this.waiting.push(frame)
    this.waitingIds.push(id)
    this.bytesWaiting += frame.length
    this.wakeUp()
    return id
  }

  /** The line may be free: sends what waits. */
  fire(): void {
    const { owner } = this
    // A wake-up from before a cut may come too early; the one that is waited for comes all the same.
    if (this.wakeUpAt <= owner.now) this.wakeUpAt = NEVER
    while (this.head < this.waiting.length && this.lineFree <= owner.now) {
      const frame = this.waiting[this.head]
      const id = this.waitingIds[this.head]
      this.head++
      this.bytesWaiting -= frame.length
      if (this.head > 64 && this.head * 2 > this.waiting.length) this.compact()
      const at = owner.log.entry(LogEntry.Sent, owner.now, id)
      owner.log.numbers[at + Log.Where] = this.where
      this.send(frame, id, at)
    }
    if (this.head === this.waiting.length) this.compact()
    else this.wakeUp()
  }

  /** Takes a waiting frame out of the queue, for good. Returns whether it was there. */
  drop(id: Id): boolean {
    const index = this.waitingIds.indexOf(id, this.head)
    if (index < 0) return false
    this.bytesWaiting -= this.waiting[index].length
    this.waiting.splice(index, 1)
    this.waitingIds.splice(index, 1)
    this.corruptOnSending.delete(id)
    return true
  }

  /** Changes bits of a waiting frame before it leaves; it then travels as corrupted. Returns whether it was there. */
  corrupt(id: Id, corruption: number): boolean {
    if (this.waitingIds.indexOf(id, this.head) < 0) return false
    this.corruptOnSending.set(id, corruption)
    return true
  }
  private readonly corruptOnSending = new Map<Id, number>()

  /** The cable was cut, or the host lost power: what waits is gone. A cable that is plugged in again is empty. */
  flush(fate: 'link-down' | 'host-down'): void {
    const { now, log } = this.owner
    for (let i = this.head; i < this.waitingIds.length; i++) {
      const id = this.waitingIds[i]
      log.fate(now, id, FATE_NUMBER[fate], now)
    }
    this.head = this.waiting.length
    this.bytesWaiting = 0
    this.corruptOnSending.clear()
    this.compact()
    if (fate === 'link-down') {
      this.lineFree = now
      this.lastArrival = 0
    }
  }

  private compact(): void {
    this.waiting.splice(0, this.head)
    this.waitingIds.splice(0, this.head)
    this.head = 0
  }

  private wakeUp(): void {
    if (this.wakeUpAt <= this.lineFree) return
    this.wakeUpAt = Math.max(this.lineFree, this.owner.now)
    this.owner.push(this.wakeUpAt, this.owner.nextId(), this)
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
    numbers[at + Log.Fate] = FATE_NUMBER.queued
    numbers[at + Log.FateAt] = NEVER
    numbers[at + Log.Corruption] = 0
    numbers[at + Log.Duplicate] = 0
    log.frames.push(frame)
    return at
  }

  /** Puts a frame on the line now. `at` is the log entry that tells so. */
  private send(frame: Uint8Array, id: Id, at: number): void {
    const { settings, owner } = this
    const { log } = owner
    const sent = owner.now
    const onLine = settings.rate === 0 ? 0 : serializationTime(frame.length, settings.rate)
    this.lineFree = sent + onLine
    this.framesSent++

    let arrives = this.lineFree + settings.delay
    if (settings.jitter > 0) {
      arrives += Math.floor(this.jitterDraw.next() * (settings.jitter + 1))
      if (arrives < this.lastArrival) arrives = this.lastArrival
    }
    if (settings.reorder > 0 && this.reorderDraw.next() < settings.reorder) arrives += settings.reorderBy
    else this.lastArrival = arrives

    const lost = settings.loss > 0 && this.lossDraw.next() < settings.loss
    const listed = settings.lossList.length > 0 && settings.lossList.includes(this.framesSent)
    let corruption = 0
    if (settings.corrupt > 0 && this.corruptDraw.next() < settings.corrupt) {
      corruption = corruptionOf(this.corruptDraw.below(frame.length), 1 + this.corruptDraw.below(255))
    }
    if (this.corruptOnSending.size > 0) {
      corruption = this.corruptOnSending.get(id) ?? corruption
      this.corruptOnSending.delete(id)
    }

    let fate = FATE_NUMBER['in-flight']
    let fateAt = NEVER
    if (lost || listed) {
      corruption = 0
      fate = FATE_NUMBER[listed ? 'listed-loss' : 'random-loss']
      fateAt = sent + Math.floor((arrives - sent) / 2)
    } else if (corruption > 0 && !settings.corruptUndetected) {
      fate = FATE_NUMBER['bad-fcs']
      fateAt = arrives
    }
    const { numbers } = log
    numbers[at + Log.Sent] = sent
    numbers[at + Log.Arrives] = arrives
    numbers[at + Log.Fate] = fate
    numbers[at + Log.FateAt] = fateAt
    numbers[at + Log.Corruption] = corruption

    if (!lost && !listed) this.carrier.carry(frame, arrives, id, corruption, !settings.corruptUndetected)

    if (settings.duplicate > 0 && this.duplicateDraw.next() < settings.duplicate) {
      const copy = owner.nextId()
      const copyAt = this.logFrame(copy, frame, 0, id)
      const copyNumbers = log.numbers
      copyNumbers[copyAt + Log.Sent] = sent
      copyNumbers[copyAt + Log.Arrives] = arrives
      copyNumbers[copyAt + Log.Fate] = FATE_NUMBER['in-flight']
      copyNumbers[copyAt + Log.Duplicate] = 1
      this.carrier.carry(frame, arrives, copy, 0, true)
    }
  }
}
