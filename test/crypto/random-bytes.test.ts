import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomBytesFrom } from '../../src/crypto/random-bytes.ts'
import { seededBytes } from './bytes.ts'

test('four bytes of each integer, the highest first; the rest of the last one is thrown away', () => {
  const words = [0x01020304, 0xfffefdfc, 0x80000001]
  const random = randomBytesFrom({ uint32: () => words.shift() ?? assert.fail('too many integers') })
  assert.deepEqual([...random(6)], [1, 2, 3, 4, 0xff, 0xfe])
  assert.deepEqual([...random(0)], [])
  assert.deepEqual([...random(4)], [0x80, 0, 0, 1])
})

test('every value comes about as often as any other', () => {
  const counts = new Uint32Array(256)
  for (const byte of seededBytes('count')(256_000)) counts[byte]++
  // A thousand each, with a standard deviation of 32.
  assert.ok(Math.min(...counts) > 840 && Math.max(...counts) < 1160, `${Math.min(...counts)} to ${Math.max(...counts)}`)
})
