/** The messages that hold one value, or none. */
import { HandshakeType, KeyUpdateRequest } from './code-points.ts'
import { bodyReader, encodeHandshake } from './handshake.ts'

/**
 * Decodes a whole Finished, header included: RFC 8446 section 4.4.4, RFC 5246 section 7.4.9.
 * @param length bytes of verify_data: the hash's in TLS 1.3, 12 in TLS 1.2
 * @returns verify_data, as a view
 * @throws TlsDecodeError when it has another length (decode_error)
 */
export function decodeFinished(message: Uint8Array, length: number): Uint8Array {
  const reader = bodyReader(message, HandshakeType.finished, 'RFC 8446 section 4.4.4')
  const verifyData = reader.fixed(length)
  reader.done()
  return verifyData
}

/** A whole Finished, header included. */
export function encodeFinished(verifyData: Uint8Array): Uint8Array {
  return encodeHandshake(HandshakeType.finished, (writer) => {
    writer.fixed(verifyData)
  })
}

/**
 * Decodes a whole KeyUpdate, header included: RFC 8446 section 4.6.3.
 * @returns whether the peer wants us to change our keys too
 * @throws TlsDecodeError when it does not hold together (decode_error), or asks for something else (illegal_parameter)
 */
export function decodeKeyUpdate(message: Uint8Array): boolean {
  const reader = bodyReader(message, HandshakeType.key_update, 'RFC 8446 section 4.6.3')
  const at = reader.at
  const request = reader.uint8()
  reader.done()
  if (request > KeyUpdateRequest.update_requested) reader.forbid(`no KeyUpdateRequest: ${String(request)}`, at)
  return request === KeyUpdateRequest.update_requested
}

/** A whole KeyUpdate, header included. */
export function encodeKeyUpdate(requestPeer: boolean): Uint8Array {
  return encodeHandshake(HandshakeType.key_update, (writer) => {
    writer.uint8(requestPeer ? KeyUpdateRequest.update_requested : KeyUpdateRequest.update_not_requested)
  })
}

/** Messages without a body: RFC 8446 section 4.5, RFC 5246 sections 7.4.1.1 and 7.4.5. */
type EmptyMessage = 'end_of_early_data' | 'server_hello_done' | 'hello_request'

/** Checks that a whole message, header included, is of that type and has no body. Throws TlsDecodeError (decode_error). */
export function decodeEmptyMessage(message: Uint8Array, type: EmptyMessage): void {
  bodyReader(message, HandshakeType[type], 'RFC 8446 section 4').done()
}

/** A whole message without a body. */
export function encodeEmptyMessage(type: EmptyMessage): Uint8Array {
  return encodeHandshake(HandshakeType[type], () => undefined)
}
