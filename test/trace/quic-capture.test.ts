import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInline, type InlineRun } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { Vantage } from '../../src/trace/pcapng-export.ts'
import { StreamDissection } from '../../src/trace/stream-dissection.ts'
import { tshark, tsharkFields, withFile } from '../vectors/tshark.ts'
import { judgeByDefault } from './default-judge.ts'

type Tree = Record<string, unknown>

const LINKS: Vantage = { kind: 'links' }
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
}

/** A page over HTTP/3, from a browser through a router. */
function page({ seed = 1, link = {}, server = {}, browser = {}, ip = 'v4' }: Choices): InlineRun {
  const line = { rate: '20 Mbit/s', delay: '5 ms', ...link }
  const scenario = resolveScenario({
    id: 'page',
    title: 'A page',
    seed,
    duration: '60 s',
    hosts: {
      alice: { app: 'browser', ip, visits: 'https://bob/', protocols: ['h3'], ...browser },
      router: { kind: 'router', ip },
      bob: { app: 'web-server', ip, protocols: ['h3', 'h2'], tls: {}, serves: PAGE, ...server },
    },
    links: [
      { between: ['alice', 'router'], ...line },
      { between: ['router', 'bob'], ...line },
    ],
  })
  const run = runInline(scenario, {})
  assert.ok(run.trace.first('page:loaded') !== undefined, 'the page was loaded')
  return run
}

/** A phone whose first network goes away in the middle of a download. */
function phone(seed: number): InlineRun {
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

/** All that is wrong with what we read of frames that arrived as they were sent. */
function problemsOf(run: InlineRun): string[] {
  const dissection = new StreamDissection(run.director.recorder)
  const problems: string[] = []
  for (const { number, corrupted } of run.trace.frames()) {
    const found = corrupted ? undefined : dissection.inspect(number)
    if (found === undefined) continue
    const layers = [...found.layers, ...found.views.flatMap((view) => view.layers)]
    problems.push(...layers.flatMap(({ problem }) => (problem === undefined ? [] : [`${String(number)}: ${problem}`])))
    const isUnread = layers.some(
      ({ protocol, fields }) => protocol === 'quic' && fields.some(({ name }) => name === 'quic.remaining_payload'),
    )
    if (isUnread) problems.push(`${String(number)}: not decrypted, ${found.summary}`)
  }
  return problems
}

/** Every request of the run as the inspector shows it, once. */
function requestsOf(run: InlineRun): string[] {
  const dissection = new StreamDissection(run.director.recorder)
  const requests = new Set<string>()
  for (const { number } of run.trace.frames()) {
    const layers = dissection.inspect(number)?.views.flatMap((view) => view.layers) ?? []
    for (const { summary } of layers) {
      const path = /^HTTP\/3 HEADERS stream \d+, GET (\S+)$/.exec(summary)?.[1]
      if (path !== undefined) requests.add(path)
    }
  }
  return [...requests].sort()
}

/** How many packets tshark could not decrypt. */
function undecryptedIn(capture: Uint8Array): number {
  return withFile(capture, (path) => tsharkFields(path, ['frame.number'], '-2', '-Y', 'quic.decryption_failed')).length
}

const HARD = { loss: '3 %', corrupt: '2 %', duplicate: '2 %', reorder: '4 %' }

const SITUATIONS: readonly (readonly [string, (seed: number) => InlineRun])[] = [
  ['losses', (seed) => page({ seed, link: { loss: '2 %' } })],
  ['losses, flipped bits, copies and another order', (seed) => page({ seed, link: HARD })],
  ['IPv6, a Retry and losses', (seed) => page({ seed, ip: 'v6', link: { loss: '2 %' }, server: { quic: { retry: 'always' } } })],
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
  ['a client that moves to another network', phone],
]

describe('from the file alone, with what Wireshark does by default', () => {
  for (const [name, make] of SITUATIONS) {
    test(`${name}: everything decrypts, nothing is malformed, and the inspector reads it all`, () => {
      for (const seed of [1, 2]) {
        const run = make(seed)
        const capture = run.capture(LINKS)
        const { complaints, frames } = judgeByDefault(capture)
        assert.deepEqual(complaints, [], `seed ${String(seed)}`)
        assert.equal(frames, run.trace.frameCount)
        assert.equal(undecryptedIn(capture), 0, `seed ${String(seed)}`)
        assert.deepEqual(problemsOf(run), [], `seed ${String(seed)}`)
        const wanted = make === phone ? ['/'] : ['/', '/a.css', '/b.js']
        assert.deepEqual(requestsOf(run), wanted)
      }
    })
  }

  test('what one host saw decrypts as well', () => {
    const run = page({ seed: 2, link: HARD })
    for (const host of ['alice', 'bob']) {
      const capture = run.capture({ kind: 'host', host })
      assert.deepEqual(judgeByDefault(capture).complaints, [])
      assert.equal(undecryptedIn(capture), 0, host)
    }
  })

  test('one flipped byte of a datagram is noticed', () => {
    const run = page({})
    const capture = run.capture(LINKS)
    const at = withFile(capture, (path) => {
      const payload = tshark(path, '-Y', 'udp.length > 1000 && !quic.long.packet_type', '-T', 'fields', '-e', 'udp.payload')
      const wanted = Buffer.from(payload.trim().split('\n').at(-1) ?? '', 'hex').subarray(100, 140)
      return Buffer.from(capture.buffer, capture.byteOffset, capture.length).lastIndexOf(wanted)
    })
    assert.ok(at > 0, 'the datagram is in the file')
    const flipped = capture.slice()
    flipped[at] ^= 1
    assert.equal(undecryptedIn(flipped), 1)
  })

  test('hosts that keep their secrets log none, and only Initial packets can be read', () => {
    const keep = { tls: { keyLog: false } }
    const run = page({ server: keep, browser: keep })
    assert.deepEqual(run.director.store.keyLog, [])
    assert.ok(undecryptedIn(run.capture(LINKS)) > 1, 'this is how a capture looks that does not decrypt')
    assert.deepEqual(requestsOf(run), [])
  })
})

test('with every frame as it was, flipped bits are in the file', () => {
  const run = page({ seed: 2, link: HARD })
  assert.ok(
    undecryptedIn(run.capture({ kind: 'links', repeats: 'whole' })) > 0,
    'this is what showing them as they were sent is for',
  )
})
