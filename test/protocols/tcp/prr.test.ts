import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ProportionalRateReduction } from '../../../src/protocols/tcp/prr.ts'

const MSS = 1000

/**
 * Recovery of a window of segments: each acknowledgment delivers one, then as many go out as the window allows.
 * @param lost how many of the window are lost, at its front
 * @param news for each acknowledgment: whether SND.UNA advances, and no loss was found
 * @returns how many segments went out after each acknowledgment, and what is in flight at the end
 */
function recover(window: number, ssthresh: number, lost: number, acks: number, safe = true): { out: number[]; pipe: number } {
  const prr = new ProportionalRateReduction()
  prr.begin(window * MSS, ssthresh * MSS)
  let pipe = (window - lost) * MSS
  const out: number[] = []
  for (let i = 0; i < acks; i++) {
    pipe -= MSS
    prr.acknowledged(MSS, pipe, safe, MSS)
    let sent = 0
    while (pipe + MSS <= prr.window) {
      prr.sent(MSS)
      pipe += MSS
      sent++
    }
    out.push(sent)
  }
  return { out, pipe }
}

test('RFC 6937 section 3.1: one loss in twenty, threshold one half: one segment for every two acknowledgments', () => {
  const { out, pipe } = recover(20, 10, 1, 19)
  assert.equal(out[0], 1, 'the fast retransmission')
  const total = out.reduce((sum, n) => sum + n, 0)
  assert.ok(out.every((n) => n <= 1))
  // Nineteen arrive, the threshold remains: with the retransmission ten have gone out.
  assert.equal(total, 10)
  assert.equal(pipe, 10 * MSS)
})

test('RFC 6937 section 3.1: with a threshold of seven tenths (CUBIC), seven for every ten', () => {
  const { out, pipe } = recover(40, 28, 1, 39)
  assert.equal(pipe, 28 * MSS)
  for (let i = 0; i + 10 <= out.length; i += 10) {
    const sent = out.slice(i, i + 10).reduce((sum, n) => sum + n, 0)
    assert.ok(sent >= 6 && sent <= 8, `${String(sent)} of ten`)
  }
})

test('RFC 6937 section 3: below the threshold slow start is the bound while there is progress: two for each acknowledgment', () => {
  const { out, pipe } = recover(20, 10, 15, 5)
  assert.deepEqual(out.slice(0, 4), [2, 2, 2, 2])
  assert.equal(pipe, 10 * MSS)
})

test('RFC 6937 section 3: below the threshold it conserves packets when more is found lost: one for each', () => {
  assert.deepEqual(recover(20, 10, 15, 5, false).out, [1, 1, 1, 1, 1])
})

test('RFC 6937 section 3: what was not sent when it might have been is made up for, up to the threshold', () => {
  const prr = new ProportionalRateReduction()
  prr.begin(20 * MSS, 10 * MSS)
  prr.sent(MSS)
  // The application has nothing to send while eight segments arrive.
  for (let i = 0; i < 8; i++) prr.acknowledged(MSS, (8 - i) * MSS, true, MSS)
  assert.equal(prr.window - MSS, 8 * MSS - MSS + MSS, 'all that was delivered and not replaced, and one more')
})

test('a retransmission goes out at once even where nothing was delivered', () => {
  const prr = new ProportionalRateReduction()
  prr.begin(5 * MSS, 2 * MSS)
  prr.acknowledged(0, 4 * MSS, false, MSS)
  assert.equal(prr.window, 5 * MSS)
  prr.sent(MSS)
  prr.acknowledged(0, 3 * MSS, true, MSS)
  assert.equal(prr.window, 5 * MSS, 'an acknowledgment that delivers nothing changes nothing after that')
})

test('whatever is lost and delivered, no more goes out than slow start would send, and never beyond the threshold unless it was beyond', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 200 }),
      fc.integer({ min: 1, max: 100 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.nat(3), fc.boolean()), { maxLength: 200 }),
      (window, share, acks) => {
        const ssthresh = Math.max(2, Math.floor((window * share) / 100)) * MSS
        const prr = new ProportionalRateReduction()
        prr.begin(window * MSS, ssthresh)
        let pipe = (window - 1) * MSS
        let delivered = 0
        let out = 0
        for (const [arrived, lost, advanced] of acks) {
          const news = Math.min(arrived * MSS, pipe)
          if (news === 0) break
          const before = pipe
          pipe -= news
          delivered += news
          const gone = Math.min(lost * MSS, pipe)
          pipe -= gone
          prr.acknowledged(news, pipe, advanced && gone === 0, MSS)
          while (pipe + MSS <= prr.window) {
            prr.sent(MSS)
            out += MSS
            pipe += MSS
          }
          assert.ok(pipe <= Math.max(ssthresh, before, MSS), 'it rises to the threshold only')
          assert.ok(out <= delivered + acks.length * MSS, 'no more than slow start')
        }
      },
    ),
    { seed: 6937, numRuns: 1000 },
  )
})
