import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Director } from '../../src/run/director.ts'
import { DirectorService, type Update } from '../../src/run/director-service.ts'
import type { Hosts } from '../../src/run/hosts.ts'
import { InlineHosts } from '../../src/run/inline-hosts.ts'
import { runInline } from '../../src/run/run-inline.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import { PACKED_WIDTH } from '../../src/trace/frame-table.ts'
import { TraceStore } from '../../src/trace/trace-store.ts'
import { PAGE, pageInterventions, resolved, ROUTE } from './networks.ts'
import { connectHosts, plain, summaryOf } from './placement.ts'

const MS = 1_000_000

/** What a page knows, which is told news only. */
class Listener {
  readonly store: TraceStore
  horizon = 0
  over = false
  network: Update['network']

  constructor(scenario: ResolvedScenario) {
    this.store = new TraceStore(
      scenario.hosts.map(({ name }) => name),
      scenario.links.map(({ hosts }) => hosts),
    )
  }

  take(update: Update): this {
    // It comes from another thread.
    const { horizon, over, trace, network } = structuredClone(update)
    for (let at = 0; at < trace.rows.length; at += PACKED_WIDTH) this.store.table.unpack(trace.rows, at)
    for (const event of trace.events) this.store.eventTable.adopt(event)
    this.store.connections = [...this.store.connections, ...trace.connections]
    this.store.thinnedBytes = trace.thinnedBytes
    this.store.horizon = horizon
    this.horizon = horizon
    this.over = over
    if (network !== undefined) this.network = network
    return this
  }

  /** All that it knows, of frames from a number on. */
  summary(from = 1) {
    const { store } = this
    return {
      frames: [...store.frames(({ number }) => number >= from)].map((frame) => plain(frame, store.connections)),
      events: store.events,
    }
  }
}

function start(scenario: ResolvedScenario, options: { interventions?: readonly Intervention[]; traceLimit?: number } = {}) {
  const director = new Director(scenario, { seed: scenario.seed, ...options })
  const inline = new InlineHosts(scenario, scenario.seed, director)
  let settled = 0
  const hosts: Hosts = {
    perform: (step) => {
      inline.perform(step)
    },
    settle: () => {
      settled++
      inline.settle()
    },
    dispose: () => {
      inline.dispose()
    },
  }
  return { director, service: new DirectorService(director, hosts), listener: new Listener(scenario), settled: () => settled }
}

/** Lets a run go to a time, however often one has to ask. */
async function go(service: DirectorService, listener: Listener, until: number): Promise<void> {
  do listener.take(await service.advance(until))
  while (listener.horizon < until)
}

describe('a listener', () => {
  test('who is told news only knows the same as the director, at every moment', async () => {
    const scenario = resolved(PAGE)
    const { director, service, listener } = start(scenario, { interventions: pageInterventions(scenario) })
    const knows = new Listener(scenario)
    for (let time = 0; time < 1500 * MS; time += 37 * MS) {
      await go(service, listener, time)
      Object.assign(knows, { store: director.store })
      assert.deepEqual(listener.summary(), knows.summary())
    }
    await go(service, listener, scenario.duration)
    assert.deepEqual(listener.summary(), knows.summary())
    assert.equal(listener.over, true)
    assert.deepEqual(listener.network?.log, director.log)
    assert.deepEqual(listener.network?.links, director.state.snapshot().links)
  })

  test('of a trace that is thinned faster than he is told keeps what is still there', async () => {
    const scenario = resolved(PAGE, {
      hosts: { ...(PAGE['hosts'] as object), alice: { app: 'browser', visits: Array.from({ length: 60 }, () => 'http://bob/') } },
      links: (PAGE['links'] as object[]).map((link) => ({ ...link, rate: '1 Gbit/s', delay: '1 ms', loss: '0 %' })),
    })
    const { director, service, listener } = start(scenario, { traceLimit: 1_000_000 })
    await go(service, listener, scenario.duration)
    assert.equal(director.store.firstKept > 4096, true)
    assert.equal(listener.store.frameCount, director.store.frameCount)
    const knows = new Listener(scenario)
    Object.assign(knows, { store: director.store })
    assert.deepEqual(listener.summary(director.store.firstKept).frames, knows.summary().frames)
    assert.equal(listener.store.thinnedBytes, director.store.thinnedBytes)
  })

  test('is told of hosts and links when they changed, and only then', async () => {
    const scenario = resolved(ROUTE)
    const { service, listener } = start(scenario)
    assert.deepEqual((await service.advance(10 * MS)).network?.hosts[0], { power: 'on' })
    assert.equal((await service.advance(20 * MS)).network, undefined)
    const update = await service.intervene({ kill: 'r1' })
    assert.deepEqual(update.network?.hosts[1], { power: 'off' })
    assert.deepEqual(update.network?.log, [{ at: 20 * MS, kill: 'r1' }])
    assert.equal(listener.take(update).horizon, 20 * MS)
  })
})

describe('a call', () => {
  test('that cannot be carried out is rejected in words for people, and the next one works', async () => {
    const { service, director } = start(resolved(ROUTE))
    await service.advance(5 * MS)
    await assert.rejects(service.intervene({ drop: { frame: 999 } }), /There is no frame 999 yet/)
    await assert.rejects(service.intervene({ set: { knob: 'loss', value: 1 } }), { name: 'ScenarioError' })
    await assert.rejects(service.capture({ kind: 'host', host: 'nobody' }), RangeError)
    assert.deepEqual((await service.intervene({ cut: 'alice-r1' })).network?.log, director.log)
    assert.equal(director.log.length, 1)
  })

  test('waits for those before it', async () => {
    const scenario = resolved(ROUTE)
    const { service, director } = start(scenario)
    const horizons: number[] = []
    const note = ({ horizon }: Update): number => horizons.push(horizon)
    const all = [service.advance(30 * MS), service.intervene({ cut: 'alice-r1' }), service.advance(60 * MS)]
    await Promise.all(all.map((call) => call.then(note)))
    assert.deepEqual(horizons, [30 * MS, 30 * MS, 60 * MS])
    assert.equal(director.log[0].at, 30 * MS)
  })

  test('does not go on for longer than a moment of real time', async () => {
    const scenario = resolved(PAGE, {
      duration: '1 h',
      hosts: { ...(PAGE['hosts'] as object), alice: { app: 'ping', to: 'bob', count: 1_000_000, interval: '20 us' } },
      knobs: {},
    })
    const { service } = start(scenario)
    const { horizon, over } = await service.advance(scenario.duration)
    assert.equal(horizon > 0 && horizon < scenario.duration, true)
    assert.equal(over, false)
  })

  test('for the next thing stops soon after it, and at the end does not turn in vain', async () => {
    const scenario = resolved(ROUTE)
    const { service, listener, director, settled } = start(scenario)
    const horizons: number[] = []
    for (let i = 0; i < 5000 && !listener.over; i++) {
      const [frames, events] = [listener.store.frameCount, listener.store.events.length]
      listener.take(await service.advanceToNext(scenario.duration))
      horizons.push(listener.horizon)
      if (!listener.over) assert.equal(listener.store.frameCount > frames || listener.store.events.length > events, true)
    }
    assert.equal(listener.over, true)
    assert.equal(horizons.length > 30, true)
    assert.deepEqual(summaryOf(director).frames, summaryOf(runInline(scenario).director).frames)
    const before = settled()
    await service.advanceToNext(scenario.duration * 10)
    assert.ok(settled() - before <= 1, 'there is nothing to try')
  })

  test('for a frame gives its bytes and layers; for the capture all of them', async () => {
    const scenario = resolved(ROUTE)
    const { service } = start(scenario)
    await service.advance(scenario.duration)
    const answer = await service.inspect(1)
    assert.deepEqual(
      answer?.layers.map(({ protocol }) => protocol),
      ['ethernet', 'arp'],
    )
    answer.bytes.fill(0)
    assert.ok(
      (await service.inspect(1))?.bytes.some((byte) => byte !== 0),
      'the bytes were a copy',
    )
    assert.equal(await service.inspect(100_000), undefined)
    assert.deepEqual(await service.capture({ kind: 'links' }), runInline(scenario).capture({ kind: 'links' }))
  })
})

test('behind message channels a listener is told the same', async () => {
  const scenario = resolved(PAGE)
  const interventions = pageInterventions(scenario)
  const inline = start(scenario, { interventions })
  await go(inline.service, inline.listener, scenario.duration)
  const director = new Director(scenario, { seed: scenario.seed, interventions })
  const { hosts, close } = await connectHosts(scenario, director, scenario.seed)
  try {
    const [service, listener] = [new DirectorService(director, hosts), new Listener(scenario)]
    for (let time = 0; time < 1200 * MS; time += 101 * MS) await go(service, listener, time)
    await go(service, listener, scenario.duration)
    assert.deepEqual(listener.summary(), inline.listener.summary())
    assert.deepEqual(await service.capture({ kind: 'links' }), await inline.service.capture({ kind: 'links' }))
  } finally {
    close()
  }
})

test('a host that breaks in the middle breaks the call, with the host by name', async () => {
  const scenario = resolved(ROUTE)
  const director = new Director(scenario, { seed: 1 })
  const { hosts, close } = await connectHosts(scenario, director, 1)
  try {
    const step = {
      kind: 'orders',
      at: 0,
      orders: [{ host: 2, order: { kind: 'link', port: 7, settings: {}, cause: 0 } }],
    } as const
    await assert.rejects(hosts.perform(step), /^Error: Host r2: .*r2 has no port 7/s)
    const breaking: Hosts = {
      perform: () => hosts.perform(step),
      settle: () => undefined,
      dispose: () => undefined,
    }
    await assert.rejects(new DirectorService(director, breaking).advance(1e9), /Host r2/)
  } finally {
    close()
  }
})
