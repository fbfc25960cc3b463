import { sameTarget, type Target } from '../selection.ts'
import type { DrawList } from './draw-list.ts'
import { targetOf } from './hit.ts'
import type { Layout } from './layout.ts'

/** Everything on the stage in reading order: hosts, then links, then frames as the picture has them, each once. */
export function walkOrder(layout: Layout, list: DrawList): Target[] {
  const byPlace = (places: readonly { x: number; y: number }[]): number[] =>
    places.map((_, index) => index).sort((a, b) => rank(places[a]) - rank(places[b]))
  const hosts = byPlace(layout.cards)
  const links = byPlace(layout.links.map(({ x0, y0, x1, y1 }) => ({ x: (x0 + x1) / 2, y: (y0 + y1) / 2 })))
  const frames = new Set<number>()
  for (let i = 0; i < list.count; i++) if (list.frame[i] !== 0) frames.add(list.frame[i])
  return [
    ...hosts.map((index): Target => ({ kind: 'host', index })),
    ...links.map((index): Target => ({ kind: 'link', index })),
    // Groups, whose numbers are below 0, come first.
    ...[...frames].sort((a, b) => a - b).map((number): Target => targetOf(list, number)),
  ]
}

/** Reading order: by rows of 40 px, then from left to right. */
function rank({ x, y }: { x: number; y: number }): number {
  return Math.round(y / 40) * 100_000 + x
}

export type Step = 'next' | 'previous' | 'first' | 'last' | 'next-kind' | 'previous-kind'

export const STEPS: Readonly<Record<string, Step>> = {
  ArrowRight: 'next',
  ArrowDown: 'next',
  ArrowLeft: 'previous',
  ArrowUp: 'previous',
  Home: 'first',
  End: 'last',
  PageDown: 'next-kind',
  PageUp: 'previous-kind',
}

/** Where a key leads to; the first thing when nothing was focused, or when what was focused has gone. */
export function walk(order: readonly Target[], from: Target | undefined, step: Step): Target | undefined {
  if (order.length === 0) return undefined
  const at = from === undefined ? -1 : order.findIndex((target) => sameTarget(target, from))
  if (step === 'first') return order[0]
  if (step === 'last') return order[order.length - 1]
  if (at < 0) return from?.kind === 'frame' ? (order.find((target) => target.kind === 'frame') ?? order[0]) : order[0]
  if (step === 'next') return order[(at + 1) % order.length]
  if (step === 'previous') return order[(at + order.length - 1) % order.length]
  const kinds = [...new Set(order.map(({ kind }) => kind))]
  const kind = kinds.indexOf(order[at].kind) + (step === 'next-kind' ? 1 : kinds.length - 1)
  return order.find((target) => target.kind === kinds[kind % kinds.length])
}
