import type { Blocking } from '../../host/socket.ts'
import { Http1Client, type Http1ClientEvent } from '../../protocols/http1/client.ts'
import type { Nanos } from '../../kernel/time.ts'
import { ClientPoster } from './client-poster.ts'
import { retryAfterOf } from './client-request.ts'
import { UNTOLD, type ClientTransport, type Ending, type TransportOwner } from './client-transport.ts'
import { EventStreamDecoder } from './event-stream-decoder.ts'
import { fieldOf } from './live-request.ts'
import { decodeServerMessage, type Say } from './messages.ts'

const MS = 1_000_000

/** A client's stream of server-sent events (HTML Living Standard, section 9.2); what it says goes by POST. */
export class ClientEvents implements ClientTransport {
  private readonly poster: ClientPoster
  private readonly decoder = new EventStreamDecoder()
  private isOpen = false
  /** How long the server wants to be left alone when the stream ends. */
  private retry: Nanos = UNTOLD
  private count = 0

  constructor(private readonly owner: TransportOwner) {
    this.poster = new ClientPoster(owner)
  }

  *run(): Blocking<Ending> {
    const { owner } = this
    try {
      const stream = yield* owner.connect()
      const http = new Http1Client()
      const { last } = owner
      const known = last === 0 ? [] : [{ name: 'Last-Event-ID', value: String(last) }]
      const fields = [
        { name: 'Host', value: owner.authority },
        { name: 'Accept', value: 'text/event-stream' },
        ...known,
        ...owner.fields,
      ]
      http.request({ method: 'GET', target: `${owner.prefix}/events?room=${owner.room}`, fields, body: 0 })
      for (let bytes = http.pollTransmit(); bytes !== undefined; bytes = http.pollTransmit()) yield* stream.write(bytes)
      for (;;) {
        const bytes = stream.readNow()
        if (bytes === undefined && stream.arrival !== undefined) {
          yield stream.arrival
          continue
        }
        owner.alive()
        if (bytes === undefined) http.handleEnd()
        else http.handle(bytes)
        for (let event = http.pollEvent(); event !== undefined; event = http.pollEvent()) {
          const ending = this.take(event)
          if (ending !== undefined) return this.over(ending)
        }
      }
    } finally {
      this.poster.end()
    }
  }

  private over(ending: Ending): Ending {
    if (this.isOpen) this.owner.record('sse:closed', { why: ending.why, events: this.count })
    return ending
  }

  private take(event: Http1ClientEvent): Ending | undefined {
    const { owner } = this
    switch (event.type) {
      case 'response': {
        const { status, fields } = event
        owner.noticed(fields)
        const type = fieldOf(fields, 'content-type') ?? ''
        if (status !== 200)
          return { why: String(status), told: retryAfterOf(fieldOf(fields, 'retry-after')), isFinal: status === 204 }
        if (!/^text\/event-stream(;|$)/i.test(type)) return { why: `an answer of type ${type.slice(0, 100)}`, told: UNTOLD }
        this.isOpen = true
        owner.record('sse:opened', { room: owner.room, last: owner.last })
        owner.entered('', owner.last > 0)
        return undefined
      }
      case 'data':
        return this.hear(event.bytes)
      case 'end':
        return { why: 'the stream ended', told: this.retry }
      case 'closed':
        return { why: event.error?.detail ?? 'the connection ended', told: this.retry }
      default:
        return undefined
    }
  }

  private hear(bytes: Uint8Array): Ending | undefined {
    const { owner } = this
    for (const event of this.decoder.push(bytes)) {
      if (event.type === 'oversized') return { why: 'an event that is too long', told: UNTOLD }
      if (event.type === 'retry') {
        this.retry = event.after * MS
        continue
      }
      this.count++
      if (owner.context.environment.isBrief) owner.context.environment.omit()
      else owner.record('sse:event-received', { id: event.id, length: event.data.length })
      owner.heard(decodeServerMessage(event.data))
    }
    return undefined
  }

  say(say: Say): void {
    this.poster.say(say)
  }

  ask(): void {
    // Nothing can be asked on a stream of events: a server that is silent for so long is gone.
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
