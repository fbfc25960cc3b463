import { encodeLatin1 } from '../wire/http1.ts'
import { filler } from './filler.ts'
import { joined } from '../wire/joined.ts'

/** Parts of a body, in order: given bytes, or a length of filler. */
export type Part = Uint8Array | number

/** The longest payload of a JPEG segment, whose 16-bit length counts itself. */
const SEGMENT = 65_533

function bytesOf(...values: readonly (string | number | Uint8Array)[]): Uint8Array {
  const parts = values.map((value) => {
    if (typeof value === 'string') return encodeLatin1(value)
    return typeof value === 'number' ? Uint8Array.of(value) : value
  })
  return joined(parts)
}

function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
}

function makeCrcTable(): Uint32Array {
  const table = new Uint32Array(256)
  for (let i = 0; i < 256; i++) {
    let word = i
    for (let bit = 0; bit < 8; bit++) word = (word >>> 1) ^ (word & 1 ? 0xedb88320 : 0)
    table[i] = word
  }
  return table
}

const CRC_TABLE = /* @__PURE__ */ makeCrcTable()

/** CRC-32 of ISO 3309, as PNG has it (ISO/IEC 15948 annex D); `crc` is that of the bytes before. */
function crc32(crc: number, bytes: Uint8Array): number {
  let rest = ~crc
  for (const byte of bytes) rest = (rest >>> 8) ^ CRC_TABLE[(rest ^ byte) & 0xff]
  return ~rest >>> 0
}

function pngChunk(type: string, data: Uint8Array): Uint8Array {
  const body = bytesOf(type, data)
  return bytesOf(uint32(data.length), body, uint32(crc32(0, body)))
}

/** One grey pixel, with filler in a private chunk (ISO/IEC 15948). */
function png(size: number, key: number): Part[] {
  const start = bytesOf(
    ...[0x89, 'PNG\r\n', 0x1a, '\n'],
    pngChunk('IHDR', bytesOf(uint32(1), uint32(1), 8, 0, 0, 0, 0)),
    // zlib: one stored block of a filter byte and a sample, Adler-32 behind.
    pngChunk('IDAT', Uint8Array.of(0x78, 0x01, 0x01, 2, 0, 0xfd, 0xff, 0, 0, 0, 2, 0, 1)),
  )
  const end = pngChunk('IEND', new Uint8Array(0))
  const length = Math.max(0, size - start.length - end.length - 12)
  let crc = crc32(0, encodeLatin1('fiLl'))
  for (let at = 0; at < length;) {
    const piece = filler(key, at, length - at)
    crc = crc32(crc, piece)
    at += piece.length
  }
  return [bytesOf(start, uint32(length), 'fiLl'), length, bytesOf(uint32(crc), end)]
}

/** Eight by eight grey pixels, with filler in comments (ITU-T T.81 annex B). */
function jpeg(size: number): Part[] {
  const start = bytesOf(0xff, 0xd8, 0xff, 0xe0, 0, 16, 'JFIF', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0)
  const huffman = (index: number): Uint8Array => bytesOf(0xff, 0xc4, 0, 20, index, 1, new Uint8Array(15), 0)
  const end = bytesOf(
    ...[0xff, 0xdb, 0, 67, 0, new Uint8Array(64).fill(1)],
    ...[0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0],
    ...[huffman(0x00), huffman(0x10)],
    ...[0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x3f, 0xff, 0xd9],
  )
  const parts: Part[] = [start]
  for (let left = size - start.length - end.length; left >= 4;) {
    // What is left behind a whole segment must be long enough for another.
    const length = Math.min(left - 4, left - 4 > SEGMENT && left - 4 - SEGMENT < 4 ? SEGMENT - 4 : SEGMENT)
    parts.push(Uint8Array.of(0xff, 0xfe, (length + 2) >> 8, length + 2), length)
    left -= 4 + length
  }
  const missing =
    size - end.length - parts.reduce<number>((sum, part) => sum + (typeof part === 'number' ? part : part.length), 0)
  // Any number of 0xff may stand before a marker.
  parts.push(new Uint8Array(Math.max(0, missing)).fill(0xff), end)
  return parts
}

/** One pixel in lossless WebP, with filler in an unknown chunk (RFC 9649 section 2.7). */
function webp(size: number): Part[] {
  const pixel = bytesOf('VP8L', 13, 0, 0, 0, 0x2f, 0, 0, 0, 0x10, 7, 0x10, 0x11, 0x11, 0x88, 0x88, 0xfe, 7, 0)
  const little = (value: number): Uint8Array => uint32(value).reverse()
  const length = Math.max(0, size - 12 - pixel.length - 8)
  const padding = new Uint8Array(length % 2)
  const total = 4 + pixel.length + 8 + length + padding.length
  return [bytesOf('RIFF', little(total), 'WEBP', pixel, 'FILL', little(length)), length, padding]
}

/** One pixel, with filler behind the trailer, where nobody looks (GIF89a section 27). */
function gif(size: number): Part[] {
  const screen = bytesOf('GIF89a', 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255)
  const image = bytesOf(0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b)
  return [screen, image, Math.max(0, size - screen.length - image.length)]
}

/** No pictures, but boxes as they should be: the file's type, and media data (ISO/IEC 14496-12 section 4.2). */
function mp4(size: number): Part[] {
  const type = bytesOf(uint32(20), 'ftypisom', uint32(512), 'isom')
  const length = Math.max(0, size - type.length - 8)
  return [bytesOf(type, uint32(8 + length), 'mdat'), length]
}

function around(size: number, before: string, after: string): Part[] {
  return [encodeLatin1(before), Math.max(0, size - before.length - after.length), encodeLatin1(after)]
}

/**
 * A body of a media type that has a form of its own: a valid one of `size` bytes, or as few more as the form needs. Filler alone
 * does for other types: undefined.
 */
export function formed(type: string, size: number, key: number): Part[] | undefined {
  if (size === 0) return undefined
  switch (type.replace(/;.*$/, '').trim().toLowerCase()) {
    case 'image/png':
      return png(size, key)
    case 'image/jpeg':
      return jpeg(size)
    case 'image/webp':
      return webp(size)
    case 'image/gif':
      return gif(size)
    case 'video/mp4':
      return mp4(size)
    case 'image/svg+xml':
      return around(size, '<svg xmlns="http://www.w3.org/2000/svg"><!--', '--></svg>')
    case 'application/xml':
    case 'text/xml':
      return around(size, '<x>', '</x>')
    case 'application/json':
      return size < 2 ? [encodeLatin1('0')] : around(size, '"', '"')
    default:
      return undefined
  }
}
