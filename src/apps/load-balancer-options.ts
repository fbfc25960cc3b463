import type { FailoverOptions } from './l4/failover.ts'
import type { Nanos } from '../kernel/time.ts'
import type { ClientTlsSettings } from '../scenario/tls-settings.ts'
import type { CircuitBreakerOptions } from './balancing/circuit-breaker.ts'
import type { HealthCheckOptions } from './balancing/health-check.ts'
import type { OutlierOptions, PoolOptions } from './balancing/pool.ts'
import type { HttpFrontOptions } from './http-front.ts'
import type { StickyOptions } from './load-balancer-stickiness.ts'

/** Why a request may be sent again: no connection, one that broke before an answer, no answer in time, or its status. */
export type RetryCause = 'connect' | 'broken' | 'timeout' | '502' | '503' | '504'

export interface HttpCheckOptions extends HealthCheckOptions {
  readonly path: string
  readonly rise: number
  readonly fall: number
}

export interface LoadBalancerOptions
  extends HttpFrontOptions, Pick<PoolOptions, 'strategy' | 'virtualNodes' | 'loadBound' | 'tableSize' | 'slowStart'> {
  /** Addresses that are shared with others; absent: none. */
  readonly failover?: Partial<FailoverOptions> | undefined
  readonly backends: readonly { readonly url: string; readonly weight: number; readonly drain: boolean }[]
  /** How it speaks TLS to those of the https scheme. */
  readonly backendTls?: ClientTlsSettings | undefined
  /** What strategies that hash go by: `'client'`, `'path'`, `'header:X-User'`, `'cookie:session'`. */
  readonly key: string
  readonly sticky?: StickyOptions | undefined
  readonly check?: HttpCheckOptions | undefined
  readonly outlier?: OutlierOptions | undefined
  readonly breaker?: CircuitBreakerOptions | undefined
  /** 0: any number. */
  readonly maxConnections: number
  /** How many requests may wait while all servers are full, and for how long; 0: as long as it takes. */
  readonly queue: number
  readonly queueTimeout: Nanos
  readonly retries: number
  readonly retryOn: readonly RetryCause[]
  /** As a share of requests; 1: any number. */
  readonly retryBudget: number
  /** 0: there is none. */
  readonly tryTimeout: Nanos
  readonly connectTimeout: Nanos
  /** After how long a silence what became of a WebSocket is broken off; 0: never. */
  readonly tunnelTimeout: Nanos
  /** Whether connections to a server that is taken for down are broken off. */
  readonly cutDown: boolean
  readonly keepAlive: boolean
  readonly digest: boolean
}

export const LOAD_BALANCER_DEFAULTS: LoadBalancerOptions = {
  port: 80,
  backends: [],
  strategy: 'round-robin',
  key: 'client',
  slowStart: 0,
  maxConnections: 0,
  queue: 1000,
  queueTimeout: 30_000_000_000,
  retries: 1,
  retryOn: ['connect', 'broken'],
  retryBudget: 1,
  tryTimeout: 0,
  connectTimeout: 5_000_000_000,
  tunnelTimeout: 0,
  cutDown: false,
  keepAlive: true,
  backlog: 1024,
  fastOpen: false,
  digest: false,
}
