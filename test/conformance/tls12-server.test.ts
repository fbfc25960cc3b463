import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sign } from '../../src/crypto/signature.ts'
import { encodeCertificate12, encodeCertificateVerify } from '../../src/wire/tls/certificate.ts'
import { ContentType, ExtensionType, HandshakeType, NamedGroup, SignatureScheme } from '../../src/wire/tls/code-points.ts'
import { decodeServerHello } from '../../src/wire/tls/server-hello.ts'
import { decodeServerKeyExchange, encodeClientKeyExchange } from '../../src/wire/tls/key-exchange.ts'
import { bytesOf, credentialsOf, seeded } from '../protocols/tls/tls-pair.ts'
import { ScriptedClient12 } from './scripted-client12.ts'
import { judge } from './scripted-peer.ts'
import type { Case } from './scripted-peer.ts'
import { handshakeMessage, withBody, withExtension, withExtensions } from './tls-extension-list.ts'

/* What a server of TLS 1.2 makes of a client that breaks the rules: RFC 5246, RFC 8422, RFC 5746, RFC 7627, RFC 5077. */

const { handshake, application_data: data, change_cipher_spec: change } = ContentType
const NOTHING = new Uint8Array(0)
type Script = Case<ScriptedClient12>[1]
const fresh = (): ScriptedClient12 => new ScriptedClient12()
const greeted = (): ScriptedClient12 => ScriptedClient12.greeted()
const connected = (): ScriptedClient12 => ScriptedClient12.connected()
/** One that is through with the key exchange. */
const exchanged = (): ScriptedClient12 => {
  const client = greeted()
  client.exchange()
  return client
}
const extended =
  (edit: Parameters<ScriptedClient12['hello']>[0]): Script =>
  (client) => {
    client.greet(client.hello(edit))
  }
const head =
  (edit: Parameters<ScriptedClient12['hello']>[1]): Script =>
  (client) => {
    client.greet(client.hello({}, edit))
  }
const carrying =
  (extension: number, bytes: readonly number[]): Script =>
  (client) => {
    client.greet(withExtension(client.hello(), extension, bytes))
  }

describe('RFC 5246 section 7.4.1.2: ClientHello', () => {
  judge(fresh, {
    'as it should be': ['open', head({})],
    'SSL 3.0 (RFC 7568)': ['protocol_version', head({ version: 0x0300 })],
    'TLS 1.0 (RFC 8996)': ['protocol_version', head({ version: 0x0301 })],
    'TLS 1.1 (RFC 8996)': ['protocol_version', head({ version: 0x0302 })],
    'a later version (appendix E.1)': ['open', head({ version: 0x03ff })],
    'a later major version': ['open', head({ version: 0x0400 })],
    'without extensions, and so without a signature that we make': [
      'handshake_failure',
      (client) => {
        client.greet(withBody(client.hello(), (body) => body.subarray(0, 2 + 32 + 1 + 4 + 2)))
      },
    ],
    'a suite that was never heard of beside one that was': ['open', head({ cipherSuites: [0xfefe, 0x0a0a, 0xc02b] })],
    'no suite in common': ['handshake_failure', head({ cipherSuites: [0x002f, 0x0035] })],
    'RC4, export and null': ['handshake_failure', head({ cipherSuites: [0x0005, 0x0003, 0x0001, 0x0000] })],
    'a suite for another kind of key': ['handshake_failure', head({ cipherSuites: [0xc02f] })],
    'a suite of TLS 1.3 only': ['handshake_failure', head({ cipherSuites: [0x1301] })],
    'no suites': ['decode_error', head({ cipherSuites: [] })],
    'no compression methods': ['decode_error', head({ compressionMethods: [] })],
    'DEFLATE, and null': ['open', head({ compressionMethods: [1, 0] })],
    'DEFLATE only': ['illegal_parameter', head({ compressionMethods: [1] })],
    'a session ID that nobody knows': ['open', head({ sessionId: new Uint8Array(32).fill(1) })],
    'a session ID of 33 bytes': ['decode_error', head({ sessionId: new Uint8Array(33) })],
    'signature algorithms without any of ours': [
      'handshake_failure',
      extended({ signatureAlgorithms: [SignatureScheme.ecdsa_sha1] }),
    ],
    'signature algorithms: an empty list': ['decode_error', carrying(ExtensionType.signature_algorithms, [0, 0])],
    'signature algorithms: one and a half': ['decode_error', carrying(ExtensionType.signature_algorithms, [0, 3, 4, 3, 4])],
    'groups without any of ours (RFC 8422 section 5.1)': [
      'handshake_failure',
      extended({ supportedGroups: [NamedGroup.secp521r1] }),
    ],
    'a group that is for TLS 1.3 only': ['handshake_failure', extended({ supportedGroups: [NamedGroup.X25519MLKEM768] })],
    'groups without the certificate’s (RFC 8422 section 5.1)': [
      'handshake_failure',
      extended({ supportedGroups: [NamedGroup.x25519] }),
    ],
    'point formats without the uncompressed one (RFC 8422 section 5.1.2)': [
      'illegal_parameter',
      extended({ ecPointFormats: [1, 2] }),
    ],
    'point formats: an empty list': ['decode_error', carrying(ExtensionType.ec_point_formats, [0])],
    'an extension twice': [
      'illegal_parameter',
      (client) => {
        client.greet(withExtensions(client.hello(), (list) => [...list, list[0]]))
      },
    ],
    'extended_master_secret with something in it (RFC 7627 section 5.1)': [
      'decode_error',
      carrying(ExtensionType.extended_master_secret, [0]),
    ],
    'renegotiation_info that is not empty (RFC 5746 section 3.6)': [
      'handshake_failure',
      extended({ renegotiationInfo: new Uint8Array(12) }),
    ],
    'renegotiation_info that does not hold together': ['decode_error', carrying(ExtensionType.renegotiation_info, [1])],
    'the signal for it in its place (RFC 5746 section 3.6)': [
      'open',
      (client) => {
        client.greet(client.hello({ renegotiationInfo: undefined }, { cipherSuites: [0x00ff, 0xc02b] }))
        assert.deepEqual(decodeServerHello(client.messages[0]).extensions.renegotiationInfo, NOTHING)
      },
    ],
    'a ticket that is none (RFC 5077 section 3.1)': ['open', extended({ sessionTicket: new Uint8Array(200) })],
    'a heartbeat (RFC 6520) is not offered back': [
      'open',
      (client) => {
        client.greet(withExtension(client.hello(), ExtensionType.heartbeat, [1]))
        assert.ok(!decodeServerHello(client.messages[0]).extensions.order?.includes(ExtensionType.heartbeat), 'no heartbeat')
      },
    ],
    'max_fragment_length, which is not spoken (RFC 6066 section 4)': ['open', carrying(ExtensionType.max_fragment_length, [1])],
    'encrypt_then_mac with authenticated ciphers only (RFC 7366 section 3)': [
      'open',
      carrying(ExtensionType.encrypt_then_mac, []),
    ],
    'the extensions of TLS 1.3': [
      'open',
      extended({ supportedVersions: [0x0304, 0x0303], keyShare: [], pskKeyExchangeModes: [1] }),
    ],
  })
  judge(() => new ScriptedClient12({ versions: ['1.3', '1.2'] }), {
    'a client that has fallen back (RFC 7507 section 3)': ['inappropriate_fallback', head({ cipherSuites: [0xc02b, 0x5600] })],
  })
  judge(() => new ScriptedClient12({ alpn: ['h2'] }), {
    'no application protocol in common (RFC 7301 section 3.2)': ['no_application_protocol', extended({ alpn: ['ftp'] })],
    'an application protocol': ['open', extended({ alpn: ['ftp', 'h2'] })],
  })
  test('what is answered belongs to what was asked, and nothing else', () => {
    const { EMS, RI, PF } = {
      EMS: ExtensionType.extended_master_secret,
      RI: ExtensionType.renegotiation_info,
      PF: ExtensionType.ec_point_formats,
    }
    const client = fresh()
    client.greet(client.hello({ serverName: undefined }))
    const answered = decodeServerHello(client.messages[0]).extensions.order ?? []
    assert.deepEqual(
      [...answered].sort((a, b) => a - b),
      [PF, EMS, RI],
    )
    const bare = fresh()
    bare.greet(
      bare.hello({
        serverName: undefined,
        extendedMasterSecret: undefined,
        renegotiationInfo: undefined,
        ecPointFormats: undefined,
      }),
    )
    assert.deepEqual(decodeServerHello(bare.messages[0]).extensions.order ?? [], [])
  })
  test('a client that does not name its groups gets P-256, which all have', () => {
    const client = fresh()
    client.greet(client.hello({ supportedGroups: undefined }))
    assert.equal(decodeServerKeyExchange(client.messages[2]).group, NamedGroup.secp256r1)
  })
})

describe('RFC 5246 section 7.3: the order of messages', () => {
  const CHANGE = 'ChangeCipherSpec'
  const STATES: Readonly<Record<string, readonly [make: () => ScriptedClient12, allowed: readonly (number | typeof CHANGE)[]]>> =
    {
      'as the first one': [fresh, [HandshakeType.client_hello]],
      'in place of ClientKeyExchange': [greeted, [HandshakeType.client_key_exchange]],
      'in place of ChangeCipherSpec': [exchanged, [CHANGE]],
      'after the handshake': [connected, [HandshakeType.client_hello]],
    }
  for (const [when, [make, allowed]] of Object.entries(STATES)) {
    test(`${when}: unexpected_message for everything but ${allowed.join(' and ')}`, () => {
      for (const type of [...Object.values(HandshakeType), 3, 6, 7, 9, 10, 21, 23, 25, 67, 203, 255]) {
        if (allowed.includes(type)) continue
        const client = make()
        client.sealed(handshake, handshakeMessage(type, NOTHING))
        assert.equal(client.verdict(), 'unexpected_message', `type ${String(type)}`)
      }
      if (allowed.includes(CHANGE) || make === connected) return
      const client = make()
      client.plain(change, [1])
      assert.equal(client.verdict(), 'unexpected_message', CHANGE)
    })
  }
  judge(greeted, {
    'ChangeCipherSpec before the key exchange (CVE-2014-0224)': [
      'unexpected_message',
      (client) => {
        client.plain(change, [1])
      },
    ],
    'data before the handshake is through': [
      'unexpected_message',
      (client) => {
        client.plain(data, bytesOf('x'))
      },
    ],
    'a certificate that was not asked for': [
      'unexpected_message',
      (client) => {
        client.say(encodeCertificate12([]))
      },
    ],
  })
  judge(exchanged, {
    'Finished without ChangeCipherSpec': [
      'unexpected_message',
      (client) => {
        client.say(client.finished())
      },
    ],
    'Finished without protection behind it': [
      'bad_record_mac',
      (client) => {
        client.plain(change, [1])
        client.plain(handshake, client.finished())
      },
    ],
    'Finished under protection without it': [
      'unexpected_message',
      (client) => {
        client.useKeys()
        client.say(client.finished())
      },
    ],
    'ChangeCipherSpec twice': [
      'bad_record_mac',
      (client) => {
        client.changeKeys()
        client.plain(change, [1])
      },
    ],
    'a ChangeCipherSpec of another value': [
      'unexpected_message',
      (client) => {
        client.plain(change, [2])
      },
    ],
    'a ChangeCipherSpec of two bytes': [
      'unexpected_message',
      (client) => {
        client.plain(change, [1, 1])
      },
    ],
    'a ChangeCipherSpec of no length': [
      'unexpected_message',
      (client) => {
        client.plain(change, [])
      },
    ],
    'a ChangeCipherSpec in the middle of a message': [
      'unexpected_message',
      (client) => {
        client.plain(handshake, [20])
        client.plain(change, [1])
      },
    ],
    'data in place of Finished': [
      'unexpected_message',
      (client) => {
        client.changeKeys()
        client.sealed(data, bytesOf('x'))
      },
    ],
  })
})

describe('RFC 8422 section 5.7: ClientKeyExchange', () => {
  const share =
    (bytes: readonly number[]): Script =>
    (client) => {
      client.say(encodeClientKeyExchange(Uint8Array.from(bytes)))
    }
  const fill = (length: number, value: number): number[] => new Array<number>(length).fill(value)
  judge(greeted, {
    'X25519: of no bytes': ['decode_error', share([])],
    'X25519: 31 bytes': ['illegal_parameter', share(fill(31, 9))],
    'X25519: 33 bytes': ['illegal_parameter', share(fill(33, 9))],
    'X25519: zeros (RFC 7748 section 6.1)': ['illegal_parameter', share(fill(32, 0))],
    'X25519: a point of order 1': ['illegal_parameter', share([1, ...fill(31, 0)])],
    'a byte behind it': [
      'decode_error',
      (client) => {
        client.say(withBody(client.keyExchange(), (body) => [...body, 0]))
      },
    ],
    'a byte short': [
      'decode_error',
      (client) => {
        client.say(withBody(client.keyExchange(), (body) => body.subarray(0, -1)))
      },
    ],
    'a length over 255, as RSA has it': [
      'decode_error',
      (client) => {
        client.say(handshakeMessage(16, [1, 0, ...fill(256, 1)]))
      },
    ],
  })
  judge(() => ScriptedClient12.greeted({ groups: ['secp256r1'] }), {
    'P-256: as it should be': [
      'open',
      (client) => {
        client.exchange()
      },
    ],
    'P-256: no point of the curve': ['illegal_parameter', share([4, ...fill(64, 1)])],
    'P-256: a compressed point': ['illegal_parameter', share([2, ...fill(32, 1)])],
    'P-256: infinity': ['illegal_parameter', share([0])],
    'P-256: coordinates beyond the field': ['illegal_parameter', share([4, ...fill(64, 255)])],
    'P-256: 64 bytes': ['illegal_parameter', share([4, ...fill(63, 1)])],
  })
})

describe('RFC 5246 section 7.4.9: Finished', () => {
  const ready = (): ScriptedClient12 => {
    const client = exchanged()
    client.changeKeys()
    return client
  }
  judge(ready, {
    'as it should be': [
      'open',
      (client) => {
        client.say(client.finished())
      },
    ],
    'in records of one byte': [
      'open',
      (client) => {
        for (const byte of client.finished()) client.sealed(handshake, [byte])
      },
    ],
    'of zeros': [
      'decrypt_error',
      (client) => {
        client.say(handshakeMessage(20, new Uint8Array(12)))
      },
    ],
    'a byte short': [
      'decode_error',
      (client) => {
        client.say(withBody(client.finished(), (body) => body.subarray(1)))
      },
    ],
    'a byte longer': [
      'decode_error',
      (client) => {
        client.say(withBody(client.finished(), (body) => [...body, 0]))
      },
    ],
    'of no length': [
      'decode_error',
      (client) => {
        client.say(handshakeMessage(20, []))
      },
    ],
    'of 36 bytes, as SSL 3.0 has it': [
      'decode_error',
      (client) => {
        client.say(handshakeMessage(20, new Uint8Array(36)))
      },
    ],
    'another message behind it': [
      'unexpected_message',
      (client) => {
        client.sealed(handshake, [...client.finished(), 16, 0, 0, 0])
      },
    ],
  })
})

describe('RFC 5246 section 7.4.8: CertificateVerify', () => {
  const own = credentialsOf('ec-p256', 'client')
  const asked = (): ScriptedClient12 => ScriptedClient12.greeted({ clientAuthentication: 'required' })
  const verify = (client: ScriptedClient12): Uint8Array =>
    encodeCertificateVerify({
      algorithm: SignatureScheme.ecdsa_secp256r1_sha256,
      signature: sign('ecdsa_secp256r1_sha256', own.privateKey, client.transcript(), seeded(5)),
    })
  const signed =
    (edit: (message: Uint8Array) => Uint8Array): Script =>
    (client) => {
      client.say(encodeCertificate12(own.chain))
      client.exchange()
      client.say(edit(verify(client)))
      if (client.end.fault !== undefined) return
      client.changeKeys()
      client.say(client.finished())
    }
  const algorithm = (code: number): Script =>
    signed((message) => withBody(message, (body) => [code >>> 8, code & 0xff, ...body.subarray(2)]))
  judge(asked, {
    'as it should be': ['open', signed((message) => message)],
    'no certificate': [
      'handshake_failure',
      (client) => {
        client.say(encodeCertificate12([]))
      },
    ],
    'bytes that are no certificate': [
      'bad_certificate',
      (client) => {
        client.say(encodeCertificate12([Uint8Array.of(1, 2)]))
      },
    ],
    'a certificate of no bytes': [
      'decode_error',
      (client) => {
        client.say(handshakeMessage(11, [0, 0, 3, 0, 0, 0]))
      },
    ],
    'no CertificateVerify': [
      'unexpected_message',
      (client) => {
        client.say(encodeCertificate12(own.chain))
        client.exchange()
        client.plain(change, [1])
      },
    ],
    'a wrong signature': [
      'decrypt_error',
      signed((message) => message.map((byte, i) => (i === message.length - 1 ? byte ^ 1 : byte))),
    ],
    'a signature of no bytes': [
      'decrypt_error',
      signed((message) => withBody(message, (body) => [...body.subarray(0, 2), 0, 0])),
    ],
    'a scheme that was not offered': ['illegal_parameter', algorithm(SignatureScheme.ecdsa_sha1)],
    'a scheme that does not fit the key': ['illegal_parameter', algorithm(SignatureScheme.rsa_pkcs1_sha256)],
    'a byte behind it': ['decode_error', signed((message) => withBody(message, (body) => [...body, 0]))],
  })
})
