import { HandshakeType } from '../../../wire/tls/code-points.ts'
import { decodeKeyUpdate, encodeKeyUpdate } from '../../../wire/tls/small-messages.ts'
import type { Nanos } from '../../endpoint.ts'
import type { TlsEvent, TlsParameters } from '../event.ts'
import { TlsAlertError } from '../fault.ts'
import type { Handshake, HandshakeStep } from '../handshake.ts'
import type { TlsSettings } from '../settings.ts'
import { Tls13ClientHandshake } from './client-handshake.ts'
import type { EncryptionLevel, TrafficSecret } from './core.ts'
import { nextTrafficSecret } from './key-schedule.ts'
import { Tls13Opener, Tls13Sealer } from './record-protection.ts'
import { Tls13ServerHandshake } from './server-handshake.ts'

/** ChangeCipherSpec records that mean nothing are dropped, but not without end. */
const MAX_CHANGE_CIPHER_SPEC = 32
/** How much of refused early data is skipped when we would have taken none, in bytes: what OpenSSL offers by default. */
const DEFAULT_SKIP_LIMIT = 16_384
/** What records add to it, at most: in bytes. */
const SKIP_OVERHEAD = 4096
/** Keys are used in this order. */
const ORDER: readonly EncryptionLevel[] = ['initial', 'early', 'handshake', 'application']

/**
 * Puts the handshake of TLS 1.3 on records: RFC 8446 section 5, appendix D.4. In each direction there is one key at a time, so what is
 * needed beside the handshake is when to go from level to level, and the messages that are about the keys alone: KeyUpdate.
 */
export class Tls13RecordHandshake implements Handshake {
  private readLevel: EncryptionLevel = 'initial'
  private writeLevel: EncryptionLevel = 'initial'
  private readonly steps: HandshakeStep[] = []
  private readonly secrets = new Map<string, TrafficSecret>()
  private changesSeen = 0
  private sentChange = false
  private maySend = false
  private maySendEarly = false
  private skipping = false
  private isComplete = false
  /** Whether the peer has asked for a KeyUpdate. However often it asks before we can say something, it gets one (RFC 8446 section 4.6.3). */
  private owesUpdate = false

  constructor(
    private readonly core: Tls13ClientHandshake | Tls13ServerHandshake,
    private readonly settings: TlsSettings,
    /** A server's limit for early data, in bytes. */
    private readonly maxEarlyData = 0,
  ) {}

  get parameters(): TlsParameters | undefined {
    return this.core.parameters
  }

  get mayReceiveData(): boolean {
    return this.readLevel === 'application' || this.readLevel === 'early'
  }

  get isReceivingEarlyData(): boolean {
    return this.readLevel === 'early'
  }

  handleMessage(message: Uint8Array, now: Nanos): void {
    if (message[0] === HandshakeType.key_update && this.isComplete) this.takeKeyUpdate(message)
    else this.core.handleMessage(this.readLevel, message, now)
    this.advance()
  }

  /** Takes no notice of it, while a handshake is under way: RFC 8446 section 5. */
  handleChangeCipherSpec(): void {
    this.changesSeen++
    if (this.isComplete || this.changesSeen > MAX_CHANGE_CIPHER_SPEC)
      throw new TlsAlertError('unexpected_message', 'a ChangeCipherSpec out of place', 'RFC 8446 section 5')
  }

  pollStep(): HandshakeStep | undefined {
    this.advance()
    return this.steps.shift()
  }

  payDebts(): void {
    if (this.owesUpdate) this.updateKeys(false)
  }

  updateKeys(requestPeer: boolean): void {
    this.owesUpdate = false
    const current = this.secret('application', 'write')
    const next = { ...current, secret: nextTrafficSecret(current.suite.hash, current.secret) }
    this.keep(next)
    this.steps.push({ type: 'send', message: encodeKeyUpdate(requestPeer) }, this.writeWith(next))
  }

  private takeKeyUpdate(message: Uint8Array): void {
    const isAsked = decodeKeyUpdate(message)
    const current = this.secret('application', 'read')
    const next = { ...current, secret: nextTrafficSecret(current.suite.hash, current.secret) }
    this.keep(next)
    this.steps.push({ type: 'read-protection', open: new Tls13Opener(next.suite, next.secret) })
    if (isAsked) this.owesUpdate = true
  }

  /** Turns what the core has to say into steps. */
  private advance(): void {
    for (let secret = this.core.pollSecret(); secret !== undefined; secret = this.core.pollSecret()) this.keep(secret)
    let connected: TlsEvent | undefined
    for (let event = this.core.pollEvent(); event !== undefined; event = this.core.pollEvent()) {
      // A client is connected when it has said its Finished; a server, which may give tickets then, before.
      if (event.type === 'connected' && this.core instanceof Tls13ClientHandshake) connected = event
      else this.steps.push({ type: 'event', event })
    }
    for (let message = this.core.pollMessage(); message !== undefined; message = this.core.pollMessage()) {
      this.prepare(message.level)
      this.steps.push({ type: 'send', message: message.bytes })
      if (this.core instanceof Tls13ServerHandshake) this.sendChange(this.core.isCompatible)
    }
    if (connected !== undefined) this.steps.push({ type: 'event', event: connected })
    this.settle()
  }

  /** A client's second flight begins with a ChangeCipherSpec: RFC 8446 appendix D.4. */
  private prepare(level: EncryptionLevel): void {
    const { core } = this
    if (core instanceof Tls13ClientHandshake && (level !== 'initial' || core.wasRetried))
      this.sendChange(this.settings.compatibilityMode)
    if (level === 'initial' && this.writeLevel !== 'initial') {
      // A second ClientHello, after early data had begun.
      this.writeLevel = 'initial'
      this.steps.push({ type: 'write-protection', seal: undefined })
    }
    this.writeAt(level)
  }

  /** Goes on to the levels at which reading and writing stand now. */
  private settle(): void {
    const { core } = this
    if (core.state === 'CONNECTED') {
      this.isComplete = true
      this.writeAt('application')
      this.readAt('application')
      this.allowSending()
    } else if (core instanceof Tls13ClientHandshake) {
      this.settleClient(core)
    } else {
      this.settleServer(core)
    }
  }

  private settleClient(core: Tls13ClientHandshake): void {
    if (core.isSendingEarlyData && !this.maySendEarly) {
      this.maySendEarly = true
      this.sendChange(this.settings.compatibilityMode)
      this.writeAt('early')
      this.steps.push({ type: 'may-send', early: true })
    }
    if (!this.has('handshake', 'read')) return
    this.readAt('handshake')
    // What is wrong with the server's flight is told under the keys of the handshake, but not before EndOfEarlyData is.
    if (this.maySendEarly && core.isSendingEarlyData) return
    this.sendChange(this.settings.compatibilityMode)
    this.writeAt('handshake')
  }

  private settleServer(core: Tls13ServerHandshake): void {
    this.skip(core.isSkippingEarlyData)
    if (!this.has('handshake', 'read')) return
    this.readAt(core.state === 'WAIT_EOED' ? 'early' : 'handshake')
    // Behind our Finished all of ours is under these keys, an alert too (RFC 8446 appendix A.2).
    if (this.has('application', 'write')) this.writeAt('application')
    if (core.maySendData) this.allowSending()
  }

  /** ChangeCipherSpec, once, for the sake of what is between us: RFC 8446 appendix D.4. */
  private sendChange(isWanted: boolean): void {
    if (this.sentChange) return
    this.sentChange = true
    if (isWanted) this.steps.push({ type: 'send-change-cipher-spec' })
  }

  private skip(on: boolean): void {
    if (this.skipping === on) return
    this.skipping = on
    const limit = on ? Math.max(this.maxEarlyData, DEFAULT_SKIP_LIMIT) + SKIP_OVERHEAD : 0
    this.steps.push({ type: 'skip-undecryptable', limit })
  }

  private allowSending(): void {
    if (this.maySend) return
    this.maySend = true
    this.steps.push({ type: 'may-send', early: false })
  }

  private writeAt(level: EncryptionLevel): void {
    if (ORDER.indexOf(level) <= ORDER.indexOf(this.writeLevel)) return
    this.writeLevel = level
    this.steps.push(this.writeWith(this.secret(level, 'write')))
  }

  private readAt(level: EncryptionLevel): void {
    if (ORDER.indexOf(level) <= ORDER.indexOf(this.readLevel)) return
    this.readLevel = level
    const { suite, secret } = this.secret(level, 'read')
    this.steps.push({ type: 'read-protection', open: new Tls13Opener(suite, secret) })
  }

  private writeWith({ suite, secret }: TrafficSecret): HandshakeStep {
    return { type: 'write-protection', seal: new Tls13Sealer(suite, secret, this.settings.padding) }
  }

  private keep(secret: TrafficSecret): void {
    this.secrets.set(`${secret.level} ${secret.direction}`, secret)
  }

  private has(level: EncryptionLevel, direction: TrafficSecret['direction']): boolean {
    return this.secrets.has(`${level} ${direction}`)
  }

  private secret(level: EncryptionLevel, direction: TrafficSecret['direction']): TrafficSecret {
    const secret = this.secrets.get(`${level} ${direction}`)
    if (secret === undefined) throw new Error(`no secret to ${direction} at the level ${level}`)
    return secret
  }
}
