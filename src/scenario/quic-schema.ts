import * as v from 'valibot'
import { choiceField, countField, flagField, sizeField, strict, timeField } from './field-schema.ts'
import { HOUR } from './name-schema.ts'
import { USUAL_CLIENT_QUIC, USUAL_SERVER_QUIC } from './quic-settings.ts'
import type { ClientQuicSettings, QuicSettings, ServerQuicSettings } from './quic-settings.ts'

/*
 * What authors write about QUIC and HTTP/3. Whatever is left out is as in USUAL_SERVER_QUIC and USUAL_CLIENT_QUIC.
 */

/** The largest windows of real programs are far below. */
const LARGEST_WINDOW = 2 ** 30

const commonEntries = {
  congestionControl: v.exactOptional(choiceField('Congestion control.', ['cubic', 'new-reno'])),
  pacing: v.exactOptional(flagField('Packets are spread over the round trip instead of sent in bursts.')),
  ecn: v.exactOptional(flagField('Packets say that routers may mark them instead of dropping them.')),
  pmtud: v.exactOptional(flagField('Larger datagrams than 1,200 bytes are tried, to find out what the path takes.')),
  streamWindow: v.exactOptional(
    sizeField('What the other end may send on one stream at first; it grows as it is used.', { max: LARGEST_WINDOW }),
  ),
  connectionWindow: v.exactOptional(
    sizeField('What the other end may send on all streams together at first; it grows as it is used.', { max: LARGEST_WINDOW }),
  ),
  idleTimeout: v.exactOptional(timeField('Silence after which a connection is given up; 0 s: never.', { max: HOUR })),
  maxAckDelay: v.exactOptional(timeField('How long an acknowledgment may wait.', { max: 16_383e6 })),
  initialRtt: v.exactOptional(timeField('Round-trip time that is assumed at first.', { min: 1e6, max: 10e9 })),
  keyUpdateAfter: v.exactOptional(
    countField('Keys are updated after so many packets; 0: only when the other end does.', { min: 0, max: 8_388_608 }),
  ),
  activeConnectionIdLimit: v.exactOptional(
    countField("How many of the other end's connection IDs are kept, to move with.", { min: 2, max: 8 }),
  ),
  spinBit: v.exactOptional(flagField('A bit in each packet shows the round-trip time to whoever is on the way.')),
  datagrams: v.exactOptional(flagField('Unreliable datagrams are taken (RFC 9221, RFC 9297).')),
  qpackTableCapacity: v.exactOptional(
    sizeField("QPACK's dynamic table that the other end may fill; 0 B: none.", { max: 65_536 }),
  ),
  qpackBlockedStreams: v.exactOptional(
    countField("How many streams may wait for entries of QPACK's dynamic table; with 0, none ever does.", { min: 0, max: 100 }),
  ),
} satisfies Record<keyof QuicSettings, v.GenericSchema>

const serverObject = strict('QUIC options of a server', {
  ...commonEntries,
  port: v.exactOptional(countField('UDP port to listen on; 0: the number of the port for TLS.', { min: 0, max: 65535 })),
  retry: v.exactOptional(
    choiceField('When clients have to show by a Retry packet that their address is theirs.', ['never', 'always', 'under-load']),
  ),
  retryAbove: v.exactOptional(
    countField('How many handshakes under way are no load that asks for a Retry yet.', { min: 0, max: 100_000 }),
  ),
  newTokens: v.exactOptional(flagField('Clients get a token that spares them a Retry the next time.')),
  migration: v.exactOptional(flagField('Clients may move to another address.')),
} satisfies Record<keyof ServerQuicSettings, v.GenericSchema>)

const clientObject = strict('QUIC options of a client', {
  ...commonEntries,
  migration: v.exactOptional(flagField('Goes on from another address of its own when the one that it used is gone.')),
} satisfies Record<keyof ClientQuicSettings, v.GenericSchema>)

/** QUIC of a server. */
export const serverQuic = v.exactOptional(
  v.pipe(
    serverObject,
    v.description('QUIC and HTTP/3; the rest is as usual.'),
    v.transform((written): ServerQuicSettings => ({ ...USUAL_SERVER_QUIC, ...written })),
  ),
)

/** QUIC of a client. */
export const clientQuic = v.exactOptional(
  v.pipe(
    clientObject,
    v.description('QUIC and HTTP/3; the rest is as usual.'),
    v.transform((written): ClientQuicSettings => ({ ...USUAL_CLIENT_QUIC, ...written })),
  ),
)
