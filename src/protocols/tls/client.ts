import { HandshakeType, ProtocolVersion } from '../../wire/tls/code-points.ts'
import { decodeEmptyMessage } from '../../wire/tls/small-messages.ts'
import { decodeServerHello, isHelloRetryRequest } from '../../wire/tls/server-hello.ts'
import type { Nanos } from '../endpoint.ts'
import { makeOffer } from './client-offer.ts'
import { TlsConnection } from './connection.ts'
import { illegal, TlsAlertError } from './fault.ts'
import type { Handshake } from './handshake.ts'
import type { TlsClientOptions } from './options.ts'
import { tlsSettings } from './settings.ts'
import { ClientHandshake12 } from './tls12/client-handshake.ts'
import { Tls13ClientHandshake } from './tls13/client-handshake.ts'
import { OVER_RECORDS } from './tls13/core.ts'
import { Tls13RecordHandshake } from './tls13/record-handshake.ts'

/** The client's end of a TLS connection, over a stream of bytes. It begins by itself, with the first `pollTransmit`. */
export class TlsClient extends TlsConnection {
  /** While it is open which version it will be: the handshake of TLS 1.3, which the ClientHello belongs to. */
  private undecided: Tls13ClientHandshake | undefined

  /** Throws RangeError for options that contradict themselves. */
  constructor(private readonly options: TlsClientOptions) {
    super(tlsSettings(options))
    this.firstVersion = ProtocolVersion.TLS1_0
  }

  protected begin(now: Nanos): void {
    if (this.handshake !== undefined) return
    const { options, settings } = this
    if (settings.versions.includes('1.3')) {
      this.undecided = new Tls13ClientHandshake(options, settings, OVER_RECORDS)
      this.undecided.start(now)
      this.handshake = new Tls13RecordHandshake(this.undecided, settings)
    } else {
      const offer = makeOffer(options, settings, now)
      this.handshake = new ClientHandshake12(options, settings, offer)
      this.say(offer.message)
    }
  }

  /** A server of TLS 1.2 may ask for what is under way already (RFC 5246 section 7.4.1.1). */
  protected override ignores(message: Uint8Array): boolean {
    const isPossible = this.undecided === undefined ? this.parameters?.version !== '1.3' : this.settings.versions.includes('1.2')
    if (message[0] !== HandshakeType.hello_request || this.isOpen || !isPossible) return false
    decodeEmptyMessage(message, 'hello_request')
    return true
  }

  protected handshakeFor(): Handshake {
    throw new Error('a client speaks first')
  }

  protected override successor(handshake: Handshake, message: Uint8Array): Handshake {
    const { undecided, options, settings } = this
    if (undecided === undefined || message[0] !== HandshakeType.server_hello) return handshake
    const { random, extensions } = decodeServerHello(message)
    if (isHelloRetryRequest(random)) return handshake
    this.undecided = undefined
    if (extensions.selectedVersion !== undefined) return handshake
    if (undecided.wasRetried) throw illegal('another version than in the HelloRetryRequest', 'RFC 8446 section 4.1.4')
    if (undecided.offer.early || !settings.versions.includes('1.2'))
      throw new TlsAlertError('protocol_version', 'the server does not speak TLS 1.3', 'RFC 8446 appendix D.3')
    return new ClientHandshake12(options, settings, undecided.offer)
  }

  protected earlyDataToSend(): Uint8Array {
    return this.options.earlyData ?? new Uint8Array(0)
  }
}
