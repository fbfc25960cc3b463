import assert from 'node:assert/strict'
import { LiveServer } from '../../src/apps/live/live-server.ts'
import type { AppContext, Blocking } from '../../src/host/socket.ts'
import type { MachineSettings } from '../../src/scenario/machine-settings.ts'
import { World, type HappenedEvent } from '../host/world.ts'

const MS = 1e6

type Body = (context: AppContext) => Blocking<void>
type Options = ConstructorParameters<typeof LiveServer>[0]

/** A server, and as many clients on one host. */
export function lab(options: Options, clients: readonly Body[], machine: Partial<MachineSettings> = {}, rate = 0): World {
  return new World({
    hosts: {
      server: { machine, apps: [new LiveServer(options)] },
      clients: { apps: clients },
    },
    links: [{ between: ['server 10.0.0.1/24', 'clients 10.0.0.2/24'], delay: 5 * MS, rate }],
  })
}

/** Fails when an application has. */
export function sound(world: World): World {
  assert.deepEqual(
    world.happened('app:failed').map(({ data }) => data),
    [],
  )
  return world
}

export const datas = (events: readonly HappenedEvent[]): unknown[] => events.map(({ data }) => data)
