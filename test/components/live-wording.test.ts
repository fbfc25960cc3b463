import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { eventWords } from '../../components/wording.ts'
import { runInline, type InlineRun } from '../../src/run/run-inline.ts'
import type { EventRecord } from '../../src/trace/record.ts'
import { liveNetwork } from '../property/live-networks.ts'

const SECOND = 1e9
const ROOMS = /^(?:client|chat|live|news|sse|poll|balancer|vrrp|bus|redis|request|host):/

function wordsOf({ trace }: Pick<InlineRun, 'trace'>): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const event of trace.events) {
    if (!ROOMS.test(event.name)) continue
    const words = eventWords(event).replaceAll('\u00a0', ' ')
    const generic = eventWords({ name: event.name.replace(/^[^:]*:/, 'nobody:'), data: event.data })
    assert.doesNotMatch(words, /undefined|\[object/, event.name)
    if (Object.keys(event.data).length > 0) assert.notEqual(words, generic, `${event.name} has no words`)
    found.set(event.name, [...(found.get(event.name) ?? []), words])
  }
  return found
}

const say = (name: string, data: EventRecord['data']): string => eventWords({ name, data }).replaceAll('\u00a0', ' ')

describe('events of real-time applications, balancers and the bus in words', () => {
  for (const network of ['l4', 'l7-events', 'vrrp-l7'] as const) {
    it(`${network}, whose server is killed: each event has a sentence of its own, and nothing in it is missing`, () => {
      const interventions = [
        { at: SECOND, kill: 's1' },
        { at: 2 * SECOND, restart: 's1' },
        { at: 2.5 * SECOND, restart: 'bus' },
      ]
      const words = wordsOf(runInline(liveNetwork(network), { interventions, until: 3.2 * SECOND }))
      assert.ok(words.size > 10, 'there are events of many kinds')
      const states = words.get('client:state-changed') ?? []
      assert.ok(states.includes('Connects, attempt 1'), states[0])
      assert.ok(
        states.some((each) => /^Is connected, to (www|lb), after [\d.]+ ms$/.test(each)),
        states[1],
      )
    })
  }

  it('say what happened', () => {
    assert.equal(
      say('client:state-changed', { state: 'backing-off', wait: 2e9, why: 'silence' }),
      'Waits 2 s before it tries again, silence',
    )
    assert.equal(say('client:state-changed', { state: 'backing-off', wait: 0, why: 'silence' }), 'Tries again at once, silence')
    assert.equal(say('balancer:backend-changed', { backend: 'w1', state: 'ejected' }), 'w1 is left alone for a while')
    assert.equal(
      say('host:crashed', { why: 'out of memory', restartAfter: 3e9 }),
      'Crashes: out of memory, and starts again after 3 s',
    )
    assert.equal(
      say('request:ended', { id: 7, status: 0, error: 'timeout', duration: 1e9, attempts: 5 }),
      'Request 7: no answer, timeout after 1 s, 5 attempts',
    )
    assert.equal(
      say('host:load-sampled', { processor: 0.456, memory: 2000, connections: 1, acceptQueue: 2, synQueue: 0, descriptors: 9 }),
      'Processor 46 %, 2 kB of memory, 1 connection, 2 connections to be accepted, 0 half open',
    )
    assert.equal(
      say('host:descriptors-exhausted', { error: 'EMFILE', limit: 50 }),
      'Cannot open anything: 50 files are open, which is the limit',
    )
  })
})
