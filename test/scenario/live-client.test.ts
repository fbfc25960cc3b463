import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveScenario } from '../../src/scenario/resolve.ts'

function resolved(app: Record<string, unknown>, knobs: Record<string, unknown> = {}) {
  const scenario = resolveScenario({
    id: 'live',
    title: 'Live',
    hosts: { client: app, server: { app: 'live-server', tls: true }, bus: { app: 'redis-server' }, hub: { kind: 'switch' } },
    links: ['client', 'server', 'bus'].map((host) => ({ between: [host, 'hub'] })),
    knobs,
  })
  return scenario.hosts.map(({ apps }) => apps[0]?.options)
}

test('what an author leaves out of a live client has its default, in base units', () => {
  const [options] = resolved({
    app: 'live-client',
    servers: 'https://server',
    reconnect: { jitter: 'none' },
    say: { interval: '2 s' },
  })
  const { tls, ...rest } = options as Record<string, unknown>
  assert.deepEqual(rest, {
    servers: ['https://server'],
    pick: 'in-order',
    transport: 'websocket',
    room: 'lobby',
    rooms: 1,
    start: 0,
    startWithin: 0,
    stop: 0,
    connectTimeout: 10e9,
    heartbeat: { interval: 25e9, timeout: 10e9 },
    reconnect: { policy: 'exponential', jitter: 'none', base: 1e9, cap: 30e9, attempts: 0, honour: true },
    resume: true,
    say: { interval: 2e9, size: 60, jitter: 0 },
    poll: 5e9,
    compression: false,
  })
  assert.ok(tls !== undefined, 'and what TLS needs')
})

test('and of a bus', () => {
  const [, , options] = resolved({ app: 'live-client', servers: 'https://server' })
  assert.deepEqual(options, {
    port: 6379,
    backlog: 511,
    password: '',
    appendonly: false,
    fsync: 'everysec',
    fsyncTime: 0,
    rewriteAbove: 64 * 1024 ** 2,
    maxMemory: 0,
    maxClients: 10_000,
    outputLimit: { hard: 32 * 1024 ** 2, soft: 8 * 1024 ** 2, softTime: 60e9 },
  })
})

test('mistakes are told with their path', () => {
  for (const [written, path] of [
    [{ servers: 'ws://server' }, /servers/],
    [{ servers: 'http://nobody' }, /hosts\.client\.servers/],
    [{ servers: ['http://server', 'http://nobody'] }, /hosts\.client\.servers\[1\]/],
    [{ servers: 'http://server', reconnect: { policy: 'sometimes' } }, /hosts\.client\.reconnect\.policy/],
    [{ servers: 'http://server', heartbeat: { intervall: '1 s' } }, /hosts\.client\.heartbeat\.intervall/],
    [{}, /servers/],
  ] as const)
    assert.throws(() => resolved({ app: 'live-client', ...written }), path)
})

const choices = (...values: readonly string[]) => values.map((value) => ({ value, label: value }))

test('knobs turn what clients take while they run', () => {
  for (const sets of ['reconnect.jitter', 'reconnect.policy', 'reconnect.cap', 'heartbeat.interval', 'say.interval', 'resume']) {
    const knob = { label: 'Knob', sets: `hosts.client.${sets}` }
    const choice =
      sets === 'reconnect.jitter'
        ? { choices: choices('none', 'full') }
        : sets === 'reconnect.policy'
          ? { choices: choices('at-once', 'exponential') }
          : sets === 'resume'
            ? {}
            : { range: [sets === 'say.interval' ? '0 s' : '1 ms', '60 s'] }
    assert.doesNotThrow(() => resolved({ app: 'live-client', servers: 'http://server' }, { knob: { ...knob, ...choice } }), sets)
  }
})
