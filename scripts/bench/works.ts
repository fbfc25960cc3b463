/** The works that the engine is measured by; `ns3/works.cc` has the same for ns-3. */
import { createApp } from '../../src/apps/registry.ts'
import { crowdFactory } from '../../src/host/crowd.ts'
import { createHost } from '../../src/host/host-machine.ts'
import type { App, AppContext, Blocking, SocketAddress, TcpSocket } from '../../src/host/socket.ts'
import { BlockPool } from '../../src/kernel/arena.ts'
import type { Engine } from '../../src/kernel/engine.ts'
import type { Environment, Machine, MachineFactory } from '../../src/kernel/machine.ts'
import { Director } from '../../src/run/director.ts'
import { InlineHosts } from '../../src/run/inline-hosts.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { ResolvedHost, ResolvedScenario } from '../../src/scenario/resolved.ts'
import type { TraceStore } from '../../src/trace/trace-store.ts'

export interface Work {
  readonly name: string
  /** Of a crowd; absent: there is none. */
  readonly size?: number
  /** In seconds: when it is stopped, done or not; absent: it goes on to its end. */
  readonly end?: number
  /** Made when it is asked for: what lies about in memory costs the collector time. */
  readonly scenario: () => ResolvedScenario
  /** Applications that no scenario has, by the name of a host, or of a member of a crowd. */
  readonly apps?: (name: string) => App | undefined
  /** Throws when the work was not done. */
  readonly ensureDone: (trace: TraceStore) => void
}

/** What doing a work once took. */
export interface Effort {
  /** Packets received at the end of a link, ARP left out. */
  readonly hops: number
  readonly seconds: number
  /** Of the processor, for all threads of the process. */
  readonly processorSeconds: number
}

/** Does a work, inline, with checksums and the trace on. Building the network does not count, as it does not for ns-3. */
export function doWork(work: Work): Effort {
  const { scenario: scenarioOf, apps, ensureDone } = work
  const name = `${work.name} ${String(work.size ?? 0)} ${String(work.end ?? 0)}`
  const scenario = scenarioOf()
  const director = new Director(scenario, { seed: scenario.seed })
  let arps = 0
  const count = (): void => {
    arps++
  }
  // What is done once is done each time, and looking through the trace leaves much to be cleaned up by the next run.
  const known = done.get(name)
  const hosts = new InlineHosts(
    scenario,
    scenario.seed,
    director,
    (host) => (known === undefined ? countingArp(machine(host, apps), count) : machine(host, apps)),
    pool,
  )
  const cpu = process.cpuUsage()
  const start = performance.now()
  hosts.advance(scenario.duration)
  const seconds = (performance.now() - start) / 1000
  const used = process.cpuUsage(cpu)
  if (known === undefined) {
    ensureDone(director.store)
    done.set(name, arps)
  }
  let hops = -(known ?? arps)
  for (const { framesReceived } of hosts.engines) hops += framesReceived
  hosts.dispose()
  return { hops, seconds, processorSeconds: (used.user + used.system) / 1e6 }
}

/** The same machines, which also tell of each ARP packet that comes to them. */
function countingArp(factory: MachineFactory, count: () => void): MachineFactory {
  return (environment) => {
    const machine = factory(environment)
    const receive = machine.receive.bind(machine)
    machine.receive = (port, frame) => {
      if (frame[12] === 8 && frame[13] === 6) count()
      receive(port, frame)
    }
    return machine
  }
}

/** The runs of a sweep follow each other in one process, and so do these. */
const pool = new BlockPool()

/** How many ARP packets a work takes, by its name, once it was found done. The trace of a large one no longer has its beginning. */
const done = new Map<string, number>()

function machine(host: ResolvedHost, apps: Work['apps']): MachineFactory {
  const create = (environment: Environment, each: ResolvedHost): Machine => {
    const app = apps?.(each.name)
    return app === undefined
      ? createHost(environment, each, createApp)
      : createHost(environment, { ...each, apps: BENCH_APP }, () => app)
  }
  if (host.replicas !== undefined) return crowdFactory(host, create)
  return (environment) => create(environment, host)
}

const BENCH_APP = [{ app: 'bench', options: {} }]

/** One transfer of 20 MB over sender –1 Gbit/s, 5 ms– router –10 Mbit/s, 15 ms, 100 packets– receiver. */
export const BULK: Work = {
  name: 'bulk',

  scenario: () =>
    resolveScenario({
      id: 'bulk',
      title: 'Bulk transfer of 20 MB',
      seed: 1,
      duration: '120 s',
      hosts: {
        receiver: { app: 'browser', visits: 'http://sender/' },
        router: { kind: 'router' },
        sender: { app: 'web-server', serves: { '/': { size: '20 MB', type: 'application/octet-stream' } } },
      },
      links: [
        { between: ['sender', 'router'], rate: '1 Gbit/s', delay: '5 ms' },
        { between: ['router', 'receiver'], rate: '10 Mbit/s', delay: '15 ms', queue: '100 packets' },
      ],
    }),
  ensureDone: (trace) => {
    const loaded = trace.first('page:loaded')
    if (loaded?.data['bytes'] !== 20_000_000) throw new Error('the transfer is not whole')
  },
}

const DATAGRAMS = 100_000
const DATAGRAM = new Uint8Array(1000).fill(7)

/** 100,000 datagrams of 1,000 bytes, one each 10 µs, over three links of 1 Gbit/s and 1 ms. */
export const UDP: Work = {
  name: 'udp',

  scenario: () =>
    resolveScenario({
      id: 'udp',
      title: 'Datagrams over three links',
      seed: 1,
      duration: '10 s',
      hosts: { sender: {}, first: { kind: 'router' }, second: { kind: 'router' }, receiver: {} },
      links: [
        { between: ['sender', 'first'], rate: '1 Gbit/s', delay: '1 ms', queue: '100 packets' },
        { between: ['first', 'second'], rate: '1 Gbit/s', delay: '1 ms', queue: '100 packets' },
        { between: ['second', 'receiver'], rate: '1 Gbit/s', delay: '1 ms', queue: '100 packets' },
      ],
    }),
  apps: (name) => {
    if (name === 'sender') return { main: sendDatagrams }
    return name === 'receiver' ? { main: countDatagrams } : undefined
  },
  ensureDone: (trace) => {
    if (trace.first('bench:done') === undefined) throw new Error('datagrams are missing')
  },
}

function* sendDatagrams({ sockets, sleep }: AppContext): Blocking<void> {
  const address = yield* sockets.resolve('receiver')
  const socket = sockets.udp()
  for (let sent = 0; sent < DATAGRAMS; sent++) {
    socket.sendTo({ address, port: 9 }, DATAGRAM)
    // The first one finds out everybody's hardware address, which ns-3's links do without; the next shall not have to wait for that.
    yield* sleep(sent === 0 ? 50_000_000 : 10_000)
  }
}

function* countDatagrams({ sockets, environment }: AppContext): Blocking<void> {
  const socket = sockets.udp(9)
  for (let got = 0; got < DATAGRAMS; got++) yield* socket.receive()
  environment.record('bench:done', '', {})
}

const REQUESTS = 10
const MESSAGE = new Uint8Array(1000).fill(7)

/**
 * Clients –10 Mbit/s, 10 ms– router –1 Gbit/s, 5 ms– server. Each opens a connection within the first second, and then sends 1,000 bytes
 * once a second, ten times; each request is answered with as much, and the connection closed. With `reconnects` each then comes back at once,
 * asks once more, and goes.
 *
 * The clients are a crowd: a full stack each, and a line of 10 Mbit/s each in front of one link that takes 10 ms and has no limit, where ns-3
 * has as many links. What passes is the same, and a packet counts once on its way from client to router, as it does for ns-3. The trace is
 * brief, as it usually is with a crowd: it has every frame.
 *
 * @param end in seconds, for who has no time for all of it
 */
export function storm(clients: number, reconnects = false, end?: number): Work {
  return {
    name: reconnects ? 'reconnecting' : 'storm',
    size: clients,
    ...(end === undefined ? {} : { end }),
    scenario: () =>
      resolveScenario({
        id: 'storm',
        title: 'A crowd of clients',
        seed: 1,
        duration: end !== undefined ? `${String(end)} s` : reconnects ? '20 s' : '15 s',
        hosts: {
          server: { trace: 'brief' },
          router: { kind: 'router', trace: 'brief' },
          clients: { replicas: clients, access: { rate: '10 Mbit/s' } },
        },
        links: [
          { between: ['server', 'router'], rate: '1 Gbit/s', delay: '5 ms', queue: '1000 packets' },
          { between: ['clients', 'router'], delay: '10 ms' },
        ],
      }),
    apps: (name) => {
      if (name === 'server') return { main: (context) => serve(context, clients) }
      const client = CLIENT_NAME.exec(name)?.[1]
      return client === undefined ? undefined : { main: (context) => ask(context, Number(client) / clients, reconnects) }
    },
    ensureDone: (trace) => {
      if (end !== undefined) return
      const done = trace.all('bench:done').length
      if (done !== clients) throw new Error(`replies are missing: of ${String(clients)} clients ${String(done)} were served`)
    },
  }
}

const CLIENT_NAME = /^clients\[(\d+)\]$/

function* serve({ sockets, spawn }: AppContext, clients: number): Blocking<void> {
  const listener = sockets.listen(80, { backlog: clients })
  for (;;) spawn(answer(yield* listener.accept()))
}

// Whoever waits for long reads without a coroutine for that, as live connections do: see `TcpSocket.arrival`.

function* answer(socket: TcpSocket): Blocking<void> {
  for (let wanted = MESSAGE.length; ;) {
    const bytes = socket.readNow(wanted)
    if (bytes !== undefined) wanted -= bytes.length
    else if (socket.arrival === undefined) break
    else yield socket.arrival
    if (wanted > 0) continue
    yield* socket.write(MESSAGE)
    wanted = MESSAGE.length
  }
  socket.close()
}

/** @param begin when, as a part of the first second */
function* ask(context: AppContext, begin: number, reconnects: boolean): Blocking<void> {
  const { sockets, sleep, environment } = context
  const address = yield* sockets.resolve('server')
  yield* sleep(begin * 1e9)
  yield* chat(context, { address, port: 80 }, REQUESTS)
  if (reconnects) yield* chat(context, { address, port: 80 }, 1)
  environment.record('bench:done', '', {})
}

function* chat({ sockets, sleep, environment }: AppContext, server: SocketAddress, requests: number): Blocking<void> {
  const socket = yield* sockets.connect(server)
  const connected = environment.now
  for (let request = 1; request <= requests; request++) {
    yield* socket.write(MESSAGE)
    for (let wanted = MESSAGE.length; wanted > 0;) {
      const bytes = socket.readNow(wanted)
      if (bytes !== undefined) wanted -= bytes.length
      else if (socket.arrival === undefined) throw new Error('the server has closed the connection')
      else yield socket.arrival
    }
    if (request < requests) yield* sleep(connected + request * 1e9 - environment.now)
  }
  socket.close()
}

/** Bytes of heap and buffers that a crowd of clients takes when all are connected and nothing happens; the trace has been let go. */
export function idle(clients: number): number {
  const before = memory()
  const engines = connected(clients)
  const taken = memory() - before
  const left = engines.filter(({ power }) => power !== 'on').length
  if (left > 0) throw new Error(`${String(left)} hosts are off`)
  return taken
}

function connected(clients: number): readonly Engine[] {
  const scenario = storm(clients).scenario()
  const apps = (name: string): App | undefined => {
    if (name === 'server') return { main: (context) => serve(context, clients) }
    const client = CLIENT_NAME.exec(name)?.[1]
    return client === undefined ? undefined : { main: (context) => linger(context, Number(client) / clients) }
  }
  // It keeps next to nothing of the frames.
  const director = new Director(scenario, { seed: scenario.seed, traceLimit: 1_000_000 })
  const hosts = new InlineHosts(scenario, scenario.seed, director, (host) => machine(host, apps))
  hosts.advance(8e9)
  const frames = director.store.frameCount
  // A handshake is three packets, on two links.
  if (frames < clients * 6) throw new Error(`not all are connected: ${String(frames)} packets`)
  // The carriers lead to the conductor, and so to the trace.
  Object.assign(director, { recorder: undefined, store: undefined })
  Object.assign(hosts, { director: undefined })
  return hosts.engines
}

function* linger({ sockets, sleep }: AppContext, begin: number): Blocking<void> {
  const address = yield* sockets.resolve('server')
  yield* sleep(begin * 1e9)
  const socket = yield* sockets.connect({ address, port: 80 })
  yield* socket.read()
}

function memory(): number {
  if (gc === undefined) throw new Error('the memory is measured with --expose-gc')
  for (let i = 0; i < 5; i++) gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
