import { field } from '../wire/describe.ts'
import { DecodeError } from '../wire/errors.ts'
import type { Layer } from '../wire/field.ts'
import { decodeSettingsFrame, varintEnd } from '../wire/http3-frame.ts'
import { http3FrameLayer, http3StreamTypeLayer } from '../wire/http3-layer.ts'
import { HTTP3_FRAME_CODE, HTTP3_SETTING_ID, http3StreamType, type Http3StreamType } from '../wire/http3-names.ts'
import { QpackDecoder } from '../wire/qpack-decoder.ts'
import { QpackInstructionLayers, readFieldSection, type FieldSectionReading } from '../wire/qpack-layer.ts'
import { readVarint } from '../wire/quic/varint.ts'
import { joined } from '../wire/joined.ts'

/** Which end has sent something. */
export type Sender = 0 | 1
export const CLIENT: Sender = 0
export const SERVER: Sender = 1

/** A frame, or what else a stream holds, in the bytes of one end of a stream: [start, end). */
export interface Http3Unit {
  readonly start: number
  readonly end: number
  /** Ranges are from the unit's start. */
  layer: Layer
  /** Whether it waits for something that was not seen yet. */
  isWaiting: boolean
}

/** Longest frame, other than DATA, that is looked into; in bytes of payload. */
const LONGEST = 1 << 16
/** Sections that wait for the table are kept up to this number. */
const MOST_WAITING = 1000

const FRAME_TITLE = 'Hypertext Transfer Protocol Version 3'

/** A field section that cannot be read yet. */
interface WaitingSection {
  readonly stream: number
  readonly unit: Http3Unit
  readonly bytes: Uint8Array
  readonly payloadStart: number
}

/** The field sections of one end, and what they are compressed with. */
class Sections {
  /** Made when the table is first needed, for what it may hold is the other end's to say. */
  private decoder: QpackDecoder | undefined
  private waiting: WaitingSection[] = []
  /** Bytes of the encoder stream that came before it was known how large the table may be. */
  private early: Uint8Array[] = []
  private problem: string | undefined

  /** The other end has said how large the table may be. */
  setCapacity(capacity: number): void {
    if (this.decoder !== undefined) return
    this.decoder = new QpackDecoder({ maxTableCapacity: capacity, blockedStreams: MOST_WAITING })
    for (const bytes of this.early) this.insert(bytes)
    this.early = []
    this.retry()
  }

  /** Bytes of the encoder stream. */
  insert(bytes: Uint8Array): void {
    if (this.problem !== undefined) return
    if (this.decoder === undefined) {
      this.early.push(bytes.slice())
      return
    }
    try {
      this.decoder.handle(bytes)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.problem = error.message
    }
    this.retry()
  }

  /** Reads the field section of a unit, now or when the table is ready. @param bytes the whole frame, which stays as it is */
  read(stream: number, unit: Http3Unit, bytes: Uint8Array, payloadStart: number): void {
    const section = { stream, unit, bytes, payloadStart }
    if (this.tryRead(section) || this.waiting.length >= MOST_WAITING) return
    unit.isWaiting = true
    this.waiting.push(section)
  }

  private retry(): void {
    if (this.waiting.length > 0) this.waiting = this.waiting.filter((section) => !this.tryRead(section))
  }

  /** @returns whether nothing more can be said of it */
  private tryRead({ stream, unit, bytes, payloadStart }: WaitingSection): boolean {
    const start = sectionStart(bytes, payloadStart)
    let reading: FieldSectionReading | undefined
    let problem = this.problem
    if (problem === undefined && start < bytes.length) {
      // Without the dynamic table a section reads the same, whatever the other end allows.
      if (this.decoder === undefined && bytes[start] === 0) reading = this.readNow(STATELESS(), stream, bytes, start)
      else if (this.decoder === undefined) reading = { fields: [], words: '', waitsFor: 1 }
      else reading = this.readNow(this.decoder, stream, bytes, start)
      problem = this.problem
    }
    const layer = http3FrameLayer(bytes, payloadStart, bytes.length, stream, reading)
    unit.layer = reading !== undefined || problem === undefined ? layer : { ...layer, problem }
    const waits = reading !== undefined && reading.waitsFor > 0
    unit.isWaiting = waits
    return !waits
  }

  private readNow(decoder: QpackDecoder, stream: number, bytes: Uint8Array, start: number): FieldSectionReading | undefined {
    try {
      return readFieldSection(decoder, stream, bytes, start, bytes.length)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.problem = error.message
      return undefined
    }
  }
}

/** A decoder for sections that use no dynamic table. */
const STATELESS = (): QpackDecoder => new QpackDecoder({ maxTableCapacity: 0, blockedStreams: 0 })

/** Where the field section of a HEADERS or PUSH_PROMISE frame begins. */
function sectionStart(bytes: Uint8Array, payloadStart: number): number {
  const isPush = readVarint(bytes, 0) === HTTP3_FRAME_CODE.PUSH_PROMISE
  return isPush ? (varintEnd(bytes, payloadStart, bytes.length) ?? bytes.length) : payloadStart
}

/** What one end has sent on one stream. */
class Http3Half {
  readonly units: Http3Unit[] = []
  /** Bytes of the unit that comes next, as far as they are there. */
  private pending: Uint8Array = new Uint8Array(0)
  /** Where it begins in the stream. */
  private start = 0
  /** Bytes that are stepped over. */
  private skip = 0
  private kind: Http3StreamType | 'request' | 'unknown' | undefined
  private instructions: QpackInstructionLayers | undefined
  private isBroken = false

  constructor(
    private readonly stream: number,
    private readonly sender: Sender,
    private readonly conversation: Http3Conversation,
  ) {
    if (stream % 4 < 2) this.kind = 'request'
  }

  push(bytes: Uint8Array): void {
    let from = bytes
    if (this.skip > 0) {
      const skipped = Math.min(this.skip, from.length)
      this.skip -= skipped
      from = from.subarray(skipped)
    }
    if (from.length === 0 || this.isBroken) return
    if (this.kind === 'QPACK encoder') this.conversation.insert(this.sender, from)
    this.pending = this.pending.length === 0 ? from : joined([this.pending, from])
    try {
      while (this.pending.length > 0 && this.skip === 0 && this.takeUnit());
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.isBroken = true
      const end = this.start + this.pending.length
      this.units.push({ start: this.start, end, layer: brokenLayer(this.pending.length, error.message), isWaiting: false })
    }
  }

  /** Takes the next unit off `pending`; false: it is not whole yet. */
  private takeUnit(): boolean {
    switch (this.kind) {
      case undefined:
        return this.takeStreamType()
      case 'request':
      case 'control':
      case 'push':
        return this.takeFrame()
      case 'QPACK encoder':
      case 'QPACK decoder': {
        this.instructions ??= new QpackInstructionLayers(this.kind === 'QPACK encoder' ? 'encoder' : 'decoder')
        const layer = this.instructions.next(this.pending, 0, this.pending.length)
        if (layer === undefined) return false
        this.finish(layer.end, layer)
        return true
      }
      case 'unknown':
        this.finish(this.pending.length, dataLayer(this.pending.length))
        return true
    }
  }

  private takeStreamType(): boolean {
    const { pending } = this
    const end = varintEnd(pending, 0, pending.length)
    if (end === undefined) return false
    this.kind = http3StreamType(readVarint(pending, 0)) ?? 'unknown'
    let unitEnd = end
    if (this.kind === 'push') {
      // RFC 9114 section 4.6: a push stream goes on with its Push ID.
      const idEnd = varintEnd(pending, end, pending.length)
      if (idEnd === undefined) {
        this.kind = undefined
        return false
      }
      unitEnd = idEnd
    }
    this.finish(unitEnd, http3StreamTypeLayer(pending, end))
    if (this.kind === 'QPACK encoder') this.conversation.insert(this.sender, this.pending)
    return true
  }

  private takeFrame(): boolean {
    const { pending, stream } = this
    const typeEnd = varintEnd(pending, 0, pending.length)
    const payloadStart = typeEnd === undefined ? undefined : varintEnd(pending, typeEnd, pending.length)
    if (typeEnd === undefined || payloadStart === undefined) return false
    const type = readVarint(pending, 0)
    const length = readVarint(pending, typeEnd)
    const end = payloadStart + length
    const isSteppedOver = type === HTTP3_FRAME_CODE.DATA || length > LONGEST
    if (isSteppedOver) {
      this.finish(end, http3FrameLayer(pending.subarray(0, payloadStart), payloadStart, end, stream))
      return true
    }
    if (pending.length < end) return false
    const frame = pending.slice(0, end)
    const hasSection = type === HTTP3_FRAME_CODE.HEADERS || type === HTTP3_FRAME_CODE.PUSH_PROMISE
    const layer = hasSection ? dataLayer(end) : http3FrameLayer(frame, payloadStart, end, stream)
    const unit = this.finish(end, layer)
    if (hasSection) this.conversation.readSection(this.sender, stream, unit, frame, payloadStart)
    if (type === HTTP3_FRAME_CODE.SETTINGS && this.kind === 'control') this.takeSettings(frame, payloadStart)
    return true
  }

  private takeSettings(frame: Uint8Array, payloadStart: number): void {
    const settings = decodeSettingsFrame(frame, payloadStart, frame.length)
    const capacity = settings.find(({ id }) => id === HTTP3_SETTING_ID.QPACK_MAX_TABLE_CAPACITY)?.value ?? 0
    this.conversation.setCapacity(this.sender, capacity)
  }

  private finish(length: number, layer: Layer): Http3Unit {
    const unit = { start: this.start, end: this.start + length, layer, isWaiting: false }
    this.units.push(unit)
    this.start += length
    this.skip = Math.max(0, length - this.pending.length)
    this.pending = this.pending.subarray(Math.min(length, this.pending.length))
    return unit
  }
}

function dataLayer(length: number): Layer {
  const fields = [field('data.data', 'Data', `${String(length)} bytes`, 0, length)]
  return { protocol: 'http3', title: FRAME_TITLE, summary: `${String(length)} bytes`, start: 0, end: length, fields }
}

function brokenLayer(length: number, problem: string): Layer {
  return { ...dataLayer(length), summary: 'what cannot be told apart', problem }
}

/**
 * What both ends of a connection say in HTTP/3 (RFC 9114), cut into frames as the bytes of its streams come. Fields are decompressed here,
 * with the tables as they were; where a section was sent before what it needs of the table, it is read as soon as that was sent.
 */
export class Http3Conversation {
  private readonly halves = new Map<number, Http3Half>()
  private readonly sections: readonly [Sections, Sections] = [new Sections(), new Sections()]

  /** Takes in the next bytes that an end sends on a stream, which stay as they are. */
  push(sender: Sender, stream: number, bytes: Uint8Array): void {
    const key = stream * 2 + sender
    let half = this.halves.get(key)
    if (half === undefined) {
      half = new Http3Half(stream, sender, this)
      this.halves.set(key, half)
    }
    half.push(bytes)
  }

  /** What an end has sent on a stream, in order. */
  units(sender: Sender, stream: number): readonly Http3Unit[] {
    return this.halves.get(stream * 2 + sender)?.units ?? []
  }

  /** An end has sent SETTINGS, which say how large the table may be that the other end's encoder fills. */
  setCapacity(sender: Sender, capacity: number): void {
    this.sections[1 - sender].setCapacity(capacity)
  }

  insert(sender: Sender, bytes: Uint8Array): void {
    this.sections[sender].insert(bytes)
  }

  readSection(sender: Sender, stream: number, unit: Http3Unit, frame: Uint8Array, payloadStart: number): void {
    this.sections[sender].read(stream, unit, frame, payloadStart)
  }
}
