import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Http2Limits } from '../../../src/protocols/http2/options.ts'
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
  push,
  RawClient,
  RawServer,
  reset,
  settings,
  windowUpdate,
} from './raw-peer.ts'

/* RFC 9113 section 10.5: what a peer may do to us, and from where on it is too much. Both sides of each threshold. */

const SECOND = 1e9
const CALM = 'connection ENHANCE_YOUR_CALM'
const FEW = { burst: 10, perSecond: 2 }

/** How often something can be done to a server, at once and then again and again after some time, before it has had enough. */
function patience(
  limits: Partial<Http2Limits>,
  act: (peer: RawClient, round: number) => void,
  pause = 0,
  prepare?: (peer: RawClient) => void,
): number {
  const peer = RawClient.greeted({ limits, settings: { maxConcurrentStreams: 1000 } })
  prepare?.(peer)
  for (let round = 0; round < 3000; round++) {
    act(peer, round)
    if (peer.verdict().includes(CALM)) return round
    peer.now += pause
  }
  return Infinity
}

describe('a rate that is too high ends the connection, one that is not does not', () => {
  const CASES: readonly [string, keyof Http2Limits, (peer: RawClient, round: number) => void, number][] = [
    [
      'rapid reset (CVE-2023-44487)',
      'resets',
      (peer, round) => peer.send(headers(2 * round + 1, END_STREAM, ...GET), reset(2 * round + 1)),
      10,
    ],
    [
      'streams that we are made to reset (CVE-2025-8671)',
      'resets',
      (peer, round) => peer.send(headers(2 * round + 1, 0, ...POST), windowUpdate(2 * round + 1, 0)),
      10,
    ],
    ['malformed requests', 'resets', (peer, round) => peer.send(headers(2 * round + 1, END_STREAM, ':method: GET')), 10],
    // The greeting had one of them.
    ['SETTINGS (CVE-2019-9515)', 'settings', (peer) => peer.send(settings()), 9],
    ['PING (CVE-2019-9512)', 'pings', (peer) => peer.send(frame('PING', 0, 0, '0011223344556677')), 10],
    ['DATA with nothing in it (CVE-2019-9518)', 'emptyFrames', (peer) => peer.send(data(1, '')), 10],
    ['PRIORITY (CVE-2019-9513)', 'priorities', (peer) => peer.send(frame('PRIORITY', 0, 1, '0000000010')), 10],
    ['PRIORITY_UPDATE', 'priorities', (peer) => peer.send(frame('PRIORITY_UPDATE', 0, 0, '00000001 753d30')), 10],
  ]
  for (const [name, limit, act, burst] of CASES) {
    test(name, () => {
      const open = (peer: RawClient): void => {
        if (limit !== 'resets') peer.send(headers(1, 0, ...POST))
      }
      assert.equal(patience({ [limit]: FEW }, act, 0, open), burst)
      assert.equal(patience({ [limit]: FEW }, act, 0.5 * SECOND, open), Infinity)
      const later = patience({ [limit]: FEW }, act, 0.4 * SECOND, open)
      assert.ok(later > burst && later < 100, `${String(later)} times at a rate that is a quarter too high`)
    })
  }

  test('by default a page of a hundred requests may be given up three times in a row, a thousand resets are too many', () => {
    const act = (peer: RawClient, round: number): void => {
      peer.send(headers(2 * round + 1, END_STREAM, ...GET), reset(2 * round + 1))
    }
    assert.equal(patience({}, act), 400)
  })
})

describe('field blocks', () => {
  test('CONTINUATION without end (CVE-2024-27316), with something in it or nothing', () => {
    for (const payload of ['', '00']) {
      const peer = RawClient.greeted({ limits: { continuations: 20 } }).send(frame('HEADERS', 0, 1, block(...GET)))
      let frames = 0
      for (; frames < 1000 && peer.verdict() === '-' && !peer.ours.finished; frames++)
        peer.send(frame('CONTINUATION', 0, 1, payload))
      assert.equal(frames, 21)
    }
  })

  test('20 of them are well', () => {
    const peer = RawClient.greeted({ limits: { continuations: 20 } }).send(frame('HEADERS', END_STREAM, 1, block(...GET)))
    for (let i = 0; i < 19; i++) peer.send(frame('CONTINUATION', 0, 1))
    peer.send(frame('CONTINUATION', END_HEADERS, 1))
    assert.deepEqual(
      peer.told().map(({ type }) => type),
      ['request', 'end'],
    )
  })

  test('more bytes than are put together', () => {
    const peer = RawClient.greeted({ limits: { fieldBlock: 40_000 } }).send(frame('HEADERS', 0, 1, new Uint8Array(16_000)))
    peer.send(frame('CONTINUATION', 0, 1, new Uint8Array(16_000)))
    assert.equal(peer.verdict(), '-')
    assert.equal(peer.send(frame('CONTINUATION', 0, 1, new Uint8Array(16_000))).verdict(), CALM)
  })

  test('10.5.1: a section over the limit is answered with 431, and costs no more than its stream', () => {
    const peer = RawClient.greeted({ settings: { maxHeaderListSize: 1000 } })
    peer.send(headers(1, END_STREAM, ...GET, `x: ${'y'.repeat(1000)}`), headers(3, END_STREAM, ...GET, `x: ${'y'.repeat(700)}`))
    assert.deepEqual(peer.heard(), ['HEADERS[1] :status: 431, content-length: 0 END'])
    assert.deepEqual(
      peer.told().map((event) => ('stream' in event ? event.stream : event.type)),
      [3, 3],
    )
    peer.send(headers(5, 0, ...POST, `x: ${'y'.repeat(1000)}`), data(5, 'ignored'))
    assert.deepEqual(peer.heard(), ['HEADERS[5] :status: 431, content-length: 0 END', 'RST_STREAM[5] NO_ERROR'])
  })

  test('a bomb: one octet each for an entry of four thousand', () => {
    const peer = RawClient.greeted()
    const entry = joined(hexBytes('40 0178 7fa11e'), new Uint8Array(4000).fill(0x61))
    peer.send(frame('HEADERS', END_HEADERS | END_STREAM, 1, joined(block(...GET), entry, new Uint8Array(12_000).fill(0xbe))))
    // 48 MB of fields in 16 kB: refused, and the next request reads.
    assert.deepEqual(peer.heard(), ['HEADERS[1] :status: 431, content-length: 0 END'])
    peer.send(headers(3, END_STREAM, ...GET))
    assert.deepEqual(
      peer.told().map(({ type }) => type),
      ['request', 'end'],
    )
  })

  test('a response over the limit ends its stream', () => {
    const peer = RawServer.greeted({ settings: { maxHeaderListSize: 1000 } })
    peer.request()
    peer.send(headers(1, END_STREAM, ':status: 200', `x: ${'y'.repeat(1000)}`))
    assert.equal(peer.verdict(), 'stream 1 ENHANCE_YOUR_CALM')
  })
})

describe('a peer that takes nothing', () => {
  test('answers that it does not read (CVE-2019-9514, CVE-2019-9515) are bounded', () => {
    const peer = RawClient.greeted({ limits: { pings: { burst: 1e9, perSecond: 1 }, waitingAnswers: 1000 } })
    // Nothing is polled; 17 bytes of answer each.
    for (let i = 0; i < 58; i++) peer.send(frame('PING', 0, 0, '0011223344556677'))
    assert.equal(peer.ours.finished, false)
    peer.send(frame('PING', 0, 0, '0011223344556677'))
    assert.equal(peer.ours.finished, true)
    assert.equal(peer.verdict(), CALM)
  })

  test('windows that stay closed (CVE-2019-9517): the connection ends after a while, unless something moves', () => {
    const peer = RawClient.greeted({ limits: { stall: 30 * SECOND } }, [4, 10])
    peer.send(headers(1, END_STREAM, ...GET))
    peer.ours.respond(1, { status: 200, fields: [], body: 100 })
    peer.ours.sendBody(1, new Uint8Array(100))
    peer.ours.endBody(1)
    peer.heard()
    assert.equal(peer.ours.pollTimeout(), 30 * SECOND)
    peer.now = 20 * SECOND
    peer.send(windowUpdate(1, 1))
    peer.heard()
    assert.equal(peer.ours.pollTimeout(), 50 * SECOND)
    peer.ours.handleTimeout(49 * SECOND)
    assert.equal(peer.ours.finished, false)
    peer.ours.handleTimeout(50 * SECOND)
    assert.equal(peer.verdict(), CALM)
  })

  test('nothing is overdue when everything could be sent', () => {
    const peer = RawClient.greeted().send(headers(1, END_STREAM, ...GET))
    peer.ours.respond(1, { status: 200, fields: [], body: 'unknown' })
    peer.ours.sendBody(1, new Uint8Array(100))
    peer.heard()
    assert.equal(peer.ours.pollTimeout(), undefined)
  })
})

describe('promises', () => {
  test('no more than a hundred wait for their responses', () => {
    const peer = RawServer.greeted({ settings: { enablePush: true } })
    peer.request()
    for (let i = 1; i <= 100; i++) peer.send(push(1, 2 * i, ...GET))
    assert.equal(peer.verdict(), '-')
    assert.equal(peer.send(push(1, 202, ...GET)).verdict(), 'stream 202 REFUSED_STREAM')
  })

  test('no more than we take at once may be on their way (section 5.1.2)', () => {
    const peer = RawServer.greeted({ settings: { enablePush: true, maxConcurrentStreams: 1 } })
    peer.request()
    peer.send(push(1, 2, ...GET), push(1, 4, ...GET), headers(2, 0, ':status: 200'))
    assert.equal(peer.send(headers(4, 0, ':status: 200')).verdict(), 'stream 4 REFUSED_STREAM')
  })
})
