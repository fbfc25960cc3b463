/**
 * The numbers of TLS and their names, as the RFCs and IANA's registry write them. What is not listed here may still arrive: every
 * reader of a number has to expect unknown ones, which clients send on purpose (GREASE, RFC 8701).
 */

/** RFC 8446 section 4.1.2 and 4.2.1. */
export const ProtocolVersion = { SSL3: 0x0300, TLS1_0: 0x0301, TLS1_1: 0x0302, TLS1_2: 0x0303, TLS1_3: 0x0304 } as const

/** RFC 8446 section 5.1. */
export const ContentType = { change_cipher_spec: 20, alert: 21, handshake: 22, application_data: 23 } as const

/** RFC 8446 section 4, RFC 5246 section 7.4, RFC 5077 section 3.3. */
export const HandshakeType = {
  hello_request: 0,
  client_hello: 1,
  server_hello: 2,
  new_session_ticket: 4,
  end_of_early_data: 5,
  encrypted_extensions: 8,
  certificate: 11,
  server_key_exchange: 12,
  certificate_request: 13,
  server_hello_done: 14,
  certificate_verify: 15,
  client_key_exchange: 16,
  finished: 20,
  certificate_status: 22,
  key_update: 24,
  message_hash: 254,
} as const
export type HandshakeTypeName = keyof typeof HandshakeType

/** Those that are decoded here, and those that real programs often send. */
export const ExtensionType = {
  server_name: 0,
  max_fragment_length: 1,
  status_request: 5,
  supported_groups: 10,
  ec_point_formats: 11,
  signature_algorithms: 13,
  use_srtp: 14,
  heartbeat: 15,
  application_layer_protocol_negotiation: 16,
  signed_certificate_timestamp: 18,
  client_certificate_type: 19,
  server_certificate_type: 20,
  padding: 21,
  encrypt_then_mac: 22,
  extended_master_secret: 23,
  compress_certificate: 27,
  record_size_limit: 28,
  delegated_credential: 34,
  session_ticket: 35,
  pre_shared_key: 41,
  early_data: 42,
  supported_versions: 43,
  cookie: 44,
  psk_key_exchange_modes: 45,
  certificate_authorities: 47,
  oid_filters: 48,
  post_handshake_auth: 49,
  signature_algorithms_cert: 50,
  key_share: 51,
  quic_transport_parameters: 57,
  next_protocol_negotiation: 13172,
  application_settings: 17613,
  encrypted_client_hello: 65037,
  renegotiation_info: 65281,
} as const

/** Those that are spoken here, and those that real programs often offer. */
export const CipherSuite = {
  TLS_AES_128_GCM_SHA256: 0x1301,
  TLS_AES_256_GCM_SHA384: 0x1302,
  TLS_CHACHA20_POLY1305_SHA256: 0x1303,
  TLS_AES_128_CCM_SHA256: 0x1304,
  TLS_AES_128_CCM_8_SHA256: 0x1305,
  TLS_RSA_WITH_AES_128_CBC_SHA: 0x002f,
  TLS_DHE_RSA_WITH_AES_128_CBC_SHA: 0x0033,
  TLS_RSA_WITH_AES_256_CBC_SHA: 0x0035,
  TLS_DHE_RSA_WITH_AES_256_CBC_SHA: 0x0039,
  TLS_RSA_WITH_AES_128_CBC_SHA256: 0x003c,
  TLS_RSA_WITH_AES_256_CBC_SHA256: 0x003d,
  TLS_DHE_RSA_WITH_AES_128_CBC_SHA256: 0x0067,
  TLS_DHE_RSA_WITH_AES_256_CBC_SHA256: 0x006b,
  TLS_RSA_WITH_AES_128_GCM_SHA256: 0x009c,
  TLS_RSA_WITH_AES_256_GCM_SHA384: 0x009d,
  TLS_DHE_RSA_WITH_AES_128_GCM_SHA256: 0x009e,
  TLS_DHE_RSA_WITH_AES_256_GCM_SHA384: 0x009f,
  TLS_EMPTY_RENEGOTIATION_INFO_SCSV: 0x00ff,
  TLS_FALLBACK_SCSV: 0x5600,
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 0xc009,
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 0xc00a,
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 0xc013,
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 0xc014,
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: 0xc023,
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384: 0xc024,
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: 0xc027,
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384: 0xc028,
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 0xc02b,
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 0xc02c,
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 0xc02f,
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 0xc030,
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 0xcca8,
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 0xcca9,
  TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 0xccaa,
} as const
export type CipherSuiteName = keyof typeof CipherSuite

/** RFC 8446 section 4.2.7, draft-ietf-tls-ecdhe-mlkem. */
export const NamedGroup = {
  secp256r1: 0x0017,
  secp384r1: 0x0018,
  secp521r1: 0x0019,
  x25519: 0x001d,
  x448: 0x001e,
  ffdhe2048: 0x0100,
  ffdhe3072: 0x0101,
  ffdhe4096: 0x0102,
  ffdhe6144: 0x0103,
  ffdhe8192: 0x0104,
  SecP256r1MLKEM768: 0x11eb,
  X25519MLKEM768: 0x11ec,
  SecP384r1MLKEM1024: 0x11ed,
} as const

/** RFC 8446 section 4.2.3; the old pairs of hash and signature (RFC 5246 section 7.4.1.4.1) under Wireshark's manner of names. */
export const SignatureScheme = {
  rsa_pkcs1_sha1: 0x0201,
  dsa_sha1: 0x0202,
  ecdsa_sha1: 0x0203,
  rsa_pkcs1_sha224: 0x0301,
  dsa_sha224: 0x0302,
  ecdsa_sha224: 0x0303,
  rsa_pkcs1_sha256: 0x0401,
  dsa_sha256: 0x0402,
  ecdsa_secp256r1_sha256: 0x0403,
  rsa_pkcs1_sha384: 0x0501,
  dsa_sha384: 0x0502,
  ecdsa_secp384r1_sha384: 0x0503,
  rsa_pkcs1_sha512: 0x0601,
  dsa_sha512: 0x0602,
  ecdsa_secp521r1_sha512: 0x0603,
  rsa_pss_rsae_sha256: 0x0804,
  rsa_pss_rsae_sha384: 0x0805,
  rsa_pss_rsae_sha512: 0x0806,
  ed25519: 0x0807,
  ed448: 0x0808,
  rsa_pss_pss_sha256: 0x0809,
  rsa_pss_pss_sha384: 0x080a,
  rsa_pss_pss_sha512: 0x080b,
  mldsa44: 0x0904,
  mldsa65: 0x0905,
  mldsa87: 0x0906,
} as const

/** RFC 8446 section 4.2.9. */
export const PskKeyExchangeMode = { psk_ke: 0, psk_dhe_ke: 1 } as const

/** RFC 8422 section 5.1.2. */
export const EcPointFormat = { uncompressed: 0, ansiX962_compressed_prime: 1, ansiX962_compressed_char2: 2 } as const

/** RFC 5246 section 7.4.4, RFC 8422 section 5.5. */
export const ClientCertificateType = { rsa_sign: 1, dss_sign: 2, rsa_fixed_dh: 3, dss_fixed_dh: 4, ecdsa_sign: 64 } as const

/** RFC 8446 section 4.6.3. */
export const KeyUpdateRequest = { update_not_requested: 0, update_requested: 1 } as const

type Names = ReadonlyMap<number, string>

function namesOf(table: Readonly<Record<string, number>>): Names {
  return new Map(Object.entries(table).map(([name, code]) => [code, name]))
}

/** RFC 8701: sixteen values, of the form 0x?a?a with equal bytes, that a peer must take for unknown. */
export function isGrease(code: number): boolean {
  return (code & 0x0f0f) === 0x0a0a && code >>> 8 === (code & 0xff)
}

function nameIn(names: Names, code: number): string | undefined {
  return names.get(code) ?? (isGrease(code) ? 'GREASE' : undefined)
}

const VERSION_NAMES: Names = /* @__PURE__ */ new Map([
  [0x0300, 'SSL 3.0'],
  [0x0301, 'TLS 1.0'],
  [0x0302, 'TLS 1.1'],
  [0x0303, 'TLS 1.2'],
  [0x0304, 'TLS 1.3'],
])
const CONTENT_NAMES: Names = /* @__PURE__ */ namesOf(ContentType)
const HANDSHAKE_NAMES: Names = /* @__PURE__ */ namesOf(HandshakeType)
const EXTENSION_NAMES: Names = /* @__PURE__ */ namesOf(ExtensionType)
const SUITE_NAMES: Names = /* @__PURE__ */ namesOf(CipherSuite)
const GROUP_NAMES: Names = /* @__PURE__ */ namesOf(NamedGroup)
const SCHEME_NAMES: Names = /* @__PURE__ */ namesOf(SignatureScheme)
const CERTIFICATE_TYPE_NAMES: Names = /* @__PURE__ */ namesOf(ClientCertificateType)

/** `'TLS 1.3'`; undefined when unknown, as with all the names here. */
export function versionName(code: number): string | undefined {
  return nameIn(VERSION_NAMES, code)
}

/** `'application_data'`. */
export function contentTypeName(code: number): string | undefined {
  return CONTENT_NAMES.get(code)
}

/** `'client_hello'`. */
export function handshakeTypeName(code: number): HandshakeTypeName | undefined {
  return HANDSHAKE_NAMES.get(code) as HandshakeTypeName | undefined
}

/** `'supported_versions'`. */
export function extensionTypeName(code: number): string | undefined {
  return nameIn(EXTENSION_NAMES, code)
}

/** `'TLS_AES_128_GCM_SHA256'`. */
export function cipherSuiteName(code: number): string | undefined {
  return nameIn(SUITE_NAMES, code)
}

/** `'x25519'`. */
export function namedGroupName(code: number): string | undefined {
  return nameIn(GROUP_NAMES, code)
}

/** `'ecdsa_secp256r1_sha256'`. */
export function signatureSchemeName(code: number): string | undefined {
  return nameIn(SCHEME_NAMES, code)
}

/** `'ecdsa_sign'`. */
export function clientCertificateTypeName(code: number): string | undefined {
  return CERTIFICATE_TYPE_NAMES.get(code)
}

const MESSAGE_NAMES: Readonly<Record<number, string | undefined>> = {
  [HandshakeType.hello_request]: 'HelloRequest',
  [HandshakeType.client_hello]: 'ClientHello',
  [HandshakeType.server_hello]: 'ServerHello',
  [HandshakeType.new_session_ticket]: 'NewSessionTicket',
  [HandshakeType.end_of_early_data]: 'EndOfEarlyData',
  [HandshakeType.encrypted_extensions]: 'EncryptedExtensions',
  [HandshakeType.certificate]: 'Certificate',
  [HandshakeType.server_key_exchange]: 'ServerKeyExchange',
  [HandshakeType.certificate_request]: 'CertificateRequest',
  [HandshakeType.server_hello_done]: 'ServerHelloDone',
  [HandshakeType.certificate_verify]: 'CertificateVerify',
  [HandshakeType.client_key_exchange]: 'ClientKeyExchange',
  [HandshakeType.finished]: 'Finished',
  [HandshakeType.certificate_status]: 'CertificateStatus',
  [HandshakeType.key_update]: 'KeyUpdate',
  [HandshakeType.message_hash]: 'message_hash',
}

/** The message's name as the RFCs' figures have it: `'ClientHello'`. A HelloRetryRequest is a `'ServerHello'` by its type. */
export function handshakeMessageName(code: number): string {
  return MESSAGE_NAMES[code] ?? `handshake type ${String(code)}`
}
