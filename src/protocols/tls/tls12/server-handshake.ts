/**
 * The server's side of a handshake of TLS 1.2, from the ClientHello on.
 *
 * Required reading: RFC 5246 section 7.3 (overview) and 7.4 (messages), RFC 8422 (elliptic curves), RFC 7627 (extended master secret),
 * RFC 5077 (tickets), RFC 8446 section 4.1.3 (downgrade protection).
 *
 * The server picks suite, group and certificate, and signs its share of the key exchange, so that the client knows whose it is. A client
 * that comes back with a ticket, or with the ID of a session that is remembered, saves a round trip and all public-key work: both take the
 * old master secret, with fresh random values for fresh keys, and the server finishes first.
 */
import { offerKeyShare } from '../../../crypto/key-exchange.ts'
import type { OfferedKeyShare } from '../../../crypto/key-exchange.ts'
import { schemesFor, sign, verify } from '../../../crypto/signature.ts'
import type { PublicKey } from '../../../crypto/signature.ts'
import { encodeCertificateRequest12 } from '../../../wire/tls/certificate-request.ts'
import { decodeCertificate12, decodeCertificateVerify, encodeCertificate12 } from '../../../wire/tls/certificate.ts'
import { decodeClientHello, RANDOM_LENGTH } from '../../../wire/tls/client-hello.ts'
import type { ClientHello } from '../../../wire/tls/client-hello.ts'
import { ClientCertificateType, EcPointFormat, NamedGroup, ProtocolVersion } from '../../../wire/tls/code-points.ts'
import { SignatureScheme as SchemeCode } from '../../../wire/tls/code-points.ts'
import { decodeClientKeyExchange, encodeEcdhParams, encodeServerKeyExchange } from '../../../wire/tls/key-exchange.ts'
import { encodeServerHello, markDowngrade } from '../../../wire/tls/server-hello.ts'
import { encodeNewSessionTicket12 } from '../../../wire/tls/session-ticket.ts'
import { encodeEmptyMessage } from '../../../wire/tls/small-messages.ts'
import type { Nanos } from '../../endpoint.ts'
import { checkChain } from '../certificate-check.ts'
import { illegal, TlsAlertError } from '../fault.ts'
import type { Handshake } from '../handshake.ts'
import type { TlsServerOptions } from '../options.ts'
import { schemeByCode, schemeCodes } from '../settings.ts'
import type { TlsSettings } from '../settings.ts'
import { chooseAlpn, credentialsFor } from '../tls13/server-choice.ts'
import type { Tls12Suite } from './cipher-suites.ts'
import { Tls12Core } from './core.ts'
import { checkHello, choose, wantsRenegotiationInfo } from './negotiation.ts'
import { decodeSessionState, encodeSessionState } from './session-state.ts'
import type { SessionState } from './session-state.ts'
import { signedParams } from './signed-params.ts'
import { SERVER_TRANSITIONS } from './state.ts'
import type { ServerState } from './state.ts'

const SESSION_ID_LENGTH = 32
const NOTHING: Uint8Array = new Uint8Array(0)

export class ServerHandshake12 extends Tls12Core<ServerState> implements Handshake {
  private resumed: SessionState | undefined
  /** Whether a ticket was announced, which is sent before our Finished. */
  private givesTicket = false
  /** Of the session that is to be remembered, or was; empty: none. */
  private sessionId = NOTHING
  private share: OfferedKeyShare | undefined
  /** Of the client's certificate. */
  private peerKey: PublicKey | undefined

  constructor(
    private readonly options: TlsServerOptions,
    settings: TlsSettings,
  ) {
    super('server', 'WAIT_CLIENT_HELLO', SERVER_TRANSITIONS, settings)
  }

  handleMessage(message: Uint8Array, now: Nanos): void {
    switch (this.expected(message)) {
      case 'client_hello':
        if (this.state === 'CONNECTED') this.warn('no_renegotiation')
        else this.takeClientHello(message, now)
        return
      case 'certificate':
        this.takeCertificate(message)
        return
      case 'client_key_exchange':
        this.takeClientKeyExchange(message)
        return
      case 'certificate_verify':
        this.takeCertificateVerify(message)
        return
      default:
        this.takeFinished(message, now)
    }
  }

  handleChangeCipherSpec(): void {
    this.expectChangeCipherSpec()
    this.useReadKeys()
    this.enter('WAIT_FINISHED', 'change_cipher_spec')
  }

  abandon(): void {
    this.options.tickets?.forgetSession(this.sessionId)
  }

  private takeClientHello(message: Uint8Array, now: Nanos): void {
    const hello = decodeClientHello(message)
    const { settings, options } = this
    checkHello(hello)
    const { extensions } = hello
    this.record(message)
    this.clientRandom = hello.random
    this.serverRandom = settings.random(RANDOM_LENGTH)
    if (settings.versions.includes('1.3')) markDowngrade(this.serverRandom)
    this.isExtended = extensions.extendedMasterSecret === true
    const credentials = credentialsFor(options, extensions.serverName)
    const alpn = chooseAlpn(settings, extensions.alpn)
    const session = this.sessionOf(hello, now)
    if (session !== undefined) {
      this.resume(hello, session, alpn)
      return
    }
    const { suite, group, credentials: own, scheme } = choose(hello, settings, credentials)
    this.suite = suite
    this.agree({
      cipherSuite: suite.name,
      group,
      alpn,
      serverName: extensions.serverName,
      peerChain: [],
      resumed: false,
    })
    // Without an extended master secret a session must not be resumed (RFC 7627 section 5.4).
    const canBeResumed = options.tickets !== undefined && this.isExtended
    this.givesTicket = canBeResumed && extensions.sessionTicket !== undefined
    if (canBeResumed && !this.givesTicket) this.sessionId = settings.random(SESSION_ID_LENGTH)
    this.sayHello(hello, suite, this.sessionId)
    this.say(encodeCertificate12(own.chain))
    this.share = offerKeyShare(group, settings.random)
    const params = { group: NamedGroup[group], point: this.share.share }
    const signed = signedParams(this.clientRandom, this.serverRandom, encodeEcdhParams(params))
    const signature = sign(scheme, own.privateKey, signed, settings.random)
    this.say(encodeServerKeyExchange({ ...params, algorithm: SchemeCode[scheme], signature }))
    const asks = options.clientAuthentication === 'wanted' || options.clientAuthentication === 'required'
    if (asks) {
      const certificateTypes = [ClientCertificateType.ecdsa_sign, ClientCertificateType.rsa_sign]
      const signatureAlgorithms = schemeCodes(settings.schemes)
      this.say(encodeCertificateRequest12({ certificateTypes, signatureAlgorithms, certificateAuthorities: [] }))
    }
    this.say(encodeEmptyMessage('server_hello_done'))
    this.enter(asks ? 'WAIT_CERTIFICATE' : 'WAIT_CLIENT_KEY_EXCHANGE', 'client_hello')
  }

  private sayHello(hello: ClientHello, suite: Tls12Suite, sessionId: Uint8Array): void {
    const { extensions } = hello
    const alpn = this.parameters?.alpn
    this.say(
      encodeServerHello({
        version: ProtocolVersion.TLS1_2,
        random: this.serverRandom,
        sessionId,
        cipherSuite: suite.code,
        compressionMethod: 0,
        extensions: {
          renegotiationInfo: wantsRenegotiationInfo(hello) ? NOTHING : undefined,
          // Not in the answer to a session that is resumed (RFC 6066 section 3).
          serverName: extensions.serverName !== undefined && this.resumed === undefined ? true : undefined,
          extendedMasterSecret: extensions.extendedMasterSecret,
          ecPointFormats: extensions.ecPointFormats === undefined ? undefined : [EcPointFormat.uncompressed],
          sessionTicket: this.givesTicket ? NOTHING : undefined,
          alpn: alpn === undefined ? undefined : [alpn],
        },
      }),
    )
  }

  /** The session that the client comes back to, if we know it and it fits. Throws TlsAlertError. */
  private sessionOf({ sessionId, cipherSuites, extensions }: ClientHello, now: Nanos): SessionState | undefined {
    const { tickets, clientAuthentication } = this.options
    const ticket = extensions.sessionTicket ?? NOTHING
    // With a ticket, the ID is but the client's way to learn whether it was taken (RFC 5077 section 3.4).
    const stored = ticket.length > 0 ? tickets?.open(ticket, now)?.state : tickets?.recallSession(sessionId, now)
    const session = stored === undefined ? undefined : decodeSessionState(stored)
    if (session === undefined || session.serverName !== extensions.serverName) return undefined
    const { code, name } = session.suite
    if (!this.settings.suites12.includes(code)) return undefined
    if (!cipherSuites.includes(code)) throw illegal(`a session with ${name}, which is not offered`, 'RFC 5246 section 7.4.1.2')
    if (clientAuthentication === 'required' && session.peerChain.length === 0) return undefined
    if (!this.isExtended)
      throw new TlsAlertError('handshake_failure', 'the session had an extended master secret', 'RFC 7627 section 5.3')
    return session
  }

  private resume(hello: ClientHello, session: SessionState, alpn: string | undefined): void {
    this.resumed = session
    if ((hello.extensions.sessionTicket?.length ?? 0) === 0) this.sessionId = hello.sessionId.slice()
    const { suite, serverName, peerChain, master } = session
    this.suite = suite
    this.agree({ cipherSuite: suite.name, group: undefined, alpn, serverName, peerChain, resumed: true })
    this.sayHello(hello, suite, hello.sessionId)
    this.useMaster(master)
    this.sayFinished()
    this.enter('WAIT_CHANGE_CIPHER_SPEC', 'client_hello')
  }

  private takeCertificate(message: Uint8Array): void {
    const { options } = this
    const chain = decodeCertificate12(message).map((certificate) => certificate.slice())
    this.record(message)
    if (chain.length > 0) {
      this.peerKey = checkChain(chain, undefined, options.verify)
      if (this.parameters !== undefined) this.agree({ ...this.parameters, peerChain: chain })
    } else if (options.clientAuthentication === 'required') {
      throw new TlsAlertError('handshake_failure', 'the client shows no certificate', 'RFC 5246 section 7.4.6')
    }
    this.enter('WAIT_CLIENT_KEY_EXCHANGE', 'certificate')
  }

  private takeClientKeyExchange(message: Uint8Array): void {
    const premaster = this.share?.finish(decodeClientKeyExchange(message))
    if (premaster === undefined) throw illegal('the share of the client is not valid', 'RFC 8422 section 5.11')
    this.record(message)
    this.deriveMaster(premaster)
    const isKnown = this.peerKey === undefined
    this.enter(isKnown ? 'WAIT_CHANGE_CIPHER_SPEC' : 'WAIT_CERTIFICATE_VERIFY', 'client_key_exchange')
  }

  private takeCertificateVerify(message: Uint8Array): void {
    const { algorithm, signature } = decodeCertificateVerify(message)
    const scheme = schemeByCode(this.settings.schemes, algorithm)
    const key = this.peerKey
    if (key === undefined) throw new Error('no certificate yet')
    if (scheme === undefined || !schemesFor(key).includes(scheme)) {
      const detail = `a signature by a scheme that was not offered, or does not fit the key: ${String(algorithm)}`
      throw illegal(detail, 'RFC 5246 section 7.4.8')
    }
    if (!verify(scheme, key, this.transcript(), signature))
      throw new TlsAlertError('decrypt_error', 'the signature in CertificateVerify is wrong', 'RFC 5246 section 7.4.8')
    this.record(message)
    this.enter('WAIT_CHANGE_CIPHER_SPEC', 'certificate_verify')
  }

  private takeFinished(message: Uint8Array, now: Nanos): void {
    this.checkFinished(message)
    if (this.resumed === undefined) {
      this.keepSession(now)
      this.sayFinished()
    }
    this.enter('CONNECTED', 'finished')
    this.connect()
  }

  /** Seals the session into a ticket that is sent, or remembers it by its ID. */
  private keepSession(now: Nanos): void {
    const { tickets } = this.options
    const { parameters, master } = this
    if (tickets === undefined || parameters === undefined || !this.isExtended) return
    const { serverName, peerChain } = parameters
    const state = encodeSessionState({ suite: this.agreedSuite, master, serverName, peerChain })
    if (!this.givesTicket) tickets.rememberSession(this.sessionId, state, now)
    else this.say(encodeNewSessionTicket12({ lifetimeHint: tickets.lifetime, ticket: tickets.seal(state, now) }))
  }
}
