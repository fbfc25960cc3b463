import { QUIC_ERROR_CODE } from '../../wire/quic/error-codes.ts'
import { QuicViolation } from './fault.ts'
import type { PacketDraft } from './packet-draft.ts'

/** Streams of one kind, by number: the stream ID shifted right by 2. */
interface Kind {
  readonly bidirectional: boolean
  /** How many the peer may have open at once. */
  readonly most: number
  /** The number of the next stream that the peer opens. */
  peerNext: number
  /** How many of the peer's are over. */
  peerClosed: number
  /** What the peer was told (MAX_STREAMS). */
  told: number
  /** Whether it has to be told anew. */
  isDue: boolean
  /** The number of the next stream that we open. */
  ourNext: number
  /** What the peer has told us. */
  ourLimit: number
  /** Whether we would have opened more. */
  isWanted: boolean
  /** Whether the peer is to be told so (STREAMS_BLOCKED). */
  owesBlocked: boolean
}

function kind(bidirectional: boolean, most: number): Kind {
  return {
    bidirectional,
    most,
    peerNext: 0,
    peerClosed: 0,
    told: most,
    isDue: false,
    ourNext: 0,
    ourLimit: 0,
    isWanted: false,
    owesBlocked: false,
  }
}

/** How many streams there were, and may be: RFC 9000 sections 2.1 and 4.6. */
export class StreamCounts {
  private readonly bidirectional: Kind
  private readonly unidirectional: Kind

  constructor(
    private readonly isServer: boolean,
    bidirectional: number,
    unidirectional: number,
  ) {
    this.bidirectional = kind(true, bidirectional)
    this.unidirectional = kind(false, unidirectional)
  }

  canOpen(bidirectional: boolean): boolean {
    const { ourNext, ourLimit } = this.of(bidirectional)
    return ourNext < ourLimit
  }

  /** One more would have been opened. */
  wanted(bidirectional: boolean): void {
    const kind = this.of(bidirectional)
    if (!kind.isWanted) kind.owesBlocked = true
    kind.isWanted = true
  }

  /** The ID of the next stream of ours. */
  open(bidirectional: boolean): number {
    const kind = this.of(bidirectional)
    return kind.ourNext++ * 4 + (bidirectional ? 0 : 2) + (this.isServer ? 1 : 0)
  }

  /** Whether there ever was this stream. */
  wasOpened(id: number): boolean {
    const kind = this.of((id & 2) === 0)
    const isOurs = (id & 1) === (this.isServer ? 1 : 0)
    return Math.floor(id / 4) < (isOurs ? kind.ourNext : kind.peerNext)
  }

  /**
   * What the peer lets us open in all, of one kind.
   * @returns whether that is what we have waited for
   */
  raise(bidirectional: boolean, limit: number): boolean {
    const kind = this.of(bidirectional)
    if (limit <= kind.ourLimit) return false
    kind.ourLimit = limit
    const wasWanted = kind.isWanted
    kind.isWanted = false
    kind.owesBlocked = false
    return wasWanted
  }

  /** We begin anew. What the peer lets us open is known only later. */
  forgetOurs(): void {
    for (const kind of [this.bidirectional, this.unidirectional]) {
      kind.ourNext = 0
      kind.ourLimit = 0
      kind.isWanted = false
      kind.owesBlocked = false
    }
  }

  /**
   * The ID of the next stream of the peer's that is opened on the way up to this one; undefined: all are.
   * @throws QuicViolation when this one is beyond what it may open
   */
  nextOfPeer(id: number): number | undefined {
    const kind = this.of((id & 2) === 0)
    const number = Math.floor(id / 4)
    if (number >= kind.told) {
      const detail = `stream ${String(id)}, where ${String(kind.told)} of its kind are allowed`
      throw new QuicViolation(QUIC_ERROR_CODE.STREAM_LIMIT_ERROR, detail, 'RFC 9000 section 4.6')
    }
    if (number < kind.peerNext) return undefined
    return kind.peerNext++ * 4 + (id & 3)
  }

  /** One of the peer's is over. */
  close(bidirectional: boolean): void {
    const kind = this.of(bidirectional)
    kind.peerClosed++
    if ((kind.peerClosed + kind.most - kind.told) * 2 >= kind.most) kind.isDue = true
  }

  /** The peer would open more. */
  handleBlocked(bidirectional: boolean): void {
    const kind = this.of(bidirectional)
    if (kind.peerClosed + kind.most > kind.told) kind.isDue = true
  }

  /** A MAX_STREAMS was lost. */
  lose(bidirectional: boolean): void {
    this.of(bidirectional).isDue = true
  }

  /** Whether something is to be told. */
  get isDue(): boolean {
    const { bidirectional, unidirectional } = this
    return bidirectional.isDue || unidirectional.isDue || bidirectional.owesBlocked || unidirectional.owesBlocked
  }

  write(draft: PacketDraft): void {
    if (!this.isDue) return
    this.writeKind(draft, this.bidirectional)
    this.writeKind(draft, this.unidirectional)
  }

  private writeKind(draft: PacketDraft, kind: Kind): void {
    const { bidirectional } = kind
    if (kind.isDue) {
      const limit = kind.peerClosed + kind.most
      if (!draft.control({ type: 'MAX_STREAMS', bidirectional, limit })) return
      kind.told = limit
      kind.isDue = false
    }
    if (kind.owesBlocked && draft.control({ type: 'STREAMS_BLOCKED', bidirectional, limit: kind.ourLimit }))
      kind.owesBlocked = false
  }

  private of(bidirectional: boolean): Kind {
    return bidirectional ? this.bidirectional : this.unidirectional
  }
}
