import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { clientOptions } from '../protocols/tls/tls-pair.ts'
import { openPlug } from './datagram-socket.ts'
import { caddy, count, expected, get, gtlsserver, serve, type Start } from './quic-getting.ts'

/*
 * Our client of QUIC and HTTP/3 alone, over plain UDP sockets of this machine, with servers that nobody here wrote.
 */

describe('our client of HTTP/3, over plain sockets', { concurrency: 1 }, () => {
  const servers: readonly (readonly [string, Start])[] = [
    ['gtlsserver', gtlsserver()],
    ['Caddy (quic-go)', caddy],
  ]
  for (const [name, start] of servers) {
    for (const loss of [0, 0.02]) {
      test(`${name}, ${String(loss * 100)} % lost`, async () => {
        const server = serve(start)
        try {
          const { bodies, events } = await get(server.port, { loss })
          assert.deepEqual(bodies, expected())
          assert.equal(count(events, 'connected'), 1)
        } finally {
          await server.stop()
        }
      })
    }

    for (const suite of ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'] as const) {
      test(`${name}, with ${suite}`, async () => {
        const server = serve(start)
        try {
          const tls = { ...clientOptions(), alpn: ['h3'], cipherSuites: [suite] }
          const { bodies, events } = await get(server.port, { quic: { tls }, paths: ['100k.bin'] })
          assert.deepEqual(bodies, expected(['100k.bin']))
          const [connected] = events.filter((event) => event.type === 'connected')
          assert.equal(connected.cipherSuite, suite)
        } finally {
          await server.stop()
        }
      })
    }

    test(`${name}: keys are updated, by us, in the middle`, async () => {
      const server = serve(start)
      try {
        const { bodies, events } = await get(server.port, { quic: { keyUpdateAfter: 20 } })
        assert.deepEqual(bodies, expected())
        assert.ok(count(events, 'key-updated') > 0, 'keys were updated')
      } finally {
        await server.stop()
      }
    })

    // quic-go says that it does not want its clients to move (disable_active_migration).
    const moves = name === 'gtlsserver' ? 1 : 0
    test(`${name}: we move to another port in the middle, unless the server forbids it`, async () => {
      const server = serve(start)
      try {
        const fresh = await openPlug()
        let hasMoved = false
        const { bodies, events } = await get(server.port, {
          progress: (bytes, client, pump) => {
            if (hasMoved || bytes < 500_000) return
            hasMoved = true
            pump.join(fresh)
            client.migrate(fresh.local)
          },
        })
        assert.deepEqual(bodies, expected())
        assert.equal(count(events, 'path-migrated'), moves)
      } finally {
        await server.stop()
      }
    })

    test(`${name}: a session is resumed, with 0-RTT data where the server takes any`, async () => {
      const server = serve(start)
      try {
        const first = await get(server.port, { paths: ['100k.bin'] })
        assert.ok(first.session !== undefined, 'there is a ticket')
        const quic = { session: first.session, ...(first.token !== undefined && { token: first.token }) }
        const { bodies, events } = await get(server.port, { paths: ['1.bin', '100k.bin'], quic })
        assert.deepEqual(bodies, expected(['1.bin', '100k.bin']))
        const [connected] = events.filter((event) => event.type === 'connected')
        assert.equal(connected.resumed, true)
        if (name === 'gtlsserver') assert.equal(connected.earlyData, 'accepted')
      } finally {
        await server.stop()
      }
    })
  }

  test('gtlsserver -V: a Retry first, and none for who brings a token', async () => {
    const server = serve(gtlsserver('-V'))
    try {
      const first = await get(server.port)
      assert.deepEqual(first.bodies, expected())
      assert.equal(count(first.events, 'retry-received'), 1)
      assert.ok(first.token !== undefined, 'there is a token')
      const second = await get(server.port, { quic: { token: first.token } })
      assert.deepEqual(second.bodies, expected())
      assert.equal(count(second.events, 'retry-received'), 0)
    } finally {
      await server.stop()
    }
  })

  test('gtlsserver, which loses 5 % of what it sends and 5 % of what it gets', async () => {
    const server = serve(gtlsserver('--tx-loss=0.05', '--rx-loss=0.05'))
    try {
      const { bodies } = await get(server.port)
      assert.deepEqual(bodies, expected())
    } finally {
      await server.stop()
    }
  })
})
