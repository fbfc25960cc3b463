/** What an acknowledgment means for the sender: RFC 9293 section 3.10.7.4, fifth step; RFC 5681, RFC 6298, RFC 6675. */
import { AckSample } from '../congestion/congestion.ts'
import type { Nanos } from '../endpoint.ts'
import { TcpFlag, type TcpSegment } from '../../wire/tcp.ts'
import { PendingEvent, recordRtt, type ControlBlock } from './control-block.ts'
import { takeDuplicateReport } from './dsack.ts'
import { finishAcknowledgment, judge, traceEntry } from './loss-detection.ts'
import { acknowledgeProbe } from './path-mtu.ts'
import { TcpTimer } from './timers.ts'

/** What the acknowledgment at hand says, of whatever connection. */
const sample = new AckSample()

/**
 * Takes the acknowledgment field of a segment.
 * @param position of the segment's sequence number
 * @returns whether to go on with the segment's text
 */
export function takeAcknowledgment(block: ControlBlock, segment: TcpSegment, position: number, now: Nanos): boolean {
  const ack = block.ackPosition(segment.ack)
  if (ack > block.sndMax) {
    challenge(block, now)
    return false
  }
  // RFC 5961 section 5.2: older than any window that the peer could know of.
  if (block.config.challengeAcks && ack < block.sndUna - block.maxSndWnd) {
    challenge(block, now)
    return false
  }
  block.probes = 0
  block.heardAt = now
  const { sent, recovery } = block
  sample.rtt = -1
  const priorFlight = sent.pipe
  const priorWnd = block.sndWnd
  const { outstanding } = sent
  const { everLost } = sent
  sent.ledger?.begin(now)
  const { watches } = recovery
  if (watches) recovery.begin(block.echoedTick(segment, now), now)
  let sacked = 0
  let duplicated = -1
  if (segment.sackCount > 0 && block.sackPermitted) {
    if (block.config.dsack) duplicated = takeDuplicateReport(block, segment, ack)
    sacked = sent.acknowledgeSelectively(segment, block.iss, block.sndUna, block.sndNxt)
  }
  if (ack >= block.sndUna) updateWindow(block, segment, position, ack)
  // A peer that keeps its window shut is alive: only silence gives up (RFC 9293 section 3.8.6.1, MUST-37).
  if (block.sndWnd === 0) block.retries = 0
  const advances = ack > block.sndUna
  if (advances) {
    sample.priorFlight = priorFlight
    sample.sacked = sacked
    advance(block, segment, ack, now)
  } else if (ack === block.sndUna && outstanding > 0) {
    if (watches) judge(block, false, now)
    // RFC 6675 section 2 asks for news in the SACK option; RFC 5681 section 2 for a bare repetition.
    const duplicate = block.sackPermitted
      ? sacked > 0
      : segment.payload.length === 0 && (segment.flags & (TcpFlag.SYN | TcpFlag.FIN)) === 0 && block.sndWnd === priorWnd
    if (duplicate) {
      const entered = recovery.duplicate(block.sndUna, block.sndNxt, now)
      block.record('tcp:duplicate-ack-received', { count: recovery.duplicates })
      if (entered) traceEntry(block)
    }
  }
  if (sent.sacked > 0 && recovery.scoreboardChanged(block.sndUna, block.sndNxt, now)) traceEntry(block)
  if (watches || block.config.tailLossProbe) {
    const repeats = ack === block.sndUna && !advances && segment.sackCount === 0 && segment.payload.length === 0
    finishAcknowledgment(block, advances, duplicated, repeats, now)
  }
  if (ack >= block.sndUna && block.ecn.acknowledged(segment.flags, ack)) heedMark(block, outstanding, now)
  if (block.congestion.modelBased) observe(block, priorFlight, sent.everLost - everLost, now)
  block.traceCongestion()
  return true
}

/** The peer echoes a mark of congestion: less from now on, and nothing to send again (RFC 3168 section 6.1.2). */
function heedMark(block: ControlBlock, flight: number, now: Nanos): void {
  const { congestion } = block
  congestion.congestionMarked(flight, now)
  block.ecn.reduced(block.sndNxt)
  block.record('tcp:congestion-marked', { cwnd: congestion.cwnd, ssthresh: congestion.ssthresh })
}

/** Tells a model of the path what the acknowledgment has shown, in whatever phase. */
function observe(block: ControlBlock, priorFlight: number, lost: number, now: Nanos): void {
  const { sent, rtt, recovery } = block
  sent.ledger?.finish(rtt.least)
  sample.now = now
  sample.priorFlight = priorFlight
  sample.flight = sent.pipe
  sample.lost = lost
  sample.repairing = recovery.phase !== 'open'
  sample.srtt = rtt.srtt
  block.congestion.observed(sample)
}

/** Answers a segment that an attacker may have sent, not too often (RFC 5961 sections 3 to 5 and 7). */
export function challenge(block: ControlBlock, now: Nanos): void {
  if (now - block.lastChallengeAt < block.config.challengeAckInterval) return
  block.lastChallengeAt = now
  block.acknowledgeNow()
}

/** RFC 9293 section 3.10.7.4: the window of a segment is taken unless a newer one was seen (SND.WL1, SND.WL2). */
function updateWindow(block: ControlBlock, segment: TcpSegment, position: number, ack: number): void {
  if (position < block.sndWl1 || (position === block.sndWl1 && ack < block.sndWl2)) return
  block.sndWl1 = position
  block.sndWl2 = ack
  const window = segment.window << block.sndWndShift
  if (window === block.sndWnd) return
  if (window === 0) {
    block.record('tcp:window-closed', {})
  } else if (block.sndWnd === 0) {
    block.record('tcp:window-opened', { window })
  }
  block.sndWnd = window
  if (window > block.maxSndWnd) block.maxSndWnd = window
  if (window > 0) {
    block.persistInterval = 0
    block.timers.clear(TcpTimer.PERSIST)
    block.probePending = false
  }
}

/** New data is acknowledged. */
function advance(block: ControlBlock, segment: TcpSegment, ack: number, now: Nanos): void {
  const { sent, rtt, timers, recovery, congestion } = block
  const acked = ack - block.sndUna
  const flightSize = sent.outstanding
  sent.acknowledge(ack)
  block.sndUna = ack
  if (ack > block.sndNxt) {
    // A zero-window probe was taken.
    block.sndNxt = ack
    if (block.finQueued && ack > block.sendQueue.end) block.finSent = true
  }
  block.sendQueue.discard(ack)
  block.retries = 0
  if (block.path.probeStart >= 0) acknowledgeProbe(block, now)

  const measured = measure(block, segment, now)
  sample.rtt = measured
  if (measured >= 0 && ack > block.roundEnd) {
    // One measurement a round trip, as RFC 6298 section 3 wants at least, keeps the gains of its section 2 meaningful (RFC 7323 section 4.2).
    block.roundEnd = block.sndNxt
    rtt.sample(measured)
    recordRtt(block, measured)
  }

  if (recovery.watches) judge(block, true, now)
  const wasOpen = recovery.phase !== 'recovery'
  const outcome = recovery.acknowledged(ack, acked, now)
  if (wasOpen) {
    const { cwnd, ssthresh } = congestion
    sample.now = now
    sample.acked = acked
    // In slow start half of the window in use is enough: by the time it is full, it has grown.
    sample.cwndLimited =
      flightSize + block.smss > cwnd || (cwnd < ssthresh && flightSize * 2 > cwnd) || ack <= block.windowFilledUpTo
    sample.srtt = rtt.srtt
    sample.sndUna = ack
    sample.sndNxt = block.sndNxt
    congestion.acknowledged(sample)
  } else if (outcome === 'exited') {
    block.record('tcp:recovery-exited', { cwnd: congestion.cwnd, ssthresh: congestion.ssthresh })
  }

  if (sent.outstanding === 0) timers.clear(TcpTimer.RETRANSMIT)
  else if (outcome === 'first-partial' || !recovery.isImpatient) timers.set(TcpTimer.RETRANSMIT, now + rtt.rto)

  if (block.sendBlocked && block.sendQueue.length * 3 <= block.config.sendBuffer * 2) {
    block.sendBlocked = false
    block.emit(PendingEvent.WRITABLE)
  }
}

/**
 * Round-trip time that an acknowledgment of new data tells; -1: none. From when the oldest segment was sent, if none of them was sent
 * twice (Karn; RFC 6298 section 3); otherwise from the timestamp that came back (RFC 7323 section 4).
 */
function measure(block: ControlBlock, segment: TcpSegment, now: Nanos): Nanos {
  const { sent } = block
  if (sent.measuredSentAt >= 0) return now - sent.measuredSentAt
  return sent.ambiguous ? block.echoedRtt(segment, now) : -1
}
