import * as v from 'valibot'
import {
  choiceField,
  countField,
  flagField,
  formField,
  proseField,
  shareField,
  sizeField,
  strict,
  timeField,
} from './field-schema.ts'
import { HOUR, hostReference, MEBIBYTE, portField } from './name-schema.ts'
import { serverTls, tcpProtocols } from './tls-schema.ts'

/*
 * What authors write about servers of live connections. As with all applications (app-schema.ts), units become the options that the
 * application itself takes.
 */

const anyTime = { max: HOUR }
const COUNT = { min: 0, max: 10_000_000 }

const roomName = formField(
  'Name of a room.',
  /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/,
  'a name of 1 to 40 small letters, digits and hyphens, such as "lobby"',
)

/** Options in a group can be changed while it runs, all but those named. */
export const newsEntries = {
  interval: v.optional(timeField('From one piece of news to the next; 0 s: none.', anyTime), '0 s'),
  size: v.optional(sizeField('How long the text of one is.', { min: 1, max: 32_768 }), '200 B'),
  start: v.optional(timeField('When the first one comes.', anyTime), '1 s'),
  room: v.optional(roomName, 'lobby'),
}

export const joinEntries = {
  cost: v.optional(
    timeField('Processor time that it takes to bring a client into a room who does not come back to a session.', anyTime),
    '0 s',
  ),
  message: v.optional(timeField('Processor time for each message that is told to who has missed it.', anyTime), '0 s'),
}

export const admissionEntries = {
  connections: v.optional(countField('How many connections are served at once; 0: any number.', COUNT), 0),
  rate: v.optional(countField('How many new connections are let in each second; 0: any number.', COUNT), 0),
  burst: v.optional(countField('How many may come at once before that counts; 0: as many as in a second.', COUNT), 0),
  refusal: v.optional(
    choiceField('How others are sent away: by 503 with Retry-After, or by a reset of TCP before TLS and all else.', [
      '503',
      'reset',
    ]),
    '503',
  ),
  retryAfter: v.optional(timeField('When they shall come again.', anyTime), '1 s'),
}

export const shedEntries = {
  delay: v.optional(
    timeField(
      'New connections are refused, and new clients sent away, while work waits longer than this for the processor; 0 s: they are not.',
      anyTime,
    ),
    '0 s',
  ),
  memory: v.optional(
    shareField('New connections are refused while more than this share of memory is taken; 0 %: they are not.'),
    '0 %',
  ),
}

export const leavingEntries = {
  window: v.optional(
    timeField('Over how long clients are told to go, one after the other, when it is drained.', anyTime),
    '10 s',
  ),
  after: v.optional(timeField('How long they shall wait at least before they come again.', anyTime), '0 s'),
  spread: v.optional(timeField('By how much longer at most, drawn for each.', anyTime), '0 s'),
  linger: v.optional(timeField('How long after that a connection is closed.', anyTime), '500 ms'),
}

const busEntries = {
  to: hostReference('The host of the bus: a redis-server.'),
  port: portField('Its TCP port.', 6379),
  password: v.exactOptional(proseField('For AUTH; none when absent.', 100)),
  stream: v.optional(
    flagField(
      'Keep what is said in a stream, from which a server that was away reads on; false: it is only published, and who is away misses it.',
    ),
    true,
  ),
}

/** What a server of live connections takes. */
export const liveServerEntries = {
  port: portField('TCP port to listen on without TLS.', 80),
  protocols: tcpProtocols,
  tls: serverTls,
  backlog: v.optional(countField('How many connections may wait to be accepted.', { min: 1, max: 65535 }), 128),
  keepAlive: v.optional(flagField('Keep connections of HTTP for further requests.'), true),
  accepts: v.optional(
    countField('How many of the connections that wait are accepted in one turn of the processor.', { min: 1, max: 65535 }),
    1,
  ),
  history: v.optional(
    countField('How many messages of each room are kept for who has missed them.', { min: 0, max: 10_000 }),
    50,
  ),
  rooms: v.optional(countField('How many rooms there may be.', { min: 1, max: 10_000 }), 100),
  news: v.optional(v.pipe(strict('news', newsEntries), v.description('Where news come from.')), {}),
  join: v.optional(
    v.pipe(strict('what joining costs', joinEntries), v.description('What it costs to bring a client up to date.')),
    {},
  ),
  sessions: v.optional(
    timeField('For how long a client that has gone may come back and go on with its session; 0 s: not at all.', anyTime),
    '0 s',
  ),
  sessionSecret: v.optional(
    v.pipe(
      v.union([v.literal(''), proseField('The secret.', 100)], 'a text, or nothing'),
      v.description(
        "Servers with the same secret take each other's sessions, which are in their tokens then. Empty: they do not.",
      ),
    ),
    '',
  ),
  heartbeat: v.optional(
    timeField(
      'How often silent connections are pinged, and given up when there was no answer to the last, or no request; event streams get a comment. 0 s: never.',
      anyTime,
    ),
    '0 s',
  ),
  pollTimeout: v.optional(timeField('How long a poll is held when there is no news.', anyTime), '25 s'),
  retry: v.optional(timeField('After how long event streams are told to reconnect.', anyTime), '3 s'),
  sendQueue: v.optional(
    sizeField('How much may wait for a client that reads slowly, besides what TCP has; one with more is sent away.', {
      min: 1024,
      max: 1024 * MEBIBYTE,
    }),
    '256 KiB',
  ),
  maxMessage: v.optional(sizeField('Longest message that is taken.', { min: 125, max: 16 * MEBIBYTE }), '64 KiB'),
  compression: v.optional(flagField('Compress messages of WebSocket for clients that offer it.'), false),
  admission: v.optional(v.pipe(strict('admission control', admissionEntries), v.description('Who is let in.')), {}),
  shed: v.optional(
    v.pipe(
      strict('load shedding', shedEntries),
      v.description('When new connections are refused for the sake of those that are there.'),
    ),
    {},
  ),
  drain: v.optional(flagField('Accept nobody any more, and tell those who are there to go.'), false),
  leaving: v.optional(v.pipe(strict('draining', leavingEntries), v.description('How clients are told to go.')), {}),
  bus: v.exactOptional(
    v.pipe(
      strict('a bus', busEntries),
      v.description('The bus by which servers share their rooms; each is by itself when absent.'),
    ),
  ),
}
