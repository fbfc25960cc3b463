import * as v from 'valibot'
import { byName, choiceField, countField, flagField, formField, listOf, sizeField, strict, timeField } from './field-schema.ts'
import { HOUR, hostReference, MEBIBYTE, portField } from './name-schema.ts'
import { modelResources, PAGE_MODELS } from './page-model.ts'
import type { PageChoice } from './page-model.ts'
import { pageReference } from './page-reference.ts'
import type { PageReference } from './page-reference.ts'
import { serviceEntries } from './service-schema.ts'
import { clientQuic, serverQuic } from './quic-schema.ts'
import { clientTls, protocols, serverTls, tcpProtocols } from './tls-schema.ts'

/*
 * What authors write about browsers, servers of pages, and who stands between them. As with all applications (app-schema.ts), shorthands
 * and units become the options that the application itself takes.
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

/** What a browser takes. */
export const browserEntries = {
  visits,
  protocols,
  tls: clientTls,
  quic: clientQuic,
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
    flagField('Use a connection of HTTP/2 or HTTP/3 for other names, too, where address and certificate are good for them.'),
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
  http3Rest: v.optional(
    timeField("How long HTTP/3 is left alone where it has failed while TCP works; twice as long each further time. Chrome's.", {
      min: 1e6,
      max: HOUR,
    }),
    '300 s',
  ),
  rebinds: v.optional(
    listOf('times', timeField('When.', anyTime), {
      max: 1000,
      description:
        'When a NAT on the way forgets the ports of QUIC connections, so that they go on by others without their knowledge.',
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

/** Usual with real servers. */
const DAY = 86_400

const altSvc = v.exactOptional(
  v.pipe(
    v.union(
      [v.boolean(), countField('Seconds.', { min: 0, max: 1e9 })],
      'true, false, or for how many seconds browsers may believe it; 0: they are to forget it',
    ),
    v.description(
      'Whether responses say that HTTP/3 is served, too (RFC 7838): for so many seconds, a day with true; 0: no longer. Absent: if it is.',
    ),
    v.transform((written): number | false => (written === true ? DAY : written)),
  ),
)

/** What a web server takes. */
export const webServerEntries = {
  serves: v.exactOptional(serves),
  page: v.exactOptional(page),
  port: portField('TCP port to listen on.', 80),
  delay: v.optional(timeField('How long the server thinks before each answer.', anyTime), '0 s'),
  keepAlive: v.optional(flagField('Keep a connection open for further requests.'), true),
  digest: v.optional(flagField('Record a digest of each body.'), false),
  backlog: v.optional(countField('How many connections may wait to be accepted.', { min: 1, max: 65535 }), 128),
  fastOpen: v.optional(flagField('Take requests that come in the SYN, where TCP is set to (tcp.fastOpen).'), false),
  protocols,
  tls: serverTls,
  quic: serverQuic,
  altSvc,
  service: v.exactOptional(
    v.pipe(
      strict('service times', serviceEntries),
      v.description('How long the processor works on a request, one after the other. Absent: as long as the machine says.'),
    ),
  ),
  scheduler: v.optional(
    choiceField(
      "Which stream's bytes go first over HTTP/2 and HTTP/3: as priorities say, each in turn, or one after the other in the order of requests.",
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

/** What a reverse proxy takes. */
export const reverseProxyEntries = {
  backends: v.pipe(
    v.union(
      [backend, listOf('addresses', backend, { min: 1, max: 100, description: 'Servers, which take turns.' })],
      'the address of a server such as "http://origin:8080", or a list of them',
    ),
    v.description('The servers behind it: an address, or a list of them, which take turns.'),
    v.transform((written): string[] => (typeof written === 'string' ? [written] : written)),
  ),
  port: portField('TCP port to listen on without TLS.', 80),
  protocols: tcpProtocols,
  tls: serverTls,
  backendTls: clientTls,
  keepAlive: v.optional(flagField('Keep a connection open for further requests.'), true),
  digest: v.optional(flagField('Record a digest of each body.'), false),
  backlog: v.optional(countField('How many connections may wait to be accepted.', { min: 1, max: 65535 }), 128),
}
