import { read16 } from '../wire/integer.ts'
import { IpProtocol } from '../wire/ipv4.ts'
import { UDP_HEADER_LENGTH } from '../wire/udp.ts'
import { TransportPlace } from './transport-place.ts'

/** Where the UDP datagram of a frame is. */
export class UdpDatagramPlace extends TransportPlace {
  private start = 0

  constructor() {
    super(IpProtocol.UDP)
  }

  protected read(frame: Uint8Array, start: number, end: number): boolean {
    if (end - start < UDP_HEADER_LENGTH) return false
    const length = read16(frame, start + 4)
    if (length < UDP_HEADER_LENGTH || start + length > end) return false
    this.start = start
    this.payloadStart = start + UDP_HEADER_LENGTH
    this.payloadEnd = start + length
    return true
  }

  /** Address and port of the sender, or of the receiver, as text that is the same for the same ones. */
  endOf(frame: Uint8Array, which: 'source' | 'destination'): string {
    const { addressesAt, addressLength, start } = this
    const [at, portAt] = which === 'source' ? [addressesAt, start] : [addressesAt + addressLength, start + 2]
    return String.fromCharCode(...frame.subarray(at, at + addressLength), read16(frame, portAt))
  }
}
