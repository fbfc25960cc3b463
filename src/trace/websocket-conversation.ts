import { DecodeError } from '../wire/errors.ts'
import { field } from '../wire/describe.ts'
import type { Layer } from '../wire/field.ts'
import { headerLength } from '../wire/websocket.ts'
import { WebSocketLayerReader } from '../wire/websocket-layer.ts'
import type { WebSocketMessage } from '../wire/websocket-layer.ts'
import type { Side } from './tls-conversation.ts'

/** A frame of WebSocket in the stream of one end. */
export interface WebSocketUnit {
  /** Offsets in that stream: [start, end), header included. */
  readonly start: number
  readonly end: number
  /** What it says, with ranges from the frame's beginning. */
  readonly layer: Layer
  /** The message that it ends. */
  readonly message: WebSocketMessage | undefined
}

/** Longest frame that is looked into, in bytes of payload. */
const LONGEST = 1 << 20
/** Bytes that a half holds in any case. */
const ROOM = 256

/** What one end has sent. */
class WebSocketHalf {
  readonly units: WebSocketUnit[] = []
  private readonly reader = new WebSocketLayerReader()
  private pending = new Uint8Array(ROOM)
  private length = 0
  /** Bytes that are stepped over. */
  private skip = 0
  private failed: string | undefined
  /** Bytes that it was given. */
  taken = 0

  /** @param start where the next frame begins */
  constructor(private start: number) {}

  push(bytes: Uint8Array): void {
    this.taken += bytes.length
    for (let at = 0; at < bytes.length && this.failed === undefined;) at += this.take(bytes, at)
  }

  /** Why frames can no longer be told apart. */
  get failure(): string | undefined {
    return this.failed
  }

  /** Where the frame begins that is not whole yet. */
  get position(): number {
    return this.start
  }

  private take(bytes: Uint8Array, at: number): number {
    const rest = bytes.length - at
    if (this.skip > 0) {
      const skipped = Math.min(rest, this.skip)
      this.skip -= skipped
      return skipped
    }
    const { wanted } = this
    const taken = Math.min(rest, wanted - this.length)
    this.hold(bytes.subarray(at, at + taken), wanted)
    // What is wanted grows as the header comes.
    if (this.length < this.wanted) return taken
    const header = headerLength(this.pending[1])
    const payload = this.payloadLength()
    if (payload > LONGEST) this.skip = payload
    this.finish(header + payload)
    return taken
  }

  /** Bytes of the frame, header included, as far as it is known and looked into. */
  private get wanted(): number {
    if (this.length < 2) return 2
    const header = headerLength(this.pending[1])
    if (this.length < header) return header
    const payload = this.payloadLength()
    return payload > LONGEST ? header : header + payload
  }

  /** Of the frame whose header is there. */
  private payloadLength(): number {
    const { pending } = this
    const short = pending[1] & 0x7f
    if (short < 126) return short
    let length = 0
    for (let i = 2; i < (short === 126 ? 4 : 10); i++) length = length * 256 + pending[i]
    return length
  }

  private hold(bytes: Uint8Array, wanted: number): void {
    const needed = this.length + bytes.length
    if (needed > this.pending.length) {
      const larger = new Uint8Array(Math.max(needed, Math.min(wanted, 2 * needed)))
      larger.set(this.pending.subarray(0, this.length))
      this.pending = larger
    }
    this.pending.set(bytes, this.length)
    this.length = needed
  }

  private finish(length: number): void {
    const end = this.start + length
    try {
      const layer = this.reader.frame(this.pending.subarray(0, this.length))
      this.units.push({ start: this.start, end, layer, message: this.reader.message })
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.failed = error.message
      const fields = [field('data.data', 'Data', `${String(length)} bytes`, 0, length)]
      const layer = { protocol: 'websocket', title: 'WebSocket', summary: 'malformed', start: 0, end: length, fields }
      this.units.push({ start: this.start, end, layer: { ...layer, problem: error.message }, message: undefined })
    }
    this.start = end
    this.length = 0
    if (this.pending.length > 4096) this.pending = new Uint8Array(ROOM)
  }
}

/** The frames of both ends of a WebSocket connection, cut as their bytes come; messages are put together and decompressed at once. */
export class WebSocketConversation {
  private readonly halves: readonly [WebSocketHalf, WebSocketHalf]

  /** @param starts where the frames of each end begin in its stream: behind the opening handshake */
  constructor(readonly starts: readonly [number, number]) {
    this.halves = [new WebSocketHalf(starts[0]), new WebSocketHalf(starts[1])]
  }

  units(side: Side): readonly WebSocketUnit[] {
    return this.halves[side].units
  }

  /** Where the frame of an end begins that is not whole yet. */
  position(side: Side): number {
    return this.halves[side].position
  }

  /** Why the frames of an end can no longer be told apart. */
  failure(side: Side): string | undefined {
    return this.halves[side].failure
  }

  /** Bytes of an end that were taken in. */
  taken(side: Side): number {
    return this.halves[side].taken
  }

  /** Takes in the next bytes of an end. */
  push(side: Side, bytes: Uint8Array): void {
    this.halves[side].push(bytes)
  }
}
