import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { activeFaults, clearingAction, networkAt } from '../../components/network-state.ts'
import type { Action, Intervention } from '../../src/scenario/intervention.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'

const scenario = resolveScenario({
  id: 'three',
  title: 'Three hosts',
  seed: 1,
  hosts: { alice: {}, bob: {}, carol: {} },
  links: [
    { between: ['alice', 'bob'], rate: '10 Mbit/s', delay: '20 ms', loss: '1 %' },
    { between: ['bob', 'carol'], delay: '5 ms' },
  ],
  knobs: { loss: { label: 'Loss', range: ['0 %', '20 %'], sets: 'links[0].loss' } },
})
const [first] = scenario.links
const at = (time: number, action: Action): Intervention => ({ ...action, at: time })
const clear = (log: readonly Intervention[]): Intervention[] => {
  const faults = activeFaults(networkAt(scenario, log, 100))
  return [...log, ...faults.map((fault) => at(100, clearingAction(scenario, fault)))]
}

describe('the network as people have left it', () => {
  it('is the scenario when nobody did anything', () => {
    const state = networkAt(scenario, [], 0)
    assert.deepEqual(state.links[0].settings, first.settings)
    assert.deepEqual(state.power, ['on', 'on', 'on'])
    assert.deepEqual(activeFaults(state), [])
  })

  it('knows only what happened up to the given time', () => {
    const log = [at(10, { cut: first.name }), at(20, { heal: first.name })]
    assert.equal(networkAt(scenario, log, 9).links[0].settings[0].up, true)
    assert.equal(networkAt(scenario, log, 10).links[0].settings[0].up, false)
    assert.equal(networkAt(scenario, log, 20).links[0].settings[0].up, true)
  })

  it('knows of hosts that lose their power by themselves, and of who gave it back before', () => {
    const failing = resolveScenario({
      id: 'failing',
      title: 'A host fails',
      seed: 1,
      hosts: { alice: {}, bob: { outages: [{ at: '10 ns', for: '20 ns' }, { at: '50 ns' }] } },
      links: [{ between: ['alice', 'bob'], delay: '5 ms' }],
    })
    const powerAt = (time: number, log: readonly Intervention[] = []): string => networkAt(failing, log, time).power[1]
    assert.deepEqual(
      [9, 10, 29, 30, 49, 50, 90].map((time) => powerAt(time)),
      ['on', 'off', 'off', 'on', 'on', 'off', 'off'],
    )
    const log = [at(15, { restart: 'bob' }), at(20, { pause: 'bob' }), at(60, { restart: 'bob' })]
    assert.deepEqual(
      [14, 15, 20, 30, 50, 60].map((time) => powerAt(time, log)),
      ['off', 'on', 'paused', 'paused', 'off', 'on'],
    )
    assert.deepEqual(activeFaults(networkAt(failing, [], 50)), [{ kind: 'host', host: 1, power: 'off' }])
  })

  it('changes one setting of one direction and leaves all others alone', () => {
    const state = networkAt(scenario, [at(1, { link: { name: first.name, direction: 1, settings: { delay: 7 } } })], 1)
    assert.deepEqual(state.links[0].settings[0], first.settings[0])
    assert.deepEqual(state.links[0].settings[1], { ...first.settings[1], delay: 7 })
    assert.deepEqual(state.links[1].settings, scenario.links[1].settings)
  })

  it('takes what a knob says for the rule, not for a fault', () => {
    const state = networkAt(scenario, [at(1, { set: { knob: 'loss', value: 0.05 } })], 1)
    assert.equal(state.links[0].settings[0].loss, 0.05)
    assert.deepEqual(activeFaults(state), [])
    assert.equal(state.knobs['loss'], 0.05)
  })

  it('a fault on what a knob governs clears to where the knob stands', () => {
    const log = [at(1, { set: { knob: 'loss', value: 0.05 } }), at(2, { link: { name: first.name, settings: { loss: 0.5 } } })]
    const [fault] = activeFaults(networkAt(scenario, log, 2))
    const clearing = clearingAction(scenario, fault)
    assert.deepEqual(clearing, { link: { name: first.name, settings: { loss: null } } })
    const cleared = networkAt(scenario, [...log, at(3, clearing)], 3)
    assert.equal(cleared.links[0].settings[0].loss, 0.05)
  })
})

describe('clearing', () => {
  const faults: readonly Action[] = [
    { cut: first.name },
    { link: { name: first.name, settings: { loss: 0.3 } } },
    { link: { name: first.name, direction: 0, settings: { delay: 3, rate: 1000 } } },
    { link: { name: first.name, settings: { lossList: [3, 4] } } },
    { link: { name: first.name, direction: 1, settings: { up: false } } },
    { kill: 'bob' },
    { pause: 'carol' },
  ]
  for (const fault of faults) {
    it(`really clears ${JSON.stringify(fault)}`, () => {
      const log = [at(1, fault)]
      assert.notEqual(activeFaults(networkAt(scenario, log, 1)).length, 0)
      assert.deepEqual(networkAt(scenario, clear(log), 100), networkAt(scenario, [], 0))
    })
  }

  it('of one fault leaves the others in force', () => {
    const log = faults.map((fault, index) => at(index, fault))
    const state = networkAt(scenario, log, 50)
    const all = activeFaults(state)
    for (const [index, fault] of all.entries()) {
      const left = activeFaults(networkAt(scenario, [...log, at(60, clearingAction(scenario, fault))], 60))
      assert.deepEqual(left, all.toSpliced(index, 1))
    }
  })

  it('a fault that both directions share is one fault', () => {
    const shared = activeFaults(networkAt(scenario, [at(1, { link: { name: first.name, settings: { loss: 0.3 } } })], 1))
    assert.deepEqual(shared, [{ kind: 'link', link: 0, direction: undefined, key: 'loss', value: 0.3, baseline: 0.01 }])
  })
})
