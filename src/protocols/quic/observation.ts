import type { QuicEvent } from './event.ts'
import type { SentFrame } from './packet-draft.ts'
import type { LossRecovery, LossTrigger, RecoveryObserver } from './recovery/loss-recovery.ts'
import { PACKET_SPACE_NAMES } from './recovery/packet-space.ts'
import type { PacketSpace } from './recovery/packet-space.ts'
import type { SentPacket } from './recovery/sent-packets.ts'
import type { QuicSettings } from './settings.ts'

/** Packets whose frames are sent once more by a probe. */
const PROBES = 2

/** Whose packets they are. */
export interface ObservationOwner {
  readonly events: QuicEvent[]
  readonly settings: QuicSettings
  readonly recovery: LossRecovery<SentFrame>
  acknowledged(space: PacketSpace, packet: SentPacket<SentFrame>): void
  lost(space: PacketSpace, frames: readonly SentFrame[]): void
}

/** Is told by the recovery what became of packets, passes it on, and tells those who watch. */
export class Observation implements RecoveryObserver<SentFrame> {
  packetsLost = 0
  private window = -1
  private flight = -1
  private smoothedRtt = -1
  private ptoCount = 0
  private state = ''

  constructor(private readonly core: ObservationOwner) {}

  packetAcknowledged(space: PacketSpace, packet: SentPacket<SentFrame>): void {
    this.core.acknowledged(space, packet)
  }

  packetLost(space: PacketSpace, packet: SentPacket<SentFrame>, trigger: LossTrigger): void {
    const { core } = this
    core.lost(space, packet.frames)
    if (packet.isMtuProbe) return
    this.packetsLost++
    if (core.settings.observe)
      core.events.push({ type: 'packet-lost', space: PACKET_SPACE_NAMES[space], number: packet.number, trigger })
  }

  lossDisproved(space: PacketSpace, { number }: SentPacket<SentFrame>): void {
    const { core } = this
    if (this.packetsLost > 0) this.packetsLost--
    if (core.settings.observe) core.events.push({ type: 'loss-disproved', space: PACKET_SPACE_NAMES[space], number })
  }

  persistentCongestion(): void {
    const { core } = this
    if (core.settings.observe) core.events.push({ type: 'persistent-congestion' })
  }

  probeTimeout(space: PacketSpace, count: number): void {
    const { core } = this
    if (core.settings.observe) core.events.push({ type: 'probe-timeout', space: PACKET_SPACE_NAMES[space], count })
    // What was sent first is most likely to be missed (RFC 9002 section 6.2.4).
    let from = 0
    for (let i = 0; i < PROBES; i++) {
      const packet = core.recovery.oldestUnacknowledged(space, from)
      if (packet === undefined) return
      core.lost(space, packet.frames)
      from = packet.number + 1
    }
  }

  /** Tells what has changed. */
  tell(): void {
    const { core } = this
    if (!core.settings.observe) return
    const { ptoCount, path } = core.recovery
    const { congestion, rtt } = path
    const { window, inFlight, threshold, state } = congestion
    if (state !== this.state) {
      this.state = state
      core.events.push({ type: 'congestion-state', state })
    }
    if (window === this.window && inFlight === this.flight && rtt.smoothed === this.smoothedRtt && ptoCount === this.ptoCount)
      return
    this.window = window
    this.flight = inFlight
    this.smoothedRtt = rtt.smoothed
    this.ptoCount = ptoCount
    core.events.push({
      type: 'metrics',
      congestionWindow: window,
      bytesInFlight: inFlight,
      slowStartThreshold: threshold,
      smoothedRtt: rtt.smoothed,
      rttVariance: Math.max(0, rtt.rttvar),
      latestRtt: Math.max(0, rtt.latest),
      minRtt: rtt.least < 0 ? Infinity : rtt.least,
      ptoCount,
    })
  }
}
