import type { ControlFrame } from '../../wire/quic/frame-encoder.ts'
import type { QuicPriority } from './commands.ts'
import type { PacketDraft, SentStreamData } from './packet-draft.ts'
import { SendStream } from './send-stream.ts'
import { StreamScheduler } from './stream-scheduler.ts'

/** A stream as the peer's transport parameters see it from here: who has opened it, and which way it goes. */
export type StreamRole = 'bidi-local' | 'bidi-remote' | 'uni'

/** What the streams have to send, and how far the peer lets them: RFC 9000 section 4. */
export class StreamSending {
  /** What the peer takes in all streams, in bytes (MAX_DATA). */
  limit = 0
  /** Bytes that were sent for the first time, in all streams. */
  private sent = 0
  private blockedAt = -1
  /** What the peer takes at first, of a stream in each role. */
  private readonly initial: Record<StreamRole, number> = { 'bidi-local': 0, 'bidi-remote': 0, uni: 0 }
  private readonly scheduler = new StreamScheduler()
  private readonly controls: ControlFrame[] = []
  private readonly streams = new Map<number, SendStream>()

  create(id: number, role: StreamRole): SendStream {
    const stream = new SendStream(id, this.initial[role])
    this.streams.set(id, stream)
    return stream
  }

  /** What the peer has said in its transport parameters. Streams that were opened before get more, never less. */
  setLimits(total: number, limits: Readonly<Record<StreamRole, number>>, roleOf: (id: number) => StreamRole): void {
    Object.assign(this.initial, limits)
    this.raiseTotal(total)
    for (const stream of this.streams.values()) this.raise(stream, limits[roleOf(stream.id)])
  }

  /** MAX_DATA. */
  raiseTotal(limit: number): void {
    this.limit = Math.max(this.limit, limit)
  }

  /** MAX_STREAM_DATA. */
  raise(stream: SendStream, limit: number): void {
    if (limit <= stream.limit) return
    stream.limit = limit
    this.join(stream)
  }

  join(stream: SendStream): void {
    if (stream.hasOutput(1)) this.scheduler.join(stream)
    else if (stream.isBlocked) this.tellBlocked(stream)
  }

  prioritise(stream: SendStream, priority: QuicPriority): void {
    const { isQueued } = stream
    if (isQueued) this.scheduler.leave(stream)
    stream.priority = priority
    if (isQueued) this.scheduler.join(stream)
  }

  /** Gives up sending on a stream. @returns whether there was something to give up */
  reset(stream: SendStream, code: number): boolean {
    const finalSize = stream.sent
    if (!stream.reset()) return false
    this.scheduler.leave(stream)
    this.control({ type: 'RESET_STREAM', stream: stream.id, code, finalSize })
    return true
  }

  /** A frame that goes out as it is. */
  control(frame: ControlFrame): void {
    this.controls.push(frame)
  }

  clear(): void {
    this.scheduler.clear()
    this.streams.clear()
    this.controls.length = 0
    this.sent = 0
    this.limit = 0
    this.blockedAt = -1
  }

  get hasOutput(): boolean {
    if (this.controls.length > 0) return true
    if (this.scheduler.isEmpty) return false
    return this.scheduler.choose(this.room) !== undefined || this.blockedAt !== this.limit
  }

  write(draft: PacketDraft): void {
    this.writeControls(draft)
    const { scheduler } = this
    while (!scheduler.isEmpty) {
      const stream = scheduler.choose(this.room)
      if (stream === undefined) {
        if (this.blockedAt !== this.limit && draft.control({ type: 'DATA_BLOCKED', limit: this.limit }))
          this.blockedAt = this.limit
        return
      }
      const length = stream.write(draft, this.room)
      if (length < 0) return
      this.sent += length
      scheduler.took(stream)
      if (stream.hasOutput(1)) continue
      scheduler.leave(stream)
      if (stream.isBlocked) {
        this.tellBlocked(stream)
        this.writeControls(draft)
      }
    }
  }

  /** @returns the stream of which nothing is under way any more */
  acknowledge(frame: ControlFrame | SentStreamData): SendStream | undefined {
    if (frame.type !== 'STREAM' && frame.type !== 'RESET_STREAM') return undefined
    const stream = this.streams.get(frame.stream)
    if (stream === undefined) return undefined
    if (frame.type === 'STREAM') stream.acknowledge(frame)
    else stream.resetAcknowledged()
    if (!stream.isDone) return undefined
    this.scheduler.leave(stream)
    this.streams.delete(stream.id)
    return stream
  }

  lose(frame: ControlFrame | SentStreamData): void {
    const stream = 'stream' in frame ? this.streams.get(frame.stream) : undefined
    switch (frame.type) {
      case 'STREAM':
        if (stream === undefined) return
        stream.lose(frame)
        this.join(stream)
        return
      case 'RESET_STREAM':
        this.control(frame)
        return
      case 'STREAM_DATA_BLOCKED':
        if (stream?.limit === frame.limit && stream.isBlocked) this.control(frame)
        return
      case 'DATA_BLOCKED':
        if (frame.limit === this.limit) this.blockedAt = -1
        return
      default:
    }
  }

  /** How many bytes may be sent for the first time. */
  private get room(): number {
    return this.limit - this.sent
  }

  private tellBlocked(stream: SendStream): void {
    if (stream.blockedAt === stream.limit) return
    stream.blockedAt = stream.limit
    this.control({ type: 'STREAM_DATA_BLOCKED', stream: stream.id, limit: stream.limit })
  }

  private writeControls(draft: PacketDraft): void {
    const { controls } = this
    let count = 0
    while (count < controls.length && draft.control(controls[count])) count++
    if (count > 0) controls.splice(0, count)
  }
}
