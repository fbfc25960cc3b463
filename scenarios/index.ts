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
  cryptography: {
    title: 'Seven letters and a curious postman',
    summary:
      'Alice writes the same letter seven times, from wide open to packed as TLS does it. The postman reads what he can, changes what he can, and factors what is too small.',
    load: () => import('./cryptography/scenario.ts'),
  },
  'tls-versions': {
    title: 'One round trip less, and a curtain',
    summary:
      'Ann speaks TLS 1.2, Ben TLS 1.3, to the same server. She waits once more than he does before she may ask, and everybody on the way can read whom she asked.',
    load: () => import('./tls-versions/scenario.ts'),
  },
  'tls-resumption-and-0-rtt': {
    title: 'Faster than a handshake, and twice as often',
    summary:
      'Ann comes back with a ticket and her order to pay goes out before anybody has answered. Somebody on the way cannot read it, but can send it again.',
    load: () => import('./tls-resumption-and-0-rtt/scenario.ts'),
  },
  'post-quantum-hello': {
    title: 'A hello that does not fit the envelope',
    summary:
      'Ben’s key exchange holds against computers that do not exist yet. His ClientHello outgrows one packet for it, and some boxes on the way have never seen that.',
    load: () => import('./post-quantum-hello/scenario.ts'),
  },
  'https-on-a-hostile-network': {
    title: 'Mallory’s free Wi-Fi',
    summary:
      'All that Alice sends goes through Mallory’s router. What she can read, what she can change, how she keeps people from TLS, and where she fails.',
    load: () => import('./https-on-a-hostile-network/scenario.ts'),
  },
  'tls-termination': {
    title: 'Where the padlock ends',
    summary:
      'Ann’s https goes to a proxy near her, which asks the server far away. Her handshakes are short. But what does the proxy speak, and who is listening there?',
    load: () => import('./tls-termination/scenario.ts'),
  },
  'http-versions': {
    title: 'Nineteen files, five ways to ask',
    summary:
      'The same page at the same time over HTTP/1.0, HTTP/1.1, HTTP/1.1 with six connections, HTTP/2 and HTTP/3. Newer is faster, until too many packets get lost.',
    load: () => import('./http-versions/scenario.ts'),
  },
  'http2-vs-http3': {
    title: 'One lost packet, and who has to wait for it',
    summary:
      'The same page over the same line, at the same time over HTTP/2 and over HTTP/3. Drop a packet in both, and see which pictures stop.',
    load: () => import('./http2-vs-http3/scenario.ts'),
  },
  'quic-handshake': {
    title: 'One handshake instead of two',
    summary:
      'Ann’s connection is made by TCP and then by TLS, Ben’s by QUIC, which does both at once. Cleo’s server wants to know first whether she is there at all.',
    load: () => import('./quic-handshake/scenario.ts'),
  },
  'quic-loss-recovery': {
    title: 'Three ways to miss a packet',
    summary:
      'The same file by TCP of 1999, TCP of today and QUIC, over three lines that lose the same: one packet, its repair, the last one, or none that is only late. Who notices when, and how?',
    load: () => import('./quic-loss-recovery/scenario.ts'),
  },
  'quic-migration': {
    title: 'Out of the door, in the middle of a download',
    summary:
      'Ann and Ben download the same file over Wi-Fi, and walk out of the house. Ann’s connection over TCP belongs to an address that she has no more. Ben’s over QUIC has a name of its own.',
    load: () => import('./quic-migration/scenario.ts'),
  },
  'qpack-blocking': {
    title: 'Ten pictures wait for a dictionary',
    summary:
      'HTTP/3 has no order among its streams, until it compresses headers: then one lost packet of the dictionary holds up answers that are all there. Ann does without that risk, and pays for it.',
    load: () => import('./qpack-blocking/scenario.ts'),
  },
  'udp-blocked': {
    title: 'A firewall that has never heard of QUIC',
    summary:
      'Ben’s browser would like to use HTTP/3, but somebody on the way throws all UDP away. It notices, takes HTTP/2, remembers, and tries again later.',
    load: () => import('./udp-blocked/scenario.ts'),
  },
  'server-push': {
    title: 'A gift, and the second time it is in the way',
    summary:
      'A server that sends the stylesheet before anybody has asked saves a round trip. On the next page it sends it again: it cannot know what is in a cache.',
    load: () => import('./server-push/scenario.ts'),
  },
  'domain-sharding': {
    title: 'Three names for one server',
    summary:
      'A browser opens six connections to each name. So pages spread their pictures over names that they invented: a trick that helps HTTP/1.1, and hinders HTTP/2.',
    load: () => import('./domain-sharding/scenario.ts'),
  },
  'websocket-handshake': {
    title: 'One request, and then no more HTTP',
    summary:
      'Ann asks for a WebSocket, and from then on each message costs her six bytes more than it says. Ben says the same things by requests.',
    load: () => import('./websocket-handshake/scenario.ts'),
  },
  'websocket-memory': {
    title: 'Everybody who reads takes a chair',
    summary:
      'Two crowds read the same news, one over WebSockets and one by asking every four seconds. The first server remembers each of its readers, until it has no room left.',
    load: () => import('./websocket-memory/scenario.ts'),
  },
  'polling-push-and-sockets': {
    title: 'Is there any news?',
    summary:
      'The same news at the same time for four crowds: one asks every two seconds, one asks and waits, one listens to a stream of events, one holds WebSockets. What does it cost, and who is late?',
    load: () => import('./polling-push-and-sockets/scenario.ts'),
  },
  'l4-vs-l7': {
    title: 'One forwards packets, the other reads letters',
    summary:
      'The same site behind two balancers. Ann’s knows addresses and ports, and passes her packets on. Ben’s reads his requests, and gives each to whom it likes.',
    load: () => import('./l4-vs-l7/scenario.ts'),
  },
  'health-checks-and-failover': {
    title: 'How long until somebody notices?',
    summary:
      'A server dies, then a balancer. One balancer asks its servers whether they are well, one watches what fails, one does both and tries again, and has somebody who stands by.',
    load: () => import('./health-checks-and-failover/scenario.ts'),
  },
  'chat-across-servers': {
    title: 'Two servers, one room',
    summary:
      'Twelve people in one chat, six on each of two servers, and each half talks to itself. A bus joins them: what does it cost, what does it forget, and what happens when it dies?',
    load: () => import('./chat-across-servers/scenario.ts'),
  },
  'load-balancing': {
    title: 'Whose turn is it?',
    summary:
      'Two shops, alike to the last server: three that are fast, and a fourth that takes five times as long. One sends its visitors to each in turn, the other looks first.',
    load: () => import('./load-balancing/scenario.ts'),
  },
  'consistent-hashing': {
    title: 'Who has your page, and who has it now?',
    summary:
      'Two balancers find the server for a page by arithmetic alone. One of five servers goes, and comes back. For one balancer a fifth of the pages moves, for the other nearly all.',
    load: () => import('./consistent-hashing/scenario.ts'),
  },
  'websocket-behind-a-load-balancer': {
    title: 'Whoever knew you is not the one who answers',
    summary:
      'WebSockets and long polls through a balancer to three servers. A WebSocket stays where it is, for better or worse; a poll goes anywhere, unless somebody takes care.',
    load: () => import('./websocket-behind-a-load-balancer/scenario.ts'),
  },
  'stateless-vs-stateful': {
    title: 'The server that knew you is gone',
    summary:
      'Who has logged in is kept in the memory of a server, in a Redis, or in a signed token. Servers die, people log out: who has to log in again, and who cannot be locked out?',
    load: () => import('./stateless-vs-stateful/scenario.ts'),
  },
  'reconnection-storm': {
    title: 'Ten thousand come back at once',
    summary:
      'Ten thousand clients, four servers, and one of these dies. Its clients come back, all at once, and take the others down. Then the cures: jitter, admission, shedding, draining, resumption.',
    load: () => import('./reconnection-storm/scenario.ts'),
  },
  'retry-storm': {
    title: 'The fault is over, the failure is not',
    summary:
      'A server is gone for ten seconds, and comes back. The clients who have tried again meanwhile keep the service down for good. The same clients with a budget for retries do not.',
    load: () => import('./retry-storm/scenario.ts'),
  },
}
