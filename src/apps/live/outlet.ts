import type { AppContext, Blocking, Task, Wait } from '../../host/socket.ts'
import { SocketError } from '../../host/socket.ts'
import type { ByteStream } from '../byte-stream.ts'
import { resumed } from './begun.ts'

/**
 * Writes to a stream without waiting for it: what the stream does not take now waits here, up to a limit. While the stream takes
 * everything there is no task and no queue.
 */
export class Outlet {
  private queue: Uint8Array[] | undefined
  private bytes = 0
  /** What writes; undefined: the stream has taken everything. */
  private writer: Task | undefined
  private hasFailed = false

  constructor(
    private readonly context: AppContext,
    private readonly stream: Pick<ByteStream, 'write'>,
  ) {}

  /** How many bytes wait here. */
  get waiting(): number {
    return this.bytes
  }

  /** Whether everything was handed to the stream. */
  get isEmpty(): boolean {
    return this.writer === undefined
  }

  /**
   * The bytes must not change afterwards.
   * @param limit of what may wait here
   * @returns false: there is no room for them, here or in the host's memory, and they are not sent
   */
  send(bytes: Uint8Array, limit: number): boolean {
    // Who reads from the stream hears of its failure.
    if (this.hasFailed) return true
    if (this.writer !== undefined) return this.enqueue(bytes, limit)
    const body = this.write(bytes)
    const step = body.next()
    if (step.done !== true) this.writer = this.context.spawn(this.writeAll(step.value, body))
    return true
  }

  /** Blocks until everything was handed to the stream. */
  *drained(): Blocking<void> {
    if (this.writer !== undefined) yield* this.writer.join()
  }

  private enqueue(bytes: Uint8Array, limit: number): boolean {
    if (this.bytes + bytes.length > limit || !this.context.claimMemory(bytes.length)) return false
    this.queue ??= []
    this.queue.push(bytes)
    this.bytes += bytes.length
    return true
  }

  private *write(bytes: Uint8Array): Blocking<void> {
    try {
      yield* this.stream.write(bytes)
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      this.hasFailed = true
    }
  }

  private *writeAll(wait: Wait, rest: Blocking<void>): Blocking<void> {
    try {
      yield* resumed(wait, rest)
      for (let next = this.queue?.shift(); next !== undefined && !this.hasFailed; next = this.queue?.shift()) {
        this.bytes -= next.length
        this.context.releaseMemory(next.length)
        yield* this.write(next)
      }
    } finally {
      this.forget()
      this.writer = undefined
    }
  }

  /** Throws away what waits here. What the stream has taken a part of is still sent whole. */
  forget(): void {
    this.context.releaseMemory(this.bytes)
    this.bytes = 0
    this.queue = undefined
  }
}
