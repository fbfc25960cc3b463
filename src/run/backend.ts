import { releaseProxy, wrap } from 'comlink'
import type { ResolvedScenario } from '../scenario/resolved.ts'
import { Director, type DirectorOptions } from './director.ts'
import { DirectorService, type DirectorApi } from './director-service.ts'
import type { DirectorSetup } from './director-setup.ts'
import type { HostSetup } from './host-messages.ts'
import { InlineHosts } from './inline-hosts.ts'
import { withPacketsStruck } from './packet-strikes.ts'
import { spawnWorker, WorkersRefused } from './spawn.ts'

export type Placement = 'workers' | 'inline'

/** A director, wherever it is, with all its hosts. */
export interface Backend {
  readonly placement: Placement
  readonly api: DirectorApi
  /** Told when a worker dies later on. */
  onFailure: ((why: string) => void) | undefined
}

/** Places a run in workers, one for each host, or one for all where there is a crowd; or in this thread where workers are refused (or were not asked for). */
export async function startBackend(written: ResolvedScenario, options: DirectorOptions, preferred: Placement): Promise<Backend> {
  const scenario = withPacketsStruck(written, options.interventions)
  if (preferred === 'workers') {
    try {
      return await startWorkers(scenario, options)
    } catch (error) {
      // The page works all the same, so there is nothing to alarm anybody about.
      if (!(error instanceof WorkersRefused)) throw error
    }
  }
  const director = new Director(scenario, options)
  const hosts = new InlineHosts(scenario, options.seed, director)
  return { placement: 'inline', api: new DirectorService(director, hosts), onFailure: undefined }
}

async function startWorkers(scenario: ResolvedScenario, options: DirectorOptions): Promise<Backend> {
  const workers: Worker[] = []
  const stop = (): void => {
    for (const worker of workers) worker.terminate()
  }
  try {
    const start = async (): Promise<Worker> => {
      const worker = await spawnWorker()
      workers.push(worker)
      return worker
    }
    // The first one finds out whether workers can be had; the others come at once.
    const director = await start()
    const controls = hasCrowd(scenario) ? undefined : await startHosts(scenario, options.seed, start)
    const page = new MessageChannel()
    await started(director, { scenario, options, page: page.port2, ...(controls && { controls }) })
    const remote = wrap<DirectorApi>(page.port1)
    const backend: Backend = {
      placement: 'workers',
      onFailure: undefined,
      api: {
        advance: (limit) => remote.advance(limit),
        advanceToNext: (limit) => remote.advanceToNext(limit),
        intervene: (action) => remote.intervene(action),
        inspect: (frame) => remote.inspect(frame),
        capture: (choice) => remote.capture(choice),
        qlog: () => remote.qlog(),
        dispose: () => {
          remote[releaseProxy]()
          stop()
        },
      },
    }
    for (const worker of workers) {
      worker.onerror = (event) => {
        event.preventDefault()
        backend.onFailure?.(event.message)
      }
    }
    return backend
  } catch (error) {
    stop()
    throw error
  }
}

/**
 * Whether a host stands for many. Then all hosts are in the director's worker: from thousands there is something new at every lookahead, so that
 * threads would wait for each other most of the time, and what they wait costs more than what they do.
 */
function hasCrowd({ hosts }: ResolvedScenario): boolean {
  return hosts.some(({ replicas }) => replicas !== undefined)
}

/** Each host in a worker of its own, with a channel for each link. Gives the director's ports to them. */
async function startHosts(scenario: ResolvedScenario, seed: number, start: () => Promise<Worker>): Promise<MessagePort[]> {
  const hosts = await Promise.all(scenario.hosts.map(() => start()))
  const links = scenario.links.map(() => new MessageChannel())
  return scenario.hosts.map(({ interfaces }, host) => {
    const ends = interfaces.map(({ link, end }) => {
      const { port1, port2 } = links[link]
      return end === 0 ? port1 : port2
    })
    const { port1, port2: control } = new MessageChannel()
    const setup: HostSetup = { scenario, host, seed, links: ends, control }
    hosts[host]?.postMessage(setup, [...ends, control])
    return port1
  })
}

function started(director: Worker, setup: DirectorSetup): Promise<void> {
  return new Promise((resolve, reject) => {
    director.onmessage = ({ data }: MessageEvent<{ failure?: string }>) => {
      director.onmessage = null
      if (data.failure === undefined) resolve()
      else reject(new Error(data.failure))
    }
    director.postMessage(setup, [...(setup.controls ?? []), setup.page])
  })
}
