import { ExtensionType, HandshakeType } from './code-points.ts'
import { decodeExtensions, encodeExtensions } from './extension-block.ts'
import type { ExtensionBlock, ExtensionCodecs } from './extension-block.ts'
import { bytes } from './extension-codecs.ts'
import { bodyReader, encodeHandshake } from './handshake.ts'

/** What may stand beside a certificate: RFC 8446 section 4.4.2.1. */
export interface CertificateEntryExtensions extends ExtensionBlock {
  /** A CertificateStatus (RFC 6066 section 8), as it is. */
  readonly statusRequest?: Uint8Array | undefined
  /** A SignedCertificateTimestampList (RFC 6962 section 3.3), as it is. */
  readonly signedCertificateTimestamp?: Uint8Array | undefined
}

export interface CertificateEntry {
  /** An X.509 certificate in DER. */
  readonly certificate: Uint8Array
  readonly extensions: CertificateEntryExtensions
}

/** RFC 8446 section 4.4.2. */
export interface Certificate {
  /** certificate_request_context: empty, but after the handshake. */
  readonly requestContext: Uint8Array
  /** The sender's own first, then each the issuer of the one before. A client without a certificate sends none. */
  readonly entries: readonly CertificateEntry[]
}

const EXTENSIONS: ExtensionCodecs<CertificateEntryExtensions> = {
  statusRequest: bytes(ExtensionType.status_request),
  signedCertificateTimestamp: bytes(ExtensionType.signed_certificate_timestamp),
}

/**
 * Decodes a whole message of TLS 1.3, header included. Byte strings are views of it.
 * @throws TlsDecodeError when it does not hold together (decode_error), or an extension is there twice (illegal_parameter)
 */
export function decodeCertificate(message: Uint8Array): Certificate {
  const reader = bodyReader(message, HandshakeType.certificate, 'RFC 8446 section 4.4.2')
  const requestContext = reader.opaque8()
  const list = reader.vector24()
  const entries: CertificateEntry[] = []
  while (!list.isEmpty) entries.push({ certificate: list.opaque24(1), extensions: decodeExtensions(list, EXTENSIONS) })
  reader.done()
  return { requestContext, entries }
}

/** A whole message of TLS 1.3, header included. Throws RangeError when something is too long for its length. */
export function encodeCertificate({ requestContext, entries }: Certificate): Uint8Array {
  return encodeHandshake(HandshakeType.certificate, (writer) => {
    writer.opaque8(requestContext)
    const mark = writer.open(3)
    for (const { certificate, extensions } of entries) {
      writer.opaque24(certificate)
      encodeExtensions(writer, extensions, EXTENSIONS)
    }
    writer.close(mark, 3)
  })
}

/**
 * Decodes a whole message of TLS 1.2, header included: RFC 5246 section 7.4.2.
 * @returns certificates in DER, as views, the sender's own first; none from a client that has none
 * @throws TlsDecodeError when it does not hold together (decode_error)
 */
export function decodeCertificate12(message: Uint8Array): readonly Uint8Array[] {
  const reader = bodyReader(message, HandshakeType.certificate, 'RFC 5246 section 7.4.2')
  const list = reader.vector24()
  const chain: Uint8Array[] = []
  while (!list.isEmpty) chain.push(list.opaque24(1))
  reader.done()
  return chain
}

/** A whole message of TLS 1.2, header included. Throws RangeError when the chain is too long for its length. */
export function encodeCertificate12(chain: readonly Uint8Array[]): Uint8Array {
  return encodeHandshake(HandshakeType.certificate, (writer) => {
    const mark = writer.open(3)
    for (const certificate of chain) writer.opaque24(certificate)
    writer.close(mark, 3)
  })
}

/** RFC 8446 section 4.4.3, RFC 5246 section 7.4.8. */
export interface CertificateVerify {
  /** A value of `SignatureScheme`. */
  readonly algorithm: number
  readonly signature: Uint8Array
}

/**
 * Decodes a whole message of either version, header included.
 * @throws TlsDecodeError when it does not hold together (decode_error)
 */
export function decodeCertificateVerify(message: Uint8Array): CertificateVerify {
  const reader = bodyReader(message, HandshakeType.certificate_verify, 'RFC 8446 section 4.4.3')
  const verify = { algorithm: reader.uint16(), signature: reader.opaque16() }
  reader.done()
  return verify
}

/** A whole message of either version, header included. */
export function encodeCertificateVerify({ algorithm, signature }: CertificateVerify): Uint8Array {
  return encodeHandshake(HandshakeType.certificate_verify, (writer) => {
    writer.uint16(algorithm).opaque16(signature)
  })
}
