import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInline, type InlineRun } from '../../src/run/run-inline.ts'
import { parseInterventions } from '../../src/scenario/intervention-json.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { ScenarioSource } from '../../src/scenario/schema.ts'

const MS = 1e6
const S = 1e9

type Hosts = ScenarioSource['hosts']

interface Setup {
  readonly links?: ScenarioSource['links']
  readonly knobs?: ScenarioSource['knobs']
  readonly interventions?: readonly unknown[]
}

function run(hosts: Hosts, { links, knobs, interventions = [] }: Setup = {}): InlineRun {
  const names = Object.keys(hosts)
  const scenario = resolveScenario({
    id: 'machine',
    title: 'A machine',
    duration: '60 s',
    hosts,
    links: links ?? [{ between: [names[0] ?? '', names[1] ?? ''], delay: '10 ms' }],
    ...(knobs && { knobs }),
  })
  return runInline(scenario, { interventions: parseInterventions(interventions, scenario) })
}

const numbers = (result: InlineRun, name: string, key: string): number[] =>
  result.trace.all(name).map(({ data }) => Number(data[key]))

describe('a processor that takes its time', () => {
  const pinging = (machine?: object, interventions: readonly unknown[] = []): number[] =>
    numbers(
      run(
        {
          alice: { app: 'ping', to: 'bob', count: 6, interval: '1 s' },
          bob: { ...(machine && { machine }) },
        },
        { interventions },
      ),
      'ping:replied',
      'rtt',
    )

  test('each packet that comes in or goes out takes what the machine says', () => {
    const [first, ...others] = pinging()
    const slow = pinging({ perPacket: '3 ms' })
    // The first one also asks for an address, and is asked for one.
    assert.ok(first !== undefined && first > 20 * MS)
    assert.deepEqual(
      slow.slice(1),
      others.map((rtt) => rtt + 2 * 3 * MS),
    )
  })

  test('set by hand it counts from then on, and cleared it is as if it had never been', () => {
    const before = pinging()
    const during = pinging(undefined, [
      { at: '1.5 s', host: { name: 'bob', perPacket: '3 ms' } },
      { at: '3.5 s', host: { name: 'bob', perPacket: null } },
    ])
    assert.deepEqual(
      during.map((rtt, index) => rtt - (before[index] ?? 0)),
      [0, 0, 6 * MS, 6 * MS, 0, 0],
    )
  })

  test('a knob turns it, and what is set by hand lies on top', () => {
    const result = run(
      { alice: { app: 'ping', to: 'bob', count: 6, interval: '1 s' }, bob: {} },
      {
        knobs: { slow: { label: 'Slow', range: ['0 ms', '10 ms'], sets: 'hosts.bob.machine.perPacket' } },
        interventions: [
          { at: '0.5 s', host: { name: 'bob', perPacket: '1 ms' } },
          { at: '1.5 s', set: { knob: 'slow', value: '4 ms' } },
          { at: '2.5 s', host: { name: 'bob', perPacket: null } },
          { at: '3.5 s', set: { knob: 'slow', value: '0 ms' } },
        ],
      },
    )
    const [, second = 0, third = 0, fourth = 0, fifth = 0] = numbers(result, 'ping:replied', 'rtt')
    assert.deepEqual([second - fifth, third - fifth, fourth - fifth], [2 * MS, 2 * MS, 8 * MS])
  })

  const streaming = (interval: '4 ms' | '1 ms'): InlineRun =>
    run({
      sender: { app: 'stream-sender', to: 'receiver', interval, size: '100 B', count: 4000 },
      receiver: { app: 'stream-receiver', interval, size: '100 B', machine: { perPacket: '2 ms' } },
    })

  test('what comes slower than it works is all taken, though late', () => {
    const result = streaming('4 ms')
    assert.deepEqual(result.trace.all('host:packet-discarded'), [])
    assert.equal(result.trace.all('stream:frame-received').length, 4000)
    assert.equal(numbers(result, 'stream:frame-received', 'delay').at(-1), 12 * MS)
  })

  test('what comes faster fills the backlog of a thousand packets, and then it is half of it that is lost', () => {
    const result = streaming('1 ms')
    const lost = result.trace.all('host:packet-discarded').length
    const delays = numbers(result, 'stream:frame-received', 'delay')
    assert.equal(lost + delays.length, 4000)
    assert.ok(lost > 900 && lost < 1100, `${String(lost)} lost`)
    // The backlog, 2 ms each.
    assert.ok(Math.abs(Math.max(...delays) - 2010 * MS) < 20 * MS, `${String(Math.max(...delays))} ns at most`)
  })

  test('handshakes are done one after the other', () => {
    const files = Object.fromEntries(Array.from({ length: 6 }, (_, index) => [`/${String(index)}`, '100 B']))
    const result = run({
      browser: { app: 'browser', visits: 'http://server/', connections: 6 },
      server: {
        app: 'web-server',
        serves: { '/': { size: '1 kB', resources: Object.keys(files) }, ...files },
        machine: { perHandshake: '50 ms' },
      },
    })
    const answers = [...result.trace.frames(({ kind, from }) => kind === 'tcp-syn' && result.trace.hosts[from] === 'server')]
    const apart = answers.slice(2).map(({ enqueued }, index) => enqueued - (answers[index + 1]?.enqueued ?? 0))
    assert.ok(answers.length >= 5, `${String(answers.length)} connections`)
    assert.ok(
      apart.every((time) => time === 50 * MS),
      apart.join(', '),
    )
  })

  test('under TLS there are two handshakes: TCP’s and its own', () => {
    const loaded = (perHandshake: '0 ms' | '50 ms'): number =>
      numbers(
        run({
          browser: { app: 'browser', visits: 'https://server/' },
          server: { app: 'web-server', serves: { '/': '1 kB' }, tls: {}, machine: { perHandshake } },
        }),
        'page:loaded',
        'duration',
      )[0] ?? 0
    assert.equal(loaded('50 ms') - loaded('0 ms'), 2 * 50 * MS)
  })

  test('requests take what they take', () => {
    const loaded = (perRequest: '0 ms' | '30 ms'): number =>
      numbers(
        run({
          browser: { app: 'browser', visits: 'http://server/', connections: 1 },
          server: {
            app: 'web-server',
            serves: { '/': { size: '1 kB', resources: ['/a', '/b'] }, '/a': '100 B', '/b': '100 B' },
            machine: { perRequest },
          },
        }),
        'page:loaded',
        'duration',
      )[0] ?? 0
    assert.equal(loaded('30 ms') - loaded('0 ms'), 3 * 30 * MS)
  })

  test('a restarted host has the same machine', () => {
    const slow = pinging(undefined, [
      { at: '1.5 s', host: { name: 'bob', perPacket: '3 ms' } },
      { at: '2.5 s', restart: 'bob' },
    ])
    assert.equal((slow.at(-1) ?? 0) - (pinging().at(-1) ?? 0), 6 * MS)
  })
})

describe('a clock that is wrong', () => {
  const delays = (machine: object, interventions: readonly unknown[] = []): number[] =>
    numbers(
      run(
        {
          sender: { app: 'stream-sender', to: 'receiver', interval: '100 ms', count: 40 },
          receiver: { app: 'stream-receiver', interval: '100 ms', machine },
        },
        { interventions },
      ),
      'stream:frame-received',
      'delay',
    )

  test('who compares the clocks of two hosts measures their difference as well', () => {
    const [true_ = 0] = delays({})
    assert.equal(delays({ clockAhead: '2 s' })[0], true_ + 2 * S)
    assert.equal(delays({ clockBehind: '2 s' })[0], true_ - 2 * S)
    assert.equal(delays({ clockAhead: '3 s', clockBehind: '2 s' })[0], true_ + 1 * S)
  })

  test('a clock that is put right tells the truth again', () => {
    const wrong = delays({}, [
      { at: '1 s', host: { name: 'receiver', clockAhead: '2 s' } },
      { at: '3 s', host: { name: 'receiver', clockAhead: null } },
    ])
    assert.deepEqual(
      [...new Set(wrong.slice(1))].sort(),
      [...new Set([...delays({}).slice(1), (delays({})[1] ?? 0) + 2 * S])].sort(),
    )
  })

  test('one that runs fast gains as much as it is said to', () => {
    const fast = delays({ clockDrift: 1000 })
    const gained = (fast.at(-1) ?? 0) - (fast[1] ?? 0)
    // 3.8 s at a thousandth.
    assert.ok(Math.abs(gained - 3.8 * MS) < 2, `${String(gained)} ns`)
  })

  test('its timers fire early by true time, and it measures every round trip as longer', () => {
    const first = (drift: number): { retransmitted: number; rtt: number } => {
      const silent = run(
        {
          alice: {
            app: 'socket-script',
            connect: 'bob:80',
            steps: [{ do: 'send', bytes: '1 kB' }],
            tcp: { minRto: '1 s', rtoVarianceFloor: '1 s' },
            machine: { clockDrift: drift },
          },
          bob: { app: 'socket-script', listen: 80, steps: ['wait-closed'] },
        },
        { interventions: [{ at: '42 ms', kill: 'bob' }] },
      )
      const [resent] = silent.trace.all('tcp:segment-retransmitted')
      const [sent] = [...silent.trace.frames(({ kind }) => kind === 'tcp-data')]
      return {
        retransmitted: (resent?.time ?? 0) - (sent?.enqueued ?? 0),
        rtt: numbers(silent, 'tcp:rtt-sampled', 'rtt')[0] ?? 0,
      }
    }
    const right = first(0)
    const double = first(1_000_000)
    assert.ok(right.retransmitted > S)
    assert.equal(double.rtt, right.rtt * 2)
    // One second and two round trips at least by its own clock.
    assert.ok(double.retransmitted > 0.5 * S && double.retransmitted < right.retransmitted * 0.55, String(double.retransmitted))
  })
})

describe('memory that comes to its end', () => {
  const crowd = (memory: '0 B' | '40 kB', interventions: readonly unknown[] = []): InlineRun => {
    const clients = Array.from({ length: 20 }, (_, index): [string, Hosts[string]] => [
      `c${String(index)}`,
      { app: 'socket-script', connect: 'server:80', start: '100 ms', steps: ['wait-closed'] },
    ])
    return run(
      {
        ...Object.fromEntries(clients),
        middle: { kind: 'switch' },
        server: { app: 'web-server', serves: { '/': '1 kB' }, backlog: 100, machine: { memory } },
      },
      {
        links: [...clients.map(([name]) => name), 'server'].map((name) => ({ between: [name, 'middle'], delay: '1 ms' })),
        interventions,
      },
    )
  }
  const connected = ({ trace }: InlineRun, until: number): number =>
    trace.all(
      'tcp:state-changed',
      ({ host, data, time }) => trace.hosts[host] === 'server' && data['to'] === 'ESTABLISHED' && time < until,
    ).length

  test('with enough of it everybody gets in', () => {
    assert.equal(connected(crowd('0 B'), S), 20)
  })

  test('with room for nine connections the others are not answered', () => {
    const result = crowd('40 kB')
    assert.equal(connected(result, S), 9)
    assert.ok(result.trace.all('host:memory-exhausted').length >= 11)
  })

  test('when there is room again, the next try gets in', () => {
    const result = crowd('40 kB', [{ at: '2 s', host: { name: 'server', memory: '1 MB' } }])
    assert.equal(connected(result, 2 * S), 9)
    assert.equal(connected(result, 10 * S), 20)
  })

  test('bytes that nobody reads fill it; what finds no room is sent again, and nothing is lost', () => {
    const result = run({
      alice: { app: 'socket-script', connect: 'bob:80', steps: [{ do: 'send', bytes: '60 kB' }, 'shutdown', 'wait-closed'] },
      bob: {
        app: 'socket-script',
        listen: 80,
        steps: [{ do: 'sleep', for: '3 s' }, 'read-to-end', 'close'],
        machine: { memory: '20 kB' },
      },
    })
    const exhausted = result.trace.all('host:memory-exhausted')
    assert.ok(exhausted.length > 0)
    assert.ok(exhausted.every(({ data }) => Number(data['used']) <= 20_000))
    assert.equal(numbers(result, 'script:read', 'bytes').at(-1), 60_000)
  })
})
