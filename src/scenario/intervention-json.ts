import * as v from 'valibot'
import { ScenarioError, describeFound, listChoices, quote, suggestChoices } from './errors.ts'
import { choiceField, countField, sizeField, strict, timeField } from './field-schema.ts'
import { findKnob, parseKnobValue, writeKnobValue } from './knob.ts'
import { SETTING_UNITS, UNLIMITED, settingEntries, writeQueue } from './link-schema.ts'
import { MACHINE_UNITS, machineEntries } from './machine-schema.ts'
import { formatPath } from './path.ts'
import { writeUnit } from './units.ts'
import { memberName, readMemberName } from './member-name.ts'
import { check, copyPlain } from './validation.ts'
import type { Action, Intervention, PacketChoice } from './intervention.ts'
import type { Flap, LinkSettings } from '../kernel/link.ts'
import type { LinkChange } from './link-layers.ts'
import type { MachineSettings } from './machine-settings.ts'
import type { Path } from './path.ts'
import type { ResolvedScenario } from './resolved.ts'

/** One entry of a file of interventions: `{ at: '120 ms', drop: { frame: 17 } }`. Plain JSON. */
export type WrittenIntervention = Readonly<Record<string, unknown>>

const MOST_INTERVENTIONS = 10_000
const KINDS = [
  'drop',
  'corrupt',
  'set',
  'kill',
  'restart',
  'pause',
  'resume',
  'watch',
  'unwatch',
  'cut',
  'heal',
  'link',
  'host',
] as const
const DIRECTIONS = ['forward', 'backward'] as const

const at = timeField('Simulated time.', { max: Number.MAX_SAFE_INTEGER })
const frame = strict('the frame', {
  frame: countField('Number of the frame in the run.', { min: 1, max: Number.MAX_SAFE_INTEGER }),
})
/** The same packet in any run of the scenario: by its number on one direction of a link. */
const packet = strict('the packet', {
  link: v.string('the name of a link'),
  direction: choiceField('Forward is from the first end of the link to the second.', DIRECTIONS),
  packet: countField('Number of the packet on this direction.', { min: 1, max: Number.MAX_SAFE_INTEGER }),
})
const knobSetting = strict('a knob to set', {
  knob: v.string('the name of a knob'),
  value: v.union([v.string(), v.number(), v.boolean()], 'a value of the knob'),
})
const linkChange = strict('a change of a link', {
  name: v.string('the name of a link'),
  direction: v.exactOptional(
    choiceField('One direction only: forward is from the first end of the link to the second.', DIRECTIONS),
  ),
  ...clearable({
    ...settingEntries,
    queueBytes: v.exactOptional(sizeField('Queue limit in bytes.', { max: UNLIMITED })),
    queueFrames: v.exactOptional(countField('Queue limit in frames.', { min: 0, max: UNLIMITED })),
  }),
})

const machineChange = strict('a change of a host', { name: v.string('the name of a host'), ...clearable(machineEntries) })

type Clearable<Entries> = {
  [Key in keyof Entries]: Entries[Key] extends v.ExactOptionalSchema<infer Schema, undefined>
    ? v.ExactOptionalSchema<v.NullableSchema<Schema, undefined>, undefined>
    : never
}

/** The same settings, each of which may also be null: cleared, so that what the scenario and its knobs say holds again. */
function clearable<const Entries extends Record<string, v.ExactOptionalSchema<v.GenericSchema, undefined>>>(entries: Entries) {
  return Object.fromEntries(
    Object.entries(entries).map(([key, entry]) => [key, v.exactOptional(v.nullable(entry.wrapped))]),
  ) as Clearable<Entries>
}

/**
 * Reads a list of interventions as a file or a share link has it.
 * @param value parsed JSON of unknown quality
 * @param scenario names and knobs are checked against it
 * @returns in the order of time; those of the same time in the order of the list
 * @throws ScenarioError for the first entry that is wrong: `[3].set.value: …`
 */
export function parseInterventions(value: unknown, scenario: ResolvedScenario): Intervention[] {
  if (!Array.isArray(value))
    throw new ScenarioError('', describeFound(value), 'a list such as [{"at": "120 ms", "drop": {"frame": 17}}]')
  if (value.length > MOST_INTERVENTIONS)
    throw new ScenarioError('', describeFound(value), `at most ${String(MOST_INTERVENTIONS)} interventions`)
  const list = (copyPlain(value) as unknown[]).map((entry, index) => parseIntervention(entry, index, scenario))
  return list.sort((a, b) => a.at - b.at)
}

function parseIntervention(entry: unknown, index: number, scenario: ResolvedScenario): Intervention {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    throw new ScenarioError(
      formatPath([index]),
      describeFound(entry),
      'an object such as {"at": "120 ms", "drop": {"frame": 17}}',
    )
  }
  const { at: time, ...actions } = entry as Record<string, unknown>
  const kinds = Object.keys(actions)
  const unknown = kinds.find((kind) => !KINDS.some((known) => known === kind))
  if (unknown !== undefined) {
    throw new ScenarioError(
      formatPath([index, unknown]),
      describeFound(actions[unknown]),
      `no key of this name; at, and ${suggestChoices(unknown, KINDS)}`,
    )
  }
  const nanos = check(at, time, [index, 'at'])
  const [kind, ...others] = kinds as (typeof KINDS)[number][]
  if (kind === undefined || others.length > 0) {
    const found = kind === undefined ? 'no action' : kinds.join(' and ')
    throw new ScenarioError(formatPath([index]), found, `exactly one of ${listChoices(KINDS)}`)
  }
  return { at: nanos, ...parseAction(kind, actions[kind], [index, kind], scenario) }
}

function parseAction(kind: (typeof KINDS)[number], value: unknown, path: Path, scenario: ResolvedScenario): Action {
  switch (kind) {
    case 'drop':
      return { drop: parsePacket(value, path, scenario) }
    case 'corrupt':
      return { corrupt: parsePacket(value, path, scenario) }
    case 'set': {
      const setting = check(knobSetting, value, path)
      const knob = findKnob(scenario, setting.knob, formatPath([...path, 'knob']))
      if (knob.applies === 'restart') {
        const allowed = 'a knob that acts live; this one needs the run to start anew, with another value from the start'
        throw new ScenarioError(formatPath([...path, 'knob']), quote(knob.name), allowed)
      }
      return { set: { knob: knob.name, value: parseKnobValue(knob, setting.value, formatPath([...path, 'value'])) } }
    }
    case 'link': {
      const { name, direction, queue, ...settings } = check(linkChange, value, path)
      nameOf('link', name, [...path, 'name'], scenario)
      const limits = queue === null ? { queueBytes: null, queueFrames: null } : queue
      const change: LinkChange = { ...limits, ...settings }
      if (Object.keys(change).length === 0) {
        throw new ScenarioError(formatPath(path), describeFound(value), 'at least one setting to change, such as "loss": "2 %"')
      }
      const index = DIRECTIONS.findIndex((candidate) => candidate === direction)
      return { link: { name, ...(index < 0 ? {} : { direction: index as 0 | 1 }), settings: change } }
    }
    case 'host': {
      const { name, ...settings } = check(machineChange, value, path)
      hostOf(name, [...path, 'name'], scenario)
      if (Object.keys(settings).length === 0) {
        const allowed = 'at least one setting to change, such as "perPacket": "1 ms"'
        throw new ScenarioError(formatPath(path), describeFound(value), allowed)
      }
      return { host: { name, settings } }
    }
    case 'cut':
      return { cut: nameOf('link', value, path, scenario) }
    case 'heal':
      return { heal: nameOf('link', value, path, scenario) }
    case 'kill':
      return { kill: hostOf(value, path, scenario) }
    case 'restart':
      return { restart: hostOf(value, path, scenario) }
    case 'pause':
      return { pause: hostOf(value, path, scenario) }
    case 'resume':
      return { resume: hostOf(value, path, scenario) }
    case 'watch':
      return { watch: hostOf(value, path, scenario) }
    case 'unwatch':
      return { unwatch: hostOf(value, path, scenario) }
  }
}

function parsePacket(value: unknown, path: Path, scenario: ResolvedScenario): PacketChoice {
  if (typeof value !== 'object' || value === null || !('packet' in value)) return check(frame, value, path)
  const choice = check(packet, value, path)
  nameOf('link', choice.link, [...path, 'link'], scenario)
  return { ...choice, direction: choice.direction === 'forward' ? 0 : 1 }
}

/** The name of a host, or of a member of a crowd. */
function hostOf(value: unknown, path: Path, scenario: ResolvedScenario): string {
  const { host: name, member } = readMemberName(typeof value === 'string' ? value : '')
  const host = scenario.hosts.find((each) => each.name === name)
  if (member === undefined || host === undefined) return nameOf('host', value, path, scenario)
  const { replicas } = host
  if (replicas !== undefined && member < replicas) return String(value)
  const allowed =
    replicas === undefined ? `"${name}", which is no crowd` : `"${name}", or a member of it, ${rangeOf(name, replicas)}`
  throw new ScenarioError(formatPath(path), describeFound(value), allowed)
}

function rangeOf(name: string, replicas: number): string {
  return `"${memberName({ host: name, member: 0 })}" to "${memberName({ host: name, member: replicas - 1 })}"`
}

function nameOf(kind: 'host' | 'link', value: unknown, path: Path, scenario: ResolvedScenario): string {
  const names = (kind === 'host' ? scenario.hosts : scenario.links).map(({ name }) => name)
  if (typeof value === 'string' && names.includes(value)) return value
  const choices = typeof value === 'string' ? suggestChoices(value, names) : listChoices(names)
  throw new ScenarioError(formatPath(path), describeFound(value), `the name of a ${kind}: ${choices}`)
}

/**
 * The inverse of `parseInterventions`: plain JSON with units.
 * @throws ScenarioError for a knob that the scenario does not have
 */
export function writeInterventions(log: readonly Intervention[], scenario: ResolvedScenario): WrittenIntervention[] {
  return log.map(({ at: nanos, ...action }) => ({ at: writeUnit('time', nanos), ...writeAction(action, scenario) }))
}

/** The text of a file of interventions, one a line. */
export function formatInterventions(log: readonly Intervention[], scenario: ResolvedScenario): string {
  const lines = writeInterventions(log, scenario).map((entry) => `  ${JSON.stringify(entry)}`)
  return lines.length === 0 ? '[]\n' : `[\n${lines.join(',\n')}\n]\n`
}

function writeAction(action: Action, scenario: ResolvedScenario): WrittenIntervention {
  if ('set' in action) {
    const { knob, value } = action.set
    return { set: { knob, value: writeKnobValue(findKnob(scenario, knob), value) } }
  }
  if ('host' in action) {
    const { name, settings } = action.host
    const written = Object.entries(settings).map(([key, value]) => {
      const unit = MACHINE_UNITS[key as keyof MachineSettings]
      return [key, value === null || unit === 'count' ? value : writeUnit(unit, value)]
    })
    return { host: { name, ...Object.fromEntries(written) } }
  }
  if ('drop' in action) return { drop: writePacket(action.drop) }
  if ('corrupt' in action) return { corrupt: writePacket(action.corrupt) }
  if (!('link' in action)) return action
  const { name, direction, settings } = action.link
  return { link: { name, ...(direction === undefined ? {} : { direction: DIRECTIONS[direction] }), ...writeSettings(settings) } }
}

function writePacket(choice: PacketChoice): Record<string, unknown> {
  return 'frame' in choice ? choice : { ...choice, direction: DIRECTIONS[choice.direction] }
}

function writeSettings(settings: LinkChange): Record<string, unknown> {
  const { queueBytes, queueFrames, ...others } = settings
  const written: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(settings)) {
    const key = name as keyof LinkSettings
    if (key in others) written[key] = writeSetting(key, value)
    else if ('queue' in written) continue
    else if (queueBytes === undefined || queueFrames === undefined) written[key] = writeSetting(key, value)
    else Object.assign(written, writeLimits(queueBytes, queueFrames))
  }
  return written
}

function writeLimits(queueBytes: number | null, queueFrames: number | null): Record<string, unknown> {
  if (queueBytes === null && queueFrames === null) return { queue: null }
  const queue = queueBytes === null || queueFrames === null ? undefined : writeQueue({ queueBytes, queueFrames })
  if (queue !== undefined) return { queue }
  return { queueBytes: writeSetting('queueBytes', queueBytes), queueFrames }
}

function writeSetting(key: keyof LinkSettings, value: LinkChange[keyof LinkChange]): unknown {
  const unit = SETTING_UNITS[key]
  if (typeof value === 'number' && unit !== undefined && unit !== 'count') return writeUnit(unit, value)
  if (key !== 'flaps' || value === null) return value
  return (value as readonly Flap[]).map((flap) => ({ at: writeUnit('time', flap.at), for: writeUnit('time', flap.for) }))
}
