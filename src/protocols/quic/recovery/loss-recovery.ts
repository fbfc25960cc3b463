/**
 * Which packets are lost, when to probe, and what may be sent.
 *
 * Required reading: RFC 9002 (its appendices A and B are what this follows), RFC 9000 sections 13.3 (what is sent again: frames, never
 * packets), 13.4.2 (ECN), 9.4 (what another path changes), 21.4 (optimistic acknowledgments).
 *
 * How it works. Every packet has a number of its own, so an acknowledgment is never ambiguous. A packet is lost when one that was sent three
 * packets later is acknowledged, or when it is late by an eighth of a round-trip time and a later one is acknowledged. When nothing is heard
 * at all, the *probe timeout* (PTO) expires: that means no loss yet, but asks for one or two packets that draw an acknowledgment, whatever
 * the window says. A path which loses everything for several such timeouts is taken to be persistently congested.
 *
 * Each packet belongs to the path that it was sent on. `Path` has what is measured and decided for each: round-trip time, window, pacing,
 * ECN, MTU.
 *
 * The owner tells of all packets it sends (`packetSent`) and ACK frames that come (`handleAck`), asks `path.congestion.admits` before it
 * sends what counts as in flight, unless `probesDue` says that a probe is due, calls `handleTimeout` at `timeout`, and is told what became
 * of packets as a `RecoveryObserver`. Now and then a packet number is left out: who acknowledges it is lying.
 */
import type { RandomBytes } from '../../../crypto/random-bytes.ts'
import { QUIC_ERROR_CODE } from '../../../wire/quic/error-codes.ts'
import type { AckFrame } from '../../../wire/quic/frame.ts'
import type { Nanos } from '../../endpoint.ts'
import { QuicViolation } from '../fault.ts'
import type { Path } from '../path.ts'
import { APPLICATION, HANDSHAKE, INITIAL, PACKET_SPACES, type PacketSpace } from './packet-space.ts'
import { PersistentCongestion } from './persistent-congestion.ts'
import { RecoverySpace } from './recovery-space.ts'
import type { SentPacket } from './sent-packets.ts'

/** kPacketThreshold of RFC 9002 section 6.1.1. */
const PACKET_THRESHOLD = 3
/** RFC 9002 section 6.2.4: one or two. */
const PROBES = 2
/** A doubled timeout is doubled no further: 2^20 of them are more than any idle timeout. */
const MOST_BACKOFF = 20
/** What a probe takes, in bytes: a whole datagram where there may be an Initial packet in it (RFC 9000 section 14.1). */
const SMALLEST_HANDSHAKE = 1200
const SMALLEST_PROBE = 64
/** Packets of one space from the oldest that is not acknowledged on: more than any window has. */
const MOST_SPAN = 0x1_0000
const NANOS_PER_MICROSECOND = 1000
const ACK_FRAME = 0x02

/** What made a packet count as lost. */
export type LossTrigger = 'packet-threshold' | 'time-threshold'

/** Who wants to know what became of packets. */
export interface RecoveryObserver<Frame> {
  /** Also told of one that had been told to be lost, if it is not too long ago. */
  packetAcknowledged(space: PacketSpace, packet: SentPacket<Frame>): void
  /** What it carried has to be sent again, as far as it still matters. */
  packetLost(space: PacketSpace, packet: SentPacket<Frame>, trigger: LossTrigger): void
  /** The loss was none: the packet is acknowledged. Told right before `packetAcknowledged`; not of probes of the path's MTU. */
  lossDisproved(space: PacketSpace, packet: SentPacket<Frame>): void
  /** Nothing lost for so long that the window is as small as can be now: RFC 9002 section 7.6. */
  persistentCongestion(path: Path): void
  /** Nothing was heard: `probesDue` packets of that space are to be sent. @param count timeouts in a row, from 1 */
  probeTimeout(space: PacketSpace, count: number): void
}

/**
 * What kind of packet was sent: one that asks for an acknowledgment; one of those that only tries a size; one that does not ask but counts as
 * in flight, as it is padded; or one that does not even count (ACK and CONNECTION_CLOSE).
 */
export type PacketKind = 'eliciting' | 'mtu-probe' | 'padded' | 'silent'

export interface RecoveryOptions {
  readonly isClient: boolean
  /** For the packet numbers that are left out. */
  readonly random: RandomBytes
}

export class LossRecovery<Frame> {
  /** PTOs in a row: pto_count. */
  ptoCount = 0
  /** max_ack_delay of the peer. */
  peerMaxAckDelay: Nanos = 0
  /** ack_delay_exponent of the peer. */
  peerAckDelayExponent = 3
  /** Whether the handshake is confirmed (RFC 9001 section 4.1.2). */
  private confirmed = false
  private hasHandshakeKeys = false
  /** Whether the peer knows that our address is ours, as far as we know. */
  private peerValidated: boolean
  private readonly spaces: readonly RecoverySpace<Frame>[]
  private order = 0
  private timer: Nanos = -1
  private current: Path
  private readonly persistent = new PersistentCongestion()

  constructor(
    options: RecoveryOptions,
    path: Path,
    private readonly observer: RecoveryObserver<Frame>,
  ) {
    this.current = path
    this.peerValidated = !options.isClient
    this.spaces = PACKET_SPACES.map((space) => new RecoverySpace<Frame>(space === APPLICATION ? options.random : undefined))
  }

  /** The path that packets go by. */
  get path(): Path {
    return this.current
  }

  /** Number of the next packet in that space. */
  nextNumber(space: PacketSpace): number {
    return this.spaces[space].next
  }

  /** What the length of a packet number follows from (RFC 9000 appendix A.2); -1: none is acknowledged yet. */
  largestAcknowledged(space: PacketSpace): number {
    return this.spaces[space].largestAcked
  }

  /** How many packets are to be sent in that space, whatever the window says, to draw acknowledgments (RFC 9002 section 6.2.4). */
  probesDue(space: PacketSpace): number {
    return this.spaces[space].probes
  }

  /** The oldest packet of a space that nothing is known of and that carries something, for probes; from that number on. */
  oldestUnacknowledged(space: PacketSpace, from = 0): SentPacket<Frame> | undefined {
    const { packets } = this.spaces[space]
    for (let number = Math.max(from, packets.first); number < packets.end; number++) {
      const packet = packets.get(number)
      if (packet !== undefined && packet.frames.length > 0) return packet
    }
    return undefined
  }

  /** Whether there are packets in flight in that space that ask for acknowledgments. */
  isAwaiting(space: PacketSpace): boolean {
    return this.spaces[space].packets.eliciting > 0
  }

  /** Whether a packet of so many bytes may be sent now on the path in use; probes need not ask. */
  admits(size: number, now: Nanos): boolean {
    return this.current.congestion.admits(size, this.order, now)
  }

  /** When `handleTimeout` is to be called; -1: not at all. Pacing has its own time: `path.congestion.paceAt`. */
  get timeout(): Nanos {
    return this.timer
  }

  /** The probe timeout as it is now, of the path in use, not backed off: what other timeouts are counted in. */
  get probeTimeout(): Nanos {
    return this.current.rtt.probeTimeout + (this.confirmed ? this.peerMaxAckDelay : 0)
  }

  /**
   * A packet was sent, with the number that `nextNumber` said.
   * @param size of the packet in bytes, its header and tag included
   * @param marked whether as ECT(0)
   * @param frames what is told back when it is acknowledged or lost; it must not be changed any more
   * @param reported largest number in its ACK frame; -1: it has none
   */
  packetSent(
    space: PacketSpace,
    path: Path,
    size: number,
    kind: PacketKind,
    marked: boolean,
    frames: readonly Frame[],
    reported: number,
    now: Nanos,
  ): void {
    const state = this.spaces[space]
    const eliciting = kind === 'eliciting' || kind === 'mtu-probe'
    const inFlight = kind !== 'silent'
    if (state.next - state.packets.first >= MOST_SPAN) this.giveUpOldest(space, now)
    state.add({
      number: state.next,
      order: this.order++,
      sentAt: now,
      size: inFlight ? size : 0,
      eliciting,
      isMtuProbe: kind === 'mtu-probe',
      isMarked: marked,
      reported,
      path,
      frames,
    })
    if (marked) path.ecn.sent()
    if (!inFlight) return
    path.congestion.sent(size, now)
    if (eliciting) {
      state.lastElicitingAt = now
      if (state.probes > 0) state.probes--
    }
    this.setTimer(now)
  }

  /**
   * An ACK frame came.
   * @returns whether it acknowledges anything new
   * @throws QuicViolation when it acknowledges what was never sent
   */
  handleAck(space: PacketSpace, ack: AckFrame, now: Nanos): boolean {
    const state = this.spaces[space]
    if (ack.largest >= state.next || state.acknowledgesSkipped(ack.ranges))
      throw new QuicViolation(
        QUIC_ERROR_CODE.PROTOCOL_VIOLATION,
        'an acknowledgment of a packet that was never sent',
        'RFC 9000 section 13.1',
        ACK_FRAME,
      )
    const { current } = this
    current.congestion.begin()
    if (state.late.length > 0) this.takeLate(space, ack, now)
    const isNewLargest = ack.largest > state.largestAcked
    if (isNewLargest) state.largestAcked = ack.largest
    const newest = this.takeAcknowledged(space, ack, now)
    if (newest === undefined) {
      // Losses that were disproved may have opened the window.
      return false
    }
    let rtt = -1
    if (newest.number === ack.largest && state.newlyEliciting && newest.path.rtt === current.rtt) {
      rtt = now - newest.sentAt
      current.rtt.sample(rtt, this.ackDelay(space, ack), now)
    }
    if (isNewLargest) this.checkMarks(state, ack, newest, now)
    this.detectLosses(space, now)
    current.congestion.finish(this.order, rtt, now)
    // A client that does not know whether the server believes its address goes on backing off (RFC 9002 section 6.2.1).
    if (space === HANDSHAKE) this.peerValidated = true
    if (this.peerValidated) this.ptoCount = 0
    this.setTimer(now)
    return true
  }

  /** RFC 9002 section 5.3. */
  private ackDelay(space: PacketSpace, ack: AckFrame): Nanos {
    if (space !== APPLICATION) return 0
    const delay = ack.delay * (1 << this.peerAckDelayExponent) * NANOS_PER_MICROSECOND
    return this.confirmed ? Math.min(delay, this.peerMaxAckDelay) : delay
  }

  /** Takes what is newly acknowledged out. @returns the newest of it; undefined: nothing is new */
  private takeAcknowledged(space: PacketSpace, { ranges }: AckFrame, now: Nanos): SentPacket<Frame> | undefined {
    const state = this.spaces[space]
    const { packets } = state
    let newest: SentPacket<Frame> | undefined
    state.newlyEliciting = false
    state.newlyMarked = 0
    for (let i = 0; i < ranges.length; i += 2) {
      const from = Math.max(ranges[i], packets.first)
      for (let number = Math.min(ranges[i + 1], packets.end - 1); number >= from; number--) {
        const packet = packets.get(number)
        if (packet === undefined) continue
        packets.remove(packet)
        newest ??= packet
        if (packet.eliciting) state.newlyEliciting = true
        if (packet.isMarked) state.newlyMarked++
        if (packet.size > 0) {
          packet.path.congestion.acknowledged(packet.size, packet.order)
          if (packet.isMtuProbe) this.probeArrived(packet, now)
          else packet.path.mtu.acknowledged(packet.size, false, now)
        }
        this.observer.packetAcknowledged(space, packet)
      }
      if (ranges[i] < packets.first) break
    }
    return newest
  }

  /** A probe of the path's MTU was acknowledged. */
  private probeArrived({ path, size }: SentPacket<Frame>, now: Nanos): void {
    path.mtu.acknowledged(size, true, now)
    path.congestion.resized(path.mtu.size)
  }

  /** Packets that count as lost may be among those acknowledged. */
  private takeLate(space: PacketSpace, { ranges }: AckFrame, now: Nanos): void {
    const state = this.spaces[space]
    state.forgetLate(now, 3 * this.probeTimeout)
    for (const { packet, episode } of state.takeLate(ranges)) {
      if (packet.isMtuProbe) {
        this.probeArrived(packet, now)
      } else {
        packet.path.congestion.lossDisproved(episode, now)
        this.observer.lossDisproved(space, packet)
      }
      this.observer.packetAcknowledged(space, packet)
    }
  }

  /** RFC 9000 section 13.4.2.1; RFC 9002 section 7.1. */
  private checkMarks(state: RecoverySpace<Frame>, { ecn }: AckFrame, newest: SentPacket<Frame>, now: Nanos): void {
    const { path } = newest
    if (path.ecn.state === 'failed') return
    if (ecn === undefined) {
      if (state.newlyMarked > 0) path.ecn.checked(false)
      return
    }
    const increase = ecn.ect0 - state.ect0
    const marked = ecn.ce - state.ce
    const isValid =
      increase >= 0 && marked >= 0 && ecn.ect1 === 0 && increase + marked >= state.newlyMarked && ecn.ect0 <= state.sentMarked
    state.ect0 = ecn.ect0
    state.ce = ecn.ce
    if (!isValid) path.ecn.checked(false)
    else if (state.newlyMarked > 0) path.ecn.checked(true)
    if (isValid && marked > 0) path.congestion.marked(newest.order, this.order, now)
  }

  /** RFC 9002 section 6.1 and appendix A.10. */
  private detectLosses(space: PacketSpace, now: Nanos): void {
    const state = this.spaces[space]
    const { packets, largestAcked } = state
    state.lossTime = -1
    const last = Math.min(largestAcked, packets.end - 1)
    if (packets.first > last) return
    const { current } = this
    const currentDelay = current.rtt.lossDelay
    this.persistent.begin(current.rtt, this.peerMaxAckDelay)
    for (let number = packets.first; number <= last; number++) {
      const packet = packets.get(number)
      if (packet === undefined) {
        this.persistent.broken(number, state)
        continue
      }
      const delay = packet.path === current ? currentDelay : packet.path.rtt.lossDelay
      const isPassed = number <= largestAcked - PACKET_THRESHOLD
      if (isPassed || packet.sentAt + delay <= now) {
        packets.remove(packet)
        this.lose(space, packet, isPassed ? 'packet-threshold' : 'time-threshold', now)
        continue
      }
      const lossTime = packet.sentAt + delay
      if (state.lossTime < 0 || lossTime < state.lossTime) state.lossTime = lossTime
      this.persistent.broken(number, state)
    }
    if (this.persistent.isEstablished) {
      current.congestion.persistentlyCongested(now)
      current.rtt.forgetLeast()
      this.observer.persistentCongestion(current)
    }
  }

  /** A peer that sends much and acknowledges nothing must not make us remember ever more: what is so old counts as lost. */
  private giveUpOldest(space: PacketSpace, now: Nanos): void {
    const { packets, next } = this.spaces[space]
    while (packets.first < packets.end && next - packets.first >= MOST_SPAN) {
      const oldest = packets.get(packets.first)
      if (oldest === undefined) return
      packets.remove(oldest)
      this.lose(space, oldest, 'time-threshold', now)
    }
  }

  /** A path is given up: what went that way and was not acknowledged counts as lost. */
  abandon(path: Path, now: Nanos): void {
    if (path.congestion.inFlight === 0) return
    const { packets } = this.spaces[APPLICATION]
    for (let number = packets.first; number < packets.end; number++) {
      const packet = packets.get(number)
      if (packet?.path !== path) continue
      packets.remove(packet)
      this.lose(APPLICATION, packet, 'time-threshold', now)
    }
    this.setTimer(now)
  }

  private lose(space: PacketSpace, packet: SentPacket<Frame>, trigger: LossTrigger, now: Nanos): void {
    const { path, size } = packet
    // Nobody misses an acknowledgment.
    if (size === 0) return
    if (packet.isMarked) path.ecn.lost()
    if (packet.isMtuProbe) {
      path.congestion.probeLost(size)
      path.mtu.probeLost(size, now)
    } else {
      path.congestion.lost(size, packet.order, this.order, now)
      if (path.mtu.lost(size, now)) path.congestion.resized(path.mtu.size)
      if (path === this.current) this.persistent.lost(packet.sentAt, packet.eliciting)
    }
    this.spaces[space].keepLate(packet, path.congestion.episode, now)
    this.observer.packetLost(space, packet, trigger)
  }

  /** Harmless when called early: RFC 9002 appendix A.9. */
  handleTimeout(now: Nanos): void {
    if (this.timer < 0 || now < this.timer) return
    const overdue = PACKET_SPACES.filter((space) => this.spaces[space].lossTime >= 0 && this.spaces[space].lossTime <= now)
    if (overdue.length > 0) {
      for (const space of overdue) this.detectLosses(space, now)
      this.setTimer(now)
      return
    }
    const space = this.probeSpace(now)
    if (space !== undefined) {
      this.ptoCount++
      this.spaces[space].probes = PROBES
      this.observer.probeTimeout(space, this.ptoCount)
    }
    this.setTimer(now)
  }

  /** In which space the probe timeout is that expires first: RFC 9002 appendix A.8, GetPtoTimeAndSpace. */
  private probeSpace(now: Nanos): PacketSpace | undefined {
    let earliest: PacketSpace | undefined
    let least = Infinity
    for (const space of PACKET_SPACES) {
      const at = this.probeAt(space, now)
      if (at >= least) continue
      least = at
      earliest = space
    }
    return earliest
  }

  /** When the probe timeout of a space expires; `Infinity`: never. */
  private probeAt(space: PacketSpace, now: Nanos): Nanos {
    const { packets, lastElicitingAt } = this.spaces[space]
    const { rtt } = this.current
    const backoff = 1 << Math.min(this.ptoCount, MOST_BACKOFF)
    if (packets.eliciting > 0) {
      if (space !== APPLICATION) return lastElicitingAt + rtt.probeTimeout * backoff
      // Before that the peer may be unable to read it.
      if (!this.confirmed) return Infinity
      return lastElicitingAt + (rtt.probeTimeout + this.peerMaxAckDelay) * backoff
    }
    // A client that has nothing in flight must still go on, lest the server waits for more bytes from it: section 6.2.2.1.
    if (this.peerValidated || this.isAnythingAwaited || space !== (this.hasHandshakeKeys ? HANDSHAKE : INITIAL)) return Infinity
    return now + rtt.probeTimeout * backoff
  }

  private get isAnythingAwaited(): boolean {
    return this.isAwaiting(INITIAL) || this.isAwaiting(HANDSHAKE) || this.isAwaiting(APPLICATION)
  }

  /** SetLossDetectionTimer of RFC 9002 appendix A.8. */
  private setTimer(now: Nanos): void {
    let least = Infinity
    for (const { lossTime } of this.spaces) if (lossTime >= 0 && lossTime < least) least = lossTime
    // Who may not send would only count timeouts: section 6.2.2.1.
    if (least === Infinity && this.current.sendable >= (this.confirmed ? SMALLEST_PROBE : SMALLEST_HANDSHAKE))
      for (const space of PACKET_SPACES) least = Math.min(least, this.probeAt(space, now))
    this.timer = least === Infinity ? -1 : least
  }

  /** Packets came in, so the limit before validation of an address may have moved: RFC 9002 appendix A.6. */
  datagramReceived(now: Nanos): void {
    this.setTimer(now)
  }

  /**
   * A router on the path in use reports that packets are too big, and quotes one of ours: RFC 9000 section 14.2.1.
   * @param size of UDP payloads that fit
   */
  packetTooBig(size: number, now: Nanos): void {
    const { mtu, congestion } = this.current
    if (mtu.reported(size, now)) congestion.resized(mtu.size)
  }

  /** There are keys for Handshake packets. */
  handshakeKeysReady(now: Nanos): void {
    this.hasHandshakeKeys = true
    this.setTimer(now)
  }

  handshakeConfirmed(now: Nanos): void {
    this.confirmed = true
    this.peerValidated = true
    this.setTimer(now)
  }

  /** The keys of a space are gone; what is in flight there will never be acknowledged: RFC 9002 section 6.4 and appendix A.11. */
  discard(space: PacketSpace, now: Nanos): void {
    this.recall(space)
    this.ptoCount = 0
    this.setTimer(now)
  }

  /**
   * Takes back all that is open in a space, as after a Retry or when 0-RTT data were rejected; packet numbers go on.
   * @returns the packets, for what they carried
   */
  recall(space: PacketSpace): SentPacket<Frame>[] {
    const state = this.spaces[space]
    const { packets } = state
    const recalled: SentPacket<Frame>[] = []
    for (let number = packets.first; number < packets.end; number++) {
      const packet = packets.get(number)
      if (packet === undefined) continue
      recalled.push(packet)
      if (packet.size > 0) packet.path.congestion.discarded(packet.size)
    }
    for (const packet of recalled) packets.remove(packet)
    state.late.length = 0
    state.probes = 0
    state.lossTime = -1
    return recalled
  }

  /** Packets go by another path from now on: RFC 9000 section 9.4. Those in flight still belong to the old one. */
  switchPath(path: Path, now: Nanos): void {
    this.current = path
    this.ptoCount = 0
    this.setTimer(now)
  }
}
