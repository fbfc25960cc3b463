import { TEST_FILES, type Requirement } from './requirement.ts'

const { OPEN, WINDOW, ARRIVAL } = TEST_FILES
const CODEC = 'test/wire/tcp.test.ts'
const HOST = 'test/host/tcp.test.ts'
const RULES = 'test/host/tcp-rules.test.ts'
const SOCKET = 'test/host/tcp-fast-open.test.ts'
const PATH_MTU = 'test/host/tcp-path-mtu.test.ts'

const URGENT =
  'The urgent mechanism is not offered: RFC 6093 section 5 advises applications against it. What comes with URG is delivered in the stream like any other data.'
const SOURCE_ROUTES = 'Source routes are not offered: RFC 7126 section 4.3 recommends to drop packets that have one.'

/** RFC 9293, MUST-41 to MUST-69 of its appendix B: interfaces, and what was numbered later. */
export const RFC_9293_INTERFACES: readonly Requirement[] = [
  {
    id: 'MUST-41',
    section: '3.9.1.1',
    says: 'A passive open does not disturb connections that exist.',
    tests: {
      [RULES]: [
        'RFC 9293 section 3.9.1.1, MUST-41 and MUST-42: listening at a port leaves its connections alone, and two ports listen at a time',
      ],
    },
  },
  {
    id: 'MUST-42',
    section: '3.9.1.1',
    says: 'Several passive opens may exist at a time, for different ports at least.',
    tests: {
      [RULES]: [
        'RFC 9293 section 3.9.1.1, MUST-41 and MUST-42: listening at a port leaves its connections alone, and two ports listen at a time',
      ],
    },
  },
  {
    id: 'MUST-43',
    section: '3.9.1.1',
    says: 'On a host with several addresses an application may name its own for an open.',
    untested:
      'Not offered: a listener takes connections to every address of its host, and an active open uses the address that routing gives (MUST-44).',
  },
  {
    id: 'MUST-44',
    section: '3.9.1.1',
    says: 'Without a name of its own, an active open asks IP for an address.',
    tests: {
      [RULES]: ['RFC 9293 section 3.9.1.1, MUST-44 and MUST-45: the address of the interface on the way is used, and kept'],
    },
  },
  {
    id: 'MUST-45',
    section: '3.9.1.1',
    says: 'A connection keeps one local address for all its segments.',
    tests: {
      [RULES]: ['RFC 9293 section 3.9.1.1, MUST-44 and MUST-45: the address of the interface on the way is used, and kept'],
    },
  },
  {
    id: 'MUST-46',
    section: '3.9.1.1',
    says: 'To open to a broadcast or multicast address is an error.',
    tests: { [RULES]: ['RFC 9293 section 3.9.1.1, MUST-46: connecting to everybody, or to a group, is an error'] },
  },
  {
    id: 'MUST-47',
    section: '3.9.1.8',
    says: 'There is a way to tell applications of soft errors.',
    tests: {
      [OPEN]: ['RFC 1122 section 4.2.3.9: an established connection survives what ICMP says'],
      [HOST]: ['no route: ENETUNREACH; a route whose end does not exist: what the router says'],
    },
    deviates: 'A soft error is told when the connection is given up for it, as its reason; until then the trace alone has it.',
  },
  {
    id: 'MUST-48',
    section: '3.9.1.9',
    says: 'An application can set the differentiated services field of its connection.',
    tests: { [SOCKET]: ['RFC 9293 section 3.9.1.9, MUST-48, and 3.9.2, MUST-49: traffic class and time to live'] },
  },
  {
    id: 'MUST-49',
    section: '3.9.2',
    says: 'The time to live can be set.',
    tests: { [SOCKET]: ['RFC 9293 section 3.9.1.9, MUST-48, and 3.9.2, MUST-49: traffic class and time to live'] },
  },
  {
    id: 'MUST-50',
    section: '3.9.2',
    says: 'IP options that are not understood are ignored.',
    tests: { [RULES]: ['RFC 9293 section 3.9.2, MUST-50: a segment is taken whatever options its IP header has'] },
  },
  { id: 'MUST-51', section: '3.9.2.1', says: 'An application can give a source route.', untested: SOURCE_ROUTES },
  { id: 'MUST-52', section: '3.9.2.1', says: 'That one goes before a route from a datagram.', untested: SOURCE_ROUTES },
  { id: 'MUST-53', section: '3.9.2.1', says: 'The return route of a received source route is used.', untested: SOURCE_ROUTES },
  {
    id: 'MUST-54',
    section: '3.9.2.2',
    says: 'An ICMP error reaches the connection that it is about.',
    tests: {
      [OPEN]: [
        'ICMP: port unreachable refuses, host unreachable ends the attempt as in Linux, or is kept for the timeout by RFC 1122',
      ],
      [PATH_MTU]: ['RFC 1191 section 6.4: the lost segments go out again within a round trip, without a timeout'],
    },
  },
  {
    id: 'MUST-55',
    section: '3.9.2.2',
    says: 'Source quench is ignored.',
    tests: { [RULES]: ['RFC 9293 section 3.9.2.2, MUST-55: a source quench changes nothing'] },
  },
  {
    id: 'MUST-56',
    section: '3.9.2.2',
    says: 'Soft errors do not end a connection.',
    tests: { [OPEN]: ['RFC 1122 section 4.2.3.9: an established connection survives what ICMP says'] },
    deviates:
      'An attempt to connect ends at a soft error, as in Linux and as RFC 5461 section 4.1 describes; the setting unreachableEndsConnect says otherwise.',
  },
  {
    id: 'MUST-57',
    section: '3.9.2.3',
    says: 'A SYN to a broadcast or multicast address is dropped in silence.',
    tests: { [RULES]: ['RFC 9293 section 3.9.2.3, MUST-57: a SYN to everybody gets no answer'] },
  },
  {
    id: 'MUST-58',
    section: '3.10.7.4',
    says: 'Acknowledgments are aggregated where that is possible.',
    tests: {
      [WINDOW]: [
        'RFC 5681 section 4.2: every second full segment is acknowledged at once, a single one after the timeout',
        'an acknowledgment rides on data',
      ],
    },
  },
  {
    id: 'MUST-59',
    section: '3.10.7.4',
    says: 'Segments that were queued are all processed before one acknowledgment is sent.',
    tests: {
      [RULES]: ['RFC 9293 section 3.10.7.4, MUST-59: what waited behind a gap is acknowledged together when the gap is filled'],
    },
  },
  {
    id: 'MUST-60',
    section: '3.9.1.2',
    says: 'Where an application cannot push, the sender does not hold data back for ever.',
    tests: {
      [RULES]: ['RFC 9293 section 3.9.1.2, MUST-60 and MUST-61: all that was written leaves, its last segment with PSH'],
    },
  },
  {
    id: 'MUST-61',
    section: '3.9.1.2',
    says: 'Where an application cannot push, the last segment of what is queued has PSH.',
    tests: {
      [WINDOW]: ['PSH stands on the segment that empties the queue'],
      [RULES]: ['RFC 9293 section 3.9.1.2, MUST-60 and MUST-61: all that was written leaves, its last segment with PSH'],
    },
  },
  {
    id: 'MUST-62',
    section: '3.8.5',
    says: 'The urgent pointer points to the byte behind the urgent data.',
    untested: URGENT,
  },
  {
    id: 'MUST-63',
    section: '3.9.2.3',
    says: 'A SYN from an impossible source is ignored.',
    tests: { [RULES]: ['RFC 9293 section 3.9.2.3, MUST-63: a SYN from an address that cannot be a host’s gets no answer'] },
  },
  {
    id: 'MUST-64',
    section: '3.1',
    says: 'Options are processed whatever their alignment.',
    tests: { [CODEC]: ['RFC 9293 section 3.1, MUST-5: options are understood in any order and at any alignment'] },
  },
  {
    id: 'MUST-65',
    section: '3.7.1',
    says: 'The MSS option is in SYNs only.',
    tests: {
      [RULES]: ['RFC 9293 section 3.7.1, MUST-65 and MUST-67: the MSS stands in SYNs only, and is the link’s MTU less 40'],
    },
  },
  {
    id: 'MUST-66',
    section: '3.8.6',
    says: 'With a zero window, RST and URG are still processed.',
    tests: { [ARRIVAL]: ['RFC 9293 section 3.4: a zero window takes no data, but takes acknowledgments and resets'] },
    deviates: 'URG means nothing here, see MUST-30.',
  },
  {
    id: 'MUST-67',
    section: '3.7.1',
    says: 'The MSS that is announced is what IP can receive, less the headers.',
    tests: {
      [RULES]: ['RFC 9293 section 3.7.1, MUST-65 and MUST-67: the MSS stands in SYNs only, and is the link’s MTU less 40'],
      [PATH_MTU]: ['what one connection has learnt the next one knows, and it is announced no smaller MSS'],
    },
    deviates: 'The link’s MTU is taken for what IP can receive, as everywhere, though it can put together larger packets.',
  },
  {
    id: 'MUST-68',
    section: '3.1',
    says: 'All options but the two single-byte ones have a length.',
    tests: {
      [CODEC]: [
        'any segment survives bytes, at any offset, with a right checksum',
        'RFC 9293 section 3.1, MUST-6: unknown options are stepped over',
      ],
    },
  },
  {
    id: 'MUST-69',
    section: '3.1',
    says: 'The header is padded with zeros.',
    tests: {
      [RULES]: ['RFC 9293 section 3.1, MUST-69: options fill whole words, so that nothing is left to pad but with zeros'],
    },
  },
]
