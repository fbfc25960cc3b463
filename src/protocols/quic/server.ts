/**
 * A server of one UDP port: takes the datagrams of everybody, and has a connection for each client.
 *
 * Required reading: RFC 9000 sections 5.2.2 (matching packets to connections), 6.1 (version negotiation), 8.1 (address validation), 10.3
 * (stateless reset), 14.1.
 *
 * Packets belong to a connection by their Destination Connection ID: one that we gave out, or in a client's first packets the one that it has
 * made up. What belongs to none is either the beginning of one, or is answered from what stands in it alone, if at all: nothing is remembered
 * for those who may be nobody. All that a connection has to tell comes out of this object, with the connection's name.
 */
import { hkdfExpandLabel } from '../../crypto/hkdf.ts'
import type { RandomBytes } from '../../crypto/random-bytes.ts'
import { QuicDecodeError } from '../../wire/quic/decode-error.ts'
import { QUIC_ERROR_CODE } from '../../wire/quic/error-codes.ts'
import { QuicHeader, SMALLEST_INITIAL_DATAGRAM } from '../../wire/quic/header.ts'
import { encodeTransportParameters } from '../../wire/quic/transport-parameters.ts'
import { ExtensionType } from '../../wire/tls/code-points.ts'
import type { Endpoint, Nanos } from '../endpoint.ts'
import type { TlsServerOptions } from '../tls/options.ts'
import { tlsSettings } from '../tls/settings.ts'
import type { TlsSettings } from '../tls/settings.ts'
import { Tls13ServerHandshake } from '../tls/tls13/server-handshake.ts'
import { AddressTokens, resetTokenOf } from './address-tokens.ts'
import type { QuicDatagram, SocketAddress } from './datagram.ts'
import { DeadlineQueue } from './deadline-queue.ts'
import type { QuicEvent } from './event.ts'
import type { QuicServerOptions } from './options.ts'
import { ServerConnection } from './server-connection.ts'
import { isSpoken, ownParameters, quicSettings } from './settings.ts'
import type { QuicSettings } from './settings.ts'
import { refusal, retry, statelessReset, versionNegotiation } from './stateless-answers.ts'

const SECRET_LENGTH = 32
/** Connection IDs of a connection that its client has retired and that are still known as its own. */
const MOST_RETIRED = 8
/** Of what a client makes up, in bytes: RFC 9000 section 7.2. */
const SHORTEST_FIRST_ID = 8
/** RFC 9001 section 4.6.1. */
const UNLIMITED_EARLY_DATA = 0xffff_ffff
/** Answers that wait to be sent; further ones are not given. */
const MOST_ANSWERS = 1024
const NO_ID = new Uint8Array(0)

/** What a server tells. */
export type QuicServerEvent =
  /** A client has begun a connection. */
  | { readonly type: 'opened'; readonly connection: ServerConnection }
  /** What a connection tells. After `closed` the server has forgotten it. */
  | { readonly type: 'told'; readonly connection: ServerConnection; readonly event: QuicEvent }
  /** A client was answered, and nothing kept of it. */
  | {
      readonly type: 'retry-sent' | 'version-negotiation-sent' | 'stateless-reset-sent'
      readonly local: SocketAddress
      readonly remote: SocketAddress
    }
  /** A client was turned away. `name`: `'CONNECTION_REFUSED'`, there are too many; `'INVALID_TOKEN'`. */
  | {
      readonly type: 'refused'
      readonly local: SocketAddress
      readonly remote: SocketAddress
      readonly name: 'CONNECTION_REFUSED' | 'INVALID_TOKEN'
    }

export class QuicServer implements Endpoint<QuicDatagram, QuicServerEvent> {
  /** Whose the datagram is that `pollTransmit` gave last; undefined: an answer to somebody of whom nothing is kept. */
  transmitting: ServerConnection | undefined
  private readonly settings: QuicSettings
  private readonly tlsOptions: TlsServerOptions
  private readonly tlsSettings: TlsSettings
  private readonly random: RandomBytes
  private readonly secret: Uint8Array
  private readonly tokens: AddressTokens
  private readonly header = new QuicHeader()
  /** By the connection IDs that packets may come with. */
  private readonly byId = new Map<string, ServerConnection>()
  private readonly all = new Set<ServerConnection>()
  private readonly deadlines = new DeadlineQueue<ServerConnection>()
  /** Connections that may have something to send or to tell. */
  private touched: ServerConnection[] = []
  private readonly answers: QuicDatagram[] = []
  private readonly events: QuicServerEvent[] = []
  /** How many handshakes are under way. */
  private handshakes = 0
  private now: Nanos = 0

  /** Throws RangeError for options that are out of range, or contradict each other. */
  constructor(private readonly options: QuicServerOptions) {
    this.settings = quicSettings(options)
    if (this.settings.connectionIdLength === 0) throw new RangeError('a server needs connection IDs')
    const { tls, earlyData = true } = options
    this.tlsOptions = {
      ...tls,
      versions: ['1.3'],
      compatibilityMode: false,
      maxEarlyData: earlyData && tls.tickets !== undefined ? UNLIMITED_EARLY_DATA : 0,
    }
    this.tlsSettings = tlsSettings(this.tlsOptions)
    this.random = tls.random
    this.secret = options.secret ?? this.random(SECRET_LENGTH)
    this.tokens = new AddressTokens(hkdfExpandLabel('sha256', this.secret, 'tokens', NO_ID, SECRET_LENGTH), this.random)
  }

  /** The connections that there are, in the order in which they began. */
  get connections(): Iterable<ServerConnection> {
    return this.all
  }

  // The verbs.

  handle(datagram: QuicDatagram, now: Nanos): void {
    this.now = now
    const { header } = this
    const { bytes } = datagram
    try {
      header.decode(bytes, 0, bytes.length, this.settings.connectionIdLength)
    } catch (error) {
      if (error instanceof QuicDecodeError) return
      throw error
    }
    const id = bytes.subarray(header.destinationStart, header.destinationEnd)
    const connection = this.byId.get(keyOf(id))
    if (connection !== undefined) {
      connection.handle(datagram, now)
      this.touch(connection)
    } else if (header.type === '1-rtt') {
      this.resetStatelessly(datagram, id)
    } else if (bytes.length >= SMALLEST_INITIAL_DATAGRAM) {
      // Anything smaller is not meant to begin a connection.
      if (header.type === 'unknown-version') this.negotiateVersion(datagram, id)
      else if (header.type === 'initial' && id.length >= SHORTEST_FIRST_ID) this.handleFirst(datagram, id.slice())
    }
  }

  pollTransmit(now: Nanos): QuicDatagram | undefined {
    this.now = now
    this.transmitting = undefined
    const answer = this.answers.shift()
    if (answer !== undefined) return answer
    for (const connection of this.touched) {
      const datagram = connection.pollTransmit(now)
      if (datagram === undefined) continue
      this.transmitting = connection
      return datagram
    }
    return undefined
  }

  pollTimeout(): Nanos | undefined {
    this.settle()
    return this.deadlines.first?.deadline
  }

  handleTimeout(now: Nanos): void {
    this.now = now
    this.settle()
    for (let next = this.deadlines.first; next !== undefined && next.deadline <= now; next = this.deadlines.first) {
      // It comes back when it is settled.
      this.deadlines.set(next, Infinity)
      next.handleTimeout(now)
      this.touch(next)
    }
  }

  pollEvent(): QuicServerEvent | undefined {
    const own = this.events.shift()
    if (own !== undefined) return own
    for (const connection of this.touched) {
      const event = connection.pollEvent()
      if (event !== undefined) return { type: 'told', connection, event }
    }
    return undefined
  }

  /** What is known of those that were touched is brought up to date. */
  private settle(): void {
    const { touched } = this
    if (touched.length === 0) return
    this.touched = []
    for (const connection of touched) {
      connection.isTouched = false
      this.deadlines.set(connection, connection.pollTimeout() ?? Infinity)
      if (connection.isHandshaking && (connection.isConfirmed || connection.isClosed)) {
        connection.isHandshaking = false
        this.handshakes--
      }
      if (connection.hasEvent) this.touch(connection)
      else if (connection.isOver) this.forget(connection)
    }
  }

  private touch(connection: ServerConnection): void {
    if (connection.isTouched) return
    connection.isTouched = true
    this.touched.push(connection)
  }

  private forget(connection: ServerConnection): void {
    this.all.delete(connection)
    for (const id of connection.ids) if (this.byId.get(id) === connection) this.byId.delete(id)
    connection.ids.clear()
  }

  /** @param id what connections are known by: see `keyOf` */
  private know(id: string, connection: ServerConnection): void {
    this.byId.set(id, connection)
    connection.ids.add(id)
  }

  /**
   * The client uses an ID no more. Packets that were overtaken still come with it: they are this connection's, and must not be answered with
   * a reset (RFC 9000 sections 5.1.2 and 10.3), so the last few are remembered.
   */
  private retire(id: string, connection: ServerConnection): void {
    const { retired } = connection
    retired.push(id)
    const oldest = retired.length > MOST_RETIRED ? retired.shift() : undefined
    if (oldest === undefined) return
    connection.ids.delete(oldest)
    this.byId.delete(oldest)
  }

  // Packets of nobody.

  private handleFirst(datagram: QuicDatagram, destination: Uint8Array): void {
    const { header, options } = this
    const { bytes, remote } = datagram
    const source = bytes.slice(header.sourceStart, header.sourceEnd)
    const verdict = this.tokens.judge(bytes.subarray(header.tokenStart, header.tokenEnd), remote, destination, this.now)
    if (verdict.type === 'wrong') {
      this.refuse(datagram, destination, source, 'INVALID_TOKEN')
    } else if (this.all.size >= (options.maxConnections ?? 20_000)) {
      this.refuse(datagram, destination, source, 'CONNECTION_REFUSED')
    } else if (verdict.type === 'unknown' && this.wantsRetry) {
      const retryId = this.random(this.settings.connectionIdLength)
      const token = this.tokens.forRetry(remote, destination, retryId, this.now)
      this.answer(datagram, retry(destination, source, retryId, token, this.random), 'retry-sent')
    } else {
      this.open(
        datagram,
        destination,
        source,
        verdict.type !== 'unknown',
        verdict.type === 'retried' ? verdict.originalId : undefined,
      )
    }
  }

  /** RFC 9000 section 8.1.2. */
  private get wantsRetry(): boolean {
    const { retry: when = 'under-load', retryAbove = 100 } = this.options
    return when === 'always' || (when === 'under-load' && this.handshakes > retryAbove)
  }

  /** @param originalId what the client's very first packet was addressed with, if a Retry has come between */
  private open(
    datagram: QuicDatagram,
    destination: Uint8Array,
    source: Uint8Array,
    isValidated: boolean,
    originalId: Uint8Array | undefined,
  ): void {
    const { settings, random, tlsOptions, options } = this
    const localId = random(settings.connectionIdLength)
    const preferredId = options.preferredAddress === undefined ? undefined : random(settings.connectionIdLength)
    const data = encodeTransportParameters({
      ...ownParameters(settings),
      disableActiveMigration: options.disableMigration ?? false,
      originalDestinationConnectionId: originalId ?? destination,
      initialSourceConnectionId: localId,
      ...(originalId !== undefined && { retrySourceConnectionId: destination }),
      statelessResetToken: resetTokenOf(this.secret, localId),
      ...(preferredId !== undefined && {
        preferredAddress: {
          ipv4: options.preferredAddress?.ipv4,
          ipv6: options.preferredAddress?.ipv6,
          connectionId: preferredId,
          resetToken: resetTokenOf(this.secret, preferredId),
        },
      }),
    })
    const carrier = { extensions: [{ type: ExtensionType.quic_transport_parameters, data }], endOfEarlyData: false }
    const { local, remote } = datagram
    const connection: ServerConnection = new ServerConnection({
      role: {
        isServer: true,
        idAdded: (id) => {
          this.know(keyOf(id), connection)
        },
        idRemoved: (id) => {
          this.retire(keyOf(id), connection)
        },
        wake: () => {
          this.touch(connection)
        },
        newToken: (address) => (options.newTokens === false ? undefined : this.tokens.forLater(address, this.now)),
      },
      settings,
      random,
      version: this.header.version,
      local,
      remote,
      localId,
      ...(preferredId !== undefined && { preferredId }),
      followsPreferredAddress: false,
      remoteId: source,
      originalId: originalId ?? destination,
      initialId: destination,
      isValidated,
      resetToken: (id) => resetTokenOf(this.secret, id),
      token: NO_ID,
      tls: new Tls13ServerHandshake(tlsOptions, this.tlsSettings, carrier),
      session: undefined,
    })
    connection.start(this.now)
    connection.handle(datagram, this.now)
    // Whoever cannot even seal an Initial packet gets nothing.
    if (connection.statistics.packetsReceived === 0) return
    this.all.add(connection)
    this.handshakes++
    this.know(keyOf(localId), connection)
    if (preferredId !== undefined) this.know(keyOf(preferredId), connection)
    this.know(keyOf(destination), connection)
    this.events.push({ type: 'opened', connection })
    this.touch(connection)
  }

  /** RFC 9000 section 6.1. */
  private negotiateVersion(datagram: QuicDatagram, destination: Uint8Array): void {
    const { header, settings, random } = this
    const source = datagram.bytes.subarray(header.sourceStart, header.sourceEnd)
    const versions = settings.versions.filter(isSpoken)
    this.answer(datagram, versionNegotiation(destination, source, versions, random), 'version-negotiation-sent')
  }

  /** RFC 9000 section 10.3. */
  private resetStatelessly(datagram: QuicDatagram, id: Uint8Array): void {
    const bytes = statelessReset(datagram.bytes.length, resetTokenOf(this.secret, id), this.random)
    if (bytes !== undefined) this.answer(datagram, bytes, 'stateless-reset-sent')
  }

  private refuse(
    datagram: QuicDatagram,
    destination: Uint8Array,
    source: Uint8Array,
    name: 'CONNECTION_REFUSED' | 'INVALID_TOKEN',
  ): void {
    const { local, remote } = datagram
    if (this.answers.length >= MOST_ANSWERS) return
    this.answers.push({ local, remote, ecn: 0, bytes: refusal(destination, source, QUIC_ERROR_CODE[name], '') })
    this.events.push({ type: 'refused', local, remote, name })
  }

  private answer(
    { local, remote }: QuicDatagram,
    bytes: Uint8Array,
    type: 'retry-sent' | 'version-negotiation-sent' | 'stateless-reset-sent',
  ): void {
    if (this.answers.length >= MOST_ANSWERS) return
    this.answers.push({ local, remote, ecn: 0, bytes })
    this.events.push({ type, local, remote })
  }
}

/** A connection ID as the key of a map. */
function keyOf(id: Uint8Array): string {
  return String.fromCharCode(...id)
}
