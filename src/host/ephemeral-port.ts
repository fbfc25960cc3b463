import type { Random } from '../kernel/random.ts'
import { SocketError } from './socket.ts'

/** The dynamic ports of RFC 6335 section 6. */
const FIRST_EPHEMERAL_PORT = 49_152
const EPHEMERAL_PORTS = 65_536 - FIRST_EPHEMERAL_PORT

/**
 * A free port from a random place onwards (RFC 6056 section 3.3.1).
 * @throws SocketError EADDRINUSE when there is none
 */
export function ephemeralPort(random: Random, isFree: (port: number) => boolean): number {
  const offset = random.below(EPHEMERAL_PORTS)
  for (let i = 0; i < EPHEMERAL_PORTS; i++) {
    const port = FIRST_EPHEMERAL_PORT + ((offset + i) % EPHEMERAL_PORTS)
    if (isFree(port)) return port
  }
  throw new SocketError('EADDRINUSE', 'every ephemeral port is taken')
}
