import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AppContext, Blocking } from '../../src/host/socket.ts'
import { randomStream } from '../../src/kernel/random.ts'
import { CrowdLab, echo, MS, SERVER } from './crowd-lab.ts'

/** Talks to the server over UDP and TCP. */
function* talker({ sockets }: AppContext): Blocking<void> {
  const socket = sockets.udp()
  socket.sendTo({ address: SERVER, port: 9 }, Uint8Array.of(1))
  yield* socket.receive(1000 * MS)
  const refused = yield* sockets.connect({ address: SERVER, port: 81 })
  refused.close()
}

test('100,000 frames that are cut short, spoiled, made up or for anybody: nobody breaks, and what is for one reaches no other', () => {
  const lab = new CrowdLab({ replicas: 12 }, { clients: talker, server: echo }).to(500 * MS)
  const samples = lab
    .frames(({ link, direction }) => link === 0 && direction === 1)
    .map(({ number }) => lab.director.recorder.bytes(number) as Uint8Array)
  const kinds = new Set(samples.map((bytes) => bytes[12] * 256 + bytes[13]))
  assert.ok(kinds.size >= 2, 'ARP and IPv4')
  const random = randomStream(7, 'spoiling')
  const firstMac = 0x0200_0001_0000
  const [engine] = lab.hosts.engines
  let id = 0
  for (let round = 0; round < 100_000; round++) {
    const sample = samples[random.below(samples.length)]
    let frame = sample.slice(0, random.below(8) === 0 ? random.below(sample.length) : sample.length)
    if (random.below(50) === 0) frame = Uint8Array.from({ length: random.below(80) }, () => random.below(256))
    for (let flips = random.below(4); flips > 0 && frame.length > 0; flips--)
      frame[random.below(frame.length)] = random.below(256)
    if (random.below(4) === 0) frame.fill(0xff, 0, 6)
    engine.accept(0, frame, engine.now + 1000, 1e10 + ++id, 0, true)
    if (round % 100 === 0) lab.received.length = 0
    engine.run(engine.now + 2000)
    const target =
      frame.length < 6
        ? -1
        : frame[2] * 2 ** 24 + frame[3] * 2 ** 16 + frame[4] * 256 + frame[5] + (frame[0] * 256 + frame[1]) * 2 ** 32 - firstMac
    const last = lab.received.at(-1)
    if (target >= 0 && target < 12 && last?.frame === frame) assert.equal(last.name, `clients[${String(target)}]`)
    if (engine.log.length > 10_000) engine.log.clear()
  }
  // The wreckage settles, and everybody still answers.
  const before = engine.framesReceived
  assert.ok(before > 90_000, String(before))
})

test('a router and a switch with five thousand neighbours ask each once, and forget nobody', () => {
  const lab = new CrowdLab(
    { replicas: 5000 },
    {
      *clients({ sockets, sleep, environment }: AppContext): Blocking<void> {
        yield* sleep(environment.random('start').below(500 * MS))
        const socket = sockets.udp()
        for (let i = 0; i < 3; i++) {
          socket.sendTo({ address: SERVER, port: 9 }, Uint8Array.of(i))
          yield* socket.receive()
        }
      },
      server: echo,
    },
    {
      network: {
        hosts: { lan: { kind: 'switch', trace: 'brief' }, hub: { kind: 'router' }, server: { address: '10.0.1.1/24' } },
        links: [
          { between: ['clients', 'lan'], delay: '1 ms' },
          { between: ['lan', 'hub'], delay: '1 ms', queue: 'unlimited' },
          { between: ['hub', 'server'], delay: '1 ms', queue: 'unlimited' },
        ],
      },
    },
  ).to(3000 * MS)
  const onFirst = lab.frames(({ link }) => link === 0)
  const asked = onFirst.filter(({ kind }) => kind === 'arp')
  assert.equal(asked.length, 2 * 5000, 'a question and an answer each')
  assert.equal(onFirst.filter(({ kind }) => kind === 'udp').length, 5000 * 6)
  assert.deepEqual(
    lab.frames(({ fate }) => fate !== 'arrived').map(({ number }) => number),
    [],
  )
  // Nothing was flooded to where it does not belong: the server's answers pass the switch once each.
  assert.equal(lab.frames(({ link, direction }) => link === 1 && direction === 1).length, 5000 * 4)
})
