/*
 * What a browser records of a page while it loads: the words of a waterfall. All events are the browser's host's; `connection` is the
 * name of the TCP conversation where there is one, else ''. Every time is an event's own.
 *
 * - `page:started {url}`: a visit begins.
 * - `fetch:queued {id, url, kind, priority, initiator, renderBlocking}`: something is wanted. `id` counts from 1 within the browser;
 *   `initiator` is the fetch whose bytes named it, 0: the person. With it the phase `queued` begins.
 * - `fetch:phase-started {id, phase, stream?}`: the next phase, and the end of the one before. So the phases of a fetch add up, to
 *   the nanosecond, from `fetch:queued` to `fetch:ended`. A phase may come again: a fetch falls back to `queued` when a more urgent one
 *   takes the connection that was opened for it, or when it has to be sent again.
 *   - `queued`: waits for its turn, for a connection, or for a stream on one.
 *   - `dns`, `connect`, `tls`: a connection is being opened for it: its name is resolved, TCP's handshake, TLS's handshake. They last no
 *     time when there is nothing to do. QUIC's handshake is all `connect`, for TLS is in it. Where QUIC and TCP race, the first in line shows
 *     what becomes of QUIC.
 *   - `sending`: the request goes into the socket, a body with it. `stream` is the stream's number in HTTP/2 and HTTP/3.
 *   - `waiting`: the request is on its way, and nothing of the response has come.
 *   - `receiving`: the response comes in.
 * - `fetch:ended {id, status, bytes, outcome, protocol, error?, detail?, location?}`: `bytes` of body came over the network for it. With
 *   `from-cache` nothing did; with `pushed` they came on a stream that the server began, perhaps before they were wanted. `status` is 0
 *   when no response came, 304 when what is in the cache is still good. `location` is where a redirect leads: that is another fetch.
 * - `fetch:prioritised {id, priority}`: it turned out to matter more than was thought.
 * - `fetch:blocked {url, kind, reason}`: not asked for at all, for reasons of security: `mixed-content`.
 * - `fetch:upgraded {url, to, reason}`: asked for over https instead: `hsts` (RFC 6797), `mixed-content` (a
 *   picture).
 * - `hsts:remembered {host, maxAge, includeSubDomains}`, `hsts:forgotten {host}`: a host says whether it is to be visited over https only.
 * - `alt-svc:remembered {origin, protocol, host, port, maxAge}`, `alt-svc:forgotten {origin}`: an origin says where else it is to be found (RFC
 *   7838), or that it is not. `alt-svc:broken {origin, host, port, error, rest}`: HTTP/3 has failed there where TCP works, and is left alone for
 *   `rest` nanoseconds.
 * - `http3:frame-sent`, `http3:frame-received {stream, type, length, from, to}`: a frame of HTTP/3, in bytes of its direction of its stream.
 *   `http3:settings-received {qpackMaxTableCapacity, qpackBlockedStreams, datagrams}`: what the server has announced.
 *   `qpack:blocked {stream, requiredInsertCount}`, `qpack:unblocked {stream}`: a response's fields wait for another stream's.
 * - `http2:push-promised {stream, parent, url}`, `http2:push-refused {stream, url, reason}`, `http2:push-used {id, stream, url}`: what a
 *   server pushed is promised, and refused (`cached`, `requested`, `pushed`, `not-authoritative`, `no-get`) or taken by a fetch.
 * - `page:first-rendered {url, duration}`: first paint, when the body has begun and no stylesheet of the head is missing.
 * - `page:parsed {url, duration}`: DOMContentLoaded, when the parser is through and all deferred scripts have run.
 * - `page:rendered {url, duration}`: nothing is missing in the first screen: its pictures, and the fonts.
 * - `page:loaded {url, resources, failures, bytes, duration}`: the load event, when everything that delays it is there.
 * - `page:settled {url, resources, failures, bytes, duration}`: all that came behind the load event is there, too: lazy pictures, data,
 *   icons. Absent when nothing did.
 * - `page:failed {url, error, detail, …}`: without its document a page is nothing.
 * - `http:request-sent`, `http:response-started`, `http:response-received`, `http:request-failed`, `http:requests-retried`,
 *   `http:connection-failed`, `http:connection-coalesced`: the exchanges themselves, whatever wanted them.
 */

export type FetchKind = 'document' | 'stylesheet' | 'script' | 'font' | 'image' | 'data' | 'other'

/** As Chrome's network panel calls them. */
export type FetchPriority = 'highest' | 'high' | 'medium' | 'low' | 'lowest'

export type FetchPhase = 'queued' | 'dns' | 'connect' | 'tls' | 'sending' | 'waiting' | 'receiving'

export type FetchOutcome = 'complete' | 'failed' | 'cancelled' | 'from-cache' | 'pushed'

/** Names as ALPN has them. */
export type FetchProtocol = 'http/1.0' | 'http/1.1' | 'h2' | 'h3'
