import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInline } from '../../src/run/run-inline.ts'
import { ScenarioError } from '../../src/scenario/errors.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'

const SECOND = 1e9

const source = (outages: unknown) => ({
  id: 'outages',
  title: 'Outages',
  duration: '10 s',
  hosts: { alice: { app: 'ping', to: 'bob', count: 10, interval: '1 s', timeout: '500 ms' }, bob: { outages } },
  links: [{ between: ['alice', 'bob'], rate: '10 Mbit/s', delay: '5 ms' }],
  knobs: { when: { label: 'When', range: ['1 s', '9 s'], sets: 'hosts.bob.outages[0].at' } },
})

const outcomes = (outages: unknown, interventions: Intervention[] = [], knobs = {}) => {
  const run = runInline(resolveScenario(source(outages), { knobs }), { interventions })
  const replies = run.trace.all('ping:replied').filter(({ data }) => data['kind'] === 'reply')
  const powers = ['run:host-killed', 'run:host-restarted'].flatMap((name) =>
    run.trace.all(name).map(({ time }) => `${name.slice(9)} ${String(time / SECOND)}`),
  )
  return { replies: replies.length, powers, log: run.director.log, refused: run.director.refused }
}

describe('a host whose power goes by itself', () => {
  test('is silent until it comes back', () => {
    const { replies, powers, log } = outcomes([{ at: '2500 ms', for: '3 s' }])
    assert.deepEqual(powers, ['killed 2.5', 'restarted 5.5'])
    assert.equal(replies, 7)
    assert.deepEqual(log, [], 'nobody did anything')
  })

  test('is silent for good when no time is given', () => {
    const { replies, powers } = outcomes([{ at: '2500 ms' }])
    assert.deepEqual([replies, powers], [3, ['killed 2.5']])
  })

  test('a knob may say when', () => {
    assert.deepEqual(outcomes([{ at: '2500 ms' }], [], { when: '6500 ms' }).powers, ['killed 6.5'])
  })

  test('what was killed before dies no second time, and what was brought back is not started again', () => {
    const interventions: Intervention[] = [
      { at: 2 * SECOND, kill: 'bob' },
      { at: 3 * SECOND, restart: 'bob' },
    ]
    const { powers, refused, log } = outcomes([{ at: '2500 ms', for: '3 s' }], interventions)
    assert.deepEqual(powers, ['killed 2', 'restarted 3'])
    assert.deepEqual(refused, [])
    assert.equal(log.length, 2)
  })

  test('an outage at no time is refused with its path', () => {
    assert.throws(
      () => resolveScenario(source([{ for: '3 s' }])),
      (error) => error instanceof ScenarioError && error.message.includes('hosts.bob.outages[0].at'),
    )
  })
})
