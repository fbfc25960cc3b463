import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { finish, pseudoHeaderSum, sum, updateChecksum } from '../../src/wire/checksum.ts'

/** RFC 1071 section 4.1, word for word. */
function naive(bytes: Uint8Array, start: number, end: number, initial: number): number {
  let total = initial
  for (let at = start; at < end; at += 2) total += bytes[at] * 256 + (at + 1 < end ? bytes[at + 1] : 0)
  while (total > 0xffff) total = (total % 0x1_0000) + Math.floor(total / 0x1_0000)
  return total
}

function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = seed
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

test('RFC 1071 section 3: the numerical example', () => {
  const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7)
  assert.equal(sum(bytes, 0, 8), 0xddf2)
  assert.equal(finish(sum(bytes, 0, 8)), 0x220d)
})

test('every alignment of beginning and end, in buffers of every uneven length, equals adding byte by byte', () => {
  for (const bufferLength of [400, 401, 402, 403]) {
    const all = noise(bufferLength, bufferLength)
    for (let offset = 0; offset < 8; offset++) {
      const view = all.subarray(offset)
      for (let start = 0; start < 8; start++) {
        for (let cut = 0; cut < 8; cut++) {
          const end = view.length - cut
          assert.equal(
            sum(view, start, end),
            naive(view, start, end, 0),
            `${String(bufferLength)} ${String([offset, start, end])}`,
          )
        }
      }
    }
  }
})

test('every length from 0 to 300 at every alignment', () => {
  const all = noise(320, 7)
  for (let start = 0; start < 4; start++) {
    for (let length = 0; length <= 300; length++) {
      assert.equal(sum(all, start, start + length), naive(all, start, start + length, 0), String([start, length]))
    }
  }
})

test('any bytes at any place, with any sum to go on from', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 2000 }),
      fc.nat(9),
      fc.nat(9),
      fc.nat(9),
      fc.nat(2 ** 30),
      (bytes, offset, skip, cut, initial) => {
        const holder = new Uint8Array(offset + bytes.length + 3)
        const view = holder.subarray(offset, offset + bytes.length)
        view.set(bytes)
        const start = Math.min(skip, bytes.length)
        const end = Math.max(start, bytes.length - cut)
        assert.equal(sum(view, start, end, initial), naive(bytes, start, end, initial))
      },
    ),
    { seed: 1071, numRuns: 2000 },
  )
})

test('a range of all ones and far more words than one round adds does not overflow', () => {
  const bytes = new Uint8Array(1_000_003).fill(0xff)
  for (const start of [0, 1, 2, 3]) assert.equal(sum(bytes, start, bytes.length), naive(bytes, start, bytes.length, 0))
})

test('frames of two buffers in turn, and of one that has changed since, are read as they are', () => {
  const a = noise(1500, 1)
  const b = noise(1501, 2)
  for (let round = 0; round < 4; round++) {
    a[700] = round * 50
    assert.equal(sum(a, 2, 1500), naive(a, 2, 1500, 0))
    assert.equal(sum(b, 1, 1501), naive(b, 1, 1501, 0))
  }
})

test('RFC 1071 section 2 (A): a range may be summed in parts of even length', () => {
  const bytes = noise(1001, 3)
  for (const middle of [0, 2, 128, 500, 1000]) {
    assert.equal(sum(bytes, middle, 1001, sum(bytes, 0, middle)), sum(bytes, 0, 1001))
  }
})

test('RFC 768: the pseudo-header is addresses, zero, protocol and length', () => {
  const bytes = Uint8Array.of(192, 168, 1, 2, 10, 255, 254, 253, 0, 17, 0x12, 0x34)
  const asSum = finish(pseudoHeaderSum(0xc0a80102, 0x0afffefd, 17, 0x1234))
  assert.equal(asSum, finish(sum(bytes, 0, 12)))
})

test('RFC 1624 section 4: the example on which RFC 1141 fails', () => {
  assert.equal(updateChecksum(0xdd2f, 0x5555, 0x3285), 0x0000)
})

test('RFC 1624: updating equals computing anew, whichever word changes', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 20, maxLength: 20 }),
      fc.constantFrom(0, 2, 4, 6, 8, 12, 14, 16, 18),
      fc.nat(0xffff),
      (header, at, word) => {
        header[0] |= 0x40
        header[10] = header[11] = 0
        const before = finish(sum(header, 0, 20))
        const old = header[at] * 256 + header[at + 1]
        header[at] = word >>> 8
        header[at + 1] = word
        // A header of nothing but zeros has two checksums; no IP header is one.
        fc.pre(header.some((byte) => byte !== 0))
        assert.equal(updateChecksum(before, old, word), finish(sum(header, 0, 20)))
      },
    ),
    { seed: 1624, numRuns: 5000 },
  )
})
