import net from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { Http1Client } from '../../src/protocols/http1/client.ts'
import { Http1Server } from '../../src/protocols/http1/server.ts'
import type { Http1ServerEvent } from '../../src/protocols/http1/server.ts'
import { Http2Server } from '../../src/protocols/http2/server.ts'
import type { Http2ServerEvent } from '../../src/protocols/http2/event.ts'
import { TlsClient } from '../../src/protocols/tls/client.ts'
import type { TlsEvent } from '../../src/protocols/tls/event.ts'
import { TlsServer } from '../../src/protocols/tls/server.ts'
import { WebSocketConnection } from '../../src/protocols/websocket/connection.ts'
import type { WebSocketEvent } from '../../src/protocols/websocket/event.ts'
import { judgeAnswer, judgeConnect, judgeUpgrade, openingFields, webSocketKey } from '../../src/protocols/websocket/opening.ts'
import type { WebSocketAgreement, WebSocketPolicy, WebSocketWish } from '../../src/protocols/websocket/opening.ts'
import { DEFAULT_WEBSOCKET_SETTINGS } from '../../src/protocols/websocket/options.ts'
import type { WebSocketSettings } from '../../src/protocols/websocket/options.ts'
import { clientOptions, serverOptions } from '../protocols/tls/tls-pair.ts'
import { pump } from './endpoint-socket.ts'

/*
 * Our ends of WebSocket over plain sockets of this machine, with our TLS or without, over HTTP/1.1 and HTTP/2.
 */

const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length))
const maskKey = (): number => crypto.getRandomValues(new Uint32Array(1))[0]

/** A stream of bytes, both ways. */
interface Way {
  write(bytes: Uint8Array): void
  end(): void
}

interface Listener {
  open(alpn: string | undefined): void
  bytes(bytes: Uint8Array): void
  ended(): void
}

/** A way over a socket, through our TLS if there is one. */
function wayOver(socket: Socket, tls: TlsServer | TlsClient | undefined, listener: (way: Way) => Listener): void {
  if (tls === undefined) {
    const way = { write: (bytes: Uint8Array) => void socket.write(bytes), end: () => void socket.end() }
    const heard = listener(way)
    socket.on('data', (bytes: Buffer) => {
      heard.bytes(new Uint8Array(bytes))
    })
    socket.on('end', () => {
      heard.ended()
    })
    socket.on('error', () => {
      heard.ended()
    })
    heard.open(undefined)
    return
  }
  let flush = (): void => undefined
  const heard = listener({
    write: (bytes) => {
      tls.send(bytes)
      flush()
    },
    end: () => {
      tls.end()
      flush()
    },
  })
  const pumped = pump<TlsEvent>(tls, socket, (event) => {
    if (event.type === 'connected') heard.open(event.alpn)
    if (event.type === 'data') heard.bytes(event.bytes)
    if (event.type === 'ended' || event.type === 'closed') heard.ended()
  })
  flush = () => {
    pumped.flush()
  }
}

/** One WebSocket connection of ours, with all that it has told. */
export class Talk {
  readonly events: WebSocketEvent[] = []
  private readonly waiting: (() => void)[] = []

  constructor(
    readonly socket: WebSocketConnection,
    readonly agreement: WebSocketAgreement,
    /** `'HTTP/1.1'`, `'HTTP/2'`. */
    readonly carrier: string,
    private readonly way: Way,
    private readonly react: (talk: Talk, event: WebSocketEvent) => void,
  ) {}

  bytes(bytes: Uint8Array): void {
    this.socket.handle(bytes, 0)
    this.flush()
  }

  ended(): void {
    this.socket.handleEnd(0)
    this.flush()
  }

  /** Gives a command, and sends what comes of it. */
  do(command: (socket: WebSocketConnection) => void): void {
    command(this.socket)
    this.flush()
  }

  /** How it ended. */
  async closed(): Promise<Extract<WebSocketEvent, { type: 'closed' }>> {
    await this.until((events) => events.some(({ type }) => type === 'closed'))
    const last = this.events.at(-1)
    if (last?.type !== 'closed') throw new Error('closed is not the last event')
    return last
  }

  async messages(count: number): Promise<Extract<WebSocketEvent, { type: 'message' }>[]> {
    const messages = () => this.events.filter((event) => event.type === 'message')
    await this.until(() => messages().length >= count)
    return messages()
  }

  async until(isThere: (events: readonly WebSocketEvent[]) => boolean): Promise<void> {
    while (!isThere(this.events)) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Error(`waited in vain; ${JSON.stringify(this.events.map(({ type }) => type))}`))
        }, 20_000)
        this.waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  private flush(): void {
    for (let moved = true; moved;) {
      moved = false
      for (let bytes = this.socket.pollTransmit(0); bytes; bytes = this.socket.pollTransmit(0)) {
        this.way.write(bytes)
        moved = true
      }
      for (let event = this.socket.pollEvent(); event; event = this.socket.pollEvent()) {
        this.events.push(event)
        this.react(this, event)
        if (event.type === 'closed') this.way.end()
        moved = true
      }
    }
    for (const resume of this.waiting.splice(0)) resume()
  }
}

/** Sends everything back; `close 3001 why` closes, `ping` pings. */
function echo(talk: Talk, event: WebSocketEvent): void {
  if (event.type !== 'message') return
  const words = event.opcode === 'text' && event.bytes.length < 100 ? Buffer.from(event.bytes).toString() : ''
  const close = /^close (\d+) ?(.*)$/.exec(words)
  if (close !== null) talk.socket.close(Number(close[1]), close[2])
  else if (words === 'ping') talk.socket.ping(new Uint8Array(Buffer.from('are you there')))
  else if (event.opcode === 'text') talk.socket.sendText(event.bytes)
  else talk.socket.sendBinary(event.bytes)
}

export interface Serving {
  readonly policy?: WebSocketPolicy
  readonly settings?: Partial<WebSocketSettings>
  /** Application protocols over TLS; absent: there is no TLS. */
  readonly alpn?: readonly string[]
  readonly react?: (talk: Talk, event: WebSocketEvent) => void
}

export interface OurServer {
  readonly port: number
  readonly talks: readonly Talk[]
  close(): void
}

const PAGE = new Uint8Array(Buffer.from('<!doctype html><title>page</title>'))
const HTML = [{ name: 'content-type', value: 'text/html' }]

/** Listens on a port of its own choice: a page, and WebSocket at any path. */
export async function serveWebSockets(serving: Serving = {}): Promise<OurServer> {
  const { policy = {}, react = echo, alpn } = serving
  const settings = { ...DEFAULT_WEBSOCKET_SETTINGS, ...serving.settings }
  const talks: Talk[] = []
  const sockets = new Set<Socket>()
  const begin = (agreement: WebSocketAgreement, carrier: string, way: Way): Talk => {
    const socket = new WebSocketConnection({ role: 'server', deflate: agreement.deflate, settings })
    const talk = new Talk(socket, agreement, carrier, way, react)
    talks.push(talk)
    return talk
  }
  const listener = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    const tls = alpn && new TlsServer(serverOptions({ random, alpn }))
    wayOver(socket, tls, (way) => {
      let spoken: Listener = servedHttp1(way, policy, begin)
      return {
        open: (chosen) => {
          if (chosen === 'h2') spoken = servedHttp2(way, policy, begin)
          spoken.open(chosen)
        },
        bytes: (bytes) => {
          spoken.bytes(bytes)
        },
        ended: () => {
          spoken.ended()
        },
      }
    })
  })
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done))
  const { port } = listener.address() as AddressInfo
  return {
    port,
    talks,
    close: () => {
      listener.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

type Begin = (agreement: WebSocketAgreement, carrier: string, way: Way) => Talk

function servedHttp1(way: Way, policy: WebSocketPolicy, begin: Begin): Listener {
  const http = new Http1Server()
  let talk: Talk | undefined
  const answer = (request: Extract<Http1ServerEvent, { type: 'request' }>): Uint8Array | undefined => {
    if (!http.canSwitchProtocols) {
      if (http.respond({ status: 200, fields: HTML, body: PAGE.length })) {
        http.sendBody(PAGE)
        http.endBody()
      }
      return undefined
    }
    const judgement = judgeUpgrade(request, policy)
    if (!judgement.accepted) {
      http.respond({ status: judgement.status, fields: judgement.fields, body: 0, close: true })
      return undefined
    }
    talk = begin(judgement.agreement, 'HTTP/1.1', way)
    return http.switchProtocols('websocket', judgement.fields)
  }
  const drain = (): void => {
    let request: Extract<Http1ServerEvent, { type: 'request' }> | undefined
    for (let event = http.pollEvent(); event; event = http.pollEvent()) {
      if (event.type === 'request') request = event
      const rest = event.type === 'end' && request !== undefined ? answer(request) : undefined
      for (let bytes = http.pollTransmit(); bytes; bytes = http.pollTransmit()) way.write(bytes)
      if (rest !== undefined) talk?.bytes(rest)
    }
    for (let bytes = http.pollTransmit(); bytes; bytes = http.pollTransmit()) way.write(bytes)
    if (http.finished) way.end()
  }
  return {
    open: () => undefined,
    bytes: (bytes) => {
      if (talk !== undefined) {
        talk.bytes(bytes)
        return
      }
      http.handle(bytes)
      drain()
    },
    ended: () => {
      if (talk !== undefined) {
        talk.ended()
        return
      }
      http.handleEnd()
      drain()
    },
  }
}

function servedHttp2(way: Way, policy: WebSocketPolicy, begin: Begin): Listener {
  const http = new Http2Server({ settings: { enableConnectProtocol: true } })
  const talks = new Map<number, Talk>()
  const flush = (): void => {
    for (let bytes = http.pollTransmit(0); bytes; bytes = http.pollTransmit(0)) way.write(Uint8Array.from(bytes))
  }
  const take = (event: Http2ServerEvent): void => {
    if (event.type === 'request' && event.method !== 'CONNECT') {
      if (http.respond(event.stream, { status: 200, fields: HTML, body: PAGE.length })) {
        http.sendBody(event.stream, PAGE)
        http.endBody(event.stream)
      }
    } else if (event.type === 'request') {
      const { stream } = event
      const judgement = judgeConnect(event, policy)
      if (!judgement.accepted) {
        http.respond(stream, { status: judgement.status, fields: judgement.fields, body: 0 })
        return
      }
      http.respond(stream, { status: 200, fields: judgement.fields, body: 'unknown' })
      const inStream: Way = {
        write: (bytes) => {
          http.sendBody(stream, bytes)
          flush()
        },
        end: () => {
          http.endBody(stream)
          flush()
        },
      }
      talks.set(stream, begin(judgement.agreement, 'HTTP/2', inStream))
    } else if (event.type === 'data') {
      talks.get(event.stream)?.bytes(event.bytes)
    } else if (event.type === 'end' || event.type === 'reset') {
      talks.get(event.stream)?.ended()
    } else if (event.type === 'closed') {
      for (const stream of event.broken) talks.get(stream)?.ended()
    }
  }
  const drain = (): void => {
    flush()
    for (let event = http.pollEvent(); event; event = http.pollEvent()) take(event)
    flush()
  }
  return {
    open: drain,
    bytes: (bytes) => {
      http.handle(bytes, 0)
      drain()
    },
    ended: () => {
      http.handleEnd(0)
      drain()
    },
  }
}

export interface Connecting {
  readonly wish?: WebSocketWish
  readonly settings?: Partial<WebSocketSettings>
  readonly tls?: boolean
  readonly react?: (talk: Talk, event: WebSocketEvent) => void
}

/** Connects one of our clients by HTTP/1.1. Rejects when the server does not agree. */
export function connectWebSocket(port: number, connecting: Connecting = {}): Promise<Talk> {
  const { wish = {}, tls = false, react = () => undefined } = connecting
  const settings = { ...DEFAULT_WEBSOCKET_SETTINGS, ...connecting.settings }
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const refuse = (why: string): void => {
      socket.destroy()
      reject(new Error(why))
    }
    socket.once('error', reject)
    socket.once('connect', () => {
      wayOver(socket, tls ? new TlsClient(clientOptions({ random, alpn: ['http/1.1'] })) : undefined, (way) => {
        const http = new Http1Client()
        const key = webSocketKey(random)
        let talk: Talk | undefined
        return {
          open: () => {
            const fields = [{ name: 'Host', value: `127.0.0.1:${String(port)}` }, ...openingFields(wish, key)]
            http.upgrade({ target: '/', fields, protocol: 'websocket' })
            for (let bytes = http.pollTransmit(); bytes; bytes = http.pollTransmit()) way.write(bytes)
          },
          bytes: (bytes) => {
            if (talk !== undefined) {
              talk.bytes(bytes)
              return
            }
            http.handle(bytes)
            for (let event = http.pollEvent(); event; event = http.pollEvent()) {
              if (event.type === 'response') refuse(`the server answered ${String(event.status)}`)
              if (event.type !== 'upgraded') continue
              const answer = judgeAnswer({ status: 101, fields: event.fields }, wish, key)
              if (!answer.accepted) {
                refuse(answer.detail)
                continue
              }
              const end = new WebSocketConnection({ role: 'client', maskKey, deflate: answer.agreement.deflate, settings })
              talk = new Talk(end, answer.agreement, 'HTTP/1.1', way, react)
              resolve(talk)
              talk.bytes(event.rest)
            }
          },
          ended: () => {
            talk?.ended()
          },
        }
      })
    })
  })
}
