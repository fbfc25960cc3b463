/** The key exchange of TLS 1.2 over elliptic curves: RFC 8422 section 5.4 and 5.7. */
import { HandshakeType } from './code-points.ts'
import { bodyReader, encodeHandshake } from './handshake.ts'
import { TlsWriter } from './writer.ts'

const CITES = 'RFC 8422 section 5.4'
/** ECCurveType named_curve. The others describe a curve, and are no longer allowed. */
const NAMED_CURVE = 3

/** What the server's signature covers, behind both random values. */
export interface EcdhParams {
  /** A value of `NamedGroup`. */
  readonly group: number
  /** The server's point, 1 to 255 bytes. */
  readonly point: Uint8Array
}

export interface ServerKeyExchange extends EcdhParams {
  /** A value of `SignatureScheme`. */
  readonly algorithm: number
  readonly signature: Uint8Array
}

/** ServerECDHParams, as they are sent and signed. */
export function encodeEcdhParams({ group, point }: EcdhParams): Uint8Array {
  return new TlsWriter().uint8(NAMED_CURVE).uint16(group).opaque8(point).finish()
}

/**
 * Decodes a whole ServerKeyExchange, header included.
 * @throws TlsDecodeError when it does not hold together (decode_error), or the curve is not a named one (illegal_parameter)
 */
export function decodeServerKeyExchange(message: Uint8Array): ServerKeyExchange {
  const reader = bodyReader(message, HandshakeType.server_key_exchange, CITES)
  if (reader.uint8() !== NAMED_CURVE) reader.forbid('a curve that is not named', reader.at - 1)
  const group = reader.uint16()
  const point = reader.opaque8(1)
  const algorithm = reader.uint16()
  const signature = reader.opaque16()
  reader.done()
  return { group, point, algorithm, signature }
}

/** A whole ServerKeyExchange, header included. */
export function encodeServerKeyExchange(exchange: ServerKeyExchange): Uint8Array {
  return encodeHandshake(HandshakeType.server_key_exchange, (writer) => {
    writer.fixed(encodeEcdhParams(exchange)).uint16(exchange.algorithm).opaque16(exchange.signature)
  })
}

/**
 * Decodes a whole ClientKeyExchange, header included.
 * @returns the client's point, as a view
 * @throws TlsDecodeError when it does not hold together (decode_error)
 */
export function decodeClientKeyExchange(message: Uint8Array): Uint8Array {
  const reader = bodyReader(message, HandshakeType.client_key_exchange, 'RFC 8422 section 5.7')
  const point = reader.opaque8(1)
  reader.done()
  return point
}

/** A whole ClientKeyExchange, header included. */
export function encodeClientKeyExchange(point: Uint8Array): Uint8Array {
  return encodeHandshake(HandshakeType.client_key_exchange, (writer) => {
    writer.opaque8(point)
  })
}
