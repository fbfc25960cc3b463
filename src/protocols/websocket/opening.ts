/**
 * The opening handshake of RFC 6455 section 4 and of RFC 8441, for both ends, whatever the version of HTTP that carries it.
 *
 * Over HTTP/1.1 a client asks with GET and Upgrade, and a server that agrees answers 101; a key that only a server of WebSocket knows how to
 * answer keeps others from being talked into it. Over HTTP/2 it is CONNECT with `:protocol` on a stream of its own, answered by 200: there is
 * no key, and nothing is said of the connection. What is agreed on (a subprotocol, extensions) is the same.
 */
import { sha1 } from '../../crypto/sha1.ts'
import type { RandomBytes } from '../../crypto/random-bytes.ts'
import { encodeLatin1 } from '../../wire/http1.ts'
import type { HeaderField } from '../../wire/http1.ts'
import { encodeBase64 } from '../../wire/pem.ts'
import { fieldLines, formatExtension, isToken, listed, parseExtensions } from './extension.ts'
import { acceptDeflate, chooseDeflate, offerExtension } from './per-message-deflate.ts'
import type { PerMessageDeflateOffer, PerMessageDeflateParameters, PerMessageDeflatePolicy } from './per-message-deflate.ts'

/** RFC 6455 section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
/** RFC 6455 section 11.6. */
const VERSION = '13'

/** What both ends have agreed on. */
export interface WebSocketAgreement {
  /** The subprotocol; empty: none. */
  readonly protocol: string
  readonly deflate: PerMessageDeflateParameters | undefined
  /** The extensions as the server's field says them; empty: none. */
  readonly extensions: string
}

/** What a client asks for. */
export interface WebSocketWish {
  /** Where a page comes from: `'https://bob'`; absent for programs that are no browsers. */
  readonly origin?: string
  /** Subprotocols, the most wanted first, none of them twice. */
  readonly protocols?: readonly string[]
  /** Ways of compression, the most wanted first; absent or empty: none. */
  readonly deflate?: readonly PerMessageDeflateOffer[]
}

/** What a server agrees to. */
export interface WebSocketPolicy {
  /** Subprotocols that are spoken. The first of the client's that is among them is chosen. */
  readonly protocols?: readonly string[]
  /** Whether an origin may connect, undefined being that of a program which says none. Absent: everybody may. */
  readonly allowsOrigin?: (origin: string | undefined) => boolean
  /** Absent: nothing is compressed. */
  readonly deflate?: PerMessageDeflatePolicy
}

/** A client's request as a server judges it. */
type WebSocketJudgement =
  | {
      readonly accepted: true
      /** For the answer: 101 over HTTP/1.1, without Upgrade and Connection; 200 over HTTP/2. */
      readonly fields: readonly HeaderField[]
      readonly agreement: WebSocketAgreement
    }
  | {
      readonly accepted: false
      /** Of the answer: 400, 403, 405, 426 or 501. */
      readonly status: number
      readonly fields: readonly HeaderField[]
      readonly detail: string
      readonly cites: string
    }

/** A server's answer as a client judges it. */
type WebSocketAnswer =
  | { readonly accepted: true; readonly agreement: WebSocketAgreement }
  | { readonly accepted: false; readonly detail: string; readonly cites: string }

/** A fresh Sec-WebSocket-Key: 16 bytes in base64 (RFC 6455 section 4.1). */
export function webSocketKey(random: RandomBytes): string {
  return encodeBase64(random(16))
}

/** What Sec-WebSocket-Accept answers to a key (RFC 6455 section 4.2.2). */
function webSocketAccept(key: string): string {
  return encodeBase64(sha1(encodeLatin1(key + GUID)))
}

/** Whether a request asks to speak WebSocket on this connection (RFC 6455 section 4.2.1): everything else is to be judged. */
export function asksForWebSocket(fields: readonly HeaderField[]): boolean {
  const upgrade = listed(fieldLines(fields, 'upgrade'))
  const connection = listed(fieldLines(fields, 'connection'))
  return (
    upgrade.some((protocol) => protocol.toLowerCase() === 'websocket') &&
    connection.some((option) => option.toLowerCase() === 'upgrade')
  )
}

/**
 * Fields of a client's request, beside Host, Upgrade and Connection. Throws RangeError for subprotocols that are no tokens or stand there
 * twice, and for windows that there are not.
 * @param key of HTTP/1.1; HTTP/2 has none
 */
export function openingFields(wish: WebSocketWish, key?: string): HeaderField[] {
  const { origin, protocols = [], deflate = [] } = wish
  if (!protocols.every(isToken) || new Set(protocols).size < protocols.length) {
    throw new RangeError('subprotocols are tokens, and each stands there once (RFC 6455 section 4.1)')
  }
  const fields: HeaderField[] = []
  if (key !== undefined) fields.push({ name: 'sec-websocket-key', value: key })
  fields.push({ name: 'sec-websocket-version', value: VERSION })
  if (origin !== undefined) fields.push({ name: 'origin', value: origin })
  if (protocols.length > 0) fields.push({ name: 'sec-websocket-protocol', value: protocols.join(', ') })
  if (deflate.length > 0) {
    const value = deflate.map((offer) => formatExtension(offerExtension(offer))).join(', ')
    fields.push({ name: 'sec-websocket-extensions', value })
  }
  return fields
}

function refuse(status: number, detail: string, section: string, fields: readonly HeaderField[] = []): WebSocketJudgement {
  return { accepted: false, status, fields, detail, cites: section.startsWith('RFC') ? section : `RFC 6455 section ${section}` }
}

/** 16 bytes in base64. */
const KEY = /^[A-Za-z0-9+/]{22}==$/

/** What is the same in every version of HTTP: the version of WebSocket, the origin, the subprotocol and the extensions. */
function judgeWish(fields: readonly HeaderField[], policy: WebSocketPolicy, more: readonly HeaderField[]): WebSocketJudgement {
  const versions = fieldLines(fields, 'sec-websocket-version')
  if (versions.length !== 1 || versions[0] !== VERSION) {
    const detail = versions.length === 1 ? 'another version of WebSocket than 13' : 'no version of WebSocket, or several'
    return refuse(426, detail, '4.2.2', [
      { name: 'sec-websocket-version', value: VERSION },
      ...(more.length > 0 ? [{ name: 'upgrade', value: 'websocket' }] : []),
    ])
  }
  const origins = fieldLines(fields, 'origin')
  if (origins.length > 1) return refuse(400, 'more than one origin', '4.2.1')
  if (policy.allowsOrigin?.(origins.at(0)) === false) {
    return refuse(403, `the origin ${origins.at(0) ?? '(none)'} may not connect`, '4.2.2')
  }
  const wanted = listed(fieldLines(fields, 'sec-websocket-protocol'))
  if (!wanted.every(isToken)) return refuse(400, 'a subprotocol that is no token', '4.1')
  const offered = parseExtensions(fieldLines(fields, 'sec-websocket-extensions'))
  if (offered === undefined) return refuse(400, 'extensions that cannot be read', '9.1')
  const protocol = wanted.find((name) => policy.protocols?.includes(name) === true) ?? ''
  const chosen = policy.deflate === undefined ? undefined : chooseDeflate(offered, policy.deflate)
  const extensions = chosen === undefined ? '' : formatExtension(chosen.answer)
  const answer = [...more]
  if (protocol !== '') answer.push({ name: 'sec-websocket-protocol', value: protocol })
  if (extensions !== '') answer.push({ name: 'sec-websocket-extensions', value: extensions })
  return { accepted: true, fields: answer, agreement: { protocol, deflate: chosen?.agreed, extensions } }
}

/**
 * Judges a request that `asksForWebSocket`, over HTTP/1.1 (RFC 6455 section 4.2.1).
 * @param minorVersion the y of HTTP/1.y
 */
export function judgeUpgrade(
  request: { readonly method: string; readonly minorVersion: number; readonly fields: readonly HeaderField[] },
  policy: WebSocketPolicy = {},
): WebSocketJudgement {
  const { method, minorVersion, fields } = request
  if (method !== 'GET') return refuse(405, 'the request is no GET', '4.2.1', [{ name: 'allow', value: 'GET' }])
  if (minorVersion < 1) return refuse(400, 'the request is older than HTTP/1.1', '4.2.1')
  if (fieldLines(fields, 'host').length !== 1) return refuse(400, 'no Host', '4.2.1')
  if (!asksForWebSocket(fields)) {
    return refuse(426, 'no Upgrade to websocket, or Connection does not speak of it', '4.2.1', [
      { name: 'upgrade', value: 'websocket' },
    ])
  }
  const keys = fieldLines(fields, 'sec-websocket-key')
  if (keys.length !== 1 || !KEY.test(keys[0])) return refuse(400, 'Sec-WebSocket-Key is not 16 bytes in base64', '4.2.1')
  return judgeWish(fields, policy, [{ name: 'sec-websocket-accept', value: webSocketAccept(keys[0]) }])
}

/** Judges an extended CONNECT of HTTP/2 whose `:protocol` is `websocket` (RFC 8441 section 5). */
export function judgeConnect(
  head: { readonly method: string; readonly protocol?: string; readonly fields: readonly HeaderField[] },
  policy: WebSocketPolicy = {},
): WebSocketJudgement {
  if (head.method !== 'CONNECT' || head.protocol !== 'websocket') {
    return refuse(501, 'no CONNECT to websocket', 'RFC 9220 section 3')
  }
  return judgeWish(head.fields, policy, [])
}

function disagree(detail: string, section: string): WebSocketAnswer {
  return { accepted: false, detail, cites: `RFC 6455 section ${section}` }
}

/**
 * Judges a server's answer (RFC 6455 section 4.1, RFC 8441 section 5).
 * @param key that was sent over HTTP/1.1; undefined: the answer came over HTTP/2
 */
export function judgeAnswer(
  answer: { readonly status: number; readonly fields: readonly HeaderField[] },
  wish: WebSocketWish,
  key?: string,
): WebSocketAnswer {
  const { status, fields } = answer
  if (key === undefined) {
    if (status < 200 || status > 299) {
      return { accepted: false, detail: `the server answered ${String(status)}`, cites: 'RFC 8441 section 5' }
    }
  } else {
    if (status !== 101) return disagree(`the server answered ${String(status)}`, '4.1')
    const upgrade = fieldLines(fields, 'upgrade')
    if (upgrade.length !== 1 || upgrade[0].toLowerCase() !== 'websocket') return disagree('no Upgrade to websocket', '4.1')
    if (!asksForWebSocket(fields)) return disagree('Connection does not speak of the upgrade', '4.1')
    const accept = fieldLines(fields, 'sec-websocket-accept')
    if (accept.length !== 1 || accept[0] !== webSocketAccept(key)) {
      return disagree('Sec-WebSocket-Accept does not answer the key', '4.1')
    }
  }
  const protocols = fieldLines(fields, 'sec-websocket-protocol')
  const protocol = protocols.at(0) ?? ''
  if (protocols.length > 1) return disagree('more than one subprotocol', '11.3.4')
  if (protocols.length === 1 && wish.protocols?.includes(protocol) !== true) {
    return disagree('a subprotocol that was not asked for', '4.1')
  }
  const lines = fieldLines(fields, 'sec-websocket-extensions')
  const extensions = lines.join(', ')
  const elements = lines.length > 1 ? undefined : parseExtensions(lines)
  if (elements === undefined) return disagree('extensions that cannot be read, or in several fields', '11.3.2')
  if (elements.length === 0) return { accepted: true, agreement: { protocol, deflate: undefined, extensions: '' } }
  const deflate = elements.length === 1 ? acceptDeflate(elements[0], wish.deflate ?? []) : undefined
  if (deflate === undefined) return disagree('extensions that were not asked for like this', '9.1')
  return { accepted: true, agreement: { protocol, deflate, extensions } }
}
