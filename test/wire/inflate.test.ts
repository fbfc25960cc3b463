import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { DecodeError } from '../../src/wire/errors.ts'
import { inflate } from '../../src/wire/inflate.ts'
import { bytesOf, seededBytes } from '../crypto/bytes.ts'
import { mutants } from './mutants.ts'

const NOTHING = new Uint8Array(0)
const WINDOW = 0x8000

function inflated(bytes: Uint8Array, history = NOTHING, limit = 1 << 22, window = WINDOW): Uint8Array {
  return inflate(bytes, 0, bytes.length, history, window, limit)
}

function problem(bytes: Uint8Array, history = NOTHING, limit = 1 << 22, window = WINDOW): string {
  try {
    inflated(bytes, history, limit, window)
    return 'none'
  } catch (error) {
    if (error instanceof DecodeError) return error.problem
    throw error
  }
}

/** Bytes as words are: some of them come often, and again. */
function prose(length: number): Uint8Array {
  const random = seededBytes('prose')
  const words = Array.from({ length: 200 }, () => Buffer.from(random(1 + (random(1)[0] % 9))).toString('hex'))
  let text = ''
  while (text.length < length) text += `${words[random(1)[0] % 200]} `
  return new Uint8Array(Buffer.from(text.slice(0, length)))
}

describe('what zlib compresses', () => {
  const INPUTS: readonly [string, Uint8Array][] = [
    ['nothing', NOTHING],
    ['one byte', Uint8Array.of(7)],
    ['prose', prose(100_000)],
    ['noise', seededBytes('noise')(70_000)],
    ['zeros', new Uint8Array(300_000)],
    ['all bytes', Uint8Array.from({ length: 4096 }, (_, i) => (i * 7) & 255)],
  ]
  const STRATEGIES = ['Z_DEFAULT_STRATEGY', 'Z_FILTERED', 'Z_HUFFMAN_ONLY', 'Z_RLE', 'Z_FIXED'] as const
  for (const [name, input] of INPUTS) {
    test(`${name}, by every strategy and level, flushed or ended`, () => {
      for (const strategy of STRATEGIES) {
        for (const level of [0, 1, 6, 9]) {
          for (const finishFlush of [constants.Z_SYNC_FLUSH, constants.Z_FINISH]) {
            const options = { strategy: constants[strategy], level, finishFlush }
            const bytes = new Uint8Array(deflateRawSync(input, options))
            assert.deepEqual(inflated(bytes), input, `${strategy} ${String(level)}`)
          }
        }
      }
    })
  }

  test('with what went before as a dictionary', () => {
    const all = prose(60_000)
    const before = all.slice(0, 32_768)
    const after = all.slice(20_000, 60_000)
    const bytes = new Uint8Array(deflateRawSync(after, { dictionary: before, finishFlush: constants.Z_SYNC_FLUSH }))
    assert.deepEqual(inflated(bytes, before), after)
    assert.equal(problem(bytes), 'invalid', 'without it the distances go back too far')
  })

  test('within a smaller window: one that is too small is noticed', () => {
    const input = prose(50_000)
    for (const windowBits of [9, 10, 12, 14]) {
      const bytes = new Uint8Array(deflateRawSync(input, { windowBits, finishFlush: constants.Z_SYNC_FLUSH }))
      assert.deepEqual(inflated(bytes, NOTHING, 1 << 22, 1 << windowBits), input)
      assert.equal(problem(bytes, NOTHING, 1 << 22, 1 << (windowBits - 2)), 'invalid')
    }
  })
})

describe('what is refused', () => {
  const CASES: readonly [string, string, string][] = [
    ['a block of type 3', '07', 'invalid'],
    ['a stored block whose length contradicts itself', '00 0500 0500 48656c6c6f', 'invalid'],
    ['a stored block that is cut off', '00 0500 faff 4865', 'truncated'],
    ['a fixed block that is cut off', 'f248', 'truncated'],
    ['a dynamic block with 287 literals', 'fd ff ff ff ff', 'invalid'],
    ['a dynamic block whose codes are all empty', '04 00 00 00 00 00 00', 'invalid'],
  ]
  for (const [name, hex, expected] of CASES) test(name, () => assert.equal(problem(bytesOf(hex)), expected))

  test('more than may come out: the output never grows beyond the limit', () => {
    const bomb = new Uint8Array(deflateRawSync(new Uint8Array(50_000_000), { finishFlush: constants.Z_SYNC_FLUSH }))
    assert.ok(bomb.length < 60_000, `${String(bomb.length)} bytes make 50 MB`)
    assert.equal(problem(bomb, NOTHING, 10_000), 'oversized')
    assert.equal(problem(new Uint8Array(deflateRawSync(new Uint8Array(1000))), NOTHING, 999), 'oversized')
    assert.equal(problem(new Uint8Array(deflateRawSync(new Uint8Array(1000))), NOTHING, 1000), 'none')
    assert.equal(problem(new Uint8Array(deflateRawSync(new Uint8Array(1000), { level: 0 })), NOTHING, 999), 'oversized')
  })
})

test('100,000 mutated inputs: what zlib makes of them, or a DecodeError', () => {
  const short = prose(120)
  const seeds = [
    deflateRawSync(short),
    deflateRawSync(short, { strategy: constants.Z_FIXED }),
    deflateRawSync(short, { level: 0 }),
    deflateRawSync(prose(300), { level: 9 }),
    deflateRawSync(new Uint8Array(500)),
  ].map((bytes) => new Uint8Array(bytes))
  let refused = 0
  let compared = 0
  let i = 0
  for (const mutant of mutants(seeds, 100_000, 'inflate')) {
    let mine: Uint8Array | undefined
    try {
      mine = inflated(mutant, NOTHING, 10_000)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      refused++
    }
    // zlib stops behind a last block, and this goes on: only what neither of them gives up on can be compared.
    if (mine === undefined || i++ % 8 !== 0) continue
    let theirs: Uint8Array
    try {
      theirs = new Uint8Array(inflateRawSync(mutant, { finishFlush: constants.Z_SYNC_FLUSH }))
    } catch (error) {
      throw new Error(`zlib refuses ${Buffer.from(mutant).toString('hex')}`, { cause: error })
    }
    assert.deepEqual(mine.subarray(0, theirs.length), theirs)
    compared++
  }
  assert.ok(refused > 10_000 && compared > 1000, `${String(refused)} were refused, ${String(compared)} compared`)
})
