import type { HeaderField } from '../../wire/http1.ts'

/** A field to be sent. Names go out in lower case. */
export interface Http2Field extends HeaderField {
  /**
   * Whether no hop may compress it by reference (RFC 7541 section 7.1.3). Absent: only `authorization`, `proxy-authorization` and short
   * cookies are treated so.
   */
  readonly sensitive?: boolean
}

/** RFC 9218 section 4. */
export interface Http2Priority {
  /** 0 to 7, 0 being the most urgent; a request that says nothing has 3. */
  readonly urgency: number
  /** Whether the response is useful in parts, so that it may share with others of its urgency. */
  readonly incremental: boolean
}

/** What a request's pseudo-header fields say (RFC 9113 section 8.3.1), and its other fields. */
export interface Http2RequestHead {
  /** Case-sensitive. */
  readonly method: string
  /** `'https'`; empty for CONNECT. */
  readonly scheme: string
  /** `'bob'`, `'bob:8443'`; what the field Host said when there was no `:authority`. */
  readonly authority: string
  /** With the query: `'/a?b=c'`; empty for CONNECT. */
  readonly path: string
  /** Of an extended CONNECT (RFC 8441 section 4): `'websocket'`. */
  readonly protocol?: string
  readonly fields: readonly HeaderField[]
}

export interface Http2Request extends Http2RequestHead {
  /** Connection, Content-Length and the like must not be given; nor must `priority`, which comes from the argument. */
  readonly fields: readonly Http2Field[]
  /** Length of the body in bytes, sent as Content-Length; `'unknown'`: none is sent. 0: there is no body. */
  readonly body: number | 'unknown'
}

export interface Http2Response {
  /** 200 to 599. */
  readonly status: number
  /** Connection, Content-Length and the like must not be given. */
  readonly fields: readonly Http2Field[]
  /**
   * Length of the body in bytes, sent as Content-Length; `'unknown'`: none is sent. To HEAD, and with 304, it is what a GET would
   * have had: no body is sent.
   */
  readonly body: number | 'unknown'
}

/** A body that is made when it is sent, so that it takes no memory while it waits for windows. */
export interface BodySource {
  /** In bytes. */
  readonly length: number
  /** At least one and at most `most` bytes at this offset; they must not change any more. Must not call the endpoint. */
  read: (offset: number, most: number) => Uint8Array
}
