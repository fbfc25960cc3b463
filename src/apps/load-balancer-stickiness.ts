import type { HeaderField } from '../wire/http1.ts'
import type { Backend } from './balancing/backend.ts'
import { hashOfText } from './balancing/hash.ts'
import type { BackendPool } from './balancing/pool.ts'
import type { SiteRequest } from './http-service.ts'

/** By what a client finds the server again that it had before. */
export interface StickyOptions {
  readonly by: 'cookie' | 'address'
  /** Of the cookie. */
  readonly name: string
}

/** How many clients are known by their addresses; the first of them is forgotten for one more. */
const KNOWN_CLIENTS = 100_000

/** The value of a cookie of a request; undefined: it has none of this name (RFC 6265 section 4.2.1). */
export function cookieOf(fields: readonly HeaderField[], name: string): string | undefined {
  for (const field of fields) {
    if (field.name !== 'cookie') continue
    for (const pair of field.value.split(';')) {
      const at = pair.indexOf('=')
      if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
    }
  }
  return undefined
}

/**
 * Sends clients to the server that they had before, as long as that is in service; one that is drained gets nothing new from them either.
 * A cookie names the server in a way that tells nothing about it, and needs no memory here.
 */
export class Stickiness {
  private readonly clients = new Map<string, Backend>()
  private readonly tokens: ReadonlyMap<string, Backend>

  constructor(
    private readonly options: StickyOptions,
    private readonly pool: BackendPool,
  ) {
    this.tokens = new Map(pool.backends.map((backend) => [tokenOf(backend), backend]))
  }

  /** Who had this client before, and can have it again; undefined: nobody. */
  find({ fields, client }: SiteRequest): Backend | undefined {
    const { by, name } = this.options
    const backend = by === 'address' ? this.clients.get(client) : this.tokens.get(cookieOf(fields, name) ?? '')
    return backend !== undefined && this.pool.takes(backend) ? backend : undefined
  }

  /** A server has answered a client. @returns what is added to the answer, so that the client comes to it again */
  remember({ client, isSecure }: SiteRequest, backend: Backend, isNew: boolean): readonly HeaderField[] {
    if (!isNew) return []
    const { by, name } = this.options
    if (by === 'cookie') {
      const secure = isSecure ? '; Secure' : ''
      return [{ name: 'Set-Cookie', value: `${name}=${tokenOf(backend)}; Path=/; HttpOnly; SameSite=Lax${secure}` }]
    }
    this.clients.delete(client)
    this.clients.set(client, backend)
    if (this.clients.size > KNOWN_CLIENTS) {
      const [oldest] = this.clients.keys()
      this.clients.delete(oldest)
    }
    return []
  }
}

function tokenOf({ name }: Backend): string {
  return hashOfText(name, 3).toString(16).padStart(8, '0') + hashOfText(name, 4).toString(16).padStart(8, '0')
}
