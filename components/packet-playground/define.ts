import '../packet-claims/define.ts'
import '../packet-events/define.ts'
import '../packet-faults/define.ts'
import '../packet-inspector/define.ts'
import '../packet-knobs/define.ts'
import '../packet-lesson/define.ts'
import '../packet-stage/define.ts'
import '../packet-transport/define.ts'
import { CaptureMenu } from './capture-menu.ts'
import { PacketPlayground } from './packet-playground.ts'

if (customElements.get('packet-capture-menu') === undefined) customElements.define('packet-capture-menu', CaptureMenu)
if (customElements.get('packet-playground') === undefined) customElements.define('packet-playground', PacketPlayground)

declare global {
  interface HTMLElementTagNameMap {
    'packet-capture-menu': CaptureMenu
    'packet-playground': PacketPlayground
  }
}
