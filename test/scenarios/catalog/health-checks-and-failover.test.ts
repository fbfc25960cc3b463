import { runOf, type RunSetup } from '../catalog-runs.ts'
import { event, isOf, knobs, later, ms, s, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { EventRecord, TraceView } from '../../../src/trace/record.ts'

const DRAINED: RunSetup = { interventions: [{ at: 5e9, set: { knob: 'drain', value: true } }] }

const isAbout = ({ data }: EventRecord, state: string): boolean => data['backend'] === 'w2' && data['state'] === state

const changed = (trace: TraceView, host: string, state: string): number =>
  event(trace, host, 'balancer:backend-changed', 0, (each) => isAbout(each, state)).time

/** What became of a client's requests that were made in this time. */
function made(trace: TraceView, host: string, from: number, to: number): { failed: string; slowest: number } {
  const ended = trace.all('request:ended', (each) => {
    const due = each.time - Number(each.data['duration'])
    return trace.hosts[each.host] === host && due >= from && due < to
  })
  const good = ended.filter(({ data }) => data['status'] === 200)
  return {
    failed: `${String(ended.length - good.length)} of ${String(ended.length)}`,
    slowest: Math.max(...good.map(({ data }) => Number(data['duration']))),
  }
}

function silence(trace: TraceView, host: string): number {
  const good = trace.all('request:ended', (each) => trace.hosts[each.host] === host && each.data['status'] === 200)
  const next = good.findIndex(({ time }) => time > 22.1e9)
  return good[next].time - good[next - 1].time
}

const share = (trace: TraceView, host: string, from: number): string => {
  const picks = trace.all(
    'balancer:picked',
    (each) => trace.hosts[each.host] === host && each.time >= from && each.time < from + 2e9,
  )
  return `${((picks.filter(({ data }) => data['backend'] === 'w2').length / picks.length) * 100).toFixed(0)} %`
}

testScenario('health-checks-and-failover', {
  variants: [
    ...knobs(
      { interval: '500 ms', advertisements: '100 ms' },
      { interval: '2 s', retries: 2 },
      { retries: 0, slowStart: '0 s', standby: false },
    ),
    DRAINED,
  ],
  contradictions: [
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'asking', 'balancer:backend-changed') && isAbout(each, 'down') ? later(each, 2e9) : each,
      },
    ],
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'watching', 'balancer:backend-changed') && isAbout(each, 'ejected') ? later(each, -0.5e9) : each,
      },
    ],
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'cleo', 'request:ended') && Number(each.data['duration']) > 400e6
            ? withData(each, { status: 504 })
            : each,
      },
    ],
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'active', 'balancer:picked') && each.time > 15e9 ? withData(each, { backend: 'w2' }) : each,
      },
    ],
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'standby', 'vrrp:state-changed') && each.data['state'] === 'ACTIVE' ? later(each, 2e9) : each,
      },
    ],
  ],
  figures: () => {
    const { trace } = runOf('health-checks-and-failover')
    const row = (client: string, balancer: string, state: string): string => {
      const { failed, slowest } = made(trace, client, 6e9, 14e9)
      return `${s(changed(trace, balancer, state) - 6e9, 2)} | ${failed} | ${ms(slowest)} |`
    }
    const seldom = runOf('health-checks-and-failover', { knobs: { interval: '2 s' } }).trace
    const often = runOf('health-checks-and-failover', { knobs: { advertisements: '100 ms' } }).trace
    const drained = runOf('health-checks-and-failover', DRAINED).trace
    const taken = event(trace, 'standby', 'vrrp:state-changed', 0, ({ data }) => data['state'] === 'ACTIVE').time
    const back = changed(trace, 'asking', 'up')
    const unharmed = ['ann', 'ben', 'cleo'].every((host) => made(drained, host, 4e9, 22e9).failed.startsWith('0 of'))
    return [
      row('ann', 'asking', 'down'),
      row('ben', 'watching', 'ejected'),
      row('cleo', 'active', 'ejected'),
      `it was out after ${s(changed(seldom, 'asking', 'down') - 6e9, 2)}`,
      `at ${s(back, 2)} two checks were good. Ann's balancer sent it ${share(trace, 'asking', back)} of the requests`,
      `Cleo's sent ${share(trace, 'active', changed(trace, 'active', 'slow-start'))} in the first two seconds`,
      unharmed ? 'its death cost nobody a request' : 'its death cost somebody a request',
      `Ben got no answer for ${s(silence(trace, 'ben'), 2)}`,
      `That was ${s(taken - 22e9, 2)} after the death`,
      `Cleo had no answer for ${s(silence(trace, 'cleo'), 2)}`,
      made(often, 'cleo', 14e9, 36e9).failed.startsWith('0 of') ? 'none of her requests failed' : 'some of her requests failed',
    ]
  },
  ways: knobs({ interval: '2 s', advertisements: '100 ms' }, { drain: true, standby: false }, { retries: 0, slowStart: '0 s' }),
  passesOnWrongFrames: true,
})
