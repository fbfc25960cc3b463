import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressWords, KeyedHash } from '../../../src/protocols/tcp/keyed-hash.ts'

/** Key and message of the paper's vectors: bytes that count up from zero. */
function word(at: number): number {
  return at | ((at + 1) << 8) | ((at + 2) << 16) | ((at + 3) << 24)
}

function reference(): KeyedHash {
  let at = 0
  return new KeyedHash(() => word(4 * at++))
}

test('SipHash-2-4: the vectors of its authors, as far as they consist of whole words', () => {
  const vectors: readonly (readonly [length: number, low: number, high: number])[] = [
    [0, 0xdd0e0e31, 0x726fdb47],
    [4, 0x277187b7, 0xcf2794e0],
    [8, 0x9a932462, 0x93f5f579],
  ]
  for (const [length, low, high] of vectors) {
    const hash = reference()
    hash.update(Array.from({ length: length / 4 }, (_, index) => word(4 * index)))
    assert.deepEqual([hash.low, hash.high], [low >>> 0, high >>> 0], `${String(length)} bytes`)
  }
})

test('every word and every bit of the key counts, and so does the number of words', () => {
  const key = [1, 2, 3, 4]
  const hashOf = (words: readonly number[], keys = key): number => {
    let at = 0
    return new KeyedHash(() => keys[at++]).update(words)
  }
  const seen = new Set([hashOf([7, 8, 9])])
  for (const words of [
    [7, 8, 10],
    [7, 9, 9],
    [8, 8, 9],
    [7, 8],
    [7, 8, 9, 0],
  ])
    seen.add(hashOf(words))
  for (let i = 0; i < 4; i++) seen.add(hashOf([7, 8, 9], key.with(i, key[i] ^ 1)))
  assert.equal(seen.size, 10)
})

test('an address of IPv6 is four words, the highest first', () => {
  assert.deepEqual(addressWords(0x0a00_0001), [0x0a00_0001])
  assert.deepEqual(addressWords(0x2001_0db8_0000_0000_0000_0000_0000_0001n), [0x2001_0db8, 0, 0, 1])
})
