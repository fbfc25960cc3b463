import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MILLISECOND, SECOND } from '../../src/kernel/time.ts'
import { formatIp } from '../../src/wire/address.ts'
import { codeOf } from './conversations.ts'
import { ip6, World, type HostPlan } from './world.ts'

/** In what order a host would try the addresses of a name. */
function order(names: readonly string[], own: string, more: Partial<HostPlan> = {}): string[] {
  let sorted: readonly string[] = []
  new World({
    hosts: {
      alice: {
        ...more,
        names: { shop: names },
        apps: [
          function* ({ sockets }) {
            sorted = (yield* sockets.resolveAll('shop')).map(formatIp)
          },
        ],
      },
      router: { kind: 'router' },
    },
    links: [{ between: [`alice ${own}`, 'router 10.0.0.254/24 2001:db8::fe/64'] }],
  }).run(SECOND)
  return [...sorted]
}

const DUAL = '10.0.0.1/24 2001:db8::1/64'
const BOTH = { gateway: '10.0.0.254', gateway6: '2001:db8::fe' }

describe('RFC 6724 section 6: which address to try first', () => {
  test('IPv6 before IPv4, whatever the order in the table (rule 6)', () => {
    const expected = ['2001:db8:5::1', '192.0.2.1']
    assert.deepEqual(order(['192.0.2.1', '2001:db8:5::1'], DUAL, BOTH), expected)
    assert.deepEqual(order(['2001:db8:5::1', '192.0.2.1'], DUAL, BOTH), expected)
  })

  test('what cannot be reached comes last (rule 1)', () => {
    assert.deepEqual(order(['2001:db8:5::1', '192.0.2.1'], DUAL, { gateway: '10.0.0.254' }), ['192.0.2.1', '2001:db8:5::1'])
    assert.deepEqual(order(['2001:db8:5::1', '192.0.2.1'], '10.0.0.1/24', { gateway: '10.0.0.254' }), [
      '192.0.2.1',
      '2001:db8:5::1',
    ])
    assert.deepEqual(order(['192.0.2.1', '2001:db8:5::1'], '2001:db8::1/64', { gateway6: '2001:db8::fe' }), [
      '2001:db8:5::1',
      '192.0.2.1',
    ])
  })

  test('a unique local address that the host has no like of comes after IPv4 (rule 5)', () => {
    assert.deepEqual(order(['fd00:5::1', '192.0.2.1', '2001:db8:5::1'], DUAL, BOTH), ['2001:db8:5::1', '192.0.2.1', 'fd00:5::1'])
  })

  test('6to4 and Teredo come after native addresses (rules 5 and 6)', () => {
    assert.deepEqual(order(['2001:0:1::1', '2002:c000:201::1', '192.0.2.1', '2001:db8:5::1'], DUAL, BOTH), [
      '2001:db8:5::1',
      '192.0.2.1',
      '2002:c000:201::1',
      '2001:0:1::1',
    ])
  })

  test('among equals the one that shares more with the own address (rule 9); what is equal in all stays in its order (rule 10)', () => {
    assert.deepEqual(order(['2001:db9::1', '2001:db8:0:1::1'], DUAL, BOTH), ['2001:db8:0:1::1', '2001:db9::1'])
    assert.deepEqual(order(['2001:db8:ff00::2', '2001:db8:ff00::1'], DUAL, BOTH), ['2001:db8:ff00::2', '2001:db8:ff00::1'])
  })
})

describe('RFC 6724 section 5: which address to talk from', () => {
  const source = (to: string): string => {
    const world = new World({
      hosts: {
        alice: {
          gateway6: '2001:db8::fe',
          apps: [
            function* ({ sockets, sleep }) {
              sockets.udp().sendTo({ address: ip6(to), port: 7 }, new Uint8Array(1))
              yield* sleep(SECOND)
            },
          ],
        },
        router: { kind: 'router' },
        bob: {},
      },
      links: [
        { between: ['alice 2001:db8::1/64', 'router 2001:db8::fe/64'] },
        { between: ['alice fd00::1/64', 'bob fd00::2/64'] },
      ],
    }).run(2 * SECOND)
    const sent = world.frames.find(({ from, bytes }) => from === 'alice' && bytes[20] === 17)
    return sent === undefined ? 'none' : Buffer.from(sent.bytes.subarray(22, 38)).toString('hex')
  }

  test('a global one to global destinations, a unique local one on its link, a link-local one to link-local ones', () => {
    assert.equal(source('2001:db8:5::1'), '20010db8000000000000000000000001')
    assert.equal(source('fd00::2'), 'fd000000000000000000000000000001')
    assert.equal(source('fe80::ff:fe00:200'), 'fe80000000000000000000fffe000100')
  })
})

test('names: the version asked for, or an error that says what is missing', () => {
  const found: string[] = []
  new World({
    hosts: {
      alice: {
        ...BOTH,
        names: { shop: ['192.0.2.1', '2001:db8:5::1'], old: '192.0.2.1' },
        apps: [
          function* ({ sockets, sleep }) {
            found.push(formatIp(yield* sockets.resolve('shop')))
            found.push(formatIp(yield* sockets.resolve('shop', 4)))
            found.push(formatIp(yield* sockets.resolve('shop', 6)))
            found.push(formatIp(yield* sockets.resolve('2001:DB8::0:1')))
            found.push(formatIp(yield* sockets.resolve('localhost')))
            found.push(yield* codeOf(sockets.resolve('old', 6)))
            found.push(yield* codeOf(sockets.resolve('nobody')))
            yield* sleep(MILLISECOND)
          },
        ],
      },
      router: { kind: 'router' },
    },
    links: [{ between: [`alice ${DUAL}`, 'router 10.0.0.254/24 2001:db8::fe/64'] }],
  }).run(SECOND)
  assert.deepEqual(found, ['2001:db8:5::1', '192.0.2.1', '2001:db8:5::1', '2001:db8::1', '::1', 'ENOTFOUND', 'ENOTFOUND'])
})
