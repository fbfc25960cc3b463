import { hash } from '../../crypto/hash.ts'
import type { RandomBytes } from '../../crypto/random-bytes.ts'
import { generateRsaKey } from '../../crypto/rsa-key.ts'
import { generateKey, publicKeyOf, sign, type KeyType, type PrivateKey } from '../../crypto/signature.ts'
import { parseIp, writeIpv6 } from '../../wire/address.ts'
import { write32 } from '../../wire/integer.ts'
import { encodeExtensions, KeyPurpose, type GeneralName, type KnownExtensions } from '../../wire/x509-extension.ts'
import { encodePublicKeyInfo, publicKeyBits } from '../../wire/x509-key.ts'
import { encodeName, type NameAttribute } from '../../wire/x509-name.ts'
import { encodeCertificate, encodeSigned } from '../../wire/x509.ts'
import { DAY, RUN_EPOCH } from './calendar.ts'
import type { Credentials } from './credentials.ts'
import { signingAlgorithm } from './signature-algorithm.ts'

/*
 * Required reading: RFC 5280 sections 4.1 and 4.2, RFC 9525.
 *
 * An authority is a key and a certificate that says: this key may sign certificates. A root's certificate it signs itself, which proves
 * nothing; who trusts it was given it beforehand. An intermediate's is signed by its issuer, so that the root's key can stay in a safe.
 */

/** Somebody who signs certificates. */
export interface Authority {
  /** In DER. */
  readonly certificate: Uint8Array
  /** Its own certificate and those of the issuers above it, in DER, without the root's: what is sent behind a certificate of its making. */
  readonly chain: readonly Uint8Array[]
  readonly privateKey: PrivateKey
  /** Its name in DER, as certificates of its making have it for their issuer. */
  readonly name: Uint8Array
  readonly keyIdentifier: Uint8Array
}

/** What a new certificate says, whoever it is for. */
export interface CertificateWish {
  readonly random: RandomBytes
  /** A new key of a type, or one that there is. RSA keys are made with 2,048 bits. */
  readonly key: KeyType | PrivateKey
  /** In seconds since 1970, in [-2^31, 2^33). Default: a year before the day on which every run begins. */
  readonly notBefore?: number
  /** In seconds since 1970. Default: twenty years after that day. */
  readonly notAfter?: number
}

export interface AuthorityWish extends CertificateWish {
  /** Its common name: `'Packetarium Root'`. */
  readonly commonName: string
  readonly organization?: string
  /** Who signs its certificate; absent: itself, which makes it a root. */
  readonly issuer?: Authority
  /** How many authorities may stand between it and a certificate at its end, at most (RFC 5280 section 4.2.1.9). Default: any number. */
  readonly pathLength?: number
}

export interface LeafWish extends CertificateWish {
  /** Absent: it signs itself. */
  readonly issuer?: Authority
  /** DNS names, with a wildcard perhaps, and IP addresses as text (RFC 9525). */
  readonly names: readonly string[]
  /** Default: the first of the names. */
  readonly commonName?: string
  readonly organization?: string
  /** What it is for. Default: a server. */
  readonly purpose?: 'server' | 'client'
}

const RSA_BITS = 2048
/** Of the serial number, in bytes (RFC 5280 section 4.1.2.2). */
const SERIAL_LENGTH = 16

/** The identifier of a key: the first 160 bits of the SHA-256 of its bits (RFC 7093 section 2, method 1). */
function keyIdentifierOf(key: PrivateKey): Uint8Array {
  return hash('sha256', publicKeyBits(publicKeyOf(key))).subarray(0, 20)
}

function keyFor({ key, random }: CertificateWish): PrivateKey {
  if (typeof key !== 'string') return key
  return key === 'rsa' ? generateRsaKey(RSA_BITS, random) : generateKey(key, random)
}

/** Positive, of 127 bits. */
function drawSerialNumber(random: RandomBytes): bigint {
  let digits = '0x'
  const bytes = random(SERIAL_LENGTH)
  bytes[0] = (bytes[0] & 0x3f) | 0x40
  for (const byte of bytes) digits += byte.toString(16).padStart(2, '0')
  return BigInt(digits)
}

function nameOf(commonName: string, organization: string | undefined): Uint8Array {
  const attributes: NameAttribute[] = [{ type: 'CN', value: commonName }]
  if (organization !== undefined) attributes.unshift({ type: 'O', value: organization })
  return encodeName(attributes)
}

/** Makes and signs a certificate for a key; `issuer` absent: the key signs for itself. */
function certify(
  wish: CertificateWish,
  key: PrivateKey,
  issuer: Authority | undefined,
  subject: Uint8Array,
  known: KnownExtensions,
): Uint8Array {
  const { random, notBefore = RUN_EPOCH - 365 * DAY, notAfter = RUN_EPOCH + 20 * 365 * DAY } = wish
  const signer = issuer?.privateKey ?? key
  const { scheme, identifier } = signingAlgorithm(signer.type)
  const ownIdentifier = keyIdentifierOf(key)
  const authorityKeyIdentifier = issuer?.keyIdentifier
  const signed = encodeSigned({
    serialNumber: drawSerialNumber(random),
    signatureAlgorithm: identifier,
    issuer: issuer?.name ?? subject,
    subject,
    notBefore,
    notAfter,
    publicKeyInfo: encodePublicKeyInfo(publicKeyOf(key)),
    extensions: encodeExtensions({
      ...known,
      subjectKeyIdentifier: ownIdentifier,
      ...(authorityKeyIdentifier === undefined ? {} : { authorityKeyIdentifier }),
    }),
  })
  return encodeCertificate(signed, identifier, sign(scheme, signer, signed, random))
}

/** Makes an authority: a root, or an intermediate when there is an issuer. */
export function createAuthority(wish: AuthorityWish): Authority {
  const { commonName, organization, issuer, pathLength } = wish
  const privateKey = keyFor(wish)
  const name = nameOf(commonName, organization)
  const certificate = certify(wish, privateKey, issuer, name, {
    basicConstraints: pathLength === undefined ? { isAuthority: true } : { isAuthority: true, pathLength },
    keyUsage: ['digitalSignature', 'keyCertSign', 'cRLSign'],
  })
  const chain = issuer === undefined ? [] : [certificate, ...issuer.chain]
  return { certificate, chain, privateKey, name, keyIdentifier: keyIdentifierOf(privateKey) }
}

function generalName(text: string): GeneralName {
  const address = parseIp(text)
  if (address === undefined) return { type: 'dns', name: text }
  const bytes = new Uint8Array(typeof address === 'number' ? 4 : 16)
  if (typeof address === 'number') write32(bytes, 0, address)
  else writeIpv6(bytes, 0, address)
  return { type: 'ip', address: bytes }
}

/** Issues a certificate to a server or a client, and makes its key. */
export function issueCertificate(wish: LeafWish): Credentials {
  const { issuer, names, commonName = names[0] ?? 'nobody', organization, purpose = 'server' } = wish
  const privateKey = keyFor(wish)
  const certificate = certify(wish, privateKey, issuer, nameOf(commonName, organization), {
    basicConstraints: { isAuthority: false },
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: [purpose === 'server' ? KeyPurpose.SERVER_AUTH : KeyPurpose.CLIENT_AUTH],
    ...(names.length === 0 ? {} : { subjectAltName: names.map(generalName) }),
  })
  return { chain: [certificate, ...(issuer?.chain ?? [])], privateKey }
}
