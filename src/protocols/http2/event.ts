import type { HeaderField } from '../../wire/http1.ts'
import type { Http2Fault } from './fault.ts'
import type { HttpRequestHead } from '../http-message.ts'
import type { Http2Settings } from './options.ts'

/** What both ends of a connection tell. `stream` is a stream's number (RFC 9113 section 5.1.1). */
export type Http2CommonEvent =
  /** A part of a body: a view of bytes that were handled. */
  | { readonly type: 'data'; readonly stream: number; readonly bytes: Uint8Array }
  /** The peer's message is whole. */
  | { readonly type: 'end'; readonly stream: number; readonly trailers: readonly HeaderField[] }
  /**
   * The peer has given up this stream, or broken it: neither end will send anything more on it. Behind `end`, it only says that the rest of
   * our message is not wanted (RFC 9113 section 8.1).
   */
  | {
      readonly type: 'reset'
      readonly stream: number
      readonly error: Http2Fault
      /** Whether the peer did nothing with it, so that a request may be sent again (RFC 9113 section 8.7). */
      readonly isUnprocessed: boolean
    }
  /** The peer's settings, all of them as they are now. */
  | { readonly type: 'settings'; readonly settings: Http2Settings }
  /** The peer has answered a `ping`, whose bytes these are. */
  | { readonly type: 'pong'; readonly data: Uint8Array }
  /** The peer takes no more streams of ours above `lastStream`. Those that had been begun are told by `reset`. */
  | { readonly type: 'goaway'; readonly lastStream: number; readonly error: Http2Fault }
  /** The connection is over: send what is left to poll, and close it. */
  | {
      readonly type: 'closed'
      /** Undefined when it ended as announced, or while nothing was owed. */
      readonly error: Http2Fault | undefined
      /** Streams that were cut short, in the order of their numbers. No `reset` is told for them. */
      readonly broken: readonly number[]
      /** Those of `broken` that were ours, and with which the peer did nothing for certain. */
      readonly unprocessed: readonly number[]
    }

export type Http2ClientEvent =
  | Http2CommonEvent
  /** A 1xx response. */
  | { readonly type: 'informational'; readonly stream: number; readonly status: number; readonly fields: readonly HeaderField[] }
  /** The head of the final response. */
  | { readonly type: 'response'; readonly stream: number; readonly status: number; readonly fields: readonly HeaderField[] }
  /** The server will answer a request that was not made, on a stream of its own. `cancel` refuses it. */
  | ({ readonly type: 'pushed'; readonly stream: number; readonly parent: number } & HttpRequestHead)

export type Http2ServerEvent = Http2CommonEvent | ({ readonly type: 'request'; readonly stream: number } & HttpRequestHead)
