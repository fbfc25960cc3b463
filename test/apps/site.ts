import type { AppContext, Blocking, TcpSocket } from '../../src/host/socket.ts'
import { SocketError } from '../../src/host/socket.ts'
import { createApp } from '../../src/apps/registry.ts'
import type { ServedResource } from '../../src/apps/web-content.ts'
import { MILLISECOND, SECOND } from '../../src/kernel/time.ts'
import type { World, HappenedEvent } from '../host/world.ts'

export type Body = (context: AppContext) => Blocking<void>

/** An application as a scenario would start it. */
export function app(name: string, options: Record<string, unknown>): Body {
  return (context) => createApp(name, options).main(context)
}

export function resource(size: number, more: Partial<ServedResource> = {}): ServedResource {
  return { size, type: 'application/octet-stream', resources: [], delay: 0, chunked: false, ...more }
}

export function page(resources: readonly string[], more: Partial<ServedResource> = {}): ServedResource {
  return resource(4000, { type: 'text/html; charset=utf-8', resources, ...more })
}

export function browser(visits: string | readonly string[], options: Record<string, unknown> = {}): Body {
  const urls = typeof visits === 'string' ? [visits] : visits
  return app('browser', { visits: urls.map((url) => ({ url, at: 0, upload: 0 })), digest: true, ...options })
}

export function server(serves: Record<string, ServedResource>, options: Record<string, unknown> = {}): Body {
  return app('web-server', { serves, digest: true, ...options })
}

export function latin1(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'))
}

/** Reads to the end, or to an error, which becomes the last words: `'ECONNRESET'`. */
export function* readAll(socket: TcpSocket): Blocking<string> {
  let all = ''
  try {
    for (;;) {
      const bytes = yield* socket.read()
      if (bytes === undefined) return all
      all += Buffer.from(bytes).toString('latin1')
    }
  } catch (error) {
    if (!(error instanceof SocketError)) throw error
    return all + error.code
  }
}

/** Reads one request of a browser, up to the empty line. */
export function* readHead(socket: TcpSocket): Blocking<string> {
  let all = ''
  while (!all.endsWith('\r\n\r\n')) {
    const bytes = yield* socket.read()
    if (bytes === undefined) break
    all += Buffer.from(bytes).toString('latin1')
  }
  return all
}

/**
 * A client that says words at intervals of 100 ms, then finishes sending (unless told not to), and collects all that comes back.
 */
export function talker(heard: string[], words: readonly string[], { finish = true, address = 0x0a000002, port = 80 } = {}): Body {
  return function* (context) {
    const socket = yield* context.sockets.connect({ address, port }, { noDelay: true })
    const reader = context.spawn(
      (function* () {
        heard.push(yield* readAll(socket))
      })(),
    )
    for (const word of words) {
      yield* socket.write(latin1(word))
      yield* context.sleep(100 * MILLISECOND)
    }
    if (finish) socket.shutdown()
    yield* reader.join()
  }
}

/** A server that serves each connection with the next of these scripts, the last one again and again. */
export function scripted(...scripts: ((socket: TcpSocket, context: AppContext) => Blocking<void>)[]): Body {
  return function* (context) {
    const listener = context.sockets.listen(80)
    for (let i = 0; ; i++) {
      const socket = yield* listener.accept()
      context.spawn(scripts[Math.min(i, scripts.length - 1)](socket, context))
    }
  }
}

/** Data of all events of a name. */
export function data(world: World, name: string, host?: string): HappenedEvent['data'][] {
  return world.happened(name, host).map((event) => event.data)
}

/** Nothing went wrong inside the applications, and nothing is pending after `until`. */
export function noFailures(world: World): void {
  const failed = world.happened('app:failed')
  if (failed.length > 0) throw new Error(JSON.stringify(failed.map((event) => event.data)))
}

export { MILLISECOND, SECOND }
