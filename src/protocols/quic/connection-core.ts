/**
 * What a connection consists of, whichever end it is: its parts, and what they tell each other.
 *
 * Required reading: RFC 9000 (all of it), RFC 9001 sections 4 (TLS in QUIC), 5 (protection), 6 (key update); RFC 9002, RFC 9221.
 *
 * The parts: `PacketReception` opens packets and hands their frames on; `Transmission` makes packets of what waits; `QuicHandshake` is TLS;
 * `Streams` are the streams and their flow control; `LossRecovery` says what was lost and when to send; `Paths` knows the ways to
 * the peer. Each of them keeps its own state, this one has the rest: keys, connection IDs, what the peer has said of itself, and the end.
 */
import { PacketKeys } from '../../crypto/packet-keys.ts'
import { QUIC_ERROR_CODE } from '../../wire/quic/error-codes.ts'
import type { ControlFrame } from '../../wire/quic/frame-encoder.ts'
import type { ConnectionCloseFrame } from '../../wire/quic/frame.ts'
import { HEADER_SPIN } from '../../wire/quic/header.ts'
import type { TransportParameters } from '../../wire/quic/transport-parameters.ts'
import { LARGEST_VARINT } from '../../wire/quic/varint.ts'
import type { Nanos } from '../endpoint.ts'
import type { TlsEvent } from '../tls/event.ts'
import type { TrafficSecret } from '../tls/tls13/core.ts'
import { ApplicationKeys } from './application-keys.ts'
import { Closing, receivedFault, violationFault } from './closing.ts'
import { LocalConnectionIds, RemoteConnectionIds } from './connection-ids.ts'
import type { CoreSetup } from './connection-setup.ts'
import { DatagramQueue } from './datagram-queue.ts'
import type { QuicEvent, QuicParameters } from './event.ts'
import { QuicViolation } from './fault.ts'
import type { QuicFault } from './fault.ts'
import { QuicHandshake } from './handshake.ts'
import type { HandshakeOwner } from './handshake.ts'
import { IdleTimer } from './idle-timer.ts'
import { Observation } from './observation.ts'
import type { ObservationOwner } from './observation.ts'
import type { SentFrame } from './packet-draft.ts'
import { initialKeys } from './packet-protection.ts'
import { Paths } from './paths.ts'
import type { PathsOwner } from './paths.ts'
import { checkParameters } from './peer-parameters.ts'
import type { ExpectedIds } from './peer-parameters.ts'
import { LossRecovery } from './recovery/loss-recovery.ts'
import { APPLICATION, HANDSHAKE, INITIAL } from './recovery/packet-space.ts'
import type { PacketSpace } from './recovery/packet-space.ts'
import type { SentPacket } from './recovery/sent-packets.ts'
import type { QuicSession, RememberedParameters } from './session.ts'
import { isReduced, remembered } from './settings.ts'
import type { QuicSettings } from './settings.ts'
import { SpaceKeys } from './space-keys.ts'
import type { StreamRole } from './stream-sending.ts'
import { Streams } from './streams.ts'

const MILLISECOND = 1_000_000
/** RFC 9000 section 10.2, RFC 9001 section 6.5. */
const PROBE_TIMEOUTS = 3
/** The part of what a cipher allows after which keys are updated. */
const EARLY_UPDATE = 0.75
/** RFC 9001 section 4.6.1. */
const MAX_EARLY_DATA = 0xffff_ffff

export class ConnectionCore implements HandshakeOwner, ObservationOwner, PathsOwner {
  readonly events: QuicEvent[] = []
  readonly keys: SpaceKeys
  readonly handshake: QuicHandshake
  readonly streams: Streams
  readonly recovery: LossRecovery<SentFrame>
  readonly paths: Paths
  readonly localIds: LocalConnectionIds
  readonly remoteIds: RemoteConnectionIds
  readonly idle: IdleTimer
  readonly datagrams: DatagramQueue
  readonly observation: Observation
  /** Frames for 1-RTT packets that go out as they are. */
  readonly controls: ControlFrame[] = []
  /** Token for Initial packets. */
  token: Uint8Array
  /** What was agreed on, once the handshake is complete. */
  parameters: QuicParameters | undefined
  /** What the peer has said of itself. */
  peer: TransportParameters | undefined
  isConfirmed = false
  closing: Closing | undefined
  /** Whether all is over, and forgotten. */
  isOver = false
  /** When a server throws the keys of 0-RTT packets away. */
  earlyKeysUntil: Nanos | undefined
  /** Whether an update of keys was asked for. */
  wantsKeyUpdate = false
  /** What the peer's parameters have to name. */
  expectedIds: ExpectedIds
  /** Whether a PING is to be sent. */
  wantsPing = false
  /** What goes into the spin bit (RFC 9000 section 17.4). */
  spinBit = false
  /** Whether the server's connection ID is known. */
  hasServerId = false
  now: Nanos = 0
  private largestSpun = -1

  constructor(readonly setup: CoreSetup) {
    const { role, settings, random, localId, remoteId, originalId, resetToken, preferredId: preferred } = setup
    this.keys = new SpaceKeys(settings.maxAckDelay)
    this.handshake = new QuicHandshake(setup.tls, role.isServer ? 'client' : 'server', this)
    this.streams = new Streams(role.isServer, settings, this.events)
    this.localIds = new LocalConnectionIds({ first: localId, random, resetToken, ...(preferred !== undefined && { preferred }) })
    this.remoteIds = new RemoteConnectionIds(remoteId, settings.activeConnectionIdLimit)
    this.paths = new Paths(this)
    this.observation = new Observation(this)
    this.recovery = new LossRecovery<SentFrame>({ isClient: !role.isServer, random }, this.paths.first, this.observation)
    this.idle = new IdleTimer(settings.idleTimeout)
    this.datagrams = new DatagramQueue()
    this.token = setup.token
    this.expectedIds = { source: remoteId, original: originalId, retry: undefined }
    this.setInitialKeys(setup.initialId)
  }

  get isServer(): boolean {
    return this.setup.role.isServer
  }

  get settings(): QuicSettings {
    return this.setup.settings
  }

  /** Whether nothing goes in or out any more but the end itself. */
  get isClosed(): boolean {
    return this.isOver || this.closing !== undefined
  }

  /** Keys of Initial packets: RFC 9001 section 5.2. */
  setInitialKeys(connectionId: Uint8Array): void {
    const { client, server } = initialKeys(connectionId)
    this.keys.initial = this.isServer ? { read: client, write: server } : { read: server, write: client }
  }

  /** A client has heard from the server, and goes on with the connection ID that it chose (RFC 9000 section 7.2). */
  serverChose(connectionId: Uint8Array): void {
    this.hasServerId = true
    this.expectedIds.source = connectionId
    this.paths.first.connectionId = this.remoteIds.replaceFirst(connectionId)
  }

  /** A server wants to see that our address is ours: all begins anew, with its token (RFC 9000 section 17.2.5.2). */
  retry(connectionId: Uint8Array, token: Uint8Array): void {
    this.token = token
    this.expectedIds = { ...this.expectedIds, retry: connectionId }
    this.paths.first.connectionId = this.remoteIds.replaceFirst(connectionId)
    this.setInitialKeys(connectionId)
    for (const space of [INITIAL, APPLICATION] as const)
      for (const { frames } of this.recovery.recall(space)) this.lost(space, frames)
    this.events.push({ type: 'retry-received' })
  }

  /** A 1-RTT packet came: RFC 9000 section 17.4. */
  spin(firstByte: number, number: number): void {
    if (!this.settings.spinBit || number <= this.largestSpun) return
    this.largestSpun = number
    const bit = (firstByte & HEADER_SPIN) !== 0
    this.spinBit = this.isServer ? bit : !bit
  }

  /** Whether keys are to be updated before the next packet is sealed. */
  sealedApplicationPacket(): void {
    const { application } = this.keys
    if (application === undefined) return
    application.sealed++
    const { keyUpdateAfter } = this.settings
    const limit = Math.min(keyUpdateAfter, application.confidentialityLimit * EARLY_UPDATE)
    if (application.sealed >= limit) this.wantsKeyUpdate = true
    if (application.sealed < application.confidentialityLimit) return
    const code = QUIC_ERROR_CODE.AEAD_LIMIT_REACHED
    this.fail(new QuicViolation(code, 'keys are used up, and the peer lets us have no others', 'RFC 9001 section 6.6'))
  }

  /** Changes the keys if that was asked for, and is allowed: RFC 9001 section 6.1. */
  updateKeysIfDue(): void {
    const { application } = this.keys
    if (!this.wantsKeyUpdate || !this.isConfirmed || application === undefined) return
    if (!application.mayUpdate) {
      // Who sends nothing but acknowledgments has to ask for one.
      if (!application.isAcknowledged && !this.recovery.isAwaiting(APPLICATION)) this.wantsPing = true
      return
    }
    this.wantsKeyUpdate = false
    application.update(this.recovery.nextNumber(APPLICATION))
    this.events.push({ type: 'key-updated', phase: application.phase, by: 'us' })
  }

  // What the handshake tells.

  takeSecret({ level, direction, secret, suite }: TrafficSecret): void {
    const { keys } = this
    const made = new PacketKeys(suite, secret)
    if (level === 'early') {
      keys.early = made
      if (!this.isServer) this.allowEarlyData()
    } else if (level === 'handshake') {
      this.handshakeKey(direction, made)
    } else if (keys.application === undefined) {
      keys.application = new ApplicationKeys(suite.aead, made)
      // From here on 0-RTT packets are of no use.
      if (!this.isServer) keys.early = undefined
    } else {
      keys.application.setRead(made)
    }
  }

  private handshakeWrite: PacketKeys | undefined
  private handshakeRead: PacketKeys | undefined

  private handshakeKey(direction: 'read' | 'write', made: PacketKeys): void {
    if (direction === 'read') this.handshakeRead = made
    else this.handshakeWrite = made
    const { handshakeRead: read, handshakeWrite: write } = this
    if (read === undefined || write === undefined) return
    this.keys.handshake = { read, write }
    this.recovery.handshakeKeysReady(this.now)
  }

  private allowEarlyData(): void {
    const { session } = this.setup
    if (session === undefined) return
    this.setPeerLimits(session.parameters)
    this.events.push({ type: 'early-data-allowed', alpn: session.tls.alpn })
  }

  takeParameters(parameters: TransportParameters): void {
    const role = this.isServer ? 'client' : 'server'
    checkParameters(parameters, role, this.expectedIds)
    this.peer = parameters
    const { recovery, remoteIds } = this
    recovery.peerMaxAckDelay = parameters.maxAckDelay * MILLISECOND
    recovery.peerAckDelayExponent = parameters.ackDelayExponent
    this.idle.peerTimeout(parameters.maxIdleTimeout * MILLISECOND)
    this.paths.limitSize(parameters.maxUdpPayloadSize)
    if (parameters.statelessResetToken !== undefined) remoteIds.setFirstToken(parameters.statelessResetToken)
    const { preferredAddress } = parameters
    if (preferredAddress !== undefined) remoteIds.addPreferred(preferredAddress.connectionId, preferredAddress.resetToken)
    // A client waits until it knows that they are the server's, and what became of 0-RTT data.
    if (this.isServer) this.setPeerLimits(parameters)
  }

  takeTlsEvent(event: TlsEvent): void {
    switch (event.type) {
      case 'secret':
        this.events.push(event)
        return
      case 'early-data':
        if (!this.isServer) this.earlyDataSettled(event.outcome)
        return
      case 'connected':
        this.connected(event)
        return
      case 'ticket':
        this.ticketReceived(event.session)
        return
      default:
    }
  }

  private earlyDataSettled(outcome: 'accepted' | 'rejected'): void {
    const before = this.setup.session?.parameters
    if (outcome === 'rejected') {
      this.keys.early = undefined
      this.recovery.recall(APPLICATION)
      this.streams.forgetAll()
      this.datagrams.clear()
    } else if (before !== undefined && this.peer !== undefined && isReduced(remembered(this.peer), before)) {
      const detail = 'accepts 0-RTT data, and allows less than before'
      throw new QuicViolation(QUIC_ERROR_CODE.PROTOCOL_VIOLATION, detail, 'RFC 9000 section 7.4.1')
    }
    this.events.push({ type: 'early-data', outcome })
  }

  private connected(event: Extract<TlsEvent, { readonly type: 'connected' }>): void {
    const { peer } = this
    if (peer === undefined) throw new Error('connected without parameters')
    const { cipherSuite, group, alpn, serverName, peerChain, resumed, earlyData, retried } = event
    const { version } = this.setup
    this.parameters = { version, cipherSuite, group, alpn, serverName, peerChain, resumed, earlyData, retried }
    if (!this.isServer) this.setPeerLimits(peer)
    this.events.push({ type: 'connected', ...this.parameters })
    for (const id of this.localIds.supply(peer.activeConnectionIdLimit)) this.setup.role.idAdded(id.bytes)
    if (!this.isServer) return
    // For a server completing is confirming (RFC 9001 section 4.1.2).
    this.controls.push({ type: 'HANDSHAKE_DONE' })
    const token = this.setup.role.newToken(this.paths.current.remote)
    if (token !== undefined) this.controls.push({ type: 'NEW_TOKEN', token })
    this.confirm()
  }

  private ticketReceived(session: QuicSession['tls']): void {
    const { peer } = this
    if (session.maxEarlyData !== 0 && session.maxEarlyData !== MAX_EARLY_DATA) {
      const detail = `a ticket for ${String(session.maxEarlyData)} bytes of early data`
      throw new QuicViolation(QUIC_ERROR_CODE.PROTOCOL_VIOLATION, detail, 'RFC 9001 section 4.6.1')
    }
    if (peer === undefined) return
    const { version } = this.setup
    this.events.push({ type: 'ticket', session: { version, tls: session, parameters: remembered(peer) } })
  }

  private setPeerLimits(limits: RememberedParameters): void {
    const { streams, isServer } = this
    const roles: Record<StreamRole, number> = {
      'bidi-local': limits.initialMaxStreamDataBidiRemote,
      'bidi-remote': limits.initialMaxStreamDataBidiLocal,
      uni: limits.initialMaxStreamDataUni,
    }
    const roleOf = (id: number): StreamRole => {
      if ((id & 2) !== 0) return 'uni'
      return (id & 1) === (isServer ? 1 : 0) ? 'bidi-local' : 'bidi-remote'
    }
    streams.sending.setLimits(limits.initialMaxData, roles, roleOf)
    this.maxStreams(true, limits.initialMaxStreamsBidi)
    this.maxStreams(false, limits.initialMaxStreamsUni)
    this.datagrams.limit = limits.maxDatagramFrameSize
  }

  /** The peer lets us open so many streams in all. */
  maxStreams(bidirectional: boolean, limit: number): void {
    if (this.streams.counts.raise(bidirectional, limit)) this.events.push({ type: 'streams-available', bidirectional })
  }

  /** The handshake is confirmed: RFC 9001 section 4.1.2. */
  confirm(): void {
    if (this.isConfirmed) return
    this.isConfirmed = true
    this.discardHandshakeKeys()
    this.recovery.handshakeConfirmed(this.now)
    this.paths.confirmed()
    this.events.push({ type: 'confirmed' })
  }

  /** RFC 9001 section 4.9.3. */
  discardEarlyKeys(): void {
    this.keys.early = undefined
    this.earlyKeysUntil = undefined
  }

  /** RFC 9001 section 4.9.1. */
  discardInitialKeys(): void {
    if (this.keys.initial === undefined) return
    this.keys.initial = undefined
    this.recovery.discard(INITIAL, this.now)
  }

  private discardHandshakeKeys(): void {
    this.discardInitialKeys()
    this.keys.handshake = undefined
    this.handshakeRead = this.handshakeWrite = undefined
    this.recovery.discard(HANDSHAKE, this.now)
  }

  // What became of what was sent.

  acknowledged(space: PacketSpace, packet: SentPacket<SentFrame>): void {
    if (packet.reported >= 0) this.keys.received[space].reportAcknowledged(packet.reported)
    for (const frame of packet.frames) {
      switch (frame.type) {
        case 'CRYPTO':
          this.handshake.streams[space].acknowledge(frame)
          break
        case 'STREAM':
        case 'RESET_STREAM':
          this.streams.acknowledge(frame)
          break
        case 'RETIRE_CONNECTION_ID':
          this.remoteIds.frameAcknowledged(frame.sequence)
          break
        default:
      }
    }
  }

  /** What these frames said has to be said again, as far as it still matters: RFC 9000 section 13.3. */
  lost(space: PacketSpace, frames: readonly SentFrame[]): void {
    for (const frame of frames) {
      switch (frame.type) {
        case 'CRYPTO':
          this.handshake.streams[space].lose(frame)
          break
        case 'HANDSHAKE_DONE':
        case 'NEW_TOKEN':
          this.controls.push(frame)
          break
        case 'NEW_CONNECTION_ID':
          this.localIds.frameLost(frame.sequence)
          break
        case 'RETIRE_CONNECTION_ID':
          this.remoteIds.frameLost(frame.sequence)
          break
        case 'PING':
        case 'DATAGRAM':
        case 'PATH_CHALLENGE':
        case 'PATH_RESPONSE':
          break
        default:
          this.streams.lose(frame)
      }
    }
  }

  // The end.

  /** The peer broke a rule. */
  fail(violation: QuicViolation): void {
    const { code, detail } = violation
    // A type that is no number here was made up anyway; 0: not known (RFC 9000 section 19.19).
    const frameType = violation.frameType > LARGEST_VARINT ? 0 : violation.frameType
    const frame: ConnectionCloseFrame = { type: 'CONNECTION_CLOSE', space: 'transport', code, frameType, reason: detail }
    this.close(frame, violationFault(violation))
  }

  /** We end it. */
  close(frame: ConnectionCloseFrame, error: QuicFault | undefined): void {
    if (this.isClosed) return
    const shown = { ...frame, reason: readable(frame.reason) }
    this.closing = new Closing(shown, error, this.now + PROBE_TIMEOUTS * this.recovery.probeTimeout)
    this.events.push({ type: 'draining', error })
    this.release()
  }

  /** The peer has ended it. */
  peerClosed(frame: ConnectionCloseFrame): void {
    this.drain(receivedFault(frame))
  }

  /** Nothing is sent any more. */
  drain(error: QuicFault | undefined): void {
    if (this.isOver || this.closing?.frame === undefined) {
      if (this.isClosed) return
      this.events.push({ type: 'draining', error })
    } else {
      // Both have said it, at the same time.
      error = this.closing.error
    }
    this.closing = new Closing(undefined, error, this.now + PROBE_TIMEOUTS * this.recovery.probeTimeout)
    this.release()
  }

  /** All is over. */
  forget(error: QuicFault | undefined): void {
    if (this.isOver) return
    this.isOver = true
    this.release()
    this.events.push({ type: 'closed', error })
  }

  private release(): void {
    this.streams.forgetAll()
    this.datagrams.clear()
    this.controls.length = 0
  }
}

/** Longest reason that is sent, in bytes: it has to fit into a packet. */
const LONGEST_REASON = 200

/** A reason as it is sent, for people who read logs: in ASCII, and not too long for a packet. */
function readable(reason: string): string {
  return reason.replace(/[^\x20-\x7e]/g, '?').slice(0, LONGEST_REASON)
}
