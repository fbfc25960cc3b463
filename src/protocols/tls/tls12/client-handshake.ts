/**
 * The client's side of a handshake of TLS 1.2, from the ServerHello on.
 *
 * Required reading: RFC 5246 section 7.3 (overview) and 7.4 (messages), RFC 8422 (elliptic curves), RFC 7627 (extended master secret),
 * RFC 5077 (tickets), RFC 8446 section 4.1.3 (downgrade protection).
 *
 * Two flights each way, and so two round trips: hellos, certificate and the server's share; then the client's share and both Finished.
 * Everything up to ChangeCipherSpec is readable by anybody. To resume a session takes one round trip: the server answers with its
 * Finished at once, and the client's comes last.
 */
import { offerKeyShare } from '../../../crypto/key-exchange.ts'
import type { GroupName } from '../../../crypto/key-exchange.ts'
import { schemesFor, sign, verify } from '../../../crypto/signature.ts'
import type { PublicKey, SignatureScheme } from '../../../crypto/signature.ts'
import { decodeCertificateRequest12 } from '../../../wire/tls/certificate-request.ts'
import type { CertificateRequest12 } from '../../../wire/tls/certificate-request.ts'
import { decodeCertificate12, encodeCertificate12, encodeCertificateVerify } from '../../../wire/tls/certificate.ts'
import { ClientCertificateType, EcPointFormat, ExtensionType, ProtocolVersion } from '../../../wire/tls/code-points.ts'
import { SignatureScheme as SchemeCode } from '../../../wire/tls/code-points.ts'
import { decodeServerKeyExchange, encodeClientKeyExchange, encodeEcdhParams } from '../../../wire/tls/key-exchange.ts'
import { decodeServerHello, downgradeMark } from '../../../wire/tls/server-hello.ts'
import type { ServerHello } from '../../../wire/tls/server-hello.ts'
import { decodeNewSessionTicket12 } from '../../../wire/tls/session-ticket.ts'
import { decodeEmptyMessage } from '../../../wire/tls/small-messages.ts'
import type { Nanos } from '../../endpoint.ts'
import type { Credentials } from '../../x509/credentials.ts'
import { checkChain } from '../certificate-check.ts'
import type { ClientOffer } from '../client-offer.ts'
import { illegal, TlsAlertError } from '../fault.ts'
import type { Handshake } from '../handshake.ts'
import type { TlsClientOptions } from '../options.ts'
import type { TlsSession } from '../session.ts'
import { groupByCode, schemeByCode } from '../settings.ts'
import type { TlsSettings } from '../settings.ts'
import { equalBytes } from '../tls13/key-schedule.ts'
import { authenticationOf, tls12SuiteByCode } from './cipher-suites.ts'
import { Tls12Core } from './core.ts'
import { groupsOf12 } from './groups.ts'
import { schemeToSign } from './negotiation.ts'
import { signedParams } from './signed-params.ts'
import { CLIENT_TRANSITIONS } from './state.ts'
import type { ClientState } from './state.ts'

/** Seconds for which a session may be resumed when the server does not say: the most that RFC 5246 appendix F.1.4 suggests. */
const DEFAULT_LIFETIME = 86_400
const NOTHING: Uint8Array = new Uint8Array(0)

/** The share of the key exchange that the server has signed. */
interface ServerShare {
  readonly group: GroupName
  readonly point: Uint8Array
}

export class ClientHandshake12 extends Tls12Core<ClientState> implements Handshake {
  private readonly offered: readonly number[]
  private sessionId = NOTHING
  private resumed: TlsSession | undefined
  private ticketComes = false
  private ticket: { readonly bytes: Uint8Array; readonly lifetime: number } | undefined
  private peerKey: PublicKey | undefined
  private share: ServerShare | undefined
  /** Undefined: the server does not ask who we are. */
  private request: CertificateRequest12 | undefined

  /** @param offer the ClientHello that was sent; the first message that is handled is the ServerHello to it */
  constructor(
    private readonly options: TlsClientOptions,
    settings: TlsSettings,
    private readonly offer: ClientOffer,
  ) {
    super('client', 'WAIT_SERVER_HELLO', CLIENT_TRANSITIONS, settings)
    this.offered = offer.types
    this.clientRandom = offer.hello.random
    this.record(offer.message)
  }

  handleMessage(message: Uint8Array, now: Nanos): void {
    switch (this.expected(message)) {
      case 'server_hello':
        this.takeServerHello(message)
        return
      case 'certificate':
        this.takeCertificate(message)
        return
      case 'server_key_exchange':
        this.takeServerKeyExchange(message)
        return
      case 'certificate_request':
        this.takeCertificateRequest(message)
        return
      case 'server_hello_done':
        this.takeServerHelloDone(message)
        return
      case 'new_session_ticket':
        this.takeNewSessionTicket(message)
        return
      case 'finished':
        this.takeFinished(message, now)
        return
      default:
        decodeEmptyMessage(message, 'hello_request')
        this.warn('no_renegotiation')
    }
  }

  handleChangeCipherSpec(): void {
    this.expectChangeCipherSpec()
    this.useReadKeys()
    this.enter('WAIT_FINISHED', 'change_cipher_spec')
  }

  private takeServerHello(message: Uint8Array): void {
    const hello = decodeServerHello(message)
    this.checkHello(hello)
    const { sessionId, extensions } = hello
    this.record(message)
    this.serverRandom = hello.random
    this.sessionId = sessionId
    this.isExtended = extensions.extendedMasterSecret === true
    this.ticketComes = extensions.sessionTicket !== undefined
    const isEcho = sessionId.length > 0 && equalBytes(sessionId, this.offer.hello.sessionId)
    if (isEcho) this.resumed = this.checkResumption(hello)
    const { resumed } = this
    this.agree({
      cipherSuite: this.agreedSuite.name,
      group: undefined,
      alpn: this.checkAlpn(extensions.alpn),
      serverName: this.options.serverName,
      peerChain: resumed?.peerChain ?? [],
      resumed: resumed !== undefined,
    })
    if (resumed === undefined) {
      this.enter('WAIT_CERTIFICATE', 'server_hello')
      return
    }
    this.useMaster(resumed.secret)
    this.enter(this.ticketComes ? 'WAIT_NEW_SESSION_TICKET' : 'WAIT_CHANGE_CIPHER_SPEC', 'server_hello')
  }

  private checkHello({ version, random, cipherSuite, compressionMethod, extensions }: ServerHello): void {
    const cites = 'RFC 5246 section 7.4.1.3'
    if (version !== ProtocolVersion.TLS1_2) throw new TlsAlertError('protocol_version', 'not TLS 1.2', cites)
    if (this.settings.versions.includes('1.3') && downgradeMark(random) !== undefined)
      throw illegal('the server speaks TLS 1.3, and somebody on the way has hidden that we do', 'RFC 8446 section 4.1.3')
    const suite = this.settings.suites12.includes(cipherSuite) ? tls12SuiteByCode(cipherSuite) : undefined
    if (suite === undefined) throw illegal(`a cipher suite that was not offered: ${String(cipherSuite)}`, cites)
    this.suite = suite
    if (compressionMethod !== 0) throw illegal('a compression method', cites)
    for (const type of extensions.order ?? []) {
      if (!this.offered.includes(type))
        throw new TlsAlertError(
          'unsupported_extension',
          `extension ${String(type)} was not asked for`,
          'RFC 5246 section 7.4.1.4',
        )
      if (ONLY_IN_13.includes(type)) throw illegal(`extension ${String(type)} is not of TLS 1.2`, 'RFC 8446 section 4.2')
    }
    if ((extensions.renegotiationInfo?.length ?? 0) > 0)
      throw new TlsAlertError('handshake_failure', 'renegotiation_info in a first handshake', 'RFC 5746 section 3.4')
    if ((extensions.sessionTicket?.length ?? 0) > 0)
      throw new TlsAlertError('decode_error', 'a ticket in the ServerHello', 'RFC 5077 section 3.2')
    if (extensions.ecPointFormats?.includes(EcPointFormat.uncompressed) === false)
      throw illegal('the server does not take uncompressed points', 'RFC 8422 section 5.2')
  }

  private checkAlpn(names: readonly string[] | undefined): string | undefined {
    if (names === undefined) return undefined
    const [name] = names
    if (names.length !== 1 || !this.settings.alpn.includes(name))
      throw illegal(`an application protocol that was not offered: ${names.join(', ')}`, 'RFC 7301 section 3.1')
    return name
  }

  /** The server says that it resumes the session which we offered. */
  private checkResumption({ extensions, cipherSuite }: ServerHello): TlsSession {
    const session = this.offer.session12
    if (session === undefined) throw illegal('a session is resumed that was not offered', 'RFC 5246 section 7.4.1.3')
    if (this.agreedSuite.name !== session.cipherSuite)
      throw illegal(`the session had another cipher suite than ${String(cipherSuite)}`, 'RFC 5246 section 7.4.1.3')
    if (extensions.extendedMasterSecret !== true)
      throw new TlsAlertError('handshake_failure', 'the session had an extended master secret', 'RFC 7627 section 5.3')
    return session
  }

  private takeCertificate(message: Uint8Array): void {
    const cites = 'RFC 5246 section 7.4.2'
    const chain = decodeCertificate12(message).map((certificate) => certificate.slice())
    if (chain.length === 0) throw new TlsAlertError('decode_error', 'a server without a certificate', cites)
    const key = checkChain(chain, this.options.verifyName ?? this.options.serverName, this.options.verify)
    if (authenticationOf(key.type) !== this.agreedSuite.authentication)
      throw new TlsAlertError('unsupported_certificate', 'a key that does not go with the cipher suite', cites)
    this.peerKey = key
    this.record(message)
    if (this.parameters !== undefined) this.agree({ ...this.parameters, peerChain: chain })
    this.enter('WAIT_SERVER_KEY_EXCHANGE', 'certificate')
  }

  private takeServerKeyExchange(message: Uint8Array): void {
    const { group: code, point, algorithm, signature } = decodeServerKeyExchange(message)
    const { settings, peerKey } = this
    const group = groupByCode(groupsOf12(settings.groups), code)
    if (group === undefined) throw illegal(`a group that was not offered: ${String(code)}`, 'RFC 8422 section 5.4')
    const scheme = schemeByCode(settings.schemes, algorithm)
    if (peerKey === undefined) throw new Error('no certificate yet')
    if (scheme === undefined || !schemesFor(peerKey).includes(scheme)) {
      const detail = `a signature by a scheme that was not offered, or does not fit the key: ${String(algorithm)}`
      throw illegal(detail, 'RFC 5246 section 7.4.3')
    }
    const signed = signedParams(this.clientRandom, this.serverRandom, encodeEcdhParams({ group: code, point }))
    if (!verify(scheme, peerKey, signed, signature))
      throw new TlsAlertError('decrypt_error', "the signature of the server's share is wrong", 'RFC 8422 section 5.4')
    this.share = { group, point }
    this.record(message)
    if (this.parameters !== undefined) this.agree({ ...this.parameters, group })
    this.enter('WAIT_CERTIFICATE_REQUEST', 'server_key_exchange')
  }

  private takeCertificateRequest(message: Uint8Array): void {
    this.request = decodeCertificateRequest12(message)
    this.record(message)
    this.enter('WAIT_SERVER_HELLO_DONE', 'certificate_request')
  }

  /** The server has said all; now we say all. */
  private takeServerHelloDone(message: Uint8Array): void {
    decodeEmptyMessage(message, 'server_hello_done')
    this.record(message)
    const { share, request } = this
    if (share === undefined) throw new Error('no share yet')
    const scheme = request === undefined ? undefined : schemeFor(this.options.credentials, request)
    const credentials = scheme === undefined ? undefined : this.options.credentials
    if (request !== undefined) this.say(encodeCertificate12(credentials?.chain ?? []))
    const own = offerKeyShare(share.group, this.settings.random)
    const premaster = own.finish(share.point)
    if (premaster === undefined) throw illegal('the share of the server is not valid', 'RFC 8422 section 5.11')
    this.say(encodeClientKeyExchange(own.share))
    this.deriveMaster(premaster)
    if (scheme !== undefined && credentials !== undefined) {
      const signature = sign(scheme, credentials.privateKey, this.transcript(), this.settings.random)
      this.say(encodeCertificateVerify({ algorithm: SchemeCode[scheme], signature }))
    }
    this.sayFinished()
    this.enter(this.ticketComes ? 'WAIT_NEW_SESSION_TICKET' : 'WAIT_CHANGE_CIPHER_SPEC', 'server_hello_done')
  }

  private takeNewSessionTicket(message: Uint8Array): void {
    const { ticket, lifetimeHint } = decodeNewSessionTicket12(message)
    this.record(message)
    if (ticket.length > 0) this.ticket = { bytes: ticket.slice(), lifetime: lifetimeHint }
    this.enter('WAIT_CHANGE_CIPHER_SPEC', 'new_session_ticket')
  }

  private takeFinished(message: Uint8Array, now: Nanos): void {
    this.checkFinished(message)
    if (this.resumed !== undefined) this.sayFinished()
    this.enter('CONNECTED', 'finished')
    this.connect()
    this.keepSession(now)
  }

  /** Tells what the session can be resumed with, unless that is known already. */
  private keepSession(now: Nanos): void {
    const { ticket, sessionId, parameters, resumed } = this
    const canResume = ticket !== undefined || (sessionId.length > 0 && resumed === undefined)
    // A session without an extended master secret must not be resumed (RFC 7627 section 5.3).
    if (!canResume || !this.isExtended || parameters === undefined) return
    const lifetime = ticket === undefined || ticket.lifetime === 0 ? DEFAULT_LIFETIME : ticket.lifetime
    const session: TlsSession = {
      version: '1.2',
      cipherSuite: parameters.cipherSuite,
      serverName: parameters.serverName,
      alpn: parameters.alpn,
      peerChain: parameters.peerChain,
      ticket: ticket?.bytes ?? NOTHING,
      sessionId: ticket === undefined ? sessionId.slice() : NOTHING,
      secret: this.master,
      receivedAt: now,
      lifetime,
      ageAdd: 0,
      maxEarlyData: 0,
    }
    this.tell({ type: 'ticket', session })
  }
}

/** Extensions with which a server would say that it speaks TLS 1.3. */
const ONLY_IN_13: readonly number[] = [
  ExtensionType.supported_versions,
  ExtensionType.key_share,
  ExtensionType.pre_shared_key,
  ExtensionType.cookie,
  ExtensionType.early_data,
  ExtensionType.psk_key_exchange_modes,
]

/** The scheme to prove by who we are; undefined: we have nothing that the server would take. */
function schemeFor(credentials: Credentials | undefined, request: CertificateRequest12): SignatureScheme | undefined {
  if (credentials === undefined) return undefined
  const isRsa = authenticationOf(credentials.privateKey.type) === 'rsa'
  const type = isRsa ? ClientCertificateType.rsa_sign : ClientCertificateType.ecdsa_sign
  return request.certificateTypes.includes(type) ? schemeToSign(credentials, request.signatureAlgorithms) : undefined
}
