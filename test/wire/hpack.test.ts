import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { DecodeError } from '../../src/wire/errors.ts'
import { HpackDecoder, HpackEncoder } from '../../src/wire/hpack.ts'
import type { HpackRepresentation } from '../../src/wire/hpack.ts'
import type { CompressedField } from '../../src/wire/indexing-choice.ts'
import { seededChoice } from '../property/seeded-choice.ts'

const hexBytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
const hexText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const fieldsOf = (text: string): CompressedField[] =>
  text
    .trim()
    .split('\n')
    .map((line) => {
      const [, name, value] = /^\s*(:?[^:]+): (.*)$/.exec(line) ?? []
      return { name, value }
    })

function decode(decoder: HpackDecoder, bytes: Uint8Array): CompressedField[] {
  const fields: CompressedField[] = []
  // Not at offset 0, so that an offset that is forgotten shows.
  const shifted = Uint8Array.of(255, 255, 255, ...bytes, 255, 255)
  decoder.decode(shifted, 3, 3 + bytes.length, {
    field: (name, value, sensitive) => fields.push(sensitive ? { name, value, sensitive } : { name, value }),
  })
  return fields
}

const refusal = (bytes: string, prepare?: (decoder: HpackDecoder) => void): DecodeError => {
  const decoder = new HpackDecoder()
  prepare?.(decoder)
  try {
    decode(decoder, hexBytes(bytes))
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error))
    return error
  }
  assert.fail(`${bytes} was accepted`)
}

describe('RFC 7541 appendix C.1: integers', () => {
  // The size of a table has a prefix of five bits, like the examples.
  test('C.1.1: 10, C.1.2: 1337', () => {
    const sizes: number[] = []
    const decoder = new HpackDecoder()
    const block = hexBytes('2a 3f9a0a')
    decoder.decode(block, 0, block.length, {
      field: () => assert.fail('no field is here'),
      place: ({ representation, index }) => {
        assert.equal(representation, 'size-update')
        sizes.push(index)
      },
    })
    assert.deepEqual(sizes, [10, 1337])
    const encoder = new HpackEncoder({ tableSize: 1337 })
    assert.equal(hexText(encoder.encode([])), '3f9a0a')
  })
})

describe('RFC 7541 appendix C.2: representations', () => {
  const CASES: readonly [string, CompressedField, string, HpackRepresentation][] = [
    [
      'C.2.1',
      { name: 'custom-key', value: 'custom-header' },
      '400a637573746f6d2d6b65790d637573746f6d2d686561646572',
      'incremental-indexing',
    ],
    ['C.2.2', { name: ':path', value: '/sample/path' }, '040c2f73616d706c652f70617468', 'without-indexing'],
    ['C.2.3', { name: 'password', value: 'secret', sensitive: true }, '100870617373776f726406736563726574', 'never-indexed'],
    ['C.2.4', { name: ':method', value: 'GET' }, '82', 'indexed'],
  ]
  for (const [section, field, bytes, representation] of CASES) {
    test(section, () => {
      assert.equal(hexText(new HpackEncoder({ huffman: false }).encode([field])), bytes)
      const decoder = new HpackDecoder()
      assert.deepEqual(decode(decoder, hexBytes(bytes)), [field])
      assert.equal(decoder.tableSize, representation === 'incremental-indexing' ? 55 : 0)
      const block = hexBytes(bytes)
      new HpackDecoder().decode(block, 0, block.length, {
        field: () => undefined,
        place: (place) => {
          assert.deepEqual([place.representation, place.start, place.end], [representation, 0, block.length])
        },
      })
    })
  }
})

const REQUESTS = [
  ':method: GET\n:scheme: http\n:path: /\n:authority: www.example.com',
  ':method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\ncache-control: no-cache',
  ':method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\ncustom-key: custom-value',
]
const RESPONSES = [
  ':status: 302\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\nlocation: https://www.example.com',
  ':status: 307\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\nlocation: https://www.example.com',
  `:status: 200
cache-control: private
date: Mon, 21 Oct 2013 20:13:22 GMT
location: https://www.example.com
content-encoding: gzip
set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1`,
]

describe('RFC 7541 appendix C.3 to C.6: blocks that follow each other', () => {
  const CASES = [
    {
      section: 'C.3: requests',
      huffman: false,
      tableSize: 4096,
      texts: REQUESTS,
      sizes: [57, 110, 164],
      blocks: [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '8286 84be 5808 6e6f 2d63 6163 6865',
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      ],
    },
    {
      section: 'C.4: requests in the Huffman code',
      huffman: true,
      tableSize: 4096,
      texts: REQUESTS,
      sizes: [57, 110, 164],
      blocks: [
        '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
        '8286 84be 5886 a8eb 1064 9cbf',
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      ],
    },
    {
      section: 'C.5: responses, in a table of 256 bytes',
      huffman: false,
      tableSize: 256,
      texts: RESPONSES,
      sizes: [222, 222, 215],
      blocks: [
        `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32
         3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
        '4803 3330 37c1 c0bf',
        `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970
         7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61
         6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
      ],
    },
    {
      section: 'C.6: responses in the Huffman code, in a table of 256 bytes',
      huffman: true,
      tableSize: 256,
      texts: RESPONSES,
      sizes: [222, 222, 215],
      blocks: [
        `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad
         1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
        '4883 640e ffc1 c0bf',
        `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2
         e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
      ],
    },
  ]
  for (const { section, huffman, tableSize, texts, sizes, blocks } of CASES) {
    test(section, () => {
      const encoder = new HpackEncoder({ huffman, tableSize })
      const decoder = new HpackDecoder()
      if (tableSize !== 4096) {
        // The examples leave out the change of the size, which was agreed on before.
        assert.equal(hexText(encoder.encode([])), '3fe101')
        assert.deepEqual(decode(decoder, hexBytes('3fe101')), [])
      }
      texts.forEach((text, i) => {
        const block = hexBytes(blocks[i])
        const fields = fieldsOf(text)
        assert.equal(hexText(encoder.encode(fields)), hexText(block))
        assert.deepEqual(decode(decoder, block), fields)
        assert.equal(encoder.tableSize, sizes[i])
        assert.equal(decoder.tableSize, sizes[i])
      })
    })
  }
})

describe('RFC 7541, what is refused', () => {
  test('section 2.3.3: an index beyond both tables', () => {
    assert.match(refusal('be').message, /index 62 in a table of 61/)
    assert.match(refusal('7f0000').message, /index 63/)
  })

  test('section 6.1: the index 0', () => {
    assert.match(refusal('80').message, /index 0/)
  })

  test('section 5.1: an integer without an end, and one without bounds', () => {
    assert.equal(refusal('ff').problem, 'truncated')
    assert.equal(refusal('ff8080').problem, 'truncated')
    assert.equal(refusal('ffffffffffff0f').problem, 'oversized')
    assert.equal(refusal('ff80808080808000').problem, 'oversized')
  })

  test('section 5.2: a string beyond the block', () => {
    assert.equal(refusal('0005616263').problem, 'truncated')
    assert.equal(refusal('00').problem, 'truncated')
  })

  test('section 5.2: padding longer than 7 bits, padding that is not of set bits, EOS', () => {
    // '/' is 011000; each of these is one literal value behind ':path'.
    assert.deepEqual(decode(new HpackDecoder(), hexBytes('048163')), [{ name: ':path', value: '/' }])
    assert.match(refusal('048263ff').message, /padding/)
    assert.match(refusal('048160').message, /padding/)
    assert.match(refusal('0484ffffffff').message, /Huffman/)
    assert.match(refusal('0485ffffffffff').message, /Huffman/)
  })

  test('section 4.2: a change of the size behind a field, and one over the limit', () => {
    assert.match(refusal('8220').message, /behind a field/)
    assert.match(refusal('3fe21f').message, /over the limit of 4096/)
    assert.deepEqual(decode(new HpackDecoder(), hexBytes('3fe11f 20 82')), [{ name: ':method', value: 'GET' }])
  })

  test('section 4.2: a table that was to shrink, and does not', () => {
    const shrink = (decoder: HpackDecoder): void => {
      decoder.setLimit(100)
    }
    assert.match(refusal('82', shrink).message, /was to shrink/)
    const decoder = new HpackDecoder()
    shrink(decoder)
    assert.deepEqual(decode(decoder, hexBytes('3f4582')), [{ name: ':method', value: 'GET' }])
    assert.deepEqual(decode(decoder, hexBytes('82')), [{ name: ':method', value: 'GET' }])
  })
})

describe('the dynamic table, RFC 7541 section 4', () => {
  test('4.4: an entry larger than the table empties it, and is still a field', () => {
    const decoder = new HpackDecoder()
    decode(decoder, hexBytes('3f21 40016101 62'))
    assert.equal(decoder.tableSize, 34)
    const long = `4001617f ${(130 - 127).toString(16).padStart(2, '0')} ${'63'.repeat(130)}`
    assert.equal(decode(decoder, hexBytes(long))[0].value.length, 130)
    assert.equal(decoder.tableSize, 0)
  })

  test('4.4: a name may come from the entry that it evicts', () => {
    const decoder = new HpackDecoder()
    // A table of 40 bytes has room for one such entry.
    decode(decoder, hexBytes('3f09 400378797a0131'))
    assert.deepEqual(decode(decoder, hexBytes('7e0132')), [{ name: 'xyz', value: '2' }])
    assert.deepEqual(decode(decoder, hexBytes('be')), [{ name: 'xyz', value: '2' }])
  })

  test('4.2: smaller and larger again between two blocks: both are said', () => {
    const encoder = new HpackEncoder()
    encoder.encode([{ name: 'a', value: 'b' }])
    encoder.setLimit(0)
    encoder.setLimit(4096)
    assert.equal(hexText(encoder.encode([])), '203fe11f')
    assert.equal(encoder.tableSize, 0)
    assert.equal(hexText(encoder.encode([])), '')
  })

  test('a peer that grants nothing gets no index of the table', () => {
    const encoder = new HpackEncoder({ huffman: false })
    encoder.setLimit(0)
    const fields = [{ name: 'x-a', value: 'b' }]
    assert.equal(hexText(encoder.encode(fields)), '200003782d610162')
    assert.equal(hexText(encoder.encode(fields)), '0003782d610162')
  })

  test('7.1.3: what is secret is never put into a table', () => {
    const encoder = new HpackEncoder()
    const fields = [
      { name: 'authorization', value: 'Basic c2VjcmV0' },
      { name: 'cookie', value: 'short=1' },
    ]
    const block = encoder.encode(fields)
    assert.equal(encoder.tableSize, 0)
    assert.deepEqual(
      decode(new HpackDecoder(), block),
      fields.map((field) => ({ ...field, sensitive: true })),
    )
  })
})

describe('any fields, any bytes', () => {
  const octets = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 60 })
  const name = fc.oneof(fc.constantFrom('date', 'x-custom', ':path', 'cookie', 'accept'), octets)

  const pair = ({ name, value }: CompressedField): [string, string] => [name, value]

  test('what goes in comes out, whatever happens to the tables', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ limit: fc.option(fc.integer({ min: 0, max: 300 })), fields: fc.array(fc.record({ name, value: octets })) }),
        ),
        fc.boolean(),
        (blocks, huffman) => {
          const encoder = new HpackEncoder({ huffman })
          const decoder = new HpackDecoder()
          for (const { limit, fields } of blocks) {
            if (limit !== null) {
              encoder.setLimit(limit)
              decoder.setLimit(limit)
            }
            const back = decode(decoder, encoder.encode(fields))
            assert.deepEqual(back.map(pair), fields.map(pair))
            assert.equal(decoder.tableSize, encoder.tableSize)
          }
        },
      ),
      { seed: 7541, numRuns: 500 },
    )
  })

  test('100,000 blocks, valid ones bent and mere noise: fields or a DecodeError, in a table within its bounds', () => {
    const random = seededChoice(7541)
    const valid = [...REQUESTS, ...RESPONSES].map((text) => new HpackEncoder().encode(fieldsOf(text)))
    let refused = 0
    let decoder = new HpackDecoder()
    for (let i = 0; i < 100_000; i++) {
      let block: Uint8Array
      if (i % 4 === 0) block = Uint8Array.from({ length: random(40) }, () => random(256))
      else {
        block = valid[random(valid.length)].slice(0, 1 + random(120))
        for (let changes = random(4); changes > 0; changes--) block[random(block.length)] = random(256)
      }
      let total = 0
      try {
        decoder.decode(block, 0, block.length, {
          field: (name, value) => {
            total += name.length + value.length
          },
        })
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        refused++
        decoder = new HpackDecoder()
      }
      assert.ok(decoder.tableSize <= 4096, `a table of ${String(decoder.tableSize)} bytes`)
      // An octet of the block gives at most an entry of the table.
      assert.ok(total <= block.length * 4096, `${String(total)} bytes from ${String(block.length)}`)
    }
    assert.ok(refused > 20_000 && refused < 95_000, `${String(refused)} were refused`)
  })
})
