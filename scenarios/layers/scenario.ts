import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import { FrameMark, type TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, framesFrom, noOccasion, time } from '../measure.ts'

const rate = '10 Mbit/s'

/** One segment holds it and the head of its response: what is lost of it can be put together again by any reader of a capture that shows the lost ones too. */
const SIZE = '1.2 kB'
/** Bytes of the headers around what Bob says: Ethernet, IPv4, and TCP with its timestamps. */
const HEADERS = 14 + 20 + 32

function envelopesAreAlike(trace: TraceView): ClaimResult {
  const frames = framesFrom(trace, 'bob', ({ kind }) => kind === 'tcp-data')
  const delivered = eventsOf(trace, 'alice', 'tcp:delivered').reduce((sum, event) => sum + amount(event, 'length'), 0)
  if (frames.length === 0 || eventsOf(trace, 'alice', 'page:loaded').length === 0) return noOccasion('the page did not arrive')
  if (frames.some(({ mark }) => (mark & FrameMark.Retransmission) !== 0)) return noOccasion('some of it was sent twice')
  const total = frames.reduce((sum, { length }) => sum + length, 0)
  return {
    holds: total - delivered === frames.length * HEADERS,
    evidence: `${count(frames.length, 'frame')} of ${count(total, 'byte')} brought ${count(delivered, 'byte')} of HTTP: ${((total - delivered) / frames.length).toFixed(0)} bytes of headers each, where ${String(HEADERS)} were expected.`,
  }
}

function nobodyOpensThem(trace: TraceView): ClaimResult {
  let passed = 0
  let changed = 0
  for (const frame of trace.frames(({ mark }) => (mark & FrameMark.Forwarded) !== 0)) {
    const before = trace.frameById(frame.cause)
    // What waited for a hardware address was set free by the answer, not by the packet that came in.
    if (before === undefined || before.kind === 'arp') continue
    passed++
    if (before.length !== frame.length || before.kind !== frame.kind || before.connection !== frame.connection) changed++
  }
  if (passed === 0) return noOccasion('nothing was passed on')
  return {
    holds: changed === 0,
    evidence: `Switch and router passed on ${count(passed, 'frame')}; of ${String(changed)} the length or the contents were others than before.`,
  }
}

function fromBelow(trace: TraceView): ClaimResult {
  const known = eventsOf(trace, 'alice', 'arp:resolved')[0]?.time
  const syn = framesFrom(trace, 'alice', ({ kind }) => kind === 'tcp-syn')[0]
  const open = eventsOf(trace, 'alice', 'tcp:state-changed').find(({ data }) => data['to'] === 'ESTABLISHED')
  const request = framesFrom(trace, 'alice', ({ kind }) => kind === 'tcp-data')[0]
  if (known === undefined || syn === undefined || open === undefined || request === undefined)
    return noOccasion('the request did not leave')
  return {
    holds: known <= syn.enqueued && syn.enqueued < open.time && open.time <= request.enqueued,
    evidence: `Hardware address known at ${time(known)}, SYN at ${time(syn.enqueued)}, connection open at ${time(open.time)}, request at ${time(request.enqueued)}.`,
  }
}

export default defineScenario({
  id: 'layers',
  title: 'A letter in an envelope in an envelope',
  summary: 'One request for one page, and the layers that it is packed in: what each adds, who opens which, and what it costs.',
  seed: 1,
  duration: '20 s',
  speed: 0.02,
  hosts: {
    alice: { label: 'Alice', position: { x: 0, y: 0.5 }, app: 'browser', visits: 'http://bob/' },
    switch: { kind: 'switch', label: 'Switch', position: { x: 0.33, y: 0.5 } },
    router: { kind: 'router', label: 'Router', position: { x: 0.67, y: 0.5 } },
    bob: { label: 'Bob', position: { x: 1, y: 0.5 }, app: 'web-server', serves: { '/': { size: SIZE } } },
  },
  links: [
    { between: ['alice', 'switch'], rate, delay: '5 ms' },
    { between: ['switch', 'router'], rate, delay: '5 ms' },
    { between: ['router', 'bob'], rate, delay: '10 ms' },
  ],
  knobs: {
    size: {
      label: 'Size of the page',
      range: ['1 B', '1.3 kB'],
      sets: 'hosts.bob.serves["/"].size',
    },
    loss: {
      label: 'Packet loss',
      help: 'On each link, in each direction.',
      range: ['0 %', '20 %'],
      sets: ['links[0].loss', 'links[1].loss', 'links[2].loss'],
    },
  },
  faults: ['drop', 'corrupt', 'link', 'cut', 'kill'],
  views: ['events', 'inspector'],
  lesson: [
    {
      text: 'Alice wants one page from Bob. Before the first byte of her request can leave, each layer has to be ready, from below: **Ethernet** needs a hardware address (ARP), and **TCP** a connection.',
      until: { event: 'http:request-sent' },
    },
    {
      text: 'There it is. Click that packet and look at the bars in the inspector: the request in a **segment**, the segment in a **packet**, the packet in a **frame**. Each box is as wide as its bytes.',
      until: { event: 'http:request-received' },
    },
    {
      text: 'The **switch** read the outermost envelope alone, the **router** the next one too: it took the packet out of one frame and put it into another. TCP and HTTP were opened by Bob, and nobody before him.',
      until: { event: 'http:response-started' },
    },
    {
      text: 'The answer comes back in one frame: the head of the response, and the page behind it. No frame here holds more than 1,514 bytes; a longer page TCP would cut into several segments, each in envelopes of its own.',
      until: { event: 'page:loaded' },
    },
    {
      text: 'Make the page a single byte, and compare the bars: the envelopes are as heavy as before. Then damage a frame and see which layer notices.',
    },
  ],
  claims: [
    {
      says: 'The frame that brings the page is longer than what HTTP has said by three headers: Ethernet 14, IPv4 20, TCP 32 bytes.',
      cites: 'RFC 894; RFC 791 section 3.1; RFC 9293 section 3.1; RFC 7323 section 3.2',
      holds: envelopesAreAlike,
    },
    {
      says: 'What switch and router pass on is as long as what they got, and of the same conversation.',
      cites: 'RFC 1812 section 5.2.1; RFC 1122 section 1.1.3',
      holds: nobodyOpensThem,
    },
    {
      says: 'The layers get ready from below: first the hardware address, then the connection, then the request.',
      cites: 'RFC 1122 section 1.1.3',
      holds: fromBelow,
    },
  ],
})
