import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Tls13Sealer } from '../../../src/protocols/tls/tls13/record-protection.ts'
import { tls13SuiteByName } from '../../../src/protocols/tls/tls13/suites.ts'
import { AlertDescription } from '../../../src/wire/tls/alert.ts'
import { encodeRecord } from '../../../src/wire/tls/record.ts'
import { Mutation } from './mutation.ts'
import { bytesOf, concat, give, pairOf, seeded, talk } from './tls-pair.ts'
import type { End } from './tls-pair.ts'

/** Whatever came, an end is open still, or it has said once why it is not, and to its peer no more than an alert. */
function check(end: End): void {
  end.drain(0)
  const closed = end.all('closed')
  assert.ok(closed.length <= 1, 'closed once')
  assert.equal(end.tls.isClosed, closed.length === 1)
  const error = closed[0]?.error
  if (error?.noticedBy === 'us' && error.alert !== undefined) {
    assert.ok(error.alert in AlertDescription, error.alert)
    assert.match(error.cites, /^RFC \d+/)
    const told = end.all('alert').filter(({ direction, level }) => direction === 'sent' && level === 'fatal')
    assert.deepEqual(
      told.map(({ name }) => name),
      [error.alert],
    )
  }
}

/** Small pieces often, or all at once. */
function cutting(mutation: Mutation): (available: number) => number {
  return (available) => (mutation.below(3) === 0 ? 1 + mutation.below(available) : available)
}

const hellos = (['x25519', 'secp256r1'] as const).map((group) => {
  const { client } = pairOf({ groups: [group], alpn: ['h2'], keyShares: [] })
  client.drain(0)
  return client.taken()
})

test('a server, 94,000 times: a first flight that is nearly right, or records of any kind', () => {
  const mutation = new Mutation(1)
  for (let i = 0; i < 94_000; i++) {
    const { server } = serverOnly()
    const bytes = i % 4 === 0 ? anyRecords(mutation) : mutation.bytes(hellos[i & 1])
    give(server, bytes, 0, cutting(mutation))
    if (mutation.below(4) === 0) server.tls.handleEnd(0)
    check(server)
  }
})

/** A server that has no key exchange to do, as no client has a share: that is what costs. */
function serverOnly(): { server: End } {
  return { server: pairOf({}, { alpn: ['h2'], random: (length) => new Uint8Array(length) }).server }
}

function anyRecords(mutation: Mutation): Uint8Array {
  const records: Uint8Array[] = []
  for (let count = 1 + mutation.below(4); count > 0; count--) {
    const content = Uint8Array.from({ length: mutation.below(50) }, () => mutation.below(mutation.below(2) === 0 ? 4 : 256))
    records.push(encodeRecord(19 + mutation.below(6), content, 0x0300 + mutation.below(5)))
  }
  return concat(records)
}

test('a client, 3,000 times: a flight that is nearly right', () => {
  const mutation = new Mutation(2)
  const pair = pairOf({ random: seeded(1) }, { random: seeded(2) })
  pair.client.drain(0)
  give(pair.server, pair.client.taken())
  pair.server.drain(0)
  const flight = pair.server.taken()
  for (let i = 0; i < 3000; i++) {
    const { client } = pairOf({ random: seeded(1) })
    client.drain(0)
    // Behind the ServerHello nothing can be changed without its being noticed at once, so that it is changed more often.
    const bytes =
      mutation.below(4) === 0 ? mutation.bytes(flight) : concat([mutation.bytes(flight.subarray(0, 127)), flight.subarray(127)])
    give(client, bytes, 0, cutting(mutation))
    if (mutation.below(4) === 0) client.tls.handleEnd(0)
    check(client)
  }
})

test('either end of an open connection, 4,000 records of any kind under the right keys', () => {
  const mutation = new Mutation(3)
  let open: Forgery | undefined
  for (let i = 0; i < 4_000; i++) {
    open ??= forgery(i)
    const { victim, sealer } = open
    const type = mutation.below(20) === 0 ? mutation.below(30) : mutation.below(8) === 0 ? 21 + mutation.below(2) : 23
    const record = sealer.seal(type, contentFor(mutation, type))
    // A KeyUpdate was for the keys of what comes next.
    if (type === 22) open = undefined
    give(victim, record, 0, cutting(mutation))
    if (!victim.tls.isClosed) victim.tls.send(bytesOf('meanwhile'))
    check(victim)
    if (victim.tls.isClosed || victim.all('ended').length > 0) open = undefined
    else victim.events.length = 0
  }
})

/** An open connection, one end of which is fed by us with what could be from the other. */
interface Forgery {
  readonly victim: End
  readonly sealer: Tls13Sealer
}

function forgery(seed: number): Forgery {
  const pair = pairOf({ random: seeded(seed) })
  talk(pair)
  const role = seed % 2 === 0 ? 'CLIENT' : 'SERVER'
  const suite = tls13SuiteByName(pair.client.connected?.cipherSuite ?? '')
  const line = pair.client.all('secret').find(({ line }) => line.startsWith(`${role}_TRAFFIC_SECRET_0`))?.line ?? ''
  assert.ok(suite, 'they are connected')
  return {
    victim: role === 'CLIENT' ? pair.server : pair.client,
    sealer: new Tls13Sealer(suite, Uint8Array.from(Buffer.from(line.split(' ')[2], 'hex'))),
  }
}

/** Mostly what may come, so that the connection lives for a while. */
function contentFor(mutation: Mutation, type: number): Uint8Array {
  if (type === 22 && mutation.below(2) === 0) return Uint8Array.of(24, 0, 0, 1, mutation.below(3))
  if (type === 21 && mutation.below(4) > 0) return Uint8Array.of(1, mutation.below(3) === 0 ? mutation.below(121) : 90)
  return Uint8Array.from({ length: mutation.below(60) }, () => mutation.below(256))
}
