/** What a bus says without being asked, and what becomes of the connection to it. */
export type BusEvent =
  /** Somebody published. `pattern`: by which subscription, where it was one to a pattern. */
  | { readonly type: 'message'; readonly channel: string; readonly pattern: string | undefined; readonly bytes: Uint8Array }
  /** The bus has confirmed a subscription: from now on what is published comes. Again after each reconnection. */
  | { readonly type: 'subscribed'; readonly channel: string }
  /** Commands can be sent. Also after each reconnection. */
  | { readonly type: 'connected' }
  /** A connection has gone, or none came about; what was published meanwhile does not come. */
  | { readonly type: 'disconnected'; readonly detail: string }
