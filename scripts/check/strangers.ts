import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import { runChild } from './child.ts'
import { findProgram } from './chromium.ts'

/** Programs that nobody here wrote and that the tests meet, with Debian's packages of them. */
export const STRANGERS: Readonly<Record<string, string>> = {
  caddy: 'caddy',
  curl: 'curl',
  'gnutls-cli': 'gnutls-bin',
  gtlsclient: 'ngtcp2-client',
  gtlsserver: 'ngtcp2-server',
  h2load: 'nghttp2-client',
  ip: 'iproute2',
  keepalived: 'keepalived',
  nc: 'netcat-openbsd',
  nghttp: 'nghttp2-client',
  nghttpd: 'nghttp2-server',
  nginx: 'nginx-light',
  openssl: 'openssl',
  ping: 'iputils-ping',
  python3: 'python3',
  'redis-cli': 'redis-tools',
  'redis-server': 'redis-server',
  traceroute: 'traceroute',
}

/** Names of those that are not here. */
export async function missingStrangers(): Promise<string[]> {
  const found = await Promise.all(
    Object.keys(STRANGERS).map(async (name) => ((await findProgram(name)) === undefined ? [name] : [])),
  )
  return found.flat()
}

/**
 * Why real programs cannot meet simulated hosts on this machine, in a line; undefined when they can. They need TAP interfaces in network
 * namespaces, so Linux, root, and the device.
 */
export async function whyNoStrangers(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'TAP interfaces are of Linux'
  if (process.getuid?.() !== 0) return 'TAP interfaces and network namespaces take root'
  const device = '/dev/net/tun'
  const isThere = await access(device, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  )
  if (!isThere) return `there is no ${device}`
  const missing = await missingStrangers()
  if (missing.length > 0) {
    const packages = missing.map((name) => STRANGERS[name])
    return `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not installed (Debian: ${packages.join(' ')})`
  }
  return whyNoTap()
}

/** Makes one, and lets it go. */
async function whyNoTap(): Promise<string | undefined> {
  const program = join(import.meta.dirname, '../../src/cli/tap.py')
  const wish = {
    namespace: `packetarium-try-${String(process.pid)}`,
    name: 'tap0',
    mac: '02:00:00:00:00:01',
    mtu: 1500,
    configure: null,
  }
  const { code, output } = await runChild('python3', [program, JSON.stringify(wish)], { cwd: '/', seconds: 20 })
  return code === 0 ? undefined : `a TAP interface cannot be made: ${output.trim()}`
}
