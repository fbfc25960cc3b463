import { Box, Database, Laptop, Monitor, Network, Router, Server, Split } from 'lucide-static'
import type { ResolvedHost } from '../../src/scenario/resolved.ts'

/** The icon of a host, as SVG text of 24 × 24: constants of the icon set. */
export function hostIcon(host: ResolvedHost): string {
  if (host.kind === 'router') return Router
  if (host.kind === 'switch') return Network
  const apps = host.apps.map(({ app }) => app)
  if (apps.some((app) => app === 'browser')) return Laptop
  if (apps.some((app) => app.includes('balancer'))) return Split
  if (apps.some((app) => app === 'redis-server')) return Database
  if (apps.some((app) => app.includes('server'))) return Server
  if (apps.some((app) => app === 'ping' || app.includes('sender') || app.includes('receiver'))) return Monitor
  const listens = host.apps.some(({ options }) => typeof options['listen'] === 'number' && options['listen'] > 0)
  if (listens) return Server
  return apps.length > 0 ? Laptop : Box
}
