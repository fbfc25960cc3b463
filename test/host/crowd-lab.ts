import { crowdFactory } from '../../src/host/crowd.ts'
import { createHost } from '../../src/host/host-machine.ts'
import type { App, AppContext, Blocking } from '../../src/host/socket.ts'
import { createSwitch } from '../../src/host/switch.ts'
import type { Environment, Machine, MachineFactory } from '../../src/kernel/machine.ts'
import { Director } from '../../src/run/director.ts'
import { InlineHosts } from '../../src/run/inline-hosts.ts'
import type { Action, Intervention } from '../../src/scenario/intervention.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { ResolvedHost, ResolvedScenario } from '../../src/scenario/resolved.ts'
import type { EventRecord, FrameRecord } from '../../src/trace/record.ts'

export const MS = 1_000_000

type Program = (context: AppContext) => Blocking<void>

/** A crowd called `clients` and a host called `server`, with programs that tests bring along. */
export class CrowdLab {
  readonly scenario: ResolvedScenario
  readonly director: Director
  readonly hosts: InlineHosts
  /** Names of members in the order in which they were handed a frame, with the frame. */
  readonly received: { name: string; frame: Uint8Array; id: number }[] = []

  /**
   * @param plan of the crowd; `network` replaces hosts and links beyond the crowd, which are a server behind a router
   * @param configured is given what was set on a member
   */
  constructor(
    plan: Record<string, unknown>,
    programs: { clients?: Program; server?: Program },
    more: {
      interventions?: readonly Intervention[]
      seed?: number
      link?: Record<string, unknown>
      server?: Record<string, unknown>
      network?: { hosts: Record<string, unknown>; links: unknown[] }
      configured?: (name: string, path: string, value: unknown) => void
    } = {},
  ) {
    const { network, link, server } = more
    const written = resolveScenario({
      id: 'crowd',
      title: 'A crowd',
      seed: more.seed ?? 1,
      duration: '100 s',
      hosts: { clients: { replicas: 3, ...plan }, ...(network?.hosts ?? { hub: { kind: 'router' }, server: { ...server } }) },
      links: network?.links ?? [
        { between: ['clients', 'hub'], delay: '1 ms', ...link },
        { between: ['hub', 'server'], delay: '1 ms', queue: 'unlimited' },
      ],
    })
    const hosts = written.hosts.map((host): ResolvedHost => {
      const has = host.name === 'clients' ? programs.clients : host.name === 'server' ? programs.server : undefined
      return has === undefined ? host : { ...host, apps: [{ app: 'program', options: {} }] }
    })
    this.scenario = { ...written, hosts }
    this.director = new Director(this.scenario, { seed: this.scenario.seed, interventions: more.interventions ?? [] })
    const create = (environment: Environment, host: ResolvedHost): Machine => {
      const program = host.name === 'server' ? programs.server : programs.clients
      const app = (): App => ({
        main: (context) => (program as Program)(context),
        configure: (path, value) => more.configured?.(environment.name, path, value),
      })
      const machine = createHost(environment, host, app)
      return environment.name.startsWith('clients') ? this.listenedTo(machine, environment) : machine
    }
    const factory = (host: ResolvedHost): MachineFactory => {
      if (host.kind === 'switch') return (environment) => createSwitch(environment, host)
      return host.replicas === undefined ? (environment) => create(environment, host) : crowdFactory(host, create)
    }
    this.hosts = new InlineHosts(this.scenario, this.scenario.seed, this.director, factory)
  }

  private listenedTo(machine: Machine, environment: Environment): Machine {
    const receive = machine.receive.bind(machine)
    machine.receive = (port, frame) => {
      this.received.push({ name: environment.name, frame, id: environment.cause })
      receive(port, frame)
    }
    return machine
  }

  to(time: number): this {
    this.hosts.advance(time)
    return this
  }

  do(action: Action): this {
    this.hosts.perform(this.director.intervene(action))
    this.hosts.settle()
    return this
  }

  end(): this {
    return this.to(this.scenario.duration)
  }

  events(name: string): EventRecord[] {
    return this.director.store.all(name)
  }

  frames(where?: (frame: FrameRecord) => boolean): FrameRecord[] {
    return [...this.director.store.frames(where)]
  }

  /** Sends a frame to the crowd's link, as from the neighbour. */
  inject(bytes: Uint8Array): this {
    const { link, end } = this.scenario.hosts[0].interfaces[0]
    const { hosts, ports } = this.scenario.links[link]
    const engine = this.hosts.engines[hosts[1 - end]]
    engine.run(this.director.horizon)
    engine.transmit(ports[1 - end], bytes)
    this.hosts.engines.forEach(({ nextTime }, host) => {
      this.director.conductor.report(host, nextTime)
    })
    return this
  }
}

/** The server's address. */
export const SERVER = 0x0a00_0101

/** Sends a datagram to the server, over and over. */
export function sender(interval: number, count = 1000) {
  return function* ({ sockets, sleep }: AppContext): Blocking<void> {
    const socket = sockets.udp()
    for (let i = 0; i < count; i++) {
      socket.sendTo({ address: SERVER, port: 9 }, Uint8Array.of(i))
      yield* sleep(interval)
    }
  }
}

/** Answers every datagram. */
export function* echo({ sockets }: AppContext): Blocking<void> {
  const socket = sockets.udp(9)
  for (;;) {
    const datagram = yield* socket.receive()
    if (datagram !== undefined) socket.sendTo(datagram.from, datagram.bytes)
  }
}

export function* silence({ sockets }: AppContext): Blocking<void> {
  const socket = sockets.udp(9)
  for (;;) yield* socket.receive()
}

export function* idle({ sleep }: AppContext): Blocking<void> {
  yield* sleep(1000 * MS)
}
