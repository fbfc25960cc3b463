import { SocketError } from '../../host/socket.ts'
import type { AppContext, Blocking, TcpSocket } from '../../host/socket.ts'
import { encodeLatin1 } from '../../wire/http1.ts'
import type { Target } from './target.ts'

const STATUS_LINE = /^HTTP\/1\.[01] ([1-5][0-9]{2})[ \r]/
/** Of a response, up to the status. */
const STATUS_LENGTH = 13

/** Whether a server takes connections; throws nothing. */
export function* probeByConnecting(context: AppContext, { address, port }: Target): Blocking<boolean> {
  return yield* attempt(context, address, port, isThere)
}

/** Whether a server answers a request for a path with a status of 200 to 399; throws nothing. */
export function* probeByAsking(context: AppContext, { address, port }: Target, host: string, path: string): Blocking<boolean> {
  return yield* attempt(context, address, port, (socket) => ask(socket, host, path))
}

function* isThere(): Blocking<boolean> {
  yield* []
  return true
}

function* ask(socket: TcpSocket, host: string, path: string): Blocking<boolean> {
  yield* socket.write(encodeLatin1(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`))
  const head = String.fromCharCode(...(yield* socket.readExactly(STATUS_LENGTH)))
  const status = Number(STATUS_LINE.exec(head)?.[1] ?? 0)
  // What is left is read, lest the server take the end for a failure.
  while ((yield* socket.read()) !== undefined);
  return status >= 200 && status < 400
}

function* attempt(
  { sockets }: AppContext,
  address: number,
  port: number,
  check: (socket: TcpSocket) => Blocking<boolean>,
): Blocking<boolean> {
  let socket: TcpSocket | undefined
  try {
    socket = yield* sockets.connect({ address, port })
    return yield* check(socket)
  } catch (error) {
    if (!(error instanceof SocketError)) throw error
    return false
  } finally {
    socket?.close()
  }
}
