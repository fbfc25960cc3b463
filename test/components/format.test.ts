import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatClock, formatMillis, formatSpeed, roundExtent } from '../../components/format.ts'
import { LINK_CONTROLS, logStops, nearestStop } from '../../components/link-settings.ts'

const plain = (text: string): string => text.replaceAll('\u00a0', ' ')

describe('words for time', () => {
  it('a speed says how much of the simulation takes a second', () => {
    assert.equal(plain(formatSpeed(0.01)), '10 ms takes 1 s')
    assert.equal(plain(formatSpeed(0.001)), '1 ms takes 1 s')
    assert.equal(plain(formatSpeed(10)), '10 s takes 1 s')
    assert.equal(plain(formatSpeed(1)), 'real time')
  })

  it('a clock keeps its digits while it runs, and rounds down', () => {
    assert.equal(plain(formatClock(0, 5e8)), '0.000 ms')
    assert.equal(plain(formatClock(12_345_999, 5e8)), '12.345 ms')
    assert.equal(plain(formatClock(12_345_999, 2e9)), '0.012345 s')
    assert.equal(formatMillis(1_234_567_890), '1234.567')
  })

  it('a scale ends at 1, 2 or 5 times a power of ten', () => {
    assert.deepEqual([0, 1, 3, 9, 10, 11, 210, 510].map(roundExtent), [1, 1, 5, 10, 10, 20, 500, 1000])
  })
})

describe('logarithmic sliders', () => {
  it('ascend, and stop at numbers people would type', () => {
    const ranges = LINK_CONTROLS.filter((control) => control.kind === 'range').filter(({ scale }) => scale === 'log')
    assert.ok(ranges.length > 10, 'most are')
    for (const { min, max, zero } of ranges) {
      const stops = logStops(min, max, zero !== undefined)
      assert.deepEqual(
        stops,
        stops.toSorted((a, b) => a - b),
      )
      assert.equal(stops[0], zero === undefined ? min : 0)
      assert.equal(stops.at(-1), max)
    }
  })

  it('find the stop nearest by ratio, and 0 only for 0', () => {
    const stops = logStops(1000, 1_000_000, true)
    assert.equal(stops[nearestStop(stops, 0)], 0)
    assert.equal(stops[nearestStop(stops, 1)], 1000)
    assert.equal(stops[nearestStop(stops, 10_400)], 10_000)
    assert.equal(stops[nearestStop(stops, 9e9)], 1_000_000)
  })
})
