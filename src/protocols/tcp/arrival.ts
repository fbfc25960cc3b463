/** SEGMENT ARRIVES: RFC 9293 section 3.10.7, by state, in the order of its steps. */
import type { Nanos } from '../endpoint.ts'
import { TcpFlag, TcpSegment } from '../../wire/tcp.ts'
import { challenge, takeAcknowledgment } from './acknowledgment.ts'
import type { ControlBlock } from './control-block.ts'
import type { TcpFailure } from './event.ts'
import { learnFromSynAck, openFast, takeSynDataAck } from './fast-open.ts'
import { noteDuplicate } from './dsack.ts'
import { establish, takeSyn } from './handshake.ts'
import { takeFin, takeText } from './reception.ts'
import { answerStray } from './stray.ts'
import { TcpTimer } from './timers.ts'
import { prepareReset } from './transmission.ts'

/** Timestamps older than this say nothing any more (RFC 7323 section 5.5). */
const TIMESTAMP_LIFETIME: Nanos = 24 * 86_400 * 1_000_000_000

/** Hands a segment to the state that the connection is in. */
export function arrive(block: ControlBlock, segment: TcpSegment, now: Nanos): void {
  switch (block.state) {
    case 'CLOSED':
      answer(block, segment, 'no connection')
      return
    case 'LISTEN':
      arriveInListen(block, segment, now)
      return
    case 'SYN-SENT':
      arriveInSynSent(block, segment, now)
      return
    default:
      arriveSynchronized(block, segment, now)
  }
}

/** Answers a segment that fits no connection with the reset that its sender will accept. */
function answer(block: ControlBlock, segment: TcpSegment, why: string): void {
  const reset = answerStray(segment, new TcpSegment())
  if (reset === undefined) return
  block.reset = reset
  block.record('tcp:reset-sent', { why })
}

/** RFC 9293 section 3.10.7.2. */
function arriveInListen(block: ControlBlock, segment: TcpSegment, now: Nanos): void {
  const { flags } = segment
  if ((flags & TcpFlag.RST) !== 0) return
  if ((flags & TcpFlag.ACK) !== 0) {
    answer(block, segment, 'an ACK came to a listener')
    return
  }
  if ((flags & TcpFlag.SYN) === 0) return
  // Text in a SYN is not taken, and not acknowledged, unless it comes by Fast Open: the peer sends it again when the connection is established.
  takeSyn(block, segment, now)
  block.synPending = true
  block.move('rcv-syn')
  if (block.takesSynData) openFast(block, segment, now)
}

/** RFC 9293 section 3.10.7.3. */
function arriveInSynSent(block: ControlBlock, segment: TcpSegment, now: Nanos): void {
  const { flags } = segment
  const hasAck = (flags & TcpFlag.ACK) !== 0
  const ack = hasAck ? block.ackPosition(segment.ack) : 0
  if (hasAck && (ack < 1 || ack > block.sndMax)) {
    answer(block, segment, 'the ACK is not of our SYN')
    return
  }
  if ((flags & TcpFlag.RST) !== 0) {
    if (!hasAck) return
    block.record('tcp:reset-received', { seq: segment.seq })
    block.end('rcv-rst', {
      code: 'ECONNREFUSED',
      whose: 'remote',
      detail: 'the peer answered the SYN with a reset: nobody listens at that port',
      cites: 'RFC 9293 section 3.10.7.3',
    })
    return
  }
  if ((flags & TcpFlag.SYN) === 0) return
  takeSyn(block, segment, now)
  if (!hasAck) {
    // Simultaneous open.
    block.synPending = true
    block.synRetransmissions = 0
    block.move('rcv-syn')
    return
  }
  block.acknowledgeNow()
  establish(block, segment, 'rcv-syn-ack', now)
  learnFromSynAck(block, segment, now)
  takeSynDataAck(block, ack)
  takeTextAndFin(block, segment, 1, now)
}

/** RFC 9293 section 3.10.7.4: every state from SYN-RECEIVED on. */
function arriveSynchronized(block: ControlBlock, segment: TcpSegment, now: Nanos): void {
  const { flags } = segment
  let position = block.receivePosition(segment.seq)
  let syn = (flags & TcpFlag.SYN) !== 0
  if (syn && position === 0 && block.state === 'SYN-RECEIVED') {
    if ((flags & (TcpFlag.ACK | TcpFlag.RST)) !== TcpFlag.ACK) {
      // The peer's SYN again: our answer was lost.
      if ((flags & TcpFlag.RST) === 0) retransmitSynAck(block)
      return
    }
    // In a simultaneous open the answers cross; what is new in this one stands behind its SYN.
    position = 1
    syn = false
  }

  // First: PAWS (RFC 7323 section 5.3) and the sequence number.
  if (block.timestamps && (flags & TcpFlag.RST) === 0) {
    // RFC 7323 section 3.2: once agreed upon, the option is in every segment.
    if (!segment.hasTimestamp && !syn) return
    if (segment.hasTimestamp && ((segment.tsVal - block.tsRecent) | 0) < 0 && now - block.tsRecentAt < TIMESTAMP_LIFETIME) {
      refuse(block, segment, now)
      return
    }
  }
  // RFC 7323 section 4.3 rule 2, before the segment is judged as in its appendix D: the ACK of one that is here already echoes when this copy
  // left, or the peer would take the time since the first for a round trip. What lies a whole buffer behind is no such copy.
  const { lastAckSent, config } = block
  const isRecent = position <= lastAckSent && position >= lastAckSent - config.receiveBuffer
  if (block.timestamps && segment.hasTimestamp && (flags & TcpFlag.RST) === 0 && isRecent) {
    block.tsRecent = segment.tsVal
    block.tsRecentAt = now
  }
  const length = segment.payload.length + (syn ? 1 : 0) + (flags & TcpFlag.FIN)
  const acceptable = isAcceptable(block, position, length)
  if (!acceptable && !(position === block.rcvNxt && block.rcvAdv === block.rcvNxt)) {
    if ((flags & TcpFlag.RST) === 0) refuse(block, segment, now)
    return
  }

  // Second: RST.
  if ((flags & TcpFlag.RST) !== 0) {
    takeReset(block, segment, position, now)
    return
  }

  // Fourth: SYN. Deviates from RFC 9293 section 3.10.7.4 in SYN-RECEIVED after a passive open, which would be left at once: the challenge
  // draws a reset from a peer that has begun anew, and with it the same end.
  if (syn) {
    if (block.config.challengeAcks) {
      challenge(block, now)
      return
    }
    prepareReset(block, 'a SYN came within the window', now)
    block.end('reset', failure('ECONNRESET', 'remote', 'a SYN came within the window', 'RFC 793 section 3.9'))
    return
  }

  // Fifth: ACK.
  if ((flags & TcpFlag.ACK) === 0) return
  if (block.state === 'SYN-RECEIVED') {
    const ack = block.ackPosition(segment.ack)
    if (ack < 1 || ack > block.sndMax) {
      answer(block, segment, 'the ACK is not of our SYN')
      return
    }
    establish(block, segment, 'rcv-ack-of-syn', now)
  }
  if (!takeAcknowledgment(block, segment, position, now)) return
  if (block.finSent && block.sndUna > block.sendQueue.end) takeAckOfFin(block, now)

  // Sixth: URG. Urgent data stays in the stream, as RFC 6093 section 6 recommends; the pointer is not told to the user, which
  // deviates from RFC 9293 section 3.8.5 (MUST-32).

  // Seventh and eighth: text and FIN.
  if (!acceptable) {
    // A zero window takes acknowledgments only.
    block.acknowledgeNow()
    return
  }
  block.ecn.segmentReceived(segment)
  takeTextAndFin(block, segment, position, now)
}

function failure(code: TcpFailure['code'], whose: TcpFailure['whose'], detail: string, cites: string): TcpFailure {
  return { code, whose, detail, cites }
}

/** The four cases of RFC 9293 section 3.4, table 6. */
function isAcceptable(block: ControlBlock, position: number, length: number): boolean {
  const { rcvNxt, rcvAdv } = block
  if (length === 0) return rcvAdv === rcvNxt ? position === rcvNxt : position >= rcvNxt && position < rcvAdv
  if (rcvAdv === rcvNxt) return false
  return position < rcvAdv && position + length > rcvNxt
}

/** An unacceptable segment is answered with where we are (RFC 9293 section 3.10.7.4), and goes no further. */
function refuse(block: ControlBlock, segment: TcpSegment, now: Nanos): void {
  if (block.state === 'TIME-WAIT' && (segment.flags & TcpFlag.FIN) !== 0) restartTimeWait(block, now)
  const position = block.receivePosition(segment.seq)
  const end = position + segment.payload.length + (segment.flags & TcpFlag.FIN)
  if (position > 0) noteDuplicate(block, position, Math.min(end, block.rcvNxt))
  // Segments with data are no part of a loop of acknowledgments.
  if (segment.payload.length + (segment.flags & TcpFlag.FIN) > 0) block.acknowledgeNow()
  else challenge(block, now)
}

function restartTimeWait(block: ControlBlock, now: Nanos): void {
  block.timers.set(TcpTimer.TIME_WAIT, now + block.config.timeWait)
}

function retransmitSynAck(block: ControlBlock): void {
  if (block.synRetransmissions >= block.config.synAckRetries) return
  block.synRetransmissions++
  block.synPending = true
}

/** RFC 9293 section 3.10.7.4, second step, with RFC 5961 section 3. */
function takeReset(block: ControlBlock, segment: TcpSegment, position: number, now: Nanos): void {
  if (block.config.challengeAcks && position !== block.rcvNxt) {
    challenge(block, now)
    return
  }
  block.record('tcp:reset-received', { seq: segment.seq })
  const { state } = block
  const delivered = (state === 'CLOSING' || state === 'LAST-ACK') && block.sndUna >= block.sendQueue.end
  if (state === 'TIME-WAIT' || delivered) {
    block.end('rcv-rst', undefined)
    return
  }
  const refused = state === 'SYN-RECEIVED' && !block.passive
  const detail = refused ? 'the peer refused the connection' : 'the peer reset the connection'
  block.end('rcv-rst', failure(refused ? 'ECONNREFUSED' : 'ECONNRESET', 'remote', detail, 'RFC 9293 section 3.10.7.4'))
}

function takeAckOfFin(block: ControlBlock, now: Nanos): void {
  switch (block.state) {
    case 'FIN-WAIT-1':
      block.move('rcv-ack-of-fin')
      limitFinWait2(block, now)
      return
    case 'CLOSING':
      block.waitForStragglers('rcv-ack-of-fin', now)
      return
    case 'LAST-ACK':
      block.end('rcv-ack-of-fin', undefined)
      return
    default:
  }
}

/** A fully closed connection does not wait for ever for a FIN that nobody will read anything before. */
export function limitFinWait2(block: ControlBlock, now: Nanos): void {
  const { finWait2Timeout } = block.config
  if (block.userClosed && finWait2Timeout > 0) block.timers.set(TcpTimer.FIN_WAIT_2, now + finWait2Timeout)
}

function takeTextAndFin(block: ControlBlock, segment: TcpSegment, position: number, now: Nanos): void {
  const { payload } = segment
  const fin = (segment.flags & TcpFlag.FIN) !== 0
  switch (block.state) {
    case 'ESTABLISHED':
    case 'FIN-WAIT-1':
    case 'FIN-WAIT-2':
      break
    case 'TIME-WAIT':
      if (fin) restartTimeWait(block, now)
      return
    default:
      // The peer has finished: whatever else it sends is ignored.
      return
  }
  if (payload.length === 0 && !fin) return
  if (block.userClosed && position + payload.length > block.rcvNxt && payload.length > 0) {
    prepareReset(block, 'data came after close', now)
    block.end('reset', failure('ECONNABORTED', 'local', 'data came after close', 'RFC 9293 section 3.6.1'))
    return
  }
  takeText(block, payload, position, fin, now)
  if (!takeFin(block)) return
  if (block.state === 'FIN-WAIT-2') block.waitForStragglers('rcv-fin', now)
  else block.move('rcv-fin')
}
