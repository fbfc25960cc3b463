import { NO_ID, type CrowdEnvironment, type Id } from '../kernel/machine.ts'
import type { Happening } from '../kernel/happening.ts'
import { serializationTime, type Nanos } from '../kernel/time.ts'
import { memberName } from '../scenario/member-name.ts'
import type { ResolvedAccess } from '../scenario/resolved.ts'

/** Who is at both ends of the lines. */
export interface AccessEnds {
  /** Changes with every power-on and power-off of a member. */
  lifeOf(member: number): number
  /** A frame has come to a member at the end of its line. */
  deliver(member: number, frame: Uint8Array, id: Id, isAddressed: boolean): void
}

const EMPTY = new Uint8Array(0)

/** A frame on a member's line. Pooled. */
class Passage implements Happening {
  readonly cancelled = false
  frame: Uint8Array = EMPTY
  member = 0
  /** A frame from the link: its id. A frame to it: what led to it. */
  id: Id = NO_ID
  isIncoming = false
  /** Of a frame from the link: whether it is for this member alone. */
  isAddressed = false
  mark = 0
  /** Of a frame to the link: in which life of the member it was handed over, and when its last bit left. */
  life = 0
  left: Nanos = 0
  constructor(private readonly lines: AccessLines) {}
  fire(): void {
    this.lines.end(this)
  }
}

/**
 * The line of each member of a crowd, in front of the link that all share: a rate each way, and a delay. A frame costs one event; what
 * waits for the line is known by when the line is free, and is never lost for want of room. When the power of a member goes, what has
 * not left it yet is lost, and was never on a link.
 *
 * The trace knows the link only: a frame to the link is in it once it gets there, a frame from the link has arrived when it leaves that.
 */
export class AccessLines {
  private rate: number
  /** By member: when its line is free, towards the link and away from it. */
  private readonly upFree: Float64Array
  private readonly downFree: Float64Array
  private readonly delays: Float64Array
  /** By member: when its power last went. */
  private readonly offAt: Float64Array
  private readonly spare: Passage[] = []
  private readonly held: Passage[] = []

  constructor(
    private readonly environment: CrowdEnvironment,
    private readonly ends: AccessEnds,
    private readonly size: number,
    access: ResolvedAccess,
  ) {
    this.rate = access.rate
    this.upFree = new Float64Array(size)
    this.downFree = new Float64Array(size)
    this.delays = new Float64Array(size)
    this.offAt = new Float64Array(size).fill(-1)
    this.setDelay(...access.delay)
  }

  /** Bits per second each way; 0: unlimited. For frames to come. */
  setRate(rate: number): void {
    this.rate = rate
  }

  /** Gives each member its own delay between two, the same ones whenever they are the same two. For frames to come. */
  setDelay(least: Nanos, most: Nanos): void {
    const { delays, environment } = this
    if (least === most) {
      delays.fill(least)
      return
    }
    for (let member = 0; member < this.size; member++) {
      const drawn = environment.randomOf(memberName({ host: environment.name, member }), 'access-delay').next()
      delays[member] = least + Math.floor(drawn * (most - least + 1))
    }
  }

  /** Bytes that a member has handed over and that have not left it. */
  queuedBytes(member: number): number {
    const waits = this.upFree[member] - this.environment.now
    return waits > 0 ? Math.floor((waits * this.rate) / 8e9) : 0
  }

  /** The power of a member goes: what it has not sent is lost, and its line is free. */
  powerOff(member: number): void {
    this.offAt[member] = this.environment.now
    this.upFree[member] = 0
  }

  /** Sends a frame from a member to the link. */
  sendUp(member: number, frame: Uint8Array, mark: number): void {
    const passage = this.passage(member, frame, this.environment.cause)
    passage.isIncoming = false
    passage.mark = mark
    passage.life = this.ends.lifeOf(member)
    passage.left = this.occupy(this.upFree, member, frame.length)
    this.environment.push(passage.left + this.delays[member], this.environment.nextId(), passage)
  }

  /** Sends a frame that has come over the link on to a member. */
  sendDown(member: number, frame: Uint8Array, id: Id, isAddressed: boolean): void {
    const passage = this.passage(member, frame, id)
    passage.isIncoming = true
    passage.isAddressed = isAddressed
    const left = this.occupy(this.downFree, member, frame.length)
    this.environment.push(left + this.delays[member], this.environment.nextId(), passage)
  }

  /** A frame has come to the end of a line. */
  end(passage: Passage): void {
    if (!passage.isIncoming || !this.environment.isPaused) this.handOver(passage)
    else if (this.held.push(passage) === 1) this.environment.hold(this.whenResumed)
  }

  private handOver(passage: Passage): void {
    const { environment } = this
    const { member, frame, id } = passage
    passage.frame = EMPTY
    this.spare.push(passage)
    environment.cause = id
    if (passage.isIncoming) {
      this.ends.deliver(member, frame, id, passage.isAddressed)
    } else {
      const isCutOff = passage.life !== this.ends.lifeOf(member) && this.offAt[member] < passage.left
      if (!isCutOff) environment.transmit(0, frame, passage.mark)
    }
  }

  private readonly whenResumed: Happening = {
    cancelled: false,
    fire: () => {
      this.release()
    },
  }

  /** Brings frames to members, on or off, that came to the end of a line while the whole crowd was paused. */
  release(): void {
    for (const passage of this.held.splice(0)) this.handOver(passage)
  }

  private passage(member: number, frame: Uint8Array, id: Id): Passage {
    const passage = this.spare.pop() ?? new Passage(this)
    passage.member = member
    passage.frame = frame
    passage.id = id
    return passage
  }

  /** Puts a frame on the line as soon as that is free. Returns when its last bit has left. */
  private occupy(free: Float64Array, member: number, length: number): Nanos {
    const { now } = this.environment
    if (this.rate === 0) return now
    const left = Math.max(now, free[member]) + serializationTime(length, this.rate)
    free[member] = left
    return left
  }
}
