import type { HeaderField } from '../wire/http1.ts'
import type { Nanos } from '../kernel/time.ts'
import type { Http1Fault } from '../protocols/http1/fault.ts'
import { SocketError } from '../host/socket.ts'
import type { Digest } from './digest.ts'
import type { HttpUrl } from './url.ts'

/** Why a fetch failed, for the trace: plain values only. */
export interface Failure {
  /** A code: `'ECONNRESET'`, `'incomplete'`. */
  readonly error: string
  /** In words. */
  readonly detail: string
  /** The part of which RFC the peer broke; absent for the network's failures. */
  readonly cites?: string
}

/** Who wants something fetched, and hears what becomes of it. */
export interface FetchOwner {
  responded(fetch: Fetch, status: number, fields: readonly HeaderField[]): void
  /** A part of the body: a view that is not to be kept. */
  received(fetch: Fetch, bytes: Uint8Array): void
  ended(fetch: Fetch): void
  failed(fetch: Fetch, failure: Failure): void
}

/** One request of a browser, and what has come of it so far. */
export interface Fetch {
  /** From 1, within the browser. */
  readonly id: number
  readonly owner: FetchOwner
  readonly url: HttpUrl
  readonly method: 'GET' | 'POST'
  /** Length of the body to send, in bytes. */
  readonly upload: number
  readonly digest: Digest | undefined
  status: number
  bytes: number
  sentAt: Nanos
  /** How often it was sent again because a kept connection had died. */
  retries: number
  /** Whether it went out on a connection that may have been dying already: one that was used before. */
  wasReused: boolean
  /** Whether nobody wants it any more. */
  isCancelled: boolean
}

/** What a socket's error means to a fetch. Throws anything that is no SocketError: that is a fault of this program. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof SocketError)) throw error
  return { error: error.code, detail: error.message }
}

export function failureOfFault({ code, detail, cites }: Http1Fault): Failure {
  return { error: code, detail, cites }
}
