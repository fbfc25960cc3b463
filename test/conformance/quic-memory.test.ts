import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLIENT } from '../protocols/quic/quic-lab.ts'
import { ScriptedQuic, varint } from './scripted-quic.ts'

/* RFC 9000 section 21: whatever a peer sends that acknowledges nothing, what is kept of it has an end. */

const PACKETS = 4000
/** What a connection may weigh, with the windows below, keys and all, in bytes. */
const MOST = 1_500_000

/** Bytes that can be reached from an object, about. */
function weight(root: unknown): number {
  const seen = new Set<unknown>()
  const waiting: unknown[] = [root]
  let sum = 0
  for (let next = waiting.pop(); waiting.length > 0 || next !== undefined; next = waiting.pop()) {
    if (typeof next !== 'object' || next === null || seen.has(next)) continue
    seen.add(next)
    sum += 32
    if (ArrayBuffer.isView(next)) {
      if (!seen.has(next.buffer)) sum += next.buffer.byteLength
      seen.add(next.buffer)
    } else if (next instanceof Map) {
      sum += 32 * next.size
      for (const [key, value] of next as Map<unknown, unknown>) waiting.push(key, value)
    } else if (next instanceof Set) {
      sum += 16 * next.size
      waiting.push(...(next as Set<unknown>))
    } else {
      const values: unknown[] = Object.values(next)
      sum += 8 * values.length
      // Empty places end nothing.
      for (const value of values) if (value !== undefined) waiting.push(value)
    }
  }
  return sum
}

const ID = (i: number): number[] => [i >>> 8, i & 255, 3, 4, 5, 6, 7, 8]
const TOKEN = new Array<number>(16).fill(7)

/** Payloads that make somebody keep something, each by its number; undefined: a number is left out. */
const FLOODS: Readonly<Record<string, (i: number) => readonly number[] | undefined>> = {
  'connection IDs that are retired before anybody has heard of them': (i) => [0x19, ...varint(i + 1)],
  'connection IDs that are given out and retired': (i) => [0x18, ...varint(i + 1), ...varint(i + 1), 8, ...ID(i), ...TOKEN],
  challenges: (i) => [0x1a, ...ID(i), 0x1a, ...ID(i + 1)],
  'packets with gaps between them': (i) => (i % 2 === 0 ? [0x01] : undefined),
  'nothing but what asks for acknowledgments': () => [0x01],
  'a stream in pieces with gaps between them': (i) => [0x0e, 0, ...varint(2 * i + 1), 1, 65],
  'pieces of many streams, far apart': (i) => [0x0e, ...varint(4 * (i % 100)), ...varint(1 + 997 * Math.floor(i / 100)), 1, 65],
  'a handshake in pieces with gaps between them': (i) => [0x06, ...varint(2 * i + 1), 1, 65],
  'streams that are opened, ended and not read': (i) => [0x0b, ...varint(4 * i), 1, 65],
  'streams that are opened and reset': (i) => [0x04, ...varint(4 * i), 0, 0],
  'streams of one kind alone, ended and not read': (i) => [0x0b, ...varint(4 * i + 2), 1, 65],
  'streams that are not to be answered': (i) => [0x05, ...varint(4 * (i % 100)), 0],
  'limits that grow by one': (i) => [0x10, ...varint(1e6 + i), 0x12, ...varint(1000 + i), 0x11, 0, ...varint(1e6 + i)],
  'complaints of limits': (i) => [0x14, ...varint(i), 0x15, 0, ...varint(i), 0x16, ...varint(i), 0x17, ...varint(i)],
  'tokens and acknowledgments of the same packets': () => [0x02, 0, 0, 0, 0],
}

for (const [name, make] of Object.entries(FLOODS))
  test(`${String(PACKETS)} packets: ${name}`, () => {
    const peer = ScriptedQuic.client({}, { autoConsume: false }).connected()
    peer.flood(PACKETS, make)
    const first = weight(peer.target)
    assert.ok(first < MOST, `${String(first)} bytes`)
    peer.flood(PACKETS, (i) => make(PACKETS + i))
    const second = weight(peer.target)
    assert.ok(second < first + 200_000, `${String(first)} bytes, then ${String(second)}`)
  })

test('packets from ever other addresses', () => {
  const peer = ScriptedQuic.client().connected()
  peer.flood(PACKETS, (i) => {
    peer.from = { ...CLIENT, port: 1000 + i }
    return i % 2 === 0 ? [0x01] : [0x1a, ...ID(i)]
  })
  assert.ok(weight(peer.target) < MOST, `${String(weight(peer.target))} bytes`)
})
