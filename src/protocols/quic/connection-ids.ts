/**
 * Connection IDs: those that we give out for the peer to use, and those that the peer gave out for us.
 *
 * Required reading: RFC 9000 sections 5.1 (issuing, consuming and retiring), 9.5 (why each path has one of its own), 10.3 (stateless
 * reset tokens), 19.15 and 19.16 (the frames).
 *
 * How it works. Whoever receives packets chooses what they are addressed with, numbers these IDs in sequence, and keeps the peer supplied
 * with as many as it wants to have. Whoever sends takes a fresh one for each new path, so that nobody on the way can tell that both paths
 * carry the same connection, and says when it will not use one any more; then it is replaced. The issuer can ask for that, too.
 */
import type { RandomBytes } from '../../crypto/random-bytes.ts'
import { QUIC_ERROR_CODE } from '../../wire/quic/error-codes.ts'
import type { NewConnectionIdFrame } from '../../wire/quic/frame.ts'
import { QUIC_FRAME_CODE } from '../../wire/quic/frame-types.ts'
import { QuicViolation } from './fault.ts'

/** So many we let be in use at once, if the peer wants that many. */
const MOST_ISSUED = 8
const RESET_TOKEN_LENGTH = 16

/** One that we gave out. */
export interface LocalConnectionId {
  readonly sequence: number
  readonly bytes: Uint8Array
  /** 16 bytes: whoever shows them tells the peer that we have forgotten the connection. */
  readonly resetToken: Uint8Array
}

export interface LocalConnectionIdsOptions {
  /** The one of the handshake, sequence number 0. */
  readonly first: Uint8Array
  /** The one of a preferred address, sequence number 1; absent: there is none. */
  readonly preferred?: Uint8Array
  readonly random: RandomBytes
  /** The token that belongs to a connection ID. */
  readonly resetToken: (connectionId: Uint8Array) => Uint8Array
}

/** Those that we gave out. Packets to any of `active` are ours. */
export class LocalConnectionIds {
  private readonly issued = new Map<number, LocalConnectionId>()
  private next = 1
  /** What the peer is to retire. */
  private retirePriorTo = 0
  /** active_connection_id_limit of the peer. */
  private limit = 1
  /** Sequence numbers of those that wait to be told. */
  private readonly untold: number[] = []

  constructor(private readonly options: LocalConnectionIdsOptions) {
    const { first, preferred, resetToken } = options
    this.issued.set(0, { sequence: 0, bytes: first, resetToken: resetToken(first) })
    if (preferred === undefined) return
    this.issued.set(1, { sequence: 1, bytes: preferred, resetToken: resetToken(preferred) })
    this.next = 2
  }

  /** Those that packets may come with. */
  get active(): Iterable<LocalConnectionId> {
    return this.issued.values()
  }

  /**
   * Gives out as many as the peer takes. IDs of no length cannot be followed by others.
   * @param limit active_connection_id_limit of the peer
   * @returns the new ones
   */
  supply(limit: number): LocalConnectionId[] {
    this.limit = Math.min(limit, MOST_ISSUED)
    return this.replenish()
  }

  private replenish(): LocalConnectionId[] {
    const { options, issued } = this
    const { length } = options.first
    const added: LocalConnectionId[] = []
    if (length === 0) return added
    let usable = 0
    for (const sequence of issued.keys()) if (sequence >= this.retirePriorTo) usable++
    for (; usable < this.limit; usable++) {
      const bytes = options.random(length)
      const id = { sequence: this.next, bytes, resetToken: options.resetToken(bytes) }
      this.next++
      issued.set(id.sequence, id)
      this.untold.push(id.sequence)
      added.push(id)
    }
    return added
  }

  /** Asks the peer to retire all that it has by now. @returns the new ones that replace them */
  rotate(): LocalConnectionId[] {
    if (this.options.first.length === 0) return []
    this.retirePriorTo = this.next
    return this.replenish()
  }

  /**
   * The peer says that it will not use one any more: RFC 9000 section 19.16.
   * @param used the one that the packet with the frame came with
   * @returns it, and those that replace it
   * @throws QuicViolation when there is no such ID, or the packet itself uses it
   */
  retire(
    sequence: number,
    used: Uint8Array,
  ): { readonly retired: LocalConnectionId | undefined; readonly added: LocalConnectionId[] } {
    const { first } = this.options
    if (first.length === 0) throw violation('RETIRE_CONNECTION_ID', 'retires a connection ID of no length')
    if (sequence >= this.next) throw violation('RETIRE_CONNECTION_ID', 'retires a connection ID that was never given out')
    const retired = this.issued.get(sequence)
    if (retired === undefined) return { retired, added: [] }
    if (isEqual(retired.bytes, used)) throw violation('RETIRE_CONNECTION_ID', 'retires the connection ID that it came with')
    this.issued.delete(sequence)
    const waiting = this.untold.indexOf(sequence)
    if (waiting >= 0) this.untold.splice(waiting, 1)
    return { retired, added: this.replenish() }
  }

  /** Whether a frame is to be sent. */
  get hasFrame(): boolean {
    return this.untold.length > 0
  }

  /** The next frame to send. */
  pollFrame(): NewConnectionIdFrame | undefined {
    for (;;) {
      const sequence = this.untold.shift()
      if (sequence === undefined) return undefined
      const id = this.issued.get(sequence)
      if (id === undefined) continue
      const { bytes, resetToken } = id
      // What is to be retired may lie behind this one, if it has waited for long.
      const retirePriorTo = Math.min(this.retirePriorTo, sequence)
      return { type: 'NEW_CONNECTION_ID', sequence, retirePriorTo, connectionId: bytes, resetToken }
    }
  }

  /** A frame was lost: it is sent again, unless the ID was retired meanwhile. */
  frameLost(sequence: number): void {
    if (this.issued.has(sequence) && !this.untold.includes(sequence)) this.untold.push(sequence)
  }
}

/** One that the peer gave out. */
export interface RemoteConnectionId {
  readonly sequence: number
  readonly bytes: Uint8Array
  /** 16 bytes; undefined: none is known. */
  resetToken: Uint8Array | undefined
  /** Whether some path has it. */
  isUsed: boolean
  /** Whether it must not be used any more. */
  isRetired: boolean
}

/** Those that the peer gave out. A path takes one with `acquire`, and gives it back with `retire`. */
export class RemoteConnectionIds {
  private readonly known = new Map<number, RemoteConnectionId>()
  /** Largest retire_prior_to so far. */
  private retiredPriorTo = 0
  /** Sequence numbers that are to be told as retired, and those that were, until it is acknowledged. */
  private readonly untold: number[] = []
  private readonly unacknowledged = new Set<number>()

  /**
   * @param first the one to begin with, sequence number 0
   * @param limit our active_connection_id_limit
   */
  constructor(
    first: Uint8Array,
    private readonly limit: number,
  ) {
    this.known.set(0, { sequence: 0, bytes: first, resetToken: undefined, isUsed: false, isRetired: false })
  }

  /** The peer has chosen another one for itself, in its first packet or a Retry (RFC 9000 section 7.2). @returns it, in use */
  replaceFirst(bytes: Uint8Array): RemoteConnectionId {
    const id = { sequence: 0, bytes, resetToken: undefined, isUsed: true, isRetired: false }
    this.known.set(0, id)
    return id
  }

  /** stateless_reset_token of the server's transport parameters. */
  setFirstToken(token: Uint8Array): void {
    const first = this.known.get(0)
    if (first !== undefined) first.resetToken = token
  }

  /** A server has given one out with its preferred address, sequence number 1: RFC 9000 section 5.1.1. */
  addPreferred(bytes: Uint8Array, resetToken: Uint8Array): void {
    this.known.set(1, { sequence: 1, bytes, resetToken, isUsed: false, isRetired: false })
  }

  /** Whether `acquire` would find one. */
  get hasSpare(): boolean {
    for (const id of this.known.values()) if (!id.isUsed) return true
    return false
  }

  /** The oldest one that no path uses; undefined: the peer has to give out more first. */
  acquire(): RemoteConnectionId | undefined {
    for (const id of this.known.values()) {
      if (id.isUsed) continue
      id.isUsed = true
      return id
    }
    return undefined
  }

  /**
   * The peer gives out another one: RFC 9000 section 19.15. Those in use may be retired by it: each path then has to `acquire` another.
   * @throws QuicViolation
   */
  take(frame: NewConnectionIdFrame): void {
    const { sequence, connectionId, resetToken, retirePriorTo } = frame
    const first = this.known.get(0)
    if (first?.bytes.length === 0)
      throw violation('NEW_CONNECTION_ID', 'gives out a connection ID, where there was one of no length')
    for (const id of this.known.values()) {
      const isSameId = isEqual(id.bytes, connectionId)
      const isSame = isSameId && (id.resetToken === undefined || isEqual(id.resetToken, resetToken))
      if (isSameId !== (id.sequence === sequence) || (isSameId && !isSame))
        throw violation('NEW_CONNECTION_ID', 'gives out a connection ID or a number twice, with another meaning')
    }
    if (retirePriorTo > this.retiredPriorTo) {
      this.retiredPriorTo = retirePriorTo
      for (const id of [...this.known.values()]) if (id.sequence < retirePriorTo) this.retire(id)
    }
    if (this.known.has(sequence) || this.unacknowledged.has(sequence)) return
    const id = { sequence, bytes: connectionId, resetToken, isUsed: false, isRetired: false }
    if (sequence < this.retiredPriorTo) {
      // It came late, and is retired at once.
      this.retire(id)
      return
    }
    this.known.set(sequence, id)
    if (this.known.size > this.limit)
      throw new QuicViolation(
        QUIC_ERROR_CODE.CONNECTION_ID_LIMIT_ERROR,
        `gives out more than ${String(this.limit)} connection IDs`,
        'RFC 9000 section 5.1.1',
        QUIC_FRAME_CODE.NEW_CONNECTION_ID,
      )
  }

  /**
   * It will not be used any more; the peer is told.
   * @throws QuicViolation when the peer makes us retire more than it lets us tell (RFC 9000 section 5.1.2)
   */
  retire(id: RemoteConnectionId): void {
    if (id.isRetired) return
    id.isRetired = true
    this.known.delete(id.sequence)
    this.untold.push(id.sequence)
    this.unacknowledged.add(id.sequence)
    if (this.unacknowledged.size > 2 * this.limit + MOST_ISSUED)
      throw new QuicViolation(
        QUIC_ERROR_CODE.CONNECTION_ID_LIMIT_ERROR,
        'has more connection IDs retired than it acknowledges',
        'RFC 9000 section 5.1.2',
        QUIC_FRAME_CODE.NEW_CONNECTION_ID,
      )
  }

  /** Whether a RETIRE_CONNECTION_ID frame is to be sent. */
  get hasFrame(): boolean {
    return this.untold.length > 0
  }

  /** Sequence number for the next RETIRE_CONNECTION_ID frame. */
  pollRetired(): number | undefined {
    return this.untold.shift()
  }

  /** A RETIRE_CONNECTION_ID frame was lost. */
  frameLost(sequence: number): void {
    if (this.unacknowledged.has(sequence) && !this.untold.includes(sequence)) this.untold.push(sequence)
  }

  /** A RETIRE_CONNECTION_ID frame was acknowledged. */
  frameAcknowledged(sequence: number): void {
    this.unacknowledged.delete(sequence)
  }

  /**
   * Whether a datagram ends in a token that tells that the peer has forgotten the connection: RFC 9000 section 10.3.1. Only tokens of IDs
   * that were used count.
   */
  isStatelessReset(datagram: Uint8Array): boolean {
    if (datagram.length < 5 + RESET_TOKEN_LENGTH) return false
    const at = datagram.length - RESET_TOKEN_LENGTH
    for (const { resetToken, isUsed } of this.known.values()) {
      if (!isUsed || resetToken === undefined) continue
      // Looks at all bytes, so that the time it takes tells nothing.
      let difference = 0
      for (let i = 0; i < RESET_TOKEN_LENGTH; i++) difference |= datagram[at + i] ^ resetToken[i]
      if (difference === 0) return true
    }
    return false
  }
}

function violation(frame: 'NEW_CONNECTION_ID' | 'RETIRE_CONNECTION_ID', detail: string): QuicViolation {
  const cites = `RFC 9000 section ${frame === 'NEW_CONNECTION_ID' ? '19.15' : '19.16'}`
  return new QuicViolation(QUIC_ERROR_CODE.PROTOCOL_VIOLATION, `${frame} ${detail}`, cites, QUIC_FRAME_CODE[frame])
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
