import { DecodeError } from '../../wire/errors.ts'
import { nameText } from '../../wire/x509-name.ts'
import { decodeCertificate, type Certificate } from '../../wire/x509.ts'
import type { Nanos } from '../endpoint.ts'
import { calendarTime } from './calendar.ts'
import { isSignedBy } from './checked-signatures.ts'
import { pathProblems, type PathProblem, type Purpose } from './path-problems.ts'
import { schemeOf } from './signature-algorithm.ts'
import type { CertificateError, Verdict } from './verdict.ts'

/*
 * Required reading: RFC 5280 section 6 (what a path has to satisfy), RFC 4158 (how to find one), RFC 8446 section 4.4.2.4, RFC 9525.
 *
 * A server sends certificates in any order, with some too many or too few; only the first is sure to be its own. From there the verifier
 * looks for the certificate of the issuer, by name, among the roots it trusts and among those sent, checks the signature with the key
 * found there, and goes on from that one until it comes to a root. Authorities sign for one another, so that there may be several ways,
 * some of them dead ends: it goes back and tries the next, with a bound on how many steps it will try. Then the whole path is
 * judged: dates, keys, who may sign for whom, what for, and the name. Of several faults the gravest is told, in Chromium's order.
 */

/** What is to be judged. */
export interface ChainQuestion {
  /** Certificates in DER, in the order received: the peer's own first. */
  readonly chain: readonly Uint8Array[]
  /** Certificates in DER of those who are trusted. */
  readonly roots: readonly Uint8Array[]
  /** Who the peer should be: a DNS name, or an IP address as text; undefined: whoever it says it is. */
  readonly name: string | undefined
  /** The wall clock: nanoseconds since the beginning of the run, by which the day of the calendar is told. */
  readonly now: Nanos
  /** What the certificate is used for. */
  readonly purpose: Purpose
}

/** Of certificates sent: more are not looked at. */
const CHAIN_LIMIT = 16
/** Of a path, the root included. */
const PATH_LIMIT = 10
/** Steps from a certificate to its issuer that are tried for one verdict: many ways must not cost much (RFC 4158 section 2.4.2). */
const STEP_LIMIT = 40

/** From the gravest on, as Chromium ranks them. */
const GRAVITY: readonly CertificateError[] = [
  'ERR_CERT_INVALID',
  'ERR_CERT_AUTHORITY_INVALID',
  'ERR_CERT_COMMON_NAME_INVALID',
  'ERR_CERT_NAME_CONSTRAINT_VIOLATION',
  'ERR_CERT_WEAK_SIGNATURE_ALGORITHM',
  'ERR_CERT_WEAK_KEY',
  'ERR_CERT_DATE_INVALID',
]

interface Located {
  readonly bytes: Uint8Array
  readonly certificate: Certificate
}

function areEqual(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined || a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function decodeOrNot(bytes: Uint8Array): Located | undefined {
  try {
    return { bytes, certificate: decodeCertificate(bytes) }
  } catch (error) {
    // What does not decode cannot be part of a path.
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

function decodeAll(list: readonly Uint8Array[]): Located[] {
  return list.map(decodeOrNot).filter((located) => located !== undefined)
}

/** The gravest first; of the same sort, the first found. */
function gravest(problems: readonly PathProblem[]): PathProblem | undefined {
  let worst: PathProblem | undefined
  for (const problem of problems) {
    if (worst === undefined || GRAVITY.indexOf(problem.error) < GRAVITY.indexOf(worst.error)) worst = problem
  }
  return worst
}

/** Whether a certificate may be that of another's issuer, before its signature is checked. */
function mayHaveIssued({ certificate: issuer }: Located, { certificate: subject }: Located): boolean {
  if (!areEqual(issuer.subject.der, subject.issuer.der)) return false
  const wanted = subject.known.authorityKeyIdentifier
  const own = issuer.known.subjectKeyIdentifier
  return wanted === undefined || own === undefined || areEqual(wanted, own)
}

class PathSearch {
  private readonly anchors: readonly Located[]
  private readonly others: readonly Located[]
  private stepsLeft = STEP_LIMIT
  /** The best that was found so far, complete or not. */
  private bestPath: readonly Located[]
  private bestProblems: readonly PathProblem[] | undefined
  /** The last whose signature did not fit where its name did, and under whose certificate. */
  private wrongSigner: { readonly issuer: Located; readonly subject: Located } | undefined

  constructor(
    private readonly question: ChainQuestion,
    private readonly leaf: Located,
  ) {
    this.anchors = decodeAll(question.roots)
    this.others = decodeAll(question.chain.slice(1, CHAIN_LIMIT))
    this.bestPath = [leaf]
  }

  run(): Verdict {
    if (this.extend([this.leaf])) return { ok: true, path: this.bestPath.map(({ bytes }) => bytes) }
    const problems = this.bestProblems ?? [this.authorityProblem(), ...this.judge(this.bestPath)]
    const problem = gravest(problems) ?? this.authorityProblem()
    return { ok: false, ...problem }
  }

  /** Goes on from the end of a path; true when it came to a root, and all is well. */
  private extend(path: readonly Located[]): boolean {
    const last = path[path.length - 1]
    if (this.anchors.some(({ bytes }) => areEqual(bytes, last.bytes))) return this.complete(path)
    if (this.bestProblems === undefined && path.length > this.bestPath.length) this.bestPath = path
    if (path.length === PATH_LIMIT) return false
    for (const anchor of this.anchors) {
      if (this.didIssue(anchor, last) && this.complete([...path, anchor])) return true
    }
    for (const other of this.others) {
      const isNew = path.every(({ bytes }) => !areEqual(bytes, other.bytes))
      if (isNew && this.didIssue(other, last) && this.extend([...path, other])) return true
    }
    return false
  }

  private complete(path: readonly Located[]): boolean {
    const problems = this.judge(path)
    if (this.bestProblems === undefined || problems.length < this.bestProblems.length) {
      this.bestPath = path
      this.bestProblems = problems
    }
    return problems.length === 0
  }

  private judge(path: readonly Located[]): PathProblem[] {
    const { name, now, purpose } = this.question
    return pathProblems(
      path.map(({ certificate }) => certificate),
      { name, purpose, time: calendarTime(now) },
    )
  }

  private didIssue(issuer: Located, subject: Located): boolean {
    if (!mayHaveIssued(issuer, subject) || this.stepsLeft === 0) return false
    this.stepsLeft--
    const scheme = schemeOf(subject.certificate.signatureAlgorithm)
    const key = issuer.certificate.publicKey
    // Such a signature cannot be checked; `pathProblems` refuses the path for it, and says why.
    if (scheme === undefined || key.type === 'unknown') return true
    const fits = isSignedBy(issuer.certificate, key, subject.certificate, scheme)
    if (!fits) this.wrongSigner = { issuer, subject }
    return fits
  }

  /** Why the chain leads to nobody who is trusted. */
  private authorityProblem(): PathProblem {
    const last = this.bestPath[this.bestPath.length - 1].certificate
    const subject = nameText(last.subject)
    const isSelfIssued = areEqual(last.subject.der, last.issuer.der)
    return {
      error: 'ERR_CERT_AUTHORITY_INVALID',
      detail: this.authorityDetail(subject, isSelfIssued, last),
      cites: 'RFC 5280 section 6.1',
    }
  }

  private authorityDetail(subject: string, isSelfIssued: boolean, last: Certificate): string {
    if (this.wrongSigner?.subject.certificate === last) {
      const signer = nameText(this.wrongSigner.issuer.certificate.subject)
      return `The certificate of ${subject} was not signed by ${signer}, as it says: it was changed, or somebody else made it.`
    }
    if (isSelfIssued && this.bestPath.length === 1)
      return `The certificate is self-signed: nobody but ${subject} vouches for ${subject}.`
    if (isSelfIssued) return `The chain ends with ${subject}, who is not trusted here.`
    return `The certificate of ${subject} was issued by ${nameText(last.issuer)}, who is not trusted here, and no certificate was sent that leads on to somebody who is.`
  }
}

/** Judges a chain of certificates as browsers do. Never throws for what the peer sent. */
export function verifyChain(question: ChainQuestion): Verdict {
  const [first] = question.chain
  const leaf = first === undefined ? undefined : decodeOrNot(first)
  if (leaf === undefined) {
    const detail = first === undefined ? 'There is no certificate.' : 'The certificate is not written as a certificate has to be.'
    return { ok: false, error: 'ERR_CERT_INVALID', detail, cites: 'RFC 5280 section 4.1' }
  }
  return new PathSearch(question, leaf).run()
}
