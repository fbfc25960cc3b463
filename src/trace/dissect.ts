import type { IpAddress } from '../wire/address.ts'
import { arpLayer } from '../wire/arp.ts'
import { field, withProblems } from '../wire/describe.ts'
import { DecodeError } from '../wire/errors.ts'
import { decodeEthernet, EtherType, ethernetLayer } from '../wire/ethernet.ts'
import type { Field, Layer } from '../wire/field.ts'
import { http1Layer } from '../wire/http1.ts'
import { icmpLayer } from '../wire/icmp-layer.ts'
import { icmpv6Layer } from '../wire/icmpv6-layer.ts'
import { decodeIpv4Header, IpProtocol } from '../wire/ipv4.ts'
import { ipv4Layer } from '../wire/ipv4-layer.ts'
import { decodeIpv6Header, NextHeader } from '../wire/ipv6.ts'
import { walkIpv6Chain } from '../wire/ipv6-chain.ts'
import { ipv6Layer } from '../wire/ipv6-layer.ts'
import { read16 } from '../wire/integer.ts'
import { respLayer } from '../wire/resp-layer.ts'
import { tcpLayer } from '../wire/tcp.ts'
import { decodeUdp, udpLayer } from '../wire/udp.ts'
import { vrrpLayer } from '../wire/vrrp.ts'

/** Titles of layers that could not be read. */
const TITLES: Readonly<Record<string, string>> = {
  ethernet: 'Ethernet II',
  arp: 'Address Resolution Protocol',
  ipv4: 'Internet Protocol Version 4',
  ipv6: 'Internet Protocol Version 6',
  icmp: 'Internet Control Message Protocol',
  icmpv6: 'Internet Control Message Protocol v6',
  udp: 'User Datagram Protocol',
  tcp: 'Transmission Control Protocol',
  http: 'Hypertext Transfer Protocol',
  vrrp: 'Virtual Router Redundancy Protocol',
  resp: 'REdis Serialization Protocol',
}

/** By which RESP is known, as by Wireshark: its bytes alone could be anybody's. */
const RESP_PORT = 6379

function countOf(bytes: number): string {
  return bytes === 1 ? '1 byte' : `${String(bytes)} bytes`
}

function dataField(name: string, label: string, start: number, end: number): Field {
  return field(name, label, countOf(end - start), start, end)
}

/** Bytes that no codec here reads. */
function dataLayer(title: string, start: number, end: number): Layer {
  const fields = [dataField('data.data', 'Data', start, end)]
  return { protocol: 'data', title, summary: countOf(end - start), start, end, fields }
}

/** Bytes that should have been a layer of this protocol, but are not. */
function brokenLayer(protocol: string, start: number, end: number, problem: string): Layer {
  const fields = end > start ? [dataField('data.data', 'Data', start, end)] : []
  return { protocol, title: TITLES[protocol], summary: 'malformed', start, end, fields, problem }
}

/** Walks one frame from the outside in, and gathers its layers. */
class Dissection {
  readonly layers: Layer[] = []

  constructor(private readonly bytes: Uint8Array) {}

  /** Adds the layer that `read` finds in [start, end), or a broken one; says whether it could be read. */
  private add(protocol: string, start: number, end: number, read: () => Layer | undefined): boolean {
    try {
      const layer = read()
      if (layer === undefined) return false
      this.layers.push(layer)
      return true
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.layers.push(brokenLayer(protocol, start, end, error.message))
      return false
    }
  }

  private data(title: string, start: number, end: number): void {
    if (end > start) this.layers.push(dataLayer(title, start, end))
  }

  frame(): void {
    const { bytes, layers } = this
    if (!this.add('ethernet', 0, bytes.length, () => ethernetLayer(bytes, 0, bytes.length))) return
    const { type, payloadStart } = decodeEthernet(bytes, 0, bytes.length)
    let payloadEnd = bytes.length
    if (type === EtherType.IPV4) {
      payloadEnd = this.ipv4(payloadStart, bytes.length)
    } else if (type === EtherType.IPV6) {
      payloadEnd = this.ipv6(payloadStart, bytes.length)
    } else if (type === EtherType.ARP) {
      if (this.add('arp', payloadStart, bytes.length, () => arpLayer(bytes, payloadStart, bytes.length)))
        payloadEnd = layers[1].end
    } else {
      this.data('Payload', payloadStart, bytes.length)
    }
    if (payloadEnd < bytes.length) {
      const padding = dataField('eth.padding', 'Padding', payloadEnd, bytes.length)
      layers[0] = { ...layers[0], fields: [...layers[0].fields, padding] }
    }
  }

  /** Returns where the packet ends and the link's padding begins. */
  private ipv4(start: number, end: number): number {
    const { bytes } = this
    if (!this.add('ipv4', start, end, () => ipv4Layer(bytes, start, end))) return end
    const { source, destination, protocol, moreFragments, fragmentOffset, payloadStart, payloadEnd } = decodeIpv4Header(
      bytes,
      start,
      end,
    )
    const packetEnd = Math.min(payloadEnd, end)
    if (moreFragments || fragmentOffset > 0) this.data('Fragment of a packet', payloadStart, packetEnd)
    else if (protocol === IpProtocol.ICMP)
      this.add('icmp', payloadStart, packetEnd, () => icmpLayer(bytes, payloadStart, packetEnd))
    else if (protocol === IpProtocol.UDP) this.udp(payloadStart, packetEnd, source, destination)
    else if (protocol === IpProtocol.TCP) this.tcp(payloadStart, packetEnd, source, destination)
    else if (protocol === IpProtocol.VRRP)
      this.add('vrrp', payloadStart, packetEnd, () => vrrpLayer(bytes, payloadStart, packetEnd, source, destination))
    else this.data('Payload', payloadStart, packetEnd)
    return packetEnd
  }

  /** Returns where the packet ends and the link's padding begins. */
  private ipv6(start: number, end: number): number {
    const { bytes, layers } = this
    if (!this.add('ipv6', start, end, () => ipv6Layer(bytes, start, end))) return end
    const header = decodeIpv6Header(bytes, start, end)
    const { source, destination, payloadEnd } = header
    const packetEnd = Math.min(payloadEnd, end)
    const chain = walkIpv6Chain(bytes, header, packetEnd, 'destination')
    const headersEnd = layers[1].end
    const { protocol } = chain
    // What the walk did not pass is shown as it is, though the headers behind it could be told apart.
    const isWhole = chain.verdict === 'accept' && chain.start === headersEnd
    if (chain.verdict === 'reassemble') this.data('Fragment of a packet', headersEnd, packetEnd)
    else if (isWhole && protocol === NextHeader.ICMPV6)
      this.add('icmpv6', headersEnd, packetEnd, () => icmpv6Layer(bytes, headersEnd, packetEnd, source, destination))
    else if (isWhole && protocol === NextHeader.UDP) this.udp(headersEnd, packetEnd, source, destination)
    else if (isWhole && protocol === NextHeader.TCP) this.tcp(headersEnd, packetEnd, source, destination)
    else this.data('Payload', headersEnd, packetEnd)
    return packetEnd
  }

  private udp(start: number, end: number, source: IpAddress, destination: IpAddress): void {
    const { bytes, layers } = this
    if (!this.add('udp', start, end, () => udpLayer(bytes, start, end, source, destination))) return
    const { payloadStart, payloadEnd } = decodeUdp(bytes, start, end)
    if (payloadEnd < end) {
      const last = layers.length - 1
      layers[last] = withProblems(layers[last], [`${countOf(end - payloadEnd)} behind the datagram's end`])
    }
    this.data('Payload', payloadStart, payloadEnd)
  }

  private tcp(start: number, end: number, source: IpAddress, destination: IpAddress): void {
    const { bytes, layers } = this
    if (!this.add('tcp', start, end, () => tcpLayer(bytes, start, end, source, destination))) return
    const payloadStart = layers[layers.length - 1].end
    if (payloadStart >= end) return
    const layersBefore = layers.length
    if (read16(bytes, start) === RESP_PORT || read16(bytes, start + 2) === RESP_PORT)
      this.add('resp', payloadStart, end, () => respLayer(bytes, payloadStart, end))
    else this.add('http', payloadStart, end, () => http1Layer(bytes, payloadStart, end))
    const read = layers.length > layersBefore ? layers[layers.length - 1].end : payloadStart
    this.data('Payload', read, end)
  }
}

/**
 * Takes a frame apart: its layers from the outside in, with names, values and byte ranges of their fields. Checksums are verified.
 * Never throws: a layer that cannot be read is a `Layer` with a `problem` and its bytes as one field, and ends the walk.
 * @param frame an Ethernet frame without its frame check sequence
 */
export function dissect(frame: Uint8Array): Layer[] {
  const dissection = new Dissection(frame)
  dissection.frame()
  return dissection.layers
}
