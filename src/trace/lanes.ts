/**
 * What came of each stream and connection when, what of it was held back, and what for: the arrival of bytes beside their delivery.
 * Of HTTP/2 over TCP the streams share one order of bytes, so that one that is missing may hold back all of them; QUIC puts each stream
 * in order for itself. Read off the trace as it grows: `tcp:out-of-order-buffered` and `tcp:delivered` with `http2:frame-…`, or
 * `quic:stream-received` and `quic:stream-delivered` with `qpack:…`.
 */
import type { LaneGroup } from './lanes-lane.ts'
import { ByteOwners, TcpLanes } from './lanes-tcp.ts'
import { QuicReceptions } from './quic-receptions.ts'
import type { EventData, EventRecord, Id, TraceView } from './record.ts'
import { StallFinder } from './stalls.ts'
import { NO_STREAM } from './stalls-episode.ts'

function amount(data: EventData, key: string, absent = 0): number {
  const value = data[key]
  return typeof value === 'number' ? value : absent
}

/** The lanes of a trace, kept up to date as it grows. */
export class Lanes {
  /** In the order in which they began. */
  readonly groups: LaneGroup[] = []
  /** Grows whenever there is something new. */
  version = 0
  private readonly stalls = new StallFinder()
  private readonly quic = new QuicReceptions()
  /** By host and connection, the newest. */
  private readonly tcp = new Map<string, TcpLanes>()
  /** By connection, then by the host that told: whose bytes are which, the newest. */
  private readonly sent = new Map<string, Map<number, ByteOwners>>()
  private readonly received = new Map<string, Map<number, ByteOwners>>()
  /** Those with bytes that are not known to belong to anybody. */
  private readonly unsettled = new Set<TcpLanes>()
  /** By host: addresses by the fetch's number. */
  private readonly urls = new Map<number, Map<number, string>>()
  private taken = 0
  private firstEvent: Id = 0

  /** Begin anew. */
  clear(): void {
    this.groups.length = 0
    this.stalls.clear()
    this.quic.clear()
    for (const map of [this.tcp, this.sent, this.received, this.urls]) map.clear()
    this.unsettled.clear()
    this.taken = 0
    this.firstEvent = 0
    this.version++
  }

  /** Takes in what came since the last call; when the trace has let events go, all that are left. */
  update({ events }: Pick<TraceView, 'events'>): void {
    const first = events.at(0)?.id ?? 0
    if (events.length < this.taken || (this.taken > 0 && first !== this.firstEvent)) this.clear()
    this.firstEvent = first
    for (; this.taken < events.length; this.taken++) this.take(events[this.taken])
    for (const group of this.unsettled) group.settle(this.ownersFor(group))
    this.unsettled.clear()
  }

  private take(event: EventRecord): void {
    const { name, time, host, connection, data } = event
    switch (name) {
      case 'tcp:state-changed':
        if (data['to'] === 'SYN-SENT') this.openTcp(event).isClient = true
        else if (data['to'] === 'SYN-RECEIVED') this.openTcp(event).isClient = false
        return
      case 'tcp:out-of-order-buffered':
        this.stalls.take(event)
        this.changeTcp(event).takeEarly(time, data)
        return
      case 'tcp:delivered':
        this.stalls.take(event)
        this.changeTcp(event).takeDelivered(time, data)
        return
      case 'http2:frame-sent':
      case 'http2:frame-received':
        this.stalls.take(event)
        this.own(name === 'http2:frame-sent' ? this.sent : this.received, event)
        return
      case 'quic:connection-started':
      case 'quic:stream-received':
      case 'quic:stream-delivered':
      case 'qpack:blocked':
      case 'qpack:unblocked':
        this.takeQuic(event)
        return
      case 'fetch:queued': {
        let urls = this.urls.get(host)
        if (urls === undefined) this.urls.set(host, (urls = new Map<number, string>()))
        urls.set(amount(data, 'id'), typeof data['url'] === 'string' ? data['url'] : '')
        return
      }
      case 'fetch:phase-started':
        if (connection !== '') this.nameLane(event)
    }
  }

  private nameLane({ time, host, connection, data }: EventRecord): void {
    const stream = amount(data, 'stream', NO_STREAM)
    if (stream === NO_STREAM && data['phase'] !== 'sending') return
    const group = this.quic.find(host, connection) ?? this.tcp.get(keyOf(host, connection))
    const url = this.urls.get(host)?.get(amount(data, 'id')) ?? ''
    const lane = group?.lanes.find((each) => each.stream === stream) ?? group?.whole
    if (group === undefined || (lane?.stream === stream && lane.carries.at(-1)?.url === url)) return
    group.name(time, stream, url)
    this.version++
  }

  private own(told: Map<string, Map<number, ByteOwners>>, { time, host, connection, data }: EventRecord): void {
    let hosts = told.get(connection)
    if (hosts === undefined) told.set(connection, (hosts = new Map<number, ByteOwners>()))
    let owners = hosts.get(host)
    if (owners?.add(data) !== true) {
      owners = new ByteOwners(time)
      owners.add(data)
      hosts.set(host, owners)
    }
    // Those at both ends, either of which may be the one that receives.
    for (const group of this.tcp.values()) if (group.connection === connection) this.unsettled.add(group)
  }

  private ownersFor({ host, connection }: TcpLanes): ByteOwners | undefined {
    for (const [sender, owners] of this.sent.get(connection) ?? []) if (sender !== host) return owners
    return this.received.get(connection)?.get(host)
  }

  private openTcp({ time, host, connection }: EventRecord): TcpLanes {
    const key = keyOf(host, connection)
    const before = this.tcp.get(key)
    if (before !== undefined) {
      before.settle(this.ownersFor(before))
      before.ended = time
    }
    const group = new TcpLanes(
      `${key} ${String(this.groups.length)}`,
      host,
      connection,
      before === undefined ? 0 : time,
      this.stalls,
    )
    this.tcp.set(key, group)
    this.groups.push(group)
    return group
  }

  private changeTcp(event: EventRecord): TcpLanes {
    const group = this.tcp.get(keyOf(event.host, event.connection)) ?? this.openTcp(event)
    this.unsettled.add(group)
    this.version++
    return group
  }

  private takeQuic(event: EventRecord): void {
    const { groups } = this.quic
    const known = groups.length
    this.quic.take(event)
    this.groups.push(...groups.slice(known))
    this.version++
  }
}

function keyOf(host: number, connection: string): string {
  return `${String(host)} ${connection}`
}
