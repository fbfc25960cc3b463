/** A buffer that is emptied is kept up to this size. */
const KEPT = 4096

const NOTHING = new Uint8Array(0)
const LF = 10

/**
 * What has come of a stream and was not taken yet. Bytes that are taken are views: of the chunk itself where nothing was left over before
 * it, else of a buffer; they are never written to again. Taking in a stream costs time in proportion to its length, however it is cut.
 */
export class RespBuffer {
  bytes: Uint8Array = NOTHING
  /** First byte that was not taken, and where what has come ends. */
  at = 0
  end = 0
  /** Where to go on looking for the end of a line. */
  private sought = 0
  private isOwn = false

  push(chunk: Uint8Array): void {
    const left = this.end - this.at
    if (left === 0) {
      this.bytes = chunk
      this.at = 0
      this.sought = 0
      this.end = chunk.length
      this.isOwn = false
      return
    }
    if (!this.isOwn || this.end + chunk.length > this.bytes.length) {
      const room = new Uint8Array(Math.max(2 * left, left + chunk.length, 64))
      room.set(this.bytes.subarray(this.at, this.end))
      this.sought -= this.at
      this.bytes = room
      this.at = 0
      this.end = left
      this.isOwn = true
    }
    this.bytes.set(chunk, this.end)
    this.end += chunk.length
  }

  /** Where the LF of the line at `at` is; -1: it has not come. */
  lineFeed(): number {
    const found = this.bytes.indexOf(LF, Math.max(this.sought, this.at))
    if (found >= 0 && found < this.end) return found
    this.sought = this.end
    return -1
  }

  /** All up to `to` is done with. */
  skipTo(to: number): void {
    this.at = to
    this.sought = to
    if (this.at === this.end && this.bytes.length > KEPT) this.clear()
  }

  clear(): void {
    this.bytes = NOTHING
    this.at = 0
    this.end = 0
    this.sought = 0
    this.isOwn = false
  }
}

/** Text of the bytes in [start, end), one code unit a byte. */
export function byteText(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = ''
  for (let i = start; i < end; i += 4096) {
    text += String.fromCharCode.apply(null, bytes.subarray(i, Math.min(end, i + 4096)) as unknown as number[])
  }
  return text
}

/** A whole number of 64 bits as RESP writes it; undefined: it is none. Beyond 2^53 a bigint. */
export function respInteger(text: string): number | bigint | undefined {
  if (!/^[+-]?\d{1,19}$/.test(text)) return undefined
  const value = Number(text)
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value
  const exact = BigInt(text.replace('+', ''))
  return BigInt.asIntN(64, exact) === exact ? exact : undefined
}
