import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QuicClient } from '../../../src/protocols/quic/client.ts'
import { sameAddress } from '../../../src/protocols/quic/datagram.ts'
import { LocalQuicError } from '../../../src/protocols/quic/fault.ts'
import { QuicServer } from '../../../src/protocols/quic/server.ts'
import { bytesOf } from './recovery-lab.ts'
import {
  bytesOn,
  CLIENT,
  clientWith,
  MOVED,
  MS,
  pattern,
  QuicLab,
  SECOND,
  SERVER,
  serverWith,
  type ClientWish,
  type Network,
  type ServerWish,
} from './quic-lab.ts'

/** A client that asks for some bytes of a server. */
function download(size: number, client: ClientWish = {}, server: ServerWish = {}, network: Network = {}): QuicLab {
  const lab = new QuicLab(client, server, network)
  lab.onServer = (event, connection) => {
    if (event.type !== 'stream-data' || !event.fin) return
    connection.send(event.stream, pattern(size))
    connection.end(event.stream)
  }
  assert.ok(lab.connect(), 'both are connected')
  const stream = lab.client.openStream(true)
  lab.client.send(stream, pattern(100))
  lab.client.end(stream)
  return lab
}

const isDone = (lab: QuicLab): boolean => lab.clientTold('stream-data').some(({ fin }) => fin)
const received = (lab: QuicLab): number => lab.clientTold('stream-data').reduce((sum, { bytes }) => sum + bytes.length, 0)

test('RFC 9001 section 6: keys are updated when an application asks for it, and by packets sent', () => {
  const lab = download(2_000_000, {}, { keyUpdateAfter: 60 }, { rate: 20e6 })
  lab.client.updateKeys()
  assert.ok(
    lab.run(() => isDone(lab)),
    'all has come',
  )
  assert.deepEqual(bytesOn(lab.clientEvents, 0), pattern(2_000_000))
  const told = lab.clientTold('key-updated')
  assert.ok(told.some(({ by }) => by === 'us') && told.some(({ by }) => by === 'peer'), 'by both')
  assert.ok(told.length <= lab.serverTold('key-updated').length, 'both have')
  assert.deepEqual(
    told.map(({ phase }) => phase),
    told.map((_, i) => (i + 1) % 2),
  )
})

test('who sends nothing but acknowledgments updates its keys, too, as it asks for one now and then', () => {
  const lab = download(2_000_000, { keyUpdateAfter: 60, streamWindow: 9e6, connectionWindow: 9e6 }, {}, { rate: 10e6 })
  assert.ok(
    lab.run(() => isDone(lab)),
    'all has come',
  )
  assert.ok(lab.clientTold('key-updated').length > 1, 'again and again')
})

test('RFC 9000 section 9.2: a client moves in the middle of a download, after it has tried the way', () => {
  const lab = download(400_000, {}, {}, { rate: 20e6 })
  lab.run(() => received(lab) > 100_000)
  lab.client.migrate(MOVED)
  lab.flush('client')
  assert.equal(lab.client.local, CLIENT)
  assert.ok(
    lab.run(() => isDone(lab)),
    'all has come',
  )
  assert.deepEqual(bytesOn(lab.clientEvents, 0), pattern(400_000))
  assert.deepEqual(lab.client.local, MOVED)
  assert.deepEqual(lab.connection?.remote, MOVED)
  assert.equal(lab.clientTold('path-migrated')[0].by, 'us')
  assert.equal(lab.serverTold('path-migrated')[0].by, 'peer')
  // RFC 9000 section 9.5: nobody who sees both ways can tell that it is one connection.
  const idOf = (bytes: Uint8Array): string => bytes.slice(1, 9).join()
  const short = lab.sent.filter(({ datagram }) => datagram.bytes[0] < 0x80)
  const idsOn = (way: typeof CLIENT): Set<string> =>
    new Set(
      short
        .filter(({ datagram: { local, remote } }) => sameAddress(local, way) || sameAddress(remote, way))
        .map(({ datagram }) => idOf(datagram.bytes)),
    )
  const before = idsOn(CLIENT)
  for (const id of idsOn(MOVED)) assert.equal(before.has(id), false)
  // And the event says which.
  const [moved] = lab.clientTold('path-migrated')
  assert.ok(idsOn(MOVED).has(moved.connectionId.join()), 'the new one')
  assert.ok(before.has(moved.from.connectionId.join()), 'the one before')
})

test('a client that wants to move before the handshake is confirmed does so afterwards', () => {
  const lab = new QuicLab()
  lab.client.migrate(MOVED)
  assert.ok(
    lab.run(() => lab.clientTold('path-migrated').length === 1, 5 * SECOND),
    'it has moved',
  )
  const [{ datagram }] = lab.sent.filter((one) => one.from === 'client' && sameAddress(one.datagram.local, MOVED))
  assert.ok(datagram.bytes[0] < 0x80, 'with 1-RTT packets alone')
})

test('a way that leads nowhere is given up, and the connection goes on', () => {
  const lab = download(400_000, {}, {}, { rate: 20e6 })
  lab.run(() => received(lab) > 100_000)
  lab.filter = (_, { local, remote }) => !sameAddress(local, MOVED) && !sameAddress(remote, MOVED)
  lab.client.migrate(MOVED)
  assert.ok(
    lab.run(() => isDone(lab) && lab.clientTold('path-abandoned').length > 0),
    'all has come',
  )
  assert.deepEqual(lab.client.local, CLIENT)
})

test('RFC 9000 section 18.2: a server that asks clients not to move is obeyed', () => {
  const lab = download(1000, {}, { disableMigration: true })
  lab.client.migrate(MOVED)
  assert.ok(
    lab.run(() => isDone(lab)),
    'all has come',
  )
  assert.equal(lab.clientTold('path-abandoned').length, 1)
  assert.ok(
    lab.sent.every(({ datagram }) => !sameAddress(datagram.local, MOVED)),
    'nothing was sent from there',
  )
})

test('RFC 9000 section 9.3: where a NAT has forgotten the client in the middle of a download, the server follows', () => {
  const lab = download(800_000, {}, {}, { rate: 20e6 })
  lab.run(() => received(lab) > 100_000)
  lab.translate = (address) => ({ ...address, port: 7777 })
  assert.ok(
    lab.run(() => isDone(lab), 20 * SECOND),
    'all has come',
  )
  assert.deepEqual(bytesOn(lab.clientEvents, 0), pattern(800_000))
  assert.equal(lab.connection?.remote.port, 7777)
  assert.equal(lab.clientTold('path-migrated').length, 0)
})

test('RFC 9000 section 10.3: a server that has forgotten everything but its secret resets connections', () => {
  const secret = bytesOf(11)(32)
  const lab = download(1000, {}, { secret })
  assert.ok(
    lab.run(() => isDone(lab)),
    'all has come',
  )
  lab.run(undefined, SECOND)
  lab.replaceServer({ secret })
  lab.client.ping()
  assert.ok(
    lab.run(() => lab.clientTold('closed').length > 0, 5 * SECOND),
    'it is over',
  )
  const [{ error }] = lab.clientTold('closed')
  assert.deepEqual([error?.name, error?.whose], ['STATELESS_RESET', 'peer'])
  assert.equal(lab.answers.at(-1)?.type, 'stateless-reset-sent')
})

test('a reset with another secret is none', () => {
  const lab = download(1000)
  lab.run(() => isDone(lab))
  lab.replaceServer({ secret: bytesOf(12)(32) })
  lab.client.ping()
  lab.run(undefined, 5 * SECOND)
  assert.equal(lab.client.isClosed, false)
})

test('RFC 9000 section 10.3.3: two who have forgotten each other come to an end', () => {
  const [one, other] = [1, 2].map((seed) => new QuicServer(serverWith({}, seed)))
  let bytes: Uint8Array = bytesOf(9)(60)
  bytes[0] = 0x40
  let count = 0
  for (; count < 200; count++) {
    const server = count % 2 === 0 ? one : other
    server.handle({ local: SERVER, remote: CLIENT, ecn: 0, bytes }, 0)
    const answer = server.pollTransmit(0)
    if (answer === undefined) break
    assert.ok(answer.bytes.length < bytes.length, 'ever shorter')
    bytes = answer.bytes
  }
  assert.ok(count < 30, `${String(count)} answers`)
})

test('RFC 9000 section 10.1: after silence both forget the connection, without a word; a PING keeps it', () => {
  const lab = new QuicLab({ idleTimeout: 10 * SECOND })
  assert.ok(lab.connect(), 'both are connected')
  lab.run(undefined, 8 * SECOND)
  lab.client.ping()
  lab.run(undefined, 8 * SECOND)
  assert.equal(lab.client.isClosed, false)
  const before = lab.sent.length
  lab.run(undefined, 8 * SECOND)
  assert.deepEqual(
    [lab.clientTold('closed')[0].error?.name, lab.serverTold('closed')[0].error?.name],
    ['IDLE_TIMEOUT', 'IDLE_TIMEOUT'],
  )
  assert.equal(lab.sent.length, before)
})

test('a client whose request waits shows that it is there, ever more seldom', () => {
  const lab = new QuicLab()
  assert.ok(lab.connect(), 'both are connected')
  lab.run(undefined, SECOND)
  const before = lab.sent.length
  lab.run(undefined, 20 * SECOND)
  assert.equal(lab.sent.length, before)
  lab.client.send(lab.client.openStream(true), pattern(10))
  lab.run(undefined, 60 * SECOND)
  assert.equal(lab.client.isClosed, false)
  const pings = lab.sent.slice(before).filter(({ from }) => from === 'client').length
  assert.ok(pings > 4 && pings < 16, `${String(pings)} datagrams`)
})

test('RFC 9221: unreliable datagrams, as far as the peer takes any', () => {
  const lab = new QuicLab({ datagrams: true }, { datagrams: true })
  assert.equal(lab.client.maxDatagramPayload, 0)
  assert.ok(lab.connect(), 'both are connected')
  const most = lab.client.maxDatagramPayload
  assert.ok(most > 1100, `${String(most)} bytes`)
  lab.client.sendDatagram(pattern(most))
  lab.client.sendDatagram(pattern(3))
  assert.throws(() => {
    lab.client.sendDatagram(pattern(most + 1000))
  }, LocalQuicError)
  lab.run(undefined, SECOND)
  assert.deepEqual(
    lab.serverTold('datagram').map(({ bytes }) => bytes.length),
    [most, 3],
  )
  const silent = new QuicLab({ datagrams: true })
  assert.ok(silent.connect(), 'both are connected')
  assert.equal(silent.client.maxDatagramPayload, 0)
})

test('RFC 9000 section 14.3: the datagrams become as large as the path takes, and no larger', () => {
  for (const [mtu, expected] of [
    [1452, 1452],
    [1400, 1384],
    [1200, 1200],
  ]) {
    const lab = download(300_000, {}, {}, { mtu, rate: 20e6 })
    assert.ok(
      lab.run(() => isDone(lab)),
      'all has come',
    )
    const size = lab.connection?.statistics.maxDatagramSize ?? 0
    assert.ok(size >= expected && size <= mtu, `${String(size)} of ${String(mtu)} bytes`)
  }
})

test('RFC 9000 section 14.2.1: a report that packets are too big is believed at once, if it is about this path', () => {
  const lab = download(300_000, {}, {}, { rate: 20e6 })
  lab.run(() => received(lab) > 150_000)
  const { connection } = lab
  assert.equal(connection?.statistics.maxDatagramSize, 1452)
  connection.packetTooBig(SERVER, MOVED, 1300, lab.now)
  assert.equal(connection.statistics.maxDatagramSize, 1452)
  lab.network = { mtu: 1300, rate: 20e6 }
  connection.packetTooBig(SERVER, CLIENT, 1300, lab.now)
  assert.equal(connection.statistics.maxDatagramSize, 1200)
  assert.ok(
    lab.run(() => isDone(lab)),
    'all has come',
  )
  assert.ok(connection.statistics.maxDatagramSize > 1250 && connection.statistics.maxDatagramSize <= 1300, 'it grows up to that')
})

test('RFC 9000 section 3: streams are reset and stopped, and both sides are told the codes', () => {
  const lab = new QuicLab()
  assert.ok(lab.connect(), 'both are connected')
  const [one, other] = [lab.client.openStream(true), lab.client.openStream(true)]
  lab.client.send(one, pattern(10))
  lab.client.send(other, pattern(10))
  lab.run(() => lab.serverTold('stream-opened').length === 2)
  lab.client.reset(one, 0x77)
  lab.client.stopSending(other, 0x78)
  lab.run(undefined, SECOND)
  assert.deepEqual(lab.serverTold('stream-reset'), [{ type: 'stream-reset', stream: one, code: 0x77 }])
  assert.deepEqual(lab.serverTold('stop-sending'), [{ type: 'stop-sending', stream: other, code: 0x78 }])
  assert.deepEqual(lab.clientTold('stream-reset'), [{ type: 'stream-reset', stream: other, code: 0x78 }])
})

test('RFC 9000 section 4: a reader that does not read stops the sender, and one that reads lets it go on', () => {
  const lab = download(200_000, { autoConsume: false, streamWindow: 20_000, connectionWindow: 30_000 })
  lab.run(undefined, 5 * SECOND)
  assert.equal(received(lab), 20_000)
  lab.onClient = (event) => {
    if (event.type === 'stream-data') lab.client.consume(event.stream, event.bytes.length)
  }
  lab.client.consume(0, 20_000)
  assert.ok(
    lab.run(() => isDone(lab)),
    'all has come',
  )
  assert.deepEqual(bytesOn(lab.clientEvents, 0), pattern(200_000))
})

test('RFC 9000 section 4.6: more streams can be opened as others end', () => {
  const lab = new QuicLab({}, { maxBidirectionalStreams: 2 })
  lab.onServer = (event, connection) => {
    if (event.type === 'stream-data' && event.fin) connection.end(event.stream)
  }
  assert.ok(lab.connect(), 'both are connected')
  for (let i = 0; i < 2; i++) lab.client.end(lab.client.openStream(true))
  assert.equal(lab.client.canOpenStream(true), false)
  assert.throws(() => lab.client.openStream(true), LocalQuicError)
  assert.ok(
    lab.run(() => lab.clientTold('streams-available').length > 0, 5 * SECOND),
    'more are available',
  )
  assert.equal(lab.client.openStream(true), 8)
})

test('observations are told when asked for: what came, what was lost, and what is measured', () => {
  const lab = download(300_000, { observe: true }, { observe: true }, { loss: 0.03, rate: 20e6 })
  assert.ok(
    lab.run(() => isDone(lab)),
    'all has come',
  )
  const delivered = lab.clientTold('stream-delivered').reduce((sum, { length }) => sum + length, 0)
  assert.equal(delivered, 300_000)
  assert.ok(lab.clientTold('stream-received').length > 200, 'frames came in')
  assert.equal(
    lab.serverTold('packet-lost').length - lab.serverTold('loss-disproved').length,
    lab.connection?.statistics.packetsLost,
  )
  assert.ok(lab.serverTold('metrics').length > 20, 'metrics were told')
  assert.ok(lab.serverTold('congestion-state').length > 1, 'so was the state')
})

test('an ECN mark slows a sender down without any loss', () => {
  const marked = download(300_000, {}, { observe: true }, { rate: 20e6, marking: 0.05 })
  assert.ok(
    marked.run(() => isDone(marked)),
    'all has come',
  )
  assert.equal(marked.connection?.statistics.packetsLost, 0)
  const windows = marked.serverTold('metrics').map(({ congestionWindow }) => congestionWindow)
  assert.ok(
    windows.some((window, i) => i > 0 && window < windows[i - 1]),
    'the window has shrunk',
  )
})

test('what is asked of a client that has not begun, or is over, does nothing', () => {
  const client = new QuicClient(clientWith())
  assert.equal(client.canOpenStream(true), false)
  client.close(0)
  assert.deepEqual(client.pollEvent(), { type: 'closed', error: undefined })
  assert.equal(client.pollTransmit(0), undefined)
  client.send(0, pattern(1))
  client.ping()
  client.migrate(MOVED)
  assert.equal(client.pollTimeout(), undefined)
  assert.throws(() => client.openStream(true), LocalQuicError)
})

test('options that cannot be are refused', () => {
  assert.throws(() => new QuicClient(clientWith({ versions: [0xbabababa] })), RangeError)
  assert.throws(() => new QuicClient(clientWith({ connectionIdLength: 21 })), RangeError)
  assert.throws(() => new QuicServer(serverWith({ connectionIdLength: 0 })), RangeError)
  assert.throws(() => new QuicServer(serverWith({ maxUdpPayload: 1000 })), RangeError)
})

test('a client without connection IDs of its own', () => {
  const lab = download(50_000, { connectionIdLength: 0 })
  assert.ok(
    lab.run(() => isDone(lab), 5 * SECOND),
    'all has come',
  )
  assert.deepEqual(bytesOn(lab.clientEvents, 0), pattern(50_000))
})

test('RFC 9000 section 10.2.1: who has closed answers stragglers, ever more seldom', () => {
  const lab = new QuicLab({}, {}, { delay: 100 * MS })
  assert.ok(lab.connect(), 'both are connected')
  const stream = lab.client.openStream(true)
  lab.filter = (from) => from === 'client'
  lab.connection?.close(0x33, 'enough')
  lab.flush('server')
  const before = lab.sent.length
  for (let i = 0; i < 40; i++) {
    lab.client.send(stream, pattern(50))
    lab.client.ping()
    lab.run(undefined, 5 * MS)
  }
  lab.run(undefined, 400 * MS)
  const answers = lab.sent.slice(before).filter(({ from }) => from === 'server').length
  assert.ok(answers > 1 && answers < 8, `${String(answers)} answers`)
})
