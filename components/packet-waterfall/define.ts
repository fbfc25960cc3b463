import { PacketWaterfall } from './packet-waterfall.ts'

if (customElements.get('packet-waterfall') === undefined) customElements.define('packet-waterfall', PacketWaterfall)

declare global {
  interface HTMLElementTagNameMap {
    'packet-waterfall': PacketWaterfall
  }
}
