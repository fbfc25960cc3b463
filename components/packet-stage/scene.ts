import { FRAME_KINDS, NEVER, type Nanos } from '../../src/trace/record.ts'
import type { FrameGroupTarget } from '../selection.ts'
import { DrawList, Mark, Tone } from './draw-list.ts'
import { Flag, Row, Rows, type FrameIndex } from './frame-index.ts'
import { LabelRequests } from './label-requests.ts'
import { BAND, LANE, type Layout } from './layout.ts'
import { addFrame } from './scene-frame.ts'
import { addLoss } from './scene-loss.ts'
import { LossScene } from './scene-losses.ts'
import { QueueScene } from './scene-queue.ts'
import { CROWDED, StreamScene } from './scene-stream.ts'
import { isTorn, laneOf, type SceneView } from './scene-view.ts'

/*
 * The picture at one moment, as a pure function of the trace and the playhead: no state is carried from one picture to the next,
 * so going back shows what was there. Nothing here knows a canvas.
 */

/** Along a lane, a frame takes at least this much room, in px at scale 1, before its picture gets smaller. */
const ROOM = 23
const SMALLEST = 0.3
/** A lane with more frames than this names only the remarkable ones. */
const NAMED_ON_LANE = 5

const ACK = FRAME_KINDS.indexOf('tcp-ack')
const DATA = FRAME_KINDS.indexOf('tcp-data')
const UDP = FRAME_KINDS.indexOf('udp')

export class Scene {
  readonly list = new DrawList()
  readonly labels = new LabelRequests()
  /** Frames on the way and frames waiting, by lane. */
  inFlight = new Int32Array(0)
  readonly queues = new QueueScene()
  private readonly streams = new StreamScene()
  private readonly losses = new LossScene()
  /** What the picture shows, as rows of the index. */
  readonly rows = new Rows()
  private readonly row = new Row()
  /** Where `place` found the frame: fractions of the way of its head, its tail and its middle. */
  private head = 0
  private tail = 0

  compose(index: FrameIndex, view: SceneView): void {
    const { layout, time } = view
    const lanes = layout.links.length * 2
    if (this.inFlight.length !== lanes) this.inFlight = new Int32Array(lanes)
    this.inFlight.fill(0)
    this.list.clear()
    this.labels.clear()
    this.queues.begin(lanes)
    this.streams.begin(lanes)
    this.losses.begin(lanes)
    index.collect(time, view.linger, this.rows)

    const { rows, row } = this
    for (let i = 0; i < rows.count; i++) {
      index.load(rows.rows[i], row)
      if (isGone(row, time)) this.losses.count(row)
      else if (row.sent > time) this.queues.count(row)
      else {
        this.inFlight[row.lane]++
        this.streams.count(row)
      }
    }
    this.queues.measure(view)
    for (let i = 0; i < rows.count; i++) {
      index.load(rows.rows[i], row)
      if (row.sent > time && !isGone(row, time)) this.queues.add(row, view, this.list)
    }
    this.queues.end(view, this.list, this.labels)
    for (let i = 0; i < rows.count; i++) {
      index.load(rows.rows[i], row)
      if (row.sent <= time && !isGone(row, time)) this.addInFlight(row, view)
    }
    this.streams.end(view, this.inFlight, this.list, this.labels)
    for (let i = 0; i < rows.count; i++) {
      index.load(rows.rows[i], row)
      if (isGone(row, time)) this.addLost(row, view)
    }
    this.losses.end(view, this.list, this.labels)
  }

  /** Numbers of the frames that a group stands for in this picture, at most `limit` of them; the oldest first. */
  framesOf(group: FrameGroupTarget, index: FrameIndex, view: SceneView, limit: number): number[] {
    const { rows, row } = this
    const found: number[] = []
    for (let i = 0; i < rows.count && found.length < limit; i++) {
      index.load(rows.rows[i], row)
      if (row.lane !== group.lane || row.sent > view.time || isGone(row, view.time) || isSetOff(row, view)) continue
      this.place(row, view.time)
      const along = ((this.head + this.tail) / 2) * laneOf(view.layout, row.lane).length
      if (this.streams.isIn(row, along, group, view, this.inFlight[row.lane])) found.push(row.number)
    }
    return found
  }

  /** How far a frame on the line has come. */
  private place(row: Row, time: Nanos): void {
    const way = row.arrives - row.onLine
    this.head = way <= 0 ? 1 : Math.min(1, Math.max(0, (time - row.sent) / way))
    this.tail = way <= 0 || time <= row.onLine ? 0 : Math.min(1, (time - row.onLine) / way)
  }

  /** Frames of a crowded lane are drawn smaller, so that each still has a place of its own. */
  laneScale(lane: number, layout: Layout): number {
    const { length } = laneOf(layout, lane)
    return Math.min(1, Math.max(SMALLEST, length / (ROOM * layout.unit * Math.max(1, this.inFlight[lane])))) * layout.unit
  }

  private addInFlight(row: Row, view: SceneView): void {
    const { layout, time } = view
    const lane = laneOf(layout, row.lane)
    const scale = this.laneScale(row.lane, layout)
    this.place(row, time)
    const middle = ((this.head + this.tail) / 2) * lane.length
    if (this.inFlight[row.lane] > CROWDED && !isSetOff(row, view)) {
      this.streams.add(row, middle, view, this.inFlight[row.lane], this.list)
      return
    }
    const extent = (this.head - this.tail) * lane.length
    let x = lane.x0 + lane.ux * middle
    let y = lane.y0 + lane.uy * middle
    if ((row.flags & Flag.Duplicate) !== 0) {
      // The copy travels with the original: it peeks out from behind.
      x += (lane.nx * 4 - lane.ux * 4) * scale
      y += (lane.ny * 4 - lane.uy * 4) * scale
    }
    const length = addFrame(this.list, row, x, y, lane.angle, extent, scale, isTorn(row, view) ? Mark.Torn : 0)
    const named = this.addHalos(row, view, x, y, lane.angle, length, scale)
    if (named || this.isNamed(row)) {
      const distance = (named ? BAND - LANE + 8 : BAND - LANE) * layout.unit
      this.labels.addFrame(row.number, x, y, lane, distance, urgency(row, named))
    }
  }

  /** Outlines around a frame that is pointed at, selected or focused. */
  private addHalos(row: Row, view: SceneView, x: number, y: number, angle: number, length: number, scale: number): boolean {
    const { number } = row
    const focused = number === view.focused
    if (!focused && number !== view.hovered && number !== view.selected) return false
    this.list.add(Mark.Halo, Tone.Accent, x, y, angle, length + 16 * scale, scale, 1, 0)
    if (focused) this.list.add(Mark.Halo, Tone.Accent, x, y, angle, length + 24 * scale, scale * 1.35, 0.55, 0)
    return true
  }

  private isNamed(row: Row): boolean {
    if ((row.flags & Flag.Duplicate) !== 0) return false
    const crowd = this.inFlight[row.lane]
    if (crowd <= NAMED_ON_LANE) return true
    return crowd <= NAMED_ON_LANE * 4 && ((row.flags & (Flag.Retransmission | Flag.Corrupted)) !== 0 || isRemarkable(row.kind))
  }

  private addLost(row: Row, view: SceneView): void {
    const { layout } = view
    const lane = laneOf(layout, row.lane)
    const { unit } = layout
    const aside = row.sent === NEVER || row.gone < row.sent
    let along: number
    let away = 0
    let extent = 0
    if (aside) {
      along = lane.queueStart + lane.queueLength * ((row.flags & Flag.Refused) === 0 ? 0.3 : 1) + 8 * unit
      away = this.queues.offset(unit)
    } else {
      this.place(row, row.gone)
      extent = (this.head - this.tail) * lane.length
      // At either end the card would hide it.
      along = Math.min(lane.length - 14 * unit, Math.max(14 * unit, ((this.head + this.tail) / 2) * lane.length))
    }
    if (this.losses.isMany(row.lane) && !isSetOff(row, view)) {
      this.losses.add(row, aside, along, away, view)
      return
    }
    const scale = Math.max(0.6 * unit, this.laneScale(row.lane, layout))
    const age = view.linger === 0 ? 0 : (view.time - row.gone) / view.linger
    const x = lane.x0 + lane.ux * along + lane.nx * away
    const y = lane.y0 + lane.uy * along + lane.ny * away
    addLoss(this.list, row, lane, x, y, extent, scale, age, view)
    const halo = row.number === view.focused || row.number === view.hovered || row.number === view.selected
    if (halo) this.list.add(Mark.Halo, Tone.Accent, x, y, lane.angle, 26 * scale, scale, 1, 0)
    if (this.labels.losses < 6 || halo) {
      this.labels.addLoss(
        row.number,
        x,
        y,
        lane,
        aside ? 10 * unit : (BAND - LANE) * unit,
        Math.max(0, Math.min(1, (1 - age) * 4)),
      )
    }
  }
}

/** Whether a frame's time is over: nothing is left of it but, when it was lost, a trace. */
function isGone(row: Row, time: Nanos): boolean {
  return (row.flags & Flag.Lost) === 0 ? time > row.gone : time >= row.gone
}

/** Whether a frame is looked at by itself. */
function isSetOff({ number }: Row, { hovered, selected, focused }: SceneView): boolean {
  return number === hovered || number === selected || number === focused
}

/** Kinds that speak for themselves: handshakes, resets, pings, questions of ARP. */
function isRemarkable(kind: number): boolean {
  return kind !== ACK && kind !== DATA && kind !== UDP
}

function urgency(row: Row, pointedAt: boolean): number {
  if (pointedAt) return 3
  return (row.flags & (Flag.Retransmission | Flag.Corrupted)) !== 0 || isRemarkable(row.kind) ? 2 : 1
}
