import type { Blocking } from '../../host/socket.ts'
import { ClientPoster } from './client-poster.ts'
import { ClientRequests, retryAfterOf, type ClientResponse } from './client-request.ts'
import { UNTOLD, type ClientTransport, type Ending, type TransportOwner } from './client-transport.ts'
import { fieldOf } from './live-request.ts'
import { decodePoll, type Say } from './messages.ts'

/**
 * A client that asks again and again: with long polling at once after each answer, which the server gives when there is something; with short
 * polling at an interval. What it says goes by POST. The first question is a short one, so that it is known soon whether somebody is there.
 */
export class ClientPolls implements ClientTransport {
  private readonly poster: ClientPoster
  private readonly requests: ClientRequests
  private isOpen = false
  /** Whether an answer is awaited. */
  private isAsking = false

  constructor(
    private readonly owner: TransportOwner,
    private readonly isLong: boolean,
  ) {
    this.poster = new ClientPoster(owner)
    this.requests = new ClientRequests(owner, () => owner.connect())
  }

  *run(): Blocking<Ending> {
    const { owner } = this
    try {
      for (;;) {
        const path = this.isLong && this.isOpen ? 'poll' : 'news'
        const target = `${owner.prefix}/${path}?room=${owner.room}&after=${String(owner.last)}`
        this.isAsking = true
        owner.alive()
        const response = yield* this.requests.request({ method: 'GET', target })
        this.isAsking = false
        const ending = this.take(response)
        if (ending !== undefined) return ending
        if (!this.isLong) yield* owner.context.sleep(owner.settings.poll)
      }
    } finally {
      this.poster.end()
      this.requests.end()
    }
  }

  private take({ status, fields, body }: ClientResponse): Ending | undefined {
    const { owner } = this
    if (status !== 200) return { why: String(status), told: retryAfterOf(fieldOf(fields, 'retry-after')) }
    const answer = decodePoll(body)
    if (answer === undefined) return { why: 'an answer that is no list of messages', told: UNTOLD }
    if (!this.isOpen) {
      this.isOpen = true
      owner.entered('', owner.last > 0)
    }
    for (const message of answer.messages) owner.heard(message)
    return undefined
  }

  say(say: Say): void {
    this.poster.say(say)
  }

  ask(): void {
    // From one question to the next silence is no sign of anything.
    if (!this.isAsking) this.owner.alive()
  }

  leave(): void {
    this.owner.giveUp('left')
  }

  pollTimeout(): undefined {
    return undefined
  }

  handleTimeout(): void {
    // Nothing can be due.
  }
}
