import { Mark, Tone, type DrawList } from './draw-list.ts'
import type { Row } from './frame-index.ts'
import type { Lane } from './layout.ts'
import { flowIndex } from '../theme.ts'
import { addFrame } from './scene-frame.ts'
import { isTorn, type SceneView } from './scene-view.ts'

const SHARDS = 7
/** How much of the time the burst takes; the cross stays. */
const BURST = 0.4
/** From when on the cross fades. */
const FADE = 0.75

/**
 * The trace of a loss: the frame bursts, a cross remains for a while. All of it follows from `age`, so that someone who steps or
 * scrubs sees it as well.
 * @param extent how much of the line the frame occupied, in px
 * @param age 0 at the moment of the loss, 1 when nothing is left to see
 */
export function addLoss(
  list: DrawList,
  row: Row,
  lane: Lane,
  x: number,
  y: number,
  extent: number,
  scale: number,
  age: number,
  view: SceneView,
): void {
  const { unit } = view.layout
  const burst = Math.min(1, age / BURST)
  if (!view.still && burst < 1) {
    const out = 1 - (1 - burst) ** 3
    list.add(Mark.Circle, Tone.Lost, x, y, 0, 0, (0.35 + 0.75 * out) * unit, (1 - burst) ** 2 * 0.7, 0)
    const tone = flowIndex(row.flow)
    for (let i = 0; i < SHARDS; i++) {
      // Scattered by the frame's number, so that the same loss always looks the same.
      const angle = ((row.number * 2.399 + i) * 2 * Math.PI) / SHARDS
      const distance = (5 + (15 + 4 * ((row.number + i * 3) % 4)) * out) * unit
      list.add(
        Mark.Shard,
        tone,
        x + Math.cos(angle) * distance,
        y + Math.sin(angle) * distance,
        angle,
        0,
        (1.25 - 0.7 * burst) * unit,
        1 - burst,
        0,
      )
    }
  }
  const rest = Math.max(0, 1 - burst * 1.6)
  const fading = age <= FADE ? 1 : Math.max(0, (1 - age) / (1 - FADE))
  const ghost = view.still ? 0.35 * fading : Math.max(rest, 0)
  if (ghost > 0) {
    const shrunk = extent * (1 - Math.min(1, burst * 1.6))
    addFrame(list, row, x, y, lane.angle, shrunk, scale, isTorn(row, view) ? Mark.Torn : 0, ghost)
  }
  const grown = view.still ? 1 : 0.75 + 0.25 * Math.min(1, age / 0.08)
  list.add(Mark.Cross, Tone.Lost, x, y, 0, 0, grown * Math.max(scale, 0.8 * unit), fading, row.number)
}
