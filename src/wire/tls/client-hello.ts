import { ExtensionType, HandshakeType } from './code-points.ts'
import { decodeExtensions, encodeExtensions } from './extension-block.ts'
import type { ExtensionBlock, ExtensionCodec, ExtensionCodecs } from './extension-block.ts'
import { alpn, bytes, certificateAuthorities, code, codeList, cookie, ecPointFormats, flag } from './extension-codecs.ts'
import { renegotiationInfo, serverName } from './extension-codecs.ts'
import type { KeyShareEntry, OfferedPsks, PskIdentity } from './extension-codecs.ts'
import { bodyReader, encodeHandshake } from './handshake.ts'

/** Bytes of a hello's random value. */
export const RANDOM_LENGTH = 32

/** What a client may offer. An extension that is absent is undefined; one that says nothing but that it is there is `true`. */
export interface ClientHelloExtensions extends ExtensionBlock {
  /** The name of the host that is wanted: RFC 6066 section 3. */
  readonly serverName?: string | undefined
  /** RFC 7627: the master secret covers the whole handshake. TLS 1.2. */
  readonly extendedMasterSecret?: true | undefined
  /** RFC 5746: empty in a first handshake. TLS 1.2. */
  readonly renegotiationInfo?: Uint8Array | undefined
  /** Values of `NamedGroup`, the best first. */
  readonly supportedGroups?: readonly number[] | undefined
  /** Values of `EcPointFormat`. TLS 1.2. */
  readonly ecPointFormats?: readonly number[] | undefined
  /** RFC 5077: a ticket to resume with, empty to ask for one. TLS 1.2. */
  readonly sessionTicket?: Uint8Array | undefined
  /** Names of application protocols, the best first: `['h2', 'http/1.1']`. */
  readonly alpn?: readonly string[] | undefined
  /** The certificate's status is wanted: the data of RFC 6066 section 8, as it is. */
  readonly statusRequest?: Uint8Array | undefined
  /** Values of `SignatureScheme`, the best first. */
  readonly signatureAlgorithms?: readonly number[] | undefined
  /** Those for signatures in certificates, if they differ. */
  readonly signatureAlgorithmsCert?: readonly number[] | undefined
  /** DER names of the authorities that are trusted. */
  readonly certificateAuthorities?: readonly Uint8Array[] | undefined
  /** RFC 8449: longest plaintext of a protected record, in bytes; in TLS 1.3 with the type's byte. */
  readonly recordSizeLimit?: number | undefined
  /** Values of `ProtocolVersion`, the best first. */
  readonly supportedVersions?: readonly number[] | undefined
  /** Given back to the server after a HelloRetryRequest. */
  readonly cookie?: Uint8Array | undefined
  /** Values of `PskKeyExchangeMode`. */
  readonly pskKeyExchangeModes?: readonly number[] | undefined
  /** The client can show a certificate also after the handshake. */
  readonly postHandshakeAuth?: true | undefined
  /** May be empty: the client waits for a HelloRetryRequest. */
  readonly keyShare?: readonly KeyShareEntry[] | undefined
  /** Data follow before the handshake has ended (0-RTT). */
  readonly earlyData?: true | undefined
  /** RFC 7685: zeros. */
  readonly padding?: Uint8Array | undefined
  /** Keys that both sides may have already. Always written last. */
  readonly preSharedKey?: OfferedPsks | undefined
}

/** RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2. */
export interface ClientHello {
  /** legacy_version, 0x0303. */
  readonly version: number
  /** 32 bytes. */
  readonly random: Uint8Array
  /** legacy_session_id, 0 to 32 bytes. */
  readonly sessionId: Uint8Array
  /** Values of `CipherSuite`, the best first. */
  readonly cipherSuites: readonly number[]
  /** legacy_compression_methods: a zero, and in old versions others. */
  readonly compressionMethods: readonly number[]
  readonly extensions: ClientHelloExtensions
}

const CITES = 'RFC 8446 section 4.1.2'

const supportedVersions: ExtensionCodec<readonly number[]> = {
  type: ExtensionType.supported_versions,
  decode: (reader) => reader.vector8(2).uint16s(),
  encode: (writer, versions) => {
    const mark = writer.open(1)
    writer.uint16s(versions)
    writer.close(mark, 1)
  },
}

const pskKeyExchangeModes: ExtensionCodec<readonly number[]> = {
  type: ExtensionType.psk_key_exchange_modes,
  decode: (reader) => reader.vector8(1).uint8s(),
  encode: (writer, modes) => {
    writer.uint8s(modes)
  },
}

const keyShare: ExtensionCodec<readonly KeyShareEntry[]> = {
  type: ExtensionType.key_share,
  decode: (reader) => {
    const list = reader.vector16()
    const entries: KeyShareEntry[] = []
    while (!list.isEmpty) entries.push({ group: list.uint16(), keyExchange: list.opaque16(1) })
    return entries
  },
  encode: (writer, entries) => {
    const mark = writer.open(2)
    for (const { group, keyExchange } of entries) writer.uint16(group).opaque16(keyExchange)
    writer.close(mark, 2)
  },
}

const preSharedKey: ExtensionCodec<OfferedPsks> = {
  type: ExtensionType.pre_shared_key,
  decode: (reader) => {
    const identities: PskIdentity[] = []
    const offered = reader.vector16(7)
    while (!offered.isEmpty) identities.push({ identity: offered.opaque16(1), obfuscatedTicketAge: offered.uint32() })
    const binders: Uint8Array[] = []
    const list = reader.vector16(33)
    while (!list.isEmpty) binders.push(list.opaque8(32))
    if (binders.length !== identities.length) reader.forbid('not as many binders as identities')
    return { identities, binders }
  },
  encode: (writer, { identities, binders }) => {
    const offered = writer.open(2)
    for (const { identity, obfuscatedTicketAge } of identities) writer.opaque16(identity).uint32(obfuscatedTicketAge)
    writer.close(offered, 2)
    const list = writer.open(2)
    for (const binder of binders) writer.opaque8(binder)
    writer.close(list, 2)
  },
}

/** In the order of writing, which is that of OpenSSL's ClientHello, more or less. */
const EXTENSIONS: ExtensionCodecs<ClientHelloExtensions> = {
  serverName,
  extendedMasterSecret: flag(ExtensionType.extended_master_secret),
  renegotiationInfo,
  supportedGroups: codeList(ExtensionType.supported_groups),
  ecPointFormats,
  sessionTicket: bytes(ExtensionType.session_ticket),
  alpn,
  statusRequest: bytes(ExtensionType.status_request),
  signatureAlgorithms: codeList(ExtensionType.signature_algorithms),
  signatureAlgorithmsCert: codeList(ExtensionType.signature_algorithms_cert),
  certificateAuthorities,
  recordSizeLimit: code(ExtensionType.record_size_limit),
  supportedVersions,
  cookie,
  pskKeyExchangeModes,
  postHandshakeAuth: flag(ExtensionType.post_handshake_auth),
  keyShare,
  earlyData: flag(ExtensionType.early_data),
  padding: bytes(ExtensionType.padding),
  preSharedKey,
}

/**
 * Decodes a whole message, header included. Byte strings are views of it.
 * @throws TlsDecodeError when it does not hold together (decode_error), when an extension is there twice or behind pre_shared_key, or
 *   the binders are not as many as the identities (illegal_parameter)
 */
export function decodeClientHello(message: Uint8Array): ClientHello {
  const reader = bodyReader(message, HandshakeType.client_hello, CITES)
  const version = reader.uint16()
  const random = reader.fixed(RANDOM_LENGTH)
  const sessionId = reader.opaque8(0, 32)
  const cipherSuites = reader.vector16(2).uint16s()
  const compressionMethods = reader.vector8(1).uint8s()
  // Before TLS 1.3 a hello may end without a block of extensions (RFC 5246 section 7.4.1.2).
  const extensions = reader.isEmpty ? {} : decodeExtensions(reader, EXTENSIONS, ExtensionType.pre_shared_key)
  reader.done()
  return { version, random, sessionId, cipherSuites, compressionMethods, extensions }
}

/** A whole message, header included. Throws RangeError when something is too long for its length. */
export function encodeClientHello(hello: ClientHello): Uint8Array {
  return encodeHandshake(HandshakeType.client_hello, (writer) => {
    writer.uint16(hello.version).fixed(hello.random).opaque8(hello.sessionId)
    const mark = writer.open(2)
    writer.uint16s(hello.cipherSuites)
    writer.close(mark, 2)
    writer.uint8s(hello.compressionMethods)
    encodeExtensions(writer, hello.extensions, EXTENSIONS, ExtensionType.pre_shared_key)
  })
}

/**
 * Bytes that the list of binders takes with its length, at the very end of a ClientHello. What stands before it is what binders are
 * computed over (RFC 8446 section 4.2.11.2): `message.subarray(0, message.length - bindersLength(binders))`. The binders can be
 * written into place there, since their lengths are known before their values.
 */
export function bindersLength(binders: readonly Uint8Array[]): number {
  return binders.reduce((sum, binder) => sum + 1 + binder.length, 2)
}

/** Writes binders over those at the end of a ClientHello which was encoded with as many of the same lengths. */
export function writeBinders(message: Uint8Array, binders: readonly Uint8Array[]): void {
  let at = message.length - bindersLength(binders) + 2
  for (const binder of binders) {
    message.set(binder, at + 1)
    at += 1 + binder.length
  }
}
