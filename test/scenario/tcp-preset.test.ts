import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tcpConfig } from '../../src/protocols/tcp/config.ts'
import { ScenarioError } from '../../src/scenario/errors.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'

function scenario(tcp: unknown, knob?: unknown, chosen: Record<string, unknown> = {}): ResolvedScenario {
  return resolveScenario(
    {
      id: 'presets',
      title: 'Presets',
      hosts: { alice: { tcp }, bob: {} },
      links: [{ between: ['alice', 'bob'] }],
      ...(knob !== undefined && { knobs: { knob } }),
    },
    { knobs: chosen },
  )
}

const settingsOf = ({ hosts }: ResolvedScenario) => tcpConfig(hosts[0].tcp)

test('a preset is what the other settings begin with', () => {
  const { congestionControl, rack, ecn } = settingsOf(scenario({ preset: 'linux', ecn: 'on' }))
  assert.deepEqual([congestionControl, rack, ecn], ['cubic', true, 'on'])
  assert.equal(settingsOf(scenario({ preset: 'textbook' })).sack, false)
  assert.deepEqual(settingsOf(scenario({ preset: 'standard' })), tcpConfig({}))
})

test('presets and congestion controls that do not exist are named with those that do', () => {
  for (const [tcp, path, allowed] of [
    [{ preset: 'windows' }, 'hosts.alice.tcp.preset', /standard.*linux.*textbook/],
    [{ congestionControl: 'vegas' }, 'hosts.alice.tcp.congestionControl', /new-reno.*cubic.*bbr/],
    [{ ecn: true }, 'hosts.alice.tcp.ecn', /off.*passive.*on/],
  ] as const) {
    assert.throws(
      () => scenario(tcp),
      (error) => error instanceof ScenarioError && error.path === path && allowed.test(error.allowed),
    )
  }
})

test('a knob sets the preset; left alone it stands at the one in force', () => {
  const knob = { label: 'TCP', choices: ['standard', 'linux', 'textbook'], sets: 'hosts.alice.tcp.preset' }
  assert.equal(scenario({}, knob).knobs[0].value, 'standard')
  assert.equal(scenario({ preset: 'textbook' }, knob).knobs[0].value, 'textbook')
  assert.equal(settingsOf(scenario({}, knob, { knob: 'linux' })).congestionControl, 'cubic')
})

test('a knob sets the congestion control; left alone it stands at that of the preset', () => {
  const knob = { label: 'Congestion control', choices: ['new-reno', 'cubic', 'bbr'], sets: 'hosts.alice.tcp.congestionControl' }
  assert.equal(scenario({}, knob).knobs[0].value, 'new-reno')
  assert.equal(scenario({ preset: 'linux' }, knob).knobs[0].value, 'cubic')
  const bbr = settingsOf(scenario({ preset: 'linux' }, knob, { knob: 'bbr' }))
  assert.deepEqual([bbr.congestionControl, bbr.rack], ['bbr', true])
})
