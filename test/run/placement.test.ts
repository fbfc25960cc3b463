import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FrameMark, ID_SEQUENCE_LIMIT } from '../../src/kernel/machine.ts'
import { Director } from '../../src/run/director.ts'
import { InlineHosts } from '../../src/run/inline-hosts.ts'
import { runInline } from '../../src/run/run-inline.ts'
import { parseInterventions, writeInterventions } from '../../src/scenario/intervention-json.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import { PAGE, pageInterventions, QUEUES, resolved, ROUTE, STREAMS } from './networks.ts'
import { connectHosts, runRemote, summaryOf } from './placement.ts'

const MS = 1_000_000

/** In one thread and behind channels, twice each: all alike. Returns what is alike. */
async function assertAlike(scenario: ResolvedScenario, options: Parameters<typeof runRemote>[1] = {}) {
  const inline = summaryOf(runInline(scenario, options).director)
  assert.deepEqual(summaryOf(runInline(scenario, options).director), inline)
  for (const _twice of [1, 2]) {
    const remote = summaryOf(await runRemote(scenario, options))
    assert.deepEqual(remote.captures, inline.captures)
    assert.deepEqual(remote, inline)
  }
  return inline
}

describe('inline and behind message channels, a run is the same to the byte', () => {
  test('a page over bad lines', async () => {
    const { frames, captures } = await assertAlike(resolved(PAGE))
    assert.equal(frames.length > 500, true)
    const fates = new Set<string>(frames.map(({ fate }) => fate))
    for (const fate of ['arrived', 'random-loss', 'listed-loss', 'queue-full', 'bad-fcs']) assert.ok(fates.has(fate), fate)
    assert.equal(new Set(captures).size, captures.length)
  })

  test('streams, with flipped bits that no card notices', async () => {
    const { frames } = await assertAlike(resolved(STREAMS))
    assert.equal(
      frames.some(({ fate, corrupted }) => fate === 'arrived' && corrupted),
      true,
    )
  })

  test('managed queues that mark and drop, token buckets, and lines that flap', async () => {
    const { frames, events } = await assertAlike(resolved(QUEUES))
    const fates = new Set<string>(frames.map(({ fate }) => fate))
    for (const fate of ['arrived', 'burst-loss', 'link-down']) assert.ok(fates.has(fate), fate)
    const marked = frames.filter(({ mark }) => (mark & FrameMark.CongestionExperienced) !== 0)
    assert.ok(marked.length > 5, `${marked.length} marked`)
    assert.equal(events.filter(({ name }) => name === 'run:links-flapped').length, 6)
  })

  test('both versions of IP, with addresses that come by router advertisement', async () => {
    const hosts = {
      ...(PAGE['hosts'] as Record<string, object>),
      alice: { app: 'browser', visits: [{ url: 'http://bob/', at: '5 s' }], address6: 'auto' },
      router: { kind: 'router', advertises: true },
    }
    const { events } = await assertAlike(resolved({ ...PAGE, id: 'page6', ip: 'dual', hosts }))
    const names = new Set(events.map(({ name }) => name))
    for (const name of ['ndp:router-advertised', 'ndp:resolved', 'browser:connection-attempt-succeeded', 'page:loaded']) {
      assert.ok(names.has(name), name)
    }
  })

  test('pings and a traced route', async () => {
    await assertAlike(resolved(ROUTE))
  })

  test('a page to which everything is done that can be done', async () => {
    const scenario = resolved(PAGE)
    const interventions = pageInterventions(scenario)
    const { refused, log, frames, events } = await assertAlike(scenario, { interventions })
    assert.deepEqual(
      refused.map(({ why }) => why),
      ['The link lan-router is cut already.', 'Frame 1 is no longer on its way.'],
    )
    assert.equal(log.length, interventions.length - 2)
    const fates = new Set<string>(frames.map(({ fate }) => fate))
    for (const fate of ['dropped-by-hand', 'link-down', 'host-down', 'bad-fcs', 'queue-full']) assert.ok(fates.has(fate), fate)
    assert.ok(
      events.some(({ name, time }) => name === 'page:loaded' && time > 1200 * MS),
      'the last reload works',
    )
  })

  test('hosts that act of themselves at the very moment at which others are started, let go on and plugged in', async () => {
    const ping = (to: string) => ({ app: 'ping', to, count: 20, interval: '100 ms' })
    const scenario = resolved({
      id: 'crossing',
      title: 'Crossing pings',
      duration: '3 s',
      hosts: { alice: ping('carol'), lan: { kind: 'switch' }, bob: ping('alice'), carol: ping('bob') },
      links: ['alice', 'bob', 'carol'].map((name) => ({ between: [name, 'lan'], delay: '10 ms' })),
    })
    const interventions: Intervention[] = [
      { at: 100 * MS, restart: 'carol' },
      { at: 200 * MS, pause: 'bob' },
      { at: 210 * MS, cut: 'alice-lan' },
      { at: 300 * MS, restart: 'carol' },
      { at: 300 * MS, heal: 'alice-lan' },
      { at: 500 * MS, resume: 'bob' },
      { at: 600 * MS, restart: 'bob' },
      { at: 600 * MS, restart: 'carol' },
    ]
    const { frames } = await assertAlike(scenario, { interventions })
    // Alice comes first in the scenario, yet what an order leads to comes before what she does then.
    const atOnce = frames.filter(({ enqueued }) => enqueued === 600 * MS)
    assert.deepEqual(
      atOnce.map(({ id }) => Math.floor(id / ID_SEQUENCE_LIMIT)),
      [2, 3, 0],
    )
  })

  test('a trace that is thinned on the way', async () => {
    const { thinned } = await assertAlike(resolved(PAGE), {
      traceLimit: 400_000,
      interventions: pageInterventions(resolved(PAGE)),
    })
    assert.equal(thinned.bytes > 100_000, true)
  })

  test('a run that ends early, at any time', async () => {
    for (const until of [0, 1, 33 * MS, 150 * MS])
      await assertAlike(resolved(PAGE), { until, interventions: [{ at: 33 * MS, cut: 'router-bob' }] })
  })
})

test('another seed is another run', () => {
  const scenario = resolved(PAGE)
  const [one, other] = [1, 2].map((seed) => summaryOf(runInline(scenario, { seed }).director))
  assert.notDeepEqual(one.captures, other.captures)
})

describe('what was done live is replayed by its log', () => {
  /** The actions of a list, each done when the run stands at its time. */
  function live(scenario: ResolvedScenario, interventions: readonly Intervention[]) {
    const director = new Director(scenario, { seed: scenario.seed })
    const hosts = new InlineHosts(scenario, scenario.seed, director)
    for (const { at, ...action } of interventions) {
      hosts.advance(at)
      try {
        hosts.perform(director.intervene(action))
      } catch (error) {
        assert.equal((error as Error).name, 'ImpossibleAction')
      }
      hosts.settle()
    }
    hosts.advance(scenario.duration)
    return director
  }

  test('in one thread and behind channels, to the byte; also by way of a file', async () => {
    const scenario = resolved(PAGE)
    const { log, ...original } = summaryOf(live(scenario, pageInterventions(scenario)))
    const file: unknown = JSON.parse(JSON.stringify(writeInterventions(log, scenario)))
    assert.deepEqual(parseInterventions(file, scenario), log)
    for (const replayed of [
      runInline(scenario, { interventions: log }).director,
      await runRemote(scenario, { interventions: log }),
    ]) {
      const replay = summaryOf(replayed)
      assert.deepEqual(replay.captures, original.captures)
      assert.deepEqual(replay.frames, original.frames)
      assert.deepEqual(replay.events, original.events)
    }
  })

  test('in spans of any length', () => {
    const scenario = resolved(PAGE)
    const interventions = pageInterventions(scenario)
    const whole = summaryOf(runInline(scenario, { interventions }).director)
    const director = new Director(scenario, { seed: scenario.seed, interventions })
    const hosts = new InlineHosts(scenario, scenario.seed, director)
    for (let time = 0, step = 1; time < 2000 * MS; time += step % (7 * MS), step = step * 3 + 1) hosts.advance(time)
    hosts.advance(scenario.duration)
    assert.deepEqual(summaryOf(director), whole)
  })
})

describe('a host whose program breaks', () => {
  const broken = (): ResolvedScenario => {
    const scenario = resolved(ROUTE)
    const hosts = scenario.hosts.map((host) =>
      host.name === 'r2' ? { ...host, apps: [{ app: 'no-such-app', options: {} }] } : host,
    )
    return { ...scenario, hosts }
  }

  test('is told by name, in one thread', () => {
    assert.throws(() => runInline(broken()), /no-such-app/)
  })

  test('is told by name, behind channels', async () => {
    const scenario = broken()
    const director = new Director(scenario, { seed: 1 })
    await assert.rejects(connectHosts(scenario, director, 1), /Host r2: .*no-such-app/s)
  })
})
