import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, FrameRecord, TraceView } from '../../src/trace/record.ts'
import { count, eventsOf, framesFrom, isLost, noOccasion, time } from '../measure.ts'

const rate = '10 Mbit/s'
const ALICE = '10.0.0.10'

/** Whom Alice pings, in this order, and by which address. */
const TARGETS = { amy: '10.0.0.100', bob: '10.0.0.130', carol: '10.0.1.1' } as const
type Target = keyof typeof TARGETS

/** Whether a frame is a ping of Alice and a target, or an answer to one. */
function isPing(trace: TraceView, target: Target, { kind, connection }: FrameRecord): boolean {
  const ends = (trace.connections[connection] ?? '').split(' ↔ ')
  return kind === 'icmp' && ends.includes(ALICE) && ends.includes(TARGETS[target])
}

/** Of these, what somebody sent. */
function between(trace: TraceView, target: Target, from: string): FrameRecord[] {
  return framesFrom(trace, from, (frame) => isPing(trace, target, frame))
}

/** Echo replies that Alice got from a target. */
function answers(trace: TraceView, target: Target): EventRecord[] {
  return eventsOf(trace, 'alice', 'ping:replied').filter(
    ({ data }) => data['kind'] === 'reply' && data['from'] === TARGETS[target],
  )
}

/** What somebody asked for by ARP in vain. */
function vainly(trace: TraceView, host: string): string[] {
  return eventsOf(trace, host, 'arp:failed').map(({ data }) => String(data['address']))
}

/** Whether anything was lost, so that silence has other reasons. */
function isDisturbed(trace: TraceView): boolean {
  return trace.frames(isLost).next().done !== true
}

/**
 * How many bits Alice takes for her network's, as far as her own questions tell; 0: they do not. Whom she asks for first is whom she
 * takes to be near: Amy, or else the router.
 */
function maskOf(trace: TraceView): number {
  if (isDisturbed(trace)) return 0
  if (eventsOf(trace, 'alice', 'arp:resolved')[0]?.data['address'] !== TARGETS.amy) return 26
  return vainly(trace, 'alice').includes(TARGETS.bob) ? 24 : 25
}

function nearGoesStraight(trace: TraceView): ClaimResult {
  const sent = between(trace, 'amy', 'alice').length
  const far = between(trace, 'bob', 'router').length + between(trace, 'carol', 'router').length
  const crossed = between(trace, 'amy', 'router').length
  if (maskOf(trace) !== 25) return noOccasion('packets were lost, or Alice has another mask')
  if (sent === 0 || far === 0) return noOccasion('nothing was sent')
  return {
    holds: crossed === 0,
    evidence: `Of ${count(sent, 'packet')} for Amy, in Alice’s own half, the router passed on ${String(crossed)}; of those with Bob and Carol, ${String(far)}.`,
  }
}

function tooShort(trace: TraceView): ClaimResult {
  if (maskOf(trace) !== 24) return noOccasion('packets were lost, or Alice does not take the other half for her own')
  const replied = (Object.keys(TARGETS) as Target[]).filter((target) => answers(trace, target).length > 0)
  const asked = framesFrom(trace, 'alice', ({ kind }) => kind === 'arp').length
  return {
    holds: replied.join() === 'amy,carol' && between(trace, 'bob', 'alice').length === 0,
    evidence: `Answers came from ${replied.join(' and ')}. For Bob not one ping left: Alice sent ${count(asked, 'ARP packet')}, and those for him in vain.`,
  }
}

function tooLong(trace: TraceView): ClaimResult {
  if (maskOf(trace) !== 26) return noOccasion('packets were lost, or Alice does not take Amy for a stranger')
  const sent = between(trace, 'amy', 'alice').length
  const passed = between(trace, 'amy', 'router').length
  const back = between(trace, 'amy', 'amy').length
  // Bob may have a wrong mask of his own.
  const others = (['bob', 'carol'] as const).filter((target) => target === 'carol' || vainly(trace, 'bob').length === 0)
  const arrived = answers(trace, 'amy').length
  return {
    holds: passed === sent && back === arrived && others.every((target) => answers(trace, target).length > 0) && arrived === sent,
    evidence: `All ${count(sent, 'ping')} for Amy were answered, but the router had to carry each of them, ${String(passed)} in all; the ${count(back, 'answer')} came straight.`,
  }
}

function oneSideIsEnough(trace: TraceView): ClaimResult {
  const vain = vainly(trace, 'bob')
  if (!vain.includes(ALICE)) return noOccasion('Bob does not take Alice for a neighbour')
  if (isDisturbed(trace)) return noOccasion('packets were lost')
  const bob = trace.hosts.indexOf('bob')
  const reached = [...trace.frames((frame) => frame.to === bob && isPing(trace, 'bob', frame))].length
  const replied = answers(trace, 'bob').length
  return {
    holds: reached > 0 && replied === 0,
    evidence: `${count(reached, 'ping')} reached Bob. He looked for Alice on his own cable, and so ${String(replied)} answers left.`,
  }
}

function ownReport(trace: TraceView): ClaimResult {
  const failed = eventsOf(trace, 'alice', 'arp:failed').find(({ data }) => data['address'] === TARGETS.bob)
  const asked = eventsOf(trace, 'alice', 'ping:sent').find(({ data }) => data['sequence'] === 1 && failed !== undefined)
  if (failed === undefined || asked === undefined) return noOccasion('Alice never looked for Bob in vain')
  const report = eventsOf(trace, 'alice', 'ping:replied').find(
    ({ data, time: at }) => data['kind'] === 'unreachable' && data['from'] === ALICE && at >= failed.time,
  )
  return {
    holds: report !== undefined && failed.data['attempts'] === 3,
    evidence: `After ${String(failed.data['attempts'])} questions Alice gave up, and told herself “host unreachable” at ${report === undefined ? 'no time' : time(report.time)}.`,
  }
}

export default defineScenario({
  id: 'subnets-and-cidr',
  title: 'Near or far? The mask decides',
  summary:
    'Two halves of one network, 10.0.0.0/25 and 10.0.0.128/25, with a router between. One bit too many or too few in a mask breaks exactly what it should.',
  seed: 1,
  duration: '12 s',
  speed: 0.05,
  hosts: {
    alice: {
      label: 'Alice .10',
      position: { x: 0, y: 0.1 },
      address: '10.0.0.10/25',
      apps: [
        { app: 'ping', to: 'amy', count: 2, interval: '200 ms', timeout: '5 s' },
        { app: 'ping', to: 'bob', count: 2, interval: '200 ms', timeout: '5 s', start: '500 ms' },
        { app: 'ping', to: 'carol', count: 2, interval: '200 ms', timeout: '5 s', start: '1 s' },
      ],
    },
    amy: { label: 'Amy .100', position: { x: 0, y: 0.9 }, address: '10.0.0.100/25' },
    left: { kind: 'switch', label: 'Switch', position: { x: 0.25, y: 0.5 } },
    router: {
      kind: 'router',
      label: 'Router',
      position: { x: 0.5, y: 0.5 },
      addresses: { 'left-router': '10.0.0.1/25', 'router-right': '10.0.0.129/25', 'router-carol': '10.0.1.254/24' },
    },
    right: { kind: 'switch', label: 'Switch', position: { x: 0.75, y: 0.5 } },
    bob: { label: 'Bob .130', position: { x: 1, y: 0.1 }, address: '10.0.0.130/25' },
    ben: { label: 'Ben .200', position: { x: 1, y: 0.9 }, address: '10.0.0.200/25' },
    carol: { label: 'Carol .1.1', position: { x: 0.5, y: 1 }, address: '10.0.1.1/24' },
  },
  links: [
    { between: ['alice', 'left'], rate, delay: '5 ms' },
    { between: ['amy', 'left'], rate, delay: '5 ms' },
    { between: ['left', 'router'], rate, delay: '5 ms' },
    { between: ['router', 'right'], rate, delay: '5 ms' },
    { between: ['right', 'bob'], rate, delay: '5 ms' },
    { between: ['right', 'ben'], rate, delay: '5 ms' },
    { between: ['router', 'carol'], rate, delay: '5 ms' },
  ],
  knobs: {
    alice: {
      label: 'Alice’s mask',
      help: 'How many bits of her address Alice takes for the name of her network.',
      choices: [
        { value: 25, label: '/25, as it should be' },
        { value: 24, label: '/24, one bit too few', sets: { 'hosts.alice.mistakenPrefix': 24 } },
        { value: 26, label: '/26, one bit too many', sets: { 'hosts.alice.mistakenPrefix': 26 } },
      ],
    },
    bob: {
      label: 'Bob’s mask',
      help: 'The same of Bob, whom Alice pings.',
      choices: [
        { value: 25, label: '/25, as it should be' },
        { value: 24, label: '/24, one bit too few', sets: { 'hosts.bob.mistakenPrefix': 24 } },
      ],
    },
    loss: {
      label: 'Packet loss',
      help: 'On the links of Alice and Bob.',
      range: ['0 %', '20 %'],
      sets: ['links[0].loss', 'links[4].loss'],
    },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['events', 'inspector'],
  lesson: [
    {
      text: 'Alice is 10.0.0.10/25: the first 25 bits name her *network*, the last 7 name her in it. Amy’s address, .100, begins with the same 25 bits. So Alice asks for Amy’s hardware address, and the router never hears of it.',
      until: { event: 'ping:replied' },
    },
    {
      text: 'Bob is .130. In binary that is 1000 0010: bit 25 differs, so he is **far**, although he looks like a neighbour. Alice hands the packet to the router, 10.0.0.1, whatever Bob’s address is.',
      until: { time: '700 ms' },
    },
    {
      text: 'The router has three networks: 10.0.0.0/25, 10.0.0.128/25 and 10.0.1.0/24. Of those that fit, the **longest** prefix wins. Carol, at 10.0.1.1, is far for everybody here.',
      until: { time: '1.2 s' },
    },
    {
      text: 'Now give Alice the mask /24. She takes all of 10.0.0.0 to 10.0.0.255 for her own cable, and asks there for Bob. Nobody answers, and after three seconds she gives him up. Amy and Carol are reached as before.',
      until: { event: 'arp:failed' },
    },
    {
      text: 'With /26 she takes Amy for a stranger. Nothing breaks: the router brings it back to the cable that it came from. It only takes longer, and the router knows. Last, make the mistake at Bob: your pings arrive, and his answers do not leave.',
    },
  ],
  claims: [
    {
      says: 'With the right mask, packets within a half go straight, and the router sees none of them.',
      cites: 'RFC 1122 section 3.3.1.1; RFC 950 section 2.1',
      holds: nearGoesStraight,
    },
    {
      says: 'With a mask that is one bit too short, Alice reaches everybody but the other half of the network.',
      cites: 'RFC 1122 section 3.3.1.1; RFC 4632 section 3.1',
      holds: tooShort,
    },
    {
      says: 'Nobody answers for an address on the wrong cable: Alice asks three times, gives up, and reports it to herself.',
      cites: 'RFC 1122 section 2.3.2.1; RFC 1122 section 3.2.2.1',
      holds: ownReport,
    },
    {
      says: 'With a mask that is one bit too long she reaches everybody, but her packets for Amy go by the router.',
      cites: 'RFC 1122 section 3.3.1.1; RFC 1812 section 5.2.7.2',
      holds: tooLong,
    },
    {
      says: 'A wrong mask at Bob is enough: what Alice sends arrives, and no answer comes back.',
      cites: 'RFC 1122 section 3.3.1.1',
      holds: oneSideIsEnough,
    },
  ],
})
