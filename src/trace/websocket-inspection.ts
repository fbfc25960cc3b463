import { field } from '../wire/describe.ts'
import type { Layer } from '../wire/field.ts'
import { messageSummary, webSocketMessageLayer } from '../wire/websocket-layer.ts'
import type { WebSocketMessage } from '../wire/websocket-layer.ts'
import type { Http2Conversation } from './http2-conversation.ts'
import type { InspectedView } from './inspection.ts'
import { partOf } from './layer-parts.ts'
import type { Side } from './tls-conversation.ts'
import { unitsIn } from './unit-search.ts'
import type { WebSocketConversation } from './websocket-conversation.ts'

/** Most views of messages for one packet. */
const MOST_VIEWS = 8

/** What a part of an end's stream is of WebSocket. */
interface WebSocketPart {
  readonly layers: readonly Layer[]
  /** Messages that end here and are not to be read as they lie there: masked ones, such as come in several frames, compressed ones. */
  readonly views: readonly InspectedView[]
  /** Whether it ends in a frame that is not whole yet. */
  readonly isOpen: boolean
}

/** Frames of which parts lie in `length` bytes of an end's stream from `start` on, which stand at `base`. */
export function webSocketPart(
  conversation: WebSocketConversation,
  side: Side,
  start: number,
  length: number,
  base: number,
): WebSocketPart {
  const units = conversation.units(side)
  const layers: Layer[] = []
  const views: InspectedView[] = []
  for (const index of unitsIn(units, start, start + length)) {
    const unit = units[index]
    const shown = partOf(unit.layer, base + unit.start - start, base, base + length)
    if (shown === undefined) continue
    layers.push({ ...shown, summary: `WebSocket ${unit.layer.summary}${unit.start >= start ? '' : ' (goes on)'}` })
    const { message } = unit
    if (message === undefined || unit.end > start + length || views.length === MOST_VIEWS) continue
    const isMasked = unit.layer.fields.some(({ name }) => name === 'websocket.masking_key')
    if (isMasked || message.isCompressed || message.frames > 1) views.push(messageView(message, ''))
  }
  const read = Math.max(start, conversation.position(side))
  if (read < start + length && conversation.starts[side] <= read) {
    layers.push(unreadLayer(base + read - start, base + length, conversation.failure(side)))
  }
  return { layers, views, isOpen: read < start + length && conversation.failure(side) === undefined }
}

function messageView(message: WebSocketMessage, where: string): InspectedView {
  const title = `WebSocket${where} ${messageSummary(message)}`
  return { title, bytes: message.bytes, layers: [webSocketMessageLayer(message)] }
}

/** Messages of WebSocket that end in [start, end) of an end's stream, on streams of HTTP/2. */
export function carriedViews(http2: Http2Conversation, side: Side, start: number, end: number): InspectedView[] {
  const carried = http2.carried(side)
  return unitsIn(carried, start, end)
    .flatMap((index) => {
      const { frame, stream } = carried[index]
      return frame.message === undefined ? [] : [messageView(frame.message, ` on stream ${String(stream)},`)]
    })
    .slice(0, MOST_VIEWS)
}

/** Words for the frames of WebSocket that end in [start, end): `', WebSocket Text, 2 bytes “hi”'`. */
export function carriedWords(http2: Http2Conversation, side: Side, start: number, end: number): string {
  const carried = http2.carried(side)
  return unitsIn(carried, start, end)
    .slice(0, MOST_VIEWS)
    .map((index) => `, WebSocket ${carried[index].frame.layer.summary}`)
    .join('')
}

/** Bytes of a frame that is not whole yet, or that cannot be told apart. */
function unreadLayer(start: number, end: number, problem: string | undefined): Layer {
  const summary = problem === undefined ? 'WebSocket, a frame that is not whole yet' : 'WebSocket, what cannot be told apart'
  const fields = [field('data.data', 'Data', `${String(end - start)} bytes`, start, end)]
  const layer = { protocol: 'websocket', title: 'WebSocket', summary, start, end, fields }
  return problem === undefined ? layer : { ...layer, problem }
}
