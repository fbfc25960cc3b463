import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, awaitedFrames, count, eventsOf, isLost, noOccasion, time } from '../measure.ts'

const rate = '10 Mbit/s'
const AT = '1 s'
const PAY = { ann: '/pay?from=ann', ben: '/pay?from=ben', cleo: '/pay?from=cleo' } as const

/** What the server heard and said on one connection, in order. */
function on(trace: TraceView, connection: string): EventRecord[] {
  const index = trace.hosts.indexOf('bank')
  return trace.events.filter((event) => event.host === index && event.connection === connection)
}

/** Orders of somebody, as they came to the bank; copies as well. */
function orders(trace: TraceView, who: keyof typeof PAY): EventRecord[] {
  return eventsOf(trace, 'bank', 'http:request-received').filter(({ data }) => data['target'] === PAY[who])
}

/** Connections over which Mallory sent again what she had recorded. */
function copies(trace: TraceView): Set<string> {
  return new Set(eventsOf(trace, 'mallory', 'replayer:flight-replayed').map(({ connection }) => connection))
}

function moved(trace: TraceView, connection: string): number {
  return on(trace, connection).filter(({ name }) => name === 'http:effect-applied').length
}

/** How often money went from Ann. */
function movedFromAnn(trace: TraceView): number {
  return eventsOf(trace, 'bank', 'http:effect-applied').filter(({ data }) => data['target'] === PAY.ann).length
}

/** Copies at whose early data the bank baulked: it did not read them, or answered 425. */
function refusedCopies(trace: TraceView): number {
  return [...copies(trace)].filter((connection) =>
    on(trace, connection).some(({ name }) => name === 'tls:early-data-rejected' || name === 'http:too-early'),
  ).length
}

function movesTwice(trace: TraceView): ClaimResult {
  if (refusedCopies(trace) > 0) return noOccasion('the bank takes care')
  const own = orders(trace, 'ann').filter(({ connection }) => !copies(trace).has(connection))
  const again = orders(trace, 'ann').filter(({ connection }) => copies(trace).has(connection))
  if (own.length === 0 || again.length === 0) return noOccasion('not both Ann’s order and a copy of it have come to the bank')
  return {
    holds: again.every(({ connection }) => moved(trace, connection) === 1) && movedFromAnn(trace) >= 1 + again.length,
    evidence: `Ann gave her order ${count(own.length, 'time')}; the bank carried it out ${count(movedFromAnn(trace), 'time')}.`,
  }
}

function movesOnce(trace: TraceView): ClaimResult {
  const refused = refusedCopies(trace)
  if (refused === 0) return noOccasion('no copy was refused')
  const moves = [...copies(trace)].reduce((sum, connection) => sum + moved(trace, connection), 0)
  return {
    holds: moves === 0 && movedFromAnn(trace) <= 1,
    evidence: `Of ${count(copies(trace).size, 'copy', 'copies')} the bank refused ${String(refused)}; for Ann it paid ${count(movedFromAnn(trace), 'time')}.`,
  }
}

/** How often the server, having spoken, had to wait for the client before the order was there: round trips, whatever is lost on the way. */
function waits(trace: TraceView, order: EventRecord): number {
  const said = on(trace, order.connection).filter(
    ({ name, data, id }) =>
      (name === 'tls:message-sent' || name === 'tls:message-received') && data['message'] !== 'ChangeCipherSpec' && id < order.id,
  )
  return said.filter(({ name }, index) => name === 'tls:message-received' && said[index - 1]?.name === 'tls:message-sent').length
}

function oneRoundTripEarlier(trace: TraceView): ClaimResult {
  const [early, late] = (['ann', 'ben'] as const).map((who) => orders(trace, who)[0])
  if (early === undefined || late === undefined) return noOccasion('not both orders have come to the bank')
  if (early.data['early'] !== true) return noOccasion('Ann’s order was not early')
  const [none, one] = [waits(trace, early), waits(trace, late)]
  return {
    holds: none === 0 && one === 1,
    evidence: `The bank had Ann’s order at ${time(early.time)}, having waited ${count(none, 'time')} for her; Ben’s at ${time(late.time)}, after ${count(one, 'time')}.`,
  }
}

/** How often the bank had to be heard before an order could come to it: TCP's handshake counts as well. */
function answersBefore(trace: TraceView, who: keyof typeof PAY, order: EventRecord): number {
  const from = eventsOf(trace, who, 'page:started')[1]?.time ?? Infinity
  return awaitedFrames(trace, order).filter(({ kind, enqueued }) => kind !== 'arp' && enqueued >= from).length - 1
}

function quicNeedsNoTcp(trace: TraceView): ClaimResult {
  const [early, late, quic] = (['ann', 'ben', 'cleo'] as const).map((who) => orders(trace, who)[0])
  if (early === undefined || late === undefined || quic === undefined) return noOccasion('not all orders have come to the bank')
  if (early.data['early'] !== true || quic.data['early'] !== true)
    return noOccasion('not both Ann’s and Cleo’s orders were early')
  const last = Math.max(early.time, late.time, quic.time)
  if ([...trace.frames(({ enqueued }) => enqueued < last)].some(isLost)) return noOccasion('something was lost before')
  const ann = answersBefore(trace, 'ann', early)
  const ben = answersBefore(trace, 'ben', late)
  const cleo = answersBefore(trace, 'cleo', quic)
  return {
    holds: cleo === 0 && ann === 1 && ben === 2,
    evidence: `Cleo’s order was there at ${time(quic.time)}, before the bank had answered anything; Ann’s at ${time(early.time)}, after ${count(ann, 'answer')}; Ben’s at ${time(late.time)}, after ${String(ben)}.`,
  }
}

/** Messages of the server by which it says who it is. */
const PROOF: ReadonlySet<unknown> = new Set(['Certificate', 'CertificateVerify'])

function ticketSaves(trace: TraceView): ClaimResult {
  const own = eventsOf(trace, 'bank', 'tls:connected').filter(({ connection }) => !copies(trace).has(connection))
  const proofs = (resumed: boolean): number[] =>
    own
      .filter(({ data }) => data['resumed'] === resumed)
      .map(({ connection }) =>
        on(trace, connection)
          .filter(({ name, data }) => name === 'tls:message-sent' && PROOF.has(data['message']))
          .reduce((sum, event) => sum + amount(event, 'length'), 0),
      )
  const [full, resumed] = [proofs(false), proofs(true)]
  const [first] = full
  if (first === undefined || resumed.length === 0) return noOccasion('no session was resumed')
  return {
    holds: full.every((bytes) => bytes > 0) && resumed.every((bytes) => bytes === 0),
    evidence: `Certificate and signature took ${count(first, 'byte')} the first time; ${String(Math.max(...resumed))} in ${count(resumed.length, 'handshake')} with a ticket.`,
  }
}

const payer = { app: 'browser', tcp: { timeWait: '200 ms' } } as const
const visitsOf = (who: keyof typeof PAY) =>
  ['https://bank/', { url: `https://bank${PAY[who]}`, at: AT, reconnect: true }] as const

const HTTP_3: 'h3'[] = ['h3']
const HTTP_1: 'http/1.1'[] = ['http/1.1']
/** Wireshark has to guess the cipher of early data, and guesses this one first. */
const CIPHER_SUITES: 'TLS_AES_128_GCM_SHA256'[] = ['TLS_AES_128_GCM_SHA256']

export default defineScenario({
  id: 'tls-resumption-and-0-rtt',
  title: 'Faster than a handshake, and twice as often',
  summary:
    'Ann comes back with a ticket and her order to pay goes out before anybody has answered. Somebody on the way cannot read it, but can send it again.',
  seed: 1,
  duration: '60 s',
  speed: 0.02,
  hosts: {
    ann: { ...payer, label: 'Ann, early', position: { x: 0, y: 0 }, visits: [...visitsOf('ann')], tls: { earlyData: true } },
    ben: { ...payer, label: 'Ben', position: { x: 0, y: 0.5 }, visits: [...visitsOf('ben')] },
    cleo: {
      app: 'browser',
      label: 'Cleo, QUIC',
      position: { x: 0, y: 1 },
      visits: [...visitsOf('cleo')],
      protocols: HTTP_3,
      tls: { earlyData: true },
    },
    mallory: { kind: 'router', label: 'Mallory', position: { x: 0.4, y: 0.5 }, app: 'replayer', delay: '500 ms' },
    bank: {
      label: 'Bank',
      position: { x: 1, y: 0.5 },
      app: 'web-server',
      protocols: [...HTTP_3, ...HTTP_1],
      // Ann and Ben are to stay with TCP.
      altSvc: false,
      tls: { earlyData: '16 KiB', replayProtection: false, cipherSuites: CIPHER_SUITES },
      serves: { '/': '1 kB', '/pay': { size: '1 B', effect: 'counter' } },
      tcp: { timeWait: '200 ms' },
    },
  },
  links: [
    { between: ['ann', 'mallory'], rate, delay: '1 ms' },
    { between: ['ben', 'mallory'], rate, delay: '1 ms' },
    { between: ['cleo', 'mallory'], rate, delay: '1 ms' },
    { between: ['mallory', 'bank'], rate, delay: '40 ms' },
  ],
  knobs: {
    care: {
      label: 'What the bank does about it',
      choices: [
        { value: 'nothing', label: 'Nothing' },
        {
          value: 'once',
          label: 'Takes early data once per ticket',
          sets: { 'hosts.bank.tls.replayProtection': true },
        },
        { value: 'later', label: 'Answers 425 Too Early', sets: { 'hosts.bank.serves["/pay"].tooEarly': true } },
      ],
    },
    early: {
      label: 'Ann sends early data',
      help: 'Otherwise she does as Ben does.',
      sets: 'hosts.ann.tls.earlyData',
      value: true,
    },
    copies: { label: 'Copies that Mallory sends', range: [0, 10], scale: 'linear', sets: 'hosts.mallory.copies' },
    delay: {
      label: 'One-way delay to the bank',
      range: ['1 ms', '200 ms'],
      step: '1 ms',
      scale: 'linear',
      sets: 'links.mallory-bank.delay',
      restart: true,
    },
    loss: { label: 'Packet loss', help: 'In both directions.', range: ['0 %', '10 %'], sets: 'links.mallory-bank.loss' },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['events', 'inspector'],
  lesson: [
    {
      text: 'Ann, Ben and Cleo have a look at their bank. It is the first time, so it shows its certificate and signs. Then it gives each of them **tickets**. Press play.',
      until: { event: 'tls:ticket-received' },
    },
    {
      text: 'At 1 s all come back and pay. With a ticket nobody has to show anything: key and trust are those of the first time. Cleo’s browser speaks **QUIC**: her order is in her very first packets.',
      until: { event: 'http:effect-applied' },
    },
    {
      text: 'Cleo’s order is there. Ann’s is next: it goes out **beside her ClientHello**, encrypted by the ticket’s key, but TCP has to be there before. Ben waits for TCP, and then for the bank’s answer.',
      until: { event: 'replayer:flight-replayed' },
    },
    {
      text: '**Mallory** carries the packets, and has kept Ann’s first ones. She cannot read a byte of them. Half a second later she sends them to the bank again, over a connection of her own.',
      until: { time: '1.9 s' },
    },
    {
      text: 'The bank decrypts the copy, finds an order of Ann’s, and pays **again**. Look for **Effect applied** in the list of events: two for Ann, one for Ben. Nothing in a copy says that it is one.',
    },
    {
      text: 'Now let the bank take early data **once per ticket**, or answer **425 Too Early**, and start over. The first costs it a memory of all tickets that it has seen, the second costs Ann the round trip that she had saved.',
    },
  ],
  claims: [
    {
      says: 'With a ticket, the server shows no certificate and signs nothing.',
      cites: 'RFC 8446 section 2.2',
      holds: ticketSaves,
    },
    {
      says: 'A request in early data is there one round trip earlier.',
      cites: 'RFC 8446 section 2.3',
      holds: oneRoundTripEarlier,
    },
    {
      says: 'Over QUIC an early request waits for no answer at all; over TCP for one, for TCP comes first.',
      cites: 'RFC 9001 section 4.6; RFC 8446 section 2.3',
      holds: quicNeedsNoTcp,
    },
    {
      says: 'A bank that takes no care pays once more for each copy.',
      cites: 'RFC 8446 section 8',
      holds: movesTwice,
    },
    {
      says: 'When early data is taken once per ticket, or answered with 425, it pays once.',
      cites: 'RFC 8446 section 8; RFC 8470 section 5.2',
      holds: movesOnce,
    },
  ],
})
