import { TlsClient } from '../protocols/tls/client.ts'
import type { TlsOptions, TlsServerOptions } from '../protocols/tls/options.ts'
import { TlsServer } from '../protocols/tls/server.ts'
import type { TlsSession } from '../protocols/tls/session.ts'
import { randomBytesFrom } from '../crypto/random-bytes.ts'
import type { AppContext, Blocking, TcpSocket } from '../host/socket.ts'
import type { Nanos } from '../kernel/time.ts'
import type { ClientTlsSettings, TlsSettings } from '../scenario/tls-settings.ts'
import { parseIp } from '../wire/address.ts'
import type { ByteStream } from './byte-stream.ts'
import { ServerJudge } from './server-judge.ts'
import { TlsStream } from './tls-stream.ts'

/*
 * TLS between a socket and whoever uses it.
 *
 * Credentials, trusted authorities and whether secrets are logged come with an application's own options (`tls` in the scenario): plain
 * data that names what is wanted, a seed among it. The authorities of a scenario follow from its seed alone, so that every host
 * makes the same ones for itself when it first needs them; a host that never speaks TLS makes none.
 */

/** A connection under TLS. `shutdown` and `close` send close_notify first. What it throws besides SocketError is SecureStreamError. */
export interface SecureStream extends ByteStream {
  readonly version: '1.3' | '1.2'
  readonly cipherSuite: string
  /** Of the key exchange; '' where a session of TLS 1.2 was resumed. */
  readonly group: string
  /** What was agreed on (RFC 7301). */
  readonly alpn: string | undefined
  /** The name that the client asked for (SNI). */
  readonly serverName: string | undefined
  readonly isResumed: boolean
  readonly earlyData: 'none' | 'accepted' | 'rejected'
  /** Certificates of the peer in DER, its own first; empty when it showed none. Of the first connection where a session was resumed. */
  readonly peerChain: readonly Uint8Array[]
  /** What is wrong with the peer's certificate though the connection goes on, as a browser names it; undefined: nothing. */
  readonly certificateError: string | undefined
  /** How many of the bytes received so far were early data, which may be a replay (RFC 8446 section 8). */
  readonly earlyBytes: number
  /** Whether the handshake is done: until then a server sends to somebody who may be anybody. */
  readonly isConfirmed: boolean
  /** Whether TCP ended without close_notify, so that bytes may be missing (RFC 8446 section 6.1, RFC 9112 section 9.8). */
  readonly isTruncated: boolean
  /** Changes the sending keys, and asks the peer for the same (RFC 8446 section 4.6.3). TLS 1.3 only. */
  updateKeys(): void
  /** Blocks until a stream that was closed is gone: until the peer has closed, too, or has had its time to. */
  closed(): Blocking<void>
}

export interface SecureClientOptions {
  /** As in the address: a DNS name goes into SNI, an IP address (as text, without brackets) does not; the certificate must be for it. */
  readonly serverName: string
  /** Best first; empty: ALPN is not used. */
  readonly alpn: readonly string[]
  readonly settings: ClientTlsSettings
  /** false: nobody may go on in spite of a certificate error, whatever the settings say: with HSTS, for one (RFC 6797 section 12.1). */
  readonly mayProceed?: boolean
  /** Of an earlier connection to the same server, to be offered once. */
  readonly session?: TlsSession
  /**
   * Sent as early data when the session allows. Unless `earlyData` of the stream is 'accepted' the server has not read it: write it again.
   */
  readonly firstBytes?: Uint8Array
  /** How long the handshake may take, in nanoseconds; 0 and absent: as long as it does. */
  readonly timeout?: Nanos
  /** Told of every ticket, during the handshake or long afterwards. */
  readonly ticketReceived?: (session: TlsSession) => void
}

/** Settings of a scenario as the endpoints take them. */
export function commonTlsOptions(
  context: AppContext,
  { versions, cipherSuites, groups, recordSize, keyLog }: TlsSettings,
  alpn: readonly string[],
): TlsOptions {
  return {
    random: randomBytesFrom(context.environment.random('tls')),
    versions,
    ...(cipherSuites.length > 0 && { cipherSuites }),
    ...(groups.length > 0 && { groups }),
    ...(alpn.length > 0 && { alpn }),
    recordSize,
    keyLog,
  }
}

/**
 * The client's side of a handshake on a connected socket, which it takes over: nobody else uses the socket from then on.
 * Certificates are checked against the host's own time of day (`AppContext.wallClock`). Secrets are recorded unless the settings say not to.
 * @throws SocketError; SecureStreamError when TLS fails. The socket is closed then.
 */
export function* connectSecurely(context: AppContext, socket: TcpSocket, options: SecureClientOptions): Blocking<SecureStream> {
  const { serverName, alpn, settings, mayProceed = true, session, firstBytes, timeout = 0, ticketReceived } = options
  const judge = new ServerJudge(context, settings, mayProceed && settings.certificateErrors === 'proceed', socket.connection)
  const credentials = judge.clientCredentials()
  const tls = new TlsClient({
    ...commonTlsOptions(context, settings, alpn),
    ...(parseIp(serverName) === undefined && { serverName }),
    verifyName: serverName,
    verify: judge.verify,
    tickets: settings.resumption,
    ...(settings.grease === true && { grease: true }),
    ...(settings.keyShares !== undefined && { keyShares: settings.keyShares }),
    ...(credentials !== undefined && { credentials }),
    ...(session !== undefined && settings.resumption && { session }),
    ...(firstBytes !== undefined && settings.earlyData && { earlyData: firstBytes }),
  })
  const stream = new TlsStream(context, socket, tls, {
    isClient: true,
    ticketReceived: settings.resumption ? ticketReceived : undefined,
    certificateError: () => judge.overlooked,
  })
  return yield* opened(stream, socket, timeout)
}

/**
 * The server's side of a handshake on an accepted socket, which it takes over.
 * @returns when application data can pass: with early data that is before the handshake is done (`isConfirmed`)
 * @throws SocketError; SecureStreamError when TLS fails. The socket is closed then.
 */
export function* acceptSecurely(context: AppContext, socket: TcpSocket, options: TlsServerOptions): Blocking<SecureStream> {
  return yield* opened(new TlsStream(context, socket, new TlsServer(options), { isClient: false }), socket, 0)
}

function* opened(stream: TlsStream, socket: TcpSocket, timeout: Nanos): Blocking<SecureStream> {
  let isOpen = false
  try {
    // Flights are small, and each is waited for.
    socket.setNoDelay(true)
    yield* stream.open(timeout)
    isOpen = true
    return stream
  } finally {
    if (!isOpen) stream.close()
  }
}
