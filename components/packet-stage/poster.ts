import { html, svg, type SVGTemplateResult, type TemplateResult } from 'lit'
import { unsafeSVG } from 'lit/directives/unsafe-svg.js'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import type { NetworkState } from '../network-state.ts'
import type { Target } from '../selection.ts'
import { hostIcon } from './host-icons.ts'
import { BAND, type Card, type Layout, type LinkPlace } from './layout.ts'
import { SEPARATOR, type LinkCaption } from './link-captions.ts'

/*
 * The still part of the stage as SVG: cables under the canvas, hosts above it, so that frames come out from under the cards. It is
 * there from the first paint, before Pixi is, and stays when Pixi cannot be had.
 */

/** How a host or link is set off. */
export interface Emphasis {
  readonly hovered: boolean
  readonly selected: boolean
  readonly focused: boolean
}

function classes(base: string, emphasis: Emphasis, ...more: string[]): string {
  const set = (['hovered', 'selected', 'focused'] as const).filter((key) => emphasis[key])
  return [base, ...set, ...more].join(' ')
}

/** Half of the gap of a cut cable. */
const GAP = 15

/** The band of a link, from `from` to `to` px along it, with ragged ends where asked. */
function bandPath(place: LinkPlace, from: number, to: number, half: number, ragged: 'start' | 'end' | 'none'): string {
  const { ux, uy, nx, ny } = place.lanes[0]
  const at = (along: number, across: number): string =>
    `${(place.x0 + ux * along + nx * across).toFixed(1)} ${(place.y0 + uy * along + ny * across).toFixed(1)}`
  const teeth = [-1, -0.6, -0.2, 0.2, 0.6, 1]
  const edge = (along: number, sign: number): string[] =>
    teeth.map((across, i) => at(along + (i % 2 === 0 ? -4 : 4) * sign, across * half))
  const start = ragged === 'start' ? edge(from, 1).reverse() : [at(from, half), at(from, -half)]
  const end = ragged === 'end' ? edge(to, 1) : [at(to, -half), at(to, half)]
  return `M${[...start, ...end].join('L')}Z`
}

/** Thickness of the cable's core: a logarithm of its rate. */
function coreWidth(rate: number): number {
  return Math.min(5, Math.max(1, 1 + Math.log10(rate / 100_000) * 0.8))
}

/** The pieces of a link's band: one, or two with a gap where the cable is cut. */
function bandPaths(place: LinkPlace, whole: boolean, unit: number): string[] {
  const half = BAND * unit
  const middle = place.length / 2
  const [before, after] = place.under
  if (whole) return [bandPath(place, -before, place.length + after, half, 'none')]
  return [
    bandPath(place, -before, middle - GAP * unit, half, 'end'),
    bandPath(place, middle + GAP * unit, place.length + after, half, 'start'),
  ]
}

type Settings = NetworkState['links'][number]['settings']

function isWhole(settings: Settings): boolean {
  return settings[0].up && settings[1].up
}

/** Edges first, surfaces later: where bands meet they become one. */
function band(
  place: LinkPlace,
  settings: Settings,
  unit: number,
  emphasis: Emphasis,
  part: 'edge' | 'surface',
): SVGTemplateResult {
  const state = isWhole(settings) ? 'whole' : 'cut'
  return svg`${bandPaths(place, state === 'whole', unit).map(
    (d) => svg`<path class=${classes(part, emphasis, state)} d=${d}></path>`,
  )}`
}

function core(place: LinkPlace, settings: Settings, unit: number): SVGTemplateResult {
  const loss = Math.max(settings[0].loss, settings[1].loss, settings[0].corrupt, settings[1].corrupt)
  const thickness = coreWidth(Math.min(...settings.map(({ rate }) => (rate === 0 ? Infinity : rate)))) * unit
  const dashes = loss > 0 ? `${String(9 * unit)} ${String((3 + Math.min(1, loss) * 24) * unit)}` : 'none'
  const { ux, uy } = place.lanes[0]
  const stretch = (from: number, to: number): SVGTemplateResult =>
    svg`<line class=${loss > 0 ? 'core lossy' : 'core'} x1=${place.x0 + ux * from} y1=${place.y0 + uy * from}
      x2=${place.x0 + ux * to} y2=${place.y0 + uy * to} stroke-width=${thickness} stroke-dasharray=${dashes}></line>`
  const middle = place.length / 2
  const gap = (GAP + 6) * unit
  return isWhole(settings) ? stretch(0, place.length) : svg`${stretch(0, middle - gap)}${stretch(middle + gap, place.length)}`
}

function caption({ lines, x, y, anchor }: LinkCaption, lineHeight: number): SVGTemplateResult {
  const top = y - (lineHeight * (lines.length - 1)) / 2
  return svg`<text class="caption" text-anchor=${anchor} dominant-baseline="central">
    ${lines.map(
      (line, row) =>
        svg`<tspan x=${x} y=${top + row * lineHeight}>${line.map(
          (part, i) => svg`${i > 0 ? SEPARATOR : ''}<tspan class=${part.bad ? 'bad' : ''}>${part.text}</tspan>`,
        )}</tspan>`,
    )}
  </text>`
}

/** A text that fits, shortened if need be. */
function fit(text: string, room: number, width: (text: string) => number): string {
  if (width(text) <= room) return text
  let end = text.length - 1
  while (end > 1 && width(`${text.slice(0, end)}…`) > room) end--
  return `${text.slice(0, end)}…`
}

function cardTexts(card: Card, unit: number, width: (text: string, role: 'label' | 'address') => number): SVGTemplateResult {
  const side = card.form === 'wide'
  const room = card.width - (side ? 54 : 12) * unit
  const x = side ? card.x - card.width / 2 + 44 * unit : card.x
  const anchor = side ? 'start' : 'middle'
  const label = fit(card.label, room, (text) => width(text, 'label'))
  const address = card.address === '' ? '' : fit(card.address, room, (text) => width(text, 'address'))
  const middle = card.y - card.crowd / 2
  const labelY = side
    ? middle - (address === '' ? 0 : 9 * unit)
    : card.form === 'tall'
      ? middle + (address === '' ? 17 : 11) * unit
      : middle + 15 * unit
  return svg`
    <text class="name" x=${x} y=${labelY} text-anchor=${anchor} dominant-baseline="central">${label}</text>
    ${
      address === ''
        ? ''
        : svg`<text class="address" x=${x} y=${labelY + 18 * unit} text-anchor=${anchor}
            dominant-baseline="central">${address}</text>`
    }`
}

function iconPlace(card: Card, unit: number): { x: number; y: number; size: number } {
  const size = (card.form === 'small' ? 20 : 24) * unit
  const middle = card.y - card.crowd / 2
  if (card.form === 'wide') return { x: card.x - card.width / 2 + 13 * unit, y: middle - size / 2, size }
  return { x: card.x - size / 2, y: middle - (card.form === 'tall' ? 29 : 22) * unit, size }
}

function statePill(card: Card, power: 'off' | 'paused', unit: number): SVGTemplateResult {
  const width = (power === 'off' ? 34 : 58) * unit
  const x = card.x + card.width / 2 - width + 6 * unit
  const y = card.y - card.height / 2 - 9 * unit
  return svg`<g class=${`pill ${power}`}>
    <rect x=${x} y=${y} width=${width} height=${18 * unit} rx=${9 * unit}></rect>
    <text x=${x + width / 2} y=${y + 9.5 * unit} text-anchor="middle" dominant-baseline="central">${power}</text>
  </g>`
}

function hostCard(
  card: Card,
  host: ResolvedScenario['hosts'][number],
  power: 'on' | 'off' | 'paused',
  unit: number,
  emphasis: Emphasis,
  width: (text: string, role: 'label' | 'address') => number,
): SVGTemplateResult {
  const icon = iconPlace(card, unit)
  const left = card.x - card.width / 2
  const top = card.y - card.height / 2
  return svg`<g class=${classes('host', emphasis, power)}>
    <rect class="ring" x=${left - 5} y=${top - 5} width=${card.width + 10} height=${card.height + 10} rx=${14 * unit + 4}></rect>
    <rect class="card" x=${left} y=${top} width=${card.width} height=${card.height} rx=${12 * unit}></rect>
    <g class="icon" transform=${`translate(${String(icon.x)} ${String(icon.y)}) scale(${String(icon.size / 24)})`}>
      ${unsafeSVG(hostIcon(host))}
    </g>
    ${cardTexts(card, unit, width)}
    ${power === 'on' ? '' : statePill(card, power, unit)}
  </g>`
}

/** The layers under and above the canvas. */
export function posterLayers(
  scenario: Pick<ResolvedScenario, 'hosts' | 'links'>,
  layout: Layout,
  network: NetworkState,
  captions: readonly (LinkCaption | undefined)[],
  emphasis: (target: Target) => Emphasis,
  width: (text: string, role: 'label' | 'address') => number,
): { under: TemplateResult; over: TemplateResult } {
  const { unit } = layout
  const box = `0 0 ${String(layout.width)} ${String(layout.height)}`
  const under = html`<svg class="layer" viewBox=${box} aria-hidden="true">
    ${(['edge', 'surface'] as const).map((part) =>
      layout.links.map((place, index) =>
        band(place, network.links[index].settings, unit, emphasis({ kind: 'link', index }), part),
      ),
    )}
    ${layout.links.map((place, index) => core(place, network.links[index].settings, unit))}
    ${captions.map((each) => (each === undefined ? '' : caption(each, 16 * unit)))}
  </svg>`
  const over = html`<svg class="layer" viewBox=${box} aria-hidden="true">
    ${layout.cards.map((card, index) =>
      hostCard(card, scenario.hosts[index], network.power[index], unit, emphasis({ kind: 'host', index }), width),
    )}
  </svg>`
  return { under, over }
}
