import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { QuicDecodeError } from '../../../src/wire/quic/decode-error.ts'
import {
  decodeTransportParameters,
  DEFAULT_TRANSPORT_PARAMETERS,
  encodeTransportParameters,
  TRANSPORT_PARAMETER_ID,
  transportParameterName,
  type TransportParameters,
} from '../../../src/wire/quic/transport-parameters.ts'
import { bytesOf, hexOf } from '../../crypto/bytes.ts'

const SERVER: TransportParameters = {
  ...DEFAULT_TRANSPORT_PARAMETERS,
  originalDestinationConnectionId: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  initialSourceConnectionId: new Uint8Array(0),
  retrySourceConnectionId: Uint8Array.of(4),
  statelessResetToken: new Uint8Array(16).fill(1),
  maxIdleTimeout: 30_000,
  maxUdpPayloadSize: 1472,
  initialMaxData: 2 ** 40,
  initialMaxStreamDataBidiLocal: 1,
  initialMaxStreamDataBidiRemote: 2,
  initialMaxStreamDataUni: 3,
  initialMaxStreamsBidi: 2 ** 50,
  initialMaxStreamsUni: 3,
  ackDelayExponent: 20,
  maxAckDelay: 2 ** 14 - 1,
  disableActiveMigration: true,
  activeConnectionIdLimit: 8,
  maxDatagramFrameSize: 65_535,
  preferredAddress: {
    ipv4: { address: 0x0a000001, port: 443 },
    ipv6: { address: 0x2001_0db8_0000_0000_0000_0000_0000_0001n, port: 444 },
    connectionId: Uint8Array.of(9),
    resetToken: new Uint8Array(16).fill(7),
  },
}

test('everything that a server can say comes back', () => {
  assert.deepEqual(decodeTransportParameters(encodeTransportParameters(SERVER), 'server'), SERVER)
  const { preferredAddress } = SERVER
  assert.ok(preferredAddress, 'there is one')
  const onlyIpv6 = { ...SERVER, preferredAddress: { ...preferredAddress, ipv4: undefined } }
  assert.deepEqual(decodeTransportParameters(encodeTransportParameters(onlyIpv6), 'server'), onlyIpv6)
})

test('what has its default value is left out, and nothing at all is said in no bytes', () => {
  assert.equal(encodeTransportParameters(DEFAULT_TRANSPORT_PARAMETERS).length, 0)
  assert.deepEqual(decodeTransportParameters(new Uint8Array(0), 'client'), DEFAULT_TRANSPORT_PARAMETERS)
  const bytes = encodeTransportParameters({ ...DEFAULT_TRANSPORT_PARAMETERS, initialMaxData: 65_536 })
  assert.equal(hexOf(bytes), '040480010000')
})

test('RFC 9001 appendix A.2: the parameters of that ClientHello, with limits of 2^62 - 1', () => {
  const bytes = bytesOf('0408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff')
  assert.deepEqual(decodeTransportParameters(bytes, 'client'), {
    ...DEFAULT_TRANSPORT_PARAMETERS,
    initialMaxData: 2 ** 62,
    initialMaxStreamDataBidiLocal: 65_535,
    initialMaxStreamDataUni: 65_535,
    initialMaxStreamsBidi: 16,
    maxIdleTimeout: 30_000,
    initialMaxStreamsUni: 16,
    initialSourceConnectionId: bytesOf('8394c8f03e515708'),
    initialMaxStreamDataBidiRemote: 65_535,
  })
})

test('RFC 9000 section 18.1: parameters that are not known are ignored, those above 2^53 too', () => {
  const bytes = bytesOf('1b03aabbcc f6fd7a7c4ef15f6a 00 040105')
  assert.equal(decodeTransportParameters(bytes, 'server').initialMaxData, 5)
})

test('RFC 9000 section 18.2: what is forbidden is a TRANSPORT_PARAMETER_ERROR', () => {
  for (const [hexadecimal, why, from] of [
    ['04', 'no length', 'server'],
    ['0405', 'no value', 'server'],
    ['040105040105', 'twice', 'server'],
    ['0400', 'an integer without bytes', 'server'],
    ['04020105', 'bytes behind an integer', 'server'],
    ['0302 44af', 'a maximum UDP payload of 1199', 'server'],
    ['0a0115', 'an exponent of 21', 'server'],
    ['0b0480004000', 'a delay of 2^14', 'server'],
    ['0e0101', 'one connection ID', 'server'],
    ['0808d000000000000100', 'more than 2^60 streams', 'server'],
    ['020100', 'a short token', 'server'],
    [`0f15${'00'.repeat(21)}`, 'a connection ID of 21 bytes', 'server'],
    ['0c0100', 'a value where there is none', 'server'],
    [`0d29${'00'.repeat(41)}`, 'a preferred address without a connection ID', 'server'],
    ['0001aa', 'an original connection ID from a client', 'client'],
    [`0210${'00'.repeat(16)}`, 'a token from a client', 'client'],
    ['100101', 'a Retry of a client', 'client'],
  ] as const)
    assert.throws(
      () => decodeTransportParameters(bytesOf(hexadecimal), from),
      (error) => error instanceof QuicDecodeError && error.code === 'TRANSPORT_PARAMETER_ERROR',
      why,
    )
})

test('any numbers within their bounds come back', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(2 ** 14 - 1), fc.integer({ min: 1200, max: 70_000 }), (limit, delay, size) => {
      const parameters = { ...DEFAULT_TRANSPORT_PARAMETERS, initialMaxData: limit, maxAckDelay: delay, maxUdpPayloadSize: size }
      assert.deepEqual(decodeTransportParameters(encodeTransportParameters(parameters), 'client'), parameters)
    }),
    { seed: 9, numRuns: 500 },
  )
})

test('identifiers and names', () => {
  assert.equal(transportParameterName(TRANSPORT_PARAMETER_ID.max_datagram_frame_size), 'max_datagram_frame_size')
  assert.equal(transportParameterName(0x1b), undefined)
})
