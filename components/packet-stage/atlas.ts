import { CanvasSource, Rectangle, Texture } from 'pixi.js'
import type { Theme } from '../theme.ts'
import { Mark } from './draw-list.ts'
import { GLYPHS_BY_KIND, torn, tornEnds, type Glyph, type Outline } from './glyphs.ts'

/*
 * All pictures in one texture, so that everything on the canvas is one draw call. Painted with the 2D canvas rather than with Pixi's
 * Graphics: its edges are smoother, and its pixels survive a lost WebGL context.
 */

/** Around each frame, in the colour of the band: frames that overlap stay apart. */
const RIM = 1.5
/** Kept free around each picture, so that neighbours do not bleed in when it is drawn small. */
const PADDING = 3
const FLOWS = 8

/** A picture, in one piece, or the three pieces of one that can be stretched. */
export interface Picture {
  readonly texture: Texture
  /** Ends and middle of a bar. */
  readonly ends?: readonly [Texture, Texture]
  /** Length of one end. */
  readonly end: number
  /** Whether its colours are its own; otherwise it is white, to be tinted. */
  readonly coloured: boolean
}

export interface Atlas {
  /** By mark, and for the marks of frames by flow: `mark * 8 + flow`. */
  readonly pictures: readonly Picture[]
  readonly source: CanvasSource
}

type Paint = (context: CanvasRenderingContext2D) => void

interface Cell {
  readonly width: number
  readonly height: number
  /** Draws with the origin in the middle. */
  readonly paint: Paint
  x: number
  y: number
}

function css(colour: number): string {
  return `#${colour.toString(16).padStart(6, '0')}`
}

function trace(context: CanvasRenderingContext2D, outlines: readonly Outline[]): void {
  context.beginPath()
  for (const outline of outlines) {
    for (let i = 0; i < outline.length; i += 2) {
      if (i === 0) context.moveTo(outline[0], outline[1])
      else context.lineTo(outline[i], outline[i + 1])
    }
    context.closePath()
  }
}

/** Draws a shape with its rim. */
function paintGlyph(outlines: readonly Outline[], colour: string, rim: string): Paint {
  return (context) => {
    trace(context, [outlines[0]])
    context.lineJoin = 'round'
    context.lineWidth = RIM * 2
    context.strokeStyle = rim
    context.stroke()
    trace(context, outlines)
    context.fillStyle = colour
    context.fill('evenodd')
  }
}

/** Collects cells, gives each a place, and paints them all at once. */
class Sheet {
  readonly #cells: Cell[] = []

  add(width: number, height: number, paint: Paint): Cell {
    const cell = { width: Math.ceil(width), height: Math.ceil(height), paint, x: 0, y: 0 }
    this.#cells.push(cell)
    return cell
  }

  paint(resolution: number): CanvasSource {
    const width = 640
    let x = 0
    let y = 0
    let row = 0
    for (const cell of [...this.#cells].sort((a, b) => b.height - a.height)) {
      if (x + cell.width + PADDING > width) {
        x = 0
        y += row
        row = 0
      }
      cell.x = x + PADDING
      cell.y = y + PADDING
      x += cell.width + PADDING * 2
      row = Math.max(row, cell.height + PADDING * 2)
    }
    const canvas = document.createElement('canvas')
    canvas.width = Math.ceil((width + PADDING * 2) * resolution)
    canvas.height = Math.ceil((y + row) * resolution)
    const context = canvas.getContext('2d')
    if (context === null) throw new Error('no 2D canvas')
    for (const cell of this.#cells) {
      context.save()
      context.scale(resolution, resolution)
      context.beginPath()
      context.rect(cell.x - 1, cell.y - 1, cell.width + 2, cell.height + 2)
      context.clip()
      context.translate(cell.x + cell.width / 2, cell.y + cell.height / 2)
      cell.paint(context)
      context.restore()
    }
    return new CanvasSource({ resource: canvas, resolution, autoGenerateMipmaps: true, scaleMode: 'linear' })
  }
}

/** Where in the sheet the pieces of a picture are; cut out once the sheet is painted. */
interface Plan {
  readonly whole: Cell
  readonly ends?: readonly [Cell, Cell]
  readonly end: number
  readonly coloured: boolean
}

/** A bar is cut from a picture of it: two ends, and a thin slice of the middle to stretch. */
function planBar(sheet: Sheet, length: number, height: number, end: number, coloured: boolean, paint: Paint): Plan {
  const box = height + 4
  const shifted = (by: number): Paint => {
    return (context) => {
      context.beginPath()
      context.rect(-end / 2 - 2, -box / 2, end + 4, box)
      context.clip()
      context.translate(by, 0)
      paint(context)
    }
  }
  const reach = length / 2 + 2 - end / 2
  return {
    whole: sheet.add(2, box, paint),
    ends: [sheet.add(end, box, shifted(reach)), sheet.add(end, box, shifted(-reach))],
    end,
    coloured,
  }
}

function planGlyph(sheet: Sheet, glyph: Glyph, ragged: boolean, colour: string, rim: string): Plan {
  if (!glyph.bar) {
    const outlines = ragged ? [torn(glyph.outlines[0], 3), ...glyph.outlines.slice(1)] : glyph.outlines
    const size = Math.max(glyph.length, glyph.height) + 8
    return { whole: sheet.add(size, size, paintGlyph(outlines, colour, rim)), end: 0, coloured: true }
  }
  const outline = ragged ? tornEnds(glyph) : glyph.outlines[0]
  return planBar(sheet, glyph.length, glyph.height + RIM * 2, 10, true, paintGlyph([outline], colour, rim))
}

/** An outline of a bar, drawn inside of `height`. */
function planRing(sheet: Sheet, height: number, thickness: number): Plan {
  const length = 40
  const paint: Paint = (context) => {
    context.beginPath()
    const [x, y] = [length / 2 - thickness / 2, height / 2 - thickness / 2]
    context.roundRect(-x, -y, 2 * x, 2 * y, Math.min(y, 8))
    context.lineWidth = thickness
    context.strokeStyle = '#fff'
    context.stroke()
  }
  return planBar(sheet, length, height, 10, false, paint)
}

function paintCross(colour: string, rim: string): Paint {
  return (context) => {
    const arm = 6
    context.lineCap = 'round'
    for (const [style, width] of [
      [rim, 6.5],
      [colour, 3],
    ] as const) {
      context.beginPath()
      context.moveTo(-arm, -arm)
      context.lineTo(arm, arm)
      context.moveTo(arm, -arm)
      context.lineTo(-arm, arm)
      context.lineWidth = width
      context.strokeStyle = style
      context.stroke()
    }
  }
}

function decorations(sheet: Sheet, theme: Theme): Map<number, Plan> {
  const white = (width: number, height: number, paint: Paint): Plan => ({
    whole: sheet.add(width, height, paint),
    end: 0,
    coloured: false,
  })
  return new Map<number, Plan>([
    [
      Mark.Solid,
      white(2, 2, (context) => {
        context.fillStyle = '#fff'
        context.fillRect(-4, -4, 8, 8)
      }),
    ],
    [Mark.Outline, planRing(sheet, 20, 1.6)],
    [Mark.Halo, planRing(sheet, 28, 2)],
    [Mark.Track, planRing(sheet, 15, 1)],
    [Mark.Cross, { whole: sheet.add(22, 22, paintCross(css(theme.lost), css(theme.sunken))), end: 0, coloured: true }],
    [
      Mark.Circle,
      white(50, 50, (context) => {
        context.beginPath()
        context.arc(0, 0, 23, 0, 7)
        context.lineWidth = 2
        context.strokeStyle = '#fff'
        context.stroke()
      }),
    ],
    [
      Mark.Shard,
      white(8, 6, (context) => {
        context.fillStyle = '#fff'
        trace(context, [[-3, -2, 3, 0, -2, 2.2]])
        context.fill()
      }),
    ],
    [
      Mark.Crack,
      white(14, 18, (context) => {
        context.strokeStyle = '#fff'
        context.lineWidth = 2
        context.lineJoin = 'miter'
        context.beginPath()
        context.moveTo(2.5, -9)
        context.lineTo(-2, -1.5)
        context.lineTo(2.2, 1)
        context.lineTo(-2.5, 9)
        context.stroke()
      }),
    ],
  ])
}

/**
 * @param resolution device pixels for each px of a picture
 */
export function createAtlas(theme: Theme, resolution: number): Atlas {
  const sheet = new Sheet()
  const rim = css(theme.sunken)
  const plans = new Map<number, Plan>()
  GLYPHS_BY_KIND.forEach((glyph, kind) => {
    for (let flow = 0; flow < FLOWS; flow++) {
      const colour = css(theme.flows[flow])
      plans.set(kind * FLOWS + flow, planGlyph(sheet, glyph, false, colour, rim))
      plans.set((kind + Mark.Torn) * FLOWS + flow, planGlyph(sheet, glyph, true, colour, rim))
    }
  })
  for (const [mark, plan] of decorations(sheet, theme)) plans.set(mark * FLOWS, plan)

  const source = sheet.paint(resolution)
  const cut = ({ x, y, width, height }: Cell): Texture => new Texture({ source, frame: new Rectangle(x, y, width, height) })
  const pictures: Picture[] = []
  for (const [index, { whole, ends, end, coloured }] of plans) {
    pictures[index] = {
      texture: cut(whole),
      end,
      coloured,
      ...(ends === undefined ? {} : { ends: [cut(ends[0]), cut(ends[1])] }),
    }
  }
  return { pictures, source }
}

export function destroyAtlas(atlas: Atlas): void {
  // Not every index is taken: forEach skips those that are not.
  atlas.pictures.forEach(({ texture, ends = [] }) => {
    texture.destroy()
    for (const end of ends) end.destroy()
  })
  atlas.source.destroy()
}
