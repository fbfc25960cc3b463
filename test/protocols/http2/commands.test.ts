import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Http2Client } from '../../../src/protocols/http2/client.ts'
import { LocalProtocolError } from '../../../src/protocols/local-protocol-error.ts'
import { Http2Server } from '../../../src/protocols/http2/server.ts'
import { data, END_STREAM, GET, goaway, headers, POST, push, RawClient, RawServer, reset } from './raw-peer.ts'

/* What an owner may ask an endpoint for, and what it may not. */

const STYLE = { method: 'GET', scheme: 'http', authority: 'bob', path: '/style', fields: [] }

describe('responses', () => {
  test('a body wanted or not', () => {
    const respond = (lines: readonly string[], status: number, body: number | 'unknown'): string => {
      const peer = RawClient.greeted().send(headers(1, END_STREAM, ...lines))
      const wanted = peer.ours.respond(1, { status, fields: [], body })
      return `${String(wanted)} ${peer.heard().join()}`
    }
    const head = [':method: HEAD', ...GET.slice(1)]
    assert.equal(respond(GET, 200, 5), 'true HEADERS[1] :status: 200, content-length: 5')
    assert.equal(respond(GET, 200, 'unknown'), 'true HEADERS[1] :status: 200')
    assert.equal(respond(GET, 200, 0), 'false HEADERS[1] :status: 200, content-length: 0 END')
    assert.equal(respond(head, 200, 5), 'false HEADERS[1] :status: 200, content-length: 5 END')
    assert.equal(respond(GET, 304, 5), 'false HEADERS[1] :status: 304, content-length: 5 END')
    assert.equal(respond(GET, 204, 0), 'false HEADERS[1] :status: 204 END')
  })

  test('1xx before the final one, and no second of that', () => {
    const peer = RawClient.greeted().send(headers(1, 0, ...POST))
    peer.ours.inform(1, 100)
    peer.ours.inform(1, 103, [{ name: 'Link', value: '</style>' }])
    peer.ours.respond(1, { status: 200, fields: [], body: 'unknown' })
    assert.deepEqual(peer.heard(), [
      'HEADERS[1] :status: 100',
      'HEADERS[1] :status: 103, link: </style>',
      'HEADERS[1] :status: 200',
    ])
    assert.throws(() => {
      peer.ours.inform(1, 103)
    }, LocalProtocolError)
    assert.throws(() => peer.ours.respond(1, { status: 200, fields: [], body: 0 }), LocalProtocolError)
  })

  test('what is no response', () => {
    const peer = RawClient.greeted().send(headers(1, END_STREAM, ...GET))
    const respond = (status: number, body: number | 'unknown', name = 'x'): void => {
      peer.ours.respond(1, { status, fields: [{ name, value: 'y' }], body })
    }
    for (const status of [0, 100, 199, 600, 200.5]) {
      assert.throws(() => {
        respond(status, 0)
      }, LocalProtocolError)
    }
    assert.throws(() => {
      respond(204, 1)
    }, LocalProtocolError)
    for (const body of [-1, 0.5, NaN]) {
      assert.throws(() => {
        respond(200, body)
      }, RangeError)
    }
    assert.throws(() => {
      respond(200, 1, 'Content-Length')
    }, RangeError)
    for (const status of [99, 101, 200]) {
      assert.throws(() => {
        peer.ours.inform(1, status)
      }, LocalProtocolError)
    }
    // Nothing of it has gone out, and none of it is in the way.
    respond(200, 0)
    assert.deepEqual(peer.heard(), ['HEADERS[1] :status: 200, x: y, content-length: 0 END'])
  })

  test('to a request that was reset in the meantime, everything is harmless', () => {
    const peer = RawClient.greeted().send(headers(1, END_STREAM, ...GET), reset(1))
    assert.equal(peer.ours.respond(1, { status: 200, fields: [], body: 3 }), false)
    peer.ours.sendBody(1, new Uint8Array(3))
    peer.ours.endBody(1)
    peer.ours.cancel(1)
    peer.ours.consume(1, 10)
    assert.equal(peer.ours.push(1, STYLE), 0)
    assert.deepEqual(peer.heard(), [])
  })
})

describe('pushes', () => {
  test('a promise, its response, and what cannot be promised', () => {
    const peer = RawClient.greeted().send(headers(1, END_STREAM, ...GET))
    assert.equal(peer.ours.push(1, STYLE), 2)
    assert.throws(() => peer.ours.push(1, { ...STYLE, method: 'POST' }), LocalProtocolError)
    assert.throws(() => peer.ours.push(2, STYLE), LocalProtocolError)
    assert.throws(() => peer.ours.push(3, STYLE), LocalProtocolError)
    assert.throws(() => peer.ours.push(1, { ...STYLE, path: 'style' }), RangeError)
    peer.ours.respond(2, { status: 200, fields: [], body: 1 })
    peer.ours.sendBody(2, Uint8Array.of(0x61))
    peer.ours.endBody(2)
    assert.deepEqual(peer.heard(), [
      'PUSH_PROMISE[1] 2 :method: GET, :scheme: http, :authority: bob, :path: /style',
      'HEADERS[2] :status: 200, content-length: 1',
      "DATA[2] 'a' END",
    ])
    assert.equal(peer.ours.openStreams, 1)
  })

  test('none where the client takes none, or no more at once, or has said goodbye', () => {
    const canPush = (...pairs: [number, number][]): boolean => RawClient.greeted({}, ...pairs).ours.canPush
    assert.equal(canPush(), true)
    assert.equal(canPush([2, 0]), false)
    assert.equal(canPush([3, 0]), false)
    const peer = RawClient.greeted({}, [3, 1]).send(headers(1, END_STREAM, ...GET))
    peer.ours.push(1, STYLE)
    assert.equal(peer.ours.canPush, false)
    peer.send(reset(2))
    assert.equal(peer.ours.canPush, true)
    peer.send(goaway(0))
    assert.equal(peer.ours.canPush, false)
    assert.throws(() => peer.ours.push(1, STYLE), LocalProtocolError)
  })

  test('a client gives one up, before it comes and in its middle', () => {
    const peer = RawServer.greeted({ settings: { enablePush: true } })
    peer.request()
    peer.send(push(1, 2, ...GET), push(1, 4, ...GET), headers(4, 0, ':status: 200'))
    assert.deepEqual(
      peer.told().map((event) => ('stream' in event ? `${event.type} ${String(event.stream)}` : event.type)),
      ['pushed 2', 'pushed 4', 'response 4'],
    )
    peer.ours.cancel(2)
    peer.ours.cancel(4)
    assert.deepEqual(peer.heard(), ['RST_STREAM[2] CANCEL', 'RST_STREAM[4] CANCEL'])
    peer.send(headers(2, 0, ':status: 200'), data(2, 'late'), data(4, 'late', END_STREAM))
    assert.deepEqual(peer.told(), [])
    assert.equal(peer.ours.openStreams, 1)
  })

  test('a server hears that one was given up', () => {
    const peer = RawClient.greeted().send(headers(1, END_STREAM, ...GET))
    peer.told()
    peer.ours.push(1, STYLE)
    const [event] = peer.send(reset(2, 'REFUSED_STREAM')).told()
    assert.ok(event.type === 'reset', `told ${event.type}`)
    assert.deepEqual([event.stream, event.error.code, event.isUnprocessed], [2, 'REFUSED_STREAM', true])
  })
})

describe('requests', () => {
  test('with a body of a length, of an unknown one, and none', () => {
    const peer = RawServer.greeted()
    const request = { method: 'POST', scheme: 'http', authority: 'bob', path: '/', fields: [] }
    peer.ours.request({ ...request, body: 2 })
    peer.ours.sendBody(1, Uint8Array.of(0x68))
    peer.ours.sendBody(1, Uint8Array.of(0x69))
    peer.ours.endBody(1)
    peer.ours.request({ ...request, body: 'unknown' })
    peer.ours.endBody(3, [{ name: 'X-Sum', value: '1' }])
    peer.ours.request({ ...request, body: 0 })
    const head = ':method: POST, :scheme: http, :authority: bob, :path: /'
    assert.deepEqual(peer.heard(), [
      `HEADERS[1] ${head}, content-length: 2`,
      `HEADERS[3] ${head}`,
      `HEADERS[5] ${head}, content-length: 0 END`,
      "DATA[1] 'hi' END",
      'HEADERS[3] x-sum: 1 END',
    ])
  })

  test('what is no request', () => {
    const peer = RawServer.greeted()
    const wrong = [
      { path: '' },
      { path: 'a' },
      { method: 'G T' },
      { scheme: '' },
      { authority: '' },
      { authority: 'a@b' },
      { body: -1 },
    ]
    for (const part of wrong) assert.throws(() => peer.request(part), RangeError, JSON.stringify(part))
    assert.throws(() => peer.request({ method: 'CONNECT', body: 0 }), LocalProtocolError)
    assert.deepEqual(peer.heard(), [])
    assert.equal(peer.request(), 1)
  })

  test('a goodbye: what was asked for still comes, and then it is over', () => {
    const peer = RawServer.greeted()
    peer.request()
    peer.ours.shutdown()
    assert.deepEqual(peer.heard(), ['GOAWAY NO_ERROR 0'])
    assert.equal(peer.ours.canRequest, false)
    assert.equal(peer.ours.finished, false)
    peer.send(headers(1, 0, ':status: 200'), data(1, 'x', END_STREAM))
    assert.deepEqual(
      peer.told().map(({ type }) => type),
      ['response', 'data', 'end', 'closed'],
    )
    assert.equal(peer.ours.finished, true)
    const idle = RawServer.greeted()
    idle.ours.shutdown()
    assert.equal(idle.ours.finished, true)
  })
})

describe('options', () => {
  test('values that there are not', () => {
    assert.throws(() => new Http2Client({ settings: { maxFrameSize: 100 } }), RangeError)
    assert.throws(() => new Http2Client({ settings: { initialWindowSize: 2 ** 31 } }), RangeError)
    assert.throws(() => new Http2Server({ settings: { headerTableSize: -1 } }), RangeError)
    assert.throws(() => new Http2Server({ connectionWindow: 1000 }), RangeError)
    assert.throws(() => new Http2Server({ frameSize: 0 }), RangeError)
  })

  test('a client announces what Chromium does, a server what differs from the initial values', () => {
    const announced = (bytes: Uint8Array | undefined, from: number): [number, number][] => {
      const view = Buffer.from(bytes ?? [])
      const pairs: [number, number][] = []
      for (let at = from + 9; at < from + 9 + view.readUIntBE(from, 3); at += 6)
        pairs.push([view.readUInt16BE(at), view.readUInt32BE(at + 2)])
      return pairs
    }
    assert.deepEqual(announced(new Http2Client().pollTransmit(0), 24), [
      [1, 65_536],
      [2, 0],
      [4, 6_291_456],
      [6, 262_144],
      [9, 1],
    ])
    assert.deepEqual(announced(new Http2Server().pollTransmit(0), 0), [
      [3, 128],
      [4, 1_048_576],
      [6, 65_536],
      [9, 1],
    ])
  })
})
