import { addressEntries } from './address-schema.ts'
import { ScenarioError, describeFound, listChoices, quote } from './errors.ts'
import { formatPath, parsePath } from './path.ts'
import type { Path } from './path.ts'

/** What one path of a knob points to. */
export type KnobTarget =
  | {
      readonly kind: 'link'
      /** Index of the link. */
      readonly link: number
      /** undefined: both directions. */
      readonly direction: 0 | 1 | undefined
      /** Key of the link, or of one direction's settings: `'loss'`. */
      readonly key: string
    }
  | {
      readonly kind: 'app'
      /** Name of the host. */
      readonly host: string
      /** Index of the application on the host. */
      readonly app: number
      /** Below the application's options: `['interval']`. */
      readonly below: Path
    }
  | {
      readonly kind: 'host'
      readonly host: string
      /** Below the host: `['tcp', 'sack']`. */
      readonly below: Path
    }

const DIRECTIONS = ['forward', 'backward'] as const
const HOST_PARTS = new Set([
  'tcp',
  'machine',
  'replicas',
  'access',
  'trace',
  'outages',
  'kind',
  'label',
  'aliases',
  'position',
  'apps',
  ...Object.keys(addressEntries),
])

type Tree = Record<string, unknown>

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Reads a knob's path: `links[0].loss`, `links.uplink.backward.rate`, `hosts.bob.app.interval`, `hosts.bob.apps[1].size`,
 * `hosts.bob.interval` (the same as `hosts.bob.app.interval`), `hosts.bob.tcp.sack`.
 * @param source the scenario as written, already valid
 * @throws ScenarioError when it points to nothing
 */
export function locate(source: Tree, text: string, where: string): KnobTarget {
  const path = parsePath(text, where)
  const [top, who, ...below] = path
  const nothing = (allowed: string) => new ScenarioError(where, quote(text), allowed)
  if (top === 'links') return locateOnLink(source['links'] as Tree[], who, below, nothing)
  if (top !== 'hosts') throw nothing('a path that begins with links or hosts, such as links[0].loss or hosts.bob.app.interval')
  const hosts = source['hosts'] as Tree
  if (typeof who !== 'string' || !Object.hasOwn(hosts, who))
    throw nothing(`a path with a host of this scenario: ${listChoices(Object.keys(hosts))}`)
  return locateOnHost(hosts[who] as Tree, who, below, nothing)
}

type Nothing = (allowed: string) => ScenarioError

function locateOnLink(links: readonly Tree[], who: string | number | undefined, below: Path, nothing: Nothing): KnobTarget {
  const names = links.map((link) => (typeof link['name'] === 'string' ? link['name'] : (link['between'] as string[]).join('-')))
  const link = typeof who === 'number' ? who : names.indexOf(who ?? '')
  const given = links[link]
  if (given === undefined)
    throw nothing(
      `a path with a link of this scenario: ${listChoices(
        names.map((name, index) => `links[${String(index)}] or links.${name}`),
        5,
      )}`,
    )
  const direction = DIRECTIONS.findIndex((name) => name === below[0])
  const [key, ...more] = direction < 0 ? below : below.slice(1)
  if (typeof key !== 'string' || more.length > 0) throw nothing("a path to one of a link's settings, such as links[0].loss")
  if (direction >= 0) return { kind: 'link', link, direction: direction as 0 | 1, key }
  // What one direction says for itself, the word for both does not change.
  const own = DIRECTIONS.map((name) => isTree(given[name]) && Object.hasOwn(given[name], key))
  if (own[0] && own[1])
    throw nothing(
      `links[${String(link)}].forward.${key} or links[${String(link)}].backward.${key}, for each direction has its own`,
    )
  return { kind: 'link', link, direction: own[0] ? 1 : own[1] ? 0 : undefined, key }
}

function locateOnHost(host: Tree, name: string, below: Path, nothing: Nothing): KnobTarget {
  const [part, next, ...more] = below
  if (part === undefined) throw nothing(`a path to something of ${name}, such as hosts.${name}.tcp.sack`)
  if (part === 'apps' && typeof next === 'number') {
    const count = Array.isArray(host['apps']) ? host['apps'].length : 0
    if (next >= count) throw nothing(`a path with an application of ${name}, of which there are ${String(count)}`)
    return { kind: 'app', host: name, app: next, below: more }
  }
  const hasApp = typeof host['app'] === 'string'
  if (part === 'app' && next !== undefined) {
    if (!hasApp && !(Array.isArray(host['apps']) && host['apps'].length > 0))
      throw nothing(`a host with an application, which ${name} has not`)
    return { kind: 'app', host: name, app: 0, below: [next, ...more] }
  }
  if (hasApp && part !== 'app' && !(typeof part === 'string' && HOST_PARTS.has(part)))
    return { kind: 'app', host: name, app: 0, below }
  return { kind: 'host', host: name, below }
}

/** The target as the canonical path, which `Machine.configure` understands below the host. */
export function formatTarget(target: KnobTarget): string {
  switch (target.kind) {
    case 'link':
      return formatPath([
        'links',
        target.link,
        ...(target.direction === undefined ? [] : [DIRECTIONS[target.direction]]),
        target.key,
      ])
    case 'app':
      return formatPath(['hosts', target.host, ...(target.app === 0 ? ['app'] : ['apps', target.app]), ...optionOf(target)])
    case 'host':
      return formatPath(['hosts', target.host, ...target.below])
  }
}

/** Where the option is in its long form: what is served at a path may be written as its size alone. */
export function optionOf({ below }: Extract<KnobTarget, { kind: 'app' }>): Path {
  return below[0] === 'serves' && below.length === 2 ? [...below, 'size'] : below
}

/** Where in the written scenario the target's value stands: keys from the top. */
export function placeOf(source: Tree, target: KnobTarget): Path {
  switch (target.kind) {
    case 'link':
      return ['links', target.link, ...(target.direction === undefined ? [] : [DIRECTIONS[target.direction]]), target.key]
    case 'app': {
      const host = (source['hosts'] as Tree)[target.host] as Tree
      return ['hosts', target.host, ...(typeof host['app'] === 'string' ? [] : ['apps', target.app]), ...target.below]
    }
    case 'host':
      return ['hosts', target.host, ...target.below]
  }
}

/** The value at a place, or undefined. */
export function valueAt(tree: unknown, place: Path): unknown {
  let at = tree
  for (const key of place) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined
    at = (at as Tree)[key]
  }
  return at
}

/** Parts of a link, a host or an application that are objects, and may be made when a value is put inside. */
const MADE = new Set<string | number>([
  ...['tcp', 'machine', 'access', 'forward', 'backward', 'position', 'tls'],
  ...['reconnect', 'heartbeat', 'say'],
])

/**
 * Puts a value into a written scenario.
 * @throws ScenarioError when there is nothing to put it into
 */
export function putAt(tree: unknown, place: Path, value: unknown, where: string): void {
  let at = tree
  place.forEach((key, depth) => {
    const last = depth === place.length - 1
    const container = at
    const fits =
      typeof container === 'object' &&
      container !== null &&
      (Array.isArray(container) ? typeof key === 'number' && key < container.length : typeof key === 'string')
    if (!fits) {
      const parent = formatPath(place.slice(0, depth))
      const allowed = `a path that exists; at ${parent} stands ${describeFound(container)}, which may have a longer form to point into`
      throw new ScenarioError(where, quote(formatPath(place)), allowed)
    }
    const inside = container as Tree
    if (last) inside[key] = value
    else if (!Object.hasOwn(inside, key) && MADE.has(key)) inside[key] = {}
    at = Object.hasOwn(inside, key) ? inside[key] : undefined
  })
}
