/**
 * The client's side of the TLS 1.3 handshake, apart from whatever carries it.
 *
 * Required reading: RFC 8446 sections 2 (overview), 4 (messages), 7 (key schedule), appendix A.1 (states); RFC 9001 section 4 for QUIC.
 *
 * Whole handshake messages come in, each at the level of encryption at which it arrived; messages go out, each at the level at which it
 * is to travel; and the secrets of each level are told as soon as they are known. The handshake knows neither records nor packets: over
 * TCP `record-handshake.ts` puts it on the record layer, in QUIC the CRYPTO frames carry it. What the state is decides which message may
 * come (`state.ts`); each of them is checked, does its part for the key schedule, and leads on.
 */
import { hash, HASH_LENGTH } from '../../../crypto/hash.ts'
import { bindersLength, encodeClientHello, writeBinders } from '../../../wire/tls/client-hello.ts'
import type { ClientHelloExtensions } from '../../../wire/tls/client-hello.ts'
import { decodeCertificateRequest } from '../../../wire/tls/certificate-request.ts'
import { ExtensionType, ProtocolVersion } from '../../../wire/tls/code-points.ts'
import { decodeEncryptedExtensions } from '../../../wire/tls/encrypted-extensions.ts'
import { decodeServerHello, isHelloRetryRequest } from '../../../wire/tls/server-hello.ts'
import type { ServerHello } from '../../../wire/tls/server-hello.ts'
import { decodeNewSessionTicket } from '../../../wire/tls/session-ticket.ts'
import { decodeFinished, encodeEmptyMessage, encodeFinished } from '../../../wire/tls/small-messages.ts'
import type { Nanos } from '../../endpoint.ts'
import { offerKeyShare } from '../../../crypto/key-exchange.ts'
import type { GroupName, OfferedKeyShare } from '../../../crypto/key-exchange.ts'
import { checkChain } from '../certificate-check.ts'
import { keyShareEntries, makeOffer, offeredIdentity } from '../client-offer.ts'
import type { ClientOffer } from '../client-offer.ts'
import { illegal, missing, TlsAlertError } from '../fault.ts'
import type { TlsClientOptions } from '../options.ts'
import { groupByCode } from '../settings.ts'
import type { TlsSettings } from '../settings.ts'
import { certificateMessage, checkVerify, receivedChain, schemeToSign, verifyMessage } from './authentication.ts'
import { Tls13Core } from './core.ts'
import type { EncryptionLevel, Tls13Carrier } from './core.ts'
import { equalBytes, finishedData, KeySchedule, ticketPsk } from './key-schedule.ts'
import { CLIENT_TRANSITIONS } from './state.ts'
import type { ClientState } from './state.ts'
import type { Tls13Suite } from './suites.ts'

const NOTHING: Uint8Array = new Uint8Array(0)
/** RFC 8446 section 4.6.1. */
const MAX_TICKET_LIFETIME = 604_800
/** Extensions that may stand in EncryptedExtensions, apart from the carrier's (RFC 8446 section 4.2). */
const IN_ENCRYPTED_EXTENSIONS: readonly number[] = [
  ExtensionType.server_name,
  ExtensionType.max_fragment_length,
  ExtensionType.supported_groups,
  ExtensionType.use_srtp,
  ExtensionType.heartbeat,
  ExtensionType.application_layer_protocol_negotiation,
  ExtensionType.client_certificate_type,
  ExtensionType.server_certificate_type,
  ExtensionType.record_size_limit,
  ExtensionType.early_data,
  // Deviates from draft-ietf-tls-esni section 6.2.1: what a server answers to ours, which is none, is not even looked at.
  ExtensionType.encrypted_client_hello,
]
/** Extensions that may stand in a ServerHello. */
const IN_SERVER_HELLO: readonly number[] = [
  ExtensionType.key_share,
  ExtensionType.pre_shared_key,
  ExtensionType.supported_versions,
]
const IN_RETRY_REQUEST: readonly number[] = [
  ExtensionType.key_share,
  ExtensionType.cookie,
  ExtensionType.supported_versions,
  ExtensionType.encrypted_client_hello,
]

export class Tls13ClientHandshake extends Tls13Core<ClientState> {
  private offered: ClientOffer | undefined
  private earlySchedule: KeySchedule | undefined
  private resumptionSecret = NOTHING
  private retry: ServerHello | undefined
  private hadEarlyData = false
  /** Code points of the schemes in which the server wants us to sign; undefined: it does not ask who we are. */
  private requestedSchemes: readonly number[] | undefined

  constructor(
    private readonly options: TlsClientOptions,
    private readonly settings: TlsSettings,
    private readonly carrier: Tls13Carrier,
  ) {
    super('START', CLIENT_TRANSITIONS, settings.keyLog)
  }

  /** The ClientHello that was sent, for when the server turns out to speak TLS 1.2. */
  get offer(): ClientOffer {
    if (this.offered === undefined) throw new Error('nothing was offered yet')
    return this.offered
  }

  /** Whether early data may be sent: as far as we know now, the server may take them. */
  get isSendingEarlyData(): boolean {
    return this.offered?.early === true && this.agreed?.earlyData !== 'rejected' && this.state !== 'CONNECTED'
  }

  /** Whether the server has asked for a second ClientHello. */
  get wasRetried(): boolean {
    return this.retry !== undefined
  }

  /** Makes the ClientHello. */
  start(now: Nanos): void {
    const offer = makeOffer(this.options, this.settings, now, this.carrier.extensions)
    this.offered = offer
    this.clientRandom = offer.hello.random
    this.bind(offer.message)
    this.say('initial', offer.message)
    this.begin('WAIT_SH')
    const { psk } = offer
    this.hadEarlyData = offer.early
    if (!offer.early || psk === undefined || this.earlySchedule === undefined) return
    const secret = this.earlySchedule.derive('c e traffic', hash(psk.suite.hash, offer.message))
    this.tellSecret('early', 'write', secret, psk.suite, 'CLIENT_EARLY_TRAFFIC_SECRET')
  }

  /** Takes a whole message. Throws TlsAlertError or DecodeError for the server's fault. */
  handleMessage(level: EncryptionLevel, message: Uint8Array, now: Nanos): void {
    switch (this.expected(level, message)) {
      case 'server_hello':
        this.takeServerHello(message, now)
        return
      case 'encrypted_extensions':
        this.takeEncryptedExtensions(message)
        return
      case 'certificate_request':
        this.takeCertificateRequest(message)
        return
      case 'certificate':
        this.takeCertificate(message)
        return
      case 'certificate_verify':
        this.takeCertificateVerify(message)
        return
      case 'finished':
        this.takeFinished(message)
        return
      default:
        this.takeTicket(message, now)
    }
  }

  /** Puts the binder into a ClientHello that offers a session: RFC 8446 section 4.2.11.2. */
  private bind(message: Uint8Array): void {
    const psk = this.offer.psk
    if (psk === undefined) return
    const name = psk.suite.hash
    this.earlySchedule = new KeySchedule(name, psk.session.secret)
    const key = this.earlySchedule.derive('res binder', hash(name, NOTHING))
    const blank = [new Uint8Array(HASH_LENGTH[name])]
    const truncated = message.subarray(0, message.length - bindersLength(blank))
    writeBinders(message, [finishedData(name, key, this.transcript.digestWith(truncated, name))])
  }

  private takeServerHello(message: Uint8Array, now: Nanos): void {
    const hello = decodeServerHello(message)
    const suite = this.checkHello(hello)
    if (isHelloRetryRequest(hello.random)) {
      this.takeRetryRequest(hello, suite, message, now)
      return
    }
    const { keyShare, selectedIdentity } = hello.extensions
    const psk = this.checkIdentity(selectedIdentity, suite)
    if (keyShare === undefined) throw missing('a ServerHello without key_share', 'RFC 8446 section 9.2')
    const group = groupByCode(this.settings.groups, keyShare.group)
    const share = group === undefined ? undefined : this.offer.shares.get(group)
    if (group === undefined || share === undefined)
      throw illegal(`a share for a group that was not offered: ${String(keyShare.group)}`, 'RFC 8446 section 4.2.8')
    const secret = share.finish(keyShare.keyExchange)
    if (secret === undefined) throw illegal('the share of the server is not valid', 'RFC 8446 section 4.2.8')
    this.suite = suite
    this.transcript.begin(suite.hash)
    this.transcript.add(message)
    const schedule = (psk ? this.earlySchedule : undefined) ?? new KeySchedule(suite.hash)
    schedule.advance(secret)
    this.schedule = schedule
    const transcript = this.transcript.digest()
    this.clientHandshakeSecret = schedule.derive('c hs traffic', transcript)
    this.serverHandshakeSecret = schedule.derive('s hs traffic', transcript)
    this.tellSecret('handshake', 'write', this.clientHandshakeSecret, suite, 'CLIENT_HANDSHAKE_TRAFFIC_SECRET')
    this.tellSecret('handshake', 'read', this.serverHandshakeSecret, suite, 'SERVER_HANDSHAKE_TRAFFIC_SECRET')
    if (psk) this.peerChain = this.offer.psk?.session.peerChain ?? []
    this.agreed = {
      version: '1.3',
      cipherSuite: suite.name,
      group,
      alpn: undefined,
      serverName: this.options.serverName,
      peerChain: this.peerChain,
      resumed: psk,
      earlyData: 'none',
      retried: this.retry !== undefined,
    }
    this.enter('WAIT_EE', 'server_hello')
  }

  /** What a ServerHello and a HelloRetryRequest have to observe both. */
  private checkHello(hello: ServerHello): Tls13Suite {
    const { extensions, sessionId, cipherSuite, compressionMethod } = hello
    const cites = 'RFC 8446 section 4.1.3'
    const isRetry = isHelloRetryRequest(hello.random)
    if (isRetry && this.retry !== undefined)
      throw new TlsAlertError('unexpected_message', 'a second HelloRetryRequest', 'RFC 8446 section 4.1.4')
    if (hello.version <= ProtocolVersion.SSL3)
      throw new TlsAlertError('protocol_version', 'legacy_version is that of SSL 3.0', 'RFC 8446 appendix D.5')
    if (hello.version !== ProtocolVersion.TLS1_2) throw illegal('legacy_version is not that of TLS 1.2', cites)
    if (extensions.selectedVersion === undefined) throw missing('no supported_versions in the hello', 'RFC 8446 section 4.2.1')
    if (extensions.selectedVersion !== ProtocolVersion.TLS1_3)
      throw illegal('a version was selected that is not offered by this extension', 'RFC 8446 section 4.2.1')
    for (const type of extensions.order ?? []) this.checkAnswer(type, isRetry ? IN_RETRY_REQUEST : IN_SERVER_HELLO)
    if (!equalBytes(sessionId, this.offer.hello.sessionId)) throw illegal('legacy_session_id_echo is no echo', cites)
    const suite = this.settings.suites13.find(({ code }) => code === cipherSuite)
    if (suite === undefined) throw illegal(`a cipher suite that was not offered: ${String(cipherSuite)}`, cites)
    if (this.retry !== undefined && this.retry.cipherSuite !== cipherSuite)
      throw illegal('another cipher suite than in the HelloRetryRequest', 'RFC 8446 section 4.1.4')
    if (compressionMethod !== 0) throw illegal('a compression method', cites)
    return suite
  }

  /** An extension answers ours, in a message that it belongs into: RFC 8446 section 4.2. @param places those that belong there */
  private checkAnswer(type: number, places: readonly number[]): void {
    const cites = 'RFC 8446 section 4.2'
    const wasOffered = this.offer.types.includes(type) || type === ExtensionType.cookie
    if (!wasOffered) throw new TlsAlertError('unsupported_extension', `extension ${String(type)} was not asked for`, cites)
    if (!places.includes(type)) throw illegal(`extension ${String(type)} does not belong there`, cites)
  }

  /** Whether our session is resumed. */
  private checkIdentity(selected: number | undefined, suite: Tls13Suite): boolean {
    if (selected === undefined) return false
    const cites = 'RFC 8446 section 4.2.11'
    const psk = this.offer.psk
    if (psk === undefined || selected !== 0) throw illegal('a pre-shared key was selected that was not offered', cites)
    if (psk.suite.hash !== suite.hash) throw illegal('a cipher suite that does not fit the pre-shared key', cites)
    return true
  }

  private takeRetryRequest(hello: ServerHello, suite: Tls13Suite, message: Uint8Array, now: Nanos): void {
    const cites = 'RFC 8446 section 4.1.4'
    const { selectedGroup, cookie } = hello.extensions
    if (selectedGroup === undefined && cookie === undefined) throw illegal('a HelloRetryRequest that changes nothing', cites)
    let shares = this.offer.shares
    if (selectedGroup !== undefined) {
      const group = groupByCode(this.settings.groups, selectedGroup)
      if (group === undefined || shares.has(group))
        throw illegal(`a share is wanted that was not offered, or was sent: ${String(selectedGroup)}`, 'RFC 8446 section 4.2.8')
      shares = new Map<GroupName, OfferedKeyShare>([[group, offerKeyShare(group, this.settings.random)]])
    }
    this.retry = hello
    this.transcript.begin(suite.hash)
    this.transcript.condense()
    this.transcript.add(message)
    const { psk, early, hello: first } = this.offer
    if (early) this.rejectEarlyData()
    const kept = psk?.suite.hash === suite.hash ? psk : undefined
    const extensions: ClientHelloExtensions = {
      ...first.extensions,
      ...(selectedGroup !== undefined && { keyShare: keyShareEntries(shares) }),
      cookie,
      earlyData: undefined,
      preSharedKey: kept === undefined ? undefined : offeredIdentity(kept, now),
    }
    const second = { ...first, extensions }
    const bytes = encodeClientHello(second)
    const types = this.offer.types.filter((type) => type !== ExtensionType.early_data)
    this.offered = { ...this.offer, hello: second, message: bytes, types, shares, psk: kept, early: false }
    this.bind(bytes)
    this.say('initial', bytes)
    this.enter('WAIT_SH', 'server_hello')
  }

  private rejectEarlyData(): void {
    this.tell({ type: 'early-data', outcome: 'rejected', bytes: this.options.earlyData ?? NOTHING })
  }

  private takeEncryptedExtensions(message: Uint8Array): void {
    const { offer, agreed } = this
    if (agreed === undefined) throw new Error('no ServerHello yet')
    const extensions = decodeEncryptedExtensions(message)
    const places = [...IN_ENCRYPTED_EXTENSIONS, ...this.carrier.extensions.map(({ type }) => type)]
    for (const type of extensions.order ?? []) this.checkAnswer(type, places)
    if (extensions.alpn !== undefined && extensions.alpn.length !== 1)
      throw illegal('not one application protocol', 'RFC 7301 section 3.1')
    const alpn = extensions.alpn?.[0]
    if (alpn !== undefined && !this.settings.alpn.includes(alpn))
      throw illegal(`an application protocol that was not offered: ${alpn}`, 'RFC 7301 section 3.1')
    if (extensions.earlyData === true) {
      const cites = 'RFC 8446 section 4.2.10'
      if (!agreed.resumed) throw illegal('early data are accepted without their key', cites)
      if (offer.psk?.suite !== this.suite || offer.psk?.session.alpn !== alpn)
        throw illegal('early data are accepted, but not as they were sent', cites)
    }
    this.peerExtensions = (extensions.others ?? []).filter(({ type }) => this.carrier.extensions.some((own) => own.type === type))
    if (agreed.resumed) this.checkAgain(agreed.peerChain)
    this.transcript.add(message)
    const isAccepted = extensions.earlyData === true
    this.agreed = { ...agreed, alpn, earlyData: isAccepted ? 'accepted' : this.hadEarlyData ? 'rejected' : 'none' }
    if (isAccepted) this.tell({ type: 'early-data', outcome: 'accepted', bytes: this.options.earlyData ?? NOTHING })
    else if (offer.early) this.rejectEarlyData()
    this.enter(agreed.resumed ? 'WAIT_FINISHED' : 'WAIT_CERT_CR', 'encrypted_extensions')
  }

  /** What was right when the session began may be so no longer: browsers check the certificates of a resumed session again. */
  private checkAgain(chain: readonly Uint8Array[]): void {
    const { verify, verifyName, serverName } = this.options
    if (chain.length > 0) checkChain(chain, verifyName ?? serverName, verify)
  }

  private takeCertificateRequest(message: Uint8Array): void {
    const { requestContext, extensions } = decodeCertificateRequest(message)
    if (requestContext.length > 0) throw illegal('certificate_request_context is not empty', 'RFC 8446 section 4.3.2')
    const codes = extensions.signatureAlgorithms
    if (codes === undefined) throw missing('no signature_algorithms in CertificateRequest', 'RFC 8446 section 4.3.2')
    this.requestedSchemes = codes
    this.transcript.add(message)
    this.enter('WAIT_CERT', 'certificate_request')
  }

  private takeCertificate(message: Uint8Array): void {
    const chain = receivedChain(message)
    if (chain.length === 0) throw new TlsAlertError('decode_error', 'the server has no certificate', 'RFC 8446 section 4.4.2.4')
    const { verify, verifyName, serverName } = this.options
    this.peerKey = checkChain(chain, verifyName ?? serverName, verify)
    this.peerChain = chain
    if (this.agreed !== undefined) this.agreed = { ...this.agreed, peerChain: chain }
    this.transcript.add(message)
    this.enter('WAIT_CV', 'certificate')
  }

  private takeCertificateVerify(message: Uint8Array): void {
    if (this.peerKey === undefined) throw new Error('no certificate yet')
    checkVerify(message, 'server', this.settings.schemes, this.peerKey, this.transcript.digest())
    this.transcript.add(message)
    this.enter('WAIT_FINISHED', 'certificate_verify')
  }

  private takeFinished(message: Uint8Array): void {
    const { suite, schedule, agreed } = this
    if (suite === undefined || schedule === undefined || agreed === undefined) throw new Error('no ServerHello yet')
    const verifyData = decodeFinished(message, HASH_LENGTH[suite.hash])
    if (!equalBytes(verifyData, finishedData(suite.hash, this.serverHandshakeSecret, this.transcript.digest())))
      throw new TlsAlertError('decrypt_error', "the server's Finished is wrong", 'RFC 8446 section 4.4.4')
    this.transcript.add(message)
    schedule.advance()
    const transcript = this.transcript.digest()
    const clientSecret = schedule.derive('c ap traffic', transcript)
    const serverSecret = schedule.derive('s ap traffic', transcript)
    if (agreed.earlyData === 'accepted' && this.carrier.endOfEarlyData) this.say('early', encodeEmptyMessage('end_of_early_data'))
    if (this.requestedSchemes !== undefined) this.authenticate(this.requestedSchemes)
    this.say('handshake', encodeFinished(finishedData(suite.hash, this.clientHandshakeSecret, this.transcript.digest())))
    this.tellSecret('application', 'write', clientSecret, suite, 'CLIENT_TRAFFIC_SECRET_0')
    this.tellSecret('application', 'read', serverSecret, suite, 'SERVER_TRAFFIC_SECRET_0')
    this.log('EXPORTER_SECRET', schedule.derive('exp master', transcript))
    this.resumptionSecret = schedule.derive('res master', this.transcript.digest())
    this.enter('CONNECTED', 'finished')
    this.tell({ type: 'connected', ...agreed })
  }

  /** Shows our certificate, or none if there is none that the server could check. */
  private authenticate(peersSchemes: readonly number[]): void {
    const { credentials } = this.options
    const scheme = credentials === undefined ? undefined : schemeToSign(credentials, peersSchemes)
    if (credentials === undefined || scheme === undefined) {
      this.say('handshake', certificateMessage(undefined))
      return
    }
    this.say('handshake', certificateMessage(credentials))
    const { random } = this.settings
    this.say('handshake', verifyMessage('client', scheme, credentials, this.transcript.digest(), random))
  }

  private takeTicket(message: Uint8Array, now: Nanos): void {
    const { suite, agreed } = this
    if (suite === undefined || agreed === undefined) throw new Error('not connected')
    const { lifetime, ageAdd, nonce, ticket, extensions } = decodeNewSessionTicket(message)
    this.enter('CONNECTED', 'new_session_ticket')
    if (lifetime === 0) return
    this.tell({
      type: 'ticket',
      session: {
        version: '1.3',
        cipherSuite: suite.name,
        serverName: this.options.serverName,
        alpn: agreed.alpn,
        peerChain: agreed.peerChain,
        ticket: ticket.slice(),
        sessionId: NOTHING,
        secret: ticketPsk(suite.hash, this.resumptionSecret, nonce),
        receivedAt: now,
        lifetime: Math.min(lifetime, MAX_TICKET_LIFETIME),
        ageAdd,
        maxEarlyData: extensions.maxEarlyDataSize ?? 0,
      },
    })
  }
}
