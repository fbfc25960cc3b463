/**
 * SYN cookies: a listener that remembers nothing of a SYN (RFC 4987 section 3.6), the way Linux does it.
 *
 * How it works. What has to be remembered is put into the answer, so that the last segment of the handshake brings it back. The initial
 * sequence number holds a count of minutes, an index into a short table of segment sizes, and over both a hash that only this host can
 * compute. The other options do not fit: if the peer sends timestamps, they take the place of the lowest six bits of ours; if it
 * does not, the connection has neither window scaling nor SACK.
 */
import type { Nanos } from '../endpoint.ts'
import { TcpFlag, type TcpSegment } from '../../wire/tcp.ts'
import type { IpAddress } from '../../wire/address.ts'
import type { TcpConfig } from './config.ts'
import { timestampAt, windowShift } from './control-block.ts'
import { addressWords, KeyedHash } from './keyed-hash.ts'

/** Segment sizes that a cookie can tell, for IPv4 and IPv6, as in Linux. The largest that is not too large is taken. */
const SIZES_4 = [536, 1300, 1440, 1460] as const
const SIZES_6 = [1220, 1420, 1440, 8940] as const
/** How long a count lasts, and how old one may be. */
const COUNT_PERIOD: Nanos = 60_000_000_000
const OLDEST = 2
/** What takes the place of the lowest bits of a timestamp. */
const OPTION_BITS = 6
const NO_SCALE = 0xf
const SACK_BIT = 0x10

/** Who talks to whom. */
export interface CookieTuple {
  readonly local: IpAddress
  readonly remote: IpAddress
}

export class SynCookies {
  private readonly outer: KeyedHash
  private readonly inner: KeyedHash

  /** @param random gives 32 bits each time */
  constructor(random: () => number) {
    this.outer = new KeyedHash(random)
    this.inner = new KeyedHash(random)
  }

  /**
   * The answer to a SYN, ports included, of which nothing has to be remembered.
   * @param into is filled and returned
   */
  answer(syn: TcpSegment, tuple: CookieTuple, config: TcpConfig, now: Nanos, into: TcpSegment): TcpSegment {
    const sizes = sizesFor(tuple)
    let index = sizes.length - 1
    const offered = syn.mss === 0 ? sizes[0] : syn.mss
    while (index > 0 && sizes[index] > offered) index--
    const count = Math.floor(now / COUNT_PERIOD)
    const words = tupleWords(syn.destinationPort, syn.sourcePort, tuple)
    const base = this.outer.update(words) + syn.seq + count * 0x100_0000
    const hidden = (this.inner.update([...words, count]) + index) & 0xff_ffff

    into.clear()
    into.sourcePort = syn.destinationPort
    into.destinationPort = syn.sourcePort
    into.flags = TcpFlag.SYN | TcpFlag.ACK
    into.seq = (base + hidden) >>> 0
    into.ack = (syn.seq + 1) >>> 0
    into.window = Math.min(0xffff, config.receiveBuffer)
    into.mss = config.mss
    if (config.timestamps && syn.hasTimestamp) {
      const scales = config.windowScaling && syn.windowScale >= 0
      into.sackPermitted = config.sack && syn.sackPermitted
      if (scales) into.windowScale = windowShift(config)
      const options = (scales ? Math.min(14, syn.windowScale) : NO_SCALE) | (into.sackPermitted ? SACK_BIT : 0)
      into.hasTimestamp = true
      into.tsVal = hideOptions(timestampAt(into.seq, now), options)
      into.tsEcr = syn.tsVal
    }
    return into
  }

  /**
   * The SYN that an acknowledgment answers to, if it brings back a cookie of ours that is not older than two minutes.
   * @param into is filled with what is known of that SYN
   * @returns whether the cookie is right
   */
  recall(ack: TcpSegment, tuple: CookieTuple, config: TcpConfig, now: Nanos, into: TcpSegment): boolean {
    const sizes = sizesFor(tuple)
    const words = tupleWords(ack.destinationPort, ack.sourcePort, tuple)
    const seq = (ack.seq - 1) >>> 0
    const rest = (ack.ack - 1 - this.outer.update(words) - seq) >>> 0
    const count = Math.floor(now / COUNT_PERIOD)
    const age = (count - (rest >>> 24)) & 0xff
    if (age >= OLDEST) return false
    const index = (rest - this.inner.update([...words, count - age])) & 0xff_ffff
    if (index >= sizes.length) return false

    into.clear()
    into.sourcePort = ack.sourcePort
    into.destinationPort = ack.destinationPort
    into.flags = TcpFlag.SYN
    into.seq = seq
    into.mss = sizes[index]
    // The window of the SYN is forgotten; the acknowledgment, which is taken next, names the present one.
    into.window = Math.min(0xffff, ack.window)
    if (config.timestamps && ack.hasTimestamp) {
      const options = ack.tsEcr & ((1 << OPTION_BITS) - 1)
      const scale = options & 0xf
      into.hasTimestamp = true
      into.tsVal = ack.tsVal
      into.sackPermitted = config.sack && (options & SACK_BIT) !== 0
      if (scale !== NO_SCALE && config.windowScaling) into.windowScale = scale
    }
    return true
  }
}

function sizesFor({ local }: CookieTuple): readonly number[] {
  return typeof local === 'number' ? SIZES_4 : SIZES_6
}

function tupleWords(localPort: number, remotePort: number, { local, remote }: CookieTuple): number[] {
  return [...addressWords(local), ...addressWords(remote), (localPort << 16) | remotePort]
}

/** Options in the lowest bits, without going past the time. */
function hideOptions(timestamp: number, options: number): number {
  const hidden = ((timestamp & ~((1 << OPTION_BITS) - 1)) | options) >>> 0
  return ((hidden - timestamp) | 0) > 0 ? (hidden - (1 << OPTION_BITS)) >>> 0 : hidden
}
