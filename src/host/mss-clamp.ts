import { updateChecksum } from '../wire/checksum.ts'
import { read16, write16 } from '../wire/integer.ts'
import { TCP_HEADER_LENGTH, TcpFlag } from '../wire/tcp.ts'

const CHECKSUM_OFFSET = 16
const MSS_OPTION = 2

/**
 * Makes a SYN that passes through announce no larger segments than fit through this router, as `iptables --clamp-mss-to-pmtu` does. Whoever
 * gets it will not send more, and need not be told that something was too big.
 * @param start where the TCP header begins
 * @param end one past the last byte of the segment
 * @param limit most bytes of a segment's data and options
 * @returns the MSS that was there before; 0 when nothing had to be changed
 */
export function clampMss(bytes: Uint8Array, start: number, end: number, limit: number): number {
  if (end - start < TCP_HEADER_LENGTH || (bytes[start + 13] & TcpFlag.SYN) === 0) return 0
  const options = Math.min(end, start + (bytes[start + 12] >>> 4) * 4)
  let at = start + TCP_HEADER_LENGTH
  while (at + 1 < options) {
    const kind = bytes[at]
    if (kind === 0) return 0
    const length = kind === 1 ? 1 : bytes[at + 1]
    if (length === 0 || at + length > options) return 0
    if (kind === MSS_OPTION && length === 4) return replace(bytes, start, at + 2, limit)
    at += length
  }
  return 0
}

function replace(bytes: Uint8Array, start: number, at: number, limit: number): number {
  const before = read16(bytes, at)
  if (before <= limit) return 0
  // The value may lie across two words of the checksum.
  const first = at - ((at - start) & 1)
  const words = first === at ? 1 : 2
  const old = [read16(bytes, first), words === 2 ? read16(bytes, first + 2) : 0]
  write16(bytes, at, limit)
  let checksum = read16(bytes, start + CHECKSUM_OFFSET)
  for (let i = 0; i < words; i++) checksum = updateChecksum(checksum, old[i], read16(bytes, first + 2 * i))
  write16(bytes, start + CHECKSUM_OFFSET, checksum)
  return before
}
