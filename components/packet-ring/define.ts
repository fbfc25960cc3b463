import { PacketRing } from './packet-ring.ts'

if (customElements.get('packet-ring') === undefined) customElements.define('packet-ring', PacketRing)

declare global {
  interface HTMLElementTagNameMap {
    'packet-ring': PacketRing
  }
}
