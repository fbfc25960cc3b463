import type { Run } from '../src/run/run.ts'
import { isFlappedDown } from '../src/scenario/flaps.ts'
import type { Action, Intervention } from '../src/scenario/intervention.ts'
import { LinkLayers, type LinkChange } from '../src/scenario/link-layers.ts'
import { MachineLayers } from '../src/scenario/machine-layers.ts'
import type { MachineSettings } from '../src/scenario/machine-settings.ts'
import type { ResolvedScenario } from '../src/scenario/resolved.ts'
import { MACHINE_UNITS } from '../src/scenario/machine-schema.ts'
import { readUnit } from '../src/scenario/units.ts'
import type { LinkSettings, Nanos } from '../src/trace/record.ts'
import { LINK_CONTROLS } from './link-settings.ts'

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
/** A setting of the machine under a host that differs from what the scenario and its knobs say. */
export interface MachineFault {
  readonly kind: 'machine'
  readonly host: number
  readonly key: keyof MachineSettings
  readonly value: number
  readonly baseline: number
}
export type ActiveFault = LinkFault | HostFault | MachineFault

/** One link as it stands, by direction. */
export interface LinkStanding {
  /** What is in force. */
  readonly settings: readonly [LinkSettings, LinkSettings]
  /** What would be in force if nobody had set anything by hand. */
  readonly baseline: readonly [LinkSettings, LinkSettings]
  /** Whether the cable is down now by its schedule alone. */
  readonly flapped: readonly [boolean, boolean]
}

/** The machine under a host as it stands. */
export interface MachineStanding {
  /** What is in force. */
  readonly settings: MachineSettings
  /** What would be in force if nobody had set anything by hand. */
  readonly baseline: MachineSettings
}

export interface NetworkState {
  /** By link. */
  readonly links: readonly LinkStanding[]
  /** By host. */
  readonly power: ('on' | 'off' | 'paused')[]
  /** By host. */
  readonly machines: readonly MachineStanding[]
  readonly knobs: Record<string, number | string | boolean>
}

const MACHINE_PATH = /^hosts\.([^.]+)\.machine\.(\w+)$/
const LINK_PATH = /^links\[(\d+)\](?:\.(forward|backward))?\.(\w+)$/

/** A knob's value in base units: a choice may have it as text. */
function plainValue(key: keyof LinkSettings, value: KnobValue): KnobValue {
  const unit = LINK_CONTROLS.find((control) => control.key === key && control.kind === 'range')
  if (unit?.kind !== 'range' || typeof value !== 'string') return value
  const read = readUnit(unit.unit, value)
  return typeof read === 'number' ? read : value
}

/** Both limits of a queue: a bare number counts packets, as does `'100 packets'`; a size is one of bytes. */
function queueOf(value: KnobValue): Partial<LinkSettings> {
  const text = String(value)
  const packets = /^(\d+)(?: packets?)?$/.exec(text)?.[1]
  const bytes = packets === undefined ? readUnit('bytes', text) : UNLIMITED
  return {
    queueFrames: packets === undefined ? UNLIMITED : Number(packets),
    queueBytes: typeof bytes === 'number' ? bytes : UNLIMITED,
  }
}
const UNLIMITED = Number.MAX_SAFE_INTEGER

type Layers = readonly (readonly [LinkLayers, LinkLayers])[]
type KnobValue = number | string | boolean
type Values = Record<string, KnobValue>

/** Sets what a knob's path names: `'links[0].loss'`, `'links[0].forward.loss'`. Paths to other things change no link. */
function applyPath(layers: Layers, path: string, value: KnobValue, inBytes: boolean): void {
  const match = LINK_PATH.exec(path)
  if (match === null) return
  layers.at(Number(match[1]))?.forEach((direction, end) => {
    if (match[2] !== undefined && match[2] !== (end === 0 ? 'forward' : 'backward')) return
    if (match[3] === 'queue') direction.rebase(queueOf(inBytes ? `${String(value)} B` : value))
    else if (match[3] in direction.base) direction.rebase({ [match[3]]: plainValue(match[3] as keyof LinkSettings, value) })
  })
}

function applyLink(
  layers: Layers,
  scenario: ResolvedScenario,
  name: string,
  change: (layers: LinkLayers, end: number) => void,
): void {
  layers.at(scenario.links.findIndex((link) => link.name === name))?.forEach(change)
}

/** What interventions change. */
interface Standing {
  readonly layers: Layers
  readonly machines: readonly MachineLayers[]
  readonly power: NetworkState['power']
  readonly knobs: Values
}

/** Sets what a knob's path names, when it is of a machine: `'hosts.bob.machine.perPacket'`. */
function applyMachinePath(machines: readonly MachineLayers[], scenario: ResolvedScenario, path: string, value: KnobValue): void {
  const match = MACHINE_PATH.exec(path)
  if (match === null) return
  const [, name, key] = match
  const host = scenario.hosts.findIndex((each) => each.name === name)
  const unit = MACHINE_UNITS[key as keyof MachineSettings]
  const plain = typeof value === 'string' ? readUnit(unit, value) : value
  if (host >= 0 && typeof plain === 'number') machines[host].rebase({ [key]: plain })
}

function apply({ layers, machines, power, knobs }: Standing, scenario: ResolvedScenario, action: Action): void {
  const setPower = (name: string, to: 'on' | 'off' | 'paused'): void => {
    const host = scenario.hosts.findIndex((each) => each.name === name)
    if (host >= 0) power[host] = to
  }
  if ('set' in action) {
    const { knob, value } = action.set
    knobs[knob] = value
    const turned = scenario.knobs.find((each) => each.name === knob)
    const inBytes = turned?.control.kind === 'range' && turned.control.unit === 'bytes'
    for (const path of turned?.sets ?? []) {
      applyPath(layers, path, value, inBytes)
      applyMachinePath(machines, scenario, path, value)
    }
  } else if ('kill' in action) setPower(action.kill, 'off')
  else if ('restart' in action) setPower(action.restart, 'on')
  else if ('pause' in action) setPower(action.pause, 'paused')
  else if ('resume' in action) setPower(action.resume, 'on')
  else if ('cut' in action || 'heal' in action) {
    applyLink(layers, scenario, 'cut' in action ? action.cut : action.heal, (each) => {
      each.plug('heal' in action)
    })
  } else if ('host' in action) {
    const { name, settings } = action.host
    // One member of a crowd is not the whole.
    const host = scenario.hosts.findIndex((each) => each.name === name)
    if (host >= 0) machines[host].override(settings)
  } else if ('link' in action) {
    const { name, direction, settings } = action.link
    applyLink(layers, scenario, name, (each, end) => {
      if (direction === undefined || direction === end) each.override(settings)
    })
  }
}

/** When hosts lose their power by themselves and get it back, in order of time. */
function outagesOf({ hosts }: ResolvedScenario): { readonly at: Nanos; readonly host: number; readonly isOff: boolean }[] {
  return hosts
    .flatMap(({ outages = [] }, host) =>
      outages.flatMap((outage) => [
        { at: outage.at, host, isOff: true },
        ...(outage.for > 0 ? [{ at: outage.at + outage.for, host, isOff: false }] : []),
      ]),
    )
    .sort((a, b) => a.at - b.at)
}

/** The network as outages and the interventions up to and including `time` have left it. */
export function networkAt(scenario: ResolvedScenario, log: readonly Intervention[], time: Nanos): NetworkState {
  const layers: Layers = scenario.links.map(({ settings: [there, back] }) => [new LinkLayers(there), new LinkLayers(back)])
  const power: NetworkState['power'] = scenario.hosts.map(() => 'on')
  const knobs: Values = Object.fromEntries(scenario.knobs.map((knob) => [knob.name, knob.value]))
  const machines = scenario.hosts.map(({ machine }) => new MachineLayers(machine))
  const state = { layers, machines, power, knobs }
  const outages = outagesOf(scenario)
  let next = 0
  const failUntil = (until: Nanos): void => {
    for (; next < outages.length && outages[next].at <= until; next++) {
      const { host, isOff } = outages[next]
      // Who is off already cannot lose its power, and who is on does not get it back.
      if ((power[host] === 'off') !== isOff) power[host] = isOff ? 'off' : 'on'
    }
  }
  for (const intervention of log) {
    if (intervention.at > time) continue
    failUntil(intervention.at)
    apply(state, scenario, intervention)
  }
  failUntil(time)
  return {
    links: layers.map(([there, back]) => standing(there, back, time)),
    machines: machines.map(({ settings, base }) => ({ settings, baseline: { ...base } })),
    power,
    knobs,
  }
}

function standing(there: LinkLayers, back: LinkLayers, time: Nanos): LinkStanding {
  const isFlapped = ({ settings }: LinkLayers): boolean => settings.up && isFlappedDown(settings, time)
  return {
    settings: [there.at(time), back.at(time)],
    baseline: [{ ...there.base }, { ...back.base }],
    flapped: [isFlapped(there), isFlapped(back)],
  }
}

/** The network of a run at its playhead. */
export function networkOf(run: Run): NetworkState {
  return networkAt(run.scenario, run.log, run.playhead)
}

/** Which entries of a run's log and which outages are in force at its playhead, as a key: it changes exactly when `networkOf` may. */
export function networkKey(run: Run): string {
  let outages = 0
  for (const { outages: own = [] } of run.scenario.hosts) {
    for (const { at, for: length } of own)
      outages += (at <= run.playhead ? 1 : 0) + (length > 0 && at + length <= run.playhead ? 1 : 0)
  }
  let key = `${String(outages)} `
  const { links, knobs } = run.scenario
  let flapping =
    links.some(({ settings }) => settings.some(({ flaps, flapEvery }) => flaps.length > 0 || flapEvery > 0)) ||
    knobs.some(({ sets }) => sets.some((path) => path.endsWith('.flapEvery')))
  for (const action of run.log) {
    key += action.at <= run.playhead ? '1' : '0'
    flapping ||= 'link' in action && ('flaps' in action.link.settings || 'flapEvery' in action.link.settings)
  }
  if (flapping)
    key += networkOf(run)
      .links.map(({ flapped }) => (flapped[0] ? '1' : '0') + (flapped[1] ? '1' : '0'))
      .join('')
  return key
}

/** Everything that is broken now. Frames dropped by hand are not here: that is over once it is done. */
export function activeFaults(state: NetworkState): ActiveFault[] {
  const faults: ActiveFault[] = []
  state.links.forEach(({ settings, baseline, flapped }, link) => {
    for (const key of Object.keys(settings[0]) as (keyof LinkSettings)[]) {
      const differs = ([0, 1] as const).filter(
        (direction) =>
          !(key === 'up' && flapped[direction]) &&
          JSON.stringify(settings[direction][key]) !== JSON.stringify(baseline[direction][key]),
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
  state.machines.forEach(({ settings, baseline }, host) => {
    for (const key of Object.keys(settings) as (keyof MachineSettings)[]) {
      const fault = { host, key, value: settings[key], baseline: baseline[key] }
      if (fault.value !== fault.baseline) faults.push({ kind: 'machine', ...fault })
    }
  })
  return faults
}

/** What really clears a fault, and nothing else. */
export function clearingAction(scenario: ResolvedScenario, fault: ActiveFault): Action {
  if (fault.kind === 'host') {
    const name = scenario.hosts[fault.host].name
    return fault.power === 'off' ? { restart: name } : { resume: name }
  }
  if (fault.kind === 'machine') return { host: { name: scenario.hosts[fault.host].name, settings: { [fault.key]: null } } }
  const name = scenario.links[fault.link].name
  if (fault.key === 'up' && fault.direction === undefined && fault.baseline === true) return { heal: name }
  const settings: LinkChange = { [fault.key]: null }
  return { link: { name, settings, ...(fault.direction === undefined ? {} : { direction: fault.direction }) } }
}
