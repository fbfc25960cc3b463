import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HtmlScanner } from '../../src/apps/html-scanner.ts'
import { latin1 } from './site.ts'

/** What is found in a page, as `kind url`, when it arrives in pieces of these lengths. */
function found(page: string, lengths: readonly number[] = [page.length + 1]): string[] {
  const references: string[] = []
  const scanner = new HtmlScanner(({ kind, url }) => references.push(`${kind} ${url}`))
  const bytes = latin1(page)
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length]
    scanner.push(bytes.subarray(at, at + length))
    at += length
  }
  return references
}

test('stylesheets, icons, scripts and images, in order', () => {
  const page = `<!DOCTYPE html><html><head><link rel="stylesheet" href="/a.css"><link rel="shortcut icon" href=favicon.ico>
    <script src='b.js' defer></script></head><body><IMG ALT="x > y" SRC = "c.png"/><img src=d.png><p>text</body></html>`
  assert.deepEqual(found(page), ['style /a.css', 'icon favicon.ico', 'script b.js', 'image c.png', 'image d.png'])
})

test('what is named but not fetched', () => {
  assert.deepEqual(
    found(
      '<a href="x"><link rel="next" href="y"><link href="z"><script>src="w"</script><img><img src=""><imgx src="v"><img data-src="u">',
    ),
    [],
  )
})

test('no tag: comments, raw text, stray brackets', () => {
  assert.deepEqual(found('<!-- <img src="no"> --><img src="1">'), ['image 1'])
  assert.deepEqual(found('<!--> <img src="1"> <!-- - -- > <img src="no"> --> <img src="2">'), ['image 1', 'image 2'])
  assert.deepEqual(found('<script>if (a<b) "<img src=no>" </scrip> </script ><img src="1">'), ['image 1'])
  assert.deepEqual(
    found('<style><img src=no></style><title><img src=no></title><textarea><img src=no></textarea><img src="1">'),
    ['image 1'],
  )
  assert.deepEqual(found('1 < 2 <<img src="1"> < img src="no">'), ['image 1'])
  assert.deepEqual(found('<script>a<</script><img src="1">'), ['image 1'])
})

test('quotes and character references', () => {
  assert.deepEqual(found(`<img alt='">' src="a.png?b=1&amp;c=&quot;&#65;&#x42;">`), ['image a.png?b=1&c="AB'])
  assert.deepEqual(found(`<img title="don't" src="1"><img title=don't src="2">`), ['image 1', 'image 2'])
  assert.deepEqual(found('<img src="1" src="2">'), ['image 1'])
})

test('a reference is told as soon as its tag is complete', () => {
  const told: string[] = []
  const scanner = new HtmlScanner(({ url }) => told.push(url))
  scanner.push(latin1('<img src="1"'))
  assert.deepEqual(told, [])
  scanner.push(latin1('>'))
  assert.deepEqual(told, ['1'])
})

test('how a page is cut changes nothing, whatever it is', () => {
  const word = fc.constantFrom(
    '<img src="x">',
    '<script src=y>',
    '</script>',
    '<!--',
    '-->',
    '<',
    '>',
    '"',
    "'",
    '=',
    ' ',
    'a',
    '<title>',
    '</title>',
    '<link rel=icon href=z>',
    '/',
    '-',
    '!',
  )
  fc.assert(
    fc.property(
      fc.array(word, { maxLength: 25 }),
      fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 }),
      (words, lengths) => {
        const page = words.join('')
        assert.deepEqual(found(page, lengths), found(page))
      },
    ),
    { seed: 1, numRuns: 2000 },
  )
})

test('any bytes, and a tag that never ends, in bounded memory', () => {
  const scanner = new HtmlScanner(() => undefined)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      scanner.push(bytes)
    }),
    { seed: 2, numRuns: 500 },
  )
  assert.deepEqual(found(`<img ${'x'.repeat(100_000)} src="no"><img src="1">`), ['image 1'])
})
