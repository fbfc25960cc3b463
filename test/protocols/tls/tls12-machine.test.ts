import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TlsAlertError } from '../../../src/protocols/tls/fault.ts'
import { ContentType, HandshakeType } from '../../../src/wire/tls/code-points.ts'
import type { HandshakeTypeName } from '../../../src/wire/tls/code-points.ts'
import { encodeHandshake } from '../../../src/wire/tls/handshake.ts'
import { talk } from './tls12-pair.ts'
import type { Side } from './tls12-pair.ts'
import { advanced, start, WAYS } from './tls12-ways.ts'
import type { Input } from './tls12-ways.ts'

// Every state × every message: it leads on where it may come, and is answered with unexpected_message everywhere else.

const EVERY_INPUT: readonly Input[] = [...(Object.keys(HandshakeType) as HandshakeTypeName[]), 'change_cipher_spec']

/** One real message of each type, from whatever way has it. */
function samples(): ReadonlyMap<Input, Uint8Array> {
  const names = new Map<number, HandshakeTypeName>()
  for (const [name, code] of Object.entries(HandshakeType)) names.set(code, name as HandshakeTypeName)
  const found = new Map<Input, Uint8Array>()
  for (const way of WAYS) {
    const pair = start(way)
    talk(pair)
    for (const { type, bytes } of [...pair.client.heard, ...pair.server.heard]) {
      const name = names.get(bytes[0])
      if (type === ContentType.handshake && name !== undefined && !found.has(name)) found.set(name, bytes)
    }
  }
  for (const [code, name] of names)
    if (!found.has(name))
      found.set(
        name,
        encodeHandshake(code, () => undefined),
      )
  return found
}

const SAMPLES = samples()

function give(side: Side, input: Input, message = SAMPLES.get(input)): void {
  if (input === 'change_cipher_spec') side.handshake.handleChangeCipherSpec(0)
  else side.handshake.handleMessage(message ?? new Uint8Array(0), 0)
}

for (const way of WAYS) {
  describe(way.what, () => {
    way.inputs.forEach((allowed, heard) => {
      test(`after ${String(heard)} records: ${allowed.join(' or ')}, and nothing else`, () => {
        const side = advanced(way, heard)
        for (const input of EVERY_INPUT) {
          if (allowed.includes(input)) continue
          assert.throws(
            () => {
              give(side, input)
            },
            (error) => error instanceof TlsAlertError && error.alert === 'unexpected_message',
            `${input} must not come`,
          )
          assert.equal(side.handshake.pollStep(0), undefined, 'and nothing comes of it')
        }
        // What really comes next leads on, as if nothing had been.
        const whole = start(way)
        talk(whole)
        const next = whole[way.role].heard.at(heard)
        give(side, allowed[0], next?.bytes)
        side.collect()
        assert.equal(side.handshake.mayReceiveData, heard >= way.inputs.length - 2)
        // Another handshake is refused without ending the connection.
        assert.deepEqual(side.warnings, next === undefined ? ['no_renegotiation'] : [])
      })
    })
  })
}

test('a message of a type that does not exist is unexpected in every state', () => {
  for (const way of WAYS) {
    for (let heard = 0; heard < way.inputs.length; heard++) {
      const side = advanced(way, heard)
      assert.throws(
        () => {
          side.handshake.handleMessage(Uint8Array.of(99, 0, 0, 0), 0)
        },
        (error) => error instanceof TlsAlertError && error.alert === 'unexpected_message',
      )
    }
  }
})
