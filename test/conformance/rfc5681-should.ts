import { TEST_FILES, type Requirement } from './requirement.ts'

const { WINDOW, RECOVERY } = TEST_FILES
const NEW_RENO = 'test/protocols/congestion/new-reno.test.ts'
const LOSS_DETECTION = 'test/pair/tcp-loss-detection.test.ts'

/** RFC 5681: every SHOULD and RECOMMENDED, and what it demands of SACK and of lost retransmissions. It has no numbers for them. */
export const RFC_5681_SHOULD: readonly Requirement[] = [
  {
    id: '3.1 smaller segments',
    section: '3.1',
    says: 'When path MTU discovery makes segments smaller, the window shrinks in the same ratio.',
    tests: {
      'test/pair/tcp-path-mtu.test.ts': [
        'RFC 5681 section 3.1: the window shrinks in the ratio of the segment sizes, against a burst of many small ones',
      ],
    },
  },
  {
    id: '3.1 initial threshold',
    section: '3.1',
    says: 'The initial value of ssthresh is arbitrarily high.',
    tests: {
      [RECOVERY]: ['RFC 5681 section 3.1: the threshold begins arbitrarily high: slow start goes on until something is lost'],
    },
  },
  {
    id: '3.1 slow start by bytes',
    section: '3.1',
    says: 'In slow start an acknowledgment adds min(N, SMSS), so that split acknowledgments gain nothing (equation 2).',
    tests: {
      [NEW_RENO]: ['RFC 5681 section 3.1: in slow start each acknowledgment adds what it acknowledges, at most one segment'],
    },
    deviates: 'By default only: the preset linux adds all that is acknowledged (slowStartPerAck), as Linux does.',
  },
  {
    id: '3.1 congestion avoidance by bytes',
    section: '3.1',
    says: 'In congestion avoidance acknowledged bytes are counted, one segment more for each window of them.',
    tests: { [NEW_RENO]: ['RFC 5681 section 3.1: in congestion avoidance one segment for each window of acknowledged bytes'] },
    deviates: 'The preset textbook uses equation 3, which the RFC allows.',
  },
  {
    id: '3.1 repeated timeout',
    section: '3.1',
    says: 'A timeout of what a timeout has sent again leaves the threshold as it is.',
    tests: {
      [RECOVERY]: ['RFC 5681 section 3.1: a repeated timeout of the same data does not halve the threshold again'],
    },
  },
  {
    id: '3.2 duplicates at once',
    section: '3.2',
    says: 'What comes out of order is answered with a duplicate acknowledgment at once.',
    tests: { [WINDOW]: ['RFC 5681 section 4.2: data out of order, and data that fills a gap, is acknowledged at once'] },
  },
  {
    id: '3.2 gap filled',
    section: '3.2',
    says: 'What fills a gap, in part or all, is acknowledged at once.',
    tests: { [WINDOW]: ['RFC 5681 section 4.2: data out of order, and data that fills a gap, is acknowledged at once'] },
  },
  {
    id: '3.2 fast retransmit',
    section: '3.2',
    says: 'Three duplicates are taken for a loss, which is repaired without waiting for the timer.',
    tests: {
      [RECOVERY]: [
        'RFC 5681 section 3.2: the third duplicate acknowledgment sends the lost segment again, long before the timer',
      ],
      [LOSS_DETECTION]: ['RFC 8985 section 6.2 step 4: three segments that arrived behind a loss need no reordering window'],
    },
  },
  {
    id: '3.2 limited transmit',
    section: '3.2 step 1',
    says: 'The first two duplicates let out a new segment each (RFC 3042).',
    tests: { [RECOVERY]: ['RFC 3042: the first two duplicates let out new segments, which do not count as flight'] },
  },
  {
    id: '3.2 limited transmit with SACK',
    section: '3.2 step 1',
    says: 'A sender with SACK MUST NOT send new data unless the duplicate tells of something new.',
    tests: { [RECOVERY]: ['RFC 5681 section 3.2 step 1: with SACK a repetition that tells of nothing new lets nothing out'] },
  },
  {
    id: '3.2 what duplicates are',
    section: '2',
    says: 'A duplicate repeats number and window, so a receiver in the middle of a gap offers no other window.',
    tests: {
      'test/protocols/tcp/dsack.test.ts': [
        'RFC 5681 section 2: what repeats an acknowledgment repeats its window, although the reader has made room since',
      ],
    },
  },
  {
    id: '3.2 new data in recovery',
    section: '3.2 step 5',
    says: 'In recovery new data is sent where the window allows.',
    tests: {
      'test/protocols/tcp/recovery.test.ts': [
        'RFC 6582 section 3.2: the window is inflated by duplicates, deflated by partial acknowledgments, and left at the threshold',
      ],
    },
  },
  {
    id: '4.1 restart',
    section: '4.1',
    says: 'After an idle time of more than one timeout the window is at most the restart window.',
    tests: {
      [RECOVERY]: ['RFC 5681 section 4.1: after an idle time longer than the timeout the window begins anew'],
    },
  },
  {
    id: '4.2 delayed acknowledgments',
    section: '4.2',
    says: 'Acknowledgments are delayed, but there is one for every second full-sized segment at least.',
    tests: {
      [WINDOW]: ['RFC 5681 section 4.2: every second full segment is acknowledged at once, a single one after the timeout'],
    },
  },
  {
    id: '4.3 advanced recovery',
    section: '4.3',
    says: 'Some form of advanced loss recovery copes with several losses in one window (RFC 6582, RFC 6675).',
    tests: {
      [RECOVERY]: [
        'RFC 6582: each partial acknowledgment sends the next hole again, without three more duplicates',
        'RFC 6675: three holes are repaired within one round trip, in order, what arrived is not sent again',
      ],
    },
  },
  {
    id: '4.3 lost retransmission',
    section: '4.3',
    says: 'The loss of a retransmission MUST lower window and threshold a second time.',
    tests: {
      [RECOVERY]: ['RFC 6675: a lost retransmission waits for the timer'],
      [LOSS_DETECTION]: ['RFC 8985 section 4: a lost retransmission is found without the timer, again and again'],
    },
    deviates:
      'By RACK (off by default) it belongs to the recovery that it happens in, as in Linux: the threshold is lowered once, and below it rate reduction conserves packets.',
  },
]
