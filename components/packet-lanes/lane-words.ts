import type { Hold, Lane, LaneGroup } from '../../src/trace/lanes-lane.ts'
import type { Nanos } from '../../src/trace/record.ts'
import { NO_STREAM } from '../../src/trace/stalls-episode.ts'
import { formatDuration, formatQuantity } from '../format.ts'
import { pathOf } from '../packet-waterfall/waterfall-words.ts'
import { holdAt, isWhole, type LaneEntry } from './lane-entries.ts'

/** What a lane is called at a time: `'/style.css'`, `'stream 3'`, or the connection's transport. */
export function laneName({ group, lane }: LaneEntry, time: Nanos): string {
  const url = lane.urlAt(time)
  if (url !== '') return pathOf(url)
  if (lane.stream !== NO_STREAM) return `stream ${String(lane.stream)}`
  return group.transport === 'quic' ? 'QUIC' : 'TCP'
}

/** `':49152'`: the client's port, by which connections can be told apart. */
export function portWords({ connection }: LaneGroup): string {
  const [, port] = /^\S*:(\d+) /.exec(connection) ?? []
  return port === undefined ? '' : `:${port}`
}

/** A stream of a group, for the middle of a sentence: `'/app.js (stream 5)'`. */
export function streamWords(group: LaneGroup, stream: number, time: Nanos): string {
  if (stream === NO_STREAM) return 'the connection'
  if (group.transport === 'tcp' && stream === 0) return 'the connection itself (stream 0)'
  const url = group.lanes.find((lane) => lane.stream === stream)?.urlAt(time) ?? ''
  return url === '' ? `stream ${String(stream)}` : `${pathOf(url)} (stream ${String(stream)})`
}

/** How long a lane had waited up to a time, by what for. */
export interface Waited {
  readonly own: Nanos
  /** For other streams' bytes, or for QPACK's table. */
  readonly others: Nanos
}

export function waitedUntil(group: LaneGroup, lane: Lane, time: Nanos): Waited {
  let [own, others] = [0, 0]
  for (const { from, to, cause } of group.holds(lane)) {
    if (from >= time) continue
    const length = Math.min(to, time) - from
    if (cause === 'own') own += length
    else others += length
  }
  return { own, others }
}

/** `'33 ms for others, 12 ms for its own'`, or ''. */
export function waitedWords({ own, others }: Waited): string {
  const parts = [others > 0 ? `${formatDuration(others)} for others` : '', own > 0 ? `${formatDuration(own)} for its own` : '']
  return parts.filter((part) => part !== '').join(', ')
}

/** What is held back of a lane at a time: `'12 kB'`, or ''. */
export function heldWords({ arrived, delivered }: Lane, time: Nanos): string {
  const held = arrived.at(time) - delivered.at(time)
  return held > 0 ? formatQuantity('bytes', held) : ''
}

/** A lane's state in a sentence, for those who do not see it. */
export function stateWords(entry: LaneEntry, time: Nanos): string {
  const { group, lane } = entry
  const hold = holdAt(group, lane, time)
  const waited = waitedWords(waitedUntil(group, lane, time))
  const came = `${formatQuantity('bytes', lane.arrived.at(time))} came, ${formatQuantity('bytes', lane.delivered.at(time))} delivered`
  const now = hold === undefined ? '' : `; held back for ${missingWords(group, hold, time)}`
  return `${came}${now}${waited === '' ? '' : `; waited ${waited}`}`
}

/** Whose bytes a wait is for: `'bytes of /app.js (stream 5)'`. */
function missingWords(group: LaneGroup, { cause, stream, missing }: Hold, time: Nanos): string {
  if (cause === 'qpack') return 'the table of QPACK'
  const left = missing.filter(({ until }) => until > time)
  const owners = new Set((left.length === 0 ? missing : left).flatMap(({ streams }) => streams))
  if (cause === 'own' && (owners.size === 0 || stream === NO_STREAM || owners.has(stream))) return 'lost bytes of its own'
  const names = [...owners].filter((owner) => owner !== stream).map((owner) => streamWords(group, owner, time))
  return `bytes of ${names.slice(0, 2).join(' and ')}${names.length > 2 ? ` and ${String(names.length - 2)} more` : ''}`
}

function streams(count: number): string {
  return count === 1 ? '1 stream' : `${String(count)} streams`
}

/** Who has waited, in a sentence, or ''. */
function historyWords(entries: readonly LaneEntry[], time: Nanos): string {
  const waited = entries.filter((entry) => !isWhole(entry)).map(({ group, lane }) => waitedUntil(group, lane, time))
  const others = waited.filter((each) => each.others > 0).length
  const own = waited.filter((each) => each.own > 0).length
  if (others === 0 && own === 0) return ''
  const forOthers = others === 0 ? 'No stream has waited for bytes of others' : `${streams(others)} waited for bytes of others`
  return `${forOthers}, ${own === 0 ? 'none' : String(own)} for bytes of ${own === 1 ? 'its' : 'their'} own.`
}

/** Who waits for what at a time, in a sentence. */
export function summaryWords(entries: readonly LaneEntry[], time: Nanos): string {
  let own = 0
  let others = 0
  let connections = 0
  let first: { readonly entry: LaneEntry; readonly hold: Hold } | undefined
  for (const entry of entries) {
    const { group, lane } = entry
    const hold = holdAt(group, lane, time)
    if (hold === undefined) continue
    if (isWhole(entry)) {
      if (group.lanes.length === 0) connections++
      continue
    }
    if (hold.cause === 'own') own++
    else others++
    if (first === undefined || (first.hold.cause === 'own' && hold.cause !== 'own')) first = { entry, hold }
  }
  if (first === undefined)
    return connections === 0
      ? `Nothing is held back. ${historyWords(entries, time)}`.trim()
      : `${connections === 1 ? '1 connection waits' : `${String(connections)} connections wait`} for lost bytes, each for its own.`
  const { entry, hold } = first
  if (others > 0) {
    const also = own === 0 ? '' : own === 1 ? ' 1 waits for bytes of its own.' : ` ${String(own)} wait for bytes of their own.`
    return `${streams(others)} ${others === 1 ? 'waits' : 'wait'} for ${missingWords(entry.group, hold, time)}.${also}`
  }
  if (own === 1) return `${streamWords(entry.group, hold.stream, time)} waits for lost bytes of its own. No other does.`
  return `${streams(own)} wait, each for lost bytes of its own.`
}
