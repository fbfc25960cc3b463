import { html, nothing, type TemplateResult } from 'lit'
import type { Run } from '../../src/run/run.ts'
import type { Nanos } from '../../src/trace/record.ts'
import { NO_STREAM } from '../../src/trace/stalls-episode.ts'
import type { FetchRow, Milestone, PageLoad, Span, SpanKind } from '../../src/trace/waterfall.ts'
import { formatDuration, formatQuantity } from '../format.ts'
import { flowsOf } from '../frame-flows.ts'
import { flowIndex } from '../theme.ts'
import { along, type Domain } from './time-axis.ts'
import { pageSums } from './waterfall-entries.ts'
import {
  fileName,
  hasFailed,
  MILESTONE_WORDS,
  protocolWords,
  sizeWords,
  SPAN_WORDS,
  statusWords,
  timelineWords,
  timeWords,
} from './waterfall-words.ts'

function percent(share: number): string {
  return `${(share * 100).toFixed(3)}%`
}

/** What its packets' colour stands for on the stage, as `flowIndex` takes it; -1 when it has used no connection. */
function flowOfRow(run: Run, connection: number, stream: number): number {
  if (connection <= 0) return -1
  return flowsOf(run).flowOfStream(connection, stream)
}

/** The colour of a stream's packets on the stage, or that of its connection; transparent when it has used none. */
export function flowColour(run: Run, connection: number, stream: number): string {
  const flow = stream === NO_STREAM ? connection : flowOfRow(run, connection, stream)
  return flow < 0 ? 'transparent' : `var(--pk-flow-${String(flowIndex(flow))})`
}

/** What a row says of a resource, in cells. */
export function fetchCells(run: Run, row: FetchRow, spans: readonly Span[]): TemplateResult {
  const { playhead, trace } = run
  const status = statusWords(row, playhead)
  const flow = flowOfRow(run, trace.connections.indexOf(row.connection), row.stream)
  return html`<span class="name" role="rowheader" title=${row.url}
      ><i
        class="flow"
        .style=${flow < 0 ? '' : `background:var(--pk-flow-${String(flowIndex(flow))})`}
        title=${row.connection}
      ></i
      ><span class="file">${fileName(row.url)}</span></span
    >
    <span class="method" role="gridcell">${row.method}</span>
    <span class="status ${hasFailed(row, playhead) ? 'failed' : ''}" role="gridcell">${status}</span>
    <span class="protocol" role="gridcell">${protocolWords(row)}</span>
    <span class="size" role="gridcell">${sizeWords(row, playhead)}</span>
    <span class="time" role="gridcell">${timeWords(row, playhead)}</span>
    <span class="track" role="gridcell"><span class="visually-hidden">${timelineWords(spans)}</span></span>`
}

/** What a row says of a page. */
export function pageCells(run: Run, page: PageLoad): TemplateResult {
  const { files, bytes, time } = pageSums(page, run.playhead)
  const reached = page.milestones.filter((milestone) => milestone.time <= run.playhead)
  return html`<span class="name" role="rowheader" title=${page.url}
      ><span class="file">${run.scenario.hosts[page.host].label}: ${page.url.replace(/^[a-z]+:\/\//, '')}</span></span
    >
    <span class="method" role="gridcell"></span>
    <span class="status" role="gridcell">${files === 1 ? '1 file' : `${String(files)} files`}</span>
    <span class="protocol" role="gridcell"></span>
    <span class="size" role="gridcell">${formatQuantity('bytes', bytes)}</span>
    <span class="time" role="gridcell">${formatDuration(time)}</span>
    <span class="track" role="gridcell"
      ><span class="visually-hidden"
        >${reached.map(({ kind, time: at }) => `${MILESTONE_WORDS[kind]} after ${formatDuration(at - page.started)}`).join(', ')}</span
      ></span
    >`
}

/** A resource's time, drawn. */
export function bar(
  row: FetchRow,
  spans: readonly Span[],
  domain: Domain,
  position: number,
  active: number | undefined,
  end: 'failed' | 'at once' | undefined,
): TemplateResult {
  return html`<div class="bar" data-row=${row.index} .style=${`top:calc(var(--row) * ${String(position)})`}>
    ${spans.map(({ kind, from, to }, index) => {
      const [left, right] = [along(domain, from), along(domain, to)]
      return html`<i
        class="span ${kind} ${index === active ? 'chosen' : ''}"
        data-span=${index}
        .style=${`left:${percent(left)};width:${percent(right - left)}`}
      ></i>`
    })}
    ${end === undefined ? nothing : html`<i class="mark ${end === 'failed' ? 'cross' : 'instant'}" .style=${`left:${percent(along(domain, row.ended))}`}></i>`}
  </div>`
}

/** Where a label of a milestone goes: to the right of its line, or to its left; 'hidden' when there is no room. */
type LabelSide = 'right' | 'left' | 'hidden'

/** A timeline's width in px, and how much larger than usual letters are. */
export interface TrackPlace {
  readonly width: number
  readonly scale: number
}

/** Width of a letter of a label, in px. */
const LETTER = 6.4

/** Which labels matter most when there is no room for all. */
const PREFERRED: readonly Milestone['kind'][] = ['failed', 'first-rendered', 'loaded', 'parsed', 'rendered']

/** Labels that would lie on each other, or beyond the edge, are not shown; their lines are. */
function labelSides(milestones: readonly Milestone[], page: PageLoad, domain: Domain, place: TrackPlace): LabelSide[] {
  const { width, scale } = place
  const sides: LabelSide[] = milestones.map(() => 'hidden')
  const taken: (readonly [from: number, to: number])[] = []
  for (const wanted of PREFERRED) {
    const index = milestones.findIndex(({ kind }) => kind === wanted)
    if (index === -1) continue
    const { kind, time } = milestones[index]
    const length = milestoneLabel(kind, time - page.started).length * LETTER * scale + 12
    const x = along(domain, time) * width
    for (const side of ['right', 'left'] as const) {
      const [from, to] = side === 'right' ? [x, x + length] : [x - length, x]
      if (from < 0 || to > width || taken.some(([left, right]) => left < to && from < right)) continue
      // A line just behind would be hidden by the label.
      if (
        milestones.some((other) => other.kind !== kind && isWithin(along(domain, other.time) * width, from, to)) &&
        side === 'right'
      )
        continue
      sides[index] = side
      taken.push([from, to])
      break
    }
  }
  return sides
}

function isWithin(x: number, from: number, to: number): boolean {
  return x > from && x < to
}

export function milestoneLabel(kind: Milestone['kind'], after: Nanos): string {
  return `${MILESTONE_WORDS[kind]} ${formatDuration(after)}`
}

/** Lines down through a page's resources. */
export function milestoneLines(
  page: PageLoad,
  milestones: readonly Milestone[],
  domain: Domain,
  place: TrackPlace,
): TemplateResult[] {
  const sides = labelSides(milestones, page, domain, place)
  return milestones.map(
    ({ kind, time }, index) =>
      html`<div class="milestone ${kind} ${sides[index]}" .style=${`left:${percent(along(domain, time))}`}>
        ${sides[index] === 'hidden' ? nothing : html`<span>${milestoneLabel(kind, time - page.started)}</span>`}
      </div>`,
  )
}

const LEGEND: readonly SpanKind[] = ['queued', 'dns', 'connect', 'tls', 'sending', 'waiting', 'receiving', 'blocked', 'repairing']

export function legend(isOpen: boolean): TemplateResult {
  return html`<details class="legend" part="legend" ?open=${isOpen}>
    <summary>Legend</summary>
    <ul>
      ${LEGEND.map(
        (kind) =>
          html`<li>
            <span class="key"><i class="span ${kind}"></i></span>${SPAN_WORDS[kind]}
          </li>`,
      )}
    </ul>
  </details>`
}
