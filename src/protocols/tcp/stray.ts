import type { TcpSegment } from '../../wire/tcp.ts'
import { sequenceLength, TcpFlag } from '../../wire/tcp.ts'

/**
 * What a port answers to a segment that belongs to no connection: a reset that the sender will find acceptable (RFC 9293 section
 * 3.10.7.1). To be sent back with ports and addresses exchanged.
 * @param into is filled, ports included, and returned
 * @returns undefined when the segment is a reset itself, which is never answered
 */
export function answerStray(segment: TcpSegment, into: TcpSegment): TcpSegment | undefined {
  if ((segment.flags & TcpFlag.RST) !== 0) return undefined
  into.clear()
  into.sourcePort = segment.destinationPort
  into.destinationPort = segment.sourcePort
  if ((segment.flags & TcpFlag.ACK) !== 0) {
    into.flags = TcpFlag.RST
    into.seq = segment.ack
  } else {
    into.flags = TcpFlag.RST | TcpFlag.ACK
    into.ack = (segment.seq + sequenceLength(segment)) >>> 0
  }
  return into
}
