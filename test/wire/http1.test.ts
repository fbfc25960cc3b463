import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  decodeChunkLine,
  decodeFieldLine,
  decodeRequestLine,
  decodeStatusLine,
  encodeChunkLine,
  encodeLastChunk,
  encodeLatin1,
  encodeRequestHead,
  encodeStatusHead,
  Http1DecodeError,
  http1Layer,
} from '../../src/wire/http1.ts'
import { DecodeError } from '../../src/wire/errors.ts'
import type { Field } from '../../src/wire/field.ts'

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))
const decodeText = <T>(decode: (bytes: Uint8Array, start: number, end: number) => T, text: string): T => {
  // Not at offset 0, so that an offset that is forgotten shows.
  const bytes = bytesOf(`###${text}###`)
  return decode(bytes, 3, bytes.length - 3)
}
const refusal = (decode: (bytes: Uint8Array, start: number, end: number) => unknown, text: string): Http1DecodeError => {
  try {
    decodeText(decode, text)
  } catch (error) {
    assert.ok(error instanceof Http1DecodeError, String(error))
    return error
  }
  assert.fail(`'${text}' was accepted`)
}

describe('request line (RFC 9112 section 3)', () => {
  test('the four forms of a target', () => {
    assert.deepEqual(decodeText(decodeRequestLine, 'GET /where?q=now HTTP/1.1'), {
      method: 'GET',
      target: '/where?q=now',
      minorVersion: 1,
    })
    assert.equal(decodeText(decodeRequestLine, 'GET http://www.example.org/pub/WWW/TheProject.html HTTP/1.1').target.length, 46)
    assert.equal(decodeText(decodeRequestLine, 'CONNECT www.example.com:80 HTTP/1.1').target, 'www.example.com:80')
    assert.equal(decodeText(decodeRequestLine, 'OPTIONS * HTTP/1.0').minorVersion, 0)
    assert.equal(decodeText(decodeRequestLine, "M-SEARCH! /x'~ HTTP/1.9").minorVersion, 9)
  })

  test('what is not one is a bad request', () => {
    const broken = [
      ...['', ' ', 'GET', 'GET ', 'GET /', 'GET / ', 'GET  / HTTP/1.1', 'GET /  HTTP/1.1', ' GET / HTTP/1.1', 'GET / HTTP/1.1 '],
      ...[
        'GET\t/ HTTP/1.1',
        'GET /a b HTTP/1.1',
        'GET /\u00e9 HTTP/1.1',
        'G@T / HTTP/1.1',
        'GET /#top HTTP/1.1',
        'GET x HTTP/1.1',
      ],
      ...[
        'GET / http/1.1',
        'GET / HTTP/1',
        'GET / HTTP/1.',
        'GET / HTTP/11.1',
        'GET / HTTP/1.10',
        'GET / HTTP/a.1',
        'GET / HTTP/1,1',
      ],
      ...[
        'GET * HTTP/1.1',
        'CONNECT / HTTP/1.1',
        'CONNECT www.example.com HTTP/1.1',
        'OPTIONS ** HTTP/1.1',
        '\x16\x03\x01\x02\x00\x01',
      ],
    ]
    for (const line of broken) assert.equal(refusal(decodeRequestLine, line).status, 400, line)
  })

  test('another major version is 505, the preface of HTTP/2 too', () => {
    assert.equal(refusal(decodeRequestLine, 'GET / HTTP/2.0').status, 505)
    assert.equal(refusal(decodeRequestLine, 'GET / HTTP/0.9').status, 505)
    assert.equal(refusal(decodeRequestLine, 'PRI * HTTP/2.0').problem, 'unsupported')
  })
})

describe('status line (RFC 9112 section 4)', () => {
  test('with a reason, with an empty one, and with the space forgotten', () => {
    assert.deepEqual(decodeText(decodeStatusLine, 'HTTP/1.1 404 Not Found'), {
      minorVersion: 1,
      status: 404,
      reason: 'Not Found',
    })
    assert.deepEqual(decodeText(decodeStatusLine, 'HTTP/1.0 200 '), { minorVersion: 0, status: 200, reason: '' })
    assert.deepEqual(decodeText(decodeStatusLine, 'HTTP/1.1 599'), { minorVersion: 1, status: 599, reason: '' })
    assert.equal(decodeText(decodeStatusLine, 'HTTP/1.1 200 \u00e7a va').reason, '\u00e7a va')
  })

  test('what is not one is refused', () => {
    const broken = [
      '',
      'HTTP/1.1',
      'HTTP/1.1 ',
      'HTTP/1.1 20',
      'HTTP/1.1 2000',
      'HTTP/1.1  200',
      'HTTP/1.1\t200',
      'HTTP/1.1 2x0 OK',
      'ICY 200 OK',
    ]
    for (const line of broken) assert.equal(refusal(decodeStatusLine, line).problem, 'invalid', line)
    assert.equal(refusal(decodeStatusLine, 'HTTP/2.0 200 OK').problem, 'unsupported')
  })
})

describe('field line (RFC 9112 section 5)', () => {
  test('names lose their case, values the whitespace around them', () => {
    assert.deepEqual(decodeText(decodeFieldLine, 'Content-Type: \t text/html; charset=utf-8 \t'), {
      name: 'content-type',
      value: 'text/html; charset=utf-8',
    })
    assert.deepEqual(decodeText(decodeFieldLine, 'X:'), { name: 'x', value: '' })
    assert.deepEqual(decodeText(decodeFieldLine, "x!#$%&'*+-.^_`|~9: a\tb:\u00ff"), {
      name: "x!#$%&'*+-.^_`|~9",
      value: 'a\tb:\u00ff',
    })
  })

  test('no whitespace before the colon, no empty name, no folding, no control characters', () => {
    for (const line of [
      'Host : x',
      'Host\t: x',
      ': x',
      'Host',
      '',
      ' x: y',
      '\tx: y',
      'X: a\0b',
      'X: a\rb',
      'X: a\nb',
      'X: \x7f',
      'X: \x01',
      'H\u00f6st: x',
    ]) {
      assert.equal(refusal(decodeFieldLine, line).status, 400, JSON.stringify(line))
    }
    assert.equal(refusal(decodeFieldLine, 'Host : x').cites, 'RFC 9112 section 5.1')
    assert.equal(refusal(decodeFieldLine, ' x: y').cites, 'RFC 9112 section 5.2')
  })
})

describe('chunk line (RFC 9112 section 7.1)', () => {
  test('hexadecimal in either case, leading zeros, extensions ignored', () => {
    assert.equal(decodeText(decodeChunkLine, '0'), 0)
    assert.equal(decodeText(decodeChunkLine, '1aF'), 0x1af)
    assert.equal(decodeText(decodeChunkLine, '000000000000000000000010'), 16)
    assert.equal(decodeText(decodeChunkLine, '5;a;b=c ; d = "e;\\"f"'), 5)
    assert.equal(decodeText(decodeChunkLine, '1fffffffffffff'), Number.MAX_SAFE_INTEGER)
  })

  test('what is not one is refused', () => {
    for (const line of [
      '',
      ' 5',
      '5 ',
      '0x5',
      '-5',
      '+5',
      '5g',
      '5 5',
      '5,5',
      ';a',
      '5;',
      '5;=b',
      '5;a=',
      '5;a="b',
      '5\r',
      'G',
      '5;a\0',
    ]) {
      assert.equal(refusal(decodeChunkLine, line).status, 400, JSON.stringify(line))
    }
    assert.equal(refusal(decodeChunkLine, '20000000000000').problem, 'oversized')
    assert.equal(refusal(decodeChunkLine, 'f'.repeat(300)).problem, 'oversized')
  })
})

describe('encoders', () => {
  test('a request, a response, a chunk, the last chunk', () => {
    const fields = [{ name: 'Host', value: 'bob' }]
    assert.deepEqual(
      encodeRequestHead({ method: 'GET', target: '/', minorVersion: 1 }, fields),
      bytesOf('GET / HTTP/1.1\r\nHost: bob\r\n\r\n'),
    )
    assert.deepEqual(
      encodeStatusHead({ minorVersion: 1, status: 204, reason: 'No Content' }, []),
      bytesOf('HTTP/1.1 204 No Content\r\n\r\n'),
    )
    assert.deepEqual(encodeChunkLine(65_535), bytesOf('ffff\r\n'))
    assert.deepEqual(encodeLastChunk([{ name: 'Digest', value: 'x' }]), bytesOf('0\r\nDigest: x\r\n\r\n'))
  })

  test('nothing that would split a message or change on the way gets out', () => {
    const line = { method: 'GET', target: '/', minorVersion: 1 }
    for (const value of ['a\r\nSet-Cookie: x', 'a\nb', 'a\0', ' a', 'a ', 'a\u0100']) {
      assert.throws(() => encodeRequestHead(line, [{ name: 'X', value }]), RangeError, JSON.stringify(value))
    }
    for (const name of ['', 'a b', 'a:', 'a\r\n', '\u00e9'])
      assert.throws(() => encodeRequestHead(line, [{ name, value: '' }]), RangeError)
    for (const target of ['', 'x', '/a b', '/\r\n', '/\u00e9', '*'])
      assert.throws(() => encodeRequestHead({ ...line, target }, []), RangeError)
    assert.throws(() => encodeRequestHead({ ...line, method: 'G T' }, []), RangeError)
    assert.throws(() => encodeStatusHead({ minorVersion: 1, status: 200, reason: 'OK\r\nX: y' }, []), RangeError)
    assert.throws(() => encodeStatusHead({ minorVersion: 1, status: 99, reason: '' }, []), RangeError)
    assert.throws(() => encodeLatin1('\u2192'), RangeError)
  })

  test('heads come back as they went in', () => {
    const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9a-z-]{1,12}$/)
    const value = fc.stringMatching(/^(?:[!-~\u0080-\u00ff](?:[\t -~\u0080-\u00ff]{0,20}[!-~\u0080-\u00ff])?)?$/)
    const fields = fc.array(fc.record({ name: token, value }, { noNullPrototype: true }), { maxLength: 6 })
    fc.assert(
      fc.property(token, fc.webPath(), fields, (method, path, fields) => {
        const target = `/${path}`
        const head = Buffer.from(encodeRequestHead({ method, target, minorVersion: 1 }, fields)).toString('latin1')
        const [line, ...rest] = head.slice(0, -4).split('\r\n')
        assert.deepEqual(decodeText(decodeRequestLine, line), { method, target, minorVersion: 1 })
        assert.deepEqual(
          rest.map((field) => decodeText(decodeFieldLine, field)),
          fields,
        )
      }),
      { seed: 1, numRuns: 300 },
    )
  })
})

test('any bytes give a value or a DecodeError', () => {
  const decoders = [decodeRequestLine, decodeStatusLine, decodeFieldLine, decodeChunkLine, http1Layer]
  const almost = fc
    .constantFrom('GET / HTTP/1.1', 'HTTP/1.1 200 OK', 'Host: x', '5;a="b"', 'GET / HTTP/1.1\r\nHost: x\r\n\r\nbody')
    .chain((text) =>
      fc.tuple(fc.nat({ max: text.length }), fc.nat({ max: 4 }), fc.uint8Array({ maxLength: 4 })).map(([at, drop, more]) => {
        const bytes = bytesOf(text)
        return Uint8Array.from([...bytes.subarray(0, at), ...more, ...bytes.subarray(at + drop)])
      }),
    )
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), almost), fc.constantFrom(...decoders), (bytes, decode) => {
      try {
        decode(bytes, 0, bytes.length)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
      }
    }),
    { seed: 2, numRuns: 3000 },
  )
})

/** All fields with a name, at any depth. */
function named(fields: readonly Field[], name: string): Field[] {
  return fields.flatMap((field) => [...(field.name === name ? [field] : []), ...named(field.fields ?? [], name)])
}

describe('layer for the inspector', () => {
  const layerOf = (text: string, before = '') => http1Layer(bytesOf(before + text), before.length, before.length + text.length)

  test('a request: names, values and ranges', () => {
    const before = 'x'.repeat(54)
    const request = 'GET /where?q=now HTTP/1.1\r\nHost:  bob\r\nX-Own: 1\r\n\r\n'
    const layer = layerOf(request, before)
    assert.ok(layer)
    assert.equal(layer.summary, 'GET /where?q=now HTTP/1.1')
    assert.deepEqual([layer.start, layer.end], [54, 54 + request.length])
    const shown = (name: string) => {
      const [field] = named(layer.fields, name)
      return [field.value, (before + request).slice(field.start, field.end)]
    }
    assert.deepEqual(shown('http.request.method'), ['GET', 'GET'])
    assert.deepEqual(shown('http.request.uri'), ['/where?q=now', '/where?q=now'])
    assert.deepEqual(shown('http.request.version'), ['HTTP/1.1', 'HTTP/1.1'])
    assert.deepEqual(shown('http.host'), ['bob', 'Host:  bob\r\n'])
    assert.deepEqual(shown('http.request.line'), ['1', 'X-Own: 1\r\n'])
    assert.equal(layer.problem, undefined)
  })

  test('a response and the part of its body in this segment', () => {
    const layer = layerOf('HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot')
    assert.ok(layer)
    assert.equal(named(layer.fields, 'http.response.code')[0].value, '404')
    assert.equal(named(layer.fields, 'http.response.phrase')[0].value, 'Not Found')
    assert.equal(named(layer.fields, 'http.content_length_header')[0].value, '9')
    const [body] = named(layer.fields, 'http.file_data')
    assert.equal(body.end - body.start, 3)
  })

  test('pipelined requests share a segment, and so do their responses', () => {
    const requests = layerOf('GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n')
    assert.deepEqual(
      named(requests?.fields ?? [], 'http.request.uri').map(({ value }) => value),
      ['/a', '/b'],
    )
    const responses = layerOf(
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 204 No Content\r\n\r\n',
    )
    assert.deepEqual(
      named(responses?.fields ?? [], 'http.response.code').map(({ value }) => value),
      ['100', '200', '204'],
    )
    assert.equal(responses?.summary, 'HTTP/1.1 100 Continue, HTTP/1.1 200 OK, HTTP/1.1 204 No Content')
  })

  test('chunks with their sizes and trailers', () => {
    const layer = layerOf('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n0\r\nX-Sum: 1\r\n\r\n')
    assert.deepEqual(
      named(layer?.fields ?? [], 'http.chunk_size').map(({ value }) => value),
      ['4 bytes', '0 bytes'],
    )
    assert.equal(named(layer?.fields ?? [], 'http.chunk_data').length, 1)
    assert.equal(named(layer?.fields ?? [], 'http.chunked_trailer_part')[0].value, 'X-Sum: 1')
  })

  test('the middle of a body is no HTTP layer', () => {
    for (const text of [
      '',
      'GET',
      'GET / HTTP/1.1',
      'lorem ipsum\r\n dolor',
      '\0\0\0',
      '\r\n',
      '<html>\r\n',
      'GET /a b HTTP/1.1\r\n',
    ]) {
      assert.equal(layerOf(text), undefined, JSON.stringify(text))
    }
  })

  test('a head that goes on in the next segment', () => {
    const layer = layerOf('GET / HTTP/1.1\r\nHost: bob\r\nAcc')
    assert.equal(named(layer?.fields ?? [], 'http.host').length, 1)
    assert.equal(layer?.fields.at(-1)?.label, 'Unfinished')
  })

  test('what is wrong is said', () => {
    assert.match(layerOf('GET / HTTP/1.1\r\nHost : bob\r\n\r\n')?.problem ?? '', /colon/)
    assert.match(layerOf('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')?.problem ?? '', /major version/)
    assert.match(layerOf('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n')?.problem ?? '', /hexadecimal/)
  })

  test('ranges lie in order within the segment, whatever the bytes', () => {
    const piece = fc.constantFrom(
      'GET / HTTP/1.1\r\n',
      'HTTP/1.1 200 OK\r\n',
      'Content-Length: 7\r\n',
      'Transfer-Encoding: chunked\r\n',
      '\r\n',
      '3\r\nabc',
      '0',
      'x: y',
      '\r',
      '\n',
      'z',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('')
        const layer = layerOf(text, 'before')
        if (!layer) return
        let at = layer.start
        for (const field of layer.fields) {
          assert.ok(field.start >= at && field.end > field.start && field.end <= layer.end, JSON.stringify({ text, layer }))
          at = field.end
        }
        assert.ok(layer.end <= 6 + text.length)
      }),
      { seed: 3, numRuns: 2000 },
    )
  })
})

test('h1.pcap: what Wireshark shows of curl and python, frame by frame', () => {
  const pcap = readFileSync(new URL('../vectors/h1.pcap', import.meta.url))
  const shown: string[] = []
  for (let at = 24, frame = 1; at < pcap.length; frame++) {
    const length = pcap.readUInt32LE(at + 8)
    const packet = pcap.subarray(at + 16, at + 16 + length)
    at += 16 + length
    const start = 34 + (packet[46] >> 4) * 4
    const layer = http1Layer(packet, start, 14 + packet.readUInt16BE(16))
    if (!layer) continue
    const values = [
      'http.request.method',
      'http.request.uri',
      'http.host',
      'http.user_agent',
      'http.response.code',
      'http.response.phrase',
      'http.content_type',
      'http.content_length_header',
      'http.server',
    ]
    shown.push(`${String(frame)} ${values.flatMap((name) => named(layer.fields, name).map(({ value }) => value)).join('|')}`)
  }
  // The values that tshark 4.0 shows; it puts those of frame 15 at frame 31, where that response is complete.
  assert.deepEqual(shown, [
    '4 GET|/small.txt|10.9.0.2:8002|curl/7.88.1',
    '6 200|OK|text/plain|3000|SimpleHTTP/0.6 Python/3.11.7',
    '14 GET|/20k|10.9.0.2:8002|curl/7.88.1',
    '15 200|OK|application/octet-stream|20000|SimpleHTTP/0.6 Python/3.11.7',
    '33 GET|/nope|10.9.0.2:8002|curl/7.88.1',
    '34 404|File not found|text/html;charset=utf-8|335|SimpleHTTP/0.6 Python/3.11.7',
  ])
})
