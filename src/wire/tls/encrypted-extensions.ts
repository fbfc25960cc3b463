import { ExtensionType, HandshakeType } from './code-points.ts'
import { decodeExtensions, encodeExtensions } from './extension-block.ts'
import type { ExtensionBlock, ExtensionCodecs } from './extension-block.ts'
import { alpn, code, codeList, flag } from './extension-codecs.ts'
import { bodyReader, encodeHandshake } from './handshake.ts'

/** What a server of TLS 1.3 answers under encryption: RFC 8446 section 4.3.1. */
export interface EncryptedExtensions extends ExtensionBlock {
  /** The name was used. */
  readonly serverName?: true | undefined
  /** Groups that the server would like better, for the next time. */
  readonly supportedGroups?: readonly number[] | undefined
  /** The one protocol that was chosen. */
  readonly alpn?: readonly string[] | undefined
  /** RFC 8449. */
  readonly recordSizeLimit?: number | undefined
  /** Early data are taken. */
  readonly earlyData?: true | undefined
}

const EXTENSIONS: ExtensionCodecs<EncryptedExtensions> = {
  serverName: flag(ExtensionType.server_name),
  supportedGroups: codeList(ExtensionType.supported_groups),
  alpn,
  recordSizeLimit: code(ExtensionType.record_size_limit),
  earlyData: flag(ExtensionType.early_data),
}

/**
 * Decodes a whole message, header included.
 * @throws TlsDecodeError when it does not hold together (decode_error), or an extension is there twice (illegal_parameter)
 */
export function decodeEncryptedExtensions(message: Uint8Array): EncryptedExtensions {
  const reader = bodyReader(message, HandshakeType.encrypted_extensions, 'RFC 8446 section 4.3.1')
  const extensions = decodeExtensions(reader, EXTENSIONS)
  reader.done()
  return extensions
}

/** A whole message, header included. Throws RangeError when something is too long for its length. */
export function encodeEncryptedExtensions(extensions: EncryptedExtensions): Uint8Array {
  return encodeHandshake(HandshakeType.encrypted_extensions, (writer) => {
    encodeExtensions(writer, extensions, EXTENSIONS)
  })
}
