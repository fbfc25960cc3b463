import { QlogEvents, qlogParameters, milliseconds, type QlogSaying } from './qlog-events.ts'
import type { QlogData } from './qlog-frames.ts'
import { QlogHttp3 } from './qlog-http3.ts'
import { qlogPacket, qlogPacketName, qlogVersion } from './qlog-packets.ts'
import { QUIC_V1 } from '../wire/quic/header.ts'
import type { Sender } from './http3-conversation.ts'
import type { QuicConversation, QuicDatagramRecord } from './quic-conversation.ts'
import type { EventRecord, Nanos } from './record.ts'

/** A datagram that an end of a connection sent, or that came to it. */
export interface QlogDatagram {
  readonly time: Nanos
  /** Number of the frame. */
  readonly number: number
  readonly isSent: boolean
  /** Orders what an end does at one time; what comes is before that. */
  readonly id: number
  readonly record: QuicDatagramRecord
  /** Its payload, as it was sent. */
  readonly payload: Uint8Array
  /** Whether it came as it was sent. */
  readonly isWhole: boolean
}

/** Exponent of delays in ACK frames, as long as the sender has not said another: RFC 9000 section 18.2. */
const USUAL_DELAY_EXPONENT = 3

interface QlogEvent {
  readonly time: number
  readonly name: string
  readonly data: QlogData
}

/** Events of one connection, as one of its ends saw them: a trace of qlog. */
export class QlogTrace {
  readonly events: QlogEvent[] = []
  private readonly recorded = new QlogEvents()
  private readonly http3: QlogHttp3 | undefined
  /** Packets that came, by space and number. */
  private readonly seen = new Set<string>()
  // Whether the keys of these levels are gone: RFC 9001 section 4.9.
  private readonly isGone = { initial: false, handshake: false }

  /**
   * @param self which end this is
   * @param datagrams in the order of time, as a host has them
   * @param events that the host has recorded about the connection, in their order
   */
  constructor(
    private readonly conversation: QuicConversation,
    private readonly self: Sender,
    datagrams: readonly QlogDatagram[],
    events: readonly EventRecord[],
  ) {
    const { http3 } = conversation
    this.http3 = http3 === undefined ? undefined : new QlogHttp3(http3, self)
    let next = 0
    for (const datagram of datagrams) {
      for (; next < events.length && isBefore(events[next], datagram); next++) this.event(events[next])
      this.datagram(datagram)
    }
    for (; next < events.length; next++) this.event(events[next])
  }

  private say(time: Nanos, sayings: readonly QlogSaying[]): void {
    for (const [name, data] of sayings) this.events.push({ time: milliseconds(time), name, data })
  }

  private event({ time, name, data }: EventRecord): void {
    this.say(time, this.recorded.take(name, data))
    if (name === 'quic:connection-started') this.say(time, this.atFirst())
    if (name === 'quic:handshake-done') this.say(time, this.atLast(data))
    if (name === 'quic:handshake-confirmed') this.isGone.handshake = true
    if (name === 'quic:version-negotiated' && Array.isArray(data['versions']))
      this.say(time, [
        [
          'transport:version_information',
          { client_versions: [qlogVersion(QUIC_V1)], server_versions: data['versions'].map((each) => qlogVersion(Number(each))) },
        ],
      ])
    if (this.http3 !== undefined) this.say(time, this.http3.take(name, data))
  }

  /** What an end knows when a connection begins. */
  private atFirst(): QlogSaying[] {
    const { handshake } = this.conversation
    const { self } = this
    const version = qlogVersion(QUIC_V1)
    const versions = self === 0 ? 'client_versions' : 'server_versions'
    const own = handshake.parameters[self]
    return [
      ['transport:version_information', { [versions]: [version], chosen_version: version }],
      ...(self === 0 ? [['transport:alpn_information', { client_alpns: handshake.offers }] as const] : []),
      ...(own === undefined ? [] : [qlogParameters('local', own)]),
    ]
  }

  /** What it has learnt from the handshake. */
  private atLast(data: EventRecord['data']): QlogSaying[] {
    const { handshake } = this.conversation
    const { alpn, cipherSuite, resumed, earlyData } = data
    const theirs = handshake.parameters[1 - this.self]
    const cipher = typeof cipherSuite === 'string' ? { tls_cipher: cipherSuite.replace(/^TLS_/, '') } : {}
    const early = { resumption_allowed: resumed === true, early_data_enabled: earlyData === 'accepted' }
    return [
      ['transport:alpn_information', { client_alpns: handshake.offers, chosen_alpn: typeof alpn === 'string' ? alpn : '' }],
      ['transport:parameters_set', { owner: 'local', ...early, ...cipher }],
      ...(theirs === undefined ? [] : [qlogParameters('remote', theirs)]),
    ]
  }

  private datagram({ time, number, isSent, record, payload, isWhole }: QlogDatagram): void {
    const { conversation, isGone, self } = this
    const { packets, sender } = record
    if (!isWhole) {
      this.say(time, [['transport:datagram_dropped', { raw: { length: payload.length } }]])
      return
    }
    const exponent = conversation.handshake.parameters[sender]?.ackDelayExponent ?? USUAL_DELAY_EXPONENT
    for (const packet of packets) {
      const { type } = packet
      const isLast = type === '1-rtt' || type === '0-rtt'
      const said = qlogPacket(conversation, payload, packet, packets.length > 1, number, isLast ? exponent : USUAL_DELAY_EXPONENT)
      // A client has no use for Initial keys when it sends Handshake packets, and a server when it gets them.
      if (type === 'handshake' && isSent === (self === 0)) isGone.initial = true
      if (said === undefined) continue
      if (isSent) this.say(time, [['transport:packet_sent', said]])
      else this.received(time, packet, said)
    }
  }

  private received(time: Nanos, packet: QuicDatagramRecord['packets'][number], said: QlogData): void {
    const { isGone, seen } = this
    const { type, opened } = packet
    const name = `${type === '0-rtt' ? '1-rtt' : type} ${String(opened?.packetNumber)}`
    const isRepeated = opened !== undefined && seen.has(name)
    const isLate = (type === 'initial' && isGone.initial) || (type === 'handshake' && isGone.handshake)
    if (!isRepeated && !isLate) {
      if (opened !== undefined) seen.add(name)
      this.say(time, [['transport:packet_received', said]])
      return
    }
    const trigger = isLate ? 'key_unavailable' : 'duplicate'
    const { raw, datagram_id } = said
    this.say(time, [['transport:packet_dropped', { header: qlogPacketName(packet), raw, datagram_id, trigger }]])
  }
}

/** Whether a host has recorded an event before a datagram came or was sent. */
function isBefore({ time, id }: EventRecord, datagram: QlogDatagram): boolean {
  if (time !== datagram.time) return time < datagram.time
  return datagram.isSent && id < datagram.id
}
