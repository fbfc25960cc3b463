import type { ResolvedHost, ResolvedScenario } from '../../src/scenario/resolved.ts'

const WIDTH = 640
const HEIGHT = 360
/** Room around the network, where hosts and their names reach beyond their middles. */
const MARGIN = { x: 90, top: 70, bottom: 90 }

const escapeXml = (text: string) => text.replace(/[&<>"]/g, (character) => `&#${String(character.charCodeAt(0))};`)

function middle({ position }: ResolvedHost): { x: number; y: number } {
  return {
    x: Math.round(MARGIN.x + position.x * (WIDTH - 2 * MARGIN.x)),
    y: Math.round(MARGIN.top + position.y * (HEIGHT - MARGIN.top - MARGIN.bottom)),
  }
}

function drawHost(host: ResolvedHost): string {
  const { x, y } = middle(host)
  const shape =
    host.kind === 'host'
      ? `<rect x="${x - 34}" y="${y - 26}" width="68" height="52" rx="12" />`
      : host.kind === 'router'
        ? `<circle cx="${x}" cy="${y}" r="28" />`
        : `<rect x="${x - 36}" y="${y - 18}" width="72" height="36" rx="6" />`
  return `<g class="host">${shape}<text x="${x}" y="${y + 56}">${escapeXml(host.label)}</text></g>`
}

/** The scenario's network as an SVG, for its card: hosts where the stage draws them, links, and a few packets on the way. */
export function drawThumbnail({ hosts, links }: ResolvedScenario): string {
  const ends = links.map(({ hosts: [a, b] }) => [middle(hosts[a]), middle(hosts[b])] as const)
  const lines = ends.map(([a, b]) => `<path class="link" d="M${a.x} ${a.y}L${b.x} ${b.y}" />`)
  const packets = ends.flatMap(([a, b]) =>
    [0.42, 0.54].map((part) => {
      const x = Math.round(a.x + (b.x - a.x) * part)
      const y = Math.round(a.y + (b.y - a.y) * part)
      return `<rect class="packet" x="${x - 8}" y="${y - 8}" width="16" height="16" rx="4" />`
    }),
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}">
  <style>
    .paper { fill: #f3f1ec }
    .link { stroke: #b9b3a6; stroke-width: 5; stroke-linecap: round }
    .packet { fill: #0b5cad }
    .host rect, .host circle { fill: #fffefb; stroke: #5d6169; stroke-width: 2.5 }
    text { fill: #1d1f23; font: 500 22px system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; text-anchor: middle }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #1a1e25 }
      .link { stroke: #47505d }
      .packet { fill: #6db0ff }
      .host rect, .host circle { fill: #14171c; stroke: #a3abb8 }
      text { fill: #e6e8ec }
    }
  </style>
  <rect class="paper" width="${WIDTH}" height="${HEIGHT}" />
  ${[...lines, ...packets, ...hosts.map(drawHost)].join('\n  ')}
</svg>
`
}
