import { DEFAULT_LINK, type LinkSettings } from '../kernel/link.ts'
import { ScenarioError, listChoices, quote } from './errors.ts'
import { UNLIMITED } from './link-schema.ts'
import { formatPath } from './path.ts'
import { nameOfLink } from './segment.ts'
import type { ParsedHost, ParsedScenario } from './schema.ts'

/**
 * What has to hold of a host that is a crowd.
 * @throws ScenarioError
 */
export function checkCrowd(scenario: ParsedScenario, name: string, host: ParsedHost): void {
  const refuse = (key: string, found: string, allowed: string): ScenarioError =>
    new ScenarioError(formatPath(['hosts', name, key]), found, allowed)
  const { replicas, access, kind } = host
  if (replicas === undefined) {
    if (access !== undefined)
      throw refuse('access', 'a line without a crowd', 'replicas beside it; of one host alone, the link itself is the line')
    return
  }
  if (kind !== 'host') throw refuse('replicas', `a crowd of ${kind === 'switch' ? 'switches' : 'routers'}`, 'a crowd of hosts')
  const links = scenario.links.filter(({ between }) => between.includes(name)).map(nameOfLink)
  if (links.length !== 1)
    throw refuse(
      'replicas',
      `a crowd on ${String(links.length)} links, ${listChoices(links)}`,
      'exactly one link, which all members share',
    )
  const six = (['address6', 'addresses6'] as const).find((key) => host[key] !== undefined)
  if (six !== undefined) throw refuse(six, 'an IPv6 address', 'none, for crowds speak IPv4')
  const versions = host.ip ?? scenario.ip
  if (versions === 'v6' || host.ip === 'dual')
    throw refuse(host.ip === undefined ? 'replicas' : 'ip', `ip: ${quote(versions)}`, '"v4", for crowds speak IPv4')
}

/**
 * What a link does that its author has said nothing of. On one that a crowd is on, everybody may send at once; its queue has no end, so
 * that nothing gets lost which the author did not ask for.
 */
export function usualSettings(scenario: ParsedScenario, link: ParsedScenario['links'][number]): LinkSettings {
  const isCrowded = link.between.some((name) => scenario.hosts[name]?.replicas !== undefined)
  return isCrowded ? { ...DEFAULT_LINK, queueBytes: UNLIMITED, queueFrames: UNLIMITED } : DEFAULT_LINK
}
