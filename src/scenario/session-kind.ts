export const SESSION_KINDS = ['memory', 'redis', 'jwt'] as const
/** Where a server keeps who has logged in: in its own memory, in a Redis that it shares with others, or in a token that the client carries. */
export type SessionKind = (typeof SESSION_KINDS)[number]
