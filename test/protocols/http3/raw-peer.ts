import { Http3Client } from '../../../src/protocols/http3/client.ts'
import type { Http3ClientEvent, Http3ServerEvent } from '../../../src/protocols/http3/event.ts'
import type { Http3Options } from '../../../src/protocols/http3/options.ts'
import { Http3Server } from '../../../src/protocols/http3/server.ts'
import type { Http3TransportEvent } from '../../../src/protocols/http3/transport.ts'
import type { HttpRequest } from '../../../src/protocols/http-message.ts'
import {
  HTTP3_ERROR_CODE,
  HTTP3_FRAME_CODE,
  HTTP3_STREAM_CODE,
  http3ErrorName,
  http3FrameType,
  http3StreamType,
} from '../../../src/wire/http3-names.ts'
import type { Http3ErrorName, Http3FrameType } from '../../../src/wire/http3-names.ts'
import { QpackDecoder } from '../../../src/wire/qpack-decoder.ts'
import { readVarint, varintLength, varintLengthAt, writeVarint } from '../../../src/wire/quic/varint.ts'
import { MemoryTransport } from './memory-transport.ts'

/* A peer that says any bytes at all on any stream, and writes down in short what it is answered. */

const latin1 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))
export const hexBytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
export const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts))

function varint(value: number): Uint8Array {
  const bytes = new Uint8Array(varintLength(value))
  writeVarint(bytes, 0, value)
  return bytes
}

/** Any frame. */
export function frame(type: Http3FrameType | number, payload: Uint8Array | string = ''): Uint8Array {
  const content = typeof payload === 'string' ? hexBytes(payload) : payload
  return joined(varint(typeof type === 'number' ? type : HTTP3_FRAME_CODE[type]), varint(content.length), content)
}

function prefixed(pattern: number, mask: number, value: number): Uint8Array {
  if (value < mask) return Uint8Array.of(pattern | value)
  const octets = [pattern | mask]
  let rest = value - mask
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) | 128)
  return Uint8Array.of(...octets, rest)
}

/** A field section without any compression: `'name: value'` each. */
function section(...lines: readonly string[]): Uint8Array {
  return joined(
    hexBytes('0000'),
    ...lines.map((line) => {
      const colon = line.indexOf(': ', 1)
      const [name, value] = [latin1(line.slice(0, colon)), latin1(line.slice(colon + 2))]
      return joined(prefixed(0x20, 0x07, name.length), name, prefixed(0, 0x7f, value.length), value)
    }),
  )
}

export const GET = [':method: GET', ':scheme: https', ':path: /', ':authority: bob']
export const POST = [':method: POST', ...GET.slice(1)]
export const headers = (...lines: readonly string[]): Uint8Array => frame('HEADERS', section(...lines))
export const data = (text: string): Uint8Array => frame('DATA', latin1(text))
export const settings = (...pairs: readonly (readonly [number, number])[]): Uint8Array =>
  frame('SETTINGS', joined(...pairs.map(([id, value]) => joined(varint(id), varint(value)))))

/** What a peer does on one stream. */
export type Doing =
  | { readonly stream: number; readonly bytes: Uint8Array; readonly fin: boolean }
  | { readonly stream: number; readonly reset?: Http3ErrorName; readonly stop?: Http3ErrorName }

/** Bytes on a stream. */
export const on = (stream: number, ...parts: readonly Uint8Array[]): Doing => ({ stream, bytes: joined(...parts), fin: false })
/** Bytes on a stream, which are its last. */
export const last = (stream: number, ...parts: readonly Uint8Array[]): Doing => ({ stream, bytes: joined(...parts), fin: true })

type Ours = Http3Client | Http3Server

/** One end of a connection that we drive by hand, with ours at the other. */
class RawPeer<Endpoint extends Ours, Event extends Http3ClientEvent | Http3ServerEvent> {
  now = 0
  /** Numbers of the peer's control stream, and of QPACK's. */
  readonly control: number
  readonly encoderStream: number
  readonly decoderStream: number
  private readonly opened = new Set<number>()
  private readonly types = new Map<number, string>()
  private readonly pending = new Map<number, Uint8Array>()
  private readonly decoder: QpackDecoder

  constructor(
    readonly ours: Endpoint,
    readonly transport: MemoryTransport,
    granted: { readonly table: number; readonly blocked: number },
  ) {
    const first = ours instanceof Http3Server ? 2 : 3
    this.control = first
    this.encoderStream = first + 4
    this.decoderStream = first + 8
    this.decoder = new QpackDecoder({ maxTableCapacity: granted.table, blockedStreams: granted.blocked })
  }

  /** Lets the transport tell this. */
  tell(event: Http3TransportEvent): this {
    this.transport.noteEvent(event)
    this.ours.handle(event, this.now)
    return this
  }

  /** Does this. */
  send(...doings: readonly Doing[]): this {
    for (const doing of doings) {
      const { stream } = doing
      const isPeers = (stream & 1) === (this.ours instanceof Http3Server ? 0 : 1)
      if (isPeers && !this.opened.has(stream)) {
        this.opened.add(stream)
        this.tell({ type: 'stream-opened', stream })
      }
      if ('bytes' in doing) this.tell({ type: 'stream-data', stream, bytes: doing.bytes, fin: doing.fin })
      else {
        if (doing.reset) this.tell({ type: 'stream-reset', stream, code: HTTP3_ERROR_CODE[doing.reset] })
        if (doing.stop) this.tell({ type: 'stop-sending', stream, code: HTTP3_ERROR_CODE[doing.stop] })
      }
    }
    return this
  }

  /** Begins the control stream. */
  greet(...pairs: readonly (readonly [number, number])[]): this {
    return this.send(on(this.control, hexBytes('00'), settings(...pairs)))
  }

  /** Frames for the control stream. */
  say(...frames: readonly Uint8Array[]): this {
    return this.send(on(this.control, ...frames))
  }

  /** Everything that was done since the last time, in short. */
  heard(): string[] {
    const lines: string[] = []
    for (const command of this.transport.commands.splice(0)) {
      switch (command.what) {
        case 'bytes':
          this.pending.set(command.stream, joined(this.pending.get(command.stream) ?? new Uint8Array(0), command.bytes))
          lines.push(...this.read(command.stream))
          break
        case 'end':
          lines.push(`END[${String(command.stream)}]`)
          break
        case 'reset':
          lines.push(`RESET[${String(command.stream)}] ${nameOf(command.code)}`)
          break
        case 'stop':
          lines.push(`STOP[${String(command.stream)}] ${nameOf(command.code)}`)
          break
        case 'datagram':
          lines.push(`DATAGRAM ${Buffer.from(command.bytes).toString('hex')}`)
          break
        case 'close':
          lines.push(`CLOSE ${nameOf(command.code)}`)
      }
    }
    return lines
  }

  /** What is wrong, by what was answered: `'stream 0 CODE'`, `'connection CODE'`, or `'-'`. */
  verdict(): string {
    const wrong = this.heard().flatMap((line) => {
      const [, stream, code] = /^(?:RESET|STOP)\[(\d+)\] (\w+)/.exec(line) ?? []
      if (code !== undefined) return [`stream ${stream} ${code}`]
      const [, error] = /^CLOSE (\w+)/.exec(line) ?? []
      return error === undefined ? [] : [`connection ${error}`]
    })
    return [...new Set(wrong)].join(', ') || '-'
  }

  /** All events since the last time. */
  told(): Event[] {
    const events: Event[] = []
    for (let event = this.ours.pollEvent(); event; event = this.ours.pollEvent()) events.push(event as Event)
    return events
  }

  private read(stream: number): string[] {
    const lines: string[] = []
    let bytes = this.pending.get(stream) ?? new Uint8Array(0)
    if ((stream & 2) !== 0 && !this.types.has(stream)) {
      this.types.set(stream, http3StreamType(bytes[0]) ?? 'unknown')
      bytes = bytes.slice(1)
    }
    const type = this.types.get(stream)
    if (type === 'QPACK encoder') this.decoder.handle(bytes)
    if (type === 'QPACK encoder' || type === 'QPACK decoder') {
      if (bytes.length > 0) lines.push(`${type}: ${Buffer.from(bytes).toString('hex')}`)
      bytes = new Uint8Array(0)
    }
    for (let end = frameEnd(bytes); end <= bytes.length; end = frameEnd(bytes)) {
      lines.push(this.inShort(stream, bytes.slice(0, end)))
      bytes = bytes.slice(end)
    }
    this.pending.set(stream, bytes)
    return lines
  }

  private inShort(stream: number, bytes: Uint8Array): string {
    const from = varintLengthAt(bytes[0])
    const start = from + varintLengthAt(bytes[from])
    const type = http3FrameType(readVarint(bytes, 0))
    const payload = bytes.subarray(start)
    const name = (stream & 2) === 0 ? `${String(type)}[${String(stream)}]` : String(type)
    const text = (from: number): string => Buffer.from(payload.subarray(from)).toString('latin1')
    switch (type) {
      case 'HEADERS': {
        const fields: string[] = []
        const missing = this.decoder.decode(stream, bytes, start, bytes.length, {
          field: (field, value) => fields.push(`${field}: ${value}`),
        })
        return `${name} ${missing > 0 ? `waits for ${String(missing)}` : fields.join(', ')}`
      }
      case 'DATA':
        return `${name} ${payload.length > 24 ? String(payload.length) : `'${text(0)}'`}`
      case 'SETTINGS':
        return `${name} ${Buffer.from(payload).toString('hex')}`
      case 'PRIORITY_UPDATE':
        return `${name} ${String(readVarint(payload, 0))} ${text(varintLengthAt(payload[0]))}`
      case 'GOAWAY': {
        const id = readVarint(payload, 0)
        return `${name} ${id > Number.MAX_SAFE_INTEGER ? 'none' : String(id)}`
      }
      default:
        return name
    }
  }
}

function frameEnd(bytes: Uint8Array): number {
  if (bytes.length < 2) return Infinity
  const from = varintLengthAt(bytes[0])
  if (from >= bytes.length || from + varintLengthAt(bytes[from]) > bytes.length) return Infinity
  return from + varintLengthAt(bytes[from]) + readVarint(bytes, from)
}

function nameOf(code: number): string {
  return http3ErrorName(code) ?? `0x${code.toString(16)}`
}

const granted = (pairs: readonly (readonly [number, number])[]): { table: number; blocked: number } => {
  const of = new Map(pairs)
  return { table: of.get(1) ?? 0, blocked: of.get(7) ?? 0 }
}

/** A client by hand, of a server of ours. */
export class RawClient extends RawPeer<Http3Server, Http3ServerEvent> {
  constructor(options: Http3Options = {}, pairs: readonly (readonly [number, number])[] = []) {
    const transport = new MemoryTransport(true)
    super(new Http3Server(transport, options), transport, granted(pairs))
  }

  /** Past the exchange of settings. */
  static greeted(options: Http3Options = {}, ...pairs: readonly (readonly [number, number])[]): RawClient {
    const client = new RawClient(options, pairs).greet(...pairs)
    client.heard()
    client.told()
    return client
  }
}

/** A server by hand, of a client of ours. */
export class RawServer extends RawPeer<Http3Client, Http3ClientEvent> {
  constructor(options: Http3Options = {}, pairs: readonly (readonly [number, number])[] = []) {
    const transport = new MemoryTransport(false)
    super(new Http3Client(transport, options), transport, granted(pairs))
  }

  static greeted(options: Http3Options = {}, ...pairs: readonly (readonly [number, number])[]): RawServer {
    const server = new RawServer(options, pairs).greet(...pairs)
    server.heard()
    server.told()
    return server
  }

  /** Has ours make a request. @returns its stream */
  request(request: Partial<HttpRequest> = {}): number {
    const stream = this.ours.request({
      method: 'GET',
      scheme: 'https',
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

/** What a unidirectional stream begins with. */
export const streamType = (type: keyof typeof HTTP3_STREAM_CODE | number): Uint8Array =>
  varint(typeof type === 'number' ? type : HTTP3_STREAM_CODE[type])
