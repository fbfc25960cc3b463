import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AppContext, Blocking } from '../../src/host/socket.ts'
import { NEVER } from '../../src/kernel/time.ts'
import { readMac } from '../../src/wire/address.ts'
import { CrowdLab, MS, SERVER, echo, sender, silence } from './crowd-lab.ts'

/** What has come back over the crowd's link. */
function echoes(lab: CrowdLab) {
  return lab.frames(({ kind, link, direction, fate }) => kind === 'udp' && link === 0 && direction === 1 && fate !== 'queued')
}

describe("a member's own line", () => {
  test('its delay counts each way', () => {
    const at: number[] = []
    new CrowdLab(
      { replicas: 1, access: { delay: '20 ms' } },
      {
        *clients({ sockets, environment }: AppContext): Blocking<void> {
          const socket = sockets.udp()
          for (let i = 0; i < 2; i++) {
            const start = environment.now
            socket.sendTo({ address: SERVER, port: 9 }, Uint8Array.of(1))
            yield* socket.receive()
            at.push(environment.now - start)
          }
        },
        server: echo,
      },
    ).end()
    // The second time no address has to be found out: twice the line, and twice two links of 1 ms.
    assert.equal(at[1], 44 * MS)
  })

  test('its rate: frames leave one after the other, each way for itself', () => {
    // A datagram of 1000 bytes is a frame of 1042: 8.336 ms at 1 Mbit/s.
    const got: number[] = []
    const lab = new CrowdLab(
      { replicas: 2, access: { rate: '1 Mbit/s' } },
      {
        *clients({ sockets, environment, sleep }: AppContext): Blocking<void> {
          const socket = sockets.udp()
          socket.sendTo({ address: SERVER, port: 9 }, Uint8Array.of(1))
          yield* socket.receive()
          yield* sleep(100 * MS - environment.now)
          for (let i = 0; i < 3; i++) socket.sendTo({ address: SERVER, port: 9 }, new Uint8Array(1000))
          for (let i = 0; i < 3; i++) {
            yield* socket.receive()
            if (environment.name === 'clients[0]') got.push(environment.now)
          }
        },
        server: echo,
      },
    ).end()
    const up = lab.frames(({ link, direction, length }) => link === 0 && direction === 0 && length === 1042)
    assert.deepEqual(
      up.map(({ enqueued }) => enqueued),
      [1, 1, 2, 2, 3, 3].map((count) => 100 * MS + count * 8_336_000),
      'both members send at once, for each has a line of its own',
    )
    const down = 100 * MS + 8_336_000 + 4 * MS
    assert.deepEqual(
      got,
      [1, 2, 3].map((count) => down + count * 8_336_000),
    )
  })

  test('of a range, each member has its own delay, the same one in every run and whatever the size of the crowd', () => {
    const delays = (replicas: number, seed: number): number[] => {
      const lab = new CrowdLab({ replicas, access: { delay: ['5 ms', '60 ms'] } }, { clients: sender(10_000 * MS, 1) }, { seed })
      lab.to(200 * MS)
      const first = new Map<number, number>()
      for (const { number, enqueued } of lab.frames(({ link, direction }) => link === 0 && direction === 0)) {
        const member = readMac(lab.director.recorder.bytes(number) as Uint8Array, 6) - 0x0200_0001_0000
        if (!first.has(member)) first.set(member, enqueued)
      }
      return Array.from({ length: replicas }, (_, member) => first.get(member) ?? -1)
    }
    const many = delays(40, 1)
    assert.ok(
      many.every((delay) => delay >= 5 * MS && delay <= 60 * MS),
      many.join(' '),
    )
    assert.equal(new Set(many).size, 40)
    assert.deepEqual(delays(10, 1), many.slice(0, 10))
    assert.notDeepEqual(delays(10, 2), many.slice(0, 10))
  })

  test('the power goes: what has left the member arrives, what waits for the line does not', () => {
    const lab = new CrowdLab(
      { replicas: 1, access: { rate: '1 Mbit/s', delay: '50 ms' } },
      {
        *clients({ sockets, sleep }: AppContext): Blocking<void> {
          const socket = sockets.udp()
          socket.sendTo({ address: SERVER, port: 9 }, Uint8Array.of(1))
          yield* sleep(500 * MS)
          for (let i = 0; i < 5; i++) socket.sendTo({ address: SERVER, port: 9 }, new Uint8Array(1000))
          yield* sleep(100_000 * MS)
        },
        server: silence,
      },
    )
    // Two have left after 16.7 ms.
    lab
      .to(520 * MS)
      .do({ kill: 'clients[0]' })
      .to(2000 * MS)
    assert.equal(lab.frames(({ link, direction, length }) => link === 0 && direction === 0 && length === 1042).length, 2)
    assert.equal(lab.hosts.engines[0].nextTime, NEVER)
  })

  test('a frame that comes while the whole crowd is paused waits at the end of the line; killed then, it is lost for that', () => {
    for (const kind of ['resume', 'kill'] as const) {
      const lab = new CrowdLab({ replicas: 2, access: { delay: '10 ms' } }, { clients: sender(10_000 * MS, 1), server: echo })
      // The echoes are on the lines.
      while (echoes(lab).length < 2) lab.to(lab.director.horizon + MS)
      const underWay = echoes(lab)
      assert.equal(underWay.length, 2)
      lab.received.length = 0
      lab.do({ pause: 'clients' }).to(200 * MS)
      assert.equal(lab.received.length, 0)
      lab.do(kind === 'kill' ? { kill: 'clients' } : { resume: 'clients' }).to(300 * MS)
      assert.equal(lab.received.length, kind === 'kill' ? 0 : 2)
      for (const { fate, fateAt } of underWay) {
        assert.equal(fate, kind === 'kill' ? 'host-down' : 'arrived')
        if (kind === 'kill') assert.equal(fateAt, 200 * MS)
      }
    }
  })

  test('a knob changes the delay of all while they run', () => {
    const lab = new CrowdLab({ replicas: 2, access: { delay: '10 ms' } }, { clients: sender(100 * MS), server: silence })
    lab.to(150 * MS)
    lab.hosts.engines[0].obey({ kind: 'configure', path: 'access.delay', value: 30 * MS, cause: 0 })
    lab.to(250 * MS)
    const sent = lab
      .frames(({ kind, link, direction }) => kind === 'udp' && link === 0 && direction === 0)
      .map(({ enqueued }) => enqueued)
    assert.deepEqual(
      sent.slice(-4),
      [110, 110, 230, 230].map((ms) => ms * MS),
    )
    lab.hosts.engines[0].obey({ kind: 'configure', path: 'access.colour', value: 1, cause: 0 })
    lab.hosts.settle()
    assert.equal(lab.events('host:setting-refused').length, 1)
  })
})
