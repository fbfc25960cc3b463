import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawHandKey, handDecrypt, handEncrypt, handKeyOf, trialDivision } from '../../src/apps/letters/hand-rsa.ts'
import { drawWriterKeys, publicKeys, readerKeys, writerKeys } from '../../src/apps/letters/key-ring.ts'
import { encodeLetter, LetterDecoder } from '../../src/apps/letters/letter-format.ts'
import { open, openText, seal } from '../../src/apps/letters/seal.ts'
import { LETTER_METHODS, type LetterMethod } from '../../src/scenario/letter-method.ts'
import { randomBytesFrom } from '../../src/crypto/random-bytes.ts'
import { randomStream } from '../../src/kernel/random.ts'
import { pair } from '../host/topologies.ts'
import { ip } from '../host/world.ts'
import { app, data, latin1, noFailures, readAll, SECOND } from './site.ts'

const SEED = 3
const TEXT = 'Meet me at noon, 100 steps from the bridge.'
const bytes = randomBytesFrom(randomStream(1, 'letters-test'))
const random = randomStream(2, 'letters-test')

const sealed = (method: LetterMethod): Uint8Array => seal(method, TEXT, publicKeys(SEED), writerKeys(SEED), bytes)

test('what the writer packs the reader opens, each way', () => {
  for (const method of LETTER_METHODS) assert.deepEqual(open(method, sealed(method), readerKeys(SEED)), { text: TEXT }, method)
})

test('the text stands open where nothing hides it, and nowhere else', () => {
  const open = LETTER_METHODS.filter((method) => openText(method, sealed(method)) === TEXT)
  assert.deepEqual(open, ['plain', 'hash', 'signature'])
  for (const method of ['shared-key', 'rsa-by-hand', 'rsa-2048', 'hybrid'] as const)
    assert.ok(!Buffer.from(sealed(method)).includes('noon'), `${method} hides it`)
})

test('under a shared key, a hash, a signature and the hybrid no changed byte goes unnoticed', () => {
  for (const method of ['shared-key', 'hash', 'signature', 'hybrid'] as const) {
    const body = sealed(method)
    for (let i = 0; i < body.length; i++) {
      const changed = new Uint8Array(body)
      changed[i] ^= 1 << (i & 7)
      assert.ok('why' in open(method, changed, readerKeys(SEED)), `${method}, byte ${String(i)}`)
      assert.ok('why' in open(method, body.subarray(0, i), readerKeys(SEED)), `${method}, cut at ${String(i)}`)
    }
  }
})

test('with keys of somebody else, a shared key, a signature and the hybrid show it; public-key encryption does not', () => {
  const own = drawWriterKeys(bytes)
  const refused = LETTER_METHODS.filter(
    (method) => 'why' in open(method, seal(method, TEXT, publicKeys(SEED), own, bytes), readerKeys(SEED)),
  )
  assert.deepEqual(refused, ['shared-key', 'signature', 'hybrid'])
})

test('the example of many books: 61 × 53, and 65 becomes 2790 under e = 17', () => {
  assert.deepEqual(handKeyOf(61, 53), { n: 3233, e: 7, d: 1783, p: 61, q: 53 })
  assert.equal(handEncrypt({ n: 3233, e: 17 }, 'A'), '2790')
  assert.equal(handDecrypt({ n: 3233, d: 2753 }, '2790'), 'A')
})

test('every small key encrypts every character and gets it back, and is factored by fewer than 50 divisions', () => {
  const all = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('')
  for (let i = 0; i < 200; i++) {
    const key = drawHandKey(bytes)
    assert.equal(handDecrypt(key, handEncrypt(key, all)), all)
    const { factor, divisions } = trialDivision(BigInt(key.n), 50)
    assert.equal(factor, BigInt(Math.min(key.p, key.q)))
    assert.ok(divisions < 50, `${String(key.n)} took ${String(divisions)}`)
  }
  assert.deepEqual(trialDivision(3233n, 26), { factor: undefined, divisions: 26 })
  assert.deepEqual(trialDivision(3233n, 27), { factor: 53n, divisions: 27 })
})

test('letters come out of a stream as they went in, however it is cut', () => {
  const letters = LETTER_METHODS.map((method) => ({ method, body: sealed(method) }))
  const stream = Buffer.concat(letters.map(encodeLetter))
  for (const size of [1, 7, 100, stream.length]) {
    const decoder = new LetterDecoder()
    const found = []
    for (let at = 0; at < stream.length; at += size) {
      decoder.push(stream.subarray(at, at + size))
      for (let letter = decoder.next(); letter !== undefined; letter = decoder.next()) found.push(letter)
    }
    assert.deepEqual(
      found.map(({ method, body }) => [method, Buffer.from(body).toString('hex')]),
      letters.map(({ method, body }) => [method, Buffer.from(body).toString('hex')]),
    )
    assert.equal(decoder.fault, undefined)
  }
})

test('a line that makes no sense is a fault, and so is one that does not end', () => {
  for (const line of [
    'POSTCARD plain 3\r\nabc',
    'LETTER wax 3\r\nabc',
    'LETTER plain 1301\r\n',
    'LETTER plain -1\r\n',
    'LETTER plain 03\r\nabc',
    '\n',
    'x'.repeat(32),
  ]) {
    const decoder = new LetterDecoder()
    decoder.push(latin1(line))
    assert.equal(decoder.next(), undefined, line)
    assert.ok(decoder.fault, line)
    decoder.push(latin1('LETTER plain 1\r\na'))
    assert.equal(decoder.next(), undefined, 'nothing is read behind a fault')
  }
  assert.throws(() => encodeLetter({ method: 'plain', body: new Uint8Array(1301) }), RangeError)
})

test('100,000 mutated letters: each is a letter, a fault or not there yet, and nothing is thrown', () => {
  const valid = LETTER_METHODS.map((method) => encodeLetter({ method, body: sealed(method) }))
  const seen = { letters: 0, faults: 0, waiting: 0 }
  for (let i = 0; i < 100_000; i++) {
    const mutated = new Uint8Array(valid[random.below(valid.length)])
    for (let n = random.below(3); n >= 0; n--) mutated[random.below(Math.min(mutated.length, 30))] = random.below(256)
    const decoder = new LetterDecoder()
    decoder.push(mutated.subarray(0, random.below(10) === 0 ? random.below(mutated.length) : mutated.length))
    const letter = decoder.next()
    if (letter !== undefined) {
      seen.letters++
      // Large exponents take their time, and are tried enough above.
      if (letter.method !== 'rsa-2048' && i % 50 === 0) open(letter.method, letter.body, readerKeys(SEED))
      openText(letter.method, letter.body)
    } else if (decoder.fault !== undefined) seen.faults++
    else seen.waiting++
  }
  assert.ok(seen.letters > 1000 && seen.faults > 1000 && seen.waiting > 1000, JSON.stringify(seen))
})

test('a reader who is brought nonsense says so, hangs up, and reads the next one’s letters', () => {
  let answer = ''
  const world = pair(
    function* ({ sockets }) {
      const to = { address: ip('10.0.0.2'), port: 4000 }
      const rude = yield* sockets.connect(to)
      yield* rude.write(latin1('GET / HTTP/1.1\r\nHost: bob\r\n\r\n'))
      answer = yield* readAll(rude)
      rude.close()
      const polite = yield* sockets.connect(to)
      yield* polite.write(encodeLetter({ method: 'plain', body: latin1(TEXT) }))
      yield* polite.write(encodeLetter({ method: 'hybrid', body: latin1(TEXT) }))
      polite.close()
    },
    app('letter-reader', { seed: SEED }),
  ).run(10 * SECOND)
  noFailures(world)
  assert.equal(answer, '')
  assert.deepEqual(data(world, 'letter:illegible', 'bob'), [{ detail: 'the line in front of a letter makes no sense' }])
  assert.deepEqual(data(world, 'letter:accepted', 'bob'), [{ number: 1, method: 'plain', text: TEXT }])
  assert.deepEqual(data(world, 'letter:refused', 'bob'), [
    { number: 2, method: 'hybrid', why: 'the signature is not the writer’s' },
  ])
})

test('a carrier whose addressee is not there hangs up on the writer, and nobody fails', () => {
  const world = pair(
    app('letter-writer', { seed: SEED, to: 'bob', text: TEXT, methods: ['plain', 'hybrid'] }),
    app('letter-carrier', { seed: SEED, to: '10.0.0.1' }),
  ).run(10 * SECOND)
  noFailures(world)
  assert.equal(data(world, 'letter:failed', 'bob')[0]?.['error'], 'ECONNREFUSED')
})
