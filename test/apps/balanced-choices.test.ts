import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LoadBalancer } from '../../src/apps/load-balancer.ts'
import { RequestGenerator } from '../../src/apps/request-generator.ts'
import { backends, balanced, balancer, CHECK, counted, generator, get, heard, outcomes, run, sites } from './balanced.ts'
import { data, MILLISECOND, resource, SECOND, server } from './site.ts'

describe('limits', () => {
  test('no server has more than it may; the others wait, first come, first served', () => {
    const world = run(
      [generator({ url: 'http://lb/slow', rate: 1000, arrivals: 'constant', count: 12 })],
      balancer(2, { maxConnections: 2 }),
      sites(2),
    )
    assert.deepEqual(outcomes(world), { 200: 12 })
    let [active, most] = [0, 0]
    for (const { name } of world.events.filter(
      ({ host, name }) => host === 's1' && (name === 'http:request-received' || name === 'http:response-sent'),
    )) {
      active += name === 'http:request-received' ? 1 : -1
      most = Math.max(most, active)
    }
    assert.equal(most, 2)
    const waits = data(world, 'balancer:picked').map(({ waited }) => Number(waited))
    assert.deepEqual(waits.filter((wait) => wait === 0).length, 4)
    const ids = world.happened('request:ended').map(({ data: { id } }) => Number(id))
    assert.deepEqual(
      ids.map((id) => Math.ceil(id / 4)),
      [...ids].sort((a, b) => a - b).map((id) => Math.ceil(id / 4)),
      'in order of their coming',
    )
  })

  test('a full queue, and one in which somebody waits too long: 503', () => {
    const options = { maxConnections: 1, queue: 1, queueTimeout: 200 * MILLISECOND }
    const world = run(
      [generator({ url: 'http://lb/slow', rate: 100, arrivals: 'constant', count: 3 })],
      balancer(1, options),
      sites(1),
    )
    assert.deepEqual(counted(world.happened('balancer:refused'), 'why'), { 'queue full': 1, 'queue timeout': 1 })
    assert.deepEqual(outcomes(world), { 200: 1, 503: 2 })
  })
})

describe('the same server again', () => {
  test('by a cookie, which is Secure under TLS alone and tells no name', () => {
    const clients = Array.from({ length: 4 }, () => generator({ rate: 5, count: 20, cookies: true }))
    const world = run(clients, balancer(3, { sticky: { by: 'cookie', name: 'SRV' } }), sites(3))
    for (const client of ['c1', 'c2', 'c3', 'c4']) {
      const servers = counted(world.happened('request:ended', client), 'server')
      assert.deepEqual(Object.values(servers), [20], `${client} has always had the same`)
    }
    const { text } = heard([get('/')], balancer(3, { sticky: { by: 'cookie', name: 'SRV' } }), sites(3))
    assert.match(text, /Set-Cookie: SRV=[0-9a-f]{16}; Path=\/; HttpOnly; SameSite=Lax\r\n/)
  })

  test('by a cookie, until that server is gone: then another, whose cookie replaces it', () => {
    const world = balanced(
      [generator({ rate: 10, cookies: true })],
      balancer(2, { sticky: { by: 'cookie', name: 'SRV' }, check: CHECK }),
      sites(2),
    )
    world.run(3 * SECOND)
    const [first] = Object.keys(counted(world.happened('request:ended'), 'server'))
    world.kill(first).run(20 * SECOND)
    const late = world.happened('request:ended').filter(({ time }) => time > 10 * SECOND)
    assert.deepEqual(Object.keys(counted(late, 'server')), [first === 's1' ? 's2' : 's1'])
  })

  test('by the address', () => {
    const clients = Array.from({ length: 5 }, () => generator({ rate: 5, count: 20 }))
    const world = run(clients, balancer(3, { sticky: { by: 'address', name: 'SRV' }, strategy: 'random' }), sites(3))
    for (let i = 1; i <= 5; i++) assert.equal(Object.keys(counted(world.happened('request:ended', `c${i}`), 'server')).length, 1)
  })

  test('by a key: the path, a field, a cookie', () => {
    for (const [key, options] of [
      ['path', { paths: 10 }],
      ['header:X-User', { headers: { 'X-User': 'ann' } }],
      ['cookie:who', { headers: { Cookie: 'x=y; who=ann' } }],
    ] as const) {
      const world = run(
        [generator({ rate: 20, count: 100, ...options })],
        balancer(4, { strategy: 'ring', key }),
        sites(4).map(() =>
          server({ '/': resource(1), ...Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`/${i}`, resource(1)])) }),
        ),
      )
      const servers = new Map<string, Set<string>>()
      for (const {
        data: { target, backend },
      } of world.happened('balancer:picked')) {
        servers.set(String(target), (servers.get(String(target)) ?? new Set()).add(String(backend)))
      }
      for (const [target, names] of servers) assert.equal(names.size, 1, `${key} ${target}`)
    }
  })
})

describe('while it runs', () => {
  test('another strategy, weights, limits; what cannot be changed is refused', () => {
    const lb = new LoadBalancer({ backends: backends(2) })
    const world = balanced([generator({ rate: 100, arrivals: 'constant' })], (context) => lb.main(context), sites(2))
    world.run(2 * SECOND)
    lb.configure('strategy', 'weighted')
    lb.configure('backends[1].weight', 3)
    world.run(6 * SECOND)
    const late = world.happened('balancer:picked').filter(({ time }) => time > 2 * SECOND)
    assert.equal(late[0].data['strategy'], 'weighted')
    assert.ok(Math.abs(counted(late, 'backend')['s2'] / late.length - 0.75) < 0.01, 'three quarters')
    for (const [path, value] of [
      ['strategy', 'best'],
      ['backends[7].drain', true],
      ['backends[0].weight', 0],
      ['port', 81],
      ['retryBudget', 2],
    ] as const)
      assert.throws(() => {
        lb.configure(path, value)
      }, /UnknownSetting|takes|running/)
  })

  test('a generator changes its rate at once, and keeps to a number of requests', () => {
    const generator = new RequestGenerator({ url: 'http://lb/', rate: 0.001, count: 50 })
    const world = balanced([(context) => generator.main(context)], balancer(1), sites(1))
    world.run(3 * SECOND)
    assert.equal(world.happened('request:ended').length, 0)
    generator.configure('rate', 100)
    world.run(10 * SECOND)
    assert.equal(world.happened('request:ended').length, 50)
  })
})
