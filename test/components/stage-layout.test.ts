import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { BAND, layOut, preferredHeight, type Layout } from '../../components/packet-stage/layout.ts'
import { placeCaptions } from '../../components/packet-stage/link-captions.ts'
import { syntheticScenario, type HostPlan, type LinkPlan } from '../pages/synthetic-run.ts'

const width = (text: string): number => text.length * 7

function line(count: number): ReturnType<typeof syntheticScenario> {
  const hosts: HostPlan[] = Array.from({ length: count }, (_, i) => ({ name: `host${String(i)}`, x: (i + 0.5) / count, y: 0.5 }))
  const links: LinkPlan[] = hosts.slice(1).map((host, i) => ({ between: [hosts[i].name, host.name] }))
  return syntheticScenario(hosts, links)
}

function apart(layout: Layout): boolean {
  return layout.cards.every((a, i) =>
    layout.cards.every(
      (b, j) => i >= j || Math.abs(a.x - b.x) >= (a.width + b.width) / 2 || Math.abs(a.y - b.y) >= (a.height + b.height) / 2,
    ),
  )
}

function inside(layout: Layout): boolean {
  return layout.cards.every(
    ({ x, y, width, height }) =>
      x - width / 2 >= 0 && x + width / 2 <= layout.width && y - height / 2 >= 0 && y + height / 2 <= layout.height,
  )
}

void describe('the layout of the stage', () => {
  void it('fills the width with two hosts, and centres them', () => {
    const layout = layOut(line(2), { width: 1200, height: 280 }, 1, width)
    assert.equal(layout.turned, false)
    assert.ok(layout.links[0].length > 850, 'the link has the room')
    assert.deepEqual(
      layout.cards.map(({ y }) => y),
      [140, 140],
    )
  })

  void it('turns on its side on a phone', () => {
    const scenario = line(3)
    const height = preferredHeight(scenario, 390, 1)
    const layout = layOut(scenario, { width: 390, height }, 1, width)
    assert.equal(layout.turned, true)
    assert.ok(height > 390 && height < 800)
    assert.ok(apart(layout) && inside(layout))
    assert.ok(layout.links.every(({ length }) => length > 90))
  })

  void it('does not turn for a small gain', () => {
    const square = syntheticScenario(
      [
        { name: 'a', x: 0, y: 0 },
        { name: 'b', x: 1, y: 1 },
      ],
      [{ between: ['a', 'b'] }],
    )
    assert.equal(layOut(square, { width: 500, height: 560 }, 1, width).turned, false)
  })

  void it('makes cards smaller before they touch', () => {
    const layout = layOut(line(7), { width: 1000, height: 260 }, 1, width)
    assert.notEqual(layout.cards[0].form, 'wide')
    assert.ok(apart(layout) && inside(layout))
  })

  void it('keeps links of one pair side by side, in whatever order their ends are given', () => {
    const scenario = syntheticScenario(
      [
        { name: 'a', x: 0, y: 0 },
        { name: 'b', x: 1, y: 0 },
      ],
      [{ between: ['a', 'b'] }, { between: ['b', 'a'] }],
    )
    const { links } = layOut(scenario, { width: 800, height: 300 }, 1, width)
    assert.ok(Math.abs(links[0].y0 - links[1].y0) >= BAND * 2)
    assert.ok(Math.abs(links[0].lanes[0].y0 - links[0].y0) <= BAND)
    assert.ok(Math.abs(links[1].lanes[0].y0 - links[1].y0) <= BAND)
  })

  void it('lets lanes begin and end at the edges of the cards, on slanted links too', () => {
    const scenario = syntheticScenario(
      [
        { name: 'a', x: 0, y: 0 },
        { name: 'b', x: 1, y: 1 },
      ],
      [{ between: ['a', 'b'] }],
    )
    const { cards, links } = layOut(scenario, { width: 700, height: 500 }, 1, width)
    for (const { x0, y0 } of links[0].lanes) {
      const onEdge = cards.some(
        (card) => Math.abs(Math.max(Math.abs(x0 - card.x) - card.width / 2, Math.abs(y0 - card.y) - card.height / 2)) < 0.01,
      )
      assert.ok(onEdge, `${String(x0)}, ${String(y0)} is on an edge`)
    }
  })

  void it('keeps up to six hosts apart and inside, wherever a scenario puts them', () => {
    const place = fc.record({ x: fc.double({ min: 0, max: 1, noNaN: true }), y: fc.double({ min: 0, max: 1, noNaN: true }) })
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 6 }), fc.constantFrom(390, 800, 1280), (places, frameWidth) => {
        const hosts = places.map(({ x, y }, i) => ({ name: `h${String(i)}`, x, y }))
        const scenario = syntheticScenario(
          hosts,
          hosts.slice(1).map(({ name }) => ({ between: ['h0', name] })),
        )
        const layout = layOut(scenario, { width: frameWidth, height: 520 }, 1, width)
        assert.ok(inside(layout))
        assert.ok(apart(layout), JSON.stringify(layout.cards.map(({ x, y, form }) => [x, y, form])))
      }),
      { seed: 5, numRuns: 300 },
    )
  })
})

void describe('captions of links', () => {
  void it('say rate and delay once when both directions agree, and tell them apart when not', () => {
    const scenario = line(2)
    const layout = layOut(scenario, { width: 900, height: 280 }, 1, width)
    const { settings } = scenario.links[0]
    const words = (back: Partial<(typeof settings)[0]>): string | undefined =>
      placeCaptions(layout, [[settings[0], { ...settings[1], ...back }]], width, 16)[0]
        ?.lines.flat()
        .map(({ text }) => text.replaceAll('\u00a0', ' '))
        .join(' · ')
    assert.equal(words({}), '10 Mbit/s · 20 ms')
    assert.equal(words({ rate: 1_000_000 }), '→ 10 Mbit/s  ← 1 Mbit/s · 20 ms')
    assert.equal(words({ loss: 0.02 }), '10 Mbit/s · 20 ms · ← 2 % loss')
  })

  void it('cover no card and no other caption', () => {
    for (const [frameWidth, count] of [
      [1280, 4],
      [390, 3],
      [700, 5],
    ]) {
      const scenario = line(count)
      const layout = layOut(scenario, { width: frameWidth, height: preferredHeight(scenario, frameWidth, 1) }, 1, width)
      const boxes = placeCaptions(
        layout,
        scenario.links.map(({ settings }) => settings),
        width,
        16,
      ).flatMap((caption) => (caption === undefined ? [] : [caption.box]))
      assert.ok(boxes.length > 0)
      const cards = layout.cards.map(({ x, y, width, height }) => ({
        left: x - width / 2,
        right: x + width / 2,
        top: y - height / 2,
        bottom: y + height / 2,
      }))
      boxes.forEach((a, i) => {
        for (const b of [...cards, ...boxes.slice(i + 1)]) {
          assert.ok(a.left >= b.right || a.right <= b.left || a.top >= b.bottom || a.bottom <= b.top)
        }
      })
    }
  })
})
