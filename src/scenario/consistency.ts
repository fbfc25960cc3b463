import { addressEntries } from './address-schema.ts'
import { ScenarioError, listChoices, nearest, quote } from './errors.ts'
import { formatPath } from './path.ts'
import { checkCrowd } from './crowd-consistency.ts'
import { nameOfLink } from './segment.ts'
import { parseIp } from '../wire/address.ts'
import type { ParsedHost, ParsedScenario } from './schema.ts'
import type { Path } from './path.ts'

/** An application of a host as parsed, with where it stands in the scenario. */
export interface ParsedApp {
  readonly app: string
  readonly options: Readonly<Record<string, unknown>>
  readonly path: Path
}

/**
 * What a schema cannot see, for it is between the parts: names that name nothing, two of a name, hosts without a link, loops.
 * @throws ScenarioError for the first that is wrong
 */
export function checkConsistency(
  scenario: ParsedScenario,
  appsOf: (name: string, host: ParsedHost) => readonly ParsedApp[],
): void {
  checkLinks(scenario)
  for (const [name, host] of Object.entries(scenario.hosts)) {
    const apps = appsOf(name, host)
    if (!scenario.links.some(({ between }) => between.includes(name))) {
      throw new ScenarioError(
        formatPath(['hosts', name]),
        'a host without a link',
        `at least one link with between: [..., "${name}"]`,
      )
    }
    if (host.kind === 'switch') checkSwitch(name, host, apps)
    checkCrowd(scenario, name, host)
    checkPorts(apps)
    for (const app of apps) checkReferences(scenario, app)
  }
  checkAliases(scenario)
  refuseLoopsOfSwitches(scenario)
  checkClaims(scenario)
}

function checkAliases(scenario: ParsedScenario): void {
  const owners = new Map(Object.keys(scenario.hosts).map((name) => [name, formatPath(['hosts', name])]))
  for (const [name, { aliases = [] }] of Object.entries(scenario.hosts)) {
    aliases.forEach((alias, index) => {
      const path = formatPath(['hosts', name, 'aliases', index])
      const owner = owners.get(alias)
      if (owner !== undefined) throw new ScenarioError(path, quote(alias), `a name of its own, for ${owner} is called so`)
      owners.set(alias, path)
    })
  }
  for (const [name, address] of Object.entries(scenario.names)) {
    const owner = owners.get(name)
    if (owner !== undefined)
      throw new ScenarioError(formatPath(['names', name]), quote(address), `a name of its own, for ${owner} is called so`)
  }
}

function checkLinks(scenario: ParsedScenario): void {
  const hosts = Object.keys(scenario.hosts)
  const owners = new Map<string, number>()
  scenario.links.forEach((link, index) => {
    const [from, to] = link.between
    link.between.forEach((name, end) => {
      if (!hosts.includes(name)) throw unknownHost(formatPath(['links', index, 'between', end]), name, hosts)
    })
    if (from === to) {
      throw new ScenarioError(formatPath(['links', index, 'between']), `${quote(from)} at both ends`, 'two different hosts')
    }
    const name = nameOfLink(link)
    const owner = owners.get(name)
    if (owner !== undefined) {
      const allowed = `a name of its own, for ${formatPath(['links', owner])} is called so; two links between the same hosts need names`
      throw new ScenarioError(formatPath(['links', index, 'name']), quote(name), allowed)
    }
    owners.set(name, index)
  })
}

/** @param text what stands there, with the name inside */
function unknownHost(path: string, name: string, hosts: readonly string[], text = name): ScenarioError {
  const guess = nearest(name, hosts)
  return new ScenarioError(
    path,
    quote(text),
    `a host of this scenario: ${guess === undefined ? '' : `${guess} perhaps; `}${listChoices(hosts)}`,
  )
}

function checkSwitch(name: string, host: ParsedHost, apps: readonly ParsedApp[]): void {
  const first = apps[0]
  if (first !== undefined) {
    const path = formatPath(['hosts', name, host.app === undefined ? 'apps' : 'app'])
    throw new ScenarioError(path, quote(first.app), 'no application on a switch; make it a host or a router')
  }
  for (const key of [...(Object.keys(addressEntries) as (keyof typeof addressEntries)[]), 'aliases', 'tcp', 'machine'] as const) {
    if (host[key] === undefined) continue
    throw new ScenarioError(
      formatPath(['hosts', name, key]),
      `${key} of a switch`,
      'nothing, for a switch has no address of its own',
    )
  }
}

interface Listening {
  /** `'tcp 80'`. */
  readonly port: string
  /** What says so, below the application. */
  readonly key: Path
}

/** What an application listens on. */
function listensOn({ app, options }: ParsedApp): readonly Listening[] {
  const port = String(options['port'])
  switch (app) {
    case 'web-server':
    case 'load-balancer':
    case 'reverse-proxy': {
      const tls = options['tls'] as { readonly port: number; readonly plain: string } | undefined
      const plain = { port: `tcp ${port}`, key: ['port'] }
      if (tls === undefined) return [plain]
      const protocols = options['protocols'] as readonly string[] | undefined
      const quic = options['quic'] as { readonly port: number } | undefined
      const udp = quic === undefined || quic.port === 0 ? tls.port : quic.port
      return [
        ...(tls.plain === 'off' ? [] : [plain]),
        ...(protocols?.every((name) => name === 'h3') === true
          ? []
          : [{ port: `tcp ${String(tls.port)}`, key: ['tls', 'port'] }]),
        ...(protocols?.includes('h3') === true ? [{ port: `udp ${String(udp)}`, key: ['quic', 'port'] }] : []),
      ]
    }
    case 'meddler': {
      const listening = [{ port: 'tcp 80', key: [] }]
      return options['tls'] === undefined ? listening : [...listening, { port: 'tcp 443', key: ['tls'] }]
    }
    case 'live-server': {
      const tls = options['tls'] as { readonly port: number } | undefined
      return [
        tls === undefined ? { port: `tcp ${port}`, key: ['port'] } : { port: `tcp ${String(tls.port)}`, key: ['tls', 'port'] },
      ]
    }
    case 'replayer':
    case 'letter-carrier':
    case 'letter-reader':
    case 'redis-server':
    case 'session-server':
      return [{ port: `tcp ${port}`, key: ['port'] }]
    case 'stream-receiver':
      return [{ port: `${String(options['transport'])} ${port}`, key: ['port'] }]
    case 'socket-script':
      return options['listen'] === 0 ? [] : [{ port: `tcp ${String(options['listen'])}`, key: ['listen'] }]
    case 'udp-echo':
      return [{ port: `udp ${port}`, key: ['port'] }]
    default:
      return []
  }
}

function checkPorts(apps: readonly ParsedApp[]): void {
  const owners = new Map<string, ParsedApp>()
  for (const app of apps) {
    for (const { port, key } of listensOn(app)) {
      const owner = owners.get(port)
      if (owner !== undefined) {
        const allowed = `a port of its own, for ${formatPath(owner.path)} listens there`
        throw new ScenarioError(formatPath([...app.path, ...key]), port, allowed)
      }
      owners.set(port, app)
    }
  }
}

/** A host or an address with what may stand around it in an URL. Without a scheme or brackets an IPv6 address takes it all. */
const AUTHORITY = /^(?:(?:https?:\/\/)?(?:\[([^\]]*)\]|([a-z0-9.-]+))(?::(\d+))?(?=\/|$)|([0-9a-f:.]+)$)/

function checkReferences(scenario: ParsedScenario, { app, options, path }: ParsedApp): void {
  const refer = (text: string, key: Path): void => {
    checkReference(scenario, text, formatPath([...path, ...key]))
  }
  switch (app) {
    case 'browser': {
      const visits = options['visits'] as readonly { readonly url: string }[]
      visits.forEach(({ url }, index) => {
        refer(url, visits.length === 1 ? ['visits'] : ['visits', index])
      })
      return
    }
    case 'web-server':
      checkQuic(options, path)
      checkServed(options['serves'] as Readonly<Record<string, Served>>, refer, formatPath([...path, 'serves']))
      return
    case 'reverse-proxy': {
      const backends = options['backends'] as readonly string[]
      backends.forEach((url, index) => {
        refer(url, backends.length === 1 ? ['backends'] : ['backends', index])
      })
      return
    }
    case 'live-client': {
      const servers = options['servers'] as readonly string[]
      servers.forEach((url, index) => {
        refer(url, servers.length === 1 ? ['servers'] : ['servers', index])
      })
      return
    }
    case 'tcp-balancer': {
      const backends = options['backends'] as readonly { readonly at: string }[]
      refer(options['virtual'] as string, ['virtual'])
      backends.forEach(({ at }, index) => {
        refer(at, ['backends', index])
      })
      return
    }
    case 'live-server': {
      const bus = options['bus'] as { readonly to: string } | undefined
      if (bus !== undefined) refer(bus.to, ['bus', 'to'])
      return
    }
    case 'session-server': {
      const redis = options['redis'] as { readonly to: string } | undefined
      if (redis !== undefined) refer(redis.to, ['redis', 'to'])
      return
    }
    case 'session-client':
      refer(options['server'] as string, ['server'])
      return
    case 'vrrp': {
      const virtual = options['virtual'] as readonly string[]
      virtual.forEach((text, index) => {
        refer(text, ['virtual', index])
      })
      return
    }
    case 'request-generator':
      refer(options['url'] as string, ['url'])
      return
    case 'load-balancer': {
      const backends = options['backends'] as readonly { readonly url: string }[]
      backends.forEach(({ url }, index) => {
        refer(url, ['backends', index])
      })
      return
    }
    case 'stream-sender':
    case 'ping':
    case 'letter-writer':
    case 'letter-carrier':
      refer(options['to'] as string, ['to'])
      return
    case 'arp-spoofer':
      refer(options['victim'] as string, ['victim'])
      refer(options['pose'] as string, ['pose'])
      return
    case 'socket-script': {
      const connect = options['connect'] as string
      if ((connect === '') === (options['listen'] === 0)) {
        const found = connect === '' ? 'neither listen nor connect' : 'both listen and connect'
        throw new ScenarioError(formatPath(path), found, 'one of listen (a port) and connect (such as "bob:80")')
      }
      if (connect !== '') refer(connect, ['connect'])
      return
    }
    default:
  }
}

/** HTTP/3 knows no way without TLS. */
function checkQuic({ protocols, tls }: ParsedApp['options'], path: Path): void {
  if (tls !== undefined || (protocols as readonly string[] | undefined)?.includes('h3') !== true) return
  throw new ScenarioError(formatPath([...path, 'protocols']), 'h3 without tls', 'h3 beside "tls": true')
}

interface Served {
  readonly resources: readonly string[]
  readonly references?: readonly { readonly url: string }[]
}

function checkServed(serves: Readonly<Record<string, Served>>, refer: (text: string, key: Path) => void, path: string): void {
  const entries = Object.entries(serves)
  if (entries.length === 0) throw new ScenarioError(path, 'nothing', 'what is served by path, or a page model in page')
  for (const [served, { resources, references = [] }] of entries) {
    resources.forEach((url, index) => {
      if (!url.startsWith('/')) refer(url, ['serves', served, 'resources', index])
    })
    references.forEach(({ url }, index) => {
      if (!/^\/(?!\/)/.test(url)) refer(url.replace(/^\/\//, ''), ['serves', served, 'references', index, 'url'])
    })
  }
}

function checkReference(scenario: ParsedScenario, text: string, path: string): void {
  const [, bracketed, plain, port, bare] = AUTHORITY.exec(text) ?? []
  const name = bracketed ?? plain ?? bare ?? ''
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535))
    throw new ScenarioError(path, quote(text), 'a port from 1 to 65535')
  if (/^[0-9.]+$|:/.test(name) || bracketed !== undefined) {
    const address = parseIp(name)
    if (address === undefined || (bracketed !== undefined && typeof address === 'number')) {
      throw new ScenarioError(path, quote(text), 'an IP address such as 10.0.0.1 or 2001:db8::1, or the name of a host')
    }
    return
  }
  const reachable = Object.keys(scenario.hosts).filter((host) => scenario.hosts[host]?.kind !== 'switch')
  if (Object.hasOwn(scenario.names, name)) return
  if (reachable.includes(name) || Object.values(scenario.hosts).some(({ aliases }) => aliases?.includes(name))) return
  if (Object.hasOwn(scenario.hosts, name))
    throw new ScenarioError(path, quote(text), `a host with an address, which the switch ${name} has not`)
  throw unknownHost(path, name, reachable, text)
}

/** A loop of switches would carry a broadcast round for ever, for they do not speak the spanning tree protocol. */
function refuseLoopsOfSwitches(scenario: ParsedScenario): void {
  const parent = new Map<string, string>()
  const root = (name: string): string => {
    let at = name
    for (let up = parent.get(at); up !== undefined; up = parent.get(at)) at = up
    return at
  }
  scenario.links.forEach(({ between }, index) => {
    if (between.some((name) => scenario.hosts[name]?.kind !== 'switch')) return
    const [a, b] = [root(between[0]), root(between[1])]
    if (a === b) {
      const found = `a loop of switches, closed by ${between.join(' and ')}`
      throw new ScenarioError(
        formatPath(['links', index, 'between']),
        found,
        'a tree of switches; in a loop a broadcast would go round for ever',
      )
    }
    parent.set(b, a)
  })
  const mtus = new Map<string, { readonly mtu: number; readonly link: string }>()
  scenario.links.forEach((link, index) => {
    const end = link.between.find((name) => scenario.hosts[name]?.kind === 'switch')
    if (end === undefined) return
    const first = mtus.get(root(end)) ?? { mtu: link.mtu, link: nameOfLink(link) }
    mtus.set(root(end), first)
    if (first.mtu === link.mtu) return
    const allowed = `"${String(first.mtu)} B", as on link ${first.link} of the same segment; a switch cannot fragment`
    throw new ScenarioError(formatPath(['links', index, 'mtu']), `${String(link.mtu)} B`, allowed)
  })
}

function checkClaims(scenario: ParsedScenario): void {
  const hosts = Object.keys(scenario.hosts)
  scenario.claims.forEach((claim, index) => {
    if (claim.measure === undefined) return
    const path = ['claims', index] as const
    if (claim.host !== undefined && !hosts.includes(claim.host))
      throw unknownHost(formatPath([...path, 'host']), claim.host, hosts)
    if (claim.below === undefined && claim.above === undefined) {
      throw new ScenarioError(formatPath(path), `a claim on ${claim.measure} without a bound`, 'below, above, or both')
    }
  })
}
