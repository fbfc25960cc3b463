import assert from 'node:assert/strict'
import { Director } from '../../src/run/director.ts'
import { InlineHosts } from '../../src/run/inline-hosts.ts'
import type { Action, Intervention } from '../../src/scenario/intervention.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import type { FrameRecord } from '../../src/trace/record.ts'

const MS = 1_000_000

/** Ten pings of 100 bytes in all at one moment, over a line that takes 0.8 ms for each and 10 ms more. */
export const BURST: ResolvedScenario = resolveScenario({
  id: 'burst',
  title: 'A burst',
  duration: '10 s',
  hosts: {
    alice: { app: 'ping', to: 'bob', count: 10, interval: '1 us', size: '58 B', start: '100 ms', timeout: '1 s' },
    bob: {},
  },
  links: [{ between: ['alice', 'bob'], rate: '1 Mbit/s', delay: '10 ms' }],
  knobs: {
    loss: { label: 'Loss', range: ['0 %', '100 %'], sets: 'links[0].loss' },
    size: { label: 'Size', range: ['0 B', '1000 B'], sets: 'hosts.alice.size' },
  },
})

/** A run of which one decides when it goes on. */
export class Session {
  readonly director: Director
  readonly hosts: InlineHosts

  constructor(scenario: ResolvedScenario = BURST, interventions: readonly Intervention[] = []) {
    this.director = new Director(scenario, { seed: scenario.seed, interventions })
    this.hosts = new InlineHosts(scenario, scenario.seed, this.director)
  }

  to(time: number): this {
    this.hosts.advance(time)
    return this
  }

  do(action: Action): this {
    this.hosts.perform(this.director.intervene(action))
    this.hosts.settle()
    return this
  }

  end(): this {
    return this.to(this.director.scenario.duration)
  }

  frames(where?: (frame: FrameRecord) => boolean): FrameRecord[] {
    return [...this.director.store.frames(where)]
  }

  frame(number: number): FrameRecord {
    const frame = this.director.store.frame(number)
    assert.ok(frame !== undefined, 'it is there')
    return frame
  }

  /** Sequence numbers of pings that were answered. */
  answered(): unknown[] {
    return this.director.store.all('ping:replied').map(({ data }) => data['sequence'])
  }
}

/** Echo requests leave from 120.7 ms on, and arrive from 131.5 ms on: three are in flight here, seven wait. */
export const BUSY = 123 * MS + 1
