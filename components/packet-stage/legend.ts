import { html, svg, type TemplateResult } from 'lit'
import { live } from 'lit/directives/live.js'
import type { EventRecord, FrameKind, TraceView } from '../../src/trace/record.ts'
import type { Flow, FlowMode, FrameFlows } from '../frame-flows.ts'
import { formatQuantity } from '../format.ts'
import { flowIndex } from '../theme.ts'
import { GLYPHS, svgPath, tornEnds } from './glyphs.ts'

/** What has been seen so far: the legend explains that, and nothing else. */
export interface Seen {
  readonly kinds: ReadonlySet<FrameKind>
  readonly again: boolean
  readonly torn: boolean
  readonly lost: boolean
  /** Names by index, as in the trace; the first is no conversation. */
  readonly connections: readonly string[]
}

const WORDS: Readonly<Record<FrameKind, string>> = {
  other: 'other',
  arp: 'ARP',
  icmp: 'ICMP',
  udp: 'UDP',
  'tcp-syn': 'SYN opens',
  'tcp-ack': 'ACK',
  'tcp-data': 'data',
  'tcp-fin': 'FIN closes',
  'tcp-rst': 'RST aborts',
  ndp: 'NDP',
}
/** In the order in which people meet them. */
const ORDER: readonly FrameKind[] = ['arp', 'ndp', 'icmp', 'tcp-syn', 'tcp-ack', 'tcp-data', 'tcp-fin', 'tcp-rst', 'udp', 'other']

const MOST_CONNECTIONS = 6
/** Where there is a choice above them, and how many more there are takes the place of the last one. */
const MOST_BELOW_CHOICE = 5
/** Of more connections than this, the names of the first tell nothing. */
const MANY = 100

function picture(content: unknown, className = ''): TemplateResult {
  return html`<svg class=${`key ${className}`} viewBox="-15 -11 30 22" aria-hidden="true">${content}</svg>`
}

function entry(image: TemplateResult, words: string): TemplateResult {
  return html`<li>${image}<span>${words}</span></li>`
}

function shape(kind: FrameKind): TemplateResult {
  return picture(svg`<path d=${svgPath(GLYPHS[kind].outlines)} fill-rule="evenodd"></path>`)
}

const bar = GLYPHS['tcp-data'].outlines
const AGAIN = svg`<path d=${svgPath(bar)}></path><rect x="-14" y="-10" width="28" height="20" rx="7" class="outline"></rect>`
const TORN = svg`<path d=${svgPath([tornEnds(GLYPHS['tcp-data'])])}></path><path d="M2 -8L-2 -1.5L2.2 1L-2 8" class="crack"></path>`
const LOST = svg`<path d="M-6 -6L6 6M-6 6L6 -6" class="cross"></path>`

/**
 * @param flows what colours tell apart
 * @param trace in which streams are named by what was asked for on them
 */
export function legend(seen: Seen, open: boolean, flows: FrameFlows, trace: TraceView): TemplateResult | '' {
  const kinds = ORDER.filter((kind) => seen.kinds.has(kind))
  if (kinds.length === 0) return ''
  const connections = seen.connections.slice(1)
  const most = (all: number): number => (flows.hasStreams && all > MOST_CONNECTIONS ? MOST_BELOW_CHOICE : MOST_CONNECTIONS)
  return html`<details class="legend" part="legend" ?open=${open}>
    <summary>Legend</summary>
    <ul>
      ${kinds.map((kind) => entry(shape(kind), WORDS[kind]))} ${seen.again ? entry(picture(AGAIN), 'sent again') : ''}
      ${seen.torn ? entry(picture(TORN), 'damaged') : ''} ${seen.lost ? entry(picture(LOST, 'lost'), 'lost') : ''}
    </ul>
    ${flows.hasStreams ? modes(flows) : ''}
    ${
      flows.mode === 'stream'
        ? colourList(
            flows.flows.slice(0, most(flows.flows.length)).map((flow) => streamName(flow, trace)),
            flows.flows.length,
            (number) => number,
          )
        : connections.length < 2
          ? ''
          : connections.length > MANY
            ? html`<p>
                Colours tell connections apart; there are ${formatQuantity('count', connections.length)}, in the same few colours.
              </p>`
            : colourList(connections.slice(0, most(connections.length)), connections.length, (number) => flows.homeOf(number))
    }
  </details>`
}

/** Connections or streams. */
function modes(flows: FrameFlows): TemplateResult {
  const mode = (value: FlowMode, label: string): TemplateResult =>
    html`<label
      ><input
        type="radio"
        name="colour"
        .checked=${live(flows.mode === value)}
        @change=${() => {
          flows.mode = value
        }}
      />${label}</label
    >`
  return html`<fieldset>
    <legend>Colours tell apart</legend>
    ${mode('connection', 'connections')} ${mode('stream', 'streams')}
  </fieldset>`
}

function streamName({ connection, stream }: Flow, trace: TraceView): string {
  const name = trace.connections[connection]
  const isAsked = ({ connection: on, data }: EventRecord): boolean => on === name && data['stream'] === stream
  const asked = trace.first('http:request-sent', isAsked) ?? trace.first('http2:push-promised', isAsked)
  const url = asked?.data['url']
  return `stream ${String(stream)}${typeof url === 'string' ? ` ${url.replace(/^https?:\/\/[^/]*/, '')}` : ''}`
}

/** @param flowOf what the colour of the nth name stands for, from 1 */
function colourList(names: readonly string[], all: number, flowOf: (number: number) => number): TemplateResult {
  const more = all - names.length
  return html`<ul class="connections">
    ${names.map((name, i) => {
      const colour = `var(--pk-flow-${String(flowIndex(flowOf(i + 1)))})`
      return html`<li>${picture(svg`<circle r="7" fill=${colour}></circle>`)}<span class="connection">${name}</span></li>`
    })}
    ${more > 0 ? html`<li><span>and ${more} more, in the same colours again</span></li>` : ''}
  </ul>`
}
