/**
 * The data of single extensions, where it is the same in every message that carries it. RFC 8446 section 4.2 lists which message may
 * carry which; the messages' own files put these together.
 */
import { ExtensionType } from './code-points.ts'
import type { ExtensionCodec } from './extension-block.ts'
import { asciiText, textBytes } from './text.ts'

/** An extension whose presence is all it says: its value is `true`. */
export function flag(type: number): ExtensionCodec<true> {
  return { type, decode: () => true, encode: () => undefined }
}

/** `uint16 values<2..2^16-2>`: supported_groups (RFC 8446 section 4.2.7), signature_algorithms (section 4.2.3). */
export function codeList(type: number): ExtensionCodec<readonly number[]> {
  return {
    type,
    decode: (reader) => {
      const list = reader.vector16(2)
      const codes = list.uint16s()
      return codes
    },
    encode: (writer, codes) => {
      const mark = writer.open(2)
      writer.uint16s(codes)
      writer.close(mark, 2)
    },
  }
}

/** One number of 16 bits: the version or group that a server chose, or a limit. */
export function code(type: number): ExtensionCodec<number> {
  return {
    type,
    decode: (reader) => reader.uint16(),
    encode: (writer, value) => {
      writer.uint16(value)
    },
  }
}

/** Bytes without a structure of their own: a ticket, padding. */
export function bytes(type: number): ExtensionCodec<Uint8Array> {
  return {
    type,
    decode: (reader) => reader.rest(),
    encode: (writer, value) => {
      writer.fixed(value)
    },
  }
}

const HOST_NAME = 0

/** RFC 6066 section 3. The one name of type host_name; names of other types are stepped over. */
export const serverName: ExtensionCodec<string> = {
  type: ExtensionType.server_name,
  decode: (reader) => {
    const list = reader.vector16(1)
    let name: string | undefined
    while (!list.isEmpty) {
      const at = list.at
      const type = list.uint8()
      const text = list.opaque16(1)
      if (type !== HOST_NAME) continue
      if (name !== undefined) list.forbid('two names of one type', at)
      name = asciiText(text)
      if (name === undefined) list.forbid('a host name that is not in ASCII', at)
    }
    return name
  },
  encode: (writer, name) => {
    const mark = writer.open(2)
    writer.uint8(HOST_NAME).opaque16(textBytes(name))
    writer.close(mark, 2)
  },
}

/** RFC 7301 section 3.1. Each name is text of one code point for each byte. */
export const alpn: ExtensionCodec<readonly string[]> = {
  type: ExtensionType.application_layer_protocol_negotiation,
  decode: (reader) => {
    const list = reader.vector16(2)
    const names: string[] = []
    while (!list.isEmpty) names.push(String.fromCharCode(...list.opaque8(1)))
    return names
  },
  encode: (writer, names) => {
    const mark = writer.open(2)
    for (const name of names) writer.opaque8(textBytes(name))
    writer.close(mark, 2)
  },
}

/** RFC 8422 section 5.1.2. */
export const ecPointFormats: ExtensionCodec<readonly number[]> = {
  type: ExtensionType.ec_point_formats,
  decode: (reader) => reader.vector8(1).uint8s(),
  encode: (writer, formats) => {
    writer.uint8s(formats)
  },
}

/** RFC 5746 section 3.2: what the two Finished messages of the handshake before said; empty in a first one. */
export const renegotiationInfo: ExtensionCodec<Uint8Array> = {
  type: ExtensionType.renegotiation_info,
  decode: (reader) => reader.opaque8(),
  encode: (writer, value) => {
    writer.opaque8(value)
  },
}

/** RFC 8446 section 4.2.2. */
export const cookie: ExtensionCodec<Uint8Array> = {
  type: ExtensionType.cookie,
  decode: (reader) => reader.opaque16(1),
  encode: (writer, value) => {
    writer.opaque16(value)
  },
}

/** RFC 8446 section 4.2.4: distinguished names in DER. */
export const certificateAuthorities: ExtensionCodec<readonly Uint8Array[]> = {
  type: ExtensionType.certificate_authorities,
  decode: (reader) => {
    const list = reader.vector16(3)
    const names: Uint8Array[] = []
    while (!list.isEmpty) names.push(list.opaque16(1))
    return names
  },
  encode: (writer, names) => {
    const mark = writer.open(2)
    for (const name of names) writer.opaque16(name)
    writer.close(mark, 2)
  },
}

/** RFC 8446 section 4.2.8. */
export interface KeyShareEntry {
  /** A value of `NamedGroup`, or any other. */
  readonly group: number
  readonly keyExchange: Uint8Array
}

/** RFC 8446 section 4.2.11. */
export interface PskIdentity {
  readonly identity: Uint8Array
  /** The ticket's age in milliseconds plus its ticket_age_add, modulo 2^32. */
  readonly obfuscatedTicketAge: number
}

/** RFC 8446 section 4.2.11, in a ClientHello: as many binders as identities. */
export interface OfferedPsks {
  readonly identities: readonly PskIdentity[]
  /** 32 to 255 bytes each. */
  readonly binders: readonly Uint8Array[]
}
