import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { inLab, type Lab, type WrittenEvent } from './lab.ts'
import { launchIn } from './real-browser.ts'

/*
 * A simulated server of live connections, and clients that nobody here wrote: ws of npm, and what Chromium has of its own.
 */

/** ws, for a program in another folder. */
const WS = import.meta.resolve('ws')

/** @param server options besides what is usual */
function scenario(server: Readonly<Record<string, unknown>>) {
  return {
    id: 'live',
    title: 'Real clients of a simulated server of live connections',
    hosts: {
      client: {},
      router: { kind: 'router' },
      server: {
        app: 'live-server',
        tcp: { preset: 'linux' },
        leaving: { window: '0 s', after: '300 ms' },
        drain: false,
        ...server,
      },
    },
    links: [
      { between: ['client', 'router'], rate: '150 Mbit/s', delay: '500 us', queue: '256 KiB' },
      { between: ['router', 'server'], rate: '1 Gbit/s', delay: '500 us' },
    ],
    knobs: { drain: { label: 'Drain', sets: 'hosts.server.drain' } },
  }
}

interface Way {
  readonly name: string
  readonly isSecure: boolean
  readonly isCompressed: boolean
}

const WAYS: readonly Way[] = [false, true].flatMap((isSecure) =>
  [false, true].map((isCompressed) => ({
    name: `${isSecure ? 'wss:' : 'ws:'} ${isCompressed ? 'with' : 'without'} permessage-deflate`,
    isSecure,
    isCompressed,
  })),
)

/** What a client saw, whoever it is. */
interface Seen {
  readonly extensions: string
  readonly types: readonly string[]
  /** Texts that came back. */
  readonly texts: readonly string[]
  readonly keys: readonly string[]
  readonly code: number
  readonly clean: boolean
}

const TEXTS = ['hello', 'Grüße, 世界 🌍', 'x'.repeat(125), 'the same again and again, '.repeat(200)]

async function start(lab: Lab, { isSecure, isCompressed }: Way, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const tls = isSecure ? { tls: true, protocols: ['http/1.1'] } : {}
  const written = scenario({ ...tls, compression: isCompressed, ...more })
  const { peers } = await lab.start(written, 'client', ['--ca', join(lab.folder, 'ca.pem')])
  return String(peers['server']?.address)
}

/** All that is said comes back, and is acknowledged; the server has seen what the client did. */
function assertTalk(seen: Seen, events: readonly WrittenEvent[], { isCompressed }: Way, version: string): void {
  assert.deepEqual([seen.code, seen.clean, seen.types[0]], [1000, true, 'welcome'])
  assert.deepEqual(seen.texts, TEXTS)
  assert.deepEqual([...seen.keys].sort(), ['k0', 'k1', 'k2', 'k3'])
  assert.equal(seen.extensions.startsWith('permessage-deflate'), isCompressed)
  const told = (name: string) => events.filter((event) => event.name === name).map(({ data }) => data)
  assert.deepEqual(told('app:failed'), [])
  const [opened] = told('websocket:opened')
  assert.equal(opened?.['version'], version)
  assert.equal(String(opened['extensions']).startsWith('permessage-deflate'), isCompressed)
  assert.deepEqual(
    told('websocket:closed').map(({ code, clean }) => [code, clean]),
    [[1000, true]],
  )
  assert.equal(told('chat:said').length, TEXTS.length)
}

/** Talks until everything has come back, and a Ping as well; as the text of a program for Node. */
const TALK = `
  import { readFileSync } from 'node:fs'
  import { WebSocket } from '${WS}'
  const [url, texts, perMessageDeflate] = JSON.parse(process.argv[2])
  const ca = url.startsWith('wss') ? readFileSync('ca.pem') : undefined
  const options = { ca, perMessageDeflate: perMessageDeflate && { threshold: 0 } }
  const socket = new WebSocket(url, options)
  const seen = { types: [], texts: [], keys: [], pings: 0, pongs: 0 }
  socket.on('ping', () => { seen.pings++; end() })
  socket.on('pong', (data) => { seen.pongs += data.toString() === 'there?' ? 1 : 0; end() })
  socket.on('open', () => socket.send(JSON.stringify({ type: 'hello', room: 'lobby', last: 0 })))
  socket.on('message', (data, isBinary) => {
    if (isBinary) throw new Error('not a text')
    const message = JSON.parse(data)
    seen.types.push(message.type)
    if (message.type === 'welcome') {
      socket.ping('there?')
      texts.forEach((text, index) => socket.send(JSON.stringify({ type: 'say', room: 'lobby', key: 'k' + index, text, sentAt: 0 })))
    }
    if (message.type === 'said') seen.texts.push(message.text)
    if (message.type === 'ack') seen.keys.push(message.key)
    end()
  })
  socket.on('close', (code) => console.log(JSON.stringify({ ...seen, code, clean: code !== 1006, extensions: socket.extensions })))
  function end() {
    if (seen.texts.length === texts.length && seen.keys.length === texts.length && seen.pings > 0 && seen.pongs > 0) socket.close(1000, 'done')
  }
`

describe('a simulated live server and ws of npm', { concurrency: 2 }, () => {
  for (const way of WAYS) {
    test(`${way.name}: comes in, says and hears everything, answers Pings, and leaves`, async () => {
      await inLab(async (lab) => {
        const address = await start(lab, way, { heartbeat: '1 s' })
        const wish = JSON.stringify([`${way.isSecure ? 'wss' : 'ws'}://${address}/live`, TEXTS, way.isCompressed])
        const { out } = await lab.run(process.execPath, [lab.file('talk.mjs', TALK), wish])
        const { events } = await lab.finish('transport')
        assertTalk(JSON.parse(out) as Seen, events, way, 'HTTP/1.1')
      })
    })
  }

  test('a client that offers compression to a server that has none, and the other way round', async () => {
    for (const isOffered of [true, false]) {
      await inLab(async (lab) => {
        const way = { name: '', isSecure: false, isCompressed: !isOffered }
        const address = await start(lab, way, { heartbeat: '1 s' })
        const wish = JSON.stringify([`ws://${address}/live`, TEXTS, isOffered])
        const { out } = await lab.run(process.execPath, [lab.file('talk.mjs', TALK), wish])
        const { events } = await lab.finish('transport')
        assertTalk(JSON.parse(out) as Seen, events, { ...way, isCompressed: false }, 'HTTP/1.1')
      })
    }
  })
})

/** Sends messages of many lengths, one of them in fragments, and compares what comes back. */
const ECHO = `
  import { readFileSync } from 'node:fs'
  import { WebSocket } from '${WS}'
  const [url, perMessageDeflate] = JSON.parse(process.argv[2])
  const ca = url.startsWith('wss') ? readFileSync('ca.pem') : undefined
  const socket = new WebSocket(url, { ca, perMessageDeflate: perMessageDeflate && { threshold: 0 } })
  const lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000]
  const messages = lengths.flatMap((length) => [
    Buffer.from('Grüße, 世界 🌍 '.repeat(length / 10 + 1)).toString('utf8').slice(0, length).replace(/[\\ud800-\\udbff]$/, '-'),
    Buffer.from(Array.from({ length }, (_, index) => (index * index) % 251)),
  ])
  const seen = { count: 0, wrong: 0 }
  socket.on('open', () => {
    for (const message of messages) socket.send(message)
    for (let part = 0; part < 10; part++) socket.send('part ' + part, { fin: part === 9 })
  })
  socket.on('message', (data, isBinary) => {
    const expected = messages[seen.count++] ?? Array.from({ length: 10 }, (_, part) => 'part ' + part).join('')
    const isSame = typeof expected === 'string' ? !isBinary && data.toString() === expected : isBinary && expected.equals(data)
    if (!isSame) seen.wrong++
    if (seen.count === messages.length + 1) socket.close(1000, 'done')
  })
  socket.on('close', (code) => console.log(JSON.stringify({ ...seen, code })))
`

describe('a WebSocket that sends everything back, and ws of npm', { concurrency: 2 }, () => {
  for (const way of WAYS) {
    test(way.name, async () => {
      await inLab(async (lab) => {
        const address = await start(lab, way, { maxMessage: '2 MiB' })
        const wish = JSON.stringify([`${way.isSecure ? 'wss' : 'ws'}://${address}/echo`, way.isCompressed])
        const { out } = await lab.run(process.execPath, [lab.file('echo.mjs', ECHO), wish])
        const { events } = await lab.finish('transport')
        assert.deepEqual(JSON.parse(out), { count: 17, wrong: 0, code: 1000 })
        const failed = events.filter(({ name }) => name === 'app:failed')
        assert.deepEqual(failed, [])
      })
    })
  }
})

/** The same by a page's own WebSocket. */
function talkOn(page: Page, url: string): Promise<Seen> {
  return page.evaluate(
    ([address, texts]) =>
      new Promise<Seen>((done) => {
        const socket = new WebSocket(address)
        const types: string[] = []
        const heard: string[] = []
        const keys: string[] = []
        socket.onopen = () => {
          socket.send(JSON.stringify({ type: 'hello', room: 'lobby', last: 0 }))
        }
        socket.onmessage = ({ data }) => {
          const message = JSON.parse(data as string) as { type: string; text: string; key: string }
          types.push(message.type)
          if (message.type === 'welcome')
            texts.forEach((text, index) => {
              socket.send(JSON.stringify({ type: 'say', room: 'lobby', key: `k${String(index)}`, text, sentAt: 0 }))
            })
          if (message.type === 'said') heard.push(message.text)
          if (message.type === 'ack') keys.push(message.key)
          if (heard.length === texts.length && keys.length === texts.length) socket.close(1000, 'done')
        }
        socket.onclose = ({ code, wasClean }) => {
          done({ extensions: socket.extensions, types, texts: heard, keys, code, clean: wasClean })
        }
      }),
    [url, TEXTS] as const,
  )
}

/** Does something on a page of the server. */
async function onPage<T>(lab: Lab, origin: string, work: (page: Page) => Promise<T>): Promise<T> {
  const trusted = origin.startsWith('https') ? [await intermediateOf(lab, origin.slice('https://'.length))] : []
  const browser = await launchIn(lab, trusted)
  try {
    const page = await browser.newPage()
    await page.goto(`${origin}/health`)
    return await work(page)
  } finally {
    await browser.close()
  }
}

/** The certificate that signed the server's. */
async function intermediateOf(lab: Lab, address: string): Promise<string> {
  const client = `openssl s_client -connect ${address}:443 -showcerts </dev/null 2>/dev/null`
  const { out } = await lab.run('sh', ['-c', client])
  const [, intermediate] = out.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  return intermediate ?? ''
}

describe("a simulated live server and Chromium's own WebSocket", { concurrency: 2 }, () => {
  for (const way of WAYS) {
    test(`${way.name}: comes in, says and hears everything, and leaves`, async () => {
      await inLab(async (lab) => {
        const address = await start(lab, way)
        const [page, socket] = way.isSecure ? ['https', 'wss'] : ['http', 'ws']
        const seen = await onPage(lab, `${page}://${address}`, (on) => talkOn(on, `${socket}://${address}/live`))
        const { events } = await lab.finish('transport')
        assertTalk(seen, events, way, 'HTTP/1.1')
      })
    })
  }

  test('RFC 8441: over a connection of HTTP/2 that the page came by, with and without compression', async () => {
    for (const isCompressed of [true, false]) {
      await inLab(async (lab) => {
        const way = { name: '', isSecure: true, isCompressed }
        const address = await start(lab, way, { protocols: ['h2', 'http/1.1'] })
        const seen = await onPage(lab, `https://${address}`, (on) => talkOn(on, `wss://${address}/live`))
        const { events } = await lab.finish('transport')
        assertTalk(seen, events, way, 'HTTP/2')
      })
    }
  })
})

describe("a simulated live server and Chromium's EventSource", { concurrency: 2 }, () => {
  for (const scheme of ['http', 'https'] as const) {
    for (const protocols of scheme === 'http' ? [['http/1.1']] : [['http/1.1'], ['h2', 'http/1.1']]) {
      test(`${scheme}, ${protocols[0] ?? ''}: the server ends the stream, and the page goes on where it was`, async () => {
        await inLab(async (lab) => {
          const tls = scheme === 'https' ? { tls: true, protocols } : {}
          const written = scenario({ ...tls, news: { interval: '200 ms', start: '100 ms' } })
          // Everybody is told to go, and can come back a second later.
          const log = [
            { at: '9 s', set: { knob: 'drain', value: true } },
            { at: '10 s', set: { knob: 'drain', value: false } },
          ]
          const options = ['--interventions', lab.file('log.json', JSON.stringify(log))]
          const { peers } = await lab.start(written, 'client', options)
          const origin = `${scheme}://${String(peers['server']?.address)}`
          const seen = await onPage(lab, origin, (page) =>
            page.evaluate(
              () =>
                new Promise<{ ids: string[]; opened: number; failed: number; before: number }>((done) => {
                  const source = new EventSource('/events?room=lobby')
                  const ids: string[] = []
                  let opened = 0
                  let failed = 0
                  let before = 0
                  source.onopen = () => {
                    opened++
                  }
                  source.onerror = () => {
                    if (failed++ === 0) before = ids.length
                  }
                  source.onmessage = ({ lastEventId }) => {
                    ids.push(lastEventId)
                    if (opened < 2 || ids.length < before + 10) return
                    source.close()
                    done({ ids, opened, failed, before })
                  }
                }),
            ),
          )
          const { events } = await lab.finish('transport')
          const told = (name: string) => events.filter((event) => event.name === name).map(({ data }) => data)
          assert.deepEqual(told('app:failed'), [])
          const published = told('news:published').map(({ id }) => String(id))
          const first = published.indexOf(seen.ids[0] ?? '')
          assert.ok(first >= 0 && seen.before > 0, 'it heard something before it was sent away')
          assert.deepEqual(seen.ids, published.slice(first, first + seen.ids.length), 'each once, none missed')
          const last = told('sse:opened').map((data) => String(data['last']))
          assert.equal(last.at(-1), seen.ids[seen.before - 1], 'by the field Last-Event-ID')
        })
      })
    }
  }
})
