import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseStrictTransport, StrictHosts } from '../../src/apps/hsts.ts'
import { Director } from '../../src/run/director.ts'
import { InlineHosts } from '../../src/run/inline-hosts.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'

type Tree = Record<string, unknown>

/** A browser, a server and, by request, more hosts, on one switch. */
function run(browser: Tree, server: Tree, others: Record<string, Tree> = {}): TraceView {
  const scenario = resolveScenario({
    id: 'memory',
    title: 'What a browser remembers',
    seed: 3,
    duration: '600 s',
    hosts: {
      browser: { app: 'browser', ...browser },
      server: { app: 'web-server', ...server },
      ...others,
      switch: { kind: 'switch' },
    },
    links: ['browser', 'server', ...Object.keys(others)].map((name) => ({
      between: [name, 'switch'],
      rate: '10 Mbit/s',
      delay: '10 ms',
    })),
  })
  const director = new Director(scenario, { seed: 3 })
  new InlineHosts(scenario, 3, director).advance(scenario.duration)
  assert.deepEqual(
    director.store.all('app:failed').map(({ data }) => data),
    [],
  )
  return director.store
}

const mine = (trace: TraceView, name: string): EventRecord[] => trace.all(name, ({ host }) => host === 0)
const ends = (trace: TraceView): unknown[] =>
  mine(trace, 'fetch:ended').map(({ data }) => [data['status'], data['outcome'], data['bytes']])
const loads = (trace: TraceView): unknown[] => mine(trace, 'page:loaded').map(({ data }) => data['url'])
const connectionsOf = (trace: TraceView): number =>
  new Set(mine(trace, 'http:request-sent').map(({ connection }) => connection)).size

describe('the cache (RFC 9111)', () => {
  const twice = { visits: ['http://server/', 'http://server/'] }
  const serves = (cacheControl?: string): Tree => ({
    serves: { '/': { size: '2 kB', type: 'text/plain', ...(cacheControl !== undefined && { cacheControl }) } },
  })

  test('what is fresh is used without asking, and loads at once', () => {
    const trace = run(twice, serves('max-age=60'))
    assert.deepEqual(ends(trace), [
      [200, 'complete', 2000],
      [200, 'from-cache', 0],
    ])
    const durations = mine(trace, 'page:loaded').map(({ data }) => data['duration'])
    assert.equal(durations[1], 0)
    assert.equal(mine(trace, 'page:loaded')[1]?.data['bytes'], 2000)
  })

  test('what is stale is confirmed: 304, and no body', () => {
    const trace = run({ visits: ['http://server/', { url: 'http://server/', at: '20 s' }] }, serves('max-age=10'))
    assert.deepEqual(ends(trace), [
      [200, 'complete', 2000],
      [304, 'complete', 0],
    ])
    assert.deepEqual(
      mine(trace, 'page:loaded').map(({ data }) => data['bytes']),
      [2000, 2000],
    )
  })

  test('a reload has even what is fresh confirmed', () => {
    const trace = run({ visits: ['http://server/', { url: 'http://server/', reload: true }] }, serves('max-age=60'))
    assert.deepEqual(ends(trace)[1], [304, 'complete', 0])
  })

  for (const [name, cacheControl] of [
    ['no-store', 'no-store'],
    ['nothing said', undefined],
  ] as const) {
    test(`${name}: nothing is kept`, () => {
      const trace = run(twice, serves(cacheControl))
      assert.deepEqual(ends(trace), [
        [200, 'complete', 2000],
        [200, 'complete', 2000],
      ])
    })
  }

  test('without a cache everything comes again', () => {
    assert.deepEqual(ends(run({ ...twice, cache: false }, serves('max-age=60')))[1], [200, 'complete', 2000])
  })

  test('what a page names is found again in what is kept', () => {
    const trace = run(twice, { page: 'tiny', cacheControl: 'max-age=600' })
    assert.deepEqual(
      ends(trace)
        .slice(5)
        .map((end) => (end as string[])[1]),
      Array.from({ length: 5 }, () => 'from-cache'),
    )
    assert.equal(mine(trace, 'http:request-sent').length, 5)
    const painted = mine(trace, 'page:first-rendered').map(({ data }) => data['duration'])
    assert.equal(painted[1], 0)
  })
})

describe('redirects (RFC 9110 section 15.4)', () => {
  test('a page that has moved is loaded from where it is, and so are its parts', () => {
    const trace = run(
      { visits: 'http://server/old/' },
      {
        serves: {
          '/old/': { size: '0 B', location: '/new/page' },
          '/new/page': { size: '1 kB', type: 'text/html', references: [{ url: '/x.css', as: 'style' }] },
          '/x.css': '500 B',
        },
      },
    )
    assert.deepEqual(
      mine(trace, 'http:request-sent').map(({ data }) => data['url']),
      ['http://server/old/', 'http://server/new/page', 'http://server/x.css'],
    )
    const [loaded] = mine(trace, 'page:loaded')
    assert.deepEqual([loaded?.data['url'], loaded?.data['location']], ['http://server/old/', 'http://server/new/page'])
    assert.equal(mine(trace, 'fetch:ended')[0]?.data['location'], 'http://server/new/page')
    assert.deepEqual(
      mine(trace, 'fetch:queued').map(({ data }) => data['initiator']),
      [0, 1, 2],
    )
  })

  test('a loop ends after 20', () => {
    const trace = run({ visits: 'http://server/' }, { serves: { '/': { size: '0 B', location: '/' } } })
    assert.equal(mine(trace, 'http:request-sent').length, 21)
    assert.equal(mine(trace, 'page:failed')[0]?.data['error'], 'ERR_TOO_MANY_REDIRECTS')
  })
})

describe('strict transport security (RFC 6797)', () => {
  test('who has been there once comes by https from then on, without a request in the clear', () => {
    const trace = run(
      { visits: ['http://server/', 'http://server/'] },
      { tls: true, hsts: 1000, serves: { '/': { size: '1 kB', type: 'text/plain' } } },
    )
    assert.deepEqual(
      mine(trace, 'http:request-sent').map(({ data }) => data['url']),
      ['http://server/', 'https://server/', 'https://server/'],
    )
    assert.deepEqual(
      mine(trace, 'hsts:remembered').map(({ data }) => [data['host'], data['maxAge']]),
      [['server', 1000]],
    )
    assert.deepEqual(
      mine(trace, 'fetch:upgraded').map(({ data }) => [data['to'], data['reason']]),
      [['https://server/', 'hsts']],
    )
    assert.deepEqual(loads(trace), ['http://server/', 'http://server/'])
  })

  test('a host that the browser came with is never asked in the clear', () => {
    const trace = run(
      { visits: 'http://server/', hstsPreload: ['server'] },
      { tls: true, serves: { '/': { size: '1 kB', type: 'text/plain' } } },
    )
    assert.deepEqual(
      mine(trace, 'http:request-sent').map(({ data }) => data['url']),
      ['https://server/'],
    )
  })

  test('section 12.1: nobody goes on in spite of a bad certificate', () => {
    const server = { tls: { certificate: 'expired' }, serves: { '/': { size: '1 kB', type: 'text/plain' } } }
    const browser = { visits: 'https://server/', tls: { certificateErrors: 'proceed' } }
    assert.deepEqual(loads(run(browser, server)), ['https://server/'])
    const strict = run({ ...browser, hstsPreload: ['server'] }, server)
    assert.equal(mine(strict, 'page:failed')[0]?.data['error'], 'ERR_CERT_DATE_INVALID')
  })

  test('what the field may say', () => {
    assert.deepEqual(parseStrictTransport('max-age=31536000'), { maxAge: 31_536_000, includeSubDomains: false })
    assert.deepEqual(parseStrictTransport('Max-Age="5" ; includeSubDomains; preload'), { maxAge: 5, includeSubDomains: true })
    for (const text of ['', 'max-age', 'max-age=', 'max-age=-1', 'max-age=x', 'includeSubDomains', 'max-age=1; max-age=2'])
      assert.equal(parseStrictTransport(text), undefined, text)
  })

  test('hosts are remembered for as long as they say, with those below them if they say so', () => {
    const hosts = new StrictHosts(['bank'])
    assert.equal(hosts.note('a.example', { maxAge: 10, includeSubDomains: false }, 0), true)
    assert.equal(hosts.note('b.example', { maxAge: 10, includeSubDomains: true }, 0), true)
    assert.deepEqual(
      ['a.example', 'x.a.example', 'b.example', 'x.y.b.example', 'xb.example', 'www.bank', '10.0.0.1'].map((name) =>
        hosts.has(name, 5e9),
      ),
      [true, false, true, true, false, true, false],
    )
    assert.equal(hosts.has('a.example', 10e9), false)
    hosts.note('b.example', { maxAge: 0, includeSubDomains: false }, 5e9)
    assert.equal(hosts.has('b.example', 5e9), false)
    hosts.note('bank', { maxAge: 0, includeSubDomains: false }, 5e9)
    assert.equal(hosts.has('bank', 5e9), true, 'those that the browser came with are not forgotten')
    assert.equal(hosts.note('10.0.0.1', { maxAge: 10, includeSubDomains: false }, 0), false, 'an address is no name')
  })
})

describe('https', () => {
  const plain = { '/': { size: '1 kB', type: 'text/plain' } }

  for (const [certificate, error] of [
    ['expired', 'ERR_CERT_DATE_INVALID'],
    ['not-yet-valid', 'ERR_CERT_DATE_INVALID'],
    ['wrong-name', 'ERR_CERT_COMMON_NAME_INVALID'],
    ['self-signed', 'ERR_CERT_AUTHORITY_INVALID'],
    ['unknown-authority', 'ERR_CERT_AUTHORITY_INVALID'],
  ] as const) {
    test(`a certificate that is ${certificate}: ${error}, unless the person goes on`, () => {
      const server = { tls: { certificate }, serves: plain }
      const stopped = run({ visits: 'https://server/' }, server)
      const [failed] = mine(stopped, 'page:failed')
      assert.equal(failed?.data['error'], error)
      assert.equal(failed?.data['whose'], 'remote')
      assert.equal(stopped.all('http:request-received').length, 0, 'nothing was asked for')
      assert.equal(mine(stopped, 'fetch:ended')[0]?.data['outcome'], 'failed')
      assert.deepEqual(loads(run({ visits: 'https://server/', tls: { certificateErrors: 'proceed' } }, server)), [
        'https://server/',
      ])
    })
  }

  test('on a page under TLS scripts without are blocked, and pictures are asked for with it', () => {
    const references = [
      { url: 'http://server/evil.js', as: 'script' },
      { url: 'http://server/x.webp', as: 'image' },
    ]
    const trace = run(
      { visits: 'https://server/' },
      {
        tls: { plain: 'serve' },
        serves: { '/': { size: '2 kB', type: 'text/html', references }, '/evil.js': '1 kB', '/x.webp': '1 kB' },
      },
    )
    assert.deepEqual(
      mine(trace, 'fetch:blocked').map(({ data }) => [data['url'], data['kind'], data['reason']]),
      [['http://server/evil.js', 'script', 'mixed-content']],
    )
    assert.deepEqual(
      mine(trace, 'http:request-sent').map(({ data }) => data['url']),
      ['https://server/', 'https://server/x.webp'],
    )
  })

  test('nor does a redirect lead them out of it', () => {
    const trace = run(
      { visits: 'https://server/' },
      {
        tls: { plain: 'serve' },
        serves: {
          '/': { size: '2 kB', type: 'text/html', references: [{ url: '/moved.js', as: 'script' }] },
          '/moved.js': { size: '0 B', location: 'http://server/evil.js' },
          '/evil.js': '1 kB',
        },
      },
    )
    assert.deepEqual(
      mine(trace, 'fetch:blocked').map(({ data }) => data['url']),
      ['http://server/evil.js'],
    )
    assert.deepEqual(
      mine(trace, 'page:loaded').map(({ data }) => [data['resources'], data['failures']]),
      [[0, 1]],
    )
    assert.ok(
      mine(trace, 'http:request-sent').every(({ data }) => String(data['url']).startsWith('https:')),
      'nothing was asked for in the clear',
    )
  })

  test('phases of a first visit: name, TCP, TLS, and then the request', () => {
    const trace = run({ visits: 'https://server/' }, { tls: true, serves: plain })
    assert.deepEqual(
      mine(trace, 'fetch:phase-started').map(({ data }) => data['phase']),
      ['dns', 'connect', 'tls', 'sending', 'waiting', 'receiving'],
    )
  })

  test('a second connection resumes; with early data the request goes out a round trip earlier', () => {
    const visits = ['https://server/', { url: 'https://server/', at: '1 s', reconnect: true }]
    const took = (browser: Tree, server: Tree): number[] => {
      const trace = run({ visits, ...browser }, { tls: { earlyData: '16 KiB', ...server }, serves: plain })
      assert.equal(mine(trace, 'page:loaded').length, 2)
      const resumed = mine(trace, 'tls:connected').map(({ data }) => data['resumed'])
      assert.deepEqual(resumed, [false, true])
      return mine(trace, 'page:loaded').map(({ data }) => Number(data['duration']))
    }
    const [, resumed] = took({}, {})
    const [, early] = took({ tls: { earlyData: true } }, {})
    assert.ok(resumed !== undefined && early !== undefined, 'both visits')
    const trip = 40e6
    assert.ok(Math.abs(resumed - early - trip) < 2e6, `${String(resumed)} against ${String(early)}`)
    // What the server does not take is sent again when the handshake is over.
    const [, refused] = took({ tls: { earlyData: true } }, { earlyData: '0 B' })
    assert.ok(refused !== undefined && Math.abs(refused - resumed) < 2e6, `${String(refused)} against ${String(resumed)}`)
  })

  test('RFC 8470: what was asked for too early is asked for again', () => {
    const visits = ['https://server/', { url: 'https://server/', at: '1 s', reconnect: true }]
    const trace = run(
      { visits, tls: { earlyData: true } },
      { tls: { earlyData: '16 KiB' }, serves: { '/': { size: '1 kB', type: 'text/plain', tooEarly: true } } },
    )
    assert.deepEqual(
      mine(trace, 'http:response-received').map(({ data }) => data['status']),
      [200, 425, 200],
    )
    assert.equal(mine(trace, 'page:loaded').length, 2)
  })
})

describe('one connection for several names (RFC 9113 section 9.1.1)', () => {
  const page = { page: { model: 'tiny', shards: ['img', 'static'] } }

  test('same address, a certificate for both: one', () => {
    const trace = run({ visits: 'https://server/' }, { ...page, tls: true, aliases: ['img', 'static'] })
    assert.equal(connectionsOf(trace), 1)
    assert.equal(mine(trace, 'http:connection-coalesced').length, 2)
    assert.deepEqual(
      mine(trace, 'page:loaded').map(({ data }) => [data['resources'], data['failures']]),
      [[4, 0]],
    )
  })

  test('unless the browser does not do that', () => {
    const browser = { visits: 'https://server/', coalescing: false }
    assert.equal(connectionsOf(run(browser, { ...page, tls: true, aliases: ['img', 'static'] })), 3)
  })

  test('another address: each its own', () => {
    const other = { app: 'web-server', page: 'tiny', tls: true }
    const trace = run({ visits: 'https://server/' }, { ...page, tls: true }, { img: other, static: other })
    assert.equal(connectionsOf(trace), 3)
    assert.equal(mine(trace, 'http:connection-coalesced').length, 0)
  })

  test('HTTP/1.1: each name has its connections', () => {
    const trace = run({ visits: 'https://server/', protocols: ['http/1.1'] }, { ...page, tls: true, aliases: ['img', 'static'] })
    assert.equal(mine(trace, 'http:connection-coalesced').length, 0)
    assert.ok(connectionsOf(trace) >= 3, `${String(connectionsOf(trace))} connections`)
  })
})

describe('server push (RFC 9113 section 8.4)', () => {
  const serves = {
    '/': {
      size: '1 kB',
      type: 'text/html',
      references: [{ url: '/a.css', as: 'style' }],
      push: ['/a.css'],
    },
    '/a.css': { size: '9 kB', cacheControl: 'max-age=600' },
  }

  test('what is pushed need not be asked for', () => {
    const [pushed, asked] = [true, false].map((push) => run({ visits: 'https://server/', push }, { tls: true, serves }))
    assert.ok(pushed && asked)
    assert.deepEqual(ends(pushed), [
      [200, 'complete', 1000],
      [200, 'pushed', 9000],
    ])
    assert.equal(mine(pushed, 'http:request-sent').length, 1)
    assert.equal(mine(asked, 'http:request-sent').length, 2)
    const [quick, slow] = [pushed, asked].map((trace) => Number(mine(trace, 'page:loaded')[0]?.data['duration']))
    assert.ok((slow ?? 0) - (quick ?? 0) > 30e6, 'a round trip is saved')
  })

  test('what is in the cache is refused, but its bytes may be on the way', () => {
    // The last visit keeps the connection open for long enough.
    const visits = ['https://server/', { url: 'https://server/', at: '1 s' }, { url: 'https://server/a.css', at: '2 s' }]
    const trace = run({ visits }, { tls: true, serves })
    assert.deepEqual(
      mine(trace, 'http2:push-refused').map(({ data }) => data['reason']),
      ['cached'],
    )
    assert.deepEqual(ends(trace)[3], [200, 'from-cache', 0])
    const refused = mine(trace, 'http2:push-refused')[0]?.data['stream']
    const wasted = mine(trace, 'http2:frame-received').filter(({ data }) => data['stream'] === refused && data['type'] === 'DATA')
    assert.ok(wasted.length > 0, 'it came all the same')
  })
})
