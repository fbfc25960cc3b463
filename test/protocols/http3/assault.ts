import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Http3Client } from '../../../src/protocols/http3/client.ts'
import type { Http3ClientEvent, Http3ServerEvent } from '../../../src/protocols/http3/event.ts'
import { Http3Server } from '../../../src/protocols/http3/server.ts'
import type { Http3TransportEvent } from '../../../src/protocols/http3/transport.ts'
import { seededChoice } from '../../property/seeded-choice.ts'
import { MemoryTransport } from './memory-transport.ts'
import { data, frame, GET, headers, hexBytes, joined, POST, settings } from './raw-peer.ts'

/* Peers that say anything: valid conversations with frames and bytes changed, left out, doubled, and on other streams. */

// Most of what comes is refused with an error, and half of an error's cost is its stack.
Error.stackTraceLimit = 0

type Random = (bound: number) => number
type AnyEvent = Http3ClientEvent | Http3ServerEvent

/** Bytes on a stream: 'request' is one of those that requests have. */
type Part = readonly [where: 'request' | 'control' | 'encoder' | 'decoder' | 'other', bytes: Uint8Array]

const INSERTS = hexBytes('3fbd01 c003626f62 4161 0131')
const ANYBODY: readonly Part[] = [
  ['control', frame('GOAWAY', '04')],
  ['control', frame('GOAWAY', '00')],
  ['control', frame(0x21, '0000')],
  ['encoder', hexBytes('00')],
  ['encoder', INSERTS],
  ['decoder', hexBytes('80')],
  ['decoder', hexBytes('01')],
  ['decoder', hexBytes('44')],
  ['other', hexBytes('21 0000')],
  ['other', hexBytes('0100')],
  ['request', data('content')],
  ['request', data('')],
  ['request', frame(0x40, '00')],
  ['request', headers('x-trailer: 1')],
]
const OF_CLIENTS: readonly Part[] = [
  ['request', headers(...GET)],
  ['request', headers(...GET, 'priority: u=1, i')],
  ['request', joined(headers(...POST, 'content-length: 7'), data('content'))],
  ['request', frame('HEADERS', '0380 d1 d7 c1 80')],
  ['request', frame('HEADERS', '0381 d1 d7 c1 10 11')],
  ['control', frame('MAX_PUSH_ID', '05')],
  ['control', frame('PRIORITY_UPDATE', '00753d30')],
]
const OF_SERVERS: readonly Part[] = [
  ['request', headers(':status: 103', 'link: x')],
  ['request', joined(headers(':status: 200', 'content-length: 7'), data('content'))],
  ['request', headers(':status: 200')],
  ['request', frame('HEADERS', '0380 d9 80')],
  ['request', frame('HEADERS', '0381 d9 10 11')],
  ['request', headers(':status: 304')],
]
const GREETING = settings([1, 4096], [7, 16], [0x33, 1])

function changed(random: Random, bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  for (let count = 1 + random(3); count > 0 && copy.length > 0; count--) copy[random(copy.length)] = random(256)
  return copy
}

/** What the transport tells, in an order that may well be right, with something wrong in it. */
function conversation(random: Random, parts: readonly Part[], isClient: boolean): Http3TransportEvent[] {
  const events: Http3TransportEvent[] = []
  const opened = new Set<number>()
  const over = new Set<number>()
  const own = isClient ? 3 : 2
  const tell = (stream: number, bytes: Uint8Array, fin: boolean): void => {
    if (over.has(stream)) return
    const isOurs = isClient && (stream & 3) === 0
    if (!isOurs && !opened.has(stream)) {
      opened.add(stream)
      events.push({ type: 'stream-opened', stream })
    }
    events.push({ type: 'stream-data', stream, bytes, fin })
    if (fin) over.add(stream)
  }
  tell(own, joined(hexBytes('00'), GREETING), false)
  tell(own + 4, hexBytes('02'), false)
  tell(own + 8, hexBytes('03'), false)
  for (let count = 1 + random(12); count > 0; count--) {
    const [where, said] = parts[random(parts.length)]
    const request = 4 * random(3)
    const stream = where === 'request' ? request : own + { control: 0, encoder: 4, decoder: 8, other: 12 + 4 * random(3) }[where]
    const isEnd = where === 'request' ? random(2) === 0 : random(40) === 0
    switch (random(14)) {
      case 0:
        tell(stream, joined(said, said), isEnd)
        break
      case 1:
        tell(stream, changed(random, said), isEnd)
        break
      case 2:
        tell(stream, said.subarray(0, random(said.length)), isEnd)
        break
      case 3:
        tell(
          stream,
          Uint8Array.from({ length: random(20) }, () => random(256)),
          isEnd,
        )
        break
      case 4:
        tell(own + 4 * random(5), said, isEnd)
        break
      case 5:
        if (opened.has(stream) && !over.has(stream)) {
          over.add(stream)
          events.push({ type: 'stream-reset', stream, code: 0x100 + random(20) })
        }
        break
      case 6:
        if (isClient || opened.has(request)) events.push({ type: 'stop-sending', stream: request, code: 0x10c })
        break
      case 7:
        events.push({ type: 'datagram', bytes: Uint8Array.of(random(256), random(256)).subarray(random(3)) })
        break
      default:
        tell(stream, said, isEnd)
    }
  }
  return events
}

/** Cuts what comes on a stream into pieces. */
function* inPieces(random: Random, longest: number, events: readonly Http3TransportEvent[]): Generator<Http3TransportEvent> {
  for (const event of events) {
    if (event.type !== 'stream-data' || event.bytes.length === 0) {
      yield event
      continue
    }
    const { stream, bytes, fin } = event
    for (let at = 0; at < bytes.length;) {
      const to = Math.min(bytes.length, at + 1 + random(longest))
      yield { type: 'stream-data', stream, bytes: bytes.subarray(at, to), fin: fin && to === bytes.length }
      at = to
    }
  }
}

interface Outcome {
  readonly events: readonly AnyEvent[]
  readonly sent: number
}

function run(isClient: boolean, spoken: Iterable<Http3TransportEvent>, answers: boolean): Outcome {
  const transport = new MemoryTransport(!isClient)
  const options = { settings: { datagrams: true }, qpackBlockedStreams: 4 }
  const ours = isClient ? new Http3Client(transport, options) : new Http3Server(transport, options)
  const events: AnyEvent[] = []
  if (ours instanceof Http3Client) {
    for (let i = 0; i < 3; i++) {
      const body = i === 0 ? 'unknown' : 0
      ours.request({ method: i === 0 ? 'POST' : 'GET', scheme: 'https', authority: 'bob', path: '/', fields: [], body })
    }
  }
  const take = (event: Http3TransportEvent): void => {
    transport.noteEvent(event)
    ours.handle(event, 0)
    for (let told = ours.pollEvent(); told; told = ours.pollEvent()) {
      if (events.at(-1)?.type === 'closed') assert.fail('nothing is told behind the end')
      events.push(told)
      if (!answers || told.type !== 'request' || !(ours instanceof Http3Server)) continue
      const fields = [{ name: 'x', value: 'y' }]
      if (!ours.respond(told.stream, { status: 200, fields, body: 300 })) continue
      ours.sendBody(told.stream, new Uint8Array(300))
      ours.endBody(told.stream)
    }
  }
  for (const event of spoken) take(event)
  // What was not blocked, and not kept for a frame that is not whole, has been given back.
  if (!ours.finished && transport.unconsumed > 600) assert.fail(`${String(transport.unconsumed)} bytes are kept`)
  take({ type: 'closed', error: undefined })
  let sent = 0
  for (const command of transport.commands) if (command.what === 'bytes') sent += command.bytes.length
  return { events, sent }
}

/** Events by stream, in a form in which the pieces that content came in do not show. */
function inLines(events: readonly AnyEvent[]): string[] {
  const lines: string[] = []
  const content = new Map<number, string>()
  for (const event of events) {
    if (event.type === 'data') {
      content.set(event.stream, (content.get(event.stream) ?? '') + Buffer.from(event.bytes).toString('latin1'))
    } else lines.push(JSON.stringify(event, (_, value: unknown) => (value instanceof Uint8Array ? [...value] : value)))
  }
  return [...lines, ...[...content].sort(([a], [b]) => a - b).map(([stream, text]) => `${String(stream)}: ${text}`)]
}

/** Tests of one end of ours. */
export function assaults(isClient: boolean): void {
  const parts = [...ANYBODY, ...Array.from({ length: 3 }, () => (isClient ? OF_SERVERS : OF_CLIENTS)).flat()]
  test('100,000 conversations: each ends once, and says whose fault it was', () => {
    const random = seededChoice(9114)
    const codes = new Map<string, number>()
    const told = new Map<string, number>()
    const count = (in_: Map<string, number>, key: string): void => void in_.set(key, (in_.get(key) ?? 0) + 1)
    for (let i = 0; i < 100_000; i++) {
      const { events, sent } = run(isClient, conversation(random, parts, isClient), true)
      const last = events.at(-1)
      assert.ok(last?.type === 'closed', 'it has ended')
      if (sent >= 5000) assert.fail(`${String(sent)} bytes were answered`)
      count(codes, last.error === undefined ? 'none' : `${last.error.whose} ${last.error.code}`)
      for (const { type } of events) count(told, type)
    }
    // What was tried was neither all right nor all nonsense.
    for (const code of [
      'none',
      'remote INCOMPLETE',
      'remote H3_FRAME_UNEXPECTED',
      'remote H3_FRAME_ERROR',
      'remote H3_ID_ERROR',
      'remote H3_CLOSED_CRITICAL_STREAM',
      'remote QPACK_DECOMPRESSION_FAILED',
      'remote QPACK_ENCODER_STREAM_ERROR',
      'remote QPACK_DECODER_STREAM_ERROR',
    ]) {
      assert.ok((codes.get(code) ?? 0) > 50, `${code}: ${String(codes.get(code))} times`)
    }
    for (const type of ['blocked', 'unblocked', 'end', 'reset', 'data', 'goaway', isClient ? 'response' : 'request']) {
      assert.ok((told.get(type) ?? 0) > 300, `${type}: ${String(told.get(type))} times`)
    }
    assert.ok(![...codes.keys()].some((code) => code.startsWith('local')), 'nothing of it was our fault')
  })

  test('2,000 of them: the pieces that bytes come in change nothing that is told', () => {
    const random = seededChoice(3000)
    for (let i = 0; i < 2000; i++) {
      const spoken = conversation(random, parts, isClient)
      const expected = inLines(run(isClient, spoken, false).events)
      for (const longest of [1, 8]) {
        assert.deepEqual(inLines(run(isClient, inPieces(random, longest, spoken), false).events), expected)
      }
    }
  })
}
