import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AlertLevel } from '../../src/wire/tls/alert.ts'
import { ContentType } from '../../src/wire/tls/code-points.ts'
import { encodeKeyUpdate } from '../../src/wire/tls/small-messages.ts'
import { bytesOf } from '../protocols/tls/tls-pair.ts'
import { ScriptedClient13 } from './scripted-client13.ts'
import { judge, record } from './scripted-peer.ts'

/* What a server of TLS 1.3 makes of records: RFC 8446 sections 5 and 6. */

const { handshake, alert, application_data: data, change_cipher_spec: change } = ContentType
const { fatal } = AlertLevel
const NOTHING = new Uint8Array(0)
const fresh = (): ScriptedClient13 => new ScriptedClient13()
const greeted = (): ScriptedClient13 => ScriptedClient13.greeted()
const connected = (): ScriptedClient13 => ScriptedClient13.connected()
const times = <Item>(count: number, item: () => Item): Item[] => Array.from({ length: count }, item)

describe('5.1: records without protection', () => {
  judge(fresh, {
    'a hello in records of one byte': [
      'open',
      (client) => {
        client.greet(client.hello(), 1)
      },
    ],
    'a record of no length before the hello': [
      'unexpected_message',
      (client) => {
        client.plain(handshake, NOTHING)
      },
    ],
    'a record of no length in the middle of the hello': [
      'unexpected_message',
      (client) => {
        const hello = client.hello()
        client.plain(handshake, hello.subarray(0, 20))
        client.plain(handshake, NOTHING)
        client.plain(handshake, hello.subarray(20))
      },
    ],
    'data in the middle of the hello': [
      'unexpected_message',
      (client) => {
        client.plain(handshake, client.hello().subarray(0, 20))
        client.plain(data, bytesOf('x'))
      },
    ],
    'a ChangeCipherSpec in the middle of the hello': [
      'unexpected_message',
      (client) => {
        client.plain(handshake, client.hello().subarray(0, 20))
        client.plain(change, [1])
      },
    ],
    'data before the hello': [
      'unexpected_message',
      (client) => {
        client.plain(data, bytesOf('GET /'))
      },
    ],
    'data of no length before the hello': [
      'unexpected_message',
      (client) => {
        client.plain(data, NOTHING)
      },
    ],
    'a heartbeat (RFC 6520)': [
      'unexpected_message',
      (client) => {
        client.plain(24, [1, 0x40, 0])
      },
    ],
    'a fragment of 2^14 bytes and one': [
      'record_overflow',
      (client) => {
        client.plain(handshake, new Uint8Array(16_385))
      },
    ],
    'a length that no version allows': [
      'record_overflow',
      (client) => {
        client.give(Uint8Array.of(22, 3, 1, 0x48, 1))
      },
    ],
    'two messages in one record, the second too early': [
      'unexpected_message',
      (client) => {
        client.plain(handshake, [...client.hello(), 20, 0, 0, 32, ...new Uint8Array(32)])
      },
    ],
    'the beginning of another message in the hello’s record': [
      'unexpected_message',
      (client) => {
        client.plain(handshake, [...client.hello(), 20])
      },
    ],
    'bytes of another protocol': [
      'unexpected_message',
      (client) => {
        client.give(bytesOf('GET / HTTP/1.1\r\n\r\n'))
      },
    ],
    'a hello of SSL 2': [
      'unexpected_message',
      (client) => {
        client.give(Uint8Array.of(0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x10))
      },
    ],
    'a major version that is not of TLS': [
      'protocol_version',
      (client) => {
        client.plain(handshake, client.hello(), 0x0501)
      },
    ],
  })

  test('all types that there are not: unexpected_message', () => {
    for (let type = 0; type < 256; type++) {
      if (type >= 20 && type <= 23) continue
      const client = fresh()
      client.plain(type, [0])
      assert.equal(client.verdict(), 'unexpected_message', `type ${String(type)}`)
    }
  })

  test('legacy_record_version of SSL 3.0 to 1.2 and later is taken', () => {
    const client = fresh()
    const hello = client.hello()
    for (const [i, version] of [0x0300, 0x0301, 0x0303, 0x03ff].entries()) {
      client.plain(handshake, hello.subarray(i * 20, i === 3 ? undefined : i * 20 + 20), version)
    }
    assert.equal(client.end.messages('sent').at(-1), 'Finished')
  })

  test('a fragment of 2^14 bytes is taken', () => {
    const client = fresh()
    const padding = new Uint8Array(16_384 - client.hello({ padding: NOTHING }).length)
    const hello = client.hello({ padding })
    assert.equal(hello.length, 16_384)
    client.greet(hello)
    assert.equal(client.verdict(), 'open')
  })
})

describe('5.2 to 5.4: protected records', () => {
  judge(connected, {
    'of 2^14 bytes': [
      'open',
      (client) => {
        client.sealed(data, new Uint8Array(16_384))
      },
    ],
    'of 2^14 + 256 bytes on the wire, and a wrong tag': [
      'bad_record_mac',
      (client) => {
        client.plain(data, new Uint8Array(16_640))
      },
    ],
    'of 2^14 + 257 bytes on the wire': [
      'record_overflow',
      (client) => {
        client.plain(data, new Uint8Array(16_641))
      },
    ],
    'of no content': [
      'open',
      (client) => {
        client.sealed(data, NOTHING)
      },
    ],
    'of no content, 32 times': [
      'open',
      (client) => {
        client.give(...times(32, () => client.seal(data, NOTHING)))
      },
    ],
    'of no content, 33 times': [
      'unexpected_message',
      (client) => {
        client.give(...times(33, () => client.seal(data, NOTHING)))
      },
    ],
    'of no content, a thousand times with data in between': [
      'open',
      (client) => {
        client.give(...times(1000, () => [client.seal(data, NOTHING), client.seal(data, [1])]).flat())
      },
    ],
    'nothing but padding': [
      'unexpected_message',
      (client) => {
        client.sealed(0, new Uint8Array(100))
      },
    ],
    'nothing but a type of zero': [
      'unexpected_message',
      (client) => {
        client.sealed(0, NOTHING)
      },
    ],
    'a handshake record of no content': [
      'unexpected_message',
      (client) => {
        client.sealed(handshake, NOTHING)
      },
    ],
    'an alert of no content': [
      'unexpected_message',
      (client) => {
        client.sealed(alert, NOTHING)
      },
    ],
    'an inner type that there is not': [
      'unexpected_message',
      (client) => {
        client.sealed(24, [1])
      },
    ],
    'an inner ChangeCipherSpec': [
      'unexpected_message',
      (client) => {
        client.sealed(change, [1])
      },
    ],
    'not protected: a KeyUpdate': [
      'unexpected_message',
      (client) => {
        client.plain(handshake, encodeKeyUpdate(false))
      },
    ],
    'not protected: data': [
      'bad_record_mac',
      (client) => {
        client.plain(data, bytesOf('hello'))
      },
    ],
    'not protected: an alert': [
      'unexpected_message',
      (client) => {
        client.plain(alert, [fatal, 40])
      },
    ],
    'of the wrong outer type': [
      'unexpected_message',
      (client) => {
        const bytes = client.seal(data, [1])
        bytes[0] = handshake
        client.give(bytes)
      },
    ],
    twice: [
      'bad_record_mac',
      (client) => {
        const bytes = client.seal(data, [1])
        client.give(bytes, bytes)
      },
    ],
    'in the wrong order': [
      'bad_record_mac',
      (client) => {
        const first = client.seal(data, [1])
        client.give(client.seal(data, [2]), first)
      },
    ],
    'a change of the version that was sealed': [
      'bad_record_mac',
      (client) => {
        const bytes = client.seal(data, [1])
        bytes[2] = 1
        client.give(bytes)
      },
    ],
  })

  test('too short for a tag: bad_record_mac', () => {
    for (let length = 0; length <= 17; length++) {
      const client = connected()
      client.plain(data, new Uint8Array(length))
      assert.equal(client.verdict(), 'bad_record_mac', `${String(length)} bytes`)
    }
  })

  test('a byte that is changed anywhere is noticed', () => {
    const length = connected().seal(data, bytesOf('hello')).length
    for (let at = 0; at < length; at++) {
      const client = connected()
      const bytes = client.seal(data, bytesOf('hello'))
      bytes[at] ^= 1
      client.give(bytes)
      // The rest of a longer record is waited for.
      const isWaiting = at === 3 || (at === 4 && bytes[4] > length - 5)
      assert.equal(client.data.length, 0)
      assert.equal(client.end.data.length, 0, `byte ${String(at)}`)
      if (!isWaiting) assert.notEqual(client.verdict(), 'open', `byte ${String(at)}`)
    }
  })
})

describe('5 and appendix D.4: ChangeCipherSpec', () => {
  judge(fresh, {
    'before the hello': [
      'unexpected_message',
      (client) => {
        client.plain(change, [1])
      },
    ],
  })
  judge(greeted, {
    'once, as middleboxes like it': [
      'open',
      (client) => {
        client.plain(change, [1])
        client.finish()
      },
    ],
    'under any legacy_record_version (5.1)': [
      'open',
      (client) => {
        client.plain(change, [1], 0x7a7a)
        client.finish()
      },
    ],
    'thirty times': [
      'open',
      (client) => {
        client.give(...times(30, () => record(change, [1])))
        client.finish()
      },
    ],
    'without end': [
      'unexpected_message',
      (client) => {
        client.give(...times(100, () => record(change, [1])))
      },
    ],
    'of another value': [
      'unexpected_message',
      (client) => {
        client.plain(change, [2])
      },
    ],
    'of no length': [
      'unexpected_message',
      (client) => {
        client.plain(change, NOTHING)
      },
    ],
    'of two bytes': [
      'unexpected_message',
      (client) => {
        client.plain(change, [1, 1])
      },
    ],
    'under protection': [
      'unexpected_message',
      (client) => {
        client.sealed(change, [1])
      },
    ],
    'in the middle of Finished (5.1)': [
      'unexpected_message',
      (client) => {
        client.sealed(handshake, client.finished().subarray(0, 10))
        client.plain(change, [1])
      },
    ],
  })
  judge(connected, {
    'after the handshake': [
      'unexpected_message',
      (client) => {
        client.plain(change, [1])
      },
    ],
  })
})
