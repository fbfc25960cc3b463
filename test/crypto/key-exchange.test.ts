import assert from 'node:assert/strict'
import { createECDH, createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto'
import { describe, test } from 'node:test'
import { answerKeyShare, offerKeyShare, type GroupName } from '../../src/crypto/key-exchange.ts'
import { bytesOf, hexOf, seededBytes } from './bytes.ts'

const GROUPS: readonly GroupName[] = ['x25519', 'secp256r1', 'X25519MLKEM768']
const SHARES: Readonly<Record<GroupName, readonly [number, number, number]>> = {
  x25519: [32, 32, 32],
  secp256r1: [65, 65, 32],
  X25519MLKEM768: [1216, 1120, 64],
}

/** X25519(k, u) of RFC 7748 section 5, through the public door. */
function x25519(k: Uint8Array, u: Uint8Array): Uint8Array | undefined {
  return offerKeyShare('x25519', () => k).finish(u)
}

for (const group of GROUPS) {
  describe(group, () => {
    test('both sides get the same secret; shares have the lengths of the specification', () => {
      for (let i = 0; i < 5; i++) {
        const random = seededBytes(`${group}/${i}`)
        const offer = offerKeyShare(group, random)
        const answer = answerKeyShare(group, offer.share, random)
        assert.ok(answer !== undefined, 'a good share was refused')
        const secret = offer.finish(answer.share)
        assert.deepEqual([offer.share.length, answer.share.length, secret?.length], SHARES[group])
        assert.equal(hexOf(secret), hexOf(answer.secret))
      }
    })

    test('is a function of the random bytes', () => {
      const [one, same, other] = ['a', 'a', 'b'].map((label) => hexOf(offerKeyShare(group, seededBytes(label)).share))
      assert.equal(one, same)
      assert.notEqual(one, other)
    })

    test('shares of any other length are refused on both sides', () => {
      const random = seededBytes(group)
      const offer = offerKeyShare(group, random)
      const answer = answerKeyShare(group, offer.share, random)
      assert.ok(answer !== undefined, 'a good share was refused')
      for (const share of [new Uint8Array(0), offer.share.subarray(1), Uint8Array.of(...offer.share, 0)]) {
        assert.equal(answerKeyShare(group, share, random), undefined)
      }
      for (const share of [new Uint8Array(0), answer.share.subarray(1), Uint8Array.of(...answer.share, 0)]) {
        assert.equal(offer.finish(share), undefined)
      }
    })
  })
}

describe('X25519, RFC 7748', () => {
  test('section 5.2: two single vectors', () => {
    assert.equal(
      hexOf(
        x25519(
          bytesOf('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4'),
          bytesOf('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c'),
        ),
      ),
      'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
    )
    assert.equal(
      hexOf(
        x25519(
          bytesOf('4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d'),
          bytesOf('e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493'),
        ),
      ),
      '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957',
    )
  })

  test('section 5.2: iterated once and a thousand times', () => {
    let k = bytesOf(`09${'00'.repeat(31)}`)
    let u = k
    for (let i = 1; i <= 1000; i++) {
      const next = x25519(k, u)
      assert.ok(next !== undefined, `iteration ${i} was refused`)
      u = k
      k = next
      if (i === 1) assert.equal(hexOf(k), '422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079')
    }
    assert.equal(hexOf(k), '684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51')
  })

  test('section 6.1: a share that makes the secret all zeros is refused', () => {
    const smallOrder = [
      '00'.repeat(32),
      `01${'00'.repeat(31)}`,
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
      '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
      `ec${'ff'.repeat(30)}7f`,
      `ed${'ff'.repeat(30)}7f`,
      `ee${'ff'.repeat(30)}7f`,
    ]
    const random = seededBytes('small order')
    const hybrid = offerKeyShare('X25519MLKEM768', random).share
    for (const share of smallOrder) {
      assert.equal(answerKeyShare('x25519', bytesOf(share), random), undefined)
      assert.equal(offerKeyShare('x25519', random).finish(bytesOf(share)), undefined)
      const bad = hybrid.slice()
      bad.set(bytesOf(share), 1184)
      assert.equal(answerKeyShare('X25519MLKEM768', bad, random), undefined)
    }
  })

  test('agrees with OpenSSL, the first keys made by the ladder and later ones by a table', () => {
    const random = seededBytes('openssl')
    const prefix = bytesOf('302e020100300506032b656e04220420')
    for (let i = 0; i < 40; i++) {
      const [scalar, theirs] = [random(32), random(32)]
      const privateKey = (bytes: Uint8Array) =>
        createPrivateKey({ key: Buffer.concat([prefix, bytes]), format: 'der', type: 'pkcs8' })
      const raw = (bytes: Uint8Array) => createPublicKey(privateKey(bytes)).export({ format: 'der', type: 'spki' }).subarray(-32)
      const offer = offerKeyShare('x25519', () => scalar)
      assert.equal(hexOf(offer.share), hexOf(raw(scalar)))
      const expected = diffieHellman({ privateKey: privateKey(theirs), publicKey: createPublicKey(privateKey(scalar)) })
      assert.equal(hexOf(offer.finish(new Uint8Array(raw(theirs)))), hexOf(expected))
    }
  })
})

describe('P-256', () => {
  test('agrees with OpenSSL', () => {
    const theirs = createECDH('prime256v1')
    for (let i = 0; i < 5; i++) {
      const point = new Uint8Array(theirs.generateKeys())
      const offer = offerKeyShare('secp256r1', seededBytes(`p256/${i}`))
      assert.equal(hexOf(offer.finish(point)), theirs.computeSecret(offer.share).toString('hex'))
    }
  })

  test('RFC 8446 section 4.2.8.2: only uncompressed points of the curve', () => {
    const random = seededBytes('points')
    const { share } = offerKeyShare('secp256r1', random)
    const compressed = Uint8Array.of(2 + (share[64] & 1), ...share.subarray(1, 33))
    const offTheCurve = share.slice()
    offTheCurve[64] ^= 1
    const hybridForm = Uint8Array.of(6 + (share[64] & 1), ...share.subarray(1))
    const tooLarge = Uint8Array.of(4, ...new Uint8Array(64).fill(0xff))
    for (const bad of [compressed, offTheCurve, hybridForm, tooLarge, new Uint8Array(65), Uint8Array.of(0)]) {
      assert.equal(answerKeyShare('secp256r1', bad, random), undefined)
    }
  })
})

describe('X25519MLKEM768, draft-ietf-tls-ecdhe-mlkem', () => {
  test('section 3.2: the X25519 part comes last, in both shares and in the secret', () => {
    const offer = offerKeyShare('X25519MLKEM768', seededBytes('order'))
    const answer = answerKeyShare('X25519MLKEM768', offer.share, seededBytes('answer'))
    assert.ok(answer !== undefined, 'a good share was refused')
    // The random bytes of the answer: 32 for ML-KEM, then the scalar.
    const random = seededBytes('answer')
    random(32)
    const scalar = random(32)
    const alone = offerKeyShare('x25519', () => scalar)
    assert.equal(hexOf(answer.share.subarray(1088)), hexOf(alone.share))
    assert.equal(hexOf(answer.secret.subarray(32)), hexOf(alone.finish(offer.share.subarray(1184))))
  })

  test('FIPS 203 section 7.2: an encapsulation key with a coefficient over the modulus is refused', () => {
    const { share } = offerKeyShare('X25519MLKEM768', seededBytes('modulus'))
    const bad = share.slice()
    bad[0] = 0xff
    bad[1] |= 0x0f
    assert.equal(answerKeyShare('X25519MLKEM768', bad, seededBytes('answer')), undefined)
  })

  test('FIPS 203 section 6.3: a changed ciphertext gives another secret, and no error', () => {
    const offer = offerKeyShare('X25519MLKEM768', seededBytes('offer'))
    const answer = answerKeyShare('X25519MLKEM768', offer.share, seededBytes('answer'))
    assert.ok(answer !== undefined, 'a good share was refused')
    const changed = answer.share.slice()
    changed[100] ^= 1
    const secret = offer.finish(changed)
    assert.equal(secret?.length, 64)
    assert.notEqual(hexOf(secret?.subarray(0, 32)), hexOf(answer.secret.subarray(0, 32)))
    assert.equal(hexOf(secret?.subarray(32)), hexOf(answer.secret.subarray(32)))
  })
})
