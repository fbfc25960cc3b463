import { NextHeader } from '../wire/ipv6.ts'

/**
 * What belongs to a protocol above IP. A host has a few of two hundred and fifty-six, each packet asks, and a crowd has thousands of
 * these: the usual ones have their places.
 */
export class ProtocolTable<T> {
  private tcp: T | undefined = undefined
  private udp: T | undefined = undefined
  private icmp: T | undefined = undefined
  private others: Map<number, T> | undefined = undefined

  set(protocol: number, value: T): void {
    if (protocol === NextHeader.TCP) this.tcp = value
    else if (protocol === NextHeader.UDP) this.udp = value
    else if (protocol === ICMP) this.icmp = value
    else (this.others ??= new Map()).set(protocol, value)
  }

  get(protocol: number): T | undefined {
    if (protocol === NextHeader.TCP) return this.tcp
    if (protocol === NextHeader.UDP) return this.udp
    if (protocol === ICMP) return this.icmp
    return this.others?.get(protocol)
  }
}

/** That of IPv4; as a next header of IPv6 nobody has it. */
const ICMP = 1
