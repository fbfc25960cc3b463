import type { HeaderField } from '../wire/http1.ts'
import type { Environment, EventData } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import { SocketError } from '../host/socket.ts'
import type { SocketErrorCode } from '../host/socket.ts'
import { Digest } from './digest.ts'
import type { FetchKind, FetchOutcome, FetchPhase, FetchPriority, FetchProtocol } from './fetch-events.ts'
import { QuicError } from './quic-error.ts'
import { SecureStreamError } from './secure-stream-error.ts'
import { formatUrl } from './url.ts'
import type { HttpUrl } from './url.ts'

/** Why a fetch failed, for the trace: plain values only. */
export interface Failure {
  /** A code: `'ECONNRESET'`, `'incomplete'`, `'ERR_CERT_DATE_INVALID'`. */
  readonly error: string
  /** In words. */
  readonly detail: string
  /** The part of which RFC the peer broke; absent for the network's failures. */
  readonly cites?: string
  /** Whose fault it is, as far as can be told. */
  readonly whose: 'local' | 'remote' | 'network'
}

/** Who wants something fetched, and hears what becomes of it. */
export interface FetchOwner {
  responded(fetch: Fetch, status: number, fields: readonly HeaderField[]): void
  /** A part of the body: a view that is not to be kept. */
  received(fetch: Fetch, bytes: Uint8Array): void
  ended(fetch: Fetch): void
  failed(fetch: Fetch, failure: Failure): void
}

/** What is wanted. */
export interface FetchRequest {
  readonly url: HttpUrl
  readonly kind: FetchKind
  readonly priority: FetchPriority
  /** Id of the fetch whose bytes named it; 0: the person. */
  readonly initiator: number
  /** Whether nothing is painted without it. */
  readonly renderBlocking: boolean
  /** Length of a body to post, in bytes; 0: it is got. */
  readonly upload: number
  /** How many redirects led here. */
  readonly redirects: number
}

/** One request of a browser, what has come of it so far, and its phases: see `fetch-events.ts`. */
export class Fetch {
  status = 0
  /** Of the body, so far. */
  bytes = 0
  sentAt: Nanos = 0
  /** How often it was sent again because a kept connection had died. */
  retries = 0
  /** How often it was sent again, for whatever reason. */
  returns = 0
  /** Whether it went out on a connection that may have been dying already: one that was used before. */
  wasReused = false
  /** Whether it went out in early data of TLS. */
  wasEarly = false
  /** Whether nobody wants it any more. */
  isCancelled = false
  /** Where its response leads instead; '': nowhere. */
  location = ''
  /** Fields for its request besides the usual: a condition, from the cache. */
  conditions: readonly HeaderField[] = []
  readonly method: 'GET' | 'POST'
  readonly digest: Digest | undefined
  priority: FetchPriority
  private phase: FetchPhase | 'ended' = 'queued'

  /**
   * @param id from 1, within the browser
   * @param owner who hears of it from the network
   * @param digests whether a digest of the body is wanted
   */
  constructor(
    private readonly environment: Environment,
    readonly id: number,
    readonly owner: FetchOwner,
    readonly request: FetchRequest,
    digests: boolean,
  ) {
    const { url, kind, priority, initiator, renderBlocking, upload } = request
    this.method = upload > 0 ? 'POST' : 'GET'
    this.priority = priority
    this.digest = digests ? new Digest() : undefined
    environment.record('fetch:queued', '', { id, url: formatUrl(url), kind, priority, initiator, renderBlocking })
  }

  get url(): HttpUrl {
    return this.request.url
  }

  get isEnded(): boolean {
    return this.phase === 'ended'
  }

  /** The next phase begins, unless it is this one, or all is over. */
  enter(phase: FetchPhase, connection: string, stream?: number): void {
    if (this.phase === phase || this.phase === 'ended') return
    this.phase = phase
    this.environment.record('fetch:phase-started', connection, { id: this.id, phase, ...(stream !== undefined && { stream }) })
  }

  /** The last phase is over. Counts once. */
  end(outcome: FetchOutcome, protocol: FetchProtocol | '', connection: string, more: EventData = {}): void {
    if (this.phase === 'ended') return
    this.phase = 'ended'
    const { id, status, bytes, location } = this
    const leads = location === '' ? {} : { location }
    this.environment.record('fetch:ended', connection, { id, status, bytes, outcome, protocol, ...leads, ...more })
  }

  /** Nothing will come of it. */
  fail(failure: Failure, connection = '', protocol: FetchProtocol | '' = ''): void {
    this.end('failed', protocol, connection, { ...failure })
    this.owner.failed(this, failure)
  }
}

/** Whose fault an error of a socket is, as far as can be told from here. */
const WHOSE: Readonly<Partial<Record<SocketErrorCode, Failure['whose']>>> = {
  ECONNREFUSED: 'remote',
  ECONNRESET: 'remote',
  ETIMEDOUT: 'network',
  EHOSTUNREACH: 'network',
  ENETUNREACH: 'network',
  ENOTFOUND: 'network',
}

/** What a socket's error means to a fetch. Throws anything that is no SocketError: that is a fault of this program. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof SocketError)) throw error
  if (error instanceof SecureStreamError) {
    const { detail, cites, whose } = error
    return { error: error.error, detail, whose: whose === 'peer' ? 'remote' : whose, ...(cites !== '' && { cites }) }
  }
  if (error instanceof QuicError) {
    const { detail, cites, whose } = error.fault
    return { error: error.error, detail, whose: whose === 'peer' ? 'remote' : whose, ...(cites !== '' && { cites }) }
  }
  return { error: error.code, detail: error.message, whose: WHOSE[error.code] ?? 'local' }
}

/** What an endpoint's fault means to a fetch. */
export function failureOfFault(fault: {
  readonly whose: Failure['whose']
  readonly code: string
  readonly detail: string
  readonly cites: string
}): Failure {
  return { error: fault.code, detail: fault.detail, whose: fault.whose, cites: fault.cites }
}
