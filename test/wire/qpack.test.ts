import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { CompressedField } from '../../src/wire/indexing-choice.ts'
import { QpackDecoder } from '../../src/wire/qpack-decoder.ts'
import type { QpackRepresentation } from '../../src/wire/qpack-decoder.ts'
import { QpackEncoder } from '../../src/wire/qpack-encoder.ts'
import { QpackDecodeError } from '../../src/wire/qpack-error.ts'
import { QpackInstructionLayers, readFieldSection } from '../../src/wire/qpack-layer.ts'
import { seededChoice } from '../property/seeded-choice.ts'

const hexBytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
const hexText = (bytes: Uint8Array | undefined): string => (bytes === undefined ? '' : Buffer.from(bytes).toString('hex'))

function decode(decoder: QpackDecoder, stream: number, bytes: Uint8Array): CompressedField[] | number {
  const fields: CompressedField[] = []
  // Not at offset 0, so that an offset that is forgotten shows.
  const shifted = Uint8Array.of(255, 255, 255, ...bytes, 255, 255)
  const missing = decoder.decode(stream, shifted, 3, 3 + bytes.length, {
    field: (name, value, sensitive) => fields.push(sensitive ? { name, value, sensitive } : { name, value }),
  })
  if (missing > 0) assert.equal(fields.length, 0, 'nothing is told of a section that waits')
  return missing > 0 ? missing : fields
}

const inLines = (fields: CompressedField[] | number): string[] | number =>
  typeof fields === 'number' ? fields : fields.map(({ name, value }) => `${name}: ${value}`)

function refusal(act: () => unknown): QpackDecodeError {
  try {
    act()
  } catch (error) {
    assert.ok(error instanceof QpackDecodeError, String(error))
    return error
  }
  assert.fail('it was accepted')
}

describe('RFC 9204 appendix B', () => {
  const newDecoder = (): QpackDecoder => new QpackDecoder({ maxTableCapacity: 220, blockedStreams: 10 })

  test('B.1: literal field line with name reference', () => {
    const decoder = newDecoder()
    const section = '0000 510b 2f69 6e64 6578 2e68 746d 6c'
    assert.deepEqual(inLines(decode(decoder, 0, hexBytes(section))), [':path: /index.html'])
    assert.equal(decoder.takeInstructions(), undefined)
    const encoder = new QpackEncoder({ huffman: false })
    assert.equal(hexText(encoder.encode(0, [{ name: ':path', value: '/index.html' }])), section.replaceAll(' ', ''))
  })

  test('B.2 to B.5: insertions, a blocked stream, a copy, a cancelled stream, an eviction', () => {
    const decoder = newDecoder()
    // B.2, the section before the instructions that it needs.
    assert.equal(decode(decoder, 4, hexBytes('0381 10 11')), 2)
    assert.equal(decoder.blockedCount, 1)
    decoder.handle(hexBytes('3fbd01'))
    decoder.handle(hexBytes('c00f 7777 772e 6578 616d 706c 652e 636f 6d'))
    assert.deepEqual(decoder.readable, [])
    decoder.handle(hexBytes('c10c 2f73 616d 706c 652f 7061 7468'))
    assert.equal(decoder.tableSize, 106)
    assert.deepEqual(decoder.readable, [4])
    assert.deepEqual(inLines(decode(decoder, 4, hexBytes('0381 10 11'))), [':authority: www.example.com', ':path: /sample/path'])
    assert.deepEqual(decoder.readable, [])
    assert.equal(hexText(decoder.takeInstructions()), '84')
    // B.3
    decoder.handle(hexBytes('4a63 7573 746f 6d2d 6b65 790c 6375 7374 6f6d 2d76 616c 7565'))
    assert.equal(decoder.tableSize, 160)
    assert.equal(hexText(decoder.takeInstructions()), '01')
    // B.4
    assert.equal(decode(decoder, 8, hexBytes('0500 80 c1 81')), 4)
    decoder.cancel(8)
    assert.equal(hexText(decoder.takeInstructions()), '48')
    decoder.handle(hexBytes('02'))
    assert.equal(decoder.tableSize, 217)
    assert.deepEqual(inLines(decode(decoder, 8, hexBytes('0500 80 c1 81'))), [
      ':authority: www.example.com',
      ':path: /',
      'custom-key: custom-value',
    ])
    // B.5
    decoder.handle(hexBytes('810d 6375 7374 6f6d 2d76 616c 7565 32'))
    assert.equal(decoder.tableSize, 215)
    assert.equal(decoder.insertCount, 5)
    // Absolute 0 was evicted; 4 is the new one.
    assert.deepEqual(inLines(decode(decoder, 12, hexBytes('0600 80'))), ['custom-key: custom-value2'])
    assert.equal(refusal(() => decode(decoder, 16, hexBytes('0600 84'))).code, 'QPACK_DECOMPRESSION_FAILED')
  })

  test('B.2 to B.5 by the encoder: what it may refer to follows from what the decoder said', () => {
    const encoder = new QpackEncoder({ tableCapacity: 220, blockedStreams: 10, huffman: false })
    encoder.grant(220, 10)
    const section = encoder.encode(4, [{ name: ':authority', value: 'www.example.com' }])
    assert.equal(hexText(encoder.takeInstructions()), '3fbd01c00f7777772e6578616d706c652e636f6d')
    // Ours has its Base at the Required Insert Count: no index behind the Base.
    assert.equal(hexText(section), '020080')
    assert.equal(encoder.tableSize, 57)
    assert.equal(encoder.blockedCount, 1)
    encoder.handle(hexBytes('84'))
    assert.deepEqual([encoder.blockedCount, encoder.knownReceivedCount], [0, 1])
    encoder.encode(8, [{ name: 'custom-key', value: 'custom-value' }])
    assert.equal(hexText(encoder.takeInstructions()), '4a637573746f6d2d6b65790c637573746f6d2d76616c7565')
    encoder.handle(hexBytes('48'))
    assert.equal(encoder.knownReceivedCount, 1, 'a cancelled stream says nothing of what has arrived')
    encoder.handle(hexBytes('01'))
    assert.deepEqual([encoder.insertCount, encoder.knownReceivedCount], [2, 2])
  })
})

test('appendix A: the static table by its indices', () => {
  // By the RFC's numbers, at the beginning, at the end, and beside where names change.
  const entries: Readonly<Record<number, string>> = {
    0: ':authority: ',
    1: ':path: /',
    2: 'age: 0',
    15: ':method: CONNECT',
    17: ':method: GET',
    21: ':method: PUT',
    23: ':scheme: https',
    25: ':status: 200',
    31: 'accept-encoding: gzip, deflate, br',
    41: 'cache-control: public, max-age=31536000',
    44: 'content-type: application/dns-message',
    52: 'content-type: text/html; charset=utf-8',
    54: 'content-type: text/plain;charset=utf-8',
    58: 'strict-transport-security: max-age=31536000; includesubdomains; preload',
    62: 'x-xss-protection: 1; mode=block',
    63: ':status: 100',
    71: ':status: 500',
    72: 'accept-language: ',
    73: 'access-control-allow-credentials: FALSE',
    83: 'alt-svc: clear',
    85: "content-security-policy: script-src 'none'; object-src 'none'; base-uri 'none'",
    90: 'origin: ',
    95: 'user-agent: ',
    98: 'x-frame-options: sameorigin',
  }
  const decoder = new QpackDecoder({ maxTableCapacity: 0, blockedStreams: 0 })
  for (const [index, line] of Object.entries(entries)) {
    const at = Number(index)
    const bytes = at < 63 ? Uint8Array.of(0, 0, 0xc0 | at) : Uint8Array.of(0, 0, 0xff, at - 63)
    assert.deepEqual(inLines(decode(decoder, 0, bytes)), [line], index)
  }
  assert.equal(refusal(() => decode(decoder, 0, hexBytes('0000 ff24'))).cites, 'RFC 9204 section 3.1')
})

describe('what must be refused', () => {
  const DECOMPRESSION = 'QPACK_DECOMPRESSION_FAILED'
  const filled = (): QpackDecoder => {
    const decoder = new QpackDecoder({ maxTableCapacity: 100, blockedStreams: 1 })
    // Three entries of 34 bytes, of which two fit: the first has gone.
    decoder.handle(hexBytes('3f45 4161 0131 4162 0132 4163 0133'))
    return decoder
  }
  const sections: Readonly<Record<string, [string, string]>> = {
    '2.2.3: an entry that was evicted': ['0400 82', '2.2.3'],
    '2.2.3: an entry at the Required Insert Count': ['0381 12', '2.2.3'],
    '4.5.1.1: a count beyond twice the entries': ['0700', '4.5.1.1'],
    '4.5.1.2: a Base below 0': ['0484', '4.5.1.2'],
    '3.1: a static index that there is not': ['0000 ff24', '3.1'],
    'a section that ends in its prefix': ['04', '4.5'],
    'a section that ends in a string': ['0000 5105 2f', '4.5'],
    'a dynamic index where nothing of the table is needed': ['0000 80', '2.2.3'],
    'a name by a dynamic index that there is not': ['0400 43 00', '2.2.3'],
    'an integer that has no end': ['0000 ffffffffffffffffffffff01', '4.5'],
    'Huffman code that ends in wrong padding': ['0000 5181 00', '4.5'],
  }
  for (const [name, [bytes, part]] of Object.entries(sections)) {
    test(name, () => {
      const { code, cites } = refusal(() => decode(filled(), 0, hexBytes(bytes)))
      assert.deepEqual([code, cites], [DECOMPRESSION, `RFC 9204 section ${part}`])
    })
  }

  test('2.1.2: more blocked streams than are allowed', () => {
    const decoder = filled()
    assert.equal(decode(decoder, 0, hexBytes('0500 80')), 4)
    assert.equal(decode(decoder, 0, hexBytes('0500 80')), 4, 'the same stream does not count twice')
    const { code, cites } = refusal(() => decode(decoder, 4, hexBytes('0500 80')))
    assert.deepEqual([code, cites], [DECOMPRESSION, 'RFC 9204 section 2.1.2'])
    decoder.cancel(0)
    assert.equal(decoder.blockedCount, 0)
  })

  const encoderStream: Readonly<Record<string, [string, string]>> = {
    '4.3.1: a table beyond the limit': ['3f46', '4.3.1'],
    '4.3.2: a name at an index that there is not': ['82 0131', '4.3.2'],
    '4.3.2: a static name that there is not': ['ff24 0131', '3.1'],
    '4.3.4: a copy of what there is not': ['02', '4.3.4'],
    '3.2.2: an entry larger than the table': ['4161 7f00' + '31'.repeat(127), '3.2.2'],
    'an integer that has no end': ['3fffffffffffffffffffff01', '4.3'],
  }
  for (const [name, [bytes, part]] of Object.entries(encoderStream)) {
    test(name, () => {
      const decoder = filled()
      const { code, cites } = refusal(() => {
        decoder.handle(hexBytes(bytes))
      })
      assert.deepEqual([code, cites], ['QPACK_ENCODER_STREAM_ERROR', `RFC 9204 section ${part}`])
    })
  }

  test('3.2.2: nothing can be inserted before there is a capacity', () => {
    const decoder = new QpackDecoder({ maxTableCapacity: 100, blockedStreams: 1 })
    assert.equal(
      refusal(() => {
        decoder.handle(hexBytes('4161 0131'))
      }).code,
      'QPACK_ENCODER_STREAM_ERROR',
    )
  })

  test('an instruction that never ends is not kept for ever', () => {
    const decoder = new QpackDecoder({ maxTableCapacity: 100, blockedStreams: 1 })
    decoder.handle(hexBytes('4161 7fffff7f'))
    const piece = new Uint8Array(100)
    const { problem } = refusal(() => {
      for (let i = 0; i < 10; i++) decoder.handle(piece)
    })
    assert.equal(problem, 'oversized')
  })

  const decoderStream: Readonly<Record<string, [string, string]>> = {
    '4.4.1: an acknowledgment of a section that is none': ['88', '4.4.1'],
    '4.4.1: a second one for the same section': ['84 84', '4.4.1'],
    '4.4.3: an increment of 0': ['00', '4.4.3'],
    '4.4.3: more than was inserted': ['02', '4.4.3'],
    'an integer that has no end': ['3fffffffffffffffffffff01', '4.4'],
  }
  for (const [name, [bytes, part]] of Object.entries(decoderStream)) {
    test(name, () => {
      const encoder = new QpackEncoder({ blockedStreams: 1 })
      encoder.grant(1000, 1)
      encoder.encode(4, [{ name: 'a', value: '1' }])
      const { code, cites } = refusal(() => {
        encoder.handle(hexBytes(bytes))
      })
      assert.deepEqual([code, cites], ['QPACK_DECODER_STREAM_ERROR', `RFC 9204 section ${part}`])
    })
  }

  test('instructions may come cut anywhere', () => {
    const decoder = new QpackDecoder({ maxTableCapacity: 220, blockedStreams: 10 })
    const all = hexBytes(
      '3fbd01 c00f 7777772e6578616d706c652e636f6d c10c 2f73616d706c652f70617468 4a637573746f6d2d6b6579 0c637573746f6d2d76616c7565 02',
    )
    for (const octet of all) decoder.handle(Uint8Array.of(octet))
    assert.deepEqual([decoder.insertCount, decoder.tableSize], [4, 217])
  })
})

describe('2.1: what the encoder takes care of', () => {
  const field = (name: string, value: string): CompressedField => ({ name, value })

  test('2.1.2: it puts no more streams at risk than the peer bears, nor than it was told to', () => {
    for (const [own, granted, expected] of [
      [5, 2, 2],
      [2, 5, 2],
      [0, 5, 0],
    ]) {
      const encoder = new QpackEncoder({ blockedStreams: own })
      encoder.grant(4096, granted)
      for (let i = 0; i < 10; i++) encoder.encode(4 * i, [field('x', String(i))])
      assert.equal(encoder.blockedCount, expected)
      // Everything has arrived: nobody waits.
      encoder.handle(Uint8Array.of(encoder.insertCount))
      assert.equal(encoder.blockedCount, 0)
    }
  })

  test('2.1.1: what a section on its way refers to is not evicted', () => {
    const encoder = new QpackEncoder({ tableCapacity: 100, blockedStreams: 10 })
    encoder.grant(100, 10)
    const decoder = new QpackDecoder({ maxTableCapacity: 100, blockedStreams: 10 })
    const first = encoder.encode(0, [field('a', '1')])
    for (let i = 0; i < 20; i++) encoder.encode(4 + 4 * i, [field('b', String(i))])
    decoder.handle(encoder.takeInstructions() ?? new Uint8Array(0))
    assert.deepEqual(inLines(decode(decoder, 0, first)), ['a: 1'])
  })

  test('what is sensitive gets into no table, and says so', () => {
    const encoder = new QpackEncoder({ blockedStreams: 10 })
    encoder.grant(4096, 10)
    encoder.takeInstructions()
    const fields = [
      field('authorization', 'secret'),
      { name: 'x-key', value: 'secret', sensitive: true },
      { name: ':path', value: '/', sensitive: true },
    ]
    const section = encoder.encode(0, fields)
    assert.equal(encoder.takeInstructions(), undefined)
    const decoder = new QpackDecoder({ maxTableCapacity: 4096, blockedStreams: 10 })
    assert.deepEqual(
      decode(decoder, 0, section),
      fields.map((said) => ({ ...said, sensitive: true })),
    )
  })

  test('a peer that acknowledges nothing is not remembered without end', () => {
    const encoder = new QpackEncoder({ blockedStreams: 100_000 })
    encoder.grant(4096, 100_000)
    let dynamic = 0
    for (let i = 0; i < 3000; i++) if (encoder.encode(4 * i, [field('x', 'y')])[0] > 0) dynamic++
    assert.equal(dynamic, 1000)
    encoder.handle(hexBytes('80'))
    assert.equal(encoder.encode(12_000, [field('x', 'y')])[0], 2, 'goes on once something was acknowledged')
  })

  test('no grant, no table', () => {
    const encoder = new QpackEncoder({ blockedStreams: 10 })
    assert.equal(hexText(encoder.encode(0, [field('x', 'y')])).slice(0, 4), '0000')
    encoder.grant(0, 10)
    assert.equal(hexText(encoder.encode(0, [field('x', 'y')])).slice(0, 4), '0000')
    assert.equal(encoder.takeInstructions(), undefined)
  })
})

const NAMES = ['a', 'b', 'x-long-name-of-a-field', ':path', ':authority', 'cookie', 'user-agent', 'content-type']

test('1,000 conversations over streams that overtake each other: what is decoded is what was encoded', () => {
  let blocked = 0
  let dynamic = 0
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.nat(),
        capacity: fc.constantFrom(0, 64, 100, 220, 4096),
        granted: fc.constantFrom(0, 64, 220, 4096),
        blockedStreams: fc.constantFrom(0, 1, 3, 100),
        huffman: fc.boolean(),
      }),
      ({ seed, capacity, granted, blockedStreams, huffman }) => {
        const random = seededChoice(seed)
        const encoder = new QpackEncoder({ tableCapacity: capacity, blockedStreams, huffman })
        encoder.grant(granted, blockedStreams)
        const decoder = new QpackDecoder({ maxTableCapacity: granted, blockedStreams })
        /** Instructions on their way, and sections by stream, which arrive in any order. */
        let instructions: number[] = []
        let answers: number[] = []
        const sections: { stream: number; bytes: Uint8Array; fields: CompressedField[] }[] = []
        const waiting = new Map<number, { bytes: Uint8Array; fields: CompressedField[] }>()
        const read = (stream: number, bytes: Uint8Array, fields: CompressedField[]): void => {
          const found = decode(decoder, stream, bytes)
          if (typeof found === 'number') {
            blocked++
            waiting.set(stream, { bytes, fields })
            assert.ok(waiting.size <= blockedStreams, 'no more are blocked than may be')
          } else {
            assert.deepEqual(inLines(found), inLines(fields))
            waiting.delete(stream)
            if (bytes[0] > 0) dynamic++
          }
        }
        const deliver = (most: number): void => {
          const piece = Uint8Array.from(instructions.slice(0, most))
          instructions = instructions.slice(most)
          decoder.handle(piece)
          for (const stream of decoder.readable) {
            const { bytes, fields } = waiting.get(stream) ?? assert.fail('it had waited')
            read(stream, bytes, fields)
          }
          answers.push(...(decoder.takeInstructions() ?? []))
        }
        let stream = 0
        for (let step = 0; step < 40; step++) {
          switch (random(5)) {
            case 0:
            case 1: {
              const fields = Array.from({ length: random(4) }, () => ({
                name: NAMES[random(NAMES.length)],
                value: 'v'.repeat(random(3) * random(30)) + String(random(4)),
              }))
              sections.push({ stream, bytes: encoder.encode(stream, fields, random(8) > 0), fields })
              instructions.push(...(encoder.takeInstructions() ?? []))
              stream += 4
              break
            }
            case 2:
              deliver(random(40))
              break
            case 3: {
              const [next] = sections.splice(random(sections.length), 1)
              if (next !== undefined) read(next.stream, next.bytes, next.fields)
              break
            }
            default: {
              const most = random(6)
              encoder.handle(Uint8Array.from(answers.slice(0, most)))
              answers = answers.slice(most)
            }
          }
          assert.ok(encoder.blockedCount <= blockedStreams)
          assert.ok(encoder.tableSize <= Math.min(capacity, granted))
        }
        for (const next of sections) read(next.stream, next.bytes, next.fields)
        deliver(instructions.length)
        assert.equal(waiting.size, 0, 'nothing waits for ever')
        encoder.handle(Uint8Array.from(answers))
        assert.equal(encoder.blockedCount, 0)
        assert.equal(encoder.knownReceivedCount, encoder.insertCount)
        assert.deepEqual([decoder.insertCount, decoder.tableSize], [encoder.insertCount, encoder.tableSize])
      },
    ),
    { seed: 9204, numRuns: 1000 },
  )
  assert.ok(blocked > 100 && dynamic > 1000, `${String(blocked)} were blocked, ${String(dynamic)} used the table`)
})

describe('the inspector', () => {
  test('a section: its prefix, and where each line lies', () => {
    const decoder = new QpackDecoder({ maxTableCapacity: 220, blockedStreams: 10 })
    decoder.handle(hexBytes('3fbd01 c00f 7777772e6578616d706c652e636f6d'))
    const bytes = hexBytes('0280 10 c1 2361 6263 0131')
    const { fields, words, waitsFor } = readFieldSection(decoder, 0, bytes, 0, bytes.length)
    assert.equal(waitsFor, 0)
    assert.equal(words, '/')
    assert.deepEqual(
      fields.map(({ label, value, start, end }) => [label, value, start, end]),
      [
        ['Required Insert Count', '1', 0, 2],
        ['Base', '0', 0, 2],
        [':authority', 'www.example.com', 2, 3],
        [':path', '/', 3, 4],
        ['abc', '1', 4, 10],
      ],
    )
    const representation = (at: number): string | undefined =>
      fields[at].fields?.find(({ label }) => label === 'Representation')?.value
    assert.equal(representation(2), 'Indexed Field Line with Post-Base Index')
    assert.equal(representation(4), 'Literal Field Line with Literal Name')
    const kinds: QpackRepresentation[] = []
    decoder.decode(0, bytes, 0, bytes.length, {
      place: ({ representation: kind }) => kinds.push(kind),
      field: () => assert.ok(kinds.length > 0, 'the place comes first'),
    })
    assert.deepEqual(kinds, ['post-base-indexed', 'indexed', 'literal-name'])
  })

  test('a section that waits', () => {
    const decoder = new QpackDecoder({ maxTableCapacity: 220, blockedStreams: 10 })
    assert.equal(readFieldSection(decoder, 0, hexBytes('0280 10'), 0, 3).waitsFor, 1)
  })

  test('instructions in words', () => {
    const words = (stream: 'encoder' | 'decoder', text: string): string[] => {
      const layers = new QpackInstructionLayers(stream)
      const bytes = hexBytes(text)
      const said: string[] = []
      for (let at = 0; at < bytes.length;) {
        const layer = layers.next(bytes, at, bytes.length)
        if (layer === undefined) return [...said, 'not whole']
        said.push(layer.summary)
        at = layer.end
      }
      return said
    }
    assert.deepEqual(words('encoder', '3fbd01 c003 626f62 4161 0131 8001 32 02 c0'), [
      'QPACK sets the table’s capacity to 220 bytes',
      'QPACK inserts :authority: bob',
      'QPACK inserts a: 1',
      'QPACK inserts the name of entry 0: 2',
      'QPACK inserts entry 2 again',
      'not whole',
    ])
    assert.deepEqual(words('decoder', '84 48 01'), [
      'QPACK has read the fields of stream 4',
      'QPACK does not read stream 8',
      'QPACK has 1 more insertions',
    ])
  })
})
