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
  reset,
  settings,
  windowUpdate,
} from '../protocols/http2/raw-peer.ts'
import { COMPRESSION, FLOW, MALFORMED, PROTOCOL, server, SIZE, verdicts } from '../protocols/http2/verdict.ts'

/*
 * What h2spec asks of a server, case by case, by its numbers: those of RFC 7540, which RFC 9113 has kept but for chapter 3 and 8. Where h2spec
 * is content with several answers, ours is told.
 */

const CLOSED = 'connection STREAM_CLOSED'
const CLOSED_ONE = 'stream 1 STREAM_CLOSED'
const PING = hexBytes('0011223344556677')
const get = headers(1, END_STREAM, ...GET)
const post = headers(1, 0, ...POST)
const large = (length: number): Uint8Array => new Uint8Array(length)
const part = (stream: number, flags: number, ...lines: readonly string[]): Uint8Array =>
  frame('CONTINUATION', flags, stream, block(...lines))

/** What a server says to frames on stream 1, whose request it has answered whole. */
function answered(frames: readonly Uint8Array[]): string {
  const peer = RawClient.greeted().send(get)
  peer.ours.respond(1, { status: 200, fields: [], body: 0 })
  assert.deepEqual(peer.heard(), ['HEADERS[1] :status: 200, content-length: 0 END'])
  return peer.send(...frames).verdict()
}

/** The requests that come whole out of these frames. */
function requests(...frames: readonly Uint8Array[]): string[] {
  const peer = RawClient.greeted().send(...frames)
  assert.equal(peer.verdict(), '-')
  const told = peer.told()
  const ends = told.flatMap((event) => (event.type === 'end' ? [event.stream] : []))
  return told.flatMap((event) =>
    event.type === 'request' && ends.includes(event.stream) ? [`${event.method} ${event.path}`] : [],
  )
}

/** A request whose fields are these octets of HPACK behind the usual pseudo-header fields. */
const hpack = (octets: string, before = ''): Uint8Array =>
  frame('HEADERS', END_HEADERS | END_STREAM, 1, joined(hexBytes(before), block(...GET), hexBytes(octets)))

describe('generic', () => {
  const taken: Readonly<Record<string, readonly Uint8Array[]>> = {
    '2/1: PRIORITY on an idle stream': [frame('PRIORITY', 0, 1, '00000000 10'), get],
    '2/2: WINDOW_UPDATE on a half-closed stream': [get, windowUpdate(1, 100)],
    '2/3: PRIORITY on a half-closed stream': [get, frame('PRIORITY', 0, 1, '00000000 10')],
    '3.1/2: several DATA frames': [post, data(1, 'a'), data(1, 'b'), data(1, 'c', END_STREAM)],
    '3.1/3: DATA with padding': [post, frame('DATA', PADDED | END_STREAM, 1, '02 6869 0000')],
    '3.2/2: HEADERS with padding': [
      frame('HEADERS', PADDED | END_HEADERS | END_STREAM, 1, joined(hexBytes('03'), block(...GET), hexBytes('000000'))),
    ],
    '3.2/3: HEADERS with priority': [
      frame('HEADERS', PRIORITY | END_HEADERS | END_STREAM, 1, joined(hexBytes('00000000 ff'), block(...GET))),
    ],
    '3.3/1: the least priority': [frame('PRIORITY', 0, 1, '00000000 00'), get],
    '3.3/2: the highest priority': [frame('PRIORITY', 0, 1, '00000000 ff'), get],
    '3.3/3: a dependency': [frame('PRIORITY', 0, 1, '00000003 10'), get],
    '3.3/4: an exclusive dependency': [frame('PRIORITY', 0, 1, '80000003 10'), get],
    '3.3/5: PRIORITY on a stream of a lower number than one that is used': [
      headers(5, END_STREAM, ...GET),
      frame('PRIORITY', 0, 3, '00000000 10'),
    ],
    '3.9/1: WINDOW_UPDATE of the connection': [windowUpdate(0, 1), get],
    '3.9/2: WINDOW_UPDATE of a stream': [post, windowUpdate(1, 1), data(1, '', END_STREAM)],
    '3.10/1: CONTINUATION': [frame('HEADERS', END_STREAM, 1, block(...GET)), part(1, END_HEADERS, 'x-a: b')],
    '3.10/2: several of them': [
      frame('HEADERS', END_STREAM, 1, block(...GET)),
      part(1, 0, 'x-a: b'),
      part(1, 0, 'x-c: d'),
      part(1, END_HEADERS, 'x-e: f'),
    ],
    '4/2: HEAD': [headers(1, END_STREAM, ':method: HEAD', ...GET.slice(1))],
    '4/4: POST with trailers': [post, data(1, 'test'), headers(1, END_STREAM, 'x-test: ok')],
    '5/1: an indexed field': [hpack('90')],
    '5/2: a literal with incremental indexing, indexed name': [hpack('7a 02 6f6b')],
    '5/3: the same, coded by Huffman': [hpack('7a 82 3f5f')],
    '5/4: a literal with incremental indexing, new name': [hpack('40 06 782d74657374 02 6f6b')],
    '5/6: a literal without indexing, indexed name': [hpack('0f0f 02 6f6b')],
    '5/10: a literal never indexed, indexed name': [hpack('1f0f 02 6f6b')],
    '5/12: a literal never indexed, new name': [hpack('10 06 782d74657374 02 6f6b')],
    '5/14: a dynamic table size update': [hpack('', '3f61')],
    '5/15: two of them': [hpack('', '20 3f61')],
  }
  for (const [name, frames] of Object.entries(taken)) {
    test(name, () => {
      assert.match(requests(...frames).join(), /^(GET|POST|HEAD) \/$/)
    })
  }
  verdicts(server, {
    '2/4: RST_STREAM on a half-closed stream': ['-', get, reset(1)],
    '3.4/1: RST_STREAM': ['-', post, reset(1)],
    '3.5/1: SETTINGS': ['-', settings([3, 10])],
    '3.7/1: PING': ['-', frame('PING', 0, 0, PING)],
    '3.8/1: GOAWAY': ['-', goaway(0)],
  })
  verdicts(answered, { '2/5: PRIORITY on a closed stream': ['-', frame('PRIORITY', 0, 1, '00000000 10')] })
})

describe('http2: frames and streams', () => {
  test('3.5/1: an invalid preface', () => {
    assert.equal(new RawClient().send(latin1('INVALID CONNECTION PREFACE\r\n\r\n')).verdict(), PROTOCOL)
  })
  test('3.5/2: SETTINGS comes first', () => {
    assert.match(new RawClient().send(PREFACE).heard()[0], /^SETTINGS$/)
  })
  verdicts(server, {
    '4.1/1: an unknown type': ['-', frame(0xff, 0, 0, PING), frame('PING', 0, 0, PING)],
    '4.1/2: flags that nobody has defined': ['-', frame('PING', 0x16, 0, PING)],
    '4.1/3: the reserved bit': ['-', frame('PING', 0, 0x80000000, PING)],
    '4.2/1: DATA of 2^14 octets': ['-', post, frame('DATA', END_STREAM, 1, large(16_384))],
    '4.2/2: DATA of more': ['stream 1 FRAME_SIZE_ERROR', post, frame('DATA', END_STREAM, 1, large(16_385))],
    '4.2/3: HEADERS of more': [SIZE, frame('HEADERS', END_HEADERS | END_STREAM, 1, large(16_385))],
    '4.3/1: a field block that is none': [COMPRESSION, frame('HEADERS', END_HEADERS | END_STREAM, 1, '40')],
    '4.3/2: PRIORITY within a field block': [
      PROTOCOL,
      frame('HEADERS', END_STREAM, 1, block(...GET)),
      frame('PRIORITY', 0, 1, '00000000 ff'),
      part(1, END_HEADERS, 'x-a: b'),
    ],
    '4.3/3: HEADERS of another stream within one': [
      PROTOCOL,
      frame('HEADERS', END_STREAM, 1, block(...GET)),
      headers(3, END_STREAM, ...GET),
    ],
    '5.1/1: idle: DATA': [PROTOCOL, data(1, 'test', END_STREAM)],
    '5.1/2: idle: RST_STREAM': [PROTOCOL, reset(1)],
    '5.1/3: idle: WINDOW_UPDATE': [PROTOCOL, windowUpdate(1, 100)],
    '5.1/4: idle: CONTINUATION': [PROTOCOL, part(1, END_HEADERS, 'x-a: b')],
    '5.1/5: half-closed (remote): DATA': [CLOSED_ONE, get, data(1, 'test', END_STREAM)],
    '5.1/6: half-closed (remote): HEADERS': [CLOSED_ONE, get, headers(1, END_STREAM, ...GET)],
    '5.1/7: half-closed (remote): CONTINUATION': [PROTOCOL, get, part(1, END_HEADERS, 'x-a: b')],
    '5.1/8: closed by a reset: DATA': [CLOSED_ONE, post, reset(1), data(1, 'test', END_STREAM)],
    '5.1/9: closed by a reset: HEADERS': [CLOSED_ONE, post, reset(1), headers(1, END_STREAM, ...GET)],
    '5.1/10: closed by a reset: CONTINUATION': [PROTOCOL, post, reset(1), part(1, END_HEADERS, 'x-a: b')],
    '5.1.1/1: an even number': [PROTOCOL, headers(2, END_STREAM, ...GET)],
    '5.1.1/2: a lower number': [PROTOCOL, headers(5, END_STREAM, ...GET), headers(3, END_STREAM, ...GET)],
    '5.3.1/1: HEADERS that depend on themselves': [
      MALFORMED,
      frame('HEADERS', PRIORITY | END_HEADERS | END_STREAM, 1, joined(hexBytes('00000001 ff'), block(...GET))),
    ],
    '5.3.1/2: PRIORITY that does': [MALFORMED, post, frame('PRIORITY', 0, 1, '00000001 ff')],
    '5.5/1: an extension': ['-', frame(0x16, 0, 1, PING), frame('PING', 0, 0, PING)],
    '5.5/2: an extension within a field block': [
      PROTOCOL,
      frame('HEADERS', END_STREAM, 1, block(...GET)),
      frame(0x16, 0, 0, PING),
      part(1, END_HEADERS, 'x-a: b'),
    ],
  })
  verdicts(answered, {
    '5.1/11: closed: DATA': [CLOSED, data(1, 'test', END_STREAM)],
    '5.1/12: closed: HEADERS': [CLOSED, headers(1, END_STREAM, ...GET)],
    '5.1/13: closed: CONTINUATION': [PROTOCOL, part(1, END_HEADERS, 'x-a: b')],
  })
  test('5.1.2/1: more streams than are taken', () => {
    const most = { settings: { maxConcurrentStreams: 2 } }
    const many = [1, 3, 5].map((stream) => headers(stream, 0, ...POST))
    assert.equal(server(many, most), 'stream 5 REFUSED_STREAM')
  })
  test('5.4.1/1 and /2: an error of the connection: GOAWAY with the last stream, and the connection ends', () => {
    const peer = RawClient.greeted().send(get, frame('PING', 0, 3, PING))
    assert.deepEqual(peer.heard().at(-1), 'GOAWAY PROTOCOL_ERROR 1')
    assert.equal(peer.send(frame('PING', 0, 0, PING)).heard().length, 0, 'nothing more is answered')
  })
})

describe('http2: frame definitions', () => {
  verdicts(server, {
    '6.1/1: DATA on stream 0': [PROTOCOL, data(0, 'test')],
    '6.1/2: DATA on a stream that is not open': [CLOSED_ONE, get, data(1, 'test')],
    '6.1/3: padding of DATA longer than it': [PROTOCOL, post, frame('DATA', PADDED | END_STREAM, 1, '06 5465 7374')],
    '6.2/1: PRIORITY behind HEADERS that go on': [
      PROTOCOL,
      frame('HEADERS', END_STREAM, 1, block(...GET)),
      frame('PRIORITY', 0, 1, '00000000 ff'),
    ],
    '6.2/2: HEADERS of another stream behind such': [
      PROTOCOL,
      frame('HEADERS', END_STREAM, 1, block(...GET)),
      headers(3, END_STREAM, ...GET),
    ],
    '6.2/3: HEADERS on stream 0': [PROTOCOL, headers(0, END_STREAM, ...GET)],
    '6.2/4: padding of HEADERS longer than they': [
      PROTOCOL,
      frame('HEADERS', PADDED | END_HEADERS | END_STREAM, 1, joined(hexBytes('ff'), block(...GET))),
    ],
    '6.3/1: PRIORITY on stream 0': [PROTOCOL, frame('PRIORITY', 0, 0, '00000001 ff')],
    '6.3/2: PRIORITY of another length than 5': ['stream 1 FRAME_SIZE_ERROR', post, frame('PRIORITY', 0, 1, '00000000')],
    '6.4/1: RST_STREAM on stream 0': [PROTOCOL, reset(0)],
    '6.4/2: RST_STREAM on an idle stream': [PROTOCOL, reset(1)],
    '6.4/3: RST_STREAM of another length than 4': [SIZE, post, frame('RST_STREAM', 0, 1, '000000')],
    '6.5/1: an acknowledgment of SETTINGS with a payload': [SIZE, frame('SETTINGS', ACK, 0, '00')],
    '6.5/2: SETTINGS on a stream': [PROTOCOL, frame('SETTINGS', 0, 1, '000300000064')],
    '6.5/3: SETTINGS of a length that is no multiple of 6': [SIZE, frame('SETTINGS', 0, 0, '000300')],
    '6.5.2/1: ENABLE_PUSH of 2': [PROTOCOL, settings([2, 2])],
    '6.5.2/2: INITIAL_WINDOW_SIZE of 2^31': [FLOW, settings([4, 0x80000000])],
    '6.5.2/3: MAX_FRAME_SIZE below 2^14': [PROTOCOL, settings([5, 16_383])],
    '6.5.2/4: MAX_FRAME_SIZE above 2^24 - 1': [PROTOCOL, settings([5, 0x1000000])],
    '6.5.2/5: an unknown setting': ['-', settings([0xff, 1])],
    '6.7/3: PING on a stream': [PROTOCOL, frame('PING', 0, 1, PING)],
    '6.7/4: PING of another length than 8': [SIZE, frame('PING', 0, 0, '001122334455')],
    '6.8/1: GOAWAY on a stream': [PROTOCOL, frame('GOAWAY', 0, 1, '0000000000000000')],
    '6.9/1: WINDOW_UPDATE of 0': [PROTOCOL, windowUpdate(0, 0)],
    '6.9/2: WINDOW_UPDATE of 0, of a stream': [MALFORMED, post, windowUpdate(1, 0)],
    '6.9/3: WINDOW_UPDATE of another length than 4': [SIZE, frame('WINDOW_UPDATE', 0, 0, '000001')],
    '6.9.1/2: a window of the connection over 2^31 - 1': [FLOW, windowUpdate(0, 0x7fffffff), windowUpdate(0, 0x7fffffff)],
    '6.9.1/3: a window of a stream over it': [
      'stream 1 FLOW_CONTROL_ERROR',
      post,
      windowUpdate(1, 0x7fffffff),
      // What follows on a stream that was reset is let pass.
      windowUpdate(1, 0x7fffffff),
    ],
    '6.9.2/3: INITIAL_WINDOW_SIZE over it': [FLOW, settings([4, 0x80000000])],
    '6.10/2: CONTINUATION, and then something else': [
      PROTOCOL,
      frame('HEADERS', END_STREAM, 1, block(...GET)),
      part(1, 0, 'x-a: b'),
      data(1, 'test'),
    ],
    '6.10/3: CONTINUATION on stream 0': [
      PROTOCOL,
      frame('HEADERS', END_STREAM, 1, block(...GET)),
      part(0, END_HEADERS, 'x-a: b'),
    ],
    '6.10/4: CONTINUATION behind HEADERS that have ended': [PROTOCOL, post, part(1, END_HEADERS, 'x-a: b')],
    '6.10/5: CONTINUATION behind one that has ended': [
      PROTOCOL,
      frame('HEADERS', 0, 1, block(...POST)),
      part(1, END_HEADERS, 'x-a: b'),
      part(1, END_HEADERS, 'x-c: d'),
    ],
    '6.10/6: CONTINUATION behind DATA': [PROTOCOL, post, data(1, 'test'), part(1, END_HEADERS, 'x-a: b')],
    '7/1: GOAWAY with an unknown code': ['-', frame('GOAWAY', 0, 0, '00000000 000000ff'), frame('PING', 0, 0, PING)],
    '7/2: RST_STREAM with an unknown code': ['-', post, frame('RST_STREAM', 0, 1, '000000ff'), frame('PING', 0, 0, PING)],
  })

  test('6.5.3/1 and 6.9.1/1: of two values the last holds, and no more DATA goes out than it allows', () => {
    const peer = RawClient.greeted({}, [4, 100], [4, 1]).send(get)
    peer.ours.respond(1, { status: 200, fields: [], body: 4 })
    peer.ours.sendBody(1, latin1('body'))
    assert.deepEqual(peer.heard().at(-1), "DATA[1] 'b'")
  })
  test('6.5.3/2: SETTINGS are acknowledged', () => {
    assert.deepEqual(
      RawClient.greeted()
        .send(settings([3, 1]))
        .heard(),
      ['SETTINGS ACK'],
    )
  })
  test('6.7/1 and /2: PING is answered, its answer is not', () => {
    const peer = RawClient.greeted().send(frame('PING', 0, 0, PING))
    assert.deepEqual(peer.heard(), ['PING 0011223344556677 ACK'])
    assert.deepEqual(peer.send(frame('PING', ACK, 0, PING)).heard(), [])
  })
  test('6.9.2/1: INITIAL_WINDOW_SIZE changes the window of streams that there are', () => {
    const peer = RawClient.greeted({}, [4, 0]).send(get)
    peer.ours.respond(1, { status: 200, fields: [], body: 4 })
    peer.ours.sendBody(1, latin1('body'))
    assert.ok(!peer.heard().some((line) => line.startsWith('DATA')), 'the window is shut')
    assert.deepEqual(peer.send(settings([4, 1])).heard(), ['SETTINGS ACK', "DATA[1] 'b'"])
  })
  test('6.9.2/2: a window may be below 0', () => {
    const peer = RawClient.greeted({}, [4, 3]).send(get)
    peer.ours.respond(1, { status: 200, fields: [], body: 6 })
    peer.ours.sendBody(1, latin1('bodies'))
    assert.deepEqual(peer.heard().at(-1), "DATA[1] 'bod'")
    assert.deepEqual(peer.send(settings([4, 2])).heard(), ['SETTINGS ACK'])
    assert.deepEqual(peer.send(windowUpdate(1, 1)).heard(), [], 'it is 0 now')
    assert.deepEqual(peer.send(windowUpdate(1, 1)).heard(), ["DATA[1] 'i'"])
  })
})

describe('http2: messages', () => {
  const plus = (line: string): Uint8Array => headers(1, END_STREAM, ...GET, line)
  const only = (...lines: readonly string[]): Uint8Array => headers(1, END_STREAM, ...lines)
  const without = (name: string): Uint8Array => only(...GET.filter((line) => !line.startsWith(name)))
  const sized = headers(1, 0, ...POST, 'content-length: 1')
  verdicts(server, {
    '8.1/1: a second HEADERS that does not end the stream': [MALFORMED, post, headers(1, 0, 'x-test: ok')],
    '8.1.2/1: upper case': [MALFORMED, plus('X-TEST: ok')],
    '8.1.2.1/1: an unknown pseudo-header field': [MALFORMED, plus(':test: ok')],
    '8.1.2.1/2: one of responses': [MALFORMED, only(...GET, ':status: 200')],
    '8.1.2.1/3: one in trailers': [MALFORMED, post, data(1, 'x'), headers(1, END_STREAM, ':method: 200')],
    '8.1.2.1/4: one behind other fields': [MALFORMED, only(...GET.slice(0, 3), 'x-test: ok', GET[3])],
    '8.1.2.2/1: Connection': [MALFORMED, plus('connection: keep-alive')],
    '8.1.2.2/2: TE other than trailers': [MALFORMED, plus('te: trailers, deflate')],
    '8.1.2.3/1: an empty path': [MALFORMED, only(GET[0], GET[1], ':path: ', GET[3])],
    '8.1.2.3/2: no method': [MALFORMED, without(':method')],
    '8.1.2.3/3: no scheme': [MALFORMED, without(':scheme')],
    '8.1.2.3/4: no path': [MALFORMED, without(':path')],
    '8.1.2.3/5: two methods': [MALFORMED, only(GET[0], ...GET)],
    '8.1.2.3/6: two schemes': [MALFORMED, only(GET[1], ...GET)],
    '8.1.2.3/7: two paths': [MALFORMED, only(GET[2], ...GET)],
    '8.1.2.6/1: another length than that of the content': [MALFORMED, sized, data(1, 'test', END_STREAM)],
    '8.1.2.6/2: the same, in several frames': [MALFORMED, sized, data(1, 'test'), data(1, 'test', END_STREAM)],
    '8.2/1: PUSH_PROMISE by a client': [PROTOCOL, get, push(1, 2, ...GET)],
  })
})

describe('hpack', () => {
  verdicts(server, {
    '2.3.3/1: an index of nothing': [COMPRESSION, hpack('c6')],
    '2.3.3/2: a literal whose name is an index of nothing': [COMPRESSION, hpack('7f07 02 6f6b')],
    '4.2/1: a table size update at the end of a block': [COMPRESSION, hpack('3f61')],
    '5.2/1: Huffman padding of more than 7 bits': [COMPRESSION, hpack('00 85 f2b24a84ff 84 49509fff')],
    '5.2/2: Huffman padding of zeros': [COMPRESSION, hpack('00 85 f2b24a84ff 83 495090')],
    '5.2/3: the end-of-string symbol': [COMPRESSION, hpack('00 85 f2b24a84ff 87 49509fffffffff')],
    '6.1/1: index 0': [COMPRESSION, hpack('80')],
    '6.3/1: a table larger than was granted': [COMPRESSION, hpack('', '3fe1ff03')],
  })
  test('padded as it should be', () => {
    assert.equal(server([hpack('00 85 f2b24a84ff 83 49509f')]), '-')
  })
})
