/** What came twice: RFC 2883. The receiver tells it once, in the first block of a SACK option; the sender learns what it sent in vain. */
import type { TcpSegment } from '../../wire/tcp.ts'
import type { ControlBlock } from './control-block.ts'

/**
 * The receiver has got sequence numbers again, from `left` up to but without `right`: the next acknowledgment says so. Of several
 * duplicates before it the latest is told (RFC 2883 section 4).
 */
export function noteDuplicate(block: ControlBlock, left: number, right: number): void {
  if (right <= left) return
  block.record('tcp:duplicate-received', { seq: block.receiveSeq(left), length: right - left })
  if (!block.config.dsack || !block.sackPermitted) return
  block.duplicateLeft = left
  block.duplicateRight = right
}

/** Puts the report that is due, if any, in front of a segment's SACK blocks. @returns how many blocks it has taken: 0 or 1 */
export function reportDuplicate(block: ControlBlock, out: TcpSegment): number {
  if (block.duplicateRight < 0) return 0
  out.sack[0] = block.receiveSeq(block.duplicateLeft)
  out.sack[1] = block.receiveSeq(block.duplicateRight)
  out.sackCount = 1
  block.duplicateRight = -1
  return 1
}

/**
 * Takes the report of a duplicate out of a segment that has SACK blocks (RFC 2883 section 4.2): a first block that is already acknowledged,
 * or lies within the second.
 * @param ack position that the segment acknowledges
 * @returns position behind what was sent in vain, with `newlyReported` set to how many segments that is; -1: nothing, or the network has
 * doubled it, for it was not sent so often
 */
export function takeDuplicateReport(block: ControlBlock, segment: TcpSegment, ack: number): number {
  const { sack, sackCount } = segment
  const left = block.ackPosition(sack[0])
  const right = block.ackPosition(sack[1])
  if (left < 1 || right <= left || right > block.sndMax || right - left > block.maxSndWnd) return -1
  const isWithinSecond = sackCount > 1 && left >= block.ackPosition(sack[2]) && right <= block.ackPosition(sack[3])
  if (left >= ack && !isWithinSecond) return -1
  block.newlyReported = Math.ceil((right - left) / block.smss)
  block.duplicatesReported += block.newlyReported
  if (block.duplicatesReported > block.sent.resendings) return -1
  block.record('tcp:spurious-retransmission-detected', { seq: sack[0], length: right - left, why: 'dsack' })
  return right
}
