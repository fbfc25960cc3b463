import type { Environment } from '../../kernel/machine.ts'
import type { Nanos } from '../../kernel/time.ts'
import { formatEnd } from '../../host/network-layer.ts'
import type { BackendPool } from '../balancing/pool.ts'
import type { ConnectionTable } from './connection-table.ts'
import { Tracked, TrackedFlag } from './connection-table.ts'
import type { Admission } from './forwarder.ts'
import { Stickiness } from './stickiness.ts'
import type { Target } from './target.ts'

/** Ports of our own in full NAT: those that the host's own sockets do not draw from. */
const FIRST_PORT = 1024
const LAST_PORT = 49_151

/** The packet is left to the host's own TCP, or thrown away. */
const LEFT = -1
const THROWN = -2

/** What may be changed while it runs. */
export interface AdmissionPolicy {
  /** What strategies that hash go by. */
  hashes: 'client' | 'connection'
  /** What becomes of a SYN that nobody can take. */
  refusal: 'reset' | 'drop'
  /** What becomes of a connection that was not begun here; 'adopt': it is given a server as if it had been. */
  unknown: 'reset' | 'drop' | 'adopt'
}

/**
 * Gives each new connection a server. Records `balancer:picked {backend, strategy}`, `balancer:adopted {backend}` and `balancer:refused
 * {why}`, each with the connection.
 */
export class ConnectionAdmission implements Admission {
  readonly stickiness: Stickiness
  private readonly virtual: string
  /** By server, our own port of its last connection. */
  private readonly lastPorts: number[]

  constructor(
    private readonly environment: Environment,
    private readonly pool: BackendPool,
    private readonly targets: readonly Target[],
    readonly table: ConnectionTable,
    address: number,
    port: number,
    private readonly mode: 'nat' | 'full-nat' | 'dsr',
    readonly policy: AdmissionPolicy,
    public strategy: string,
    sticky: Nanos,
  ) {
    this.virtual = formatEnd(address, port)
    this.stickiness = new Stickiness(sticky)
    // A server may still remember the ports that were in use before a restart.
    const random = environment.random('source-ports')
    this.lastPorts = targets.map(() => FIRST_PORT + random.below(LAST_PORT - FIRST_PORT + 1))
  }

  admit(client: number, clientPort: number, isBegun: boolean): number {
    const { policy, pool, environment, stickiness } = this
    if (isBegun && (policy.unknown !== 'adopt' || this.mode === 'full-nat')) return policy.unknown === 'drop' ? THROWN : LEFT
    const { now } = environment
    const tied = stickiness.backendOf(client, now)
    const key = policy.hashes === 'connection' ? client * 0x1_0000 + clientPort : undefined
    const backend = tied !== undefined && pool.takes(tied) ? tied : pool.pick({ client, key })
    if (backend === undefined)
      return this.refuse(client, clientPort, pool.available.length === 0 ? 'no server is well' : 'no server has room')
    const ownPort = this.mode === 'full-nat' ? this.freePort(backend.index) : 0
    if (ownPort === undefined) return this.refuse(client, clientPort, 'no port is left')
    const entry = this.table.add(client, clientPort, backend.index, ownPort, now)
    this.table.flags[entry] = TrackedFlag.COUNTED | (isBegun ? TrackedFlag.ANSWERED : 0)
    if (isBegun) this.table.touch(entry, Tracked.ESTABLISHED, now)
    pool.began(backend)
    stickiness.tie(client, backend, now)
    const name = isBegun ? 'balancer:adopted' : 'balancer:picked'
    environment.record(name, this.nameFor(client, clientPort), { backend: backend.name, strategy: this.strategy })
    return entry
  }

  answered(entry: number, duration: Nanos): void {
    this.pool.succeeded(this.targets[this.table.backend[entry]].backend, duration)
  }

  ended(entry: number): void {
    this.pool.ended(this.targets[this.table.backend[entry]].backend)
  }

  /** Name of a connection in the trace: the client's. */
  nameOf(entry: number): string {
    return this.nameFor(this.table.client[entry], this.table.clientPort[entry])
  }

  private nameFor(client: number, clientPort: number): string {
    return `${formatEnd(client, clientPort)} ↔ ${this.virtual}`
  }

  private refuse(client: number, clientPort: number, why: string): number {
    this.environment.record('balancer:refused', this.nameFor(client, clientPort), { why })
    return this.policy.refusal === 'drop' ? THROWN : LEFT
  }

  private freePort(index: number): number | undefined {
    const { address, port } = this.targets[index]
    let own = this.lastPorts[index]
    for (let tries = FIRST_PORT; tries <= LAST_PORT; tries++) {
      own = own === LAST_PORT ? FIRST_PORT : own + 1
      if (this.table.findBack(address, port, own) >= 0) continue
      this.lastPorts[index] = own
      return own
    }
    return undefined
  }
}
