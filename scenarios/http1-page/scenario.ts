import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, noOccasion, time } from '../measure.ts'

const IMAGES = ['/1.webp', '/2.webp', '/3.webp', '/4.webp', '/5.webp', '/6.webp', '/7.webp', '/8.webp']
const FILES = 3 + IMAGES.length
/** An answer that fits one segment: what is lost of it can be put together again by any reader of a capture that shows the lost ones too. */
const SIZE = '1.2 kB'
const SLOW = '/app.js'

interface Exchange {
  readonly connection: string
  readonly url: string
  readonly asked: number
  readonly begun: number
  readonly ended: number
}

/** Every request that was answered, in the order of asking. One that was sent again counts by its last time. */
function exchanges(trace: TraceView): Exchange[] {
  const byId = (name: string): Map<number, EventRecord> =>
    new Map(eventsOf(trace, 'browser', name).map((event) => [amount(event, 'id'), event]))
  const begun = byId('http:response-started')
  const ended = byId('http:response-received')
  return [...byId('http:request-sent')].flatMap(([id, sent]) => {
    const end = ended.get(id)
    if (end === undefined) return []
    return {
      connection: sent.connection,
      url: String(sent.data['url']),
      asked: sent.time,
      begun: begun.get(id)?.time ?? end.time,
      ended: end.time,
    }
  })
}

function byConnection(all: readonly Exchange[]): Exchange[][] {
  return [...new Set(all.map(({ connection }) => connection))].map((name) => all.filter(({ connection }) => connection === name))
}

function answersInOrder(trace: TraceView): ClaimResult {
  const all = exchanges(trace)
  if (all.length === 0) return noOccasion('nothing was answered')
  const lines = byConnection(all)
  const pairs = lines.flatMap((line) => line.slice(1).map((next, index) => [line[index], next] as const))
  const overtaken = pairs.filter(([before, next]) => before !== undefined && next.begun < before.ended).length
  const slow = all.find(({ url }) => url.endsWith(SLOW))
  const stuck = all.filter(
    ({ connection, asked, ended }) =>
      slow?.connection === connection && asked >= slow.asked && asked < slow.begun && ended > slow.ended,
  )
  return {
    holds: overtaken === 0,
    evidence: `${count(all.length, 'response')} on ${count(lines.length, 'connection')}, ${String(overtaken)} began before the one in front had ended. Behind the slow script waited ${String(stuck.length)}.`,
  }
}

function newConnectionsCost(trace: TraceView): ClaimResult {
  const opened = eventsOf(trace, 'browser', 'tcp:state-changed').filter(({ data }) => data['to'] === 'SYN-SENT')
  const lines = byConnection(exchanges(trace))
  const waits = opened.flatMap(({ connection, time: begin }) => {
    const first = lines.find(([line]) => line?.connection === connection)?.[0]
    return first === undefined ? [] : [first.asked - begin]
  })
  if (waits.length === 0) return noOccasion('no connection came to anything')
  const browser = trace.hosts.indexOf('browser')
  const way = (there: boolean): number =>
    Math.min(
      ...[...trace.frames(({ kind, from }) => kind === 'tcp-syn' && (from === browser) === there)].map(
        ({ sent, arrives }) => arrives - sent,
      ),
    )
  const trip = way(true) + way(false)
  return {
    holds: waits.every((wait) => wait >= trip),
    evidence: `${count(waits.length, 'connection')}: the first request left ${time(Math.min(...waits))} or more after the connection was begun. There and back takes ${time(trip)}.`,
  }
}

function sixAtMost(trace: TraceView): ClaimResult {
  let open = 0
  let most = 0
  for (const { data } of eventsOf(trace, 'browser', 'tcp:state-changed')) {
    if (data['from'] === 'CLOSED') open++
    const isActive = ['SYN-SENT', 'ESTABLISHED', 'CLOSE-WAIT'].includes(String(data['from']))
    const staysActive = ['ESTABLISHED', 'CLOSE-WAIT'].includes(String(data['to']))
    if (isActive && !staysActive) open--
    most = Math.max(most, open)
  }
  return { holds: most >= 1 && most <= 6, evidence: `At most ${count(most, 'connection')} at a time.` }
}

function pageIsWhole(trace: TraceView): ClaimResult {
  const [loaded] = eventsOf(trace, 'browser', 'page:loaded')
  if (loaded === undefined) return noOccasion('the page did not load')
  const resources = amount(loaded, 'resources')
  return {
    holds: resources === FILES - 1 && loaded.data['failures'] === 0,
    evidence: `The page and ${count(resources, 'file')} of it, ${count(amount(loaded, 'bytes'), 'byte')}, in ${time(amount(loaded, 'duration'))}.`,
  }
}

export default defineScenario({
  id: 'http1-page',
  title: 'Eleven files make a page',
  summary:
    'One page over HTTP/1.1, four ways: a new connection for each file, one that is kept, six at once, and requests in a pipeline.',
  seed: 1,
  duration: '120 s',
  speed: 0.05,
  hosts: {
    browser: {
      label: 'Browser',
      position: { x: 0, y: 0.5 },
      app: 'browser',
      visits: 'http://server/',
      connections: 1,
      tcp: { timeWait: '200 ms' },
    },
    server: {
      label: 'Server',
      position: { x: 1, y: 0.5 },
      app: 'web-server',
      delay: '5 ms',
      serves: {
        '/': { size: SIZE, resources: ['/style.css', SLOW, ...IMAGES] },
        '/style.css': SIZE,
        [SLOW]: { size: SIZE, delay: '150 ms' },
        ...Object.fromEntries(IMAGES.map((image) => [image, SIZE])),
      },
      tcp: { timeWait: '200 ms' },
    },
  },
  links: [{ between: ['browser', 'server'], rate: '5 Mbit/s', delay: '40 ms' }],
  knobs: {
    way: {
      label: 'How the browser asks',
      choices: [
        { value: 'kept', label: 'One connection, kept' },
        { value: 'closed', label: 'A new one for each file', sets: { 'hosts.browser.keepAlive': false } },
        { value: 'six', label: 'Six connections', sets: { 'hosts.browser.connections': 6 } },
        { value: 'pipeline', label: 'One, with pipelining', sets: { 'hosts.browser.pipelining': true } },
      ],
    },
    slow: {
      label: 'How long the server thinks about the script',
      range: ['0 ms', '500 ms'],
      step: '10 ms',
      sets: 'hosts.server.serves["/app.js"].delay',
    },
    loss: { label: 'Packet loss', help: 'In both directions, at random.', range: ['0 %', '10 %'], sets: 'links[0].loss' },
    delay: {
      label: 'One-way delay',
      range: ['5 ms', '200 ms'],
      step: '5 ms',
      scale: 'linear',
      sets: 'links[0].delay',
      restart: true,
    },
  },
  views: ['waterfall', 'events'],
  lesson: [
    {
      text: 'A page names ten other files: a stylesheet, a script, eight images. The browser cannot know that before it has read the page. Press play.',
      until: { event: 'http:response-started' },
    },
    {
      text: 'Now it has one connection and ten wishes. HTTP/1.1 without pipelining asks for one, waits for all of it, and asks for the next. Most of the time the line is **empty**.',
      until: { event: 'page:loaded' },
    },
    {
      text: 'Choose *a new one for each file*. Each pays for a handshake before it may ask. Wait for the end of the page, and compare.',
    },
    {
      text: 'Choose *six connections*, as browsers do: six requests on the way at a time. Note that the slow script holds up nobody but its own connection.',
    },
    {
      text: 'Choose *pipelining*: all ten requests leave at once, on one connection. The server has to answer in their order, so everything waits behind the script. Set its thinking to 500 ms.',
    },
    { text: 'Which way wins depends: try 150 ms of delay, and then 5 % of loss. And that is why HTTP/2 was made.' },
  ],
  claims: [
    {
      says: 'On each connection, the responses come in the order of the requests, and none begins before the one in front has ended.',
      cites: 'RFC 9112 section 9.3.2',
      holds: answersInOrder,
    },
    {
      says: 'Before the first request on a connection can leave, a round trip has gone by.',
      cites: 'RFC 9293 section 3.5',
      holds: newConnectionsCost,
    },
    {
      says: 'The browser has never more than six connections to the server at a time.',
      cites: 'RFC 9112 section 9.4',
      holds: sixAtMost,
    },
    {
      says: 'The page and all ten files that it names arrive.',
      cites: 'RFC 9112 section 6.3',
      holds: pageIsWhole,
    },
  ],
})
