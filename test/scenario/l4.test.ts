import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { ScenarioError } from '../../src/scenario/errors.ts'
import { parseIpv4 } from '../../src/wire/address.ts'

type Source = Record<string, unknown>

const SECOND = 1_000_000_000

const BALANCER = { app: 'tcp-balancer', virtual: 'www:80', backends: ['one:80', { at: 'two:8080', weight: 2 }] }

function scenario(more: { hosts?: Source; top?: Source; balancer?: Source } = {}): Source {
  const hosts: Source = {
    client: { app: 'browser', visits: 'http://www/' },
    lan: { kind: 'switch' },
    balancer: { ...BALANCER, ...more.balancer },
    one: { app: 'web-server', serves: { '/': '1 kB' }, loopback: ['10.0.0.100'] },
    two: { app: 'web-server', serves: { '/': '1 kB' }, port: 8080 },
    ...more.hosts,
  }
  const links = Object.keys(hosts)
    .filter((name) => name !== 'lan')
    .map((name) => ({ between: [name, 'lan'] }))
  return { id: 'l4', title: 'Layer 4', names: { www: '10.0.0.100' }, hosts, links, ...more.top }
}

const refused = (source: Source): string => {
  try {
    resolveScenario(source)
  } catch (error) {
    if (error instanceof ScenarioError) return `${error.path}: ${error.message}`
    throw error
  }
  return 'nothing'
}

test('a balancer as an author writes it, with every default', () => {
  const [, , balancer, one] = resolveScenario(scenario()).hosts
  const [{ app, options }] = balancer.apps
  assert.equal(app, 'tcp-balancer')
  assert.deepEqual(options, {
    virtual: 'www:80',
    backends: [
      { at: 'one:80', weight: 1, drain: false },
      { at: 'two:8080', weight: 2, drain: false },
    ],
    mode: 'nat',
    sourceNat: false,
    strategy: 'round-robin',
    virtualNodes: 160,
    loadBound: 1.25,
    tableSize: 65_537,
    hashes: 'client',
    sticky: 0,
    slowStart: 0,
    maxConnections: 0,
    refusal: 'reset',
    unknown: 'reset',
    orphans: 'keep',
    timeouts: { syn: 60 * SECOND, established: 900 * SECOND, fin: 120 * SECOND, closed: 30 * SECOND },
  })
  assert.deepEqual(one.loopback, [parseIpv4('10.0.0.100')])
})

test('what is shared has a name, which all hosts know and no interface gets', () => {
  const { hosts } = resolveScenario(scenario({ top: { names: { www: '10.0.0.1', api: '10.0.0.3' } } }))
  for (const { kind, names } of hosts)
    if (kind !== 'switch') assert.deepEqual([names['www'], names['api']], [[0x0a000001], [0x0a000003]])
  const given = hosts.flatMap(({ interfaces }) => interfaces.map(({ address }) => address)).filter((address) => address !== 0)
  assert.deepEqual(given, [0x0a000002, 0x0a000004, 0x0a000005, 0x0a000006])
})

test('failover, checks and VRRP in their short forms', () => {
  const failover = { vrid: 7, priority: 200, interval: '500 ms' }
  const guard = { app: 'vrrp', virtual: ['10.0.0.101'] }
  const { hosts } = resolveScenario(
    scenario({ balancer: { failover, check: { by: 'http', path: '/health' } }, hosts: { guard } }),
  )
  const { options } = hosts[2].apps[0]
  assert.deepEqual(options['failover'], {
    virtual: [],
    vrid: 7,
    priority: 200,
    interval: SECOND / 2,
    preempt: true,
    enabled: true,
  })
  assert.deepEqual(options['check'], { by: 'http', path: '/health', interval: 2 * SECOND, timeout: SECOND, rise: 2, fall: 3 })
  const guards = hosts.find(({ name }) => name === 'guard')
  const shared = { virtual: ['10.0.0.101'], vrid: 1, priority: 100, interval: SECOND, preempt: true, enabled: true }
  assert.deepEqual(guards?.apps[0].options, shared)
})

describe('an author’s mistake is told with its path', () => {
  const MISTAKES: Readonly<Record<string, readonly [Source, RegExp]>> = {
    'a server that there is not': [scenario({ balancer: { backends: ['three:80'] } }), /^hosts\.balancer\.backends\[0\].*three/],
    'a name that there is not': [scenario({ balancer: { virtual: 'ww:80' } }), /^hosts\.balancer\.virtual/],
    'no port': [scenario({ balancer: { virtual: 'www' } }), /^hosts\.balancer\.virtual.*10\.0\.0\.100:80/],
    'an interval that VRRP cannot say': [
      scenario({ balancer: { failover: { interval: '15 ms' } } }),
      /^hosts\.balancer\.failover\.interval.*10 ms/,
    ],
    'a name that is a host’s': [
      scenario({ top: { names: { www: '10.0.0.100', one: '10.0.0.7' } } }),
      /^names\.one.*a name of its own/,
    ],
    'a host that has the address': [scenario({ hosts: { three: { address: '10.0.0.100' } } }), /^hosts\.three\.address.*www/],
    'an address that is none': [scenario({ top: { names: { www: '10.0.0.300' } } }), /^names\.www/],
  }
  for (const [name, [source, message]] of Object.entries(MISTAKES)) test(name, () => assert.match(refused(source), message))
})

test('knobs turn what a running balancer takes, and name the rest as needing a new start', () => {
  const knob = (sets: string, more: Source): Source => ({ label: 'A knob', sets, ...more })
  const knobs = {
    strategy: knob('hosts.balancer.strategy', { choices: ['maglev', 'round-robin'] }),
    weight: knob('hosts.balancer.backends[1].weight', { range: [1, 10] }),
    priority: knob('hosts.balancer.failover.priority', { range: [1, 254] }),
    mode: knob('hosts.balancer.mode', { choices: ['nat', 'dsr'] }),
  }
  const source = scenario({ balancer: { failover: {}, backends: ['one:80', { at: 'two:8080', weight: 2 }] }, top: { knobs } })
  const resolved = resolveScenario(source).knobs
  assert.deepEqual(
    resolved.map(({ name, applies }) => [name, applies]),
    [
      ['strategy', 'live'],
      ['weight', 'live'],
      ['priority', 'live'],
      ['mode', 'restart'],
    ],
  )
})
