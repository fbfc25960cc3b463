import assert from 'node:assert/strict'
import { runInline, type InlineRun } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'

type Tree = Record<string, unknown>

const PAGE = {
  '/': { size: '30 kB', type: 'text/html', resources: ['/a.css', '/b.js'] },
  '/a.css': '20 kB',
  '/b.js': '60 kB',
}

interface Choices {
  readonly seed?: number
  readonly link?: Tree
  readonly server?: Tree
  readonly browser?: Tree
  readonly ip?: string
  /** How many browsers there are: alice, and others beside her. */
  readonly clients?: number
}

/** A page over HTTP/3, from a browser through a router. */
export function page({ seed = 1, link = {}, server = {}, browser = {}, ip = 'v4', clients = 1 }: Choices): InlineRun {
  const line = { rate: '20 Mbit/s', delay: '5 ms', ...link }
  const names = ['alice', 'anna', 'amy'].slice(0, clients)
  const scenario = resolveScenario({
    id: 'page',
    title: 'A page',
    seed,
    duration: '60 s',
    hosts: {
      ...Object.fromEntries(
        names.map((name) => [name, { app: 'browser', ip, visits: 'https://bob/', protocols: ['h3'], ...browser }]),
      ),
      router: { kind: 'router', ip },
      bob: { app: 'web-server', ip, protocols: ['h3', 'h2'], tls: {}, serves: PAGE, ...server },
    },
    links: [...names.map((name) => ({ between: [name, 'router'], ...line })), { between: ['router', 'bob'], ...line }],
  })
  const run = runInline(scenario, {})
  assert.ok(run.trace.first('page:loaded') !== undefined, 'the page was loaded')
  return run
}

/** A phone whose first network goes away in the middle of a download. */
export function phone(seed: number): InlineRun {
  const scenario = resolveScenario({
    id: 'phone',
    title: 'A phone on two networks',
    seed,
    duration: '30 s',
    hosts: {
      phone: { app: 'browser', visits: 'https://server/', protocols: ['h3'] },
      hotspot: { kind: 'router' },
      mast: { kind: 'router' },
      internet: { kind: 'router' },
      server: { app: 'web-server', protocols: ['h3', 'h2'], serves: { '/': '700 kB' }, tls: {} },
    },
    links: [
      { between: ['phone', 'hotspot'], rate: '20 Mbit/s', delay: '2 ms', flaps: [{ at: '150 ms', for: '20 s' }] },
      { between: ['phone', 'mast'], rate: '10 Mbit/s', delay: '25 ms', loss: '1 %' },
      { between: ['hotspot', 'internet'], rate: '100 Mbit/s', delay: '5 ms' },
      { between: ['mast', 'internet'], rate: '100 Mbit/s', delay: '5 ms' },
      { between: ['internet', 'server'], rate: '100 Mbit/s', delay: '5 ms' },
    ],
  })
  const run = runInline(scenario, {})
  assert.ok(run.trace.first('quic:migrated') !== undefined, 'it moved')
  assert.ok(run.trace.first('page:loaded') !== undefined, 'and went on')
  return run
}

/** Links that do all that links can do. */
export const HARD = { loss: '3 %', corrupt: '2 %', duplicate: '2 %', reorder: '4 %' }

/** So much of it that packets come to hosts before others that they need. */
const WORST = { ...HARD, duplicate: '10 %', reorder: '20 %', jitter: '5 ms' }

/** What connections of QUIC go through, by what it is called. */
export const SITUATIONS: readonly (readonly [string, (seed: number) => InlineRun])[] = [
  ['losses', (seed) => page({ seed, link: { loss: '2 %' } })],
  ['losses, flipped bits, copies and another order', (seed) => page({ seed, link: HARD })],
  ['IPv6, a Retry and losses', (seed) => page({ seed, ip: 'v6', link: { loss: '2 %' }, server: { quic: { retry: 'always' } } })],
  ['Retries and copies of them', (seed) => page({ seed, link: WORST, server: { quic: { retry: 'always' } } })],
  ['keys that are updated all the time', (seed) => page({ seed, link: HARD, server: { quic: { keyUpdateAfter: 15 } } })],
  ['AES-128-GCM', (seed) => page({ seed, server: { tls: { cipherSuites: ['TLS_AES_128_GCM_SHA256'] } } })],
  ['AES-256-GCM', (seed) => page({ seed, link: HARD, server: { tls: { cipherSuites: ['TLS_AES_256_GCM_SHA384'] } } })],
  [
    '0-RTT',
    (seed) => {
      const visits = ['0 s', '5 s'].map((at) => ({ url: 'https://bob/', at, reconnect: true }))
      // Wireshark 4.0 takes early data under a secret of 32 bytes for AES-128-GCM's.
      const server = { tls: { earlyData: '16 KiB', cipherSuites: ['TLS_AES_128_GCM_SHA256'] } }
      const run = page({ seed, link: { loss: '2 %' }, browser: { visits, tls: { earlyData: true } }, server })
      assert.equal(run.trace.all('quic:handshake-done').at(-1)?.data['earlyData'], 'accepted')
      return run
    },
  ],
  [
    'QPACK’s dynamic table, and a NAT that forgets',
    (seed) => {
      const table = { qpackTableCapacity: '4 KiB', qpackBlockedStreams: 16 }
      return page({ seed, link: WORST, browser: { rebinds: ['80 ms', '200 ms'], quic: table }, server: { quic: table } })
    },
  ],
  ['three clients', (seed) => page({ seed, link: WORST, clients: 3 })],
  ['a client that moves to another network', phone],
]
