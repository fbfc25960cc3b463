import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Http3Client } from '../../../src/protocols/http3/client.ts'
import type { Http3ClientEvent, Http3ServerEvent } from '../../../src/protocols/http3/event.ts'
import type { Http3Options } from '../../../src/protocols/http3/options.ts'
import { Http3Server } from '../../../src/protocols/http3/server.ts'
import type { Http3TransportEvent } from '../../../src/protocols/http3/transport.ts'
import { seededChoice } from '../../property/seeded-choice.ts'
import { MemoryTransport } from './memory-transport.ts'
import { hexBytes, last, on, RawClient, RawServer, frame, headers } from './raw-peer.ts'

/* Both ends are ours; each stream arrives in its own time, as QUIC's may. */

type Random = (bound: number) => number
type Ours = Http3Client | Http3Server

/** One direction: what was sent on each stream, and has not arrived. */
class Way {
  private readonly streams = new Map<number, Http3TransportEvent[]>()

  constructor(
    private readonly from: MemoryTransport,
    private readonly to: MemoryTransport,
    private readonly taker: Ours,
    private readonly giver: Ours,
    private readonly isFromServer: boolean,
  ) {}

  get isEmpty(): boolean {
    this.collect()
    return [...this.streams.values()].every((events) => events.length === 0)
  }

  /** Lets something on one of the streams arrive. @param held streams whose bytes do not */
  deliver(random: Random, held: (stream: number) => boolean = () => false): boolean {
    this.collect()
    const ready = [...this.streams].filter(([stream, events]) => events.length > 0 && !held(stream))
    if (ready.length === 0) return false
    const [stream, events] = ready[random(ready.length)]
    const [event] = events
    if (event.type === 'stream-data' && event.bytes.length > 1) {
      const cut = 1 + random(event.bytes.length)
      if (cut < event.bytes.length) {
        events[0] = { ...event, bytes: event.bytes.subarray(cut) }
        this.hand({ ...event, bytes: event.bytes.subarray(0, cut), fin: false })
        return true
      }
    }
    events.shift()
    this.hand(event)
    if (event.type === 'stream-data' && event.fin) this.giver.handle({ type: 'stream-acknowledged', stream }, 0)
    return true
  }

  private hand(event: Http3TransportEvent): void {
    this.to.noteEvent(event)
    this.taker.handle(event, 0)
  }

  private collect(): void {
    for (const command of this.from.commands.splice(0)) {
      if (command.what === 'datagram') {
        this.hand({ type: 'datagram', bytes: command.bytes })
        continue
      }
      if (command.what === 'close') continue
      const { stream } = command
      let events = this.streams.get(stream)
      if (events === undefined) {
        const isOpener = (stream & 1) === (this.isFromServer ? 1 : 0)
        this.streams.set(stream, (events = isOpener ? [{ type: 'stream-opened', stream }] : []))
      }
      switch (command.what) {
        case 'bytes':
          events.push({ type: 'stream-data', stream, bytes: command.bytes, fin: false })
          break
        case 'end':
          events.push({ type: 'stream-data', stream, bytes: new Uint8Array(0), fin: true })
          break
        case 'reset':
          // What was not delivered is gone; that a stream was begun is known all the same.
          events.splice(events[0]?.type === 'stream-opened' ? 1 : 0)
          events.push({ type: 'stream-reset', stream, code: command.code })
          break
        case 'stop':
          events.push({ type: 'stop-sending', stream, code: command.code })
      }
    }
  }
}

const content = (stream: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (stream * 7 + i * 31) & 0xff)

/** A load of requests over streams that overtake each other. @returns what each answer was, and how often something was blocked */
function load(seed: number, options: Http3Options, requests: number): { answers: Map<number, string>; blocked: number } {
  const random = seededChoice(seed)
  const [below, above] = [new MemoryTransport(false), new MemoryTransport(true)]
  const client = new Http3Client(below, options)
  const server = new Http3Server(above, options)
  const up = new Way(below, above, server, client, false)
  const down = new Way(above, below, client, server, true)
  const answers = new Map<number, string>()
  const bodies = new Map<number, number[]>()
  const uploads = new Map<number, number>()
  let blocked = 0
  let begun = 0
  const onServer = (event: Http3ServerEvent): void => {
    if (event.type === 'blocked') blocked++
    if (event.type === 'data') uploads.set(event.stream, (uploads.get(event.stream) ?? 0) + event.bytes.length)
    if (event.type !== 'end') return
    const { stream } = event
    const length = 1 + ((stream * 37) % 3000)
    const fields = [
      { name: 'x-uploaded', value: String(uploads.get(stream) ?? 0) },
      { name: 'server', value: 'ours' },
      { name: `x-${String(stream % 5)}`, value: 'a value that comes again' },
    ]
    server.respond(stream, { status: 200, fields, body: length })
    const bytes = content(stream, length)
    if (stream % 8 === 0) server.sendSource(stream, { length, read: (offset, most) => bytes.subarray(offset, offset + most) })
    else {
      server.sendBody(stream, bytes)
      server.endBody(stream, [{ name: 'x-trailer', value: String(stream) }])
    }
  }
  const onClient = (event: Http3ClientEvent): void => {
    if (event.type === 'blocked') blocked++
    if (event.type === 'response') {
      const said = event.fields.map(({ name, value }) => `${name}=${value}`).join(',')
      answers.set(event.stream, `${String(event.status)} ${said}`)
      bodies.set(event.stream, [])
    }
    if (event.type === 'data') bodies.get(event.stream)?.push(...event.bytes)
    if (event.type === 'end') {
      assert.deepEqual(bodies.get(event.stream), [...content(event.stream, 1 + ((event.stream * 37) % 3000))])
      if (event.stream % 8 !== 0) assert.deepEqual(event.trailers, [{ name: 'x-trailer', value: String(event.stream) }])
    }
    assert.ok(event.type !== 'closed' && event.type !== 'reset', JSON.stringify(event))
  }
  for (let step = 0; step < 100_000; step++) {
    if (begun < requests && random(4) === 0) {
      const body = random(2) * random(500)
      const fields = [
        { name: 'user-agent', value: 'ours' },
        { name: 'x-n', value: String(begun % 3) },
      ]
      const stream = client.request({ method: 'POST', scheme: 'https', authority: 'bob', path: '/', fields, body })
      if (body > 0) {
        client.sendBody(stream, new Uint8Array(body))
        client.endBody(stream)
      }
      begun++
    }
    const moved = random(2) === 0 ? up.deliver(random) : down.deliver(random)
    for (let event = server.pollEvent(); event; event = server.pollEvent()) onServer(event)
    for (let event = client.pollEvent(); event; event = client.pollEvent()) onClient(event)
    if (!moved && begun === requests && up.isEmpty && down.isEmpty) break
  }
  assert.deepEqual([client.openStreams, server.openStreams], [0, 0])
  assert.deepEqual([below.unconsumed, above.unconsumed], [0, 0], 'everything was given back')
  return { answers, blocked }
}

describe('a hundred loads of thirty requests, streams overtaking each other', () => {
  for (const [name, options, mayBlock] of [
    ['without a dynamic table', { qpackTableCapacity: 0, settings: { qpackMaxTableCapacity: 0, qpackBlockedStreams: 0 } }, false],
    ['with a table, and nothing at risk', { qpackTableCapacity: 4096 }, false],
    ['with a table, and streams at risk', { qpackTableCapacity: 4096, qpackBlockedStreams: 16 }, true],
    ['with a small table', { qpackTableCapacity: 150, qpackBlockedStreams: 16 }, true],
  ] as const) {
    test(`${name}: every answer is whole`, () => {
      let blocked = 0
      for (let seed = 1; seed <= 25; seed++) {
        const outcome = load(seed, options, 30)
        assert.equal(outcome.answers.size, 30)
        blocked += outcome.blocked
      }
      if (mayBlock) assert.ok(blocked > 20, `${String(blocked)} were blocked`)
      else assert.equal(blocked, 0)
    })
  }
})

describe('QPACK: what waits, and what does not', () => {
  const insert = hexBytes('02 3fbd01 4161 0131')
  test('a section that needs what has not come blocks its stream alone', () => {
    const peer = RawClient.greeted()
    peer.send(
      last(0, frame('HEADERS', '0200 d1 d7 c1 500162 80'), frame(0x21)),
      last(4, headers(':method: GET', ':scheme: https', ':path: /', ':authority: b')),
    )
    assert.deepEqual(
      peer
        .told()
        .map((event) =>
          event.type === 'blocked'
            ? ['blocked', event.stream, event.requiredInsertCount]
            : [event.type, 'stream' in event && event.stream],
        ),
      [
        ['blocked', 0, 1],
        ['request', 4],
        ['end', 4],
      ],
    )
    peer.send(on(6, insert))
    assert.deepEqual(
      peer.told().map(({ type }) => type),
      ['unblocked', 'request', 'end'],
    )
    assert.deepEqual(peer.heard(), ['QPACK decoder: 80'])
    assert.equal(peer.transport.unconsumed, 0)
  })
  test('more streams than were announced', () => {
    const peer = RawClient.greeted({ settings: { qpackBlockedStreams: 1 } })
    peer.send(on(0, frame('HEADERS', '0200 80')), on(4, frame('HEADERS', '0200 80')))
    assert.equal(peer.verdict(), 'connection QPACK_DECOMPRESSION_FAILED')
  })
  test('a blocked stream that is given up is told to the encoder', () => {
    const peer = RawClient.greeted()
    peer.send(on(0, frame('HEADERS', '0200 80')), { stream: 0, reset: 'H3_REQUEST_CANCELLED' })
    assert.ok(peer.heard().includes('QPACK decoder: 40'), 'Stream Cancellation')
    peer.send(on(6, insert))
    assert.deepEqual(
      peer.told().map(({ type }) => type),
      ['blocked'],
    )
  })
  test('our encoder inserts only once the peer has granted a table, and refers to what is there', () => {
    const peer = new RawServer({ qpackTableCapacity: 220 }, [[1, 4096]])
    const fields = [{ name: 'x-a', value: 'b' }]
    const make = (): string[] => {
      peer.ours.request({ method: 'GET', scheme: 'https', authority: 'bob', path: '/', fields, body: 0 })
      return peer.heard()
    }
    assert.ok(!make().some((line) => line.startsWith('QPACK encoder')), 'nothing before the settings')
    peer.greet([1, 4096])
    const lines = make()
    assert.match(lines.at(-3) ?? '', /^QPACK encoder: /)
    assert.match(lines.at(-2) ?? '', /^HEADERS\[4\] .*x-a: b/)
    peer.send(on(11, hexBytes('03 02')))
    const [again] = make()
    assert.match(again, /^HEADERS\[8\] .*x-a: b/, 'by the table, nothing more is inserted')
  })
  test('while the peer does not read the encoder stream, the table stays as it is', () => {
    const peer = RawServer.greeted({}, [1, 4096], [7, 16])
    peer.transport.unsent.set(6, 5000)
    peer.ours.request({
      method: 'GET',
      scheme: 'https',
      authority: 'bob',
      path: '/',
      fields: [{ name: 'x-a', value: 'b' }],
      body: 0,
    })
    assert.ok(!peer.heard().some((line) => line.startsWith('QPACK encoder')), 'no instruction')
  })
})
