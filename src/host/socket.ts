import type { IpAddress } from '../wire/address.ts'
import type { TcpSegment } from '../wire/tcp.ts'
import type { Environment } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import type { PacketAccess } from './packet-access.ts'

/** What a blocked application waits for. Yielded by coroutines; made only by sockets and `sleep`. */
export interface Wait {
  /**
   * Registers the one callback that resumes the waiting application. Calls it at most once, never before `arm` returns.
   * @returns stops waiting (the application was killed)
   */
  arm(resume: () => void): () => void
}

/** A blocking operation: `const bytes = yield* socket.read()`. */
export type Blocking<T> = Generator<Wait, T, void>

/** Errors as users know them. */
export type SocketErrorCode =
  | 'ECONNREFUSED'
  | 'ECONNRESET'
  | 'ECONNABORTED'
  | 'ETIMEDOUT'
  | 'EHOSTUNREACH'
  | 'ENETUNREACH'
  | 'EADDRINUSE'
  | 'EADDRNOTAVAIL'
  | 'EMFILE'
  | 'EMSGSIZE'
  | 'EPIPE'
  | 'EPROTO'
  | 'ENOTFOUND'

export class SocketError extends Error {
  override readonly name = 'SocketError'
  constructor(
    readonly code: SocketErrorCode,
    detail: string,
  ) {
    super(`${code}: ${detail}`)
  }
}

/** An IP address of either version, a port in [0, 65535]. */
export interface SocketAddress {
  readonly address: IpAddress
  readonly port: number
}

export interface TcpSocket {
  readonly local: SocketAddress
  readonly remote: SocketAddress
  /** The conversation's name in the trace. */
  readonly connection: string
  /** In-order bytes as soon as there are any (at most `limit`); undefined at the peer's FIN. Throws SocketError. */
  read(limit?: number): Blocking<Uint8Array | undefined>
  /** What `read` would give without blocking; undefined when there is nothing, for now or for good: see `arrival`. Throws SocketError. */
  readNow(limit?: number): Uint8Array | undefined
  /**
   * What to wait for after `readNow` gave nothing; undefined: it was the peer's FIN. Who reads in a loop for long waits for this instead of
   * calling `read` each time, which costs a coroutine.
   */
  readonly arrival: Wait | undefined
  /** Exactly `length` bytes, or fewer when the peer's FIN comes first. */
  readExactly(length: number): Blocking<Uint8Array>
  /** Blocks until all of it is in the send buffer. Throws SocketError; EPIPE after `shutdown`. The bytes must not change afterwards. */
  write(bytes: Uint8Array): Blocking<void>
  /**
   * Blocks until at most so many bytes wait that were never sent, as with Linux's TCP_NOTSENT_LOWAT: what is written earlier can no longer
   * be overtaken by what turns out to be more urgent.
   */
  drained(most: number): Blocking<void>
  /** Half-close: a FIN after all that was written. Reading goes on. */
  shutdown(): void
  /** Both halves. What was written is still sent; unread input makes it a reset (RFC 1122 section 4.2.2.13, RFC 2525 section 2.17). */
  close(): void
  /** A reset, at once. */
  reset(): void
  /** Blocks until the connection is gone (TIME-WAIT counts as gone). Throws SocketError when it did not end well. */
  closed(): Blocking<void>
  /** Nagle's algorithm on (the default) or off. */
  setNoDelay(on: boolean): void
  /** Probes of a silent peer, on or off; times in nanoseconds, those left out are the host's (RFC 9293 section 3.8.4). */
  setKeepAlive(how: boolean | { idle?: Nanos; interval?: Nanos; probes?: number }): void
  /** Differentiated services codepoint of the packets to come, 0 to 63 (RFC 9293 section 3.9.1.9). */
  setTrafficClass(dscp: number): void
  /** How many bytes can be read without blocking. */
  readonly readable: number
}

export interface TcpListener {
  readonly local: SocketAddress
  /** The next established connection. */
  accept(): Blocking<TcpSocket>
  /** The next one of those that wait; undefined: there is none, or the application may not have it now. */
  acceptNow(): TcpSocket | undefined
  close(): void
}

/** Explicit congestion notification of a packet (RFC 3168 section 5): 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE. */
export type Ecn = 0 | 1 | 2 | 3

export interface Datagram {
  readonly from: SocketAddress
  /** Which of our own addresses it came to. */
  readonly to: IpAddress
  readonly ecn: Ecn
  readonly bytes: Uint8Array
}

/** How a datagram is sent. */
export interface DatagramOptions {
  /** One of our own addresses; absent: the one that the route suggests. */
  readonly source?: IpAddress | undefined
  /** Default 0. */
  readonly ecn?: Ecn | undefined
  /**
   * Whether nobody may cut it: neither a router nor this host, whatever has been said of the path. Who sets this finds out by himself what
   * the path takes, as with Linux's IP_PMTUDISC_PROBE. Default false.
   */
  readonly dontFragment?: boolean | undefined
}

/** What came back for a datagram of ours, as ICMP or ICMPv6 says it. Anybody may say so: it is a hint, not a fact. */
export interface DatagramError {
  /** Where the datagram came from, and whom it was for. */
  readonly source: SocketAddress
  readonly destination: SocketAddress
  /** `'refused'`: nobody listens at the port. */
  readonly kind: 'too-big' | 'refused' | 'unreachable'
  /** Of 'too-big': the largest IP packet that is said to fit, in bytes; 0: it is not said. */
  readonly mtu: number
}

/** Takes a socket's datagrams as they arrive, instead of `receive`. Called while the stack works: no task runs before it returns. */
export interface DatagramListener {
  /** @param bytes must not be written to */
  datagramReceived(from: SocketAddress, to: IpAddress, ecn: Ecn, bytes: Uint8Array): void
  datagramFailed(error: DatagramError): void
}

export interface UdpSocket {
  /** `address` is 0: it takes what comes to any address of ours. */
  readonly local: SocketAddress
  /**
   * Never blocks. Throws EMSGSIZE over what one datagram takes (65,507 bytes over IPv4, 65,527 over IPv6) or, of what nobody may cut, over
   * what the link takes; ENETUNREACH without a route; EADDRNOTAVAIL when `source` is not ours.
   */
  sendTo(to: SocketAddress, bytes: Uint8Array, options?: DatagramOptions): void
  /** The next datagram, or undefined when none came in time. Throws ECONNREFUSED when an ICMP port unreachable came back. */
  receive(timeout?: Nanos): Blocking<Datagram | undefined>
  /**
   * Our own address towards another, and the most bytes of a datagram that the link there takes in one packet. Both may change with the
   * routes.
   * @throws SocketError ENETUNREACH
   */
  wayTo(address: IpAddress): { readonly source: IpAddress; readonly payload: number }
  close(): void
}

export interface EchoReply {
  readonly from: IpAddress
  readonly kind: 'reply' | 'time-exceeded' | 'unreachable'
  readonly rtt: Nanos
  readonly ttl: number
}

/** A station on a link: its IPv4 address, and its hardware address of 48 bits. */
export interface Station {
  readonly address: number
  readonly mac: number
}

/** What a program with root's rights can do on the host's links. */
export interface LinkAccess {
  /** Our own addresses on the link that leads to an IPv4 address; undefined where none does. */
  ownStation(towards: number): Station | undefined
  /** The station with an IPv4 address on one of our links, as ARP knows it; undefined when it was not heard of. */
  stationOf(address: number): Station | undefined
  /** Sends an ARP reply to a station, unasked: `claim.address` is at `claim.mac`, true or not. */
  sendArpReply(to: Station, claim: Station): void
  /** Whether packets for others are passed on, as by a router: Linux's `ip_forward`. */
  setForwarding(on: boolean): void
  /**
   * Takes in packets for these TCP ports that would be passed on (IPv4), as Linux's TPROXY does: who connects to somebody behind us is
   * accepted here by whoever listens on the port, and sees the address that he wanted. `local` of the socket says whom.
   */
  divert(ports: readonly number[]): void
  /** Whether datagrams of UDP that would be passed on are thrown away without a word, as firewalls do it. */
  blockUdp(on: boolean): void
  /** Packets as they are, and addresses that come and go. */
  readonly packets: PacketAccess
}

/** What an application sees of its host. */
export interface Sockets {
  /** `data` is sent as soon as possible; where both hosts allow Fast Open (RFC 7413), in the SYN. It must not change afterwards. */
  connect(to: SocketAddress, options?: { noDelay?: boolean; timeout?: Nanos; data?: Uint8Array }): Blocking<TcpSocket>
  /** `fastOpen`: data in a SYN is welcome, even though it may come twice where an attacker has seen it (RFC 7413 section 6.1). */
  listen(port: number, options?: { backlog?: number; fastOpen?: boolean }): TcpListener
  /** What only a program with raw sockets on the link can do. */
  readonly link: LinkAccess
  /** Sends one TCP segment past all connections, from any source address, as programs with raw sockets can. */
  sendRaw(source: IpAddress, destination: IpAddress, segment: TcpSegment): void
  /** @param listener takes what comes; absent: `receive` gives it */
  udp(port?: number, listener?: DatagramListener): UdpSocket
  /** One ICMP or ICMPv6 echo; undefined when nothing came back in time. */
  ping(
    to: IpAddress,
    options: { sequence: number; payload: number; ttl?: number; timeout: Nanos },
  ): Blocking<EchoReply | undefined>
  /**
   * Resolves a host name of the scenario, or an address as text: the address to try first, by `resolveAll`.
   * @param version of IP, 4 or 6; either when absent
   * @throws SocketError ENOTFOUND
   */
  resolve(name: string, version?: 4 | 6): Blocking<IpAddress>
  /**
   * All addresses of a name, in the order in which to try them (RFC 6724): those that cannot be reached last. At least one.
   * @throws SocketError ENOTFOUND
   */
  resolveAll(name: string): Blocking<readonly IpAddress[]>
  /** On a host with several links, blocks until one has lost its carrier, or has it again; with one, for ever. */
  networkChanged(): Blocking<void>
  /** Our own address from which packets to another leave now; undefined where no link with carrier leads there. */
  sourceTowards(address: IpAddress): IpAddress | undefined
  /** Whether the link of an address of ours has carrier. */
  canLeaveFrom(own: IpAddress): boolean
}

/** What an application is given. Its functions may be taken out of it: `const { sockets, sleep } = context`. */
export interface AppContext {
  readonly sockets: Sockets
  readonly environment: Environment
  /** Sleeps on simulated time. */
  readonly sleep: (duration: Nanos) => Blocking<void>
  /** Starts another coroutine of this application; it dies with the application. An uncaught error is recorded as `app:failed`. */
  readonly spawn: (task: Blocking<void>) => Task
  /** What the host takes for the time of day; others may differ. */
  readonly wallClock: () => Nanos
  /** Blocks until the host's processor has had the time that a request takes. */
  readonly processRequest: () => Blocking<void>
  /** Takes up the host's processor for the time that a handshake takes: what is sent from now on goes out later. */
  readonly processHandshake: () => void
  /** Blocks until the host's processor has had the time that accepting so many connections takes, one when absent. */
  readonly processConnection: (count?: number) => Blocking<void>
  /** Blocks until the host's processor has had the time that so many messages take, one when absent. */
  readonly processMessage: (count?: number) => Blocking<void>
  /** Blocks until the host's processor has worked for so long on something else. */
  readonly processFor: (time: Nanos) => Blocking<void>
  /** How long work that is handed to the processor now waits before its turn comes. */
  readonly processorDelay: () => Nanos
  /**
   * Takes up bytes of the host's memory, until `releaseMemory` or the end of the application.
   * @returns false: there is no room for them, and they are not taken up. A machine that crashes then has crashed.
   */
  readonly claimMemory: (bytes: number) => boolean
  readonly releaseMemory: (bytes: number) => void
  /** Which share of the host's memory is taken up, in [0, 1]; 0 where there is no limit. */
  readonly memoryShare: () => number
  /** Blocks until one of several tasks has ended, and says which. */
  readonly race: (tasks: readonly Task[]) => Blocking<number>
}

export interface Task {
  readonly done: boolean
  /** Ends it, running its `finally` blocks. */
  cancel(): void
  /** Blocks until it has ended. */
  join(): Blocking<void>
}

/** An application: its options come from the scenario, validated. */
export interface App {
  main(context: AppContext): Blocking<void>
  /** A knob or an intervention changed an option; the path is below `app options`. Throws on an unknown path. */
  configure?(path: string, value: unknown): void
}
