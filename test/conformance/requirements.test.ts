import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { Requirement } from './requirement.ts'
import { RFC_5681 } from './rfc5681.ts'
import { RFC_5681_SHOULD } from './rfc5681-should.ts'
import { RFC_9293_INTERFACES } from './rfc9293-interfaces.ts'
import { RFC_9293_PROTOCOL } from './rfc9293-protocol.ts'

const RFC_9293 = [...RFC_9293_PROTOCOL, ...RFC_9293_INTERFACES]

const ROOT = new URL('../../', import.meta.url)

/** How a file names its tests, as patterns: what a template puts in may be anything. */
function namesIn(path: string): RegExp[] {
  const source = readFileSync(new URL(path, ROOT), 'utf8')
  const calls = source.matchAll(/\b(?:test|it)\(\s*(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g)
  return [...calls].map(([, single, double, template]) => {
    const written = (single ?? double ?? template).replaceAll(/\\(['"`])/g, '$1')
    const fixed = template === undefined ? [written] : written.split(/\$\{(?:[^{}]|\{[^{}]*\})*\}/)
    return new RegExp(`^${fixed.map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)).join('.*')}$`)
  })
}

const known = new Map<string, RegExp[]>()
function exists(path: string, name: string): boolean {
  let names = known.get(path)
  if (names === undefined) {
    names = namesIn(path)
    known.set(path, names)
  }
  return names.some((pattern) => pattern.test(name))
}

const TABLES: Readonly<Record<string, readonly Requirement[]>> = {
  'RFC 9293': RFC_9293,
  'RFC 5681': RFC_5681,
  'RFC 5681, what it recommends': RFC_5681_SHOULD,
}

for (const [rfc, rows] of Object.entries(TABLES)) {
  describe(rfc, () => {
    test('no requirement is listed twice', () => {
      assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length)
    })

    test('every requirement has a test that exists, or says why it has none', () => {
      for (const row of rows) {
        if ('untested' in row) {
          assert.ok(row.untested.length > 20, `${row.id} has no test, and gives no reason`)
          continue
        }
        const tests = Object.entries(row.tests).flatMap(([path, names]) => names.map((name) => ({ path, name })))
        assert.ok(tests.length > 0, `${row.id} names no test`)
        for (const { path, name } of tests) assert.ok(exists(path, name), `${row.id}: ${path} has no test called “${name}”`)
      }
    })
  })
}

test('RFC 9293, appendix B: all of MUST-1 to MUST-69 are there, in their order', () => {
  const numbers = Array.from({ length: 69 }, (_, index) => `MUST-${String(index + 1)}`)
  assert.deepEqual(
    RFC_9293.map(({ id }) => id),
    numbers,
  )
})

test('a name that no file has is found out, and so is a file without it', () => {
  const path = 'test/protocols/tcp/stray.test.ts'
  assert.ok(exists(path, 'RFC 9293 section 3.10.7.1: a RST is never answered'), 'a name as it stands there')
  assert.ok(!exists(path, 'RFC 9293 section 3.10.7.1: a RST is always answered'), 'a name that does not')
  assert.ok(!exists('test/protocols/tcp/state.test.ts', 'RFC 9293 section 3.10.7.1: a RST is never answered'), 'another file')
})
