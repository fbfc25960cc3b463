/**
 * Who in a crowd has to hear what comes for everybody.
 *
 * Required reading: RFC 826, "Packet Reception". A request that is broadcast concerns one station, yet everybody on the link hears it: with
 * ten thousand members each asked for once, that would be a hundred million receptions. Of those nearly all would do nothing. An ARP
 * packet makes a difference
 *
 * - to the member that is asked for;
 * - to the member whose address the sender says it has: a conflict;
 * - to members that have asked for the sender and wait for the answer;
 * - to everybody who knows the sender by another hardware address, and is corrected.
 *
 * All that any other member would take from it is that the sender lives, which puts off its own next question to it, by unicast, by up to half
 * a minute. Deviates from RFC 826 in leaving that out. Whether there is something to correct is told by what the crowd has last been told
 * about the sender; when in doubt, everybody hears it.
 */
import { ARP_LENGTH, ArpOperation, ArpPacket, decodeArp } from '../wire/arp.ts'
import { DecodeError } from '../wire/errors.ts'
import { ETHERNET_HEADER_LENGTH, EtherType } from '../wire/ethernet.ts'
import { read16 } from '../wire/integer.ts'

/** Senders that are remembered; then all are forgotten, and heard by everybody once more. */
const SENDER_LIMIT = 4096

function isArp(frame: Uint8Array): boolean {
  return read16(frame, 12) === EtherType.ARP && frame.length >= ETHERNET_HEADER_LENGTH + ARP_LENGTH
}

/** Knows what members wait for, and what they have been told. */
export class CrowdHearing {
  private readonly packet = new ArpPacket()
  /** Hardware addresses by the IPv4 addresses of senders, as everybody in the crowd knows them who knows them at all. */
  private readonly known = new Map<number, number>()
  /** Members by the address that they asked for last and of which they have not heard since. */
  private readonly asking = new Map<number, Set<number>>()
  /** The same, by member. */
  private readonly askedFor = new Map<number, number>()

  /**
   * @param firstAddress IPv4 address of member 0
   * @param size how many members there are
   */
  constructor(
    private readonly firstAddress: number,
    private readonly size: number,
  ) {}

  /** A member sends a frame. */
  sends(member: number, frame: Uint8Array): void {
    if (!isArp(frame)) return
    const packet = this.decode(frame)
    if (packet?.operation !== ArpOperation.REQUEST || packet.targetIp === packet.senderIp) return
    this.answered(member, this.askedFor.get(member))
    this.askedFor.set(member, packet.targetIp)
    const others = this.asking.get(packet.targetIp)
    if (others === undefined) this.asking.set(packet.targetIp, new Set([member]))
    else others.add(member)
  }

  /** A frame comes to one member alone. */
  hearsAlone(member: number, frame: Uint8Array): void {
    if (!isArp(frame)) return
    const packet = this.decode(frame)
    if (packet === undefined) return
    const { senderIp, senderMac } = packet
    this.answered(member, senderIp)
    // From here on this member may know the sender by another address than the rest.
    if (this.known.get(senderIp) !== senderMac) this.known.delete(senderIp)
  }

  /** Who has to hear a frame that comes for everybody, in the order of members; undefined: everybody. */
  whoHears(frame: Uint8Array): readonly number[] | undefined {
    const packet = isArp(frame) ? this.decode(frame) : undefined
    if (packet === undefined) return undefined
    const { senderIp, senderMac, targetIp } = packet
    const waiting = this.asking.get(senderIp)
    const isNews = this.known.get(senderIp) !== senderMac
    if (waiting !== undefined) {
      for (const member of waiting) this.askedFor.delete(member)
      this.asking.delete(senderIp)
    }
    if (isNews) {
      if (this.known.size >= SENDER_LIMIT) this.known.clear()
      this.known.set(senderIp, senderMac)
      return undefined
    }
    const members = new Set(waiting)
    for (const address of [targetIp, senderIp]) {
      const member = address - this.firstAddress
      if (member >= 0 && member < this.size) members.add(member)
    }
    return [...members].sort((a, b) => a - b)
  }

  private answered(member: number, address: number | undefined): void {
    if (address === undefined || this.askedFor.get(member) !== address) return
    this.askedFor.delete(member)
    const others = this.asking.get(address)
    if (others === undefined) return
    others.delete(member)
    if (others.size === 0) this.asking.delete(address)
  }

  private decode(frame: Uint8Array): ArpPacket | undefined {
    try {
      return decodeArp(frame, ETHERNET_HEADER_LENGTH, frame.length, this.packet)
    } catch (error) {
      if (error instanceof DecodeError) return undefined
      throw error
    }
  }
}
