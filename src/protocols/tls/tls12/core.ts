import { hash } from '../../../crypto/hash.ts'
import type { HashName } from '../../../crypto/hash.ts'
import type { AlertName } from '../../../wire/tls/alert.ts'
import { handshakeMessageName, handshakeTypeName } from '../../../wire/tls/code-points.ts'
import type { HandshakeTypeName } from '../../../wire/tls/code-points.ts'
import { decodeFinished, encodeFinished } from '../../../wire/tls/small-messages.ts'
import type { TlsEvent, TlsParameters } from '../event.ts'
import { TlsAlertError } from '../fault.ts'
import type { HandshakeStep } from '../handshake.ts'
import { keyLogLine } from '../key-log.ts'
import type { TlsSettings } from '../settings.ts'
import { equalBytes } from '../tls13/key-schedule.ts'
import type { Tls12Suite } from './cipher-suites.ts'
import { extendedMasterSecret, masterSecret, recordKeys, VERIFY_DATA_LENGTH, verifyData } from './key-schedule.ts'
import { Tls12Opener, Tls12Sealer } from './record-protection.ts'
import type { Input, Transitions } from './state.ts'
import { joined } from '../../../wire/joined.ts'

type Role = 'client' | 'server'

const NOTHING: Uint8Array = new Uint8Array(0)

/** The key exchange's group, of those that TLS 1.2 knows, is left out where a session is resumed. */
type Agreement = Omit<TlsParameters, 'version' | 'earlyData' | 'retried'>

/** What both sides of a handshake of TLS 1.2 have in common: the state, the transcript, the secrets, the last messages. */
export abstract class Tls12Core<State extends string> {
  /** There is no early data in TLS 1.2. */
  readonly isReceivingEarlyData = false
  protected suite: Tls12Suite | undefined
  protected clientRandom = NOTHING
  protected serverRandom = NOTHING
  protected master = NOTHING
  /** Whether the master secret is bound to the handshake: RFC 7627. */
  protected isExtended = false
  private agreed: TlsParameters | undefined
  private readonly steps: HandshakeStep[] = []
  /** All messages of the handshake: a client's signature covers them as they are. Empty again once it is through. */
  private messages: Uint8Array[] = []

  protected constructor(
    private readonly role: Role,
    private current: State,
    private readonly transitions: Transitions<State>,
    protected readonly settings: TlsSettings,
  ) {}

  get parameters(): TlsParameters | undefined {
    return this.agreed
  }

  get mayReceiveData(): boolean {
    return this.current === 'CONNECTED'
  }

  pollStep(): HandshakeStep | undefined {
    return this.steps.shift()
  }

  protected get state(): State {
    return this.current
  }

  /** The type of a message that may come now. Throws TlsAlertError for any other. */
  protected expected(message: Uint8Array): HandshakeTypeName {
    const type = handshakeTypeName(message[0])
    if (type === undefined || this.transitions[this.current][type] === undefined)
      throw this.unexpected(handshakeMessageName(message[0]))
    return type
  }

  protected expectChangeCipherSpec(): void {
    if (this.transitions[this.current].change_cipher_spec === undefined) throw this.unexpected('ChangeCipherSpec')
  }

  /** Goes to another state; the table must know the way. */
  protected enter(state: State, because: Input): void {
    if (this.transitions[this.current][because]?.includes(state) !== true)
      throw new Error(`no way from ${this.current} to ${state} by ${because}`)
    this.current = state
  }

  /** Takes a message into the transcript. */
  protected record(message: Uint8Array): void {
    this.messages.push(message)
  }

  /** Sends a message, and takes it into the transcript. */
  protected say(message: Uint8Array): void {
    this.messages.push(message)
    this.steps.push({ type: 'send', message })
  }

  /** Sends an alert after which the connection goes on. */
  protected warn(alert: AlertName): void {
    this.steps.push({ type: 'warn', alert })
  }

  protected tell(event: TlsEvent): void {
    this.steps.push({ type: 'event', event })
  }

  /** All messages so far, one behind the other: what a client's CertificateVerify signs (RFC 5246 section 7.4.8). */
  protected transcript(): Uint8Array {
    return joined(this.messages)
  }

  protected agree(agreement: Agreement): void {
    this.agreed = { ...agreement, version: '1.2', earlyData: 'none', retried: false }
  }

  /** Makes the master secret of what the key exchange gave; the ClientKeyExchange is in the transcript already. */
  protected deriveMaster(premaster: Uint8Array): void {
    const { hash: name } = this.agreedSuite
    this.useMaster(
      this.isExtended
        ? extendedMasterSecret(name, premaster, this.transcriptHash(name))
        : masterSecret(name, premaster, this.clientRandom, this.serverRandom),
    )
  }

  /** The master secret, new or of the session that is resumed. */
  protected useMaster(master: Uint8Array): void {
    this.master = master
    if (this.settings.keyLog) this.tell({ type: 'secret', line: keyLogLine('CLIENT_RANDOM', this.clientRandom, master) })
  }

  /** Sends ChangeCipherSpec, and Finished as the first message under the new keys. */
  protected sayFinished(): void {
    const { aead, hash: name } = this.agreedSuite
    this.steps.push({ type: 'send-change-cipher-spec' })
    this.steps.push({ type: 'write-protection', seal: new Tls12Sealer(aead, this.keys()[this.role]) })
    this.say(encodeFinished(verifyData(name, this.master, this.role, this.transcriptHash(name))))
  }

  /** The peer's next messages are protected. */
  protected useReadKeys(): void {
    const keys = this.keys()[this.role === 'client' ? 'server' : 'client']
    this.steps.push({ type: 'read-protection', open: new Tls12Opener(this.agreedSuite.aead, keys) })
  }

  /** Checks the peer's Finished, and takes it into the transcript. Throws TlsAlertError, TlsDecodeError. */
  protected checkFinished(message: Uint8Array): void {
    const { hash: name } = this.agreedSuite
    const peer = this.role === 'client' ? 'server' : 'client'
    const expected = verifyData(name, this.master, peer, this.transcriptHash(name))
    if (!equalBytes(decodeFinished(message, VERIFY_DATA_LENGTH), expected))
      throw new TlsAlertError('decrypt_error', 'the Finished does not fit the handshake', 'RFC 5246 section 7.4.9')
    this.record(message)
  }

  /** The handshake is through. */
  protected connect(): void {
    if (this.agreed === undefined) throw new Error('nothing was agreed on')
    this.messages = []
    this.steps.push({ type: 'may-send', early: false })
    this.tell({ type: 'connected', ...this.agreed })
  }

  protected get agreedSuite(): Tls12Suite {
    if (this.suite === undefined) throw new Error('no cipher suite was agreed on')
    return this.suite
  }

  private transcriptHash(name: HashName): Uint8Array {
    return hash(name, this.transcript())
  }

  private keys(): ReturnType<typeof recordKeys> {
    return recordKeys(this.agreedSuite, this.master, this.clientRandom, this.serverRandom)
  }

  private unexpected(what: string): TlsAlertError {
    return new TlsAlertError('unexpected_message', `${what} in the state ${this.current}`, 'RFC 5246 section 7.4')
  }
}
