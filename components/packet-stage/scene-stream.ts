import { FRAME_KINDS } from '../../src/trace/record.ts'
import { sameTarget } from '../selection.ts'
import { flowIndex } from '../theme.ts'
import { Mark, Tone, type DrawList, type FrameGroup } from './draw-list.ts'
import { Flag, type Row } from './frame-index.ts'
import { GLYPHS_BY_KIND } from './glyphs.ts'
import type { LabelRequests } from './label-requests.ts'
import { BAND, LANE, type Lane } from './layout.ts'
import { laneOf, type SceneView } from './scene-view.ts'

/*
 * A line with more frames on it than can be told apart: they are drawn by cells that travel along it as fast as its frames do, so that a
 * frame stays in its cell from end to end. All frames of one kind in one cell are one picture, the larger the more they are (by the
 * logarithm of their number). Every frame on its way is in exactly one picture, and each picture knows how many it stands for.
 */

/** From how many frames on its way a direction of a link is drawn so. */
export const CROWDED = 100

/** Length of a cell in px at scale 1. */
const CELL = 18
/** Kinds run side by side, so that they are seen apart: what opens and closes connections, what carries data, what acknowledges. */
const SIDE = 5
const SIDES = FRAME_KINDS.map((kind) => (kind === 'tcp-data' || kind === 'udp' ? 0 : kind === 'tcp-ack' ? -SIDE : SIDE))
const KINDS = 16
/** More cells than are ever on a line at once. */
const CELLS = 2 ** 20

export class StreamScene {
  /** By lane: sum of the ways of its frames, in ns. */
  private ways = new Float64Array(0)
  /** Groups of the picture, by lane, cell and kind. */
  private readonly index = new Map<number, number>()

  begin(lanes: number): void {
    if (this.ways.length !== lanes) this.ways = new Float64Array(lanes)
    this.ways.fill(0)
    this.index.clear()
  }

  count(row: Row): void {
    this.ways[row.lane] += row.arrives - row.onLine
  }

  /** Whether a frame is one of a group that is shown. */
  isIn(
    row: Row,
    along: number,
    { lane, cell, of }: { readonly lane: number; readonly cell: number; readonly of: number },
    view: SceneView,
    count: number,
  ): boolean {
    return row.lane === lane && row.kind === of && this.cellOf(row, along, view, count) === cell
  }

  /** @param along how far it has come in px, @param count how many are on the way there */
  add(row: Row, along: number, view: SceneView, count: number, list: DrawList): void {
    const cell = this.cellOf(row, along, view, count)
    const key = ((((cell % CELLS) + CELLS) % CELLS) * this.ways.length + row.lane) * KINDS + row.kind
    let at = this.index.get(key)
    if (at === undefined) {
      at = list.groupCount++
      this.index.set(key, at)
      const group = list.groups.at(at)
      if (group === undefined) {
        list.groups.push({ kind: 'group', lane: row.lane, cell, of: row.kind, count: 0, again: 0, flow: row.flow, along: 0 })
      } else {
        group.lane = row.lane
        group.cell = cell
        group.of = row.kind
        group.count = group.again = group.along = 0
        group.flow = row.flow
      }
    }
    const group = list.groups[at]
    group.count++
    group.along += along
    if (group.flow !== row.flow) group.flow = 0
    if ((row.flags & Flag.Retransmission) !== 0) group.again++
  }

  /** Draws the groups. */
  end(view: SceneView, inFlight: Int32Array, list: DrawList, labels: LabelRequests): void {
    const { groupCount, groups } = list
    for (let at = 0; at < groupCount; at++) this.draw(groups[at], at, view, list)
    for (let number = 0; number < inFlight.length; number++) {
      if (inFlight[number] <= CROWDED) continue
      const lane = laneOf(view.layout, number)
      const middle = lane.length * 0.72
      const distance = (BAND - LANE) * view.layout.unit
      labels.addCount('stream', inFlight[number], lane.x0 + lane.ux * middle, lane.y0 + lane.uy * middle, lane, distance)
    }
  }

  private draw(group: FrameGroup, at: number, view: SceneView, list: DrawList): void {
    const lane: Lane = laneOf(view.layout, group.lane)
    const { unit } = view.layout
    const glyph = GLYPHS_BY_KIND[group.of]
    const size = Math.log10(group.count)
    const scale = Math.min(1.2, 0.34 + 0.2 * size) * unit
    const alpha = Math.min(1, 0.7 + 0.12 * size)
    const along = group.along / group.count
    const aside = SIDES[group.of] * unit
    const x = lane.x0 + lane.ux * along + lane.nx * aside
    const y = lane.y0 + lane.uy * along + lane.ny * aside
    const length = glyph.length * scale
    list.add(group.of, flowIndex(group.flow), x, y, lane.angle, glyph.bar ? length : 0, scale, alpha, -at - 1)
    if (sameTarget(view.group, group)) list.add(Mark.Halo, Tone.Accent, x, y, lane.angle, length + 16 * unit, unit * 0.8, 1, 0)
  }

  /** Cells move with the mean of the frames there, rounded so that it seldom becomes another. */
  private cellOf(row: Row, along: number, view: SceneView, count: number): number {
    const way = 2 ** (Math.round(Math.log2(Math.max(1, this.ways[row.lane] / count)) * 2) / 2)
    const { length } = laneOf(view.layout, row.lane)
    return Math.floor((along - (length * view.time) / way) / (CELL * view.layout.unit))
  }
}
