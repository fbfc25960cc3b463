import { FrameMark, type EventRecord } from './record.ts'
import { CLIENT, SERVER, type Sender } from './http3-conversation.ts'
import { QlogTrace, type QlogDatagram } from './qlog-trace.ts'
import type { QlogData } from './qlog-frames.ts'
import type { QuicConversation } from './quic-conversation.ts'
import { QuicConversations } from './quic-conversations.ts'
import type { Recorder } from './recorder.ts'
import { hexOf, TlsSecrets } from './tls-secrets.ts'
import { UdpDatagramPlace } from './udp-datagram-place.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'

/*
 * qlog 0.3 (draft-ietf-quic-qlog-main-schema-01, draft-ietf-quic-qlog-quic-events-01, draft-ietf-quic-qlog-h3-events-01), in JSON: the
 * version that qvis reads best. A trace is what one end of a connection saw. It is made of the frames of the run, dissected, and of what
 * the ends have recorded.
 *
 * Deviates from draft-ietf-quic-qlog-quic-events-01 appendix A.7: packets that have no number are said without one, as in later drafts.
 */

const VERSION = '0.3'

/** A file of qlog with one trace. */
export interface QlogFile {
  /** `'alice-client-8f0c….qlog'`: host, role, and the connection ID that the client has used first. */
  readonly name: string
  readonly text: string
}

/** What one end of a connection sent and got. */
interface Vantage {
  readonly conversation: QuicConversation
  readonly self: Sender
  /** Index of the host. */
  host: number
  readonly datagrams: QlogDatagram[]
}

/** One file for each connection of QUIC and each of its ends, in the order in which the connections began. */
export function exportQlog(scenario: ResolvedScenario, recorder: Recorder): QlogFile[] {
  const said = new Said(recorder)
  return vantages(recorder).map((vantage) => {
    const { trace, name } = described(scenario, said, vantage)
    return { name, text: fileOf(scenario, [trace]) }
  })
}

/** One file with a trace for each connection of QUIC and each of its ends; undefined: there is none. */
export function exportQlogTogether(scenario: ResolvedScenario, recorder: Recorder): string | undefined {
  const said = new Said(recorder)
  const all = vantages(recorder).map((vantage) => described(scenario, said, vantage).trace)
  return all.length === 0 ? undefined : fileOf(scenario, all)
}

/** Events stand on lines of their own: people look into such files. */
function fileOf(
  { id, title }: ResolvedScenario,
  traces: readonly (readonly [head: QlogData, events: readonly unknown[]])[],
): string {
  const head = { qlog_version: VERSION, qlog_format: 'JSON', title: `${id}: ${title}`, description: 'Made by Packetarium' }
  const written = traces.map(([trace, events]) => {
    const lines = events.map((event) => JSON.stringify(event)).join(',\n')
    return `${JSON.stringify(trace).slice(0, -1)},"events":[\n${lines}\n]}`
  })
  return `${JSON.stringify(head).slice(0, -1)},"traces":[\n${written.join(',\n')}\n]}\n`
}

function described(
  scenario: ResolvedScenario,
  said: Said,
  vantage: Vantage,
): { readonly name: string; readonly trace: readonly [QlogData, readonly unknown[]] } {
  const { conversation, self, datagrams } = vantage
  const host = scenario.hosts[vantage.host].name
  const role = self === CLIENT ? 'client' : 'server'
  const id = hexOf(conversation.originalId)
  const { events } = new QlogTrace(conversation, self, datagrams, said.of(vantage))
  const common = { ODCID: id, group_id: id, protocol_type: ['QUIC', 'HTTP3'], time_format: 'relative', reference_time: 0 }
  const head = { title: `${host}, ${role}`, vantage_point: { name: host, type: role }, common_fields: common }
  return { name: `${host}-${role}-${id}.qlog`, trace: [head, events] }
}

/** What hosts have recorded about their conversations. */
class Said {
  /** By host and conversation. */
  private readonly events = new Map<string, EventRecord[]>()

  constructor(private readonly recorder: Recorder) {
    for (const event of recorder.store.events) {
      if (event.connection === '') continue
      const key = `${String(event.host)} ${event.connection}`
      const same = this.events.get(key)
      if (same === undefined) this.events.set(key, [event])
      else same.push(event)
    }
  }

  /** What the host has recorded about this connection, of those between the same two ends. */
  of({ conversation, host, self }: Vantage): EventRecord[] {
    const { store } = this.recorder
    const first = store.frame(conversation.first)
    if (first === undefined) return []
    const all = this.events.get(`${String(host)} ${store.connections[first.connection]}`) ?? []
    const isStart = ({ name }: EventRecord): boolean => name === 'quic:connection-started'
    // A client has begun before its first packet is on its way, which may have to wait for an address to be resolved; a server after it.
    const before = self === CLIENT ? all.findLastIndex((event) => isStart(event) && event.time <= first.enqueued) : -1
    const from = before >= 0 ? before : all.findIndex((event) => isStart(event) && event.time >= first.enqueued)
    if (from < 0) return []
    const isOver = all.findIndex(({ name }, index) => index > from && name === 'quic:closed')
    // The next one begins with its own first packet, when what was before is over.
    const to = isOver < 0 ? -1 : all.findIndex((event, index) => index > isOver && isStart(event))
    return to < 0 ? all.slice(from) : all.slice(from, to)
  }
}

/** Finds all ends of all connections, and what each has sent and got. */
function vantages(recorder: Recorder): Vantage[] {
  const { store } = recorder
  const conversations = new QuicConversations(recorder, new TlsSecrets(), Infinity)
  const place = new UdpDatagramPlace()
  const found = new Map<QuicConversation, readonly [Vantage, Vantage]>()
  const arrived: { readonly vantage: Vantage; readonly to: number; readonly datagram: QlogDatagram }[] = []
  for (const frame of store.frames()) {
    const sighting = conversations.find(frame.number)
    const bytes = sighting && recorder.bytesAsSent(frame.number)
    if (sighting === undefined || bytes === undefined || !place.find(bytes)) continue
    const { conversation, record } = sighting
    let ends = found.get(conversation)
    if (ends === undefined) {
      const end = (self: Sender): Vantage => ({ conversation, self, host: -1, datagrams: [] })
      ends = [end(CLIENT), end(SERVER)]
      found.set(conversation, ends)
    }
    const payload = bytes.subarray(place.payloadStart, place.payloadEnd)
    const common = { number: frame.number, id: frame.id, record, payload }
    if ((frame.mark & FrameMark.Forwarded) === 0 && !frame.duplicate) {
      const sender = ends[record.sender]
      sender.host = frame.from
      sender.datagrams.push({ ...common, time: frame.enqueued, isSent: true, isWhole: true })
    }
    if (frame.fate !== 'arrived') continue
    const datagram = { ...common, time: frame.arrives, isSent: false, isWhole: !frame.corrupted }
    arrived.push({ vantage: ends[1 - record.sender], to: frame.to, datagram })
  }
  for (const { vantage, to, datagram } of arrived) if (to === vantage.host) vantage.datagrams.push(datagram)
  const all = [...found.values()].flat().filter(({ host }) => host >= 0)
  for (const { datagrams } of all)
    datagrams.sort((a, b) => a.time - b.time || Number(a.isSent) - Number(b.isSent) || a.number - b.number)
  return all
}
