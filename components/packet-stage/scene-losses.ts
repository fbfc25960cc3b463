import { Mark, Tone, type DrawList } from './draw-list.ts'
import type { Row } from './frame-index.ts'
import type { LabelRequests } from './label-requests.ts'
import { BAND, LANE } from './layout.ts'
import { laneOf, type SceneView } from './scene-view.ts'

/** From how many traces of losses on a direction of a link they are drawn together. */
const MANY = 40
/** Those within so many px at scale 1 are one cross. */
const CELL = 40
const CELLS = 512

interface Cell {
  lane: number
  count: number
  /** Sums of the places along the lane and beside it, in px. */
  along: number
  away: number
  /** Of the latest: 0 at the moment of the loss, 1 when nothing is left to see. */
  age: number
}

/** Losses by the hundred: a cross for each stretch of the line, the larger the more were lost there, with their number. */
export class LossScene {
  private counts = new Int32Array(0)
  private readonly cells = new Map<number, Cell>()

  begin(lanes: number): void {
    if (this.counts.length !== lanes) this.counts = new Int32Array(lanes)
    this.counts.fill(0)
    this.cells.clear()
  }

  count(row: Row): void {
    this.counts[row.lane]++
  }

  isMany(lane: number): boolean {
    return this.counts[lane] > MANY
  }

  /** @param aside whether it was lost in the queue or before, beside the line */
  add(row: Row, aside: boolean, along: number, away: number, view: SceneView): void {
    const { lane } = row
    const key = (lane * 2 + (aside ? 1 : 0)) * CELLS + Math.min(CELLS - 1, Math.floor(along / (CELL * view.layout.unit)))
    const age = view.linger === 0 ? 0 : (view.time - row.gone) / view.linger
    const cell = this.cells.get(key)
    if (cell === undefined) {
      this.cells.set(key, { lane, count: 1, along, away, age })
      return
    }
    cell.count++
    cell.along += along
    cell.away += away
    cell.age = Math.min(cell.age, age)
  }

  end(view: SceneView, list: DrawList, labels: LabelRequests): void {
    const { layout } = view
    const { unit } = layout
    for (const cell of this.cells.values()) {
      const lane = laneOf(layout, cell.lane)
      const along = cell.along / cell.count
      const away = cell.away / cell.count
      const x = lane.x0 + lane.ux * along + lane.nx * away
      const y = lane.y0 + lane.uy * along + lane.ny * away
      const fading = Math.min(1, Math.max(0.25, (1 - cell.age) * 2))
      list.add(Mark.Cross, Tone.Lost, x, y, 0, 0, Math.min(2, 0.8 + 0.35 * Math.log10(cell.count)) * unit, fading, 0)
      labels.addCount('losses', cell.count, x, y, lane, away === 0 ? (BAND - LANE) * unit : 12 * unit)
    }
  }
}
