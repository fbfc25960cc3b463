import { SocketError } from '../host/socket.ts'
import type { Blocking, Wait } from '../host/socket.ts'
import { WaitQueue } from '../host/tasks.ts'
import type { BodyStream } from './http-service.ts'

/** A request's body, passed on while it still comes in. */
export class IncomingBody implements BodyStream {
  private readonly parts: Uint8Array[] = []
  private end: 'open' | 'whole' | 'broken' = 'open'
  private isCancelled = false
  private isWanted = false
  private readonly arrived = new WaitQueue()
  /** Woken when some of it was taken, or nobody wants it any more. */
  readonly taken = new WaitQueue()
  /** How many bytes wait to be taken. */
  waiting = 0

  /**
   * @param length in bytes; undefined: nobody knows
   * @param wanted told when it is read for the first time
   * @param consumed told of every part that was taken, or thrown away: how many bytes
   */
  constructor(
    readonly length: number | undefined,
    private readonly wanted: () => void,
    private readonly consumed: (bytes: number) => void,
  ) {}

  /** Whether the client has given up, or has broken a rule, in its middle. */
  get isBroken(): boolean {
    return this.end === 'broken'
  }

  push(bytes: Uint8Array): void {
    if (this.isCancelled) {
      this.consumed(bytes.length)
      return
    }
    this.parts.push(bytes)
    this.waiting += bytes.length
    this.arrived.wake()
  }

  /** There is no more. @param isWhole false: though there should be */
  close(isWhole: boolean): void {
    if (this.end !== 'open') return
    this.end = isWhole ? 'whole' : 'broken'
    this.arrived.wake()
  }

  *read(): Blocking<Uint8Array | undefined> {
    for (;;) {
      const part = this.readNow()
      if (part !== undefined || this.end === 'whole') return part
      yield this.arrived
    }
  }

  /** What `read` would give without blocking; undefined when there is nothing, for now or for good: see `arrival`. Throws SocketError. */
  readNow(): Uint8Array | undefined {
    if (!this.isWanted) {
      this.isWanted = true
      this.wanted()
    }
    const part = this.parts.shift()
    if (part !== undefined) {
      this.waiting -= part.length
      this.consumed(part.length)
      this.taken.wake()
      return part
    }
    if (this.end === 'broken') throw new SocketError('ECONNABORTED', 'the client broke off in the middle of its request')
    return undefined
  }

  /** What to wait for after `readNow` gave nothing; undefined: that was all. */
  get arrival(): Wait | undefined {
    return this.end === 'whole' && this.parts.length === 0 ? undefined : this.arrived
  }

  cancel(): void {
    if (this.isCancelled) return
    this.isCancelled = true
    const { waiting } = this
    this.parts.length = 0
    this.waiting = 0
    if (waiting > 0) this.consumed(waiting)
    this.taken.wake()
  }
}
