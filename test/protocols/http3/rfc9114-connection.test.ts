import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Http3Client } from '../../../src/protocols/http3/client.ts'
import type { Http3FrameNotice } from '../../../src/protocols/http3/options.ts'
import { HTTP3_ERROR_CODE } from '../../../src/wire/http3-names.ts'
import { MemoryTransport } from './memory-transport.ts'
import {
  data,
  frame,
  GET,
  headers,
  hexBytes,
  joined,
  last,
  on,
  POST,
  RawClient,
  RawServer,
  settings,
  streamType,
} from './raw-peer.ts'
import { client, CREATION, CRITICAL, FRAME, ID, server, SETTINGS, UNEXPECTED, verdicts } from './verdict.ts'

const SECOND = 1e9

describe('6.1, 6.2: streams', () => {
  verdicts(server, {
    'a unidirectional stream of a reserved type: its bytes are not wanted': [
      'stream 14 H3_STREAM_CREATION_ERROR',
      on(14, streamType(0x21), hexBytes('0000')),
    ],
    'one that ends before its type': ['-', last(14)],
    'one that is reset before its type': ['-', on(14), { stream: 14, reset: 'H3_NO_ERROR' }],
    'a push by a client': [CREATION, on(14, streamType('push'))],
    'a second control stream': [CREATION, on(14, streamType('control'))],
    'a second encoder stream': [CREATION, on(6, hexBytes('02')), on(14, hexBytes('02'))],
    'the control stream ends': [CRITICAL, last(2)],
    'the control stream is reset': [CRITICAL, { stream: 2, reset: 'H3_NO_ERROR' }],
    'the encoder stream ends': [CRITICAL, last(6, hexBytes('02'))],
    'the decoder stream is reset': [CRITICAL, on(10, hexBytes('03')), { stream: 10, reset: 'H3_NO_ERROR' }],
    'our control stream is not wanted': [CRITICAL, { stream: 3, stop: 'H3_NO_ERROR' }],
  })
  test('6.1: a server does not begin streams in both directions', () => {
    assert.equal(client([on(1)]), CREATION)
  })
  test('a type may come in pieces', () => {
    const peer = new RawClient()
    for (const octet of [0x40, 0x00, ...settings()]) peer.send(on(2, Uint8Array.of(octet)))
    assert.deepEqual(
      peer.told().map(({ type }) => type),
      ['settings'],
    )
    assert.equal(peer.transport.unconsumed, 0)
  })
  test('no stream is opened that the peer has not granted; what was to be said waits', () => {
    const transport = new MemoryTransport(false)
    transport.grantedUnidirectional = 0
    const http = new Http3Client(transport)
    const id = http.request({ method: 'GET', scheme: 'https', authority: 'a', path: '/', fields: [], body: 0 })
    http.reprioritise(id, { urgency: 0 })
    transport.grantedUnidirectional = 3
    http.handle({ type: 'streams-available' }, 0)
    const said = transport.commands.flatMap((command) =>
      command.what === 'bytes' && command.stream === 2 ? [command.bytes] : [],
    )
    assert.match(Buffer.concat(said).toString('hex'), /^0004.*800f0700/)
  })
})

describe('6.2.1, 7.2.4: settings', () => {
  const first = (...frames: readonly Uint8Array[]): string => new RawClient().send(on(2, hexBytes('00'), ...frames)).verdict()
  test('are said first, by both ends', () => {
    assert.deepEqual(new RawClient().heard(), ['SETTINGS 015000068001000007 10'.replaceAll(' 10', '10')])
    assert.match(new RawServer().heard()[0], /^SETTINGS /)
  })
  test('nothing else may be first', () => {
    assert.equal(first(frame('GOAWAY', '00')), 'connection H3_MISSING_SETTINGS')
    assert.equal(first(frame(0x21)), 'connection H3_MISSING_SETTINGS')
    assert.equal(first(settings()), '-')
  })
  test('twice', () => {
    assert.equal(first(settings(), settings()), UNEXPECTED)
  })
  test('one setting twice, those of HTTP/2, flags that are none', () => {
    assert.equal(first(settings([6, 1], [6, 1])), SETTINGS)
    for (const id of [2, 3, 4, 5]) assert.equal(first(settings([id, 1])), SETTINGS)
    assert.equal(first(settings([8, 2])), SETTINGS)
    assert.equal(first(settings([0x33, 2])), SETTINGS)
    assert.equal(first(settings([0x21, 7], [0x4040, 1])), '-')
  })
  test('a frame cut short', () => {
    assert.equal(first(frame('SETTINGS', '06')), FRAME)
  })
  test('what the peer says is told', () => {
    const peer = new RawServer().greet([1, 100], [7, 5], [6, 1000], [8, 1], [0x33, 1])
    assert.deepEqual(peer.told(), [
      {
        type: 'settings',
        settings: {
          qpackMaxTableCapacity: 100,
          qpackBlockedStreams: 5,
          maxFieldSectionSize: 1000,
          enableConnectProtocol: true,
          datagrams: true,
        },
      },
    ])
  })
  verdicts(server, {
    '7.2: DATA on the control stream': [UNEXPECTED, on(2, data('x'))],
    '7.2: HEADERS on the control stream': [UNEXPECTED, on(2, headers(...GET))],
    'an unknown frame on the control stream': ['-', on(2, frame(0x21, '00'))],
    'a frame of the control stream that is too long': ['connection H3_EXCESSIVE_LOAD', on(2, hexBytes('07 80010000'))],
  })
})

describe('7.2.4.2: settings remembered for 0-RTT', () => {
  const remembered = {
    qpackMaxTableCapacity: 100,
    qpackBlockedStreams: 5,
    maxFieldSectionSize: 1000,
    enableConnectProtocol: true,
    datagrams: true,
  }
  const verdict = (...pairs: readonly (readonly [number, number])[]): string =>
    new RawServer({ rememberedSettings: remembered }, pairs).greet(...pairs).verdict()
  test('the server keeps to them', () => {
    assert.equal(verdict([1, 100], [7, 5], [6, 1000], [8, 1], [0x33, 1]), '-')
    assert.equal(verdict([1, 100], [7, 6], [6, 2000], [8, 1], [0x33, 1]), '-')
  })
  test('it does not', () => {
    assert.equal(verdict([1, 200], [7, 5], [6, 1000], [8, 1], [0x33, 1]), 'connection QPACK_DECODER_STREAM_ERROR')
    assert.equal(verdict([1, 100], [7, 4], [6, 1000], [8, 1], [0x33, 1]), SETTINGS)
    assert.equal(verdict([1, 100], [7, 5], [8, 1], [0x33, 1]), '-', 'without a limit is no less')
    assert.equal(verdict([1, 100], [7, 5], [6, 1000], [0x33, 1]), SETTINGS)
  })
  test('0-RTT data are rejected: requests are told to be unprocessed, and everything begins anew', () => {
    const peer = new RawServer({ rememberedSettings: remembered, qpackTableCapacity: 0 })
    peer.request()
    peer.transport.forget()
    peer.tell({ type: 'early-data', outcome: 'rejected' })
    assert.deepEqual(
      peer.told().map((event) => (event.type === 'reset' ? [event.stream, event.isUnprocessed] : event.type)),
      [[0, true], 'available'],
    )
    peer.greet([1, 50])
    assert.equal(peer.request(), 0)
    peer.send(last(0, headers(':status: 200')))
    assert.deepEqual(
      peer.told().map(({ type }) => type),
      ['settings', 'response', 'end'],
    )
  })
})

describe('5.2: GOAWAY', () => {
  test("a server's: requests from there on are given back, others go on to their end", () => {
    const peer = RawServer.greeted()
    peer.request()
    peer.request()
    peer.say(frame('GOAWAY', '04'))
    const told = peer.told().map((event) => {
      if (event.type === 'goaway') return event.firstRefused
      return event.type === 'reset' ? [event.stream, event.isUnprocessed] : event.type
    })
    assert.deepEqual(told, [4, [4, true]])
    assert.equal(peer.ours.canRequest, false)
    assert.throws(() => peer.request(), /no request can be made/)
    peer.send(last(0, headers(':status: 200')))
    const [, , closed] = peer.told()
    assert.ok(closed.type === 'closed' && closed.error === undefined, 'it has ended as announced')
    assert.equal(peer.heard().at(-1), 'CLOSE H3_NO_ERROR')
  })
  test('one that takes back what was said, or names no request', () => {
    const twice = (before: string, after: string): string =>
      RawServer.greeted().say(frame('GOAWAY', before), frame('GOAWAY', after)).verdict()
    assert.equal(twice('08', '0c'), 'connection H3_NO_ERROR')
    const busy = RawServer.greeted()
    busy.request()
    assert.equal(busy.say(frame('GOAWAY', '08'), frame('GOAWAY', '0c')).verdict(), ID)
    assert.equal(RawServer.greeted().say(frame('GOAWAY', '01')).verdict(), ID)
  })
  test('a server leaves in two steps, and waits until its answers have arrived', () => {
    const peer = RawClient.greeted().send(last(0, headers(...GET)))
    peer.ours.shutdown()
    assert.deepEqual(peer.heard(), ['GOAWAY none'])
    assert.equal(peer.ours.pollTimeout(), SECOND)
    peer.send(last(4, headers(...GET)))
    peer.now = SECOND
    peer.ours.handleTimeout(SECOND)
    assert.deepEqual(peer.heard(), ['GOAWAY 8'])
    peer.send(last(8, headers(...GET)))
    assert.ok(peer.heard().includes('RESET[8] H3_REQUEST_REJECTED'), 'what comes too late is refused')
    for (const stream of [0, 4]) peer.ours.respond(stream, { status: 204, fields: [], body: 0 })
    assert.equal(peer.ours.finished, false)
    peer.tell({ type: 'stream-acknowledged', stream: 0 }).tell({ type: 'stream-acknowledged', stream: 4 })
    assert.equal(peer.ours.finished, true)
    assert.equal(peer.heard().at(-1), 'CLOSE H3_NO_ERROR')
    assert.deepEqual(
      peer.told().filter(({ type }) => type === 'closed'),
      [{ type: 'closed', error: undefined, broken: [], unprocessed: [] }],
    )
  })
  test("a client's, of pushes: the server goes on", () => {
    const peer = RawClient.greeted().say(frame('GOAWAY', '00'))
    assert.deepEqual(
      peer.told().map(({ type }) => type),
      ['goaway'],
    )
    assert.equal(peer.say(frame('GOAWAY', '01')).verdict(), ID)
  })
  test('a client of ours leaves when its last response is there', () => {
    const peer = RawServer.greeted()
    peer.request()
    peer.ours.shutdown()
    assert.deepEqual(peer.heard(), ['GOAWAY 0'])
    peer.send(last(0, headers(':status: 200')))
    assert.equal(peer.heard().at(-1), 'CLOSE H3_NO_ERROR')
  })
})

describe('5.3, 5.4: the end of the connection', () => {
  test('at once, by us: nothing more is told or done', () => {
    for (const peer of [RawClient.greeted().send(last(0, headers(...GET))), RawServer.greeted()]) {
      peer.ours.close()
      peer.ours.close()
      assert.deepEqual(peer.heard(), ['CLOSE H3_NO_ERROR'])
      assert.deepEqual(peer.told(), [])
      peer.send(on(peer.control, frame('GOAWAY', '00')))
      assert.deepEqual([peer.told(), peer.heard()], [[], []])
      assert.ok(peer.ours.finished, 'it is over')
    }
  })
  const end = (error: Parameters<RawServer['tell']>[0] & { type: 'closed' }): unknown => {
    const peer = RawServer.greeted()
    peer.request()
    peer.request()
    const [closed] = peer.tell(error).told()
    return closed.type === 'closed' && [closed.error?.whose, closed.error?.code, closed.broken]
  }
  test('by the peer, with requests open', () => {
    assert.deepEqual(end({ type: 'closed', error: undefined }), ['remote', 'INCOMPLETE', [0, 4]])
    const fault = { whose: 'peer', space: 'application', name: '', detail: '', cites: '' } as const
    assert.deepEqual(end({ type: 'closed', error: { ...fault, code: HTTP3_ERROR_CODE.H3_INTERNAL_ERROR } }), [
      'remote',
      'H3_INTERNAL_ERROR',
      [0, 4],
    ])
    assert.deepEqual(
      end({ type: 'closed', error: { ...fault, whose: 'network', space: 'transport', code: 0, name: 'IDLE_TIMEOUT' } }),
      ['network', 'IDLE_TIMEOUT', [0, 4]],
    )
  })
  test('by the peer, with nothing open', () => {
    assert.deepEqual(RawServer.greeted().tell({ type: 'draining', error: undefined }).told(), [
      { type: 'closed', error: undefined, broken: [], unprocessed: [] },
    ])
  })
})

describe('7.2.3, 7.2.7: pushes that there are not', () => {
  verdicts(server, {
    'MAX_PUSH_ID that grows': ['-', on(2, frame('MAX_PUSH_ID', '05'), frame('MAX_PUSH_ID', '06'))],
    'MAX_PUSH_ID that shrinks': [ID, on(2, frame('MAX_PUSH_ID', '05'), frame('MAX_PUSH_ID', '04'))],
    'CANCEL_PUSH of what was not promised': [ID, on(2, frame('CANCEL_PUSH', '00'))],
    'a number with something behind it': [FRAME, on(2, frame('MAX_PUSH_ID', '0500'))],
  })
  test('MAX_PUSH_ID by a server, CANCEL_PUSH by a server', () => {
    assert.equal(client([on(3, frame('MAX_PUSH_ID', '05'))]), UNEXPECTED)
    assert.equal(client([on(3, frame('CANCEL_PUSH', '05'))]), ID)
  })
})

describe('RFC 9218: priorities', () => {
  test("by the request's field, and later by a frame", () => {
    const peer = RawClient.greeted().send(last(0, headers(...GET, 'priority: u=1, i')))
    assert.deepEqual(peer.transport.priorities.get(0), { urgency: 1, incremental: true })
    assert.deepEqual(peer.ours.priority(0), { urgency: 1, incremental: true })
    peer.say(frame('PRIORITY_UPDATE', joined(hexBytes('00'), Buffer.from('u=6'))))
    assert.deepEqual(peer.transport.priorities.get(0), { urgency: 6, incremental: false })
    peer.ours.reprioritise(0, { urgency: 2 })
    assert.deepEqual(peer.transport.priorities.get(0), { urgency: 2, incremental: false })
  })
  test('7: a frame that comes before its request wins over the field', () => {
    const peer = RawClient.greeted().say(frame('PRIORITY_UPDATE', joined(hexBytes('04'), Buffer.from('u=0'))))
    peer.send(last(0, headers(...GET)), last(4, headers(...GET, 'priority: u=7')))
    assert.equal(peer.transport.priorities.get(4)?.urgency, 0)
  })
  verdicts(server, {
    'of a stream that no request has': [ID, on(2, frame('PRIORITY_UPDATE', '01'))],
    'of a push': [ID, on(2, frame('PRIORITY_UPDATE (push)', '00'))],
    'a value that is none is as if it had not been said': ['-', on(2, frame('PRIORITY_UPDATE', '00ffff'))],
  })
  test('by a server', () => {
    assert.equal(client([on(3, frame('PRIORITY_UPDATE', '00'))]), UNEXPECTED)
  })
  test('a client says its own, and changes it', () => {
    const peer = RawServer.greeted()
    const stream = peer.ours.request(
      { method: 'GET', scheme: 'https', authority: 'bob', path: '/', fields: [], body: 0 },
      { urgency: 1, incremental: true },
    )
    assert.match(peer.heard()[0], /priority: u=1, i$/)
    peer.ours.reprioritise(stream, { urgency: 5 })
    assert.deepEqual(peer.heard(), ['PRIORITY_UPDATE 0 u=5, i'])
    assert.equal(peer.transport.priorities.get(stream)?.urgency, 5)
  })
  test('what belongs to no request goes before bodies', () => {
    const { transport } = new RawServer()
    assert.deepEqual(transport.priorities.get(2), { urgency: -1, incremental: true })
  })
})

describe('RFC 9297: datagrams', () => {
  const both = { settings: { datagrams: true } }
  test('both ways, once both have said so', () => {
    const peer = RawServer.greeted(both, [0x33, 1])
    const stream = peer.request()
    assert.equal(peer.ours.maxDatagramPayload(stream), 999)
    peer.ours.sendDatagram(stream, hexBytes('aabb'))
    assert.deepEqual(peer.heard(), ['DATAGRAM 00aabb'])
    peer.tell({ type: 'datagram', bytes: hexBytes('00cc') })
    assert.deepEqual(
      peer.told().map((event) => event.type === 'datagram' && [event.stream, Buffer.from(event.bytes).toString('hex')]),
      [[0, 'cc']],
    )
  })
  test('not where only one has', () => {
    for (const peer of [RawServer.greeted(both), RawServer.greeted({}, [0x33, 1])]) {
      const stream = peer.request()
      assert.equal(peer.ours.maxDatagramPayload(stream), 0)
      assert.throws(() => {
        peer.ours.sendDatagram(stream, hexBytes('aa'))
      }, /no datagram/)
    }
  })
  test('of a stream that is not there: dropped; without a stream: an error', () => {
    const peer = RawClient.greeted(both, [0x33, 1])
    assert.equal(peer.tell({ type: 'datagram', bytes: hexBytes('05cc') }).verdict(), '-')
    assert.equal(peer.tell({ type: 'datagram', bytes: hexBytes('') }).verdict(), 'connection H3_DATAGRAM_ERROR')
  })
})

describe('10.5: a peer that only makes work', () => {
  const LOAD = 'connection H3_EXCESSIVE_LOAD'
  test('requests that are begun and given up', () => {
    const peer = RawClient.greeted()
    for (let i = 0; i < 1000; i++) peer.send(on(4 * i, headers(...GET)), { stream: 4 * i, reset: 'H3_REQUEST_CANCELLED' })
    assert.match(peer.verdict(), new RegExp(LOAD))
    assert.equal(peer.ours.openStreams, 0)
  })
  test('frames that say nothing', () => {
    assert.equal(server([on(0, headers(...POST), ...Array.from({ length: 1000 }, () => data('')))]), LOAD)
    assert.equal(server([on(2, ...Array.from({ length: 1000 }, () => frame(0x21)))]), LOAD)
    assert.equal(server([on(2, ...Array.from({ length: 2000 }, () => frame('PRIORITY_UPDATE', '00')))]), LOAD)
  })
  test('streams of unknown types', () => {
    const peer = RawClient.greeted()
    for (let i = 0; i < 1000 && !peer.ours.finished; i++) peer.send(on(14 + 4 * i, streamType(0x21)))
    assert.match(peer.verdict(), new RegExp(LOAD))
  })
  test('a peer that does not read what QPACK has to say', () => {
    const peer = RawClient.greeted()
    peer.transport.unsent.set(11, 100_000)
    for (let i = 0; i < 10; i++) peer.send(on(4 * i, headers(...GET)), { stream: 4 * i, reset: 'H3_REQUEST_CANCELLED' })
    assert.match(peer.verdict(), new RegExp(LOAD))
  })
  test('slowly, it is borne', () => {
    const peer = RawClient.greeted()
    for (let i = 0; i < 1000; i++) {
      peer.now += SECOND / 10
      peer.send(on(4 * i, headers(...GET)), { stream: 4 * i, reset: 'H3_REQUEST_CANCELLED' })
    }
    assert.equal(peer.ours.finished, false)
  })
})

test('frames are told as they pass, with where they lie', () => {
  const notices: Http3FrameNotice[] = []
  const peer = RawClient.greeted({ onFrame: (notice) => notices.push(notice), frameSize: 4 })
  notices.length = 0
  peer.send(on(0, headers(...POST)), last(0, data('abc')))
  peer.ours.respond(0, { status: 200, fields: [], body: 10 })
  peer.ours.sendSource(0, { length: 10, read: (offset, most) => new Uint8Array(Math.min(most, 10 - offset)) })
  const received = notices.filter(({ direction }) => direction === 'received')
  assert.deepEqual(
    received.map(({ type, from, to }) => [type, from, to]),
    [
      ['HEADERS', 0, headers(...POST).length],
      ['DATA', headers(...POST).length, headers(...POST).length + 5],
    ],
  )
  const sent = notices.filter(({ direction }) => direction === 'sent')
  assert.deepEqual(
    sent.map(({ type, length }) => [type, length]),
    [
      ['HEADERS', sent[0].length],
      ['DATA', 4],
      ['DATA', 4],
      ['DATA', 2],
    ],
  )
  const lines = peer.heard()
  assert.deepEqual(lines.slice(1), ["DATA[0] '\0\0\0\0'", "DATA[0] '\0\0\0\0'", "DATA[0] '\0\0'", 'END[0]'])
})
