import type { ResolvedScenario } from '../scenario/resolved.ts'
import { DEFAULT_TRACE_LIMIT } from '../trace/recorder.ts'

/** For each member of a crowd, in bytes: what it sends and says while it comes back some ten times. */
const OF_MEMBER = 60_000

/**
 * How much a trace of a scenario may keep when nobody says otherwise, in bytes: more where there are thousands of hosts, so that what befalls them
 * is kept from its beginning. Only what happens takes memory.
 */
export function usualTraceLimit({ hosts }: ResolvedScenario): number {
  let members = 0
  for (const { replicas = 0 } of hosts) members += replicas
  return DEFAULT_TRACE_LIMIT + members * OF_MEMBER
}
