import { createHash } from 'node:crypto'
import { readyLine } from './bridge-ready.ts'
import { ExitCode } from './context.ts'
import { formatEvents, reportOf } from './report.ts'
import { prepareScenario, readCapture, readInterventions } from './run-choices.ts'
import { readScenario, writeResult } from './source-file.ts'
import { authorityPem } from '../run/authority.ts'
import { ScenarioError, quote, suggestChoices } from '../scenario/errors.ts'
import type { Place } from './attachment.ts'
import type { CliContext } from './context.ts'
import type { ScenarioChoices } from './run-choices.ts'
import type { Nanos } from '../kernel/time.ts'
import type { ResolvedHost, ResolvedScenario } from '../scenario/resolved.ts'

/** Options of `bridge` as they are on the command line. */
export interface BridgeOptions extends ScenarioChoices {
  readonly attach: string
  readonly interventions?: string
  readonly configure?: boolean
  readonly pcap?: string
  /** What the outside sees when absent. */
  readonly capture?: string
  readonly keys?: string
  readonly ca?: string
  readonly events?: string
}

/** Longer than any machine stays up; short enough that times remain exact. */
const WITHOUT_END: Nanos = 100 * 86_400e9

/** Longest name of a network interface, in bytes (IFNAMSIZ of `<linux/if.h>`, less the end). */
const NAME_LENGTH = 15

/**
 * Runs a scenario in real time with a host taken out and the outside in its place. Prints a line of JSON when the outside may come, and
 * the summary as one when it is over.
 * @param places where the host's interfaces show, in the order of its links
 * @throws UsageError or ScenarioError
 */
export async function bridgeCommand(
  argument: string,
  places: readonly Place[],
  options: BridgeOptions,
  context: CliContext,
): Promise<ExitCode> {
  const source = await readScenario(argument, context)
  const prepared = prepareScenario(argument, source, options)
  const scenario = options.until === undefined ? { ...prepared, duration: WITHOUT_END } : prepared
  const host = findHost(scenario, options.attach)
  checkPlaces(host, scenario, places)
  const capture = readCapture(options.capture ?? `host:${host.name}`, scenario)
  const interventions = await readInterventions(options.interventions, scenario, context)

  // Before anybody may come.
  if (options.ca !== undefined) await writeResult(options.ca, authorityPem(scenario), context)
  const begin = context.wallSeconds()
  const outcome = await context.bridge.run({
    scenario,
    host,
    interventions,
    places,
    configure: options.configure === true,
    ready: () => {
      context.out(`${JSON.stringify(readyLine(scenario, host, places))}\n`)
    },
    tell: (line) => {
      context.err(`${line}\n`)
    },
    signal: context.interrupted(),
  })
  const wallSeconds = context.wallSeconds() - begin
  try {
    const bytes = await outcome.capture(capture)
    const captureSha256 = createHash('sha256').update(bytes).digest('hex')
    if (options.pcap !== undefined) await writeResult(options.pcap, bytes, context)
    if (options.keys !== undefined) await writeResult(options.keys, outcome.keyLog(), context)
    if (options.events !== undefined) await writeResult(options.events, formatEvents(outcome.trace), context)
    // Claims are about the scenario as its author wrote it, with all its hosts.
    const report = reportOf(scenario, outcome, { claims: [], wallSeconds, captureSha256 })
    const { outside, late, trace } = outcome
    const thinned = trace.thinnedBytes > 0 ? { thinnedBytes: trace.thinnedBytes } : {}
    context.out(`${JSON.stringify({ ...report, ...thinned, outside, late })}\n`)
    return ExitCode.Done
  } finally {
    outcome.dispose()
  }
}

/** What `--tap` names: `NAMESPACE/IF`, or `IF` in the current namespace. */
export function readTap(text: string): Place {
  const [, namespace, name = ''] = /^(?:([^/\s]+)\/)?([^/\s]+)$/.exec(text) ?? []
  const usable =
    name !== '' && Buffer.byteLength(name) <= NAME_LENGTH && ![name, namespace].some((part) => /^\.\.?$/.test(part ?? ''))
  if (!usable) throw new ScenarioError('--tap', quote(text), 'NAMESPACE/IF or IF, such as lab/eth0; a name of 15 bytes at most')
  return { kind: 'tap', namespace, name }
}

function findHost(scenario: ResolvedScenario, name: string): ResolvedHost {
  const host = scenario.hosts.find((one) => one.name === name)
  const names = scenario.hosts.filter(({ kind }) => kind !== 'switch').map((one) => one.name)
  if (host === undefined || host.kind === 'switch') {
    const allowed = `a host of ${scenario.id} with an address: ${suggestChoices(name, names)}`
    throw new ScenarioError('--attach', quote(name), allowed)
  }
  return host
}

function checkPlaces(host: ResolvedHost, scenario: ResolvedScenario, places: readonly Place[]): void {
  const links = host.interfaces.map(({ link }) => scenario.links[link].name)
  if (places.length === links.length) return
  const found = places.length === 0 ? 'none' : String(places.length)
  const allowed =
    links.length === 1
      ? `one --tap NAMESPACE/IF or --socket PATH, for ${host.name} is on one link`
      : `one for each link of ${host.name}, in this order: ${links.join(', ')}`
  throw new ScenarioError('--tap and --socket', found, allowed)
}
