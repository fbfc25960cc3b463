import type { Nanos } from '../kernel/time.ts'
import { SECOND } from '../kernel/time.ts'
import { parseIp } from '../wire/address.ts'

interface Entry {
  /** On the host's wall clock. */
  readonly until: Nanos
  readonly includeSubDomains: boolean
}

/** What a field Strict-Transport-Security says (RFC 6797 section 6.1); undefined when it says nothing valid. */
export interface StrictTransportPolicy {
  /** In seconds; 0: the host is to be forgotten. */
  readonly maxAge: number
  readonly includeSubDomains: boolean
}

export function parseStrictTransport(value: string): StrictTransportPolicy | undefined {
  const directives = new Map<string, string>()
  for (const part of value.split(';')) {
    const [name = '', text = ''] = part.split('=').map((word) => word.trim())
    const key = name.toLowerCase()
    if (key === '') continue
    // RFC 6797 section 6.1: no directive may come twice.
    if (directives.has(key)) return undefined
    directives.set(key, text.replace(/^"(.*)"$/, '$1'))
  }
  const maxAge = directives.get('max-age') ?? ''
  if (!/^\d{1,15}$/.test(maxAge)) return undefined
  return { maxAge: Number(maxAge), includeSubDomains: directives.has('includesubdomains') }
}

/**
 * Hosts that are visited over https only, as long as they have said so (RFC 6797), or because the browser came with a list of them ("preloaded").
 * Times are those of the host's wall clock, which may be wrong or jump.
 */
export class StrictHosts {
  private readonly entries = new Map<string, Entry>()

  /** @param preloaded names, with all below them */
  constructor(preloaded: readonly string[]) {
    for (const host of preloaded) this.entries.set(host.toLowerCase(), { until: Infinity, includeSubDomains: true })
  }

  /**
   * A host has said what it wants, over a connection that was secure.
   * @returns whether something has changed
   */
  note(host: string, { maxAge, includeSubDomains }: StrictTransportPolicy, now: Nanos): boolean {
    // RFC 6797 section 8.1.1: an address is no name.
    if (parseIp(host) !== undefined) return false
    const known = this.entries.get(host)
    if (known?.until === Infinity) return false
    if (maxAge === 0) return this.entries.delete(host)
    this.entries.set(host, { until: now + maxAge * SECOND, includeSubDomains })
    return known === undefined || known.until <= now
  }

  /** RFC 6797 section 8.2: the host itself, or a domain above it that includes those below. */
  has(host: string, now: Nanos): boolean {
    for (let name = host; ; name = name.slice(name.indexOf('.') + 1)) {
      const entry = this.entries.get(name)
      if (entry !== undefined && entry.until > now && (name === host || entry.includeSubDomains)) return true
      if (!name.includes('.')) return false
    }
  }
}
