import { svg, html, type TemplateResult } from 'lit'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'

/** Units of the picture; its width is 100. */
const HEIGHT = 46
const MARGIN = 14

/** The network in a few strokes, while the stage that draws it well is on its way. */
export function poster({ hosts, links, title }: ResolvedScenario): TemplateResult {
  const x = (host: number): number => MARGIN + hosts[host].position.x * (100 - 2 * MARGIN)
  const y = (host: number): number => MARGIN + hosts[host].position.y * (HEIGHT - 2 * MARGIN)
  return html`<svg class="poster" viewBox="0 0 100 ${HEIGHT}" role="img" aria-label=${title}>
    ${links.map(({ hosts: [a, b] }) => svg`<line x1=${x(a)} y1=${y(a)} x2=${x(b)} y2=${y(b)}></line>`)}
    ${hosts.map(
      ({ label }, host) =>
        svg`<rect x=${x(host) - 7} y=${y(host) - 3.2} width="14" height="6.4" rx="1.4"></rect>
          <text x=${x(host)} y=${y(host)} text-anchor="middle" dominant-baseline="central">${label}</text>`,
    )}
  </svg>`
}
