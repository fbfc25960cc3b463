/** A network as layouts see it. */
export interface Graph {
  readonly hosts: readonly { readonly name: string; readonly kind: 'host' | 'router' | 'switch' }[]
  /** Indices of hosts. */
  readonly links: readonly (readonly [number, number])[]
}

/** Fractions of the width and the height. */
export interface Position {
  readonly x: number
  readonly y: number
}

/** Says where each host goes, in the order of hosts. Same graph, same places. */
export type Layout = (graph: Graph) => readonly Position[]

const MARGIN = 0.15

/** The plain layout, without a library: a chain becomes a line from left to right, all else a ring. */
export const placePlainly: Layout = ({ hosts, links }) => {
  const neighbours = hosts.map((_, host) => links.flatMap(([a, b]) => (a === host ? [b] : b === host ? [a] : [])))
  const chain = chainOf(neighbours)
  if (chain !== undefined) {
    const places: Position[] = []
    chain.forEach((host, index) => {
      places[host] = { x: MARGIN + ((1 - 2 * MARGIN) * index) / Math.max(1, chain.length - 1), y: 0.5 }
    })
    return places
  }
  return hosts.map((_, index) => {
    const angle = Math.PI + (2 * Math.PI * index) / hosts.length
    return { x: round(0.5 + (0.5 - MARGIN) * Math.cos(angle)), y: round(0.5 + (0.5 - MARGIN) * Math.sin(angle)) }
  })
}

/** Four decimals are less than a pixel, and the same on every machine, whatever its cosine. */
function round(value: number): number {
  return Math.round(value * 10_000) / 10_000
}

/** All hosts in a row, each linked to the next, when that is what the graph is. */
function chainOf(neighbours: readonly (readonly number[])[]): number[] | undefined {
  const start = neighbours.findIndex((list) => list.length <= 1)
  if (start < 0 || neighbours.some((list) => list.length > 2)) return undefined
  const chain = [start]
  for (let at = start, before = -1; ;) {
    const next = neighbours[at]?.find((host) => host !== before)
    if (next === undefined || chain.includes(next)) break
    chain.push(next)
    before = at
    at = next
  }
  return chain.length === neighbours.length ? chain : undefined
}
