import * as v from 'valibot'
import { addressEntries, ipVersions, sharedNames } from './address-schema.ts'
import { APPS, APP_NAMES } from './app-schema.ts'
import { chartsSchema } from './chart-schema.ts'
import { crowdEntries } from './crowd-schema.ts'
import { claimSchema, measuredClaimSchema } from './claim-schema.ts'
import {
  byName,
  choiceField,
  countField,
  flagField,
  formField,
  listOf,
  numberField,
  proseField,
  strict,
  timeField,
} from './field-schema.ts'
import { linkSchema } from './link-schema.ts'
import { listChoices, suggestChoices } from './errors.ts'
import { machineSchema } from './machine-schema.ts'
import { hostName, knobName } from './name-schema.ts'
import { tcpSchema } from './tcp-schema.ts'

const LIMITS = {
  hosts: 500,
  links: 2000,
  knobs: 60,
  claims: 100,
  lessonSteps: 100,
  appsOfHost: 20,
} as const

const DAY = 86_400e9

const FAULTS = ['drop', 'corrupt', 'link', 'cut', 'kill', 'pause', 'machine'] as const
const VIEWS = ['lanes', 'waterfall', 'charts', 'ring', 'events', 'inspector'] as const

const hostEntries = {
  kind: v.optional(
    choiceField('A host runs applications, a router forwards packets too, a switch forwards frames.', [
      'host',
      'router',
      'switch',
    ]),
    'host',
  ),
  label: v.exactOptional(proseField('What people see it called; its name when absent.', 60)),
  aliases: v.exactOptional(
    listOf(
      'names',
      formField(
        'A name.',
        /^[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?$/,
        'a name of small letters, digits, hyphens and dots, such as "images.bob"',
      ),
      { max: 20, description: 'Further names that lead to the host.' },
    ),
  ),
  ...addressEntries,
  ...crowdEntries,
  icmpErrors: v.exactOptional(
    flagField(
      'Tells sources by ICMP what became of their packets, as all should; false makes a router that swallows them in silence.',
    ),
  ),
  clampsMss: v.exactOptional(
    flagField('A router that lowers the segment size announced in SYNs that pass through, to what fits through it.'),
  ),
  tcp: v.exactOptional(tcpSchema),
  machine: v.exactOptional(machineSchema),
  outages: v.exactOptional(
    listOf(
      'outages',
      strict('an outage', {
        at: timeField('When its power goes.', { min: 1, max: DAY }),
        for: v.optional(timeField('How long it stays off; 0 s: for good.', { max: DAY }), '0 s'),
      }),
      { max: 100, description: 'When it loses its power by itself, with all that it had in memory, and for how long.' },
    ),
  ),
  position: v.exactOptional(
    v.pipe(
      strict('a position', {
        x: numberField('From the left, as a part of the width.', { min: 0, max: 1 }),
        y: numberField('From the top, as a part of the height.', { min: 0, max: 1 }),
      }),
      v.description('Where the stage draws it; laid out when absent.'),
    ),
  ),
}
/** Keys that belong to the host itself rather than to its application. */
export const HOST_KEYS: ReadonlySet<string> = new Set([...Object.keys(hostEntries), 'app', 'apps'])

/** What a wrong value of `app` is answered with. */
function appAllowed({ input }: v.BaseIssue<unknown>): string {
  return `the name of an application: ${typeof input === 'string' ? suggestChoices(input, APP_NAMES) : listChoices(APP_NAMES)}`
}

const appVariants = v.variant(
  'app',
  [
    strict('a browser', { app: v.literal('browser'), ...APPS.browser }),
    strict('a web server', { app: v.literal('web-server'), ...APPS['web-server'] }),
    strict('a reverse proxy', { app: v.literal('reverse-proxy'), ...APPS['reverse-proxy'] }),
    strict('a load balancer', { app: v.literal('load-balancer'), ...APPS['load-balancer'] }),
    strict('a generator of requests', { app: v.literal('request-generator'), ...APPS['request-generator'] }),
    strict('a meddler', { app: v.literal('meddler'), ...APPS.meddler }),
    strict('a replayer', { app: v.literal('replayer'), ...APPS.replayer }),
    strict('a firewall', { app: v.literal('firewall'), ...APPS.firewall }),
    strict('a stream sender', { app: v.literal('stream-sender'), ...APPS['stream-sender'] }),
    strict('a stream receiver', { app: v.literal('stream-receiver'), ...APPS['stream-receiver'] }),
    strict('a ping', { app: v.literal('ping'), ...APPS.ping }),
    strict('a socket script', { app: v.literal('socket-script'), ...APPS['socket-script'] }),
    strict('a SYN flooder', { app: v.literal('syn-flooder'), ...APPS['syn-flooder'] }),
    strict('an ARP spoofer', { app: v.literal('arp-spoofer'), ...APPS['arp-spoofer'] }),
    strict('a UDP echo', { app: v.literal('udp-echo'), ...APPS['udp-echo'] }),
    strict('a live server', { app: v.literal('live-server'), ...APPS['live-server'] }),
    strict('a balancer of TCP connections', { app: v.literal('tcp-balancer'), ...APPS['tcp-balancer'] }),
    strict('VRRP', { app: v.literal('vrrp'), ...APPS.vrrp }),
    strict('a live client', { app: v.literal('live-client'), ...APPS['live-client'] }),
    strict('a server of Redis', { app: v.literal('redis-server'), ...APPS['redis-server'] }),
    strict('a server with sessions', { app: v.literal('session-server'), ...APPS['session-server'] }),
    strict('a client with a session', { app: v.literal('session-client'), ...APPS['session-client'] }),
    strict('a writer of letters', { app: v.literal('letter-writer'), ...APPS['letter-writer'] }),
    strict('a carrier of letters', { app: v.literal('letter-carrier'), ...APPS['letter-carrier'] }),
    strict('a reader of letters', { app: v.literal('letter-reader'), ...APPS['letter-reader'] }),
  ],
  appAllowed,
)

export type ParsedHostApp = v.InferOutput<typeof appVariants>
type HostAppSource = v.InferInput<typeof appVariants>
/** An application on a host of several. Its type is what goes in and comes out: spelt out in full, it would be too long for a declaration. */
export const appOnItsOwn: v.GenericSchema<HostAppSource, ParsedHostApp> = appVariants

const hostVariants = v.variant(
  'app',
  [
    strict('a host with a browser', { app: v.literal('browser'), ...hostEntries, ...APPS.browser }),
    strict('a host with a web server', { app: v.literal('web-server'), ...hostEntries, ...APPS['web-server'] }),
    strict('a host with a reverse proxy', { app: v.literal('reverse-proxy'), ...hostEntries, ...APPS['reverse-proxy'] }),
    strict('a host with a load balancer', { app: v.literal('load-balancer'), ...hostEntries, ...APPS['load-balancer'] }),
    strict('a host with a generator of requests', {
      app: v.literal('request-generator'),
      ...hostEntries,
      ...APPS['request-generator'],
    }),
    strict('a host with a meddler', { app: v.literal('meddler'), ...hostEntries, ...APPS.meddler }),
    strict('a host with a replayer', { app: v.literal('replayer'), ...hostEntries, ...APPS.replayer }),
    strict('a host with a firewall', { app: v.literal('firewall'), ...hostEntries, ...APPS.firewall }),
    strict('a host with a stream sender', { app: v.literal('stream-sender'), ...hostEntries, ...APPS['stream-sender'] }),
    strict('a host with a stream receiver', { app: v.literal('stream-receiver'), ...hostEntries, ...APPS['stream-receiver'] }),
    strict('a host with a ping', { app: v.literal('ping'), ...hostEntries, ...APPS.ping }),
    strict('a host with a socket script', { app: v.literal('socket-script'), ...hostEntries, ...APPS['socket-script'] }),
    strict('a host with a SYN flooder', { app: v.literal('syn-flooder'), ...hostEntries, ...APPS['syn-flooder'] }),
    strict('a host with an ARP spoofer', { app: v.literal('arp-spoofer'), ...hostEntries, ...APPS['arp-spoofer'] }),
    strict('a host with a UDP echo', { app: v.literal('udp-echo'), ...hostEntries, ...APPS['udp-echo'] }),
    strict('a host with a live server', { app: v.literal('live-server'), ...hostEntries, ...APPS['live-server'] }),
    strict('a host with a balancer of TCP connections', {
      app: v.literal('tcp-balancer'),
      ...hostEntries,
      ...APPS['tcp-balancer'],
    }),
    strict('a host with VRRP', { app: v.literal('vrrp'), ...hostEntries, ...APPS.vrrp }),
    strict('a host with a live client', { app: v.literal('live-client'), ...hostEntries, ...APPS['live-client'] }),
    strict('a host with a server of Redis', { app: v.literal('redis-server'), ...hostEntries, ...APPS['redis-server'] }),
    strict('a host with a server with sessions', {
      app: v.literal('session-server'),
      ...hostEntries,
      ...APPS['session-server'],
    }),
    strict('a host with a client with a session', {
      app: v.literal('session-client'),
      ...hostEntries,
      ...APPS['session-client'],
    }),
    strict('a host with a writer of letters', { app: v.literal('letter-writer'), ...hostEntries, ...APPS['letter-writer'] }),
    strict('a host with a carrier of letters', { app: v.literal('letter-carrier'), ...hostEntries, ...APPS['letter-carrier'] }),
    strict('a host with a reader of letters', { app: v.literal('letter-reader'), ...hostEntries, ...APPS['letter-reader'] }),
    strict('a host', {
      app: v.exactOptional(v.never()),
      ...hostEntries,
      apps: v.optional(
        listOf('applications', appOnItsOwn, { max: LIMITS.appsOfHost, description: 'Applications to start.' }),
        [],
      ),
    }),
  ],
  (issue) =>
    issue.path === undefined ? 'a host: an object such as {"app": "browser", "visits": "http://bob/"}' : appAllowed(issue),
)
export type ParsedHost = v.InferOutput<typeof hostVariants>
type HostSource = v.InferInput<typeof hostVariants>
/** A host. With `app`, the options of that application stand beside it. */
export const hostSchema: v.GenericSchema<HostSource, ParsedHost> = hostVariants

const SCALAR_ALLOWED = 'a number, a text such as "2 %", or true or false'
const scalar = v.union(
  [v.number(SCALAR_ALLOWED), v.pipe(v.string(SCALAR_ALLOWED), v.maxLength(100, SCALAR_ALLOWED)), v.boolean(SCALAR_ALLOWED)],
  SCALAR_ALLOWED,
)
const BOUND_ALLOWED = 'a number, or a quantity such as "20 %" or "50 ms"'
const bound = v.union([v.number(BOUND_ALLOWED), v.pipe(v.string(BOUND_ALLOWED), v.maxLength(40, BOUND_ALLOWED))], BOUND_ALLOWED)
const CHOICE_ALLOWED = 'a text or a number, or {value, label}'
const choiceValue = v.union(
  [v.number(CHOICE_ALLOWED), v.pipe(v.string(CHOICE_ALLOWED), v.maxLength(100, CHOICE_ALLOWED))],
  CHOICE_ALLOWED,
)
const RANGE_ALLOWED = 'the least and the most, such as ["0 %", "20 %"]'
const TWO_VALUES_ALLOWED = 'two values of the knob, such as ["h2", "h3"]'
const knobPath = v.pipe(v.string('a path such as "links[0].loss"'), v.maxLength(300, 'a path of at most 300 characters'))
/** Checked where it is put, by what may stand there. */
const anything = v.unknown()

export const knobSchema = strict('a knob', {
  label: proseField('What people see it called.', 60),
  help: v.exactOptional(proseField('A longer explanation.', 500)),
  range: v.exactOptional(v.pipe(v.strictTuple([bound, bound], RANGE_ALLOWED), v.description('Least and most, for a slider.'))),
  step: v.exactOptional(v.pipe(bound, v.description('Width of one step of the slider.'))),
  scale: v.exactOptional(choiceField('How the slider runs; found from the range when absent.', ['linear', 'log'])),
  choices: v.exactOptional(
    listOf(
      'choices',
      v.union(
        [
          choiceValue,
          strict('a choice', {
            value: v.pipe(choiceValue, v.description('What is set; with sets of its own, just its name.')),
            label: proseField('What people see.', 60),
            sets: v.exactOptional(
              byName('values by path', knobPath, anything, {
                max: 50,
                description:
                  'What this choice sets, where the knob itself sets nothing: values by their paths into the scenario.',
              }),
            ),
          }),
        ],
        CHOICE_ALLOWED,
      ),
      {
        description: 'Values to choose from.',
        min: 2,
        max: 20,
      },
    ),
  ),
  value: v.exactOptional(
    v.pipe(scalar, v.description('Where it stands at first; what the scenario says at its path when absent.')),
  ),
  sets: v.exactOptional(
    v.pipe(
      v.union(
        [knobPath, listOf('paths', knobPath, { min: 1, max: 50, description: 'Paths.' })],
        'a path such as "links[0].loss", or a list of paths',
      ),
      v.description('What it sets: paths into the scenario. Absent when its choices say it, each for itself.'),
      v.transform((written): string[] => (typeof written === 'string' ? [written] : written)),
    ),
  ),
  restart: v.exactOptional(
    flagField(
      'true: start the run anew when it is turned, though it could act live. false: let a TCP option act on connections to come.',
    ),
  ),
})
export type ParsedKnob = v.InferOutput<typeof knobSchema>

const UNTIL_ALLOWED = 'one of {event: name}, {time: "2 s"} or {intervention: kind}'
const lessonStep = strict('a step of a lesson', {
  text: proseField('A sentence or two, in Markdown.', 2000),
  predict: v.exactOptional(
    listOf('outcomes', proseField('What may happen, in a few words.', 80), {
      min: 2,
      max: 5,
      description: 'Of these the reader is asked to choose what he expects; the steps that follow recall it.',
    }),
  ),
  until: v.exactOptional(
    v.pipe(
      v.union(
        [
          strict('a wait for an event', {
            event: formField('Name of an event.', /^[a-z0-9-]+:[a-z0-9-]+$/, 'the name of an event such as "page:loaded"'),
          }),
          strict('a wait for a time', { time: timeField('Simulated time.', { max: DAY }) }),
          strict('a wait for an intervention', {
            intervention: choiceField('What the reader is to do.', [
              'drop',
              'corrupt',
              'set',
              'kill',
              'restart',
              'pause',
              'resume',
              'watch',
              'cut',
              'heal',
              'link',
            ]),
          }),
        ],
        UNTIL_ALLOWED,
      ),
      v.description('The step is done when this has happened.'),
    ),
  ),
})

const scenarioEntries = {
  $schema: v.exactOptional(v.pipe(v.string(), v.description('Where the JSON Schema of this file is, for editors.'))),
  id: formField(
    'Name in addresses and on the command line.',
    /^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/,
    'a name of small letters, digits and hyphens, such as "tcp-handshake"',
  ),
  title: proseField('Title.', 120),
  summary: v.exactOptional(proseField('One sentence for cards and screen readers.', 400)),
  seed: v.optional(countField('Seed of every random number.', { min: 0, max: Number.MAX_SAFE_INTEGER }), 1),
  duration: v.optional(timeField('The run ends here, or earlier when nothing is left to happen.', { min: 1, max: DAY }), '30 s'),
  speed: v.exactOptional(
    numberField('Simulated seconds per real second at first; found from the delays when absent.', { min: 0.001, max: 10 }),
  ),
  ip: v.optional(ipVersions, 'v4'),
  names: sharedNames,
  hosts: byName('hosts by name', hostName, hostSchema, { min: 1, max: LIMITS.hosts, description: 'Hosts by name.' }),
  links: listOf('links', linkSchema, { min: 1, max: LIMITS.links, description: 'Links between hosts.' }),
  knobs: v.optional(
    byName('knobs by name', knobName, knobSchema, { max: LIMITS.knobs, description: 'What the reader may turn.' }),
    {},
  ),
  faults: v.optional(
    listOf('faults', choiceField('A kind of fault.', FAULTS), {
      max: FAULTS.length,
      description: 'Faults offered by hand; all when absent.',
    }),
    [...FAULTS],
  ),
  views: v.optional(
    listOf('views', choiceField('An instrument.', VIEWS), { max: 20, description: 'Instruments to open at first.' }),
    ['events'],
  ),
  charts: v.optional(chartsSchema, []),
  compare: v.exactOptional(
    v.pipe(
      strict('a comparison', {
        knob: v.pipe(knobName, v.description('The knob that the two runs differ in.')),
        values: v.pipe(v.strictTuple([scalar, scalar], TWO_VALUES_ALLOWED), v.description('Where it stands in each of them.')),
        open: v.optional(flagField('false: only offers it; otherwise both runs are shown at once from the beginning.'), true),
      }),
      v.description('Two runs of this scenario with the same seed that differ in one knob, to be shown both at once.'),
    ),
  ),
  colorBy: v.exactOptional(
    choiceField('What the colours of packets tell apart at first: connections (usual), or streams of HTTP/2 and HTTP/3.', [
      'connection',
      'stream',
    ]),
  ),
  lesson: v.optional(listOf('steps', lessonStep, { max: LIMITS.lessonSteps, description: 'Short steps for the reader.' }), []),
  claims: v.optional(
    listOf('claims', claimSchema, { max: LIMITS.claims, description: 'What the lesson asserts, measured on the trace.' }),
    [],
  ),
}

/** A scenario as an author writes it. */
export const scenarioSchema = strict('a scenario', scenarioEntries)

/** A scenario as plain data, in a file: its claims are measured by name. */
export const scenarioFileSchema = strict('a scenario', {
  ...scenarioEntries,
  claims: v.optional(
    listOf('claims', measuredClaimSchema, { max: LIMITS.claims, description: 'What is asserted, measured on the trace.' }),
    [],
  ),
})

/** What an author writes. */
export type ScenarioSource = v.InferInput<typeof scenarioSchema>
/** The same with shorthands spelt out and units in numbers; not yet checked as a whole. */
export type ParsedScenario = v.InferOutput<typeof scenarioSchema>
