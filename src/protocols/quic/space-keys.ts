import type { PacketKeys } from '../../crypto/packet-keys.ts'
import type { Nanos } from '../endpoint.ts'
import type { ApplicationKeys } from './application-keys.ts'
import { ReceivedPackets } from './recovery/received-packets.ts'

/** Keys of both directions at one encryption level. */
export interface KeyPair {
  readonly read: PacketKeys
  readonly write: PacketKeys
}

/** The keys of all levels that there are now: RFC 9001 section 4, RFC 9000 section 12.5. */
export class SpaceKeys {
  initial: KeyPair | undefined
  handshake: KeyPair | undefined
  /** Of 0-RTT packets: a client's for writing, a server's for reading. */
  early: PacketKeys | undefined
  application: ApplicationKeys | undefined
  /** What has come in each space. */
  readonly received: readonly [ReceivedPackets, ReceivedPackets, ReceivedPackets]

  constructor(maxAckDelay: Nanos) {
    this.received = [new ReceivedPackets(0), new ReceivedPackets(0), new ReceivedPackets(maxAckDelay)]
  }
}
