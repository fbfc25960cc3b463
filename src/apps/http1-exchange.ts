import { Http1Client } from '../protocols/http1/client.ts'
import type { Http1ClientEvent } from '../protocols/http1/client.ts'
import type { AppContext, Blocking } from '../host/socket.ts'
import type { Nanos } from '../kernel/time.ts'
import type { HeaderField } from '../wire/http1.ts'
import type { ByteStream } from './byte-stream.ts'
import { filler, fillerKey } from './filler.ts'
import type { ExchangeOwner } from './http-exchange.ts'
import { StreamExchange } from './stream-exchange.ts'
import { formatAuthority } from './url.ts'
import { failureOfFault } from './web-fetch.ts'
import type { Failure, Fetch } from './web-fetch.ts'

const ENDED: Failure = { error: 'incomplete', detail: 'the connection ended before the response', whose: 'remote' }

/** Whether a response whose length nobody has said is whole, only TLS can tell (RFC 9112 section 9.8). */
const TRUNCATED: Failure = {
  error: 'incomplete',
  detail: 'the connection ended without the end of TLS: bytes may be missing',
  whose: 'remote',
  cites: 'RFC 9112 section 9.8',
}

/** HTTP/1.0 and 1.1 over one connection: one request after the other, or in a pipeline. */
export class Http1Exchange extends StreamExchange {
  readonly isMultiplexed = false
  private readonly http: Http1Client
  private uploading: Fetch | undefined

  /**
   * @param isCautious whether one response has to come before requests are pipelined, for a pipeline has just broken (RFC 9112
   * section 9.3.2)
   */
  constructor(
    context: AppContext,
    owner: ExchangeOwner,
    readonly protocol: 'http/1.0' | 'http/1.1',
    private isCautious: boolean,
  ) {
    super(context, owner)
    // HTTP/1.0 as it was published knows no connection that is kept (RFC 1945 section 1.3).
    const isOld = protocol === 'http/1.0'
    this.http = new Http1Client({ version: isOld ? '1.0' : '1.1', keepAlive: owner.settings.keepAlive && !isOld })
  }

  get canBegin(): boolean {
    return this.stream !== undefined && this.inFlight.size === 0 && this.http.canRequest
  }

  /** Nothing goes out behind POST (RFC 9112 section 9.3.2). */
  get canPipeline(): boolean {
    if (this.isCautious || this.stream === undefined || !this.http.canRequest) return false
    for (const { method } of this.inFlight.values()) if (method === 'POST') return false
    return true
  }

  protected isAnswering(fetch: Fetch): boolean {
    const [oldest] = this.inFlight.values()
    return fetch === oldest && this.http.isAnswering
  }

  protected request(fetch: Fetch, conditions: readonly HeaderField[]): number {
    const { url, method, request } = fetch
    const fields = [{ name: 'Host', value: formatAuthority(url) }, ...this.fieldsOf(conditions)]
    if (request.upload > 0) this.uploading = fetch
    return this.http.request({ method, target: url.target, fields, body: request.upload })
  }

  protected handle(bytes: Uint8Array | undefined, now: Nanos): void {
    const { http } = this
    if (bytes === undefined && this.isTruncated && this.inFlight.size > 0) {
      this.lose(TRUNCATED)
      return
    }
    if (bytes === undefined) http.handleEnd(now)
    else http.handle(bytes, now)
    for (let event = http.pollEvent(); event; event = http.pollEvent()) this.takeEvent(event)
  }

  private takeEvent(event: Http1ClientEvent): void {
    const { inFlight } = this
    if (event.type === 'closed') {
      const { error } = event
      if (error) this.record('http:connection-failed', { ...failureOfFault(error) })
      const broken = event.broken === undefined ? undefined : inFlight.get(event.broken)
      const failure = error ? failureOfFault(error) : ENDED
      this.end(failure, error === undefined, broken === undefined ? [] : [broken])
      return
    }
    const fetch = inFlight.get(event.id)
    if (fetch === undefined) return
    switch (event.type) {
      case 'informational':
        return
      case 'response':
        this.respond(fetch, event.status, event.fields)
        return
      case 'data':
        this.receive(fetch, event.bytes)
        return
      case 'end':
        this.isCautious = false
        this.complete(event.id, fetch)
    }
  }

  protected pollTransmit(): Uint8Array | undefined {
    return this.http.pollTransmit()
  }

  protected isSent(): boolean {
    return true
  }

  protected written(): void {
    // Nobody asks where the bytes of a message went.
  }

  protected *sendBodies(stream: ByteStream): Blocking<void> {
    for (let fetch = this.uploading; fetch; fetch = this.uploading) {
      this.uploading = undefined
      yield* this.sendBody(stream, fetch)
    }
  }

  private *sendBody(stream: ByteStream, fetch: Fetch): Blocking<void> {
    const { upload } = fetch.request
    const key = fillerKey(fetch.url.target)
    stream.setNoDelay(false)
    for (let sent = 0; sent < upload;) {
      const piece = filler(key, sent, upload - sent)
      sent += piece.length
      this.http.sendBody(piece)
      yield* this.writeAll(stream)
    }
    this.http.endBody()
    yield* this.writeAll(stream)
    stream.setNoDelay(true)
    this.owner.available()
  }

  reprioritise(): void {
    // Responses come in the order of their requests.
  }

  cancel(): boolean {
    return false
  }
}
