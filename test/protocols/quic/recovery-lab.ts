import { randomBytesFrom, type RandomBytes } from '../../../src/crypto/random-bytes.ts'
import { randomStream } from '../../../src/kernel/random.ts'
import { Path } from '../../../src/protocols/quic/path.ts'
import { LossRecovery, type LossTrigger, type RecoveryObserver } from '../../../src/protocols/quic/recovery/loss-recovery.ts'
import { APPLICATION, type PacketSpace } from '../../../src/protocols/quic/recovery/packet-space.ts'
import { ReceivedPackets } from '../../../src/protocols/quic/recovery/received-packets.ts'
import type { SentPacket } from '../../../src/protocols/quic/recovery/sent-packets.ts'
import type { AckFrame } from '../../../src/wire/quic/frame.ts'

export const MS = 1_000_000
export const SECOND = 1_000_000_000
/** Bytes of every full packet here. */
export const SIZE = 1200

/** Seeded random bytes. */
export function bytesOf(seed: number, purpose = 'bytes'): RandomBytes {
  return randomBytesFrom(randomStream(seed, purpose))
}

/** A source of random bytes that are all zeros: packet numbers are left out as early as can be. */
export const zeros: RandomBytes = (length) => new Uint8Array(length)

export interface LabOptions {
  readonly congestionControl?: 'cubic' | 'new-reno'
  readonly cubicReno?: 'rfc9438' | 'whole-segment'
  readonly pacing?: boolean
  readonly ecn?: boolean
  readonly maxUdpPayload?: number
  readonly initialRtt?: number
}

/** In bytes, of packets in a download. */
export interface DownloadOptions extends LabOptions {
  readonly packet?: number
}

const ADDRESS = { address: 0x0a00_0001, port: 4433 }

/** A path of 1,200 bytes that is validated. */
export function pathOf(options: LabOptions = {}): Path {
  return new Path(
    ADDRESS,
    { address: 0x0a00_0002, port: 443 },
    { maxUdpPayload: SIZE, ecn: false, ...options },
    false,
    bytesOf(1),
  )
}

/** An ACK frame of ranges, smallest and largest each, in falling order. */
export function ackOf(ranges: readonly number[], delay = 0, ecn?: AckFrame['ecn']): AckFrame {
  return { type: 'ACK', largest: ranges[1], delay, ranges, ecn }
}

/** What an observer was told. */
export interface Told {
  readonly acknowledged: number[]
  readonly lost: number[]
  readonly triggers: LossTrigger[]
  readonly disproved: number[]
  readonly probes: [space: PacketSpace, count: number][]
  persistent: number
}

/** A sender of packets of the application space, confirmed, whose frames are nothing but a name. */
export class Sender implements RecoveryObserver<string> {
  readonly told: Told = { acknowledged: [], lost: [], triggers: [], disproved: [], probes: [], persistent: 0 }
  readonly path: Path
  readonly recovery: LossRecovery<string>

  constructor(options: LabOptions & { readonly isClient?: boolean; readonly confirmed?: boolean } = {}, random = bytesOf(2)) {
    this.path = pathOf(options)
    this.recovery = new LossRecovery({ isClient: options.isClient ?? false, random }, this.path, this)
    if (options.confirmed ?? true) this.recovery.handshakeConfirmed(0)
  }

  packetAcknowledged(_space: PacketSpace, packet: SentPacket<string>): void {
    this.told.acknowledged.push(packet.number)
  }

  packetLost(_space: PacketSpace, packet: SentPacket<string>, trigger: LossTrigger): void {
    this.told.lost.push(packet.number)
    this.told.triggers.push(trigger)
  }

  lossDisproved(_space: PacketSpace, packet: SentPacket<string>): void {
    this.told.disproved.push(packet.number)
  }

  persistentCongestion(): void {
    this.told.persistent++
  }

  probeTimeout(space: PacketSpace, count: number): void {
    this.told.probes.push([space, count])
  }

  /** Sends so many full packets. @returns their numbers */
  send(count: number, now: number, space: PacketSpace = APPLICATION): number[] {
    return Array.from({ length: count }, () => {
      const number = this.recovery.nextNumber(space)
      this.recovery.packetSent(space, this.path, SIZE, 'eliciting', this.path.ecn.marks, [`packet ${String(number)}`], -1, now)
      return number
    })
  }

  acknowledge(ranges: readonly number[], now: number, ecn?: AckFrame['ecn'], space: PacketSpace = APPLICATION): void {
    this.recovery.handleAck(space, ackOf(ranges, 0, ecn), now)
  }
}

/** One direction of a link: a rate in bits a second, a one-way delay, a queue in bytes that drops what does not fit, and losses by chance. */
export interface LinkOptions {
  readonly rate: number
  readonly delay: number
  readonly queue: number
  readonly loss: number
  /** Bytes below QUIC in each frame: Ethernet, IPv4 and UDP. */
  readonly overhead?: number
}

class Direction {
  private freeAt = 0
  private readonly random

  constructor(
    private readonly link: LinkOptions,
    seed: number,
    purpose: string,
  ) {
    this.random = randomStream(seed, purpose)
  }

  /** When a frame of that size arrives; -1: it does not. */
  carry(size: number, now: number): number {
    const { rate, delay, queue, loss, overhead = 42 } = this.link
    const bytes = size + overhead
    const waiting = (Math.max(0, this.freeAt - now) * rate) / 8e9
    const isLost = this.random.next() < loss
    if (waiting + bytes > queue) return -1
    this.freeAt = Math.max(this.freeAt, now) + (bytes * 8e9) / rate
    return isLost ? -1 : Math.round(this.freeAt + delay)
  }
}

/** What became of a download. */
export interface Download {
  /** When the last byte had come, in nanoseconds. */
  readonly doneAt: number
  /** Time in seconds and congestion window in bytes, whenever it changed. */
  readonly window: (readonly [time: number, bytes: number])[]
  readonly lost: number
  readonly disproved: number
  readonly probeTimeouts: number
  readonly persistent: number
  readonly sent: number
}

type Happening = { readonly at: number; readonly order: number; readonly run: (now: number) => void }

/**
 * A download over one link, of nothing but loss recovery and acknowledgments: no handshake, no flow control, packets of one size. What is
 * lost is sent again before what is new.
 * @param until when it is broken off at the latest, in seconds
 */
export function download(bytes: number, link: LinkOptions, seed: number, options: DownloadOptions = {}, until = 300): Download {
  const [forward, back] = [new Direction(link, seed, 'forward'), new Direction(link, seed, 'back')]
  const { packet: size = SIZE } = options
  const payload = size - 40
  const total = Math.ceil(bytes / payload)
  const missing = new Set(Array.from({ length: total }, (_, index) => `packet ${String(index)}`))
  const todo: string[] = []
  let fresh = 0
  const queue: Happening[] = []
  let order = 0
  const at = (time: number, run: (now: number) => void): void => {
    const happening = { at: time, order: order++, run }
    let i = queue.length
    while (i > 0 && queue[i - 1].at > time) i--
    queue.splice(i, 0, happening)
  }
  const window: (readonly [number, number])[] = []
  let [lost, disproved, probeTimeouts, persistent, sent] = [0, 0, 0, 0, 0]
  const acknowledged = new Set<string>()
  const path = pathOf(options)
  path.congestion.resized(size)
  const recovery: LossRecovery<string> = new LossRecovery<string>({ isClient: false, random: bytesOf(seed) }, path, {
    packetAcknowledged: (_, packet) => {
      for (const frame of packet.frames) acknowledged.add(frame)
    },
    packetLost: (_, packet) => {
      lost++
      todo.push(...packet.frames)
    },
    lossDisproved: () => disproved++,
    persistentCongestion: () => persistent++,
    probeTimeout: () => probeTimeouts++,
  })
  recovery.handshakeConfirmed(0)
  recovery.peerMaxAckDelay = 25 * MS
  const received = new ReceivedPackets(25 * MS)
  let doneAt = -1

  const answer = (now: number): void => {
    if (!received.ackNow && !(received.ackAt >= 0 && received.ackAt <= now)) return
    const ack = received.report(3, now)
    if (ack === undefined) return
    const arrival = back.carry(40 + 4 * ack.ranges.length, now)
    if (arrival < 0) return
    at(arrival, (then) => {
      recovery.handleAck(APPLICATION, ack, then)
      pump(then)
    })
  }
  const emit = (chunk: string, now: number): void => {
    const number = recovery.nextNumber(APPLICATION)
    recovery.packetSent(APPLICATION, path, size, 'eliciting', false, [chunk], -1, now)
    sent++
    const arrival = forward.carry(size, now)
    if (arrival < 0) return
    at(arrival, (then) => {
      if (received.isDuplicate(number)) return
      received.record(number, true, 0, then)
      missing.delete(chunk)
      if (missing.size === 0 && doneAt < 0) doneAt = then
      answer(then)
      if (received.ackAt > then) at(received.ackAt, answer)
    })
  }
  const next = (): string | undefined => {
    for (let chunk = todo.shift(); chunk !== undefined; chunk = todo.shift()) if (!acknowledged.has(chunk)) return chunk
    return fresh < total ? `packet ${String(fresh++)}` : undefined
  }
  let wakeAt = -1
  const pump = (now: number): void => {
    recovery.handleTimeout(now)
    for (;;) {
      const probing = recovery.probesDue(APPLICATION) > 0
      if (!probing && !recovery.admits(size, now)) break
      const chunk = next() ?? (probing ? recovery.oldestUnacknowledged(APPLICATION)?.frames[0] : undefined)
      if (chunk === undefined) break
      emit(chunk, now)
    }
    if (window.at(-1)?.[1] !== path.congestion.window) window.push([now / SECOND, path.congestion.window])
    const times = [recovery.timeout, path.congestion.paceAt].filter((time) => time > now)
    const earliest = Math.min(...times)
    if (earliest === Infinity || earliest === wakeAt) return
    wakeAt = earliest
    at(earliest, (then) => {
      if (wakeAt === then) wakeAt = -1
      pump(then)
    })
  }
  at(0, pump)
  for (let next = queue.shift(); next !== undefined && doneAt < 0 && next.at < until * SECOND; next = queue.shift())
    next.run(next.at)
  return { doneAt, window, lost, disproved, probeTimeouts, persistent, sent }
}
