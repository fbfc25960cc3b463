import { sameTarget, type Target } from '../selection.ts'
import { Mark, type DrawList } from './draw-list.ts'
import { BAND, type Layout } from './layout.ts'

/** How near a pointer must come to a frame, in px: half of what a finger needs. */
export const REACH = { mouse: 13, touch: 24 } as const

/** The frame whose picture is nearest to a point, within `reach` px; below 0: one of the groups; 0 when there is none. */
export function nearestFrame(list: DrawList, x: number, y: number, reach: number): number {
  let best = 0
  let nearest = reach
  // From the top down: of two pictures as near, the upper one.
  for (let i = list.count - 1; i >= 0; i--) {
    if (list.frame[i] === 0) continue
    const dx = x - list.x[i]
    const dy = y - list.y[i]
    const cos = Math.cos(list.angle[i])
    const sin = Math.sin(list.angle[i])
    const half = list.length[i] / 2
    const along = Math.max(0, Math.abs(dx * cos + dy * sin) - half)
    const thickness = list.mark[i] === Mark.Solid ? list.scale[i] / 2 : 6 * list.scale[i]
    const across = Math.max(0, Math.abs(dy * cos - dx * sin) - thickness)
    const distance = Math.hypot(along, across)
    if (distance < nearest) {
      nearest = distance
      best = list.frame[i]
    }
  }
  return best
}

/** What is at a point: a frame before a host, a host before a link. */
export function hitTest(list: DrawList, layout: Layout, x: number, y: number, reach: number): Target | undefined {
  const host = layout.cards.findIndex(
    (card) => Math.abs(x - card.x) <= card.width / 2 + 2 && Math.abs(y - card.y) <= card.height / 2 + 2,
  )
  // A card lies over the frames that come out from under it.
  const number = host < 0 ? nearestFrame(list, x, y, reach * layout.unit) : 0
  if (number !== 0) return targetOf(list, number)
  if (host >= 0) return { kind: 'host', index: host }
  const link = layout.links.findIndex((place) => {
    const { ux, uy } = place.lanes[0]
    const along = (x - place.x0) * ux + (y - place.y0) * uy
    const across = Math.abs((y - place.y0) * ux - (x - place.x0) * uy)
    return along >= 0 && along <= place.length && across <= Math.max(BAND, reach) * layout.unit
  })
  return link < 0 ? undefined : { kind: 'link', index: link }
}

/** What `DrawList.frame` names. */
export function targetOf({ groups }: DrawList, number: number): Target {
  if (number > 0) return { kind: 'frame', number }
  // The group itself is used again for the next picture.
  const { kind, lane, cell, of } = groups[-number - 1]
  return { kind, lane, cell, of }
}

export interface Place {
  readonly x: number
  readonly y: number
  /** Whether what is there runs up or down: there is more room beside it than above and below. */
  readonly upright: boolean
}

function isUpright(angle: number): boolean {
  return Math.abs(Math.sin(angle)) > 0.8
}

/** The middle of a frame's picture; undefined when it is not in the picture. */
function framePlace(list: DrawList, number: number): Place | undefined {
  for (let i = list.count - 1; i >= 0; i--) {
    if (list.frame[i] === number) return { x: list.x[i], y: list.y[i], upright: isUpright(list.angle[i]) }
  }
  return undefined
}

/** Where a target is on the stage, in px. */
export function targetPlace(target: Target, list: DrawList, layout: Layout): Place | undefined {
  if (target.kind === 'frame') return framePlace(list, target.number)
  if (target.kind === 'group') {
    for (let index = 0; index < list.groupCount; index++) {
      if (sameTarget(list.groups[index], target)) return framePlace(list, -index - 1)
    }
    return undefined
  }
  if (target.kind === 'host') {
    const card = layout.cards.at(target.index)
    return card === undefined ? undefined : { x: card.x, y: card.y, upright: false }
  }
  const place = layout.links.at(target.index)
  if (place === undefined) return undefined
  return { x: (place.x0 + place.x1) / 2, y: (place.y0 + place.y1) / 2, upright: isUpright(place.lanes[0].angle) }
}
