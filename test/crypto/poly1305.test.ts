import assert from 'node:assert/strict'
import { test } from 'node:test'
import { computePoly1305 } from '../../src/crypto/poly1305.ts'
import { randomStream } from '../../src/kernel/random.ts'
import { bytesOf, hexOf } from './bytes.ts'

function tagOf(key: Uint8Array, message: Uint8Array): string | undefined {
  const tag = new Uint32Array(4)
  const words = (bytes: Uint8Array): Int32Array => new Int32Array(bytes.slice().buffer)
  computePoly1305(words(key), words(message), message.length / 4, tag)
  return hexOf(new Uint8Array(tag.buffer))
}

/** A little-endian number. */
function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex') || '0'}`)
}

/** RFC 8439 section 2.5.1 as it stands there. */
function reference(key: Uint8Array, message: Uint8Array): string {
  const r = numberOf(key.subarray(0, 16)) & 0x0fff_fffc_0fff_fffc_0fff_fffc_0fff_ffffn
  const p = (1n << 130n) - 5n
  let sum = 0n
  for (let at = 0; at < message.length; at += 16) sum = ((sum + numberOf(message.subarray(at, at + 16)) + (1n << 128n)) * r) % p
  const tag = (sum + numberOf(key.subarray(16))) % (1n << 128n)
  return Buffer.from(tag.toString(16).padStart(32, '0'), 'hex').reverse().toString('hex')
}

/** Digits, filled up with zeros to a block. */
const block = (digits: string): string => digits.padEnd(32, '0')

test('RFC 8439 appendix A.3: where carries go over the modulus', () => {
  for (const [r, s, message, tag] of [
    ['02', '', 'ff'.repeat(16), '03'],
    ['02', 'ff'.repeat(16), block('02'), '03'],
    ['01', '', `${'ff'.repeat(16)}f0${'ff'.repeat(15)}${block('11')}`, '05'],
    ['01', '', `${'ff'.repeat(16)}fb${'fe'.repeat(15)}${'01'.repeat(16)}`, ''],
    ['02', '', `fd${'ff'.repeat(15)}`, `fa${'ff'.repeat(15)}`],
    [
      '010000000000000004',
      '',
      `${block('e33594d7505e43b9')}${block('3394d7505e4379cd01')}${block('')}${block('01')}`,
      '140000000000000055',
    ],
    ['010000000000000004', '', `${block('e33594d7505e43b9')}${block('3394d7505e4379cd01')}${block('')}`, '13'],
  ] as const)
    assert.equal(tagOf(bytesOf(block(r) + block(s)), bytesOf(message)), block(tag))
})

test('any key and message: the tag is what the definition says, as are those of bytes at their limits', () => {
  const random = randomStream(1, 'poly1305')
  for (let i = 0; i < 3000; i++) {
    const extreme = i % 3
    const byte = (): number => (extreme === 0 || random.below(4) === 0 ? random.below(256) : extreme === 1 ? 0xff : 0)
    const key = Uint8Array.from({ length: 32 }, byte)
    const message = Uint8Array.from({ length: 16 * random.below(12) }, byte)
    assert.equal(tagOf(key, message), reference(key, message))
  }
})
