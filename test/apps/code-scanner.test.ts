import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { scriptReferences, styleReferences } from '../../src/apps/code-scanner.ts'
import { SourceText } from '../../src/apps/source-text.ts'
import { latin1 } from './site.ts'

/** What is left of a source without its comments, when it arrives in pieces of these lengths. */
function kept(source: string, lengths: readonly number[] = [source.length + 1]): string {
  const text = new SourceText()
  const bytes = latin1(source)
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length]
    text.push(bytes.subarray(at, at + length))
    at += length
  }
  return text.value
}

describe('comments are left out', () => {
  test('but not what looks like one in a string', () => {
    assert.equal(kept('a/* b */c'), 'a/c')
    assert.equal(kept('fetch("x/*y*/z")/*w*/'), 'fetch("x/*y*/z")/')
    assert.equal(kept(`'it\\'s /* no comment */'`), `'it\\'s /* no comment */'`)
    assert.equal(kept('a/*b**/c/**/d'), 'a/c/d')
    assert.equal(kept('"open\n/* comment */end'), '"open\n/end')
    assert.equal(kept('a / b * c'), 'a / b * c')
    assert.equal(kept('a/* never ends'), 'a/')
  })

  test('however it is cut', () => {
    const word = fc.constantFrom('/*', '*/', '/', '*', '"', "'", '`', '\\', '\n', 'a', ' ', 'url(x)')
    fc.assert(
      fc.property(
        fc.array(word, { maxLength: 30 }),
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }),
        (words, lengths) => {
          assert.equal(kept(words.join(''), lengths), kept(words.join('')))
        },
      ),
      { seed: 3, numRuns: 2000 },
    )
  })

  test('in bounded memory', () => {
    assert.ok(kept('x'.repeat(1_000_000)).length <= 66_000, 'the rest is not looked at')
    assert.ok(kept(`/*${'x'.repeat(1_000_000)}*/url(y)`).endsWith('url(y)'), 'a comment does not count')
  })
})

test('what a stylesheet names', () => {
  const { imports, fonts, images } = styleReferences(`
    @import "a.css"; @import url(b.css) screen; @import url( 'c.css' );
    @font-face { font-family: x; src: url("d.woff2") format("woff2"), url(d.woff) format("woff") }
    @font-face{src:local(y),url(e.woff2)}
    .a { background: #fff url('f.png') no-repeat } .b { background-image: url(data:image/png;base64,xx) }
    .c { list-style: URL( g.svg ) }`)
  assert.deepEqual(imports, ['a.css', 'b.css', 'c.css'])
  assert.deepEqual(fonts, ['d.woff2', 'e.woff2'])
  assert.deepEqual(images, ['f.png', 'g.svg'])
})

test('what a script does', () => {
  const actions = scriptReferences(`
    import "a.js"; import b from './b.js'
    import { c, d } from "c.js"; import * as e from "e.js";import{f}from"f.js"
    const later = import('g.js'); if (x) fetch("/h.json").then(y); fetch('i.json', { method: "GET" })
    new Image().src = "j.gif"; important("no"); refetch("no"); fetch(url)`)
  assert.deepEqual(actions.imports, ['a.js', './b.js', 'c.js', 'e.js', 'f.js'])
  assert.deepEqual(actions.dynamicImports, ['g.js'])
  assert.deepEqual(actions.data, ['/h.json', 'i.json'])
  assert.deepEqual(actions.images, ['j.gif'])
})

test('any text, and such that is made to take long', () => {
  const word = fc.constantFrom(
    '@import ',
    'url(',
    '"',
    "'",
    '@font-face{',
    'src:',
    'import ',
    ' from ',
    'fetch(',
    '(',
    ')',
    ';',
    'a',
    ' ',
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 60 }), (words) => {
      const text = words.join('')
      const { imports, fonts, images } = styleReferences(text)
      const actions = scriptReferences(text)
      for (const list of [imports, fonts, images, actions.imports, actions.data])
        assert.ok(
          list.every((url) => url !== ''),
          text,
        )
    }),
    { seed: 4, numRuns: 10_000 },
  )
  for (const [unit, count] of [
    ['url("', 13_000],
    ['@font-face{', 6000],
    ['import a from ', 4500],
    ['url(          ', 4500],
    ['@import "', 7000],
  ] as const) {
    const text = unit.repeat(count)
    styleReferences(text)
    scriptReferences(text)
  }
})
