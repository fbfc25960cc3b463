/**
 * How long a message's body is, and whether the connection outlives the message: RFC 9112 sections 6.3 and 9.3.
 *
 * Where the RFC lets a recipient choose between guessing and refusing, this refuses: two recipients that read the length of one
 * message differently are what request smuggling is made of (RFC 9112 section 11.2).
 */
import { Http1DecodeError } from '../../wire/http1.ts'
import type { HeaderField, RequestLine, StatusLine } from '../../wire/http1.ts'

/** A body of so many bytes (0: none), of chunks, or of all that comes until the sender closes. */
export type BodyFraming = number | 'chunked' | 'until-close'

/** Whether a body can be framed so: lengths are integers in [0, 2^53). */
export function isFraming(framing: BodyFraming): boolean {
  return typeof framing === 'string' || (Number.isSafeInteger(framing) && framing >= 0)
}

/** A field's value, its field lines joined by `', '` (RFC 9110 section 5.3); undefined when there is none. `name` in lower case. */
export function fieldValue(fields: readonly HeaderField[], name: string): string | undefined {
  let value: string | undefined
  for (const field of fields) if (field.name === name) value = value === undefined ? field.value : `${value}, ${field.value}`
  return value
}

/** The elements of a comma-separated list, in lower case; empty elements are ignored (RFC 9110 section 5.6.1). */
export function listElements(value: string | undefined): string[] {
  if (value === undefined) return []
  return value
    .toLowerCase()
    .split(',')
    .map((element) => element.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((element) => element !== '')
}

/** Whether the connection ends with this message, as far as its sender says. */
export function announcesClose(minorVersion: number, fields: readonly HeaderField[]): boolean {
  const options = listElements(fieldValue(fields, 'connection'))
  if (options.includes('close')) return true
  return minorVersion === 0 && !options.includes('keep-alive')
}

/** Whether a message speaks of another protocol on this connection; 1.0 does not know that (RFC 9110 section 7.8). */
export function speaksOfUpgrade(minorVersion: number, fields: readonly HeaderField[]): boolean {
  if (minorVersion === 0 || fieldValue(fields, 'upgrade') === undefined) return false
  return listElements(fieldValue(fields, 'connection')).includes('upgrade')
}

function refuse(detail: string, cites: string, status = 400): Http1DecodeError {
  const problem = status === 413 ? 'oversized' : status === 501 ? 'unsupported' : 'invalid'
  return new Http1DecodeError(problem, 0, detail, status, cites)
}

/** The value of Content-Length, once however often it is said; undefined without one. Throws Http1DecodeError. */
function contentLength(fields: readonly HeaderField[]): number | undefined {
  const value = fieldValue(fields, 'content-length')
  if (value === undefined) return undefined
  let length: string | undefined
  for (const element of value.split(',')) {
    const digits = element.replace(/^[ \t]+|[ \t]+$/g, '')
    if (!/^\d+$/.test(digits)) throw refuse(`Content-Length is '${value.slice(0, 40)}'`, 'RFC 9110 section 8.6')
    const canonical = digits.replace(/^0+(?=\d)/, '')
    if (length !== undefined && length !== canonical)
      throw refuse('Content-Length is given twice, and differs', 'RFC 9112 section 6.3')
    length = canonical
  }
  const number = Number(length)
  if (number > Number.MAX_SAFE_INTEGER) throw refuse('Content-Length is over 2^53', 'RFC 9110 section 8.6', 413)
  return number
}

/** Whether the message is chunked; undefined when it has no Transfer-Encoding, or one that leaves the length open. Throws Http1DecodeError. */
function transferCoding(minorVersion: number, fields: readonly HeaderField[]): 'chunked' | 'other' | undefined {
  const value = fieldValue(fields, 'transfer-encoding')
  if (value === undefined) return undefined
  if (minorVersion === 0) throw refuse('Transfer-Encoding in a message of HTTP/1.0', 'RFC 9112 section 6.1')
  if (fields.some((field) => field.name === 'content-length')) {
    throw refuse('both Transfer-Encoding and Content-Length', 'RFC 9112 section 6.3')
  }
  const codings = listElements(value)
  if (codings.length === 0) throw refuse('Transfer-Encoding names no coding', 'RFC 9112 section 6.1')
  const chunked = codings.indexOf('chunked')
  if (chunked >= 0 && chunked < codings.length - 1)
    throw refuse('chunked is not the last transfer coding', 'RFC 9112 section 6.1')
  if (chunked < 0) return 'other'
  if (codings.length > 1)
    throw refuse(`the transfer coding ${codings[0].slice(0, 40)} is not known here`, 'RFC 9112 section 6.1', 501)
  return 'chunked'
}

/** Checks Host, which a request of HTTP/1.1 has exactly once. Throws Http1DecodeError. */
function checkHost(minorVersion: number, fields: readonly HeaderField[]): void {
  const hosts = fields.filter((field) => field.name === 'host')
  if (hosts.length > 1) throw refuse('more than one Host', 'RFC 9112 section 3.2')
  if (hosts.length === 0) {
    if (minorVersion > 0) throw refuse('a request of HTTP/1.1 without Host', 'RFC 9112 section 3.2')
    return
  }
  if (!/^(?:\[[\dA-Fa-f:.]+\]|[\w.!$&'()*+,;=~%-]*)(?::\d*)?$/.test(hosts[0].value)) {
    throw refuse('Host is not a host and port', 'RFC 9112 section 3.2')
  }
}

/** How long the body of a received request is. Throws Http1DecodeError when that is unclear, or when Host is missing or wrong. */
export function requestFraming({ minorVersion }: RequestLine, fields: readonly HeaderField[]): BodyFraming {
  checkHost(minorVersion, fields)
  const coding = transferCoding(minorVersion, fields)
  if (coding === 'other') throw refuse('a request whose last transfer coding is not chunked', 'RFC 9112 section 6.3')
  return coding ?? contentLength(fields) ?? 0
}

/** Whether a response to this method with this status has no body, whatever its fields say (RFC 9112 section 6.3, rules 1 and 2). */
export function isBodiless(method: string, status: number): boolean {
  return method === 'HEAD' || (status >= 100 && status < 200) || status === 204 || status === 304
}

/** How long the body of a received response is. Throws Http1DecodeError when that is unclear. */
export function responseFraming(
  method: string,
  { minorVersion, status }: StatusLine,
  fields: readonly HeaderField[],
): BodyFraming {
  if (isBodiless(method, status)) return 0
  const coding = transferCoding(minorVersion, fields)
  if (coding === 'other') throw refuse('a transfer coding that is not known here', 'RFC 9112 section 6.1', 501)
  return coding ?? contentLength(fields) ?? 'until-close'
}
