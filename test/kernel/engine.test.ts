import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Engine, RECEIVE_RING } from '../../src/kernel/engine.ts'
import { ID_SEQUENCE_LIMIT, NO_ID, type Environment, type Machine, type Timer } from '../../src/kernel/machine.ts'
import { NEVER } from '../../src/kernel/time.ts'
import { frameOf, Lab, type Script } from './lab.ts'

const MS = 1_000_000

/** Keeps what happened as text, for order. */
function diary(): { lines: string[]; write: (environment: Environment, what: string) => void } {
  const lines: string[] = []
  return { lines, write: ({ now }, what) => lines.push(`${now} ${what}`) }
}

/** Answers each frame with a frame. */
const ECHO: Script = {
  receive: (environment, port, frame) => environment.transmit(port, frameOf(environment, frame.length)),
}

class UnknownSetting extends Error {
  override readonly name = 'UnknownSetting'
}

describe('order', () => {
  test('at one time: by the host where it began, then in the order in which it was begun', () => {
    const { lines, write } = diary()
    const lab = new Lab([{ delay: 10 }, { delay: 10 }], [undefined, { receive: (e, port) => write(e, `frame at port ${port}`) }])
    lab.do(0, 2, (environment) => environment.transmit(0, frameOf(environment, 20)))
    lab.do(0, 1, (environment) => {
      environment.schedule(10, () => write(environment, 'first timer'))
      environment.schedule(10, () => write(environment, 'second timer'))
    })
    lab.do(0, 0, (environment) => environment.transmit(0, frameOf(environment, 20)))
    lab.run()
    assert.deepEqual(lines, ['10 frame at port 0', '10 first timer', '10 second timer', '10 frame at port 1'])
  })

  test('an action that is due already comes right after the current one', () => {
    const { lines, write } = diary()
    const lab = new Lab([{}]).do(50, 0, (environment) => {
      environment.schedule(10, () => write(environment, 'late'))
      environment.schedule(50, () => write(environment, 'now'))
      write(environment, 'current')
    })
    lab.run()
    assert.deepEqual(lines, ['50 current', '50 late', '50 now'])
  })

  test('time stands where it was granted to, events at that time are still to come', () => {
    const { lines, write } = diary()
    const lab = new Lab([{}]).do(0, 0, (environment) => environment.schedule(100, () => write(environment, 'timer')))
    lab.run(100)
    assert.deepEqual(lines, [])
    assert.equal(lab.engines[0].now, 100)
    assert.equal(lab.engines[0].nextTime, 100)
    lab.run(101)
    assert.deepEqual(lines, ['100 timer'])
    assert.equal(lab.engines[0].nextTime, NEVER)
  })

  test('ids of a host begin with its number, grow, and frames and events share them', () => {
    const ids: number[] = []
    const lab = new Lab([{}]).do(0, 1, (environment) => {
      ids.push(environment.record('a:happened', '', {}), environment.transmit(0, frameOf(environment, 20)))
      ids.push(environment.record('b:happened', '', {}))
    })
    lab.run()
    assert.equal(
      ids.every((id) => Math.floor(id / ID_SEQUENCE_LIMIT) === 1),
      true,
    )
    assert.equal(ids[0] < ids[1] && ids[1] < ids[2], true)
    assert.equal(lab.store.frameById(ids[1])?.from, 1)
    assert.equal(lab.store.eventById(ids[2])?.name, 'b:happened')
  })
})

describe('causes', () => {
  test('a frame causes what its receiver does, a timer passes on the cause of who set it', () => {
    const lab = new Lab(
      [{}],
      [
        undefined,
        {
          receive: (environment) => {
            environment.record('frame:heard', '', {})
            environment.schedule(environment.now + MS, () => environment.transmit(0, frameOf(environment, 20)))
          },
        },
      ],
    )
    lab.send(0, 0, 1).run()
    const [question, answer] = lab.frames()
    assert.equal(question.cause, NO_ID)
    assert.equal(lab.events('frame:heard')[0].cause, question.id)
    assert.equal(answer.cause, question.id)
  })

  test('an order causes what a host does for it', () => {
    const lab = new Lab([{}], [{ start: (environment) => environment.record('machine:started', '', { boot: environment.boot }) }])
    lab.at(MS, 0, { kind: 'restart', cause: 77 } as never)
    const [first, second] = lab.events('machine:started')
    assert.deepEqual([first.cause, first.data], [NO_ID, { boot: 1 }])
    assert.deepEqual([second.cause, second.data], [77, { boot: 2 }])
  })
})

describe('timers', () => {
  test('a cancelled one never fires, and holds up nothing', () => {
    const { lines, write } = diary()
    const lab = new Lab([{}]).do(0, 0, (environment) => {
      const timers = [1, 2, 3].map((n) => environment.schedule(n * 10, () => write(environment, `timer ${n}`)))
      timers[1].cancel()
      timers[1].cancel()
      environment.schedule(15, () => timers[2].cancel())
    })
    lab.run()
    assert.deepEqual(lines, ['10 timer 1'])
    assert.equal(lab.engines[0].nextTime, NEVER)
  })

  test('cancelling one that has fired is harmless', () => {
    let timer: Timer | undefined
    const { lines, write } = diary()
    const lab = new Lab([{}]).do(0, 0, (environment) => {
      timer = environment.schedule(10, () => write(environment, 'fired'))
      environment.schedule(20, () => timer?.cancel())
    })
    lab.run()
    assert.deepEqual(lines, ['10 fired'])
  })
})

describe('a host without power', () => {
  test('loses what arrives and what waited to be sent; what had left still arrives', () => {
    const lab = new Lab([{ rate: 1_000_000, delay: 5 * MS }]).send(0, 0, 3, 125).send(0, 1, 1, 125)
    lab.at(1.5 * MS, 0, { kind: 'kill' }).run()
    assert.deepEqual(
      lab.frames().map(({ from, fate, fateAt }) => [from, fate, fateAt]),
      [
        [0, 'arrived', 6 * MS],
        [0, 'arrived', 7 * MS],
        [0, 'host-down', 1.5 * MS],
        [1, 'host-down', 6 * MS],
      ],
    )
    assert.equal(lab.engines[0].power, 'off')
  })

  test('forgets its timers, and does not set any while it goes down', () => {
    const { lines, write } = diary()
    const script: Script = {
      start: (environment) => {
        environment.schedule(environment.now + 10 * MS, () => write(environment, `timer of boot ${environment.boot}`))
      },
      stop: (environment) => environment.schedule(environment.now, () => write(environment, 'timer of a dead host')),
    }
    const lab = new Lab([{}], [script])
    lab.at(MS, 0, { kind: 'kill' }).run(50 * MS)
    assert.deepEqual(lines, [])
    lab.at(60 * MS, 0, { kind: 'restart' }).run()
    assert.deepEqual(lines, [`${70 * MS} timer of boot 2`])
  })

  test('is killed once, and started again as a new machine with new random numbers', () => {
    const words: number[] = []
    const { lines, write } = diary()
    const script: Script = {
      start: (environment) => {
        words.push(environment.random('isn').uint32(), environment.random('isn').uint32())
        write(environment, 'start')
      },
      stop: (environment) => write(environment, 'stop'),
    }
    const lab = new Lab([{}], [script])
    lab.at(1, 0, { kind: 'kill' }).at(2, 0, { kind: 'kill' }).at(3, 0, { kind: 'restart' }).at(4, 0, { kind: 'restart' })
    assert.deepEqual(lines, ['0 start', '1 stop', '3 start', '4 stop', '4 start'])
    assert.equal(new Set(words).size, 6)
  })

  test('cannot be paused or resumed', () => {
    const lab = new Lab([{}]).at(1, 0, { kind: 'kill' }).at(2, 0, { kind: 'pause' })
    assert.equal(lab.engines[0].power, 'off')
    lab.at(3, 0, { kind: 'resume' })
    assert.equal(lab.engines[0].power, 'off')
  })

  test('learns on start which of its cables are cut', () => {
    const heard: unknown[] = []
    const lab = new Lab([{}], [{ carrier: ({ boot }, port, up) => heard.push([boot, port, up]) }])
    lab
      .at(1, 0, { kind: 'kill' })
      .at(2, 0, { kind: 'link', port: 0, settings: { up: false } })
      .at(3, 0, { kind: 'restart' })
    assert.deepEqual(heard, [[2, 0, false]])
  })
})

describe('a paused host', () => {
  test('does everything later, in its order', () => {
    const { lines, write } = diary()
    const script: Script = {
      start: (environment) => {
        for (const ms of [2, 4, 30]) environment.schedule(ms * MS, () => write(environment, `timer ${ms}`))
      },
      receive: (environment, _, frame) => write(environment, `frame ${frame[0]}`),
    }
    const lab = new Lab([{ delay: MS }], [undefined, script])
    lab.at(MS, 1, { kind: 'pause' })
    lab.send(2 * MS, 0, 2).run(10 * MS)
    assert.deepEqual(lines, [])
    assert.equal(lab.engines[1].power, 'paused')
    assert.deepEqual(lab.fates(), ['arrived', 'arrived'])
    lab.at(10 * MS, 1, { kind: 'resume' }).run()
    assert.deepEqual(lines, [
      ...['timer 2', 'frame 0', 'frame 1', 'timer 4'].map((what) => `${10 * MS} ${what}`),
      `${30 * MS} timer 30`,
    ])
  })

  test('what it was late with comes before what arrives as it goes on', () => {
    const lab = new Lab([{ delay: 2 * MS }], [undefined, {}])
    lab.at(MS, 1, { kind: 'pause' })
    lab
      .send(MS, 0, 1)
      .send(3 * MS, 0, 1)
      .at(5 * MS, 1, { kind: 'resume' })
      .run()
    assert.deepEqual(lab.arrivals(1), [1, 2])
    assert.deepEqual(lab.times(1), [5 * MS, 5 * MS])
  })

  test('has a card that keeps so many frames, and loses the next', () => {
    const lab = new Lab([{ delay: MS }]).at(0, 1, { kind: 'pause' }).send(0, 0, RECEIVE_RING + 2, 20)
    lab.at(10 * MS, 1, { kind: 'resume' }).run(15 * MS)
    assert.equal(lab.received.length, RECEIVE_RING)
    assert.deepEqual(lab.fates().slice(RECEIVE_RING - 1), ['arrived', 'ring-full', 'ring-full'])
    lab
      .at(20 * MS, 1, { kind: 'pause' })
      .send(20 * MS, 0, RECEIVE_RING, 20)
      .at(30 * MS, 1, { kind: 'resume' })
      .run()
    assert.equal(lab.received.length, 2 * RECEIVE_RING)
  })

  test('has a card that throws away what fails its frame check sequence', () => {
    const lab = new Lab([{ delay: MS, corrupt: 1 }])
      .at(0, 1, { kind: 'pause' })
      .send(0, 0, RECEIVE_RING + 10, 20)
      .run(5 * MS)
    assert.deepEqual(new Set(lab.fates()), new Set(['bad-fcs']))
    lab.at(5 * MS, 0, { kind: 'link', port: 0, settings: { corrupt: 0 } }).send(5 * MS, 0, RECEIVE_RING, 20)
    lab.at(10 * MS, 1, { kind: 'resume' }).run()
    assert.equal(lab.received.length, RECEIVE_RING)
  })

  test('that is killed loses what its card kept', () => {
    const lab = new Lab([{ delay: MS }], [undefined, ECHO]).at(0, 1, { kind: 'pause' }).send(0, 0, 2)
    lab.at(5 * MS, 1, { kind: 'kill' }).run(6 * MS)
    assert.deepEqual(
      lab.frames().map(({ fate, fateAt }) => [fate, fateAt]),
      [
        ['host-down', 5 * MS],
        ['host-down', 5 * MS],
      ],
    )
    lab
      .at(7 * MS, 1, { kind: 'restart' })
      .send(8 * MS, 0, 1)
      .run()
    assert.equal(lab.engines[1].power, 'on')
    assert.equal(lab.received.filter(({ host }) => host === 1).length, 1)
  })

  test('keeps what has arrived when its cable is cut', () => {
    const lab = new Lab([{ delay: MS }])
      .at(0, 1, { kind: 'pause' })
      .send(0, 0, 1)
      .send(4.5 * MS, 0, 1)
    lab.at(5 * MS, 1, { kind: 'cut-incoming', port: 0 }, { kind: 'resume' }).run()
    assert.deepEqual(lab.arrivals(1), [1])
    assert.deepEqual(lab.times(1), [5 * MS])
  })

  test('goes on sending what its card had already', () => {
    const lab = new Lab([{ rate: 1_000_000, delay: MS }])
      .send(0, 0, 3, 125)
      .at(MS / 2, 0, { kind: 'pause' })
      .run()
    assert.deepEqual(lab.times(1), [2 * MS, 3 * MS, 4 * MS])
  })

  test('hears of cables and settings when it goes on', () => {
    const { lines, write } = diary()
    const script: Script = {
      carrier: (environment, port, up) => write(environment, `carrier ${port} ${up}`),
      configure: (environment, path, value) => write(environment, `${path} ${String(value)}`),
    }
    const lab = new Lab([{}], [script]).at(1, 0, { kind: 'pause' })
    lab.at(2, 0, { kind: 'link', port: 0, settings: { up: false } }, { kind: 'configure', path: 'app.interval', value: 5 })
    lab.at(3, 0, { kind: 'link', port: 0, settings: { up: true } })
    assert.deepEqual(lines, [])
    lab.at(4, 0, { kind: 'resume' })
    assert.deepEqual(lines, ['4 carrier 0 false', '4 app.interval 5', '4 carrier 0 true'])
  })

  test('a timer that an earlier one cancels as the host goes on does not fire', () => {
    const { lines, write } = diary()
    const lab = new Lab([{}]).do(0, 0, (environment) => {
      const second = environment.schedule(2, () => write(environment, 'second'))
      environment.schedule(1, () => {
        write(environment, 'first')
        second.cancel()
      })
    })
    lab.run(1).at(1, 0, { kind: 'pause' }).at(10, 0, { kind: 'resume' }).run()
    assert.deepEqual(lines, ['10 first'])
  })

  test('can be paused again at the very moment at which it goes on', () => {
    const lab = new Lab([{ delay: MS }]).at(0, 1, { kind: 'pause' }).send(0, 0, 1)
    lab
      .at(2 * MS, 1, { kind: 'resume' }, { kind: 'pause' })
      .send(2 * MS, 0, 1)
      .run(5 * MS)
    assert.deepEqual(lab.arrivals(1), [1])
    lab.at(6 * MS, 1, { kind: 'resume' }).run()
    assert.deepEqual(lab.times(1), [2 * MS, 6 * MS])
  })
})

describe('orders about a frame', () => {
  test('one in flight that is dropped does not arrive; its copy does', () => {
    const lab = new Lab([{ delay: 5 * MS, duplicate: 1 }]).send(0, 0, 1).run(MS)
    lab.at(MS, 1, { kind: 'drop', frame: lab.frames()[0].id }).run()
    assert.deepEqual(lab.arrivals(1), [2])
  })

  test('one in flight whose bits are flipped is refused on arrival, or heard with them', () => {
    for (const detected of [true, false]) {
      const lab = new Lab([{ delay: 5 * MS }]).send(0, 0, 1, 60).run(MS)
      lab.at(MS, 1, { kind: 'corrupt', frame: lab.frames()[0].id, corruption: 1 + 3 * 256 + 0x80, detected }).run()
      assert.deepEqual(
        lab.received.map(({ bytes }) => bytes[3]),
        detected ? [] : [3 ^ 0x80],
      )
    }
  })

  test('one in the queue whose bits are flipped travels so', () => {
    const lab = new Lab([{ rate: 1_000_000, delay: 5 * MS }]).send(0, 0, 3, 125).run(1)
    lab.at(1, 0, { kind: 'corrupt', frame: lab.frames()[1].id, corruption: 1 + 256 + 1, detected: true }).run()
    assert.deepEqual(lab.fates(), ['arrived', 'bad-fcs', 'arrived'])
    assert.deepEqual(lab.arrivals(1), [1, 3])
    assert.equal(lab.recorder.bytes(2)?.[1], (1 + 1) ^ 1)
  })

  test('one in the queue that is flipped and then dropped leaves nothing behind', () => {
    const lab = new Lab([{ rate: 1_000_000, delay: 5 * MS }]).send(0, 0, 3, 125).run(1)
    const { id } = lab.frames()[1]
    lab.at(1, 0, { kind: 'corrupt', frame: id, corruption: 300, detected: true }, { kind: 'drop', frame: id }).run()
    assert.deepEqual(lab.arrivals(1), [1, 3])
  })
})

describe('settings of a machine', () => {
  const settings = (lines: unknown[]): Script => ({
    start: ({ boot }) => lines.push(`start ${boot}`),
    configure: ({ boot }, path, value) => {
      if (path === 'app.wrong') throw new UnknownSetting('no such thing')
      if (path === 'app.broken') throw new TypeError('a fault of this program')
      lines.push(`${boot} ${path}=${String(value)}`)
    },
  })

  test('outlive restarts: the new machine has them before it starts, in the order in which they were made', () => {
    const lines: unknown[] = []
    const lab = new Lab([{}], [settings(lines)])
    const configure = (path: string, value: unknown) => ({ kind: 'configure', path, value }) as const
    lab.at(1, 0, configure('app.a', 1), configure('app.b', 2), configure('app.a', 3))
    lab.at(2, 0, { kind: 'restart' }).at(3, 0, { kind: 'kill' }).at(4, 0, configure('app.c', 4)).at(5, 0, { kind: 'restart' })
    assert.deepEqual(lines, [
      'start 1',
      ...['1 app.a=1', '1 app.b=2', '1 app.a=3'],
      ...['2 app.b=2', '2 app.a=3', 'start 2'],
      ...['3 app.b=2', '3 app.a=3', '3 app.c=4', 'start 3'],
    ])
  })

  test('that it does not know are refused in the trace, and not tried again', () => {
    const lab = new Lab([{}], [settings([])])
    lab.at(1, 0, { kind: 'configure', path: 'app.wrong', value: 1 }).at(2, 0, { kind: 'restart' })
    assert.deepEqual(
      lab.events('host:setting-refused').map(({ time, data }) => [time, data]),
      [[1, { path: 'app.wrong', why: 'no such thing' }]],
    )
  })

  test('whose change breaks the machine are not taken for wrong settings', () => {
    const lab = new Lab([{}], [settings([])])
    assert.throws(() => lab.at(1, 0, { kind: 'configure', path: 'app.broken', value: 1 }), TypeError)
  })
})

describe('misuse', () => {
  test('there is no such port', () => {
    const lab = new Lab([{}])
    assert.throws(() => lab.environments[0].transmit(1, new Uint8Array(20)), RangeError)
    assert.throws(() => lab.at(1, 0, { kind: 'link', port: 4, settings: {} }), RangeError)
  })

  test('an error in a machine ends the run of its engine, and is not lost', () => {
    const machine: Machine = {
      start: () => undefined,
      receive: () => undefined,
      stop: () => undefined,
      carrier: () => undefined,
      configure: () => undefined,
    }
    const engine = new Engine({ host: 0, name: 'a', seed: 1, factory: () => machine, ports: [] })
    engine.start()
    engine.schedule(5, () => {
      throw new Error('broken')
    })
    assert.throws(() => engine.run(10), /broken/)
  })
})
