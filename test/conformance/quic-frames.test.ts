import { describe } from 'node:test'
import { judge, nearLargest, ScriptedQuic, varint, type Case } from './scripted-quic.ts'

/* What either end makes of frames that there are not, that do not fit, or that are not the peer's to send: RFC 9000 sections 12.4 and 19. */

const client = (): ScriptedQuic => ScriptedQuic.client().connected()
const server = (): ScriptedQuic => ScriptedQuic.server().connected()

/** Sends the frames in one 1-RTT packet. */
const sends =
  (...payload: readonly number[]) =>
  (peer: ScriptedQuic): void => {
    peer.slip(payload)
  }

const ID = [1, 2, 3, 4, 5, 6, 7, 8]
const TOKEN = Array.from({ length: 16 }, (_, i) => i)
const newId = (sequence: number, prior = 0, id: readonly number[] = [sequence, ...ID.slice(1)]): number[] => [
  0x18,
  ...varint(sequence),
  ...varint(prior),
  id.length,
  ...id,
  ...TOKEN,
]
/** 2^60 + 1. */
const TOO_MANY = [0xd0, 0, 0, 0, 0, 0, 0, 1]

/** What holds for both ends. */
const BOTH: Readonly<Record<string, Case>> = {
  'no frame at all (12.4)': ['PROTOCOL_VIOLATION', sends()],
  'a type that nobody knows (12.4)': ['FRAME_ENCODING_ERROR', sends(0x21)],
  'a type of eight bytes that nobody knows (12.4)': ['FRAME_ENCODING_ERROR', sends(...nearLargest())],
  'PING and PADDING': ['open', sends(0x01, 0, 0, 0)],
  'an ACK of what was never sent (13.1)': ['PROTOCOL_VIOLATION', sends(0x02, ...varint(5000), 0, 0, 0)],
  'an ACK whose first range goes below 0 (19.3.1)': ['FRAME_ENCODING_ERROR', sends(0x02, 0, 0, 0, 1)],
  'an ACK whose second range goes below 0 (19.3.1)': ['FRAME_ENCODING_ERROR', sends(0x02, 2, 0, 1, 0, 1, 0)],
  'an ACK with more ranges than bytes': ['FRAME_ENCODING_ERROR', sends(0x02, 2, 0, 40, 0)],
  'CRYPTO beyond 2^62 (19.6)': ['CRYPTO_BUFFER_EXCEEDED', sends(0x06, ...nearLargest(), 1, 0)],
  'CRYPTO far ahead (7.5)': ['CRYPTO_BUFFER_EXCEEDED', sends(0x06, ...varint(1e6), 1, 0)],
  'CRYPTO longer than the packet': ['FRAME_ENCODING_ERROR', sends(0x06, 0, 9, 0)],
  'a KeyUpdate of TLS (RFC 9001, 6)': ['unexpected_message', sends(0x06, 0, 5, 24, 0, 0, 1, 0)],
  'STREAM beyond 2^62 (19.8)': ['FLOW_CONTROL_ERROR', sends(0x0f, 0, ...nearLargest(), 1, 0)],
  'MAX_STREAMS above 2^60, bidirectional (4.6)': ['FRAME_ENCODING_ERROR', sends(0x12, ...nearLargest())],
  'MAX_STREAMS above 2^60, unidirectional (4.6)': ['FRAME_ENCODING_ERROR', sends(0x13, ...nearLargest())],
  'MAX_STREAMS of 2^60 (4.6)': ['open', sends(0x12, 0xd0, 0, 0, 0, 0, 0, 0, 0)],
  'MAX_STREAMS, one above 2^60 (4.6)': ['FRAME_ENCODING_ERROR', sends(0x12, ...TOO_MANY)],
  'STREAMS_BLOCKED, one above 2^60 (19.14)': ['FRAME_ENCODING_ERROR', sends(0x16, ...TOO_MANY)],
  'limits that fall (4.1, 4.6)': ['open', sends(0x10, 0, 0x12, 0, 0x13, 0)],
  'NEW_CONNECTION_ID without any (19.15)': ['FRAME_ENCODING_ERROR', sends(...newId(5, 0, []))],
  'NEW_CONNECTION_ID of 21 bytes (19.15)': ['FRAME_ENCODING_ERROR', sends(...newId(5, 0, [...TOKEN, ...ID].slice(0, 21)))],
  'NEW_CONNECTION_ID that retires itself (19.15)': ['FRAME_ENCODING_ERROR', sends(...newId(5, 6))],
  'NEW_CONNECTION_ID beyond the limit (5.1.1)': [
    'CONNECTION_ID_LIMIT_ERROR',
    sends(...newId(10), ...newId(11), ...newId(12), ...newId(13), ...newId(14)),
  ],
  'a number with two meanings (19.15)': ['PROTOCOL_VIOLATION', sends(...newId(20, 20), ...newId(20, 20, TOKEN.slice(0, 8)))],
  'an ID with two numbers (19.15)': ['PROTOCOL_VIOLATION', sends(...newId(20, 20, ID), ...newId(21, 20, ID))],
  'retiring without end (5.1.2)': [
    'CONNECTION_ID_LIMIT_ERROR',
    (peer) => {
      for (let sequence = 10; sequence < 200; sequence++) peer.slip(newId(sequence, sequence))
    },
  ],
  'RETIRE_CONNECTION_ID of what was never given out (19.16)': ['PROTOCOL_VIOLATION', sends(0x19, ...varint(100))],
  'RETIRE_CONNECTION_ID of what it came with (19.16)': ['PROTOCOL_VIOLATION', sends(0x19, 0)],
  'PATH_RESPONSE that nobody waits for (19.18)': ['open', sends(0x1b, ...ID)],
  'PATH_CHALLENGE that is cut off': ['FRAME_ENCODING_ERROR', sends(0x1a, 1, 2, 3)],
  'DATAGRAM that was not asked for (RFC 9221, 3)': ['PROTOCOL_VIOLATION', sends(0x30, 1, 2)],
  'CONNECTION_CLOSE with a reason that is cut off (19.19)': ['FRAME_ENCODING_ERROR', sends(0x1c, 0, 0, 9, 65)],
  'reserved bits of a short header (17.3.1)': [
    'PROTOCOL_VIOLATION',
    (peer) => {
      peer.slip([0x01], 'application', 0x18)
    },
  ],
  'MAX_DATA without a number': ['FRAME_ENCODING_ERROR', sends(0x10)],
  'half an integer': ['FRAME_ENCODING_ERROR', sends(0x10, 0xc0, 0)],
  'MAX_STREAM_DATA without a number': ['FRAME_ENCODING_ERROR', sends(0x11, 0)],
  'RESET_STREAM that is cut off': ['FRAME_ENCODING_ERROR', sends(0x04, 0, 0)],
  'STOP_SENDING that is cut off': ['FRAME_ENCODING_ERROR', sends(0x05, 0)],
  'another update of keys before the first was acknowledged (RFC 9001, 6.2)': [
    'KEY_UPDATE_ERROR',
    (peer) => {
      peer.slipInPhase(1, [0x01])
      peer.slipInPhase(2, [0x01])
    },
  ],
  'an update of keys (RFC 9001, 6.1)': [
    'open',
    (peer) => {
      peer.slipInPhase(1, [0x01])
    },
  ],
  'old keys after new ones (RFC 9001, 6.4)': [
    'KEY_UPDATE_ERROR',
    (peer) => {
      peer.slipInPhase(1, [0x01])
      peer.slipInPhase(0, [0x01])
    },
  ],
}

describe('a server', () => {
  judge(client, {
    ...BOTH,
    'NEW_TOKEN from a client (19.7)': ['PROTOCOL_VIOLATION', sends(0x07, 1, 1)],
    'HANDSHAKE_DONE from a client (19.20)': ['PROTOCOL_VIOLATION', sends(0x1e)],
    'a ticket from a client (RFC 8446, 4.6.1)': ['unexpected_message', sends(0x06, 0, 4, 4, 0, 0, 0)],
    'STREAM on a stream that is the server’s alone (19.8)': ['STREAM_STATE_ERROR', sends(0x0a, 3, 1, 0)],
    'STREAM on a stream that the server has not opened (19.8)': ['STREAM_STATE_ERROR', sends(0x0a, 1, 1, 0)],
    'RESET_STREAM on a stream that is the server’s alone (19.4)': ['STREAM_STATE_ERROR', sends(0x04, 3, 0, 0)],
    'STOP_SENDING on a stream that is the client’s alone (19.5)': ['STREAM_STATE_ERROR', sends(0x05, 2, 0)],
    'STOP_SENDING on a stream that was not opened (19.5)': ['STREAM_STATE_ERROR', sends(0x05, 1, 0)],
    'MAX_STREAM_DATA on a stream that is the client’s alone (19.10)': ['STREAM_STATE_ERROR', sends(0x11, 2, 0)],
    'MAX_STREAM_DATA on a stream that was not opened (19.10)': ['STREAM_STATE_ERROR', sends(0x11, 1, 0)],
    'STREAM_DATA_BLOCKED on a stream that is the server’s alone (19.13)': ['STREAM_STATE_ERROR', sends(0x15, 3, 0)],
    'more streams than allowed, bidirectional (4.6)': ['STREAM_LIMIT_ERROR', sends(0x0a, ...varint(400), 1, 0)],
    'more streams than allowed, unidirectional (4.6)': ['STREAM_LIMIT_ERROR', sends(0x0a, ...varint(402), 1, 0)],
    'STOP_SENDING beyond the number of streams (4.6)': ['STREAM_LIMIT_ERROR', sends(0x05, ...varint(400), 0)],
    'the last stream that is allowed': ['open', sends(0x0a, ...varint(396), 1, 0)],
    'beyond the window of a stream (4.1)': ['FLOW_CONTROL_ERROR', sends(0x0e, 0, ...varint(262_144), 1, 0)],
    'a reset beyond the window of a stream (4.5)': ['FLOW_CONTROL_ERROR', sends(0x04, 0, 0, ...varint(262_145))],
    'up to the window of a stream': ['open', sends(0x0e, 0, ...varint(262_143), 1, 0)],
    'beyond the window of all streams (4.1)': [
      'FLOW_CONTROL_ERROR',
      sends(...[0, 4, 8, 12, 16].flatMap((stream) => [0x0e, stream, ...varint(262_143), 1, 0])),
    ],
    'bytes behind the end (4.5)': ['FINAL_SIZE_ERROR', sends(0x0f, 0, 10, 1, 0, 0x0e, 0, 20, 1, 0)],
    'an end before bytes that came (4.5)': ['FINAL_SIZE_ERROR', sends(0x0e, 0, 10, 1, 0, 0x0f, 0, 5, 1, 0)],
    'two ends (4.5)': ['FINAL_SIZE_ERROR', sends(0x0f, 0, 10, 1, 0, 0x0f, 0, 11, 1, 0)],
    'a reset that says another end (4.5)': ['FINAL_SIZE_ERROR', sends(0x0f, 0, 10, 1, 0, 0x04, 0, 0, 12)],
    'a reset before bytes that came (4.5)': ['FINAL_SIZE_ERROR', sends(0x0e, 0, 10, 1, 0, 0x04, 0, 0, 3)],
    'the same end twice': ['open', sends(0x0f, 0, 10, 1, 0, 0x0f, 0, 10, 1, 0)],
    'frames for a stream that is over': ['open', sends(0x0b, 2, 0, 0x0b, 2, 0, 0x04, 2, 0, 0)],
  })
})

describe('a client', () => {
  judge(server, {
    ...BOTH,
    'NEW_TOKEN without a token (19.7)': ['FRAME_ENCODING_ERROR', sends(0x07, 0)],
    'HANDSHAKE_DONE again (19.20)': ['open', sends(0x1e)],
    'a CertificateRequest afterwards (RFC 9001, 4.4)': ['PROTOCOL_VIOLATION', sends(0x06, 0, 7, 13, 0, 0, 3, 0, 0, 0)],
    'STREAM on a stream that is the client’s alone (19.8)': ['STREAM_STATE_ERROR', sends(0x0a, 2, 1, 0)],
    'STREAM on a stream that the client has not opened (19.8)': ['STREAM_STATE_ERROR', sends(0x0a, 0, 1, 0)],
    'RESET_STREAM on a stream that is the client’s alone (19.4)': ['STREAM_STATE_ERROR', sends(0x04, 2, 0, 0)],
    'STOP_SENDING on a stream that is the server’s alone (19.5)': ['STREAM_STATE_ERROR', sends(0x05, 3, 0)],
    'MAX_STREAM_DATA on a stream that is the server’s alone (19.10)': ['STREAM_STATE_ERROR', sends(0x11, 3, 0)],
    'MAX_STREAM_DATA on a stream that was not opened (19.10)': ['STREAM_STATE_ERROR', sends(0x11, 0, 0)],
    'more streams than allowed (4.6)': ['STREAM_LIMIT_ERROR', sends(0x0a, ...varint(401), 1, 0)],
  })
})
