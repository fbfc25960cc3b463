import { createApp } from '../apps/registry.ts'
import { crowdFactory } from '../host/crowd.ts'
import { createHost } from '../host/host-machine.ts'
import { createSwitch } from '../host/switch.ts'
import type { Environment, Machine, MachineFactory } from '../kernel/machine.ts'
import type { ResolvedHost } from '../scenario/resolved.ts'

/** What runs on a host of a scenario. */
export function machineFactory(host: ResolvedHost): MachineFactory {
  if (host.kind === 'switch') return (environment) => createSwitch(environment, host)
  const create = (environment: Environment, each: ResolvedHost): Machine => createHost(environment, each, createApp)
  if (host.replicas !== undefined) return crowdFactory(host, create)
  return (environment) => create(environment, host)
}
