import { TEST_FILES, type Requirement } from './requirement.ts'

const { OPEN, CLOSE, WINDOW, RECOVERY, ARRIVAL } = TEST_FILES
const CODEC = 'test/wire/tcp.test.ts'
const HOST = 'test/host/tcp.test.ts'
const LISTENER = 'test/host/tcp-listener.test.ts'
const KEEPALIVE = 'test/pair/tcp-keepalive.test.ts'
const RULES = 'test/host/tcp-rules.test.ts'
const SOCKET = 'test/host/tcp-fast-open.test.ts'

const URGENT =
  'The urgent mechanism is not offered: RFC 6093 section 5 advises applications against it. What comes with URG is delivered in the stream like any other data.'

/** RFC 9293, Transmission Control Protocol, MUST-1 to MUST-40 of its appendix B: format, connections, data. */
export const RFC_9293_PROTOCOL: readonly Requirement[] = [
  {
    id: 'MUST-1',
    section: '3.1',
    says: 'The window field is an unsigned number.',
    tests: {
      [WINDOW]: ['RFC 7323 section 2: windows beyond 64 KiB, when both sides scale; exactly 65,535 when they do not'],
      [CODEC]: ['any segment survives bytes, at any offset, with a right checksum'],
    },
  },
  {
    id: 'MUST-2',
    section: '3.1',
    says: 'The sender computes the checksum.',
    tests: {
      [CODEC]: [
        'any segment survives bytes, at any offset, with a right checksum',
        'tshark finds nothing malformed, no bad checksum and the same SACK blocks in a lossy transfer of ours',
      ],
    },
  },
  {
    id: 'MUST-3',
    section: '3.1',
    says: 'The receiver checks the checksum, and drops what has a wrong one.',
    tests: { [RULES]: ['RFC 9293 section 3.1, MUST-3: a segment with a wrong checksum is dropped without an answer'] },
  },
  {
    id: 'MUST-4',
    section: '3.1',
    says: 'End of option list, no-operation and maximum segment size are supported.',
    tests: {
      [CODEC]: [
        'RFC 9293 section 3.1: nothing behind the end of the option list counts',
        'RFC 9293 section 3.1, MUST-5: options are understood in any order and at any alignment',
      ],
    },
  },
  {
    id: 'MUST-5',
    section: '3.1',
    says: 'An option may come in any segment.',
    tests: { [CODEC]: ['RFC 9293 section 3.1, MUST-5: options are understood in any order and at any alignment'] },
  },
  {
    id: 'MUST-6',
    section: '3.1',
    says: 'Options that are not known are ignored.',
    tests: { [CODEC]: ['RFC 9293 section 3.1, MUST-6: unknown options are stepped over'] },
  },
  {
    id: 'MUST-7',
    section: '3.1',
    says: 'An illegal option length does no harm.',
    tests: { [CODEC]: ['RFC 9293 section 3.1, MUST-7: an impossible option length makes the segment invalid, and hangs nobody'] },
  },
  {
    id: 'MUST-8',
    section: '3.4.1',
    says: 'Initial sequence numbers follow a clock.',
    tests: { [RULES]: ['RFC 9293 section 3.4.1, MUST-8: initial sequence numbers of one tuple follow a clock'] },
  },
  {
    id: 'MUST-9',
    section: '3.4.1',
    says: 'Nobody outside can compute the function that is added to the clock.',
    tests: {
      'test/protocols/tcp/keyed-hash.test.ts': [
        'SipHash-2-4: the vectors of its authors, as far as they consist of whole words',
        'every word and every bit of the key counts, and so does the number of words',
      ],
      [HOST]: ['connections have ports and sequence numbers that no one can foresee, from the seed'],
    },
  },
  {
    id: 'MUST-10',
    section: '3.5',
    says: 'Both sides may open at once.',
    tests: {
      [OPEN]: ['RFC 9293 section 3.5, figure 7: simultaneous open', 'simultaneous open survives the loss of either answer'],
    },
  },
  {
    id: 'MUST-11',
    section: '3.5',
    says: 'SYN-RECEIVED remembers whether it was reached by a passive or an active open.',
    tests: {
      [RULES]: [
        'RFC 9293 section 3.5, MUST-11: a reset in SYN-RECEIVED refuses an active open, and is not told after a passive one',
      ],
    },
  },
  {
    id: 'MUST-12',
    section: '3.6',
    says: 'The application learns that the peer has aborted rather than closed.',
    tests: { [LISTENER]: ['reset: the peer hears ECONNRESET, who resets hears nothing'] },
  },
  {
    id: 'MUST-13',
    section: '3.6.1',
    says: 'Who closes first stays in TIME-WAIT for twice the maximum segment lifetime.',
    tests: { [CLOSE]: ['RFC 9293 section 3.4.2: TIME-WAIT lasts twice the maximum segment lifetime'] },
    deviates: 'The maximum segment lifetime is 30 s as in Linux, and a setting; RFC 9293 takes it to be two minutes.',
  },
  {
    id: 'MUST-14',
    section: '3.7.1',
    says: 'The MSS option is sent and taken.',
    tests: { [OPEN]: ['a SYN carries MSS, SACK-permitted, timestamps and window scale; its answer too'] },
  },
  {
    id: 'MUST-15',
    section: '3.7.1',
    says: 'Without the option the MSS is 536 (1220 for IPv6).',
    tests: { [ARRIVAL]: ['RFC 9293 section 3.7.1, MUST-15: without an MSS option segments carry at most 536 bytes'] },
  },
  {
    id: 'MUST-16',
    section: '3.7.1',
    says: 'The effective segment size is the smaller MSS, less options.',
    tests: { [ARRIVAL]: ['RFC 9293 section 3.7.1, MUST-16: the smaller of both MSS, with the options taken off'] },
  },
  {
    id: 'MUST-17',
    section: '3.7.4',
    says: 'An application can switch Nagle’s algorithm off.',
    tests: {
      [WINDOW]: ['RFC 9293 section 3.7.4, MUST-17: Nagle’s algorithm can be switched off, for a host or for one connection'],
    },
  },
  {
    id: 'MUST-18',
    section: '3.8.1',
    says: 'The retransmission timeout follows RFC 6298, with Karn’s algorithm.',
    tests: {
      'test/protocols/tcp/rtt-estimator.test.ts': [
        'RFC 6298 section 2.2: the first measurement R gives SRTT = R, RTTVAR = R/2, RTO = R + 4 RTTVAR',
        'RFC 6298 section 2.3: later ones with alpha 1/8 and beta 1/4, the variance against the old SRTT',
      ],
      'test/protocols/tcp/sent-segments.test.ts': [
        'RFC 6298 section 3 (Karn): an acknowledgment that covers a segment sent twice measures nothing',
      ],
    },
  },
  {
    id: 'MUST-19',
    section: '3.8.2',
    says: 'Slow start, congestion avoidance and exponential backoff are implemented (RFC 5681, RFC 6298).',
    tests: {
      [RECOVERY]: [
        'RFC 6298 section 5: a lone lost segment waits for the timer, which doubles until an acknowledgment comes',
        'RFC 5681 section 3.1: a timeout sends one segment, then grows by slow start to half of the flight',
      ],
    },
  },
  {
    id: 'MUST-20',
    section: '3.8.3',
    says: 'After R2 retransmissions the connection is closed; R1 gives IP a hint that the way may be dead.',
    tests: {
      [RECOVERY]: ['RFC 9293 section 3.8.3: data that is never acknowledged is given up after all retries'],
      'test/pair/tcp-path-mtu.test.ts': [
        'RFC 4821 section 7.7: after some timeouts in a row segments become small, and get through',
      ],
    },
    deviates: 'The hint at R1 goes to path MTU discovery alone: a host here has one route to each destination.',
  },
  {
    id: 'MUST-21',
    section: '3.8.3',
    says: 'R2 can be set.',
    tests: { [RULES]: ['RFC 9293 section 3.8.3, MUST-21: how often data is sent again is a setting'] },
    deviates: 'It is a setting of the host, not of one connection.',
  },
  {
    id: 'MUST-22',
    section: '3.8.3',
    says: 'SYNs are sent again by the same rules.',
    tests: {
      [OPEN]: [
        'RFC 6298 section 5, RFC 9293 section 3.8.3: a SYN that nobody answers is sent again after 1, 3, 7, 15, 31 and 63 s, and given up after 127 s',
      ],
    },
  },
  {
    id: 'MUST-23',
    section: '3.8.3',
    says: 'R2 for a SYN is at least 3 minutes.',
    tests: { [RULES]: ['RFC 9293 section 3.8.3, MUST-23: with seven retries a SYN is given up after more than three minutes'] },
    deviates: 'The default is Linux’s, six retries in 127 s.',
  },
  {
    id: 'MUST-24',
    section: '3.8.4',
    says: 'An application can switch keepalives on or off for its connection.',
    tests: {
      [KEEPALIVE]: ['RFC 9293 section 3.8.4, MUST-24: the application decides, also against the setting of the host'],
      [SOCKET]: ['RFC 9293 section 3.8.4, MUST-24: keepalive for one socket, though the host has none'],
    },
  },
  {
    id: 'MUST-25',
    section: '3.8.4',
    says: 'Keepalives are off by default.',
    tests: { [KEEPALIVE]: ['RFC 9293 section 3.8.4, MUST-25: keepalives are off unless asked for'] },
  },
  {
    id: 'MUST-26',
    section: '3.8.4',
    says: 'They go out only when nothing is outstanding and nothing has been received for the interval.',
    tests: {
      [KEEPALIVE]: [
        'RFC 9293 section 3.8.4, MUST-26: only silence is probed, not while data is outstanding or acknowledgments come',
        'a window that stays shut is probed by its own timer, not by keepalives',
      ],
    },
  },
  {
    id: 'MUST-27',
    section: '3.8.4',
    says: 'The interval can be set.',
    tests: {
      [KEEPALIVE]: ['RFC 9293 section 3.8.4, MUST-27: idle time, interval and number of probes are settings, and per connection'],
    },
  },
  {
    id: 'MUST-28',
    section: '3.8.4',
    says: 'By default it is no less than two hours.',
    tests: { [KEEPALIVE]: ['RFC 9293 section 3.8.4, MUST-28: by default the silence before a probe is two hours'] },
  },
  {
    id: 'MUST-29',
    section: '3.8.4',
    says: 'One unanswered probe is no proof that the connection is dead.',
    tests: { [KEEPALIVE]: ['RFC 9293 section 3.8.4, MUST-29: lost answers are no death; only all of them in a row are'] },
  },
  { id: 'MUST-30', section: '3.8.5', says: 'The urgent mechanism is supported.', untested: URGENT },
  { id: 'MUST-31', section: '3.8.5', says: 'Urgent data may be of any length.', untested: URGENT },
  { id: 'MUST-32', section: '3.8.5', says: 'The application is told of urgent data.', untested: URGENT },
  { id: 'MUST-33', section: '3.8.5', says: 'The application can learn how much urgent data there is to read.', untested: URGENT },
  {
    id: 'MUST-34',
    section: '3.8.6',
    says: 'A sender copes with a window that shrinks.',
    tests: {
      [WINDOW]: [
        'RFC 9293 section 3.8.6: a peer that takes back its window is obeyed, and the connection lasts as long as it answers',
      ],
    },
  },
  {
    id: 'MUST-35',
    section: '3.8.6.1',
    says: 'A window that shrinks below what was sent is probed like a closed one.',
    tests: {
      [WINDOW]: [
        'RFC 9293 section 3.8.6: a peer that takes back its window is obeyed, and the connection lasts as long as it answers',
      ],
    },
  },
  {
    id: 'MUST-36',
    section: '3.8.6.1',
    says: 'A closed window is probed.',
    tests: {
      [WINDOW]: [
        'RFC 9293 section 3.8.6.1, MUST-36 and MUST-58: a closed window is probed after one RTO, then at doubled distances',
      ],
    },
  },
  {
    id: 'MUST-37',
    section: '3.8.6.1',
    says: 'As long as probes are answered a window may stay closed for ever.',
    tests: { [WINDOW]: ['RFC 9293 section 3.8.6.1, MUST-37: a window may stay closed for days, as long as probes are answered'] },
  },
  {
    id: 'MUST-38',
    section: '3.8.6.2.1',
    says: 'The sender avoids the silly window syndrome.',
    tests: {
      [WINDOW]: ['RFC 9293 section 3.8.6.2.1: a sender waits rather than fill a small window, unless it is half of the largest'],
    },
  },
  {
    id: 'MUST-39',
    section: '3.8.6.2.2',
    says: 'The receiver avoids the silly window syndrome.',
    tests: {
      [WINDOW]: [
        'RFC 9293 section 3.8.6.2.2: the receiver opens its window by a segment or half of its buffer, not byte by byte',
      ],
    },
  },
  {
    id: 'MUST-40',
    section: '3.8.6.3',
    says: 'An acknowledgment is delayed by less than 500 ms.',
    tests: {
      [WINDOW]: ['small segments count by their bytes, and all are acknowledged within the timeout'],
      [RULES]: ['RFC 9293 section 3.8.6.3, MUST-40: no setting delays acknowledgments for longer than 500 ms'],
    },
  },
]
