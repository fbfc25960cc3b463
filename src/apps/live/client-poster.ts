import { SocketError } from '../../host/socket.ts'
import type { Blocking } from '../../host/socket.ts'
import { reconnectWait } from './client-reconnection.ts'
import { ClientRequests, retryAfterOf } from './client-request.ts'
import type { TransportOwner } from './client-transport.ts'
import { fieldOf } from './live-request.ts'
import { decodeServerMessage, encodeMessage, type Say } from './messages.ts'

/** Says things by POST, one after the other, over a connection of its own. What does not arrive is said again. */
export class ClientPoster {
  private readonly waiting: Say[] = []
  private isBusy = false
  private isOver = false
  private readonly requests: ClientRequests

  constructor(private readonly owner: TransportOwner) {
    this.requests = new ClientRequests(owner, () => owner.connectAgain())
  }

  say(say: Say): void {
    this.waiting.push(say)
    if (this.isBusy) return
    // From now on, not only from when the task has begun: several things may be said in one go.
    this.isBusy = true
    this.owner.context.spawn(this.sayAll())
  }

  /** Of what is left nothing is said any more, here. */
  end(): void {
    this.isOver = true
    this.waiting.length = 0
    this.requests.end()
  }

  private *sayAll(): Blocking<void> {
    const { owner, waiting } = this
    let failures = 0
    let wait = 0
    try {
      for (let say = waiting.at(0); say !== undefined && !this.isOver; say = waiting.at(0)) {
        const told = yield* this.attempt(say)
        if (told === undefined) {
          waiting.shift()
          failures = 0
          wait = 0
          continue
        }
        const { reconnect } = owner.settings
        wait = reconnectWait(reconnect, failures++, wait, owner.random)
        // However eager the policy is, a server that answers at once is not asked again in the same instant.
        yield* owner.context.sleep(Math.max(1e6, wait + Math.max(0, reconnect.honour ? told : 0)))
      }
    } finally {
      this.isBusy = false
    }
  }

  /** @returns undefined: it is said, or refused for good; else how long the server wants it to wait, −1 where it does not say */
  private *attempt(say: Say): Blocking<number | undefined> {
    const { owner } = this
    try {
      const target = `${owner.prefix}/say`
      const { status, fields, body } = yield* this.requests.request({ method: 'POST', target, body: encodeMessage(say) })
      if (status === 200 || status === 400) {
        const message = decodeServerMessage(body)
        owner.heard(message.type === 'malformed' ? { type: 'refused', key: say.key, why: message.why } : message)
        return undefined
      }
      return retryAfterOf(fieldOf(fields, 'retry-after'))
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      return -1
    }
  }
}
