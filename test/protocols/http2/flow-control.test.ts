import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LocalProtocolError } from '../../../src/protocols/local-protocol-error.ts'
import {
  data,
  END_STREAM,
  frame,
  GET,
  headers,
  hexBytes,
  joined,
  PADDED,
  POST,
  RawClient,
  RawServer,
  settings,
  settingsAck,
  windowUpdate,
} from './raw-peer.ts'

/* RFC 9113 section 5.2 and 6.9. */

const FLOW = 'FLOW_CONTROL_ERROR'
const bytes = (length: number): Uint8Array => new Uint8Array(length)

/** A server of ours that answers stream 1 with so many bytes; what goes out. */
function answering(length: number, ...peerSettings: readonly (readonly [number, number])[]): RawClient {
  const peer = RawClient.greeted({}, ...peerSettings).send(headers(1, END_STREAM, ...GET))
  peer.ours.respond(1, { status: 200, fields: [], body: length })
  peer.ours.sendBody(1, bytes(length))
  peer.ours.endBody(1)
  return peer
}

/** Lengths of the DATA frames among what was heard. */
const lengths = (peer: RawClient): string[] => peer.heard().filter((line) => line.startsWith('DATA'))

describe('what we send', () => {
  test('a window of one octet lets one octet out, and no more until it opens', () => {
    const peer = answering(3, [4, 1])
    assert.equal(lengths(peer).length, 1)
    assert.deepEqual(peer.heard(), [])
    assert.equal(lengths(peer.send(windowUpdate(1, 1))).length, 1)
    assert.match(lengths(peer.send(windowUpdate(1, 1)))[0], /END$/)
  })

  test("the connection's window counts for all streams", () => {
    const peer = answering(60_000).send(headers(3, END_STREAM, ...GET))
    peer.ours.respond(3, { status: 200, fields: [], body: 10_000 })
    peer.ours.sendBody(3, bytes(10_000))
    peer.ours.endBody(3)
    const sent = (lines: readonly string[]): number => lines.reduce((sum, line) => sum + Number(line.split(' ')[1]), 0)
    assert.equal(sent(lengths(peer)), 65_535)
    assert.equal(sent(lengths(peer.send(windowUpdate(0, 100_000)))), 70_000 - 65_535)
  })

  test('an end without content waits for no window', () => {
    const peer = answering(0, [4, 0]).send(headers(3, END_STREAM, ...GET))
    peer.ours.respond(3, { status: 200, fields: [], body: 'unknown' })
    peer.ours.endBody(3, [{ name: 'x', value: 'y' }])
    assert.deepEqual(peer.heard().slice(-2), ['HEADERS[3] :status: 200', 'HEADERS[3] x: y END'])
  })

  test('6.9.2: a smaller INITIAL_WINDOW_SIZE makes windows smaller than nothing', () => {
    const peer = answering(20, [4, 10])
    assert.equal(lengths(peer).length, 1)
    // 10 were sent: the window is at 4 - 10.
    peer.send(settings([4, 4]), windowUpdate(1, 6))
    assert.deepEqual(lengths(peer), [])
    assert.equal(lengths(peer.send(windowUpdate(1, 1))).length, 1)
    peer.send(settings([4, 100]))
    assert.match(lengths(peer)[0], /END$/)
  })

  test('a body made when it is sent is asked for what windows let out', () => {
    const asked: [number, number][] = []
    const peer = RawClient.greeted({}, [4, 1000]).send(headers(1, END_STREAM, ...GET))
    peer.ours.respond(1, { status: 200, fields: [], body: 3000 })
    peer.ours.sendSource(1, {
      length: 3000,
      read: (offset, most) => {
        asked.push([offset, most])
        return bytes(Math.min(most, 700))
      },
    })
    // What it gives in parts goes out in one frame.
    assert.deepEqual(lengths(peer), ['DATA[1] 1000'])
    peer.send(windowUpdate(1, 10_000))
    assert.deepEqual(lengths(peer), ['DATA[1] 2000 END'])
    assert.deepEqual(asked, [
      [0, 1000],
      [700, 300],
      [1000, 2000],
      [1700, 1300],
      [2400, 600],
    ])
    assert.equal(peer.ours.buffered(1), 0)
  })

  test('a body is held to its Content-Length', () => {
    const peer = RawClient.greeted().send(headers(1, END_STREAM, ...GET))
    peer.ours.respond(1, { status: 200, fields: [], body: 10 })
    assert.throws(() => {
      peer.ours.sendBody(1, bytes(11))
    }, LocalProtocolError)
    peer.ours.sendBody(1, bytes(4))
    assert.throws(() => {
      peer.ours.endBody(1)
    }, LocalProtocolError)
    assert.equal(peer.ours.buffered(1), 4)
    peer.ours.sendBody(1, bytes(6))
    peer.ours.endBody(1)
    assert.match(lengths(peer).at(-1) ?? '', /END$/)
  })
})

describe('what we receive', () => {
  const small = { settings: { initialWindowSize: 100 }, connectionWindow: 65_535, autoConsume: false }
  const open = (): RawClient => {
    const peer = RawClient.greeted(small).send(headers(1, 0, ...POST))
    peer.told()
    return peer
  }

  test('as much as the window, and one octet more', () => {
    assert.equal(
      open()
        .send(frame('DATA', 0, 1, bytes(100)))
        .verdict(),
      '-',
    )
    assert.equal(
      open()
        .send(frame('DATA', 0, 1, bytes(101)))
        .verdict(),
      `stream 1 ${FLOW}`,
    )
    assert.equal(
      open()
        .send(frame('DATA', 0, 1, bytes(60)), frame('DATA', 0, 1, bytes(41)))
        .verdict(),
      `stream 1 ${FLOW}`,
    )
  })

  test('padding counts, its length too', () => {
    const padded = (content: number, padding: number): Uint8Array =>
      frame('DATA', PADDED, 1, joined(Uint8Array.of(padding), bytes(content + padding)))
    assert.equal(open().send(padded(50, 49)).verdict(), '-')
    assert.equal(open().send(padded(50, 50)).verdict(), `stream 1 ${FLOW}`)
  })

  test("the connection's window, over several streams", () => {
    const peer = RawClient.greeted({ connectionWindow: 65_535, autoConsume: false })
    for (const stream of [1, 3, 5, 7]) peer.send(headers(stream, 0, ...POST), frame('DATA', 0, stream, bytes(16_383)))
    assert.equal(peer.verdict(), '-')
    assert.equal(peer.send(data(7, 'four')).verdict(), `connection ${FLOW}`)
  })

  test('windows open again as data is used up, half a window at a time', () => {
    const peer = open().send(frame('DATA', 0, 1, bytes(100)))
    peer.ours.consume(1, 49)
    assert.deepEqual(peer.heard(), [])
    peer.ours.consume(1, 1)
    assert.deepEqual(peer.heard(), ['WINDOW_UPDATE[1] +50'])
    assert.throws(() => {
      peer.ours.consume(1, 51)
    }, LocalProtocolError)
    assert.equal(peer.send(frame('DATA', 0, 1, bytes(50))).verdict(), '-')
    assert.equal(peer.send(data(1, 'x')).verdict(), `stream 1 ${FLOW}`)
  })

  test('by default data counts as used up when it is told', () => {
    const peer = RawServer.greeted({ settings: { initialWindowSize: 1000 } })
    peer.request()
    peer.send(headers(1, 0, ':status: 200'))
    for (let i = 0; i < 10; i++) peer.send(frame('DATA', 0, 1, bytes(500)))
    assert.deepEqual(
      peer.heard(),
      Array.from({ length: 10 }, () => 'WINDOW_UPDATE[1] +500'),
    )
  })

  test('what comes for a stream that was given up is still given back to the connection', () => {
    const peer = RawClient.greeted({ connectionWindow: 65_535, autoConsume: false }).send(headers(1, 0, ...POST))
    peer.send(frame('DATA', 0, 1, bytes(16_000)))
    peer.ours.cancel(1)
    for (let i = 0; i < 20; i++) {
      const opened = peer.heard().filter((line) => line.startsWith('WINDOW_UPDATE')).length
      peer.send(frame('DATA', 0, 1, bytes(16_000)))
      assert.ok(opened <= 1, 'once in two frames')
      assert.equal(peer.ours.finished, false)
    }
  })

  test('what was told of a message that is whole is given back when it is used up', () => {
    const peer = RawClient.greeted({ connectionWindow: 65_535, autoConsume: false })
    for (const stream of [1, 3]) {
      peer.send(headers(stream, 0, ...POST), frame('DATA', END_STREAM, stream, bytes(16_384)))
      peer.ours.respond(stream, { status: 204, fields: [], body: 0 })
    }
    assert.ok(!peer.heard().some((line) => line.startsWith('WINDOW_UPDATE')), 'nothing was used up')
    peer.ours.consume(1, 16_384)
    peer.ours.consume(3, 16_384)
    assert.deepEqual(peer.heard(), ['WINDOW_UPDATE +32768'])
  })

  test('a larger window holds from the acknowledgment on, for open streams too', () => {
    const peer = new RawServer({ settings: { initialWindowSize: 200_000 }, connectionWindow: 1_000_000, autoConsume: false })
    peer.send(settings())
    peer.request()
    peer.send(headers(1, 0, ':status: 200'))
    for (let i = 0; i < 4; i++) peer.send(frame('DATA', 0, 1, bytes(16_383)))
    peer.send(settingsAck())
    for (let i = 0; i < 8; i++) peer.send(frame('DATA', 0, 1, bytes(16_384)))
    assert.equal(peer.verdict(), '-')
    assert.equal(peer.send(frame('DATA', 0, 1, bytes(16_384))).verdict(), `stream 1 ${FLOW}`)
  })

  test('no window is opened for a stream that has ended', () => {
    const peer = RawClient.greeted({ settings: { initialWindowSize: 100 } }).send(headers(1, 0, ...POST))
    peer.send(frame('DATA', END_STREAM, 1, bytes(100)))
    assert.deepEqual(peer.heard(), [])
    assert.deepEqual(peer.send(frame('DATA', 0, 1, hexBytes('00'))).verdict(), 'stream 1 STREAM_CLOSED')
  })
})
