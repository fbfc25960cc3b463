import type { ResolvedScenario } from '../../src/scenario/resolved.ts'
import { formatCount } from '../../src/scenario/units.ts'
import { formatIp } from '../../src/wire/address.ts'

/*
 * Where everything stands, in CSS px. A scenario gives fractions; the drawing is stretched to fill the room there is, turned on its
 * side where that leaves longer links (a phone held upright), and cards get smaller before they would touch.
 */

export type Topology = Pick<ResolvedScenario, 'hosts' | 'links'>

/** 'wide': icon beside the text; 'tall': above it; 'small': no address. */
export type CardForm = 'wide' | 'tall' | 'small'

export interface Card {
  readonly form: CardForm
  /** Middle. */
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly label: string
  /** Address in words, or ''; of a crowd, how many there are. */
  readonly address: string
  /** Height at its bottom that the members of a crowd have; 0: it is none. */
  readonly crowd: number
}

/** One direction of a link, from where frames leave the sender's card to where they reach the receiver's. */
export interface Lane {
  readonly x0: number
  readonly y0: number
  readonly x1: number
  readonly y1: number
  readonly length: number
  /** Radians, clockwise on the screen from "to the right". */
  readonly angle: number
  /** Unit vector along the way, and the one that points away from the other lane. */
  readonly ux: number
  readonly uy: number
  readonly nx: number
  readonly ny: number
  /** How far along the way the egress queue's first place is, clear of the sender's card. */
  readonly queueStart: number
  /** How long the egress queue may be drawn. */
  readonly queueLength: number
}

export interface LinkPlace {
  /** The middle of the cable where it meets the cards. */
  readonly x0: number
  readonly y0: number
  readonly x1: number
  readonly y1: number
  readonly length: number
  /** How far from each end it is to the middle of the card, under which the band ends unseen. */
  readonly under: readonly [number, number]
  readonly lanes: readonly [Lane, Lane]
}

export interface Layout {
  readonly width: number
  readonly height: number
  /** Whether x and y of the scenario were exchanged. */
  readonly turned: boolean
  /** Scale of everything that is drawn: 1, or more for a projector. */
  readonly unit: number
  readonly cards: readonly Card[]
  readonly links: readonly LinkPlace[]
}

/** Width of a text in px. */
export type Measure = (text: string, role: 'label' | 'address') => number

/** Half the distance between the two lanes of a link, and half the width of the band that holds them, at scale 1. */
export const LANE = 9
export const BAND = 18

/** Between parallel links of one pair of hosts. */
const PARALLEL = 52
/** A link shorter than this shows little. */
const SHORT_LINK = 84
const MARGIN = 20
/** From a lane to the middle of its egress queue. */
export const QUEUE_OFFSET = BAND - LANE + 9
const QUEUE_HALF = 6

/** Least width of the card of a crowd, the widths that a small one may have, and how much its members add to the height. */
const CROWD = { width: 160, small: { least: 80, most: 124 }, height: 50 }

interface Size {
  readonly width: number
  readonly height: number
}

/** `'10.0.0.1'`, `'2001:db8::1'`, `'10.0.0.1 +2'`, or '' when there is none. IPv4 comes first, being shorter. */
function addressWords(host: Topology['hosts'][number]): string {
  if (host.replicas !== undefined) return `× ${formatCount(host.replicas)}`
  const addresses = [
    ...host.interfaces.flatMap(({ address }) => (address === 0 ? [] : [address])),
    ...host.interfaces.flatMap(({ address6 }) => address6 ?? []),
  ]
  if (addresses.length === 0) return ''
  return formatIp(addresses[0]) + (addresses.length > 1 ? ` +${String(addresses.length - 1)}` : '')
}

function cardSize(form: CardForm, label: number, address: number, unit: number): Size {
  if (form === 'wide') return { width: Math.min(200 * unit, 60 * unit + Math.max(label, address, 44 * unit)), height: 56 * unit }
  if (form === 'tall') {
    return { width: Math.min(124 * unit, Math.max(76 * unit, Math.max(label, address) + 22 * unit)), height: 78 * unit }
  }
  return { width: Math.min(96 * unit, Math.max(56 * unit, label + 14 * unit)), height: 54 * unit }
}

/** Spreads the fractions over the room that the cards leave; a row of hosts is centred. */
function spread(values: readonly number[], low: number, high: number): number[] {
  const least = Math.min(...values)
  const most = Math.max(...values)
  if (most - least < 1e-6) return values.map(() => (low + high) / 2)
  return values.map((value) => low + ((value - least) / (most - least)) * (high - low))
}

/** Pushes cards apart that would touch, within the frame. */
function separate(xs: number[], ys: number[], sizes: readonly Size[], size: Size, gap: number): void {
  for (let round = 0; round < 40; round++) {
    let moved = false
    for (let i = 0; i < xs.length; i++) {
      for (let j = i + 1; j < xs.length; j++) {
        const overX = (sizes[i].width + sizes[j].width) / 2 + gap - Math.abs(xs[i] - xs[j])
        const overY = (sizes[i].height + sizes[j].height) / 2 + gap - Math.abs(ys[i] - ys[j])
        if (overX <= 0 || overY <= 0) continue
        moved = true
        if (overX < overY) {
          const push = (xs[i] <= xs[j] ? -overX : overX) / 2
          xs[i] += push
          xs[j] -= push
        } else {
          const push = (ys[i] <= ys[j] ? -overY : overY) / 2
          ys[i] += push
          ys[j] -= push
        }
      }
    }
    for (let i = 0; i < xs.length; i++) {
      xs[i] = clamp(xs[i], MARGIN / 2 + sizes[i].width / 2, size.width - MARGIN / 2 - sizes[i].width / 2)
      ys[i] = clamp(ys[i], MARGIN / 2 + sizes[i].height / 2, size.height - MARGIN / 2 - sizes[i].height / 2)
    }
    if (!moved) return
  }
}

function clamp(value: number, low: number, high: number): number {
  return low > high ? (low + high) / 2 : Math.min(high, Math.max(low, value))
}

/** How far along the unit vector (ux, uy) from (x, y), which lies in a card whose middle is the origin, the card ends. */
function exit(card: Size, x: number, y: number, ux: number, uy: number): number {
  const across = Math.abs(ux) < 1e-9 ? Infinity : (card.width / 2 - x * Math.sign(ux)) / Math.abs(ux)
  const down = Math.abs(uy) < 1e-9 ? Infinity : (card.height / 2 - y * Math.sign(uy)) / Math.abs(uy)
  return Math.max(0, Math.min(across, down))
}

/**
 * @param from the sender's card, and `to` the receiver's
 * @param aside how far the link as a whole is moved to the left of the way, for links of one pair
 */
function lane(from: Card, to: Card, aside: number, unit: number): Lane {
  const distance = Math.hypot(to.x - from.x, to.y - from.y)
  const [ux, uy] = distance === 0 ? [1, 0] : [(to.x - from.x) / distance, (to.y - from.y) / distance]
  // Traffic keeps to the left: what travels to the right is above what comes back.
  const [nx, ny] = [uy, -ux]
  const offset = LANE * unit + aside
  const start = exit(from, nx * offset, ny * offset, ux, uy)
  const end = exit(to, nx * offset, ny * offset, -ux, -uy)
  const length = Math.max(1, distance - start - end)
  const x0 = from.x + ux * start + nx * offset
  const y0 = from.y + uy * start + ny * offset
  // The queue lies beside the band: on a slanted link it would begin under the card, were it not moved on.
  const beside = offset + (QUEUE_OFFSET + QUEUE_HALF) * unit
  const queueStart = 7 * unit + Math.max(0, exit(from, nx * beside, ny * beside, ux, uy) - start)
  return {
    x0,
    y0,
    x1: x0 + ux * length,
    y1: y0 + uy * length,
    length,
    angle: Math.atan2(uy, ux),
    ux,
    uy,
    nx,
    ny,
    queueStart,
    queueLength: Math.max(24 * unit, Math.min(132 * unit, length * 0.46 - queueStart)),
  }
}

function placeLinks(links: Topology['links'], cards: readonly Card[], unit: number): LinkPlace[] {
  const pairs = new Map<string, number>()
  const pair = (hosts: readonly [number, number]): string => [...hosts].sort((a, b) => a - b).join(' ')
  for (const { hosts } of links) pairs.set(pair(hosts), (pairs.get(pair(hosts)) ?? 0) + 1)
  const used = new Map<string, number>()
  return links.map(({ hosts }) => {
    const key = pair(hosts)
    const index = used.get(key) ?? 0
    used.set(key, index + 1)
    const [from, to] = [cards[hosts[0]], cards[hosts[1]]]
    const distance = Math.hypot(to.x - from.x, to.y - from.y)
    const [ux, uy] = distance === 0 ? [1, 0] : [(to.x - from.x) / distance, (to.y - from.y) / distance]
    // Measured from the end with the lower index, so that links of one pair given in either order lie side by side.
    const aside = (index - ((pairs.get(key) ?? 1) - 1) / 2) * PARALLEL * unit * (hosts[0] < hosts[1] ? 1 : -1)
    const start = exit(from, uy * aside, -ux * aside, ux, uy)
    const end = Math.max(start + 1, distance - exit(to, uy * aside, -ux * aside, -ux, -uy))
    return {
      x0: from.x + ux * start + uy * aside,
      y0: from.y + uy * start - ux * aside,
      x1: from.x + ux * end + uy * aside,
      y1: from.y + uy * end - ux * aside,
      length: end - start,
      under: [start, distance - end],
      lanes: [lane(from, to, aside, unit), lane(to, from, -aside, unit)],
    }
  })
}

/** Whether the straight way of a link passes under a card that it does not belong to. */
function crosses(link: LinkPlace, card: Card): boolean {
  const steps = 24
  for (let i = 1; i < steps; i++) {
    const t = i / steps
    const x = link.x0 + (link.x1 - link.x0) * t
    const y = link.y0 + (link.y1 - link.y0) * t
    if (Math.abs(x - card.x) < card.width / 2 + 4 && Math.abs(y - card.y) < card.height / 2 + 4) return true
  }
  return false
}

/** The length of the shortest link; a link under a strange card, and cards that touch, spoil it. */
function quality(layout: Layout, links: Topology['links']): number {
  let worst = Infinity
  layout.links.forEach((place, index) => {
    let length = place.length
    layout.cards.forEach((card, host) => {
      if (!links[index].hosts.includes(host) && crosses(place, card)) length *= 0.3
    })
    worst = Math.min(worst, length)
  })
  layout.cards.forEach((card, i) => {
    for (const other of layout.cards.slice(i + 1)) {
      const apart = Math.max(
        Math.abs(card.x - other.x) - (card.width + other.width) / 2,
        Math.abs(card.y - other.y) - (card.height + other.height) / 2,
      )
      if (apart < 0) worst = Math.min(worst, 1)
    }
  })
  return worst === Infinity ? SHORT_LINK : worst
}

function attempt(topology: Topology, size: Size, unit: number, measure: Measure, form: CardForm, turned: boolean): Layout {
  const texts = topology.hosts.map((host) => ({ label: host.label, address: form === 'small' ? '' : addressWords(host) }))
  const fields = topology.hosts.map(({ replicas }) => (replicas === undefined ? 0 : CROWD.height * unit))
  // All alike, so that they stand below each other.
  const labels = texts.flatMap(({ label }, index) => (fields[index] === 0 ? [] : [measure(label, 'label') + 14 * unit]))
  const small = Math.min(CROWD.small.most * unit, Math.max(CROWD.small.least * unit, ...labels))
  const sizes = texts.map(({ label, address }, index) => {
    const card = cardSize(form, measure(label, 'label'), measure(address, 'address'), unit)
    if (fields[index] === 0) return card
    if (form !== 'small') return { width: Math.max(card.width, CROWD.width * unit), height: card.height + fields[index] }
    return { width: small, height: card.height + fields[index] }
  })
  const padX = Math.max(...sizes.map(({ width }) => width)) / 2 + MARGIN * unit
  const padY = Math.max(...sizes.map(({ height }) => height)) / 2 + MARGIN * unit
  const xs = spread(
    topology.hosts.map(({ position }) => (turned ? position.y : position.x)),
    padX,
    Math.max(padX, size.width - padX),
  )
  const ys = spread(
    topology.hosts.map(({ position }) => (turned ? position.x : position.y)),
    padY,
    Math.max(padY, size.height - padY),
  )
  separate(xs, ys, sizes, size, 14 * unit)
  const cards = sizes.map((card, i) => ({
    form,
    x: Math.round(xs[i]),
    y: Math.round(ys[i]),
    crowd: fields[i],
    ...card,
    ...texts[i],
  }))
  return { ...size, turned, unit, cards, links: placeLinks(topology.links, cards, unit) }
}

/**
 * Places a topology in a frame.
 * @param unit scale of what is drawn, 1 or more
 */
export function layOut(topology: Topology, size: Size, unit: number, measure: Measure): Layout {
  let best: Layout | undefined
  let bestQuality = -1
  for (const form of ['wide', 'tall', 'small'] as const) {
    for (const turned of [false, true]) {
      const layout = attempt(topology, size, unit, measure, form, turned)
      const found = quality(layout, topology.links)
      // Turning confuses who knows the picture, and a smaller card says less: both must be worth it.
      if (best === undefined || found > bestQuality * 1.3) {
        best = layout
        bestQuality = found
      }
    }
    if (bestQuality >= SHORT_LINK * unit) break
  }
  if (best === undefined) throw new Error('no layout')
  return best
}

/** How many distinct places there are along one axis. */
function ranks(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted.filter((value, i) => i === 0 || value - sorted[i - 1] > 0.04).length
}

/** How high the stage would like to be, when the page does not say: in px, for a width in px. */
export function preferredHeight(topology: Topology, width: number, unit: number): number {
  const across = ranks(topology.hosts.map(({ position }) => position.x))
  const down = ranks(topology.hosts.map(({ position }) => position.y))
  const upright = width < (130 * across + 150) * unit && across > down
  const rows = upright ? across : down
  const height = upright ? 260 + 105 * rows : rows <= 1 ? 280 : 190 + 130 * (rows - 1)
  return Math.round(Math.min(Math.max(height, 260), upright ? 760 : 600) * unit)
}
