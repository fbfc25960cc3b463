import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInline } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import { runRemote, summaryOf } from './placement.ts'
import { Session } from './session.ts'

const MS = 1_000_000

/** Browsers that load a page from a server, over lines of their own. */
function browsers(replicas: number, clients: Record<string, unknown> = {}): ResolvedScenario {
  return resolveScenario({
    id: 'browsers',
    title: 'Many browsers',
    seed: 5,
    duration: '8 s',
    hosts: {
      clients: {
        replicas,
        access: { rate: '2 Mbit/s', delay: ['5 ms', '60 ms'] },
        app: 'browser',
        visits: 'http://server/',
        ...clients,
      },
      hub: { kind: 'router' },
      server: { app: 'web-server', serves: { '/': '20 KiB' } },
    },
    links: [
      { between: ['clients', 'hub'], rate: '1 Gbit/s', delay: '1 ms', loss: '1 %' },
      { between: ['hub', 'server'], rate: '100 Mbit/s', delay: '2 ms' },
    ],
    knobs: { delay: { label: 'Delay', range: ['1 ms', '200 ms'], value: '20 ms', sets: 'hosts.clients.access.delay' } },
  })
}

const EVERYTHING: Intervention[] = [
  { at: 0, watch: 'clients[3]' },
  { at: 40 * MS, kill: 'clients[1]' },
  { at: 60 * MS, pause: 'clients[2]' },
  { at: 90 * MS, set: { knob: 'delay', value: 30 * MS } },
  { at: 100 * MS, restart: 'clients[4]' },
  { at: 110 * MS, host: { name: 'clients[5]', settings: { perPacket: MS } } },
  { at: 150 * MS, restart: 'clients[1]' },
  { at: 200 * MS, resume: 'clients[2]' },
  { at: 300 * MS, cut: 'clients-hub' },
  { at: 400 * MS, heal: 'clients-hub' },
  { at: 1000 * MS, pause: 'clients' },
  { at: 1100 * MS, resume: 'clients' },
  { at: 2000 * MS, restart: 'clients' },
  { at: 2100 * MS, kill: 'clients[0]' },
  { at: 2100 * MS, unwatch: 'clients[3]' },
]

describe('a run with a crowd is the same to the byte, inline and behind message channels', () => {
  test('as it is', async () => {
    const scenario = browsers(30)
    const inline = summaryOf(runInline(scenario).director)
    assert.ok(inline.frames.length > 1000, String(inline.frames.length))
    assert.deepEqual(summaryOf(await runRemote(scenario)), inline)
  })

  test('with members killed, paused, slowed down and started anew', async () => {
    const scenario = browsers(12)
    const inline = summaryOf(runInline(scenario, { interventions: EVERYTHING }).director)
    assert.deepEqual(inline.refused, [])
    assert.deepEqual(inline.log.length, EVERYTHING.length)
    assert.deepEqual(inline.state.hosts[0], { power: 'on', members: { 0: 'off' } })
    const members = new Set(inline.events.map(({ member }) => member))
    assert.equal(members.size, 13, 'everybody has said something')
    assert.deepEqual(summaryOf(await runRemote(scenario, { interventions: EVERYTHING })), inline)
    assert.deepEqual(summaryOf(runInline(scenario, { interventions: EVERYTHING }).director), inline)
  })

  test('who watches changes no byte', () => {
    const scenario = browsers(8)
    const captured = (interventions: Intervention[]): Uint8Array =>
      runInline(scenario, { interventions }).capture({ kind: 'links' })
    assert.deepEqual(
      captured([
        { at: 10 * MS, watch: 'clients[3]' },
        { at: 20 * MS, watch: 'server' },
      ]),
      captured([]),
    )
  })
})

describe('what a person does to one member', () => {
  const session = (): Session => new Session(browsers(3)).to(50 * MS)

  test('depends on how that member and the crowd stand', () => {
    const run = session().do({ kill: 'clients[1]' }).do({ pause: 'clients[2]' })
    assert.deepEqual(run.director.state.hosts[0], { power: 'on', members: { 1: 'off', 2: 'paused' } })
    const impossible: [Parameters<Session['do']>[0], string][] = [
      [{ kill: 'clients[1]' }, 'clients[1] is off already.'],
      [{ pause: 'clients[1]' }, 'clients[1] is not running, so it cannot be paused.'],
      [{ resume: 'clients[0]' }, 'clients[0] is not paused, so it cannot be resumed.'],
      [{ kill: 'clients[3]' }, 'clients has 3 members; the last is clients[2].'],
      [{ kill: 'server[0]' }, 'server is no crowd.'],
      [{ watch: 'nobody[0]' }, 'There is no host nobody.'],
    ]
    for (const [action, message] of impossible) assert.throws(() => run.do(action), { name: 'ImpossibleAction', message })
    run.do({ resume: 'clients[2]' }).do({ restart: 'clients[1]' })
    assert.deepEqual(run.director.state.hosts[0], { power: 'on' })
  })

  test('while all are off or paused, none of them can be told anything; a new start is one for all', () => {
    const run = session().do({ pause: 'clients[2]' }).do({ kill: 'clients[1]' }).do({ pause: 'clients' })
    assert.throws(() => run.do({ resume: 'clients[2]' }), { message: 'clients is paused as a whole, with all its members.' })
    run.do({ resume: 'clients' })
    assert.deepEqual(run.director.state.hosts[0], { power: 'on', members: { 1: 'off', 2: 'paused' } })
    run.do({ kill: 'clients' })
    assert.deepEqual(run.director.state.hosts[0], { power: 'off' })
    assert.throws(() => run.do({ restart: 'clients[2]' }), { message: 'clients is off as a whole, with all its members.' })
    assert.throws(() => run.do({ watch: 'clients[2]' }), { name: 'ImpossibleAction' })
    run.do({ restart: 'clients' })
    assert.deepEqual(run.director.state.hosts[0], { power: 'on' })
    run.end()
    const loaded = run.director.store.all('page:loaded').map(({ member }) => member)
    assert.deepEqual(loaded.sort(), [1, 2, 3], 'all of them work')
  })

  test('is told with its name', () => {
    const run = session().do({ watch: 'clients[2]' }).do({ watch: 'server' }).do({ unwatch: 'clients[2]' })
    assert.deepEqual(
      run.director.store.events.filter(({ host }) => host < 0).map(({ name, data }) => `${name} ${String(data['host'])}`),
      ['run:host-watched clients[2]', 'run:host-watched server', 'run:host-unwatched clients[2]'],
    )
    assert.deepEqual(
      run.director.state.hosts.map(({ watched }) => watched),
      [undefined, undefined, [-1]],
    )
  })
})

describe('rounds', () => {
  test('there are no more of them than the time over the smallest delay, however many members there are', () => {
    const rounds = (replicas: number): number => {
      const scenario = browsers(replicas, { access: { delay: '20 ms' } })
      const { director, hosts } = new Session(scenario)
      let count = 0
      hosts.advance(150 * MS, () => ++count > 0)
      assert.equal(director.horizon, 150 * MS)
      return count
    }
    for (const replicas of [3, 60, 300]) assert.ok(rounds(replicas) <= 151, `${String(rounds(replicas))} for ${String(replicas)}`)
  })
})
