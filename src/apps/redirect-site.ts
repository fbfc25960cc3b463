import type { Http2Scheduler } from '../protocols/http2/options.ts'
import type { Blocking } from '../host/socket.ts'
import { encodeLatin1 } from '../wire/http1.ts'
import type { HttpService, SiteAnswer, SiteRequest } from './http-service.ts'

/** Sends everybody who comes without TLS to the same place under TLS. */
export class RedirectSite implements HttpService {
  readonly scheduler: Http2Scheduler = 'priority'
  readonly keepsBodies = false

  /** @param port where TLS is spoken */
  constructor(
    private readonly port: number,
    private readonly server: Pick<HttpService, 'keepAlive' | 'digests'>,
  ) {}

  get keepAlive(): boolean {
    return this.server.keepAlive
  }

  get digests(): boolean {
    return this.server.digests
  }

  delayOf(): number {
    return 0
  }

  pushesOf(): readonly string[] {
    return []
  }

  *answer({ target, authority, method }: SiteRequest): Blocking<SiteAnswer> {
    yield* []
    const host = authority.replace(/:\d*$/, '')
    if (host === '') return textual(400, '400 Bad Request: nobody knows for which host\n')
    const path = target.startsWith('/') ? target : '/'
    const location = `https://${host}${this.port === 443 ? '' : `:${String(this.port)}`}${path}`
    // What was sent once has been seen; at least it is not sent as another request (RFC 9110 section 15.4.9).
    const status = method === 'GET' || method === 'HEAD' ? 301 : 308
    return textual(status, `${String(status)}: ${location}\n`, location)
  }
}

function textual(status: number, text: string, location?: string): SiteAnswer {
  const fields = [
    { name: 'Server', value: 'packetarium' },
    { name: 'Content-Type', value: 'text/plain' },
    ...(location === undefined ? [] : [{ name: 'Location', value: location }]),
  ]
  return { status, fields, content: encodeLatin1(text), isChunked: false }
}
