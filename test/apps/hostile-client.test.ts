import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Http2Client } from '../../src/protocols/http2/client.ts'
import { TlsClient } from '../../src/protocols/tls/client.ts'
import { randomBytesFrom } from '../../src/crypto/random-bytes.ts'
import { randomStream, type Random } from '../../src/kernel/random.ts'
import { SocketError, type AppContext, type Blocking } from '../../src/host/socket.ts'
import { pair } from '../host/topologies.ts'
import { data, latin1, MILLISECOND, noFailures, page, resource, SECOND, server, type Body } from './site.ts'
import { asks, GET, secureClient, serverTls } from './secure.ts'

const SITE = {
  '/': page(['/a.css'], { size: 600, push: ['/a.css'] }),
  '/a.css': resource(2000),
  '/pay': resource(1, { effect: 'counter' }),
}
/** How many connections each kind of client makes. */
const CONNECTIONS = 800

function joined(endpoint: { pollTransmit(now: number): Uint8Array | undefined }): Uint8Array {
  const pieces: Uint8Array[] = []
  for (let piece = endpoint.pollTransmit(0); piece; piece = endpoint.pollTransmit(0)) pieces.push(piece)
  return Uint8Array.from(Buffer.concat(pieces))
}

/** What clients who mean well begin with. */
const BEGINNINGS: Readonly<Record<string, Uint8Array>> = {
  'HTTP/1.1': latin1(
    'POST /pay HTTP/1.1\r\nHost: bob\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: bob\r\n\r\n',
  ),
  'HTTP/2': (() => {
    const http = new Http2Client()
    for (const path of ['/', '/a.css', '/pay'])
      http.request({ method: 'GET', scheme: 'http', authority: 'bob', path, fields: [], body: 0 })
    return joined(http)
  })(),
  TLS: joined(new TlsClient({ random: randomBytesFrom(randomStream(1, 'hello')), alpn: ['h2'], serverName: 'bob' })),
}

/** Flips, cuts, repeats and puts in. */
function spoilt(bytes: Uint8Array, random: Random): Uint8Array {
  let all = Buffer.from(bytes)
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(Math.max(1, all.length))
    switch (random.below(5)) {
      case 0:
        if (all.length > 0) all[at] ^= 1 << random.below(8)
        break
      case 1:
        all = all.subarray(0, at)
        break
      case 2:
        all = Buffer.concat([all.subarray(0, at), all.subarray(random.below(at + 1))])
        break
      case 3:
        all = Buffer.concat([all.subarray(0, at), Buffer.from([random.below(256), random.below(256)]), all.subarray(at)])
        break
      default:
        if (all.length > 0) all[at] = random.below(256)
    }
  }
  return Uint8Array.from(all)
}

/** Connects again and again, says something spoilt, in one piece or in two, and goes without a word. */
const attacker = (port: number, beginning: Uint8Array, random: Random): Body =>
  function* (context: AppContext): Blocking<void> {
    for (let i = 0; i < CONNECTIONS; i++) {
      try {
        const socket = yield* context.sockets.connect({ address: 0x0a000002, port }, { noDelay: true })
        const bytes = spoilt(beginning, random)
        const cut = random.below(bytes.length + 1)
        yield* socket.write(bytes.subarray(0, cut))
        yield* socket.write(bytes.subarray(cut))
        yield* context.sleep(5 * MILLISECOND)
        if (random.below(2) === 0) socket.shutdown()
        yield* context.sleep(5 * MILLISECOND)
        socket.reset()
      } catch (error) {
        if (!(error instanceof SocketError)) throw error
      }
    }
  }

for (const [name, beginning] of Object.entries(BEGINNINGS)) {
  test(`clients whose ${name} is spoilt harm nobody but themselves`, () => {
    const random = randomStream(4, name)
    const heard: string[] = []
    const errors: string[] = []
    const good = secureClient(asks(GET, heard), {}, errors, { at: 60 * SECOND })
    const web = server(SITE, { protocols: ['h2', 'http/1.1'], tls: serverTls({ plain: 'serve', earlyData: 1000 }) })
    const world = pair([attacker(name === 'TLS' ? 443 : 80, beginning, random), good], web)
    world.run(90 * SECOND)
    noFailures(world)
    assert.deepEqual([errors, heard.length], [[], 1], 'who comes afterwards is served')
    assert.match(heard[0], /200 OK/)
    const refused = ['http:request-refused', 'http:connection-failed', 'tls:failed'].flatMap((event) => data(world, event, 'bob'))
    assert.ok(refused.length > CONNECTIONS / 10, `${refused.length} were refused`)
    for (const { error } of refused) assert.equal(typeof error, 'string', 'and it is said why')
  })
}
