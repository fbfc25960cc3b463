/**
 * One end of a TLS connection over a stream of bytes: the record layer, alerts, and the closing; what both ends and both versions share.
 *
 * Required reading: RFC 8446 sections 5 (records) and 6 (alerts), appendix D.4; RFC 5246 sections 6 and 7.2.
 *
 * The stream is cut into records, records of handshake content are put together to messages, and a `Handshake` is fed with them. It answers
 * with steps: messages to send, keys to use from here on, things to tell. Application data wait in a queue until a record is asked for,
 * so what is not yet wanted below costs no cryptography and can still be put together.
 *
 * Whatever the peer does wrong ends in `fail`: a fatal alert goes out, all else is thrown away, and `closed` says what it was.
 */
import { AlertDescription, AlertLevel, alertName, decodeAlert, encodeAlert } from '../../wire/tls/alert.ts'
import type { AlertName } from '../../wire/tls/alert.ts'
import { ContentType, handshakeMessageName, HandshakeType, ProtocolVersion } from '../../wire/tls/code-points.ts'
import { TlsDecodeError } from '../../wire/tls/decode-error.ts'
import { HandshakeBuffer } from '../../wire/tls/handshake.ts'
import { encodeRecord, MAX_PLAINTEXT_LENGTH, RECORD_HEADER_LENGTH } from '../../wire/tls/record.ts'
import { isHelloRetryRequest } from '../../wire/tls/server-hello.ts'
import type { Endpoint, Nanos } from '../endpoint.ts'
import { receivedFault, sentFault, truncatedFault } from './alert-fault.ts'
import type { TlsEvent, TlsFault, TlsParameters } from './event.ts'
import { LocalTlsError, TlsAlertError } from './fault.ts'
import type { Handshake, HandshakeStep, RecordOpener, RecordSealer } from './handshake.ts'
import { RecordReader } from './record-reader.ts'
import { RecordSizer } from './record-sizer.ts'
import { SendQueue } from './send-queue.ts'
import type { TlsSettings } from './settings.ts'
import { joined } from '../../wire/joined.ts'

/** Records without content, and warnings, that may come one after the other. */
const MAX_IDLE_RECORDS = 32
/** Most bytes of one handshake message: enough for any chain of certificates. */
const MAX_MESSAGE = 0x2_0200
/** Renew the keys before this many records are left (RFC 8446 section 5.5). */
const LAST_RECORDS = 16
/** Where a hello's random value begins: behind the header and legacy_version. */
const RANDOM_AT = 6
const CHANGE_CIPHER_SPEC = Uint8Array.of(1)

export abstract class TlsConnection implements Endpoint<Uint8Array, TlsEvent> {
  protected handshake: Handshake | undefined
  protected readonly events: TlsEvent[] = []
  /** legacy_record_version of the first record; some servers refuse a ClientHello with a later one (RFC 8446 section 5.1). */
  protected firstVersion: number = ProtocolVersion.TLS1_2
  /** Bytes of early data taken at most. */
  protected earlyDataLimit = 0
  private readonly records = new RecordReader()
  private readonly messages = new HandshakeBuffer(MAX_MESSAGE)
  private readonly queue = new SendQueue()
  private readonly sizer: RecordSizer
  private output: Uint8Array[] = []
  /** Handshake messages that are to share records. */
  private unsent: Uint8Array[] = []
  private sealer: RecordSealer | undefined
  private opener: RecordOpener | undefined
  /** Whether something was opened under the present keys, so that a record which is not protected is out of place. */
  private hasOpened = false
  private maySend = false
  private isConnected = false
  private wantsEnd = false
  private hasSentEnd = false
  private hasReceivedEnd = false
  private closed = false
  private earlyReceived = 0
  /** Bytes of refused early data that may still be skipped. */
  private skippable = 0
  private idleRecords = 0

  protected constructor(protected readonly settings: TlsSettings) {
    this.sizer = new RecordSizer(settings.recordSize)
  }

  /** Whether the handshake is complete, and we may still send. */
  get isOpen(): boolean {
    return this.isConnected && !this.wantsEnd && !this.closed
  }

  /** Whether nothing will be sent or received any more, apart from what `pollTransmit` still has. */
  get isClosed(): boolean {
    return this.closed
  }

  /** The application protocol that was agreed on. */
  get alpn(): string | undefined {
    return this.parameters?.alpn
  }

  /** What was agreed on, as far as it is known. */
  get parameters(): TlsParameters | undefined {
    return this.handshake?.parameters
  }

  /** Bytes given to `send` that are not in a record yet. */
  get buffered(): number {
    return this.queue.length
  }

  /**
   * Application data to send, by reference: it must not change until it is `buffered` no longer. It waits until it may be sent: for a
   * client until the handshake is complete, for a server of TLS 1.3 that does not ask who the client is until its own part of it is.
   * What is sent to a peer that is gone is thrown away. Throws LocalTlsError after `end`.
   */
  send(bytes: Uint8Array): void {
    if (this.wantsEnd) throw new LocalTlsError('nothing can be sent after the end')
    if (!this.closed) this.queue.push(bytes)
  }

  /** No more data from us: close_notify, once all that waits was sent. We go on receiving. */
  end(): void {
    this.wantsEnd = true
  }

  /**
   * TLS 1.3: changes our keys; with `requestPeer` the peer is asked to change its own. Throws LocalTlsError when the version has no such
   * thing, or before the handshake is complete.
   */
  updateKeys(requestPeer: boolean): void {
    const { handshake } = this
    if (handshake?.updateKeys === undefined) throw new LocalTlsError('keys are changed in TLS 1.3 only')
    if (!this.isConnected) throw new LocalTlsError('the handshake is not complete')
    if (!this.closed && !this.hasSentEnd) handshake.updateKeys(requestPeer)
  }

  /** Gives up. What waits is not sent; the peer is told that it was on purpose (RFC 8446 section 6.1). */
  abort(): void {
    if (this.closed) return
    if (this.handshake !== undefined && !this.hasSentEnd) {
      if (!this.isConnected) this.sendAlert('user_canceled', AlertLevel.warning)
      this.sendAlert('close_notify', AlertLevel.warning)
    }
    this.close(this.isConnected ? undefined : sentFault('user_canceled', 'given up by us', 'RFC 8446 section 6.1', 'local'))
  }

  handle(bytes: Uint8Array, now: Nanos): void {
    if (this.isDeaf) return
    try {
      this.begin(now)
      this.records.push(bytes)
      for (let record = this.records.next(); record !== undefined; record = this.records.next()) {
        this.takeRecord(record, now)
        if (this.isDeaf) return
      }
    } catch (error) {
      this.blame(error)
    }
  }

  /** The peer has closed its half of the stream. If it did not say close_notify before, data may be missing (RFC 8446 section 6.1). */
  handleEnd(_now: Nanos): void {
    if (!this.isDeaf) this.close(truncatedFault(this.isConnected, this.records.isPartial))
  }

  pollTransmit(now: Nanos): Uint8Array | undefined {
    if (!this.closed) {
      this.begin(now)
      if (this.output.length === 0 && !this.hasSentEnd) this.handshake?.payDebts?.()
      this.runSteps(now)
    }
    if (this.output.length > 0) {
      const { output } = this
      this.output = []
      return joined(output)
    }
    if (this.closed || !this.maySend || this.sealer === undefined) return undefined
    if (this.queue.length > 0) {
      const record = this.sealer.seal(ContentType.application_data, this.queue.take(this.sizer.next(now, this.queue.length)))
      if (this.sealer.remaining < LAST_RECORDS) this.handshake?.updateKeys?.(false)
      return record
    }
    if (!this.wantsEnd || this.hasSentEnd) return undefined
    this.hasSentEnd = true
    this.sendAlert('close_notify', AlertLevel.warning)
    if (this.hasReceivedEnd) this.close(undefined)
    return this.output.shift()
  }

  /** There are no deadlines in TLS: who waits too long gives up by itself. */
  pollTimeout(): undefined {
    return undefined
  }

  handleTimeout(): void {
    // Nothing can be due.
  }

  pollEvent(): TlsEvent | undefined {
    return this.events.shift()
  }

  /** Called before anything else is done, with the time at which the connection begins; and often afterwards. */
  protected abstract begin(now: Nanos): void

  /** The handshake that a first message belongs to: the versions part ways here. Throws TlsAlertError, DecodeError. */
  protected abstract handshakeFor(message: Uint8Array, now: Nanos): Handshake

  /** Seals 0-RTT data at once. */
  protected abstract earlyDataToSend(): Uint8Array

  /** Whether what comes is not listened to any more. */
  private get isDeaf(): boolean {
    return this.closed || this.hasReceivedEnd
  }

  /** Answers what the peer did wrong. Throws what is not the peer's. */
  private blame(error: unknown): void {
    if (error instanceof TlsAlertError)
      this.fail(sentFault(error.alert, error.detail, error.cites, 'peer', error.certificateError))
    else if (error instanceof TlsDecodeError) this.fail(sentFault(error.alert, error.detail, error.cites, 'peer'))
    else throw error
  }

  private takeRecord(record: Uint8Array, now: Nanos): void {
    const type = record[0]
    const isTls13 = this.parameters?.version === '1.3'
    if (type === ContentType.change_cipher_spec && (this.opener === undefined || isTls13)) {
      this.takeChangeCipherSpec(record, now)
      return
    }
    if (this.opener === undefined || (isTls13 && type !== ContentType.application_data)) this.takePlain(type, record, now)
    else this.takeProtected(this.opener, record, now)
  }

  private takeChangeCipherSpec(record: Uint8Array, now: Nanos): void {
    const isRight = record.length === RECORD_HEADER_LENGTH + 1 && record[RECORD_HEADER_LENGTH] === 1
    if (!isRight || this.handshake === undefined) throw unexpected('a ChangeCipherSpec out of place', 'RFC 8446 section 5')
    if (this.messages.isPartial) throw unexpected('a ChangeCipherSpec in the middle of a message', 'RFC 8446 section 5.1')
    this.handshake.handleChangeCipherSpec(now)
    this.events.push({ type: 'message', direction: 'received', name: 'ChangeCipherSpec', length: 1, encrypted: false })
    this.runSteps(now)
  }

  private takePlain(type: number, record: Uint8Array, now: Nanos): void {
    const isLate = this.opener !== undefined
    if (type === ContentType.application_data && !isLate && this.skip(record)) return
    // A peer that could not make out our keys may still say what is wrong.
    const mayStay = !isLate || (type === ContentType.alert && !this.hasOpened)
    if (!mayStay) throw unexpected('a record without protection', 'RFC 8446 section 5')
    if (record.length > RECORD_HEADER_LENGTH + MAX_PLAINTEXT_LENGTH)
      throw new TlsAlertError('record_overflow', `a record of ${String(record.length)} bytes`, 'RFC 8446 section 5.1')
    this.takeContent(type, record.subarray(RECORD_HEADER_LENGTH), now)
  }

  private takeProtected(opener: RecordOpener, record: Uint8Array, now: Nanos): void {
    const opened = opener.open(record)
    if (opened === undefined) {
      if (this.skip(record)) return
      throw new TlsAlertError('bad_record_mac', 'a record that was not sealed under these keys', 'RFC 8446 section 5.2')
    }
    this.hasOpened = true
    this.skippable = 0
    this.takeContent(opened.type, opened.plaintext, now)
  }

  /** Whether the record is taken for refused early data: RFC 8446 section 4.2.10. */
  private skip(record: Uint8Array): boolean {
    if (this.skippable < record.length) return false
    this.skippable -= record.length
    return true
  }

  private takeContent(type: number, content: Uint8Array, now: Nanos): void {
    if (type !== ContentType.handshake && this.messages.isPartial)
      throw unexpected('another record in the middle of a handshake message', 'RFC 8446 section 5.1')
    if (content.length === 0) this.takeEmpty(type)
    if (type === ContentType.handshake) this.takeHandshake(content, now)
    else if (type === ContentType.alert) this.takeAlert(content)
    else if (type === ContentType.application_data) this.takeData(content)
    else throw unexpected(`a record of type ${String(type)}`, 'RFC 8446 section 5')
  }

  private takeEmpty(type: number): void {
    if (type !== ContentType.application_data) throw unexpected('a record without content', 'RFC 8446 section 5.1')
    this.idle('records without content')
  }

  /** Counts what costs the peer nothing and brings nothing. */
  private idle(what: string): void {
    this.idleRecords++
    if (this.idleRecords > MAX_IDLE_RECORDS) throw unexpected(`too many ${what}`, 'RFC 8446 section 5.1')
  }

  private takeHandshake(content: Uint8Array, now: Nanos): void {
    this.messages.push(content)
    for (let message = this.messages.next(); message !== undefined; message = this.messages.next()) {
      const encrypted = this.opener !== undefined
      const isIgnored = this.ignores(message)
      const isLate = this.isConnected
      if (!isIgnored) {
        this.handshake ??= this.handshakeFor(message, now)
        this.handshake = this.successor(this.handshake, message, now)
      }
      this.events.push({ type: 'message', direction: 'received', name: nameOf(message), length: message.length, encrypted })
      if (!isIgnored) this.handshake?.handleMessage(message, now)
      this.runSteps(now)
      this.records.anyVersion = this.parameters?.version === '1.3'
      if (isIgnored || isLate) this.idle('messages that bring nothing')
    }
  }

  /** Whether a message means nothing now, and is not part of the handshake. Throws TlsDecodeError. */
  protected ignores(_message: Uint8Array): boolean {
    return false
  }

  /** The handshake that goes on when a message shows which version it is. */
  protected successor(handshake: Handshake, _message: Uint8Array, _now: Nanos): Handshake {
    return handshake
  }

  /** Sends a handshake message, with others if there are any. */
  protected say(message: Uint8Array): void {
    this.unsent.push(message)
    const encrypted = this.sealer !== undefined
    this.events.push({ type: 'message', direction: 'sent', name: nameOf(message), length: message.length, encrypted })
  }

  private takeAlert(content: Uint8Array): void {
    const { level, description } = decodeAlert(content)
    const name = alertName(description)
    const isWarning = level === AlertLevel.warning
    const text = name ?? `alert ${String(description)}`
    this.events.push({ type: 'alert', direction: 'received', level: isWarning ? 'warning' : 'fatal', name: text })
    if (name === 'close_notify') {
      this.takeEnd()
      return
    }
    // In TLS 1.3 all others are fatal, whatever they say of themselves (RFC 8446 section 6.2).
    const isFatal = !isWarning || this.parameters?.version === '1.3'
    if (name === 'user_canceled' || !isFatal) this.idle('warnings')
    else this.close(receivedFault(name, text))
  }

  private takeEnd(): void {
    this.hasReceivedEnd = true
    if (!this.isConnected) {
      this.close(receivedFault('close_notify', 'close_notify'))
      return
    }
    this.events.push({ type: 'ended' })
    if (this.hasSentEnd) this.close(undefined)
  }

  private takeData(bytes: Uint8Array): void {
    const { handshake } = this
    if (handshake?.mayReceiveData !== true)
      throw unexpected('application data before the handshake is complete', 'RFC 8446 section 5')
    const early = handshake.isReceivingEarlyData
    if (early) {
      this.earlyReceived += bytes.length
      if (this.earlyReceived > this.earlyDataLimit) throw unexpected('more early data than allowed', 'RFC 8446 section 4.2.10')
    }
    if (bytes.length === 0) return
    this.idleRecords = 0
    this.events.push({ type: 'data', bytes, early })
  }

  private runSteps(now: Nanos): void {
    const { handshake } = this
    if (handshake === undefined) return
    for (let step = handshake.pollStep(now); step !== undefined; step = handshake.pollStep(now)) this.run(step)
    this.flushMessages()
  }

  private run(step: HandshakeStep): void {
    if (step.type === 'send') {
      // A peer that goes on before it has heard us cannot mean what it says: nothing of it could depend on our answer.
      if (!this.isConnected && this.messages.isPartial)
        throw unexpected('a message that does not wait for the answer', 'RFC 8446 section 4')
      this.say(step.message)
      return
    }
    if (step.type === 'event') {
      if (step.event.type === 'connected') {
        this.isConnected = true
        this.idleRecords = 0
      }
      this.events.push(step.event)
      return
    }
    this.flushMessages()
    switch (step.type) {
      case 'send-change-cipher-spec':
        this.write(ContentType.change_cipher_spec, CHANGE_CIPHER_SPEC)
        this.events.push({ type: 'message', direction: 'sent', name: 'ChangeCipherSpec', length: 1, encrypted: false })
        return
      case 'write-protection':
        this.sealer = step.seal
        return
      case 'read-protection':
        if (this.messages.isPartial) throw unexpected('a message across a change of keys', 'RFC 8446 section 5.1')
        this.opener = step.open
        this.hasOpened = this.isConnected
        return
      case 'may-send':
        if (!step.early) this.maySend = true
        else this.writeEarlyData()
        return
      case 'skip-undecryptable':
        this.skippable = step.limit
        return
      case 'warn':
        this.sendAlert(step.alert, AlertLevel.warning)
    }
  }

  private writeEarlyData(): void {
    const bytes = this.earlyDataToSend()
    const size = this.settings.recordSize === 0 ? MAX_PLAINTEXT_LENGTH : this.settings.recordSize
    for (let at = 0; at < bytes.length; at += size) this.write(ContentType.application_data, bytes.subarray(at, at + size))
  }

  /** Handshake messages go into as few records as they need. */
  private flushMessages(): void {
    const { unsent } = this
    if (unsent.length === 0) return
    this.unsent = []
    const bytes = joined(unsent)
    const size = this.settings.recordSize === 0 ? MAX_PLAINTEXT_LENGTH : this.settings.recordSize
    for (let at = 0; at < bytes.length; at += size) this.write(ContentType.handshake, bytes.subarray(at, at + size))
  }

  private write(type: number, content: Uint8Array): void {
    if (this.sealer !== undefined && type !== ContentType.change_cipher_spec) {
      this.output.push(this.sealer.seal(type, content))
      return
    }
    this.output.push(encodeRecord(type, content, this.firstVersion))
    this.firstVersion = ProtocolVersion.TLS1_2
  }

  private sendAlert(name: AlertName, level: number): void {
    this.flushMessages()
    this.write(ContentType.alert, encodeAlert({ level, description: AlertDescription[name] }))
    this.events.push({ type: 'alert', direction: 'sent', level: level === AlertLevel.warning ? 'warning' : 'fatal', name })
  }

  /** The peer is at fault: it is told, and that is the end. */
  private fail(fault: TlsFault & { readonly alert: AlertName }): void {
    // Behind close_notify nothing is said any more (RFC 8446 section 6.1).
    if (!this.hasSentEnd) this.sendAlert(fault.alert, AlertLevel.fatal)
    this.close(fault)
  }

  private close(error: TlsFault | undefined): void {
    this.closed = true
    if (error?.alert !== undefined) this.handshake?.abandon?.()
    this.queue.clear()
    this.unsent = []
    this.events.push({ type: 'closed', error })
  }
}

function unexpected(detail: string, cites: string): TlsAlertError {
  return new TlsAlertError('unexpected_message', detail, cites)
}

/** `'ClientHello'`; a HelloRetryRequest is a ServerHello that says so by its random value. */
function nameOf(message: Uint8Array): string {
  const isRetry = message[0] === HandshakeType.server_hello && isHelloRetryRequest(message.subarray(RANDOM_AT))
  return isRetry ? 'HelloRetryRequest' : handshakeMessageName(message[0])
}
