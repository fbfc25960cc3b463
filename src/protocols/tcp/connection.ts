/**
 * One TCP connection, without IO.
 *
 * Required reading: RFC 9293 (the protocol; section 3.10 is what `arrival.ts` follows step by step), RFC 5681 (congestion control), RFC 6298
 * (the retransmission timer), RFC 7323 (window scale, timestamps), RFC 2018 and RFC 6675 (SACK), RFC 6582 (NewReno), RFC 1122 section 4.2.
 *
 * How it works. A `ControlBlock` holds all that the connection knows; the files around it each act on it for one reason:
 *
 * - `arrival.ts` takes a segment: is it acceptable, is it a RST or a SYN; then hands its acknowledgment to `acknowledgment.ts` and its
 *   text to `reception.ts`. They change the block and set what is *due* (an acknowledgment, a retransmission), but send nothing.
 * - `transmission.ts` makes the next segment out of what is due: first a reset, then a SYN, lost data, new data, a probe, a bare
 *   acknowledgment. So an acknowledgment rides on data whenever there is some.
 * - `timeouts.ts` turns an expired timer into something due. `timers.ts` is the table of them.
 * - `recovery.ts` decides what is lost, over the scoreboard in `sent-segments.ts`; what decides how much may be in flight lives in
 *   `../congestion`, for QUIC has the same. Neither knows the other's algorithm. `new-reno.ts`, `cubic.ts` and `bbr.ts` are the choices,
 *   `slow-start.ts` and `hystart.ts` what the first two share, `delivery-rate.ts` what the third measures; `pacing.ts` spreads what they
 *   allow over time. `ecn.ts`, here, brings marks.
 * - `state.ts` is the table of states. `byte-queue.ts` holds stream bytes by reference, both ways; `reassembly.ts` what came early.
 *
 * Inside, sequence numbers are positions that never wrap; see `control-block.ts`.
 */
import type { Endpoint, Nanos } from '../endpoint.ts'
import { TcpFlag, type TcpSegment } from '../../wire/tcp.ts'
import { arrive, limitFinWait2 } from './arrival.ts'
import { ControlBlock, PendingEvent, type TcpConnectionOptions } from './control-block.ts'
import type { TcpEvent, TcpFailure } from './event.ts'
import type { KeepAlive } from './config.ts'
import { watchSilence } from './keepalive.ts'
import { isProbeLost, narrowPath, updatePath } from './path-mtu.ts'
import { recallSyn } from './handshake.ts'
import { reconsiderWindow } from './receive-window.ts'
import type { TcpState } from './state.ts'
import { expireTimers } from './timeouts.ts'
import { TcpTimer } from './timers.ts'
import { nextSegment, prepareReset } from './transmission.ts'

const CONNECTED: TcpEvent = { type: 'connected' }
const READABLE: TcpEvent = { type: 'readable' }
const WRITABLE: TcpEvent = { type: 'writable' }
const PEER_FINISHED: TcpEvent = { type: 'peer-finished' }

/**
 * Bytes both ways, in order, once. Commands only prepare: after each, as after `handle` and `handleTimeout`, drain `pollTransmit` and
 * `pollEvent` and ask `pollTimeout` anew. Drain after every single segment: acknowledgments that are due do not add up.
 */
export class TcpConnection implements Endpoint<TcpSegment, TcpEvent> {
  /** Everything the connection knows, for instruments and tests to look at. */
  readonly block: ControlBlock

  constructor(options: TcpConnectionOptions) {
    const block = new ControlBlock(options)
    this.block = block
    if (block.config.mtuProbing !== 'off') block.recovery.absolve = () => isProbeLost(block)
  }

  /** State, named as RFC 9293 does. */
  get state(): TcpState {
    return this.block.state
  }

  /** How many bytes `read` can give now. They stay readable after the connection has closed. */
  get readableBytes(): number {
    return this.block.receiveQueue.length
  }

  /** How many bytes are held: not yet acknowledged, not yet read, or ahead of a gap. */
  get bufferedBytes(): number {
    const { sendQueue, receiveQueue, reassembly } = this.block
    return sendQueue.length + receiveQueue.length + reassembly.length
  }

  /** How many bytes wait that were never sent. */
  get unsentBytes(): number {
    const { sendQueue, sndMax, sndUna } = this.block
    // The SYN counts as one, and is in no queue.
    return Math.max(0, sendQueue.length - (sndMax - Math.max(sndUna, 1)))
  }

  /** How many bytes `send` would take now. */
  get writableBytes(): number {
    const { block } = this
    if (block.finQueued || block.closedTold) return 0
    return Math.max(0, block.config.sendBuffer - block.sendQueue.length)
  }

  /** Whether the peer has finished: what is readable now is all that will ever be. */
  get receivedFin(): boolean {
    return this.block.peerFinished
  }

  /** Active open (RFC 9293 section 3.10.1). Throws unless the connection is new. */
  connect(now: Nanos): void {
    const { block } = this
    if (block.state !== 'CLOSED' || block.closedTold) throw new Error(`connect() in state ${block.state}`)
    block.sndNxt = 1
    block.sndMax = 1
    block.synPending = true
    block.synSentAt = now
    block.move('active-open')
  }

  /**
   * Queues bytes to be sent; before the handshake is done too.
   * @param bytes are kept by reference and must not change afterwards
   * @returns how many bytes were taken, from the front; fewer than all when the send buffer is full (a `writable` event will follow), 0
   * when the connection is over
   * @throws Error after `shutdown` or `close`
   */
  send(bytes: Uint8Array): number {
    const { block } = this
    if (block.closedTold) return 0
    if (block.finQueued) throw new Error('send() after shutdown() or close()')
    const taken = Math.min(bytes.length, this.writableBytes)
    if (taken < bytes.length) block.sendBlocked = true
    block.sendQueue.push(taken === bytes.length ? bytes : bytes.subarray(0, taken))
    return taken
  }

  /**
   * Takes received bytes: those that lie together in memory, at most `limit`. May make a window update due.
   * @returns undefined when there are none now; with `receivedFin`, none will come
   */
  read(limit = Number.MAX_SAFE_INTEGER): Uint8Array | undefined {
    const { block } = this
    const bytes = block.receiveQueue.read(limit)
    if (bytes === undefined) return undefined
    switch (block.state) {
      case 'ESTABLISHED':
      case 'FIN-WAIT-1':
      case 'FIN-WAIT-2':
        reconsiderWindow(block)
        break
      default:
    }
    return bytes
  }

  /** Half-close: a FIN after everything that was queued. Receiving goes on. Harmless when repeated. */
  shutdown(now: Nanos): void {
    const { block } = this
    // Deadlines that have passed come before the command.
    expireTimers(block, now)
    if (block.finQueued || block.closedTold) return
    switch (block.state) {
      case 'CLOSED':
        return
      case 'LISTEN':
        block.end('close-send', undefined)
        return
      case 'ESTABLISHED':
      case 'CLOSE-WAIT':
        block.finQueued = true
        block.move('close-send')
        break
      default:
        // Before ESTABLISHED it waits for the handshake, as RFC 9293 section 3.10.4 has it for queued data.
        block.finQueued = true
    }
  }

  /**
   * Ends both halves (RFC 9293 section 3.10.4). What was queued is still sent. Unread bytes, or bytes that come later, turn it into a
   * reset, so that the peer does not take them for read (RFC 1122 section 4.2.2.13, RFC 2525 section 2.17).
   */
  close(now: Nanos): void {
    const { block } = this
    if (block.userClosed) return
    switch (block.state) {
      case 'SYN-SENT':
        block.userClosed = true
        block.end('close-send', undefined)
        return
      case 'ESTABLISHED':
      case 'FIN-WAIT-1':
      case 'FIN-WAIT-2':
      case 'CLOSE-WAIT':
        if (block.receiveQueue.length > 0) {
          this.reset(now, 'closed with unread data', 'RFC 2525 section 2.17')
          return
        }
        break
      default:
    }
    block.userClosed = true
    this.shutdown(now)
    if (block.state === 'FIN-WAIT-2') limitFinWait2(block, now)
  }

  /** Ends the connection at once, with a reset where the peer would not know otherwise (RFC 9293 section 3.10.5). */
  abort(now: Nanos): void {
    this.reset(now, 'aborted by the application', 'RFC 9293 section 3.10.5')
  }

  private reset(now: Nanos, detail: string, cites: string): void {
    const { block } = this
    switch (block.state) {
      case 'CLOSED':
        return
      case 'SYN-RECEIVED':
      case 'ESTABLISHED':
      case 'FIN-WAIT-1':
      case 'FIN-WAIT-2':
      case 'CLOSE-WAIT':
        prepareReset(block, detail, now)
        break
      default:
    }
    block.userClosed = true
    block.end('reset', { code: 'ECONNABORTED', whose: 'local', detail, cites })
  }

  /** Nagle's algorithm off (`true`) or on, for this connection. */
  setNoDelay(on: boolean): void {
    this.block.noDelay = on
  }

  /**
   * Probes of the peer when it is silent, on or off, for this connection (RFC 9293 section 3.8.4).
   * @param how undefined: off
   */
  setKeepAlive(how: KeepAlive | undefined, now: Nanos): void {
    const { block } = this
    block.keepAlive = how
    block.keepAlivePending = false
    if (how === undefined) block.timers.clear(TcpTimer.KEEP_ALIVE)
    else if (block.isSynchronized) watchSilence(block, now)
  }

  /** Whether a sequence number is of something sent and not acknowledged: then who names it can be believed (RFC 5927 section 4.1). */
  isInFlight(seq: number): boolean {
    const { block } = this
    const position = block.ackPosition(seq)
    return block.isSynchronized && block.sent.outstanding > 0 && position >= block.sndUna && position < block.sndMax
  }

  /**
   * A router reports that a segment of this connection was too big (RFC 1191, RFC 8201), and has named one that `isInFlight`.
   * @param mss what fits: the MTU that it tells, less the fixed headers
   */
  handlePacketTooBig(mss: number, now: Nanos): void {
    const { block } = this
    expireTimers(block, now)
    if (block.isSynchronized) narrowPath(block, mss)
  }

  /** What is known of the way to the peer has changed, by another connection or with time. @param mss that fits now, options included */
  setPathMss(mss: number): void {
    const { block } = this
    if (block.isSynchronized) updatePath(block, mss)
  }

  /**
   * An ICMP destination unreachable came for a segment of this connection (RFC 1122 section 4.2.3.9). In the handshake it ends the
   * attempt; later it is only remembered, for a forged one would do the same (RFC 5461 section 2.2).
   * @param code of the ICMP message, RFC 792
   */
  handleUnreachable(code: number, now: Nanos): void {
    const { block } = this
    expireTimers(block, now)
    if (block.closedTold || code === FRAGMENTATION_NEEDED) return
    const failure = unreachable(code)
    const connecting = block.state === 'SYN-SENT' || (block.state === 'SYN-RECEIVED' && !block.passive)
    if (connecting && (isHard(code) || block.config.unreachableEndsConnect)) {
      block.end('give-up', failure)
    } else {
      block.unreachable = failure
    }
  }

  /**
   * Whether a SYN may open a new connection in place of this one, which is in TIME-WAIT: its timestamp or its sequence number shows that
   * it is no old duplicate (RFC 9293 section 3.10.7.4, RFC 6191 section 2).
   */
  canBeReplacedBy(segment: TcpSegment): boolean {
    const { block } = this
    if (block.state !== 'TIME-WAIT') return false
    if ((segment.flags & (TcpFlag.SYN | TcpFlag.ACK | TcpFlag.RST)) !== TcpFlag.SYN) return false
    if (block.timestamps && segment.hasTimestamp && segment.tsVal !== block.tsRecent) {
      return ((segment.tsVal - block.tsRecent) | 0) > 0
    }
    return block.receivePosition(segment.seq) > block.rcvNxt
  }

  /**
   * For a listener, before it is given a SYN with the Fast Open option (RFC 7413 section 4.2.2).
   * @param takesData whether the cookie is right and data in the SYN is welcome
   * @param cookie that the peer is to use from now on
   */
  grantFastOpen(takesData: boolean, cookie: Uint8Array | undefined): void {
    this.block.takesSynData = takesData
    this.block.grantedCookie = cookie
  }

  /**
   * For a listener that has answered a SYN with a cookie and forgotten it: goes to SYN-RECEIVED as if it had kept the SYN. The
   * acknowledgment that brought the cookie back is to be handled next.
   * @param syn what the cookie tells of it
   */
  recallSyn(syn: TcpSegment, now: Nanos): void {
    recallSyn(this.block, syn, now)
  }

  handle(segment: TcpSegment, now: Nanos): void {
    arrive(this.block, segment, now)
  }

  /** The next segment, in an object that is reused: it is good until the next call. In CLOSED a last reset may be waiting. */
  pollTransmit(now: Nanos): TcpSegment | undefined {
    return nextSegment(this.block, now)
  }

  pollTimeout(): Nanos | undefined {
    const earliest = this.block.timers.earliest()
    return earliest === Infinity ? undefined : earliest
  }

  handleTimeout(now: Nanos): void {
    expireTimers(this.block, now)
  }

  pollEvent(): TcpEvent | undefined {
    const { block } = this
    const { pendingEvents } = block
    if (pendingEvents === 0) return undefined
    const lowest = pendingEvents & -pendingEvents
    block.pendingEvents = pendingEvents & ~lowest
    switch (lowest) {
      case PendingEvent.CONNECTED:
        return CONNECTED
      case PendingEvent.READABLE:
        return READABLE
      case PendingEvent.WRITABLE:
        return WRITABLE
      case PendingEvent.PEER_FINISHED:
        return PEER_FINISHED
      default:
        return { type: 'closed', error: block.failure }
    }
  }
}

const NETWORK_UNREACHABLE = 0
const HOST_UNREACHABLE = 1
const FRAGMENTATION_NEEDED = 4
const SOURCE_ROUTE_FAILED = 5

/** Codes 0, 1 and 5 may pass (RFC 1122 section 4.2.3.9); the others say that the peer will not have it. */
function isHard(code: number): boolean {
  return code !== NETWORK_UNREACHABLE && code !== HOST_UNREACHABLE && code !== SOURCE_ROUTE_FAILED
}

function unreachable(code: number): TcpFailure {
  const cites = 'RFC 1122 section 4.2.3.9'
  if (code === NETWORK_UNREACHABLE || code === SOURCE_ROUTE_FAILED) {
    return { code: 'ENETUNREACH', whose: 'network', detail: 'no route to the network of the peer', cites }
  }
  if (code === HOST_UNREACHABLE) return { code: 'EHOSTUNREACH', whose: 'network', detail: 'no route to the peer', cites }
  return { code: 'ECONNREFUSED', whose: 'remote', detail: `ICMP destination unreachable, code ${String(code)}`, cites }
}
