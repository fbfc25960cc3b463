import { parseIp } from '../wire/address.ts'
import { encodeLatin1 } from '../wire/http1.ts'
import type { Blocking } from '../host/socket.ts'
import type { Http2Scheduler } from '../protocols/http2/options.ts'
import { isNamed } from '../protocols/x509/host-name.ts'
import type { HttpService, SiteAnswer, SiteRecord, SiteRequest, Upgrade } from './http-service.ts'

/**
 * A service over a connection that was made for one name: what is asked of it for another name than that, or than the server's own, came to
 * the wrong place (421, RFC 9110 section 15.5.20). Addresses are everybody's name.
 */
export class DirectedSite implements HttpService {
  readonly scheduler: Http2Scheduler
  readonly keepsBodies: boolean
  readonly streamsBodies?: boolean
  readonly upgrade?: NonNullable<HttpService['upgrade']>

  /**
   * @param asked the name that the client asked for in the handshake
   * @param own DNS names of the server's certificate
   */
  constructor(
    private readonly service: HttpService,
    private readonly asked: string,
    private readonly own: readonly string[],
  ) {
    this.scheduler = service.scheduler
    this.keepsBodies = service.keepsBodies
    if (service.streamsBodies === true) this.streamsBodies = true
    if (service.upgrade !== undefined) this.upgrade = this.upgraded.bind(this, service.upgrade.bind(service))
  }

  get keepAlive(): boolean {
    return this.service.keepAlive
  }

  get digests(): boolean {
    return this.service.digests
  }

  delayOf(target: string): number {
    return this.service.delayOf(target)
  }

  pushesOf(target: string): readonly string[] {
    return this.service.pushesOf(target)
  }

  *answer(request: SiteRequest, record: SiteRecord): Blocking<SiteAnswer> {
    if (this.isRight(request.authority)) return yield* this.service.answer(request, record)
    return this.misdirected(request)
  }

  private *upgraded(
    upgrade: NonNullable<HttpService['upgrade']>,
    request: SiteRequest,
    protocol: string,
    record: SiteRecord,
  ): Blocking<Upgrade | SiteAnswer> {
    return this.isRight(request.authority) ? yield* upgrade(request, protocol, record) : this.misdirected(request)
  }

  private misdirected(request: SiteRequest): SiteAnswer {
    const fields = [
      { name: 'Server', value: 'packetarium' },
      { name: 'Content-Type', value: 'text/plain' },
    ]
    const text = `421 Misdirected Request: nobody here is ${request.authority}\n`
    return { status: 421, fields, content: encodeLatin1(text), isChunked: false }
  }

  private isRight(authority: string): boolean {
    const host = authority.replace(/:\d*$/, '')
    if (host === '' || host.startsWith('[') || parseIp(host) !== undefined) return true
    return isNamed(
      [this.asked, ...this.own].map((name) => ({ type: 'dns' as const, name })),
      host,
    )
  }
}
