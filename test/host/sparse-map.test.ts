import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { SparseMap } from '../../src/host/sparse-map.ts'

describe('a sparse map', () => {
  test('does what a map does, whatever is asked of it and in whatever order', () => {
    const key = fc.integer({ min: 0, max: 3 })
    const step = fc.oneof(
      fc.record({ kind: fc.constant('set' as const), key, value: fc.nat() }),
      fc.record({ kind: fc.constant('delete' as const), key }),
      fc.record({ kind: fc.constant('clear' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const model = new Map<number, number>()
        const map = new SparseMap<number, number>()
        for (const one of steps) {
          if (one.kind === 'set') {
            model.set(one.key, one.value)
            map.set(one.key, one.value)
          } else if (one.kind === 'delete') {
            assert.equal(map.delete(one.key), model.delete(one.key))
          } else {
            model.clear()
            map.clear()
          }
          assert.equal(map.size, model.size)
          assert.deepEqual([...map.keys()], [...model.keys()])
          assert.deepEqual([...map.values()], [...model.values()])
          for (let each = 0; each < 4; each++) {
            assert.equal(map.has(each), model.has(each))
            assert.equal(map.get(each), model.get(each))
          }
        }
      }),
      { seed: 1, numRuns: 2000 },
    )
  })

  test('may have undefined for a key and for a value', () => {
    const map = new SparseMap<string | undefined, number | undefined>()
    assert.equal(map.has(undefined), false)
    map.set(undefined, undefined)
    assert.equal(map.has(undefined), true)
    assert.equal(map.size, 1)
    map.set('a', 1)
    assert.deepEqual([...map.keys()], [undefined, 'a'])
    assert.equal(map.delete(undefined), true)
    assert.deepEqual([...map.values()], [1])
  })
})
