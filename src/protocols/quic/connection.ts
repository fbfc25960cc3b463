/**
 * One connection, as its application and whoever carries its datagrams see it.
 *
 * Required reading: RFC 9000 sections 5 (connections), 10 (how they end); what is inside of it has its own, see `connection-core.ts`.
 *
 * A datagram comes in by `handle`, is opened, and its frames change the state of the parts; what they want to say goes out when
 * `pollTransmit` asks for it. A violation of the rules is thrown by whichever part notices it, and caught here: it closes the connection. After
 * its end a connection stays for three probe timeouts to answer stragglers, or to keep silent, and is forgotten then.
 */
import type { BodySource } from '../body-source.ts'
import { PACKET_TAG_LENGTH } from '../../crypto/packet-keys.ts'
import type { Endpoint, Nanos } from '../endpoint.ts'
import { networkFault } from './closing.ts'
import type { QuicCommands, QuicPriority, QuicStatistics } from './commands.ts'
import { ConnectionCore } from './connection-core.ts'
import type { CoreSetup } from './connection-setup.ts'
import { sameAddress } from './datagram.ts'
import type { QuicDatagram, SocketAddress } from './datagram.ts'
import type { QuicEvent, QuicParameters } from './event.ts'
import { LocalQuicError, QuicViolation } from './fault.ts'
import type { QuicFault } from './fault.ts'
import { KeepAlive } from './keep-alive.ts'
import { PacketReception } from './packet-reception.ts'
import { APPLICATION, HANDSHAKE, INITIAL } from './recovery/packet-space.ts'
import { Transmission } from './transmission.ts'

const PROBE_TIMEOUTS = 3
/** Without room for that many bytes nothing is sent at all. */
const LEAST_SENDABLE = 64
/** First byte and packet number of a 1-RTT packet, at most. */
const SHORT_HEADER = 5

const RESET: QuicFault = {
  whose: 'peer',
  space: 'transport',
  code: 0,
  name: 'STATELESS_RESET',
  noticedBy: 'peer',
  detail: 'the peer has forgotten the connection',
  cites: 'RFC 9000 section 10.3',
}

export class QuicConnection implements Endpoint<QuicDatagram, QuicEvent>, QuicCommands {
  protected core: ConnectionCore
  private reception: PacketReception
  private transmission: Transmission
  private readonly keepAlive = new KeepAlive()
  /** Where a client wants to go, as soon as it may. */
  private destination: SocketAddress | undefined

  constructor(setup: CoreSetup) {
    this.core = new ConnectionCore(setup)
    this.reception = new PacketReception(this.core)
    this.transmission = new Transmission(this.core)
  }

  /** Begins anew as another connection: with another version. */
  protected replace(setup: CoreSetup): void {
    const { events } = this.core
    this.core = new ConnectionCore(setup)
    this.core.events.push(...events)
    this.reception = new PacketReception(this.core)
    this.transmission = new Transmission(this.core)
  }

  /** It begins now. */
  start(now: Nanos): void {
    const { core } = this
    core.now = now
    core.idle.received(now, core.recovery.probeTimeout)
    this.keepAlive.received(now, true)
  }

  get parameters(): QuicParameters | undefined {
    return this.core.parameters
  }

  get statistics(): QuicStatistics {
    const { transmission, reception, core } = this
    const { congestion, rtt, mtu } = core.recovery.path
    return {
      packetsSent: transmission.packetsSent,
      packetsReceived: reception.packetsReceived,
      packetsLost: core.observation.packetsLost,
      packetsDropped: reception.packetsDropped,
      bytesSent: transmission.bytesSent,
      bytesReceived: reception.bytesReceived,
      congestionWindow: congestion.window,
      bytesInFlight: congestion.inFlight,
      smoothedRtt: rtt.smoothed,
      maxDatagramSize: mtu.size,
    }
  }

  get local(): SocketAddress {
    return this.core.recovery.path.local
  }

  get remote(): SocketAddress {
    return this.core.recovery.path.remote
  }

  get isClosed(): boolean {
    return this.core.isClosed
  }

  /** Whether it is over, and nothing more is to be expected of it but events that were not asked for yet. */
  get isOver(): boolean {
    return this.core.isOver
  }

  /** Whether the handshake is confirmed. */
  get isConfirmed(): boolean {
    return this.core.isConfirmed
  }

  /** Whether there are events. */
  get hasEvent(): boolean {
    return this.core.events.length > 0
  }

  // Commands.

  canOpenStream(bidirectional: boolean): boolean {
    return !this.core.isClosed && this.core.streams.counts.canOpen(bidirectional)
  }

  openStream(bidirectional: boolean): number {
    if (this.core.isClosed) throw new LocalQuicError('the connection is closed')
    this.wake()
    return this.core.streams.open(bidirectional)
  }

  send(stream: number, bytes: Uint8Array): void {
    if (this.core.isClosed) return
    if (bytes.length > 0) this.core.streams.send(stream, bytes)
    this.wake()
  }

  sendSource(stream: number, source: BodySource): void {
    if (this.core.isClosed) return
    this.core.streams.send(stream, source)
    this.wake()
  }

  end(stream: number): void {
    if (this.core.isClosed) return
    this.core.streams.end(stream)
    this.wake()
  }

  reset(stream: number, code: number): void {
    if (this.core.isClosed) return
    this.core.streams.reset(stream, code)
    this.wake()
  }

  stopSending(stream: number, code: number): void {
    if (this.core.isClosed) return
    this.core.streams.stopSending(stream, code)
    this.wake()
  }

  consume(stream: number, bytes: number): void {
    if (this.core.isClosed) return
    this.core.streams.consume(stream, bytes)
    this.wake()
  }

  setPriority(stream: number, priority: QuicPriority): void {
    this.core.streams.prioritise(stream, priority)
  }

  buffered(stream: number): number {
    return this.core.streams.buffered(stream)
  }

  get maxDatagramPayload(): number {
    const { core } = this
    return core.isClosed ? 0 : core.datagrams.largest(this.packetRoom)
  }

  sendDatagram(bytes: Uint8Array): void {
    const { core } = this
    if (core.isClosed) return
    core.datagrams.push(bytes, this.packetRoom)
    this.wake()
  }

  /** Bytes that the frames of one packet may take. */
  private get packetRoom(): number {
    const { mtu, connectionId } = this.core.recovery.path
    return mtu.size - SHORT_HEADER - (connectionId?.bytes.length ?? 0) - PACKET_TAG_LENGTH
  }

  ping(): void {
    if (this.core.isClosed) return
    this.core.wantsPing = true
    this.wake()
  }

  updateKeys(): void {
    if (this.core.isClosed) return
    this.core.wantsKeyUpdate = true
    this.wake()
  }

  migrate(local: SocketAddress): void {
    const { core } = this
    if (core.isServer) throw new LocalQuicError('only clients move')
    if (core.isClosed) return
    this.destination = local
    this.wake()
  }

  close(code: number, reason = ''): void {
    this.core.close({ type: 'CONNECTION_CLOSE', space: 'application', code, frameType: 0, reason }, undefined)
    this.wake()
  }

  private wake(): void {
    this.core.setup.role.wake()
  }

  // The verbs.

  handle(datagram: QuicDatagram, now: Nanos): void {
    const { core } = this
    core.now = now
    if (core.isOver) return
    if (core.closing !== undefined) {
      if (core.paths.find(datagram) === core.recovery.path) core.closing.datagramReceived()
      return
    }
    const known = core.paths.find(datagram)
    // RFC 9000 section 9: servers do not move, and clients do not before the handshake is confirmed.
    if (known === undefined && (!core.isServer || !core.isConfirmed)) return
    known?.datagramReceived(datagram.bytes.length)
    const wasLimited = core.recovery.path.sendable < Infinity
    const isAuthentic = this.receive(datagram)
    if (isAuthentic) this.keepAlive.received(now, core.keys.received[APPLICATION].isOwed)
    if (isAuthentic && known === undefined) core.paths.find(datagram)?.datagramReceived(datagram.bytes.length)
    if (wasLimited || core.recovery.path.sendable < Infinity) core.recovery.datagramReceived(now)
    core.observation.tell()
  }

  /** @returns whether something in it was authentic */
  private receive(datagram: QuicDatagram): boolean {
    const { core, reception } = this
    try {
      const isAuthentic = reception.handle(datagram)
      reception.retry()
      if (!isAuthentic && core.remoteIds.isStatelessReset(datagram.bytes)) core.drain(RESET)
      return isAuthentic
    } catch (error) {
      if (!(error instanceof QuicViolation)) throw error
      core.fail(error)
      return true
    }
  }

  pollTransmit(now: Nanos): QuicDatagram | undefined {
    const { core } = this
    core.now = now
    if (core.isOver) return undefined
    if (core.closing !== undefined) core.closing.begin(now + PROBE_TIMEOUTS * core.recovery.probeTimeout)
    else this.prepare()
    const datagram = this.transmission.poll()
    if (datagram === undefined) core.observation.tell()
    return datagram
  }

  private prepare(): void {
    const { core, destination } = this
    core.updateKeysIfDue()
    if (destination === undefined || !core.isConfirmed) return
    if (core.peer?.disableActiveMigration === true && !core.paths.hasPreferred) {
      this.destination = undefined
      core.events.push({ type: 'path-abandoned', local: destination, remote: this.remote })
    } else if (core.paths.migrate(destination)) {
      this.destination = undefined
    }
  }

  pollTimeout(): Nanos | undefined {
    const { core } = this
    if (core.isOver) return undefined
    if (core.closing !== undefined) return core.closing.until
    const { idle, recovery, paths, keys } = core
    let earliest = Math.min(idle.deadline ?? Infinity, paths.deadline, keys.application?.deadline ?? Infinity)
    earliest = Math.min(earliest, core.earlyKeysUntil ?? Infinity)
    if (this.isWaiting) earliest = Math.min(earliest, this.keepAlive.deadline)
    if (recovery.timeout >= 0) earliest = Math.min(earliest, recovery.timeout)
    if (this.canSend) earliest = Math.min(earliest, this.transmission.pacedUntil ?? Infinity, this.acknowledgmentDue)
    return earliest === Infinity ? undefined : earliest
  }

  /** Whether a datagram could go out now, as far as addresses are concerned. */
  private get canSend(): boolean {
    const { sendable, connectionId } = this.core.recovery.path
    return sendable >= LEAST_SENDABLE && connectionId !== undefined && !connectionId.isRetired
  }

  private get acknowledgmentDue(): Nanos {
    const { keys } = this.core
    let earliest = Infinity
    for (const space of [INITIAL, HANDSHAKE, APPLICATION] as const) {
      const { ackAt } = keys.received[space]
      const hasKeys = (space === INITIAL ? keys.initial : space === HANDSHAKE ? keys.handshake : keys.application) !== undefined
      if (hasKeys && ackAt >= 0 && ackAt < earliest) earliest = ackAt
    }
    return earliest
  }

  /** Whether this is a client with requests that were not answered in full. */
  private get isWaiting(): boolean {
    const { core } = this
    return !core.isServer && core.isConfirmed && core.streams.openRequests > 0
  }

  handleTimeout(now: Nanos): void {
    const { core } = this
    core.now = now
    if (core.isOver) return
    const { closing, idle } = core
    if (closing !== undefined) {
      if (now >= closing.until) core.forget(closing.error)
      return
    }
    if (idle.deadline !== undefined && now >= idle.deadline) {
      const isComplete = core.parameters !== undefined
      const detail = isComplete ? 'nothing was heard for too long' : 'the handshake came to nothing'
      core.forget(networkFault('IDLE_TIMEOUT', detail, 'RFC 9000 section 10.1'))
      return
    }
    core.recovery.handleTimeout(now)
    core.paths.handleTimeout(now)
    core.keys.application?.handleTimeout(now)
    if (core.earlyKeysUntil !== undefined && now >= core.earlyKeysUntil) core.discardEarlyKeys()
    if (this.isWaiting && this.keepAlive.handleTimeout(now)) core.wantsPing = true
    core.observation.tell()
  }

  pollEvent(): QuicEvent | undefined {
    return this.core.events.shift()
  }

  // What is known from elsewhere.

  /**
   * A router reports that datagrams on this path are too big (RFC 9000 section 14.2.1).
   * @param size of UDP payloads that fit, in bytes
   */
  packetTooBig(local: SocketAddress, remote: SocketAddress, size: number, now: Nanos): void {
    const { core } = this
    const { path } = core.recovery
    if (core.isClosed || !sameAddress(path.local, local) || !sameAddress(path.remote, remote)) return
    core.recovery.packetTooBig(size, now)
    this.wake()
  }
}
