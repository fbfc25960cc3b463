import { RANDOM_LENGTH } from './client-hello.ts'
import { ExtensionType, HandshakeType } from './code-points.ts'
import { decodeExtensions, encodeExtensions } from './extension-block.ts'
import type { ExtensionBlock, ExtensionCodec, ExtensionCodecs } from './extension-block.ts'
import { alpn, bytes, code, cookie, ecPointFormats, flag, renegotiationInfo } from './extension-codecs.ts'
import type { KeyShareEntry } from './extension-codecs.ts'
import { bodyReader, encodeHandshake } from './handshake.ts'

/** The extensions of a ServerHello of both versions, and of a HelloRetryRequest. */
export interface ServerHelloExtensions extends ExtensionBlock {
  /** A value of `ProtocolVersion`; absent: the version is the hello's own. */
  readonly selectedVersion?: number | undefined
  /** The server's share; in a HelloRetryRequest see `selectedGroup`. */
  readonly keyShare?: KeyShareEntry | undefined
  /** Only in a HelloRetryRequest: the group for which a share is wanted. */
  readonly selectedGroup?: number | undefined
  /** Which of the offered identities was taken, from 0. */
  readonly selectedIdentity?: number | undefined
  /** Only in a HelloRetryRequest. */
  readonly cookie?: Uint8Array | undefined
  /** The name was used. TLS 1.2. */
  readonly serverName?: true | undefined
  /** TLS 1.2. */
  readonly renegotiationInfo?: Uint8Array | undefined
  /** TLS 1.2. */
  readonly extendedMasterSecret?: true | undefined
  /** TLS 1.2. */
  readonly ecPointFormats?: readonly number[] | undefined
  /** A NewSessionTicket follows. TLS 1.2; empty. */
  readonly sessionTicket?: Uint8Array | undefined
  /** The one protocol that was chosen. TLS 1.2. */
  readonly alpn?: readonly string[] | undefined
  /** TLS 1.2. */
  readonly recordSizeLimit?: number | undefined
}

/** RFC 8446 section 4.1.3, RFC 5246 section 7.4.1.3. */
export interface ServerHello {
  /** The version of TLS 1.2 and before; 0x0303 in TLS 1.3. */
  readonly version: number
  /** 32 bytes; `HELLO_RETRY_REQUEST_RANDOM` makes it a HelloRetryRequest. */
  readonly random: Uint8Array
  /** legacy_session_id_echo, 0 to 32 bytes. */
  readonly sessionId: Uint8Array
  /** A value of `CipherSuite`. */
  readonly cipherSuite: number
  /** legacy_compression_method, 0. */
  readonly compressionMethod: number
  readonly extensions: ServerHelloExtensions
}

/** SHA-256 of "HelloRetryRequest": RFC 8446 section 4.1.3. */
export const HELLO_RETRY_REQUEST_RANDOM: Readonly<Uint8Array> = /* @__PURE__ */ Uint8Array.of(
  ...[0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91],
  ...[0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c],
)

/** What the last 8 bytes of a random value say when the server could have spoken TLS 1.3: "DOWNGRD" and a 1 for TLS 1.2, 0 for less. */
const DOWNGRADE = [0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44] as const

/** Whether this ServerHello is a HelloRetryRequest (RFC 8446 section 4.1.3). */
export function isHelloRetryRequest(random: Uint8Array): boolean {
  return HELLO_RETRY_REQUEST_RANDOM.every((byte, i) => random[i] === byte)
}

/**
 * Marks a server's random value, in place: the server would have spoken TLS 1.3, and this is TLS 1.2 (RFC 8446 section 4.1.3).
 */
export function markDowngrade(random: Uint8Array): void {
  random.set(DOWNGRADE, RANDOM_LENGTH - 8)
  random[RANDOM_LENGTH - 1] = 1
}

/** The version to which the server says it was brought down: `'1.2'`, `'1.1'` for anything below, undefined for no mark. */
export function downgradeMark(random: Uint8Array): '1.2' | '1.1' | undefined {
  if (!DOWNGRADE.every((byte, i) => random[RANDOM_LENGTH - 8 + i] === byte)) return undefined
  const last = random[RANDOM_LENGTH - 1]
  return last === 1 ? '1.2' : last === 0 ? '1.1' : undefined
}

const CITES = 'RFC 8446 section 4.1.3'

const keyShare: ExtensionCodec<KeyShareEntry> = {
  type: ExtensionType.key_share,
  decode: (reader) => ({ group: reader.uint16(), keyExchange: reader.opaque16(1) }),
  encode: (writer, { group, keyExchange }) => {
    writer.uint16(group).opaque16(keyExchange)
  },
}

type RetryExtensions = Pick<ServerHelloExtensions, keyof ExtensionBlock | 'selectedVersion' | 'selectedGroup' | 'cookie'>

const RETRY_EXTENSIONS: ExtensionCodecs<RetryExtensions> = {
  selectedVersion: code(ExtensionType.supported_versions),
  selectedGroup: code(ExtensionType.key_share),
  cookie,
}

const EXTENSIONS: ExtensionCodecs<Omit<ServerHelloExtensions, 'selectedGroup' | 'cookie'>> = {
  selectedVersion: code(ExtensionType.supported_versions),
  keyShare,
  selectedIdentity: code(ExtensionType.pre_shared_key),
  serverName: flag(ExtensionType.server_name),
  renegotiationInfo,
  extendedMasterSecret: flag(ExtensionType.extended_master_secret),
  ecPointFormats,
  sessionTicket: bytes(ExtensionType.session_ticket),
  alpn,
  recordSizeLimit: code(ExtensionType.record_size_limit),
}

/**
 * Decodes a whole message, header included. Byte strings are views of it.
 * @throws TlsDecodeError when it does not hold together (decode_error), or an extension is there twice (illegal_parameter)
 */
export function decodeServerHello(message: Uint8Array): ServerHello {
  const reader = bodyReader(message, HandshakeType.server_hello, CITES)
  const version = reader.uint16()
  const random = reader.fixed(RANDOM_LENGTH)
  const sessionId = reader.opaque8(0, 32)
  const cipherSuite = reader.uint16()
  const compressionMethod = reader.uint8()
  let extensions: ServerHelloExtensions = {}
  if (!reader.isEmpty) {
    extensions = isHelloRetryRequest(random) ? decodeExtensions(reader, RETRY_EXTENSIONS) : decodeExtensions(reader, EXTENSIONS)
  }
  reader.done()
  return { version, random, sessionId, cipherSuite, compressionMethod, extensions }
}

/**
 * A whole message, header included. A block without extensions is left out, as TLS 1.2 has it (RFC 5246 section 7.4.1.3).
 * @throws RangeError when something is too long for its length
 */
export function encodeServerHello(hello: ServerHello): Uint8Array {
  return encodeHandshake(HandshakeType.server_hello, (writer) => {
    const { version, random, sessionId, cipherSuite, compressionMethod, extensions } = hello
    writer.uint16(version).fixed(random).opaque8(sessionId).uint16(cipherSuite).uint8(compressionMethod)
    if (!hasExtensions(extensions)) return
    if (isHelloRetryRequest(random)) encodeExtensions<RetryExtensions>(writer, extensions, RETRY_EXTENSIONS)
    else encodeExtensions(writer, extensions, EXTENSIONS)
  })
}

function hasExtensions({ others, order: _order, ...known }: ServerHelloExtensions): boolean {
  return (others !== undefined && others.length > 0) || Object.values(known).some((value) => value !== undefined)
}
