/** What to send next, and the segments themselves. */
import type { Pacer } from '../congestion/pacing.ts'
import type { Nanos } from '../endpoint.ts'
import { TcpFlag, TcpSegment } from '../../wire/tcp.ts'
import type { ControlBlock } from './control-block.ts'
import { fillSyn } from './fast-open.ts'
import { reportDuplicate } from './dsack.ts'
import { scheduleProbe } from './loss-detection.ts'
import { offerInitialWindow, offerWindow } from './receive-window.ts'
import { probeLength, probeSent } from './path-mtu.ts'
import { SentFlag } from './sent-segments.ts'
import { TcpTimer } from './timers.ts'

/** The segment that is sent next, of whatever connection: who asks for it makes bytes of it before he asks for another. */
const out = new TcpSegment()

/** The next segment to send, in one reused object; undefined when nothing may be sent now. */
export function nextSegment(block: ControlBlock, now: Nanos): TcpSegment | undefined {
  if (block.reset !== undefined) {
    const { reset } = block
    block.reset = undefined
    return reset
  }
  if (block.synPending) return synSegment(block, now)
  switch (block.state) {
    case 'ESTABLISHED':
    case 'CLOSE-WAIT':
    case 'FIN-WAIT-1':
    case 'CLOSING':
    case 'LAST-ACK':
      return dataSegment(block, now) ?? bareSegment(block, now)
    case 'SYN-RECEIVED':
      // RFC 7413 section 4.2.2: the answer to data in a SYN need not wait for the end of the handshake.
      return (block.fastOpened ? newData(block, now) : undefined) ?? bareSegment(block, now)
    default:
      return bareSegment(block, now)
  }
}

/** A segment without data: an acknowledgment, or a question whether the peer is there. */
function bareSegment(block: ControlBlock, now: Nanos): TcpSegment | undefined {
  if (!block.keepAlivePending) return block.ackPending ? begin(block, TcpFlag.ACK, block.sndNxt, now) : undefined
  // One number below what the peer expects, so that it has to answer (RFC 9293 section 3.8.4).
  block.keepAlivePending = false
  begin(block, TcpFlag.ACK, block.sndNxt - 1, now)
  out.probe = true
  return out
}

/**
 * Starts a segment of an open connection: acknowledgment, window, timestamps, and as many SACK blocks as fit beside `payloadLength`
 * bytes. Whatever acknowledgment was due is done with it.
 */
function begin(block: ControlBlock, flags: number, position: number, now: Nanos, payloadLength = 0): TcpSegment {
  out.clear()
  out.sourcePort = block.localPort
  out.destinationPort = block.remotePort
  out.flags = flags | block.ecn.ackFlags
  out.seq = block.sendSeq(position)
  out.ack = block.receiveSeq(block.rcvNxt)
  out.window = offerWindow(block)
  if (block.timestamps) {
    out.hasTimestamp = true
    out.tsVal = block.timestamp(now)
    out.tsEcr = block.tsRecent
  }
  block.lastAckSent = block.rcvNxt
  block.unacknowledged = 0
  block.timers.clear(TcpTimer.DELAYED_ACK)
  block.ackPending = false
  if (block.sackPermitted && (!block.reassembly.isEmpty || block.duplicateRight >= 0)) {
    const space = Math.min(block.smss - payloadLength, block.timestamps ? 28 : 40)
    const blocks = Math.floor((space - 4) / 8)
    if (blocks > 0) block.reassembly.report(out, block.irs, blocks, reportDuplicate(block, out))
    // A full retransmission leaves no room for them: they follow in an acknowledgment of their own.
    else block.ackPending = true
  }
  return out
}

/** Bytes that SACK blocks will take from a data segment. */
function sackLength(block: ControlBlock): number {
  if (!block.sackPermitted) return 0
  const blocks = block.reassembly.blockCount + (block.duplicateRight >= 0 ? 1 : 0)
  return blocks === 0 ? 0 : 4 + 8 * Math.min(blocks, block.timestamps ? 3 : 4)
}

/** SYN, or SYN and ACK, with the options that this side wants, or those that both want. */
function synSegment(block: ControlBlock, now: Nanos): TcpSegment {
  const { config } = block
  const answer = block.state === 'SYN-RECEIVED'
  out.clear()
  out.sourcePort = block.localPort
  out.destinationPort = block.remotePort
  out.seq = block.sendSeq(0)
  out.mss = config.mss
  if (answer) {
    out.flags = TcpFlag.SYN | TcpFlag.ACK | block.ecn.synAckFlags
    out.ack = block.receiveSeq(block.rcvNxt)
    block.lastAckSent = block.rcvNxt
    block.ackPending = false
    block.unacknowledged = 0
    block.timers.clear(TcpTimer.DELAYED_ACK)
    out.fastOpen = block.grantedCookie
  } else {
    out.flags = TcpFlag.SYN | block.ecn.synFlags(block.synRetransmissions)
  }
  out.window = offerInitialWindow(block)
  out.sackPermitted = answer ? block.sackPermitted : config.sack
  if (answer ? block.windowScaling : config.windowScaling) out.windowScale = block.rcvWndShift
  if (answer ? block.timestamps : config.timestamps) {
    out.hasTimestamp = true
    out.tsVal = block.timestamp(now)
    out.tsEcr = answer ? block.tsRecent : 0
  }
  if (!answer) fillSyn(block, out)
  block.synPending = false
  block.synSentAt = now
  if (block.synRetransmissions > 0) {
    out.retransmission = true
    block.record('tcp:segment-retransmitted', { seq: out.seq, length: 0, why: 'syn' })
  }
  if (!block.timers.isSet(TcpTimer.RETRANSMIT)) block.timers.set(TcpTimer.RETRANSMIT, now + block.rtt.rto)
  return out
}

/** A retransmission, new data, a FIN or a probe. */
function dataSegment(block: ControlBlock, now: Nanos): TcpSegment | undefined {
  const { recovery } = block
  if (block.pacer !== undefined && isHeldBack(block, block.pacer, now)) return block.probePending ? probe(block, now) : undefined
  if (block.tailLoss.due) {
    const out = tailLossProbe(block, now)
    if (out !== undefined) return out
  }
  if (recovery.phase !== 'open') {
    const index = recovery.nextRetransmission()
    if (index >= 0 && withinWindow(block, index)) return retransmission(block, index, now)
    if (recovery.isRepairing) return undefined
  }
  const segment = newData(block, now)
  if (segment !== undefined) return segment
  if (recovery.phase === 'recovery') {
    const index = recovery.nextSpeculative(block.sndUna)
    if (index >= 0 && withinWindow(block, index)) return retransmission(block, index, now)
  }
  return block.probePending ? probe(block, now) : undefined
}

/**
 * TLP_send_probe of RFC 8985 section 7.3: new data, whatever the congestion window says, or else the newest segment once more.
 */
function tailLossProbe(block: ControlBlock, now: Nanos): TcpSegment | undefined {
  const { tailLoss, sendQueue, sndNxt, sent } = block
  const queued = sendQueue.end - sndNxt
  const finDue = block.finQueued && !block.finSent
  const usable = block.sndUna + block.sndWnd - sndNxt
  tailLoss.due = false
  const isNew = usable > 0 && (queued > 0 || finDue)
  if (isNew) {
    const limit = block.smss - sackLength(block)
    const length = Math.min(queued, limit, usable)
    if (length < limit) block.sndSml = sndNxt + length
    transmitNew(block, length, finDue && length === queued && length < usable, now)
  } else {
    const last = sent.lastUnsacked()
    if (last < 0) return undefined
    retransmission(block, last, now, 'tlp')
  }
  tailLoss.sent(block.sndNxt, !isNew)
  block.timers.clear(TcpTimer.LOSS_PROBE)
  block.record('tcp:tail-loss-probe-sent', { seq: out.seq, length: out.payload.length, retransmission: !isNew })
  return out
}

/** Whether pacing lets nothing leave yet; if so, and there is something, the timer is set. */
function isHeldBack(block: ControlBlock, { readyAt }: Pacer, now: Nanos): boolean {
  if (readyAt <= now) return false
  const isNew = block.sendQueue.end > block.sndNxt || (block.finQueued && !block.finSent)
  if (isNew || block.tailLoss.due || block.recovery.phase !== 'open') block.timers.set(TcpTimer.PACING, readyAt)
  return true
}

/** Whether the peer's window still reaches over a segment; the oldest is sent again even into a window that has shrunk. */
function withinWindow(block: ControlBlock, index: number): boolean {
  return index === 0 || block.sent.startOf(index) + block.sent.lengthOf(index) <= block.sndUna + block.sndWnd
}

function retransmission(block: ControlBlock, index: number, now: Nanos, reason?: string): TcpSegment {
  const { sent, recovery } = block
  const position = sent.startOf(index)
  const fin = (sent.flagsOf(index) & SentFlag.FIN) !== 0
  const length = sent.lengthOf(index) - (fin ? 1 : 0)
  const first = recovery.forced
  let flags: number = TcpFlag.ACK
  if (fin) flags |= TcpFlag.FIN
  if (length > 0 && position + length === block.sendQueue.end) flags |= TcpFlag.PSH
  begin(block, flags, position, now, length)
  if (length > 0) out.payload = block.sendQueue.slice(position, length)
  out.retransmission = true
  recovery.resent(index, now)
  block.pacer?.sent(length, now)
  block.lastSentAt = now
  // The oldest segment is on its way again: its time starts anew.
  if ((index === 0 && !recovery.isImpatient) || !block.timers.isSet(TcpTimer.RETRANSMIT))
    block.timers.set(TcpTimer.RETRANSMIT, now + block.rtt.rto)
  const why = reason ?? recovery.reason(first)
  block.record('tcp:segment-retransmitted', { seq: out.seq, length, why })
  return out
}

/** New data and FIN, as far as window, congestion window, Nagle and silly window avoidance allow. */
function newData(block: ControlBlock, now: Nanos): TcpSegment | undefined {
  const { sendQueue, sent, recovery, sndNxt } = block
  const queued = sendQueue.end - sndNxt
  const finDue = block.finQueued && !block.finSent && block.state !== 'SYN-RECEIVED'
  if (queued <= 0 && !finDue) {
    if (sent.ledger !== undefined && recovery.fits(block.smss)) sent.ledger.ranDry(sent.pipe)
    return undefined
  }
  const idle = sent.outstanding === 0
  const usable = block.sndUna + block.sndWnd - sndNxt
  if (usable <= 0) {
    // Nothing in flight will bring word of the window's opening: ask (RFC 9293 section 3.8.6.1).
    if (idle && !block.probePending && !block.timers.isSet(TcpTimer.PERSIST)) {
      block.timers.set(TcpTimer.PERSIST, now + block.rtt.rto)
    }
    return undefined
  }
  const probe = block.path.searching && !finDue ? probeLength(block, queued, usable, now) : 0
  if (probe > 0) {
    transmitNew(block, probe, false, now)
    probeSent(block, sndNxt, probe)
    return out
  }
  const limit = block.smss - sackLength(block)
  const length = Math.min(queued, limit, usable)
  const fin = finDue && length === queued && length < usable
  if (length < limit && !mayBeSmall(block, length, length === queued, fin, idle)) {
    if (idle && !block.timers.isSet(TcpTimer.SILLY_WINDOW)) {
      block.timers.set(TcpTimer.SILLY_WINDOW, now + block.config.sillyWindowOverride)
    }
    return undefined
  }
  if (length === 0 && !fin) return undefined
  if (idle && block.config.slowStartAfterIdle && now - block.lastSentAt > block.rtt.rto) {
    block.congestion.idled(now)
    block.traceCongestion()
  }
  // A FIN alone is let through, as it adds nothing to what the network carries.
  if (length > 0 && !recovery.fits(length)) {
    if (block.pacer !== undefined) block.windowFilledUpTo = sndNxt
    return undefined
  }
  if (length < limit) block.sndSml = sndNxt + length
  return transmitNew(block, length, fin, now)
}

/** Whether a segment that is not full may go out now (RFC 9293 sections 3.7.4 and 3.8.6.2.1). */
function mayBeSmall(block: ControlBlock, length: number, all: boolean, fin: boolean, idle: boolean): boolean {
  const { config } = block
  if (block.overridden) return true
  const nagleAllows = idle || block.noDelay || fin || (config.minshall && block.sndSml <= block.sndUna)
  if (!nagleAllows) return false
  return all || !config.sillyWindowAvoidance || length * 2 >= block.maxSndWnd
}

function transmitNew(block: ControlBlock, length: number, fin: boolean, now: Nanos): TcpSegment {
  const { sendQueue, sent, timers } = block
  const position = block.sndNxt
  let flags: number = TcpFlag.ACK
  if (length > 0 && position + length === sendQueue.end) flags |= TcpFlag.PSH
  if (fin) {
    flags |= TcpFlag.FIN
    block.finSent = true
  }
  const taken = fin ? length + 1 : length
  begin(block, flags, position, now, length)
  if (length > 0) out.payload = sendQueue.slice(position, length)
  // What a zero-window probe carried already goes out again.
  out.retransmission = position < block.sndMax
  if (length > 0 && !out.retransmission) block.ecn.markNewData(out)
  sent.append(position, taken, fin, now)
  block.sndNxt = position + taken
  if (block.sndNxt > block.sndMax) block.sndMax = block.sndNxt
  block.recovery.sentNew(taken)
  block.pacer?.sent(length, now)
  block.lastSentAt = now
  block.overridden = false
  block.probePending = false
  timers.clear(TcpTimer.PERSIST)
  timers.clear(TcpTimer.SILLY_WINDOW)
  if (!timers.isSet(TcpTimer.RETRANSMIT)) timers.set(TcpTimer.RETRANSMIT, now + block.rtt.rto)
  if (block.config.tailLossProbe) scheduleProbe(block, now)
  return out
}

/**
 * A zero-window probe: the next byte, or the FIN, beyond the window (RFC 9293 section 3.8.6.1). SND.NXT stays, so that an opened
 * window is filled with full segments; SND.MAX remembers that the byte may have been taken.
 */
function probe(block: ControlBlock, now: Nanos): TcpSegment {
  const { sendQueue, sndNxt } = block
  const fin = sendQueue.end === sndNxt
  block.probePending = false
  begin(block, fin ? TcpFlag.ACK | TcpFlag.FIN : TcpFlag.ACK, sndNxt, now, 1)
  if (!fin) out.payload = sendQueue.slice(sndNxt, 1)
  out.probe = true
  if (sndNxt + 1 > block.sndMax) block.sndMax = sndNxt + 1
  block.record('tcp:segment-retransmitted', { seq: out.seq, length: fin ? 0 : 1, why: 'probe' })
  return out
}

/**
 * Prepares a reset of this connection: the sequence number is SND.NXT, the one the peer is most likely to expect (RFC 9293 section
 * 3.10.5).
 */
export function prepareReset(block: ControlBlock, why: string, now: Nanos): void {
  const reset = new TcpSegment()
  reset.sourcePort = block.localPort
  reset.destinationPort = block.remotePort
  reset.flags = TcpFlag.RST | TcpFlag.ACK
  reset.seq = block.sendSeq(block.sndNxt)
  reset.ack = block.receiveSeq(block.rcvNxt)
  if (block.timestamps) {
    reset.hasTimestamp = true
    reset.tsVal = block.timestamp(now)
    reset.tsEcr = block.tsRecent
  }
  block.reset = reset
  block.record('tcp:reset-sent', { why })
}
