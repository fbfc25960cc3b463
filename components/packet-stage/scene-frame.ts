import { flowIndex } from '../theme.ts'
import { Mark, Tone, type DrawList } from './draw-list.ts'
import { Flag, type Row } from './frame-index.ts'
import { GLYPHS_BY_KIND } from './glyphs.ts'

/**
 * Draws a frame.
 * @param extent how much of the line it occupies, in px
 * @param torn `Mark.Torn` or 0
 * @returns the length of its picture in px
 */
export function addFrame(
  list: DrawList,
  row: Row,
  x: number,
  y: number,
  angle: number,
  extent: number,
  scale: number,
  torn: number,
  alpha = 1,
): number {
  const glyph = GLYPHS_BY_KIND[row.kind]
  const tone = flowIndex(row.flow)
  const own = glyph.length * scale
  const opaque = alpha * ((row.flags & (Flag.Probe | Flag.Duplicate)) === 0 ? 1 : 0.6)
  let length = own
  if (glyph.bar) length = Math.max(own, extent)
  else if (extent > own + 6 * scale) {
    list.add(Mark.Solid, tone, x, y, angle, extent, 4 * scale, 0.4 * opaque, 0)
  }
  if ((row.flags & Flag.Retransmission) !== 0) {
    list.add(Mark.Outline, tone, x, y, angle, Math.max(length, glyph.height * scale) + 8 * scale, scale, opaque, 0)
  }
  list.add(row.kind + torn, tone, x, y, angle, glyph.bar ? length : 0, scale, opaque, row.number)
  if (torn !== 0 && glyph.bar) list.add(Mark.Crack, Tone.Band, x, y, angle, 0, scale, alpha, 0)
  return length
}
