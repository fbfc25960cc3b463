import * as v from 'valibot'
import { choiceField, countField, flagField, formField, strict, timeField } from './field-schema.ts'
import { HOUR, hostReference, portField } from './name-schema.ts'
import { SESSION_KINDS } from './session-kind.ts'

const anyTime = { max: HOUR }

/** What a server with sessions takes. */
export const sessionServerEntries = {
  port: portField('TCP port to listen on.', 80),
  backlog: v.optional(countField('How many connections may wait to be accepted.', { min: 1, max: 65535 }), 128),
  keepAlive: v.optional(flagField('Keep a connection open for further requests.'), true),
  sessions: v.optional(
    choiceField(
      'Where it is kept who has logged in: in the memory of the server, in a Redis that servers share, or in a signed token of the client.',
      SESSION_KINDS,
    ),
    'memory',
  ),
  lifetime: v.optional(timeField('How long a session is good for.', { min: 1e9, max: 24 * HOUR }), '3600 s'),
  redis: v.exactOptional(
    v.pipe(
      strict('a Redis', {
        to: hostReference('The host of the Redis.'),
        port: portField('Its TCP port.', 6379),
        timeout: v.optional(timeField('How long it may take to answer.', { min: 1e6, max: HOUR }), '1 s'),
      }),
      v.description('The Redis that servers share; needed where sessions are kept there.'),
    ),
  ),
  key: v.optional(
    formField(
      'The key that servers share to sign tokens: as long as the digest, at least (RFC 7518 section 3.2).',
      /^[!-~]{32,100}$/,
      '32 to 100 visible characters without blanks',
    ),
    'a-key-that-all-the-servers-share-',
  ),
}

/** What somebody who logs in takes. */
export const sessionClientEntries = {
  server: formField(
    'Address of a server with sessions, or of a balancer in front of some.',
    /^http:\/\/([a-z0-9.-]{1,63}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?\/?$/,
    'the address of a server such as "http://shop"',
  ),
  interval: v.optional(timeField('From one question to the next.', { min: 1e6, max: HOUR }), '1 s'),
  timeout: v.optional(timeField('How long an answer may take.', { min: 1e6, max: HOUR }), '2 s'),
  start: v.optional(timeField('When to begin.', anyTime), '0 s'),
  startWithin: v.optional(timeField('By how much later at most: each at a time of its own, evenly spread.', anyTime), '0 s'),
  logout: v.optional(timeField('When to log out; 0 s: never.', anyTime), '0 s'),
  copied: v.optional(
    flagField('Somebody has a copy of the cookie, and goes on with it after the logout until it is refused.'),
    false,
  ),
}
