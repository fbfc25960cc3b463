import { addressEntries } from './address-schema.ts'
import { ScenarioError, listChoices, nearest, quote } from './errors.ts'
import { formatPath } from './path.ts'
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
    checkPorts(apps)
    for (const app of apps) checkReferences(scenario, app)
  }
  refuseLoopsOfSwitches(scenario)
  checkClaims(scenario)
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
  for (const key of [...(Object.keys(addressEntries) as (keyof typeof addressEntries)[]), 'tcp', 'machine'] as const) {
    if (host[key] === undefined) continue
    throw new ScenarioError(
      formatPath(['hosts', name, key]),
      `${key} of a switch`,
      'nothing, for a switch has no address of its own',
    )
  }
}

/** What an application listens on: `'tcp 80'`. */
function listensOn({ app, options }: ParsedApp): string | undefined {
  switch (app) {
    case 'web-server':
      return `tcp ${String(options['port'])}`
    case 'stream-receiver':
      return `${String(options['transport'])} ${String(options['port'])}`
    case 'socket-script':
      return options['listen'] === 0 ? undefined : `tcp ${String(options['listen'])}`
    case 'udp-echo':
      return `udp ${String(options['port'])}`
    default:
      return undefined
  }
}

function checkPorts(apps: readonly ParsedApp[]): void {
  const owners = new Map<string, ParsedApp>()
  for (const app of apps) {
    const port = listensOn(app)
    if (port === undefined) continue
    const owner = owners.get(port)
    if (owner !== undefined) {
      const key = app.app === 'socket-script' ? 'listen' : 'port'
      throw new ScenarioError(
        formatPath([...app.path, key]),
        port,
        `a port of its own, for ${formatPath(owner.path)} listens there`,
      )
    }
    owners.set(port, app)
  }
}

/** A host or an address with what may stand around it in an URL. Without a scheme or brackets an IPv6 address takes it all. */
const AUTHORITY = /^(?:(?:http:\/\/)?(?:\[([^\]]*)\]|([a-z0-9.-]+))(?::(\d+))?(?=\/|$)|([0-9a-f:.]+)$)/

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
      for (const [served, { resources }] of Object.entries(
        options['serves'] as Record<string, { readonly resources: readonly string[] }>,
      )) {
        resources.forEach((url, index) => {
          if (!url.startsWith('/')) refer(url, ['serves', served, 'resources', index])
        })
      }
      return
    case 'stream-sender':
    case 'ping':
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
  if (reachable.includes(name)) return
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
