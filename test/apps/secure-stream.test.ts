import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TlsSession } from '../../src/protocols/tls/session.ts'
import { acceptSecurely } from '../../src/apps/secure-stream.ts'
import { TlsService } from '../../src/apps/tls-service.ts'
import type { ServerTlsSettings } from '../../src/scenario/tls-settings.ts'
import { pair } from '../host/topologies.ts'
import { data, latin1, MILLISECOND, noFailures, page, resource, SECOND, server, type Body } from './site.ts'
import { asks, clientTls, GET, order, secureClient, serverTls } from './secure.ts'

const SITE = { '/': page([], { size: 600 }), '/big': resource(200_000), '/pay': resource(10, { effect: 'counter' }) }

/** What came of a connection: the answer, or the error; as each end has it. */
function met(tls: Partial<ServerTlsSettings>, client: Parameters<typeof secureClient>[1] = {}, words = GET) {
  const heard: string[] = []
  const errors: string[] = []
  const world = pair(secureClient(asks(words, heard), client, errors), server(SITE, { tls: serverTls(tls) }))
  world.run(20 * SECOND)
  noFailures(world)
  return { heard: heard[0], errors, world }
}

describe('a page under TLS', () => {
  for (const version of ['1.3', '1.2'] as const) {
    for (const keyType of ['p-256', 'ed25519', 'rsa'] as const) {
      test(`TLS ${version}, a key of type ${keyType}`, () => {
        const { heard, world } = met({ versions: [version], order: order({ keyType }) })
        assert.match(heard, /^HTTP\/1\.1 200 OK\r\n/)
        for (const host of ['alice', 'bob']) {
          const [connected] = data(world, 'tls:connected', host)
          assert.deepEqual([connected['version'], connected['alpn'], connected['resumed']], [version, 'http/1.1', false])
        }
        const secrets = data(world, 'tls:secret-logged', 'bob').map(({ line }) => String(line))
        assert.ok(secrets.length >= (version === '1.3' ? 4 : 1), `${secrets.length} secrets`)
        assert.deepEqual(
          secrets.sort(),
          data(world, 'tls:secret-logged', 'alice')
            .map(({ line }) => String(line))
            .sort(),
        )
      })
    }
  }

  test('both ends say which messages went by', () => {
    const { world } = met({})
    const sent = data(world, 'tls:message-sent', 'bob').map(({ message }) => message)
    const received = data(world, 'tls:message-received', 'alice').map(({ message }) => message)
    assert.deepEqual(received.slice(0, sent.length), sent)
    assert.deepEqual(sent.slice(0, 1), ['ServerHello'])
    assert.ok(sent.includes('CertificateVerify') && sent.includes('Finished'), sent.join(', '))
  })

  test('secrets are not recorded where the scenario says so', () => {
    const { world } = met({ keyLog: false }, { settings: clientTls({ keyLog: false }) })
    assert.deepEqual(data(world, 'tls:secret-logged'), [])
  })

  test('nothing in common: each end says whose fault it is', () => {
    const { errors, world } = met({ versions: ['1.2'] }, { settings: clientTls({ versions: ['1.3'] }) })
    assert.deepEqual(errors, ['ERR_SSL_VERSION_OR_CIPHER_MISMATCH'])
    assert.equal(data(world, 'tls:failed', 'alice')[0]['alert'], 'protocol_version')
    assert.equal(data(world, 'tls:failed', 'bob')[0]['whose'], 'peer')
  })

  test('a client that speaks no TLS at all is told so, and the server goes on', () => {
    const heard: string[] = []
    const errors: string[] = []
    const stranger: Body = function* (context) {
      const socket = yield* context.sockets.connect({ address: 0x0a000002, port: 443 })
      yield* socket.write(latin1(GET))
      const bytes = yield* socket.read()
      assert.equal(bytes?.[0], 21, 'an alert')
      socket.close()
    }
    const late = secureClient(asks(GET, heard), {}, errors, { at: SECOND })
    const world = pair([stranger, late], server(SITE, { tls: serverTls() }))
    world.run(10 * SECOND)
    noFailures(world)
    assert.match(heard[0], /200 OK/)
    assert.equal(data(world, 'tls:failed', 'bob').length, 1)
  })
})

describe('certificates', () => {
  const wrong = {
    expired: 'ERR_CERT_DATE_INVALID',
    'not-yet-valid': 'ERR_CERT_DATE_INVALID',
    'wrong-name': 'ERR_CERT_COMMON_NAME_INVALID',
    'self-signed': 'ERR_CERT_AUTHORITY_INVALID',
    'unknown-authority': 'ERR_CERT_AUTHORITY_INVALID',
    'weak-key': 'ERR_CERT_WEAK_KEY',
  } as const
  for (const [kind, error] of Object.entries(wrong) as [keyof typeof wrong, string][]) {
    test(`${kind}: ${error}, and nothing is sent`, () => {
      const { heard, errors, world } = met({ order: order({ kind }) })
      assert.equal(heard, undefined)
      assert.deepEqual(errors, [error])
      assert.equal(data(world, 'tls:certificate-refused')[0]['error'], error)
      assert.deepEqual(data(world, 'http:request-received'), [])
    })

    test(`${kind}: a person may go on nevertheless`, () => {
      const settings = clientTls({ certificateErrors: 'proceed' })
      const { heard, world } = met({ order: order({ kind }) }, { settings })
      assert.match(heard, /200 OK/)
      assert.equal(data(world, 'tls:certificate-refused')[0]['overlooked'], true)
      assert.deepEqual(
        met({ order: order({ kind }) }, { settings, mayProceed: false }).errors,
        [error],
        'unless it is not allowed',
      )
    })
  }

  test('without the intermediate nobody can tell who issued it', () => {
    assert.deepEqual(met({ order: order({ intermediate: false }) }).errors, ['ERR_CERT_AUTHORITY_INVALID'])
  })

  test('an authority that is not trusted is one that nobody knows', () => {
    assert.deepEqual(met({}, { settings: clientTls({ roots: [] }) }).errors, ['ERR_CERT_AUTHORITY_INVALID'])
    const rogue = met({ order: order({ kind: 'unknown-authority' }) }, { settings: clientTls({ roots: ['rogue'] }) })
    assert.match(rogue.heard, /200 OK/)
  })

  test('for an address, and for a second name', () => {
    assert.match(met({}, { serverName: '10.0.0.2' }).heard, /200 OK/)
    assert.match(met({}, { serverName: 'bob.example' }).heard, /200 OK/)
    assert.deepEqual(met({}, { serverName: 'carol' }).errors, ['ERR_CERT_COMMON_NAME_INVALID'])
  })

  test('of the same seed are the same, of another seed not', () => {
    const chain = (seed: number) => {
      const seen: string[] = []
      const look = secureClient(
        function* (stream) {
          yield* []
          seen.push(...stream.peerChain.map((certificate) => Buffer.from(certificate).toString('hex')))
          stream.close()
        },
        { settings: clientTls({ seed }) },
      )
      pair(look, server(SITE, { tls: serverTls({ order: order({ seed }) }) })).run(10 * SECOND)
      assert.equal(seen.length, 2)
      return seen
    }
    assert.deepEqual(chain(5), chain(5))
    assert.notDeepEqual(chain(5), chain(6))
  })

  test('a client shows who it is, where it is asked for', () => {
    const own = clientTls({ order: order({ names: ['alice'], addresses: [], purpose: 'client' }) })
    const none = met({ clientAuthentication: 'required' }, { settings: clientTls({ versions: ['1.2'] }) })
    assert.deepEqual([none.heard, none.errors], [undefined, ['ERR_SSL_VERSION_OR_CIPHER_MISMATCH']])
    assert.match(met({ clientAuthentication: 'wanted' }).heard, /200 OK/)
    const known = met({ clientAuthentication: 'required' }, { settings: own })
    assert.match(known.heard, /200 OK/)
    const asServer = clientTls({ order: order({ purpose: 'server' }) })
    const wrongPurpose = met({ clientAuthentication: 'required' }, { settings: asServer })
    assert.equal(wrongPurpose.world.happened('tls:failed', 'bob').length, 1, 'a server’s certificate does not do')
  })
})

describe('sessions', () => {
  const pay = 'GET /pay HTTP/1.1\r\nHost: bob\r\nConnection: close\r\n\r\n'

  /** Two visits of one client, the second with the ticket of the first. */
  function twice(tls: Partial<ServerTlsSettings>, early = false, site: Parameters<typeof server>[0] = SITE) {
    const heard: string[] = []
    const outcomes: string[] = []
    const client: Body = function* (context) {
      let session: TlsSession | undefined
      for (let visit = 0; visit < 2; visit++) {
        const options = {
          settings: clientTls({ earlyData: early, versions: tls.versions ?? ['1.3', '1.2'] }),
          ticketReceived: (ticket: TlsSession) => (session = ticket),
          ...(session !== undefined && { session }),
          ...(early && session !== undefined && { firstBytes: latin1(pay) }),
        }
        yield* secureClient(function* (stream, ...rest) {
          outcomes.push(`${stream.isResumed ? 'resumed' : 'full'} ${stream.earlyData}`)
          yield* asks(stream.earlyData === 'accepted' ? '' : pay, heard)(stream, ...rest)
        }, options)(context)
        yield* context.sleep(SECOND)
      }
    }
    const world = pair(client, server(site, { tls: serverTls(tls) }), { delay: 20 * MILLISECOND })
    world.run(20 * SECOND)
    noFailures(world)
    return { heard, outcomes, world }
  }

  for (const version of ['1.3', '1.2'] as const) {
    test(`TLS ${version}: resumed by a ticket`, () => {
      const { outcomes, heard } = twice({ versions: [version] })
      assert.deepEqual(outcomes, ['full none', 'resumed none'])
      assert.match(heard[1], /\/pay: 2/)
    })
  }

  test('no tickets, nothing to resume', () => {
    assert.deepEqual(twice({ tickets: 0, versions: ['1.3'] }).outcomes, ['full none', 'full none'])
  })

  test('early data is answered a round trip earlier', () => {
    const { outcomes, heard, world } = twice({ earlyData: 16_384 }, true)
    assert.deepEqual(outcomes, ['full none', 'resumed accepted'])
    assert.match(heard[1], /\/pay: 2/)
    const [first, second] = world.happened('http:request-received').map(({ data: received }) => received['early'])
    assert.deepEqual([first, second], [undefined, true])
    const begins = world.happened('tls:handshake-started', 'alice').map(({ time }) => time)
    const asked = world
      .happened('http:request-received')
      .map(({ time }, visit) => Math.round((time - begins[visit]) / MILLISECOND))
    assert.deepEqual(asked, [60, 20], 'one way takes 20 ms: behind a whole handshake, and with its first message')
  })

  test('early data that is not welcome comes again (RFC 8446 section 4.2.10)', () => {
    const { outcomes, heard, world } = twice({ earlyData: 16 }, true)
    assert.equal(outcomes[1], 'resumed none', 'more than the ticket allows is not offered')
    assert.match(heard[1], /\/pay: 2/)
    assert.deepEqual(data(world, 'tls:early-data-rejected'), [])
  })

  test('425 Too Early for what must not happen twice (RFC 8470 section 5.2)', () => {
    const site = { ...SITE, '/pay': resource(10, { effect: 'counter', tooEarly: true }) }
    const { heard, world } = twice({ earlyData: 16_384 }, true, site)
    assert.match(heard[1], /^HTTP\/1\.1 425 Too Early\r\n/)
    assert.deepEqual(
      data(world, 'http:effect-applied').map(({ count }) => count),
      [1],
    )
  })
})

describe('the stream', () => {
  test('200 kB arrive whole, whatever the line loses', () => {
    for (const loss of [0, 0.05]) {
      const heard: string[] = []
      const words = GET.replace('/', '/big')
      const world = pair(secureClient(asks(words, heard)), server(SITE, { tls: serverTls() }), {
        loss,
        delay: 5 * MILLISECOND,
        rate: 10_000_000,
      })
      world.run(120 * SECOND)
      noFailures(world)
      assert.equal(heard[0].length - heard[0].indexOf('\r\n\r\n') - 4, 200_000)
    }
  })

  test('small records, and keys that change in the middle', () => {
    const heard: string[] = []
    const client = secureClient(function* (stream, ...rest) {
      stream.updateKeys()
      yield* asks(GET.replace('/', '/big'), heard)(stream, ...rest)
    })
    const world = pair(client, server(SITE, { tls: serverTls({ recordSize: 512 }) }))
    world.run(20 * SECOND)
    noFailures(world)
    assert.equal(heard[0].length - heard[0].indexOf('\r\n\r\n') - 4, 200_000)
    const updates = data(world, 'tls:message-received').filter(({ message }) => message === 'KeyUpdate')
    assert.equal(updates.length, 2, 'each end has changed its keys')
  })

  test('dynamic: records fit a segment at first, and are as large as they may be later', () => {
    const lengths: number[] = []
    const client = secureClient(function* (stream) {
      const received = stream.carriers?.received
      yield* stream.write(latin1(GET.replace('/', '/big')))
      let at = 0
      for (let bytes = yield* stream.read(); bytes !== undefined; bytes = yield* stream.read()) {
        const [from, to] = received?.carrierOf(at, at + bytes.length) ?? [0, 0]
        lengths.push(to - from)
        at += bytes.length
      }
      stream.close()
    })
    const world = pair(client, server(SITE, { tls: serverTls({ recordSize: 'dynamic' }) }))
    world.run(20 * SECOND)
    noFailures(world)
    const first = lengths.findIndex((length) => length > 1440)
    assert.ok(first * 1400 >= 60_000, `${String(first)} small records come first`)
    assert.ok(Math.max(...lengths) > 16_384, `the largest has ${String(Math.max(...lengths))} bytes`)
  })

  test('an end without close_notify is told from one with it (RFC 8446 section 6.1)', () => {
    const truncated: boolean[] = []
    const client = () =>
      secureClient(function* (stream) {
        assert.equal(Buffer.from((yield* stream.read()) ?? []).toString(), 'hello')
        assert.equal(yield* stream.read(), undefined)
        truncated.push(stream.isTruncated)
        stream.close()
      })
    for (const cut of [false, true]) {
      const service = new TlsService(serverTls())
      const bob: Body = function* (context) {
        const socket = yield* context.sockets.listen(443).accept()
        const stream = yield* acceptSecurely(context, socket, service.options(context, ['http/1.1']))
        yield* stream.write(latin1('hello'))
        if (cut) socket.shutdown()
        else stream.shutdown()
        yield* context.sleep(SECOND)
      }
      const world = pair(client(), bob)
      world.run(5 * SECOND)
      noFailures(world)
      assert.equal(data(world, 'tls:truncated', 'alice').length, cut ? 1 : 0)
    }
    assert.deepEqual(truncated, [false, true])
  })

  test('a byte that somebody flips on the way is noticed, and nothing of it is believed', () => {
    const heard: string[] = []
    const errors: string[] = []
    const world = pair(secureClient(asks(GET, heard), {}, errors), server(SITE, { tls: serverTls() }), {
      corrupt: 0.3,
      corruptUndetected: true,
    })
    world.run(120 * SECOND)
    noFailures(world)
    assert.ok(heard.length + errors.length === 1, `${heard.length} answers, ${errors.length} errors`)
  })

  test('where its bytes lay in TCP is known record by record', () => {
    const ranges: (readonly [number, number])[] = []
    const client = secureClient(function* (stream) {
      const received = stream.carriers?.received
      yield* stream.write(latin1(GET))
      let at = 0
      for (let bytes = yield* stream.read(); bytes !== undefined; bytes = yield* stream.read()) {
        ranges.push(received?.carrierOf(at, at + bytes.length) ?? [0, 0])
        at += bytes.length
      }
      stream.close()
    })
    const world = pair(client, server(SITE, { tls: serverTls({ recordSize: 200 }) }))
    world.run(5 * SECOND)
    noFailures(world)
    assert.ok(ranges.length >= 3, `${ranges.length} records`)
    ranges.forEach(([from, to], i) => {
      assert.ok(to - from > 200 || i === ranges.length - 1, 'a record is longer than what it holds')
      if (i > 0) assert.equal(from, ranges[i - 1][1], 'one record follows the other')
    })
  })
})
