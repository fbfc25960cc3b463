/**
 * The packets of a balancer of TCP connections. Required reading: RFC 3022 (address translation), RFC 1624 (checksums), RFC 5508 section 4.2
 * (errors of ICMP); the Linux Virtual Server for what such a balancer does.
 *
 * A connection is given a server with its first SYN, and keeps it: its packets are looked up in a table and sent on, with one copy, and with
 * nothing made for each. In `nat` the server's address takes the place of the virtual one, and replies come back through here; in full NAT an
 * address and a port of our own take the place of the client's, so that the server need know no way back but to us; in `dsr` (direct server
 * return) the packet stays as it is and only its frame goes to the server, who has the virtual address himself and replies past us: so of
 * such a connection only the client's half is seen, and judged by.
 *
 * What belongs to no connection is left to the host's own TCP, which resets it.
 */
import type { PacketAccess, PacketInterceptor } from '../../host/packet-access.ts'
import type { Environment } from '../../kernel/machine.ts'
import { ETHERNET_HEADER_LENGTH } from '../../wire/ethernet.ts'
import { read16, read32 } from '../../wire/integer.ts'
import { decodeIpv4Header, IpProtocol, Ipv4Header } from '../../wire/ipv4.ts'
import { TCP_HEADER_LENGTH, TcpFlag } from '../../wire/tcp.ts'
import { Tracked, TrackedFlag, type ConnectionTable } from './connection-table.ts'
import { ErrorTranslation } from './error-translation.ts'
import type { ExpiryWatch } from './expiry-watch.ts'
import type { Target } from './target.ts'
import { End, translate } from './translation.ts'

/** Says who gets what is new, and keeps the accounts. */
export interface Admission {
  /**
   * A connection without a server.
   * @param isBegun whether it is in the middle: it was not begun here
   * @returns its entry in the table; -1: the packet is left to the host's own TCP; -2: it is thrown away
   */
  admit(client: number, clientPort: number, isBegun: boolean): number
  /** Its server has answered with a SYN of its own, after so long. */
  answered(entry: number, duration: number): void
  /** It is over, as far as its server's accounts are concerned. */
  ended(entry: number): void
}

const OTHERS = TcpFlag.ACK | TcpFlag.RST | TcpFlag.FIN

export class Forwarder implements PacketInterceptor {
  /** Whether the virtual address is ours now. */
  isServing = false
  private readonly errors: ErrorTranslation
  private readonly quoted = new Ipv4Header()

  /** @param address the virtual one, in [0, 2^32) */
  constructor(
    private readonly environment: Environment,
    private readonly packets: PacketAccess,
    readonly address: number,
    readonly port: number,
    private readonly mode: 'nat' | 'full-nat' | 'dsr',
    private readonly table: ConnectionTable,
    private readonly targets: readonly Target[],
    private readonly admission: Admission,
    private readonly watch: ExpiryWatch,
  ) {
    this.errors = new ErrorTranslation(packets, this, mode === 'dsr')
  }

  intercepted(frame: Uint8Array, header: Ipv4Header): boolean {
    if (header.protocol === IpProtocol.TCP) {
      if (header.payloadEnd - header.payloadStart < TCP_HEADER_LENGTH) return false
      const isForUs = header.destination === this.address && read16(frame, header.payloadStart + 2) === this.port
      if (isForUs) return this.isServing && this.fromClient(frame, header)
      return this.mode !== 'dsr' && this.fromServer(frame, header)
    }
    return header.protocol === IpProtocol.ICMP && this.errors.intercepted(frame, header)
  }

  /** The entry of a packet to a client as its server sends it, or -1. */
  findByServer(source: number, sourcePort: number, destination: number, destinationPort: number): number {
    const { table } = this
    if (this.mode === 'full-nat') return table.findBack(source, sourcePort, destinationPort)
    const entry = table.find(destination, destinationPort)
    if (entry < 0) return -1
    const { address, port } = this.targets[table.backend[entry]]
    return address === source && port === sourcePort ? entry : -1
  }

  /** The entry of a packet of a client, or -1. */
  findByClient(source: number, sourcePort: number, destination: number, destinationPort: number): number {
    return destination === this.address && destinationPort === this.port ? this.table.find(source, sourcePort) : -1
  }

  targetOf(entry: number): Target {
    return this.targets[this.table.backend[entry]]
  }

  clientOf(entry: number): number {
    return this.table.client[entry]
  }

  private fromClient(frame: Uint8Array, header: Ipv4Header): boolean {
    const { table } = this
    const at = header.payloadStart
    const clientPort = read16(frame, at)
    const flags = frame[at + 13]
    const isSyn = (flags & (TcpFlag.SYN | OTHERS)) === TcpFlag.SYN
    let entry = table.find(header.source, clientPort)
    if (entry >= 0 && isSyn && this.isReplaced(entry)) {
      this.drop(entry)
      entry = -1
    }
    if (entry < 0) {
      if (!isSyn && (flags & TcpFlag.RST) !== 0) return true
      entry = this.admission.admit(header.source, clientPort, !isSyn)
      if (entry < 0) return entry === -2
    }
    this.trackClient(entry, frame, header, flags)
    const target = this.targets[table.backend[entry]]
    const copy = this.packets.copy(frame, header, target.way)
    if (copy === undefined) return true
    if (this.mode !== 'dsr') this.towardsServer(copy, ETHERNET_HEADER_LENGTH, at, copy.length, entry)
    this.packets.relay(copy, target.way)
    return true
  }

  private fromServer(frame: Uint8Array, header: Ipv4Header): boolean {
    const { table } = this
    const at = header.payloadStart
    const { source, destination } = header
    const entry = this.findByServer(source, read16(frame, at), destination, read16(frame, at + 2))
    if (entry < 0) return false
    this.trackServer(entry, frame[at + 13])
    const way = this.packets.way(table.client[entry])
    const copy = this.packets.copy(frame, header, way)
    if (copy === undefined) return true
    this.towardsClient(copy, ETHERNET_HEADER_LENGTH, at, copy.length, entry)
    this.packets.relay(copy, way)
    return true
  }

  /** Makes a client's packet one for its server. @param end one past the last byte that is there */
  towardsServer(bytes: Uint8Array, start: number, tcp: number, end: number, entry: number): void {
    const { address, port, source } = this.targetOf(entry)
    translate(bytes, start, tcp, end, End.DESTINATION, address, port)
    if (this.mode === 'full-nat') translate(bytes, start, tcp, end, End.SOURCE, source, this.table.ownPort[entry])
  }

  /** Makes a server's packet one for its client. */
  towardsClient(bytes: Uint8Array, start: number, tcp: number, end: number, entry: number): void {
    const { table } = this
    translate(bytes, start, tcp, end, End.SOURCE, this.address, this.port)
    if (this.mode === 'full-nat') translate(bytes, start, tcp, end, End.DESTINATION, table.client[entry], table.clientPort[entry])
  }

  /** Makes a client's packet, as it went to its server, what it was. */
  asFromClient(bytes: Uint8Array, start: number, tcp: number, end: number, entry: number): void {
    const { table } = this
    translate(bytes, start, tcp, end, End.DESTINATION, this.address, this.port)
    if (this.mode === 'full-nat') translate(bytes, start, tcp, end, End.SOURCE, table.client[entry], table.clientPort[entry])
  }

  /** Makes a server's packet, as it went to its client, what it was. */
  asFromServer(bytes: Uint8Array, start: number, tcp: number, end: number, entry: number): void {
    const { address, port, source } = this.targetOf(entry)
    translate(bytes, start, tcp, end, End.SOURCE, address, port)
    if (this.mode === 'full-nat') translate(bytes, start, tcp, end, End.DESTINATION, source, this.table.ownPort[entry])
  }

  restored(frame: Uint8Array): Uint8Array | undefined {
    const header = decodeIpv4Header(frame, ETHERNET_HEADER_LENGTH, frame.length, this.quoted)
    const { source, destination, payloadStart: at, protocol, fragmentOffset } = header
    if (this.mode === 'dsr' || protocol !== IpProtocol.TCP || fragmentOffset !== 0 || frame.length < at + 4) return undefined
    const [from, to] = [read16(frame, at), read16(frame, at + 2)]
    const entry = this.findByServer(destination, to, source, from)
    if (entry < 0) return undefined
    const packet = frame.slice()
    this.asFromClient(packet, ETHERNET_HEADER_LENGTH, at, packet.length, entry)
    return packet
  }

  /** Whether a SYN begins a new connection in the place of one that is known. */
  private isReplaced(entry: number): boolean {
    const state = this.table.state[entry]
    // It has gone to a server who will not answer; this is the client's next try.
    if (state === Tracked.SYN) return !this.targetOf(entry).backend.isHealthy
    return state === Tracked.CLOSED || (state === Tracked.FIN && this.mode === 'dsr')
  }

  private trackClient(entry: number, frame: Uint8Array, header: Ipv4Header, flags: number): void {
    const { table } = this
    const at = header.payloadStart
    const length = header.payloadEnd - at - (frame[at + 12] >>> 4) * 4
    const control = ((flags >>> 1) & 1) + (flags & 1)
    table.clientNext[entry] = read32(frame, at + 4) + length + control
    if ((flags & TcpFlag.ACK) !== 0) table.clientAck[entry] = read32(frame, at + 8)
    const seesServer = this.mode !== 'dsr'
    let state = table.state[entry]
    if ((flags & TcpFlag.RST) !== 0) {
      state = Tracked.CLOSED
    } else if ((flags & TcpFlag.FIN) !== 0) {
      table.flags[entry] |= TrackedFlag.CLIENT_FIN
      if ((table.flags[entry] & TrackedFlag.SERVER_FIN) !== 0) state = Tracked.CLOSED
      else if (state !== Tracked.CLOSED) state = Tracked.FIN
    } else if (state === Tracked.SYN && (flags & TcpFlag.ACK) !== 0) {
      if (!seesServer || (table.flags[entry] & TrackedFlag.ANSWERED) !== 0) state = Tracked.ESTABLISHED
    }
    // Of a connection whose server's half is not seen, the client's end of it is all that will be known.
    if (state === Tracked.CLOSED || (state === Tracked.FIN && !seesServer)) this.settle(entry)
    this.touch(entry, state)
  }

  private trackServer(entry: number, flags: number): void {
    const { table } = this
    let state = table.state[entry]
    if ((flags & TcpFlag.RST) !== 0) {
      state = Tracked.CLOSED
    } else if ((flags & TcpFlag.FIN) !== 0) {
      table.flags[entry] |= TrackedFlag.SERVER_FIN
      if ((table.flags[entry] & TrackedFlag.CLIENT_FIN) !== 0) state = Tracked.CLOSED
      else if (state !== Tracked.CLOSED) state = Tracked.FIN
    } else if (state === Tracked.SYN && (flags & TcpFlag.SYN) !== 0 && (table.flags[entry] & TrackedFlag.ANSWERED) === 0) {
      table.flags[entry] |= TrackedFlag.ANSWERED
      this.admission.answered(entry, this.environment.now - table.lastSeen(entry))
    }
    if (state === Tracked.CLOSED) this.settle(entry)
    this.touch(entry, state)
  }

  private touch(entry: number, state: number): void {
    this.table.touch(entry, state, this.environment.now)
    this.watch.touched(state)
  }

  /** It no longer counts among its server's connections. */
  private settle(entry: number): void {
    const { flags } = this.table
    if ((flags[entry] & TrackedFlag.COUNTED) === 0) return
    flags[entry] &= ~TrackedFlag.COUNTED
    this.admission.ended(entry)
  }

  /** Forgets a connection. */
  drop(entry: number): void {
    this.settle(entry)
    this.table.remove(entry)
  }
}
