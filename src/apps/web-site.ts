import { encodeLatin1 } from '../wire/http1.ts'
import type { HeaderField } from '../wire/http1.ts'
import { pathOf } from './forwarding.ts'
import type { SiteAnswer, SiteRecord, SiteRequest } from './http-service.ts'
import { countSetting, fixedSetting, flagSetting, LONGEST } from './setting.ts'
import { contentOf } from './web-content.ts'
import type { Content, ServedResource } from './web-content.ts'

export interface WebSiteOptions {
  /** By path. */
  readonly serves: Readonly<Record<string, Readonly<ServedResource>>>
  /** Seconds for which browsers shall come by https only; undefined: nothing is said. */
  readonly hsts?: number | undefined
  /** Of resources that say nothing else. */
  readonly cacheControl?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

const WITHOUT_MORE: readonly HeaderField[] = []

const RESOURCE_SETTING = /^serves\[("(?:[ !#-[\]-~]|\\["\\])*")\]\.(delay|size|chunked|tooEarly)$/
const ALLOWED = 'GET, HEAD, POST, PUT, OPTIONS'
const KNOWN_METHODS = new Set(['DELETE', 'CONNECT', 'TRACE', 'PATCH'])
const SERVER: HeaderField = { name: 'Server', value: 'packetarium' }

function text(status: number, body: string, more: readonly HeaderField[] = []): SiteAnswer {
  const fields = [SERVER, { name: 'Content-Type', value: 'text/plain' }, ...more]
  return { status, fields, content: encodeLatin1(body), isChunked: false }
}

function valueOf(fields: readonly HeaderField[], name: string): string | undefined {
  return fields.find((field) => field.name === name)?.value
}

/**
 * What is there to be got: made-up content by path. POST and PUT are accepted at every path, the body counted and thrown away; where a
 * resource has an effect, it takes place each time.
 */
export class WebSite {
  private readonly resources: Map<string, ServedResource>
  private readonly contents = new Map<string, Content>()
  private readonly counts = new Map<string, number>()
  /** What is said under TLS of other ways to get the same (RFC 7838); undefined: nothing. */
  altSvc: string | undefined

  constructor(private readonly options: WebSiteOptions) {
    this.resources = new Map(Object.entries(options.serves).map(([path, resource]) => [path, { ...resource }]))
  }

  /** `delay` of all resources; `serves["/a"].delay`, `.size`, `.chunked`, `.tooEarly`. @param others what else can be changed */
  configure(path: string, value: unknown, others: readonly string[]): void {
    if (path === 'delay') {
      const delay = countSetting(path, value, 0, LONGEST)
      for (const resource of this.resources.values()) resource.delay = delay
      return
    }
    const [, served, key] = RESOURCE_SETTING.exec(path) ?? []
    // The key is written as a JSON string.
    const resource = served === undefined ? undefined : this.resources.get(JSON.parse(served) as string)
    if (resource === undefined) throw fixedSetting(path, [...others, 'delay', 'serves["/…"].delay, .size, .chunked, .tooEarly'])
    if (key === 'delay') resource.delay = countSetting(path, value, 0, LONGEST)
    else if (key === 'size') resource.size = countSetting(path, value, 0, Number.MAX_SAFE_INTEGER)
    else if (key === 'chunked') resource.chunked = flagSetting(path, value)
    else resource.tooEarly = flagSetting(path, value)
    this.contents.clear()
  }

  /** How long an answer to this is thought about, in nanoseconds. */
  delayOf(target: string): number {
    return this.find(target)?.resource.delay ?? 0
  }

  /** Paths that are pushed with the answer to this. */
  pushesOf(target: string): readonly string[] {
    return this.find(target)?.resource.push ?? []
  }

  /** @param record writes into the trace what the request did */
  answer(request: SiteRequest, record: SiteRecord): SiteAnswer {
    const { method, target, bytes, digest } = request
    const found = this.find(target)
    if (found?.resource.tooEarly === true && isTooEarly(request)) {
      record('http:too-early', { method, target, bytes })
      return this.completed(text(425, `425 Too Early: ${target}\n`), found.resource, request)
    }
    switch (method) {
      case 'GET':
      case 'HEAD':
        if (found === undefined) return text(404, `404 Not Found: ${target}\n`)
        return this.completed(this.got(found.path, found.resource, request, record), found.resource, request)
      // Deviates from RFC 9110 section 9.3.4: what is put is not there to be got afterwards, as the answer says.
      case 'POST':
      case 'PUT': {
        if (found?.resource.effect !== undefined)
          return this.completed(this.effect(found.path, request, record), found.resource, request)
        const [kept, sum] = [method === 'PUT' ? ', not kept' : '', digest === undefined ? '' : `, digest ${digest}`]
        return text(200, `${String(bytes)} bytes received${kept}${sum}\n`)
      }
      case 'OPTIONS':
        return { status: 204, fields: [SERVER, { name: 'Allow', value: ALLOWED }], content: undefined, isChunked: false }
      default:
        return KNOWN_METHODS.has(method)
          ? text(405, `405 Method Not Allowed: ${method}\n`, [{ name: 'Allow', value: ALLOWED }])
          : text(501, `501 Not Implemented: ${method}\n`)
    }
  }

  /** What a request target names; undefined: nothing is there. */
  private find(target: string): { path: string; resource: ServedResource } | undefined {
    const path = pathOf(target)
    for (const candidate of [path, path.replace(/\?.*$/s, '')]) {
      const resource = this.resources.get(candidate)
      if (resource) return { path: candidate, resource }
    }
    return undefined
  }

  private content(path: string, resource: ServedResource): Content {
    let content = this.contents.get(path)
    if (content === undefined) {
      content = contentOf(path, resource, (other) => this.resources.get(other)?.type)
      this.contents.set(path, content)
    }
    return content
  }

  private got(path: string, resource: ServedResource, request: SiteRequest, record: SiteRecord): SiteAnswer {
    if (resource.location !== undefined)
      return text(301, `301 Moved Permanently: ${resource.location}\n`, [{ name: 'Location', value: resource.location }])
    if (resource.effect !== undefined && request.method === 'GET') return this.effect(path, request, record)
    const content = this.content(path, resource)
    const type = { name: 'Content-Type', value: resource.type }
    const { cacheControl = this.options.cacheControl } = resource
    if (cacheControl === undefined) return { status: 200, fields: [SERVER, type], content, isChunked: resource.chunked }
    // What is served follows from these, so they tell one version from another.
    const tag = `"${content.length.toString(36)}-${resource.resources.length.toString(36)}"`
    const caching = [
      { name: 'Cache-Control', value: cacheControl },
      { name: 'ETag', value: tag },
    ]
    const tags = valueOf(request.fields, 'if-none-match')?.split(/ *, */) ?? []
    if (tags.some((known) => known === '*' || known.replace(/^W\//, '') === tag))
      return { status: 304, fields: [SERVER, ...caching], content, isChunked: resource.chunked }
    return { status: 200, fields: [SERVER, type, ...caching], content, isChunked: resource.chunked }
  }

  private effect(path: string, request: SiteRequest, record: SiteRecord): SiteAnswer {
    const count = (this.counts.get(path) ?? 0) + 1
    this.counts.set(path, count)
    const { method, target, bytes, isEarly } = request
    record('http:effect-applied', { effect: 'counter', path, count, method, target, bytes, early: isEarly })
    return text(200, `${path}: ${String(count)}\n`, [{ name: 'Cache-Control', value: 'no-store' }])
  }

  private completed(answer: SiteAnswer, resource: ServedResource, { isSecure }: SiteRequest): SiteAnswer {
    const { headers } = this.options
    const secure = isSecure ? this.secureFields() : WITHOUT_MORE
    if (secure.length === 0 && headers === undefined && resource.headers === undefined) return answer
    const more = Object.entries({ ...headers, ...resource.headers }).map(([name, value]) => ({ name, value }))
    return { ...answer, fields: [...answer.fields, ...secure, ...more] }
  }

  /** What is said under TLS only: over http, the first means nothing, and must not be sent (RFC 6797 section 7.2). */
  private secureFields(): readonly HeaderField[] {
    const { hsts } = this.options
    const { altSvc } = this
    if (hsts === undefined && altSvc === undefined) return WITHOUT_MORE
    return [
      ...(hsts === undefined ? [] : [{ name: 'Strict-Transport-Security', value: `max-age=${String(hsts)}` }]),
      ...(altSvc === undefined ? [] : [{ name: 'Alt-Svc', value: altSvc }]),
    ]
  }
}

/** RFC 8470 sections 3 and 5.1: the server sees that itself, or somebody before it who has passed the request on says so. */
function isTooEarly({ isEarly, fields }: SiteRequest): boolean {
  return isEarly || valueOf(fields, 'early-data') === '1'
}
