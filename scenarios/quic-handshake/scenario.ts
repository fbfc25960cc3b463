import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { FrameRecord, TraceView } from '../../src/trace/record.ts'
import { amount, awaitedFrames, count, eventsOf, isLost, noOccasion } from '../measure.ts'

const rate = '10 Mbit/s'
const AT = '1 s'

const READERS = ['ann', 'ben', 'cleo'] as const
type Reader = (typeof READERS)[number]

/** Ethernet, IPv4 and UDP, in bytes. */
const HEADERS = 42
/** RFC 9000 section 8.1. */
const FACTOR = 3
/** RFC 9000 section 14.1: bytes of the datagram that a client begins with. */
const FIRST_DATAGRAM = 1200
/** What a server says of itself before it hears from the client again. */
const FLIGHT: ReadonlySet<unknown> = new Set([
  'ServerHello',
  'EncryptedExtensions',
  'Certificate',
  'CertificateVerify',
  'Finished',
])

/** How often a reader waited for a server before it asked on its nth visit; undefined: it did not ask, or something was lost before. */
function waits(trace: TraceView, host: Reader, nth: 0 | 1): number | undefined {
  const asked = eventsOf(trace, host, 'http:request-sent').find(({ data }) => data['id'] === nth + 1)
  if (asked === undefined) return undefined
  const awaited = awaitedFrames(trace, asked)
  // A request that is sent before TLS is there is on no connection yet.
  const connection = asked.connection === '' ? awaited[0]?.connection : trace.connections.indexOf(asked.connection)
  const before = trace.frames((frame) => frame.connection === connection && frame.enqueued <= asked.time)
  return [...before].some(isLost) ? undefined : awaited.filter((frame) => frame.connection === connection).length
}

/** The same of all three, in words. */
function inWords([ann, ben, cleo]: readonly number[]): string {
  return `Before they asked, Ann waited for her server ${count(ann ?? Number.NaN, 'time')}, Ben ${String(ben)}, Cleo ${String(cleo)}.`
}

/** Of all three; undefined when one is missing. */
function waitsOfAll(trace: TraceView, nth: 0 | 1): readonly number[] | undefined {
  const all = READERS.flatMap((host) => waits(trace, host, nth) ?? [])
  return all.length === READERS.length ? all : undefined
}

/** Bytes of TLS that the server shows to somebody whom it does not know, in TLS's own count. */
function flightOf(trace: TraceView): number {
  const [certificate] = eventsOf(trace, 'server', 'tls:message-sent').filter(({ data }) => data['message'] === 'Certificate')
  return eventsOf(trace, 'server', 'tls:message-sent')
    .filter(({ connection, data }) => connection === certificate?.connection && FLIGHT.has(data['message']))
    .reduce((sum, event) => sum + amount(event, 'length'), 0)
}

const isLarge = (trace: TraceView): boolean => flightOf(trace) > FACTOR * FIRST_DATAGRAM

function oneRoundTrip(trace: TraceView): ClaimResult {
  if (isLarge(trace)) return noOccasion('the certificate is too large for that')
  const all = waitsOfAll(trace, 0)
  if (all === undefined) return noOccasion('not all have asked, or something was lost before')
  const [ann, ben, cleo] = all
  return { holds: ann === 2 && ben === 1 && cleo === 2, evidence: inWords(all) }
}

function comesBack(trace: TraceView): ClaimResult {
  const all = waitsOfAll(trace, 1)
  if (all === undefined) return noOccasion('not all have come back, or something was lost before they asked')
  const isEarly = (host: 'server' | 'wary'): boolean =>
    eventsOf(trace, host, 'http:request-received').some(({ data }) => data['early'] === true)
  if (!isEarly('server') && !isEarly('wary')) return noOccasion('nobody wanted to ask early')
  const again = eventsOf(trace, 'cleo', 'quic:connection-started')[1]
  const gifts = [
    ...READERS.map((host) => eventsOf(trace, host, 'tls:ticket-received')),
    eventsOf(trace, 'cleo', 'quic:token-received'),
  ]
  if (again === undefined || gifts.some(([gift]) => gift === undefined || gift.time > again.time))
    return noOccasion('not all had a ticket, and Cleo a token, from the first visit')
  const [ann, ben, cleo] = all
  const retries = eventsOf(trace, 'wary', 'quic:retry-sent').filter(({ connection }) => connection === again.connection).length
  return {
    holds: ann === 1 && ben === 0 && cleo === 0 && retries === 0,
    evidence: `${inWords(all)} This time, the wary server sent ${count(retries, 'Retry packet')}.`,
  }
}

/** Bytes of UDP, up to the moment at which the server hears that its client hears it. */
interface Exchange {
  readonly host: Reader
  readonly heard: number
  readonly said: number
  /** Whether it never said more than three times what it had heard. */
  readonly isWithin: boolean
}

function exchangeOf(trace: TraceView, host: Reader, server: string): Exchange | undefined {
  const [started] = eventsOf(trace, host, 'quic:connection-started')
  if (started === undefined) return undefined
  const connection = trace.connections.indexOf(started.connection)
  const at = trace.hosts.indexOf(server)
  const frames = [...trace.frames((frame) => frame.connection === connection)].filter((frame) => !isLost(frame))
  const reached = frames.find(({ to }) => to === started.host)
  const isAnswer = ({ cause }: FrameRecord): boolean => (trace.frameById(cause)?.enqueued ?? 0) >= (reached?.arrives ?? Infinity)
  const steps = [...trace.frames((frame) => frame.connection === connection)].flatMap((frame) => {
    if (frame.from === at) return [{ time: frame.enqueued, heard: 0, said: frame.length - HEADERS, isEnd: false }]
    return frame.to === at && !isLost(frame)
      ? [{ time: frame.arrives, heard: frame.length - HEADERS, said: 0, isEnd: isAnswer(frame) }]
      : []
  })
  // What comes at a moment is heard before anything is said.
  steps.sort((a, b) => a.time - b.time || b.heard - a.heard)
  let [heard, said, isWithin] = [0, 0, true]
  for (const step of steps) {
    if (step.isEnd) break
    heard += step.heard
    said += step.said
    isWithin &&= said <= FACTOR * heard
  }
  return said === 0 ? undefined : { host, heard, said, isWithin }
}

function threeTimes(trace: TraceView): ClaimResult {
  const all = [exchangeOf(trace, 'ben', 'server'), exchangeOf(trace, 'cleo', 'wary')].filter((one) => one !== undefined)
  if (all.length === 0) return noOccasion('no server has answered')
  return {
    holds: all.every(({ isWithin }) => isWithin),
    evidence: `Until they answered: ${all.map(({ host, heard, said }) => `${count(said, 'byte')} to ${host === 'ben' ? 'Ben' : 'Cleo'} for ${count(heard, 'byte')}`).join(', ')}.`,
  }
}

function certificateCosts(trace: TraceView): ClaimResult {
  if (!isLarge(trace)) return noOccasion('all that the server has to show fits')
  const all = waitsOfAll(trace, 0)
  if (all === undefined) return noOccasion('not all have asked, or something was lost before')
  return {
    holds: all.every((times) => times === 2),
    evidence: `The server shows ${count(flightOf(trace), 'byte')} and may send ${count(FACTOR * FIRST_DATAGRAM, 'byte')}. ${inWords(all)}`,
  }
}

const HTTP_2: 'h2'[] = ['h2']
const HTTP_3: 'h3'[] = ['h3']
const BOTH: ('h3' | 'h2')[] = ['h3', 'h2']
/** Wireshark has to guess the cipher of early data, and guesses this one first. */
const CIPHER_SUITES: 'TLS_AES_128_GCM_SHA256'[] = ['TLS_AES_128_GCM_SHA256']
const WARY: { retry: 'always' } = { retry: 'always' }

const reader = { app: 'browser', tls: { earlyData: true, grease: true }, tcp: { timeWait: '200 ms' } } as const
const visitsTo = (host: string) =>
  [`https://${host}/`, { url: `https://${host}/`, at: AT, reconnect: true, reload: true }] as const
const site = {
  app: 'web-server',
  protocols: BOTH,
  tls: { earlyData: '16 KiB', cipherSuites: CIPHER_SUITES },
  serves: { '/': '1 kB' },
  tcp: { timeWait: '200 ms' },
} as const
/** Those who share one certificate at a content delivery network. */
const CUSTOMERS = Array.from({ length: 100 }, (_, index) => `www.customer-${String(index + 1)}.example`)

export default defineScenario({
  id: 'quic-handshake',
  title: 'One handshake instead of two',
  summary:
    'Ann’s connection is made by TCP and then by TLS, Ben’s by QUIC, which does both at once. Cleo’s server wants to know first whether she is there at all.',
  seed: 1,
  duration: '60 s',
  speed: 0.02,
  hosts: {
    ann: { ...reader, label: 'Ann, TCP', position: { x: 0, y: 0 }, visits: [...visitsTo('server')], protocols: HTTP_2 },
    ben: { ...reader, label: 'Ben, QUIC', position: { x: 0, y: 0.5 }, visits: [...visitsTo('server')], protocols: HTTP_3 },
    cleo: { ...reader, label: 'Cleo, QUIC', position: { x: 0, y: 1 }, visits: [...visitsTo('wary')], protocols: HTTP_3 },
    router: { kind: 'router', label: 'Router', position: { x: 0.45, y: 0.5 } },
    server: { ...site, label: 'Server', position: { x: 1, y: 0.2 } },
    wary: { ...site, label: 'Wary server', position: { x: 1, y: 0.8 }, quic: WARY },
  },
  links: [
    { between: ['ann', 'router'], rate, delay: '1 ms' },
    { between: ['ben', 'router'], rate, delay: '1 ms' },
    { between: ['cleo', 'router'], rate, delay: '1 ms' },
    { between: ['router', 'server'], rate, delay: '40 ms' },
    { between: ['router', 'wary'], rate, delay: '40 ms' },
  ],
  knobs: {
    certificate: {
      label: 'The servers’ certificates',
      choices: [
        { value: 'one', label: 'For one name' },
        {
          value: 'hundred',
          label: 'For a hundred names',
          sets: { 'hosts.server.tls.names': CUSTOMERS, 'hosts.wary.tls.names': CUSTOMERS },
        },
      ],
    },
    early: {
      label: 'Ask early when they come back',
      help: 'The request goes out beside the ClientHello (0-RTT).',
      sets: READERS.map((host) => `hosts.${host}.tls.earlyData`),
      value: true,
    },
    delay: {
      label: 'One-way delay to the servers',
      range: ['1 ms', '200 ms'],
      step: '1 ms',
      scale: 'linear',
      sets: ['links.router-server.delay', 'links.router-wary.delay'],
      restart: true,
    },
    loss: {
      label: 'Packet loss',
      help: 'In both directions.',
      range: ['0 %', '10 %'],
      sets: ['links.router-server.loss', 'links.router-wary.loss'],
    },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['events', 'inspector'],
  lesson: [
    {
      text: 'Three browsers want a page of 1 kB. Ann’s speaks TCP and TLS: her first packet is a **SYN**, and says nothing but hello. Ben’s and Cleo’s speak QUIC: their first packets hold a whole **ClientHello** of TLS. Press play.',
      until: { event: 'quic:retry-sent' },
    },
    {
      text: 'The server had all it needs from Ben, and answers with its certificate. Cleo’s server is wary: anybody can write anybody’s address on a packet. It sends a **Retry** with a token, keeps nothing, and waits for her to bring it back.',
      until: { event: 'quic:handshake-done' },
    },
    {
      text: 'Ben has keys, and asks. That took **one** round trip. Ann has a connection of TCP now, and begins with TLS; Cleo begins anew, with her token. They will ask after **two**.',
      until: { event: 'page:loaded' },
    },
    {
      text: 'At 1 s all three come back, and have a ticket. Ben and Cleo ask **in their first packets**, before the server has said a word. Cleo’s server has given her a token in advance: no Retry this time. Ann’s question waits for TCP.',
      until: { time: '1.2 s' },
    },
    {
      text: 'Start over with certificates **for a hundred names**. As long as Ben’s address may be forged, the server sends him three times the bytes that he sent, and no more. Its certificate does not fit in. Watch it stop, and wait.',
      until: { intervention: 'set' },
    },
    {
      text: 'Ben waits twice now, as Ann does. Cleo waits no longer than before: her address was proved already. Try 200 ms, then some loss.',
    },
  ],
  claims: [
    {
      says: 'Who connects for the first time asks after one round trip with QUIC; after two with TCP and TLS, or where QUIC’s server sends a Retry.',
      cites: 'RFC 9001 section 4; RFC 9293 section 3.5; RFC 9000 section 8.1.2',
      holds: oneRoundTrip,
    },
    {
      says: 'Who comes back asks at once with QUIC, with a token of the last visit even where a Retry was due; with TCP after one round trip.',
      cites: 'RFC 9001 section 4.6; RFC 9000 section 8.1.3; RFC 8446 section 2.3',
      holds: comesBack,
    },
    {
      says: 'A server sends at most three times what it has received, until it knows that the address is not forged.',
      cites: 'RFC 9000 section 8.1',
      holds: threeTimes,
    },
    {
      says: 'A certificate that does not fit into three times costs QUIC a second round trip. After a Retry, and with TCP, it costs none.',
      cites: 'RFC 9000 section 8.1; RFC 9001 section 4',
      holds: certificateCosts,
    },
  ],
})
