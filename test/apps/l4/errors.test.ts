import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SECOND } from '../../../src/kernel/time.ts'
import { formatIpv4 } from '../../../src/wire/address.ts'
import { verifyIcmpChecksum } from '../../../src/wire/icmp.ts'
import { read16, read32 } from '../../../src/wire/integer.ts'
import { verifyIpv4Checksum } from '../../../src/wire/ipv4.ts'
import { World, type HostPlan } from '../../host/world.ts'
import { data, noFailures, type Body } from '../site.ts'
import { balancer, echoes, optionsOf, say, type Mode } from './cluster.ts'

const LONG = 'much text '.repeat(1000)

const TALKS = (heard: string[], text = LONG): Body =>
  function* (context) {
    heard.push(yield* say(context, text))
  }

/**
 * A client – router – balancer – router – router – server. All lines take 1500 bytes but for one.
 * @param narrow which line: 1 before the balancer, 2 behind it, 3 between the routers behind; 0: none
 */
function behindRouters(mode: Mode, client: Body, servers: Body, narrow: number, tcp: Record<string, unknown> = {}): World {
  const backends = [{ at: '10.0.5.11:80', weight: 1, drain: false }]
  const { body } = balancer({ ...optionsOf(mode, 0), backends })
  const mtu = (line: number): number => (line === narrow ? 700 : 1500)
  const plan: Record<string, HostPlan> = {
    c0: { gateway: '10.0.2.254', apps: [client], tcp },
    near: { kind: 'router', routes: [{ to: '10.0.5.0/24', via: '10.0.0.9' }] },
    lb: {
      kind: 'router',
      apps: [body],
      routes: [
        { to: '10.0.2.0/24', via: '10.0.0.254' },
        { to: '10.0.5.0/24', via: '10.0.3.254' },
      ],
    },
    far: { kind: 'router', gateway: '10.0.3.9', routes: [{ to: '10.0.5.0/24', via: '10.0.4.254' }] },
    end: { kind: 'router', gateway: '10.0.4.9' },
    w0: { gateway: '10.0.5.254', apps: [servers], tcp },
  }
  return new World({
    hosts: plan,
    links: [
      { between: ['c0 10.0.2.1/24', 'near 10.0.2.254/24'] },
      { between: ['near 10.0.0.254/24', 'lb 10.0.0.9/24'], mtu: mtu(1) },
      { between: ['lb 10.0.3.9/24', 'far 10.0.3.254/24'], mtu: mtu(2) },
      { between: ['far 10.0.4.9/24', 'end 10.0.4.254/24'], mtu: mtu(3) },
      { between: ['end 10.0.5.254/24', 'w0 10.0.5.11/24'] },
    ],
  })
}

/** ICMP errors that a host got by its router, as `from to about…`, where the addresses of the quoted packet follow. All have right checksums. */
function errorsTowards(world: World, last: string, address: string): string[] {
  const seen = new Set<string>()
  for (const { from: sender, bytes } of world.frames) {
    if (sender !== last) continue
    if (read16(bytes, 12) !== 0x0800 || bytes[23] !== 1 || bytes[34] !== 3 || formatIpv4(read32(bytes, 30)) !== address) continue
    assert.equal(verifyIpv4Checksum(bytes, 14), true)
    assert.equal(verifyIcmpChecksum(bytes, 34, bytes.length), true)
    assert.equal(verifyIpv4Checksum(bytes, 42), true, 'of the quoted packet, too')
    const [from, source, destination] = [26, 54, 58].map((at) => formatIpv4(read32(bytes, at)))
    seen.add(
      `${from} about ${source}:${read16(bytes, 62) === 80 ? '80' : 'port'} to ${destination}:${read16(bytes, 64) === 80 ? '80' : 'port'}`,
    )
  }
  return [...seen].sort()
}

describe('RFC 5508 section 4.2: errors reach whom they concern, in his own words', () => {
  for (const mode of ['nat', 'full-nat'] as const) {
    for (const narrow of [1, 2, 3]) {
      test(`path MTU discovery, ${mode}, line ${String(narrow)} is narrow`, () => {
        const heard: string[] = []
        const world = behindRouters(mode, TALKS(heard), echoes('w0'), narrow).run(60 * SECOND)
        noFailures(world)
        assert.deepEqual(heard, [`w0 ${LONG}`])
        const narrowed = world.happened('tcp:path-narrowed').map(({ host }) => host)
        assert.deepEqual([...new Set(narrowed)].sort(), ['c0', 'w0'], 'both ends found out')
        // Towards the client the balancer itself is who cannot pass it on, or it translates what the router behind it says.
        const [here, there] = [errorsTowards(world, 'near', '10.0.2.1'), errorsTowards(world, 'end', '10.0.5.11')]
        const teller = ['', '10.0.2.254', '10.0.0.100', '10.0.3.254'][narrow]
        assert.deepEqual(here, [`${teller} about 10.0.2.1:port to 10.0.0.100:80`])
        // Towards the server a router there says so himself, or the balancer what it cannot pass on, or what the client's router says.
        const refuser = ['', '10.0.3.9', '10.0.4.9', '10.0.5.254'][narrow]
        const peer = mode === 'nat' ? '10.0.2.1' : '10.0.3.9'
        assert.deepEqual(there, [`${refuser} about 10.0.5.11:80 to ${peer}:port`])
      })
    }
  }

  test('a server that is not there at all: after ARP has failed, the client hears of the address that he knows', () => {
    for (const mode of ['nat', 'full-nat'] as const) {
      const heard: string[] = []
      const world = behindRouters(mode, TALKS(heard, 'hello'), echoes('w0'), 0)
      world.kill('far').run(20 * SECOND)
      assert.deepEqual(heard, ['EHOSTUNREACH'])
      assert.deepEqual(errorsTowards(world, 'near', '10.0.2.1'), ['10.0.0.100 about 10.0.2.1:port to 10.0.0.100:80'])
    }
  })

  test('an error about a connection that is not known is nobody’s business', () => {
    const heard: string[] = []
    const world = behindRouters('nat', TALKS(heard, 'hello'), echoes('w0'), 0)
    const error = world.frames.find(({ bytes }) => bytes[23] === 1)
    assert.equal(error, undefined)
    world.run(20 * SECOND)
    assert.deepEqual(heard, ['w0 hello'])
  })
})

test('fragments are put together before they are translated, and cut anew where they have to be', () => {
  for (const mode of ['nat', 'full-nat'] as const) {
    for (const narrow of [1, 2]) {
      const heard: string[] = []
      const world = behindRouters(mode, TALKS(heard), echoes('w0'), narrow, { pathMtuDiscovery: false }).run(60 * SECOND)
      noFailures(world)
      assert.deepEqual(heard, [`w0 ${LONG}`])
      const pieces = world.frames.filter(({ bytes }) => bytes[23] === 6 && (read16(bytes, 20) & 0x3fff) !== 0)
      assert.ok(pieces.length > 10, 'there were fragments')
      assert.equal(data(world, 'tcp:discarded').length, 0, 'every checksum was right')
    }
  }
})
