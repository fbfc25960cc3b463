import { TCP_PRESETS, tcpConfig } from '../protocols/tcp/config.ts'
import { DEFAULT_MACHINE } from './machine-settings.ts'
import { DEFAULT_LINK } from '../kernel/link.ts'
import { usualSettings } from './crowd-consistency.ts'
import { ScenarioError, describeFound, quote, suggestChoices } from './errors.ts'
import { authorsValue, parseKnobValue, writeKnobValue } from './knob.ts'
import { formatTarget, locate, optionOf, placeOf, putAt, valueAt } from './knob-path.ts'
import { liveOption } from './live-option.ts'
import { SETTING_UNITS, linkSchema, readQueue, resolveSettings, settingEntries } from './link-schema.ts'
import { formatPath } from './path.ts'
import { hostSchema } from './schema.ts'
import { allowedText, readUnit } from './units.ts'
import { check, copyPlain } from './validation.ts'
import type { KnobTarget } from './knob-path.ts'
import type { KnobValue } from './knob.ts'
import type { ParsedKnob, ParsedScenario } from './schema.ts'
import type { ResolvedKnob } from './resolved.ts'
import type { Unit } from './units.ts'

type Tree = Record<string, unknown>

const SHARES = new Set(Object.entries(SETTING_UNITS).flatMap(([key, unit]) => (unit === 'fraction' ? [key] : [])))

/**
 * Resolves the knobs of a scenario, and writes their values into it: those chosen for this run, and those that the author gives.
 * @param source the scenario as written, valid; changed in place
 * @param chosen values by knob name, in base units or as text
 * @throws ScenarioError for a knob that sets nothing, or a value which it or the scenario does not have
 */
export function resolveKnobs(source: Tree, scenario: ParsedScenario, chosen: Readonly<Record<string, unknown>>): ResolvedKnob[] {
  const names = Object.keys(scenario.knobs)
  for (const name of Object.keys(chosen)) {
    if (names.includes(name)) continue
    const allowed =
      names.length === 0 ? 'none, for this scenario has no knobs' : `a knob of this scenario: ${suggestChoices(name, names)}`
    throw new ScenarioError(formatPath(['knobs', name]), quote(name), allowed)
  }
  const knobs = Object.entries(scenario.knobs).map(([name, knob]) =>
    knob.sets === undefined
      ? resolveVariants(source, name, knob)
      : resolveKnob(source, scenario, name, { ...knob, sets: knob.sets }),
  )
  return knobs.map(({ knob, given, assignments }) => {
    const value = Object.hasOwn(chosen, knob.name)
      ? parseKnobValue(knob, chosen[knob.name], formatPath(['knobs', knob.name]))
      : given
    if (value === undefined) return knob
    for (const { target, written } of assignments(value)) {
      putAt(source, placeOf(source, target), written, formatPath(['knobs', knob.name, 'sets']))
    }
    return { ...knob, value }
  })
}

/** A value for a place in the scenario, as its author would have written it there. */
interface Assignment {
  readonly target: KnobTarget
  readonly written: unknown
}

interface Prepared {
  readonly knob: ResolvedKnob
  /** The value that the author gives to the knob itself. */
  readonly given: KnobValue | undefined
  /** What a value of the knob puts into the scenario. */
  readonly assignments: (value: KnobValue) => readonly Assignment[]
}

type Where = (...below: (string | number)[]) => string
const whereOf =
  (name: string): Where =>
  (...below) =>
    formatPath(['knobs', name, ...below])

/** A knob that sets nothing itself: each of its choices says what it sets. Such a knob always needs the run to start anew. */
function resolveVariants(source: Tree, name: string, parsed: ParsedKnob): Prepared {
  const where = whereOf(name)
  const variants = (parsed.choices ?? []).map((choice, index) => {
    const sets = typeof choice === 'object' ? Object.entries(choice.sets ?? {}) : []
    return sets.map(([path, written]): Assignment => {
      const at = where('choices', index, 'sets', path)
      const target = locate(source, path, at)
      tryValue(source, target, written, at, at)
      return { target, written }
    })
  })
  const paths = variants.flat().map(({ target }) => formatTarget(target))
  if (paths.length === 0)
    throw new ScenarioError(where('sets'), 'nothing', 'a path such as "links[0].loss", or choices with sets of their own')
  if (parsed.restart === false)
    throw new ScenarioError(where('restart'), 'false', 'true, or nothing; choices with sets need the run to start anew')
  const control = controlOf(parsed, [], where)
  const values = control.kind === 'choice' ? control.choices.map(({ value }) => value) : []
  const knob: ResolvedKnob = {
    name,
    label: parsed.label,
    help: parsed.help ?? '',
    control,
    value: values[0] ?? '',
    sets: [...new Set(paths)],
    applies: 'restart',
  }
  return {
    knob,
    given: parsed.value === undefined ? knob.value : parseKnobValue(knob, parsed.value, where('value')),
    assignments: (value) => variants[values.findIndex((candidate) => candidate === value)] ?? [],
  }
}

function resolveKnob(
  source: Tree,
  scenario: ParsedScenario,
  name: string,
  parsed: ParsedKnob & { readonly sets: string[] },
): Prepared {
  const where = whereOf(name)
  const own = parsed.choices?.findIndex((choice) => typeof choice === 'object' && choice.sets !== undefined) ?? -1
  if (own >= 0)
    throw new ScenarioError(
      where('choices', own, 'sets'),
      'sets beside those of the knob',
      'sets of the knob, or sets of its choices',
    )
  const targets = parsed.sets.map((path, index) =>
    locate(source, path, parsed.sets.length === 1 ? where('sets') : where('sets', index)),
  )
  const control = controlOf(parsed, targets, where)
  const sets = targets.map(formatTarget)
  const live = targets.every((target) => isLive(source, scenario, target, parsed.restart))
  const draft: ResolvedKnob = {
    name,
    label: parsed.label,
    help: parsed.help ?? '',
    control,
    value: false,
    sets,
    applies: live ? 'live' : 'restart',
  }
  for (const [extreme, place] of extremesOf(control)) {
    targets.forEach((target, index) => {
      tryValue(source, target, authorsValue(control, extreme, sets[index] ?? ''), where(...place), where('sets'))
    })
  }
  const given = parsed.value === undefined ? undefined : parseKnobValue(draft, parsed.value, where('value'))
  const value = given ?? currentValue(source, scenario, targets, draft, where)
  return {
    knob: { ...draft, value },
    given,
    assignments: (chosen) =>
      targets.map((target, index) => ({ target, written: authorsValue(control, chosen, sets[index] ?? '') })),
  }
}

function controlOf(parsed: ParsedKnob, targets: readonly KnobTarget[], where: Where): ResolvedKnob['control'] {
  if (parsed.range !== undefined && parsed.choices !== undefined) {
    throw new ScenarioError(
      where(),
      'both range and choices',
      'one of range and choices; neither for a switch between true and false',
    )
  }
  if (parsed.choices !== undefined) {
    const choices = parsed.choices.map((choice) =>
      typeof choice === 'object' ? { value: choice.value, label: choice.label } : { value: choice, label: String(choice) },
    )
    choices.forEach(({ value }, index) => {
      if (choices.findIndex((other) => String(other.value) === String(value)) < index) {
        throw new ScenarioError(where('choices', index), quote(String(value)), 'each value once')
      }
    })
    return { kind: 'choice', choices }
  }
  if (parsed.range === undefined) return { kind: 'toggle' }
  const lastKey = targets.map(keyOf)
  const [least, most] = parsed.range.map((bound, index) => readBound(bound, lastKey, where('range', index)))
  if (least === undefined || most === undefined || least.unit !== most.unit) {
    throw new ScenarioError(
      where('range'),
      parsed.range.map(describeFound).join(' and '),
      'the least and the most in units of one kind',
    )
  }
  if (least.value >= most.value) {
    throw new ScenarioError(where('range'), parsed.range.map(describeFound).join(' to '), 'the least first, then something more')
  }
  const { unit, value: min } = least
  const max = most.value
  const scale = parsed.scale ?? (unit !== 'fraction' && min > 0 && max / min >= 100 ? 'log' : 'linear')
  if (scale === 'log' && min <= 0)
    throw new ScenarioError(where('scale'), '"log"', 'linear, for a logarithmic scale cannot begin at 0')
  const whole = unit !== 'fraction' && Number.isInteger(min) && Number.isInteger(max)
  let step = niceStep(scale === 'log' ? min / 10 : (max - min) / 100, whole)
  if (parsed.step !== undefined) {
    const bound = readBound(parsed.step, lastKey, where('step'))
    if (bound.unit !== unit || bound.value <= 0 || bound.value > max - min) {
      throw new ScenarioError(where('step'), describeFound(parsed.step), 'a step above 0, within the range, in its unit')
    }
    step = bound.value
  }
  return { kind: 'range', min, max, step, scale, unit }
}

function keyOf(target: KnobTarget): string {
  return target.kind === 'link' ? target.key : String(target.below[target.below.length - 1] ?? '')
}

function readBound(
  bound: string | number,
  keys: readonly string[],
  where: string,
): { readonly unit: Unit; readonly value: number } {
  if (typeof bound === 'number') return { unit: keys.every((key) => SHARES.has(key)) ? 'fraction' : 'count', value: bound }
  const packets = bound.endsWith('packets') && keys.every((key) => key === 'queue') ? readQueue(bound)?.queueFrames : undefined
  if (packets !== undefined) return { unit: 'count', value: packets }
  for (const unit of ['time', 'bytes', 'fraction', 'rate'] as const) {
    const value = readUnit(unit, bound)
    if (typeof value === 'number' && bound !== 'unlimited') return { unit, value }
  }
  throw new ScenarioError(where, quote(bound), `a number, ${allowedText('time')}, a rate, a size, or ${allowedText('fraction')}`)
}

/** The greatest of 1, 2 and 5 times a power of ten that is not above the wish; at least 1 for whole numbers. */
function niceStep(wish: number, whole: boolean): number {
  const power = 10 ** Math.floor(Math.log10(wish))
  const step = [5, 2, 1].map((digit) => digit * power).find((candidate) => candidate <= wish * 1.000001) ?? power
  return whole ? Math.max(1, Math.round(step)) : Number(step.toPrecision(1))
}

function extremesOf(control: ResolvedKnob['control']): [KnobValue, (string | number)[]][] {
  switch (control.kind) {
    case 'toggle':
      return [
        [true, ['sets']],
        [false, ['sets']],
      ]
    case 'choice':
      return control.choices.map(({ value }, index) => [value, ['choices', index]])
    case 'range':
      return [
        [control.min, ['range', 0]],
        [control.max, ['range', 1]],
      ]
  }
}

/** Puts a value into a copy of the link or the host that it concerns, and checks that. */
function tryValue(source: Tree, target: KnobTarget, written: unknown, where: string, sets: string): void {
  const place = placeOf(source, target)
  const [top = '', who = '', ...below] = place
  const copy = copyPlain((source[top] as Tree)[who])
  putAt({ [top]: { [who]: copy } }, [String(top), String(who), ...below], written, sets)
  try {
    check(target.kind === 'link' ? linkSchema : hostSchema, copy, [top, who])
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error
    const unknownKey = error.allowed.startsWith('no key of this name')
    if (unknownKey)
      throw new ScenarioError(
        sets,
        quote(formatTarget(target)),
        `a path that exists; ${error.allowed.split('; ').slice(1).join('; ')}`,
      )
    throw new ScenarioError(where, describeFound(written), `what may stand at ${error.path}: ${error.allowed}`)
  }
}

/** Whether a running network can take the value, and should when the author does not say: settings of TCP shape a connection from its start. */
function isLive(source: Tree, scenario: ParsedScenario, target: KnobTarget, restart: boolean | undefined): boolean {
  if (restart === true) return false
  if (target.kind === 'link') return Object.hasOwn(settingEntries, target.key)
  if (target.kind === 'host') {
    const [part, ...below] = target.below
    return below.length === 1 && (part === 'machine' || part === 'access' || (part === 'tcp' && restart === false))
  }
  const place = placeOf(source, { ...target, below: [] })
  const app = valueAt(scenario, place)
  return liveOption(String(valueAt(app, ['app'])), optionOf(target), valueAt(app, ['transport'])) !== undefined
}

/** Where a knob stands by what the scenario says at its paths. */
function currentValue(
  source: Tree,
  scenario: ParsedScenario,
  targets: readonly KnobTarget[],
  knob: ResolvedKnob,
  where: Where,
): KnobValue {
  const values = targets.map((target) => scenarioValue(source, scenario, target, knob.control))
  const first = values[0]
  const unclear = (found: string) => new ScenarioError(where('value'), 'nothing', `where the knob stands at first, for ${found}`)
  if (values.some((value) => value !== first)) throw unclear('its paths begin with different values')
  if (first === undefined) throw unclear(`at ${knob.sets[0] ?? ''} stands no value of it`)
  try {
    return parseKnobValue(knob, first)
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error
    throw new ScenarioError(
      where(knob.control.kind === 'choice' ? 'choices' : 'range'),
      `${describeFound(writeKnobValue(knob, first))} at ${knob.sets[0] ?? ''}`,
      error.allowed,
    )
  }
}

function scenarioValue(
  source: Tree,
  scenario: ParsedScenario,
  target: KnobTarget,
  control: ResolvedKnob['control'],
): KnobValue | undefined {
  const parsed = parsedValue(source, scenario, target, control)
  const written = valueAt(source, placeOf(source, target))
  if (control.kind === 'range' && parsed === undefined && typeof written === 'string') {
    const value = readUnit(control.unit, written)
    return typeof value === 'number' ? value : undefined
  }
  if (control.kind !== 'choice') return parsed
  const same = control.choices.find(({ value }) => {
    if (value === written || value === parsed) return true
    return (
      typeof value === 'string' &&
      (['time', 'bytes', 'fraction', 'rate'] as const).some((unit) => readUnit(unit, value) === parsed)
    )
  })
  return same?.value ?? scalar(written) ?? parsed
}

function parsedValue(
  source: Tree,
  scenario: ParsedScenario,
  target: KnobTarget,
  control: ResolvedKnob['control'],
): KnobValue | undefined {
  if (target.kind === 'link') {
    const link = scenario.links[target.link]
    if (link === undefined) return undefined
    if (target.key === 'queue') {
      const { queueBytes, queueFrames } = resolveSettings(link, usualSettings(scenario, link))[target.direction ?? 0]
      return control.kind === 'range' && control.unit === 'count' ? queueFrames : queueBytes
    }
    const value: unknown = Object.hasOwn(DEFAULT_LINK, target.key)
      ? valueAt(resolveSettings(link, usualSettings(scenario, link))[target.direction ?? 0], [target.key])
      : valueAt(link, [target.key])
    return scalar(value)
  }
  const value = valueAt(scenario, placeOf(source, target))
  if (value === undefined && target.kind === 'host' && target.below[0] === 'machine')
    return scalar(valueAt(DEFAULT_MACHINE, target.below.slice(1)))
  if (value === undefined && target.kind === 'host' && target.below[0] === 'tcp')
    return scalar(valueAt(effectiveTcp(scenario, target.host), target.below.slice(1)))
  return scalar(value)
}

/** All settings of a host's TCP, and its preset. */
function effectiveTcp(scenario: ParsedScenario, host: string): Readonly<Record<string, unknown>> {
  const settings = scenario.hosts[host]?.tcp ?? {}
  return { preset: TCP_PRESETS[0], ...tcpConfig(settings), ...settings }
}

function scalar(value: unknown): KnobValue | undefined {
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean' ? value : undefined
}
