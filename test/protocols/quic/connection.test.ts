import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOn, pattern, QuicLab, SECOND } from './quic-lab.ts'

test('a handshake takes one round trip, and both agree on what was agreed', () => {
  const lab = new QuicLab()
  assert.ok(lab.connect(), 'both are connected')
  const [client] = lab.clientTold('connected')
  const [server] = lab.serverTold('connected')
  assert.equal(client.alpn, 'h3')
  assert.equal(client.cipherSuite, 'TLS_CHACHA20_POLY1305_SHA256')
  assert.equal(client.version, 1)
  assert.deepEqual([server.alpn, server.cipherSuite, server.serverName], [client.alpn, client.cipherSuite, 'bob'])
  assert.equal(client.resumed, false)
  assert.equal(client.peerChain.length, server.peerChain.length + 1)
})

test('bytes go both ways on streams of both kinds, and the connection ends as the application wants', () => {
  const lab = new QuicLab()
  lab.onServer = (event, connection) => {
    if (event.type === 'stream-data' && event.fin && event.stream === 0) {
      connection.send(0, pattern(300_000))
      connection.end(0)
      const own = connection.openStream(false)
      connection.send(own, pattern(1000))
      connection.end(own)
    }
  }
  assert.ok(lab.connect(), 'both are connected')
  const stream = lab.client.openStream(true)
  lab.client.send(stream, pattern(100_000))
  lab.client.end(stream)
  assert.ok(
    lab.run(() => lab.clientTold('stream-data').filter(({ fin }) => fin).length === 2),
    'both streams end',
  )
  assert.deepEqual(bytesOn(lab.serverEvents, 0), pattern(100_000))
  assert.deepEqual(bytesOn(lab.clientEvents, 0), pattern(300_000))
  assert.deepEqual(bytesOn(lab.clientEvents, 3), pattern(1000))
  lab.client.close(0x100, 'done')
  assert.equal(lab.client.isClosed, true)
  assert.ok(
    lab.run(() => lab.clientTold('closed').length + lab.serverTold('closed').length === 2, 5 * SECOND),
    'both are over',
  )
  assert.equal(lab.clientTold('closed')[0].error, undefined)
  const { error } = lab.serverTold('closed')[0]
  assert.deepEqual([error?.space, error?.code, error?.whose, error?.detail], ['application', 0x100, 'peer', 'done'])
  assert.equal([...lab.server.connections].length, 0)
  assert.equal(lab.server.pollTimeout(), undefined)
})
