import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { judgeCaptures, type Judgment } from './capture-judge.ts'
import { runOf, type RunSetup } from './catalog-runs.ts'
import type { Expectations } from './expectations.ts'
import type { InlineRun } from '../../src/run/run-inline.ts'

const FAULTS = { reorder: 0.01, duplicate: 0.01, corrupt: 0.01 } as const

const PLAIN = 'as it stands'
const LOSSY = 'with 2 % of loss as well'
const WORST = 'with 10 % of loss as well'
const UNNOTICED = 'corrupted, and nobody notices'

/** What the links do, for every scenario. */
const IMPAIRMENTS: Readonly<Record<string, RunSetup>> = {
  [PLAIN]: {},
  'reordered, duplicated and corrupted': { links: { ...FAULTS, loss: 0 } },
  [LOSSY]: { links: { ...FAULTS, loss: 0.02 } },
  [WORST]: { links: { ...FAULTS, loss: 0.1 } },
  [UNNOTICED]: { links: { corrupt: 0.05, corruptUndetected: true } },
}

/** From so many frames on a run is large: less of it is read, for tshark takes as long for one of them as for all of twenty others. */
const LARGE = 5000

/** Numbers of the frames of a capture of all links in which bits flipped. */
function corruptedIn({ trace }: InlineRun): number[] {
  return [...trace.frames(({ corrupted }) => corrupted)].map(({ number }) => number)
}

/** Registers tests of what tshark says about a scenario's captures. */
export function testCaptures(id: string, { ways = [], passesOnWrongFrames }: Expectations): void {
  const captures = new Map<string, Uint8Array>()
  const runs = new Map<string, InlineRun>()
  let judgments: ReadonlyMap<string, Judgment>
  before(async () => {
    let isLarge = false
    for (const [name, setup] of Object.entries(IMPAIRMENTS)) {
      // A switch passes such a frame on, and on the next link nothing happens to it: there it is wrong, and not marked.
      if (passesOnWrongFrames && name === UNNOTICED) continue
      if (isLarge && name === LOSSY) continue
      const run = runOf(id, setup)
      if (name === PLAIN) isLarge = run.trace.frameCount > LARGE
      runs.set(name, run)
      captures.set(name, run.capture({ kind: 'links' }))
      if (name !== WORST && (name !== UNNOTICED || isLarge)) continue
      for (const host of run.trace.hosts) captures.set(`${name}, at ${host}`, run.capture({ kind: 'host', host }))
    }
    for (const setup of ways) {
      const name = JSON.stringify(setup)
      const run = runOf(id, setup)
      runs.set(name, run)
      captures.set(name, run.capture({ kind: 'links' }))
    }
    judgments = await judgeCaptures(captures)
  })

  test('nothing in its captures is malformed, wrong, or has a bad checksum, but for frames that are marked as corrupted', () => {
    assert.deepEqual(
      [...judgments].flatMap(([name, { complaints }]) => complaints.map((what) => `${name}: ${what}`)),
      [],
    )
  })

  test('every frame of a run is in the capture of all links, and the corrupted ones, and only these, are marked there', () => {
    for (const [name, run] of runs) {
      const judgment = judgments.get(name)
      assert.equal(judgment?.frames, run.trace.frameCount, name)
      assert.deepEqual(judgment.corrupted, corruptedIn(run), name)
    }
  })

  test('a host never sees what its interface refused', () => {
    for (const [name, { corrupted }] of judgments) {
      if (/, at [a-z0-9-]+$/.test(name) && !name.includes(UNNOTICED)) assert.deepEqual(corrupted, [], name)
    }
  })
}
