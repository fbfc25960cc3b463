import { html, nothing, type TemplateResult } from 'lit'
import { guard } from 'lit/directives/guard.js'
import type { Run } from '../../src/run/run.ts'
import type { FetchRow, PageLoad, Waterfall } from '../../src/trace/waterfall.ts'
import type { Domain } from './time-axis.ts'
import type { Entry } from './waterfall-entries.ts'
import { bar, milestoneLines, type TrackPlace } from './waterfall-row.ts'
import { hasFailed } from './waterfall-words.ts'

/** The lines of one page. */
export interface Lane {
  readonly page: PageLoad | undefined
  /** Position of its first line, and behind its last one. */
  readonly from: number
  readonly to: number
  readonly domain: Domain
}

/** What lanes are drawn of. */
export interface LaneView {
  readonly run: Run
  readonly waterfall: Waterfall
  readonly entries: readonly Entry[]
  /** Positions of the lines that are drawn. */
  readonly first: number
  readonly last: number
  readonly place: TrackPlace
  /** The line that is looked at, and which part of its time. */
  readonly active: string | undefined
  readonly chosen: number | undefined
}

/**
 * The pages of which some lines are drawn.
 * @param isAligned whether the timeline of each begins with the page
 */
export function lanesOf({ entries, first, last }: LaneView, domain: Domain, isAligned: boolean): Lane[] {
  const lanes: Lane[] = []
  for (let from = 0; from < entries.length;) {
    const { page } = entries[from]
    let to = from + 1
    while (to < entries.length && entries[to].page === page) to++
    const start = isAligned ? (page?.started ?? 0) : 0
    if (from < last && to > first) lanes.push({ page, from, to, domain: { from: domain.from + start, to: domain.to + start } })
    from = to
  }
  return lanes
}

/** The timelines of a page's lines, its milestones and the playhead. */
export function lane(view: LaneView, { page, from, to, domain }: Lane): TemplateResult {
  const { run, entries, first, last, place } = view
  const reached = page?.milestones.filter(({ time }) => time <= run.playhead) ?? []
  const bars: unknown[] = []
  for (let position = Math.max(from, first); position < Math.min(to, last); position++) {
    const { row } = entries[position]
    if (row !== undefined) bars.push(rowBar(view, row, domain, position - from))
  }
  return html`<div class="lane" .style=${`top:calc(var(--row) * ${String(from)});height:calc(var(--row) * ${String(to - from)})`}>
    <div class="bars">${bars}</div>
    ${
      page === undefined
        ? nothing
        : guard([page, reached.length, domain.from, domain.to, place.width, place.scale], () =>
            milestoneLines(page, reached, domain, place),
          )
    }
    <div class="playhead"></div>
  </div>`
}

function rowBar({ run, waterfall, active, chosen }: LaneView, row: FetchRow, domain: Domain, position: number): unknown {
  const { from, to } = domain
  const part = active === `row-${String(row.index)}` ? chosen : undefined
  const stalls = row.ended < run.horizon ? 0 : waterfall.heldVersion
  // What comes from a cache takes no time, and is there all the same.
  const end = hasFailed(row, run.playhead) ? 'failed' : row.ended === row.queued ? 'at once' : undefined
  return guard([row, row.version, stalls, from, to, position, part, end], () =>
    bar(row, waterfall.spans(row, to), domain, position, part, end),
  )
}
