import type { FrameKind } from '../src/trace/record.ts'
import type { ResolvedScenario } from '../src/scenario/resolved.ts'
import { GLYPHS, svgPath } from './packet-stage/glyphs.ts'
import { hostIcon } from './packet-stage/host-icons.ts'
import { BAND, layOut, type Card, type LinkPlace } from './packet-stage/layout.ts'

/** Size of the picture, in px. */
const WIDTH = 640
const HEIGHT = 360
/** Everything a little bigger than on the stage: it will be shown small. */
const UNIT = 1.55

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}

/** How wide a text is, near enough, without a browser to ask. */
function measure(text: string, role: 'label' | 'address'): number {
  return text.length * (role === 'label' ? 8.4 : 7) * UNIT
}

/** What travels in this scenario, by what its hosts do. */
function kinds(scenario: ResolvedScenario): readonly FrameKind[] {
  const apps = scenario.hosts.flatMap((host) => host.apps)
  const kinds = new Set<FrameKind>()
  for (const { app, options } of apps) {
    if (app === 'ping') kinds.add('icmp').add('arp')
    else if (app.startsWith('stream') && options['transport'] === 'udp') kinds.add('udp')
    else kinds.add('tcp-data').add('tcp-ack')
  }
  return kinds.size === 0 ? ['tcp-data', 'tcp-ack'] : [...kinds]
}

function lanes(place: LinkPlace, link: number, travelling: readonly FrameKind[]): string {
  return place.lanes
    .map(({ x0, y0, ux, uy, length, angle }, direction) => {
      const count = Math.max(1, Math.min(3, Math.floor(length / (90 * UNIT))))
      const glyphs: string[] = []
      for (let index = 0; index < count; index++) {
        const at = length * ((index + (direction === 0 ? 0.32 : 0.68)) / count)
        const kind = travelling[(index + direction + link) % travelling.length]
        const turn = (angle * 180) / Math.PI
        const where = `translate(${(x0 + ux * at).toFixed(1)} ${(y0 + uy * at).toFixed(1)}) rotate(${turn.toFixed(1)}) scale(${String(UNIT)})`
        glyphs.push(`<path d="${svgPath(GLYPHS[kind].outlines)}" fill-rule="evenodd" transform="${where}"/>`)
      }
      return `<g class="f${String(1 + ((link + direction) % 3))}">${glyphs.join('')}</g>`
    })
    .join('')
}

function hostCard(card: Card, host: ResolvedScenario['hosts'][number]): string {
  const left = card.x - card.width / 2
  const top = card.y - card.height / 2
  const beside = card.form === 'wide'
  const size = (card.form === 'small' ? 20 : 24) * UNIT
  const iconX = beside ? left + 12 * UNIT : card.x - size / 2
  const iconY = beside ? card.y - size / 2 : top + 6 * UNIT
  const icon = hostIcon(host).replace('<svg', `<svg x="${iconX.toFixed(1)}" y="${iconY.toFixed(1)}"`)
  const sized = icon.replace('width="24"', `width="${String(size)}"`).replace('height="24"', `height="${String(size)}"`)
  const text = beside
    ? `x="${(left + 43 * UNIT).toFixed(1)}" y="${String(card.y)}"`
    : `x="${String(card.x)}" y="${(top + card.height - 13 * UNIT).toFixed(1)}" text-anchor="middle"`
  return (
    `<rect class="card" x="${left.toFixed(1)}" y="${top.toFixed(1)}" width="${card.width.toFixed(1)}" height="${card.height.toFixed(1)}" rx="${String(12 * UNIT)}"/>` +
    `<g class="icon">${sized}</g><text ${text} dominant-baseline="central">${escapeXml(card.label)}</text>`
  )
}

/**
 * A picture of a scenario's network, as an SVG document of 640 × 360 px for light and dark pages: for lists, and as a poster where
 * no script runs.
 */
export function thumbnailSvg(scenario: ResolvedScenario): string {
  // Without addresses: too small to read.
  const hosts = scenario.hosts.map((host) => ({ ...host, interfaces: [] }))
  const layout = layOut({ hosts, links: scenario.links }, { width: WIDTH, height: HEIGHT }, UNIT, measure)
  const travelling = kinds(scenario)
  const cables = layout.links.map(
    ({ x0, y0, x1, y1 }) =>
      `<line class="band" x1="${x0.toFixed(1)}" y1="${y0.toFixed(1)}" x2="${x1.toFixed(1)}" y2="${y1.toFixed(1)}" stroke-width="${String(2 * BAND * UNIT)}"/>` +
      `<line class="core" x1="${x0.toFixed(1)}" y1="${y0.toFixed(1)}" x2="${x1.toFixed(1)}" y2="${y1.toFixed(1)}" stroke-width="2.5"/>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(WIDTH)} ${String(HEIGHT)}" width="${String(WIDTH)}" height="${String(HEIGHT)}">
<style>
  .back { fill: #fbfaf7 } .band { stroke: #f0ede6 } .core { stroke: #c4beb1 } .card { fill: #fff; stroke: #d8d2c6; stroke-width: 1.5 }
  .icon { color: #5d6169 } text { fill: #1d1f23; font: 600 ${String(14 * UNIT)}px system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif }
  .f1 { fill: #0b5cad } .f2 { fill: #2a9475 } .f3 { fill: #b06100 }
  @media (prefers-color-scheme: dark) {
    .back { fill: #14171c } .band { stroke: #1d222a } .core { stroke: #4a5361 } .card { fill: #1a1e25; stroke: #3a424e }
    .icon { color: #a3abb8 } text { fill: #e9ebef } .f1 { fill: #4a97f5 } .f2 { fill: #7fdcbd } .f3 { fill: #f5a11a }
  }
</style>
<rect class="back" width="${String(WIDTH)}" height="${String(HEIGHT)}"/>
${cables.join('\n')}
${layout.links.map((place, link) => lanes(place, link, travelling)).join('\n')}
${layout.cards.map((card, index) => hostCard(card, scenario.hosts[index])).join('\n')}
</svg>
`
}
