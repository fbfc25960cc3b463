import type { Run } from '../../src/run/run.ts'
import type { Nanos } from '../../src/trace/record.ts'
import { formatQuantity } from '../format.ts'
import { flowsOf } from '../frame-flows.ts'
import type { NetworkState } from '../network-state.ts'
import { sameTarget, type FrameGroupTarget } from '../selection.ts'
import type { FrameGroup } from './draw-list.ts'
import { FrameIndex } from './frame-index.ts'
import { FrameNames } from './frame-names.ts'
import type { LabelLayer } from './label-layer.ts'
import { LabelPlan } from './label-plan.ts'
import type { LabelRequest, Occupied } from './label-requests.ts'
import type { Layout } from './layout.ts'
import type { StageRenderer } from './renderer.ts'
import { Scene } from './scene.ts'
import type { QueueLimit, SceneView } from './scene-view.ts'
import { LOSS_TAGS } from './stage-words.ts'

/** What the stage shows besides the trace. */
export interface Painting {
  readonly layout: Layout
  readonly time: Nanos
  readonly linger: Nanos
  readonly still: boolean
  readonly hovered: number
  readonly selected: number
  readonly focused: number
  readonly group: FrameGroupTarget | undefined
  /** Whether names are written beside frames. */
  readonly named: boolean
  /** What labels must not cover. */
  readonly fixed: readonly Occupied[]
  /** Width of a label in px. */
  readonly width: (text: string) => number
}

/** Height of a label at scale 1. */
const LABEL_HEIGHT = 14

/** Keeps the index of a run's frames, and makes each picture from it. */
export class StagePainter {
  readonly index = new FrameIndex()
  readonly scene = new Scene()
  readonly #names: FrameNames
  readonly #plan = new LabelPlan()
  #run: Run | undefined
  #stale = true
  #queues: QueueLimit[] = []
  #corruptedAt = new Map<number, Nanos>()
  /** What the last picture shows. */
  #view: SceneView | undefined

  /** @param namesArrived is called when labels have changed by themselves */
  constructor(namesArrived: () => void) {
    this.#names = new FrameNames(namesArrived)
  }

  /** Another run, or the trace began anew. */
  reset(run: Run | undefined): void {
    this.#run = run
    this.index.clear()
    this.#names.clear(run)
    this.#stale = true
    this.noteLog()
  }

  /** Colours have another meaning: every frame is read again. */
  recolour(): void {
    this.index.clear()
    this.#stale = true
  }

  /** The trace has grown. */
  invalidate(): void {
    this.#stale = true
  }

  /** People may have flipped bits. */
  noteLog(): void {
    this.#corruptedAt.clear()
    for (const entry of this.#run?.log ?? []) {
      if ('corrupt' in entry && 'frame' in entry.corrupt) this.#corruptedAt.set(entry.corrupt.frame, entry.at)
    }
    this.#stale = true
  }

  setNetwork(state: NetworkState): void {
    this.#queues = state.links.flatMap(({ settings }) =>
      settings.map(({ queueBytes, queueFrames }) => ({ bytes: queueBytes, frames: queueFrames })),
    )
  }

  paint(painting: Painting, renderer: StageRenderer | undefined, labels: LabelLayer | undefined): void {
    const run = this.#run
    if (run === undefined) return
    if (this.#stale) {
      this.#stale = false
      const flows = flowsOf(run)
      this.index.update(
        run.trace,
        run.horizon,
        (link, direction, bytes) => {
          const { rate } = run.links[link].settings[direction]
          return rate === 0 ? 0 : (bytes * 8e9) / rate
        },
        (frame) => flows.flowOf(frame),
      )
    }
    this.#view = { ...painting, queues: this.#queues, corruptedAt: this.#corruptedAt }
    this.scene.compose(this.index, this.#view)
    renderer?.draw(this.scene.list)
    if (labels === undefined) return
    this.#plan.arrange(
      this.scene.labels,
      painting.fixed,
      painting.layout,
      (request) => this.#words(run, request, painting.named),
      painting.width,
      LABEL_HEIGHT * painting.layout.unit,
    )
    labels.show(this.#plan)
  }

  /** Frames of the last picture that are drawn as one; undefined when they are gone. */
  group(target: FrameGroupTarget): FrameGroup | undefined {
    const { groups, groupCount } = this.scene.list
    for (let index = 0; index < groupCount; index++) if (sameTarget(groups[index], target)) return groups[index]
    return undefined
  }

  /** Their numbers, at most `limit` of them. */
  framesOf(target: FrameGroupTarget, limit: number): number[] {
    return this.#view === undefined ? [] : this.scene.framesOf(target, this.index, this.#view, limit)
  }

  /** What a frame carries, in a line, if that is known already. */
  summary(frame: number): string | undefined {
    return this.#names.summary(frame)
  }

  #words(run: Run, request: LabelRequest, named: boolean): string {
    if (request.kind === 'queue') return `${formatQuantity('count', request.subject)} waiting`
    if (request.kind === 'stream') return `${formatQuantity('count', request.subject)} on the way`
    if (request.kind === 'losses') return `${formatQuantity('count', request.subject)} lost`
    const frame = run.trace.frame(request.subject)
    if (frame === undefined) return ''
    if (request.kind === 'loss') return LOSS_TAGS[frame.fate]
    return named ? this.#names.get(frame, this.index) : ''
  }
}
