import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { count, eventsOf, noOccasion } from '../measure.ts'

const rate = '10 Mbit/s'
const NEWS = { url: 'http://news/peace-in-sight' } as const
const BANK = 'http://bank/'

const said = ({ data }: EventRecord, key: string): string => String(data[key])
const isOn = (connections: ReadonlySet<string>) => (event: EventRecord) => connections.has(event.connection)
const connectionsOf = (events: readonly EventRecord[]): Set<string> => new Set(events.map(({ connection }) => connection))
const isOpen = (event: EventRecord): boolean => said(event, 'url').startsWith('http://')

function httpIsHers(trace: TraceView): ClaimResult {
  const got = eventsOf(trace, 'alice', 'http:response-received')
  const asked = eventsOf(trace, 'alice', 'http:request-sent')
    .filter(isOpen)
    .filter(isOn(connectionsOf(got)))
  if (asked.length === 0) return noOccasion('Alice got no answer over http')
  const inClear = isOn(connectionsOf(asked))
  const read = eventsOf(trace, 'mallory', 'meddler:request-read').filter(inClear).length
  const edited = eventsOf(trace, 'mallory', 'meddler:response-edited').filter(inClear).length
  const sent = ['news', 'bank'].flatMap((host) => eventsOf(trace, host, 'http:response-sent'))
  const digests = new Set(sent.map((event) => said(event, 'digest')))
  const foreign = got.filter((event) => inClear(event) && !digests.has(said(event, 'digest'))).length
  const failed = eventsOf(trace, 'alice', 'http:request-failed').filter(isOpen).length
  return {
    holds: read === asked.length && foreign === edited && failed === 0,
    evidence: `Of ${count(asked.length, 'request')} over http Mallory read ${String(read)}. She edited ${count(edited, 'answer')}, and Alice got ${String(foreign)} that no server had sent; her browser found ${count(failed, 'fault')}.`,
  }
}

interface Handshakes {
  /** Which Mallory let through. */
  readonly carried: ReadonlySet<string>
  /** Which she answered herself. */
  readonly met: ReadonlySet<string>
}

/** Alice's connections under TLS, by whom they led to. */
function handshakes(trace: TraceView): Handshakes {
  const all = connectionsOf(eventsOf(trace, 'alice', 'tls:message-received'))
  const hers = connectionsOf(eventsOf(trace, 'mallory', 'tls:handshake-started').filter(({ data }) => data['role'] === 'server'))
  return { carried: new Set([...all].filter((name) => !hers.has(name))), met: new Set([...all].filter((name) => hers.has(name))) }
}

function secretsAreKept(trace: TraceView): ClaimResult {
  const { carried } = handshakes(trace)
  const asked = eventsOf(trace, 'alice', 'http:request-sent').filter(isOn(carried)).length
  if (asked === 0) return noOccasion('Alice asked for nothing over TLS that Mallory let through')
  const read = eventsOf(trace, 'mallory', 'meddler:request-read').filter(isOn(carried)).length
  const sent = new Set(eventsOf(trace, 'bank', 'http:response-sent').map((event) => said(event, 'digest')))
  const got = eventsOf(trace, 'alice', 'http:response-received').filter(isOn(carried))
  const changed = got.filter((event) => !sent.has(said(event, 'digest'))).length
  return {
    holds: read === 0 && changed === 0,
    evidence: `${count(asked, 'request')} went through Mallory’s hands under TLS. She read ${String(read)}, and changed ${count(changed, 'answer')}.`,
  }
}

/** What came of the certificates that Alice was shown on some connections. */
function refusals(trace: TraceView, connections: ReadonlySet<string>): { refused: EventRecord[]; asked: number } {
  const refused = eventsOf(trace, 'alice', 'tls:certificate-refused').filter(isOn(connections))
  const stopped = connectionsOf(refused.filter(({ data }) => data['overlooked'] === false))
  return { refused, asked: eventsOf(trace, 'alice', 'http:request-sent').filter(isOn(stopped)).length }
}

function forgeryIsRefused(trace: TraceView): ClaimResult {
  const { met } = handshakes(trace)
  if (met.size === 0) return noOccasion('Mallory showed no certificate of her own')
  const { refused, asked } = refusals(trace, met)
  const overlooked = refused.filter(({ data }) => data['overlooked'] === true).length
  const wrong = refused.filter((event) => said(event, 'error') !== 'ERR_CERT_AUTHORITY_INVALID').length
  const read = eventsOf(trace, 'mallory', 'meddler:request-read').filter(isOn(met)).length
  const careless = overlooked === 0 ? '' : ` Alice clicked ${count(overlooked, 'warning')} away.`
  return {
    holds: refused.length === met.size && wrong === 0 && asked === 0 && (read === 0 || overlooked > 0),
    evidence: `Mallory answered ${count(met.size, 'handshake')} herself, and got ERR_CERT_AUTHORITY_INVALID ${count(refused.length - wrong, 'time')}.${careless} Where Alice stopped, ${count(asked, 'request')} left her computer; Mallory read ${String(read)} under TLS.`,
  }
}

function strippingNeedsHttp(trace: TraceView): ClaimResult {
  const visits = eventsOf(trace, 'alice', 'page:started').filter((event) => said(event, 'url') === BANK)
  const upgraded = eventsOf(trace, 'alice', 'fetch:upgraded').filter((event) => said(event, 'reason') === 'hsts')
  const stripped = eventsOf(trace, 'mallory', 'meddler:tls-stripped')
  if (visits.length === 0 || (upgraded.length === 0 && stripped.length === 0))
    return noOccasion('Alice did not type http, or Mallory took nothing off')
  // A request that the browser itself makes one for https.
  const since = upgraded[0]?.time ?? Infinity
  const late = [...stripped, ...eventsOf(trace, 'alice', 'http:request-sent').filter(isOpen)].filter(
    (event) => event.time >= since && !said(event, 'url').startsWith(NEWS.url),
  ).length
  const secure = eventsOf(trace, 'alice', 'http:request-sent').filter((event) => said(event, 'url').startsWith('https://bank/'))
  const later = secure.filter(({ time: at }) => at >= (stripped[0]?.time ?? Infinity)).length
  return {
    holds: late === 0 && (upgraded.length > 0 || later === 0),
    evidence:
      upgraded.length > 0
        ? `HSTS made https of ${count(upgraded.length, 'address', 'addresses')} before anything was sent; ${count(late, 'request')} to the bank went in the clear after that.`
        : `Nothing was known of the bank: ${count(stripped.length, 'request')} went to it under TLS from Mallory, and in the clear from Alice, who got as far as https ${count(later, 'time')}.`,
  }
}

const ALERTS: Readonly<Record<string, string>> = {
  ERR_CERT_DATE_INVALID: 'certificate_expired',
  ERR_CERT_COMMON_NAME_INVALID: 'bad_certificate',
  ERR_CERT_AUTHORITY_INVALID: 'unknown_ca',
}

function faultsHaveNames(trace: TraceView): ClaimResult {
  const { carried } = handshakes(trace)
  const { refused, asked } = refusals(trace, carried)
  const stopped = refused.filter(({ data }) => data['overlooked'] === false)
  if (stopped.length === 0) return noOccasion('nothing was wrong with the bank’s own certificate, or Alice did not mind')
  const alerts = eventsOf(trace, 'bank', 'tls:alert-received').filter(({ data }) => data['level'] === 'fatal')
  const told = stopped.filter(({ connection, data }) =>
    alerts.some((alert) => alert.connection === connection && alert.data['alert'] === ALERTS[String(data['error'])]),
  )
  return {
    holds: told.length === stopped.length && asked === 0,
    evidence: `${count(stopped.length, 'connection')} ended with ${[...new Set(stopped.map((event) => said(event, 'error')))].join(', ')}; the bank was told of ${String(told.length)} by the alert ${[...new Set(alerts.map((event) => said(event, 'alert')))].join(', ')}, and ${count(asked, 'request')} got out.`,
  }
}

export default defineScenario({
  id: 'https-on-a-hostile-network',
  title: 'Mallory’s free Wi-Fi',
  summary:
    'All that Alice sends goes through Mallory’s router. What she can read, what she can change, how she keeps people from TLS, and where she fails.',
  seed: 1,
  duration: '10 s',
  speed: 0.02,
  hosts: {
    alice: {
      label: 'Alice',
      position: { x: 0, y: 0.8 },
      app: 'browser',
      visits: [NEWS, { url: BANK, at: '300 ms' }],
      tls: { resumption: false },
      hstsPreload: [],
      digest: true,
      tcp: { timeWait: '200 ms' },
    },
    mallory: {
      kind: 'router',
      label: 'Mallory',
      position: { x: 0.5, y: 0.8 },
      app: 'meddler',
      replace: { peace: 'war' },
      // Whom she asks in Alice's stead is all the same to her.
      backendTls: { certificateErrors: 'proceed' },
      tcp: { timeWait: '200 ms' },
    },
    news: {
      label: 'News',
      position: { x: 0.5, y: 0.05 },
      app: 'web-server',
      serves: { '/peace-in-sight': '1 kB' },
      digest: true,
      tcp: { timeWait: '200 ms' },
    },
    bank: {
      label: 'Bank',
      position: { x: 1, y: 0.8 },
      app: 'web-server',
      tls: {},
      serves: { '/': '1 kB' },
      digest: true,
      tcp: { timeWait: '200 ms' },
    },
  },
  links: [
    { between: ['alice', 'mallory'], rate, delay: '5 ms' },
    { between: ['mallory', 'news'], rate, delay: '10 ms' },
    { between: ['mallory', 'bank'], rate, delay: '10 ms' },
  ],
  knobs: {
    asks: {
      label: 'How Alice goes to her bank',
      choices: [
        { value: 'http', label: 'http://bank/' },
        {
          value: 'https',
          label: 'https://bank/',
          sets: { 'hosts.alice.visits': [NEWS, { url: 'https://bank/', at: '300 ms' }] },
        },
        {
          value: 'both',
          label: 'https://bank/, and http://bank/ later',
          sets: {
            'hosts.alice.visits': [
              NEWS,
              { url: 'https://bank/', at: '300 ms' },
              { url: BANK, at: '700 ms', reconnect: true, reload: true },
            ],
          },
        },
      ],
    },
    meddler: {
      label: 'What Mallory does',
      value: 'edits',
      choices: [
        { value: 'reads', label: 'reads', sets: { 'hosts.mallory.replace': {} } },
        { value: 'edits', label: 'puts “war” for “peace”' },
        {
          value: 'self-signed',
          label: 'shows a certificate that she signed',
          sets: { 'hosts.mallory.tls': { certificate: 'self-signed' } },
        },
        {
          value: 'unknown',
          label: 'shows one of an authority of her own',
          sets: { 'hosts.mallory.tls': { certificate: 'unknown-authority' } },
        },
        { value: 'strips', label: 'strips TLS off', sets: { 'hosts.mallory.strip': true } },
      ],
    },
    hsts: {
      label: 'HSTS: https or nothing',
      choices: [
        { value: 'none', label: 'unknown' },
        { value: 'server', label: 'the bank says it, over https', sets: { 'hosts.bank.hsts': 86_400 } },
        { value: 'preload', label: 'in the browser’s list', sets: { 'hosts.alice.hstsPreload': ['bank'] } },
      ],
    },
    certificate: {
      label: 'The bank’s certificate',
      choices: [
        { value: 'valid', label: 'good' },
        { value: 'expired', label: 'expired' },
        { value: 'wrong-name', label: 'for another name' },
        { value: 'self-signed', label: 'self-signed' },
      ],
      sets: 'hosts.bank.tls.certificate',
      restart: true,
    },
    warning: {
      label: 'When the browser warns, Alice',
      choices: [
        { value: 'stop', label: 'stops' },
        { value: 'proceed', label: 'clicks it away' },
      ],
      sets: 'hosts.alice.tls.certificateErrors',
      restart: true,
    },
    loss: {
      label: 'Packet loss',
      help: 'On each link, in each direction.',
      range: ['0 %', '10 %'],
      sets: ['links[0].loss', 'links[1].loss', 'links[2].loss'],
    },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['events', 'inspector'],
  lesson: [
    {
      text: 'Alice sits in a café, and everything that she sends goes through **Mallory’s router**. First she reads the news, over http. Press play.',
      until: { event: 'meddler:request-read' },
    },
    {
      text: 'Mallory reads what is asked, asks the server herself, and puts *war* where the answer says *peace*. Click the two answers, before her and behind her, and compare.',
      until: { event: 'meddler:response-edited' },
    },
    {
      text: 'Nothing in Alice’s browser looks wrong. Now she types http://bank/. The bank answers only: come by https. That, too, Mallory reads.',
      until: { event: 'tls:handshake-started' },
    },
    {
      text: 'From here on Mallory carries bytes. She sees the name *bank* in the ClientHello, how much is said and when. Look into a packet on her link: the keys are in the trace for you, not for her.',
      until: { event: 'tls:connected' },
    },
    {
      text: 'Let her **show a certificate of her own**. The browser refuses before it has asked for anything, for nobody it trusts has signed. Then let Alice click the warning away.',
      until: { intervention: 'set' },
    },
    {
      text: 'Now let her **strip TLS off**. She follows the bank to https herself, and gives Alice all over http: no warning, for there is no certificate. What helps is that the browser never asks over http: turn **HSTS** on.',
      until: { intervention: 'set' },
    },
    {
      text: 'Give the bank an expired certificate, or one for another name. The browser cannot tell a careless bank from Mallory.',
    },
  ],
  claims: [
    {
      says: 'Over http Mallory reads every request, and what she edits arrives as if the server had written it.',
      cites: 'RFC 9110 section 17.1; RFC 7258 section 1',
      holds: httpIsHers,
    },
    {
      says: 'What goes through her hands under TLS she can neither read nor change.',
      cites: 'RFC 8446 appendix E.1 and E.2',
      holds: secretsAreKept,
    },
    {
      says: 'A certificate of her own is refused with ERR_CERT_AUTHORITY_INVALID, before a request has left Alice’s computer.',
      cites: 'RFC 5280 section 6.1; RFC 8446 section 4.4.2.4',
      holds: forgeryIsRefused,
    },
    {
      says: 'Stripping TLS off works on who begins with http, and on nobody whose browser knows HSTS of the bank.',
      cites: 'RFC 6797 sections 2.3.1.3 and 8.3',
      holds: strippingNeedsHttp,
    },
    {
      says: 'A bad certificate of the bank’s own stops the browser as well, which tells the bank what is wrong by an alert.',
      cites: 'RFC 8446 section 6.2; RFC 9110 section 4.3.4',
      holds: faultsHaveNames,
    },
  ],
})
