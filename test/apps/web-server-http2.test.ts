import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Http2Client } from '../../src/protocols/http2/client.ts'
import type { Http2ClientEvent } from '../../src/protocols/http2/event.ts'
import type { HttpPriority } from '../../src/protocols/http-message.ts'
import type { Http2Options } from '../../src/protocols/http2/options.ts'
import type { AppContext, Blocking, TcpSocket } from '../../src/host/socket.ts'
import { hashOf } from '../strangers/body.ts'
import { pair } from '../host/topologies.ts'
import { data, MILLISECOND, noFailures, page, resource, SECOND, server, talker, type Body } from './site.ts'

const SITE = {
  '/': page(['/a.css'], { size: 600, push: ['/a.css', '/none'] }),
  '/a.css': resource(11, { type: 'text/css' }),
  '/slow': resource(5, { delay: 300 * MILLISECOND }),
  '/big': resource(300_000),
  '/other': resource(300_000),
  '/chunks': resource(70_000, { chunked: true }),
}

interface Answer {
  status: number
  fields: Record<string, string>
  body: Buffer[]
  ended: boolean
  reset: string | undefined
  at: number
}

/** A client of HTTP/2 by prior knowledge, which asks and collects what comes. */
class Visitor {
  readonly http: Http2Client
  readonly answers = new Map<number, Answer>()
  readonly pushed: string[] = []
  readonly events: Http2ClientEvent[] = []
  readonly order: number[] = []

  constructor(
    private readonly context: AppContext,
    private readonly socket: TcpSocket,
    options: Http2Options = {},
  ) {
    this.http = new Http2Client(options)
  }

  get(
    path: string,
    more: { method?: string; body?: number; fields?: [string, string][]; priority?: Partial<HttpPriority> } = {},
  ): number {
    const { method = 'GET', body = 0, fields = [], priority } = more
    const head = {
      method,
      scheme: 'http',
      authority: 'bob',
      path,
      fields: fields.map(([name, value]) => ({ name, value })),
      body,
    }
    const stream = this.http.request(head, priority)
    this.answers.set(stream, { status: 0, fields: {}, body: [], ended: false, reset: undefined, at: 0 })
    return stream
  }

  *flush(): Blocking<void> {
    const { now } = this.context.environment
    for (let piece = this.http.pollTransmit(now); piece; piece = this.http.pollTransmit(now)) yield* this.socket.write(piece)
  }

  /** Until all answers are there, or the server has closed. */
  *collect(): Blocking<void> {
    yield* this.flush()
    while ([...this.answers.values()].some(({ ended }) => !ended)) {
      const bytes = yield* this.socket.read()
      if (bytes === undefined) break
      this.http.handle(bytes, this.context.environment.now)
      for (let event = this.http.pollEvent(); event; event = this.http.pollEvent()) this.take(event)
      yield* this.flush()
    }
  }

  private take(event: Http2ClientEvent): void {
    this.events.push(event)
    if (event.type === 'pushed') {
      this.pushed.push(event.path)
      this.answers.set(event.stream, { status: 0, fields: {}, body: [], ended: false, reset: undefined, at: 0 })
    }
    if (!('stream' in event)) return
    const answer = this.answers.get(event.stream)
    if (answer === undefined) return
    if (event.type === 'response') {
      answer.status = event.status
      answer.fields = Object.fromEntries(event.fields.map(({ name, value }) => [name, value]))
    } else if (event.type === 'data') {
      answer.body.push(Buffer.from(event.bytes))
      this.order.push(event.stream)
    } else if (event.type === 'end' || event.type === 'reset') {
      answer.ended = true
      answer.at = this.context.environment.now
      if (event.type === 'reset') answer.reset = event.error.code
    }
  }
}

function visit(
  script: (visitor: Visitor, context: AppContext, socket: TcpSocket) => Blocking<void>,
  options?: Http2Options,
): Body {
  return function* (context) {
    const socket = yield* context.sockets.connect({ address: 0x0a000002, port: 80 }, { noDelay: true })
    yield* script(new Visitor(context, socket, options), context, socket)
    socket.close()
  }
}

/** What one visitor got for these requests. */
function asked(
  requests: (visitor: Visitor) => void,
  { client, served = {}, link = {} }: { client?: Http2Options; served?: Record<string, unknown>; link?: object } = {},
) {
  let seen: Visitor | undefined
  const alice = visit(function* (visitor) {
    seen = visitor
    requests(visitor)
    yield* visitor.collect()
  }, client)
  const world = pair(alice, server(SITE, { protocols: ['h2', 'http/1.1'], ...served }), link)
  world.run(60 * SECOND)
  noFailures(world)
  assert.ok(seen, 'somebody came')
  return { visitor: seen, world, answers: [...seen.answers.values()] }
}

describe('HTTP/2 by prior knowledge (RFC 9113 section 3.3)', () => {
  test('requests of one connection are answered as they are ready', () => {
    const { answers } = asked((visitor) => {
      for (const path of ['/slow', '/a.css', '/chunks', '/nothing']) visitor.get(path)
    })
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 404],
    )
    assert.equal(answers[1].fields['content-length'], '11')
    assert.equal(answers[2].fields['content-length'], undefined)
    assert.equal(Buffer.concat(answers[2].body).length, 70_000)
    assert.ok(answers[0].at > answers[1].at, 'what is slow holds up nobody')
  })

  test('who speaks HTTP/1.1 on the same port is served all the same, in whatever pieces it speaks', () => {
    for (const words of [
      ['GET /a.css HTTP/1.1\r\nHost: bob\r\n\r\n'],
      ['P', 'RI', 'NT / HTTP/1.1\r\n\r\n'],
      ['PRI * HTTP/2.0\r\n\r\nXX'],
    ]) {
      const heard: string[] = []
      const world = pair(talker(heard, words), server(SITE, { protocols: ['h2', 'http/1.1'] }))
      world.run(10 * SECOND)
      noFailures(world)
      assert.match(heard[0], /^HTTP\/1\.1 (200|400|505) /, words.join('|'))
    }
  })

  test('a preface in pieces is one', () => {
    let status = 0
    const alice: Body = function* (context) {
      const socket = yield* context.sockets.connect({ address: 0x0a000002, port: 80 }, { noDelay: true })
      const visitor = new Visitor(context, socket)
      visitor.get('/a.css')
      const { now } = context.environment
      for (let piece = visitor.http.pollTransmit(now); piece; piece = visitor.http.pollTransmit(now)) {
        for (const byte of piece) {
          yield* socket.write(Uint8Array.of(byte))
          yield* context.sleep(MILLISECOND)
        }
      }
      yield* visitor.collect()
      status = [...visitor.answers.values()][0].status
      socket.close()
    }
    const world = pair(alice, server(SITE, { protocols: ['h2'] }))
    world.run(20 * SECOND)
    noFailures(world)
    assert.equal(status, 200)
  })

  test('uploads are counted and summed up', () => {
    const bytes = Buffer.alloc(100_000, 'x')
    const { answers } = asked((visitor) => {
      const stream = visitor.get('/up', { method: 'POST', body: bytes.length })
      visitor.http.sendBody(stream, bytes)
      visitor.http.endBody(stream)
    })
    assert.equal(Buffer.concat(answers[0].body).toString(), `100000 bytes received, digest ${hashOf(bytes)}\n`)
  })

  test('Expect: 100-continue (RFC 9110 section 10.1.1)', () => {
    const { visitor } = asked((someone) => {
      const stream = someone.get('/up', { method: 'POST', body: 2, fields: [['expect', '100-continue']] })
      someone.http.sendBody(stream, Buffer.from('ok'))
      someone.http.endBody(stream)
    })
    assert.deepEqual(
      visitor.events.flatMap((event) => (event.type === 'informational' ? [event.status] : [])),
      [100],
    )
  })

  test('without keep-alive it says goodbye, and what was asked is answered', () => {
    const { answers, visitor } = asked((someone) => someone.get('/a.css'), { served: { keepAlive: false } })
    assert.equal(answers[0].status, 200)
    assert.ok(
      visitor.events.some(({ type }) => type === 'goaway'),
      'GOAWAY',
    )
  })
})

describe('server push', () => {
  test('what belongs to a page comes with it', () => {
    const { visitor, world, answers } = asked((someone) => someone.get('/'), { client: { settings: { enablePush: true } } })
    assert.deepEqual(visitor.pushed, ['/a.css', '/none'])
    assert.deepEqual(
      answers.map(({ status, ended }) => [status, ended]),
      [
        [200, true],
        [200, true],
        [404, true],
      ],
    )
    assert.deepEqual(
      data(world, 'http:push-promised').map(({ parent, target }) => [parent, target]),
      [
        [1, '/a.css'],
        [1, '/none'],
      ],
    )
  })

  test('but not to who does not want it (RFC 9113 section 8.4)', () => {
    const { visitor, answers } = asked((someone) => someone.get('/'), { client: { settings: { enablePush: false } } })
    assert.deepEqual([visitor.pushed, answers.length], [[], 1])
  })
})

describe('whose bytes go first', () => {
  const link = { rate: 4_000_000, delay: 5 * MILLISECOND }
  const both = (visitor: Visitor) => {
    visitor.get('/big', { priority: { urgency: 5 } })
    visitor.get('/other', { priority: { urgency: 1 } })
  }

  test('what is urgent (RFC 9218 section 10)', () => {
    const { answers } = asked(both, { link })
    assert.ok(answers[1].at < answers[0].at, 'the urgent one is there first')
  })

  test('what is urgent and comes late overtakes what is under way', () => {
    let urgent = 0
    const alice = visit(function* (visitor, context) {
      const big = visitor.get('/big', { priority: { urgency: 5 } })
      yield* visitor.flush()
      yield* context.sleep(100 * MILLISECOND)
      const late = visitor.get('/a.css', { priority: { urgency: 0 } })
      yield* visitor.collect()
      const [first, second] = [visitor.answers.get(big)?.at ?? 0, visitor.answers.get(late)?.at ?? 0]
      urgent = (first - second) / MILLISECOND
    })
    const world = pair(alice, server(SITE, { protocols: ['h2'] }), link)
    world.run(20 * SECOND)
    noFailures(world)
    assert.ok(urgent > 200, `it came ${urgent} ms before the end of what had begun earlier`)
  })

  test('what was asked first, where the scenario says so', () => {
    const { answers } = asked(both, { link, served: { scheduler: 'in-order' } })
    assert.ok(answers[0].at < answers[1].at, 'the first one is there first')
  })

  test('each in turn, where the scenario says so', () => {
    const { visitor } = asked(both, { link, served: { scheduler: 'fair' } })
    const changes = visitor.order.filter((stream, i) => i > 0 && stream !== visitor.order[i - 1]).length
    assert.ok(changes > 10, `${changes} changes`)
  })
})

describe('what goes wrong', () => {
  test('a client that has enough of one response: the others go on', () => {
    const alice = visit(function* (visitor) {
      const big = visitor.get('/big')
      visitor.get('/a.css')
      yield* visitor.flush()
      visitor.http.cancel(big)
      visitor.answers.delete(big)
      yield* visitor.collect()
      assert.equal([...visitor.answers.values()][0].status, 200)
    })
    const world = pair(alice, server(SITE, { protocols: ['h2'] }), { rate: 1_000_000 })
    world.run(20 * SECOND)
    noFailures(world)
    assert.equal(data(world, 'http:stream-reset')[0]['error'], 'CANCEL')
    const sent = data(world, 'http:response-sent').map(({ stream }) => stream)
    assert.deepEqual(sent, [3])
  })

  test('a client that is gone in the middle of a response leaves nothing behind', () => {
    const alice = visit(function* (visitor, context, socket) {
      visitor.get('/big')
      yield* visitor.flush()
      yield* context.sleep(100 * MILLISECOND)
      socket.reset()
    })
    const world = pair(alice, server(SITE, { protocols: ['h2'] }), { rate: 1_000_000 })
    world.run(20 * SECOND)
    noFailures(world)
    assert.equal(data(world, 'http:connection-failed', 'bob')[0]['error'], 'ECONNRESET')
  })

  test('a client that breaks the rules is told which, and let go', () => {
    const heard: string[] = []
    const frame = '\x00\x00\x01\x00\x00\x00\x00\x00\x00x'
    const words = [`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00${frame}`]
    const world = pair(talker(heard, words, { finish: false }), server(SITE, { protocols: ['h2'] }))
    world.run(20 * SECOND)
    noFailures(world)
    const [failed] = data(world, 'http:connection-failed', 'bob')
    assert.deepEqual([failed['error'], failed['whose']], ['PROTOCOL_ERROR', 'remote'])
    assert.match(String(failed['cites']), /^RFC 9113 section /)
    assert.ok(heard[0].includes('\x07\x00\x00\x00\x00\x00'), 'GOAWAY')
  })
})

describe('frames in the trace', () => {
  test('both ends agree on which bytes of TCP carried what', () => {
    const { world } = asked((someone) => {
      someone.get('/big')
      someone.get('/other')
    })
    const sent = data(world, 'http2:frame-sent', 'bob')
    let at = 0
    for (const { from, to, length } of sent) {
      assert.equal(from, at, 'one frame follows the other')
      at += Number(length) + 9
      assert.equal(to, at)
    }
    assert.ok(at > 600_000, `${at} bytes`)
  })
})
