import type { Intervention } from '../../src/scenario/intervention.ts'
import type { Nanos } from '../../src/trace/record.ts'
import type { TraceMarks } from '../trace-marks.ts'

/** Colours as CSS has them. */
export interface MarkColours {
  readonly loss: string
  readonly retransmission: string
  readonly intervention: string
}

/** Half of the thumb: where time 0 is, from the left edge of a range input. */
const THUMB_RADIUS = 8

/** Where a time is on the bar, in px from its left edge. */
export function timeToX(time: Nanos, extent: Nanos, width: number): number {
  return THUMB_RADIUS + (Math.min(time, extent) / extent) * (width - 2 * THUMB_RADIUS)
}

/** The time at an x, clamped to the bar. */
export function xToTime(x: number, extent: Nanos, width: number): Nanos {
  return Math.round(Math.min(1, Math.max(0, (x - THUMB_RADIUS) / (width - 2 * THUMB_RADIUS))) * extent)
}

/**
 * Draws the marks: crosses above the track where something was lost, ticks below where something was sent again, diamonds on top of
 * it where a person did something. Many marks in one px are drawn once. The canvas is given a size in CSS px.
 */
export function drawMarks(
  canvas: HTMLCanvasElement,
  [width, height]: readonly [width: number, height: number],
  marks: TraceMarks,
  log: readonly Intervention[],
  extent: Nanos,
  colours: MarkColours,
): void {
  const ratio = devicePixelRatio
  const [pixelWidth, pixelHeight] = [Math.round(width * ratio), Math.round(height * ratio)]
  if (canvas.width !== pixelWidth) canvas.width = pixelWidth
  if (canvas.height !== pixelHeight) canvas.height = pixelHeight
  const context = canvas.getContext('2d')
  if (context === null || width === 0) return
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, width, height)
  const middle = height / 2
  const places = (times: readonly { readonly time: Nanos }[]): Set<number> => {
    const found = new Set<number>()
    for (const { time } of times) if (time <= extent) found.add(Math.round(timeToX(time, extent, width)))
    return found
  }
  context.lineCap = 'round'
  context.strokeStyle = colours.retransmission
  context.lineWidth = 2
  context.beginPath()
  for (const x of places(marks.retransmissions)) {
    context.moveTo(x, middle + 9)
    context.lineTo(x, middle + 15)
  }
  context.stroke()
  context.strokeStyle = colours.loss
  context.lineWidth = 1.8
  context.beginPath()
  for (const x of places(marks.losses)) {
    const y = middle - 13
    context.moveTo(x - 3, y - 3)
    context.lineTo(x + 3, y + 3)
    context.moveTo(x - 3, y + 3)
    context.lineTo(x + 3, y - 3)
  }
  context.stroke()
  context.fillStyle = colours.intervention
  for (const x of places(log.map(({ at }) => ({ time: at })))) {
    context.beginPath()
    context.moveTo(x, middle - 5)
    context.lineTo(x + 5, middle)
    context.lineTo(x, middle + 5)
    context.lineTo(x - 5, middle)
    context.fill()
  }
}
