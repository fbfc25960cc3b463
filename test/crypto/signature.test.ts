import assert from 'node:assert/strict'
import { constants, createPrivateKey, createPublicKey, sign as nodeSign, verify as nodeVerify, type KeyObject } from 'node:crypto'
import { describe, test } from 'node:test'
import { generateRsaKey } from '../../src/crypto/rsa-key.ts'
import {
  generateKey,
  publicKeyOf,
  schemesFor,
  sign,
  verify,
  type PrivateKey,
  type PublicKey,
  type SignatureScheme,
} from '../../src/crypto/signature.ts'
import { encodePrivateKeyInfo, encodePublicKeyInfo } from '../../src/wire/x509-key.ts'
import { ascii, bytesOf, hexOf, seededBytes } from './bytes.ts'

const random = seededBytes('signatures')
const NEVER = () => assert.fail('this scheme takes no random bytes')
const RSA = generateRsaKey(2048, random)
const KEYS: readonly PrivateKey[] = [generateKey('ec-p256', random), generateKey('ed25519', random), RSA]
const PAIRS = KEYS.flatMap((key) => schemesFor(key).map((scheme) => [scheme, key] as const))

function nodeKey(key: PrivateKey): KeyObject {
  return createPrivateKey({ key: Buffer.from(encodePrivateKeyInfo(key)), format: 'der', type: 'pkcs8' })
}

function nodePublicKey(key: PublicKey): KeyObject {
  return createPublicKey({ key: Buffer.from(encodePublicKeyInfo(key)), format: 'der', type: 'spki' })
}

/** Hash and padding as Node wants them. */
function nodeScheme(scheme: SignatureScheme): { readonly hash: string | null; readonly options: object } {
  if (scheme === 'ed25519') return { hash: null, options: {} }
  const hash = scheme.slice(-6)
  if (scheme.startsWith('ecdsa')) return { hash, options: { dsaEncoding: 'der' } }
  const isPss = scheme.startsWith('rsa_pss')
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  return { hash, options: isPss ? pss : { padding: constants.RSA_PKCS1_PADDING } }
}

describe('every scheme', () => {
  for (const [scheme, key] of PAIRS) {
    const publicKey = publicKeyOf(key)
    const { hash, options } = nodeScheme(scheme)

    test(`${scheme}: OpenSSL accepts ours, and we accept OpenSSL's`, () => {
      for (const length of [0, 1, 130]) {
        const message = random(length)
        const ours = sign(scheme, key, message, random)
        assert.equal(verify(scheme, publicKey, message, ours), true)
        assert.equal(nodeVerify(hash, message, { key: nodePublicKey(publicKey), ...options }, ours), true)
        const theirs = new Uint8Array(nodeSign(hash, message, { key: nodeKey(key), ...options }))
        assert.equal(verify(scheme, publicKey, message, theirs), true)
      }
    })

    test(`${scheme}: another message, key, scheme or signature is refused, and nothing throws`, () => {
      const message = ascii('the message')
      const signature = sign(scheme, key, message, random)
      assert.equal(verify(scheme, publicKey, ascii('the massage'), signature), false)
      for (let i = 0; i < signature.length; i += 5) {
        const changed = signature.slice()
        changed[i] ^= 0x10
        assert.equal(verify(scheme, publicKey, message, changed), false, `byte ${i} changed`)
      }
      for (const bad of [new Uint8Array(0), signature.subarray(1), Uint8Array.of(...signature, 0), random(64), random(256)]) {
        assert.equal(verify(scheme, publicKey, message, bad), false)
      }
      for (const [otherScheme, otherKey] of PAIRS) {
        if (otherScheme === scheme) continue
        assert.equal(verify(otherScheme, publicKey, message, signature), false, otherScheme)
        assert.equal(verify(otherScheme, publicKeyOf(otherKey), message, signature), false, otherScheme)
      }
    })
  }

  test('a key does not sign by a scheme that is not its own', () => {
    const [ec, ed] = KEYS
    assert.throws(() => sign('ed25519', ec, ascii('x'), random), RangeError)
    assert.throws(() => sign('rsa_pss_rsae_sha256', ed, ascii('x'), random), RangeError)
    assert.throws(() => sign('ecdsa_secp256r1_sha256', RSA, ascii('x'), random), RangeError)
  })
})

describe('ECDSA', () => {
  test('RFC 6979 appendix A.2.5: P-256 and SHA-256', () => {
    const key = { type: 'ec-p256', scalar: bytesOf('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721') } as const
    assert.deepEqual(publicKeyOf(key), {
      type: 'ec-p256',
      point: bytesOf(
        '0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299',
      ),
    })
    assert.equal(
      hexOf(sign('ecdsa_secp256r1_sha256', key, ascii('sample'), NEVER)),
      '3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
    )
    assert.equal(
      hexOf(sign('ecdsa_secp256r1_sha256', key, ascii('test'), NEVER)),
      '3045022100f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d383670220019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083',
    )
  })

  test('a public key that is no point of the curve accepts nothing', () => {
    const [key] = KEYS
    const signature = sign('ecdsa_secp256r1_sha256', key, ascii('x'), NEVER)
    assert.equal(verify('ecdsa_secp256r1_sha256', { type: 'ec-p256', point: random(65) }, ascii('x'), signature), false)
  })
})

describe('Ed25519', () => {
  test('RFC 8032 section 7.1: tests 1 to 3', () => {
    const vectors = [
      [
        '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
        'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
        '',
        'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
      ],
      [
        '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
        '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
        '72',
        '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
      ],
      [
        'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
        'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
        'af82',
        '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
      ],
    ]
    for (const [seed, publicKey, message, signature] of vectors) {
      const key = { type: 'ed25519', seed: bytesOf(seed) } as const
      assert.deepEqual(publicKeyOf(key), { type: 'ed25519', bytes: bytesOf(publicKey) })
      assert.equal(hexOf(sign('ed25519', key, bytesOf(message), NEVER)), signature)
    }
  })
})

describe('RSA', () => {
  test('a new key has two primes of half the bits, which OpenSSL finds prime', () => {
    const { modulus, primes, privateExponent, exponent } = RSA
    assert.equal(modulus.toString(2).length, 2048)
    assert.deepEqual(
      primes.map((prime) => prime.toString(2).length),
      [1024, 1024],
    )
    assert.equal(primes[0] * primes[1], modulus)
    for (const prime of primes) assert.equal((privateExponent * exponent) % (prime - 1n), 1n)
    assert.equal(nodeKey(RSA).asymmetricKeyDetails?.modulusLength, 2048)
  })

  test('is a function of the random bytes', () => {
    assert.deepEqual(generateRsaKey(512, seededBytes('key')), generateRsaKey(512, seededBytes('key')))
    assert.notDeepEqual(generateRsaKey(512, seededBytes('key')), generateRsaKey(512, seededBytes('yek')))
  })

  test('by hand: every number is what it was after e and d, for small keys', () => {
    const power = (base: bigint, exponent: bigint, modulus: bigint) => {
      let result = 1n
      for (let i = 0n; i < exponent; i++) result = (result * base) % modulus
      return result
    }
    for (let i = 0; i < 20; i++) {
      const { modulus, exponent, privateExponent, primes } = generateRsaKey(16, seededBytes(`small/${i}`))
      const [p, q] = primes
      assert.ok(p > q, 'the larger prime comes first')
      for (const prime of primes) for (let d = 2n; d * d <= prime; d++) assert.notEqual(prime % d, 0n)
      for (const value of [0n, 1n, 2n, 255n, modulus - 1n]) {
        // The exponents repeat with (p - 1)(q - 1), so that the powers need not take forever.
        const round = (p - 1n) * (q - 1n)
        assert.equal(power(power(value, exponent % round, modulus), privateExponent, modulus), value)
      }
    }
  })

  test('random bytes that never change still make two different primes', () => {
    const { primes } = generateRsaKey(64, (length) => new Uint8Array(length).fill(0x5a))
    assert.notEqual(primes[0], primes[1])
  })

  test('RFC 8017 section 8: a signature of another length than the modulus, or not below it, is refused', () => {
    const message = ascii('x')
    for (const scheme of schemesFor(RSA)) {
      assert.equal(verify(scheme, RSA, message, new Uint8Array(256).fill(0xff)), false)
      assert.equal(verify(scheme, RSA, message, new Uint8Array(256)), false)
      assert.equal(verify(scheme, RSA, message, new Uint8Array(257)), false)
    }
  })

  test('RFC 8017 section 9.1.1: PSS salts its signatures, and PKCS #1 v1.5 does not', () => {
    const message = ascii('x')
    const twice = (scheme: SignatureScheme) => [1, 2].map(() => hexOf(sign(scheme, RSA, message, random)))
    const [one, other] = twice('rsa_pss_rsae_sha256')
    assert.notEqual(one, other)
    const [first, second] = twice('rsa_pkcs1_sha256')
    assert.equal(first, second)
  })

  test('a modulus whose bits are one more than whole bytes', () => {
    const key = generateRsaKey(1026, seededBytes('odd'))
    for (const scheme of ['rsa_pss_rsae_sha256', 'rsa_pkcs1_sha512'] as const) {
      const signature = sign(scheme, key, ascii('x'), random)
      assert.equal(signature.length, 129)
      assert.equal(verify(scheme, key, ascii('x'), signature), true)
      const { hash, options } = nodeScheme(scheme)
      assert.equal(nodeVerify(hash, ascii('x'), { key: nodePublicKey(publicKeyOf(key)), ...options }, signature), true)
    }
  })

  test('a key that is made to take long is refused at once', () => {
    const message = ascii('x')
    const huge = { type: 'rsa', modulus: (1n << 16_400n) - 1n, exponent: (1n << 16_000n) - 1n } as const
    const slow = { type: 'rsa', modulus: RSA.modulus, exponent: (1n << 2047n) - 1n } as const
    for (const key of [huge, slow]) {
      for (const scheme of schemesFor(key)) {
        for (let i = 0; i < 200; i++) {
          const signature = new Uint8Array(key === huge ? 2050 : 256).fill(1)
          assert.equal(verify(scheme, key, message, signature), false)
        }
      }
    }
  })

  test('a key of hardly any bits refuses all', () => {
    for (const modulus of [1n, 2n, 3n, 255n, 256n]) {
      const key = { type: 'rsa', modulus, exponent: 1n } as const
      for (const scheme of schemesFor(key)) {
        for (const length of [0, 1, 2]) assert.equal(verify(scheme, key, ascii('x'), new Uint8Array(length).fill(1)), false)
      }
    }
  })

  test('a key that is too short for its hash is our own mistake, and as a peer refuses all', () => {
    const key = generateRsaKey(512, seededBytes('short'))
    assert.throws(() => sign('rsa_pss_rsae_sha512', key, ascii('x'), random), RangeError)
    assert.throws(() => sign('rsa_pkcs1_sha512', key, ascii('x'), random), RangeError)
    for (const scheme of schemesFor(key)) assert.equal(verify(scheme, key, ascii('x'), new Uint8Array(64).fill(1)), false)
  })
})
