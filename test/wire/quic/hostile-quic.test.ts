import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '../../../src/wire/errors.ts'
import { QuicFrameDecoder } from '../../../src/wire/quic/frame-decoder.ts'
import { encodeRetry, encodeVersionNegotiation, QuicHeader } from '../../../src/wire/quic/header.ts'
import {
  decodeTransportParameters,
  DEFAULT_TRANSPORT_PARAMETERS,
  encodeTransportParameters,
} from '../../../src/wire/quic/transport-parameters.ts'
import { readPcapng } from '../../vectors/pcapng.ts'
import { mutants } from '../mutants.ts'
import { PAYLOADS } from './samples.ts'

const COUNT = 120_000

/** Runs all of them; a value and a DecodeError that points into the bytes are both right. */
function survive(samples: readonly Uint8Array[], label: string, decode: (bytes: Uint8Array) => void): void {
  let refused = 0
  for (const bytes of mutants(samples, COUNT, label)) {
    try {
      decode(bytes)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      assert.ok(error.offset >= 0 && error.offset <= bytes.length, error.message)
      refused++
    }
  }
  assert.ok(refused > COUNT / 50 && refused < COUNT * 0.98, `${String(refused)} of ${String(COUNT)} refused`)
}

test('120,000 wrong payloads: each byte belongs to one frame, or the payload is refused', () => {
  const decoder = new QuicFrameDecoder()
  survive(PAYLOADS, 'quic/frames', (bytes) => {
    decoder.begin(bytes, 0, bytes.length)
    for (let from = 0, frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
      assert.ok(decoder.at > from && decoder.at <= bytes.length, 'goes on')
      if (frame.type === 'ACK') {
        assert.ok(frame.ranges.length <= bytes.length, 'no more ranges than bytes')
        assert.ok(frame.ranges.every((number) => Number.isSafeInteger(number) && number >= 0))
      } else if ('start' in frame) assert.ok(frame.start >= from && frame.end <= decoder.at, 'its own bytes')
      from = decoder.at
    }
  })
})

test('120,000 wrong datagrams: headers lie within them, and packets never go backwards', () => {
  const datagrams = readPcapng('h3-dsb.pcapng').frames.map(({ bytes }) => bytes.slice(42, 142))
  const short = datagrams.map((bytes) => bytes.slice(0, 40))
  const others = [
    encodeRetry(new Uint8Array(8), new Uint8Array(8), new Uint8Array(30), 5),
    encodeVersionNegotiation(new Uint8Array(8), new Uint8Array(8), [1, 2], 5),
    Uint8Array.of(0xe0, 0, 0, 0, 1, 2, 1, 1, 0, 4, 1, 2, 3, 4, 0xc0, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1),
  ]
  const header = new QuicHeader()
  survive([...short, ...others], 'quic/headers', (bytes) => {
    for (let at = 0; at < bytes.length; at = header.end) {
      header.decode(bytes, at, bytes.length, 8)
      assert.ok(header.end > at && header.end <= bytes.length, 'goes on')
      assert.ok(header.packetNumberAt <= header.end && header.destinationEnd <= header.packetNumberAt, 'in order')
      assert.ok(header.tokenStart <= header.tokenEnd && header.tokenEnd <= header.packetNumberAt, 'in order')
    }
  })
})

test('120,000 wrong transport parameters', () => {
  const full = encodeTransportParameters({
    ...DEFAULT_TRANSPORT_PARAMETERS,
    originalDestinationConnectionId: new Uint8Array(8),
    initialSourceConnectionId: new Uint8Array(8),
    statelessResetToken: new Uint8Array(16),
    maxIdleTimeout: 30_000,
    initialMaxData: 2 ** 40,
    initialMaxStreamsBidi: 100,
    maxDatagramFrameSize: 1200,
    preferredAddress: { ipv4: undefined, ipv6: undefined, connectionId: Uint8Array.of(1), resetToken: new Uint8Array(16) },
  })
  const small = encodeTransportParameters({ ...DEFAULT_TRANSPORT_PARAMETERS, maxAckDelay: 1000, initialMaxStreamsUni: 3 })
  survive([full, small], 'quic/parameters', (bytes) => {
    const parameters = decodeTransportParameters(bytes, 'server')
    assert.ok(parameters.activeConnectionIdLimit >= 2)
    assert.ok(parameters.maxAckDelay < 2 ** 14)
  })
})
