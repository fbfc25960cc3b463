import { INITIAL_CIPHER, PacketKeys, type PacketCipher } from '../crypto/packet-keys.ts'
import { HEADER_KEY_PHASE, type QuicHeader } from '../wire/quic/header.ts'
import { decodePacketNumber } from '../wire/quic/packet-number.ts'

/** How far ahead of the newest known key phase a packet is tried: phases may lie between whose packets nobody has looked at. */
const PHASES_AHEAD = 4

/** What is behind a packet's protection. */
export interface OpenedPacket {
  /** That open it again. */
  readonly keys: PacketKeys
  /** Without its protection. */
  readonly firstByte: number
  /** In bytes. */
  readonly numberLength: number
  readonly packetNumber: number
  /** How often the keys were updated before; 0 for all but 1-RTT packets. */
  readonly phase: number
  readonly payload: Uint8Array
}

/** Opens a packet with these keys, if they are the right ones. @param largest number that was opened before in the same space; -1: none */
function openWith(keys: PacketKeys, bytes: Uint8Array, header: QuicHeader, largest: number, phase = 0): OpenedPacket | undefined {
  const { headerProtection } = keys
  const { start, packetNumberAt, end } = header
  if (!headerProtection.remove(bytes, start, packetNumberAt, end)) return undefined
  const { firstByte, numberLength, truncatedNumber } = headerProtection
  const packetNumber = decodePacketNumber(largest, truncatedNumber, numberLength)
  const payload = keys.open(bytes, packetNumberAt, end, packetNumber)
  return payload === undefined ? undefined : { keys, firstByte, numberLength, packetNumber, phase, payload }
}

/** Opens the packets that one end has sent at one encryption level. */
export interface PacketOpener {
  /** Whether there are any keys. */
  readonly hasKeys: boolean
  open(bytes: Uint8Array, header: QuicHeader, largest: number): OpenedPacket | undefined
}

/** With one key, which may be one of several until a packet has told. */
export class LevelOpener implements PacketOpener {
  private found: PacketKeys | undefined

  constructor(private readonly candidates: readonly PacketKeys[]) {}

  get hasKeys(): boolean {
    return this.candidates.length > 0
  }

  open(bytes: Uint8Array, header: QuicHeader, largest: number): OpenedPacket | undefined {
    if (this.found !== undefined) return openWith(this.found, bytes, header, largest)
    for (const keys of this.candidates) {
      const opened = openWith(keys, bytes, header, largest)
      if (opened === undefined) continue
      this.found = keys
      return opened
    }
    return undefined
  }
}

/** 1-RTT packets, whose keys are updated now and then: RFC 9001 section 6. */
export class PhasedOpener implements PacketOpener {
  /** By key phase; empty until a packet has told which of the candidates it is. */
  private phases: PacketKeys[] = []
  /** The newest phase of which a packet was seen. */
  private current = 0

  constructor(private readonly candidates: readonly PacketKeys[]) {}

  get hasKeys(): boolean {
    return this.candidates.length > 0
  }

  open(bytes: Uint8Array, header: QuicHeader, largest: number): OpenedPacket | undefined {
    if (this.phases.length > 0) return this.openInPhase(bytes, header, largest)
    for (const keys of this.candidates) {
      this.phases = [keys]
      const opened = this.openInPhase(bytes, header, largest)
      if (opened !== undefined) return opened
    }
    this.phases = []
    return undefined
  }

  private openInPhase(bytes: Uint8Array, header: QuicHeader, largest: number): OpenedPacket | undefined {
    const { headerProtection } = this.phases[0]
    if (!headerProtection.remove(bytes, header.start, header.packetNumberAt, header.end)) return undefined
    const bit = (headerProtection.firstByte & HEADER_KEY_PHASE) === 0 ? 0 : 1
    const newest = this.current + (this.current % 2 === bit ? 0 : 1)
    // The newest it can be, those before, which stragglers have, and then those that must have been passed over.
    for (let phase = newest; phase >= Math.max(0, newest - PHASES_AHEAD); phase -= 2) {
      const opened = openWith(this.keysOf(phase), bytes, header, largest, phase)
      if (opened !== undefined) return this.at(phase, opened)
    }
    for (let phase = newest + 2; phase <= newest + PHASES_AHEAD; phase += 2) {
      const opened = openWith(this.keysOf(phase), bytes, header, largest, phase)
      if (opened !== undefined) return this.at(phase, opened)
    }
    return undefined
  }

  private at(phase: number, opened: OpenedPacket): OpenedPacket {
    this.current = Math.max(this.current, phase)
    return opened
  }

  private keysOf(phase: number): PacketKeys {
    const { phases } = this
    for (let last = phases[phases.length - 1]; phases.length <= phase; phases.push(last)) last = last.next()
    return phases[phase]
  }
}

/** An opener of Initial packets. @param secret of the end that has sent them */
export function initialOpener(secret: Uint8Array): PacketOpener {
  return new LevelOpener([new PacketKeys(INITIAL_CIPHER, secret)])
}

/** Keys of what secrets there may be, each with those ciphers that its length fits. */
export function candidateKeys(secrets: readonly Uint8Array[], ciphers: readonly PacketCipher[]): PacketKeys[] {
  return secrets.flatMap((secret) =>
    ciphers.filter(({ hash }) => secret.length === (hash === 'sha384' ? 48 : 32)).map((cipher) => new PacketKeys(cipher, secret)),
  )
}
