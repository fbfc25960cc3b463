import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TlsSession } from '../../src/protocols/tls/session.ts'
import { ContentType, ExtensionType, HandshakeType, NamedGroup } from '../../src/wire/tls/code-points.ts'
import { bytesOf } from '../protocols/tls/tls-pair.ts'
import { judge } from './scripted-peer.ts'
import type { Case } from './scripted-peer.ts'
import { ScriptedServer13 } from './scripted-server13.ts'
import { handshakeMessage, withBody, withExtension, withExtensions } from './tls-extension-list.ts'

/* What a client of TLS 1.3 makes of a server that breaks the rules: RFC 8446 sections 4 to 6. */

const { handshake, application_data: data, change_cipher_spec: change } = ContentType
const NOTHING = new Uint8Array(0)
const fresh = (): ScriptedServer13 => new ScriptedServer13()
const greeting = (): ScriptedServer13 => ScriptedServer13.greeting()
const connected = (): ScriptedServer13 => ScriptedServer13.connected()
type Script = Case<ScriptedServer13>[1]

/** Goes on to the end of the handshake, with a message at one place that is another. */
function flight(edits: Readonly<Record<string, (message: Uint8Array) => Uint8Array>> = {}): Script {
  const same = (message: Uint8Array): Uint8Array => message
  const { extensions = same, certificate = same, verify = same, finished = same } = edits
  return (server) => {
    const parts = [
      () => extensions(server.encryptedExtensions()),
      () => certificate(server.certificate()),
      () => verify(server.certificateVerify()),
    ]
    for (const part of parts) {
      server.say(part())
      if (server.end.fault !== undefined) return
    }
    server.finish(finished(server.finished()))
  }
}

const longer = (message: Uint8Array): Uint8Array => withBody(message, (body) => [...body, 0])
const shorter = (message: Uint8Array): Uint8Array => withBody(message, (body) => body.subarray(0, -1))

describe('4.1.3: ServerHello', () => {
  const hello = (
    extensions: Parameters<ScriptedServer13['hello']>[0],
    head: Parameters<ScriptedServer13['hello']>[1] = {},
  ): Script => {
    return (server) => {
      server.plain(handshake, server.hello(extensions, head))
    }
  }
  const edited = (edit: (message: Uint8Array) => Uint8Array): Script => {
    return (server) => {
      server.plain(handshake, edit(server.hello()))
    }
  }
  judge(fresh, {
    'as it should be': [
      'open',
      (server) => {
        server.sayHello(server.hello())
        flight()(server)
      },
    ],
    'legacy_version of SSL 3.0 (appendix D.5)': ['protocol_version', hello({}, { version: 0x0300 })],
    'legacy_version of TLS 1.1': ['illegal_parameter', hello({}, { version: 0x0302 })],
    'legacy_version of TLS 1.3': ['illegal_parameter', hello({}, { version: 0x0304 })],
    'another session ID than the client’s': ['illegal_parameter', hello({}, { sessionId: new Uint8Array(32) })],
    'a session ID of 33 bytes': ['decode_error', hello({}, { sessionId: new Uint8Array(33) })],
    'a suite that was not offered': ['illegal_parameter', hello({}, { cipherSuite: 0x1302 })],
    'a suite of TLS 1.2': ['illegal_parameter', hello({}, { cipherSuite: 0xc02b })],
    'GREASE for a suite': ['illegal_parameter', hello({}, { cipherSuite: 0x0a0a })],
    'a compression method': ['illegal_parameter', hello({}, { compressionMethod: 1 })],
    'no supported_versions: TLS 1.2 (appendix D.3)': ['protocol_version', hello({ selectedVersion: undefined })],
    'TLS 1.2 by supported_versions (4.2.1)': ['illegal_parameter', hello({ selectedVersion: 0x0303 })],
    'a draft of TLS 1.3': ['illegal_parameter', hello({ selectedVersion: 0x7f1c })],
    'GREASE for a version': ['illegal_parameter', hello({ selectedVersion: 0x5a5a })],
    'no key_share': ['missing_extension', hello({ keyShare: undefined })],
    'a share for a group that is supported, but not shared (4.2.8)': [
      'illegal_parameter',
      hello({ keyShare: { group: NamedGroup.secp256r1, keyExchange: new Uint8Array(65).fill(4) } }),
    ],
    'a share for a group that is not supported': [
      'illegal_parameter',
      hello({ keyShare: { group: NamedGroup.x448, keyExchange: new Uint8Array(56).fill(4) } }),
    ],
    'a share of zeros': ['illegal_parameter', hello({ keyShare: { group: NamedGroup.x25519, keyExchange: new Uint8Array(32) } })],
    'a share of 31 bytes': [
      'illegal_parameter',
      hello({ keyShare: { group: NamedGroup.x25519, keyExchange: new Uint8Array(31).fill(9) } }),
    ],
    'a share of no bytes': ['decode_error', hello({ keyShare: { group: NamedGroup.x25519, keyExchange: NOTHING } })],
    'a pre-shared key that was not offered': ['unsupported_extension', hello({ selectedIdentity: 0 })],
    'an extension that was not asked for': ['unsupported_extension', hello({ recordSizeLimit: 16_384 })],
    'one that nobody knows': ['unsupported_extension', edited((message) => withExtension(message, 0x7777, []))],
    'one that belongs into EncryptedExtensions': ['illegal_parameter', hello({ serverName: true })],
    'a cookie, which belongs into a HelloRetryRequest': [
      'illegal_parameter',
      edited((message) => withExtension(message, ExtensionType.cookie, [0, 1, 1])),
    ],
    'key_share twice': [
      'illegal_parameter',
      edited((message) => withExtensions(message, (list) => [...list, list[list.length - 1]])),
    ],
    'a byte behind it': ['decode_error', edited(longer)],
    'a byte short': ['decode_error', edited(shorter)],
    'a byte too many in supported_versions': [
      'decode_error',
      edited((message) => withExtension(message, ExtensionType.supported_versions, [3, 4, 0])),
    ],
    'half a version': ['decode_error', edited((message) => withExtension(message, ExtensionType.supported_versions, [3]))],
    'the beginning of the next message in its record (5.1)': [
      'unexpected_message',
      (server) => {
        server.plain(handshake, [...server.hello(), HandshakeType.encrypted_extensions])
      },
    ],
    'all of the next message in its record, not protected (5.1)': [
      'unexpected_message',
      (server) => {
        server.plain(handshake, [...server.hello(), ...server.encryptedExtensions()])
      },
    ],
    'in records of one byte': [
      'open',
      (server) => {
        for (const byte of server.hello()) server.plain(handshake, [byte])
      },
    ],
    'data before it': [
      'unexpected_message',
      (server) => {
        server.plain(data, bytesOf('x'))
      },
    ],
    'a ChangeCipherSpec before it (5)': [
      'open',
      (server) => {
        server.plain(change, [1])
        server.sayHello(server.hello())
        flight()(server)
      },
    ],
    'a ChangeCipherSpec in its middle (5.1)': [
      'unexpected_message',
      (server) => {
        server.plain(handshake, server.hello().subarray(0, 10))
        server.plain(change, [1])
      },
    ],
  })
})

describe('4.1.4: HelloRetryRequest', () => {
  const retry = (
    extensions: Parameters<ScriptedServer13['retry']>[0],
    head: Parameters<ScriptedServer13['retry']>[1] = {},
  ): Script => {
    return (server) => {
      server.plain(handshake, server.retry(extensions, head))
    }
  }
  const then = (next: Script): Script => {
    return (server) => {
      server.sayRetry(server.retry())
      assert.equal(server.hellos.length, 2)
      next(server)
    }
  }
  const group = NamedGroup.secp256r1
  judge(fresh, {
    'for another group': [
      'open',
      then((server) => {
        assert.deepEqual(
          server.hellos[1].extensions.keyShare?.map((entry) => entry.group),
          [group],
        )
        server.sayHello(server.hello({ keyShare: server.share(group) }), group)
        flight()(server)
      }),
    ],
    'for nothing new': ['illegal_parameter', retry({ selectedGroup: undefined })],
    'for a group of which a share was sent (4.2.8)': ['illegal_parameter', retry({ selectedGroup: NamedGroup.x25519 })],
    'for a group that is not supported (4.2.8)': ['illegal_parameter', retry({ selectedGroup: NamedGroup.x448 })],
    'for GREASE': ['illegal_parameter', retry({ selectedGroup: 0x6a6a })],
    'with a suite that was not offered': ['illegal_parameter', retry({}, { cipherSuite: 0x1302 })],
    'with another session ID': ['illegal_parameter', retry({}, { sessionId: new Uint8Array(5) })],
    'with a compression method': ['illegal_parameter', retry({}, { compressionMethod: 1 })],
    'without supported_versions': ['missing_extension', retry({ selectedVersion: undefined })],
    'with an empty cookie': [
      'decode_error',
      (server) => {
        server.plain(handshake, withExtension(server.retry(), ExtensionType.cookie, [0, 0]))
      },
    ],
    'with an extension that was not asked for': [
      'unsupported_extension',
      (server) => {
        server.plain(handshake, withExtension(server.retry(), 0x7777, []))
      },
    ],
    'with an extension that belongs elsewhere': [
      'illegal_parameter',
      (server) => {
        server.plain(handshake, withExtension(server.retry(), ExtensionType.server_name, []))
      },
    ],
    twice: [
      'unexpected_message',
      then((server) => {
        server.plain(handshake, server.retry({ selectedGroup: undefined, cookie: Uint8Array.of(1) }))
      }),
    ],
    'and then another group (4.2.8)': [
      'illegal_parameter',
      then((server) => {
        server.plain(handshake, server.hello({ keyShare: { group: NamedGroup.x25519, keyExchange: new Uint8Array(32).fill(9) } }))
      }),
    ],
    'and then no share': [
      'missing_extension',
      then((server) => {
        server.plain(handshake, server.hello({ keyShare: undefined }))
      }),
    ],
    'the ServerHello in its record': [
      'unexpected_message',
      (server) => {
        server.plain(handshake, [...server.retry(), ...server.hello()])
      },
    ],
  })
  test('a cookie is given back, and the shares stay (4.2.2)', () => {
    const server = fresh()
    server.sayRetry(server.retry({ selectedGroup: undefined, cookie: bytesOf('once') }))
    const [first, second] = server.hellos
    assert.deepEqual(second.extensions.cookie, bytesOf('once'))
    assert.deepEqual(second.extensions.keyShare, first.extensions.keyShare)
    assert.deepEqual([second.random, second.sessionId], [first.random, first.sessionId])
  })
  test('TLS 1.2 afterwards: illegal_parameter', () => {
    const server = new ScriptedServer13({
      versions: ['1.3', '1.2'],
      cipherSuites: ['TLS_AES_128_GCM_SHA256', 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'],
    })
    server.sayRetry(server.retry())
    server.plain(handshake, server.hello({ selectedVersion: undefined, keyShare: undefined }, { cipherSuite: 0xc02b }))
    assert.equal(server.verdict(), 'illegal_parameter')
  })
  test('another suite afterwards: illegal_parameter', () => {
    const server = new ScriptedServer13({ cipherSuites: ['TLS_AES_128_GCM_SHA256', 'TLS_CHACHA20_POLY1305_SHA256'] })
    server.sayRetry(server.retry())
    server.plain(handshake, server.hello({ keyShare: server.share(group) }, { cipherSuite: 0x1303 }))
    assert.equal(server.verdict(), 'illegal_parameter')
  })
  test('early data are over, and cannot be taken any more (4.2.10): unsupported_extension', () => {
    const session: TlsSession = {
      ...{ version: '1.3', cipherSuite: 'TLS_AES_128_GCM_SHA256', serverName: 'bob', alpn: undefined, peerChain: [] },
      ...{ ticket: new Uint8Array(40), sessionId: NOTHING, secret: new Uint8Array(32), receivedAt: 0, lifetime: 100, ageAdd: 0 },
      maxEarlyData: 100,
    }
    const server = new ScriptedServer13({ session, earlyData: bytesOf('early') })
    assert.equal(server.hellos[0].extensions.earlyData, true)
    server.sayRetry(server.retry())
    assert.equal(server.hellos[1].extensions.earlyData, undefined)
    server.sayHello(server.hello({ keyShare: server.share(group), selectedIdentity: 0 }), group)
    server.say(server.encryptedExtensions({ earlyData: true }))
    assert.equal(server.verdict(), 'unsupported_extension')
  })
})

describe('4: a message that does not belong there', () => {
  const before =
    (count: number): (() => ScriptedServer13) =>
    () => {
      const server = greeting()
      const parts = [() => server.encryptedExtensions(), () => server.certificate(), () => server.certificateVerify()]
      for (const part of parts.slice(0, count)) server.say(part())
      return server
    }
  const STATES: Readonly<Record<string, readonly [make: () => ScriptedServer13, allowed: readonly number[]]>> = {
    'in place of ServerHello': [fresh, [2]],
    'in place of EncryptedExtensions': [before(0), [8]],
    'in place of Certificate': [before(1), [11, 13]],
    'in place of CertificateVerify': [before(2), [15]],
    'in place of Finished': [before(3), [20]],
    'after the handshake': [connected, [4, 24]],
  }
  for (const [when, [make, allowed]] of Object.entries(STATES)) {
    test(`${when}: unexpected_message for every type but ${allowed.join(' and ')}`, () => {
      for (const type of [...Object.values(HandshakeType), 3, 6, 7, 9, 10, 21, 23, 25, 67, 203, 255]) {
        if (allowed.includes(type)) continue
        const server = make()
        server.sealed(handshake, handshakeMessage(type, NOTHING))
        assert.equal(server.verdict(), 'unexpected_message', `type ${String(type)}`)
      }
    })
  }
  judge(greeting, {
    'data in place of EncryptedExtensions': [
      'unexpected_message',
      (server) => {
        server.sealed(data, bytesOf('x'))
      },
    ],
    'EncryptedExtensions without protection': [
      'unexpected_message',
      (server) => {
        server.plain(handshake, server.encryptedExtensions())
      },
    ],
    'a message behind Finished, in its record': [
      'unexpected_message',
      (server) => {
        server.say(server.encryptedExtensions())
        server.say(server.certificate())
        server.say(server.certificateVerify())
        server.sealed(handshake, [...server.finished(), 4])
      },
    ],
  })
})

describe('4.3.1: EncryptedExtensions', () => {
  const carrying = (type: number, bytes: readonly number[]): Script => {
    return (server) => {
      const block = [type >>> 8, type & 0xff, bytes.length >>> 8, bytes.length & 0xff, ...bytes]
      server.say(handshakeMessage(HandshakeType.encrypted_extensions, [block.length >>> 8, block.length & 0xff, ...block]))
    }
  }
  const type = ExtensionType
  judge(greeting, {
    'the name was used': ['open', carrying(type.server_name, [])],
    'a name, said again (RFC 6066 section 3)': ['decode_error', carrying(type.server_name, [0, 0])],
    'groups for the next time': ['open', carrying(type.supported_groups, [0, 2, 0, 23])],
    'one that nobody knows': ['unsupported_extension', carrying(0x7777, [])],
    GREASE: ['unsupported_extension', carrying(0x1a1a, [])],
    key_share: ['illegal_parameter', carrying(type.key_share, [0, 29])],
    supported_versions: ['illegal_parameter', carrying(type.supported_versions, [3, 4])],
    signature_algorithms: ['illegal_parameter', carrying(type.signature_algorithms, [0, 2, 4, 3])],
    'early_data, unasked': ['unsupported_extension', carrying(type.early_data, [])],
    'ALPN, unasked': ['unsupported_extension', carrying(type.application_layer_protocol_negotiation, [0, 3, 2, 104, 50])],
    'a block that is longer than it says': [
      'decode_error',
      (server) => {
        server.say(longer(server.encryptedExtensions()))
      },
    ],
    'no block at all': [
      'decode_error',
      (server) => {
        server.say(handshakeMessage(8, []))
      },
    ],
  })
  judge(() => ScriptedServer13.greeting({ alpn: ['h2', 'http/1.1'] }), {
    'ALPN: one of ours': [
      'open',
      (server) => {
        server.say(server.encryptedExtensions({ alpn: ['http/1.1'] }))
      },
    ],
    'ALPN: none of ours (RFC 7301 section 3.1)': [
      'illegal_parameter',
      (server) => {
        server.say(server.encryptedExtensions({ alpn: ['h3'] }))
      },
    ],
    'ALPN: two': [
      'illegal_parameter',
      (server) => {
        server.say(server.encryptedExtensions({ alpn: ['h2', 'http/1.1'] }))
      },
    ],
    'ALPN: an empty list': ['decode_error', carrying(type.application_layer_protocol_negotiation, [0, 0])],
    'ALPN: an empty name': ['decode_error', carrying(type.application_layer_protocol_negotiation, [0, 1, 0])],
  })
})

describe('4.1.3: who hides TLS 1.3', () => {
  const both = (): ScriptedServer13 =>
    new ScriptedServer13({
      versions: ['1.3', '1.2'],
      cipherSuites: ['TLS_AES_128_GCM_SHA256', 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'],
    })
  const old = (mark: string, version = 0x0303): Script => {
    return (server) => {
      const random = new Uint8Array(32).fill(7)
      random.set(bytesOf(mark), 24)
      const head = { random, version, cipherSuite: 0xc02b, sessionId: NOTHING }
      server.plain(handshake, server.hello({ selectedVersion: undefined, keyShare: undefined }, head))
    }
  }
  judge(both, {
    'no mark': ['open', old('nothing!')],
    'the mark of TLS 1.2': ['illegal_parameter', old('DOWNGRD\x01')],
    'the mark of TLS 1.1': ['illegal_parameter', old('DOWNGRD\x00')],
    'TLS 1.1, mark or not': ['protocol_version', old('nothing!', 0x0302)],
    'TLS 1.0': ['protocol_version', old('nothing!', 0x0301)],
    'SSL 3.0': ['protocol_version', old('nothing!', 0x0300)],
  })
  test('the session ID of a client that had none to resume (appendix D.4): illegal_parameter', () => {
    const server = new ScriptedServer13({
      ...{ versions: ['1.3', '1.2'], compatibilityMode: true },
      cipherSuites: ['TLS_AES_128_GCM_SHA256', 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'],
    })
    assert.equal(server.hellos[0].sessionId.length, 32)
    server.plain(handshake, server.hello({ selectedVersion: undefined, keyShare: undefined }, { cipherSuite: 0xc02b }))
    assert.equal(server.verdict(), 'illegal_parameter')
  })
})
