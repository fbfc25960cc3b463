import { FRAME_KINDS, type FrameKind } from '../../src/trace/record.ts'

/**
 * The shapes of frames, as polygons: the canvas, the legend and the torn look of a corrupted frame are all made from these.
 * Units are CSS px at the stage's normal scale; the origin is the middle, x points where the frame travels.
 */

/** Points of one closed polygon: x, y, x, y, … */
export type Outline = readonly number[]

export interface Glyph {
  /** The first is the rim, the others are holes in it. */
  readonly outlines: readonly Outline[]
  /** Length along the way. A bar can be drawn longer. */
  readonly length: number
  readonly height: number
  /** Whether it is stretched to the stretch of line that the frame occupies. */
  readonly bar: boolean
}

/** Corners cut by a curve that stays within `radius` of them. */
function rounded(corners: readonly number[], radius: number): number[] {
  const points: number[] = []
  const count = corners.length / 2
  for (let i = 0; i < count; i++) {
    const [x, y] = [corners[2 * i], corners[2 * i + 1]]
    const before = (i + count - 1) % count
    const after = (i + 1) % count
    const [inX, inY] = towards(x, y, corners[2 * before], corners[2 * before + 1], radius)
    const [outX, outY] = towards(x, y, corners[2 * after], corners[2 * after + 1], radius)
    for (let step = 0; step <= 4; step++) {
      const t = step / 4
      const u = 1 - t
      points.push(u * u * inX + 2 * u * t * x + t * t * outX, u * u * inY + 2 * u * t * y + t * t * outY)
    }
  }
  return points
}

/** The point `distance` from (x, y) on the way to (toX, toY), at most half of the way. */
function towards(x: number, y: number, toX: number, toY: number, distance: number): [number, number] {
  const length = Math.hypot(toX - x, toY - y)
  const part = Math.min(0.5, distance / length)
  return [x + (toX - x) * part, y + (toY - y) * part]
}

function regular(sides: number, radius: number, turn: number): number[] {
  const points: number[] = []
  for (let i = 0; i < sides; i++) {
    const angle = turn + (i * 2 * Math.PI) / sides
    points.push(radius * Math.cos(angle), radius * Math.sin(angle))
  }
  return points
}

function box(width: number, height: number): number[] {
  const [x, y] = [width / 2, height / 2]
  return [-x, -y, x, -y, x, y, -x, y]
}

const BAR_HEIGHT = 12
/** How far the ends of a UDP bar lean. */
const SLANT = 5

function glyph(length: number, height: number, bar: boolean, ...outlines: number[][]): Glyph {
  return { outlines, length, height, bar }
}

/** Opening is a play button, closing a stop button, a reset a no-entry sign; data is a brick, UDP a brick in a hurry. */
export const GLYPHS: Readonly<Record<FrameKind, Glyph>> = {
  other: glyph(12, 12, false, rounded(regular(6, 6.5, 0), 1.5)),
  arp: glyph(16, 16, false, rounded(regular(4, 8, 0), 1.5)),
  icmp: glyph(14, 14, false, regular(32, 7, 0), regular(32, 3.2, 0)),
  udp: glyph(
    20,
    BAR_HEIGHT,
    true,
    rounded([-10 + SLANT, -BAR_HEIGHT / 2, 10, -BAR_HEIGHT / 2, 10 - SLANT, BAR_HEIGHT / 2, -10, BAR_HEIGHT / 2], 2),
  ),
  'tcp-syn': glyph(16, 16, false, rounded([-6, -8, 9, 0, -6, 8], 2.5)),
  'tcp-ack': glyph(10, 10, false, regular(28, 5, 0)),
  'tcp-data': glyph(20, BAR_HEIGHT, true, rounded(box(20, BAR_HEIGHT), 3.5)),
  'tcp-fin': glyph(13, 13, false, rounded(box(13, 13), 1.5), box(4.4, 4.4)),
  'tcp-rst': glyph(16, 16, false, rounded(regular(8, 8.2, Math.PI / 8), 1), box(8.4, 3)),
  // What ARP is to IPv4: the same diamond, with a hole.
  ndp: glyph(16, 16, false, rounded(regular(4, 8, 0), 1.5), regular(4, 3.4, 0)),
}

/** The same, by index in `FRAME_KINDS`. */
export const GLYPHS_BY_KIND: readonly Glyph[] = FRAME_KINDS.map((kind) => GLYPHS[kind])

/**
 * A polygon whose rim is torn: points at even distances along it, moved in and out in turn.
 * @param depth how far, in px
 */
export function torn(outline: Outline, depth: number): number[] {
  const step = depth * 1.7
  const points: number[] = []
  const count = outline.length / 2
  let rest = 0
  let side = 1
  for (let i = 0; i < count; i++) {
    const next = (i + 1) % count
    const [x0, y0, x1, y1] = [outline[2 * i], outline[2 * i + 1], outline[2 * next], outline[2 * next + 1]]
    const length = Math.hypot(x1 - x0, y1 - y0)
    if (length === 0) continue
    const [ux, uy] = [(x1 - x0) / length, (y1 - y0) / length]
    let at = rest
    for (; at < length; at += step) {
      points.push(x0 + ux * at + uy * depth * 0.5 * side, y0 + uy * at - ux * depth * 0.5 * side)
      side = -side
    }
    rest = at - length
  }
  return points
}

/** A bar whose two ends are torn off. */
export function tornEnds({ length, height }: Glyph): Outline {
  const [x, y] = [length / 2, height / 2]
  const right = [x - 1, -y, x + 1.5, -y / 2, x - 3, -y / 6, x + 1.5, y / 3, x - 2, y]
  const left = [-x + 1, y, -x - 1.5, y / 2, -x + 3, y / 6, -x - 1.5, -y / 3, -x + 2, -y]
  return [...right, ...left]
}

/** An SVG path of polygons, for `fill-rule="evenodd"`. */
export function svgPath(outlines: readonly Outline[]): string {
  return outlines
    .map((outline) => {
      const points: string[] = []
      for (let i = 0; i < outline.length; i += 2) points.push(`${outline[i].toFixed(2)} ${outline[i + 1].toFixed(2)}`)
      return `M${points.join('L')}Z`
    })
    .join('')
}
