import { PacketCrowd } from './packet-crowd.ts'

if (customElements.get('packet-crowd') === undefined) customElements.define('packet-crowd', PacketCrowd)

declare global {
  interface HTMLElementTagNameMap {
    'packet-crowd': PacketCrowd
  }
}
