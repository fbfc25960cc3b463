import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { along, domainOf, ticksOf } from '../../components/packet-waterfall/time-axis.ts'
import { fileName, pathOf, protocolWords, sizeWords, statusWords } from '../../components/packet-waterfall/waterfall-words.ts'
import { Waterfall, type FetchRow } from '../../src/trace/waterfall.ts'
import { madeTrace, type MadeEvent } from '../scenario/trace-fixture.ts'

const MS = 1_000_000

function read(events: readonly MadeEvent[]): Waterfall {
  const waterfall = new Waterfall()
  waterfall.update(madeTrace(['alice'], events))
  return waterfall
}

const page = (time: number): MadeEvent => ({ name: 'page:started', time, data: { url: 'https://bob/' } })
const queued = (time: number, id: number): MadeEvent => ({ name: 'fetch:queued', time, data: { id, url: 'https://bob/a.css' } })
const ended = (time: number, id: number, data: MadeEvent['data'] = {}): MadeEvent => ({
  name: 'fetch:ended',
  time,
  data: { id, status: 200, bytes: 10, outcome: 'complete', protocol: 'h2', ...data },
})

describe('the time that is shown', () => {
  test('reaches from the start of the first page to a little behind the last thing', () => {
    const waterfall = read([page(50 * MS), queued(50 * MS, 1), ended(150 * MS, 1)])
    const domain = domainOf(waterfall, undefined, 1000 * MS, false)
    assert.equal(domain.from, 50 * MS)
    assert.ok(domain.to > 155 * MS && domain.to < 180 * MS, String(domain.to))
  })

  test('while something is under way, there is room to grow, and it seldom changes', () => {
    const ends = new Set<number>()
    const waterfall = read([page(0), queued(0, 1)])
    for (let horizon = MS; horizon < 1000 * MS; horizon += MS) {
      const { to } = domainOf(waterfall, undefined, horizon, false)
      assert.ok(to > horizon, 'no room')
      ends.add(to)
    }
    assert.ok(ends.size < 40, `${String(ends.size)} scales`)
  })

  test('laid below each other, the longest page counts', () => {
    const waterfall = read([page(0), queued(0, 1), ended(100 * MS, 1), page(500 * MS), queued(500 * MS, 2), ended(800 * MS, 2)])
    const { from, to } = domainOf(waterfall, undefined, 1000 * MS, true)
    assert.equal(from, 0)
    assert.ok(to > 300 * MS && to < 400 * MS, String(to))
  })

  test('of nothing is something', () => {
    assert.ok(domainOf(read([]), undefined, 0, false).to > 0, 'an empty timeline')
  })
})

test('ticks are round, ascending, within the timeline, and no more than fit', () => {
  fc.assert(
    fc.property(
      fc.nat(10_000_000_000),
      fc.integer({ min: 1000, max: 60_000_000_000 }),
      fc.integer({ min: 1, max: 20 }),
      (from, length, most) => {
        const domain = { from, to: from + length }
        const ticks = ticksOf(domain, most)
        assert.ok(ticks.length <= most + 1, `${String(ticks.length)} ticks`)
        const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1
        assert.match(String(step), /^[125]0*$/)
        ticks.forEach((tick, index) => {
          assert.equal(tick % step, 0)
          assert.equal(tick, ticks[0] + index * step)
          const share = along(domain, tick)
          assert.ok(share >= 0 && share < 1, 'beyond an end')
        })
      },
    ),
    { seed: 4 },
  )
})

test('a resource is called by the last part of its address that says something', () => {
  assert.equal(fileName('https://bob/'), 'bob')
  assert.equal(fileName('https://bob:8443/?q=1'), 'bob:8443?q=1')
  assert.equal(fileName('https://bob/css/style.css?v=3'), 'style.css?v=3')
  assert.equal(fileName('https://bob/blog/'), '/blog/')
  assert.equal(fileName('whatever'), 'whatever')
  assert.equal(pathOf('https://bob/a/b?c'), '/a/b?c')
})

test('what came of a resource is told as it was known at the time', () => {
  const [row] = read([queued(0, 1), { name: 'http:response-started', time: 5, data: { id: 1, status: 200 } }, ended(9, 1)]).rows
  assert.deepEqual(
    [4, 5, 9].map((time) => [statusWords(row, time), sizeWords(row, time)]),
    [
      ['pending', ''],
      ['200', ''],
      ['200', '10\u00a0B'],
    ],
  )
  const told = (data: MadeEvent['data']): string[] => {
    const [other]: FetchRow[] = read([queued(0, 1), ended(9, 1, data)]).rows
    return [statusWords(other, 9), sizeWords(other, 9), protocolWords(other)]
  }
  assert.deepEqual(told({ outcome: 'from-cache', bytes: 0 }), ['cached', '', 'h2'])
  assert.deepEqual(told({ outcome: 'failed', status: 0, bytes: 0, protocol: '' }), ['failed', '', ''])
  assert.deepEqual(told({ outcome: 'cancelled', status: 0, bytes: 0, protocol: 'http/1.1' }), ['cancelled', '', 'HTTP/1.1'])
  assert.deepEqual(told({ outcome: 'pushed' }), ['200 pushed', '10\u00a0B', 'h2'])
  assert.deepEqual(told({ status: 404, bytes: 0 }), ['404', '0\u00a0B', 'h2'])
})
