/** The window that we offer (RFC 9293 section 3.8.6) and when to say that it has grown. */
import type { ControlBlock } from './control-block.ts'

/** Least step by which the right edge moves: receiver's silly window avoidance, RFC 9293 section 3.8.6.2.2. */
function leastStep(block: ControlBlock): number {
  const { receiveBuffer, mss, sillyWindowAvoidance } = block.config
  return sillyWindowAvoidance ? Math.min(receiveBuffer >>> 1, mss) : 1
}

/** Right edge that the free part of the buffer allows. */
function edge(block: ControlBlock): number {
  return block.receiveQueue.start + block.config.receiveBuffer
}

/**
 * The window field of the next segment. Moves `rcvAdv`, never to the left; what scaling rounds off is at most 2^shift - 1 bytes, and is
 * still accepted (RFC 7323 section 2.4).
 */
export function offerWindow(block: ControlBlock): number {
  const { rcvNxt, rcvAdv } = block
  const limit = edge(block)
  // What repeats an acknowledgment because of a gap repeats its window as well, or a peer without SACK would take it for a window update
  // instead of a duplicate (RFC 5681 section 2). The reader's progress is told with the next new one, unless an update is due.
  const repeats = rcvNxt === block.lastAckSent && !block.sackPermitted && !block.windowUpdateDue && !block.reassembly.isEmpty
  block.windowUpdateDue = false
  const wanted = !repeats && limit - rcvAdv >= leastStep(block) ? limit : Math.max(rcvAdv, rcvNxt)
  const shift = block.windowScaling ? block.rcvWndShift : 0
  const field = Math.min(0xffff, (wanted - rcvNxt) >>> shift)
  const right = rcvNxt + (field << shift)
  if (right > rcvAdv) block.rcvAdv = right
  return field
}

/** The window field of a SYN, which is never scaled (RFC 7323 section 2.2). */
export function offerInitialWindow(block: ControlBlock): number {
  const field = Math.min(0xffff, block.config.receiveBuffer)
  if (block.rcvNxt + field > block.rcvAdv) block.rcvAdv = block.rcvNxt + field
  return field
}

/**
 * The reader has made room: an acknowledgment is due when the peer believes in less than half of the buffer, and can be told of twice
 * as much. Further openings travel with ordinary acknowledgments.
 */
export function reconsiderWindow(block: ControlBlock): void {
  const offered = block.rcvAdv - block.rcvNxt
  const possible = edge(block) - block.rcvNxt
  if (offered * 2 > block.config.receiveBuffer) return
  if (possible < offered * 2 || possible - offered < leastStep(block)) return
  block.ackPending = true
  block.windowUpdateDue = true
}
