import * as v from 'valibot'
import { byName, choiceField, countField, flagField, formField, listOf, strict } from './field-schema.ts'
import { hostReference, linkName } from './name-schema.ts'

/** As many entries as a host's tables may have. */
const LIMITS = { links: 2000, routes: 200 } as const

/** What an author writes for an address that the host finds out by itself. */
export const AUTOMATIC = 'auto'

const address = formField(
  'IPv4 address, with the length of the prefix of its network.',
  /^[0-9]{1,3}(\.[0-9]{1,3}){3}(\/[0-9]{1,2})?$/,
  'an IPv4 address such as "10.0.0.1/24"',
)

const address6 = formField(
  'IPv6 address, with the length of the prefix of its network; "auto": taken from what a router advertises (RFC 4862).',
  /^(auto|[0-9a-fA-F:.]{2,45}(\/[0-9]{1,3})?)$/,
  'an IPv6 address such as "2001:db8::1/64", or "auto"',
)

const NAME_OF_ADDRESS = formField(
  'A name.',
  /^[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?$/,
  'a name of small letters, digits, hyphens and dots, such as "www"',
)

const bareAddress = formField('IPv4 address.', /^[0-9]{1,3}(\.[0-9]{1,3}){3}$/, 'an IPv4 address such as "10.0.0.100"')

/** Names of addresses that are no interface's own. */
export const sharedNames = v.optional(
  byName('addresses by name', NAME_OF_ADDRESS, bareAddress, {
    max: 50,
    description:
      "Addresses by name that are no host's own, such as those that several hosts share (IPv4). No interface gets them.",
  }),
  {},
)

/** Which versions of IP a host speaks. */
export const ipVersions = choiceField('Versions of IP: "v4", "v6" or "dual" for both.', ['v4', 'v6', 'dual'])

const route = strict('a route', {
  to: formField(
    'Where to: a network with the length of its prefix, or "default".',
    /^(default|[0-9.]{7,15}\/[0-9]{1,2}|[0-9a-fA-F:.]{2,45}\/[0-9]{1,3})$/,
    'a network such as "10.2.0.0/16" or "2001:db8:2::/48", or "default"',
  ),
  via: hostReference('The next hop: a router on a link of the host, by name or by address.'),
})

/** What an author may say about the addresses of a host, and about its ways. */
export const addressEntries = {
  ip: v.exactOptional(ipVersions),
  address: v.exactOptional(address),
  addresses: v.exactOptional(
    byName('an address by the name of a link', linkName, address, {
      max: LIMITS.links,
      description: 'Addresses by the name of the link, for a host on several.',
    }),
  ),
  address6: v.exactOptional(address6),
  addresses6: v.exactOptional(
    byName('an IPv6 address by the name of a link', linkName, address6, {
      max: LIMITS.links,
      description: 'IPv6 addresses by the name of the link, for a host on several.',
    }),
  ),
  loopback: v.exactOptional(
    listOf('addresses', bareAddress, {
      max: 20,
      description:
        'Further IPv4 addresses that are its own, and for which it does not answer ARP: those of the services that a balancer sends it in mode dsr.',
    }),
  ),
  mistakenPrefix: v.exactOptional(
    countField('Length that the host takes the prefix of its IPv4 network for, where that is wrong.', { min: 0, max: 32 }),
  ),
  staticArp: v.exactOptional(
    flagField(
      'The hardware addresses of all others on its links are entered by hand: it asks nobody for them, and believes nobody (IPv4).',
    ),
  ),
  gateway: v.exactOptional(hostReference('The router for all that is not near: its name, or its address.')),
  routes: v.exactOptional(
    listOf('routes', route, {
      max: LIMITS.routes,
      description:
        'The routing table, besides the networks that the host is on; found by itself when absent. The longest prefix that fits decides.',
    }),
  ),
  advertises: v.exactOptional(
    flagField('Whether a router sends router advertisements, from which hosts with the IPv6 address "auto" learn theirs.'),
  ),
  duplicateAddressDetection: v.exactOptional(
    flagField(
      'Whether the host makes sure that nobody has its IPv6 addresses before it uses them (RFC 4862 section 5.4). Usually only where they are "auto".',
    ),
  ),
}
