export const RECONNECT_POLICIES = ['at-once', 'fixed', 'exponential'] as const
/** How the waits before new connections grow. */
export type ReconnectPolicy = (typeof RECONNECT_POLICIES)[number]

export const RECONNECT_JITTERS = ['none', 'full', 'equal', 'decorrelated'] as const
/** How chance spreads them. */
export type ReconnectJitter = (typeof RECONNECT_JITTERS)[number]

export const LIVE_TRANSPORTS = ['websocket', 'sse', 'long-poll', 'poll'] as const
/** By which a client hears of what is new. */
export type LiveTransport = (typeof LIVE_TRANSPORTS)[number]

export const SERVER_PICKS = ['in-order', 'random'] as const
/** Which of several servers is tried: the next one after a failure, or any but the one that has failed. */
export type ServerPick = (typeof SERVER_PICKS)[number]
