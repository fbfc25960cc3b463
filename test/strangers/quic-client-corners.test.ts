import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { QuicClientOptions } from '../../src/protocols/quic/options.ts'
import { clientOptions, credentialsOf } from '../protocols/tls/tls-pair.ts'
import { caddy, count, expected, get, gtlsserver, serve, type Got, type Start, type Wish } from './quic-getting.ts'

/*
 * What else real servers of QUIC do when they are asked to, and our client over plain UDP sockets of this machine.
 */

type Tls = QuicClientOptions['tls']

function withTls(more: Partial<Tls>): Wish {
  const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length))
  return { quic: { tls: { ...clientOptions(), random, alpn: ['h3'], ...more } } }
}

/** Starts a server; each file comes whole. */
async function getAll(start: Start, wish: Wish = {}): Promise<Got> {
  const server = serve(start)
  try {
    const got = await get(server.port, wish)
    assert.deepEqual(got.bodies, expected(wish.paths))
    return got
  } finally {
    await server.stop()
  }
}

const ALL_LOSE = ['--tx-loss=0.1', '--rx-loss=0.1']

describe('our client of QUIC, and what real servers do', { concurrency: 2 }, () => {
  const CASES: Readonly<Record<string, readonly [Start, Wish]>> = {
    'another group than that of which we have sent a share': [gtlsserver('--groups=-GROUP-ALL:+GROUP-SECP256R1'), {}],
    'a server that wants to see a certificate, and sees one': [
      gtlsserver('--verify-client'),
      withTls({ credentials: credentialsOf('ec-p256', 'client') }),
    ],
    '500 kB are sent with each request': [gtlsserver(), { upload: 500_000 }],
    '500 kB are sent to Caddy with each request': [caddy, { upload: 500_000 }],
    'each request is answered before it has been sent': [gtlsserver('--early-response'), { upload: 500_000 }],
    'windows of less than a packet, and as much as is allowed is sent': [
      gtlsserver('--max-data=2K', '--max-stream-data-bidi-remote=1K', '--max-window=2K', '--max-stream-window=1K'),
      { upload: 20_000 },
    ],
    'trailers behind the responses': [gtlsserver('--send-trailers'), {}],
    'as many streams as there are requests': [gtlsserver('--max-streams-bidi=3'), {}],
    'datagrams of 1,200 bytes': [gtlsserver('--no-pmtud', '--max-udp-payload-size=1200'), {}],
    'acknowledgements of every fiftieth packet': [gtlsserver('--ack-thresh=50'), { upload: 300_000 }],
    'another algorithm against congestion': [gtlsserver('--cc=bbr2'), {}],
    'a Retry, while a tenth of all packets is lost': [gtlsserver('-V', ...ALL_LOSE, '--handshake-timeout=60s'), {}],
    'key updates, while packets are lost and requests carry bodies': [
      gtlsserver(),
      { loss: 0.02, upload: 100_000, quic: { keyUpdateAfter: 20 } },
    ],
    'somebody on the way sends along what is nearly like each datagram': [gtlsserver('-V'), { isMeddledWith: true }],
    'the same, with Caddy, and losses': [caddy, { isMeddledWith: true, loss: 0.02 }],
    'a server that would rather speak another version': [gtlsserver('--preferred-versions=v2draft,v1'), {}],
  }
  for (const [name, [start, wish]] of Object.entries(CASES)) {
    test(name, async () => {
      const { events } = await getAll(start, wish)
      assert.equal(count(events, 'connected'), 1)
    })
  }

  test('a version that no server speaks: it says which it does, and is asked again', async () => {
    for (const start of [gtlsserver(), caddy]) {
      const { events } = await getAll(start, { paths: ['100k.bin'], quic: { versions: [0x1a2a3a4a, 1] } })
      assert.equal(count(events, 'version-negotiation-received'), 1)
    }
  })

  test('the address at which a server would rather be asked: we go there', async () => {
    const preferred = 32_000 + (process.pid % 700)
    const start = gtlsserver(`--preferred-ipv4-addr=127.0.0.1:${String(preferred)}`)
    const { events } = await getAll(start, { quic: { followsPreferredAddress: true } })
    assert.deepEqual(
      events.flatMap((event) => (event.type === 'path-migrated' ? [event.remote.port] : [])),
      [preferred],
    )
  })

  test('0-RTT data behind a Retry', async () => {
    const server = serve(gtlsserver('-V'))
    try {
      const first = await get(server.port, { paths: ['1.bin'] })
      assert.ok(first.session !== undefined, 'there is a ticket')
      const { bodies, events } = await get(server.port, { paths: ['100k.bin'], quic: { session: first.session } })
      assert.deepEqual(bodies, expected(['100k.bin']))
      assert.equal(count(events, 'retry-received'), 1)
      const [{ resumed, earlyData }] = events.filter((event) => event.type === 'connected')
      assert.deepEqual([resumed, earlyData], [true, 'accepted'])
    } finally {
      await server.stop()
    }
  })

  test('a server that does not know the ticket any more: 0-RTT data are sent again', async () => {
    const before = serve(gtlsserver())
    const { session } = await get(before.port, { paths: ['1.bin'] })
    await before.stop()
    assert.ok(session !== undefined, 'there is a ticket')
    const { events } = await getAll(gtlsserver(), { paths: ['100k.bin'], quic: { session } })
    const [{ resumed, earlyData }] = events.filter((event) => event.type === 'connected')
    assert.deepEqual([resumed, earlyData], [false, 'rejected'])
  })

  test('a server that wants a certificate, and gets none', async () => {
    const server = serve(gtlsserver('--verify-client'))
    try {
      await assert.rejects(get(server.port))
    } finally {
      await server.stop()
    }
  })

  test('nobody listens: nothing comes of it', async () => {
    const server = serve(gtlsserver())
    await server.stop()
    await assert.rejects(get(server.port, { quic: { idleTimeout: 500_000_000 } }), /IDLE_TIMEOUT/)
  })
})
