import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { DecodeError } from '../../src/wire/errors.ts'
import { decodePem, encodePem } from '../../src/wire/pem.ts'
import { mutants } from './mutants.ts'

const SHORT = encodePem('CERTIFICATE', Uint8Array.of(1, 2, 3))

describe('RFC 7468', () => {
  test('section 3: lines of 64 characters, each with its end', () => {
    const bytes = Uint8Array.from({ length: 100 }, (_, i) => i)
    const base64 = Buffer.from(bytes).toString('base64')
    const expected = [
      '-----BEGIN X Y-----',
      base64.slice(0, 64),
      base64.slice(64, 128),
      base64.slice(128),
      '-----END X Y-----',
      '',
    ]
    assert.equal(encodePem('X Y', bytes), expected.join('\n'))
  })

  test('a last line that is full, and nothing at all', () => {
    const full = encodePem('X', new Uint8Array(48))
    assert.equal(full, `-----BEGIN X-----\n${'A'.repeat(64)}\n-----END X-----\n`)
    assert.equal(encodePem('X', new Uint8Array(0)), '-----BEGIN X-----\n-----END X-----\n')
    assert.deepEqual(decodePem(encodePem('X', new Uint8Array(0))), [{ label: 'X', bytes: new Uint8Array(0) }])
  })

  test('bytes of any length there and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = encodePem('PRIVATE KEY', bytes)
        assert.deepEqual(decodePem(text), [{ label: 'PRIVATE KEY', bytes }])
        assert.equal(text.replace(/-----.*\n|\n/g, ''), Buffer.from(bytes).toString('base64'))
      }),
      { seed: 4, numRuns: 500 },
    )
  })

  test('section 2: several blocks, and text around them', () => {
    const blocks = decodePem(`subject=CN=a\n${SHORT}between\r\n${encodePem('PRIVATE KEY', Uint8Array.of(9))}after`)
    assert.deepEqual(blocks, [
      { label: 'CERTIFICATE', bytes: Uint8Array.of(1, 2, 3) },
      { label: 'PRIVATE KEY', bytes: Uint8Array.of(9) },
    ])
  })

  test('other ends of lines, and blanks', () => {
    for (const text of [SHORT.replaceAll('\n', '\r\n'), SHORT.replaceAll('\n', ''), SHORT.replace('AQID', ' A\tQ\nID ')]) {
      assert.deepEqual(decodePem(text)[0].bytes, Uint8Array.of(1, 2, 3))
    }
  })

  test('what is no PEM is refused', () => {
    const wrong = [
      '',
      'AQID',
      SHORT.replace('END CERTIFICATE', 'END PRIVATE KEY'),
      SHORT.slice(0, -10),
      SHORT.replace('AQID', 'AQ-D'),
      SHORT.replace('AQID', 'AQI'),
      SHORT.replace('AQID', 'A'),
      SHORT.replace('AQID', 'AQ='),
      SHORT.replace('AQID', 'A==='),
      SHORT.replace('AQID', 'AQ==AQID'),
      SHORT.replace('AQID', 'AR=='),
      SHORT.replace('AQID', 'AQJ='),
      SHORT.replace('AQID', 'AQÏD'),
      SHORT.replace('AQID', 'Proc-Type: 4,ENCRYPTED\n\nAQID'),
      SHORT.replaceAll('CERTIFICATE', 'certificate'),
      // The dashes of one line cannot be those of the next as well.
      '-----BEGIN X-----END X-----',
      '-----BEGIN ',
      '-----BEGIN X',
    ]
    for (const text of wrong) assert.throws(() => decodePem(text), DecodeError, text)
  })
})

test('100,000 mutated texts: blocks or a DecodeError', () => {
  const text = Buffer.from(
    encodePem(
      'CERTIFICATE',
      Uint8Array.from({ length: 120 }, (_, i) => i * 7),
    ) + SHORT,
    'latin1',
  )
  let decoded = 0
  for (const mutant of mutants([new Uint8Array(text)], 100_000, 'pem')) {
    try {
      decodePem(Buffer.from(mutant).toString('latin1'))
      decoded++
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
    }
  }
  assert.ok(decoded > 1000 && decoded < 99_000, `${decoded} were decoded`)
})
