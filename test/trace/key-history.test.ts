import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { KeyHistory, type ServersChange } from '../../src/trace/measures/key-history.ts'
import type { EventData, EventRecord, TraceView } from '../../src/trace/record.ts'

const BALANCER = 1

/** Of a trace, only its events are looked at. */
const traceOf = (events: readonly EventRecord[]): TraceView => ({ events }) as TraceView

function happened(time: number, name: string, data: EventData, host = BALANCER): EventRecord {
  return { id: time * 1024 + 1, time, host, member: 0, name, connection: '', data, cause: 0 }
}

const hashOf = (key: string): number => key.charCodeAt(1) * 1000

const picked = (time: number, target: string, backend: string, more: EventData = {}): EventRecord =>
  happened(time, 'balancer:picked', { backend, target, hash: hashOf(target), strategy: 'ring', attempt: 1, ...more })

const became = (time: number, backend: string, state: string): EventRecord =>
  happened(time, 'balancer:backend-changed', { backend, state })

const built = (time: number, servers: string[], shares: number[]): EventRecord =>
  happened(time, 'balancer:ring-built', { servers, shares, ends: servers.map((_, i) => i + 1), owners: servers.map((_, i) => i) })

function historyAt(events: readonly EventRecord[], time: number): KeyHistory {
  const history = new KeyHistory(BALANCER)
  history.update(traceOf(events))
  history.goTo(time)
  return history
}

/** Who has which key. */
const placed = ({ keys, servers }: KeyHistory): Record<string, string> =>
  Object.fromEntries([...keys.values()].map(({ key, server }) => [key, servers[server]]))

const told = ({ changes }: KeyHistory): string[] =>
  changes.map(({ time, what, asked, moved }) => `${String(time)} ${what}: ${String(moved)} of ${String(asked)}`)

/** All there is to see. */
function seen(history: KeyHistory): unknown {
  const { keys, changes, ring, strategy, out, next } = history
  return structuredClone({ keys: [...keys], changes, ring, strategy, out: [...out].sort(), next, picks: history.picksSince(5) })
}

describe('keys', () => {
  const EVENTS = [
    picked(1, '/a', 's1'),
    picked(2, '/b', 's2'),
    picked(3, '/a', 's1'),
    became(10, 's2', 'down'),
    picked(11, '/b', 's3'),
    picked(12, '/a', 's1'),
    picked(13, '/c', 's3'),
    picked(14, '/b', 's1'),
    became(20, 's2', 'up'),
    picked(21, '/b', 's2'),
  ]

  test('are where they were sent last, at any time', () => {
    assert.deepEqual(placed(historyAt(EVENTS, 0)), {})
    assert.deepEqual(placed(historyAt(EVENTS, 1)), { '/a': 's1' })
    assert.deepEqual(placed(historyAt(EVENTS, 10)), { '/a': 's1', '/b': 's2' })
    assert.deepEqual(placed(historyAt(EVENTS, 13)), { '/a': 's1', '/b': 's3', '/c': 's3' })
    assert.deepEqual(placed(historyAt(EVENTS, 99)), { '/a': 's1', '/b': 's2', '/c': 's3' })
  })

  test('of a change it is told how many keys were asked for again, once each, and how many from somebody else', () => {
    assert.deepEqual(told(historyAt(EVENTS, 9)), [])
    assert.deepEqual(told(historyAt(EVENTS, 10)), ['10 s2 down: 0 of 0'])
    assert.deepEqual(told(historyAt(EVENTS, 11)), ['10 s2 down: 1 of 1'])
    // '/c' was not known before, and '/b' counts once.
    assert.deepEqual(told(historyAt(EVENTS, 19)), ['10 s2 down: 1 of 2'])
    assert.deepEqual(told(historyAt(EVENTS, 99)), ['10 s2 down: 1 of 2', '20 s2 up: 1 of 1'])
  })

  test('who is out is known by its place among the servers', () => {
    const out = (time: number): string[] => {
      const history = historyAt(EVENTS, time)
      return [...history.out].map((server) => history.servers[server])
    }
    assert.deepEqual([out(9), out(10), out(19), out(20)], [[], ['s2'], ['s2'], []])
  })

  test('picksSince: those after one time up to the other, the newest first', () => {
    const history = historyAt(EVENTS, 13)
    assert.deepEqual(
      history.picksSince(3).map(({ time, key }) => `${String(time)} ${key}`),
      ['13 /c', '12 /a', '11 /b'],
    )
    assert.deepEqual(history.picksSince(13), [])
  })
})

describe('what moves no key', () => {
  const FIRST = [picked(1, '/a', 's1'), became(10, 's2', 'down')]

  test('a retry: the key stays where it was first sent', () => {
    const history = historyAt([...FIRST, picked(11, '/a', 's1'), picked(12, '/a', 's3', { attempt: 2 })], 20)
    assert.deepEqual([placed(history), told(history)], [{ '/a': 's1' }, ['10 s2 down: 0 of 1']])
  })

  test('a client that is bound to its server', () => {
    const history = historyAt([...FIRST, picked(11, '/a', 's3', { strategy: 'sticky' })], 20)
    assert.deepEqual([placed(history), told(history), history.strategy], [{ '/a': 's1' }, ['10 s2 down: 0 of 0'], 'ring'])
  })

  test('another balancer', () => {
    const history = historyAt([...FIRST, happened(11, 'balancer:picked', picked(11, '/a', 's3').data, 2)], 20)
    assert.deepEqual(placed(history), { '/a': 's1' })
  })

  test('a server that is back at full weight, or out for one more reason, is no change', () => {
    const events = [became(1, 's1', 'up'), became(2, 's1', 'draining'), became(3, 's1', 'down'), became(4, 's1', 'slow-start')]
    assert.deepEqual(told(historyAt([...events, became(5, 's1', 'up')], 9)), ['2 s1 draining: 0 of 0', '4 s1 up: 0 of 0'])
  })
})

test('a key that nobody asked for between two changes is not known to have been anywhere', () => {
  const events = [picked(1, '/a', 's1'), became(10, 's2', 'down'), became(20, 's2', 'up'), picked(21, '/a', 's2')]
  assert.deepEqual(told(historyAt(events, 30)), ['10 s2 down: 0 of 0', '20 s2 up: 0 of 0'])
})

test('a request in the very moment of a change belongs before or behind it as it was recorded', () => {
  const before = [picked(10, '/a', 's1'), became(10, 's2', 'down'), picked(11, '/a', 's3')]
  assert.deepEqual(told(historyAt(before, 20)), ['10 s2 down: 1 of 1'])
  const behind = [picked(1, '/a', 's1'), became(10, 's2', 'down'), picked(10, '/a', 's3'), picked(11, '/a', 's1')]
  assert.deepEqual(told(historyAt(behind, 20)), ['10 s2 down: 1 of 1'])
  const between = [became(10, 's2', 'down'), picked(10, '/a', 's1'), became(10, 's2', 'up'), picked(11, '/a', 's1')]
  assert.deepEqual(told(historyAt(between, 20)), ['10 s2 down: 0 of 0', '10 s2 up: 0 of 1'])
})

describe('strategies', () => {
  test('another one is a change, of which the request that shows it is the first', () => {
    const events = [picked(1, '/a', 's1'), picked(2, '/b', 's1'), picked(11, '/a', 's2', { strategy: 'maglev' })]
    assert.deepEqual(told(historyAt(events, 10)), [])
    assert.deepEqual(told(historyAt(events, 11)), ['11 maglev: 1 of 1'])
    assert.equal(historyAt(events, 11).strategy, 'maglev')
  })

  test('there is a ring as long as requests go by it', () => {
    const events = [
      built(1, ['s1', 's2'], [0.25, 0.75]),
      picked(1, '/a', 's2'),
      built(5, ['s2'], [1]),
      picked(5, '/a', 's2', { strategy: 'bounded-ring' }),
      picked(10, '/a', 's2', { strategy: 'modulo' }),
    ]
    const shares = (time: number): readonly number[] | undefined => historyAt(events, time).ring?.shares
    assert.deepEqual([shares(0), shares(1), shares(4), shares(10)], [undefined, [0.25, 0.75], [0.25, 0.75], undefined])
    // By index of all servers, of which the ring has but one now.
    assert.deepEqual([shares(5), historyAt(events, 5).ring?.owners], [[0, 1], [1]])
  })

  test('one that looks up no keys ends the ring, and the one before is a change when it is back', () => {
    const plain = { strategy: 'round-robin', hash: undefined } as unknown as EventData
    const events = [
      built(1, ['s1', 's2'], [0.5, 0.5]),
      picked(1, '/a', 's1'),
      picked(10, '/a', 's2', plain),
      picked(11, '/a', 's1', plain),
      built(20, ['s1', 's2'], [0.5, 0.5]),
      picked(20, '/a', 's1'),
    ]
    const between = historyAt(events, 15)
    assert.deepEqual([between.ring, between.strategy, placed(between)], [undefined, 'round-robin', { '/a': 's1' }])
    const after = historyAt(events, 20)
    assert.deepEqual(told(after), ['10 round-robin: 0 of 0', '20 ring: 0 of 0'])
    assert.ok(after.ring !== undefined, 'there is a ring again')
  })

  test('a balancer that never looked up a key has no history', () => {
    const plain = { strategy: 'round-robin', hash: undefined } as unknown as EventData
    const history = historyAt([picked(1, '/a', 's1', plain), picked(2, '/a', 's2', plain)], 5)
    assert.deepEqual([history.strategy, history.changes, history.keys.size, history.servers], ['', [], 0, []])
  })
})

/** What changes there were, counted by what each was followed and preceded by. */
function counted(events: readonly EventRecord[], time: number): ServersChange[] {
  const parts: { change: ServersChange | undefined; picks: { key: string; server: string }[] }[] = [
    { change: undefined, picks: [] },
  ]
  let strategy = ''
  const out = new Set<string>()
  for (const { time: at, name, data } of events) {
    if (at > time) break
    const server = String(data['backend'])
    if (name === 'balancer:picked') {
      if (data['attempt'] !== 1 || data['strategy'] === 'sticky') continue
      const now = String(data['strategy'])
      if (strategy !== '' && now !== strategy) parts.push({ change: { time: at, what: now, asked: 0, moved: 0 }, picks: [] })
      strategy = now
      parts.at(-1)?.picks.push({ key: String(data['target']), server })
    } else if (name === 'balancer:backend-changed') {
      const state = String(data['state'])
      const isOut = state !== 'up' && state !== 'slow-start'
      if (out.has(server) === isOut) continue
      if (isOut) out.add(server)
      else out.delete(server)
      parts.push({ change: { time: at, what: `${server} ${isOut ? state : 'up'}`, asked: 0, moved: 0 }, picks: [] })
    }
  }
  return parts.flatMap(({ change, picks }, i) => {
    if (change === undefined) return []
    const before = new Map(parts[i - 1].picks.map(({ key, server }) => [key, server]))
    const first = new Map([...picks].reverse().map(({ key, server }) => [key, server]))
    const again = [...first].filter(([key]) => before.has(key))
    return [{ ...change, asked: again.length, moved: again.filter(([key, server]) => before.get(key) !== server).length }]
  })
}

const server = fc.constantFrom('s1', 's2', 's3')
const anEvent: fc.Arbitrary<(time: number) => EventRecord> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .record({
        key: fc.constantFrom('/a', '/b', '/c', '/d', '/e'),
        server,
        strategy: fc.constantFrom('ring', 'ring', 'ring', 'ring', 'maglev', 'sticky'),
        attempt: fc.constantFrom(1, 1, 1, 2),
      })
      .map(
        ({ key, server: name, ...more }) =>
          (time: number) =>
            picked(time, key, name, more),
      ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(server, fc.constantFrom('up', 'down', 'draining', 'ejected', 'slow-start')).map(
      ([name, state]) =>
        (time: number) =>
          became(time, name, state),
    ),
  },
  { weight: 1, arbitrary: fc.constant((time: number) => built(time, ['s2', 's3'], [0.5, 0.5])) },
)
/** Several may happen at one time. */
const events = fc.array(fc.tuple(anEvent, fc.integer({ min: 0, max: 3 })), { maxLength: 60 }).map((list) => {
  let time = 0
  return list.map(([make, gap]) => make((time += gap)))
})
const someTime = fc.integer({ min: -1, max: 100 })

describe('whatever happened', () => {
  test('changes are counted as one counts them by hand', () => {
    fc.assert(
      fc.property(events, someTime, (all, time) => {
        assert.deepEqual(historyAt(all, time).changes, counted(all, time))
      }),
      { seed: 6, numRuns: 3000 },
    )
  })

  test('a time looks the same wherever one comes from, and as it did before what came later was known', () => {
    fc.assert(
      fc.property(events, fc.array(someTime, { minLength: 1, maxLength: 8 }), fc.nat(60), (all, times, half) => {
        const wanderer = new KeyHistory(BALANCER)
        const growing: EventRecord[] = all.slice(0, half)
        wanderer.update(traceOf(growing))
        const known = growing.at(-1)?.time ?? -1
        for (const time of times.filter((each) => each < known)) {
          wanderer.goTo(time)
          assert.deepEqual(seen(wanderer), seen(historyAt(all, time)))
        }
        growing.push(...all.slice(half))
        wanderer.update(traceOf(growing))
        for (const time of times) {
          wanderer.goTo(time)
          assert.deepEqual(seen(wanderer), seen(historyAt(all, time)))
          const past = historyAt(
            all.filter((event) => event.time <= time),
            time,
          )
          assert.deepEqual(seen(wanderer), seen(past))
        }
      }),
      { seed: 7, numRuns: 1500 },
    )
  })
})
