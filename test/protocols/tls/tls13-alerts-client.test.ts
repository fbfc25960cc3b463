import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TlsTickets } from '../../../src/protocols/tls/tickets.ts'
import { decodeCertificate, decodeCertificateVerify, encodeCertificate } from '../../../src/wire/tls/certificate.ts'
import { encodeCertificateVerify } from '../../../src/wire/tls/certificate.ts'
import { decodeCertificateRequest, encodeCertificateRequest } from '../../../src/wire/tls/certificate-request.ts'
import { ExtensionType, NamedGroup, SignatureScheme } from '../../../src/wire/tls/code-points.ts'
import { CorePair } from './tls13-cores.ts'
import { credentialsOf, seeded } from './tls-pair.ts'
import {
  change,
  encryptedExtensions,
  flipLast,
  refuses,
  serverExtensions,
  serverHello,
  sessionOf,
  shorten,
  tickets,
} from './tls13-tamper.ts'
import type { Case } from './tls13-tamper.ts'

const early = Uint8Array.of(1, 2, 3)
const requestsCertificate = { clientAuthentication: 'wanted' } as const
const offersAlpn: Pick<Case, 'client' | 'server'> = { client: { alpn: ['h2'] }, server: { alpn: ['h2'] } }

refuses('client', {
  '4.1.3, ServerHello': [
    { says: 'another legacy_version', alert: 'illegal_parameter', tamper: serverHello(() => ({ version: 0x0304 })) },
    { says: 'SSL 3.0 (appendix D.5)', alert: 'protocol_version', tamper: serverHello(() => ({ version: 0x0300 })) },
    { says: 'another session ID', alert: 'illegal_parameter', tamper: serverHello(() => ({ sessionId: new Uint8Array(32) })) },
    { says: 'a suite that was not offered', alert: 'illegal_parameter', tamper: serverHello(() => ({ cipherSuite: 0x1304 })) },
    { says: 'a compression method', alert: 'illegal_parameter', tamper: serverHello(() => ({ compressionMethod: 1 })) },
    {
      says: 'a version that was not offered (4.2.1)',
      alert: 'illegal_parameter',
      tamper: serverExtensions(() => ({ selectedVersion: 0x0305 })),
    },
    {
      says: 'TLS 1.2 by the extension (4.2.1)',
      alert: 'illegal_parameter',
      tamper: serverExtensions(() => ({ selectedVersion: 0x0303 })),
    },
    { says: 'no key share', alert: 'missing_extension', tamper: serverExtensions(() => ({ keyShare: undefined })) },
    { says: 'a byte too few', alert: 'decode_error', tamper: change('ServerHello', shorten) },
  ],
  '4.1.4, HelloRetryRequest': [
    {
      says: 'a second one',
      alert: 'unexpected_message',
      tamper: (message, name) => (name === 'HelloRetryRequest' ? [message, message] : [message]),
      server: { groups: ['secp256r1'] },
    },
    {
      says: 'one that changes nothing',
      alert: 'illegal_parameter',
      tamper: serverExtensions(() => ({ selectedGroup: undefined }), 'HelloRetryRequest'),
      server: { groups: ['secp256r1'] },
    },
    {
      says: 'a group of which a share was sent (4.2.8)',
      alert: 'illegal_parameter',
      tamper: serverExtensions(() => ({ selectedGroup: NamedGroup.x25519 }), 'HelloRetryRequest'),
      server: { groups: ['secp256r1'] },
    },
    {
      says: 'a group that was not offered (4.2.8)',
      alert: 'illegal_parameter',
      tamper: serverExtensions(() => ({ selectedGroup: NamedGroup.x448 }), 'HelloRetryRequest'),
      server: { groups: ['secp256r1'] },
    },
    {
      says: 'another suite afterwards',
      alert: 'illegal_parameter',
      tamper: serverHello(() => ({ cipherSuite: 0x1301 })),
      server: { groups: ['secp256r1'] },
    },
    {
      says: 'another group afterwards (4.2.8)',
      alert: 'illegal_parameter',
      tamper: serverExtensions(() => ({ keyShare: { group: NamedGroup.x25519, keyExchange: new Uint8Array(32) } })),
      server: { groups: ['secp256r1'] },
    },
  ],
  '4.2, extensions': [
    {
      says: 'one that was not asked for',
      alert: 'unsupported_extension',
      tamper: serverExtensions(() => ({ recordSizeLimit: 100 })),
    },
    {
      says: 'one that belongs elsewhere',
      alert: 'illegal_parameter',
      tamper: serverExtensions(() => ({ serverName: true })),
    },
    {
      says: 'one that nobody knows, in EncryptedExtensions',
      alert: 'unsupported_extension',
      tamper: encryptedExtensions(() => ({ others: [{ type: 0x7777, data: new Uint8Array(0) }] })),
    },
    {
      says: 'key_share in EncryptedExtensions',
      alert: 'illegal_parameter',
      tamper: encryptedExtensions(() => ({ others: [{ type: ExtensionType.key_share, data: Uint8Array.of(0, 0) }] })),
    },
    {
      says: 'a server name where none was asked for',
      alert: 'unsupported_extension',
      tamper: encryptedExtensions(() => ({ serverName: true })),
      client: { verifyName: 'bob', ...({ serverName: undefined } as object) },
    },
  ],
  '4.2.8, key_share': [
    {
      says: 'a share of zeros',
      alert: 'illegal_parameter',
      tamper: serverExtensions(() => ({ keyShare: { group: NamedGroup.x25519, keyExchange: new Uint8Array(32) } })),
    },
    {
      says: 'a share for a group of which none was sent',
      alert: 'illegal_parameter',
      tamper: serverExtensions(() => ({ keyShare: { group: NamedGroup.secp256r1, keyExchange: new Uint8Array(65) } })),
    },
  ],
  '4.2.10 and 4.2.11, resumption': [
    {
      says: 'a pre-shared key that was not offered',
      alert: 'unsupported_extension',
      tamper: serverExtensions(() => ({ selectedIdentity: 0 })),
    },
    {
      says: 'the second of one identities',
      alert: 'illegal_parameter',
      tamper: serverExtensions(() => ({ selectedIdentity: 1 })),
      resumes: true,
    },
    {
      says: 'a suite with another hash than the key’s',
      alert: 'illegal_parameter',
      tamper: serverHello(() => ({ cipherSuite: 0x1302 })),
      resumes: true,
    },
    {
      says: 'early data that were not offered',
      alert: 'unsupported_extension',
      tamper: encryptedExtensions(() => ({ earlyData: true })),
      resumes: true,
    },
  ],
  'RFC 7301 section 3.1, ALPN': [
    {
      says: 'a protocol that was not offered',
      alert: 'illegal_parameter',
      tamper: encryptedExtensions(() => ({ alpn: ['h3'] })),
      ...offersAlpn,
    },
    {
      says: 'two protocols',
      alert: 'illegal_parameter',
      tamper: encryptedExtensions(() => ({ alpn: ['h2', 'h2'] })),
      ...offersAlpn,
    },
    {
      says: 'an answer without a question',
      alert: 'unsupported_extension',
      tamper: encryptedExtensions(() => ({ alpn: ['h2'] })),
    },
  ],
  '4.3.2, CertificateRequest': [
    {
      says: 'a context',
      alert: 'illegal_parameter',
      tamper: change('CertificateRequest', (bytes) =>
        encodeCertificateRequest({ ...decodeCertificateRequest(bytes), requestContext: Uint8Array.of(1) }),
      ),
      server: requestsCertificate,
    },
    {
      says: 'no signature_algorithms',
      alert: 'missing_extension',
      tamper: change('CertificateRequest', () => encodeCertificateRequest({ requestContext: new Uint8Array(0), extensions: {} })),
      server: requestsCertificate,
    },
  ],
  '4.4, authentication of the server': [
    {
      says: 'no certificate (4.4.2.4)',
      alert: 'decode_error',
      tamper: change('Certificate', () => encodeCertificate({ requestContext: new Uint8Array(0), entries: [] })),
    },
    {
      says: 'bytes that are no certificate',
      alert: 'bad_certificate',
      tamper: change('Certificate', () =>
        encodeCertificate({
          requestContext: new Uint8Array(0),
          entries: [{ certificate: Uint8Array.of(1, 2, 3), extensions: {} }],
        }),
      ),
      client: { ...({ verify: undefined } as object) },
    },
    {
      says: 'an extension of a certificate that was not asked for',
      alert: 'unsupported_extension',
      tamper: change('Certificate', (bytes) => {
        const { requestContext, entries } = decodeCertificate(bytes)
        const [first] = entries
        return encodeCertificate({
          requestContext,
          entries: [{ ...first, extensions: { statusRequest: Uint8Array.of(1) } }],
        })
      }),
    },
    {
      says: 'a name that is somebody else’s',
      alert: 'bad_certificate',
      tamper: (message) => [message],
      client: { serverName: 'carol' },
    },
    {
      says: 'an expired certificate',
      alert: 'certificate_expired',
      tamper: (message) => [message],
      client: { verify: () => ({ ok: false, error: 'ERR_CERT_DATE_INVALID', detail: 'expired', cites: 'RFC 5280 section 6.1' }) },
    },
    { says: 'a wrong signature', alert: 'decrypt_error', tamper: change('CertificateVerify', flipLast) },
    {
      says: 'a scheme that was not offered (4.4.3)',
      alert: 'illegal_parameter',
      tamper: change('CertificateVerify', (bytes) =>
        encodeCertificateVerify({ ...decodeCertificateVerify(bytes), algorithm: SignatureScheme.ecdsa_sha1 }),
      ),
    },
    {
      says: 'a scheme that does not fit the key (4.4.3)',
      alert: 'illegal_parameter',
      tamper: change('CertificateVerify', (bytes) =>
        encodeCertificateVerify({ ...decodeCertificateVerify(bytes), algorithm: SignatureScheme.ed25519 }),
      ),
    },
    {
      says: 'PKCS #1 v1.5 (4.2.3)',
      alert: 'illegal_parameter',
      tamper: change('CertificateVerify', (bytes) =>
        encodeCertificateVerify({ ...decodeCertificateVerify(bytes), algorithm: SignatureScheme.rsa_pkcs1_sha256 }),
      ),
      server: { credentials: credentialsOf('rsa') },
    },
    { says: 'a wrong Finished (4.4.4)', alert: 'decrypt_error', tamper: change('Finished', flipLast) },
    {
      says: 'no CertificateVerify',
      alert: 'unexpected_message',
      tamper: (message, name) => (name === 'CertificateVerify' ? [] : [message]),
    },
  ],
})

test('RFC 8446 section 4.2.10: early data accepted for another session than the first', () => {
  const session = sessionOf()
  const pair = new CorePair({ session, earlyData: early }, { tickets: new TlsTickets({ random: seeded(4) }), maxEarlyData: 100 })
  const refusal = pair.talk(encryptedExtensions(() => ({ earlyData: true })))
  assert.deepEqual(refusal, { by: 'client', alert: 'illegal_parameter', cites: 'RFC 8446 section 4.2.10' })
})

test('RFC 8446 section 4.2.10: early data accepted with another application protocol', () => {
  const session = sessionOf({ alpn: ['h2'] }, { alpn: ['h2'] })
  const pair = new CorePair(
    { session, earlyData: early, alpn: ['h2', 'http/1.1'] },
    { tickets, maxEarlyData: 100, alpn: ['h2', 'http/1.1'] },
  )
  const refusal = pair.talk(encryptedExtensions(() => ({ alpn: ['http/1.1'] })))
  assert.deepEqual(refusal, { by: 'client', alert: 'illegal_parameter', cites: 'RFC 8446 section 4.2.10' })
})
