import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  ACK,
  block,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  GET,
  goaway,
  headers,
  hexBytes,
  joined,
  latin1,
  PADDED,
  POST,
  PREFACE,
  PRIORITY,
  push,
  RawClient,
  RawServer,
  reset,
  settings,
  settingsAck,
  uint32,
  windowUpdate,
} from './raw-peer.ts'
import { PROTOCOL, SIZE, FLOW, COMPRESSION, MALFORMED, server, client, verdicts } from './verdict.ts'

describe('3.4: connection preface', () => {
  test('both ends begin with SETTINGS, the client behind its 24 octets', () => {
    assert.deepEqual(new RawClient().heard(), ['SETTINGS', 'WINDOW_UPDATE +983041'])
    const bytes = new RawServer().ours.pollTransmit(0)
    assert.equal(Buffer.from(bytes ?? []).toString('latin1', 0, 24), 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    assert.deepEqual(new RawServer().heard(), ['SETTINGS', 'WINDOW_UPDATE +15663105'])
  })
  const raw = (...frames: readonly Uint8Array[]): string => new RawClient().send(...frames).verdict()
  test('anything else than the preface is refused', () => {
    assert.equal(raw(latin1('GET / HTTP/1.1\r\nHost: bob\r\n\r\n')), PROTOCOL)
    assert.equal(raw(latin1('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\x00')), PROTOCOL)
  })
  test('the preface may come octet by octet', () => {
    assert.equal(raw(...[...PREFACE].map((octet) => Uint8Array.of(octet)), settings()), '-')
  })
  test('SETTINGS has to be the first frame, and no acknowledgment', () => {
    assert.equal(raw(PREFACE, windowUpdate(0, 1)), PROTOCOL)
    assert.equal(raw(PREFACE, settingsAck()), PROTOCOL)
    assert.equal(raw(PREFACE, data(1, '')), PROTOCOL)
    assert.equal(new RawServer().send(frame('PING', 0, 0, '0011223344556677')).verdict(), PROTOCOL)
  })
})

describe('4.1: frame format', () => {
  verdicts(server, {
    'frames of unknown types are ignored': ['-', frame(0x16, 0, 0, '00112233'), frame(0xff, 0xff, 1, '')],
    'undefined flags are ignored': ['-', frame('PING', 0xfe, 0, '0011223344556677')],
    'the reserved bit is ignored': ['-', frame('SETTINGS', 0, 0x80000000)],
  })
  test('a PING with undefined flags is answered without them', () => {
    const peer = RawClient.greeted().send(frame('PING', 0xfe, 0, '0011223344556677'))
    assert.deepEqual(peer.heard(), ['PING 0011223344556677 ACK'])
  })
})

describe('4.2: frame size', () => {
  const large = (length: number): Uint8Array => new Uint8Array(length)
  verdicts(server, {
    'DATA of 2^14 octets is taken': ['-', headers(1, 0, ...POST), frame('DATA', 0, 1, large(16384))],
    'DATA of more is an error of its stream': [
      'stream 1 FRAME_SIZE_ERROR',
      headers(1, 0, ...POST),
      frame('DATA', 0, 1, large(16385)),
      data(1, 'more'),
    ],
    'HEADERS of more is an error of the connection': [SIZE, frame('HEADERS', END_HEADERS, 1, large(16385))],
    'so is anything on stream 0': [SIZE, frame('SETTINGS', 0, 0, large(16386))],
  })
  test('a larger limit holds once it is acknowledged', () => {
    const options = { settings: { maxFrameSize: 20_000 } }
    assert.equal(server([headers(1, 0, ...POST), frame('DATA', 0, 1, large(20_000))], options), '-')
    const early = new RawClient(options).send(PREFACE, settings(), headers(1, 0, ...POST), frame('DATA', 0, 1, large(16385)))
    assert.equal(early.verdict(), 'stream 1 FRAME_SIZE_ERROR')
  })
  test("we keep to the peer's limit, in field blocks too", () => {
    const peer = RawServer.greeted()
    const long = { name: 'x-long', value: '\u00ff'.repeat(20_000) }
    peer.ours.request({ method: 'GET', scheme: 'http', authority: 'bob', path: '/', fields: [long], body: 0 })
    const bytes = peer.ours.pollTransmit(0) ?? new Uint8Array(0)
    assert.equal((bytes[0] << 16) | (bytes[1] << 8) | bytes[2], 16384)
    assert.equal(bytes[9 + 16384 + 3], 9, 'then CONTINUATION')
  })
})

describe('4.3: field blocks', () => {
  const first = frame('HEADERS', END_STREAM, 1, block(...GET.slice(0, 2)))
  const last = frame('CONTINUATION', END_HEADERS, 1, block(...GET.slice(2)))
  verdicts(server, {
    'a block may go on in CONTINUATION': ['-', first, last],
    'it may be cut anywhere': [
      '-',
      frame('HEADERS', END_STREAM, 1, block(...GET).slice(0, 5)),
      frame('CONTINUATION', 0, 1, block(...GET).slice(5, 5)),
      frame('CONTINUATION', END_HEADERS, 1, block(...GET).slice(5)),
    ],
    'no other frame may come in between': [PROTOCOL, first, frame('PING', 0, 0, '0011223344556677')],
    'nor one of an unknown type': [PROTOCOL, first, frame(0xfa, 0, 1)],
    'nor DATA': [PROTOCOL, first, data(1, 'x')],
    'nor CONTINUATION on another stream': [PROTOCOL, first, frame('CONTINUATION', END_HEADERS, 3, block('x: y'))],
    'nor another HEADERS': [PROTOCOL, first, headers(3, END_STREAM, ...GET)],
    'a block that cannot be decompressed': [COMPRESSION, frame('HEADERS', END_HEADERS, 1, 'ff')],
    'an index of nothing': [COMPRESSION, frame('HEADERS', END_HEADERS | END_STREAM, 1, 'be')],
    'a table larger than was granted': [COMPRESSION, frame('HEADERS', END_HEADERS | END_STREAM, 1, '3fe21f 82')],
    'a table size behind a field': [COMPRESSION, frame('HEADERS', END_HEADERS | END_STREAM, 1, '82 20')],
  })
  test('a block that nobody wants is decompressed all the same', () => {
    const peer = RawClient.greeted().send(headers(1, 0, ...POST))
    peer.ours.cancel(1)
    // Trailers for the stream that is gone put an entry into the table, which the next request uses.
    peer.send(frame('HEADERS', END_HEADERS | END_STREAM, 1, '4003782d610162'))
    peer.told()
    peer.send(frame('HEADERS', END_HEADERS | END_STREAM, 3, joined(block(...GET), hexBytes('be'))))
    const [request] = peer.told()
    assert.ok(request.type === 'request', `told ${request.type}`)
    assert.deepEqual(request.fields, [{ name: 'x-a', value: 'b' }])
  })
})

describe('5.1.1: numbers of streams', () => {
  verdicts(server, {
    'an even number is not for a client': [PROTOCOL, headers(2, END_STREAM, ...GET)],
    'a lower number than before': [PROTOCOL, headers(5, END_STREAM, ...GET), headers(3, END_STREAM, ...GET)],
    'stream 0 is no stream': [PROTOCOL, headers(0, END_STREAM, ...GET)],
  })
  verdicts(client, {
    'a server cannot begin a stream': [PROTOCOL, headers(2, END_STREAM, ':status: 200')],
    'nor one of ours': [PROTOCOL, headers(3, END_STREAM, ':status: 200')],
  })
})

describe('5.1.2: concurrent streams', () => {
  const options = { settings: { maxConcurrentStreams: 2 } }
  test('one more than we take is refused, and may be tried again', () => {
    const peer = RawClient.greeted(options).send(headers(1, 0, ...POST), headers(3, 0, ...POST), headers(5, END_STREAM, ...GET))
    assert.equal(peer.verdict(), 'stream 5 REFUSED_STREAM')
    peer.ours.cancel(1)
    assert.equal(peer.send(headers(7, END_STREAM, ...GET)).verdict(), 'stream 1 CANCEL')
    assert.deepEqual(
      peer.told().flatMap((event) => (event.type === 'request' ? [event.stream] : [])),
      [1, 3, 7],
    )
  })
  test("we keep to the peer's limit", () => {
    const peer = RawServer.greeted({}, [3, 1])
    peer.request()
    assert.equal(peer.ours.canRequest, false)
    assert.throws(() => peer.request(), /no request can be made/)
    peer.send(headers(1, END_STREAM, ':status: 200'))
    assert.equal(peer.ours.canRequest, true)
  })
})

describe('5.4: errors', () => {
  test('5.4.1: of the connection: GOAWAY with the last stream that counts, and no more is handled', () => {
    const peer = RawClient.greeted().send(headers(1, END_STREAM, ...GET), headers(3, END_STREAM, ...GET))
    peer.told()
    peer.send(frame('PING', 0, 1, '0011223344556677'), headers(5, END_STREAM, ...GET))
    assert.deepEqual(peer.heard(), ['GOAWAY PROTOCOL_ERROR 3'])
    const [closed, ...others] = peer.told()
    assert.deepEqual(others, [])
    assert.ok(closed.type === 'closed', `told ${closed.type}`)
    assert.deepEqual(
      { ...closed.error, broken: closed.broken },
      {
        whose: 'remote',
        code: 'PROTOCOL_ERROR',
        detail: 'PING on a stream',
        cites: 'RFC 9113 section 6.7',
        broken: [1, 3],
      },
    )
    assert.equal(peer.ours.finished, true)
  })
  test('5.4.2: of a stream: the others go on', () => {
    const peer = RawClient.greeted().send(headers(1, 0, ...POST), headers(3, 0, ...POST), data(1, 'x'))
    peer.told()
    peer.send(windowUpdate(1, 0), data(1, 'ignored'), data(3, 'taken', END_STREAM))
    assert.deepEqual(peer.heard(), ['RST_STREAM[1] PROTOCOL_ERROR'])
    assert.deepEqual(
      peer.told().map((event) => `${event.type} ${'stream' in event ? String(event.stream) : ''}`),
      ['reset 1', 'data 3', 'end 3'],
    )
  })
})

describe('6.1: DATA', () => {
  verdicts(server, {
    'on stream 0': [PROTOCOL, data(0, 'x')],
    'on an idle stream': [PROTOCOL, data(1, 'x')],
    'padding as long as the payload': [PROTOCOL, headers(1, 0, ...POST), frame('DATA', PADDED, 1, '04 000000')],
    'padding longer than the payload': [PROTOCOL, headers(1, 0, ...POST), frame('DATA', PADDED, 1, 'ff 000000')],
    'a padded frame without its pad length': [PROTOCOL, headers(1, 0, ...POST), frame('DATA', PADDED, 1, '')],
    'nothing but padding': ['-', headers(1, 0, ...POST), frame('DATA', PADDED, 1, '02 0000')],
  })
  test('padding is not content', () => {
    const peer = RawClient.greeted().send(headers(1, 0, ...POST))
    peer.told()
    peer.send(frame('DATA', PADDED | END_STREAM, 1, '03 6869 000000'))
    const events = peer.told()
    assert.deepEqual(
      events.map((event) => (event.type === 'data' ? Buffer.from(event.bytes).toString() : event.type)),
      ['hi', 'end'],
    )
  })
})

describe('6.2: HEADERS', () => {
  verdicts(server, {
    'padding that leaves nothing': ['connection FRAME_SIZE_ERROR', frame('HEADERS', PADDED | PRIORITY | END_HEADERS, 1, '00 00')],
    'padding longer than the block': [PROTOCOL, frame('HEADERS', PADDED | END_HEADERS | END_STREAM, 1, '05 82')],
    'padded, and with the priority of RFC 7540': [
      '-',
      frame(
        'HEADERS',
        PADDED | PRIORITY | END_HEADERS | END_STREAM,
        1,
        joined(hexBytes('02 00000000 0f'), block(...GET), hexBytes('0000')),
      ),
    ],
    'a stream that depends on itself': [
      MALFORMED,
      frame('HEADERS', PRIORITY | END_HEADERS | END_STREAM, 1, joined(hexBytes('00000001 0f'), block(...GET))),
    ],
  })
})

describe('6.3: PRIORITY', () => {
  verdicts(server, {
    'on stream 0': [PROTOCOL, frame('PRIORITY', 0, 0, '0000000010')],
    'on an idle stream': ['-', frame('PRIORITY', 0, 9, '0000000010'), headers(1, END_STREAM, ...GET)],
    'of another length, an error of its stream': [
      'stream 1 FRAME_SIZE_ERROR',
      headers(1, 0, ...POST),
      frame('PRIORITY', 0, 1, '00000000'),
    ],
    'of another length, where there is no stream to reset': [SIZE, frame('PRIORITY', 0, 1, '00000000')],
    'a stream that depends on itself': [MALFORMED, headers(1, 0, ...POST), frame('PRIORITY', 0, 1, '0000000110')],
  })
})

describe('6.4: RST_STREAM', () => {
  verdicts(server, {
    'on stream 0': [PROTOCOL, reset(0)],
    'on an idle stream': [PROTOCOL, reset(1)],
    'of another length': [SIZE, headers(1, 0, ...POST), frame('RST_STREAM', 0, 1, '000000')],
  })
  test('it is told with its code; one that nobody knows is an INTERNAL_ERROR (section 7)', () => {
    const peer = RawClient.greeted().send(headers(1, 0, ...POST), headers(3, 0, ...POST))
    peer.told()
    peer.send(reset(1, 'NO_ERROR'), frame('RST_STREAM', 0, 3, uint32(0xbad)))
    assert.deepEqual(
      peer.told().map((event) => (event.type === 'reset' ? event.error.code : event.type)),
      ['NO_ERROR', 'INTERNAL_ERROR'],
    )
    assert.deepEqual(peer.heard(), [], 'a reset is not answered by another')
  })
})

describe('6.5: SETTINGS', () => {
  verdicts(server, {
    'on a stream': [PROTOCOL, frame('SETTINGS', 0, 1)],
    'an acknowledgment with a payload': [SIZE, frame('SETTINGS', ACK, 0, '000000000000')],
    'a length that is no multiple of six': [SIZE, frame('SETTINGS', 0, 0, '000300')],
    'an acknowledgment too many': [PROTOCOL, settingsAck()],
    'unknown settings are ignored': ['-', settings([0xfa, 1], [0, 0], [0xffff, 0xffffffff])],
    'ENABLE_PUSH other than 0 and 1': [PROTOCOL, settings([2, 2])],
    'INITIAL_WINDOW_SIZE over 2^31 - 1': [FLOW, settings([4, 0x80000000])],
    'MAX_FRAME_SIZE below 2^14': [PROTOCOL, settings([5, 16383])],
    'MAX_FRAME_SIZE over 2^24 - 1': [PROTOCOL, settings([5, 0x1000000])],
    'at the limits': ['-', settings([2, 0], [4, 0x7fffffff], [5, 16384], [5, 0xffffff], [3, 0], [6, 0], [1, 0])],
    'ENABLE_CONNECT_PROTOCOL other than 0 and 1': [PROTOCOL, settings([8, 2])],
    'ENABLE_CONNECT_PROTOCOL taken back (RFC 8441 section 3)': [PROTOCOL, settings([8, 1]), settings([8, 0])],
    'NO_RFC7540_PRIORITIES other than 0 and 1 (RFC 9218 section 2.1)': [PROTOCOL, settings([9, 2])],
    'NO_RFC7540_PRIORITIES changed later (RFC 9218 section 2.1)': [PROTOCOL, settings([9, 1])],
  })
  verdicts(client, { 'a server that takes pushes (6.5.2)': [PROTOCOL, settings([2, 1])] })
  test('6.5.3: each is acknowledged, parameters in their order', () => {
    const peer = RawClient.greeted().send(settings([4, 1], [4, 2]), settings())
    assert.deepEqual(peer.heard(), ['SETTINGS ACK', 'SETTINGS ACK'])
    const [event] = peer.told()
    assert.ok(event.type === 'settings', `told ${event.type}`)
    assert.equal(event.settings.initialWindowSize, 2)
  })
  test('6.5.3: ours not acknowledged in time', () => {
    const peer = new RawClient({ limits: { settingsTimeout: 5e9 } }).send(PREFACE, settings())
    peer.heard()
    assert.equal(peer.ours.pollTimeout(), 5e9)
    peer.ours.handleTimeout(5e9 - 1)
    assert.equal(peer.verdict(), '-')
    peer.ours.handleTimeout(5e9)
    assert.equal(peer.verdict(), 'connection SETTINGS_TIMEOUT')
  })
  test('HEADER_TABLE_SIZE: our next block says that it shrank (RFC 7541 section 4.2)', () => {
    const peer = RawClient.greeted({}, [1, 0]).send(headers(1, END_STREAM, ...GET))
    peer.ours.respond(1, { status: 200, fields: [{ name: 'x-a', value: 'b' }], body: 0 })
    const bytes = peer.ours.pollTransmit(0) ?? new Uint8Array(0)
    assert.equal(bytes[9], 0x20)
  })
})

describe('6.6: PUSH_PROMISE', () => {
  const pushes = { settings: { enablePush: true } }
  const judged = (frames: readonly Uint8Array[]): string => client(frames, pushes)
  verdicts(judged, {
    'on stream 0': [PROTOCOL, push(0, 2, ...GET)],
    'of a number that is not even': [PROTOCOL, push(1, 3, ...GET)],
    'of stream 0': [PROTOCOL, push(1, 0, ...GET)],
    'of a number that was promised before': [PROTOCOL, push(1, 2, ...GET), push(1, 2, ...GET)],
    'of a lower number than before': [PROTOCOL, push(1, 4, ...GET), push(1, 2, ...GET)],
    'too short': [SIZE, frame('PUSH_PROMISE', END_HEADERS, 1, '000000')],
    'padding longer than the block': [PROTOCOL, frame('PUSH_PROMISE', END_HEADERS | PADDED, 1, '05 00000002 82')],
    'in several frames': [
      '-',
      frame('PUSH_PROMISE', 0, 1, joined(uint32(2), block(...GET.slice(0, 2)))),
      frame('CONTINUATION', END_HEADERS, 1, block(...GET.slice(2))),
    ],
    'by a method that is not safe (8.4)': ['stream 2 PROTOCOL_ERROR', push(1, 2, ...POST)],
    'of a request with content (8.4)': ['stream 2 PROTOCOL_ERROR', push(1, 2, ...GET, 'content-length: 1')],
    'of a malformed request': ['stream 2 PROTOCOL_ERROR', push(1, 2, ':method: GET')],
  })
  test('where pushes are not taken', () => {
    assert.equal(client([push(1, 2, ...GET)]), PROTOCOL)
    const peer = new RawServer().send(settings())
    peer.request()
    // We said so, but the server has not acknowledged that yet.
    assert.equal(peer.send(push(1, 2, ...GET)).verdict(), 'stream 2 CANCEL')
  })
  verdicts(server, { 'from a client (8.4)': [PROTOCOL, headers(1, 0, ...POST), push(1, 2, ...GET)] })
})

describe('6.7: PING', () => {
  verdicts(server, {
    'on a stream': [PROTOCOL, frame('PING', 0, 1, '0011223344556677')],
    'of another length': [SIZE, frame('PING', 0, 0, '00112233445566')],
    'an acknowledgment is not answered': ['-', frame('PING', ACK, 0, '0011223344556677')],
  })
  test('it is answered with the same octets; an answer is told', () => {
    const peer = RawClient.greeted().send(frame('PING', 0, 0, 'cafe00000000cafe'))
    assert.deepEqual(peer.heard(), ['PING cafe00000000cafe ACK'])
    peer.ours.ping(hexBytes('0102030405060708'))
    assert.deepEqual(peer.heard(), ['PING 0102030405060708'])
    const [event] = peer.send(frame('PING', ACK, 0, '0102030405060708')).told()
    assert.ok(event.type === 'pong', `told ${event.type}`)
    assert.deepEqual([...event.data], [1, 2, 3, 4, 5, 6, 7, 8])
    assert.throws(() => {
      peer.ours.ping(new Uint8Array(7))
    }, RangeError)
  })
})

describe('6.8: GOAWAY', () => {
  verdicts(server, {
    'on a stream': [PROTOCOL, frame('GOAWAY', 0, 1, '0000000000000000')],
    'too short': [SIZE, frame('GOAWAY', 0, 0, '00000000000000')],
    'one that takes back an earlier one': [PROTOCOL, goaway(0), goaway(2)],
  })
  test('a client hears which of its requests were not looked at, and makes no more', () => {
    const peer = RawServer.greeted()
    for (let i = 0; i < 3; i++) peer.request()
    peer.send(goaway(3))
    assert.deepEqual(
      peer
        .told()
        .map((event) => (event.type === 'reset' ? `reset ${String(event.stream)} ${String(event.isUnprocessed)}` : event.type)),
      ['goaway', 'reset 5 true'],
    )
    assert.equal(peer.ours.canRequest, false)
    peer.send(headers(1, END_STREAM, ':status: 200'), headers(3, END_STREAM, ':status: 200'))
    const last = peer.told().at(-1)
    assert.deepEqual(last, { type: 'closed', error: undefined, broken: [], unprocessed: [] })
  })
  test('a server says goodbye twice, and loses no request that was on its way', () => {
    const peer = RawClient.greeted().send(headers(1, END_STREAM, ...GET))
    peer.ours.shutdown()
    const [first, ping] = peer.heard()
    assert.equal(first, 'GOAWAY NO_ERROR 2147483647')
    peer.send(headers(3, END_STREAM, ...GET), frame('PING', ACK, 0, ping.split(' ')[1]))
    assert.deepEqual(peer.heard(), ['GOAWAY NO_ERROR 3'])
    // What comes now is ignored, and does not count.
    peer.send(headers(5, 0, ...POST), data(5, 'x'), reset(5))
    for (const stream of [1, 3]) {
      assert.equal(peer.ours.finished, false)
      peer.ours.respond(stream, { status: 204, fields: [], body: 0 })
    }
    assert.deepEqual(peer.heard(), ['HEADERS[1] :status: 204 END', 'HEADERS[3] :status: 204 END'])
    assert.equal(peer.ours.finished, true)
    assert.deepEqual(
      peer
        .told()
        .flatMap((event) =>
          event.type === 'request' ? [String(event.stream)] : event.type === 'closed' ? [event.error?.code ?? 'no error'] : [],
        ),
      ['1', '3', 'no error'],
    )
  })
})

describe('6.9: WINDOW_UPDATE', () => {
  const open = headers(1, 0, ...POST)
  verdicts(server, {
    'of another length': [SIZE, frame('WINDOW_UPDATE', 0, 0, '000001')],
    'by nothing, of the connection': [PROTOCOL, windowUpdate(0, 0)],
    'by nothing, of a stream': [MALFORMED, open, windowUpdate(1, 0)],
    'on an idle stream': [PROTOCOL, windowUpdate(1, 1)],
    'beyond 2^31 - 1, of the connection (6.9.1)': [FLOW, windowUpdate(0, 0x7fffffff)],
    'up to 2^31 - 1, of the connection (6.9.1)': ['-', windowUpdate(0, 0x7fffffff - 65535)],
    'beyond 2^31 - 1, of a stream (6.9.1)': ['stream 1 FLOW_CONTROL_ERROR', open, windowUpdate(1, 0x7fffffff)],
    'beyond 2^31 - 1 by INITIAL_WINDOW_SIZE (6.9.2)': [FLOW, open, windowUpdate(1, 1), settings([4, 0x7fffffff])],
  })
})

describe('6.10: CONTINUATION', () => {
  verdicts(server, {
    'of nothing': [PROTOCOL, frame('CONTINUATION', END_HEADERS, 1, block(...GET))],
    'behind a block that has ended': [PROTOCOL, headers(1, 0, ...POST), frame('CONTINUATION', END_HEADERS, 1, block('x: y'))],
    'on stream 0': [PROTOCOL, frame('HEADERS', 0, 1, block(...GET)), frame('CONTINUATION', END_HEADERS, 0, block('x: y'))],
  })
})
