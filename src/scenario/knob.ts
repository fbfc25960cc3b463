import { ScenarioError, describeFound, listChoices, quote, suggestChoices } from './errors.ts'
import { accessSchema } from './crowd-schema.ts'
import { valueAt } from './knob-path.ts'
import { linkSettings, plainSettings } from './link-schema.ts'
import { liveOption } from './live-option.ts'
import { machineSchema } from './machine-schema.ts'
import { parsePath } from './path.ts'
import { tcpSchema } from './tcp-schema.ts'
import { allowedText, readUnit, writeUnit } from './units.ts'
import { check } from './validation.ts'
import type { ResolvedKnob, ResolvedScenario } from './resolved.ts'
import type { LinkSettings } from '../kernel/link.ts'

export type KnobValue = number | string | boolean

/** What turning a knob changes in a running network. */
export type LiveChange =
  | {
      readonly kind: 'link'
      /** Index of the link. */
      readonly link: number
      /** Both when absent. */
      readonly direction?: 0 | 1
      readonly settings: Partial<LinkSettings>
    }
  | {
      readonly kind: 'host'
      /** Name of the host. */
      readonly host: string
      /** For `Machine.configure`: `'app.interval'`. */
      readonly path: string
      /** In base units. */
      readonly value: unknown
    }

/** @throws ScenarioError when there is no such knob */
export function findKnob(scenario: ResolvedScenario, name: string, path = ''): ResolvedKnob {
  const knob = scenario.knobs.find((candidate) => candidate.name === name)
  if (knob !== undefined) return knob
  const names = scenario.knobs.map((candidate) => candidate.name)
  const allowed =
    names.length === 0 ? 'none, for this scenario has no knobs' : `a knob of this scenario: ${suggestChoices(name, names)}`
  throw new ScenarioError(path, quote(name), allowed)
}

/**
 * A knob's value from text or plain data: `'2 %'`, `0.02`, `'true'`, `'udp'`.
 * @returns in base units
 * @throws ScenarioError for a value that the knob does not have
 */
export function parseKnobValue(knob: ResolvedKnob, value: unknown, path = ''): KnobValue {
  const allowed = allowedValues(knob)
  const refuse = () => new ScenarioError(path, describeFound(value), allowed)
  const { control } = knob
  switch (control.kind) {
    case 'toggle':
      if (value === true || value === 'true' || value === 'on') return true
      if (value === false || value === 'false' || value === 'off') return false
      throw refuse()
    case 'choice': {
      const choice = control.choices.find((candidate) => candidate.value === value || String(candidate.value) === value)
      if (choice === undefined) throw refuse()
      return choice.value
    }
    case 'range': {
      const number = typeof value === 'string' ? readUnit(control.unit, value) : value
      if (typeof number !== 'number' || !(number >= control.min && number <= control.max)) throw refuse()
      if (isWhole(control) && !Number.isSafeInteger(number)) throw refuse()
      return number
    }
  }
}

type Range = Extract<ResolvedKnob['control'], { kind: 'range' }>

function isWhole({ unit, min, step }: Range): boolean {
  return unit === 'count' ? Number.isInteger(step) && Number.isInteger(min) : unit !== 'fraction'
}

/** What may be said to a knob: `'"0 %" to "20 %"'`. */
function allowedValues(knob: ResolvedKnob): string {
  const { control } = knob
  switch (control.kind) {
    case 'toggle':
      return 'true or false'
    case 'choice':
      return listChoices(control.choices.map(({ value }) => String(value)))
    case 'range': {
      const ends = `from ${writeUnit(control.unit, control.min)} to ${writeUnit(control.unit, control.max)}`
      return control.unit === 'count'
        ? `a ${isWhole(control) ? 'whole ' : ''}number ${ends}`
        : `${allowedText(control.unit)}, ${ends}`
    }
  }
}

/** For files and links: what `parseKnobValue` reads back exactly. */
export function writeKnobValue(knob: ResolvedKnob, value: KnobValue): KnobValue {
  const { control } = knob
  return control.kind === 'range' && control.unit !== 'count' && typeof value === 'number'
    ? writeUnit(control.unit, value)
    : value
}

/** The value as an author would have written it at the knob's path. */
export function authorsValue(control: ResolvedKnob['control'], value: KnobValue, path: string): unknown {
  if (control.kind !== 'range' || typeof value !== 'number') return value
  if (control.unit === 'count') return path.endsWith('.queue') ? `${String(value)} packets` : value
  return control.unit === 'fraction' ? value : writeUnit(control.unit, value)
}

/**
 * What a running network has to change when a knob is turned.
 * @param value in base units, as from `parseKnobValue`
 * @throws ScenarioError for an unknown knob, a value it does not have, or a knob that needs the run to start anew
 */
export function applyKnob(scenario: ResolvedScenario, name: string, value: unknown): LiveChange[] {
  const knob = findKnob(scenario, name)
  const parsed = parseKnobValue(knob, value, name)
  if (knob.applies === 'restart')
    throw new ScenarioError(name, 'a change while it runs', 'a change at the start: this knob needs the run to start anew')
  return knob.sets.map((path) => liveChange(scenario, path, authorsValue(knob.control, parsed, path)))
}

function liveChange(scenario: ResolvedScenario, path: string, written: unknown): LiveChange {
  const [top, who, ...below] = parsePath(path, path)
  if (top === 'links' && typeof who === 'number') {
    const direction = below[0] === 'forward' ? 0 : below[0] === 'backward' ? 1 : undefined
    const key = String(below[below.length - 1])
    const settings = plainSettings(check(linkSettings, { [key]: written }, ['links', who]))
    return { kind: 'link', link: who, ...(direction === undefined ? {} : { direction }), settings }
  }
  const host = scenario.hosts.find((candidate) => candidate.name === who)
  if (host === undefined) throw new ScenarioError(path, quote(String(who)), 'a host of this scenario')
  const change = { kind: 'host', host: host.name, path: path.slice(`hosts.${host.name}.`.length) } as const
  if (below[0] === 'tcp' || below[0] === 'machine' || below[0] === 'access') {
    const key = String(below[1])
    const schema = { tcp: tcpSchema, machine: machineSchema, access: accessSchema }[below[0]]
    return { ...change, value: valueAt(check(schema, { [key]: written }, ['hosts', host.name, below[0]]), [key]) }
  }
  const listed = below[0] === 'apps' && typeof below[1] === 'number'
  const app = host.apps[listed ? Number(below[1]) : 0]
  const option = app === undefined ? undefined : liveOption(app.app, below.slice(listed ? 2 : 1), app.options['transport'])
  if (option === undefined)
    throw new ScenarioError(path, 'an option that is fixed at the start', 'an option that a running application takes')
  return { ...change, value: check(option, written, [path]) }
}
