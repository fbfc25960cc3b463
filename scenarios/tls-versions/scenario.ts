import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, noOccasion, time } from '../measure.ts'

const rate = '10 Mbit/s'
const AT = '1 s'

const READERS = [
  { host: 'ann', version: '1.2' },
  { host: 'ben', version: '1.3' },
] as const

interface Handshake {
  readonly connection: string
  readonly version: string
  readonly resumed: boolean
  /** What the client said and heard, from its ClientHello to its first request. */
  readonly messages: readonly EventRecord[]
  readonly began: number
  readonly asked: number
}

/** Every handshake of a browser that a request came out of, in order. */
function handshakes(trace: TraceView, host: string): Handshake[] {
  const said = eventsOf(trace, host, 'tls:message-sent')
  const heard = eventsOf(trace, host, 'tls:message-received')
  const asked = eventsOf(trace, host, 'http:request-sent')
  return eventsOf(trace, host, 'tls:connected').flatMap(({ connection, data }) => {
    const began = said.find((event) => event.connection === connection)?.time
    const request = asked.find((event) => event.connection === connection)?.time
    if (began === undefined || request === undefined) return []
    const messages = [...said, ...heard]
      .filter((event) => event.connection === connection && event.time <= request)
      .sort((a, b) => a.time - b.time || a.id - b.id)
    const resumed = data['resumed'] === true
    return { connection, version: String(data['version']), resumed, messages, began, asked: request }
  })
}

/** How often a client that had spoken had to wait for an answer: round trips, whatever is lost on the way. */
function waits(messages: readonly EventRecord[]): number {
  // In 1.3 ChangeCipherSpec means nothing; it is sent for the sake of old boxes on the way.
  const all = messages.filter(({ data }) => data['message'] !== 'ChangeCipherSpec')
  return all.filter(({ name }, index) => name === 'tls:message-received' && all[index - 1]?.name === 'tls:message-sent').length
}

function roundTrips(trace: TraceView): ClaimResult {
  const full = READERS.map(({ host }) => handshakes(trace, host).find(({ resumed }) => !resumed))
  const [old, young] = full
  if (old === undefined || young === undefined) return noOccasion('not both had a handshake from the beginning')
  return {
    holds: waits(old.messages) === 2 && waits(young.messages) === 1,
    evidence: `Ann waited ${count(waits(old.messages), 'time')} for the server before she could ask, ${time(old.asked - old.began)} in all; Ben ${count(waits(young.messages), 'time')}, ${time(young.asked - young.began)}.`,
  }
}

function readableCertificate(trace: TraceView): ClaimResult {
  const sent = eventsOf(trace, 'server', 'tls:message-sent').filter(({ data }) => data['message'] === 'Certificate')
  const of = (version: string): EventRecord[] => {
    const names = new Set(
      eventsOf(trace, 'server', 'tls:connected')
        .filter(({ data }) => data['version'] === version)
        .map(({ connection }) => connection),
    )
    return sent.filter(({ connection }) => names.has(connection))
  }
  const [old, young] = [of('1.2'), of('1.3')]
  if (old.length === 0 || young.length === 0) return noOccasion('the server did not show a certificate in both versions')
  const plain = (events: readonly EventRecord[]): number => events.filter(({ data }) => data['encrypted'] === false).length
  return {
    holds: plain(old) === old.length && plain(young) === 0,
    evidence: `${count(plain(old), 'certificate')} of ${String(old.length)} went out in the clear in 1.2, ${String(plain(young))} of ${String(young.length)} in 1.3, where ${count(amount(young[0], 'length'), 'byte')} were encrypted.`,
  }
}

function resumedCostsOne(trace: TraceView): ClaimResult {
  const resumed = READERS.flatMap(({ host }) => handshakes(trace, host).filter((handshake) => handshake.resumed))
  const [one] = resumed
  if (one === undefined) return noOccasion('no session was resumed')
  const showed = (handshake: Handshake): boolean => handshake.messages.some(({ data }) => data['message'] === 'Certificate')
  return {
    holds: resumed.every((handshake) => waits(handshake.messages) === 1 && !showed(handshake)),
    evidence: `${count(resumed.length, 'handshake')} with a ticket: ${resumed.map(({ version, messages }) => `${String(waits(messages))} in ${version}`).join(', ')}, and no certificate in any.`,
  }
}

export default defineScenario({
  id: 'tls-versions',
  title: 'One round trip less, and a curtain',
  summary:
    'Ann speaks TLS 1.2, Ben TLS 1.3, to the same server. She waits once more than he does before she may ask, and everybody on the way can read whom she asked.',
  seed: 1,
  duration: '60 s',
  speed: 0.02,
  hosts: {
    ann: {
      label: 'Ann, TLS 1.2',
      position: { x: 0, y: 0.1 },
      app: 'browser',
      visits: ['https://server/', { url: 'https://server/', at: AT }],
      tls: { versions: ['1.2'] },
      tcp: { timeWait: '200 ms' },
    },
    ben: {
      label: 'Ben, TLS 1.3',
      position: { x: 0, y: 0.9 },
      app: 'browser',
      visits: ['https://server/', { url: 'https://server/', at: AT }],
      tls: { versions: ['1.3'] },
      tcp: { timeWait: '200 ms' },
    },
    router: { kind: 'router', label: 'Router', position: { x: 0.4, y: 0.5 } },
    server: {
      label: 'Server',
      position: { x: 1, y: 0.5 },
      app: 'web-server',
      protocols: ['http/1.1'],
      // A second visit has to connect again.
      keepAlive: false,
      tls: {},
      serves: { '/': '1 kB' },
      tcp: { timeWait: '200 ms' },
    },
  },
  links: [
    { between: ['ann', 'router'], rate, delay: '1 ms' },
    { between: ['ben', 'router'], rate, delay: '1 ms' },
    { between: ['router', 'server'], rate, delay: '40 ms' },
  ],
  knobs: {
    delay: {
      label: 'One-way delay to the server',
      range: ['1 ms', '200 ms'],
      step: '1 ms',
      scale: 'linear',
      sets: 'links.router-server.delay',
      restart: true,
    },
    resumption: {
      label: 'Come back with a ticket',
      help: 'The second visit continues the first session.',
      sets: ['hosts.ann.tls.resumption', 'hosts.ben.tls.resumption'],
      value: true,
    },
    key: {
      label: 'The server’s key',
      choices: [
        { value: 'p-256', label: 'ECDSA, P-256' },
        { value: 'rsa', label: 'RSA, 2048 bits', sets: { 'hosts.server.tls.keyType': 'rsa' } },
      ],
    },
    loss: { label: 'Packet loss', help: 'In both directions.', range: ['0 %', '10 %'], sets: 'links.router-server.loss' },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['events', 'inspector'],
  lesson: [
    {
      text: 'Ann and Ben want the same page from the same server, at the same moment. First TCP: one round trip, alike for both. Press play.',
      until: { event: 'tls:handshake-started' },
    },
    {
      text: 'Both send a **ClientHello**. Ben’s holds a guess: his half of a key exchange, before he knows what the server can do. Ann’s holds only a list.',
      until: { event: 'tls:message-received' },
    },
    {
      text: 'The server answers both with its certificate. Click the packet to Ann and look into it: a name, an issuer, dates, to be read by anybody. In Ben’s packet the same bytes are **encrypted**, for the keys were there already.',
      until: { event: 'tls:connected' },
    },
    {
      text: 'Ben asks for the page now, beside his Finished. Ann has only just sent her half of the key, and waits once more. One round trip, each time somebody connects.',
      until: { event: 'page:loaded' },
    },
    {
      text: 'At 1 s both come back with a **ticket**. No certificate, no signature; and now Ann waits but once, too.',
      until: { time: '1.2 s' },
    },
    { text: 'Set the delay to 200 ms, a line over an ocean, and start again. Then try some loss, and see whom it hits harder.' },
  ],
  claims: [
    {
      says: 'Before the first request can leave, TLS 1.2 waits for the server twice, TLS 1.3 once.',
      cites: 'RFC 8446 section 2; RFC 5246 section 7.3',
      holds: roundTrips,
    },
    {
      says: 'In TLS 1.2 the server’s certificate can be read by everybody on the way, in TLS 1.3 by nobody.',
      cites: 'RFC 8446 section 1.2',
      holds: readableCertificate,
    },
    {
      says: 'With a ticket, either version waits once, and no certificate is shown.',
      cites: 'RFC 5077 section 3.1; RFC 8446 section 2.2',
      holds: resumedCostsOne,
    },
  ],
})
