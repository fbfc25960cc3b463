import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LocalProtocolError } from '../../../src/protocols/local-protocol-error.ts'
import {
  block,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  GET,
  headers,
  joined,
  POST,
  push,
  RawClient,
  RawServer,
  reset,
  uint32,
  windowUpdate,
} from './raw-peer.ts'

/* RFC 9113 section 5.1: every state of a stream, every frame, both directions, both ends. */

type Peer = RawClient | RawServer

interface Situation {
  /** The endpoint whose view it is. */
  readonly peer: Peer
  readonly stream: number
}

const OK = { status: 200, fields: [], body: 0 } as const

/** What brings a stream of a server of ours into each state, as the server sees it. */
const SERVER: Readonly<Record<string, () => Situation>> = {
  idle: () => ({ peer: RawClient.greeted(), stream: 5 }),
  'idle, ours': () => ({ peer: RawClient.greeted(), stream: 6 }),
  'reserved (local)': () => {
    const peer = RawClient.greeted().send(headers(1, 0, ...GET))
    const stream = peer.ours.push(1, { method: 'GET', scheme: 'http', authority: 'bob', path: '/style', fields: [] })
    return { peer, stream }
  },
  open: () => ({ peer: RawClient.greeted().send(headers(1, 0, ...POST)), stream: 1 }),
  'half-closed (local)': () => {
    const peer = RawClient.greeted().send(headers(1, 0, ...POST))
    peer.ours.respond(1, OK)
    return { peer, stream: 1 }
  },
  'half-closed (remote)': () => ({ peer: RawClient.greeted().send(headers(1, END_STREAM, ...GET)), stream: 1 }),
  'closed, finished': () => {
    const peer = RawClient.greeted().send(headers(1, END_STREAM, ...GET))
    peer.ours.respond(1, OK)
    return { peer, stream: 1 }
  },
  'closed, reset by the peer': () => ({ peer: RawClient.greeted().send(headers(1, 0, ...POST), reset(1)), stream: 1 }),
  'closed, reset by us': () => {
    const peer = RawClient.greeted().send(headers(1, 0, ...POST))
    peer.ours.cancel(1)
    return { peer, stream: 1 }
  },
  'closed, never used': () => ({ peer: RawClient.greeted().send(headers(5, 0, ...POST)), stream: 3 }),
}

const takesPushes = { settings: { enablePush: true } }

/** The same for a client of ours. */
const CLIENT: Readonly<Record<string, () => Situation>> = {
  idle: () => ({ peer: RawServer.greeted(takesPushes), stream: 6 }),
  'idle, ours': () => ({ peer: RawServer.greeted(takesPushes), stream: 5 }),
  'reserved (remote)': () => {
    const peer = RawServer.greeted(takesPushes)
    peer.request()
    return { peer: peer.send(push(1, 2, ...GET)), stream: 2 }
  },
  open: () => {
    const peer = RawServer.greeted(takesPushes)
    peer.request({ method: 'POST', body: 'unknown' })
    return { peer: peer.send(headers(1, 0, ':status: 200')), stream: 1 }
  },
  'half-closed (local)': () => {
    const peer = RawServer.greeted(takesPushes)
    peer.request()
    return { peer: peer.send(headers(1, 0, ':status: 200')), stream: 1 }
  },
  'half-closed (remote)': () => {
    const peer = RawServer.greeted(takesPushes)
    peer.request({ method: 'POST', body: 'unknown' })
    return { peer: peer.send(headers(1, END_STREAM, ':status: 200')), stream: 1 }
  },
  'closed, finished': () => {
    const peer = RawServer.greeted(takesPushes)
    peer.request()
    return { peer: peer.send(headers(1, END_STREAM, ':status: 200')), stream: 1 }
  },
  'closed, reset by the peer': () => {
    const peer = RawServer.greeted(takesPushes)
    peer.request()
    return { peer: peer.send(reset(1)), stream: 1 }
  },
  'closed, reset by us': () => {
    const peer = RawServer.greeted(takesPushes)
    peer.request()
    peer.ours.cancel(1)
    return { peer, stream: 1 }
  },
}

const FRAMES: Readonly<Record<string, (stream: number) => Uint8Array>> = {
  DATA: (stream) => data(stream, 'x'),
  'DATA, last': (stream) => data(stream, 'x', END_STREAM),
  HEADERS: (stream) => headers(stream, END_STREAM, 'x: y'),
  'HEADERS, opening': (stream) => headers(stream, 0, ...GET),
  PRIORITY: (stream) => frame('PRIORITY', 0, stream, '0000000010'),
  RST_STREAM: (stream) => reset(stream),
  SETTINGS: (stream) => frame('SETTINGS', 0, stream),
  PUSH_PROMISE: (stream) => push(stream, 4, ...GET),
  PING: (stream) => frame('PING', 0, stream, '0011223344556677'),
  GOAWAY: (stream) => frame('GOAWAY', 0, stream, '0000000000000000'),
  WINDOW_UPDATE: (stream) => windowUpdate(stream, 1),
  CONTINUATION: (stream) => frame('CONTINUATION', END_HEADERS, stream, block('x: y')),
  PRIORITY_UPDATE: (stream) => frame('PRIORITY_UPDATE', 0, stream, joined(uint32(1), Uint8Array.of(0x75, 0x3d, 0x31))),
  unknown: (stream) => frame(0xbb, 0xff, stream, '00'),
}

/**
 * What each is answered with: `-` nothing; `C` a connection error, `S` a stream error; P PROTOCOL_ERROR, C STREAM_CLOSED. In the order of
 * the columns DATA, last DATA, trailers, a new head, PRIORITY, RST_STREAM, PUSH_PROMISE, WINDOW_UPDATE. SETTINGS, PING, GOAWAY,
 * CONTINUATION and PRIORITY_UPDATE are connection errors on any stream, and an unknown frame is nothing.
 */
const COLUMNS = ['DATA', 'DATA, last', 'HEADERS', 'HEADERS, opening', 'PRIORITY', 'RST_STREAM', 'PUSH_PROMISE', 'WINDOW_UPDATE']
const ANYWHERE = ['SETTINGS', 'PING', 'GOAWAY', 'CONTINUATION', 'PRIORITY_UPDATE']

const SERVER_ANSWERS: Readonly<Record<string, string>> = {
  // Trailers on an idle stream are a request without a method; a head in place of trailers has pseudo-header fields or no end.
  idle: 'CP CP SP - - CP CP CP',
  'idle, ours': 'CP CP CP CP - CP CP CP',
  'reserved (local)': 'CP CP CP CP - - CP -',
  open: '- - - SP - - CP -',
  'half-closed (local)': '- - - SP - - CP -',
  'half-closed (remote)': 'SC SC SC SC - - CP -',
  'closed, finished': 'CC CC CC CC - - CP -',
  'closed, reset by the peer': 'SC SC SC SC - - CP -',
  'closed, reset by us': '- - - - - - CP -',
  'closed, never used': 'SC SC CP CP - - CP -',
}
const CLIENT_ANSWERS: Readonly<Record<string, string>> = {
  idle: 'CP CP CP CP - CP CP CP',
  'idle, ours': 'CP CP CP CP - CP CP CP',
  'reserved (remote)': 'CP CP SP SP - - CP CP',
  open: '- - - SP - - - -',
  'half-closed (local)': '- - - SP - - - -',
  'half-closed (remote)': 'SC SC SC SC - - CP -',
  'closed, finished': 'CC CC CC CC - - CP -',
  'closed, reset by the peer': 'SC SC SC SC - - CP -',
  // What it promises is refused in turn.
  'closed, reset by us': '- - - - - - R -',
}

function inWords(answer: string, stream: number): string {
  if (answer === '-') return '-'
  if (answer === 'R') return 'stream 4 CANCEL'
  const code = answer.endsWith('P') ? 'PROTOCOL_ERROR' : 'STREAM_CLOSED'
  return answer.startsWith('C') ? `connection ${code}` : `stream ${String(stream)} ${code}`
}

for (const [end, situations, answers] of [
  ['server', SERVER, SERVER_ANSWERS],
  ['client', CLIENT, CLIENT_ANSWERS],
] as const) {
  describe(`a ${end} of ours receives, on a stream that is`, () => {
    for (const [state, bring] of Object.entries(situations)) {
      test(state, () => {
        const expected = answers[state].split(' ')
        assert.equal(expected.length, COLUMNS.length)
        for (const [name, make] of Object.entries(FRAMES)) {
          const { peer, stream } = bring()
          peer.heard()
          peer.send(make(stream))
          const column = COLUMNS.indexOf(name)
          const answer = ANYWHERE.includes(name) ? 'CP' : column < 0 ? '-' : expected[column]
          assert.equal(peer.verdict(), inWords(answer, stream), `${name} on a stream that is ${state}`)
        }
      })
    }
  })
}

/** What may be sent in each state: RFC 9113 section 5.1 from the sender's side. */
const COMMANDS: Readonly<Record<string, (situation: Situation) => void>> = {
  respond: ({ peer, stream }) => {
    if (peer instanceof RawClient) peer.ours.respond(stream, { ...OK, body: 'unknown' })
  },
  inform: ({ peer, stream }) => {
    if (peer instanceof RawClient) peer.ours.inform(stream, 103)
  },
  sendBody: ({ peer, stream }) => {
    peer.ours.sendBody(stream, Uint8Array.of(1))
  },
  endBody: ({ peer, stream }) => {
    peer.ours.endBody(stream)
  },
  push: ({ peer, stream }) => {
    if (peer instanceof RawClient) {
      peer.ours.push(stream, { method: 'GET', scheme: 'http', authority: 'bob', path: '/p', fields: [] })
    }
  },
  cancel: ({ peer, stream }) => {
    peer.ours.cancel(stream)
  },
}

/** What goes out for respond, inform, sendBody, endBody, push and cancel: `!` it is refused as a misuse, `-` nothing. */
const SERVER_COMMANDS: Readonly<Record<string, string>> = {
  idle: '! ! ! ! ! -',
  'idle, ours': '! ! ! ! ! -',
  'reserved (local)': 'HEADERS HEADERS ! ! ! RST_STREAM',
  open: 'HEADERS HEADERS ! ! PUSH_PROMISE RST_STREAM',
  'half-closed (local)': '! ! ! ! ! RST_STREAM',
  'half-closed (remote)': 'HEADERS HEADERS ! ! PUSH_PROMISE RST_STREAM',
  'closed, finished': '- - - - - -',
  'closed, reset by the peer': '- - - - - -',
  'closed, reset by us': '- - - - - -',
  'closed, never used': '- - - - - -',
}
const CLIENT_COMMANDS: Readonly<Record<string, string>> = {
  idle: '- - ! ! - -',
  'idle, ours': '- - ! ! - -',
  'reserved (remote)': '- - ! ! - RST_STREAM',
  open: '- - DATA DATA - RST_STREAM',
  'half-closed (local)': '- - ! ! - RST_STREAM',
  'half-closed (remote)': '- - DATA DATA - RST_STREAM',
  'closed, finished': '- - - - - -',
  'closed, reset by the peer': '- - - - - -',
  'closed, reset by us': '- - - - - -',
}

for (const [end, situations, effects] of [
  ['server', SERVER, SERVER_COMMANDS],
  ['client', CLIENT, CLIENT_COMMANDS],
] as const) {
  describe(`a ${end} of ours sends, on a stream that is`, () => {
    for (const [state, bring] of Object.entries(situations)) {
      test(state, () => {
        const expected = effects[state].split(' ')
        const seen = Object.values(COMMANDS).map((command) => {
          const situation = bring()
          situation.peer.heard()
          try {
            command(situation)
          } catch (error) {
            assert.ok(error instanceof LocalProtocolError, String(error))
            return '!'
          }
          const heard = situation.peer.heard().map((line) => line.replace(/\W.*/, ''))
          return heard.length === 0 ? '-' : heard.join('+')
        })
        assert.deepEqual(seen, expected)
      })
    }
  })
}

test('section 5.1.1: a new number closes the lower ones that were never used', () => {
  const peer = RawClient.greeted().send(headers(5, END_STREAM, ...GET), headers(3, END_STREAM, ...GET))
  assert.equal(peer.verdict(), 'connection PROTOCOL_ERROR')
})
