import type { HeaderField } from '../../wire/http1.ts'
import type { HttpPriority } from '../http-message.ts'
import { LocalProtocolError } from '../local-protocol-error.ts'
import { Http3FrameReader } from './frame-reader.ts'

/** What may come next on a request's stream (RFC 9114 section 4.1). */
type Expected =
  /** The header section of the message. */
  | 'head'
  /** Its content, or trailers. */
  | 'body'
  /** The end. */
  | 'end'

/** The stream of one request and its response. */
export class Http3Stream {
  readonly reader = new Http3FrameReader()
  expects: Expected = 'head'
  /** Method of the request, once it is known. */
  method = ''
  /** The encoded field section for which the table does not suffice yet. */
  blockedSection: Uint8Array | undefined
  /** Whether the transport has told all of it that comes. */
  hasFin = false
  /** Whether the peer's message is whole. */
  isReceived = false
  /** Whether our message has been given to the transport as a whole. */
  isSent = false
  trailers: readonly HeaderField[] = []
  /** Bytes of the body that Content-Length still promises; undefined: it promises nothing. */
  promised: number | undefined
  /** Bytes that were told to the owner, who has not used them up. */
  unconsumed = 0
  /** Bytes that the transport has told. */
  received = 0
  /** How many of them were given back to the transport, or told to the owner. */
  settled = 0
  /** Whether the owner knows of it. */
  isTold = false
  /** Whether our message on it was begun. */
  isAnswered = false
  /** Whether nothing more is sent on it, and nothing left to be reset. */
  isSendingOver = false
  /** Bytes that we have sent. */
  sentBytes = 0
  private isSending = false
  /** Bytes of the body that our Content-Length still promises. */
  private owed: number | undefined

  constructor(
    readonly id: number,
    public priority: HttpPriority,
  ) {}

  /** Whether it carries something else than HTTP messages: only DATA frames (RFC 9114 section 4.4). */
  get isTunnel(): boolean {
    return this.method === 'CONNECT'
  }

  /** A message with a body was begun. @param length undefined: any */
  beginBody(length: number | undefined): void {
    this.isSending = true
    this.owed = length
  }

  /** A part of the body. Throws LocalProtocolError when it may not be sent. */
  takeBody(length: number): void {
    if (!this.isSending) throw new LocalProtocolError(`no body is being sent on stream ${String(this.id)}`)
    if (this.owed === undefined) return
    if (length > this.owed) {
      throw new LocalProtocolError(`a body goes ${String(length - this.owed)} bytes beyond its Content-Length`)
    }
    this.owed -= length
  }

  /** The body is whole. Throws LocalProtocolError when it is not. */
  endBody(): void {
    if (!this.isSending) throw new LocalProtocolError(`no body is being sent on stream ${String(this.id)}`)
    if (this.owed !== undefined && this.owed > 0) {
      throw new LocalProtocolError(`a body ends ${String(this.owed)} bytes short of its Content-Length`)
    }
    this.isSending = false
  }
}
