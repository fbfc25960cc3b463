import type { Http2Scheduler } from '../protocols/http2/options.ts'
import type { Blocking } from '../host/socket.ts'
import type { EventData } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import type { HeaderField } from '../wire/http1.ts'
import type { ByteStream } from './byte-stream.ts'
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
  /** The body as it comes, where the service wants it so and there is one: `bytes`, `digest` and `body` say nothing then. */
  readonly incoming?: BodyStream | undefined
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

/** A stream of bytes in both directions that a request became: its connection, or its stream of HTTP/2. */
export type Tunnel = Pick<ByteStream, 'connection' | 'read' | 'readNow' | 'arrival' | 'write' | 'shutdown' | 'close' | 'reset'>

/** What a request for another protocol leads to, when it is granted. */
export interface Upgrade {
  /** Of the answer (101, or 200 over HTTP/2), besides Upgrade and Connection. */
  readonly fields: readonly HeaderField[]
  /**
   * Speaks that protocol, until it is over. The tunnel is closed then. May keep nothing of the request, so that tunnels cost little.
   * @param first what has come from the client already, if anything
   */
  run(tunnel: Tunnel, first: Uint8Array): Blocking<void>
}

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
  /**
   * Whether a request with a body is answered as soon as its first bytes are there, the body given as `incoming`. Absent: when it is whole.
   */
  readonly streamsBodies?: boolean
  /**
   * Answers a request for another protocol: by Upgrade (RFC 9110 section 7.8), or by an extended CONNECT of HTTP/2 (RFC 8441). Absent:
   * there are no others, and such a request is answered as any other.
   * @param protocol in lower case: `'websocket'`
   */
  upgrade?(request: SiteRequest, protocol: string, record: SiteRecord): Blocking<Upgrade | SiteAnswer>
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
