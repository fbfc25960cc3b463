import { DecodeError } from '../../wire/errors.ts'
import {
  applyMask,
  CONTROL_LIMIT,
  decodeWebSocketHeader,
  headerLength,
  isControl,
  WEBSOCKET_BIT,
  WEBSOCKET_HEADER_LIMIT,
  WEBSOCKET_OPCODE,
  WebSocketDecodeError,
} from '../../wire/websocket.ts'
import type { WebSocketHeader } from '../../wire/websocket.ts'
import { validateUtf8 } from '../../wire/websocket-text.ts'
import { DEFLATE_TAIL_LENGTH, MessageCompression } from './compression.ts'
import { MessageAssembly } from './message-assembly.ts'
import type { WebSocketOptions, WebSocketSettings } from './options.ts'
import { DEFAULT_WEBSOCKET_SETTINGS } from './options.ts'

/** A rule that the peer has broken. */
export class Violation extends Error {
  override readonly name = 'Violation'
  constructor(
    /** Status code that answers it. */
    readonly code: number,
    readonly detail: string,
    readonly cites: string,
  ) {
    super(detail)
  }
}

function broken(detail: string, section: string): Violation {
  return new Violation(1002, detail, `RFC 6455 section ${section}`)
}

const { continuation, text } = WEBSOCKET_OPCODE
/** Bit n is set when opcode n exists. */
const KNOWN_OPCODES = 0b0000_0111_0000_0111

/**
 * How an end takes frames and puts messages together: RFC 6455 sections 5.2 to 5.6, RFC 7692 section 6. It holds what has begun and not ended,
 * and nothing between two frames.
 */
export abstract class WebSocketReception {
  protected readonly isClient: boolean
  protected readonly settings: WebSocketSettings
  protected readonly parameters: WebSocketOptions['deflate']
  /** Made when the first message is compressed. */
  private compression: MessageCompression | undefined
  /** The beginning of a header that came in pieces, and how much of it there is. */
  private partial: Uint8Array | undefined
  private partialLength = 0
  /** Of the frame that is coming in; −1: none is. */
  private remaining = -1
  private mask = 0
  /** How much of its payload has come. */
  private phase = 0
  private opcode = 0
  private isFinal = false
  private message: MessageAssembly | undefined
  private control: MessageAssembly | undefined

  protected constructor({ role, deflate, settings = DEFAULT_WEBSOCKET_SETTINGS }: WebSocketOptions) {
    this.isClient = role === 'client'
    this.settings = settings
    this.parameters = deflate
  }

  /** Whether nothing more is to be read. */
  protected abstract get isDeaf(): boolean
  protected abstract takeMessage(opcode: 'text' | 'binary', bytes: Uint8Array): void
  /** Throws Violation. */
  protected abstract takeControl(opcode: number, payload: Uint8Array): void

  /** Takes bytes of the stream. Throws Violation. */
  protected read(bytes: Uint8Array): void {
    try {
      let at = 0
      while (at < bytes.length && !this.isDeaf) {
        at = this.remaining < 0 ? this.readHeader(bytes, at) : this.readPayload(bytes, at)
      }
    } catch (error) {
      if (error instanceof WebSocketDecodeError) throw new Violation(error.code, error.detail, error.cites)
      if (!(error instanceof DecodeError)) throw error
      const isLarge = error.problem === 'oversized'
      const detail = `a compressed message: ${error.message}`
      throw new Violation(isLarge ? 1009 : 1007, detail, isLarge ? 'RFC 7692 section 8' : 'RFC 7692 section 7.2.2')
    }
  }

  /** Whether a frame or a message has begun and is not whole. */
  protected get isMidway(): boolean {
    return this.remaining >= 0 || this.partialLength > 0 || this.message !== undefined
  }

  /** Forgets what has begun. */
  protected stopReading(): void {
    this.partial = undefined
    this.message = undefined
    this.control = undefined
    this.compression = undefined
  }

  /** The compression of both directions. */
  protected get compressor(): MessageCompression | undefined {
    if (this.parameters === undefined) return undefined
    return (this.compression ??= new MessageCompression(this.isClient, this.parameters))
  }

  private readHeader(bytes: Uint8Array, start: number): number {
    if (this.partialLength === 0 && bytes.length - start >= 2) {
      const end = start + headerLength(bytes[start + 1])
      if (end <= bytes.length) {
        this.beginFrame(bytes, start)
        return end
      }
    }
    const partial = (this.partial ??= new Uint8Array(WEBSOCKET_HEADER_LIMIT))
    let at = start
    while (at < bytes.length) {
      partial[this.partialLength++] = bytes[at++]
      if (this.partialLength < 2 || this.partialLength < headerLength(partial[1])) continue
      this.partial = undefined
      this.partialLength = 0
      this.beginFrame(partial, 0)
      return at
    }
    return at
  }

  private beginFrame(bytes: Uint8Array, start: number): void {
    const header: WebSocketHeader = { isFinal: false, reserved: 0, opcode: 0, isMasked: false, mask: 0, length: 0 }
    decodeWebSocketHeader(bytes, start, header)
    const { opcode, length, isFinal } = header
    this.checkHead(header)
    if (isControl(opcode)) {
      if (!isFinal) throw broken('a control frame in fragments', '5.5')
      if (length > CONTROL_LIMIT) throw broken(`a control frame of ${String(length)} bytes`, '5.5')
      this.control = undefined
    } else {
      this.beginData(header)
    }
    this.opcode = opcode
    this.isFinal = isFinal
    this.mask = header.mask
    this.phase = 0
    this.remaining = length
    if (length === 0) this.endFrame()
  }

  private checkHead({ reserved, opcode, isMasked }: WebSocketHeader): void {
    if (((KNOWN_OPCODES >> opcode) & 1) === 0) throw broken(`the opcode 0x${opcode.toString(16)}, which is reserved`, '5.2')
    // RFC 7692 section 6: RSV1 stands in the first frame of a message only.
    const mayBeCompressed = this.parameters !== undefined && opcode !== continuation && !isControl(opcode)
    if ((reserved & ~(mayBeCompressed ? WEBSOCKET_BIT.RSV1 : 0)) !== 0) {
      throw broken('a reserved bit that means nothing here', '5.2')
    }
    if (isMasked === this.isClient) {
      throw broken(this.isClient ? 'the server masks what it sends' : 'the client does not mask what it sends', '5.1')
    }
  }

  private beginData({ opcode, length, reserved, isFinal }: WebSocketHeader): void {
    const { settings, message } = this
    const isCompressed = message?.isCompressed ?? reserved !== 0
    if (opcode === continuation) {
      if (message === undefined) throw broken('a continuation of nothing', '5.4')
      if (++message.fragments > settings.maxFragments) {
        throw new Violation(1008, `a message of over ${String(settings.maxFragments)} frames`, 'RFC 6455 section 10.4')
      }
    } else if (message !== undefined) {
      throw broken('another message in the middle of one', '5.4')
    }
    const before = message?.length ?? 0
    const { maxFrame, maxMessage } = settings
    // What does not get shorter by compression gets a little longer.
    const most = isCompressed ? maxMessage + Math.ceil(maxMessage / 8) + 64 : maxMessage
    if (length > maxFrame) throw new Violation(1009, `a frame of ${String(length)} bytes`, 'RFC 6455 section 10.4')
    if (before + length > most) {
      throw new Violation(1009, `a message of over ${String(maxMessage)} bytes`, 'RFC 6455 section 10.4')
    }
    // A message in one frame that came whole needs no putting together.
    if (opcode !== continuation && !(isFinal && !isCompressed)) {
      this.message = new MessageAssembly(
        opcode,
        isCompressed,
        opcode === text && !isCompressed,
        isCompressed ? DEFLATE_TAIL_LENGTH : 0,
      )
    }
  }

  private readPayload(bytes: Uint8Array, start: number): number {
    const { opcode, remaining, mask, phase } = this
    const end = Math.min(bytes.length, start + remaining)
    const taken = end - start
    if (isControl(opcode)) {
      this.control ??= new MessageAssembly(opcode, false, false, 0)
      this.control.add(bytes, start, end, phase + remaining, mask, phase)
    } else {
      if (this.message === undefined && taken === remaining) {
        this.remaining = -1
        this.takeWhole(bytes, start, end)
        return end
      }
      const message = (this.message ??= new MessageAssembly(opcode, false, opcode === text, 0))
      const expected = this.isFinal ? message.length + remaining : Infinity
      if (!message.add(bytes, start, end, expected, mask, phase)) throw notText()
    }
    this.phase += taken
    this.remaining -= taken
    if (this.remaining === 0) this.endFrame()
    return end
  }

  /** A message in one frame, whose payload came in one piece: unmasked it is told as it lies there. */
  private takeWhole(bytes: Uint8Array, start: number, end: number): void {
    let content: Uint8Array
    if (this.mask === 0) {
      content = start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)
    } else {
      content = bytes.slice(start, end)
      applyMask(content, 0, content.length, this.mask)
    }
    const isText = this.opcode === text
    if (isText && validateUtf8(content, 0, content.length, 0) !== 0) throw notText()
    this.takeMessage(isText ? 'text' : 'binary', content)
  }

  private endFrame(): void {
    this.remaining = -1
    if (isControl(this.opcode)) {
      const payload = this.control?.content ?? new Uint8Array(0)
      this.control = undefined
      this.takeControl(this.opcode, payload)
      return
    }
    if (!this.isFinal) return
    const { message } = this
    this.message = undefined
    // Without one it is a message of nothing.
    const opcode = (message?.opcode ?? this.opcode) === text ? 'text' : 'binary'
    const content = message === undefined ? new Uint8Array(0) : this.contentOf(message)
    this.takeMessage(opcode, content)
  }

  private contentOf(message: MessageAssembly): Uint8Array {
    if (!message.isCompressed) {
      if (message.utf8 !== 0) throw notText()
      return message.content
    }
    const { compressor } = this
    if (compressor === undefined) throw new Error('a compressed message though nothing was agreed on')
    if (message.bytes.length === 0) throw new Violation(1007, 'a compressed message of no blocks', 'RFC 7692 section 7.2.1')
    const plain = compressor.decompress(message.bytes, message.length, this.settings.maxMessage)
    if (message.opcode === text && validateUtf8(plain, 0, plain.length, 0) !== 0) throw notText()
    return plain
  }
}

function notText(): Violation {
  return new Violation(1007, 'a text that is not UTF-8', 'RFC 6455 section 8.1')
}
