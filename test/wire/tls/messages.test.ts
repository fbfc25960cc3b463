import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decodeAlert, encodeAlert } from '../../../src/wire/tls/alert.ts'
import { bindersLength, decodeClientHello, encodeClientHello, writeBinders } from '../../../src/wire/tls/client-hello.ts'
import type { ClientHelloExtensions } from '../../../src/wire/tls/client-hello.ts'
import { decodeCertificate } from '../../../src/wire/tls/certificate.ts'
import { ExtensionType, HandshakeType } from '../../../src/wire/tls/code-points.ts'
import { TlsDecodeError } from '../../../src/wire/tls/decode-error.ts'
import { encodeHandshake, HandshakeBuffer } from '../../../src/wire/tls/handshake.ts'
import { decodeInnerPlaintext, decodeRecordHeader, encodeInnerPlaintext, encodeRecord } from '../../../src/wire/tls/record.ts'
import { decodeServerHello, downgradeMark, markDowngrade } from '../../../src/wire/tls/server-hello.ts'
import { decodeFinished, decodeKeyUpdate } from '../../../src/wire/tls/small-messages.ts'
import { TlsWriter } from '../../../src/wire/tls/writer.ts'
import { readPcap } from '../../vectors/pcap.ts'
import { readPcapng } from '../../vectors/pcapng.ts'
import { conversations } from './captured-records.ts'
import { bytes, CODECS, messageOf } from './sample-messages.ts'

/** Expects a complaint with this alert. */
function refuses(decode: () => unknown, alert: string): void {
  assert.throws(decode, (error) => error instanceof TlsDecodeError && error.alert === alert && error.cites.startsWith('RFC '))
}

function isSame(a: Uint8Array, b: Uint8Array): void {
  assert.equal(Buffer.from(a).toString('hex'), Buffer.from(b).toString('hex'))
}

/** Where a hello may end, before TLS 1.3: without a block of extensions. The samples have two suites. */
function endOfBareHello(message: Uint8Array): number {
  const { server_hello, client_hello } = HandshakeType
  const behindId = 4 + 2 + 32 + 1 + message[38]
  return message[0] === client_hello ? behindId + 8 : message[0] === server_hello ? behindId + 3 : -1
}

describe('handshake messages', () => {
  for (const [name, { decode, encode, samples }] of Object.entries(CODECS)) {
    test(`${name}: what was decoded encodes to the same bytes, and cut short anywhere it is refused`, () => {
      for (const sample of samples) {
        isSame(encode(decode(sample) as never), sample)
        for (let length = 0; length < sample.length; length++) {
          refuses(() => decode(sample.subarray(0, length)), 'decode_error')
          // The length that the header says is right, and what is in it is not.
          const cut = sample.slice(0, length)
          if (length >= 4) cut.set([0, (length - 4) >>> 8, (length - 4) & 0xff], 1)
          if (length !== endOfBareHello(sample)) refuses(() => decode(cut), 'decode_error')
        }
        const longer = Uint8Array.of(...sample, 0)
        longer[3] = sample[3] + 1
        if (longer[3] !== 0) assert.throws(() => decode(longer), TlsDecodeError)
        const other = sample.slice()
        other[0] = 99
        refuses(() => decode(other), 'unexpected_message')
      }
    })
  }

  test('hellos of real programs come out as they went in, in the order of their extensions', () => {
    let hellos = 0
    for (const frames of [readPcap('h2.pcap'), readPcapng('tls13-dsb.pcapng').frames]) {
      for (const { client, server } of conversations(frames)) {
        const hello = client.bytes.slice(5, 5 + (decodeRecordHeader(client.bytes, 0, 5)?.length ?? 0))
        isSame(encodeClientHello(decodeClientHello(hello)), hello)
        const answer = server.bytes.slice(5, 5 + (decodeRecordHeader(server.bytes, 0, 5)?.length ?? 0))
        isSame(CODECS['ServerHello'].encode(decodeServerHello(answer) as never), answer)
        hellos += 2
      }
    }
    assert.equal(hellos, 10)
  })
})

describe('extensions (RFC 8446 section 4.2)', () => {
  const hello = (extensions: ClientHelloExtensions): Uint8Array =>
    encodeClientHello({
      version: 0x0303,
      random: bytes(32),
      sessionId: bytes(0),
      cipherSuites: [1],
      compressionMethods: [0],
      extensions,
    })
  const raw = (type: number, ...data: readonly number[]): Uint8Array => hello({ others: [{ type, data: Uint8Array.from(data) }] })

  test('one that is there twice is refused', () => {
    const one = hello({ others: [{ type: 0xaaaa, data: bytes(0) }] })
    const twice = Uint8Array.of(...one, 0xaa, 0xaa, 0, 0)
    twice[3] += 4
    twice[one.length - 5] += 4
    refuses(() => decodeClientHello(twice), 'illegal_parameter')
  })

  test('pre_shared_key is the last one, whatever the order says, and else it is refused (section 4.2.11)', () => {
    const preSharedKey = { identities: [{ identity: bytes(1), obfuscatedTicketAge: 1 }], binders: [bytes(32)] }
    const order = [ExtensionType.pre_shared_key, ExtensionType.early_data]
    const message = hello({ preSharedKey, earlyData: true, order })
    assert.deepEqual(decodeClientHello(message).extensions.order, [ExtensionType.early_data, ExtensionType.pre_shared_key])
    const behind = Uint8Array.of(...hello({ preSharedKey }), 0xaa, 0xaa, 0, 0)
    behind[3] += 4
    behind[4 + 2 + 32 + 1 + 4 + 2 + 1] += 4
    refuses(() => decodeClientHello(behind), 'illegal_parameter')
  })

  test('as many binders as identities; each at least as long as a hash', () => {
    const one = { identity: bytes(1), obfuscatedTicketAge: 1 }
    refuses(
      () => decodeClientHello(hello({ preSharedKey: { identities: [one, one], binders: [bytes(32)] } })),
      'illegal_parameter',
    )
    refuses(() => decodeClientHello(hello({ preSharedKey: { identities: [one], binders: [bytes(31)] } })), 'decode_error')
  })

  test('binders are written into their place at the end (section 4.2.11.2)', () => {
    const identities = [
      { identity: bytes(5), obfuscatedTicketAge: 1 },
      { identity: bytes(6), obfuscatedTicketAge: 2 },
    ]
    const blank = [new Uint8Array(32), new Uint8Array(48)]
    const message = hello({ preSharedKey: { identities, binders: blank } })
    const truncated = message.subarray(0, message.length - bindersLength(blank))
    const binders = [bytes(32, 7), bytes(48, 9)]
    const before = truncated.slice()
    writeBinders(message, binders)
    isSame(truncated, before)
    isSame(message, hello({ preSharedKey: { identities, binders } }))
  })

  const malformed: Readonly<Record<string, Uint8Array>> = {
    'supported_groups without groups': raw(ExtensionType.supported_groups, 0, 0),
    'half a group': raw(ExtensionType.supported_groups, 0, 3, 0, 29, 0),
    'signature_algorithms that end early': raw(ExtensionType.signature_algorithms, 0, 4, 4, 3),
    'something behind supported_versions': raw(ExtensionType.supported_versions, 2, 3, 4, 0),
    'no versions': raw(ExtensionType.supported_versions, 0),
    'an empty protocol name': raw(ExtensionType.application_layer_protocol_negotiation, 0, 1, 0),
    'an empty key share': raw(ExtensionType.key_share, 0, 4, 0, 29, 0, 0),
    'an empty cookie': raw(ExtensionType.cookie, 0, 0),
    'a list of names that is empty': raw(ExtensionType.server_name, 0, 0),
    'early_data that says something': raw(ExtensionType.early_data, 1),
    'no psk_key_exchange_modes': raw(ExtensionType.psk_key_exchange_modes, 0),
  }
  for (const [what, message] of Object.entries(malformed)) {
    test(`${what}: decode_error`, () => {
      refuses(() => decodeClientHello(message), 'decode_error')
    })
  }

  test('two host names, or one that is not ASCII: illegal_parameter (RFC 6066 section 3)', () => {
    refuses(() => decodeClientHello(raw(0, 0, 8, 0, 0, 1, 97, 0, 0, 1, 98)), 'illegal_parameter')
    refuses(() => decodeClientHello(raw(0, 0, 4, 0, 0, 1, 0xe9)), 'illegal_parameter')
    refuses(() => decodeClientHello(raw(0, 0, 4, 0, 0, 1, 0x20)), 'illegal_parameter')
  })

  test('names of types that nobody knows are stepped over (RFC 6066 section 3)', () => {
    assert.equal(decodeClientHello(raw(0, 0, 8, 7, 0, 1, 97, 0, 0, 1, 98)).extensions.serverName, 'b')
    const unknown = raw(0, 0, 4, 7, 0, 1, 97)
    assert.equal(decodeClientHello(unknown).extensions.serverName, undefined)
    isSame(encodeClientHello(decodeClientHello(unknown)), unknown)
    refuses(() => decodeClientHello(raw(0, 0, 4, 7, 0, 1, 97, 0)), 'decode_error')
  })

  test('the longest ClientHello that there can be is taken', () => {
    const longest = encodeClientHello({
      version: 0x0303,
      random: bytes(32),
      sessionId: bytes(32),
      cipherSuites: Array<number>(0x7fff).fill(1),
      compressionMethods: Array<number>(255).fill(0),
      extensions: { others: [{ type: 0xabab, data: new Uint8Array(0xffff - 4) }] },
    })
    assert.equal(longest.length, 4 + 131_396)
    const buffer = new HandshakeBuffer()
    buffer.push(longest)
    assert.equal(buffer.next()?.length, longest.length)
  })

  test('a certificate may carry an extension only once', () => {
    const twice = messageOf('certificate', 0, 0, 0, 14, 0, 0, 1, 0x30, 0, 8, 0xaa, 0xaa, 0, 0, 0xaa, 0xaa, 0, 0)
    refuses(() => decodeCertificate(twice), 'illegal_parameter')
  })
})

describe('the rest of the messages', () => {
  test('a KeyUpdate that asks for something else (RFC 8446 section 4.6.3)', () => {
    refuses(() => decodeKeyUpdate(messageOf('key_update', 2)), 'illegal_parameter')
  })

  test('a Finished of another length', () => {
    refuses(() => decodeFinished(messageOf('finished', ...bytes(11)), 12), 'decode_error')
    refuses(() => decodeFinished(messageOf('finished', ...bytes(32)), 12), 'decode_error')
  })

  test('the mark of a downgrade (RFC 8446 section 4.1.3)', () => {
    const random = bytes(32)
    assert.equal(downgradeMark(random), undefined)
    markDowngrade(random)
    assert.equal(downgradeMark(random), '1.2')
    random[31] = 0
    assert.equal(downgradeMark(random), '1.1')
    random[31] = 2
    assert.equal(downgradeMark(random), undefined)
    isSame(random.subarray(0, 24), bytes(24))
  })

  test('a vector that is too long for its length is our own mistake', () => {
    assert.throws(() => new TlsWriter().opaque8(bytes(256)), RangeError)
    assert.throws(() => new TlsWriter().opaque16(new Uint8Array(65536)), RangeError)
  })
})

describe('alerts (RFC 8446 section 6)', () => {
  test('two bytes, of a level that there is', () => {
    assert.deepEqual(decodeAlert(encodeAlert({ level: 2, description: 40 })), { level: 2, description: 40 })
    assert.deepEqual(decodeAlert(Uint8Array.of(1, 250)), { level: 1, description: 250 })
    refuses(() => decodeAlert(Uint8Array.of(3, 40)), 'illegal_parameter')
    refuses(() => decodeAlert(Uint8Array.of(2)), 'decode_error')
    refuses(() => decodeAlert(Uint8Array.of(2, 40, 2, 40)), 'decode_error')
  })
})

describe('records (RFC 8446 section 5)', () => {
  test('a header is read when it is there, and refused when it is none', () => {
    const record = encodeRecord(22, bytes(3))
    assert.deepEqual(decodeRecordHeader(record, 0, record.length), { type: 22, version: 0x0303, length: 3 })
    assert.equal(decodeRecordHeader(record, 0, 4), undefined)
    refuses(() => decodeRecordHeader(Buffer.from('GET / HTTP/1.1'), 0, 14), 'unexpected_message')
    refuses(() => decodeRecordHeader(Uint8Array.of(22, 2, 0, 0, 1), 0, 5), 'protocol_version')
    assert.equal(decodeRecordHeader(Uint8Array.of(22, 2, 0, 0, 1), 0, 5, true)?.version, 0x0200)
    refuses(() => decodeRecordHeader(Uint8Array.of(23, 3, 3, 0x48, 1), 0, 5), 'record_overflow')
    assert.throws(() => encodeRecord(23, new Uint8Array(16385)), RangeError)
  })

  test('the inside of a protected record ends with its type and zeros (section 5.2)', () => {
    const { type, content } = decodeInnerPlaintext(encodeInnerPlaintext(22, Uint8Array.of(1, 0, 0), 7))
    assert.equal(type, 22)
    assert.deepEqual([...content], [1, 0, 0])
    assert.equal(decodeInnerPlaintext(encodeInnerPlaintext(23, bytes(0))).content.length, 0)
    refuses(() => decodeInnerPlaintext(new Uint8Array(40)), 'unexpected_message')
    refuses(() => decodeInnerPlaintext(new Uint8Array(0)), 'unexpected_message')
    refuses(() => decodeInnerPlaintext(encodeInnerPlaintext(23, new Uint8Array(16385))), 'record_overflow')
  })
})

describe('messages out of records', () => {
  const messages = [1, 2, 300, 0, 70_000].map((length, i) => encodeHandshake(i + 1, (writer) => writer.fixed(bytes(length, i))))

  test('however they are cut', () => {
    const stream = Buffer.concat(messages)
    for (const size of [1, 3, 4, 5, 333, 16384, stream.length]) {
      const buffer = new HandshakeBuffer()
      const found: Uint8Array[] = []
      for (let at = 0; at < stream.length; at += size) {
        buffer.push(new Uint8Array(stream.subarray(at, at + size)))
        for (let message = buffer.next(); message !== undefined; message = buffer.next()) found.push(message)
      }
      assert.equal(buffer.isPartial, false)
      assert.equal(found.length, messages.length)
      // What was handed out first has not been written over since.
      found.forEach((message, i) => {
        isSame(message, messages[i])
      })
    }
  })

  test('one that is too long is refused by its header', () => {
    const buffer = new HandshakeBuffer(100)
    buffer.push(Uint8Array.of(11, 0, 0, 100))
    assert.equal(buffer.next(), undefined)
    assert.equal(buffer.isPartial, true)
    const other = new HandshakeBuffer(100)
    other.push(Uint8Array.of(11, 0, 0, 101))
    refuses(() => other.next(), 'illegal_parameter')
  })
})
