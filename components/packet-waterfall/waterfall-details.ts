import { html, nothing, type TemplateResult } from 'lit'
import type { Run } from '../../src/run/run.ts'
import type { FrameRecord } from '../../src/trace/record.ts'
import type { FetchRow, PageLoad, Span, Waterfall } from '../../src/trace/waterfall.ts'
import { milestoneLabel } from './waterfall-row.ts'

import { exactWords, packetBehind, pathOf, protocolWords, SPAN_WORDS, stallReasons } from './waterfall-words.ts'

/** What the panel below the list does with a packet: opens it. */
export type OpenPacket = (number: number) => void

export interface DetailsOptions {
  readonly run: Run
  readonly waterfall: Waterfall
  readonly spans: readonly Span[]
  /** Which of the spans is looked at. */
  readonly chosen: number | undefined
  readonly choose: (index: number) => void
  readonly open: OpenPacket
}

/** All that is known of a resource: where it came from, each phase with its time, and why it waited. */
export function fetchDetails(row: FetchRow, options: DetailsOptions): TemplateResult {
  const { run, waterfall, spans, chosen, choose, open } = options
  const { playhead } = run
  const total = spans.reduce((sum, { from, to }) => sum + to - from, 0)
  const initiator = row.initiator === 0 ? undefined : waterfall.row(row.host, row.initiator)
  const facts = [
    `${row.method} ${row.url}`.trim(),
    protocolWords(row),
    row.connection,
    `${row.priority} priority`,
    row.renderBlocking ? 'holds up the first paint' : '',
    initiator === undefined ? '' : `found in ${pathOf(initiator.url)}`,
    row.ended <= playhead && row.error !== '' ? `failed: ${row.detail === '' ? row.error : row.detail}` : '',
  ]
  const stalls = spans.filter(({ stall }) => stall !== undefined)
  const one = chosen === undefined ? undefined : spans.at(chosen)
  return html`<p class="facts">${facts.filter((fact) => fact !== '').join(' · ')}</p>
    ${one === undefined ? nothing : one.stall === undefined ? spanPacket(run, one, open) : stallList(row, options, [one])}
    <ol class="phases">
      ${spans.map(
        ({ kind, from, to }, index) =>
          html`<li>
            <button
              class=${index === chosen ? 'chosen' : ''}
              aria-pressed=${index === chosen}
              @click=${() => {
                choose(index)
              }}
            >
              <span class="key"><i class="span ${kind}"></i></span>${SPAN_WORDS[kind]} <b>${exactWords(to - from)}</b>
            </button>
          </li>`,
      )}
      <li class="total">= <b>${exactWords(total)}</b>${row.ended <= playhead ? nothing : ' so far'}</li>
    </ol>
    ${one !== undefined || stalls.length === 0 ? nothing : stallList(row, options, stalls)}`
}

/** The packet that ended a phase, or began it. */
export function packetOf(run: Run, span: Span): FrameRecord | undefined {
  const { trace } = run
  const known = (frame: FrameRecord | undefined): FrameRecord | undefined =>
    frame !== undefined && frame.enqueued <= run.playhead ? frame : undefined
  return known(packetBehind(trace, span.endedBy)) ?? known(packetBehind(trace, span.begunBy))
}

function spanPacket(run: Run, span: Span, open: OpenPacket): TemplateResult | typeof nothing {
  const packet = packetOf(run, span)
  if (packet === undefined) return nothing
  const ended = packetBehind(run.trace, span.endedBy)?.number === packet.number
  return html`<p>${SPAN_WORDS[span.kind]} ${ended ? 'ended' : 'began'} with ${packetButton(packet, open)}.</p>`
}

/** Most waits that are told in full. */
const MOST = 12

function stallList(row: FetchRow, { run, waterfall, open }: DetailsOptions, stalls: readonly Span[]): TemplateResult {
  const told = stalls.slice(0, MOST)
  return html`<ul class="reasons">
    ${told.flatMap((span) => {
      const { stall } = span
      if (stall === undefined) return []
      return stallReasons(waterfall, run.trace, row, stall, run.playhead).map(
        ({ what, lost, otherwise, whose, brought }) =>
          html`<li class="reason">
            <span class="key"><i class="span ${span.kind}"></i></span>
            <span
              >${what}${
                lost.length === 0
                  ? otherwise
                  : lost.map(
                      ({ frame, why }, index) => html`${index === 0 ? '' : ', '}${packetButton(frame, open)} was lost (${why})`,
                    )
              }${whose}${brought === undefined ? nothing : html` They came with ${packetButton(brought, open)}.`}</span
            >
          </li>`,
      )
    })}
    ${told.length < stalls.length ? html`<li>… and ${stalls.length - told.length} more</li>` : nothing}
  </ul>`
}

export function packetButton(frame: FrameRecord, open: OpenPacket): TemplateResult {
  return html`<button
    class="link packet"
    title="Look into it"
    @click=${() => {
      open(frame.number)
    }}
    .textContent=${`packet #${String(frame.number)}`}
  ></button>`
}

/** When a page got how far. */
export function pageDetails(page: PageLoad, run: Run): TemplateResult {
  const reached = page.milestones.filter(({ time }) => time <= run.playhead)
  return html`<p class="facts">${run.scenario.hosts[page.host].label} · ${page.url} · begun at ${exactWords(page.started)}</p>
    <ol class="phases">
      ${
        reached.length === 0
          ? html`<li>Nothing to see yet.</li>`
          : reached.map(
              ({ kind, time }) => html`<li><span class="flag ${kind}"></span>${milestoneLabel(kind, time - page.started)}</li>`,
            )
      }
    </ol>`
}
