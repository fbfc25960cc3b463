import type { HeaderField } from '../wire/http1.ts'

/** Fields that are between two neighbours only (RFC 9110 section 7.6.1), and those that say how a body is framed. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The fields of a message that go on to the next neighbour. Names are in lower case. */
export function endToEnd(fields: readonly HeaderField[]): HeaderField[] {
  const named = fields.flatMap(({ name, value }) => (name === 'connection' ? value.toLowerCase().split(/[ \t]*,[ \t]*/) : []))
  return fields.filter(({ name }) => !HOP_BY_HOP.has(name) && !named.includes(name))
}

/** A request target without the scheme and the authority of an absolute address. */
export function pathOf(target: string): string {
  return target.startsWith('/') || target === '*' ? target : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '') || '/'
}
