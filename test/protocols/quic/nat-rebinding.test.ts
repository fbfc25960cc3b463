import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sameAddress } from '../../../src/protocols/quic/datagram.ts'
import { bytesOn, CLIENT, MS, pattern, QuicLab, SECOND, SERVER, type ClientWish } from './quic-lab.ts'

/* RFC 9000 section 9.3: a server follows where its client's packets come from, and is not led astray. */

const SIZE = 400_000

function download(client: ClientWish = {}, seed = 1): QuicLab {
  const lab = new QuicLab(client, {}, { rate: 20e6 }, seed)
  lab.onServer = (event, connection) => {
    if (event.type !== 'stream-data' || !event.fin) return
    connection.send(event.stream, pattern(SIZE))
    connection.end(event.stream)
  }
  lab.onClient = (event) => {
    if (event.type === 'connected') lab.client.end(lab.client.openStream(true))
  }
  return lab
}

const received = (lab: QuicLab): number => bytesOn(lab.clientEvents, 0).length

function finish(lab: QuicLab): void {
  assert.ok(
    lab.run(() => received(lab) === SIZE, 30 * SECOND),
    `${String(received(lab))} bytes have come`,
  )
  assert.deepEqual(bytesOn(lab.clientEvents, 0), pattern(SIZE))
  assert.equal(lab.client.isClosed || lab.connection?.isClosed, false)
}

test('another address, not another port alone: no more than three times what came goes there until the client has answered', () => {
  const lab = download()
  lab.run(() => received(lab) > 50_000)
  const moved = { address: 0x0a63_0001, port: 9 }
  lab.translate = () => moved
  let [came, went] = [0, 0]
  const handle = lab.server.handle.bind(lab.server)
  lab.server.handle = (datagram, now) => {
    if (sameAddress(datagram.remote, moved)) came += datagram.bytes.length
    handle(datagram, now)
  }
  lab.filter = (from, { remote, bytes }) => {
    if (from === 'server' && sameAddress(remote, moved)) went += bytes.length
    assert.ok(went <= 3 * came || lab.serverTold('path-validated').length > 0, `${String(went)} bytes for ${String(came)}`)
    return true
  }
  lab.run(() => lab.serverTold('path-validated').length > 0)
  assert.ok(went > 0, 'it is asked there')
  finish(lab)
  assert.deepEqual(lab.connection?.remote, moved)
})

test('a NAT that forgets again and again, now with an address that it had before', () => {
  const lab = download()
  let turns = 0
  for (const port of [6001, 6002, 6001, 6003, 6004, 6005, 6006, 5000])
    lab.at((80 + 20 * turns++) * MS, () => {
      lab.translate = (address) => ({ ...address, port })
    })
  finish(lab)
  lab.run(undefined, 2 * SECOND)
  assert.equal(lab.connection?.remote.port, 5000)
})

test('a client that uses no connection IDs is followed, too', () => {
  const lab = download({ connectionIdLength: 0 })
  lab.run(() => received(lab) > 50_000)
  lab.translate = (address) => ({ ...address, port: 7777 })
  finish(lab)
  assert.equal(lab.connection?.remote.port, 7777)
})

test('section 9.3.3: somebody who is faster sends copies from elsewhere; the server comes back to its client', () => {
  const lab = download()
  lab.run(() => received(lab) > 50_000)
  const attacker = { address: 0x0a63_0002, port: 666 }
  let [copies, went, copied] = [0, 0, 0]
  lab.filter = (from, { local, remote, bytes }) => {
    if (from === 'server' && sameAddress(remote, attacker)) went += bytes.length
    if (from === 'client' && copies++ < 5) {
      copied += bytes.length
      lab.server.handle({ local: SERVER, remote: attacker, ecn: 0, bytes: bytes.slice() }, lab.now)
      lab.flush('server')
    }
    assert.ok(from === 'client' || sameAddress(local, SERVER), 'servers do not move')
    return true
  }
  finish(lab)
  assert.ok(
    lab.serverTold('path-migrated').some(({ remote }) => sameAddress(remote, attacker)),
    'it was led astray',
  )
  assert.ok(went <= 3 * copied, `${String(went)} bytes for ${String(copied)}`)
  assert.deepEqual(lab.connection?.remote, CLIENT)
})

test('section 9.3: an old packet that comes late from where the client was moves nothing back', () => {
  const lab = download()
  lab.run(() => received(lab) > 50_000)
  const old: Uint8Array[] = []
  lab.filter = (from, { bytes }) => {
    if (from !== 'client' || old.length > 2) return true
    old.push(bytes.slice())
    return false
  }
  lab.run(() => old.length > 2)
  lab.translate = (address) => ({ ...address, port: 7777 })
  // Those which were on their way arrive from there, too; then some that were sent later than the old ones.
  lab.run(undefined, 50 * MS)
  assert.equal(lab.connection?.remote.port, 7777)
  for (const bytes of old) lab.server.handle({ local: SERVER, remote: CLIENT, ecn: 0, bytes }, lab.now)
  lab.flush('server')
  assert.equal(lab.connection?.remote.port, 7777)
  finish(lab)
})

test('section 9: a NAT that forgets in the middle of the handshake ends in one or the other, never in silence without end', () => {
  for (const at of [5, 15, 25, 35, 45, 55]) {
    const lab = download({ idleTimeout: 3 * SECOND })
    lab.at(at * MS, () => {
      lab.translate = (address) => ({ ...address, port: 7777 })
    })
    const isOver = (): boolean => received(lab) === SIZE || lab.client.isOver
    assert.ok(lab.run(isOver, 60 * SECOND), `after ${String(at)} ms`)
    if (received(lab) === SIZE) continue
    assert.equal(lab.clientTold('closed')[0].error?.name, 'IDLE_TIMEOUT')
  }
})
