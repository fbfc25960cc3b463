import { expose } from 'comlink'
import { startDirector, type DirectorSetup } from '../src/run/director-setup.ts'
import type { HostSetup } from '../src/run/host-messages.ts'
import { HostServer } from '../src/run/host-server.ts'
import { READY } from '../src/run/ready.ts'

// A worker: of one simulated host, or of the director, with the hosts or without. The first message says which; then it talks through its
// ports only.
self.onmessage = ({ data }: MessageEvent<HostSetup | DirectorSetup>) => {
  self.onmessage = null
  if ('host' in data) {
    new HostServer(data)
    return
  }
  startDirector(data).then(
    (service) => {
      expose(service, data.page)
      self.postMessage({ started: true })
    },
    (error: unknown) => {
      self.postMessage({ failure: error instanceof Error ? error.message : String(error) })
    },
  )
}
self.postMessage(READY)
