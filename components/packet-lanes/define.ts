import { PacketLanes } from './packet-lanes.ts'

if (customElements.get('packet-lanes') === undefined) customElements.define('packet-lanes', PacketLanes)

declare global {
  interface HTMLElementTagNameMap {
    'packet-lanes': PacketLanes
  }
}
