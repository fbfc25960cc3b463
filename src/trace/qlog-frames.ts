import { quicErrorName, CRYPTO_ERROR } from '../wire/quic/error-codes.ts'
import type { AckFrame, ConnectionCloseFrame, QuicFrame } from '../wire/quic/frame.ts'
import { quicFrameType } from '../wire/quic/frame-types.ts'
import { http3ErrorName } from '../wire/http3-names.ts'
import { hexOf } from './tls-secrets.ts'

/** An object of qlog: what JSON can say. */
export type QlogData = Readonly<Record<string, unknown>>

/** Names that qlog has for errors; others are given by their codes. */
const TRANSPORT_ERRORS: ReadonlySet<string> = new Set([
  ...['no_error', 'internal_error', 'connection_refused', 'flow_control_error', 'stream_limit_error', 'stream_state_error'],
  ...['final_size_error', 'frame_encoding_error', 'transport_parameter_error', 'connection_id_limit_error'],
  ...['protocol_violation', 'invalid_token', 'application_error', 'crypto_buffer_exceeded'],
])
const APPLICATION_ERRORS: ReadonlySet<string> = new Set([
  ...['http_no_error', 'http_general_protocol_error', 'http_internal_error', 'http_stream_creation_error'],
  ...['http_closed_critical_stream', 'http_frame_unexpected', 'http_frame_error', 'http_excessive_load', 'http_id_error'],
  ...['http_settings_error', 'http_missing_settings', 'http_request_rejected', 'http_request_cancelled'],
  ...['http_request_incomplete', 'http_connect_error', 'http_version_fallback'],
])

/** A transport error as qlog names it, or its code: draft-ietf-quic-qlog-quic-events-01 appendices A.10.22 and A.10.24. */
export function qlogTransportError(code: number): string | number {
  if (code >= CRYPTO_ERROR && code < CRYPTO_ERROR + 0x100) {
    const name = `crypto_error_0x${code.toString(16)}`
    // The schema has decimal digits alone, though it says that these are hexadecimal.
    return /^crypto_error_0x1\d\d$/.test(name) ? name : code
  }
  const name = quicErrorName(code)?.toLowerCase()
  return name !== undefined && TRANSPORT_ERRORS.has(name) ? name : code
}

/** An error of HTTP/3 as qlog names it, or its code: draft-ietf-quic-qlog-h3-events-01 appendix A.2. */
export function qlogApplicationError(code: number): string | number {
  const name = http3ErrorName(code)?.replace(/^H3_/, 'http_').toLowerCase()
  return name !== undefined && APPLICATION_ERRORS.has(name) ? name : code
}

/** `'max_data'` for `'MAX_DATA'`. */
function typeName(type: QuicFrame['type']): string {
  return type.toLowerCase()
}

function streamType(bidirectional: boolean): string {
  return bidirectional ? 'bidirectional' : 'unidirectional'
}

function ack({ ranges, delay, ecn }: AckFrame, delayExponent: number): QlogData {
  const acked: number[][] = []
  for (let at = 0; at < ranges.length; at += 2)
    acked.push(ranges[at] === ranges[at + 1] ? [ranges[at]] : [ranges[at], ranges[at + 1]])
  const counts = ecn === undefined ? {} : { ect1: ecn.ect1, ect0: ecn.ect0, ce: ecn.ce }
  return { frame_type: 'ack', ack_delay: (delay * 2 ** delayExponent) / 1000, acked_ranges: acked, ...counts }
}

function close({ space, code, frameType, reason }: ConnectionCloseFrame): QlogData {
  const trigger = space === 'application' ? undefined : frameType
  return {
    frame_type: 'connection_close',
    error_space: space,
    error_code: space === 'transport' ? qlogTransportError(code) : qlogApplicationError(code),
    raw_error_code: code,
    reason,
    ...(trigger !== undefined && trigger !== 0 && { trigger_frame_type: quicFrameType(trigger)?.toLowerCase() ?? trigger }),
  }
}

/**
 * A frame of QUIC as qlog has it: draft-ietf-quic-qlog-quic-events-01 appendix A.10.
 * @param payload that the frame was decoded from
 * @param delayExponent of the sender's ACK frames
 */
export function qlogFrame(frame: QuicFrame, payload: Uint8Array, delayExponent: number): QlogData {
  const { type } = frame
  const frame_type = typeName(type)
  switch (type) {
    case 'PADDING':
      return { frame_type, payload_length: frame.length }
    case 'PING':
    case 'HANDSHAKE_DONE':
      return { frame_type }
    case 'ACK':
      return ack(frame, delayExponent)
    case 'RESET_STREAM': {
      const { stream, code, finalSize } = frame
      return { frame_type, stream_id: stream, error_code: qlogApplicationError(code), final_size: finalSize }
    }
    case 'STOP_SENDING':
      return { frame_type, stream_id: frame.stream, error_code: qlogApplicationError(frame.code) }
    case 'CRYPTO':
      return { frame_type, offset: frame.offset, length: frame.end - frame.start }
    case 'NEW_TOKEN':
      return { frame_type, token: qlogToken('resumption', payload.subarray(frame.start, frame.end)) }
    case 'STREAM': {
      const { stream, offset, start, end, fin } = frame
      return { frame_type, stream_id: stream, offset, length: end - start, ...(fin && { fin }) }
    }
    case 'MAX_DATA':
      return { frame_type, maximum: frame.limit }
    case 'MAX_STREAM_DATA':
      return { frame_type, stream_id: frame.stream, maximum: frame.limit }
    case 'MAX_STREAMS':
      return { frame_type, stream_type: streamType(frame.bidirectional), maximum: frame.limit }
    case 'DATA_BLOCKED':
      return { frame_type, limit: frame.limit }
    case 'STREAM_DATA_BLOCKED':
      return { frame_type, stream_id: frame.stream, limit: frame.limit }
    case 'STREAMS_BLOCKED':
      return { frame_type, stream_type: streamType(frame.bidirectional), limit: frame.limit }
    case 'NEW_CONNECTION_ID': {
      const { sequence, retirePriorTo, connectionId, resetToken } = frame
      return {
        frame_type,
        sequence_number: sequence,
        retire_prior_to: retirePriorTo,
        connection_id_length: connectionId.length,
        connection_id: hexOf(connectionId),
        stateless_reset_token: qlogToken('stateless_reset', resetToken),
      }
    }
    case 'RETIRE_CONNECTION_ID':
      return { frame_type, sequence_number: frame.sequence }
    case 'PATH_CHALLENGE':
    case 'PATH_RESPONSE':
      return { frame_type, data: hexOf(frame.data) }
    case 'CONNECTION_CLOSE':
      return close(frame)
    case 'DATAGRAM':
      // This version of qlog does not know RFC 9221.
      return { frame_type: 'unknown', raw_frame_type: 0x31, raw_length: frame.end - frame.start }
  }
}

/** A token: draft-ietf-quic-qlog-quic-events-01 appendix A.8. */
export function qlogToken(type: 'retry' | 'resumption' | 'stateless_reset' | undefined, bytes: Uint8Array): QlogData {
  return { ...(type !== undefined && { type }), length: bytes.length, data: hexOf(bytes) }
}
