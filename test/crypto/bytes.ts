import { randomBytesFrom, type RandomBytes } from '../../src/crypto/random-bytes.ts'
import { randomStream } from '../../src/kernel/random.ts'

/** Bytes of hexadecimal digits, with spaces anywhere. */
export function bytesOf(hexadecimal: string): Uint8Array {
  return new Uint8Array(Buffer.from(hexadecimal.replace(/\s/g, ''), 'hex'))
}

export function hexOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('hex')
}

export function ascii(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'))
}

/** Always the same bytes, one after the other. */
export function seededBytes(label: string): RandomBytes {
  return randomBytesFrom(randomStream(7, label))
}

/** The same bytes at an odd offset of a larger array, as a record's payload may lie. */
export function unaligned(bytes: Uint8Array): Uint8Array {
  const larger = new Uint8Array(bytes.length + 8).fill(0xee)
  larger.set(bytes, 3)
  return larger.subarray(3, 3 + bytes.length)
}
