import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Http2Options } from '../../../src/protocols/http2/options.ts'
import {
  data,
  END_STREAM,
  frame,
  GET,
  headers,
  joined,
  latin1,
  POST,
  push,
  RawClient,
  RawServer,
  reset,
  uint32,
  windowUpdate,
} from './raw-peer.ts'

/* However long a connection lasts, what it holds does not grow. */

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const UNLIMITED = { burst: 1e9, perSecond: 1e9 }
const PATIENT: Http2Options = {
  settings: { enablePush: true, maxConcurrentStreams: 50 },
  limits: { resets: UNLIMITED, settings: UNLIMITED, pings: UNLIMITED, emptyFrames: UNLIMITED, priorities: UNLIMITED },
}
const OK = { status: 200, fields: [], body: 5 } as const
const ROUNDS = 4000
/** What may be added to the heap by as many rounds again, in bytes. */
const SLACK = 150_000

const ON_SERVERS: Readonly<Record<string, (peer: RawClient, stream: number) => void>> = {
  'requests that are answered': (peer, stream) => {
    peer.send(headers(stream, END_STREAM, ...GET, `x-number: ${String(stream)}`))
    peer.ours.respond(stream, OK)
    peer.ours.sendBody(stream, latin1('hello'))
    peer.ours.endBody(stream)
  },
  'uploads that nobody uses up': (peer, stream) => {
    peer.send(headers(stream, 0, ...POST), data(stream, 'hello'), reset(stream))
  },
  'requests that are reset': (peer, stream) => {
    peer.send(headers(stream, END_STREAM, ...GET), reset(stream))
  },
  'requests that are malformed': (peer, stream) => {
    peer.send(headers(stream, 0, ':method: GET'), data(stream, 'late'))
  },
  'requests that are never answered': (peer, stream) => {
    peer.send(headers(stream, 0, ...POST))
  },
  'priorities of what never begins': (peer, stream) => {
    peer.send(
      frame('PRIORITY_UPDATE', 0, 0, joined(uint32(stream + 2), latin1('u=1'))),
      headers(stream + 2, END_STREAM, ...GET),
      reset(stream + 2),
    )
  },
  'pushes that are given up': (peer, stream) => {
    if (stream === 1) peer.send(headers(1, 0, ...POST))
    peer.send(reset(peer.ours.push(1, { method: 'GET', scheme: 'http', authority: 'bob', path: '/p', fields: [] })))
  },
  'windows and PINGs': (peer) => {
    peer.send(frame('PING', 0, 0, '0011223344556677'), frame('SETTINGS', 0, 0), frame(0xbb, 0, 0, '00'), windowUpdate(0, 1))
  },
}
const ON_CLIENTS: Readonly<Record<string, (peer: RawServer) => void>> = {
  'responses that come whole': (peer) => {
    const stream = peer.request()
    peer.send(headers(stream, 0, ':status: 200'), data(stream, 'hello', END_STREAM))
    peer.ours.consume(stream, 5)
  },
  'requests that are given up': (peer) => {
    const stream = peer.request()
    peer.send(headers(stream, 0, ':status: 200'), data(stream, 'hello'))
    peer.ours.cancel(stream)
    peer.send(data(stream, 'late', END_STREAM))
  },
  'pushes that are refused': (peer) => {
    const stream = peer.request()
    peer.send(push(stream, stream + 1, ...GET), headers(stream, END_STREAM, ':status: 200'))
    peer.ours.cancel(stream + 1)
    peer.send(headers(stream + 1, END_STREAM, ':status: 200'))
  },
}

function growth(round: (i: number) => void): number {
  for (let i = 0; i < ROUNDS; i++) round(i)
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  for (let i = ROUNDS; i < 2 * ROUNDS; i++) round(i)
  collectGarbage()
  return process.memoryUsage().heapUsed - before
}

describe('a connection that goes on and on', () => {
  for (const [name, act] of Object.entries(ON_SERVERS)) {
    test(`of a server: ${name}`, () => {
      const peer = RawClient.greeted({ ...PATIENT, autoConsume: false })
      const grown = growth((i) => {
        act(peer, 2 * i + 1)
        peer.heard()
        peer.told()
      })
      assert.ok(!peer.ours.finished, 'it has not ended')
      assert.ok(grown < SLACK, `${String(grown)} bytes more`)
    })
  }
  for (const [name, act] of Object.entries(ON_CLIENTS)) {
    test(`of a client: ${name}`, () => {
      const peer = RawServer.greeted({ ...PATIENT, autoConsume: false })
      const grown = growth(() => {
        act(peer)
        peer.heard()
        peer.told()
      })
      assert.ok(!peer.ours.finished, 'it has not ended')
      assert.ok(grown < SLACK, `${String(grown)} bytes more`)
    })
  }
})
