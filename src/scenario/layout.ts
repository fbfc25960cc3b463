import { Graph as LayeredGraph, layout } from '@dagrejs/dagre'
import type { Layout, Position } from './placement.ts'

const MARGIN = 0.12
/** Room for a drawing and its label, in the layout's own units; only ratios matter. */
const NODE = { width: 90, height: 70 }

/**
 * Layers from left to right, with few crossings. The one file that loads the layout library, so that pages whose scenarios say
 * where hosts stand can leave it out.
 */
export const layeredLayout: Layout = ({ hosts, links }) => {
  const graph = new LayeredGraph({ multigraph: true })
  graph.setGraph({ rankdir: 'LR', nodesep: 50, ranksep: 90 })
  graph.setDefaultEdgeLabel(() => ({}))
  hosts.forEach((_, index) => graph.setNode(String(index), { ...NODE }))
  links.forEach(([from, to], index) => graph.setEdge(String(from), String(to), {}, String(index)))
  layout(graph)
  const places = hosts.map((_, index): Position => {
    const node = graph.node(String(index)) as { readonly x?: number; readonly y?: number }
    return { x: node.x ?? 0, y: node.y ?? 0 }
  })
  const scaled = { x: scale(places.map(({ x }) => x)), y: scale(places.map(({ y }) => y)) }
  return places.map((_, index) => ({ x: scaled.x[index] ?? 0.5, y: scaled.y[index] ?? 0.5 }))
}

/** Spreads values over the space between the margins; the middle when they are all the same. */
function scale(values: readonly number[]): number[] {
  const least = Math.min(...values)
  const extent = Math.max(...values) - least
  return values.map((value) =>
    extent < 1e-6 ? 0.5 : Math.round((MARGIN + ((1 - 2 * MARGIN) * (value - least)) / extent) * 10_000) / 10_000,
  )
}
