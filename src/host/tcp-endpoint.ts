import type { IpAddress } from '../wire/address.ts'
import { addressSum } from '../wire/pseudo-header.ts'
import { TCP_HEADER_LENGTH, type TcpSegment } from '../wire/tcp.ts'
import { TcpConnection } from '../protocols/tcp/connection.ts'
import type { ConnectionKeeper, RecordData } from '../protocols/tcp/control-block.ts'
import type { KeepAlive, TcpConfig } from '../protocols/tcp/config.ts'
import type { TcpFailure } from '../protocols/tcp/event.ts'
import type { FastOpenPeer } from '../protocols/tcp/fast-open-peer.ts'
import type { Id, Sleeper, Timer } from '../kernel/machine.ts'
import { NEVER, type Nanos } from '../kernel/time.ts'
import type { HostEnvironment } from './host-environment.ts'
import { CONNECTION_MEMORY } from './memory.ts'
import { formatEnd, type Way } from './network-layer.ts'
import { SocketError, type Blocking, type SocketAddress, type TcpSocket, type Wait } from './socket.ts'
import { WaitQueue } from './tasks.ts'
import { TimedWait } from './timed-wait.ts'
import type { Tuple } from './tuple-table.ts'

const NO_BYTES = new Uint8Array(0)

/** MSS of a peer that names none, over IPv4 and over IPv6 (RFC 9293 section 3.7.1, MUST-15). */
const DEFAULT_MSS = 536
const DEFAULT_MSS_V6 = 1220

/** Events that explain the segments that follow them, better than what was received last. */
const EXPLAINING: ReadonlySet<string> = new Set([
  'tcp:segment-retransmitted',
  'tcp:rto-expired',
  'tcp:fast-retransmit-entered',
  'tcp:tail-loss-probe-sent',
  'tcp:reset-sent',
])

/** What a connection needs from the host that it lives in. */
export interface TcpOwner {
  /** Sends a segment, which is only lent. */
  transmit(endpoint: TcpEndpoint, segment: TcpSegment): void
  /** The handshake is done. */
  established(endpoint: TcpEndpoint): void
  /** How often a SYN-ACK is sent again. @param most what the configuration says */
  synAckRetries(endpoint: TcpEndpoint, most: number): number
  /** The connection is CLOSED: its tuple is free again. */
  gone(endpoint: TcpEndpoint): void
}

/** Who has the socket of a connection open. */
export interface SocketHolder {
  /** The application lets go of the socket, or the connection is gone; told once. */
  released(endpoint: TcpEndpoint): void
}

export interface TcpEndpointOptions {
  readonly config: TcpConfig
  readonly way: Way
  readonly local: SocketAddress
  readonly remote: SocketAddress
  readonly isn: number
  readonly passive: boolean
  /** What is remembered of the server, to open the connection by Fast Open. */
  readonly fastOpen: FastOpenPeer | undefined
}

/** The name of a conversation in the trace: who began it comes first. */
export function conversationName(first: SocketAddress, second: SocketAddress): string {
  return `${formatEnd(first.address, first.port)} ↔ ${formatEnd(second.address, second.port)}`
}

/**
 * A TCP connection as a host has it: the protocol machine, the timer that wakes it, and the socket that an application holds.
 *
 * Deadlines move with nearly every segment, so the kernel's timer is not moved along: it is left where it is when the deadline moves away,
 * and armed anew, for what the deadline is by then, when it fires.
 */
export class TcpEndpoint implements TcpSocket, Tuple, ConnectionKeeper, Sleeper {
  readonly localAddress: IpAddress
  readonly localPort: number
  readonly remoteAddress: IpAddress
  readonly remotePort: number
  readonly way: Way
  /** Of the addresses, for checksums. */
  readonly addressSum: number
  readonly machine: TcpConnection
  /** The path's MTU as the connection knows it. */
  pathMtu: number
  /** Differentiated services codepoint of its packets, 0 to 63. */
  trafficClass = 0
  /** What it is charged with of the host's memory, in bytes. */
  memory = 0
  /** undefined: nobody has it, not yet or no longer. */
  holder: SocketHolder | undefined = undefined
  next: Tuple | undefined = undefined
  private timer: Timer | undefined = undefined
  private armedAt: Nanos = NEVER
  private deadline: Nanos = NEVER
  /** What set the deadline. */
  private deadlineCause: Id = 0
  private readonly changed = new WaitQueue()
  /** Wakes who waits when at most so many bytes wait to be sent; below 0: nobody does. */
  private drainLimit = -1
  private failure: TcpFailure | undefined = undefined
  /** Made when it is first asked for, which where traces are brief is seldom. */
  private name = ''
  private readonly isPassive: boolean
  private isConnected = false
  private isOver = false
  private isShutDown = false
  private isClosed = false

  constructor(
    private readonly owner: TcpOwner,
    private readonly environment: HostEnvironment,
    { config, way, local, remote, isn, passive, fastOpen }: TcpEndpointOptions,
  ) {
    this.localAddress = local.address
    this.localPort = local.port
    this.remoteAddress = remote.address
    this.remotePort = remote.port
    this.isPassive = passive
    this.way = way
    this.addressSum = addressSum(local.address, remote.address)
    this.pathMtu = way.mtu
    this.machine = new TcpConnection({
      config,
      pathMss: this.pathMss,
      defaultMss: typeof remote.address === 'bigint' ? DEFAULT_MSS_V6 : DEFAULT_MSS,
      fastOpen,
      localPort: local.port,
      remotePort: remote.port,
      isn,
      passive,
      keeper: this,
    })
  }

  get connection(): string {
    if (this.name === '')
      this.name = this.isPassive ? conversationName(this.remote, this.local) : conversationName(this.local, this.remote)
    return this.name
  }

  get local(): SocketAddress {
    return { address: this.localAddress, port: this.localPort }
  }

  get remote(): SocketAddress {
    return { address: this.remoteAddress, port: this.remotePort }
  }

  // For the machine.

  get isBrief(): boolean {
    return this.environment.isBrief
  }

  record(name: string, data: RecordData): void {
    const { environment } = this
    if (environment.omits(name)) return
    const id = environment.record(name, this.connection, data)
    if (EXPLAINING.has(name)) environment.cause = id
  }

  synAckRetries(most: number): number {
    return this.owner.synAckRetries(this, most)
  }

  // From below.

  handle(segment: TcpSegment): void {
    const { cause, now } = this.environment
    this.machine.handle(segment, now)
    this.pump(now)
    this.environment.cause = cause
  }

  /** An ICMP error about a segment of ours. @param code of "destination unreachable" */
  handleUnreachable(code: number): void {
    const { cause, now } = this.environment
    this.machine.handleUnreachable(code, now)
    this.pump(now)
    this.environment.cause = cause
  }

  /** Most payload, with options, that gets to the peer in one packet. */
  private get pathMss(): number {
    return this.way.mtu - this.way.layer.headerLength - TCP_HEADER_LENGTH
  }

  /** A packet of ours was too big, and the way has been narrowed accordingly. */
  packetTooBig(): void {
    const { cause, now } = this.environment
    this.pathMtu = this.way.mtu
    this.machine.handlePacketTooBig(this.pathMss, now)
    this.pump(now)
    this.environment.cause = cause
  }

  /** What is known of the way has changed. */
  pathChanged(): void {
    if (this.pathMtu === this.way.mtu) return
    this.pathMtu = this.way.mtu
    this.machine.setPathMss(this.pathMss)
  }

  /** The timer has fired. */
  wake(): void {
    const { environment, deadline } = this
    this.timer = undefined
    this.armedAt = NEVER
    if (deadline === NEVER) return
    // Most have moved away meanwhile. Of a connection that is one of thousands, nothing else is in the processor's caches by now.
    if (deadline > environment.now) {
      this.armFor(deadline)
      return
    }
    environment.holdTasks()
    try {
      this.timerFired()
    } finally {
      environment.releaseTasks()
    }
  }

  private timerFired(): void {
    const { environment, machine } = this
    const { now } = environment
    environment.cause = this.deadlineCause
    machine.handleTimeout(now)
    this.pump(now)
  }

  /** Carries out all that the machine wants after it was touched. */
  private pump(now: Nanos): void {
    const { machine, environment, owner } = this
    const { cause } = environment
    for (let segment = machine.pollTransmit(now); segment !== undefined; segment = machine.pollTransmit(now)) {
      owner.transmit(this, segment)
      environment.cause = cause
    }
    let news = false
    for (let event = machine.pollEvent(); event !== undefined; event = machine.pollEvent()) {
      news = true
      if (event.type === 'connected') {
        this.isConnected = true
        owner.established(this)
      } else if (event.type === 'closed') {
        this.isOver = true
        this.failure = event.error
      }
    }
    if (this.drainLimit >= 0 && machine.unsentBytes <= this.drainLimit) {
      this.drainLimit = -1
      news = true
    }
    if (news) this.changed.wake()
    if (machine.state === 'CLOSED') {
      this.end()
      return
    }
    this.arm()
    if (environment.memory.isCounted) this.countMemory()
  }

  /** Brings up to date what it is charged with. */
  countMemory(): void {
    const { memory } = this.environment
    const now = memory.isCounted ? CONNECTION_MEMORY + this.machine.bufferedBytes : 0
    if (now === this.memory) return
    const isMore = now > this.memory
    memory.connections += now - this.memory
    this.memory = now
    this.environment.load?.touch()
    // What grows by our own writing is refused by nobody: it only breaks a machine that has no way to refuse.
    if (isMore && this.environment.machine.restartAfter > 0 && memory.refuses(0)) this.environment.exhaust(0, this.connection)
  }

  private arm(): void {
    const deadline = this.machine.pollTimeout() ?? NEVER
    if (deadline !== this.deadline) {
      this.deadline = deadline
      this.deadlineCause = this.environment.cause
    }
    if (deadline >= this.armedAt) return
    this.timer?.cancel()
    this.armFor(deadline)
  }

  private armFor(deadline: Nanos): void {
    this.armedAt = deadline
    this.timer = this.environment.schedule(deadline, this)
  }

  private end(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.armedAt = NEVER
    this.isOver = true
    this.owner.gone(this)
    this.release()
  }

  private release(): void {
    const { holder } = this
    this.holder = undefined
    holder?.released(this)
  }

  /** Forgets the connection without a word to the peer: its tuple is wanted for a new one, or it never was one. */
  discard(): void {
    this.end()
    this.changed.wake()
  }

  // From above.

  /** Sends the SYN. */
  open(): void {
    this.machine.connect(this.environment.now)
    this.pump(this.environment.now)
  }

  /**
   * Blocks until the handshake is done.
   * @param timeout 0: as long as TCP itself tries
   * @throws SocketError
   */
  *connected(timeout: Nanos): Blocking<void> {
    const until = this.environment.now + timeout
    while (!this.isConnected) {
      this.throwError()
      if (this.isOver) throw new SocketError('ECONNABORTED', 'the connection was closed before it was established')
      if (timeout > 0 && this.environment.now >= until) {
        throw new SocketError(
          'ETIMEDOUT',
          `no connection to ${formatEnd(this.remoteAddress, this.remotePort)} within the time allowed`,
        )
      }
      yield timeout > 0 ? new TimedWait(this.changed, this.environment, until) : this.changed
    }
  }

  private throwError(): void {
    if (this.failure !== undefined) throw new SocketError(this.failure.code, this.failure.detail)
  }

  get readable(): number {
    return this.machine.readableBytes
  }

  *read(limit?: number): Blocking<Uint8Array | undefined> {
    for (;;) {
      const bytes = this.readNow(limit)
      const wait = bytes === undefined ? this.arrival : undefined
      if (wait === undefined) return bytes
      yield wait
    }
  }

  readNow(limit?: number): Uint8Array | undefined {
    this.throwIfClosed()
    const bytes = this.machine.read(limit)
    if (bytes !== undefined && bytes.length > 0) {
      // Room in the buffer may be news for the peer.
      if (!this.isOver) this.pump(this.environment.now)
      return bytes
    }
    this.throwError()
    return undefined
  }

  get arrival(): Wait | undefined {
    return this.isOver || this.machine.receivedFin ? undefined : this.changed
  }

  *readExactly(length: number): Blocking<Uint8Array> {
    // Not by `read`: that would be a coroutine more for each who waits, and a crowd has thousands who wait.
    let all: Uint8Array | undefined
    let at = 0
    while (at < length) {
      const more = this.readNow(length - at)
      if (more === undefined) {
        const wait = this.arrival
        if (wait === undefined) return all === undefined ? NO_BYTES : all.subarray(0, at)
        yield wait
        continue
      }
      if (more.length === length) return more
      all ??= new Uint8Array(length)
      all.set(more, at)
      at += more.length
    }
    return all ?? NO_BYTES
  }

  *write(bytes: Uint8Array): Blocking<void> {
    let at = 0
    for (;;) {
      this.throwIfClosed()
      this.throwError()
      if (this.isShutDown) throw new SocketError('EPIPE', 'this side has finished sending')
      if (this.isOver) throw new SocketError('EPIPE', 'the connection is over')
      if (at < bytes.length) {
        at += this.machine.send(at === 0 ? bytes : bytes.subarray(at))
        this.pump(this.environment.now)
      }
      if (at === bytes.length) return
      yield this.changed
    }
  }

  *drained(most: number): Blocking<void> {
    while (!this.isOver && !this.isClosed && this.machine.unsentBytes > most) {
      this.drainLimit = Math.max(this.drainLimit, most)
      yield this.changed
    }
    this.throwIfClosed()
    this.throwError()
  }

  private throwIfClosed(): void {
    if (this.isClosed) throw new SocketError('ECONNABORTED', 'the socket is closed')
  }

  shutdown(): void {
    if (this.isShutDown || this.isClosed) return
    this.isShutDown = true
    if (this.isOver) return
    this.machine.shutdown(this.environment.now)
    this.pump(this.environment.now)
    this.changed.wake()
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    if (!this.isOver) {
      this.machine.close(this.environment.now)
      this.pump(this.environment.now)
    }
    this.changed.wake()
    this.release()
  }

  reset(): void {
    this.isClosed = true
    if (!this.isOver) {
      this.machine.abort(this.environment.now)
      this.pump(this.environment.now)
      // Who resets a connection himself need not be told that it did not end well.
      this.failure = undefined
    }
    this.changed.wake()
    this.release()
  }

  *closed(): Blocking<void> {
    while (!this.isOver) yield this.changed
    this.throwError()
  }

  setKeepAlive(how: boolean | Partial<KeepAlive>): void {
    const { keepAliveIdle, keepAliveInterval, keepAliveProbes } = this.machine.block.config
    const usual = { idle: keepAliveIdle, interval: keepAliveInterval, probes: keepAliveProbes }
    const wanted = how === true ? usual : how === false ? undefined : { ...usual, ...how }
    this.machine.setKeepAlive(wanted, this.environment.now)
    if (!this.isOver) this.pump(this.environment.now)
  }

  setTrafficClass(dscp: number): void {
    if (!Number.isInteger(dscp) || dscp < 0 || dscp > 63) throw new RangeError('a codepoint is an integer from 0 to 63')
    this.trafficClass = dscp
  }

  setNoDelay(on: boolean): void {
    this.machine.setNoDelay(on)
    if (!this.isOver) this.pump(this.environment.now)
  }
}
