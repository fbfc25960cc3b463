import { Asn1Tag, DerReader } from './asn1.ts'
import {
  derBitString,
  derExplicit,
  derInteger,
  derNull,
  derObjectIdentifier,
  derOctetString,
  derSequence,
} from './asn1-writer.ts'

/** Object identifiers of keys, curves and signatures (RFC 3279, RFC 4055, RFC 5480, RFC 5758, RFC 8410). */
const KeyIdentifier = {
  EC_PUBLIC_KEY: '1.2.840.10045.2.1',
  PRIME256V1: '1.2.840.10045.3.1.7',
  RSA_ENCRYPTION: '1.2.840.113549.1.1.1',
  ED25519: '1.3.101.112',
} as const

/** Tag of the public key in an ECPrivateKey (RFC 5915 section 3). */
const PUBLIC_KEY = 1

/** What is in a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7). */
export type SubjectPublicKey =
  /** A point of P-256 as it stands there: 65 bytes uncompressed, beginning with 04, or 33 compressed. */
  | { readonly type: 'ec-p256'; readonly point: Uint8Array }
  | { readonly type: 'ed25519'; readonly bytes: Uint8Array }
  | { readonly type: 'rsa'; readonly modulus: bigint; readonly exponent: bigint }
  /** A key of another algorithm, by its object identifier; of a curve by the curve's. */
  | { readonly type: 'unknown'; readonly algorithm: string }

/** What is in a PrivateKeyInfo (RFC 5208 section 5). */
export type EncodedPrivateKey =
  /** An integer of 32 bytes in network byte order. */
  | { readonly type: 'ec-p256'; readonly scalar: Uint8Array }
  | { readonly type: 'ed25519'; readonly seed: Uint8Array }
  | {
      readonly type: 'rsa'
      readonly modulus: bigint
      readonly exponent: bigint
      readonly privateExponent: bigint
      readonly primes: readonly [bigint, bigint]
    }

/** An algorithm and its parameters (RFC 5280 section 4.1.1.2). */
export interface AlgorithmIdentifier {
  /** In dotted form. */
  readonly algorithm: string
  /** DER of the parameters, NULL among them; undefined: there are none. */
  readonly parameters: Uint8Array | undefined
}

export function readAlgorithm(reader: DerReader): AlgorithmIdentifier {
  const inside = reader.enter(Asn1Tag.SEQUENCE)
  const algorithm = inside.objectIdentifier()
  const parameters = inside.isAtEnd ? undefined : inside.whole(inside.next())
  inside.finish()
  return { algorithm, parameters }
}

/** The curve that the parameters of an id-ecPublicKey name (RFC 5480 section 2.1.1). */
function curveOf(reader: DerReader, { algorithm, parameters }: AlgorithmIdentifier): string {
  if (parameters === undefined) throw reader.error('invalid', reader.offset, `a key of ${algorithm} without its curve`)
  if (parameters[0] !== Asn1Tag.OBJECT_IDENTIFIER) throw reader.error('unsupported', reader.offset, 'a curve without a name')
  return new DerReader(parameters).objectIdentifier()
}

/** Reads a SubjectPublicKeyInfo, and gives the bits of the key too, of which key identifiers are made. */
export function readPublicKeyInfo(reader: DerReader): { readonly key: SubjectPublicKey; readonly bits: Uint8Array } {
  const info = reader.enter(Asn1Tag.SEQUENCE)
  const identifier = readAlgorithm(info)
  const content = info.enterString(Asn1Tag.BIT_STRING)
  info.finish()
  const { offset } = content
  const bits = reader.bytes.subarray(offset, content.end)
  if (identifier.algorithm === KeyIdentifier.RSA_ENCRYPTION) return { key: readRsaPublicKey(content), bits }
  if (identifier.algorithm === KeyIdentifier.ED25519) {
    if (bits.length !== 32) throw reader.error('invalid', offset, 'an Ed25519 key that is not 32 bytes long')
    return { key: { type: 'ed25519', bytes: bits }, bits }
  }
  if (identifier.algorithm !== KeyIdentifier.EC_PUBLIC_KEY)
    return { key: { type: 'unknown', algorithm: identifier.algorithm }, bits }
  const curve = curveOf(info, identifier)
  if (curve !== KeyIdentifier.PRIME256V1) return { key: { type: 'unknown', algorithm: curve }, bits }
  const isPoint = bits[0] === 4 ? bits.length === 65 : (bits[0] === 2 || bits[0] === 3) && bits.length === 33
  if (!isPoint) throw reader.error('invalid', offset, 'no point of P-256')
  return { key: { type: 'ec-p256', point: bits }, bits }
}

/** RSAPublicKey (RFC 8017 appendix A.1.1). */
function readRsaPublicKey(outer: DerReader): SubjectPublicKey {
  const reader = outer.enter(Asn1Tag.SEQUENCE)
  outer.finish()
  const modulus = reader.integer()
  const exponent = reader.integer()
  reader.finish()
  if (modulus <= 0n || exponent <= 0n) throw reader.error('invalid', outer.end, 'an RSA key of integers that are not positive')
  return { type: 'rsa', modulus, exponent }
}

function algorithmOf(type: 'ec-p256' | 'ed25519' | 'rsa'): Uint8Array {
  if (type === 'rsa') return derSequence(derObjectIdentifier(KeyIdentifier.RSA_ENCRYPTION), derNull())
  if (type === 'ed25519') return derSequence(derObjectIdentifier(KeyIdentifier.ED25519))
  return derSequence(derObjectIdentifier(KeyIdentifier.EC_PUBLIC_KEY), derObjectIdentifier(KeyIdentifier.PRIME256V1))
}

/** The bits of a public key: what stands in the bit string of its SubjectPublicKeyInfo. */
export function publicKeyBits(key: Exclude<SubjectPublicKey, { type: 'unknown' }>): Uint8Array {
  if (key.type === 'ec-p256') return key.point
  return key.type === 'ed25519' ? key.bytes : derSequence(derInteger(key.modulus), derInteger(key.exponent))
}

/** SubjectPublicKeyInfo in DER (RFC 5280 section 4.1.2.7, RFC 5480, RFC 8410). */
export function encodePublicKeyInfo(key: Exclude<SubjectPublicKey, { type: 'unknown' }>): Uint8Array {
  return derSequence(algorithmOf(key.type), derBitString(publicKeyBits(key)))
}

/**
 * PrivateKeyInfo in DER, which is what PKCS #8 calls it (RFC 5208, RFC 5915, RFC 8410 section 7, RFC 8017 appendix A.1.2).
 * @param publicKey goes with a key of P-256, where it may be left out by RFC 5915 section 3; GnuTLS takes no key without it
 */
export function encodePrivateKeyInfo(key: EncodedPrivateKey, publicKey?: SubjectPublicKey): Uint8Array {
  const point = publicKey?.type === 'ec-p256' ? publicKey.point : undefined
  return derSequence(derInteger(0n), algorithmOf(key.type), derOctetString(encodePrivateKey(key, point)))
}

function encodePrivateKey(key: EncodedPrivateKey, point: Uint8Array | undefined): Uint8Array {
  if (key.type === 'ed25519') return derOctetString(key.seed)
  if (key.type === 'ec-p256') {
    const more = point === undefined ? [] : [derExplicit(PUBLIC_KEY, derBitString(point))]
    return derSequence(derInteger(1n), derOctetString(key.scalar), ...more)
  }
  const [p, q] = key.primes
  const d = key.privateExponent
  const integers = [0n, key.modulus, key.exponent, d, p, q, d % (p - 1n), d % (q - 1n), inverse(q, p)]
  return derSequence(...integers.map(derInteger))
}

/** Of `value` modulo a prime. */
function inverse(value: bigint, prime: bigint): bigint {
  let [r, nextR, t, nextT] = [prime, value % prime, 0n, 1n]
  while (nextR !== 0n) {
    const quotient = r / nextR
    ;[r, nextR, t, nextT] = [nextR, r - quotient * nextR, nextT, t - quotient * nextT]
  }
  return t < 0n ? t + prime : t
}

/** Decodes a PrivateKeyInfo of one of the three types, whatever attributes stand behind it. Throws DecodeError. */
export function decodePrivateKeyInfo(bytes: Uint8Array): EncodedPrivateKey {
  const outer = new DerReader(bytes)
  const info = outer.enter(Asn1Tag.SEQUENCE)
  outer.finish()
  info.smallInteger(1)
  const identifier = readAlgorithm(info)
  const key = info.enterString(Asn1Tag.OCTET_STRING)
  if (identifier.algorithm === KeyIdentifier.RSA_ENCRYPTION) return readRsaPrivateKey(key)
  if (identifier.algorithm === KeyIdentifier.ED25519) {
    const seed = key.content(Asn1Tag.OCTET_STRING)
    key.finish()
    if (seed.length !== 32) throw key.error('invalid', key.end, 'an Ed25519 key that is not 32 bytes long')
    return { type: 'ed25519', seed }
  }
  const isP256 = identifier.algorithm === KeyIdentifier.EC_PUBLIC_KEY && curveOf(info, identifier) === KeyIdentifier.PRIME256V1
  if (!isP256) throw key.error('unsupported', key.offset, `a key of algorithm ${identifier.algorithm}`)
  const ec = key.enter(Asn1Tag.SEQUENCE)
  key.finish()
  ec.smallInteger(1)
  const scalar = ec.content(Asn1Tag.OCTET_STRING)
  if (scalar.length !== 32) throw key.error('invalid', key.end, 'a key of P-256 that is not 32 bytes long')
  return { type: 'ec-p256', scalar }
}

function readRsaPrivateKey(outer: DerReader): EncodedPrivateKey {
  const reader = outer.enter(Asn1Tag.SEQUENCE)
  outer.finish()
  reader.smallInteger(0)
  const integers: bigint[] = []
  while (!reader.isAtEnd) integers.push(reader.integer())
  const [modulus, exponent, privateExponent, p, q] = integers
  const isKey = integers.length === 8 && integers.every((value) => value > 0n) && p > 1n && q > 1n && p * q === modulus
  if (!isKey) throw reader.error('invalid', reader.end, 'an RSA key whose numbers do not fit each other')
  return { type: 'rsa', modulus, exponent, privateExponent, primes: [p, q] }
}
