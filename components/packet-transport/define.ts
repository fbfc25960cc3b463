import { PacketTransport } from './packet-transport.ts'

if (customElements.get('packet-transport') === undefined) customElements.define('packet-transport', PacketTransport)

declare global {
  interface HTMLElementTagNameMap {
    'packet-transport': PacketTransport
  }
}
