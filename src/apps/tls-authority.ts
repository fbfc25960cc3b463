import { randomBytesFrom, type RandomBytes } from '../crypto/random-bytes.ts'
import { generateRsaKey } from '../crypto/rsa-key.ts'
import type { KeyType as SigningKeyType } from '../crypto/signature.ts'
import { createAuthority, issueCertificate, type Authority } from '../protocols/x509/authority.ts'
import { DAY, RUN_EPOCH } from '../protocols/x509/calendar.ts'
import type { Credentials } from '../protocols/x509/credentials.ts'
import { randomStream } from '../kernel/random.ts'
import type { CertificateOrder, KeyType } from '../scenario/tls-settings.ts'
import { decodePem, encodePem } from '../wire/pem.ts'

/*
 * The authorities of a scenario, and the certificates that they issue. All of it follows from the seed of the run and from what is ordered, so
 * that every host makes the same for itself, wherever it runs; nothing is made before somebody needs it. On a curve that takes some
 * milliseconds, for RSA a quarter of a second.
 */

/** Which authority: the one that everybody in a scenario trusts, or one that looks like it and that nobody has heard of. */
export type AuthorityName = 'scenario' | 'rogue'

interface Authorities {
  readonly root: Authority
  /** What issues certificates, as with most real ones, so that the root's key can stay in a safe. */
  readonly intermediate: Authority
}

const ORGANIZATIONS: Readonly<Record<AuthorityName, string>> = { scenario: 'Packetarium', rogue: 'Honest Certificates' }

const SIGNING_KEYS: Readonly<Record<KeyType, SigningKeyType>> = { 'p-256': 'ec-p256', ed25519: 'ed25519', rsa: 'rsa' }

/** Of the keys that are too short. */
const WEAK_RSA_BITS = 1024

/** How many pairs are remembered. */
const CAPACITY = 8
const remembered = new Map<string, Authorities>()

function randomFor(seed: number, purpose: string): RandomBytes {
  return randomBytesFrom(randomStream(seed, `authority/${purpose}`))
}

/** A pure function, remembered: the hosts of a run that share a thread share the work. */
function authoritiesOf(seed: number, name: AuthorityName): Authorities {
  const key = `${name}/${String(seed)}`
  const known = remembered.get(key)
  if (known !== undefined) return known
  const organization = ORGANIZATIONS[name]
  const random = randomFor(seed, name)
  const root = createAuthority({ random, key: 'ec-p256', commonName: `${organization} Root`, organization })
  const intermediate = createAuthority({
    random,
    key: 'ec-p256',
    commonName: `${organization} Intermediate`,
    organization,
    issuer: root,
    pathLength: 0,
  })
  const made = { root, intermediate }
  const [oldest] = remembered.keys()
  if (remembered.size >= CAPACITY && oldest !== undefined) remembered.delete(oldest)
  remembered.set(key, made)
  return made
}

/** When a certificate is valid, in seconds since 1970. */
function validityOf({ kind, validFor }: CertificateOrder): { notBefore: number; notAfter: number } {
  switch (kind) {
    case 'expired':
      return { notBefore: RUN_EPOCH - 360 * DAY, notAfter: RUN_EPOCH - 30 * DAY }
    case 'not-yet-valid':
      return { notBefore: RUN_EPOCH + 900 * DAY, notAfter: RUN_EPOCH + 1800 * DAY }
    default:
      return { notBefore: RUN_EPOCH - 30 * DAY, notAfter: RUN_EPOCH + (validFor - 30) * DAY }
  }
}

/** Makes a certificate with its key. */
export function issue(order: CertificateOrder): Credentials {
  const { seed, names, addresses, kind, keyType, intermediate, purpose } = order
  const random = randomFor(seed, `${purpose}/${names[0]}/${kind}/${keyType}`)
  const issuer =
    kind === 'self-signed' ? undefined : authoritiesOf(seed, kind === 'unknown-authority' ? 'rogue' : 'scenario').intermediate
  const credentials = issueCertificate({
    random,
    key: kind === 'weak-key' ? generateRsaKey(WEAK_RSA_BITS, random) : SIGNING_KEYS[keyType],
    ...(issuer !== undefined && { issuer }),
    names: kind === 'wrong-name' ? ['elsewhere.example'] : [...names, ...addresses],
    ...validityOf(order),
    purpose,
  })
  return intermediate ? credentials : { ...credentials, chain: credentials.chain.slice(0, 1) }
}

/**
 * Certificates of authorities in DER.
 * @param roots `'scenario'`, `'rogue'`, or texts in PEM with any number of certificates
 * @throws DecodeError for a text that is not PEM
 */
export function rootsOf(seed: number, roots: readonly string[]): Uint8Array[] {
  return roots.flatMap((root) =>
    root === 'scenario' || root === 'rogue'
      ? [authoritiesOf(seed, root).root.certificate]
      : decodePem(root).flatMap(({ label, bytes }) => (label === 'CERTIFICATE' ? [bytes] : [])),
  )
}

/** The root of a scenario as others may be told to trust it: a certificate in PEM. */
export function scenarioRootPem(seed: number): string {
  return encodePem('CERTIFICATE', authoritiesOf(seed, 'scenario').root.certificate)
}
