import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, framesFrom, noOccasion, time } from '../measure.ts'

const rate = '10 Mbit/s'
/** Nanoseconds that a byte takes on a link at that rate. */
const BYTE = 800
/** One-way delay from Alice to Bob in nanoseconds, and over how many links. */
const WAY = 40e6
const LINKS = 3

/** When an answered request was sent. */
function askedAt(reply: EventRecord): number {
  return reply.time - amount(reply, 'rtt')
}

function isEcho(reply: EventRecord): boolean {
  return reply.data['kind'] === 'reply'
}

function firstIsSlowest(trace: TraceView): ClaimResult {
  const first = eventsOf(trace, 'alice', 'ping:sent')[0]
  const [reply, ...others] = eventsOf(trace, 'alice', 'ping:replied')
    .filter(isEcho)
    .sort((a, b) => askedAt(a) - askedAt(b))
  if (reply === undefined || first === undefined || askedAt(reply) !== first.time)
    return noOccasion('the first ping got no answer')
  if (others.length === 0) return noOccasion('only one ping was answered')
  const slowest = Math.max(...others.map((other) => amount(other, 'rtt')))
  const rtt = amount(reply, 'rtt')
  return { holds: rtt > slowest, evidence: `The first took ${time(rtt)}, the slowest of the others ${time(slowest)}.` }
}

function roundTripIsWhatLinksTake(trace: TraceView): ClaimResult {
  const asked = framesFrom(trace, 'alice', ({ kind }) => kind === 'icmp')[0]
  const known = Math.max(...trace.all('arp:resolved').map((event) => event.time))
  const times = eventsOf(trace, 'alice', 'ping:replied')
    .filter((reply) => isEcho(reply) && reply.data['from'] === '10.0.1.1' && askedAt(reply) >= known)
    .map((reply) => amount(reply, 'rtt'))
  if (asked === undefined || times.length === 0) return noOccasion('Bob answered no ping after all addresses were known')
  const expected = 2 * (WAY + LINKS * asked.length * BYTE)
  const least = Math.min(...times)
  return {
    holds: Math.abs(least - expected) < expected / 100,
    evidence: `The links make it ${time(expected)}; the fastest answer took ${time(least)}.`,
  }
}

function isCarolPinged(trace: TraceView): boolean {
  return framesFrom(trace, 'carol', ({ kind }) => kind === 'icmp').length > 0
}

function carolHearsOnlyQuestions(trace: TraceView): ClaimResult {
  const carol = trace.hosts.indexOf('carol')
  if (isCarolPinged(trace)) return noOccasion('Carol was pinged herself')
  const heard = [...trace.frames(({ to }) => to === carol)]
  const pings = heard.filter(({ kind }) => kind === 'icmp').length
  const sent = framesFrom(trace, 'alice', ({ kind }) => kind === 'icmp').length
  return {
    holds: pings === 0 && heard.length > 0,
    evidence: `Of the ${count(sent, 'packet')} that Alice pinged with, Carol was sent ${String(pings)}; of ARP, ${count(heard.length - pings, 'frame')}.`,
  }
}

function routerReportsTheEnd(trace: TraceView): ClaimResult {
  const short = eventsOf(trace, 'alice', 'ping:sent').filter((event) => event.data['ttl'] === 1)
  // Alice answers herself when nobody tells her the router's hardware address.
  const answers = eventsOf(trace, 'alice', 'ping:replied').filter(
    (reply) => reply.data['from'] !== '10.0.0.1' && short.some(({ time }) => time === askedAt(reply)),
  )
  if (isCarolPinged(trace)) return noOccasion('no router is on the way to Carol')
  if (short.length === 0) return noOccasion('no packet set out with a TTL of 1')
  if (answers.length === 0) return noOccasion('no packet with a TTL of 1 was answered')
  const wrong = answers.filter(({ data }) => data['kind'] !== 'time-exceeded' || data['from'] !== '10.0.0.254')
  return {
    holds: wrong.length === 0,
    evidence: `Of ${count(answers.length, 'answer')} to packets with a TTL of 1, ${String(answers.length - wrong.length)} said “time exceeded” and came from the router, 10.0.0.254.`,
  }
}

export default defineScenario({
  id: 'hello-network',
  title: 'Hello, network',
  summary:
    'A ping from Alice to Bob: who has this address, which way is it, and what happens to a packet that has been forwarded too often.',
  seed: 1,
  duration: '40 s',
  speed: 0.02,
  hosts: {
    alice: {
      label: 'Alice',
      position: { x: 0, y: 0.1 },
      apps: [
        { app: 'ping', to: 'bob', count: 3, interval: '150 ms', timeout: '4 s' },
        { app: 'ping', to: 'bob', traceroute: true, ttl: 8, timeout: '4 s', start: '600 ms' },
      ],
    },
    carol: { label: 'Carol', position: { x: 0, y: 0.9 } },
    switch: { kind: 'switch', label: 'Switch', position: { x: 0.33, y: 0.5 } },
    router: { kind: 'router', label: 'Router', position: { x: 0.67, y: 0.5 } },
    bob: { label: 'Bob', position: { x: 1, y: 0.5 } },
  },
  links: [
    { between: ['alice', 'switch'], rate, delay: '10 ms' },
    { between: ['carol', 'switch'], rate, delay: '10 ms' },
    { between: ['switch', 'router'], rate, delay: '10 ms' },
    { between: ['router', 'bob'], rate, delay: '20 ms' },
  ],
  knobs: {
    target: {
      label: 'Whom Alice pings',
      help: 'Carol is in Alice’s own network. Nobody has the address 10.0.1.99, but that is where Bob’s network would have it.',
      choices: [
        { value: 'bob', label: 'Bob, behind the router' },
        {
          value: 'carol',
          label: 'Carol, next door',
          sets: { 'hosts.alice.apps[0].to': 'carol', 'hosts.alice.apps[1].to': 'carol' },
        },
        {
          value: 'nobody',
          label: '10.0.1.99, nobody',
          sets: { 'hosts.alice.apps[0].to': '10.0.1.99', 'hosts.alice.apps[1].to': '10.0.1.99' },
        },
      ],
    },
    ttl: {
      label: 'Time to live',
      help: 'How many routers may forward a ping, and one more.',
      range: [1, 64],
      sets: 'hosts.alice.apps[0].ttl',
    },
    size: {
      label: 'Size of a ping',
      help: 'Bytes of data in it; its headers add 42.',
      range: ['0 B', '1472 B'],
      sets: ['hosts.alice.apps[0].size', 'hosts.alice.apps[1].size'],
    },
    loss: {
      label: 'Packet loss',
      help: 'On each link, in each direction.',
      range: ['0 %', '30 %'],
      sets: ['links[0].loss', 'links[1].loss', 'links[2].loss', 'links[3].loss'],
    },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['events', 'inspector'],
  lesson: [
    {
      text: 'Alice wants to ping Bob. She knows his IP address, but a cable carries frames, and a frame needs a *hardware* address. Press play: what leaves first is no ping but a question, **ARP**: who has 10.0.0.254, the router?',
      until: { event: 'arp:resolved' },
    },
    {
      text: 'The question goes to everybody, so Carol hears it too. The answer goes to Alice alone: the **switch** has seen at which port she is. From now on Carol hears nothing of this conversation.',
      until: { event: 'switch:learned' },
    },
    {
      text: 'The ping reaches the **router**, which has to ask for Bob’s hardware address in his network. Click the packet on both sides of the router: the IP addresses stay, the hardware addresses change, and the TTL is one less.',
      until: { event: 'ping:replied' },
    },
    {
      text: 'The second and third ping ask nobody any more: half the time of the first. Wait for the packets with a TTL of 1, at 0.6 s.',
      until: { event: 'icmp:sent' },
    },
    {
      text: 'The router took one off the TTL, came to zero, and threw the packet away. It says so to Alice, and so she learns *its* address. One more each time, and every router on the way has given its name: that is **traceroute**.',
      until: { time: '720 ms' },
    },
    {
      text: 'Break it: drop an ARP question with a click, cut the link to Bob, or let Alice ping an address that nobody has. Turn the speed up for that: ARP asks three times, a second apart.',
    },
  ],
  claims: [
    {
      says: 'The first ping takes longer than any later one: addresses have to be asked for on the way.',
      cites: 'RFC 826, Packet Generation',
      holds: firstIsSlowest,
    },
    {
      says: 'Once the addresses are known, a round trip takes twice the delays of the links, and the time to put the bits on each, within 1 %.',
      cites: 'RFC 2681 section 2.4',
      holds: roundTripIsWhatLinksTake,
    },
    {
      says: 'Carol, at the next port of the switch, hears the question for an address, and nothing of the pings.',
      cites: 'RFC 826, Packet Generation; IEEE 802.1Q sections 8.6 and 8.7',
      holds: carolHearsOnlyQuestions,
    },
    {
      says: 'A packet that sets out with a TTL of 1 ends at the router, which says so.',
      cites: 'RFC 1812 section 5.3.1; RFC 792, Time Exceeded Message',
      holds: routerReportsTheEnd,
    },
  ],
})
