import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectionTable } from '../../src/apps/l4/connection-table.ts'
import { Room } from '../../src/apps/live/room.ts'
import type { Engine } from '../../src/kernel/engine.ts'
import { runInline, type InlineRun } from '../../src/run/run-inline.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import { assertHeld, assertNothingFailed, assertTold, blows, held, statesOf, type Targets } from './blows.ts'
import { allOf } from './census.ts'
import { AUDIT, liveNetwork, NETWORKS, QUIET, REST, talkersOf, type NetworkName } from './live-networks.ts'

/** How many runs of each network: `KILLS=19 node …` makes more than a thousand kills, cuts and restarts in all. */
const RUNS = Number(process.env['KILLS'] ?? 3)
const SECOND = 1e9
/** From when on something happens, and when everything is well again at the latest. */
const [FROM, UNTIL] = [0.3 * SECOND, 6.5 * SECOND]
/** What there may be of each, more than in a network to which nothing was done: a request or a check that is under way. */
const SLACK = 4

function targetsOf(network: NetworkName, { hosts }: ResolvedScenario): Targets {
  const members = ['clients[0]', 'clients[1]', 'clients[2]', ...talkersOf(network).slice(1)]
  const machines = hosts.map(({ name }) => name).filter((name) => !['clients', 'auditor', 'pollers', 'askers'].includes(name))
  const lines = hosts.map(({ name }) => name).filter((name) => !['switch', 'auditor'].includes(name))
  return { hosts: [...members, ...machines], links: lines.map((name) => `${name}-switch`) }
}

/** Hosts that do the same. */
const groupOf = ({ name }: Engine): string => name.replace(/^(s|lb)\d$/, '$1')

const silence: Intervention = { at: QUIET * SECOND, set: { knob: 'talk', value: 0 } }

/** Everything that must be true of a network that was left alone for long enough. */
function assertSound(run: InlineRun, calm: ReadonlyMap<string, number>, clients: number, sockets: number, what: string): void {
  assertNothingFailed(run, what)

  const states = [...statesOf(run)]
  assert.equal(states.length, clients, what)
  const astray = states.filter(([, state]) => state !== 'connected')
  assert.deepEqual(astray, [], `${what}: not connected`)

  const rooms = run.hosts.engines.flatMap((engine) => allOf(engine, Room))
  const members = rooms.reduce((sum, { size }) => sum + size, 0)
  assert.equal(members, sockets, `${what}: servers hold as many connections as there are clients`)
  for (const engine of run.hosts.engines) {
    for (const table of allOf(engine, ConnectionTable)) {
      assert.ok(table.size <= clients + SLACK, `${what}: ${engine.name} keeps ${String(table.size)} connections`)
    }
  }
  assertHeld(held(run, groupOf), calm, SLACK, what)
}

for (const network of NETWORKS) {
  test(`${network}: killing, pausing, cutting and restarting anything at any moment leaves nothing behind, and nothing acknowledged is lost`, () => {
    const scenario = liveNetwork(network)
    const calmRun = runInline(scenario, { interventions: [silence] })
    const calm = held(calmRun, groupOf)
    const clients = statesOf(calmRun).size
    // Of those who poll no connection is kept.
    const sockets = clients - talkersOf(network).slice(1).length
    let acknowledged = 0
    for (let round = 1; round <= RUNS; round++) {
      const struck = blows(targetsOf(network, scenario), FROM, UNTIL, round * 1000 + NETWORKS.indexOf(network))
      const interventions = [...struck, silence]
      const what = `run ${String(round)} of ${network}, ${JSON.stringify(interventions)}`
      const run = runInline(scenario, { seed: round, interventions, until: REST * SECOND })
      assertSound(run, calm, clients, sockets, what)
      const untouched = !interventions.some((action) => 'kill' in action && action.kill === 'listener')
      const restarted = interventions.some((action) => 'restart' in action && action.restart === 'listener')
      acknowledged += assertTold(run, untouched && !restarted ? ['auditor', 'listener'] : ['auditor'], what)
    }
    assert.ok(AUDIT > QUIET && acknowledged > 20 * RUNS, `${String(acknowledged)} messages were acknowledged`)
  })
}
