import { HandshakeType } from '../../../src/wire/tls/code-points.ts'
import { decodeCertificate, decodeCertificate12, decodeCertificateVerify } from '../../../src/wire/tls/certificate.ts'
import { encodeCertificate, encodeCertificate12, encodeCertificateVerify } from '../../../src/wire/tls/certificate.ts'
import { decodeCertificateRequest, decodeCertificateRequest12 } from '../../../src/wire/tls/certificate-request.ts'
import { encodeCertificateRequest, encodeCertificateRequest12 } from '../../../src/wire/tls/certificate-request.ts'
import { decodeClientHello, encodeClientHello } from '../../../src/wire/tls/client-hello.ts'
import { decodeEncryptedExtensions, encodeEncryptedExtensions } from '../../../src/wire/tls/encrypted-extensions.ts'
import { decodeClientKeyExchange, decodeServerKeyExchange } from '../../../src/wire/tls/key-exchange.ts'
import { encodeClientKeyExchange, encodeServerKeyExchange } from '../../../src/wire/tls/key-exchange.ts'
import { decodeServerHello, encodeServerHello, HELLO_RETRY_REQUEST_RANDOM } from '../../../src/wire/tls/server-hello.ts'
import { decodeNewSessionTicket, decodeNewSessionTicket12 } from '../../../src/wire/tls/session-ticket.ts'
import { encodeNewSessionTicket, encodeNewSessionTicket12 } from '../../../src/wire/tls/session-ticket.ts'
import { decodeEmptyMessage, decodeFinished, decodeKeyUpdate } from '../../../src/wire/tls/small-messages.ts'
import { encodeEmptyMessage, encodeFinished, encodeKeyUpdate } from '../../../src/wire/tls/small-messages.ts'

// Every kind of message, with everything in it that it can hold.

export function bytes(length: number, first = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (first + i) & 0xff)
}

const EVERYTHING_CLIENT = {
  serverName: 'www.example.org',
  extendedMasterSecret: true,
  renegotiationInfo: bytes(12),
  supportedGroups: [0x11ec, 0x001d, 0x0017, 0x5a5a],
  ecPointFormats: [0, 1, 2],
  sessionTicket: bytes(40),
  alpn: ['h2', 'http/1.1'],
  statusRequest: Uint8Array.of(1, 0, 0, 0, 0),
  signatureAlgorithms: [0x0403, 0x0804],
  signatureAlgorithmsCert: [0x0401],
  certificateAuthorities: [bytes(20), bytes(3)],
  recordSizeLimit: 4096,
  supportedVersions: [0x0304, 0x0303],
  cookie: bytes(17),
  pskKeyExchangeModes: [1],
  postHandshakeAuth: true,
  keyShare: [
    { group: 0x001d, keyExchange: bytes(32) },
    { group: 0x0017, keyExchange: bytes(65) },
  ],
  earlyData: true,
  padding: new Uint8Array(9),
  preSharedKey: {
    identities: [
      { identity: bytes(30), obfuscatedTicketAge: 0xfedcba98 },
      { identity: bytes(1), obfuscatedTicketAge: 0 },
    ],
    binders: [bytes(32), bytes(48)],
  },
  others: [{ type: 0x1a1a, data: bytes(1) }],
} as const

const CLIENT_HELLO = {
  version: 0x0303,
  random: bytes(32),
  sessionId: bytes(32),
  cipherSuites: [0x1303, 0xc02b],
  compressionMethods: [0],
}
const SERVER_HELLO = {
  version: 0x0303,
  random: bytes(32),
  sessionId: bytes(32),
  cipherSuite: 0x1303,
  compressionMethod: 0,
}

/** A decoder and an encoder of the same message, and messages of it. */
export interface Codec {
  readonly decode: (message: Uint8Array) => unknown
  readonly encode: (value: never) => Uint8Array
  readonly samples: readonly Uint8Array[]
}

function codec<Value>(
  decode: (message: Uint8Array) => Value,
  encode: (value: Value) => Uint8Array,
  ...values: readonly Value[]
): Codec {
  return { decode, encode, samples: values.map(encode) }
}

function empty(type: 'end_of_early_data' | 'server_hello_done' | 'hello_request'): Codec {
  return codec(
    (message: Uint8Array) => {
      decodeEmptyMessage(message, type)
    },
    () => encodeEmptyMessage(type),
    undefined,
  )
}

export const CODECS: Readonly<Record<string, Codec>> = {
  ClientHello: codec(
    decodeClientHello,
    encodeClientHello,
    { ...CLIENT_HELLO, extensions: EVERYTHING_CLIENT },
    { ...CLIENT_HELLO, sessionId: bytes(0), extensions: {} },
  ),
  ServerHello: codec(
    decodeServerHello,
    encodeServerHello,
    {
      ...SERVER_HELLO,
      extensions: { selectedVersion: 0x0304, keyShare: { group: 29, keyExchange: bytes(32) }, selectedIdentity: 1 },
    },
    {
      ...SERVER_HELLO,
      extensions: {
        serverName: true,
        renegotiationInfo: bytes(0),
        extendedMasterSecret: true,
        ecPointFormats: [0],
        sessionTicket: bytes(0),
        alpn: ['h2'],
        recordSizeLimit: 512,
        others: [{ type: 99, data: bytes(2) }],
      },
    },
    { ...SERVER_HELLO, sessionId: bytes(0), extensions: {} },
    {
      ...SERVER_HELLO,
      random: HELLO_RETRY_REQUEST_RANDOM,
      extensions: { selectedVersion: 0x0304, selectedGroup: 23, cookie: bytes(5) },
    },
  ),
  EncryptedExtensions: codec(
    decodeEncryptedExtensions,
    encodeEncryptedExtensions,
    { serverName: true, supportedGroups: [29], alpn: ['h2'], recordSizeLimit: 16385, earlyData: true },
    {},
  ),
  Certificate: codec(
    decodeCertificate,
    encodeCertificate,
    {
      requestContext: bytes(4),
      entries: [
        { certificate: bytes(400), extensions: { statusRequest: bytes(10), signedCertificateTimestamp: bytes(8) } },
        { certificate: bytes(1), extensions: {} },
      ],
    },
    { requestContext: bytes(0), entries: [] },
  ),
  'Certificate of TLS 1.2': codec(decodeCertificate12, encodeCertificate12, [bytes(300), bytes(2)], []),
  CertificateVerify: codec(decodeCertificateVerify, encodeCertificateVerify, { algorithm: 0x0403, signature: bytes(71) }),
  CertificateRequest: codec(decodeCertificateRequest, encodeCertificateRequest, {
    requestContext: bytes(0),
    extensions: {
      signatureAlgorithms: [0x0403],
      signatureAlgorithmsCert: [0x0401],
      certificateAuthorities: [bytes(9)],
      oidFilters: bytes(4),
      statusRequest: bytes(0),
      signedCertificateTimestamp: bytes(0),
    },
  }),
  'CertificateRequest of TLS 1.2': codec(decodeCertificateRequest12, encodeCertificateRequest12, {
    certificateTypes: [64, 1],
    signatureAlgorithms: [0x0403, 0x0804],
    certificateAuthorities: [bytes(12), bytes(1)],
  }),
  NewSessionTicket: codec(
    decodeNewSessionTicket,
    encodeNewSessionTicket,
    {
      lifetime: 7200,
      ageAdd: 0xffff_ffff,
      nonce: bytes(8),
      ticket: bytes(100),
      extensions: { maxEarlyDataSize: 0xffff_ffff, others: [{ type: 0xfafa, data: bytes(0) }] },
    },
    { lifetime: 0, ageAdd: 0, nonce: bytes(0), ticket: bytes(1), extensions: {} },
  ),
  'NewSessionTicket of TLS 1.2': codec(
    decodeNewSessionTicket12,
    encodeNewSessionTicket12,
    { lifetimeHint: 7200, ticket: bytes(100) },
    { lifetimeHint: 0, ticket: bytes(0) },
  ),
  ServerKeyExchange: codec(decodeServerKeyExchange, encodeServerKeyExchange, {
    group: 29,
    point: bytes(32),
    algorithm: 0x0403,
    signature: bytes(70),
  }),
  ClientKeyExchange: codec(decodeClientKeyExchange, encodeClientKeyExchange, bytes(65)),
  Finished: codec((message: Uint8Array) => decodeFinished(message, 12), encodeFinished, bytes(12)),
  KeyUpdate: codec(decodeKeyUpdate, encodeKeyUpdate, true, false),
  EndOfEarlyData: empty('end_of_early_data'),
  ServerHelloDone: empty('server_hello_done'),
  HelloRequest: empty('hello_request'),
}

/** A message of a type, with such a body. */
export function messageOf(type: keyof typeof HandshakeType, ...body: readonly number[]): Uint8Array {
  return Uint8Array.of(HandshakeType[type], 0, body.length >>> 8, body.length & 0xff, ...body)
}
