import { quantity, text, type Data } from './event-data.ts'

/** `' of stream 3'`; nothing for the connection as a whole. */
function ofStream(data: Data): string {
  const stream = data['stream']
  return stream === undefined || stream === 0 ? '' : ` of stream ${text(data, 'stream')}`
}

/** Words and what they are of: `', words'`, or nothing. */
function also(data: Data, key: string, before = ''): string {
  const words = data[key] === undefined ? '' : text(data, key)
  return words === '' ? '' : `, ${before}${words}`
}

function because(data: Data): string {
  const cites = data['cites'] === undefined ? '' : text(data, 'cites')
  return `${text(data, 'detail')}${cites === '' ? '' : ` (${cites})`}`
}

const ENDED_BY: Readonly<Record<string, string>> = {
  local: 'ended by this side',
  remote: 'ended by the other side',
  peer: 'ended by the other side',
  network: 'the network’s fault',
}

const WHOSE: Readonly<Record<string, string>> = { local: 'our own fault', peer: 'the other side’s fault', network: 'the network' }

/** Who ended it, where somebody did. */
function alsoWhose(data: Data): string {
  const whose = data['whose'] === undefined ? '' : text(data, 'whose')
  return whose === '' ? '' : `, ${ENDED_BY[whose] ?? whose}`
}

function connected(data: Data): string {
  const earlyData = data['earlyData'] === 'none' ? '' : `, early data ${text(data, 'earlyData')}`
  const how = data['resumed'] === true ? ', resumed' : ''
  return `Speaks TLS ${text(data, 'version')}: ${text(data, 'cipherSuite')}${also(data, 'group')}${also(data, 'alpn')}${how}${earlyData}`
}

const PHASES: Readonly<Record<string, string>> = {
  queued: 'waits for a connection',
  dns: 'looks up the name',
  connect: 'connects',
  tls: 'shakes hands',
  sending: 'sends the request',
  waiting: 'waits for the response',
  receiving: 'receives',
}

const OUTCOMES: Readonly<Record<string, string>> = {
  complete: 'complete',
  failed: 'failed',
  cancelled: 'cancelled',
  'from-cache': 'from the cache',
  pushed: 'was pushed',
}

/** What kind of secret it is; nobody reads the rest of the line. */
function secretName(data: Data): string {
  return text(data, 'line').split(' ')[0]
}

/** What events of TLS, HTTP/2 and of loading a page say. */
export const WEB_EVENTS: Readonly<Record<string, (data: Data) => string>> = {
  'tls:handshake-started': (data) => `Begins a TLS handshake as the ${text(data, 'role')}`,
  'tls:message-sent': (data) => `Sends ${text(data, 'message')}, ${quantity(data, 'length', 'bytes')}`,
  'tls:message-received': (data) => `Receives ${text(data, 'message')}, ${quantity(data, 'length', 'bytes')}`,
  'tls:connected': connected,
  'tls:secret-logged': (data) => `Logs ${secretName(data)} for those who read the capture`,
  'tls:ticket-received': (data) =>
    `Got a ticket to resume with${data['maxEarlyData'] === 0 ? '' : `, good for ${quantity(data, 'maxEarlyData', 'bytes')} of early data`}`,
  'tls:early-data-accepted': (data) => `Took ${quantity(data, 'bytes', 'bytes')} of early data`,
  'tls:early-data-rejected': () => 'Early data was not wanted, and is sent again',
  'tls:alert-sent': (data) => `Sends the alert ${text(data, 'alert')}`,
  'tls:alert-received': (data) => `Received the alert ${text(data, 'alert')}`,
  'tls:certificate-accepted': (data) => `Believes that this is ${text(data, 'name')}: ${text(data, 'certificates')} certificates`,
  'tls:certificate-refused': (data) =>
    `${data['overlooked'] === true ? 'Overlooks' : 'Refuses'} the certificate of ${text(data, 'name')}: ${text(data, 'error')}, ${because(data)}`,
  'tls:truncated': (data) => `The stream ended without a farewell: ${because(data)}`,
  'tls:failed': (data) =>
    `TLS failed, ${WHOSE[text(data, 'whose')] ?? text(data, 'whose')}: ${text(data, 'error')}, ${because(data)}`,
  'http2:frame-sent': (data) => `Sends ${text(data, 'type')}${ofStream(data)}, ${quantity(data, 'length', 'bytes')}`,
  'http2:frame-received': (data) => `Receives ${text(data, 'type')}${ofStream(data)}, ${quantity(data, 'length', 'bytes')}`,
  'http2:push-promised': (data) => `Is promised ${text(data, 'url')} on stream ${text(data, 'stream')}`,
  'http2:push-refused': (data) => `Does not want ${text(data, 'url')} pushed: ${text(data, 'reason')}`,
  'http2:push-used': (data) => `Uses what was pushed on stream ${text(data, 'stream')}`,
  'http2:goaway-received': (data) => `The other side takes no more streams after ${text(data, 'lastStream')}`,
  'http:goaway-received': (data) => `The other side takes no more streams after ${text(data, 'lastStream')}`,
  'http:stream-reset': (data) => `Stream ${text(data, 'stream')} was reset`,
  'http:push-promised': (data) => `Promises ${text(data, 'target')} on stream ${text(data, 'stream')}`,
  'http:request-failed': (data) => `${text(data, 'url')} failed: ${text(data, 'error')}`,
  'http:connection-coalesced': (data) => `Uses this connection for ${text(data, 'origin')}, too`,
  'http:connection-failed': (data) => `The connection failed: ${text(data, 'error')}`,
  'http:too-early': (data) => `Too early for ${text(data, 'method')} ${text(data, 'target')}: it could be a replay`,
  'websocket:opened': (data) =>
    `Speaks WebSocket at ${text(data, 'url')}, over ${text(data, 'version')}${also(data, 'protocol', 'subprotocol ')}${also(data, 'extensions')}`,
  'websocket:closed': (data) =>
    `WebSocket is over${data['clean'] === true ? '' : ', without a farewell'}: code ${text(data, 'code')}${also(data, 'reason')}${alsoWhose(data)}`,
  'websocket:message-sent': (data) => `Sends a ${text(data, 'opcode')} message of ${quantity(data, 'length', 'bytes')}`,
  'websocket:message-received': (data) => `Receives a ${text(data, 'opcode')} message of ${quantity(data, 'length', 'bytes')}`,
  'websocket:failed': (data) => `WebSocket failed${alsoWhose(data)}: ${because(data)}`,
  'websocket:refused': (data) => `Refuses to speak WebSocket, with ${text(data, 'status')}: ${because(data)}`,
  'hsts:remembered': (data) => `Will ask ${text(data, 'host')} by https only`,
  'hsts:forgotten': (data) => `Asks ${text(data, 'host')} by http again, if told to`,
  'fetch:queued': (data) =>
    `Wants ${text(data, 'kind')} ${text(data, 'url')}, priority ${text(data, 'priority')}${data['renderBlocking'] === true ? ', nothing is drawn before' : ''}`,
  'fetch:prioritised': (data) => `Fetch ${text(data, 'id')} has priority ${text(data, 'priority')} now`,
  'fetch:upgraded': (data) => `Asks ${text(data, 'to')} instead of ${text(data, 'url')}`,
  'fetch:blocked': (data) => `Does not fetch ${text(data, 'url')}: ${text(data, 'reason')}`,
  'fetch:phase-started': (data) =>
    `Fetch ${text(data, 'id')} ${PHASES[text(data, 'phase')] ?? text(data, 'phase')}${data['stream'] === undefined ? '' : ` on stream ${text(data, 'stream')}`}`,
  'fetch:ended': (data) =>
    `Fetch ${text(data, 'id')} ${OUTCOMES[text(data, 'outcome')] ?? text(data, 'outcome')}: ${quantity(data, 'bytes', 'bytes')}, status ${text(data, 'status')}`,
  'page:first-rendered': () => 'Something is drawn for the first time',
  'page:parsed': () => 'The document is parsed',
  'page:rendered': () => 'The page is drawn',
  'proxy:request-forwarded': (data) =>
    `Asks ${text(data, 'backend')} for ${text(data, 'method')} ${text(data, 'target')}: ${text(data, 'status')}`,
  'meddler:request-read': (data) =>
    `Reads what is asked: ${text(data, 'method')} ${text(data, 'target')} of ${text(data, 'host')}`,
  'meddler:tls-stripped': (data) =>
    `Asked ${text(data, 'host')} over https, and answers ${text(data, 'method')} ${text(data, 'target')} over http`,
  'meddler:response-edited': (data) => `Edits the answer of ${text(data, 'host')}: words replaced, ${text(data, 'changes')}`,
  'meddler:server-failed': (data) => `Got no answer from ${text(data, 'host')}: ${text(data, 'error')}`,
  'firewall:packet-blocked': (data) =>
    `Throws away ${text(data, 'protocol').toUpperCase()} from ${text(data, 'source')} to ${text(data, 'destination')}`,
  'firewall:closed': () => 'Lets no UDP through from now on',
  'firewall:opened': () => 'Lets UDP through from now on',
  'letter:calculated': (data) =>
    `Calculates with the public key n = ${text(data, 'n')}, e = ${text(data, 'e')}: for the first letter ${text(data, 'sum')}`,
  'letter:sent': (data) => `Sends “${text(data, 'text')}” packed as ${text(data, 'method')}: ${quantity(data, 'bytes', 'bytes')}`,
  'letter:read': (data) => `Reads the letter, ${text(data, 'how')}: “${text(data, 'text')}”`,
  'letter:unreadable': (data) => `Cannot read the letter, packed as ${text(data, 'method')}: ${quantity(data, 'bytes', 'bytes')}`,
  'letter:factored': (data) =>
    `Factors n = ${text(data, 'n')}: ${text(data, 'p')} × ${text(data, 'q')}, after ${quantity(data, 'divisions', 'count')} divisions; so d = ${text(data, 'd')}`,
  'letter:factoring-abandoned': (data) =>
    `Gives up on factoring n of ${text(data, 'bits')} bits after ${quantity(data, 'divisions', 'count')} divisions`,
  'letter:changed': (data) => `Changes ${text(data, 'how')}${also(data, 'text')}`,
  'letter:forged': (data) => `Writes a letter of his own: “${text(data, 'text')}”`,
  'letter:accepted': (data) => `Believes the letter, packed as ${text(data, 'method')}: “${text(data, 'text')}”`,
  'letter:refused': (data) => `Refuses the letter, packed as ${text(data, 'method')}: ${text(data, 'why')}`,
  'letter:illegible': (data) => `Cannot make sense of what comes: ${text(data, 'detail')}`,
  'letter:failed': (data) => `The connection failed: ${text(data, 'detail')}`,
  'proxy:backend-failed': (data) => `${text(data, 'backend')} failed: ${text(data, 'error')}`,
}
