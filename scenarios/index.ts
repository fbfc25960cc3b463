import type { Catalog } from '../src/scenario/catalog.ts'

/** The scenarios that come with the project, in the order in which they teach. */
export const scenarios: Catalog = {
  'hello-network': {
    title: 'Hello, network',
    summary:
      'A ping from Alice to Bob: who has this address, which way is it, and what happens to a packet that has been forwarded too often.',
    load: () => import('./hello-network/scenario.ts'),
  },
  layers: {
    title: 'A letter in an envelope in an envelope',
    summary: 'One request for one page, and the layers that it is packed in: what each adds, who opens which, and what it costs.',
    load: () => import('./layers/scenario.ts'),
  },
  'arp-and-macs': {
    title: 'Who says that this is your address?',
    summary:
      'A switch learns where everybody is, ARP believes whatever it is told, and so somebody who only asks nicely gets to read along.',
    load: () => import('./arp-and-macs/scenario.ts'),
  },
  'subnets-and-cidr': {
    title: 'Near or far? The mask decides',
    summary:
      'Two halves of one network, 10.0.0.0/25 and 10.0.0.128/25, with a router between. One bit too many or too few in a mask breaks exactly what it should.',
    load: () => import('./subnets-and-cidr/scenario.ts'),
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
  congestion: {
    title: 'Two strangers share a line',
    summary:
      'Ann and Ben send through one bottleneck, and nobody tells them how much is theirs. Reno, CUBIC and BBR find out, each in its own way, and not each gets along with the others.',
    load: () => import('./congestion/scenario.ts'),
  },
  'mtu-black-hole': {
    title: 'The download that hangs behind a tunnel',
    summary:
      'Ping works, the connection opens, the request arrives, and the download never comes: a router drops what is too big for a tunnel, and says nothing.',
    load: () => import('./mtu-black-hole/scenario.ts'),
  },
  'syn-flood': {
    title: 'A door full of people who never come in',
    summary:
      'A hundred invented hosts a second want to connect to Bob, and never answer him. His queue is full, and Alice cannot get in, until he stops remembering.',
    load: () => import('./syn-flood/scenario.ts'),
  },
  'burst-loss': {
    title: 'Two per cent is not two per cent',
    summary:
      'Two lines lose as much, one now and then a packet, one several in a row. The same download over both: which is faster, and why?',
    load: () => import('./burst-loss/scenario.ts'),
  },
  bufferbloat: {
    title: 'A buffer is not a favour',
    summary:
      'Three homes download and ping at the same time, over three lines of one speed: one with a plain buffer, one with CoDel, one with FQ-CoDel.',
    load: () => import('./bufferbloat/scenario.ts'),
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
  'nagle-and-delayed-ack': {
    title: 'Two good ideas that wait for each other',
    summary:
      'Nagle’s algorithm holds back small segments, delayed acknowledgments hold back the answer that it waits for: forty lost milliseconds, without anything being lost.',
    load: () => import('./nagle-and-delayed-ack/scenario.ts'),
  },
  'ipv4-and-ipv6': {
    title: 'Two Internets on one cable',
    summary:
      'The same page over IPv4 and over IPv6: two headers, two ways to find a neighbour, two roads. And what a browser does when one of them is broken.',
    load: () => import('./ipv4-and-ipv6/scenario.ts'),
  },
}
