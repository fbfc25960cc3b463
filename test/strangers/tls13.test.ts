import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { connect as connectNode } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { readFileSync } from 'node:fs'
import type { TlsEvent } from '../../src/protocols/tls/event.ts'
import { TlsTickets } from '../../src/protocols/tls/tickets.ts'
import { credentialsOf, seeded } from '../protocols/tls/tls-pair.ts'
import { connectTo, echo, exchangeMegabyte, freePort, pemFolder, Program, serve } from './tls-peers.ts'
import type { Peer } from './tls-peers.ts'

const pem = pemFolder()
after(() => {
  pem.remove()
})

const SUITES = ['TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384']
const GROUPS = { x25519: 'X25519', secp256r1: 'P-256' } as const

function sClient(port: number, ...more: readonly string[]): Program {
  const common = ['s_client', '-connect', `127.0.0.1:${String(port)}`, '-servername', 'bob', '-verify_hostname', 'bob']
  return new Program('openssl', [...common, '-CAfile', pem.file('ca.pem'), '-verify_return_error', '-tls1_3', ...more])
}

async function sServer(...more: readonly string[]): Promise<{ readonly program: Program; readonly port: number }> {
  const port = await freePort()
  const key = more.includes('-key') ? [] : ['-cert', pem.file('ec-p256.pem'), '-key', pem.file('ec-p256.pem')]
  const program = new Program('openssl', ['s_server', '-accept', `127.0.0.1:${String(port)}`, ...key, '-tls1_3', ...more])
  await program.until(/ACCEPT/)
  return { program, port }
}

describe('openssl s_client, with our server', () => {
  for (const suite of SUITES) {
    for (const [group, name] of Object.entries(GROUPS)) {
      test(`${suite} over ${group}`, async () => {
        const server = await serve({ alpn: ['h2'] })
        const client = sClient(server.port, '-ciphersuites', suite, '-groups', name, '-alpn', 'h2')
        client.type('hello\n')
        await client.until(/\[hello\]/)
        await client.end()
        server.close()
        assert.match(client.output, /Verify return code: 0 \(ok\)/)
        assert.match(client.output, /ALPN protocol: h2/)
        const connected = server.peers[0].event('connected')
        assert.equal(connected?.cipherSuite, suite)
        assert.equal(connected.group, group)
        await server.peers[0].untilEvent('closed')
        assert.equal(server.peers[0].event('closed')?.error, undefined)
      })
    }
  }

  for (const key of ['ed25519', 'rsa'] as const) {
    test(`a certificate with a key of the type ${key}`, async () => {
      const server = await serve({ credentials: credentialsOf(key) })
      const client = sClient(server.port)
      client.type('hello\n')
      await client.until(/\[hello\]/)
      await client.end()
      server.close()
      assert.match(client.output, key === 'rsa' ? /Peer signature type: RSA-PSS/ : /Peer signature type: ed25519/i)
    })
  }

  test('a HelloRetryRequest for a group, and one with a cookie', async () => {
    for (const wish of [{ groups: ['secp256r1'] as const }, { alwaysRetry: true }]) {
      const server = await serve(wish)
      const client = sClient(server.port, '-groups', 'X25519:P-256')
      client.type('hello\n')
      await client.until(/\[hello\]/)
      await client.end()
      server.close()
      assert.equal(server.peers[0].event('connected')?.retried, true)
    }
  })

  test('a session is resumed, and then brings early data', async () => {
    const tickets = new TlsTickets({ random: seeded(3) })
    const server = await serve({ tickets, maxEarlyData: 4096 })
    const session = pem.file('session.pem')
    const first = sClient(server.port, '-sess_out', session)
    first.type('one\n')
    await first.until(/\[one\]/)
    await first.end()
    assert.match(first.output, /Max Early Data: 4096/)
    const second = sClient(server.port, '-sess_in', session, '-sess_out', session)
    second.type('two\n')
    await second.until(/\[two\]/)
    await second.end()
    assert.match(second.output, /Reused, TLSv1.3/)
    const early = pem.file('early.txt')
    writeFileSync(early, 'before anything else')
    const third = sClient(server.port, '-sess_in', session, '-early_data', early)
    await third.until(/\[before anything else\]/)
    await third.end()
    assert.match(third.output, /Early data was accepted/)
    const events = server.peers[2].events.filter(({ type }) => type === 'data')
    assert.equal(events.length > 0 && events.every((event) => event.type === 'data' && event.early), true)
    // The same ticket again: the session goes on, its early data do not.
    const fourth = sClient(server.port, '-sess_in', session, '-early_data', early)
    fourth.type('four\n')
    await fourth.until(/\[four\]/)
    await fourth.end()
    server.close()
    assert.match(fourth.output, /Early data was rejected/)
    assert.match(fourth.output, /Reused, TLSv1.3/)
    assert.equal(server.peers[3].text, 'four\n')
  })

  test('keys are changed, by the client alone, by both, and by us', async () => {
    const server = await serve({})
    const client = sClient(server.port)
    client.type('one\n')
    await client.until(/\[one\]/)
    client.type('k\n')
    await client.until(/KEYUPDATE/)
    client.type('two\n')
    await client.until(/\[two\]/)
    client.type('K\n')
    await server.peers[0].until('a second KeyUpdate', () => server.peers[0].count('received', 'KeyUpdate') === 2)
    client.type('three\n')
    await client.until(/\[three\]/)
    server.peers[0].do((tls) => {
      tls.updateKeys(true)
    })
    client.type('four\n')
    await client.until(/\[four\]/)
    // OpenSSL answers a KeyUpdate when it next has something to say.
    client.type('five\n')
    await client.until(/\[five\]/)
    await client.end()
    server.close()
    assert.equal(server.peers[0].count('received', 'KeyUpdate'), 3)
    assert.equal(server.peers[0].count('sent', 'KeyUpdate'), 2)
  })

  test('a client shows a certificate, or must', async () => {
    const server = await serve({ clientAuthentication: 'required' })
    const client = sClient(server.port, '-cert', pem.file('client.pem'), '-key', pem.file('client.pem'))
    client.type('hello\n')
    await client.until(/\[hello\]/)
    await client.end()
    assert.deepEqual(server.peers[0].event('connected')?.peerChain[0], credentialsOf('ec-p256', 'client').chain[0])
    const nobody = sClient(server.port)
    await nobody.until(/certificate required/)
    await nobody.end()
    server.close()
    assert.equal(server.peers[1].event('closed')?.error?.alert, 'certificate_required')
  })

  test('a certificate for another name, and a suite that we do not have', async () => {
    const server = await serve({ cipherSuites: ['TLS_CHACHA20_POLY1305_SHA256'] })
    const wrong = sClient(server.port, '-verify_hostname', 'carol')
    await wrong.end()
    assert.match(wrong.output, /hostname mismatch/i)
    assert.equal(server.peers[0].event('closed')?.error?.noticedBy, 'peer')
    const other = sClient(server.port, '-ciphersuites', 'TLS_AES_128_GCM_SHA256')
    await other.end()
    server.close()
    assert.match(other.output, /alert handshake failure/)
    assert.equal(server.peers[1].event('closed')?.error?.alert, 'handshake_failure')
  })
})

describe('openssl s_server, with our client', () => {
  for (const suite of SUITES) {
    for (const group of Object.keys(GROUPS) as (keyof typeof GROUPS)[]) {
      test(`${suite} over ${group}`, async () => {
        const { program, port } = await sServer('-rev', '-alpn', 'h2')
        const peer = await connectTo(port, { cipherSuites: [suite], groups: [group], alpn: ['h2'] })
        peer.say('hello\n')
        await peer.untilText('olleh')
        assert.equal(peer.event('connected')?.cipherSuite, suite)
        assert.equal(peer.event('connected')?.alpn, 'h2')
        peer.do((tls) => {
          tls.end()
        })
        await program.stop()
      })
    }
  }

  test('a HelloRetryRequest', async () => {
    const { program, port } = await sServer('-rev', '-groups', 'P-256')
    const peer = await connectTo(port)
    peer.say('hello\n')
    await peer.untilText('olleh')
    await program.stop()
    assert.equal(peer.event('connected')?.retried, true)
    assert.equal(peer.event('connected')?.group, 'secp256r1')
  })

  test('a session is resumed, and then brings early data', async () => {
    const { program, port } = await sServer('-early_data', '-max_early_data', '4096')
    const first = await connectTo(port)
    await first.untilEvent('ticket')
    const { session } = first.event('ticket') ?? {}
    assert.ok(session, 'there is a ticket')
    assert.equal(session.maxEarlyData, 4096)
    first.do((tls) => {
      tls.end()
    })
    const second = await connectTo(port, { session, earlyData: Buffer.from('before anything else\n') })
    await second.untilEvent('connected')
    assert.equal(second.event('connected')?.resumed, true)
    assert.equal(second.event('connected')?.earlyData, 'accepted')
    await program.until(/before anything else/)
    second.do((tls) => {
      tls.end()
    })
    // OpenSSL takes a ticket with early data once.
    const third = await connectTo(port, { session, earlyData: Buffer.from('once more\n') })
    await third.untilEvent('connected')
    assert.equal(third.event('connected')?.earlyData, 'rejected')
    await program.stop()
  })

  test('keys are changed, by us and by the server', async () => {
    const { program, port } = await sServer()
    const peer = await connectTo(port)
    peer.say('one\n')
    await program.until(/one/)
    peer.do((tls) => {
      tls.updateKeys(true)
    })
    peer.say('two\n')
    await program.until(/two/)
    program.type('K\n')
    // OpenSSL would have answered ours when it next has something to say; its own is both.
    await peer.until('a KeyUpdate', () => peer.count('received', 'KeyUpdate') === 1)
    program.type('answer\n')
    await peer.untilText('answer')
    peer.say('three\n')
    await program.until(/three/)
    await program.stop()
  })

  test('a client certificate', async () => {
    const { program, port } = await sServer('-rev', '-Verify', '1', '-verify_return_error', '-CAfile', pem.file('ca.pem'))
    const peer = await connectTo(port, { credentials: credentialsOf('ec-p256', 'client') })
    peer.say('hello\n')
    await peer.untilText('olleh')
    peer.do((tls) => {
      tls.end()
    })
    await peer.untilEvent('closed')
    const nobody = await connectTo(port)
    await nobody.untilEvent('closed')
    await program.stop()
    assert.equal(nobody.event('closed')?.error?.alert, 'certificate_required')
  })

  test('certificates of every kind of key, and one for somebody else', async () => {
    for (const key of ['ed25519', 'rsa']) {
      const { program, port } = await sServer('-rev', '-cert', pem.file(`${key}.pem`), '-key', pem.file(`${key}.pem`))
      const peer = await connectTo(port)
      peer.say('hello\n')
      await peer.untilText('olleh')
      await program.stop()
    }
    const { program, port } = await sServer('-rev')
    const peer = await connectTo(port, { serverName: 'carol' })
    await peer.untilEvent('closed')
    await program.until(/alert bad certificate/)
    await program.stop()
    assert.equal(peer.event('closed')?.error?.certificateError, 'ERR_CERT_COMMON_NAME_INVALID')
  })

  test('an end without close_notify is told', async () => {
    const { program, port } = await sServer()
    const peer = await connectTo(port)
    await peer.untilEvent('connected')
    await program.stop()
    await peer.untilEvent('closed')
    assert.equal(peer.event('closed')?.error?.whose, 'network')
  })
})

describe("Node's tls", () => {
  test('as a client: resumption, and data in both directions', async () => {
    const tickets = new TlsTickets({ random: seeded(3) })
    const server = await serve({ tickets, alpn: ['http/1.1'] })
    const ca = readFileSync(pem.file('ca.pem'))
    const once = async (
      session?: Buffer,
    ): Promise<{ isReused: boolean; alpn: TLSSocket['alpnProtocol']; session: Buffer | undefined; text: string }> => {
      const socket = connectNode({
        port: server.port,
        ca,
        servername: 'bob',
        ALPNProtocols: ['http/1.1'],
        minVersion: 'TLSv1.3',
        ...(session !== undefined && { session }),
      })
      let kept: Buffer | undefined
      socket.on('session', (session: Buffer) => (kept = session))
      const text = await new Promise<string>((done, fail) => {
        socket.on('error', fail)
        socket.on('data', (chunk: Buffer) => {
          done(chunk.toString())
        })
        socket.on('secureConnect', () => socket.write('hello'))
      })
      const found = { isReused: socket.isSessionReused(), alpn: socket.alpnProtocol, session: kept, text }
      socket.end()
      await new Promise((done) => socket.on('close', done))
      return found
    }
    const first = await once()
    assert.equal(first.text, '[hello]\n')
    assert.equal(first.alpn, 'http/1.1')
    const second = await once(first.session)
    server.close()
    assert.equal(second.isReused, true)
    assert.equal(server.peers[1].event('connected')?.resumed, true)
  })

  test('as a server: a megabyte each way', async () => {
    await exchangeMegabyte(pem, { minVersion: 'TLSv1.3' })
  })
})

/** One response, and that is that. */
function answerHttp(peer: Peer, event: TlsEvent): void {
  if (event.type !== 'data' || !peer.text.endsWith('\r\n\r\n')) return
  peer.tls.send(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n'))
  peer.tls.end()
}

test('curl gets a page', async () => {
  const server = await serve({ alpn: ['http/1.1'] }, answerHttp)
  const curl = new Program('curl', [
    ...['-sS', '--tlsv1.3', '--cacert', pem.file('ca.pem')],
    ...['--resolve', `bob:${String(server.port)}:127.0.0.1`, `https://bob:${String(server.port)}/`],
  ])
  const code = await curl.end()
  server.close()
  assert.equal(curl.output, 'hello\n')
  assert.equal(code, 0)
})

test('gnutls-cli talks, and resumes', async () => {
  const server = await serve({ tickets: new TlsTickets({ random: seeded(3) }) }, echo)
  const client = new Program('gnutls-cli', [
    ...[
      '--resume',
      '--priority',
      'NORMAL:-VERS-ALL:+VERS-TLS1.3',
      '--x509cafile',
      pem.file('ca.pem'),
      '--verify-hostname',
      'bob',
    ],
    ...['--sni-hostname', 'bob', '--port', String(server.port), '--waitresumption', '127.0.0.1'],
  ])
  await client.until(/Resume Handshake was completed[^]*Simple Client Mode/)
  client.type('hello\n')
  await client.until(/\[hello\]/)
  await client.end()
  server.close()
  assert.match(client.output, /The certificate is trusted/)
  assert.match(client.output, /This is a resumed session/)
})
