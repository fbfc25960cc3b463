/**
 * QUIC's congestion window beside TCP's on the same line, which is to say RFC 9002 beside RFC 5681, 6675 and 9438 where they should agree: long
 * transfers that only the queue of the bottleneck limits. TCP's go through the whole stack; QUIC's are of loss recovery and acknowledgments
 * alone. All curves are drawn into `quic-window.svg`; after a change that is meant to move them,
 *
 *     MODELS_WRITE=1 node --import tsx --test test/models/quic-window.test.ts
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { runInline } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { download, MS } from '../protocols/quic/recovery-lab.ts'
import { drawCurves, type Panel } from './curve-drawing.ts'

const PICTURE = resolve(import.meta.dirname, 'quic-window.svg')
const [RATE, QUEUE, SECONDS] = [10e6, 62_500, 40]
/** Frames of 1,514 bytes: with TCP and timestamps, and with UDP. */
const [SMSS, PACKET] = [1448, 1472]

type Point = readonly [time: number, segments: number]
type Control = 'new-reno' | 'cubic'

/** Unpaced: TCP measures its round-trip time once a round trip, and a pacer that believes it is late after each reduction. */
const settings = { hystart: 'hystart++', pacing: false, slowStartPerAck: 8, slowStartAfterIdle: false } as const

function overTcp(congestionControl: Control): Point[] {
  const tcp = { ...settings, congestionControl, sendBuffer: '4 MiB', receiveBuffer: '4 MiB' }
  const scenario = resolveScenario({
    id: 'quic-window',
    title: 'TCP beside QUIC',
    duration: `${String(SECONDS)} s`,
    hosts: {
      sender: { tcp, app: 'socket-script', connect: 'receiver:7', steps: [{ do: 'send', bytes: '100000000 B' }] },
      receiver: { tcp, app: 'socket-script', listen: 7, steps: [{ do: 'read-to-end' }] },
    },
    links: [{ between: ['sender', 'receiver'], rate: '10 Mbit/s', delay: '25 ms', queue: '62500 B' }],
  })
  const { trace } = runInline(scenario, { traceLimit: 1e9 })
  const events = trace.all('tcp:congestion-updated').filter(({ host }) => host === 0)
  return events.map(({ time, data }): Point => [time / 1e9, Number(data['cwnd']) / SMSS])
}

function overQuic(congestionControl: Control): Point[] {
  const link = { rate: RATE, delay: 25 * MS, queue: QUEUE, loss: 0 }
  const { window } = download(100e6, link, 1, { congestionControl, cubicReno: 'rfc9438', pacing: false, packet: PACKET }, SECONDS)
  return window.map(([time, bytes]): Point => [time, bytes / PACKET])
}

interface Shape {
  /** Segments in the window, on average over time. */
  readonly mean: number
  /** The window at reductions, and after them. */
  readonly peak: number
  readonly trough: number
  /** From one reduction to the next, in seconds. */
  readonly period: number
}

const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** What a window does once slow start is forgotten. */
function shapeOf(points: readonly Point[]): Shape {
  const late = points.filter(([time]) => time > 5)
  let area = 0
  const [reductions, peaks, troughs]: number[][] = [[], [], []]
  for (let i = 1; i < late.length; i++) {
    const [[since, before], [time, segments]] = [late[i - 1], late[i]]
    area += before * (time - since)
    if (segments > before * 0.85) continue
    reductions.push(time)
    peaks.push(before)
    troughs.push(segments)
  }
  assert.ok(reductions.length >= 3, `${String(reductions.length)} reductions`)
  return {
    mean: area / (late[late.length - 1][0] - late[0][0]),
    peak: average(peaks),
    trough: average(troughs),
    period: (reductions[reductions.length - 1] - reductions[0]) / (reductions.length - 1),
  }
}

const panels: Panel[] = []
const curves = Object.fromEntries(
  (['new-reno', 'cubic'] as const).map((control) => [control, { tcp: overTcp(control), quic: overQuic(control) }]),
) as Record<Control, { tcp: Point[]; quic: Point[] }>

for (const [control, title] of [
  ['new-reno', 'NewReno'],
  ['cubic', 'CUBIC'],
] as const) {
  const { tcp, quic } = curves[control]
  panels.push({
    title: `${title}: 10 Mbit/s, 50 ms, a queue of 62,500 bytes`,
    until: SECONDS,
    most: 170,
    unit: 'segments',
    curves: [
      { label: 'TCP', colour: '#0072b2', points: tcp },
      { label: 'QUIC', colour: '#d55e00', points: quic },
    ],
  })
  test(`${title}: QUIC's window has the shape of TCP's on the same line`, () => {
    const [ours, theirs] = [shapeOf(quic), shapeOf(tcp)]
    for (const name of ['mean', 'peak', 'trough', 'period'] as const) {
      const ratio = ours[name] / theirs[name]
      assert.ok(ratio > 0.9 && ratio < 1.1, `${name}: ${ours[name].toFixed(2)} beside ${theirs[name].toFixed(2)}`)
    }
  })
}

test('RFC 9002 section 7.3.2, RFC 9438 section 4.6: half of the window is left by NewReno, seven tenths by CUBIC', () => {
  for (const [control, part] of [
    ['new-reno', 0.5],
    ['cubic', 0.7],
  ] as const) {
    const { peak, trough } = shapeOf(curves[control].quic)
    assert.ok(Math.abs(trough / peak - part) < 0.02, `${control}: ${(trough / peak).toFixed(3)}`)
  }
})

test('the picture shows these curves', () => {
  const picture = drawCurves(panels)
  if (process.env['MODELS_WRITE'] === '1') writeFileSync(PICTURE, picture)
  assert.equal(readFileSync(PICTURE, 'utf8'), picture, 'MODELS_WRITE=1 draws it anew')
})
