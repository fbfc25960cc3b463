/** Longest piece of filler, in bytes. */
export const FILLER_PIECE = 65_536

const SYMBOLS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .'

function scramble(word: number): number {
  let x = word
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

/** Text of letters, digits, spaces and full stops, twice as long as a piece. */
function makeBlock(): Uint8Array {
  const block = new Uint8Array(2 * FILLER_PIECE)
  let word = 0
  for (let i = 0; i < block.length; i++) {
    if (i % 5 === 0) word = scramble(i + 1)
    block[i] = SYMBOLS.charCodeAt(word & 63)
    word >>>= 6
  }
  return block
}

let shared: Uint8Array | undefined

/**
 * Bytes that stand for content: a function of `key` and `offset` alone, without markup or control characters, and different for different places of a
 * body. They are views of one block that all share, and must not be written to.
 * @param key which content: any 32-bit integer
 * @param offset where in the content, in bytes
 * @param length how many bytes are wanted
 * @returns at least one byte when `length` is above 0, at most `length` and `FILLER_PIECE`; ask again for the rest
 */
export function filler(key: number, offset: number, length: number): Uint8Array {
  shared ??= makeBlock()
  const piece = Math.floor(offset / FILLER_PIECE)
  const within = offset % FILLER_PIECE
  const start = (scramble(key + Math.imul(piece, 0x9e3779b9)) % FILLER_PIECE) + within
  return shared.subarray(start, start + Math.min(length, FILLER_PIECE - within))
}

/** A key for `filler` from a name. */
export function fillerKey(name: string): number {
  let key = 0x811c9dc5
  for (let i = 0; i < name.length; i++) key = Math.imul(key ^ name.charCodeAt(i), 0x01000193)
  return key
}
