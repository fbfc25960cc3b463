import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { tcpConfig, type TcpConfig } from '../../../src/protocols/tcp/config.ts'
import { SynCookies } from '../../../src/protocols/tcp/syn-cookie.ts'
import { randomStream } from '../../../src/kernel/random.ts'
import { TcpFlag, TcpSegment } from '../../../src/wire/tcp.ts'

const SECOND = 1_000_000_000
const TUPLE = { local: 0x0a00_0001, remote: 0x0a00_0002 }

function cookies(seed = 1): SynCookies {
  const random = randomStream(seed, 'cookies')
  return new SynCookies(() => random.uint32())
}

function syn(given: Partial<TcpSegment> = {}): TcpSegment {
  return Object.assign(new TcpSegment(), { sourcePort: 4000, destinationPort: 80, seq: 77, flags: TcpFlag.SYN, mss: 1460 }, given)
}

/** What the peer sends when it has the answer. */
function ackOf(answer: TcpSegment, tsVal = 0): TcpSegment {
  return Object.assign(new TcpSegment(), {
    sourcePort: answer.destinationPort,
    destinationPort: answer.sourcePort,
    flags: TcpFlag.ACK,
    seq: answer.ack,
    ack: (answer.seq + 1) >>> 0,
    window: 500,
    hasTimestamp: answer.hasTimestamp,
    tsVal,
    tsEcr: answer.tsVal,
  })
}

function recall(maker: SynCookies, ack: TcpSegment, now: number, config: TcpConfig = tcpConfig({})): TcpSegment | undefined {
  const into = new TcpSegment()
  return maker.recall(ack, TUPLE, config, now, into) ? into : undefined
}

test('RFC 4987 section 3.6: whatever the peer offers comes back by its ACK, as far as a cookie can hold it', () => {
  const sizes = [536, 1300, 1440, 1460]
  const times = fc.nat(1_000_000).map((ms) => ms * 1_000_000)
  fc.assert(
    fc.property(
      fc.record({
        mss: fc.oneof(fc.constant(0), fc.integer({ min: 536, max: 9000 })),
        windowScale: fc.integer({ min: -1, max: 20 }),
        sackPermitted: fc.boolean(),
        hasTimestamp: fc.boolean(),
        seq: fc.nat(0xffff_ffff),
      }),
      times,
      fc.nat(59),
      (offer, now, later) => {
        const maker = cookies()
        const answer = maker.answer(syn(offer), TUPLE, tcpConfig({}), now, new TcpSegment())
        const found = recall(maker, ackOf(answer, 5), now + later * SECOND)
        assert.ok(found, 'the cookie is recognized')
        assert.equal(found.seq, offer.seq)
        assert.equal(found.mss, Math.max(...sizes.filter((size) => size <= Math.max(536, offer.mss))))
        assert.equal(found.hasTimestamp, offer.hasTimestamp)
        assert.equal(found.sackPermitted, offer.hasTimestamp && offer.sackPermitted)
        assert.equal(found.windowScale, offer.hasTimestamp && offer.windowScale >= 0 ? Math.min(14, offer.windowScale) : -1)
        // What is answered is what will be remembered.
        assert.equal(answer.sackPermitted, found.sackPermitted)
        assert.equal(answer.windowScale >= 0, found.windowScale >= 0)
      },
    ),
    { numRuns: 300, seed: 3 },
  )
})

test('a cookie is good for one to two minutes', () => {
  const maker = cookies()
  const answer = maker.answer(syn(), TUPLE, tcpConfig({}), 30 * SECOND, new TcpSegment())
  assert.ok(recall(maker, ackOf(answer), 119 * SECOND), 'within the next minute')
  assert.equal(recall(maker, ackOf(answer), 120 * SECOND), undefined)
})

test('another tuple, another host, another number: no cookie', () => {
  const maker = cookies()
  const answer = maker.answer(syn(), TUPLE, tcpConfig({}), 0, new TcpSegment())
  const ack = ackOf(answer)
  assert.ok(recall(maker, ack, 0), 'the right one')
  assert.equal(recall(cookies(2), ack, 0), undefined)
  for (const [name, value] of [
    ['ack', ack.ack + 4],
    ['seq', ack.seq + 4],
    ['sourcePort', 4001],
  ] as const) {
    assert.equal(recall(maker, Object.assign(ackOf(answer), { [name]: value }), 0), undefined, name)
  }
  const other = { ...TUPLE, remote: 0x0a00_0003 }
  assert.equal(maker.recall(ack, other, tcpConfig({}), 0, new TcpSegment()), false)
})

test('numbers drawn at random hardly ever are a cookie', () => {
  const maker = cookies()
  const random = randomStream(5, 'guesses')
  let hits = 0
  for (let i = 0; i < 20_000; i++) {
    const ack = Object.assign(new TcpSegment(), {
      sourcePort: 4000,
      destinationPort: 80,
      seq: random.uint32(),
      ack: random.uint32(),
    })
    if (recall(maker, ack, 0) !== undefined) hits++
  }
  // Four sizes of 2^24, two counts of 256: one in 537 million.
  assert.equal(hits, 0)
})

test('a timestamp that hides options is never ahead of the clock, and at most 64 ms behind', () => {
  const maker = cookies()
  for (let ms = 0; ms < 200; ms++) {
    const offer = syn({ hasTimestamp: true, windowScale: ms % 15, sackPermitted: ms % 2 === 0 })
    const now = ms * 1_000_000
    const early = maker.answer(offer, TUPLE, tcpConfig({}), now, new TcpSegment())
    const { seq, tsVal } = early
    // The same sequence number comes from the same minute; its clock is that of the connection.
    const offset = (Math.imul((seq ^ (seq >>> 15)) | 0, 0x2c1b3c6d) >>> 0) + ms
    const behind = (offset - tsVal) | 0
    assert.ok(behind >= 0 && behind < 64, String(behind))
  }
})
