import { PacketHex } from './packet-hex.ts'
import { PacketInspector } from './packet-inspector.ts'

if (customElements.get('packet-hex') === undefined) customElements.define('packet-hex', PacketHex)
if (customElements.get('packet-inspector') === undefined) customElements.define('packet-inspector', PacketInspector)

declare global {
  interface HTMLElementTagNameMap {
    'packet-hex': PacketHex
    'packet-inspector': PacketInspector
  }
}
