import type { Nanos } from '../kernel/time.ts'
import { SECOND } from '../kernel/time.ts'

/** Another place where an origin's resources can be had, by another protocol (RFC 7838 section 2). */
export interface AlternativeService {
  /** Name of the protocol as ALPN has it: `'h3'`. */
  readonly protocol: string
  /** Where; '': the origin's own host. Lower case, an IPv6 address without its brackets. */
  readonly host: string
  readonly port: number
}

/** One entry of the field Alt-Svc. */
export interface AdvertisedService extends AlternativeService {
  /** For how many seconds it can be counted on, from when the response was made. */
  readonly maxAge: number
  /** Whether it is good on any network, not only on this one. */
  readonly persist: boolean
}

/** How long an entry that says nothing is good for, in seconds: RFC 7838 section 3.1. */
const USUAL_MAX_AGE = 86_400
/** Entries of one field that are looked at. */
const MOST_ENTRIES = 16
/** Longer fields are not looked at. */
const LONGEST_FIELD = 8192
/** Origins that are remembered; the one heard of longest ago goes first. */
const MOST_ORIGINS = 500

const TOKEN = "[!#$%&'*+.^_`|~\\w-]+"
const QUOTED = '"(?:[\\t !#-\\[\\]-~\\x80-\\xff]|\\\\[\\t -~\\x80-\\xff])*"'
/** One entry, in [1] its protocol, in [2] where, in [3] its parameters; and a comma or the end. */
const ENTRY = new RegExp(
  `^(${TOKEN})=(${TOKEN}|${QUOTED})((?:[\\t ]*;[\\t ]*${TOKEN}=(?:${TOKEN}|${QUOTED}))*)[\\t ]*(?:,[\\t ,]*|$)`,
)
const PARAMETER = new RegExp(`(${TOKEN})=(${TOKEN}|${QUOTED})`, 'g')
const AUTHORITY = /^([a-z0-9._-]*|\[[0-9a-f:.]+\]):(\d{1,5})$/i

function unquoted(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text
}

/** RFC 7838 section 3: what may not stand in a token is escaped as in an address. */
function unescaped(protocol: string): string {
  return protocol.replace(/%([\dA-F]{2})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)))
}

/**
 * What a field Alt-Svc says (RFC 7838 section 3), the preferred service first. Entries with a place that is none are left out.
 * @returns `'clear'`: all that was said before is void; undefined: the field is broken, and says nothing
 */
export function parseAltSvc(value: string): readonly AdvertisedService[] | 'clear' | undefined {
  let rest = value.trim()
  if (rest === 'clear') return 'clear'
  if (rest === '' || rest.length > LONGEST_FIELD) return undefined
  const services: AdvertisedService[] = []
  while (rest !== '') {
    const match = ENTRY.exec(rest)
    if (match === null) return undefined
    const [whole, protocol = '', where = '', parameters = ''] = match
    rest = rest.slice(whole.length)
    const service = serviceOf(unescaped(protocol), unquoted(where), parameters)
    if (service !== undefined && services.length < MOST_ENTRIES) services.push(service)
  }
  return services
}

function serviceOf(protocol: string, where: string, parameters: string): AdvertisedService | undefined {
  const [, host = '', digits = ''] = AUTHORITY.exec(where) ?? []
  const port = Number(digits)
  if (port < 1 || port > 65_535) return undefined
  let maxAge = USUAL_MAX_AGE
  let persist = false
  for (const [, name = '', text = ''] of parameters.matchAll(PARAMETER)) {
    const known = unquoted(text)
    if (name.toLowerCase() === 'ma' && /^\d{1,15}$/.test(known)) maxAge = Number(known)
    // RFC 7838 section 3.1: any other value is to be ignored.
    if (name.toLowerCase() === 'persist' && known === '1') persist = true
  }
  return { protocol, host: host.toLowerCase().replace(/^\[(.*)\]$/, '$1'), port, maxAge, persist }
}

interface Entry extends AlternativeService {
  readonly until: Nanos
  readonly persist: boolean
}

/** What origins have said about where else they are to be found, as long as it holds (RFC 7838 section 2.2). Origins are keys: `'https://bob'`. */
export class AlternativeServices {
  private readonly entries = new Map<string, readonly Entry[]>()

  /**
   * An origin has said what it has to say, which takes the place of all that it said before (RFC 7838 section 3.1).
   * @param age of the response in seconds (its field Age)
   * @returns whether something has changed, other than for how long it holds
   */
  note(origin: string, services: readonly AdvertisedService[] | 'clear', age: number, now: Nanos): boolean {
    const before = this.entries.get(origin) ?? []
    const entries =
      services === 'clear'
        ? []
        : services.map(({ protocol, host, port, maxAge, persist }): Entry => {
            return { protocol, host, port, persist, until: now + Math.max(0, maxAge - age) * SECOND }
          })
    this.entries.delete(origin)
    if (entries.length > 0) this.entries.set(origin, entries)
    if (this.entries.size > MOST_ORIGINS) {
      for (const oldest of this.entries.keys()) {
        this.entries.delete(oldest)
        break
      }
    }
    const isSame = (a: Entry, b: Entry | undefined): boolean =>
      b !== undefined && a.protocol === b.protocol && a.host === b.host && a.port === b.port && b.until > now
    return entries.length !== before.length || !entries.every((entry, index) => isSame(entry, before[index]))
  }

  /** The service that an origin would like best to be asked at by a protocol; undefined: it has said nothing that still holds. */
  find(origin: string, protocol: string, now: Nanos): AlternativeService | undefined {
    return this.entries.get(origin)?.find((entry) => entry.protocol === protocol && entry.until > now)
  }

  /** We are on another network now: only what was said to be good anywhere is kept (RFC 7838 section 2.2). */
  networkChanged(): void {
    for (const [origin, entries] of this.entries) {
      const kept = entries.filter(({ persist }) => persist)
      if (kept.length === 0) this.entries.delete(origin)
      else this.entries.set(origin, kept)
    }
  }
}

/** How long a service is left alone at most that has failed again and again: Chrome's. */
const LONGEST_REST: Nanos = 172_800 * SECOND

/** Services that failed where the origin itself did not: each time they are left alone for twice as long. Keys say which. */
export class BrokenServices {
  private readonly entries = new Map<string, { readonly rest: Nanos; readonly until: Nanos }>()

  /** @param firstRest how long a service is left alone that has failed for the first time */
  constructor(private readonly firstRest: Nanos) {}

  /** @returns for how long it is left alone */
  failed(key: string, now: Nanos): Nanos {
    const last = this.entries.get(key)?.rest
    const rest = last === undefined ? this.firstRest : Math.min(LONGEST_REST, last * 2)
    this.entries.set(key, { rest, until: now + rest })
    return rest
  }

  /** It works (again). */
  confirmed(key: string): void {
    this.entries.delete(key)
  }

  isBroken(key: string, now: Nanos): boolean {
    return (this.entries.get(key)?.until ?? 0) > now
  }

  /** Whether it has failed, and has not been seen to work since. */
  isDoubtful(key: string): boolean {
    return this.entries.has(key)
  }

  /** We are on another network now, where nothing is known to fail. */
  networkChanged(): void {
    this.entries.clear()
  }
}
