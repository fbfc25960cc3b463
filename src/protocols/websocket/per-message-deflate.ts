/**
 * What both ends of a connection agree on about compression: RFC 7692 section 7.1. All four parameters are spoken, and none has to be
 * declined: the compressor keeps to any window by never looking back further (`deflater.ts`).
 */
import type { Extension } from './extension.ts'

/** Name of the extension. */
const NAME = 'permessage-deflate'
/** 32 KiB, which DEFLATE has at most. */
const LARGEST_WINDOW = 15

/** As agreed on. A window of n bits has 2^n bytes, n from 8 to 15. */
export interface PerMessageDeflateParameters {
  /** Whether the server compresses each message by itself. */
  readonly serverNoContextTakeover: boolean
  /** Whether the client does. */
  readonly clientNoContextTakeover: boolean
  /** Window of the server's compressor. */
  readonly serverMaxWindowBits: number
  /** Window of the client's compressor. */
  readonly clientMaxWindowBits: number
}

/** What a client asks for. */
export interface PerMessageDeflateOffer {
  /** Whether the server must compress each message by itself. */
  readonly serverNoContextTakeover?: boolean
  /** Whether the client will do so, whatever the server says. */
  readonly clientNoContextTakeover?: boolean
  /** Largest window that the server may use. */
  readonly serverMaxWindowBits?: number
  /** The server may say how large the client's window is; a number: it will be no larger than this anyway. */
  readonly clientMaxWindowBits?: number | true
}

/** What a server wants beyond what clients ask for. */
export interface PerMessageDeflatePolicy {
  readonly serverNoContextTakeover?: boolean
  readonly clientNoContextTakeover?: boolean
  /** Largest window of its own. */
  readonly serverMaxWindowBits?: number
  /** Largest window that it grants to clients; counts for those only which say that they can be told. */
  readonly clientMaxWindowBits?: number
}

/** The parameters of one element, each at most once and with a value as it must have; undefined: the element cannot be taken. */
interface Said {
  serverNoContextTakeover: boolean
  clientNoContextTakeover: boolean
  serverMaxWindowBits: number | undefined
  clientMaxWindowBits: number | true | undefined
}

const WINDOW_BITS = /^(?:[89]|1[0-5])$/

function read({ parameters }: Extension): Said | undefined {
  const said: Said = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: undefined,
    clientMaxWindowBits: undefined,
  }
  const seen = new Set<string>()
  for (const [name, value] of parameters) {
    if (seen.has(name)) return undefined
    seen.add(name)
    const bits = value !== undefined && WINDOW_BITS.test(value) ? Number(value) : undefined
    if (name === 'server_no_context_takeover' && value === undefined) said.serverNoContextTakeover = true
    else if (name === 'client_no_context_takeover' && value === undefined) said.clientNoContextTakeover = true
    else if (name === 'server_max_window_bits' && bits !== undefined) said.serverMaxWindowBits = bits
    else if (name === 'client_max_window_bits' && value === undefined) said.clientMaxWindowBits = true
    else if (name === 'client_max_window_bits' && bits !== undefined) said.clientMaxWindowBits = bits
    else return undefined
  }
  return said
}

/** Throws RangeError for a window that there is not. */
function checkBits(bits: number | true | undefined): void {
  if (bits === undefined || bits === true) return
  if (!Number.isInteger(bits) || bits < 8 || bits > LARGEST_WINDOW) {
    throw new RangeError(`a window has 8 to 15 bits, not ${String(bits)} (RFC 7692 section 7.1.2)`)
  }
}

/** How a client's offer stands in its request. Throws RangeError for a window that there is not. */
export function offerExtension(offer: PerMessageDeflateOffer): Extension {
  const { serverMaxWindowBits, clientMaxWindowBits } = offer
  checkBits(serverMaxWindowBits)
  checkBits(clientMaxWindowBits)
  const parameters: [string, string | undefined][] = []
  if (offer.serverNoContextTakeover === true) parameters.push(['server_no_context_takeover', undefined])
  if (offer.clientNoContextTakeover === true) parameters.push(['client_no_context_takeover', undefined])
  if (serverMaxWindowBits !== undefined) parameters.push(['server_max_window_bits', String(serverMaxWindowBits)])
  if (clientMaxWindowBits !== undefined) {
    parameters.push(['client_max_window_bits', clientMaxWindowBits === true ? undefined : String(clientMaxWindowBits)])
  }
  return { name: NAME, parameters }
}

/**
 * A server's choice: the first of the client's offers that can be taken (RFC 7692 section 7.1).
 * @returns undefined when none can, so that nothing is compressed. Throws RangeError for a policy with a window that there is not.
 */
export function chooseDeflate(
  offered: readonly Extension[],
  policy: PerMessageDeflatePolicy,
): { readonly agreed: PerMessageDeflateParameters; readonly answer: Extension } | undefined {
  checkBits(policy.serverMaxWindowBits)
  checkBits(policy.clientMaxWindowBits)
  for (const element of offered) {
    const said = element.name === NAME ? read(element) : undefined
    if (said === undefined) continue
    const ownBits = Math.min(said.serverMaxWindowBits ?? LARGEST_WINDOW, policy.serverMaxWindowBits ?? LARGEST_WINDOW)
    const theirs = said.clientMaxWindowBits
    // RFC 7692 section 7.1.2.2: who has not said that it can be told must not be told.
    const theirBits =
      theirs === undefined
        ? LARGEST_WINDOW
        : Math.min(theirs === true ? LARGEST_WINDOW : theirs, policy.clientMaxWindowBits ?? LARGEST_WINDOW)
    const agreed = {
      serverNoContextTakeover: said.serverNoContextTakeover || policy.serverNoContextTakeover === true,
      clientNoContextTakeover: said.clientNoContextTakeover || policy.clientNoContextTakeover === true,
      serverMaxWindowBits: ownBits,
      clientMaxWindowBits: theirBits,
    }
    const parameters: [string, string | undefined][] = []
    if (agreed.serverNoContextTakeover) parameters.push(['server_no_context_takeover', undefined])
    if (agreed.clientNoContextTakeover) parameters.push(['client_no_context_takeover', undefined])
    if (said.serverMaxWindowBits !== undefined || ownBits < LARGEST_WINDOW) {
      parameters.push(['server_max_window_bits', String(ownBits)])
    }
    if (theirBits < LARGEST_WINDOW) parameters.push(['client_max_window_bits', String(theirBits)])
    return { agreed, answer: { name: NAME, parameters } }
  }
  return undefined
}

/**
 * What a server's answer to these offers means for a client (RFC 7692 sections 5.1 and 7.1).
 * @returns undefined when it fits none of them: the client must fail the connection
 */
export function acceptDeflate(
  answer: Extension,
  offers: readonly PerMessageDeflateOffer[],
): PerMessageDeflateParameters | undefined {
  const said = answer.name === NAME ? read(answer) : undefined
  // In an answer a window has to have a value (RFC 7692 section 7.1.2.2).
  if (said === undefined || said.clientMaxWindowBits === true) return undefined
  const { serverMaxWindowBits, clientMaxWindowBits, serverNoContextTakeover, clientNoContextTakeover } = said
  for (const offer of offers) {
    const mayBeTold = offer.clientMaxWindowBits
    const ownLimit = typeof mayBeTold === 'number' ? mayBeTold : LARGEST_WINDOW
    const { serverMaxWindowBits: wanted } = offer
    const fits =
      (offer.serverNoContextTakeover !== true || serverNoContextTakeover) &&
      (wanted === undefined || (serverMaxWindowBits !== undefined && serverMaxWindowBits <= wanted)) &&
      (clientMaxWindowBits === undefined || (mayBeTold !== undefined && clientMaxWindowBits <= ownLimit))
    if (!fits) continue
    return {
      serverNoContextTakeover,
      clientNoContextTakeover: clientNoContextTakeover || offer.clientNoContextTakeover === true,
      serverMaxWindowBits: serverMaxWindowBits ?? LARGEST_WINDOW,
      clientMaxWindowBits: clientMaxWindowBits ?? ownLimit,
    }
  }
  return undefined
}
