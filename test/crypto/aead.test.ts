import assert from 'node:assert/strict'
import { createCipheriv, type CipherGCM, type CipherGCMTypes } from 'node:crypto'
import { describe, test } from 'node:test'
import { createAead, KEY_LENGTH, type AeadName } from '../../src/crypto/aead.ts'
import { ascii, bytesOf, hexOf, seededBytes, unaligned } from './bytes.ts'

const NAMES = Object.keys(KEY_LENGTH) as AeadName[]
const NONE = new Uint8Array(0)

/** What OpenSSL makes of it: ciphertext and tag. */
function sealedByOpenssl(name: AeadName, key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): string {
  // Node's types know the cipher by no other way; the calls are the same.
  const cipher: CipherGCM = createCipheriv(name as CipherGCMTypes, key, nonce, { authTagLength: 16 })
  cipher.setAAD(aad, { plaintextLength: plaintext.length })
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]).toString('hex')
}

interface Vector {
  readonly name: AeadName
  readonly key: string
  readonly nonce: string
  readonly aad: string
  readonly plaintext: string
  readonly sealed: string
}

const LONG_KEY = 'feffe9928665731c6d6a8f9467308308'
const LONG_NONCE = 'cafebabefacedbaddecaf888'
const LONG_TEXT =
  'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255'
const LONG_AAD = 'feedfacedeadbeeffeedfacedeadbeefabaddad2'

/** McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, which NIST's validation uses too. */
const GCM: readonly Vector[] = [
  {
    name: 'aes-128-gcm',
    key: '00'.repeat(16),
    nonce: '00'.repeat(12),
    aad: '',
    plaintext: '',
    sealed: '58e2fccefa7e3061367f1d57a4e7455a',
  },
  {
    name: 'aes-128-gcm',
    key: '00'.repeat(16),
    nonce: '00'.repeat(12),
    aad: '',
    plaintext: '00'.repeat(16),
    sealed: '0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf',
  },
  {
    name: 'aes-128-gcm',
    key: LONG_KEY,
    nonce: LONG_NONCE,
    aad: '',
    plaintext: LONG_TEXT,
    sealed:
      '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f59854d5c2af327cd64a62cf35abd2ba6fab4',
  },
  {
    name: 'aes-128-gcm',
    key: LONG_KEY,
    nonce: LONG_NONCE,
    aad: LONG_AAD,
    plaintext: LONG_TEXT.slice(0, 120),
    sealed:
      '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47',
  },
  {
    name: 'aes-256-gcm',
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    aad: '',
    plaintext: '',
    sealed: '530f8afbc74536b9a963b4f1c4cb738b',
  },
  {
    name: 'aes-256-gcm',
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    aad: '',
    plaintext: '00'.repeat(16),
    sealed: 'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919',
  },
  {
    name: 'aes-256-gcm',
    key: LONG_KEY.repeat(2),
    nonce: LONG_NONCE,
    aad: LONG_AAD,
    plaintext: LONG_TEXT.slice(0, 120),
    sealed:
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b',
  },
]

const SUNSCREEN =
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."

describe('vectors', () => {
  test('AES-GCM: cases 1 to 4, 13, 14 and 16 of its authors', () => {
    for (const { name, key, nonce, aad, plaintext, sealed } of GCM) {
      const aead = createAead(name, bytesOf(key))
      assert.equal(hexOf(aead.seal(bytesOf(nonce), bytesOf(aad), bytesOf(plaintext))), sealed)
      assert.equal(hexOf(aead.open(bytesOf(nonce), bytesOf(aad), bytesOf(sealed))), plaintext)
    }
  })

  test('ChaCha20-Poly1305: RFC 8439 section 2.8.2', () => {
    const aead = createAead(
      'chacha20-poly1305',
      Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i),
    )
    const [nonce, aad] = [bytesOf('070000004041424344454647'), bytesOf('50515253c0c1c2c3c4c5c6c7')]
    const sealed =
      'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691'
    assert.equal(hexOf(aead.seal(nonce, aad, ascii(SUNSCREEN))), sealed)
    assert.equal(Buffer.from(aead.open(nonce, aad, bytesOf(sealed)) ?? []).toString('latin1'), SUNSCREEN)
  })
})

for (const name of NAMES) {
  describe(name, () => {
    const random = seededBytes(name)

    test('one key seals many messages of any length, wherever they lie, as OpenSSL does', () => {
      const key = random(KEY_LENGTH[name])
      const aead = createAead(name, key)
      for (const length of [0, 1, 3, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 1200, 1201, 16_384]) {
        const [nonce, aad, plaintext] = [random(12), random(length % 21), random(length)]
        const sealed = aead.seal(unaligned(nonce), unaligned(aad), unaligned(plaintext))
        assert.equal(hexOf(sealed), sealedByOpenssl(name, key, nonce, aad, plaintext))
        const before = unaligned(sealed)
        assert.equal(hexOf(aead.open(nonce, aad, before)), hexOf(plaintext))
        assert.equal(hexOf(before), hexOf(sealed))
      }
    })

    test('each flipped bit is noticed: of key, nonce, additional data, ciphertext, tag', () => {
      const key = random(KEY_LENGTH[name])
      const [nonce, aad] = [random(12), random(5)]
      const sealed = createAead(name, key).seal(nonce, aad, random(37))
      const flipped = (bytes: Uint8Array, bit: number) =>
        bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
      const open = (k = key, n = nonce, a = aad, s = sealed) => createAead(name, k).open(n, a, s)
      assert.equal(open()?.length, 37)
      const aead = createAead(name, key)
      for (let bit = 0; bit < 8 * sealed.length; bit++) assert.equal(aead.open(nonce, aad, flipped(sealed, bit)), undefined)
      for (let bit = 0; bit < 8 * key.length; bit += 7) assert.equal(open(flipped(key, bit)), undefined)
      for (let bit = 0; bit < 8 * 12; bit++) assert.equal(aead.open(flipped(nonce, bit), aad, sealed), undefined)
      for (let bit = 0; bit < 8 * 5; bit++) assert.equal(aead.open(nonce, flipped(aad, bit), sealed), undefined)
      assert.equal(open()?.length, 37)
    })

    test('what is cut off or too long does not open', () => {
      const aead = createAead(name, random(KEY_LENGTH[name]))
      const [nonce, aad] = [random(12), random(5)]
      const sealed = aead.seal(nonce, aad, random(20))
      for (let length = 0; length < sealed.length; length++) {
        assert.equal(aead.open(nonce, aad, sealed.subarray(0, length)), undefined)
      }
      assert.equal(aead.open(nonce, aad, Uint8Array.of(...sealed, 0)), undefined)
    })

    test('what was given out stays as it was, and the key is kept', () => {
      const key = random(KEY_LENGTH[name])
      const aead = createAead(name, key)
      const nonce = random(12)
      const first = aead.seal(nonce, NONE, ascii('first'))
      const copy = hexOf(first)
      key.fill(0)
      const opened = aead.open(nonce, NONE, first)
      aead.seal(random(12), NONE, ascii('other'))
      assert.equal(hexOf(first), copy)
      assert.equal(hexOf(opened), hexOf(ascii('first')))
    })

    test('a key of another length is our own mistake', () => {
      assert.throws(() => createAead(name, new Uint8Array(KEY_LENGTH[name] - 1)), RangeError)
    })
  })
}
