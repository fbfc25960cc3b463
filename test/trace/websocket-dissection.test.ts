import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Http2Client } from '../../src/protocols/http2/client.ts'
import { Http2Server } from '../../src/protocols/http2/server.ts'
import { TlsClient } from '../../src/protocols/tls/client.ts'
import { TlsServer } from '../../src/protocols/tls/server.ts'
import type { Inspection } from '../../src/trace/inspection.ts'
import { StreamDissection } from '../../src/trace/stream-dissection.ts'
import { DecodeError } from '../../src/wire/errors.ts'
import type { Field, Layer } from '../../src/wire/field.ts'
import { headerLength } from '../../src/wire/websocket.ts'
import { WebSocketLayerReader } from '../../src/wire/websocket-layer.ts'
import { PcapngWriter } from '../../src/wire/pcapng.ts'
import { clientOptions, serverOptions } from '../protocols/tls/tls-pair.ts'
import { clientOf, CLOSE, joined, PING, RSV1, sent, serverOf, TEXT, toward, utf8 } from '../protocols/websocket/frames.ts'
import { readPcap, vectorPath } from '../vectors/pcap.ts'
import { tsharkDissection, withFile } from '../vectors/tshark.ts'
import { mutants } from '../wire/mutants.ts'
import { CapturedTrace } from './captured-trace.ts'
import { CarriedStream } from './carried-stream.ts'
import { flat } from './field-comparison.ts'

const ASK = utf8(
  'GET /chat HTTP/1.1\r\nHost: bob\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n',
)
const AGREE = utf8('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
const DEFLATE = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
}
const WORDS = 'All the news that fits, and some more of it. '

/** What both ends say, one after the other. */
function conversation(compressed: boolean, fragmentSize: number): (readonly [0 | 1, Uint8Array])[] {
  const client = clientOf({ fragmentSize }, compressed ? DEFLATE : undefined)
  const server = serverOf({ fragmentSize }, compressed ? DEFLATE : undefined)
  const said: (readonly [0 | 1, Uint8Array])[] = [
    [0, ASK],
    [1, AGREE],
  ]
  const speak = (command: () => void): void => {
    command()
    for (let moved = true; moved;) {
      const fromClient = sent(client)
      server.handle(fromClient, 0)
      const fromServer = sent(server)
      client.handle(fromServer, 0)
      moved = fromClient.length + fromServer.length > 0
      if (fromClient.length > 0) said.push([0, fromClient])
      if (fromServer.length > 0) said.push([1, fromServer])
    }
  }
  speak(() => {
    client.sendText(utf8('Hello, Grüße'))
  })
  speak(() => {
    server.sendText(utf8(WORDS.repeat(100)))
  })
  speak(() => {
    client.sendText(utf8(WORDS.repeat(50)))
  })
  speak(() => {
    server.ping(utf8('there?'))
  })
  speak(() => {
    client.sendBinary(new Uint8Array(3000).map((_, i) => i * 31))
  })
  speak(() => {
    client.close(3001, 'enough')
  })
  return said
}

function inspected(trace: CapturedTrace, order = trace.frames.map((_, i) => i + 1)): Inspection[] {
  const dissection = new StreamDissection(trace)
  const found: Inspection[] = []
  for (const number of order) {
    const inspection = dissection.inspect(number)
    assert.ok(inspection !== undefined, `frame ${String(number)} is there`)
    found[number - 1] = inspection
  }
  return found
}

const CHOSEN = [
  'websocket.fin',
  'websocket.rsv',
  'websocket.opcode',
  'websocket.mask',
  'websocket.payload_length',
  'websocket.payload_length_ext_16',
  'websocket.payload_length_ext_64',
  'websocket.masking_key',
  'websocket.payload.close.status_code',
]

function bare(name: string, value: string): string {
  const plain = value
    .replace(/ \([^)]*\)$/, '')
    .replace('not set', '0')
    .replace('set', '1')
  const isHex = name === 'websocket.masking_key'
  return `${name} ${isHex ? plain.replace(/^0x|:/g, '') : String(Number(plain))}`
}

/** Fields of frames of WebSocket, in their order; of a frame that goes on in later packets once. */
function fieldsOf({ layers, views }: Inspection): Field[] {
  const all = [...layers, ...views.flatMap((view) => (view.title.startsWith('WebSocket') ? [] : view.layers))]
  return all
    .filter(({ protocol, summary }) => protocol === 'websocket' && !summary.endsWith('(goes on)'))
    .flatMap(({ fields }) => flat(fields))
    .filter(({ name }) => CHOSEN.includes(name))
}

/** The two ends’ fields, one after the other: frames stand in the packet that begins them here, in the one that ends them there. */
function compared(frames: readonly Uint8Array[], found: readonly Inspection[], path: string): number {
  const judged = tsharkDissection(path)
  let count = 0
  const from = (frame: Uint8Array): number => frame[34] * 256 + frame[35]
  for (const port of new Set(frames.map(from))) {
    const theirs = judged.flatMap((fields, i) =>
      from(frames[i]) === port ? fields.filter(({ name, hidden }) => CHOSEN.includes(name) && !hidden) : [],
    )
    const ours = found.flatMap((inspection, i) => (from(frames[i]) === port ? fieldsOf(inspection) : []))
    assert.deepEqual(
      ours.map(({ name, value }) => bare(name, value)),
      theirs.map(({ name, show }) => bare(name, show === 'True' ? '1' : show === 'False' ? '0' : show)),
      `from port ${String(port)}`,
    )
    count += ours.length
  }
  return count
}

test('the capture of strangers: what tshark reads of WebSocket, we read', () => {
  const frames = readPcap('ws.pcap').map(({ bytes }) => bytes)
  const found = inspected(new CapturedTrace(frames, []))
  assert.ok(compared(frames, found, vectorPath('ws.pcap')) > 60, 'fields were compared')
  const summaries = found.map(({ summary }) => summary).filter((summary) => summary.startsWith('WebSocket'))
  assert.ok(summaries.includes('WebSocket Text, 8 bytes “hello ws”'), 'a text is shown unmasked')
  assert.ok(
    summaries.some((summary) => summary.startsWith('WebSocket Close 1000 (Normal Closure)')),
    'Close says its code',
  )
  for (const { layers } of found) for (const layer of layers) assert.equal(layer.problem, undefined)
})

for (const compressed of [false, true]) {
  for (const [fragmentSize, most] of [
    [Infinity, 1460],
    [500, 1460],
    [500, 100],
  ] as const) {
    const how = `${compressed ? 'compressed' : 'as it is'}, fragments of ${String(fragmentSize)}, segments of ${String(most)}`
    test(`our own conversation: ${how}`, () => {
      const stream = new CarriedStream(80)
      for (const [side, bytes] of conversation(compressed, fragmentSize)) stream.carry(side, bytes, most)
      const trace = new CapturedTrace(stream.frames, [])
      const found = inspected(trace)
      const writer = new PcapngWriter({ application: 'test' })
      const link = writer.addInterface({ name: 'eth0' })
      stream.frames.forEach((bytes, i) => {
        writer.addPacket({ interface: link, time: i, bytes })
      })
      withFile(writer.take(), (path) => {
        assert.ok(compared(stream.frames, found, path) > 40, 'fields were compared')
      })
      const views = found.flatMap((inspection) => inspection.views)
      const texts = views.map(({ bytes }) => Buffer.from(bytes).toString('utf8'))
      assert.ok(texts.includes('Hello, Grüße'), 'the mask is undone')
      assert.ok(texts.includes(WORDS.repeat(50)), 'a masked message is whole')
      assert.equal(texts.includes(WORDS.repeat(100)), compressed || fragmentSize < 4500, 'what lies there readable has no view')
      for (const { bytes, layers } of views) {
        for (const layer of layers) assert.ok(layer.end <= bytes.length && layer.problem === undefined, layer.problem)
      }
      const backwards = trace.frames.map((_, i) => trace.frames.length - i)
      assert.deepEqual(inspected(trace, backwards), found, 'whichever is asked for first')
    })
  }
}

test('over TLS: frames in the decrypted view, messages in views behind it', () => {
  const server = new TlsServer(serverOptions({ alpn: ['http/1.1'] }))
  const client = new TlsClient(clientOptions({ alpn: ['http/1.1'] }))
  const stream = new CarriedStream(443)
  const secrets: string[] = []
  const exchange = (): void => {
    for (let moved = true; moved;) {
      moved = false
      for (const [from, to, side] of [
        [client, server, 0],
        [server, client, 1],
      ] as const) {
        for (let bytes = from.pollTransmit(0); bytes; bytes = from.pollTransmit(0)) {
          const copy = Uint8Array.from(bytes)
          stream.carry(side, copy)
          to.handle(copy, 0)
          moved = true
        }
        for (let event = from.pollEvent(); event; event = from.pollEvent()) if (event.type === 'secret') secrets.push(event.line)
      }
    }
  }
  exchange()
  for (const [side, bytes] of conversation(true, 500)) {
    ;(side === 0 ? client : server).send(bytes)
    exchange()
  }
  const found = inspected(new CapturedTrace(stream.frames, secrets))
  const views = found.flatMap((inspection) => inspection.views)
  const texts = views.filter(({ title }) => title.startsWith('WebSocket')).map(({ bytes }) => Buffer.from(bytes).toString('utf8'))
  assert.ok(
    texts.includes('Hello, Grüße') && texts.includes(WORDS.repeat(50)) && texts.includes(WORDS.repeat(100)),
    'all is read',
  )
  assert.ok(
    found.some(({ summary }) => summary.includes('WebSocket Close 3001: enough')),
    'Close says its code and why',
  )
  const layers = views.filter(({ title }) => title === 'Decrypted TLS').flatMap((view) => view.layers)
  assert.ok(
    layers.some(({ protocol }) => protocol === 'http') && layers.some(({ protocol }) => protocol === 'websocket'),
    'one behind the other',
  )
})

test('over HTTP/2: DATA says what it carries, messages are views (RFC 8441)', () => {
  const http = { client: new Http2Client(), server: new Http2Server({ settings: { enableConnectProtocol: true } }) }
  const stream = new CarriedStream(80)
  const exchange = (): void => {
    for (let moved = true; moved;) {
      moved = false
      for (const [from, to, side] of [
        [http.client, http.server, 0],
        [http.server, http.client, 1],
      ] as const) {
        for (let bytes = from.pollTransmit(0); bytes; bytes = from.pollTransmit(0)) {
          const copy = Uint8Array.from(bytes)
          stream.carry(side, copy)
          to.handle(copy, 0)
          moved = true
        }
      }
    }
  }
  exchange()
  const connect = {
    method: 'CONNECT',
    protocol: 'websocket',
    scheme: 'http',
    authority: 'bob',
    path: '/chat',
    body: 'unknown',
  } as const
  const id = http.client.request({ ...connect, fields: [] })
  exchange()
  http.server.respond(id, { status: 200, fields: [], body: 'unknown' })
  exchange()
  for (const [side, bytes] of conversation(true, 500).slice(2)) {
    ;(side === 0 ? http.client : http.server).sendBody(id, bytes)
    exchange()
  }
  const found = inspected(new CapturedTrace(stream.frames, []))
  const texts = found.flatMap(({ views }) => views.map(({ bytes }) => Buffer.from(bytes).toString('utf8')))
  for (const text of ['Hello, Grüße', WORDS.repeat(50), WORDS.repeat(100)]) assert.ok(texts.includes(text), text.slice(0, 20))
  const summaries = found.map(({ summary }) => summary)
  assert.ok(
    summaries.some((summary) => /^HTTP\/2 DATA stream 1.*, WebSocket Close 3001: enough$/.test(summary)),
    summaries.join('\n'),
  )
  assert.ok(
    found.some(({ views }) => views.some(({ title }) => title.startsWith('WebSocket on stream 1, text message'))),
    'it says where',
  )
})

describe('situations', () => {
  const summaries = (...said: (readonly [0 | 1, Uint8Array])[]): string[] => {
    const stream = new CarriedStream(80)
    for (const [side, bytes] of said) stream.carry(side, bytes)
    return inspected(new CapturedTrace(stream.frames, []))
      .slice(3)
      .map(({ summary }) => summary)
  }

  test('a frame right behind the handshake, in the same segment', () => {
    const all = summaries([0, ASK], [1, joined([AGREE, toward('client', TEXT, 'hi')])])
    assert.deepEqual(all, ['GET /chat HTTP/1.1', 'HTTP/1.1 101 Switching Protocols; WebSocket Text, 2 bytes “hi”'])
  })

  test('requests before it, a refusal, and another try', () => {
    const get = utf8('GET / HTTP/1.1\r\nHost: bob\r\n\r\n')
    const ok = utf8('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    const no = utf8('HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n')
    const all = summaries([0, get], [1, ok], [0, ASK], [1, no], [0, ASK], [1, AGREE], [0, toward('server', PING, 'p')])
    assert.equal(all.at(-1), 'WebSocket Ping “p”')
  })

  test('a server that does not agree goes on with HTTP', () => {
    const all = summaries([0, ASK], [1, utf8('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')], [0, ASK])
    assert.ok(
      all.every((summary) => !summary.includes('WebSocket')),
      all.join(),
    )
  })

  test('a frame that is not whole yet, and one that is none', () => {
    const whole = toward('server', TEXT, 'x'.repeat(50))
    const all = summaries([0, ASK], [1, AGREE], [0, whole.slice(0, 20)], [0, whole.slice(20)])
    assert.deepEqual(
      all.slice(2).map((line) => line.slice(0, 24)),
      ['WebSocket Text, 50 bytes', 'WebSocket Text, 50 bytes'],
    )
    assert.equal(summaries([0, ASK], [1, AGREE], [0, whole.slice(0, 20)]).at(-1), 'WebSocket, a frame that is not whole yet')
    const bad = Uint8Array.of(0x81, 0xfe, 0, 1, 0, 0, 0, 0, 1)
    assert.match(summaries([0, ASK], [1, AGREE], [0, bad]).at(-1) ?? '', /malformed/)
  })
})

test('100,000 mutated frames for the inspector: layers within their bytes, or a DecodeError', () => {
  const hello = new Uint8Array(Buffer.from('f248cdc9c90700', 'hex'))
  const samples = [
    toward('server', TEXT, 'Hello, Grüße'),
    toward('client', TEXT | RSV1, hello),
    toward('client', CLOSE, Uint8Array.of(3, 232, 0x61)),
    toward('server', PING, 'p'),
    toward('client', 0x82, new Uint8Array(200)),
  ]
  let reader = new WebSocketLayerReader()
  let refused = 0
  let i = 0
  const inside = ({ start, end }: { start: number; end: number }, fields: readonly Field[]): boolean =>
    fields.every((part) => part.start >= start && part.end <= end && part.end > part.start && inside(part, part.fields ?? []))
  for (const mutant of mutants(samples, 100_000, 'websocket layers')) {
    if (i++ % 50 === 0) reader = new WebSocketLayerReader()
    if (mutant.length < 2 || mutant.length < headerLength(mutant[1])) continue
    let layer: Layer
    try {
      layer = reader.frame(mutant)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      refused++
      continue
    }
    if (!inside(layer, layer.fields)) assert.fail(Buffer.from(mutant).toString('hex'))
  }
  assert.ok(refused > 100, `${String(refused)} were refused`)
})
