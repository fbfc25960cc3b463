import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { liveOption } from '../../src/scenario/live-option.ts'
import { USUAL_CLIENT_QUIC, USUAL_SERVER_QUIC } from '../../src/scenario/quic-settings.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { refusalOf } from './scenario-fixture.ts'

function scenario(server: Record<string, unknown>, browser: Record<string, unknown> = {}) {
  return {
    id: 'quic',
    title: 'Over QUIC',
    hosts: {
      alice: { app: 'browser', visits: 'https://bob/', ...browser },
      bob: { app: 'web-server', serves: { '/': '1 KiB' }, tls: true, protocols: ['h3', 'h2'], ...server },
    },
    links: [{ between: ['alice', 'bob'] }],
  }
}

function optionsOf(source: unknown, host: number): Readonly<Record<string, unknown>> {
  return resolveScenario(source).hosts[host].apps[0].options
}

const refused = (source: unknown): string => {
  const { path, found, allowed } = refusalOf(() => resolveScenario(source))
  return `${path}: ${found}; ${allowed}`
}

describe('QUIC in a scenario', () => {
  test('what is written, in base units, and the rest as usual', () => {
    const quic = {
      retry: 'always',
      congestionControl: 'new-reno',
      streamWindow: '32 KiB',
      idleTimeout: '5 s',
      keyUpdateAfter: 1000,
    }
    assert.deepEqual(optionsOf(scenario({ quic }), 1)['quic'], {
      ...USUAL_SERVER_QUIC,
      retry: 'always',
      congestionControl: 'new-reno',
      streamWindow: 32_768,
      idleTimeout: 5e9,
      keyUpdateAfter: 1000,
    })
    const client = { qpackTableCapacity: '0 B', initialRtt: '100 ms', migration: false }
    assert.deepEqual(optionsOf(scenario({}, { quic: client }), 0)['quic'], {
      ...USUAL_CLIENT_QUIC,
      qpackTableCapacity: 0,
      initialRtt: 100e6,
      migration: false,
    })
    assert.equal(optionsOf(scenario({}), 1)['quic'], undefined, 'who says nothing leaves it to the application')
  })

  test('Alt-Svc: true is a day, 0 that browsers are to forget it', () => {
    assert.deepEqual(
      [true, false, 0, 60].map((altSvc) => optionsOf(scenario({ altSvc }), 1)['altSvc']),
      [86_400, false, 0, 60],
    )
    assert.equal(optionsOf(scenario({}), 1)['altSvc'], undefined)
    assert.match(refused(scenario({ altSvc: 'clear' })), /^hosts\.bob\.altSvc: "clear"; true, false, or for how many seconds/)
    assert.ok(liveOption('web-server', ['altSvc']) !== undefined, 'it can be changed while the server runs')
  })

  test('HTTP/3 without TLS there is none', () => {
    assert.match(refused(scenario({ tls: false })), /^hosts\.bob\.protocols: h3 without tls; h3 beside "tls": true/)
  })

  test('who only speaks TCP is not told to speak HTTP/3', () => {
    const proxy = {
      app: 'reverse-proxy',
      backends: 'http://alice',
      tls: true,
      protocols: ['h3'],
      serves: undefined,
      page: undefined,
    }
    const source = scenario({})
    source.hosts.bob = Object.fromEntries(Object.entries(proxy).filter(([, value]) => value !== undefined)) as never
    assert.match(refused(source), /^hosts\.bob\.protocols\[0\]: "h3"; /)
  })

  test('the UDP port is that of TLS, or one of its own, which nobody else may have', () => {
    const both = (first: Record<string, unknown>, second: Record<string, unknown>) => {
      const source = scenario({})
      const server = { app: 'web-server', serves: { '/': '1 KiB' }, tls: { plain: 'off' }, protocols: ['h3'] }
      source.hosts.bob = { apps: [{ ...server, ...first }, second] } as never
      return source
    }
    const echo = (port: number) => ({ app: 'udp-echo', port })
    assert.match(
      refused(both({}, echo(443))),
      /^hosts\.bob\.apps\[1\]\.port: udp 443; a port of its own, for hosts\.bob\.apps\[0\]/,
    )
    assert.match(refused(both({ quic: { port: 8443 } }, echo(8443))), /^hosts\.bob\.apps\[1\]\.port: udp 8443; /)
    assert.doesNotThrow(() => resolveScenario(both({ quic: { port: 8443 } }, echo(443))))
    const overTcp = { app: 'web-server', serves: { '/': '1 B' }, tls: { plain: 'off' } }
    assert.doesNotThrow(() => resolveScenario(both({}, overTcp)), 'who speaks only HTTP/3 leaves the TCP port to others')
  })

  test('what cannot be is refused, with what can', () => {
    assert.match(refused(scenario({ quic: { retry: 'sometimes' } })), /^hosts\.bob\.quic\.retry: "sometimes"; .*under-load/)
    assert.match(refused(scenario({ quic: { congestionControl: 'bbr' } })), /^hosts\.bob\.quic\.congestionControl: "bbr"; /)
    assert.match(refused(scenario({ quic: { streamWindow: 65_536 } })), /^hosts\.bob\.quic\.streamWindow: 65536; /)
    assert.match(refused(scenario({ quic: { maxAckDelay: '20 s' } })), /^hosts\.bob\.quic\.maxAckDelay: "20 s"; /)
    assert.match(refused(scenario({}, { quic: { retry: 'always' } })), /^hosts\.alice\.quic\.retry: /)
    assert.match(refused(scenario({ quic: true })), /^hosts\.bob\.quic: true; QUIC options of a server: an object with/)
  })
})
