import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sameAddress } from '../../../src/protocols/quic/datagram.ts'
import { bytesOn, CLIENT, MOVED, pattern, QuicLab, SERVER, type ClientWish, type ServerWish } from './quic-lab.ts'

const PREFERRED = { address: 0x0a00_0003, port: 8443 }
const SIZE = 300_000

/** A client that downloads, of a server that would rather be asked at another address. */
function download(client: ClientWish, server: ServerWish = { preferredAddress: { ipv4: PREFERRED } }): QuicLab {
  const lab = new QuicLab(client, server, { rate: 20e6 })
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

function finish(lab: QuicLab): void {
  const isDone = (): boolean => lab.clientTold('stream-data').some(({ fin }) => fin)
  assert.ok(lab.run(isDone), 'all has come')
  assert.deepEqual(bytesOn(lab.clientEvents, 0), pattern(SIZE))
}

const addressedWith = (bytes: Uint8Array): string => bytes.subarray(1, 9).join()

test('RFC 9000 section 9.6.1: a client goes on to where the server would rather have it, under the connection ID of that address', () => {
  const lab = download({ followsPreferredAddress: true })
  finish(lab)
  const [migrated] = lab.clientTold('path-migrated')
  assert.deepEqual(migrated.remote, PREFERRED)
  assert.deepEqual(migrated.local, CLIENT)
  assert.deepEqual(lab.client.remote, PREFERRED)
  assert.deepEqual(lab.connection?.local, PREFERRED)
  const there = lab.sent.filter(({ from, datagram }) => from === 'client' && sameAddress(datagram.remote, PREFERRED))
  const [first] = there
  // Tried first, in a datagram of full size; then everything goes there.
  assert.equal(first.datagram.bytes.length, 1200)
  const ids = new Set(there.map(({ datagram }) => addressedWith(datagram.bytes)))
  const before = lab.sent.filter(({ from, datagram }) => from === 'client' && sameAddress(datagram.remote, SERVER))
  assert.equal(ids.size, 1)
  for (const { datagram } of before) assert.ok(!ids.has(addressedWith(datagram.bytes)), 'another ID than before')
  assert.equal(lab.sent.at(-1)?.datagram.remote.port === SERVER.port, false)
})

test('a client that was not told to stays, as does one of the other family', () => {
  const other = { ipv6: { address: 1n, port: 443 } }
  for (const lab of [
    download({}),
    download({ followsPreferredAddress: true }, { preferredAddress: other }),
    download({ followsPreferredAddress: true }, { preferredAddress: { ipv4: { address: 0x0a00_0002, port: 443 } } }),
  ]) {
    finish(lab)
    assert.deepEqual(lab.client.remote, SERVER)
    assert.equal(lab.clientTold('path-migrated').length, 0)
  }
})

test('RFC 9000 section 9.6.1: where the preferred address cannot be reached the client stays where it was', () => {
  const lab = download({ followsPreferredAddress: true })
  lab.filter = (_, { local, remote }) => !sameAddress(local, PREFERRED) && !sameAddress(remote, PREFERRED)
  finish(lab)
  lab.run(() => lab.clientTold('path-abandoned').length > 0)
  assert.deepEqual(lab.clientTold('path-abandoned')[0]?.remote, PREFERRED)
  assert.deepEqual(lab.client.remote, SERVER)
  assert.equal(lab.client.isClosed, false)
})

test('RFC 9000 section 18.2: who has gone to the preferred address may move, even where moving was forbidden', () => {
  const lab = download({ followsPreferredAddress: true }, { disableMigration: true, preferredAddress: { ipv4: PREFERRED } })
  assert.ok(
    lab.run(() => lab.clientTold('path-migrated').length === 1),
    'it has gone there',
  )
  lab.client.migrate(MOVED)
  lab.flush('client')
  finish(lab)
  assert.deepEqual(lab.client.local, MOVED)
  assert.deepEqual(lab.client.remote, PREFERRED)
})
