import { WebSocketConnection } from '../../../src/protocols/websocket/connection.ts'
import type { WebSocketEvent } from '../../../src/protocols/websocket/event.ts'
import { DEFAULT_WEBSOCKET_SETTINGS } from '../../../src/protocols/websocket/options.ts'
import type { WebSocketOptions, WebSocketSettings } from '../../../src/protocols/websocket/options.ts'
import type { PerMessageDeflateParameters } from '../../../src/protocols/websocket/per-message-deflate.ts'
import { randomStream } from '../../../src/kernel/random.ts'

/*
 * Frames written and read by code of the tests' own, from RFC 6455 section 5.2 alone.
 */

export const TEXT = 0x81
export const BINARY = 0x82
export const CLOSE = 0x88
export const PING = 0x89
export const PONG = 0x8a
export const FIRST_TEXT = 0x01
export const FIRST_BINARY = 0x02
export const MIDDLE = 0x00
export const LAST = 0x80
export const RSV1 = 0x40

export function utf8(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'utf8'))
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

/** A frame. @param mask absent: it is not masked */
export function frame(first: number, payload: Uint8Array | string = '', mask?: readonly number[]): Uint8Array {
  const content = typeof payload === 'string' ? utf8(payload) : payload
  const { length } = content
  const bit = mask === undefined ? 0 : 0x80
  const head = [first]
  if (length < 126) head.push(bit | length)
  else if (length < 65_536) head.push(bit | 126, length >> 8, length & 255)
  else head.push(bit | 127, 0, 0, 0, 0, (length >>> 24) & 255, (length >> 16) & 255, (length >> 8) & 255, length & 255)
  if (mask === undefined) return joined([Uint8Array.from(head), content])
  return joined([Uint8Array.from([...head, ...mask]), content.map((octet, i) => octet ^ mask[i % 4])])
}

const MASK = [0x37, 0xfa, 0x21, 0x3d]

/** A frame as the peer of an end with this role sends it. */
export function toward(role: 'client' | 'server', first: number, payload: Uint8Array | string = ''): Uint8Array {
  return frame(first, payload, role === 'server' ? MASK : undefined)
}

export interface Frame {
  readonly first: number
  readonly mask: number | undefined
  readonly payload: Uint8Array
}

/** The frames that some bytes are. Throws when they do not end with one. */
export function framesOf(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = []
  const view = Buffer.from(bytes)
  for (let at = 0; at < view.length;) {
    const first = view[at]
    const isMasked = view[at + 1] >= 128
    let length = view[at + 1] & 127
    at += 2
    if (length === 126) {
      length = view.readUInt16BE(at)
      at += 2
    } else if (length === 127) {
      length = Number(view.readBigUInt64BE(at))
      at += 8
    }
    const key = isMasked ? view.subarray(at, at + 4) : undefined
    if (isMasked) at += 4
    if (at + length > view.length) throw new Error('the bytes end in the middle of a frame')
    const payload = new Uint8Array(view.subarray(at, at + length)).map((octet, i) => octet ^ (key?.[i % 4] ?? 0))
    frames.push({ first, mask: key?.readUInt32BE(0), payload })
    at += length
  }
  return frames
}

/** What it is, in short: `'text "Hello"'`, `'close 1000'`. */
export function described({ first, payload }: Frame): string {
  const opcode = first & 15
  const flags = (first & 0x40) === 0 ? '' : '*'
  const name = ['continuation', 'text', 'binary'][opcode] ?? { 8: 'close', 9: 'ping', 10: 'pong' }[opcode] ?? String(opcode)
  if (opcode === 8) return payload.length < 2 ? 'close' : `close ${String((payload[0] << 8) | payload[1])}`
  const more = opcode < 8 && first < 128 ? '…' : ''
  return `${name}${flags} "${Buffer.from(payload).toString('utf8')}${more}"`
}

export function serverOf(settings: Partial<WebSocketSettings> = {}, deflate?: PerMessageDeflateParameters): WebSocketConnection {
  return new WebSocketConnection({ role: 'server', deflate, settings: { ...DEFAULT_WEBSOCKET_SETTINGS, ...settings } })
}

export function clientOf(settings: Partial<WebSocketSettings> = {}, deflate?: PerMessageDeflateParameters): WebSocketConnection {
  const random = randomStream(7, 'masks')
  const options: WebSocketOptions = {
    role: 'client',
    maskKey: () => random.uint32(),
    deflate,
    settings: { ...DEFAULT_WEBSOCKET_SETTINGS, ...settings },
  }
  return new WebSocketConnection(options)
}

export function endOf(
  role: 'client' | 'server',
  settings: Partial<WebSocketSettings> = {},
  deflate?: PerMessageDeflateParameters,
) {
  return role === 'server' ? serverOf(settings, deflate) : clientOf(settings, deflate)
}

/** All that an end wants to send. */
export function sent(end: WebSocketConnection, now = 0): Uint8Array {
  const all: Uint8Array[] = []
  for (let piece = end.pollTransmit(now); piece; piece = end.pollTransmit(now)) all.push(piece)
  return joined(all)
}

/** The frames that it wants to send, in short. */
export function says(end: WebSocketConnection, now = 0): string[] {
  return framesOf(sent(end, now)).map(described)
}

export function told(end: WebSocketConnection): WebSocketEvent[] {
  const events: WebSocketEvent[] = []
  for (let event = end.pollEvent(); event; event = end.pollEvent()) events.push(event)
  return events
}

/** What an end tells, in short: `'text "Hello"'`, `'closed 1000 clean'`, `'closed 1006 for 1002'`. */
export function tells(end: WebSocketConnection): string[] {
  return told(end).map((event) => {
    if (event.type === 'message') return `${event.opcode} "${Buffer.from(event.bytes).toString('utf8')}"`
    if (event.type === 'ping' || event.type === 'pong') return `${event.type} "${Buffer.from(event.bytes).toString('utf8')}"`
    const reason = event.reason === '' ? '' : ` (${event.reason})`
    if (event.type === 'close') return `close ${String(event.code)}${reason}`
    const fault = event.error === undefined ? '' : ` for ${String(event.error.code)}`
    return `closed ${String(event.code)}${reason}${event.clean ? ' clean' : ''}${fault}`
  })
}

/** What an end makes of bytes: what it tells and what it says, in short. */
export function answer(
  end: WebSocketConnection,
  ...bytes: readonly Uint8Array[]
): { readonly tells: string[]; readonly says: string[] } {
  const all = { tells: [] as string[], says: [] as string[] }
  for (const piece of bytes) {
    end.handle(piece, 0)
    all.tells.push(...tells(end))
    all.says.push(...says(end))
    all.tells.push(...tells(end))
  }
  return all
}
