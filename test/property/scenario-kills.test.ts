import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scenarios } from '../../scenarios/index.ts'
import type { Engine } from '../../src/kernel/engine.ts'
import { runInline } from '../../src/run/run-inline.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import type { KnobValue } from '../../src/scenario/knob.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import type { ScenarioSource } from '../../src/scenario/schema.ts'
import {
  assertHeld,
  assertNothingFailed,
  assertTold,
  blows,
  eventsOf,
  halfConnections,
  held,
  statesOf,
  type Targets,
} from './blows.ts'

/** How many runs of each scenario: `KILLS=10 node …` makes more than a thousand kills, cuts and restarts in all. */
const RUNS = Number(process.env['KILLS'] ?? 1)
const SECOND = 1e9
/** From when on something happens, and when everything is well again at the latest. */
const [FROM, UNTIL] = [0.3 * SECOND, 6 * SECOND]
/** How many members of a crowd are hit. */
const HIT = 3
/** What there may be of each thing, more than in a network to which nothing was done: requests and checks that are under way, of some coroutines each. */
const SLACK = 16
/** How many connections may just now be known to one end alone. */
const MOST_HALF = 4
/** Redis asks a client that is silent whether it is there after five minutes, which are longer than any of these runs. */
const IS_PATIENT = /^(bus|redis) /
/** Of what there may be with each connection that is kept. */
const PER_CONNECTION = 4
/** Who waits for a client that has died, and says nothing, never hears of it: only probes of TCP tell (RFC 9293 section 3.8.4). */
const PROBES = { keepAlive: true, keepAliveIdle: '2 s', keepAliveInterval: '500 ms', keepAliveProbes: 3 }
/** And who keeps sending to nobody gives up after seconds, not after a quarter of an hour. */
const SPARING = { synRetries: 3, retries: 4, timeWait: '200 ms', ...PROBES }

interface Scene {
  /** What makes it small, and lets it come to rest. */
  readonly knobs?: Readonly<Record<string, KnobValue>>
  /** What is set when all blows are over. */
  readonly quiet?: Readonly<Record<string, KnobValue>>
  /** Whether connections are kept for later: as many as there have ever been at once. They must be connections of both ends. */
  readonly keeps?: true
  /** Whether a balancer changes addresses, so that the ends of a connection cannot be told by them. */
  readonly translates?: true
  /** When everything is at rest, in seconds; 18 when absent. */
  readonly rest?: number
  /** Who comes when all is over, to be told everything. */
  readonly auditor?: string
}

/** Every scenario of real time at scale. */
const SCENES: Readonly<Record<string, Scene>> = {
  'websocket-handshake': {},
  'polling-push-and-sockets': {},
  'websocket-behind-a-load-balancer': { knobs: { heartbeat: 'often' }, keeps: true, rest: 45 },
  'chat-across-servers': { knobs: { bus: 'stream', fsync: 'always' }, auditor: 'zoe' },
  'websocket-memory': { knobs: { readers: 30 } },
  'reconnection-storm': { knobs: { clients: '100', policy: 'full jitter', shed: '100 ms' }, translates: true, rest: 50 },
  'load-balancing': { quiet: { rate: 5 }, keeps: true },
  'l4-vs-l7': { translates: true },
  'consistent-hashing': { quiet: { rate: 20 }, keeps: true },
  'health-checks-and-failover': { keeps: true },
  'stateless-vs-stateful': {},
  'retry-storm': { knobs: { retries: 1, rate: 5 }, keeps: true },
}

/** A scenario in which nothing happens by itself, and nobody waits for ever. */
async function sceneOf(id: string, { knobs, auditor, rest = 18 }: Scene): Promise<ResolvedScenario> {
  const source: ScenarioSource = (await scenarios[id].load()).default
  const hosts = Object.entries(source.hosts).map(([name, host]) => {
    if (!('app' in host)) return [name, host]
    const { outages: _, ...well } = { outages: [], ...host }
    const start = name === auditor ? { start: `${UNTIL / SECOND + 6} s` } : {}
    const tcp = { ...('tcp' in host ? host.tcp : {}), ...SPARING }
    return [name, { ...well, ...start, tcp }]
  })
  const scene = { ...source, duration: `${rest} s` as const, hosts: Object.fromEntries(hosts) as ScenarioSource['hosts'] }
  return resolveScenario(scene, { ...(knobs && { knobs }) })
}

function targetsOf({ hosts, links }: ResolvedScenario, auditor?: string): Targets {
  const victims = hosts
    .filter(({ name }) => name !== auditor)
    .flatMap(({ name, replicas }) =>
      replicas === undefined
        ? [name]
        : Array.from({ length: Math.min(HIT, replicas) }, (_, index) => `${name}[${String(index)}]`),
    )
  return { hosts: victims, links: links.map(({ name }) => name) }
}

/** Hosts that differ in a number or a letter at the end do the same. */
const groupOf = ({ name }: Engine): string => name.replace(/(\d|-[ab])$/, '')

for (const [id, scene] of Object.entries(SCENES)) {
  test(`${id}: killing, pausing, cutting and restarting anything at any moment leaves nothing behind`, async () => {
    const scenario = await sceneOf(id, scene)
    const quiet = Object.entries(scene.quiet ?? {}).map(([knob, value]): Intervention => ({ at: UNTIL, set: { knob, value } }))
    const calmRun = runInline(scenario, { interventions: quiet })
    const calm = held(calmRun, groupOf)
    const calmStates = statesOf(calmRun)
    for (let round = 1; round <= RUNS; round++) {
      const struck = blows(targetsOf(scenario, scene.auditor), FROM, UNTIL, round * 1000 + id.length)
      const what = `run ${String(round)} of ${id}, ${JSON.stringify(struck)}`
      const run = runInline(scenario, { seed: round, interventions: [...struck, ...quiet] })
      assertNothingFailed(run, what)
      assertHeld(held(run, groupOf), calm, SLACK, what, scene.keeps === true ? PER_CONNECTION : 0)
      const half = scene.translates === true ? [] : halfConnections(run).filter((end) => !IS_PATIENT.test(end))
      assert.ok(half.length <= MOST_HALF, `${what}: ${half.join(', ')}`)
      const states = statesOf(run)
      const astray = [...calmStates].filter(([who, state]) => state === 'connected' && states.get(who) !== 'connected')
      assert.deepEqual(astray, [], `${what}: not connected any more`)
      if (scene.auditor !== undefined) {
        assert.ok(assertTold(run, [scene.auditor], what) > 20, `${what}: hardly anything was said`)
        assert.ok(eventsOf(run, 'chat:heard').length > 0, what)
      }
    }
  })
}
