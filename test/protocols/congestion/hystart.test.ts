import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tcpConfig, type TcpConfig } from '../../../src/protocols/tcp/config.ts'
import { AckSample, type CongestionControl } from '../../../src/protocols/congestion/congestion.ts'
import { Cubic } from '../../../src/protocols/congestion/cubic.ts'
import { NewReno } from '../../../src/protocols/congestion/new-reno.ts'

const SMSS = 1000
const MS = 1e6

/** A flow in slow start whose acknowledgments come one for each segment, a window at a time. */
class Flow {
  readonly congestion: CongestionControl
  private now = 0
  private una = 1

  constructor(algorithm: 'new-reno' | 'cubic', config: Partial<TcpConfig>) {
    const settings = tcpConfig(config)
    this.congestion = algorithm === 'cubic' ? new Cubic(settings) : new NewReno(settings)
    this.congestion.begin(SMSS, 10, 0, 50 * MS)
  }

  get segments(): number {
    return this.congestion.cwnd / SMSS
  }

  get inSlowStart(): boolean {
    return this.congestion.cwnd < this.congestion.ssthresh
  }

  /**
   * One round trip: acknowledges the window that is out, each segment with the next of the round-trip times, the last of which holds on.
   * @returns by how much the window has grown, as a multiple
   */
  round(rtts: readonly number[], spacing = 3 * MS): number {
    const before = this.congestion.cwnd
    const count = Math.floor(this.segments)
    const sndNxt = this.una + count * SMSS
    for (let i = 0; i < count; i++) {
      const sample = new AckSample()
      this.now += spacing
      this.una += SMSS
      const rtt = rtts[Math.min(i, rtts.length - 1)]
      // What is acknowledged frees the window, and is followed by new data at once.
      Object.assign(sample, {
        now: this.now,
        acked: SMSS,
        rtt,
        cwndLimited: true,
        sndUna: this.una,
        sndNxt: sndNxt + i * SMSS,
        srtt: rtt,
      })
      this.congestion.acknowledged(sample)
    }
    return this.congestion.cwnd / before
  }
}

function quarter(growth: number): void {
  assert.ok(Math.abs(growth - 1.25) < 0.01, `a round grows by ${String(growth)}`)
}

for (const algorithm of ['new-reno', 'cubic'] as const) {
  const start = (): Flow => new Flow(algorithm, { hystart: 'hystart++', slowStartPerAck: 8 })

  test(`${algorithm}, RFC 9406 section 4.2: round-trip times that hold still leave slow start as it is`, () => {
    const flow = start()
    for (let i = 0; i < 6; i++) assert.equal(flow.round([50 * MS]), 2)
  })

  test(`${algorithm}, RFC 9406 section 4.2: a round whose least round-trip time is an eighth longer grows by a quarter`, () => {
    const flow = start()
    flow.round([50 * MS])
    // Eight samples are looked at first.
    const growth = flow.round([56.25 * MS])
    assert.ok(growth > 1.25 && growth < 1.6, `the round in which it shows grows by ${String(growth)}`)
    quarter(flow.round([56.25 * MS]))
    assert.equal(flow.inSlowStart, true, 'conservative slow start is slow start')
  })

  test(`${algorithm}, RFC 9406 section 4.2: seven samples of a round decide nothing, eight do`, () => {
    const flow = start()
    flow.round([50 * MS])
    // The window is 20 segments: seven grow it by one each, all from the eighth on by a quarter.
    assert.equal(flow.round([60 * MS]), (20 + 7 + 13 / 4) / 20)
  })

  test(`${algorithm}: a growth of the round-trip time just below the threshold is none`, () => {
    const flow = start()
    flow.round([50 * MS])
    assert.equal(flow.round([56.24 * MS]), 2)
  })

  test(`${algorithm}, RFC 9406 section 4.3: the threshold is 4 ms at least, and 16 ms at most`, () => {
    for (const [base, below, above] of [
      [10, 13.9, 14],
      [400, 415.9, 416],
    ]) {
      const [calm, warned] = [start(), start()]
      for (const flow of [calm, warned]) flow.round([base * MS])
      assert.equal(calm.round([below * MS]), 2, `${String(below)} ms after ${String(base)} ms`)
      assert.ok(warned.round([above * MS]) < 2, `${String(above)} ms after ${String(base)} ms`)
    }
  })

  test(`${algorithm}, RFC 9406 section 4.2: after five rounds of conservative slow start the threshold is where the window is`, () => {
    const flow = start()
    flow.round([50 * MS])
    flow.round([60 * MS])
    for (let i = 0; i < 4; i++) quarter(flow.round([60 * MS]))
    flow.round([60 * MS])
    assert.equal(flow.inSlowStart, false)
    assert.ok(flow.congestion.ssthresh < 110 * SMSS, `ssthresh ${String(flow.congestion.ssthresh)}`)
  })

  test(`${algorithm}, RFC 9406 section 4.2: a false alarm leads back: the round-trip time falls below that of the alarm`, () => {
    const flow = start()
    flow.round([50 * MS])
    flow.round([60 * MS])
    const growth = flow.round([59 * MS])
    assert.ok(growth > 1.25, `the round in which it shows grows by ${String(growth)}`)
    assert.equal(flow.round([59 * MS]), 2)
  })

  test(`${algorithm}, RFC 9406 section 4.3: only the first slow start; after a timeout, there is none of it`, () => {
    const flow = start()
    for (let i = 0; i < 3; i++) flow.round([50 * MS])
    flow.congestion.timedOut(800 * SMSS, false, 0)
    for (let i = 0; i < 5; i++) flow.round([(50 + i * 20) * MS])
    assert.equal(flow.segments, 32)
  })

  test(`${algorithm}: switched off, no round-trip time is too long`, () => {
    const flow = new Flow(algorithm, {})
    for (let i = 0; i < 5; i++) assert.equal(flow.round([(50 + i * 100) * MS]), 2)
  })

  test(`${algorithm} with Linux's HyStart leaves slow start at once`, () => {
    const flow = new Flow(algorithm, { hystart: 'hystart' })
    flow.round([50 * MS])
    assert.equal(flow.inSlowStart, true)
    flow.round([57 * MS])
    assert.equal(flow.inSlowStart, false)
    assert.ok(flow.segments < 32, `${String(flow.segments)} segments`)
  })

  test(`${algorithm} with Linux's HyStart: a train of acknowledgments as long as half a round trip says that the pipe is full`, () => {
    const [train, gaps] = [0, 0].map(() => new Flow(algorithm, { hystart: 'hystart' }))
    // 20 acknowledgments 1.5 ms apart take 30 ms; with gaps above 2 ms they form no train.
    for (const [flow, spacing] of [
      [train, 1.5 * MS],
      [gaps, 2.5 * MS],
    ] as const) {
      flow.round([50 * MS], spacing)
      flow.round([50 * MS], spacing)
    }
    assert.deepEqual([train.inSlowStart, gaps.inSlowStart], [false, true])
  })
}
