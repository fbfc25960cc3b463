import type { Http2Client } from '../../../src/protocols/http2/client.ts'
import type { Http2ClientEvent, Http2ServerEvent } from '../../../src/protocols/http2/event.ts'
import type { Http2Server } from '../../../src/protocols/http2/server.ts'

/** Cuts bytes into the pieces in which they arrive. */
export type Cut = (bytes: Uint8Array) => Iterable<Uint8Array>

export const whole: Cut = (bytes) => [bytes]

/** Pieces of lengths that a source of chance says. */
export function piecesOf(random: (bound: number) => number, longest: number): Cut {
  return function* (bytes) {
    for (let at = 0; at < bytes.length;) {
      const to = Math.min(bytes.length, at + 1 + random(longest))
      yield bytes.subarray(at, to)
      at = to
    }
  }
}

/** Lets two endpoints talk until both are silent. */
export function converse(
  client: Http2Client,
  server: Http2Server,
  onClient: (event: Http2ClientEvent) => void,
  onServer: (event: Http2ServerEvent) => void,
  cut: Cut = whole,
): void {
  for (let isQuiet = false; !isQuiet;) {
    isQuiet = true
    for (let bytes = client.pollTransmit(0); bytes; bytes = client.pollTransmit(0)) {
      isQuiet = false
      for (const piece of cut(bytes)) {
        server.handle(piece, 0)
        for (let event = server.pollEvent(); event; event = server.pollEvent()) onServer(event)
      }
    }
    for (let event = server.pollEvent(); event; event = server.pollEvent()) onServer(event)
    for (let bytes = server.pollTransmit(0); bytes; bytes = server.pollTransmit(0)) {
      isQuiet = false
      for (const piece of cut(bytes)) {
        client.handle(piece, 0)
        for (let event = client.pollEvent(); event; event = client.pollEvent()) onClient(event)
      }
    }
    for (let event = client.pollEvent(); event; event = client.pollEvent()) onClient(event)
  }
}

type AnyEvent = Http2ClientEvent | Http2ServerEvent

/** Events in a form in which the pieces that content came in do not show: lines, content as its length and sum. */
export function inLines(events: readonly AnyEvent[]): string[] {
  const lines: string[] = []
  let content: { stream: number; length: number; sum: number } | undefined
  const flush = (): void => {
    if (content) lines.push(`data ${JSON.stringify(content)}`)
    content = undefined
  }
  for (const event of events) {
    if (event.type === 'data') {
      if (content?.stream !== event.stream) {
        flush()
        content = { stream: event.stream, length: 0, sum: 0 }
      }
      for (const octet of event.bytes) content.sum = (Math.imul(content.sum, 31) + octet) >>> 0
      content.length += event.bytes.length
      continue
    }
    flush()
    lines.push(JSON.stringify(event, (_, value: unknown) => (value instanceof Uint8Array ? [...value] : value)))
  }
  flush()
  return lines
}
