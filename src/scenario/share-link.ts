import { Inflate, deflateSync, strFromU8, strToU8 } from 'fflate'
import { ScenarioError, quote } from './errors.ts'
import { writeInterventions } from './intervention-json.ts'
import { findKnob, writeKnobValue } from './knob.ts'
import { writeUnit, readUnit } from './units.ts'
import type { Intervention } from './intervention.ts'
import type { KnobValue } from './knob.ts'
import type { ResolvedScenario } from './resolved.ts'
import { joined } from '../wire/joined.ts'

/** What a share link says. */
export interface SharedRun {
  /** Of the catalog, or the scenario itself as plain data; not validated yet. */
  readonly scenario: { readonly id: string } | { readonly source: unknown }
  /** undefined: the scenario's own. */
  readonly seed: number | undefined
  /** Where knobs stand at the start, as text for `resolveScenario`. */
  readonly knobs: Readonly<Record<string, string>>
  /** For `parseInterventions`, once the scenario is resolved. */
  readonly log: readonly unknown[]
  /** Playhead, in nanoseconds. */
  readonly at: number | undefined
  /** Number of the selected frame. */
  readonly frame: number | undefined
  /** Whether the two runs that the scenario compares are shown both at once; undefined: as the scenario has it. */
  readonly both: boolean | undefined
}

/** What goes into a share link. */
export interface ShareOptions {
  readonly scenario: ResolvedScenario
  /** The scenario as written, plain data, when no catalog has it. */
  readonly source?: unknown
  readonly seed?: number
  /** Knobs that stood elsewhere than usual at the start, in base units. */
  readonly knobs?: Readonly<Record<string, KnobValue>>
  readonly log?: readonly Intervention[]
  /** Playhead, in nanoseconds. */
  readonly at?: number
  readonly frame?: number
  readonly both?: boolean
}

const LONGEST_FRAGMENT = 200_000
const MOST_INFLATED = 1_000_000
/** Small enough that one step of a decompression bomb stays small: deflate grows at most 1,032 times. */
const INFLATE_STEP = 512
const KNOB_PREFIX = 'set.'

/**
 * A run as a URL fragment without its `#`: parameters in plain sight (`scenario=tcp-close&seed=7`), or the same deflated as
 * `z=…` where that is shorter.
 */
export function encodeShareLink(options: ShareOptions): string {
  const pairs: [string, string][] = []
  if (options.source === undefined) pairs.push(['scenario', options.scenario.id])
  else pairs.push(['inline', JSON.stringify(options.source)])
  if (options.seed !== undefined) pairs.push(['seed', String(options.seed)])
  for (const [name, value] of Object.entries(options.knobs ?? {})) {
    pairs.push([KNOB_PREFIX + name, String(writeKnobValue(findKnob(options.scenario, name), value))])
  }
  if (options.at !== undefined) pairs.push(['at', writeUnit('time', options.at)])
  if (options.frame !== undefined) pairs.push(['frame', String(options.frame)])
  if (options.both !== undefined) pairs.push(['both', options.both ? 'yes' : 'no'])
  if (options.log !== undefined && options.log.length > 0)
    pairs.push(['log', JSON.stringify(writeInterventions(options.log, options.scenario))])
  const plain = pairs.map(([key, value]) => `${key}=${escape(value)}`).join('&')
  const packed = `z=${toBase64Url(deflateSync(strToU8(JSON.stringify(Object.fromEntries(pairs))), { level: 9 }))}`
  return packed.length < plain.length ? packed : plain
}

/** Percent-encodes only what a fragment cannot hold (RFC 3986 section 3.5), and what separates parameters. */
function escape(text: string): string {
  return encodeURIComponent(text).replace(/%(?:2C|3A|2F|40|24|3B|3F)/g, decodeURIComponent)
}

/**
 * Reads a URL fragment.
 * @param fragment with or without its `#`, of unknown origin
 * @returns undefined when it is no share link at all
 * @throws ScenarioError when it is a broken one
 */
export function decodeShareLink(fragment: string): SharedRun | undefined {
  const text = fragment.replace(/^#/, '')
  if (!/(?:^|&)(?:scenario|inline|z)=/.test(text)) return undefined
  if (text.length > LONGEST_FRAGMENT) {
    throw new ScenarioError('link', `${String(text.length)} characters`, `at most ${String(LONGEST_FRAGMENT)} characters`)
  }
  const given = new Map(text.split('&').map(readPair))
  const packed = given.get('z')
  return readParameters(packed === undefined ? given : unpack(packed))
}

function readPair(pair: string): [string, string] {
  const [key, value] = splitOnce(pair)
  try {
    return [decodeURIComponent(key), decodeURIComponent(value)]
  } catch (error) {
    if (error instanceof URIError) throw new ScenarioError('link', quote(pair), 'text in percent-encoding')
    throw error
  }
}

function splitOnce(pair: string): [string, string] {
  const equals = pair.indexOf('=')
  return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
}

function unpack(packed: string): Map<string, string> {
  const value = parseJson('link', inflate(fromBase64Url(packed)))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw broken(packed)
  return new Map(
    Object.entries(value).map(([key, item]): [string, string] => {
      if (typeof item !== 'string') throw broken(packed)
      return [key, item]
    }),
  )
}

function broken(packed: string): ScenarioError {
  return new ScenarioError('link', quote(packed), 'a share link as it was given; some of it is missing or changed')
}

function readParameters(given: ReadonlyMap<string, string>): SharedRun {
  const knobs: Record<string, string> = {}
  for (const [key, value] of given) {
    const name = key.slice(KNOB_PREFIX.length)
    if (key.startsWith(KNOB_PREFIX) && !(name in Object.prototype)) knobs[name] = value
  }
  const id = given.get('scenario')
  const inline = given.get('inline')
  if (id === undefined && inline === undefined) throw new ScenarioError('link', 'no scenario', 'scenario=… or inline=…')
  const log = parseJson('log', given.get('log') ?? '[]')
  if (!Array.isArray(log)) throw new ScenarioError('log', quote(given.get('log') ?? ''), 'a list of interventions')
  return {
    scenario: id === undefined ? { source: parseJson('inline', inline ?? '') } : { id },
    seed: readInteger('seed', given.get('seed')),
    knobs,
    log,
    at: readTime(given.get('at')),
    frame: readInteger('frame', given.get('frame')),
    both: readBoth(given.get('both')),
  }
}

function readBoth(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined
  if (text !== 'yes' && text !== 'no') throw new ScenarioError('both', quote(text), 'yes or no')
  return text === 'yes'
}

function readInteger(path: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : -1
  if (!Number.isSafeInteger(value) || value < 0)
    throw new ScenarioError(path, quote(text), 'a whole number from 0 to 9007199254740991')
  return value
}

function readTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = readUnit('time', text)
  if (typeof value !== 'number') throw new ScenarioError('at', quote(text), value.allowed)
  return value
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    if (error instanceof SyntaxError) throw new ScenarioError(path, quote(text), 'JSON; some of the link is missing or changed')
    throw error
  }
}

function inflate(bytes: Uint8Array): string {
  const parts: Uint8Array[] = []
  let length = 0
  let done = false
  const stream = new Inflate((part, last) => {
    length += part.length
    done ||= last
    if (length > MOST_INFLATED)
      throw new ScenarioError('link', 'too much content', `at most ${String(MOST_INFLATED)} bytes, unpacked`)
    parts.push(part.slice())
  })
  try {
    for (let start = 0; start < bytes.length; start += INFLATE_STEP) {
      stream.push(bytes.subarray(start, start + INFLATE_STEP), start + INFLATE_STEP >= bytes.length)
    }
  } catch (error) {
    if (error instanceof ScenarioError) throw error
    throw broken('')
  }
  if (!done) throw broken('')
  return strFromU8(joined(parts))
}

function toBase64Url(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

function fromBase64Url(text: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) throw broken(text)
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}
