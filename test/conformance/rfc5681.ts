import { TEST_FILES, type Requirement } from './requirement.ts'

const { OPEN, WINDOW, RECOVERY } = TEST_FILES
const NEW_RENO = 'test/protocols/congestion/new-reno.test.ts'

/** RFC 5681, TCP Congestion Control: every MUST and MUST NOT. It has no numbers for them. */
export const RFC_5681: readonly Requirement[] = [
  {
    id: '3.1 both algorithms',
    section: '3.1',
    says: 'Slow start and congestion avoidance govern how much is outstanding.',
    tests: {
      'test/pair/tcp-ns3.test.ts': [
        'without loss but the queue’s: slow-start exit, recovery, sawtooth and completion follow ns-3',
      ],
    },
  },
  {
    id: '3.1 initial window',
    section: '3.1',
    says: 'The initial window has an upper bound (of RFC 5681, or the larger one of RFC 6928 that is used here).',
    tests: {
      'test/pair/tcp-ns3.test.ts': [
        'RFC 6928: the window over the first round trips is ns-3’s: 10, then one more for each acknowledgment',
      ],
    },
  },
  {
    id: '3.1 initial window after a lost SYN',
    section: '3.1',
    says: 'When a SYN or its answer was lost, the initial window is one segment.',
    tests: {
      [OPEN]: [
        'RFC 5681 section 3.1: after a lost SYN the initial window is one segment, and without a measurement the timeout 3 s (RFC 6298 section 5.7)',
      ],
    },
  },
  {
    id: '3.1 SYN does not open the window',
    section: '3.1',
    says: 'The acknowledgments of the handshake do not increase the congestion window.',
    tests: {
      'test/pair/tcp-ns3.test.ts': [
        'RFC 6928: the window over the first round trips is ns-3’s: 10, then one more for each acknowledgment',
      ],
    },
  },
  {
    id: '3.1 congestion avoidance',
    section: '3.1',
    says: 'In congestion avoidance the window grows by no more than one segment per round-trip time.',
    tests: { [NEW_RENO]: ['RFC 5681 section 3.1: in congestion avoidance one segment for each window of acknowledged bytes'] },
  },
  {
    id: '3.1 threshold after a timeout',
    section: '3.1',
    says: 'The first timeout of a segment sets the threshold to at most half of the flight, and at least two segments (equation 4).',
    tests: {
      [NEW_RENO]: [
        'RFC 5681 equation 4: half of the flight, at least two segments',
        'RFC 5681 section 3.1: a timeout leaves one segment, and halves the threshold once for the same data',
      ],
      'test/protocols/tcp/recovery.test.ts': [
        'RFC 5681 equation 4: a timeout in the middle of recovery does not raise the threshold by what recovery itself has sent',
      ],
    },
  },
  {
    id: '3.1 loss window',
    section: '3.1',
    says: 'A timeout sets the congestion window to no more than one segment, whatever the initial window was.',
    tests: {
      [RECOVERY]: ['RFC 5681 section 3.1: a timeout sends one segment, then grows by slow start to half of the flight'],
    },
  },
  {
    id: '3.2 limited transmit leaves the window',
    section: '3.2 step 1',
    says: 'New data sent on the first two duplicates does not change the congestion window, and at most two segments of it go out.',
    tests: {
      [RECOVERY]: ['RFC 3042: the first two duplicates let out new segments, which do not count as flight'],
    },
  },
  {
    id: '3.2 threshold',
    section: '3.2 step 2',
    says: 'The third duplicate sets the threshold to at most half of the flight, without what limited transmit added.',
    tests: {
      'test/protocols/tcp/recovery.test.ts': [
        'RFC 3042: two duplicates widen the window by two segments, which FlightSize leaves out',
      ],
    },
  },
  {
    id: '3.2 retransmission',
    section: '3.2 step 3',
    says: 'The segment at SND.UNA is sent again, and the window is the threshold plus three segments.',
    tests: {
      [RECOVERY]: [
        'RFC 5681 section 3.2: the third duplicate acknowledgment sends the lost segment again, long before the timer',
      ],
      'test/protocols/tcp/recovery.test.ts': [
        'RFC 6582 section 3.2: the window is inflated by duplicates, deflated by partial acknowledgments, and left at the threshold',
      ],
    },
  },
  {
    id: '3.2 inflation',
    section: '3.2 step 4',
    says: 'Each further duplicate widens the window by one segment.',
    tests: {
      'test/protocols/tcp/recovery.test.ts': [
        'RFC 6582 section 3.2: the window is inflated by duplicates, deflated by partial acknowledgments, and left at the threshold',
      ],
    },
  },
  {
    id: '3.2 deflation',
    section: '3.2 step 6',
    says: 'The acknowledgment of new data sets the window to the threshold.',
    tests: {
      'test/protocols/tcp/recovery.test.ts': [
        'RFC 6582 section 3.2: the window is inflated by duplicates, deflated by partial acknowledgments, and left at the threshold',
      ],
    },
  },
  {
    id: '4.2 delay of acknowledgments',
    section: '4.2',
    says: 'An acknowledgment is sent within 500 ms of the first segment that is not acknowledged.',
    tests: {
      [WINDOW]: ['RFC 5681 section 4.2: every second full segment is acknowledged at once, a single one after the timeout'],
    },
  },
  {
    id: '4.2 no more than one',
    section: '4.2',
    says: 'No segment is answered with more than one acknowledgment, but to update the window.',
    tests: {
      'test/protocols/tcp/hostile-peer.test.ts': ['a storm of segments that need answers gets no more answers than segments'],
    },
  },
  {
    id: '4.3 two indications',
    section: '4.3',
    says: 'Losses in two successive windows of data lower window and threshold twice.',
    tests: {
      [RECOVERY]: ['losses behind the recovery point begin the next recovery as soon as they are known'],
    },
  },
]
