import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, framesFrom, noOccasion, time } from '../measure.ts'

const REQUEST = 100
/** What Bob says before the file: small enough for any path. */
const GREETING = 200
const FILE = 200_000
/** Index of the tunnel among the links. */
const TUNNEL = 1

const tooBig = (trace: TraceView): EventRecord[] => trace.all('ip:packet-too-big')
const reports = (trace: TraceView): EventRecord[] =>
  trace.all('icmp:sent', ({ data }) => data['meaning'] === 'fragmentation needed')
const suspicion = (trace: TraceView): EventRecord | undefined => eventsOf(trace, 'bob', 'tcp:black-hole-suspected')[0]
/** When a program had read all that it waited for. */
const hasRead = (trace: TraceView, host: string, bytes: number): EventRecord | undefined =>
  eventsOf(trace, host, 'script:read').find((event) => amount(event, 'bytes') === bytes)
const loaded = (trace: TraceView): EventRecord | undefined => hasRead(trace, 'alice', FILE)

function smallThingsPass(trace: TraceView): ClaimResult {
  const [dropped] = tooBig(trace)
  if (dropped === undefined) return noOccasion('nothing was too big')
  if (reports(trace).length > 0) return noOccasion('the router said so')
  if (eventsOf(trace, 'bob', 'tcp:path-probe-sent').some((event) => event.time <= dropped.time))
    return noOccasion('Bob began with small segments')
  const asked = hasRead(trace, 'bob', REQUEST) !== undefined
  const started = hasRead(trace, 'alice', GREETING) !== undefined
  const until = suspicion(trace)?.time ?? Infinity
  const got = eventsOf(trace, 'alice', 'tcp:delivered').filter((event) => event.time < until)
  const bytes = got.reduce((sum, event) => sum + amount(event, 'length'), 0)
  const silent = until === Infinity ? 'ever came' : `came until Bob grew suspicious at ${time(until)}`
  return {
    holds: asked && started && bytes <= amount(dropped, 'mtu'),
    evidence: `Bob had the request, Alice the first ${count(bytes, 'byte')} of his answer, in a packet that fits. No more ${silent}.`,
  }
}

function reportsHelpAtOnce(trace: TraceView): ClaimResult {
  const [narrowed] = eventsOf(trace, 'bob', 'tcp:path-narrowed')
  if (narrowed === undefined) return noOccasion('nobody told Bob that his packets were too big')
  const [again] = eventsOf(trace, 'bob', 'tcp:segment-retransmitted')
  const timeouts = eventsOf(trace, 'bob', 'tcp:rto-expired').length
  const file = loaded(trace)
  return {
    holds: again?.time === narrowed.time && timeouts === 0 && file !== undefined,
    evidence: `Told at ${time(narrowed.time)} that ${String(amount(narrowed, 'mtu'))} bytes are the most, Bob sent again ${
      again === undefined ? 'nothing' : `${time(again.time - narrowed.time)} later`
    }, in segments that fit; ${count(timeouts, 'timeout')}.`,
  }
}

function probingFindsOut(trace: TraceView): ClaimResult {
  const suspected = suspicion(trace)
  if (suspected === undefined) return noOccasion('Bob suspected no black hole')
  const timeouts = eventsOf(trace, 'bob', 'tcp:rto-expired').filter((event) => event.time <= suspected.time)
  const file = loaded(trace)
  return {
    holds: timeouts.length === 4 && file !== undefined,
    evidence: `At ${time(suspected.time)}, with the ${String(timeouts.length)}th timeout of the same data, Bob made his segments small; the file was there ${
      file === undefined ? 'never' : `at ${time(file.time)}`
    }.`,
  }
}

function clampedSyns(trace: TraceView): ClaimResult {
  const synAck = framesFrom(trace, 'bob', ({ kind }) => kind === 'tcp-syn')
  if (synAck.length === 0) return noOccasion('there was no connection')
  if (tooBig(trace).length > 0 || loaded(trace) === undefined)
    return noOccasion('something was too big, so nothing had been clamped')
  const largest = Math.max(...[...trace.frames(({ link }) => link === TUNNEL)].map(({ length }) => length - 14))
  const timeouts = eventsOf(trace, 'bob', 'tcp:rto-expired').length
  return {
    holds: timeouts === 0,
    evidence: `The largest packet in the tunnel had ${String(largest)} bytes; ${count(timeouts, 'timeout')}, and the file was there at ${time(loaded(trace)?.time ?? 0)}.`,
  }
}

export default defineScenario({
  id: 'mtu-black-hole',
  title: 'The download that hangs behind a tunnel',
  summary:
    'Ping works, the connection opens, the request arrives, and the download never comes: a router drops what is too big for a tunnel, and says nothing.',
  seed: 1,
  duration: '60 s',
  speed: 0.1,
  hosts: {
    alice: {
      label: 'Alice',
      position: { x: 0, y: 0.5 },
      app: 'socket-script',
      connect: 'bob:4000',
      steps: [
        { do: 'send', bytes: '100 B' },
        { do: 'read', bytes: '200 B' },
        { do: 'read', bytes: '200 kB' },
        'close',
        'wait-closed',
      ],
      tcp: { timeWait: '200 ms' },
    },
    home: { label: 'Home router', kind: 'router', position: { x: 0.33, y: 0.5 }, clampsMss: false },
    exit: { label: 'End of the tunnel', kind: 'router', position: { x: 0.67, y: 0.5 }, icmpErrors: false, clampsMss: false },
    bob: {
      label: 'Bob',
      position: { x: 1, y: 0.5 },
      app: 'socket-script',
      listen: 4000,
      steps: [
        { do: 'read', bytes: '100 B' },
        { do: 'send', bytes: '200 B' },
        { do: 'send', bytes: '200 kB' },
        'read-to-end',
        'close',
        'wait-closed',
      ],
      tcp: { mtuProbing: 'off', timeWait: '200 ms' },
    },
  },
  links: [
    { between: ['alice', 'home'], rate: '100 Mbit/s', delay: '2 ms' },
    { between: ['home', 'exit'], rate: '20 Mbit/s', delay: '20 ms', mtu: '1400 B' },
    { between: ['exit', 'bob'], rate: '100 Mbit/s', delay: '10 ms' },
  ],
  knobs: {
    icmp: {
      label: 'The end of the tunnel reports by ICMP',
      help: 'Off, as behind many a firewall: what is too big is dropped without a word.',
      sets: 'hosts.exit.icmpErrors',
    },
    probing: {
      label: 'Bob probes the path',
      choices: [
        { value: 'off', label: 'Never' },
        { value: 'on-black-hole', label: 'When nothing gets through' },
        { value: 'always', label: 'From the beginning' },
      ],
      sets: 'hosts.bob.tcp.mtuProbing',
      restart: true,
    },
    clamp: {
      label: 'The home router clamps the MSS',
      help: 'It rewrites what SYNs announce to what fits through the tunnel.',
      sets: 'hosts.home.clampsMss',
    },
    mtu: {
      label: 'MTU of the tunnel',
      range: ['600 B', '1500 B'],
      step: '20 B',
      scale: 'linear',
      sets: 'links[1].mtu',
    },
  },
  views: ['events', 'inspector'],
  lesson: [
    {
      text: 'Alice asks Bob for a file. Between them is a tunnel, whose packets may have 1,400 bytes instead of 1,500, for it puts a header of its own around each. Press play: the handshake and the request get through.',
      until: { event: 'script:read' },
    },
    {
      text: 'Bob says in a few bytes what will come, and then it comes, in packets of 1,500 bytes. The end of the tunnel cannot pass them on, and may not cut them: click one, and find *Don’t fragment* in its IP header. They vanish.',
      until: { event: 'ip:packet-too-big' },
    },
    {
      text: 'Nobody tells Bob. His timer does, and he sends the first segment again, as large as before. And again, at twice the distance each time. Alice’s program just hangs.',
      until: { event: 'tcp:rto-expired' },
    },
    {
      text: 'Let the end of the tunnel report by **ICMP**, as it should. One round trip later Bob knows the size, and the file comes.',
      until: { event: 'tcp:path-narrowed' },
    },
    {
      text: 'Without ICMP, let Bob **probe** when nothing gets through. Wait: he takes four timeouts to become suspicious. Then he sends small segments, and now and then a larger one, to see how far he can go.',
      until: { event: 'tcp:black-hole-suspected' },
    },
    {
      text: 'Last, let the home router **clamp the MSS**. Look at Alice’s SYN before and after it. Bob is told to send no more than fits, and nothing is ever too big.',
    },
  ],
  claims: [
    {
      says: 'Where a router drops what is too big in silence, connection and request get through, and of the answer only what fits by chance.',
      cites: 'RFC 2923 section 2.1',
      holds: smallThingsPass,
    },
    {
      says: 'Where it reports, Bob sends smaller segments in the same instant, and no timer has to run out.',
      cites: 'RFC 1191 section 6.4',
      holds: reportsHelpAtOnce,
    },
    {
      says: 'A sender that looks for black holes finds this one with the fourth timeout, and the file arrives.',
      cites: 'RFC 4821 section 7.7',
      holds: probingFindsOut,
    },
    {
      says: 'Where nothing is too big, because the MSS was clamped or the tunnel is wide, no timer runs out.',
      cites: 'RFC 9293 section 3.7.1',
      holds: clampedSyns,
    },
  ],
})
