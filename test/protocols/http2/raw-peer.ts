import { Http2Client } from '../../../src/protocols/http2/client.ts'
import type { Http2ClientEvent, Http2ServerEvent } from '../../../src/protocols/http2/event.ts'
import type { HttpRequest } from '../../../src/protocols/http-message.ts'
import type { Http2Options } from '../../../src/protocols/http2/options.ts'
import { Http2Server } from '../../../src/protocols/http2/server.ts'
import { HpackDecoder } from '../../../src/wire/hpack.ts'
import { HTTP2_ERROR_CODE, HTTP2_FRAME_CODE, http2ErrorName, http2FrameType } from '../../../src/wire/http2-names.ts'
import type { Http2ErrorName, Http2FrameType } from '../../../src/wire/http2-names.ts'

/* A peer that says any bytes at all, and writes down in short what it is answered. */

export const END_STREAM = 0x1
export const ACK = 0x1
export const END_HEADERS = 0x4
export const PADDED = 0x8
export const PRIORITY = 0x20

export const latin1 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))
export const hexBytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
export const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts))
export const PREFACE = latin1('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export const uint32 = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)

/** Any frame. */
export function frame(
  type: Http2FrameType | number,
  flags: number,
  stream: number,
  payload: Uint8Array | string = '',
): Uint8Array {
  const content = typeof payload === 'string' ? hexBytes(payload) : payload
  const { length } = content
  const code = typeof type === 'number' ? type : HTTP2_FRAME_CODE[type]
  return joined(Uint8Array.of(length >>> 16, length >>> 8, length, code, flags), uint32(stream), content)
}

/** A field block without any compression, which changes no table: `'name: value'` each. */
export function block(...lines: readonly string[]): Uint8Array {
  return joined(
    ...lines.map((line) => {
      const colon = line.indexOf(': ', 1)
      const [name, value] = [line.slice(0, colon), line.slice(colon + 2)]
      return joined(hexBytes('00'), string(name), string(value))
    }),
  )
}

function string(text: string): Uint8Array {
  const { length } = text
  const head = length < 127 ? [length] : [127, ((length - 127) % 128) | 128, Math.floor((length - 127) / 128)]
  return joined(Uint8Array.from(head), latin1(text))
}

export const GET = [':method: GET', ':scheme: http', ':path: /', ':authority: bob']
export const POST = [':method: POST', ...GET.slice(1)]

/** A whole field block in one HEADERS frame. */
export function headers(stream: number, flags: number, ...lines: readonly string[]): Uint8Array {
  return frame('HEADERS', END_HEADERS | flags, stream, block(...lines))
}

export const data = (stream: number, text: string, flags = 0): Uint8Array => frame('DATA', flags, stream, latin1(text))
export const settings = (...pairs: readonly (readonly [number, number])[]): Uint8Array =>
  frame('SETTINGS', 0, 0, joined(...pairs.map(([id, value]) => joined(Uint8Array.of(id >>> 8, id), uint32(value)))))
export const settingsAck = (): Uint8Array => frame('SETTINGS', ACK, 0)
export const windowUpdate = (stream: number, increment: number): Uint8Array =>
  frame('WINDOW_UPDATE', 0, stream, uint32(increment))
export const reset = (stream: number, code: Http2ErrorName = 'CANCEL'): Uint8Array =>
  frame('RST_STREAM', 0, stream, uint32(HTTP2_ERROR_CODE[code]))
export const goaway = (last: number, code: Http2ErrorName = 'NO_ERROR'): Uint8Array =>
  frame('GOAWAY', 0, 0, joined(uint32(last), uint32(HTTP2_ERROR_CODE[code])))
export const push = (stream: number, promised: number, ...lines: readonly string[]): Uint8Array =>
  frame('PUSH_PROMISE', END_HEADERS, stream, joined(uint32(promised), block(...lines)))

type Ours = Http2Client | Http2Server

/** One end of a connection that we drive by hand, with ours at the other. */
class RawPeer<Endpoint extends Ours, Event extends Http2ClientEvent | Http2ServerEvent> {
  now = 0
  private readonly decoder = new HpackDecoder()
  private pending: Uint8Array = new Uint8Array(0)
  /** Events that nobody has asked for. */
  private events: Event[] = []

  constructor(
    readonly ours: Endpoint,
    private expectsPreface: boolean,
  ) {}

  /** Says this. */
  send(...frames: readonly Uint8Array[]): this {
    for (const bytes of frames) this.ours.handle(bytes, this.now)
    return this
  }

  /** All frames that were answered since the last time, in short. */
  heard(): string[] {
    for (let bytes = this.ours.pollTransmit(this.now); bytes; bytes = this.ours.pollTransmit(this.now)) {
      this.pending = joined(this.pending, bytes)
    }
    if (this.expectsPreface) {
      this.expectsPreface = false
      this.pending = this.pending.slice(PREFACE.length)
    }
    const lines: string[] = []
    while (this.pending.length >= 9) {
      const length = 9 + ((this.pending[0] << 16) | (this.pending[1] << 8) | this.pending[2])
      if (this.pending.length < length) break
      lines.push(this.inShort(this.pending.slice(0, length)))
      this.pending = this.pending.slice(length)
    }
    return lines
  }

  /** What is wrong, by what was answered: `'stream 1 CODE'`, `'connection CODE'`, or `'-'`. */
  verdict(): string {
    const wrong = this.heard().flatMap((line) => {
      const [, stream, code] = /^RST_STREAM\[(\d+)\] (\w+)/.exec(line) ?? []
      if (code !== undefined) return [`stream ${stream} ${code}`]
      const [, error] = /^GOAWAY (?!NO_ERROR)(\w+)/.exec(line) ?? []
      return error === undefined ? [] : [`connection ${error}`]
    })
    return wrong.join(', ') || '-'
  }

  /** All events since the last time. */
  told(): Event[] {
    for (let event = this.ours.pollEvent(); event; event = this.ours.pollEvent()) this.events.push(event as Event)
    return this.events.splice(0)
  }

  private inShort(bytes: Uint8Array): string {
    const type = http2FrameType(bytes[3])
    const [flags] = bytes.subarray(4)
    const view = Buffer.from(bytes)
    const stream = view.readUInt32BE(5)
    const payload = bytes.subarray(9)
    const on = stream === 0 ? '' : `[${String(stream)}]`
    const parts = [`${String(type)}${on}`]
    const code = (at: number): string => String(http2ErrorName(view.readUInt32BE(at)))
    if (type === 'HEADERS' || type === 'PUSH_PROMISE') {
      if (type === 'PUSH_PROMISE') parts.push(String(view.readUInt32BE(9)))
      const from = type === 'PUSH_PROMISE' ? 13 : 9
      if ((flags & END_HEADERS) !== 0) {
        const fields: string[] = []
        this.decoder.decode(bytes, from, bytes.length, { field: (name, value) => fields.push(`${name}: ${value}`) })
        parts.push(fields.join(', '))
      }
    }
    if (type === 'DATA') parts.push(payload.length > 24 ? String(payload.length) : `'${Buffer.from(payload).toString('latin1')}'`)
    if (type === 'RST_STREAM') parts.push(code(9))
    if (type === 'GOAWAY') parts.push(code(13), String(view.readUInt32BE(9)))
    if (type === 'WINDOW_UPDATE') parts.push(`+${String(view.readUInt32BE(9))}`)
    if (type === 'PING') parts.push(Buffer.from(payload).toString('hex'))
    if (type === 'PRIORITY_UPDATE')
      parts.push(`${String(view.readUInt32BE(9))} ${Buffer.from(payload.subarray(4)).toString('latin1')}`)
    if ((type === 'SETTINGS' || type === 'PING') && (flags & ACK) !== 0) parts.push('ACK')
    if ((type === 'DATA' || type === 'HEADERS') && (flags & END_STREAM) !== 0) parts.push('END')
    return parts.join(' ')
  }
}

/** A client by hand, of a server of ours. */
export class RawClient extends RawPeer<Http2Server, Http2ServerEvent> {
  constructor(options: Http2Options = {}) {
    super(new Http2Server(options), false)
  }

  /** Past the exchange of settings. */
  static greeted(options: Http2Options = {}, ...ours: readonly (readonly [number, number])[]): RawClient {
    const client = new RawClient(options).send(PREFACE, settings(...ours), settingsAck())
    client.heard()
    client.told()
    return client
  }
}

/** A server by hand, of a client of ours. */
export class RawServer extends RawPeer<Http2Client, Http2ClientEvent> {
  constructor(options: Http2Options = {}) {
    super(new Http2Client(options), true)
  }

  static greeted(options: Http2Options = {}, ...ours: readonly (readonly [number, number])[]): RawServer {
    const server = new RawServer(options).send(settings(...ours), settingsAck())
    server.heard()
    server.told()
    return server
  }

  /** Has ours make a request. @returns its stream */
  request(request: Partial<HttpRequest> = {}): number {
    const stream = this.ours.request({
      method: 'GET',
      scheme: 'http',
      authority: 'bob',
      path: '/',
      fields: [],
      body: 0,
      ...request,
    })
    this.heard()
    return stream
  }
}
