import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { after, describe, test } from 'node:test'
import { connect as connectNode } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { TlsTickets } from '../../src/protocols/tls/tickets.ts'
import { decodeClientHello, encodeClientHello } from '../../src/wire/tls/client-hello.ts'
import { ContentType } from '../../src/wire/tls/code-points.ts'
import { encodeRecord, RECORD_HEADER_LENGTH } from '../../src/wire/tls/record.ts'
import { credentialsOf, seeded } from '../protocols/tls/tls-pair.ts'
import { connectTo, exchangeMegabyte, freePort, pemFolder, Program, serve } from './tls-peers.ts'
import type { OurServer, Peer } from './tls-peers.ts'

const pem = pemFolder()
after(() => {
  pem.remove()
})

/** OpenSSL's names of the suites, and the kind of key that goes with each. */
const SUITES = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ec-p256'],
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: ['ECDHE-ECDSA-AES256-GCM-SHA384', 'ec-p256'],
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: ['ECDHE-ECDSA-CHACHA20-POLY1305', 'ec-p256'],
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: ['ECDHE-RSA-AES128-GCM-SHA256', 'rsa'],
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: ['ECDHE-RSA-AES256-GCM-SHA384', 'rsa'],
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: ['ECDHE-RSA-CHACHA20-POLY1305', 'rsa'],
} as const
/** A client has to support the curve of the certificate as well (RFC 8422 section 5.1). */
const GROUPS = { x25519: 'X25519:P-256', secp256r1: 'P-256:X25519' } as const
const GROUP_ORDER = { x25519: ['x25519', 'secp256r1'], secp256r1: ['secp256r1', 'x25519'] } as const
const BOTH_KEYS = [credentialsOf('ec-p256'), credentialsOf('rsa')]

function sClient(port: number, ...more: readonly string[]): Program {
  const common = ['s_client', '-connect', `127.0.0.1:${String(port)}`, '-servername', 'bob', '-verify_hostname', 'bob']
  return new Program('openssl', [...common, '-CAfile', pem.file('ca.pem'), '-verify_return_error', '-tls1_2', ...more])
}

async function sServer(...more: readonly string[]): Promise<{ readonly program: Program; readonly port: number }> {
  const port = await freePort()
  const key = more.includes('-key') ? [] : ['-cert', pem.file('ec-p256.pem'), '-key', pem.file('ec-p256.pem')]
  const program = new Program('openssl', ['s_server', '-accept', `127.0.0.1:${String(port)}`, ...key, '-tls1_2', ...more])
  await program.until(/ACCEPT/)
  return { program, port }
}

/** Somebody on the way to a port, who takes TLS 1.3 out of ClientHellos. */
async function downgrading(port: number): Promise<{ readonly port: number; close(): void }> {
  const middle = createServer((near) => {
    const far = connect({ port, host: '127.0.0.1' })
    near.once('data', (record: Buffer) => {
      const hello = decodeClientHello(new Uint8Array(record.subarray(RECORD_HEADER_LENGTH)))
      const { supportedVersions, keyShare, pskKeyExchangeModes, ...extensions } = hello.extensions
      assert.ok(supportedVersions && keyShare && pskKeyExchangeModes, 'the client speaks TLS 1.3')
      far.write(encodeRecord(ContentType.handshake, encodeClientHello({ ...hello, extensions })))
      near.pipe(far)
    })
    far.pipe(near)
    near.on('error', () => far.destroy())
    far.on('error', () => near.destroy())
  })
  await new Promise<void>((done) => {
    middle.listen(0, '127.0.0.1', done)
  })
  return { port: (middle.address() as AddressInfo).port, close: () => middle.close() }
}

/** Says hello, hears it again, and goes. */
async function greet(client: Program, word = 'hello'): Promise<void> {
  client.type(`${word}\n`)
  await client.until(new RegExp(`\\[${word}\\]`))
  await client.end()
}

/** Connects once for each of the sets of options, one after the other. */
async function greetEach(server: OurServer, ...visits: (readonly string[])[]): Promise<Program[]> {
  const clients: Program[] = []
  for (const options of visits) {
    const client = sClient(server.port, ...options)
    await greet(client)
    clients.push(client)
  }
  return clients
}

const resumedOf = (peers: readonly Peer[]): (boolean | undefined)[] => peers.map((peer) => peer.event('connected')?.resumed)

describe('openssl s_client -tls1_2, with our server', () => {
  for (const [suite, [name]] of Object.entries(SUITES)) {
    for (const group of ['x25519', 'secp256r1'] as const) {
      test(`${suite} over ${group}`, async () => {
        const server = await serve({ alpn: ['h2'], credentials: BOTH_KEYS, groups: GROUP_ORDER[group] })
        const client = sClient(server.port, '-cipher', name, '-groups', GROUPS[group], '-alpn', 'http/1.1,h2')
        await greet(client)
        server.close()
        assert.match(client.output, /Verify return code: 0 \(ok\)/)
        assert.match(client.output, /ALPN protocol: h2/)
        assert.match(client.output, /Secure Renegotiation IS supported/)
        assert.match(client.output, /Extended master secret: yes/)
        const connected = server.peers[0].event('connected')
        assert.equal(connected?.version, '1.2')
        assert.equal(connected.cipherSuite, suite)
        assert.equal(connected.group, group)
        assert.equal(connected.serverName, 'bob')
        await server.peers[0].untilEvent('closed')
        assert.equal(server.peers[0].event('closed')?.error, undefined)
      })
    }
  }

  test('an Ed25519 certificate', async () => {
    const server = await serve({ credentials: credentialsOf('ed25519') })
    const client = sClient(server.port)
    await greet(client)
    server.close()
    assert.match(client.output, /Peer signature type: ed25519/i)
  })

  test('a session is resumed by its ticket', async () => {
    const server = await serve({ tickets: new TlsTickets({ random: seeded(3) }) })
    const file = pem.file('ticket.pem')
    const [first, second] = await greetEach(server, ['-sess_out', file], ['-sess_in', file])
    server.close()
    assert.match(first.output, /TLS session ticket lifetime hint: 7200/)
    assert.match(second.output, /Reused, TLSv1.2/)
    assert.deepEqual(resumedOf(server.peers), [false, true])
    assert.equal(server.peers[1].count('sent', 'Certificate'), 0)
  })

  test('a session is resumed by its ID', async () => {
    const server = await serve({ tickets: new TlsTickets({ random: seeded(3) }) })
    const file = pem.file('session-id.pem')
    const [first, second] = await greetEach(server, ['-no_ticket', '-sess_out', file], ['-no_ticket', '-sess_in', file])
    server.close()
    assert.doesNotMatch(first.output, /TLS session ticket/)
    assert.match(second.output, /Reused, TLSv1.2/)
    assert.deepEqual(resumedOf(server.peers), [false, true])
  })

  test('a ticket of another server, and one for another name, lead to a full handshake', async () => {
    const file = pem.file('foreign.pem')
    const foreign = await serve({ tickets: new TlsTickets({ random: seeded(3) }) })
    await greetEach(foreign, ['-sess_out', file])
    foreign.close()
    const server = await serve({ tickets: new TlsTickets({ random: seeded(4) }) })
    const [client] = await greetEach(server, ['-sess_in', file], ['-sess_out', file])
    assert.match(client.output, /New, TLSv1.2/)
    const [other] = await greetEach(server, ['-sess_in', file, '-servername', 'carol'])
    assert.match(other.output, /New, TLSv1.2/)
    server.close()
    assert.deepEqual(resumedOf(server.peers), [false, false, false])
  })

  test('a client that wants to negotiate again is refused, and told so', async () => {
    const server = await serve({})
    const client = sClient(server.port)
    client.type('hello\n')
    await client.until(/\[hello\]/)
    client.type('R\n')
    await client.until(/no renegotiation/)
    await client.end()
    server.close()
    const alerts = server.peers[0].events.filter((event) => event.type === 'alert' && event.direction === 'sent')
    assert.deepEqual(alerts[0], { type: 'alert', direction: 'sent', level: 'warning', name: 'no_renegotiation' })
  })

  test('a client shows a certificate, or must', async () => {
    const server = await serve({ clientAuthentication: 'required' })
    const client = sClient(server.port, '-cert', pem.file('client.pem'), '-key', pem.file('client.pem'))
    await greet(client)
    // OpenSSL puts the root behind it.
    assert.equal(server.peers[0].event('connected')?.peerChain.length, 2)
    const nobody = sClient(server.port)
    await nobody.until(/alert handshake failure/)
    await nobody.end()
    assert.equal(server.peers[1].event('closed')?.error?.alert, 'handshake_failure')
    // The server's certificates are not for clients.
    const wrong = sClient(server.port, '-cert', pem.file('rsa.pem'), '-key', pem.file('rsa.pem'))
    await wrong.until(/alert/)
    await wrong.end()
    server.close()
    assert.equal(server.peers[2].event('closed')?.error?.whose, 'peer')
  })

  test('with nothing in common', async () => {
    const server = await serve({ cipherSuites: ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'] })
    const client = sClient(server.port, '-cipher', 'AES128-SHA')
    await client.until(/alert handshake failure/)
    await client.end()
    assert.equal(server.peers[0].event('closed')?.error?.alert, 'handshake_failure')
    const old = new Program('openssl', [
      ...['s_client', '-connect', `127.0.0.1:${String(server.port)}`],
      ...['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'],
    ])
    await old.until(/alert protocol version/)
    await old.end()
    server.close()
    assert.equal(server.peers[1].event('closed')?.error?.alert, 'protocol_version')
  })

  test('a client that has fallen back, although we speak TLS 1.3', async () => {
    const server = await serve({})
    const client = sClient(server.port, '-fallback_scsv')
    await client.until(/inappropriate fallback/)
    await client.end()
    server.close()
    assert.equal(server.peers[0].event('closed')?.error?.alert, 'inappropriate_fallback')
  })
})

describe('openssl s_server -tls1_2, with our client', () => {
  for (const [suite, [name, key]] of Object.entries(SUITES)) {
    for (const group of ['x25519', 'secp256r1'] as const) {
      test(`${suite} over ${group}`, async () => {
        const file = pem.file(`${key}.pem`)
        const { program, port } = await sServer('-rev', '-alpn', 'h2', '-cipher', name, '-cert', file, '-key', file)
        const peer = await connectTo(port, { groups: GROUP_ORDER[group], alpn: ['http/1.1', 'h2'] })
        peer.say('hello\n')
        await peer.untilText('olleh')
        const connected = peer.event('connected')
        assert.equal(connected?.version, '1.2')
        assert.equal(connected.cipherSuite, suite)
        assert.equal(connected.group, group)
        assert.equal(connected.alpn, 'h2')
        assert.equal(connected.peerChain.length, 1)
        peer.do((tls) => {
          tls.end()
        })
        await program.stop()
      })
    }
  }

  for (const [how, options] of Object.entries({ 'its ticket': [], 'its ID': ['-no_ticket'] })) {
    test(`a session is resumed by ${how}`, async () => {
      const { program, port } = await sServer(...options)
      const first = await connectTo(port, { versions: ['1.2'] })
      await first.untilEvent('ticket')
      const { session } = first.event('ticket') ?? {}
      assert.ok(session, 'there is a session')
      assert.equal(session.ticket.length > 0, options.length === 0)
      first.do((tls) => {
        tls.end()
      })
      const second = await connectTo(port, { session })
      second.say('hello again\n')
      await program.until(/hello again/)
      assert.equal(second.event('connected')?.resumed, true)
      assert.equal(second.event('connected')?.peerChain.length, 1)
      await program.stop()
    })
  }

  test('a client certificate of each kind', async () => {
    const verify = ['-Verify', '1', '-verify_return_error', '-CAfile', pem.file('ca.pem')]
    for (const key of ['ec-p256', 'ed25519', 'rsa'] as const) {
      const { program, port } = await sServer('-rev', ...verify)
      const peer = await connectTo(port, { credentials: credentialsOf(key, 'client') })
      peer.say('hello\n')
      await peer.untilText('olleh')
      await program.stop()
    }
    const { program, port } = await sServer('-rev', ...verify)
    const nobody = await connectTo(port)
    await nobody.untilEvent('closed')
    await program.stop()
    assert.equal(nobody.event('closed')?.error?.alert, 'handshake_failure')
    assert.equal(nobody.event('closed')?.error?.noticedBy, 'peer')
  })

  test('a server that wants to negotiate again is refused, and the connection goes on', async () => {
    const { program, port } = await sServer()
    const peer = await connectTo(port)
    peer.say('one\n')
    await program.until(/one/)
    program.type('r\n')
    await peer.until('HelloRequest', () => peer.count('received', 'HelloRequest') === 1)
    assert.equal(peer.event('alert')?.name, 'no_renegotiation')
    await program.stop()
  })

  test('a certificate for somebody else', async () => {
    const { program, port } = await sServer('-rev')
    const peer = await connectTo(port, { serverName: 'carol' })
    await peer.untilEvent('closed')
    await program.until(/alert bad certificate/)
    await program.stop()
    assert.equal(peer.event('closed')?.error?.certificateError, 'ERR_CERT_COMMON_NAME_INVALID')
  })

  test('a server that speaks TLS 1.3 tells when somebody on the way has hidden that we do', async () => {
    const port = await freePort()
    const key = pem.file('ec-p256.pem')
    const program = new Program('openssl', ['s_server', '-accept', `127.0.0.1:${String(port)}`, '-cert', key, '-key', key])
    await program.until(/ACCEPT/)
    const middle = await downgrading(port)
    const peer = await connectTo(middle.port)
    await peer.untilEvent('closed')
    middle.close()
    await program.stop()
    const { error } = peer.event('closed') ?? {}
    assert.equal(error?.alert, 'illegal_parameter')
    assert.equal(error.cites, 'RFC 8446 section 4.1.3')
  })
})

describe("Node's tls at TLS 1.2", () => {
  test('as a client: resumption, and data in both directions', async () => {
    const server = await serve({ tickets: new TlsTickets({ random: seeded(3) }), alpn: ['http/1.1'] })
    const ca = readFileSync(pem.file('ca.pem'))
    const once = async (session?: Buffer): Promise<{ socket: TLSSocket; text: string }> => {
      const socket = connectNode({
        port: server.port,
        ca,
        servername: 'bob',
        ALPNProtocols: ['http/1.1'],
        maxVersion: 'TLSv1.2',
        ...(session !== undefined && { session }),
      })
      const text = await new Promise<string>((done, fail) => {
        socket.on('error', fail)
        socket.on('data', (chunk: Buffer) => {
          done(chunk.toString())
        })
        socket.on('secureConnect', () => socket.write('hello'))
      })
      return { socket, text }
    }
    const first = await once()
    assert.equal(first.text, '[hello]\n')
    assert.equal(first.socket.alpnProtocol, 'http/1.1')
    assert.equal(first.socket.getProtocol(), 'TLSv1.2')
    const second = await once(first.socket.getSession())
    assert.equal(second.socket.isSessionReused(), true)
    for (const { socket } of [first, second]) {
      socket.end()
      await new Promise((done) => socket.on('close', done))
    }
    server.close()
    assert.deepEqual(resumedOf(server.peers), [false, true])
  })

  test('as a server: a megabyte each way', async () => {
    await exchangeMegabyte(pem, { maxVersion: 'TLSv1.2' })
  })
})

test('curl gets a page by TLS 1.2', async () => {
  const server = await serve({ alpn: ['http/1.1'] }, (peer, event) => {
    if (event.type !== 'data' || !peer.text.endsWith('\r\n\r\n')) return
    peer.tls.send(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n'))
    peer.tls.end()
  })
  const curl = new Program('curl', [
    ...['-sS', '--tls-max', '1.2', '--cacert', pem.file('ca.pem')],
    ...['--resolve', `bob:${String(server.port)}:127.0.0.1`, `https://bob:${String(server.port)}/`],
  ])
  const code = await curl.end()
  server.close()
  assert.equal(curl.output, 'hello\n')
  assert.equal(code, 0)
  assert.equal(server.peers[0].event('connected')?.version, '1.2')
})

test('gnutls-cli talks, and resumes, by TLS 1.2', async () => {
  const server = await serve({ tickets: new TlsTickets({ random: seeded(3) }) })
  const client = new Program('gnutls-cli', [
    ...[
      '--resume',
      '--priority',
      'NORMAL:-VERS-ALL:+VERS-TLS1.2',
      '--x509cafile',
      pem.file('ca.pem'),
      '--verify-hostname',
      'bob',
    ],
    ...['--sni-hostname', 'bob', '--port', String(server.port), '127.0.0.1'],
  ])
  await client.until(/Resume Handshake was completed[^]*Simple Client Mode/)
  client.type('hello\n')
  await client.until(/\[hello\]/)
  await client.end()
  server.close()
  assert.match(client.output, /The certificate is trusted/)
  assert.match(client.output, /This is a resumed session/)
  assert.deepEqual(resumedOf(server.peers), [false, true])
})

test('gnutls-serv, with our client, resumes as well', async () => {
  const port = await freePort()
  const key = pem.file('rsa.pem')
  const program = new Program('gnutls-serv', [
    ...['--echo', '--port', String(port), '--priority', 'NORMAL:-VERS-ALL:+VERS-TLS1.2'],
    ...['--x509certfile', key, '--x509keyfile', key],
  ])
  await program.until(/Echo Server listening[^]*done/)
  const first = await connectTo(port, { versions: ['1.2'] })
  first.say('one\n')
  await first.untilText('one')
  const { session } = first.event('ticket') ?? {}
  assert.ok(session, 'there is a session')
  const second = await connectTo(port, { session })
  second.say('two\n')
  await second.untilText('two')
  await program.stop()
  assert.equal(second.event('connected')?.resumed, true)
})
