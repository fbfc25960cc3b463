/**
 * Measures the table of `scenarios/reconnection-storm/article.md`: each way to come back and each cure over some seeds, medians, and in how
 * many runs all claims held. With 10,000 clients a run takes half a minute.
 *
 *     node --import tsx scripts/storms.ts [--clients 200] [--seeds 3] [--first 1] [--ways 'at once,full jitter'] [--out FILE]
 *
 * `--clients '1,000 over TLS'` is a choice, too. Without `--out` it only prints.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { courseOf } from '../scenarios/reconnection-storm/course.ts'
import scenario from '../scenarios/reconnection-storm/scenario.ts'
import { runInline } from '../src/run/run-inline.ts'
import { judgeClaims } from '../src/scenario/claims.ts'
import { resolveScenario } from '../src/scenario/resolve.ts'
import type { Intervention } from '../src/scenario/intervention.ts'
import type { TraceView } from '../src/trace/record.ts'

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '200' },
    seeds: { type: 'string', default: '3' },
    first: { type: 'string', default: '1' },
    ways: { type: 'string' },
    out: { type: 'string' },
  },
})
const CLIENTS = Number.parseInt(values.clients.replace(',', ''), 10)
const [FIRST, SEEDS] = [Number(values.first), Number(values.seeds)]
const FAILURE = 15e9
const BUCKET = 1e9

interface Way {
  readonly name: string
  readonly knobs: Readonly<Record<string, string>>
  readonly interventions?: readonly Intervention[]
}

const WAYS: readonly Way[] = [
  { name: 'at once', knobs: {} },
  { name: 'after 4 s', knobs: { policy: 'fixed' } },
  { name: 'exponential', knobs: { policy: 'exponential' } },
  { name: 'equal jitter', knobs: { policy: 'equal jitter' } },
  { name: 'decorrelated jitter', knobs: { policy: 'decorrelated jitter' } },
  { name: 'full jitter', knobs: { policy: 'full jitter' } },
  {
    name: 'at once + admission',
    knobs: {},
    interventions: [{ at: 13e9, set: { knob: 'admission', value: Math.round((100 * CLIENTS) / 10_000) } }],
  },
  { name: 'at once + shedding', knobs: { shed: '100 ms' } },
  { name: 'at once + sessions', knobs: { resumption: '600 s' } },
  { name: 'at once + drained', knobs: {}, interventions: [{ at: 10.5e9, set: { knob: 'drain', value: true } }] },
]

interface Figures {
  readonly syns: number
  readonly fewest: number
  readonly full: number
  readonly drops: number
  /** Whether all claims that the run puts to the test hold. */
  readonly held: boolean
}

/** SYNs to the survivors in the worst second, and what was dropped, from the failure on. */
function figuresOf(trace: TraceView): Figures {
  const course = courseOf(trace)
  const survivors = ['s2', 's3', 's4'].map((name) => trace.hosts.indexOf(name))
  const buckets = new Map<number, number>()
  for (const { arrives, to, kind } of trace.frames()) {
    if (kind !== 'tcp-syn' || arrives < FAILURE || !survivors.includes(to)) continue
    const bucket = Math.floor(arrives / BUCKET)
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1)
  }
  const dropped = trace.all('tcp:listen-overflowed').length + trace.all('host:packet-discarded').length
  return {
    syns: Math.max(0, ...buckets.values()),
    fewest: (course?.fewest ?? 0) / CLIENTS,
    full: (course?.fullAfter ?? Infinity) / 1e9,
    drops: dropped,
    held: judgeClaims(scenario, trace).every(({ holds }) => holds),
  }
}

const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN

const wanted = values.ways?.split(',') ?? WAYS.map(({ name }) => name)
const lines = ['way,SYNs in the worst second,connected at the worst,all back after,dropped,runs in which the claims held,runs']
for (const { name, knobs, interventions } of WAYS) {
  if (!wanted.includes(name)) continue
  const found: Figures[] = []
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const run = runInline(resolveScenario(scenario, { knobs: { clients: values.clients, ...knobs } }), {
      seed,
      ...(interventions && { interventions }),
    })
    if (run.trace.thinnedBytes > 0) throw new Error('the trace has lost frames')
    found.push(figuresOf(run.trace))
    run.dispose()
    console.error(`${name}, seed ${String(seed)}: ${JSON.stringify(found.at(-1))}`)
  }
  const of = (key: 'syns' | 'fewest' | 'full' | 'drops'): number => median(found.map((figures) => figures[key]))
  const full = of('full')
  const row = [
    name,
    of('syns'),
    `${String(Math.round(of('fewest') * 100))} %`,
    full === Infinity ? 'never' : `${full.toFixed(1)} s`,
    of('drops'),
    found.filter(({ held }) => held).length,
    found.length,
  ]
  lines.push(row.join(','))
  console.log(row.join(','))
}
if (values.out !== undefined) writeFileSync(values.out, `${lines.join('\n')}\n`)
