/** The works that the engine is measured by; `ns3/works.cc` has the same for ns-3. */
import { createApp } from '../../src/apps/registry.ts'
import { createHost } from '../../src/host/host-machine.ts'
import type { App, AppContext, Blocking, TcpSocket } from '../../src/host/socket.ts'
import { BlockPool } from '../../src/kernel/arena.ts'
import type { MachineFactory } from '../../src/kernel/machine.ts'
import { Director } from '../../src/run/director.ts'
import { InlineHosts } from '../../src/run/inline-hosts.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { ResolvedHost, ResolvedScenario } from '../../src/scenario/resolved.ts'
import type { TraceStore } from '../../src/trace/trace-store.ts'

export interface Work {
  readonly name: string
  /** Made when it is asked for: what lies about in memory costs the collector time. */
  readonly scenario: () => ResolvedScenario
  /** Applications that no scenario has, by host. */
  readonly apps?: (host: ResolvedHost) => App | undefined
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
export function doWork({ name, scenario: scenarioOf, apps, ensureDone }: Work): Effort {
  const scenario = scenarioOf()
  const director = new Director(scenario, { seed: scenario.seed })
  const hosts = new InlineHosts(scenario, scenario.seed, director, (host) => machine(host, apps?.(host)), pool)
  const cpu = process.cpuUsage()
  const start = performance.now()
  hosts.advance(scenario.duration)
  const seconds = (performance.now() - start) / 1000
  const used = process.cpuUsage(cpu)
  // What is done once is done each time, and looking through the trace leaves much to be cleaned up by the next run.
  let arps = done.get(name)
  if (arps === undefined) {
    ensureDone(director.store)
    arps = [...director.store.frames(({ kind }) => kind === 'arp')].length
    done.set(name, arps)
  }
  let hops = -arps
  for (const { framesReceived } of hosts.engines) hops += framesReceived
  hosts.dispose()
  return { hops, seconds, processorSeconds: (used.user + used.system) / 1e6 }
}

/** The runs of a sweep follow each other in one process, and so do these. */
const pool = new BlockPool()

/** How many ARP packets a work takes, by its name, once it was found done. */
const done = new Map<string, number>()

function machine(host: ResolvedHost, app: App | undefined): MachineFactory {
  const apps = app === undefined ? host.apps : [{ app: 'bench', options: {} }]
  return (environment) => createHost(environment, { ...host, apps }, (name, options) => app ?? createApp(name, options))
}

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
  apps: ({ name }) => {
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

const CLIENTS = 1000
const REQUESTS = 10
const MESSAGE = new Uint8Array(1000).fill(7)

/**
 * 1,000 clients –10 Mbit/s, 10 ms– router –1 Gbit/s, 5 ms– server. Each opens a connection within the first second, and then sends 1,000
 * bytes once a second, ten times; each request is answered with as much.
 */
export const STORM: Work = {
  name: 'storm',
  scenario: () =>
    crowded(
      resolveScenario({
        id: 'storm',
        title: 'A crowd of clients',
        seed: 1,
        duration: '15 s',
        hosts: { server: {}, router: { kind: 'router' }, client: {} },
        links: [
          { between: ['server', 'router'], rate: '1 Gbit/s', delay: '5 ms', queue: '1000 packets' },
          { between: ['client', 'router'], rate: '10 Mbit/s', delay: '10 ms', queue: '1000 packets' },
        ],
      }),
    ),
  apps: ({ name }) => {
    if (name === 'server') return { main: serve }
    const client = CLIENT_NAME.exec(name)?.[1]
    return client === undefined ? undefined : { main: (context) => ask(context, Number(client)) }
  },
  ensureDone: (trace) => {
    if (trace.all('bench:done').length !== CLIENTS) throw new Error('replies are missing')
  },
}

const CLIENT_NAME = /^client(\d+)$/

/** The network with its last host and last link once for each client: more than a scenario may have. */
function crowded(scenario: ResolvedScenario): ResolvedScenario {
  const [server, router, client] = scenario.hosts
  const [uplink, link] = scenario.links
  const [routerUp, routerDown] = router.interfaces
  const [card] = client.interfaces
  const [route] = client.routes.filter(({ via }) => via !== 0)
  const numbers = Array.from({ length: CLIENTS }, (_, index) => index)
  // Each client is on a network of four addresses of its own, below 10.128.0.0.
  const network = (index: number): number => 0x0a80_0000 + index * 4
  const clients = numbers.map((index): ResolvedHost => {
    const own = { ...card, link: 1 + index, mac: card.mac + index * 2 ** 24, address: network(index) + 2, prefix: 30 }
    const routes = [
      { destination: network(index), prefix: 30, via: 0, port: 0 },
      { ...route, via: network(index) + 1 },
    ]
    return { ...client, name: `client${String(index)}`, interfaces: [own], routes }
  })
  const ports = numbers.map((index) => ({
    ...routerDown,
    link: 1 + index,
    mac: routerDown.mac + index * 2 ** 24,
    address: network(index) + 1,
    prefix: 30,
  }))
  const routes = [
    ...router.routes.filter(({ port }) => port === 0),
    ...numbers.map((index) => ({ destination: network(index), prefix: 30, via: 0, port: 1 + index })),
  ]
  return {
    ...scenario,
    hosts: [server, { ...router, interfaces: [routerUp, ...ports], routes }, ...clients],
    links: [uplink, ...numbers.map((index) => ({ ...link, hosts: [2 + index, 1] as const, ports: [0, 1 + index] as const }))],
  }
}

function* serve({ sockets, spawn }: AppContext): Blocking<void> {
  const listener = sockets.listen(80, { backlog: CLIENTS })
  for (;;) spawn(answer(yield* listener.accept()))
}

function* answer(socket: TcpSocket): Blocking<void> {
  while ((yield* socket.readExactly(MESSAGE.length)).length > 0) yield* socket.write(MESSAGE)
  socket.close()
}

function* ask({ sockets, sleep, environment }: AppContext, client: number): Blocking<void> {
  const address = yield* sockets.resolve('server')
  const begin = (client / CLIENTS) * 1e9
  yield* sleep(begin)
  const socket = yield* sockets.connect({ address, port: 80 })
  const connected = environment.now
  for (let request = 1; request <= REQUESTS; request++) {
    yield* socket.write(MESSAGE)
    yield* socket.readExactly(MESSAGE.length)
    if (request < REQUESTS) yield* sleep(connected + request * 1e9 - environment.now)
  }
  socket.close()
  environment.record('bench:done', '', {})
}
