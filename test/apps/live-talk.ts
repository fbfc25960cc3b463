import { SocketError } from '../../src/host/socket.ts'
import type { AppContext, Blocking, TcpSocket } from '../../src/host/socket.ts'
import { decodePoll, decodeServerMessage, encodeMessage, messageText } from '../../src/apps/live/messages.ts'
import type { ClientMessage, Malformed, ServerMessage } from '../../src/apps/live/messages.ts'
import { WebSocketConnection } from '../../src/protocols/websocket/connection.ts'
import { openingFields, webSocketKey } from '../../src/protocols/websocket/opening.ts'
import type { WebSocketWish } from '../../src/protocols/websocket/opening.ts'
import { acceptDeflate } from '../../src/protocols/websocket/per-message-deflate.ts'
import { parseExtensions } from '../../src/protocols/websocket/extension.ts'
import { randomBytesFrom } from '../../src/crypto/random-bytes.ts'
import { ip } from '../host/world.ts'

const SERVER = '10.0.0.1'

export function* dial({ sockets }: AppContext, address = SERVER): Blocking<TcpSocket> {
  return yield* sockets.connect({ address: ip(address), port: 80 }, { noDelay: true })
}

/** Reads up to the end of a head. */
function* readHead(socket: TcpSocket): Blocking<{ head: string; rest: Buffer }> {
  let all = Buffer.alloc(0)
  for (;;) {
    const end = all.indexOf('\r\n\r\n')
    if (end >= 0) return { head: all.subarray(0, end).toString('latin1'), rest: all.subarray(end + 4) }
    const more = yield* socket.read()
    if (more === undefined) return { head: all.toString('latin1'), rest: Buffer.alloc(0) }
    all = Buffer.concat([all, more])
  }
}

/** A WebSocket of a client that does just what a test says. */
export class Talk {
  readonly heard: (ServerMessage | Malformed)[] = []
  /** Status codes of Closes that came. */
  readonly closes: number[] = []
  private constructor(
    private readonly context: AppContext,
    readonly socket: TcpSocket,
    readonly ws: WebSocketConnection,
    readonly head: string,
  ) {}

  static *open(context: AppContext, wish: WebSocketWish = {}, address = SERVER): Blocking<Talk> {
    const random = randomBytesFrom(context.environment.random('talk'))
    const socket = yield* dial(context, address)
    const fields = openingFields(wish, webSocketKey(random)).map(({ name, value }) => `${name}: ${value}\r\n`)
    const request = `GET /live HTTP/1.1\r\nHost: server\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${fields.join('')}\r\n`
    yield* socket.write(Buffer.from(request))
    const { head, rest } = yield* readHead(socket)
    const extensions = /sec-websocket-extensions: (.*)/i.exec(head)?.[1]
    const deflate = extensions === undefined ? undefined : acceptDeflate(parseExtensions([extensions])![0], wish.deflate ?? [])
    const maskKey = (): number => context.environment.random('talk').uint32()
    const talk = new Talk(context, socket, new WebSocketConnection({ role: 'client', maskKey, deflate }), head)
    if (rest.length > 0) talk.take(rest)
    return talk
  }

  private take(bytes: Uint8Array): void {
    const { ws } = this
    ws.handle(bytes, this.context.environment.now)
    for (let event = ws.pollEvent(); event !== undefined; event = ws.pollEvent()) {
      if (event.type === 'message') this.heard.push(decodeServerMessage(event.bytes))
      else if (event.type === 'close') this.closes.push(event.code)
    }
  }

  *flush(): Blocking<void> {
    const { ws } = this
    const { now } = this.context.environment
    for (let piece = ws.pollTransmit(now); piece !== undefined; piece = ws.pollTransmit(now)) yield* this.socket.write(piece)
  }

  *say(message: ClientMessage): Blocking<void> {
    this.ws.sendText(encodeMessage(message))
    yield* this.flush()
  }

  /** Takes what comes until something holds; @returns false: the connection ended before */
  *until(holds: () => boolean): Blocking<boolean> {
    while (!holds()) {
      const bytes = yield* this.socket.read()
      if (bytes === undefined) return false
      this.take(bytes)
      yield* this.flush()
    }
    return true
  }

  /** The next message of a type that was not asked for before. */
  *next<Type extends ServerMessage['type']>(type: Type): Blocking<Extract<ServerMessage, { type: Type }>> {
    const find = (): number => this.heard.findIndex((message) => message.type === type)
    if (!(yield* this.until(() => find() >= 0))) throw new Error(`the connection ended before any ${type}`)
    return this.heard.splice(find(), 1)[0] as Extract<ServerMessage, { type: Type }>
  }

  *enter(last = 0, session = '', room = 'lobby'): Blocking<Extract<ServerMessage, { type: 'welcome' }>> {
    yield* this.say({ type: 'hello', room, last, session })
    return yield* this.next('welcome')
  }
}

export interface HttpAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** One request over a connection of its own or a given one. */
export function* ask(
  context: AppContext,
  target: string,
  { body = '', socket, fields = '' }: { body?: string; socket?: TcpSocket; fields?: string } = {},
): Blocking<HttpAnswer> {
  const over = socket ?? (yield* dial(context))
  const method = body === '' ? 'GET' : 'POST'
  const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`
  yield* over.write(Buffer.from(`${method} ${target} HTTP/1.1\r\nHost: server\r\n${fields}${length}\r\n${body}`))
  const { head, rest } = yield* readHead(over)
  const wanted = Number(/content-length: ([0-9]+)/i.exec(head)?.[1] ?? 0)
  const more = yield* over.readExactly(Math.max(0, wanted - rest.length))
  if (socket === undefined) over.close()
  return { status: Number(head.slice(9, 12)), head, body: Buffer.concat([rest, more]).toString('latin1') }
}

/** @param after the last message that one has */
export function* poll(context: AppContext, path: '/poll' | '/news', after: number): Blocking<{ ids: number[]; last: number }> {
  const { body } = yield* ask(context, `${path}?after=${after}`)
  const answer = decodePoll(Buffer.from(body))
  if (answer === undefined) throw new Error(body)
  return { ids: answer.messages.map((message) => ('id' in message ? message.id : 0)), last: answer.last }
}

export function said(key: string, text: string, sentAt = 0, room = 'lobby'): string {
  return messageText({ type: 'say', room, key, text, sentAt })
}

/** Reads a body in chunks, with its framing, until the connection ends or `enough`. */
export function* readEvents(socket: TcpSocket, enough: (text: string) => boolean): Blocking<string> {
  let text = ''
  try {
    while (!enough(text)) {
      const bytes = yield* socket.read()
      if (bytes === undefined) break
      text += Buffer.from(bytes).toString('latin1')
    }
  } catch (error) {
    if (!(error instanceof SocketError)) throw error
    text += error.code
  }
  return text
}
