import type { Catalog } from '../src/scenario/catalog.ts'

/** The scenarios that come with the project, in the order in which they teach. */
export const scenarios: Catalog = {
  'hello-network': {
    title: 'Hello, network',
    summary:
      'A ping from Alice to Bob: who has this address, which way is it, and what happens to a packet that has been forwarded too often.',
    load: () => import('./hello-network/scenario.ts'),
  },
  'tcp-handshake': {
    title: 'Three segments to say hello',
    summary: 'How a TCP connection begins, and how it begins when a SYN is lost, when nobody listens, and when one side forgets.',
    load: () => import('./tcp-handshake/scenario.ts'),
  },
  'tcp-close': {
    title: 'Four ways to say goodbye',
    summary:
      'A TCP connection is two one-way streets, and each is closed for itself: four segments, half-close, TIME-WAIT, and the reset that ends it all at once.',
    load: () => import('./tcp-close/scenario.ts'),
  },
  'tcp-head-of-line': {
    title: 'One lost segment, and all that waits for it',
    summary:
      'Destroy a packet of a download with a click: three duplicate ACKs, a fast retransmission, and a line of segments that may not pass.',
    load: () => import('./tcp-head-of-line/scenario.ts'),
  },
  'udp-vs-tcp': {
    title: 'A voice over UDP and over TCP',
    summary: 'The same call twice, over two lines that lose as much: where UDP leaves a gap of 20 ms, TCP repairs it, too late.',
    load: () => import('./udp-vs-tcp/scenario.ts'),
  },
  'http1-page': {
    title: 'Eleven files make a page',
    summary:
      'One page over HTTP/1.1, four ways: a new connection for each file, one that is kept, six at once, and requests in a pipeline.',
    load: () => import('./http1-page/scenario.ts'),
  },
}
