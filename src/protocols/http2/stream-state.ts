import type { Http2ErrorName } from '../../wire/http2-names.ts'

/**
 * The states of a stream: RFC 9113 section 5.1, figure 2, as tables.
 *
 * Two tables, one for what we send and one for what we receive. An input that the table of sent frames does not know is a misuse; the
 * table of received ones says what every input is answered with. `END_STREAM`, a flag, is an input of its own behind that of its frame;
 * so is `PROMISE`, which is what a PUSH_PROMISE frame does to the stream that it promises, while `PUSH_PROMISE` is what it does to the stream
 * that it travels on. CONTINUATION belongs to the frame before it, and frames on stream 0 to no state.
 */

export type StreamState =
  'idle' | 'reserved (local)' | 'reserved (remote)' | 'open' | 'half-closed (local)' | 'half-closed (remote)' | 'closed'

export type StreamInput =
  'HEADERS' | 'DATA' | 'END_STREAM' | 'PUSH_PROMISE' | 'PROMISE' | 'RST_STREAM' | 'WINDOW_UPDATE' | 'PRIORITY'

/** What a received frame is answered with when it does not lead to a state. */
export type Refusal = { readonly scope: 'stream' | 'connection'; readonly code: Http2ErrorName } | { readonly scope: 'ignored' }

/** How a stream came to be closed, which says what may still come. */
export type Closing =
  /** Both ends have said END_STREAM. */
  | 'finished'
  /** The peer reset it. */
  | 'reset-by-peer'
  /** We reset it, which the peer may not know yet. */
  | 'reset-by-us'
  /** Too long ago to be known, or never used, which closes it when a higher number is (RFC 9113 section 5.1.1). */
  | 'forgotten'

export const SENT: Readonly<Record<StreamState, Readonly<Partial<Record<StreamInput, StreamState>>>>> = {
  idle: { HEADERS: 'open', PROMISE: 'reserved (local)', PRIORITY: 'idle' },
  'reserved (local)': { HEADERS: 'half-closed (remote)', RST_STREAM: 'closed', PRIORITY: 'reserved (local)' },
  'reserved (remote)': { RST_STREAM: 'closed', WINDOW_UPDATE: 'reserved (remote)', PRIORITY: 'reserved (remote)' },
  open: {
    HEADERS: 'open',
    DATA: 'open',
    END_STREAM: 'half-closed (local)',
    PUSH_PROMISE: 'open',
    RST_STREAM: 'closed',
    WINDOW_UPDATE: 'open',
    PRIORITY: 'open',
  },
  'half-closed (local)': {
    RST_STREAM: 'closed',
    WINDOW_UPDATE: 'half-closed (local)',
    PRIORITY: 'half-closed (local)',
  },
  'half-closed (remote)': {
    HEADERS: 'half-closed (remote)',
    DATA: 'half-closed (remote)',
    END_STREAM: 'closed',
    PUSH_PROMISE: 'half-closed (remote)',
    RST_STREAM: 'closed',
    WINDOW_UPDATE: 'half-closed (remote)',
    PRIORITY: 'half-closed (remote)',
  },
  closed: { PRIORITY: 'closed' },
}

const PROTOCOL: Refusal = { scope: 'connection', code: 'PROTOCOL_ERROR' }
const CLOSED: Refusal = { scope: 'connection', code: 'STREAM_CLOSED' }
const STREAM_CLOSED: Refusal = { scope: 'stream', code: 'STREAM_CLOSED' }
const IGNORED: Refusal = { scope: 'ignored' }

export const RECEIVED: Readonly<Record<Exclude<StreamState, 'closed'>, Readonly<Record<StreamInput, StreamState | Refusal>>>> = {
  idle: {
    HEADERS: 'open',
    DATA: PROTOCOL,
    END_STREAM: PROTOCOL,
    PUSH_PROMISE: PROTOCOL,
    PROMISE: 'reserved (remote)',
    RST_STREAM: PROTOCOL,
    WINDOW_UPDATE: PROTOCOL,
    PRIORITY: 'idle',
  },
  'reserved (local)': {
    HEADERS: PROTOCOL,
    DATA: PROTOCOL,
    END_STREAM: PROTOCOL,
    PUSH_PROMISE: PROTOCOL,
    PROMISE: PROTOCOL,
    RST_STREAM: 'closed',
    WINDOW_UPDATE: 'reserved (local)',
    PRIORITY: 'reserved (local)',
  },
  'reserved (remote)': {
    HEADERS: 'half-closed (local)',
    DATA: PROTOCOL,
    END_STREAM: PROTOCOL,
    PUSH_PROMISE: PROTOCOL,
    PROMISE: PROTOCOL,
    RST_STREAM: 'closed',
    WINDOW_UPDATE: PROTOCOL,
    PRIORITY: 'reserved (remote)',
  },
  open: {
    HEADERS: 'open',
    DATA: 'open',
    END_STREAM: 'half-closed (remote)',
    PUSH_PROMISE: 'open',
    PROMISE: PROTOCOL,
    RST_STREAM: 'closed',
    WINDOW_UPDATE: 'open',
    PRIORITY: 'open',
  },
  'half-closed (local)': {
    HEADERS: 'half-closed (local)',
    DATA: 'half-closed (local)',
    END_STREAM: 'closed',
    PUSH_PROMISE: 'half-closed (local)',
    PROMISE: PROTOCOL,
    RST_STREAM: 'closed',
    WINDOW_UPDATE: 'half-closed (local)',
    PRIORITY: 'half-closed (local)',
  },
  'half-closed (remote)': {
    HEADERS: STREAM_CLOSED,
    DATA: STREAM_CLOSED,
    END_STREAM: STREAM_CLOSED,
    PUSH_PROMISE: PROTOCOL,
    PROMISE: PROTOCOL,
    RST_STREAM: 'closed',
    WINDOW_UPDATE: 'half-closed (remote)',
    PRIORITY: 'half-closed (remote)',
  },
}

/** What is received on a closed stream. What may have been on its way when it was closed is ignored. */
export const RECEIVED_CLOSED: Readonly<Record<Closing, Readonly<Record<StreamInput, Refusal>>>> = {
  finished: {
    HEADERS: CLOSED,
    DATA: CLOSED,
    END_STREAM: CLOSED,
    PUSH_PROMISE: PROTOCOL,
    PROMISE: PROTOCOL,
    RST_STREAM: IGNORED,
    WINDOW_UPDATE: IGNORED,
    PRIORITY: IGNORED,
  },
  'reset-by-peer': {
    HEADERS: STREAM_CLOSED,
    DATA: STREAM_CLOSED,
    END_STREAM: STREAM_CLOSED,
    PUSH_PROMISE: PROTOCOL,
    PROMISE: PROTOCOL,
    RST_STREAM: IGNORED,
    WINDOW_UPDATE: IGNORED,
    PRIORITY: IGNORED,
  },
  'reset-by-us': {
    HEADERS: IGNORED,
    DATA: IGNORED,
    END_STREAM: IGNORED,
    PUSH_PROMISE: IGNORED,
    PROMISE: PROTOCOL,
    RST_STREAM: IGNORED,
    WINDOW_UPDATE: IGNORED,
    PRIORITY: IGNORED,
  },
  forgotten: {
    HEADERS: PROTOCOL,
    DATA: STREAM_CLOSED,
    END_STREAM: STREAM_CLOSED,
    PUSH_PROMISE: PROTOCOL,
    PROMISE: PROTOCOL,
    RST_STREAM: IGNORED,
    WINDOW_UPDATE: IGNORED,
    PRIORITY: IGNORED,
  },
}
