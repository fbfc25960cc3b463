/**
 * Names of events that tell of details: what the transport does with each segment, and WebSockets with each message. A host whose trace is brief
 * leaves them out, for a server with ten thousand connections would record little else. What applications say of themselves, secrets,
 * and what was lost or refused is always recorded. Frames are all there, whatever a trace leaves out.
 */
const DETAIL_EVENTS: ReadonlySet<string> = new Set([
  'app:started',
  'app:ended',
  'arp:resolved',
  'http2:frame-received',
  'http2:frame-sent',
  'icmp:sent',
  'icmpv6:sent',
  'ndp:resolved',
  'ndp:state-changed',
  'quic:congestion-state-updated',
  'quic:metrics-updated',
  'quic:stream-delivered',
  'quic:stream-received',
  'quic:stream-sent',
  'tcp:congestion-updated',
  'tcp:delivered',
  'tcp:duplicate-ack-received',
  'tcp:duplicate-received',
  'tcp:keepalive-sent',
  'tcp:out-of-order-buffered',
  'tcp:path-probe-sent',
  'tcp:rtt-sampled',
  'tcp:segment-size-changed',
  'tcp:state-changed',
  'tcp:window-closed',
  'tcp:window-opened',
  'tls:ticket-received',
  'websocket:message-received',
  'websocket:message-sent',
])

/** Whether a brief trace leaves an event out. */
export function isDetail(name: string): boolean {
  return DETAIL_EVENTS.has(name)
}
