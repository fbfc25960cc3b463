import type { App, AppContext, Blocking } from '../../../src/host/socket.ts'
import { SocketError } from '../../../src/host/socket.ts'
import { createApp } from '../../../src/apps/registry.ts'
import { PcapngWriter } from '../../../src/wire/pcapng.ts'
import { formatIp } from '../../../src/wire/address.ts'
import { ip, World, type HostPlan, type LinkPlan } from '../../host/world.ts'
import { latin1, type Body } from '../site.ts'

export const VIRTUAL = ip('10.0.0.100')

export const MODES = ['nat', 'full-nat', 'dsr'] as const
export type Mode = (typeof MODES)[number]

export interface Plan {
  readonly mode: Mode
  readonly clients: readonly Body[]
  readonly servers: readonly Body[]
  /** Of the balancer. */
  readonly options?: Record<string, unknown>
  /** Of every line. */
  readonly line?: Partial<LinkPlan>
  readonly seed?: number
  /** Further applications of the balancer. */
  readonly beside?: readonly Body[]
  readonly server?: Partial<HostPlan>
}

/** A balancer as an application, and as an object that can be configured. */
export function balancer(options: Record<string, unknown>): { app: App; body: Body } {
  const app = createApp('tcp-balancer', { virtual: '10.0.0.100:80', ...options })
  return { app, body: (context) => app.main(context) }
}

/** Options of the balancer of a cluster. */
export function optionsOf(mode: Mode, servers: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  const network = mode === 'nat' ? '10.0.1' : '10.0.0'
  const backends = Array.from({ length: servers }, (_, i) => ({ at: `${network}.${String(11 + i)}:80`, weight: 1, drain: false }))
  return { backends, mode: mode === 'dsr' ? 'dsr' : 'nat', sourceNat: mode === 'full-nat', ...more }
}

/**
 * Clients `c0`, … (10.0.0.1 and on), a balancer `lb` (10.0.0.9) and servers `w0`, … (10.0.0.11 and on) on a switch; in mode nat the servers
 * are on a second one (10.0.1.11 and on) behind the balancer, who is their router.
 */
export function cluster({
  mode,
  clients,
  servers,
  options = {},
  line = {},
  seed = 1,
  beside = [],
  server = {},
}: Plan): World & { app: App } {
  const { app, body } = balancer(optionsOf(mode, servers.length, options))
  const isRouted = mode === 'nat'
  const hosts: Record<string, HostPlan> = {}
  const links: LinkPlan[] = []
  clients.forEach((client, i) => {
    hosts[`c${String(i)}`] = { gateway: '10.0.0.9', apps: [client] }
    links.push({ between: [`c${String(i)} 10.0.0.${String(1 + i)}/24`, 'front'], ...line })
  })
  hosts['front'] = { kind: 'switch' }
  hosts['lb'] = { kind: isRouted ? 'router' : 'host', apps: [body, ...beside] }
  links.push({ between: ['lb 10.0.0.9/24', 'front'], ...line })
  if (isRouted) {
    hosts['back'] = { kind: 'switch' }
    links.push({ between: ['lb 10.0.1.9/24', 'back'], ...line })
  }
  servers.forEach((served, i) => {
    const name = `w${String(i)}`
    const own = isRouted ? { gateway: '10.0.1.9' } : mode === 'dsr' ? { loopback: ['10.0.0.100'] } : {}
    hosts[name] = { ...own, ...server, apps: [served] }
    const address = `${isRouted ? '10.0.1' : '10.0.0'}.${String(11 + i)}/24`
    links.push({ between: [`${name} ${address}`, isRouted ? 'back' : 'front'], ...line })
  })
  return Object.assign(new World({ seed, hosts, links }), { app })
}

/** Sends back what it gets, after its own name: `w0 `. Notes between whom each connection is. */
export const echoes = (name: string, seen: string[] = []): Body =>
  function* (context) {
    const listener = context.sockets.listen(80)
    for (;;) {
      const socket = yield* listener.accept()
      seen.push(`${formatIp(socket.remote.address)} to ${formatIp(socket.local.address)}`)
      context.spawn(
        (function* (): Blocking<void> {
          try {
            yield* socket.write(latin1(`${name} `))
            for (;;) {
              const bytes = yield* socket.read()
              if (bytes === undefined) break
              yield* socket.write(bytes.slice())
            }
            socket.close()
          } catch (error) {
            if (!(error instanceof SocketError)) throw error
            socket.reset()
          }
        })(),
      )
    }
  }

/** Connects, sends a text, and gives all that comes back; or the error's code. */
export function* say({ sockets }: AppContext, text: string, timeout = 0): Blocking<string> {
  let all = ''
  try {
    const socket = yield* sockets.connect({ address: VIRTUAL, port: 80 }, { noDelay: true, timeout })
    yield* socket.write(latin1(text))
    socket.shutdown()
    for (;;) {
      const bytes = yield* socket.read()
      if (bytes === undefined) break
      all += Buffer.from(bytes).toString('latin1')
    }
    socket.close()
    return all
  } catch (error) {
    if (!(error instanceof SocketError)) throw error
    return all + error.code
  }
}

/** All frames as they were handed to their links. */
export function captureOf(world: World): Uint8Array {
  const writer = new PcapngWriter()
  const card = writer.addInterface({ name: 'all' })
  for (const { time, bytes } of world.frames) writer.addPacket({ interface: card, time, bytes })
  return writer.take()
}
