import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { HappenedEvent, World } from '../../host/world.ts'
import { LoadBalancer } from '../../../src/apps/load-balancer.ts'
import { backends, balanced, balancer, generator, run, sites } from '../balanced.ts'
import { cluster, echoes, say } from '../l4/cluster.ts'
import { data, MILLISECOND, noFailures, SECOND, type Body } from '../site.ts'

const WHOLE = 0x1_0000_0000

interface Ring {
  readonly servers: readonly string[]
  readonly shares: readonly number[]
  readonly ends: readonly number[]
  readonly owners: readonly number[]
}

const ringOf = (event: HappenedEvent): Ring => event.data as unknown as Ring
const ringsOf = (world: World): HappenedEvent[] => world.happened('balancer:ring-built', 'lb')

/** It is whole, in order, and its shares are those of its pieces. */
function isSound({ servers, shares, ends, owners }: Ring): void {
  assert.equal(shares.length, servers.length)
  assert.equal(owners.length, ends.length)
  const lengths = servers.map(() => 0)
  for (const [i, end] of ends.entries()) {
    assert.ok(Number.isInteger(end) && end >= 0 && end < WHOLE, `${String(end)} is a place`)
    assert.ok(i === 0 || end > ends[i - 1], `${String(end)} comes behind the end before`)
    assert.ok(i === 0 || owners[i] !== owners[i - 1], 'pieces side by side that belong to one server are one')
    lengths[owners[i]] += i === 0 ? end + WHOLE - ends[ends.length - 1] : end - ends[i - 1]
  }
  assert.equal(
    lengths.reduce((sum, length) => sum + length, 0),
    WHOLE,
  )
  for (const [i, length] of lengths.entries())
    assert.ok(
      Math.abs(shares[i] - length / WHOLE) < 1e-6,
      `${servers[i]} has ${String(length / WHOLE)}, not ${String(shares[i])}`,
    )
  const sum = shares.reduce((all, share) => all + share, 0)
  assert.ok(Math.abs(sum - 1) < servers.length * 1e-6, `shares add up to ${String(sum)}`)
}

/** Whose a place is. */
function ownerOf({ servers, ends, owners }: Ring, place: number): string {
  const at = ends.findIndex((end) => place <= end)
  return servers[owners[at < 0 ? 0 : at]]
}

/** Each first attempt went to the server that the ring of its time says. */
function isFollowed(world: World): number {
  let ring: Ring | undefined
  let count = 0
  for (const event of world.events) {
    if (event.name === 'balancer:ring-built') ring = ringOf(event)
    if (event.name !== 'balancer:picked' || event.data['attempt'] !== 1 || event.data['strategy'] !== 'ring') continue
    assert.ok(ring !== undefined, 'there is a ring before anybody goes by it')
    assert.equal(event.data['backend'], ownerOf(ring, Number(event.data['hash'])))
    count++
  }
  return count
}

const many = (options: Record<string, unknown> = {}): Body =>
  generator({ rate: 50, arrivals: 'constant', paths: 200, ...options })

describe('balancer:ring-built', () => {
  test('comes with the first request, once, and keys go by it', () => {
    const lb = balancer(4, { strategy: 'ring', key: 'path' })
    const world = run([many({ start: SECOND, duration: 4 * SECOND })], lb, sites(4), 8)
    const rings = ringsOf(world)
    assert.equal(rings.length, 1)
    assert.equal(rings[0].time, world.happened('balancer:picked')[0].time)
    assert.ok(rings[0].id < world.happened('balancer:picked')[0].id, 'it comes before')
    const ring = ringOf(rings[0])
    isSound(ring)
    assert.deepEqual(ring.servers, ['s1', 's2', 's3', 's4'])
    assert.ok(ring.ends.length > 300, '160 points each, and few of them behind one of the same server')
    assert.equal(isFollowed(world), 199)
  })

  test('and again with the first request after each change of servers, weights or strategy, but not otherwise', () => {
    const lb = new LoadBalancer({ backends: backends(3), strategy: 'ring', key: 'path' })
    const world = balanced([many()], (context) => lb.main(context), sites(3))
    const built = (until: number): Ring[] => ringsOf(world.run(until)).map(ringOf)
    assert.equal(built(3 * SECOND).length, 1)
    lb.configure('backends[1].drain', true)
    // Nobody looked at it before the next request.
    assert.deepEqual(built(3 * SECOND + 1).length, 1)
    assert.deepEqual(built(4 * SECOND).at(-1)?.servers, ['s1', 's3'])
    lb.configure('backends[1].drain', false)
    assert.deepEqual(built(5 * SECOND).at(-1), built(5 * SECOND)[0], 'it is what it was')
    lb.configure('backends[0].weight', 4)
    const [heavy = 0] = built(6 * SECOND).at(-1)?.shares ?? []
    assert.ok(heavy > 0.55 && heavy < 0.78, `${String(heavy)} of two thirds`)
    assert.equal(built(7 * SECOND).length, 4)
    lb.configure('strategy', 'maglev')
    assert.equal(built(8 * SECOND).length, 4)
    lb.configure('strategy', 'bounded-ring')
    assert.equal(built(9 * SECOND).length, 5)
    lb.configure('strategy', 'ring')
    assert.equal(built(10 * SECOND).length, 6)
    noFailures(world)
    for (const ring of built(10 * SECOND)) isSound(ring)
    assert.ok(isFollowed(world) > 300, 'requests are looked at')
  })

  test('a server that dies and comes back leaves the ring and enters it, by checks alone', () => {
    const check = { path: '/', interval: SECOND, timeout: 500 * MILLISECOND, rise: 2, fall: 2 }
    const lb = balancer(3, { strategy: 'ring', key: 'path', check })
    const world = balanced([many()], lb, sites(3)).run(4 * SECOND)
    world
      .kill('s2')
      .run(10 * SECOND)
      .restart('s2')
      .run(20 * SECOND)
    noFailures(world)
    const rings = ringsOf(world)
    assert.deepEqual(
      rings.map((event) => ringOf(event).servers),
      [
        ['s1', 's2', 's3'],
        ['s1', 's3'],
        ['s1', 's2', 's3'],
      ],
    )
    const changes = world.happened('balancer:backend-changed')
    assert.deepEqual(
      changes.map(({ data: { state } }) => state),
      ['down', 'up'],
    )
    for (const [i, { time }] of changes.entries()) {
      const late = rings[i + 1].time - time
      assert.ok(late >= 0 && late <= 25 * MILLISECOND, `${String(late)} ns after the change`)
    }
    for (const event of rings) isSound(ringOf(event))
    // Nobody but the dead one’s neighbours has another piece: all that was not its own is whose it was.
    const [before, between] = rings.map(ringOf)
    for (let place = 0; place < WHOLE; place += 1_000_003) {
      const owner = ownerOf(before, place)
      if (owner !== 's2') assert.equal(ownerOf(between, place), owner)
    }
  })

  test('points as few as one for each server make a ring, too', () => {
    const world = run([many({ count: 20 })], balancer(3, { strategy: 'ring', virtualNodes: 1 }), sites(3), 8)
    const ring = ringOf(ringsOf(world)[0])
    isSound(ring)
    assert.ok(ring.ends.length <= 3, 'three points at most')
    const alone = run([many({ count: 20 })], balancer(1, { strategy: 'ring' }), sites(1), 8)
    isSound(ringOf(ringsOf(alone)[0]))
    assert.deepEqual(ringOf(ringsOf(alone)[0]).shares, [1])
  })

  test('a balancer of layer 4 tells it as well', () => {
    const heard: string[] = []
    const client: Body = function* (context) {
      for (let i = 0; i < 5; i++) heard.push(yield* say(context, 'hello'))
    }
    const options = { strategy: 'ring', hashes: 'connection' }
    const world = cluster({ mode: 'nat', clients: [client], servers: [echoes('w0'), echoes('w1')], options }).run(20 * SECOND)
    assert.equal(heard.length, 5)
    const rings = ringsOf(world)
    assert.equal(rings.length, 1)
    isSound(ringOf(rings[0]))
    assert.deepEqual(ringOf(rings[0]).servers, ['10.0.1.11:80', '10.0.1.12:80'])
  })

  test('no other strategy has a ring, and in a brief trace it is a detail that is left out', () => {
    for (const strategy of ['round-robin', 'modulo', 'maglev', 'least-connections'])
      assert.equal(ringsOf(run([many({ count: 20 })], balancer(3, { strategy }), sites(3), 4)).length, 0, strategy)
    const lab = (isBrief: boolean): World => {
      const world = balanced([many({ count: 20 })], balancer(3, { strategy: 'ring' }), sites(3))
      world.engine('lb').isBrief = isBrief
      return world.run(4 * SECOND)
    }
    const [full, brief] = [lab(false), lab(true)]
    assert.deepEqual([ringsOf(full).length, ringsOf(brief).length], [1, 0])
    assert.equal(data(brief, 'balancer:picked').length, 20)
    assert.deepEqual(
      brief.frames.map(({ id, time }) => [id, time]),
      full.frames.map(({ id, time }) => [id, time]),
      'what is left out changes nothing',
    )
  })
})
