import assert from 'node:assert/strict'
import { test } from 'node:test'
import { layOut } from '../../components/packet-stage/layout.ts'
import { tell } from '../../components/packet-stage/stage-words.ts'
import { networkAt } from '../../components/network-state.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { Run } from '../../src/run/run.ts'

const scenario = resolveScenario({
  id: 'versions',
  title: 'Versions',
  hosts: {
    old: {},
    both: { address6: 'auto' },
    young: { ip: 'v6' },
    lan: { kind: 'switch' },
    router: { kind: 'router', ip: 'dual', advertises: true },
  },
  links: ['old', 'both', 'young', 'router'].map((name) => ({ between: [name, 'lan'] })),
})

test('a card on the stage shows the first address, IPv4 before IPv6, and how many more there are', () => {
  const { cards } = layOut(scenario, { width: 1600, height: 900 }, 1, (text) => text.length * 7)
  assert.deepEqual(
    cards.map(({ address }) => address),
    ['10.0.0.1', '10.0.0.2 +1', '2001:db8::1', '', '10.0.0.254 +1'],
  )
})

test('what is told of a host names every address, and how it came by it', () => {
  const run = { scenario, log: [], trace: { hosts: scenario.hosts.map(({ name }) => name) } } as unknown as Run
  const lines = (index: number): readonly string[] =>
    tell({ kind: 'host', index }, run, networkAt(scenario, [], 0))?.lines.slice(1) ?? []
  assert.deepEqual(lines(0), ['eth0 10.0.0.1/24'])
  assert.deepEqual(lines(1), ['eth0 10.0.0.2/24', 'eth0 2001:db8::ff:fe02:0/64, by router advertisement'])
  assert.deepEqual(lines(2), ['eth0 2001:db8::1/64'])
})
