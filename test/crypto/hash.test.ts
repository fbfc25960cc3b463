import assert from 'node:assert/strict'
import { createHash as nodeHash, createHmac, hkdfSync } from 'node:crypto'
import { describe, test } from 'node:test'
import { createHash, hash, HASH_LENGTH, hmac, type HashName } from '../../src/crypto/hash.ts'
import { hkdfExpand, hkdfExpandLabel, hkdfExtract } from '../../src/crypto/hkdf.ts'
import { tls12Prf } from '../../src/crypto/prf.ts'
import { sha1 } from '../../src/crypto/sha1.ts'
import { ascii, bytesOf, hexOf, seededBytes } from './bytes.ts'

const NAMES = Object.keys(HASH_LENGTH) as HashName[]

test('SHA-1: FIPS 180-4’s "abc", and lengths about the block, as OpenSSL has them', () => {
  assert.equal(hexOf(sha1(ascii('abc'))), 'a9993e364706816aba3e25717850c26c9cd0d89d')
  for (const length of [0, 1, 55, 56, 63, 64, 65, 1000]) {
    const bytes = seededBytes('sha1')(length)
    assert.equal(hexOf(sha1(bytes)), nodeHash('sha1').update(bytes).digest('hex'))
  }
})

describe('SHA-2', () => {
  test('FIPS 180-4: "abc"', () => {
    const expected: Record<HashName, string> = {
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      sha384: 'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
      sha512:
        'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    }
    for (const name of NAMES) assert.equal(hexOf(hash(name, ascii('abc'))), expected[name])
  })

  test('lengths about the blocks, and pieces of them, as OpenSSL has them', () => {
    const random = seededBytes('sha')
    for (const name of NAMES) {
      for (const length of [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 1000]) {
        const bytes = random(length)
        const expected = nodeHash(name).update(bytes).digest('hex')
        assert.equal(hexOf(hash(name, bytes)), expected)
        const cut = Math.floor(length / 3)
        const pieces = createHash(name).update(bytes.subarray(0, cut)).update(bytes.subarray(cut))
        assert.equal(hexOf(pieces.digest()), expected)
      }
    }
  })

  test('a digest in the making can be asked, copied and gone on with', () => {
    const running = createHash('sha256').update(ascii('a'))
    assert.equal(hexOf(running.digest()), hexOf(hash('sha256', ascii('a'))))
    const copy = running.clone()
    running.update(ascii('b'))
    copy.update(ascii('c'))
    assert.equal(hexOf(running.digest()), hexOf(hash('sha256', ascii('ab'))))
    assert.equal(hexOf(copy.digest()), hexOf(hash('sha256', ascii('ac'))))
    assert.equal(hexOf(copy.digest()), hexOf(hash('sha256', ascii('ac'))))
  })

  test('bytes may be written over once they were taken in', () => {
    const bytes = ascii('abc')
    const running = createHash('sha384').update(bytes)
    bytes.fill(0)
    assert.equal(hexOf(running.digest()), hexOf(hash('sha384', ascii('abc'))))
  })
})

describe('HMAC', () => {
  test('RFC 4231 section 4.2', () => {
    const key = new Uint8Array(20).fill(0x0b)
    assert.equal(
      hexOf(hmac('sha256', key, ascii('Hi There'))),
      'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    )
  })

  test('keys shorter and longer than a block, as OpenSSL has them', () => {
    const random = seededBytes('hmac')
    for (const name of NAMES) {
      for (const length of [0, 1, 63, 64, 65, 128, 129, 200]) {
        const [key, bytes] = [random(length), random(50)]
        assert.equal(hexOf(hmac(name, key, bytes)), createHmac(name, key).update(bytes).digest('hex'))
      }
    }
  })
})

describe('HKDF', () => {
  const counting = (from: number, to: number) => Uint8Array.from({ length: to - from }, (_, i) => from + i)
  const secret = new Uint8Array(22).fill(0x0b)

  test('RFC 5869 appendix A.1', () => {
    const prk = hkdfExtract('sha256', counting(0, 13), secret)
    assert.equal(hexOf(prk), '077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5')
    assert.equal(
      hexOf(hkdfExpand('sha256', prk, counting(0xf0, 0xfa), 42)),
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    )
  })

  test('RFC 5869 appendix A.2: longer inputs', () => {
    const prk = hkdfExtract('sha256', counting(0x60, 0xb0), counting(0, 0x50))
    assert.equal(hexOf(prk), '06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244')
    assert.equal(
      hexOf(hkdfExpand('sha256', prk, counting(0xb0, 0x100), 82)),
      'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
    )
  })

  test('RFC 5869 appendix A.3: neither salt nor info', () => {
    const prk = hkdfExtract('sha256', new Uint8Array(0), secret)
    assert.equal(hexOf(prk), '19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04')
    assert.equal(
      hexOf(hkdfExpand('sha256', prk, new Uint8Array(0), 42)),
      '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
    )
  })

  test('SHA-384 and SHA-512, as OpenSSL has them', () => {
    const random = seededBytes('hkdf')
    for (const name of NAMES) {
      const [salt, ikm, info] = [random(17), random(40), random(23)]
      const ours = hkdfExpand(name, hkdfExtract(name, salt, ikm), info, 150)
      assert.equal(hexOf(ours), Buffer.from(hkdfSync(name, ikm, salt, info, 150)).toString('hex'))
    }
  })

  test('RFC 8446 section 7.1: a label, as in the trace of RFC 8448 section 3', () => {
    const none = new Uint8Array(0)
    const early = hkdfExtract('sha256', none, new Uint8Array(32))
    assert.equal(hexOf(early), '33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a')
    assert.equal(
      hexOf(hkdfExpandLabel('sha256', early, 'derived', hash('sha256', none), 32)),
      '6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba',
    )
  })
})

describe('the pseudorandom function of TLS 1.2', () => {
  const secret = bytesOf('9bbe436ba940f017b17652849a71db35')
  const seed = bytesOf('a0ba9f936cda311827a6f796ffd5198c')
  const hundred =
    'e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66'

  test('RFC 5246 section 5: the vector that the TLS working group passed around for SHA-256', () => {
    assert.equal(hexOf(tls12Prf('sha256', secret, 'test label', seed, 100)), hundred)
  })

  test('a shorter output is the beginning of a longer one', () => {
    for (const length of [0, 1, 31, 32, 33, 64]) {
      assert.equal(hexOf(tls12Prf('sha256', secret, 'test label', seed, length)), hundred.slice(0, 2 * length))
    }
  })

  test('P_hash written out, for SHA-384', () => {
    const input = Buffer.concat([Buffer.from('key expansion'), seed])
    const mac = (bytes: Uint8Array) => createHmac('sha384', secret).update(bytes).digest()
    const [a1, a2] = [mac(input), mac(mac(input))]
    const expected = Buffer.concat([mac(Buffer.concat([a1, input])), mac(Buffer.concat([a2, input]))])
    assert.equal(hexOf(tls12Prf('sha384', secret, 'key expansion', seed, 96)), expected.toString('hex'))
  })
})
