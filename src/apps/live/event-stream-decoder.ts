import { textOf } from './message-text.ts'
import { LONGEST_MESSAGE } from './messages.ts'

const LF = 10
const CR = 13
const COLON = 58
const SPACE = 32
const BOM = [0xef, 0xbb, 0xbf]

/** What a stream of server-sent events says. */
export type StreamedEvent =
  /** Its data, lines joined by LF; `id` is the last event id there was, '' while there was none. */
  | { readonly type: 'message'; readonly event: string; readonly id: string; readonly data: Uint8Array }
  /** How long to wait before reconnecting, in milliseconds. */
  | { readonly type: 'retry'; readonly after: number }
  /** A line, or the data of an event, is longer than is taken: nothing is read behind it. */
  | { readonly type: 'oversized' }

/**
 * Reads a stream of server-sent events (HTML Living Standard, section 9.2.6), in chunks of any size. Never throws.
 *
 * Deviates from the standard in that a line and an event's data have a longest length, and that data is given as bytes: those that are not
 * UTF-8 are not replaced.
 */
export class EventStreamDecoder {
  private line: number[] = []
  private data: number[] | undefined
  private event = ''
  private id = ''
  /** Whether the last byte was a CR, whose LF belongs to it. */
  private afterCr = false
  /** How many bytes of a byte order mark have come; 3: there can be none any more. */
  private mark = 0
  private isOver = false

  /** @returns what is whole now, in order */
  push(bytes: Uint8Array): StreamedEvent[] {
    const events: StreamedEvent[] = []
    for (let i = 0; i < bytes.length && !this.isOver; i++) {
      const byte = bytes[i]
      if (this.mark < 3) {
        if (byte === BOM[this.mark]) {
          this.mark++
          continue
        }
        // What began like a mark was a line.
        for (let n = 0; n < this.mark; n++) this.line.push(BOM[n])
        this.mark = 3
      }
      const isEnd = byte === CR || (byte === LF && !this.afterCr)
      if (isEnd) this.takeLine(events)
      else if (byte !== LF) this.line.push(byte)
      this.afterCr = byte === CR
      if (this.line.length > LONGEST_MESSAGE || (this.data?.length ?? 0) > LONGEST_MESSAGE) {
        this.isOver = true
        events.push({ type: 'oversized' })
      }
    }
    return events
  }

  private takeLine(events: StreamedEvent[]): void {
    const { line } = this
    this.line = []
    if (line.length === 0) {
      this.dispatch(events)
      return
    }
    const colon = line.indexOf(COLON)
    if (colon === 0) return
    const name = String.fromCharCode(...line.slice(0, Math.min(colon < 0 ? line.length : colon, 10)))
    const start = colon < 0 ? line.length : line[colon + 1] === SPACE ? colon + 2 : colon + 1
    const value = line.slice(start)
    switch (name) {
      case 'data':
        if (this.data === undefined) this.data = value
        else {
          this.data.push(LF)
          for (const byte of value) this.data.push(byte)
        }
        return
      case 'event':
        this.event = textOf(Uint8Array.from(value)) ?? ''
        return
      case 'id': {
        const id = textOf(Uint8Array.from(value))
        if (id !== undefined && !id.includes('\0')) this.id = id
        return
      }
      case 'retry': {
        const text = textOf(Uint8Array.from(value)) ?? ''
        if (/^\d{1,9}$/.test(text)) events.push({ type: 'retry', after: Number(text) })
      }
    }
  }

  private dispatch(events: StreamedEvent[]): void {
    const { data, event, id } = this
    this.event = ''
    this.data = undefined
    if (data !== undefined) events.push({ type: 'message', event, id, data: Uint8Array.from(data) })
  }
}
