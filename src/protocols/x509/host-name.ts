import { formatIp, parseIp, readIpv6, type IpAddress } from '../../wire/address.ts'
import { read32 } from '../../wire/integer.ts'
import type { GeneralName, NameSubtree } from '../../wire/x509-extension.ts'

/** Letters, digits, hyphens and underscores between full stops; a wildcard may be the whole first label. */
const PRESENTED = /^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/

function addressOf(bytes: Uint8Array): IpAddress {
  return bytes.length === 4 ? read32(bytes, 0) : readIpv6(bytes, 0)
}

/** Without the full stop of the root, in lower case. */
function canonical(name: string): string {
  const lower = name.toLowerCase()
  return lower.endsWith('.') ? lower.slice(0, -1) : lower
}

/**
 * Whether a presented DNS name is for a host (RFC 9525 section 6.3): label by label, whatever the case; `*` alone in the leftmost label
 * stands for one label.
 *
 * Browsers also refuse wildcards right below a public suffix (`*.co.uk`). There is no list of those here.
 */
function dnsNameMatches(presented: string, host: string): boolean {
  const pattern = canonical(presented)
  if (!PRESENTED.test(pattern)) return false
  if (!pattern.startsWith('*.')) return pattern === host
  const firstDot = host.indexOf('.')
  return firstDot > 0 && host.slice(firstDot) === pattern.slice(1)
}

/**
 * Whether one of a certificate's alternative names is for a host, as browsers judge it: the common name does not count (RFC 9525
 * section 2), and an address is only for an address.
 * @param host a DNS name, or an IP address as text without brackets
 */
export function isNamed(names: readonly GeneralName[], host: string): boolean {
  const address = parseIp(host)
  if (address !== undefined) return names.some((name) => name.type === 'ip' && addressOf(name.address) === address)
  const reference = canonical(host)
  return names.some((name) => name.type === 'dns' && dnsNameMatches(name.name, reference))
}

/** For people: `'shop.example'`. */
export function generalNameText(name: GeneralName): string {
  if (name.type === 'ip') return formatIp(addressOf(name.address))
  return name.type === 'other' ? `a name of type ${String(name.tag)}` : name.name
}

/** Whether a name lies in a subtree; for `'*.example'`, whether all, or any, of the names that it stands for do. */
export function isWithin(name: GeneralName, subtree: NameSubtree, which: 'all' | 'any'): boolean {
  if (name.type === 'ip' && subtree.type === 'ip') {
    const { address, mask } = subtree
    return name.address.length === address.length && name.address.every((byte, i) => ((byte ^ address[i]) & mask[i]) === 0)
  }
  if (name.type !== 'dns' || subtree.type !== 'dns') return false
  const base = canonical(subtree.name)
  const own = canonical(name.name)
  if (base === '' || own === base || own.endsWith(base.startsWith('.') ? base : `.${base}`)) return true
  return which === 'any' && dnsNameMatches(own, base)
}
