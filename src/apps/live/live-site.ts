import type { HeaderField } from '../../wire/http1.ts'
import type { Http2Scheduler } from '../../protocols/http2/options.ts'
import { judgeConnect, type WebSocketPolicy } from '../../protocols/websocket/opening.ts'
import { DEFAULT_WEBSOCKET_SETTINGS, type WebSocketSettings } from '../../protocols/websocket/options.ts'
import type { Blocking } from '../../host/socket.ts'
import { TimedWait } from '../../host/timed-wait.ts'
import { SECOND } from '../../kernel/time.ts'
import type { HttpService, SiteAnswer, SiteRecord, SiteRequest, Upgrade } from '../http-service.ts'
import { EchoSocket } from './echo-socket.ts'
import { EventBody } from './event-body.ts'
import type { LiveHub } from './live-hub.ts'
import { fieldOf, idOf, liveTarget, type LiveTarget } from './live-request.ts'
import { LiveSocket } from './live-socket.ts'
import { asciiBytes } from './message-text.ts'
import { decodeClientMessage, messageText, pollText } from './messages.ts'
import type { Room } from './room.ts'
import type { ServerSocket, ServerSocketOptions, SocketCarrier } from './server-socket.ts'
import { joined } from '../../wire/joined.ts'

/** Where what is found. */
export const LIVE_PATH = {
  /** WebSockets of who listens and talks in rooms. */
  socket: '/live',
  /** WebSockets that get back what they send: for trying out, and for those who judge how a server does WebSocket. */
  echo: '/echo',
  events: '/events',
  poll: '/poll',
  news: '/news',
  say: '/say',
  health: '/health',
} as const

/** The room of whoever names none. */
const LOBBY = 'lobby'

export const EVENT_FIELDS: readonly HeaderField[] = [
  { name: 'Content-Type', value: 'text/event-stream' },
  { name: 'Cache-Control', value: 'no-cache' },
]

/** Whether WebSockets are opened there. */
export function isSocketPath(path: string): boolean {
  return path === LIVE_PATH.socket || path === LIVE_PATH.echo
}

export function socketAt(path: string, hub: LiveHub, carrier: SocketCarrier, options: ServerSocketOptions): ServerSocket {
  return path === LIVE_PATH.echo ? new EchoSocket(hub, carrier, options) : new LiveSocket(hub, carrier, options)
}

/** What a live server answers to requests, whatever version of HTTP brings them. Over HTTP/1.1 event streams and WebSockets are the connection's own. */
export class LiveSite implements HttpService {
  readonly digests = false
  readonly keepsBodies = true
  readonly scheduler: Http2Scheduler = 'fair'
  /** What all WebSockets of the server share. */
  readonly policy: WebSocketPolicy
  readonly settings: WebSocketSettings

  constructor(private readonly hub: LiveHub) {
    const { maxMessage, compression } = hub.options
    this.policy = compression ? { deflate: {} } : {}
    this.settings = { ...DEFAULT_WEBSOCKET_SETTINGS, maxMessage, maxFrame: maxMessage, closeTimeout: 5 * SECOND }
  }

  get keepAlive(): boolean {
    return this.hub.options.keepAlive && !this.hub.isDraining
  }

  delayOf(): number {
    return 0
  }

  pushesOf(): readonly string[] {
    return []
  }

  *answer(request: SiteRequest, record: SiteRecord): Blocking<SiteAnswer> {
    const { method } = request
    const target = liveTarget(request.target)
    const { path } = target
    if (path === LIVE_PATH.say) return method === 'POST' ? yield* this.say(request, record) : notAllowed('POST')
    if (method !== 'GET' && method !== 'HEAD') return notAllowed('GET, HEAD')
    switch (path) {
      case LIVE_PATH.poll:
      case LIVE_PATH.news:
        return yield* this.poll(target, record)
      case LIVE_PATH.events:
        return yield* this.listen(request, target)
      case LIVE_PATH.health:
        return this.hub.isDraining ? this.unavailable() : plain(200, 'here')
      case LIVE_PATH.socket:
      case LIVE_PATH.echo:
        return upgradeNeeded()
      default:
        return plain(404, 'there is nothing here')
    }
  }

  /** For who comes while he cannot be served. */
  unavailable(): SiteAnswer {
    const { isDraining, options } = this.hub
    const wait = isDraining ? options.leaving.after : options.admission.retryAfter
    const fields = [{ name: 'Retry-After', value: String(Math.ceil(wait / SECOND)) }, ...PLAIN]
    return { status: 503, fields, content: asciiBytes('not now\n'), isChunked: false }
  }

  /** The room that a request is about; undefined: there can be none of this name. */
  roomOf({ parameters }: LiveTarget): Room | undefined {
    return this.hub.room(parameters.get('room') ?? LOBBY)
  }

  /** What a client of events or of polls has already: Last-Event-ID counts before the address. */
  lastOf({ parameters }: LiveTarget, fields: readonly HeaderField[] = []): number {
    return idOf(fieldOf(fields, 'last-event-id') ?? parameters.get('after'))
  }

  /** A stream of events. */
  private *listen({ client, fields }: SiteRequest, target: LiveTarget): Blocking<SiteAnswer> {
    const { hub } = this
    const { join } = hub.options
    const room = this.roomOf(target)
    if (room === undefined) return plain(404, 'there are too many rooms')
    const last = this.lastOf(target, fields)
    yield* hub.context.processFor(join.cost + join.message * room.since(last).length)
    return { status: 200, fields: EVENT_FIELDS, content: new EventBody(hub, client, room, last), isChunked: true }
  }

  /** WebSocket on a stream of HTTP/2 (RFC 8441). */
  *upgrade(request: SiteRequest, protocol: string, record: SiteRecord): Blocking<Upgrade | SiteAnswer> {
    yield* []
    const { hub, policy, settings } = this
    const { method, fields, target, authority, client } = request
    const { path } = liveTarget(target)
    if (!isSocketPath(path)) return plain(404, 'there is nothing here')
    const judgement = judgeConnect({ method, protocol, fields }, policy)
    if (!judgement.accepted) {
      const { status, detail, cites } = judgement
      record('websocket:refused', { status, detail, cites })
      return { ...plain(status, detail), fields: judgement.fields }
    }
    const { agreement } = judgement
    return {
      fields: judgement.fields,
      *run(tunnel, first) {
        const url = `wss://${authority}${target}`
        const socket = socketAt(path, hub, tunnel, { agreement, settings, url, version: 'HTTP/2', from: client })
        hub.attend(socket)
        try {
          yield* socket.run(first)
        } finally {
          hub.forget(socket)
        }
      },
    }
  }

  /** `/news` answers at once; `/poll` holds on until there is news, or time is up. */
  private *poll(target: LiveTarget, record: SiteRecord): Blocking<SiteAnswer> {
    const { hub } = this
    const { context, options } = hub
    const room = this.roomOf(target)
    if (room === undefined) return plain(404, 'there are too many rooms')
    const after = this.lastOf(target)
    const begun = hub.now
    let missed = room.since(after)
    if (target.path === LIVE_PATH.poll) {
      const until = begun + options.pollTimeout
      while (missed.length === 0 && hub.now < until && !hub.isDraining) {
        yield new TimedWait(room.news, context.environment, until)
        missed = room.since(after)
      }
      if (missed.length === 0 && hub.isDraining) return this.unavailable()
    }
    yield* context.processMessage(missed.length)
    const text = pollText(
      room.last,
      missed.map((told) => told.text),
    )
    record('poll:answered', { messages: missed.length, bytes: text.length, waited: hub.now - begun, last: room.last })
    return { status: 200, fields: JSON_FIELDS, content: asciiBytes(text), isChunked: false }
  }

  private *say(request: SiteRequest, record: SiteRecord): Blocking<SiteAnswer> {
    const { hub } = this
    yield* hub.context.processMessage()
    if (request.bytes > hub.options.maxMessage) return plain(413, 'too long')
    const message = decodeClientMessage(joined(request.body))
    if (message.type !== 'say') return plain(400, message.type === 'malformed' ? message.why : 'this is for what is said')
    const { key } = message
    const room = hub.room(message.room)
    if (room === undefined) return plain(404, 'there are too many rooms')
    const outcome = yield* hub.say(room, message, request.client)
    if ('why' in outcome) return json(outcome.isFinal ? 400 : 503, messageText({ type: 'refused', key, why: outcome.why }))
    const { id } = outcome
    record('chat:said', { key, id, room: room.name })
    return json(200, messageText({ type: 'ack', key, id }))
  }
}

const JSON_FIELDS: readonly HeaderField[] = [
  { name: 'Content-Type', value: 'application/json' },
  { name: 'Cache-Control', value: 'no-store' },
]
const PLAIN: readonly HeaderField[] = [{ name: 'Content-Type', value: 'text/plain' }]

function plain(status: number, words: string): SiteAnswer {
  return { status, fields: PLAIN, content: asciiBytes(`${words}\n`), isChunked: false }
}

function json(status: number, text: string): SiteAnswer {
  return { status, fields: JSON_FIELDS, content: asciiBytes(text), isChunked: false }
}

function notAllowed(methods: string): SiteAnswer {
  return { ...plain(405, `only ${methods}`), fields: [{ name: 'Allow', value: methods }, ...PLAIN] }
}

/** RFC 9110 section 15.5.22. */
function upgradeNeeded(): SiteAnswer {
  return { ...plain(426, 'WebSocket only'), fields: [{ name: 'Upgrade', value: 'websocket' }, ...PLAIN] }
}
