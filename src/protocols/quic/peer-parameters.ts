import { QUIC_ERROR_CODE } from '../../wire/quic/error-codes.ts'
import type { TransportParameters } from '../../wire/quic/transport-parameters.ts'
import { QuicViolation } from './fault.ts'

/** Connection IDs that the peer's parameters have to name, since the headers that carry them are not authenticated. */
export interface ExpectedIds {
  /** Source Connection ID of the peer's Initial packets. */
  source: Uint8Array
  /** Destination Connection ID of the client's first Initial packet. */
  original: Uint8Array
  /** Source Connection ID of the Retry packet; undefined: there was none. */
  retry: Uint8Array | undefined
}

/** Whether two connection IDs are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  if (b === undefined || a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Authenticates connection IDs: RFC 9000 section 7.3. Throws QuicViolation. @param from whose the parameters are */
export function checkParameters(parameters: TransportParameters, from: 'client' | 'server', expected: ExpectedIds): void {
  const { initialSourceConnectionId, originalDestinationConnectionId, retrySourceConnectionId, preferredAddress } = parameters
  if (initialSourceConnectionId === undefined || !sameBytes(initialSourceConnectionId, expected.source))
    throw wrong('initial_source_connection_id', initialSourceConnectionId)
  if (from === 'client') return
  if (originalDestinationConnectionId === undefined || !sameBytes(originalDestinationConnectionId, expected.original))
    throw wrong('original_destination_connection_id', originalDestinationConnectionId)
  const { retry } = expected
  if (retry === undefined ? retrySourceConnectionId !== undefined : !sameBytes(retry, retrySourceConnectionId))
    throw wrong('retry_source_connection_id', retrySourceConnectionId)
  if (preferredAddress !== undefined && expected.source.length === 0)
    throw new QuicViolation(
      QUIC_ERROR_CODE.TRANSPORT_PARAMETER_ERROR,
      'preferred_address from a server without connection IDs',
      'RFC 9000 section 18.2',
    )
}

function wrong(name: string, value: Uint8Array | undefined): QuicViolation {
  const detail = `${name} ${value === undefined ? 'is missing' : 'does not fit'}`
  return new QuicViolation(QUIC_ERROR_CODE.TRANSPORT_PARAMETER_ERROR, detail, 'RFC 9000 section 7.3')
}
