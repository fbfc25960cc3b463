import { describe } from 'node:test'
import { frame, hexBytes, last, on } from './raw-peer.ts'
import { CRITICAL, server, verdicts } from './verdict.ts'
import type { Doing } from './raw-peer.ts'

/* What becomes of a connection whose peer breaks QPACK: RFC 9204 sections 2.1.2, 2.2, 3.2, 4.3, 4.4 and 6. */

const DECOMPRESSION = 'connection QPACK_DECOMPRESSION_FAILED'
const ENCODER = 'connection QPACK_ENCODER_STREAM_ERROR'
const DECODER = 'connection QPACK_DECODER_STREAM_ERROR'

/** What is said on the client's encoder stream and its decoder stream. */
const encoder = (instructions: string): Doing => on(6, hexBytes(`02${instructions}`))
const decoder = (instructions: string): Doing => on(10, hexBytes(`03${instructions}`))
/** A field section as it stands there. */
const section = (bytes: string): Doing => on(0, frame('HEADERS', bytes))

const withTable = (doings: readonly Doing[]): string =>
  server(doings, { settings: { qpackMaxTableCapacity: 220, qpackBlockedStreams: 2 } })
const withoutTable = (doings: readonly Doing[]): string =>
  server(doings, { settings: { qpackMaxTableCapacity: 0, qpackBlockedStreams: 0 } })

describe('with a dynamic table of 220 bytes', () => {
  verdicts(withTable, {
    'a static index that there is not (3.1)': [DECOMPRESSION, section('0000 ff24')],
    'the last static index': ['stream 0 H3_MESSAGE_ERROR', section('0000 ff23')],
    'an index of the dynamic table behind its base (3.2.5)': [DECOMPRESSION, section('0000 81')],
    'a Required Insert Count that cannot be (4.5.1.1)': [DECOMPRESSION, section('ff01 00 80')],
    'a Base below 0 (4.5.1.2)': [DECOMPRESSION, encoder('3f bd01 c0 0161'), section('02 85 80')],
    'a capacity above the limit (3.2.3)': [ENCODER, encoder('3f be01')],
    'a capacity at the limit (3.2.3)': ['-', encoder('3f bd01')],
    'an entry larger than the table (3.2.2)': [ENCODER, encoder('21 c0 0161')],
    'an insertion with a static name that there is not (4.3.2)': [ENCODER, encoder('3f bd01 ff24 0161')],
    'an insertion with a dynamic name that there is not (4.3.2)': [ENCODER, encoder('3f bd01 80 0161')],
    'a copy of an entry that there is not (4.3.4)': [ENCODER, encoder('3f bd01 00')],
    'an Insert Count Increment of 0 (4.4.3)': [DECODER, decoder('00')],
    'an Insert Count Increment beyond what was inserted (4.4.3)': [DECODER, decoder('05')],
    'an acknowledgment of a section that was not sent (4.4.1)': [DECODER, decoder('80')],
    'a cancellation of a stream without references (4.4.2)': ['-', decoder('40')],
    'both streams end (4.2)': [CRITICAL, last(6, hexBytes('02'))],
    'an integer without end (RFC 7541, 5.1)': [ENCODER, encoder('3fffffffffffffffffffff')],
  })
})

describe('without a dynamic table', () => {
  verdicts(withoutTable, {
    'a field section that needs one (3.2.3)': [DECOMPRESSION, section('0200 80')],
    'a capacity of 0': ['-', encoder('20')],
    'a capacity (3.2.3)': [ENCODER, encoder('21')],
    'an insertion (3.2.2)': [ENCODER, encoder('c0 0161')],
  })
})
