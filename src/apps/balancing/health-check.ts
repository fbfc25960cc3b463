import type { AppContext, Blocking } from '../../host/socket.ts'
import type { Nanos } from '../../kernel/time.ts'
import type { Backend } from './backend.ts'
import type { BackendPool } from './pool.ts'
import { within } from './time-limit.ts'

/** Active checks. */
export interface HealthCheckOptions {
  /** From one check of a server to the next. */
  readonly interval: Nanos
  /** How long a check may take. */
  readonly timeout: Nanos
}

/**
 * Asks one server again and again whether it is well. Servers have their first check one after the other, so that they are not all asked
 * in the same moment.
 * Records `balancer:check-failed {backend}`.
 * @param probe one check: it is ended when its time is over. @returns whether the server is well; throws nothing
 */
export function* checkHealth(
  context: AppContext,
  pool: BackendPool,
  backend: Backend,
  { interval, timeout }: HealthCheckOptions,
  probe: (backend: Backend) => Blocking<boolean>,
): Blocking<void> {
  yield* context.sleep(Math.floor((interval * backend.index) / pool.backends.length))
  for (;;) {
    const begun = context.environment.now
    const isWell = (yield* within(context, timeout, probe(backend)))?.value ?? false
    if (!isWell) context.environment.record('balancer:check-failed', '', { backend: backend.name })
    pool.checked(backend, isWell)
    yield* context.sleep(Math.max(0, begun + interval - context.environment.now))
  }
}
