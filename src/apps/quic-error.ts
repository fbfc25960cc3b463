import type { QuicFault } from '../protocols/quic/fault.ts'
import { SocketError } from '../host/socket.ts'
import type { SocketErrorCode } from '../host/socket.ts'
import { http3ErrorName } from '../wire/http3-names.ts'
import type { SecureStreamError } from './secure-stream-error.ts'
import { secureStreamErrorOf } from './secure-stream-error.ts'

/** A QUIC connection that did not come about, or did not end well. Whatever catches socket errors catches it. */
export class QuicError extends SocketError {
  constructor(
    code: SocketErrorCode,
    /** What browsers call it: `'ERR_QUIC_PROTOCOL_ERROR'`, `'ERR_QUIC_HANDSHAKE_FAILED'`. */
    readonly error: string,
    readonly fault: QuicFault,
  ) {
    super(code, fault.detail)
  }
}

/**
 * What is wrong about the end of a connection under HTTP/3, which has names for its codes; undefined: nothing. An unknown code is as good as
 * H3_NO_ERROR (RFC 9114 sections 8 and 9).
 */
export function endFaultOf(fault: QuicFault | undefined): QuicFault | undefined {
  if (fault?.space !== 'application') return fault
  const name = http3ErrorName(fault.code)
  return name === undefined || name === 'H3_NO_ERROR' ? undefined : { ...fault, name }
}

const CRYPTO_ERROR = /^CRYPTO_ERROR \((\w+)\)$/

/** @param isClient whether we are the client; @param isConnected whether the handshake was complete */
export function quicErrorOf(fault: QuicFault, isClient: boolean, isConnected: boolean): QuicError | SecureStreamError {
  const { name, whose, noticedBy, detail, cites, certificateError } = fault
  const [, alert] = CRYPTO_ERROR.exec(name) ?? []
  if (alert !== undefined || certificateError !== undefined) {
    const tlsFault = { whose, alert, noticedBy, detail, cites, ...(certificateError !== undefined && { certificateError }) }
    return secureStreamErrorOf(tlsFault, isClient)
  }
  switch (name) {
    case 'IDLE_TIMEOUT':
      return new QuicError('ETIMEDOUT', isConnected ? 'ERR_QUIC_PROTOCOL_ERROR' : 'ERR_QUIC_HANDSHAKE_FAILED', fault)
    case 'UNREACHABLE':
      return new QuicError('EHOSTUNREACH', 'ERR_ADDRESS_UNREACHABLE', fault)
    case 'CONNECTION_REFUSED':
      return new QuicError('ECONNREFUSED', 'ERR_QUIC_HANDSHAKE_FAILED', fault)
    case 'STATELESS_RESET':
      return new QuicError('ECONNRESET', 'ERR_CONNECTION_RESET', fault)
    default:
      return new QuicError('EPROTO', isConnected ? 'ERR_QUIC_PROTOCOL_ERROR' : 'ERR_QUIC_HANDSHAKE_FAILED', fault)
  }
}
