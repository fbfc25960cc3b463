import { expose } from 'comlink'
import type { DirectorSetup } from '../src/run/director-setup.ts'
import { startDirector } from '../src/run/director-setup.ts'
import { READY } from '../src/run/ready.ts'

// The director in a worker of its own: the conductor, the recorder, and the ports to all hosts.
self.onmessage = ({ data }: MessageEvent<DirectorSetup>) => {
  self.onmessage = null
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
