import type { Socket } from 'node:net'
import type { Endpoint, Nanos } from '../../src/protocols/endpoint.ts'

/** An endpoint over a stream of bytes. */
type StreamEndpoint<Event> = Endpoint<Uint8Array, Event> & {
  /** The peer has closed its half of the stream. */
  handleEnd?(now: Nanos): void
}

export interface Pump {
  /** Sends and tells what there is: to be called after a command that was not given from within `onEvent`. */
  flush(): void
}

/** The machine's clock, from an origin of its own. */
function realNow(): Nanos {
  return Number(process.hrtime.bigint() / 1000n) * 1000
}

/**
 * Joins an endpoint to a real socket: what the socket receives is handled, what the endpoint transmits is written, deadlines are kept in
 * real time. Events go to `onEvent`, which may give the endpoint commands. After an event of the type `'closed'` the socket is ended, once
 * all was written.
 */
export function pump<Event extends { readonly type: string }>(
  endpoint: StreamEndpoint<Event>,
  socket: Socket,
  onEvent: (event: Event) => void,
): Pump {
  let timer: NodeJS.Timeout | undefined
  let isFlushing = false
  let isClosed = false
  const drain = (): boolean => {
    let progress = false
    for (let unit = endpoint.pollTransmit(realNow()); unit !== undefined; unit = endpoint.pollTransmit(realNow())) {
      // Its bytes are the endpoint's, which may write over them.
      if (socket.writable) socket.write(Uint8Array.from(unit))
      progress = true
    }
    for (let event = endpoint.pollEvent(); event !== undefined; event = endpoint.pollEvent()) {
      if (event.type === 'closed') isClosed = true
      onEvent(event)
      progress = true
    }
    return progress
  }
  const flush = (): void => {
    // A command from within `onEvent` is served by the loop that is running.
    if (isFlushing) return
    isFlushing = true
    try {
      while (drain());
    } finally {
      isFlushing = false
    }
    if (isClosed) socket.end()
    clearTimeout(timer)
    const deadline = endpoint.pollTimeout()
    if (deadline === undefined || isClosed) return
    timer = setTimeout(
      () => {
        endpoint.handleTimeout(realNow())
        flush()
      },
      Math.max(0, (deadline - realNow()) / 1e6),
    )
  }
  socket.on('data', (bytes: Buffer) => {
    endpoint.handle(new Uint8Array(bytes), realNow())
    flush()
  })
  socket.on('end', () => {
    endpoint.handleEnd?.(realNow())
    flush()
  })
  socket.on('close', () => {
    clearTimeout(timer)
  })
  // A reset ends the stream as well, without its end.
  socket.on('error', () => {
    endpoint.handleEnd?.(realNow())
    flush()
  })
  flush()
  return { flush }
}
