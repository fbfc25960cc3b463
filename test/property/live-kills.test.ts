import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectionTable } from '../../src/apps/l4/connection-table.ts'
import { Room } from '../../src/apps/live/room.ts'
import type { Engine } from '../../src/kernel/engine.ts'
import { runInline, type InlineRun } from '../../src/run/run-inline.ts'
import type { Action, Intervention } from '../../src/scenario/intervention.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import type { EventRecord } from '../../src/trace/record.ts'
import { allOf, censusOf } from './census.ts'
import { AUDIT, liveNetwork, NETWORKS, QUIET, REST, talkersOf, type NetworkName } from './live-networks.ts'
import { seededChoice } from './seeded-choice.ts'

/** How many runs of each network: `KILLS=19 node …` makes more than a thousand kills, cuts and restarts in all. */
const RUNS = Number(process.env['KILLS'] ?? 3)
const BLOWS = 9
const MS = 1e6
const SECOND = 1e9
/** From when on something happens, and when everything is well again at the latest. */
const [FROM, UNTIL] = [0.3 * SECOND, 6.5 * SECOND]
/** What there may be of each, more than in a network to which nothing was done: a request or a check that is under way. */
const SLACK = 4
const COUNTED = ['TcpEndpoint', 'Coroutine', 'PendingTimer', 'MemberTimer', 'Alarm', 'WaitQueue', 'LiveSocket', 'RedisSession']

/** What is done to whom, how it ends, and on which of them. */
const KINDS = ['kill', 'pause', 'cut', 'restart'] as const

function targetsOf(network: NetworkName, { hosts }: ResolvedScenario): { hosts: string[]; links: string[] } {
  const members = ['clients[0]', 'clients[1]', 'clients[2]', ...talkersOf(network).slice(1)]
  const machines = hosts.map(({ name }) => name).filter((name) => !['clients', 'auditor', 'pollers', 'askers'].includes(name))
  const lines = hosts.map(({ name }) => name).filter((name) => !['switch', 'auditor'].includes(name))
  return { hosts: [...members, ...machines], links: lines.map((name) => `${name}-switch`) }
}

/** Blows at any moment, each at somebody who is not under another, and all of them made good. */
function blows(network: NetworkName, scenario: ResolvedScenario, seed: number): Intervention[] {
  const choice = seededChoice(seed)
  const { hosts, links } = targetsOf(network, scenario)
  const log: Intervention[] = []
  const busyUntil = new Map<string, number>()
  for (let blow = 0; blow < BLOWS;) {
    const kind = KINDS[choice(KINDS.length)]
    const victims = kind === 'cut' ? links : hosts
    const victim = victims[choice(victims.length)]
    const at = FROM + choice((UNTIL - FROM) / 1000) * 1000
    // Many are short: just as long as something that is on its way.
    const end = Math.min(UNTIL, at + (choice(2) === 0 ? choice(60) : choice(3000)) * MS + MS)
    if (busyUntil.has(victim)) continue
    busyUntil.set(victim, end)
    blow++
    const act = (time: number, action: Action): void => {
      log.push({ ...action, at: time })
    }
    if (kind === 'restart') act(at, { restart: victim })
    else if (kind === 'cut') {
      act(at, { cut: victim })
      act(end, { heal: victim })
    } else if (kind === 'pause') {
      act(at, { pause: victim })
      act(end, { resume: victim })
    } else {
      act(at, { kill: victim })
      act(end, { restart: victim })
    }
  }
  log.push({ at: QUIET * SECOND, set: { knob: 'talk', value: 0 } })
  return log.sort((a, b) => a.at - b.at)
}

/** Of hosts that do the same, all together: which of them has a connection is chance. */
function groups(run: InlineRun): Map<string, Engine[]> {
  const found = new Map<string, Engine[]>()
  for (const engine of run.hosts.engines) {
    const group = engine.name.replace(/^(s|lb)\d$/, '$1')
    found.set(group, [...(found.get(group) ?? []), engine])
  }
  return found
}

function held(run: InlineRun): Map<string, number> {
  const sums = new Map<string, number>()
  for (const [group, engines] of groups(run)) {
    for (const engine of engines) {
      const census = censusOf(engine)
      for (const name of COUNTED) sums.set(`${group} ${name}`, (sums.get(`${group} ${name}`) ?? 0) + (census.get(name) ?? 0))
    }
  }
  return sums
}

const eventsOf = ({ trace }: InlineRun, name: string): EventRecord[] => trace.all(name, () => true)

/** Somebody who has a state of its own: a host, or a member of a crowd. */
const whose = ({ host, member }: EventRecord): string => `${String(host)}/${String(member)}`

function statesOf(run: InlineRun): Map<string, unknown> {
  return new Map(eventsOf(run, 'client:state-changed').map((event) => [whose(event), event.data['state']]))
}

/** Everything that must be true of a network that was left alone for long enough. */
function assertSound(run: InlineRun, calm: ReadonlyMap<string, number>, clients: number, sockets: number, what: string): void {
  const { trace } = run
  const failed = trace.all('app:failed', () => true).map(({ host, data }) => [trace.hosts[host], data])
  assert.deepEqual(failed, [], what)

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
  const now = held(run)
  for (const [name, count] of now) {
    const usual = calm.get(name) ?? 0
    // Each connection may just now have timers running, for what it has sent and for what it has to acknowledge.
    const [group, type] = name.split(' ')
    const timers = type.endsWith('Timer') ? 2 * (now.get(`${group} TcpEndpoint`) ?? 0) : 0
    assert.ok(count <= usual + timers + SLACK, `${what}: ${name}, ${String(count)} in the place of ${String(usual)}`)
  }
}

/** What was acknowledged is told: to who comes afterwards, and to who was there all the time. */
function assertTold(run: InlineRun, untouched: boolean, what: string): number {
  const { trace } = run
  const acknowledged = new Map<unknown, unknown>()
  for (const { data } of eventsOf(run, 'chat:acknowledged')) {
    assert.ok(!acknowledged.has(data['key']), `${what}: ${String(data['key'])} is acknowledged twice`)
    acknowledged.set(data['key'], data['id'])
  }
  const ids = [...acknowledged.values()]
  assert.equal(new Set(ids).size, ids.length, `${what}: two messages have one id`)
  const heardBy = (host: string): unknown[] =>
    eventsOf(run, 'chat:heard').flatMap((event) => (trace.hosts[event.host] === host ? [event.data['id']] : []))
  for (const host of untouched ? ['auditor', 'listener'] : ['auditor']) {
    const heard = heardBy(host)
    assert.equal(new Set(heard).size, heard.length, `${what}: ${host} has heard something twice`)
    const lost = ids.filter((id) => !heard.includes(id))
    assert.deepEqual(lost, [], `${what}: ${host} has not heard what was acknowledged`)
  }
  return ids.length
}

for (const network of NETWORKS) {
  test(`${network}: killing, pausing, cutting and restarting anything at any moment leaves nothing behind, and nothing acknowledged is lost`, () => {
    const scenario = liveNetwork(network)
    const calmRun = runInline(scenario, { interventions: [{ at: QUIET * SECOND, set: { knob: 'talk', value: 0 } }] })
    const calm = held(calmRun)
    const clients = statesOf(calmRun).size
    // Of those who poll no connection is kept.
    const sockets = clients - talkersOf(network).slice(1).length
    let acknowledged = 0
    for (let round = 1; round <= RUNS; round++) {
      const interventions = blows(network, scenario, round * 1000 + NETWORKS.indexOf(network))
      const what = `run ${String(round)} of ${network}, ${JSON.stringify(interventions)}`
      const run = runInline(scenario, { seed: round, interventions, until: REST * SECOND })
      assertSound(run, calm, clients, sockets, what)
      const untouched = !interventions.some((action) => 'kill' in action && action.kill === 'listener')
      const restarted = interventions.some((action) => 'restart' in action && action.restart === 'listener')
      acknowledged += assertTold(run, untouched && !restarted, what)
    }
    assert.ok(AUDIT > QUIET && acknowledged > 20 * RUNS, `${String(acknowledged)} messages were acknowledged`)
  })
}
