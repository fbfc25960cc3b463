import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatPath, parsePath } from '../../src/scenario/path.ts'
import { refusalOf } from './scenario-fixture.ts'

test('a path is written as an author would', () => {
  assert.equal(formatPath(['links', 0, 'delay']), 'links[0].delay')
  assert.equal(formatPath(['hosts', 'web-1', 'serves', '/a b', 'size']), 'hosts.web-1.serves["/a b"].size')
  assert.equal(formatPath([3, 'set']), '[3].set')
  assert.equal(formatPath([]), '')
})

test('every path that is written is read back', () => {
  const key = fc.oneof(
    fc.string({ minLength: 1, maxLength: 12 }),
    fc.nat({ max: 99_999 }),
    fc.constantFrom('links', 'web-1', '0', 'a.b'),
  )
  fc.assert(
    fc.property(fc.array(key, { minLength: 1, maxLength: 6 }), (path) => {
      assert.deepEqual(parsePath(formatPath(path), ''), path)
    }),
    { seed: 1, numRuns: 2000 },
  )
})

test('what is no path is refused', () => {
  for (const text of [
    '',
    '.',
    'a..b',
    'a.',
    '.a',
    'a[',
    'a[]',
    'a[01]',
    'a[-1]',
    'a["b]',
    "a['b']",
    'a b',
    'a[0]b',
    `a${'.b'.repeat(200)}`,
  ]) {
    assert.equal(refusalOf(() => parsePath(text, 'knobs.loss.sets')).path, 'knobs.loss.sets', text)
  }
})
