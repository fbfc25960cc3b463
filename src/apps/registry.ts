import type { App } from '../host/socket.ts'
import { ArpSpoofer } from './arp-spoofer.ts'
import { Browser } from './browser.ts'
import { RedisServer } from './bus/redis-server.ts'
import { Firewall } from './firewall.ts'
import { LetterCarrier } from './letters/letter-carrier.ts'
import { LetterReader } from './letters/letter-reader.ts'
import { LetterWriter } from './letters/letter-writer.ts'
import { TcpBalancer } from './l4/tcp-balancer.ts'
import { Vrrp } from './l4/vrrp.ts'
import { LiveClient } from './live/client.ts'
import { LiveServer } from './live/live-server.ts'
import { LoadBalancer } from './load-balancer.ts'
import { Meddler } from './meddler.ts'
import { Ping } from './ping.ts'
import { Replayer } from './replayer.ts'
import { RequestGenerator } from './request-generator.ts'
import { ReverseProxy } from './reverse-proxy.ts'
import { SessionClient } from './session/session-client.ts'
import { SessionServer } from './session/session-server.ts'
import { SocketScript } from './socket-script.ts'
import { StreamReceiver } from './stream-receiver.ts'
import { StreamSender } from './stream-sender.ts'
import { SynFlooder } from './syn-flooder.ts'
import { UdpEcho } from './udp-echo.ts'
import { WebServer } from './web-server.ts'

type Options = Readonly<Record<string, unknown>>

/** Every application by its name in a scenario. Options are the scenario's, already validated: missing ones get their default. */
const APPLICATIONS: Readonly<Record<string, (options: Options) => App>> = {
  browser: (options) => new Browser(options),
  'web-server': (options) => new WebServer(options),
  'reverse-proxy': (options) => new ReverseProxy(options),
  'load-balancer': (options) => new LoadBalancer(options),
  'request-generator': (options) => new RequestGenerator(options),
  meddler: (options) => new Meddler(options),
  replayer: (options) => new Replayer(options),
  firewall: (options) => new Firewall(options),
  'stream-sender': (options) => new StreamSender(options),
  'stream-receiver': (options) => new StreamReceiver(options),
  ping: (options) => new Ping(options),
  'socket-script': (options) => new SocketScript(options),
  'arp-spoofer': (options) => new ArpSpoofer(options),
  'syn-flooder': (options) => new SynFlooder(options),
  'udp-echo': (options) => new UdpEcho(options),
  'live-server': (options) => new LiveServer(options),
  'live-client': (options) => new LiveClient(options),
  'redis-server': (options) => new RedisServer(options),
  'session-server': (options) => new SessionServer(options),
  'session-client': (options) => new SessionClient(options),
  'tcp-balancer': (options) => new TcpBalancer(options),
  vrrp: (options) => new Vrrp(options),
  'letter-writer': (options) => new LetterWriter(options),
  'letter-carrier': (options) => new LetterCarrier(options),
  'letter-reader': (options) => new LetterReader(options),
}

/** Names of all applications. */
export const APPLICATION_NAMES: readonly string[] = Object.keys(APPLICATIONS)

/**
 * Makes an application.
 * @param name as in the scenario: `'web-server'`
 * @param options as the scenario resolved them, in base units
 * @throws RangeError for an unknown name
 */
export function createApp(name: string, options: Readonly<Record<string, unknown>>): App {
  if (!Object.hasOwn(APPLICATIONS, name)) throw new RangeError(`there is no application '${name}'`)
  return APPLICATIONS[name](options)
}
