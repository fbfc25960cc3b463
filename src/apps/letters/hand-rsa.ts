import type { RandomBytes } from '../../crypto/random-bytes.ts'
import { modInverse, modPow } from '../../crypto/rsa.ts'

/*
 * RSA as it can be done by hand: two primes of two digits, and each character for itself to the power of e modulo n. Everything about it is
 * as with large numbers, except what makes those safe: that nobody can factor n, and that the same letter does not look the same twice.
 */

export interface HandPublicKey {
  readonly n: number
  readonly e: number
}

export interface HandKey extends HandPublicKey {
  readonly d: number
  readonly p: number
  readonly q: number
}

const PRIMES = [37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97] as const
const FIRST_CHARACTER = 32
const LAST_CHARACTER = 126

/** `base` to the power of `exponent` modulo `modulus`. */
export function handPower(base: number, exponent: number, modulus: number): number {
  return Number(modPow(BigInt(base), BigInt(exponent), BigInt(modulus)))
}

/** A key from its primes, as everybody can make it who knows them: e is the smallest from 3 on that has an inverse. */
export function handKeyOf(p: number, q: number): HandKey {
  const phi = BigInt((p - 1) * (q - 1))
  for (let e = 3; ; e += 2) {
    const d = modInverse(BigInt(e), phi)
    if (d !== undefined) return { n: p * q, e, d: Number(d), p, q }
  }
}

/** A key of two different primes from 37 to 97, so that n has four digits, and every character is below it. */
export function drawHandKey(random: RandomBytes): HandKey {
  const [first, second] = random(2)
  const p = PRIMES[first % PRIMES.length]
  const others = PRIMES.filter((prime) => prime !== p)
  return handKeyOf(p, others[second % others.length])
}

/** Numbers below n, by spaces. */
export function handEncrypt({ n, e }: HandPublicKey, text: string): string {
  return Array.from(text, (character) => String(handPower(character.charCodeAt(0), e, n))).join(' ')
}

/** @returns undefined when that was no ciphertext under this key */
export function handDecrypt({ n, d }: Pick<HandKey, 'n' | 'd'>, numbers: string): string | undefined {
  if (!/^[0-9]{1,4}( [0-9]{1,4})*$/.test(numbers)) return undefined
  let text = ''
  for (const word of numbers.split(' ')) {
    const cipher = Number(word)
    const character = handPower(cipher % n, d, n)
    if (cipher >= n || character < FIRST_CHARACTER || character > LAST_CHARACTER) return undefined
    text += String.fromCharCode(character)
  }
  return text
}

export interface Factoring {
  /** The smallest prime factor; undefined when the budget was spent before one was found. */
  readonly factor: bigint | undefined
  readonly divisions: number
}

/** Looks for a factor by trial division: by 2, then by every odd number. @param budget how many divisions at most */
export function trialDivision(n: bigint, budget: number): Factoring {
  for (let divisions = 1; divisions <= budget; divisions++) {
    const divisor = divisions === 1 ? 2n : BigInt(2 * divisions - 1)
    if (n % divisor === 0n) return { factor: divisor, divisions }
  }
  return { factor: undefined, divisions: budget }
}
