import type { ResolvedScenario } from '../scenario/resolved.ts'
import { Director, type DirectorOptions } from './director.ts'
import { DirectorService } from './director-service.ts'
import { InlineHosts } from './inline-hosts.ts'
import { RemoteHosts } from './remote-hosts.ts'

/** The first message to the director's worker. */
export interface DirectorSetup {
  readonly scenario: ResolvedScenario
  readonly options: DirectorOptions
  /** To each host, by index; absent: all of them are in the director's own thread. */
  readonly controls?: readonly MessagePort[]
  /** To the page; speaks Comlink. */
  readonly page: MessagePort
}

/** Waits for all hosts to be on. */
export async function startDirector({ scenario, options, controls }: DirectorSetup): Promise<DirectorService> {
  const director = new Director(scenario, options)
  const hosts =
    controls === undefined
      ? new InlineHosts(scenario, options.seed, director)
      : await RemoteHosts.connect(scenario, director, controls)
  return new DirectorService(director, hosts)
}
