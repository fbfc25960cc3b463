import type { RandomBytes } from '../../crypto/random-bytes.ts'
import type { Tls13ClientHandshake } from '../tls/tls13/client-handshake.ts'
import type { Tls13ServerHandshake } from '../tls/tls13/server-handshake.ts'
import type { SocketAddress } from './datagram.ts'
import type { QuicSession } from './session.ts'
import type { QuicSettings } from './settings.ts'

/** What one end has that the other has not. */
export interface ConnectionRole {
  readonly isServer: boolean
  /** Gave out another connection ID of ours, or takes one back: packets to it are ours. */
  idAdded(id: Uint8Array): void
  idRemoved(id: Uint8Array): void
  /** Something was asked for from above: there may be something to transmit. */
  wake(): void
  /** What a server gives a client at that address for its next connection; undefined: nothing. */
  newToken(remote: SocketAddress): Uint8Array | undefined
}

/** What a connection begins with. */
export interface CoreSetup {
  readonly role: ConnectionRole
  readonly settings: QuicSettings
  readonly random: RandomBytes
  readonly version: number
  readonly local: SocketAddress
  readonly remote: SocketAddress
  /** Our connection ID of the handshake. */
  readonly localId: Uint8Array
  /** Another of ours, which a server gives out with its preferred address. */
  readonly preferredId?: Uint8Array
  /** Whether a client goes on to the server's preferred address. */
  readonly followsPreferredAddress: boolean
  /** The peer's; for a client that which it has made up for the server. */
  readonly remoteId: Uint8Array
  /** Destination Connection ID of the client's first Initial packet of all. */
  readonly originalId: Uint8Array
  /** Destination Connection ID of the Initial packets: what their keys are made of. */
  readonly initialId: Uint8Array
  /** Whether the client's address is known to be its own. */
  readonly isValidated: boolean
  readonly resetToken: (connectionId: Uint8Array) => Uint8Array
  /** What a client shows in its Initial packets; may be empty. */
  readonly token: Uint8Array
  readonly tls: Tls13ClientHandshake | Tls13ServerHandshake
  /** What a client wants to resume: for 0-RTT data. */
  readonly session: QuicSession | undefined
}
