import type { GroupName } from '../../../crypto/key-exchange.ts'
import { schemesFor } from '../../../crypto/signature.ts'
import type { SignatureScheme } from '../../../crypto/signature.ts'
import type { ClientHello } from '../../../wire/tls/client-hello.ts'
import { CipherSuite, EcPointFormat, NamedGroup, ProtocolVersion } from '../../../wire/tls/code-points.ts'
import type { Credentials } from '../../x509/credentials.ts'
import { illegal, TlsAlertError } from '../fault.ts'
import { schemeByCode } from '../settings.ts'
import type { TlsSettings } from '../settings.ts'
import { authenticationOf, tls12SuiteByCode } from './cipher-suites.ts'
import type { Tls12Suite } from './cipher-suites.ts'
import { groupsOf12 } from './groups.ts'

/** What a server of TLS 1.2 has to refuse in a ClientHello whatever it might agree on. Throws TlsAlertError. */
export function checkHello({ version, compressionMethods, extensions }: ClientHello): void {
  // Where the versions are listed, the field says nothing (RFC 8446 section 4.2.1).
  if (version < ProtocolVersion.TLS1_2 && extensions.supportedVersions === undefined)
    throw new TlsAlertError('protocol_version', 'the client speaks nothing newer than TLS 1.1', 'RFC 8996 section 5')
  if (!compressionMethods.includes(0)) throw illegal('no null compression', 'RFC 5246 section 7.4.1.2')
  if ((extensions.renegotiationInfo?.length ?? 0) > 0)
    throw new TlsAlertError('handshake_failure', 'renegotiation_info in a first handshake', 'RFC 5746 section 3.6')
  if (extensions.ecPointFormats?.includes(EcPointFormat.uncompressed) === false)
    throw illegal('the client does not take uncompressed points', 'RFC 8422 section 5.1.2')
}

/** Whether the client knows that renegotiation has to be secure, and wants to hear that we do: RFC 5746 section 3.6. */
export function wantsRenegotiationInfo({ cipherSuites, extensions }: ClientHello): boolean {
  return extensions.renegotiationInfo !== undefined || cipherSuites.includes(CipherSuite.TLS_EMPTY_RENEGOTIATION_INFO_SCSV)
}

/** With what a full handshake is done. */
export interface Choice {
  readonly suite: Tls12Suite
  readonly group: GroupName
  readonly credentials: Credentials
  readonly scheme: SignatureScheme
}

/**
 * The suite that we like best among those of the client, for which there are credentials that it takes.
 * Throws TlsAlertError when there is nothing in common.
 */
export function choose(hello: ClientHello, settings: TlsSettings, all: readonly Credentials[]): Choice {
  const cites = 'RFC 5246 section 7.4.1.3'
  const { supportedGroups, signatureAlgorithms = [] } = hello.extensions
  // A client that does not say takes any (RFC 8422 section 4); one as old as that has not heard of X25519.
  const takes = supportedGroups ?? [NamedGroup.secp256r1]
  const own = groupsOf12(settings.groups)
  const group = own.find((name) => takes.includes(NamedGroup[name])) ?? (supportedGroups === undefined ? own.at(0) : undefined)
  if (group === undefined) throw new TlsAlertError('handshake_failure', 'no group in common', cites)
  const codes = settings.suites12.filter((code) => hello.cipherSuites.includes(code))
  const common = codes.flatMap((code) => tls12SuiteByCode(code) ?? [])
  if (common.length === 0) throw new TlsAlertError('handshake_failure', 'no cipher suite in common', cites)
  for (const suite of common) {
    for (const credentials of all) {
      const { type } = credentials.privateKey
      if (authenticationOf(type) !== suite.authentication) continue
      // The client has to know the curve of the certificate as well (RFC 8422 section 5.1).
      if (type === 'ec-p256' && supportedGroups?.includes(NamedGroup.secp256r1) === false) continue
      const scheme = schemeToSign(credentials, signatureAlgorithms)
      if (scheme !== undefined) return { suite, group, credentials, scheme }
    }
  }
  throw new TlsAlertError('handshake_failure', 'no certificate that the client could check', cites)
}

/** The scheme to sign by, the peer's favourite among the key's own; undefined: it takes none of them. */
export function schemeToSign({ privateKey }: Credentials, peersCodes: readonly number[]): SignatureScheme | undefined {
  const own = schemesFor(privateKey)
  for (const code of peersCodes) {
    const scheme = schemeByCode(own, code)
    if (scheme !== undefined) return scheme
  }
  return undefined
}
