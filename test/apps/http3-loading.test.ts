import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInline } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'

/*
 * A browser that loads pages over HTTP/3: how it learns of it, what it does where UDP does not get through, and what happens to its
 * connections when the network changes.
 */

type Tree = Record<string, unknown>

const SECOND = 1e9
const PHONE = 0
const SERVER = 4

const PATHS = Array.from({ length: 12 }, (_, index) => `/${String(index)}.png`)
const SERVES: Tree = {
  '/': { size: '10 kB', resources: PATHS },
  ...Object.fromEntries(PATHS.map((path) => [path, '20 kB'])),
  '/large': '4 MB',
  ...Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [`/${name}`, { size: '20 kB', type: 'text/plain' }])),
  '/slow': { size: '20 kB', type: 'text/plain', delay: '3 s' },
}

interface Wish {
  readonly browser?: Tree
  readonly server?: Tree
  /** Settings of the phone's first link, and of the second. */
  readonly wifi?: Tree
  readonly cellular?: Tree
  /** Settings of the link that all traffic passes. */
  readonly core?: Tree
  readonly more?: Tree
  readonly interventions?: readonly Intervention[]
  readonly ip?: string
}

/** A phone on two networks, and a server behind both that speaks HTTP/3. */
function run({
  browser = {},
  server = {},
  wifi = {},
  cellular = {},
  core = {},
  more = {},
  interventions = [],
  ip = 'v4',
}: Wish): TraceView {
  const router = { kind: 'router', ip }
  const scenario = resolveScenario({
    id: 'h3-loading',
    title: 'HTTP/3',
    seed: 11,
    duration: '100 s',
    hosts: {
      phone: { app: 'browser', ip, digest: true, cache: false, ...browser },
      hotspot: router,
      mast: router,
      internet: router,
      server: {
        app: 'web-server',
        ip,
        digest: true,
        serves: SERVES,
        protocols: ['h3', 'h2'],
        tls: { earlyData: '16 KiB' },
        ...server,
      },
    },
    links: [
      { name: 'wifi', between: ['phone', 'hotspot'], rate: '20 Mbit/s', delay: '4 ms', ...wifi },
      { name: 'cellular', between: ['phone', 'mast'], rate: '10 Mbit/s', delay: '20 ms', ...cellular },
      { between: ['hotspot', 'internet'], rate: '100 Mbit/s', delay: '3 ms' },
      { between: ['mast', 'internet'], rate: '100 Mbit/s', delay: '3 ms' },
      { name: 'core', between: ['internet', 'server'], rate: '100 Mbit/s', delay: '3 ms', ...core },
    ],
    ...more,
  })
  const { trace } = runInline(scenario, { interventions })
  assert.deepEqual(trace.all('app:failed'), [])
  return trace
}

const of = (trace: TraceView, name: string, host = PHONE): EventRecord[] => trace.all(name, (event) => event.host === host)
const data = (trace: TraceView, name: string, host = PHONE): EventRecord['data'][] =>
  of(trace, name, host).map((event) => event.data)
const ends = (trace: TraceView): unknown[] => data(trace, 'fetch:ended').map(({ outcome, protocol }) => [outcome, protocol])
const errors = (trace: TraceView): unknown[] => data(trace, 'fetch:ended').map(({ error }) => error)
const visits = (paths: readonly string[], more: Tree = {}): Tree[] =>
  paths.map((path) => ({ url: `https://server${path}`, ...more }))
const h3 = ['complete', 'h3']
const h2 = ['complete', 'h2']

function assertWhole(trace: TraceView): void {
  const digests = (name: string, host: number): unknown[] =>
    data(trace, name, host)
      .filter(({ status }) => status === 200)
      .map(({ bytes, digest }) => `${String(bytes)} ${String(digest)}`)
      .sort()
  assert.deepEqual(digests('http:response-received', PHONE), digests('http:response-sent', SERVER))
}

describe('who lists HTTP/3 knows that the server speaks it', () => {
  for (const loss of ['0 %', '5 %']) {
    test(`a page with all that belongs to it comes over one connection, ${loss} lost`, () => {
      const trace = run({ browser: { visits: visits(['/']), protocols: ['h3', 'h2'] }, core: { loss } })
      assert.deepEqual(ends(trace), Array<unknown>(13).fill(h3))
      assertWhole(trace)
      assert.equal(of(trace, 'quic:handshake-done').length, 1)
      assert.equal(new Set(of(trace, 'http:request-sent').map(({ connection }) => connection)).size, 1)
    })
  }

  test('QUIC and its TLS are one phase, of one round trip; phases add up', () => {
    const trace = run({ browser: { visits: visits(['/a']), protocols: ['h3'] } })
    const phases = of(trace, 'fetch:phase-started').map((event) => [event.data['phase'], event.time] as const)
    assert.deepEqual(
      phases.map(([phase]) => phase),
      ['dns', 'connect', 'sending', 'waiting', 'receiving'],
    )
    const connect = phases[2][1] - phases[1][1]
    assert.ok(connect > 20e6 && connect < 60e6, `one round trip, and addresses of neighbours: ${String(connect)}`)
    assert.deepEqual(
      data(trace, 'fetch:phase-started').flatMap(({ stream }) => (stream === undefined ? [] : [stream])),
      [0],
    )
  })

  test('what is posted arrives whole', () => {
    const posts = [{ url: 'https://server/a', upload: '300 kB' }]
    const trace = run({ browser: { visits: posts, protocols: ['h3'] }, core: { loss: '3 %' } })
    assert.deepEqual(ends(trace), [h3])
    assert.deepEqual(
      data(trace, 'http:request-received', SERVER).map(({ method, bytes }) => [method, bytes]),
      [['POST', 300_000]],
    )
  })

  test('frames are told, and streams by their numbers', () => {
    const trace = run({ browser: { visits: visits(['/a', '/b']), protocols: ['h3'] } })
    const headers = (name: string): unknown[] =>
      data(trace, name).flatMap(({ type, stream }) => (type === 'HEADERS' ? [stream] : []))
    assert.deepEqual(headers('http3:frame-sent'), [0, 4])
    assert.deepEqual(headers('http3:frame-received'), [0, 4])
  })

  test('a server that never answers over QUIC, and no other protocol: after five seconds nothing comes of it', () => {
    const trace = run({ browser: { visits: visits(['/a']), protocols: ['h3'] }, core: { loss: '100 %', lossOf: 'udp' } })
    assert.deepEqual(errors(trace), ['ETIMEDOUT'])
    const [failed] = of(trace, 'page:failed')
    assert.ok(Math.abs(failed.time - 5 * SECOND) < 1e6, String(failed.time))
  })

  test("the browser's timeout ends a handshake that hangs", () => {
    const browser = { visits: visits(['/a']), protocols: ['h3'], timeout: '2 s' }
    const trace = run({ browser, core: { loss: '100 %', lossOf: 'udp' } })
    assert.deepEqual(errors(trace), ['ETIMEDOUT'])
    assert.equal(of(trace, 'page:failed')[0].time, 2 * SECOND)
  })

  test('where nobody listens for QUIC, TCP serves all', () => {
    const trace = run({ browser: { visits: visits(['/']), protocols: ['h3', 'h2'] }, server: { protocols: ['h2'] } })
    assert.deepEqual(ends(trace), Array<unknown>(13).fill(h2))
    assertWhole(trace)
  })
})

describe('RFC 7838: who does not know learns of it from Alt-Svc', () => {
  test('the first page comes over HTTP/2; from the next request on QUIC is made ready, and used once it is', () => {
    const browser = { visits: [...visits(['/a']), ...visits(['/b'], { at: '1 s' }), ...visits(['/c'], { at: '2 s' })] }
    const trace = run({ browser })
    assert.deepEqual(ends(trace), [h2, h2, h3])
    assert.deepEqual(data(trace, 'alt-svc:remembered'), [
      { origin: 'https://server', protocol: 'h3', host: 'server', port: 443, maxAge: 86_400 },
    ])
    assert.equal(of(trace, 'quic:connection-started')[0].time, SECOND)
  })

  test('in a page of many parts, the later ones come over HTTP/3 already', () => {
    const trace = run({ browser: { visits: visits(['/']) } })
    const protocols = data(trace, 'fetch:ended').map(({ protocol }) => protocol)
    assert.equal(protocols[0], 'h2')
    assert.equal(protocols.length, 13)
    assertWhole(trace)
  })

  test('a new connection begins with QUIC, and TCP does not even start', () => {
    const trace = run({ browser: { visits: [...visits(['/a']), ...visits(['/b'], { reconnect: true })] } })
    assert.deepEqual(ends(trace), [h2, h3])
    assert.equal(of(trace, 'tls:handshake-started').length, 1)
  })

  test('what is said holds for as long as is said', () => {
    const later = [...visits(['/b'], { at: '5 s', reconnect: true }), ...visits(['/c'], { at: '12 s', reconnect: true })]
    const trace = run({ browser: { visits: [...visits(['/a']), ...later] }, server: { altSvc: 10 } })
    assert.deepEqual(ends(trace), [h2, h3, h3])
    const old = run({
      browser: { visits: [...visits(['/a']), ...visits(['/b'], { at: '11 s', reconnect: true })] },
      server: { altSvc: 10 },
    })
    assert.deepEqual(ends(old), [h2, h2])
  })

  test('and it can be taken back', () => {
    const told = (value: string): Tree => ({ size: '20 kB', type: 'text/plain', headers: { 'Alt-Svc': value } })
    const serves = { ...SERVES, '/a': told('h3=":443"'), '/b': told('clear') }
    const later = { reconnect: true }
    const list = [...visits(['/a']), ...visits(['/b', '/c'], later)]
    const trace = run({ browser: { visits: list }, server: { altSvc: false, serves } })
    assert.deepEqual(ends(trace), [h2, h3, h2])
    assert.equal(of(trace, 'alt-svc:forgotten').length, 1)
  })

  test('who lists other protocols only does not believe it', () => {
    const browser = { visits: [...visits(['/a']), ...visits(['/b'], { reconnect: true })], protocols: ['h2', 'http/1.1'] }
    assert.deepEqual(ends(run({ browser })), [h2, h2])
  })

  test('nor who came without TLS, or in spite of a certificate that is wrong', () => {
    const browser = { visits: [...visits(['/a']), ...visits(['/b'], { reconnect: true })], tls: { certificateErrors: 'proceed' } }
    const trace = run({ browser, server: { tls: { certificate: 'expired' } } })
    assert.deepEqual(ends(trace), [h2, h2])
    assert.equal(of(trace, 'alt-svc:remembered').length, 0)
  })

  test('another port, and another host that has a certificate for the first', () => {
    const serves = { ...SERVES, '/a': { size: '20 kB', headers: { 'Alt-Svc': 'h3=":8443"' } } }
    const list = [...visits(['/a']), ...visits(['/b'], { reconnect: true })]
    const trace = run({ browser: { visits: list }, server: { serves, altSvc: false, quic: { port: 8443 } } })
    assert.deepEqual(ends(trace), [h2, h3])
    assert.ok(of(trace, 'quic:handshake-done')[0].connection.endsWith(':8443'), 'the other port')
  })
})

describe('QUIC and TCP race', () => {
  test('where UDP does not get through, TCP starts 300 ms later, and serves all', () => {
    const trace = run({ browser: { visits: visits(['/']), protocols: ['h3', 'h2'] }, core: { loss: '100 %', lossOf: 'udp' } })
    assert.deepEqual(ends(trace), Array<unknown>(13).fill(h2))
    assertWhole(trace)
    const [begun] = of(trace, 'tcp:state-changed')
    assert.equal(begun.time, 300e6)
  })

  test('HTTP/3 that has failed where TCP works is left alone for five minutes, then for ten', () => {
    const times = ['0 s', '8 s', '50 s', '310 s', '330 s', '700 s']
    const list = times.map((at, index) => ({ url: `https://server/${'abcd'[index % 4]}`, at, reconnect: index > 1 }))
    const trace = run({
      browser: { visits: list, protocols: ['h3', 'h2'] },
      core: { loss: '100 %', lossOf: 'udp' },
      more: { duration: '2000 s' },
    })
    assert.deepEqual(ends(trace), Array<unknown>(6).fill(h2))
    assert.deepEqual(
      of(trace, 'alt-svc:broken').map(({ time, data: { rest } }) => [Math.round(time / SECOND), Number(rest) / SECOND]),
      [
        [5, 300],
        [315, 600],
      ],
    )
    assert.deepEqual(
      of(trace, 'quic:connection-started').map(({ time }) => Math.round(time / SECOND)),
      [0, 310],
    )
  })

  test('after a connection that told how long a round trip takes, the head start is one and a half of them', () => {
    const list = [...visits(['/a']), ...visits(['/b'], { at: '2 s', reconnect: true })]
    const cut = { link: { name: 'core', settings: { loss: 1, lossOf: 'udp' } }, at: 1.5 * SECOND } as const
    const trace = run({ browser: { visits: list, protocols: ['h3', 'h2'] }, interventions: [cut] })
    assert.deepEqual(ends(trace), [h3, h2])
    const [begun] = of(trace, 'tcp:state-changed')
    const wait = begun.time - 2 * SECOND
    assert.ok(wait > 25e6 && wait < 60e6, `1.5 times 20 ms and what the line takes: ${String(wait)}`)
  })

  test('when UDP is let through again, QUIC is used again', () => {
    const list = [...visits(['/a']), ...visits(['/b'], { at: '400 s', reconnect: true })]
    const heal = { link: { name: 'core', settings: { loss: 0, lossOf: 'all' } }, at: 100 * SECOND } as const
    const trace = run({
      browser: { visits: list, protocols: ['h3', 'h2'] },
      core: { loss: '100 %', lossOf: 'udp' },
      interventions: [heal],
      more: { duration: '500 s' },
    })
    assert.deepEqual(ends(trace), [h2, h3])
  })

  test('UDP that is blocked in the middle: what was not answered is asked again over TCP', () => {
    const list = [...visits(['/a']), ...visits(['/slow'], { at: '1 s' })]
    const cut = { link: { name: 'core', settings: { loss: 1, lossOf: 'udp' } }, at: 2 * SECOND } as const
    const trace = run({ browser: { visits: list, protocols: ['h3', 'h2'] }, interventions: [cut] })
    assert.deepEqual(ends(trace), [h3, h2])
    assert.equal(of(trace, 'alt-svc:broken').length, 1)
  })
})

describe('0-RTT', () => {
  const list = [...visits(['/a']), ...visits(['/b'], { at: '3 s', reconnect: true })]

  test('a session is resumed, and the first request is in the first flight', () => {
    const trace = run({ browser: { visits: list, protocols: ['h3'], tls: { earlyData: true } } })
    assert.deepEqual(ends(trace), [h3, h3])
    assert.deepEqual(
      data(trace, 'quic:handshake-done').map(({ resumed, earlyData }) => [resumed, earlyData]),
      [
        [false, 'none'],
        [true, 'accepted'],
      ],
    )
    const asked = of(trace, 'http:request-sent').map(({ time }) => time)
    assert.equal(asked[1], 3 * SECOND)
    const durations = data(trace, 'page:loaded').map(({ duration }) => Number(duration))
    assert.ok(durations[1] < durations[0] - 15e6, durations.join())
  })

  test('early data that are rejected are sent again, once the handshake is done', () => {
    // The server that comes back does not know what the first one has promised.
    const restart = { restart: 'server', at: 2 * SECOND } as const
    const trace = run({ browser: { visits: list, protocols: ['h3'], tls: { earlyData: true } }, interventions: [restart] })
    assert.deepEqual(ends(trace), [h3, h3])
    assert.equal(data(trace, 'quic:handshake-done')[1]['earlyData'], 'rejected')
    assert.equal(data(trace, 'http:response-sent', SERVER).length, 2)
  })

  test('nothing but GET goes out as early data', () => {
    const posts = [...visits(['/a']), { url: 'https://server/b', at: '3 s', reconnect: true, upload: '1 kB' }]
    const trace = run({ browser: { visits: posts, protocols: ['h3'], tls: { earlyData: true } } })
    assert.deepEqual(ends(trace), [h3, h3])
    assert.ok(of(trace, 'http:request-sent')[1].time > 3 * SECOND + 15e6, 'after the handshake')
  })

  test('what is refused as too early is asked again (RFC 8470)', () => {
    const serves = { ...SERVES, '/b': { size: '20 kB', type: 'text/plain', tooEarly: true } }
    const trace = run({ browser: { visits: list, protocols: ['h3'], tls: { earlyData: true } }, server: { serves } })
    assert.deepEqual(
      data(trace, 'http:response-received').map(({ status }) => status),
      [200, 425, 200],
    )
  })

  test('UDP that is blocked by now: TCP serves what was sent as early data', () => {
    const cut = { link: { name: 'core', settings: { loss: 1, lossOf: 'udp' } }, at: 2 * SECOND } as const
    const browser = { visits: list, protocols: ['h3', 'h2'], tls: { earlyData: true } }
    const trace = run({ browser, interventions: [cut] })
    assert.deepEqual(ends(trace), [h3, h2])
  })
})

test('RFC 9204 section 2.1.2: what is added to the table of QPACK goes out before what needs it, so that nothing waits while nothing is lost', () => {
  const quic = { qpackBlockedStreams: 16 }
  const browser = { visits: 'https://server/', protocols: ['h3'], quic }
  const trace = run({ browser, server: { quic, headers: { 'X-Served-By': 'a name that comes with each response' } } })
  assert.ok(ends(trace).length > PATHS.length, 'the page is there')
  assert.deepEqual(data(trace, 'http3:settings-received', SERVER), [
    { qpackMaxTableCapacity: 4096, qpackBlockedStreams: 16, datagrams: false },
  ])
  assert.deepEqual(trace.all('qpack:blocked'), [])
})

for (const ip of ['v4', 'v6']) {
  describe(`RFC 9000 section 9: the network changes under a download, over ${ip}`, () => {
    const browser = { visits: visits(['/large']), protocols: ['h3'] }

    test('Wi-Fi goes down: the connection goes on over the other link, and all bytes arrive', () => {
      const trace = run({ ip, browser, wifi: { flaps: [{ at: '1 s', for: '90 s' }] } })
      assert.deepEqual(ends(trace), [h3])
      assertWhole(trace)
      assert.equal(of(trace, 'quic:handshake-done').length, 1)
      assert.deepEqual(
        data(trace, 'quic:migrated').map(({ by }) => by),
        ['client'],
      )
      assert.equal(of(trace, 'quic:migrated', SERVER).length, 1)
    })

    test('it comes back: so does the connection', () => {
      const trace = run({ ip, browser, wifi: { flaps: [{ at: '1 s', for: '1 s' }] } })
      assert.deepEqual(ends(trace), [h3])
      assertWhole(trace)
      assert.equal(of(trace, 'quic:migrated').length, 2)
    })

    test('the same under loss, again and again', () => {
      const flaps = ['500 ms', '1500 ms', '2500 ms', '3500 ms'].map((at) => ({ at, for: '500 ms' }))
      const trace = run({ ip, browser, wifi: { flaps, loss: '2 %' }, cellular: { loss: '2 %' } })
      assert.deepEqual(ends(trace), [h3])
      assertWhole(trace)
    })

    test('who does not want to move loses the connection', () => {
      const trace = run({
        ip,
        browser: { ...browser, quic: { migration: false } },
        wifi: { flaps: [{ at: '1 s', for: '90 s' }] },
      })
      assert.deepEqual(errors(trace), ['ERR_NETWORK_CHANGED'])
    })

    test('a NAT forgets the port: the server finds the new one, and all bytes arrive', () => {
      const trace = run({ ip, browser: { ...browser, rebinds: ['700 ms', '1500 ms'] } })
      assert.deepEqual(ends(trace), [h3])
      assertWhole(trace)
      assert.equal(of(trace, 'quic:port-rebound').length, 2)
      assert.equal(of(trace, 'quic:migrated').length, 0)
      assert.equal(of(trace, 'quic:migrated', SERVER).length, 2)
    })
  })
}

test('a server that does not want its clients to move: the connection ends with its link', () => {
  const browser = { visits: visits(['/large']), protocols: ['h3'] }
  const trace = run({ browser, server: { quic: { migration: false } }, wifi: { flaps: [{ at: '1 s', for: '90 s' }] } })
  assert.deepEqual(errors(trace), ['ERR_NETWORK_CHANGED'])
})

test('the same run twice is the same run', () => {
  const wish: Wish = {
    browser: { visits: visits(['/', '/large']), rebinds: ['900 ms'] },
    wifi: { flaps: [{ at: '1 s', for: '1 s' }], loss: '1 %' },
  }
  const [first, second] = [run(wish), run(wish)]
  assert.deepEqual(first.events, second.events)
  assert.equal(first.frameCount, second.frameCount)
})
