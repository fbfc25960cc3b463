import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { createServer } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { readFileSync } from 'node:fs'
import type { TlsClientOptions } from '../../src/protocols/tls/options.ts'
import { connectTo, freePort, pemFolder, Program } from './tls-peers.ts'

// A hello as browsers say it: the hybrid group, values that mean nothing, and what looks like an encrypted hello.

const pem = pemFolder()
after(() => {
  pem.remove()
})

const HELLOS: Readonly<Record<string, Partial<TlsClientOptions>>> = {
  'of TLS 1.3, with a hybrid group that it may not know': {
    versions: ['1.3'],
    groups: ['X25519MLKEM768', 'x25519', 'secp256r1'],
  },
  'of both versions': { groups: ['x25519', 'secp256r1'] },
  'of TLS 1.2': { versions: ['1.2'] },
}

for (const [what, wish] of Object.entries(HELLOS)) {
  describe(`a hello ${what}`, () => {
    test('openssl s_server', async () => {
      const port = await freePort()
      const key = ['-cert', pem.file('ec-p256.pem'), '-key', pem.file('ec-p256.pem')]
      const program = new Program('openssl', ['s_server', '-accept', `127.0.0.1:${String(port)}`, ...key, '-rev'])
      await program.until(/ACCEPT/)
      const peer = await connectTo(port, { ...wish, grease: true })
      peer.say('hello\n')
      await peer.untilText('olleh')
      await program.stop()
      assert.equal(peer.event('connected')?.version, what === 'of TLS 1.2' ? '1.2' : '1.3')
    })

    const isOld = wish.versions?.[0] === '1.2'
    test('openssl s_server, which wants another group', async () => {
      const port = await freePort()
      const key = ['-cert', pem.file('ec-p256.pem'), '-key', pem.file('ec-p256.pem')]
      const more = [...key, '-rev', '-groups', 'P-256']
      const program = new Program('openssl', ['s_server', '-accept', `127.0.0.1:${String(port)}`, ...more])
      await program.until(/ACCEPT/)
      const peer = await connectTo(port, { ...wish, grease: true })
      peer.say('hello\n')
      await peer.untilText('olleh')
      await program.stop()
      assert.equal(peer.event('connected')?.group, 'secp256r1')
      assert.equal(peer.event('connected')?.retried, !isOld)
    })

    test('Node', async () => {
      const credentials = readFileSync(pem.file('ec-p256.pem'))
      const server = createServer({ key: credentials, cert: credentials }, (socket) => {
        socket.on('error', () => undefined)
        socket.write('hello')
      })
      await new Promise<void>((done) => {
        server.listen(0, '127.0.0.1', done)
      })
      const peer = await connectTo((server.address() as AddressInfo).port, { ...wish, grease: true })
      await peer.untilText('hello')
      peer.do((tls) => {
        tls.end()
      })
      await peer.untilEvent('closed')
      server.close()
    })
  })
}
