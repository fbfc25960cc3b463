import { field, withProblems } from '../describe.ts'
import type { Field, Layer } from '../field.ts'
import { certificateFields } from '../x509-layer.ts'
import { cipherSuiteName, clientCertificateTypeName, handshakeMessageName, handshakeTypeName } from './code-points.ts'
import { HandshakeType, namedGroupName, signatureSchemeName, versionName } from './code-points.ts'
import { RANDOM_LENGTH } from './client-hello.ts'
import { TlsDecodeError } from './decode-error.ts'
import { readExtensionFields } from './extension-layer.ts'
import { bytesInWords, FieldReader } from './field-reader.ts'
import { TlsReader } from './reader.ts'
import { downgradeMark, isHelloRetryRequest } from './server-hello.ts'

/** Of which version a message is; undefined when that is not known: hellos read the same in both. */
export type TlsVersionName = '1.2' | '1.3' | undefined

/** Handshake messages, as the inspector shows them. */
export interface HandshakeReading {
  readonly fields: readonly Field[]
  /** Their names in order: `['ServerHello', 'Certificate']`. */
  readonly names: readonly string[]
  /** What is wrong with them; undefined: nothing. */
  readonly problem: string | undefined
}

function sessionId(at: FieldReader): void {
  at.opaque('tls.handshake.session_id_length', 'tls.handshake.session_id', 'Session ID', 1)
}

function compression(method: number): string | undefined {
  return method === 0 ? 'null' : undefined
}

function clientHello(at: FieldReader): void {
  at.code('tls.handshake.version', 'Version', 2, versionName)
  at.bytes('tls.handshake.random', 'Random', RANDOM_LENGTH)
  sessionId(at)
  const suites = at.number('tls.handshake.cipher_suites_length', 'Cipher suites length', 2)
  at.group(
    'tls.handshake.ciphersuites',
    'Cipher suites',
    String(suites >>> 1),
    (list) => {
      while (!list.isEmpty) list.code('tls.handshake.ciphersuite', 'Cipher suite', 2, cipherSuiteName)
    },
    suites,
  )
  const methods = at.number('tls.handshake.comp_methods_length', 'Compression methods length', 1)
  at.group(
    'tls.handshake.comp_methods',
    'Compression methods',
    String(methods),
    (list) => {
      while (!list.isEmpty) list.number('tls.handshake.comp_method', 'Compression method', 1, compression)
    },
    methods,
  )
  if (!at.isEmpty) readExtensionFields(at, { message: HandshakeType.client_hello, isRetry: false })
}

function serverHello(at: FieldReader): void {
  at.code('tls.handshake.version', 'Version', 2, versionName)
  const random = at.bytes('tls.handshake.random', 'Random', RANDOM_LENGTH)
  const isRetry = isHelloRetryRequest(random)
  const mark = downgradeMark(random)
  if (mark !== undefined) {
    const value = `TLS ${mark}, although the server speaks more`
    at.fields.push(field('tls.handshake.random.downgrade', 'Downgrade mark', value, at.at - 8, at.at))
  }
  sessionId(at)
  at.code('tls.handshake.ciphersuite', 'Cipher suite', 2, cipherSuiteName)
  at.number('tls.handshake.comp_method', 'Compression method', 1, compression)
  if (!at.isEmpty) readExtensionFields(at, { message: HandshakeType.server_hello, isRetry })
}

function certificate(at: FieldReader, version: TlsVersionName): void {
  if (version !== '1.2') {
    const name = 'tls.handshake.certificate_request_context'
    at.opaque(`${name}_length`, name, 'Certificate request context', 1)
  }
  const length = at.number('tls.handshake.certificates_length', 'Certificates length', 3)
  at.group(
    'tls.handshake.certificates',
    'Certificates',
    `${String(length)} bytes`,
    (list) => {
      while (!list.isEmpty) {
        oneCertificate(list)
        if (version !== '1.2') readExtensionFields(list, { message: HandshakeType.certificate, isRetry: false })
      }
    },
    length,
  )
}

function oneCertificate(at: FieldReader): void {
  const length = at.number('tls.handshake.certificate_length', 'Certificate length', 3)
  const { at: start } = at
  const words = bytesInWords(at.reader.fixed(length))
  if (length === 0) return
  const fields = certificateFields(at.reader.bytes, start, at.at)
  at.fields.push(field('tls.handshake.certificate', 'Certificate', words, start, at.at, fields))
}

function signatureAlgorithm(at: FieldReader): void {
  at.code('tls.handshake.sig_hash_alg', 'Signature algorithm', 2, signatureSchemeName)
}

function certificateRequest(at: FieldReader, version: TlsVersionName): void {
  if (version !== '1.2') {
    const name = 'tls.handshake.certificate_request_context'
    at.opaque(`${name}_length`, name, 'Certificate request context', 1)
    readExtensionFields(at, { message: HandshakeType.certificate_request, isRetry: false })
    return
  }
  const types = at.vector('tls.handshake.cert_types_count', 'Certificate types', 1)
  while (!types.isEmpty) types.number('tls.handshake.cert_type', 'Certificate type', 1, clientCertificateTypeName)
  const algorithms = at.vector('tls.handshake.sig_hash_alg_len', 'Signature algorithms', 2)
  while (!algorithms.isEmpty) signatureAlgorithm(algorithms)
  const names = at.vector('tls.handshake.dnames_len', 'Distinguished names', 2)
  while (!names.isEmpty) names.opaque('tls.handshake.dname_len', 'tls.handshake.dname', 'Distinguished name', 2)
}

function certificateVerify(at: FieldReader): void {
  signatureAlgorithm(at)
  at.opaque('tls.handshake.client_cert_vrfy.sig_len', 'tls.handshake.client_cert_vrfy.sig', 'Signature', 2)
}

function newSessionTicket(at: FieldReader, version: TlsVersionName): void {
  at.number('tls.handshake.session_ticket_lifetime_hint', 'Session ticket lifetime', 4, () => 'seconds')
  if (version !== '1.2') {
    at.number('tls.handshake.session_ticket_age_add', 'Session ticket age add', 4)
    const nonce = 'tls.handshake.session_ticket_nonce'
    at.opaque(`${nonce}_length`, nonce, 'Session ticket nonce', 1)
  }
  at.opaque('tls.handshake.session_ticket_length', 'tls.handshake.session_ticket', 'Session ticket', 2)
  if (version !== '1.2') readExtensionFields(at, { message: HandshakeType.new_session_ticket, isRetry: false })
}

function serverKeyExchange(at: FieldReader): void {
  at.number('tls.handshake.server_curve_type', 'Curve type', 1, (type) => (type === 3 ? 'named_curve' : undefined))
  at.code('tls.handshake.server_named_curve', 'Named curve', 2, namedGroupName)
  at.opaque('tls.handshake.server_point_len', 'tls.handshake.server_point', 'Public key', 1)
  signatureAlgorithm(at)
  at.opaque('tls.handshake.sig_len', 'tls.handshake.sig', 'Signature', 2)
}

type Reading = (at: FieldReader, version: TlsVersionName) => void

const READINGS: ReadonlyMap<number, Reading> = /* @__PURE__ */ new Map<number, Reading>([
  [HandshakeType.client_hello, clientHello],
  [HandshakeType.server_hello, serverHello],
  [
    HandshakeType.encrypted_extensions,
    (at) => {
      readExtensionFields(at, { message: HandshakeType.encrypted_extensions, isRetry: false })
    },
  ],
  [HandshakeType.certificate, certificate],
  [HandshakeType.certificate_request, certificateRequest],
  [HandshakeType.certificate_verify, certificateVerify],
  [HandshakeType.new_session_ticket, newSessionTicket],
  [HandshakeType.server_key_exchange, serverKeyExchange],
  [
    HandshakeType.client_key_exchange,
    (at) => at.opaque('tls.handshake.client_point_len', 'tls.handshake.client_point', 'Public key', 1),
  ],
  [HandshakeType.finished, (at) => at.bytes('tls.handshake.verify_data', 'Verify data', at.reader.left)],
  [
    HandshakeType.key_update,
    (at) =>
      at.number('tls.handshake.key_update.request_update', 'Request update', 1, (request) =>
        request === 0 ? 'update_not_requested' : request === 1 ? 'update_requested' : undefined,
      ),
  ],
])

/** The name of the message that begins at `start`: a ServerHello may be a HelloRetryRequest. */
function messageName(bytes: Uint8Array, start: number, end: number): string {
  const random = start + 6
  const isRetry =
    bytes[start] === HandshakeType.server_hello &&
    random + RANDOM_LENGTH <= end &&
    isHelloRetryRequest(bytes.subarray(random, random + RANDOM_LENGTH))
  return isRetry ? 'HelloRetryRequest' : handshakeMessageName(bytes[start])
}

function readMessage(at: FieldReader, version: TlsVersionName): void {
  const type = at.number('tls.handshake.type', 'Handshake type', 1, handshakeTypeName)
  const length = at.number('tls.handshake.length', 'Length', 3)
  const { left } = at.reader
  if (length > left) {
    at.bytes('tls.handshake.fragment', 'First part of the message', left)
    at.reader.refuse(`${String(length - left)} bytes of the message are not here`)
  }
  const body = at.within(length)
  READINGS.get(type)?.(body, version)
  if (READINGS.has(type)) body.done()
  else body.bytes('tls.handshake.body', 'Body', body.reader.left)
}

/**
 * Handshake messages that follow each other in [start, end). A last one that is cut short, since it goes on in another record, is
 * shown as far as it goes, and is a problem.
 */
export function readHandshake(bytes: Uint8Array, start: number, end: number, version: TlsVersionName): HandshakeReading {
  const at = new FieldReader(new TlsReader(bytes, start, end, 'RFC 8446 section 4'))
  const names: string[] = []
  try {
    while (!at.isEmpty) {
      const name = messageName(bytes, at.at, end)
      names.push(name)
      at.group('tls.handshake', 'Handshake message', name, (message) => {
        readMessage(message, version)
      })
    }
  } catch (error) {
    if (!(error instanceof TlsDecodeError)) throw error
    return { fields: at.fields, names, problem: `${names.at(-1) ?? 'message'}: ${error.detail}` }
  }
  return { fields: at.fields, names, problem: undefined }
}

/** One or more whole handshake messages that fill [start, end), put together from several records, for the inspector. */
export function tlsHandshakeLayer(bytes: Uint8Array, start: number, end: number, version: TlsVersionName): Layer {
  const { fields, names, problem } = readHandshake(bytes, start, end, version)
  const layer: Layer = { protocol: 'tls', title: 'Transport Layer Security', summary: names.join(', '), start, end, fields }
  return withProblems(layer, problem === undefined ? [] : [problem])
}
