import * as v from 'valibot'
import { STRATEGIES } from './balancing-strategy.ts'
import { failoverField } from './failover-schema.ts'
import {
  byName,
  choiceField,
  countField,
  flagField,
  formField,
  listOf,
  numberField,
  shareField,
  sizeField,
  strict,
  timeField,
} from './field-schema.ts'
import { HOUR, MEBIBYTE, portField } from './name-schema.ts'
import { clientTls, serverTls, tcpProtocols } from './tls-schema.ts'

/*
 * What authors write about load balancers, and about who makes requests for them to balance. As with all applications (app-schema.ts),
 * shorthands and units become the options that the application itself takes.
 */

const anyTime = { max: HOUR }
const someTime = { min: 1000, max: HOUR }

const address = formField(
  'Address of a server.',
  /^https?:\/\/([a-z0-9.-]{1,63}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?\/?$/,
  'the address of a server, such as "http://origin:8080" or "https://origin"',
)

/** More about one server behind a balancer. */
export const backendEntries = {
  weight: v.optional(numberField('Its share, relative to the others.', { min: 0.01, max: 256 }), 1),
  drain: v.optional(flagField('Send nothing new to it, and let it finish what it has.'), false),
}

const backends = v.pipe(
  listOf(
    'servers',
    v.union(
      [address, strict('a server', { url: address, ...backendEntries })],
      'the address of a server such as "http://origin:8080", or {url, weight, drain}',
    ),
    { min: 1, max: 100, description: 'The servers behind it: addresses, or more about each.' },
  ),
  v.transform((written) => written.map((item) => (typeof item === 'string' ? { url: item, weight: 1, drain: false } : item))),
)

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false
  return number > 1
}

const PRIME_ALLOWED = 'a prime from 11 to 655373, such as 65537'

/** How a balancer chooses. */
export const strategyEntries = {
  strategy: v.optional(choiceField('How a server is chosen.', STRATEGIES), 'round-robin'),
  virtualNodes: v.optional(
    countField('Points of each server on the ring, for each unit of its weight.', { min: 1, max: 10_000 }),
    160,
  ),
  loadBound: v.optional(
    numberField('How many times its share a server of the bounded ring may have at most.', { min: 1.01, max: 100 }),
    1.25,
  ),
  tableSize: v.optional(
    v.pipe(
      countField("Length of Maglev's table.", { min: 11, max: 655_373 }),
      v.check(isPrime, PRIME_ALLOWED),
      v.description("Length of Maglev's table: a prime, at least a hundred times as many as servers."),
    ),
    65_537,
  ),
}

const group = <const Entries extends v.ObjectEntries>(noun: string, entries: Entries, description: string) =>
  v.exactOptional(v.pipe(strict(noun, entries), v.description(description)))

/** When active checks are believed. */
export const checkEntries = {
  interval: v.optional(timeField('From one check of a server to the next.', { min: 1e6, max: HOUR }), '2 s'),
  timeout: v.optional(timeField('How long a check may take.', someTime), '1 s'),
  rise: v.optional(countField('How many checks in a row must pass before a server is back.', { min: 1, max: 100 }), 2),
  fall: v.optional(countField('How many checks in a row must fail before a server is out.', { min: 1, max: 100 }), 3),
}

const httpCheckEntries = {
  path: v.optional(formField('What is asked for.', /^\/[!-~]*$/, 'a path that begins with "/", such as "/health"'), '/'),
  ...checkEntries,
}

/** Passive checks. */
const outlierEntries = {
  failures: v.optional(countField('After how many failures in a row a server is left alone.', { min: 1, max: 1000 }), 5),
  ejection: v.optional(timeField('For how long the first time; longer each further time.', { min: 1e6, max: HOUR }), '30 s'),
  longestEjection: v.optional(timeField('For how long at most.', { min: 1e6, max: HOUR }), '300 s'),
  mostEjected: v.optional(shareField('What share of all servers may be left alone at a time; one always may.'), '50 %'),
}

const breakerEntries = {
  failureShare: v.optional(shareField('What share of requests must fail.'), '50 %'),
  minRequests: v.optional(countField('Of how many requests at least.', { min: 1, max: 100_000 }), 10),
  window: v.optional(timeField('Within how long.', { min: 1e6, max: HOUR }), '10 s'),
  openFor: v.optional(timeField('How long nothing is sent to the server then.', { min: 1e6, max: HOUR }), '5 s'),
  trials: v.optional(
    countField('How many requests, one at a time, must succeed afterwards before it counts as well.', { min: 1, max: 1000 }),
    3,
  ),
}

const RETRY_CAUSES = ['connect', 'broken', 'timeout', '502', '503', '504'] as const

const key = v.optional(
  formField(
    'What strategies that hash go by: the address of the client, the path, a field of the request, or one of its cookies.',
    /^(client|path|header:[A-Za-z][A-Za-z0-9-]{0,60}|cookie:[A-Za-z0-9_-]{1,60})$/,
    '"client", "path", "header:X-User" or "cookie:session", say',
  ),
  'client',
)

const stickyEntries = {
  by: v.optional(
    choiceField('What a client is known by: a cookie that is given to it, or its address.', ['cookie', 'address']),
    'cookie',
  ),
  name: v.optional(
    formField('Name of the cookie.', /^[A-Za-z0-9_-]{1,60}$/, 'letters, digits, hyphens and underscores, such as "SERVER"'),
    'SERVER',
  ),
}

/** What a load balancer of layer 7 takes. */
export const loadBalancerEntries = {
  backends,
  ...strategyEntries,
  key,
  sticky: group('stickiness', stickyEntries, 'Send each client to the server that it had before. Absent: anywhere.'),
  check: group('active checks', httpCheckEntries, 'Ask the servers themselves whether they are well. Absent: nobody asks.'),
  outlier: group(
    'passive checks',
    outlierEntries,
    'Leave a server alone that fails those who are sent to it. Absent: it goes on.',
  ),
  breaker: group('a circuit breaker', breakerEntries, 'Stop asking a server that fails, for each server. Absent: there is none.'),
  failover: failoverField(1, 'Addresses that are shared: IPv4, or names of them. The first says on which link.'),
  slowStart: v.optional(
    timeField('Over how long a server that comes back gets more and more of its share; 0 s: at once.', anyTime),
    '0 s',
  ),
  maxConnections: v.optional(
    countField('How many requests and connections a server may have at a time; 0: any number.', { min: 0, max: 1_000_000 }),
    0,
  ),
  queue: v.optional(countField('How many requests may wait while all servers are full.', { min: 0, max: 1_000_000 }), 1000),
  queueTimeout: v.optional(timeField('How long a request may wait; 0 s: as long as it does.', anyTime), '30 s'),
  retries: v.optional(countField('How often a request that failed is sent again, at most.', { min: 0, max: 100 }), 1),
  retryOn: v.optional(
    listOf('causes', choiceField('A cause.', RETRY_CAUSES), {
      max: RETRY_CAUSES.length,
      description:
        'What it is sent again for: no connection, one that broke before an answer, no answer in time, or an answer with this status. Unless no part of it was sent, only requests of idempotent methods are.',
    }),
    ['connect', 'broken'],
  ),
  retryBudget: v.optional(
    shareField('How many retries there may be, as a share of all requests; 100 %: as many as there are.'),
    '100 %',
  ),
  tryTimeout: v.optional(timeField('How long a server may take to begin to answer; 0 s: as long as it does.', anyTime), '0 s'),
  connectTimeout: v.optional(timeField('How long a connection to a server may take; 0 s: as long as TCP tries.', anyTime), '5 s'),
  tunnelTimeout: v.optional(
    timeField('After how long a silence a WebSocket that goes through is broken off; 0 s: never.', anyTime),
    '0 s',
  ),
  cutDown: v.optional(
    flagField('Break off what a server still has when active checks find it down, instead of waiting for TCP to find out.'),
    false,
  ),
  port: portField('TCP port to listen on without TLS.', 80),
  protocols: tcpProtocols,
  tls: serverTls,
  backendTls: clientTls,
  keepAlive: v.optional(flagField('Keep a connection open for further requests.'), true),
  digest: v.optional(flagField('Record a digest of each body.'), false),
  backlog: v.optional(countField('How many connections may wait to be accepted.', { min: 1, max: 65535 }), 1024),
}

/** Who makes requests. */
export const requestGeneratorEntries = {
  url: formField(
    'Address to ask for.',
    /^http:\/\/([a-z0-9.-]{1,63}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?(\/[!-~]*)?$/,
    'an address such as "http://balancer/"',
  ),
  arrivals: v.optional(
    choiceField(
      'When requests are made: as in a Poisson process (gaps are exponential), at even gaps, or each as soon as one before is answered.',
      ['poisson', 'constant', 'closed'],
    ),
    'poisson',
  ),
  rate: v.optional(
    numberField('Requests a second, on average; of no meaning in the closed loop.', { min: 0.001, max: 100_000 }),
    10,
  ),
  concurrency: v.optional(countField('In the closed loop, how many are under way at a time.', { min: 1, max: 10_000 }), 1),
  count: v.optional(countField('How many requests to make; 0: no end.', { min: 0, max: 10_000_000 }), 0),
  paths: v.optional(
    countField(
      'From how many paths below the address one is drawn for each request, `/…/0` and so on; 0: it is the address itself.',
      { min: 0, max: 1_000_000 },
    ),
    0,
  ),
  method: v.optional(choiceField('Method of the requests.', ['GET', 'POST', 'PUT']), 'GET'),
  body: v.optional(sizeField('How long their bodies are; of GET there is none.', { max: 100 * MEBIBYTE }), '0 B'),
  headers: v.optional(
    byName(
      'values of fields by name',
      formField('Name of a field.', /^[A-Za-z][A-Za-z0-9-]{0,60}$/, 'the name of a field, such as "X-User"'),
      formField('Value of a field.', /^[!-~]([ -~]{0,250}[!-~])?$/, 'the value of a field: visible characters'),
      { max: 20, description: 'Fields of each request.' },
    ),
    {},
  ),
  cookies: v.optional(flagField('Keep cookies, as one browser would.'), false),
  timeout: v.optional(timeField('Give up on an answer after this long; 0 s: never.', anyTime), '0 s'),
  retries: v.optional(countField('How often a request that failed is made again.', { min: 0, max: 100 }), 0),
  retryDelay: v.optional(timeField('How long after it has failed.', anyTime), '0 s'),
  backoff: v.optional(
    choiceField(
      'Whether it is always as long, or is drawn from 0 s to a bound which begins there and doubles each time (full jitter).',
      ['constant', 'exponential'],
    ),
    'constant',
  ),
  retryBudget: v.optional(
    shareField('How many retries there may be, as a share of all requests; 100 %: as many as there are.'),
    '100 %',
  ),
  start: v.optional(timeField('When to begin.', anyTime), '0 s'),
  duration: v.optional(timeField('For how long; 0 s: for ever.', anyTime), '0 s'),
}
