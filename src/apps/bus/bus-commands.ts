import type { AppContext, Blocking } from '../../host/socket.ts'
import { WaitQueue } from '../../host/tasks.ts'
import { TimedWait } from '../../host/timed-wait.ts'
import { NEVER, type Nanos } from '../../kernel/time.ts'
import type { RespValue } from '../../wire/resp.ts'
import { BusError } from './bus-error.ts'
import type { BusEvent } from './bus-event.ts'
import { busCommand, type BusLink, type BusLinkOwner } from './bus-link.ts'

/** A command under way. */
class Order {
  answer: RespValue | BusError | undefined
  readonly answered = new WaitQueue()

  constructor(readonly bytes: Uint8Array) {}

  settle(answer: RespValue | BusError): void {
    this.answer = answer
    this.answered.wake()
  }
}

/** The connection of a bus client on which its commands go, each answered in its turn. */
export class BusCommands implements BusLinkOwner {
  private readonly link: BusLink
  /** Sent, and not answered. */
  private sent: Order[] = []
  /** Waiting for a connection. */
  private waiting: Order[] = []
  private waitingBytes = 0
  private isClosed = false

  constructor(
    private readonly context: AppContext,
    private readonly timeout: Nanos,
    private readonly buffer: number,
    makeLink: (owner: BusLinkOwner) => BusLink,
    private readonly tell: (event: BusEvent) => void,
  ) {
    this.link = makeLink(this)
  }

  start(): void {
    this.link.start()
  }

  get isOpen(): boolean {
    return this.link.isOpen
  }

  *run(parts: readonly (string | Uint8Array)[]): Blocking<RespValue> {
    const { environment } = this.context
    const until = this.timeout > 0 ? environment.now + this.timeout : NEVER
    const order = new Order(busCommand(parts))
    this.start()
    while (!this.isClosed && this.link.waitingBytes + this.waitingBytes > this.buffer) {
      if (environment.now >= until) throw new BusError('unreachable', '', 'there was no room for the command in time')
      yield this.timed(this.link.drained, until)
    }
    if (this.isClosed) throw new BusError('closed', '', 'the client is closed')
    this.submit(order)
    while (order.answer === undefined) {
      if (environment.now >= until) throw this.abandon(order)
      yield this.timed(order.answered, until)
    }
    const { answer } = order
    if (answer instanceof BusError) throw answer
    if (answer.type === 'error') throw new BusError('refused', answer.value.split(' ')[0], answer.value)
    return answer
  }

  private timed(wait: WaitQueue, until: Nanos): WaitQueue | TimedWait {
    return until === NEVER ? wait : new TimedWait(wait, this.context.environment, until)
  }

  private submit(order: Order): void {
    if (this.link.isOpen) {
      this.sent.push(order)
      this.link.send(order.bytes)
    } else {
      this.waiting.push(order)
      this.waitingBytes += order.bytes.length
    }
  }

  /** Nothing has come in time. */
  private abandon(order: Order): BusError {
    const place = this.waiting.indexOf(order)
    if (place >= 0) {
      this.waiting.splice(place, 1)
      this.waitingBytes -= order.bytes.length
      return new BusError('unreachable', '', 'there was no connection in time')
    }
    // Who does not answer in time is taken for gone: the next connection may find somebody.
    this.link.giveUp()
    return new BusError('timed-out', '', 'there was no answer in time')
  }

  opened(): void {
    const { waiting } = this
    this.waiting = []
    this.waitingBytes = 0
    for (const order of waiting) this.submit(order)
    this.tell({ type: 'connected' })
  }

  received(value: RespValue): string | undefined {
    if (value.type === 'push') return undefined
    const order = this.sent.shift()
    if (order === undefined) return 'the bus has answered what nobody asked'
    order.settle(value.type === 'attribute' ? value.about : value)
    return undefined
  }

  lost(detail: string): void {
    const { sent } = this
    this.sent = []
    for (const order of sent) order.settle(new BusError('lost', '', detail))
    this.tell({ type: 'disconnected', detail })
  }

  close(): void {
    this.isClosed = true
    const orders = [...this.sent, ...this.waiting]
    this.sent = []
    this.waiting = []
    for (const order of orders) order.settle(new BusError('closed', '', 'the client is closed'))
    this.link.close()
  }
}
