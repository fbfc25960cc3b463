import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Http1Client } from '../../../src/protocols/http1/client.ts'
import type { Http1Request } from '../../../src/protocols/http1/client.ts'
import { LocalProtocolError } from '../../../src/protocols/http1/fault.ts'
import { latin1, sent, told } from './stream.ts'
import type { Told } from './stream.ts'

const HOST = { name: 'Host', value: 'bob' }
const GET: Http1Request = { method: 'GET', target: '/', fields: [HOST], body: 0 }
const HEAD: Http1Request = { ...GET, method: 'HEAD' }

/** A client that asked for these, got this text, and told that. */
function answered(requests: readonly Http1Request[], text: string, end = false): { client: Http1Client; events: Told[] } {
  const client = new Http1Client()
  for (const request of requests) client.request(request)
  client.handle(latin1(text))
  if (end) client.handleEnd()
  return { client, events: told(client) }
}

/** What came of it, in short. */
function outcome(events: readonly Told[]): string {
  return events
    .map((event) => {
      switch (event.type) {
        case 'informational':
          return `${String(event.id)}:${String(event.status)}`
        case 'response':
          return `${String(event.id)}:${String(event.status)}`
        case 'body':
          return `'${event.text}'`
        case 'closed':
          return `closed${event.error ? ` ${event.error.code}` : ''}${event.broken === undefined ? '' : ` broken ${String(event.broken)}`}`
        default:
          return event.type
      }
    })
    .join(' ')
}

describe('requests', () => {
  test('one without a body, one with a length, one in chunks', () => {
    const client = new Http1Client()
    client.request({ ...GET, target: '/a', fields: [HOST, { name: 'Accept', value: '*/*' }] })
    assert.equal(client.request({ ...GET, method: 'POST', body: 2 }), 2)
    client.sendBody(latin1('hi'))
    client.endBody()
    client.request({ ...GET, method: 'PUT', body: 'chunked' })
    client.sendBody(latin1('ho'))
    client.endBody([{ name: 'X', value: 'y' }])
    assert.equal(
      sent(client),
      'GET /a HTTP/1.1\r\nHost: bob\r\nAccept: */*\r\n\r\n' +
        'POST / HTTP/1.1\r\nHost: bob\r\nContent-Length: 2\r\n\r\nhi' +
        'PUT / HTTP/1.1\r\nHost: bob\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nho\r\n0\r\nX: y\r\n\r\n',
    )
    assert.equal(client.pending, 3)
  })

  test('an empty POST says so (RFC 9110 section 8.6)', () => {
    const client = new Http1Client()
    client.request({ ...GET, method: 'POST' })
    assert.match(sent(client), /Content-Length: 0\r\n/)
  })

  test('without keep-alive there is one', () => {
    const client = new Http1Client({ keepAlive: false })
    client.request(GET)
    assert.match(sent(client), /Connection: close\r\n/)
    assert.equal(client.canRequest, false)
    assert.throws(() => client.request(GET), LocalProtocolError)
    client.handle(latin1('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
    assert.equal(outcome(told(client)), '1:200 end closed')
    assert.ok(client.finished)
  })

  test('none while the body of another is being sent', () => {
    const client = new Http1Client()
    client.request({ ...GET, method: 'POST', body: 1 })
    assert.equal(client.canRequest, false)
    assert.throws(() => client.request(GET), LocalProtocolError)
  })

  test('misuse throws, and changes nothing', () => {
    const client = new Http1Client()
    const wrong: Http1Request[] = [
      { ...GET, fields: [] },
      { ...GET, method: 'CONNECT', target: 'bob:80' },
      ...['Connection', 'content-length', 'Transfer-Encoding', 'Upgrade'].map((name) => ({
        ...GET,
        fields: [HOST, { name, value: 'x' }],
      })),
    ]
    for (const request of wrong) assert.throws(() => client.request(request), LocalProtocolError)
    assert.throws(() => client.request({ ...GET, target: 'x y' }), RangeError)
    assert.throws(() => client.request({ ...GET, body: -1 }), LocalProtocolError)
    assert.throws(() => client.sendBody(latin1('x')), LocalProtocolError)
    assert.throws(() => client.endBody(), LocalProtocolError)
    client.request(GET)
    assert.equal(sent(client), 'GET / HTTP/1.1\r\nHost: bob\r\n\r\n')
    assert.equal(client.pending, 1)
  })
})

describe('responses', () => {
  test('a length, chunks, and all until the close', () => {
    assert.equal(outcome(answered([GET], 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok').events), "1:200 'ok' end")
    const chunks = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'
    assert.equal(outcome(answered([GET], chunks).events), "1:200 'ok' end")
    assert.equal(outcome(answered([GET], 'HTTP/1.1 200 OK\r\n\r\nok', true).events), "1:200 'ok' end closed")
    assert.equal(outcome(answered([GET], 'HTTP/1.1 200 OK\r\n\r\nok').events), "1:200 'ok'")
    assert.equal(outcome(answered([GET], 'HTTP/1.1 200 OK\r\n\r\n', true).events), '1:200 end closed')
  })

  test('no body to HEAD, with 204, with 304, whatever the fields say (RFC 9112 section 6.3)', () => {
    const fields = 'Content-Length: 5\r\n\r\n'
    assert.equal(
      outcome(answered([HEAD, GET], `HTTP/1.1 200 OK\r\n${fields}HTTP/1.1 200 OK\r\n${fields}hello`).events),
      "1:200 end 2:200 'hello' end",
    )
    assert.equal(outcome(answered([GET, GET], `HTTP/1.1 304 x\r\n${fields}HTTP/1.1 204 x\r\n\r\n`).events), '1:304 end 2:204 end')
    assert.equal(outcome(answered([HEAD], 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n').events), '1:200 end')
  })

  test('any number of 1xx before the final one (RFC 9110 section 15.2)', () => {
    const text =
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
    const { events } = answered([GET], text)
    assert.equal(outcome(events), '1:100 1:103 1:200 end')
    assert.equal(events[1].type === 'informational' && events[1].fields[0].value, 'x')
  })

  test('to pipelined requests, in their order', () => {
    const response = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${String(body.length)}\r\n\r\n${body}`
    const { client, events } = answered([GET, GET, GET], response('a') + response('bc'))
    assert.equal(outcome(events), "1:200 'a' end 2:200 'bc' end")
    assert.equal(client.pending, 1)
  })

  test('a folded field is joined with a space (RFC 9112 section 5.2)', () => {
    const { events } = answered([GET], 'HTTP/1.1 200 OK\r\nX: a\r\n\tb \r\n  c\r\nY:\r\n d\r\nContent-Length: 0\r\n\r\n')
    assert.deepEqual(events[0].type === 'response' && events[0].fields.slice(0, 2), [
      { name: 'x', value: 'a b c' },
      { name: 'y', value: 'd' },
    ])
  })

  test('a newer minor version is HTTP/1.1, an older one does not persist (RFC 9112 section 9.3)', () => {
    assert.equal(answered([GET], 'HTTP/1.7 200 OK\r\nContent-Length: 0\r\n\r\n').client.canRequest, true)
    assert.equal(outcome(answered([GET], 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n').events), '1:200 end closed')
    const kept = answered([GET], 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n')
    assert.equal(kept.client.canRequest, true)
  })

  test('the close is announced: the rest is unanswered, and nothing more is read', () => {
    const last = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
    const { client, events } = answered([GET, GET, GET], last + last)
    assert.equal(outcome(events), '1:200 end closed')
    assert.deepEqual(events.at(-1), { type: 'closed', error: undefined, broken: undefined, unanswered: [2, 3] })
    assert.ok(client.finished)
    assert.equal(client.canRequest, false)
    client.handle(latin1('garbage'))
    client.handleEnd()
    assert.deepEqual(told(client), [])
  })

  test('a final response while the body of its request is still on the way', () => {
    const client = new Http1Client()
    client.request({ ...GET, method: 'POST', body: 10 })
    client.sendBody(latin1('01234'))
    client.handle(latin1('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
    assert.equal(outcome(told(client)), '1:200 end')
    client.sendBody(latin1('56789'))
    client.endBody()
    assert.ok(client.canRequest)
  })
})

describe('what is no answer', () => {
  const cases: Record<string, [string, string]> = {
    'not HTTP': ['SSH-2.0-OpenSSH\r\n', 'closed malformed broken 1'],
    'HTTP/2': ['HTTP/2.0 200 OK\r\n\r\n', 'closed unsupported broken 1'],
    'no status': ['HTTP/1.1 OK\r\n\r\n', 'closed malformed broken 1'],
    'an empty line first': ['\r\nHTTP/1.1 200 OK\r\n\r\n', 'closed malformed broken 1'],
    'a bare LF': ['HTTP/1.1 200 OK\n\n', 'closed malformed broken 1'],
    'a space before the colon': ['HTTP/1.1 200 OK\r\nX : y\r\n\r\n', 'closed malformed broken 1'],
    'folding without a field': ['HTTP/1.1 200 OK\r\n X: y\r\n\r\n', 'closed malformed broken 1'],
    'both lengths': ['HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n', 'closed malformed broken 1'],
    'two lengths': ['HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n', 'closed malformed broken 1'],
    'chunks in HTTP/1.0': ['HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'closed malformed broken 1'],
    'an unknown coding': ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n', 'closed unsupported broken 1'],
    'a bad chunk': ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n', '1:200 closed malformed broken 1'],
    'a switch of protocols': ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n', 'closed malformed broken 1'],
    'a long status line': [`HTTP/1.1 200 ${'x'.repeat(9000)}`, 'closed too-large broken 1'],
    'many fields': [`HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(101)}`, 'closed too-large broken 1'],
  }
  for (const [name, [text, expected]] of Object.entries(cases)) {
    test(name, () => {
      const { client, events } = answered([GET, GET], text)
      assert.equal(outcome(events), expected)
      const last = events.at(-1)
      assert.ok(last?.type === 'closed' && 'unanswered' in last)
      assert.deepEqual(last.unanswered, [2])
      assert.equal(last.error?.whose, 'remote')
      assert.ok(client.finished)
      assert.equal(client.pollTransmit(), undefined)
    })
  }

  test('what nobody asked for (RFC 9112 section 9.2)', () => {
    assert.equal(outcome(answered([], 'HTTP/1.1 408 Request Timeout\r\n\r\n').events), 'closed unsolicited')
    const { events } = answered([GET], 'HTTP/1.1 204 x\r\n\r\nx')
    assert.equal(outcome(events), '1:204 end closed unsolicited')
  })
})

describe("the server's end of the stream", () => {
  const unanswered = (events: readonly Told[]) => {
    const last = events.at(-1)
    assert.ok(last?.type === 'closed' && 'unanswered' in last)
    return { code: last.error?.code, broken: last.broken, unanswered: last.unanswered }
  }

  test('while nothing is owed', () => {
    const { client, events } = answered([], '', true)
    assert.deepEqual(unanswered(events), { code: undefined, broken: undefined, unanswered: [] })
    assert.equal(client.canRequest, false)
  })

  test('before an answer: all may be asked again', () => {
    assert.deepEqual(unanswered(answered([GET, GET], '', true).events), {
      code: 'incomplete',
      broken: undefined,
      unanswered: [1, 2],
    })
    const { events } = answered([GET, GET, GET], 'HTTP/1.1 204 x\r\n\r\n', true)
    assert.deepEqual(unanswered(events), { code: 'incomplete', broken: undefined, unanswered: [2, 3] })
  })

  for (const part of [
    'H',
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.1 100 x\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n',
  ]) {
    test(`in the middle of an answer: ${JSON.stringify(part.slice(-20))}`, () => {
      assert.deepEqual(unanswered(answered([GET, GET], part, true).events), { code: 'incomplete', broken: 1, unanswered: [2] })
    })
  }
})
