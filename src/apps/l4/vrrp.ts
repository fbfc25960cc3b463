import type { App, AppContext, Blocking } from '../../host/socket.ts'
import { WaitQueue } from '../../host/tasks.ts'
import { sharing, type Failover, type FailoverOptions } from './failover.ts'

/**
 * Shares addresses of its host with others, of whom one at a time has them: VRRP (RFC 9568), as keepalived does it. Whatever listens on the
 * host is then reached by these addresses, too.
 */
export class Vrrp implements App {
  private failover: Failover | undefined

  constructor(private readonly options: Partial<FailoverOptions>) {}

  *main(context: AppContext): Blocking<void> {
    yield* sharing(context, this.options, forEver(), (failover) => {
      this.failover = failover
    })
  }

  configure(path: string, value: unknown): void {
    this.failover?.configure(path, value)
  }
}

function* forEver(): Blocking<void> {
  for (const queue = new WaitQueue(); ;) yield queue
}
