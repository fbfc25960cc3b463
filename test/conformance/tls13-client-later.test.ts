import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeCertificate } from '../../src/wire/tls/certificate.ts'
import { encodeCertificateRequest } from '../../src/wire/tls/certificate-request.ts'
import { AlertLevel } from '../../src/wire/tls/alert.ts'
import { ContentType, SignatureScheme } from '../../src/wire/tls/code-points.ts'
import { encodeNewSessionTicket } from '../../src/wire/tls/session-ticket.ts'
import { encodeEmptyMessage, encodeKeyUpdate } from '../../src/wire/tls/small-messages.ts'
import { bytesOf, credentialsOf, textOf } from '../protocols/tls/tls-pair.ts'
import { judge } from './scripted-peer.ts'
import type { Case } from './scripted-peer.ts'
import { ScriptedServer13 } from './scripted-server13.ts'
import { handshakeMessage, withBody } from './tls-extension-list.ts'

/* What a client of TLS 1.3 makes of a server that breaks the rules: RFC 8446 sections 4 to 6. */

const { handshake, application_data: data, alert, change_cipher_spec: change } = ContentType
const NOTHING = new Uint8Array(0)
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
const flipped = (message: Uint8Array): Uint8Array => message.map((byte, i) => (i === message.length - 1 ? byte ^ 1 : byte))

describe('4.3.2: CertificateRequest', () => {
  const asking = (message: Uint8Array, next: Script = () => undefined): Script => {
    return (server) => {
      server.say(server.encryptedExtensions())
      server.say(message)
      next(server)
    }
  }
  const schemes = { signatureAlgorithms: [SignatureScheme.ecdsa_secp256r1_sha256] }
  const good = encodeCertificateRequest({ requestContext: NOTHING, extensions: schemes })
  judge(greeting, {
    'as it should be': [
      'open',
      asking(good, (server) => {
        server.say(server.certificate())
        server.say(server.certificateVerify())
        server.finish()
      }),
    ],
    twice: [
      'unexpected_message',
      asking(good, (server) => {
        server.say(good)
      }),
    ],
    'a context': [
      'illegal_parameter',
      asking(encodeCertificateRequest({ requestContext: Uint8Array.of(1), extensions: schemes })),
    ],
    'no signature_algorithms': [
      'missing_extension',
      asking(encodeCertificateRequest({ requestContext: NOTHING, extensions: {} })),
    ],
    'an extension that nobody knows': [
      'open',
      asking(
        encodeCertificateRequest({
          requestContext: NOTHING,
          extensions: { ...schemes, others: [{ type: 0x7777, data: NOTHING }] },
        }),
      ),
    ],
    'signature_algorithms without any': ['decode_error', asking(handshakeMessage(13, [0, 0, 6, 0, 13, 0, 2, 0, 0]))],
    'signature_algorithms twice': [
      'illegal_parameter',
      asking(handshakeMessage(13, [0, 0, 16, 0, 13, 0, 4, 0, 2, 4, 3, 0, 13, 0, 4, 0, 2, 4, 3])),
    ],
    'a byte behind it': ['decode_error', asking(longer(good))],
  })
})

describe('4.4: authentication of the server', () => {
  const algorithm = (code: number): Script =>
    flight({ verify: (message) => withBody(message, (body) => [code >>> 8, code & 0xff, ...body.subarray(2)]) })
  const own = credentialsOf()
  judge(greeting, {
    'no certificate (4.4.2.4)': [
      'decode_error',
      flight({ certificate: () => encodeCertificate({ requestContext: NOTHING, entries: [] }) }),
    ],
    'a certificate of no bytes': [
      'decode_error',
      flight({ certificate: () => handshakeMessage(11, [0, 0, 0, 5, 0, 0, 0, 0, 0]) }),
    ],
    'a context': [
      'illegal_parameter',
      flight({ certificate: (message) => withBody(message, (body) => [1, 1, ...body.subarray(1)]) }),
    ],
    'an extension unasked for': [
      'unsupported_extension',
      flight({
        certificate: () =>
          encodeCertificate({
            requestContext: NOTHING,
            entries: [{ certificate: own.chain[0], extensions: { signedCertificateTimestamp: Uint8Array.of(0, 0) } }],
          }),
      }),
    ],
    'a byte behind Certificate': ['decode_error', flight({ certificate: longer })],
    'a byte behind CertificateVerify': ['decode_error', flight({ verify: longer })],
    'a byte behind Finished': ['decode_error', flight({ finished: longer })],
    'a Finished that is short': ['decode_error', flight({ finished: shorter })],
    'a Finished that is wrong': ['decrypt_error', flight({ finished: flipped })],
    'a Finished of zeros': ['decrypt_error', flight({ finished: () => handshakeMessage(20, new Uint8Array(32)) })],
    'a signature that is wrong': ['decrypt_error', flight({ verify: flipped })],
    'a scheme that does not fit the key (4.4.3)': ['illegal_parameter', algorithm(SignatureScheme.ed25519)],
    'a scheme of TLS 1.2 (4.2.3)': ['illegal_parameter', algorithm(SignatureScheme.rsa_pkcs1_sha256)],
    'a scheme of SHA-1 (4.4.3)': ['illegal_parameter', algorithm(SignatureScheme.ecdsa_sha1)],
    'a scheme that was not offered (4.4.3)': ['illegal_parameter', algorithm(SignatureScheme.ecdsa_secp384r1_sha384)],
    'a certificate for clients (4.4.2.4)': [
      'bad_certificate',
      flight({
        certificate: () =>
          encodeCertificate({
            requestContext: NOTHING,
            entries: credentialsOf('ec-p256', 'client').chain.map((certificate) => ({ certificate, extensions: {} })),
          }),
      }),
    ],
  })
})

describe('4.6: after the handshake', () => {
  const ticket = (edit: (message: Uint8Array) => Uint8Array = (message) => message): Script => {
    return (server) => {
      const nonce = Uint8Array.of(1)
      server.sealed(
        handshake,
        edit(encodeNewSessionTicket({ lifetime: 100, ageAdd: 5, nonce, ticket: bytesOf('ticket'), extensions: {} })),
      )
    }
  }
  judge(connected, {
    'a ticket (4.6.1)': ['open', ticket()],
    'a ticket with an extension that nobody knows (4.6.1)': [
      'open',
      ticket((message) => withBody(message, (body) => [...body.subarray(0, -2), 0, 4, 0x77, 0x77, 0, 0])),
    ],
    'a ticket with early_data of three bytes': [
      'decode_error',
      ticket((message) => withBody(message, (body) => [...body.subarray(0, -2), 0, 7, 0, 42, 0, 3, 0, 0, 0])),
    ],
    'a ticket with early_data twice': [
      'illegal_parameter',
      ticket((message) =>
        withBody(message, (body) => [...body.subarray(0, -2), 0, 16, 0, 42, 0, 4, 0, 0, 0, 1, 0, 42, 0, 4, 0, 0, 0, 1]),
      ),
    ],
    'a ticket of no bytes': ['decode_error', ticket(() => handshakeMessage(4, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]))],
    'a byte behind a ticket': ['decode_error', ticket(longer)],
    'a ticket that is cut short': ['decode_error', ticket(shorter)],
    'a ticket in two records': [
      'open',
      (server) => {
        const message = encodeNewSessionTicket({
          lifetime: 100,
          ageAdd: 5,
          nonce: NOTHING,
          ticket: bytesOf('ticket'),
          extensions: {},
        })
        server.give(server.seal(handshake, message.subarray(0, 9)), server.seal(handshake, message.subarray(9)))
      },
    ],
    'data in the middle of a ticket (5.1)': [
      'unexpected_message',
      (server) => {
        server.give(server.seal(handshake, [4, 0, 0]), server.seal(data, [1]))
      },
    ],
    'tickets without end': [
      'unexpected_message',
      (server) => {
        for (let i = 0; i < 50; i++) ticket()(server)
      },
    ],
    'a request for a certificate, which was not allowed (4.6.2)': [
      'unexpected_message',
      (server) => {
        server.sealed(
          handshake,
          encodeCertificateRequest({ requestContext: Uint8Array.of(1), extensions: { signatureAlgorithms: [0x0403] } }),
        )
      },
    ],
    'a HelloRequest': [
      'unexpected_message',
      (server) => {
        server.sealed(handshake, encodeEmptyMessage('hello_request'))
      },
    ],
    'a KeyUpdate for 2 (4.6.3)': [
      'illegal_parameter',
      (server) => {
        server.sealed(handshake, handshakeMessage(24, [2]))
      },
    ],
    'two KeyUpdates in one record (5.1)': [
      'unexpected_message',
      (server) => {
        server.sealed(handshake, [...encodeKeyUpdate(false), ...encodeKeyUpdate(false)])
      },
    ],
    'the old keys behind a KeyUpdate': [
      'bad_record_mac',
      (server) => {
        server.sealed(handshake, encodeKeyUpdate(false))
        server.sealed(data, [1])
      },
    ],
    'a ChangeCipherSpec': [
      'unexpected_message',
      (server) => {
        server.plain(change, [1])
      },
    ],
    'a warning that is none (6)': [
      'told unrecognized_name',
      (server) => {
        server.sealed(alert, [AlertLevel.warning, 112])
      },
    ],
    'half an alert (5.1)': [
      'decode_error',
      (server) => {
        server.sealed(alert, [2])
      },
    ],
    'padding and nothing else (5.4)': [
      'unexpected_message',
      (server) => {
        server.sealed(0, new Uint8Array(9))
      },
    ],
  })
  test('a ticket that lives for longer than a week is kept for a week (4.6.1), one for no time not at all', () => {
    const server = connected()
    for (const lifetime of [700_000, 0]) {
      server.sealed(
        handshake,
        encodeNewSessionTicket({ lifetime, ageAdd: 5, nonce: NOTHING, ticket: bytesOf('ticket'), extensions: {} }),
      )
    }
    assert.deepEqual(
      server.end.all('ticket').map(({ session }) => session.lifetime),
      [604_800],
    )
  })
  test('data go both ways, under new keys as well (4.6.3)', () => {
    const server = connected()
    server.sealed(data, bytesOf('one, '))
    server.sealed(handshake, encodeKeyUpdate(false))
    server.renewKeys()
    server.sealed(data, bytesOf('two'))
    assert.equal(textOf(server.end.data), 'one, two')
  })
})
