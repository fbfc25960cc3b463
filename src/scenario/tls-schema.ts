import * as v from 'valibot'
import { choiceField, countField, flagField, formField, listOf, sizeField, strict } from './field-schema.ts'
import {
  CERTIFICATE_KINDS,
  HTTP_PROTOCOLS,
  KEY_TYPES,
  TCP_PROTOCOLS,
  TLS_CIPHER_SUITES,
  TLS_GROUPS,
  TLS_VERSIONS,
} from './tls-settings.ts'

/*
 * What authors write about TLS. Who says only `true` gets what is best here; what the scenario knows besides (its seed, names and
 * addresses) is added by tls-resolution.ts.
 */

/** Twenty years: real clients, which come over a bridge, look at real clocks. */
const USUAL_VALIDITY = 7300

function each<const Choices extends readonly string[]>(noun: string, description: string, choices: Choices, min = 0) {
  const schema = listOf(noun, choiceField(`One of the ${noun}.`, choices), { min, max: choices.length, description })
  return v.pipe(
    schema,
    v.check((items) => new Set(items).size === items.length, `a list of ${noun} with each of them once`),
  )
}

/** Protocols over which pages are served or loaded. */
export const protocols = v.exactOptional(
  each('protocols', 'Versions of HTTP, best first; what is usual when absent.', HTTP_PROTOCOLS, 1),
)

/** The same where nothing is spoken but TCP. */
export const tcpProtocols = v.exactOptional(
  each('protocols', 'Versions of HTTP, best first; what is usual when absent.', TCP_PROTOCOLS, 1),
)

const RECORD_ALLOWED = "a size from 64 B to 16 KiB, or 'dynamic'"
const recordSize = v.pipe(
  v.union([v.literal('dynamic'), sizeField('', { min: 64, max: 16_384 })], RECORD_ALLOWED),
  v.description('Most plain text in a record; with "dynamic", records are small at first and after a pause, then large.'),
)

const commonEntries = {
  versions: v.optional(each('versions', 'Versions of TLS, best first.', TLS_VERSIONS, 1), [...TLS_VERSIONS]),
  cipherSuites: v.optional(
    each('cipher suites', 'Cipher suites, best first; when empty, all, with what is fastest here first.', TLS_CIPHER_SUITES),
    [],
  ),
  groups: v.optional(
    each('groups', 'Groups for the key exchange, best first; when empty, all but the hybrid, X25519 first.', TLS_GROUPS),
    [],
  ),
  recordSize: v.optional(recordSize, '16 KiB'),
  keyLog: v.optional(flagField('Record the secrets of connections, so that captures can be decrypted.'), true),
}

const certificateField = choiceField('What the certificate is like.', CERTIFICATE_KINDS)
const keyType = v.optional(choiceField('Type of the key in the certificate.', KEY_TYPES), 'p-256')
const intermediate = v.optional(flagField("Send the intermediate authority's certificate along, as a server must."), true)
const validFor = v.optional(
  countField('How many days the certificate is valid, from 30 days before the run begins.', { min: 1, max: 7300 }),
  USUAL_VALIDITY,
)

/** What a server that listens under TLS is told. */
export const serverTlsEntries = {
  ...commonEntries,
  port: v.optional(countField('TCP port to listen on under TLS.', { min: 1, max: 65535 }), 443),
  plain: v.optional(
    choiceField('What is done on the port without TLS: nobody listens, all is redirected to https, or the same is served.', [
      'off',
      'redirect',
      'serve',
    ]),
    'redirect',
  ),
  certificate: v.optional(certificateField, 'valid'),
  keyType,
  intermediate,
  validFor,
  names: v.optional(
    listOf(
      'names',
      formField('A DNS name.', /^(\*\.)?[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?$/, 'a DNS name such as "www.example" or "*.example"'),
      { max: 100, description: "Names in the certificate besides the host's own." },
    ),
    [],
  ),
  tickets: v.optional(countField('How many session tickets a connection gets; 0: nobody can resume.', { min: 0, max: 4 }), 2),
  earlyData: v.optional(sizeField('Most early data (0-RTT) that is accepted; 0 B: none.', { max: 1_048_576 }), '0 B'),
  replayProtection: v.optional(flagField('Accept early data once only.'), true),
  clientAuthentication: v.optional(
    choiceField('Whether clients are asked for a certificate of their own.', ['none', 'wanted', 'required']),
    'none',
  ),
}

const ROOT_ALLOWED = 'scenario, rogue, or a certificate in PEM'

/** What a client is told. */
const clientTlsEntries = {
  ...commonEntries,
  keyShares: v.optional(
    each(
      'groups',
      'Groups of which a key share goes into the first ClientHello; when empty, the best one, and X25519 behind a hybrid.',
      TLS_GROUPS,
    ),
    [],
  ),
  roots: v.optional(
    listOf(
      'authorities',
      v.union(
        [
          v.picklist(['scenario', 'rogue'], ROOT_ALLOWED),
          v.pipe(
            v.string(ROOT_ALLOWED),
            v.maxLength(10_000, ROOT_ALLOWED),
            v.regex(/^-----BEGIN CERTIFICATE-----\s/, ROOT_ALLOWED),
          ),
        ],
        ROOT_ALLOWED,
      ),
      { max: 20, description: 'Authorities to trust: those of the scenario by name, others as certificates in PEM.' },
    ),
    ['scenario'],
  ),
  certificateErrors: v.optional(
    choiceField('What the person does who is shown that something is wrong with a certificate.', ['stop', 'proceed']),
    'stop',
  ),
  resumption: v.optional(flagField('Resume sessions by their tickets.'), true),
  earlyData: v.optional(flagField('Send the first request of a resumed connection as early data (0-RTT).'), false),
  grease: v.exactOptional(
    flagField(
      'Say hello as browsers do: with values that mean nothing (RFC 8701), and what looks like an encrypted hello; some 200 bytes.',
    ),
  ),
  certificate: v.exactOptional(certificateField),
  keyType,
  intermediate,
  validFor,
}

const serverObject = strict('TLS options of a server', serverTlsEntries)
const clientObject = strict('TLS options of a client', clientTlsEntries)

/** TLS options of a server as parsed, without what only the scenario knows. */
export type ParsedServerTls = v.InferOutput<typeof serverObject>
export type ParsedClientTls = v.InferOutput<typeof clientObject>

/** `true`: as is best here; `false`: not at all. */
export const serverTls = v.exactOptional(
  v.pipe(
    v.union([v.boolean(), serverObject], 'true, false, or TLS options such as {"certificate": "expired"}'),
    v.description('Serve under TLS; true: with usual options.'),
    v.transform((written): ParsedServerTls | undefined => {
      if (typeof written !== 'boolean') return written
      return written ? v.parse(serverObject, {}) : undefined
    }),
  ),
)

/** What a client does when it comes to TLS. */
export const clientTls = v.exactOptional(v.pipe(clientObject, v.description('How connections under TLS are made.')))

/** The TLS options of a client that says nothing about it. */
export function usualClientTls(): ParsedClientTls {
  return v.parse(clientObject, {})
}
