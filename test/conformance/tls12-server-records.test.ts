import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TlsTickets } from '../../src/protocols/tls/tickets.ts'
import { AlertLevel } from '../../src/wire/tls/alert.ts'
import { ContentType, HandshakeType } from '../../src/wire/tls/code-points.ts'
import { decodeServerHello } from '../../src/wire/tls/server-hello.ts'
import { encodeEmptyMessage } from '../../src/wire/tls/small-messages.ts'
import { bytesOf, seeded } from '../protocols/tls/tls-pair.ts'
import { ScriptedClient12 } from './scripted-client12.ts'
import { judge } from './scripted-peer.ts'

/* What a server of TLS 1.2 makes of a client that breaks the rules: RFC 5246, RFC 8422, RFC 5746, RFC 7627, RFC 5077. */

const { handshake, application_data: data, alert, change_cipher_spec: change } = ContentType
const { warning, fatal } = AlertLevel
const NOTHING = new Uint8Array(0)
const connected = (): ScriptedClient12 => ScriptedClient12.connected()
const times = <Item>(count: number, item: () => Item): Item[] => Array.from({ length: count }, item)

describe('RFC 5246 section 6.2: records', () => {
  judge(connected, {
    data: [
      'open',
      (client) => {
        client.sealed(data, bytesOf('hello'))
      },
    ],
    'of 2^14 bytes': [
      'open',
      (client) => {
        client.sealed(data, new Uint8Array(16_384))
      },
    ],
    'of 2^14 bytes and one': [
      'record_overflow',
      (client) => {
        client.sealed(data, new Uint8Array(16_385))
      },
    ],
    'of no content': [
      'open',
      (client) => {
        client.sealed(data, NOTHING)
      },
    ],
    'of no content without end': [
      'unexpected_message',
      (client) => {
        client.give(...times(50, () => client.seal(data, NOTHING)))
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
    'a ChangeCipherSpec': [
      'unexpected_message',
      (client) => {
        client.sealed(change, [1])
      },
    ],
    'not protected': [
      'bad_record_mac',
      (client) => {
        client.plain(data, new Uint8Array(40))
      },
    ],
    twice: [
      'bad_record_mac',
      (client) => {
        const one = client.seal(data, [1])
        client.give(one, one)
      },
    ],
    'of another version': [
      'protocol_version',
      (client) => {
        const one = client.seal(data, [1])
        one[2] = 2
        client.give(one)
      },
    ],
    'of another type': [
      'bad_record_mac',
      (client) => {
        const one = client.seal(data, [1])
        one[0] = alert
        client.give(one)
      },
    ],
    'a record over 2^14 + 2048 bytes': [
      'record_overflow',
      (client) => {
        client.plain(data, new Uint8Array(18_433))
      },
    ],
    'a heartbeat': [
      'unexpected_message',
      (client) => {
        client.plain(24, [1, 0, 3])
      },
    ],
  })
  test('too short for nonce and tag: bad_record_mac', () => {
    for (let length = 0; length < 24; length++) {
      const client = connected()
      client.plain(data, new Uint8Array(length))
      assert.equal(client.verdict(), 'bad_record_mac', `${String(length)} bytes`)
    }
  })
})

describe('RFC 5246 section 7.2: alerts', () => {
  judge(connected, {
    'a warning': [
      'open',
      (client) => {
        client.sealed(alert, [warning, 112])
      },
    ],
    'warnings without end': [
      'unexpected_message',
      (client) => {
        client.give(...times(50, () => client.seal(alert, [warning, 112])))
      },
    ],
    'a fatal one': [
      'told unknown_ca',
      (client) => {
        client.sealed(alert, [fatal, 48])
      },
    ],
    'half of one': [
      'decode_error',
      (client) => {
        client.sealed(alert, [fatal])
      },
    ],
    'of a level that there is not': [
      'illegal_parameter',
      (client) => {
        client.sealed(alert, [0, 48])
      },
    ],
    close_notify: [
      'ended',
      (client) => {
        client.sealed(alert, [warning, 0])
      },
    ],
  })
})

describe('no renegotiation (RFC 5746 section 4.4, RFC 9113 section 9.2.1)', () => {
  judge(connected, {
    'a ClientHello is answered with a warning': [
      'open',
      (client) => {
        client.sealed(handshake, client.hello())
        client.hear()
        assert.deepEqual(client.alerts, ['warning no_renegotiation'])
        assert.equal(client.messages.at(-1)?.[0], HandshakeType.finished)
      },
    ],
    'without end': [
      'unexpected_message',
      (client) => {
        for (let i = 0; i < 50; i++) client.sealed(handshake, client.hello())
      },
    ],
    'a HelloRequest, which is the server’s to say': [
      'unexpected_message',
      (client) => {
        client.sealed(handshake, encodeEmptyMessage('hello_request'))
      },
    ],
  })
})

describe('RFC 5077: tickets', () => {
  const tickets = new TlsTickets({ random: seeded(3) })
  test('one is announced, and given before ChangeCipherSpec', () => {
    const client = new ScriptedClient12({ tickets })
    client.greet(client.hello({ sessionTicket: NOTHING }))
    assert.deepEqual(decodeServerHello(client.messages[0]).extensions.sessionTicket, NOTHING)
    client.exchange()
    client.changeKeys()
    client.say(client.finished())
    assert.equal(client.verdict(), 'open')
    assert.deepEqual(
      client.messages.slice(-2).map(([type]) => type),
      [HandshakeType.new_session_ticket, HandshakeType.finished],
    )
  })
  test('none goes to who does not ask, or has no extended master secret (RFC 7627 section 5.4)', () => {
    for (const edit of [{}, { sessionTicket: NOTHING, extendedMasterSecret: undefined }]) {
      const client = new ScriptedClient12({ tickets })
      client.greet(client.hello(edit))
      assert.equal(decodeServerHello(client.messages[0]).extensions.sessionTicket, undefined)
    }
  })
  test('a damaged one leads to a full handshake, whatever is damaged', () => {
    const first = new ScriptedClient12({ tickets })
    first.greet(first.hello({ sessionTicket: NOTHING }))
    first.exchange()
    first.changeKeys()
    first.say(first.finished())
    first.hear()
    const ticket = first.messages.at(-2)?.slice(10) ?? NOTHING
    for (let at = 0; at < ticket.length; at += 5) {
      const client = new ScriptedClient12({ tickets })
      client.greet(client.hello({ sessionTicket: ticket.map((byte, i) => (i === at ? byte ^ 0x80 : byte)) }))
      assert.ok(client.end.messages('sent').includes('Certificate'), `byte ${String(at)}`)
    }
    const cut = new ScriptedClient12({ tickets })
    cut.greet(cut.hello({ sessionTicket: ticket.subarray(0, 20) }))
    assert.equal(cut.verdict(), 'open')
  })
})
