import type { Run } from '../src/run/run.ts'
import type { Action, Intervention } from '../src/scenario/intervention.ts'
import type { ResolvedScenario } from '../src/scenario/resolved.ts'
import type { LinkSettings, Nanos } from '../src/trace/record.ts'

/*
 * What people did to the network, as of the playhead. The run itself tells the state at its horizon; someone who has scrubbed back
 * looks at the past, and what they do there acts there. So the state is told from the log: the scenario, with every intervention
 * up to the playhead applied in order.
 */

/** A setting of a link that differs from what the scenario and its knobs say. */
export interface LinkFault {
  readonly kind: 'link'
  readonly link: number
  /** 0 or 1, or both when they agree. */
  readonly direction: 0 | 1 | undefined
  readonly key: keyof LinkSettings
  readonly value: LinkSettings[keyof LinkSettings]
  /** What it would be without the fault. */
  readonly baseline: LinkSettings[keyof LinkSettings]
}
export interface HostFault {
  readonly kind: 'host'
  readonly host: number
  readonly power: 'off' | 'paused'
}
export type ActiveFault = LinkFault | HostFault

export interface NetworkState {
  /** By link and direction. */
  readonly links: readonly { readonly settings: [LinkSettings, LinkSettings]; readonly baseline: [LinkSettings, LinkSettings] }[]
  /** By host. */
  readonly power: ('on' | 'off' | 'paused')[]
  readonly knobs: Record<string, number | string | boolean>
}

const LINK_PATH = /^links\[(\d+)\](?:\.(forward|backward))?\.(\w+)$/

/** Sets what a knob's path names: `'links[0].loss'`, `'links[0].forward.loss'`. Paths to other things change no link. */
function applyPath(state: NetworkState, path: string, value: number | string | boolean): void {
  const match = LINK_PATH.exec(path)
  if (match === null) return
  const link = state.links.at(Number(match[1]))
  const key = match[3]
  if (link === undefined) return
  for (const direction of [0, 1] as const) {
    if (match[2] !== undefined && match[2] !== (direction === 0 ? 'forward' : 'backward')) continue
    if (!(key in link.settings[direction])) continue
    link.settings[direction] = { ...link.settings[direction], [key]: value }
    link.baseline[direction] = { ...link.baseline[direction], [key]: value }
  }
}

function applyLink(state: NetworkState, index: number, direction: 0 | 1 | undefined, settings: Partial<LinkSettings>): void {
  const link = state.links.at(index)
  if (link === undefined || index < 0) return
  for (const each of [0, 1] as const) {
    if (direction === undefined || direction === each) link.settings[each] = { ...link.settings[each], ...settings }
  }
}

function apply(state: NetworkState, scenario: ResolvedScenario, action: Action): void {
  const linkIndex = (name: string): number => scenario.links.findIndex((link) => link.name === name)
  const setPower = (name: string, power: 'on' | 'off' | 'paused'): void => {
    const host = scenario.hosts.findIndex((each) => each.name === name)
    if (host >= 0) state.power[host] = power
  }
  if ('set' in action) {
    const { knob, value } = action.set
    state.knobs[knob] = value
    for (const path of scenario.knobs.find((each) => each.name === knob)?.sets ?? []) applyPath(state, path, value)
  } else if ('kill' in action) setPower(action.kill, 'off')
  else if ('restart' in action) setPower(action.restart, 'on')
  else if ('pause' in action) setPower(action.pause, 'paused')
  else if ('resume' in action) setPower(action.resume, 'on')
  else if ('cut' in action) applyLink(state, linkIndex(action.cut), undefined, { up: false })
  else if ('heal' in action) applyLink(state, linkIndex(action.heal), undefined, { up: true })
  else if ('link' in action) applyLink(state, linkIndex(action.link.name), action.link.direction, action.link.settings)
}

/** The network as the interventions up to and including `time` have left it. */
export function networkAt(scenario: ResolvedScenario, log: readonly Intervention[], time: Nanos): NetworkState {
  const state: NetworkState = {
    links: scenario.links.map(({ settings }) => ({
      settings: [{ ...settings[0] }, { ...settings[1] }],
      baseline: [{ ...settings[0] }, { ...settings[1] }],
    })),
    power: scenario.hosts.map(() => 'on'),
    knobs: Object.fromEntries(scenario.knobs.map((knob) => [knob.name, knob.value])),
  }
  for (const intervention of log) if (intervention.at <= time) apply(state, scenario, intervention)
  return state
}

/** The network of a run at its playhead. */
export function networkOf(run: Run): NetworkState {
  return networkAt(run.scenario, run.log, run.playhead)
}

/** Which entries of a run's log are in force at its playhead, as a key: it changes exactly when `networkOf` may. */
export function networkKey(run: Run): string {
  let key = ''
  for (const { at } of run.log) key += at <= run.playhead ? '1' : '0'
  return key
}

/** Everything that is broken now. Frames dropped by hand are not here: that is over once it is done. */
export function activeFaults(state: NetworkState): ActiveFault[] {
  const faults: ActiveFault[] = []
  state.links.forEach(({ settings, baseline }, link) => {
    for (const key of Object.keys(settings[0]) as (keyof LinkSettings)[]) {
      const differs = ([0, 1] as const).filter(
        (direction) => JSON.stringify(settings[direction][key]) !== JSON.stringify(baseline[direction][key]),
      )
      const together =
        differs.length === 2 &&
        JSON.stringify(settings[0][key]) === JSON.stringify(settings[1][key]) &&
        JSON.stringify(baseline[0][key]) === JSON.stringify(baseline[1][key])
      for (const direction of together ? [undefined] : differs) {
        const value = settings[direction ?? 0][key]
        faults.push({ kind: 'link', link, direction, key, value, baseline: baseline[direction ?? 0][key] })
      }
    }
  })
  state.power.forEach((power, host) => {
    if (power !== 'on') faults.push({ kind: 'host', host, power })
  })
  return faults
}

/** What really clears a fault, and nothing else. */
export function clearingAction(scenario: ResolvedScenario, fault: ActiveFault): Action {
  if (fault.kind === 'host') {
    const name = scenario.hosts[fault.host].name
    return fault.power === 'off' ? { restart: name } : { resume: name }
  }
  const name = scenario.links[fault.link].name
  if (fault.key === 'up' && fault.direction === undefined && fault.baseline === true) return { heal: name }
  const settings = { [fault.key]: fault.baseline } as Partial<LinkSettings>
  return { link: { name, settings, ...(fault.direction === undefined ? {} : { direction: fault.direction }) } }
}
