import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { formatIp, formatIpv6 } from '../../src/wire/address.ts'
import { hostNamed, network, refusalOf } from './scenario-fixture.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'

type Links = Parameters<typeof network>[1]

const resolve = (hosts: Record<string, object>, links: Links, ip?: 'v4' | 'v6' | 'dual'): ResolvedScenario =>
  resolveScenario({ ...network(hosts, links), ...(ip !== undefined && { ip }) })
const refuse = (hosts: Record<string, object>, links: Links, ip?: 'v4' | 'v6' | 'dual') =>
  refusalOf(() => resolve(hosts, links, ip))

const addresses = (scenario: ResolvedScenario, name: string): string[] =>
  hostNamed(scenario, name).interfaces.map(({ address, address6, prefix6 }) =>
    [
      ...(address === 0 ? [] : [formatIp(address)]),
      ...(address6 === undefined ? [] : [`${formatIpv6(address6)}/${prefix6}`]),
    ].join(' '),
  )
const routes6 = (scenario: ResolvedScenario, name: string): string[] =>
  (hostNamed(scenario, name).routes6 ?? []).map(
    ({ destination, prefix, via, port }) =>
      `${formatIpv6(destination)}/${prefix} ${via === 0n ? 'direct' : formatIpv6(via)} eth${port}`,
  )
const routes4 = (scenario: ResolvedScenario, name: string): string[] =>
  hostNamed(scenario, name).routes.map(
    ({ destination, prefix, via, port }) =>
      `${formatIp(destination)}/${prefix} ${via === 0 ? 'direct' : formatIp(via)} eth${port}`,
  )

const HOME: Links = [
  ['alice', 'router'],
  ['router', 'bob'],
]
const home = (more: Record<string, object> = {}): Record<string, object> => ({
  alice: {},
  router: { kind: 'router' },
  bob: {},
  ...more,
})

describe('automatic IPv6 addresses', () => {
  test('nothing of IPv6 where nobody asks for it', () => {
    const scenario = resolve(home(), HOME)
    for (const { interfaces, routes6: routes } of scenario.hosts) {
      assert.equal(routes, undefined)
      for (const card of interfaces)
        assert.deepEqual(Object.keys(card), ['name', 'link', 'end', 'mac', 'address', 'prefix', 'mtu'])
    }
  })

  test('dual: both, with routes and names of both, IPv6 first', () => {
    const scenario = resolve(home(), HOME, 'dual')
    assert.deepEqual(addresses(scenario, 'alice'), ['10.0.0.1 2001:db8::1/64'])
    assert.deepEqual(addresses(scenario, 'router'), ['10.0.0.254 2001:db8::fe/64', '10.0.1.254 2001:db8:0:1::fe/64'])
    assert.deepEqual(routes6(scenario, 'alice'), ['2001:db8::/64 direct eth0', '::/0 2001:db8::fe eth0'])
    assert.deepEqual(routes6(scenario, 'router'), ['2001:db8::/64 direct eth0', '2001:db8:0:1::/64 direct eth1'])
    assert.deepEqual(hostNamed(scenario, 'alice').names['bob']?.map(formatIp), ['2001:db8:0:1::1', '10.0.1.1'])
  })

  test('v6: no IPv4 at all', () => {
    const scenario = resolve(home(), HOME, 'v6')
    assert.deepEqual(addresses(scenario, 'alice'), ['2001:db8::1/64'])
    assert.deepEqual(routes4(scenario, 'router'), [])
    assert.deepEqual(hostNamed(scenario, 'alice').names['bob']?.map(formatIp), ['2001:db8:0:1::1'])
  })

  test('one host says otherwise than the scenario; an address6 alone makes a host dual', () => {
    const scenario = resolve(home({ alice: { ip: 'v4' } }), HOME, 'dual')
    assert.deepEqual(addresses(scenario, 'alice'), ['10.0.0.1'])
    assert.deepEqual(hostNamed(scenario, 'alice').names['bob']?.map(formatIp), ['10.0.1.1'])
    assert.deepEqual(hostNamed(scenario, 'bob').names['alice']?.map(formatIp), ['10.0.0.1'])
    const some = resolve({ a: { address6: 'fd00::5/64' }, b: {} }, [['a', 'b']])
    assert.deepEqual([addresses(some, 'a'), addresses(some, 'b')], [['10.0.0.1 fd00::5/64'], ['10.0.0.2']])
  })

  test('beside given addresses the free ones are given out', () => {
    const links: Links = [
      ['alice', 'switch'],
      ['carol', 'switch'],
      ['switch', 'router'],
      ['router', 'bob'],
    ]
    const given = { alice: { address6: '2001:db8:0:1::1/64' }, carol: {}, switch: { kind: 'switch' } }
    const scenario = resolve(home(given), links, 'v6')
    assert.deepEqual(
      ['alice', 'carol', 'router', 'bob'].map((name) => addresses(scenario, name)),
      [['2001:db8:0:1::1/64'], ['2001:db8:0:1::2/64'], ['2001:db8:0:1::fe/64', '2001:db8:0:2::fe/64'], ['2001:db8:0:2::1/64']],
    )
  })

  test('a crowd of 300 is numbered on past the routers', () => {
    const crowd = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`c${i}`, {}]))
    const links: Links = [
      ...Object.keys(crowd).map((name): [string, string] => [name, 'switch']),
      ['switch', 'router'],
      ['router', 'bob'],
    ]
    const scenario = resolve({ router: { kind: 'router' }, bob: {}, switch: { kind: 'switch' }, ...crowd }, links, 'v6')
    const all = scenario.hosts.flatMap(({ interfaces }) => interfaces.flatMap(({ address6 }) => address6 ?? []))
    assert.equal(new Set(all).size, 303)
  })
})

describe('addresses by router advertisement', () => {
  const auto = home({ alice: { address6: 'auto' }, router: { kind: 'router', advertises: true } })

  test('the address that the host is going to have, without routes: those it learns', () => {
    const scenario = resolve(auto, HOME, 'dual')
    const alice = hostNamed(scenario, 'alice')
    assert.deepEqual(addresses(scenario, 'alice'), ['10.0.0.1 2001:db8::ff:fe01:0/64'])
    assert.equal(alice.interfaces[0].automatic6, true)
    assert.deepEqual(alice.routes6, [])
    assert.equal(hostNamed(scenario, 'router').advertises, true)
    assert.deepEqual(hostNamed(scenario, 'bob').names['alice']?.map(formatIp), ['2001:db8::ff:fe01:0', '10.0.0.1'])
  })

  test('what cannot be is told', () => {
    assert.match(
      refuse(home({ alice: { address6: 'auto' } }), HOME, 'dual').allowed,
      /router on a link of alice has advertises: true/,
    )
    assert.match(refuse(home({ alice: { advertises: true } }), HOME, 'dual').allowed, /false on anything but a router/)
    const long = { ...auto, router: { kind: 'router', advertises: true, addresses6: { 'alice-router': '2001:db8:1::1/80' } } }
    assert.match(refuse(long, HOME, 'dual').allowed, /"auto" takes a prefix of 64 bits/)
    const lazy = { ...auto, router: { kind: 'router', advertises: true, addresses6: { 'alice-router': 'auto' } } }
    assert.match(refuse(lazy, HOME, 'dual').allowed, /a router does not get its own from others/)
  })
})

describe('IPv6 addresses that cannot be', () => {
  const two = (a: object, b: object = {}) => refuse({ a, b }, [['a', 'b']], 'dual')

  test('each is refused with its path, and with what may stand there', () => {
    for (const bad of [
      'ff02::1/64',
      'fe80::1/64',
      '::1/64',
      '::/64',
      '1::2::3',
      '2001:db8::1/200',
      '2001:db8::1/8',
      '64:ff9b::1/96',
    ]) {
      const refusal = two({ address6: bad })
      assert.equal(refusal.path, 'hosts.a.address6', bad)
      assert.ok(refusal.allowed.length > 10, bad)
    }
  })

  test('two hosts with one address, two subnets on one link, one subnet on two links, a router’s anycast address', () => {
    assert.match(
      two({ address6: '2001:db8::5/64' }, { address6: '2001:db8::5/64' }).allowed,
      /an address of its own; hosts\.a has this one/,
    )
    assert.match(
      two({ address6: '2001:db8:1::5/64' }, { address6: '2001:db8:2::5/64' }).allowed,
      /2001:db8:1::\/64, the subnet of a on/,
    )
    assert.match(two({ address6: '2001:db8:1::5/64' }, { address6: '2001:db8:1::6/80' }).allowed, /2001:db8:1::\/64/)
    assert.match(two({ address6: '2001:db8::/64' }).allowed, /any of its routers/)
    const both = home({ alice: { address6: '2001:db8::5/64' }, bob: { address6: '2001:db8::6/64' } })
    assert.match(refuse(both, HOME, 'dual').allowed, /outside 2001:db8::\/64, for that subnet is on another segment/)
  })

  test('of a host that does not speak it, of one with several links, of a switch, of a link that is none', () => {
    assert.match(two({ ip: 'v4', address6: '2001:db8::5/64' }).allowed, /speaks IPv4 only/)
    assert.match(two({ ip: 'v6', address: '10.0.0.1/24' }).allowed, /speaks IPv6 only/)
    assert.match(
      refuse(home({ router: { kind: 'router', address6: '2001:db8::1/64' } }), HOME, 'dual').allowed,
      /addresses6 by link/,
    )
    assert.match(
      refuse(home({ router: { kind: 'router', addresses6: { x: '2001:db8::1/64' } } }), HOME, 'dual').allowed,
      /name of a link/,
    )
    const switched = refuse(
      { a: {}, b: {}, s: { kind: 'switch', address6: '2001:db8::1/64' } },
      [
        ['a', 's'],
        ['s', 'b'],
      ],
      'dual',
    )
    assert.equal(switched.path, 'hosts.s.address6')
  })
})

describe('routing tables as written', () => {
  const LINE: Links = [
    ['alice', 'r1'],
    ['r1', 'r2'],
    ['r2', 'bob'],
  ]
  const line = (more: Record<string, object>): Record<string, object> => ({
    alice: {},
    r1: { kind: 'router' },
    r2: { kind: 'router' },
    bob: {},
    ...more,
  })

  test('they take the place of the automatic ones, of the version that they are for', () => {
    const routes = [
      { to: '10.0.2.0/24', via: 'r2' },
      { to: '10.0.2.128/25', via: '10.0.1.77' },
    ]
    const scenario = resolve(line({ r1: { kind: 'router', routes } }), LINE, 'dual')
    assert.deepEqual(routes4(scenario, 'r1'), [
      '10.0.2.128/25 10.0.1.77 eth1',
      '10.0.0.0/24 direct eth0',
      '10.0.1.0/24 direct eth1',
      '10.0.2.0/24 10.0.1.2 eth1',
    ])
    assert.deepEqual(routes6(scenario, 'r1').at(-1), '2001:db8:0:2::/64 2001:db8:0:1::2 eth1')
  })

  test('"default" by name is for both versions; by address for one', () => {
    const by = (via: string): ResolvedScenario => resolve(line({ alice: { routes: [{ to: 'default', via }] } }), LINE, 'dual')
    assert.equal(routes4(by('r1'), 'alice').at(-1), '0.0.0.0/0 10.0.0.254 eth0')
    assert.equal(routes6(by('r1'), 'alice').at(-1), '::/0 2001:db8::fe eth0')
    assert.equal(routes6(by('2001:db8::99'), 'alice').at(-1), '::/0 2001:db8::99 eth0')
    assert.equal(routes4(by('2001:db8::99'), 'alice').at(-1), '0.0.0.0/0 10.0.0.254 eth0')
  })

  test('what cannot be is told', () => {
    const told = (to: string, via: string) => refuse(line({ alice: { routes: [{ to, via }] } }), LINE, 'dual')
    assert.match(told('10.2.0.1/16', 'r1').allowed, /"10\.2\.0\.0\/16"/)
    assert.match(told('2001:db8:2::1/48', 'r1').allowed, /"2001:db8:2::\/48"/)
    assert.match(told('10.2.0.0/33', 'r1').allowed, /a network such as/)
    assert.match(told('10.2.0.0/16', 'r2').allowed, /a router on a link of alice: 10\.0\.0\.254/)
    assert.match(told('10.2.0.0/16', 'bob').allowed, /a router on a link of alice/)
    assert.match(told('10.2.0.0/16', '192.0.2.1').allowed, /on a network of its own: 10\.0\.0\.0\/24/)
    assert.match(told('10.2.0.0/16', '2001:db8::fe').allowed, /of the version of 10\.2\.0\.0\/16/)
    assert.equal(told('10.2.0.0/16', 'r2').path, 'hosts.alice.routes[0].via')
  })

  test('a mistaken prefix is the host’s own business: its table says so, and nobody else’s', () => {
    const scenario = resolve(
      {
        a: { address: '10.0.0.10/25', mistakenPrefix: 24 },
        r: { kind: 'router', addresses: { 'a-r': '10.0.0.126/25', 'r-b': '10.0.0.254/25' } },
        b: { address: '10.0.0.130/25' },
      },
      [
        ['a', 'r'],
        ['r', 'b'],
      ],
    )
    assert.deepEqual(routes4(scenario, 'a'), ['10.0.0.0/24 direct eth0', '0.0.0.0/0 10.0.0.126 eth0'])
    assert.deepEqual(routes4(scenario, 'b'), ['10.0.0.128/25 direct eth0', '0.0.0.0/0 10.0.0.254 eth0'])
    assert.equal(hostNamed(scenario, 'a').interfaces[0].prefix, 24)
  })
})

describe('IPv6 in what applications are told', () => {
  const visit = (visits: unknown) => network({ a: { app: 'browser', visits }, b: {} }, [['a', 'b']])

  test('addresses in brackets in URLs, bare for ping, in brackets with a port for scripts', () => {
    for (const url of ['http://[2001:db8::1]/', 'http://[2001:db8::1]:8080/x', 'http://b/', 'http://10.0.0.1/']) {
      assert.ok(resolveScenario(visit(url)))
    }
    const other = (app: object) => resolveScenario(network({ a: app, b: {} }, [['a', 'b']]))
    assert.ok(other({ app: 'ping', to: '2001:db8::1', version: 6 }))
    assert.ok(other({ app: 'socket-script', connect: '[2001:db8::1]:80', steps: [] }))
  })

  test('what is no address is told', () => {
    for (const url of ['http://[2001:db8::1/', 'http://[10.0.0.1]/', 'http://[1::2::3]/', 'http://2001:db8::1/', 'http://[b]/']) {
      assert.equal(refusalOf(() => resolveScenario(visit(url))).path, 'hosts.a.visits', url)
    }
    const ping = refusalOf(() => resolveScenario(network({ a: { app: 'ping', to: '1:2:3' }, b: {} }, [['a', 'b']])))
    assert.equal(ping.path, 'hosts.a.to')
    const version = refusalOf(() => resolveScenario(network({ a: { app: 'ping', to: 'b', version: 5 }, b: {} }, [['a', 'b']])))
    assert.match(version.allowed, /4, 6/)
  })
})
