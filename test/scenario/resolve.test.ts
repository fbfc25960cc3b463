import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DEFAULT_LINK } from '../../src/kernel/link.ts'
import { ScenarioError } from '../../src/scenario/errors.ts'
import { layeredLayout } from '../../src/scenario/layout.ts'
import { needsLayout, resolveScenario } from '../../src/scenario/resolve.ts'
import { formatMac } from '../../src/wire/address.ts'
import { DOWNLOAD, hostNamed, network, refusalOf } from './scenario-fixture.ts'
import type { Source } from './scenario-fixture.ts'

test("the design's example resolves, with every default filled in", () => {
  const scenario = resolveScenario(DOWNLOAD)
  const [alice, bob] = scenario.hosts
  assert.equal(scenario.seed, 7)
  assert.equal(scenario.duration, 30e9)
  assert.equal(scenario.speed, 0.02, 'the way of 20 ms takes a second to watch')
  assert.deepEqual(scenario.faults, ['drop', 'corrupt', 'link', 'cut', 'kill', 'pause', 'machine'])
  assert.deepEqual(alice.apps, [
    {
      app: 'browser',
      options: {
        visits: [{ url: 'http://bob/', at: 0, upload: 0 }],
        connections: 6,
        keepAlive: true,
        pipelining: false,
        timeout: 0,
        digest: false,
        fastOpen: false,
        happyEyeballs: true,
        attemptDelay: 250e6,
        push: true,
        coalescing: true,
        cache: true,
        hstsPreload: [],
        http3Rest: 300_000_000_000,
        preloadScanner: true,
        tightMode: true,
        rebinds: [],
      },
    },
  ])
  assert.deepEqual(bob.apps, [
    {
      app: 'web-server',
      options: {
        serves: { '/': { size: 65_536, type: 'text/html; charset=utf-8', resources: [], delay: 0, chunked: false } },
        port: 80,
        keepAlive: true,
        backlog: 128,
        fastOpen: false,
        digest: false,
        scheduler: 'priority',
      },
    },
  ])
  assert.deepEqual(alice.interfaces, [
    { name: 'eth0', link: 0, end: 0, mac: 0x020000010000, address: 0x0a000001, prefix: 24, mtu: 1500 },
  ])
  assert.equal(formatMac(bob.interfaces[0].mac), '02:00:00:02:00:00')
  assert.deepEqual(alice.names, { alice: [0x0a000001], bob: [0x0a000002] })
  assert.deepEqual(alice.routes, [{ destination: 0x0a000000, prefix: 24, via: 0, port: 0 }])
  const settings = {
    ...DEFAULT_LINK,
    rate: 10_000_000,
    delay: 20_000_000,
    queueBytes: 65_536,
    queueFrames: Number.MAX_SAFE_INTEGER,
  }
  assert.deepEqual(scenario.links, [{ name: 'alice-bob', hosts: [0, 1], ports: [0, 0], settings: [settings, settings] }])
})

test('resolving is a function: same input, same output, input unchanged', () => {
  const source = structuredClone(DOWNLOAD)
  const first = resolveScenario(source, { knobs: { loss: 0.05 } })
  assert.deepEqual(resolveScenario(source, { knobs: { loss: 0.05 } }), first)
  assert.deepEqual(source, DOWNLOAD)
  assert.deepEqual(structuredClone(first), first, 'plain data, fit for a worker')
})

test('each direction of a link can have its own settings', () => {
  const links = [
    {
      between: ['alice', 'bob'],
      rate: '1 Mbit/s',
      loss: '1 %',
      forward: { loss: 0.5 },
      backward: { rate: 'unlimited', queue: '5 packets' },
    },
  ]
  const [forward, backward] = resolveScenario({ ...DOWNLOAD, knobs: {}, links }).links[0].settings
  assert.deepEqual([forward.rate, forward.loss, forward.queueFrames], [1e6, 0.5, DEFAULT_LINK.queueFrames])
  assert.deepEqual([backward.rate, backward.loss, backward.queueFrames], [0, 0.01, 5])
})

test('references of every application are checked', () => {
  const cases: [Source, string][] = [
    [{ app: 'ping', to: 'nobody' }, 'hosts.a.to'],
    [{ app: 'ping', to: 's' }, 'hosts.a.to'],
    [{ app: 'ping', to: '10.0.0.300' }, 'hosts.a.to'],
    [{ app: 'stream-sender', to: 'nobody' }, 'hosts.a.to'],
    [{ app: 'socket-script', connect: 'nobody:80', steps: [] }, 'hosts.a.connect'],
    [{ app: 'socket-script', connect: 'b:99999', steps: [] }, 'hosts.a.connect'],
    [{ app: 'socket-script', steps: [] }, 'hosts.a'],
    [{ app: 'socket-script', listen: 80, connect: 'b:80', steps: [] }, 'hosts.a'],
    [
      {
        apps: [
          { app: 'ping', to: 'b' },
          { app: 'ping', to: 'nobody' },
        ],
      },
      'hosts.a.apps[1].to',
    ],
    [{ app: 'browser', visits: ['http://b/', 'http://nobody:8080/x'] }, 'hosts.a.visits[1]'],
    [
      { app: 'web-server', serves: { '/': { size: '1 kB', resources: ['/x.css', 'http://nobody/y.js'] } } },
      'hosts.a.serves["/"].resources[1]',
    ],
  ]
  for (const [app, path] of cases) {
    const source = network({ a: app, b: {}, s: { kind: 'switch' } }, [
      ['a', 's'],
      ['s', 'b'],
    ])
    assert.equal(refusalOf(() => resolveScenario(source)).path, path, JSON.stringify(app))
  }
})

test('applications resolve to what they are given, units in numbers', () => {
  const source = network(
    {
      a: {
        apps: [
          { app: 'ping', to: 'b', interval: '200 ms', size: '1 kB', traceroute: true },
          { app: 'stream-sender', to: 'b', transport: 'tcp' },
          {
            app: 'socket-script',
            connect: 'b:7',
            start: '1 s',
            steps: [{ do: 'send', bytes: '2 kB' }, 'shutdown', { do: 'sleep', for: '5 ms' }],
          },
        ],
      },
      b: {
        apps: [
          { app: 'stream-receiver', transport: 'tcp', playout: '80 ms' },
          { app: 'socket-script', listen: 7, steps: ['read-to-end'] },
        ],
      },
    },
    [['a', 'b']],
  )
  const scenario = resolveScenario(source)
  assert.deepEqual(hostNamed(scenario, 'a').apps, [
    {
      app: 'ping',
      options: { to: 'b', version: 0, count: 4, interval: 200e6, size: 1000, ttl: 64, timeout: 1e9, traceroute: true, start: 0 },
    },
    { app: 'stream-sender', options: { to: 'b', port: 5004, transport: 'tcp', interval: 20e6, size: 160, count: 250, start: 0 } },
    {
      app: 'socket-script',
      options: {
        listen: 0,
        connect: 'b:7',
        start: 1e9,
        steps: [{ do: 'send', bytes: 2000 }, { do: 'shutdown' }, { do: 'sleep', for: 5e6 }],
      },
    },
  ])
  assert.deepEqual(hostNamed(scenario, 'b').apps, [
    { app: 'stream-receiver', options: { port: 5004, transport: 'tcp', interval: 20e6, size: 160, playout: 80e6 } },
    { app: 'socket-script', options: { listen: 7, connect: '', start: 0, steps: [{ do: 'read-to-end' }] } },
  ])
})

test('TCP options are resolved, unknown ones refused', () => {
  const hosts = { a: { tcp: { sack: false, minRto: '1 s', mss: '536 B', initialWindow: 3 } }, b: {} }
  assert.deepEqual(hostNamed(resolveScenario(network(hosts, [['a', 'b']])), 'a').tcp, {
    sack: false,
    minRto: 1e9,
    mss: 536,
    initialWindow: 3,
  })
  const wrong = refusalOf(() => resolveScenario(network({ a: { tcp: { sak: false } }, b: {} }, [['a', 'b']])))
  assert.equal(wrong.path, 'hosts.a.tcp.sak')
  assert.match(wrong.allowed, /sack perhaps/)
})

test('one segment has one MTU, for a switch cannot fragment', () => {
  const hosts = { a: {}, s: { kind: 'switch' }, b: {} }
  const links = [{ between: ['a', 's'] }, { between: ['s', 'b'], mtu: '576 B' }]
  const refused = refusalOf(() => resolveScenario({ id: 'x', title: 'X', hosts, links }))
  assert.equal(refused.path, 'links[1].mtu')
  const routed = resolveScenario({ id: 'x', title: 'X', hosts: { ...hosts, s: { kind: 'router' } }, links })
  assert.deepEqual(
    hostNamed(routed, 's').interfaces.map(({ mtu }) => mtu),
    [1500, 576],
  )
})

test('a seed given for the run wins; a wrong one is refused', () => {
  assert.equal(resolveScenario(DOWNLOAD, { seed: 12 }).seed, 12)
  for (const seed of [-1, 1.5, Number.NaN, 2 ** 53])
    assert.equal(refusalOf(() => resolveScenario(DOWNLOAD, { seed })).path, 'seed')
})

test('a lesson waits for an event, a time or an intervention', () => {
  const lesson = [
    { text: 'Look.' },
    { text: 'Wait.', until: { time: '2 s' } },
    { text: 'Drop one.', until: { intervention: 'drop' } },
    { text: 'There.', until: { event: 'page:loaded' } },
  ]
  assert.deepEqual(resolveScenario({ ...DOWNLOAD, lesson }).lesson[1], { text: 'Wait.', until: { time: 2e9 } })
  const asked = { text: 'Who?', predict: ['Ann', 'Ben'] }
  assert.deepEqual(resolveScenario({ ...DOWNLOAD, lesson: [asked] }).lesson, [asked])
  const least = refusalOf(() => resolveScenario({ ...DOWNLOAD, lesson: [{ ...asked, predict: ['Ann'] }] }))
  assert.equal(least.path, 'lesson[0].predict')
  const path = (until: unknown): string => refusalOf(() => resolveScenario({ ...DOWNLOAD, lesson: [{ text: 'x', until }] })).path
  assert.equal(path({ time: '2 parsec' }), 'lesson[0].until.time')
  assert.equal(path({ whenever: 1 }), 'lesson[0].until')
  assert.equal(path('later'), 'lesson[0].until')
})

test('hosts without a position are laid out: in range, apart, the same each time', () => {
  const leaves = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`h${i}`, {}] as const))
  const hosts = { r: { kind: 'router' }, s: { kind: 'switch' }, ...leaves }
  const links = [['r', 's'], ['h0', 'r'], ...Array.from({ length: 7 }, (_, i) => [`h${i + 1}`, 's'])]
  const source = network(hosts, links)
  assert.equal(needsLayout(source), true)
  for (const options of [{}, { layout: layeredLayout }]) {
    const places = resolveScenario(source, options).hosts.map(({ position }) => position)
    assert.deepEqual(
      resolveScenario(source, options).hosts.map(({ position }) => position),
      places,
    )
    places.forEach((a, i) => {
      assert.ok(a.x >= 0.05 && a.x <= 0.95 && a.y >= 0.05 && a.y <= 0.95)
      for (const b of places.slice(i + 1)) assert.ok(Math.hypot(a.x - b.x, a.y - b.y) > 0.05, 'apart')
    })
  }
})

test('a chain is laid out as a line, in its order; positions given are kept', () => {
  const chain = network({ a: {}, c: {}, b: { kind: 'router' } }, [
    ['a', 'b'],
    ['b', 'c'],
  ])
  const [a, c, b] = resolveScenario(chain).hosts.map(({ position }) => position)
  assert.ok(a.x < b.x && b.x < c.x)
  assert.equal(a.y, c.y)
  const given = {
    ...DOWNLOAD,
    hosts: { alice: { ...DOWNLOAD.hosts.alice, position: { x: 0.3, y: 0.4 } }, bob: DOWNLOAD.hosts.bob },
  }
  assert.deepEqual(resolveScenario(given).hosts[0].position, { x: 0.3, y: 0.4 })
})

test('hostile sources are refused quickly, and never otherwise than by a ScenarioError', () => {
  const deep = JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`) as unknown
  const circle: Record<string, unknown> = { id: 'x' }
  circle['hosts'] = circle
  const hostile: unknown[] = [
    undefined,
    null,
    1,
    'text',
    [],
    () => 1,
    deep,
    circle,
    new Map(),
    JSON.parse('{"__proto__": {"polluted": 1}}'),
    { ...DOWNLOAD, title: 'x'.repeat(1e6) },
    { ...DOWNLOAD, hosts: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`h${i}`, {}])) },
    { ...DOWNLOAD, links: Array.from({ length: 200_000 }, () => null) },
    { ...DOWNLOAD, hosts: { constructor: {}, alice: {} } },
    { ...DOWNLOAD, seed: Number.NaN },
    { ...DOWNLOAD, seed: 1n },
  ]
  for (const source of hostile) assert.throws(() => resolveScenario(source), ScenarioError)
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  const inherited = JSON.parse(`{"__proto__": ${JSON.stringify(DOWNLOAD)}}`) as unknown
  assert.match(refusalOf(() => resolveScenario(inherited)).found, /the key "__proto__"/)
})

test('any JSON in any place of a scenario gives a scenario or a ScenarioError', () => {
  const paths = [
    'hosts',
    'links',
    'knobs',
    'claims',
    'lesson',
    'hosts.alice',
    'hosts.bob.serves',
    'links.0',
    'links.0.delay',
    'knobs.loss',
    'knobs.loss.range',
    'knobs.loss.sets',
  ]
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.jsonValue({ maxDepth: 3 }), (path, value) => {
      const source = structuredClone(DOWNLOAD) as unknown as Source
      const keys = path.split('.')
      const last = keys.pop() ?? ''
      const parent = keys.reduce<Source>((at, key) => at[key] as Source, source)
      parent[last] = value
      try {
        resolveScenario(source)
      } catch (error) {
        if (!(error instanceof ScenarioError)) throw error
        assert.ok(error.allowed.length > 0 && error.found.length > 0)
      }
    }),
    { seed: 1, numRuns: 1500 },
  )
})

test("a server's delay is that of each resource that has none of its own", () => {
  const serves = { '/': '1 kB', '/slow': { size: '1 kB', delay: '1 s' }, '/quick.css': { size: '1 kB', delay: '0 s' } }
  const hosts = { ...DOWNLOAD.hosts, bob: { app: 'web-server', delay: '30 ms', serves } }
  const scenario = resolveScenario({ ...DOWNLOAD, hosts })
  const { options } = hostNamed(scenario, 'bob').apps[0]
  const served = options['serves'] as Record<string, { delay: number; type: string }>
  assert.deepEqual(
    Object.values(served).map(({ delay }) => delay),
    [30e6, 1e9, 0],
  )
  assert.equal(served['/quick.css'].type, 'text/css')
  assert.equal('delay' in options, false)
})
