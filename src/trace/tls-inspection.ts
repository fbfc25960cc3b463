import { field } from '../wire/describe.ts'
import { DecodeError } from '../wire/errors.ts'
import type { Field, Layer } from '../wire/field.ts'
import { http1Layer } from '../wire/http1.ts'
import { ContentType } from '../wire/tls/code-points.ts'
import { tlsHandshakeLayer } from '../wire/tls/handshake-layer.ts'
import { RECORD_HEADER_LENGTH } from '../wire/tls/record.ts'
import { tlsContentLayer, tlsRecordLayer } from '../wire/tls/record-layer.ts'
import type { Http2Conversation } from './http2-conversation.ts'
import type { InspectedView } from './inspection.ts'
import { partOf } from './layer-parts.ts'
import type { TcpStream } from './tcp-stream.ts'
import type { Side, TlsConversation, TlsRecord } from './tls-conversation.ts'
import { unitsIn } from './unit-search.ts'
import type { WebSocketConversation } from './websocket-conversation.ts'
import { carriedViews, carriedWords, webSocketPart } from './websocket-inspection.ts'

/** A decrypted record is shown whole up to this length; of a longer one that spans packets, the part that the packet carries. */
const WHOLE = 4096

/** The payload of a packet as a part of a stream: bytes [start, end), which begin at `place` in the frame. */
export interface StreamPart {
  readonly side: Side
  readonly start: number
  readonly end: number
  readonly place: number
  /** The payload when it is not what the sender had sent there. */
  readonly changed: Uint8Array | undefined
}

function count(bytes: number): string {
  return `${String(bytes).replace(/\B(?=(\d{3})+$)/g, ',')} ${bytes === 1 ? 'byte' : 'bytes'}`
}

/** Says what a packet carries of TLS, and what is in it for those who have the secrets. */
export class TlsInspection {
  readonly layers: Layer[] = []
  readonly views: InspectedView[] = []
  /** What the packet carries, each in a few words. */
  readonly words: string[] = []
  private readonly decrypted: { readonly bytes: Uint8Array; readonly layers: readonly Layer[] }[] = []
  /** Whether a record begins in it that is not whole yet. */
  isOpen = false
  /** What was put together from the decrypted bytes. */
  private readonly inside: InspectedView[] = []
  private decryptedLength = 0
  /** Whether the decrypted bytes are those of this packet alone, of a record that spans packets. */
  private isCut = false
  private readonly version: string

  constructor(
    private readonly tls: TlsConversation,
    private readonly http2: Http2Conversation | undefined,
    private readonly websocket: WebSocketConversation | undefined,
    private readonly stream: TcpStream,
    private readonly part: StreamPart,
    private readonly read: (start: number, end: number) => Uint8Array | undefined,
  ) {
    this.version = tls.version === undefined ? 'TLS' : `TLS ${tls.version}`
    const { side, start, end } = part
    const records = tls.records(side)
    for (const index of unitsIn(records, start, end)) this.record(records[index])
    const next = tls.position(side)
    if (next < end) this.rest(Math.max(next, start), next)
    if (this.decrypted.length > 0) this.views.unshift(this.decryptedView(), ...this.inside)
  }

  private record(record: TlsRecord): void {
    const { part } = this
    const bytes = this.bytesOf(record)
    if (bytes === undefined) {
      this.layers.push(this.opaque(record.start, record.end, 'Transport Layer Security', 'a record whose packets were let go'))
      return
    }
    const content = record.isProtected ? undefined : this.clearContent(record, bytes.subarray(RECORD_HEADER_LENGTH))
    const layer = this.recordLayer(record, bytes, content)
    const shown = partOf(layer, part.place + record.start - part.start, part.place, part.place + part.end - part.start)
    if (shown === undefined) return
    const summary = this.summaryOf(record, content)
    const problem = this.problemOf(record, bytes) ?? layer.problem
    const noted = { ...shown, summary, fields: [...shown.fields, ...this.places(record, shown)] }
    this.layers.push(problem === undefined ? noted : { ...noted, problem })
    if (!record.isProtected) {
      this.words.push(summary)
      return
    }
    const inside = problem === undefined ? this.open(record, bytes) : undefined
    if (inside === undefined) this.words.push(problem === undefined ? summary : `${summary}: ${problem}`)
    else this.words.push(...inside)
  }

  /** The whole record, of which this packet may say something else than the sender did. */
  private bytesOf({ start, end }: TlsRecord): Uint8Array | undefined {
    const { changed } = this.part
    const bytes = this.read(start, end)
    if (bytes === undefined || changed === undefined) return bytes
    const from = Math.max(start, this.part.start)
    const to = Math.min(end, this.part.end)
    const spoiled = bytes.slice()
    spoiled.set(changed.subarray(from - this.part.start, to - this.part.start), from - start)
    return spoiled
  }

  private problemOf(record: TlsRecord, bytes: Uint8Array): string | undefined {
    if (this.part.changed === undefined || !record.isProtected || record.keys === undefined) return record.problem
    return this.tls.content(this.part.side, record, bytes) === undefined
      ? 'does not decrypt: its tag does not match the bytes'
      : undefined
  }

  private recordLayer(record: TlsRecord, bytes: Uint8Array, content: readonly Layer[] | undefined): Layer {
    let layer: Layer
    try {
      layer = tlsRecordLayer(bytes, 0, bytes.length, record.version, record.isProtected)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return { ...this.opaque(record.start, record.end, 'Transport Layer Security', 'malformed'), problem: error.message }
    }
    if (content === undefined) return layer
    // Messages that span records are read whole.
    const header = layer.fields.filter(({ end }) => end <= RECORD_HEADER_LENGTH)
    const problems = content.flatMap(({ problem }) => problem ?? [])
    const { problem: _, ...rest } = layer
    const made = { ...rest, fields: [...header, ...content.flatMap(({ fields }) => fields)] }
    return problems.length === 0 ? made : { ...made, problem: problems.join('; ') }
  }

  /** Layers of the content of a record in the clear, when it holds handshake messages; ranges from the record's beginning. */
  private clearContent(record: TlsRecord, content: Uint8Array): readonly Layer[] | undefined {
    if (record.type !== ContentType.handshake || this.part.changed !== undefined) return undefined
    const layers = this.messages(record, 0, content.length, RECORD_HEADER_LENGTH)
    return layers.length === 0 ? undefined : layers
  }

  /** Handshake messages of which parts lie in [from, to) of a record's content, which stands at `base`. */
  private messages(record: TlsRecord, from: number, to: number, base: number): Layer[] {
    const { tls } = this
    const { side } = this.part
    const messages = tls.messages(side)
    const start = record.contentStart + from
    const layers: Layer[] = []
    for (const index of unitsIn(messages, start, record.contentStart + to)) {
      const message = messages[index]
      const bytes = tls.handshake(side, message.start, message.end)
      if (bytes === undefined) continue
      const layer = tlsHandshakeLayer(bytes, 0, bytes.length, record.version)
      const shown = partOf(layer, base + message.start - start, base, base + to - from)
      if (shown !== undefined) layers.push({ ...shown, summary: `${layer.summary}, ${count(bytes.length)}` })
    }
    return layers
  }

  private summaryOf(record: TlsRecord, content: readonly Layer[] | undefined): string {
    const { start, end } = this.part
    const length = record.end - record.start - RECORD_HEADER_LENGTH
    const here = Math.min(end, record.end) - Math.max(start, record.start + RECORD_HEADER_LENGTH)
    const isWhole = record.start >= start && record.end <= end
    if (record.isProtected) {
      const amount = isWhole ? count(length) : `${String(Math.max(0, here)).replace(/\B(?=(\d{3})+$)/g, ',')} of ${count(length)}`
      return `encrypted: ${amount} of TLS ${OUTSIDE[record.outerType] ?? 'record'}${this.whereabouts(record)}`
    }
    const what = content === undefined ? (OUTSIDE[record.type] ?? 'record') : content.map(({ summary }) => summary).join(', ')
    return `${this.version} ${what}${this.whereabouts(record)}`
  }

  private whereabouts({ start, end }: { readonly start: number; readonly end: number }): string {
    const { part } = this
    const began = start < part.start ? `, began in #${String(this.stream.frameAt(start))}` : ''
    const ends = end > part.end ? `, continues in #${String(this.stream.frameAt(part.end))}` : ''
    return `${began}${ends}`
  }

  /** Where the rest of a record is, as fields. */
  private places(record: TlsRecord, shown: Layer): Field[] {
    const { part, stream } = this
    const fields: Field[] = []
    const note = (name: string, label: string, offset: number): void => {
      fields.push(field(name, label, `#${String(stream.frameAt(offset))}`, shown.start, shown.end))
    }
    if (record.start < part.start) note('tls.record.began', 'Began in', record.start)
    if (record.end > part.end) note('tls.record.ends', 'Ends in', record.end - 1)
    return fields
  }

  /** Bytes behind the last whole record. */
  private rest(from: number, recordStart: number): void {
    const failure = this.tls.failure(this.part.side)
    this.isOpen = failure === undefined
    const what =
      failure === undefined
        ? `${count(this.part.end - from)} of a record that is not whole yet`
        : `${count(this.part.end - from)} that cannot be told apart`
    const layer = this.opaque(recordStart, this.part.end, 'Transport Layer Security', what)
    this.layers.push(failure === undefined ? layer : { ...layer, problem: failure })
    this.words.push(`${this.version}: ${what}`)
  }

  private opaque(start: number, end: number, title: string, summary: string): Layer {
    const { part } = this
    const from = part.place + Math.max(0, start - part.start)
    const to = part.place + Math.min(end, part.end) - part.start
    return {
      protocol: 'tls',
      title,
      summary,
      start: from,
      end: to,
      fields: [field('data.data', 'Data', count(to - from), from, to)],
    }
  }

  /** Adds what is in a protected record to the decrypted bytes. Returns words; undefined when it cannot be decrypted. */
  private open(record: TlsRecord, bytes: Uint8Array): string[] | undefined {
    const { part } = this
    const isChanged = part.changed !== undefined
    const content = this.tls.content(part.side, record, isChanged ? bytes : undefined)
    if (content === undefined || record.keys === undefined) return undefined
    const inside = record.start + RECORD_HEADER_LENGTH + record.keys.prefixLength
    const isPart = record.start < part.start || record.end > part.end
    const isCut = isPart && content.length > WHOLE && record.type === ContentType.application_data
    const from = isCut ? Math.min(content.length, Math.max(0, part.start - inside)) : 0
    const to = isCut ? Math.min(content.length, Math.max(0, part.end - inside)) : content.length
    const base = this.decryptedLength
    const layers = this.contentLayers(record, content, from, to, base)
    // Of what is shown whole, words are about what this packet carries.
    const shift = inside + from - base
    const told = layers.filter(({ start, end }) => end + shift > part.start && start + shift < part.end)
    this.isCut ||= isCut
    this.decrypted.push({ bytes: content.subarray(from, to), layers })
    this.decryptedLength += to - from
    const where = isPart ? this.whereabouts(record) : ''
    if (told.length === 0) return [`${this.version} ${OUTSIDE[record.type] ?? 'record'}${where}`]
    const prefix = record.type === ContentType.application_data ? '' : `${this.version} `
    return told.map(({ summary }) => `${prefix}${summary}`).map((words, i, all) => (i === all.length - 1 ? words + where : words))
  }

  private contentLayers(record: TlsRecord, content: Uint8Array, from: number, to: number, base: number): Layer[] {
    if (record.type === ContentType.handshake) return this.messages(record, from, to, base)
    if (record.type !== ContentType.application_data) {
      const layer = partOf(tlsContentLayer(record.type, content, 0, content.length, record.version), base, base, base + to)
      return layer === undefined ? [] : [layer]
    }
    if (this.http2 !== undefined) {
      const start = record.contentStart + from
      this.inside.push(...carriedViews(this.http2, this.part.side, start, start + to - from))
      return http2Layers(this.http2, this.part.side, start, to - from, base)
    }
    const { websocket } = this
    const { side } = this.part
    if (websocket !== undefined && record.contentStart + from >= websocket.starts[side]) {
      const part = webSocketPart(websocket, side, record.contentStart + from, to - from, base)
      this.inside.push(...part.views)
      return [...part.layers]
    }
    const http = from === 0 ? http1Layer(content, 0, to) : undefined
    const layer = http === undefined ? undefined : partOf(http, base, base, base + to)
    const read = layer === undefined ? base : layer.end
    const end = base + to - from
    const layers = layer === undefined ? [] : [layer]
    if (read < end) layers.push(dataLayer(read, end))
    return layers
  }

  private decryptedView(): InspectedView {
    const bytes = new Uint8Array(this.decryptedLength)
    let at = 0
    for (const piece of this.decrypted) {
      bytes.set(piece.bytes, at)
      at += piece.bytes.length
    }
    return {
      title: this.isCut ? 'Decrypted TLS of this packet' : 'Decrypted TLS',
      bytes,
      layers: this.decrypted.flatMap(({ layers }) => layers),
    }
  }
}

const OUTSIDE: Readonly<Record<number, string | undefined>> = {
  [ContentType.change_cipher_spec]: 'ChangeCipherSpec',
  [ContentType.alert]: 'alert',
  [ContentType.handshake]: 'handshake',
  [ContentType.application_data]: 'application data',
}

function dataLayer(start: number, end: number): Layer {
  const fields = [field('data.data', 'Data', count(end - start), start, end)]
  return { protocol: 'data', title: 'Application data', summary: count(end - start), start, end, fields }
}

/** `'HEADERS[3] GET /'` for those who do not know the brackets: `'HEADERS stream 3, GET /'`. */
function inWords(summary: string): string {
  return summary.replace(
    /^(\w+)\[(\d+)\](?: (?=.))?/,
    (all, type: string, stream: string) => `${type} stream ${stream}${all.endsWith(' ') ? ', ' : ''}`,
  )
}

/** Frames of HTTP/2 of which parts lie in `length` bytes of an end's stream from `start` on, which stand at `base`. */
export function http2Layers(http2: Http2Conversation, side: Side, start: number, length: number, base: number): Layer[] {
  const units = http2.units(side)
  const layers: Layer[] = []
  for (const index of unitsIn(units, start, start + length)) {
    const unit = units[index]
    const shown = partOf(unit.layer, base + unit.start - start, base, base + length)
    if (shown === undefined) continue
    const isHere = unit.start >= start
    const carried = carriedWords(http2, side, Math.max(start, unit.start), Math.min(start + length, unit.end))
    layers.push({ ...shown, summary: `HTTP/2 ${inWords(unit.layer.summary)}${carried}${isHere ? '' : ' (goes on)'}` })
  }
  return layers
}
