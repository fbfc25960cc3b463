import { WaitQueue } from '../../host/tasks.ts'
import type { Environment, Timer } from '../../kernel/machine.ts'
import type { Nanos } from '../../kernel/time.ts'
import type { StrategyName } from '../../scenario/balancing-strategy.ts'
import { Backend } from './backend.ts'
import type { BackendState } from './backend.ts'
import type { RingLayout } from './hash-ring.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import type { CircuitBreakerOptions } from './circuit-breaker.ts'
import { createStrategy } from './strategies.ts'
import type { StrategyOptions } from './strategies.ts'
import type { Strategy, Wanted } from './strategy.ts'

/** Passive checks: whom those who were sent to it find failing is left alone for a while. */
export interface OutlierOptions {
  /** How many failures in a row; 0: nobody is ejected. */
  readonly failures: number
  /** How long for the first time; twice as long for the second in short order, three times for the third, and so on. */
  readonly ejection: Nanos
  /** The longest. */
  readonly longestEjection: Nanos
  /** What share of all may be ejected at a time. One always may. */
  readonly mostEjected: number
}

export interface PoolOptions extends Pick<StrategyOptions, 'virtualNodes' | 'loadBound' | 'tableSize'> {
  readonly strategy: StrategyName
  readonly backends: readonly { readonly name: string; readonly weight?: number | undefined }[]
  /** Over how long somebody who comes back gets more and more of his share; 0: at once. */
  readonly slowStart: Nanos
  /** How many active checks in a row must pass, and fail, before they are believed. */
  readonly rise: number
  readonly fall: number
  readonly outlier?: OutlierOptions | undefined
  /** How many each may have at a time; 0 and absent: any number. */
  readonly maxConnections?: number | undefined
  readonly breaker?: CircuitBreakerOptions | undefined
}

/** What is kept of one backend's health. */
interface Health {
  /** What was last said of it. */
  said: BackendState
  /** Active checks in a row that speak against what is believed. */
  against: number
  /** Failures in a row of those who were sent to it. */
  failures: number
  /** How often it was ejected, of late. */
  ejections: number
  /** When it was taken back. */
  returnedAt: Nanos
  /** Of its slow start. */
  ramp: Timer | undefined
}

/**
 * The servers behind a balancer: who is in service, who is next, and what becomes of it. Three judges may each take a server out of
 * service: the person who drains it, the active checks, and those who were sent to it (ejection, and the circuit breaker).
 *
 * Records `balancer:backend-changed {backend, state}`, `balancer:backend-drained {backend}` when somebody who is being drained has nothing
 * left, and `balancer:circuit-changed {backend, state}`; of a ring of hashes, `balancer:ring-built {servers, shares, ends, owners}` whenever it
 * was made (a detail, left out in brief traces; see RingLayout).
 */
export class BackendPool {
  readonly backends: readonly Backend[]
  /** Woken when there may be room where there was none. */
  readonly changed = new WaitQueue()
  /** Called at the same time. */
  onChange: () => void = () => undefined
  /** Called when active checks no longer believe in somebody. */
  onDown: (backend: Backend) => void = () => undefined
  private readonly health: readonly Health[]
  /** The same array until something changes. */
  private inService: readonly Backend[]
  private strategy: Strategy

  constructor(
    private readonly environment: Environment,
    private readonly options: PoolOptions,
  ) {
    const { backends, maxConnections = 0, breaker } = options
    this.backends = backends.map(({ name, weight }, index) => {
      const backend = new Backend(name, index, weight)
      if (maxConnections > 0) backend.limit = maxConnections
      if (breaker !== undefined) backend.breaker = new CircuitBreaker(breaker)
      return backend
    })
    this.health = backends.map(() => ({ said: 'up', against: 0, failures: 0, ejections: 0, returnedAt: 0, ramp: undefined }))
    this.inService = [...this.backends]
    this.strategy = this.create(options.strategy)
  }

  /** Those who get something new. */
  get available(): readonly Backend[] {
    return this.inService
  }

  /** Whether anybody may get something now. */
  get hasRoom(): boolean {
    return this.inService.some((backend) => backend.hasRoom)
  }

  /** By name; undefined: there is none. */
  find(name: string): Backend | undefined {
    return this.backends.find((backend) => backend.name === name)
  }

  /** Whether somebody may get something new, and has room for it. */
  takes(backend: Backend): boolean {
    return backend.hasRoom && this.inService.includes(backend)
  }

  /** Who is next. @returns undefined: nobody is in service, or nobody has room now */
  pick(wanted: Wanted): Backend | undefined {
    const { inService, strategy } = this
    let picked = strategy.pick(wanted, inService)
    // Better to ask somebody again than nobody.
    if (picked === undefined && wanted.tried !== undefined && wanted.tried.length > 0)
      picked = strategy.pick({ key: wanted.key, client: wanted.client }, inService)
    return picked?.hasRoom === true ? picked : undefined
  }

  /** It has one more. */
  began(backend: Backend): void {
    backend.active++
    backend.breaker?.began()
  }

  /** It has one less. */
  ended(backend: Backend): void {
    backend.active--
    if (backend.isDraining && backend.active === 0) this.record('balancer:backend-drained', backend, {})
    this.tell()
  }

  /** Who was sent to it was served. @param duration how long it took to answer; undefined: that is not known */
  succeeded(backend: Backend, duration?: Nanos): void {
    const { now } = this.environment
    if (duration !== undefined) backend.answered(duration, now)
    this.health[backend.index].failures = 0
    if (backend.breaker?.succeeded(now) === true) this.circuitChanged(backend, backend.breaker)
  }

  /** Who was sent to it gave up before it could tell. */
  abandoned(backend: Backend): void {
    backend.breaker?.abandoned()
  }

  /** Who was sent to it was not served, and it is to blame. */
  failed(backend: Backend): void {
    const { now } = this.environment
    const health = this.health[backend.index]
    const { outlier } = this.options
    if (backend.breaker?.failed(now) === true) this.circuitChanged(backend, backend.breaker)
    health.failures++
    if (outlier === undefined || outlier.failures === 0 || health.failures < outlier.failures) return
    this.eject(backend, health, outlier)
  }

  /** What an active check found. */
  checked(backend: Backend, isWell: boolean): void {
    const health = this.health[backend.index]
    if (isWell === backend.isHealthy) {
      health.against = 0
      return
    }
    if (++health.against < (isWell ? this.options.rise : this.options.fall)) return
    health.against = 0
    backend.isHealthy = isWell
    if (isWell) this.returned(backend, health)
    this.consider(backend)
    if (!isWell) this.onDown(backend)
  }

  /** @param on whether it shall get nothing new */
  drain(backend: Backend, on: boolean): void {
    if (backend.isDraining === on) return
    backend.isDraining = on
    if (!on) this.returned(backend, this.health[backend.index])
    this.consider(backend)
    if (on && backend.active === 0) this.record('balancer:backend-drained', backend, {})
  }

  setWeight(backend: Backend, weight: number): void {
    backend.weight = weight
    // Tables are made of weights.
    this.inService = [...this.inService]
  }

  setStrategy(name: StrategyName): void {
    this.strategy = this.create(name)
  }

  /** @param limit 0: any number */
  setLimit(limit: number): void {
    for (const backend of this.backends) backend.limit = limit === 0 ? Infinity : limit
    this.tell()
  }

  private create(name: StrategyName): Strategy {
    const { environment } = this
    return createStrategy(name, {
      ...this.options,
      random: environment.random('balancing'),
      now: () => environment.now,
      ringBuilt: (layout) => {
        this.ringBuilt(layout)
      },
    })
  }

  private ringBuilt(layout: () => RingLayout): void {
    const { environment } = this
    if (environment.isBrief) environment.omit()
    else environment.record('balancer:ring-built', '', { ...layout() })
  }

  private eject(backend: Backend, health: Health, { ejection, longestEjection, mostEjected }: OutlierOptions): void {
    const { now } = this.environment
    if (backend.ejectedUntil > now) return
    const ejected = this.backends.filter(({ ejectedUntil }) => ejectedUntil > now).length
    if (ejected > 0 && ejected + 1 > mostEjected * this.backends.length) return
    // What was long ago is forgotten by and by.
    const forgotten = Math.floor((now - health.returnedAt) / ejection)
    health.ejections = Math.max(0, health.ejections - forgotten) + 1
    health.failures = 0
    backend.ejectedUntil = now + Math.min(ejection * health.ejections, longestEjection)
    this.environment.schedule(backend.ejectedUntil, () => {
      backend.ejectedUntil = 0
      health.returnedAt = this.environment.now
      this.returned(backend, health)
      this.consider(backend)
    })
    this.consider(backend)
  }

  private circuitChanged(backend: Backend, breaker: CircuitBreaker): void {
    this.record('balancer:circuit-changed', backend, { state: breaker.state })
    this.arrange()
    if (breaker.state !== 'open') return
    this.environment.schedule(breaker.openUntil, () => {
      breaker.tryAgain()
      this.circuitChanged(backend, breaker)
    })
  }

  /** It is back: it begins slowly, if that is wished. */
  private returned(backend: Backend, health: Health): void {
    const { slowStart } = this.options
    if (slowStart === 0) return
    const { environment } = this
    backend.rampFrom = environment.now
    backend.ramp = slowStart
    health.ramp?.cancel()
    health.ramp = environment.schedule(environment.now + slowStart, () => {
      backend.rampFrom = undefined
      this.consider(backend)
    })
  }

  /** Says what has become of it, if that is news. */
  private consider(backend: Backend): void {
    const health = this.health[backend.index]
    const state = stateOf(backend, this.environment.now)
    if (state === health.said) return
    health.said = state
    this.record('balancer:backend-changed', backend, { state })
    this.arrange()
  }

  private arrange(): void {
    const { now } = this.environment
    this.inService = this.backends.filter(
      (backend) => backend.isHealthy && !backend.isDraining && backend.ejectedUntil <= now && backend.breaker?.state !== 'open',
    )
    this.tell()
  }

  private tell(): void {
    this.changed.wake()
    this.onChange()
  }

  private record(name: string, backend: Backend, data: { readonly state?: string }): void {
    this.environment.record(name, '', { backend: backend.name, ...data })
  }
}

function stateOf({ isDraining, isHealthy, ejectedUntil, rampFrom }: Backend, now: Nanos): BackendState {
  if (isDraining) return 'draining'
  if (!isHealthy) return 'down'
  if (ejectedUntil > now) return 'ejected'
  return rampFrom === undefined ? 'up' : 'slow-start'
}
