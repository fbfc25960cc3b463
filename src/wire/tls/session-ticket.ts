import { ExtensionType, HandshakeType } from './code-points.ts'
import { decodeExtensions, encodeExtensions } from './extension-block.ts'
import type { ExtensionBlock, ExtensionCodec, ExtensionCodecs } from './extension-block.ts'
import { bodyReader, encodeHandshake } from './handshake.ts'

export interface NewSessionTicketExtensions extends ExtensionBlock {
  /** max_early_data_size: most bytes of early data under this ticket, in [0, 2^32). Absent: none may be sent. */
  readonly maxEarlyDataSize?: number | undefined
}

/** RFC 8446 section 4.6.1. */
export interface NewSessionTicket {
  /** Seconds, at most a week: 604800. */
  readonly lifetime: number
  /** To be added to the age in milliseconds, in [0, 2^32). */
  readonly ageAdd: number
  /** 0 to 255 bytes. */
  readonly nonce: Uint8Array
  /** At least one byte. */
  readonly ticket: Uint8Array
  readonly extensions: NewSessionTicketExtensions
}

const maxEarlyDataSize: ExtensionCodec<number> = {
  type: ExtensionType.early_data,
  decode: (reader) => reader.uint32(),
  encode: (writer, size) => {
    writer.uint32(size)
  },
}

const EXTENSIONS: ExtensionCodecs<NewSessionTicketExtensions> = { maxEarlyDataSize }

/**
 * Decodes a whole message of TLS 1.3, header included. Byte strings are views of it.
 * @throws TlsDecodeError when it does not hold together (decode_error), or an extension is there twice (illegal_parameter)
 */
export function decodeNewSessionTicket(message: Uint8Array): NewSessionTicket {
  const reader = bodyReader(message, HandshakeType.new_session_ticket, 'RFC 8446 section 4.6.1')
  const lifetime = reader.uint32()
  const ageAdd = reader.uint32()
  const nonce = reader.opaque8()
  const ticket = reader.opaque16(1)
  const extensions = decodeExtensions(reader, EXTENSIONS)
  reader.done()
  return { lifetime, ageAdd, nonce, ticket, extensions }
}

/** A whole message of TLS 1.3, header included. Throws RangeError when something is too long for its length. */
export function encodeNewSessionTicket({ lifetime, ageAdd, nonce, ticket, extensions }: NewSessionTicket): Uint8Array {
  return encodeHandshake(HandshakeType.new_session_ticket, (writer) => {
    writer.uint32(lifetime).uint32(ageAdd).opaque8(nonce).opaque16(ticket)
    encodeExtensions(writer, extensions, EXTENSIONS)
  })
}

/** RFC 5077 section 3.3. */
export interface NewSessionTicket12 {
  /** Seconds; 0: the server does not say. */
  readonly lifetimeHint: number
  /** Empty when the server has changed its mind. */
  readonly ticket: Uint8Array
}

/**
 * Decodes a whole message of TLS 1.2, header included.
 * @throws TlsDecodeError when it does not hold together (decode_error)
 */
export function decodeNewSessionTicket12(message: Uint8Array): NewSessionTicket12 {
  const reader = bodyReader(message, HandshakeType.new_session_ticket, 'RFC 5077 section 3.3')
  const ticket = { lifetimeHint: reader.uint32(), ticket: reader.opaque16() }
  reader.done()
  return ticket
}

/** A whole message of TLS 1.2, header included. Throws RangeError when the ticket is longer than 65535 bytes. */
export function encodeNewSessionTicket12({ lifetimeHint, ticket }: NewSessionTicket12): Uint8Array {
  return encodeHandshake(HandshakeType.new_session_ticket, (writer) => {
    writer.uint32(lifetimeHint).opaque16(ticket)
  })
}
