import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInline } from '../../src/run/run-inline.ts'
import { ScenarioError } from '../../src/scenario/errors.ts'
import { parseInterventions } from '../../src/scenario/intervention-json.ts'
import { liveOption } from '../../src/scenario/live-option.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'

function scenario(server: Record<string, unknown>, more: Record<string, unknown> = {}): unknown {
  return {
    id: 'live',
    title: 'A live server',
    duration: '5 s',
    hosts: { server: { app: 'live-server', ...server }, client: {} },
    links: [{ between: ['server', 'client'], delay: '10 ms' }],
    ...more,
  }
}

function refusal(server: Record<string, unknown>): string {
  try {
    resolveScenario(scenario(server))
  } catch (error) {
    if (error instanceof ScenarioError) return error.message
    throw error
  }
  return 'nothing'
}

describe('a live server in a scenario', () => {
  test('every option has a default, in base units', () => {
    const { options } = resolveScenario(scenario({})).hosts[0].apps[0]
    assert.deepEqual(options, {
      port: 80,
      backlog: 128,
      accepts: 1,
      keepAlive: true,
      history: 50,
      rooms: 100,
      news: { interval: 0, size: 200, start: 1e9, room: 'lobby' },
      join: { cost: 0, message: 0 },
      sessions: 0,
      sessionSecret: '',
      heartbeat: 0,
      pollTimeout: 25e9,
      retry: 3e9,
      sendQueue: 262_144,
      maxMessage: 65_536,
      compression: false,
      admission: { connections: 0, rate: 0, burst: 0, refusal: '503', retryAfter: 1e9 },
      shed: { delay: 0, memory: 0 },
      drain: false,
      leaving: { window: 10e9, after: 0, spread: 0, linger: 5e8 },
    })
  })

  test('a bus keeps what is said, unless it is told not to', () => {
    const withBus = (bus: Record<string, unknown>): unknown =>
      resolveScenario(scenario({ bus: { to: 'server', ...bus } })).hosts[0].apps[0].options
    const common = { to: 'server', port: 6379 }
    assert.deepEqual((withBus({}) as { bus: unknown }).bus, { ...common, stream: true })
    assert.deepEqual((withBus({ stream: false }) as { bus: unknown }).bus, { ...common, stream: false })
  })

  test('what is wrong is said by its path, with what is allowed', () => {
    assert.match(refusal({ admission: { conections: 5 } }), /admission\.conections.*connections/s)
    assert.match(refusal({ admission: { refusal: '500' } }), /admission\.refusal.*503.*reset/s)
    assert.match(refusal({ shed: { memory: '150 %' } }), /shed\.memory/)
    assert.match(refusal({ news: { interval: 5 } }), /news\.interval.*time/s)
    assert.match(refusal({ bus: {} }), /bus.*to/s)
    assert.match(refusal({ bus: { to: 'nobody' } }), /bus\.to.*nobody/s)
  })

  test('what can be changed while it runs is known', () => {
    for (const path of [
      ['drain'],
      ['history'],
      ['news', 'interval'],
      ['admission', 'rate'],
      ['shed', 'delay'],
      ['leaving', 'window'],
    ])
      assert.ok(liveOption('live-server', path) !== undefined, path.join('.'))
    for (const path of [['port'], ['news', 'room'], ['admission', 'nothing'], ['bus', 'to']])
      assert.equal(liveOption('live-server', path), undefined, path.join('.'))
  })

  test('it runs, with a knob for how often there are news and one that drains it', () => {
    const resolved = resolveScenario(
      scenario(
        { news: { interval: '500 ms' } },
        {
          knobs: {
            often: { label: 'News', range: ['100 ms', '1 s'], sets: 'hosts.server.app.news.interval' },
            drain: { label: 'Drain', sets: 'hosts.server.app.drain' },
          },
        },
      ),
    )
    const interventions = parseInterventions(
      [
        { at: '3.1 s', set: { knob: 'often', value: '100 ms' } },
        { at: '4 s', set: { knob: 'drain', value: true } },
      ],
      resolved,
    )
    const { trace } = runInline(resolved, { interventions })
    const times = trace.all('news:published').map(({ time }) => time / 1e9)
    assert.deepEqual(times.slice(0, 7), [1, 1.5, 2, 2.5, 3, 3.1, 3.2])
    assert.equal(trace.all('live:drained').length, 1)
  })

  test('a machine takes what servers cost, and says so in its errors', () => {
    const machine = {
      perConnection: '1 ms',
      perMessage: '10 us',
      descriptors: 1024,
      connectionMemory: '50 KiB',
      memory: '64 MiB',
      restartAfter: '5 s',
    }
    const host = resolveScenario(scenario({ machine })).hosts[0]
    assert.deepEqual(
      { ...host.machine },
      {
        perPacket: 0,
        perHandshake: 0,
        perRequest: 0,
        perConnection: 1e6,
        perMessage: 1e4,
        clockAhead: 0,
        clockBehind: 0,
        clockDrift: 0,
        memory: 67_108_864,
        connectionMemory: 51_200,
        descriptors: 1024,
        restartAfter: 5e9,
      },
    )
    assert.match(refusal({ machine: { descriptors: 1.5 } }), /machine\.descriptors.*whole number/s)
    assert.match(refusal({ machine: { perMesage: '1 ms' } }), /perMesage.*perMessage/s)
  })
})
