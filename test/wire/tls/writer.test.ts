import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TlsWriter } from '../../../src/wire/tls/writer.ts'

test('nothing is lost where the buffer has to grow', () => {
  for (let before = 250; before < 260; before++) {
    const bytes = new TlsWriter()
      .fixed(new Uint8Array(before))
      .uint8(1)
      .uint16(0x0203)
      .uint24(0x040506)
      .uint32(0x0708090a)
      .finish()
    assert.deepEqual(bytes.subarray(before), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10))
  }
})
