import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Director } from '../../src/run/director.ts'
import { InlineHosts } from '../../src/run/inline-hosts.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'

type Tree = Record<string, unknown>

const SERVES = { '/': '4 MB', '/small': '20 kB' }

/** A phone on two networks, and a server behind both. */
function run(browser: Tree, more: { wifi?: Tree; server?: Tree; ip?: string } = {}): TraceView {
  const { ip = 'v4' } = more
  const scenario = resolveScenario({
    id: 'phone',
    title: 'A phone on two networks',
    seed: 3,
    duration: '60 s',
    hosts: {
      phone: { app: 'browser', ip, ...browser },
      hotspot: { kind: 'router', ip },
      mast: { kind: 'router', ip },
      internet: { kind: 'router', ip },
      server: { app: 'web-server', ip, serves: SERVES, tls: {}, ...more.server },
    },
    links: [
      { name: 'wifi', between: ['phone', 'hotspot'], rate: '20 Mbit/s', delay: '2 ms', ...more.wifi },
      { name: 'cellular', between: ['phone', 'mast'], rate: '10 Mbit/s', delay: '25 ms' },
      { between: ['hotspot', 'internet'], rate: '100 Mbit/s', delay: '5 ms' },
      { between: ['mast', 'internet'], rate: '100 Mbit/s', delay: '5 ms' },
      { between: ['internet', 'server'], rate: '100 Mbit/s', delay: '5 ms' },
    ],
  })
  const director = new Director(scenario, { seed: 3 })
  new InlineHosts(scenario, 3, director).advance(scenario.duration)
  assert.deepEqual(director.store.all('app:failed'), [])
  return director.store
}

const mine = (trace: TraceView, name: string): EventRecord[] => trace.all(name, ({ host }) => host === 0)
const ends = (trace: TraceView): unknown[] => mine(trace, 'fetch:ended').map(({ data }) => [data['outcome'], data['error'] ?? ''])
/** Our own address of each connection, as requests were sent. */
const sources = (trace: TraceView): string[] =>
  mine(trace, 'http:request-sent').map(({ data }) => String(data['connection']).replace(/:\d+ ↔.*$/, ''))

for (const ip of ['v4', 'v6'] as const) {
  const [wifi, cellular] = ip === 'v4' ? ['10.0.0.1', '10.0.1.1'] : ['', '']
  describe(`a host with two links, over ${ip}`, () => {
    test('uses the first one as long as it has carrier, then the other, then the first again', () => {
      const at = (url: string, time: string): Tree => ({ url: `https://server${url}`, at: time, reconnect: true })
      const visits = [at('/small', '0 s'), at('/small?1', '5 s'), at('/small?2', '15 s')]
      const server = { serves: { ...SERVES, '/small?1': '20 kB', '/small?2': '20 kB' } }
      const trace = run({ visits }, { ip, wifi: { flaps: [{ at: '3 s', for: '7 s' }] }, server })
      assert.deepEqual(ends(trace), [
        ['complete', ''],
        ['complete', ''],
        ['complete', ''],
      ])
      const [first, second, third] = sources(trace)
      assert.equal(third, first)
      assert.notEqual(second, first)
      if (ip === 'v4') assert.deepEqual([first, second], [wifi, cellular])
    })

    test('a download over TCP dies with its link: a connection belongs to its addresses', () => {
      const trace = run({ visits: 'https://server/' }, { ip, wifi: { flaps: [{ at: '1 s', for: '50 s' }] } })
      assert.deepEqual(ends(trace), [['failed', 'ERR_NETWORK_CHANGED']])
      assert.equal(mine(trace, 'page:failed')[0].time, 1e9)
    })

    test('what was not answered yet is asked again over the other', () => {
      const server = { serves: { '/': { size: '20 kB', delay: '2 s' } } }
      const trace = run({ visits: 'https://server/' }, { ip, server, wifi: { flaps: [{ at: '1 s', for: '50 s' }] } })
      assert.deepEqual(ends(trace), [['complete', '']])
      assert.equal(new Set(sources(trace)).size, 2)
    })

    test('a connection that is not concerned goes on', () => {
      const visits = [{ url: 'https://server/', at: '2 s' }]
      const trace = run({ visits }, { ip, wifi: { flaps: [{ at: '1 s', for: '2 s' }] } })
      assert.deepEqual(ends(trace), [['complete', '']])
      assert.equal(mine(trace, 'interface:carrier-restored').length, 1)
      assert.equal(new Set(sources(trace)).size, 1)
    })
  })
}
