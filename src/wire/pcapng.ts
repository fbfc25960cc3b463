// Writing captures: pcapng, draft-ietf-opsawg-pcapng (sections 3 and 4). Little-endian, one section, nanosecond timestamps.

/** LINKTYPE_ETHERNET, draft-ietf-opsawg-pcaplinktype. */
const LINKTYPE_ETHERNET = 1

const BlockType = { SECTION_HEADER: 0x0a0d0d0a, INTERFACE_DESCRIPTION: 1, ENHANCED_PACKET: 6, DECRYPTION_SECRETS: 10 } as const

/** Secrets type of a TLS key log, section 4.7: the letters `TLSK`. */
const TLS_KEY_LOG = 0x544c534b

const BYTE_ORDER_MAGIC = 0x1a2b3c4d

/** Option codes; they have a meaning of their own in each block (sections 3.5, 4.1, 4.2, 4.3). */
const Option = {
  END: 0,
  COMMENT: 1,
  SECTION_HARDWARE: 2,
  SECTION_OS: 3,
  SECTION_APPLICATION: 4,
  INTERFACE_NAME: 2,
  INTERFACE_DESCRIPTION: 3,
  INTERFACE_SPEED: 8,
  INTERFACE_TIME_RESOLUTION: 9,
  PACKET_FLAGS: 2,
} as const

/** Timestamps count units of 10^-9 s. */
const NANOSECONDS = 9

/** Bits of the packet flags word, section 4.3.1. */
const FLAG_INBOUND = 1
const FLAG_OUTBOUND = 2
const FLAG_CRC_ERROR = 1 << 24

/** An option's length field has 16 bits; a longer text is cut at a character. */
const TEXT_LIMIT = 0xffff

/** What a capture says about itself. */
export interface PcapngSection {
  readonly hardware?: string
  readonly os?: string
  /** The program that writes it, with its version. */
  readonly application?: string
  readonly comment?: string
}

/** Where packets were captured. */
export interface PcapngInterface {
  readonly name: string
  readonly description?: string
  /** Bits per second. */
  readonly speed?: number
  /** A link type; `LINKTYPE_ETHERNET` when not given. */
  readonly linkType?: number
}

/** One captured packet. */
export interface PcapngPacket {
  /** What `addInterface` returned. */
  readonly interface: number
  /** Nanoseconds since 1970-01-01, in [0, 2^53). */
  readonly time: number
  readonly bytes: Uint8Array
  /** Length on the wire, when `bytes` were cut. */
  readonly originalLength?: number
  readonly comment?: string
  /** As seen from the interface. */
  readonly direction?: 'inbound' | 'outbound'
  /** Whether the frame check sequence was wrong. */
  readonly crcError?: boolean
}

/** A text in UTF-8, at most `TEXT_LIMIT` bytes of it. A lone surrogate becomes U+FFFD. */
function utf8(text: string): number[] {
  const bytes: number[] = []
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0
    const code = point >= 0xd800 && point <= 0xdfff ? 0xfffd : point
    const length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4
    if (bytes.length + length > TEXT_LIMIT) break
    if (length === 1) {
      bytes.push(code)
      continue
    }
    bytes.push(((0xf00 >>> length) & 0xff) | (code >>> (6 * (length - 1))))
    for (let shift = 6 * (length - 2); shift >= 0; shift -= 6) bytes.push(0x80 | ((code >>> shift) & 0x3f))
  }
  return bytes
}

/** Bytes up to the next 4-byte boundary. */
function padded(length: number): number {
  return (length + 3) & ~3
}

/**
 * Writes a capture into memory, block by block: interfaces must be added before their packets. Packets
 * stand in the file as they are added, which is the order of time, but for those of which somebody knows better.
 * `take` may be called as often as wanted, to pass on what is there; the pieces in order are the file.
 */
export class PcapngWriter {
  private buffer = new Uint8Array(1 << 16)
  private length = 0
  private interfaces = 0

  constructor(section: PcapngSection = {}) {
    const start = this.begin(BlockType.SECTION_HEADER)
    this.uint32(BYTE_ORDER_MAGIC)
    this.uint16(1)
    this.uint16(0)
    // Section length: unknown (-1).
    this.uint32(0xffff_ffff)
    this.uint32(0xffff_ffff)
    this.text(Option.COMMENT, section.comment)
    this.text(Option.SECTION_HARDWARE, section.hardware)
    this.text(Option.SECTION_OS, section.os)
    this.text(Option.SECTION_APPLICATION, section.application)
    this.uint32(Option.END)
    this.end(start)
  }

  /** Adds an interface; returns its number, from 0. */
  addInterface(described: PcapngInterface): number {
    const start = this.begin(BlockType.INTERFACE_DESCRIPTION)
    this.uint16(described.linkType ?? LINKTYPE_ETHERNET)
    this.uint16(0)
    // Snapshot length: no limit.
    this.uint32(0)
    this.text(Option.INTERFACE_NAME, described.name)
    this.text(Option.INTERFACE_DESCRIPTION, described.description)
    if (described.speed !== undefined) {
      this.option(Option.INTERFACE_SPEED, 8)
      this.uint32(described.speed)
      this.uint32(Math.floor(described.speed / 0x1_0000_0000))
    }
    this.option(Option.INTERFACE_TIME_RESOLUTION, 1)
    this.uint32(NANOSECONDS)
    this.uint32(Option.END)
    this.end(start)
    return this.interfaces++
  }

  /**
   * Adds a packet.
   * @throws RangeError when its interface was never added
   */
  addPacket(packet: PcapngPacket): void {
    if (packet.interface >= this.interfaces) throw new RangeError(`no interface ${String(packet.interface)} in this capture`)
    const { bytes, time } = packet
    const start = this.begin(BlockType.ENHANCED_PACKET)
    this.uint32(packet.interface)
    this.uint32(Math.floor(time / 0x1_0000_0000))
    this.uint32(time)
    this.uint32(bytes.length)
    this.uint32(packet.originalLength ?? bytes.length)
    this.bytes(bytes)
    const direction = packet.direction === 'inbound' ? FLAG_INBOUND : packet.direction === 'outbound' ? FLAG_OUTBOUND : 0
    const flags = direction | (packet.crcError === true ? FLAG_CRC_ERROR : 0)
    if (flags !== 0 || packet.comment !== undefined) {
      this.text(Option.COMMENT, packet.comment)
      if (flags !== 0) {
        this.option(Option.PACKET_FLAGS, 4)
        this.uint32(flags)
      }
      this.uint32(Option.END)
    }
    this.end(start)
  }

  /**
   * Adds a Decryption Secrets Block (section 4.7): secrets of TLS for packets that come later in the file.
   * @param keyLog lines as programs write them to SSLKEYLOGFILE, in ASCII, each with its end
   */
  addTlsSecrets(keyLog: string): void {
    const start = this.begin(BlockType.DECRYPTION_SECRETS)
    this.uint32(TLS_KEY_LOG)
    this.uint32(keyLog.length)
    const end = this.length + padded(keyLog.length)
    this.reserve(end - this.length)
    for (let i = 0; i < keyLog.length; i++) this.buffer[this.length + i] = keyLog.charCodeAt(i)
    this.buffer.fill(0, this.length + keyLog.length, end)
    this.length = end
    this.uint32(Option.END)
    this.end(start)
  }

  /** What was written since the last call, as bytes that are the caller's. */
  take(): Uint8Array {
    const taken = this.buffer.slice(0, this.length)
    this.length = 0
    return taken
  }

  /** Begins a block; returns where, for `end`. */
  private begin(type: number): number {
    const start = this.length
    this.uint32(type)
    this.uint32(0)
    return start
  }

  /** Ends a block: its total length stands before and behind its body. */
  private end(start: number): void {
    const total = this.length + 4 - start
    this.uint32(total)
    const end = this.length
    this.length = start + 4
    this.uint32(total)
    this.length = end
  }

  private reserve(length: number): void {
    if (this.length + length <= this.buffer.length) return
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, this.length + length))
    larger.set(this.buffer.subarray(0, this.length))
    this.buffer = larger
  }

  private uint16(value: number): void {
    this.reserve(2)
    this.buffer[this.length++] = value
    this.buffer[this.length++] = value >>> 8
  }

  private uint32(value: number): void {
    this.reserve(4)
    const { buffer, length } = this
    buffer[length] = value
    buffer[length + 1] = value >>> 8
    buffer[length + 2] = value >>> 16
    buffer[length + 3] = value >>> 24
    this.length = length + 4
  }

  /** Bytes, padded with zeros to a 4-byte boundary. */
  private bytes(bytes: ArrayLike<number>): void {
    const end = this.length + padded(bytes.length)
    this.reserve(end - this.length)
    this.buffer.set(bytes, this.length)
    this.buffer.fill(0, this.length + bytes.length, end)
    this.length = end
  }

  private option(code: number, length: number): void {
    this.uint16(code)
    this.uint16(length)
  }

  private text(code: number, text: string | undefined): void {
    if (text === undefined) return
    const bytes = utf8(text)
    this.option(code, bytes.length)
    this.bytes(bytes)
  }
}
