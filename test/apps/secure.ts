import type { AppContext, Blocking, TcpSocket } from '../../src/host/socket.ts'
import { SocketError } from '../../src/host/socket.ts'
import { connectSecurely, type SecureClientOptions, type SecureStream } from '../../src/apps/secure-stream.ts'
import { SecureStreamError } from '../../src/apps/secure-stream-error.ts'
import type { CertificateOrder, ClientTlsSettings, ServerTlsSettings, TlsSettings } from '../../src/scenario/tls-settings.ts'
import { latin1, type Body } from './site.ts'

const COMMON: TlsSettings = { versions: ['1.3', '1.2'], cipherSuites: [], groups: [], recordSize: 16_384, keyLog: true }

/** A certificate for bob, as a scenario would order it. */
export function order(more: Partial<CertificateOrder> = {}): CertificateOrder {
  const names = ['bob', 'bob.example']
  const usual = { seed: 1, names, addresses: ['10.0.0.2'], kind: 'valid', keyType: 'p-256', intermediate: true } as const
  return { ...usual, validFor: 7300, purpose: 'server', ...more }
}

/** TLS of a server as a scenario resolves it. */
export function serverTls(more: Partial<ServerTlsSettings> = {}): ServerTlsSettings {
  const usual = { port: 443, plain: 'redirect', tickets: 2, earlyData: 0, replayProtection: true } as const
  return { ...COMMON, order: order(), ...usual, clientAuthentication: 'none', ...more }
}

/** TLS of a client as a scenario resolves it. */
export function clientTls(more: Partial<ClientTlsSettings> = {}): ClientTlsSettings {
  const usual = { seed: 1, roots: ['scenario'], certificateErrors: 'stop', resumption: true, earlyData: false } as const
  return { ...COMMON, ...usual, ...more }
}

type Talk = (stream: SecureStream, context: AppContext, socket: TcpSocket) => Blocking<void>

/** Connects to bob under TLS and talks; what went wrong is added to `errors`. */
export function secureClient(
  talk: Talk,
  options: Partial<SecureClientOptions> = {},
  errors: string[] = [],
  { at = 0, port = 443 } = {},
): Body {
  return function* (context) {
    yield* context.sleep(at)
    const socket = yield* context.sockets.connect({ address: 0x0a000002, port }, { noDelay: true })
    try {
      const settings = options.settings ?? clientTls()
      const stream = yield* connectSecurely(context, socket, { serverName: 'bob', alpn: ['http/1.1'], ...options, settings })
      yield* talk(stream, context, socket)
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      errors.push(error instanceof SecureStreamError ? error.error : error.code)
    }
  }
}

/** Says something over HTTP/1.1 and collects what comes back, up to the end. */
export function asks(words: string, heard: string[]): Talk {
  return function* (stream) {
    yield* stream.write(latin1(words))
    let all = ''
    for (let bytes = yield* stream.read(); bytes !== undefined; bytes = yield* stream.read())
      all += Buffer.from(bytes).toString('latin1')
    heard.push(all)
    stream.close()
  }
}

export const GET = 'GET / HTTP/1.1\r\nHost: bob\r\nConnection: close\r\n\r\n'
