import { offerKeyShare } from '../../crypto/key-exchange.ts'
import type { RandomBytes } from '../../crypto/random-bytes.ts'
import { encodeClientHello } from '../../wire/tls/client-hello.ts'
import type { ClientHello, ClientHelloExtensions } from '../../wire/tls/client-hello.ts'
import { ExtensionType } from '../../wire/tls/code-points.ts'
import type { RawExtension } from '../../wire/tls/extension-block.ts'
import { HANDSHAKE_HEADER_LENGTH } from '../../wire/tls/handshake.ts'
import { TlsWriter } from '../../wire/tls/writer.ts'

/*
 * What clients say that means nothing, so that servers keep ignoring what they do not know: RFC 8701, and draft-ietf-tls-esni
 * section 6.2.
 */

const NOTHING = new Uint8Array(0)
/** ECHClientHelloType `outer`. */
const OUTER = 0
/** HKDF-SHA256 and AES-128-GCM: RFC 9180 sections 7.2 and 7.3. */
const KDF = 1
const AEAD = 1
const TAG_LENGTH = 16
/** An inner hello is padded to a multiple of this: draft-ietf-tls-esni section 6.1.3. */
const STEP = 32

/** The n-th of the sixteen values that are kept free in each registry: RFC 8701 section 2. */
function reserved(n: number): number {
  const byte = ((n & 0x0f) << 4) | 0x0a
  return (byte << 8) | byte
}

/** The same hello with a value that means nothing in each list, two extensions of that kind, and an encrypted hello that is none. */
export function greased(hello: ClientHello, random: RandomBytes): ClientHello {
  const { extensions, cipherSuites } = hello
  const { supportedGroups, supportedVersions, keyShare, others } = extensions
  const [suite, group, version, first, second] = random(5)
  // Two extensions of one type are forbidden.
  const last = (second & 0x0f) === (first & 0x0f) ? second + 1 : second
  const named = reserved(group)
  const more: ClientHelloExtensions = {
    ...(supportedGroups !== undefined && { supportedGroups: [named, ...supportedGroups] }),
    ...(supportedVersions !== undefined && { supportedVersions: [reserved(version), ...supportedVersions] }),
    ...(keyShare !== undefined && { keyShare: [{ group: named, keyExchange: new Uint8Array(1) }, ...keyShare] }),
    others: [
      { type: reserved(first), data: NOTHING },
      ...(others ?? []),
      // Only TLS 1.3 has it.
      ...(supportedVersions === undefined ? [] : [encryptedHello(hello, random)]),
      { type: reserved(last), data: new Uint8Array(1) },
    ],
  }
  return { ...hello, cipherSuites: [reserved(suite), ...cipherSuites], extensions: { ...extensions, ...more } }
}

/** As long as if it were real, and random: draft-ietf-tls-esni section 6.2.1. */
function encryptedHello(hello: ClientHello, random: RandomBytes): RawExtension {
  // What is long in the hello an inner one would take from the outer one (`ech_outer_extensions`, section 5.1).
  const inner = { ...hello.extensions, keyShare: undefined, preSharedKey: undefined, others: undefined }
  const bare = encodeClientHello({ ...hello, sessionId: NOTHING, extensions: inner }).length - HANDSHAKE_HEADER_LENGTH
  const writer = new TlsWriter()
  writer.uint8(OUTER).uint16(KDF).uint16(AEAD).fixed(random(1))
  writer.opaque16(offerKeyShare('x25519', random).share)
  writer.opaque16(random(Math.ceil(bare / STEP) * STEP + TAG_LENGTH))
  return { type: ExtensionType.encrypted_client_hello, data: writer.finish() }
}
