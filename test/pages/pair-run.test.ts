import { PageRun } from '../../src/run/page-run.ts'
import { logByLink, PairRun } from '../../src/run/pair-run.ts'
import type { Run } from '../../src/run/run.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import { parseInterventions, writeInterventions } from '../../src/scenario/intervention-json.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { equal, match, ok, same } from './assert.ts'

const MS = 1_000_000

const source = {
  id: 'download',
  title: 'A download',
  seed: 7,
  duration: '5 s',
  speed: 1,
  hosts: {
    alice: { app: 'browser', visits: 'http://bob/' },
    bob: { app: 'web-server', serves: { '/': { size: '60 KiB' } } },
  },
  links: [{ between: ['alice', 'bob'], rate: '5 Mbit/s', delay: '20 ms', queue: '64 KiB' }],
  knobs: {
    loss: { label: 'Packet loss', range: ['0 %', '20 %'], sets: 'links[0].loss' },
    size: { label: 'Size', choices: ['60 KiB', '90 KiB'], sets: 'hosts.bob.app.serves["/"].size', restart: true },
    recovery: { label: 'SACK', sets: ['hosts.bob.tcp.sack', 'hosts.alice.tcp.sack'], restart: true },
  },
  compare: { knob: 'recovery', values: [true, false] },
}

const open: PairRun[] = []

async function pair(log: readonly Intervention[] = []): Promise<PairRun> {
  const resolve = (knobs: Record<string, unknown>) => resolveScenario(source, { knobs })
  const start = (recovery: boolean) => PageRun.start(resolve({ recovery }), { placement: 'inline', log, rebuild: resolve })
  const both = new PairRun([await start(true), await start(false)], {
    name: 'recovery',
    label: 'SACK',
    values: ['on', 'off'],
  })
  open.push(both)
  return both
}

/** Frames lost by hand, by their numbers among those that left on their direction of the link. */
function struck({ trace }: Run): number[] {
  const left = [...trace.frames(({ direction, fate }) => direction === 1 && fate !== 'queued')].sort((a, b) => a.sent - b.sent)
  return left.flatMap(({ fate }, index) => (fate === 'dropped-by-hand' ? [index + 1] : []))
}

describe('two runs on one playhead', () => {
  afterEach(() => {
    for (const each of open.splice(0)) each.dispose()
  })

  it('goes to a time in both', async () => {
    const both = await pair()
    await both.seek(200 * MS)
    same([both.playhead, ...both.sides.map(({ playhead }) => playhead)], [200 * MS, 200 * MS, 200 * MS])
    ok(
      both.sides.every(({ horizon, trace }) => horizon === 200 * MS && trace.frameCount > 10),
      'not both were simulated',
    )
    same(
      both.sides.map(({ scenario }) => scenario.knobs.find(({ name }) => name === 'recovery')?.value),
      [true, false],
    )
  })

  it('steps to the nearer of the next moments of both, forward and back', async () => {
    const both = await pair()
    await both.seek(150 * MS)
    const moments = new Set(
      both.sides.flatMap(({ trace }) => [
        ...trace.events.map(({ time }) => time),
        ...[...trace.frames()].flatMap(({ enqueued, sent, arrives, fateAt }) => [enqueued, sent, arrives, fateAt]),
      ]),
    )
    await both.seek(100 * MS)
    const after = Math.min(...[...moments].filter((time) => time > 100 * MS))
    const before = Math.max(...[...moments].filter((time) => time < 100 * MS))
    await both.step(1)
    equal(both.playhead, after)
    await both.seek(100 * MS)
    await both.sides[1].step(-1)
    equal(both.playhead, before)
  })

  it('a packet dropped in one is dropped in the other, by its number on the link, wherever that is there', async () => {
    const both = await pair()
    await both.seek(160 * MS)
    const [first, second] = both.sides
    const flying = [...second.trace.frames(({ fate, direction }) => fate === 'in-flight' && direction === 1)]
    ok(flying.length > 0, 'nothing is on its way')
    await second.intervene({ drop: { frame: flying[0].number } })
    equal(both.playhead, 160 * MS + 1)
    const [{ drop }] = both.log as unknown as { drop: { link: string; direction: number; packet: number } }[]
    same([drop.link, drop.direction], ['alice-bob', 1])
    await both.seek(600 * MS)
    same([struck(first), struck(second)], [[drop.packet], [drop.packet]])
    same(first.log, second.log)
  })

  it('a packet that has been there for long is dropped all the same, and what was done before stays', async () => {
    const both = await pair()
    await both.seek(100 * MS)
    await both.intervene({ set: { knob: 'loss', value: 0.01 } })
    await both.seek(300 * MS)
    const packet = { link: 'alice-bob', direction: 1, packet: 5 } as const
    await both.intervene({ drop: packet })
    await both.intervene({ corrupt: { ...packet, packet: 7 } })
    same(
      both.log.map((action) => Object.keys(action).find((key) => key !== 'at')),
      ['set', 'drop', 'corrupt'],
    )
    for (const side of both.sides) {
      same(struck(side), [5])
      ok(side.trace.first('run:knob-set')?.time === 100 * MS, 'the knob was not turned again')
      ok([...side.trace.frames(({ corrupted }) => corrupted)].length === 1, 'nothing was corrupted')
    }
  })

  it('what is asked for while both start anew waits until they have', async () => {
    const both = await pair()
    await both.seek(300 * MS)
    const packet = { link: 'alice-bob', direction: 1, packet: 5 } as const
    await Promise.all([both.intervene({ drop: packet }), both.intervene({ drop: { ...packet, packet: 8 } }), both.seek(600 * MS)])
    equal(both.playhead, 600 * MS)
    same(both.sides.map(struck), [
      [5, 8],
      [5, 8],
    ])
  })

  it('its log makes the same pair again, also written out and read', async () => {
    const both = await pair()
    await both.seek(180 * MS)
    await both.intervene({ drop: { link: 'alice-bob', direction: 1, packet: 9 } })
    await both.seek(250 * MS)
    await both.intervene({ kill: 'bob' })
    await both.seek(1000 * MS)
    const written: unknown = JSON.parse(JSON.stringify(writeInterventions(both.log, both.scenario)))
    const again = await pair(parseInterventions(written, both.scenario))
    await again.seek(1000 * MS)
    for (const side of [0, 1] as const) {
      const [one, other] = await Promise.all([both, again].map(({ sides }) => sides[side].capture({ kind: 'links' })))
      same([...one], [...other])
    }
  })

  it('does to both what is done at the playhead, without starting anew', async () => {
    const both = await pair()
    let restarts = 0
    both.addEventListener('restart', () => restarts++)
    await both.seek(200 * MS)
    await both.intervene({ cut: 'alice-bob' })
    same(
      both.sides.map(({ log }) => log),
      [[{ cut: 'alice-bob', at: 200 * MS }], [{ cut: 'alice-bob', at: 200 * MS }]],
    )
    equal(restarts, 0)
    await both.seek(100 * MS)
    await both.intervene({ kill: 'alice' })
    same(
      both.sides.map(({ log }) => log),
      [[{ kill: 'alice', at: 100 * MS + 1 }], [{ kill: 'alice', at: 100 * MS + 1 }]],
    )
    equal(restarts, 1)
  })

  it('turns a knob that starts anew in both, but never the one that they differ in', async () => {
    const both = await pair()
    await both.seek(100 * MS)
    await both.intervene({ set: { knob: 'size', value: '90 KiB' } })
    same(
      both.sides.map(({ knobs }) => [knobs['size'], knobs['recovery']]),
      [
        ['90 KiB', true],
        ['90 KiB', false],
      ],
    )
    equal(both.playhead, 0)
    ok(!both.scenario.knobs.some(({ name }) => name === 'recovery'), 'the knob is offered')
    let refusal = ''
    await both.intervene({ set: { knob: 'recovery', value: true } }).catch((error: unknown) => (refusal = String(error)))
    match(refusal, /what the two runs differ in/)
  })

  it('plays both, and has ended when both have', async () => {
    const both = await pair()
    both.speed = 10
    both.play()
    equal(both.state, 'playing')
    equal(both.sides[1].state, 'playing')
    await new Promise<void>((resolve) => {
      both.addEventListener('change', () => {
        if (both.state === 'ended') resolve()
      })
    })
    ok(
      both.sides.every(({ trace }) => trace.first('page:loaded') !== undefined),
      'not both have loaded the page',
    )
    equal(both.playhead, both.horizon)
    both.play()
    both.pause()
    equal(both.state, 'paused')
  })

  it('what was done to a run alone can be done to a pair: packets get their numbers on the link', async () => {
    const run = await PageRun.start(resolveScenario(source), { placement: 'inline' })
    await run.seek(160 * MS)
    const flying = [...run.trace.frames(({ fate, direction }) => fate === 'in-flight' && direction === 1)]
    await run.intervene({ drop: { frame: flying[1].number } })
    await run.seek(500 * MS)
    const [dropped] = struck(run)
    same(logByLink(run), [{ at: 160 * MS, drop: { link: 'alice-bob', direction: 1, packet: dropped } }])
    const both = await pair(logByLink(run))
    await both.seek(500 * MS)
    same(both.sides.map(struck), [[dropped], [dropped]])
    run.dispose()
  })
})
