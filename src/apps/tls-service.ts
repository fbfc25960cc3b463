import type { Credentials } from '../protocols/x509/credentials.ts'
import type { QuicServerOptions } from '../protocols/quic/options.ts'
import type { TlsServerOptions } from '../protocols/tls/options.ts'
import { TlsTickets } from '../protocols/tls/tickets.ts'
import { verifyChain } from '../protocols/x509/verify-chain.ts'
import { randomBytesFrom } from '../crypto/random-bytes.ts'
import { randomStream } from '../kernel/random.ts'
import type { AppContext } from '../host/socket.ts'
import { CERTIFICATE_KINDS, type ServerTlsSettings } from '../scenario/tls-settings.ts'
import { commonTlsOptions } from './secure-stream.ts'
import { choiceSetting, countSetting, fixedSetting, flagSetting } from './setting.ts'
import { issue, rootsOf } from './tls-authority.ts'

const CHANGEABLE = ['certificate', 'tickets', 'earlyData', 'replayProtection', 'clientAuthentication'] as const

/** TLS of one server: what all of its connections share. */
export class TlsService {
  private settings: ServerTlsSettings
  private credentials: Credentials | undefined
  private tickets: TlsTickets | undefined

  /** @param forges whether every client gets a certificate for the name that it asks for */
  constructor(
    settings: ServerTlsSettings,
    private readonly forges = false,
  ) {
    this.settings = settings
  }

  get port(): number {
    return this.settings.port
  }

  /** DNS names of the server. */
  get names(): readonly string[] {
    return this.settings.order.names
  }

  get plain(): ServerTlsSettings['plain'] {
    return this.settings.plain
  }

  /** For connections to come. @param path below `tls` */
  configure(path: string, value: unknown): void {
    const { settings } = this
    switch (path) {
      case 'certificate':
        this.settings = { ...settings, order: { ...settings.order, kind: choiceSetting(path, value, CERTIFICATE_KINDS) } }
        this.credentials = undefined
        return
      case 'tickets':
        this.settings = { ...settings, tickets: countSetting(path, value, 0, 4) }
        return
      case 'earlyData':
        this.settings = { ...settings, earlyData: countSetting(path, value, 0, 1_048_576) }
        return
      case 'replayProtection':
        this.settings = { ...settings, replayProtection: flagSetting(path, value) }
        return
      case 'clientAuthentication':
        this.settings = { ...settings, clientAuthentication: choiceSetting(path, value, ['none', 'wanted', 'required']) }
        return
      default:
        throw fixedSetting(
          `tls.${path}`,
          CHANGEABLE.map((name) => `tls.${name}`),
        )
    }
  }

  /** For one connection. @param alpn best first */
  options(context: AppContext, alpn: readonly string[]): TlsServerOptions {
    const { settings } = this
    const { order, tickets, earlyData, replayProtection, clientAuthentication } = settings
    if (!this.forges) this.credentials ??= issue(order)
    if (tickets > 0) this.tickets ??= new TlsTickets({ random: randomBytesFrom(context.environment.random('tls-tickets')) })
    return {
      ...commonTlsOptions(context, settings, alpn),
      credentials: this.credentials ?? ((serverName) => this.forged(serverName)),
      ...(tickets > 0 && this.tickets !== undefined && { tickets: this.tickets, ticketCount: tickets }),
      ...(earlyData > 0 && { maxEarlyData: earlyData }),
      replayProtection,
      clientAuthentication,
      verify: (chain) =>
        verifyChain({
          chain,
          roots: rootsOf(order.seed, ['scenario']),
          name: undefined,
          now: context.wallClock(),
          purpose: 'client',
        }),
    }
  }

  /** For all connections of QUIC; the certificate is that of the moment. @param alpn best first */
  quicOptions(context: AppContext, alpn: readonly string[]): QuicServerOptions['tls'] {
    const { credentials, ...rest } = this.options(context, alpn)
    if (typeof credentials === 'function') return { ...rest, credentials }
    return { ...rest, credentials: () => (this.credentials ??= issue(this.settings.order)) }
  }

  /** Whether connections to come may bring early data. */
  get takesEarlyData(): boolean {
    return this.settings.earlyData > 0
  }

  /** Bytes that only this server knows, the same after each of its starts. @param length how many */
  lastingSecret(context: AppContext, purpose: string, length: number): Uint8Array {
    const stream = randomStream(this.settings.order.seed, `secret/${context.environment.name}/${purpose}`)
    return randomBytesFrom(stream)(length)
  }

  private forged(serverName: string | undefined): Credentials {
    const { order } = this.settings
    return issue(serverName === undefined ? order : { ...order, names: [serverName], addresses: [] })
  }
}
