import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { scenarioJsonSchema } from '../../src/scenario/json-schema.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { DOWNLOAD } from './scenario-fixture.ts'
import { schemaProblem } from './json-schema-checker.ts'

const SCHEMA = scenarioJsonSchema()
const problemOf = (value: unknown): string | undefined => schemaProblem(SCHEMA, value)

const TOUR = {
  $schema: 'https://example.org/scenario.schema.json',
  id: 'tour',
  title: 'A tour of everything',
  summary: 'All of it.',
  seed: 3,
  duration: '5 s',
  speed: 0.1,
  hosts: {
    alice: {
      label: 'Alice',
      position: { x: 0.1, y: 0.5 },
      apps: [
        { app: 'browser', visits: ['http://bob/', { url: 'http://bob/x', at: '1 s', upload: '1 kB' }] },
        { app: 'ping', to: 'bob' },
        { app: 'socket-script', connect: 'bob:7', steps: ['shutdown', { do: 'send', bytes: '1 kB' }] },
      ],
      tcp: { sack: false, minRto: '1 s' },
      gateway: 'r',
    },
    s: { kind: 'switch' },
    r: { kind: 'router', addresses: { 's-r': '10.5.0.1/24' } },
    bob: { app: 'web-server', serves: { '/': { size: '4 KiB', resources: ['/a.css'], delay: '5 ms' }, '/a.css': '1 kB' } },
  },
  links: [
    { between: ['alice', 's'], rate: 'unlimited', queue: '100 packets' },
    { between: ['s', 'r'] },
    {
      between: ['r', 'bob'],
      name: 'uplink',
      forward: { loss: '1 %', lossList: [3] },
      backward: { jitter: '1 ms', corrupt: 0.01 },
    },
  ],
  knobs: {
    loss: { label: 'Loss', range: ['0 %', '20 %'], sets: 'links.uplink.forward.loss' },
    sack: { label: 'SACK', sets: ['hosts.alice.tcp.sack'] },
    delay: { label: 'Delay', choices: ['1 ms', { value: '10 ms', label: 'ten' }], sets: 'links[0].delay' },
    trouble: {
      label: 'Trouble',
      choices: ['none', { value: 'loss', label: 'A loss', sets: { 'links.uplink.backward.lossList': [2, 3] } }],
    },
  },
  faults: ['drop', 'cut'],
  views: ['events', 'inspector'],
  lesson: [{ text: 'Look.', until: { event: 'page:loaded' } }, { text: 'End.' }],
  claims: [{ says: 'It loads', measure: 'page-load-time', below: '2 s' }],
}

test('valid scenarios are accepted, by the schema and by the resolver', () => {
  for (const source of [DOWNLOAD, TOUR]) {
    assert.equal(problemOf(source), undefined)
    assert.ok(resolveScenario(source))
  }
})

test('what is wrong in form is refused by the schema too', () => {
  // These are wrong between the parts, or beyond what a pattern can say.
  const BEYOND = [
    'address-out-of-subnet',
    'broadcast-address',
    'claim-without-bound',
    'duplicate-address',
    'duplicate-link',
    'duration-of-a-year',
    'gateway-to-nobody',
    'isolated-host',
    'knob-down-to-zero-delay',
    'knob-of-wrong-unit',
    'knob-path-misspelt',
    'knob-path-to-nothing',
    'knob-range-backwards',
    'knob-starts-outside',
    'link-to-itself',
    'loop-of-switches',
    'missing-app-option',
    'no-such-address',
    'resources-of-an-image',
    'switch-with-app',
    'two-servers-on-a-port',
    'unknown-host-in-link',
    'visit-to-nobody',
    'zero-delay',
  ]
  const folder = new URL('./broken/', import.meta.url)
  const accepted = readdirSync(folder)
    .filter((file) => problemOf(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))) === undefined)
    .map((file) => file.replace('.json', ''))
  assert.deepEqual(accepted.sort(), BEYOND)
})

test('every property says what it is', () => {
  const silent: string[] = []
  const walk = (schema: unknown, path: string): void => {
    if (typeof schema !== 'object' || schema === null) return
    for (const [key, value] of Object.entries(schema as Record<string, unknown>)) {
      if (key === 'properties') {
        for (const [name, property] of Object.entries(value as Record<string, Record<string, unknown>>)) {
          const known = 'description' in property || '$ref' in property || 'const' in property || 'not' in property
          if (!known) silent.push(`${path}.${name}`)
        }
      }
      walk(value, `${path}/${key}`)
    }
  }
  walk(SCHEMA, '')
  assert.deepEqual(silent, [])
})

test('it is plain JSON, and names its dialect', () => {
  assert.deepEqual(JSON.parse(JSON.stringify(SCHEMA)), SCHEMA)
  assert.match(String((SCHEMA as Record<string, unknown>)['$schema']), /json-schema\.org\/draft\/2020-12/)
})
