import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HandshakeType } from '../../../src/wire/tls/code-points.ts'
import { Mutation } from './mutation.ts'
import { assault, asking, mutual, Script } from './tls13-assault.ts'
import { alertOf, messageName } from './tls13-cores.ts'
import { seeded } from './tls-pair.ts'

test('a client, 100,000 messages: hellos', () => {
  const retried = new Script(
    () => ({ random: seeded(1) }),
    () => ({ random: seeded(2), groups: ['secp256r1'], alwaysRetry: true }),
  )
  assert.equal(messageName(retried.toClient[0].bytes), 'HelloRetryRequest')
  assault(retried, 'client', 0, 20_000, 11)
  const script = new Script(mutual, asking)
  assault(script, 'client', 0, 30_000, 12, 38)
})

test('and what a server says after it', () => {
  const script = new Script(mutual, asking)
  const steps = script.toClient.map(({ bytes }) => messageName(bytes))
  assert.deepEqual(steps.slice(1), [
    ...['EncryptedExtensions', 'CertificateRequest', 'Certificate', 'CertificateVerify', 'Finished'],
    ...['NewSessionTicket', 'NewSessionTicket'],
  ])
  const counts = [0, 12_000, 10_000, 10_000, 3000, 8000]
  for (const [step, count] of counts.entries()) if (count > 0) assault(script, 'client', step, count, 20 + step)
  // A connection lives on after a ticket, so that one end takes them all.
  const client = script.end('client', 6)
  const mutation = new Mutation(30)
  for (let i = 0; i < 20_000; i++) {
    const bytes = mutation.message(script.toClient[6].bytes)
    if (bytes.length < 4 || bytes[0] !== HandshakeType.new_session_ticket) continue
    alertOf(() => {
      client.handleMessage('application', bytes, 0)
    })
    while (client.pollEvent() !== undefined);
    assert.equal(client.state, 'CONNECTED')
  }
})
