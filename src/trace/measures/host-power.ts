import type { EventRecord } from '../record.ts'

/** A host, or a member of a crowd, went off or came on. */
export interface PowerChange {
  readonly host: number
  /** Index of the member; -1: the host, or all of its members. */
  readonly member: number
  readonly isOn: boolean
}

const BY_HAND: ReadonlyMap<string, boolean> = new Map([
  ['run:host-killed', false],
  ['run:host-restarted', true],
])
const BY_ITSELF: ReadonlyMap<string, boolean> = new Map([
  ['host:crashed', false],
  ['host:recovered', true],
])

/** Names of the events that `powerChange` reads. */
export const POWER_EVENTS: readonly string[] = [...BY_HAND.keys(), ...BY_ITSELF.keys()]

/** `'clients[37]'`: the member of a crowd, counted from 0. */
const MEMBER = /^(.+)\[(\d{1,9})\]$/

/** What an event says about power; undefined: nothing. */
export function powerChange(event: EventRecord, hosts: readonly string[]): PowerChange | undefined {
  const byItself = BY_ITSELF.get(event.name)
  if (byItself !== undefined) return { host: event.host, member: memberOf(event), isOn: byItself }
  const byHand = BY_HAND.get(event.name)
  if (byHand === undefined) return undefined
  const written = String(event.data['host'])
  const [, name = written, member] = MEMBER.exec(written) ?? []
  return { host: hosts.indexOf(name), member: member === undefined ? -1 : Number(member), isOn: byHand }
}

/** Index of the member of a crowd that an event happened to; -1: of no crowd. */
export function memberOf(event: EventRecord): number {
  return event.member - 1
}
