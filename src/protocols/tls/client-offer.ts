import { offerKeyShare } from '../../crypto/key-exchange.ts'
import type { GroupName, OfferedKeyShare } from '../../crypto/key-exchange.ts'
import { HASH_LENGTH } from '../../crypto/hash.ts'
import { decodeClientHello, encodeClientHello, RANDOM_LENGTH } from '../../wire/tls/client-hello.ts'
import type { ClientHello, ClientHelloExtensions } from '../../wire/tls/client-hello.ts'
import {
  cipherSuiteName,
  EcPointFormat,
  isGrease,
  NamedGroup,
  ProtocolVersion,
  PskKeyExchangeMode,
} from '../../wire/tls/code-points.ts'
import type { RawExtension } from '../../wire/tls/extension-block.ts'
import type { Nanos } from '../endpoint.ts'
import { greased } from './grease.ts'
import type { TlsClientOptions } from './options.ts'
import type { TlsSession } from './session.ts'
import { groupCodes, schemeCodes } from './settings.ts'
import type { TlsSettings } from './settings.ts'
import { tls13SuiteByName } from './tls13/suites.ts'
import type { Tls13Suite } from './tls13/suites.ts'

const NOTHING = new Uint8Array(0)
const SESSION_ID_LENGTH = 32
const SECOND = 1_000_000_000
const MILLISECOND = 1_000_000

/** A session of TLS 1.3 that a ClientHello offers to resume. */
export interface OfferedPsk {
  readonly session: TlsSession
  readonly suite: Tls13Suite
}

/** What a client has to remember of the ClientHello that it sends, whichever version comes of it. */
export interface ClientOffer {
  readonly hello: ClientHello
  /** The hello as bytes, header included; where `psk` is there, its binder is all zeros as yet. */
  readonly message: Uint8Array
  /** The extensions in it that mean something: what a server may answer. */
  readonly types: readonly number[]
  readonly shares: ReadonlyMap<GroupName, OfferedKeyShare>
  readonly psk: OfferedPsk | undefined
  /** A session of TLS 1.2 that is offered, by ID or ticket. */
  readonly session12: TlsSession | undefined
  /** Whether 0-RTT data follow. */
  readonly early: boolean
}

/** Makes a first ClientHello: RFC 8446 section 4.1.2, and for servers of TLS 1.2 all that they need. */
export function makeOffer(
  options: TlsClientOptions,
  settings: TlsSettings,
  now: Nanos,
  extra: readonly RawExtension[] = [],
): ClientOffer {
  const has13 = settings.versions.includes('1.3')
  const has12 = settings.versions.includes('1.2')
  const { random } = settings
  const session = usableSession(options, now)
  const psk = has13 ? offeredPsk(session, settings) : undefined
  const session12 = has12 ? offeredSession12(session, settings) : undefined
  const early = psk !== undefined && wantsEarlyData(options, settings, psk)
  const clientRandom = random(RANDOM_LENGTH)
  const sessionId = chooseSessionId(settings, session12)
  const shares = new Map<GroupName, OfferedKeyShare>()
  if (has13) {
    for (const group of options.keyShares ?? defaultShares(settings.groups)) {
      if (!settings.groups.includes(group)) throw new RangeError(`a key share for ${group}, which is not among the groups`)
      shares.set(group, offerKeyShare(group, random))
    }
  }
  const extensions: ClientHelloExtensions = {
    serverName: options.serverName,
    supportedGroups: groupCodes(settings.groups),
    alpn: settings.alpn.length > 0 ? settings.alpn : undefined,
    signatureAlgorithms: schemeCodes(settings.schemes),
    ...(has12 ? extensions12(options, session12) : {}),
    ...(has13 ? extensions13(shares, has12) : {}),
    earlyData: early ? true : undefined,
    preSharedKey: psk === undefined ? undefined : offeredIdentity(psk, now),
    others: extra,
  }
  const plain: ClientHello = {
    version: ProtocolVersion.TLS1_2,
    random: clientRandom,
    sessionId,
    cipherSuites: [...settings.suites13.map(({ code }) => code), ...settings.suites12],
    compressionMethods: [0],
    extensions,
  }
  const hello = options.grease === true ? greased(plain, random) : plain
  const message = encodeClientHello(hello)
  const types = (decodeClientHello(message).extensions.order ?? []).filter((type) => !isGrease(type))
  return { hello, message, types, shares, psk, session12, early }
}

/** The best group; with the hybrid one X25519 too, so that a server which does not know it need not ask again: as browsers do. */
function defaultShares(groups: readonly GroupName[]): readonly GroupName[] {
  const isHybrid = groups[0] === 'X25519MLKEM768' && groups.includes('x25519')
  return isHybrid ? ['X25519MLKEM768', 'x25519'] : groups.slice(0, 1)
}

/** The extension pre_shared_key for a session, with a binder of zeros: RFC 8446 section 4.2.11. */
export function offeredIdentity({ session, suite }: OfferedPsk, now: Nanos): ClientHelloExtensions['preSharedKey'] {
  const age = Math.floor((now - session.receivedAt) / MILLISECOND)
  const obfuscatedTicketAge = (age + session.ageAdd) % 0x1_0000_0000
  return {
    identities: [{ identity: session.ticket, obfuscatedTicketAge }],
    binders: [new Uint8Array(HASH_LENGTH[suite.hash])],
  }
}

/** The key_share entries of these shares. */
export function keyShareEntries(shares: ReadonlyMap<GroupName, OfferedKeyShare>): ClientHelloExtensions['keyShare'] {
  return [...shares].map(([group, { share }]) => ({ group: NamedGroup[group], keyExchange: share }))
}

function extensions12(options: TlsClientOptions, session: TlsSession | undefined): ClientHelloExtensions {
  return {
    extendedMasterSecret: true,
    renegotiationInfo: NOTHING,
    ecPointFormats: [EcPointFormat.uncompressed],
    sessionTicket: options.tickets === false ? undefined : (session?.ticket ?? NOTHING),
  }
}

function extensions13(shares: ReadonlyMap<GroupName, OfferedKeyShare>, has12: boolean): ClientHelloExtensions {
  return {
    supportedVersions: has12 ? [ProtocolVersion.TLS1_3, ProtocolVersion.TLS1_2] : [ProtocolVersion.TLS1_3],
    keyShare: keyShareEntries(shares),
    pskKeyExchangeModes: [PskKeyExchangeMode.psk_dhe_ke],
  }
}

/** With a ticket of TLS 1.2, an ID of our own tells us whether the server takes it (RFC 5077 section 3.4). */
function chooseSessionId(settings: TlsSettings, session12: TlsSession | undefined): Uint8Array {
  if (session12 !== undefined && session12.ticket.length === 0) return session12.sessionId
  const isUseful = session12 !== undefined || (settings.compatibilityMode && settings.versions.includes('1.3'))
  return isUseful ? settings.random(SESSION_ID_LENGTH) : NOTHING
}

function offeredSession12(session: TlsSession | undefined, { suites12 }: TlsSettings): TlsSession | undefined {
  if (session?.version !== '1.2') return undefined
  return suites12.some((code) => cipherSuiteName(code) === session.cipherSuite) ? session : undefined
}

function usableSession({ session, serverName }: TlsClientOptions, now: Nanos): TlsSession | undefined {
  if (session === undefined || session.serverName !== serverName) return undefined
  const age = now - session.receivedAt
  return age >= 0 && age < session.lifetime * SECOND ? session : undefined
}

function offeredPsk(session: TlsSession | undefined, settings: TlsSettings): OfferedPsk | undefined {
  if (session?.version !== '1.3') return undefined
  const suite = tls13SuiteByName(session.cipherSuite)
  // A pre-shared key goes with every suite of the same hash (RFC 8446 section 4.2.11).
  return suite !== undefined && settings.suites13.some(({ hash }) => hash === suite.hash) ? { session, suite } : undefined
}

function wantsEarlyData({ earlyData }: TlsClientOptions, settings: TlsSettings, { session, suite }: OfferedPsk): boolean {
  if (earlyData === undefined || earlyData.length === 0 || earlyData.length > session.maxEarlyData) return false
  if (!settings.suites13.includes(suite)) return false
  return session.alpn === undefined || settings.alpn.includes(session.alpn)
}
