import { randomStream } from '../../src/kernel/random.ts'

/**
 * Many wrong versions of some right bytes, always the same: bits flipped, bytes replaced by interesting ones, pieces cut out, doubled,
 * moved, cut off, or taken from another sample.
 */
export function* mutants(samples: readonly Uint8Array[], count: number, label: string): Generator<Uint8Array> {
  const random = randomStream(4, `mutants/${label}`)
  const interesting = [0, 1, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff, 0x30, 0x31, 0x02, 0x06, 0xa0]
  for (let i = 0; i < count; i++) {
    let bytes = samples[random.below(samples.length)].slice()
    for (let changes = 1 + random.below(3); changes > 0 && bytes.length > 0; changes--) {
      const at = random.below(bytes.length)
      const length = Math.min(bytes.length - at, 1 + random.below(8))
      switch (random.below(7)) {
        case 0:
          bytes[at] ^= 1 << random.below(8)
          break
        case 1:
          bytes[at] = interesting[random.below(interesting.length)]
          break
        case 2:
          bytes[at] = random.below(256)
          break
        case 3:
          bytes = bytes.slice(0, at)
          break
        case 4:
          bytes = Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + length))
          break
        case 5:
          bytes = Uint8Array.of(...bytes.subarray(0, at + length), ...bytes.subarray(at))
          break
        default: {
          const other = samples[random.below(samples.length)]
          const from = random.below(other.length)
          bytes.set(other.subarray(from, from + length), Math.min(at, bytes.length - Math.min(length, other.length - from)))
        }
      }
    }
    yield bytes
  }
}
