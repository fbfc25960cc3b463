import { field } from '../wire/describe.ts'
import type { Layer } from '../wire/field.ts'
import { http1Layer } from '../wire/http1.ts'
import { dissect } from './dissect.ts'
import type { FrameSource } from './frame-source.ts'
import type { Inspection } from './inspection.ts'
import { QuicConversations } from './quic-conversations.ts'
import { QuicInspection } from './quic-inspection.ts'
import { StreamConversations, type StreamConversation } from './stream-conversation.ts'
import type { TcpStream } from './tcp-stream.ts'
import { TcpSegmentPlace } from './tcp-segment-place.ts'
import { http2Layers, TlsInspection, type StreamPart } from './tls-inspection.ts'
import { TlsSecrets } from './tls-secrets.ts'
import { UdpDatagramPlace } from './udp-datagram-place.ts'
import { carriedViews, webSocketPart } from './websocket-inspection.ts'
import type { WebSocketConversation } from './websocket-conversation.ts'

/** Most things that a line tells of. */
const TOLD = 4

/**
 * Takes frames of a trace apart as parts of their streams: what TCP carries is put together from all packets of the connection, records
 * of TLS are decrypted with the secrets that the hosts have logged, and frames of HTTP/2 are cut and decompressed; packets of QUIC likewise,
 * with HTTP/3 in their streams. What was learnt of a connection is kept, so that looking at one packet after the other costs what is new.
 */
export class StreamDissection {
  private readonly place = new TcpSegmentPlace()
  private readonly datagramPlace = new UdpDatagramPlace()
  private readonly conversations: StreamConversations
  private readonly quic: QuicConversations

  constructor(private readonly source: FrameSource) {
    const secrets = new TlsSecrets()
    this.conversations = new StreamConversations(source, secrets, new TcpSegmentPlace())
    this.quic = new QuicConversations(source, secrets)
  }

  /** A frame with all that is in it; undefined when its bytes were let go. */
  inspect(frame: number): Inspection | undefined {
    const bytes = this.source.bytes(frame)
    if (bytes === undefined) return undefined
    const layers = dissect(bytes)
    const plain: Inspection = { bytes, layers, views: [], summary: layers.at(-1)?.summary ?? '', isOpen: false }
    const { place } = this
    const isStream = this.source.connectionOf(frame) !== 0 && place.find(bytes) && place.payloadLength > 0
    const conversation = isStream ? this.conversations.find(frame) : undefined
    const stream = conversation?.streams[place.side]
    if (!isStream) return this.inDatagram(plain, frame) ?? plain
    const tcp = layers.findIndex(({ protocol }) => protocol === 'tcp')
    if (conversation === undefined || stream === undefined || tcp < 0) return plain
    const part = this.partOf(bytes, stream)
    if (part === undefined) return plain
    return this.inStream(plain, conversation, stream, part, layers.slice(0, tcp + 1)) ?? plain
  }

  /** A datagram of a connection of QUIC; undefined when it is none. */
  private inDatagram(plain: Inspection, frame: number): Inspection | undefined {
    const { datagramPlace } = this
    const { bytes, layers } = plain
    const udp = layers.findIndex(({ protocol }) => protocol === 'udp')
    if (udp < 0 || this.source.connectionOf(frame) === 0 || !datagramPlace.find(bytes)) return undefined
    const sighting = this.quic.find(frame)
    if (sighting === undefined) return undefined
    const { payloadStart, payloadEnd } = datagramPlace
    const payload = bytes.subarray(payloadStart, payloadEnd)
    const inside = new QuicInspection(sighting.conversation, sighting.record, payload, payloadStart)
    const { views, words, isOpen } = inside
    return { bytes, layers: [...layers.slice(0, udp + 1), ...inside.layers], views, summary: lineOf(words), isOpen }
  }

  /** The payload of the frame at hand as a part of its stream; undefined when bytes are missing before it. */
  private partOf(bytes: Uint8Array, stream: TcpStream): StreamPart | undefined {
    const { side, seq, payloadStart, payloadEnd, payloadLength } = this.place
    const start = stream.offsetOf(seq)
    const sent = stream.read(start, start + payloadLength, this.source)
    if (sent === undefined) return undefined
    const payload = bytes.subarray(payloadStart, payloadEnd)
    const isSent = sent.every((byte, i) => byte === payload[i])
    return { side, start, end: start + payloadLength, place: payloadStart, changed: isSent ? undefined : payload }
  }

  private inStream(
    plain: Inspection,
    conversation: StreamConversation,
    stream: TcpStream,
    part: StreamPart,
    outer: readonly Layer[],
  ): Inspection | undefined {
    const { tls, http2, websocket } = conversation
    const { bytes } = plain
    if (tls !== undefined) {
      const read = (start: number, end: number): Uint8Array | undefined => stream.read(start, end, this.source)
      const { layers, views, words, isOpen } = new TlsInspection(tls, http2, websocket, stream, part, read)
      return { bytes, layers: [...outer, ...layers], views, summary: lineOf(words), isOpen }
    }
    if (part.changed !== undefined) return undefined
    if (websocket !== undefined) return inWebSocket(plain, websocket, part, outer)
    if (http2 === undefined) return undefined
    const layers = http2Layers(http2, part.side, part.start, part.end - part.start, part.place)
    const read = layers.at(-1)?.end ?? part.place
    const end = part.place + part.end - part.start
    const rest = read < end ? [unreadLayer(read, end)] : []
    return {
      bytes,
      layers: [...outer, ...layers, ...rest],
      views: carriedViews(http2, part.side, part.start, part.end),
      summary: lineOf([...layers, ...rest].map(({ summary }) => summary)),
      isOpen: rest.length > 0,
    }
  }
}

/** Frames of WebSocket, behind HTTP/1.1 if it ends here. */
function inWebSocket(
  plain: Inspection,
  conversation: WebSocketConversation,
  part: StreamPart,
  outer: readonly Layer[],
): Inspection | undefined {
  const { side, start, end, place } = part
  const began = Math.max(start, conversation.starts[side])
  if (began >= end) return undefined
  const at = place + began - start
  const http = began > start ? http1Layer(plain.bytes, place, at) : undefined
  const { layers, views, isOpen } = webSocketPart(conversation, side, began, end - began, at)
  const inside = http === undefined ? layers : [http, ...layers]
  const summary = lineOf(inside.map((layer) => layer.summary))
  return { bytes: plain.bytes, layers: [...outer, ...inside], views, summary, isOpen }
}

/** Bytes of a frame of HTTP/2 that is not whole yet. */
function unreadLayer(start: number, end: number): Layer {
  const summary = 'HTTP/2, a frame that is not whole yet'
  const fields = [field('data.data', 'Data', `${String(end - start)} bytes`, start, end)]
  return { protocol: 'http2', title: 'HyperText Transfer Protocol 2', summary, start, end, fields }
}

function lineOf(words: readonly string[]): string {
  const more = words.length - TOLD
  return more <= 0 ? words.join('; ') : `${words.slice(0, TOLD).join('; ')}; and ${String(more)} more`
}
