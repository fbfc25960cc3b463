import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { LabelPlan } from '../../components/packet-stage/label-plan.ts'
import { LabelRequests } from '../../components/packet-stage/label-requests.ts'
import { layOut } from '../../components/packet-stage/layout.ts'
import { syntheticScenario } from '../pages/synthetic-run.ts'

const width = (text: string): number => text.length * 7
const frame = { width: 1000, height: 300 }
const layout = layOut(
  syntheticScenario(
    [
      { name: 'a', x: 0, y: 0 },
      { name: 'b', x: 1, y: 0 },
    ],
    [{ between: ['a', 'b'] }],
  ),
  frame,
  1,
  width,
)
const [there, back] = layout.links[0].lanes

function arrange(requests: LabelRequests, fixed: { left: number; top: number; right: number; bottom: number }[] = []): LabelPlan {
  const plan = new LabelPlan()
  plan.arrange(requests, fixed, frame, ({ subject }) => `seq ${String(subject)}`, width, 14)
  return plan
}

function placed(plan: LabelPlan): { subject: number; x: number; y: number; text: string }[] {
  return plan.placed.slice(0, plan.count).map(({ subject, x, y, text }) => ({ subject, x, y, text }))
}

void describe('labels beside frames', () => {
  void it('stand outside of the lanes, each on the side of its own', () => {
    const requests = new LabelRequests()
    requests.addFrame(1, 500, there.y0, there, 9, 1)
    requests.addFrame(2, 500, back.y0, back, 9, 1)
    const [above, below] = placed(arrange(requests))
    assert.ok(above.y + 14 <= there.y0)
    assert.ok(below.y >= back.y0)
    assert.equal(above.x + width(above.text) / 2, 500)
  })

  void it('give way to the more urgent one, and else to the one that was there first', () => {
    const requests = new LabelRequests()
    requests.addFrame(9, 500, there.y0, there, 9, 2)
    requests.addFrame(1, 505, there.y0, there, 9, 1)
    requests.addFrame(5, 700, there.y0, there, 9, 1)
    requests.addFrame(4, 705, there.y0, there, 9, 1)
    assert.deepEqual(
      placed(arrange(requests)).map(({ subject }) => subject),
      [9, 4],
    )
  })

  void it('do not cover what stands still, nor leave the frame', () => {
    const requests = new LabelRequests()
    requests.addFrame(1, 500, there.y0, there, 9, 1)
    requests.addFrame(2, 2, there.y0, there, 9, 1)
    assert.equal(arrange(requests, [{ left: 480, top: 0, right: 520, bottom: 300 }]).count, 0)
  })

  void it('do not stand in a queue, except for the number of those in it', () => {
    const requests = new LabelRequests()
    requests.addQueue(there, 10, 110, 18, 6, 12)
    requests.addFrame(7, there.x0 + 60, there.y0, there, 9, 3)
    assert.deepEqual(
      placed(arrange(requests)).map(({ subject }) => subject),
      [12],
    )
  })

  void it('never overlap, however many are wanted', () => {
    const wanted = fc.array(fc.record({ x: fc.integer({ min: 0, max: 1000 }), urgency: fc.integer({ min: 1, max: 3 }) }), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(wanted, (list) => {
        const requests = new LabelRequests()
        list.forEach(({ x, urgency }, i) => {
          requests.addFrame(i + 1, x, there.y0, i % 2 === 0 ? there : back, 9, urgency)
        })
        const labels = placed(arrange(requests))
        labels.forEach((a, i) => {
          for (const b of labels.slice(i + 1)) {
            const clear = a.x >= b.x + width(b.text) || b.x >= a.x + width(a.text) || a.y >= b.y + 14 || b.y >= a.y + 14
            assert.ok(clear, `${a.text} and ${b.text}`)
          }
        })
      }),
      { seed: 3, numRuns: 200 },
    )
  })
})
