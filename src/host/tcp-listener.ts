import { SocketError, type Blocking, type SocketAddress, type TcpListener, type Wait } from './socket.ts'
import { SECOND, type Nanos } from '../kernel/time.ts'
import { WaitQueue } from './tasks.ts'
import type { TcpEndpoint } from './tcp-endpoint.ts'

/** Backlog when an application names none: Linux's somaxconn before version 5.4. */
export const DEFAULT_BACKLOG = 128

/** How long a reset of a connection in the making is remembered (RFC 7413 section 5.1, and Linux). */
const RESET_MEMORY: Nanos = 60 * SECOND

/** By which accepted connections go to their application. */
export interface AcceptDoor {
  /** What to wait for before another connection can be accepted; undefined: nothing stands against it. */
  readonly obstacle: Wait | undefined
  /** A connection has been accepted. @returns whether the application can have it */
  accepted(endpoint: TcpEndpoint): boolean
  /** Nobody listens any more. */
  closed(listener: TcpListener): void
}

/**
 * A listening port with its two queues, as in Linux. The *SYN queue* holds connections whose handshake is not finished, at most
 * `backlog` of them; the *accept queue* holds those that wait for `accept`, at most `backlog + 1`, for Linux compares with "greater".
 *
 * A SYN that finds either queue full is dropped; the client sends it again after a second. The last segment of a handshake that
 * finds the accept queue full is dropped, too: the client takes itself for connected, while this side still waits and
 * sends its SYN-ACK again. With SYN cookies a full SYN queue is no obstacle. When it is more than half full, SYN-ACKs are sent again less often,
 * so that it empties sooner. Deviates from Linux in one point: without cookies it keeps the last quarter of the queue for peers that it
 * has known before.
 */
export class TcpBacklog implements TcpListener {
  private readonly synQueue = new Set<TcpEndpoint>()
  private readonly acceptQueue: TcpEndpoint[] = []
  private readonly changed = new WaitQueue()
  private isClosed = false
  /** Connections whose data was taken with their SYN, and whose handshake may still be going on. */
  private readonly openedFast = new Set<TcpEndpoint>()
  /** Until when those of them that were reset count nevertheless, earliest first. */
  private readonly resetFast: Nanos[] = []
  /** When the SYN queue was last found full; an acknowledgment long after that can bring no cookie. */
  overflowedAt: Nanos = -Infinity

  /**
   * @param backlog at least 1
   * @param fastOpen whether data in a SYN is welcome (RFC 7413)
   * @param door told of each socket before `accept` returns it
   * @param onClose told once
   */
  constructor(
    readonly local: SocketAddress,
    readonly backlog: number,
    readonly fastOpen: boolean,
    private readonly door: AcceptDoor,
    private readonly onClose: (listener: TcpBacklog) => void,
  ) {}

  get synQueueFull(): boolean {
    return this.synQueue.size >= this.backlog
  }

  get synQueueLength(): number {
    return this.synQueue.size
  }

  get acceptQueueLength(): number {
    return this.acceptQueue.length
  }

  get acceptQueueFull(): boolean {
    return this.acceptQueue.length > this.backlog
  }

  /** A SYN came. */
  begin(endpoint: TcpEndpoint): void {
    this.synQueue.add(endpoint)
  }

  /** A handshake is done. */
  established(endpoint: TcpEndpoint): void {
    if (!this.synQueue.delete(endpoint)) return
    this.acceptQueue.push(endpoint)
    this.changed.wake()
  }

  /**
   * Whether one more connection may be opened by the data of its SYN: not too many whose handshake never ends, nor those that were reset
   * within a minute, since somebody may have used another's address (RFC 7413 section 5.1).
   */
  mayOpenFast(limit: number, now: Nanos): boolean {
    for (const endpoint of this.openedFast) if (endpoint.machine.state !== 'SYN-RECEIVED') this.openedFast.delete(endpoint)
    while (this.resetFast.length > 0 && this.resetFast[0] <= now) this.resetFast.shift()
    return this.openedFast.size + this.resetFast.length < limit
  }

  /** A connection was opened by the data of its SYN. */
  openingFast(endpoint: TcpEndpoint): void {
    this.openedFast.add(endpoint)
  }

  /**
   * How often a SYN-ACK is sent again now: less often while the queue is more than half full of old ones, at least twice, as by Linux.
   * @param most what the configuration says
   */
  synAckRetries(most: number): number {
    const { size } = this.synQueue
    if (size * 2 <= Math.max(8, this.backlog)) return most
    let young = 0
    for (const { machine } of this.synQueue) if (machine.block.synRetransmissions === 0) young++
    let retries = most
    for (young *= 2; retries > 2 && size >= young; young *= 2) retries--
    return retries
  }

  /** A connection is CLOSED. One in the accept queue stays there: `accept` gives it out, and its first use tells. */
  gone(endpoint: TcpEndpoint): void {
    this.synQueue.delete(endpoint)
  }

  /** A connection opened by the data of its SYN is CLOSED. */
  goneFast(endpoint: TcpEndpoint, now: Nanos): void {
    if (this.openedFast.delete(endpoint) && endpoint.machine.block.wasReset) this.resetFast.push(now + RESET_MEMORY)
  }

  *accept(): Blocking<TcpEndpoint> {
    for (;;) {
      if (this.isClosed) throw new SocketError('ECONNABORTED', 'the listener is closed')
      const endpoint = this.acceptNow()
      if (endpoint !== undefined) return endpoint
      yield this.acceptQueue.length === 0 ? this.changed : (this.door.obstacle ?? this.changed)
    }
  }

  acceptNow(): TcpEndpoint | undefined {
    while (!this.isClosed && this.acceptQueue.length > 0 && this.door.obstacle === undefined) {
      const endpoint = this.acceptQueue.shift()
      if (endpoint !== undefined && this.door.accepted(endpoint)) return endpoint
    }
    return undefined
  }

  /** Half-open connections are forgotten; those that nobody has accepted are reset, as by Linux. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.onClose(this)
    this.door.closed(this)
    for (const endpoint of [...this.synQueue]) endpoint.discard()
    for (const endpoint of this.acceptQueue.splice(0)) endpoint.reset()
    this.changed.wake()
  }
}
