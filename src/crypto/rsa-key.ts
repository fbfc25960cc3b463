import type { RandomBytes } from './random-bytes.ts'
import { bitLength, integerFromBytes, modInverse, modPow, type RsaPrivateKey } from './rsa.ts'

function makeSmallPrimes(): readonly number[] {
  const primes: number[] = []
  for (let n = 2; n < 2000; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n)
  return primes
}

let made: readonly number[] | undefined

/** Primes below 2,000: what divides most numbers that are none. */
function smallPrimes(): readonly number[] {
  made ??= makeSmallPrimes()
  return made
}

/** The public exponent e that nearly everybody has: a prime with two bits set. */
const PUBLIC_EXPONENT = 65537n

/** The first 13 primes as bases leave no composite below 3.3 × 10^24 unnoticed (Sorenson and Webster, 2015). */
const BASES = 13

/** Whether `base` betrays that `n` is composite; n - 1 is `odd` times 2 to the power of `twos` (FIPS 186-5 appendix B.3.1). */
function isWitness(base: bigint, n: bigint, odd: bigint, twos: number): boolean {
  let x = modPow(base, odd, n)
  if (x === 1n || x === n - 1n) return false
  for (let i = 1; i < twos; i++) {
    x = (x * x) % n
    if (x === n - 1n) return false
  }
  return true
}

/**
 * Whether a number is prime, by the test of Miller and Rabin: for certain below 3.3 × 10^24, and beyond that with an error that no
 * number drawn by chance will ever meet.
 */
function isPrime(n: bigint): boolean {
  if (n < 2n) return false
  const primes = smallPrimes()
  for (const small of primes) {
    const prime = BigInt(small)
    if (n === prime) return true
    if (n % prime === 0n) return false
  }
  let odd = n - 1n
  let twos = 0
  while ((odd & 1n) === 0n) {
    odd >>= 1n
    twos++
  }
  for (let i = 0; i < BASES; i++) if (isWitness(BigInt(primes[i]), n, odd, twos)) return false
  return true
}

/** An odd integer of exactly `bits` bits, the two highest set, so that the product of two has twice as many bits. */
function drawCandidate(bits: number, random: RandomBytes): bigint {
  const length = Math.ceil(bits / 8)
  const value = integerFromBytes(random(length)) & ((1n << BigInt(bits)) - 1n)
  return value | (3n << BigInt(bits - 2)) | 1n
}

/**
 * A prime p of exactly `bits` bits, other than `taken`, such that p - 1 and the public exponent have no common divisor: the first one at
 * or after a random number. Numbers that a small prime divides are passed over by their remainders, which are kept up by addition.
 */
function drawPrime(bits: number, exponent: bigint, random: RandomBytes, taken = 0n): bigint {
  const primes = smallPrimes()
  for (;;) {
    const start = drawCandidate(bits, random)
    const remainders = primes.map((prime) => Number(start % BigInt(prime)))
    for (let step = 0; step < 4 * bits; step += 2) {
      const candidate = start + BigInt(step)
      if (bitLength(candidate) > bits) break
      const isDivided = primes.some((prime, i) => (remainders[i] + step) % prime === 0 && BigInt(prime) !== candidate)
      if (isDivided || candidate === taken || !isPrime(candidate)) continue
      if (modInverse(exponent, candidate - 1n) !== undefined) return candidate
    }
  }
}

/**
 * A new RSA key (RFC 8017 section 3): two primes of half the bits, and the private exponent modulo lcm(p - 1, q - 1). Takes about a tenth
 * of a second for 2,048 bits; small keys are for showing how it works.
 * @param bits of the modulus: even, at least 16
 */
export function generateRsaKey(bits: number, random: RandomBytes): RsaPrivateKey {
  if (bits < 16 || bits % 2 !== 0) throw new RangeError(`an RSA key of ${String(bits)} bits cannot be made`)
  const one = drawPrime(bits / 2, PUBLIC_EXPONENT, random)
  const other = drawPrime(bits / 2, PUBLIC_EXPONENT, random, one)
  const [p, q] = one > other ? [one, other] : [other, one]
  const lcm = ((p - 1n) * (q - 1n)) / greatestCommonDivisor(p - 1n, q - 1n)
  const privateExponent = modInverse(PUBLIC_EXPONENT, lcm)
  if (privateExponent === undefined) throw new Error('the public exponent has a common divisor with p - 1 or q - 1')
  return { type: 'rsa', modulus: p * q, exponent: PUBLIC_EXPONENT, privateExponent, primes: [p, q] }
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b]
  while (y !== 0n) [x, y] = [y, x % y]
  return x
}
