import type { GroupName } from '../../../crypto/key-exchange.ts'
import type { SignatureScheme } from '../../../crypto/signature.ts'
import type { ClientHello } from '../../../wire/tls/client-hello.ts'
import { NamedGroup, PskKeyExchangeMode } from '../../../wire/tls/code-points.ts'
import type { Credentials } from '../../x509/credentials.ts'
import { illegal, missing, TlsAlertError } from '../fault.ts'
import type { TlsServerOptions } from '../options.ts'
import type { TlsSettings } from '../settings.ts'
import { schemeToSign } from './authentication.ts'
import { equalBytes } from './key-schedule.ts'
import type { Tls13Suite } from './suites.ts'

/**
 * A ClientHello that contradicts itself: RFC 8446 sections 4.1.2, 4.2.8, 4.2.9 and 9.2. legacy_version says nothing where
 * supported_versions is there (section 4.2.1). Throws TlsAlertError.
 */
export function checkHello(hello: ClientHello): void {
  const { extensions, compressionMethods } = hello
  if (compressionMethods.length !== 1 || compressionMethods[0] !== 0)
    throw illegal('a compression method', 'RFC 8446 section 4.1.2')
  const { supportedGroups, keyShare, preSharedKey, signatureAlgorithms } = extensions
  if (preSharedKey === undefined && (supportedGroups === undefined || signatureAlgorithms === undefined))
    throw missing('neither a pre-shared key, nor groups and signature algorithms', 'RFC 8446 section 9.2')
  if ((supportedGroups === undefined) !== (keyShare === undefined))
    throw missing('supported_groups and key_share go together', 'RFC 8446 section 9.2')
  if (preSharedKey !== undefined && extensions.pskKeyExchangeModes === undefined)
    throw missing('pre_shared_key without psk_key_exchange_modes', 'RFC 8446 section 4.2.9')
  const seen = new Set<number>()
  for (const { group } of keyShare ?? []) {
    if (seen.has(group)) throw illegal('two shares for one group', 'RFC 8446 section 4.2.8')
    if (supportedGroups?.includes(group) !== true)
      throw illegal('a share for a group that is not supported', 'RFC 8446 section 4.2.8')
    seen.add(group)
  }
}

/**
 * What a client may change in its second ClientHello: RFC 8446 section 4.1.2. Throws TlsAlertError.
 * @param group the one that was asked for; undefined: the shares had to stay
 */
export function checkSecondHello(
  first: ClientHello,
  second: ClientHello,
  group: GroupName | undefined,
  cookie: Uint8Array | undefined,
): void {
  const cites = 'RFC 8446 section 4.1.2'
  const isSame =
    equalBytes(first.random, second.random) &&
    equalBytes(first.sessionId, second.sessionId) &&
    sameNumbers(first.cipherSuites, second.cipherSuites) &&
    sameNumbers(first.extensions.supportedGroups ?? [], second.extensions.supportedGroups ?? []) &&
    sameNumbers(first.extensions.supportedVersions ?? [], second.extensions.supportedVersions ?? []) &&
    sameNumbers(first.extensions.signatureAlgorithms ?? [], second.extensions.signatureAlgorithms ?? []) &&
    first.extensions.alpn?.join() === second.extensions.alpn?.join() &&
    first.extensions.serverName === second.extensions.serverName
  if (!isSame) throw illegal('the second ClientHello is another one', cites)
  if (second.extensions.earlyData === true) throw illegal('early_data after a HelloRetryRequest', 'RFC 8446 section 4.2.10')
  if (group !== undefined) {
    const shares = second.extensions.keyShare ?? []
    if (shares.length !== 1 || shares[0].group !== NamedGroup[group])
      throw illegal('not the share that was asked for', 'RFC 8446 section 4.2.8')
  }
  if (cookie === undefined) return
  const echoed = second.extensions.cookie
  if (echoed === undefined) throw missing('the cookie is missing', 'RFC 8446 section 4.2.2')
  if (!equalBytes(echoed, cookie)) throw illegal('another cookie', 'RFC 8446 section 4.2.2')
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}

/** The suite that we like best. Throws TlsAlertError when there is none in common. */
export function chooseSuite(settings: TlsSettings, hello: ClientHello): Tls13Suite {
  const suite = settings.suites13.find(({ code }) => hello.cipherSuites.includes(code))
  if (suite === undefined) throw new TlsAlertError('handshake_failure', 'no cipher suite in common', 'RFC 8446 section 4.1.1')
  return suite
}

/**
 * The group that we like best, among those of which a share is there; if there is none, among all that the client supports.
 * Throws TlsAlertError when there is none in common.
 */
export function chooseGroup(settings: TlsSettings, hello: ClientHello): { group: GroupName; share: Uint8Array | undefined } {
  const { supportedGroups = [], keyShare = [] } = hello.extensions
  for (const group of settings.groups) {
    const entry = keyShare.find((entry) => entry.group === NamedGroup[group])
    if (entry !== undefined) return { group, share: entry.keyExchange }
  }
  const group = settings.groups.find((group) => supportedGroups.includes(NamedGroup[group]))
  if (group === undefined) throw new TlsAlertError('handshake_failure', 'no group in common', 'RFC 8446 section 4.1.1')
  return { group, share: undefined }
}

/** The application protocol that we like best; undefined where either side does not care. Throws TlsAlertError. */
export function chooseAlpn(settings: TlsSettings, offered: readonly string[] | undefined): string | undefined {
  if (offered === undefined || settings.alpn.length === 0) return undefined
  const chosen = settings.alpn.find((name) => offered.includes(name))
  if (chosen === undefined)
    throw new TlsAlertError('no_application_protocol', `none of ${offered.join(', ')}`, 'RFC 7301 section 3.2')
  return chosen
}

/** Whether a session may be resumed with a fresh key exchange, which is the one way here. */
export function allowsResumption(hello: ClientHello): boolean {
  return hello.extensions.pskKeyExchangeModes?.includes(PskKeyExchangeMode.psk_dhe_ke) === true
}

/** Our credentials for the name that the client asks for. Throws TlsAlertError. */
export function credentialsFor(options: TlsServerOptions, serverName: string | undefined): readonly Credentials[] {
  const { credentials } = options
  const found = typeof credentials === 'function' ? credentials(serverName) : credentials
  if (found === undefined) {
    const detail = serverName === undefined ? 'no name was asked for' : `nobody here is ${serverName}`
    throw new TlsAlertError('unrecognized_name', detail, 'RFC 6066 section 3')
  }
  return 'chain' in found ? [found] : found
}

/** Credentials, and how to sign with them, by the client's preference. Throws TlsAlertError when there are none that it takes. */
export function chooseCredentials(
  all: readonly Credentials[],
  peersSchemes: readonly number[] | undefined,
): { readonly credentials: Credentials; readonly scheme: SignatureScheme } {
  if (peersSchemes === undefined) throw missing('no signature_algorithms', 'RFC 8446 section 4.2.3')
  for (const credentials of all) {
    const scheme = schemeToSign(credentials, peersSchemes)
    if (scheme !== undefined) return { credentials, scheme }
  }
  throw new TlsAlertError('handshake_failure', 'no signature scheme in common', 'RFC 8446 section 4.4.2.2')
}
