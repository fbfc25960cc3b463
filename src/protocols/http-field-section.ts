import { ENTRY_OVERHEAD } from '../wire/hpack-table.ts'
import type { HeaderField } from '../wire/http1.ts'
import type { CompressedField, FieldSink } from '../wire/indexing-choice.ts'
import type { HttpRequestHead } from './http-message.ts'

/**
 * Field sections as HTTP/2 and HTTP/3 have them: RFC 9113 sections 8.2 and 8.3, RFC 9114 sections 4.2 and 4.3; extended CONNECT of RFC 8441
 * and RFC 9220. What breaks a rule makes a message malformed. The rules are the same; where they stand is not.
 */

/** Why a message is malformed. */
export interface Malformation {
  readonly detail: string
  readonly cites: string
}

/** Where a version of HTTP says what: `'RFC 9113 section 8.3'`. */
export interface FieldRules {
  /** `'HTTP/2'`. */
  readonly version: string
  /** What names and values may hold. */
  readonly characters: string
  /** Fields that speak of a connection. */
  readonly connection: string
  readonly pseudo: string
  readonly request: string
  readonly response: string
  readonly connect: string
  readonly extendedConnect: string
  /** Why there is no 101. */
  readonly upgrade: string
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

const REQUEST_PSEUDO = new Set([':method', ':scheme', ':authority', ':path', ':protocol'])
const RESPONSE_PSEUDO = new Set([':status'])
const NO_PSEUDO: ReadonlySet<string> = new Set()

/** Collects the fields of one block as they are decoded, up to a size; later ones are decoded for the tables' sake only. */
export class FieldCollector implements FieldSink {
  readonly fields: HeaderField[] = []
  /** As RFC 9113 section 10.5.1 and RFC 9114 section 4.2.2 count, in bytes. */
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

/** What reads and writes the field sections of one version of HTTP. */
export class FieldSections {
  constructor(private readonly rules: FieldRules) {}

  /** A request's head. @param allowsProtocol whether extended CONNECT was announced */
  readRequest(
    all: readonly HeaderField[],
    allowsProtocol: boolean,
  ): ({ readonly head: HttpRequestHead } & BodyLength) | { readonly malformed: Malformation } {
    const { rules } = this
    const wrong = (detail: string, cites = rules.request): { readonly malformed: Malformation } => ({
      malformed: { detail, cites },
    })
    const sections = this.separate(all, REQUEST_PSEUDO)
    if ('malformed' in sections) return sections
    const { pseudo, fields, contentLength } = sections
    const method = pseudo.get(':method')
    const scheme = pseudo.get(':scheme')
    const path = pseudo.get(':path')
    const protocol = pseudo.get(':protocol')
    if (method === undefined || !METHOD.test(method)) return wrong('a request without a method')
    if (protocol !== undefined && (!allowsProtocol || method !== 'CONNECT')) {
      return wrong(':protocol where it was not agreed on', rules.extendedConnect)
    }
    const hosts = fields.filter(({ name }) => name === 'host')
    if (hosts.length > 1) return wrong('Host stands there twice', 'RFC 9110 section 7.2')
    const host = hosts.at(0)?.value
    const authority = pseudo.get(':authority') ?? host ?? ''
    if (host !== undefined && host.toLowerCase() !== authority.toLowerCase()) {
      return wrong('Host names another authority than :authority')
    }
    if (method === 'CONNECT' && protocol === undefined) {
      if (scheme !== undefined || path !== undefined || pseudo.get(':authority') === undefined || !AUTHORITY.test(authority)) {
        return wrong('CONNECT has :authority, and neither :scheme nor :path', rules.connect)
      }
      return { head: { method, scheme: '', authority, path: '', fields }, contentLength }
    }
    if (scheme === undefined || !SCHEME.test(scheme)) return wrong('a request without a scheme')
    if (path === undefined || !TARGET.test(path)) return wrong('a request without a path')
    if (scheme === 'http' || scheme === 'https') {
      if (!path.startsWith('/') && !(path === '*' && method === 'OPTIONS')) {
        return wrong('a path that does not begin with a slash')
      }
      if (!AUTHORITY.test(authority)) return wrong('a request without an authority')
    }
    const head = { method, scheme, authority, path, fields }
    return { head: protocol === undefined ? head : { ...head, protocol }, contentLength }
  }

  /** A response's head. */
  readResponse(
    all: readonly HeaderField[],
  ): ({ readonly status: number; readonly fields: readonly HeaderField[] } & BodyLength) | { readonly malformed: Malformation } {
    const { rules } = this
    const sections = this.separate(all, RESPONSE_PSEUDO)
    if ('malformed' in sections) return sections
    const { pseudo, fields, contentLength } = sections
    const status = pseudo.get(':status')
    if (status === undefined || !/^[1-9]\d\d$/.test(status)) {
      return { malformed: { detail: 'a response without a status', cites: rules.response } }
    }
    if (status === '101') {
      const detail = `101 (Switching Protocols), which ${rules.version} does not have`
      return { malformed: { detail, cites: rules.upgrade } }
    }
    return { status: Number(status), fields, contentLength }
  }

  /** Trailers, which have no pseudo-header fields. */
  readTrailers(all: readonly HeaderField[]): { readonly fields: readonly HeaderField[] } | { readonly malformed: Malformation } {
    return this.separate(all, NO_PSEUDO)
  }

  /** Fields that we are to send, names in lower case. Throws RangeError for what the peer would have to call malformed. */
  toSend(fields: readonly CompressedField[]): CompressedField[] {
    return fields.map((field) => {
      const { name, value } = field
      const lower = name.toLowerCase()
      const problem = this.fieldProblem({ name: lower, value })
      if (problem) throw new RangeError(`${problem.detail} (${problem.cites})`)
      if (/[^\0-\xff]/.test(value)) throw new RangeError(`the value of ${name} holds more than octets`)
      return lower === name ? field : { ...field, name: lower }
    })
  }

  /** A request's fields as they are sent. Throws RangeError like `toSend`. */
  requestToSend(request: HttpRequestHead, more: readonly CompressedField[] = []): CompressedField[] {
    const { method, scheme, authority, path, protocol } = request
    const all: CompressedField[] = [{ name: ':method', value: method }]
    const isPlainConnect = method === 'CONNECT' && protocol === undefined
    if (!isPlainConnect) all.push({ name: ':scheme', value: scheme })
    if (authority !== '') all.push({ name: ':authority', value: authority })
    if (!isPlainConnect) all.push({ name: ':path', value: path })
    if (protocol !== undefined) all.push({ name: ':protocol', value: protocol })
    all.push(...this.toSend(request.fields), ...more)
    const judged = this.readRequest(all, true)
    if ('malformed' in judged) throw new RangeError(`${judged.malformed.detail} (${judged.malformed.cites})`)
    if (all.some(({ value }) => /[^\0-\xff]/.test(value))) throw new RangeError('a request holds more than octets')
    return all
  }

  private separate(all: readonly HeaderField[], known: ReadonlySet<string>): Sections {
    const { rules } = this
    const wrong = (detail: string, cites: string): { readonly malformed: Malformation } => ({ malformed: { detail, cites } })
    const pseudo = new Map<string, string>()
    const fields: HeaderField[] = []
    let cookie = -1
    let contentLength: number | undefined
    for (const field of all) {
      const { name, value } = field
      if (fields.length === 0 && name.startsWith(':')) {
        if (!known.has(name)) return wrong(`${printable(name)} is no pseudo-header field here`, rules.pseudo)
        if (pseudo.has(name)) return wrong(`${name} stands there twice`, rules.pseudo)
        if (NO_VALUE.test(value)) return wrong(`the value of ${name} holds what it must not`, rules.characters)
        pseudo.set(name, value)
        continue
      }
      const problem = this.fieldProblem(field)
      if (problem) return { malformed: problem }
      if (name === 'content-length') {
        const length = /^\d{1,15}$/.test(value) ? Number(value) : undefined
        if (length === undefined || (contentLength !== undefined && contentLength !== length)) {
          return wrong('Content-Length is no length', 'RFC 9110 section 8.6')
        }
        contentLength = length
      }
      if (name === 'cookie' && cookie >= 0) {
        // RFC 9113 section 8.2.3, RFC 9114 section 4.2.1: what was split to be compressed belongs together.
        fields[cookie] = { name, value: `${fields[cookie].value}; ${value}` }
        continue
      }
      if (name === 'cookie') cookie = fields.length
      fields.push(field)
    }
    return { pseudo, fields, contentLength }
  }

  /** What is wrong with a field that is no pseudo-header field. */
  private fieldProblem({ name, value }: HeaderField): Malformation | undefined {
    const { rules } = this
    if (!FIELD_NAME.test(name)) {
      if (name.startsWith(':')) {
        return { detail: `the pseudo-header field ${printable(name)} stands where it must not`, cites: rules.pseudo }
      }
      return { detail: `'${printable(name)}' is no name of a field`, cites: rules.characters }
    }
    if (NO_VALUE.test(value)) return { detail: `the value of ${name} holds what it must not`, cites: rules.characters }
    if (FORBIDDEN.has(name)) return { detail: `${name} says something about a connection`, cites: rules.connection }
    if (name === 'te' && value.toLowerCase() !== 'trailers') {
      return { detail: 'TE asks for something else than trailers', cites: rules.connection }
    }
    return undefined
  }
}

/**
 * What a message says about the length of its body. Throws RangeError for a length that there is not, and when `given` says it, too.
 * @param evenIfEmpty whether a body of 0 bytes is worth a word
 */
export function fieldsForBody(
  given: readonly CompressedField[],
  body: number | 'unknown',
  evenIfEmpty: boolean,
): CompressedField[] {
  if (body === 'unknown') return []
  if (!Number.isSafeInteger(body) || body < 0) throw new RangeError(`${String(body)} is not the length of a body`)
  if (given.some(({ name }) => name.toLowerCase() === 'content-length')) throw new RangeError('Content-Length is said twice')
  return body > 0 || evenIfEmpty ? [{ name: 'content-length', value: String(body) }] : []
}
