import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInline } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import type { TraceView } from '../../src/trace/record.ts'
import type { EventData } from '../../src/kernel/machine.ts'

type Tree = Record<string, unknown>

const MS = 1e6
const CLIENT = 0
const SERVER = 1

const SERVES: Tree = {
  '/': { size: '3 KiB', resources: ['/a.css', '/b.png', '/c.png'] },
  '/a.css': '20 KiB',
  '/b.png': '60 KiB',
  '/c.png': '60 KiB',
}

interface Wish {
  readonly browser?: Tree
  readonly server?: Tree
  readonly knobs?: Tree
  readonly link?: Tree
  readonly interventions?: readonly Intervention[]
}

/** alice visits bob, who speaks HTTP/3. */
function run({ browser = {}, server = {}, link = {}, knobs = {}, interventions = [] }: Wish = {}): TraceView {
  const scenario = resolveScenario({
    id: 'h3',
    title: 'HTTP/3',
    seed: 7,
    duration: '20 s',
    hosts: {
      alice: { app: 'browser', visits: 'https://bob/', protocols: ['h3'], digest: true, ...browser },
      bob: { app: 'web-server', protocols: ['h3', 'h2'], tls: true, serves: SERVES, digest: true, ...server },
    },
    links: [{ between: ['alice', 'bob'], rate: '10 Mbit/s', delay: '20 ms', ...link }],
    knobs,
  })
  const { trace } = runInline(scenario, { interventions })
  assert.deepEqual(trace.all('app:failed'), [])
  return trace
}

function data(trace: TraceView, name: string, host?: number): EventData[] {
  return trace.all(name, (event) => host === undefined || event.host === host).map((event) => event.data)
}

const when = (trace: TraceView, name: string, host: number): number => trace.all(name, (event) => event.host === host)[0].time

describe('a web server over HTTP/3', () => {
  for (const loss of ['0 %', '5 %']) {
    test(`a page with all that belongs to it, ${loss} lost: each body whole, and told on both sides`, () => {
      const trace = run({ link: { loss } })
      const got = data(trace, 'http:response-received', CLIENT).map(({ bytes, digest }) => [bytes, digest])
      const sent = data(trace, 'http:response-sent', SERVER).map(({ bytes, digest }) => [bytes, digest])
      assert.deepEqual(got.sort(), sent.sort())
      assert.deepEqual(sent.map(([bytes]) => bytes).sort(), [20_480, 3072, 61_440, 61_440])
      const [done] = data(trace, 'quic:handshake-done', SERVER)
      assert.deepEqual([done['role'], done['alpn'], done['version'], done['resumed']], ['server', 'h3', 1, false])
      assert.equal(data(trace, 'quic:handshake-done').length, 2)
      const streams = data(trace, 'http:request-received', SERVER).map(({ stream }) => stream)
      assert.deepEqual(streams, [0, 4, 8, 12])
      if (loss !== '0 %') assert.ok(data(trace, 'quic:packet-lost').length > 0, 'losses were noticed')
    })
  }

  test('Alt-Svc tells browsers over HTTP/2 of HTTP/3, and can be taken back', () => {
    const heard = (wish: Wish): unknown[] =>
      data(run(wish), 'alt-svc:remembered').map(({ protocol, port, maxAge }) => [protocol, port, maxAge])
    const browser = { protocols: ['h2', 'h3'] }
    assert.deepEqual(heard({ browser })[0], ['h3', 443, 86_400])
    assert.deepEqual(heard({ browser, server: { quic: { port: 8443 }, altSvc: 60 } })[0], ['h3', 8443, 60])
    assert.deepEqual(heard({ server: { altSvc: false } }), [])
    const visits = ['https://bob/', { url: 'https://bob/', at: '5 s', reload: true }]
    const knobs = { heard: { label: 'Alt-Svc', range: [0, 60], sets: 'hosts.bob.altSvc' } }
    const interventions: Intervention[] = [{ at: 2e9, set: { knob: 'heard', value: 0 } }]
    const taken = run({ browser: { visits, cache: false }, server: { altSvc: 60 }, knobs, interventions })
    assert.equal(data(taken, 'alt-svc:forgotten').length, 1)
  })

  test('a Retry costs a round trip, and nothing is kept of who does not answer it', () => {
    const usual = run()
    const retried = run({ server: { quic: { retry: 'always' } } })
    assert.equal(data(retried, 'quic:retry-sent', SERVER).length, 1)
    assert.equal(data(retried, 'quic:retry-received', CLIENT).length, 1)
    const later = when(retried, 'quic:handshake-done', CLIENT) - when(usual, 'quic:handshake-done', CLIENT)
    assert.ok(later > 39 * MS && later < 42 * MS, `${String(later)} ns later`)
  })

  test('a slow processor: each handshake takes its time', () => {
    const usual = when(run(), 'quic:handshake-done', CLIENT)
    const slow = when(run({ server: { machine: { perHandshake: '50 ms' } } }), 'quic:handshake-done', CLIENT)
    assert.ok(slow - usual >= 50 * MS && slow - usual < 52 * MS, `${String(slow - usual)} ns later`)
  })

  test('responses go by priority, each in turn, or one after the other', () => {
    const order = (scheduler: string): string => {
      const trace = run({ server: { scheduler }, browser: { tightMode: false } })
      const pictures = data(trace, 'quic:stream-delivered', CLIENT).flatMap(({ stream }) => (Number(stream) >= 8 ? [stream] : []))
      let changes = 0
      for (let i = 1; i < pictures.length; i++) if (pictures[i] !== pictures[i - 1]) changes++
      return changes > 20 ? 'shared' : 'one by one'
    }
    assert.deepEqual([order('fair'), order('in-order')], ['shared', 'one by one'])
  })

  test('without keep-alive the server says goodbye, and all that was asked for still comes', () => {
    const trace = run({ server: { keepAlive: false } })
    assert.deepEqual(
      data(trace, 'fetch:ended', CLIENT).map(({ outcome }) => outcome),
      ['complete', 'complete', 'complete', 'complete'],
    )
    assert.ok(data(trace, 'http3:goaway-received', CLIENT).length > 0, 'GOAWAY came')
  })

  test('a browser that leaves has no complaint, and none is recorded', () => {
    const trace = run()
    assert.deepEqual(
      data(trace, 'quic:draining').map(({ error }) => error),
      ['', ''],
    )
    assert.deepEqual(
      data(trace, 'quic:closed').map(({ error, whose, code }) => [error, whose, code]),
      [
        ['', '', 0],
        ['', '', 0],
      ],
    )
    assert.deepEqual(data(trace, 'http:connection-failed'), [])
  })

  test('RFC 9000 section 10.3: a server that was restarted says that it has forgotten, and is asked anew at once', () => {
    const visits = ['https://bob/a.css', { url: 'https://bob/b.png', at: '6 s' }]
    const trace = run({ browser: { visits }, interventions: [{ restart: 'bob', at: 5e9 }] })
    assert.deepEqual(
      data(trace, 'fetch:ended', CLIENT).map(({ outcome, protocol }) => [outcome, protocol]),
      [
        ['complete', 'h3'],
        ['complete', 'h3'],
      ],
    )
    assert.equal(data(trace, 'quic:stateless-reset', CLIENT).length, 1)
    assert.equal(data(trace, 'quic:handshake-done', CLIENT).length, 2)
    const [reset] = trace.all('quic:stateless-reset', ({ host }) => host === CLIENT)
    assert.ok(reset.time < 6e9 + 90 * MS, `one round trip, and an address to be found out: ${String(reset.time)}`)
    const [failed] = data(trace, 'http:connection-failed', CLIENT)
    assert.deepEqual([failed['error'], failed['cites']], ['ERR_CONNECTION_RESET', 'RFC 9000 section 10.3'])
  })

  test('a server without power: nobody answers, until nobody waits any more', () => {
    const visits = ['https://bob/a.css', { url: 'https://bob/b.png', at: '5500 ms' }]
    const browser = { visits, quic: { idleTimeout: '6 s' } }
    const trace = run({ browser, interventions: [{ kill: 'bob', at: 5e9 }] })
    const closed = trace.all('quic:closed', ({ host }) => host === CLIENT)
    assert.deepEqual([closed[0].data['error'], closed[0].time], ['IDLE_TIMEOUT', 11.5e9])
    // What was not answered is asked again by a new connection, which is given five seconds to answer at all.
    assert.deepEqual(
      trace.all('page:failed').map(({ time, data: { error } }) => [time, error]),
      [[16.5e9, 'ETIMEDOUT']],
    )
  })

  test('a certificate for another name is refused, on both sides by its name', () => {
    const trace = run({ server: { tls: { certificate: 'wrong-name' } } })
    const [closed] = data(trace, 'quic:closed', SERVER)
    assert.match(String(closed['error']), /CRYPTO_ERROR \(bad_certificate|CRYPTO_ERROR \(certificate_unknown/)
    assert.equal(data(trace, 'http:request-received').length, 0)
    const [failed] = data(trace, 'page:failed', CLIENT)
    assert.equal(failed['error'], 'ERR_CERT_COMMON_NAME_INVALID')
  })

  test('0-RTT: a resumed connection asks before the handshake is done, and the server marks it as early', () => {
    const visits = ['https://bob/a.css', { url: 'https://bob/b.png', at: '5 s', reconnect: true }]
    const trace = run({ browser: { visits, tls: { earlyData: true } }, server: { tls: { earlyData: '16 KiB' } } })
    assert.deepEqual(
      data(trace, 'quic:handshake-done', SERVER).map(({ resumed, earlyData }) => [resumed, earlyData]),
      [
        [false, 'none'],
        [true, 'accepted'],
      ],
    )
    assert.deepEqual(
      data(trace, 'http:request-received', SERVER).map(({ target, early }) => [target, early ?? false]),
      [
        ['/a.css', false],
        ['/b.png', true],
      ],
    )
  })
})
