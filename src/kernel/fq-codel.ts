import { Codel } from './codel.ts'
import { FrameRing } from './frame-ring.ts'
import type { Fate } from './link.ts'
import type { Id } from './machine.ts'
import { hasRoom, type QueueDiscipline, type QueueOwner } from './queue-discipline.ts'
import type { Nanos } from './time.ts'

/*
 * Required reading: RFC 8290, above all section 4; Shreedhar and Varghese, "Efficient fair queuing using deficit round-robin", 1996.
 *
 * Flows are hashed to queues, each under a CoDel of its own. The line goes round the queues, and gives each a quantum of bytes in turn.
 * A queue that was empty joins a list of new ones, which comes first, once: a flow that sends now and then never waits behind those
 * that fill the line.
 */

/** Where a flow's queue stands. */
type Place = 'idle' | 'new' | 'old'

class Flow {
  readonly waiting = new FrameRing()
  readonly codel: Codel
  place: Place = 'idle'
  /** Bytes that it may still send in this round; it may overdraw by less than a frame. */
  credits = 0
  /** The next in the same list. */
  next: Flow | undefined

  constructor(owner: QueueOwner) {
    this.codel = new Codel(owner)
  }
}

/** Flows in a row; those new and those old each have one. */
class FlowList {
  first: Flow | undefined
  private last: Flow | undefined

  constructor(private readonly place: Place) {}

  append(flow: Flow): void {
    flow.place = this.place
    flow.next = undefined
    if (this.last === undefined) this.first = flow
    else this.last.next = flow
    this.last = flow
  }

  shift(): void {
    const { first } = this
    if (first === undefined) return
    this.first = first.next
    if (this.first === undefined) this.last = undefined
    first.next = undefined
    first.place = 'idle'
  }
}

export class FqCodel implements QueueDiscipline {
  count = 0
  bytes = 0
  frame: Uint8Array = NONE
  id: Id = 0
  /** By hash; made when first used. */
  private readonly flows: (Flow | undefined)[] = []
  private readonly fresh = new FlowList('new')
  private readonly old = new FlowList('old')
  /** Makes which flows collide a matter of the seed (RFC 8290 section 5.3). */
  private readonly perturbation: number

  constructor(private readonly owner: QueueOwner) {
    this.perturbation = owner.random('fq-codel').uint32()
  }

  enqueue(frame: Uint8Array, id: Id, now: Nanos, free: boolean): Fate | undefined {
    this.adopt(frame, id, now)
    if (free) return undefined
    const { settings } = this.owner
    while (this.count > 0 && !hasRoom(this.count - 1, this.bytes, 0, settings)) {
      // RFC 8290 section 4.1: the head of the largest queue goes; that may be the frame that has just come.
      const largest = this.largest()
      const head = largest.waiting.id
      this.count--
      this.bytes -= largest.waiting.frame.length
      largest.waiting.shift()
      if (head === id) return 'pushed-out'
      this.owner.dropped(head, 'pushed-out')
    }
    return undefined
  }

  adopt(frame: Uint8Array, id: Id, time: Nanos): void {
    const flow = this.flowOf(frame)
    flow.codel.seen(frame.length)
    flow.waiting.push(frame, id, time)
    this.count++
    this.bytes += frame.length
    if (flow.place !== 'idle') return
    flow.credits = this.owner.settings.fqQuantum
    this.fresh.append(flow)
  }

  dequeue(now: Nanos): boolean {
    const { fresh, old } = this
    for (;;) {
      const flow = fresh.first ?? old.first
      if (flow === undefined) return false
      const list = flow.place === 'new' ? fresh : old
      // RFC 8290 section 4.2 says "negative", and means by it a whole quantum sent: at 0 that is so.
      if (flow.credits <= 0) {
        flow.credits += this.owner.settings.fqQuantum
        list.shift()
        old.append(flow)
        continue
      }
      const [frames, bytes] = [flow.waiting.count, flow.waiting.bytes]
      const found = flow.codel.dequeue(flow.waiting, now)
      this.count -= frames - flow.waiting.count
      this.bytes -= bytes - flow.waiting.bytes
      if (!found) {
        list.shift()
        // A new queue that has run empty has to wait for a round, or two flows could take turns and starve the old ones.
        if (list === fresh) old.append(flow)
        continue
      }
      this.frame = flow.codel.frame
      this.id = flow.codel.id
      flow.credits -= this.frame.length
      return true
    }
  }

  has(id: Id): boolean {
    return this.active().some(({ waiting }) => waiting.has(id))
  }

  remove(id: Id): boolean {
    for (const { waiting } of this.active()) {
      const { bytes } = waiting
      if (!waiting.remove(id)) continue
      this.count--
      this.bytes -= bytes - waiting.bytes
      return true
    }
    return false
  }

  forEach(visit: (frame: Uint8Array, id: Id, time: Nanos) => void): void {
    for (const { waiting } of this.active()) waiting.forEach(visit)
  }

  clear(): void {
    for (const { waiting } of this.active()) waiting.clear()
    this.count = 0
    this.bytes = 0
  }

  private flowOf(frame: Uint8Array): Flow {
    const { inspector, settings } = this.owner
    const hash = Math.imul(inspector.flow(frame) ^ this.perturbation, 0x9e3779b1) >>> 0
    const index = Math.floor((hash / 2 ** 32) * settings.fqFlows)
    return (this.flows[index] ??= new Flow(this.owner))
  }

  /** The queue with the most bytes; of several, the one whose turn comes first. */
  private largest(): Flow {
    return this.active().reduce((largest, flow) => (flow.waiting.bytes > largest.waiting.bytes ? flow : largest))
  }

  private active(): Flow[] {
    const flows: Flow[] = []
    for (let flow = this.fresh.first; flow !== undefined; flow = flow.next) flows.push(flow)
    for (let flow = this.old.first; flow !== undefined; flow = flow.next) flows.push(flow)
    return flows
  }
}

const NONE = new Uint8Array(0)
