import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Digest } from '../../src/apps/digest.ts'
import { filler, FILLER_PIECE, fillerKey } from '../../src/apps/filler.ts'
import { HtmlScanner } from '../../src/apps/html-scanner.ts'
import { scriptReferences, styleReferences } from '../../src/apps/code-scanner.ts'
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

describe('digest of a body', () => {
  const digestOf = (...parts: string[]) => {
    const digest = new Digest()
    for (const part of parts) digest.update(latin1(part))
    return digest.value
  }

  test('is SHA-256 in hexadecimal digits: the examples of FIPS 180-4', () => {
    assert.equal(digestOf(''), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    assert.equal(digestOf('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    const twoBlocks = 'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'
    assert.equal(digestOf(twoBlocks), '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1')
  })

  test('pieces change nothing', () => {
    assert.equal(digestOf('a', '', 'bc'), digestOf('abc'))
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
    const scanner = new HtmlScanner((token) => {
      if ('url' in token) found.push(`${token.kind} ${token.url}`)
    })
    scanner.push(latin1(html))
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

  test('what stands in the middle of a page comes in the middle of its bytes', () => {
    const references = [
      { url: '/b.webp', as: 'image', at: 0.5 },
      { url: '/a.css', as: 'style' },
      { url: '/c.js', as: 'script', at: 0.9 },
    ] as const
    const html = whole(contentOf('/', page([], { size: 50_000, references }), () => undefined))
    assert.equal(html.length, 50_000)
    const at = (text: string): number => Math.round((html.indexOf(text) / html.length) * 20) / 20
    assert.deepEqual([at('/a.css'), at('/b.webp'), at('/c.js')], [0, 0.5, 0.9])
    assert.match(
      html,
      /<link rel="stylesheet" href="\/a.css">[^]*<body>[^]*<img src="\/b.webp"[^]*<script src="\/c.js"><\/script>/,
    )
  })

  test('a stylesheet and a script name what they name, and have their size to the byte', () => {
    const style = [
      { url: '/f.woff2', as: 'font' },
      { url: '/b.png', as: 'image' },
      { url: '/i.css', as: 'style' },
    ] as const
    const css = whole(contentOf('/x.css', resource(3000, { type: 'text/css', references: style }), () => undefined))
    assert.equal(css.length, 3000)
    assert.deepEqual(styleReferences(css.replace(/\/\*[^]*\*\//, '')), {
      imports: ['/i.css'],
      fonts: ['/f.woff2'],
      images: ['/b.png'],
    })
    const script = [
      { url: '/d.json', as: 'data' },
      { url: '/m.js', as: 'script', how: 'module' },
      { url: '/l.js', as: 'script' },
      { url: '/p.gif', as: 'image' },
    ] as const
    const js = whole(contentOf('/x.js', resource(2000, { type: 'text/javascript', references: script }), () => undefined))
    assert.equal(js.length, 2000)
    assert.deepEqual(scriptReferences(js.replace(/\/\*[^]*\*\//, '')), {
      imports: ['/m.js'],
      dynamicImports: ['/l.js'],
      data: ['/d.json'],
      images: ['/p.gif'],
    })
    for (const size of [0, 1, 5, 7, 8, 100]) {
      for (const type of ['text/css', 'text/javascript'])
        assert.equal(whole(contentOf('/y', resource(size, { type }), () => undefined)).length, size, `${type} of ${String(size)}`)
    }
  })

  test('other types are filler', () => {
    assert.match(whole(contentOf('/x', resource(100_000), () => undefined)), /^[A-Za-z0-9 .]{100000}$/)
  })
})
