import { Deflate } from 'fflate'
import { inflate } from '../../wire/inflate.ts'
import type { PerMessageDeflateParameters } from './per-message-deflate.ts'
import { joined } from '../../wire/joined.ts'

/** What flushing leaves at the end, and does not travel (RFC 7692 section 7.2.1): the length of an empty block, and its complement. */
const TAIL = /* @__PURE__ */ Uint8Array.of(0, 0, 0xff, 0xff)
export const DEFLATE_TAIL_LENGTH = 4

/** How far our compressor looks back into earlier messages, in bytes: what a connection has to remember of what it sent. */
const LOOK_BACK = 8192
/** From this size on a message is worth a larger table of what was seen. */
const LARGE = 8192

const NO_BYTES = /* @__PURE__ */ new Uint8Array(0)

/** The last bytes of what has passed in one direction. It takes memory as they come. */
class History {
  private bytes: Uint8Array = NO_BYTES
  private length = 0

  /** @param limit how many are kept */
  constructor(private readonly limit: number) {}

  get latest(): Uint8Array {
    return this.length === this.bytes.length ? this.bytes : this.bytes.subarray(0, this.length)
  }

  add(more: Uint8Array): void {
    const { limit } = this
    const taken = Math.min(more.length, limit)
    const kept = Math.min(this.length, limit - taken)
    const total = kept + taken
    if (total > this.bytes.length) {
      const larger = new Uint8Array(Math.min(limit, Math.max(total, 2 * this.bytes.length)))
      larger.set(this.bytes.subarray(this.length - kept, this.length))
      this.bytes = larger
    } else if (kept < this.length) {
      this.bytes.copyWithin(0, this.length - kept, this.length)
    }
    this.bytes.set(more.subarray(more.length - taken), kept)
    this.length = total
  }
}

/**
 * Compresses a piece that stands behind others, up to the header of the empty block that flushing leaves (RFC 7692 section 7.2.1): what is
 * missing is its length, `TAIL`. The library keeps 170 kB for each stream that goes on; so a stream is begun anew for each piece, with what
 * went before as its dictionary, which gives the same bytes for the one who reads.
 */
function deflateBehind(dictionary: Uint8Array, piece: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = []
  const stream = new Deflate({ level: 6, mem: piece.length < LARGE ? 0 : 4, dictionary }, (part) => {
    parts.push(part)
  })
  stream.push(piece)
  stream.flush()
  stream.push(NO_BYTES, true)
  const bytes = joined(parts)
  // The library's own flush to a whole byte goes wrong where the bits before it are not all 0. Instead the stream is ended, by an empty block of
  // the fixed code: 1 (the last one), 1 and 0 (its type), and zeros. With the two ones away it is a stored block, which is none of the last.
  let end = bytes.length - 1
  while (bytes[end] === 0) end--
  const type = 31 - Math.clz32(bytes[end])
  bytes[end] &= ~(1 << type)
  if (type > 0) bytes[end] &= ~(1 << (type - 1))
  else bytes[end - 1] &= 0x7f
  return bytes.subarray(0, end + (type === 7 ? 2 : 1))
}

/**
 * Compression of one connection's messages, in both directions: RFC 7692 section 7.2. What it remembers of earlier messages is made with the
 * first of them, and nothing at all for a direction without context takeover.
 */
export class MessageCompression {
  private readonly sendWindow: number
  private readonly receiveWindow: number
  private readonly sent: History | undefined
  private readonly received: History | undefined

  constructor(isClient: boolean, parameters: PerMessageDeflateParameters) {
    const { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits } = parameters
    this.sendWindow = 1 << (isClient ? clientMaxWindowBits : serverMaxWindowBits)
    this.receiveWindow = 1 << (isClient ? serverMaxWindowBits : clientMaxWindowBits)
    const forgetsSent = isClient ? clientNoContextTakeover : serverNoContextTakeover
    const forgetsReceived = isClient ? serverNoContextTakeover : clientNoContextTakeover
    if (!forgetsSent) this.sent = new History(Math.min(LOOK_BACK, this.sendWindow / 2))
    if (!forgetsReceived) this.received = new History(this.receiveWindow)
  }

  /** A message as it travels; undefined when it would not get shorter, and is to be sent as it is. */
  compress(bytes: Uint8Array): Uint8Array | undefined {
    const before = this.sent?.latest ?? NO_BYTES
    const compressed = this.sendWindow === 0x8000 ? deflateBehind(before, bytes) : this.compressInPieces(before, bytes)
    if (compressed.length >= bytes.length) return undefined
    this.sent?.add(bytes)
    return compressed
  }

  /** Pieces of half a window, each behind the half before it: nothing can look back further than the window. */
  private compressInPieces(before: Uint8Array, bytes: Uint8Array): Uint8Array {
    const half = this.sendWindow / 2
    const parts: Uint8Array[] = []
    for (let at = 0; at < bytes.length; at += half) {
      if (at > 0) parts.push(TAIL)
      const dictionary = at === 0 ? before : bytes.subarray(at - half, at)
      parts.push(deflateBehind(dictionary, bytes.subarray(at, at + half)))
    }
    return joined(parts)
  }

  /**
   * A message as it was meant.
   * @param bytes as it travelled, with room for the tail behind `length`, which is written here
   * @param limit most bytes that may come out. Throws DecodeError
   */
  decompress(bytes: Uint8Array, length: number, limit: number): Uint8Array {
    bytes.set(TAIL, length)
    const before = this.received?.latest ?? NO_BYTES
    const plain = inflate(bytes, 0, length + DEFLATE_TAIL_LENGTH, before, this.receiveWindow, limit)
    this.received?.add(plain)
    return plain
  }
}
