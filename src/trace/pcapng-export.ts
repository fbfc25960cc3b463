import { NEVER, type Nanos } from '../kernel/time.ts'
import type { Fate } from '../kernel/link.ts'
import { FrameMark } from '../kernel/machine.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'
import { formatIpv6 } from '../wire/address.ts'
import { PcapngWriter } from '../wire/pcapng.ts'
import type { Recorder } from './recorder.ts'
import type { FrameRecord } from './record.ts'

/** Which packets a capture holds. */
export type Vantage =
  /** Every frame of every link, at the moment at which it was handed to the link; also what was lost. Packet n is frame n. */
  | { readonly kind: 'links' }
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

function comment(frame: FrameRecord): string | undefined {
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
  return words.length === 0 ? undefined : words.join('; ')
}

/** A capture file of all frames whose bytes the trace still has, in pcapng. */
export function exportPcapng(scenario: ResolvedScenario, recorder: Recorder, vantage: Vantage): Uint8Array {
  const writer = new PcapngWriter({ application: 'Packetarium', comment: `${scenario.id}: ${scenario.title}` })
  if (vantage.kind === 'links') exportLinks(scenario, recorder, writer)
  else exportHost(scenario, recorder, writer, vantage.host)
  return writer.take()
}

function exportLinks(scenario: ResolvedScenario, recorder: Recorder, writer: PcapngWriter): void {
  for (const { name, hosts, settings } of scenario.links) {
    const [first, second] = hosts.map((host) => scenario.hosts[host]?.name ?? '')
    writer.addInterface({
      name,
      description: `link between ${first} and ${second}; outbound: from ${first}`,
      ...(settings[0].rate > 0 && { speed: settings[0].rate }),
    })
  }
  for (const frame of recorder.store.frames()) {
    const bytes = recorder.bytes(frame.number)
    if (bytes === undefined) continue
    const words = comment(frame)
    writer.addPacket({
      interface: frame.link,
      time: frame.enqueued,
      bytes,
      direction: frame.direction === 0 ? 'outbound' : 'inbound',
      ...(words !== undefined && { comment: words }),
      ...(frame.corrupted && frame.fate !== 'arrived' && { crcError: true }),
    })
  }
}

function exportHost(scenario: ResolvedScenario, recorder: Recorder, writer: PcapngWriter, name: string): void {
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
  for (const { time, frame, outbound } of seen) {
    // What left was whole, whatever befell it on the way.
    const bytes = outbound ? recorder.bytesAsSent(frame.number) : recorder.bytes(frame.number)
    const port = interfaceOf.get(frame.link)
    if (bytes === undefined || port === undefined) continue
    const words = !outbound && frame.corrupted ? comment(frame) : undefined
    writer.addPacket({
      interface: port,
      time,
      bytes,
      direction: outbound ? 'outbound' : 'inbound',
      ...(words !== undefined && { comment: words }),
    })
  }
}
