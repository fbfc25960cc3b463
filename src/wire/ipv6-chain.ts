// Extension headers: RFC 8200 section 4, and the limits of RFC 8504 section 5.3 and RFC 8883 against chains that are made to cost.
//
// Each header begins with the number of the next. Whoever wants the upper layer must walk them all, so a packet decides how much work
// it is: 64 KiB of two-byte options are 32,000 steps. Hosts may therefore refuse longer chains than any honest sender builds.

import { isMulticastIpv6 } from './address.ts'
import { IPV6_HEADER_LENGTH, IPV6_PAYLOAD_LIMIT, type Ipv6Header, NextHeader } from './ipv6.ts'
import { read16, read32 } from './integer.ts'

/** Codes of an ICMPv6 parameter problem. RFC 4443 section 3.4 (0 to 2), RFC 7112 (3), RFC 8883 section 3 (8 and 9). */
export const ParameterProblemCode = {
  ERRONEOUS_HEADER_FIELD: 0,
  UNRECOGNIZED_NEXT_HEADER: 1,
  UNRECOGNIZED_OPTION: 2,
  INCOMPLETE_HEADER_CHAIN: 3,
  TOO_MANY_EXTENSION_HEADERS: 8,
  TOO_MANY_OPTIONS: 9,
} as const

/** Most extension headers of a packet: each kind once, destination options twice, and three to spare. RFC 8504 section 5.3. */
export const EXTENSION_HEADER_LIMIT = 8

/** Most options in one extension header, padding apart, and as many pads. RFC 8504 section 5.3 suggests 8 as the least limit. */
export const OPTION_LIMIT = 16

/** Bytes of a fragment header. RFC 8200 section 4.5. */
export const FRAGMENT_HEADER_LENGTH = 8

/** Option types known here. RFC 8200 section 4.2, RFC 2711. */
export const Ipv6Option = { PAD1: 0, PADN: 1, ROUTER_ALERT: 5 } as const

/** Who walks: a packet's destination takes all headers, a router on its way the hop-by-hop options alone (RFC 8200 section 4). */
export type ChainWalker = 'destination' | 'router'

/**
 * What is to be done with a packet after its chain was walked: go on with it; put it together with its other fragments first; drop it
 * without a word; drop it and send a parameter problem with `code` and `pointer` (unless RFC 4443 section 2.4 (e) forbids it).
 */
export type ChainVerdict = 'accept' | 'reassemble' | 'discard' | 'parameter-problem'

/** Where a walk along the extension headers led. One class of one shape, made to be filled again and again. */
export class Ipv6Chain {
  verdict: ChainVerdict = 'accept'
  /** A `ParameterProblemCode`, with the verdict `parameter-problem`. */
  code = 0
  /** Of the parameter problem: offset of what is wrong from the packet's first byte. */
  pointer = 0
  /** What stands at `start`: the upper layer's protocol, a later fragment's first header, or to a router what it does not look into. */
  protocol = 0
  /** Where the number `protocol` was read, from the packet's first byte: the pointer when nobody here speaks it (RFC 4443 section 3.4). */
  protocolPointer = 0
  /** First byte behind the headers that were walked, in the decoded array. */
  start = 0
  /** Whether a router alert option asks routers to look closer. RFC 2711. */
  routerAlert = false
  /** First byte of the fragment header in the decoded array; -1: none. */
  fragmentStart = -1
  /** Where the number of the fragment header was read, in the decoded array. */
  fragmentPointer = -1
  /** Where this fragment's bytes belong in what was cut, a multiple of 8. */
  fragmentOffset = 0
  moreFragments = false
  /** In [0, 2^32). */
  identification = 0

  /** Notes that the packet is to be answered with a parameter problem; always false, as the walk ends here. */
  refuse(code: number, pointer: number): false {
    this.verdict = 'parameter-problem'
    this.code = code
    this.pointer = pointer
    return false
  }
}

/** Whether a header with this number has others behind it that RFC 8200 defines. */
export function isExtensionHeader(nextHeader: number): boolean {
  return (
    nextHeader === NextHeader.HOP_BY_HOP ||
    nextHeader === NextHeader.ROUTING ||
    nextHeader === NextHeader.FRAGMENT ||
    nextHeader === NextHeader.DESTINATION_OPTIONS
  )
}

/** Whether the options in [at, end) let the walk go on. RFC 8200 section 4.2. */
function walkOptions(bytes: Uint8Array, at: number, end: number, origin: number, header: Ipv6Header, chain: Ipv6Chain): boolean {
  let options = 0
  let pads = 0
  let option = at
  while (option < end) {
    const type = bytes[option]
    if (type === Ipv6Option.PAD1) {
      if (++pads > OPTION_LIMIT) return chain.refuse(ParameterProblemCode.TOO_MANY_OPTIONS, option - origin)
      option++
      continue
    }
    const next = option + 1 < end ? option + 2 + bytes[option + 1] : end + 1
    if (next > end) return chain.refuse(ParameterProblemCode.ERRONEOUS_HEADER_FIELD, option - origin)
    if (type === Ipv6Option.PADN) {
      if (++pads > OPTION_LIMIT) return chain.refuse(ParameterProblemCode.TOO_MANY_OPTIONS, option - origin)
    } else {
      if (++options > OPTION_LIMIT) return chain.refuse(ParameterProblemCode.TOO_MANY_OPTIONS, option - origin)
      if (type === Ipv6Option.ROUTER_ALERT && bytes[option + 1] === 2) chain.routerAlert = true
      else if (!toleratesUnknown(type, option - origin, header, chain)) return false
    }
    option = next
  }
  return true
}

/** What the two highest bits of an unknown option's type ask for. RFC 8200 section 4.2. */
function toleratesUnknown(type: number, pointer: number, header: Ipv6Header, chain: Ipv6Chain): boolean {
  const action = type >>> 6
  if (action === 0) return true
  if (action === 1 || (action === 3 && isMulticastIpv6(header.destination))) {
    chain.verdict = 'discard'
    return false
  }
  return chain.refuse(ParameterProblemCode.UNRECOGNIZED_OPTION, pointer)
}

/** Least bytes of the upper layer's header that a first fragment must hold. RFC 7112 section 5. */
function upperLayerLength(protocol: number): number {
  if (protocol === NextHeader.TCP) return 20
  return protocol === NextHeader.UDP || protocol === NextHeader.ICMPV6 ? 8 : 0
}

/** Reads the fragment header at `chain.start`, which lies whole before `end`; says whether the walk goes on behind it. */
function walkFragment(bytes: Uint8Array, end: number, origin: number, chain: Ipv6Chain): boolean {
  const at = chain.start
  const word = read16(bytes, at + 2)
  chain.fragmentStart = at
  chain.fragmentPointer = origin + chain.protocolPointer
  chain.fragmentOffset = word & 0xfff8
  chain.moreFragments = (word & 1) !== 0
  chain.identification = read32(bytes, at + 4)
  chain.protocol = bytes[at]
  chain.protocolPointer = at - origin
  chain.start = at + FRAGMENT_HEADER_LENGTH
  const length = end - chain.start
  // The payload length is to blame, which stands 4 bytes into the packet.
  if (chain.moreFragments && length % 8 !== 0) return chain.refuse(ParameterProblemCode.ERRONEOUS_HEADER_FIELD, 4)
  if (at - origin - IPV6_HEADER_LENGTH + chain.fragmentOffset + length > IPV6_PAYLOAD_LIMIT) {
    return chain.refuse(ParameterProblemCode.ERRONEOUS_HEADER_FIELD, at + 2 - origin)
  }
  // A packet of one fragment is whole in itself, whatever else has its identification (RFC 6946).
  if (chain.moreFragments || chain.fragmentOffset !== 0) chain.verdict = 'reassemble'
  return chain.fragmentOffset === 0
}

/** Takes one step over the extension header at `chain.start`; says whether the walk goes on. */
function step(bytes: Uint8Array, end: number, origin: number, header: Ipv6Header, chain: Ipv6Chain): boolean {
  const at = chain.start
  const kind = chain.protocol
  const length = at + 2 > end ? 8 : kind === NextHeader.FRAGMENT ? FRAGMENT_HEADER_LENGTH : (bytes[at + 1] + 1) * 8
  if (at + length > end) {
    if (chain.verdict === 'reassemble') return chain.refuse(ParameterProblemCode.INCOMPLETE_HEADER_CHAIN, 0)
    const pointer = at + 2 > end || kind === NextHeader.FRAGMENT ? chain.protocolPointer : at + 1 - origin
    return chain.refuse(ParameterProblemCode.ERRONEOUS_HEADER_FIELD, pointer)
  }
  if (kind === NextHeader.FRAGMENT) return walkFragment(bytes, end, origin, chain)
  // Where segments are left, the packet is to go on by a routing type: none is spoken here, and type 0 by nobody (RFC 5095).
  if (kind === NextHeader.ROUTING && bytes[at + 3] !== 0) {
    return chain.refuse(ParameterProblemCode.ERRONEOUS_HEADER_FIELD, at + 2 - origin)
  }
  if (kind !== NextHeader.ROUTING && !walkOptions(bytes, at + 2, at + length, origin, header, chain)) return false
  chain.protocol = bytes[at]
  chain.protocolPointer = at - origin
  chain.start = at + length
  return true
}

/**
 * Walks along the extension headers of a packet up to the upper layer; of a first fragment, too, to see that its chain is whole, so
 * that `start` and `protocol` are then those of its upper layer. Takes bounded time whatever the bytes.
 * @param header of the packet, decoded from `bytes`
 * @param end one past the last byte that may be read: `header.payloadEnd`, or less in a quotation
 * @param into is filled and returned
 */
export function walkIpv6Chain(
  bytes: Uint8Array,
  header: Ipv6Header,
  end: number,
  walker: ChainWalker,
  into = new Ipv6Chain(),
): Ipv6Chain {
  const origin = header.payloadStart - IPV6_HEADER_LENGTH
  into.verdict = 'accept'
  into.protocol = header.nextHeader
  into.protocolPointer = 6
  into.start = header.payloadStart
  into.routerAlert = false
  into.fragmentStart = -1
  if (!isExtensionHeader(header.nextHeader)) return into
  if (walker === 'router') {
    if (header.nextHeader === NextHeader.HOP_BY_HOP) step(bytes, end, origin, header, into)
    return into
  }
  for (let count = 0; isExtensionHeader(into.protocol); count++) {
    // Hop-by-hop options stand first or are not understood. RFC 8200 section 4.1.
    if (count > 0 && into.protocol === NextHeader.HOP_BY_HOP) {
      into.refuse(ParameterProblemCode.UNRECOGNIZED_NEXT_HEADER, into.protocolPointer)
      return into
    }
    if (count === EXTENSION_HEADER_LIMIT) {
      into.refuse(ParameterProblemCode.TOO_MANY_EXTENSION_HEADERS, into.start - origin)
      return into
    }
    if (!step(bytes, end, origin, header, into)) return into
  }
  const isFirstFragment = into.fragmentStart >= 0 && into.moreFragments
  if (isFirstFragment && into.start + upperLayerLength(into.protocol) > end) {
    into.refuse(ParameterProblemCode.INCOMPLETE_HEADER_CHAIN, 0)
  }
  return into
}
