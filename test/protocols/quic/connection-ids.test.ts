import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LocalConnectionIds, RemoteConnectionIds } from '../../../src/protocols/quic/connection-ids.ts'
import { QuicViolation } from '../../../src/protocols/quic/fault.ts'
import type { NewConnectionIdFrame } from '../../../src/wire/quic/frame.ts'
import { Mutation } from '../tls/mutation.ts'
import { bytesOf } from './recovery-lab.ts'

const id = (name: number): Uint8Array => new Uint8Array(8).fill(name)
const token = (name: number): Uint8Array => new Uint8Array(16).fill(name)

function local(first = id(0)): LocalConnectionIds {
  return new LocalConnectionIds({ first, random: bytesOf(1), resetToken: (bytes) => token(bytes[0] ?? 0) })
}

/** A frame that gives out number `sequence`, with bytes and token made of `name`. */
function given(sequence: number, retirePriorTo = 0, name = sequence): NewConnectionIdFrame {
  return { type: 'NEW_CONNECTION_ID', sequence, retirePriorTo, connectionId: id(name), resetToken: token(name) }
}

/** Numbers of all RETIRE_CONNECTION_ID frames that wait. */
function retired(ids: RemoteConnectionIds): number[] {
  const numbers: number[] = []
  for (let number = ids.pollRetired(); number !== undefined; number = ids.pollRetired()) numbers.push(number)
  return numbers
}

function violates(code: number, cites: string): (error: unknown) => boolean {
  return (error) => error instanceof QuicViolation && error.code === code && error.cites === cites
}

const [PROTOCOL_VIOLATION, CONNECTION_ID_LIMIT_ERROR] = [0x0a, 0x09]

test('RFC 9000 section 5.1.1: the peer gets as many connection IDs as it takes, with tokens, each told once', () => {
  const ids = local()
  const added = ids.supply(4)
  assert.equal(added.length, 3)
  assert.equal(new Set([...ids.active].map(({ bytes }) => bytes.join())).size, 4)
  const frames = [ids.pollFrame(), ids.pollFrame(), ids.pollFrame()]
  assert.deepEqual(
    frames.map((frame) => [frame?.sequence, frame?.retirePriorTo]),
    [
      [1, 0],
      [2, 0],
      [3, 0],
    ],
  )
  assert.deepEqual(frames[0]?.resetToken, token(added[0].bytes[0]))
  assert.equal(ids.pollFrame(), undefined)
  ids.frameLost(2)
  assert.equal(ids.pollFrame()?.sequence, 2)
})

test('a peer that would take thousands gets eight; one that uses IDs of no length gets none', () => {
  assert.equal(local().supply(1e9).length, 7)
  assert.equal(local(new Uint8Array(0)).supply(8).length, 0)
})

test('RFC 9000 section 19.16: what the peer retires is replaced, and what was lost of it not told again', () => {
  const ids = local()
  ids.supply(2)
  const { retired: gone, added } = ids.retire(0, id(9))
  assert.deepEqual([gone?.sequence, added.length], [0, 1])
  ids.pollFrame()
  ids.pollFrame()
  ids.retire(1, id(9))
  ids.frameLost(1)
  assert.equal(ids.pollFrame()?.sequence, 3)
  assert.equal(ids.pollFrame(), undefined)
  assert.deepEqual(ids.retire(0, id(9)), { retired: undefined, added: [] }, 'a repetition changes nothing')
})

test('RFC 9000 section 19.16: retiring what was never given out, what the packet came with, or what has no length is refused', () => {
  const refusal = violates(PROTOCOL_VIOLATION, 'RFC 9000 section 19.16')
  const ids = local()
  ids.supply(2)
  assert.throws(() => ids.retire(2, id(9)), refusal)
  assert.throws(() => ids.retire(0, id(0)), refusal)
  assert.throws(() => local(new Uint8Array(0)).retire(0, new Uint8Array(0)), refusal)
})

test('RFC 9000 section 5.1.2: all are asked to be retired, and there are as many new ones', () => {
  const ids = local()
  ids.supply(3)
  while (ids.hasFrame) ids.pollFrame()
  assert.equal(ids.rotate().length, 3)
  const frame = ids.pollFrame()
  assert.deepEqual([frame?.sequence, frame?.retirePriorTo], [3, 3])
  assert.equal([...ids.active].length, 6, 'the old ones are good until the peer retires them')
  for (const sequence of [0, 1, 2]) assert.equal(ids.retire(sequence, id(9)).added.length, 0)
})

test('RFC 9000 section 9.5: each path takes one of its own, the oldest first', () => {
  const ids = new RemoteConnectionIds(id(0), 4)
  ids.take(given(1))
  const [first, second] = [ids.acquire(), ids.acquire()]
  assert.deepEqual([first?.sequence, second?.sequence, ids.acquire(), ids.hasSpare], [0, 1, undefined, false])
  assert.ok(first !== undefined, 'there was one')
  ids.retire(first)
  assert.deepEqual([first.isRetired, retired(ids)], [true, [0]])
  ids.frameLost(0)
  assert.deepEqual(retired(ids), [0])
  ids.frameAcknowledged(0)
  ids.frameLost(0)
  assert.deepEqual(retired(ids), [])
})

test('RFC 9000 section 5.1.1: more than active_connection_id_limit are refused', () => {
  const ids = new RemoteConnectionIds(id(0), 2)
  ids.take(given(1))
  assert.throws(() => ids.take(given(2)), violates(CONNECTION_ID_LIMIT_ERROR, 'RFC 9000 section 5.1.1'))
})

test('RFC 9000 section 19.15: retire_prior_to takes back those in use, and makes room for the new one', () => {
  const ids = new RemoteConnectionIds(id(0), 2)
  ids.take(given(1))
  const used = ids.acquire()
  ids.take(given(2, 2))
  assert.deepEqual([used?.isRetired, retired(ids)], [true, [0, 1]])
  assert.equal(ids.acquire()?.sequence, 2)
  ids.take(given(1))
  assert.deepEqual(retired(ids), [], 'a repetition of what was retired')
  const late = new RemoteConnectionIds(id(0), 3)
  late.take(given(3, 3))
  late.take(given(1))
  assert.deepEqual(retired(late), [0, 1], 'what comes late is retired at once')
})

test('RFC 9000 section 19.15: a repetition is nothing; another meaning of a number, an ID or a token is refused', () => {
  const refusal = violates(PROTOCOL_VIOLATION, 'RFC 9000 section 19.15')
  const ids = new RemoteConnectionIds(id(0), 4)
  ids.take(given(1))
  ids.take(given(1))
  assert.throws(() => ids.take(given(1, 0, 2)), refusal)
  assert.throws(() => ids.take(given(2, 0, 1)), refusal)
  assert.throws(() => ids.take({ ...given(1), resetToken: token(9) }), refusal)
  const short = new RemoteConnectionIds(new Uint8Array(0), 4)
  assert.throws(() => short.take(given(1)), refusal)
})

test('RFC 9000 section 5.1.2: a peer that has IDs retired faster than it hears of it is stopped', () => {
  const ids = new RemoteConnectionIds(id(0), 2)
  assert.throws(
    () => {
      for (let sequence = 1; sequence < 100; sequence++) ids.take(given(sequence, sequence))
    },
    violates(CONNECTION_ID_LIMIT_ERROR, 'RFC 9000 section 5.1.2'),
  )
})

test('RFC 9000 section 10.3.1: a stateless reset is known by the token of an ID that was used', () => {
  const ids = new RemoteConnectionIds(id(0), 4)
  ids.setFirstToken(token(7))
  ids.take(given(1))
  ids.acquire()
  const datagram = (end: Uint8Array): Uint8Array => new Uint8Array([0x41, 1, 2, 3, 4, 5, ...end])
  assert.equal(ids.isStatelessReset(datagram(token(7))), true)
  assert.equal(ids.isStatelessReset(datagram(token(1))), false, 'its ID was not used')
  assert.equal(ids.isStatelessReset(token(7)), false, 'too short for any packet')
  ids.acquire()
  assert.equal(ids.isStatelessReset(datagram(token(1))), true)
})

test('100,000 frames of any kind about connection IDs, from hostile peers: a violation or nothing, and bounded memory', () => {
  const mutation = new Mutation(5)
  let refused = 0
  let remote = new RemoteConnectionIds(id(0), 4)
  let issued = local()
  issued.supply(4)
  for (let i = 0; i < 100_000; i++) {
    try {
      const sequence = mutation.below(12)
      switch (mutation.below(7)) {
        case 0:
        case 1:
          remote.take(given(sequence, mutation.below(sequence + 1), mutation.below(20) === 0 ? mutation.below(12) : sequence))
          break
        case 2:
          issued.retire(sequence, id(mutation.below(12)))
          break
        case 3:
          remote.acquire()
          break
        case 4:
          remote.frameAcknowledged(sequence)
          break
        case 5:
          remote.frameLost(sequence)
          issued.frameLost(sequence)
          break
        default:
          remote.pollRetired()
          issued.pollFrame()
      }
      assert.ok([...issued.active].length <= 8, 'no more than the peer takes')
    } catch (error) {
      if (!(error instanceof QuicViolation)) throw error
      refused++
      remote = new RemoteConnectionIds(id(0), 4)
      issued = local()
      issued.supply(4)
    }
  }
  assert.ok(refused > 1000 && refused < 60_000, `${String(refused)} refused`)
})
