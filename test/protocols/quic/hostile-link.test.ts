import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomStream } from '../../../src/kernel/random.ts'
import { bytesOn, CLIENT, MOVED, MS, pattern, QuicLab, SECOND, type Network } from './quic-lab.ts'

const SEEDS = 200

/** One connection over a bad link, of whatever kind a seed makes: with moves, NATs that forget, updates of keys, a Retry. */
function run(seed: number): string {
  const random = randomStream(seed, 'wishes')
  const chance = (share: number): boolean => random.next() < share
  const network: Network = {
    delay: (1 + random.below(80)) * MS,
    rate: 1e6 * (1 + random.below(50)),
    loss: random.below(15) / 100,
    duplication: random.below(5) / 100,
    reordering: random.below(10) / 100,
    corruption: random.below(4) / 100,
    marking: chance(0.3) ? 0.02 : 0,
    mtu: chance(0.3) ? 1200 + random.below(300) : 65_527,
  }
  const common = {
    congestionControl: chance(0.5) ? ('cubic' as const) : ('new-reno' as const),
    pacing: chance(0.5),
    ecn: chance(0.5),
    observe: chance(0.3),
    idleTimeout: 0,
    ...(chance(0.5) && { keyUpdateAfter: 50 }),
  }
  const lab = new QuicLab(
    { ...common, connectionIdLength: chance(0.1) ? 0 : 8 },
    { ...common, retry: chance(0.2) ? 'always' : 'never' },
    network,
    seed,
  )
  const sizes = Array.from({ length: 1 + random.below(5) }, () => random.below(chance(0.3) ? 200_000 : 20_000))
  lab.onClient = (event) => {
    if (event.type !== 'connected') return
    for (const size of sizes) {
      const stream = lab.client.openStream(true)
      lab.client.setPriority(stream, { urgency: random.below(8), incremental: chance(0.5) })
      lab.client.send(stream, pattern(Math.min(size, 5000)))
      lab.client.end(stream)
    }
  }
  lab.onServer = (event, connection) => {
    if (event.type !== 'stream-data' || !event.fin) return
    connection.send(event.stream, pattern(sizes[event.stream / 4]))
    connection.end(event.stream)
  }
  if (chance(0.3))
    lab.at((300 + random.below(1500)) * MS, () => {
      lab.client.migrate(MOVED)
      lab.flush('client')
    })
  // A NAT that forgets is of no use to who has not finished the handshake; nor to a client that stays silent, but then it asks.
  if (chance(0.3))
    lab.at((300 + random.below(1500)) * MS, () => {
      if (!lab.client.isConfirmed || lab.connection?.isConfirmed !== true) return
      lab.translate = (address) => (address.address === CLIENT.address ? { ...address, port: 7777 } : address)
    })
  const isDone = (): boolean => lab.clientTold('stream-data').filter(({ fin }) => fin).length === sizes.length
  if (!lab.run(() => isDone() || lab.client.isClosed || lab.connection?.isClosed === true, 300 * SECOND))
    return `not done after ${String(lab.now / SECOND)} s`
  for (const [told, fault] of [
    [lab.clientTold('draining'), 'client'],
    [lab.serverTold('draining'), 'server'],
  ] as const)
    if (told.length > 0) return `${fault}: ${JSON.stringify(told[0].error)}`
  for (const [i, size] of sizes.entries())
    if (Buffer.compare(bytesOn(lab.clientEvents, 4 * i), pattern(size)) !== 0) return `stream ${String(4 * i)} differs`
  return 'done'
}

test(`${String(SEEDS)} connections over bad links: every byte arrives, once and in order`, () => {
  const failures: string[] = []
  for (let seed = 1; seed <= SEEDS; seed++) {
    const outcome = run(seed)
    if (outcome !== 'done') failures.push(`${String(seed)}: ${outcome}`)
  }
  assert.deepEqual(failures, [])
})
