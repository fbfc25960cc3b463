import * as v from 'valibot'
import { redisServerEntries } from './bus-schema.ts'
import { byName, choiceField, countField, flagField, formField, listOf, sizeField, strict, timeField } from './field-schema.ts'
import { vrrpEntries } from './failover-schema.ts'
import { tcpBalancerEntries } from './l4-schema.ts'
import { loadBalancerEntries, requestGeneratorEntries } from './balancer-schema.ts'
import { HOUR, MEBIBYTE, hostReference, portField } from './name-schema.ts'
import { LETTER_METHODS, LETTER_MISCHIEF, LONGEST_LETTER } from './letter-method.ts'
import { liveClientEntries } from './live-client-schema.ts'
import { liveServerEntries } from './live-schema.ts'
import { sessionClientEntries, sessionServerEntries } from './session-schema.ts'
import { clientTls, serverTls, tcpProtocols } from './tls-schema.ts'
import { browserEntries, reverseProxyEntries, webServerEntries } from './web-schema.ts'

/*
 * What authors write about applications. Each schema turns shorthands and units into the options that the application itself takes:
 * times in nanoseconds, sizes in bytes, every default filled in.
 */

const anyTime = { max: HOUR }

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
  protocols: tcpProtocols,
  tls: serverTls,
  backendTls: clientTls,
}

const replayerEntries = {
  port: portField('TCP port whose connections are watched.', 443),
  copies: v.optional(countField('How often what a connection began with is sent again.', { min: 0, max: 100 }), 1),
  delay: v.optional(timeField('How long after it was recorded, and from one copy to the next.', { min: 1000, max: HOUR }), '1 s'),
}

const firewallEntries = {
  blocks: v.optional(flagField('Lets no UDP through.'), true),
  until: v.optional(timeField('When that ends by itself; 0 s: never.', anyTime), '0 s'),
}

const transport = v.optional(choiceField('What carries the stream.', ['udp', 'tcp']), 'udp')
const STREAM_PORT = 5004
const interval = v.optional(timeField('Time from one media frame to the next.', { min: 1000, max: HOUR }), '20 ms')
/** A media frame begins with its number and its time of sending. */
const frameSize = v.optional(sizeField('Size of a media frame.', { min: 16, max: 65507 }), '160 B')
const start = v.optional(timeField('When to begin.', anyTime), '0 s')

const streamSenderEntries = {
  to: hostReference('The host to send to.'),
  port: portField('Port to send to.', STREAM_PORT),
  transport,
  interval,
  size: frameSize,
  count: v.optional(countField('How many media frames to send.', { min: 1, max: 1_000_000 }), 250),
  start,
}

const streamReceiverEntries = {
  port: portField('Port to listen on.', STREAM_PORT),
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
  port: portField('TCP port to flood.', 80),
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
  port: portField('UDP port to listen on.', 7),
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
  port: portField('TCP port to connect to.', LETTER_PORT),
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
  port: portField('TCP port to listen on, and to connect to.', LETTER_PORT),
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
  port: portField('TCP port to listen on.', LETTER_PORT),
}

/** Every application by name, with what an author may write about it. */
export const APPS = {
  browser: browserEntries,
  'web-server': webServerEntries,
  'reverse-proxy': reverseProxyEntries,
  'load-balancer': loadBalancerEntries,
  'request-generator': requestGeneratorEntries,
  meddler: meddlerEntries,
  replayer: replayerEntries,
  firewall: firewallEntries,
  'stream-sender': streamSenderEntries,
  'stream-receiver': streamReceiverEntries,
  ping: pingEntries,
  'socket-script': socketScriptEntries,
  'syn-flooder': synFlooderEntries,
  'arp-spoofer': arpSpooferEntries,
  'udp-echo': udpEchoEntries,
  'live-server': liveServerEntries,
  'live-client': liveClientEntries,
  'redis-server': redisServerEntries,
  'session-server': sessionServerEntries,
  'session-client': sessionClientEntries,
  'tcp-balancer': tcpBalancerEntries,
  vrrp: vrrpEntries,
  'letter-writer': letterWriterEntries,
  'letter-carrier': letterCarrierEntries,
  'letter-reader': letterReaderEntries,
} as const
export type AppName = keyof typeof APPS
export const APP_NAMES = Object.keys(APPS) as AppName[]
