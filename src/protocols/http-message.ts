import type { HeaderField } from '../wire/http1.ts'

/** A field to be sent. Names go out in lower case. */
export interface HttpField extends HeaderField {
  /**
   * Whether no hop may compress it by reference (RFC 7541 section 7.1.3). Absent: only `authorization`, `proxy-authorization` and short
   * cookies are treated so.
   */
  readonly sensitive?: boolean
}

/** RFC 9218 section 4. */
export interface HttpPriority {
  /** 0 to 7, 0 being the most urgent; a request that says nothing has 3. */
  readonly urgency: number
  /** Whether the response is useful in parts, so that it may share with others of its urgency. */
  readonly incremental: boolean
}

/** What a request's pseudo-header fields say (RFC 9113 section 8.3.1), and its other fields. */
export interface HttpRequestHead {
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

export interface HttpRequest extends HttpRequestHead {
  /** Connection, Content-Length and the like must not be given; nor must `priority`, which comes from the argument. */
  readonly fields: readonly HttpField[]
  /** Length of the body in bytes, sent as Content-Length; `'unknown'`: none is sent. 0: there is no body. */
  readonly body: number | 'unknown'
}

export interface HttpResponse {
  /** 200 to 599. */
  readonly status: number
  /** Connection, Content-Length and the like must not be given. */
  readonly fields: readonly HttpField[]
  /**
   * Length of the body in bytes, sent as Content-Length; `'unknown'`: none is sent. To HEAD, and with 304, it is what a GET would
   * have had: no body is sent.
   */
  readonly body: number | 'unknown'
}
