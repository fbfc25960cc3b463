import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TlsTickets } from '../../src/protocols/tls/tickets.ts'
import { ContentType, ExtensionType, HandshakeType, NamedGroup } from '../../src/wire/tls/code-points.ts'
import { SignatureScheme } from '../../src/wire/tls/code-points.ts'
import { decodeServerHello, isHelloRetryRequest } from '../../src/wire/tls/server-hello.ts'
import { credentialsOf, seeded } from '../protocols/tls/tls-pair.ts'
import { ScriptedClient13 } from './scripted-client13.ts'
import { judge } from './scripted-peer.ts'
import type { Case } from './scripted-peer.ts'
import { extensionsOf, handshakeMessage, withBody, withExtension, withExtensions } from './tls-extension-list.ts'

/* What a server of TLS 1.3 makes of ClientHellos: RFC 8446 section 4.1.2 and 4.2, extension by extension. */

const make = (): ScriptedClient13 => new ScriptedClient13()
const type = ExtensionType
const numbers16 = (...values: readonly number[]): number[] => values.flatMap((value) => [value >>> 8, value & 0xff])

/** A hello whose extension has other data. */
const carrying = (extension: number, data: readonly number[]): ((client: ScriptedClient13) => void) => {
  return (client) => {
    client.greet(withExtension(client.hello(), extension, data))
  }
}

const head = (edit: Parameters<ScriptedClient13['hello']>[1]): ((client: ScriptedClient13) => void) => {
  return (client) => {
    client.greet(client.hello({}, edit))
  }
}

const extended = (edit: Parameters<ScriptedClient13['hello']>[0]): ((client: ScriptedClient13) => void) => {
  return (client) => {
    client.greet(client.hello(edit))
  }
}

describe('4.1.2: the fields of a ClientHello', () => {
  judge(make, {
    'as it should be': ['open', head({})],
    'legacy_version of SSL 3.0 (appendix D.5)': ['protocol_version', head({ version: 0x0300 })],
    'legacy_version of SSL 2': ['protocol_version', head({ version: 0x0002 })],
    'legacy_version of TLS 1.0, which says nothing beside supported_versions (4.2.1)': ['open', head({ version: 0x0301 })],
    'legacy_version of TLS 1.3': ['open', head({ version: 0x0304 })],
    'legacy_version of the far future': ['open', head({ version: 0xffff })],
    'legacy_session_id of 32 bytes': ['open', head({ sessionId: new Uint8Array(32) })],
    'legacy_session_id of 33 bytes': ['decode_error', head({ sessionId: new Uint8Array(33) })],
    'no cipher suites': ['decode_error', head({ cipherSuites: [] })],
    'a cipher suite and a half': [
      'decode_error',
      (client) => {
        client.greet(
          withBody(client.hello({}, { cipherSuites: [0x1301, 0x1302] }), (body) => {
            const cut = [...body]
            // Length of the list, behind version, random value and an empty ID.
            cut[36] = 3
            cut.splice(40, 1)
            return cut
          }),
        )
      },
    ],
    'suites that nobody knows, and one that is known': ['open', head({ cipherSuites: [0x0a0a, 0xfefe, 0x1301, 0x00ff] })],
    'only suites of TLS 1.2 (4.1.1)': ['handshake_failure', head({ cipherSuites: [0xc02b, 0xc02f] })],
    'only a suite that is not spoken here (4.1.1)': ['handshake_failure', head({ cipherSuites: [0x1304] })],
    'no compression methods': ['decode_error', head({ compressionMethods: [] })],
    'a compression method beside null': ['illegal_parameter', head({ compressionMethods: [1, 0] })],
    'null twice': ['illegal_parameter', head({ compressionMethods: [0, 0] })],
    'another compression method than null': ['illegal_parameter', head({ compressionMethods: [1] })],
    'a byte behind the extensions': [
      'decode_error',
      (client) => {
        client.greet(withBody(client.hello(), (body) => [...body, 0]))
      },
    ],
    'no extensions at all': [
      'protocol_version',
      (client) => {
        client.greet(withBody(client.hello(), (body) => body.subarray(0, 2 + 32 + 1 + 4 + 2)))
      },
    ],
    'an empty body': [
      'decode_error',
      (client) => {
        client.greet(handshakeMessage(HandshakeType.client_hello, []))
      },
    ],
    'a length that no hello can have': [
      'illegal_parameter',
      (client) => {
        client.plain(ContentType.handshake, [1, 0xff, 0xff, 0xff])
      },
    ],
  })

  test('a hello that is cut short anywhere is refused as soon as it is whole', () => {
    const whole = make().hello()
    for (let length = 0; length < whole.length - 4; length++) {
      const client = make()
      client.greet(withBody(whole, (body) => body.subarray(0, length)))
      // Where there is no room for extensions, it is a hello of TLS 1.2 (RFC 5246 section 7.4.1.2).
      const expected = length === 2 + 32 + 1 + 4 + 2 ? 'protocol_version' : 'decode_error'
      assert.equal(client.verdict(), expected, `${String(length)} bytes`)
    }
  })

  test('a hello whose lengths were changed is refused', () => {
    const whole = make().hello()
    for (const at of [38, 39, 40, 43, 45, 46]) {
      for (const change of [1, 255]) {
        const client = make()
        const bytes = whole.slice()
        bytes[at] = (bytes[at] + change) & 0xff
        client.greet(bytes)
        assert.notEqual(client.verdict(), 'open', `byte ${String(at)}`)
      }
    }
  })
})

describe('4.2: extensions', () => {
  judge(make, {
    'one that nobody knows': ['open', carrying(0x7777, [1, 2, 3])],
    'GREASE (RFC 8701)': ['open', carrying(0x3a3a, [0])],
    'one that nobody knows, twice': [
      'illegal_parameter',
      (client) => {
        const unknown = { type: 0x7777, data: new Uint8Array(0) }
        client.greet(withExtensions(client.hello(), (list) => [unknown, ...list, unknown]))
      },
    ],
    'in any order': [
      'open',
      (client) => {
        client.greet(withExtensions(client.hello(), (list) => list.toReversed()))
      },
    ],
    'a thousand of them': [
      'open',
      (client) => {
        const many = Array.from({ length: 1000 }, (_, i) => ({ type: 0x1000 + i, data: new Uint8Array(2) }))
        client.greet(withExtensions(client.hello(), (list) => [...many, ...list]))
      },
    ],
    'one of 60,000 bytes': [
      'open',
      (client) => {
        client.greet(withExtension(client.hello(), 0x7777, new Array<number>(60_000).fill(0)))
      },
    ],
  })

  test('none may be there twice', () => {
    const kinds = extensionsOf(make().hello({ alpn: ['h2'], extendedMasterSecret: true, renegotiationInfo: new Uint8Array(0) }))
    assert.ok(kinds.length >= 9, 'there are many')
    for (const { type: kind, data } of kinds) {
      const client = make()
      const hello = client.hello({ alpn: ['h2'], extendedMasterSecret: true, renegotiationInfo: new Uint8Array(0) })
      client.greet(withExtensions(hello, (list) => [...list, { type: kind, data }]))
      assert.equal(client.verdict(), 'illegal_parameter', `extension ${String(kind)}`)
    }
  })

  test('each that is known has to fill its length, and no more', () => {
    const known = [
      ...[type.server_name, type.supported_groups, type.ec_point_formats, type.signature_algorithms, type.supported_versions],
      ...[type.application_layer_protocol_negotiation, type.extended_master_secret, type.record_size_limit, type.early_data],
      ...[type.psk_key_exchange_modes, type.certificate_authorities, type.post_handshake_auth, type.key_share],
      ...[type.signature_algorithms_cert, type.renegotiation_info, type.cookie, type.pre_shared_key],
    ]
    const full: Parameters<ScriptedClient13['hello']>[0] = {
      ...{ alpn: ['h2'], extendedMasterSecret: true, ecPointFormats: [0], recordSizeLimit: 16_384, postHandshakeAuth: true },
      ...{ renegotiationInfo: new Uint8Array(0), certificateAuthorities: [Uint8Array.of(48, 0)], cookie: Uint8Array.of(1) },
      ...{ signatureAlgorithmsCert: [0x0403], earlyData: true },
      preSharedKey: {
        identities: [{ identity: new Uint8Array(40), obfuscatedTicketAge: 0 }],
        binders: [new Uint8Array(32)],
      },
    }
    for (const kind of known) {
      const longer = make()
      longer.greet(
        withExtensions(longer.hello(full), (list) =>
          list.map((one) => (one.type === kind ? { type: kind, data: Uint8Array.of(...one.data, 0) } : one)),
        ),
      )
      assert.equal(longer.verdict(), 'decode_error', `extension ${String(kind)}, a byte too many`)
      const hasBody = kind !== type.extended_master_secret && kind !== type.early_data && kind !== type.post_handshake_auth
      if (!hasBody) continue
      const shorter = make()
      shorter.greet(
        withExtensions(shorter.hello(full), (list) =>
          list.map((one) => (one.type === kind ? { type: kind, data: one.data.slice(0, -1) } : one)),
        ),
      )
      assert.equal(shorter.verdict(), 'decode_error', `extension ${String(kind)}, a byte too few`)
      const empty = make()
      empty.greet(withExtension(empty.hello(full), kind, []))
      assert.equal(empty.verdict(), 'decode_error', `extension ${String(kind)}, without anything`)
    }
  })
})

describe('9.2: extensions that have to be there', () => {
  judge(make, {
    'no supported_groups': ['missing_extension', extended({ supportedGroups: undefined })],
    'no key_share': ['missing_extension', extended({ keyShare: undefined })],
    'neither of them, and no pre-shared key': [
      'missing_extension',
      extended({ supportedGroups: undefined, keyShare: undefined }),
    ],
    'no signature_algorithms': ['missing_extension', extended({ signatureAlgorithms: undefined })],
    'no server_name': ['open', extended({ serverName: undefined })],
    'no psk_key_exchange_modes': ['open', extended({ pskKeyExchangeModes: undefined })],
  })
})

describe('4.2.1: supported_versions', () => {
  judge(make, {
    'only TLS 1.3': ['open', extended({ supportedVersions: [0x0304] })],
    'TLS 1.3 behind GREASE and drafts': ['open', extended({ supportedVersions: [0x5a5a, 0x7f1c, 0x0304, 0x0301] })],
    'only what is not spoken': ['protocol_version', extended({ supportedVersions: [0x0302, 0x0301] })],
    'only the future': ['protocol_version', extended({ supportedVersions: [0x0305, 0x7e02] })],
    'only TLS 1.2, to a server of TLS 1.3': ['protocol_version', extended({ supportedVersions: [0x0303] })],
    'an empty list': ['decode_error', extended({ supportedVersions: [] })],
    'a version and a half': ['decode_error', carrying(type.supported_versions, [3, 3, 4, 3])],
    'not there at all': ['protocol_version', extended({ supportedVersions: undefined })],
  })
  judge(() => new ScriptedClient13({ versions: ['1.3', '1.2'] }), {
    'TLS 1.1 in the list counts for more than legacy_version 1.2': [
      'protocol_version',
      (client) => {
        client.greet(client.hello({ supportedVersions: [0x0302] }, { cipherSuites: [0xc02b] }))
      },
    ],
  })

  test('TLS 1.2 in the list counts for more than legacy_version 1.1', () => {
    const client = new ScriptedClient13({ versions: ['1.3', '1.2'] })
    const hello = client.hello({ supportedVersions: [0x0303] }, { version: 0x0302, cipherSuites: [0xc02b] })
    client.plain(ContentType.handshake, hello)
    assert.deepEqual(client.end.messages('sent').at(-1), 'ServerHelloDone')
  })
})

describe('4.2.3: signature_algorithms', () => {
  const schemes = (...codes: readonly number[]): Case<ScriptedClient13>[1] => extended({ signatureAlgorithms: codes })
  judge(make, {
    'none in common': ['handshake_failure', schemes(SignatureScheme.ed448, SignatureScheme.ecdsa_secp384r1_sha384)],
    'one in common behind unknown ones': ['open', schemes(0x0a0a, 0xfe01, SignatureScheme.ecdsa_secp256r1_sha256)],
    'the right one of SHA-1 only': ['handshake_failure', schemes(SignatureScheme.ecdsa_sha1)],
    'an empty list': ['decode_error', carrying(type.signature_algorithms, [0, 0])],
    'a scheme and a half': ['decode_error', carrying(type.signature_algorithms, [0, 3, 4, 3, 4])],
    'a length beyond the end': ['decode_error', carrying(type.signature_algorithms, [0, 8, 4, 3])],
    '2,000 of them': [
      'open',
      schemes(...Array.from({ length: 2000 }, (_, i) => 0xe000 + i), SignatureScheme.ecdsa_secp256r1_sha256),
    ],
  })
  judge(() => new ScriptedClient13({ credentials: credentialsOf('rsa') }), {
    'RSA by PKCS #1 v1.5 only, which is for certificates': ['handshake_failure', schemes(SignatureScheme.rsa_pkcs1_sha256)],
    'RSA by PSS for a key of its own kind only': ['handshake_failure', schemes(SignatureScheme.rsa_pss_pss_sha256)],
    'RSA by PSS': ['open', schemes(SignatureScheme.rsa_pss_rsae_sha384)],
  })
})

describe('4.2.7 and 4.2.8: groups and shares', () => {
  const { x25519, secp256r1, X25519MLKEM768 } = NamedGroup
  const shares = (...list: readonly (readonly [number, readonly number[]])[]): Case<ScriptedClient13>[1] =>
    extended({ keyShare: list.map(([group, bytes]) => ({ group, keyExchange: Uint8Array.from(bytes) })) })
  const fill = (length: number, value: number): number[] => new Array<number>(length).fill(value)
  const SMALL_ORDER = [
    fill(32, 0),
    [1, ...fill(31, 0)],
    // 2^255 - 19 - 1, - 19, - 18: points of order 2, 4 and 1 on the curve or its twist.
    [0xec, ...fill(30, 0xff), 0x7f],
    [0xed, ...fill(30, 0xff), 0x7f],
    [0xee, ...fill(30, 0xff), 0x7f],
  ]
  judge(make, {
    'groups: none in common': ['handshake_failure', extended({ supportedGroups: [NamedGroup.x448], keyShare: [] })],
    'groups: an empty list': ['decode_error', carrying(type.supported_groups, [0, 0])],
    'groups: one and a half': ['decode_error', carrying(type.supported_groups, [0, 3, 0, 29, 0])],
    'groups: unknown ones first': ['open', extended({ supportedGroups: [0x2a2a, 0x9999, x25519] })],
    'a share of no bytes': ['decode_error', shares([x25519, []])],
    'X25519 of 31 bytes': ['illegal_parameter', shares([x25519, fill(31, 9)])],
    'X25519 of 33 bytes': ['illegal_parameter', shares([x25519, fill(33, 9)])],
    'X25519 with the highest bit set, which is masked (RFC 7748 section 5)': [
      'open',
      (client) => {
        const { keyExchange } = client.share(x25519)
        const masked = Uint8Array.from(keyExchange, (byte, i) => (i === 31 ? byte | 0x80 : byte))
        client.greet(client.hello({ keyShare: [{ group: x25519, keyExchange: masked }] }))
      },
    ],
    'P-256: 64 bytes': ['illegal_parameter', shares([secp256r1, fill(64, 4)])],
    'P-256: no point of the curve': ['illegal_parameter', shares([secp256r1, [4, ...fill(64, 1)]])],
    'P-256: a compressed point (4.2.8.2)': ['illegal_parameter', shares([secp256r1, [2, ...fill(32, 1)]])],
    'P-256: a hybrid point': ['illegal_parameter', shares([secp256r1, [6, ...fill(64, 1)]])],
    'P-256: the point at infinity': ['illegal_parameter', shares([secp256r1, [0]])],
    'P-256: coordinates beyond the field': ['illegal_parameter', shares([secp256r1, [4, ...fill(64, 0xff)]])],
    'one group twice': ['illegal_parameter', shares([x25519, fill(32, 9)], [x25519, fill(32, 9)])],
    'of a group that is not supported': ['illegal_parameter', shares([x25519, fill(32, 9)], [NamedGroup.x448, fill(56, 9)])],
    'a list that is longer than it says': ['decode_error', carrying(type.key_share, [0, 4, 0, 29, 0, 1, 9])],
    'half an entry': ['decode_error', carrying(type.key_share, [0, 3, 0, 29, 0])],
  })
  for (const [i, bytes] of SMALL_ORDER.entries()) {
    judge(make, {
      [`X25519: a point of small order, number ${String(i)} (RFC 7748 section 6.1)`]: [
        'illegal_parameter',
        shares([x25519, bytes]),
      ],
    })
  }
  judge(() => new ScriptedClient13({ groups: ['X25519MLKEM768'] }), {
    'a hybrid share of the right length and no key (FIPS 203 section 7.2)': [
      'illegal_parameter',
      extended({
        supportedGroups: [X25519MLKEM768],
        keyShare: [{ group: X25519MLKEM768, keyExchange: new Uint8Array(1216).fill(0xff) }],
      }),
    ],
    'a hybrid share that is a byte short': [
      'illegal_parameter',
      extended({ supportedGroups: [X25519MLKEM768], keyShare: [{ group: X25519MLKEM768, keyExchange: new Uint8Array(1215) }] }),
    ],
    'a hybrid whose half of X25519 is of small order': [
      'illegal_parameter',
      extended({ supportedGroups: [X25519MLKEM768], keyShare: [{ group: X25519MLKEM768, keyExchange: new Uint8Array(1216) }] }),
    ],
  })
})

describe('4.1.4: HelloRetryRequest', () => {
  const { x25519, secp256r1 } = NamedGroup
  /** One whose first hello had no share that the server takes. */
  const retried = (): ScriptedClient13 => {
    const client = new ScriptedClient13({ groups: ['secp256r1'] })
    client.greet(client.hello())
    const [request] = client.messages
    assert.ok(isHelloRetryRequest(decodeServerHello(request).random), 'a HelloRetryRequest')
    assert.equal(decodeServerHello(request).extensions.selectedGroup, secp256r1)
    return client
  }
  const second = (
    edit: Parameters<ScriptedClient13['hello']>[0],
    head: Parameters<ScriptedClient13['hello']>[1] = {},
  ): Case<ScriptedClient13>[1] => {
    return (client) => {
      client.greet(client.hello({ keyShare: [client.share(secp256r1)], ...edit }, head))
    }
  }
  judge(retried, {
    'the share that was asked for': ['open', second({})],
    'no key_share': ['missing_extension', second({ keyShare: undefined })],
    'an empty key_share': ['illegal_parameter', second({ keyShare: [] })],
    'the share that was there before': [
      'illegal_parameter',
      (client) => {
        client.greet(client.hello())
      },
    ],
    'both shares': [
      'illegal_parameter',
      (client) => {
        client.greet(client.hello({ keyShare: [client.share(x25519), client.share(secp256r1)] }))
      },
    ],
    'another random value (4.1.2)': ['illegal_parameter', second({}, { random: new Uint8Array(32) })],
    'another session ID (4.1.2)': ['illegal_parameter', second({}, { sessionId: new Uint8Array(32) })],
    'other suites (4.1.2)': ['illegal_parameter', second({}, { cipherSuites: [0x1301, 0x1302] })],
    'other groups (4.1.2)': ['illegal_parameter', second({ supportedGroups: [secp256r1] })],
    'another name (4.1.2)': ['illegal_parameter', second({ serverName: 'carol' })],
    'other protocols (4.1.2)': ['illegal_parameter', second({ alpn: ['h2'] })],
    'other signature algorithms (4.1.2)': ['illegal_parameter', second({ signatureAlgorithms: [0x0403] })],
    'other versions (4.1.2)': ['illegal_parameter', second({ supportedVersions: [0x0304, 0x0303] })],
    'early_data (4.2.10)': ['illegal_parameter', second({ earlyData: true })],
    'padding, which may change': ['open', second({ padding: new Uint8Array(100) })],
    'a ChangeCipherSpec before it (appendix D.4)': [
      'open',
      (client) => {
        client.plain(ContentType.change_cipher_spec, [1])
        second({})(client)
      },
    ],
  })
})

describe('4.2.9 and 4.2.11: pre-shared keys', () => {
  const tickets = new TlsTickets({ random: seeded(3) })
  const psk = (identities: number, binders: number, length = 32): Parameters<ScriptedClient13['hello']>[0] => ({
    preSharedKey: {
      identities: Array.from({ length: identities }, () => ({ identity: new Uint8Array(60).fill(7), obfuscatedTicketAge: 1 })),
      binders: Array.from({ length: binders }, () => new Uint8Array(length)),
    },
  })
  judge(() => new ScriptedClient13({ tickets }), {
    'a ticket that is none: a full handshake': ['open', extended(psk(1, 1))],
    'a hundred of them': ['open', extended(psk(100, 100))],
    'more identities than binders': ['illegal_parameter', extended(psk(2, 1))],
    'more binders than identities': ['illegal_parameter', extended(psk(1, 2))],
    'a binder of 31 bytes': ['decode_error', extended(psk(1, 1, 31))],
    'no binders': ['decode_error', extended(psk(1, 0))],
    'no identities': ['decode_error', extended(psk(0, 1))],
    'not the last extension': [
      'illegal_parameter',
      (client) => {
        client.greet(withExtensions(client.hello(psk(1, 1)), (list) => list.toReversed()))
      },
    ],
    'without psk_key_exchange_modes (4.2.9)': ['missing_extension', extended({ ...psk(1, 1), pskKeyExchangeModes: undefined })],
    'modes: an empty list': ['decode_error', carrying(type.psk_key_exchange_modes, [0])],
    'modes: unknown ones': ['open', extended({ ...psk(1, 1), pskKeyExchangeModes: [0x0b, 0xfe] })],
    'a key and nothing else to agree by': [
      'handshake_failure',
      extended({ ...psk(1, 1), supportedGroups: undefined, keyShare: undefined, signatureAlgorithms: undefined }),
    ],
    'a ticket that is none, and no signature_algorithms': [
      'missing_extension',
      extended({ ...psk(1, 1), signatureAlgorithms: undefined }),
    ],
  })
  const ticketsOf = (modes: readonly number[] | undefined): number => {
    const client = ScriptedClient13.connected({ tickets }, { pskKeyExchangeModes: modes })
    return client.messages.filter(([kind]) => kind === HandshakeType.new_session_ticket).length
  }
  test('tickets go to clients that can use them (4.2.9)', () => {
    assert.equal(ticketsOf([1]), 2)
    assert.equal(ticketsOf([0, 1]), 2)
    assert.equal(ticketsOf([0]), 0, 'a client that resumes without a key exchange')
    assert.equal(ticketsOf(undefined), 0, 'a client that does not resume')
  })
})

describe('RFC 6066 section 3: server_name', () => {
  const name = (text: string): number[] => [0, ...numbers16(text.length), ...Buffer.from(text, 'latin1')]
  const list = (...entries: readonly (readonly number[])[]): number[] => {
    const bytes = entries.flat()
    return [...numbers16(bytes.length), ...bytes]
  }
  const sni = (...entries: readonly (readonly number[])[]): Case<ScriptedClient13>[1] =>
    carrying(type.server_name, list(...entries))
  judge(make, {
    'a name': ['open', sni(name('bob'))],
    'an empty list': ['decode_error', sni()],
    'an empty name': ['decode_error', sni(name(''))],
    'two names': ['illegal_parameter', sni(name('bob'), name('carol'))],
    'a name of another type': ['open', sni([1, 0, 1, 65])],
    'a name with a NUL': ['illegal_parameter', sni(name('bob\0.example'))],
    'a name that is not in ASCII': ['illegal_parameter', sni(name('b\xf6b'))],
    'a name of 70,000 bytes, so to speak': ['decode_error', carrying(type.server_name, [0, 8, 0, 0xff, 0xff, 98, 111, 98, 0, 0])],
  })
  judge(() => new ScriptedClient13({ credentials: (name) => (name === 'bob' ? credentialsOf() : undefined) }), {
    'a name that nobody here has': ['unrecognized_name', sni(name('carol'))],
  })
})

describe('RFC 7301: application_layer_protocol_negotiation', () => {
  const alpn = (...names: readonly string[]): Case<ScriptedClient13>[1] => {
    const bytes = names.flatMap((name) => [name.length, ...Buffer.from(name, 'latin1')])
    return carrying(type.application_layer_protocol_negotiation, [...numbers16(bytes.length), ...bytes])
  }
  judge(() => new ScriptedClient13({ alpn: ['h2', 'http/1.1'] }), {
    'one in common': ['open', alpn('spdy/3', 'http/1.1')],
    'GREASE beside it': ['open', alpn('\x0a\x0a', 'h2')],
    'none in common': ['no_application_protocol', alpn('h3', 'ftp')],
    'an empty list': ['decode_error', alpn()],
    'an empty name': ['decode_error', alpn('h2', '')],
    'a name that goes beyond the list': ['decode_error', carrying(type.application_layer_protocol_negotiation, [0, 2, 9, 104])],
    'a prefix of a name': ['no_application_protocol', alpn('h', 'http/1.')],
  })
})

describe('RFC 5746, RFC 7507 and others: what is for TLS 1.2', () => {
  judge(make, {
    'renegotiation_info means nothing': ['open', extended({ renegotiationInfo: new Uint8Array(12) })],
    'TLS_FALLBACK_SCSV, with the highest version': ['open', head({ cipherSuites: [0x1301, 0x5600] })],
    'point formats without the uncompressed one mean nothing': ['open', extended({ ecPointFormats: [1] })],
    'extensions of old': [
      'open',
      (client) => {
        client.greet(
          withExtensions(client.hello(), (list) => [
            ...list,
            { type: type.heartbeat, data: Uint8Array.of(1) },
            { type: type.max_fragment_length, data: Uint8Array.of(9) },
            { type: type.encrypt_then_mac, data: new Uint8Array(0) },
            { type: type.next_protocol_negotiation, data: new Uint8Array(0) },
            { type: type.session_ticket, data: new Uint8Array(300) },
          ]),
        )
      },
    ],
  })
})
