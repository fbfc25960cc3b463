import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { connectToAny, type ConnectOptions } from '../../src/apps/happy-eyeballs.ts'
import { SocketError } from '../../src/host/socket.ts'
import { MILLISECOND, SECOND } from '../../src/kernel/time.ts'
import { formatIp, parseIp, type IpAddress } from '../../src/wire/address.ts'
import { segments, segments6 } from '../host/conversations.ts'
import { World, type HappenedEvent } from '../host/world.ts'

const address = (text: string): IpAddress => {
  const read = parseIp(text)
  if (read === undefined) throw new RangeError(text)
  return read
}

interface Outcome {
  /** To which address, or the code of the error. */
  result: string
  at: number
  readonly world: World
}

/**
 * alice, 10.0.0.1 and 2001:db8::1, connects to one of several addresses; bob, 10.0.0.2 and 2001:db8::2, listens at port 80. Addresses
 * that end in 66 belong to a host that hears and does not answer.
 */
function connect(addresses: readonly string[], options: Partial<ConnectOptions> = {}, delay = 5 * MILLISECOND): Outcome {
  const outcome = { result: '', at: -1 }
  const world = new World({
    hosts: {
      alice: {
        routes: [
          { to: '198.51.100.0/24', via: '10.0.0.66' },
          { to: '2001:db8:66::/48', via: '2001:db8::66' },
        ],
        apps: [
          function* (context) {
            const all = { port: 80, timeout: 0, happyEyeballs: true, attemptDelay: 250 * MILLISECOND, ...options }
            try {
              const socket = yield* connectToAny(context, addresses.map(address), all)
              outcome.result = formatIp(socket.remote.address)
              outcome.at = context.environment.now
              yield* context.sleep(10 * SECOND)
              socket.close()
            } catch (error) {
              if (!(error instanceof SocketError)) throw error
              outcome.result = error.code
              outcome.at = context.environment.now
            }
          },
        ],
      },
      bob: {
        apps: [
          function* ({ sockets }) {
            const listener = sockets.listen(80)
            for (;;) yield* listener.accept()
          },
        ],
      },
      silent: {},
      switch: { kind: 'switch' },
    },
    links: [
      { between: ['alice 10.0.0.1/24 2001:db8::1/64', 'switch'], delay },
      { between: ['bob 10.0.0.2/24 2001:db8::2/64', 'switch'], delay },
      { between: ['silent 10.0.0.66/24 2001:db8::66/64', 'switch'], delay },
    ],
  }).run(300 * SECOND)
  assert.deepEqual(world.happened('app:failed'), [])
  return { ...outcome, world }
}

const SILENT6 = '2001:db8:66::1'
const SILENT4 = '198.51.100.1'
const attempts = ({ world }: Outcome): string[] =>
  world.events
    .filter(({ name }) => name.startsWith('browser:'))
    .map(({ name, data, time }: HappenedEvent) => `${String(time / MILLISECOND)} ${name.slice(27)} ${String(data['address'])}`)

describe('RFC 8305 section 5: connection attempts', () => {
  test('the first address answers at once: no other is tried', () => {
    const outcome = connect(['2001:db8::2', '10.0.0.2'])
    assert.deepEqual(attempts(outcome), ['0 started 2001:db8::2', '40 succeeded 2001:db8::2'])
    assert.equal(segments(outcome.world).length, 0, 'not a segment over IPv4')
  })

  test('it does not answer: the other version begins after 250 ms, wins, and the first is given up without a word', () => {
    const outcome = connect([SILENT6, '10.0.0.2'])
    assert.deepEqual(attempts(outcome), [
      `0 started ${SILENT6}`,
      '250 started 10.0.0.2',
      '290 succeeded 10.0.0.2',
      `290 cancelled ${SILENT6}`,
    ])
    assert.equal(segments6(outcome.world, 'alice').length, 1, 'its one SYN is never sent again')
  })

  test('the delay can be set', () => {
    assert.equal(connect([SILENT6, '10.0.0.2'], { attemptDelay: 100 * MILLISECOND }).at, 140 * MILLISECOND)
  })

  test('a refusal starts the next attempt at once', () => {
    const outcome = connect(['2001:db8::66', '10.0.0.2'])
    assert.deepEqual(attempts(outcome), [
      '0 started 2001:db8::66',
      '40 failed 2001:db8::66',
      '40 started 10.0.0.2',
      '80 succeeded 10.0.0.2',
    ])
  })

  test('no route is a failure at once', () => {
    assert.deepEqual(attempts(connect(['2001:db8:7::1', '10.0.0.2'])), [
      '0 started 2001:db8:7::1',
      '0 failed 2001:db8:7::1',
      '0 started 10.0.0.2',
      '40 succeeded 10.0.0.2',
    ])
  })

  test('a slow first attempt can still win over the second: its connection is used, the other given up', () => {
    const outcome = connect(['2001:db8::2', SILENT4], {}, 40 * MILLISECOND)
    assert.deepEqual(attempts(outcome), [
      '0 started 2001:db8::2',
      `250 started ${SILENT4}`,
      '320 succeeded 2001:db8::2',
      `320 cancelled ${SILENT4}`,
    ])
  })

  test('section 4: versions take turns, whatever the order', () => {
    const outcome = connect([SILENT6, '2001:db8:66::2', '2001:db8:66::3', SILENT4, '10.0.0.2'])
    assert.deepEqual(
      attempts(outcome).filter((line) => line.includes('started')),
      [`0 started ${SILENT6}`, `250 started ${SILENT4}`, '500 started 2001:db8:66::2', '750 started 10.0.0.2'],
    )
  })

  test('all fail: the last error, when the last attempt is over', () => {
    const refused = connect(['2001:db8::66', '10.0.0.66'])
    assert.deepEqual([refused.result, refused.at], ['ECONNREFUSED', 80 * MILLISECOND])
    const lost = connect([SILENT6, SILENT4])
    assert.deepEqual([lost.result, lost.at], ['ETIMEDOUT', 127_250 * MILLISECOND])
  })

  test('a limit on the time of each attempt', () => {
    const lost = connect([SILENT6, SILENT4], { timeout: 2 * SECOND })
    assert.deepEqual([lost.result, lost.at], ['ETIMEDOUT', 2250 * MILLISECOND])
  })

  test('without Happy Eyeballs: one after the other, in the order given', () => {
    const outcome = connect([SILENT6, '2001:db8:7::1', '10.0.0.2'], { happyEyeballs: false })
    assert.deepEqual(attempts(outcome), [
      `0 started ${SILENT6}`,
      `127000 failed ${SILENT6}`,
      '127000 started 2001:db8:7::1',
      '127000 failed 2001:db8:7::1',
      '127000 started 10.0.0.2',
      '127040 succeeded 10.0.0.2',
    ])
  })

  test('one address alone is connected to without any of this', () => {
    const outcome = connect(['10.0.0.2'])
    assert.deepEqual([outcome.result, attempts(outcome)], ['10.0.0.2', []])
  })

  test('an application that is cancelled takes its attempts with it', () => {
    const world = new World({
      hosts: {
        alice: {
          routes: [{ to: '2001:db8:66::/48', via: '2001:db8::66' }],
          apps: [
            function* (context) {
              const { spawn, sleep } = context
              const options = { port: 80, timeout: 0, happyEyeballs: true, attemptDelay: 250 * MILLISECOND }
              const task = spawn(
                (function* () {
                  yield* connectToAny(context, [address(SILENT6), address('2001:db8:66::2')], options)
                })(),
              )
              yield* sleep(SECOND / 2)
              task.cancel()
              yield* sleep(10 * SECOND)
            },
          ],
        },
        silent: {},
      },
      links: [{ between: ['alice 2001:db8::1/64', 'silent 2001:db8::66/64'] }],
    }).run(300 * SECOND)
    assert.equal(segments6(world, 'alice').length, 2)
    assert.equal(world.happened('browser:connection-attempt-cancelled').length, 2)
  })
})
