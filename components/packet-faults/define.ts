import { HostControls } from './host-controls.ts'
import { LinkControls } from './link-controls.ts'
import { PacketFaults } from './packet-faults.ts'
import { TargetMenu } from './target-menu.ts'

if (customElements.get('packet-host-controls') === undefined) customElements.define('packet-host-controls', HostControls)
if (customElements.get('packet-link-controls') === undefined) customElements.define('packet-link-controls', LinkControls)
if (customElements.get('packet-target-menu') === undefined) customElements.define('packet-target-menu', TargetMenu)
if (customElements.get('packet-faults') === undefined) customElements.define('packet-faults', PacketFaults)

declare global {
  interface HTMLElementTagNameMap {
    'packet-faults': PacketFaults
    'packet-host-controls': HostControls
    'packet-link-controls': LinkControls
    'packet-target-menu': TargetMenu
  }
}
