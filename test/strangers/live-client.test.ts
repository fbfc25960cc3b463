import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { inLab, type Lab } from './lab.ts'
import { ADDRESS, credentials, SEED } from './real-site.ts'

/*
 * A simulated client of live servers, and servers that nobody here wrote: ws of npm, and Node's own of HTTP for a stream of events.
 */

/** ws, for a program in another folder. */
const WS = import.meta.resolve('ws')

/** @param client options besides what is usual */
function scenario(client: Readonly<Record<string, unknown>>) {
  return {
    id: 'live-client',
    title: 'A simulated client of a real server of live connections',
    seed: SEED,
    hosts: {
      client: {
        app: 'live-client',
        tcp: { preset: 'linux' },
        start: '200 ms',
        say: { interval: '200 ms', size: '200 B' },
        heartbeat: { interval: '0 s' },
        reconnect: { base: '100 ms', jitter: 'none' },
        ...client,
      },
      router: { kind: 'router' },
      server: { address: `${ADDRESS}/24` },
    },
    links: [
      { between: ['client', 'router'], rate: '150 Mbit/s', delay: '500 us', queue: '256 KiB' },
      { between: ['router', 'server'], rate: '1 Gbit/s', delay: '500 us' },
    ],
    knobs: { loss: { label: 'Loss', range: ['0 %', '10 %'], sets: 'links[0].loss' } },
  }
}

/** What the real server wrote down, a line of JSON each. */
type Line = Readonly<Record<string, unknown>>

function linesOf(lab: Lab): Line[] {
  const text = readFileSync(join(lab.folder, 'server.log'), 'utf8')
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line)
}

/** Lets everybody in, says back what is said, asks by Ping, and after five messages tells the first client to come again. */
const SOCKETS = `
  import { createServer } from 'node:http'
  import { createServer as createSecureServer } from 'node:https'
  import { readFileSync } from 'node:fs'
  import { WebSocketServer } from '${WS}'
  const [isSecure, deflates] = JSON.parse(process.argv[2])
  const log = (line) => console.log(JSON.stringify(line))
  const server = isSecure ? createSecureServer({ cert: readFileSync('chain.pem'), key: readFileSync('key.pem') }) : createServer()
  const sockets = new WebSocketServer({ server, path: '/live', perMessageDeflate: deflates && { threshold: 0 } })
  let clients = 0
  sockets.on('connection', (socket, request) => {
    const first = clients++ === 0
    log({ what: 'came', host: request.headers.host, extensions: socket.extensions })
    const ping = setInterval(() => socket.ping('there?'), 400)
    let id = clients * 1000
    socket.on('pong', (data) => log({ what: 'pong', data: String(data) }))
    socket.on('error', (error) => log({ what: 'error', message: error.message }))
    socket.on('close', (code, reason) => {
      clearInterval(ping)
      log({ what: 'left', code, reason: String(reason) })
    })
    socket.on('message', (data, isBinary) => {
      const message = JSON.parse(data)
      log({ what: message.type, key: message.key, last: message.last, session: message.session, text: message.text, isBinary })
      const send = (answer) => socket.send(JSON.stringify(answer))
      if (message.type === 'hello') send({ type: 'welcome', session: 's1', resumed: message.session === 's1' })
      if (message.type !== 'say') return
      id++
      send({ type: 'ack', key: message.key, id })
      send({ type: 'said', room: message.room, id, from: 'Grüße, 世界', text: message.text, sentAt: message.sentAt })
      if (first && id % 1000 === 5) socket.close(4000, 'come again')
    })
  })
  server.listen(8443)
`

describe('a simulated live client and ws of npm as the server', { concurrency: 2 }, () => {
  for (const isSecure of [false, true]) {
    for (const isCompressed of [false, true]) {
      for (const loss of isSecure === isCompressed ? ['0 %', '2 %'] : ['0 %']) {
        const name = `${isSecure ? 'wss:' : 'ws:'} ${isCompressed ? 'with' : 'without'} permessage-deflate, ${loss} lost`
        test(`${name}: it says, hears, answers Pings, comes back with what it had, and leaves`, async () => {
          await inLab(async (lab) => {
            credentials(lab)
            const servers = [`${isSecure ? 'https' : 'http'}://server:8443`]
            const client = { servers, compression: isCompressed, stop: '9 s' }
            const options = ['--until', '10 s', '--set', `loss=${loss}`]
            const ready = await lab.start(scenario(client), 'server', options, false)
            const wish = JSON.stringify([isSecure, isCompressed])
            lab.background(process.execPath, [lab.file('server.mjs', SOCKETS), wish], 'server.log')
            await lab.untilListening(8443)
            await lab.takeOn(ready)
            const { events } = await lab.results('transport')
            const told = (what: string) => events.filter((event) => event.name === what).map(({ data }) => data)
            assert.deepEqual([...told('app:failed'), ...told('client:message-malformed')], [])
            const lines = linesOf(lab)
            const said = (what: string) => lines.filter((line) => line['what'] === what)
            assert.deepEqual(said('error'), [])

            const extensions = isCompressed ? 'permessage-deflate' : ''
            assert.deepEqual(said('came'), Array(2).fill({ what: 'came', host: 'server:8443', extensions }))
            assert.deepEqual(
              told('websocket:opened').map((data) => [data['version'], data['extensions']]),
              Array(2).fill(['HTTP/1.1', extensions]),
            )
            assert.deepEqual(
              said('left').map(({ code, reason }) => [code, reason]),
              [
                [4000, ''],
                [1000, ''],
              ],
            )
            assert.deepEqual(
              told('websocket:closed').map(({ code, clean }) => [code, clean]),
              [
                [4000, true],
                [1000, true],
              ],
            )
            const pongs = said('pong')
            assert.ok(pongs.length >= 2, `${String(pongs.length)} Pongs`)
            assert.ok(
              pongs.every((pong) => pong['data'] === 'there?'),
              'each says what its Ping said',
            )
            assert.deepEqual(
              said('hello').map(({ last, session }) => [last ?? 0, session ?? '']),
              [
                [0, ''],
                [1005, 's1'],
              ],
            )
            const keys = [...new Set(said('say').map(({ key }) => key))]
            assert.ok(keys.length > 5, `${String(keys.length)} messages`)
            assert.deepEqual(
              told('chat:acknowledged')
                .map(({ key }) => key)
                .sort(),
              keys.sort(),
              'each is acknowledged once',
            )
            assert.ok(
              said('say').every(({ text, isBinary }) => String(text).length === 200 && isBinary === false),
              'texts of 200 bytes',
            )
            assert.equal(told('chat:heard').length, said('say').length)
            assert.equal(told('client:state-changed').at(-1)?.['state'], 'gone')
          })
        })
      }
    }
  }
})

/** Tells three events, ends the stream, and goes on behind what the client has when it is back. What is said comes by POST. */
const STREAMS = `
  import { createServer } from 'node:http'
  const log = (line) => console.log(JSON.stringify(line))
  createServer((request, response) => {
    const { method, url, headers } = request
    const last = headers['last-event-id']
    log({ what: method, url, last })
    if (method === 'POST') {
      let body = ''
      request.setEncoding('utf8').on('data', (piece) => (body += piece))
      request.on('end', () => {
        response.setHeader('Content-Type', 'application/json')
        response.end(JSON.stringify({ type: 'ack', key: JSON.parse(body).key, id: 7 }))
      })
      return
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' })
    response.write(': a comment\\nretry: 150\\n\\n')
    let id = Number(last ?? 0)
    const end = id + 3
    const timer = setInterval(() => {
      id++
      const news = JSON.stringify({ type: 'news', room: 'lobby', id, text: 'Grüße', sentAt: 0 })
      response.write('id: ' + id + '\\r\\ndata: ' + news + '\\r\\n\\r\\n')
      if (id === end) { clearInterval(timer); response.end() }
    }, 100)
    response.on('close', () => clearInterval(timer))
  }).listen(8443)
`

describe("a simulated live client and Node's server of HTTP", { concurrency: 2 }, () => {
  for (const loss of ['0 %', '2 %']) {
    test(`server-sent events, ${loss} lost: after each end of the stream it comes back with its Last-Event-ID, and misses nothing`, async () => {
      await inLab(async (lab) => {
        const client = { servers: ['http://server:8443'], transport: 'sse', stop: '5 s' }
        const ready = await lab.start(scenario(client), 'server', ['--until', '6 s', '--set', `loss=${loss}`], false)
        lab.background(process.execPath, [lab.file('server.mjs', STREAMS)], 'server.log')
        await lab.untilListening(8443)
        await lab.takeOn(ready)
        const { events } = await lab.results('transport')
        const told = (what: string) => events.filter((event) => event.name === what).map(({ data }) => data)
        assert.deepEqual([...told('app:failed'), ...told('client:message-malformed')], [])
        const heard = told('news:received').map(({ id }) => Number(id))
        assert.ok(heard.length >= 9, `${String(heard.length)} events`)
        assert.deepEqual(
          heard,
          heard.map((_, index) => index + 1),
          'each once, in order',
        )
        const asked = linesOf(lab).filter(({ what }) => what === 'GET')
        assert.ok(asked.length >= 3, `${String(asked.length)} streams`)
        assert.deepEqual(
          asked.map(({ last }) => last),
          asked.map((_, index) => (index === 0 ? undefined : String(3 * index))),
        )
        const posted = linesOf(lab).filter(({ what }) => what === 'POST')
        assert.ok(posted.length > 0 && told('chat:acknowledged').length > 0, 'what it says comes by POST')
      })
    })
  }
})
