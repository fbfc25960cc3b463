import { DEFAULT_MACHINE } from './machine-settings.ts'
import { servedByModel } from './web-schema.ts'
import { resolveAddresses } from './address-resolution.ts'
import { resolveCharts } from './chart-resolution.ts'
import { resolveComparison } from './comparison.ts'
import { checkConsistency } from './consistency.ts'
import { usualSettings } from './crowd-consistency.ts'
import { ScenarioError, describeFound } from './errors.ts'
import { resolveKnobs } from './knob-resolution.ts'
import { resolveSettings } from './link-schema.ts'
import { placePlainly } from './placement.ts'
import { HOST_KEYS, scenarioSchema } from './schema.ts'
import { nameOfLink, topologyOf } from './segment.ts'
import { usesTls, withTls } from './tls-resolution.ts'
import { check, copyPlain } from './validation.ts'
import type { ParsedApp } from './consistency.ts'
import type { Layout } from './placement.ts'
import type { LessonStep, ResolvedHost, ResolvedLink, ResolvedScenario } from './resolved.ts'
import type { ParsedHost, ParsedHostApp, ParsedScenario } from './schema.ts'
import type { Topology } from './segment.ts'

export interface ResolveOptions {
  /** Instead of the scenario's own: an integer in [0, 2^53). */
  readonly seed?: number
  /** Where knobs stand at the start, in base units or as text. */
  readonly knobs?: Readonly<Record<string, unknown>>
  /** Places the hosts whose position the author left open: `layeredLayout` of layout.ts, or by default a plain one. */
  readonly layout?: Layout
}

/**
 * Fills in every default, turns every unit into a number, assigns every address and route. The same source and options give
 * the same result.
 * @param source a scenario as an author writes it, of unknown quality; it is not changed
 * @throws ScenarioError for the first thing that is wrong
 */
export function resolveScenario(source: unknown, options: ResolveOptions = {}): ResolvedScenario {
  const written = copyPlain(source)
  let scenario = check(scenarioSchema, written)
  checkConsistency(scenario, appsOf)
  const knobs = resolveKnobs(written as Record<string, unknown>, scenario, options.knobs ?? {})
  if (knobs.length > 0) {
    scenario = check(scenarioSchema, written)
    checkConsistency(scenario, appsOf)
  }
  const topology = topologyOf(scenario)
  const links = resolveLinks(scenario, topology)
  const seed = checkSeed(options.seed ?? scenario.seed)
  return {
    id: scenario.id,
    title: scenario.title,
    summary: scenario.summary ?? '',
    seed,
    duration: scenario.duration,
    speed: scenario.speed ?? usualSpeed(links),
    hosts: resolveHosts(scenario, topology, options.layout ?? placePlainly, seed),
    links,
    knobs,
    faults: scenario.faults,
    views: scenario.views,
    ...(scenario.charts.length > 0 && { charts: resolveCharts(scenario) }),
    ...(scenario.compare !== undefined && { compare: resolveComparison(scenario.compare, knobs) }),
    ...(scenario.colorBy !== undefined && { colorBy: scenario.colorBy }),
    lesson: scenario.lesson.map(({ text, until, predict }): LessonStep => ({
      text,
      ...(until && { until }),
      ...(predict && { predict }),
    })),
  }
}

/** Whether some host is left without a position by its author, so that a layout decides. */
export function needsLayout(source: unknown): boolean {
  return Object.values(check(scenarioSchema, copyPlain(source)).hosts).some(({ position }) => position === undefined)
}

function checkSeed(seed: number): number {
  if (Number.isSafeInteger(seed) && seed >= 0) return seed
  throw new ScenarioError('seed', describeFound(seed), 'a whole number from 0 to 9007199254740991')
}

function appsOf(name: string, host: ParsedHost): readonly ParsedApp[] {
  if (host.app === undefined)
    return host.apps.map((app, index) => ({ app: app.app, options: optionsOf(app), path: ['hosts', name, 'apps', index] }))
  return [{ app: host.app, options: optionsOf(host), path: ['hosts', name] }]
}

function optionsOf(written: ParsedHost | ParsedHostApp): Record<string, unknown> {
  const options: Record<string, unknown> = Object.fromEntries(Object.entries(written).filter(([key]) => !HOST_KEYS.has(key)))
  if (written.app !== 'web-server') return options
  // The delay of the server is that of each resource which has none of its own.
  const { delay, serves, page } = written
  const all = { ...(page !== undefined && servedByModel(page)), ...serves }
  options['serves'] = Object.fromEntries(Object.entries(all).map(([path, resource]) => [path, { delay, ...resource }]))
  delete options['delay']
  delete options['page']
  return options
}

function resolveLinks(scenario: ParsedScenario, topology: Topology): ResolvedLink[] {
  return scenario.links.map((link, index) => {
    const hosts = topology.ends[index] ?? [0, 0]
    const portOf = (end: 0 | 1): number => topology.ports[hosts[end]]?.findIndex((port) => port.link === index) ?? 0
    return {
      name: nameOfLink(link),
      hosts,
      ports: [portOf(0), portOf(1)],
      settings: resolveSettings(link, usualSettings(scenario, link)),
    }
  })
}

/** Applications whose keys follow from the seed of the run. */
const KEYED: ReadonlySet<string> = new Set(['letter-writer', 'letter-carrier', 'letter-reader'])

function resolveHosts(scenario: ParsedScenario, topology: Topology, layout: Layout, seed: number): ResolvedHost[] {
  const addresses = resolveAddresses(scenario, topology)
  const entries = Object.entries(scenario.hosts)
  const isOpen = entries.some(([, { position }]) => position === undefined)
  const places = isOpen ? layout({ hosts: entries.map(([name, { kind }]) => ({ name, kind })), links: topology.ends }) : []
  const apps = entries.map(([name, host]) => appsOf(name, host))
  const speaksTls = usesTls(apps.flat())
  const optionsFor = (app: ParsedApp, index: number): Readonly<Record<string, unknown>> => {
    const [name, { aliases = [] }] = entries[index] ?? ['', {}]
    // Who answers for a shared address has to be believed under its name.
    const shared = Object.keys(scenario.names)
    if (KEYED.has(app.app)) return { ...app.options, seed }
    return speaksTls
      ? withTls(app, { seed, names: [name, ...aliases, ...shared], interfaces: addresses[index]?.interfaces ?? [] })
      : app.options
  }
  return entries.map(([name, host], index) => ({
    name,
    label: host.label ?? name,
    kind: host.kind,
    ...addresses[index],
    apps: (apps[index] ?? []).map((app) => ({ app: app.app, options: optionsFor(app, index) })),
    ...crowdOf(host),
    ...(host.icmpErrors !== undefined && { icmpErrors: host.icmpErrors }),
    ...(host.clampsMss !== undefined && { clampsMss: host.clampsMss }),
    tcp: host.tcp ?? {},
    ...(host.machine !== undefined && { machine: { ...DEFAULT_MACHINE, ...host.machine } }),
    ...(host.outages !== undefined && { outages: host.outages }),
    position: host.position ?? places[index] ?? { x: 0.5, y: 0.5 },
  }))
}

/** What makes a crowd of a host, or spares the trace. */
function crowdOf({ replicas, access, trace }: ParsedHost): Pick<ResolvedHost, 'replicas' | 'access' | 'trace'> {
  const { rate = 0, delay = 0 } = access ?? {}
  return {
    ...(replicas !== undefined && { replicas }),
    ...(access !== undefined && { access: { rate, delay: typeof delay === 'number' ? [delay, delay] : delay } }),
    ...((trace ?? (replicas === undefined ? 'full' : 'brief')) === 'brief' && { trace: 'brief' }),
  }
}

/** Such that the longest way takes about a second to watch: 1, 2 or 5 times a power of ten. */
function usualSpeed(links: readonly ResolvedLink[]): number {
  const longest = Math.max(...links.flatMap(({ settings }) => settings.map(({ delay }) => delay)))
  const wish = Math.min(10, Math.max(0.001, longest / 1e9))
  const power = 10 ** Math.floor(Math.log10(wish))
  const digit = wish / power
  return Number(((digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10) * power).toPrecision(1))
}
