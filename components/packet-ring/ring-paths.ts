import type { KeyHistory, PlacedKey } from '../../src/trace/measures/key-history.ts'

/** Radii of what is drawn, around (0, 0) in a square of 240. */
export const RING = 106
const KEYS = 91
const SERVERS = 44

/** Places on a ring. */
const PLACES = 0x1_0000_0000

export interface Point {
  readonly x: number
  readonly y: number
}

/** @param part of the way round, clockwise from the top: 0 to 1 */
function pointAt(part: number, radius: number): Point {
  const angle = part * 2 * Math.PI
  return { x: Math.sin(angle) * radius, y: -Math.cos(angle) * radius }
}

const written = ({ x, y }: Point): string => `${x.toFixed(2)} ${y.toFixed(2)}`

/** Where a hash is among the keys. */
export function placeOf(hash: number, radius = KEYS): Point {
  return pointAt(hash / PLACES, radius)
}

/** Where one of so many servers stands, inside the ring. */
export function serverPlace(index: number, count: number): Point {
  return count === 1 ? { x: 0, y: 0 } : pointAt(index / count, SERVERS)
}

/** The pieces of the ring that each server has, as paths; '' for none. */
export function piecesOf({ ring, servers }: KeyHistory): string[] {
  const paths = servers.map(() => '')
  if (ring === undefined) return paths
  const { ends, owners } = ring
  for (const [i, end] of ends.entries()) {
    const from = (i === 0 ? (ends.at(-1) ?? 0) - PLACES : ends[i - 1]) / PLACES
    const to = end / PLACES
    // A full turn would be none.
    const last = to - from >= 1 ? from + 0.9999 : to
    paths[owners[i]] +=
      `M${written(pointAt(from, RING))}A${String(RING)} ${String(RING)} 0 ${last - from > 0.5 ? '1' : '0'} 1 ${written(pointAt(last, RING))}`
  }
  return paths
}

/** Keys as dots: each a line of no length, with round ends. */
export function dotsOf(keys: Iterable<PlacedKey>): string {
  let path = ''
  for (const { hash } of keys) path += `M${written(placeOf(hash))}h0`
  return path
}
