/**
 * Two TCP connections and a link between them, on simulated time: stepped from wake-up to wake-up, with every segment encoded to bytes
 * and decoded again on the way.
 */
import { randomStream, type Random } from '../../src/kernel/random.ts'
import { tcpConfig, type TcpConfig } from '../../src/protocols/tcp/config.ts'
import { TcpConnection } from '../../src/protocols/tcp/connection.ts'
import type { FastOpenPeer } from '../../src/protocols/tcp/fast-open-peer.ts'
import type { TcpEvent, TcpFailure } from '../../src/protocols/tcp/event.ts'
import { decodeTcp, encodeTcp, TcpFlag, TcpSegment, tcpEncodedLength, verifyTcpChecksum } from '../../src/wire/tcp.ts'

export const MS = 1_000_000
export const SECOND = 1_000_000_000

/** What one direction of the link does. Times in nanoseconds. */
export interface PairLink {
  delay: number
  /** Bits a second; 0: infinitely fast. Counts 58 bytes of lower layers for each segment, as Ethernet and IPv4 with a point-to-point header would. */
  rate: number
  /** Bytes of lower layers that the rate counts for each segment. */
  overhead: number
  /** How many segments may wait. */
  queue: number
  loss: number
  duplicate: number
  /** Probability that a segment takes up to `reorderBy` longer. */
  reorder: number
  reorderBy: number
  /** Times during which everything is lost. */
  flaps: readonly (readonly [from: number, to: number])[]
  /** Probability that a segment sent as ECN-capable is marked: congestion experienced. */
  mark: number
  /** Decides by hand: true loses the segment. `count` from 1 counts this direction's segments. */
  drop?: (segment: TcpSegment, count: number, now: number) => boolean
}

const PLAIN_LINK: PairLink = {
  delay: 10 * MS,
  rate: 0,
  overhead: 34,
  queue: 10_000,
  loss: 0,
  duplicate: 0,
  reorder: 0,
  reorderBy: 0,
  flaps: [],
  mark: 0,
}

export type Side = 'a' | 'b'

/** A segment as it was seen on the wire. */
export interface Seen {
  readonly from: Side
  /** When it was handed to the link. */
  readonly at: number
  readonly lost: boolean
  /** `'SYN ACK'`. */
  readonly flags: string
  /** Positions: relative to each side's initial sequence number. */
  readonly seq: number
  readonly ack: number
  readonly length: number
  readonly window: number
  readonly segment: TcpSegment
}

export interface Recorded {
  readonly at: number
  readonly side: Side
  readonly name: string
  readonly data: Readonly<Record<string, string | number | boolean | null>>
}

interface Flight {
  readonly at: number
  readonly order: number
  readonly to: Side
  readonly bytes: Uint8Array
  /** Of the packet around it. */
  readonly ecn: number
}

/** What an application does with its end. */
export interface Driver {
  /** Called after every event of the connection, and whenever `wakeAt` has come. */
  run(end: End, now: number): void
  /** When to be called next, if nothing happens before; `Infinity`: not. */
  wakeAt(): number
}

export interface End {
  readonly side: Side
  readonly connection: TcpConnection
  readonly events: TcpEvent['type'][]
  failure: TcpFailure | undefined
  closed: boolean
  closedAt: number
}

const ADDRESS = { a: 0x0a000001, b: 0x0a000002 } as const

export function flagText(flags: number): string {
  const names: string[] = []
  for (const name of ['SYN', 'FIN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'] as const)
    if ((flags & TcpFlag[name]) !== 0) names.push(name)
  return names.join(' ')
}

export interface PairOptions {
  a?: Readonly<Partial<TcpConfig>>
  b?: Readonly<Partial<TcpConfig>>
  /** Both directions, unless `toA` or `toB` say otherwise. */
  link?: Partial<PairLink>
  toA?: Partial<PairLink>
  toB?: Partial<PairLink>
  seed?: number
  isnA?: number
  isnB?: number
  /** b connects too: simultaneous open. */
  bothActive?: boolean
  drivers?: Partial<Record<Side, Driver>>
  /** What a knows of the server before it connects. */
  fastOpen?: FastOpenPeer
  /** Keep every segment and record (the default), or not. */
  keep?: boolean
}

export class TcpPair {
  now = 0
  readonly a: End
  readonly b: End
  readonly seen: Seen[] = []
  readonly records: Recorded[] = []
  readonly links: Record<Side, PairLink>
  /** How many steps were taken. */
  steps = 0
  /** How many segments were sent. */
  sentCount = 0
  private readonly flights: Flight[] = []
  private order = 0
  private readonly random: Random
  private readonly lineFreeAt: Record<Side, number> = { a: 0, b: 0 }
  private readonly departures: Record<Side, number[]> = { a: [], b: [] }
  private readonly counts: Record<Side, number> = { a: 0, b: 0 }
  private readonly drivers: Partial<Record<Side, Driver>>
  private readonly keep: boolean

  constructor(options: PairOptions = {}) {
    this.random = randomStream(options.seed ?? 1, 'pair')
    // Named by the receiver.
    this.links = {
      a: { ...PLAIN_LINK, ...options.link, ...options.toA },
      b: { ...PLAIN_LINK, ...options.link, ...options.toB },
    }
    this.keep = options.keep ?? true
    this.drivers = options.drivers ?? {}
    this.a = this.makeEnd('a', options.a ?? {}, options.isnA ?? 1000, false, options.fastOpen)
    this.b = this.makeEnd('b', options.b ?? {}, options.isnB ?? 2_000_000_000, options.bothActive !== true)
  }

  private makeEnd(side: Side, config: Readonly<Partial<TcpConfig>>, isn: number, passive: boolean, fastOpen?: FastOpenPeer): End {
    const connection = new TcpConnection({
      config: tcpConfig(config),
      localPort: side === 'a' ? 49152 : 80,
      remotePort: side === 'a' ? 80 : 49152,
      isn,
      passive,
      ...(fastOpen !== undefined && { fastOpen }),
      keeper: {
        record: (name, data) => {
          if (this.keep) this.records.push({ at: this.now, side, name, data })
        },
        isBrief: false,
        synAckRetries: (most) => most,
      },
    })
    return { side, connection, events: [], failure: undefined, closed: false, closedAt: -1 }
  }

  end(side: Side): End {
    return side === 'a' ? this.a : this.b
  }

  /** Opens from side a. */
  connect(): this {
    this.a.connection.connect(this.now)
    this.settle()
    return this
  }

  /** Opens and runs until both sides are established. */
  establish(): this {
    this.connect()
    this.runUntil(() => this.a.connection.state === 'ESTABLISHED' && this.b.connection.state === 'ESTABLISHED')
    return this
  }

  /** Does something to a side, then lets everything that follows at once happen. */
  act<T>(side: Side, action: (connection: TcpConnection, now: number) => T): T {
    const result = action(this.end(side).connection, this.now)
    this.settle()
    return result
  }

  /** Drains both sides until nothing more is to be sent or told at this time. */
  settle(): void {
    let busy = true
    while (busy) {
      busy = false
      for (const end of [this.a, this.b]) {
        for (let segment = end.connection.pollTransmit(this.now); segment !== undefined;) {
          this.transmit(end.side, segment)
          segment = end.connection.pollTransmit(this.now)
          busy = true
        }
        let told = false
        for (let event = end.connection.pollEvent(); event !== undefined; event = end.connection.pollEvent()) {
          if (this.keep || event.type === 'closed') end.events.push(event.type)
          if (event.type === 'closed') {
            end.closed = true
            end.closedAt = this.now
            end.failure = event.error
          }
          told = true
        }
        const driver = this.drivers[end.side]
        if (driver !== undefined && (told || driver.wakeAt() <= this.now)) {
          driver.run(end, this.now)
          busy = true
        }
      }
    }
  }

  private transmit(from: Side, segment: TcpSegment): void {
    const to: Side = from === 'a' ? 'b' : 'a'
    const link = this.links[to]
    const bytes = new Uint8Array(tcpEncodedLength(segment))
    encodeTcp(segment, bytes, 0, ADDRESS[from], ADDRESS[to])
    this.sentCount++
    const count = ++this.counts[to]
    const decoded = decodeTcp(bytes, 0, bytes.length, new TcpSegment())
    decoded.retransmission = segment.retransmission
    decoded.probe = segment.probe
    decoded.ecn = segment.ecn
    if (segment.ecn !== 0 && link.mark > 0 && this.random.next() < link.mark) decoded.ecn = 3
    let lost =
      link.drop?.(decoded, count, this.now) === true ||
      (link.loss > 0 && this.random.next() < link.loss) ||
      link.flaps.some(([start, end]) => this.now >= start && this.now < end)
    let departs = this.now
    if (link.rate > 0) {
      const waiting = this.departures[to]
      while (waiting.length > 0 && waiting[0] <= this.now) waiting.shift()
      // What is on the line does not wait.
      if (waiting.length > link.queue) lost = true
      else {
        departs = Math.max(this.now, this.lineFreeAt[to]) + Math.ceil(((bytes.length + link.overhead) * 8 * SECOND) / link.rate)
        this.lineFreeAt[to] = departs
        waiting.push(departs)
      }
    }
    if (this.keep) {
      const [mine, other] = [this.end(from).connection.block, this.end(to).connection.block]
      this.seen.push({
        from,
        at: this.now,
        lost,
        flags: flagText(decoded.flags),
        seq: (decoded.seq - mine.iss) >>> 0,
        ack: (decoded.flags & TcpFlag.ACK) === 0 ? 0 : (decoded.ack - other.iss) >>> 0,
        length: decoded.payload.length,
        window: decoded.window,
        segment: decoded,
      })
    }
    if (lost) return
    const copies = link.duplicate > 0 && this.random.next() < link.duplicate ? 2 : 1
    for (let i = 0; i < copies; i++) {
      let at = departs + link.delay
      if (link.reorder > 0 && this.random.next() < link.reorder) at += this.random.below(link.reorderBy + 1)
      this.insert({ at, order: this.order++, to, bytes, ecn: decoded.ecn })
    }
  }

  /** A binary search from the end: most flights arrive after all others. */
  private insert(flight: Flight): void {
    const { flights } = this
    let index = flights.length
    while (index > 0 && flights[index - 1].at > flight.at) index--
    flights.splice(index, 0, flight)
  }

  /** Hands a segment to a side as if it had come from the other, at once. */
  inject(to: Side, fill: (segment: TcpSegment) => void): void {
    const segment = new TcpSegment()
    segment.sourcePort = to === 'a' ? 80 : 49152
    segment.destinationPort = to === 'a' ? 49152 : 80
    fill(segment)
    this.end(to).connection.handle(segment, this.now)
    this.settle()
  }

  /** When something will happen next; `Infinity`: never. */
  nextWakeUp(): number {
    let next = this.flights.length > 0 ? this.flights[0].at : Infinity
    for (const end of [this.a, this.b]) {
      next = Math.min(next, end.connection.pollTimeout() ?? Infinity, this.drivers[end.side]?.wakeAt() ?? Infinity)
    }
    return Math.max(next, this.now)
  }

  /** Goes to the next wake-up; false when there is none. */
  step(): boolean {
    const next = this.nextWakeUp()
    if (next === Infinity) return false
    this.now = next
    this.steps++
    const flight = this.flights[0] as Flight | undefined
    if (flight !== undefined && flight.at <= next) {
      this.flights.shift()
      const { bytes, to, ecn } = flight
      const from: Side = to === 'a' ? 'b' : 'a'
      if (!verifyTcpChecksum(bytes, 0, bytes.length, ADDRESS[from], ADDRESS[to])) throw new Error('a checksum is wrong')
      const segment = decodeTcp(bytes, 0, bytes.length, new TcpSegment())
      segment.ecn = ecn
      this.end(to).connection.handle(segment, this.now)
    } else {
      for (const end of [this.a, this.b]) {
        const timeout = end.connection.pollTimeout()
        if (timeout !== undefined && timeout <= this.now) end.connection.handleTimeout(this.now)
      }
    }
    this.settle()
    return true
  }

  runUntil(condition: () => boolean, limit = 10_000_000): void {
    for (let i = 0; !condition(); i++) {
      if (i > limit) throw new Error('the condition was never met')
      if (!this.step()) throw new Error('nothing is left to happen, and the condition is not met')
    }
  }

  /** Lets simulated time pass. */
  runFor(duration: number): void {
    const until = this.now + duration
    while (this.nextWakeUp() <= until) this.step()
    this.now = until
  }

  /** Runs until nothing is left to happen. */
  runToEnd(limit = 10_000_000): void {
    for (let i = 0; this.step(); i++) if (i > limit) throw new Error('it never ends')
  }

  /** Takes out of the link what is on its way. */
  loseFlights(): void {
    this.flights.length = 0
  }

  /** Segments from a side, as short texts: `'ACK 1:1461(1460)'`. */
  lines(from: Side): string[] {
    return this.seen
      .filter((seen) => seen.from === from)
      .map(
        (seen) => `${seen.flags} ${String(seen.seq)}+${String(seen.length)} ack ${String(seen.ack)}${seen.lost ? ' lost' : ''}`,
      )
  }

  recorded(side: Side, name: string): Recorded[] {
    return this.records.filter((record) => record.side === side && record.name === name)
  }
}

/** Reads all that is readable, into one array. */
export function readAll(connection: TcpConnection): Uint8Array {
  const parts: Uint8Array[] = []
  for (let part = connection.read(); part !== undefined; part = connection.read()) parts.push(part)
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Bytes in which any shift, loss or repetition shows. */
export function pattern(length: number, salt = 0): Uint8Array {
  const bytes = new Uint8Array(length)
  let word = (salt * 2654435761 + 1) >>> 0
  for (let i = 0; i < length; i++) {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0
    bytes[i] = word >>> 24
  }
  return bytes
}

/** Sends some bytes, reads everything, and closes when both is done. */
export class TransferDriver implements Driver {
  readonly received: Uint8Array[] = []
  receivedBytes = 0
  /** When the last byte was read. */
  lastReadAt = -1
  private sentBytes = 0
  private nextReadAt = 0
  private readonly data: Uint8Array
  private readonly options: { chunk: number; readLimit: number; readInterval: number; keep: boolean }

  constructor(data: Uint8Array, options: Partial<TransferDriver['options']> = {}) {
    this.data = data
    this.options = { chunk: 65536, readLimit: Infinity, readInterval: 0, keep: true, ...options }
  }

  wakeAt(): number {
    return this.nextReadAt > 0 ? this.nextReadAt : Infinity
  }

  run(end: End, now: number): void {
    const { connection } = end
    if (now >= this.nextReadAt) {
      this.nextReadAt = 0
      let taken = 0
      const { readLimit, readInterval } = this.options
      while (readInterval === 0 || taken < readLimit) {
        const bytes = connection.read(readInterval === 0 ? readLimit : readLimit - taken)
        if (bytes === undefined) break
        taken += bytes.length
        if (this.options.keep) this.received.push(bytes.slice())
        this.receivedBytes += bytes.length
        this.lastReadAt = now
      }
      if (readInterval > 0 && connection.readableBytes > 0) this.nextReadAt = now + this.options.readInterval
    }
    if (end.closed || connection.state === 'SYN-SENT' || connection.state === 'SYN-RECEIVED') return
    while (this.sentBytes < this.data.length) {
      const chunk = this.data.subarray(this.sentBytes, this.sentBytes + this.options.chunk)
      const taken = connection.send(chunk)
      this.sentBytes += taken
      if (taken < chunk.length) return
    }
    if (connection.receivedFin && connection.readableBytes === 0) connection.close(now)
    else connection.shutdown(now)
  }

  whole(): Uint8Array {
    const whole = new Uint8Array(this.receivedBytes)
    let at = 0
    for (const part of this.received) {
      whole.set(part, at)
      at += part.length
    }
    return whole
  }
}
