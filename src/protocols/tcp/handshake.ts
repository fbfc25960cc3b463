/** What two SYNs agree upon, and the step into ESTABLISHED. */
import type { Nanos } from '../endpoint.ts'
import type { TcpSegment } from '../../wire/tcp.ts'
import { PendingEvent, type ControlBlock } from './control-block.ts'
import type { TcpInput } from './state.ts'
import { TcpTimer } from './timers.ts'

/** MSS when the peer names none (RFC 9293 section 3.7.1, MUST-15), for IPv4. */
const DEFAULT_MSS = 536
/** Least MSS that we go along with, options included, as Linux does: smaller ones serve only to exhaust the sender. */
const LEAST_MSS = 48
/** Timestamps with their padding (RFC 7323 appendix A). */
const TIMESTAMPS_LENGTH = 12
/** Largest shift count (RFC 7323 section 2.3). */
const MOST_SHIFT = 14

/** Takes sequence number and options of the peer's SYN. */
export function takeSyn(block: ControlBlock, segment: TcpSegment, now: Nanos): void {
  const { config } = block
  block.irs = segment.seq
  block.sndNxt = 1
  block.sndMax = 1
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
  const offered = segment.mss === 0 ? DEFAULT_MSS : Math.max(segment.mss, LEAST_MSS)
  block.smss = Math.min(offered, config.mss) - (block.timestamps ? TIMESTAMPS_LENGTH : 0)
  block.recovery.smss = block.smss
  // The window of a SYN is not scaled (RFC 7323 section 2.2).
  block.sndWnd = segment.window
  block.maxSndWnd = segment.window
  block.sndWl1 = 0
  block.sndWl2 = 0
}

/**
 * Our SYN is acknowledged: into ESTABLISHED, and on into closing if the user has finished already.
 * @param input that leads there
 */
export function establish(block: ControlBlock, segment: TcpSegment, input: TcpInput, now: Nanos): void {
  const { rtt, config, congestion } = block
  block.sndUna = 1
  block.timers.clear(TcpTimer.RETRANSMIT)
  block.retries = 0
  block.synPending = false
  const measured = block.synRetransmissions === 0 ? now - block.synSentAt : block.echoedRtt(segment, now)
  if (measured >= 0) {
    rtt.sample(measured)
    block.record('tcp:rtt-sampled', { rtt: measured, srtt: rtt.srtt, rttvar: rtt.rttvar, rto: rtt.rto })
  } else {
    rtt.fallBack()
  }
  // RFC 5681 section 3.1: a lost SYN speaks of congestion.
  congestion.begin(block.smss, block.synRetransmissions > 0 ? 1 : config.initialWindow)
  block.roundEnd = 1
  block.move(input)
  block.emit(PendingEvent.CONNECTED)
  block.traceCongestion()
  if (block.finQueued) block.move('close-send')
}
