import { read32 } from '../wire/integer.ts'
import { HEADER_LONG, QUIC_V1, SMALLEST_INITIAL_DATAGRAM } from '../wire/quic/header.ts'
import { UdpDatagramPlace } from './udp-datagram-place.ts'

/** Whether a datagram begins with a client's first packet, or looks so: RFC 9000 section 17.2.2. */
export function isFirstInitial(payload: Uint8Array): boolean {
  return (
    payload.length >= SMALLEST_INITIAL_DATAGRAM &&
    (payload[0] & 0xb0) === HEADER_LONG &&
    read32(payload, 1) === QUIC_V1 &&
    payload[5] >= 8 &&
    payload[5] <= 20
  )
}

/** Tells conversations of QUIC from others over UDP: by an Initial packet, or by a server that has got one before. */
export class QuicServers {
  private readonly servers = new Set<string>()
  /** By conversation. */
  private readonly known = new Map<number, boolean>()
  private readonly place = new UdpDatagramPlace()

  /** Looks at the next frame of a capture. @returns whether it is a datagram of QUIC */
  isQuic(connection: number, frame: Uint8Array): boolean {
    const { place } = this
    if (connection === 0 || !place.find(frame)) return false
    const known = this.known.get(connection)
    if (known === true || (known === false && place.payloadLength < SMALLEST_INITIAL_DATAGRAM)) return known
    const isQuic = this.look(frame)
    this.known.set(connection, isQuic)
    return isQuic
  }

  /** Whether datagrams of QUIC were seen in a conversation. */
  isKnown(connection: number): boolean {
    return this.known.get(connection) === true
  }

  private look(frame: Uint8Array): boolean {
    const { place, servers } = this
    const destination = place.endOf(frame, 'destination')
    if (isFirstInitial(frame.subarray(place.payloadStart, place.payloadEnd))) servers.add(destination)
    return servers.has(destination) || servers.has(place.endOf(frame, 'source'))
  }
}
