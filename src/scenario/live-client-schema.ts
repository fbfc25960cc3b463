import * as v from 'valibot'
import {
  choiceField,
  countField,
  flagField,
  formField,
  listOf,
  shareField,
  sizeField,
  strict,
  timeField,
} from './field-schema.ts'
import { HOUR } from './name-schema.ts'
import { LIVE_TRANSPORTS, RECONNECT_JITTERS, RECONNECT_POLICIES, SERVER_PICKS } from './reconnect-policy.ts'
import { clientTls } from './tls-schema.ts'

const anyTime = { max: HOUR }

const server = formField(
  'Address of a live server, or of a balancer in front of some.',
  /^https?:\/\/([a-z0-9.-]{1,63}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?(\/[a-z0-9._~-]{1,40}){0,5}\/?$/,
  'the address of a server such as "http://live", "https://live:8443" or "http://proxy/chat"',
)

/** How a client comes back. */
export const reconnectEntries = {
  policy: v.optional(
    choiceField('How long to wait: not at all, always the base, or the base and twice as long each time.', RECONNECT_POLICIES),
    'exponential',
  ),
  jitter: v.optional(
    choiceField(
      'How chance spreads a wait d: not, in [0, d], in [d/2, d], or in [base, three times the wait before].',
      RECONNECT_JITTERS,
    ),
    'full',
  ),
  base: v.optional(timeField('The first wait.', { min: 1e6, max: HOUR }), '1 s'),
  cap: v.optional(timeField('The longest wait.', { min: 1e6, max: HOUR }), '30 s'),
  attempts: v.optional(
    countField('After how many failures in a row a client gives up; 0: never.', { min: 0, max: 1_000_000 }),
    0,
  ),
  honour: v.optional(
    flagField('Wait as long as servers say: Retry-After, go-away, retry of event streams, and the close codes 1012 and 1013.'),
    true,
  ),
}

/** Signs of life. */
export const heartbeatEntries = {
  interval: v.optional(timeField('After how long a silence to ask whether the server is there; 0 s: never.', anyTime), '25 s'),
  timeout: v.optional(timeField('How long it may take to answer.', { min: 1e6, max: HOUR }), '10 s'),
}

/** What a client says by itself. */
export const clientSayEntries = {
  interval: v.optional(timeField('From one message to the next; 0 s: it says nothing.', anyTime), '0 s'),
  size: v.optional(sizeField('Length of its text.', { min: 1, max: 32_768 }), '60 B'),
  jitter: v.optional(shareField('By which share of the interval it is early or late.'), 0),
}

/** What a client of live servers takes. */
export const liveClientEntries = {
  servers: v.pipe(
    v.union(
      [server, listOf('addresses', server, { min: 1, max: 100, description: 'Servers that serve the same.' })],
      'the address of a server such as "http://live", or a list of them',
    ),
    v.description('Where to connect: the address of a live server or of a balancer, or a list of them.'),
    v.transform((written): string[] => (typeof written === 'string' ? [written] : written)),
  ),
  pick: v.optional(
    choiceField(
      'Which server is tried, and which address of its name: the next one after each failure, or any but the one that has failed.',
      SERVER_PICKS,
    ),
    'in-order',
  ),
  transport: v.optional(choiceField('By what it hears of news.', LIVE_TRANSPORTS), 'websocket'),
  tls: clientTls,
  room: v.optional(
    formField('The room to be in.', /^[a-z0-9][a-z0-9-]{0,39}$/, 'a name of small letters, digits and hyphens'),
    'lobby',
  ),
  rooms: v.optional(
    countField('Over how many rooms clients are spread, each being in one: room-0, room-1 …; 1: all in the same.', {
      min: 1,
      max: 100_000,
    }),
    1,
  ),
  start: v.optional(timeField('When to connect.', anyTime), '0 s'),
  startWithin: v.optional(timeField('By how much later at most: each at a time of its own, evenly spread.', anyTime), '0 s'),
  stop: v.optional(timeField('When to leave for good; 0 s: never.', anyTime), '0 s'),
  connectTimeout: v.optional(timeField('How long it may take until the server has let it in.', { min: 1e6, max: HOUR }), '10 s'),
  heartbeat: v.optional(
    v.pipe(strict('a heartbeat', heartbeatEntries), v.description('How it finds out that a server is gone which says nothing.')),
    {},
  ),
  reconnect: v.optional(
    v.pipe(strict('a way to reconnect', reconnectEntries), v.description('How it comes back when it has lost its connection.')),
    {},
  ),
  resume: v.optional(
    flagField('Say when coming back what the last message was, and go on with the session; else all begins anew.'),
    true,
  ),
  say: v.optional(
    v.pipe(strict('what a client says', clientSayEntries), v.description('What it says to its room, and how often.')),
    {},
  ),
  poll: v.optional(timeField('From one short poll to the next.', { min: 1e6, max: HOUR }), '5 s'),
  compression: v.optional(flagField('Offer to compress messages of WebSocket (permessage-deflate).'), false),
}
