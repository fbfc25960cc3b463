import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HtmlScanner } from '../../src/apps/html-scanner.ts'
import { latin1 } from './site.ts'

/** What is found in a page, as `kind url`, when it arrives in pieces of these lengths. */
function found(page: string, lengths: readonly number[] = [page.length + 1]): string[] {
  const references: string[] = []
  const scanner = new HtmlScanner((token) => {
    if ('url' in token) references.push(`${token.kind} ${token.url}`)
    else if ('text' in token && token.text.includes('keep')) references.push(`${token.kind} ${token.text}`)
  })
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

test('how things are named', () => {
  const tokens: unknown[] = []
  const scanner = new HtmlScanner((token) => tokens.push(token))
  scanner.push(
    latin1(`<html><head><title>x</title><meta charset=utf-8><link rel="preload" as="font" href="f.woff2" crossorigin>
      <link rel=preconnect href="//cdn/"><link rel=modulepreload href=m.js><link rel=stylesheet media=print href=p.css>
      <link rel="alternate stylesheet" href=no.css><script async src=a.js></script><script type=module src=b.js></script>
      <script type="text/template"><img src=no></script><style>@import "s.css"; <!-- </style>
      <script>if (a < b) fetch("</x>")</script></head><h1>Title</h1>
      <img src=1.png width=20 height=20><img src=2.png loading=lazy fetchpriority=high width="300" height="200">`),
  )
  assert.deepEqual(tokens, [
    { kind: 'preload', url: 'f.woff2', as: 'font' },
    { kind: 'preconnect', url: '//cdn/' },
    { kind: 'preload', url: 'm.js', as: 'script' },
    { kind: 'style', url: 'p.css', isForOtherMedia: true },
    { kind: 'script', url: 'a.js', timing: 'async', isModule: false },
    { kind: 'script', url: 'b.js', timing: 'defer', isModule: true },
    { kind: 'inline-style', text: '@import "s.css"; <!-- ' },
    { kind: 'inline-script', text: 'if (a < b) fetch("</x>")', isModule: false },
    { kind: 'body' },
    { kind: 'image', url: '1.png', isLazy: false, isSmall: true },
    { kind: 'image', url: '2.png', isLazy: true, isSmall: false, hint: 'high' },
  ])
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
  const scanner = new HtmlScanner((token) => {
    if ('url' in token) told.push(token.url)
  })
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
    '<script>',
    'keep',
    '<style>',
    '</style>',
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
