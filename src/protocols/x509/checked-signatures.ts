import { hash } from '../../crypto/hash.ts'
import { verify, type PublicKey, type SignatureScheme } from '../../crypto/signature.ts'
import type { Certificate } from '../../wire/x509.ts'

/** How many checks are remembered: a scenario has a handful of authorities. */
const CAPACITY = 512

/**
 * What came of checks, by a digest of all that went into them. A pure function, remembered: a browser meets the same intermediate at
 * every connection, a crowd meets the same server's certificate, and a check takes two milliseconds.
 */
const remembered = new Map<string, boolean>()

function keyOf(issuer: Certificate, subject: Certificate): string {
  const parts = [issuer.publicKeyBits, subject.signature, subject.signed]
  const input = new Uint8Array(parts.reduce((length, part) => length + part.length + 4, 0))
  let at = 0
  for (const part of parts) {
    for (let i = 0; i < 4; i++) input[at++] = part.length >>> (8 * i)
    input.set(part, at)
    at += part.length
  }
  return hash('sha256', input).join()
}

/** Whether the key of one certificate has signed another. */
export function isSignedBy(issuer: Certificate, key: PublicKey, subject: Certificate, scheme: SignatureScheme): boolean {
  const name = `${scheme},${key.type},${keyOf(issuer, subject)}`
  const known = remembered.get(name)
  if (known !== undefined) return known
  const fits = verify(scheme, key, subject.signed, subject.signature)
  const [oldest] = remembered.keys()
  if (remembered.size >= CAPACITY && oldest !== undefined) remembered.delete(oldest)
  remembered.set(name, fits)
  return fits
}
