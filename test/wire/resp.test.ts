import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { randomStream } from '../../src/kernel/random.ts'
import { inlineWords } from '../../src/wire/inline-command.ts'
import { RespDecoder, type RespLimits } from '../../src/wire/resp-decoder.ts'
import { RespRequestDecoder, textBytes } from '../../src/wire/resp-request.ts'
import { encodeResp, encodeRespCommand, type RespValue } from '../../src/wire/resp.ts'

/** All values of a stream that is cut into pieces of so many bytes, and why it could not be read on. */
function decoded(bytes: Uint8Array, size: number, limits: Partial<RespLimits> = {}) {
  const decoder = new RespDecoder(limits)
  const values: RespValue[] = []
  for (let at = 0; at < bytes.length; at += size) {
    decoder.push(bytes.subarray(at, at + size))
    for (let value = decoder.next(); value !== undefined; value = decoder.next()) values.push(value)
  }
  return { values, fault: decoder.fault, isInside: decoder.isInside }
}

function read(text: string, limits: Partial<RespLimits> = {}): RespValue {
  const { values, fault, isInside } = decoded(textBytes(text), text.length, limits)
  assert.equal(fault, undefined, JSON.stringify(fault))
  assert.equal(isInside, false)
  assert.equal(values.length, 1, text)
  return values[0]
}

function problemOf(text: string, limits: Partial<RespLimits> = {}): string | undefined {
  return decoded(textBytes(text), text.length, limits).fault?.problem
}

const word = (text: string): RespValue => ({ type: 'bulk', value: textBytes(text) })
const int = (value: number): RespValue => ({ type: 'integer', value })
const NULL: RespValue = { type: 'null' }

describe('examples of the RESP specification', () => {
  test('types of RESP2', () => {
    assert.deepEqual(read('+OK\r\n'), { type: 'string', value: 'OK' })
    assert.deepEqual(read("-ERR unknown command 'asdf'\r\n"), { type: 'error', value: "ERR unknown command 'asdf'" })
    assert.deepEqual(read(':0\r\n'), int(0))
    assert.deepEqual(read(':-1000\r\n'), int(-1000))
    assert.deepEqual(read(':+7\r\n'), int(7))
    assert.deepEqual(read(':9223372036854775807\r\n'), { type: 'integer', value: 9223372036854775807n })
    assert.deepEqual(read('$5\r\nhello\r\n'), word('hello'))
    assert.deepEqual(read('$0\r\n\r\n'), word(''))
    assert.deepEqual(read('$-1\r\n'), { type: 'null', form: 'bulk' })
    assert.deepEqual(read('*-1\r\n'), { type: 'null', form: 'array' })
    assert.deepEqual(read('*0\r\n'), { type: 'array', items: [] })
    assert.deepEqual(read('*3\r\n$5\r\nhello\r\n$-1\r\n:1\r\n'), {
      type: 'array',
      items: [word('hello'), { type: 'null', form: 'bulk' }, int(1)],
    })
    assert.deepEqual(read('*2\r\n*1\r\n:1\r\n*2\r\n+Hello\r\n-World\r\n'), {
      type: 'array',
      items: [
        { type: 'array', items: [int(1)] },
        {
          type: 'array',
          items: [
            { type: 'string', value: 'Hello' },
            { type: 'error', value: 'World' },
          ],
        },
      ],
    })
  })

  test('types of RESP3', () => {
    assert.deepEqual(read('_\r\n'), NULL)
    assert.deepEqual(read('#t\r\n'), { type: 'boolean', value: true })
    assert.deepEqual(read('#f\r\n'), { type: 'boolean', value: false })
    assert.deepEqual(read(',1.23\r\n'), { type: 'double', value: 1.23 })
    assert.deepEqual(read(',10\r\n'), { type: 'double', value: 10 })
    assert.deepEqual(read(',inf\r\n'), { type: 'double', value: Infinity })
    assert.deepEqual(read(',-inf\r\n'), { type: 'double', value: -Infinity })
    assert.deepEqual(read(',nan\r\n'), { type: 'double', value: NaN })
    assert.deepEqual(read('(3492890328409238509324850943850943825024385\r\n'), {
      type: 'big-number',
      value: 3492890328409238509324850943850943825024385n,
    })
    assert.deepEqual(read('!21\r\nSYNTAX invalid syntax\r\n'), { type: 'error', value: 'SYNTAX invalid syntax', isBulk: true })
    assert.deepEqual(read('=15\r\ntxt:Some string\r\n'), { type: 'verbatim', format: 'txt', value: textBytes('Some string') })
    assert.deepEqual(read('%2\r\n+first\r\n:1\r\n+second\r\n:2\r\n'), {
      type: 'map',
      entries: [
        [{ type: 'string', value: 'first' }, int(1)],
        [{ type: 'string', value: 'second' }, int(2)],
      ],
    })
    assert.deepEqual(read('~2\r\n:1\r\n#t\r\n'), { type: 'set', items: [int(1), { type: 'boolean', value: true }] })
    assert.deepEqual(read('>2\r\n+pubsub\r\n+message\r\n'), {
      type: 'push',
      items: [
        { type: 'string', value: 'pubsub' },
        { type: 'string', value: 'message' },
      ],
    })
  })

  test('an attribute stands before what it is about, and counts in no list', () => {
    assert.deepEqual(read('*2\r\n:1\r\n|1\r\n+ttl\r\n:3600\r\n:2\r\n'), {
      type: 'array',
      items: [int(1), { type: 'attribute', entries: [[{ type: 'string', value: 'ttl' }, int(3600)]], about: int(2) }],
    })
  })
})

describe('what is refused', () => {
  test('as no RESP', () => {
    for (const text of [
      'HTTP/1.1 200 OK\r\n',
      '\r\n',
      '+OK\n',
      '+O\rK\r\n',
      ':\r\n',
      ':1.5\r\n',
      ':9223372036854775808\r\n',
      '$x\r\n',
      '$-2\r\n',
      '$3\r\nabcd\r\n',
      '*-2\r\n',
      '~-1\r\n',
      '_x\r\n',
      '#true\r\n',
      ',1,5\r\n',
      ',\r\n',
      '(1.5\r\n',
      '=3\r\ntxt\r\n',
      '=5\r\ntext:\r\n',
    ])
      assert.equal(problemOf(text), 'invalid', JSON.stringify(text))
  })

  test('as of unknown length, which no server sends', () => {
    for (const text of ['$?\r\n', '*?\r\n', '%?\r\n']) assert.equal(problemOf(text), 'unsupported')
  })

  test('as too much: on both sides of each limit', () => {
    const limits = { line: 10, bulk: 8, items: 4, depth: 2, values: 5 }
    assert.equal(problemOf(`+${'x'.repeat(9)}\r\n`, limits), undefined)
    assert.equal(problemOf(`+${'x'.repeat(11)}\r\n`, limits), 'oversized')
    assert.equal(problemOf('x'.repeat(12), limits), 'oversized')
    assert.equal(problemOf('$8\r\n12345678\r\n', limits), undefined)
    assert.equal(problemOf('$9\r\n', limits), 'oversized')
    assert.equal(problemOf('*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n', limits), undefined)
    assert.equal(problemOf('*5\r\n', limits), 'oversized')
    assert.equal(problemOf('%2\r\n', limits), undefined)
    assert.equal(problemOf('%3\r\n', limits), 'oversized')
    assert.equal(problemOf('*1\r\n*1\r\n:1\r\n', limits), undefined)
    assert.equal(problemOf('*1\r\n*1\r\n*1\r\n', limits), 'oversized')
    assert.equal(problemOf('*2\r\n*1\r\n:1\r\n*2\r\n:1\r\n:1\r\n', limits), 'oversized')
  })

  test('behind a fault nothing is read, and little is kept', () => {
    const decoder = new RespDecoder()
    decoder.push(textBytes('?\r\n+OK\r\n'))
    assert.equal(decoder.next(), undefined)
    decoder.push(textBytes('+OK\r\n'))
    assert.equal(decoder.next(), undefined)
    assert.equal(decoder.isInside, false)
  })
})

const latin = fc.stringMatching(/^[ -~]{0,20}$/)
const bytes = fc.uint8Array({ maxLength: 40 })
const { value: anyValue } = fc.letrec<{ value: RespValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    latin.map((value): RespValue => ({ type: 'string', value })),
    latin.map((value): RespValue => ({ type: 'error', value })),
    bytes.map((value): RespValue => ({ type: 'bulk', value })),
    fc.maxSafeInteger().map((value): RespValue => ({ type: 'integer', value: value === 0 ? 0 : value })),
    fc.bigInt({ min: 2n ** 60n, max: 2n ** 63n - 1n }).map((value): RespValue => ({ type: 'integer', value })),
    fc.bigInt().map((value): RespValue => ({ type: 'big-number', value })),
    fc.double().map((value): RespValue => ({ type: 'double', value: value === 0 ? 0 : value })),
    fc.boolean().map((value): RespValue => ({ type: 'boolean', value })),
    fc.constant(NULL),
    fc.tuple(fc.stringMatching(/^[a-z]{3}$/), bytes).map(([format, value]): RespValue => ({ type: 'verbatim', format, value })),
    fc
      .tuple(fc.constantFrom('array' as const, 'set' as const, 'push' as const), fc.array(tie('value'), { maxLength: 4 }))
      .map(([type, items]): RespValue => ({ type, items })),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((entries): RespValue => ({ type: 'map', entries })),
    fc
      .tuple(fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 2 }), tie('value'))
      .map(([entries, about]): RespValue => ({ type: 'attribute', entries, about })),
  ),
}))

describe('properties', () => {
  test('what was written in RESP3 is read again, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(anyValue, { maxLength: 4 }), fc.integer({ min: 1, max: 50 }), (values, size) => {
        const stream = new Uint8Array(Buffer.concat(values.map((value) => encodeResp(value, 3))))
        const result = decoded(stream, size)
        assert.equal(result.fault, undefined)
        assert.equal(result.isInside, false)
        assert.deepEqual(
          Buffer.concat(result.values.map((value) => encodeResp(value, 3))).toString('latin1'),
          Buffer.from(stream).toString('latin1'),
        )
        assert.deepEqual(result.values, decoded(stream, stream.length + 1).values)
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('in RESP2 everything has a form that RESP2 knows', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const { values, fault } = decoded(encodeResp(value, 2), 1000)
        assert.equal(fault, undefined)
        assert.equal(values.length, 1)
        const known = new Set(['string', 'error', 'integer', 'bulk', 'array', 'null'])
        const check = (each: RespValue): void => {
          assert.ok(known.has(each.type), each.type)
          if (each.type === 'array') each.items.forEach(check)
        }
        check(values[0])
      }),
      { seed: 2, numRuns: 300 },
    )
  })

  test('a command is read as it was written, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(bytes, { minLength: 1, maxLength: 5 }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 50 }),
        (commands, size) => {
          const stream = Buffer.concat(commands.map(encodeRespCommand))
          const { found, fault } = requests(stream, size)
          assert.equal(fault, undefined)
          assert.deepEqual(found.map(texts), commands.map(texts))
        },
      ),
      { seed: 3, numRuns: 300 },
    )
  })
})

function texts(words: readonly Uint8Array[]): string[] {
  return words.map((each) => Buffer.from(each).toString('latin1'))
}

function requests(stream: Uint8Array, size: number) {
  const decoder = new RespRequestDecoder()
  const found: (readonly Uint8Array[])[] = []
  for (let at = 0; at < stream.length; at += size) {
    decoder.push(stream.subarray(at, at + size))
    for (let words = decoder.next(); words !== undefined; words = decoder.next()) found.push(words)
  }
  return { found, fault: decoder.fault }
}

describe('commands that people type', () => {
  test('words, quotes and escapes', () => {
    assert.deepEqual(inlineWords('  set  a b '), ['set', 'a', 'b'])
    assert.deepEqual(inlineWords('"a b" \'c d\' ""'), ['a b', 'c d', ''])
    assert.deepEqual(inlineWords('"\\x41\\n\\"\\q" \'it\\\'s\''), ['A\n"q', "it's"])
    assert.deepEqual(inlineWords('"\\xzz"'), ['xzz'])
    assert.deepEqual(inlineWords(''), [])
    for (const text of ['"a', "'a", '"a"b', "'a'b", '"a\\"']) assert.equal(inlineWords(text), undefined, text)
  })

  test('stand beside arrays; empty lines and empty arrays are nothing', () => {
    const { found, fault } = requests(textBytes('PING\r\n\r\n*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\nECHO "a b"\n'), 3)
    assert.equal(fault, undefined)
    assert.deepEqual(found.map(texts), [['PING'], ['PING'], ['ECHO', 'a b']])
  })

  test('that cannot be read are refused in the words of Redis', () => {
    for (const [text, fault] of [
      ['*x\r\n', 'invalid multibulk length'],
      ['*99999999\r\n', 'invalid multibulk length'],
      ['*1\r\n+a\r\n', "expected '$', got '+'"],
      ['*1\r\n$x\r\n', 'invalid bulk length'],
      ['*1\r\n$-1\r\n', 'invalid bulk length'],
      ['*1\r\n$999999999\r\n', 'invalid bulk length'],
      ['ECHO "a\r\n', 'unbalanced quotes in request'],
      ['x'.repeat(65_537), 'too big inline request'],
      [`*${'1'.repeat(65_537)}`, 'too big mbulk count string'],
      [`*1\r\n$${'1'.repeat(65_537)}`, 'too big bulk count string'],
    ])
      assert.equal(requests(textBytes(text), 1000).fault, fault, text.slice(0, 40))
  })
})

describe('hostile streams', () => {
  const stream = Buffer.concat([
    encodeResp({ type: 'array', items: [word('a'), int(7), { type: 'map', entries: [[word('k'), NULL]] }] }, 3),
    encodeResp({ type: 'push', items: [word('message'), word('channel'), word('hello there')] }, 3),
    encodeResp({ type: 'double', value: -1.5 }, 3),
    encodeResp({ type: 'attribute', entries: [[word('x'), int(1)]], about: { type: 'set', items: [int(2)] } }, 3),
    encodeResp({ type: 'verbatim', format: 'txt', value: textBytes('text') }, 3),
    encodeResp({ type: 'big-number', value: 12345678901234567890n }, 3),
    encodeResp({ type: 'error', value: 'ERR', isBulk: true }, 3),
  ])
  const commands = Buffer.concat([
    encodeRespCommand(['SET', 'key', 'value'].map(textBytes)),
    textBytes('GET "a\\x41b"\r\n'),
    encodeRespCommand(['PUBLISH', 'c', '\0\r\n'].map(textBytes)),
  ])
  const TYPES = textBytes('+-:$*_#,(!=%~>|?0123456789\r\n\0\xff"\\')

  /** Changes, cuts out, doubles and cuts off. */
  function mutated(random: ReturnType<typeof randomStream>, valid: Uint8Array): Uint8Array {
    const changed = new Uint8Array(valid)
    for (let n = random.below(4); n > 0; n--) changed[random.below(changed.length)] = TYPES[random.below(TYPES.length)]
    const start = random.below(8) === 0 ? random.below(changed.length) : 0
    const end = random.below(8) === 0 ? random.below(changed.length) : changed.length
    return changed.subarray(Math.min(start, end), end)
  }

  test('100,000 of values: each gives values, a fault, or waits; nothing is thrown', () => {
    const random = randomStream(1, 'resp')
    const seen = { values: 0, faults: 0, waiting: 0 }
    for (let i = 0; i < 100_000; i++) {
      const decoder = new RespDecoder({ bulk: 1000, items: 1000 })
      decoder.push(mutated(random, stream))
      while (decoder.next() !== undefined) seen.values++
      if (decoder.fault !== undefined) seen.faults++
      else if (decoder.isInside) seen.waiting++
    }
    assert.ok(seen.values > 100_000 && seen.faults > 10_000 && seen.waiting > 1000, JSON.stringify(seen))
  })

  test('100,000 of commands: each gives commands, a fault, or waits; nothing is thrown', () => {
    const random = randomStream(2, 'resp')
    const seen = { commands: 0, faults: 0 }
    for (let i = 0; i < 100_000; i++) {
      const decoder = new RespRequestDecoder()
      decoder.push(mutated(random, commands))
      while (decoder.next() !== undefined) seen.commands++
      if (decoder.fault !== undefined) seen.faults++
    }
    assert.ok(seen.commands > 100_000 && seen.faults > 5000, JSON.stringify(seen))
  })

  test('a long bulk that comes byte by byte is not copied each time', () => {
    const length = 2_000_000
    const decoder = new RespDecoder()
    decoder.push(textBytes(`$${String(length)}\r\n`))
    const piece = new Uint8Array(100).fill(65)
    for (let at = 0; at < length; at += piece.length) {
      decoder.push(piece)
      assert.equal(decoder.next(), undefined)
    }
    decoder.push(textBytes('\r\n'))
    const value = decoder.next()
    assert.equal(value?.type === 'bulk' ? value.value.length : 0, length)
  })
})
