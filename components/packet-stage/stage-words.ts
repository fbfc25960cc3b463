import type { Run } from '../../src/run/run.ts'
import { FRAME_KINDS, type Fate } from '../../src/trace/record.ts'
import { formatIpv4, formatIpv6 } from '../../src/wire/address.ts'
import { Crowds, countWords } from '../crowds.ts'
import { formatMillis, formatQuantity } from '../format.ts'
import { formatLinkSetting, linkSettingName } from '../link-settings.ts'
import type { NetworkState } from '../network-state.ts'
import type { FrameGroupTarget, Target } from '../selection.ts'
import type { FrameGroup } from './draw-list.ts'
import { fateWords, frameWords, kindWords, linkWords } from '../wording.ts'

/** Beside a lost frame, in a word or two. */
export const LOSS_TAGS: Readonly<Record<Fate, string>> = {
  queued: '',
  'in-flight': '',
  arrived: '',
  'queue-full': 'queue full',
  'random-loss': 'lost',
  'listed-loss': 'lost',
  'dropped-by-hand': 'dropped',
  'bad-fcs': 'bad checksum',
  'link-down': 'cable cut',
  'host-down': 'host is down',
  'ring-full': 'buffer full',
  'burst-loss': 'lost in a burst',
  'too-big': 'too big',
  'red-drop': 'dropped early',
  'codel-drop': 'waited too long',
  'pushed-out': 'pushed out',
}

/** A heading and lines, for the tooltip. */
export interface Told {
  readonly title: string
  readonly lines: readonly string[]
}

const POWER = { on: 'running', off: 'switched off', paused: 'paused' } as const

/**
 * What a tooltip says; undefined when there is no such thing (any more).
 * @param summary what a frame carries, if that is known
 */
export function tell(
  target: Exclude<Target, FrameGroupTarget>,
  run: Run,
  state: NetworkState,
  summary?: string,
): Told | undefined {
  if (target.kind === 'host') return tellHost(target.index, run, state)
  if (target.kind === 'link') return tellLink(target.index, run, state)
  const frame = run.trace.frame(target.number)
  if (frame === undefined) return undefined
  const hosts = run.scenario.hosts
  const lines = [
    `${hosts[frame.from].label} → ${hosts[frame.to].label}, ${formatQuantity('count', frame.length)} bytes`,
    `at ${formatMillis(run.playhead)} ms: ${fateWords(frame, run.trace.hosts, run.playhead)}`,
  ]
  if (summary !== undefined) lines.push(summary)
  const connection = run.trace.connections[frame.connection] ?? ''
  if (connection !== '') lines.push(connection)
  if (frame.duplicate) lines.push('the link’s second copy of it')
  return { title: `#${String(frame.number)} ${kindWords(frame)}`, lines }
}

function tellHost(index: number, run: Run, state: NetworkState): Told {
  const host = run.scenario.hosts[index]
  const apps = host.apps.map(({ app }) => app.replaceAll('-', ' '))
  const lines = [
    [...new Set(host.kind === 'host' ? apps : [host.kind, ...apps])].join(', ') || 'host',
    ...host.interfaces.flatMap(({ name, address, prefix, address6, prefix6, automatic6 }) => [
      ...(address === 0 ? [] : [`${name} ${formatIpv4(address)}/${String(prefix)}`]),
      ...(address6 === undefined
        ? []
        : [`${name} ${formatIpv6(address6)}/${String(prefix6)}${automatic6 === true ? ', by router advertisement' : ''}`]),
    ]),
  ]
  if (host.replicas !== undefined) lines.push(countWords(membersOf(run, index)))
  if (state.power[index] !== 'on') lines.push(POWER[state.power[index]])
  return { title: host.label, lines }
}

function tellLink(index: number, run: Run, state: NetworkState): Told {
  const link = run.scenario.links[index]
  const { settings } = state.links[index]
  const lines: string[] = []
  for (const key of ['rate', 'delay', 'jitter', 'loss', 'corrupt', 'duplicate', 'reorder'] as const) {
    const [there, back] = settings.map((each) => formatLinkSetting(key, each[key]))
    const usual = settings.every((each) => each[key] === 0)
    if (usual) continue
    lines.push(there === back ? `${key} ${there}` : `${key} ${there} there, ${back} back`)
  }
  for (const key of ['discipline', 'bucket', 'lossBurst', 'burstEnter', 'reorderEvery', 'blackHoleMtu', 'flapEvery'] as const) {
    if (settings.every((each) => each[key] === 0 || each[key] === 'drop-tail')) continue
    const [there, back] = settings.map((each) => formatLinkSetting(key, each[key]))
    const name = linkSettingName(key)
    lines.push(there === back ? `${name} ${there}` : `${name} ${there} there, ${back} back`)
  }
  if (!settings[0].up || !settings[1].up) lines.push('the cable is cut')
  return { title: linkWords(run.scenario, link), lines }
}

/** What is focused, said aloud. */
export function announce(target: Exclude<Target, FrameGroupTarget>, run: Run, state: NetworkState): string {
  const told = tell(target, run, state)
  if (told === undefined) return 'It is gone.'
  if (target.kind === 'host') return `Host ${told.title}, ${told.lines.join(', ')}, ${POWER[state.power[target.index]]}`
  if (target.kind === 'link') return `Link ${told.title}, ${told.lines.join(', ')}`
  const frame = run.trace.frame(target.number)
  if (frame === undefined) return 'It is gone.'
  return `Packet ${String(frame.number)}: ${frameWords(frame, run.trace)}, ${fateWords(frame, run.trace.hosts, run.playhead)}`
}

/** Frames that are drawn as one. */
export function tellGroup(group: FrameGroup, run: Run): Told {
  const { hosts, links } = run.scenario
  const [a, b] = links[group.lane >> 1].hosts
  const [from, to] = (group.lane & 1) === 0 ? [a, b] : [b, a]
  const kind = kindWords({ kind: FRAME_KINDS[group.of], mark: 0 })
  const lines = [`${hosts[from].label} → ${hosts[to].label}, close to each other on the line`]
  if (group.again > 0) lines.push(`${formatQuantity('count', group.again)} of them sent again`)
  return { title: `${formatQuantity('count', group.count)} × ${kind}`, lines }
}

/** The network, for those who do not see it. */
export function describeNetwork(run: Run): string {
  const { hosts, links } = run.scenario
  const names = hosts.map(({ label }) => label).join(', ')
  const cables = links.map((link) => linkWords(run.scenario, link)).join('; ')
  return `Network of ${String(hosts.length)} hosts: ${names}. Links: ${cables}.`
}

function membersOf(run: Run, host: number): Int32Array {
  const crowd = Crowds.of(run)
    .at(run.playhead)
    .find((each) => each.host === host)
  return crowd?.shown.counts ?? new Int32Array(0)
}

/** The members of crowds by their states, for those who do not see them; `''`: there are no crowds. */
export function describeCrowds(run: Run): string {
  return run.scenario.hosts
    .flatMap(({ label, replicas }, index) => (replicas === undefined ? [] : [` ${label}: ${countWords(membersOf(run, index))}.`]))
    .join('')
}

/** What flies now, for those who do not see it. */
export function describeTraffic(run: Run, inFlight: Int32Array, waiting: Int32Array): string {
  const parts: string[] = []
  run.scenario.links.forEach((link, index) => {
    for (const direction of [0, 1] as const) {
      const flying = inFlight[index * 2 + direction] ?? 0
      const queued = waiting[index * 2 + direction] ?? 0
      if (flying === 0 && queued === 0) continue
      const [from, to] = direction === 0 ? link.hosts : [link.hosts[1], link.hosts[0]]
      const counts = [flying > 0 ? `${String(flying)} on the way` : '', queued > 0 ? `${String(queued)} waiting` : '']
      parts.push(`${run.scenario.hosts[from].label} to ${run.scenario.hosts[to].label}: ${counts.filter(Boolean).join(', ')}`)
    }
  })
  return parts.length === 0 ? 'No packets on the way.' : `Packets: ${parts.join('; ')}.`
}
