import { hmac } from '../../crypto/hash.ts'
import { encodeLatin1 } from '../../wire/http1.ts'
import { encodeBase64 } from '../../wire/pem.ts'

/*
 * Required reading: RFC 7515 (JSON Web Signature) sections 3 and 5, RFC 7519 (JSON Web Token) sections 3, 4.1 and 7.2, RFC 7518 section 3.2,
 * RFC 8725 (best current practices) section 3.1.
 *
 * A token is three texts with dots between them, each in base64 for addresses: a header that says how it is signed, the claims, and the
 * signature of what stands before it. Anybody can read it; only who has the key can make one, or tell that one is genuine. Nothing about it is
 * remembered anywhere, which is the point of it, and the reason why nobody can take it back.
 *
 * Here there is one algorithm, HMAC with SHA-256 (`HS256`), and one form of header: what says anything else is refused before its signature is
 * looked at, so that no token can choose how it is checked.
 */

/** What a token says, in the terms of RFC 7519 section 4.1. Times are seconds since 1970. */
export interface TokenClaims {
  /** Who it is about. ASCII. */
  readonly sub: string
  /** When it was made. */
  readonly iat: number
  /** From when on it must not be taken. */
  readonly exp: number
}

/** Longest token that is looked at, in characters. */
const LONGEST = 4096
const FORM = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Base64 with the alphabet for addresses and file names, without padding (RFC 4648 section 5, RFC 7515 section 2). */
export function encodeBase64Url(bytes: Uint8Array): string {
  return encodeBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** A text of ASCII from base64 of that alphabet; undefined: it is none. */
function textFromBase64Url(encoded: string): string | undefined {
  let text = ''
  let word = 0
  let bits = 0
  for (const digit of encoded) {
    word = ((word << 6) | DIGITS.indexOf(digit)) & 0xffff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    const byte = (word >>> bits) & 0xff
    if (byte > 0x7e || byte < 0x20) return undefined
    text += String.fromCharCode(byte)
  }
  // One digit alone is no byte, and bits that are left over are 0.
  return bits === 6 || (word & ((1 << bits) - 1)) !== 0 ? undefined : text
}

const HEADER = /* @__PURE__ */ encodeBase64Url(/* @__PURE__ */ encodeLatin1('{"alg":"HS256","typ":"JWT"}'))

function signatureOf(text: string, key: Uint8Array): string {
  return encodeBase64Url(hmac('sha256', key, encodeLatin1(text)))
}

/** A token in its compact form (RFC 7515 section 3.1). @param key 32 bytes at least (RFC 7518 section 3.2) */
export function signToken(claims: TokenClaims, key: Uint8Array): string {
  const { sub, iat, exp } = claims
  const text = `${HEADER}.${encodeBase64Url(encodeLatin1(JSON.stringify({ sub, iat, exp })))}`
  return `${text}.${signatureOf(text, key)}`
}

/** What a token says, if it is one of ours. @param now seconds since 1970. @returns undefined: it is none, not genuine, or too old */
export function readToken(token: string, key: Uint8Array, now: number): TokenClaims | undefined {
  const match = token.length > LONGEST ? null : FORM.exec(token)
  if (match === null) return undefined
  const [, header, payload, signature] = match as unknown as [string, string, string, string]
  if (header !== HEADER || !areSame(signature, signatureOf(`${header}.${payload}`, key))) return undefined
  const claims = claimsIn(textFromBase64Url(payload) ?? '')
  return claims !== undefined && now < claims.exp ? claims : undefined
}

/** In a time that does not depend on where they differ. @param a as long as the other */
function areSame(a: string, b: string): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
  return difference === 0
}

function claimsIn(text: string): TokenClaims | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { sub, iat, exp } = value as Readonly<Record<string, unknown>>
  const isWhole = typeof sub === 'string' && typeof iat === 'number' && typeof exp === 'number'
  return isWhole ? { sub, iat, exp } : undefined
}
