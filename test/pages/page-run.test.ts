import { PageRun } from '../../src/run/page-run.ts'
import type { Placement } from '../../src/run/backend.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { equal, ok } from './assert.ts'

const source = {
  id: 'download',
  title: 'A download',
  seed: 7,
  duration: '5 s',
  speed: 1,
  hosts: {
    alice: { app: 'browser', visits: 'http://bob/' },
    bob: { app: 'web-server', serves: { '/': '40 KiB' } },
  },
  links: [{ between: ['alice', 'bob'], rate: '5 Mbit/s', delay: '20 ms', queue: '64 KiB', loss: '2 %' }],
  knobs: {
    loss: { label: 'Packet loss', range: ['0 %', '20 %'], sets: 'links[0].loss' },
    sack: { label: 'SACK', sets: ['hosts.alice.tcp.sack'] },
  },
}

const scenario = resolveScenario(source)
const MS = 1_000_000

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes.slice()))
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

async function withRun<T>(placement: Placement, use: (run: PageRun) => Promise<T>): Promise<T> {
  const run = await PageRun.start(scenario, {
    placement,
    rebuild: (knobs) => resolveScenario(source, { knobs }),
  })
  try {
    return await use(run)
  } finally {
    run.dispose()
  }
}

/** Everything a person could do, at times of its own. */
async function breakThings(run: PageRun): Promise<string> {
  await run.seek(150 * MS)
  const flying = [...run.trace.frames(({ kind, fate }) => kind === 'tcp-data' && fate === 'in-flight')]
  ok(flying.length >= 2, 'data is on its way')
  await run.intervene({ drop: { frame: flying[0]?.number ?? 0 } })
  await run.intervene({ corrupt: { frame: flying[1]?.number ?? 0 } })
  await run.seek(170 * MS)
  await run.intervene({ set: { knob: 'loss', value: 0.1 } })
  await run.seek(200 * MS)
  await run.intervene({ cut: run.scenario.links[0]?.name ?? '' })
  await run.seek(260 * MS)
  await run.intervene({ heal: run.scenario.links[0]?.name ?? '' })
  await run.seek(300 * MS)
  await run.intervene({ pause: 'alice' })
  await run.seek(420 * MS)
  await run.intervene({ resume: 'alice' })
  await run.seek(run.scenario.duration)
  return sha256(await run.capture({ kind: 'links' }))
}

describe('a run on a page', () => {
  it('is the same in workers and inline, twice each, whatever is done to it', async () => {
    const digests = new Set<string>()
    for (const placement of ['workers', 'inline', 'workers', 'inline'] as const) {
      digests.add(
        await withRun(placement, async (run) => {
          equal(run.placement, placement)
          return breakThings(run)
        }),
      )
    }
    equal(digests.size, 1)
  })

  it('replays its log to the same bytes', async () => {
    await withRun('inline', async (run) => {
      const first = await breakThings(run)
      const log = run.log
      await run.restart({ log })
      await run.seek(run.scenario.duration)
      equal(await sha256(await run.capture({ kind: 'links' })), first)
      equal(run.log.length, log.length)
    })
  })

  it('forks when something is done in the past: what came before stays, what came after is another story', async () => {
    await withRun('inline', async (run) => {
      await run.seek(run.scenario.duration)
      const past = 150 * MS
      const before = [...run.trace.frames(({ enqueued }) => enqueued < past)].map(({ id, enqueued }) => [id, enqueued].join())
      const after = run.trace.frameCount
      await run.seek(past)
      let restarts = 0
      run.addEventListener('restart', () => restarts++)
      const flying = [...run.trace.frames(({ kind, sent, arrives }) => kind === 'tcp-data' && sent < past && arrives > past)]
      await run.intervene({ drop: { frame: flying[0]?.number ?? 0 } })
      equal(restarts, 1)
      equal(run.playhead, past + 1)
      equal(run.log.length, 1)
      const again = [...run.trace.frames(({ enqueued }) => enqueued < past)].map(({ id, enqueued }) => [id, enqueued].join())
      equal(JSON.stringify(again), JSON.stringify(before))
      equal(run.trace.frame(flying[0]?.number ?? 0)?.fate, 'dropped-by-hand')
      await run.seek(run.scenario.duration)
      ok(run.trace.frameCount !== after, 'the loss changed what followed')
    })
  })

  it('steps to each next thing that happened, and back', async () => {
    await withRun('inline', async (run) => {
      const stops: number[] = []
      for (let i = 0; i < 6; i++) {
        await run.step(1)
        stops.push(run.playhead)
      }
      ok(
        stops.every((stop, index) => index === 0 || stop > (stops[index - 1] ?? 0)),
        `each later than the one before: ${stops.join(', ')}`,
      )
      await run.step(-1)
      equal(run.playhead, stops[4])
    })
  })

  it('starts anew for a knob that cannot be turned while it runs', async () => {
    await withRun('inline', async (run) => {
      await run.seek(100 * MS)
      await run.intervene({ set: { knob: 'sack', value: false } })
      equal(run.playhead, 0)
      equal(run.knobs['sack'], false)
      equal(run.scenario.hosts[0]?.tcp['sack'], false)
    })
  })

  it('refuses what is not possible, in words, and goes on', async () => {
    await withRun('workers', async (run) => {
      await run.seek(50 * MS)
      let told = ''
      await run.intervene({ drop: { frame: 999 } }).catch((error: unknown) => {
        told = error instanceof Error ? error.message : ''
      })
      ok(told.includes('999'), told)
      await run.seek(60 * MS)
      equal(run.playhead, 60 * MS)
      equal(run.log.length, 0)
    })
  })

  it('has every host of a crowd’s run in one worker, and is the same as inline', async () => {
    const many = resolveScenario({
      ...source,
      id: 'downloads',
      hosts: { ...source.hosts, alice: { ...source.hosts.alice, replicas: 20, access: { delay: ['5 ms', '40 ms'] } } },
      knobs: {},
    })
    const Original = Worker
    let workers = 0
    window.Worker = class extends Original {
      constructor(...options: ConstructorParameters<typeof Worker>) {
        super(...options)
        workers++
      }
    }
    const digests = new Set<string>()
    try {
      for (const placement of ['workers', 'inline'] as const) {
        const run = await PageRun.start(many, { placement })
        equal(run.placement, placement)
        await run.seek(200 * MS)
        await run.intervene({ kill: 'alice[3]' })
        await run.seek(many.duration)
        ok(run.trace.all('page:loaded').length >= 10, 'pages were loaded')
        digests.add(await sha256(await run.capture({ kind: 'links' })))
        run.dispose()
      }
    } finally {
      window.Worker = Original
    }
    equal(workers, 1)
    equal(digests.size, 1)
  })

  it('shows in each frame what the one before it asked for, so that it is as fast as it says', async () => {
    await withRun('inline', async (run) => {
      const playheads: number[] = []
      await new Promise<void>((resolve) => {
        run.addEventListener('time', () => {
          playheads.push(run.playhead)
          if (playheads.length === 21) resolve()
        })
        run.play()
      })
      run.pause()
      const stood = playheads.filter((playhead, index) => index > 1 && playhead === playheads[index - 1])
      ok(stood.length <= 4, `in ${String(stood.length)} of 20 frames nothing moved`)
    })
  })

  it('goes on from where it is when something is done while it plays', async () => {
    await withRun('workers', async (run) => {
      let restarts = 0
      run.addEventListener('restart', () => restarts++)
      const reached = (time: number): Promise<void> =>
        new Promise((resolve) => {
          run.addEventListener('time', () => {
            if (run.playhead > time) resolve()
          })
        })
      run.play()
      await reached(50 * MS)
      // Between two frames more has been simulated than is shown.
      await run.intervene({ set: { knob: 'loss', value: 0.1 } })
      await run.intervene({ pause: 'alice' })
      await reached(run.playhead + 50 * MS)
      equal(run.state, 'playing')
      equal(restarts, 0)
      equal(run.knobs['loss'], 0.1)
      run.pause()
      await run.intervene({ resume: 'alice' })
      equal(restarts, 0)
      equal(run.log.length, 3)
      ok(
        run.log.every(({ at }, index) => at >= (run.log[index - 1]?.at ?? 0)),
        'one after the other',
      )
    })
  })

  it('plays to its end, and once more from the start', async () => {
    await withRun('inline', async (run) => {
      run.speed = 10
      const ended = new Promise<void>((resolve) => {
        run.addEventListener('change', () => {
          if (run.state === 'ended') resolve()
        })
      })
      run.play()
      await ended
      ok(run.trace.first('page:loaded') !== undefined, 'the page was loaded')
      equal(run.playhead, run.horizon)
      run.play()
      equal(run.state, 'playing')
      ok(run.playhead < run.horizon, 'from the start')
      run.pause()
    })
  })
})
