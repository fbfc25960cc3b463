import { createApp } from '../apps/registry.ts'
import { createHost } from '../host/host-machine.ts'
import { createSwitch } from '../host/switch.ts'
import type { MachineFactory } from '../kernel/machine.ts'
import type { ResolvedHost } from '../scenario/resolved.ts'

/** What runs on a host of a scenario. */
export function machineFactory(host: ResolvedHost): MachineFactory {
  if (host.kind === 'switch') return (environment) => createSwitch(environment, host)
  return (environment) => createHost(environment, host, createApp)
}
