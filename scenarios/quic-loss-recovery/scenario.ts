import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, FrameRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, framesFrom, isLost, noOccasion, time } from '../measure.ts'

/** Senders, each with a line of its own. */
const OLD = 'old'
const TODAY = 'today'
const QUIC = 'quic'
const ALL = [OLD, TODAY, QUIC] as const

const HTTP_2: 'h2'[] = ['h2']
const HTTP_3: 'h3'[] = ['h3']
const line = { rate: '10 Mbit/s', delay: '40 ms' } as const
const server = { app: 'web-server', tls: {}, serves: { '/': '200 kB' } } as const
/** Larger frames carry the file. */
const DATA = 500

const LINKS = ['ann-old', 'ben-today', 'cleo-quic'] as const

/** Numbers of the packets on the way from each server that are lost, in the order of `ALL`. */
function losing(lists: readonly (readonly number[])[]): Record<string, number[]> {
  return Object.fromEntries(lists.map((list, index) => [`links.${LINKS[index]}.backward.lossList`, [...list]]))
}

/** Every 60th packet from the servers is late. */
function delaying(): Record<string, number | string> {
  const entries = LINKS.flatMap((link): [string, number | string][] => [
    [`links.${link}.backward.reorderEvery`, 60],
    [`links.${link}.backward.reorderBy`, '30 ms'],
  ])
  return Object.fromEntries(entries)
}

/** What went wrong on the way from a server, when it was lost, or sent to repair that. */
function lostFrom(trace: TraceView, host: string): FrameRecord[] {
  return framesFrom(trace, host, isLost)
}

/** How many packets of the file a server sent behind one of them. */
function behind(trace: TraceView, host: string, { number }: FrameRecord): number {
  return framesFrom(trace, host, (frame) => frame.number > number && frame.length > DATA).length
}

/** Whether exactly one packet of each server was lost, with so many others behind it that it can be missed. */
function oneEach(trace: TraceView, isMiddle: boolean): FrameRecord[] | undefined {
  const all = ALL.map((host) => lostFrom(trace, host))
  if (all.some(({ length }) => length !== 1)) return undefined
  const lost = all.flat()
  const isFile = lost.every((frame, index) => frame.length > DATA && behind(trace, ALL[index], frame) >= 10 === isMiddle)
  return isFile ? lost : undefined
}

/** What each of them did first because something was missing. */
function repairs(trace: TraceView): (EventRecord | undefined)[] {
  const names = ['tcp:segment-retransmitted', 'tcp:segment-retransmitted', 'quic:packet-lost']
  return ALL.map((host, index) => eventsOf(trace, host, names[index])[0])
}

function timeouts(trace: TraceView, host: string): EventRecord[] {
  return [...eventsOf(trace, host, 'tcp:rto-expired'), ...eventsOf(trace, host, 'quic:probe-timeout')]
}

function seenFromBehind(trace: TraceView): ClaimResult {
  const lost = oneEach(trace, true)
  const seen = repairs(trace)
  if (lost === undefined || seen.some((event) => event === undefined)) return noOccasion('not each lost one packet in the middle')
  const after = seen.map((event, index) => time((event?.time ?? 0) - (lost[index]?.enqueued ?? 0)))
  return {
    holds: ALL.every((host) => timeouts(trace, host).length === 0),
    evidence: `The loss was seen ${after[0]} after the packet had left by TCP of 1999, ${after[1]} by TCP of today, ${after[2]} by QUIC; no timer had to fire.`,
  }
}

function newNumbers(trace: TraceView): ClaimResult {
  const disproved = new Set(eventsOf(trace, QUIC, 'quic:loss-disproved').map((event) => amount(event, 'number')))
  const lost = eventsOf(trace, QUIC, 'quic:packet-lost')
    .filter(({ data }) => data['space'] === 'application')
    .map((event) => amount(event, 'number'))
    .filter((number) => !disproved.has(number))
  if (lost.length === 0) return noOccasion('QUIC has lost nothing')
  const came = eventsOf(trace, 'cleo', 'quic:stream-received')
  const [first] = lost
  const ends = new Map<number, number>()
  for (const event of came) ends.set(amount(event, 'stream'), 0)
  // Bytes that lie before others which have come already.
  const back = came.find((event) => {
    const stream = amount(event, 'stream')
    const end = ends.get(stream) ?? 0
    ends.set(stream, Math.max(end, amount(event, 'offset') + amount(event, 'length')))
    return amount(event, 'offset') < end
  })
  const numbers = new Set(lost)
  return {
    holds: came.every((event) => !numbers.has(amount(event, 'packet'))),
    evidence: `Packet ${String(first)} never came.${back === undefined ? '' : ` What was missing came in packet ${String(back.data['packet'])}.`}`,
  }
}

/** Whether the second packet that was lost was sent because the first was. */
function lostAgain(trace: TraceView, host: string): boolean {
  const [first, second, third] = lostFrom(trace, host)
  if (first === undefined || second === undefined || third !== undefined) return false
  const names = ['tcp:segment-retransmitted', 'quic:packet-lost']
  return names.some((name) => eventsOf(trace, host, name)[0]?.time === second.enqueued) && behind(trace, host, first) >= 10
}

function repairOfRepair(trace: TraceView): ClaimResult {
  if (!ALL.every((host) => lostAgain(trace, host))) return noOccasion('not everywhere what was sent again was lost, too')
  const timers = ALL.map((host) => timeouts(trace, host).length)
  const done = ['ann', 'ben', 'cleo'].map((host) => eventsOf(trace, host, 'fetch:ended')[0]?.time ?? Number.NaN)
  return {
    holds: timers[0] === 1 && timers[1] === 0 && timers[2] === 0,
    evidence: `TCP of 1999 waited for its timer, and was done at ${time(done[0] ?? 0)}; TCP of today at ${time(done[1] ?? 0)}, QUIC at ${time(done[2] ?? 0)}, without.`,
  }
}

function probesSoon(trace: TraceView): ClaimResult {
  const lost = oneEach(trace, false)
  if (lost === undefined) return noOccasion('not each lost the last packet of its file')
  const firsts = ALL.map(
    (host) => [...timeouts(trace, host), ...eventsOf(trace, host, 'tcp:tail-loss-probe-sent')].sort((a, b) => a.time - b.time)[0],
  )
  if (firsts.some((event) => event === undefined)) return noOccasion('something came behind one of them')
  const waited = firsts.map((event, index) => (event?.time ?? 0) - (lost[index]?.enqueued ?? 0))
  const [old = 0, today = 0, quic = 0] = waited
  return {
    holds: quic < today && quic < old,
    evidence: `Behind the last packet nothing comes. TCP of 1999 waited ${time(old)}, TCP of today ${time(today)}, QUIC ${time(quic)} before it tried.`,
  }
}

function lateNotLost(trace: TraceView): ClaimResult {
  if (ALL.some((host) => lostFrom(trace, host).length > 0)) return noOccasion('something was lost')
  const wrong = eventsOf(trace, QUIC, 'quic:packet-lost')
  const resent = eventsOf(trace, OLD, 'tcp:segment-retransmitted').length
  if (wrong.length === 0 || resent === 0) return noOccasion('nothing came so late that it seemed lost')
  const found = eventsOf(trace, QUIC, 'quic:loss-disproved').length
  const undone = eventsOf(trace, OLD, 'tcp:recovery-undone').length
  return {
    holds: found === wrong.length && undone === 0,
    evidence: `QUIC took ${count(wrong.length, 'packet')} for lost and found ${count(found, 'error')}; TCP of 1999 sent ${count(resent, 'segment')} again for nothing, and never knew.`,
  }
}

export default defineScenario({
  id: 'quic-loss-recovery',
  title: 'Three ways to miss a packet',
  summary:
    'The same file by TCP of 1999, TCP of today and QUIC, over three lines that lose the same: one packet, its repair, the last one, or none that is only late. Who notices when, and how?',
  seed: 1,
  duration: '20 s',
  speed: 0.05,
  hosts: {
    ann: { app: 'browser', visits: 'https://old/', label: 'Ann', position: { x: 0, y: 0 }, protocols: HTTP_2 },
    old: {
      ...server,
      label: 'TCP ’99',
      position: { x: 1, y: 0 },
      protocols: HTTP_2,
      tcp: { rack: false, tailLossProbe: false, dsack: false, frto: false, undo: false },
    },
    ben: {
      app: 'browser',
      visits: 'https://today/',
      label: 'Ben',
      position: { x: 0, y: 0.5 },
      protocols: HTTP_2,
      tcp: { preset: 'linux' },
    },
    today: { ...server, label: 'TCP now', position: { x: 1, y: 0.5 }, protocols: HTTP_2, tcp: { preset: 'linux' } },
    cleo: { app: 'browser', visits: 'https://quic/', label: 'Cleo', position: { x: 0, y: 1 }, protocols: HTTP_3 },
    quic: { ...server, label: 'QUIC', position: { x: 1, y: 1 }, protocols: [...HTTP_3, ...HTTP_2] },
  },
  links: [
    { between: ['ann', 'old'], ...line },
    { between: ['ben', 'today'], ...line },
    { between: ['cleo', 'quic'], ...line },
  ],
  knobs: {
    trouble: {
      label: 'What goes wrong',
      value: 'one',
      choices: [
        { value: 'one', label: 'A packet is lost', sets: losing([[60], [60], [60]]) },
        {
          value: 'again',
          label: 'So is its repair',
          sets: losing([
            [60, 99],
            [60, 125],
            [60, 123],
          ]),
        },
        { value: 'last', label: 'The last packet is lost', sets: losing([[145], [145], [149]]) },
        {
          value: 'late',
          label: 'Some are 30 ms late',
          sets: delaying(),
        },
        { value: 'nothing', label: 'Nothing' },
      ],
    },
    loss: {
      label: 'Packet loss, besides',
      help: 'At random, in both directions of all lines.',
      range: ['0 %', '10 %'],
      sets: ['links.ann-old.loss', 'links.ben-today.loss', 'links.cleo-quic.loss'],
    },
  },
  faults: ['drop', 'link', 'cut'],
  views: ['lanes', 'events', 'inspector'],
  lesson: [
    {
      text: 'Three servers send the same 200 kB over lines of 10 Mbit/s and 40 ms. On each, packet 60 is lost. Press play.',
      until: { event: 'quic:packet-lost' },
    },
    {
      text: '**QUIC** was told which packets have come, by ranges of numbers, and sees the hole. It never sends a packet twice: the bytes go out again in a packet with a **new number**. Look into it.',
      until: { event: 'tcp:segment-retransmitted' },
    },
    {
      text: 'TCP has numbers for bytes only. What it sends again looks like the first time, so an answer to it may be one to either. Today’s TCP keeps the times of sending to tell them apart; that of 1999 counts three duplicates.',
      until: { event: 'fetch:ended' },
    },
    {
      text: 'Start over with **So is its repair**. To QUIC that is one more lost packet. TCP of 1999 has already said what it had to say about that segment: it waits for its timer.',
      until: { time: '700 ms' },
    },
    {
      text: 'Start over with **The last packet is lost**. Nothing comes behind it, so only a timer helps. QUIC’s **probe timeout** knows how long Cleo may delay an acknowledgment; TCP has to guess.',
    },
    {
      text: 'At last, **30 ms late**: nothing is lost, but all think so. QUIC sees the late packet’s own number acknowledged, and takes its mistake back.',
    },
  ],
  claims: [
    {
      says: 'A packet that is lost in the middle is missed by what arrives behind it, before any timer.',
      cites: 'RFC 9002 section 6.1; RFC 5681 section 3.2; RFC 8985 section 3.2',
      holds: seenFromBehind,
    },
    {
      says: 'QUIC never uses a packet number twice: what was lost comes in other packets.',
      cites: 'RFC 9000 section 12.3; RFC 9002 section 4.2',
      holds: newNumbers,
    },
    {
      says: 'When the repair is lost, too, TCP of 1999 has to wait for its timer; TCP of today and QUIC do not.',
      cites: 'RFC 9002 section 4.2; RFC 8985 section 2.3',
      holds: repairOfRepair,
    },
    {
      says: 'When the last packet is lost, QUIC tries again sooner than both.',
      cites: 'RFC 9002 section 6.2; RFC 8985 section 7.2',
      holds: probesSoon,
    },
    {
      says: 'When packets are late, QUIC finds out that they were not lost; TCP of 1999 does not.',
      cites: 'RFC 9002 section 4.2; RFC 2883 section 1',
      holds: lateNotLost,
    },
  ],
})
