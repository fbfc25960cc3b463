import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TlsClientOptions, TlsServerOptions } from '../../../src/protocols/tls/options.ts'
import { TlsTickets } from '../../../src/protocols/tls/tickets.ts'
import { decodeClientHello } from '../../../src/wire/tls/client-hello.ts'
import type { ClientHello } from '../../../src/wire/tls/client-hello.ts'
import { cipherSuiteName, extensionTypeName, ExtensionType } from '../../../src/wire/tls/code-points.ts'
import { decodeHandshakeHeader, HANDSHAKE_HEADER_LENGTH } from '../../../src/wire/tls/handshake.ts'
import { bytesOf, concat, pairOf, seeded, talk, textOf } from './tls-pair.ts'
import type { TlsPair } from './tls-pair.ts'

const RECORD_HEADER = 5

function isGrease(code: number | undefined): boolean {
  return code !== undefined && cipherSuiteName(code) === 'GREASE'
}

/** Every ClientHello that was sent, in plain records of handshake. */
function hellos({ client }: TlsPair): ClientHello[] {
  const found: ClientHello[] = []
  const bytes = concat(client.sent)
  for (let at = 0; at + RECORD_HEADER <= bytes.length;) {
    const length = (bytes[at + 3] << 8) | bytes[at + 4]
    const start = at + RECORD_HEADER
    const header = bytes[at] === 22 ? decodeHandshakeHeader(bytes, start, start + length) : undefined
    if (header?.type === 1) found.push(decodeClientHello(bytes.slice(start, start + HANDSHAKE_HEADER_LENGTH + header.length)))
    at = start + length
  }
  return found
}

/** A connection with a hello as browsers say it, over which both say something. */
function greased(client: Partial<TlsClientOptions> = {}, server: Partial<TlsServerOptions> = {}): TlsPair {
  const pair = pairOf({ grease: true, ...client }, server)
  talk(pair)
  assert.equal(pair.client.fault, undefined)
  assert.equal(pair.server.fault, undefined)
  pair.client.tls.send(bytesOf('up'))
  pair.server.tls.send(bytesOf('down'))
  talk(pair)
  assert.equal(textOf(pair.server.data), 'up')
  assert.equal(textOf(pair.client.data), 'down')
  return pair
}

describe('values that mean nothing (RFC 8701)', () => {
  test('one is in each list, and a server takes no notice', () => {
    const seen = new Set<number>()
    for (let seed = 1; seed <= 40; seed++) {
      const [{ cipherSuites, extensions }] = hellos(greased({ random: seeded(seed), versions: ['1.3'] }))
      const { supportedGroups = [], supportedVersions = [], keyShare = [], order = [] } = extensions
      for (const list of [cipherSuites, supportedGroups, supportedVersions]) {
        assert.ok(isGrease(list[0]), 'it comes first')
        assert.equal(list.filter(isGrease).length, 1)
      }
      assert.equal(keyShare[0]?.group, supportedGroups[0])
      assert.equal(keyShare[0]?.keyExchange.length, 1)
      const types = order.filter((type) => extensionTypeName(type) === 'GREASE')
      assert.equal(new Set(types).size, 2)
      seen.add(cipherSuites[0] ?? 0)
    }
    assert.ok(seen.size > 8, 'it is not always the same')
  })

  test('a client of TLS 1.2 sends them too, but no encrypted hello', () => {
    const [{ cipherSuites, extensions }] = hellos(greased({ versions: ['1.2'] }))
    assert.ok(isGrease(cipherSuites[0]), 'among the suites')
    assert.equal(extensions.keyShare, undefined)
    assert.equal(extensions.order?.includes(ExtensionType.encrypted_client_hello), false)
  })

  test('a server that speaks TLS 1.2 only ignores all of it', () => {
    assert.equal(greased({}, { versions: ['1.2'] }).client.connected?.version, '1.2')
  })

  test('when they are not asked for nothing of them is there', () => {
    const pair = pairOf()
    talk(pair)
    const [{ cipherSuites, extensions }] = hellos(pair)
    assert.equal(cipherSuites.some(isGrease), false)
    assert.equal(
      extensions.order?.some((type) => isGrease(type) || type === ExtensionType.encrypted_client_hello),
      false,
    )
  })
})

describe('what looks like an encrypted hello (draft-ietf-tls-esni section 6.2)', () => {
  const encrypted = (hello: ClientHello): Uint8Array | undefined =>
    hello.extensions.others?.find(({ type }) => type === ExtensionType.encrypted_client_hello)?.data

  test('has the form of one, and a length that does not tell it from one', () => {
    for (const groups of [['x25519'], ['X25519MLKEM768', 'x25519']] as const) {
      const data = encrypted(hellos(greased({ groups }))[0])
      assert.ok(data, 'it is there')
      // Outer; HKDF-SHA256, AES-128-GCM; config_id; enc of X25519; payload.
      assert.deepEqual([...data.subarray(0, 5)], [0, 0, 1, 0, 1])
      assert.deepEqual([...data.subarray(6, 8)], [0, 32])
      const length = (data[40] << 8) | data[41]
      assert.equal(data.length, 42 + length)
      assert.equal((length - 16) % 32, 0)
      assert.ok(length >= 128 && length <= 256, String(length))
    }
  })

  test('after a HelloRetryRequest it is the same, and the shares are those that were wanted', () => {
    const pair = greased({ groups: ['x25519', 'secp256r1'] }, { groups: ['secp256r1'] })
    assert.equal(pair.client.connected?.retried, true)
    const [first, second] = hellos(pair)
    assert.deepEqual(encrypted(second), encrypted(first))
    assert.deepEqual(second.cipherSuites, first.cipherSuites)
    assert.deepEqual(second.extensions.supportedGroups, first.extensions.supportedGroups)
    assert.equal(second.extensions.keyShare?.length, 1)
  })

  test('where only a cookie is wanted, the shares stay as they were (RFC 8446 section 4.1.2)', () => {
    const [first, second] = hellos(greased({}, { alwaysRetry: true }))
    assert.deepEqual(second.extensions.keyShare, first.extensions.keyShare)
  })
})

test('a session is resumed with it, and early data are taken: the binder covers what means nothing as well', () => {
  const tickets = new TlsTickets({ random: seeded(3) })
  const first = greased({}, { tickets, maxEarlyData: 1000 })
  const { session } = first.client
  assert.ok(session, 'there is a ticket')
  const second = pairOf({ grease: true, session, earlyData: bytesOf('early') }, { tickets, maxEarlyData: 1000 })
  talk(second)
  assert.equal(second.client.connected?.resumed, true)
  assert.equal(second.client.connected.earlyData, 'accepted')
  assert.equal(textOf(second.server.data), 'early')
})

test('the hybrid beside X25519 makes a hello of more than one segment of 1,448 bytes, as browsers have it', () => {
  const [hello] = hellos(greased({ versions: ['1.3'], groups: ['X25519MLKEM768', 'x25519', 'secp256r1'], alpn: ['h2'] }))
  assert.deepEqual(
    hello.extensions.keyShare?.map(({ keyExchange }) => keyExchange.length),
    [1, 1216, 32],
  )
})
