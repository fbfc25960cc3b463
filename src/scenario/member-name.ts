/** What `clients[37]` names: a member of a crowd. Indices begin at 0, and have no further zeros in front. */
const MEMBER = /^(.+)\[(0|[1-9][0-9]{0,5})\]$/

/** A host, or one member of it if it is a crowd. */
interface HostOrMember {
  /** Name of the host. */
  readonly host: string
  /** Index of the member; absent: the whole host. */
  readonly member?: number
}

/** Reads a host's name, `'clients'`, or a member's, `'clients[37]'`. Whether there is such a one is not said. */
export function readMemberName(name: string): HostOrMember {
  const [, host, member] = MEMBER.exec(name) ?? []
  return host === undefined ? { host: name } : { host, member: Number(member) }
}

/** The inverse of `readMemberName`. */
export function memberName({ host, member }: HostOrMember): string {
  return member === undefined ? host : `${host}[${String(member)}]`
}
