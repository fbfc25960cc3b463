import type { Http2Scheduler } from '../protocols/http2/options.ts'
import type { Blocking } from '../host/socket.ts'
import type { EventData } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import type { HeaderField } from '../wire/http1.ts'
import type { Content } from './web-content.ts'

/** A request that is whole, whatever version of HTTP brought it. */
export interface SiteRequest {
  readonly method: string
  /** Path and query, or an absolute address. */
  readonly target: string
  /** Whom it is for, as the client has it: `'bob:8443'`; '' where it does not say. */
  readonly authority: string
  /** Length of its body, and its digest where digests are wanted. */
  readonly bytes: number
  readonly digest: string | undefined
  /** The body, where the service keeps bodies. */
  readonly body: readonly Uint8Array[]
  readonly fields: readonly HeaderField[]
  /** Whether it came in early data, and may be a replay. */
  readonly isEarly: boolean
  readonly isSecure: boolean
  /** Where it came from, and whom it was addressed to, as text. */
  readonly client: string
  readonly server: string
}

/** A body that comes from elsewhere. */
export interface BodyStream {
  /** In bytes; undefined: nobody knows. */
  readonly length: number | undefined
  /** The next part; undefined: that was all. Throws SocketError when the rest will not come. */
  read(): Blocking<Uint8Array | undefined>
  /** Nobody wants the rest. */
  cancel(): void
}

export interface SiteAnswer {
  /** 200 to 599. */
  readonly status: number
  readonly fields: readonly HeaderField[]
  /** The body; to HEAD and with 304, what a GET would have had. */
  readonly content: Content | Uint8Array | BodyStream | undefined
  /** Whether the length is not to be said. */
  readonly isChunked: boolean
}

/** Writes into the trace what a request did. */
export type SiteRecord = (name: string, data: EventData) => void

/** What stands behind a server's connections, whatever version of HTTP they speak. */
export interface HttpService {
  /** Whether a connection is kept for further requests. */
  readonly keepAlive: boolean
  /** Whether events carry a digest of each body. */
  readonly digests: boolean
  /** Whether it wants the bodies of requests. */
  readonly keepsBodies: boolean
  /** Which stream's bytes go first over HTTP/2 and HTTP/3. */
  readonly scheduler: Http2Scheduler
  /** How long an answer is thought about. */
  delayOf(target: string): Nanos
  /** Paths that are pushed with the answer. */
  pushesOf(target: string): readonly string[]
  answer(request: SiteRequest, record: SiteRecord): Blocking<SiteAnswer>
}

/** How a connection came to be served. */
export interface ServedAs {
  /** Whether it is under TLS. */
  readonly isSecure: boolean
  /** Bytes that were read from it already. */
  readonly first?: Uint8Array | undefined
}

/** Of a request's body, in bytes: longer ones are not kept. */
export const KEPT_BODY = 1 << 20

const NO_BYTES = new Uint8Array(0)

export function isStream(content: SiteAnswer['content']): content is BodyStream {
  return content !== undefined && 'cancel' in content
}

/** The bytes of an answer's body from an offset on, as many as there are in one piece. Views: not to be written to. */
export function pieceOf(content: Content | Uint8Array | undefined, offset: number): Uint8Array {
  if (content === undefined) return NO_BYTES
  return content instanceof Uint8Array ? content.subarray(offset) : content.piece(offset)
}
