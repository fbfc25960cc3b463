/**
 * The ways between two ends, one of which is in use.
 *
 * Required reading: RFC 9000 sections 8 (address validation), 9 (migration), 14 (datagram size).
 *
 * A client moves on purpose, from one of its addresses to another, after it has tried the new way. A server sees packets come from somewhere
 * else: it follows at once when they hold more than probes, but sends no more than three times what it gets until the client has answered from
 * there, and goes back when it does not.
 */
import type { PreferredAddress, TransportParameters } from '../../wire/quic/transport-parameters.ts'
import type { Nanos } from '../endpoint.ts'
import type { RemoteConnectionIds } from './connection-ids.ts'
import type { CoreSetup } from './connection-setup.ts'
import { sameAddress } from './datagram.ts'
import type { QuicDatagram, SocketAddress } from './datagram.ts'
import type { QuicEvent } from './event.ts'
import type { SentFrame } from './packet-draft.ts'
import { Path } from './path.ts'
import type { LossRecovery } from './recovery/loss-recovery.ts'

/** Paths that are kept; addresses that a peer makes up cost no more. */
const MOST_PATHS = 4
const NO_ID = new Uint8Array(0)

/** Whose paths they are. */
export interface PathsOwner {
  readonly setup: CoreSetup
  readonly isServer: boolean
  readonly isConfirmed: boolean
  readonly now: Nanos
  readonly events: QuicEvent[]
  readonly remoteIds: RemoteConnectionIds
  /** What the peer has said of itself. */
  readonly peer: TransportParameters | undefined
  readonly recovery: LossRecovery<SentFrame>
}

export class Paths {
  /** The path of the handshake. */
  readonly first: Path
  private all: Path[]
  /** The path that was in use and validated, to go back to. */
  private fallback: Path | undefined
  /** Where a client wants to go. */
  private wanted: Path | undefined
  /** Whether a client has acted on the server's preferred address, so that it may move whatever the server says (RFC 9000 section 18.2). */
  hasPreferred = false
  /** Largest number of a packet that was more than a probe. */
  private largestNumber = -1
  private largestSize = Infinity

  constructor(private readonly core: PathsOwner) {
    const { local, remote, settings, isValidated, random } = core.setup
    this.first = new Path(local, remote, settings.path, core.isServer && !isValidated, random)
    this.first.connectionId = core.remoteIds.acquire()
    this.all = [this.first]
  }

  /** The path in use. */
  get current(): Path {
    return this.core.recovery.path
  }

  /** The peer takes datagrams of so many bytes at most. */
  limitSize(size: number): void {
    this.largestSize = size
    for (const { mtu } of this.all) mtu.limit(size)
  }

  /** The handshake has shown that the peer is there. */
  addressValidated(): void {
    const { first } = this
    if (first.sendable === Infinity) return
    first.addressValidated()
  }

  /** The handshake is confirmed: the path works both ways. */
  confirmed(): void {
    const { first, core } = this
    first.validation.settle('validated')
    first.addressValidated()
    first.mtu.begin(core.now)
    if (core.setup.followsPreferredAddress) this.prefer()
  }

  /** A client goes on to where the server would rather have it, after it has tried the way: RFC 9000 section 9.6.1. */
  private prefer(): void {
    const { core, first } = this
    const remote = preferredOf(core.peer?.preferredAddress, first.local)
    if (remote === undefined || sameAddress(remote, first.remote)) return
    if (this.move(first.local, remote)) this.hasPreferred = true
  }

  /** The path on which a datagram came, if there is one. */
  find(datagram: QuicDatagram): Path | undefined {
    const { current } = this
    if (isPath(current, datagram)) return current
    return this.all.find((path) => isPath(path, datagram))
  }

  /** The path on which a datagram came; a server makes one for an address that it does not know. Undefined: it is dropped. */
  pathOf(datagram: QuicDatagram): Path | undefined {
    const known = this.find(datagram)
    if (known !== undefined) return known
    const { core } = this
    // RFC 9000 section 9: only clients move, and not before the handshake is confirmed.
    if (!core.isServer || !core.isConfirmed) return undefined
    return this.make(datagram.local, datagram.remote, true)
  }

  /**
   * A packet with frames that are more than probes was opened.
   * @param number of the packet
   */
  nonProbing(path: Path, number: number): void {
    if (number <= this.largestNumber) return
    this.largestNumber = number
    const { core } = this
    if (path === this.current && path.validation.state === 'failed' && path.sendable < Infinity) {
      // There was no way back, and the peer is still there: it is asked again.
      path.validation.begin(this.patience(path), core.now)
    }
    if (path === this.current || !core.isServer) return
    // RFC 9000 section 9.3: packets go to where the newest came from.
    const previous = this.current
    if (previous.validation.state === 'validated') this.fallback = previous
    // Where a NAT has forgotten, the peer does not know that it moves, and need not have given out more IDs (section 9.5).
    this.address(path)
    path.connectionId ??= previous.connectionId
    this.use(path, previous, 'peer')
    if (path.validation.state !== 'validated') path.validation.begin(this.patience(path), core.now)
    // Somebody may have copied the packet: the old way is asked, too (section 9.3.3).
    previous.validation.begin(this.patience(previous), core.now)
  }

  /** A client wants to go on from another address. @returns false: the peer has to give out another connection ID first */
  migrate(local: SocketAddress): boolean {
    const { current } = this
    return sameAddress(local, current.local) || this.move(local, current.remote)
  }

  private move(local: SocketAddress, remote: SocketAddress): boolean {
    const { core } = this
    const known = this.all.find((path) => sameAddress(path.local, local) && sameAddress(path.remote, remote))
    const path = known ?? this.make(local, remote, false)
    this.address(path)
    if (path.connectionId === undefined) return false
    this.wanted = path
    path.validation.begin(this.patience(path), core.now)
    return true
  }

  /** A PATH_RESPONSE came, on whatever path. */
  answered(data: Uint8Array): void {
    const { core } = this
    for (const path of this.all) {
      if (!path.validation.answered(data)) continue
      const { local, remote } = path
      path.addressValidated()
      core.events.push({ type: 'path-validated', local, remote })
      if (path === this.wanted) {
        this.wanted = undefined
        this.use(path, this.current, 'us')
      }
      if (path === this.current) {
        this.fallback = undefined
        if (path.validation.isSizeValidated) path.mtu.begin(core.now)
        // A datagram of full size has to come through, too (RFC 9000 section 8.2.1).
        else path.validation.begin(this.patience(path), core.now)
      }
      return
    }
  }

  /** Connection IDs were retired by the peer: paths need others. */
  renewIds(): void {
    const { core } = this
    for (const path of this.all) {
      if (path.connectionId?.isRetired !== true) continue
      const next = core.remoteIds.acquire()
      if (next !== undefined) path.connectionId = next
    }
  }

  /** A path other than that in use, on which something is to be sent. */
  withOutput(): Path | undefined {
    for (const path of this.all) {
      const { validation } = path
      if ((!validation.isChallengeDue && !validation.hasAnswer) || path === this.current) continue
      this.address(path)
      if (path.connectionId !== undefined) return path
    }
    return undefined
  }

  /** Sees to it that packets can be addressed there, with an ID that was not used elsewhere, if the peer uses any (RFC 9000 section 9.5). */
  private address(path: Path): void {
    const { current, core } = this
    if (path.connectionId?.isRetired === true) path.connectionId = undefined
    path.connectionId ??= core.remoteIds.acquire()
    if (current.connectionId?.bytes.length === 0) path.connectionId ??= current.connectionId
  }

  /** When `handleTimeout` wants to be called; Infinity: not at all. */
  get deadline(): Nanos {
    let earliest = Infinity
    for (const { validation } of this.all)
      if (validation.timeout >= 0 && validation.timeout < earliest) earliest = validation.timeout
    return earliest
  }

  handleTimeout(now: Nanos): void {
    for (const path of [...this.all]) if (path.validation.handleTimeout(now)) this.failed(path)
  }

  private failed(path: Path): void {
    const { core, fallback } = this
    const { local, remote } = path
    core.events.push({ type: 'path-abandoned', local, remote })
    if (path === this.wanted) this.wanted = undefined
    if (path === this.fallback) this.fallback = undefined
    if (path !== this.current) {
      this.remove(path)
      return
    }
    // RFC 9000 section 9.3.2.
    if (fallback !== undefined && fallback !== path) {
      this.use(fallback, path, 'peer')
      this.fallback = undefined
      this.remove(path)
    }
  }

  private use(path: Path, previous: Path, by: 'us' | 'peer'): void {
    const { core } = this
    core.recovery.switchPath(path, core.now)
    const [connectionId, before] = [path, previous].map((each) => each.connectionId?.bytes ?? NO_ID)
    const from = { local: previous.local, remote: previous.remote, connectionId: before }
    core.events.push({ type: 'path-migrated', local: path.local, remote: path.remote, connectionId, from, by })
  }

  private make(local: SocketAddress, remote: SocketAddress, limited: boolean): Path {
    const { core } = this
    const { settings, random } = core.setup
    // Another port of the same address is most likely a NAT that forgot: RFC 9000 section 9.4.
    const { current } = this
    const isSameHost = core.isServer && remote.address === current.remote.address && local.address === current.local.address
    const path = new Path(local, remote, settings.path, limited, random, isSameHost ? current : undefined)
    path.mtu.limit(this.largestSize)
    if (this.all.length >= MOST_PATHS) {
      const oldest = this.all.find((other) => other !== current && other !== this.fallback && other !== this.wanted)
      if (oldest !== undefined) this.remove(oldest)
    }
    this.all.push(path)
    return path
  }

  private remove(path: Path): void {
    this.all = this.all.filter((other) => other !== path)
    this.core.recovery.abandon(path, this.core.now)
    const { connectionId } = path
    if (connectionId !== undefined && !this.all.some((other) => other.connectionId === connectionId))
      this.core.remoteIds.retire(connectionId)
  }

  private patience(path: Path): Nanos {
    return Math.max(this.core.recovery.probeTimeout, path.rtt.probeTimeout)
  }
}

/** The address that a server prefers, of the family of ours. */
function preferredOf(preferred: PreferredAddress | undefined, local: SocketAddress): SocketAddress | undefined {
  return typeof local.address === 'bigint' ? preferred?.ipv6 : preferred?.ipv4
}

function isPath(path: Path, { local, remote }: QuicDatagram): boolean {
  return sameAddress(path.remote, remote) && sameAddress(path.local, local)
}
