import { field, hex, named } from './describe.ts'
import { DecodeError } from './errors.ts'
import type { Field, Layer } from './field.ts'
import { inflate } from './inflate.ts'
import { read16, read32 } from './integer.ts'
import {
  applyMask,
  closeCodeName,
  decodeWebSocketHeader,
  headerLength,
  isControl,
  WEBSOCKET_BIT,
  WEBSOCKET_OPCODE,
} from './websocket.ts'
import { utf8Text, validateUtf8 } from './websocket-text.ts'
import { joined } from './joined.ts'

const TITLE = 'WebSocket'
const NAMES: Readonly<Record<number, string>> = {
  0: 'Continuation',
  1: 'Text',
  2: 'Binary',
  8: 'Close',
  9: 'Ping',
  10: 'Pong',
}
const NO_BYTES = /* @__PURE__ */ new Uint8Array(0)
/** What a compressed message ends with, and does not bring along (RFC 7692 section 7.2.1). */
const TAIL = /* @__PURE__ */ Uint8Array.of(0, 0, 0xff, 0xff)
/** What a compressor looks back at most, whatever was agreed on. */
const WINDOW = 0x8000
/** Of a message, as it was meant; longer ones are not put together. */
const LONGEST = 1 << 20
/** Characters that are shown. */
const SHOWN = 300

/** A message that was put together: unmasked, joined, decompressed. */
export interface WebSocketMessage {
  readonly opcode: 'text' | 'binary'
  /** In frames; 1: it was not fragmented. */
  readonly frames: number
  readonly isCompressed: boolean
  /** As it was meant. */
  readonly bytes: Uint8Array
  /** Why it cannot be read, if it cannot. */
  readonly problem?: string
}

function shown(text: string): string {
  const line = text.replace(/\p{Cc}/gu, '·')
  return line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line
}

function amount(bytes: number): string {
  return `${String(bytes)} byte${bytes === 1 ? '' : 's'}`
}

/** Text, if bytes are; else how many they are. */
function words(bytes: Uint8Array, start = 0): string {
  const isText = validateUtf8(bytes, start, bytes.length, 0) === 0
  return isText ? shown(utf8Text(bytes, start, Math.min(bytes.length, start + 4 * SHOWN))) : amount(bytes.length - start)
}

/** Words for a summary: `' "Hello"'`. */
function quoted(bytes: Uint8Array): string {
  if (bytes.length === 0) return ''
  const text = words(bytes)
  return ` “${text.length > 60 ? `${text.slice(0, 60)}…` : text}”`
}

/** A message as a view of its own shows it. */
export function webSocketMessageLayer(message: WebSocketMessage): Layer {
  const { opcode, bytes, problem } = message
  const name = opcode === 'text' ? 'websocket.payload.text' : 'data.data'
  const value = opcode === 'text' ? words(bytes) : amount(bytes.length)
  const fields = bytes.length === 0 ? [] : [field(name, opcode === 'text' ? 'Text' : 'Data', value, 0, bytes.length)]
  const layer = { protocol: 'websocket', title: TITLE, summary: messageSummary(message), start: 0, end: bytes.length, fields }
  return problem === undefined ? layer : { ...layer, problem }
}

/** `'text message, 5 bytes, in 2 frames, decompressed'`. */
export function messageSummary({ opcode, frames, isCompressed, bytes }: WebSocketMessage): string {
  const parts = frames > 1 ? `, in ${String(frames)} frames` : ''
  return `${opcode} message, ${amount(bytes.length)}${parts}${isCompressed ? ', decompressed' : ''}`
}

/**
 * Reads the frames that one end sends, for the inspector: RFC 6455 section 5.2, with the names of Wireshark's display filter. Frames have to
 * come in their order, since a message may go on in the next, and a compressed one look back at those before it (RFC 7692).
 */
export class WebSocketLayerReader {
  /** The message that the last frame has ended, if it did. */
  message: WebSocketMessage | undefined
  private opcode = 0
  private isCompressed = false
  private frames = 0
  private parts: Uint8Array[] = []
  private length = 0
  private history: Uint8Array = NO_BYTES
  private lost: string | undefined

  /** @param bytes a whole frame, or of one that is not looked into the header; ranges are from its beginning. Throws DecodeError */
  frame(bytes: Uint8Array): Layer {
    const header = { isFinal: false, reserved: 0, opcode: 0, isMasked: false, mask: 0, length: 0 }
    decodeWebSocketHeader(bytes, 0, header)
    const { opcode, length, isMasked, mask, isFinal, reserved } = header
    const start = headerLength(bytes[1])
    const end = start + length
    this.message = undefined
    const content = bytes.length >= end ? bytes.slice(start, end) : undefined
    if (content !== undefined) applyMask(content, 0, length, mask)
    const fields = this.headerFields(bytes, header, start)
    const isPlain = (reserved & WEBSOCKET_BIT.RSV1) === 0
    if (length > 0) fields.push(...payloadFields(content, { opcode, isMasked, isPlain }, start, end))
    if (!isControl(opcode)) this.collect(opcode, reserved, isFinal, content)
    const summary = this.summary(opcode, isFinal, length, isPlain ? content : undefined)
    return { protocol: 'websocket', title: TITLE, summary, start: 0, end, fields }
  }

  private headerFields(
    bytes: Uint8Array,
    header: { readonly isFinal: boolean; readonly reserved: number; readonly opcode: number; readonly isMasked: boolean },
    start: number,
  ): Field[] {
    const { opcode, reserved, isFinal, isMasked } = header
    const short = bytes[1] & 0x7f
    const fields = [
      field('websocket.fin', 'Last frame of its message', isFinal, 0, 1),
      field('websocket.rsv', 'Reserved bits', hex(reserved >> 4, 2), 0, 1),
    ]
    if ((reserved & WEBSOCKET_BIT.RSV1) !== 0) fields.push(field('websocket.pmc', 'Compressed message', true, 0, 1))
    fields.push(
      field('websocket.opcode', 'Opcode', named(opcode, NAMES[opcode]), 0, 1),
      field('websocket.mask', 'Masked', isMasked, 1, 2),
      field('websocket.payload_length', 'Payload length', short, 1, 2),
    )
    if (short === 126) fields.push(field('websocket.payload_length_ext_16', 'Length in 16 bits', read16(bytes, 2), 2, 4))
    if (short === 127) {
      const length = read32(bytes, 2) * 2 ** 32 + read32(bytes, 6)
      fields.push(field('websocket.payload_length_ext_64', 'Length in 64 bits', length, 2, 10))
    }
    if (isMasked) {
      fields.push(field('websocket.masking_key', 'Masking key', hex(read32(bytes, start - 4), 8), start - 4, start))
    }
    return fields
  }

  private summary(opcode: number, isFinal: boolean, length: number, content: Uint8Array | undefined): string {
    const name = NAMES[opcode] ?? `frame of the reserved opcode ${hex(opcode, 1)}`
    if (opcode === WEBSOCKET_OPCODE.close) {
      if (content === undefined || length < 2) return name
      const reason = utf8Text(content, 2)
      return `${name} ${named(read16(content, 0), closeCodeName(read16(content, 0)))}${reason === '' ? '' : `: ${shown(reason)}`}`
    }
    if (isControl(opcode)) return `${name}${content === undefined ? '' : quoted(content)}`
    const { message } = this
    const part = isFinal ? (opcode === WEBSOCKET_OPCODE.continuation ? ', last part' : '') : ', part'
    if (message?.isCompressed === true && message.problem === undefined) {
      const what = message.opcode === 'text' ? quoted(message.bytes) : ''
      return `${name}${part}, compressed, ${amount(length)} for ${amount(message.bytes.length)}${what}`
    }
    const isText = opcode === WEBSOCKET_OPCODE.text && content !== undefined
    return `${name}${part}, ${amount(length)}${isText ? quoted(content) : ''}`
  }

  /** Puts messages together. */
  private collect(opcode: number, reserved: number, isFinal: boolean, content: Uint8Array | undefined): void {
    if (opcode !== WEBSOCKET_OPCODE.continuation) {
      this.opcode = opcode
      this.isCompressed = (reserved & WEBSOCKET_BIT.RSV1) !== 0
      this.frames = 0
      this.parts = []
      this.length = 0
      this.lost = undefined
    }
    this.frames++
    this.length += content?.length ?? 0
    if (content === undefined || this.length > LONGEST) {
      this.lost = 'longer than is looked into'
      this.parts = []
    }
    if (content !== undefined && this.lost === undefined) this.parts.push(content)
    if (!isFinal) return
    const opcodeName = this.opcode === WEBSOCKET_OPCODE.text ? 'text' : 'binary'
    const common = { opcode: opcodeName, frames: this.frames, isCompressed: this.isCompressed } as const
    let { lost } = this
    let whole: Uint8Array = NO_BYTES
    try {
      if (lost === undefined) whole = this.whole()
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      lost = error.message
    }
    this.parts = []
    this.message = lost === undefined ? { ...common, bytes: whole } : { ...common, bytes: NO_BYTES, problem: lost }
  }

  /** The message as it was meant. Throws DecodeError. */
  private whole(): Uint8Array {
    if (!this.isCompressed) return joined(this.parts)
    const all = joined([...this.parts, TAIL])
    const plain = inflate(all, 0, all.length, this.history, WINDOW, LONGEST)
    const kept = Math.max(0, Math.min(this.history.length, WINDOW - plain.length))
    const history = new Uint8Array(kept + Math.min(WINDOW, plain.length))
    history.set(this.history.subarray(this.history.length - kept))
    history.set(plain.subarray(Math.max(0, plain.length - WINDOW)), kept)
    this.history = history
    return plain
  }
}

/** What stands behind the header. */
function payloadFields(
  content: Uint8Array | undefined,
  frame: { readonly opcode: number; readonly isMasked: boolean; readonly isPlain: boolean },
  start: number,
  end: number,
): Field[] {
  const { opcode, isMasked } = frame
  const masked = isMasked ? [field('websocket.masked_payload', 'Payload as it travels', amount(end - start), start, end)] : []
  const inside: Field[] = []
  if (content === undefined) {
    inside.push(field('websocket.payload.unknown', 'Not looked into', amount(end - start), start, end))
  } else if (opcode === WEBSOCKET_OPCODE.close && content.length >= 2) {
    const code = read16(content, 0)
    const parts = [
      field('websocket.payload.close.status_code', 'Status code', named(code, closeCodeName(code)), start, start + 2),
    ]
    if (content.length > 2) parts.push(field('websocket.payload.close.reason', 'Reason', words(content, 2), start + 2, end))
    inside.push(field('websocket.payload.close', 'Close', named(code, closeCodeName(code)), start, end, parts))
  } else if (opcode === WEBSOCKET_OPCODE.ping || opcode === WEBSOCKET_OPCODE.pong) {
    const name = opcode === WEBSOCKET_OPCODE.ping ? 'ping' : 'pong'
    inside.push(field(`websocket.payload.${name}`, NAMES[opcode], words(content), start, end))
  } else if (opcode === WEBSOCKET_OPCODE.text && frame.isPlain) {
    inside.push(field('websocket.payload.text', 'Text', words(content), start, end))
  } else {
    const isMore = opcode === WEBSOCKET_OPCODE.continuation
    inside.push(
      field(isMore ? 'websocket.payload.continue' : 'data.data', isMore ? 'Continued' : 'Data', amount(end - start), start, end),
    )
  }
  return [
    ...masked,
    field('websocket.payload', isMasked ? 'Payload, unmasked' : 'Payload', amount(end - start), start, end, inside),
  ]
}
