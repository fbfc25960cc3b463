import type { IpAddress } from '../../wire/address.ts'
import type { Backend } from './backend.ts'
import { hashOfNumber, hashOfText } from './hash.ts'

/** What is to be placed: a request, or a connection. */
export interface Wanted {
  /** What strategies that hash go by: a path, a cookie, a tuple; absent: the client's address. */
  readonly key?: string | number | undefined
  readonly client: IpAddress
  /** Who had it before, in vain: they get it again only when there is nobody else. */
  readonly tried?: readonly Backend[] | undefined
}

/**
 * Says which server is next. Strategies keep no account of what the servers have: that is in the backends themselves, up to date when
 * `pick` is called.
 */
export interface Strategy {
  /**
   * @param backends those in service. The same array as before as long as nothing about their being there and their weights has
   *   changed: who keeps a table makes it anew for another array
   * @returns one that has room and was not tried; undefined when there is none. Who goes by a key gives its server, with room or without:
   *   one who is full is worth waiting for
   */
  pick(wanted: Wanted, backends: readonly Backend[]): Backend | undefined
}

/** Whether somebody may be picked at all for this. */
export function isOpen(backend: Backend, { tried }: Wanted): boolean {
  return backend.hasRoom && tried?.includes(backend) !== true
}

/** @returns an integer in [0, 2^32) */
export function hashOfWanted({ key, client }: Wanted): number {
  if (key === undefined) return hashOfNumber(client)
  return typeof key === 'number' ? hashOfNumber(key) : hashOfText(key)
}
