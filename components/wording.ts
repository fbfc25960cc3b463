import { FrameMark, type EventRecord, type FrameRecord, type TraceView } from '../src/trace/record.ts'
import type { Action, PacketChoice } from '../src/scenario/intervention.ts'
import type { ResolvedScenario } from '../src/scenario/resolved.ts'
import { quantity, text, type Data } from './event-data.ts'
import { formatQuantity } from './format.ts'
import { formatMachineSetting, machineSettingName } from './machine-settings.ts'
import { formatLinkSetting, linkSettingName } from './link-settings.ts'
import type { ActiveFault } from './network-state.ts'
import { WEB_EVENTS } from './web-wording.ts'
import { QUIC_EVENTS } from './quic-wording.ts'
import { LIVE_EVENTS } from './live-wording.ts'

/** What a frame is, in a word or two. */
export function kindWords(frame: Pick<FrameRecord, 'kind' | 'mark'>): string {
  if ((frame.mark & FrameMark.Retransmission) !== 0)
    return frame.kind === 'tcp-data' ? 'Data again' : `${KINDS[frame.kind]} again`
  if ((frame.mark & FrameMark.Probe) !== 0) return 'Probe'
  return KINDS[frame.kind]
}

const KINDS: Readonly<Record<FrameRecord['kind'], string>> = {
  other: 'Frame',
  arp: 'ARP',
  icmp: 'ICMP',
  udp: 'UDP',
  'tcp-syn': 'SYN',
  'tcp-ack': 'ACK',
  'tcp-data': 'Data',
  'tcp-fin': 'FIN',
  'tcp-rst': 'RST',
  ndp: 'NDP',
}

/** Why a frame did not arrive, as the end of a sentence, or undefined when it did or still may. */
export function lossWords(frame: FrameRecord, hosts: readonly string[]): string | undefined {
  switch (frame.fate) {
    case 'queued':
    case 'in-flight':
    case 'arrived':
      return undefined
    case 'queue-full':
      return `${hosts[frame.from]}’s queue was full`
    case 'random-loss':
      return 'random loss on the link'
    case 'listed-loss':
      return 'the scenario loses this one'
    case 'dropped-by-hand':
      return 'dropped by hand'
    case 'bad-fcs':
      return 'bits flipped, so the check sequence failed'
    case 'link-down':
      return 'the link was cut'
    case 'host-down':
      return `${hosts[frame.to]} was down`
    case 'ring-full':
      return `${hosts[frame.to]} was paused and its buffer full`
    case 'burst-loss':
      return 'a burst of losses on the link'
    case 'too-big':
      return 'too big for the link, which tells nobody'
    case 'red-drop':
      return `${hosts[frame.from]}’s queue was growing, and dropped it early (RED)`
    case 'codel-drop':
      return `${hosts[frame.from]}’s queue had been slow for too long (CoDel)`
    case 'pushed-out':
      return `${hosts[frame.from]}’s queue was full, and this flow had most of it`
  }
}

/** What had become of a frame at a time. */
export function fateWords(frame: FrameRecord, hosts: readonly string[], time: number): string {
  const loss = lossWords(frame, hosts)
  if (frame.fateAt <= time && loss !== undefined) return `lost: ${loss}`
  if (frame.fateAt <= time && frame.fate === 'arrived') return frame.corrupted ? 'arrived with flipped bits' : 'arrived'
  return frame.sent <= time ? 'on the way' : 'waiting in the queue'
}

/** A frame in one sentence for a list, a label, a screen reader. */
export function frameWords(frame: FrameRecord, trace: TraceView): string {
  const { hosts } = trace
  return `${kindWords(frame)}, ${hosts[frame.from]} to ${hosts[frame.to]}, ${formatQuantity('count', frame.length)} bytes`
}

const WHY_AGAIN: Readonly<Record<string, string>> = {
  rto: 'the retransmission timer fired',
  fast: 'three duplicate ACKs',
  sack: 'the SACK blocks show a hole',
  syn: 'no answer to the SYN',
  rack: 'later segments have arrived, and it is overdue',
  tlp: 'two silent round trips, so the tail is probed',
  probe: 'a probe of the window',
}

const WHY_UNDONE: Readonly<Record<string, string>> = {
  timestamps: 'a timestamp shows that the first copy arrived',
  frto: 'late data is acknowledged that was sent once',
  dsack: 'the peer has received everything twice',
}

/** Which packet was struck by hand. */
function struckWords(data: Data): string {
  return 'packet' in data
    ? `packet ${text(data, 'packet')} of ${text(data, 'link')}, ${text(data, 'direction')}`
    : `packet #${text(data, 'frame')}`
}

/** What an event says, for the events that deserve a sentence; others are told by their data. */
const EVENTS: Readonly<Record<string, (data: Data) => string>> = {
  ...WEB_EVENTS,
  ...QUIC_EVENTS,
  ...LIVE_EVENTS,
  'run:frame-dropped': (data) => `Dropped ${struckWords(data)}`,
  'run:frame-corrupted': (data) => `Corrupted ${struckWords(data)}`,
  'run:knob-set': (data) => `Set ${text(data, 'knob')} to ${text(data, 'value')}`,
  'run:host-killed': (data) => `Killed ${text(data, 'host')}`,
  'run:host-restarted': (data) => `Restarted ${text(data, 'host')}`,
  'run:host-paused': (data) => `Paused ${text(data, 'host')}`,
  'run:host-resumed': (data) => `Resumed ${text(data, 'host')}`,
  'run:link-cut': (data) => `Cut ${text(data, 'link')}`,
  'run:link-healed': (data) => `Healed ${text(data, 'link')}`,
  'run:links-flapped': (data) =>
    [
      Array.isArray(data['down']) && data['down'].length > 0 ? `Down by schedule: ${text(data, 'down')}` : '',
      Array.isArray(data['up']) && data['up'].length > 0 ? `Up again: ${text(data, 'up')}` : '',
    ]
      .filter((part) => part !== '')
      .join('; '),
  'run:link-changed': (data) => `Changed ${text(data, 'link')}: ${text(data, 'settings')}`,
  'tcp:state-changed': (data) => `${text(data, 'from')} → ${text(data, 'to')}`,
  'tcp:segment-retransmitted': (data) =>
    `Sends ${quantity(data, 'length', 'bytes')} again from ${text(data, 'seq')}: ${WHY_AGAIN[text(data, 'why')] ?? text(data, 'why')}`,
  'tcp:fast-retransmit-entered': (data) =>
    data['why'] === 'rack' ? 'Fast recovery: a segment is overdue' : 'Fast retransmit: three duplicate ACKs mean a loss',
  'tcp:tail-loss-probe-sent': (data) =>
    `Nothing heard for two round trips: probes with ${data['retransmission'] === true ? 'the last segment' : 'new data'}`,
  'tcp:tail-loss-repaired': () => 'The probe has repaired a loss: the window is reduced all the same',
  'tcp:reordering-detected': () => 'The path reorders: waits longer before it takes a segment for lost',
  'tcp:duplicate-received': (data) => `Received ${quantity(data, 'length', 'bytes')} again from ${text(data, 'seq')}`,
  'tcp:spurious-retransmission-detected': (data) => `${quantity(data, 'length', 'bytes')} were sent again in vain`,
  'tcp:recovery-undone': (data) =>
    `Nothing was lost: window back to ${quantity(data, 'cwnd', 'bytes')} (${WHY_UNDONE[text(data, 'why')] ?? text(data, 'why')})`,
  'tcp:recovery-exited': () => 'Recovered from the loss',
  'tcp:congestion-marked': () => 'Told of congestion by a mark: sends less',
  'tcp:rto-expired': (data) => `Retransmission timer fired after ${quantity(data, 'rto', 'time')}`,
  'tcp:rtt-sampled': (data) =>
    `Round trip measured: ${quantity(data, 'rtt', 'time')}, timer now ${quantity(data, 'rto', 'time')}`,
  'tcp:congestion-updated': (data) =>
    `Congestion window ${quantity(data, 'cwnd', 'bytes')}, in flight ${quantity(data, 'flight', 'bytes')}`,
  'tcp:duplicate-ack-received': (data) => `Duplicate ACK number ${text(data, 'count')}`,
  'tcp:out-of-order-buffered': (data) =>
    `Keeps ${quantity(data, 'length', 'bytes')} from ${text(data, 'seq')} aside: ${text(data, 'missingFrom')} is missing`,
  'tcp:delivered': (data) => `${quantity(data, 'length', 'bytes')} in order for the application`,
  'tcp:window-closed': () => 'The receive window is closed',
  'tcp:window-opened': () => 'The receive window is open again',
  'tcp:reset-sent': (data) => `Sends a reset: ${text(data, 'why')}`,
  'tcp:reset-received': () => 'Was reset by the other side',
  'tcp:listen-overflowed': () => 'Too many connections wait to be accepted',
  'arp:resolved': (data) => `${text(data, 'address')} is at ${text(data, 'mac')}`,
  'arp:failed': (data) => `Nobody answered for ${text(data, 'address')}`,
  'ndp:resolved': (data) => `${text(data, 'address')} is at ${text(data, 'mac')}`,
  'ndp:failed': (data) => `Nobody answered for ${text(data, 'address')}`,
  'ndp:state-changed': (data) => `Neighbour ${text(data, 'address')}: ${text(data, 'from')} → ${text(data, 'to')}`,
  'ndp:router-advertised': (data) =>
    `${text(data, 'router')} is a router for ${text(data, 'lifetime')} s, with ${text(data, 'prefixes')}`,
  'ndp:conflict-detected': (data) => `Somebody else answers for ${text(data, 'address')}`,
  'ndp:discarded': (data) => `Does not believe a message of neighbour discovery: ${text(data, 'why')}`,
  'ipv6:address-assigned': (data) => `Uses ${text(data, 'address')} from now on`,
  'ipv6:address-deprecated': (data) => `Begins nothing new from ${text(data, 'address')}`,
  'ipv6:address-expired': (data) => `${text(data, 'address')} is over`,
  'ipv6:duplicate-detected': (data) => `${text(data, 'address')} is taken, so it is not used`,
  'icmpv6:sent': (data) => `Reports to ${text(data, 'to')}: ${text(data, 'meaning')}`,
  'browser:connection-attempt-started': (data) => `Tries ${text(data, 'address')}`,
  'browser:connection-attempt-succeeded': (data) => `Is connected to ${text(data, 'address')}`,
  'browser:connection-attempt-failed': (data) => `No connection to ${text(data, 'address')}: ${text(data, 'error')}`,
  'browser:connection-attempt-cancelled': (data) => `Gives up ${text(data, 'address')}: another was faster`,
  'switch:learned': (data) => `${text(data, 'mac')} is behind port ${text(data, 'port')}`,
  'interface:carrier-lost': () => 'The link went down',
  'interface:carrier-restored': () => 'The link is up',
  'host:packet-discarded': () => 'Throws a packet away: its processor is too slow',
  'host:memory-exhausted': () => 'Has no memory for what came in',
  'app:started': (data) => `${text(data, 'app')} started`,
  'app:ended': (data) => `${text(data, 'app')} ended`,
  'app:failed': (data) => `${text(data, 'app')} failed: ${text(data, 'error')}`,
  'page:started': (data) => `Starts to load ${text(data, 'url')}`,
  'page:loaded': (data) =>
    `Page loaded in ${quantity(data, 'duration', 'time')}: ${text(data, 'resources')} resources, ${quantity(data, 'bytes', 'bytes')}`,
  'page:failed': (data) => `Page failed: ${text(data, 'error')}`,
  'http:request-sent': (data) => `Requests ${text(data, 'method')} ${text(data, 'url')}`,
  'http:request-received': (data) => `Request ${text(data, 'method')} ${text(data, 'target')} came in`,
  'http:response-sent': (data) => `Response ${text(data, 'status')} sent`,
  'http:response-started': (data) => `Response ${text(data, 'status')} begins`,
  'http:response-received': (data) =>
    `Response ${text(data, 'status')} complete: ${quantity(data, 'bytes', 'bytes')} in ${quantity(data, 'duration', 'time')}`,
  'ping:sent': (data) => `Ping ${text(data, 'sequence')} sent`,
  'ping:replied': (data) =>
    `Ping ${text(data, 'sequence')} answered by ${text(data, 'from')} after ${quantity(data, 'rtt', 'time')}`,
  'ping:timed-out': (data) => `Ping ${text(data, 'sequence')} timed out`,
  'ping:finished': (data) => `${text(data, 'received')} of ${text(data, 'sent')} pings answered`,
  'stream:frame-sent': (data) => `Stream frame ${text(data, 'sequence')} sent`,
  'stream:frame-received': (data) => `Stream frame ${text(data, 'sequence')} received, ${quantity(data, 'delay', 'time')} old`,
  'stream:frame-played': (data) => `Stream frame ${text(data, 'sequence')} played`,
  'stream:frame-late': (data) => `Stream frame ${text(data, 'sequence')} came ${quantity(data, 'late', 'time')} too late`,
  'stream:frame-missed': (data) => `Stream frame ${text(data, 'sequence')} missed`,
  'stream:finished': (data) => `Stream over: ${text(data, 'played')} frames played, ${text(data, 'missed')} missed`,
  'script:failed': (data) => `Script failed: ${text(data, 'error')}`,
  'script:finished': () => 'Script finished',
}

/** An event in a sentence. */
export function eventWords(event: Pick<EventRecord, 'name' | 'data'>): string {
  const told = EVENTS[event.name] as ((data: Data) => string) | undefined
  if (told !== undefined) return told(event.data)
  const what = event.name.slice(event.name.indexOf(':') + 1).replaceAll('-', ' ')
  const details = Object.keys(event.data).map((key) => `${key} ${text(event.data, key)}`)
  return `${what.charAt(0).toUpperCase()}${what.slice(1)}${details.length === 0 ? '' : `: ${details.join(', ')}`}`
}

/** What a person did, in the past tense. */
export function actionWords(action: Action, scenario: ResolvedScenario): string {
  if ('drop' in action) return `Dropped ${packetWords(action.drop, scenario)}`
  if ('corrupt' in action) return `Corrupted ${packetWords(action.corrupt, scenario)}`
  if ('set' in action) {
    const knob = scenario.knobs.find(({ name }) => name === action.set.knob)
    return `Set ${knob?.label ?? action.set.knob} to ${knobValueWords(knob, action.set.value)}`
  }
  if ('kill' in action) return `Killed ${action.kill}`
  if ('restart' in action) return `Restarted ${action.restart}`
  if ('pause' in action) return `Paused ${action.pause}`
  if ('resume' in action) return `Resumed ${action.resume}`
  if ('watch' in action) return `Watched ${action.watch}`
  if ('unwatch' in action) return `No longer watched ${action.unwatch}`
  if ('cut' in action) return `Cut ${action.cut}`
  if ('heal' in action) return `Healed ${action.heal}`
  if ('host' in action) {
    const { name, settings } = action.host
    const changes = (Object.keys(settings) as (keyof typeof settings)[]).map(
      (key) =>
        `${machineSettingName(key)} ${settings[key] === undefined || settings[key] === null ? 'as before' : formatMachineSetting(key, settings[key])}`,
    )
    return `${scenario.hosts.find((host) => host.name === name)?.label ?? name}: ${changes.join(', ')}`
  }
  const { name, direction, settings } = action.link
  const changes = (Object.keys(settings) as (keyof typeof settings)[]).map((key) => {
    const value = settings[key]
    return `${linkSettingName(key)} ${value === undefined || value === null ? 'as before' : formatLinkSetting(key, value)}`
  })
  const link = scenario.links.find((each) => each.name === name)
  return `${link === undefined || direction === undefined ? name : directionWords(scenario, link, direction)}: ${changes.join(', ')}`
}

/** `'packet #17'`, or `'packet 9 of bob → alice'`. */
function packetWords(choice: PacketChoice, scenario: ResolvedScenario): string {
  if ('frame' in choice) return `packet #${String(choice.frame)}`
  const link = scenario.links.find(({ name }) => name === choice.link)
  const where = link === undefined ? choice.link : directionWords(scenario, link, choice.direction)
  return `packet ${String(choice.packet)} of ${where}`
}

/** The value of a knob, for people. */
export function knobValueWords(knob: ResolvedScenario['knobs'][number] | undefined, value: number | string | boolean): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  const control = knob?.control
  if (control?.kind === 'choice') return control.choices.find((choice) => choice.value === value)?.label ?? String(value)
  return control?.kind === 'range' && typeof value === 'number' ? formatQuantity(control.unit, value) : String(value)
}

/** `'alice → bob'` */
export function directionWords(scenario: ResolvedScenario, link: ResolvedScenario['links'][number], direction: 0 | 1): string {
  const [first, second] = link.hosts.map((host) => scenario.hosts[host].label)
  return direction === 0 ? `${first} → ${second}` : `${second} → ${first}`
}

/** `'alice – bob'` */
export function linkWords(scenario: ResolvedScenario, link: ResolvedScenario['links'][number]): string {
  return link.hosts.map((host) => scenario.hosts[host].label).join(' – ')
}

/** What is broken now. */
export function faultWords(fault: ActiveFault, scenario: ResolvedScenario): string {
  if (fault.kind === 'host') return `${scenario.hosts[fault.host].label} is ${fault.power === 'off' ? 'down' : 'paused'}`
  if (fault.kind === 'machine') {
    const { key, value, baseline } = fault
    return `${scenario.hosts[fault.host].label}: ${machineSettingName(key)} ${formatMachineSetting(key, value)} instead of ${formatMachineSetting(key, baseline)}`
  }
  const link = scenario.links[fault.link]
  const where = fault.direction === undefined ? linkWords(scenario, link) : directionWords(scenario, link, fault.direction)
  if (fault.key === 'up') return fault.value === true ? `${where} is whole again` : `${where} is cut`
  const label = linkSettingName(fault.key)
  const words = formatLinkSetting(fault.key, fault.value)
  return `${where}: ${label} ${words} instead of ${formatLinkSetting(fault.key, fault.baseline)}`
}
