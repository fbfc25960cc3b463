/**
 * What loss detection does to a connection: the timers of RACK-TLP (RFC 8985 sections 6.2 and 7), spurious recoveries taken back, and what is
 * told of it. The decisions are made in `recovery.ts` and `tail-loss-probe.ts`.
 */
import type { Nanos } from '../endpoint.ts'
import type { ControlBlock } from './control-block.ts'
import type { SpuriousProof } from './recovery.ts'
import { TcpTimer } from './timers.ts'

/** Fast recovery has begun. */
export function traceEntry(block: ControlBlock): void {
  const { congestion, recovery, timers, tailLoss } = block
  tailLoss.forget()
  timers.clear(TcpTimer.LOSS_PROBE)
  block.ecn.reduced(block.sndNxt)
  block.record('tcp:fast-retransmit-entered', {
    seq: block.sendSeq(block.sndUna),
    cwnd: congestion.cwnd,
    ssthresh: congestion.ssthresh,
    recoveryPoint: block.sendSeq(recovery.recoveryPoint),
    why: recovery.byTime ? 'rack' : 'duplicates',
  })
}

/**
 * Asks whether an acknowledgment proves the current recovery needless, and takes it back if so.
 * @param advanced whether it acknowledges new data; SND.UNA is already moved
 */
export function judge(block: ControlBlock, advanced: boolean, now: Nanos): void {
  const { recovery, sendQueue, sndUna, sndNxt } = block
  const hasNew = sendQueue.end > sndNxt || (block.finQueued && !block.finSent)
  const proof = recovery.judge(sndUna, advanced, hasNew && sndUna + block.sndWnd > sndNxt)
  if (proof !== undefined) takeBack(block, proof, now)
  // F-RTO's question must go out: it is not the time to wait for more (RFC 5682 section 2.1 step 2b).
  else if (recovery.asksWithNew) block.overridden = true
}

function takeBack(block: ControlBlock, proof: SpuriousProof, now: Nanos): void {
  const { recovery, congestion } = block
  const timeout = recovery.phase === 'loss'
  recovery.takeBack(now)
  block.record('tcp:recovery-undone', { why: proof, timeout, cwnd: congestion.cwnd, ssthresh: congestion.ssthresh })
}

/**
 * An acknowledgment has been taken, as far as it marks what has arrived.
 * @param advanced whether it acknowledges new data
 * @param duplicated position behind what it reports as received twice; -1: nothing
 * @param repeats whether it is a bare repetition without SACK blocks
 */
export function finishAcknowledgment(
  block: ControlBlock,
  advanced: boolean,
  duplicated: number,
  repeats: boolean,
  now: Nanos,
): void {
  const { recovery, tailLoss } = block
  if (recovery.reorderingFound) block.record('tcp:reordering-detected', {})
  if (duplicated >= 0) {
    if (!tailLoss.isProbe(duplicated)) recovery.toleratesMore(block.sndNxt)
    if (recovery.duplicateReported(duplicated, block.newlyReported)) takeBack(block, 'dsack', now)
  }
  if (tailLoss.acknowledged(block.sndUna, duplicated, repeats)) heedRepairedLoss(block, now)
  if (recovery.finish(block.sndUna, block.sndNxt, advanced, block.rtt.srtt, now)) traceEntry(block)
  setReorderingTimer(block, now)
  if (advanced) {
    tailLoss.due = false
    scheduleProbe(block, now)
  }
}

/** The probe has filled a hole that nobody would have known of: a loss all the same (RFC 8985 section 7.4.2). */
function heedRepairedLoss(block: ControlBlock, now: Nanos): void {
  const { congestion, recovery } = block
  if (recovery.phase !== 'open') return
  recovery.reduceOnce(block.sndUna, now)
  block.ecn.reduced(block.sndNxt)
  block.record('tcp:tail-loss-repaired', { cwnd: congestion.cwnd, ssthresh: congestion.ssthresh })
}

function setReorderingTimer({ recovery, timers }: ControlBlock, now: Nanos): void {
  if (recovery.reorderingWait === 0) {
    timers.clear(TcpTimer.REORDERING)
    return
  }
  timers.set(TcpTimer.REORDERING, now + recovery.reorderingWait)
  timers.clear(TcpTimer.LOSS_PROBE)
}

/** The reordering timer has expired. */
export function stopWaiting(block: ControlBlock, now: Nanos): void {
  const { recovery, sent, sndUna, sndNxt } = block
  if (sent.outstanding === 0) return
  if (recovery.stopWaiting(sndUna, sndNxt, now)) traceEntry(block)
  setReorderingTimer(block, now)
  block.traceCongestion()
}

/**
 * New data was sent, or acknowledged: the time until a probe starts anew, if one may be needed at all (RFC 8985 section 7.2). Whatever
 * the retransmission timer says comes before it.
 */
export function scheduleProbe(block: ControlBlock, now: Nanos): void {
  const { config, recovery, sent, timers, rtt, tailLoss } = block
  if (!config.tailLossProbe || !config.fastRetransmit || !block.sackPermitted || !block.isSynchronized) return
  const waits = sent.outstanding > 0 && sent.sacked === 0 && recovery.phase === 'open' && !tailLoss.isOut
  if (!waits || timers.isSet(TcpTimer.REORDERING)) {
    timers.clear(TcpTimer.LOSS_PROBE)
    return
  }
  const timeout = now + tailLoss.timeout(rtt.srtt, sent.count === 1)
  timers.set(TcpTimer.LOSS_PROBE, Math.min(timeout, timers.at(TcpTimer.RETRANSMIT)))
}

/** Nothing was heard in time: a probe is due, and takes the place of the retransmission timer's next expiry. */
export function probeTail(block: ControlBlock, now: Nanos): void {
  const { sent, recovery, tailLoss, timers, rtt } = block
  if (sent.outstanding === 0 || recovery.phase !== 'open') return
  tailLoss.due = true
  timers.set(TcpTimer.RETRANSMIT, now + rtt.rto)
}
