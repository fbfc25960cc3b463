/** The error codes of QUIC's transport (RFC 9000 section 20.1) and what they are called. */

export type QuicErrorName =
  | 'NO_ERROR'
  | 'INTERNAL_ERROR'
  | 'CONNECTION_REFUSED'
  | 'FLOW_CONTROL_ERROR'
  | 'STREAM_LIMIT_ERROR'
  | 'STREAM_STATE_ERROR'
  | 'FINAL_SIZE_ERROR'
  | 'FRAME_ENCODING_ERROR'
  | 'TRANSPORT_PARAMETER_ERROR'
  | 'CONNECTION_ID_LIMIT_ERROR'
  | 'PROTOCOL_VIOLATION'
  | 'INVALID_TOKEN'
  | 'APPLICATION_ERROR'
  | 'CRYPTO_BUFFER_EXCEEDED'
  | 'KEY_UPDATE_ERROR'
  | 'AEAD_LIMIT_REACHED'
  | 'NO_VIABLE_PATH'

export const QUIC_ERROR_CODE: Readonly<Record<QuicErrorName, number>> = {
  NO_ERROR: 0x0,
  INTERNAL_ERROR: 0x1,
  CONNECTION_REFUSED: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  STREAM_LIMIT_ERROR: 0x4,
  STREAM_STATE_ERROR: 0x5,
  FINAL_SIZE_ERROR: 0x6,
  FRAME_ENCODING_ERROR: 0x7,
  TRANSPORT_PARAMETER_ERROR: 0x8,
  CONNECTION_ID_LIMIT_ERROR: 0x9,
  PROTOCOL_VIOLATION: 0xa,
  INVALID_TOKEN: 0xb,
  APPLICATION_ERROR: 0xc,
  CRYPTO_BUFFER_EXCEEDED: 0xd,
  KEY_UPDATE_ERROR: 0xe,
  AEAD_LIMIT_REACHED: 0xf,
  NO_VIABLE_PATH: 0x10,
}

/** What is added to an alert of TLS (RFC 9001 section 4.8): CRYPTO_ERROR, 0x0100 to 0x01ff. */
export const CRYPTO_ERROR = 0x100

const NAMES: ReadonlyMap<number, QuicErrorName> = /* @__PURE__ */ new Map(
  (Object.entries(QUIC_ERROR_CODE) as [QuicErrorName, number][]).map(([name, code]) => [code, name]),
)

/** What an error code of the transport is called: `'FLOW_CONTROL_ERROR'`, `'CRYPTO_ERROR'`; undefined: one that is not known here. */
export function quicErrorName(code: number): QuicErrorName | 'CRYPTO_ERROR' | undefined {
  if (code >= CRYPTO_ERROR && code <= CRYPTO_ERROR + 0xff) return 'CRYPTO_ERROR'
  return NAMES.get(code)
}
