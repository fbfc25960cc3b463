import { formatIpv6, parseIpv6 } from '../wire/address.ts'

/** An address of the http or the https scheme, in parts (RFC 9110 section 4.2). */
export interface HttpUrl {
  readonly scheme: 'http' | 'https'
  /** Lower case; an IPv6 address without its brackets, in the form of RFC 5952. */
  readonly host: string
  readonly port: number
  /** Path and query, as they go on the request line; no fragment. */
  readonly target: string
}

const DEFAULT_PORTS = { http: 80, https: 443 } as const

/** Escapes what may not stand on a request line. */
function escapedTarget(target: string): string {
  return target.replace(/[^!-~]+/gu, (text) => encodeURIComponent(text))
}

/** RFC 3986 section 3.2.2. */
function hostOf(written: string): string | undefined {
  if (!written.startsWith('[')) return written.toLowerCase()
  const address = parseIpv6(written.slice(1, -1))
  return address === undefined ? undefined : formatIpv6(address)
}

/** The parts of an absolute address of the http or the https scheme; undefined for anything else. */
export function parseUrl(text: string): HttpUrl | undefined {
  const match = /^(https?):\/\/(\[[\da-f:.]+\]|[^/?#:@\s[\]]+)(?::(\d{1,5}))?([/?][^#]*)?(?:#.*)?$/is.exec(text)
  if (match === null) return undefined
  const [, name, written, port, rest] = match as unknown as [string, string, string, string | undefined, string | undefined]
  const scheme = name.toLowerCase() === 'https' ? 'https' : 'http'
  const host = hostOf(written)
  if (host === undefined) return undefined
  const number = port === undefined ? DEFAULT_PORTS[scheme] : Number(port)
  if (number < 1 || number > 65_535) return undefined
  const target = rest === undefined ? '/' : rest.startsWith('?') ? `/${rest}` : rest
  return { scheme, host, port: number, target: escapedTarget(target) }
}

/** RFC 3986 section 5.2.4. */
function withoutDotSegments(path: string): string {
  const output: string[] = []
  const segments = path.split('/').slice(1)
  segments.forEach((segment, i) => {
    const isLast = i === segments.length - 1
    if (segment === '..') output.pop()
    if (segment !== '.' && segment !== '..') output.push(segment)
    else if (isLast) output.push('')
  })
  return `/${output.join('/')}`
}

/** What a reference in a page means (RFC 3986 section 5.2); undefined when it is of neither scheme. */
export function resolveUrl(base: HttpUrl, reference: string): HttpUrl | undefined {
  const text = reference.trim().replace(/#.*$/s, '')
  if (/^[a-z][a-z0-9+.-]*:/i.test(text)) return parseUrl(text)
  if (text.startsWith('//')) return parseUrl(`${base.scheme}:${text}`)
  const basePath = base.target.replace(/\?.*$/s, '')
  if (text === '') return base
  if (text.startsWith('?')) return { ...base, target: escapedTarget(basePath + text) }
  const [path, ...query] = text.split(/(?=\?)/s)
  const merged = path.startsWith('/') ? path : basePath.slice(0, basePath.lastIndexOf('/') + 1) + path
  return { ...base, target: escapedTarget(withoutDotSegments(merged) + query.join('')) }
}

/** Host, and the port when it is not the scheme's: what the field Host says. */
export function formatAuthority({ scheme, host, port }: HttpUrl): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === DEFAULT_PORTS[scheme] ? name : `${name}:${String(port)}`
}

/** Scheme, host and port: what has connections of its own (RFC 9110 section 4.3.1). `'https://bob:8443'` */
export function formatOrigin(url: HttpUrl): string {
  return `${url.scheme}://${formatAuthority(url)}`
}

export function formatUrl(url: HttpUrl): string {
  return `${formatOrigin(url)}${url.target}`
}

/** The same address under TLS: port 80 becomes 443, any other stays (RFC 6797 section 8.3). */
export function secured(url: HttpUrl): HttpUrl {
  const port = url.port === DEFAULT_PORTS.http ? DEFAULT_PORTS.https : url.port
  return { ...url, scheme: 'https', port }
}
