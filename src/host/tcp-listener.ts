import { SocketError, type Blocking, type SocketAddress, type TcpListener } from './socket.ts'
import { WaitQueue } from './tasks.ts'
import type { TcpEndpoint } from './tcp-endpoint.ts'

/** Backlog when an application names none: Linux's somaxconn before version 5.4. */
export const DEFAULT_BACKLOG = 128

/**
 * A listening port with its two queues, as in Linux. The *SYN queue* holds connections whose handshake is not finished, at most
 * `backlog` of them; the *accept queue* holds those that wait for `accept`, at most `backlog + 1`, for Linux compares with "greater".
 *
 * A SYN that finds either queue full is dropped; the client sends it again after a second. The last segment of a handshake that
 * finds the accept queue full is dropped, too: the client takes itself for connected, while this side still waits and
 * sends its SYN-ACK again. Linux's SYN cookies, which would relieve a full SYN queue, are not there.
 */
export class TcpBacklog implements TcpListener {
  private readonly synQueue = new Set<TcpEndpoint>()
  private readonly acceptQueue: TcpEndpoint[] = []
  private readonly changed = new WaitQueue()
  private isClosed = false

  /**
   * @param backlog at least 1
   * @param opened told of each socket that `accept` returns
   * @param onClose told once
   */
  constructor(
    readonly local: SocketAddress,
    readonly backlog: number,
    private readonly opened: (endpoint: TcpEndpoint) => void,
    private readonly onClose: (listener: TcpBacklog) => void,
  ) {}

  get synQueueFull(): boolean {
    return this.synQueue.size >= this.backlog
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

  /** A connection is CLOSED. One in the accept queue stays there: `accept` gives it out, and its first use tells. */
  gone(endpoint: TcpEndpoint): void {
    this.synQueue.delete(endpoint)
  }

  *accept(): Blocking<TcpEndpoint> {
    for (;;) {
      if (this.isClosed) throw new SocketError('ECONNABORTED', 'the listener is closed')
      const endpoint = this.acceptQueue.shift()
      if (endpoint !== undefined) {
        this.opened(endpoint)
        return endpoint
      }
      yield this.changed
    }
  }

  /** Half-open connections are forgotten; those that nobody has accepted are reset, as by Linux. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.onClose(this)
    for (const endpoint of [...this.synQueue]) endpoint.discard()
    for (const endpoint of this.acceptQueue.splice(0)) endpoint.reset()
    this.changed.wake()
  }
}
