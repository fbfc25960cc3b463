import assert from 'node:assert/strict'
import { ScenarioError } from '../../src/scenario/errors.ts'
import type { ScenarioSource } from '../../src/scenario/define.ts'
import type { ResolvedHost, ResolvedScenario } from '../../src/scenario/resolved.ts'

/** Two hosts and a link, valid as it stands. */
export const DOWNLOAD = {
  id: 'download',
  title: 'A download',
  seed: 7,
  hosts: {
    alice: { app: 'browser', visits: 'http://bob/' },
    bob: { app: 'web-server', serves: { '/': '64 KiB' } },
  },
  links: [{ between: ['alice', 'bob'], rate: '10 Mbit/s', delay: '20 ms', queue: '64 KiB' }],
  knobs: { loss: { label: 'Packet loss', range: ['0 %', '20 %'], sets: 'links[0].loss' } },
} satisfies ScenarioSource

/** The ScenarioError that work ends with; anything else fails. */
export function refusalOf(work: () => unknown): ScenarioError {
  try {
    work()
  } catch (error) {
    if (error instanceof ScenarioError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

/** A scenario of unknown quality. */
export type Source = Record<string, unknown>

/** A scenario of these hosts, and links of default settings between pairs of them. */
export function network(hosts: Record<string, unknown>, links: readonly (readonly string[])[], more: Source = {}): Source {
  return { id: 'net', title: 'Net', hosts, links: links.map((between) => ({ between })), ...more }
}

export function hostNamed(scenario: ResolvedScenario, name: string): ResolvedHost {
  const host = scenario.hosts.find((candidate) => candidate.name === name)
  assert.ok(host, `no host ${name}`)
  return host
}
