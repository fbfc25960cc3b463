import { html, nothing, type TemplateResult } from 'lit'
import type { Run } from '../../src/run/run.ts'
import { NEVER } from '../../src/trace/record.ts'
import { formatDuration, formatQuantity } from '../format.ts'
import { packetButton, type OpenPacket } from '../packet-waterfall/waterfall-details.ts'
import { reasonsOf, tableReason } from '../stall-reasons.ts'
import { isWhole, type LaneEntry } from './lane-entries.ts'
import { holdKind } from './lane-track.ts'
import { heldWords, laneName, portWords, stateWords, streamWords, waitedUntil, waitedWords } from './lane-words.ts'

/** What a line says of a lane, in cells. */
export function laneCells(run: Run, entry: LaneEntry, colour: string): TemplateResult {
  const { playhead } = run
  const { group, lane } = entry
  const { own, others } = waitedUntil(group, lane, playhead)
  const held = heldWords(lane, playhead)
  const name = laneName(entry, playhead)
  const more = isWhole(entry) ? ` ${run.scenario.hosts[group.host].label}${portWords(group)}` : ''
  const stream = isWhole(entry) || lane.urlAt(playhead) === '' ? undefined : lane.stream
  const title = isWhole(entry)
    ? `${name}${more}, ${group.connection}`
    : stream === undefined
      ? name
      : `${name}, stream ${String(stream)}`
  return html`<span class="name" role="rowheader" title=${title}
      ><i class="flow" .style=${`background:${colour}`}></i
      ><span class="what"
        >${name}<small>${more}${stream === undefined ? nothing : html`<span class="word"> stream</span> ${stream}`}</small></span
      ></span
    >
    <span class="came" role="gridcell">${formatQuantity('bytes', lane.arrived.at(playhead))}</span>
    <span class="held ${held === '' ? '' : 'some'}" role="gridcell">${held}</span>
    <span class="waited" role="gridcell">${own + others === 0 ? '' : formatDuration(own + others)}</span>
    <span class="track" role="gridcell"><span class="visually-hidden">${stateWords(entry, playhead)}</span></span>`
}

/** Most waits that are told in full. */
const MOST = 12

/** All that is known of a lane: where it is, how long it waited, and for what each time. */
export function laneDetails(run: Run, entry: LaneEntry, chosen: number | undefined, open: OpenPacket): TemplateResult {
  const { playhead, trace } = run
  const { group, lane } = entry
  const holds = group
    .holds(lane)
    .map((hold, index) => ({ hold, index }))
    .filter(({ hold }) => hold.from <= playhead)
  const told = chosen === undefined ? holds.slice(-MOST) : holds.filter(({ index }) => index === chosen)
  const waited = waitedWords(waitedUntil(group, lane, playhead))
  const facts = [
    lane.urlAt(playhead),
    isWhole(entry) ? '' : `stream ${String(lane.stream)}`,
    group.connection,
    waited === '' ? 'has not waited' : `waited ${waited}`,
  ]
  const whose = group.transport === 'tcp' ? 'the connection' : `stream ${String(lane.stream)}`
  return html`<p class="facts">${facts.filter((fact) => fact !== '').join(' · ')}</p>
    <ul class="reasons">
      ${told.length < holds.length && chosen === undefined ? html`<li>${holds.length - told.length} earlier waits, and then:</li>` : nothing}
      ${told.flatMap(({ hold, index }) => {
        const reasons =
          hold.cause === 'qpack'
            ? [tableReason(hold, playhead)]
            : reasonsOf(
                trace,
                hold,
                playhead,
                whose,
                ({ streams }) =>
                  `they belonged to ${streams.map((stream) => streamWords(group, stream, playhead)).join(' and ')}`,
                (range, until) => group.carriers(trace, lane, range, until),
              )
        return reasons.map(
          ({ what, lost, otherwise, whose: owners, brought }) =>
            html`<li class="reason ${index === chosen ? 'chosen' : ''}">
              <span class="key"><i class="span ${holdKind(hold)}"></i></span>
              <span
                >${what}${
                  lost.length === 0
                    ? otherwise
                    : lost.map(
                        ({ frame, why }, place) => html`${place === 0 ? '' : ', '}${packetButton(frame, open)} was lost (${why})`,
                      )
                }${owners}${brought === undefined ? nothing : html` They came with ${packetButton(brought, open)}.`}</span
              >
            </li>`,
        )
      })}
    </ul>`
}

/** The packet that a wait leads to: the first that was lost, or what brought the bytes at last. */
export function packetOfHold(run: Run, { group, lane }: LaneEntry, index: number): number | undefined {
  const hold = group.holds(lane).at(index)
  for (const range of hold?.missing ?? []) {
    const until = range.until <= run.playhead ? range.until : NEVER
    const { lost, brought } = group.carriers(run.trace, lane, range, until)
    const packet = lost.find(({ fateAt }) => fateAt <= run.playhead) ?? brought
    if (packet !== undefined) return packet.number
  }
  return undefined
}

export function lanesLegend(isOpen: boolean): TemplateResult {
  const line = (key: TemplateResult, words: string): TemplateResult => html`<li>${key} ${words}</li>`
  return html`<details class="legend" part="legend" ?open=${isOpen}>
    <summary>Legend</summary>
    <ul>
      ${line(html`<span class="key curve"></span>`, 'Came; filled: delivered')}
      ${line(html`<span class="key"><i class="span blocked"></i></span>`, 'Held back: bytes of others are missing')}
      ${line(html`<span class="key"><i class="span repairing"></i></span>`, 'Held back: bytes of its own are missing')}
      ${line(html`<span class="key missing"></span>`, 'Lost, until sent again')}
    </ul>
  </details>`
}
