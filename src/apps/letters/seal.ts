import { createAead } from '../../crypto/aead.ts'
import { hash, HASH_LENGTH } from '../../crypto/hash.ts'
import { hkdfExpand, hkdfExtract } from '../../crypto/hkdf.ts'
import { answerKeyShare } from '../../crypto/key-exchange.ts'
import type { RandomBytes } from '../../crypto/random-bytes.ts'
import { rsaDecrypt, rsaEncrypt } from '../../crypto/rsa-oaep.ts'
import { sign, verify, type PublicKey } from '../../crypto/signature.ts'
import type { LetterMethod } from '../../scenario/letter-method.ts'
import { encodeLatin1 } from '../../wire/http1.ts'
import { handDecrypt, handEncrypt } from './hand-rsa.ts'
import type { PublicKeys, ReaderKeys, WriterKeys } from './key-ring.ts'
import { textOf } from './letter-format.ts'
import { joined } from '../../wire/joined.ts'

/*
 * Seven ways to pack a text.
 * - plain: as it is.
 * - shared-key: a nonce of 12 random bytes, then ChaCha20-Poly1305 (RFC 8439) under the key that both know.
 * - hash: the text, then its SHA-256.
 * - rsa-by-hand: a number for each character, in decimal.
 * - rsa-2048: RSAES-OAEP (RFC 8017 section 7.1).
 * - signature: the text, then an Ed25519 signature of it (RFC 8032).
 * - hybrid: a new X25519 share (RFC 7748), ChaCha20-Poly1305 under a key derived from the exchange by HKDF (RFC 5869), and an Ed25519
 *   signature of both.
 */

const AEAD = 'chacha20-poly1305'
const NONCE_LENGTH = 12
const DIGEST_LENGTH = HASH_LENGTH.sha256
/** Of an Ed25519 signature. */
export const SIGNATURE_LENGTH = 64
const SHARE_LENGTH = 32
const NOTHING = new Uint8Array(0)

/** The key of one letter. It is never used again, so that its nonce may be all zeros. */
function letterKey(secret: Uint8Array, share: Uint8Array): Uint8Array {
  return hkdfExpand('sha256', hkdfExtract('sha256', NOTHING, secret), joined([encodeLatin1('letter'), share]), 32)
}

/** Packs a text of Latin-1 characters for the reader whose public keys these are. */
export function seal(
  method: LetterMethod,
  text: string,
  reader: PublicKeys,
  writer: WriterKeys,
  random: RandomBytes,
): Uint8Array {
  const bytes = encodeLatin1(text)
  switch (method) {
    case 'plain':
      return bytes
    case 'shared-key': {
      const nonce = random(NONCE_LENGTH)
      return joined([nonce, createAead(AEAD, writer.shared).seal(nonce, NOTHING, bytes)])
    }
    case 'hash':
      return joined([bytes, hash('sha256', bytes)])
    case 'rsa-by-hand':
      return encodeLatin1(handEncrypt(reader.hand, text))
    case 'rsa-2048':
      return rsaEncrypt(reader.rsa, bytes, random)
    case 'signature':
      return joined([bytes, sign('ed25519', writer.signing, bytes, random)])
    case 'hybrid': {
      const exchange = answerKeyShare('x25519', reader.share, random)
      if (exchange === undefined) throw new RangeError('the reader’s share is not valid')
      const { share, secret } = exchange
      const sealed = createAead(AEAD, letterKey(secret, share)).seal(new Uint8Array(NONCE_LENGTH), NOTHING, bytes)
      const signed = joined([share, sealed])
      return joined([signed, sign('ed25519', writer.signing, signed, random)])
    }
  }
}

/** What the reader finds: the text, or why there is none to believe. */
export type Opened = { readonly text: string } | { readonly why: string }

const BAD_SIGNATURE: Opened = { why: 'the signature is not the writer’s' }
const BAD_TAG: Opened = { why: 'the authentication tag does not fit' }

function unless(bytes: Uint8Array | undefined, otherwise: Opened): Opened {
  return bytes === undefined ? otherwise : { text: textOf(bytes) }
}

function openSigned(body: Uint8Array, key: PublicKey): Uint8Array | undefined {
  const at = body.length - SIGNATURE_LENGTH
  if (at < 0) return undefined
  const signed = body.subarray(0, at)
  return verify('ed25519', key, signed, body.subarray(at)) ? signed : undefined
}

/** Unpacks what came, and checks what can be checked. Never throws, whatever it was. */
export function open(method: LetterMethod, body: Uint8Array, keys: ReaderKeys): Opened {
  switch (method) {
    case 'plain':
      return { text: textOf(body) }
    case 'shared-key': {
      if (body.length < NONCE_LENGTH) return BAD_TAG
      const aead = createAead(AEAD, keys.shared)
      return unless(aead.open(body.subarray(0, NONCE_LENGTH), NOTHING, body.subarray(NONCE_LENGTH)), BAD_TAG)
    }
    case 'hash': {
      const at = body.length - DIGEST_LENGTH
      const isWhole = at >= 0 && hash('sha256', body.subarray(0, at)).every((byte, i) => byte === body[at + i])
      return unless(isWhole ? body.subarray(0, at) : undefined, { why: 'the hash does not fit' })
    }
    case 'rsa-by-hand': {
      const text = handDecrypt(keys.hand, textOf(body))
      return text === undefined ? { why: 'these numbers are no text' } : { text }
    }
    case 'rsa-2048':
      return unless(rsaDecrypt(keys.rsa, body), { why: 'the padding is wrong after decryption' })
    case 'signature':
      return unless(openSigned(body, keys.verification), BAD_SIGNATURE)
    case 'hybrid': {
      const signed = openSigned(body, keys.verification)
      if (signed === undefined || signed.length < SHARE_LENGTH) return BAD_SIGNATURE
      const share = signed.subarray(0, SHARE_LENGTH)
      const secret = keys.exchange.finish(share)
      if (secret === undefined) return BAD_TAG
      const aead = createAead(AEAD, letterKey(secret, share))
      return unless(aead.open(new Uint8Array(NONCE_LENGTH), NOTHING, signed.subarray(SHARE_LENGTH)), BAD_TAG)
    }
  }
}

/**
 * The text that stands open for everybody on the way.
 * @returns undefined where there is none to be seen
 */
export function openText(method: LetterMethod, body: Uint8Array): string | undefined {
  const extra = {
    plain: 0,
    hash: DIGEST_LENGTH,
    signature: SIGNATURE_LENGTH,
    'shared-key': -1,
    'rsa-by-hand': -1,
    'rsa-2048': -1,
    hybrid: -1,
  }
  const behind = extra[method]
  return behind < 0 || body.length < behind ? undefined : textOf(body.subarray(0, body.length - behind))
}
