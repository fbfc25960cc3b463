import * as v from 'valibot'
import { byName, choiceField, countField, flagField, formField, listOf, sizeField, strict, timeField } from './field-schema.ts'
import { HOUR, MEBIBYTE, hostReference } from './name-schema.ts'
import { LETTER_METHODS, LETTER_MISCHIEF, LONGEST_LETTER } from './letter-method.ts'
import { modelResources, PAGE_MODELS } from './page-model.ts'
import type { PageChoice } from './page-model.ts'
import { pageReference } from './page-reference.ts'
import type { PageReference } from './page-reference.ts'
import { clientTls, protocols, serverTls } from './tls-schema.ts'

/*
 * What authors write about applications. Each schema turns shorthands and units into the options that the application itself takes:
 * times in nanoseconds, sizes in bytes, every default filled in.
 */

const anyTime = { max: HOUR }

const url = formField(
  'Address of a page, by host name or IP address; IPv6 in brackets.',
  /^https?:\/\/([a-z0-9.-]{1,63}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?(\/[!-~]*)?$/,
  'an address such as "http://bob/", "https://bob:8443/index.html" or "http://[2001:db8::1]/"',
)

const visit = strict('a visit', {
  url,
  at: v.optional(timeField('When to go there; later when an earlier visit is not over yet.', anyTime), '0 s'),
  upload: v.optional(sizeField('Bytes to post there; 0 B: just get the page.', { max: 100 * MEBIBYTE }), '0 B'),
  reconnect: v.exactOptional(flagField('Close all connections before.')),
  reload: v.exactOptional(flagField('Ask for the page anew, or have it confirmed, even when the cache has it.')),
})
type Visit = v.InferOutput<typeof visit>

const visits = v.pipe(
  v.union(
    [
      url,
      visit,
      listOf('visits', v.union([url, visit], 'an address such as "http://bob/", or a visit {url, at, upload}'), {
        min: 1,
        max: 1000,
        description: 'Pages, one after the other.',
      }),
    ],
    'an address such as "http://bob/", a visit {url, at, upload}, or a list of these',
  ),
  v.description('The pages to load, in this order: an address, a visit, or a list of them.'),
  v.transform((written): Visit[] =>
    (Array.isArray(written) ? written : [written]).map((item) =>
      typeof item === 'string' ? { url: item, at: 0, upload: 0 } : item,
    ),
  ),
)

const browserEntries = {
  visits,
  protocols,
  tls: clientTls,
  connections: v.optional(countField('How many connections at most to one server.', { min: 1, max: 6 }), 6),
  keepAlive: v.optional(flagField('Use a connection for more than one request.'), true),
  pipelining: v.optional(flagField('Send requests without waiting for the response before.'), false),
  timeout: v.optional(timeField('Give up on a response after this long; 0 s: never.', anyTime), '0 s'),
  digest: v.optional(flagField('Record a digest of each body.'), false),
  fastOpen: v.optional(
    flagField('Send the first request of a connection with its SYN, where TCP is set to (tcp.fastOpen) and the server is known.'),
    false,
  ),
  happyEyeballs: v.optional(
    flagField(
      'Try the addresses of a name side by side, each a little after the one before, and take what is first (RFC 8305); otherwise one after the other.',
    ),
    true,
  ),
  attemptDelay: v.optional(
    timeField('How long after an attempt to connect the next one begins (RFC 8305 section 8).', { min: 10e6, max: 2e9 }),
    '250 ms',
  ),
  push: v.optional(flagField('Let servers push (HTTP/2). Chrome has not done so since 2022.'), true),
  coalescing: v.optional(
    flagField('Use a connection of HTTP/2 for other names, too, where address and certificate are good for them.'),
    true,
  ),
  cache: v.optional(flagField('Keep responses that may be kept, and use them again.'), true),
  hstsPreload: v.optional(
    listOf('names', hostReference('Name of a host, with all below it.'), {
      max: 100,
      description: 'Hosts that are known from the start to be visited over https only (RFC 6797 section 12.3).',
    }),
    [],
  ),
  preloadScanner: v.optional(flagField('Look ahead in the page while its parser waits for a script.'), true),
  tightMode: v.optional(flagField('Hold back what is less urgent until the body of the page begins, as Chrome does.'), true),
}

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css',
  js: 'text/javascript',
  json: 'application/json',
  txt: 'text/plain',
  svg: 'image/svg+xml',
  png: 'image/png',
  jpg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  woff2: 'font/woff2',
}
const OTHER_TYPE = 'application/octet-stream'

/** The media type that a path's ending suggests; a directory is a page. */
function typeOfPath(path: string): string {
  const file = path.slice(path.lastIndexOf('/') + 1).split('?')[0] ?? ''
  if (!file.includes('.')) return TYPES['html'] ?? OTHER_TYPE
  return TYPES[file.slice(file.lastIndexOf('.') + 1).toLowerCase()] ?? OTHER_TYPE
}

const path = formField('A path.', /^\/[!-~]*$/, 'a path that begins with "/", such as "/style.css"')
const fieldName = formField('Name of a field.', /^[A-Za-z][A-Za-z0-9-]{0,60}$/, 'the name of a field, such as "X-Served-By"')
const fieldValue = formField('Value of a field.', /^[!-~]([ -~]{0,250}[!-~])?$/, 'the value of a field: visible characters')
const headers = byName('values of fields by name', fieldName, fieldValue, {
  max: 20,
  description: 'Further header fields of responses, by name.',
})
const cacheControl = formField(
  'What caches may do with it, as the field Cache-Control says it (RFC 9111 section 5.2); absent: nothing is said.',
  /^[a-z-]+(=[0-9]+)?(, ?[a-z-]+(=[0-9]+)?)*$/,
  'directives such as "max-age=3600" or "no-store"',
)

const size = sizeField('Length of the body.', { max: 100 * MEBIBYTE })
/** More about what is served at one path. */
export const resourceEntries = {
  size,
  type: v.optional(
    formField(
      'Media type; guessed from the path when absent.',
      /^[a-z]+\/[a-z0-9.+-]+(; ?[a-z]+=[a-zA-Z0-9-]+)?$/,
      'a media type such as "text/html"',
    ),
  ),
  resources: v.optional(
    listOf(
      'addresses',
      formField(
        'Where it is.',
        /^(\/[!-~]*|https?:\/\/([a-z0-9.-]{1,63}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?\/[!-~]*)$/,
        'a path such as "/style.css", or an address such as "http://cdn/a.js"',
      ),
      { max: 500, description: 'What a page names, so that a browser fetches it too.' },
    ),
    [],
  ),
  references: v.exactOptional(
    listOf('references', pageReference, {
      max: 500,
      description: 'What a page, a stylesheet or a script names, and how: more exact than resources.',
    }),
  ),
  delay: v.exactOptional(timeField('How long the server thinks before it answers; its own delay when absent.', anyTime)),
  chunked: v.optional(flagField('Send the body in chunks, without saying its length first.'), false),
  push: v.exactOptional(
    listOf('paths', path, { max: 100, description: 'What is pushed along with it over HTTP/2 (RFC 9113 section 8.4).' }),
  ),
  cacheControl: v.exactOptional(cacheControl),
  headers: v.exactOptional(headers),
  location: v.exactOptional(
    formField(
      'Where it has moved for good: answered with 301.',
      /^(https?:\/\/[a-z0-9.[\]:-]{1,80})?\/[!-~]*$/,
      'a path or an address such as "https://bob/"',
    ),
  ),
  effect: v.exactOptional(
    choiceField(
      'What a request (GET or POST) there does, each time: it counts, so that one sees whether something happened twice.',
      ['counter'],
    ),
  ),
  tooEarly: v.exactOptional(
    flagField('Refuse requests in early data with 425, so that they come again when they can be no replay (RFC 8470).'),
  ),
}
const resource = strict('a resource', resourceEntries)

const serves = v.pipe(
  byName(
    'what is served by path',
    path,
    v.union([size, resource], 'a size such as "64 KiB", or a resource {size, type, resources, delay, chunked}'),
    { min: 1, max: 1000, description: 'What is served: a size, or more about it, by path.' },
  ),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const served: Record<string, ParsedResource> = {}
    for (const [path, written] of Object.entries(dataset.value)) {
      const resolved =
        typeof written === 'number'
          ? { size: written, type: typeOfPath(path), resources: [], chunked: false }
          : { ...written, type: written.type ?? typeOfPath(path) }
      if (resolved.resources.length > 0 && !resolved.type.startsWith('text/html')) {
        addIssue({
          message: `no resources, for only a page (text/html) can name them, and this is ${resolved.type}`,
          input: resolved.resources,
          path: [
            { type: 'object', origin: 'value', input: dataset.value, key: path, value: written },
            {
              type: 'object',
              origin: 'value',
              input: written as Record<string, unknown>,
              key: 'resources',
              value: resolved.resources,
            },
          ],
        })
        return NEVER
      }
      served[path] = resolved
    }
    return served
  }),
)
export interface ParsedResource {
  readonly size: number
  readonly type: string
  readonly resources: readonly string[]
  readonly references?: readonly PageReference[]
  /** undefined: the server's. */
  readonly delay?: number
  readonly chunked: boolean
  readonly push?: readonly string[]
  readonly cacheControl?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly location?: string
  readonly effect?: 'counter'
  readonly tooEarly?: boolean
}

const hostNames = (description: string) =>
  v.optional(listOf('names of hosts', hostReference('Name of a host.'), { max: 50, description }), [])
const modelName = choiceField('A page model.', PAGE_MODELS)
const page = v.pipe(
  v.union(
    [
      modelName,
      strict('a page model', {
        model: modelName,
        shards: hostNames('Hosts that its files are spread over, which serve the same model; the document and data stay here.'),
        thirdParties: hostNames('Hosts that what comes from third parties is spread over; they serve the same model, too.'),
      }),
    ],
    `one of ${PAGE_MODELS.join(', ')}, or {model, shards, thirdParties}`,
  ),
  v.description('Serves a page of realistic shape at "/", with all that belongs to it; besides what it serves otherwise.'),
  v.transform((written): PageChoice =>
    typeof written === 'string' ? { model: written, shards: [], thirdParties: [] } : written,
  ),
)

/** What a page model is made of, as it would be served if it were written out. */
export function servedByModel(choice: PageChoice): Record<string, ParsedResource> {
  return Object.fromEntries(
    Object.entries(modelResources(choice)).map(([path, { size, references }]) => [
      path,
      { size, type: typeOfPath(path), resources: [], references, chunked: false },
    ]),
  )
}

const port = (description: string, usual: number) => v.optional(countField(description, { min: 1, max: 65535 }), usual)

const webServerEntries = {
  serves: v.exactOptional(serves),
  page: v.exactOptional(page),
  port: port('TCP port to listen on.', 80),
  delay: v.optional(timeField('How long the server thinks before each answer.', anyTime), '0 s'),
  keepAlive: v.optional(flagField('Keep a connection open for further requests.'), true),
  digest: v.optional(flagField('Record a digest of each body.'), false),
  backlog: v.optional(countField('How many connections may wait to be accepted.', { min: 1, max: 65535 }), 128),
  fastOpen: v.optional(flagField('Take requests that come in the SYN, where TCP is set to (tcp.fastOpen).'), false),
  protocols,
  tls: serverTls,
  scheduler: v.optional(
    choiceField(
      "Which stream's bytes go first over HTTP/2: as priorities say, each in turn, or one after the other in the order of requests.",
      ['priority', 'fair', 'in-order'],
    ),
    'priority',
  ),
  hsts: v.exactOptional(
    countField('For how many seconds browsers shall come by https only (RFC 6797); 0: no longer. Absent: nothing is said.', {
      min: 0,
      max: 1e9,
    }),
  ),
  cacheControl: v.exactOptional(cacheControl),
  headers: v.exactOptional(headers),
}

const backend = formField(
  'Address of a server behind it.',
  /^https?:\/\/([a-z0-9.-]{1,63}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?\/?$/,
  'the address of a server, such as "http://origin:8080" or "https://origin"',
)

const reverseProxyEntries = {
  backends: v.pipe(
    v.union(
      [backend, listOf('addresses', backend, { min: 1, max: 100, description: 'Servers, which take turns.' })],
      'the address of a server such as "http://origin:8080", or a list of them',
    ),
    v.description('The servers behind it: an address, or a list of them, which take turns.'),
    v.transform((written): string[] => (typeof written === 'string' ? [written] : written)),
  ),
  port: port('TCP port to listen on without TLS.', 80),
  protocols,
  tls: serverTls,
  backendTls: clientTls,
  keepAlive: v.optional(flagField('Keep a connection open for further requests.'), true),
  digest: v.optional(flagField('Record a digest of each body.'), false),
  backlog: v.optional(countField('How many connections may wait to be accepted.', { min: 1, max: 65535 }), 128),
}

const word = formField('A text.', /^[ -~]{1,100}$/, 'a text of up to 100 visible characters')
const meddlerEntries = {
  replace: v.optional(
    byName(
      'words by the words that they replace',
      word,
      formField('A text.', /^[ -~]{0,100}$/, 'a text of up to 100 visible characters'),
      {
        max: 20,
        description: 'Words in pages, and what is put in their place.',
      },
    ),
    {},
  ),
  strip: v.optional(flagField('Make everything that leads to https lead to http (SSL stripping).'), false),
  protocols,
  tls: serverTls,
  backendTls: clientTls,
}

const replayerEntries = {
  port: port('TCP port whose connections are watched.', 443),
  copies: v.optional(countField('How often what a connection began with is sent again.', { min: 0, max: 100 }), 1),
  delay: v.optional(timeField('How long after it was recorded, and from one copy to the next.', { min: 1000, max: HOUR }), '1 s'),
}

const transport = v.optional(choiceField('What carries the stream.', ['udp', 'tcp']), 'udp')
const STREAM_PORT = 5004
const interval = v.optional(timeField('Time from one media frame to the next.', { min: 1000, max: HOUR }), '20 ms')
/** A media frame begins with its number and its time of sending. */
const frameSize = v.optional(sizeField('Size of a media frame.', { min: 16, max: 65507 }), '160 B')
const start = v.optional(timeField('When to begin.', anyTime), '0 s')

const streamSenderEntries = {
  to: hostReference('The host to send to.'),
  port: port('Port to send to.', STREAM_PORT),
  transport,
  interval,
  size: frameSize,
  count: v.optional(countField('How many media frames to send.', { min: 1, max: 1_000_000 }), 250),
  start,
}

const streamReceiverEntries = {
  port: port('Port to listen on.', STREAM_PORT),
  transport,
  interval,
  size: frameSize,
  playout: v.optional(
    timeField('How long after the first media frame to begin to play: what may be late by less is heard.', anyTime),
    '60 ms',
  ),
}

const pingEntries = {
  to: hostReference('The host to ask.'),
  version: v.optional(
    v.pipe(
      v.picklist([0, 4, 6], 'one of 4, 6, or 0 for the one that is tried first'),
      v.description('Version of IP: 4, 6, or 0 for the one that is tried first.'),
    ),
    0,
  ),
  count: v.optional(countField('How many echo requests to send.', { min: 1, max: 1_000_000 }), 4),
  interval: v.optional(timeField('Time from one request to the next.', { min: 1000, max: HOUR }), '1 s'),
  size: v.optional(sizeField('Bytes of data in a request.', { max: 65507 }), '56 B'),
  ttl: v.optional(countField('Time to live of a request, or hop limit.', { min: 1, max: 255 }), 64),
  timeout: v.optional(timeField('How long to wait for a reply.', { min: 1, max: HOUR }), '1 s'),
  traceroute: v.optional(flagField('Count the time to live up from 1, to name each router on the way.'), false),
  start,
}

const BARE_STEPS = ['read-to-end', 'shutdown', 'close', 'reset', 'wait-closed'] as const
type BareStep = (typeof BARE_STEPS)[number]
const bare = <const Do extends BareStep>(name: Do) => strict(`the step "${name}"`, { do: v.literal(name) })
const stepBytes = sizeField('How many bytes.', { min: 1, max: 100 * MEBIBYTE })
const step = v.variant(
  'do',
  [
    strict('the step "sleep"', { do: v.literal('sleep'), for: timeField('How long.', anyTime) }),
    strict('the step "send"', { do: v.literal('send'), bytes: stepBytes }),
    strict('the step "read"', { do: v.literal('read'), bytes: stepBytes }),
    bare('read-to-end'),
    bare('shutdown'),
    bare('close'),
    bare('reset'),
    bare('wait-closed'),
  ],
  'what to do: sleep, send, read, read-to-end, shutdown, close, reset or wait-closed',
)
const STEP_ALLOWED =
  'a step such as {"do": "send", "bytes": "1 kB"}, or one of the words read-to-end, shutdown, close, reset, wait-closed'

const socketScriptEntries = {
  listen: v.optional(countField('TCP port to listen on for one connection; 0: it connects instead.', { min: 0, max: 65535 }), 0),
  connect: v.optional(
    formField(
      'Whom to connect to.',
      /^(([a-z0-9.-]{1,63}|\[[0-9a-f:.]{2,45}\]):[0-9]{1,5})?$/,
      'a host and a port such as "bob:80" or "[2001:db8::1]:80"',
    ),
    '',
  ),
  start,
  steps: v.pipe(
    listOf('steps', v.union([v.picklist(BARE_STEPS, STEP_ALLOWED), step], STEP_ALLOWED), {
      max: 1000,
      description: 'What to do with the connection, in this order.',
    }),
    v.transform((steps): Step[] => steps.map((item) => (typeof item === 'string' ? { do: item } : item))),
  ),
}
type Step = v.InferOutput<typeof step> | { do: BareStep }

const synFlooderEntries = {
  to: hostReference('The victim.'),
  port: port('TCP port to flood.', 80),
  sources: v.optional(
    formField(
      'IPv4 network that the invented sources are drawn from.',
      /^[0-9]{1,3}(\.[0-9]{1,3}){3}\/([89]|[12][0-9]|30)$/,
      'an IPv4 network such as "198.51.100.0/24"',
    ),
    '198.51.100.0/24',
  ),
  rate: v.optional(countField('SYNs a second, on average.', { min: 1, max: 100_000 }), 100),
  start,
  duration: v.optional(timeField('How long; 0 s: for ever.', anyTime), '0 s'),
}

const arpSpooferEntries = {
  victim: hostReference('Whose packets are wanted: a host on the same network.'),
  pose: hostReference('Whom the victim is to take the attacker for: another host on the same network, usually the router.'),
  forward: v.optional(flagField('Pass on what comes, so that nobody misses it.'), true),
  interval: v.optional(timeField('From one lie to the next.', { min: 1e6, max: HOUR }), '1 s'),
  start,
  duration: v.optional(timeField('How long, after which the truth is told; 0 s: for ever.', anyTime), '0 s'),
}

const udpEchoEntries = {
  port: port('UDP port to listen on.', 7),
}

const LETTER_PORT = 4000
const letterText = (description: string) =>
  formField(
    description,
    new RegExp(`^[ -~]{1,${String(LONGEST_LETTER)}}$`),
    `a text of up to ${String(LONGEST_LETTER)} visible characters`,
  )
const letterWriterEntries = {
  to: hostReference('The host to give the letters to.'),
  port: port('TCP port to connect to.', LETTER_PORT),
  text: letterText('What every letter says.'),
  methods: v.optional(
    listOf('methods', choiceField('How a letter is packed.', LETTER_METHODS), {
      min: 1,
      max: 100,
      description: 'One letter by each of these, in this order.',
    }),
    [...LETTER_METHODS],
  ),
  interval: v.optional(timeField('From one letter to the next.', { min: 1000, max: HOUR }), '300 ms'),
}
const letterCarrierEntries = {
  to: hostReference('The host to bring the letters to.'),
  port: port('TCP port to listen on, and to connect to.', LETTER_PORT),
  mischief: v.optional(
    choiceField(
      'What is done to letters: nothing; a change of their text, or of a bit where it cannot be read; another letter in their place.',
      LETTER_MISCHIEF,
    ),
    'none',
  ),
  replace: v.optional(
    byName('words by the words that they replace', word, word, {
      max: 20,
      description: 'What a change of the text changes: words, and what is put in their place.',
    }),
    {},
  ),
  forgery: v.optional(letterText('What another letter in their place says.'), 'This is not what was written.'),
  divisions: v.optional(
    countField('How many divisions are tried at most to factor a modulus.', { min: 1, max: 1_000_000 }),
    20_000,
  ),
}
const letterReaderEntries = {
  port: port('TCP port to listen on.', LETTER_PORT),
}

/** Every application by name, with what an author may write about it. */
export const APPS = {
  browser: browserEntries,
  'web-server': webServerEntries,
  'reverse-proxy': reverseProxyEntries,
  meddler: meddlerEntries,
  replayer: replayerEntries,
  'stream-sender': streamSenderEntries,
  'stream-receiver': streamReceiverEntries,
  ping: pingEntries,
  'socket-script': socketScriptEntries,
  'syn-flooder': synFlooderEntries,
  'arp-spoofer': arpSpooferEntries,
  'udp-echo': udpEchoEntries,
  'letter-writer': letterWriterEntries,
  'letter-carrier': letterCarrierEntries,
  'letter-reader': letterReaderEntries,
} as const
export type AppName = keyof typeof APPS
export const APP_NAMES = Object.keys(APPS) as AppName[]
