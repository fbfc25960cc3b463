import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodeText } from '../../src/wire/asn1-text.ts'
import { readTime, timeText } from '../../src/wire/asn1-time.ts'
import {
  der,
  derBitString,
  derBoolean,
  derInteger,
  derNamedBits,
  derNull,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  derTime,
  derUtf8String,
} from '../../src/wire/asn1-writer.ts'
import { Asn1Tag, contextTag, DerReader } from '../../src/wire/asn1.ts'
import { DecodeError, type DecodeProblem } from '../../src/wire/errors.ts'

function bytesOf(hexadecimal: string): Uint8Array {
  return new Uint8Array(Buffer.from(hexadecimal.replace(/\s/g, ''), 'hex'))
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function reader(hexadecimal: string): DerReader {
  return new DerReader(bytesOf(hexadecimal))
}

function refuses(hexadecimal: string, problem: DecodeProblem, read: (from: DerReader) => unknown): void {
  assert.throws(
    () => read(reader(hexadecimal)),
    (error) => error instanceof DecodeError && error.problem === problem,
    hexadecimal,
  )
}

describe('X.690 clause 8.1.3 and 10.1: lengths', () => {
  test('short and long, and where the value lies', () => {
    assert.deepEqual(reader('0400').next(), { tag: 4, start: 0, contentStart: 2, end: 2 })
    assert.deepEqual(reader(`047f${'00'.repeat(127)}`).next(), { tag: 4, start: 0, contentStart: 2, end: 129 })
    assert.deepEqual(reader(`048180${'00'.repeat(128)}`).next(), { tag: 4, start: 0, contentStart: 3, end: 131 })
    assert.deepEqual(reader(`04820100${'00'.repeat(256)}ff`).next(), { tag: 4, start: 0, contentStart: 4, end: 260 })
  })

  test('what is written is read: lengths about each boundary', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
      const content = new Uint8Array(length).fill(7)
      const written = derOctetString(content)
      const from = new DerReader(written)
      assert.equal(from.content(Asn1Tag.OCTET_STRING).length, length)
      assert.ok(from.isAtEnd, `bytes are left after ${length}`)
    }
  })

  test('only the shortest way, and none that comes later', () => {
    refuses('048100', 'invalid', (from) => from.next())
    refuses(`04817f${'00'.repeat(127)}`, 'invalid', (from) => from.next())
    refuses(`04820080${'00'.repeat(128)}`, 'invalid', (from) => from.next())
    refuses('0480010000', 'invalid', (from) => from.next())
    refuses('0485000000000100', 'oversized', (from) => from.next())
    refuses('04ff00', 'oversized', (from) => from.next())
  })

  test('what is cut off', () => {
    for (const bytes of ['', '04', '0401', '0481', '048201', '04820100', '30020401']) {
      refuses(bytes, 'truncated', (from) => from.inside(from.next()).next())
    }
    refuses('0484ffffffff00', 'truncated', (from) => from.next())
  })

  test('a value does not reach beyond the one around it', () => {
    refuses('300304020000', 'truncated', (from) => from.enter(Asn1Tag.SEQUENCE).next())
  })
})

describe('tags and nesting', () => {
  test('another tag, or one above 30, is refused', () => {
    refuses('0400', 'invalid', (from) => from.next(Asn1Tag.INTEGER))
    refuses('1f8100', 'unsupported', (from) => from.next())
  })

  test('context-specific tags', () => {
    assert.equal(contextTag(0, 'constructed'), 0xa0)
    assert.equal(contextTag(2, 'primitive'), 0x82)
  })

  test('values are as deep as certificates need, and no deeper', () => {
    let bytes = derNull()
    for (let depth = 0; depth < 40; depth++) bytes = derSequence(bytes)
    let from = new DerReader(bytes)
    for (let depth = 0; depth < 20; depth++) from = from.enter(Asn1Tag.SEQUENCE)
    assert.throws(
      () => {
        for (;;) from = from.enter(Asn1Tag.SEQUENCE)
      },
      (error) => error instanceof DecodeError && error.problem === 'oversized',
    )
  })

  test('bytes behind the last value are noticed', () => {
    const from = reader('020101ff')
    from.integer()
    assert.throws(() => {
      from.finish()
    }, DecodeError)
  })

  test('a reader of a part has offsets of the whole', () => {
    const from = new DerReader(bytesOf('ffff 3003 020105 ffff'), 2, 7)
    assert.deepEqual(from.enter(Asn1Tag.SEQUENCE).next(), { tag: 2, start: 4, contentStart: 6, end: 7 })
    assert.ok(from.isAtEnd, 'the reader ends where it was told to')
  })
})

describe('types', () => {
  test('X.690 clause 8.3: integers', () => {
    const vectors: readonly (readonly [string, bigint])[] = [
      ['020100', 0n],
      ['02017f', 127n],
      ['02020080', 128n],
      ['0203010000', 65_536n],
      ['0209 00ffffffffffffffff', 0xffff_ffff_ffff_ffffn],
    ]
    for (const [bytes, value] of vectors) {
      assert.equal(reader(bytes).integer(), value)
      assert.equal(hexOf(derInteger(value)), bytes.replace(/ /g, ''))
    }
    assert.equal(reader('0201ff').integer(), -1n)
    assert.equal(reader('02020080').integer(), 128n)
    assert.equal(reader('0202ff7f').integer(), -129n)
  })

  test('X.690 clause 8.3.2: integers are as short as can be', () => {
    for (const bytes of ['0200', '02020000', '0202007f', '0202ff80', '0203ffffff']) {
      refuses(bytes, 'invalid', (from) => from.integer())
    }
    refuses(`02820802 01${'00'.repeat(2049)}`, 'oversized', (from) => from.integer())
  })

  test('small integers keep within their bounds', () => {
    assert.equal(reader('020105').smallInteger(5), 5)
    refuses('020106', 'invalid', (from) => from.smallInteger(5))
    refuses('0201ff', 'invalid', (from) => from.smallInteger(5))
  })

  test('X.690 clause 11.1: booleans', () => {
    assert.deepEqual([reader('010100').boolean(), reader('0101ff').boolean()], [false, true])
    assert.deepEqual([hexOf(derBoolean(false)), hexOf(derBoolean(true))], ['010100', '0101ff'])
    for (const bytes of ['010101', '0100', '01020000']) refuses(bytes, 'invalid', (from) => from.boolean())
  })

  test('X.690 clause 8.19: object identifiers', () => {
    const vectors: readonly (readonly [string, string])[] = [
      ['06032a8648', '1.2.840'],
      ['06092a864886f70d01010b', '1.2.840.113549.1.1.11'],
      ['0603883703', '2.999.3'],
      ['0603551d0f', '2.5.29.15'],
      ['06032b6570', '1.3.101.112'],
      ['060100', '0.0'],
      ['060127', '0.39'],
      ['060128', '1.0'],
      ['060150', '2.0'],
    ]
    for (const [bytes, dotted] of vectors) {
      assert.equal(reader(bytes).objectIdentifier(), dotted)
      assert.equal(hexOf(derObjectIdentifier(dotted)), bytes)
    }
    assert.equal(reader(`0612 69${'ff'.repeat(16)}7f`).objectIdentifier(), `2.25.${String((1n << 119n) - 1n)}`)
    refuses('0600', 'truncated', (from) => from.objectIdentifier())
    refuses('06022a86', 'truncated', (from) => from.objectIdentifier())
    refuses('06032a8001', 'invalid', (from) => from.objectIdentifier())
    refuses(`0681ff${'01'.repeat(255)}`, 'oversized', (from) => from.objectIdentifier())
  })

  test('X.690 clause 8.6 and 11.2: bit strings', () => {
    assert.deepEqual(reader('03020780').bitString(), { bytes: bytesOf('80'), unusedBits: 7 })
    assert.deepEqual(reader('030100').bitString(), { bytes: bytesOf(''), unusedBits: 0 })
    assert.equal(hexOf(derBitString(bytesOf('a5'))), '030200a5')
    assert.equal(hexOf(derNamedBits([true, false, false, false, false, false, false, false])), '03020780')
    assert.equal(hexOf(derNamedBits([false, false, false, false, false, true, true, false, true])), '0303070680')
    assert.equal(hexOf(derNamedBits([false])), '030100')
    for (const bytes of ['0300', '030101', '03020880', '030207c0']) refuses(bytes, 'invalid', (from) => from.bitString())
    refuses('03020780', 'invalid', (from) => from.bytesOfBitString())
  })

  test('X.690 clause 8.8: NULL has no content', () => {
    reader('0500').null()
    refuses('050100', 'invalid', (from) => {
      from.null()
    })
  })
})

describe('text', () => {
  const textOf = (bytes: Uint8Array) => {
    const from = new DerReader(bytes)
    return decodeText(from, from.next())
  }

  test('UTF-8 of all lengths there and back', () => {
    for (const text of ['', 'Root', 'é', 'Ünïcode 日本語 𝄞', '\u{10ffff}']) assert.equal(textOf(derUtf8String(text)), text)
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => textOf(derUtf8String(text)) === text),
      { seed: 4, numRuns: 500 },
    )
  })

  test('a lone surrogate is replaced', () => {
    assert.equal(textOf(derUtf8String('a\ud800b')), 'a\ufffdb')
  })

  test('RFC 3629 section 3: overlong forms, surrogates, too large numbers and lone bytes are refused', () => {
    for (const bytes of [
      'c080',
      'c1bf',
      'e08080',
      'e09fbf',
      'f0808080',
      'eda080',
      'f4908080',
      'f8',
      '80',
      'bf',
      'c3',
      'e282',
      'c341',
    ]) {
      const content = bytesOf(bytes)
      assert.throws(() => textOf(der(Asn1Tag.UTF8_STRING, content)), DecodeError, bytes)
    }
  })

  test('other types of text', () => {
    assert.equal(textOf(der(Asn1Tag.PRINTABLE_STRING, bytesOf('4154'))), 'AT')
    assert.equal(textOf(der(Asn1Tag.IA5_STRING, bytesOf('6140'))), 'a@')
    assert.equal(textOf(der(Asn1Tag.TELETEX_STRING, bytesOf('e9'))), 'é')
    assert.equal(textOf(der(Asn1Tag.BMP_STRING, bytesOf('65e5672c'))), '日本')
    assert.equal(textOf(derOctetString(bytesOf('41'))), undefined)
    assert.throws(() => textOf(der(Asn1Tag.PRINTABLE_STRING, bytesOf('e9'))), DecodeError)
    assert.throws(() => textOf(der(Asn1Tag.BMP_STRING, bytesOf('65e567'))), DecodeError)
  })
})

describe('RFC 5280 section 4.1.2.5: time', () => {
  const timeOf = (text: string, tag: number = text.length === 13 ? Asn1Tag.UTC_TIME : Asn1Tag.GENERALIZED_TIME) =>
    readTime(new DerReader(der(tag, new Uint8Array(Buffer.from(text, 'latin1')))))

  test('the calendar, from 1950 to 2150, as JavaScript has it', () => {
    const day = 86_400
    for (let time = Date.UTC(1950, 0, 1) / 1000; time < Date.UTC(2150, 0, 1) / 1000; time += 9 * day + 12_345) {
      const iso = new Date(time * 1000).toISOString()
      assert.equal(timeText(time), `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`)
      assert.equal(readTime(new DerReader(derTime(time))), time)
    }
  })

  test('two digits of a year mean 1950 to 2049; from 2050 on there are four', () => {
    assert.equal(timeOf('500101000000Z'), Date.UTC(1950, 0, 1) / 1000)
    assert.equal(timeOf('491231235959Z'), Date.UTC(2049, 11, 31, 23, 59, 59) / 1000)
    assert.equal(timeOf('20500101000000Z'), Date.UTC(2050, 0, 1) / 1000)
    assert.equal(derTime(Date.UTC(2049, 11, 31) / 1000)[0], Asn1Tag.UTC_TIME)
    assert.equal(derTime(Date.UTC(2050, 0, 1) / 1000)[0], Asn1Tag.GENERALIZED_TIME)
    assert.equal(derTime(Date.UTC(1949, 11, 31) / 1000)[0], Asn1Tag.GENERALIZED_TIME)
  })

  test('leap years', () => {
    assert.equal(timeOf('240229120000Z'), Date.UTC(2024, 1, 29, 12) / 1000)
    assert.equal(timeOf('20000229000000Z'), Date.UTC(2000, 1, 29) / 1000)
    assert.throws(() => timeOf('230229000000Z'), DecodeError)
    assert.throws(() => timeOf('21000229000000Z'), DecodeError)
  })

  test('what the calendar does not have, or the RFC does not allow', () => {
    const wrong = [
      '261301000000Z',
      '260001000000Z',
      '260100000000Z',
      '260132000000Z',
      '260431000000Z',
      '260101240000Z',
      '260101006000Z',
      '260101000060Z',
      '2601010000Z',
      '260101000000+0100',
      '20260101000000.5Z',
      '20260101000000',
      '2026010100000Z',
      '26010100000xZ',
    ]
    for (const text of wrong) assert.throws(() => timeOf(text), DecodeError, text)
    assert.throws(() => timeOf('260101000000Z', Asn1Tag.IA5_STRING), DecodeError)
  })
})
