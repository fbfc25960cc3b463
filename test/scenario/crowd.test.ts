import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseInterventions, writeInterventions } from '../../src/scenario/intervention-json.ts'
import { applyKnob } from '../../src/scenario/knob.ts'
import { memberName, readMemberName } from '../../src/scenario/member-name.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { decodeShareLink, encodeShareLink } from '../../src/scenario/share-link.ts'
import { formatIpv4 } from '../../src/wire/address.ts'
import { hostNamed, network, refusalOf, type Source } from './scenario-fixture.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'

const NO_END = Number.MAX_SAFE_INTEGER

function crowd(clients: Source, more: Source = {}, others: Record<string, unknown> = {}): Source {
  return network(
    { clients, hub: { kind: 'router' }, server: {}, ...others },
    [
      ['clients', 'hub'],
      ['hub', 'server'],
    ],
    more,
  )
}

const resolved = (clients: Source, more?: Source): ResolvedScenario => resolveScenario(crowd(clients, more))

/** What is refused, and how. */
function refused(source: unknown): [path: string, found: string, allowed: string] {
  const { path, found, allowed } = refusalOf(() => resolveScenario(source))
  return [path, found, allowed]
}

function cardOf(scenario: ResolvedScenario, name: string): string {
  const [{ address, prefix }] = hostNamed(scenario, name).interfaces
  return `${formatIpv4(address)}/${prefix}`
}

describe('addresses of a crowd', () => {
  test('the subnet is as large as it has to be, and the router is outside of the crowd', () => {
    const subnets: [number, string, string][] = [
      [1, '10.0.0.1/24', '10.0.0.254/24'],
      [250, '10.0.0.1/24', '10.0.0.254/24'],
      [254, '10.128.0.1/20', '10.128.15.254/20'],
      [4000, '10.128.0.1/20', '10.128.15.254/20'],
      [10_000, '10.128.0.1/16', '10.128.255.254/16'],
      [20_000, '10.128.0.1/16', '10.128.255.254/16'],
    ]
    for (const [replicas, first, router] of subnets) {
      const scenario = resolved({ replicas })
      assert.deepEqual([cardOf(scenario, 'clients'), cardOf(scenario, 'hub')], [first, router])
      assert.equal(hostNamed(scenario, 'clients').replicas, replicas)
    }
  })

  test('several crowds on one segment, and others among them, do not overlap', () => {
    const scenario = resolveScenario(
      network(
        {
          a: { replicas: 5000 },
          b: { address: '10.128.40.0/16' },
          c: { replicas: 9000 },
          d: { replicas: 20_000 },
          lan: { kind: 'switch' },
        },
        ['a', 'b', 'c', 'd'].map((name) => [name, 'lan']),
      ),
    )
    const ranges = scenario.hosts
      .filter(({ kind }) => kind !== 'switch')
      .map(({ interfaces: [{ address }], replicas = 1 }) => [address, address + replicas - 1])
      .sort(([one], [other]) => one - other)
    ranges.slice(1).forEach(([start], index) => assert.ok(start > ranges[index][1], `${formatIpv4(start)} is in use`))
    assert.deepEqual(cardOf(scenario, 'b'), '10.128.40.0/16')
    // Ten thousand fit below the one that is in the way.
    assert.deepEqual([cardOf(scenario, 'a'), cardOf(scenario, 'c')], ['10.128.0.1/16', '10.128.40.1/16'])
  })

  test('an address of the author is that of the first member; the prefix that is left open is short enough', () => {
    assert.equal(cardOf(resolved({ replicas: 3000, address: '10.7.0.10' }), 'clients'), '10.7.0.10/20')
    assert.equal(cardOf(resolved({ replicas: 3000, address: '10.7.0.10/16' }), 'clients'), '10.7.0.10/16')
    assert.deepEqual(refused(crowd({ replicas: 300, address: '10.7.0.10/24' })), [
      'hosts.clients.address',
      '"10.7.0.10/24"',
      'an address that leaves room for 300 members in 10.7.0.0/24, or a shorter prefix',
    ])
  })

  test('an address in the middle of the crowd is refused', () => {
    const source = crowd({ replicas: 300, address: '10.7.0.10/16' }, {}, { server: {}, spy: { address: '10.7.1.1/16' } })
    const links = [...(source['links'] as unknown[]), { between: ['spy', 'hub'] }]
    assert.deepEqual(refused({ ...source, links }), [
      'hosts.spy.address',
      '"10.7.1.1/16"',
      'addresses of its own, one for each member; hosts.clients has some of these',
    ])
  })

  test('more than fit into the subnet are refused', () => {
    const [path, found, allowed] = refused(
      crowd({ replicas: 5000 }, {}, { hub: { kind: 'router', addresses: { 'clients-hub': '10.3.0.1/20' } } }),
    )
    assert.deepEqual(
      [path, found, allowed],
      ['hosts.clients', '5001 interfaces in 10.3.0.0/20', 'at most 4094; a shorter prefix holds more'],
    )
  })

  test('those who have everybody entered by hand have every member', () => {
    const scenario = resolveScenario(
      network({ clients: { replicas: 300 }, lan: { kind: 'switch' }, server: { staticArp: true } }, [
        ['clients', 'lan'],
        ['server', 'lan'],
      ]),
    )
    const [{ address, mac }] = hostNamed(scenario, 'clients').interfaces
    const entries = hostNamed(scenario, 'server').interfaces[0].staticArp ?? []
    assert.deepEqual(
      entries,
      Array.from({ length: 300 }, (_, member) => ({ address: address + member, mac: mac + member })),
    )
  })

  test('its name leads to the first member', () => {
    const scenario = resolved({ replicas: 300 })
    assert.deepEqual(hostNamed(scenario, 'server').names['clients'], [hostNamed(scenario, 'clients').interfaces[0].address])
  })

  test('it speaks IPv4 where others speak both', () => {
    const scenario = resolved({ replicas: 3 }, { ip: 'dual' })
    assert.equal(hostNamed(scenario, 'clients').interfaces[0].address6, undefined)
    assert.equal(hostNamed(scenario, 'clients').routes6, undefined)
    assert.ok(hostNamed(scenario, 'server').interfaces[0].address6 !== undefined, 'others have one')
  })
})

describe('what a crowd is made of', () => {
  test('what is not said is usual: on the link itself, and brief', () => {
    const { replicas, access, trace } = hostNamed(resolved({ replicas: 2 }), 'clients')
    assert.deepEqual([replicas, access, trace], [2, undefined, 'brief'])
    assert.equal(hostNamed(resolved({ replicas: 2, trace: 'full' }), 'clients').trace, undefined)
    const lone = hostNamed(resolved({}), 'clients')
    assert.deepEqual(['replicas' in lone, 'access' in lone, 'trace' in lone], [false, false, false])
    assert.equal(hostNamed(resolved({ trace: 'brief' }), 'clients').trace, 'brief')
  })

  test('lines of its members', () => {
    const accessOf = (access: Source) => hostNamed(resolved({ replicas: 2, access }), 'clients').access
    assert.deepEqual(accessOf({}), { rate: 0, delay: [0, 0] })
    assert.deepEqual(accessOf({ rate: '50 Mbit/s', delay: '20 ms' }), { rate: 50e6, delay: [20e6, 20e6] })
    assert.deepEqual(accessOf({ delay: ['5 ms', '60 ms'] }), { rate: 0, delay: [5e6, 60e6] })
  })

  test('the queue of its link has no end, unless the author says so', () => {
    const queues = (more: Source): number[] => {
      const source = crowd({ replicas: 2 })
      const [first, ...others] = source['links'] as Source[]
      return resolveScenario({ ...source, links: [{ ...first, ...more }, ...others] }).links[0].settings.flatMap(
        ({ queueBytes, queueFrames }) => [queueBytes, queueFrames],
      )
    }
    assert.deepEqual(queues({}), [NO_END, NO_END, NO_END, NO_END])
    assert.deepEqual(queues({ queue: '20 packets' }), [NO_END, 20, NO_END, 20])
    assert.deepEqual(queues({ backward: { queue: '64 KiB' } }), [NO_END, NO_END, 65_536, NO_END])
    assert.equal(resolved({}).links[0].settings[0].queueFrames, 1000, 'of another link it is the usual one')
  })

  test('what cannot be is refused with words that help', () => {
    const two = network({ clients: { replicas: 5 }, a: {}, b: {} }, [
      ['clients', 'a'],
      ['clients', 'b'],
    ])
    assert.deepEqual(refused(two), [
      'hosts.clients.replicas',
      'a crowd on 2 links, clients-a or clients-b',
      'exactly one link, which all members share',
    ])
    for (const [kind, words] of [
      ['router', 'routers'],
      ['switch', 'switches'],
    ])
      assert.deepEqual(refused(crowd({ replicas: 5, kind })), [
        'hosts.clients.replicas',
        `a crowd of ${words}`,
        'a crowd of hosts',
      ])
    for (const replicas of [0, -1, 2.5, 20_001, '10', null, [5]]) {
      const [path, , allowed] = refused(crowd({ replicas }))
      assert.deepEqual([path, allowed], ['hosts.clients.replicas', 'a whole number from 1 to 20,000'])
    }
    assert.deepEqual(refused(crowd({ access: { delay: '5 ms' } })).slice(0, 2), [
      'hosts.clients.access',
      'a line without a crowd',
    ])
    assert.match(refused(crowd({ replicas: 2, access: { delay: ['60 ms', '5 ms'] } }))[2], /the least first/)
    for (const delay of [['5 ms'], ['5 ms', '6 ms', '7 ms'], 5, ['5 ms', 6], '5'])
      assert.match(refused(crowd({ replicas: 2, access: { delay } }))[0], /^hosts\.clients\.access\.delay/)
    assert.match(refused(crowd({ replicas: 2, access: { dellay: '5 ms' } }))[2], /delay perhaps/)
    assert.deepEqual(refused(crowd({ replicas: 2, trace: 'short' }))[0], 'hosts.clients.trace')
    assert.deepEqual(refused(crowd({ replicas: 2, ip: 'dual' })), [
      'hosts.clients.ip',
      'ip: "dual"',
      '"v4", for crowds speak IPv4',
    ])
    assert.deepEqual(refused(crowd({ replicas: 2 }, { ip: 'v6' }))[0], 'hosts.clients.replicas')
    assert.deepEqual(refused(crowd({ replicas: 2, address6: '2001:db8::1/64' }))[0], 'hosts.clients.address6')
  })
})

describe('knobs of a crowd', () => {
  const source = crowd(
    { replicas: 100, access: { delay: '20 ms' } },
    {
      knobs: {
        size: { label: 'Clients', range: [1, 20_000], sets: 'hosts.clients.replicas' },
        delay: { label: 'Delay', range: ['1 ms', '200 ms'], sets: 'hosts.clients.access.delay' },
      },
    },
  )

  test('its size needs the run to start anew', () => {
    const scenario = resolveScenario(source, { knobs: { size: 12_000 } })
    assert.equal(hostNamed(scenario, 'clients').replicas, 12_000)
    assert.equal(cardOf(scenario, 'clients'), '10.128.0.1/16')
    assert.equal(scenario.knobs[0].applies, 'restart')
    assert.equal(resolveScenario(source).knobs[0].value, 100)
  })

  test('the delay of its lines acts live', () => {
    const scenario = resolveScenario(source, { knobs: { delay: '50 ms' } })
    assert.deepEqual(hostNamed(scenario, 'clients').access, { rate: 0, delay: [50e6, 50e6] })
    assert.equal(scenario.knobs[1].applies, 'live')
    assert.deepEqual(applyKnob(scenario, 'delay', '70 ms'), [
      { kind: 'host', host: 'clients', path: 'access.delay', value: 70e6 },
    ])
  })

  test('where there are no lines, they have to be laid first', () => {
    const knobs = { delay: { label: 'Delay', range: ['1 ms', '200 ms'], value: '5 ms', sets: 'hosts.clients.access.delay' } }
    const scenario = resolveScenario(crowd({ replicas: 3 }, { knobs }))
    assert.deepEqual(hostNamed(scenario, 'clients').access, { rate: 0, delay: [5e6, 5e6] })
  })
})

describe('interventions on one member', () => {
  const scenario = resolved({ replicas: 40 })
  const written = [
    { at: '1 s', kill: 'clients[0]' },
    { at: '2 s', restart: 'clients[39]' },
    { at: '3 s', pause: 'clients[7]' },
    { at: '4 s', resume: 'clients[7]' },
    { at: '5 s', watch: 'clients[7]' },
    { at: '6 s', unwatch: 'clients[7]' },
    { at: '7 s', watch: 'server' },
    { at: '8 s', host: { name: 'clients[3]', perPacket: '1 ms' } },
    { at: '9 s', kill: 'clients' },
  ]

  test('are read, written, and travel in links', () => {
    const list = parseInterventions(written, scenario)
    assert.deepEqual(list[0], { at: 1e9, kill: 'clients[0]' })
    assert.deepEqual(writeInterventions(list, scenario), written)
    const shared = decodeShareLink(encodeShareLink({ scenario, log: list }))
    assert.deepEqual(parseInterventions(shared?.log, scenario), list satisfies Intervention[])
  })

  test('a member that there is not is refused', () => {
    const allowed = '"clients", or a member of it, "clients[0]" to "clients[39]"'
    assert.deepEqual(
      [refusalOf(() => parseInterventions([{ at: '1 s', kill: 'clients[40]' }], scenario))].map(
        ({ path, found, allowed: may }) => [path, found, may],
      ),
      [['[0].kill', '"clients[40]"', allowed]],
    )
    for (const name of [
      'server[0]',
      'clients[-1]',
      'clients[01]',
      'clients[]',
      'clients[1.5]',
      'clients[1',
      'clients1]',
      'nobody[1]',
      '[1]',
      'clients[1][1]',
      'clients[9999999]',
      7,
      null,
    ]) {
      const { path } = refusalOf(() => parseInterventions([{ at: '1 s', watch: name }], scenario))
      assert.equal(path, '[0].watch', String(name))
    }
  })

  test('names of members', () => {
    assert.deepEqual(readMemberName('clients[37]'), { host: 'clients', member: 37 })
    assert.deepEqual(readMemberName('clients'), { host: 'clients' })
    for (const name of ['clients[37]', 'clients[0]', 'clients', 'odd[01]']) assert.equal(memberName(readMemberName(name)), name)
  })
})
