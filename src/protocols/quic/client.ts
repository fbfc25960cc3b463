/**
 * A client's connection: what a server never does is here.
 *
 * Required reading: RFC 9000 sections 6 (version negotiation), 7.2 (connection IDs of the handshake), 8.1.2 (Retry), 17.2.1, 17.2.5.
 *
 * Before anything of the server's was authentic, two packets may come that are not: a server that does not speak our version lists its own,
 * and one that wants to see that our address is ours sends a Retry. Either is believed once; then all begins anew.
 */
import { QuicDecodeError } from '../../wire/quic/decode-error.ts'
import { offeredVersions, QuicHeader } from '../../wire/quic/header.ts'
import { encodeTransportParameters } from '../../wire/quic/transport-parameters.ts'
import { ExtensionType } from '../../wire/tls/code-points.ts'
import type { Nanos } from '../endpoint.ts'
import { Tls13ClientHandshake } from '../tls/tls13/client-handshake.ts'
import { tlsSettings } from '../tls/settings.ts'
import type { TlsClientOptions } from '../tls/options.ts'
import { resetTokenOf } from './address-tokens.ts'
import { networkFault } from './closing.ts'
import { QuicConnection } from './connection.ts'
import type { ConnectionRole, CoreSetup } from './connection-setup.ts'
import type { QuicDatagram } from './datagram.ts'
import type { QuicClientOptions } from './options.ts'
import { isRetryAuthentic } from './packet-protection.ts'
import { sameBytes } from './peer-parameters.ts'
import { isSpoken, ownParameters, quicSettings } from './settings.ts'

/** Of the connection ID that a client makes up for the server, in bytes: RFC 9000 section 7.2. */
const FIRST_ID_LENGTH = 8
const SECRET_LENGTH = 32
/** TLS wants to know that there will be some; which ones is not its business here. */
const SOME_EARLY_DATA = new Uint8Array(1)

const ROLE: ConnectionRole = {
  isServer: false,
  // Whoever owns the socket hands over all that comes there.
  idAdded: () => undefined,
  idRemoved: () => undefined,
  // Whoever gives a command asks for datagrams afterwards.
  wake: () => undefined,
  newToken: () => undefined,
}

/** Everything that a client's connection begins with. */
interface Beginning extends CoreSetup {
  readonly tls: Tls13ClientHandshake
}

function beginning(options: QuicClientOptions, version: number): Beginning {
  const settings = quicSettings(options)
  const { tls, local, remote, session, token = new Uint8Array(0), earlyData = true } = options
  const { followsPreferredAddress = false } = options
  const { random } = tls
  const localId = random(settings.connectionIdLength)
  const firstId = random(FIRST_ID_LENGTH)
  const secret = random(SECRET_LENGTH)
  const data = encodeTransportParameters({ ...ownParameters(settings), initialSourceConnectionId: localId })
  const carrier = { extensions: [{ type: ExtensionType.quic_transport_parameters, data }], endOfEarlyData: false }
  const isUseful = session?.version === version
  const tlsOptions: TlsClientOptions = {
    ...tls,
    versions: ['1.3'],
    compatibilityMode: false,
    ...(isUseful && { session: session.tls, ...(earlyData && { earlyData: SOME_EARLY_DATA }) }),
  }
  return {
    role: ROLE,
    settings,
    random,
    version,
    local,
    remote,
    localId,
    followsPreferredAddress,
    remoteId: firstId,
    originalId: firstId,
    initialId: firstId,
    isValidated: true,
    resetToken: (connectionId) => resetTokenOf(secret, connectionId),
    token,
    tls: new Tls13ClientHandshake(tlsOptions, tlsSettings(tlsOptions), carrier),
    session: isUseful ? session : undefined,
  }
}

/** A client's end of one connection. It sends its first packets when `pollTransmit` is asked for the first time. */
export class QuicClient extends QuicConnection {
  private readonly header = new QuicHeader()
  private version: number
  private tls: Tls13ClientHandshake
  private hasStarted = false
  private wasNegotiated = false
  private wasRetried = false

  /** Throws RangeError for options that are out of range, or contradict each other. */
  constructor(private readonly options: QuicClientOptions) {
    const [version] = quicSettings(options).versions
    const first = beginning(options, version)
    super(first)
    this.version = version
    this.tls = first.tls
  }

  override start(now: Nanos): void {
    super.start(now)
    this.tls.start(now)
    this.core.handshake.pump()
  }

  override close(code: number, reason = ''): void {
    // Nobody has heard of it yet.
    if (this.hasStarted) super.close(code, reason)
    else this.core.forget(undefined)
  }

  override pollTransmit(now: Nanos): QuicDatagram | undefined {
    if (!this.hasStarted) {
      this.hasStarted = true
      this.start(now)
    }
    return super.pollTransmit(now)
  }

  override pollTimeout(): Nanos | undefined {
    return this.hasStarted ? super.pollTimeout() : undefined
  }

  override handle(datagram: QuicDatagram, now: Nanos): void {
    if (!this.hasStarted) return
    const { core } = this
    if (!core.hasServerId && !core.isClosed && core.paths.find(datagram) !== undefined && this.handleUnprotected(datagram, now))
      return
    super.handle(datagram, now)
  }

  /**
   * The network says that nobody can be reached there (ICMP unreachable). Believed as long as nothing has come that shows otherwise, as it is
   * not authentic (RFC 8085 section 5.2).
   * @param detail in words
   */
  unreachable(detail: string, now: Nanos): void {
    const { core } = this
    if (core.hasServerId || core.isClosed) return
    core.now = now
    core.forget(networkFault('UNREACHABLE', detail, 'RFC 8085 section 5.2'))
  }

  /** @returns whether it was one of the packets that have no protection */
  private handleUnprotected({ bytes }: QuicDatagram, now: Nanos): boolean {
    const { header, core } = this
    const { localId } = core.setup
    try {
      header.decode(bytes, 0, bytes.length, localId.length)
    } catch (error) {
      // It is counted where all of that kind are.
      if (error instanceof QuicDecodeError) return false
      throw error
    }
    const isForUs = sameBytes(localId, bytes.subarray(header.destinationStart, header.destinationEnd))
    if (header.type === 'version-negotiation') {
      if (isForUs) this.handleVersions(bytes, now)
      return true
    }
    if (header.type !== 'retry') return false
    if (isForUs) this.handleRetry(bytes, now)
    return true
  }

  /** RFC 9000 section 6.2. */
  private handleVersions(bytes: Uint8Array, now: Nanos): void {
    const { header, core, version, options } = this
    const isAnswer = sameBytes(core.setup.originalId, bytes.subarray(header.sourceStart, header.sourceEnd))
    const offered = offeredVersions(bytes, header)
    // Behind a Retry it is none of the server's.
    if (!isAnswer || this.wasRetried || offered.includes(version)) return
    core.events.push({ type: 'version-negotiation-received', versions: offered })
    const next = core.settings.versions.find((candidate) => isSpoken(candidate) && offered.includes(candidate))
    if (next === undefined || this.wasNegotiated) {
      const list = offered.map((candidate) => `0x${candidate.toString(16)}`).join(', ')
      const detail = `the server speaks ${list}, and not 0x${version.toString(16)}`
      core.forget(networkFault('VERSION_NEGOTIATION', detail, 'RFC 9000 section 6.2'))
      return
    }
    this.wasNegotiated = true
    this.version = next
    const again = beginning(options, next)
    this.tls = again.tls
    this.replace(again)
    this.start(now)
  }

  /** RFC 9000 section 17.2.5.2, RFC 9001 section 5.8. */
  private handleRetry(bytes: Uint8Array, now: Nanos): void {
    const { header, core } = this
    const { sourceStart, sourceEnd, tokenStart, tokenEnd } = header
    const { originalId } = core.setup
    if (this.wasRetried || tokenEnd === tokenStart || !isRetryAuthentic(bytes, header.start, header.end, originalId)) return
    const source = bytes.slice(sourceStart, sourceEnd)
    // RFC 9000 section 17.2.5.1: it has to be another one.
    if (sameBytes(source, originalId)) return
    this.wasRetried = true
    core.now = now
    core.retry(source, bytes.slice(tokenStart, tokenEnd))
  }
}
