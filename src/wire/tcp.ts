/**
 * TCP's segment, RFC 9293 section 3.1, and its options: end of list, no-operation and maximum segment size (RFC 9293 section
 * 3.2), window scale and timestamps (RFC 7323), SACK-permitted and SACK (RFC 2018), Fast Open cookies (RFC 7413). Other options are stepped over.
 */
import type { IpAddress } from './address.ts'
import { finish, pseudoHeaderSum, sum } from './checksum.ts'
import { field, hex } from './describe.ts'
import { DecodeError } from './errors.ts'
import type { Field, Layer } from './field.ts'
import { read16, read32, write16, write32 } from './integer.ts'
import { addressSum } from './pseudo-header.ts'

/** Bits of `TcpSegment.flags`, as they stand in the header's 14th byte (RFC 9293 section 3.1). */
export const TcpFlag = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ECE: 64, CWR: 128 } as const

/** IANA's protocol number of TCP. */
const TCP_PROTOCOL = 6
/** Bytes of a header without options. */
export const TCP_HEADER_LENGTH = 20
/** Most bytes that options may take: a data offset of 15 words less the fixed header. */
const TCP_OPTIONS_LIMIT = 40

/** Option kinds (RFC 9293 section 3.2, RFC 7323 section 2.2 and 3.2, RFC 2018 sections 2 and 3). */
const TcpOption = { END: 0, NOP: 1, MSS: 2, WINDOW_SCALE: 3, SACK_PERMITTED: 4, SACK: 5, TIMESTAMPS: 8, FAST_OPEN: 34 } as const

/** Lengths that a Fast Open cookie may have, in bytes; only even ones (RFC 7413 section 4.1.1). */
const COOKIE_LENGTHS = { least: 4, most: 16 } as const

const NO_PAYLOAD = new Uint8Array(0)

/**
 * One segment as values. One class of one shape, made to be filled again and again: a decoder fills the one that it is given,
 * an endpoint hands out the same one each time.
 */
export class TcpSegment {
  /** 0 to 65535. */
  sourcePort = 0
  /** 0 to 65535. */
  destinationPort = 0
  /** Sequence number of the first byte (of the SYN, if there is one), in [0, 2^32). */
  seq = 0
  /** Next sequence number that the sender of this segment expects, in [0, 2^32); meaningful with `TcpFlag.ACK`. */
  ack = 0
  /** Bits of `TcpFlag`. */
  flags = 0
  /** The window field as on the wire, not yet scaled, 0 to 65535. */
  window = 0
  /** Urgent pointer, an offset from `seq`; meaningful with `TcpFlag.URG`. */
  urgent = 0
  /** Maximum segment size option, 1 to 65535; 0: absent. */
  mss = 0
  /** Window scale option's shift count, 0 to 255 (above 14 counts as 14); -1: absent. */
  windowScale = -1
  /** Whether the SACK-permitted option is there. */
  sackPermitted = false
  /** How many pairs of `sack` count, 0 to 4. */
  sackCount = 0
  /** Left and right edges of SACK blocks, flat: left 0, right 0, left 1, right 1, …; each in [0, 2^32). Right edges are exclusive. */
  readonly sack: number[] = [0, 0, 0, 0, 0, 0, 0, 0]
  /** Whether the timestamps option is there. */
  hasTimestamp = false
  /** TSval, in [0, 2^32). */
  tsVal = 0
  /** TSecr, in [0, 2^32). */
  tsEcr = 0
  /** Fast Open option: a cookie of 4 to 16 bytes, or none of them to ask for one; decoded, a view into the input. undefined: absent. */
  fastOpen: Uint8Array | undefined = undefined
  /** The data; decoded, a view into the decoder's input. */
  payload: Uint8Array = NO_PAYLOAD
  /** Whether these bytes were sent before. Not on the wire; for the trace. */
  retransmission = false
  /** Whether this is a zero-window or keepalive probe. Not on the wire; for the trace. */
  probe = false
  /** ECN codepoint of the IP packet around it (RFC 3168 section 5), 0 to 3. Not in the segment; 0 decoded, until who knows the packet sets it. */
  ecn = 0

  /** Back to an empty segment without flags, options or payload. Ports stay. */
  clear(): void {
    this.seq = 0
    this.ack = 0
    this.flags = 0
    this.window = 0
    this.urgent = 0
    this.mss = 0
    this.windowScale = -1
    this.sackPermitted = false
    this.sackCount = 0
    this.hasTimestamp = false
    this.tsVal = 0
    this.tsEcr = 0
    this.fastOpen = undefined
    this.payload = NO_PAYLOAD
    this.retransmission = false
    this.probe = false
    this.ecn = 0
  }
}

/**
 * Sequence numbers that a segment takes: its bytes, and one each for SYN and FIN (SEG.LEN of RFC 9293 section 3.4).
 */
export function sequenceLength(segment: TcpSegment): number {
  return segment.payload.length + ((segment.flags >>> 1) & 1) + (segment.flags & 1)
}

/** The first word of the usual options of an established connection: NOP, NOP, timestamps of 10 bytes. */
const NOP_NOP_TIMESTAMPS = 0x0101080a

/**
 * Decodes the segment that fills `bytes` from `start` to `end`. The checksum is not looked at: see `verifyTcpChecksum`.
 *
 * An option whose length is below 2 or reaches past the header makes the segment invalid (RFC 9293 section 3.1, MUST-7); an
 * option of a known kind and an unusual length is ignored, as are unknown kinds (MUST-6).
 * @param into is filled and returned; its `payload` becomes a view into `bytes`
 * @throws DecodeError when the header is cut short or contradicts itself
 */
export function decodeTcp(bytes: Uint8Array, start: number, end: number, into: TcpSegment): TcpSegment {
  if (end - start < TCP_HEADER_LENGTH) throw new DecodeError('tcp', 'truncated', end, 'the header takes at least 20 bytes')
  const headerLength = (bytes[start + 12] >>> 4) * 4
  if (headerLength < TCP_HEADER_LENGTH) throw new DecodeError('tcp', 'invalid', start + 12, 'data offset below 5')
  const headerEnd = start + headerLength
  if (headerEnd > end) throw new DecodeError('tcp', 'truncated', end, 'data offset reaches past the segment')
  into.sourcePort = read16(bytes, start)
  into.destinationPort = read16(bytes, start + 2)
  into.seq = read32(bytes, start + 4)
  into.ack = read32(bytes, start + 8)
  into.flags = bytes[start + 13]
  into.window = read16(bytes, start + 14)
  into.urgent = read16(bytes, start + 18)
  into.mss = 0
  into.windowScale = -1
  into.sackPermitted = false
  into.sackCount = 0
  into.hasTimestamp = false
  into.tsVal = 0
  into.tsEcr = 0
  into.fastOpen = undefined
  into.retransmission = false
  into.probe = false
  into.ecn = 0
  if (headerLength !== TCP_HEADER_LENGTH) {
    const at = start + TCP_HEADER_LENGTH
    if (headerLength === 32 && read32(bytes, at) === NOP_NOP_TIMESTAMPS) {
      into.hasTimestamp = true
      into.tsVal = read32(bytes, at + 4)
      into.tsEcr = read32(bytes, at + 8)
    } else {
      decodeOptions(bytes, at, headerEnd, into)
    }
  }
  into.payload = headerEnd === end ? NO_PAYLOAD : bytes.subarray(headerEnd, end)
  return into
}

function isCookieLength(length: number): boolean {
  return length === 0 || (length >= COOKIE_LENGTHS.least && length <= COOKIE_LENGTHS.most && length % 2 === 0)
}

function decodeOptions(bytes: Uint8Array, start: number, end: number, into: TcpSegment): void {
  let at = start
  while (at < end) {
    const kind = bytes[at]
    if (kind === TcpOption.END) return
    if (kind === TcpOption.NOP) {
      at++
      continue
    }
    if (at + 1 >= end) throw new DecodeError('tcp', 'invalid', at, 'an option without its length')
    const length = bytes[at + 1]
    if (length < 2) throw new DecodeError('tcp', 'invalid', at + 1, 'an option shorter than its own header')
    if (at + length > end) throw new DecodeError('tcp', 'invalid', at + 1, 'an option reaches past the header')
    if (kind === TcpOption.MSS) {
      if (length === 4) into.mss = read16(bytes, at + 2)
    } else if (kind === TcpOption.WINDOW_SCALE) {
      if (length === 3) into.windowScale = bytes[at + 2]
    } else if (kind === TcpOption.SACK_PERMITTED) {
      if (length === 2) into.sackPermitted = true
    } else if (kind === TcpOption.SACK) {
      if (length >= 10 && length <= 34 && (length - 2) % 8 === 0) {
        into.sackCount = (length - 2) / 8
        for (let i = 0; i < into.sackCount * 2; i++) into.sack[i] = read32(bytes, at + 2 + i * 4)
      }
    } else if (kind === TcpOption.TIMESTAMPS && length === 10) {
      into.hasTimestamp = true
      into.tsVal = read32(bytes, at + 2)
      into.tsEcr = read32(bytes, at + 6)
    } else if (kind === TcpOption.FAST_OPEN && isCookieLength(length - 2)) {
      into.fastOpen = bytes.subarray(at + 2, at + length)
    }
    at += length
  }
}

/**
 * Whether the checksum of the segment from `start` to `end` is right (RFC 9293 section 3.1, MUST-3).
 * @param source IPv4 address as a number in [0, 2^32); or, of either version, both addresses' `addressSum`
 * @param destination likewise; left out with an `addressSum`
 */
export function verifyTcpChecksum(bytes: Uint8Array, start: number, end: number, source: number, destination = 0): boolean {
  return finish(sum(bytes, start, end, pseudoHeaderSum(source, destination, TCP_PROTOCOL, end - start))) === 0
}

function optionsLength(segment: TcpSegment): number {
  let length = 0
  if (segment.hasTimestamp) length = 12
  if (segment.sackCount > 0) length += 4 + 8 * segment.sackCount
  if (segment.mss !== 0) length += 4
  if (segment.windowScale >= 0) length += 4
  if (segment.fastOpen !== undefined) length += (segment.fastOpen.length + 5) & ~3
  // Takes the place of the two no-operations before a timestamp.
  if (segment.sackPermitted && !segment.hasTimestamp) length += 4
  return length
}

/** Bytes that `encodeTcp` writes: header, options padded to words, payload. */
export function tcpEncodedLength(segment: TcpSegment): number {
  return TCP_HEADER_LENGTH + optionsLength(segment) + segment.payload.length
}

/**
 * Writes header, options, payload and checksum at `start`. Options come in Linux's order: MSS, SACK-permitted, timestamps,
 * window scale, Fast Open, SACK blocks, padded with no-operations.
 * @param source IPv4 address as a number in [0, 2^32), for the checksum; or, of either version, both addresses' `addressSum`
 * @param destination likewise; left out with an `addressSum`
 * @returns one past the last byte written
 * @throws RangeError when the options take more than 40 bytes
 */
export function encodeTcp(segment: TcpSegment, bytes: Uint8Array, start: number, source: number, destination = 0): number {
  const headerLength = TCP_HEADER_LENGTH + optionsLength(segment)
  if (headerLength > TCP_HEADER_LENGTH + TCP_OPTIONS_LIMIT) throw new RangeError('the options of a TCP segment exceed 40 bytes')
  write16(bytes, start, segment.sourcePort)
  write16(bytes, start + 2, segment.destinationPort)
  write32(bytes, start + 4, segment.seq)
  write32(bytes, start + 8, segment.ack)
  bytes[start + 12] = headerLength << 2
  bytes[start + 13] = segment.flags
  write16(bytes, start + 14, segment.window)
  bytes[start + 16] = 0
  bytes[start + 17] = 0
  write16(bytes, start + 18, segment.urgent)
  if (headerLength !== TCP_HEADER_LENGTH) encodeOptions(segment, bytes, start + TCP_HEADER_LENGTH)
  const payloadStart = start + headerLength
  const length = segment.payload.length
  if (length > 0) bytes.set(segment.payload, payloadStart)
  const end = payloadStart + length
  write16(bytes, start + 16, finish(sum(bytes, start, end, pseudoHeaderSum(source, destination, TCP_PROTOCOL, end - start))))
  return end
}

function encodeOptions(segment: TcpSegment, bytes: Uint8Array, start: number): void {
  let at = start
  if (segment.mss !== 0) {
    bytes[at] = TcpOption.MSS
    bytes[at + 1] = 4
    write16(bytes, at + 2, segment.mss)
    at += 4
  }
  if (segment.hasTimestamp) {
    if (segment.sackPermitted) {
      bytes[at] = TcpOption.SACK_PERMITTED
      bytes[at + 1] = 2
    } else {
      bytes[at] = TcpOption.NOP
      bytes[at + 1] = TcpOption.NOP
    }
    bytes[at + 2] = TcpOption.TIMESTAMPS
    bytes[at + 3] = 10
    write32(bytes, at + 4, segment.tsVal)
    write32(bytes, at + 8, segment.tsEcr)
    at += 12
  } else if (segment.sackPermitted) {
    bytes[at] = TcpOption.NOP
    bytes[at + 1] = TcpOption.NOP
    bytes[at + 2] = TcpOption.SACK_PERMITTED
    bytes[at + 3] = 2
    at += 4
  }
  if (segment.windowScale >= 0) {
    bytes[at] = TcpOption.NOP
    bytes[at + 1] = TcpOption.WINDOW_SCALE
    bytes[at + 2] = 3
    bytes[at + 3] = segment.windowScale
    at += 4
  }
  if (segment.fastOpen !== undefined) {
    const { length } = segment.fastOpen
    for (const end = at + ((length + 5) & ~3) - length - 2; at < end; at++) bytes[at] = TcpOption.NOP
    bytes[at] = TcpOption.FAST_OPEN
    bytes[at + 1] = length + 2
    bytes.set(segment.fastOpen, at + 2)
    at += length + 2
  }
  if (segment.sackCount > 0) {
    bytes[at] = TcpOption.NOP
    bytes[at + 1] = TcpOption.NOP
    bytes[at + 2] = TcpOption.SACK
    bytes[at + 3] = 2 + 8 * segment.sackCount
    at += 4
    for (let i = 0; i < segment.sackCount * 2; i++, at += 4) write32(bytes, at, segment.sack[i])
  }
}

const FLAG_FIELDS: readonly (readonly [bit: number, name: string, label: string, short: string])[] = [
  [TcpFlag.CWR, 'cwr', 'Congestion window reduced', 'CWR'],
  [TcpFlag.ECE, 'ece', 'ECN echo', 'ECE'],
  [TcpFlag.URG, 'urg', 'Urgent', 'URG'],
  [TcpFlag.ACK, 'ack', 'Acknowledgment', 'ACK'],
  [TcpFlag.PSH, 'push', 'Push', 'PSH'],
  [TcpFlag.RST, 'reset', 'Reset', 'RST'],
  [TcpFlag.SYN, 'syn', 'Synchronize', 'SYN'],
  [TcpFlag.FIN, 'fin', 'Finish', 'FIN'],
]

/** `'SYN, ACK'`, in the order that people say it. */
function flagNames(flags: number): string {
  const names: string[] = []
  for (let i = FLAG_FIELDS.length - 1; i >= 0; i--) {
    const [bit, , , short] = FLAG_FIELDS[i]
    if ((flags & bit) !== 0 && bit !== TcpFlag.ACK) names.push(short)
  }
  if ((flags & TcpFlag.ACK) !== 0) names.push('ACK')
  return names.length === 0 ? 'none' : names.join(', ')
}

function optionField(bytes: Uint8Array, at: number, length: number): Field {
  const end = at + length
  const kind = bytes[at]
  if (kind === TcpOption.MSS && length === 4) {
    const value = read16(bytes, at + 2)
    return field('tcp.options.mss', 'Maximum segment size', `${String(value)} bytes`, at, end, [
      field('tcp.options.mss_val', 'MSS value', value, at + 2, end),
    ])
  }
  if (kind === TcpOption.WINDOW_SCALE && length === 3) {
    const shift = bytes[at + 2]
    return field('tcp.options.wscale', 'Window scale', `shift by ${String(shift)}`, at, end, [
      field('tcp.options.wscale.shift', 'Shift count', shift, at + 2, end),
    ])
  }
  if (kind === TcpOption.SACK_PERMITTED && length === 2) return field('tcp.options.sack_perm', 'SACK permitted', 'yes', at, end)
  if (kind === TcpOption.SACK && length >= 10 && (length - 2) % 8 === 0) {
    const edges: Field[] = []
    const ranges: string[] = []
    for (let edge = at + 2; edge < end; edge += 8) {
      const left = read32(bytes, edge)
      const right = read32(bytes, edge + 4)
      edges.push(field('tcp.options.sack_le', 'Left edge', left, edge, edge + 4))
      edges.push(field('tcp.options.sack_re', 'Right edge', right, edge + 4, edge + 8))
      ranges.push(`${String(left)}–${String(right)}`)
    }
    return field('tcp.options.sack', 'Selective acknowledgment', ranges.join(', '), at, end, edges)
  }
  if (kind === TcpOption.TIMESTAMPS && length === 10) {
    const value = read32(bytes, at + 2)
    const echo = read32(bytes, at + 6)
    return field('tcp.options.timestamp', 'Timestamps', `value ${String(value)}, echo reply ${String(echo)}`, at, end, [
      field('tcp.options.timestamp.tsval', 'Timestamp value', value, at + 2, at + 6),
      field('tcp.options.timestamp.tsecr', 'Timestamp echo reply', echo, at + 6, end),
    ])
  }
  if (kind === TcpOption.FAST_OPEN && isCookieLength(length - 2)) {
    const cookie = [...bytes.subarray(at + 2, end)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
    const shown = cookie === '' ? 'asks for a cookie' : `cookie ${cookie}`
    const parts = cookie === '' ? [] : [field('tcp.options.tfo.cookie', 'Cookie', cookie, at + 2, end)]
    return field('tcp.options.tfo', 'Fast Open', shown, at, end, parts)
  }
  return field('tcp.options.unknown', `Option ${String(kind)}`, `${String(length)} bytes`, at, end)
}

function optionFields(bytes: Uint8Array, start: number, end: number): Field[] {
  const fields: Field[] = []
  let at = start
  while (at < end) {
    const kind = bytes[at]
    if (kind === TcpOption.END) {
      fields.push(field('tcp.options.eol', 'End of options', '', at, at + 1))
      break
    }
    if (kind === TcpOption.NOP) {
      fields.push(field('tcp.options.nop', 'No operation', '', at, at + 1))
      at++
      continue
    }
    const length = at + 1 < end ? bytes[at + 1] : 0
    if (length < 2 || at + length > end) break
    fields.push(optionField(bytes, at, length))
    at += length
  }
  return fields
}

/**
 * The header from `start`, field by field, for the inspector; field names are Wireshark's. The layer ends with the header: the
 * payload from there to `end` is for whoever knows the application.
 * @param end one past the last byte of the segment, payload included
 * @param source with both addresses the layer's `problem` also tells of a wrong checksum
 * @throws DecodeError when not even the fixed header is there, or the data offset is impossible
 */
export function tcpLayer(bytes: Uint8Array, start: number, end: number, source?: IpAddress, destination?: IpAddress): Layer {
  const segment = new TcpSegment()
  let problem: string | undefined
  try {
    decodeTcp(bytes, start, end, segment)
  } catch (error) {
    const headerLength = end - start < TCP_HEADER_LENGTH ? 0 : (bytes[start + 12] >>> 4) * 4
    if (!(error instanceof DecodeError) || headerLength < TCP_HEADER_LENGTH || start + headerLength > end) throw error
    problem = error.message
  }
  const headerEnd = start + (bytes[start + 12] >>> 4) * 4
  if (problem === undefined && source !== undefined && destination !== undefined) {
    // A right segment sums to zero over its checksum; what is left over says what the checksum should have been.
    const found = read16(bytes, start + 16)
    const rest = sum(bytes, start, end, addressSum(source, destination) + TCP_PROTOCOL + end - start)
    if (finish(rest) !== 0) problem = `checksum should be ${hex(finish(rest + (~found & 0xffff)), 4)}`
  }
  const { sourcePort, destinationPort, seq, ack, flags, window, urgent } = segment
  const length = end - headerEnd
  const fields: Field[] = [
    field('tcp.srcport', 'Source port', sourcePort, start, start + 2),
    field('tcp.dstport', 'Destination port', destinationPort, start + 2, start + 4),
    field('tcp.seq_raw', 'Sequence number', seq, start + 4, start + 8),
    field('tcp.ack_raw', 'Acknowledgment number', ack, start + 8, start + 12),
    field('tcp.hdr_len', 'Header length', `${String(headerEnd - start)} bytes`, start + 12, start + 13),
    field(
      'tcp.flags',
      'Flags',
      `${hex(flags, 3)} (${flagNames(flags)})`,
      start + 12,
      start + 14,
      FLAG_FIELDS.map(([bit, name, label]) => field(`tcp.flags.${name}`, label, (flags & bit) !== 0, start + 13, start + 14)),
    ),
    field('tcp.window_size_value', 'Window', window, start + 14, start + 16),
    field('tcp.checksum', 'Checksum', hex(read16(bytes, start + 16), 4), start + 16, start + 18),
    field('tcp.urgent_pointer', 'Urgent pointer', urgent, start + 18, start + 20),
  ]
  if (headerEnd > start + TCP_HEADER_LENGTH) {
    const at = start + TCP_HEADER_LENGTH
    const options = optionFields(bytes, at, headerEnd)
    fields.push(field('tcp.options', 'Options', `${String(headerEnd - at)} bytes`, at, headerEnd, options))
  }
  const numbers = `seq ${String(seq)}` + ((flags & TcpFlag.ACK) === 0 ? '' : ` ack ${String(ack)}`)
  const summary =
    `${String(sourcePort)} → ${String(destinationPort)} [${flagNames(flags)}] ${numbers} win ${String(window)}` +
    (length === 0 ? '' : ` len ${String(length)}`)
  const layer = { protocol: 'tcp', title: 'Transmission Control Protocol', summary, start, end: headerEnd, fields }
  return problem === undefined ? layer : { ...layer, problem }
}
