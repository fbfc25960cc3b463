import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, isLost, noOccasion, time } from '../measure.ts'

const rate = '1 Mbit/s'
const delay = '20 ms'
const STYLE = 'https://server/style.css'
const PUSHED = 'ann'
const ASKED = 'ben'

const tcp = { preset: 'linux', timeWait: '200 ms' } as const
const reader = { app: 'browser', tcp } as const
const protocols: 'h2'[] = ['h2']
const second = { url: 'https://server/news', at: '2 s' } as const
const style = { url: '/style.css', as: 'style' } as const
const page = { size: '4 kB' } as const

function firstRenders(trace: TraceView, host: string): number[] {
  return eventsOf(trace, host, 'page:first-rendered').map((event) => amount(event, 'duration'))
}

/** What the server's part of TCP's handshake took, which both browsers have alike: a round trip, as long as nothing of it is lost. */
function roundTrip(trace: TraceView): number {
  const states = eventsOf(trace, 'server', 'tcp:state-changed')
  const heard = states.find(({ data }) => data['to'] === 'SYN-RECEIVED')
  const there = states.find(({ connection, data }) => connection === heard?.connection && data['to'] === 'ESTABLISHED')
  return (there?.time ?? Number.NaN) - (heard?.time ?? Number.NaN)
}

function isClean(trace: TraceView): boolean {
  for (const frame of trace.frames()) if (isLost(frame)) return false
  return true
}

function asksForStyle(trace: TraceView, host: string): number {
  const wanted = new Set(
    eventsOf(trace, host, 'fetch:queued')
      .filter(({ data }) => data['url'] === STYLE)
      .map(({ data }) => data['id']),
  )
  return eventsOf(trace, host, 'http:request-sent').filter(({ data }) => wanted.has(data['id'])).length
}

/** Bytes of bodies that a host received on streams that it had refused. */
function wasted(trace: TraceView, host: string, refused: readonly EventRecord[]): number {
  return eventsOf(trace, host, 'http2:frame-received')
    .filter(({ connection, data }) => data['type'] === 'DATA' && refused.some((event) => isSameStream(event, connection, data)))
    .reduce((sum, event) => sum + amount(event, 'length'), 0)
}

function isSameStream(refusal: EventRecord, connection: string, data: EventRecord['data']): boolean {
  return refusal.connection === connection && refusal.data['stream'] === data['stream']
}

function oneRoundTripLess(trace: TraceView): ClaimResult {
  if (!isClean(trace)) return noOccasion('something was lost')
  const [[pushed], [asked]] = [firstRenders(trace, PUSHED), firstRenders(trace, ASKED)]
  if (pushed === undefined || asked === undefined) return noOccasion('not both have seen anything')
  const saved = asked - pushed
  const trip = roundTrip(trace)
  return {
    holds: saved > 0.5 * trip && saved < 2 * trip,
    evidence: `With the push something was on the screen after ${time(pushed)}, without after ${time(asked)}: ${time(saved)} later. A round trip takes ${time(trip)}.`,
  }
}

function notAskedFor(trace: TraceView): ClaimResult {
  const used = eventsOf(trace, PUSHED, 'http2:push-used').length
  if (used === 0 || asksForStyle(trace, ASKED) === 0) return noOccasion('the stylesheet is not yet there both ways')
  const failed = eventsOf(trace, PUSHED, 'http:connection-failed').length
  const promised = eventsOf(trace, ASKED, 'http2:push-promised').length
  return {
    holds: (asksForStyle(trace, PUSHED) === 0 || failed > 0) && promised === 0,
    evidence: `Ann asked for the stylesheet ${count(asksForStyle(trace, PUSHED), 'time')}, and took a pushed one ${count(used, 'time')}. Ben, who wants no pushes, was promised ${count(promised, 'response')}, and asked ${count(asksForStyle(trace, ASKED), 'time')}.`,
  }
}

function cachedIsWasted(trace: TraceView): ClaimResult {
  const refused = eventsOf(trace, PUSHED, 'http2:push-refused').filter(({ data }) => data['reason'] === 'cached')
  const [, news] = eventsOf(trace, PUSHED, 'page:loaded')
  if (refused.length === 0 || news === undefined) return noOccasion('nothing was pushed that was in the cache')
  const bytes = wasted(trace, PUSHED, refused)
  return {
    holds: bytes > 0,
    evidence: `Ann refused ${count(refused.length, 'push', 'pushes')} for what she had in her cache, and received ${count(bytes, 'byte')} of it all the same.`,
  }
}

function nothingWonAgain(trace: TraceView): ClaimResult {
  if (!isClean(trace)) return noOccasion('something was lost')
  const [[, pushed], [, asked]] = [firstRenders(trace, PUSHED), firstRenders(trace, ASKED)]
  if (pushed === undefined || asked === undefined) return noOccasion('not both have come again')
  const fromCache = eventsOf(trace, ASKED, 'fetch:ended').some(({ data }) => data['outcome'] === 'from-cache')
  if (!fromCache) return noOccasion('there is no cache')
  const loads = [PUSHED, ASKED].map((host) => amount(eventsOf(trace, host, 'page:loaded')[1], 'duration'))
  const [loadPushed = Number.NaN, loadAsked = Number.NaN] = loads
  if (Number.isNaN(loadPushed) || Number.isNaN(loadAsked)) return noOccasion('not both second pages are there')
  // Not to the microsecond: both are answered by one server, which has an order.
  const least = 0.05 * roundTrip(trace)
  return {
    holds: pushed > asked - least && loadPushed > loadAsked - least,
    evidence: `On the second page something was on the screen after ${time(pushed)} with the push, ${time(asked)} without; all was there after ${time(loadPushed)} and ${time(loadAsked)}.`,
  }
}

export default defineScenario({
  id: 'server-push',
  title: 'A gift, and the second time it is in the way',
  summary:
    'A server that sends the stylesheet before anybody has asked saves a round trip. On the next page it sends it again: it cannot know what is in a cache.',
  seed: 1,
  duration: '60 s',
  speed: 0.05,
  hosts: {
    [PUSHED]: {
      ...reader,
      label: 'Ann, push',
      position: { x: 0, y: 0.1 },
      visits: ['https://server/', second],
      protocols,
    },
    [ASKED]: {
      ...reader,
      label: 'Ben, ask',
      position: { x: 0, y: 0.9 },
      visits: ['https://server/', second],
      protocols,
      push: false,
    },
    router: { kind: 'router', label: 'Router', position: { x: 0.5, y: 0.5 } },
    server: {
      label: 'Server',
      position: { x: 1, y: 0.5 },
      app: 'web-server',
      protocols,
      tls: {},
      serves: {
        '/': { ...page, push: ['/style.css'], references: [style, { url: '/photo.webp', as: 'image' }] },
        '/news': { ...page, push: ['/style.css'], references: [style, { url: '/news.webp', as: 'image' }] },
        '/style.css': { size: '8 kB', cacheControl: 'max-age=86400' },
        '/photo.webp': '12 kB',
        '/news.webp': '12 kB',
      },
      tcp,
    },
  },
  links: [
    { between: [PUSHED, 'router'], rate, delay },
    { between: [ASKED, 'router'], rate, delay },
    { between: ['router', 'server'], rate: '1 Gbit/s', delay: '1 ms' },
  ],
  knobs: {
    delay: {
      label: 'One-way delay',
      range: ['5 ms', '300 ms'],
      step: '5 ms',
      scale: 'linear',
      sets: [PUSHED, ASKED].map((host) => `links.${host}-router.delay`),
      restart: true,
    },
    rate: {
      label: 'Rate of each line',
      range: ['500 kbit/s', '50 Mbit/s'],
      sets: [PUSHED, ASKED].map((host) => `links.${host}-router.rate`),
      restart: true,
    },
    cache: {
      label: 'The browsers keep what they have got',
      help: 'With the cache off, each page is a first visit.',
      sets: [PUSHED, ASKED].map((host) => `hosts.${host}.cache`),
      value: true,
    },
    loss: {
      label: 'Packet loss',
      help: 'On each line, in both directions.',
      range: ['0 %', '10 %'],
      sets: [PUSHED, ASKED].map((host) => `links.${host}-router.loss`),
    },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['waterfall', 'events', 'inspector'],
  lesson: [
    {
      text: 'Ann and Ben ask for the same page over HTTP/2. Her browser takes what is pushed, his does not. Nothing is painted before its stylesheet is there. Press play.',
      until: { event: 'http2:push-promised' },
    },
    {
      text: 'To Ann the server said: *you will want /style.css; I send it on stream 2.* That is a **PUSH_PROMISE**; look into the packet. To Ben it may not say so: his SETTINGS forbid it.',
      until: { event: 'page:first-rendered' },
    },
    {
      text: 'Ann sees her page. Ben has read the name of the stylesheet only now, and has to ask: one round trip more. Compare their waterfalls.',
      until: { time: '2 s' },
    },
    {
      text: 'At 2 s both go on to the next page, which has the same stylesheet. It is in their caches. The server does not know that, and pushes it again.',
      until: { event: 'http2:push-refused' },
    },
    {
      text: 'Ann’s browser refuses with **RST_STREAM**. Too late: the bytes are on the way, in front of the picture that she waits for. Now Ben is done first.',
      until: { time: '2.2 s' },
    },
    {
      text: 'Start over with a rate of 500 kbit/s, or with 300 ms of delay. When is the gift large, and when is it a burden?',
    },
  ],
  claims: [
    {
      says: 'On a first visit, a pushed stylesheet brings the first paint forward by about one round trip.',
      cites: 'RFC 9113 section 8.4',
      holds: oneRoundTripLess,
    },
    {
      says: 'What is pushed need not be asked for, and a browser that wants no pushes is promised none.',
      cites: 'RFC 9113 sections 6.5.2 and 8.4',
      holds: notAskedFor,
    },
    {
      says: 'A push of what is in the cache is refused, and its bytes arrive all the same.',
      cites: 'RFC 9113 section 8.4.2; RFC 9113 section 5.1',
      holds: cachedIsWasted,
    },
    {
      says: 'Where the stylesheet is in the cache, the page with the push is not ahead of the one without.',
      cites: 'RFC 9113 section 8.4; RFC 9111 section 4',
      holds: nothingWonAgain,
    },
  ],
})
