import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Http2Client } from '../../../src/protocols/http2/client.ts'
import type { Http2ClientEvent, Http2ServerEvent } from '../../../src/protocols/http2/event.ts'
import { Http2Server } from '../../../src/protocols/http2/server.ts'
import { DecodeError } from '../../../src/wire/errors.ts'
import {
  decodeGoaway,
  decodeHeaders,
  decodePing,
  decodePriority,
  decodePriorityUpdate,
  decodePushPromise,
  decodeResetStream,
  decodeSettings,
  decodeWindowUpdate,
} from '../../../src/wire/http2-frame.ts'
import { Http2LayerReader } from '../../../src/wire/http2-layer.ts'
import { seededChoice } from '../../property/seeded-choice.ts'
import { inLines, piecesOf, whole } from './pair.ts'
import type { Cut } from './pair.ts'
import {
  block,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  GET,
  goaway,
  headers,
  hexBytes,
  joined,
  PADDED,
  POST,
  PREFACE,
  PRIORITY,
  push,
  reset,
  settings,
  settingsAck,
  uint32,
  windowUpdate,
} from './raw-peer.ts'

/* Peers that say anything: valid conversations with frames and bytes changed, left out, doubled and moved. */

// Most of what comes is refused with an error, and half of an error's cost is its stack.
Error.stackTraceLimit = 0

type Random = (bound: number) => number

const PING = frame('PING', 0, 0, '0011223344556677')
const ANYBODY = [
  settings([1, 100], [3, 5], [4, 1000]),
  settingsAck(),
  PING,
  windowUpdate(0, 70_000),
  windowUpdate(1, 500),
  frame('PRIORITY', 0, 1, '0000000310'),
  data(1, 'content'),
  frame('DATA', PADDED, 1, '02 61 0000'),
  data(1, 'the end', END_STREAM),
  reset(3),
  frame(0xaa, 0, 0, '00'),
  frame('CONTINUATION', END_HEADERS, 1, block('x: y')),
  frame('PING', 1, 0, '676f6f6462796521'),
  goaway(1),
]
const OF_CLIENTS = [
  headers(1, 0, ...POST, 'content-length: 16'),
  headers(3, END_STREAM, ...GET, 'priority: u=1, i'),
  frame('HEADERS', END_HEADERS | END_STREAM, 5, joined(block(...GET), hexBytes('4003782d610162 400378 2d620163 be bf'))),
  frame('HEADERS', PADDED | PRIORITY | END_HEADERS, 7, joined(hexBytes('01 00000000 0f'), block(...POST), hexBytes('00'))),
  frame('HEADERS', END_STREAM, 9, block(...GET.slice(0, 2))),
  frame('CONTINUATION', END_HEADERS, 9, block(...GET.slice(2))),
  headers(1, END_STREAM, 'x-trailer: 1'),
  frame('PRIORITY_UPDATE', 0, 0, joined(uint32(3), hexBytes('753d30'))),
]
const OF_SERVERS = [
  headers(1, 0, ':status: 103', 'link: x'),
  headers(1, 0, ':status: 200', 'content-length: 16'),
  headers(3, END_STREAM, ':status: 304'),
  headers(5, 0, ':status: 200'),
  push(1, 2, ...GET),
  headers(2, 0, ':status: 200'),
  data(2, 'pushed', END_STREAM),
  headers(5, END_STREAM, 'x-trailer: 1'),
  frame('PUSH_PROMISE', 0, 1, joined(uint32(4), block(...GET.slice(0, 2)))),
  frame('CONTINUATION', END_HEADERS, 1, block(...GET.slice(2))),
]

/** Frames in an order that may well be right, with something wrong in them. */
function conversation(random: Random, frames: readonly Uint8Array[]): Uint8Array[] {
  const spoken = [settings()]
  for (let count = 1 + random(10); count > 0; count--) {
    const next = frames[random(frames.length)]
    const fate = random(12)
    if (fate === 0) spoken.push(next, next)
    else if (fate === 1) spoken.push(changed(random, next))
    else if (fate === 2) spoken.push(next.subarray(0, random(next.length)))
    else if (fate === 3) spoken.push(Uint8Array.from({ length: random(30) }, () => random(256)))
    else if (fate === 4) spoken.push(withLength(random, next))
    else spoken.push(next)
  }
  return spoken
}

function changed(random: Random, bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  for (let count = 1 + random(3); count > 0; count--) copy[random(copy.length)] = random(256)
  return copy
}

/** Another payload under a length that fits it. */
function withLength(random: Random, bytes: Uint8Array): Uint8Array {
  const length = random(20)
  const copy = new Uint8Array(9 + length)
  copy.set(bytes.subarray(0, copy.length))
  copy[0] = copy[1] = 0
  copy[2] = length
  if (random(2) === 0) copy[8] = random(8)
  return copy
}

interface Outcome {
  readonly events: (Http2ClientEvent | Http2ServerEvent)[]
  readonly sent: number
}

/** Polls everything, and judges what must hold whatever a peer says. */
function settle(ours: Http2Client | Http2Server, events: (Http2ClientEvent | Http2ServerEvent)[], answers = false): number {
  let sent = 0
  for (let event = ours.pollEvent(); event; event = ours.pollEvent()) {
    assert.notEqual(events.at(-1)?.type, 'closed', 'nothing is told behind the end')
    events.push(event)
    if (answers && event.type === 'request' && ours instanceof Http2Server) answer(ours, event.stream)
  }
  for (let bytes = ours.pollTransmit(0); bytes; bytes = ours.pollTransmit(0)) sent += bytes.length
  assert.ok(ours.openStreams <= 240, `${String(ours.openStreams)} streams are open`)
  return sent
}

function answer(server: Http2Server, stream: number): void {
  if (stream % 4 === 1 && server.canPush) {
    const pushed = server.push(stream, { method: 'GET', scheme: 'http', authority: 'bob', path: '/p', fields: [] })
    server.respond(pushed, { status: 204, fields: [], body: 0 })
  }
  if (!server.respond(stream, { status: 200, fields: [{ name: 'x', value: 'y' }], body: 3000 })) return
  server.sendBody(stream, new Uint8Array(3000))
  server.endBody(stream)
}

/** @param answers whether requests are; how soon an answer comes shows in what a later frame means */
function serve(spoken: readonly Uint8Array[], cut: Cut, answers: boolean): Outcome {
  const server = new Http2Server()
  const events: Http2ServerEvent[] = []
  let sent = settle(server, events, answers)
  for (const piece of cut(joined(PREFACE, ...spoken))) {
    server.handle(piece, 0)
    sent += settle(server, events, answers)
  }
  server.handleEnd(0)
  sent += settle(server, events, answers)
  return { events, sent }
}

function load(spoken: readonly Uint8Array[], cut: Cut): Outcome {
  const client = new Http2Client({ settings: { enablePush: true } })
  const events: Http2ClientEvent[] = []
  for (let i = 0; i < 3; i++) {
    const body = i === 0 ? 'unknown' : 0
    client.request({ method: i === 0 ? 'POST' : 'GET', scheme: 'http', authority: 'bob', path: '/', fields: [], body })
  }
  let sent = settle(client, events)
  for (const piece of cut(joined(...spoken))) {
    client.handle(piece, 0)
    sent += settle(client, events)
  }
  client.handleEnd(0)
  sent += settle(client, events)
  return { events, sent }
}

const MACHINES = [
  { name: 'server', run: serve, frames: [...ANYBODY, ...OF_CLIENTS, ...OF_CLIENTS] },
  { name: 'client', run: load, frames: [...ANYBODY, ...OF_SERVERS, ...OF_SERVERS] },
] as const

for (const { name, run, frames } of MACHINES) {
  describe(`a ${name} of ours`, () => {
    test('100,000 conversations: each ends once, and says whose fault it was', () => {
      const random = seededChoice(9113)
      const codes = new Map<string, number>()
      for (let i = 0; i < 100_000; i++) {
        const { events, sent } = run(conversation(random, frames), whole, true)
        const last = events.at(-1)
        assert.ok(last?.type === 'closed', 'it has ended')
        assert.ok(sent < 60_000, `${String(sent)} bytes were answered`)
        const code = last.error === undefined ? 'none' : `${last.error.whose} ${last.error.code}`
        codes.set(code, (codes.get(code) ?? 0) + 1)
      }
      // What was tried was neither all right nor all nonsense.
      for (const code of [
        'none',
        'remote PROTOCOL_ERROR',
        'remote FRAME_SIZE_ERROR',
        'remote COMPRESSION_ERROR',
        'remote INCOMPLETE',
      ]) {
        assert.ok((codes.get(code) ?? 0) > 50, `${code}: ${String(codes.get(code))} times`)
      }
      assert.ok(![...codes.keys()].some((code) => code.startsWith('local')), 'nothing of it was our fault')
    })

    test('1,000 of them: the pieces that bytes come in change nothing that is told', () => {
      const random = seededChoice(3000)
      for (let i = 0; i < 1000; i++) {
        const spoken = conversation(random, frames)
        const expected = inLines(run(spoken, whole, false).events)
        for (const longest of [1, 8, 100]) {
          assert.deepEqual(inLines(run(spoken, piecesOf(random, longest), false).events), expected)
        }
      }
    })
  })
}

describe('decoders', () => {
  const refuses = (decode: () => unknown): boolean => {
    try {
      decode()
      return false
    } catch (error) {
      if (error instanceof DecodeError) return true
      throw error
    }
  }

  test('100,000 payloads of each type: a value within the payload, or a DecodeError', () => {
    const random = seededChoice(4)
    const within = ({ start, end }: { start: number; end: number }, from: number, to: number): void => {
      assert.ok(
        from <= start && start <= end && end <= to,
        `[${String(start)}, ${String(end)}) of [${String(from)}, ${String(to)})`,
      )
    }
    const bytes = new Uint8Array(40)
    for (let i = 0; i < 100_000; i++) {
      for (let at = 0; at < 12; at++) bytes[at] = random(256)
      const from = random(5)
      const to = from + random(30)
      const flags = random(256)
      refuses(() => {
        within(decodeHeaders(bytes, from, to, flags).fragment, from, to)
      })
      refuses(() => {
        within(decodePushPromise(bytes, from, to, flags).fragment, from, to)
      })
      refuses(() => {
        within(decodeGoaway(bytes, from, to).debug, from, to)
      })
      refuses(() => {
        within(decodePriorityUpdate(bytes, from, to).value, from, to)
      })
      assert.equal(
        refuses(() => decodePing(bytes, from, to)),
        to - from !== 8,
      )
      assert.equal(
        refuses(() => decodePriority(bytes, from, to)),
        to - from !== 5,
      )
      assert.equal(
        refuses(() => decodeResetStream(bytes, from, to)),
        to - from !== 4,
      )
      assert.equal(
        refuses(() => decodeWindowUpdate(bytes, from, to)),
        to - from !== 4,
      )
      assert.equal(
        refuses(() => decodeSettings(bytes, from, to, 0)),
        (to - from) % 6 !== 0,
      )
    }
  })

  test('100,000 frames for the inspector: fields within the frame, and a word on what is wrong', () => {
    const random = seededChoice(5)
    const frames = [...ANYBODY, ...OF_CLIENTS, ...OF_SERVERS]
    let reader = new Http2LayerReader()
    let problems = 0
    for (let i = 0; i < 100_000; i++) {
      if (i % 20 === 0) reader = new Http2LayerReader()
      const original = frames[random(frames.length)]
      const bytes = random(3) === 0 ? withLength(random, original) : original.slice()
      for (let count = random(3); count > 0; count--) bytes[3 + random(bytes.length - 3)] = random(256)
      const layer = reader.frame(bytes)
      assert.equal(layer.end, bytes.length)
      if (layer.problem !== undefined) problems++
      for (const { start, end } of layer.fields) {
        assert.ok(
          0 <= start && start < end && end <= bytes.length,
          `[${String(start)}, ${String(end)}) of ${String(bytes.length)}`,
        )
      }
    }
    assert.ok(problems > 10_000 && problems < 90_000, `${String(problems)} problems`)
  })
})
