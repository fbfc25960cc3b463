import type { LinkSettings } from '../kernel/link.ts'
import type { Action, Intervention, PacketChoice } from '../scenario/intervention.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'
import { NEVER, type FrameRecord, type TraceView } from '../trace/record.ts'

/** A packet by its number on one direction of a link, so that it means the same in any run of the scenario. */
export type NumberedPacket = Extract<PacketChoice, { packet: number }>

/** The packet that an action strikes by its number on a link, if it does. */
export function numberedPacket(action: Action): NumberedPacket | undefined {
  const choice = 'drop' in action ? action.drop : 'corrupt' in action ? action.corrupt : undefined
  return choice !== undefined && 'packet' in choice ? choice : undefined
}

/**
 * The scenario with the packets struck that a log names by their numbers on links: the links lose or spoil them whenever they come.
 * What a run is made of has to be this from its start on; the scenario itself when the log has no such action.
 */
export function withPacketsStruck(scenario: ResolvedScenario, log: readonly Intervention[] = []): ResolvedScenario {
  const strikes = log.flatMap((action) => {
    const choice = numberedPacket(action)
    return choice === undefined ? [] : [{ ...choice, list: 'drop' in action ? ('dropList' as const) : ('corruptList' as const) }]
  })
  if (strikes.length === 0) return scenario
  const links = scenario.links.map((link) => {
    const ofLink = strikes.filter((strike) => strike.link === link.name)
    if (ofLink.length === 0) return link
    const [there, back] = link.settings.map((settings, direction): LinkSettings => {
      const numbers = (list: 'dropList' | 'corruptList'): number[] =>
        ofLink.filter((strike) => strike.direction === direction && strike.list === list).map(({ packet }) => packet)
      return { ...settings, dropList: numbers('dropList'), corruptList: numbers('corruptList') }
    })
    return { ...link, settings: [there, back] as const }
  })
  return { ...scenario, links }
}

/** Position of a frame among those that left on its direction of its link, from 1; of one that still waits, as it is going to leave. */
export function numberOnLink(trace: TraceView, frame: FrameRecord): number {
  let number = 1
  for (const other of trace.frames(({ link, direction }) => link === frame.link && direction === frame.direction)) {
    if (other.duplicate || other.number === frame.number) continue
    const waits = other.sent === NEVER
    if (waits && other.fate !== 'queued') continue
    const isAhead = frame.sent === NEVER ? !waits || other.number < frame.number : !waits && leftBefore(other, frame)
    if (isAhead) number++
  }
  return number
}

function leftBefore(one: FrameRecord, other: FrameRecord): boolean {
  return one.sent < other.sent || (one.sent === other.sent && one.number < other.number)
}
