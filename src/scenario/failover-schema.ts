import * as v from 'valibot'
import { countField, flagField, formField, listOf, strict, timeField } from './field-schema.ts'

/*
 * What authors write about addresses that several hosts share: VRRP.
 */

const virtualAddress = formField(
  'An address that is shared.',
  /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/,
  'an IPv4 address such as "10.0.0.100", or the name of one',
)

const priority = v.optional(
  countField('Of those who share the addresses the highest has them; 255: they are its own.', { min: 1, max: 255 }),
  100,
)
const preempt = v.optional(flagField('Take the addresses from somebody of lower priority.'), true)
const enabled = v.optional(flagField('Take part; false gives the addresses up.'), true)

const sharingEntries = {
  vrid: v.optional(
    countField('Number of the virtual router, the same for all who share its addresses.', { min: 1, max: 255 }),
    1,
  ),
  priority,
  interval: v.optional(
    v.pipe(
      timeField('From one advertisement to the next.', { min: 10e6, max: 40.95e9 }),
      v.check((time) => time % 10e6 === 0, 'a multiple of 10 ms, such as "1 s"'),
      v.description('From one advertisement to the next: a multiple of 10 ms.'),
    ),
    '1 s',
  ),
  preempt,
  enabled,
}

const virtualList = (min: number, description: string) => listOf('addresses', virtualAddress, { min, max: 20, description })

/** What may be changed while it runs, below `failover`. */
export const liveFailoverEntries = { priority, preempt, enabled } as const

/** An application of its own. */
export const vrrpEntries = {
  virtual: virtualList(
    1,
    'Addresses that are shared: IPv4, or names of them. The first is on the link on which the sharers speak.',
  ),
  ...sharingEntries,
}

/**
 * For an application whose addresses are shared.
 * @param least how many addresses the author has to name
 */
export const failoverField = (least: number, description: string) => {
  const virtual = virtualList(least, description)
  return v.exactOptional(
    v.pipe(
      strict('a failover', { virtual: least === 0 ? v.optional(virtual, []) : virtual, ...sharingEntries }),
      v.description('Shares addresses with others, of whom one at a time has them (VRRP). Absent: there is no such thing.'),
    ),
  )
}
