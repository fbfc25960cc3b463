import * as v from 'valibot'
import { backendEntries, checkEntries, strategyEntries } from './balancer-schema.ts'
import { failoverField } from './failover-schema.ts'
import { choiceField, countField, flagField, formField, listOf, strict, timeField } from './field-schema.ts'
import { HOUR } from './name-schema.ts'

/*
 * What authors write about balancers of layer 4.
 */

const anyTime = { max: HOUR }
const tracked = { min: 1e6, max: HOUR }

const end = (description: string, example: string) =>
  formField(
    description,
    /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?:[1-9][0-9]{0,4}$/,
    `a name or an IPv4 address, and a port, such as "${example}"`,
  )

const backendEnd = end('Where a server listens.', 'web1:80')

/** A balancer of layer 4. */
export const tcpBalancerEntries = {
  virtual: end('Where clients go: an address of its own or a further one, and a port.', '10.0.0.100:80'),
  backends: v.pipe(
    listOf(
      'servers',
      v.union(
        [backendEnd, strict('a server', { at: backendEnd, ...backendEntries })],
        'where a server listens, such as "web1:80", or {at, weight, drain}',
      ),
      { min: 1, max: 100, description: 'The servers behind it: where they listen, or more about each.' },
    ),
    v.transform((written) => written.map((item) => (typeof item === 'string' ? { at: item, weight: 1, drain: false } : item))),
  ),
  mode: v.optional(
    choiceField(
      'nat: the address of a server takes the place of the virtual one, and replies come back through here. dsr: only the frame is readdressed; servers have the virtual address too (loopback) and reply directly.',
      ['nat', 'dsr'],
    ),
    'nat',
  ),
  sourceNat: v.optional(
    flagField(
      'In mode nat, put an address of our own in the place of the client, so that servers need no way back through here.',
    ),
    false,
  ),
  ...strategyEntries,
  hashes: v.optional(
    choiceField('What strategies that hash go by: the address of the client, or its port too.', ['client', 'connection']),
    'client',
  ),
  sticky: v.optional(
    timeField('How long a client keeps its server after its last new connection; 0 s: not at all.', anyTime),
    '0 s',
  ),
  check: v.exactOptional(
    v.pipe(
      strict('active checks', {
        by: v.optional(
          choiceField('Whether a server takes a connection, or answers a request with 200 to 399.', ['tcp', 'http']),
          'tcp',
        ),
        path: v.optional(formField('What is asked for.', /^\/[!-~]*$/, 'a path that begins with "/", such as "/health"'), '/'),
        ...checkEntries,
      }),
      v.description('Find out by oneself whether the servers are well. Absent: all are taken to be.'),
    ),
  ),
  slowStart: v.optional(
    timeField('Over how long a server that comes back gets more and more of its share; 0 s: at once.', anyTime),
    '0 s',
  ),
  maxConnections: v.optional(
    countField('How many connections a server may have at a time; 0: any number.', { min: 0, max: 1_000_000 }),
    0,
  ),
  refusal: v.optional(choiceField('What becomes of a new connection that no server can take.', ['reset', 'drop']), 'reset'),
  unknown: v.optional(
    choiceField(
      'What becomes of packets of a connection that was not begun here. adopt: a server is chosen as if it had been, which is the right one where the choice follows from the connection alone.',
      ['reset', 'drop', 'adopt'],
    ),
    'reset',
  ),
  orphans: v.optional(
    choiceField('What becomes of the connections of a server that is down: kept until they fail by themselves, or reset.', [
      'keep',
      'reset',
    ]),
    'keep',
  ),
  timeouts: v.optional(
    v.pipe(
      strict('timeouts', {
        syn: v.optional(timeField('Of a connection that is being opened.', tracked), '60 s'),
        established: v.optional(timeField('Of an open connection.', tracked), '900 s'),
        fin: v.optional(timeField('Of one that one side has closed.', tracked), '120 s'),
        closed: v.optional(timeField('Of one that is over.', tracked), '30 s'),
      }),
      v.description('How long a connection may be without a packet before it is forgotten.'),
    ),
    {},
  ),
  failover: failoverField(0, 'Further addresses that are shared with it.'),
}
