import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  block,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  GET,
  headers,
  hexBytes,
  joined,
  POST,
  RawClient,
  RawServer,
  reset,
} from './raw-peer.ts'
import { MALFORMED, server, client, verdicts } from './verdict.ts'

describe('8.1: messages', () => {
  verdicts(server, {
    'trailers behind content': ['-', headers(1, 0, ...POST), data(1, 'x'), headers(1, END_STREAM, 'x-sum: 1')],
    'trailers that do not end the message': [MALFORMED, headers(1, 0, ...POST), headers(1, 0, 'x-sum: 1')],
    'a pseudo-header field in trailers': [MALFORMED, headers(1, 0, ...POST), headers(1, END_STREAM, ':path: /')],
  })
  verdicts(client, {
    'content before the head': [MALFORMED, data(1, 'x')],
    'a 1xx response that ends the stream': [MALFORMED, headers(1, END_STREAM, ':status: 103')],
    'several 1xx responses and one other': [
      '-',
      headers(1, 0, ':status: 100'),
      headers(1, 0, ':status: 103'),
      headers(1, END_STREAM, ':status: 200'),
    ],
    'two final responses': [MALFORMED, headers(1, 0, ':status: 200'), headers(1, 0, ':status: 200')],
    '101, which HTTP/2 does not have (8.6)': [MALFORMED, headers(1, 0, ':status: 101')],
  })
  test('a server may answer early, and ask for the rest not to be sent', () => {
    const peer = RawClient.greeted().send(headers(1, 0, ...POST))
    peer.ours.respond(1, { status: 413, fields: [], body: 0 })
    peer.ours.cancel(1, 'NO_ERROR')
    assert.deepEqual(peer.heard(), ['HEADERS[1] :status: 413, content-length: 0 END', 'RST_STREAM[1] NO_ERROR'])
    const back = RawServer.greeted()
    back.request({ method: 'POST', body: 'unknown' })
    back.send(headers(1, END_STREAM, ':status: 413'), reset(1, 'NO_ERROR'))
    assert.deepEqual(
      back.told().map((event) => (event.type === 'reset' ? event.error.code : event.type)),
      ['response', 'end', 'NO_ERROR'],
    )
  })
})

describe('8.1.1: malformed messages, Content-Length', () => {
  const five = [...POST, 'content-length: 5']
  verdicts(server, {
    'as long as it says': ['-', headers(1, 0, ...five), data(1, 'he'), data(1, 'llo', END_STREAM)],
    'longer, told at once': [MALFORMED, headers(1, 0, ...five), data(1, 'hello!')],
    shorter: [MALFORMED, headers(1, 0, ...five), data(1, 'hell', END_STREAM)],
    'shorter, before trailers': [MALFORMED, headers(1, 0, ...five), data(1, 'hell'), headers(1, END_STREAM, 'x: y')],
    'nothing at all': [MALFORMED, headers(1, END_STREAM, ...five)],
    'two different ones': [MALFORMED, headers(1, 0, ...five, 'content-length: 6')],
    'two alike': ['-', headers(1, 0, ...five, 'content-length: 5'), data(1, 'hello', END_STREAM)],
    'no number': [MALFORMED, headers(1, 0, ...POST, 'content-length: +5')],
  })
  verdicts(client, {
    'a response shorter than it says': [MALFORMED, headers(1, 0, ':status: 200', 'content-length: 2'), data(1, 'x', END_STREAM)],
    '304 says what a GET would have had': ['-', headers(1, END_STREAM, ':status: 304', 'content-length: 2')],
    '204 with content': [MALFORMED, headers(1, 0, ':status: 204'), data(1, 'x', END_STREAM)],
  })
  test('HEAD: Content-Length without content, and no content', () => {
    const head = (frames: readonly Uint8Array[]): string => client(frames, {}, 'HEAD')
    assert.equal(head([headers(1, END_STREAM, ':status: 200', 'content-length: 7')]), '-')
    assert.equal(head([headers(1, 0, ':status: 200', 'content-length: 7'), data(1, '', END_STREAM)]), '-')
    assert.equal(head([headers(1, 0, ':status: 200', 'content-length: 7'), data(1, 'content')]), MALFORMED)
  })
})

describe('8.2: fields', () => {
  const plus = (...lines: readonly string[]): Uint8Array => headers(1, END_STREAM, ...GET, ...lines)
  verdicts(server, {
    '8.2.1: upper case in a name': [MALFORMED, plus('X-Upper: 1')],
    '8.2.1: a space in a name': [MALFORMED, plus('x y: 1')],
    '8.2.1: a control character in a name': [MALFORMED, plus('x\x7f: 1')],
    '8.2.1: octets over 0x7f in a name': [MALFORMED, plus('x\xe4: 1')],
    '8.2.1: a colon in a name': [MALFORMED, plus('x:y: 1')],
    '8.2.1: an empty name': [
      MALFORMED,
      frame('HEADERS', END_HEADERS | END_STREAM, 1, joined(block(...GET), hexBytes('00 00 0161'))),
    ],
    '8.2.1: LF in a value': [MALFORMED, plus('x: a\nb')],
    '8.2.1: CR in a value': [MALFORMED, plus('x: a\rb')],
    '8.2.1: NUL in a value': [MALFORMED, plus('x: a\0b')],
    '8.2.1: a space before a value': [MALFORMED, plus('x:  a')],
    '8.2.1: a tab behind a value': [MALFORMED, plus('x: a\t')],
    '8.2.1: octets over 0x7f, tabs and spaces within a value': ['-', plus('x: a\xff \tb')],
    '8.2.2: Connection': [MALFORMED, plus('connection: keep-alive')],
    '8.2.2: Proxy-Connection': [MALFORMED, plus('proxy-connection: keep-alive')],
    '8.2.2: Keep-Alive': [MALFORMED, plus('keep-alive: 5')],
    '8.2.2: Transfer-Encoding': [MALFORMED, plus('transfer-encoding: chunked')],
    '8.2.2: Upgrade': [MALFORMED, plus('upgrade: h2c')],
    '8.2.2: TE other than trailers': [MALFORMED, plus('te: gzip')],
    '8.2.2: TE: trailers': ['-', plus('te: trailers')],
  })
  verdicts(client, {
    '8.2.2: Connection in a response': [MALFORMED, headers(1, END_STREAM, ':status: 200', 'connection: close')],
    '8.2.1: upper case in trailers': [MALFORMED, headers(1, 0, ':status: 200'), headers(1, END_STREAM, 'X: y')],
  })
  test('8.2.3: cookies that were split come as one', () => {
    const peer = RawClient.greeted().send(plus('cookie: a=b', 'x: y', 'cookie: c=d'))
    const [request] = peer.told()
    assert.ok(request.type === 'request', `told ${request.type}`)
    assert.deepEqual(request.fields, [
      { name: 'cookie', value: 'a=b; c=d' },
      { name: 'x', value: 'y' },
    ])
  })
  test('we send no such fields, and names in lower case', () => {
    const peer = RawServer.greeted()
    const bad = ['Connection', 'transfer-encoding', 'a b', '', ':path']
    for (const name of bad) assert.throws(() => peer.request({ fields: [{ name, value: 'x' }] }), RangeError, name)
    for (const value of ['a\r\nb', ' a', 'a ', '\u0100']) {
      assert.throws(() => peer.request({ fields: [{ name: 'x', value }] }), RangeError, value)
    }
    peer.ours.request({
      method: 'GET',
      scheme: 'http',
      authority: 'bob',
      path: '/',
      fields: [{ name: 'X-Y', value: 'Z' }],
      body: 0,
    })
    assert.match(peer.heard()[0], /, x-y: Z END$/)
  })
})

describe('8.3: pseudo-header fields', () => {
  const only = (...lines: readonly string[]): Uint8Array => headers(1, END_STREAM, ...lines)
  const without = (name: string): Uint8Array => only(...GET.filter((line) => !line.startsWith(name)))
  verdicts(server, {
    'an unknown one': [MALFORMED, only(...GET, ':unknown: x')],
    'the one of responses in a request': [MALFORMED, only(...GET, ':status: 200')],
    'behind other fields': [MALFORMED, only(...GET.slice(0, 3), 'x: y', GET[3])],
    'twice: method': [MALFORMED, only(GET[0], ...GET)],
    'twice: path': [MALFORMED, only(...GET, GET[2])],
    'twice: scheme': [MALFORMED, only(...GET, GET[1])],
    'twice: authority': [MALFORMED, only(...GET, GET[3])],
    'without a method': [MALFORMED, without(':method')],
    'without a scheme': [MALFORMED, without(':scheme')],
    'without a path': [MALFORMED, without(':path')],
    'without an authority and Host': [MALFORMED, without(':authority')],
    'with Host in place of the authority': ['-', only(...GET.slice(0, 3), 'host: bob')],
    'with Host like the authority': ['-', only(...GET, 'host: BOB')],
    'with another Host than the authority': [MALFORMED, only(...GET, 'host: mallory')],
    'an empty path': [MALFORMED, only(GET[0], GET[1], ':path: ', GET[3])],
    'a path without its slash': [MALFORMED, only(GET[0], GET[1], ':path: a', GET[3])],
    'a path with a space': [MALFORMED, only(GET[0], GET[1], ':path: /a b', GET[3])],
    'an asterisk, other than for OPTIONS': [MALFORMED, only(GET[0], GET[1], ':path: *', GET[3])],
    'an asterisk for OPTIONS': ['-', only(':method: OPTIONS', GET[1], ':path: *', GET[3])],
    'userinfo in the authority': [MALFORMED, only(...GET.slice(0, 3), ':authority: alice@bob')],
    'a method that is no token': [MALFORMED, only(':method: GE T', ...GET.slice(1))],
  })
  verdicts(client, {
    'a response without a status': [MALFORMED, only('x: y')],
    'a status that is none': [MALFORMED, only(':status: 20')],
    'two of them': [MALFORMED, only(':status: 200', ':status: 200')],
    'one of requests': [MALFORMED, only(':status: 200', ':path: /')],
  })
})

describe('8.5: CONNECT, and RFC 8441: extended CONNECT', () => {
  const connect = (...lines: readonly string[]): Uint8Array => headers(1, 0, ':method: CONNECT', ...lines)
  const extended = connect(':protocol: websocket', ':scheme: https', ':path: /chat', ':authority: bob')
  verdicts(server, {
    'with its authority only': ['-', connect(':authority: bob:443'), data(1, 'anything'), data(1, '', END_STREAM)],
    'with a path': [MALFORMED, connect(':authority: bob:443', ':path: /')],
    'with a scheme': [MALFORMED, connect(':authority: bob:443', ':scheme: https')],
    'without an authority': [MALFORMED, connect('host: bob:443')],
    'extended, where it was not agreed on': [MALFORMED, extended],
  })
  test('extended, where it was announced', () => {
    const peer = RawClient.greeted({ settings: { enableConnectProtocol: true } }).send(extended)
    const [request] = peer.told()
    assert.ok(request.type === 'request', `told ${request.type}`)
    assert.equal(request.protocol, 'websocket')
    assert.equal(peer.ours.respond(1, { status: 200, fields: [], body: 'unknown' }), true)
    assert.deepEqual(peer.heard(), ['HEADERS[1] :status: 200'])
    assert.equal(peer.send(headers(3, END_STREAM, ...GET, ':protocol: websocket')).verdict(), 'stream 3 PROTOCOL_ERROR')
  })
  test('a client asks for it only where it was announced', () => {
    const request = { method: 'CONNECT', scheme: 'https', path: '/chat', protocol: 'websocket', body: 'unknown' } as const
    assert.throws(() => RawServer.greeted().request(request), /extended CONNECT/)
    assert.equal(RawServer.greeted({}, [8, 1]).request(request), 1)
  })
})

describe('8.7: requests that can be tried again', () => {
  test('REFUSED_STREAM, and what was never sent', () => {
    const peer = RawServer.greeted()
    peer.request()
    peer.request()
    peer.told()
    peer.send(reset(1, 'REFUSED_STREAM'), reset(3, 'CANCEL'))
    assert.deepEqual(
      peer.told().map((event) => event.type === 'reset' && event.isUnprocessed),
      [true, false],
    )
    peer.request()
    peer.ours.request({ method: 'GET', scheme: 'http', authority: 'bob', path: '/', fields: [], body: 0 })
    peer.ours.handleEnd(0)
    const closed = peer.told().at(-1)
    assert.ok(closed?.type === 'closed', 'it is closed')
    assert.deepEqual([closed.broken, closed.unprocessed, closed.error?.code], [[5, 7], [7], 'INCOMPLETE'])
  })
})
