import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { ClientTlsSettings, ServerTlsSettings } from '../../src/scenario/tls-settings.ts'
import { refusalOf } from './scenario-fixture.ts'

type Hosts = Record<string, Record<string, unknown>>

function scenario(server: Record<string, unknown>, browser: Record<string, unknown> = {}, more: Hosts = {}) {
  return {
    id: 'secure',
    title: 'Under TLS',
    hosts: {
      alice: { app: 'browser', visits: 'https://bob/', ...browser },
      bob: { app: 'web-server', serves: { '/': '1 KiB' }, ...server },
      ...more,
    },
    links: [{ between: ['alice', 'bob'] }, ...Object.keys(more).map((name) => ({ between: ['alice', name] }))],
  }
}

/** Options of the first application of a host. */
function optionsOf(source: unknown, host: string, seed?: number): Readonly<Record<string, unknown>> {
  const resolved = resolveScenario(source, seed === undefined ? {} : { seed })
  const found = resolved.hosts.find(({ name }) => name === host)
  assert.ok(found, host)
  return found.apps[0].options
}

const refused = (source: unknown): string => {
  const { path, found, allowed } = refusalOf(() => resolveScenario(source))
  return `${path}: ${found}; ${allowed}`
}

describe('TLS of a server', () => {
  test('true is what is best here, and the certificate is for all names and addresses', () => {
    const tls = optionsOf(scenario({ tls: true, aliases: ['www.bob', 'img'] }), 'bob')['tls'] as ServerTlsSettings
    assert.deepEqual(tls, {
      versions: ['1.3', '1.2'],
      cipherSuites: [],
      groups: [],
      recordSize: 16_384,
      keyLog: true,
      port: 443,
      plain: 'redirect',
      tickets: 2,
      earlyData: 0,
      replayProtection: true,
      clientAuthentication: 'none',
      order: {
        seed: 1,
        names: ['bob', 'www.bob', 'img'],
        addresses: ['10.0.0.2'],
        kind: 'valid',
        keyType: 'p-256',
        intermediate: true,
        validFor: 7300,
        purpose: 'server',
      },
    })
  })

  test('false is none, and then nobody hears of TLS', () => {
    const plain = scenario({ tls: false }, { visits: 'http://bob/' })
    assert.equal(optionsOf(plain, 'bob')['tls'], undefined)
    assert.equal('tls' in optionsOf(plain, 'alice'), false)
  })

  test('the seed of the run is the seed of its authority', () => {
    const { order } = optionsOf(scenario({ tls: {} }), 'bob', 77)['tls'] as ServerTlsSettings
    const { seed } = optionsOf(scenario({ tls: {} }), 'alice', 77)['tls'] as ClientTlsSettings
    assert.deepEqual([order.seed, seed], [77, 77])
  })

  test('what cannot be is refused, with what can', () => {
    assert.match(refused(scenario({ tls: { versions: ['1.4'] } })), /^hosts\.bob\.tls\.versions\[0\]: "1\.4"; .*1\.3/)
    assert.match(
      refused(scenario({ tls: { versions: [] } })),
      /^hosts\.bob\.tls\.versions: an empty list; a list of 1 to 2 versions/,
    )
    assert.match(refused(scenario({ tls: { versions: ['1.3', '1.3'] } })), /a list of versions with each of them once/)
    assert.match(
      refused(scenario({ tls: { certificate: 'expird' } })),
      /^hosts\.bob\.tls\.certificate: "expird"; expired perhaps/,
    )
    assert.match(refused(scenario({ tls: { recordSize: '32 KiB' } })), /^hosts\.bob\.tls\.recordSize/)
    assert.match(refused(scenario({ tls: { recordSize: 5 } })), /^hosts\.bob\.tls\.recordSize: .* or 'dynamic'$/)
    assert.match(refused(scenario({ tls: { cert: 'valid' } })), /certificate/)
    assert.match(refused(scenario({ tls: 'yes' })), /^hosts\.bob\.tls: "yes"; true, false, or TLS options/)
    assert.match(refused(scenario({ tls: true, protocols: ['h4'] })), /^hosts\.bob\.protocols\[0\]: "h4"; /)
  })

  test('two servers on a port of TLS, or beside it', () => {
    const server = { app: 'web-server', serves: { '/': '1 KiB' } }
    const both = (second: Record<string, unknown>) => ({
      id: 'ports',
      title: 'Ports',
      hosts: {
        alice: {},
        bob: {
          apps: [
            { ...server, tls: {} },
            { ...server, ...second },
          ],
        },
      },
      links: [{ between: ['alice', 'bob'] }],
    })
    assert.match(refused(both({ port: 443 })), /^hosts\.bob\.apps\[1\]\.port: tcp 443; a port of its own/)
    assert.match(refused(both({ port: 81, tls: {} })), /^hosts\.bob\.apps\[1\]\.tls\.port: tcp 443; /)
    assert.match(refused(both({})), /^hosts\.bob\.apps\[1\]\.port: tcp 80; /)
    assert.ok(resolveScenario(both({ port: 8080, tls: { port: 8443 } })), 'each has its own')
  })
})

describe('TLS of a client', () => {
  test('a browser that says nothing trusts the authority of the scenario', () => {
    const tls = optionsOf(scenario({ tls: true }), 'alice')['tls'] as ClientTlsSettings
    assert.deepEqual([tls.roots, tls.certificateErrors, tls.resumption, tls.earlyData], [['scenario'], 'stop', true, false])
    assert.equal(tls.order, undefined)
  })

  test('one that has a certificate shows who it is', () => {
    const { order } = optionsOf(scenario({ tls: true }, { tls: { certificate: 'valid' } }), 'alice')['tls'] as ClientTlsSettings
    assert.deepEqual([order?.purpose, order?.names, order?.kind], ['client', ['alice'], 'valid'])
  })

  test('authorities are those of the scenario, or certificates', () => {
    const pem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
    const { roots } = optionsOf(scenario({ tls: true }, { tls: { roots: ['rogue', pem] } }), 'alice')['tls'] as ClientTlsSettings
    assert.deepEqual(roots, ['rogue', pem])
    assert.match(refused(scenario({ tls: true }, { tls: { roots: ['Verisign'] } })), /scenario, rogue, or a certificate in PEM/)
  })

  test('a reverse proxy has both: its own certificate, and trust in those behind it', () => {
    const edge = { edge: { app: 'reverse-proxy', tls: true, backends: 'https://bob' } }
    const options = optionsOf(scenario({ tls: true }, { visits: 'https://edge/' }, edge), 'edge')
    assert.deepEqual((options['tls'] as ServerTlsSettings).order.names, ['edge'])
    assert.deepEqual((options['backendTls'] as ClientTlsSettings).roots, ['scenario'])
    const nobody = { edge: { app: 'reverse-proxy', backends: ['https://bob', 'http://bo'] } }
    assert.match(refused(scenario({ tls: true }, {}, nobody)), /^hosts\.edge\.backends\[1\]: "http:\/\/bo"; .*bob perhaps/)
  })

  test('who meddles gets no certificate that would be believed', () => {
    const mallory = { mallory: { app: 'meddler', tls: true } }
    const { order } = optionsOf(scenario({ tls: true }, {}, mallory), 'mallory')['tls'] as ServerTlsSettings
    assert.equal(order.kind, 'unknown-authority')
  })
})

describe('aliases', () => {
  test('lead to the host, from everywhere', () => {
    const { hosts } = resolveScenario(scenario({ aliases: ['img.bob'] }, { visits: 'http://img.bob/' }))
    assert.deepEqual(hosts[0].names['img.bob'], hosts[0].names['bob'])
  })

  test('are names of their own', () => {
    assert.match(
      refused(scenario({ aliases: ['alice'] })),
      /^hosts\.bob\.aliases\[0\]: "alice"; a name of its own, for hosts\.alice/,
    )
    assert.match(refused(scenario({ aliases: ['x', 'x'] })), /for hosts\.bob\.aliases\[0\] is called so/)
    assert.match(refused(scenario({}, { visits: 'http://imgs/' })), /a host of this scenario/)
  })
})

test('what can be turned while it runs is said by the knobs', () => {
  const knobs = {
    certificate: { label: 'Certificate', choices: ['valid', 'expired'], sets: 'hosts.bob.tls.certificate' },
    protection: { label: 'Protection', sets: 'hosts.bob.tls.replayProtection' },
    early: { label: 'Early', sets: 'hosts.bob.serves["/"].tooEarly', value: false },
    versions: { label: 'TLS', choices: [{ value: 'old', label: 'Old', sets: { 'hosts.bob.tls.versions': ['1.2'] } }, 'new'] },
    type: { label: 'Key', choices: ['p-256', 'rsa'], sets: 'hosts.bob.tls.keyType' },
  }
  const source = { ...scenario({ tls: {}, serves: { '/': { size: '1 KiB' } } }), knobs }
  const applies = Object.fromEntries(resolveScenario(source).knobs.map(({ name, applies: how }) => [name, how]))
  assert.deepEqual(applies, { certificate: 'live', protection: 'live', early: 'live', versions: 'restart', type: 'restart' })
})
