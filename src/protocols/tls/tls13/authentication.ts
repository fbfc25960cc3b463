import { schemesFor, sign, verify } from '../../../crypto/signature.ts'
import type { PublicKey, SignatureScheme } from '../../../crypto/signature.ts'
import type { RandomBytes } from '../../../crypto/random-bytes.ts'
import { decodeCertificate, encodeCertificate } from '../../../wire/tls/certificate.ts'
import { decodeCertificateVerify, encodeCertificateVerify } from '../../../wire/tls/certificate.ts'
import { SignatureScheme as SchemeCode } from '../../../wire/tls/code-points.ts'
import type { Credentials } from '../../x509/credentials.ts'
import { TlsAlertError } from '../fault.ts'
import { schemeByCode } from '../settings.ts'
import { signedContent } from './core.ts'

const NOTHING = new Uint8Array(0)

/** The scheme to sign by with this key, by the peer's preference; undefined when it takes none of ours. */
export function schemeToSign(credentials: Credentials, peersCodes: readonly number[]): SignatureScheme | undefined {
  const own = schemesFor(credentials.privateKey)
  for (const code of peersCodes) {
    const scheme = schemeByCode(own, code)
    if (scheme !== undefined && isOf13(scheme)) return scheme
  }
  return undefined
}

/** PKCS #1 v1.5 stays in certificates (RFC 8446 section 4.2.3). */
function isOf13(scheme: SignatureScheme): boolean {
  return !scheme.startsWith('rsa_pkcs1')
}

/** A Certificate message; without credentials an empty one. */
export function certificateMessage(credentials: Credentials | undefined): Uint8Array {
  const chain = credentials?.chain ?? []
  return encodeCertificate({
    requestContext: NOTHING,
    entries: chain.map((certificate) => ({ certificate, extensions: {} })),
  })
}

/** The certificates in a Certificate message of the handshake, which must not have what was not asked for. May be none. */
export function receivedChain(message: Uint8Array): readonly Uint8Array[] {
  const { requestContext, entries } = decodeCertificate(message)
  if (requestContext.length > 0)
    throw new TlsAlertError('illegal_parameter', 'a certificate for another request', 'RFC 8446 section 4.4.2')
  for (const { extensions } of entries) {
    if ((extensions.order?.length ?? 0) > 0)
      throw new TlsAlertError('unsupported_extension', 'a certificate with an extension unasked for', 'RFC 8446 section 4.4.2')
  }
  return entries.map(({ certificate }) => certificate.slice())
}

/** A CertificateVerify message. @param transcript hash of everything before it */
export function verifyMessage(
  signer: 'client' | 'server',
  scheme: SignatureScheme,
  credentials: Credentials,
  transcript: Uint8Array,
  random: RandomBytes,
): Uint8Array {
  const signature = sign(scheme, credentials.privateKey, signedContent(signer, transcript), random)
  return encodeCertificateVerify({ algorithm: SchemeCode[scheme], signature })
}

/** Checks a peer's CertificateVerify. @param schemes those that we have offered. Throws TlsAlertError. */
export function checkVerify(
  message: Uint8Array,
  signer: 'client' | 'server',
  schemes: readonly SignatureScheme[],
  key: PublicKey,
  transcript: Uint8Array,
): void {
  const { algorithm, signature } = decodeCertificateVerify(message)
  const scheme = schemeByCode(schemes, algorithm)
  if (scheme === undefined || !isOf13(scheme) || !schemesFor(key).includes(scheme)) {
    const detail = `a signature by a scheme that was not offered, or does not fit the key: ${String(algorithm)}`
    throw new TlsAlertError('illegal_parameter', detail, 'RFC 8446 section 4.4.3')
  }
  if (!verify(scheme, key, signedContent(signer, transcript), signature))
    throw new TlsAlertError('decrypt_error', 'the signature in CertificateVerify is wrong', 'RFC 8446 section 4.4.3')
}
