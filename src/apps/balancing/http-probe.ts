import { SocketError } from '../../host/socket.ts'
import type { AppContext, Blocking } from '../../host/socket.ts'
import { Upstream } from '../upstream.ts'
import { formatAuthority } from '../url.ts'
import type { HttpUrl } from '../url.ts'

/**
 * A check by a GET over a connection of its own: whether the server accepts any is a part of the question.
 * @returns what makes one check: whether the answer is one of 200 to 399
 */
export function httpProbe(
  context: AppContext,
  url: HttpUrl,
  tls: ConstructorParameters<typeof Upstream>[1],
  path: string,
): () => Blocking<boolean> {
  const upstream = new Upstream(url, tls, { keepAlive: false })
  const fields = [{ name: 'Host', value: formatAuthority(url) }]
  return function* () {
    try {
      const { status, body } = yield* upstream.fetch(context, { method: 'GET', target: path, fields, bytes: 0, body: [] })
      body.cancel()
      return status >= 200 && status < 400
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      return false
    }
  }
}
