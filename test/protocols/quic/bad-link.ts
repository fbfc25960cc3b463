import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomStream, type Random } from '../../../src/kernel/random.ts'
import { bytesOn, CLIENT, MOVED, MS, pattern, QuicLab, SECOND, type Network } from './quic-lab.ts'

/** What happens in the middle of a transfer: all of it, one after the other, but for what a seed leaves out. */
function disturb(lab: QuicLab, random: Random, total: number): (received: number) => void {
  const happenings = [
    () => {
      lab.client.updateKeys()
    },
    () => {
      lab.connection?.updateKeys()
    },
    () => {
      lab.client.migrate(MOVED)
    },
    // A NAT that forgets is of no use to who has not finished the handshake; nor to a client that stays silent, but then it asks.
    () => {
      lab.translate = (address) => (address.address === CLIENT.address ? { ...address, port: 7777 } : address)
    },
  ]
  const due = happenings
    .filter((_, kind) => kind < 2 || random.below(3) > 0)
    .map((happen) => ({ at: (total * random.below(80)) / 100, happen }))
    .sort((a, b) => a.at - b.at)
  return (received) => {
    while (due.length > 0 && due[0].at <= received && lab.client.isConfirmed && lab.connection?.isConfirmed === true)
      due.shift()?.happen()
  }
}

interface Outcome {
  /** `'done'`, or what went wrong. */
  readonly end: string
  /** Whether keys were updated on the way, and whether packets went another way than at first. */
  readonly isUpdated: boolean
  readonly isMoved: boolean
}

/** One connection over a bad link, of whatever kind a seed makes: with moves, NATs that forget, updates of keys, a Retry. */
function run(seed: number): Outcome {
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
  const sizes = Array.from({ length: 1 + random.below(4) }, () => 1000 + random.below(chance(0.2) ? 120_000 : 20_000))
  const disturbance = disturb(
    lab,
    random,
    sizes.reduce((sum, size) => sum + size, 0),
  )
  let received = 0
  lab.onClient = (event) => {
    if (event.type === 'stream-data') disturbance((received += event.bytes.length))
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
  const isDone = (): boolean => lab.clientTold('stream-data').filter(({ fin }) => fin).length === sizes.length
  const isEnded = lab.run(() => isDone() || lab.client.isClosed || lab.connection?.isClosed === true, 300 * SECOND)
  const end = isEnded ? verdict(lab, sizes) : `not done after ${String(lab.now / SECOND)} s`
  const isMoved = lab.clientTold('path-migrated').length + lab.serverTold('path-migrated').length > 0
  return { end, isMoved, isUpdated: lab.clientTold('key-updated').length > 0 }
}

/** @returns `'done'` when all of these have come as they were sent */
function verdict(lab: QuicLab, sizes: readonly number[]): string {
  for (const [told, whose] of [
    [lab.clientTold('draining'), 'client'],
    [lab.serverTold('draining'), 'server'],
  ] as const)
    if (told.length > 0) return `${whose}: ${JSON.stringify(told[0].error)}`
  for (const [i, size] of sizes.entries())
    if (Buffer.compare(bytesOn(lab.clientEvents, 4 * i), pattern(size)) !== 0) return `stream ${String(4 * i)} differs`
  return 'done'
}

/** Says in a test that every byte arrives under these seeds, once and in order, whatever happens on the way. */
export function transfers(from: number, to: number): void {
  test(`connections over bad links, seeds ${String(from)} to ${String(to)}: every byte arrives, once and in order`, () => {
    const failures: string[] = []
    let updated = 0
    let moved = 0
    for (let seed = from; seed <= to; seed++) {
      const { end, isUpdated, isMoved } = run(seed)
      if (end !== 'done') failures.push(`${String(seed)}: ${end}`)
      if (isUpdated) updated++
      if (isMoved) moved++
    }
    assert.deepEqual(failures, [])
    // Some are over too soon for what should have come in the middle.
    const runs = to - from + 1
    assert.ok(updated > 0.8 * runs && moved > 0.6 * runs, `${String(updated)} with other keys, ${String(moved)} on other ways`)
  })
}
