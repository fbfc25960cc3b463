import { formatQuantity } from '../format.ts'
import { formatLinkSetting } from '../link-settings.ts'
import type { LinkSettings } from '../../src/trace/record.ts'
import type { Occupied } from './label-requests.ts'
import { BAND, QUEUE_OFFSET, type Lane, type Layout, type LinkPlace } from './layout.ts'

/** What is written beside a link: what it does to frames. */
export interface LinkCaption {
  /** Lines of parts; a part with `bad` takes or spoils frames. */
  readonly lines: readonly (readonly CaptionPart[])[]
  /** Middle of the text. */
  readonly x: number
  readonly y: number
  readonly anchor: 'start' | 'middle' | 'end'
  readonly box: Occupied
}
export interface CaptionPart {
  readonly text: string
  readonly bad: boolean
}

type Pair = readonly [LinkSettings, LinkSettings]

/** `'→'` and the like: where a lane leads on the screen. */
function arrow(angle: number): string {
  return ['→', '↘', '↓', '↙', '←', '↖', '↑', '↗'][((Math.round(angle / (Math.PI / 4)) % 8) + 8) % 8]
}

/** A setting in words; of both directions, when they differ. */
function both(place: LinkPlace, settings: Pair, words: (settings: LinkSettings) => string): string {
  const [there, back] = [words(settings[0]), words(settings[1])]
  if (there === back) return there
  const told = [there, back].map((text, i) => (text === '' ? '' : `${arrow(place.lanes[i as 0 | 1].angle)} ${text}`))
  return told.filter((text) => text !== '').join('  ')
}

function captionParts(place: LinkPlace, settings: Pair): CaptionPart[] {
  const parts: CaptionPart[] = []
  const add = (text: string, bad: boolean): void => {
    if (text !== '') parts.push({ text, bad })
  }
  add(
    both(place, settings, ({ rate }) => (rate === 0 ? '' : formatQuantity('rate', rate))),
    false,
  )
  add(
    both(place, settings, ({ delay }) => formatQuantity('time', delay)),
    false,
  )
  add(
    both(place, settings, ({ discipline }) => (discipline === 'drop-tail' ? '' : formatLinkSetting('discipline', discipline))),
    false,
  )
  add(
    both(place, settings, (each) => lossCaption(each)),
    true,
  )
  add(
    both(place, settings, ({ corrupt }) => (corrupt === 0 ? '' : `${formatQuantity('fraction', corrupt)} bit errors`)),
    true,
  )
  return parts
}

function lossCaption({ loss, lossBurst }: LinkSettings): string {
  if (loss === 0) return ''
  return `${formatQuantity('fraction', loss)} loss${lossBurst === 0 ? '' : ' in bursts'}`
}

/** Between parts of one line. */
export const SEPARATOR = ' · '

function lineText(line: readonly CaptionPart[]): string {
  return line.map(({ text }) => text).join(SEPARATOR)
}

/** Kept free around captions. */
const AIR = 8

function overlap(a: Occupied, b: Occupied): boolean {
  return a.left < b.right + AIR && a.right + AIR > b.left && a.top < b.bottom && a.bottom > b.top
}

/** Whether a box touches the band of a link. */
function onBand(box: Occupied, place: LinkPlace, unit: number): boolean {
  const middleX = (box.left + box.right) / 2
  const middleY = (box.top + box.bottom) / 2
  const { ux, uy, nx, ny } = place.lanes[0]
  const along = (middleX - place.x0) * ux + (middleY - place.y0) * uy
  const across = Math.abs((middleX - place.x0) * nx + (middleY - place.y0) * ny)
  const halfWidth = (box.right - box.left) / 2
  const halfHeight = (box.bottom - box.top) / 2
  return (
    across < BAND * unit + Math.abs(nx) * halfWidth + Math.abs(ny) * halfHeight &&
    along > -Math.abs(ux) * halfWidth - Math.abs(uy) * halfHeight &&
    along < place.length + Math.abs(ux) * halfWidth + Math.abs(uy) * halfHeight
  )
}

/**
 * Places captions beside the middle of their links, clear of cards, bands and each other; one that finds no place is left out (the
 * tooltip says it too).
 * @param width of a text in px
 * @param height of a line in px
 */
export function placeCaptions(
  layout: Layout,
  settings: readonly Pair[],
  width: (text: string) => number,
  height: number,
): (LinkCaption | undefined)[] {
  const { unit } = layout
  const taken: Occupied[] = layout.cards.map(cardBox)
  const queues = layout.links.flatMap(({ lanes }) => lanes.map((lane) => queueBox(lane, unit)))
  return layout.links.map((place, index) => {
    const parts = captionParts(place, settings[index])
    const { nx, ny } = place.lanes[0]
    const level = Math.abs(ny) > 0.85
    const choices = level ? [[parts], parts.map((part) => [part])] : [parts.map((part) => [part]), [parts]]
    // First without a queue in the way, should one form there.
    for (const avoided of [queues, []]) {
      for (const lines of choices) {
        const textWidth = Math.max(...lines.map((line) => width(lineText(line))))
        if (level && textWidth > place.length - 24 * unit) continue
        for (const along of [0.5, 0.34, 0.66, 0.22, 0.78]) {
          // Below a level link, with room for the labels of frames in between; to the right of one that stands.
          for (const side of ny > 0.2 || (Math.abs(ny) <= 0.2 && nx > 0) ? [1, -1] : [-1, 1]) {
            const caption = captionAt(place, lines, textWidth, height, along, side, level ? 23 * unit : 7 * unit, unit)
            const { box } = caption
            if (box.left < 4 || box.top < 4 || box.right > layout.width - 4 || box.bottom > layout.height - 4) continue
            if ([...taken, ...avoided].some((other) => overlap(box, other))) continue
            if (layout.links.some((other) => onBand(box, other, unit))) continue
            taken.push(box)
            return caption
          }
        }
      }
    }
    return undefined
  })
}

/** Where the egress queue of a lane is drawn when there is one. */
function queueBox(lane: Lane, unit: number): Occupied {
  const away = QUEUE_OFFSET * unit
  const half = 7 * unit
  const [from, to] = [lane.queueStart, lane.queueStart + lane.queueLength]
  const [x0, x1] = [from, to].map((along) => lane.x0 + lane.ux * along + lane.nx * away)
  const [y0, y1] = [from, to].map((along) => lane.y0 + lane.uy * along + lane.ny * away)
  return {
    left: Math.min(x0, x1) - half,
    right: Math.max(x0, x1) + half,
    top: Math.min(y0, y1) - half,
    bottom: Math.max(y0, y1) + half,
  }
}

export function cardBox(card: Layout['cards'][number]): Occupied {
  return {
    left: card.x - card.width / 2 - 4,
    right: card.x + card.width / 2 + 4,
    top: card.y - card.height / 2 - 4,
    bottom: card.y + card.height / 2 + 4,
  }
}

function captionAt(
  place: LinkPlace,
  lines: readonly (readonly CaptionPart[])[],
  width: number,
  lineHeight: number,
  along: number,
  side: number,
  gap: number,
  unit: number,
): LinkCaption {
  const [nx, ny] = [place.lanes[0].nx * side, place.lanes[0].ny * side]
  const height = lineHeight * lines.length
  const away = BAND * unit + gap + (Math.abs(nx) * width) / 2 + (Math.abs(ny) * height) / 2
  const x = place.x0 + (place.x1 - place.x0) * along + nx * away
  const y = place.y0 + (place.y1 - place.y0) * along + ny * away
  const anchor = Math.abs(nx) < 0.3 ? 'middle' : nx > 0 ? 'start' : 'end'
  const box = { left: x - width / 2, right: x + width / 2, top: y - height / 2, bottom: y + height / 2 }
  return { lines, x: anchor === 'middle' ? x : anchor === 'start' ? box.left : box.right, y, anchor, box }
}
