import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { AppContext, Blocking } from '../../src/host/socket.ts'
import { UnknownSetting } from '../../src/host/unknown-setting.ts'
import { NEVER } from '../../src/kernel/time.ts'
import type { Action } from '../../src/scenario/intervention.ts'
import { readMac } from '../../src/wire/address.ts'
import { CrowdLab, MS, SERVER, echo, idle, sender, silence } from './crowd-lab.ts'

describe('one member is told something', () => {
  test('killed: its timers are gone, what comes for it is lost for that, nobody else notices', () => {
    const lab = new CrowdLab({ replicas: 3 }, { clients: sender(10 * MS, 20), server: echo })
    lab
      .to(53 * MS)
      .do({ kill: 'clients[1]' })
      .to(1000 * MS)
    const sent = lab.frames(({ kind, link, direction }) => kind === 'udp' && link === 0 && direction === 0)
    const bySender = new Map<number, number>()
    for (const { number } of sent) {
      const member = readMac(lab.director.recorder.bytes(number) as Uint8Array, 6) - 0x0200_0001_0000
      bySender.set(member, (bySender.get(member) ?? 0) + 1)
    }
    assert.deepEqual([bySender.get(0), bySender.get(1), bySender.get(2)], [20, 6, 20])
    const down = lab.frames(({ fate }) => fate === 'host-down')
    assert.ok(down.length > 0 && down.every(({ from, to }) => from === 1 && to === 0), `${String(down.length)} lost`)
    assert.deepEqual(lab.director.state.hosts[0], { power: 'on', members: { 1: 'off' } })
  })

  test('paused: what comes waits, but no more than a card holds, and in its order', () => {
    const got = new Map<string, number[]>()
    const lab = new CrowdLab(
      { replicas: 2 },
      {
        *clients({ sockets, environment }: AppContext): Blocking<void> {
          const socket = sockets.udp(7)
          socket.sendTo({ address: SERVER, port: 9 }, Uint8Array.of(0, 0))
          for (;;) {
            const datagram = yield* socket.receive()
            if (datagram === undefined) continue
            const list = got.get(environment.name) ?? []
            list.push(datagram.bytes[0] * 256 + datagram.bytes[1])
            got.set(environment.name, list)
          }
        },
        *server({ sockets, sleep }: AppContext): Blocking<void> {
          const socket = sockets.udp(9)
          yield* sleep(100 * MS)
          for (let i = 0; i < 300; i++) {
            for (const member of [0, 1]) socket.sendTo({ address: 0x0a00_0001 + member, port: 7 }, Uint8Array.of(i >> 8, i))
            yield* sleep(MS)
          }
        },
      },
    )
    lab
      .to(50 * MS)
      .do({ pause: 'clients[0]' })
      .to(900 * MS)
    assert.equal(got.get('clients[0]'), undefined)
    assert.equal(got.get('clients[1]')?.length, 300)
    assert.equal(lab.frames(({ fate }) => fate === 'ring-full').length, 300 - 256)
    lab.do({ resume: 'clients[0]' }).to(1000 * MS)
    assert.deepEqual(
      got.get('clients[0]'),
      Array.from({ length: 256 }, (_, i) => i),
    )
  })

  test('started anew: a new life with new timers, and settings that were made stay made', () => {
    const set: string[] = []
    const starts: string[] = []
    const lab = new CrowdLab(
      { replicas: 2 },
      {
        *clients({ environment, sleep }: AppContext): Blocking<void> {
          starts.push(`${environment.name} ${String(environment.boot)} ${String(environment.now / MS)}`)
          yield* sleep(100 * MS)
          starts.push(`${environment.name} awake ${String(environment.now / MS)}`)
        },
      },
      { configured: (name, path, value) => set.push(`${name} ${path} ${String(value)}`) },
    )
    const tell = (path: string, value: number, member?: number): void => {
      const order = { kind: 'configure', path, value, cause: 0 } as const
      lab.hosts.engines[0].obey(member === undefined ? order : { ...order, member })
    }
    tell('app.x', 1)
    tell('app.y', 2, 1)
    lab.to(50 * MS).do({ restart: 'clients[1]' })
    assert.deepEqual(set.splice(0), ['clients[0] x 1', 'clients[1] x 1', 'clients[1] y 2', 'clients[1] x 1', 'clients[1] y 2'])
    lab.to(200 * MS)
    assert.deepEqual(starts.splice(0), [
      'clients[0] 1 0',
      'clients[1] 1 0',
      'clients[1] 2 50',
      'clients[0] awake 100',
      'clients[1] awake 150',
    ])
    lab.do({ restart: 'clients' })
    assert.deepEqual(set.splice(0), ['clients[0] x 1', 'clients[1] x 1', 'clients[1] y 2'])
    assert.deepEqual(starts, ['clients[0] 2 200', 'clients[1] 3 200'])
    // What is said to all holds for those, too, to whom something else was said before.
    tell('app.y', 3)
    lab.to(300 * MS).do({ restart: 'clients[1]' })
    assert.deepEqual(set, ['clients[0] y 3', 'clients[1] y 3', 'clients[1] x 1', 'clients[1] y 3'])
  })

  test('a setting that its machine does not have: it says so, and goes on', () => {
    const lab = new CrowdLab(
      { replicas: 2 },
      { clients: idle },
      {
        configured: (_, path) => {
          throw new UnknownSetting(path, 'never heard of it')
        },
      },
    )
    lab.hosts.engines[0].obey({ kind: 'configure', path: 'app.x', value: 1, member: 1, cause: 0 })
    lab.hosts.engines[0].obey({ kind: 'configure', path: 'app.x', value: 1, cause: 0 })
    lab.hosts.settle()
    assert.deepEqual(
      lab.events('host:setting-refused').map(({ member }) => member),
      [2, 0],
    )
    lab.do({ restart: 'clients' })
    assert.equal(lab.events('host:setting-refused').length, 2)
  })

  test('the machine under one member is slowed down, and all machines later', () => {
    const lab = new CrowdLab({ replicas: 2 }, { clients: sender(100 * MS), server: silence })
    lab.to(150 * MS).do({ host: { name: 'clients[1]', settings: { perPacket: 5 * MS } } })
    lab.to(250 * MS).do({ host: { name: 'clients', settings: { perPacket: 2 * MS } } })
    lab.to(350 * MS)
    const sent = lab
      .frames(({ kind, link, direction }) => kind === 'udp' && link === 0 && direction === 0)
      .map(({ enqueued }) => enqueued)
    assert.deepEqual(
      sent.slice(-4),
      [200, 205, 302, 302].map((ms) => ms * MS),
    )
  })
})

describe('a machine that breaks down', () => {
  /** Breaks down at 100 ms of its first life. */
  function* fragile({ environment, sockets, sleep }: AppContext): Blocking<void> {
    const socket = sockets.udp()
    environment.disk.append('boots', Uint8Array.of(environment.boot))
    if (environment.boot === 1 && environment.name !== 'clients[0]') {
      yield* sleep(100 * MS)
      environment.crash('out of memory', 50 * MS)
      socket.sendTo({ address: SERVER, port: 9 }, Uint8Array.of(66))
      environment.record('test:said-after', '', {})
    }
    for (;;) {
      yield* sleep(40 * MS)
      socket.sendTo({ address: SERVER, port: 9 }, Uint8Array.of(environment.boot))
    }
  }

  test('is off at once, sends nothing any more, and comes back by itself', () => {
    const lab = new CrowdLab({ replicas: 2 }, { clients: fragile, server: silence }).to(120 * MS)
    assert.deepEqual(lab.director.state.hosts[0], { power: 'on', members: { 1: 'off' } })
    assert.equal(lab.events('test:said-after').length, 0)
    assert.throws(() => lab.do({ kill: 'clients[1]' }), { message: 'clients[1] is off already.' })
    lab.to(300 * MS)
    assert.deepEqual(lab.director.state.hosts[0], { power: 'on' })
    const [crash] = lab.events('host:crashed')
    const [back] = lab.events('host:recovered')
    assert.deepEqual([crash.time, crash.member, crash.data], [100 * MS, 2, { why: 'out of memory', restartAfter: 50 * MS }])
    assert.deepEqual([back.time, back.member, back.cause], [150 * MS, 2, crash.id])
    const sent = lab.frames(({ kind, link, direction }) => kind === 'udp' && link === 0 && direction === 0)
    const ofSecond = sent.filter(({ number }) => (lab.director.recorder.bytes(number) as Uint8Array)[11] === 1)
    assert.deepEqual(
      ofSecond.map(({ enqueued }) => enqueued / MS),
      // In its new life it has to ask where the router is.
      [192, 230, 270],
    )
  })

  test('an ordinary host does the same, and what it wrote to its disk is still there', () => {
    const lab = new CrowdLab({ replicas: 1 }, { clients: idle, server: fragile }).to(120 * MS)
    assert.equal(lab.director.state.hosts[2].power, 'off')
    lab.to(160 * MS)
    assert.equal(lab.director.state.hosts[2].power, 'on')
    lab.do({ restart: 'server' })
    const { disk } = lab.hosts.engines[2]
    assert.deepEqual(
      disk.read('boots').map(([boot]) => boot),
      [1, 2, 3],
    )
    disk.replace('boots', Uint8Array.of(9))
    disk.append('boots', Uint8Array.of(8))
    assert.deepEqual(
      disk.read('boots').map(([boot]) => boot),
      [9, 8],
    )
    disk.replace('boots', new Uint8Array(0))
    assert.deepEqual(disk.read('boots'), [])
    assert.deepEqual(disk.read('nothing'), [])
  })

  test('somebody starts it before it would come back: it comes back once', () => {
    const lab = new CrowdLab({ replicas: 2 }, { clients: fragile })
      .to(120 * MS)
      .do({ restart: 'clients[1]' })
      .to(500 * MS)
    assert.equal(lab.events('host:recovered').length, 0)
    assert.deepEqual(lab.director.state.hosts[0], { power: 'on' })
  })

  test('without a time to come back it stays off', () => {
    const lab = new CrowdLab(
      { replicas: 1 },
      {
        *clients({ environment, sleep }: AppContext): Blocking<void> {
          environment.crash('for good', 0)
          environment.crash('twice', 0)
          yield* sleep(MS)
        },
      },
    ).end()
    assert.equal(lab.events('host:crashed').length, 1)
    assert.deepEqual(lab.director.state.hosts[0], { power: 'on', members: { 0: 'off' } })
    assert.equal(lab.hosts.engines[0].nextTime, NEVER)
  })

  test('members have disks of their own', () => {
    const seen: string[] = []
    const lab = new CrowdLab(
      { replicas: 2 },
      {
        *clients({ environment: { disk, name }, sleep }: AppContext): Blocking<void> {
          seen.push(
            `${name} ${disk
              .read('log')
              .map(([byte]) => byte)
              .join('')}`,
          )
          disk.append('log', Uint8Array.of(name === 'clients[0]' ? 4 : 7))
          yield* sleep(0)
        },
      },
    )
    lab.to(MS).do({ restart: 'clients[0]' }).do({ restart: 'clients' })
    assert.deepEqual(seen, ['clients[0] ', 'clients[1] ', 'clients[0] 4', 'clients[0] 44', 'clients[1] 7'])
  })
})

describe('any members killed, paused, started and cut off at any time', () => {
  test('no frame reaches a member that is off, and when all are off nothing is pending', () => {
    const names = ['clients', 'clients[0]', 'clients[1]', 'clients[3]']
    const action = fc.oneof(
      fc.constantFrom(...names).map((name): Action => ({ kill: name })),
      fc.constantFrom(...names).map((name): Action => ({ restart: name })),
      fc.constantFrom(...names).map((name): Action => ({ pause: name })),
      fc.constantFrom(...names).map((name): Action => ({ resume: name })),
      fc.constantFrom<Action>({ cut: 'clients-hub' }, { heal: 'clients-hub' }, { restart: 'server' }),
    )
    const step = fc.record({ after: fc.integer({ min: 0, max: 30 * MS }), action })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), fc.boolean(), (steps, hasLines) => {
        let at = 0
        const interventions = steps.map(({ after, action: what }) => ({ at: (at += after), ...what }))
        const access = hasLines ? { access: { rate: '2 Mbit/s', delay: ['1 ms', '9 ms'] } } : {}
        const lab = new CrowdLab({ replicas: 4, ...access }, { clients: sender(3 * MS), server: echo }, { interventions })
        const off = new Set<string>()
        lab.to(at + 50 * MS)
        const { hosts } = lab.director.state
        const all = [0, 1, 2, 3].map((member) => `clients[${String(member)}]`)
        for (const name of all) if (hosts[0].power !== 'on' || hosts[0].members?.[all.indexOf(name)] !== undefined) off.add(name)
        lab.received.length = 0
        lab.to(at + 100 * MS)
        for (const { name } of lab.received) assert.ok(!off.has(name), `${name} takes a frame`)
        if (hosts[0].power !== 'off') lab.do({ kill: 'clients' })
        lab.received.length = 0
        lab.to(at + 400 * MS)
        assert.deepEqual(lab.received, [])
        assert.equal(lab.hosts.engines[0].nextTime, NEVER, 'no timer is left')
        for (const frame of lab.frames(({ link, direction }) => link === 0 && direction === 1))
          assert.ok(frame.fate !== 'in-flight' && frame.fate !== 'queued', 'every frame has met its end')
      }),
      { numRuns: 150, seed: 6 },
    )
  })
})
