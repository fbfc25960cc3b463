import { offerKeyShare, type OfferedKeyShare } from '../../crypto/key-exchange.ts'
import { randomBytesFrom, type RandomBytes } from '../../crypto/random-bytes.ts'
import { generateRsaKey } from '../../crypto/rsa-key.ts'
import type { RsaPrivateKey, RsaPublicKey } from '../../crypto/rsa.ts'
import { generateKey, publicKeyOf, type PrivateKey, type PublicKey } from '../../crypto/signature.ts'
import { randomStream } from '../../kernel/random.ts'
import { drawHandKey, type HandKey, type HandPublicKey } from './hand-rsa.ts'

/*
 * The keys of two people who met before the run: they agreed on a secret, and gave each other their public keys. All of it follows from the
 * seed of the run, so that both have it wherever their hosts run; and nothing is made before it is needed, for RSA takes a tenth of a second.
 */

/** What everybody may know, the carrier too. */
export interface PublicKeys {
  /** The reader's, small. */
  readonly hand: HandPublicKey
  /** The reader's, of 2,048 bits. */
  readonly rsa: RsaPublicKey
  /** The reader's half of a key exchange by X25519. */
  readonly share: Uint8Array
  /** Checks the writer's signatures. */
  readonly verification: PublicKey
}

/** What a writer seals with, besides the reader's public keys. */
export interface WriterKeys {
  readonly shared: Uint8Array
  readonly signing: PrivateKey
}

/** What the reader opens with. */
export interface ReaderKeys {
  readonly shared: Uint8Array
  readonly hand: HandKey
  readonly rsa: RsaPrivateKey
  readonly exchange: OfferedKeyShare
  readonly verification: PublicKey
}

const SHARED_LENGTH = 32
const RSA_BITS = 2048

/** Keys that a writer makes up. */
export function drawWriterKeys(random: RandomBytes): WriterKeys {
  return { shared: random(SHARED_LENGTH), signing: generateKey('ed25519', random) }
}

/** All keys of a run; each is made when it is first asked for. */
class KeyRing {
  private madeHand: HandKey | undefined
  private madeRsa: RsaPrivateKey | undefined
  private madeExchange: OfferedKeyShare | undefined
  private madeWriter: WriterKeys | undefined
  private madeVerification: PublicKey | undefined
  constructor(private readonly seed: number) {}

  get writer(): WriterKeys {
    return (this.madeWriter ??= drawWriterKeys(this.random('writer')))
  }

  get hand(): HandKey {
    return (this.madeHand ??= drawHandKey(this.random('rsa-by-hand')))
  }

  get rsa(): RsaPrivateKey {
    return (this.madeRsa ??= generateRsaKey(RSA_BITS, this.random('rsa')))
  }

  get exchange(): OfferedKeyShare {
    return (this.madeExchange ??= offerKeyShare('x25519', this.random('x25519')))
  }

  get verification(): PublicKey {
    return (this.madeVerification ??= publicKeyOf(this.writer.signing))
  }

  get shared(): Uint8Array {
    return this.writer.shared
  }

  get share(): Uint8Array {
    return this.exchange.share
  }

  private random(whose: string): RandomBytes {
    return randomBytesFrom(randomStream(this.seed, `letters/${whose}`))
  }
}

/** How many are remembered. */
const CAPACITY = 64
const remembered = new Map<number, KeyRing>()

/** A pure function of the seed, remembered: hosts that share a thread share the work. */
function keyRingOf(seed: number): KeyRing {
  const known = remembered.get(seed)
  if (known !== undefined) return known
  const made = new KeyRing(seed)
  const [oldest] = remembered.keys()
  if (remembered.size >= CAPACITY && oldest !== undefined) remembered.delete(oldest)
  remembered.set(seed, made)
  return made
}

export function publicKeys(seed: number): PublicKeys {
  return keyRingOf(seed)
}

export function writerKeys(seed: number): WriterKeys {
  return keyRingOf(seed).writer
}

export function readerKeys(seed: number): ReaderKeys {
  return keyRingOf(seed)
}
