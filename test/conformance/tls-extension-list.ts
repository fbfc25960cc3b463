import type { RawExtension } from '../../src/wire/tls/extension-block.ts'

// Hellos as bytes whose extensions are a list: in any order, any number of times, with anything in them.

const HEADER = 4
const RANDOM_END = HEADER + 2 + 32

function vectorEnd(bytes: Uint8Array, at: number, size: 1 | 2): number {
  return at + size + (size === 1 ? bytes[at] : (bytes[at] << 8) | bytes[at + 1])
}

/** Where the block of extensions begins, its length included. */
function blockStart(message: Uint8Array): number {
  const behindId = vectorEnd(message, RANDOM_END, 1)
  // A ServerHello has one suite and one compression method, a ClientHello a list of each.
  return message[0] === 2 ? behindId + 3 : vectorEnd(message, vectorEnd(message, behindId, 2), 1)
}

/** The extensions of a ClientHello or ServerHello, in their order. */
export function extensionsOf(message: Uint8Array): RawExtension[] {
  const list: RawExtension[] = []
  for (let at = blockStart(message) + 2; at < message.length;) {
    const end = vectorEnd(message, at + 2, 2)
    list.push({ type: (message[at] << 8) | message[at + 1], data: message.slice(at + 4, end) })
    at = end
  }
  return list
}

function uint16(value: number): number[] {
  return [(value >>> 8) & 0xff, value & 0xff]
}

/** A block of extensions with its length. */
function extensionBlock(list: readonly RawExtension[]): Uint8Array {
  const body = list.flatMap(({ type, data }) => [...uint16(type), ...uint16(data.length), ...data])
  return Uint8Array.from([...uint16(body.length), ...body])
}

/** The same hello with other extensions. */
export function withExtensions(
  message: Uint8Array,
  edit: (list: readonly RawExtension[]) => readonly RawExtension[],
): Uint8Array {
  const head = message.subarray(HEADER, blockStart(message))
  return handshakeMessage(message[0], [...head, ...extensionBlock(edit(extensionsOf(message)))])
}

/** The same hello, in which one extension has other data; without it the extension is new, and stands before all others. */
export function withExtension(message: Uint8Array, type: number, data: readonly number[]): Uint8Array {
  const changed = { type, data: Uint8Array.from(data) }
  return withExtensions(message, (list) =>
    list.some((one) => one.type === type) ? list.map((one) => (one.type === type ? changed : one)) : [changed, ...list],
  )
}

/** A whole handshake message with any body. */
export function handshakeMessage(type: number, body: Uint8Array | readonly number[]): Uint8Array {
  return Uint8Array.from([type, body.length >>> 16, ...uint16(body.length), ...body])
}

/** The body of a message, changed at will, under a length that fits. */
export function withBody(message: Uint8Array, edit: (body: Uint8Array) => Uint8Array | readonly number[]): Uint8Array {
  return handshakeMessage(message[0], edit(message.slice(HEADER)))
}
