import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectionTable, Tracked, TRACKED_NAMES } from '../../../src/apps/l4/connection-table.ts'
import { randomStream } from '../../../src/kernel/random.ts'

const PLACES = [1, 2, 3].map((address) => ({ address, port: 80 }))

interface Known {
  readonly entry: number
  readonly client: number
  readonly port: number
  readonly backend: number
  readonly ownPort: number
  state: number
  seen: number
}

/** What the lists of a table should be: by state, those longest silent first. */
function inOrder(known: Iterable<Known>): number[] {
  return [...known].sort((a, b) => a.state - b.state || a.seen - b.seen).map(({ entry }) => entry)
}

for (const isFull of [false, true]) {
  test(`${isFull ? 'full NAT' : 'NAT'}: whatever comes and goes, a table knows what a map knows`, () => {
    const random = randomStream(3, 'table')
    const table = new ConnectionTable(PLACES, isFull)
    const known = new Map<string, Known>()
    for (let now = 1; now <= 40_000; now++) {
      // Few addresses, so that many are asked for that are there, and chains of places are long.
      const client = 0x0a000000 + random.below(40)
      const port = 40_000 + random.below(60)
      const name = `${String(client)}:${String(port)}`
      const found = known.get(name)
      assert.equal(table.find(client, port), found?.entry ?? -1)
      if (found === undefined) {
        if (known.size > 1500) continue
        const backend = random.below(3)
        const ownPort = isFull ? 1024 + now : 0
        const entry = table.add(client, port, backend, ownPort, now)
        known.set(name, { entry, client, port, backend, ownPort, state: Tracked.SYN, seen: now })
      } else if (random.below(3) === 0) {
        table.remove(found.entry)
        known.delete(name)
      } else {
        found.state = random.below(TRACKED_NAMES.length)
        found.seen = now
        table.touch(found.entry, found.state, now)
      }
      if (isFull && found !== undefined) {
        const there = known.has(name) ? found.entry : -1
        assert.equal(table.findBack(PLACES[found.backend].address, 80, found.ownPort), there)
        assert.equal(table.findBack(9, 80, found.ownPort), -1)
      }
      if (now % 500 !== 0) continue
      assert.equal(table.size, known.size)
      assert.deepEqual(table.entries(), inOrder(known.values()))
      for (const one of known.values()) {
        assert.equal(table.find(one.client, one.port), one.entry)
        assert.equal(table.lastSeen(one.entry), one.seen)
        assert.equal(table.backend[one.entry], one.backend)
      }
    }
    for (const { entry } of known.values()) table.remove(entry)
    assert.deepEqual([table.size, table.entries()], [0, []])
  })
}

test('of each state the first to expire is the one that was longest silent', () => {
  const table = new ConnectionTable(PLACES, false)
  const entries = [1, 2, 3].map((port) => table.add(1, port, 0, 0, port))
  table.touch(entries[0], Tracked.SYN, 10)
  assert.equal(table.oldestOf(Tracked.SYN), entries[1])
  table.touch(entries[1], Tracked.ESTABLISHED, 11)
  assert.equal(table.oldestOf(Tracked.SYN), entries[2])
  assert.equal(table.oldestOf(Tracked.ESTABLISHED), entries[1])
  assert.equal(table.oldestOf(Tracked.FIN), -1)
})

test('5,000 connections take at most 100 bytes each', () => {
  for (const isFull of [false, true]) {
    const table = new ConnectionTable(PLACES, isFull)
    for (let i = 0; i < 5000; i++) table.add(0x0a000000 + i, 50_000, i % 3, i, i)
    const each = table.byteLength / table.size
    assert.ok(each <= 100, `${String(each)} bytes for each`)
    for (let i = 0; i < 5000; i++) assert.ok(table.find(0x0a000000 + i, 50_000) >= 0, 'it is found')
  }
})
