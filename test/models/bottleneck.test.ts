/** What congestion controls are known for, seen at a bottleneck of 10 Mbit/s with 50 ms of round-trip time, through the whole stack. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInline } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'

const RATE = 10e6
const RTT = 0.05
/** A segment's payload over its Ethernet frame: what the line gives at most. */
const EFFICIENCY = 1448 / 1514

interface Flow {
  /** Bits per second of payload, over the time in which all flows are there. */
  readonly goodput: number
  /** Round-trip times in seconds, in rising order, after the first second. */
  readonly rtts: readonly number[]
  readonly resent: number
  readonly marks: number
  /** The congestion window as it changed, in seconds and segments. */
  readonly windows: readonly { readonly time: number; readonly segments: number }[]
}

type Tcp = Readonly<Record<string, unknown>>

/**
 * Flows from a host each, over one router, to one receiver, for some time.
 * @param bottleneck settings of its link
 */
function share(flows: readonly Tcp[], bottleneck: Readonly<Record<string, unknown>>, seconds: number): Flow[] {
  const names = flows.map((_, index) => `sender${String(index + 1)}`)
  const listeners = flows.map((_, index) => ({ app: 'socket-script', listen: 7 + index, steps: [{ do: 'read-to-end' }] }))
  const scenario = resolveScenario({
    id: 'bottleneck',
    title: 'A bottleneck',
    seed: 4,
    duration: `${String(seconds)} s`,
    hosts: {
      ...Object.fromEntries(
        flows.map((tcp, index) => [
          names[index],
          { tcp, app: 'socket-script', connect: `receiver:${String(7 + index)}`, steps: [{ do: 'send', bytes: '100000000 B' }] },
        ]),
      ),
      router: { kind: 'router' },
      receiver: { tcp: { ecn: 'passive' }, apps: listeners },
    },
    links: [
      ...names.map((name) => ({ between: [name, 'router'], rate: '1 Gbit/s', delay: '5 ms' })),
      { between: ['router', 'receiver'], rate: '10 Mbit/s', delay: '20 ms', ...bottleneck },
    ],
  })
  const { trace } = runInline(scenario, { traceLimit: 1e9 })
  const receiver = trace.hosts.indexOf('receiver')
  const delivered = trace.all('tcp:delivered').filter(({ host }) => host === receiver)
  return flows.map((_, index) => {
    const host = trace.hosts.indexOf(names[index])
    const own = (name: string) => trace.all(name).filter((event) => event.host === host)
    const { connection } = own('tcp:state-changed')[0]
    const late = delivered.filter((event) => event.connection === connection && event.time > 1e9)
    const bytes = late.reduce((sum, { data }) => sum + Number(data['length']), 0)
    const rtts = own('tcp:rtt-sampled').filter(({ time }) => time > 1e9)
    return {
      goodput: (bytes * 8) / (seconds - 1),
      rtts: rtts.map(({ data }) => Number(data['rtt']) / 1e9).sort((a, b) => a - b),
      resent: own('tcp:segment-retransmitted').length,
      marks: own('tcp:congestion-marked').length,
      windows: own('tcp:congestion-updated').map(({ time, data }) => ({
        time: time / 1e9,
        segments: Number(data['cwnd']) / 1448,
      })),
    }
  })
}

const middle = (values: readonly number[]): number => values[values.length >>> 1]
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
/** Which part of what the line gives. */
const used = (...flows: readonly Flow[]): number => flows.reduce((sum, { goodput }) => sum + goodput, 0) / (RATE * EFFICIENCY)

const LARGE_BUFFERS = { sendBuffer: '4 MiB', receiveBuffer: '4 MiB' }

test('a large buffer: BBR fills the line and leaves the buffer nearly empty, CUBIC and NewReno fill that too', () => {
  const [bbr] = share([{ congestionControl: 'bbr', ...LARGE_BUFFERS }], { queue: '1 MB' }, 20)
  assert.ok(used(bbr) > 0.95, `BBR uses ${percent(used(bbr))}`)
  assert.ok(middle(bbr.rtts) < 1.2 * RTT, `BBR's round trip takes ${String(middle(bbr.rtts))} s`)
  assert.equal(bbr.resent, 0)
  for (const congestionControl of ['cubic', 'new-reno']) {
    const [flow] = share([{ congestionControl, ...LARGE_BUFFERS }], { queue: '1 MB' }, 20)
    assert.ok(used(flow) > 0.95, `${congestionControl} uses ${percent(used(flow))}`)
    assert.ok(middle(flow.rtts) > 4 * RTT, `${congestionControl}'s round trip takes ${String(middle(flow.rtts))} s`)
  }
})

test('a buffer of a quarter of the bandwidth-delay product: BBR uses nine tenths of the line', () => {
  const [bbr] = share([{ congestionControl: 'bbr' }], { queue: '15625 B' }, 20)
  assert.ok(used(bbr) > 0.9, `it uses ${percent(used(bbr))}`)
})

test('2 % random loss: BBR uses nine tenths of the line, which leaves the others a fifth', () => {
  const [bbr] = share([{ congestionControl: 'bbr' }], { queue: '62500 B', loss: '2 %' }, 20)
  assert.ok(used(bbr) > 0.9, `BBR uses ${percent(used(bbr))}`)
  for (const congestionControl of ['cubic', 'new-reno']) {
    const [flow] = share([{ congestionControl }], { queue: '62500 B', loss: '2 %' }, 20)
    assert.ok(used(flow) < 0.25, `${congestionControl} uses ${percent(used(flow))}`)
  }
})

test('BBR looks at the empty path when ten seconds have brought no shorter round trip: four segments for a fifth of a second', () => {
  // Each sees the other's queue.
  const flows = share([{ congestionControl: 'bbr' }, { congestionControl: 'bbr' }], { queue: '250000 B' }, 25)
  for (const { windows } of flows) {
    const from = windows.find(({ segments }) => segments === 4)?.time ?? NaN
    const to = windows.find(({ time, segments }) => time > from && segments > 4)?.time ?? NaN
    assert.ok(from > 10 && from < 12, `it begins at ${String(from)} s`)
    assert.ok(to - from > 0.2 && to - from < 0.5, `it takes ${String(to - from)} s`)
  }
})

for (const congestionControl of ['new-reno', 'cubic', 'bbr']) {
  test(`two ${congestionControl} flows share the line: both together fill it, and neither gets less than 30 % of it`, () => {
    const [first, second] = share([{ congestionControl }, { congestionControl }], { queue: '62500 B' }, 40)
    assert.ok(used(first, second) > 0.95, `they use ${percent(used(first, second))}`)
    for (const flow of [first, second]) assert.ok(used(flow) > 0.3, `one of them gets ${percent(used(flow))}`)
  })
}

for (const congestionControl of ['new-reno', 'cubic']) {
  test(`${congestionControl} with ECN over CoDel: marks hold the queue down, and next to nothing is lost`, () => {
    const codel = { discipline: 'codel', queue: '1000 packets' }
    const [marked] = share([{ congestionControl, ecn: 'on', hystart: 'hystart++' }], { ...codel, ecn: true }, 20)
    const [dropped] = share([{ congestionControl, ecn: 'off', hystart: 'hystart++' }], { ...codel, ecn: true }, 20)
    assert.ok(marked.marks > 3, `${String(marked.marks)} reductions for marks`)
    assert.equal(marked.resent, 0)
    assert.deepEqual([dropped.marks, dropped.resent > 3], [0, true], 'without ECN, CoDel drops')
    for (const flow of [marked, dropped]) {
      assert.ok(used(flow) > 0.8, `it uses ${percent(used(flow))}`)
      assert.ok(middle(flow.rtts) < 1.5 * RTT, `its round trip takes ${String(middle(flow.rtts))} s`)
    }
  })
}

test('HyStart++ spares NewReno and CUBIC most of the losses that end slow start', () => {
  for (const congestionControl of ['new-reno', 'cubic']) {
    const settings = { congestionControl, slowStartPerAck: 8 }
    const [[plain], [hystart]] = (['off', 'hystart++'] as const).map((exit) =>
      share([{ ...settings, ...LARGE_BUFFERS, hystart: exit }], { queue: '250000 B' }, 3),
    )
    assert.ok(plain.resent > 30, `${congestionControl} without: ${String(plain.resent)} retransmissions`)
    assert.ok(hystart.resent * 4 < plain.resent, `with: ${String(hystart.resent)} for ${String(plain.resent)}`)
    assert.ok(used(hystart) > 0.9, `it uses ${percent(used(hystart))}`)
  }
})
