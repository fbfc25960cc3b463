import { encodeEthernet, EthernetHeader, EtherType } from '../../src/wire/ethernet.ts'
import { encodeIpv4, Ipv4Header, ipv4HeaderLength } from '../../src/wire/ipv4.ts'
import { encodeTcp, tcpEncodedLength, TcpFlag, TcpSegment } from '../../src/wire/tcp.ts'

const ADDRESSES = [0x0a000001, 0x0a000002] as const

/** One TCP connection whose segments a test writes: frames of it, with right checksums. End 0 is the client. */
export class CarriedStream {
  readonly frames: Uint8Array[] = []
  private readonly next = [1000, 50_000]
  private readonly ports: readonly [number, number]

  constructor(serverPort: number) {
    this.ports = [40_000, serverPort]
    this.segment(0, TcpFlag.SYN, new Uint8Array(0))
    this.segment(1, TcpFlag.SYN | TcpFlag.ACK, new Uint8Array(0))
    this.segment(0, TcpFlag.ACK, new Uint8Array(0))
  }

  /** What an end sends, in segments of at most so many bytes. */
  carry(side: 0 | 1, bytes: Uint8Array, most = 1460): void {
    for (let at = 0; at < bytes.length; at += most) {
      this.segment(side, TcpFlag.ACK | TcpFlag.PSH, bytes.slice(at, at + most))
    }
  }

  private segment(side: 0 | 1, flags: number, payload: Uint8Array): void {
    const other = side === 0 ? 1 : 0
    const segment = Object.assign(new TcpSegment(), {
      sourcePort: this.ports[side],
      destinationPort: this.ports[other],
      seq: this.next[side],
      ack: (flags & TcpFlag.ACK) === 0 ? 0 : this.next[other],
      flags,
      window: 65_535,
      payload,
    })
    const header = Object.assign(new Ipv4Header(), { source: ADDRESSES[side], destination: ADDRESSES[other], protocol: 6 })
    const length = tcpEncodedLength(segment)
    const frame = new Uint8Array(14 + ipv4HeaderLength(header) + length)
    const link = Object.assign(new EthernetHeader(), {
      destination: 0x020000000000 + other,
      source: 0x020000000000 + side,
      type: EtherType.IPV4,
    })
    const packet = encodeEthernet(link, frame, 0)
    encodeTcp(segment, frame, encodeIpv4(header, length, frame, packet), ADDRESSES[side], ADDRESSES[other])
    this.frames.push(frame)
    this.next[side] += payload.length + ((flags & TcpFlag.SYN) === 0 ? 0 : 1)
  }
}
