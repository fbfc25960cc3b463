import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { DecodeError } from '../../src/wire/errors.ts'
import {
  applyMask,
  closeCodeName,
  decodeWebSocketHeader,
  encodeWebSocketHeader,
  headerLength,
  headerLengthFor,
  isCloseCode,
  WebSocketDecodeError,
} from '../../src/wire/websocket.ts'
import type { WebSocketHeader } from '../../src/wire/websocket.ts'
import { NOT_UTF8, utf8Text, validateUtf8 } from '../../src/wire/websocket-text.ts'
import { bytesOf } from '../crypto/bytes.ts'
import { mutants } from './mutants.ts'

function decoded(bytes: Uint8Array, start = 0): WebSocketHeader {
  const header = { isFinal: false, reserved: 0, opcode: 0, isMasked: false, mask: 0, length: 0 }
  decodeWebSocketHeader(bytes, start, header)
  return header
}

describe('RFC 6455 section 5.7: the examples', () => {
  const EXAMPLES: readonly [string, string, Partial<WebSocketHeader>, number][] = [
    ['a text in one frame', '81 05 48656c6c6f', { isFinal: true, opcode: 1, isMasked: false, length: 5 }, 2],
    ['the same, masked', '81 85 37fa213d 7f9f4d5158', { isFinal: true, opcode: 1, isMasked: true, mask: 0x37fa213d }, 6],
    ['its first fragment', '01 03 48656c', { isFinal: false, opcode: 1, length: 3 }, 2],
    ['its second fragment', '80 02 6c6f', { isFinal: true, opcode: 0, length: 2 }, 2],
    ['a Ping', '89 05 48656c6c6f', { isFinal: true, opcode: 9, length: 5 }, 2],
    ['its Pong, masked', '8a 85 37fa213d 7f9f4d5158', { isFinal: true, opcode: 10, isMasked: true, length: 5 }, 6],
    ['256 bytes', '82 7e 0100', { isFinal: true, opcode: 2, length: 256 }, 4],
    ['65,536 bytes', '82 7f 0000000000010000', { isFinal: true, opcode: 2, length: 65_536 }, 10],
  ]
  for (const [name, hex, expected, length] of EXAMPLES) {
    test(name, () => {
      const bytes = bytesOf(hex)
      const header = decoded(bytes)
      for (const [key, value] of Object.entries(expected)) assert.equal(header[key as keyof WebSocketHeader], value, key)
      assert.equal(headerLength(bytes[1]), length)
      assert.equal(headerLengthFor(header.length, header.isMasked), length)
      const encoded = new Uint8Array(length)
      const end = encodeWebSocketHeader(encoded, 0, bytes[0], header.length, header.isMasked ? header.mask : undefined)
      assert.equal(end, length)
      assert.deepEqual(encoded, bytes.slice(0, length))
    })
  }

  test('unmasking the masked one gives Hello', () => {
    const bytes = bytesOf('7f9f4d5158')
    applyMask(bytes, 0, 5, 0x37fa213d)
    assert.equal(utf8Text(bytes), 'Hello')
  })
})

describe('RFC 6455 section 5.2: lengths', () => {
  const REFUSED: readonly [string, string, number][] = [
    ['125 in two bytes', '82 7e 007d', 1002],
    ['0 in two bytes', '82 7e 0000', 1002],
    ['65,535 in eight bytes', '82 7f 000000000000ffff', 1002],
    ['5 in eight bytes', '82 7f 0000000000000005', 1002],
    ['the first bit of eight bytes', '82 7f 8000000000010000', 1002],
    ['2^53', '82 7f 0020000000000000', 1009],
  ]
  for (const [name, hex, code] of REFUSED) {
    test(`${name} is refused`, () => {
      assert.throws(
        () => decoded(bytesOf(hex)),
        (error) => error instanceof WebSocketDecodeError && error.code === code,
      )
    })
  }

  test('every length has one form, and comes back', () => {
    const length = fc.oneof(fc.nat(300), fc.integer({ min: 65_500, max: 65_600 }), fc.maxSafeNat())
    fc.assert(
      fc.property(length, fc.nat(255), fc.option(fc.integer({ min: 0, max: 2 ** 32 - 1 })), fc.nat(9), (n, first, mask, at) => {
        const bytes = new Uint8Array(at + headerLengthFor(n, mask !== null))
        assert.equal(encodeWebSocketHeader(bytes, at, first, n, mask ?? undefined), bytes.length)
        assert.equal(at + headerLength(bytes[at + 1]), bytes.length)
        assert.deepEqual(decoded(bytes, at), {
          isFinal: first >= 0x80,
          reserved: first & 0x70,
          opcode: first & 15,
          isMasked: mask !== null,
          mask: mask ?? 0,
          length: n,
        })
      }),
      { seed: 1, numRuns: 2000 },
    )
  })
})

test('RFC 6455 section 5.3: octet i is changed by octet i mod 4 of the key, wherever the bytes lie and are cut', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.nat(7),
      fc.nat(300),
      (payload, mask, offset, cut) => {
        const key = [mask >>> 24, (mask >>> 16) & 255, (mask >>> 8) & 255, mask & 255]
        const expected = payload.map((octet, i) => octet ^ key[i % 4])
        const bytes = new Uint8Array(payload.length + offset + 5).fill(0xee).subarray(offset)
        bytes.set(payload)
        const middle = Math.min(cut, payload.length)
        applyMask(bytes, 0, middle, mask)
        applyMask(bytes, middle, payload.length, mask, middle)
        assert.deepEqual(bytes.slice(0, payload.length), expected)
        assert.ok(
          bytes.subarray(payload.length).every((octet) => octet === 0xee),
          'nothing behind the payload is changed',
        )
      },
    ),
    { seed: 2, numRuns: 3000 },
  )
})

test('RFC 6455 section 7.4 and IANA: which codes Close may carry', () => {
  const allowed = (from: number, to: number): boolean[] => [from, to].map(isCloseCode)
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]) {
    assert.equal(isCloseCode(code), false, String(code))
  }
  for (const [from, to] of [
    [1000, 1003],
    [1007, 1014],
    [3000, 4999],
  ]) {
    assert.deepEqual(allowed(from, to), [true, true])
    assert.deepEqual(allowed(from - 1, to + 1), [false, false])
  }
  assert.equal(closeCodeName(1009), 'Message Too Big')
  assert.equal(closeCodeName(3000), undefined)
})

describe('text', () => {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const strict = (bytes: Uint8Array): string | undefined => {
    try {
      return decoder.decode(bytes)
    } catch (error) {
      if (error instanceof TypeError) return undefined
      throw error
    }
  }
  /** Where a strict decoder that is given one byte after the other would give up: the shortest prefix that nothing can be put behind. */
  const TAILS = ['', '80', '8080', '808080', 'a0', 'a080', '9080', '908080', 'bf', 'bfbf', 'bfbfbf', '8f8080'].map(bytesOf)
  const isHopeless = (bytes: Uint8Array): boolean => TAILS.every((tail) => strict(Uint8Array.of(...bytes, ...tail)) === undefined)

  test('every sequence of up to two bytes, and every first byte before the bounds of the others, as TextDecoder has it', () => {
    const sequences: number[][] = []
    const bounds = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff]
    for (let first = 0; first < 256; first++) {
      sequences.push([first])
      for (let second = 0; second < 256; second++) sequences.push([first, second])
      for (const second of first >= 0xc0 ? bounds : []) {
        for (const third of bounds) {
          sequences.push([first, second, third])
          if (first >= 0xef) for (const fourth of [0x7f, 0x80, 0xbf, 0xc0]) sequences.push([first, second, third, fourth])
        }
      }
    }
    for (const [i, sequence] of sequences.entries()) {
      const bytes = Uint8Array.from(sequence)
      const state = validateUtf8(bytes, 0, bytes.length, 0)
      const expected = strict(bytes)
      if ((state === 0) !== (expected !== undefined)) assert.fail(sequence.join(' '))
      if (expected !== undefined) assert.equal(utf8Text(bytes), expected)
      else if (i % 23 === 0) assert.equal(state === NOT_UTF8, isHopeless(bytes), `fails as soon as it can: ${sequence.join(' ')}`)
    }
  })

  test('cut anywhere it is judged alike', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.array(fc.nat(10), { minLength: 1 }), (text, lengths) => {
        const bytes = new TextEncoder().encode(text)
        let state = 0
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const end = Math.min(bytes.length, at + 1 + lengths[i % lengths.length])
          state = validateUtf8(bytes, at, end, state)
          assert.notEqual(state, NOT_UTF8)
          at = end
        }
        assert.equal(state, 0)
        assert.equal(utf8Text(bytes), decoder.decode(bytes))
      }),
      { seed: 3, numRuns: 1000 },
    )
  })

  test('a long text', () => {
    const text = 'Grüße, 世界 🌍. '.repeat(5000)
    assert.equal(utf8Text(new TextEncoder().encode(text)), text)
  })
})

test('100,000 mutated headers: a header that is encoded to the same bytes, or a DecodeError', () => {
  const seeds = ['8105', '818537fa213d', '827e0100', '82fe010012345678', '827f0000000000010000', '82ff0000000000010000aabbccdd']
  let refused = 0
  const all = seeds.map(bytesOf)
  for (const mutant of mutants(all, 100_000, 'websocket headers')) {
    if (mutant.length < 2 || mutant.length < headerLength(mutant[1])) continue
    try {
      const header = decoded(mutant)
      const again = new Uint8Array(headerLength(mutant[1]))
      encodeWebSocketHeader(again, 0, mutant[0], header.length, header.isMasked ? header.mask : undefined)
      assert.deepEqual(again, mutant.slice(0, again.length))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      refused++
    }
  }
  assert.ok(refused > 1000, `${String(refused)} were refused`)
})
