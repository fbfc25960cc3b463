import { AlertDescription } from '../../wire/tls/alert.ts'
import { TlsDecodeError } from '../../wire/tls/decode-error.ts'
import { ExtensionType, HandshakeType } from '../../wire/tls/code-points.ts'
import { CRYPTO_ERROR, QUIC_ERROR_CODE } from '../../wire/quic/error-codes.ts'
import { QuicDecodeError } from '../../wire/quic/decode-error.ts'
import { decodeTransportParameters } from '../../wire/quic/transport-parameters.ts'
import type { TransportParameters } from '../../wire/quic/transport-parameters.ts'
import type { Nanos } from '../endpoint.ts'
import { TlsAlertError } from '../tls/fault.ts'
import type { TlsEvent } from '../tls/event.ts'
import type { Tls13ClientHandshake } from '../tls/tls13/client-handshake.ts'
import type { EncryptionLevel, TrafficSecret } from '../tls/tls13/core.ts'
import type { Tls13ServerHandshake } from '../tls/tls13/server-handshake.ts'
import { CryptoStream } from './crypto-stream.ts'
import { QuicViolation } from './fault.ts'
import { APPLICATION, HANDSHAKE, INITIAL } from './recovery/packet-space.ts'
import type { PacketSpace } from './recovery/packet-space.ts'

const LEVELS: readonly EncryptionLevel[] = ['initial', 'handshake', 'application']
const SPACE_OF: Readonly<Record<EncryptionLevel, PacketSpace>> = {
  initial: INITIAL,
  early: APPLICATION,
  handshake: HANDSHAKE,
  application: APPLICATION,
}

/** Where the length of legacy_session_id stands in a ClientHello: behind type and length, version and random (RFC 8446 section 4.1.2). */
const SESSION_ID_AT = 4 + 2 + 32

/** Whom the handshake's outcome is told. */
export interface HandshakeOwner {
  /** A secret is known, of which keys are made. */
  takeSecret(secret: TrafficSecret): void
  takeTlsEvent(event: TlsEvent): void
  /** The peer's transport parameters have come, of which a client should not believe anything yet. */
  takeParameters(parameters: TransportParameters): void
}

/** TLS 1.3 in CRYPTO frames: RFC 9001 section 4. */
export class QuicHandshake {
  readonly streams: readonly [CryptoStream, CryptoStream, CryptoStream] = [
    new CryptoStream(),
    new CryptoStream(),
    new CryptoStream(),
  ]
  private hasParameters = false
  /** The highest level at which the peer may speak. */
  private readSpace: PacketSpace = INITIAL

  constructor(
    private readonly core: Tls13ClientHandshake | Tls13ServerHandshake,
    private readonly peer: 'client' | 'server',
    private readonly owner: HandshakeOwner,
  ) {}

  get isComplete(): boolean {
    return this.core.state === 'CONNECTED'
  }

  /** Takes a CRYPTO frame's bytes. Throws QuicViolation. */
  receive(space: PacketSpace, offset: number, bytes: Uint8Array, now: Nanos): void {
    const stream = this.streams[space]
    if (space < this.readSpace && offset + bytes.length > stream.received) {
      const detail = 'more of a handshake at a level that is over'
      throw new QuicViolation(QUIC_ERROR_CODE.PROTOCOL_VIOLATION, detail, 'RFC 9001 section 4.1.3')
    }
    stream.receive(offset, bytes)
    for (let message = stream.nextMessage(); message !== undefined; message = stream.nextMessage()) {
      this.handle(LEVELS[space], message, now)
      this.pump()
    }
  }

  /** Carries on what TLS has made: secrets before the messages that are sent under them. */
  pump(): void {
    const { core, owner } = this
    for (let secret = core.pollSecret(); secret !== undefined; secret = core.pollSecret()) {
      if (secret.direction === 'read' && secret.level !== 'early') this.advance(SPACE_OF[secret.level])
      owner.takeSecret(secret)
    }
    for (let message = core.pollMessage(); message !== undefined; message = core.pollMessage())
      this.streams[SPACE_OF[message.level]].push(message.bytes)
    this.findParameters()
    for (let event = core.pollEvent(); event !== undefined; event = core.pollEvent()) owner.takeTlsEvent(event)
  }

  private handle(level: EncryptionLevel, message: Uint8Array, now: Nanos): void {
    refuse(this.peer, level, message)
    try {
      this.core.handleMessage(level, message, now)
    } catch (error) {
      if (error instanceof TlsAlertError) {
        const code = CRYPTO_ERROR + AlertDescription[error.alert]
        throw new QuicViolation(code, error.detail, error.cites, 0, error.certificateError)
      }
      if (error instanceof TlsDecodeError)
        throw new QuicViolation(CRYPTO_ERROR + AlertDescription[error.alert], error.detail, error.cites)
      throw error
    }
  }

  /** The peer speaks at a higher level from now on; nothing may be left below (RFC 9001 section 4.1.3). */
  private advance(space: PacketSpace): void {
    for (let below = this.readSpace; below < space; below++) {
      if (!this.streams[below].isPartial) continue
      const detail = 'a part of a message at a level that is over'
      throw new QuicViolation(QUIC_ERROR_CODE.PROTOCOL_VIOLATION, detail, 'RFC 9001 section 4.1.3')
    }
    this.readSpace = space
  }

  private findParameters(): void {
    const { core } = this
    // They come with the message that settles what is spoken: ClientHello, EncryptedExtensions.
    if (this.hasParameters || core.parameters === undefined || core.state === 'WAIT_EE') return
    this.hasParameters = true
    const found = core.peerExtensions.find(({ type }) => type === ExtensionType.quic_transport_parameters)
    if (found === undefined) {
      const code = CRYPTO_ERROR + AlertDescription.missing_extension
      throw new QuicViolation(code, 'no transport parameters', 'RFC 9001 section 8.2')
    }
    if (core.parameters.alpn === undefined) {
      const code = CRYPTO_ERROR + AlertDescription.no_application_protocol
      throw new QuicViolation(code, 'no application protocol was agreed on', 'RFC 9001 section 8.1')
    }
    this.owner.takeParameters(this.decode(found.data))
  }

  private decode(bytes: Uint8Array): TransportParameters {
    try {
      return decodeTransportParameters(bytes, this.peer)
    } catch (error) {
      if (error instanceof QuicDecodeError) throw new QuicViolation(QUIC_ERROR_CODE[error.code], error.detail, error.cites)
      throw error
    }
  }
}

/** What TLS would let pass, or end with an alert, and QUIC has rules of its own for. Throws QuicViolation. */
function refuse(peer: 'client' | 'server', level: EncryptionLevel, message: Uint8Array): void {
  const code = QUIC_ERROR_CODE.PROTOCOL_VIOLATION
  if (peer === 'client' && level === 'initial' && message.length > SESSION_ID_AT && message[SESSION_ID_AT] > 0)
    throw new QuicViolation(code, 'a legacy_session_id in a ClientHello', 'RFC 9001 section 8.4')
  if (peer === 'server' && level === 'application' && message[0] === HandshakeType.certificate_request)
    throw new QuicViolation(code, 'a certificate is asked for behind the handshake', 'RFC 9001 section 4.4')
}
