/** What was configured is what is measured, through all layers. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInline } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { TraceView } from '../../src/trace/record.ts'

/** Ethernet, IPv4 and ICMP headers. */
const ECHO_HEADERS = 14 + 20 + 8

/** Nanoseconds of one way over links of these one-way delays (ns) and rates (bit/s). */
function oneWay(bytes: number, links: readonly { delay: number; rate: number }[]): number {
  return links.reduce((sum, { delay, rate }) => sum + delay + (bytes * 8e9) / rate, 0)
}

function roundTrips(trace: TraceView): number[] {
  return trace.all('ping:replied').map(({ data }) => Number(data['rtt']))
}

describe('a round trip takes twice the delay, and the time on the line', () => {
  const links = [
    { delay: 1e6, rate: 1e6 },
    { delay: 20e6, rate: 10e6 },
    { delay: 1000, rate: 1e9 },
    { delay: 250e6, rate: 56e3 },
    { delay: 1, rate: 100e3 },
  ]
  for (const { delay, rate } of links) {
    for (const size of [0, 56, 1400]) {
      test(`${delay / 1e6} ms, ${rate / 1e6} Mbit/s, ${size} bytes`, () => {
        const { trace } = runInline(
          resolveScenario({
            id: 'rtt',
            title: 'RTT',
            duration: '20 s',
            hosts: { alice: { app: 'ping', to: 'bob', count: 5, interval: '2 s', size: `${size} B`, timeout: '5 s' }, bob: {} },
            links: [{ between: ['alice', 'bob'], delay: `${delay} ns`, rate: `${rate} bit/s` }],
          }),
        )
        // The first also waits for an address to be resolved.
        const times = roundTrips(trace).slice(1)
        assert.equal(times.length, 4)
        const expected = 2 * oneWay(size + ECHO_HEADERS, [{ delay, rate }])
        for (const rtt of times) assert.ok(Math.abs(rtt - expected) <= expected * 0.01, `${rtt} ns instead of ${expected} ns`)
      })
    }
  }

  test('over two routers and a switch, each way with delays and rates of its own', () => {
    const there = [
      { delay: 2e6, rate: 10e6 },
      { delay: 5e6, rate: 1e6 },
      { delay: 7e6, rate: 2e6 },
      { delay: 1e5, rate: 100e6 },
    ]
    const back = [
      { delay: 9e6, rate: 10e6 },
      { delay: 1e6, rate: 3e6 },
      { delay: 3e6, rate: 2e6 },
      { delay: 2e5, rate: 1e6 },
    ]
    const names = ['alice', 'lan', 'r1', 'r2', 'bob']
    const { trace } = runInline(
      resolveScenario({
        id: 'rtt',
        title: 'RTT',
        duration: '10 s',
        hosts: {
          alice: { app: 'ping', to: 'bob', count: 4, interval: '1 s', size: '500 B' },
          lan: { kind: 'switch' },
          r1: { kind: 'router' },
          r2: { kind: 'router' },
          bob: {},
        },
        links: there.map((_, index) => ({
          between: [names[index], names[index + 1]],
          forward: { delay: `${there[index].delay} ns`, rate: `${there[index].rate} bit/s` },
          backward: { delay: `${back[index].delay} ns`, rate: `${back[index].rate} bit/s` },
        })),
      }),
    )
    const expected = oneWay(500 + ECHO_HEADERS, there) + oneWay(500 + ECHO_HEADERS, back)
    const times = roundTrips(trace).slice(1)
    assert.equal(times.length, 3)
    for (const rtt of times) assert.ok(Math.abs(rtt - expected) <= expected * 0.01, `${rtt} ns instead of ${expected} ns`)
  })
})

describe('a download fills at least 95 % of a line that loses nothing', () => {
  const cases = [
    { rate: 1e6, delay: 50e6, size: 2e6 },
    { rate: 10e6, delay: 1e6, size: 5e6 },
    { rate: 10e6, delay: 40e6, size: 20e6 },
    { rate: 100e6, delay: 10e6, size: 50e6 },
    { rate: 1e9, delay: 1e6, size: 80e6 },
    { rate: 1e9, delay: 1e3, size: 20e6 },
    // A delay must not throttle: elsewhere a millisecond made 5 Mbit/s of this.
    { rate: 2e9, delay: 1e6, size: 100e6 },
  ]
  for (const { rate, delay, size } of cases) {
    test(`${rate / 1e6} Mbit/s, ${delay / 1e6} ms`, () => {
      const { trace } = runInline(
        resolveScenario({
          id: 'throughput',
          title: 'Throughput',
          duration: '60 s',
          hosts: {
            alice: { app: 'browser', visits: 'http://bob/file', tcp: { receiveBuffer: '8 MiB' } },
            bob: { app: 'web-server', serves: { '/file': `${size} B` }, tcp: { sendBuffer: '8 MiB' } },
          },
          links: [{ between: ['alice', 'bob'], delay: `${delay} ns`, rate: `${rate} bit/s`, queue: 'unlimited' }],
        }),
        { traceLimit: 20_000_000 },
      )
      const response = trace.first('http:response-received')
      assert.equal(response?.data['bytes'], size)
      assert.deepEqual(trace.all('tcp:segment-retransmitted'), [])
      // Of what a line of this rate carries in the time from the request to the last byte, less the way there and back.
      const took = Number(response.data['duration']) - 2 * delay
      const segment = 1448
      const onLine = size * ((segment + 66) / segment)
      const used = (onLine * 8e9) / took / rate
      assert.ok(used >= 0.95, `${(used * 100).toFixed(1)} % of the rate`)
      assert.ok(used <= 1.001, `${(used * 100).toFixed(1)} % of the rate: faster than the line`)
    })
  }
})
