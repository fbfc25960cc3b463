import type { Hold, Lane, LaneGroup } from '../../src/trace/lanes-lane.ts'
import type { Lanes } from '../../src/trace/lanes.ts'
import type { Nanos } from '../../src/trace/record.ts'
import { NO_STREAM } from '../../src/trace/stalls-episode.ts'

/** A line of the list: a connection, or one of its streams below it. */
export interface LaneEntry {
  /** Fit for the id of an element. */
  readonly id: string
  readonly group: LaneGroup
  readonly lane: Lane
}

/** Most lanes that are shown; those of a crowd beyond it are only counted. */
const MOST_LANES = 200

/** Whether a stream of QUIC carries no request, but settings, or tables of QPACK (RFC 9114 section 6.2): those go one way. */
function isControl({ transport }: LaneGroup, { stream }: Lane): boolean {
  return transport === 'quic' && stream % 4 >= 2
}

/** Whether there is something of a lane at a time. */
function isThere(lane: Lane, time: Nanos): boolean {
  return (lane.arrived.times.at(0) ?? Infinity) <= time || (lane.carries.at(0)?.time ?? Infinity) <= time
}

/** The wait that a lane is in at a time. */
export function holdAt(group: LaneGroup, lane: Lane, time: Nanos): Hold | undefined {
  return group.holds(lane).findLast(({ from, to }) => from <= time && time < to)
}

/**
 * The lines that there are at a time, connections in order, each with its streams.
 * @param withServers whether those of ends that were connected to are wanted, too: requests, mostly
 */
export function entriesOf(lanes: Lanes, time: Nanos, withServers: boolean): { entries: LaneEntry[]; hidden: number } {
  const entries: LaneEntry[] = []
  let hidden = 0
  const add = (group: LaneGroup, lane: Lane, id: string): void => {
    if (entries.length < MOST_LANES) entries.push({ id, group, lane })
    else hidden++
  }
  lanes.groups.forEach((group, index) => {
    if (!isThere(group.whole, time) || (group.isClient === false && !withServers)) return
    add(group, group.whole, `lane-${String(index)}`)
    for (const lane of group.lanes) {
      if (!isThere(lane, time)) continue
      if (isControl(group, lane) && !group.holds(lane).some(({ from }) => from <= time)) continue
      add(group, lane, `lane-${String(index)}-${String(lane.stream)}`)
    }
  })
  return { entries, hidden }
}

/** Whether some connection is only to be seen from the end that was connected to. */
export function hasServers(lanes: Lanes, time: Nanos): boolean {
  return lanes.groups.some((group) => group.isClient === false && isThere(group.whole, time))
}

export function isWhole({ lane }: Pick<LaneEntry, 'lane'>): boolean {
  return lane.stream === NO_STREAM
}

/** When the last thing happened that lanes are drawn of; 0: nothing yet. */
export function lastMoment(lanes: Lanes, withServers: boolean): Nanos {
  let last = 0
  for (const { isClient, whole } of lanes.groups) {
    if (isClient === false && !withServers) continue
    last = Math.max(last, whole.arrived.times.at(-1) ?? 0, whole.delivered.times.at(-1) ?? 0)
  }
  return last
}
