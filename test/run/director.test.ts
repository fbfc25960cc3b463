import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { DEFAULT_LINK, type LinkSettings } from '../../src/kernel/link.ts'
import { NEVER } from '../../src/kernel/time.ts'
import { runInline } from '../../src/run/run-inline.ts'
import type { Action } from '../../src/scenario/intervention.ts'
import { exportPcapng } from '../../src/trace/pcapng-export.ts'
import type { FrameRecord } from '../../src/trace/record.ts'
import { PAGE, resolved } from './networks.ts'
import { BURST, BUSY, Session } from './session.ts'

const MS = 1_000_000

const requests = ({ from, kind }: FrameRecord): boolean => from === 0 && kind === 'icmp'

describe('a frame', () => {
  test('that is in flight is dropped where it is, and its fate is seen at once', () => {
    const session = new Session().to(BUSY)
    const [first] = session.frames((frame) => requests(frame) && frame.fate === 'in-flight')
    session.do({ drop: { frame: first.number } })
    assert.deepEqual([first.fate, first.fateAt], ['dropped-by-hand', BUSY])
    session.end()
    assert.equal(session.answered().length, 9)
    assert.equal(first.fate, 'dropped-by-hand')
  })

  test('that waits is dropped; those behind it leave earlier', () => {
    const [plain, session] = [new Session().to(105 * MS), new Session().to(105 * MS)]
    for (const one of [plain, session]) one.to(121.5 * MS)
    const waiting = session.frames((frame) => frame.fate === 'queued')
    assert.equal(waiting.length >= 2, true)
    session.do({ drop: { frame: waiting[0].number } })
    for (const one of [plain, session]) one.end()
    assert.equal(session.frame(waiting[1].number).sent, plain.frame(waiting[0].number).sent)
    assert.deepEqual([waiting[0].fate, waiting[0].sent, waiting[0].arrives], ['dropped-by-hand', NEVER, NEVER])
    assert.equal(session.answered().length, 9)
  })

  test('that would get lost all the same can be dropped, and then it was that', () => {
    const session = new Session(BURST, [{ at: 0, link: { name: 'alice-bob', direction: 0, settings: { lossList: [2] } } }])
    // The first frame asks for Bob's address; the second is the first echo request.
    session.to(122 * MS)
    const [doomed] = session.frames(requests)
    assert.equal(doomed.fate, 'in-flight')
    session.do({ drop: { frame: doomed.number } }).end()
    assert.deepEqual([doomed.fate, doomed.fateAt], ['dropped-by-hand', 122 * MS])
  })

  test('that would get lost all the same stays lost when its bits are flipped', () => {
    const session = new Session(BURST, [{ at: 0, link: { name: 'alice-bob', direction: 0, settings: { lossList: [2] } } }]).to(
      122 * MS,
    )
    const [doomed] = session.frames(requests)
    session.do({ corrupt: { frame: doomed.number } }).end()
    assert.equal(doomed.fate, 'listed-loss')
  })

  test('whose bits are flipped is refused by the card, and the capture says so', () => {
    const session = new Session().to(BUSY)
    const [first] = session.frames((frame) => requests(frame) && frame.fate === 'in-flight')
    session.do({ corrupt: { frame: first.number } })
    assert.deepEqual([first.fate, first.corrupted], ['in-flight', true])
    session.end()
    assert.deepEqual([first.fate, first.fateAt], ['bad-fcs', first.arrives])
    assert.equal(session.answered().length, 9)
  })

  test('whose flipped bits no card notices arrives; how it left does not matter, how the link is now does', () => {
    const undetected = { link: { name: 'alice-bob', settings: { corruptUndetected: true } } } as const
    const session = new Session().to(BUSY).do(undetected)
    const [first] = session.frames((frame) => requests(frame) && frame.fate === 'in-flight')
    session.do({ corrupt: { frame: first.number } }).end()
    assert.deepEqual([first.fate, first.corrupted], ['arrived', true])
    const sent = session.director.recorder.bytesAsSent(first.number)
    const came = session.director.recorder.bytes(first.number)
    assert.equal(sent?.filter((byte, index) => byte !== came?.[index]).length, 1)
  })

  test('can have its bits flipped again, and dropped after that', () => {
    const session = new Session().to(BUSY)
    const [first] = session.frames((frame) => requests(frame) && frame.fate === 'in-flight')
    const action = { corrupt: { frame: first.number } }
    session
      .do(action)
      .do(action)
      .do({ drop: { frame: first.number } })
      .end()
    assert.equal(first.fate, 'dropped-by-hand')
  })

  test('that an intervention of the same moment sent can be dropped at once, and replayed so', () => {
    const session = new Session().to(200 * MS).do({ restart: 'alice' })
    const sent = session.frames().at(-1)
    assert.equal(sent?.enqueued, 200 * MS)
    session.do({ drop: { frame: sent.number } })
    assert.equal(sent.fate, 'dropped-by-hand')
    session.end()
    const replay = runInline(BURST, { interventions: session.director.log })
    assert.deepEqual(replay.director.refused, [])
    assert.deepEqual(replay.capture({ kind: 'links' }), exportPcapng(BURST, session.director.recorder, { kind: 'links' }))
  })

  test('that is gone, or was never there, cannot be dropped', () => {
    const session = new Session().to(BUSY)
    const { frameCount } = session.director.store
    const refused = (number: number, why: RegExp): void => {
      assert.throws(() => session.director.intervene({ drop: { frame: number } }), { name: 'ImpossibleAction', message: why })
      assert.throws(() => session.director.intervene({ corrupt: { frame: number } }), { name: 'ImpossibleAction', message: why })
    }
    refused(1, /Frame 1 is no longer on its way/)
    refused(frameCount + 1, /There is no frame \d+ yet/)
    refused(0, /Frame 0 is no longer on its way/)
    assert.deepEqual(session.director.log, [])
    assert.equal(session.director.store.all('run:frame-dropped').length, 0)
    session.end()
    assert.equal(session.answered().length, 10)
  })
})

describe('a link', () => {
  test('that is cut loses what is on it and what waits for it, in both directions; healed, it is as before', () => {
    const session = new Session().to(135 * MS)
    const under = session.frames(({ fate }) => fate === 'in-flight' || fate === 'queued')
    assert.equal(under.some(({ direction }) => direction === 0) || under.some(({ direction }) => direction === 1), true)
    session.do({ cut: 'alice-bob' })
    for (const frame of under) assert.deepEqual([frame.fate, frame.fateAt], ['link-down', 135 * MS])
    session
      .to(150 * MS)
      .do({ heal: 'alice-bob' })
      .to(151 * MS)
      .do({ restart: 'alice' })
      .end()
    assert.deepEqual(
      session.director.state.links.map(({ settings }) => settings),
      BURST.links.map(({ settings }) => settings),
    )
    const late = session.frames(({ enqueued }) => enqueued > 150 * MS)
    assert.equal(late.length > 10 && late.every(({ fate }) => fate === 'arrived'), true)
  })

  test('that is cut in one direction goes on carrying the other', () => {
    const session = new Session().to(135 * MS).do({ link: { name: 'alice-bob', direction: 0, settings: { up: false } } })
    const there = session.frames(({ direction, fate }) => direction === 0 && fate !== 'arrived')
    assert.equal(there.length > 3 && there.every(({ fate }) => fate === 'link-down'), true)
    session.end()
    const answers = session.frames(({ direction, kind }) => direction === 1 && kind === 'icmp')
    assert.equal(answers.length > 0 && answers.every(({ fate }) => fate === 'arrived'), true)
    assert.equal(session.answered().length, answers.length)
  })

  test('that is cut keeps a frame whose time had come, and no other', () => {
    // The first echo request arrives at 10.8 ms after it left; at that very moment it has not arrived yet.
    const { arrives } = new Session().end().frames(requests)[0]
    const [before, after] = [arrives, arrives + 1].map(
      (time) => new Session().to(time).do({ cut: 'alice-bob' }).frames(requests)[0],
    )
    assert.equal(before.fate, 'link-down')
    assert.equal(after.fate, 'arrived')
  })

  test('whose delay is made much shorter while frames fly does not let anything happen out of order', () => {
    const session = new Session(resolved(PAGE))
    for (let time = 10 * MS, delay = 50 * MS; time < 500 * MS; time += 13 * MS, delay = delay === 1 ? 50 * MS : 1) {
      session.to(time).do({ link: { name: 'router-bob', settings: { delay } } })
      assert.equal(session.director.conductor.lookahead, delay === 1 ? 1 : 500_000)
    }
    session.end()
    const { events } = session.director.store
    assert.equal(
      events.every(({ time }, index) => index === 0 || time >= events[index - 1].time),
      true,
    )
    for (const frame of session.frames()) {
      const cause = session.director.store.frameById(frame.cause)
      // What was caused by a frame that arrived comes after that arrived.
      if (cause !== undefined && cause.to === frame.from && !frame.duplicate) assert.equal(frame.enqueued >= cause.arrives, true)
    }
  })

  test('takes no setting that it cannot have', () => {
    const session = new Session().to(BUSY)
    const wrong: Partial<LinkSettings>[] = [
      { delay: 0 },
      { delay: -1 },
      { delay: 1.5 },
      { delay: NaN },
      { loss: -0.1 },
      { loss: 1.1 },
      { corrupt: NaN },
      { duplicate: 2 },
      { reorder: Infinity },
      { rate: -1 },
      { rate: Infinity },
      { jitter: -1 },
      { queueFrames: 0.5 },
      { queueBytes: -1 },
      { reorderBy: -5 },
    ]
    for (const settings of wrong) {
      assert.throws(() => session.director.intervene({ link: { name: 'alice-bob', settings } }), {
        name: 'ImpossibleAction',
        message: new RegExp(`^A link's ${Object.keys(settings)[0]} is a (whole )?number from \\d`),
      })
    }
    assert.throws(
      () => session.director.intervene({ link: { name: 'nowhere', settings: { loss: 1 } } }),
      /There is no link nowhere/,
    )
    assert.throws(() => session.director.intervene({ cut: 'nowhere' }), /There is no link nowhere/)
    assert.throws(() => session.director.intervene({ heal: 'alice-bob' }), /is not cut/)
    assert.deepEqual(session.director.state.links[0].settings, BURST.links[0].settings)
  })

  test('any settings, one by one: each leaves the others, and putting all back gives what there was', () => {
    const change = fc.constantFrom<Partial<LinkSettings>>(
      { rate: 5000 },
      { delay: 1 },
      { jitter: 5 },
      { queueBytes: 9 },
      { queueFrames: 3 },
      { loss: 0.5 },
      { lossList: [1, 2] },
      { corrupt: 0.1 },
      { corruptUndetected: true },
      { duplicate: 1 },
      { reorder: 0.3 },
      { reorderBy: 7 },
      { up: false },
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(change, fc.constantFrom(0, 1, undefined)), { maxLength: 12 }), (changes) => {
        const { director } = new Session()
        const before = structuredClone(BURST.links[0].settings)
        const model = structuredClone(before) as [LinkSettings, LinkSettings]
        const link = (settings: Partial<LinkSettings>, direction?: number): Action => ({
          link: { name: 'alice-bob', ...(direction !== undefined && { direction: direction as 0 | 1 }), settings },
        })
        for (const [settings, direction] of changes) {
          director.intervene(link(settings, direction))
          for (const end of [0, 1] as const) if (direction === undefined || direction === end) Object.assign(model[end], settings)
          assert.deepEqual(director.state.links[0].settings, model)
        }
        for (const direction of [0, 1] as const) director.intervene(link(before[direction], direction))
        assert.deepEqual(director.state.links[0].settings, before)
        assert.deepEqual(BURST.links[0].settings, before, 'the scenario itself stays as it is')
      }),
      { seed: 9, numRuns: 100 },
    )
    assert.deepEqual(Object.keys(BURST.links[0].settings[0]).sort(), Object.keys(DEFAULT_LINK).sort())
  })
})

describe('a host', () => {
  test('can be killed, started, paused and let go on in some states only', () => {
    const possible = {
      on: { kill: 'off', restart: 'on', pause: 'paused', resume: undefined },
      off: { kill: undefined, restart: 'on', pause: undefined, resume: undefined },
      paused: { kill: 'off', restart: 'on', pause: undefined, resume: 'on' },
    } as const
    for (const [power, actions] of Object.entries(possible)) {
      for (const [action, after] of Object.entries(actions)) {
        const session = new Session().to(BUSY)
        if (power === 'off') session.do({ kill: 'bob' })
        if (power === 'paused') session.do({ pause: 'bob' })
        const act = (): unknown => session.do({ [action]: 'bob' } as unknown as Action)
        if (after === undefined) assert.throws(act, { name: 'ImpossibleAction', message: /^bob is / }, `${action} while ${power}`)
        else act()
        const expected = after ?? power
        assert.equal(session.director.state.hosts[1].power, expected)
        assert.equal(session.hosts.engines[1].power, expected)
      }
    }
    assert.throws(() => new Session().do({ kill: 'nobody' }), /There is no host nobody/)
  })

  test('that is killed answers nothing any more, and started again it does', () => {
    const session = new Session().to(BUSY).do({ kill: 'bob' })
    session.end()
    assert.equal(session.frames(({ fate }) => fate === 'host-down').length > 5, true)
    assert.equal(session.answered().length < 3, true)
    const again = new Session().to(BUSY).do({ kill: 'bob' }).do({ restart: 'bob' }).end()
    assert.equal(again.answered().length, 10)
  })

  test('that is paused answers later, and all', () => {
    const session = new Session()
      .to(BUSY)
      .do({ pause: 'bob' })
      .to(500 * MS)
      .do({ resume: 'bob' })
      .end()
    assert.equal(session.answered().length, 10)
    assert.equal(session.director.store.all('ping:replied').filter(({ time }) => time > 500 * MS).length >= 8, true)
  })

  test('keeps what a knob changed when it is started again', () => {
    const session = new Session()
      .to(BUSY)
      .do({ set: { knob: 'size', value: 500 } })
      .to(2000 * MS)
      .do({ restart: 'alice' })
      .end()
    const sizes = session.frames((frame) => requests(frame) && frame.enqueued >= 2000 * MS).map(({ length }) => length)
    assert.equal(sizes.length, 10)
    assert.deepEqual(new Set(sizes), new Set([542]))
  })
})

describe('a knob', () => {
  test('acts at once, in both directions, and back', () => {
    const session = new Session()
      .to(BUSY)
      .do({ set: { knob: 'loss', value: 1 } })
      .to(300 * MS)
    assert.deepEqual(
      session.director.state.links[0].settings.map(({ loss }) => loss),
      [1, 1],
    )
    assert.equal(session.director.state.knobs['loss'], 1)
    session
      .do({ set: { knob: 'loss', value: 0 } })
      .do({ restart: 'alice' })
      .end()
    assert.deepEqual(session.director.state.links[0].settings, BURST.links[0].settings)
    assert.equal(
      session.frames(({ enqueued }) => enqueued >= 300 * MS).every(({ fate }) => fate === 'arrived'),
      true,
    )
  })

  test('that does not exist, or a value that it cannot have, is refused', () => {
    const { director } = new Session()
    assert.throws(() => director.intervene({ set: { knob: 'lost', value: 1 } }), { name: 'ScenarioError' })
    assert.throws(() => director.intervene({ set: { knob: 'loss', value: 2 } }), { name: 'ScenarioError' })
    assert.equal(director.state.knobs['loss'], 0)
  })
})

describe('a log', () => {
  test('is followed in the order of time, and of the list at the same time, before all else then', () => {
    const session = new Session(BURST, [
      { at: 100 * MS, heal: 'alice-bob' },
      { at: 50 * MS, cut: 'alice-bob' },
      { at: 100 * MS, pause: 'bob' },
      { at: 100 * MS, resume: 'bob' },
      { at: 0, pause: 'alice' },
      { at: 0, resume: 'alice' },
    ])
    session.end()
    assert.deepEqual(session.director.refused, [])
    const done = session.director.store.events.filter(({ host }) => host === -1).map(({ time, name }) => [time / MS, name])
    assert.deepEqual(done, [
      [0, 'run:host-paused'],
      [0, 'run:host-resumed'],
      [50, 'run:link-cut'],
      [100, 'run:link-healed'],
      [100, 'run:host-paused'],
      [100, 'run:host-resumed'],
    ])
    // Alice begins at 100 ms, when the link is whole again.
    assert.equal(session.answered().length, 10)
  })

  test('what is impossible when its time comes is left out, and says why; the rest goes on', () => {
    const session = new Session(BURST, [
      { at: 1, resume: 'bob' },
      { at: 2, drop: { frame: 1 } },
      { at: 3, set: { knob: 'loss', value: 7 } },
      { at: 4, kill: 'bob' },
    ]).end()
    const { director } = session
    assert.deepEqual(
      director.refused.map(({ intervention, why }) => [intervention.at, why.split(/[.;:]/)[0]]),
      [
        [1, 'bob is not paused, so it cannot be resumed'],
        [2, 'There is no frame 1 yet'],
        [3, 'loss'],
      ],
    )
    assert.deepEqual(director.log, [{ at: 4, kill: 'bob' }])
    assert.deepEqual(
      director.store.all('run:intervention-refused').map(({ time, host }) => [time, host]),
      [1, 2, 3].map((time) => [time, -1]),
    )
  })

  test('what is done when the run ends is done; what would come later is not', () => {
    const { duration } = BURST
    const session = new Session(BURST, [
      { at: duration, cut: 'alice-bob' },
      { at: duration + 1, heal: 'alice-bob' },
    ]).to(2 * duration)
    assert.equal(session.director.state.links[0].settings[0].up, false)
    assert.equal(session.director.horizon, duration)
    assert.equal(session.director.over, true)
    assert.deepEqual(session.director.refused, [])
  })

  test('what a person did causes what follows from it', () => {
    const session = new Session().to(BUSY)
    const [first] = session.frames((frame) => requests(frame) && frame.fate === 'in-flight')
    session
      .do({ drop: { frame: first.number } })
      .do({ cut: 'alice-bob' })
      .do({ restart: 'alice' })
    const { store } = session.director
    assert.equal(store.first('run:frame-dropped')?.cause, first.id)
    const cut = store.first('run:link-cut')
    assert.deepEqual(
      store.all('interface:carrier-lost').map(({ cause }) => cause),
      [cut?.id, cut?.id, store.first('run:host-restarted')?.id],
    )
    assert.equal(store.all('app:started').at(-1)?.cause, store.first('run:host-restarted')?.id)
  })
})
