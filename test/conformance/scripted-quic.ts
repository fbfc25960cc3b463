import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PacketKeys } from '../../src/crypto/packet-keys.ts'
import type { CoreSetup } from '../../src/protocols/quic/connection-setup.ts'
import { QuicClient } from '../../src/protocols/quic/client.ts'
import { QuicConnection } from '../../src/protocols/quic/connection.ts'
import type { QuicDatagram, SocketAddress } from '../../src/protocols/quic/datagram.ts'
import type { QuicEvent } from '../../src/protocols/quic/event.ts'
import { initialKeys } from '../../src/protocols/quic/packet-protection.ts'
import { QuicServer } from '../../src/protocols/quic/server.ts'
import { ownParameters, quicSettings } from '../../src/protocols/quic/settings.ts'
import type { TlsClientOptions, TlsServerOptions } from '../../src/protocols/tls/options.ts'
import { tlsSettings } from '../../src/protocols/tls/settings.ts'
import { Tls13ClientHandshake } from '../../src/protocols/tls/tls13/client-handshake.ts'
import type { EncryptionLevel, TrafficSecret } from '../../src/protocols/tls/tls13/core.ts'
import { Tls13ServerHandshake } from '../../src/protocols/tls/tls13/server-handshake.ts'
import { quicErrorName } from '../../src/wire/quic/error-codes.ts'
import type { ConnectionCloseFrame } from '../../src/wire/quic/frame.ts'
import { QuicFrameDecoder } from '../../src/wire/quic/frame-decoder.ts'
import { QuicHeader, setLength, writeLongHeader, writeShortHeader } from '../../src/wire/quic/header.ts'
import { encodeTransportParameters, type TransportParameters } from '../../src/wire/quic/transport-parameters.ts'
import { varintLength, writeVarint } from '../../src/wire/quic/varint.ts'
import { ExtensionType } from '../../src/wire/tls/code-points.ts'
import { alertName } from '../../src/wire/tls/alert.ts'
import { CLIENT, clientWith, pattern, SERVER, serverWith, type ClientWish, type ServerWish } from '../protocols/quic/quic-lab.ts'

const MS = 1_000_000
const [CLIENT_ID, SERVER_ID, FIRST_ID] = [pattern(8), pattern(9).slice(1), pattern(10).slice(2)]
/** Numbers of packets that are slipped in: none that the connection itself would use. */
const FIRST_NUMBER = 1000

/** What is wrong with a peer from its beginning. */
export interface Tampering<TlsOptions> {
  /** Changes what it says of itself. */
  readonly parameters?: (own: TransportParameters) => TransportParameters
  /** Changes that as it is encoded; undefined: it is left out. */
  readonly encoded?: (bytes: Uint8Array) => Uint8Array | undefined
  readonly tls?: Partial<TlsOptions>
}

/** An integer of variable length (RFC 9000 section 16), as short as can be. */
export function varint(value: number): number[] {
  const bytes = new Uint8Array(varintLength(value))
  writeVarint(bytes, 0, value)
  return [...bytes]
}

/** 2^62 - 1 less so much. */
export function nearLargest(less = 0): number[] {
  return [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff - less]
}

type Keys = Partial<Record<EncryptionLevel, PacketKeys>>

/** An end of QUIC that keeps the rules but for what it is told to say, face to face with one of ours. */
export class ScriptedQuic extends QuicConnection {
  private readonly writeKeys: Keys = {}
  private readonly readKeys: Keys = {}
  private readonly told: QuicEvent[] = []
  private readonly closes: ConnectionCloseFrame[] = []
  /** Where what is slipped in comes from, if not from where the rest does. */
  from: SocketAddress | undefined
  private number = FIRST_NUMBER
  private now = 0

  private constructor(
    setup: CoreSetup,
    private readonly other: QuicServer | QuicClient,
    private readonly begin: (now: number) => void,
  ) {
    super(setup)
    const { client, server } = initialKeys(setup.initialId)
    this.readKeys.initial = setup.role.isServer ? client : server
    this.writeKeys.initial = setup.role.isServer ? server : client
    const take = this.core.takeSecret.bind(this.core)
    this.core.takeSecret = (made: TrafficSecret) => {
      const keys = made.direction === 'read' ? this.readKeys : this.writeKeys
      keys[made.level] = new PacketKeys(made.suite, made.secret)
      take(made)
    }
  }

  /** A client of our server. */
  static client(tampering: Tampering<TlsClientOptions> = {}, wish: ServerWish = {}): ScriptedQuic {
    const { tls: options } = clientWith({}, 7)
    const { random } = options
    const tlsOptions: TlsClientOptions = { ...options, versions: ['1.3'], compatibilityMode: false, ...tampering.tls }
    const settings = quicSettings({ autoConsume: true })
    const carrier = carrierOf({ ...ownParameters(settings), initialSourceConnectionId: CLIENT_ID }, tampering)
    const tls = new Tls13ClientHandshake(tlsOptions, tlsSettings(tlsOptions), carrier)
    const role = roleOf(false)
    const ids = { localId: CLIENT_ID, remoteId: FIRST_ID, originalId: FIRST_ID, initialId: FIRST_ID }
    const addresses = { local: CLIENT, remote: SERVER }
    const peer = new ScriptedQuic(
      { ...COMMON, role, settings, random, ...addresses, ...ids, tls },
      new QuicServer(serverWith(wish)),
      (now) => {
        tls.start(now)
      },
    )
    peer.start(0)
    return peer
  }

  /** A server of our client. */
  static server(tampering: Tampering<TlsServerOptions> = {}, wish: ClientWish = {}): ScriptedQuic {
    const client = new QuicClient(clientWith(wish))
    const first = client.pollTransmit(0)
    if (first === undefined) throw new Error('no first packet')
    const header = new QuicHeader()
    header.decode(first.bytes, 0, first.bytes.length, 8)
    const initialId = first.bytes.slice(header.destinationStart, header.destinationEnd)
    const remoteId = first.bytes.slice(header.sourceStart, header.sourceEnd)
    const { tls: options } = serverWith({}, 7)
    const { random } = options
    const tlsOptions: TlsServerOptions = { ...options, versions: ['1.3'], compatibilityMode: false, ...tampering.tls }
    const settings = quicSettings({ autoConsume: true })
    const own = {
      ...ownParameters(settings),
      originalDestinationConnectionId: initialId,
      initialSourceConnectionId: SERVER_ID,
      statelessResetToken: pattern(16),
    }
    const tls = new Tls13ServerHandshake(tlsOptions, tlsSettings(tlsOptions), carrierOf(own, tampering))
    const role = roleOf(true)
    const ids = { localId: SERVER_ID, remoteId, originalId: initialId, initialId }
    const addresses = { local: SERVER, remote: CLIENT }
    const peer = new ScriptedQuic({ ...COMMON, role, settings, random, ...addresses, ...ids, tls }, client, () => undefined)
    peer.start(0)
    peer.handle({ ...addresses, ecn: 0, bytes: first.bytes }, 0)
    return peer
  }

  override start(now: number): void {
    super.start(now)
    this.begin(now)
    this.core.handshake.pump()
  }

  /** Whether it is through with the handshake, and so is the other. */
  connected(): this {
    this.talk()
    assert.ok(this.isConfirmed, 'connected')
    return this
  }

  /** It has said its first words, and has not heard what the other makes of them. */
  greeted(): this {
    for (let out = this.pollTransmit(this.now); out !== undefined; out = this.pollTransmit(this.now)) this.give(out)
    return this
  }

  /** Both say what they have to say. */
  talk(): this {
    for (let round = 0; round < 20; round++) {
      this.now += MS
      for (let out = this.pollTransmit(this.now); out !== undefined; out = this.pollTransmit(this.now)) this.give(out)
      for (const answer of this.hear()) this.handle(turned(answer), this.now)
      this.handleTimeout(this.now)
    }
    return this
  }

  /** Slips in a packet. @param flags further bits of its first byte */
  slip(payload: readonly number[], level: EncryptionLevel = 'application', flags = 0): void {
    this.sendUnder(this.writeKeys[level], payload, level, flags)
  }

  /** The same, under the keys of so many phases later. */
  slipInPhase(phase: number, payload: readonly number[]): void {
    let keys = this.writeKeys.application
    for (let i = 0; i < phase; i++) keys = keys?.next()
    this.sendUnder(keys, payload, 'application', phase % 2 === 1 ? 0x04 : 0)
  }

  /** Slips in packets and acknowledges nothing. @param make gives their payloads; undefined: the number is left out */
  flood(count: number, make: (i: number) => readonly number[] | undefined): void {
    const { other } = this
    for (let i = 0; i < count; i++) {
      const payload = make(i)
      if (payload === undefined) this.number++
      else this.slip(payload)
      this.now += MS / 10
      other.handleTimeout(this.now)
      while (other.pollTransmit(this.now) !== undefined);
      for (let event = other.pollEvent(); event !== undefined; event = other.pollEvent())
        if (event.type === 'told') this.told.push(event.event)
      this.told.splice(0, Math.max(0, this.told.length - 100))
    }
  }

  /** The other end. */
  get target(): QuicServer | QuicClient {
    return this.other
  }

  private sendUnder(keys: PacketKeys | undefined, payload: readonly number[], level: EncryptionLevel, flags: number): void {
    if (keys === undefined) throw new Error(`no keys for ${level}`)
    const { remote, core } = this
    const local = this.from ?? this.local
    const { localId } = core.setup
    const destination = core.recovery.path.connectionId?.bytes ?? new Uint8Array(0)
    const packet = new Uint8Array(2000)
    const number = this.number++
    const isLong = level !== 'application'
    const start = isLong
      ? writeLongHeader(packet, 0, level === 'early' ? '0-rtt' : level, destination, localId, number, 4)
      : writeShortHeader(packet, 0, destination, 0, number, 4)
    packet[0] |= flags
    packet.set(payload, start)
    const end = start + (level === 'initial' ? Math.max(payload.length, 1200) : payload.length)
    if (isLong) setLength(packet, start, 4, end + 16)
    const length = keys.seal(packet, 0, start, end, number)
    this.give({ local, remote, ecn: 0, bytes: packet.slice(0, length) })
  }

  /** Hands the other end a datagram. */
  private give(datagram: QuicDatagram): void {
    this.other.handle(turned(datagram), this.now)
  }

  /** What the other end has to say. */
  hear(): QuicDatagram[] {
    const heard: QuicDatagram[] = []
    for (let out = this.other.pollTransmit(this.now); out !== undefined; out = this.other.pollTransmit(this.now)) heard.push(out)
    for (let event = this.other.pollEvent(); event !== undefined; event = this.other.pollEvent()) {
      if (event.type === 'told') this.told.push(event.event)
      else if (this.other instanceof QuicClient) this.told.push(event as QuicEvent)
    }
    for (const { bytes } of heard) this.findClose(bytes)
    return heard
  }

  /** Of what kind the other end's events were. */
  count(type: QuicEvent['type']): number {
    return this.told.filter((event) => event.type === type).length
  }

  /** `'open'`, or the name of the error with which the other end has closed, as it stands on the wire. */
  verdict(): string {
    const datagrams = this.hear()
    for (const datagram of datagrams) this.handle(turned(datagram), this.now)
    for (const { bytes } of datagrams) this.findClose(bytes)
    const draining = this.told.find((event) => event.type === 'draining')
    if (draining === undefined) return 'open'
    const { error } = draining
    assert.equal(error?.whose, 'peer')
    assert.match(error.cites, /^RFC \d+ (section|appendix) /)
    const close = this.closes.find(({ code }) => code !== 0x0c) ?? this.closes.at(0)
    assert.equal(close?.code, error.code, 'what is said on the wire')
    const name = quicErrorName(close.code)
    return name === 'CRYPTO_ERROR' ? (alertName(close.code & 0xff) ?? name) : (name ?? `0x${close.code.toString(16)}`)
  }

  /** Looks for CONNECTION_CLOSE frames in what the other end has sent. */
  private findClose(bytes: Uint8Array): void {
    const header = new QuicHeader()
    for (let at = 0; at < bytes.length; at = header.end) {
      header.decode(bytes, at, bytes.length, this.core.setup.localId.length)
      const level = header.type === '1-rtt' ? 'application' : header.type
      const keys = level === 'initial' || level === 'handshake' || level === 'application' ? this.readKeys[level] : undefined
      if (keys?.headerProtection.remove(bytes, at, header.packetNumberAt, header.end) !== true) continue
      const { truncatedNumber } = keys.headerProtection
      // Their keys may have changed along with ours.
      const payload =
        keys.open(bytes, header.packetNumberAt, header.end, truncatedNumber) ??
        keys.next().open(bytes, header.packetNumberAt, header.end, truncatedNumber)
      if (payload === undefined) continue
      const decoder = new QuicFrameDecoder()
      decoder.begin(payload, 0, payload.length)
      for (let frame = decoder.next(); frame !== undefined; frame = decoder.next())
        if (frame.type === 'CONNECTION_CLOSE') this.closes.push(frame)
    }
  }
}

const COMMON = {
  version: 1,
  isValidated: true,
  followsPreferredAddress: false,
  resetToken: () => new Uint8Array(16),
  token: new Uint8Array(0),
  session: undefined,
}

function roleOf(isServer: boolean): CoreSetup['role'] {
  const nothing = (): undefined => undefined
  return { isServer, idAdded: nothing, idRemoved: nothing, wake: nothing, newToken: nothing }
}

function carrierOf(own: TransportParameters, { parameters = (same) => same, encoded = (same) => same }: Tampering<unknown>) {
  const data = encoded(encodeTransportParameters(parameters(own)))
  const extensions = data === undefined ? [] : [{ type: ExtensionType.quic_transport_parameters, data }]
  return { extensions, endOfEarlyData: false }
}

function turned({ local, remote, ecn, bytes }: QuicDatagram): QuicDatagram {
  return { local: remote, remote: local, ecn, bytes }
}

/** What is expected, and what is said. */
export type Case = readonly [expected: string, script: (peer: ScriptedQuic) => void]

/** Says in tests what the other end makes of each. */
export function judge(make: () => ScriptedQuic, cases: Readonly<Record<string, Case>>): void {
  for (const [name, [expected, script]] of Object.entries(cases)) {
    test(`${name}: ${expected}`, () => {
      const peer = make()
      script(peer)
      assert.equal(peer.verdict(), expected)
    })
  }
}
