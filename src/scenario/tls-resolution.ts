import { formatIp } from '../wire/address.ts'
import { usualClientTls } from './tls-schema.ts'
import type { ParsedApp } from './consistency.ts'
import type { ResolvedInterface } from './resolved.ts'
import type { CertificateOrder, ClientTlsSettings, ServerTlsSettings, TlsGroupName } from './tls-settings.ts'
import type { ParsedClientTls, ParsedServerTls } from './tls-schema.ts'

/** What a scenario knows of a host that goes into its certificates. */
export interface TlsIdentity {
  /** Of the run. */
  readonly seed: number
  /** Names that lead to the host, its own first. */
  readonly names: readonly string[]
  readonly interfaces: readonly ResolvedInterface[]
}

/** Where an application has the TLS options of connections that it opens, if it opens any. */
const CLIENT_OPTION: Readonly<Record<string, string>> = {
  browser: 'tls',
  'live-client': 'tls',
  'reverse-proxy': 'backendTls',
  'load-balancer': 'backendTls',
  meddler: 'backendTls',
}

/** Whether anything in a scenario speaks TLS. Where nothing does, no application hears of it. */
export function usesTls(apps: readonly ParsedApp[]): boolean {
  return apps.some(
    ({ options }) => options['tls'] !== undefined || destinations(options).some((address) => address.startsWith('https:')),
  )
}

/** What an application goes to. */
function destinations(options: Readonly<Record<string, unknown>>): string[] {
  const visits = options['visits'] as readonly { readonly url: string }[] | undefined
  const backends = options['backends'] as readonly (string | { readonly url?: string })[] | undefined
  const servers = options['servers'] as readonly string[] | undefined
  const behind = backends?.map((backend) => (typeof backend === 'string' ? backend : (backend.url ?? '')))
  return [...(visits?.map(({ url }) => url) ?? []), ...(behind ?? []), ...(servers ?? [])]
}

/** The options of an application with all that its TLS needs, where the scenario speaks TLS. */
export function withTls({ app, options }: ParsedApp, identity: TlsIdentity): Readonly<Record<string, unknown>> {
  const complete = { ...options }
  const client = CLIENT_OPTION[app]
  if (client !== undefined)
    complete[client] = clientSettings((options[client] as ParsedClientTls | undefined) ?? usualClientTls(), identity)
  if (client === 'tls') return complete
  const written = options['tls'] as ParsedServerTls | undefined
  if (written !== undefined) complete['tls'] = serverSettings(app === 'meddler' ? forged(written) : written, identity)
  return complete
}

/** Who meddles has no certificate that he should not have. */
function forged(written: ParsedServerTls): ParsedServerTls {
  return written.certificate === 'valid' ? { ...written, certificate: 'unknown-authority' } : written
}

function order(
  written: Pick<CertificateOrder, 'keyType' | 'intermediate' | 'validFor'>,
  kind: CertificateOrder['kind'],
  purpose: CertificateOrder['purpose'],
  { seed, names, interfaces }: TlsIdentity,
  more: readonly string[] = [],
): CertificateOrder {
  const addresses = interfaces.flatMap(({ address, address6 }) => [
    ...(address === 0 ? [] : [formatIp(address)]),
    ...(address6 === undefined ? [] : [formatIp(address6)]),
  ])
  const { keyType, intermediate, validFor } = written
  return { seed, names: [...names, ...more], addresses, kind, keyType, intermediate, validFor, purpose }
}

function serverSettings(written: ParsedServerTls, identity: TlsIdentity): ServerTlsSettings {
  const { certificate, keyType, intermediate, validFor, names, ...rest } = written
  return { ...rest, order: order({ keyType, intermediate, validFor }, certificate, 'server', identity, names) }
}

/** A client that prefers the hybrid sends a share for those, too, who do not know it, as browsers do. */
function keySharesFor(written: readonly TlsGroupName[], groups: readonly TlsGroupName[]): Pick<ClientTlsSettings, 'keyShares'> {
  if (written.length > 0) return { keyShares: written }
  const prefersHybrid = groups[0] === 'X25519MLKEM768' && groups.includes('x25519')
  return prefersHybrid ? { keyShares: ['X25519MLKEM768', 'x25519'] } : {}
}

function clientSettings(written: ParsedClientTls, identity: TlsIdentity): ClientTlsSettings {
  const { certificate, keyType, intermediate, validFor, keyShares, ...rest } = written
  return {
    ...rest,
    ...keySharesFor(keyShares, rest.groups),
    seed: identity.seed,
    ...(certificate !== undefined && { order: order({ keyType, intermediate, validFor }, certificate, 'client', identity) }),
  }
}
