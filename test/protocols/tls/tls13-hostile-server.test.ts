import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assault, asking, mutual, Script, sessionOf, tickets } from './tls13-assault.ts'
import { messageName } from './tls13-cores.ts'
import { seeded } from './tls-pair.ts'

test('a server, 100,000 messages: a first ClientHello, which it answers with HelloRetryRequest', () => {
  const script = new Script(
    () => ({ random: seeded(1), alpn: ['h2'] }),
    () => ({ random: seeded(2), groups: ['secp256r1'], alpn: ['h2'] }),
  )
  const taken = assault(script, 'server', 0, 65_000, 1)
  assert.ok(taken > 1000, `${String(taken)} were taken for right`)
  // The second one is compared with the first.
  assert.ok(assault(script, 'server', 1, 7000, 2, 40) > 0, 'some were taken for right')
})

test('and one with all that it needs, and one that resumes', () => {
  const script = new Script(mutual, asking)
  // Random bytes and session ID are left as they are: to change them is right, and costs a key exchange.
  assert.ok(assault(script, 'server', 0, 3000, 3, 75) > 0, 'some were taken for right')
  const session = sessionOf()
  const resumed = new Script(
    () => ({ random: seeded(1), session, earlyData: Uint8Array.of(1) }),
    () => ({ random: seeded(2), tickets: tickets(), maxEarlyData: 100 }),
  )
  assault(resumed, 'server', 0, 5000, 4, 75)
  assault(resumed, 'server', 1, 3000, 5)
})

test('and what a client says after it', () => {
  const script = new Script(mutual, asking)
  const steps = script.toServer.map(({ bytes }) => messageName(bytes))
  assert.deepEqual(steps, ['ClientHello', 'Certificate', 'CertificateVerify', 'Finished'])
  assault(script, 'server', 1, 7000, 6)
  assault(script, 'server', 2, 4000, 7)
  assault(script, 'server', 3, 8000, 8)
})
