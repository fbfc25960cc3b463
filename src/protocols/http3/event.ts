import type { HeaderField } from '../../wire/http1.ts'
import type { HttpRequestHead } from '../http-message.ts'
import type { Http3Fault } from './fault.ts'
import type { Http3Settings } from './options.ts'

/** What both ends of a connection tell. `stream` is the number of a request's stream (RFC 9000 section 2.1): 0, 4, 8, … */
export type Http3CommonEvent =
  /** A part of a body: a view of bytes that were handled. */
  | { readonly type: 'data'; readonly stream: number; readonly bytes: Uint8Array }
  /** The peer's message is whole. */
  | { readonly type: 'end'; readonly stream: number; readonly trailers: readonly HeaderField[] }
  /**
   * The peer has given up this stream, or broken it: neither end will send anything more on it. Behind `end`, it only says that the rest of
   * our message is not wanted (RFC 9114 section 4.1).
   */
  | {
      readonly type: 'reset'
      readonly stream: number
      readonly error: Http3Fault
      /** Whether the peer did nothing with it, so that a request may be sent again (RFC 9114 section 4.1.1). */
      readonly isUnprocessed: boolean
    }
  /** The peer's settings, all of them. */
  | { readonly type: 'settings'; readonly settings: Http3Settings }
  /**
   * A field section cannot be read before the peer's encoder has inserted so many entries: what is missing is on another stream (RFC 9204
   * section 2.1.2). Nothing behind it on its stream is told until `unblocked`.
   */
  | { readonly type: 'blocked'; readonly stream: number; readonly requiredInsertCount: number }
  | { readonly type: 'unblocked'; readonly stream: number }
  /** An HTTP datagram that belongs to a request (RFC 9297 section 2): a view of bytes that were handled. */
  | { readonly type: 'datagram'; readonly stream: number; readonly bytes: Uint8Array }
  /** The peer takes no more requests from stream `firstRefused` on. Those that had been begun are told by `reset`. */
  | { readonly type: 'goaway'; readonly firstRefused: number; readonly error: Http3Fault }
  /** The connection is over; the transport was closed, if it was not before. */
  | {
      readonly type: 'closed'
      /** Undefined when it ended as announced, or while nothing was owed. */
      readonly error: Http3Fault | undefined
      /** Streams that were cut short, in the order of their numbers. No `reset` is told for them. */
      readonly broken: readonly number[]
      /** Those of `broken` that were ours, and with which the peer did nothing for certain. */
      readonly unprocessed: readonly number[]
    }

export type Http3ClientEvent =
  | Http3CommonEvent
  /** `request` may be called again. */
  | { readonly type: 'available' }
  /** A 1xx response. */
  | { readonly type: 'informational'; readonly stream: number; readonly status: number; readonly fields: readonly HeaderField[] }
  /** The head of the final response. */
  | { readonly type: 'response'; readonly stream: number; readonly status: number; readonly fields: readonly HeaderField[] }

export type Http3ServerEvent = Http3CommonEvent | ({ readonly type: 'request'; readonly stream: number } & HttpRequestHead)
