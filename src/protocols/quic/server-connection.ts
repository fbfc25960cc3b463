import type { Nanos } from '../endpoint.ts'
import { QuicConnection } from './connection.ts'
import type { Waiting } from './deadline-queue.ts'

/** A connection as the server keeps it: with what it has noted down of it. */
export class ServerConnection extends QuicConnection implements Waiting {
  deadline: Nanos = Infinity
  place = -1
  /** Whether it may have something to send or to tell. */
  isTouched = false
  /** Whether it counts as a handshake under way. */
  isHandshaking = true
  /** What packets for it may come with, as the server has it. */
  readonly ids = new Set<string>()
  /** Those of them that the client uses no more, the newest last. */
  readonly retired: string[] = []
}
