import type { TlsClient } from '../protocols/tls/client.ts'
import type { TlsEvent, TlsFault, TlsParameters, TlsVersion } from '../protocols/tls/event.ts'
import type { TlsServer } from '../protocols/tls/server.ts'
import type { TlsSession } from '../protocols/tls/session.ts'
import { SocketError } from '../host/socket.ts'
import type { AppContext, Blocking, SocketAddress, Task, TcpSocket, Wait } from '../host/socket.ts'
import { WaitQueue } from '../host/tasks.ts'
import type { EventData } from '../kernel/machine.ts'
import { SECOND, type Nanos } from '../kernel/time.ts'
import type { StreamCarriers } from './byte-stream.ts'
import { RecordMap } from './record-map.ts'
import { RecordScanner } from './record-scanner.ts'
import { SecureStreamError, secureStreamErrorOf } from './secure-stream-error.ts'

/** Who opened a stream, and hears of what is not in the stream itself. */
export interface TlsStreamListener {
  readonly isClient: boolean
  /** A ticket to resume with. */
  readonly ticketReceived?: ((session: TlsSession) => void) | undefined
  /** What is wrong with the peer's certificate though it was believed. */
  readonly certificateError?: (() => string | undefined) | undefined
}

/**
 * How long the peer may take to close its side after we have closed ours: what it says in the meantime, its close_notify among it, would
 * otherwise meet with a reset (RFC 9112 section 9.6 has the same trouble).
 */
const LINGER: Nanos = 2 * SECOND

/** Goes on with a coroutine that has begun already, and waits. */
function* resumed(wait: Wait, rest: Blocking<void>): Blocking<void> {
  yield wait
  yield* rest
}

/**
 * A TLS endpoint upon a socket: reads, writes and ends like a socket itself, and writes into the trace what happens.
 *
 * Records go out in the order in which they were made, whoever asks for that: the one task that is sending sends what others have added,
 * and those wait for it. A task that is killed in the middle of a record leaves the stream torn: nothing can follow then.
 */
export class TlsStream {
  readonly connection: string
  private parameters: TlsParameters | undefined
  earlyData: 'none' | 'accepted' | 'rejected' = 'none'
  earlyBytes = 0
  isTruncated = false
  /** Bytes received and not read, in order. */
  private readonly inbox: Uint8Array[] = []
  private inboxBytes = 0
  private readBytes = 0
  private readonly maps = { sent: new RecordMap(), received: new RecordMap() }
  private keepsMaps = false
  /** Whether the application has written anything since the handshake. */
  private hasWritten = false
  private readonly scanner = new RecordScanner()
  /** Of the record that is coming in: its bytes so far, and the plain ones that came out. */
  private recordBytes = 0
  private recordPlain = 0
  /** A piece to send that was asked for already. */
  private next: Uint8Array | undefined
  private hasEnded = false
  private isShutDown = false
  private isClosed = false
  private isFlushing = false
  private isTorn = false
  private failure: SocketError | undefined
  private lingering: Task | undefined
  /** Whether the processor has worked on the handshake. */
  private hasPaid = false
  private readonly flushed = new WaitQueue()

  constructor(
    private readonly context: AppContext,
    private readonly socket: TcpSocket,
    private readonly tls: TlsClient | TlsServer,
    private readonly listener: TlsStreamListener,
  ) {
    this.connection = socket.connection
  }

  get local(): SocketAddress {
    return this.socket.local
  }

  get remote(): SocketAddress {
    return this.socket.remote
  }

  get version(): TlsVersion {
    return this.parameters?.version ?? this.tls.parameters?.version ?? '1.3'
  }

  get cipherSuite(): string {
    return this.parameters?.cipherSuite ?? this.tls.parameters?.cipherSuite ?? ''
  }

  get group(): string {
    return this.parameters?.group ?? ''
  }

  get alpn(): string | undefined {
    return this.tls.alpn
  }

  get serverName(): string | undefined {
    return this.parameters?.serverName ?? this.tls.parameters?.serverName
  }

  get isResumed(): boolean {
    return this.parameters?.resumed ?? false
  }

  get peerChain(): readonly Uint8Array[] {
    return this.parameters?.peerChain ?? []
  }

  get certificateError(): string | undefined {
    return this.listener.certificateError?.()
  }

  get isConfirmed(): boolean {
    return this.parameters !== undefined
  }

  get readable(): number {
    return this.inboxBytes
  }

  /** What was sent and received is kept from the first time on that this is asked for. */
  get carriers(): StreamCarriers {
    this.keepsMaps = true
    return this.maps
  }

  /**
   * Blocks until application data can pass; for a server, that may be early data.
   * @param timeout in nanoseconds; 0: as long as it takes
   * @throws SocketError, SecureStreamError
   */
  *open(timeout: Nanos): Blocking<void> {
    this.record('tls:handshake-started', { role: this.listener.isClient ? 'client' : 'server' })
    const alarm = timeout > 0 ? this.context.spawn(this.giveUp(timeout)) : undefined
    try {
      yield* this.flush()
      while (!this.isConfirmed && this.earlyBytes === 0) {
        this.throwFailure()
        if (this.hasEnded) throw new SocketError('ECONNRESET', 'the connection ended in the middle of the handshake')
        yield* this.fill()
      }
      // The end of the handshake goes out before anything else does.
      yield* this.flush()
    } catch (thrown) {
      // Who gave up knows why better than the socket that he has closed.
      const error = thrown instanceof SocketError ? (this.failure ?? thrown) : thrown
      if (error instanceof SocketError && !(error instanceof SecureStreamError))
        this.record('tls:failed', { error: error.code, whose: 'network', detail: error.message, cites: '' })
      throw error
    } finally {
      alarm?.cancel()
    }
  }

  /** Ends a handshake that takes too long. */
  private *giveUp(timeout: Nanos): Blocking<void> {
    yield* this.context.sleep(timeout)
    this.failure = new SocketError('ETIMEDOUT', 'the handshake did not come to an end within the time allowed')
    this.socket.reset()
  }

  *read(limit = Infinity): Blocking<Uint8Array | undefined> {
    for (;;) {
      const bytes = this.readNow(limit)
      const wait = bytes === undefined ? this.arrival : undefined
      if (wait === undefined) return bytes
      yield wait
    }
  }

  readNow(limit = Infinity): Uint8Array | undefined {
    for (;;) {
      this.throwIfClosed()
      if (this.inbox.length > 0) return this.take(limit)
      this.throwFailure()
      if (this.hasEnded) return undefined
      const bytes = this.socket.readNow()
      if (bytes === undefined && this.socket.arrival !== undefined) return undefined
      this.takeIn(bytes)
    }
  }

  get arrival(): Wait | undefined {
    return this.hasEnded ? undefined : this.socket.arrival
  }

  *write(bytes: Uint8Array): Blocking<void> {
    this.throwIfClosed()
    this.throwFailure()
    if (this.isShutDown) throw new SocketError('EPIPE', 'this side has finished sending')
    if (this.tls.isClosed) throw new SocketError('EPIPE', 'the connection is over')
    this.hasWritten = true
    if (bytes.length > 0) this.tls.send(bytes)
    yield* this.flush()
    this.throwIfClosed()
    this.throwFailure()
  }

  *drained(most: number): Blocking<void> {
    yield* this.socket.drained(most)
  }

  shutdown(): void {
    if (this.isShutDown || this.isClosed) return
    this.isShutDown = true
    this.finish(() => {
      this.socket.shutdown()
    })
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    const isPeerDone = this.hasEnded || this.failure !== undefined || !this.isConfirmed
    this.finish(() => {
      if (isPeerDone) this.socket.close()
      else this.lingering = this.context.spawn(this.linger())
    })
  }

  /** Ends our side, and waits for the peer to do the same. What it still sends is thrown away. */
  private *linger(): Blocking<void> {
    const { socket, context } = this
    let alarm: Task | undefined
    try {
      socket.shutdown()
      alarm = context.spawn(this.closeAfter(LINGER))
      while ((yield* socket.read()) !== undefined);
    } catch (error) {
      // It is over either way, and nobody is left who would want to know.
      if (!(error instanceof SocketError)) throw error
    } finally {
      alarm?.cancel()
      socket.close()
    }
  }

  private *closeAfter(time: Nanos): Blocking<void> {
    yield* this.context.sleep(time)
    this.socket.close()
  }

  /** Blocks until a stream that was closed is gone. */
  *closed(): Blocking<void> {
    if (this.lingering !== undefined) yield* this.lingering.join()
  }

  reset(): void {
    this.isClosed = true
    this.isTorn = true
    this.socket.reset()
  }

  setNoDelay(on: boolean): void {
    this.socket.setNoDelay(on)
  }

  updateKeys(): void {
    this.tls.updateKeys(true)
    this.flushSoon()
  }

  /** Says that we are done, and then does the rest. */
  private finish(then: () => void): void {
    const { tls } = this
    if (!tls.isClosed && this.failure === undefined) {
      // A server that has answered early data is done before the handshake is.
      if (this.isConfirmed || this.earlyBytes > 0) tls.end()
      else tls.abort()
      this.takeEvents(false)
    }
    this.flushSoon(then)
  }

  private throwIfClosed(): void {
    if (this.isClosed) throw new SocketError('ECONNABORTED', 'the socket is closed')
  }

  private throwFailure(): void {
    if (this.failure !== undefined) throw this.failure
  }

  private take(limit: number): Uint8Array {
    const { inbox } = this
    const first = inbox[0]
    const bytes = first.length <= limit ? first : first.subarray(0, limit)
    if (bytes === first) inbox.shift()
    else inbox[0] = first.subarray(limit)
    this.inboxBytes -= bytes.length
    this.readBytes += bytes.length
    if (!this.keepsMaps) this.maps.received.forget(this.readBytes)
    return bytes
  }

  /** Reads once from the socket. */
  private *fill(): Blocking<void> {
    this.takeIn(yield* this.socket.read())
  }

  /** @param bytes from the socket; undefined: its end */
  private takeIn(bytes: Uint8Array | undefined): void {
    if (bytes !== undefined) {
      this.handle(bytes)
    } else if (!this.tls.isClosed) {
      this.tls.handleEnd(this.context.environment.now)
      this.takeEvents(true)
    }
    if (bytes === undefined) this.hasEnded = true
    this.flushSoon(this.failure === undefined ? undefined : () => this.socket.close())
  }

  /** Record by record, so that it is known which one brought what. */
  private handle(bytes: Uint8Array): void {
    const { tls, scanner } = this
    const { now } = this.context.environment
    for (let at = 0; at < bytes.length && !tls.isClosed;) {
      const end = scanner.next(bytes, at)
      tls.handle(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end), now)
      this.recordBytes += end - at
      this.takeEvents(false)
      if (scanner.isBetweenRecords) {
        this.maps.received.add(this.recordPlain, this.recordBytes)
        this.recordBytes = 0
        this.recordPlain = 0
      }
      at = end
    }
  }

  /** The next bytes to send. */
  private poll(): Uint8Array | undefined {
    const { tls, next } = this
    if (next !== undefined) {
      this.next = undefined
      return next
    }
    const before = tls.buffered
    const bytes = tls.pollTransmit(this.context.environment.now)
    this.takeEvents(false)
    if (bytes === undefined) return undefined
    if (this.keepsMaps || !this.hasWritten) this.maps.sent.add(before - tls.buffered, bytes.length)
    else this.maps.sent.skip(before - tls.buffered, bytes.length)
    return bytes
  }

  /** Sends what there is to send. Blocks until all of it is in TCP's send buffer. */
  private *flush(): Blocking<void> {
    while (this.isFlushing) yield this.flushed
    if (this.isTorn) return
    this.isFlushing = true
    let isInside = false
    try {
      for (let bytes = this.poll(); bytes !== undefined; bytes = this.poll()) {
        isInside = true
        yield* this.socket.write(bytes)
        isInside = false
      }
    } finally {
      this.isTorn ||= isInside
      this.isFlushing = false
      this.flushed.wake()
    }
  }

  /** The same without blocking: what does not fit now is sent by a task of its own. */
  private flushSoon(then?: () => void): void {
    if (then === undefined) {
      if (this.isFlushing) return
      this.next = this.poll()
      if (this.next === undefined) return
    }
    const body = this.flushThen(then)
    const step = body.next()
    if (step.done !== true) this.context.spawn(resumed(step.value, body))
  }

  private *flushThen(then: (() => void) | undefined): Blocking<void> {
    try {
      yield* this.flush()
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      this.failure ??= error
    }
    then?.()
  }

  private record(name: string, data: EventData): void {
    this.context.environment.record(name, this.connection, data)
  }

  private takeEvents(isEnd: boolean): void {
    for (let event = this.tls.pollEvent(); event !== undefined; event = this.tls.pollEvent()) this.takeEvent(event, isEnd)
  }

  private takeEvent(event: TlsEvent, isEnd: boolean): void {
    switch (event.type) {
      case 'connected':
        this.parameters = event
        this.recordConnected(event)
        return
      case 'early-data':
        this.earlyData = event.outcome
        // It went out in the first flight, beside the ClientHello.
        if (this.listener.isClient && event.outcome === 'accepted') this.maps.sent.addCarried(event.bytes.length)
        this.record(`tls:early-data-${event.outcome}`, { bytes: event.bytes.length })
        return
      case 'data':
        this.inbox.push(event.bytes)
        this.inboxBytes += event.bytes.length
        this.recordPlain += event.bytes.length
        if (event.early) this.earlyBytes += event.bytes.length
        return
      case 'ended':
        this.hasEnded = true
        return
      case 'closed':
        this.hasEnded = true
        if (event.error !== undefined) this.fail(event.error, isEnd)
        return
      case 'ticket':
        this.record('tls:ticket-received', { lifetime: event.session.lifetime, maxEarlyData: event.session.maxEarlyData })
        this.listener.ticketReceived?.(event.session)
        return
      case 'secret':
        this.record('tls:secret-logged', { line: event.line })
        return
      case 'message':
        if (event.direction === 'received' && event.name === 'ClientHello') this.payForHandshake()
        this.record(`tls:message-${event.direction}`, {
          message: event.name,
          length: event.length,
          encrypted: event.encrypted,
        })
        return
      case 'alert':
        this.record(`tls:alert-${event.direction}`, { level: event.level, alert: event.name })
    }
  }

  /** A server's processor works on each handshake once. */
  private payForHandshake(): void {
    if (this.hasPaid) return
    this.hasPaid = true
    this.context.processHandshake()
  }

  private recordConnected(parameters: TlsParameters): void {
    const { version, cipherSuite, group = '', alpn = '', serverName = '', resumed: isResumed, earlyData, retried } = parameters
    this.record('tls:connected', {
      role: this.listener.isClient ? 'client' : 'server',
      version,
      cipherSuite,
      group,
      alpn,
      serverName,
      resumed: isResumed,
      earlyData,
      retried,
    })
  }

  private fail(fault: TlsFault, isEnd: boolean): void {
    const error = secureStreamErrorOf(fault, this.listener.isClient)
    if (isEnd && this.isConfirmed) {
      // Many peers end so, and it matters only to those who cannot tell by what they got whether that was all (RFC 9112 section 9.8).
      this.isTruncated = true
      this.record('tls:truncated', { detail: error.detail, cites: error.cites })
      return
    }
    this.failure = error
    const { whose, alert, detail, cites } = error
    this.record('tls:failed', { error: error.error, whose, alert, detail, cites })
  }
}
