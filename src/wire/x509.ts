import { Asn1Tag, contextTag, DerReader } from './asn1.ts'
import { readTime } from './asn1-time.ts'
import { derBitString, derExplicit, derInteger, derNull, derObjectIdentifier, derSequence, derTime } from './asn1-writer.ts'
import { encodeExtension, readExtensions, type Extension, type KnownExtensions } from './x509-extension.ts'
import { readAlgorithm, readPublicKeyInfo, type AlgorithmIdentifier, type SubjectPublicKey } from './x509-key.ts'
import { readName, type DistinguishedName } from './x509-name.ts'

/**
 * Certificates of X.509 version 3 (RFC 5280 section 4). A certificate says: this public key belongs to this subject, from this day to
 * that day, for these purposes; the issuer has signed it.
 */

export interface Certificate {
  readonly version: 1 | 2 | 3
  readonly serialNumber: bigint
  readonly signatureAlgorithm: AlgorithmIdentifier
  readonly issuer: DistinguishedName
  /** In seconds since 1970, as `notAfter`; valid from here up to and including there. */
  readonly notBefore: number
  readonly notAfter: number
  readonly subject: DistinguishedName
  readonly publicKey: SubjectPublicKey
  /** The bits of the public key, of which key identifiers are made. */
  readonly publicKeyBits: Uint8Array
  /** All of them, in their order. */
  readonly extensions: readonly Extension[]
  readonly known: KnownExtensions
  /** What is signed: the TBSCertificate in DER. */
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

/** Of one certificate, in bytes. */
const CERTIFICATE_LIMIT = 65_536

/**
 * Decodes one certificate, which ends with the last byte. Fields are views of `bytes`. Throws DecodeError.
 */
export function decodeCertificate(bytes: Uint8Array): Certificate {
  const outer = new DerReader(bytes)
  if (bytes.length > CERTIFICATE_LIMIT) throw outer.error('oversized', 0, `more than ${String(CERTIFICATE_LIMIT)} bytes`)
  const certificate = outer.enter(Asn1Tag.SEQUENCE)
  outer.finish()
  const tbs = certificate.next(Asn1Tag.SEQUENCE)
  const content = readContent(certificate.inside(tbs))
  const at = certificate.offset
  const algorithm = readAlgorithm(certificate)
  const signature = certificate.bytesOfBitString()
  certificate.finish()
  if (!areSame(algorithm, content.signatureAlgorithm)) {
    throw certificate.error('invalid', at, 'the signature is of another algorithm than the certificate says inside')
  }
  return { ...content, signed: certificate.whole(tbs), signature }
}

function areSame(a: AlgorithmIdentifier, b: AlgorithmIdentifier): boolean {
  const one = a.parameters
  const other = b.parameters
  if (a.algorithm !== b.algorithm || one?.length !== other?.length) return false
  return one === undefined || other === undefined || one.every((byte, i) => byte === other[i])
}

function readContent(tbs: DerReader): Omit<Certificate, 'signed' | 'signature'> {
  const version = readVersion(tbs)
  const serialNumber = tbs.integer()
  const signatureAlgorithm = readAlgorithm(tbs)
  const issuer = readName(tbs)
  const validity = tbs.enter(Asn1Tag.SEQUENCE)
  const notBefore = readTime(validity)
  const notAfter = readTime(validity)
  validity.finish()
  const subject = readName(tbs)
  const { key: publicKey, bits: publicKeyBits } = readPublicKeyInfo(tbs)
  // Unique identifiers are of 1993, and nobody has any.
  if (tbs.sees(contextTag(1, 'primitive'))) tbs.next()
  if (tbs.sees(contextTag(2, 'primitive'))) tbs.next()
  const { extensions, known } = readExtensions(tbs, version)
  tbs.finish()
  const base = { version, serialNumber, signatureAlgorithm, issuer, notBefore, notAfter, subject, publicKey, publicKeyBits }
  return { ...base, extensions, known }
}

function readVersion(tbs: DerReader): 1 | 2 | 3 {
  if (!tbs.sees(contextTag(0, 'constructed'))) return 1
  const explicit = tbs.enter(contextTag(0, 'constructed'))
  const start = explicit.offset
  const version = explicit.smallInteger(255)
  explicit.finish()
  if (version === 0) throw tbs.error('invalid', start, 'version 1 is said by saying nothing')
  if (version > 2) throw tbs.error('unsupported', start, `version ${String(version + 1)}`)
  return version === 1 ? 2 : 3
}

/** What goes into a new certificate. */
export interface CertificateContent {
  /** Positive, at most 20 bytes (RFC 5280 section 4.1.2.2). */
  readonly serialNumber: bigint
  readonly signatureAlgorithm: AlgorithmIdentifier
  /** A Name in DER, as `subject`. */
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  /** In seconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
  /** A SubjectPublicKeyInfo in DER. */
  readonly publicKeyInfo: Uint8Array
  readonly extensions: readonly Extension[]
}

function encodeAlgorithm({ algorithm, parameters }: AlgorithmIdentifier): Uint8Array {
  const identifier = derObjectIdentifier(algorithm)
  return parameters === undefined ? derSequence(identifier) : derSequence(identifier, parameters)
}

/** The part of a certificate of version 3 that is signed (RFC 5280 section 4.1.2), in DER. */
export function encodeSigned(content: CertificateContent): Uint8Array {
  const { serialNumber, issuer, notBefore, notAfter, subject, publicKeyInfo, extensions } = content
  return derSequence(
    derExplicit(0, derInteger(2n)),
    derInteger(serialNumber),
    encodeAlgorithm(content.signatureAlgorithm),
    issuer,
    derSequence(derTime(notBefore), derTime(notAfter)),
    subject,
    publicKeyInfo,
    ...(extensions.length === 0 ? [] : [derExplicit(3, derSequence(...extensions.map(encodeExtension)))]),
  )
}

/** A whole certificate in DER, of what was signed and the signature. */
export function encodeCertificate(signed: Uint8Array, algorithm: AlgorithmIdentifier, signature: Uint8Array): Uint8Array {
  return derSequence(signed, encodeAlgorithm(algorithm), derBitString(signature))
}

/** The parameters NULL, which signatures of RSA have (RFC 4055 section 5). */
export function nullParameters(): Uint8Array {
  return derNull()
}
