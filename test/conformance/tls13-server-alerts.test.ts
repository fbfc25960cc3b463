import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AlertDescription, AlertLevel } from '../../src/wire/tls/alert.ts'
import { ContentType } from '../../src/wire/tls/code-points.ts'
import { encodeKeyUpdate } from '../../src/wire/tls/small-messages.ts'
import { bytesOf, textOf } from '../protocols/tls/tls-pair.ts'
import { ScriptedClient13 } from './scripted-client13.ts'
import { judge } from './scripted-peer.ts'

/* What a server of TLS 1.3 makes of records: RFC 8446 sections 5 and 6. */

const { handshake, alert } = ContentType
const { warning, fatal } = AlertLevel
const NOTHING = new Uint8Array(0)
const fresh = (): ScriptedClient13 => new ScriptedClient13()
const greeted = (): ScriptedClient13 => ScriptedClient13.greeted()
const connected = (): ScriptedClient13 => ScriptedClient13.connected()
const times = <Item>(count: number, item: () => Item): Item[] => Array.from({ length: count }, item)

describe('6: alerts', () => {
  judge(connected, {
    'one byte of one (5.1)': [
      'decode_error',
      (client) => {
        client.sealed(alert, [fatal])
      },
    ],
    'one in two records (5.1)': [
      'decode_error',
      (client) => {
        client.give(client.seal(alert, [fatal]), client.seal(alert, [40]))
      },
    ],
    'two in one record (5.1)': [
      'decode_error',
      (client) => {
        client.sealed(alert, [warning, 0, warning, 0])
      },
    ],
    'of a level that there is not': [
      'illegal_parameter',
      (client) => {
        client.sealed(alert, [3, 0])
      },
    ],
    'a warning that is none (6.2)': [
      'told handshake_failure',
      (client) => {
        client.sealed(alert, [warning, 40])
      },
    ],
    'one that nobody knows (6)': [
      'told alert 199',
      (client) => {
        client.sealed(alert, [warning, 199])
      },
    ],
    'user_canceled alone (6.1)': [
      'open',
      (client) => {
        client.sealed(alert, [warning, AlertDescription.user_canceled])
      },
    ],
    'user_canceled without end': [
      'unexpected_message',
      (client) => {
        client.give(...times(40, () => client.seal(alert, [warning, AlertDescription.user_canceled])))
      },
    ],
    'close_notify (6.1)': [
      'ended',
      (client) => {
        client.sealed(alert, [warning, 0])
      },
    ],
    'close_notify as a fatal one (6)': [
      'ended',
      (client) => {
        client.sealed(alert, [fatal, 0])
      },
    ],
    'anything at all behind close_notify is not listened to (6.1)': [
      'ended',
      (client) => {
        client.sealed(alert, [warning, 0])
        client.plain(handshake, [1, 2, 3])
        client.plain(99, [])
      },
    ],
    'close_notify in the middle of a message': [
      'unexpected_message',
      (client) => {
        client.give(client.seal(handshake, [24, 0, 0]), client.seal(alert, [warning, 0]))
      },
    ],
  })
  judge(greeted, {
    'close_notify in the handshake': [
      'told close_notify',
      (client) => {
        client.sealed(alert, [warning, 0])
      },
    ],
    'a client that could make nothing of our keys': [
      'told bad_record_mac',
      (client) => {
        client.plain(alert, [fatal, 20])
      },
    ],
    'without protection, once something was': [
      'unexpected_message',
      (client) => {
        client.sealed(alert, [warning, AlertDescription.user_canceled])
        client.plain(alert, [fatal, 20])
      },
    ],
  })
  judge(fresh, {
    'instead of a hello': [
      'told handshake_failure',
      (client) => {
        client.plain(alert, [fatal, 40])
      },
    ],
    'of no content instead of a hello': [
      'unexpected_message',
      (client) => {
        client.plain(alert, NOTHING)
      },
    ],
  })

  test('6.1: a half that is closed says nothing more, the other half goes on', () => {
    const client = connected()
    client.sealed(alert, [warning, 0])
    client.end.tls.send(bytesOf('but this is for you'))
    client.hear()
    assert.equal(textOf(client.data), 'but this is for you')
    client.end.tls.end()
    client.hear()
    assert.deepEqual(client.alerts, ['warning close_notify'])
    assert.equal(client.verdict(), 'closed')
  })

  test('6.1: behind our close_notify there is nothing of ours, neither an answer nor an alert', () => {
    for (const last of [encodeKeyUpdate(true), Uint8Array.of(11, 0, 0, 0)]) {
      const client = connected()
      client.end.tls.end()
      client.hear()
      const before = client.messages.length
      client.sealed(handshake, last)
      client.hear()
      assert.deepEqual(client.alerts, ['warning close_notify'])
      assert.equal(client.messages.length, before)
    }
  })
})
