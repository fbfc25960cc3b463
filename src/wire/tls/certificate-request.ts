import { ExtensionType, HandshakeType } from './code-points.ts'
import { decodeExtensions, encodeExtensions } from './extension-block.ts'
import type { ExtensionBlock, ExtensionCodecs } from './extension-block.ts'
import { bytes, certificateAuthorities, codeList } from './extension-codecs.ts'
import { bodyReader, encodeHandshake } from './handshake.ts'

export interface CertificateRequestExtensions extends ExtensionBlock {
  /** Values of `SignatureScheme`, the best first. A request without them is to be refused with missing_extension. */
  readonly signatureAlgorithms?: readonly number[] | undefined
  readonly signatureAlgorithmsCert?: readonly number[] | undefined
  /** DER names of the authorities that are trusted. */
  readonly certificateAuthorities?: readonly Uint8Array[] | undefined
  /** RFC 8446 section 4.2.5, as it is. */
  readonly oidFilters?: Uint8Array | undefined
  readonly statusRequest?: Uint8Array | undefined
  readonly signedCertificateTimestamp?: Uint8Array | undefined
}

/** RFC 8446 section 4.3.2. */
export interface CertificateRequest {
  /** certificate_request_context: empty, but after the handshake. */
  readonly requestContext: Uint8Array
  readonly extensions: CertificateRequestExtensions
}

const EXTENSIONS: ExtensionCodecs<CertificateRequestExtensions> = {
  signatureAlgorithms: codeList(ExtensionType.signature_algorithms),
  signatureAlgorithmsCert: codeList(ExtensionType.signature_algorithms_cert),
  certificateAuthorities,
  oidFilters: bytes(ExtensionType.oid_filters),
  statusRequest: bytes(ExtensionType.status_request),
  signedCertificateTimestamp: bytes(ExtensionType.signed_certificate_timestamp),
}

/**
 * Decodes a whole message of TLS 1.3, header included. Byte strings are views of it.
 * @throws TlsDecodeError when it does not hold together (decode_error), or an extension is there twice (illegal_parameter)
 */
export function decodeCertificateRequest(message: Uint8Array): CertificateRequest {
  const reader = bodyReader(message, HandshakeType.certificate_request, 'RFC 8446 section 4.3.2')
  const requestContext = reader.opaque8()
  const extensions = decodeExtensions(reader, EXTENSIONS)
  reader.done()
  return { requestContext, extensions }
}

/** A whole message of TLS 1.3, header included. Throws RangeError when something is too long for its length. */
export function encodeCertificateRequest({ requestContext, extensions }: CertificateRequest): Uint8Array {
  return encodeHandshake(HandshakeType.certificate_request, (writer) => {
    writer.opaque8(requestContext)
    encodeExtensions(writer, extensions, EXTENSIONS)
  })
}

/** RFC 5246 section 7.4.4. */
export interface CertificateRequest12 {
  /** Values of `ClientCertificateType`. */
  readonly certificateTypes: readonly number[]
  /** Values of `SignatureScheme`, the best first. */
  readonly signatureAlgorithms: readonly number[]
  /** DER names of the authorities that are trusted; none: any will do. */
  readonly certificateAuthorities: readonly Uint8Array[]
}

/**
 * Decodes a whole message of TLS 1.2, header included. Byte strings are views of it.
 * @throws TlsDecodeError when it does not hold together (decode_error)
 */
export function decodeCertificateRequest12(message: Uint8Array): CertificateRequest12 {
  const reader = bodyReader(message, HandshakeType.certificate_request, 'RFC 5246 section 7.4.4')
  const certificateTypes = reader.vector8(1).uint8s()
  const signatureAlgorithms = reader.vector16(2).uint16s()
  const names = reader.vector16()
  const authorities: Uint8Array[] = []
  while (!names.isEmpty) authorities.push(names.opaque16(1))
  reader.done()
  return { certificateTypes, signatureAlgorithms, certificateAuthorities: authorities }
}

/** A whole message of TLS 1.2, header included. Throws RangeError when something is too long for its length. */
export function encodeCertificateRequest12(request: CertificateRequest12): Uint8Array {
  return encodeHandshake(HandshakeType.certificate_request, (writer) => {
    writer.uint8s(request.certificateTypes)
    const algorithms = writer.open(2)
    writer.uint16s(request.signatureAlgorithms)
    writer.close(algorithms, 2)
    const names = writer.open(2)
    for (const name of request.certificateAuthorities) writer.opaque16(name)
    writer.close(names, 2)
  })
}
