import type { GroupName } from '../../../crypto/key-exchange.ts'

/** Those of these groups that TLS 1.2 knows: hybrids are of TLS 1.3 only (draft-ietf-tls-ecdhe-mlkem section 3). */
export function groupsOf12(groups: readonly GroupName[]): readonly GroupName[] {
  return groups.filter((name) => name !== 'X25519MLKEM768')
}
