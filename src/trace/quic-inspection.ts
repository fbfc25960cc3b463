import { field, withProblems } from '../wire/describe.ts'
import { DecodeError } from '../wire/errors.ts'
import type { Layer } from '../wire/field.ts'
import type { CryptoFrame, QuicFrame, StreamFrame } from '../wire/quic/frame.ts'
import { QuicFrameDecoder } from '../wire/quic/frame-decoder.ts'
import { quicFrameLayer } from '../wire/quic/frame-layer.ts'
import { quicPacketLayer, quicPacketName } from '../wire/quic/packet-layer.ts'
import { tlsHandshakeLayer } from '../wire/tls/handshake-layer.ts'
import type { Sender } from './http3-conversation.ts'
import type { InspectedView } from './inspection.ts'
import { partOf } from './layer-parts.ts'
import type { QuicConversation, QuicDatagramRecord, QuicPacket } from './quic-conversation.ts'
import { unitsIn } from './unit-search.ts'

/** How much a frame of QUIC tells: the least is told first. */
const RANKS: Readonly<Partial<Record<QuicFrame['type'], number>>> = {
  CONNECTION_CLOSE: 0,
  CRYPTO: 0,
  STREAM: 0,
  DATAGRAM: 0,
  RESET_STREAM: 0,
  STOP_SENDING: 0,
  HANDSHAKE_DONE: 1,
  PATH_CHALLENGE: 1,
  PATH_RESPONSE: 1,
  ACK: 3,
  PING: 4,
  PADDING: 5,
}
const RANK_OF_OTHERS = 2
/** Of what HTTP/3 has to say beside requests, responses and their content. */
const RANK_OF_SETTLING = 1
const PADDING_RANK = 5

/** Most things that are told of one packet. */
const TOLD = 4

const CHANGED = 'does not decrypt: its tag does not match the bytes'

/** Says what a datagram carries of QUIC, and what is in it for those who have the secrets. */
export class QuicInspection {
  /** The packets, one behind the other; ranges are of the frame. */
  readonly layers: Layer[] = []
  readonly views: InspectedView[] = []
  /** What each packet carries. */
  readonly words: string[] = []
  /** Whether more can be said when more was sent. */
  isOpen = false
  private readonly pieces: Uint8Array[] = []
  private readonly inner: Layer[] = []
  /** Bytes of the decrypted view so far. */
  private base = 0

  /**
   * @param bytes the datagram's payload, as it arrived
   * @param place where it begins in the frame
   */
  constructor(
    private readonly conversation: QuicConversation,
    private readonly record: QuicDatagramRecord,
    private readonly bytes: Uint8Array,
    private readonly place: number,
  ) {
    for (const packet of record.packets) this.packet(packet)
    if (this.pieces.length > 0) this.views.push({ title: 'Decrypted QUIC', bytes: this.joined(), layers: this.inner })
  }

  private packet(packet: QuicPacket): void {
    const { conversation, bytes } = this
    const payload = conversation.payload(bytes, packet)
    const header = conversation.headerOf(bytes, packet)
    if (header === undefined) {
      this.broken(packet.start, packet.problem ?? 'no packet')
      return
    }
    const plain = payload === undefined ? undefined : packet.opened
    const layer = quicPacketLayer(bytes, header, plain)
    const problem = payload === undefined && packet.opened !== undefined ? CHANGED : packet.problem
    const shown = partOf(packet.note === undefined ? layer : { ...layer, summary: packet.note }, this.place, 0, Infinity)
    if (shown !== undefined) this.layers.push(withProblems(shown, problem === undefined ? [] : [problem]))
    const inside = payload === undefined ? [] : this.payload(payload, packet)
    const name = packet.note ?? `${quicPacketName(packet.type)}${plain === undefined ? '' : ` ${String(plain.packetNumber)}`}`
    if (payload !== undefined) this.words.push(`${name}: ${inside.join(', ')}`)
    else this.words.push(problem === undefined ? `QUIC ${layer.summary}` : `QUIC ${name}: ${problem}`)
  }

  /** What cannot be a packet, up to the datagram's end. */
  private broken(start: number, problem: string): void {
    const [from, to] = [this.place + start, this.place + this.bytes.length]
    const fields = [field('data.data', 'Data', `${String(to - from)} bytes`, from, to)]
    this.layers.push({ protocol: 'quic', title: 'QUIC', summary: 'malformed', start: from, end: to, fields, problem })
    this.words.push(`QUIC: ${problem}`)
  }

  /** Takes a decrypted payload apart. @returns what it carries, the most telling things first */
  private payload(payload: Uint8Array, packet: QuicPacket): string[] {
    const decoder = new QuicFrameDecoder()
    const telling = new Telling()
    let start = 0
    decoder.begin(payload, 0, payload.length)
    try {
      for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
        this.frame(payload, start, decoder.at, frame, packet, telling)
        start = decoder.at
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.rest(payload, start, error.message)
      telling.add(error.message, 0)
    }
    this.pieces.push(payload)
    this.base += payload.length
    return telling.words()
  }

  private rest(payload: Uint8Array, start: number, problem: string): void {
    const [from, to] = [this.base + start, this.base + payload.length]
    const fields = from < to ? [field('data.data', 'Data', `${String(to - from)} bytes`, from, to)] : []
    this.inner.push({ protocol: 'quic', title: 'QUIC', summary: 'malformed', start: from, end: to, fields, problem })
  }

  private frame(payload: Uint8Array, start: number, end: number, frame: QuicFrame, packet: QuicPacket, telling: Telling): void {
    const layer = quicFrameLayer(payload, start, end, frame)
    const inside =
      frame.type === 'CRYPTO'
        ? this.messages(frame, packet)
        : frame.type === 'STREAM'
          ? this.units(frame, this.record.sender)
          : []
    const covered =
      inside.length > 0 && inside.reduce((sum, each) => sum + each.end - each.start, 0) === end - dataStart(frame, end)
    // What is in the data is shown in the place of the data.
    const shown = covered ? withoutData(layer, dataStart(frame, end)) : layer
    const moved = partOf(shown, this.base, 0, Infinity)
    if (moved !== undefined) this.inner.push(moved)
    this.inner.push(...inside)
    if ((frame.type === 'CRYPTO' || frame.type === 'STREAM') && !covered && frame.end > frame.start) this.isOpen = true
    if (inside.length === 0) telling.add(layer.summary, RANKS[frame.type] ?? RANK_OF_OTHERS)
    for (const { summary } of inside)
      telling.add(summary, /^(?:TLS|HTTP\/3 (?:DATA|HEADERS))\b/.test(summary) ? 0 : RANK_OF_SETTLING)
  }

  /** Handshake messages of which parts lie in a CRYPTO frame. */
  private messages({ offset, start, end }: CryptoFrame, { type }: QuicPacket): Layer[] {
    const { handshake } = this.conversation
    const { sender } = this.record
    if (type !== 'initial' && type !== 'handshake' && type !== '1-rtt') return []
    const messages = handshake.messages(sender, type)
    const layers: Layer[] = []
    const data = this.base + start
    for (const index of unitsIn(messages, offset, offset + end - start)) {
      const message = messages[index]
      const bytes = handshake.read(sender, type, message)
      const layer = tlsHandshakeLayer(bytes, 0, bytes.length, '1.3')
      const shown = partOf(layer, data + message.start - offset, data, this.base + end)
      if (shown !== undefined) layers.push({ ...shown, summary: `TLS ${layer.summary}${goesOn(message.start < offset)}` })
    }
    return layers
  }

  /** Frames of HTTP/3 of which parts lie in a STREAM frame. */
  private units({ stream, offset, start, end }: StreamFrame, sender: Sender): Layer[] {
    const units = this.conversation.http3?.units(sender, stream) ?? []
    const layers: Layer[] = []
    const data = this.base + start
    for (const index of unitsIn(units, offset, offset + end - start)) {
      const unit = units[index]
      if (unit.isWaiting) this.isOpen = true
      const shown = partOf(unit.layer, data + unit.start - offset, data, this.base + end)
      const isQpack = unit.layer.protocol === 'qpack'
      const summary = `${isQpack ? '' : 'HTTP/3 '}${unit.layer.summary}${goesOn(unit.start < offset)}`
      if (shown !== undefined) layers.push({ ...shown, summary })
    }
    return layers
  }

  private joined(): Uint8Array {
    if (this.pieces.length === 1) return this.pieces[0]
    const bytes = new Uint8Array(this.base)
    let at = 0
    for (const piece of this.pieces) {
      bytes.set(piece, at)
      at += piece.length
    }
    return bytes
  }
}

/** Gathers what a packet carries, to tell the most telling things first. */
class Telling {
  private readonly said: { readonly words: string; readonly rank: number }[] = []

  add(words: string, rank: number): void {
    this.said.push({ words, rank })
  }

  words(): string[] {
    const { said } = this
    // What only fills a packet is not worth a word beside others.
    const worth = said.filter(({ rank }) => rank < PADDING_RANK || said.length === 1).sort((a, b) => a.rank - b.rank)
    const words: string[] = []
    for (const { words: next } of worth) {
      const before = words.at(-1)
      const kind = /^NEW_CONNECTION_ID/.exec(next)?.[0]
      if (kind !== undefined && before?.startsWith(kind) === true)
        words[words.length - 1] = `${before}, ${next.slice(kind.length + 1)}`
      else words.push(next)
    }
    const more = words.length - TOLD
    return more <= 0 ? words : [...words.slice(0, TOLD), `and ${String(more)} more`]
  }
}

function goesOn(isLater: boolean): string {
  return isLater ? ' (goes on)' : ''
}

/** Where the data of a frame begin that carries some. */
function dataStart(frame: QuicFrame, end: number): number {
  return frame.type === 'CRYPTO' || frame.type === 'STREAM' ? frame.start : end
}

function withoutData(layer: Layer, dataAt: number): Layer {
  return { ...layer, end: dataAt, fields: layer.fields.filter(({ start }) => start < dataAt) }
}
