import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TlsClientOptions, TlsServerOptions } from '../../src/protocols/tls/options.ts'
import type { TransportParameters } from '../../src/wire/quic/transport-parameters.ts'
import { judge, ScriptedQuic, varint, type Case, type Tampering } from './scripted-quic.ts'

/* What either end makes of handshakes: RFC 9000 sections 7.4, 12.4, 17.2 and 18.2, RFC 9001 sections 4 and 8. */

const WRONG = 'TRANSPORT_PARAMETER_ERROR'
const ID = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)

type Change = (own: TransportParameters) => TransportParameters
const says =
  (wish: Partial<TransportParameters>): Change =>
  (own) => ({ ...own, ...wish })

/** Says this behind the parameters that are as they should be. */
const adds = (...more: readonly number[]): Tampering<unknown> => ({ encoded: (bytes) => Uint8Array.of(...bytes, ...more) })
const number = (id: number, value: readonly number[]): Tampering<unknown> => adds(id, value.length, ...value)

/** What holds for both. */
const BOTH: Readonly<Record<string, readonly [string, Tampering<unknown>]>> = {
  'max_udp_payload_size of 1,199': [WRONG, { parameters: says({ maxUdpPayloadSize: 1199 }) }],
  'max_udp_payload_size of 1,200': ['open', { parameters: says({ maxUdpPayloadSize: 1200 }) }],
  'ack_delay_exponent of 21': [WRONG, { parameters: says({ ackDelayExponent: 21 }) }],
  'ack_delay_exponent of 20': ['open', { parameters: says({ ackDelayExponent: 20 }) }],
  'max_ack_delay of 2^14': [WRONG, { parameters: says({ maxAckDelay: 0x4000 }) }],
  'active_connection_id_limit of 1': [WRONG, { parameters: says({ activeConnectionIdLimit: 1 }) }],
  'initial_max_streams_bidi, one above 2^60': [
    WRONG,
    {
      parameters: says({ initialMaxStreamsBidi: 0 }),
      ...number(8, [0xd0, 0, 0, 0, 0, 0, 0, 1]),
    },
  ],
  'initial_max_streams_uni, one above 2^60': [
    WRONG,
    {
      parameters: says({ initialMaxStreamsUni: 0 }),
      ...number(9, [0xd0, 0, 0, 0, 0, 0, 0, 1]),
    },
  ],
  'one of them twice (7.4)': [WRONG, { ...number(4, [0x01]) }],
  'one that nobody knows (7.4.2)': ['open', adds(...varint(31 * 5 + 27), 3, 1, 2, 3)],
  'a number that is longer than its length': [WRONG, adds(...varint(0x20), 1, 0x40, 0)],
  'one that is cut off': [WRONG, adds(0x20, 5, 1)],
  'disable_active_migration with a value': [WRONG, adds(0x0c, 1, 0)],
  'initial_source_connection_id is missing (7.3)': [WRONG, { parameters: says({ initialSourceConnectionId: undefined }) }],
  'initial_source_connection_id is another (7.3)': [WRONG, { parameters: says({ initialSourceConnectionId: ID.slice(1) }) }],
  'an application that nobody has (RFC 9001, 8.1)': ['no_application_protocol', { tls: { alpn: ['hq-29'] } }],
}

/** Judges the other end by what it makes of the handshake. */
function judgeHandshakes<Options>(
  make: (tampering: Tampering<Options>) => ScriptedQuic,
  cases: Readonly<Record<string, readonly [string, Tampering<Options>]>>,
): void {
  for (const [name, [expected, tampering]] of Object.entries(cases))
    test(`${name}: ${expected}`, () => {
      assert.equal(make(tampering).talk().verdict(), expected)
    })
}

describe('a server, of a client’s parameters', () => {
  judgeHandshakes<TlsClientOptions>((tampering) => ScriptedQuic.client(tampering), {
    ...(BOTH as Record<string, [string, Tampering<TlsClientOptions>]>),
    'original_destination_connection_id from a client': [WRONG, { parameters: says({ originalDestinationConnectionId: ID }) }],
    'retry_source_connection_id from a client': [WRONG, { parameters: says({ retrySourceConnectionId: ID }) }],
    'stateless_reset_token from a client': [WRONG, { parameters: says({ statelessResetToken: new Uint8Array(16) }) }],
    'preferred_address from a client': [
      WRONG,
      {
        parameters: says({
          preferredAddress: {
            ipv4: { address: 1, port: 1 },
            ipv6: undefined,
            connectionId: ID,
            resetToken: new Uint8Array(16),
          },
        }),
      },
    ],
    'no parameters at all (RFC 9001, 8.2)': ['missing_extension', { encoded: () => undefined }],
    'a legacy_session_id (RFC 9001, 8.4)': ['PROTOCOL_VIOLATION', { tls: { compatibilityMode: true } }],
    'no application at all (RFC 9001, 8.1)': ['no_application_protocol', { tls: { alpn: [] } }],
  })
})

describe('a client, of a server’s parameters', () => {
  judgeHandshakes<TlsServerOptions>((tampering) => ScriptedQuic.server(tampering), {
    ...(BOTH as Record<string, [string, Tampering<TlsServerOptions>]>),
    'an application that nobody has (RFC 9001, 8.1)': ['open', {}],
    'original_destination_connection_id is missing (7.3)': [
      WRONG,
      { parameters: says({ originalDestinationConnectionId: undefined }) },
    ],
    'original_destination_connection_id is another (7.3)': [WRONG, { parameters: says({ originalDestinationConnectionId: ID }) }],
    'retry_source_connection_id without a Retry (7.3)': [WRONG, { parameters: says({ retrySourceConnectionId: ID }) }],
    'stateless_reset_token of 15 bytes': [
      WRONG,
      { parameters: says({ statelessResetToken: undefined }), ...adds(2, 15, ...new Uint8Array(15)) },
    ],
    'preferred_address without a connection ID (18.2)': [WRONG, adds(0x0d, 41, ...new Uint8Array(41))],
    'preferred_address that is cut off (18.2)': [WRONG, adds(0x0d, 20, ...new Uint8Array(20))],
  })
})

const slips =
  (level: 'initial' | 'handshake', payload: readonly number[], flags = 0) =>
  (peer: ScriptedQuic): void => {
    peer.slip(payload, level, flags)
  }
/** A frame that is not for packets of a handshake, by its name. */
const MISPLACED: Readonly<Record<string, readonly number[]>> = {
  STREAM: [0x0a, 0, 1, 0],
  MAX_DATA: [0x10, 0],
  NEW_TOKEN: [0x07, 1, 1],
  HANDSHAKE_DONE: [0x1e],
  NEW_CONNECTION_ID: [0x18, 1, 0, 8, ...ID, ...new Uint8Array(16)],
  RETIRE_CONNECTION_ID: [0x19, 0],
  PATH_CHALLENGE: [0x1a, ...ID],
  'CONNECTION_CLOSE of an application': [0x1d, 0, 0],
}
const inPackets = (level: 'initial' | 'handshake'): Record<string, Case> =>
  Object.fromEntries(
    Object.entries(MISPLACED).map(([name, payload]) => [
      `${name} in a packet of type ${level} (12.5)`,
      ['PROTOCOL_VIOLATION', slips(level, payload)],
    ]),
  )

describe('a server, of a client’s first packets', () => {
  judge(() => ScriptedQuic.client().greeted(), {
    ...inPackets('initial'),
    'reserved bits of a long header (17.2)': ['PROTOCOL_VIOLATION', slips('initial', [0x01], 0x0c)],
    'PING in an Initial packet': ['open', slips('initial', [0x01])],
    'more of a handshake at a level that is over (RFC 9001, 4.1.3)': [
      'PROTOCOL_VIOLATION',
      slips('initial', [0x06, ...varint(2000), 4, 20, 0, 0, 0]),
    ],
  })
})

describe('a client, of a server’s first packets', () => {
  judge(() => ScriptedQuic.server().greeted(), {
    ...inPackets('handshake'),
    'reserved bits of a long header (17.2)': ['PROTOCOL_VIOLATION', slips('handshake', [0x01], 0x0c)],
    'PING in a Handshake packet': ['open', slips('handshake', [0x01])],
  })
})
