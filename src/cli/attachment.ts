import type { Nanos } from '../kernel/time.ts'

/** Hears what the outside does at one interface. */
export interface AttachmentListener {
  /**
   * A frame came in. Its bytes stay as they are.
   * @param age how long ago
   */
  received(frame: Uint8Array, age: Nanos): void
  /** For now there are no more. */
  paused(): void
  /** Somebody is there to talk to: a peer has connected, the interface was set up. */
  plugged(): void
  /** Nobody is there any more, but somebody may come. The reason is for people. */
  left(why: string): void
  /** Nobody will be there any more. */
  gone(why: string): void
}

/** One interface of the host that was taken out, as it shows outside. */
export interface Attachment {
  /** Takes a frame to the outside. @returns whether anybody was there to take it */
  send(frame: Uint8Array): boolean
  /** What was sent since goes out now. */
  flush(): void
  /** Takes away what was made. */
  close(): Promise<void>
}

/** Where an interface shows. */
export type Place =
  /** A TAP interface to make; `namespace` undefined: in the current one. */
  | { readonly kind: 'tap'; readonly namespace: string | undefined; readonly name: string }
  /** A unix socket: an existing one is connected to, otherwise it is made, for one peer at a time. */
  | { readonly kind: 'socket'; readonly path: string }

/** What the outside is to take on at one interface, as the command `ip` reads it. */
export interface InterfaceSettings {
  readonly mac: string
  readonly mtu: number
  /** With prefix. */
  readonly addresses: readonly string[]
  /** Destination and next hop. */
  readonly routes: readonly (readonly [destination: string, via: string])[]
}
