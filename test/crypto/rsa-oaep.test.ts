import assert from 'node:assert/strict'
import { constants, createPrivateKey, createPublicKey, privateDecrypt, publicEncrypt } from 'node:crypto'
import { test } from 'node:test'
import { generateRsaKey } from '../../src/crypto/rsa-key.ts'
import { rsaDecrypt, rsaEncrypt } from '../../src/crypto/rsa-oaep.ts'
import { publicKeyOf } from '../../src/crypto/signature.ts'
import { encodePrivateKeyInfo, encodePublicKeyInfo } from '../../src/wire/x509-key.ts'
import { ascii, hexOf, seededBytes } from './bytes.ts'

const random = seededBytes('oaep')
const KEY = generateRsaKey(2048, random)
const OTHER = generateRsaKey(1024, random)
const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
const LENGTHS = [0, 1, 50, 189, 190] as const

test('OpenSSL decrypts what we encrypt, for the shortest message and the longest', () => {
  const key = createPrivateKey({ key: Buffer.from(encodePrivateKeyInfo(KEY)), format: 'der', type: 'pkcs8' })
  for (const length of LENGTHS) {
    const message = random(length)
    const sealed = rsaEncrypt(KEY, message, random)
    assert.equal(sealed.length, 256)
    assert.equal(hexOf(privateDecrypt({ key, ...OAEP }, sealed)), hexOf(message))
  }
})

test('we decrypt what OpenSSL encrypts', () => {
  const key = createPublicKey({ key: Buffer.from(encodePublicKeyInfo(publicKeyOf(KEY))), format: 'der', type: 'spki' })
  for (const length of LENGTHS) {
    const message = random(length)
    const opened = rsaDecrypt(KEY, publicEncrypt({ key, ...OAEP }, message))
    assert.ok(opened, `${String(length)} bytes are decrypted`)
    assert.equal(hexOf(opened), hexOf(message))
  }
})

test('a message of 191 bytes is too long for 2,048 bits, and any for a key of 512', () => {
  assert.throws(() => rsaEncrypt(KEY, random(191), random), RangeError)
  const short = generateRsaKey(512, random)
  assert.throws(() => rsaEncrypt(short, random(0), random), RangeError)
  assert.equal(rsaDecrypt(short, random(64)), undefined)
})

test('the same message looks different each time', () => {
  const message = ascii('the same')
  assert.notEqual(hexOf(rsaEncrypt(KEY, message, random)), hexOf(rsaEncrypt(KEY, message, random)))
})

test('what was changed, cut, is above the modulus or is for another key is no message', () => {
  const sealed = rsaEncrypt(OTHER, ascii('for one only'), random)
  assert.ok(rsaDecrypt(OTHER, sealed), 'it is one as it stands')
  for (let i = 0; i < 128; i++) {
    const changed = new Uint8Array(sealed)
    changed[i] ^= 1 << (i & 7)
    assert.equal(rsaDecrypt(OTHER, changed), undefined, `byte ${String(i)}`)
  }
  assert.equal(rsaDecrypt(OTHER, sealed.subarray(1)), undefined)
  assert.equal(rsaDecrypt(OTHER, new Uint8Array(128).fill(0xff)), undefined)
  assert.equal(rsaDecrypt(OTHER, new Uint8Array(128)), undefined)
  assert.equal(rsaDecrypt(generateRsaKey(1024, random), sealed), undefined)
})
