import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Digest } from '../../src/apps/digest.ts'
import { contentOf } from '../../src/apps/web-content.ts'
import type { ServedResource } from '../../src/apps/web-content.ts'
import { Director } from '../../src/run/director.ts'
import { InlineHosts } from '../../src/run/inline-hosts.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import type { EventRecord } from '../../src/trace/record.ts'

/** How many pages are loaded; more of them by the environment. */
const SEEDS = Number(process.env['SEEDS'] ?? 1000)

interface Way {
  readonly browser: object
  readonly server: object
  readonly scheme: 'http' | 'https'
}

const PLAIN: readonly Way[] = [
  { browser: { protocols: ['http/1.0'] }, server: { protocols: ['http/1.0'] }, scheme: 'http' },
  { browser: { connections: 1 }, server: {}, scheme: 'http' },
  { browser: {}, server: {}, scheme: 'http' },
  { browser: { connections: 2, pipelining: true }, server: {}, scheme: 'http' },
  { browser: { keepAlive: false }, server: {}, scheme: 'http' },
  { browser: { protocols: ['h2'] }, server: { protocols: ['h2'] }, scheme: 'http' },
]
const SECURE: readonly Way[] = [
  { browser: {}, server: { tls: true }, scheme: 'https' },
  { browser: { tls: { earlyData: true } }, server: { tls: { earlyData: '16 KiB' } }, scheme: 'https' },
  { browser: {}, server: { tls: { versions: ['1.2'] }, protocols: ['http/1.1'] }, scheme: 'https' },
  { browser: { protocols: ['http/1.1'] }, server: { tls: true }, scheme: 'https' },
]

/** How the browser and the server speak with each other. Cryptography takes long, so every fifth page only is under TLS. */
function wayOf(seed: number): Way {
  const turn = Math.floor(seed / 5)
  return seed % 5 === 0 ? SECURE[turn % SECURE.length] : PLAIN[(turn * 4 + (seed % 5)) % PLAIN.length]
}
const LOSSES = ['0 %', '1 %', '5 %', '15 %']
const BITS = ['0 %', '1 %', '5 %']

function scenarioOf(seed: number): ResolvedScenario {
  const { browser, server, scheme } = wayOf(seed)
  const round = Math.floor(seed / 20)
  return resolveScenario({
    id: 'property',
    title: 'A page over a hostile link',
    // The authorities of a scenario follow from its seed; making new ones for each run would take most of the time.
    seed: 7,
    duration: '3000 s',
    hosts: {
      browser: {
        app: 'browser',
        visits: visitsOf(seed, scheme),
        cache: round % 2 === 0,
        digest: true,
        timeout: '60 s',
        ...browser,
      },
      server: {
        app: 'web-server',
        serves: {
          '/': {
            size: '3 kB',
            references: [
              { url: '/a.css', as: 'style' },
              { url: '/b.js', as: 'script' },
              { url: '/c.webp', as: 'image', at: 0.5 },
            ],
          },
          '/a.css': { size: '2 kB', references: [{ url: '/d.woff2', as: 'font' }] },
          '/b.js': { size: '1 kB', references: [{ url: '/e.json', as: 'data' }], cacheControl: 'max-age=600' },
          '/c.webp': { size: '4 kB', chunked: true, cacheControl: 'no-cache' },
          '/d.woff2': '2 kB',
          '/e.json': '500 B',
        },
        ...server,
      },
    },
    links: [
      {
        between: ['browser', 'server'],
        rate: '10 Mbit/s',
        delay: '10 ms',
        loss: LOSSES[round % 4],
        corrupt: BITS[round % 3],
        duplicate: BITS[(round + 1) % 3],
        reorder: LOSSES[(round + 1) % 4],
      },
    ],
  })
}

/** Every third page is visited again, over new connections: it may be in the cache, and sessions are resumed. */
function visitsOf(seed: number, scheme: string): object[] {
  const visit = { url: `${scheme}://server/`, reconnect: true }
  return seed % 3 === 0 ? [visit, visit] : [visit]
}

/** Digest of what the server serves, by path. */
function digestsOf(scenario: ResolvedScenario): ReadonlyMap<string, string> {
  const serves = scenario.hosts[1].apps[0].options['serves'] as Record<string, ServedResource>
  return new Map(
    Object.entries(serves).map(([path, resource]) => {
      const content = contentOf(path, resource, (other) => serves[other].type)
      const digest = new Digest()
      for (let at = 0; at < content.length;) {
        const piece = content.piece(at)
        digest.update(piece)
        at += piece.length
      }
      return [path, digest.value]
    }),
  )
}

/** The phases of all fetches follow each other without gap or overlap, in a possible order, and end once. */
function checkPhases(events: readonly EventRecord[], where: string): void {
  const open = new Map<unknown, { phase: string; since: number; sum: number; queued: number }>()
  const ended = new Set<unknown>()
  for (const { name, time, data } of events) {
    if (name === 'fetch:queued') {
      assert.ok(!open.has(data['id']) && !ended.has(data['id']), `${where}: fetch ${String(data['id'])} begins twice`)
      open.set(data['id'], { phase: 'queued', since: time, sum: 0, queued: time })
    } else if (name === 'fetch:phase-started' || name === 'fetch:ended') {
      const fetch = open.get(data['id'])
      assert.ok(fetch, `${where}: ${name} of fetch ${String(data['id'])}, which is not under way`)
      assert.notEqual(fetch.phase, data['phase'], `${where}: a phase follows itself`)
      assert.ok(time >= fetch.since, `${where}: time goes forward`)
      fetch.sum += time - fetch.since
      fetch.since = time
      fetch.phase = String(data['phase'])
      if (name === 'fetch:phase-started') continue
      assert.equal(fetch.sum, time - fetch.queued, `${where}: phases add up`)
      open.delete(data['id'])
      ended.add(data['id'])
    }
  }
  assert.equal(open.size, 0, `${where}: every fetch ends`)
}

test(`${String(SEEDS)} page loads over a link that loses, reorders, duplicates and corrupts: exact bytes, or an error that says whose fault`, () => {
  let whole = 0
  let failed = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const scenario = scenarioOf(seed)
    const digests = digestsOf(scenario)
    const director = new Director(scenario, { seed })
    new InlineHosts(scenario, seed, director).advance(scenario.duration)
    const { store } = director
    const where = `seed ${String(seed)}`
    const events = store.all('app:failed')
    assert.deepEqual(
      events.map(({ data }) => data['error']),
      [],
      where,
    )
    const mine = [...store.events].filter(({ host }) => host === 0)
    checkPhases(mine, where)
    const paths = new Map<unknown, string>()
    for (const { name, data } of mine) {
      if (name === 'fetch:queued') paths.set(data['id'], String(data['url']).replace(/^https?:\/\/server/, ''))
      if (name === 'http:response-received' && data['status'] === 200)
        assert.equal(
          data['digest'],
          digests.get(paths.get(data['id']) ?? ''),
          `${where}: ${String(paths.get(data['id']))} as served`,
        )
      if (name === 'page:failed' || name === 'http:request-failed') {
        assert.match(String(data['error']), /^[\w ]+$/, where)
        assert.match(String(data['whose']), /^(local|remote|network)$/, `${where}: ${JSON.stringify(data)}`)
        assert.ok(String(data['detail']).length > 5, where)
      }
    }
    const over = mine.filter(({ name }) => name === 'page:loaded' || name === 'page:failed')
    assert.equal(over.length, seed % 3 === 0 ? 2 : 1, `${where}: every visit comes to an end`)
    for (const { name, data } of over) if (name === 'page:loaded' && data['failures'] === 0) whole++
    for (const { name, data } of over) if (name === 'page:failed' || data['failures'] !== 0) failed++
  }
  // Most of them arrive; of what does not, each had its reason.
  assert.ok(whole > 0.9 * (whole + failed) && whole + failed >= SEEDS, `${String(whole)} whole, ${String(failed)} not`)
})
