import type { FieldSink, HpackField } from '../../wire/hpack.ts'
import { ENTRY_OVERHEAD } from '../../wire/hpack-table.ts'
import type { HeaderField } from '../../wire/http1.ts'
import type { Http2RequestHead } from './message.ts'

/**
 * Field sections as HTTP/2 has them: RFC 9113 sections 8.2 and 8.3, extended CONNECT of RFC 8441 section 4. What breaks a rule makes a
 * message malformed.
 */

/** Why a message is malformed. */
export interface Malformation {
  readonly detail: string
  readonly cites: string
}

const FORBIDDEN = new Set(['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade'])
/** A name of RFC 9110 section 5.1 without upper case: stricter than RFC 9113 section 8.2.1 has to be. */
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/
const NO_VALUE = /[\0\n\r]|^[ \t]|[ \t]$/
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/
/** A port may follow; userinfo may not stand before it. */
const AUTHORITY = /^[!$-.0-;=A-Z[\]_a-z~]+$/
const TARGET = /^[!-~\x80-\xff]+$/

/** Collects the fields of one block as they are decoded, up to a size; later ones are decoded for the tables' sake only. */
export class FieldCollector implements FieldSink {
  readonly fields: HeaderField[] = []
  /** As RFC 9113 section 10.5.1 counts, in bytes. */
  size = 0

  constructor(private readonly limit: number) {}

  get isTooLarge(): boolean {
    return this.size > this.limit
  }

  field(name: string, value: string): void {
    this.size += name.length + value.length + ENTRY_OVERHEAD
    if (this.size <= this.limit) this.fields.push({ name, value })
  }
}

function malformed(detail: string, section = '8.2.1'): Malformation {
  return { detail, cites: `RFC 9113 section ${section}` }
}

/** What is wrong with a field that is no pseudo-header field. */
function fieldProblem({ name, value }: HeaderField): Malformation | undefined {
  if (!FIELD_NAME.test(name)) {
    if (name.startsWith(':')) return malformed(`the pseudo-header field ${printable(name)} stands where it must not`, '8.3')
    return malformed(`'${printable(name)}' is no name of a field`)
  }
  if (NO_VALUE.test(value)) return malformed(`the value of ${name} holds what it must not`)
  if (FORBIDDEN.has(name)) return malformed(`${name} says something about a connection`, '8.2.2')
  if (name === 'te' && value.toLowerCase() !== 'trailers') return malformed('TE asks for something else than trailers', '8.2.2')
  return undefined
}

function printable(text: string): string {
  return text.slice(0, 40).replace(/[^ -~]/g, '?')
}

/** What Content-Length says; undefined: it is not there. */
interface BodyLength {
  readonly contentLength: number | undefined
}

/** A section's pseudo-header fields and the others, or why it is malformed. */
type Sections =
  | ({ readonly pseudo: ReadonlyMap<string, string>; readonly fields: readonly HeaderField[] } & BodyLength)
  | { readonly malformed: Malformation }

function separate(all: readonly HeaderField[], known: ReadonlySet<string>): Sections {
  const pseudo = new Map<string, string>()
  const fields: HeaderField[] = []
  let cookie = -1
  let contentLength: number | undefined
  for (const field of all) {
    const { name, value } = field
    if (fields.length === 0 && name.startsWith(':')) {
      if (!known.has(name)) return { malformed: malformed(`${printable(name)} is no pseudo-header field here`, '8.3') }
      if (pseudo.has(name)) return { malformed: malformed(`${name} stands there twice`, '8.3') }
      if (NO_VALUE.test(value)) return { malformed: malformed(`the value of ${name} holds what it must not`) }
      pseudo.set(name, value)
      continue
    }
    const problem = fieldProblem(field)
    if (problem) return { malformed: problem }
    if (name === 'content-length') {
      const length = /^\d{1,15}$/.test(value) ? Number(value) : undefined
      if (length === undefined || (contentLength !== undefined && contentLength !== length)) {
        return { malformed: { detail: 'Content-Length is no length', cites: 'RFC 9110 section 8.6' } }
      }
      contentLength = length
    }
    if (name === 'cookie' && cookie >= 0) {
      // RFC 9113 section 8.2.3: what was split to be compressed belongs together.
      fields[cookie] = { name, value: `${fields[cookie].value}; ${value}` }
      continue
    }
    if (name === 'cookie') cookie = fields.length
    fields.push(field)
  }
  return { pseudo, fields, contentLength }
}

const REQUEST_PSEUDO = new Set([':method', ':scheme', ':authority', ':path', ':protocol'])
const RESPONSE_PSEUDO = new Set([':status'])
const NO_PSEUDO: ReadonlySet<string> = new Set()

/** A request's head: RFC 9113 section 8.3.1. @param allowsProtocol whether extended CONNECT was announced */
export function readRequest(
  all: readonly HeaderField[],
  allowsProtocol: boolean,
): ({ readonly head: Http2RequestHead } & BodyLength) | { readonly malformed: Malformation } {
  const section = '8.3.1'
  const sections = separate(all, REQUEST_PSEUDO)
  if ('malformed' in sections) return sections
  const { pseudo, fields, contentLength } = sections
  const method = pseudo.get(':method')
  const scheme = pseudo.get(':scheme')
  const path = pseudo.get(':path')
  const protocol = pseudo.get(':protocol')
  if (method === undefined || !METHOD.test(method)) return { malformed: malformed('a request without a method', section) }
  if (protocol !== undefined && (!allowsProtocol || method !== 'CONNECT')) {
    return { malformed: { detail: ':protocol where it was not agreed on', cites: 'RFC 8441 section 4' } }
  }
  const hosts = fields.filter(({ name }) => name === 'host')
  if (hosts.length > 1) return { malformed: { detail: 'Host stands there twice', cites: 'RFC 9110 section 7.2' } }
  const host = hosts.at(0)?.value
  const authority = pseudo.get(':authority') ?? host ?? ''
  if (host !== undefined && host.toLowerCase() !== authority.toLowerCase()) {
    return { malformed: malformed('Host names another authority than :authority', section) }
  }
  if (method === 'CONNECT' && protocol === undefined) {
    if (scheme !== undefined || path !== undefined || pseudo.get(':authority') === undefined || !AUTHORITY.test(authority)) {
      return { malformed: malformed('CONNECT has :authority, and neither :scheme nor :path', '8.5') }
    }
    return { head: { method, scheme: '', authority, path: '', fields }, contentLength }
  }
  if (scheme === undefined || !SCHEME.test(scheme)) return { malformed: malformed('a request without a scheme', section) }
  if (path === undefined || !TARGET.test(path)) return { malformed: malformed('a request without a path', section) }
  if (scheme === 'http' || scheme === 'https') {
    if (!path.startsWith('/') && !(path === '*' && method === 'OPTIONS')) {
      return { malformed: malformed('a path that does not begin with a slash', section) }
    }
    if (!AUTHORITY.test(authority)) return { malformed: malformed('a request without an authority', section) }
  }
  const head = { method, scheme, authority, path, fields }
  return { head: protocol === undefined ? head : { ...head, protocol }, contentLength }
}

/** A response's head: RFC 9113 section 8.3.2. */
export function readResponse(
  all: readonly HeaderField[],
): ({ readonly status: number; readonly fields: readonly HeaderField[] } & BodyLength) | { readonly malformed: Malformation } {
  const sections = separate(all, RESPONSE_PSEUDO)
  if ('malformed' in sections) return sections
  const { pseudo, fields, contentLength } = sections
  const status = pseudo.get(':status')
  if (status === undefined || !/^[1-9]\d\d$/.test(status)) {
    return { malformed: malformed('a response without a status', '8.3.2') }
  }
  if (status === '101') return { malformed: malformed('101 (Switching Protocols), which HTTP/2 does not have', '8.6') }
  return { status: Number(status), fields, contentLength }
}

/** Trailers: RFC 9113 section 8.1. */
export function readTrailers(
  all: readonly HeaderField[],
): { readonly fields: readonly HeaderField[] } | { readonly malformed: Malformation } {
  return separate(all, NO_PSEUDO)
}

/** Fields that we are to send, names in lower case. Throws RangeError for what the peer would have to call malformed. */
export function fieldsToSend(fields: readonly HpackField[]): HpackField[] {
  return fields.map((field) => {
    const { name, value } = field
    const lower = name.toLowerCase()
    const problem = fieldProblem({ name: lower, value })
    if (problem) throw new RangeError(`${problem.detail} (${problem.cites})`)
    if (/[^\0-\xff]/.test(value)) throw new RangeError(`the value of ${name} holds more than octets`)
    return lower === name ? field : { ...field, name: lower }
  })
}

/**
 * What a message says about the length of its body. Throws RangeError for a length that there is not, and when `given` says it, too.
 * @param evenIfEmpty whether a body of 0 bytes is worth a word
 */
export function fieldsForBody(given: readonly HpackField[], body: number | 'unknown', evenIfEmpty: boolean): HpackField[] {
  if (body === 'unknown') return []
  if (!Number.isSafeInteger(body) || body < 0) throw new RangeError(`${String(body)} is not the length of a body`)
  if (given.some(({ name }) => name.toLowerCase() === 'content-length')) throw new RangeError('Content-Length is said twice')
  return body > 0 || evenIfEmpty ? [{ name: 'content-length', value: String(body) }] : []
}

/** A request's fields as they are sent. Throws RangeError like `fieldsToSend`. */
export function requestToSend(request: Http2RequestHead, more: readonly HpackField[] = []): HpackField[] {
  const { method, scheme, authority, path, protocol } = request
  const all: HpackField[] = [{ name: ':method', value: method }]
  const isPlainConnect = method === 'CONNECT' && protocol === undefined
  if (!isPlainConnect) all.push({ name: ':scheme', value: scheme })
  if (authority !== '') all.push({ name: ':authority', value: authority })
  if (!isPlainConnect) all.push({ name: ':path', value: path })
  if (protocol !== undefined) all.push({ name: ':protocol', value: protocol })
  all.push(...fieldsToSend(request.fields), ...more)
  const judged = readRequest(all, true)
  if ('malformed' in judged) throw new RangeError(`${judged.malformed.detail} (${judged.malformed.cites})`)
  if (all.some(({ value }) => /[^\0-\xff]/.test(value))) throw new RangeError('a request holds more than octets')
  return all
}
