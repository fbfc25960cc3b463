import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInline, type InlineRun } from '../../src/run/run-inline.ts'
import { parseInterventions } from '../../src/scenario/intervention-json.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { runRemote, summaryOf } from './placement.ts'

const SITE = {
  '/': { size: '3 KiB', resources: ['/a.css', '/b.png'], push: ['/a.css'] },
  '/a.css': '2 KiB',
  '/b.png': '40 KiB',
  '/pay': { size: '1 B', effect: 'counter' },
}

/** A browser, a router and a web server under TLS. */
function secure(server: Record<string, unknown> = {}, browser: Record<string, unknown> = {}, more: Record<string, unknown> = {}) {
  return {
    id: 'secure',
    title: 'A page under TLS',
    duration: '20 s',
    hosts: {
      alice: { app: 'browser', visits: 'https://bob/', digest: true, ...browser },
      r: { kind: 'router' },
      bob: { app: 'web-server', tls: true, serves: SITE, digest: true, ...server },
    },
    links: [
      { between: ['alice', 'r'], rate: '10 Mbit/s', delay: '5 ms' },
      { between: ['r', 'bob'], delay: '5 ms' },
    ],
    ...more,
  }
}

function dataOf(run: InlineRun, name: string): Record<string, unknown>[] {
  return [...run.trace.events].filter((event) => event.name === name).map(({ data }) => data as Record<string, unknown>)
}

/** The one document that was loaded: its status, or why it failed. */
function outcome(run: InlineRun): unknown {
  assert.deepEqual(dataOf(run, 'app:failed'), [])
  const [first] = dataOf(run, 'fetch:ended')
  return first['error'] ?? first['status']
}

const run = (scenario: unknown, options: Parameters<typeof resolveScenario>[1] = {}) =>
  runInline(resolveScenario(scenario, options))

describe('inline and behind message channels, a run under TLS is the same to the byte', () => {
  for (const protocol of ['h2', 'http/1.1']) {
    test(`${protocol}, on a line that loses`, async () => {
      const links = [
        { between: ['alice', 'r'], rate: '10 Mbit/s', delay: '5 ms', loss: '2 %' },
        { between: ['r', 'bob'], delay: '5 ms' },
      ]
      const scenario = resolveScenario(secure({ protocols: [protocol] }, {}, { links }), { seed: 3 })
      const inline = summaryOf(runInline(scenario).director)
      assert.deepEqual(summaryOf(runInline(scenario).director).captures, inline.captures)
      const remote = summaryOf(await runRemote(scenario))
      assert.deepEqual(remote.captures, inline.captures)
      assert.deepEqual(remote, inline)
      assert.ok(
        inline.events.some(({ name }) => name === 'page:loaded'),
        'the page is loaded',
      )
    })
  }
})

describe('a web server under TLS, in a scenario', () => {
  test('over HTTP/2, with a push and the frames of both ends', () => {
    const one = run(secure())
    assert.equal(outcome(one), 200)
    const protocols = dataOf(one, 'tls:connected').map(({ alpn }) => alpn)
    assert.deepEqual([...new Set(protocols)], ['h2'])
    assert.equal(dataOf(one, 'http:push-promised').length, 1)
    const sent = dataOf(one, 'http2:frame-sent')
    const received = dataOf(one, 'http2:frame-received')
    assert.ok(sent.length >= received.length && received.length > 10, `${sent.length} sent, ${received.length} received`)
    // Which bytes of TCP carried a frame, sender and receiver say alike.
    const ranges = (frames: Record<string, unknown>[]) =>
      frames
        .filter(({ type }) => type === 'DATA')
        .map(({ stream, from, to }) => `${String(stream)} ${String(from)} ${String(to)}`)
    assert.deepEqual(ranges(received), ranges(sent).slice(0, ranges(received).length))
    assert.ok(ranges(received).length >= 4, 'several frames')
  })

  test('http is redirected to https, and HSTS remembers it', () => {
    const one = run(secure({ hsts: 3600 }, { visits: ['http://bob/', 'http://bob/b.png'] }))
    const requests = dataOf(one, 'http:request-sent').map(({ url }) => String(url))
    assert.equal(requests.filter((url) => url.startsWith('http://')).length, 1, requests.join(' '))
    assert.ok(requests.includes('https://bob/b.png'), 'the second time nobody asks over http')
  })

  for (const [certificate, error] of [
    ['expired', 'ERR_CERT_DATE_INVALID'],
    ['wrong-name', 'ERR_CERT_COMMON_NAME_INVALID'],
    ['self-signed', 'ERR_CERT_AUTHORITY_INVALID'],
  ]) {
    test(`a certificate that is ${certificate}: ${error}, and a person who goes on nevertheless`, () => {
      assert.equal(outcome(run(secure({ tls: { certificate } }))), error)
      assert.equal(outcome(run(secure({ tls: { certificate } }, { tls: { certificateErrors: 'proceed' } }))), 200)
    })
  }

  test('a clock that is wrong makes a right certificate wrong', () => {
    const late = { machine: { clockBehind: '2000 h' } }
    assert.equal(outcome(run(secure({}, late))), 'ERR_CERT_DATE_INVALID')
    const short = { tls: { validFor: 60 } }
    assert.equal(outcome(run(secure(short, { machine: { clockAhead: '800 h' } }))), 'ERR_CERT_DATE_INVALID')
    assert.equal(outcome(run(secure(short))), 200)
  })

  test('names, aliases and addresses are in the certificate', () => {
    const links = { aliases: ['images.bob'], tls: { names: ['*.example'] } }
    assert.equal(outcome(run(secure(links, { visits: 'https://images.bob/' }))), 200)
    assert.equal(outcome(run(secure(links, { visits: 'https://10.0.1.1/' }))), 200)
  })

  test('a knob or a hand changes the certificate for connections to come', () => {
    const visits = ['https://bob/', { url: 'https://bob/b.png?again', at: '5 s', reconnect: true }]
    const choices = ['valid', 'expired', 'self-signed']
    const knobs = { certificate: { label: 'Certificate', choices, sets: 'hosts.bob.tls.certificate' } }
    const scenario = resolveScenario(secure({ tls: {} }, { visits, tls: { resumption: false } }, { knobs }))
    assert.equal(scenario.knobs[0].applies, 'live')
    const change = [{ at: '2 s', set: { knob: 'certificate', value: 'expired' } }]
    const interventions = parseInterventions(change, scenario)
    const one = runInline(scenario, { interventions })
    assert.deepEqual(dataOf(one, 'app:failed'), [])
    assert.equal(dataOf(one, 'tls:certificate-refused')[0]['error'], 'ERR_CERT_DATE_INVALID')
    assert.equal(dataOf(one, 'tls:certificate-accepted').length, 1)
  })

  test('a hybrid key share makes the first message outgrow a segment; a server that does not know the group asks again', () => {
    const hybrid = { tls: { groups: ['X25519MLKEM768', 'x25519'] } }
    const both = run(secure(hybrid, hybrid))
    const [hello] = dataOf(both, 'tls:message-sent')
    assert.equal(hello['message'], 'ClientHello')
    // With its record's header of 5 bytes; beside the timestamps of TCP there is room for 1,448.
    assert.ok(Number(hello['length']) + 5 > 1448, `${String(hello['length'])} bytes`)
    assert.equal(outcome(both), 200)
    assert.equal(dataOf(both, 'tls:connected')[0]['group'], 'X25519MLKEM768')
    const groups = (browser: Record<string, unknown>) => {
      const old = run(secure({ tls: { groups: ['x25519'] } }, { tls: browser }))
      assert.equal(outcome(old), 200)
      const [connected] = dataOf(old, 'tls:connected')
      return [connected['group'], connected['retried']]
    }
    assert.deepEqual(groups(hybrid.tls), ['x25519', false], 'a share of each was sent')
    assert.deepEqual(groups({ ...hybrid.tls, keyShares: ['X25519MLKEM768'] }), ['x25519', true])
  })

  test('a scenario without TLS hears nothing of it', () => {
    const plain = resolveScenario(secure({ tls: false }, { visits: 'http://bob/' }))
    for (const { apps } of plain.hosts)
      for (const { options } of apps) assert.equal('tls' in options && options['tls'] !== undefined, false)
  })
})

describe('a reverse proxy', () => {
  /** alice – edge – origin: TLS ends at the edge, or goes on to the origin. */
  function proxied(backends: string | string[], edge: Record<string, unknown> = {}, origin: Record<string, unknown> = {}) {
    return {
      id: 'edge',
      title: 'TLS ends here',
      duration: '20 s',
      hosts: {
        alice: { app: 'browser', visits: 'https://edge/', digest: true },
        edge: { app: 'reverse-proxy', tls: true, backends, ...edge },
        origin: { app: 'web-server', serves: SITE, digest: true, ...origin },
        second: { app: 'web-server', serves: SITE, digest: true },
      },
      links: [
        { between: ['alice', 'edge'], delay: '10 ms' },
        { between: ['edge', 'origin'], delay: '1 ms' },
        { between: ['edge', 'second'], delay: '1 ms' },
      ],
    }
  }
  /** Digests of bodies as one side sent and another received them. */
  function digests(one: InlineRun, name: string, host: string): string[] {
    const index = one.trace.hosts.indexOf(host)
    return [...one.trace.events]
      .filter((event) => event.name === name && event.host === index)
      .map(({ data }) => String((data as Record<string, unknown>)['digest']))
      .sort()
  }

  test('ends TLS and passes on in the clear: what came out is what went in', () => {
    const one = run(proxied('http://origin'))
    assert.equal(outcome(one), 200)
    assert.deepEqual(digests(one, 'http:response-received', 'alice'), digests(one, 'http:response-sent', 'origin'))
    const [connected] = dataOf(one, 'tls:connected')
    assert.equal(connected['alpn'], 'h2')
    const forwarded = dataOf(one, 'proxy:request-forwarded')
    assert.equal(forwarded.length, 3)
    const opened = one.trace.first('http:request-sent')?.connection.split(':')[0]
    assert.deepEqual([...new Set(forwarded.map(({ forwardedFor }) => forwardedFor))], [opened])
    const backends = new Set(dataOf(one, 'proxy:request-forwarded').map(({ backendConnection }) => backendConnection))
    assert.ok(backends.size < 3, 'connections are used again')
  })

  test('speaks TLS to the server behind, and checks who that is', () => {
    assert.equal(outcome(run(proxied('https://origin', {}, { tls: true }))), 200)
    const wrong = run(proxied('https://origin', {}, { tls: { certificate: 'self-signed' } }))
    assert.equal(outcome(wrong), 502)
    assert.match(String(dataOf(wrong, 'proxy:backend-failed')[0]['detail']), /EPROTO/)
  })

  test('servers behind it take turns', () => {
    const one = run(proxied(['http://origin', 'http://second']))
    const backends = dataOf(one, 'proxy:request-forwarded').map(({ backend }) => String(backend))
    assert.deepEqual([...new Set(backends)].sort(), ['http://origin', 'http://second'])
  })

  test('502 when nobody is there', () => {
    assert.equal(outcome(run(proxied('http://origin:81'))), 502)
  })
})

describe('a meddler on the way', () => {
  /** alice – mallory (a router) – bob. */
  function hostile(meddler: Record<string, unknown>, server: Record<string, unknown>, browser: Record<string, unknown>) {
    const scenario = secure(server, browser)
    const { r: _, ...hosts } = scenario.hosts
    return {
      ...scenario,
      hosts: { ...hosts, mallory: { kind: 'router', app: 'meddler', ...meddler } },
      links: [
        { between: ['alice', 'mallory'], delay: '5 ms' },
        { between: ['mallory', 'bob'], delay: '5 ms' },
      ],
    }
  }

  test('reads http, and changes what comes back', () => {
    const one = run(hostile({ replace: { '<h1>': '<h1>Mallory was here: ' } }, { tls: false }, { visits: 'http://bob/' }))
    assert.equal(outcome(one), 200)
    const read = dataOf(one, 'meddler:request-read').map(({ target, host }) => [target, host])
    assert.deepEqual(read[0], ['/', 'bob'])
    assert.equal(dataOf(one, 'meddler:response-edited')[0]['changes'], 1)
    const [sent] = dataOf(one, 'http:response-sent').filter(({ bytes }) => bytes === 3072)
    const received = dataOf(one, 'http:response-received').find(({ id }) => id === 1)
    assert.notEqual(received?.['digest'], sent['digest'])
    assert.equal(received?.['bytes'], 3072 + 'Mallory was here: '.length)
  })

  test('lets TLS through, where it has no certificate, and learns nothing', () => {
    const one = run(hostile({}, {}, {}))
    assert.equal(outcome(one), 200)
    assert.deepEqual(dataOf(one, 'meddler:request-read'), [])
  })

  test('shows a certificate of its own, and is turned away; unless a person believes it', () => {
    const forging = { tls: true }
    const careful = run(hostile(forging, {}, {}))
    assert.equal(outcome(careful), 'ERR_CERT_AUTHORITY_INVALID')
    assert.deepEqual(dataOf(careful, 'meddler:request-read'), [])
    const careless = run(hostile(forging, {}, { tls: { certificateErrors: 'proceed' } }))
    assert.equal(outcome(careless), 200)
    assert.equal(dataOf(careless, 'meddler:request-read')[0]['secure'], true)
  })

  test('strips TLS from who comes by http, but not from who knows better (HSTS)', () => {
    const stripping = { strip: true }
    const naive = run(hostile(stripping, { hsts: 3600 }, { visits: 'http://bob/' }))
    assert.equal(outcome(naive), 200)
    assert.ok(
      dataOf(naive, 'http:request-sent').every(({ url }) => String(url).startsWith('http://')),
      'the browser never comes to https',
    )
    assert.equal(dataOf(naive, 'meddler:tls-stripped').length, dataOf(naive, 'meddler:request-read').length)
    const preloaded = run(hostile(stripping, { hsts: 3600 }, { visits: 'http://bob/', hstsPreload: ['bob'] }))
    assert.equal(outcome(preloaded), 200)
    assert.deepEqual(dataOf(preloaded, 'meddler:request-read'), [])
    assert.deepEqual(dataOf(preloaded, 'meddler:tls-stripped'), [])
  })
})

describe('early data, and somebody who sends it again', () => {
  /** alice – mallory (a router that replays) – bob; the second visit is early data. */
  function replayed(tls: Record<string, unknown> = {}, pay: Record<string, unknown> = {}) {
    return {
      id: 'replay',
      title: 'Money moves twice',
      duration: '20 s',
      hosts: {
        alice: {
          app: 'browser',
          visits: ['https://bob/', { url: 'https://bob/pay?to=carol', at: '2 s', reconnect: true }],
          tls: { earlyData: true },
        },
        mallory: { kind: 'router', app: 'replayer' },
        bob: {
          app: 'web-server',
          tls: { earlyData: '16 KiB', ...tls },
          serves: { '/': '1 KiB', '/pay': { size: '1 B', effect: 'counter', ...pay } },
        },
      },
      links: [
        { between: ['alice', 'mallory'], delay: '10 ms' },
        { between: ['mallory', 'bob'], delay: '10 ms' },
      ],
    }
  }
  const effects = (one: InlineRun) => dataOf(one, 'http:effect-applied').map(({ count, early }) => [count, early])

  test('without protection, what was asked for once happens twice', () => {
    const one = run(replayed({ replayProtection: false }))
    assert.deepEqual(dataOf(one, 'app:failed'), [])
    assert.equal(dataOf(one, 'replayer:flight-replayed').length, 1)
    assert.deepEqual(effects(one), [
      [1, true],
      [2, true],
    ])
  })

  test('with it, once: the server remembers what it has seen (RFC 8446 section 8)', () => {
    const one = run(replayed())
    assert.equal(dataOf(one, 'replayer:flight-replayed').length, 1)
    assert.deepEqual(effects(one), [[1, true]])
    assert.equal(dataOf(one, 'tls:early-data-rejected').length, 1)
  })

  test('or the server asks for it again when it can be no replay: 425 (RFC 8470)', () => {
    const one = run(replayed({ replayProtection: false }, { tooEarly: true }))
    assert.equal(dataOf(one, 'replayer:flight-replayed').length, 1)
    assert.deepEqual(effects(one), [[1, false]])
    assert.equal(dataOf(one, 'http:too-early').length, 2)
  })
})
