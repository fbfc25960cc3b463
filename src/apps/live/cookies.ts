import type { HeaderField } from '../../wire/http1.ts'

const PAIR = /^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*([!-+\--:<-[\]-~]*)[ \t]*(?:;(.*))?$/
/** Most bytes of all cookies together. */
const LONGEST = 4096

/**
 * What a client sends back of what a server has set (RFC 6265 section 5).
 *
 * Deviates from RFC 6265 in that there is one jar for all that a client talks to, without domains, paths and dates: a cookie stays until it is
 * set anew, or taken away by Max-Age.
 * @param fields those that it sends so far
 * @param answered those of a response. @returns the same list when nothing has changed
 */
export function cookiesAfter(fields: readonly HeaderField[], answered: readonly HeaderField[]): readonly HeaderField[] {
  let jar: Map<string, string> | undefined
  for (const { name, value } of answered) {
    if (name.toLowerCase() !== 'set-cookie') continue
    const match = PAIR.exec(value)
    if (match === null) continue
    const [, cookie, content, attributes = ''] = match as unknown as [string, string, string, string | undefined]
    jar ??= jarOf(fields)
    if (/(^|;)[ \t]*max-age[ \t]*=[ \t]*(0|-\d+)[ \t]*(;|$)/i.test(attributes)) jar.delete(cookie)
    else jar.set(cookie, content)
  }
  if (jar === undefined) return fields
  const value = [...jar].map(([name, content]) => `${name}=${content}`).join('; ')
  return value === '' || value.length > LONGEST ? [] : [{ name: 'Cookie', value }]
}

function jarOf(fields: readonly HeaderField[]): Map<string, string> {
  const pairs = fields.flatMap(({ value }) => value.split('; ')).map((pair) => pair.split('=') as [string, string?])
  return new Map(pairs.map(([name, ...rest]) => [name, rest.join('=')]))
}
