import { scenarioRootPem } from '../apps/tls-authority.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'

/** The certificate of the authority that a scenario's clients trust, in PEM: for programs outside that are to trust it, too. */
export function authorityPem({ seed }: ResolvedScenario): string {
  return scenarioRootPem(seed)
}
