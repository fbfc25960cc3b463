import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { scenarios } from '../../scenarios/index.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { decodeShareLink } from '../../src/scenario/share-link.ts'
import { parseInterventions } from '../../src/scenario/intervention-json.ts'
import { formatCount } from '../../src/scenario/units.ts'
import { runOf, sourceOf, type RunSetup } from './catalog-runs.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'

const articleOf = (id: string): string => readFileSync(new URL(`../../scenarios/${id}/article.md`, import.meta.url), 'utf8')

/** The nth event of a name on a host, from 0; from the end when negative. */
function event(trace: TraceView, host: string, name: string, nth = 0, where?: (event: EventRecord) => boolean): EventRecord {
  const found = trace.all(name, (each) => trace.hosts[each.host] === host && (where === undefined || where(each))).at(nth)
  assert.ok(found, `${name} of ${host}`)
  return found
}
const entered = (trace: TraceView, host: string, state: string): number =>
  event(trace, host, 'tcp:state-changed', 0, ({ data }) => data['to'] === state).time
const count = (trace: TraceView, host: string, name: string): number =>
  trace.all(name, (each) => trace.hosts[each.host] === host).length

const ms = (nanos: number, digits = 0): string => {
  const text = (nanos / 1e6).toFixed(digits)
  return `${digits === 0 ? formatCount(Number(text)) : text} ms`
}
const s = (nanos: number, digits = 1): string => `${(nanos / 1e9).toFixed(digits)} s`
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** What the articles say that they measured, measured anew. */
const FIGURES: Readonly<Record<string, () => readonly string[]>> = {
  'hello-network': () => {
    const { trace } = runOf('hello-network')
    const rtt = (nth: number): number => Number(event(trace, 'alice', 'ping:replied', nth).data['rtt'])
    assert.equal([...trace.frames(({ to }) => trace.hosts[to] === 'carol')].length, 1)
    assert.equal(rtt(1), rtt(2))
    return [`It takes ${ms(rtt(0), 1)}`, `take ${ms(rtt(1), 1)} each`, `from 10.0.0.254 after ${ms(rtt(3), 1)}`]
  },
  'tcp-handshake': () => {
    const plain = runOf('tcp-handshake').trace
    const again = runOf('tcp-handshake', { knobs: { trouble: 'three-syns' } }).trace
    const half = runOf('tcp-handshake', { knobs: { trouble: 'ack' } }).trace
    const refused = runOf('tcp-handshake', { knobs: { trouble: 'refused' } }).trace
    const [syn] = [...refused.frames(({ kind }) => kind === 'tcp-syn')]
    const dead = runOf('tcp-handshake', {
      interventions: [
        { at: 3e9, kill: 'bob' },
        { at: 4e9, restart: 'bob' },
      ],
    }).trace
    const times = again.all('tcp:segment-retransmitted').map(({ time }) => Math.round(time / 1e9))
    return [
      `at ${ms(entered(plain, 'bob', 'SYN-RECEIVED'))}`,
      `at ${ms(entered(plain, 'alice', 'ESTABLISHED'))}`,
      `at ${ms(entered(plain, 'bob', 'ESTABLISHED'))}`,
      `the next ones go out at ${times.slice(0, -1).join(', ')} and ${String(times.at(-1))} s`,
      `_his_ timer fires at ${s(event(half, 'bob', 'tcp:rto-expired').time)}`,
      `at ${s(entered(half, 'bob', 'ESTABLISHED'))} Bob is with her`,
      `${ms(event(refused, 'alice', 'script:failed').time - syn.sent)}, one round trip`,
      `At ${s(event(dead, 'alice', 'script:step', 0, ({ data }) => data['step'] === 5).time)} she sends`,
      `At ${s(event(dead, 'alice', 'script:failed').time)} her program has its error`,
    ]
  },
  'tcp-close': () => {
    const plain = runOf('tcp-close').trace
    const lost = runOf('tcp-close', { knobs: { ending: 'last-ack' } }).trace
    const late = runOf('tcp-close', { seed: 184, knobs: { loss: 0.1 } }).trace
    const killed = runOf('tcp-close', { seed: 13, knobs: { loss: 0.1, ending: 'half-close' } }).trace
    const over = (trace: TraceView): EventRecord =>
      event(trace, 'alice', 'tcp:state-changed', 0, ({ data }) => data['from'] === 'TIME-WAIT')
    const fins = [...late.frames(({ kind, from }) => kind === 'tcp-fin' && late.hosts[from] === 'bob')]
    const arrives = fins.at(-1)?.arrives ?? 0
    assert.equal(event(late, 'bob', 'tcp:reset-received').time > arrives, true)
    assert.equal([...late.frames(({ fate }) => fate === 'random-loss')].length, 3)
    assert.equal(over(killed).data['why'], 'rcv-rst')
    return [
      `At ${ms(entered(plain, 'alice', 'FIN-WAIT-1'))} Alice`,
      `acknowledges it at ${ms(entered(plain, 'bob', 'CLOSE-WAIT'))}`,
      `reaches Bob at ${ms(entered(plain, 'bob', 'CLOSED'))}`,
      `until ${s(over(plain).time)}`,
      `so at ${ms(event(lost, 'bob', 'tcp:segment-retransmitted').time)} it goes out again`,
      `it lasts until ${s(over(lost).time)}`,
      `at ${s(arrives)}, she has been gone for ${ms(Math.round((arrives - over(late).time) / 1e7) * 1e7)}`,
      `ends Alice's TIME-WAIT after ${ms(over(killed).time - entered(killed, 'alice', 'TIME-WAIT'))}`,
    ]
  },
  'tcp-head-of-line': () => {
    const run = (setup: RunSetup = {}): TraceView => runOf('tcp-head-of-line', setup).trace
    const ends = (trace: TraceView): number => event(trace, 'alice', 'script:read').time
    const plain = run()
    const data = [...plain.frames(({ kind, from }) => kind === 'tcp-data' && plain.hosts[from] === 'bob')]
    const dropped = (nth: number, knobs: RunSetup['knobs'] = {}): { trace: TraceView; sent: number } => {
      const { sent, arrives, number } = data.at(nth) ?? data[0]
      return { trace: run({ knobs, interventions: [{ at: Math.round((sent + arrives) / 2), drop: { frame: number } }] }), sent }
    }
    const early = Array.from({ length: 10 }, (_, nth) => ends(dropped(nth).trace))
    const middle = dropped(39)
    const last = dropped(-1)
    const repair = ({ trace, sent }: typeof last): string =>
      (((trace.first('tcp:segment-retransmitted')?.time ?? 0) - sent) / 1e6).toFixed(0)
    const { trace } = dropped(data.findIndex(({ sent }) => sent >= 400e6))
    const aside = event(trace, 'alice', 'tcp:out-of-order-buffered').time
    const released = event(trace, 'alice', 'tcp:delivered', 0, ({ time }) => time > aside)
    const slow = ms(ends(dropped(39, { fast: false }).trace))
    return [
      `${formatCount(Number(released.data['length']))} bytes, if you dropped`,
      `waited for ${Math.floor((released.time - aside) / 1e6).toFixed(0)} ms`,
      ` ${ms(ends(plain))} |`,
      `${ms(Math.min(...early))} up to ${ms(Math.max(...early))}`,
      ` ${ms(ends(middle.trace))} |`,
      ` ${ms(ends(last.trace))} |`,
      `${repair(last)} ms after the packet had left, when a repair from the middle begins after ${repair(middle)}`,
      `now costs ${slow} instead of ${ms(ends(middle.trace)).replace(' ms', '')}`,
    ]
  },
  'udp-vs-tcp': () => {
    const run = (setup: RunSetup = {}): TraceView => runOf('udp-vs-tcp', setup).trace
    const trace = run()
    const missed = (trace: TraceView): string => String(count(trace, 'dan', 'stream:frame-missed'))
    const lost = (kind: string): number[] =>
      [...trace.frames((frame) => frame.kind === kind && frame.fate === 'random-loss')].map(({ sent }) => sent)
    assert.equal(count(trace, 'ben', 'stream:frame-missed'), lost('udp').length)
    const late = event(trace, 'dan', 'stream:frame-late')
    const short = run({ interventions: [{ at: 0, link: { name: 'tcp', settings: { delay: 5e6 } } }] })
    return [
      `${String(lost('udp').length)} of 200 are lost`,
      `to vanish leaves at ${s(lost('tcp-data')[0], 2)}`,
      `is sent again at ${s(event(trace, 'cleo', 'tcp:segment-retransmitted').time, 2)}, and at ${s(late.time, 2)}`,
      `its slot passed ${ms(Number(late.data['late']))} ago`,
      `takes ${String(lost('tcp-data').length)} packets as well, and Dan misses ${missed(trace)} slots`,
      `With 250 ms Dan misses ${missed(run({ knobs: { playout: 250e6 } }))} slots instead of ${missed(trace)}`,
      missed(run({ knobs: { playout: 500e6 } })) === '0' ? 'with 500 ms none' : '?',
      `still misses ${missed(short)} slots`,
    ]
  },
  'http1-page': () => {
    const load = (knobs: RunSetup['knobs'] = {}, seed?: number): number => {
      const { trace } = runOf('http1-page', { knobs, ...(seed !== undefined && { seed }) })
      return Number(event(trace, 'browser', 'page:loaded').data['duration'])
    }
    const typical = (way: string, loss: number): string =>
      ms(median(Array.from({ length: 100 }, (_, index) => load({ way, loss }, index + 1))))
    const six = runOf('http1-page', { knobs: { way: 'six', slow: 500e6 } }).trace
    const images = six.all('http:response-received').slice(0, -1)
    return [
      ...['closed', 'kept', 'six', 'pipeline'].map((way) => ` ${ms(load({ way }))} |`),
      `the pipeline takes ${ms(load({ way: 'pipeline', slow: 500e6 }))}`,
      `the last image is there at ${ms(images.at(-1)?.time ?? 0)}`,
      `one connection takes ${s(load({ delay: 150e6 }))}, six take ${s(load({ way: 'six', delay: 150e6 }))}`,
      `${typical('kept', 0.05)} for the kept connection, ${typical('six', 0.05)} for six, ${typical('pipeline', 0.05)} for the pipeline`,
    ]
  },
}

/** Addresses of share links in an article. */
function shareLinks(text: string): string[] {
  return [...text.matchAll(/href="(#[^"]*)"/g)].map(([, address = '']) => address.replaceAll('&amp;', '&'))
}

for (const [id, { title, summary }] of Object.entries(scenarios)) {
  describe(id, () => {
    const text = articleOf(id)

    test('the list says what the scenario says of itself', () => {
      const source = sourceOf(id)
      assert.deepEqual([source.id, source.title, source.summary], [id, title, summary])
    })

    test('its article is short, and names its sources', () => {
      const words = text.split(/\s+/).length
      assert.ok(words >= 250 && words <= 600, `${String(words)} words`)
      assert.match(text, /rfc-editor\.org\/rfc\/rfc\d+/)
    })

    test('what the article says that it measured is what comes out', () => {
      // Lines are wrapped, and tables set.
      const plain = text.replace(/\s+/g, ' ')
      for (const figure of FIGURES[id]?.() ?? ['?']) assert.ok(plain.includes(figure), figure)
    })

    test('the runs that it links to are valid', () => {
      for (const address of shareLinks(text)) {
        const shared = decodeShareLink(address)
        assert.ok(shared)
        assert.deepEqual(shared.scenario, { id })
        const resolved = resolveScenario(sourceOf(id), {
          knobs: shared.knobs,
          ...(shared.seed !== undefined && { seed: shared.seed }),
        })
        assert.ok(parseInterventions(shared.log, resolved))
      }
    })

    test('its lesson has 4 to 7 short steps, some of which wait for something', () => {
      const lesson = sourceOf(id).lesson ?? []
      assert.ok(lesson.length >= 4 && lesson.length <= 7)
      assert.ok(lesson.every((step) => step.text.length < 400))
      assert.ok(lesson.filter(({ until }) => until !== undefined).length >= 2)
    })
  })
}

test('what a lesson waits for happens in the scenario, or in one of its variants', () => {
  const variants: Readonly<Record<string, readonly RunSetup[]>> = {
    'tcp-handshake': [{ knobs: { trouble: 'three-syns' } }, { knobs: { trouble: 'refused' } }],
    'tcp-close': [{ knobs: { ending: 'last-ack' } }, { knobs: { ending: 'reset' } }],
    'tcp-head-of-line': [{ knobs: { loss: 0.05 } }, { knobs: { loss: 0.1 } }],
  }
  for (const id of Object.keys(scenarios)) {
    const names = new Set([{}, ...(variants[id] ?? [])].flatMap((setup) => runOf(id, setup).trace.events.map(({ name }) => name)))
    const end = runOf(id).trace.events.at(-1)?.time ?? 0
    for (const { until } of resolveScenario(sourceOf(id)).lesson) {
      if (until !== undefined && 'event' in until) assert.ok(names.has(until.event), `${id}: ${until.event}`)
      if (until !== undefined && 'time' in until) assert.ok(until.time <= end, `${id}: ${String(until.time)}`)
    }
  }
})
