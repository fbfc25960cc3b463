import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { p256 } from '@noble/curves/nist.js'

/**
 * The curves with tables that suit short runs. The library keeps multiples of each curve's base point, by default so many that the first
 * use takes 50 ms in each thread; with four bits a lookup it takes 16 ms, and later ones a tenth longer.
 *
 * To hide secret numbers from whoever measures the time, the library mixes in bytes of the platform's own generator. What comes out does
 * not depend on them.
 */
const WINDOW = 4

let p256IsReady = false
let ed25519IsReady = false

export function p256Curve(): typeof p256 {
  if (!p256IsReady) p256.Point.BASE.precompute(WINDOW)
  p256IsReady = true
  return p256
}

export function ed25519Curve(): typeof ed25519 {
  if (!ed25519IsReady) ed25519.Point.BASE.precompute(WINDOW)
  ed25519IsReady = true
  return ed25519
}

/** How many public keys cost as much by the ladder as by the table and the making of the table. */
const KEYS_BEFORE_TABLE = 24

let keysMade = 0

/** u = 9. */
const X25519_BASE = /* @__PURE__ */ Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 9 : 0))

/** The public key of a scalar of 32 bytes (RFC 7748 section 6.1): the same either way. */
export function x25519PublicKey(scalar: Uint8Array): Uint8Array {
  if (keysMade++ < KEYS_BEFORE_TABLE) return x25519.scalarMult(scalar, X25519_BASE)
  ed25519Curve()
  return x25519.getPublicKey(scalar)
}
