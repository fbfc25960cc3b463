import type { HeaderField } from '../../wire/http1.ts'

/** Where a request goes, with its parameters. */
export interface LiveTarget {
  readonly path: string
  readonly parameters: ReadonlyMap<string, string>
}

/** A target's parts; of an absolute address, those behind the authority. Parameters are taken as they stand: nothing in them is escaped. */
export function liveTarget(target: string): LiveTarget {
  const local = target.replace(/^https?:\/\/[^/?#]*/i, '')
  const [path, query = ''] = local.split('?', 2)
  const parameters = new Map<string, string>()
  for (const pair of query.split('&')) {
    const at = pair.indexOf('=')
    if (at > 0) parameters.set(pair.slice(0, at), pair.slice(at + 1))
  }
  return { path: path === '' ? '/' : path, parameters }
}

/** The value of a header field, whatever the case of its name. */
export function fieldOf(fields: readonly HeaderField[], wanted: string): string | undefined {
  return fields.find(({ name }) => name.toLowerCase() === wanted)?.value
}

/** A message's id; 0 for what is none. */
export function idOf(text: string | undefined): number {
  const id = text !== undefined && /^[0-9]{1,16}$/.test(text) ? Number(text) : 0
  return Number.isSafeInteger(id) ? id : 0
}
