/**
 * Seeded random streams. Every consumer draws from a stream of its own, named by what it is for, so that a new host or
 * a new purpose does not shift anybody else's numbers.
 */
export interface Random {
  /** Uniform in [0, 1), with 53 bits of resolution. */
  next(): number
  /** Uniform integer in [0, 2^32). */
  uint32(): number
  /** Uniform integer in [0, bound), 1 <= bound <= 2^32. */
  below(bound: number): number
}

/** The finalizer of MurmurHash3 (Appleby): a bijection on 32-bit words in which every input bit reaches every output bit. */
function avalanche(word: number): number {
  let x = word
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

/** A 32-bit word that depends on every character of the label, on the whole seed and on `lane`. */
function word(label: string, seed: number, lane: number): number {
  let x = avalanche((seed >>> 0) + Math.imul(lane + 1, 0x9e3779b9))
  x = avalanche(x ^ Math.floor(seed / 0x1_0000_0000))
  for (let i = 0; i < label.length; i++) x = avalanche(Math.imul(x, 31) + label.charCodeAt(i))
  return x
}

/** xoshiro128** (Blackman and Vigna, 2018): period 2^128 - 1, 32 bits a step. */
class Xoshiro128 implements Random {
  private a: number
  private b: number
  private c: number
  private d: number
  constructor(seed: number, label: string) {
    this.a = word(label, seed, 0) | 0
    this.b = word(label, seed, 1) | 0
    this.c = word(label, seed, 2) | 0
    this.d = word(label, seed, 3) | 0
    if ((this.a | this.b | this.c | this.d) === 0) this.a = 1
  }
  uint32(): number {
    const m = Math.imul(this.b, 5)
    const result = Math.imul((m << 7) | (m >>> 25), 9)
    const t = this.b << 9
    this.c ^= this.a
    this.d ^= this.b
    this.b ^= this.c
    this.a ^= this.d
    this.c ^= t
    this.d = (this.d << 11) | (this.d >>> 21)
    return result >>> 0
  }
  next(): number {
    const high = this.uint32() >>> 5
    const low = this.uint32() >>> 6
    return (high * 67108864 + low) / 9007199254740992
  }
  below(bound: number): number {
    return Math.floor(this.next() * bound)
  }
}

/**
 * A stream for one purpose.
 * @param seed the run's seed, an integer in [0, 2^53)
 * @param label names the owner and the purpose: `'link/alice-bob/0/loss'`, `'host/alice/tcp'`
 */
export function randomStream(seed: number, label: string): Random {
  return new Xoshiro128(seed, label)
}
