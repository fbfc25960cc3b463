/** What two SYNs agree upon, and the step into ESTABLISHED. */
import type { Nanos } from '../endpoint.ts'
import type { TcpSegment } from '../../wire/tcp.ts'
import { PendingEvent, recordRtt, type ControlBlock } from './control-block.ts'
import { watchSilence } from './keepalive.ts'
import { agreeSegmentSize } from './path-mtu.ts'
import { offerInitialWindow } from './receive-window.ts'
import type { TcpInput } from './state.ts'
import { TcpTimer } from './timers.ts'

/** Least MSS that we go along with, options included, as Linux does: smaller ones serve only to exhaust the sender. */
const LEAST_MSS = 48
/** Largest shift count (RFC 7323 section 2.3). */
const MOST_SHIFT = 14

/** Takes sequence number and options of the peer's SYN. */
export function takeSyn(block: ControlBlock, segment: TcpSegment, now: Nanos): void {
  const { config } = block
  block.irs = segment.seq
  block.ecn.synReceived(segment)
  block.sndNxt = 1
  // Data in a SYN of ours has been sent.
  block.sndMax = 1 + block.synData
  block.rcvNxt = 1
  block.rcvAdv = Math.max(block.rcvAdv, 1)
  block.sackPermitted = config.sack && segment.sackPermitted
  block.recovery.sackPermitted = block.sackPermitted
  block.windowScaling = config.windowScaling && segment.windowScale >= 0
  block.sndWndShift = block.windowScaling ? Math.min(segment.windowScale, MOST_SHIFT) : 0
  block.timestamps = config.timestamps && segment.hasTimestamp
  if (block.timestamps) {
    block.tsRecent = segment.tsVal
    block.tsRecentAt = now
  }
  const offered = segment.mss === 0 ? block.defaultMss : Math.max(segment.mss, LEAST_MSS)
  agreeSegmentSize(block, Math.min(offered, config.mss))
  // The window of a SYN is not scaled (RFC 7323 section 2.2).
  block.sndWnd = segment.window
  block.maxSndWnd = segment.window
  block.sndWl1 = 0
  block.sndWl2 = 0
}

/** To SYN-RECEIVED without the SYN itself: of it there is what a cookie could hold (RFC 4987 section 3.6). */
export function recallSyn(block: ControlBlock, syn: TcpSegment, now: Nanos): void {
  takeSyn(block, syn, now)
  offerInitialWindow(block)
  block.lastAckSent = block.rcvNxt
  // When the answer was sent, nobody knows: nothing can be measured.
  block.synSentAt = -1
  block.move('rcv-syn')
}

/**
 * Our SYN is acknowledged: into ESTABLISHED, and on into closing if the user has finished already.
 * @param input that leads there
 */
export function establish(block: ControlBlock, segment: TcpSegment, input: TcpInput, now: Nanos): void {
  const { rtt, config, congestion } = block
  block.sndUna = 1
  // By Fast Open, data may have been sent before.
  if (block.sent.outstanding > 0) block.timers.set(TcpTimer.RETRANSMIT, now + rtt.rto)
  else block.timers.clear(TcpTimer.RETRANSMIT)
  block.retries = 0
  block.synPending = false
  let measured = block.synRetransmissions === 0 ? now - block.synSentAt : block.echoedRtt(segment, now)
  if (block.synSentAt < 0) measured = -1
  if (measured >= 0) {
    rtt.sample(measured)
    recordRtt(block, measured)
  } else if (block.synRetransmissions > 0) {
    rtt.fallBack()
  }
  // RFC 5681 section 3.1: a lost SYN speaks of congestion.
  if (!block.fastOpened || block.synRetransmissions > 0)
    congestion.begin(block.smss, block.synRetransmissions > 0 ? 1 : config.initialWindow, now, rtt.srtt)
  block.roundEnd = 1
  block.move(input)
  if (!block.fastOpened) block.emit(PendingEvent.CONNECTED)
  block.heardAt = now
  watchSilence(block, now)
  block.traceCongestion()
  if (block.finQueued) block.move('close-send')
}
