/**
 * The server's side of the TLS 1.3 handshake, apart from whatever carries it.
 *
 * Required reading: as for `client-handshake.ts`, and RFC 8446 section 8 (0-RTT and replay), appendix A.2 (states), RFC 5077 section 4
 * (tickets).
 *
 * All is decided when the ClientHello comes: suite, group, whether a ticket is taken, whether early data are. Then the whole flight up to
 * our Finished goes out at once, and keys for application data are there; what is left is to hear from the client what it owes.
 */
import { hash, HASH_LENGTH } from '../../../crypto/hash.ts'
import { answerKeyShare } from '../../../crypto/key-exchange.ts'
import type { GroupName } from '../../../crypto/key-exchange.ts'
import { read32 } from '../../../wire/integer.ts'
import { bindersLength, decodeClientHello, RANDOM_LENGTH } from '../../../wire/tls/client-hello.ts'
import type { ClientHello } from '../../../wire/tls/client-hello.ts'
import { encodeCertificateRequest } from '../../../wire/tls/certificate-request.ts'
import { NamedGroup, ProtocolVersion } from '../../../wire/tls/code-points.ts'
import { encodeEncryptedExtensions } from '../../../wire/tls/encrypted-extensions.ts'
import { encodeServerHello, HELLO_RETRY_REQUEST_RANDOM } from '../../../wire/tls/server-hello.ts'
import { encodeNewSessionTicket } from '../../../wire/tls/session-ticket.ts'
import { decodeEmptyMessage, decodeFinished, encodeFinished } from '../../../wire/tls/small-messages.ts'
import type { Nanos } from '../../endpoint.ts'
import { checkChain } from '../certificate-check.ts'
import type { TlsParameters } from '../event.ts'
import { illegal, TlsAlertError } from '../fault.ts'
import type { TlsServerOptions } from '../options.ts'
import { schemeCodes } from '../settings.ts'
import type { TlsSettings } from '../settings.ts'
import { certificateMessage, checkVerify, receivedChain, verifyMessage } from './authentication.ts'
import { Tls13Core } from './core.ts'
import type { EncryptionLevel, Tls13Carrier } from './core.ts'
import { equalBytes, finishedData, KeySchedule, ticketPsk } from './key-schedule.ts'
import { allowsResumption, checkHello, checkSecondHello, chooseAlpn, chooseCredentials } from './server-choice.ts'
import { chooseGroup, chooseSuite, credentialsFor } from './server-choice.ts'
import { SERVER_TRANSITIONS } from './state.ts'
import type { ServerState } from './state.ts'
import type { Tls13Suite } from './suites.ts'
import { decodeTicketState, encodeTicketState } from './ticket-state.ts'
import type { TicketState } from './ticket-state.ts'

const NOTHING: Uint8Array = new Uint8Array(0)
const COOKIE_LENGTH = 32
/** Identities that are looked at in one ClientHello: each costs a decryption. */
const MAX_IDENTITIES = 4
/** Certificates of a client that are longer than this do not go into a ticket. */
const MAX_CHAIN_IN_TICKET = 16_384
const MILLISECOND = 1_000_000

/** What is remembered of a first ClientHello that was answered with a HelloRetryRequest. */
interface Retry {
  readonly hello: ClientHello
  readonly group: GroupName | undefined
  readonly cookie: Uint8Array | undefined
  readonly suite: Tls13Suite
}

/** A ticket that was taken. */
interface Resumption {
  readonly state: TicketState
  readonly schedule: KeySchedule
  /** Which of the client's identities it was. */
  readonly index: number
  /** Whether early data may come under it. */
  readonly early: boolean
}

export class Tls13ServerHandshake extends Tls13Core<ServerState> {
  private clientFinishedSecret = NOTHING
  private retry: Retry | undefined
  private compatible = false
  private sawEarlyData = false
  private mayResume = false

  constructor(
    private readonly options: TlsServerOptions,
    private readonly settings: TlsSettings,
    private readonly carrier: Tls13Carrier,
  ) {
    super('START', SERVER_TRANSITIONS, settings.keyLog)
  }

  /** Whether the client wants records that look like TLS 1.2 (RFC 8446 appendix D.4). */
  get isCompatible(): boolean {
    return this.compatible
  }

  /**
   * Whether early data were announced that are not taken, and have to be skipped (RFC 8446 section 4.2.10). After a HelloRetryRequest they
   * end with the second ClientHello.
   */
  get isSkippingEarlyData(): boolean {
    if (!this.sawEarlyData) return false
    return this.agreed === undefined || (this.agreed.earlyData === 'rejected' && !this.agreed.retried)
  }

  /** Whether we have said all that we owe, so that application data may be sent: to a client which we need not know, early. */
  get maySendData(): boolean {
    const { state } = this
    if (state === 'CONNECTED') return true
    return state !== 'START' && (this.options.clientAuthentication ?? 'none') === 'none'
  }

  /** Takes a whole message. Throws TlsAlertError or DecodeError for the client's fault. */
  handleMessage(level: EncryptionLevel, message: Uint8Array, now: Nanos): void {
    switch (this.expected(level, message)) {
      case 'client_hello':
        this.takeClientHello(message, now)
        return
      case 'end_of_early_data':
        decodeEmptyMessage(message, 'end_of_early_data')
        this.transcript.add(message)
        this.enter('WAIT_FINISHED', 'end_of_early_data')
        return
      case 'certificate':
        this.takeCertificate(message)
        return
      case 'certificate_verify':
        this.takeCertificateVerify(message)
        return
      default:
        this.takeFinished(message, now)
    }
  }

  private takeClientHello(message: Uint8Array, now: Nanos): void {
    const hello = decodeClientHello(message)
    checkHello(hello)
    const { retry, settings, options } = this
    const { extensions } = hello
    if (retry !== undefined) checkSecondHello(retry.hello, hello, retry.group, retry.cookie)
    this.clientRandom = hello.random.slice()
    this.compatible = hello.sessionId.length > 0 && settings.compatibilityMode
    if (extensions.earlyData === true) this.sawEarlyData = true
    this.mayResume = allowsResumption(hello)
    const all = credentialsFor(options, extensions.serverName)
    const alpn = chooseAlpn(settings, extensions.alpn)
    const chosen = retry?.suite ?? chooseSuite(settings, hello)
    const { group, share } = chooseGroup(settings, hello)
    if (retry === undefined && (share === undefined || options.alwaysRetry === true)) {
      this.askAgain(hello, message, chosen, share === undefined ? group : undefined)
      return
    }
    if (share === undefined) throw illegal('no share for the group that was asked for', 'RFC 8446 section 4.1.4')
    const resumption = this.resume(hello, message, alpn, now)
    const suite = resumption === undefined ? chosen : this.suiteFor(resumption.state.suite, chosen, hello)
    const answer = answerKeyShare(group, share, settings.random)
    if (answer === undefined) throw illegal("the client's share is not valid", 'RFC 8446 section 4.2.8')
    this.suite = suite
    this.transcript.begin(suite.hash)
    this.transcript.add(message)
    this.peerChain = resumption?.state.peerChain ?? []
    this.peerExtensions = (extensions.others ?? []).filter(({ type }) => this.carrier.extensions.some((own) => own.type === type))
    const takesEarlyData = resumption?.early === true && resumption.state.suite === suite
    this.agreed = {
      version: '1.3',
      cipherSuite: suite.name,
      group,
      alpn,
      serverName: extensions.serverName,
      peerChain: this.peerChain,
      resumed: resumption !== undefined,
      earlyData: takesEarlyData ? 'accepted' : this.sawEarlyData ? 'rejected' : 'none',
      retried: retry !== undefined,
    }
    if (takesEarlyData) {
      const secret = resumption.schedule.derive('c e traffic', this.transcript.digest())
      this.tellSecret('early', 'read', secret, suite, 'CLIENT_EARLY_TRAFFIC_SECRET')
    }
    if (this.sawEarlyData) this.tell({ type: 'early-data', outcome: takesEarlyData ? 'accepted' : 'rejected', bytes: NOTHING })
    const schedule = resumption?.schedule ?? new KeySchedule(suite.hash)
    this.answer(hello, suite, schedule, { group: NamedGroup[group], keyExchange: answer.share }, answer.secret, resumption?.index)
    const wantsCertificate = resumption === undefined && (options.clientAuthentication ?? 'none') !== 'none'
    this.flight(hello, suite, schedule, resumption, all, wantsCertificate, takesEarlyData)
    const next = wantsCertificate ? 'WAIT_CERT' : 'WAIT_FINISHED'
    this.enter(takesEarlyData && this.carrier.endOfEarlyData ? 'WAIT_EOED' : next, 'client_hello')
  }

  /** A session's hash has to stay, and its suite should, as early data depend on it. */
  private suiteFor(previous: Tls13Suite, chosen: Tls13Suite, hello: ClientHello): Tls13Suite {
    if (this.retry !== undefined) return chosen
    return this.settings.suites13.includes(previous) && hello.cipherSuites.includes(previous.code) ? previous : chosen
  }

  /** HelloRetryRequest: RFC 8446 section 4.1.4. */
  private askAgain(hello: ClientHello, message: Uint8Array, suite: Tls13Suite, group: GroupName | undefined): void {
    const cookie = this.options.alwaysRetry === true ? this.settings.random(COOKIE_LENGTH) : undefined
    this.retry = { hello, group, cookie, suite }
    this.transcript.add(message)
    this.transcript.begin(suite.hash)
    this.transcript.condense()
    const request = encodeServerHello({
      version: ProtocolVersion.TLS1_2,
      random: HELLO_RETRY_REQUEST_RANDOM,
      sessionId: hello.sessionId,
      cipherSuite: suite.code,
      compressionMethod: 0,
      extensions: {
        selectedVersion: ProtocolVersion.TLS1_3,
        selectedGroup: group === undefined ? undefined : NamedGroup[group],
        cookie,
      },
    })
    this.say('initial', request)
    this.enter('START', 'client_hello')
  }

  /** The first ticket among the client's that we can take: RFC 8446 section 4.2.11. Throws TlsAlertError for a wrong binder. */
  private resume(hello: ClientHello, message: Uint8Array, alpn: string | undefined, now: Nanos): Resumption | undefined {
    const { preSharedKey, serverName } = hello.extensions
    const { tickets, clientAuthentication } = this.options
    if (preSharedKey === undefined || tickets === undefined || !this.mayResume) return undefined
    const { identities, binders } = preSharedKey
    for (let index = 0; index < Math.min(identities.length, MAX_IDENTITIES); index++) {
      const { identity, obfuscatedTicketAge } = identities[index]
      const opened = tickets.open(identity, now)
      const state = opened === undefined ? undefined : decodeTicketState(opened.state)
      if (opened === undefined || state === undefined) continue
      if (state.serverName !== serverName || !this.fits(state, hello)) continue
      if (clientAuthentication === 'required' && state.peerChain.length === 0) continue
      const name = state.suite.hash
      const schedule = new KeySchedule(name, state.psk)
      const key = schedule.derive('res binder', hash(name, NOTHING))
      const truncated = message.subarray(0, message.length - bindersLength(binders))
      if (!equalBytes(binders[index], finishedData(name, key, this.transcript.digestWith(truncated, name))))
        throw new TlsAlertError('decrypt_error', 'a binder is wrong', 'RFC 8446 section 4.2.11')
      const mayBeEarly =
        hello.extensions.earlyData === true &&
        index === 0 &&
        this.retry === undefined &&
        (this.options.maxEarlyData ?? 0) > 0 &&
        state.maxEarlyData > 0 &&
        state.alpn === alpn
      const clientAge = ((obfuscatedTicketAge - state.ageAdd) >>> 0) * MILLISECOND
      const isProtected = this.options.replayProtection ?? true
      const early = mayBeEarly && (!isProtected || tickets.claimEarlyData(identity, clientAge, opened, now))
      return { state, schedule, index, early }
    }
    return undefined
  }

  /** Whether the session's hash is that of a suite which we would take, and after a HelloRetryRequest that of the suite we said. */
  private fits(state: TicketState, hello: ClientHello): boolean {
    if (this.retry !== undefined) return this.retry.suite.hash === state.suite.hash
    return this.suiteFor(state.suite, chooseSuite(this.settings, hello), hello).hash === state.suite.hash
  }

  /** ServerHello, and the secrets of the handshake. */
  private answer(
    hello: ClientHello,
    suite: Tls13Suite,
    schedule: KeySchedule,
    keyShare: { readonly group: number; readonly keyExchange: Uint8Array },
    secret: Uint8Array,
    selectedIdentity: number | undefined,
  ): void {
    const serverHello = encodeServerHello({
      version: ProtocolVersion.TLS1_2,
      random: this.settings.random(RANDOM_LENGTH),
      sessionId: hello.sessionId,
      cipherSuite: suite.code,
      compressionMethod: 0,
      extensions: { selectedVersion: ProtocolVersion.TLS1_3, keyShare, selectedIdentity },
    })
    this.say('initial', serverHello)
    this.schedule = schedule
    schedule.advance(secret)
    const transcript = this.transcript.digest()
    this.clientHandshakeSecret = schedule.derive('c hs traffic', transcript)
    this.serverHandshakeSecret = schedule.derive('s hs traffic', transcript)
    this.tellSecret('handshake', 'read', this.clientHandshakeSecret, suite, 'CLIENT_HANDSHAKE_TRAFFIC_SECRET')
    this.tellSecret('handshake', 'write', this.serverHandshakeSecret, suite, 'SERVER_HANDSHAKE_TRAFFIC_SECRET')
  }

  /** EncryptedExtensions to Finished, and the secrets of application data. */
  private flight(
    hello: ClientHello,
    suite: Tls13Suite,
    schedule: KeySchedule,
    resumption: Resumption | undefined,
    all: ReturnType<typeof credentialsFor>,
    wantsCertificate: boolean,
    takesEarlyData: boolean,
  ): void {
    const { extensions } = hello
    const { settings } = this
    const alpn = this.agreed?.alpn
    const encrypted = encodeEncryptedExtensions({
      serverName: extensions.serverName === undefined ? undefined : true,
      alpn: alpn === undefined ? undefined : [alpn],
      earlyData: takesEarlyData ? true : undefined,
      others: this.carrier.extensions,
    })
    this.say('handshake', encrypted)
    if (wantsCertificate) {
      const signatureAlgorithms = schemeCodes(settings.schemes)
      this.say('handshake', encodeCertificateRequest({ requestContext: NOTHING, extensions: { signatureAlgorithms } }))
    }
    if (resumption === undefined) {
      const { credentials, scheme } = chooseCredentials(all, extensions.signatureAlgorithms)
      this.say('handshake', certificateMessage(credentials))
      this.say('handshake', verifyMessage('server', scheme, credentials, this.transcript.digest(), settings.random))
    }
    this.say('handshake', encodeFinished(finishedData(suite.hash, this.serverHandshakeSecret, this.transcript.digest())))
    schedule.advance()
    const transcript = this.transcript.digest()
    this.clientFinishedSecret = schedule.derive('c ap traffic', transcript)
    const serverSecret = schedule.derive('s ap traffic', transcript)
    this.tellSecret('application', 'write', serverSecret, suite, 'SERVER_TRAFFIC_SECRET_0')
    // It is used from the client's Finished on, which may never come; who reads the capture wants the secrets of both directions at once.
    this.log('CLIENT_TRAFFIC_SECRET_0', this.clientFinishedSecret)
    this.log('EXPORTER_SECRET', schedule.derive('exp master', transcript))
  }

  private takeCertificate(message: Uint8Array): void {
    const chain = receivedChain(message)
    this.transcript.add(message)
    if (chain.length === 0) {
      if (this.options.clientAuthentication === 'required')
        throw new TlsAlertError('certificate_required', 'the client shows no certificate', 'RFC 8446 section 4.4.2.4')
      this.enter('WAIT_FINISHED', 'certificate')
      return
    }
    this.peerKey = checkChain(chain, undefined, this.options.verify)
    this.peerChain = chain
    if (this.agreed !== undefined) this.agreed = { ...this.agreed, peerChain: chain }
    this.enter('WAIT_CV', 'certificate')
  }

  private takeCertificateVerify(message: Uint8Array): void {
    if (this.peerKey === undefined) throw new Error('no certificate yet')
    checkVerify(message, 'client', this.settings.schemes, this.peerKey, this.transcript.digest())
    this.transcript.add(message)
    this.enter('WAIT_FINISHED', 'certificate_verify')
  }

  private takeFinished(message: Uint8Array, now: Nanos): void {
    const { suite, schedule, agreed } = this
    if (suite === undefined || schedule === undefined || agreed === undefined) throw new Error('no ClientHello yet')
    const verifyData = decodeFinished(message, HASH_LENGTH[suite.hash])
    if (!equalBytes(verifyData, finishedData(suite.hash, this.clientHandshakeSecret, this.transcript.digest())))
      throw new TlsAlertError('decrypt_error', "the client's Finished is wrong", 'RFC 8446 section 4.4.4')
    this.transcript.add(message)
    this.tellSecret('application', 'read', this.clientFinishedSecret, suite)
    this.enter('CONNECTED', 'finished')
    this.tell({ type: 'connected', ...agreed })
    this.giveTickets(suite, schedule.derive('res master', this.transcript.digest()), agreed, now)
  }

  /** NewSessionTicket: RFC 8446 section 4.6.1. */
  private giveTickets(suite: Tls13Suite, resumptionSecret: Uint8Array, agreed: TlsParameters, now: Nanos): void {
    const { tickets, ticketCount = 2, maxEarlyData = 0 } = this.options
    const length = this.peerChain.reduce((sum, certificate) => sum + certificate.length, 0)
    // A client that resumes in no way of ours has no use for a ticket (RFC 8446 section 4.2.9).
    if (tickets === undefined || length > MAX_CHAIN_IN_TICKET || !this.mayResume) return
    for (let i = 0; i < ticketCount; i++) {
      const nonce = Uint8Array.of(i >>> 8, i)
      const ageAdd = read32(this.settings.random(4), 0)
      const state: TicketState = {
        suite,
        psk: ticketPsk(suite.hash, resumptionSecret, nonce),
        ageAdd,
        alpn: agreed.alpn,
        serverName: agreed.serverName,
        maxEarlyData,
        peerChain: this.peerChain,
      }
      const ticket = tickets.seal(encodeTicketState(state), now)
      const maxEarlyDataSize = maxEarlyData > 0 ? maxEarlyData : undefined
      this.sayAfterwards(
        encodeNewSessionTicket({ lifetime: tickets.lifetime, ageAdd, nonce, ticket, extensions: { maxEarlyDataSize } }),
      )
    }
  }
}
