import type { Random } from '../kernel/random.ts'

/**
 * An exponentially distributed number of mean 1, without a logarithm, which engines do not agree on to the last bit: by comparing uniform
 * numbers alone (von Neumann, "Various techniques used in connection with random digits", 1951).
 *
 * Of uniform numbers that are drawn as long as each is smaller than the one before, the first is exponential within [0, 1) given that their
 * count is odd. An even count has the probability 1/e, which is just that of the distribution's going beyond 1: then it all begins anew, one
 * further on. About six numbers are drawn on average.
 */
export function exponential(random: Random): number {
  for (let whole = 0; ; whole++) {
    const first = random.next()
    let count = 1
    for (let last = first, next = random.next(); next < last; next = random.next()) {
      last = next
      count++
    }
    if (count % 2 === 1) return whole + first
  }
}
