import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { judgeCaptures } from './capture-judge.ts'
import { runOf, sources } from './catalog-runs.ts'

test('every scenario of the catalog has its tests', () => {
  for (const id of sources.keys()) assert.ok(existsSync(new URL(`catalog/${id}.test.ts`, import.meta.url)), id)
})

test('of corrupted frames that nobody noticed, those that arrived are marked in captures of hosts, and tshark notices most', async () => {
  const captures = new Map<string, Uint8Array>()
  for (const id of ['tcp-head-of-line', 'burst-loss', 'udp-vs-tcp']) {
    const run = runOf(id, { links: { corrupt: 0.05, corruptUndetected: true } })
    for (const host of run.trace.hosts) captures.set(`${id} at ${host}`, run.capture({ kind: 'host', host }))
  }
  const all = [...(await judgeCaptures(captures)).values()]
  const marked = all.reduce((sum, { corrupted }) => sum + corrupted.length, 0)
  const noticed = all.reduce((sum, { corruptedNoticed }) => sum + corruptedNoticed, 0)
  assert.ok(marked > 50, `${String(marked)} marked`)
  assert.ok(noticed > marked / 2, `${String(noticed)} of ${String(marked)} noticed`)
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
