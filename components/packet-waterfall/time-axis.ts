import { NEVER, type Nanos } from '../../src/trace/record.ts'
import type { PageLoad, Waterfall } from '../../src/trace/waterfall.ts'

/** What the timeline shows, from its left edge to its right one. */
export interface Domain {
  readonly from: Nanos
  readonly to: Nanos
}

/** Shortest timeline. */
const LEAST = 1_000_000

/** Behind the last milestone there is room for its label. */
const END = 1.16

/** Ends of timelines while they grow, times powers of ten: close to each other, so that little is left empty, but few, so that it seldom changes. */
const EXTENTS = [1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.4, 8, 10]

/** Steps between ticks, times powers of ten. */
const STEPS = [1, 2, 5, 10]

function atLeast(value: number, factors: readonly number[]): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * (factors.find((factor) => power * factor >= value) ?? 10)
}

/** The end of a timeline that grows, with room for something behind what there is. */
export function growingEnd(length: Nanos): Nanos {
  return Math.round(atLeast(Math.max(LEAST, length), EXTENTS))
}

/**
 * The time to show: from the start of the first page that is shown to the end of the last thing known of them.
 * @param pages undefined: all
 * @param isAligned whether each page begins at 0
 */
export function domainOf(
  waterfall: Waterfall,
  pages: readonly PageLoad[] | undefined,
  horizon: Nanos,
  isAligned: boolean,
): Domain {
  const rows = pages === undefined ? waterfall.rows : pages.flatMap((page) => page.rows)
  const begins = [...(pages ?? waterfall.pages).map(({ started }) => started), ...rows.map(({ queued }) => queued)]
  if (begins.length === 0) return { from: 0, to: 100 * LEAST }
  const from = isAligned ? 0 : begins.reduce((least, time) => Math.min(least, time))
  let length = LEAST
  let isOpen = false
  for (const { started, milestones } of pages ?? waterfall.pages) {
    for (const { time } of milestones) length = Math.max(length, time - (isAligned ? started : from))
  }
  for (const { page, queued, ended } of rows) {
    const to = ended === NEVER ? horizon : ended
    length = Math.max(length, to - (isAligned ? (page?.started ?? queued) : from))
    isOpen ||= ended === NEVER
  }
  // While something is still under way there is room to grow.
  return { from, to: from + (isOpen ? growingEnd(length * 1.2) : Math.round(length * END)) }
}

/** Round times between the ends of a timeline, its beginning included if it is round, so far apart that labels fit. */
export function ticksOf({ from, to }: Domain, most: number): Nanos[] {
  const step = Math.round(atLeast(Math.max((to - from) / Math.max(1, most), 1), STEPS))
  const ticks: Nanos[] = []
  for (let tick = Math.ceil(from / step) * step; tick < to; tick += step) ticks.push(tick)
  return ticks
}

/** How far along a timeline a time is, 0 to 1 within it. */
export function along({ from, to }: Domain, time: Nanos): number {
  return (time - from) / (to - from)
}
