import { ContentType } from '../wire/tls/code-points.ts'
import type { FrameSource } from './frame-source.ts'
import { Http2Conversation } from './http2-conversation.ts'
import type { TcpSegmentPlace } from './tcp-segment-place.ts'
import { TcpStream } from './tcp-stream.ts'
import { TlsConversation, type Side } from './tls-conversation.ts'
import type { TlsSecrets } from './tls-secrets.ts'
import type { WebSocketConversation } from './websocket-conversation.ts'
import { WebSocketOpening } from './websocket-opening.ts'

/** `PRI`: what a connection preface begins with, and no request does. RFC 9113 section 3.4. */
const PRI = [0x50, 0x52, 0x49]

function other(side: Side): Side {
  return side === 0 ? 1 : 0
}

/** One TCP connection, from its SYN on: the streams of both ends, and what is spoken over them. */
export class StreamConversation {
  readonly streams: [TcpStream | undefined, TcpStream | undefined] = [undefined, undefined]
  /** Whether it is not known yet what is spoken. */
  private isUndecided = true
  tls: TlsConversation | undefined
  http2: Http2Conversation | undefined
  websocket: WebSocketConversation | undefined
  /** While HTTP/1.1 is spoken. */
  private opening: WebSocketOpening | undefined
  /** How much of each end's stream HTTP/2 or WebSocket was told, or has no use for. */
  private readonly told: [number, number] = [0, 0]

  /** @param first number of the first frame */
  constructor(
    readonly first: number,
    private readonly source: FrameSource,
    private readonly secrets: TlsSecrets,
  ) {}

  /** Whether a SYN begins another connection between the same two ends. */
  isOver(place: TcpSegmentPlace): boolean {
    const stream = this.streams[place.side]
    return place.isSyn && stream !== undefined && stream.base !== place.seq
  }

  /** Takes in a frame of this connection. */
  add(frame: number, place: TcpSegmentPlace): void {
    const { side, seq } = place
    const stream = (this.streams[side] ??= new TcpStream(seq))
    if (place.payloadLength === 0) return
    if (stream.add(stream.offsetOf(seq), place.payloadLength, frame, place.payloadStart)) this.advance(side, stream)
  }

  private advance(side: Side, stream: TcpStream): void {
    if (this.isUndecided) this.decide(side, stream)
    if (this.tls !== undefined) this.tls.advance(side)
    else if (this.http2 !== undefined) this.tell(this.http2, side)
    else if (this.websocket !== undefined) this.tell(this.websocket, side)
    else if (this.opening !== undefined) this.await(this.opening, side, stream)
  }

  /** Finds out what is spoken by how an end begins. A server of HTTP/2 may begin before the client does, which tells nothing. */
  private decide(side: Side, stream: TcpStream): void {
    const head = stream.read(0, Math.min(3, stream.end), this.source)
    if (head === undefined || head.length < 3) return
    const isTls = head[0] === ContentType.handshake && head[1] === 3
    const isHttp2 = PRI.every((byte, i) => head[i] === byte)
    const isWord = head.every((byte) => byte >= 0x41 && byte <= 0x5a)
    if (isTls) this.startTls()
    else if (isHttp2) {
      this.http2 = new Http2Conversation(side)
      this.tell(this.http2, other(side))
    } else if (isWord) {
      this.opening = new WebSocketOpening()
    }
    this.isUndecided = !isTls && !isWord
  }

  /** Passes on what is new of an end. */
  private tell(spoken: Http2Conversation | WebSocketConversation, side: Side): void {
    const stream = this.streams[side]
    const bytes = stream?.read(this.told[side], stream.end, this.source)
    if (bytes === undefined) return
    this.told[side] += bytes.length
    spoken.push(side, bytes)
  }

  /** Looks whether HTTP/1.1 ends here. */
  private await(opening: WebSocketOpening, side: Side, stream: TcpStream): void {
    const from = this.told[side]
    this.told[side] = stream.end
    const bytes = opening.wants(side) ? stream.read(from, stream.end, this.source) : undefined
    if (bytes !== undefined) this.websocket = opening.push(side, from, bytes)
  }

  private startTls(): void {
    const tls = new TlsConversation(this.streams, this.source, this.secrets, (side, bytes) => {
      if (this.http2 === undefined && this.isHttp2(tls, side, bytes)) {
        this.http2 = new Http2Conversation(tls.isClient(side) ? side : other(side))
      }
      if (this.http2 !== undefined) this.http2.push(side, bytes)
      else if (this.websocket !== undefined) this.websocket.push(side, bytes)
      else this.awaitDecrypted(tls, side, bytes)
    })
    this.tls = tls
  }

  /** As `await`, for what TLS carries. */
  private awaitDecrypted(tls: TlsConversation, side: Side, bytes: Uint8Array): void {
    const opening = (this.opening ??= new WebSocketOpening())
    if (opening.wants(side)) this.websocket = opening.push(side, tls.applicationLength(side) - bytes.length, bytes)
  }

  /** What was agreed on; where that is not said, how the client begins. */
  private isHttp2(tls: TlsConversation, side: Side, bytes: Uint8Array): boolean {
    if (tls.alpn !== undefined) return tls.alpn === 'h2'
    return tls.isClient(side) && tls.applicationLength(side) === bytes.length && PRI.every((byte, i) => bytes[i] === byte)
  }
}

/** How many connections are remembered. */
const REMEMBERED = 12
/** How many connections between the same two ends and ports are. */
const GENERATIONS = 4

interface Scanned {
  readonly generations: StreamConversation[]
  /** Number of the first frame that was not looked at. */
  next: number
}

/** The connections of a trace, put together as they are asked for, and kept up as the trace grows. */
export class StreamConversations {
  /** By number of the conversation, in the order of their last use. */
  private readonly scanned = new Map<number, Scanned>()

  constructor(
    private readonly source: FrameSource,
    private readonly secrets: TlsSecrets,
    private readonly place: TcpSegmentPlace,
  ) {}

  /** The connection that a frame of TCP belongs to; undefined when its beginning is not known. */
  find(frame: number): StreamConversation | undefined {
    const connection = this.source.connectionOf(frame)
    const { generations } = this.upToDate(connection)
    let found: StreamConversation | undefined
    for (const generation of generations) if (generation.first <= frame) found = generation
    return found
  }

  private upToDate(connection: number): Scanned {
    const { scanned, source, place } = this
    const known = scanned.get(connection) ?? { generations: [], next: 0 }
    scanned.delete(connection)
    scanned.set(connection, known)
    if (scanned.size > REMEMBERED) {
      for (const oldest of scanned.keys()) {
        scanned.delete(oldest)
        break
      }
    }
    const { generations } = known
    this.secrets.update(source.keyLog)
    known.next = Math.max(known.next, source.firstKept)
    for (; known.next <= source.frameCount; known.next++) {
      if (source.connectionOf(known.next) !== connection) continue
      const bytes = source.bytesAsSent(known.next)
      if (bytes === undefined || !place.find(bytes)) continue
      let newest = generations.at(-1)
      if (newest === undefined || newest.isOver(place)) {
        // What is said before is no stream from its beginning on.
        if (!place.isSyn) continue
        newest = new StreamConversation(known.next, source, this.secrets)
        generations.push(newest)
        if (generations.length > GENERATIONS) generations.shift()
      }
      newest.add(known.next, place)
    }
    return known
  }
}
