import { Worker, type Transferable } from 'node:worker_threads'
import { Director, type DirectorOptions } from '../run/director.ts'
import type { HostSetup } from '../run/host-messages.ts'
import { withPacketsStruck } from '../run/packet-strikes.ts'
import { RemoteHosts } from '../run/remote-hosts.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'

/** Lets a script that was written for a web worker run in a thread of Node. */
const BROWSER_SCOPE = `
const { parentPort } = require('node:worker_threads')
globalThis.self = globalThis
globalThis.postMessage = (message) => parentPort.postMessage(message)
parentPort.on('message', (data) => globalThis.onmessage?.({ data }))
`

/**
 * Places every host in a thread of its own; the director stays in this one.
 * @param script text of the host worker
 */
export async function startThreads(
  written: ResolvedScenario,
  options: DirectorOptions,
  script: string,
): Promise<{ director: Director; hosts: RemoteHosts; stop: () => Promise<void> }> {
  const scenario = withPacketsStruck(written, options.interventions)
  const director = new Director(scenario, options)
  const links = scenario.links.map(() => new MessageChannel())
  const controls = scenario.hosts.map(() => new MessageChannel())
  const threads = scenario.hosts.map(({ interfaces }, host) => {
    const thread = new Worker(BROWSER_SCOPE + script, { eval: true })
    const ends = interfaces.map(({ link, end }) => {
      const { port1, port2 } = links[link]
      return end === 0 ? port1 : port2
    })
    const control = controls[host].port2
    const setup: HostSetup = { scenario, host, seed: options.seed, links: ends, control }
    // The types of the browser's port and of Node's differ; the object is one and the same.
    thread.postMessage(setup, [...ends, control] as unknown as Transferable[])
    return thread
  })
  const broken = new Promise<never>((_, reject) => {
    for (const thread of threads) thread.on('error', reject)
  })
  const hosts = await Promise.race([
    RemoteHosts.connect(
      scenario,
      director,
      controls.map(({ port1 }) => port1),
    ),
    broken,
  ])
  return {
    director,
    hosts,
    stop: async () => {
      hosts.dispose()
      await Promise.all(threads.map((thread) => thread.terminate()))
    },
  }
}
