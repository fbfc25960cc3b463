import type { PacketSpaceName } from '../event.ts'

/** A packet-number space, in the order of the handshake: RFC 9000 section 12.3. */
export type PacketSpace = 0 | 1 | 2

export const INITIAL = 0
export const HANDSHAKE = 1
/** 0-RTT and 1-RTT packets. */
export const APPLICATION = 2

export const PACKET_SPACES: readonly PacketSpace[] = [INITIAL, HANDSHAKE, APPLICATION]

export const PACKET_SPACE_NAMES: readonly PacketSpaceName[] = ['initial', 'handshake', 'application']
