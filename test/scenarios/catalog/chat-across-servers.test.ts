import assert from 'node:assert/strict'
import { judgeClaims } from '../../../src/scenario/claims.ts'
import { formatCount } from '../../../src/scenario/units.ts'
import { runOf, sourceOf, type RunSetup } from '../catalog-runs.ts'
import { count, isOf, knobs, later, median, ms, s } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { TraceView } from '../../../src/trace/record.ts'

const ID = 'chat-across-servers'
const CHANNEL: RunSetup['knobs'] = { bus: 'channel' }
const STREAM: RunSetup['knobs'] = { bus: 'stream' }
const SAFE: RunSetup['knobs'] = { bus: 'stream', fsync: 'always' }

const isCalm = (time: number): boolean => time >= 2e9 && time < 7e9

/** Ids of what was said on a side's server. */
const idsOf = (trace: TraceView, side: string): Set<unknown> =>
  new Set(trace.all('chat:said', ({ host }) => trace.hosts[host] === `${side}-server`).map(({ data }) => data['id']))

/** Delays of what was said in the west in calm time, to people of a side. */
function delays(trace: TraceView, to: string): number[] {
  const said = idsOf(trace, 'west')
  return trace
    .all('chat:heard', ({ host, time, data }) => trace.hosts[host] === to && isCalm(time) && said.has(data['id']))
    .map(({ data }) => Number(data['delay']))
}

function bytesAtBus(trace: TraceView): string {
  let sum = 0
  const said = trace.all('chat:sent', ({ time, data }) => isCalm(time) && data['again'] === false).length
  for (const { from, to, sent, length } of trace.frames())
    if (isCalm(sent) && (trace.hosts[from] === 'bus' || trace.hosts[to] === 'bus')) sum += length
  return formatCount(Math.round(sum / said))
}

function row(label: string, knobs: NonNullable<RunSetup['knobs']>): string {
  const { trace } = runOf(ID, { knobs })
  const other = delays(trace, 'east')
  return `${label} | ${ms(median(delays(trace, 'west')), 1)} | ${other.length === 0 ? 'never' : ms(median(other), 1)} | ${bytesAtBus(trace)} |`
}

/** What each claim found. */
const evidence = (knobs: NonNullable<RunSetup['knobs']>): string[] =>
  judgeClaims(sourceOf(ID), runOf(ID, { knobs }).trace).map((verdict) => verdict.evidence)

testScenario(ID, {
  variants: knobs(CHANNEL, STREAM, SAFE, { ...STREAM, delay: 50e6 }, { ...SAFE, say: 4e9 }),
  contradictions: [
    [{}, { event: (event, trace) => (isOf(event, trace, 'west', 'chat:heard') && event.member === 3 ? undefined : event) }],
    [
      { knobs: STREAM },
      { event: (event, trace) => (isOf(event, trace, 'east', 'chat:heard') && event.member === 3 ? undefined : event) },
    ],
    [
      { knobs: STREAM },
      { event: (event) => (event.name === 'chat:acknowledged' && event.time > 11e9 ? later(event, -1.5e9) : event) },
    ],
    [
      { knobs: SAFE },
      { event: (event, trace) => (isOf(event, trace, 'zoe', 'chat:heard') && event.id % 2 === 0 ? undefined : event) },
    ],
    [
      { knobs: STREAM },
      {
        event: (event, trace) =>
          isOf(event, trace, 'east', 'chat:heard') && event.time > 17e9 && event.time < 20e9 ? undefined : event,
      },
    ],
  ],
  figures: () => {
    const [islands] = evidence({})
    const [, , , , away] = evidence(CHANNEL)
    const [, , again, log, back] = evidence(STREAM)
    const [, , , safe] = evidence(SAFE)
    const found = (text: string, pattern: RegExp): string[] => {
      const match = pattern.exec(text)
      assert.ok(match, `${text} does not say ${String(pattern)}`)
      return match.slice(1)
    }
    const [said, own, other] = found(islands, /Of (\d+) messages, (\d+ of \d+) .* (\d+ of \d+)/)
    const [missed, none, all] = found(away, /Of (\d+) messages .* (\d+) of (\d+) deliveries/)
    const [caught] = found(back, /(\d+ of \d+) deliveries/)
    const [meanwhile, first, heard] = found(again, /^(\d+) messages .* acknowledged ([\d.]+ s) after .*; (\d+) of/)
    const [before, kept] = found(log, /Of (\d+) messages .* still got (\d+)/)
    const [, safely] = found(safe, /Of (\d+) messages .* still got (\d+)/)
    const { trace } = runOf(ID, { knobs: STREAM })
    const refused = count(trace, 'west', 'chat:refused') + count(trace, 'east', 'chat:refused')
    assert.equal(Number(before) - Number(kept), 2)
    assert.ok(Number.parseFloat(first) > 3, s(3e9))
    return [
      `of ${said} messages, ${own} deliveries come about on the server where they were said, and ${other} on the other`,
      `All ${String(2 * Number(own.split(' ')[0]))} deliveries come about.`,
      row('nothing', {}),
      row('a channel', CHANNEL),
      row('a stream', STREAM),
      `${missed} messages are said in the west`,
      `of ${all} deliveries in the east, ${none} come about`,
      `so does one that comes back. ${caught}.`,
      `${meanwhile} messages are said meanwhile`,
      `${String(refused)} times that is _not now_`,
      `acknowledged ${first} after the crash`,
      `all ${heard} deliveries come about, none twice`,
      `${before} messages had been acknowledged before the crash. She gets ${kept}`,
      `${safely} of ${before}`,
    ]
  },
  ways: [{ knobs: CHANNEL }, { knobs: SAFE }, { knobs: STREAM, links: { loss: 0.02 } }],
  waits: [{ knobs: STREAM }],
})
