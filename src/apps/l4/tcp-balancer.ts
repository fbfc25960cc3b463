import type { App, AppContext, Blocking } from '../../host/socket.ts'
import { WaitQueue } from '../../host/tasks.ts'
import { UnknownSetting } from '../../host/unknown-setting.ts'
import { SECOND, type Nanos } from '../../kernel/time.ts'
import { STRATEGIES, type StrategyName } from '../../scenario/balancing-strategy.ts'
import { TcpFlag, TcpSegment } from '../../wire/tcp.ts'
import type { Backend } from '../balancing/backend.ts'
import { checkHealth, type HealthCheckOptions } from '../balancing/health-check.ts'
import { BackendPool, type PoolOptions } from '../balancing/pool.ts'
import { choiceSetting, countSetting, fixedSetting, flagSetting, LONGEST } from '../setting.ts'
import { ConnectionAdmission, type AdmissionPolicy } from './admission.ts'
import { ConnectionTable, Tracked, TRACKED_NAMES } from './connection-table.ts'
import { ExpiryWatch, type TrackingTimeouts } from './expiry-watch.ts'
import { Failover, FAILOVER_DEFAULTS, resolveVirtual, type FailoverOptions } from './failover.ts'
import { Forwarder } from './forwarder.ts'
import { probeByAsking, probeByConnecting } from './probes.ts'
import type { Target } from './target.ts'

/** A server as the scenario has it. */
interface BackendOptions {
  /** `'web1:80'`, `'10.0.0.2:8080'`. */
  readonly at: string
  readonly weight: number
  /** Whether it gets nothing new. */
  readonly drain: boolean
}

interface CheckOptions extends HealthCheckOptions {
  /** 'tcp': it takes a connection; 'http': it answers a GET with 200 to 399. */
  readonly by: 'tcp' | 'http'
  readonly path: string
  readonly rise: number
  readonly fall: number
}

export interface TcpBalancerOptions extends Pick<PoolOptions, 'virtualNodes' | 'loadBound' | 'tableSize'>, AdmissionPolicy {
  /** Where clients go: `'10.0.0.100:80'`, `'www:80'`. */
  readonly virtual: string
  readonly backends: readonly BackendOptions[]
  readonly mode: 'nat' | 'dsr'
  /** In mode 'nat', whether servers see our own address in the place of the client's. */
  readonly sourceNat: boolean
  readonly strategy: StrategyName
  /** How long a client keeps its server; 0: not at all. */
  readonly sticky: Nanos
  /** absent: nobody asks. */
  readonly check?: CheckOptions | undefined
  readonly slowStart: Nanos
  /** How many connections a server may have; 0: any number. */
  readonly maxConnections: number
  /** What becomes of the connections of a server that is down. */
  readonly orphans: 'keep' | 'reset'
  readonly timeouts: TrackingTimeouts
  /** absent: the virtual address is always here. */
  readonly failover?: FailoverOptions | undefined
}

const DEFAULTS: TcpBalancerOptions = {
  virtual: '',
  backends: [],
  mode: 'nat',
  sourceNat: false,
  strategy: 'round-robin',
  hashes: 'client',
  sticky: 0,
  slowStart: 0,
  maxConnections: 0,
  refusal: 'reset',
  unknown: 'reset',
  orphans: 'keep',
  timeouts: { syn: 60 * SECOND, established: 900 * SECOND, fin: 120 * SECOND, closed: 30 * SECOND },
}

const LIVE = [
  'strategy',
  'hashes',
  'sticky',
  'maxConnections',
  'refusal',
  'unknown',
  'orphans',
  'backends[…].weight',
  'backends[…].drain',
  'failover.priority',
  'failover.preempt',
  'failover.enabled',
] as const

const BACKEND_PATH = /^backends(?:\[(\d+)\]|\.(\d+))\.(weight|drain)$/

/** Servers behind a balancer that wants to know at once when one is gone. */
class WatchedPool extends BackendPool {
  isDown: (backend: Backend) => void = () => undefined

  override checked(backend: Backend, isWell: boolean): void {
    const wasHealthy = backend.isHealthy
    super.checked(backend, isWell)
    if (wasHealthy && !backend.isHealthy) this.isDown(backend)
  }
}

/** What there is while it runs. */
interface Running {
  readonly pool: BackendPool
  readonly admission: ConnectionAdmission
  readonly failover: Failover | undefined
}

/**
 * A balancer of layer 4: passes on the packets of TCP connections to servers, and never takes part in a connection itself. What it does to
 * packets is in forwarder.ts.
 *
 * Records, besides the events of the pool (balancing/pool.ts), of admission.ts and of failover.ts: `balancer:started {virtual, mode}`,
 * `balancer:connection-expired {backend, state}`, `balancer:connection-reset {backend, why}`.
 */
export class TcpBalancer implements App {
  private readonly options: TcpBalancerOptions
  private orphans: 'keep' | 'reset'
  private running: Running | undefined

  constructor(options: Partial<TcpBalancerOptions>) {
    this.options = { ...DEFAULTS, ...options }
    this.orphans = this.options.orphans
  }

  *main(context: AppContext): Blocking<void> {
    const { options } = this
    const { environment, sockets } = context
    const { packets } = sockets.link
    const [host, port] = splitEnd(options.virtual)
    const [address] = yield* resolveVirtual(context, [host])
    const mode = options.mode === 'nat' && options.sourceNat ? 'full-nat' : options.mode
    const { backends, slowStart, check, maxConnections, strategy, virtualNodes, loadBound, tableSize } = options
    const pool = new WatchedPool(environment, {
      strategy,
      virtualNodes,
      loadBound,
      tableSize,
      backends: backends.map(({ at, weight }) => ({ name: at, weight })),
      slowStart,
      rise: check?.rise ?? 1,
      fall: check?.fall ?? 1,
      maxConnections,
    })
    const targets = yield* targetsOf(context, pool)
    for (const [index, { drain }] of backends.entries()) if (drain) pool.drain(pool.backends[index], true)
    const table = new ConnectionTable(targets, mode === 'full-nat')
    const { hashes, refusal, unknown, sticky } = options
    const policy = { hashes, refusal, unknown }
    const admission = new ConnectionAdmission(environment, pool, targets, table, address, port, mode, policy, strategy, sticky)
    const watch = new ExpiryWatch(environment, table, options.timeouts, (entry) => {
      const state = table.state[entry]
      const data = { backend: targets[table.backend[entry]].backend.name, state: TRACKED_NAMES[state] }
      if (state !== Tracked.CLOSED) environment.record('balancer:connection-expired', admission.nameOf(entry), data)
      forwarder.drop(entry)
    })
    const forwarder = new Forwarder(environment, packets, address, port, mode, table, targets, admission, watch)
    const release = packets.intercept(forwarder)
    pool.isDown = (backend) => {
      // One that is being drained may have closed its door: who is inside still leaves in his own time.
      if (this.orphans === 'reset' && !backend.isDraining) resetAll(context, forwarder, admission, backend, mode)
    }
    const isFurther = options.failover === undefined && !packets.isOwn(address)
    let failover: Failover | undefined
    try {
      environment.record('balancer:started', '', { virtual: options.virtual, mode })
      if (options.failover === undefined) {
        forwarder.isServing = true
        if (isFurther) packets.addAddress(address)
        if (isFurther) packets.announce(address)
      } else {
        const further = yield* resolveVirtual(context, options.failover.virtual)
        const all = { ...FAILOVER_DEFAULTS, ...options.failover }
        failover = new Failover(context, all, [...new Set([address, ...further])], (isActive) => {
          forwarder.isServing = isActive
        })
      }
      this.running = { pool, admission, failover }
      if (check !== undefined) for (const target of targets) context.spawn(this.checks(context, pool, target, check, host))
      for (const forEver = new WaitQueue(); ;) yield forEver
    } finally {
      release()
      watch.stop()
      failover?.stop()
      if (isFurther) packets.removeAddress(address)
    }
  }

  private checks(context: AppContext, pool: BackendPool, target: Target, check: CheckOptions, host: string): Blocking<void> {
    const probe =
      check.by === 'tcp' ? () => probeByConnecting(context, target) : () => probeByAsking(context, target, host, check.path)
    return checkHealth(context, pool, target.backend, check, probe)
  }

  configure(path: string, value: unknown): void {
    const { running } = this
    if (running === undefined) throw new UnknownSetting(path, 'the balancer has not begun yet')
    const { pool, admission, failover } = running
    const match = BACKEND_PATH.exec(path)
    if (match !== null) configureBackend(pool, Number(match[1] ?? match[2]), match[3], path, value)
    else if (path === 'strategy') pool.setStrategy((admission.strategy = choiceSetting(path, value, STRATEGIES)))
    else if (path === 'hashes') admission.policy.hashes = choiceSetting(path, value, ['client', 'connection'])
    else if (path === 'refusal') admission.policy.refusal = choiceSetting(path, value, ['reset', 'drop'])
    else if (path === 'unknown') admission.policy.unknown = choiceSetting(path, value, ['reset', 'drop', 'adopt'])
    else if (path === 'orphans') this.orphans = choiceSetting(path, value, ['keep', 'reset'])
    else if (path === 'sticky') admission.stickiness.lifetime = countSetting(path, value, 0, LONGEST)
    else if (path === 'maxConnections') pool.setLimit(countSetting(path, value, 0, 1_000_000))
    else if (failover !== undefined && path.startsWith('failover.')) failover.configure(path.slice('failover.'.length), value)
    else throw fixedSetting(path, LIVE)
  }
}

function configureBackend(pool: BackendPool, index: number, what: string, path: string, value: unknown): void {
  if (index >= pool.backends.length) throw new UnknownSetting(path, 'there is no such server')
  const backend = pool.backends[index]
  if (what === 'drain') pool.drain(backend, flagSetting(path, value))
  else if (typeof value === 'number' && value > 0 && value <= 256) pool.setWeight(backend, value)
  else throw new UnknownSetting(path, `takes a number above 0, at most 256, not ${JSON.stringify(value)}`)
}

function* targetsOf(context: AppContext, pool: BackendPool): Blocking<Target[]> {
  const targets: Target[] = []
  for (const backend of pool.backends) {
    const [host, port] = splitEnd(backend.name)
    const [address] = yield* resolveVirtual(context, [host])
    const way = context.sockets.link.packets.way(address)
    const source = typeof way.source === 'number' ? way.source : 0
    targets.push({ backend, address, port, way, source })
  }
  return targets
}

/** Its server is gone: both sides of every connection hear so, as far as they can be reached. One that was only asked for is asked for again. */
function resetAll(
  { sockets, environment }: AppContext,
  forwarder: Forwarder,
  admission: ConnectionAdmission,
  backend: Backend,
  mode: 'nat' | 'full-nat' | 'dsr',
): void {
  const { table } = admission
  for (const entry of table.entries()) {
    const state = table.state[entry]
    if (table.backend[entry] !== backend.index || state === Tracked.SYN || state === Tracked.CLOSED) continue
    environment.record('balancer:connection-reset', admission.nameOf(entry), { backend: backend.name, why: 'its server is down' })
    const { address, port, source } = forwarder.targetOf(entry)
    const [client, clientPort] = [table.client[entry], table.clientPort[entry]]
    const segment = new TcpSegment()
    segment.flags = TcpFlag.RST | TcpFlag.ACK
    segment.sourcePort = forwarder.port
    segment.destinationPort = clientPort
    segment.seq = table.clientAck[entry]
    segment.ack = table.clientNext[entry]
    sockets.sendRaw(forwarder.address, client, segment)
    if (mode !== 'dsr') {
      segment.sourcePort = mode === 'full-nat' ? table.ownPort[entry] : clientPort
      segment.destinationPort = port
      segment.seq = table.clientNext[entry]
      segment.ack = table.clientAck[entry]
      sockets.sendRaw(mode === 'full-nat' ? source : client, address, segment)
    }
    forwarder.drop(entry)
  }
}

/** `'www:80'` in its two parts. */
function splitEnd(text: string): [string, number] {
  const colon = text.lastIndexOf(':')
  return [text.slice(0, colon), Number(text.slice(colon + 1))]
}
