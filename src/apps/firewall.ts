import type { App, AppContext, Blocking } from '../host/socket.ts'
import { WaitQueue } from '../host/tasks.ts'
import type { Nanos } from '../kernel/time.ts'
import { fixedSetting, flagSetting } from './setting.ts'

export interface FirewallOptions {
  /** Whether UDP is thrown away. */
  readonly blocks: boolean
  /** When that ends by itself; 0: never. */
  readonly until: Nanos
}

const DEFAULTS: FirewallOptions = { blocks: true, until: 0 }

/**
 * Sits on a router and throws away UDP that would pass it, in silence, as the firewalls of some offices, hotels and providers do: whoever has
 * sent it waits in vain. All else passes.
 */
export class Firewall implements App {
  private readonly options: FirewallOptions
  private context: AppContext | undefined

  constructor(options: Partial<FirewallOptions>) {
    this.options = { ...DEFAULTS, ...options }
  }

  *main(context: AppContext): Blocking<void> {
    const { blocks, until } = this.options
    this.context = context
    try {
      if (blocks) this.block(true)
      if (until > 0) {
        yield* context.sleep(Math.max(0, until - context.environment.now))
        this.block(false)
      }
      for (const forEver = new WaitQueue(); ;) yield forEver
    } finally {
      context.sockets.link.blockUdp(false)
    }
  }

  configure(path: string, value: unknown): void {
    if (path !== 'blocks') throw fixedSetting(path, ['blocks'])
    this.block(flagSetting(path, value))
  }

  private block(on: boolean): void {
    const { context } = this
    if (context === undefined) return
    context.sockets.link.blockUdp(on)
    context.environment.record(on ? 'firewall:closed' : 'firewall:opened', '', { protocol: 'udp' })
  }
}
