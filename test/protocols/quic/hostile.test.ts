import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomBytesFrom } from '../../../src/crypto/random-bytes.ts'
import { randomStream, type Random } from '../../../src/kernel/random.ts'
import { bytesOn, CLIENT, pattern, QuicLab, SECOND, SERVER } from './quic-lab.ts'

/** Changes a datagram in one of the ways in which it may be wrong. */
function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice()
  switch (random.below(6)) {
    case 0:
      return copy.subarray(0, random.below(copy.length + 1))
    case 1:
      for (let i = random.below(8); i >= 0; i--) copy[random.below(copy.length)] = random.below(256)
      return copy
    case 2: {
      // The header is where there is something to read.
      for (let i = random.below(3); i >= 0; i--) copy[random.below(Math.min(copy.length, 40))] ^= 1 << random.below(8)
      return copy
    }
    case 3: {
      const longer = new Uint8Array(copy.length + random.below(60))
      longer.set(copy)
      longer.fill(random.below(256), copy.length)
      return longer
    }
    case 4:
      return randomBytesFrom(random)(random.below(80))
    default: {
      const at = random.below(copy.length)
      copy.copyWithin(at, random.below(copy.length))
      return copy
    }
  }
}

test('100,000 datagrams that somebody on the way has made up or changed: the connection goes on as if they were not there', () => {
  const random = randomStream(1, 'mutations')
  const lab = new QuicLab({ idleTimeout: 0 }, { idleTimeout: 0 }, { delay: 1000 })
  lab.onServer = (event, connection) => {
    if (event.type !== 'stream-data' || !event.fin) return
    connection.send(event.stream, pattern(20_000))
    connection.end(event.stream)
  }
  assert.ok(lab.connect(), 'both are connected')
  const first = lab.client.openStream(true)
  lab.client.send(first, pattern(100))
  lab.client.end(first)
  lab.run(undefined, SECOND)
  const seen = lab.sent.map(({ from, datagram }) => ({ from, datagram }))
  for (let i = 0; i < 100_000; i++) {
    const { from, datagram } = seen[random.below(seen.length)]
    lab.deliver(from, { ...datagram, bytes: mutated(datagram.bytes, random) })
    lab.sent.length = 0
  }
  const stream = lab.client.openStream(true)
  lab.client.send(stream, pattern(5000))
  lab.client.end(stream)
  lab.run(undefined, 5 * SECOND)
  assert.equal(lab.client.isClosed, false)
  assert.deepEqual(bytesOn(lab.clientEvents, stream), pattern(20_000))
  assert.deepEqual(lab.client.remote, SERVER)
})

test('100,000 changed first datagrams: a server that was never spoken to keeps nothing of what does not authenticate', () => {
  const random = randomStream(2, 'mutations')
  const lab = new QuicLab({}, { retry: 'never' })
  const first = lab.client.pollTransmit(0)
  assert.ok(first !== undefined, 'a first packet')
  for (let i = 0; i < 100_000; i++) {
    const bytes = mutated(first.bytes, random)
    if (bytes.length >= 1200 && Buffer.compare(bytes.subarray(0, 1200), first.bytes) === 0) continue
    lab.server.handle({ local: SERVER, remote: CLIENT, ecn: 0, bytes }, i)
    let sent = 0
    for (let out = lab.server.pollTransmit(i); out !== undefined; out = lab.server.pollTransmit(i)) sent += out.bytes.length
    assert.ok(sent <= 3 * bytes.length, 'no amplification')
    for (let event = lab.server.pollEvent(); event !== undefined; event = lab.server.pollEvent());
  }
  assert.equal([...lab.server.connections].length, 0)
  assert.equal(lab.server.pollTimeout(), undefined)
})
