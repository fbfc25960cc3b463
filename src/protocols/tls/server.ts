import { decodeClientHello } from '../../wire/tls/client-hello.ts'
import type { ClientHello } from '../../wire/tls/client-hello.ts'
import { CipherSuite, handshakeMessageName, HandshakeType, ProtocolVersion } from '../../wire/tls/code-points.ts'
import { TlsConnection } from './connection.ts'
import type { TlsVersion } from './event.ts'
import { TlsAlertError } from './fault.ts'
import type { Handshake } from './handshake.ts'
import type { TlsServerOptions } from './options.ts'
import { tlsSettings } from './settings.ts'
import { ServerHandshake12 } from './tls12/server-handshake.ts'
import { OVER_RECORDS } from './tls13/core.ts'
import { Tls13RecordHandshake } from './tls13/record-handshake.ts'
import { Tls13ServerHandshake } from './tls13/server-handshake.ts'

/** The server's end of a TLS connection, over a stream of bytes. */
export class TlsServer extends TlsConnection {
  /** Throws RangeError for options that contradict themselves. */
  constructor(private readonly options: TlsServerOptions) {
    super(tlsSettings(options))
    this.earlyDataLimit = options.maxEarlyData ?? 0
  }

  protected begin(): void {
    // The client speaks first.
  }

  protected handshakeFor(message: Uint8Array): Handshake {
    const { options, settings } = this
    if (message[0] !== HandshakeType.client_hello) {
      const detail = `${handshakeMessageName(message[0])} before any ClientHello`
      throw new TlsAlertError('unexpected_message', detail, 'RFC 8446 section 4')
    }
    if (this.chooseVersion(decodeClientHello(message)) === '1.2') return new ServerHandshake12(options, settings)
    const core = new Tls13ServerHandshake(options, settings, OVER_RECORDS)
    return new Tls13RecordHandshake(core, settings, this.earlyDataLimit)
  }

  protected earlyDataToSend(): Uint8Array {
    throw new Error('a server has no early data')
  }

  /** The highest version in common: RFC 8446 section 4.2.1. Throws TlsAlertError when there is none. */
  private chooseVersion({ version, cipherSuites, extensions }: ClientHello): TlsVersion {
    const { versions } = this.settings
    const offered = extensions.supportedVersions ?? [Math.min(version, ProtocolVersion.TLS1_2)]
    const chosen =
      versions.includes('1.3') && offered.includes(ProtocolVersion.TLS1_3)
        ? '1.3'
        : versions.includes('1.2') && offered.includes(ProtocolVersion.TLS1_2)
          ? '1.2'
          : undefined
    if (chosen === undefined || version <= ProtocolVersion.SSL3)
      throw new TlsAlertError('protocol_version', 'no version in common', 'RFC 8446 section 4.2.1')
    if (chosen === '1.2' && versions.includes('1.3') && cipherSuites.includes(CipherSuite.TLS_FALLBACK_SCSV))
      throw new TlsAlertError('inappropriate_fallback', 'a client that has tried a higher version before', 'RFC 7507 section 3')
    return chosen
  }
}
