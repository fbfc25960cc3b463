import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { judgeCaptures, type Judgment } from './capture-judge.ts'
import { runOf, sources, type RunSetup } from './catalog-runs.ts'
import type { InlineRun } from '../../src/run/run-inline.ts'

const FAULTS = { reorder: 0.01, duplicate: 0.01, corrupt: 0.01 } as const

const PLAIN = 'as it stands'
const WORST = 'with 10 % of loss as well'
const UNNOTICED = 'corrupted, and nobody notices'

/** What the links do, for every scenario. */
const IMPAIRMENTS: Readonly<Record<string, RunSetup>> = {
  [PLAIN]: {},
  'reordered, duplicated and corrupted': { links: { ...FAULTS, loss: 0 } },
  'with 2 % of loss as well': { links: { ...FAULTS, loss: 0.02 } },
  [WORST]: { links: { ...FAULTS, loss: 0.1 } },
  [UNNOTICED]: { links: { corrupt: 0.05, corruptUndetected: true } },
}
/** Scenarios with switches, or with routers that forward what is wrong above IP. */
const SWITCHED = new Set([
  'hello-network',
  'layers',
  'arp-and-macs',
  'subnets-and-cidr',
  'ipv4-and-ipv6',
  'bufferbloat',
  'congestion',
  'mtu-black-hole',
  'syn-flood',
])
/** Runs of a scenario that differ in kind. */
const WAYS: Readonly<Record<string, readonly RunSetup[]>> = {
  'hello-network': [{ knobs: { target: 'nobody' } }, { knobs: { size: 1472, ttl: 1 } }],
  layers: [{ knobs: { size: 1, loss: 0.1 } }, { knobs: { size: 1300, loss: 0.1 } }],
  'arp-and-macs': [{ knobs: { entries: 'alice' } }, { knobs: { entries: 'both' } }, { knobs: { forward: false } }],
  'subnets-and-cidr': [{ knobs: { alice: 24 } }, { knobs: { alice: 26 } }, { knobs: { bob: 24 } }],
  'tcp-handshake': ['three-syns', 'syn-ack', 'ack', 'refused'].map((trouble) => ({ knobs: { trouble } })),
  'tcp-close': ['half-close', 'simultaneous', 'last-ack', 'reset', 'unread'].map((ending) => ({ knobs: { ending } })),
  'tcp-head-of-line': [{ knobs: { sack: false, loss: 0.05 } }],
  'mtu-black-hole': [
    { knobs: { icmp: true } },
    { knobs: { clamp: true } },
    { knobs: { probing: 'on-black-hole' } },
    { knobs: { probing: 'always' } },
    { knobs: { mtu: 600, icmp: true }, links: { loss: 0.02 } },
  ],
  'syn-flood': [
    { knobs: { cookies: true } },
    { knobs: { backlog: 16 } },
    { knobs: { cookies: true, rate: 10 }, links: { loss: 0.1 } },
  ],
  congestion: [{ knobs: { ann: 'bbr', ben: 'cubic', loss: 0.01 } }, { knobs: { ben: 'bbr', discipline: 'fq-codel' } }],
  bufferbloat: [{ knobs: { marks: 'mark' } }],
  'http1-page': ['closed', 'six', 'pipeline'].map((way) => ({ knobs: { way, loss: 0.02 } })),
  'ipv4-and-ipv6': ['silent', 'cut'].flatMap((path) => [{ knobs: { path } }, { knobs: { path, eyeballs: false } }]),
}

/** Numbers of the frames of a capture of all links in which bits flipped. */
function corruptedIn({ trace }: InlineRun): number[] {
  return [...trace.frames(({ corrupted }) => corrupted)].map(({ number }) => number)
}

describe('tshark reads every capture', () => {
  const captures = new Map<string, Uint8Array>()
  const runs = new Map<string, InlineRun>()
  let judgments: ReadonlyMap<string, Judgment>
  before(async () => {
    for (const id of sources.keys()) {
      for (const [name, setup] of Object.entries(IMPAIRMENTS)) {
        // A switch passes such a frame on, and on the next link nothing happens to it: there it is wrong, and not marked.
        if (SWITCHED.has(id) && name === UNNOTICED) continue
        const run = runOf(id, setup)
        runs.set(`${id}, ${name}`, run)
        captures.set(`${id}, ${name}`, run.capture({ kind: 'links' }))
        if (name !== WORST && name !== UNNOTICED) continue
        for (const host of run.trace.hosts) captures.set(`${id}, ${name}, at ${host}`, run.capture({ kind: 'host', host }))
      }
      for (const setup of WAYS[id] ?? []) {
        const run = runOf(id, setup)
        runs.set(`${id}, ${JSON.stringify(setup.knobs)}`, run)
        captures.set(`${id}, ${JSON.stringify(setup.knobs)}`, run.capture({ kind: 'links' }))
      }
    }
    judgments = await judgeCaptures(captures)
  })

  const complaintsOf = (wanted: (name: string) => boolean): string[] =>
    [...judgments]
      .filter(([name]) => wanted(name))
      .flatMap(([name, { complaints }]) => complaints.map((what) => `${name}: ${what}`))

  for (const id of sources.keys()) {
    test(`${id}: nothing malformed, no error, no bad checksum, but in frames that are marked as corrupted`, () => {
      assert.deepEqual(
        complaintsOf((name) => name.startsWith(`${id},`)),
        [],
      )
    })
  }

  test('every frame of a run is in the capture of all links, and the corrupted ones, and only these, are marked there', () => {
    for (const [name, run] of runs) {
      const judgment = judgments.get(name)
      assert.equal(judgment?.frames, run.trace.frameCount, name)
      assert.deepEqual(judgment.corrupted, corruptedIn(run), name)
    }
  })

  test('a host never sees what its interface refused, and what slipped past is marked', () => {
    for (const [name, { corrupted }] of judgments) {
      if (/, at [a-z]+$/.test(name) && !name.includes(UNNOTICED)) assert.deepEqual(corrupted, [], name)
    }
    const slipped = [...judgments].filter(([name]) => name.includes(`${UNNOTICED}, at `))
    assert.ok(slipped.reduce((sum, [, { corrupted }]) => sum + corrupted.length, 0) > 10)
  })

  test('of the corrupted frames, tshark notices most: ARP has no checksum', () => {
    const all = [...judgments.values()]
    const marked = all.reduce((sum, { corrupted }) => sum + corrupted.length, 0)
    const noticed = all.reduce((sum, { corruptedNoticed }) => sum + corruptedNoticed, 0)
    assert.ok(marked > 50, `${String(marked)} marked`)
    assert.ok(noticed > marked / 2, `${String(noticed)} of ${String(marked)} noticed`)
  })
})

/** The n-th byte of the first frame of a kind, and what tshark has to say when it is flipped. */
const FLIPS: readonly { id: string; kind: string; byte: number; expected: RegExp }[] = [
  { id: 'tcp-head-of-line', kind: 'tcp-data', byte: 14 + 20 + 32 + 40, expected: /bad tcp\.checksum/ },
  { id: 'tcp-close', kind: 'tcp-fin', byte: 14 + 20 + 4, expected: /bad tcp\.checksum/ },
  { id: 'tcp-handshake', kind: 'tcp-syn', byte: 14 + 20 + 20 + 1, expected: /bad tcp\.checksum/ },
  { id: 'udp-vs-tcp', kind: 'udp', byte: 14 + 20 + 8 + 20, expected: /bad udp\.checksum/ },
  { id: 'hello-network', kind: 'icmp', byte: 14 + 20 + 8 + 30, expected: /bad icmp\.checksum/ },
  { id: 'hello-network', kind: 'icmp', byte: 14 + 8, expected: /bad ip\.checksum/ },
  { id: 'ipv4-and-ipv6', kind: 'ndp', byte: 14 + 40 + 20, expected: /bad icmpv6\.checksum/ },
]

test('a single flipped byte in a capture is reported, at the frame in which it is', async () => {
  const captures = new Map<string, Uint8Array>()
  const flipped = FLIPS.map(({ id, kind, byte, expected }, index) => {
    const run = runOf(id)
    const frame = [...run.trace.frames((candidate) => candidate.kind === kind)].at(0)
    assert.ok(frame)
    const bytes = run.director.recorder.bytes(frame.number)
    assert.ok(bytes)
    const capture = run.capture({ kind: 'links' })
    const start = Buffer.from(capture).indexOf(bytes)
    assert.ok(start > 0)
    capture[start + byte] ^= 0x41
    const name = `${String(index)} ${id} ${kind}`
    captures.set(name, capture)
    return { name, number: frame.number, expected }
  })
  const judgments = await judgeCaptures(captures)
  for (const { name, number, expected } of flipped) {
    const complaints = judgments.get(name)?.complaints ?? []
    assert.ok(complaints.length > 0, name)
    assert.ok(
      complaints.every((complaint) => complaint.startsWith(`frame ${String(number)}:`)),
      `${name}: ${complaints.join()}`,
    )
    assert.match(complaints.join(), expected, name)
  }
})
