import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sign } from '../../src/crypto/signature.ts'
import type { SignatureScheme as SchemeName } from '../../src/crypto/signature.ts'
import { signedContent } from '../../src/protocols/tls/tls13/core.ts'
import { encodeCertificate, encodeCertificateVerify } from '../../src/wire/tls/certificate.ts'
import { ContentType, HandshakeType, SignatureScheme } from '../../src/wire/tls/code-points.ts'
import { encodeEmptyMessage, encodeKeyUpdate } from '../../src/wire/tls/small-messages.ts'
import { bytesOf, credentialsOf, seeded, textOf } from '../protocols/tls/tls-pair.ts'
import { ScriptedClient13 } from './scripted-client13.ts'
import { judge } from './scripted-peer.ts'
import { handshakeMessage, withBody } from './tls-extension-list.ts'

/* What a server of TLS 1.3 makes of messages behind the hello, and of those that come at the wrong time: RFC 8446 section 4. */

const { handshake, application_data: data } = ContentType
const NOTHING = new Uint8Array(0)
const fresh = (): ScriptedClient13 => new ScriptedClient13()
const greeted = (): ScriptedClient13 => ScriptedClient13.greeted()
const connected = (): ScriptedClient13 => ScriptedClient13.connected()
const times = <Item>(count: number, item: () => Item): Item[] => Array.from({ length: count }, item)

/** All types that there are, and some that there are not. */
const TYPES = [...Object.values(HandshakeType), 3, 6, 7, 9, 10, 21, 23, 25, 67, 99, 203, 255]

/** A message of any type, with a body that is right where there is one. */
function messageOf(type: number, client: ScriptedClient13): Uint8Array {
  if (type === HandshakeType.client_hello) return client.hello()
  if (type === HandshakeType.finished) return handshakeMessage(type, new Uint8Array(32))
  if (type === HandshakeType.key_update) return encodeKeyUpdate(false)
  return handshakeMessage(type, NOTHING)
}

describe('4: a message that does not belong there', () => {
  const STATES: Readonly<Record<string, readonly [make: () => ScriptedClient13, allowed: readonly number[]]>> = {
    'as the first one': [fresh, [HandshakeType.client_hello]],
    'in place of Finished': [greeted, [HandshakeType.finished]],
    'in place of a Certificate': [
      () => ScriptedClient13.greeted({ clientAuthentication: 'wanted' }),
      [HandshakeType.certificate],
    ],
    'after the handshake': [connected, [HandshakeType.key_update]],
  }
  for (const [when, [make, allowed]] of Object.entries(STATES)) {
    test(`${when}: unexpected_message for every type but ${String(allowed)}`, () => {
      for (const type of TYPES) {
        if (allowed.includes(type)) continue
        const client = make()
        client.sealed(handshake, messageOf(type, client))
        assert.equal(client.verdict(), 'unexpected_message', `type ${String(type)}`)
      }
    })
  }
  judge(greeted, {
    'Finished without protection': [
      'unexpected_message',
      (client) => {
        client.plain(handshake, client.finished())
      },
    ],
    'data in place of Finished': [
      'unexpected_message',
      (client) => {
        client.sealed(data, bytesOf('x'))
      },
    ],
    'data under the next keys before Finished': [
      'bad_record_mac',
      (client) => {
        client.useApplicationKeys()
        client.sealed(data, bytesOf('x'))
      },
    ],
    'Finished under the next keys': [
      'bad_record_mac',
      (client) => {
        client.useApplicationKeys()
        client.sealed(handshake, client.finished())
      },
    ],
    'EndOfEarlyData where there are none': [
      'unexpected_message',
      (client) => {
        client.say(encodeEmptyMessage('end_of_early_data'))
      },
    ],
    'a KeyUpdate behind Finished, in its record': [
      'unexpected_message',
      (client) => {
        client.sealed(handshake, [...client.finished(), ...encodeKeyUpdate(false)])
      },
    ],
    'the beginning of a message behind Finished, in its record': [
      'unexpected_message',
      (client) => {
        client.sealed(handshake, [...client.finished(), 24])
      },
    ],
    'no certificate request was made, and a certificate comes (4.4.2)': [
      'unexpected_message',
      (client) => {
        client.say(encodeCertificate({ requestContext: NOTHING, entries: [] }))
      },
    ],
  })
})

describe('4.4.4: Finished', () => {
  judge(greeted, {
    'as it should be': [
      'open',
      (client) => {
        client.finish()
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
        client.say(handshakeMessage(20, new Uint8Array(32)))
      },
    ],
    'of no length': [
      'decode_error',
      (client) => {
        client.say(handshakeMessage(20, NOTHING))
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
    'of the length of another hash': [
      'decode_error',
      (client) => {
        client.say(handshakeMessage(20, new Uint8Array(48)))
      },
    ],
    'of 100,000 bytes': [
      'decode_error',
      (client) => {
        const message = handshakeMessage(20, new Uint8Array(100_000))
        for (let at = 0; at < message.length; at += 16_384) client.sealed(handshake, message.subarray(at, at + 16_384))
      },
    ],
    'of 16 MB': [
      'illegal_parameter',
      (client) => {
        client.sealed(handshake, [20, 0xff, 0xff, 0xff])
      },
    ],
  })
  test('a bit that is changed anywhere: decrypt_error', () => {
    for (let bit = 0; bit < 256; bit += 7) {
      const client = greeted()
      client.say(withBody(client.finished(), (body) => body.map((byte, i) => (i === bit >>> 3 ? byte ^ (1 << (bit & 7)) : byte))))
      assert.equal(client.verdict(), 'decrypt_error', `bit ${String(bit)}`)
    }
  })
})

describe('4.6.3: KeyUpdate', () => {
  judge(connected, {
    'in two records': [
      'open',
      (client) => {
        client.give(
          client.seal(handshake, encodeKeyUpdate(false).subarray(0, 2)),
          client.seal(handshake, encodeKeyUpdate(false).subarray(2)),
        )
      },
    ],
    'data between its two records': [
      'unexpected_message',
      (client) => {
        client.give(client.seal(handshake, encodeKeyUpdate(false).subarray(0, 2)), client.seal(data, [1]))
      },
    ],
    'a request for 2': [
      'illegal_parameter',
      (client) => {
        client.sealed(handshake, handshakeMessage(24, [2]))
      },
    ],
    'a request for 255': [
      'illegal_parameter',
      (client) => {
        client.sealed(handshake, handshakeMessage(24, [255]))
      },
    ],
    'without a request': [
      'decode_error',
      (client) => {
        client.sealed(handshake, handshakeMessage(24, NOTHING))
      },
    ],
    'with two requests': [
      'decode_error',
      (client) => {
        client.sealed(handshake, handshakeMessage(24, [0, 0]))
      },
    ],
    'of 65,000 bytes': [
      'decode_error',
      (client) => {
        const message = handshakeMessage(24, new Uint8Array(65_000))
        for (let at = 0; at < message.length; at += 16_384) client.sealed(handshake, message.subarray(at, at + 16_384))
      },
    ],
    'two in one record (5.1)': [
      'unexpected_message',
      (client) => {
        client.sealed(handshake, [...encodeKeyUpdate(false), ...encodeKeyUpdate(false)])
      },
    ],
    'the old keys afterwards': [
      'bad_record_mac',
      (client) => {
        client.sealed(handshake, encodeKeyUpdate(false))
        client.sealed(data, [1])
      },
    ],
    'new keys without one': [
      'bad_record_mac',
      (client) => {
        client.renewKeys()
        client.sealed(data, [1])
      },
    ],
    'thirty of them': [
      'open',
      (client) => {
        times(30, () => {
          client.sealed(handshake, encodeKeyUpdate(false))
          client.renewKeys()
        })
      },
    ],
    'without end': [
      'unexpected_message',
      (client) => {
        times(50, () => {
          client.sealed(handshake, encodeKeyUpdate(false))
          client.renewKeys()
        })
      },
    ],
    'a thousand of them, with data in between': [
      'open',
      (client) => {
        times(1000, () => {
          client.sealed(handshake, encodeKeyUpdate(false))
          client.renewKeys()
          client.sealed(data, [1])
        })
      },
    ],
  })
  test('it is answered once when that is asked for, and data go on under new keys', () => {
    const client = connected()
    client.messages.length = 0
    client.sealed(handshake, encodeKeyUpdate(false))
    client.renewKeys()
    client.hear()
    assert.deepEqual(client.messages, [], 'no answer was asked for')
    client.sealed(handshake, encodeKeyUpdate(true))
    client.renewKeys()
    client.hear()
    assert.deepEqual(client.messages, [encodeKeyUpdate(false)])
    client.sealed(data, bytesOf('hello'))
    assert.equal(textOf(client.end.data), 'hello')
  })
})

describe('4.4.2 and 4.4.3: a client that shows who it is', () => {
  const own = credentialsOf('ec-p256', 'client')
  const asked = (): ScriptedClient13 => ScriptedClient13.greeted({ clientAuthentication: 'required' })
  const chain = (...certificates: readonly Uint8Array[]): Uint8Array =>
    encodeCertificate({
      requestContext: NOTHING,
      entries: certificates.map((certificate) => ({ certificate, extensions: {} })),
    })
  /** A CertificateVerify, signed as it should be but for what is asked for. */
  const verify = (
    client: ScriptedClient13,
    signer: 'client' | 'server' = 'client',
    scheme: SchemeName = 'ecdsa_secp256r1_sha256',
  ): Uint8Array => {
    const signature = sign(scheme, own.privateKey, signedContent(signer, client.digest()), seeded(5))
    return encodeCertificateVerify({ algorithm: SignatureScheme[scheme], signature })
  }
  const signed = (edit: (message: Uint8Array) => Uint8Array): ((client: ScriptedClient13) => void) => {
    return (client) => {
      client.say(chain(...own.chain))
      client.say(edit(verify(client)))
      if (client.end.fault === undefined) client.finish()
    }
  }
  const algorithm = (code: number): ((client: ScriptedClient13) => void) =>
    signed((message) => withBody(message, (body) => [code >>> 8, code & 0xff, ...body.subarray(2)]))

  judge(asked, {
    'as it should be': ['open', signed((message) => message)],
    'no certificate (4.4.2.4)': [
      'certificate_required',
      (client) => {
        client.say(chain())
      },
    ],
    'a certificate of no bytes': [
      'decode_error',
      (client) => {
        client.say(handshakeMessage(11, [0, 0, 0, 5, 0, 0, 0, 0, 0]))
      },
    ],
    'bytes that are no certificate': [
      'bad_certificate',
      (client) => {
        client.say(chain(Uint8Array.of(1, 2, 3)))
      },
    ],
    'a context that was not asked for': [
      'illegal_parameter',
      (client) => {
        client.say(encodeCertificate({ requestContext: Uint8Array.of(1), entries: [] }))
      },
    ],
    'an extension that was not asked for': [
      'unsupported_extension',
      (client) => {
        const extensions = { statusRequest: Uint8Array.of(1, 0, 0, 0) }
        client.say(encodeCertificate({ requestContext: NOTHING, entries: [{ certificate: own.chain[0], extensions }] }))
      },
    ],
    'a list that is longer than it says': [
      'decode_error',
      (client) => {
        client.say(withBody(chain(...own.chain), (body) => [...body, 0]))
      },
    ],
    'a list that is shorter than it says': [
      'decode_error',
      (client) => {
        client.say(withBody(chain(...own.chain), (body) => body.subarray(0, -1)))
      },
    ],
    'a server’s certificate': [
      'bad_certificate',
      (client) => {
        client.say(chain(...credentialsOf().chain))
      },
    ],
    'Finished in place of CertificateVerify': [
      'unexpected_message',
      (client) => {
        client.say(chain(...own.chain))
        client.say(client.finished())
      },
    ],
    'CertificateVerify in place of Certificate': [
      'unexpected_message',
      (client) => {
        client.say(verify(client))
      },
    ],
    'a scheme that was not offered': ['illegal_parameter', algorithm(SignatureScheme.ecdsa_sha1)],
    'a scheme of TLS 1.2 (4.2.3)': ['illegal_parameter', algorithm(SignatureScheme.rsa_pkcs1_sha256)],
    'a scheme that does not fit the key': ['illegal_parameter', algorithm(SignatureScheme.rsa_pss_rsae_sha256)],
    'a scheme that nobody knows': ['illegal_parameter', algorithm(0xfafa)],
    'a signature that was changed': [
      'decrypt_error',
      signed((message) => {
        const copy = message.slice()
        copy[copy.length - 1] ^= 1
        return copy
      }),
    ],
    'a signature of no bytes': [
      'decrypt_error',
      signed((message) => withBody(message, (body) => [...body.subarray(0, 2), 0, 0])),
    ],
    'a signature that is not DER': [
      'decrypt_error',
      signed((message) => withBody(message, (body) => [...body.subarray(0, 2), 0, 3, 1, 2, 3])),
    ],
    'a byte behind the signature': ['decode_error', signed((message) => withBody(message, (body) => [...body, 0]))],
    'a signature that is longer than the message': [
      'decode_error',
      signed((message) => withBody(message, (body) => body.subarray(0, -1))),
    ],
    'a signature as a server makes it': [
      'decrypt_error',
      (client) => {
        client.say(chain(...own.chain))
        client.say(verify(client, 'server'))
      },
    ],
    'a signature over another transcript': [
      'decrypt_error',
      (client) => {
        const early = verify(client)
        client.say(chain(...own.chain))
        client.say(early)
      },
    ],
  })
  judge(() => ScriptedClient13.greeted({ clientAuthentication: 'wanted' }), {
    'none, where one is only wanted': [
      'open',
      (client) => {
        client.say(chain())
        client.finish()
      },
    ],
    'none, and a CertificateVerify': [
      'unexpected_message',
      (client) => {
        client.say(chain())
        client.say(verify(client))
      },
    ],
  })
})
