import assert from 'node:assert/strict'
import { runOf, type RunSetup } from '../catalog-runs.ts'
import { knobs, later, withData, isOf, event, ms, s } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import { formatCount } from '../../../src/scenario/units.ts'
import type { TraceView } from '../../../src/trace/record.ts'

testScenario('ipv4-and-ipv6', {
  variants: knobs(
    { path: 'silent' },
    { path: 'silent', eyeballs: false },
    { path: 'cut' },
    { path: 'cut', eyeballs: false },
    { loss: 0.02 },
    { loss: 0.1 },
    { path: 'silent', loss: 0.1 },
    { path: 'cut', loss: 0.1, eyeballs: false },
  ),
  contradictions: [
    [{}, { frame: (frame) => (frame.kind === 'tcp-syn' && frame.length === 94 ? { ...frame, length: 74 } : frame) }],
    [{}, { event: (event, trace) => (isOf(event, trace, 'browser', 'ndp:resolved') ? later(event, 1e6) : event) }],
    [{}, { event: (event) => (event.name === 'browser:connection-attempt-started' ? withData(event, { version: 4 }) : event) }],
    [{ knobs: { path: 'silent' } }, { event: (event) => (event.data['attempt'] === 2 ? later(event, 1e6) : event) }],
    [
      { knobs: { path: 'silent' } },
      { event: (event) => ({ ...event, name: event.name.replace('attempt-cancelled', 'attempt-succeeded') }) },
    ],
  ],
  figures: () => {
    const run = (knobs: RunSetup['knobs'] = {}): TraceView => runOf('ipv4-and-ipv6', { knobs }).trace
    const trace = run()
    const pages = trace.all('page:loaded').map(({ data }) => Number(data['duration']))
    const received = (from: number, to: number): number[] =>
      [...trace.frames((frame) => trace.hosts[frame.to] === 'browser' && frame.enqueued >= from && frame.enqueued < to)].map(
        ({ length }) => length,
      )
    const [over4, over6] = [received(0, 600e6), received(600e6, 1200e6)]
    const sum = (lengths: readonly number[]): string => formatCount(lengths.reduce((all, length) => all + length, 0))
    const sent = (kind: string) => [...trace.frames((frame) => frame.kind === kind && trace.hosts[frame.from] === 'browser')]
    const waits = (['arp', 'ndp'] as const).map(
      (kind) => event(trace, 'browser', `${kind}:resolved`).time - sent(kind)[0].enqueued,
    )
    const loaded = (path: string, eyeballs: boolean): number =>
      Number(event(run({ path, eyeballs }), 'browser', 'page:loaded').data['duration'])
    const silent = run({ path: 'silent', eyeballs: false })
    const syns = [...silent.frames(({ kind, from }) => kind === 'tcp-syn' && silent.hosts[from] === 'browser')].map(
      ({ enqueued }) => Math.round(enqueued / 1e9),
    )
    assert.equal(loaded('cut', true), loaded('silent', true))
    assert.equal(ms(waits[0]), ms(waits[1]))
    return [
      `the first SYN | ${String(sent('tcp-syn')[0].length)} bytes | ${String(sent('tcp-syn')[1].length)} bytes |`,
      `frames for the browser | ${String(over4.length)} | ${String(over6.length)} |`,
      `bytes in these | ${sum(over4)} | ${sum(over6)} |`,
      `until everything is there | ${ms(pages[0], 1)} | ${ms(pages[1], 1)} |`,
      `a frame of ${String(sent('arp')[0].length)} bytes`,
      `${String(sent('ndp')[0].length)} bytes of ICMPv6`,
      `the first packet waits ${ms(waits[0])} for it`,
      `The page is there after ${ms(loaded('silent', true), 1)}`,
      `at ${syns.slice(1, 6).join(', ')} and ${String(syns[6])} s, and gives up at ${String(syns[7])} s`,
      `the page is there after ${s(loaded('silent', false))}`,
      `after ${s(event(run({ path: 'cut', eyeballs: false }), 'six', 'icmpv6:sent').time)} it reports`,
      `the page is there after ${s(loaded('cut', false))}`,
    ]
  },
  ways: ['silent', 'cut'].flatMap((path) => [{ knobs: { path } }, { knobs: { path, eyeballs: false } }]),
  passesOnWrongFrames: true,
})
