import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { data, frame, GET, headers, hexBytes, last, on, POST, RawClient, RawServer } from './raw-peer.ts'
import { client, FRAME, ID, MALFORMED, server, UNEXPECTED, verdicts } from './verdict.ts'

describe('4.1: messages', () => {
  verdicts(server, {
    'trailers behind content': ['-', last(0, headers(...POST), data('x'), headers('x-sum: 1'))],
    'a frame of an unknown type anywhere': ['-', last(0, frame(0x21, '00'), headers(...GET), frame(0x40, '0000'))],
    'content before the head': [UNEXPECTED, on(0, data('x'))],
    'content behind trailers': [UNEXPECTED, on(0, headers(...POST), headers('x: 1'), data('x'))],
    'a third field section': [UNEXPECTED, on(0, headers(...POST), headers('x: 1'), headers('y: 1'))],
    'a stream without a request': ['stream 0 H3_REQUEST_INCOMPLETE', last(0)],
    'a stream with nothing but an unknown frame': ['stream 0 H3_REQUEST_INCOMPLETE', last(0, frame(0x21))],
    'a pseudo-header field in trailers': [MALFORMED, last(0, headers(...POST), headers(':path: /'))],
  })
  verdicts(client, {
    'several 1xx responses and one other': [
      '-',
      last(0, headers(':status: 100'), headers(':status: 103', 'link: x'), headers(':status: 200')),
    ],
    'content before the head': [UNEXPECTED, on(0, data('x'))],
    'content behind a 1xx response': [UNEXPECTED, on(0, headers(':status: 103'), data('x'))],
    'nothing but a 1xx response': [MALFORMED, last(0, headers(':status: 103'))],
    'nothing at all': [MALFORMED, last(0)],
    'two final responses': [MALFORMED, on(0, headers(':status: 200'), headers(':status: 200'))],
    '101, which HTTP/3 does not have (4.5)': [MALFORMED, on(0, headers(':status: 101'))],
  })

  test('a server may answer early, and ask for the rest not to be sent', () => {
    const peer = RawClient.greeted().send(on(0, headers(...POST)))
    peer.ours.respond(0, { status: 413, fields: [], body: 0 })
    peer.ours.cancel(0, 'H3_NO_ERROR')
    assert.deepEqual(peer.heard(), [
      'HEADERS[0] :status: 413, content-length: 0',
      'END[0]',
      'STOP[0] H3_NO_ERROR',
      'QPACK decoder: 40',
    ])
    const back = RawServer.greeted()
    back.request({ method: 'POST', body: 'unknown' })
    back.send({ stream: 0, stop: 'H3_NO_ERROR' }, last(0, headers(':status: 413')))
    assert.deepEqual(
      back.told().map(({ type }) => type),
      ['response', 'end'],
    )
    back.ours.sendBody(0, new Uint8Array(10))
    assert.deepEqual(back.heard(), [], 'nobody wants the body')
  })

  test('4.1.1: a server that does not want a request says so by H3_REQUEST_REJECTED; the client may send it again', () => {
    const peer = RawServer.greeted()
    peer.request()
    peer.request()
    peer.send({ stream: 0, reset: 'H3_REQUEST_REJECTED' }, { stream: 4, reset: 'H3_INTERNAL_ERROR' })
    const resets = peer.told().flatMap((event) => (event.type === 'reset' ? [[event.error.code, event.isUnprocessed]] : []))
    assert.deepEqual(resets, [
      ['H3_REQUEST_REJECTED', true],
      ['H3_INTERNAL_ERROR', false],
    ])
  })

  test('9: an error code that nobody knows is H3_NO_ERROR', () => {
    const peer = RawServer.greeted()
    peer.request()
    peer.tell({ type: 'stream-reset', stream: 0, code: 0x21 })
    assert.deepEqual(
      peer.told().map((event) => (event.type === 'reset' ? event.error.code : event.type)),
      ['H3_NO_ERROR'],
    )
  })

  test('a client gives up a request: both directions, once', () => {
    const peer = RawServer.greeted()
    peer.request()
    peer.ours.cancel(0)
    peer.ours.cancel(0)
    assert.deepEqual(peer.heard(), ['RESET[0] H3_REQUEST_CANCELLED', 'STOP[0] H3_REQUEST_CANCELLED', 'QPACK decoder: 40'])
    peer.send(on(0, headers(':status: 200')))
    assert.deepEqual([peer.told(), peer.transport.unconsumed], [[], 0])
  })
})

describe('4.1.2: malformed messages, Content-Length', () => {
  const five = [...POST, 'content-length: 5']
  verdicts(server, {
    'as long as it says': ['-', on(0, headers(...five), data('he')), last(0, data('llo'))],
    'longer, told at once': [MALFORMED, on(0, headers(...five), data('hello!'))],
    shorter: [MALFORMED, last(0, headers(...five), data('hell'))],
    'shorter, before trailers': [MALFORMED, last(0, headers(...five), data('hell'), headers('x: y'))],
    'nothing at all': [MALFORMED, last(0, headers(...five))],
  })
  test('none to HEAD, whatever Content-Length says', () => {
    assert.equal(client([last(0, headers(':status: 200', 'content-length: 5'))], {}, 'HEAD'), '-')
    assert.equal(client([last(0, headers(':status: 200', 'content-length: 5'))]), MALFORMED)
    assert.equal(client([last(0, headers(':status: 304', 'content-length: 5'))]), '-')
  })
})

describe('4.2, 4.3: fields', () => {
  verdicts(server, {
    'upper case': [MALFORMED, on(0, headers(...GET, 'X-A: 1'))],
    'a field of the connection': [MALFORMED, on(0, headers(...GET, 'connection: close'))],
    'TE: trailers': ['-', on(0, headers(...GET, 'te: trailers'))],
    'any other TE': [MALFORMED, on(0, headers(...GET, 'te: gzip'))],
    'a pseudo-header field behind others': [MALFORMED, on(0, headers('x: 1', ...GET))],
    'one twice': [MALFORMED, on(0, headers(...GET, ':path: /'))],
    'one that nobody knows': [MALFORMED, on(0, headers(...GET, ':x: 1'))],
    'one of responses': [MALFORMED, on(0, headers(...GET, ':status: 200'))],
    'no path': [MALFORMED, on(0, headers(...GET.slice(0, 2), ':authority: bob'))],
    'an empty path': [MALFORMED, on(0, headers(':method: GET', ':scheme: https', ':path: ', ':authority: bob'))],
    'a Host that says something else': [MALFORMED, on(0, headers(...GET, 'host: alice'))],
    'a line feed in a value': [MALFORMED, on(0, headers(...GET, 'x: a\nb'))],
  })
  verdicts(client, {
    'no status': [MALFORMED, on(0, headers('x: 1'))],
    'a status that is none': [MALFORMED, on(0, headers(':status: 20'))],
    'a field of the connection': [MALFORMED, on(0, headers(':status: 200', 'transfer-encoding: chunked'))],
  })

  test('4.2.2: a request whose fields are too large is answered with 431, and is not told', () => {
    const peer = RawClient.greeted({ settings: { maxFieldSectionSize: 200 } })
    peer.send(on(0, headers(...POST, `x: ${'y'.repeat(200)}`)))
    assert.deepEqual(peer.heard(), [
      'HEADERS[0] :status: 431, content-length: 0',
      'END[0]',
      'STOP[0] H3_NO_ERROR',
      'QPACK decoder: 40',
    ])
    assert.deepEqual(peer.told(), [])
    peer.send(on(0, data('more')))
    assert.deepEqual([peer.ours.openStreams, peer.transport.unconsumed], [0, 0])
  })
  test('4.2.2: a response with such fields is the end of its stream', () => {
    const judged = client([on(0, headers(':status: 200', `x: ${'y'.repeat(200)}`))], { settings: { maxFieldSectionSize: 200 } })
    assert.equal(judged, 'stream 0 H3_EXCESSIVE_LOAD')
  })
  test('10.5.1: a field section beyond all measure is not even kept', () => {
    const judged = server([on(0, hexBytes('01 80030000'))])
    assert.equal(judged, 'stream 0 H3_EXCESSIVE_LOAD')
  })

  test('what is told of a request', () => {
    const peer = RawClient.greeted().send(last(0, headers(...GET, 'cookie: a=1', 'cookie: b=2', 'priority: u=1')))
    const [request, end] = peer.told()
    assert.deepEqual(request, {
      type: 'request',
      stream: 0,
      method: 'GET',
      scheme: 'https',
      authority: 'bob',
      path: '/',
      fields: [
        { name: 'cookie', value: 'a=1; b=2' },
        { name: 'priority', value: 'u=1' },
      ],
    })
    assert.equal(end.type, 'end')
  })
})

describe('4.4: CONNECT, and RFC 9220', () => {
  const connect = [':method: CONNECT', ':authority: bob:80']
  const extended = [':method: CONNECT', ':protocol: websocket', ':scheme: https', ':path: /chat', ':authority: bob']
  verdicts(server, {
    'a tunnel': ['-', on(0, headers(...connect), data('any'))],
    'one with a path': [MALFORMED, on(0, headers(...connect, ':path: /'))],
    'trailers in a tunnel': [UNEXPECTED, on(0, headers(...connect), headers('x: 1'))],
    'extended CONNECT that was not offered': [MALFORMED, on(0, headers(...extended))],
  })
  test('extended CONNECT that was offered', () => {
    const peer = RawClient.greeted({ settings: { enableConnectProtocol: true } }).send(on(0, headers(...extended)))
    const [request] = peer.told()
    assert.ok(request.type === 'request' && request.protocol === 'websocket', 'the protocol is told')
    peer.ours.respond(0, { status: 200, fields: [], body: 'unknown' })
    peer.ours.sendBody(0, new Uint8Array(3))
    assert.deepEqual(peer.heard(), ['HEADERS[0] :status: 200', "DATA[0] '\0\0\0'"])
  })
  test('a client uses it only where the server speaks it', () => {
    const chat = { method: 'CONNECT', protocol: 'websocket', body: 'unknown' } as const
    assert.throws(() => RawServer.greeted().request(chat), /extended CONNECT/)
    const peer = RawServer.greeted({}, [8, 1])
    assert.equal(peer.request(chat), 0)
  })
})

describe('4.6, 7.2.5: there is no push', () => {
  verdicts(client, {
    'a promise': [ID, on(0, frame('PUSH_PROMISE', '00 0000 d1'))],
    'a push stream': [ID, on(15, hexBytes('0100'))],
  })
  verdicts(server, {
    'a promise by a client': [UNEXPECTED, on(0, headers(...GET), frame('PUSH_PROMISE', '00 0000 d1'))],
  })
})

describe('7.1: frames', () => {
  verdicts(server, {
    'a stream that ends in a frame header': [FRAME, last(0, headers(...GET), hexBytes('00'))],
    'a stream that ends in content': [FRAME, last(0, headers(...POST), hexBytes('0005 61'))],
    'a stream that ends in a field section': [FRAME, last(0, hexBytes('0105 0000'))],
    'an endless frame that is skipped': ['-', on(0, hexBytes('21 ffffffffffffff'))],
    'a length of eight bytes where one would do': ['-', last(0, headers(...POST), hexBytes('00 c000000000000001 61'))],
    'a frame longer than a stream': [FRAME, on(0, headers(...POST), hexBytes('00 ffffffffffffffff'))],
  })
  for (const type of [0x2, 0x6, 0x8, 0x9]) {
    test(`7.2.8: HTTP/2's type ${String(type)}`, () => {
      assert.equal(server([on(0, headers(...GET), frame(type))]), UNEXPECTED)
      assert.equal(server([on(2, frame(type))]), UNEXPECTED)
    })
  }
  for (const type of ['SETTINGS', 'GOAWAY', 'MAX_PUSH_ID', 'CANCEL_PUSH', 'PRIORITY_UPDATE'] as const) {
    test(`7.2: ${type} on a request's stream`, () => {
      assert.equal(server([on(0, frame(type, '00'))]), UNEXPECTED)
    })
  }
})
