import { formatCount } from '../../../src/scenario/units.ts'
import { runOf } from '../catalog-runs.ts'
import { isOf, knobs, later, median, ms, s, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { EventRecord, TraceView } from '../../../src/trace/record.ts'

const ID = 'polling-push-and-sockets'
const WAYS = ['short', 'long', 'events', 'sockets'] as const
type Way = (typeof WAYS)[number]

const FROM = 2.5e9
const TO = 10.5e9
const isCalm = (time: number): boolean => time >= FROM && time < TO
const amount = (event: EventRecord | undefined, key: string): number => Number(event?.data[key])

const ofServer = (trace: TraceView, way: Way, name: string): EventRecord[] =>
  trace.all(name, (event) => trace.hosts[event.host] === `${way}-server`)

/** Delays of what was published within a time. */
function delays(trace: TraceView, way: Way, isMeant: (time: number) => boolean): number[] {
  const ids = new Set(
    ofServer(trace, way, 'news:published')
      .filter(({ time }) => isMeant(time))
      .map(({ data }) => data['id']),
  )
  const received = trace.all('news:received', (event) => trace.hosts[event.host] === way && ids.has(event.data['id']))
  return received.map((event) => amount(event, 'delay'))
}

/** Of the calm time: bytes a second for each reader. */
function bytes(trace: TraceView, way: Way): string {
  let sum = 0
  for (const { from, sent, length } of trace.frames())
    if (isCalm(sent) && [way, `${way}-server`].includes(trace.hosts[from])) sum += length
  return formatCount(Math.round(sum / 10 / 8))
}

/** The mean of a figure of the server's load over the calm time. */
function load(trace: TraceView, way: Way, figure: string): number {
  const samples = ofServer(trace, way, 'host:load-sampled')
  let sum = 0
  for (let time = FROM; time < TO; time += 1e8) sum += amount(samples.filter((sample) => sample.time <= time).at(-1), figure)
  return sum / 80
}

const kB = (size: number): string => `${String(Math.round(size / 1000))} kB`

testScenario(ID, {
  variants: knobs({ news: 4e9 }, { news: 200e6, poll: 250e6 }, { poll: 10e9 }, { loss: 0.05 }),
  contradictions: [
    [
      {},
      {
        event: (event, trace) => (isOf(event, trace, 'sockets-server', 'http:request-received') ? later(event, 3e9) : event),
      },
    ],
    [
      {},
      {
        event: (event, trace) =>
          isOf(event, trace, 'events', 'news:received') ? withData(event, { delay: amount(event, 'delay') + 30e6 }) : event,
      },
    ],
    [
      {},
      {
        frame: (frame, trace) =>
          trace.hosts[frame.from] === 'long-server' && frame.payload > 0 && frame.number % 2 === 0 ? undefined : frame,
      },
    ],
    [
      {},
      {
        event: (event, trace) =>
          isOf(event, trace, 'long', 'news:received') && event.member === 7 && event.time > 12e9 && event.time < 14e9
            ? undefined
            : event,
      },
    ],
    [
      {},
      {
        event: (event) => (event.data['state'] === 'backing-off' && event.time > 19.5e9 ? later(event, -1e9) : event),
      },
    ],
  ],
  figures: () => {
    const plain = runOf(ID).trace
    const middle = (trace: TraceView, way: Way): number => median(delays(trace, way, isCalm))
    const row = (label: string, way: Way): string => {
      const requests = ofServer(plain, way, 'http:request-received').filter(({ time }) => isCalm(time)).length
      const delay = middle(plain, way)
      return `${label} | ${String(requests)} | ${bytes(plain, way)} | ${delay < 1e9 ? ms(delay, 1) : s(delay, 2)} | ${kB(load(plain, way, 'memory'))} |`
    }
    const rates = (label: string, trace: TraceView): string => `${label} | ${WAYS.map((way) => bytes(trace, way)).join(' | ')} |`
    const rare = runOf(ID, { knobs: { poll: 10e9 } }).trace
    const isCut = (time: number): boolean => time > 11.9e9 && time < 12.1e9
    const [, long, events, sockets] = WAYS.map((way) => s(median(delays(plain, way, isCut)), 2))
    const lossy = [1, 2, 3, 4, 5].map((seed) => runOf(ID, { seed, knobs: { loss: 0.05 } }).trace)
    const all = WAYS.slice(1).map((way) =>
      lossy.flatMap((trace) =>
        trace
          .all('news:received', ({ host, time }) => trace.hosts[host] === way && time < 11e9)
          .map((event) => amount(event, 'delay')),
      ),
    )
    const late = all.map((some) => `${((100 * some.filter((delay) => delay > 100e6).length) / some.length).toFixed(1)} %`)
    return [
      row('Short polling', 'short'),
      row('Long polling', 'long'),
      row('Events', 'events'),
      row('WebSocket', 'sockets'),
      rates('5 a second', runOf(ID, { knobs: { news: 200e6 } }).trace),
      rates('each second', plain),
      rates('every 4 s', runOf(ID, { knobs: { news: 4e9 } }).trace),
      `${load(rare, 'short', 'connections').toFixed(1)} connections are open on average then, which is ${kB(load(rare, 'short', 'memory'))}`,
      `after ${long} by long polling, ${events} with events, ${sockets} by WebSocket`,
      `${late[0]}, ${late[1]} and ${late[2]} of the news takes longer than 100 ms, the worst ${s(Math.max(...all.flat()))}`,
      ...told(plain),
    ]
  },
  ways: knobs({ loss: 0.02 }, { poll: 10e9, news: 4e9 }),
})

/** What the claims say about the crash. */
function told(trace: TraceView): string[] {
  const published = ofServer(trace, 'short', 'news:published').filter(({ time }) => time >= FROM && time < 19.5e9)
  const ids = new Set(published.map(({ data }) => data['id']))
  const heard = new Set(
    trace
      .all('news:received', ({ host, data }) => trace.hosts[host] === 'short' && ids.has(data['id']))
      .map(({ member, data }) => `${String(member)} ${String(data['id'])}`),
  )
  const silence = (way: Way): string => {
    const gone = trace.all(
      'client:state-changed',
      ({ host, time, data }) => trace.hosts[host] === way && time > 19.5e9 && data['state'] === 'backing-off',
    )
    const first = new Map<number, number>()
    for (const { member, time } of gone) {
      const last = trace.all('news:received', (event) => event.member === member && trace.hosts[event.host] === way)
      const before = last.filter((event) => event.time < 19.5e9).at(-1)
      if (!first.has(member)) first.set(member, time - (before?.time ?? 0))
    }
    return s(median([...first.values()]), 2)
  }
  return [
    `${String(ids.size * 10 - heard.size)} times a reader of short polling was about to ask`,
    `WebSockets noticed ${silence('sockets')} after the last news`,
    `streams of events after ${silence('events')}`,
  ]
}
