import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeCertificate, encodeCertificate } from '../../../src/wire/tls/certificate.ts'
import { NamedGroup, SignatureScheme } from '../../../src/wire/tls/code-points.ts'
import { CorePair } from './tls13-cores.ts'
import { credentialsOf } from './tls-pair.ts'
import { change, clientExtensions, clientHello, flipLast, refuses, shorten } from './tls13-tamper.ts'

refuses('server', {
  '4.1.2, ClientHello': [
    { says: 'a compression method', alert: 'illegal_parameter', tamper: clientHello(() => ({ compressionMethods: [1, 0] })) },
    { says: 'a byte too few', alert: 'decode_error', tamper: change('ClientHello', shorten) },
    {
      says: 'another second hello',
      alert: 'illegal_parameter',
      tamper: clientHello(() => ({ random: new Uint8Array(32) }), 2),
      server: { groups: ['secp256r1'] },
    },
    {
      says: 'other suites in the second hello',
      alert: 'illegal_parameter',
      tamper: clientHello(() => ({ cipherSuites: [0x1301] }), 2),
      server: { groups: ['secp256r1'] },
    },
  ],
  '4.1.1, no common ground': [
    { says: 'no suite in common', alert: 'handshake_failure', tamper: clientHello(() => ({ cipherSuites: [0x1305] })) },
    {
      says: 'no group in common',
      alert: 'handshake_failure',
      tamper: clientExtensions(() => ({ supportedGroups: [NamedGroup.x448], keyShare: [] })),
    },
    {
      says: 'no signature scheme in common',
      alert: 'handshake_failure',
      tamper: clientExtensions(() => ({ signatureAlgorithms: [SignatureScheme.ed448] })),
    },
    {
      says: 'only PKCS #1 v1.5 for a handshake (4.2.3)',
      alert: 'handshake_failure',
      tamper: clientExtensions(() => ({ signatureAlgorithms: [SignatureScheme.rsa_pkcs1_sha256] })),
      server: { credentials: credentialsOf('rsa') },
    },
  ],
  '4.2.2, cookie': [
    {
      says: 'no cookie',
      alert: 'missing_extension',
      tamper: clientExtensions(() => ({ cookie: undefined }), 2),
      server: { alwaysRetry: true },
    },
    {
      says: 'another cookie',
      alert: 'illegal_parameter',
      tamper: clientExtensions(() => ({ cookie: new Uint8Array(32) }), 2),
      server: { alwaysRetry: true },
    },
  ],
  '4.2.8, key_share': [
    {
      says: 'two shares for one group',
      alert: 'illegal_parameter',
      tamper: clientExtensions(({ keyShare = [] }) => ({ keyShare: [keyShare[0], keyShare[0]] })),
    },
    {
      says: 'a share for a group that is not supported',
      alert: 'illegal_parameter',
      tamper: clientExtensions(() => ({ supportedGroups: [NamedGroup.secp256r1] })),
    },
    {
      says: 'a share of zeros',
      alert: 'illegal_parameter',
      tamper: clientExtensions(() => ({ keyShare: [{ group: NamedGroup.x25519, keyExchange: new Uint8Array(32) }] })),
    },
    {
      says: 'a point that is not on the curve',
      alert: 'illegal_parameter',
      tamper: clientExtensions(({ keyShare = [] }) => ({
        keyShare: [{ group: NamedGroup.secp256r1, keyExchange: flipLast(keyShare[0].keyExchange) }],
      })),
      client: { groups: ['secp256r1'] },
    },
    {
      says: 'a hybrid share that is too short',
      alert: 'illegal_parameter',
      tamper: clientExtensions(({ keyShare = [] }) => ({
        keyShare: [{ group: NamedGroup.X25519MLKEM768, keyExchange: keyShare[0].keyExchange.subarray(1) }],
      })),
      client: { groups: ['X25519MLKEM768'] },
      server: { groups: ['X25519MLKEM768'] },
    },
    {
      says: 'the same share after a HelloRetryRequest',
      alert: 'illegal_parameter',
      tamper: clientExtensions(() => ({ keyShare: [{ group: NamedGroup.x25519, keyExchange: new Uint8Array(32) }] }), 2),
      server: { groups: ['secp256r1'] },
    },
  ],
  '4.2.9, psk_key_exchange_modes': [
    {
      says: 'pre_shared_key without modes',
      alert: 'missing_extension',
      tamper: clientExtensions(() => ({ pskKeyExchangeModes: undefined })),
      resumes: true,
    },
  ],
  '4.2.10, early_data': [
    {
      says: 'early_data after a HelloRetryRequest',
      alert: 'illegal_parameter',
      tamper: clientExtensions(() => ({ earlyData: true }), 2),
      server: { groups: ['secp256r1'] },
      resumes: true,
    },
  ],
  '4.2.11, pre_shared_key': [
    { says: 'a wrong binder', alert: 'decrypt_error', tamper: change('ClientHello', flipLast), resumes: true },
    {
      says: 'a binder for another hello',
      alert: 'decrypt_error',
      tamper: clientExtensions(() => ({ alpn: ['h3'] })),
      resumes: true,
    },
    {
      says: 'more identities than binders',
      alert: 'illegal_parameter',
      tamper: clientExtensions(({ preSharedKey }) => ({
        preSharedKey: {
          identities: [...(preSharedKey?.identities ?? []), ...(preSharedKey?.identities ?? [])],
          binders: preSharedKey?.binders ?? [],
        },
      })),
      resumes: true,
    },
  ],
  '9.2, mandatory extensions': [
    {
      says: 'no supported_groups',
      alert: 'missing_extension',
      tamper: clientExtensions(() => ({ supportedGroups: undefined })),
    },
    { says: 'no key_share', alert: 'missing_extension', tamper: clientExtensions(() => ({ keyShare: undefined })) },
    {
      says: 'no signature_algorithms',
      alert: 'missing_extension',
      tamper: clientExtensions(() => ({ signatureAlgorithms: undefined })),
    },
  ],
  '4.4, authentication of the client': [
    {
      says: 'no certificate where one is required (4.4.2.4)',
      alert: 'certificate_required',
      tamper: (message) => [message],
      server: { clientAuthentication: 'required' },
    },
    {
      says: 'a certificate for another request (4.4.2)',
      alert: 'illegal_parameter',
      tamper: (message, name, from) =>
        from === 'client' && name === 'Certificate'
          ? [{ ...message, bytes: encodeCertificate({ ...decodeCertificate(message.bytes), requestContext: Uint8Array.of(1) }) }]
          : [message],
      client: { credentials: credentialsOf('ec-p256', 'client') },
      server: { clientAuthentication: 'required' },
    },
    {
      says: 'a certificate of an authority that is not trusted (4.4.2.4)',
      alert: 'unknown_ca',
      tamper: (message) => [message],
      client: { credentials: credentialsOf('ec-p256', 'client') },
      server: {
        clientAuthentication: 'wanted',
        verify: () => ({ ok: false, error: 'ERR_CERT_AUTHORITY_INVALID', detail: 'unknown', cites: 'RFC 5280 section 6.1' }),
      },
    },
    {
      says: 'no CertificateVerify after a certificate',
      alert: 'unexpected_message',
      tamper: (message, name, from) => (from === 'client' && name === 'CertificateVerify' ? [] : [message]),
      client: { credentials: credentialsOf('ec-p256', 'client') },
      server: { clientAuthentication: 'required' },
    },
    {
      says: 'a wrong Finished (4.4.4)',
      alert: 'decrypt_error',
      tamper: (message, name, from) =>
        from === 'client' && name === 'Finished' ? [{ ...message, bytes: flipLast(message.bytes) }] : [message],
    },
    {
      says: 'a Finished that is too short',
      alert: 'decode_error',
      tamper: (message, name, from) =>
        from === 'client' && name === 'Finished' ? [{ ...message, bytes: shorten(message.bytes) }] : [message],
    },
  ],
})

test('RFC 7301 section 3.2: no application protocol in common: no_application_protocol', () => {
  const pair = new CorePair({ alpn: ['h2'] }, { alpn: ['http/1.1'] })
  assert.deepEqual(pair.talk(), { by: 'server', alert: 'no_application_protocol', cites: 'RFC 7301 section 3.2' })
})

test('RFC 6066 section 3: a name that nobody here has: unrecognized_name', () => {
  const pair = new CorePair({}, { credentials: (name) => (name === 'carol' ? credentialsOf() : undefined) })
  assert.deepEqual(pair.talk(), { by: 'server', alert: 'unrecognized_name', cites: 'RFC 6066 section 3' })
})
