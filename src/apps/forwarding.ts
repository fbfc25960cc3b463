import type { HeaderField } from '../wire/http1.ts'
import type { SiteRequest } from './http-service.ts'

/** What passes a message on says so (RFC 9110 section 7.6.3). */
export const VIA: HeaderField = { name: 'Via', value: '1.1 packetarium' }

/** Fields that are between two neighbours only (RFC 9110 section 7.6.1), and those that say how a body is framed. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The fields of a message that go on to the next neighbour. Names are in lower case. */
export function endToEnd(fields: readonly HeaderField[]): HeaderField[] {
  const named = fields.flatMap(({ name, value }) => (name === 'connection' ? value.toLowerCase().split(/[ \t]*,[ \t]*/) : []))
  return fields.filter(({ name }) => !HOP_BY_HOP.has(name) && !named.includes(name))
}

/** A request target without the scheme and the authority of an absolute address. */
export function pathOf(target: string): string {
  return target.startsWith('/') || target === '*' ? target : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '') || '/'
}

/**
 * The fields of a request that is passed on: whom the client wanted, and who it was.
 * @param backend authority of who gets it, for a client that did not say whom it wanted
 */
export function requestFields(request: SiteRequest, backend: string): HeaderField[] {
  const { fields, authority, client, isSecure, isEarly } = request
  const kept = endToEnd(fields).filter(({ name }) => name !== 'host')
  return [
    { name: 'Host', value: authority === '' ? backend : authority },
    ...withOneCookieField(kept),
    VIA,
    { name: 'X-Forwarded-For', value: client },
    { name: 'X-Forwarded-Proto', value: isSecure ? 'https' : 'http' },
    // So that it can refuse what must not happen twice (RFC 8470 section 5.1).
    ...(isEarly ? [{ name: 'Early-Data', value: '1' }] : []),
  ]
}

/** HTTP/2 may split cookies into several fields, which HTTP/1.1 does not know (RFC 9113 section 8.2.3). */
function withOneCookieField(fields: readonly HeaderField[]): readonly HeaderField[] {
  const cookies = fields.filter(({ name }) => name === 'cookie')
  if (cookies.length < 2) return fields
  const value = cookies.map((field) => field.value).join('; ')
  return [...fields.filter(({ name }) => name !== 'cookie'), { name: 'cookie', value }]
}
