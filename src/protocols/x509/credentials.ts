import type { PrivateKey } from '../../crypto/signature.ts'

/** What somebody proves with who they are. */
export interface Credentials {
  /** Certificates in DER, as they are sent: the own one first, then each one's issuer; the root stays away (RFC 8446 section 4.4.2). */
  readonly chain: readonly Uint8Array[]
  /** Of the first certificate. */
  readonly privateKey: PrivateKey
}
