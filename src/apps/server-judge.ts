import type { Credentials } from '../protocols/x509/credentials.ts'
import { verifyChain } from '../protocols/x509/verify-chain.ts'
import type { Verdict } from '../protocols/x509/verdict.ts'
import type { AppContext } from '../host/socket.ts'
import type { ClientTlsSettings } from '../scenario/tls-settings.ts'
import { issue, rootsOf } from './tls-authority.ts'

/** What a client thinks of a server's certificates, and shows of its own. */
export class ServerJudge {
  /** What was wrong and overlooked. */
  overlooked: string | undefined

  /** @param proceeds whether a person goes on who is shown that something is wrong */
  constructor(
    private readonly context: AppContext,
    private readonly settings: ClientTlsSettings,
    private readonly proceeds: boolean,
    private readonly connection: string,
  ) {}

  clientCredentials(): Credentials | undefined {
    return this.settings.order && issue(this.settings.order)
  }

  readonly verify = (chain: readonly Uint8Array[], name: string | undefined): Verdict => {
    const { context, settings, connection } = this
    const verdict = verifyChain({
      chain,
      roots: rootsOf(settings.seed, settings.roots),
      name,
      now: context.wallClock(),
      purpose: 'server',
    })
    const server = name ?? ''
    if (verdict.ok) {
      context.environment.record('tls:certificate-accepted', connection, { name: server, certificates: chain.length })
      return verdict
    }
    const { error, detail, cites } = verdict
    const proceeds = this.proceeds
    context.environment.record('tls:certificate-refused', connection, {
      name: server,
      error,
      detail,
      cites,
      overlooked: proceeds,
    })
    if (!proceeds) return verdict
    this.overlooked = error
    return { ok: true, path: chain }
  }
}
