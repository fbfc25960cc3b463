import { x25519 } from '@noble/curves/ed25519.js'
import { ml_kem768 as mlKem768 } from '@noble/post-quantum/ml-kem.js'
import { p256Curve, x25519PublicKey } from './curves.ts'
import type { RandomBytes } from './random-bytes.ts'

/** Key exchanges, by the names of TLS' registry of supported groups. */
export type GroupName = 'x25519' | 'secp256r1' | 'X25519MLKEM768'

/** What the side that speaks first keeps of a key exchange. */
export interface OfferedKeyShare {
  /** To be sent to the peer. */
  readonly share: Uint8Array
  /** The shared secret, or undefined when the peer's share is not valid. */
  finish(peerShare: Uint8Array): Uint8Array | undefined
}

/** What the side that answers has at once. */
export interface AnsweredKeyShare {
  /** To be sent to the peer. */
  readonly share: Uint8Array
  readonly secret: Uint8Array
}

const X25519_LENGTH = 32
const P256_POINT_LENGTH = 65
const UNCOMPRESSED = 4
const MLKEM_SEED_LENGTH = 64
const MLKEM_MESSAGE_LENGTH = 32
const MLKEM_KEY_LENGTH = 1184
const MLKEM_CIPHERTEXT_LENGTH = 1088

function concatenated(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}

/** What `compute` gives; undefined when the library refuses its arguments, which are the peer's. */
function unlessRefused(compute: () => Uint8Array): Uint8Array | undefined {
  try {
    return compute()
  } catch {
    return undefined
  }
}

/**
 * The x coordinate that both sides get (RFC 7748 section 6.1).
 * @returns undefined when the peer's share has the wrong length, or is a point of small order: all zeros would come out
 */
function x25519Secret(scalar: Uint8Array, peerShare: Uint8Array): Uint8Array | undefined {
  if (peerShare.length !== X25519_LENGTH) return undefined
  return unlessRefused(() => x25519.getSharedSecret(scalar, peerShare))
}

/** A private key of P-256: an integer in [1, n - 1], from 48 random bytes so that none is likelier (FIPS 186-5 appendix A.2.1). */
export function drawP256Scalar(random: RandomBytes): Uint8Array {
  return p256Curve().utils.randomSecretKey(random(48))
}

/**
 * The x coordinate of the shared point (RFC 8446 section 7.4.2).
 * @returns undefined unless the peer's share is an uncompressed point of the curve (RFC 8446 section 4.2.8.2)
 */
function p256Secret(scalar: Uint8Array, peerShare: Uint8Array): Uint8Array | undefined {
  if (peerShare.length !== P256_POINT_LENGTH || peerShare[0] !== UNCOMPRESSED) return undefined
  return unlessRefused(() => p256Curve().getSharedSecret(scalar, peerShare, false).slice(1, 33))
}

function offerHybrid(random: RandomBytes): OfferedKeyShare {
  const kem = mlKem768.keygen(random(MLKEM_SEED_LENGTH))
  const scalar = random(X25519_LENGTH)
  return {
    share: concatenated(kem.publicKey, x25519PublicKey(scalar)),
    finish: (peerShare) => {
      if (peerShare.length !== MLKEM_CIPHERTEXT_LENGTH + X25519_LENGTH) return undefined
      const second = x25519Secret(scalar, peerShare.subarray(MLKEM_CIPHERTEXT_LENGTH))
      if (second === undefined) return undefined
      return concatenated(mlKem768.decapsulate(peerShare.subarray(0, MLKEM_CIPHERTEXT_LENGTH), kem.secretKey), second)
    },
  }
}

function answerHybrid(peerShare: Uint8Array, random: RandomBytes): AnsweredKeyShare | undefined {
  const message = random(MLKEM_MESSAGE_LENGTH)
  const scalar = random(X25519_LENGTH)
  if (peerShare.length !== MLKEM_KEY_LENGTH + X25519_LENGTH) return undefined
  const second = x25519Secret(scalar, peerShare.subarray(MLKEM_KEY_LENGTH))
  if (second === undefined) return undefined
  let kem: ReturnType<typeof mlKem768.encapsulate>
  try {
    kem = mlKem768.encapsulate(peerShare.subarray(0, MLKEM_KEY_LENGTH), message)
  } catch {
    // The key fails the modulus check of FIPS 203 section 7.2.
    return undefined
  }
  return {
    share: concatenated(kem.cipherText, x25519PublicKey(scalar)),
    secret: concatenated(kem.sharedSecret, second),
  }
}

/**
 * Begins a key exchange. Shares are as they stand in TLS: RFC 7748 section 6.1 for x25519; an uncompressed point for secp256r1
 * (RFC 8446 section 4.2.8.2); for X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem) the ML-KEM encapsulation key of 1,184 bytes, then the
 * X25519 share.
 */
export function offerKeyShare(group: GroupName, random: RandomBytes): OfferedKeyShare {
  if (group === 'X25519MLKEM768') return offerHybrid(random)
  if (group === 'x25519') {
    const scalar = random(X25519_LENGTH)
    return { share: x25519PublicKey(scalar), finish: (peerShare) => x25519Secret(scalar, peerShare) }
  }
  const scalar = drawP256Scalar(random)
  return { share: p256Curve().getPublicKey(scalar, false), finish: (peerShare) => p256Secret(scalar, peerShare) }
}

/**
 * Answers the peer's share. For X25519MLKEM768 the answer is the ML-KEM ciphertext of 1,088 bytes, then the X25519 share; the secret is
 * ML-KEM's, then X25519's.
 * @returns undefined when the peer's share is not valid
 */
export function answerKeyShare(group: GroupName, peerShare: Uint8Array, random: RandomBytes): AnsweredKeyShare | undefined {
  if (group === 'X25519MLKEM768') return answerHybrid(peerShare, random)
  const own = offerKeyShare(group, random)
  const secret = own.finish(peerShare)
  return secret === undefined ? undefined : { share: own.share, secret }
}
