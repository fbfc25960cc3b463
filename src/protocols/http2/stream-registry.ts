import type { Closing } from './stream-state.ts'
import type { Http2Stream } from './stream.ts'

/** So many closed streams are remembered with how they were closed; the oldest are forgotten. */
const REMEMBERED = 512

/** Largest number of a stream (RFC 9113 section 5.1.1). */
const LARGEST_ID = 2 ** 31 - 1

/** The streams of a connection that are not closed, and what is known of the others. */
export class StreamRegistry {
  /** By number, in the order in which they were begun. */
  readonly open = new Map<number, Http2Stream>()
  /** Highest number that the peer has used; 0: none. */
  lastPeer = 0
  /** Streams that count against the peer's limit, and against ours. */
  activeOurs = 0
  activePeers = 0
  private nextOwn: number
  private readonly closings = new Map<number, Closing>()

  constructor(private readonly isServer: boolean) {
    this.nextOwn = isServer ? 2 : 1
  }

  /** Whether there are numbers left for streams of ours. */
  get hasOwnNumber(): boolean {
    return this.nextOwn <= LARGEST_ID
  }

  takeOwnNumber(): number {
    const id = this.nextOwn
    this.nextOwn += 2
    return id
  }

  /** Whether a stream of this number would be ours to begin. */
  isOurs(id: number): boolean {
    return id % 2 === (this.isServer ? 0 : 1)
  }

  isIdle(id: number): boolean {
    return this.isOurs(id) ? id >= this.nextOwn : id > this.lastPeer
  }

  /** How a stream that is neither open nor idle was closed. */
  closing(id: number): Closing {
    const known = this.closings.get(id)
    if (known !== undefined) return known
    // None of our numbers is left out, so one that is forgotten was used, and may have been reset by us.
    return this.isOurs(id) ? 'reset-by-us' : 'forgotten'
  }

  add(stream: Http2Stream): void {
    this.open.set(stream.id, stream)
    if (!stream.isOurs) this.lastPeer = stream.id
  }

  /** It is open from now on: it counts. */
  activate(stream: Http2Stream): void {
    if (stream.isCounted) return
    stream.isCounted = true
    if (stream.isOurs) this.activeOurs++
    else this.activePeers++
  }

  remove(stream: Http2Stream, closing: Closing): void {
    stream.state = 'closed'
    this.open.delete(stream.id)
    if (stream.isCounted) {
      stream.isCounted = false
      if (stream.isOurs) this.activeOurs--
      else this.activePeers--
    }
    this.remember(stream.id, closing)
  }

  /** Notes how a stream was closed that may never have been open. */
  remember(id: number, closing: Closing): void {
    this.closings.delete(id)
    this.closings.set(id, closing)
    if (this.closings.size <= REMEMBERED) return
    for (const oldest of this.closings.keys()) {
      this.closings.delete(oldest)
      return
    }
  }

  /** Numbers of the streams that are not closed, ascending. */
  get numbers(): number[] {
    return [...this.open.keys()].sort((a, b) => a - b)
  }
}
