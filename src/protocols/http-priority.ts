import type { HttpPriority } from './http-message.ts'

/** Priority Field Values: RFC 9218 section 4, in the dictionaries of RFC 8941 section 3.2. */

export const DEFAULT_PRIORITY: HttpPriority = { urgency: 3, incremental: false }

/** One member of a dictionary, in [1] its key, in [2] its value, in [3] what follows; parameters are overlooked. */
const MEMBER =
  /^[ ]*([a-z*][a-z0-9_.*-]*)(?:=(-?\d{1,15}(?:\.\d{1,3})?|\?[01]|"(?:[ !#-[\]-~]|\\["\\])*"|[A-Za-z*][!#$%&'*+.^_`|~\w:/-]*|:[A-Za-z0-9+/=]*:))?(?:;[ ]*[a-z*][a-z0-9_.*-]*(?:=(?:-?[\d.]+|\?[01]|"(?:[ !#-[\]-~]|\\["\\])*"|[A-Za-z*][!#$%&'*+.^_`|~\w:/-]*))?)*[ \t]*(,|$)/

/** Longer values are not looked at. */
const LONGEST = 256

/**
 * What a Priority Field Value says, with `base` for what it leaves out. One that is no dictionary says nothing, nor does a member of another
 * type or out of range (RFC 9218 section 4, 5).
 */
export function parsePriority(text: string, base: HttpPriority = DEFAULT_PRIORITY): HttpPriority {
  let { urgency, incremental } = base
  if (text.length > LONGEST) return base
  for (let rest = text.replace(/^ +| +$/g, ''); rest !== '';) {
    const found = MEMBER.exec(rest)
    if (found === null) return base
    const [whole, key, value = '?1', comma] = found
    if (key === 'u' && /^[0-7]$/.test(value)) urgency = Number(value)
    if (key === 'i' && /^\?[01]$/.test(value)) incremental = value === '?1'
    rest = rest.slice(whole.length)
    if (comma === ',' && /^[ \t]*$/.test(rest)) return base
    rest = rest.replace(/^[ \t]+/, '')
  }
  return { urgency, incremental }
}

/** A Priority Field Value; empty when it says nothing but the default. */
export function formatPriority({ urgency, incremental }: HttpPriority): string {
  const members = urgency === DEFAULT_PRIORITY.urgency ? [] : [`u=${String(urgency)}`]
  if (incremental) members.push('i')
  return members.join(', ')
}

/** A priority with what is absent taken from `base`. Throws RangeError for an urgency that there is not. */
export function completePriority(priority: Partial<HttpPriority>, base: HttpPriority): HttpPriority {
  const { urgency = base.urgency, incremental = base.incremental } = priority
  if (!Number.isInteger(urgency) || urgency < 0 || urgency > 7) throw new RangeError(`${String(urgency)} is not an urgency`)
  return { urgency, incremental }
}
