import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TCP_STATES, type TcpState } from '../../../src/protocols/tcp/state.ts'
import { pattern } from '../../pair/tcp-pair.ts'
import { ACK, BARE, FIN, PSH, RST, Solo, soloIn, SYN } from './solo.ts'

const SECOND = 1_000_000_000
const SYNCHRONIZED: TcpState[] = ['ESTABLISHED', 'FIN-WAIT-1', 'FIN-WAIT-2', 'CLOSE-WAIT', 'CLOSING', 'LAST-ACK', 'TIME-WAIT']

// LISTEN and SYN-SENT.

test('RFC 9293 section 3.10.7.2: a listener ignores a RST, resets an ACK, answers a SYN', () => {
  const solo = soloIn('LISTEN')
  assert.deepEqual(solo.give({ flags: RST, seq: 0 }), [])
  assert.deepEqual(solo.give({ flags: ACK, seq: 0, ack: 77 }), [{ flags: 'RST', seq: 77, ack: 0, length: 0, window: 0 }])
  assert.deepEqual(solo.give({ flags: 0, seq: 0 }), [])
  assert.equal(solo.state, 'LISTEN')
  assert.deepEqual(solo.give({ flags: SYN, seq: 0 }), [{ flags: 'SYN ACK', seq: 0, ack: 1, length: 0, window: 65535 }])
  assert.equal(solo.state, 'SYN-RECEIVED')
})

test('RFC 9293 section 3.10.7.3: in SYN-SENT an ACK of something else is reset, with RST it is ignored', () => {
  for (const ack of [0, 2, 1000]) {
    const solo = soloIn('SYN-SENT')
    assert.deepEqual(solo.give({ flags: SYN | ACK, seq: 0, ack }), [{ flags: 'RST', seq: ack, ack: 0, length: 0, window: 0 }])
    assert.deepEqual(solo.give({ flags: RST | ACK, seq: 0, ack }), [])
    assert.equal(solo.state, 'SYN-SENT')
  }
})

test('RFC 9293 section 3.10.7.3: a RST that acknowledges the SYN refuses the connection; one without ACK does not', () => {
  const solo = soloIn('SYN-SENT')
  solo.give({ flags: RST, seq: 0 })
  assert.equal(solo.state, 'SYN-SENT')
  solo.give({ flags: RST | ACK, seq: 0, ack: 1 })
  assert.equal(solo.state, 'CLOSED')
  const [event] = solo.events
  assert.ok(event.type === 'closed')
  assert.deepEqual([event.error?.code, event.error?.whose], ['ECONNREFUSED', 'remote'])
})

test('RFC 9293 section 3.10.7.3: data and FIN in a SYN-ACK are taken', () => {
  const solo = soloIn('SYN-SENT')
  const sent = solo.give({ flags: SYN | ACK | FIN, seq: 0, ack: 1, payload: pattern(5) })
  assert.equal(solo.state, 'CLOSE-WAIT')
  assert.deepEqual(solo.connection.read(), pattern(5))
  assert.equal(sent[0].ack, 7)
})

test('data in a SYN to a listener is not acknowledged, and comes again', () => {
  const solo = soloIn('LISTEN')
  assert.equal(solo.give({ flags: SYN, seq: 0, payload: pattern(5) })[0].ack, 1)
  assert.equal(solo.give({ flags: ACK | PSH, seq: 1, ack: 1, payload: pattern(5) }).length, 0)
  assert.deepEqual(solo.connection.read(), pattern(5))
})

test('RFC 9293 section 3.10.7.4: in SYN-RECEIVED an unacceptable ACK is reset, the state stays', () => {
  const solo = soloIn('SYN-RECEIVED')
  assert.deepEqual(solo.give({ flags: ACK, seq: 1, ack: 2 }), [{ flags: 'RST', seq: 2, ack: 0, length: 0, window: 0 }])
  assert.equal(solo.state, 'SYN-RECEIVED')
  solo.give({ flags: ACK, seq: 1, ack: 1 })
  assert.equal(solo.state, 'ESTABLISHED')
})

test('the SYN again in SYN-RECEIVED: the SYN-ACK was lost, and is sent again at once', () => {
  const solo = soloIn('SYN-RECEIVED')
  assert.deepEqual(
    solo.give({ flags: SYN, seq: 0 }).map(({ flags }) => flags),
    ['SYN ACK'],
  )
})

// Acceptability.

test('RFC 9293 section 3.10.7.4: an unacceptable segment is answered with an ACK, unless it is a RST; nothing of it is taken', () => {
  for (const state of SYNCHRONIZED) {
    const solo = soloIn(state)
    const { rcvNxt, rcvAdv, sndNxt } = solo.connection.block
    const old = solo.give({ flags: ACK, seq: rcvNxt - 10, payload: pattern(10) })
    assert.deepEqual(old.at(-1), { flags: 'ACK', seq: sndNxt, ack: rcvNxt, length: 0, window: old.at(-1)?.window }, state)
    assert.equal(solo.give({ flags: ACK, seq: rcvAdv + 5, payload: pattern(10) }).at(-1)?.ack, rcvNxt, state)
    assert.deepEqual(solo.give({ flags: RST, seq: rcvNxt - 1 }), [], state)
    assert.deepEqual([solo.state, solo.connection.readableBytes], [state, 0])
  }
})

test('RFC 9293 section 3.4, table 6: what overlaps the window at either end is cut to it', () => {
  const solo = soloIn('ESTABLISHED', { ...BARE, receiveBuffer: 100 })
  const bytes = pattern(500)
  solo.give({ flags: ACK, seq: 1, payload: bytes.subarray(0, 50) })
  assert.equal(solo.connection.readableBytes, 50)
  solo.give({ flags: ACK | FIN, seq: 21, payload: bytes.subarray(20, 300) })
  assert.equal(solo.connection.readableBytes, 100)
  assert.equal(solo.connection.receivedFin, false)
  assert.deepEqual(solo.connection.read(50), bytes.subarray(0, 50))
})

test('RFC 9293 section 3.4: a zero window takes no data, but takes acknowledgments and resets', () => {
  const solo = soloIn('ESTABLISHED', { ...BARE, receiveBuffer: 100 })
  solo.give({ flags: ACK, seq: 1, ack: 1, payload: pattern(100) })
  const { block } = solo.connection
  assert.equal(block.rcvAdv, block.rcvNxt)
  const answer = solo.give({ flags: ACK, ack: 501, payload: pattern(1) })
  assert.equal(block.sndUna, 501)
  assert.deepEqual([answer[0].ack, answer[0].window], [101, 0])
  assert.equal(solo.connection.readableBytes, 100)
  solo.give({ flags: RST })
  assert.equal(solo.state, 'CLOSED')
})

// RST.

test('RFC 9293 section 3.10.7.4, RFC 5961 section 3: a RST at RCV.NXT ends every synchronized state', () => {
  const clean: Partial<Record<TcpState, boolean>> = { 'TIME-WAIT': true, 'LAST-ACK': false, CLOSING: true }
  for (const state of ['SYN-RECEIVED' as TcpState, ...SYNCHRONIZED]) {
    const solo = soloIn(state)
    assert.deepEqual(solo.give({ flags: RST }), [], state)
    assert.equal(solo.state, 'CLOSED', state)
    const closed = solo.events.filter((event) => event.type === 'closed')
    assert.equal(closed.length, 1, state)
    // Where all our data was acknowledged, nothing was lost; in LAST-ACK here it was not.
    assert.equal(closed[0].error?.code, clean[state] === true ? undefined : 'ECONNRESET', state)
    assert.equal(solo.connection.pollTimeout(), undefined, state)
  }
})

test('RFC 5961 section 3.2: a RST elsewhere in the window gets a challenge ACK, outside of it silence', () => {
  for (const state of SYNCHRONIZED.filter((state) => state !== 'TIME-WAIT')) {
    const solo = soloIn(state)
    const { rcvNxt, rcvAdv } = solo.connection.block
    assert.deepEqual(solo.give({ flags: RST, seq: rcvAdv }), [], state)
    const answer = solo.give({ flags: RST, seq: rcvNxt + 1 })
    assert.deepEqual(
      answer.map(({ flags, ack }) => [flags, ack]),
      [['ACK', rcvNxt]],
      state,
    )
    assert.equal(solo.state, state)
  }
})

test('without RFC 5961 a RST anywhere in the window resets, as RFC 793 had it', () => {
  const solo = soloIn('ESTABLISHED', { ...BARE, challengeAcks: false })
  solo.give({ flags: RST, seq: solo.connection.block.rcvNxt + 1 })
  assert.equal(solo.state, 'CLOSED')
})

test('RFC 5961 section 7: challenge ACKs are rationed', () => {
  const solo = soloIn('ESTABLISHED')
  solo.now += 10 * SECOND
  const count = () => Array.from({ length: 20 }, () => solo.give({ flags: SYN, seq: 50 }).length).reduce((a, b) => a + b)
  assert.equal(count(), 1)
  solo.now += SECOND / 2
  assert.equal(count(), 1)
})

test('RFC 9293 section 3.10.7.1: in CLOSED everything but a RST is answered with a RST', () => {
  for (const flags of [SYN, ACK, FIN | ACK, SYN | ACK, 0]) {
    assert.match(soloIn('CLOSED').give({ flags, seq: 5, ack: 9 })[0].flags, /^RST/)
  }
  assert.deepEqual(soloIn('CLOSED').give({ flags: RST, seq: 5 }), [])
})

// SYN.

test('RFC 5961 section 4: a SYN in a synchronized state gets a challenge ACK, wherever it is', () => {
  for (const state of SYNCHRONIZED) {
    for (const offset of [-5000, 0, 10]) {
      const solo = soloIn(state)
      solo.now += 10 * SECOND
      const { rcvNxt } = solo.connection.block
      const answer = solo.give({ flags: SYN, seq: rcvNxt + offset })
      assert.deepEqual([answer.length, answer.at(-1)?.flags, answer.at(-1)?.ack, solo.state], [1, 'ACK', rcvNxt, state])
    }
  }
})

test('without RFC 5961 a SYN in the window resets the connection', () => {
  const solo = soloIn('ESTABLISHED', { ...BARE, challengeAcks: false })
  assert.equal(solo.give({ flags: SYN })[0].flags, 'RST ACK')
  assert.equal(solo.state, 'CLOSED')
})

// ACK.

test('RFC 9293 section 3.10.7.4: an ACK of what was never sent is answered and dropped, its text too', () => {
  const solo = soloIn('ESTABLISHED')
  solo.now += 10 * SECOND
  const answer = solo.give({ flags: ACK, ack: 502, payload: pattern(10) })
  assert.deepEqual([answer.length, answer[0].ack, solo.connection.readableBytes], [1, 1, 0])
  assert.equal(solo.connection.block.sndUna, 1)
})

test('RFC 5961 section 5: an ACK from before the largest window ever offered is an attack, a duplicate one is not', () => {
  const solo = soloIn('ESTABLISHED')
  solo.now += 10 * SECOND
  solo.give({ flags: ACK, ack: 501 })
  assert.equal(solo.give({ flags: ACK, ack: 1, payload: pattern(10) }).length, 0)
  assert.equal(solo.connection.readableBytes, 10)
  solo.give({ flags: ACK, ack: 501 - 20_000, payload: pattern(10) })
  assert.equal(solo.connection.readableBytes, 10)
})

test('RFC 9293 section 3.10.7.4: without ACK a segment is dropped', () => {
  const solo = soloIn('ESTABLISHED')
  assert.deepEqual(solo.give({ flags: 0, payload: pattern(10) }), [])
  assert.equal(solo.connection.readableBytes, 0)
})

test('RFC 9293 section 3.10.7.4: SND.WL1 and SND.WL2 keep old segments from setting the window', () => {
  const solo = soloIn('ESTABLISHED')
  const { block } = solo.connection
  solo.give({ flags: ACK, ack: 301, window: 4000, payload: pattern(20) })
  solo.give({ flags: ACK, ack: 301, window: 5000 })
  assert.equal(block.sndWnd, 5000)
  // An older segment of the peer, which overlaps the window by its last byte.
  solo.give({ flags: ACK, seq: 11, ack: 301, window: 100, payload: pattern(11) })
  assert.equal(block.sndWnd, 5000)
  solo.give({ flags: ACK, ack: 300, window: 200 })
  assert.equal(block.sndWnd, 5000)
  solo.give({ flags: ACK, ack: 301, window: 300 })
  assert.equal(block.sndWnd, 300)
})

// Text and FIN.

test('RFC 9293 section 3.10.7.4: after the peer’s FIN its text is ignored', () => {
  for (const state of ['CLOSE-WAIT', 'CLOSING', 'LAST-ACK', 'TIME-WAIT'] as TcpState[]) {
    const solo = soloIn(state)
    solo.give({ flags: ACK, ack: 1, payload: pattern(10) })
    assert.deepEqual([solo.connection.readableBytes, solo.state], [0, state])
  }
})

test('a FIN that comes before its time waits for what is missing; nothing behind it counts', () => {
  const solo = soloIn('ESTABLISHED')
  const bytes = pattern(300)
  solo.give({ flags: ACK | FIN, seq: 101, payload: bytes.subarray(100, 200) })
  assert.equal(solo.state, 'ESTABLISHED')
  // A liar's data behind its own FIN.
  solo.give({ flags: ACK, seq: 201, payload: bytes.subarray(200, 300) })
  solo.give({ flags: ACK, seq: 1, payload: bytes.subarray(0, 100) })
  assert.equal(solo.state, 'CLOSE-WAIT')
  assert.equal(solo.connection.readableBytes, 200)
  assert.equal(solo.connection.receivedFin, true)
  assert.equal(solo.connection.block.rcvNxt, 202)
})

test('RFC 9293 section 3.10.7.4: a FIN is acknowledged at once', () => {
  const solo = soloIn('ESTABLISHED')
  assert.deepEqual(
    solo.give({ flags: FIN | ACK, ack: 501 }).map(({ flags, ack }) => [flags, ack]),
    [['ACK', 2]],
  )
  assert.deepEqual(
    solo.events.map(({ type }) => type),
    ['connected', 'peer-finished'],
  )
})

test('every state is reached by its usual way', () => {
  for (const state of TCP_STATES) assert.equal(soloIn(state).state, state)
})

test('RFC 9293 section 3.7.1, MUST-15: without an MSS option segments carry at most 536 bytes', () => {
  const solo = new Solo(BARE)
  solo.give({ flags: SYN, seq: 0 })
  solo.give({ flags: ACK })
  assert.equal(solo.send(new Uint8Array(1000))[0].length, 536)
})

test('RFC 9293 section 3.7.1, MUST-16: the smaller of both MSS, with the options taken off', () => {
  const solo = new Solo({ mss: 1000 })
  solo.give({ flags: SYN, seq: 0, mss: 1400, timestamp: [1, 0] })
  solo.give({ flags: ACK, timestamp: [1, solo.lastSegment.tsVal] })
  assert.equal(solo.send(new Uint8Array(2000))[0].length, 988)
})

test('an absurdly small MSS is not followed all the way', () => {
  const solo = new Solo(BARE)
  solo.give({ flags: SYN, seq: 0, mss: 1 })
  solo.give({ flags: ACK })
  assert.equal(solo.send(new Uint8Array(1000))[0].length, 48)
})

test('RFC 7323 section 2.3: a shift count above 14 counts as 14', () => {
  const solo = new Solo({ windowScaling: true, timestamps: false })
  solo.give({ flags: SYN, seq: 0, windowScale: 200 })
  solo.give({ flags: ACK, window: 2 })
  assert.equal(solo.connection.block.sndWnd, 2 << 14)
})

test('RFC 7323 section 2.2: the window of a SYN is never scaled; no scaling unless both ask for it', () => {
  const both = new Solo({ windowScaling: true, timestamps: false, receiveBuffer: 2 ** 30 - 1 })
  const [answer] = both.give({ flags: SYN, seq: 0, windowScale: 3, window: 100 })
  assert.equal(both.connection.block.sndWnd, 100)
  assert.equal(answer.window, 65535)
  assert.equal(both.lastSegment.windowScale, 14)
  both.give({ flags: ACK, window: 100 })
  assert.equal(both.connection.block.sndWnd, 800)
  const one = new Solo({ windowScaling: true, timestamps: false })
  one.give({ flags: SYN, seq: 0 })
  assert.equal(one.lastSegment.windowScale, -1)
  one.give({ flags: ACK, window: 100 })
  assert.equal(one.connection.block.sndWnd, 100)
})

test('options that the peer’s SYN lacks are not in the answer; with a switch off, neither', () => {
  const plain = new Solo({})
  plain.give({ flags: SYN, seq: 0 })
  assert.deepEqual([plain.lastSegment.hasTimestamp, plain.lastSegment.sackPermitted, plain.lastSegment.mss], [false, false, 1460])
  const off = new Solo(BARE)
  off.give({ flags: SYN, seq: 0, timestamp: [1, 0], sackPermitted: true, windowScale: 2 })
  const { hasTimestamp, sackPermitted, windowScale } = off.lastSegment
  assert.deepEqual([hasTimestamp, sackPermitted, windowScale], [false, false, -1])
})

test('a peer that resets and injects at random cannot make it throw', () => {
  const solo = soloIn('ESTABLISHED', {})
  let word = 7
  const next = (bound: number) => {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0
    return (word >>> 8) % bound
  }
  for (let i = 0; i < 20_000; i++) {
    solo.now += next(1_000_000)
    const { rcvNxt, sndUna, tsRecent } = solo.connection.block
    solo.give({
      flags: next(256) & ~(next(10) > 0 ? RST : 0),
      seq: rcvNxt + next(3000) - 100,
      ack: sndUna + next(600) - 50,
      payload: pattern(next(4) === 0 ? next(1500) : 0),
      window: next(65536),
      timestamp: [tsRecent + next(3), next(2 ** 32)],
    })
    if (solo.state === 'CLOSED') break
    if (next(10) === 0) solo.connection.read(next(2000))
    if (!solo.connection.block.finQueued) solo.connection.send(pattern(next(100)))
  }
})
