import * as v from 'valibot'
import { countField, formField } from './field-schema.ts'
import type { Field } from './field-schema.ts'

export const HOUR = 3600e9
export const MEBIBYTE = 1024 ** 2

const NAME = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/
const NAME_ALLOWED = 'a name of 1 to 40 small letters, digits and hyphens, such as "alice" or "web-1"'

/**
 * A name that an author gives. Names which every JavaScript object answers to are refused, for tables of names travel as plain
 * objects.
 */
function givenName(description: string, form: RegExp, allowed: string): Field<string, string> {
  return v.pipe(
    v.string(allowed),
    v.regex(form, allowed),
    v.check((name) => !(name in Object.prototype), `${allowed}; not a name that JavaScript gives every object`),
    v.description(description),
  )
}

export const hostName = givenName('Name of a host: what other hosts call it.', NAME, NAME_ALLOWED)

export const linkName = givenName(
  'Name of a link; the names of its two ends when absent, as in "alice-bob".',
  /^[a-z0-9]([a-z0-9-]{0,80}[a-z0-9])?$/,
  'a name of small letters, digits and hyphens, such as "alice-bob" or "uplink"',
)

export const knobName = givenName(
  'Name of a knob: what share links and --set call it.',
  /^[a-zA-Z][a-zA-Z0-9-]{0,38}$/,
  'a name of up to 39 letters, digits and hyphens that begins with a letter, such as "loss"',
)

/** The name of a host of this scenario, or an IP address. Whether there is such a host is checked later. */
export function hostReference(description: string): Field<string, string> {
  return formField(
    description,
    /^([a-z0-9][a-z0-9.-]{0,62}|[0-9a-f:][0-9a-f:.]{1,44})$/,
    'the name of a host, or an IPv4 or IPv6 address',
  )
}

/** A port to listen on, or to connect to. */
export const portField = (description: string, usual: number) =>
  v.optional(countField(description, { min: 1, max: 65535 }), usual)
