import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { courseOf } from '../../../scenarios/reconnection-storm/course.ts'
import { judgeClaims } from '../../../src/scenario/claims.ts'
import { runOf, sourceOf, type RunSetup } from '../catalog-runs.ts'
import { knobs, s } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { Spoil } from '../spoiled-trace.ts'

/** What a reader does by hand: with everybody in, and before the power goes. */
const DRAINED: RunSetup = { interventions: [{ at: 10.5e9, set: { knob: 'drain', value: true } }] }
const ADMISSION: RunSetup = { interventions: [{ at: 13e9, set: { knob: 'admission', value: 2 } }] }

const STORM = 17e9
const forgets = (state: string): Spoil => ({
  event: (event) =>
    event.name === 'client:state-changed' && event.data['state'] === state && event.time > STORM ? undefined : event,
})
/** As if nobody had lost a connection in the storm. */
const HOLDS: Spoil = {
  event: (event) =>
    event.name === 'client:state-changed' && event.data['state'] !== 'connected' && event.time > STORM ? undefined : event,
}

testScenario('reconnection-storm', {
  variants: [
    ...knobs({ policy: 'full jitter' }, { clients: '100' }, { clients: '500', policy: 'full jitter' }),
    ...knobs({ shed: '100 ms' }, { resumption: '600 s' }, { policy: 'fixed' }, { policy: 'equal jitter' }),
    DRAINED,
    ADMISSION,
  ],
  contradictions: [
    [{}, HOLDS],
    [{ knobs: { policy: 'full jitter' } }, forgets('connected')],
    [{ knobs: { shed: '100 ms' } }, forgets('connected')],
    [
      DRAINED,
      {
        event: (event) =>
          event.name === 'client:state-changed' && event.data['state'] === 'connected' && event.time > 11e9 ? undefined : event,
      },
    ],
    [{}, { event: (event) => (event.name === 'live:joined' && event.time > STORM ? undefined : event) }],
  ],
  figures: () => {
    const course = (setup: RunSetup): NonNullable<ReturnType<typeof courseOf>> => {
      const found = courseOf(runOf('reconnection-storm', setup).trace)
      assert.ok(found, 'clients were there')
      return found
    }
    const all = course({})
    const jitter = course({ knobs: { policy: 'full jitter' } })
    const resumed = course({ knobs: { resumption: '600 s' } })
    return [
      `of 200 clients ${String(all.fewest)} are connected at the worst, and ${String(all.last)} at the end`,
      `With full jitter, ${String(jitter.fewest)} at the worst, and all again after ${s(jitter.fullAfter)}; with sessions, after ${s(resumed.fullAfter)}`,
      ...readFileSync(new URL('../../../scenarios/reconnection-storm/storms.csv', import.meta.url), 'utf8')
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.split(',').slice(0, 5).map(withSeparators).join(' | ')),
    ]
  },
  ways: [{ knobs: { policy: 'full jitter' } }, { knobs: { clients: '100', shed: '100 ms' } }, DRAINED],
  passesOnWrongFrames: true,
})

/** `'10009'` as people write it: `'10,009'`. */
function withSeparators(cell: string): string {
  return /^\d+$/.test(cell) ? Number(cell).toLocaleString('en-US') : cell
}

test('ten thousand clients at once: the claims hold at the size that is told of', () => {
  for (const policy of ['at once', 'full jitter']) {
    const { trace } = runOf('reconnection-storm', { knobs: { clients: '10,000', policy } })
    assert.equal(trace.thinnedBytes, 0, 'the whole storm is kept')
    for (const { says, holds, evidence } of judgeClaims(sourceOf('reconnection-storm'), trace))
      assert.ok(holds, `${policy}: ${says} ${evidence}`)
  }
})
