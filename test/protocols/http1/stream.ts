import type { Http1Client, Http1ClientEvent } from '../../../src/protocols/http1/client.ts'
import type { Http1Server, Http1ServerEvent } from '../../../src/protocols/http1/server.ts'

/** Bytes of text, one a character. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'))
}

export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

/** Cuts bytes into pieces of the given lengths, over and over; each is a copy of its own. */
export function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = Math.max(1, lengths[i % lengths.length])
    pieces.push(bytes.slice(at, at + length))
    at += length
  }
  return pieces
}

/** All that an endpoint wants to send. */
export function sent(endpoint: Http1Client | Http1Server): string {
  let all = ''
  for (let piece = endpoint.pollTransmit(); piece; piece = endpoint.pollTransmit()) all += text(piece)
  return all
}

type AnyEvent = Http1ClientEvent | Http1ServerEvent

/** What an endpoint tells, with the bodies' parts joined: `data` of one message becomes one event with a text. */
export type Told = Exclude<AnyEvent, { type: 'data' }> | { readonly type: 'body'; readonly id: number; readonly text: string }

export function told(endpoint: { pollEvent(): AnyEvent | undefined }, so: Told[] = []): Told[] {
  for (let event = endpoint.pollEvent(); event; event = endpoint.pollEvent()) {
    const last = so.at(-1)
    if (event.type !== 'data') so.push(event)
    else if (last?.type === 'body' && last.id === event.id) so[so.length - 1] = { ...last, text: last.text + text(event.bytes) }
    else so.push({ type: 'body', id: event.id, text: text(event.bytes) })
  }
  return so
}

/** Only the types: `['request', 'body', 'end']`. */
export function types(events: readonly { readonly type: string }[]): string[] {
  return events.map(({ type }) => type)
}
