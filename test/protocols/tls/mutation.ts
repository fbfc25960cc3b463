import { randomStream } from '../../../src/kernel/random.ts'
import type { Random } from '../../../src/kernel/random.ts'

/** Makes wrong bytes of right ones, the same ones each time. */
export class Mutation {
  readonly random: Random

  constructor(seed: number) {
    this.random = randomStream(seed, 'mutation')
  }

  below(bound: number): number {
    return this.random.uint32() % bound
  }

  /** Some bytes changed, put in or taken out behind `from`. */
  bytes(original: Uint8Array, from = 0): Uint8Array {
    let bytes: Uint8Array = original.slice()
    for (let times = 1 + this.below(3); times > 0; times--) bytes = this.once(bytes, Math.min(from, bytes.length))
    return bytes
  }

  /** A handshake message with its body changed, and its length mostly right nonetheless, so that decoders look further. */
  message(original: Uint8Array, from = 4): Uint8Array {
    const bytes = this.bytes(original, from)
    if (bytes.length < 4 || this.below(8) === 0) return bytes
    const length = bytes.length - 4
    bytes[1] = length >>> 16
    bytes[2] = length >>> 8
    bytes[3] = length
    return bytes
  }

  private once(bytes: Uint8Array, from: number): Uint8Array {
    const room = bytes.length - from
    const at = from + this.below(room + 1)
    const copy = bytes.slice()
    switch (this.below(8)) {
      case 0:
        if (at < copy.length) copy[at] ^= 1 << this.below(8)
        return copy
      case 1:
        if (at < copy.length) copy[at] = this.below(256)
        return copy
      case 2:
        if (at < copy.length) copy[at] = this.below(2) === 0 ? 0 : 255
        return copy
      case 3:
        if (at + 1 < copy.length) {
          copy[at] = this.below(4)
          copy[at + 1] = this.below(256)
        }
        return copy
      case 4:
        return copy.subarray(0, at)
      case 5:
        return this.spliced(
          copy,
          at,
          0,
          Uint8Array.from({ length: this.below(40) }, () => this.below(256)),
        )
      case 6:
        return this.spliced(copy, at, this.below(40), new Uint8Array(0))
      default:
        return this.spliced(copy, at, 0, copy.slice(at, at + this.below(60)))
    }
  }

  private spliced(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
    const rest = bytes.subarray(Math.min(bytes.length, at + remove))
    const result = new Uint8Array(at + insert.length + rest.length)
    result.set(bytes.subarray(0, at))
    result.set(insert, at)
    result.set(rest, at + insert.length)
    return result
  }
}
