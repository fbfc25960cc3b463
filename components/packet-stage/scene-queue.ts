import { Mark, Tone, type DrawList } from './draw-list.ts'
import type { Row } from './frame-index.ts'
import type { LabelRequests } from './label-requests.ts'
import { QUEUE_OFFSET } from './layout.ts'
import { flowIndex } from '../theme.ts'
import { laneOf, type SceneView } from './scene-view.ts'

/** Thickness of a queue. */
const HEIGHT = 9
/** A frame that waits is at least this wide while there is room. */
const SLOT = 5
/** Bytes that a slot stands for in a queue limited in bytes. */
const FULL_FRAME = 1514
/** Thinner slots of one colour are drawn as one. */
const MERGE = 2.5
/** From how many on their number is written. */
const COUNTED = 4

/**
 * Egress queues: beside the sender's end of the lane, slots that begin at the card, each as wide as its frame's share of the
 * queue. Where the limit is known and small, the whole room is outlined.
 */
export class QueueScene {
  waiting = new Int32Array(0)
  private load = new Float64Array(0)
  /** px for each unit of load. */
  private perLoad = new Float64Array(0)
  private room = new Float64Array(0)
  /** Where the next slot begins. */
  private cursor = new Float64Array(0)
  /** Slots not yet drawn that have one colour: where they begin. */
  private pending = new Float64Array(0)
  private pendingTone = new Int16Array(0)

  begin(lanes: number): void {
    if (this.waiting.length !== lanes) {
      this.waiting = new Int32Array(lanes)
      this.load = new Float64Array(lanes)
      this.perLoad = new Float64Array(lanes)
      this.room = new Float64Array(lanes)
      this.cursor = new Float64Array(lanes)
      this.pending = new Float64Array(lanes)
      this.pendingTone = new Int16Array(lanes)
    }
    this.waiting.fill(0)
    this.load.fill(0)
    this.cursor.fill(0)
    this.pending.fill(0)
    this.pendingTone.fill(-1)
  }

  offset(unit: number): number {
    return QUEUE_OFFSET * unit
  }

  count(row: Row): void {
    this.waiting[row.lane]++
    this.load[row.lane] += row.length
  }

  /** Decides on the scale of each queue, now that it is known what waits. */
  measure(view: SceneView): void {
    const { layout, queues } = view
    for (let lane = 0; lane < this.waiting.length; lane++) {
      if (this.waiting[lane] === 0) continue
      const track = laneOf(layout, lane).queueLength
      const { bytes, frames } = queues[lane]
      const inBytes = bytes / FULL_FRAME < frames
      if (!inBytes) this.load[lane] = this.waiting[lane]
      const limit = inBytes ? bytes : frames
      const least = (SLOT * layout.unit) / (inBytes ? FULL_FRAME : 1)
      const exact = track / limit
      // The room is outlined when it can be drawn to scale; otherwise slots have their least width until the track is full.
      this.room[lane] = exact >= least * 0.3 ? track : 0
      this.perLoad[lane] = this.room[lane] > 0 ? Math.min(exact, least * 3) : Math.min(least, track / this.load[lane])
      if (this.room[lane] > 0) this.room[lane] = Math.min(track, limit * this.perLoad[lane])
    }
  }

  add(row: Row, view: SceneView, list: DrawList): void {
    const { lane } = row
    const { bytes, frames } = view.queues[lane]
    const width = (bytes / FULL_FRAME < frames ? row.length : 1) * this.perLoad[lane]
    const tone = flowIndex(row.flow)
    if (this.cursor[lane] === 0 && this.room[lane] > 0) this.addTrack(lane, view, list)
    if (width >= MERGE) {
      this.flush(lane, view, list)
      this.addSlot(lane, this.cursor[lane], width, tone, row.number, view, list)
      this.cursor[lane] += width
      this.pending[lane] = this.cursor[lane]
      return
    }
    if (this.pendingTone[lane] !== tone) this.flush(lane, view, list)
    this.pendingTone[lane] = tone
    this.cursor[lane] += width
  }

  end(view: SceneView, list: DrawList, labels: LabelRequests): void {
    for (let number = 0; number < this.waiting.length; number++) {
      const waiting = this.waiting[number]
      if (waiting === 0) continue
      this.flush(number, view, list)
      const lane = laneOf(view.layout, number)
      const { unit } = view.layout
      const from = lane.queueStart
      const to = from + Math.max(this.cursor[number], this.room[number])
      labels.addQueue(lane, from, to, QUEUE_OFFSET * unit, (HEIGHT / 2 + 2) * unit, waiting >= COUNTED ? waiting : 0)
    }
  }

  private flush(number: number, view: SceneView, list: DrawList): void {
    const tone = this.pendingTone[number]
    const from = this.pending[number]
    const width = this.cursor[number] - from
    if (tone >= 0 && width > 0) this.addSlot(number, from, width, tone, 0, view, list)
    this.pending[number] = this.cursor[number]
    this.pendingTone[number] = -1
  }

  private addSlot(
    number: number,
    from: number,
    width: number,
    tone: number,
    frame: number,
    view: SceneView,
    list: DrawList,
  ): void {
    const lane = laneOf(view.layout, number)
    const { unit } = view.layout
    const gap = width > 3 ? 1 : 0
    const along = lane.queueStart + from + width / 2
    const away = QUEUE_OFFSET * unit
    const x = lane.x0 + lane.ux * along + lane.nx * away
    const y = lane.y0 + lane.uy * along + lane.ny * away
    const marked = frame !== 0 && (frame === view.hovered || frame === view.selected || frame === view.focused)
    list.add(Mark.Solid, tone, x, y, lane.angle, Math.max(0.75, width - gap), HEIGHT * unit, 1, frame)
    if (marked) list.add(Mark.Halo, Tone.Accent, x, y, lane.angle, width + 16 * unit, unit, 1, 0)
  }

  private addTrack(number: number, view: SceneView, list: DrawList): void {
    const lane = laneOf(view.layout, number)
    const { unit } = view.layout
    const room = this.room[number]
    const along = lane.queueStart + room / 2
    const away = QUEUE_OFFSET * unit
    const full = this.load[number] * this.perLoad[number] > room * 0.97
    list.add(
      Mark.Track,
      full ? Tone.Warning : Tone.LineStrong,
      lane.x0 + lane.ux * along + lane.nx * away,
      lane.y0 + lane.uy * along + lane.ny * away,
      lane.angle,
      room + 6 * unit,
      unit,
      1,
      0,
    )
  }
}
