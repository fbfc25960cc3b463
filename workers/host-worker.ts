import { HostServer } from '../src/run/host-server.ts'
import type { HostSetup } from '../src/run/host-messages.ts'
import { READY } from '../src/run/ready.ts'

// One simulated host in a worker of its own. The first message says which; then it talks through its ports only.
self.onmessage = ({ data }: MessageEvent<HostSetup>) => {
  self.onmessage = null
  new HostServer(data)
}
self.postMessage(READY)
