import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Digest } from '../../src/apps/digest.ts'
import { filler, FILLER_PIECE, fillerKey } from '../../src/apps/filler.ts'
import { HtmlScanner } from '../../src/apps/html-scanner.ts'
import { contentOf } from '../../src/apps/web-content.ts'
import type { Content } from '../../src/apps/web-content.ts'
import { latin1, page, resource } from './site.ts'

function whole(content: Content): string {
  let all = ''
  for (let piece = content.piece(0); piece.length > 0; piece = content.piece(all.length))
    all += Buffer.from(piece).toString('latin1')
  return all
}

describe('filler', () => {
  /** Bytes [offset, offset + length) of a content. */
  function range(key: number, offset: number, length: number): Buffer {
    const parts: Uint8Array[] = []
    for (let at = offset; at < offset + length;) {
      const piece = filler(key, at, offset + length - at)
      assert.ok(piece.length > 0 && piece.length <= FILLER_PIECE)
      parts.push(piece)
      at += piece.length
    }
    return Buffer.concat(parts)
  }

  test('depends on the key and the offset alone', () => {
    const all = range(7, 0, 200_000)
    assert.equal(all.length, 200_000)
    assert.deepEqual(range(7, 1000, 150_000), all.subarray(1000, 151_000))
    assert.notDeepEqual(range(8, 0, 1000), all.subarray(0, 1000))
    assert.notDeepEqual(all.subarray(0, 1000), all.subarray(FILLER_PIECE, FILLER_PIECE + 1000))
  })

  test('holds no markup and no control characters, and is no copy', () => {
    assert.match(range(fillerKey('/'), 0, 300_000).toString('latin1'), /^[A-Za-z0-9 .]*$/)
    assert.equal(filler(1, 0, 100).buffer, filler(2, 70_000, 100).buffer)
  })
})

describe('FNV-1a', () => {
  const digestOf = (...parts: string[]) => {
    const digest = new Digest()
    for (const part of parts) digest.update(latin1(part))
    return digest.value
  }

  test("the authors' test vectors", () => {
    assert.equal(digestOf(''), '811c9dc5')
    assert.equal(digestOf('a'), 'e40c292c')
    assert.equal(digestOf('foobar'), 'bf9cf968')
  })

  test('pieces change nothing', () => {
    assert.equal(digestOf('foo', '', 'bar'), 'bf9cf968')
  })
})

describe('content', () => {
  test('a page names its resources by what they are, and has its size to the byte', () => {
    const resources = ['/a.css', '/b.js', '/favicon.ico', '/c.png', '/d', 'http://cdn/e.js?x=1&y="2"', '/f']
    const types: Record<string, string> = { '/d': 'text/css', '/f': 'text/javascript' }
    const content = contentOf('/<x>', page(resources, { size: 5000 }), (path) => types[path])
    const html = whole(content)
    assert.equal(html.length, 5000)
    assert.equal(content.length, 5000)
    assert.match(html, /^<!doctype html>/)
    assert.match(html, /<\/html>\n$/)
    assert.match(html, /<title>\/&lt;x><\/title>/)
    const found: string[] = []
    new HtmlScanner(({ kind, url }) => found.push(`${kind} ${url}`)).push(latin1(html))
    assert.deepEqual(found, [
      'style /a.css',
      'script /b.js',
      'icon /favicon.ico',
      'style /d',
      'script http://cdn/e.js?x=1&y="2"',
      'script /f',
      'image /c.png',
    ])
  })

  test('a page is never too small for what it names', () => {
    const content = contentOf('/', page(['/a.css'], { size: 10 }), () => undefined)
    assert.ok(content.length > 10)
    assert.match(whole(content), /a\.css/)
  })

  test('without resources the size is kept, markup or not', () => {
    for (const size of [0, 1, 100, 137, 138, 139, 140, 200, 100_000]) {
      const content = contentOf('/', page([], { size }), () => undefined)
      assert.equal(content.length, size)
      assert.equal(whole(content).length, size)
    }
  })

  test('other types are filler', () => {
    assert.match(whole(contentOf('/x', resource(100_000), () => undefined)), /^[A-Za-z0-9 .]{100000}$/)
  })
})
