import type { LinkSettings } from '../../src/kernel/link.ts'
import { World, type HappenedEvent } from '../host/world.ts'
import { app, MILLISECOND, noFailures, resource, SECOND, server, talker } from './site.ts'
import type { Body } from './site.ts'

/** Clients c1 … at 10.0.1.x, a balancer at 10.0.0.1 and servers s1 … at 10.0.2.x, all on one switch. */
export function balanced(
  clients: readonly Body[],
  balancer: Body,
  servers: readonly Body[],
  link: Partial<LinkSettings> = {},
  seed = 1,
): World {
  const names = Object.fromEntries(servers.map((_, i) => [`s${i + 1}`, `10.0.2.${i + 1}`]))
  const plans = [
    ...clients.map((body, i) => ({ name: `c${i + 1}`, address: `10.0.1.${i + 1}`, body })),
    { name: 'lb', address: '10.0.0.1', body: balancer },
    ...servers.map((body, i) => ({ name: `s${i + 1}`, address: `10.0.2.${i + 1}`, body })),
  ]
  return new World({
    seed,
    hosts: {
      ...Object.fromEntries(plans.map(({ name, body }) => [name, { apps: [body], names: { lb: '10.0.0.1', ...names } }])),
      switch: { kind: 'switch' },
    },
    links: plans.map(({ name, address }) => ({ between: [`${name} ${address}/16`, 'switch'], ...link })),
  })
}

/** How often each value of a field comes, in the order of names. */
export function counted(events: readonly HappenedEvent[], field: string): Record<string, number> {
  const counts = new Map<string, number>()
  for (const { data } of events) counts.set(String(data[field]), (counts.get(String(data[field])) ?? 0) + 1)
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
}

export const LB = 0x0a000001
export const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: lb\r\n${more}\r\n`

export function backends(count: number) {
  return Array.from({ length: count }, (_, i) => ({ url: `http://s${i + 1}`, weight: 1, drain: false }))
}

export function balancer(count: number, options: Record<string, unknown> = {}): Body {
  return app('load-balancer', { backends: backends(count), ...options })
}

export const CHECK = { path: '/', interval: SECOND, timeout: 500 * MILLISECOND, rise: 2, fall: 2 }
const SITE = { '/': resource(100), '/big': resource(200_000), '/slow': resource(10, { delay: 500 * MILLISECOND }) }
export const site = (name: string): Body => server(SITE, { headers: { 'X-Served-By': name } })
export const sites = (count: number): Body[] => Array.from({ length: count }, (_, i) => site(`s${i + 1}`))
export const generator = (options: Record<string, unknown>): Body => app('request-generator', { url: 'http://lb/', ...options })

export const picked = (world: World) => counted(world.happened('balancer:picked'), 'backend')
export const outcomes = (world: World) => counted(world.happened('request:ended'), 'status')

/** Runs a world to its end, in which nothing goes wrong inside applications. */
export function run(clients: readonly Body[], lb: Body, servers: readonly Body[], seconds = 60): World {
  const world = balanced(clients, lb, servers)
  world.run(seconds * SECOND)
  noFailures(world)
  return world
}

/** What a client hears for these words. */
export function heard(words: readonly string[], lb: Body, servers: readonly Body[], options: { finish?: boolean } = {}) {
  const texts: string[] = []
  const world = run([talker(texts, words, { address: LB, ...options })], lb, servers)
  return { text: texts[0], world }
}
