import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { formatIpv4, type IpAddress } from '../../src/wire/address.ts'
import { hostNamed, network, refusalOf } from './scenario-fixture.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'

const addressesOf = (scenario: ResolvedScenario, name: string): string[] =>
  hostNamed(scenario, name).interfaces.map(({ address, prefix }) => `${formatIpv4(address)}/${prefix}`)

const routesOf = (scenario: ResolvedScenario, name: string): string[] =>
  hostNamed(scenario, name).routes.map(
    ({ destination, prefix, via, port }) =>
      `${formatIpv4(destination)}/${prefix} ${via === 0 ? 'direct' : formatIpv4(via)} eth${port}`,
  )

/** Sends a packet along the routes, as hosts would. @returns names of the hosts that it passes, or 'lost' at the end */
function trace(scenario: ResolvedScenario, from: string, [target]: readonly IpAddress[]): string[] {
  const to = Number(target)
  const path = [from]
  let host = hostNamed(scenario, from)
  for (let hops = 0; hops < 64; hops++) {
    if (host.interfaces.some(({ address }) => address === to)) return path
    if (hops > 0 && host.kind !== 'router') break
    const route = host.routes.find(
      ({ destination, prefix }) =>
        prefix === 0 || Math.floor(to / 2 ** (32 - prefix)) === Math.floor(destination / 2 ** (32 - prefix)),
    )
    if (route === undefined) break
    const next = route.via === 0 ? to : route.via
    const neighbour = scenario.hosts.find(({ interfaces }) => interfaces.some(({ address }) => address === next))
    if (neighbour === undefined) break
    host = neighbour
    path.push(host.name)
  }
  return [...path, 'lost']
}

test('a star of end hosts around a router: one subnet a link, default routes', () => {
  const scenario = resolveScenario(
    network({ hub: { kind: 'router' }, a: {}, b: {}, c: { app: 'ping', to: 'a' } }, [
      ['a', 'hub'],
      ['hub', 'b'],
      ['c', 'hub'],
    ]),
  )
  assert.deepEqual(addressesOf(scenario, 'hub'), ['10.0.0.254/24', '10.0.1.254/24', '10.0.2.254/24'])
  assert.deepEqual(addressesOf(scenario, 'b'), ['10.0.1.1/24'])
  assert.deepEqual(routesOf(scenario, 'c'), ['10.0.2.0/24 direct eth0', '0.0.0.0/0 10.0.2.254 eth0'])
  assert.deepEqual(routesOf(scenario, 'hub'), ['10.0.0.0/24 direct eth0', '10.0.1.0/24 direct eth1', '10.0.2.0/24 direct eth2'])
  assert.deepEqual(trace(scenario, 'c', hostNamed(scenario, 'c').names['a']), ['c', 'hub', 'a'])
})

test('a switched segment is one subnet, and its switch has no addresses', () => {
  const scenario = resolveScenario(
    network({ a: {}, b: {}, s1: { kind: 'switch' }, s2: { kind: 'switch' }, r: { kind: 'router' }, far: {} }, [
      ['a', 's1'],
      ['b', 's2'],
      ['s1', 's2'],
      ['s2', 'r'],
      ['r', 'far'],
    ]),
  )
  assert.deepEqual(addressesOf(scenario, 'a'), ['10.0.0.1/24'])
  assert.deepEqual(addressesOf(scenario, 'b'), ['10.0.0.2/24'])
  assert.deepEqual(addressesOf(scenario, 'r'), ['10.0.0.254/24', '10.0.1.254/24'])
  assert.deepEqual(addressesOf(scenario, 's1'), ['0.0.0.0/0', '0.0.0.0/0'])
  assert.deepEqual(hostNamed(scenario, 's1').routes, [])
  assert.deepEqual(hostNamed(scenario, 's1').names, {})
  assert.deepEqual(Object.keys(hostNamed(scenario, 'a').names), ['a', 'b', 'r', 'far'])
  assert.deepEqual(trace(scenario, 'a', hostNamed(scenario, 'a').names['far']), ['a', 'r', 'far'])
})

test('a chain of routers: packets go the whole way and back', () => {
  const scenario = resolveScenario(
    network({ left: {}, r1: { kind: 'router' }, r2: { kind: 'router' }, r3: { kind: 'router' }, right: {} }, [
      ['left', 'r1'],
      ['r1', 'r2'],
      ['r2', 'r3'],
      ['r3', 'right'],
    ]),
  )
  assert.deepEqual(addressesOf(scenario, 'r2'), ['10.0.1.2/24', '10.0.2.1/24'], 'among routers addresses count from below')
  assert.deepEqual(trace(scenario, 'left', hostNamed(scenario, 'left').names['right']), ['left', 'r1', 'r2', 'r3', 'right'])
  assert.deepEqual(trace(scenario, 'right', hostNamed(scenario, 'right').names['left']), ['right', 'r3', 'r2', 'r1', 'left'])
  assert.deepEqual(
    hostNamed(scenario, 'left').names['r2'],
    [hostNamed(scenario, 'r2').interfaces[0].address],
    'the near side of a router',
  )
})

test('a ring of routers: the shorter way round, and the first of two equal ones', () => {
  const routers = ['r0', 'r1', 'r2', 'r3', 'r4', 'r5']
  const hosts = { ...Object.fromEntries(routers.map((name) => [name, { kind: 'router' }] as const)), a: {}, b: {}, c: {} }
  const ring = routers.map((name, index) => [name, routers[(index + 1) % routers.length]])
  const scenario = resolveScenario(network(hosts, [...ring, ['a', 'r0'], ['b', 'r2'], ['c', 'r3']]))
  const way = (from: string, to: string): string[] => trace(scenario, from, hostNamed(scenario, from).names[to])
  assert.deepEqual(way('a', 'b'), ['a', 'r0', 'r1', 'r2', 'b'])
  assert.deepEqual(way('b', 'a'), ['b', 'r2', 'r1', 'r0', 'a'])
  assert.deepEqual(way('a', 'c'), ['a', 'r0', 'r1', 'r2', 'r3', 'c'], 'r0 prefers its first port')
})

test('a host of two interfaces finds each network by its own', () => {
  const scenario = resolveScenario(
    network({ phone: {}, wifi: { kind: 'router' }, cell: { kind: 'router' }, shop: {}, bank: {} }, [
      ['phone', 'wifi'],
      ['phone', 'cell'],
      ['wifi', 'shop'],
      ['cell', 'bank'],
    ]),
  )
  assert.deepEqual(trace(scenario, 'phone', hostNamed(scenario, 'phone').names['shop']), ['phone', 'wifi', 'shop'])
  assert.deepEqual(trace(scenario, 'phone', hostNamed(scenario, 'phone').names['bank']), ['phone', 'cell', 'bank'])
  assert.deepEqual(hostNamed(scenario, 'shop').names['phone'], [hostNamed(scenario, 'phone').interfaces[0].address])
  assert.deepEqual(hostNamed(scenario, 'bank').names['phone'], [hostNamed(scenario, 'phone').interfaces[1].address])
  assert.deepEqual(
    trace(scenario, 'shop', hostNamed(scenario, 'bank').names['phone']),
    ['shop', 'wifi', 'lost'],
    'a host does not forward',
  )
})

test('a given gateway takes all that is not near', () => {
  const hosts = { a: { gateway: 'r2' }, s: { kind: 'switch' }, r1: { kind: 'router' }, r2: { kind: 'router' }, b: {} }
  const links = [
    ['a', 's'],
    ['s', 'r1'],
    ['s', 'r2'],
    ['r1', 'b'],
    ['r2', 'b'],
  ]
  const scenario = resolveScenario(network(hosts, links))
  assert.deepEqual(routesOf(scenario, 'a'), ['10.0.0.0/24 direct eth0', '0.0.0.0/0 10.0.0.253 eth0'])
  const byAddress = resolveScenario(network({ ...hosts, a: { gateway: '10.0.0.253' } }, links))
  assert.deepEqual(routesOf(byAddress, 'a'), routesOf(scenario, 'a'))
  const without = resolveScenario(network({ ...hosts, a: {} }, links))
  assert.deepEqual(routesOf(without, 'a'), [
    '10.0.0.0/24 direct eth0',
    '10.0.1.0/24 10.0.0.254 eth0',
    '10.0.2.0/24 10.0.0.253 eth0',
    '0.0.0.0/0 10.0.0.254 eth0',
  ])
  assert.match(
    refusalOf(() => resolveScenario(network({ ...hosts, a: { gateway: 'b' } }, links))).allowed,
    /10\.0\.0\.254, 10\.0\.0\.253/,
  )
})

test('addresses given by the author are kept, the others go around them', () => {
  const scenario = resolveScenario(
    network(
      {
        a: { address: '192.168.1.1/26' },
        b: {},
        s: { kind: 'switch' },
        r: { kind: 'router', addresses: { 's-r': '192.168.1.2' } },
        c: {},
      },
      [
        ['a', 's'],
        ['b', 's'],
        ['s', 'r'],
        ['r', 'c'],
      ],
    ),
  )
  assert.deepEqual(addressesOf(scenario, 'b'), ['192.168.1.3/26'])
  assert.deepEqual(addressesOf(scenario, 'r'), ['192.168.1.2/26', '10.0.1.254/24'])
})

test('an automatic subnet keeps clear of those that are given', () => {
  const scenario = resolveScenario(
    network({ a: {}, r: { kind: 'router' }, b: { address: '10.0.0.7/16' } }, [
      ['a', 'r'],
      ['r', 'b'],
    ]),
  )
  assert.deepEqual(addressesOf(scenario, 'a'), ['10.1.0.1/24'])
})

test('two segments of one subnet are refused, and so is a segment that is full', () => {
  const twice = network({ a: { address: '10.9.0.1/24' }, r: { kind: 'router' }, b: { address: '10.9.0.2/24' } }, [
    ['a', 'r'],
    ['r', 'b'],
  ])
  const overlap = refusalOf(() => resolveScenario(twice))
  assert.equal(overlap.path, 'hosts.b.address')
  assert.match(overlap.allowed, /outside 10\.9\.0\.0\/24, for that subnet is on another segment, link a-r/)
  const full = network({ a: { address: '10.9.0.1/30' }, s: { kind: 'switch' }, b: {}, c: {} }, [
    ['a', 's'],
    ['b', 's'],
    ['c', 's'],
  ])
  assert.match(refusalOf(() => resolveScenario(full)).found, /3 interfaces in 10\.9\.0\.0\/30/)
})

test('a crowd on one switch gets a subnet that holds it', () => {
  const crowd = Array.from({ length: 400 }, (_, index) => `h${index}`)
  const hosts = { s: { kind: 'switch' }, ...Object.fromEntries(crowd.map((name) => [name, {}] as const)) }
  const scenario = resolveScenario(
    network(
      hosts,
      crowd.map((name) => [name, 's']),
    ),
  )
  assert.deepEqual(addressesOf(scenario, 'h399'), ['10.128.1.144/20'])
})

test('an address of a router needs its link named', () => {
  const source = network({ a: {}, r: { kind: 'router', address: '10.0.0.1/24' }, b: {} }, [
    ['a', 'r'],
    ['r', 'b'],
  ])
  assert.match(refusalOf(() => resolveScenario(source)).allowed, /addresses by link instead, for r has several: a-r, r-b/)
})

test('two links between the same hosts need names, and get subnets of their own', () => {
  const links = [
    { between: ['a', 'b'], name: 'fast' },
    { between: ['a', 'b'], name: 'slow', delay: '1 s' },
  ]
  const scenario = resolveScenario({ id: 'x', title: 'X', hosts: { a: {}, b: {} }, links })
  assert.deepEqual(addressesOf(scenario, 'a'), ['10.0.0.1/24', '10.0.1.1/24'])
  assert.deepEqual(scenario.links[1].ports, [1, 1])
})

test('random networks of routers and switches: every host reaches every other by its routes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(), fc.constantFrom('host', 'router', 'switch')), { minLength: 1, maxLength: 14 }),
      (made) => {
        // A tree grown from a router: only routers and switches have children.
        const hosts: Record<string, { kind: string }> = { n0: { kind: 'router' } }
        const links: string[][] = []
        for (const [pick, kind] of made) {
          const parents = Object.keys(hosts).filter((name) => hosts[name].kind !== 'host')
          const name = `n${Object.keys(hosts).length}`
          links.push([parents[pick % parents.length], name])
          hosts[name] = { kind }
        }
        const scenario = resolveScenario(network(hosts, links))
        const ends = scenario.hosts.filter(({ kind }) => kind !== 'switch')
        const seen = new Set<number>()
        for (const from of ends) {
          for (const { address, mac } of from.interfaces) {
            assert.ok(!seen.has(address) && !seen.has(mac), 'addresses are unique')
            seen.add(address).add(mac)
          }
          for (const to of ends) {
            const way = trace(scenario, from.name, from.names[to.name])
            assert.equal(way.at(-1), to.name, `${from.name} to ${to.name}: ${way.join(' ')}`)
          }
        }
      },
    ),
    { seed: 1, numRuns: 200 },
  )
})
