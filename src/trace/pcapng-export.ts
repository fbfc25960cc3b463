import { NEVER, type Nanos } from '../kernel/time.ts'
import type { Fate } from '../kernel/link.ts'
import { FrameMark } from '../kernel/machine.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'
import { formatIpv6 } from '../wire/address.ts'
import { PcapngWriter } from '../wire/pcapng.ts'
import { keyLogParts, type KeyLogPart } from './key-log.ts'
import type { Recorder } from './recorder.ts'
import type { FrameRecord } from './record.ts'
import { QuicServers } from './quic-servers.ts'
import { quotedPayloadStart } from './quoted-datagram.ts'
import { ReadableDatagrams, type Showing } from './readable-datagrams.ts'
import { RepeatedPayload } from './repeated-payload.ts'
import { TcpSegmentPlace } from './tcp-segment-place.ts'

/** Which packets a capture holds. */
export type Vantage =
  /**
   * Every frame of every link, at the moment at which it was handed to the link; also what was lost. Packet n is frame n. Of messages that
   * Wireshark puts together from several segments, payload that is in the capture already is left out, and what was refused for flipped
   * bits is shown without these, unless `repeats` is `'whole'`. Datagrams of QUIC likewise, for their connection would be taken for another.
   */
  | { readonly kind: 'links'; readonly repeats?: 'headers' | 'whole' }
  /** What a person would have seen on that host: what left its interfaces, and what arrived there. */
  | { readonly kind: 'host'; readonly host: string }

/** Why a frame never arrived, in words. */
const LOSSES: Readonly<Record<Fate, string | undefined>> = {
  queued: undefined,
  'in-flight': undefined,
  arrived: undefined,
  'queue-full': 'refused by a full queue',
  'random-loss': 'lost at random on the way',
  'listed-loss': 'lost on the way, as listed',
  'dropped-by-hand': 'dropped by hand',
  'bad-fcs': 'bits flipped on the way, refused for its frame check sequence',
  'link-down': 'the link was down',
  'host-down': 'the receiving host was not running',
  'ring-full': 'the receive ring of the paused host was full',
  'burst-loss': 'lost on the way, in a burst',
  'too-big': 'larger than the link lets through, which it does not tell',
  'red-drop': 'refused by random early detection',
  'codel-drop': 'taken out of the queue by CoDel, having waited too long',
  'pushed-out': 'taken out of a full queue, from its largest flow',
}

/** Why a datagram of QUIC is not shown as it is, in words. */
function asideWords(showing: Showing): string | undefined {
  if (showing === 'aside') return 'set aside: Wireshark 4.0 would take it for the beginning of another handshake, or part of one'
  if (showing === 'later') return 'set aside: what Wireshark needs to decrypt it is not in this file before it'
  return showing === 'whole' ? undefined : 'cut off: so late that Wireshark could not decrypt it'
}

/** @param repeats the packet that has the payload of this one; 0 when it has its own */
function comment(frame: FrameRecord, repeats = 0, showing: Showing = 'whole'): string | undefined {
  const words: string[] = []
  const { fate } = frame
  const wasWaiting = fate === 'host-down' && frame.sent === NEVER
  const loss = wasWaiting ? 'the sending host lost power while it waited' : LOSSES[fate]
  if (loss !== undefined) words.push(`lost: ${loss}`)
  if (frame.corrupted && fate !== 'bad-fcs')
    words.push(
      fate === 'arrived' ? 'corrupted: bits flipped on the way, and nobody noticed' : 'corrupted: bits flipped on the way',
    )
  if (frame.duplicate) words.push('duplicated by the link')
  if ((frame.mark & FrameMark.CongestionExperienced) !== 0) words.push('marked by the queue: congestion experienced')
  if (repeats !== 0) words.push(`payload as in packet ${String(repeats)}`)
  const why = asideWords(showing)
  if (why !== undefined) words.push(why)
  return words.length === 0 ? undefined : words.join('; ')
}

/** A capture file of all frames whose bytes the trace still has, in pcapng, with the secrets of TLS that hosts have logged. */
export function exportPcapng(scenario: ResolvedScenario, recorder: Recorder, vantage: Vantage): Uint8Array {
  const writer = new PcapngWriter({ application: 'Packetarium', comment: `${scenario.id}: ${scenario.title}` })
  const secrets = new SecretsWriter(writer, keyLogParts(recorder.store.timedKeyLog))
  // Ahead of the packets, or they come too late for who reads it once.
  secrets.writeUntil(0)
  if (vantage.kind === 'links') exportLinks(scenario, recorder, writer, secrets, vantage.repeats !== 'whole')
  else exportHost(scenario, recorder, writer, secrets, vantage.host)
  return writer.take()
}

/** Writes each part of a key log when it is time for it. */
class SecretsWriter {
  private written = 0

  constructor(
    private readonly writer: PcapngWriter,
    private readonly parts: readonly KeyLogPart[],
  ) {}

  writeUntil(time: Nanos): void {
    const { parts, writer } = this
    for (let part = parts.at(this.written); part !== undefined && part.time <= time; part = parts[++this.written])
      writer.addTlsSecrets(part.text)
  }
}

/** LINKTYPE_USER0, draft-ietf-opsawg-pcaplinktype: bytes in which Wireshark looks for no protocol. */
const LINKTYPE_USER0 = 147

/** An interface for what would mislead Wireshark; only files that need it have it. */
class AsideInterface {
  private added: number | undefined

  constructor(private readonly writer: PcapngWriter) {}

  number(): number {
    const description = 'Ethernet frames like the others, set aside so that Wireshark 4.0 can decrypt these'
    this.added ??= this.writer.addInterface({ name: 'aside', description, linkType: LINKTYPE_USER0 })
    return this.added
  }
}

function exportLinks(
  scenario: ResolvedScenario,
  recorder: Recorder,
  writer: PcapngWriter,
  secrets: SecretsWriter,
  cutsRepeats: boolean,
): void {
  for (const { name, hosts, settings } of scenario.links) {
    const [first, second] = hosts.map((host) => scenario.hosts[host]?.name ?? '')
    writer.addInterface({
      name,
      description: `link between ${first} and ${second}; outbound: from ${first}`,
      ...(settings[0].rate > 0 && { speed: settings[0].rate }),
    })
  }
  const repeated = new RepeatedPayload()
  const place = new TcpSegmentPlace()
  const quic = new QuicServers()
  const readable = new ReadableDatagrams(recorder)
  const aside = new AsideInterface(writer)
  let packet = 0
  for (const frame of recorder.store.frames()) {
    const bytes = recorder.bytes(frame.number)
    if (bytes === undefined) continue
    packet++
    // What never arrived with its flipped bits is shown as it was handed to the link, where Wireshark would put these bits into a message.
    const isRefused = frame.corrupted && frame.fate !== 'arrived'
    const sent = isRefused ? (recorder.bytesAsSent(frame.number) ?? bytes) : bytes
    const isWhole = !frame.corrupted || sent !== bytes
    const isStream = cutsRepeats && frame.connection !== 0 && isWhole && place.find(sent)
    const earlier = isStream ? repeated.add(frame.connection, sent, place, packet) : 0
    const isQuic = cutsRepeats && quic.isQuic(frame.connection, sent)
    const shown = isQuic || (isStream && repeated.isReassembled(frame.connection)) ? sent : bytes
    // Of a packet of QUIC that ICMP quotes, cut, nothing could be decrypted.
    const quoted = quic.isKnown(frame.connection) ? quotedPayloadStart(shown) : undefined
    const showing = isQuic ? readable.next(frame.number, sent) : 'whole'
    const end = earlier === 0 ? (typeof showing === 'object' ? showing.head : quoted) : place.payloadStart
    const words = comment(frame, earlier, showing)
    secrets.writeUntil(frame.enqueued)
    writer.addPacket({
      interface: showing === 'later' || showing === 'aside' ? aside.number() : frame.link,
      time: frame.enqueued,
      bytes: shown.subarray(0, end),
      originalLength: bytes.length,
      direction: frame.direction === 0 ? 'outbound' : 'inbound',
      ...(words !== undefined && { comment: words }),
      ...(frame.corrupted && frame.fate !== 'arrived' && { crcError: true }),
    })
  }
}

/** A frame that a host sent or received. */
interface SeenFrame {
  readonly time: Nanos
  readonly frame: FrameRecord
  readonly outbound: boolean
  readonly bytes: Uint8Array
  /** Number of the interface. */
  readonly port: number
}

function exportHost(
  scenario: ResolvedScenario,
  recorder: Recorder,
  writer: PcapngWriter,
  secrets: SecretsWriter,
  name: string,
): void {
  const index = scenario.hosts.findIndex((host) => host.name === name)
  const host = scenario.hosts[index]
  if (host === undefined) throw new RangeError(`there is no host ${name}`)
  const interfaceOf = new Map<number, number>()
  for (const { name: interfaceName, link, address6, prefix6 } of host.interfaces) {
    const address = address6 === undefined ? '' : `, ${formatIpv6(address6)}/${String(prefix6)}`
    const description = `${name}, link ${scenario.links[link]?.name}${address}`
    interfaceOf.set(link, writer.addInterface({ name: interfaceName, description }))
  }
  const seen: { time: Nanos; frame: FrameRecord; outbound: boolean }[] = []
  for (const frame of recorder.store.frames()) {
    if (frame.from === index && frame.sent !== NEVER && !frame.duplicate) seen.push({ time: frame.sent, frame, outbound: true })
    if (frame.to === index && frame.fate === 'arrived') seen.push({ time: frame.arrives, frame, outbound: false })
  }
  seen.sort((a, b) => a.time - b.time || a.frame.number - b.frame.number)
  const quic = new QuicServers()
  const readable = new ReadableDatagrams(recorder)
  const aside = new AsideInterface(writer)
  const write = ({ time, frame, outbound, bytes, port }: SeenFrame, showing: Showing): void => {
    const quoted = quic.isKnown(frame.connection) ? quotedPayloadStart(bytes) : undefined
    const words = showing !== 'whole' || (!outbound && frame.corrupted) ? comment(frame, 0, showing) : undefined
    secrets.writeUntil(time)
    writer.addPacket({
      interface: showing === 'later' || showing === 'aside' ? aside.number() : port,
      time,
      bytes: bytes.subarray(0, typeof showing === 'object' ? showing.head : quoted),
      originalLength: bytes.length,
      direction: outbound ? 'outbound' : 'inbound',
      ...(words !== undefined && { comment: words }),
    })
  }
  // What came before that without which it cannot be decrypted, as the host did not either, stands behind that in the file.
  let early: SeenFrame[] = []
  const writeEarly = (): void => {
    const waiting = early
    early = []
    for (const each of waiting) {
      const showing = readable.next(each.frame.number, each.bytes)
      if (showing === 'later') early.push(each)
      else write(each, showing)
    }
    if (early.length < waiting.length) writeEarly()
  }
  for (const { time, frame, outbound } of seen) {
    // What left was whole, whatever befell it on the way.
    const bytes = outbound ? recorder.bytesAsSent(frame.number) : recorder.bytes(frame.number)
    const port = interfaceOf.get(frame.link)
    if (bytes === undefined || port === undefined) continue
    const each = { time, frame, outbound, bytes, port }
    const isQuic = quic.isQuic(frame.connection, bytes)
    const showing = isQuic ? readable.next(frame.number, bytes) : 'whole'
    if (showing === 'later') {
      early.push(each)
      continue
    }
    write(each, showing)
    if (isQuic && early.length > 0) writeEarly()
  }
  for (const each of early) write(each, 'later')
}
