import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryDisk } from '../../src/kernel/disk.ts'
import { Engine } from '../../src/kernel/engine.ts'
import type { CrowdEnvironment, Environment, Machine } from '../../src/kernel/machine.ts'
import { NEVER } from '../../src/kernel/time.ts'
import { frameOf, Lab, type Script } from './lab.ts'

const MS = 1_000_000

/** Breaks down at 10 ms of its first life, for so long. */
function fragile(restartAfter: number, at = 10 * MS): Script {
  return {
    start: (environment) => {
      environment.record('test:started', '', { boot: environment.boot })
      if (environment.boot > 1) return
      environment.schedule(at, () => {
        environment.crash('a fault', restartAfter)
        environment.crash('another', 1)
        environment.schedule(environment.now, () => environment.record('test:woken', '', {}))
      })
    },
  }
}

function happened(lab: Lab): string[] {
  return lab.store.events.map(({ time, name }) => `${String(time / MS)} ${name}`)
}

describe('a machine that breaks down', () => {
  test('is off once the current event is over, and on again when its time has come', () => {
    const lab = new Lab([{}], [fragile(5 * MS)])
    lab.run()
    assert.deepEqual(happened(lab), ['0 test:started', '10 host:crashed', '15 host:recovered', '15 test:started'])
    const [crash] = lab.store.all('host:crashed')
    assert.deepEqual(crash.data, { why: 'a fault', restartAfter: 5 * MS })
    assert.equal(lab.store.first('host:recovered')?.cause, crash.id)
    assert.equal(lab.store.all('test:started')[1]?.cause, lab.store.first('host:recovered')?.id)
    assert.equal(lab.engines[0].power, 'on')
  })

  test('stays off when it is not to come back', () => {
    const lab = new Lab([{}], [fragile(0)])
    lab.run()
    assert.equal(lab.engines[0].power, 'off')
    assert.equal(lab.engines[0].nextTime, NEVER)
  })

  test('loses what waited to be sent, and what arrives while it is off', () => {
    const lab = new Lab(
      [{ rate: 8_000_000, delay: MS }],
      [
        {
          start: (environment) => {
            if (environment.boot > 1) return
            for (let i = 0; i < 3; i++) environment.transmit(0, frameOf(environment, 1000))
            environment.schedule(1.5 * MS, () => environment.crash('a fault', 10 * MS))
          },
        },
      ],
    )
    lab.do(3 * MS, 1, (environment) => environment.transmit(0, frameOf(environment, 100)))
    lab.run()
    assert.deepEqual(
      [...lab.store.frames()].map(({ fate }) => fate),
      ['arrived', 'arrived', 'host-down', 'host-down'],
    )
  })

  test('and is killed or started by hand meanwhile: what was to come does not come', () => {
    for (const kind of ['kill', 'restart'] as const) {
      const lab = new Lab([{}], [fragile(5 * MS)])
      lab.at(12 * MS, 0, { kind })
      lab.run()
      const back = lab.store.all('host:recovered')
      // Killing what is off already changes nothing.
      assert.equal(back.length, kind === 'kill' ? 1 : 0, kind)
      assert.equal(lab.engines[0].power, 'on')
    }
  })

  test('and is killed by hand at the very moment: it stays off', () => {
    const lab = new Lab([{}], [fragile(5 * MS)])
    lab.at(10 * MS + 1, 0, { kind: 'restart' }, { kind: 'kill' })
    lab.run()
    assert.equal(lab.engines[0].power, 'off')
    assert.equal(lab.store.all('host:recovered').length, 0)
  })
})

describe('a disk', () => {
  test('keeps what was written, in order and as it was then', () => {
    const disk = new MemoryDisk()
    const bytes = Uint8Array.of(1, 2)
    disk.append('a', bytes)
    bytes.fill(9)
    disk.append('a', Uint8Array.of(3))
    disk.append('b', Uint8Array.of(4))
    assert.deepEqual(disk.read('a'), [Uint8Array.of(1, 2), Uint8Array.of(3)])
    disk.replace('a', bytes)
    bytes.fill(7)
    assert.deepEqual(disk.read('a'), [Uint8Array.of(9, 9)])
    disk.replace('a', new Uint8Array(0))
    assert.deepEqual([disk.read('a'), disk.read('b'), disk.read('c')], [[], [Uint8Array.of(4)], []])
  })

  test("outlives kills, restarts and breakdowns of its host, and is no other host's", () => {
    const boots: Script = { start: ({ disk, boot }) => disk.append('boots', Uint8Array.of(boot)) }
    const lab = new Lab([{}], [boots, boots])
    lab.at(0, 0, { kind: 'restart' }, { kind: 'kill' }, { kind: 'restart' })
    lab.environments[0].crash('a fault', MS)
    lab.run()
    const written = (host: number): number[] => lab.engines[host].disk.read('boots').map(([boot]) => boot)
    assert.deepEqual([written(0), written(1)], [[1, 2, 3, 4], [1]])
  })
})

describe('what is left out of a trace', () => {
  test('has an id all the same, and hands its cause on', () => {
    let environment: CrowdEnvironment | undefined
    const machine: Machine = {
      start: () => undefined,
      receive: () => undefined,
      stop: () => undefined,
      carrier: () => undefined,
      configure: () => undefined,
    }
    const factory = (given: CrowdEnvironment): Machine => {
      environment = given
      return machine
    }
    const engine = new Engine({ host: 0, name: 'alice', seed: 1, ports: [], factory, brief: true })
    engine.start()
    const world = environment as Environment
    assert.equal(world.isBrief, true)
    world.cause = 77
    const first = world.record('a:happened', '', {})
    assert.equal(world.omit(), 77)
    assert.equal(world.record('a:happened', '', {}), first + 2)
    engine.obey({ kind: 'watch', on: true, cause: 0 })
    assert.equal(world.isBrief, false)
    engine.obey({ kind: 'restart', cause: 0 })
    assert.equal(world.isBrief, false, 'whoever is watched is so after a restart')
    engine.obey({ kind: 'watch', on: false, cause: 0 })
    assert.equal(world.isBrief, true)
  })

  test('a host whose trace is full is never brief', () => {
    const lab = new Lab([{}])
    lab.at(0, 0, { kind: 'watch', on: true }, { kind: 'watch', on: false })
    assert.equal(lab.engines[0].isBrief, false)
  })

  test('a machine that is no crowd has no members to be told anything', () => {
    const lab = new Lab([{}])
    assert.throws(() => lab.engines[0].obey({ kind: 'kill', member: 0, cause: 0 }), RangeError)
  })
})
