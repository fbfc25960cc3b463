/** What a segment's text and FIN mean for the receiver: RFC 9293 section 3.10.7.4, seventh and eighth step. */
import type { Nanos } from '../endpoint.ts'
import { LEFT_OUT, PendingEvent, type ControlBlock } from './control-block.ts'
import { noteDuplicate } from './dsack.ts'
import { TcpTimer } from './timers.ts'

/**
 * Takes what a segment carries, as far as it lies within the window; the rest is cut off.
 * @param position of the first byte of `payload`
 * @param fin whether a FIN stands behind the payload
 */
export function takeText(block: ControlBlock, payload: Uint8Array, position: number, fin: boolean, now: Nanos): void {
  const { rcvNxt, rcvAdv } = block
  let bytes = payload
  let start = position
  let end = position + payload.length
  if (fin && end < rcvAdv && block.peerFin < 0 && end >= rcvNxt) block.peerFin = end
  if (start < rcvNxt) noteDuplicate(block, start, Math.min(fin ? end + 1 : end, rcvNxt))
  // Nothing comes after a FIN, whatever is claimed later.
  const limit = block.peerFin >= 0 ? Math.min(rcvAdv, block.peerFin) : rcvAdv
  if (start < rcvNxt || end > limit) {
    start = Math.min(Math.max(start, rcvNxt), end)
    end = Math.max(start, Math.min(end, limit))
    bytes = payload.subarray(start - position, end - position)
  }
  if (start > rcvNxt) {
    if (end > start) takeEarly(block, bytes, start)
    if (fin && position + payload.length === block.peerFin) block.reassembly.insertFin(block.peerFin)
    // A segment that leaves a gap is acknowledged at once, so that the sender can count duplicates (RFC 5681 section 4.2).
    block.acknowledgeNow()
    return
  }
  if (end > start) takeInOrder(block, bytes, now)
  if (fin || payload.length > end - start) block.acknowledgeNow()
}

function takeEarly(block: ControlBlock, bytes: Uint8Array, position: number): void {
  const { reassembly } = block
  const end = position + bytes.length
  const known = reassembly.isEmpty ? -1 : reassembly.firstKnown(position, end)
  if (known >= 0) noteDuplicate(block, known, reassembly.knownUpTo(known, end))
  if (!block.reassembly.insert(position, bytes)) return
  if (bytes.length > block.rcvMss) block.rcvMss = bytes.length
  block.record('tcp:out-of-order-buffered', {
    seq: block.receiveSeq(position),
    length: bytes.length,
    missingFrom: block.receiveSeq(block.rcvNxt),
    offset: position - 1,
    missingOffset: block.rcvNxt - 1,
  })
}

function takeInOrder(block: ControlBlock, bytes: Uint8Array, now: Nanos): void {
  const { receiveQueue, reassembly, config } = block
  const offset = receiveQueue.end - 1
  if (bytes.length > block.rcvMss) block.rcvMss = bytes.length
  receiveQueue.push(bytes)
  const hadGap = !reassembly.isEmpty
  if (hadGap) reassembly.drainInto(receiveQueue)
  block.rcvNxt = receiveQueue.end
  block.record('tcp:delivered', block.isBrief ? LEFT_OUT : { offset, length: receiveQueue.end - 1 - offset })
  block.emit(PendingEvent.READABLE)
  block.unacknowledged += bytes.length
  if (hadGap || !config.delayedAck || block.unacknowledged >= config.delayedAckSegments * block.rcvMss) {
    block.acknowledgeNow()
  } else if (!block.timers.isSet(TcpTimer.DELAYED_ACK)) {
    block.timers.set(TcpTimer.DELAYED_ACK, now + config.delayedAckTimeout)
  }
}

/**
 * Whether the peer's FIN is next; takes it if so.
 */
export function takeFin(block: ControlBlock): boolean {
  if (block.peerFin < 0 || block.rcvNxt !== block.peerFin) return false
  block.rcvNxt++
  block.acknowledgeNow()
  block.emit(PendingEvent.PEER_FINISHED)
  return true
}
