import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { crc32, inflateSync } from 'node:zlib'
import { contentOf } from '../../src/apps/web-content.ts'
import { resource } from './site.ts'

function body(type: string, size: number): Buffer {
  const content = contentOf('/x', resource(size, { type }), () => undefined)
  const pieces: Uint8Array[] = []
  let length = 0
  for (let piece = content.piece(0); piece.length > 0; piece = content.piece(length)) {
    pieces.push(piece)
    length += piece.length
  }
  assert.equal(length, content.length)
  return Buffer.concat(pieces)
}

const SIZES = [1, 100, 159, 160, 161, 162, 163, 164, 1000, 65_690, 65_694, 65_695, 65_696, 65_697, 65_698, 65_700, 200_000]

/** Sizes are kept to the byte, from the smallest file that the form allows on. */
function sized(type: string, smallest: number): void {
  for (const size of SIZES) assert.equal(body(type, size).length, Math.max(size, smallest), `${type} of ${String(size)}`)
  assert.equal(body(type, 0).length, 0)
}

describe('bodies are what their media type says', () => {
  test('PNG: chunks with right checks, and one pixel', () => {
    sized('image/png', 82)
    const png = body('image/png', 150_000)
    assert.deepEqual(png.subarray(0, 8), Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'))
    const types: string[] = []
    for (let at = 8; at < png.length;) {
      const length = png.readUInt32BE(at)
      const type = png.toString('latin1', at + 4, at + 8)
      assert.equal(png.readUInt32BE(at + 8 + length), crc32(png.subarray(at + 4, at + 8 + length)), type)
      if (type === 'IDAT') assert.deepEqual([...inflateSync(png.subarray(at + 8, at + 8 + length))], [0, 0])
      types.push(type)
      at += 12 + length
    }
    assert.deepEqual(types, ['IHDR', 'IDAT', 'fiLl', 'IEND'])
  })

  test('JPEG: segment behind segment, to the scan and the end of the image', () => {
    sized('image/jpeg', 159)
    for (const size of [200, 65_700, 65_696, 65_697, 300_000]) {
      const jpeg = body('image/jpeg', size)
      const markers: string[] = []
      let at = 2
      while (markers.at(-1) !== 'da') {
        while (jpeg[at] === 0xff) at++
        markers.push(jpeg[at].toString(16))
        at += 1 + jpeg.readUInt16BE(at + 1)
      }
      assert.deepEqual(
        markers.filter((marker) => marker !== 'fe'),
        ['e0', 'db', 'c0', 'c4', 'c4', 'da'],
      )
      assert.deepEqual([...jpeg.subarray(at)], [0x3f, 0xff, 0xd9])
    }
  })

  test('WebP: the length that RIFF says, which is even', () => {
    for (const size of SIZES) {
      const webp = body('image/webp', size)
      assert.equal(webp.length, Math.max(42, size + (size % 2)))
      assert.equal(webp.readUInt32LE(4), webp.length - 8)
    }
  })

  test('GIF and MP4', () => {
    sized('image/gif', 35)
    sized('video/mp4', 28)
    assert.equal(body('video/mp4', 5000).readUInt32BE(20), 5000 - 20)
  })

  test('JSON and XML', () => {
    sized('application/json', 1)
    for (const size of SIZES) assert.doesNotThrow(() => JSON.parse(body('application/json', size).toString()) as unknown)
    sized('image/svg+xml', 53)
    sized('text/xml; charset=utf-8', 7)
    assert.match(body('image/svg+xml', 300).toString(), /^<svg [^>]*><!--[A-Za-z0-9 .]*--><\/svg>$/)
  })
})
