/**
 * NewReno's congestion window beside ns-3's, through the whole stack: two hosts, a router and two links. What was measured there is in
 * `reference/README.md`. Both curves are drawn into `new-reno.svg`; after a change that is meant to move them,
 *
 *     MODELS_WRITE=1 node --import tsx --test test/models/new-reno.test.ts
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { runInline } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { drawCurves, type Panel } from './curve-drawing.ts'

const PICTURE = resolve(import.meta.dirname, 'new-reno.svg')
const SMSS = 1448
/** Of the empty path, in seconds; with its queue full, a round trip takes four times as long. */
const [RTT, FULL_RTT] = [0.04, 0.16]
/** ns-3's connection is established then, in seconds since it began. Ours waits for ARP first, so the curves are aligned here. */
const ESTABLISHED = 0.040094

type Point = readonly [time: number, segments: number]

/** What one transfer of 20 MB did, in seconds since connect. */
interface Transfer {
  readonly window: readonly Point[]
  readonly times: (event: string) => number[]
  readonly lost: number[]
  readonly doneAt: number
}

/** @param lost number of the data segment that the bottleneck loses once, from 1; 0: none */
function transfer(sack: boolean, lost: number): Transfer {
  // ns-3: congestion avoidance adds SMSS²/cwnd for each acknowledgment; no return to the initial window; with SACK its recovery is PRR.
  const tcp = {
    sack,
    proportionalRateReduction: sack,
    byteCounting: false,
    slowStartAfterIdle: false,
    delayedAckTimeout: '200 ms',
    sendBuffer: '4 MiB',
    receiveBuffer: '4 MiB',
  }
  const scenario = resolveScenario({
    id: 'new-reno',
    title: 'Beside ns-3',
    duration: '40 s',
    hosts: {
      sender: {
        tcp,
        app: 'socket-script',
        connect: 'receiver:7',
        steps: [{ do: 'send', bytes: '20000000 B' }, { do: 'shutdown' }],
      },
      router: { kind: 'router' },
      receiver: { tcp, app: 'socket-script', listen: 7, steps: [{ do: 'read-to-end' }] },
    },
    links: [
      { between: ['sender', 'router'], rate: '1 Gbit/s', delay: '5 ms', queue: '100000 packets' },
      {
        between: ['router', 'receiver'],
        // Ethernet's header is 12 bytes longer than the PPP header there: the line is as much faster, 1514 for 1502.
        rate: '10.08 Mbit/s',
        delay: '15 ms',
        queue: '100 packets',
        ...(lost > 0 && { forward: { lossOf: 'data', lossList: [lost] } }),
      },
    ],
  })
  const { trace } = runInline(scenario, { traceLimit: 1e9 })
  const congestion = trace.all('tcp:congestion-updated').filter(({ host }) => host === 0)
  const start = congestion[0].time / 1e9 - ESTABLISHED
  const since = (time: number): number => time / 1e9 - start
  const window = congestion.map(({ time, data }): Point => [since(time), Number(data['cwnd']) / SMSS])
  const resent = trace.all('tcp:segment-retransmitted').map(({ data }) => Number(data['seq']))
  const first = Math.min(...trace.all('tcp:fast-retransmit-entered').map(({ data }) => Number(data['seq'])))
  const read = trace.all('script:read')
  assert.deepEqual(
    read.map(({ data }) => data['bytes']),
    [20_000_000],
  )
  return {
    window,
    times: (event) => trace.all(event).map(({ time }) => since(time)),
    lost: resent.map((seq) => (seq - first) / SMSS),
    doneAt: since(read[0].time),
  }
}

/** Columns of a file of `reference/`. */
function reference(name: string): Point[] {
  const [, ...lines] = readFileSync(resolve(import.meta.dirname, 'reference', `${name}.csv`), 'utf8')
    .trim()
    .split('\n')
  return lines.map((line) => line.split(',').map(Number) as unknown as Point)
}

/** The value of a curve of steps. */
function at(curve: readonly Point[], time: number): number {
  let value = 0
  for (const [when, segments] of curve) {
    if (when > time) break
    value = segments
  }
  return value
}

function near(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(
    Math.abs(actual - expected) <= tolerance,
    `${what}: ${String(actual)} is not within ${String(tolerance)} of ${String(expected)}`,
  )
}

/** The mean difference of two curves, as a share of the second's mean. */
function difference(ours: readonly Point[], theirs: readonly Point[], from: number, to: number): number {
  let [apart, sum] = [0, 0]
  for (let time = from; time < to; time += 0.005) {
    apart += Math.abs(at(ours, time) - at(theirs, time))
    sum += at(theirs, time)
  }
  return apart / sum
}

const noLoss = transfer(true, 0)
const oneLoss = transfer(true, 50)
const oneLossWithoutSack = transfer(false, 50)

test('without loss but the queue’s: slow-start exit, recovery and sawtooth follow ns-3', () => {
  const { window, times, doneAt } = noLoss
  const [entered, exited] = [times('tcp:fast-retransmit-entered'), times('tcp:recovery-exited')]
  near(entered[0], 0.616517, RTT, 'slow start ends')
  near(exited[0], 0.975783, FULL_RTT, 'the first recovery ends')
  near(entered[1], 11.45254, 0.1 * 11.45254, 'the second loss')
  near(entered[1] - entered[0], 11.45254 - 0.616517, 0.1 * (11.45254 - 0.616517), 'the period of the sawtooth')
  near(exited[1] - entered[1], 11.613548 - 11.45254, FULL_RTT, 'the second recovery takes')
  assert.deepEqual([entered.length, times('tcp:rto-expired').length], [2, 0])
  near(doneAt, 16.73, 0.1 * 16.73, 'the transfer takes')
  const curve = reference('ns3-new-reno-no-loss')
  near(
    Math.max(...window.map(([, segments]) => segments)),
    Math.max(...curve.map(([, segments]) => segments)),
    4,
    'the largest window',
  )
  assert.ok(difference(window, curve, 0.04, 0.6) < 0.02, `slow start differs by ${String(difference(window, curve, 0.04, 0.6))}`)
  assert.ok(difference(window, curve, 1.2, 11) < 0.05, `avoidance differs by ${String(difference(window, curve, 1.2, 11))}`)
})

for (const [name, { window, times, lost }, entry, exit] of [
  ['one-loss-sack', oneLoss, 0.213572, 0.257226],
  ['one-loss', oneLossWithoutSack, 0.213566, 0.257226],
] as const) {
  test(`one segment lost, ${name === 'one-loss' ? 'without' : 'with'} SACK: loss event and exit within a tenth of a round trip`, () => {
    assert.deepEqual(lost, [0], 'one retransmission, of the segment that was lost')
    const [entered, exited] = [times('tcp:fast-retransmit-entered'), times('tcp:recovery-exited')]
    assert.deepEqual([entered.length, exited.length, times('tcp:rto-expired').length], [1, 1, 0])
    near(entered[0], entry, RTT / 10, 'fast retransmit')
    near(exited[0], exit, RTT / 10, 'recovery ends')
    const curve = reference(`ns3-new-reno-${name}`)
    // With SACK ns-3 leaves what is selectively acknowledged out of FlightSize: half of 33 segments, where ours is half of 35.
    near(at(window, exit + RTT / 2), at(curve, exit + RTT / 2), 1.5, 'the window after it')
    assert.ok(
      difference(window, curve, 0.04, 0.21) < 0.02,
      `slow start differs by ${String(difference(window, curve, 0.04, 0.21))}`,
    )
    // Half of what it was, and from there one segment a round trip for all the rest.
    assert.ok(difference(window, curve, 0.3, 16) < 0.05, `avoidance differs by ${String(difference(window, curve, 0.3, 16))}`)
  })
}

test('the picture of both is up to date', () => {
  const panel = (title: string, name: string, { window }: Transfer, until: number, most: number): Panel => ({
    title,
    until,
    most,
    unit: 'segments',
    curves: [
      { label: 'ns-3.37 TcpNewReno', colour: '#0072b2', points: reference(`ns3-new-reno-${name}`) },
      { label: 'Packetarium new-reno', colour: '#d55e00', points: window },
    ],
  })
  const drawn = drawCurves([
    panel('No loss but the queue’s', 'no-loss', noLoss, 17, 220),
    panel('The first second of it', 'no-loss', noLoss, 1.2, 220),
    panel('One loss, SACK', 'one-loss-sack', oneLoss, 0.6, 40),
    panel('One loss, no SACK: ours as inflated (RFC 6582)', 'one-loss', oneLossWithoutSack, 0.6, 80),
  ])
  if (process.env['MODELS_WRITE'] === '1') writeFileSync(PICTURE, drawn)
  assert.ok(
    readFileSync(PICTURE, 'utf8') === drawn,
    'test/models/new-reno.svg shows other curves than this run gave; rewrite it with MODELS_WRITE=1 if they are meant to be',
  )
})
