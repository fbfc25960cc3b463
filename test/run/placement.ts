import { createHash } from 'node:crypto'
import { Director } from '../../src/run/director.ts'
import { HostServer } from '../../src/run/host-server.ts'
import { RemoteHosts } from '../../src/run/remote-hosts.ts'
import type { FrameRecord } from '../../src/trace/record.ts'
import { exportPcapng } from '../../src/trace/pcapng-export.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'

/** All hosts behind real message channels, as in workers, but in this thread. */
export async function connectHosts(scenario: ResolvedScenario, director: Director, seed: number) {
  const links = scenario.links.map(() => new MessageChannel())
  const controls = scenario.hosts.map(() => new MessageChannel())
  scenario.hosts.forEach(({ interfaces }, host) => {
    const ends = interfaces.map(({ link, end }) => (end === 0 ? links[link].port1 : links[link].port2))
    // As in a worker, a host has nothing of the page's own objects.
    const { port2: control } = controls[host]
    new HostServer({ scenario: structuredClone(scenario), host, seed, links: ends, control })
  })
  const close = (): void => {
    for (const { port1, port2 } of [...links, ...controls]) {
      port1.close()
      port2.close()
    }
  }
  try {
    const hosts = await RemoteHosts.connect(
      scenario,
      director,
      controls.map(({ port1 }) => port1),
    )
    return { hosts, close }
  } catch (error) {
    close()
    throw error
  }
}

/** Runs a scenario with every host behind message channels. */
export async function runRemote(
  scenario: ResolvedScenario,
  options: { seed?: number; interventions?: readonly Intervention[]; until?: number; traceLimit?: number } = {},
): Promise<Director> {
  const { seed = scenario.seed, until = scenario.duration, ...others } = options
  const director = new Director(scenario, { seed, ...others })
  const { hosts, close } = await connectHosts(scenario, director, seed)
  try {
    const settle = (): void => {
      hosts.settle()
    }
    for (let step = director.next(until, settle); step !== undefined; step = director.next(until, settle))
      await hosts.perform(step)
    hosts.settle()
  } finally {
    close()
  }
  return director
}

/** A frame's record as it stands now, with the conversation by name. */
export function plain(frame: FrameRecord, connections: readonly string[]) {
  const { number, id, link, direction, from, to, enqueued, sent, arrives, fate, fateAt, length, corrupted, duplicate, mark } =
    frame
  const { kind, cause, connection } = frame
  const when = { enqueued, sent, arrives, fate, fateAt }
  const what = { length, corrupted, duplicate, mark, kind, cause, connection: connections[connection] }
  return { number, id, link, direction, from, to, ...when, ...what }
}

/** Everything that a run tells, small enough to compare. */
export function summaryOf(director: Director) {
  const { scenario, recorder, store } = director
  const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
  return {
    captures: [{ kind: 'links' } as const, ...scenario.hosts.map(({ name }) => ({ kind: 'host', host: name }) as const)].map(
      (vantage) => sha256(exportPcapng(scenario, recorder, vantage)),
    ),
    frames: [...store.frames()].map((frame) => plain(frame, store.connections)),
    events: structuredClone(store.events),
    connections: [...store.connections],
    log: [...director.log],
    refused: director.refused.map(({ intervention, why }) => ({ intervention, why })),
    thinned: { bytes: store.thinnedBytes, firstKept: store.firstKept, events: store.thinnedEvents },
    ends: [director.horizon, director.lasted, director.over, director.nextTime],
    state: director.state.snapshot(),
  }
}
