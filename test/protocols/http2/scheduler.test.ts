import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FrameNotice, Http2Scheduler } from '../../../src/protocols/http2/options.ts'
import { parsePriority } from '../../../src/protocols/http-priority.ts'
import { END_STREAM, frame, GET, headers, joined, latin1, POST, RawClient, RawServer, uint32 } from './raw-peer.ts'

/* RFC 9218: what is said about priorities, and what a server makes of it. */

/** What goes out for requests with these priorities, as stream numbers of DATA frames, repeats left out. */
function order(priorities: readonly string[], scheduler?: Http2Scheduler, between?: (peer: RawClient) => void): string {
  const sent: number[] = []
  const onFrame = ({ direction, type, stream }: FrameNotice): void => {
    if (direction === 'sent' && type === 'DATA') sent.push(stream)
  }
  const peer = RawClient.greeted({ onFrame, frameSize: 1000, ...(scheduler && { scheduler }) }, [4, 100_000])
  priorities.forEach((priority, i) => {
    peer.send(headers(2 * i + 1, END_STREAM, ...GET, ...(priority === '' ? [] : [`priority: ${priority}`])))
  })
  priorities.forEach((_, i) => {
    peer.ours.respond(2 * i + 1, { status: 200, fields: [], body: 3000 })
    peer.ours.sendBody(2 * i + 1, new Uint8Array(3000))
    peer.ours.endBody(2 * i + 1)
  })
  between?.(peer)
  peer.heard()
  return sent.filter((stream, i) => stream !== sent[i - 1]).join(' ')
}

const update = (stream: number, value: string): Uint8Array =>
  frame('PRIORITY_UPDATE', 0, 0, joined(uint32(stream), latin1(value)))

describe('section 10: whose turn it is', () => {
  test('one after the other where nobody says anything', () => {
    assert.equal(order(['', '', '']), '1 3 5')
  })
  test('the urgent first', () => {
    assert.equal(order(['u=5', 'u=1', '', 'u=0']), '7 3 5 1')
  })
  test('incremental ones of one urgency share', () => {
    assert.equal(order(['i', 'i', 'i']), '1 3 5 1 3 5 1 3 5')
  })
  test('of those that are not incremental, the first shares with the incremental ones', () => {
    assert.equal(order(['i', '', '']), '1 3 1 3 1 3 5')
  })
  test('incremental or not, what is more urgent goes before', () => {
    assert.equal(order(['u=2, i', 'u=1', 'u=2, i', 'u=1, i']), '3 7 3 7 3 7 1 5 1 5 1 5')
  })
  test('what the settings say instead: fair, or in order', () => {
    assert.equal(order(['u=5', 'u=1', ''], 'fair'), '1 3 5 1 3 5 1 3 5')
    assert.equal(order(['u=5, i', 'u=1', 'i'], 'in-order'), '1 3 5')
  })
  test('a stream whose window is closed waits, and nobody with it', () => {
    const seen = order(['u=0', ''], 'priority', (peer) => {
      // The window of stream 1 shrinks to nothing, that of the next grows.
      peer.send(frame('SETTINGS', 0, 0, joined(Uint8Array.of(0, 4), uint32(0))), frame('WINDOW_UPDATE', 0, 3, uint32(5000)))
    })
    assert.equal(seen, '3')
  })
})

describe('section 7: PRIORITY_UPDATE', () => {
  test('it changes what was said before, and what it leaves out is the default again', () => {
    const seen = order(['u=5, i', 'u=1'], 'priority', (peer) => peer.send(update(1, 'u=0')))
    assert.equal(seen, '1 3')
    const peer = RawClient.greeted().send(headers(1, END_STREAM, ...GET, 'priority: u=5, i'), update(1, 'i=?0'))
    assert.deepEqual(peer.ours.priority(1), { urgency: 3, incremental: false })
  })
  test('it may come before the request, and counts for more than the field', () => {
    const peer = RawClient.greeted().send(update(3, 'u=6, i'), headers(3, END_STREAM, ...GET, 'priority: u=1'))
    assert.deepEqual(peer.ours.priority(3), { urgency: 6, incremental: true })
  })
  test('of no more streams than may be open at once', () => {
    const peer = RawClient.greeted({ settings: { maxConcurrentStreams: 3 } }).send(headers(1, 0, ...POST))
    peer.send(update(3, 'u=0'), update(5, 'u=0'), update(3, 'u=1'))
    assert.equal(peer.verdict(), '-')
    // One begins, and another can no longer.
    peer.send(headers(5, END_STREAM, ...GET), update(7, 'u=0'))
    assert.equal(peer.verdict(), '-')
    assert.equal(peer.send(update(9, 'u=0')).verdict(), 'connection PROTOCOL_ERROR')
  })
  test('only the newest are kept where any number may be open', () => {
    const limits = { priorities: { burst: 2000, perSecond: 1 } }
    const peer = RawClient.greeted({ settings: { maxConcurrentStreams: Infinity }, limits })
    for (let i = 0; i <= 1000; i++) peer.send(update(2 * i + 1, 'u=0'))
    peer.send(headers(1, END_STREAM, ...GET), headers(3, END_STREAM, ...GET))
    assert.equal(peer.ours.priority(1).urgency, 3)
    assert.equal(peer.ours.priority(3).urgency, 0)
  })
  test('what is refused', () => {
    const verdict = (bytes: Uint8Array): string => RawClient.greeted().send(bytes).verdict()
    assert.equal(verdict(frame('PRIORITY_UPDATE', 0, 1, joined(uint32(1), latin1('u=1')))), 'connection PROTOCOL_ERROR')
    assert.equal(verdict(update(0, 'u=1')), 'connection PROTOCOL_ERROR')
    assert.equal(verdict(update(2, 'u=1')), 'connection PROTOCOL_ERROR')
    assert.equal(verdict(frame('PRIORITY_UPDATE', 0, 0, '000001')), 'connection FRAME_SIZE_ERROR')
    assert.equal(verdict(update(1, 'nonsense=')), '-')
    assert.equal(RawServer.greeted().send(update(1, 'u=1')).verdict(), 'connection PROTOCOL_ERROR')
  })
  test('a client says it with the request, and later in a frame', () => {
    const peer = RawServer.greeted()
    const request = { method: 'GET', scheme: 'http', authority: 'bob', path: '/', fields: [], body: 0 }
    peer.ours.request(request, { urgency: 1 })
    peer.ours.request(request, { incremental: true })
    peer.ours.request(request, { urgency: 3 })
    assert.deepEqual(
      peer.heard().map((line) => /priority: (.*) END$/.exec(line)?.[1]),
      ['u=1', 'i', undefined],
    )
    peer.ours.reprioritise(1, { incremental: true })
    peer.ours.reprioritise(3, { urgency: 7 })
    peer.ours.reprioritise(99, { urgency: 7 })
    assert.deepEqual(peer.heard(), ['PRIORITY_UPDATE 1 u=1, i', 'PRIORITY_UPDATE 3 u=7, i'])
    assert.throws(() => {
      peer.ours.reprioritise(1, { urgency: 8 })
    }, RangeError)
  })
  test('a server has the last word', () => {
    const seen = order(['', ''], 'priority', (peer) => {
      peer.ours.reprioritise(3, { urgency: 0 })
    })
    assert.equal(seen, '3 1')
  })
})

describe('section 4: Priority Field Values', () => {
  const CASES: Readonly<Record<string, string>> = {
    '': '3',
    'u=0': '0',
    'u=7, i': '7 i',
    'i, u=2': '2 i',
    'u=1;x=y, i;a': '1 i',
    'i=?0': '3',
    'u=8': '3',
    'u=-1': '3',
    'u=1.0': '3',
    'u="1"': '3',
    'u=1, u=4': '4',
    'i=1': '3',
    'x, y=token, z=:AA==:, u=5': '5',
    'u=1,': '3',
    'u=1 i': '3',
    'U=1': '3',
    '  u=1  ': '1',
  }
  for (const [text, expected] of Object.entries(CASES)) {
    test(`'${text}'`, () => {
      const { urgency, incremental } = parsePriority(text)
      assert.equal(`${String(urgency)}${incremental ? ' i' : ''}`, expected)
    })
  }
})
