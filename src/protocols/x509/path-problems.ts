import { timeText } from '../../wire/asn1-time.ts'
import { nameText } from '../../wire/x509-name.ts'
import { isKnownExtension, KeyPurpose } from '../../wire/x509-extension.ts'
import type { Certificate } from '../../wire/x509.ts'
import { parseIp } from '../../wire/address.ts'
import { generalNameText, isNamed, isWithin } from './host-name.ts'
import { schemeOf, weakHashOf } from './signature-algorithm.ts'
import type { CertificateError } from './verdict.ts'

/** What a certificate is used for. */
export type Purpose = 'server' | 'client'

/** One thing that is wrong with a path. */
export interface PathProblem {
  readonly error: CertificateError
  readonly detail: string
  readonly cites: string
}

export interface PathExpectation {
  readonly name: string | undefined
  readonly purpose: Purpose
  /** In seconds since 1970. */
  readonly time: number
}

/** Least bits of an RSA modulus that authorities and browsers accept. */
const RSA_LEAST_BITS = 2048

const PURPOSES = {
  server: { identifier: KeyPurpose.SERVER_AUTH, text: 'servers' },
  client: { identifier: KeyPurpose.CLIENT_AUTH, text: 'clients' },
} as const

/** Names in a sentence that says what a certificate is for. */
const NAMES_SHOWN = 5

function invalid(detail: string, cites: string): PathProblem {
  return { error: 'ERR_CERT_INVALID', detail, cites }
}

function isSelfIssued({ subject, issuer }: Certificate): boolean {
  return subject.der.length === issuer.der.length && subject.der.every((byte, i) => byte === issuer.der[i])
}

/**
 * All that is wrong with a path whose signatures have been checked (RFC 5280 section 6.1), except whether it leads to somebody trusted.
 * @param path the peer's certificate first, each one's issuer behind it
 */
export function pathProblems(path: readonly Certificate[], expected: PathExpectation): PathProblem[] {
  const problems: PathProblem[] = []
  let authoritiesBelow = 0
  for (const [place, certificate] of path.entries()) {
    const subject = nameText(certificate.subject)
    const isLast = place === path.length - 1
    problems.push(...certificateProblems(certificate, subject, expected))
    // Nobody relies on the signature of a root under its own certificate.
    if (!isLast || !isSelfIssued(certificate)) problems.push(...signatureProblems(certificate, subject))
    if (place === 0) {
      problems.push(...leafProblems(certificate, expected))
    } else {
      problems.push(...authorityProblems(certificate, subject, authoritiesBelow, isLast))
      problems.push(...constraintProblems(certificate, subject, path[0]))
      if (!isSelfIssued(certificate)) authoritiesBelow++
    }
  }
  return problems
}

function certificateProblems(certificate: Certificate, subject: string, { time, purpose }: PathExpectation): PathProblem[] {
  const { notBefore, notAfter, publicKey, extensions, known } = certificate
  const problems: PathProblem[] = []
  const date = (detail: string) => problems.push({ error: 'ERR_CERT_DATE_INVALID', detail, cites: 'RFC 5280 section 4.1.2.5' })
  if (time < notBefore)
    date(`The certificate of ${subject} is not valid before ${timeText(notBefore)}; it is ${timeText(time)} by this clock.`)
  if (time > notAfter)
    date(`The certificate of ${subject} expired on ${timeText(notAfter)}; it is ${timeText(time)} by this clock.`)
  if (publicKey.type === 'rsa' && publicKey.modulus < 1n << BigInt(RSA_LEAST_BITS - 1)) {
    const detail = `The RSA key of ${subject} has ${String(publicKey.modulus.toString(2).length)} bits, less than ${String(RSA_LEAST_BITS)}.`
    problems.push({ error: 'ERR_CERT_WEAK_KEY', detail, cites: 'CA/Browser Forum Baseline Requirements section 6.1.5' })
  }
  if (publicKey.type === 'unknown') {
    problems.push(
      invalid(`The key of ${subject} is of a type that is not known here: ${publicKey.algorithm}.`, 'RFC 5280 section 4.1.2.7'),
    )
  }
  const unknown = extensions.find(({ identifier, isCritical }) => isCritical && !isKnownExtension(identifier))
  if (unknown !== undefined) {
    const detail = `The certificate of ${subject} has a critical extension that is not known here: ${unknown.identifier}.`
    problems.push(invalid(detail, 'RFC 5280 section 4.2'))
  }
  const { identifier, text } = PURPOSES[purpose]
  const uses = known.extendedKeyUsage
  if (uses !== undefined && !uses.includes(identifier) && !uses.includes(KeyPurpose.ANY)) {
    problems.push(invalid(`The certificate of ${subject} is not for ${text}.`, 'RFC 5280 section 4.2.1.12'))
  }
  return problems
}

function signatureProblems({ signatureAlgorithm, issuer }: Certificate, subject: string): PathProblem[] {
  const weakHash = weakHashOf(signatureAlgorithm)
  const by = `${nameText(issuer)} signed the certificate of ${subject}`
  if (weakHash !== undefined) {
    const detail = `${by} with ${weakHash}, which is broken.`
    return [{ error: 'ERR_CERT_WEAK_SIGNATURE_ALGORITHM', detail, cites: 'RFC 8446 section 4.4.2.4' }]
  }
  if (schemeOf(signatureAlgorithm) !== undefined) return []
  return [invalid(`${by} in a way that is not known here: ${signatureAlgorithm.algorithm}.`, 'RFC 5280 section 4.1.1.2')]
}

function leafProblems({ known, subject }: Certificate, { name }: PathExpectation): PathProblem[] {
  const problems: PathProblem[] = []
  if (known.keyUsage !== undefined && !known.keyUsage.includes('digitalSignature')) {
    problems.push(invalid(`The key of ${nameText(subject)} is not for signatures.`, 'RFC 8446 section 4.4.2.2'))
  }
  const names = known.subjectAltName ?? []
  if (name !== undefined && !isNamed(names, name)) {
    const shown = names.slice(0, NAMES_SHOWN).map(generalNameText)
    const more = names.length > NAMES_SHOWN ? ` and ${String(names.length - NAMES_SHOWN)} more` : ''
    const whom = shown.length === 0 ? 'nobody (a common name does not count)' : `${shown.join(', ')}${more}`
    const detail = `The certificate is for ${whom}, not for ${parseIp(name) === undefined ? name : `the address ${name}`}.`
    problems.push({ error: 'ERR_CERT_COMMON_NAME_INVALID', detail, cites: 'RFC 9525 section 6' })
  }
  return problems
}

function authorityProblems(certificate: Certificate, subject: string, authoritiesBelow: number, isLast: boolean): PathProblem[] {
  const { known, version } = certificate
  const { basicConstraints, keyUsage } = known
  const problems: PathProblem[] = []
  // A certificate of version 1 cannot say that it is an authority's; as a root it need not.
  if (basicConstraints?.isAuthority !== true && !(isLast && version === 1)) {
    problems.push(invalid(`${subject} issued a certificate and is no authority.`, 'RFC 5280 section 4.2.1.9'))
  }
  if (keyUsage !== undefined && !keyUsage.includes('keyCertSign')) {
    problems.push(invalid(`The key of ${subject} is not for signing certificates.`, 'RFC 5280 section 4.2.1.3'))
  }
  const { pathLength } = basicConstraints ?? {}
  if (pathLength !== undefined && authoritiesBelow > pathLength) {
    const detail = `${subject} may have ${String(pathLength)} authorities below it, and has ${String(authoritiesBelow)}.`
    problems.push(invalid(detail, 'RFC 5280 section 4.2.1.9'))
  }
  return problems
}

/** Whether an authority may vouch for all names of the certificate at the end (RFC 5280 section 4.2.1.10). */
function constraintProblems({ known }: Certificate, subject: string, leaf: Certificate): PathProblem[] {
  const { permitted, excluded } = known.nameConstraints ?? { permitted: [], excluded: [] }
  const cites = 'RFC 5280 section 4.2.1.10'
  // Sorts of names that are not known here cannot be held against anybody's; directory names are the ones in use.
  if ([...permitted, ...excluded].some(({ type }) => type === 'other')) {
    return [invalid(`${subject} is bound to names of a sort that is not known here.`, cites)]
  }
  const outside = (leaf.known.subjectAltName ?? []).find((name) => {
    const ofItsSort = permitted.filter(({ type }) => type === name.type)
    const isPermitted = ofItsSort.length === 0 || ofItsSort.some((subtree) => isWithin(name, subtree, 'all'))
    return !isPermitted || excluded.some((subtree) => isWithin(name, subtree, 'any'))
  })
  if (outside === undefined) return []
  const detail = `${subject} may not vouch for ${generalNameText(outside)}.`
  return [{ error: 'ERR_CERT_NAME_CONSTRAINT_VIOLATION', detail, cites }]
}
