import { field, hex, named } from '../describe.ts'
import type { Field, Layer } from '../field.ts'
import { alertName } from '../tls/alert.ts'
import { QuicFieldNoter } from './field-noter.ts'
import { CRYPTO_ERROR, quicErrorName } from './error-codes.ts'
import type { AckFrame, ConnectionCloseFrame, QuicFrame, StreamFrame } from './frame.ts'
import { ACK_ECN, APPLICATION_CLOSE, DATAGRAM_LEN, quicFrameType, STREAM_FIN, STREAM_LEN, STREAM_OFF } from './frame-types.ts'

const TITLE = 'QUIC'

/** `'1,200 bytes'`. */
function count(bytes: number): string {
  return `${String(bytes).replace(/\B(?=(\d{3})+$)/g, ',')} ${bytes === 1 ? 'byte' : 'bytes'}`
}

/** `'9-7, 4-2, 0'`. */
function rangesInWords({ ranges }: AckFrame): string {
  const words: string[] = []
  for (let i = 0; i < ranges.length && words.length < 4; i += 2)
    words.push(ranges[i] === ranges[i + 1] ? String(ranges[i]) : `${String(ranges[i])}–${String(ranges[i + 1])}`)
  return ranges.length > 8 ? `${words.join(', ')} and ${String(ranges.length / 2 - 4)} more` : words.join(', ')
}

function streamInWords({ stream, offset, fin, start, end }: StreamFrame): string {
  const what = end === start ? 'nothing' : count(end - start)
  return `STREAM ${String(stream)}, ${what} at ${String(offset)}${fin ? ', its end' : ''}`
}

/** `'FLOW_CONTROL_ERROR'`, `'CRYPTO_ERROR (handshake_failure)'`. */
function transportErrorInWords(code: number): string {
  const name = quicErrorName(code)
  if (name !== 'CRYPTO_ERROR') return name ?? hex(code, 1)
  return `CRYPTO_ERROR (${alertName(code - CRYPTO_ERROR) ?? String(code - CRYPTO_ERROR)})`
}

function closeInWords({ space, code, reason }: ConnectionCloseFrame): string {
  const why = space === 'transport' ? transportErrorInWords(code) : `application error ${hex(code, 1)}`
  return `CONNECTION_CLOSE, ${why}${reason === '' ? '' : `: ${reason}`}`
}

/** A frame in a line: `'STREAM 4, 1,200 bytes at 0'`. */
function quicFrameInWords(frame: QuicFrame): string {
  const { type } = frame
  switch (type) {
    case 'PADDING':
      return `PADDING, ${count(frame.length)}`
    case 'ACK':
      return `ACK ${rangesInWords(frame)}`
    case 'CRYPTO':
      return `CRYPTO, ${count(frame.end - frame.start)} at ${String(frame.offset)}`
    case 'STREAM':
      return streamInWords(frame)
    case 'DATAGRAM':
    case 'NEW_TOKEN':
      return `${type}, ${count(frame.end - frame.start)}`
    case 'RESET_STREAM':
    case 'STOP_SENDING':
      return `${type} ${String(frame.stream)}, error ${hex(frame.code, 1)}`
    case 'MAX_DATA':
    case 'DATA_BLOCKED':
      return `${type} ${String(frame.limit)}`
    case 'MAX_STREAM_DATA':
    case 'STREAM_DATA_BLOCKED':
      return `${type} ${String(frame.stream)}: ${String(frame.limit)}`
    case 'MAX_STREAMS':
    case 'STREAMS_BLOCKED':
      return `${type} ${String(frame.limit)}, ${frame.bidirectional ? 'bidirectional' : 'unidirectional'}`
    case 'NEW_CONNECTION_ID':
      return `${type} ${String(frame.sequence)}`
    case 'RETIRE_CONNECTION_ID':
      return `${type} ${String(frame.sequence)}`
    case 'CONNECTION_CLOSE':
      return closeInWords(frame)
    case 'PING':
    case 'PATH_CHALLENGE':
    case 'PATH_RESPONSE':
    case 'HANDSHAKE_DONE':
      return type
  }
}

function ackFields(at: QuicFieldNoter, code: number): void {
  at.varint('quic.ack.largest_acknowledged', 'Largest acknowledged')
  at.varint('quic.ack.ack_delay', 'ACK delay')
  const more = at.varint('quic.ack.ack_range_count', 'ACK range count')
  at.varint('quic.ack.first_ack_range', 'First ACK range')
  for (let i = 0; i < more; i++) {
    at.varint('quic.ack.gap', 'Gap')
    at.varint('quic.ack.ack_range', 'ACK range')
  }
  if ((code & ACK_ECN) === 0) return
  at.varint('quic.ack.ect0_count', 'ECT(0) count')
  at.varint('quic.ack.ect1_count', 'ECT(1) count')
  at.varint('quic.ack.ecn_ce_count', 'ECN-CE count')
}

function streamFields(at: QuicFieldNoter, code: number, start: number): void {
  at.bits('quic.stream.fin', 'Fin', (code & STREAM_FIN) !== 0, start)
  at.bits('quic.stream.len', 'Length there', (code & STREAM_LEN) !== 0, start)
  at.bits('quic.stream.off', 'Offset there', (code & STREAM_OFF) !== 0, start)
  const idAt = at.at
  const stream = at.varint('quic.stream.stream_id', 'Stream ID')
  const [server, unidirectional] = [stream % 2 === 1, stream % 4 >= 2]
  const by = named(server ? 1 : 0, server ? 'server' : 'client')
  at.fields.push(field('quic.stream.initiator', 'Opened by', by, idAt, at.at))
  const direction = named(unidirectional ? 1 : 0, unidirectional ? 'unidirectional' : 'bidirectional')
  at.fields.push(field('quic.stream.direction', 'Direction', direction, idAt, at.at))
  if ((code & STREAM_OFF) !== 0) at.varint('quic.stream.offset', 'Offset')
  const left = (code & STREAM_LEN) !== 0 ? at.varint('quic.stream.length', 'Length') : at.end - at.at
  at.data('quic.stream_data', 'Stream data', left)
}

function closeFields(at: QuicFieldNoter, code: number): void {
  if ((code & APPLICATION_CLOSE) === 0) {
    at.varint('quic.cc.error_code', 'Error code', transportErrorInWords)
    at.varint('quic.cc.frame_type', 'Frame type', quicFrameType)
  } else {
    at.varint('quic.cc.error_code.app', 'Application error code')
  }
  const length = at.varint('quic.cc.reason_phrase.length', 'Reason phrase length')
  const start = at.skip(length)
  if (length === 0) return
  const reason = String.fromCharCode(...at.bytes.subarray(start, at.at))
  at.fields.push(field('quic.cc.reason_phrase', 'Reason phrase', reason, start, at.at))
}

function newConnectionIdFields(at: QuicFieldNoter): void {
  at.varint('quic.nci.sequence', 'Sequence')
  at.varint('quic.nci.retire_prior_to', 'Retire prior to')
  at.opaque('quic.nci.connection_id', 'Connection ID', at.uint8('quic.nci.connection_id.length', 'Connection ID length'))
  at.opaque('quic.nci.stateless_reset_token', 'Stateless reset token', 16)
}

/** Notes the parts of a frame behind its type. */
function frameFields(at: QuicFieldNoter, frame: QuicFrame, code: number, start: number): void {
  switch (frame.type) {
    case 'PADDING':
      at.fields.push(field('quic.padding_length', 'Padding length', frame.length, start, start + frame.length))
      return
    case 'ACK':
      ackFields(at, code)
      return
    case 'RESET_STREAM':
      at.varint('quic.rsts.stream_id', 'Stream ID')
      at.varint('quic.rsts.application_error_code', 'Application error code')
      at.varint('quic.rsts.final_size', 'Final size')
      return
    case 'STOP_SENDING':
      at.varint('quic.ss.stream_id', 'Stream ID')
      at.varint('quic.ss.application_error_code', 'Application error code')
      return
    case 'CRYPTO':
      at.varint('quic.crypto.offset', 'Offset')
      at.data('quic.crypto.crypto_data', 'Crypto data', at.varint('quic.crypto.length', 'Length'))
      return
    case 'NEW_TOKEN':
      at.opaque('quic.nt.token', 'Token', at.varint('quic.nt.length', 'Token length'))
      return
    case 'STREAM':
      streamFields(at, code, start)
      return
    case 'MAX_DATA':
      at.varint('quic.md.maximum_data', 'Maximum data')
      return
    case 'MAX_STREAM_DATA':
      at.varint('quic.msd.stream_id', 'Stream ID')
      at.varint('quic.msd.maximum_stream_data', 'Maximum stream data')
      return
    case 'MAX_STREAMS':
      at.varint('quic.ms.max_streams', 'Maximum streams')
      return
    case 'DATA_BLOCKED':
      at.varint('quic.sb.stream_data_limit', 'Data limit')
      return
    case 'STREAM_DATA_BLOCKED':
      at.varint('quic.sdb.stream_id', 'Stream ID')
      at.varint('quic.sb.stream_data_limit', 'Stream data limit')
      return
    case 'STREAMS_BLOCKED':
      at.varint('quic.sib.stream_limit', 'Stream limit')
      return
    case 'NEW_CONNECTION_ID':
      newConnectionIdFields(at)
      return
    case 'RETIRE_CONNECTION_ID':
      at.varint('quic.rci.sequence', 'Sequence')
      return
    case 'PATH_CHALLENGE':
      at.opaque('quic.path_challenge.data', 'Data', 8)
      return
    case 'PATH_RESPONSE':
      at.opaque('quic.path_response.data', 'Data', 8)
      return
    case 'CONNECTION_CLOSE':
      closeFields(at, code)
      return
    case 'DATAGRAM':
      if ((code & DATAGRAM_LEN) !== 0) at.varint('quic.dg.length', 'Datagram length')
      at.data('quic.dg', 'Datagram', at.end - at.at)
      return
    case 'PING':
    case 'HANDSHAKE_DONE':
  }
}

/**
 * A frame that was decoded from [start, end) of a payload, for the inspector.
 * @param end one past its last byte
 */
export function quicFrameLayer(bytes: Uint8Array, start: number, end: number, frame: QuicFrame): Layer {
  const at = new QuicFieldNoter(bytes, start, end)
  const code = at.skip(1)
  const type: Field = field('quic.frame_type', 'Frame type', named(hex(bytes[code], 2), frame.type), start, start + 1)
  at.fields.push(type)
  frameFields(at, frame, bytes[code], start)
  const title = `${TITLE} ${frame.type}`
  return { protocol: 'quic', title, summary: quicFrameInWords(frame), start, end, fields: at.fields }
}
