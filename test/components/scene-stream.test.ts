import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { targetOf, targetPlace } from '../../components/packet-stage/hit.ts'
import { FrameIndex } from '../../components/packet-stage/frame-index.ts'
import { layOut } from '../../components/packet-stage/layout.ts'
import { Scene } from '../../components/packet-stage/scene.ts'
import type { SceneView } from '../../components/packet-stage/scene-view.ts'
import { walkOrder } from '../../components/packet-stage/walk.ts'
import { runInline } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import type { FrameKind, TraceView } from '../../src/trace/record.ts'
import { SyntheticTrace, syntheticScenario, type SendOptions } from '../pages/synthetic-run.ts'

const MS = 1_000_000
const KINDS: readonly FrameKind[] = ['tcp-syn', 'tcp-ack', 'tcp-data', 'tcp-data', 'tcp-fin', 'udp']

/** Random numbers that are always the same. */
function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

class Picture {
  readonly scene = new Scene()
  readonly index = new FrameIndex()
  readonly view: SceneView

  constructor(scenario: ResolvedScenario, trace: TraceView, horizon: number) {
    const layout = layOut(scenario, { width: 1000, height: 300 }, 1, (text) => text.length * 7)
    const limit = { bytes: Infinity, frames: Infinity }
    this.index.update(trace, horizon, () => 0)
    const none = { hovered: 0, selected: 0, focused: 0 }
    const queues = scenario.links.flatMap(() => [limit, limit])
    this.view = { layout, time: 0, linger: 50 * MS, still: false, queues, corruptedAt: new Map(), ...none }
  }

  at(time: number, changes: Partial<SceneView> = {}): Scene {
    Object.assign(this.view, changes, { time })
    this.scene.compose(this.index, this.view)
    return this.scene
  }
}

/** How many frames the pictures on each lane stand for; whichever they are, each at most once. */
function drawnOn(scene: Scene, index: FrameIndex, view: SceneView, lanes: number): number[] {
  const counts = new Array<number>(lanes).fill(0)
  const seen = new Set<number>()
  const { list } = scene
  for (let i = 0; i < list.count; i++) {
    const frame = list.frame[i]
    if (frame >= 0) continue
    const group = list.groups[-frame - 1]
    counts[group.lane] += group.count
    const numbers = scene.framesOf(group, index, view, Infinity)
    assert.equal(numbers.length, group.count, 'a group names as many frames as it says')
    for (const number of numbers) {
      assert.ok(!seen.has(number), 'no frame is in two groups')
      seen.add(number)
    }
  }
  return counts
}

const PAIR = syntheticScenario(
  [
    { name: 'alice', x: 0, y: 0 },
    { name: 'bob', x: 1, y: 0 },
  ],
  [{ between: ['alice', 'bob'], settings: { rate: 0, queueFrames: 1e9 } }],
)

function storm(frames: number, told: (random: number) => SendOptions = () => ({})): SyntheticTrace {
  const trace = new SyntheticTrace(PAIR)
  const random = chance(7)
  for (let i = 0; i < frames; i++) {
    const kind = KINDS[Math.floor(random() * KINDS.length)]
    trace.send((i / frames) * 400 * MS, 0, random() < 0.7 ? 0 : 1, kind, 60 + Math.floor(random() * 1400), i % 50, told(random()))
  }
  trace.horizon = 1000 * MS
  return trace
}

void describe('a line with more frames than can be told apart', () => {
  void it('is drawn by groups whose counts add up to the frames on their way, at any time', () => {
    const trace = storm(8000, (random) => (random < 0.05 ? { fate: 'random-loss', where: random * 20 } : {}))
    const picture = new Picture(PAIR, trace, trace.horizon)
    const random = chance(3)
    for (let i = 0; i < 60; i++) {
      const time = Math.round(random() * 420 * MS)
      const scene = picture.at(time)
      const groups = drawnOn(scene, picture.index, picture.view, 2)
      for (const direction of [0, 1] as const) {
        const truly = trace.planned.filter(
          (frame) =>
            frame.direction === direction &&
            frame.sent <= time &&
            (frame.fate === 'arrived' ? frame.fateAt >= time : frame.fateAt > time),
        ).length
        assert.equal(scene.inFlight[direction], truly)
        assert.equal(groups[direction], truly > 100 ? truly : 0, 'all of a crowded line, none of another')
      }
      assert.ok(scene.list.count < 700, `${String(scene.list.count)} pictures`)
    }
  })

  void it('of a real run as well', () => {
    const scenario = resolveScenario({
      id: 'stream',
      title: 'A stream on a long line',
      duration: '4 s',
      hosts: {
        sender: { app: 'stream-sender', to: 'receiver', interval: '1 ms', size: '160 B', count: 3000 },
        receiver: { app: 'stream-receiver', interval: '1 ms', size: '160 B' },
      },
      links: [{ between: ['sender', 'receiver'], rate: '100 Mbit/s', delay: '500 ms', jitter: '20 ms' }],
    })
    const { trace, director } = runInline(scenario)
    const picture = new Picture(scenario, trace, director.horizon)
    let crowded = 0
    for (let time = 37 * MS; time < 4000 * MS; time += 101 * MS) {
      const scene = picture.at(time)
      const truly = [
        ...trace.frames(
          ({ link, direction, sent, fate, fateAt }) =>
            link + direction === 0 && sent <= time && fate === 'arrived' && fateAt >= time,
        ),
      ].length
      assert.equal(scene.inFlight[0], truly)
      assert.equal(drawnOn(scene, picture.index, picture.view, 2)[0], truly > 100 ? truly : 0)
      if (truly > 100) crowded++
    }
    assert.ok(crowded > 10, 'there were crowds')
  })

  void it('lets a group travel with its frames', () => {
    const trace = new SyntheticTrace(PAIR)
    for (let i = 0; i < 150; i++) trace.send(i * 1000, 0, 0, 'tcp-syn', 60, i)
    for (let i = 0; i < 100; i++) trace.send(15 * MS + i * 1000, 0, 0, 'tcp-ack', 60, i)
    trace.horizon = 1000 * MS
    const picture = new Picture(PAIR, trace, trace.horizon)
    const place = (time: number): number => {
      const { list } = picture.at(time)
      const syns = list.groups.slice(0, list.groupCount).filter(({ of }) => of === 4)
      // Where they are in two cells, their mean is where they are.
      const count = syns.reduce((sum, group) => sum + group.count, 0)
      assert.equal(count, 150)
      assert.ok(syns.length <= 2, 'sent at once, they are together')
      const x = (group: (typeof syns)[number]): number =>
        targetPlace(targetOf(list, -list.groups.indexOf(group) - 1), list, picture.view.layout)?.x ?? 0
      return syns.reduce((sum, group) => sum + (x(group) * group.count) / count, 0)
    }
    const [a, b, c] = [place(16 * MS), place(17 * MS), place(18 * MS)]
    assert.ok(b > a && Math.abs(b - a - (c - b)) < 2, 'it moves as fast as they do')
  })

  void it('draws a frame that is looked at by itself, and does not count it twice', () => {
    const trace = storm(6000)
    const picture = new Picture(PAIR, trace, trace.horizon)
    const scene = picture.at(200 * MS)
    const all = scene.inFlight[0]
    const [group] = scene.list.groups
    const [number] = scene.framesOf(group, picture.index, picture.view, 1)
    const again = picture.at(200 * MS, { selected: number })
    const groups = drawnOn(again, picture.index, picture.view, 2)
    assert.equal(groups[group.lane] + 1, again.inFlight[group.lane])
    assert.equal(scene.inFlight[0], all)
    assert.ok([...again.list.frame.subarray(0, again.list.count)].includes(number), 'it has a picture of its own')
  })

  void it('is walked through group by group with the keyboard', () => {
    const trace = storm(6000)
    const picture = new Picture(PAIR, trace, trace.horizon)
    const { list } = picture.at(200 * MS)
    const order = walkOrder(picture.view.layout, list)
    const groups = order.filter(({ kind }) => kind === 'group')
    assert.equal(groups.length, list.groupCount)
    for (const group of groups) assert.ok(targetPlace(group, list, picture.view.layout) !== undefined, 'it has a place')
  })

  void it('draws losses by the hundred as one cross a stretch, with their number', () => {
    const trace = storm(8000, (random) => (random < 0.5 ? { fate: 'random-loss', where: 0.5 } : {}))
    const picture = new Picture(PAIR, trace, trace.horizon)
    const scene = picture.at(200 * MS)
    const words = scene.labels.requests.slice(0, scene.labels.count).filter(({ kind }) => kind === 'losses')
    const truly = trace.planned.filter(({ fate, fateAt }) => fate !== 'arrived' && fateAt <= 200 * MS && fateAt > 150 * MS).length
    const told = words.reduce((sum, { subject }) => sum + subject, 0)
    assert.ok(Math.abs(told - truly) <= 2, `${String(told)} told, ${String(truly)} lost`)
  })
})

void describe('frames that waited once', () => {
  void it('are not looked for for ever', () => {
    const trace = storm(2000)
    trace.horizon = 20 * MS
    const index = new FrameIndex()
    // At this horizon some wait.
    index.update(trace, trace.horizon, () => 0)
    trace.horizon = 1000 * MS
    index.update(trace, trace.horizon, () => 0)
    const late = new Picture(PAIR, trace, trace.horizon)
    assert.equal(late.at(900 * MS).list.count, 0)
  })
})
